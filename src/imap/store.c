/*
 * imap/store.c: STORE of flags (RFC 3501 6.4.6) or annotations (RFC 5257 4.5), conditional with UNCHANGEDSINCE (RFC
 * 7162 3.1.3).
 *
 * Does     one mutation for the whole set, then a FETCH response for each message of it, from its row as it is then.
 * Tested   tests/e2e/test_imap.py
 */
#include "base/memory.h"
#include "imap/annotation.h"
#include "imap/messagelimit.h"
#include "imap/place.h"

struct storing {
    struct uidset *set, *changed, *refused;
    struct flag_list flags;
    struct flag_change change;
    bool annotates; /* annotations in place of flags */
    struct annotation_list annotations;
    struct annotation_change annotation_change;
    uint32_t part_uid; /* the next whose parts are looked at */
    bool silent;
    uint32_t limit, lowest; /* RFC 9738 */
    uint32_t next_uid;
    bool missing;
    struct message_rows rows;
    struct view *names;
    size_t name_count;
};

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

static bool take_modifier(struct imap *imap, struct arguments *a, struct storing *s)
{
    struct view word;
    if (!arguments_take(a, '('))
        return true;
    if (!arguments_atom(a, &word) || !view_equal_string_nocase(word, "UNCHANGEDSINCE") || !arguments_space(a) ||
        !arguments_number(a, INT64_MAX, &s->change.unchanged_since) || !arguments_take(a, ')'))
        return fail(a, "Unknown modifier of STORE");
    s->change.check_modseq = true;
    imap->enabled |= ENABLED_CONDSTORE;
    return arguments_space(a);
}

static bool take_action(struct arguments *a, struct storing *s)
{
    struct view word;
    bool plain = arguments_peek(a) != '+' && arguments_peek(a) != '-';
    s->change.action = arguments_take(a, '+') ? FLAGS_ADD : arguments_take(a, '-') ? FLAGS_REMOVE : FLAGS_REPLACE;
    if (!arguments_atom(a, &word))
        return false;
    s->annotates = plain && view_equal_string_nocase(word, "ANNOTATION");
    s->silent = s->annotates || view_equal_string_nocase(word, "FLAGS.SILENT");
    return s->silent || view_equal_string_nocase(word, "FLAGS") || fail(a, "FLAGS is expected");
}

static bool take_what(struct imap *imap, struct arguments *a, struct storing *s)
{
    return s->annotates ? annotation_take_list(a, imap->session->account, &s->annotations)
                        : arguments_flags(a, true, &s->flags);
}

bool store_parse(struct imap *imap, struct arguments *a)
{
    struct storing *s = ARENA_NEW(a->arena, struct storing);
    imap->state = s;
    s->next_uid = 1;
    if (!arguments_space(a) || !arguments_sequence_set(a, imap, imap->uid, &s->set) || !arguments_space(a) ||
        !take_modifier(imap, a, s) || !take_action(a, s) || !arguments_space(a) || !take_what(imap, a, s) ||
        !arguments_end(a))
        return false;
    s->limit = messagelimit_of_command();
    s->lowest = messagelimit_clip(&s->set, s->limit);
    s->changed = uidset_new();
    s->refused = uidset_new();
    s->change.flags = s->flags.flags;
    s->change.keywords = s->flags.keywords;
    s->change.keyword_count = s->flags.keyword_count;
    s->change.changed = s->changed;
    s->change.refused = s->refused;
    s->part_uid = 1;
    s->annotation_change = (struct annotation_change){.rows = s->annotations.rows,
                                                      .count = s->annotations.count,
                                                      .check_modseq = s->change.check_modseq,
                                                      .unchanged_since = s->change.unchanged_since,
                                                      .changed = s->changed,
                                                      .refused = s->refused};
    imap_fault_keyword(imap, &s->flags);
    return true;
}

void store_drop(struct imap *imap)
{
    struct storing *s = imap->state;
    if (!s)
        return;
    uidset_unref(&s->set);
    uidset_unref(&s->changed);
    uidset_unref(&s->refused);
}

static enum store_error run_store(struct txn *txn, struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct storing *s = imap->state;
    if (s->annotates)
        return message_annotate(txn, imap->selected.mailbox, s->set, &s->annotation_change);
    s->change.seen_by = imap_seen_by(imap, imap->selected.account);
    return message_set_flags(txn, imap->selected.mailbox, s->set, &s->change);
}

/* ---- the FETCH responses ---- */

static void write_response(struct imap *imap, const struct storing *s, const struct message_row *row)
{
    struct buffer *out = imap_output(imap);
    bool condstore = imap->enabled & ENABLED_CONDSTORE;
    const char *between = "";
    imap_begin_fetch(imap, out, row->uid, selected_number(imap, row->uid));
    if ((imap->uid || condstore) && !(imap->enabled & ENABLED_UIDONLY)) {
        buffer_append_string(out, "UID ");
        buffer_append_u64(out, row->uid);
        between = " ";
    }
    if (!s->silent) {
        buffer_printf(out, "%sFLAGS ", between);
        imap_write_flags(out, row->flags, &row->keywords, s->names, s->name_count);
        between = " ";
    }
    if (condstore)
        buffer_printf(out, "%sMODSEQ (%llu)", between, (unsigned long long)row->modseq);
    buffer_append_string(out, ")\r\n");
}

static bool must_tell(const struct imap *imap, const struct storing *s, uint32_t uid)
{
    if (!uidset_has(s->set, uid) || uidset_has(s->refused, uid))
        return false;
    /* RFC 7162 3.1.3: with CONDSTORE the new modseq is told even if the flags need not be. */
    return !s->silent || ((imap->enabled & ENABLED_CONDSTORE) && uidset_has(s->changed, uid));
}

