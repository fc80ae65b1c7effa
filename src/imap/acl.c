/*
 * imap/acl.c: SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 3).
 *
 * Does     identifiers are user names, "$" and a group's name, "anyone"; with "-" in front they take rights away. The
 *          owner has all rights, stands first in GETACL, and can't be given others.
 * Waits    for auth, which knows the account of a name and the name of an account.
 * Fails    without the right to look a mailbox up as if it weren't there: place.h.
 * Tested   tests/e2e/test_cap_acl.py, test_acl_matrix.py
 */
#include "digest/text.h"
#include "imap/place.h"

struct naming_rights {
    struct view name;
    bool valid;
    struct view identifier; /* as the client wrote it */
    struct acl_entry entry; /* of it; the account is found by the first step */
    enum acl_how how;
    struct place place;
    bool looked, known, noted;
    /* GETACL */
    struct acl acl;
    struct view *names; /* of the entries, and the owner's behind them; empty: nobody's any more */
    size_t named;
};

/* ---- arguments ---- */

static struct naming_rights *begin(struct imap *imap, struct arguments *a)
{
    struct naming_rights *n = ARENA_NEW(a->arena, struct naming_rights);
    imap->state = n;
    return n;
}

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

static bool take_mailbox(struct arguments *a, struct naming_rights *n)
{
    return arguments_space(a) && arguments_mailbox(a, &n->name, &n->valid);
}

/* Names of groups are kept as those of users are (auth/names.h). Empty: it can't be one. */
static struct view group_name(struct arena *arena, struct view text)
{
    char folded[LIMIT_GROUP_OCTETS + 1];
    return text_fold_name(text, folded, sizeof folded) ? arena_view(arena, view_of_string(folded)) : VIEW_EMPTY;
}

static bool take_identifier(struct arguments *a, struct naming_rights *n)
{
    if (!arguments_space(a) || !arguments_astring(a, &n->identifier))
        return false;
    struct view rest = n->identifier;
    n->entry.negative = rest.size && rest.data[0] == '-';
    rest = view_skip(rest, n->entry.negative);
    if (!rest.size || rest.size > LIMIT_USER_OCTETS || view_find(rest, '\0', 0) != SIZE_MAX)
        return fail(a, "A user, a $group or anyone is expected");
    n->entry.kind = view_equal_string_nocase(rest, "anyone") ? ACL_ANYONE
                    : rest.data[0] == '$'                    ? ACL_GROUP
                                                             : ACL_ACCOUNT;
    n->entry.group = n->entry.kind == ACL_GROUP ? group_name(a->arena, view_skip(rest, 1)) : VIEW_EMPTY;
    if (n->entry.kind == ACL_GROUP && !n->entry.group.size)
        return fail(a, "A group has no such name");
    return true;
}

static bool take_rights(struct arguments *a, struct naming_rights *n)
{
    struct view text;
    if (!arguments_space(a) || !arguments_astring(a, &text))
        return false;
    char first = text.size ? text.data[0] : '\0';
    n->how = first == '+' ? ACL_ADD : first == '-' ? ACL_REMOVE : ACL_REPLACE;
    return rights_read(view_skip(text, n->how != ACL_REPLACE), &n->entry.rights) || fail(a, "There is no such right");
}

bool setacl_parse(struct imap *imap, struct arguments *a)
{
    struct naming_rights *n = begin(imap, a);
    return take_mailbox(a, n) && take_identifier(a, n) && take_rights(a, n) && arguments_end(a);
}

/* No rights at all, in place of what there was. */
bool deleteacl_parse(struct imap *imap, struct arguments *a)
{
    struct naming_rights *n = begin(imap, a);
    return take_mailbox(a, n) && take_identifier(a, n) && arguments_end(a);
}

bool listrights_parse(struct imap *imap, struct arguments *a)
{
    return deleteacl_parse(imap, a);
}

bool getacl_parse(struct imap *imap, struct arguments *a)
{
    return take_mailbox(a, begin(imap, a)) && arguments_end(a);
}

bool myrights_parse(struct imap *imap, struct arguments *a)
{
    return getacl_parse(imap, a);
}

/* ---- what all of them look for ---- */

static enum step_result refuse(struct imap *imap, enum store_error error)
{
    imap_finish_error(imap, error);
    return STEP_DONE;
}

