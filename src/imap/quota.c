/*
 * imap/quota.c: GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 4.1): one quota root an account.
 *
 * Does     STORAGE and MESSAGE where the account has such a limit, MAILBOX and ANNOTATION-STORAGE always. One's own
 *          root is "account". Who has the account setting imap.administrator hears of others' roots, "account/NAME",
 *          and sets limits, in the row where the command line's quota stands too. To anybody else there are no such
 *          roots, SETQUOTA is understood and refused, and QUOTASET isn't announced.
 * Waits    for auth, which knows whose account NAME is; for the writer.
 * Tested   tests/e2e/test_cap_quota.py, test_cap_quotaset.py
 */
#include "imap/place.h"
#include "store/annotation.h"

static const struct view root_name = VIEW_LITERAL("account"), root_of_others = VIEW_LITERAL("account/");

enum quota_resource { QUOTA_STORAGE, QUOTA_MESSAGE, QUOTA_ANNOTATIONS, QUOTA_OTHER, QUOTA_RESOURCES };

struct quota {
    struct view name; /* of a root, or of a mailbox */
    bool valid;
    /* whose it is, once that is known */
    bool found;
    uint64_t account;
    struct view user; /* empty: one's own */
    /* SETQUOTA: as they were written; 0: not at all */
    uint64_t limits[QUOTA_RESOURCES];
    unsigned named; /* bits of enum quota_resource */
};

/* ---- arguments ---- */

bool getquota_parse(struct imap *imap, struct arguments *a)
{
    struct quota *q = ARENA_NEW(a->arena, struct quota);
    imap->state = q;
    return arguments_space(a) && arguments_astring(a, &q->name) && arguments_end(a);
}

bool getquotaroot_parse(struct imap *imap, struct arguments *a)
{
    struct quota *q = ARENA_NEW(a->arena, struct quota);
    imap->state = q;
    return arguments_space(a) && arguments_mailbox(a, &q->name, &q->valid) && arguments_end(a);
}

static enum quota_resource resource_of(struct view word)
{
    static const char *const names[] = {
        [QUOTA_STORAGE] = "STORAGE", [QUOTA_MESSAGE] = "MESSAGE", [QUOTA_ANNOTATIONS] = "ANNOTATION-STORAGE"};
    size_t i = 0;
    while (i < QUOTA_OTHER && !view_equal_string_nocase(word, names[i]))
        i++;
    return (enum quota_resource)i;
}

static bool take_limit(struct arguments *a, struct quota *q)
{
    struct view word;
    uint64_t limit;
    if (!arguments_atom(a, &word) || !arguments_space(a) || !arguments_number(a, INT64_MAX, &limit))
        return false;
    enum quota_resource resource = resource_of(word);
    q->named |= 1u << resource;
    q->limits[resource] = limit;
    return true;
}

bool setquota_parse(struct imap *imap, struct arguments *a)
{
    struct quota *q = ARENA_NEW(a->arena, struct quota);
    imap->state = q;
    if (!arguments_space(a) || !arguments_astring(a, &q->name) || !arguments_space(a))
        return false;
    bool good = arguments_take(a, '(');
    if (good && !arguments_take(a, ')')) {
        do
            good = take_limit(a, q);
        while (good && arguments_take(a, ' '));
        good = good && arguments_take(a, ')');
    }
    if (!good)
        a->problem = "A list of resources and limits is expected";
    return good && arguments_end(a);
}

/* ---- responses ---- */

static uint64_t kibibytes(uint64_t octets)
{
    return octets / 1024 + (octets % 1024 != 0);
}

static void write_root(struct imap *imap, const struct quota *q)
{
    struct buffer name = {0};
    buffer_append_view(&name, q->user.size ? root_of_others : root_name);
    buffer_append_view(&name, q->user);
    imap_write_astring(imap_output(imap), buffer_view(&name));
    buffer_free(&name);
}

/* RFC 9208 5: STORAGE and ANNOTATION-STORAGE count 1024 octets. */
static void write_quota(struct imap *imap, const struct quota *q, const struct account *account,
                        const struct annotation_total *annotations)
{
    uint64_t most = annotation_limit(imap->session->env->store, annotations);
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* QUOTA ");
    write_root(imap, q);
    buffer_append_string(out, " (");
    if (account->quota_octets)
        buffer_printf(out, "STORAGE %llu %llu ", (unsigned long long)kibibytes(account->octets),
                      (unsigned long long)(account->quota_octets / 1024));
    if (account->quota_messages)
        buffer_printf(out, "MESSAGE %llu %llu ", (unsigned long long)account->messages,
                      (unsigned long long)account->quota_messages);
    buffer_printf(out, "MAILBOX %u %u ANNOTATION-STORAGE %llu %llu)\r\n", account->mailboxes, (unsigned)LIMIT_MAILBOXES,
                  (unsigned long long)kibibytes(annotations->octets), (unsigned long long)(most / 1024));
}

