/*
 * imap/copy.c: COPY (RFC 3501 6.4.7) and MOVE (RFC 6851), with COPYUID (RFC 4315 3).
 *
 * No octets are copied: only rows; from one account to another: copy_across.c. What MOVE took away is told as EXPUNGE
 * by sync.c, behind the COPYUID. Tested   tests/e2e/test_imap.py
 */
#include "imap/copy_across.h"
#include "imap/messagelimit.h"
#include "language/say.h"
#include "store/seen.h"

struct copying {
    struct across *across; /* first: copy_across.c finds it as the command's state. Null: within one account */
    struct uidset *set, *from;
    struct buffer to;
    struct view name;
    bool valid, found, limited;
    struct place target;
    struct copy copy;
    bool copied;
    struct uidset *seen; /* of the new messages, by a reader who isn't the owner */
    struct flag_change seen_change;
    uint32_t limit, lowest; /* RFC 9738 */
};

bool copy_parse(struct imap *imap, struct arguments *a)
{
    struct copying *c = ARENA_NEW(a->arena, struct copying);
    imap->state = c;
    return arguments_space(a) && arguments_sequence_set(a, imap, imap->uid, &c->set) && arguments_space(a) &&
           arguments_mailbox(a, &c->name, &c->valid) && arguments_end(a);
}

void copy_drop(struct imap *imap)
{
    struct copying *c = imap->state;
    if (!c)
        return;
    uidset_unref(&c->set);
    uidset_unref(&c->from);
    uidset_unref(&c->seen);
    buffer_free(&c->to);
    across_free(c->across);
}

static enum store_error run_copy(struct txn *txn, struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct copying *c = imap->state;
    return message_copy(txn, imap->selected.mailbox, c->set, c->target.mailbox.id, &c->copy);
}

/* The target, once; false: the command is finished or must wait, as *result_r says. */
static bool find_target(struct imap *imap, struct copying *c, struct step_context *context, bool move,
                        enum step_result *result_r)
{
    enum store_error error;
    *result_r = place_find_mailbox(imap, context, c->name, c->valid, RIGHT_INSERT, &c->target, &error);
    if (*result_r != STEP_DONE)
        return false;
    if (error == STORE_NO_MAILBOX && c->valid)
        imap_finish(imap, "NO", "TRYCREATE", "There is no such mailbox"); /* RFC 3501 6.4.7 */
    else if (error)
        imap_finish_error(imap, error);
    if (error)
        return false;
    c->found = true;
    c->from = uidset_new();
    c->copy = (struct copy){.move = move,
                            .dropped = FLAG_SYSTEM_ALL & (uint8_t)~rights_flags(c->target.rights),
                            .drops_keywords = !(c->target.rights & RIGHT_WRITE),
                            .drops_shared = !(c->target.rights & RIGHT_ANNOTATE), /* RFC 5257 4.6 */
                            .drops_private = !(c->target.rights & RIGHT_READ),
                            .annotated_by = imap->session->account,
                            .from_uids = c->from,
                            .to_uids = &c->to};
    if (!place_is_own(imap, &c->target)) /* what the owner has seen says nothing of the copy */
        c->copy.dropped |= FLAG_SEEN;
    imap_removal(imap, &c->copy.why);
    if (c->target.account != imap->selected.account)
        c->across = across_new(imap, c->set, &c->target, &c->copy);
    return true;
}

/* MOVE takes what the limit leaves; COPY is all or nothing (RFC 9738 3.1). False: the command is finished. */
static bool fits_limit(struct imap *imap, struct copying *c, bool move)
{
    c->limit = move ? messagelimit_of_command() : messagelimit_of_saving();
    c->lowest = messagelimit_clip(&c->set, c->limit);
    if (c->lowest && !move)
        messagelimit_refuse(imap, c->limit, c->lowest);
    return !c->lowest || move;
}

/* Both sets ascend pairwise, so the one names the other (RFC 4315 3). */
static void write_copyuid(const struct copying *c, struct buffer *out)
{
    struct uidset *to = uidset_new();
    struct view octets = buffer_view(&c->to);
    for (size_t i = 0; i + sizeof(uint32_t) <= octets.size; i += sizeof(uint32_t)) {
        uint32_t uid;
        memcpy(&uid, octets.data + i, sizeof uid);
        uidset_add(to, uid);
    }
    buffer_printf(out, "COPYUID %u ", c->copy.to_uidvalidity);
    uidset_write(c->from, out);
    buffer_append_char(out, ' ');
    uidset_write(to, out);
    uidset_unref(&to);
}

