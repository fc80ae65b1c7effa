/*
 * imap/expunge.c: EXPUNGE, UID EXPUNGE (RFC 4315 2.1), CLOSE (RFC 3501 6.4.2).
 *
 * What went is told by sync.c from the change log, as another session's expunge would be.
 * Tested   tests/e2e/test_imap.py
 */
#include "imap/messagelimit.h"
#include "imap/place.h"

struct expunging {
    struct uidset *set; /* null: all */
    struct expunge expunge;
    /* UID EXPUNGE under a limit (RFC 9738 3.1): first, which of the set are \Deleted */
    struct uidset *deleted;
    uint32_t limit, lowest, next_uid;
};

static struct expunging *begin(struct imap *imap)
{
    struct expunging *e = ARENA_NEW(&imap->session->command_arena, struct expunging);
    e->expunge.only_deleted = true;
    imap_removal(imap, &e->expunge.why);
    imap->state = e;
    return e;
}

bool expunge_parse(struct imap *imap, struct arguments *a)
{
    struct expunging *e = begin(imap);
    if (imap->uid && (!arguments_space(a) || !arguments_sequence_set(a, imap, true, &e->set)))
        return false;
    e->limit = imap->uid ? messagelimit_of_command() : 0;
    e->next_uid = 1;
    return arguments_end(a);
}

void expunge_drop(struct imap *imap)
{
    struct expunging *e = imap->state;
    if (!e)
        return;
    uidset_unref(&e->set);
    uidset_unref(&e->deleted);
}

static enum store_error run_expunge(struct txn *txn, struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct expunging *e = imap->state;
    if (imap->notify && !imap->own_gone)
        imap->own_gone = uidset_new();
    e->expunge.gone = imap->own_gone;
    return message_expunge(txn, imap->selected.mailbox, e->set, &e->expunge);
}

/* STORE_MORE: *result_r says how to go on. */
static enum store_error find_deleted(struct imap *imap, struct expunging *e, struct step_context *context,
                                     enum step_result *result_r)
{
    struct reader reader = selected_reader(imap, context);
    struct row_cursor *cursor = row_cursor_new(&reader, imap->selected.mailbox);
    struct message_rows rows;
    enum store_error error = STORE_OK;
    e->deleted = e->deleted ? e->deleted : uidset_new();
    for (uint32_t uid; !error && e->next_uid && (uid = uidset_next(e->set, e->next_uid)) != 0;) {
        error = row_cursor_rows(cursor, uid, &rows);
        if (error)
            break;
        for (size_t i = 0; i < rows.count; i++)
            if ((rows.rows[i].flags & FLAG_DELETED) && uidset_has(e->set, rows.rows[i].uid))
                uidset_add(e->deleted, rows.rows[i].uid);
        e->next_uid = rows.count && !rows.at_end ? rows.rows[rows.count - 1].uid + 1 : 0;
        if (imap_slice_over(imap, context, result_r))
            error = STORE_MORE;
    }
    row_cursor_free(&cursor);
    return error;
}

/* The set becomes what the limit leaves of it, once. */
static enum store_error cut(struct imap *imap, struct expunging *e, struct step_context *context,
                            enum step_result *result_r)
{
    if (!e->limit || uidset_count(e->set) <= e->limit || e->lowest)
        return STORE_OK;
    enum store_error error = find_deleted(imap, e, context, result_r);
    if (error)
        return error;
    e->lowest = messagelimit_clip(&e->deleted, e->limit);
    if (e->lowest) {
        uidset_unref(&e->set);
        e->set = uidset_ref(e->deleted);
    }
    return STORE_OK;
}

static void finish(struct imap *imap, const struct expunging *e)
{
    bool tells_modseq = e->expunge.modseq && (imap->enabled & ENABLED_QRESYNC); /* RFC 7162 3.2.7, 3.2.9 */
    if (imap->mutation.result) {
        imap_finish_error(imap, imap->mutation.result);
        return;
    }
    if (e->lowest && tells_modseq)
        messagelimit_tell(imap, e->limit, e->lowest);
    if (tells_modseq)
        imap_finish_printf(imap, "OK", "[HIGHESTMODSEQ %llu] Expunged", (unsigned long long)e->expunge.modseq);
    else if (e->lowest)
        messagelimit_finish(imap, e->limit, e->lowest);
    else
        imap_finish(imap, "OK", NULL, "Expunged");
}

enum step_result expunge_step(struct imap *imap, struct step_context *context)
{
    struct expunging *e = imap->state;
    enum step_result result = STEP_DONE;
    enum store_error error = cut(imap, e, context, &result);
    if (error == STORE_MORE)
        return result;
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error) {
        imap_finish_error(imap, error);
        return STEP_DONE;
    }
    imap->mutation.frees_space = true;
    result = imap_mutate_selected(imap, context, run_expunge);
    if (result == STEP_DONE)
        finish(imap, e);
    return result;
}

/* Without the right to expunge it closes all the same (RFC 4314 4). */
static enum step_result may_expunge(struct imap *imap, struct step_context *context, bool *may_r)
{
    const struct selected *s = &imap->selected;
    uint32_t rights;
    enum store_error error;
    *may_r = imap->state != NULL;
    if (s->read_only || imap->state)
        return STEP_DONE;
    enum step_result result = rights_find(imap, context, s->account, s->mailbox, &rights, &error);
    *may_r = result == STEP_DONE && !error && (rights & RIGHT_EXPUNGE);
    return result;
}

enum step_result close_step(struct imap *imap, struct step_context *context)
{
    bool expunges;
    enum step_result result = may_expunge(imap, context, &expunges);
    if (result != STEP_DONE)
        return result;
    if (expunges) {
        if (!imap->state)
            begin(imap);
        result = expunge_step(imap, context);
        if (result != STEP_DONE)
            return result;
    }
    if (!expunges || !imap->mutation.result)
        imap_finish(imap, "OK", NULL, "Closed");
    selected_close(imap);
    return STEP_DONE;
}
