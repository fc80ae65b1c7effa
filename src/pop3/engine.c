/*
 * pop3/engine.c: POP3 as a protocol_engine: lines in, commands begun, the session's beginning and end.
 *
 * Tested   tests/unit/pop3.c
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/pop3_words.h"
#include "language/say.h"
#include "pop3/private.h"

enum { POP3_BAD_COMMANDS = 20 };

/* ---- helpers of all commands ---- */

void pop3_say(struct pop3 *pop3, const char *response)
{
    language_say(stream_output(pop3->session->stream), pop3->session->language, response);
}

void pop3_printf(struct pop3 *pop3, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    language_vprintf(stream_output(pop3->session->stream), pop3->session->language, format, arguments);
    va_end(arguments);
}

const char *pop3_error(enum store_error error)
{
    static const char *const texts[STORE_ERROR_COUNT] = {
        [STORE_OK] = "-ERR Nothing went wrong\r\n",
        [STORE_MORE] = "-ERR [SYS/TEMP] Not finished\r\n",
        [STORE_WOULD_BLOCK] = "-ERR [SYS/TEMP] Try again\r\n",
        [STORE_NOT_FOUND] = "-ERR Message is gone\r\n",
        [STORE_NO_ACCOUNT] = "-ERR [SYS/PERM] No such account\r\n",
        [STORE_NO_MAILBOX] = "-ERR [SYS/PERM] No maildrop\r\n",
        [STORE_EXISTS] = "-ERR [SYS/TEMP] It exists\r\n",
        [STORE_EXPUNGED] = "-ERR Message is gone\r\n",
        [STORE_OVER_QUOTA] = "-ERR [SYS/TEMP] Over quota\r\n",
        [STORE_LIMIT] = "-ERR [SYS/TEMP] Over a limit\r\n",
        [STORE_BAD_NAME] = "-ERR Bad name\r\n",
        [STORE_FORBIDDEN] = "-ERR Not allowed\r\n",
        [STORE_HAS_CHILDREN] = "-ERR Not allowed\r\n",
        [STORE_MODIFIED] = "-ERR [SYS/TEMP] Changed meanwhile\r\n",
        [STORE_TOO_OLD] = "-ERR [SYS/TEMP] Too old\r\n",
        [STORE_BUSY] = "-ERR [SYS/TEMP] Busy, try again\r\n",
        [STORE_FULL] = "-ERR [SYS/TEMP] The disk is full\r\n",
        [STORE_READ_ONLY] = "-ERR [SYS/TEMP] The store is read-only\r\n",
        [STORE_CORRUPT] = "-ERR [SYS/PERM] The message is damaged\r\n",
        [STORE_IO] = "-ERR [SYS/TEMP] The disk fails\r\n",
    };
    return error < STORE_ERROR_COUNT && texts[error] ? texts[error] : "-ERR [SYS/TEMP] Internal error\r\n";
}

enum step_result pop3_wait_pool(struct step_context *context)
{
    context->wait = WAIT_POOL;
    return STEP_WAIT;
}

bool pop3_slice_over(struct pop3 *pop3, struct step_context *context, enum step_result *result_r)
{
    if (!stream_make_room(pop3->session->stream)) {
        context->wait = WAIT_OUTPUT;
        *result_r = STEP_WAIT;
        return true;
    }
    *result_r = STEP_AGAIN;
    return clock_monotonic_us() > context->deadline_us;
}

/* ---- changes ---- */

static void mutation_done(struct mutation *mutation)
{
    struct pop3 *pop3 = (struct pop3 *)(void *)((char *)mutation - offsetof(struct pop3, mutation));
    struct session *session = pop3->session;
    pop3->mutated = true;
    session_reply(session);
    session_release(session);
}

enum step_result pop3_mutate(struct pop3 *pop3, struct step_context *context)
{
    struct session *session = pop3->session;
    if (pop3->mutated)
        return STEP_DONE;
    if (!pop3->mutating) {
        pop3->mutating = true;
        pop3->mutation.account = session->account;
        pop3->mutation.loop = session->loop;
        pop3->mutation.done = mutation_done;
        session_hold(session);
        engine_mutate(store_engine(session->env->store), &pop3->mutation);
    }
    context->wait = WAIT_REPLY;
    return STEP_WAIT;
}

void pop3_mutate_reset(struct pop3 *pop3)
{
    pop3->mutation = (struct mutation){0};
    pop3->mutating = pop3->mutated = false;
}

/* ---- the maildrop that a login names ---- */

void pop3_maildrop_read(struct arena *arena, struct view text, struct pop3_maildrop *maildrop_r)
{
    struct view recent = VIEW_LITERAL("recent:");
    *maildrop_r = (struct pop3_maildrop){.recent = view_starts_with(text, recent), .valid = true};
    if (maildrop_r->recent)
        text = view_skip(text, recent.size);
    if (text.size == 0) {
        maildrop_r->folder = VIEW_LITERAL("INBOX");
    } else if (mailbox_name_canonical(arena, view_skip(text, 1), &maildrop_r->folder) != STORE_OK) {
        maildrop_r->valid = false;
        maildrop_r->folder = VIEW_EMPTY;
    }
}

