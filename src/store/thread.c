/*
 * store/thread.c: threads by Message-ID, In-Reply-To, References and base subject (RFC 8621 3).
 *
 * Row T, by the hash of a Message-ID and of the base subject: the thread. Row H: the emails of a thread.
 * Called   thread_assign and thread_forget inside mutation.run; thread_emails on any thread.
 * Tested   tests/unit/store_model.c
 */
#include "base/limits.h"
#include "store/private.h"
#include <xxhash.h>

static struct key thread_key(uint64_t id_hash, uint64_t subject_hash)
{
    struct key key = key_begin('T');
    key_u64(&key, id_hash ^ subject_hash);
    return key;
}

static struct key member_key(uint64_t thread, uint64_t email)
{
    struct key key = key_begin('H');
    key_u64(&key, thread);
    key_u64(&key, email);
    return key;
}

static enum store_error put_thread(struct txn *txn, const struct key *key, uint64_t thread)
{
    struct buffer value = {0};
    row_u64(&value, thread);
    return txn_put_row(txn, key, &value);
}

enum store_error thread_assign(struct txn *txn, const struct digest *digest, uint64_t email, uint64_t *thread_r)
{
    uint64_t subject = XXH3_64bits(digest->sort_subject.data, digest->sort_subject.size), thread = 0;
    uint64_t ids[LIMIT_REFERENCES + 1], unknown[LIMIT_REFERENCES + 1];
    size_t count = 0, missing = 0;
    if (digest->message_id_hash)
        ids[count++] = digest->message_id_hash;
    /* The last references are the nearest ones. */
    uint32_t first = digest->reference_count > LIMIT_REFERENCES ? digest->reference_count - LIMIT_REFERENCES : 0;
    for (uint32_t i = first; i < digest->reference_count; i++)
        if (digest_reference_at(digest, i) != digest->message_id_hash)
            ids[count++] = digest_reference_at(digest, i);
    for (size_t i = 0; i < count && i <= LIMIT_REFERENCES; i++) {
        struct key key = thread_key(ids[i], subject);
        struct view value;
        bool good = true;
        enum store_error err = txn_get(txn, key_view(&key), &value);
        if (err && err != STORE_NOT_FOUND)
            return err;
        if (err)
            unknown[missing++] = ids[i];
        else if (!thread)
            thread = row_read_u64(&value, &good);
    }
    *thread_r = thread ? thread : email;
    for (size_t i = 0; i < missing; i++) {
        struct key key = thread_key(unknown[i], subject);
        enum store_error err = put_thread(txn, &key, *thread_r);
        if (err)
            return err;
    }
    struct key member = member_key(*thread_r, email);
    return txn_put(txn, key_view(&member), VIEW_LITERAL("1"));
}

enum store_error thread_forget(struct txn *txn, uint64_t thread, uint64_t email)
{
    struct key member = member_key(thread, email);
    return txn_delete(txn, key_view(&member));
}

struct members {
    struct arena *arena;
    uint64_t *numbers;
    size_t count;
};

static bool take_member(void *ctx, struct view key, struct view value)
{
    struct members *m = ctx;
    struct view rest = view_skip(key, 1);
    uint64_t thread;
    if (key_read_u64(&rest, &thread) && key_read_u64(&rest, &m->numbers[m->count]))
        m->count++;
    return m->count < ENGINE_SCAN_MAX;
}

enum store_error thread_emails(const struct reader *reader, struct arena *arena, uint64_t thread, uint64_t **numbers_r,
                               size_t *count_r)
{
    struct members m = {.arena = arena, .numbers = ARENA_ARRAY(arena, ENGINE_SCAN_MAX, uint64_t)};
    struct key first = key_begin('H');
    key_u64(&first, thread);
    struct key end = key_after(&first);
    enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first),
                                       key_view(&end), take_member, &m, NULL);
    *numbers_r = m.numbers;
    *count_r = m.count;
    return err;
}