/* STEP_DONE and not imap->finished: the mailbox is known. */
static enum step_result look(struct imap *imap, struct naming_rights *n, uint32_t needs, struct step_context *context)
{
    enum store_error error;
    if (n->looked)
        return STEP_DONE;
    enum step_result result = place_find(imap, context, n->name, n->valid, needs, &n->place, &error);
    n->looked = result == STEP_DONE && !error;
    return result == STEP_DONE && error ? refuse(imap, error) : result;
}

/* STEP_DONE and not imap->finished: the account of the identifier is known. */
static enum step_result identify(struct imap *imap, struct naming_rights *n, struct step_context *context)
{
    struct facts facts;
    enum store_error error;
    if (n->known || n->entry.kind != ACL_ACCOUNT)
        return STEP_DONE;
    struct view name = view_skip(n->identifier, n->entry.negative);
    enum facts_result found = facts_find(imap->session, &imap->session->command_arena, 0, name, &facts);
    enum step_result result = rights_facts(context, found, &error);
    if (result != STEP_DONE)
        return result;
    if (error == STORE_NO_MAILBOX)
        imap_finish(imap, "NO", "CANNOT", "There is no such user");
    else if (error)
        return refuse(imap, error);
    n->entry.account = facts.account;
    n->known = true;
    return STEP_DONE;
}

static bool is_owner(const struct naming_rights *n)
{
    return n->entry.kind == ACL_ACCOUNT && n->entry.account == n->place.account;
}

/* ---- SETACL and DELETEACL ---- */

static enum store_error run_note(struct txn *txn, struct mutation *mutation)
{
    const struct naming_rights *n = imap_of_mutation(mutation)->state;
    return acl_note(txn, &n->entry, n->place.account);
}

static enum store_error run_change(struct txn *txn, struct mutation *mutation)
{
    const struct naming_rights *n = imap_of_mutation(mutation)->state;
    return acl_change(txn, n->place.mailbox.id, &n->entry, n->how);
}

/* First the list of who shares with whom, which may be too long but never too short. */
static enum step_result note(struct imap *imap, struct naming_rights *n, struct step_context *context)
{
    bool needed = !n->entry.negative && n->how != ACL_REMOVE && n->entry.rights;
    if (n->noted || !needed)
        return STEP_DONE;
    imap->mutation.run = run_note;
    enum step_result result = imap_mutate_root(imap, context);
    if (result != STEP_DONE)
        return result;
    if (imap->mutation.result)
        return refuse(imap, imap->mutation.result);
    imap_mutate_reset(imap);
    n->noted = true;
    return STEP_DONE;
}

static enum step_result change(struct imap *imap, struct step_context *context, const char *done)
{
    struct naming_rights *n = imap->state;
    enum step_result result = look(imap, n, RIGHT_ADMINISTER, context);
    if (result == STEP_DONE && !imap->finished)
        result = identify(imap, n, context);
    if (result != STEP_DONE || imap->finished)
        return result;
    if (is_owner(n)) {
        imap_finish(imap, "NO", "CANNOT", "The owner has all rights");
        return STEP_DONE;
    }
    result = note(imap, n, context);
    if (result != STEP_DONE || imap->finished)
        return result;
    imap->mutation.account = n->place.account;
    imap->mutation.run = run_change;
    result = imap_mutate(imap, context);
    if (result != STEP_DONE)
        return result;
    if (imap->mutation.result)
        return refuse(imap, imap->mutation.result);
    imap_finish(imap, "OK", NULL, done);
    return STEP_DONE;
}

enum step_result setacl_step(struct imap *imap, struct step_context *context)
{
    return change(imap, context, "Set");
}

enum step_result deleteacl_step(struct imap *imap, struct step_context *context)
{
    return change(imap, context, "Deleted");
}

/* ---- GETACL ---- */

static enum store_error read_list(struct imap *imap, struct naming_rights *n, struct step_context *context)
{
    struct reader reader = place_reader(imap, context, &n->place);
    struct arena *arena = &imap->session->command_arena;
    enum store_error error = n->names ? STORE_OK : acl_read(&reader, arena, n->place.mailbox.id, &n->acl);
    if (!error && !n->names)
        n->names = ARENA_ARRAY(arena, n->acl.count + 1, struct view);
    return error;
}