/* STORE_MORE: *result_r says how to go on. */
static enum store_error tell(struct imap *imap, struct storing *s, struct step_context *context,
                             enum step_result *result_r)
{
    struct reader reader = selected_reader(imap, context);
    struct row_cursor *rows = row_cursor_new(&reader, imap->selected.mailbox);
    enum store_error error = STORE_OK;
    for (uint32_t uid; !error && s->next_uid && (uid = uidset_next(s->set, s->next_uid)) != 0;) {
        error = row_cursor_rows(rows, uid, &s->rows);
        if (!error)
            error = imap_names_for_rows(imap, &reader, &s->rows, &s->names, &s->name_count);
        if (error)
            break;
        s->missing = s->missing || !s->rows.count || s->rows.rows[0].uid != uid;
        for (size_t i = 0; i < s->rows.count; i++)
            if (must_tell(imap, s, s->rows.rows[i].uid))
                write_response(imap, s, &s->rows.rows[i]);
        s->next_uid = s->rows.count && !s->rows.at_end ? s->rows.rows[s->rows.count - 1].uid + 1 : 0;
        if (imap_slice_over(imap, context, result_r))
            error = STORE_MORE;
    }
    row_cursor_free(&rows);
    return error;
}

/* ---- the answer ---- */

/* The refused ones as the client counts them. */
static void finish_modified(struct imap *imap, const struct storing *s)
{
    struct uidset *numbers = uidset_new();
    struct buffer text = {0};
    for (uint32_t uid = uidset_next(s->refused, 1); uid; uid = uidset_next(s->refused, uid + 1))
        uidset_add(numbers, imap->uid ? uid : selected_number(imap, uid));
    uidset_write(numbers, &text);
    imap_finish_printf(imap, "OK", "[MODIFIED %.*s] Some messages were changed meanwhile",
                       VIEW_PRINTF(buffer_view(&text)));
    buffer_free(&text);
    uidset_unref(&numbers);
}

static void finish(struct imap *imap, const struct storing *s)
{
    if (s->lowest && (s->missing || uidset_count(s->refused)))
        messagelimit_tell(imap, s->limit, s->lowest);
    if (uidset_count(s->refused))
        finish_modified(imap, s);
    else if (s->missing)
        imap_finish_error(imap, STORE_EXPUNGED);
    else if (s->lowest)
        messagelimit_finish(imap, s->limit, s->lowest);
    else
        imap_finish(imap, "OK", NULL, "Store completed");
}

/* RFC 4314 4: what the user may not change stays; refused is only what would change nothing at all. */
static bool limit_to_rights(const struct imap *imap, struct storing *s)
{
    uint32_t rights = imap->selected.rights;
    s->change.kept = FLAG_SYSTEM_ALL & (uint8_t)~rights_flags(rights);
    s->change.keeps_keywords = !(rights & RIGHT_WRITE);
    bool all = !s->change.kept && !s->change.keeps_keywords;
    bool replaces = s->change.action == FLAGS_REPLACE && rights_flags(rights);
    bool some = (s->flags.flags & rights_flags(rights)) || (s->flags.keyword_count && (rights & RIGHT_WRITE));
    return all || replaces || some;
}

/* Annotations, before they are stored: RFC 5257 3.2.1, 3.4, 4.5. imap->finished: they can't be. */
static enum step_result look(struct imap *imap, struct storing *s, struct step_context *context)
{
    enum store_error error = annotation_judge(&s->annotations, imap->selected.rights);
    if (error) {
        imap_finish_error(imap, error);
        return STEP_DONE;
    }
    if (s->annotations.too_big) {
        annotation_finish_too_big(imap);
        return STEP_DONE;
    }
    enum step_result result = annotation_check_parts(imap, &s->annotations, s->set, &s->part_uid, context, &error);
    if (result != STEP_DONE || !error)
        return result;
    if (error == STORE_NOT_FOUND)
        imap_finish(imap, "BAD", NULL, annotation_no_part);
    else
        imap_finish_error(imap, error);
    return STEP_DONE;
}

static enum step_result may_store(struct imap *imap, struct storing *s, struct step_context *context)
{
    if (imap->mutating || imap->mutated)
        return STEP_DONE;
    if (s->annotates)
        return look(imap, s, context);
    if (!limit_to_rights(imap, s))
        imap_finish_error(imap, STORE_NO_RIGHT);
    return STEP_DONE;
}

static void refuse(struct imap *imap, const struct storing *s)
{
    if (s->annotates)
        annotation_finish_error(imap, imap->mutation.result);
    else
        imap_finish_error(imap, imap->mutation.result);
}

enum step_result store_step(struct imap *imap, struct step_context *context)
{
    struct storing *s = imap->state;
    enum step_result result = may_store(imap, s, context);
    if (result != STEP_DONE || imap->finished)
        return result;
    result = imap_mutate_selected(imap, context, run_store);
    if (result != STEP_DONE)
        return result;
    if (imap->mutation.result) {
        refuse(imap, s);
        return STEP_DONE;
    }
    if (!imap->own_changed) {
        imap->own_changed = uidset_ref(s->changed);
        imap->own_modseq = s->annotates ? s->annotation_change.modseq : s->change.modseq;
    }
    enum store_error error = STORE_OK;
    if (!s->silent || (imap->enabled & ENABLED_CONDSTORE))
        error = tell(imap, s, context, &result);
    if (error == STORE_MORE)
        return result;
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    finish(imap, s);
    return STEP_DONE;
}
