/*
 * imap/fetch.c: FETCH walks its messages (RFC 3501 6.4.5): a chunk of rows at a time, each row a response.
 *
 * Does     marks a chunk's messages \Seen before it sends their bodies; serves from retention what another session
 *          expunged (RFC 2180 4.1); stops at the end of its slice, anywhere, even inside a literal.
 * Called   by engine.c, on the loop, and on a pool thread when something isn't in memory.
 * Tested   tests/e2e/test_imap.py
 */
#include "imap/fetch.h"
#include "base/memory.h"
#include "imap/messagelimit.h"
#include "imap/place.h"
#include "imap/resync.h"

/* Rows, and what stands in records, take less time than a look at the clock; bodies may not be in memory. */
enum { MESSAGES_A_LOOK = 16 };

/* What a step reads with. */
struct fetch_reading {
    struct reader reader;
    struct row_cursor *rows;
    struct email_cursor *emails; /* null: no record is needed */
};

/* ---- the next message ---- */

/* 0: there are no more. */
static uint32_t next_of_set(struct fetch *f)
{
    if (!f->next_uid)
        return 0;
    if (!f->downwards)
        return uidset_next_near(f->set, &f->in_set, f->next_uid);
    uint32_t rank = uidset_rank(f->set, f->next_uid);
    return rank ? uidset_select(f->set, rank) : 0;
}

static void pass(struct fetch *f, uint32_t uid)
{
    f->next_uid = f->downwards ? uid - 1 : uid + 1;
    f->has_email = false;
    f->tell_flags = false;
}

/* Downwards the whole chunk is read: the next ones are in it. */
static enum store_error load_rows(struct imap *imap, struct fetch *f, const struct fetch_reading *reading, uint32_t uid)
{
    uint32_t from = f->downwards ? (uid - 1) / CHUNK_ROWS * CHUNK_ROWS + 1 : uid;
    enum store_error error = row_cursor_rows(reading->rows, from, &f->rows);
    if (!error)
        error = imap_names_for_rows(imap, &reading->reader, &f->rows, &f->names, &f->name_count);
    f->rows_valid = !error;
    f->rows_from = from;
    f->row_at = 0;
    return error;
}

/* True if the rows in hand say of this UID whether it is there. */
static bool rows_cover(const struct fetch *f, uint32_t uid)
{
    if (!f->rows_valid || uid < f->rows_from)
        return false;
    return f->rows.at_end || (f->rows.count && uid <= f->rows.rows[f->rows.count - 1].uid);
}

static const struct message_row *find_row(struct fetch *f, uint32_t uid)
{
    if (f->downwards)
        f->row_at = 0;
    while (f->row_at < f->rows.count && f->rows.rows[f->row_at].uid < uid)
        f->row_at++;
    return f->row_at < f->rows.count && f->rows.rows[f->row_at].uid == uid ? &f->rows.rows[f->row_at] : NULL;
}

/* The row of a UID: now, or as it was when another session expunged it. STORE_EXPUNGED. */
static enum store_error take_row(struct imap *imap, struct fetch *f, const struct reader *reader, uint32_t uid)
{
    const struct message_row *row = find_row(f, uid);
    bool expunged;
    if (row) {
        f->row = *row;
        return STORE_OK;
    }
    enum store_error error = message_row(reader, imap->selected.mailbox, uid, &f->row, &expunged);
    return error ? error : imap_names_for(imap, reader, &f->row.keywords, &f->names, &f->name_count);
}

/* The client's number of a UID. Most of a mailbox is one run. */
static uint32_t number_of(struct imap *imap, struct fetch *f, uint32_t uid)
{
    if (uid < f->run_first || uid > f->run_last || !f->run_first) {
        if (!uidset_run(imap->selected.uids, uid, &f->run_first, &f->run_last) || f->run_first > uid)
            return selected_number(imap, uid);
        f->run_number = uidset_rank(imap->selected.uids, f->run_first);
    }
    return f->run_number + (uid - f->run_first);
}

/* ---- \Seen ---- */

static enum store_error run_seen(struct txn *txn, struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct fetch *f = imap->state;
    return message_set_flags(txn, imap->selected.mailbox, f->seen, &f->seen_change);
}

static bool is_wanted(const struct fetch *f, const struct message_row *row)
{
    return !f->by_modseq || row->modseq > f->changed_since;
}

