/*
 * store/path.c: whole names of mailboxes, from the last level up.
 *
 * Called   mailbox_path on any thread; txn_mailbox_path inside mutation.run.
 * Limits   LIMIT_MAILBOX_DEPTH steps, whatever the rows say.
 * Tested   tests/unit/store_retention.c
 */
#include "base/limits.h"
#include "store/private.h"

struct view path_join(struct arena *arena, const struct view *levels, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += levels[i].size + 1;
    char *path = arena_new(arena, size + 1), *to = path;
    while (count-- > 0) {
        view_copy(to, levels[count]);
        to += levels[count].size;
        if (count)
            *to++ = '/';
    }
    return view_of(path, (size_t)(to - path));
}

enum store_error mailbox_path(const struct reader *reader, struct arena *arena, uint32_t id, struct view *path_r)
{
    struct view levels[LIMIT_MAILBOX_DEPTH] = {{0}};
    size_t count = 0;
    while (id && count < LIMIT_MAILBOX_DEPTH) {
        struct mailbox mailbox;
        enum store_error err = mailbox_read(reader, arena, id, &mailbox);
        if (err)
            return err;
        levels[count++] = mailbox.name;
        id = mailbox.parent;
    }
    *path_r = path_join(arena, levels, count);
    return STORE_OK;
}

enum store_error txn_mailbox_path(struct txn *txn, uint32_t id, struct view *path_r)
{
    struct view levels[LIMIT_MAILBOX_DEPTH] = {{0}};
    size_t count = 0;
    while (id && count < LIMIT_MAILBOX_DEPTH) {
        struct mailbox_row row;
        enum store_error err = txn_mailbox_row(txn, id, &row);
        if (err)
            return err;
        levels[count++] = row.name;
        id = row.parent;
    }
    *path_r = path_join(txn_arena(txn), levels, count);
    return STORE_OK;
}
