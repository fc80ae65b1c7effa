/*
 * store/keyword.c: keywords: numbers within an account, names as first written, compared without case.
 *
 * Called   txn functions inside mutation.run; keyword_names and keyword_used on any thread.
 * Tested   tests/unit/store_model.c
 */
#include "base/limits.h"
#include "store/private.h"

/* Row K: the names, one after the other; the number of a keyword is its position. */
static enum store_error read_names(struct view row, struct view *names, size_t *count_r)
{
    bool good = true;
    size_t count = 0;
    while (row.size && good && count < KEYWORD_MAX)
        names[count++] = row_read_view(&row, &good);
    *count_r = count;
    return good && !row.size ? STORE_OK : STORE_CORRUPT;
}

enum store_error keyword_names(const struct reader *reader, struct arena *arena, struct view **names_r, size_t *count_r)
{
    struct key key = key_kind('K');
    struct buffer row = {0};
    *names_r = NULL;
    *count_r = 0;
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &row);
    if (!err) {
        struct view copy = arena_view(arena, buffer_view(&row));
        *names_r = ARENA_ARRAY(arena, KEYWORD_MAX, struct view);
        err = read_names(copy, *names_r, count_r);
    } else if (err == STORE_NOT_FOUND) {
        err = STORE_OK;
    }
    buffer_free(&row);
    return err;
}

enum store_error keyword_used(const struct reader *reader, uint32_t mailbox, struct keywords *used_r)
{
    struct key key = key_1('W', mailbox);
    struct buffer row = {0};
    *used_r = (struct keywords){{0}};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &row);
    struct view rest = buffer_view(&row);
    bool good = true;
    for (unsigned w = 0; !err && w < 4; w++)
        used_r->bits[w] = row_read_u64(&rest, &good);
    buffer_free(&row);
    return err == STORE_NOT_FOUND ? STORE_OK : err ? err : good ? STORE_OK : STORE_CORRUPT;
}

/* RFC 9051 9 flag-keyword = atom. */
static bool good_keyword(struct view name)
{
    if (!name.size || name.size > (size_t)LIMIT_KEYWORD_OCTETS)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 127 || strchr("(){%*\"\\]", name.data[i]))
            return false;
    return true;
}

/* Which of the wanted names stand in row K; with create the others are added to it. */
enum store_error keyword_set(struct txn *txn, const struct view *wanted, size_t count, bool create,
                             struct keywords *set_r)
{
    struct key key = key_kind('K');
    struct view row, *names;
    size_t have = 0;
    bool added = false;
    *set_r = (struct keywords){{0}};
    if (!count)
        return STORE_OK;
    names = ARENA_ARRAY(txn_arena(txn), KEYWORD_MAX, struct view);
    enum store_error err = txn_get(txn, key_view(&key), &row);
    if (!err)
        err = read_names(arena_view(txn_arena(txn), row), names, &have);
    else if (err == STORE_NOT_FOUND)
        err = STORE_OK;
    for (size_t i = 0; !err && i < count; i++) {
        size_t number = 0;
        while (number < have && !view_equal_nocase(names[number], wanted[i]))
            number++;
        if (number == have && !create)
            continue;
        if (number == have) {
            if (have == KEYWORD_MAX || !good_keyword(wanted[i]))
                return STORE_LIMIT;
            names[have++] = wanted[i];
            added = true;
        }
        set_r->bits[number / 64] |= 1ull << (number % 64);
    }
    if (err || !added)
        return err;
    struct buffer value = {0};
    for (size_t i = 0; i < have; i++)
        row_view(&value, names[i]);
    return txn_put_row(txn, &key, &value);
}

enum store_error keyword_intern(struct txn *txn, struct view name, unsigned *number_r)
{
    struct keywords set;
    enum store_error err = keyword_set(txn, &name, 1, true, &set);
    for (unsigned k = 0; !err && k < KEYWORD_MAX; k++)
        if (set.bits[k / 64] & (1ull << (k % 64)))
            *number_r = k;
    return err;
}

enum store_error keyword_mark_used(struct txn *txn, uint32_t mailbox, const struct keywords *keywords)
{
    struct key key = key_1('W', mailbox);
    struct view row = VIEW_EMPTY;
    uint64_t used[4] = {0};
    bool good = true, more = false;
    if (!(keywords->bits[0] | keywords->bits[1] | keywords->bits[2] | keywords->bits[3]))
        return STORE_OK;
    enum store_error err = txn_get(txn, key_view(&key), &row);
    if (err && err != STORE_NOT_FOUND)
        return err;
    for (unsigned w = 0; w < 4; w++) {
        used[w] = err ? 0 : row_read_u64(&row, &good);
        more = more || (keywords->bits[w] & ~used[w]);
        used[w] |= keywords->bits[w];
    }
    if (!more || !good)
        return good ? STORE_OK : STORE_CORRUPT;
    struct buffer value = {0};
    for (unsigned w = 0; w < 4; w++)
        row_u64(&value, used[w]);
    return txn_put_row(txn, &key, &value);
}
