/*
 * imap/engine.c: IMAP as a protocol_engine: commands begun, stepped, ended; the session's beginning and end.
 *
 * Tested   tests/unit/imap_frame.c, tests/e2e/test_imap.py
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "imap/notify.h"
#include "store/acl.h"
#include <stdatomic.h>
#include <stdlib.h>

/* ---- steps: what all commands use ---- */

enum step_result imap_wait_pool(struct step_context *context)
{
    context->wait = WAIT_POOL;
    return STEP_WAIT;
}

bool imap_slice_over(struct imap *imap, struct step_context *context, enum step_result *result_r)
{
    if (!stream_make_room(imap->session->stream)) {
        context->wait = WAIT_OUTPUT;
        *result_r = STEP_WAIT;
        return true;
    }
    *result_r = STEP_AGAIN;
    return clock_monotonic_us() > context->deadline_us;
}

static _Atomic uint64_t progress_ms = LIMIT_IMAP_PROGRESS_MS;

void imap_set_progress(uint64_t ms)
{
    atomic_store(&progress_ms, ms);
}

void imap_progress(struct imap *imap, uint32_t done, uint32_t goal)
{
    uint64_t now_us = clock_monotonic_us();
    if (now_us < imap->progress_us || !goal)
        return;
    imap->progress_us = now_us + atomic_load(&progress_ms) * 1000;
    /* RFC 9585 4: a tag with "]" in it can't stand in a response code. */
    bool quotable = view_find(imap->tag, ']', 0) == SIZE_MAX;
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* OK [INPROGRESS (");
    buffer_printf(out, quotable ? "\"%.*s\"" : "NIL", VIEW_PRINTF(imap->tag));
    buffer_printf(out, " %u %u)] ", done < goal ? done : goal - 1, goal);
    imap_say(imap, "Still at it\r\n");
}

struct imap *imap_of_mutation(struct mutation *mutation)
{
    return (struct imap *)(void *)((char *)mutation - offsetof(struct imap, mutation));
}

/* On the loop. The session may go with the release. */
static void mutation_done(struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct session *session = imap->session;
    imap->mutating = false;
    imap->mutated = true;
    session_reply(session);
    session_release(session);
}

static enum step_result mutate(struct imap *imap, struct step_context *context)
{
    struct session *session = imap->session;
    if (imap->mutated)
        return STEP_DONE;
    if (!imap->mutating) {
        imap->mutating = true;
        imap->mutation.loop = session->loop;
        imap->mutation.done = mutation_done;
        imap->mutation.origin = session->id;
        session_hold(session);
        engine_mutate(store_engine(session->env->store), &imap->mutation);
    }
    context->wait = WAIT_REPLY;
    return STEP_WAIT;
}

enum step_result imap_mutate(struct imap *imap, struct step_context *context)
{
    if (!imap->mutating && !imap->mutation.account)
        imap->mutation.account = imap->session->account;
    return mutate(imap, context);
}

enum step_result imap_mutate_root(struct imap *imap, struct step_context *context)
{
    imap->mutation.account = ACL_INDEX_ACCOUNT;
    return mutate(imap, context);
}

enum step_result imap_mutate_selected(struct imap *imap, struct step_context *context,
                                      enum store_error (*run)(struct txn *txn, struct mutation *mutation))
{
    imap->mutation.account = imap->selected.account;
    imap->mutation.run = run;
    return imap_mutate(imap, context);
}

void imap_mutate_reset(struct imap *imap)
{
    imap->mutation = (struct mutation){0};
    imap->mutating = imap->mutated = false;
}

void imap_note_own(struct uidset **set, uint32_t first, uint32_t last)
{
    if (!*set)
        *set = uidset_new();
    uidset_add_range(*set, first, last);
}

void imap_removal(const struct imap *imap, struct removal *why_r)
{
    const struct session *s = imap->session;
    *why_r = (struct removal){.by = REMOVED_BY_IMAP, .session = s->id};
    snprintf(why_r->peer, sizeof why_r->peer, "%s", s->peer);
    snprintf(why_r->client, sizeof why_r->client, "%s", s->client);
}

/* ---- a command that is none ---- */

struct problem {
    const char *code, *text;
    bool too_much; /* NO */
};

static enum step_result problem_step(struct imap *imap, struct step_context *context)
{
    const struct problem *problem = imap->state;
    if (!problem->too_much && ++imap->bad_commands >= LIMIT_IMAP_BAD_COMMANDS) {
        imap_untagged(imap, "BYE Too many bad commands");
        imap_end_after(imap, true, "too many bad commands");
    }
    imap_finish(imap, problem->too_much ? "NO" : "BAD", problem->code, problem->text);
    return STEP_DONE;
}
static const struct imap_command problem_command = {"bad", STATE_ANY, COMMAND_NO_SYNC, 0, NULL, problem_step, NULL, ""};

static struct problem *begin_problem(struct imap *imap, const char *code, const char *text)
{
    struct problem *problem = ARENA_NEW(&imap->session->command_arena, struct problem);
    *problem = (struct problem){code, text, false};
    imap->state = problem;
    imap->command = &problem_command;
    return problem;
}

static enum step_result read_only_step(struct imap *imap, struct step_context *context)
{
    imap_finish(imap, "NO", "CANNOT", "The mailbox is open read-only");
    return STEP_DONE;
}
static const struct imap_command read_only_command = {"read-only", STATE_ANY, 0, 0, NULL, read_only_step, NULL, ""};

/* The fault that the tests of the quarantine ask for, if the configuration allows it. */
void imap_fault_keyword(const struct imap *imap, const struct flag_list *flags)
{
    const char *fault = imap->session->env->fault_keyword;
    for (size_t i = 0; fault && *fault && i < flags->keyword_count; i++)
        if (view_equal_string_nocase(flags->keywords[i], fault))
            abort();
}

/* ---- finding the command ---- */

static const struct imap_command *find_command(struct view name, bool uid)
{
    for (size_t i = 0; i < imap_command_count; i++)
        if (view_equal_string_nocase(name, imap_commands[i].name) && (!uid || (imap_commands[i].flags & COMMAND_UID)) &&
            (uid || !(imap_commands[i].flags & COMMAND_ONLY_UID)))
            return &imap_commands[i];
    return NULL;
}

enum { TAG_OCTETS = 64 };

static bool is_tag_char(char c)
{
    return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f && !memchr("(){%*\"\\+", c, 8);
}

bool imap_is_tag(struct view text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_tag_char(text.data[i]))
            return false;
    return text.size && text.size <= TAG_OCTETS;
}

static struct view take_word(struct arguments *a)
{
    const char *start = a->at;
    while (a->at < a->end && is_tag_char(*a->at))
        a->at++;
    return view_of(start, (size_t)(a->at - start));
}

/* The tag for a response: "*" if there is none that could be one. */
static struct view take_tag(struct arguments *a)
{
    struct view tag = take_word(a);
    return imap_is_tag(tag) ? tag : VIEW_LITERAL("*");
}

/* Name, "UID name" and state; then the command's own parse. False: begin_problem has been called. */
static bool read_command(struct imap *imap, struct arguments *a)
{
    if (imap->tag.data[0] == '*' || !arguments_space(a)) {
        begin_problem(imap, NULL, "A command is a tag, a name and its arguments");
        return false;
    }
    struct view name = take_word(a);
    imap->uid = view_equal_string_nocase(name, "UID");
    if (imap->uid) {
        arguments_space(a);
        name = take_word(a);
    }
    const struct imap_command *command = find_command(name, imap->uid);
    if (!command) {
        begin_problem(imap, NULL, "Unknown command");
        return false;
    }
    if ((command->states & STATE_SELECTED) && !(command->states & STATE_AUTHENTICATED) && !imap->selected.open) {
        begin_problem(imap, NULL, "No mailbox is selected");
        return false;
    }
    if ((command->flags & COMMAND_WRITES) && imap->selected.read_only) {
        imap->command = &read_only_command;
        return true;
    }
    imap->command = command;
    bool good = command->parse ? command->parse(imap, a) : arguments_end(a);
    if (!good) {
        if (command->drop)
            command->drop(imap);
        begin_problem(imap, a->code, a->problem ? a->problem : "The arguments are malformed")->too_much = a->too_much;
    }
    return good;
}

/* The line's end is no argument; a message literal's line keeps its own. */
static struct view without_line_end(struct imap *imap)
{
    struct view v = buffer_view(&imap->frame);
    if (v.size >= 2 && v.data[v.size - 2] == '\r')
        v.size -= 2;
    else if (v.size >= 1)
        v.size -= 1;
    return v;
}

static void begin_command(struct imap *imap, enum frame_result found)
{
    struct view octets = without_line_end(imap);
    struct arguments a = {.at = octets.data,
                          .end = octets.data + octets.size,
                          .arena = &imap->session->command_arena,
                          .utf8 = imap->enabled & ENABLED_ANY_UTF8};
    imap->finished = false;
    imap->progress_us = clock_monotonic_us() + atomic_load(&progress_ms) * 1000;
    imap->uid = imap->by_number = imap->checked = false;
    imap->state = NULL;
    imap_mutate_reset(imap);
    imap->tag = take_tag(&a);
    const char *problem = found == FRAME_BAD ? imap->framing.problem : NULL;
    imap->framing = (struct frame){0};
    if (problem)
        begin_problem(imap, NULL, problem);
    else if (read_command(imap, &a))
        imap->bad_commands = 0;
    session_begin(imap->session, imap->command->name);
}

/* ---- the engine's functions ---- */

static bool imap_start(struct session *session, const struct adopted *adopted)
{
    struct imap *imap = NEW(struct imap);
    imap->session = session;
    session->engine = imap;
    pthread_mutex_init(&imap->heard.lock, NULL);
    buffer_init(&imap->frame, LIMIT_IMAP_COMMAND + 2 * (size_t)LIMIT_IMAP_LITERAL);
    struct buffer *out = imap_output(imap);
    bool administrator; /* as far as memory knows: the command CAPABILITY reads it whatever it takes */
    quota_is_administrator(imap, READ_NONBLOCKING, &administrator);
    buffer_append_view(out, adopted->tag);
    buffer_append_string(out, " OK [CAPABILITY ");
    imap_write_capabilities(out, administrator);
    buffer_append_string(out, "] ");
    imap_say(imap, "Logged in\r\n");
    return true;
}

static bool imap_next(struct session *session)
{
    struct imap *imap = session->engine;
    enum frame_result found = frame_next(imap);
    if (found == FRAME_MORE)
        return false;
    begin_command(imap, found);
    return true;
}

static void write_tagged(struct imap *imap)
{
    struct buffer *out = imap_output(imap);
    buffer_append_view(out, imap->tag);
    buffer_append_char(out, ' ');
    buffer_append_view(out, buffer_view(&imap->tagged));
    buffer_append_string(out, "\r\n");
}

/* RFC 4314 5.1.1: a right that was taken away is gone with the next command. */
static enum step_result check_rights(struct imap *imap, struct step_context *context)
{
    bool leaves = imap->command->flags & COMMAND_NO_SYNC; /* the mailbox, whatever it may be: they may do that */
    enum step_result result = leaves ? STEP_DONE : selected_check(imap, context);
    if (result != STEP_DONE)
        return result;
    imap->checked = true;
    if (!imap->finished && imap->selected.open && (imap->command->rights & ~imap->selected.rights))
        imap_finish_error(imap, STORE_NO_RIGHT);
    return STEP_DONE;
}

static enum step_result imap_step(struct session *session, struct step_context *context)
{
    struct imap *imap = session->engine;
    if (!imap->checked && !imap->finished) {
        enum step_result result = check_rights(imap, context);
        if (result != STEP_DONE)
            return result;
    }
    if (!imap->finished) {
        enum step_result result = imap->command->step(imap, context);
        if (result != STEP_DONE)
            return result;
        BUG_IF(!imap->finished);
    }
    if (imap->selected.open && !(imap->command->flags & COMMAND_NO_SYNC)) {
        bool expunges = (imap->uid && !imap->by_number) || !(imap->command->flags & COMMAND_NO_EXPUNGE);
        enum step_result result = sync_step(imap, context, expunges);
        if (result != STEP_DONE)
            return result;
    }
    write_tagged(imap);
    if (imap->starts_deflate)
        stream_start_deflate(session->stream);
    imap->starts_deflate = false;
    if (imap->returns)
        session_return(session);
    if (imap->end_reason)
        session_end(session, imap->end_clean, imap->end_reason);
    return STEP_DONE;
}

static void imap_drop(struct session *session)
{
    struct imap *imap = session->engine;
    if (imap->command && imap->command->drop)
        imap->command->drop(imap);
    sync_drop(imap);
    uidset_unref(&imap->own_changed);
    uidset_unref(&imap->own_added);
    uidset_unref(&imap->own_gone);
    imap->own_modseq = 0;
    free(imap->told.stretches);
    imap->told = (struct told){0};
    imap->syncs_all = false;
    imap->command = NULL;
    imap->state = NULL;
    buffer_clear(&imap->frame);
    buffer_release_idle(&imap->frame, 0);
    buffer_clear(&imap->tagged);
    buffer_release_idle(&imap->tagged, 0);
}

static bool imap_changed(struct session *session, const struct touch *touch)
{
    return notify_hear(session->engine, touch);
}

/* Between commands, for who asked for it with NOTIFY. */
static enum step_result imap_emit(struct session *session, struct step_context *context)
{
    struct imap *imap = session->engine;
    enum step_result result = STEP_DONE;
    if (!imap->notify)
        return STEP_DONE;
    if (notify_wants(imap, NOTIFY_NEW))
        result = selected_check(imap, context);
    if (result == STEP_DONE && notify_wants(imap, NOTIFY_NEW))
        result = sync_step(imap, context, !imap->notify->delayed);
    if (result == STEP_DONE)
        result = notify_tell(imap, context);
    if (result == STEP_DONE && imap->end_reason)
        session_end(session, imap->end_clean, imap->end_reason);
    return result;
}

static void imap_end(struct session *session, const char *reason)
{
    struct imap *imap = session->engine;
    char user[512];
    log_event(LOG_INFO, "logout", "proto=imap rip=%s sid=%016llx reason=\"%s\" in=%llu out=%llu user=%s", session->peer,
              (unsigned long long)session->id, reason, (unsigned long long)stream_octets_in(session->stream),
              (unsigned long long)stream_octets_out(session->stream),
              log_value(view_of_string(session->user), user, sizeof user));
    sync_drop(imap);
    selected_close(imap);
    notify_end(imap);
    pthread_mutex_destroy(&imap->heard.lock);
    buffer_free(&imap->frame);
    buffer_free(&imap->tagged);
    free(imap);
    session->engine = NULL;
}

static void imap_farewell(struct session *session, enum farewell why)
{
    if (why == FAREWELL_IDLE)
        imap_untagged(session->engine, "BYE Idle for too long");
    else if (why == FAREWELL_REVOKED)
        imap_untagged(session->engine, "BYE This login is no longer valid");
    else
        imap_untagged(session->engine, "BYE [UNAVAILABLE] The server is restarting");
}

const struct protocol_engine imap_engine = {
    .name = "imap",
    .start = imap_start,
    .next = imap_next,
    .step = imap_step,
    .drop = imap_drop,
    .emit = imap_emit,
    .changed = imap_changed,
    .end = imap_end,
    .farewell = imap_farewell,
    .idle_ms = LIMIT_IMAP_IDLE_MS,
};
