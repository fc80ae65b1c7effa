/* search/walk.c: see search/walk.h. */
#include "search/walk.h"
#include "base/clock.h"
#include "base/memory.h"
#include <stdlib.h>

struct walk_asked {
    struct parse_request request;
    struct buffer octets;
    struct message_row row;
    struct search_walk *walk;
};

/* ---- asking parse ---- */

/* On the loop. All were submitted by then, or are being submitted by a step that touches nothing else any more. */
static void on_answer(struct parse_request *request)
{
    struct walk_asked *asked = (struct walk_asked *)(void *)((char *)request - offsetof(struct walk_asked, request));
    struct search_walk *walk = asked->walk;
    struct session *session = walk->session;
    if (--walk->unanswered)
        return;
    session_reply(session);
    session_release(session);
}

/* The last thing that a step does: answers may come while it still runs in the pool. */
static void send_asked(struct search_walk *w)
{
    unsigned count = w->asked_count;
    w->sent = true;
    w->judged = 0;
    w->unanswered = count;
    session_hold(w->session);
    for (unsigned i = 0; i < count; i++) {
        struct walk_asked *asked = &w->asked[i];
        buffer_free(&asked->request.answer);
        asked->walk = w;
        asked->request = (struct parse_request){.kind = PARSE_MATCH,
                                                .octets = buffer_view(&asked->octets),
                                                .keys = buffer_view(&w->program->match_octets),
                                                .loop = w->session->loop,
                                                .done = on_answer};
        parser_submit(w->session->parser, &asked->request);
    }
}

static enum store_error collect(struct search_walk *w, const struct reader *reader, const struct message_row *row,
                                const struct email *email)
{
    if (!w->asked)
        w->asked = memory_array(WALK_ASKED, sizeof *w->asked);
    struct walk_asked *asked = &w->asked[w->asked_count];
    buffer_clear(&asked->octets);
    enum store_error error = email_octets(reader, email, 0, email->digest.size_octets, &asked->octets);
    if (error)
        return error;
    asked->row = *row;
    w->asked_octets += buffer_size(&asked->octets);
    w->asked_count++;
    return STORE_OK;
}

/* A message that parse can't read matches no text. */
static const char *bits_of(const struct search_walk *w, const struct walk_asked *asked)
{
    static const char none[MATCH_KEYS_MAX];
    struct view bits = buffer_view(&asked->request.answer);
    return asked->request.result == PARSE_OK && bits.size == w->program->match_count ? bits.data : none;
}

/* ---- one message ---- */

static enum store_error found(struct search_walk *w, const struct message_row *row, const struct email *email,
                              const char *bits)
{
    return w->matched(w, row, email, bits) ? STORE_OK : STORE_LIMIT;
}

/* What the answers of parse say of the messages that were asked about. */
static enum store_error judge(struct search_walk *w, struct email_cursor *cursor)
{
    struct email email;
    for (; w->judged < w->asked_count; w->judged++) {
        const struct walk_asked *asked = &w->asked[w->judged];
        if (asked->request.result == PARSE_UNAVAILABLE)
            return STORE_BUSY;
        enum store_error error = email_cursor_read(cursor, asked->row.email, &email);
        if (error == STORE_EXPUNGED)
            continue;
        if (error)
            return error;
        const char *bits = bits_of(w, asked);
        if (search_evaluate(w->program, &asked->row, &email, bits) != TRUTH_YES)
            continue;
        error = found(w, &asked->row, &email, bits);
        if (error)
            return error;
    }
    for (unsigned i = 0; i < w->asked_count; i++)
        buffer_release_idle(&w->asked[i].octets, 1 << 16);
    w->asked_count = w->judged = 0;
    w->asked_octets = 0;
    w->sent = false;
    return STORE_OK;
}

static enum store_error look_at(struct search_walk *w, const struct reader *reader, struct email_cursor *cursor,
                                const struct message_row *row)
{
    struct email email;
    enum truth fits = search_evaluate(w->program, row, NULL, NULL);
    if (fits == TRUTH_NO)
        return STORE_OK;
    if (fits == TRUTH_YES && !(w->wants_email && !search_walk_knows(w, row->uid)))
        return found(w, row, NULL, NULL);
    enum store_error error = email_cursor_read(cursor, row->email, &email);
    if (error)
        return error == STORE_EXPUNGED ? STORE_OK : error;
    if (fits == TRUTH_UNKNOWN)
        fits = search_evaluate(w->program, row, &email, NULL);
    if (fits == TRUTH_UNKNOWN)
        return collect(w, reader, row, &email);
    return fits == TRUTH_YES ? found(w, row, &email, NULL) : STORE_OK;
}

