/*
 * imap/sync.c: tells what changed in the selected mailbox: EXPUNGE, EXISTS, FETCH of flags (RFC 3501 7.3, 7.4).
 *
 * Does     compares the mailbox's modseq with what was told; reads the changes behind it; tells them in slices. UIDs
 *          that are gone while no EXPUNGE is allowed wait in selected.unsaid, and keep their numbers until then.
 * Owns     imap->sync while it tells.
 * Called   by engine.c before a tagged response, and by IDLE.
 * Tested   tests/e2e/test_imap.py
 */
#include "base/memory.h"
#include "imap/annotation.h"
#include "imap/context.h"
#include "imap/notify.h"
#include "imap/resync.h"

enum sync_phase { SYNC_GONE, SYNC_EXPUNGES, SYNC_ARRIVALS, SYNC_FLAGS, SYNC_CONTEXTS, SYNC_NEWS };

struct sync {
    enum sync_phase phase;
    struct changes changes;
    struct uidset *gone; /* to be told now */
    uint32_t at;         /* UID to go on from */
    uint32_t told;       /* EXPUNGEs so far */
    struct message_rows rows;
    struct news news;
    bool own; /* nothing but what the command itself took out: the rest isn't wanted */
};

void sync_drop(struct imap *imap)
{
    struct sync *sync = imap->sync;
    imap->sync = NULL;
    if (!sync)
        return;
    contexts_rest(imap);
    changes_free(&sync->changes);
    uidset_unref(&sync->gone);
    news_free(&sync->news);
    free(sync);
}

/* ---- beginning ---- */

/* What others changed before the command's own change must be told, also if the command was a silent STORE: its client
 * knows only what it did itself. */
static enum store_error disown(struct imap *imap, const struct reader *reader)
{
    struct uidset *others;
    if (!imap->own_changed || !imap->own_modseq)
        return STORE_OK;
    enum store_error error =
        changes_of_flags(reader, imap->selected.mailbox, imap->selected.modseq, imap->own_modseq - 1, &others);
    if (error)
        return error;
    uidset_unshare(&imap->own_changed);
    uidset_remove_set(imap->own_changed, others);
    uidset_unref(&others);
    return STORE_OK;
}

/* Of a mailbox that NOTIFY keeps as it was (RFC 5465 5) the answers to one's own commands are told all the same. */
static void begin_own(struct imap *imap, bool expunges)
{
    if (!imap->own_gone || !expunges)
        return;
    struct uidset *gone = uidset_copy(imap->own_gone);
    uidset_intersect(gone, imap->selected.uids);
    if (!uidset_count(gone)) {
        uidset_unref(&gone);
        return;
    }
    imap->sync = NEW(struct sync);
    *imap->sync = (struct sync){.own = true, .gone = gone, .at = 1};
}

static enum store_error begin(struct imap *imap, const struct reader *reader, bool expunges)
{
    if (!notify_wants(imap, NOTIFY_NEW)) {
        begin_own(imap, expunges);
        return STORE_OK;
    }
    struct selected *s = &imap->selected;
    struct mailbox now;
    enum store_error error = mailbox_read(reader, NULL, s->mailbox, &now);
    bool said = !s->unsaid || !expunges;
    if (error || (now.highestmodseq == s->modseq && now.uidnext == s->next_uid && said))
        return error;
    error = disown(imap, reader);
    if (error)
        return error;
    struct sync *sync = NEW(struct sync);
    error = changes_read(reader, s->mailbox, s->modseq, &sync->changes);
    if (error) {
        free(sync);
        return error;
    }
    sync->at = 1;
    sync->gone = uidset_copy(sync->changes.vanished);
    uidset_intersect(sync->gone, s->uids);
    if (s->unsaid)
        uidset_add_set(sync->gone, s->unsaid);
    imap->sync = sync;
    return STORE_OK;
}

/* ---- EXPUNGE ---- */

/* Ascending; each number is what it is after those before it were told (RFC 3501 7.4.1). */
static bool tell_expunges(struct imap *imap, struct step_context *context, enum step_result *result_r)
{
    struct sync *sync = imap->sync;
    if (imap->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY)) /* RFC 7162 3.2.10.2, RFC 9586 3.2 */
        return resync_tell_vanished(imap, context, sync->gone, false, &sync->at, result_r);
    for (uint32_t uid; (uid = uidset_next(sync->gone, sync->at)) != 0;) {
        struct buffer *out = imap_output(imap);
        buffer_append_string(out, "* ");
        buffer_append_u64(out, uidset_rank(imap->selected.uids, uid) - sync->told);
        buffer_append_string(out, " EXPUNGE\r\n");
        sync->told++;
        sync->at = uid + 1;
        if (sync->at == 0 || imap_slice_over(imap, context, result_r))
            return sync->at == 0;
    }
    return true;
}