/* ---- what is no command ---- */

static enum step_result problem_step(struct pop3 *pop3, struct step_context *context)
{
    pop3_printf(pop3, "-ERR %s\r\n", language_text(pop3->session->language, pop3->problem));
    if (++pop3->bad_commands >= POP3_BAD_COMMANDS)
        session_end(pop3->session, false, "too many errors");
    return STEP_DONE;
}
static const struct pop3_command problem_command = {"problem", POP3_NONE, problem_step, ""};
static const struct pop3_command snapshot_command = {"LOGIN", POP3_NONE, pop3_snapshot_step, "RFC 1939 4"};

/* ---- the engine's functions ---- */

static void begin(struct pop3 *pop3, const struct pop3_command *command)
{
    pop3->command = command;
    pop3->begun = false;
    pop3_mutate_reset(pop3);
    session_begin(pop3->session, command->name);
}

static bool pop3_start(struct session *session, const struct adopted *adopted)
{
    struct pop3_maildrop maildrop;
    pop3_maildrop_read(&session->arena, adopted->maildrop, &maildrop);
    if (!pop3_lock(session->account, maildrop.folder))
        return false;
    struct pop3 *pop3 = NEW(struct pop3);
    pop3->session = session;
    pop3->locked = true;
    pop3->maildrop = maildrop;
    pop3->utf8 = view_equal_string(adopted->tag, POP3_TAG_UTF8);
    pop3_defaults(&pop3->policy);
    pop3->next_uid = 1;
    session->engine = pop3;
    begin(pop3, &snapshot_command);
    return true;
}

/* The first line of the input into pop3->line. False: no whole line yet. */
static bool take_line(struct pop3 *pop3)
{
    struct view input = session_input(pop3->session);
    size_t end = view_find(input, '\n', 0);
    if (end == SIZE_MAX && input.size <= LIMIT_POP3_LINE)
        return false;
    if (end == SIZE_MAX || end > LIMIT_POP3_LINE) {
        session_consume(pop3->session, input.size);
        pop3->problem = "Line too long";
        pop3->bad_commands = POP3_BAD_COMMANDS; /* where its end is, is not known: the session ends */
        return true;
    }
    size_t size = end > 0 && input.data[end - 1] == '\r' ? end - 1 : end;
    memcpy(pop3->line, input.data, size);
    pop3->line[size] = '\0';
    session_consume(pop3->session, end + 1);
    pop3->problem = NULL;
    struct view line = view_of(pop3->line, size);
    size_t space = view_find(line, ' ', 0);
    pop3->arguments = space == SIZE_MAX ? VIEW_EMPTY : view_skip(line, space + 1);
    pop3->command = pop3_command_find(view_slice(line, 0, space));
    if (!pop3->command)
        pop3->problem = "Unknown command";
    return true;
}

static bool pop3_next(struct session *session)
{
    struct pop3 *pop3 = session->engine;
    if (!take_line(pop3))
        return false;
    if (!pop3->problem && pop3_arguments_read(pop3))
        begin(pop3, pop3->command);
    else
        begin(pop3, &problem_command);
    return true;
}

static enum step_result pop3_step(struct session *session, struct step_context *context)
{
    struct pop3 *pop3 = session->engine;
    return pop3->command->step(pop3, context);
}

static void pop3_drop(struct session *session)
{
    struct pop3 *pop3 = session->engine;
    pop3_quit_drop(pop3);
    pop3_patches_free(&pop3->sending.patches);
}

static void pop3_end(struct session *session, const char *reason)
{
    struct pop3 *pop3 = session->engine;
    char user[512];
    log_event(LOG_INFO, "logout",
              "proto=pop3 rip=%s sid=%016llx reason=%s in=%llu out=%llu retrieved=%llu removed=%llu user=%s",
              session->peer, (unsigned long long)session->id, reason,
              (unsigned long long)stream_octets_in(session->stream),
              (unsigned long long)stream_octets_out(session->stream), (unsigned long long)pop3->retrieved,
              (unsigned long long)pop3->removed, log_value(view_of_string(session->user), user, sizeof(user)));
    if (pop3->locked)
        pop3_unlock(session->account, pop3->maildrop.folder, pop3->opened);
    pop3_ahead_drop(pop3);
    free(pop3->messages);
    free(pop3);
    session->engine = NULL;
}

/* No farewell: RFC 1939 3 closes without a word, and without deleting anything. */
const struct protocol_engine pop3_engine = {
    .name = "pop3",
    .start = pop3_start,
    .next = pop3_next,
    .step = pop3_step,
    .drop = pop3_drop,
    .end = pop3_end,
    .idle_ms = LIMIT_POP3_IDLE_MS,
};