/* Those of the rows in hand that this FETCH will mark. */
static void choose_unseen(struct fetch *f)
{
    uidset_unref(&f->seen);
    f->seen = uidset_new();
    for (size_t i = 0; i < f->rows.count; i++) {
        const struct message_row *row = &f->rows.rows[i];
        if (!(row->flags & FLAG_SEEN) && is_wanted(f, row) && uidset_has(f->set, row->uid))
            uidset_add(f->seen, row->uid);
    }
}

/* They are told by this FETCH, as they are now: others may have changed them since the rows in hand were read. */
static void adopt_seen(struct imap *imap, struct fetch *f)
{
    f->stale = true;
    told_add(&imap->told, uidset_min(f->seen), uidset_max(f->seen), f->seen_change.modseq);
}

/* STEP_DONE: the rows in hand are marked as far as they can be. A store that can't write doesn't keep from reading. */
static enum step_result mark_seen(struct imap *imap, struct fetch *f, struct step_context *context)
{
    if (!f->marking) {
        choose_unseen(f);
        if (!uidset_count(f->seen))
            return STEP_DONE;
        imap_mutate_reset(imap);
        f->seen_change = (struct flag_change){
            .action = FLAGS_ADD, .flags = FLAG_SEEN, .seen_by = imap_seen_by(imap, imap->selected.account)};
        f->marking = true;
    }
    enum step_result result = imap_mutate_selected(imap, context, run_seen);
    if (result != STEP_DONE)
        return result;
    f->marking = false;
    if (imap->mutation.result == STORE_OK)
        adopt_seen(imap, f);
    else
        uidset_clear(f->seen);
    return STEP_DONE;
}

/* ---- one message ---- */

static enum store_error read_email(struct fetch *f, struct email_cursor *cursor)
{
    if (!f->needs_email || f->has_email)
        return STORE_OK;
    enum store_error error = email_cursor_read(cursor, f->row.email, &f->email);
    f->has_email = !error;
    return error;
}

/* What \Seen changed, before the items: RFC 7162 3.2 wants the new modseq with it, and the UID. */
static void tell_seen(struct imap *imap, const struct fetch *f, struct buffer *out)
{
    static const enum fetch_kind kinds[] = {FETCH_FLAGS, FETCH_MODSEQ, FETCH_UID};
    size_t count = imap->enabled & ENABLED_QRESYNC ? 3 : imap->enabled & ENABLED_CONDSTORE ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        bool known = kinds[i] == FETCH_UID && (imap->enabled & ENABLED_UIDONLY);
        if (known || (f->kinds & (1u << kinds[i])))
            continue;
        fetch_write_item(imap, f, kinds[i], out);
        if (f->item_count)
            buffer_append_char(out, ' ');
    }
}

static void begin_message(struct imap *imap, struct fetch *f, struct buffer *out)
{
    f->in_message = true;
    f->written = false;
    f->item_at = 0;
    imap_begin_fetch(imap, out, f->row.uid, number_of(imap, f, f->row.uid));
    if (f->tell_flags)
        tell_seen(imap, f, out);
}

/* RFC 5257 3.2.1: who asks for a part that isn't there is told so. */
static enum store_error write_annotations(struct imap *imap, struct fetch *f, const struct annotation_wanted *wanted,
                                          const struct reader *reader, struct buffer *out)
{
    for (size_t i = 0; wanted->of_parts && i < wanted->entry_count; i++)
        f->no_part = f->no_part || !annotation_part_is_there(&f->email.digest, wanted->entries[i]);
    return annotation_write_wanted(imap, reader, f->row.uid, wanted, out);
}

static enum store_error write_item(struct imap *imap, struct fetch *f, const struct fetch_item *item,
                                   const struct reader *reader, struct buffer *out)
{
    if (item->kind == FETCH_ANNOTATION)
        return write_annotations(imap, f, item->annotations, reader, out);
    if (item->kind == FETCH_SECTION)
        return item->section->binary ? fetch_binary_begin(f, item->section, reader, out)
                                     : fetch_body_begin(imap, f, item->section, reader, out);
    fetch_write_item(imap, f, item->kind, out);
    return STORE_OK;
}

/* The items from item_at on, until a section is not whole yet. */
static enum store_error write_items(struct imap *imap, struct fetch *f, const struct reader *reader, struct buffer *out)
{
    while (f->item_at < f->item_count) {
        const struct fetch_item *item = &f->items[f->item_at];
        size_t before = buffer_size(out);
        if (f->written)
            buffer_append_char(out, ' ');
        size_t start = buffer_size(out);
        enum store_error error = write_item(imap, f, item, reader, out);
        if (error || buffer_size(out) == start) /* no annotation fits: nothing of it is there */
            buffer_truncate(out, before);
        else
            f->written = true;
        if (error)
            return error;
        f->item_at++;
        if (f->sending.active)
            return STORE_OK;
    }
    buffer_append_string(out, ")\r\n");
    f->in_message = false;
    return STORE_OK;
}

