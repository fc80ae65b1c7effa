/*
 * imap/resync.c: quick resynchronisation (RFC 7162 3.2.5, 3.2.6, 3.2.10).
 *
 * Does     reads SELECT's QRESYNC parameter; finds what may have changed without a walk of the mailbox; writes
 *          VANISHED.
 * Fails    as the store does; the caller waits or gives up.
 * Tested   tests/e2e/test_cap_qresync.py
 */
#include "imap/resync.h"
#include "imap/fetch.h"

enum { VANISHED_RUNS = 1000 };

/* ---- the parameter ---- */

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

/* No "*" (RFC 7162 7), ascending; *count_r: how many numbers it holds. */
static bool take_known(struct arguments *a, struct ranges *ranges, uint64_t *count_r)
{
    if (!arguments_ranges(a, ranges))
        return false;
    *count_r = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        const struct range *r = &ranges->ranges[i];
        if (r->last == UINT32_MAX)
            return fail(a, "\"*\" can't be in what the client knows");
        *count_r += (uint64_t)r->last - r->first + 1;
    }
    return true;
}

static bool is_ascending(const struct ranges *ranges)
{
    for (size_t i = 1; i < ranges->count; i++)
        if (ranges->ranges[i].first <= ranges->ranges[i - 1].last)
            return false;
    return true;
}

static bool take_match(struct imap *imap, struct arguments *a, struct resync *r)
{
    uint64_t numbers, uids;
    if (!arguments_take(a, ' '))
        return true;
    if (!arguments_allow_numbers(a, imap)) /* RFC 9586 3.4 */
        return false;
    if (!arguments_take(a, '('))
        return fail(a, "Numbers and UIDs are expected");
    if (!take_known(a, &r->numbers, &numbers) || !arguments_space(a) || !take_known(a, &r->uids, &uids))
        return false;
    if (numbers != uids || !is_ascending(&r->numbers) || !is_ascending(&r->uids))
        return fail(a, "The numbers and UIDs don't belong together");
    r->has_match = true;
    return arguments_take(a, ')') || fail(a, "The numbers and UIDs don't end");
}

bool resync_parse(struct imap *imap, struct arguments *a, struct resync *r)
{
    uint64_t count;
    if (!(imap->enabled & ENABLED_QRESYNC)) /* RFC 7162 3.2.5 */
        return fail(a, "QRESYNC isn't enabled");
    if (!arguments_space(a) || !arguments_take(a, '('))
        return fail(a, "The parameters of QRESYNC are expected");
    if (!arguments_number(a, UINT32_MAX, &r->uidvalidity) || !arguments_space(a) ||
        !arguments_number(a, INT64_MAX, &r->modseq))
        return false;
    r->wanted = true;
    if (arguments_take(a, ' ')) {
        if (arguments_peek(a) == '(') {
            a->at--; /* no known UIDs: the match data follow at once */
        } else if (take_known(a, &r->known, &count)) {
            r->has_known = true;
        } else {
            return false;
        }
        if (!take_match(imap, a, r))
            return false;
    }
    return arguments_take(a, ')') || fail(a, "The parameters of QRESYNC don't end");
}

/* ---- what the client's sample of numbers proves ---- */

/* The highest UID of a stretch (number + i, uid + i) that still has its number; 0 if none. UIDs rise at least as fast
 * as numbers, so that select(number + i) - i never falls, and halving finds it. */
static uint32_t last_match(const struct uidset *uids, uint32_t number, uint32_t uid, uint32_t length)
{
    uint32_t low = 0, high = length, count = uidset_count(uids);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool there = number + middle <= count;
        if (there && uidset_select(uids, number + middle) <= uid + middle)
            low = middle + 1;
        else
            high = middle;
    }
    return low && uidset_select(uids, number + low - 1) == uid + low - 1 ? uid + low - 1 : 0;
}

/* RFC 7162 3.2.5.2: up to this UID the client knows of every expunge. */
static uint32_t known_up_to(const struct uidset *uids, const struct resync *r)
{
    uint32_t best = 0, number_at = 0, uid_at = 0;
    size_t n = 0, u = 0;
    while (r->has_match && n < r->numbers.count && u < r->uids.count) {
        const struct range *numbers = &r->numbers.ranges[n], *known = &r->uids.ranges[u];
        uint32_t left = numbers->last - numbers->first - number_at, more = known->last - known->first - uid_at;
        uint32_t length = left < more ? left : more;
        uint32_t match = last_match(uids, numbers->first + number_at, known->first + uid_at, length + 1);
        best = match > best ? match : best;
        number_at = left == length ? 0 : number_at + length + 1;
        uid_at = more == length ? 0 : uid_at + length + 1;
        n += left == length;
        u += more == length;
    }
    return best;
}

/* ---- SELECT goes on ---- */

struct resyncing {
    struct fetch fetch; /* first: fetch.c finds it as the command's state */
    const char *code, *text;
};