static enum step_result refuse(struct imap *imap, enum store_error error)
{
    if (error == STORE_NOT_FOUND)
        imap_finish(imap, "NO", "NONEXISTENT", "There is no such quota root");
    else
        imap_finish_error(imap, error);
    return STEP_DONE;
}

/* of_mailbox: that the mailbox has this root is told first. */
static enum step_result answer(struct imap *imap, struct step_context *context, const struct quota *q, bool of_mailbox)
{
    struct reader reader = {imap->session->env->store, q->account, context->mode};
    struct account account;
    struct annotation_total annotations;
    enum store_error error = account_read(&reader, &account);
    if (!error)
        error = annotation_total(&reader, &annotations);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error)
        return refuse(imap, error);
    if (of_mailbox) {
        struct buffer *out = imap_output(imap);
        buffer_append_string(out, "* QUOTAROOT ");
        imap_write_mailbox(imap, out, q->name);
        buffer_append_char(out, ' ');
        write_root(imap, q);
        buffer_append_string(out, "\r\n");
    }
    write_quota(imap, q, &account, &annotations);
    imap_finish(imap, "OK", NULL, "That is the quota");
    return STEP_DONE;
}

/* ---- whose it is ---- */

static void take_setting(void *ctx, struct view name, struct view value)
{
    bool *is = ctx;
    *is = *is || (view_equal_string(name, "imap.administrator") && view_equal_string(value, "yes"));
}

enum store_error quota_is_administrator(const struct imap *imap, enum read_mode mode, bool *is_r)
{
    struct reader reader = {imap->session->env->store, imap->session->account, mode};
    *is_r = false;
    return account_settings_each(&reader, "imap.", take_setting, is_r);
}

static void adopt(struct quota *q, uint64_t account, struct view user)
{
    q->account = account;
    q->user = user;
    q->found = true;
}

static void adopt_owner(const struct imap *imap, struct quota *q, const struct facts *facts)
{
    bool own = facts->account == imap->session->account;
    adopt(q, facts->account, own ? VIEW_EMPTY : facts->name);
}

/* "account/NAME": for the administrator. STORE_NOT_FOUND: nobody has that name. */
static enum step_result find_others(struct imap *imap, struct step_context *context, struct quota *q,
                                    enum store_error *error_r)
{
    struct facts facts = {0};
    struct view user = view_skip(q->name, root_of_others.size);
    enum facts_result found = facts_find(imap->session, &imap->session->command_arena, 0, user, &facts);
    enum step_result result = rights_facts(context, found, error_r);
    if (result == STEP_DONE && !*error_r)
        adopt_owner(imap, q, &facts);
    if (*error_r == STORE_NO_MAILBOX)
        *error_r = STORE_NOT_FOUND;
    return result;
}