static void end_expunges(struct imap *imap, bool expunges)
{
    struct selected *s = &imap->selected;
    struct sync *sync = imap->sync;
    if (!sync->own)
        uidset_unref(&s->unsaid);
    else if (s->unsaid)
        uidset_remove_set(s->unsaid, sync->gone);
    if (!uidset_count(sync->gone))
        return;
    if (!expunges) {
        s->unsaid = uidset_ref(sync->gone);
        return;
    }
    uidset_unshare(&s->uids);
    uidset_remove_set(s->uids, sync->gone);
}

/* ---- EXISTS ---- */

static enum store_error tell_arrivals(struct imap *imap, const struct reader *reader)
{
    struct selected *s = &imap->selected;
    struct uidset *now, *arrived;
    uint64_t modseq;
    uint32_t next = imap->sync->changes.now.uidnext;
    if (next <= s->next_uid)
        return STORE_OK;
    enum store_error error = mailbox_uids(reader, s->mailbox, &now, &modseq);
    if (error)
        return error;
    arrived = uidset_copy(now);
    uidset_remove_range(arrived, 0, s->next_uid - 1);
    uidset_remove_range(arrived, next, UINT32_MAX);
    if (uidset_count(arrived)) {
        uidset_unshare(&s->uids);
        uidset_add_set(s->uids, arrived);
        if (uidset_equal(s->uids, now)) { /* most often: then all sessions share one set */
            uidset_unref(&s->uids);
            s->uids = uidset_ref(now);
        }
        imap_untagged(imap, "%u EXISTS", uidset_count(s->uids));
        if (!(imap->enabled & ENABLED_REV2))
            imap_untagged(imap, "0 RECENT");
    }
    if (imap->own_added)
        uidset_remove_set(arrived, imap->own_added);
    imap->sync->news.left = uidset_ref(arrived);
    uidset_unref(&arrived);
    uidset_unref(&now);
    return STORE_OK;
}

/* ---- FETCH ---- */

static bool has_new_keywords(const struct keywords *told, const struct keywords *used)
{
    bool any = false;
    for (size_t i = 0; i < 4; i++)
        any = any || (used->bits[i] & ~told->bits[i]);
    return any;
}

/* RFC 3501 7.2.6: a keyword is listed in FLAGS before a FETCH shows it. */
static enum store_error tell_keywords(struct imap *imap, const struct reader *reader, struct view **names,
                                      size_t *count)
{
    struct keywords used;
    struct buffer *out = imap_output(imap);
    enum store_error error = keyword_used(reader, imap->selected.mailbox, &used);
    if (error || !has_new_keywords(&imap->selected.keywords, &used))
        return error;
    error = imap_names_for(imap, reader, &used, names, count);
    if (error)
        return error;
    imap->selected.keywords = used;
    buffer_append_string(out, "* FLAGS ");
    imap_write_flags(out, FLAG_SYSTEM_ALL, &used, *names, *count);
    buffer_append_string(out, "\r\n");
    return STORE_OK;
}

