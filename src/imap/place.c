/*
 * imap/place.c: names of mailboxes into places. See imap/place.h.
 *
 * Waits    for the pool, if the name isn't in memory; for auth, if it is in another account.
 * Tested   tests/e2e/test_imap.py, test_cap_acl.py, test_acl_matrix.py
 */
#include "imap/place.h"
#include <pthread.h>

/* ---- the account behind "Shared/" ---- */

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static char shared_user[LIMIT_USER_OCTETS + 1];

void imap_set_shared_user(struct view name)
{
    struct view kept = view_slice(name, 0, LIMIT_USER_OCTETS);
    pthread_mutex_lock(&shared_lock);
    view_copy(shared_user, kept);
    shared_user[kept.size] = '\0';
    pthread_mutex_unlock(&shared_lock);
}

struct view place_shared_user(struct arena *arena)
{
    pthread_mutex_lock(&shared_lock);
    struct view name = arena_view(arena, view_of_string(shared_user));
    pthread_mutex_unlock(&shared_lock);
    return name;
}

/* ---- the place itself ---- */

static struct place_user session_user(const struct imap *imap)
{
    return (struct place_user){imap->session->account, view_of_string(imap->session->user)};
}

uint64_t imap_seen_by(const struct imap *imap, uint64_t account)
{
    return account == imap->session->account ? 0 : imap->session->account;
}

struct reader place_reader(const struct imap *imap, const struct step_context *context, const struct place *place)
{
    return (struct reader){.store = imap->session->env->store,
                           .account = place->account,
                           .mode = context->mode,
                           .seen_by = imap_seen_by(imap, place->account)};
}

struct reader selected_reader(const struct imap *imap, const struct step_context *context)
{
    return (struct reader){.store = imap->session->env->store,
                           .account = imap->selected.account,
                           .mode = context->mode,
                           .seen_by = imap_seen_by(imap, imap->selected.account)};
}

bool place_is_own(const struct imap *imap, const struct place *place)
{
    return place->account == imap->session->account;
}

bool place_is_selected(const struct imap *imap, const struct place *place)
{
    const struct selected *s = &imap->selected;
    return s->open && s->account == place->account && s->mailbox == place->mailbox.id;
}

/* ---- names ---- */

/* Takes "first/" away. False: the name is another, or ends there. */
static bool skip_level(struct view *name, const char *first)
{
    struct view level = view_of_string(first);
    if (name->size < level.size + 2 || !view_starts_with(*name, level) || name->data[level.size] != '/')
        return false;
    *name = view_skip(*name, level.size + 1);
    return true;
}

static bool is_root(struct view name, const char *root)
{
    struct view level = view_of_string(root);
    return view_starts_with(name, level) && (name.size == level.size || name.data[level.size] == '/');
}

/* Without an account behind it "Shared" is a name like any other. */
static bool has_shared_user(void)
{
    pthread_mutex_lock(&shared_lock);
    bool has = shared_user[0] != '\0';
    pthread_mutex_unlock(&shared_lock);
    return has;
}

bool place_is_foreign_name(struct view name)
{
    return is_root(name, PLACE_OTHERS) || (is_root(name, PLACE_SHARED) && has_shared_user());
}

/* Whose mailbox, and its name there. False: no mailbox can have that name. */
static bool split_name(struct imap *imap, struct view name, struct view *user_r, struct view *path_r)
{
    if (skip_level(&name, PLACE_SHARED)) {
        *user_r = place_shared_user(&imap->session->command_arena);
    } else if (skip_level(&name, PLACE_OTHERS)) {
        size_t end = view_find(name, '/', 0);
        if (end == SIZE_MAX)
            return false;
        *user_r = view_slice(name, 0, end);
        name = view_skip(name, end + 1);
    } else {
        return false;
    }
    *path_r = view_equal_string_nocase(name, "INBOX") ? VIEW_LITERAL("INBOX") : name;
    return user_r->size && path_r->size;
}

/* Without a read, a question or an answer: nobody shares anything with `who`. */
static bool nothing_is_shared(const struct imap *imap, const struct place_user *who, struct view user)
{
    struct store *store = imap->session->env->store;
    return !acl_may_be_shared_with(store, who->account) && !acl_may_be_shared_with_groups(store) &&
           !view_equal_nocase(user, who->name);
}

/* The account and path of a foreign name. */
static enum step_result find_account(struct imap *imap, struct step_context *context, const struct place_user *who,
                                     struct view name, struct place *place_r, enum store_error *error_r)
{
    struct view user;
    struct facts facts;
    *error_r = STORE_NO_MAILBOX;
    if (!split_name(imap, name, &user, &place_r->path) || nothing_is_shared(imap, who, user))
        return STEP_DONE;
    enum facts_result found = facts_find(imap->session, &imap->session->command_arena, 0, user, &facts);
    place_r->account = facts.account;
    return rights_facts(context, found, error_r);
}

