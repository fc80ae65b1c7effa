/*
 * imap/select.c: SELECT, EXAMINE, UNSELECT, and the client's view of the selected mailbox (RFC 3501 6.3.1, 6.3.2).
 *
 * The view is the store's shared set of UIDs, as it was: opening a mailbox costs the same whatever its size.
 * Tested   tests/e2e/test_imap.py
 */
#include "base/memory.h"
#include "imap/context.h"
#include "imap/list.h"
#include "imap/place.h"
#include "imap/resync.h"
#include <stdlib.h>

enum { UNSEEN_CHUNKS = 8 };

struct select {
    struct view name, sent;
    bool valid, condstore, annotate, begun;
    struct resync resync;
};

/* "CONDSTORE", "QRESYNC (...)" (RFC 7162 3.1.8, 3.2.5), "ANNOTATE" (RFC 5257 4.2). */
static bool take_parameter(struct imap *imap, struct arguments *a, struct select *select)
{
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    if (view_equal_string_nocase(word, "QRESYNC"))
        return resync_parse(imap, a, &select->resync);
    if (view_equal_string_nocase(word, "CONDSTORE")) {
        select->condstore = true;
        return true;
    }
    if (view_equal_string_nocase(word, "ANNOTATE")) {
        select->annotate = true;
        return true;
    }
    a->problem = "Unknown parameter of SELECT";
    return false;
}

static bool take_parameters(struct imap *imap, struct arguments *a, struct select *select)
{
    if (!arguments_take(a, ' '))
        return true;
    if (!arguments_take(a, '(')) {
        a->problem = "A list of parameters is expected";
        return false;
    }
    do {
        if (!take_parameter(imap, a, select))
            return false;
    } while (arguments_take(a, ' '));
    if (arguments_take(a, ')'))
        return true;
    a->problem = "The list of parameters doesn't end";
    return false;
}

bool select_parse(struct imap *imap, struct arguments *a)
{
    struct select *select = ARENA_NEW(a->arena, struct select);
    imap->state = select;
    if (!arguments_space(a) || !arguments_mailbox(a, &select->name, &select->valid))
        return false;
    select->sent = a->sent;
    return take_parameters(imap, a, select) && arguments_end(a);
}

void selected_close(struct imap *imap)
{
    if (imap->selected.open && imap->selected.account != imap->session->account)
        session_watch(imap->session, 0);
    free(imap->selected.name);
    uidset_unref(&imap->selected.uids);
    uidset_unref(&imap->selected.unsaid);
    uidset_unref(&imap->selected.saved);
    contexts_free(imap);
    imap->selected = (struct selected){0};
}

uint32_t selected_number(const struct imap *imap, uint32_t uid)
{
    return uidset_has(imap->selected.uids, uid) ? uidset_rank(imap->selected.uids, uid) : 0;
}

/* ---- what SELECT says ---- */

/* The number of the first unseen message, if it stands near the beginning: RFC 3501 7.1 asks for no more than that it
 * may be told, and nobody waits for a scan of the mailbox. */
static uint32_t first_unseen(const struct reader *reader, uint32_t mailbox, const struct uidset *uids)
{
    struct message_rows rows;
    uint32_t from = 1;
    for (unsigned i = 0; i < UNSEEN_CHUNKS; i++) {
        if (message_rows(reader, mailbox, from, &rows) != STORE_OK)
            return 0;
        for (size_t row = 0; row < rows.count; row++)
            if (!(rows.rows[row].flags & FLAG_SEEN))
                return uidset_has(uids, rows.rows[row].uid) ? uidset_rank(uids, rows.rows[row].uid) : 0;
        if (rows.at_end || !rows.count)
            return 0;
        from = rows.rows[rows.count - 1].uid + 1;
    }
    return 0;
}

/* RFC 4314 5.1.1: PERMANENTFLAGS are those that this user may change. */
static void write_permanent(struct imap *imap, const struct keywords *used, const struct view *names, size_t count)
{
    const struct selected *s = &imap->selected;
    struct buffer *out = imap_output(imap);
    bool writes = s->rights & RIGHT_WRITE;
    uint8_t flags = rights_flags(s->rights);
    buffer_append_string(out, "* OK [PERMANENTFLAGS ");
    if (s->read_only || !flags) {
        buffer_append_string(out, "()] ");
        imap_say(imap, "Read-only mailbox\r\n");
        return;
    }
    imap_write_flags(out, flags, writes ? used : &(struct keywords){{0}}, names, count);
    buffer_truncate(out, buffer_size(out) - 1);
    buffer_append_string(out, writes ? " \\*)] " : ")] ");
    imap_say(imap, writes ? "Flags are kept\r\n" : "These flags are kept\r\n");
}

enum store_error selected_tell_flags(struct imap *imap, const struct reader *reader)
{
    struct view *names = NULL;
    size_t count = 0;
    struct keywords *used = &imap->selected.keywords;
    struct buffer *out = imap_output(imap);
    enum store_error error = keyword_used(reader, imap->selected.mailbox, used);
    if (!error)
        error = imap_names_for(imap, reader, used, &names, &count);
    if (error)
        return error;
    buffer_append_string(out, "* FLAGS ");
    imap_write_flags(out, FLAG_SYSTEM_ALL, used, names, count);
    buffer_append_string(out, "\r\n");
    write_permanent(imap, used, names, count);
    return STORE_OK;
}