/* One name of an account: an entry's, or behind them all the owner's. */
static enum step_result find_name(struct imap *imap, struct naming_rights *n, struct step_context *context,
                                  enum store_error *error_r)
{
    bool owner = n->named == n->acl.count;
    const struct acl_entry *e = owner ? NULL : &n->acl.entries[n->named];
    struct facts facts = {0};
    *error_r = STORE_OK;
    if (owner || e->kind == ACL_ACCOUNT) {
        enum facts_result found = facts_find(imap->session, &imap->session->command_arena,
                                             owner ? n->place.account : e->account, VIEW_EMPTY, &facts);
        enum step_result result = rights_facts(context, found, error_r);
        if (result != STEP_DONE)
            return result;
        *error_r = *error_r == STORE_NO_MAILBOX ? STORE_OK : *error_r; /* a user who is gone: the entry says nothing */
    }
    n->names[n->named++] = facts.name;
    return STEP_DONE;
}

static void write_entry(struct imap *imap, const struct acl_entry *e, struct view name)
{
    struct buffer *out = imap_output(imap), identifier = {0};
    if (e->kind == ACL_ACCOUNT && !name.size)
        return;
    buffer_append_string(&identifier, e->negative ? "-" : "");
    buffer_append_string(&identifier, e->kind == ACL_ANYONE ? "anyone" : e->kind == ACL_GROUP ? "$" : "");
    buffer_append_view(&identifier, e->kind == ACL_GROUP ? e->group : name);
    buffer_append_char(out, ' ');
    imap_write_astring(out, buffer_view(&identifier));
    buffer_append_char(out, ' ');
    rights_write(e->rights, out);
    buffer_free(&identifier);
}

static void write_list(struct imap *imap, const struct naming_rights *n)
{
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* ACL ");
    imap_write_mailbox(imap, out, n->name);
    write_entry(imap, &(struct acl_entry){.kind = ACL_ACCOUNT, .rights = RIGHTS_ALL}, n->names[n->acl.count]);
    for (size_t i = 0; i < n->acl.count; i++)
        write_entry(imap, &n->acl.entries[i], n->names[i]);
    buffer_append_string(out, "\r\n");
}

enum step_result getacl_step(struct imap *imap, struct step_context *context)
{
    struct naming_rights *n = imap->state;
    enum step_result result = look(imap, n, RIGHT_ADMINISTER, context);
    if (result != STEP_DONE || imap->finished)
        return result;
    enum store_error error = read_list(imap, n, context);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    while (!error && n->named <= n->acl.count)
        if ((result = find_name(imap, n, context, &error)) != STEP_DONE)
            return result;
    if (error)
        return refuse(imap, error);
    write_list(imap, n);
    imap_finish(imap, "OK", NULL, "That is the list");
    return STEP_DONE;
}

/* ---- LISTRIGHTS and MYRIGHTS ---- */

/* RFC 4314 2.1.1: "c" and "d" stand by themselves, as nothing is tied to their members. */
enum step_result listrights_step(struct imap *imap, struct step_context *context)
{
    struct naming_rights *n = imap->state;
    struct buffer *out = imap_output(imap);
    enum step_result result = look(imap, n, RIGHT_ADMINISTER, context);
    if (result == STEP_DONE && !imap->finished)
        result = identify(imap, n, context);
    if (result != STEP_DONE || imap->finished)
        return result;
    buffer_append_string(out, "* LISTRIGHTS ");
    imap_write_mailbox(imap, out, n->name);
    buffer_append_char(out, ' ');
    imap_write_astring(out, n->identifier);
    if (is_owner(n)) {
        buffer_append_char(out, ' ');
        rights_write(RIGHTS_ALL, out);
    } else {
        buffer_append_string(out, " \"\" l r s w i p k x t e c d a n");
    }
    buffer_append_string(out, "\r\n");
    imap_finish(imap, "OK", NULL, "Those can be granted");
    return STEP_DONE;
}

void acl_write_myrights(struct imap *imap, struct view name, uint32_t rights)
{
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* MYRIGHTS ");
    imap_write_mailbox(imap, out, name);
    buffer_append_char(out, ' ');
    rights_write(rights, out);
    buffer_append_string(out, "\r\n");
}

enum step_result myrights_step(struct imap *imap, struct step_context *context)
{
    struct naming_rights *n = imap->state;
    enum step_result result = look(imap, n, RIGHT_ANY, context);
    if (result != STEP_DONE || imap->finished)
        return result;
    acl_write_myrights(imap, n->name, n->place.rights);
    imap_finish(imap, "OK", NULL, "Those are your rights");
    return STEP_DONE;
}