/* A message with the email's items. Nothing of it is left in the output if it can't be begun. */
static enum store_error write_message(struct imap *imap, struct fetch *f, const struct fetch_reading *reading,
                                      struct buffer *out)
{
    size_t before = buffer_size(out);
    enum store_error error = read_email(f, reading->emails);
    if (error)
        return error;
    begin_message(imap, f, out);
    error = write_items(imap, f, &reading->reader, out);
    /* An item in the middle that would block begins the whole message again: what was written goes. Likewise a response
     * without any item. */
    if (error || (!f->in_message && !f->written)) {
        buffer_truncate(out, before);
        f->in_message = false;
    }
    return error;
}

/* Goes on inside a message whose beginning was sent. */
static enum store_error go_on(struct imap *imap, struct fetch *f, const struct fetch_reading *reading,
                              struct buffer *out)
{
    const struct reader *reader = &reading->reader;
    enum store_error error = read_email(f, reading->emails); /* views of the email ended with the last step */
    if (!error && f->sending.active)
        error = f->sending.binary ? fetch_binary_more(f, reader, out) : fetch_body_more(f, reader, out);
    if (error || f->sending.active)
        return error;
    return write_items(imap, f, reader, out);
}

/* ---- the walk ---- */

static void leave_out(struct fetch *f, uint32_t uid, enum store_error error)
{
    f->missing = f->missing || error == STORE_EXPUNGED || error == STORE_NOT_FOUND;
    f->damaged = f->damaged || (error != STORE_EXPUNGED && error != STORE_NOT_FOUND);
    pass(f, uid);
}

/* One more message, or one more stretch of it. STORE_NOT_FOUND: there are no more. STORE_BUSY: *result_r says what to
 * wait for. */
static enum store_error walk_once(struct imap *imap, struct fetch *f, struct step_context *context,
                                  const struct fetch_reading *reading, enum step_result *result_r)
{
    struct buffer *out = imap_output(imap);
    enum store_error error;
    if (f->in_message) {
        error = go_on(imap, f, reading, out);
        if (!error && !f->in_message)
            pass(f, f->row.uid);
        return error;
    }
    uint32_t uid = next_of_set(f);
    if (!uid)
        return STORE_NOT_FOUND;
    if (!rows_cover(f, uid) || f->marking) {
        error = f->marking ? STORE_OK : load_rows(imap, f, reading, uid);
        if (error)
            return error;
        if (f->sets_seen && (*result_r = mark_seen(imap, f, context)) != STEP_DONE)
            return STORE_BUSY;
    }
    if (f->stale && (error = load_rows(imap, f, reading, uid)) != STORE_OK)
        return error;
    f->stale = false;
    error = take_row(imap, f, &reading->reader, uid);
    if (!error && !is_wanted(f, &f->row)) {
        pass(f, uid);
        return STORE_OK;
    }
    f->tell_flags = !error && f->sets_seen && f->seen && uidset_has(f->seen, uid);
    if (!error && (f->needs_email || (f->kinds & (1u << FETCH_ANNOTATION))))
        error = write_message(imap, f, reading, out);
    else if (!error)
        fetch_write_row(imap, f, number_of(imap, f, uid), out);
    if (error == STORE_WOULD_BLOCK)
        return error;
    if (error)
        leave_out(f, uid, error);
    else if (!f->in_message)
        pass(f, uid);
    return STORE_OK;
}

static void finish(struct imap *imap, const struct fetch *f)
{
    if (f->lowest && (f->damaged || f->unknown_encoding || f->missing))
        messagelimit_tell(imap, f->limit, f->lowest);
    if (f->damaged)
        imap_finish(imap, "NO", "CORRUPTION", "Some messages can't be read; the administrator can see why in the log");
    else if (f->no_part)
        imap_finish(imap, "BAD", NULL, annotation_no_part);
    else if (f->unknown_encoding)
        imap_finish(imap, "NO", "UNKNOWN-CTE", "A part's transfer encoding is not known");
    else if (f->missing)
        imap_finish(imap, "NO", "EXPUNGEISSUED", "Some of the messages no longer exist");
    else if (f->lowest)
        messagelimit_finish(imap, f->limit, f->lowest);
    else
        imap_finish(imap, "OK", NULL, "Fetch completed");
}

