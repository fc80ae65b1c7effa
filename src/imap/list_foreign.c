/*
 * imap/list_foreign.c: what LIST shows of the mailboxes that others share with the user (RFC 4314 4).
 *
 * Does     asks which accounts may share something (store/acl.h), auth for their names, reads from each what the user
 *          may look up, and merges that with the user's own. A parent that may not be looked up is told as one that is
 *          no mailbox.
 * Waits    for auth, and for the pool.
 * Limits   LIMIT_SHARED_ACCOUNTS, LIMIT_SHARED_MAILBOXES.
 * Tested   tests/e2e/test_acl_list.py
 */
#include "imap/list.h"
#include <stdlib.h>

/* ---- whose ---- */

static struct arena *arena_of(struct imap *imap, const struct list_foreign *f)
{
    return f->arena ? f->arena : &imap->session->command_arena;
}

/* Nobody, or auth is away: then it has no name. */
static bool find_facts(struct imap *imap, struct step_context *context, struct list_foreign *f, uint64_t account,
                       struct view name, struct facts *facts_r)
{
    enum facts_result found = facts_find(imap->session, arena_of(imap, f), account, name, facts_r);
    f->incomplete = f->incomplete || found == FACTS_UNAVAILABLE;
    if (found != FACTS_ASKED)
        return true;
    context->wait = WAIT_REPLY;
    return false;
}

/* The user's groups, who is behind "Shared/", and who may share. STEP_DONE with ready: nobody. */
static enum step_result begin(struct imap *imap, struct step_context *context, struct list_foreign *f)
{
    const struct session *s = imap->session;
    struct arena *arena = arena_of(imap, f);
    struct store *store = s->env->store;
    struct facts shared = {0};
    bool groups = acl_may_be_shared_with_groups(store);
    f->ready = !groups && !acl_may_be_shared_with(store, s->account);
    if (f->ready)
        return STEP_DONE;
    f->shared_user = place_shared_user(arena);
    if (groups && !find_facts(imap, context, f, s->account, VIEW_EMPTY, &f->self))
        return STEP_WAIT;
    if (f->shared_user.size && !find_facts(imap, context, f, 0, f->shared_user, &shared))
        return STEP_WAIT;
    f->shared_account = shared.account;
    enum store_error error = acl_owners(store, context->mode, arena, s->account, f->self.groups, f->self.group_count,
                                        &f->owners, &f->owner_count);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    f->incomplete = f->incomplete || error;
    f->ready = error || !f->owner_count;
    f->begun = true;
    if (!f->ready)
        f->entries = ARENA_ARRAY(arena, LIMIT_SHARED_MAILBOXES, struct mailbox_entry);
    return STEP_DONE;
}

/* ---- one account ---- */

static struct view join(struct arena *arena, const char *first, struct view user, struct view path)
{
    return view_of_string(user.size ? arena_printf(arena, "%s/%.*s/%.*s", first, VIEW_PRINTF(user), VIEW_PRINTF(path))
                                    : arena_printf(arena, "%s/%.*s", first, VIEW_PRINTF(path)));
}

static enum step_result take_owner(struct imap *imap, struct step_context *context, struct list_foreign *f)
{
    struct arena *arena = arena_of(imap, f);
    uint64_t owner = f->owners[f->at];
    bool shared = owner == f->shared_account;
    struct reader reader = {.store = imap->session->env->store, .account = owner, .mode = context->mode};
    struct facts facts = {0};
    size_t before = f->count;
    if (!shared && !find_facts(imap, context, f, owner, VIEW_EMPTY, &facts))
        return STEP_WAIT;
    enum store_error error = STORE_NO_ACCOUNT;
    if (shared || facts.name.size)
        error = acl_shared(&reader, arena, imap->session->account, f->self.groups, f->self.group_count, f->entries,
                           &f->count, LIMIT_SHARED_MAILBOXES);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    for (size_t i = before; i < f->count; i++)
        f->entries[i].path =
            join(arena, shared ? PLACE_SHARED : PLACE_OTHERS, shared ? VIEW_EMPTY : facts.name, f->entries[i].path);
    f->at++;
    return STEP_DONE;
}

/* ---- all of them ---- */

static size_t levels_above(struct view path)
{
    size_t levels = 0;
    for (size_t i = 0; i < path.size; i++)
        levels += path.data[i] == '/';
    return levels;
}

/* One's own first, then others', then what is no mailbox. */
static int rank(const struct mailbox_entry *entry)
{
    return !entry->exists ? 2 : entry->account ? 1 : 0;
}

static int by_path_and_rank(const void *a, const void *b)
{
    const struct mailbox_entry *x = a, *y = b;
    int order = mailbox_path_compare(x->path, y->path);
    return order ? order : rank(x) - rank(y);
}

/* Of each path the first is kept, with what the others say. */
static size_t unite(struct mailbox_entry *entries, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!kept || !view_equal(entries[kept - 1].path, entries[i].path)) {
            entries[kept++] = entries[i];
            continue;
        }
        entries[kept - 1].has_children = entries[kept - 1].has_children || entries[i].has_children;
        entries[kept - 1].mailbox.flags |= entries[i].mailbox.flags & MAILBOX_SUBSCRIBED;
    }
    return kept;
}

static void merge(struct imap *imap, const struct list_foreign *f, struct mailbox_entry **entries, size_t *count)
{
    size_t room = *count + f->count, at = *count;
    for (size_t i = 0; i < f->count; i++)
        room += levels_above(f->entries[i].path);
    struct mailbox_entry *all = arena_try(arena_of(imap, f), room * sizeof *all);
    if (!f->count || !all)
        return;
    if (at)
        memcpy(all, *entries, at * sizeof *all);
    for (size_t i = 0; i < f->count; i++) {
        struct view path = f->entries[i].path;
        all[at++] = f->entries[i];
        for (size_t end = 0; end < path.size; end++)
            if (path.data[end] == '/')
                all[at++] = (struct mailbox_entry){.path = view_slice(path, 0, end), .has_children = true};
    }
    qsort(all, at, sizeof *all, by_path_and_rank);
    *entries = all;
    *count = unite(all, at);
}

enum step_result list_add_foreign(struct imap *imap, struct step_context *context, struct list_foreign *f,
                                  struct mailbox_entry **entries, size_t *count)
{
    const struct arena *arena = arena_of(imap, f);
    enum step_result result = f->begun || f->ready ? STEP_DONE : begin(imap, context, f), over;
    if (result != STEP_DONE || f->ready)
        return result;
    while (f->at < f->owner_count && f->count < LIMIT_SHARED_MAILBOXES && arena->used < arena->max / 2) {
        result = take_owner(imap, context, f);
        if (result != STEP_DONE)
            return result;
        if (imap_slice_over(imap, context, &over))
            return over;
    }
    merge(imap, f, entries, count);
    f->ready = true;
    return STEP_DONE;
}
