/*
 * imap/status.c: STATUS (RFC 3501 6.3.10, RFC 7162 3.1.7, RFC 8438, RFC 9051 6.3.11): counters that the store keeps, so
 * it costs the same whatever the mailbox holds; DELETED-STORAGE alone (RFC 9208 4.1.4) reads rows, if any is marked
 * \Deleted.
 *
 * Tested   tests/e2e/test_imap.py, test_cap_list_extended.py, test_cap_quota.py, test_cap_objectid.py
 */
#include "imap/status.h"
#include "imap/place.h"
#include "store/seen.h"

enum status_item {
    STATUS_MESSAGES,
    STATUS_RECENT,
    STATUS_UIDNEXT,
    STATUS_UIDVALIDITY,
    STATUS_UNSEEN,
    STATUS_HIGHESTMODSEQ,
    STATUS_DELETED,
    STATUS_SIZE,
    STATUS_DELETED_STORAGE, /* RFC 9208 4.1.4 */
    STATUS_APPENDLIMIT,     /* RFC 7889 3.1 */
    STATUS_MAILBOXID,       /* RFC 8474 4.3 */
    STATUS_ITEMS
};
static const char *const item_names[STATUS_ITEMS] = {"MESSAGES",        "RECENT",        "UIDNEXT",  "UIDVALIDITY",
                                                     "UNSEEN",          "HIGHESTMODSEQ", "DELETED",  "SIZE",
                                                     "DELETED-STORAGE", "APPENDLIMIT",   "MAILBOXID"};

struct status {
    struct view name;
    bool valid;
    struct status_items items;
};

/* ---- items ---- */

static bool take_item(struct arguments *a, struct status_items *items)
{
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    for (unsigned i = 0; i < STATUS_ITEMS; i++) {
        if (!view_equal_string_nocase(word, item_names[i]))
            continue;
        if (!(items->seen & (1u << i)))
            items->items[items->count++] = (uint8_t)i;
        items->seen |= 1u << i;
        return true;
    }
    a->problem = "Unknown item of STATUS";
    return false;
}

bool status_items_parse(struct arguments *a, struct status_items *items)
{
    if (!arguments_take(a, '(')) {
        a->problem = "A list of items is expected";
        return false;
    }
    do {
        if (!take_item(a, items))
            return false;
    } while (arguments_take(a, ' '));
    if (arguments_take(a, ')'))
        return true;
    a->problem = "The list of items doesn't end";
    return false;
}

void status_items_enable(struct imap *imap, const struct status_items *items)
{
    if (items->seen & (1u << STATUS_HIGHESTMODSEQ))
        imap->enabled |= ENABLED_CONDSTORE;
}

/* STORE_MORE: *result_r says how to go on. */
static enum store_error sum_deleted(struct imap *imap, struct status_items *items, const struct reader *reader,
                                    uint32_t mailbox, struct step_context *context, enum step_result *result_r)
{
    struct row_cursor *cursor = row_cursor_new(reader, mailbox);
    struct message_rows rows = {.at_end = false};
    enum store_error error = STORE_OK;
    while (!error && !rows.at_end) {
        error = row_cursor_rows(cursor, items->next_uid, &rows);
        if (error)
            break;
        for (size_t i = 0; i < rows.count; i++)
            if (rows.rows[i].flags & FLAG_DELETED)
                items->deleted_octets += rows.rows[i].size_octets;
        if (rows.count)
            items->next_uid = rows.rows[rows.count - 1].uid + 1;
        if (!rows.at_end && imap_slice_over(imap, context, result_r))
            error = STORE_MORE;
    }
    row_cursor_free(&cursor);
    return error;
}

enum step_result status_count(struct imap *imap, struct status_items *items, const struct reader *reader,
                              const struct mailbox *m, struct step_context *context, enum store_error *error_r)
{
    enum step_result result = STEP_DONE;
    *error_r = STORE_OK;
    if (reader->seen_by && m->id && (items->seen & (1u << STATUS_UNSEEN)) && !items->unseen_known) {
        *error_r = seen_count_unseen(reader, m->id, &items->unseen);
        if (*error_r == STORE_WOULD_BLOCK)
            return imap_wait_pool(context);
        items->unseen_known = !*error_r;
    }
    if (!m->deleted || !(items->seen & (1u << STATUS_DELETED_STORAGE)))
        return STEP_DONE;
    *error_r = sum_deleted(imap, items, reader, m->id, context, &result);
    if (*error_r == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (*error_r == STORE_MORE)
        *error_r = STORE_OK;
    return result;
}

void status_write(struct imap *imap, const struct status_items *items, struct view name, const struct mailbox *m)
{
    const uint64_t values[STATUS_ITEMS] = {m->messages,
                                           0,
                                           m->uidnext,
                                           m->uidvalidity,
                                           items->unseen_known ? items->unseen : m->unseen,
                                           m->highestmodseq,
                                           m->deleted,
                                           m->octets,
                                           items->deleted_octets,
                                           LIMIT_MESSAGE_OCTETS};
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* STATUS ");
    imap_write_mailbox(imap, out, name);
    for (size_t i = 0; i < items->count; i++) {
        buffer_append_string(out, i ? " " : " (");
        buffer_append_string(out, item_names[items->items[i]]);
        buffer_append_char(out, ' ');
        if (items->items[i] == STATUS_MAILBOXID)
            buffer_printf(out, "(M%llx)", (unsigned long long)m->mailbox_id);
        else
            buffer_append_u64(out, values[items->items[i]]);
    }
    buffer_append_string(out, ")\r\n");
}

/* ---- the command ---- */

bool status_parse(struct imap *imap, struct arguments *a)
{
    struct status *status = ARENA_NEW(a->arena, struct status);
    imap->state = status;
    return arguments_space(a) && arguments_mailbox(a, &status->name, &status->valid) && arguments_space(a) &&
           status_items_parse(a, &status->items) && arguments_end(a);
}

enum step_result status_step(struct imap *imap, struct step_context *context)
{
    struct status *status = imap->state;
    struct place place;
    enum store_error error;
    enum step_result result =
        place_find_mailbox(imap, context, status->name, status->valid, RIGHT_READ, &place, &error);
    struct reader reader = place_reader(imap, context, &place);
    if (result == STEP_DONE && !error)
        result = status_count(imap, &status->items, &reader, &place.mailbox, context, &error);
    if (result != STEP_DONE)
        return result;
    if (error) {
        imap_finish_error(imap, error);
        return STEP_DONE;
    }
    status_items_enable(imap, &status->items);
    status_write(imap, &status->items, status->name, &place.mailbox);
    imap_finish(imap, "OK", NULL, "Status completed");
    return STEP_DONE;
}