static enum store_error open_mailbox(struct imap *imap, const struct reader *reader, const struct place *place,
                                     bool read_only)
{
    const struct mailbox *mailbox = &place->mailbox;
    struct selected *s = &imap->selected;
    struct buffer *out = imap_output(imap);
    size_t before = buffer_size(out);
    *s = (struct selected){.read_only = read_only,
                           .account = place->account,
                           .mailbox = mailbox->id,
                           .rights = place->rights,
                           .uidvalidity = mailbox->uidvalidity};
    enum store_error error = mailbox_uids(reader, mailbox->id, &s->uids, &s->modseq);
    if (!error)
        error = selected_tell_flags(imap, reader);
    if (error) {
        buffer_truncate(out, before);
        selected_close(imap);
        return error;
    }
    uint32_t highest = uidset_max(s->uids);
    s->next_uid = mailbox->uidnext > highest ? mailbox->uidnext : highest + 1;
    imap_untagged(imap, "%u EXISTS", uidset_count(s->uids));
    bool rev2 = imap->enabled & ENABLED_REV2; /* RFC 9051 E: no RECENT, no UNSEEN */
    bool numbers = !rev2 && !(imap->enabled & ENABLED_UIDONLY);
    bool any = mailbox->unseen || reader->seen_by; /* that counter is the owner's */
    uint32_t unseen = any && numbers ? first_unseen(reader, mailbox->id, s->uids) : 0;
    if (!rev2)
        imap_untagged(imap, "0 RECENT");
    if (unseen)
        imap_untagged(imap, "OK [UNSEEN %u] First unseen", unseen);
    imap_untagged(imap, "OK [UIDVALIDITY %u] UIDs are valid", s->uidvalidity);
    imap_untagged(imap, "OK [UIDNEXT %u] Predicted next UID", s->next_uid);
    imap_untagged(imap, "OK [HIGHESTMODSEQ %llu] Highest", (unsigned long long)s->modseq);
    imap_untagged(imap, "OK [MAILBOXID (M%llx)] Its id", (unsigned long long)mailbox->mailbox_id); /* RFC 8474 4.2 */
    if (read_only)                                                                                 /* RFC 5257 4.1 */
        imap_untagged(imap, "OK [ANNOTATIONS READ-ONLY] Annotations can be read");
    else
        imap_untagged(imap, "OK [ANNOTATIONS %u] Annotations are kept", (unsigned)LIMIT_ANNOTATION_OCTETS);
    s->open = true;
    return STORE_OK;
}

/* RFC 3501 6.3.1: whatever comes of this one, the last is closed. RFC 7162 3.2.11: and the client hears of it. */
static void close_last(struct imap *imap, struct select *select)
{
    if (select->begun)
        return;
    select->begun = true;
    if (select->condstore)
        imap->enabled |= ENABLED_CONDSTORE;
    if (imap->selected.open)
        imap_untagged(imap, "OK [CLOSED] The last mailbox is closed");
    selected_close(imap);
}

enum step_result select_step(struct imap *imap, struct step_context *context)
{
    struct select *select = imap->state;
    struct place place;
    enum store_error error;
    bool read_only = view_equal_string(view_of_string(imap->command->name), "EXAMINE");
    close_last(imap, select);
    enum step_result result =
        place_find_mailbox(imap, context, select->name, select->valid, RIGHT_READ, &place, &error);
    if (result != STEP_DONE)
        return result;
    struct reader reader = place_reader(imap, context, &place);
    if (!error)
        error = open_mailbox(imap, &reader, &place, read_only);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error) {
        imap_finish_error(imap, error);
        return STEP_DONE;
    }
    imap->selected.annotate = select->annotate;
    if (!place_is_own(imap, &place)) {
        imap->selected.name = memory_copy(select->name.data, select->name.size);
        session_watch(imap->session, place.account);
    }
    bool writes =
        !read_only && (place.rights & (RIGHT_INSERT | RIGHT_EXPUNGE | RIGHT_WRITE | RIGHT_DELETE | RIGHT_ANNOTATE));
    const char *code = writes ? "READ-WRITE" : "READ-ONLY"; /* RFC 4314 5.2: \Seen is no shared flag here */
    const char *text = read_only ? "Examined" : "Selected";
    if (imap->enabled & ENABLED_REV2) /* RFC 9051 6.3.2 */
        list_write_one(imap, "", &place.mailbox, select->name, select->sent);
    if (select->resync.wanted && select->resync.uidvalidity == imap->selected.uidvalidity) {
        resync_begin(imap, &select->resync, code, text);
        return STEP_AGAIN;
    }
    imap_finish(imap, "OK", code, text);
    return STEP_DONE;
}

enum step_result unselect_step(struct imap *imap, struct step_context *context)
{
    selected_close(imap);
    imap_finish(imap, "OK", NULL, "Unselected");
    return STEP_DONE;
}
