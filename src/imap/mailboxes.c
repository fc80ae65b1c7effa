/*
 * imap/mailboxes.c: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 6.3.3 to 6.3.7).
 *
 * Each is one mutation of the account; the store knows the rules of names and of INBOX.
 * Tested   tests/e2e/test_imap.py
 */
#include "imap/list.h"
#include "imap/place.h"

struct naming {
    struct view name, to;
    struct view sent, to_sent; /* before they were put into canonical form */
    bool valid, to_valid;
    uint32_t special_use;
    struct mailbox made;
    struct place found; /* of RENAME: the old one */
    struct place target;
    bool looked;
    struct removal why;
};

/* ---- arguments ---- */

bool mailbox_name_parse(struct imap *imap, struct arguments *a)
{
    struct naming *n = ARENA_NEW(a->arena, struct naming);
    imap->state = n;
    bool good = arguments_space(a) && arguments_mailbox(a, &n->name, &n->valid);
    n->sent = a->sent;
    return good && arguments_end(a);
}

bool rename_parse(struct imap *imap, struct arguments *a)
{
    struct naming *n = ARENA_NEW(a->arena, struct naming);
    imap->state = n;
    if (!arguments_space(a) || !arguments_mailbox(a, &n->name, &n->valid))
        return false;
    n->sent = a->sent;
    if (!arguments_space(a) || !arguments_mailbox(a, &n->to, &n->to_valid))
        return false;
    n->to_sent = a->sent;
    return arguments_end(a);
}

static bool take_use(struct arguments *a, struct naming *n)
{
    static const struct {
        const char *name;
        uint32_t use;
    } uses[] = {{"All", USE_ALL},   {"Archive", USE_ARCHIVE}, {"Drafts", USE_DRAFTS}, {"Flagged", USE_FLAGGED},
                {"Junk", USE_JUNK}, {"Sent", USE_SENT},       {"Trash", USE_TRASH},   {"Important", USE_IMPORTANT}};
    struct view word;
    if (!arguments_take(a, '\\') || !arguments_atom(a, &word)) {
        a->problem = "A special use is expected";
        return false;
    }
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        if (view_equal_string_nocase(word, uses[i].name)) {
            n->special_use |= uses[i].use;
            return true;
        }
    }
    a->problem = "There is no such special use";
    return false;
}

/* " (USE (\Sent))" (RFC 6154 3). */
static bool take_uses(struct arguments *a, struct naming *n)
{
    struct view word;
    if (!arguments_take(a, ' '))
        return true;
    if (!arguments_take(a, '(') || !arguments_atom(a, &word) || !view_equal_string_nocase(word, "USE") ||
        !arguments_take(a, ' ') || !arguments_take(a, '(')) {
        a->problem = "Unknown parameter of CREATE";
        return false;
    }
    do {
        if (!take_use(a, n))
            return false;
    } while (arguments_take(a, ' '));
    bool inner = arguments_take(a, ')');
    if (inner && arguments_take(a, ')'))
        return true;
    a->problem = "The parameters of CREATE don't end";
    return false;
}

bool create_parse(struct imap *imap, struct arguments *a)
{
    struct naming *n = ARENA_NEW(a->arena, struct naming);
    imap->state = n;
    if (!arguments_space(a) || !arguments_mailbox(a, &n->name, &n->valid))
        return false;
    n->sent = a->sent;
    return take_uses(a, n) && arguments_end(a);
}

/* ---- the mutations ---- */

static enum store_error run_create(struct txn *txn, struct mutation *mutation)
{
    struct naming *n = imap_of_mutation(mutation)->state;
    return mailbox_create(txn, n->target.path, n->special_use, &n->made);
}

static enum store_error run_delete(struct txn *txn, struct mutation *mutation)
{
    struct naming *n = imap_of_mutation(mutation)->state;
    return mailbox_delete(txn, n->found.mailbox.id, &n->why);
}

static enum store_error run_rename(struct txn *txn, struct mutation *mutation)
{
    struct naming *n = imap_of_mutation(mutation)->state;
    return mailbox_rename(txn, n->found.path, n->target.path, &n->why);
}

static enum store_error run_subscribe(struct txn *txn, struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct naming *n = imap->state;
    return mailbox_subscribe(txn, n->name, imap->command->name[0] == 'S');
}

/* ---- the steps ---- */

static enum step_result mutate(struct imap *imap, struct step_context *context,
                               enum store_error (*run)(struct txn *txn, struct mutation *mutation), const char *done)
{
    imap->mutation.run = run;
    enum step_result result = imap_mutate(imap, context);
    if (result != STEP_DONE)
        return result;
    if (imap->mutation.result)
        imap_finish_error(imap, imap->mutation.result);
    else
        imap_finish(imap, "OK", NULL, done);
    return STEP_DONE;
}

static enum step_result bad_name(struct imap *imap, enum store_error error)
{
    imap_finish_error(imap, error);
    return STEP_DONE;
}

