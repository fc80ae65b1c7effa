/*
 * store/changes.c: what happened in a mailbox since a modseq, from the change log (RFC 7162 3.1, 3.2).
 *
 * Called   by sessions and the UID cache, on any thread.
 * Tested   tests/unit/store_model.c
 */
#include "store/private.h"

struct log_scan {
    struct uidset *changed, *vanished;
    uint64_t last, up_to;
    bool bad;
};

static bool take_change(void *ctx, struct view key, struct view value)
{
    struct log_scan *scan = ctx;
    struct view rest = view_skip(key, 1);
    uint32_t mailbox;
    uint64_t modseq;
    if (!key_read_u32(&rest, &mailbox) || !key_read_u64(&rest, &modseq)) {
        scan->bad = true;
        return false;
    }
    if (modseq > scan->up_to)
        return false;
    scan->last = modseq;
    scan->bad = !change_read(value, scan->changed, scan->vanished);
    return !scan->bad;
}

static enum store_error scan_log(const struct reader *reader, uint32_t mailbox, uint64_t since, struct log_scan *scan)
{
    struct key all = key_1('L', mailbox), end = key_after(&all);
    bool more = true;
    scan->last = since;
    while (more) {
        struct key first = key_1('L', mailbox);
        key_u64(&first, scan->last + 1);
        uint64_t before = scan->last;
        enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first),
                                           key_view(&end), take_change, scan, &more);
        if (err)
            return err;
        if (scan->bad)
            return STORE_CORRUPT;
        if (scan->last == before)
            break;
    }
    return STORE_OK;
}

enum store_error changes_read(const struct reader *reader, uint32_t mailbox, uint64_t since, struct changes *changes_r)
{
    *changes_r = (struct changes){0};
    enum store_error err = mailbox_read(reader, NULL, mailbox, &changes_r->now);
    if (err)
        return err;
    changes_r->up_to = changes_r->now.highestmodseq;
    changes_r->changed = uidset_new();
    changes_r->vanished = uidset_new();
    if (since < changes_r->up_to) {
        struct log_scan scan = {
            .changed = changes_r->changed, .vanished = changes_r->vanished, .up_to = changes_r->up_to};
        err = scan_log(reader, mailbox, since, &scan);
    }
    if (err) {
        changes_free(changes_r);
        return err;
    }
    uidset_remove_set(changes_r->changed, changes_r->vanished);
    return STORE_OK;
}

enum store_error changes_of_flags(const struct reader *reader, uint32_t mailbox, uint64_t since, uint64_t until,
                                  struct uidset **changed_r)
{
    struct log_scan scan = {.changed = uidset_new(), .vanished = uidset_new(), .up_to = until};
    enum store_error err = since < until ? scan_log(reader, mailbox, since, &scan) : STORE_OK;
    uidset_unref(&scan.vanished);
    if (err)
        uidset_unref(&scan.changed);
    *changed_r = scan.changed;
    return err;
}

void changes_free(struct changes *changes)
{
    uidset_unref(&changes->vanished);
    uidset_unref(&changes->changed);
}
