/*
 * imap/news.c: the FETCH of messages that came: see imap/notify.h.
 *
 * Does     messages of which the same items are wanted, by NOTIFY and by searches that last, are sent by one walk: each
 *          message has one response (RFC 5465 5.2). They follow EXISTS and ESEARCH ADDTO: sections 5.2 and 7 of the RFC
 *          contradict each other here (erratum 4833).
 * Tested   tests/e2e/test_cap_notify.py
 */
#include "base/memory.h"
#include "imap/context.h"
#include "imap/notify.h"
#include <stdlib.h>

void news_free(struct news *news)
{
    uidset_unref(&news->left);
    if (news->fetch)
        fetch_free(news->fetch);
    free(news->fetch);
    news->fetch = NULL;
}

/* Who wants it: bit 0 is NOTIFY, the others are the searches. */
static unsigned wanted_by(const struct imap *imap, uint32_t uid)
{
    bool notified = imap->notify && imap->notify->fetch && notify_wants(imap, NOTIFY_NEW) && !imap->syncs_all;
    return (notified ? 1u : 0) | contexts_wanting(imap, uid) << 1;
}

/* The plan for the first that is left, and all like it. Null: nobody wants any. */
static struct fetch *next_plan(struct imap *imap, struct news *news)
{
    unsigned wanted = 0;
    uint32_t first;
    while ((first = uidset_next(news->left, 1)) != 0 && !(wanted = wanted_by(imap, first)))
        uidset_remove(news->left, first);
    if (!first)
        return NULL;
    struct fetch *f = NEW(struct fetch);
    f->set = uidset_new();
    f->next_uid = 1;
    for (uint32_t uid = first; uid; uid = uid == UINT32_MAX ? 0 : uidset_next(news->left, uid + 1))
        if (wanted_by(imap, uid) == wanted)
            uidset_add(f->set, uid);
    if (imap->enabled & ENABLED_CONDSTORE) { /* RFC 7162 3.1 */
        if (!(imap->enabled & ENABLED_UIDONLY))
            fetch_add_plain(f, FETCH_UID);
        fetch_add_plain(f, FETCH_MODSEQ);
    }
    if (wanted & 1)
        fetch_add_items(f, imap->notify->fetch);
    contexts_add_items(imap, wanted >> 1, f);
    return f;
}

enum step_result news_step(struct imap *imap, struct step_context *context, struct news *news)
{
    while (news->left && (news->fetch || (news->fetch = next_plan(imap, news)) != NULL)) {
        enum store_error error;
        enum step_result result = fetch_walk(imap, news->fetch, context, &error);
        if (result != STEP_DONE)
            return result;
        if (error && news->fetch->in_message) /* inside a literal nothing can be taken back */
            imap_end_after(imap, false, "message not readable");
        uidset_remove_set(news->left, news->fetch->set);
        fetch_free(news->fetch);
        free(news->fetch);
        news->fetch = NULL;
        if (error)
            break;
    }
    uidset_unref(&news->left);
    return STEP_DONE;
}