/* The client learns the name that the store made of its own. */
static bool was_converted(const struct imap *imap, struct view name, struct view sent)
{
    return (imap->enabled & ENABLED_REV2) && list_is_other_name(name, sent);
}

/* Where the new mailbox shall be. STEP_DONE with n->looked: it may. */
static enum step_result look_for_new(struct imap *imap, struct naming *n, struct view name,
                                     struct step_context *context)
{
    enum store_error error;
    enum step_result result = place_find_new(imap, context, name, &n->target, &error);
    n->looked = result == STEP_DONE && !error;
    if (result == STEP_DONE && error)
        imap_finish_error(imap, error);
    imap->mutation.account = n->target.account;
    return result;
}

enum step_result create_step(struct imap *imap, struct step_context *context)
{
    struct naming *n = imap->state;
    if (!n->valid)
        return bad_name(imap, STORE_BAD_NAME);
    if (!n->looked) {
        enum step_result looked = look_for_new(imap, n, n->name, context);
        if (looked != STEP_DONE || !n->looked)
            return looked;
        if (!place_is_own(imap, &n->target))
            n->special_use = 0; /* what its owner uses it for, the owner says */
    }
    enum step_result result = mutate(imap, context, run_create, "Created");
    if (result == STEP_DONE && !imap->mutation.result) /* RFC 8474 4.1 */
        imap_finish_printf(imap, "OK", "[MAILBOXID (M%llx)] Created", (unsigned long long)n->made.mailbox_id);
    if (result == STEP_DONE && !imap->mutation.result && was_converted(imap, n->name, n->sent)) /* RFC 9051 6.3.4 */
        list_write_one(imap, "", &n->made, n->name, n->sent);
    return result;
}

enum step_result delete_step(struct imap *imap, struct step_context *context)
{
    struct naming *n = imap->state;
    enum store_error error;
    if (!n->looked) {
        enum step_result result = place_find(imap, context, n->name, n->valid, RIGHT_DELETE_MAILBOX, &n->found, &error);
        if (result != STEP_DONE)
            return result;
        if (error)
            return bad_name(imap, error);
        n->looked = true;
        imap_removal(imap, &n->why);
        imap->mutation.frees_space = true;
        /* A client that deletes what it has selected goes on without (RFC 3501 says nothing; it must not be cut off).
         */
        if (place_is_selected(imap, &n->found) && !view_equal_string(n->found.path, "INBOX"))
            selected_close(imap);
        imap->mutation.account = n->found.account;
    }
    enum step_result result = mutate(imap, context, run_delete, "Deleted");
    if (result == STEP_DONE && !imap->mutation.result && was_converted(imap, n->name, n->sent)) /* RFC 9051 6.3.5 */
        list_write_one(imap, "\\NonExistent", &(struct mailbox){0}, n->name, n->sent);
    return result;
}

/* RFC 4314 4: "x" of the mailbox, "k" of the new parent. An INBOX isn't renamed but emptied: that is for its owner. */
static enum step_result look_for_rename(struct imap *imap, struct naming *n, struct step_context *context)
{
    enum store_error error;
    enum step_result result = place_find(imap, context, n->name, true, RIGHT_DELETE_MAILBOX, &n->found, &error);
    if (result != STEP_DONE)
        return result;
    if (!error && !place_is_own(imap, &n->found) && view_equal_string(n->found.path, "INBOX"))
        error = STORE_NO_RIGHT;
    if (error)
        return bad_name(imap, error);
    result = look_for_new(imap, n, n->to, context);
    if (result != STEP_DONE || !n->looked || n->found.account == n->target.account)
        return result;
    n->looked = false;
    return bad_name(imap, STORE_FORBIDDEN); /* a mailbox stays in its account */
}

enum step_result rename_step(struct imap *imap, struct step_context *context)
{
    struct naming *n = imap->state;
    if (!n->valid || !n->to_valid)
        return bad_name(imap, n->valid ? STORE_BAD_NAME : STORE_NO_MAILBOX);
    if (!n->looked) {
        enum step_result looked = look_for_rename(imap, n, context);
        if (looked != STEP_DONE || !n->looked)
            return looked;
    }
    imap_removal(imap, &n->why);
    enum step_result result = mutate(imap, context, run_rename, "Renamed");
    bool converted = was_converted(imap, n->name, n->sent) || was_converted(imap, n->to, n->to_sent);
    if (result == STEP_DONE && !imap->mutation.result && converted) /* RFC 9051 6.3.6 */
        list_write_one(imap, "", &(struct mailbox){0}, n->to, n->sent);
    return result;
}

enum step_result subscribe_step(struct imap *imap, struct step_context *context)
{
    const struct naming *n = imap->state;
    if (!n->valid)
        return bad_name(imap, STORE_BAD_NAME);
    return mutate(imap, context, run_subscribe, "Subscribed");
}

enum step_result unsubscribe_step(struct imap *imap, struct step_context *context)
{
    const struct naming *n = imap->state;
    if (!n->valid)
        return bad_name(imap, STORE_BAD_NAME);
    return mutate(imap, context, run_subscribe, "Unsubscribed");
}