/* The root of that name. STORE_NOT_FOUND: there is none, or it is no business of this user's. */
static enum step_result find_root(struct imap *imap, struct step_context *context, struct quota *q,
                                  enum store_error *error_r)
{
    bool administrator;
    *error_r = STORE_OK;
    if (q->found)
        return STEP_DONE;
    if (view_equal(q->name, root_name)) {
        adopt(q, imap->session->account, VIEW_EMPTY);
        return STEP_DONE;
    }
    *error_r = quota_is_administrator(imap, context->mode, &administrator);
    if (*error_r == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (!*error_r && administrator && view_starts_with(q->name, root_of_others))
        return find_others(imap, context, q, error_r);
    *error_r = *error_r ? *error_r : STORE_NOT_FOUND;
    return STEP_DONE;
}

/* ---- GETQUOTA, GETQUOTAROOT ---- */

enum step_result getquota_step(struct imap *imap, struct step_context *context)
{
    struct quota *q = imap->state;
    enum store_error error;
    enum step_result result = find_root(imap, context, q, &error);
    if (result != STEP_DONE)
        return result;
    return error ? refuse(imap, error) : answer(imap, context, q, false);
}

/* Another's mailbox has a root, which is the owner's business: none is told. */
static enum step_result answer_foreign(struct imap *imap, struct step_context *context, struct quota *q)
{
    struct place place;
    enum store_error error;
    enum step_result result = place_find(imap, context, q->name, true, RIGHT_READ, &place, &error);
    if (result != STEP_DONE)
        return result;
    if (error)
        return refuse(imap, error == STORE_NOT_FOUND ? STORE_NO_MAILBOX : error);
    if (place_is_own(imap, &place)) {
        adopt(q, place.account, VIEW_EMPTY);
        return answer(imap, context, q, true);
    }
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* QUOTAROOT ");
    imap_write_mailbox(imap, out, q->name);
    buffer_append_string(out, "\r\n");
    imap_finish(imap, "OK", NULL, "Its quota is the owner's");
    return STEP_DONE;
}

/* The administrator needs no rights in the mailbox: it is the owner's root that is asked for. */
static enum step_result find_foreign_root(struct imap *imap, struct step_context *context, struct quota *q)
{
    bool administrator;
    struct facts facts = {0};
    enum store_error error = quota_is_administrator(imap, context->mode, &administrator);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error || !administrator)
        return answer_foreign(imap, context, q);
    enum step_result result = place_find_account(imap, context, q->name, &facts, &error);
    if (result != STEP_DONE)
        return result;
    if (error)
        return refuse(imap, error);
    adopt_owner(imap, q, &facts);
    return answer(imap, context, q, true);
}

/* The mailbox need not exist (RFC 9208 4.1.2), if it would be one's own. */
enum step_result getquotaroot_step(struct imap *imap, struct step_context *context)
{
    struct quota *q = imap->state;
    if (!q->valid)
        return refuse(imap, STORE_BAD_NAME);
    if (!q->found && place_is_foreign_name(q->name))
        return find_foreign_root(imap, context, q);
    if (!q->found)
        adopt(q, imap->session->account, VIEW_EMPTY);
    return answer(imap, context, q, true);
}

/* ---- SETQUOTA ---- */

static enum store_error run_set(struct txn *txn, struct mutation *mutation)
{
    const struct quota *q = imap_of_mutation(mutation)->state;
    enum store_error error = account_put_quota(txn, q->limits[QUOTA_STORAGE] * 1024, q->limits[QUOTA_MESSAGE]);
    return error ? error : annotation_put_limit(txn, q->limits[QUOTA_ANNOTATIONS] * 1024);
}

static bool is_zero(const struct quota *q, enum quota_resource resource)
{
    return (q->named & 1u << resource) && !q->limits[resource];
}

/* Null: it can be set. A limit of 0 would be stored as none; of mailboxes there is one limit for all. */
static const char *problem_of(const struct quota *q)
{
    if (q->named & 1u << QUOTA_OTHER)
        return "STORAGE, MESSAGE and ANNOTATION-STORAGE can be limited, nothing else";
    if (is_zero(q, QUOTA_STORAGE) || is_zero(q, QUOTA_MESSAGE) || is_zero(q, QUOTA_ANNOTATIONS))
        return "A limit of 0 can't be set; a resource that is left out has none";
    bool high =
        q->limits[QUOTA_STORAGE] > INT64_MAX / 1024 || q->limits[QUOTA_ANNOTATIONS] > ANNOTATION_LIMIT_MOST / 1024;
    return high ? "No limit can be so high" : NULL;
}

/* STEP_DONE: the root is found, or the command is finished. */
static enum step_result begin_set(struct imap *imap, struct step_context *context, struct quota *q)
{
    bool administrator;
    enum store_error error = quota_is_administrator(imap, context->mode, &administrator);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error || !administrator) {
        imap_finish(imap, "NO", "NOPERM", "Only the administrator sets quotas");
        return STEP_DONE;
    }
    if (problem_of(q)) {
        imap_finish(imap, "NO", "CANNOT", problem_of(q));
        return STEP_DONE;
    }
    enum step_result result = find_root(imap, context, q, &error);
    return result == STEP_DONE && error ? refuse(imap, error) : result;
}

enum step_result setquota_step(struct imap *imap, struct step_context *context)
{
    struct quota *q = imap->state;
    enum step_result result = q->found ? STEP_DONE : begin_set(imap, context, q);
    if (result != STEP_DONE || imap->finished)
        return result;
    imap->mutation.account = q->account;
    imap->mutation.run = run_set;
    result = imap_mutate(imap, context);
    if (result != STEP_DONE)
        return result;
    return imap->mutation.result ? refuse(imap, imap->mutation.result) : answer(imap, context, q, false);
}