/* What NOTIFY tells otherwise than other sessions' doings. */
static void note_own(struct imap *imap, const struct copying *c, bool move)
{
    struct view octets = buffer_view(&c->to);
    for (size_t i = 0; place_is_selected(imap, &c->target) && i + sizeof(uint32_t) <= octets.size;
         i += sizeof(uint32_t)) {
        uint32_t uid;
        memcpy(&uid, octets.data + i, sizeof uid);
        imap_note_own(&imap->own_added, uid, uid);
    }
    if (move && !imap->own_gone)
        imap->own_gone = uidset_ref(c->from);
}

static void finish(struct imap *imap, const struct copying *c, bool move)
{
    const char *done = move ? "Moved" : "Copied";
    struct buffer code = {0};
    if (!uidset_count(c->from)) {
        if (c->lowest)
            messagelimit_finish(imap, c->limit, c->lowest);
        else
            imap_finish(imap, "OK", NULL, "No messages of that set are there");
        return;
    }
    write_copyuid(c, &code);
    if (move) { /* RFC 6851 4.3: before the EXPUNGE responses */
        struct buffer *out = imap_output(imap);
        buffer_append_string(out, "* OK [");
        buffer_append_view(out, buffer_view(&code));
        buffer_append_string(out, "] ");
        imap_say(imap, done);
        buffer_append_string(out, "\r\n");
        if (c->lowest)
            messagelimit_finish(imap, c->limit, c->lowest);
        else
            imap_finish(imap, "OK", NULL, done);
    } else {
        imap_finish_printf(imap, "OK", "[%.*s] %s", VIEW_PRINTF(buffer_view(&code)),
                           language_text(imap->session->language, done));
    }
    buffer_free(&code);
}

/* ---- \Seen in a mailbox of others ---- */

static enum store_error run_seen(struct txn *txn, struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct copying *c = imap->state;
    return message_set_flags(txn, c->target.mailbox.id, c->seen, &c->seen_change);
}

/* Those of the copies whose original the user has seen. */
static enum store_error choose_seen(struct imap *imap, struct copying *c, struct step_context *context)
{
    struct reader reader = selected_reader(imap, context);
    struct uidset *seen;
    struct view to = buffer_view(&c->to);
    size_t at = 0;
    enum store_error error = seen_read(&reader, imap->selected.mailbox, &seen);
    if (error)
        return error;
    c->seen = uidset_new();
    for (uint32_t uid = uidset_next(c->from, 1); uid && at + sizeof uid <= to.size;
         uid = uid == UINT32_MAX ? 0 : uidset_next(c->from, uid + 1), at += sizeof uid) {
        uint32_t copied;
        memcpy(&copied, to.data + at, sizeof copied);
        if (uidset_has(seen, uid))
            uidset_add(c->seen, copied);
    }
    uidset_unref(&seen);
    c->seen_change =
        (struct flag_change){.action = FLAGS_ADD, .flags = FLAG_SEEN, .seen_by = imap_seen_by(imap, c->target.account)};
    return STORE_OK;
}

/* The copies are there whatever becomes of this: a second change, and not all or nothing with the first. */
static enum step_result follow_seen(struct imap *imap, struct copying *c, struct step_context *context)
{
    if (place_is_own(imap, &c->target) || !(c->target.rights & RIGHT_SEEN))
        return STEP_DONE;
    if (!c->seen) {
        enum store_error error = choose_seen(imap, c, context);
        if (error)
            return error == STORE_WOULD_BLOCK ? imap_wait_pool(context) : STEP_DONE;
        imap_mutate_reset(imap);
    }
    return uidset_count(c->seen) ? imap_mutate_selected(imap, context, run_seen) : STEP_DONE;
}

static enum step_result copy_within(struct imap *imap, struct copying *c, struct step_context *context,
                                    enum store_error *error_r)
{
    enum step_result result = c->copied ? STEP_DONE : imap_mutate_selected(imap, context, run_copy);
    *error_r = STORE_OK;
    if (result != STEP_DONE)
        return result;
    *error_r = c->copied ? STORE_OK : imap->mutation.result;
    c->copied = !*error_r;
    return c->copied ? follow_seen(imap, c, context) : STEP_DONE;
}

static enum step_result step(struct imap *imap, struct step_context *context, bool move)
{
    struct copying *c = imap->state;
    enum step_result result;
    enum store_error error;
    if (!c->limited && !fits_limit(imap, c, move))
        return STEP_DONE;
    c->limited = true;
    if (!c->found && !find_target(imap, c, context, move, &result))
        return result;
    result = c->across ? across_step(c->across, context, &error) : copy_within(imap, c, context, &error);
    if (result != STEP_DONE)
        return result;
    if (error) {
        imap_finish_error(imap, error);
    } else {
        note_own(imap, c, move);
        finish(imap, c, move);
    }
    return STEP_DONE;
}

enum step_result copy_step(struct imap *imap, struct step_context *context)
{
    return step(imap, context, false);
}

enum step_result move_step(struct imap *imap, struct step_context *context)
{
    return step(imap, context, true);
}