/* ---- the rows ---- */

/* STORE_NOT_FOUND: there are no more. */
static enum store_error load_rows(struct search_walk *w, struct row_cursor *rows)
{
    uint32_t uid = w->next_uid ? uidset_next(w->domain, w->next_uid) : 0;
    if (!uid)
        return STORE_NOT_FOUND;
    enum store_error error = row_cursor_rows(rows, uid, &w->rows);
    if (error)
        return error;
    w->row_at = 0;
    w->next_uid = w->rows.at_end || !w->rows.count ? 0 : w->rows.rows[w->rows.count - 1].uid + 1;
    return STORE_OK;
}

/* STORE_NOT_FOUND: all was looked at. STORE_MORE: the slice is over. STORE_OK: parse is to be asked. */
static enum store_error go_on(struct search_walk *w, struct step_context *context, const struct reader *reader,
                              struct row_cursor *rows, struct email_cursor *cursor)
{
    for (;;) {
        enum store_error error = w->sent ? judge(w, cursor) : STORE_OK;
        if (!error && w->row_at >= w->rows.count)
            error = load_rows(w, rows);
        if (error)
            return error == STORE_NOT_FOUND && w->asked_count ? STORE_OK : error;
        for (; w->row_at < w->rows.count; w->row_at++) {
            const struct message_row *row = &w->rows.rows[w->row_at];
            if (w->asked_count == WALK_ASKED || w->asked_octets > WALK_ASKED_OCTETS)
                return STORE_OK;
            bool has = uidset_has_near(w->domain, &w->in_domain, row->uid);
            error = has ? look_at(w, reader, cursor, row) : STORE_OK;
            if (error)
                return error;
        }
        if (clock_monotonic_us() > context->deadline_us)
            return STORE_MORE;
    }
}

static enum store_error begin(struct search_walk *w, struct step_context *context, const struct reader *reader)
{
    enum store_error error = w->begun ? STORE_OK : search_program_ready(w->program, reader, w->program_arena);
    if (!error && !w->begun)
        error = search_annotations_find(w, reader, context->deadline_us);
    if (error || w->begun)
        return error;
    struct uidset *bound = search_program_bound(w->program);
    if (bound) {
        uidset_intersect(bound, w->domain);
        uidset_unref(&w->domain);
        w->domain = bound;
    }
    w->next_uid = 1;
    w->begun = true;
    return STORE_OK;
}

static enum step_result wait(struct step_context *context, unsigned reasons)
{
    context->wait = reasons;
    return STEP_WAIT;
}

enum step_result search_walk_step(struct search_walk *w, struct step_context *context, enum store_error *error_r)
{
    struct reader reader = {
        .store = w->session->env->store, .account = w->account, .mode = context->mode, .seen_by = w->seen_by};
    *error_r = STORE_OK;
    if (w->sent && w->unanswered)
        return wait(context, WAIT_REPLY);
    enum store_error error = begin(w, context, &reader);
    if (!error) {
        struct row_cursor *rows = row_cursor_new(&reader, w->mailbox);
        struct email_cursor *cursor = email_cursor_new(&reader);
        error = go_on(w, context, &reader, rows, cursor);
        row_cursor_free(&rows);
        email_cursor_free(&cursor);
    }
    switch (error) {
    case STORE_WOULD_BLOCK:
        return wait(context, WAIT_POOL);
    case STORE_MORE:
        return STEP_AGAIN;
    case STORE_NOT_FOUND:
        return STEP_DONE;
    case STORE_OK:
        send_asked(w);
        return wait(context, WAIT_REPLY);
    default:
        *error_r = error;
        return STEP_DONE;
    }
}

void search_walk_reset(struct search_walk *w)
{
    w->begun = w->sent = false;
    w->in_domain = w->in_known = (struct uid_run){0};
    w->annotations = (struct annotation_place){.begun = false};
    w->asked_count = w->judged = 0;
    w->asked_octets = 0;
    w->row_at = w->rows.count = 0;
    uidset_unref(&w->domain);
}

void search_walk_free(struct search_walk *w)
{
    uidset_unref(&w->domain);
    for (unsigned i = 0; w->asked && i < WALK_ASKED; i++) {
        buffer_free(&w->asked[i].octets);
        buffer_free(&w->asked[i].request.answer);
    }
    free(w->asked);
    w->asked = NULL;
}
