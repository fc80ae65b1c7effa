/*
 * imap/expunge.c: EXPUNGE, UID EXPUNGE (RFC 4315 2.1), CLOSE (RFC 3501 6.4.2).
 *
 * What went is told by sync.c from the change log, as another session's expunge would be.
 * Tested   tests/e2e/test_imap.py
 */
#include "imap/place.h"

struct expunging {
    struct uidset *set; /* null: all */
    struct expunge expunge;
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
    return arguments_end(a);
}

void expunge_drop(struct imap *imap)
{
    struct expunging *e = imap->state;
    if (e)
        uidset_unref(&e->set);
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

enum step_result expunge_step(struct imap *imap, struct step_context *context)
{
    const struct expunging *e = imap->state;
    imap->mutation.frees_space = true;
    enum step_result result = imap_mutate_selected(imap, context, run_expunge);
    if (result != STEP_DONE)
        return result;
    if (imap->mutation.result)
        imap_finish_error(imap, imap->mutation.result);
    else if (e && e->expunge.modseq && (imap->enabled & ENABLED_QRESYNC)) /* RFC 7162 3.2.7, 3.2.9 */
        imap_finish_printf(imap, "OK", "[HIGHESTMODSEQ %llu] Expunged", (unsigned long long)e->expunge.modseq);
    else
        imap_finish(imap, "OK", NULL, "Expunged");
    return STEP_DONE;
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
