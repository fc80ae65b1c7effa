/*
 * imap/searching.c: from the keys of a command to the messages that fit them: charset, walk, what is kept of each.
 *
 * Called   by search.c, sort.c, thread.c and multisearch.c.
 * Tested   tests/e2e/test_search.py
 */
#include "base/memory.h"
#include "imap/messagelimit.h"
#include "imap/search.h"

bool searching_parse(struct searching *s, struct imap *imap, struct arguments *a)
{
    s->imap = imap;
    s->charset.imap = imap;
    s->charset.program = &s->program;
    if (!search_parse_keys(imap, a, &s->program) || !search_return_check(imap, a, &s->options, &s->program))
        return false;
    if (s->program.uses_filters && s->charset.name.size) { /* RFC 5466 3.1 */
        a->code = "BADCHARSET (US-ASCII UTF-8)";
        a->problem = "A filter is UTF-8";
        return false;
    }
    s->found = uidset_new();
    return true;
}

void searching_free(struct searching *s)
{
    search_program_free(&s->program);
    search_charset_free(&s->charset);
    search_walk_free(&s->walk);
    uidset_unref(&s->found);
    uidset_unref(&s->told);
    buffer_free(&s->scores);
}

/* ---- what is found ---- */

static void note_modseq(struct searching *s, const struct message_row *row)
{
    s->modseq = row->modseq > s->modseq ? row->modseq : s->modseq;
    s->min = !s->min || row->uid < s->min ? row->uid : s->min;
    s->max = row->uid > s->max ? row->uid : s->max;
}

static bool matched(struct search_walk *walk, const struct message_row *row, const struct email *email,
                    const char *bits)
{
    struct searching *s = walk->ctx;
    uidset_add(s->found, row->uid);
    note_modseq(s, row);
    if (s->options.wanted & RETURN_RELEVANCY) {
        struct search_score score = {row->uid, search_relevancy(&s->program, row, email, bits)};
        buffer_append(&s->scores, &score, sizeof score);
    }
    return !s->found_one || s->found_one(s, row, email, bits);
}

/* ---- what others found out ---- */

struct kept_key {
    char octets[KEEP_KEY_OCTETS];
    size_t size;
};

static struct kept_key key_of(const struct searching *s, struct view name)
{
    const uint64_t numbers[] = {s->imap->selected.account, s->imap->selected.mailbox, s->imap->selected.uidvalidity};
    struct kept_key key = {.size = sizeof numbers + name.size};
    BUG_IF(name.size > SEARCHING_NAME_OCTETS);
    memcpy(key.octets, numbers, sizeof numbers);
    memcpy(key.octets + sizeof numbers, name.data, name.size);
    return key;
}

struct kept *searching_take(const struct searching *s, struct view name)
{
    struct kept_key key = key_of(s, name);
    return keep_take(s->imap->session->env->results, view_of(key.octets, key.size));
}

void searching_put(const struct searching *s, struct view name, struct kept *value)
{
    struct kept_key key = key_of(s, name);
    keep_put(s->imap->session->env->results, view_of(key.octets, key.size), value);
}

/* ---- steps ---- */

void searching_forget_saved(struct searching *s)
{
    if (s->options.wanted & RETURN_SAVE)
        uidset_unref(&s->imap->selected.saved);
}

void searching_fail(struct searching *s, enum store_error error)
{
    searching_forget_saved(s);
    if (error == STORE_BUSY)
        imap_finish(s->imap, "NO", "UNAVAILABLE", "Texts can't be searched just now");
    else
        imap_finish_error(s->imap, error);
}

/* RFC 3501 7.1: some of those that parse knows. */
static void refuse_charset(struct searching *s)
{
    searching_forget_saved(s);
    imap_finish(s->imap, "NO",
                "BADCHARSET (US-ASCII UTF-8 ISO-8859-1 ISO-8859-2 ISO-8859-15 WINDOWS-1251 WINDOWS-1252 KOI8-R "
                "ISO-2022-JP SHIFT_JIS EUC-JP GB18030 BIG5 EUC-KR)",
                "That charset isn't known here");
}

/* RFC 9738 3.1: what the sets of the keys leave out isn't looked at. */
static void cut(struct searching *s)
{
    s->limit = messagelimit_of_command();
    if (!s->limit || uidset_count(s->walk.domain) <= s->limit)
        return;
    struct uidset *bound = search_program_bound(&s->program);
    if (bound) {
        uidset_intersect(bound, s->walk.domain);
        uidset_unref(&s->walk.domain);
        s->walk.domain = bound;
    }
    s->lowest = messagelimit_clip(&s->walk.domain, s->limit);
}

static void begin_walk(struct searching *s)
{
    struct imap *imap = s->imap;
    s->walk.session = imap->session;
    s->walk.program = &s->program;
    s->walk.program_arena = &imap->session->command_arena;
    s->walk.wants_email = s->walk.wants_email || (s->options.wanted & RETURN_RELEVANCY);
    s->walk.matched = matched;
    s->walk.ctx = s;
    if (s->walk.domain)
        return;
    s->walk.account = imap->selected.account;
    s->walk.seen_by = imap_seen_by(imap, imap->selected.account);
    s->walk.mailbox = imap->selected.mailbox;
    s->walk.domain = uidset_ref(imap->selected.uids);
    cut(s);
}

