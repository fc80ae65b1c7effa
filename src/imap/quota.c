/*
 * imap/quota.c: GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 4.1): one quota root, which is the account.
 *
 * Does     STORAGE and MESSAGE where the account has such a limit, MAILBOX and ANNOTATION-STORAGE always. Whoever reads
 * mail doesn't set quotas: SETQUOTA is understood and refused, and QUOTASET isn't announced. Tested
 * tests/e2e/test_cap_quota.py
 */
#include "imap/place.h"
#include "store/annotation.h"

static const struct view root_name = VIEW_LITERAL("account");

struct quota {
    struct view name; /* of a root, or of a mailbox */
    bool valid;
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

static bool take_limit(struct arguments *a)
{
    struct view resource;
    uint64_t limit;
    return arguments_atom(a, &resource) && arguments_space(a) && arguments_number(a, INT64_MAX, &limit);
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
            good = take_limit(a);
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

/* RFC 9208 5: STORAGE and ANNOTATION-STORAGE count 1024 octets. */
static void write_quota(struct imap *imap, const struct account *account, uint64_t annotations)
{
    uint64_t most = store_annotation_limit(imap->session->env->store);
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* QUOTA ");
    buffer_append_view(out, root_name);
    buffer_append_string(out, " (");
    if (account->quota_octets)
        buffer_printf(out, "STORAGE %llu %llu ", (unsigned long long)kibibytes(account->octets),
                      (unsigned long long)(account->quota_octets / 1024));
    if (account->quota_messages)
        buffer_printf(out, "MESSAGE %llu %llu ", (unsigned long long)account->messages,
                      (unsigned long long)account->quota_messages);
    buffer_printf(out, "MAILBOX %u %u ANNOTATION-STORAGE %llu %llu)\r\n", account->mailboxes, (unsigned)LIMIT_MAILBOXES,
                  (unsigned long long)kibibytes(annotations), (unsigned long long)(most / 1024));
}

static enum step_result answer(struct imap *imap, struct step_context *context, const struct quota *root_of)
{
    struct reader reader = session_reader(imap->session, context);
    struct account account;
    struct annotation_total annotations;
    enum store_error error = account_read(&reader, &account);
    if (!error)
        error = annotation_total(&reader, &annotations);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error) {
        imap_finish_error(imap, error);
        return STEP_DONE;
    }
    if (root_of) {
        struct buffer *out = imap_output(imap);
        buffer_append_string(out, "* QUOTAROOT ");
        imap_write_mailbox(imap, out, root_of->name);
        buffer_append_char(out, ' ');
        buffer_append_view(out, root_name);
        buffer_append_string(out, "\r\n");
    }
    write_quota(imap, &account, annotations.octets);
    imap_finish(imap, "OK", NULL, "That is the quota");
    return STEP_DONE;
}

enum step_result getquota_step(struct imap *imap, struct step_context *context)
{
    const struct quota *q = imap->state;
    if (view_equal(q->name, root_name))
        return answer(imap, context, NULL);
    imap_finish(imap, "NO", "NONEXISTENT", "There is no such quota root");
    return STEP_DONE;
}

/* Another's mailbox has a root, which is the owner's business: none is told. */
static enum step_result answer_foreign(struct imap *imap, struct step_context *context, const struct quota *q)
{
    struct place place;
    enum store_error error;
    enum step_result result = place_find(imap, context, q->name, true, RIGHT_READ, &place, &error);
    if (result != STEP_DONE)
        return result;
    if (error) {
        imap_finish_error(imap, error);
        return STEP_DONE;
    }
    if (place_is_own(imap, &place))
        return answer(imap, context, q);
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* QUOTAROOT ");
    imap_write_mailbox(imap, out, q->name);
    buffer_append_string(out, "\r\n");
    imap_finish(imap, "OK", NULL, "Its quota is the owner's");
    return STEP_DONE;
}

/* The mailbox need not exist (RFC 9208 4.1.2), if it would be one's own. */
enum step_result getquotaroot_step(struct imap *imap, struct step_context *context)
{
    const struct quota *q = imap->state;
    if (q->valid)
        return place_is_foreign_name(q->name) ? answer_foreign(imap, context, q) : answer(imap, context, q);
    imap_finish_error(imap, STORE_BAD_NAME);
    return STEP_DONE;
}

enum step_result setquota_step(struct imap *imap, struct step_context *context)
{
    imap_finish(imap, "NO", "NOPERM", "Only the administrator sets quotas");
    return STEP_DONE;
}