enum step_result place_find_account(struct imap *imap, struct step_context *context, struct view name,
                                    struct facts *facts_r, enum store_error *error_r)
{
    struct view user, path;
    *error_r = STORE_NO_MAILBOX;
    if (!split_name(imap, name, &user, &path))
        return STEP_DONE;
    enum facts_result found = facts_find(imap->session, &imap->session->command_arena, 0, user, facts_r);
    return rights_facts(context, found, error_r);
}

/* ---- finding ---- */

static enum step_result find_foreign(struct imap *imap, struct step_context *context, const struct place_user *who,
                                     struct view name, uint32_t needs, struct place *place_r, enum store_error *error_r)
{
    enum step_result result = find_account(imap, context, who, name, place_r, error_r);
    if (result != STEP_DONE || *error_r)
        return result;
    struct reader reader = place_reader(imap, context, place_r);
    *error_r = mailbox_find(&reader, &imap->session->command_arena, place_r->path, &place_r->mailbox);
    if (*error_r == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (!*error_r)
        result = rights_find_of(imap, context, who->account, place_r->account, place_r->mailbox.id, &place_r->rights,
                                error_r);
    if (result == STEP_DONE && !*error_r)
        *error_r = rights_judge(place_r->rights, needs);
    /* What the owner subscribes to and uses it for is the owner's. */
    place_r->mailbox.flags &= ~(uint32_t)MAILBOX_SUBSCRIBED;
    place_r->mailbox.special_use = 0;
    return result;
}

static enum step_result find_place(struct imap *imap, struct step_context *context, const struct place_user *who,
                                   struct view name, uint32_t needs, struct place *place_r, enum store_error *error_r)
{
    *place_r = (struct place){.account = who->account, .path = name, .rights = RIGHTS_ALL};
    struct reader reader = place_reader(imap, context, place_r);
    *error_r = mailbox_find(&reader, &imap->session->command_arena, name, &place_r->mailbox);
    if (*error_r == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (*error_r != STORE_NO_MAILBOX || !place_is_foreign_name(name))
        return STEP_DONE;
    return find_foreign(imap, context, who, name, needs, place_r, error_r);
}

enum step_result place_find(struct imap *imap, struct step_context *context, struct view name, bool valid,
                            uint32_t needs, struct place *place_r, enum store_error *error_r)
{
    const struct place_user who = session_user(imap);
    *place_r = (struct place){.account = who.account, .path = name, .rights = RIGHTS_ALL};
    *error_r = STORE_NO_MAILBOX;
    return valid ? find_place(imap, context, &who, name, needs, place_r, error_r) : STEP_DONE;
}

/* Mail lies in it: it isn't only a parent. */
static void want_messages(const struct place *place, enum store_error *error)
{
    if (!*error && (place->mailbox.flags & MAILBOX_NOSELECT))
        *error = STORE_NO_MAILBOX;
}

enum step_result place_find_mailbox(struct imap *imap, struct step_context *context, struct view name, bool valid,
                                    uint32_t needs, struct place *place_r, enum store_error *error_r)
{
    enum step_result result = place_find(imap, context, name, valid, needs, place_r, error_r);
    want_messages(place_r, error_r);
    return result;
}

enum step_result place_find_mailbox_of(struct imap *imap, struct step_context *context, const struct place_user *who,
                                       struct view name, uint32_t needs, struct place *place_r,
                                       enum store_error *error_r)
{
    enum step_result result = find_place(imap, context, who, name, needs, place_r, error_r);
    want_messages(place_r, error_r);
    return result;
}

/* The rights in the nearest parent that is there; none at the top of an account. */
static enum step_result find_parent_rights(struct imap *imap, struct step_context *context, struct place *place,
                                           enum store_error *error_r)
{
    struct reader reader = place_reader(imap, context, place);
    struct mailbox parent;
    *error_r = STORE_NO_MAILBOX;
    for (size_t end = place->path.size; end > 0 && *error_r == STORE_NO_MAILBOX; end--)
        if (place->path.data[end - 1] == '/')
            *error_r = mailbox_find(&reader, NULL, view_slice(place->path, 0, end - 1), &parent);
    if (*error_r == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (!*error_r)
        return rights_find(imap, context, place->account, parent.id, &place->rights, error_r);
    place->rights = 0;
    *error_r = *error_r == STORE_NO_MAILBOX ? STORE_OK : *error_r;
    return STEP_DONE;
}

enum step_result place_find_new(struct imap *imap, struct step_context *context, struct view name,
                                struct place *place_r, enum store_error *error_r)
{
    *place_r = (struct place){.account = imap->session->account, .path = name, .rights = RIGHTS_ALL};
    *error_r = STORE_OK;
    if (!place_is_foreign_name(name))
        return STEP_DONE;
    const struct place_user who = session_user(imap);
    enum step_result result = find_account(imap, context, &who, name, place_r, error_r);
    if (result == STEP_DONE && !*error_r && !place_is_own(imap, place_r))
        result = find_parent_rights(imap, context, place_r, error_r);
    /* Nobody's, and somebody's that may not be looked at, are told alike. */
    if (result == STEP_DONE && (*error_r == STORE_NO_MAILBOX || (!*error_r && !(place_r->rights & RIGHT_CREATE))))
        *error_r = STORE_NO_RIGHT;
    return result;
}