/* SORT ALL, THREAD ALL: those that are known already, and there still, need no look. False: *result_r says what to wait
 * for. */
static bool give_known(struct searching *s, struct step_context *context, enum step_result *result_r)
{
    struct search_walk *walk = &s->walk;
    struct reader reader = {s->imap->session->env->store, walk->account, context->mode};
    struct uidset *present;
    uint64_t modseq;
    bool needless = !walk->known || !search_program_is_all(&s->program) || s->program.uses_modseq;
    if (s->given || needless)
        return true;
    enum store_error error = mailbox_uids(&reader, walk->mailbox, &present, &modseq);
    if (error == STORE_WOULD_BLOCK) {
        *result_r = imap_wait_pool(context);
        return false;
    }
    s->given = true;
    if (error)
        return true; /* the walk will meet it too */
    uidset_add_set(s->found, walk->known);
    uidset_intersect(s->found, walk->domain);
    uidset_intersect(s->found, present);
    uidset_unshare(&walk->domain);
    uidset_remove_set(walk->domain, walk->known);
    uidset_unref(&present);
    return true;
}

/* Of several mailboxes each begins anew: RFC 9585 4 lets the goal change. */
static void tell_progress(const struct searching *s)
{
    const struct uidset *domain = s->walk.domain;
    uint32_t goal = uidset_count(domain);
    imap_progress(s->imap, s->walk.next_uid ? uidset_rank(domain, s->walk.next_uid) : goal, goal);
}

enum step_result searching_step(struct searching *s, struct step_context *context, bool *good_r)
{
    enum store_error error = STORE_OK;
    bool known = true;
    if (!s->converted) {
        enum step_result filtered = search_filters_step(s, context, good_r);
        if (filtered != STEP_DONE || !*good_r)
            return filtered;
    }
    *good_r = false;
    if (!s->converted) {
        enum step_result result = search_charset_step(&s->charset, context, &known, &error);
        if (result != STEP_DONE)
            return result;
        s->converted = true;
        if (known && !error)
            begin_walk(s);
    }
    if (!known) {
        refuse_charset(s);
        return STEP_DONE;
    }
    if (s->lowest && s->whole) { /* RFC 9738 3.3 */
        searching_forget_saved(s);
        messagelimit_refuse(s->imap, s->limit, 0);
        return STEP_DONE;
    }
    if (!error) {
        enum step_result result;
        if (!give_known(s, context, &result))
            return result;
        result = search_walk_step(&s->walk, context, &error);
        if (result != STEP_DONE) {
            tell_progress(s);
            return result;
        }
    }
    *good_r = !error;
    if (error)
        searching_fail(s, error);
    return STEP_DONE;
}

/* ---- what is told of it ---- */

/* RFC 5182 2.4, RFC 9394 3.2: MIN, MAX and PARTIAL alone save what they tell; anything else saves all. RFC 4731 3.2
 * draws the same line for MODSEQ. */
void searching_returned(struct searching *s, uint32_t min, uint32_t max, struct uidset *partial)
{
    unsigned some = s->options.wanted & (RETURN_MIN | RETURN_MAX | RETURN_PARTIAL);
    bool all = !some || (s->options.wanted & (RETURN_COUNT | RETURN_ALL));
    struct uidset *told = all ? uidset_ref(s->found) : partial ? uidset_copy(partial) : uidset_new();
    if (!all && (some & RETURN_MIN) && min)
        uidset_add(told, min);
    if (!all && (some & RETURN_MAX) && max)
        uidset_add(told, max);
    if (s->options.wanted & RETURN_SAVE) {
        uidset_unref(&s->imap->selected.saved);
        s->imap->selected.saved = uidset_ref(told);
    }
    uidset_unref(&s->told);
    if (!all && s->program.uses_modseq) {
        s->told = uidset_ref(told);
        s->told_at = 1;
        s->modseq = 0;
    }
    uidset_unref(&told);
}

/* STORE_MORE: *result_r says how to go on. */
static enum store_error read_modseqs(struct searching *s, struct step_context *context, enum step_result *result_r)
{
    struct reader reader = {s->imap->session->env->store, s->walk.account, context->mode};
    struct row_cursor *cursor = row_cursor_new(&reader, s->walk.mailbox);
    struct message_rows rows;
    enum store_error error = STORE_OK;
    for (uint32_t uid; !error && s->told_at && (uid = uidset_next(s->told, s->told_at)) != 0;) {
        error = row_cursor_rows(cursor, uid, &rows);
        if (error || !rows.count)
            break; /* expunged meanwhile, or not to be read: it has no modseq to tell */
        for (size_t i = 0; i < rows.count; i++)
            if (uidset_has(s->told, rows.rows[i].uid) && rows.rows[i].modseq > s->modseq)
                s->modseq = rows.rows[i].modseq;
        s->told_at = rows.rows[rows.count - 1].uid + 1;
        if (imap_slice_over(s->imap, context, result_r))
            error = STORE_MORE;
    }
    row_cursor_free(&cursor);
    return error;
}

enum step_result searching_modseq_step(struct searching *s, struct step_context *context)
{
    enum step_result result = STEP_DONE;
    enum store_error error = s->told ? read_modseqs(s, context, &result) : STORE_OK;
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error != STORE_MORE)
        uidset_unref(&s->told);
    return result;
}