/* How many stretches lie below this UID. */
static size_t told_below(const struct told *told, uint32_t uid)
{
    size_t from = 0, to = told->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (told->stretches[middle].last < uid)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

void told_add(struct told *told, uint32_t first, uint32_t last, uint64_t modseq)
{
    size_t at = told_below(told, first);
    if (told->count == told->capacity) {
        told->capacity = told->capacity ? told->capacity * 2 : 16;
        told->stretches = memory_resize(told->stretches, told->capacity * sizeof *told->stretches);
    }
    memmove(&told->stretches[at + 1], &told->stretches[at], (told->count - at) * sizeof *told->stretches);
    told->stretches[at] = (struct told_stretch){.first = first, .last = last, .modseq = modseq};
    told->count++;
}

static bool was_told(const struct told *told, const struct message_row *row)
{
    size_t at = told_below(told, row->uid);
    return at < told->count && told->stretches[at].first <= row->uid && told->stretches[at].modseq == row->modseq;
}

/* The command itself told its own change, or was asked not to. */
static bool is_own(const struct imap *imap, const struct message_row *row)
{
    bool own = imap->own_changed && row->modseq <= imap->own_modseq && uidset_has(imap->own_changed, row->uid);
    return own || was_told(&imap->told, row);
}

/* SELECT said so (RFC 5257 4.2); or NOTIFY, which goes before it (RFC 5465 5.1). */
static bool wants_annotations(const struct imap *imap)
{
    return imap->notify && !imap->syncs_all ? notify_wants(imap, NOTIFY_ANNOTATIONS) : imap->selected.annotate;
}

/* A message that changed: flags, the names of annotations, or both, as they are wanted. */
static enum store_error tell_change(struct imap *imap, const struct reader *reader, const struct message_row *row,
                                    const struct view *names, size_t count)
{
    struct buffer *out = imap_output(imap);
    size_t start = buffer_size(out);
    bool flags = notify_wants(imap, NOTIFY_FLAGS);
    bool condstore = imap->enabled & ENABLED_CONDSTORE;
    /* RFC 7162 3.1, RFC 5465 5.1, RFC 9051 7.5.2 */
    bool with_uid = imap->uid || condstore || imap->notify || (imap->enabled & ENABLED_REV2);
    const char *between = "";
    imap_begin_fetch(imap, out, row->uid, uidset_rank(imap->selected.uids, row->uid));
    if (with_uid && !(imap->enabled & ENABLED_UIDONLY)) {
        buffer_append_string(out, "UID ");
        buffer_append_u64(out, row->uid);
        between = " ";
    }
    if (flags) {
        buffer_printf(out, "%sFLAGS ", between);
        imap_write_flags(out, row->flags, &row->keywords, names, count);
        between = " ";
    }
    if (condstore) {
        buffer_printf(out, "%sMODSEQ (%llu)", between, (unsigned long long)row->modseq);
        between = " ";
    }
    size_t before = buffer_size(out);
    enum store_error error = wants_annotations(imap)
                                 ? annotation_write_changed(imap, reader, row->uid, imap->selected.modseq, between, out)
                                 : STORE_OK;
    if (error || (!flags && buffer_size(out) == before))
        buffer_truncate(out, start);
    else
        buffer_append_string(out, ")\r\n");
    return error;
}

/* STORE_MORE: the slice is over, and *result_r says how to go on. */
static enum store_error tell_flags(struct imap *imap, struct step_context *context, const struct reader *reader,
                                   enum step_result *result_r)
{
    struct sync *sync = imap->sync;
    const struct uidset *changed = sync->changes.changed;
    struct view *names = NULL;
    size_t count = 0;
    uint32_t uid = uidset_next(changed, sync->at);
    if (!uid || (!notify_wants(imap, NOTIFY_FLAGS) && !wants_annotations(imap)))
        return STORE_OK;
    struct row_cursor *rows = row_cursor_new(reader, imap->selected.mailbox);
    enum store_error error = tell_keywords(imap, reader, &names, &count);
    for (; !error && (uid = uidset_next(changed, sync->at)) != 0;) {
        error = row_cursor_rows(rows, uid, &sync->rows);
        if (!error)
            error = imap_names_for_rows(imap, reader, &sync->rows, &names, &count);
        if (error || !sync->rows.count)
            break;
        for (size_t i = 0; !error && i < sync->rows.count; i++) {
            const struct message_row *row = &sync->rows.rows[i];
            bool wanted = uidset_has(changed, row->uid) && uidset_has(imap->selected.uids, row->uid);
            if (wanted && row->uid < imap->selected.next_uid && !is_own(imap, row))
                error = tell_change(imap, reader, row, names, count);
            sync->at = error ? row->uid : row->uid + 1;
        }
        if (!error && imap_slice_over(imap, context, result_r))
            error = STORE_MORE;
    }
    row_cursor_free(&rows);
    return error;
}

/* ---- the whole ---- */

static enum step_result failed(struct imap *imap, struct step_context *context, enum store_error error)
{
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    sync_drop(imap);
    if (error == STORE_NO_MAILBOX || error == STORE_NOT_FOUND) {
        imap_untagged(imap, "BYE The selected mailbox was deleted");
        selected_close(imap);
        imap_end_after(imap, true, "the selected mailbox was deleted");
    }
    return STEP_DONE; /* it is told with the next command that can read it */
}

enum step_result sync_step(struct imap *imap, struct step_context *context, bool expunges)
{
    struct reader reader = selected_reader(imap, context);
    enum step_result result = STEP_DONE;
    enum store_error error = STORE_OK;
    if (!imap->selected.open)
        return STEP_DONE;
    if (!imap->sync)
        error = begin(imap, &reader, expunges);
    struct sync *sync = imap->sync;
    if (error || !sync)
        return error ? failed(imap, context, error) : STEP_DONE;
    if (sync->phase == SYNC_GONE) { /* RFC 5267 4.3.4: while the numbers are still what they were */
        if (expunges)
            contexts_tell_gone(imap, sync->gone);
        sync->phase = SYNC_EXPUNGES;
    }
    if (sync->phase == SYNC_EXPUNGES) {
        if (expunges && !tell_expunges(imap, context, &result))
            return result;
        end_expunges(imap, expunges);
        sync->phase = SYNC_ARRIVALS;
    }
    if (sync->own) {
        sync_drop(imap);
        return STEP_DONE;
    }
    if (sync->phase == SYNC_ARRIVALS) {
        error = tell_arrivals(imap, &reader);
        if (error)
            return failed(imap, context, error);
        sync->phase = SYNC_FLAGS;
        sync->at = 1;
    }
    error = sync->phase == SYNC_FLAGS ? tell_flags(imap, context, &reader, &result) : STORE_OK;
    if (error)
        return error == STORE_MORE ? result : failed(imap, context, error);
    if (sync->phase != SYNC_NEWS)
        result = contexts_step(imap, context, sync->changes.changed, imap->selected.next_uid);
    if (result != STEP_DONE)
        return result;
    sync->phase = SYNC_NEWS;
    result = news_step(imap, context, &sync->news);
    if (result != STEP_DONE)
        return result;
    imap->selected.modseq = sync->changes.up_to;
    if (sync->changes.now.uidnext > imap->selected.next_uid)
        imap->selected.next_uid = sync->changes.now.uidnext;
    sync_drop(imap);
    return STEP_DONE;
}