/* Inside a literal nothing can be taken back: the connection ends, and the client sees that it did. */
static enum step_result cut_off(struct imap *imap)
{
    imap_finish(imap, "NO", "CORRUPTION", "The message can't be read");
    imap_end_after(imap, false, "message not readable");
    return STEP_DONE;
}

/* With CHANGEDSINCE only what may have changed is looked at. What the client still counts is not EARLIER: sync.c tells
 * it. */
static enum store_error narrow(struct imap *imap, struct fetch *f, const struct reader *reader)
{
    struct uidset *candidates, *vanished;
    if (!f->by_modseq || f->narrowed)
        return STORE_OK;
    enum store_error error = resync_candidates(imap, reader, f->changed_since, f->set, &candidates, &vanished);
    if (error)
        return error;
    uidset_unref(&f->set);
    f->set = candidates;
    f->narrowed = true;
    if (f->vanished) {
        f->gone = uidset_copy(vanished);
        uidset_intersect(f->gone, f->named);
        uidset_remove_set(f->gone, imap->selected.uids);
        uidset_remove_range(f->gone, 0, f->known_up_to);
        f->gone_at = 1;
    }
    uidset_unref(&vanished);
    return STORE_OK;
}

/* With CHANGEDSINCE what can't have changed counts for nothing. */
static void cut(struct fetch *f)
{
    if (f->cut)
        return;
    f->cut = true;
    f->lowest = messagelimit_clip(&f->set, f->limit);
    f->downwards = f->lowest != 0;
    if (f->downwards)
        f->next_uid = UINT32_MAX;
}

/* What must be there before the first message. STORE_BUSY: *result_r says what to wait for. */
static enum store_error prepare(struct imap *imap, struct fetch *f, struct step_context *context,
                                const struct reader *reader, enum step_result *result_r)
{
    enum store_error error = narrow(imap, f, reader);
    if (!error)
        cut(f);
    if (error || !f->gone)
        return error;
    return resync_tell_vanished(imap, context, f->gone, true, &f->gone_at, result_r) ? STORE_OK : STORE_BUSY;
}

enum step_result fetch_walk(struct imap *imap, struct fetch *f, struct step_context *context, enum store_error *error_r)
{
    struct fetch_reading reading = {.reader = selected_reader(imap, context)};
    unsigned a_look = f->kinds & (1u << FETCH_SECTION) ? 1 : MESSAGES_A_LOOK;
    enum step_result result = STEP_DONE;
    if (!(imap->selected.rights & RIGHT_SEEN)) /* RFC 4314 4 */
        f->sets_seen = false;
    enum store_error error = prepare(imap, f, context, &reading.reader, &result);
    *error_r = STORE_OK;
    if (error) {
        *error_r = error == STORE_BUSY || error == STORE_WOULD_BLOCK ? STORE_OK : error;
        return error == STORE_WOULD_BLOCK ? imap_wait_pool(context) : result;
    }
    reading.rows = row_cursor_new(&reading.reader, imap->selected.mailbox);
    reading.emails = f->needs_email ? email_cursor_new(&reading.reader) : NULL;
    f->has_email = false; /* the last step's cursor is gone, and its views with it */
    f->in_set = (struct uid_run){0};
    for (unsigned walked = 1;; walked++) {
        error = walk_once(imap, f, context, &reading, &result);
        bool look = walked % a_look == 0 || stream_is_full(imap->session->stream);
        if (error || (look && imap_slice_over(imap, context, &result)))
            break;
    }
    row_cursor_free(&reading.rows);
    email_cursor_free(&reading.emails);
    if (!error || error == STORE_BUSY)
        return result;
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    *error_r = error == STORE_NOT_FOUND ? STORE_OK : error;
    return STEP_DONE;
}

enum step_result fetch_step(struct imap *imap, struct step_context *context)
{
    struct fetch *f = imap->state;
    enum store_error error;
    if (f->limit && f->partial.last - f->partial.first >= f->limit) { /* RFC 9738 3.1: before any work */
        messagelimit_refuse(imap, f->limit, 0);
        return STEP_DONE;
    }
    enum step_result result = fetch_walk(imap, f, context, &error);
    if (result != STEP_DONE)
        return result;
    if (error && f->in_message)
        return cut_off(imap);
    if (error)
        imap_finish_error(imap, error);
    else
        finish(imap, f);
    return STEP_DONE;
}