static enum step_result resync_step(struct imap *imap, struct step_context *context)
{
    const struct resyncing *resyncing = imap->state;
    enum step_result result = fetch_step(imap, context);
    /* The mailbox is open whatever became of the news: what is missing here comes with the next command. */
    if (result == STEP_DONE && imap->finished && !imap->end_reason)
        imap_finish(imap, "OK", resyncing->code, resyncing->text);
    return result;
}
static const struct imap_command resync_command = {"SELECT", STATE_ANY,   COMMAND_NO_SYNC, 0,
                                                   NULL,     resync_step, fetch_drop,      "RFC 7162 3.2.5"};

void resync_begin(struct imap *imap, const struct resync *r, const char *code, const char *text)
{
    struct resyncing *resyncing = ARENA_NEW(&imap->session->command_arena, struct resyncing);
    struct fetch *f = &resyncing->fetch;
    const struct ranges all = {&(struct range){1, UINT32_MAX}, 1};
    resyncing->code = code;
    resyncing->text = text;
    f->named = ranges_to_uids(r->has_known ? &r->known : &all, imap->selected.next_uid - 1);
    f->set = uidset_copy(f->named);
    uidset_intersect(f->set, imap->selected.uids);
    f->known_up_to = known_up_to(imap->selected.uids, r);
    f->next_uid = 1;
    f->by_modseq = f->vanished = true;
    f->changed_since = r->modseq;
    if (!(imap->enabled & ENABLED_UIDONLY))
        fetch_add_plain(f, FETCH_UID);
    fetch_add_plain(f, FETCH_FLAGS);
    fetch_add_plain(f, FETCH_MODSEQ);
    imap->state = resyncing;
    imap->command = &resync_command;
}

/* ---- what changed ---- */

/* The lowest UID that came after `since`; UINT32_MAX if none did. */
static enum store_error first_new(struct imap *imap, const struct reader *reader, uint64_t since,
                                  const struct uidset *unchanged, uint32_t *uid_r)
{
    uint32_t low = 1, high = uidset_count(unchanged) + 1; /* numbers in `unchanged` */
    struct row_cursor *cursor = row_cursor_new(reader, imap->selected.mailbox);
    struct message_rows rows;
    enum store_error error = STORE_OK;
    while (!error && low < high) {
        uint32_t middle = low + (high - low) / 2, uid = uidset_select(unchanged, middle);
        error = row_cursor_rows(cursor, uid, &rows);
        if (error)
            break;
        /* One that another session expunged meanwhile is judged by the one behind it. */
        if (!rows.count || rows.rows[0].modseq > since)
            high = middle;
        else
            low = middle + 1;
    }
    row_cursor_free(&cursor);
    *uid_r = low <= uidset_count(unchanged) ? uidset_select(unchanged, low) : UINT32_MAX;
    return error;
}

enum store_error resync_candidates(struct imap *imap, const struct reader *reader, uint64_t since,
                                   const struct uidset *set, struct uidset **candidates_r, struct uidset **vanished_r)
{
    struct changes changes;
    uint32_t first;
    enum store_error error = changes_read(reader, imap->selected.mailbox, since, &changes);
    if (error)
        return error;
    struct uidset *unchanged = uidset_copy(imap->selected.uids), *candidates = uidset_copy(set);
    uidset_remove_set(unchanged, changes.changed);
    uidset_remove_set(unchanged, changes.vanished);
    error = first_new(imap, reader, since, unchanged, &first);
    if (!error) {
        if (first > 1)
            uidset_remove_range(unchanged, first, UINT32_MAX);
        else
            uidset_clear(unchanged);
        uidset_remove_set(candidates, unchanged);
        *candidates_r = uidset_ref(candidates);
        *vanished_r = uidset_ref(changes.vanished);
    }
    uidset_unref(&unchanged);
    uidset_unref(&candidates);
    changes_free(&changes);
    return error;
}

/* ---- VANISHED ---- */

bool resync_tell_vanished(struct imap *imap, struct step_context *context, const struct uidset *set, bool earlier,
                          uint32_t *at, enum step_result *result_r)
{
    struct buffer *out = imap_output(imap);
    uint32_t first, last;
    while (*at && uidset_run(set, *at, &first, &last)) {
        buffer_append_string(out, earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
        for (size_t runs = 0; *at && runs < VANISHED_RUNS && uidset_run(set, *at, &first, &last); runs++) {
            if (runs)
                buffer_append_char(out, ',');
            buffer_append_u64(out, first);
            if (last > first) {
                buffer_append_char(out, ':');
                buffer_append_u64(out, last);
            }
            *at = last + 1;
        }
        buffer_append_string(out, "\r\n");
        if (imap_slice_over(imap, context, result_r))
            return !*at || !uidset_next(set, *at);
    }
    return true;
}
