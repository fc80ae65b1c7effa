/*
 * imap/uidbatches.c: UIDBATCHES (draft-ietf-mailmaint-imap-uidbatches): ranges of UIDs that hold so many messages each,
 * the newest first, so that a client may work through a mailbox without message numbers.
 *
 * Does     no read: what the client knows of the mailbox is what is divided. The ranges adjoin each other, the last of
 *          the mailbox goes down to 1; "$" stays as it is.
 * Limits   LIMIT_UIDBATCHES_LEAST.
 * Tested   tests/e2e/test_cap_uidbatches.py
 */
#include "imap/private.h"

struct batches {
    uint64_t size;
    uint64_t next, last; /* batches to tell, from 1 */
    bool begun, any;
};

bool uidbatches_parse(struct imap *imap, struct arguments *a)
{
    struct batches *b = ARENA_NEW(a->arena, struct batches);
    imap->state = b;
    b->next = 1;
    b->last = UINT32_MAX;
    if (!arguments_space(a) || !arguments_number(a, UINT32_MAX, &b->size))
        return false;
    if (!arguments_take(a, ' '))
        return arguments_end(a);
    if (!arguments_number(a, UINT32_MAX, &b->next) || !arguments_take(a, ':') ||
        !arguments_number(a, UINT32_MAX, &b->last) || !arguments_end(a))
        return false;
    if (!b->next || b->next > b->last) {
        a->problem = "A range of batches is two numbers from 1, the smaller one first";
        a->code = "CLIENTBUG";
    }
    return !a->problem;
}

/* Message n of the newest: 0 is the last one. 0 if there are not so many. */
static uint32_t newest(const struct uidset *uids, uint64_t n)
{
    uint32_t count = uidset_count(uids);
    return n < count ? uidset_select(uids, count - (uint32_t)n) : 0;
}

static void write_batch(struct batches *b, const struct uidset *uids, struct buffer *out)
{
    uint64_t before = (b->next - 1) * b->size;
    uint32_t high = before ? newest(uids, before - 1) - 1 : newest(uids, 0);
    uint32_t low = before + b->size < uidset_count(uids) ? newest(uids, before + b->size - 1) : 1;
    buffer_append_char(out, b->any ? ',' : ' ');
    buffer_append_u64(out, high);
    buffer_append_char(out, ':');
    buffer_append_u64(out, low);
    b->any = true;
    b->next++;
}

enum step_result uidbatches_step(struct imap *imap, struct step_context *context)
{
    struct batches *b = imap->state;
    struct buffer *out = imap_output(imap);
    enum step_result result;
    if (b->size < LIMIT_UIDBATCHES_LEAST) {
        imap_finish_printf(imap, "NO", "[TOOFEW] A batch has at least %d messages", (int)LIMIT_UIDBATCHES_LEAST);
        return STEP_DONE;
    }
    if (!b->begun)
        buffer_printf(out, "* UIDBATCHES (TAG \"%.*s\")", VIEW_PRINTF(imap->tag));
    b->begun = true;
    while (b->next <= b->last && (b->next - 1) * b->size < uidset_count(imap->selected.uids)) {
        write_batch(b, imap->selected.uids, out);
        if (imap_slice_over(imap, context, &result))
            return result;
    }
    buffer_append_string(out, "\r\n");
    imap_finish(imap, "OK", NULL, "Uidbatches completed");
    return STEP_DONE;
}
