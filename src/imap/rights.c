/*
 * imap/rights.c: what the user may do in a mailbox (RFC 4314 4), and what becomes of the selected one when that
 * changes.
 *
 * Does     gives the owner all rights without a read; else reads the mailbox's list, and asks auth for the user's
 *          groups if the list names any. What can't be found out is refused: a group may also take rights away.
 * Called   by place.c, list.c, and by engine.c and idle.c for the selected mailbox.
 * Tested   tests/e2e/test_cap_acl.py, test_acl_matrix.py
 */
#include "imap/place.h"

/* A list of LIMIT_ACL_ENTRIES, and LIMIT_GROUPS groups. */
enum { ARENA_MOST = 65536 };

uint8_t rights_flags(uint32_t rights)
{
    return (uint8_t)((rights & RIGHT_SEEN ? FLAG_SEEN : 0) | (rights & RIGHT_DELETE ? FLAG_DELETED : 0) |
                     (rights & RIGHT_WRITE ? FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DRAFT : 0));
}

enum store_error rights_judge(uint32_t rights, uint32_t needs)
{
    const uint32_t any =
        RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT | RIGHT_CREATE | RIGHT_DELETE_MAILBOX | RIGHT_ADMINISTER;
    if (needs == RIGHT_ANY ? rights & any : (rights & needs) == needs)
        return STORE_OK;
    return rights & RIGHT_LOOKUP ? STORE_NO_RIGHT : STORE_NO_MAILBOX;
}

enum step_result rights_facts(struct step_context *context, enum facts_result result, enum store_error *error_r)
{
    *error_r = result == FACTS_NOBODY ? STORE_NO_MAILBOX : result == FACTS_UNAVAILABLE ? STORE_BUSY : STORE_OK;
    if (result != FACTS_ASKED)
        return STEP_DONE;
    context->wait = WAIT_REPLY;
    return STEP_WAIT;
}

/* In an arena of its own: IDLE asks again and again within one command. */
static enum step_result find_granted(struct imap *imap, struct step_context *context, const struct reader *reader,
                                     uint32_t mailbox, uint64_t who, struct arena *arena, uint32_t *rights_r,
                                     enum store_error *error_r)
{
    struct acl acl;
    struct facts facts = {0};
    *error_r = acl_read(reader, arena, mailbox, &acl);
    if (*error_r == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (!*error_r && acl_has_groups(&acl)) {
        enum facts_result found = facts_find(imap->session, arena, who, VIEW_EMPTY, &facts);
        enum step_result result = rights_facts(context, found, error_r);
        if (result != STEP_DONE)
            return result;
    }
    *rights_r = *error_r ? 0 : acl_rights(&acl, who, facts.groups, facts.group_count);
    return STEP_DONE;
}

enum step_result rights_find_of(struct imap *imap, struct step_context *context, uint64_t who, uint64_t owner,
                                uint32_t mailbox, uint32_t *rights_r, enum store_error *error_r)
{
    struct reader reader = {.store = imap->session->env->store, .account = owner, .mode = context->mode};
    struct arena arena;
    *error_r = STORE_OK;
    *rights_r = RIGHTS_ALL;
    if (owner == who)
        return STEP_DONE;
    arena_init(&arena, ARENA_MOST);
    enum step_result result = find_granted(imap, context, &reader, mailbox, who, &arena, rights_r, error_r);
    arena_free(&arena);
    return result;
}

enum step_result rights_find(struct imap *imap, struct step_context *context, uint64_t account, uint32_t mailbox,
                             uint32_t *rights_r, enum store_error *error_r)
{
    return rights_find_of(imap, context, imap->session->account, account, mailbox, rights_r, error_r);
}

/* ---- the selected mailbox ---- */

/* RFC 4314 5.1.1: who may no longer read is cut off. */
static void end_reading(struct imap *imap)
{
    imap_untagged(imap, "BYE The selected mailbox may no longer be read");
    selected_close(imap);
    imap_finish(imap, "NO", "NOPERM", "The selected mailbox may no longer be read");
    imap_end_after(imap, true, "the right to read was taken away");
}

enum step_result selected_check(struct imap *imap, struct step_context *context)
{
    struct selected *s = &imap->selected;
    enum store_error error;
    uint32_t rights, before = s->rights;
    if (!s->open || s->account == imap->session->account)
        return STEP_DONE;
    enum step_result result = rights_find(imap, context, s->account, s->mailbox, &rights, &error);
    if (result != STEP_DONE)
        return result;
    if (error || !(rights & RIGHT_READ)) {
        end_reading(imap);
        return STEP_DONE;
    }
    if (rights_flags(rights) == rights_flags(before)) {
        s->rights = rights;
        return STEP_DONE;
    }
    struct reader reader = selected_reader(imap, context);
    s->rights = rights;
    if (selected_tell_flags(imap, &reader) != STORE_WOULD_BLOCK)
        return STEP_DONE;
    s->rights = before; /* told by the next step */
    return imap_wait_pool(context);
}
