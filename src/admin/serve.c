/*
 * admin/serve.c: mail's side of a control connection: RUN, the verb, EXIT.
 */
#include "admin/serving.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"

#include <sysexits.h>

static const struct {
    const char *name;
    int (*serve)(struct serving *serving);
} verbs[] = {
    {"mailbox list", serve_mailbox_list},
    {"mailbox status", serve_mailbox_status},
    {"mailbox create", serve_mailbox_create},
    {"mailbox delete", serve_mailbox_delete},
    {"mailbox rename", serve_mailbox_rename},
    {"account show", serve_account_show},
    {"account quota", serve_account_quota},
    {"user set", serve_user_set},
    {"user settings", serve_user_settings},
    {"status", serve_status},
    {"check", serve_check},
    {"compact", serve_compact},
    {"purge", serve_purge},
    {"undelete", serve_undelete},
    {"log", serve_log},
    {"import", serve_import},
    {"export", serve_export},
};

/* ---- what came in ---- */

const char *serving_argument(const struct serving *serving, size_t n)
{
    return words_argument(&serving->words, n);
}

const char *serving_option(const struct serving *serving, const char *name, size_t n)
{
    return words_option(&serving->words, name, n);
}

uint64_t serving_account(const struct serving *serving)
{
    uint64_t account = 0;
    const char *said = serving_argument(serving, 0);
    return said != NULL && view_parse_u64(view_of_string(said), UINT64_MAX, &account) ? account : 0;
}

/* ---- what goes out ---- */

void serving_output(struct serving *serving, uint8_t stream, struct view octets)
{
    while (octets.size > 0 && !serving->gone) {
        struct ipc_control_output output = {stream, view_slice(octets, 0, LIMIT_CONTROL_FRAME / 2)};
        if (!wire_send(&serving->wire, IPC_CONTROL_OUTPUT, &output, -1))
            serving->gone = true;
        octets = view_skip(octets, output.octets.size);
    }
}

int serving_fail(struct serving *serving, int code, const char *format, ...)
{
    struct buffer text;
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    buffer_init(&text, 0);
    buffer_append_string(&text, line);
    buffer_append_char(&text, '\n');
    serving_output(serving, 2, buffer_view(&text));
    buffer_free(&text);
    return code;
}

int serving_store_failed(struct serving *serving, const char *what, enum store_error error)
{
    static const struct {
        enum store_error error;
        int code;
        const char *then;
    } rows[] = {
        {STORE_NO_ACCOUNT, EX_NOUSER, ": was the user made while mail was away?"},
        {STORE_NO_MAILBOX, EX_NOINPUT, ": waxwing mailbox list shows those there are"},
        {STORE_EXISTS, EX_CANTCREAT, ""},
        {STORE_BAD_NAME, EX_USAGE, ": no empty level, no control characters, at most 32 levels"},
        {STORE_FORBIDDEN, EX_NOPERM, ""},
        {STORE_FULL, EX_IOERR, ": free some disk"},
        {STORE_READ_ONLY, EX_IOERR, ": the disk failed; restart the server once it is well"},
        {STORE_CORRUPT, EX_DATAERR, ": waxwing check names what is damaged"},
        {STORE_OVER_QUOTA, EX_CANTCREAT, ": waxwing account quota raises it"},
        {STORE_BUSY, EX_TEMPFAIL, ": try again"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].error == error)
            return serving_fail(serving, rows[i].code, "%s: %s%s", what, store_error_text(error), rows[i].then);
    return serving_fail(serving, EX_IOERR, "%s: %s", what, store_error_text(error));
}

void serving_columns(struct serving *serving, const char *columns)
{
    buffer_clear(&serving->row);
    buffer_append_char(&serving->row, '#');
    buffer_append_string(&serving->row, columns);
    serving_row_end(serving);
}

static void next_field(struct serving *serving)
{
    if (buffer_size(&serving->row) > 0)
        buffer_append_char(&serving->row, '\t');
}

void serving_text(struct serving *serving, struct view value)
{
    next_field(serving);
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        if (c == '\t' || c == '\n' || c == '\\')
            buffer_append_char(&serving->row, '\\');
        buffer_append_char(&serving->row, c == '\t' ? 't' : c == '\n' ? 'n' : c);
    }
}

void serving_number(struct serving *serving, uint64_t value)
{
    next_field(serving);
    buffer_append_u64(&serving->row, value);
}

void serving_row_end(struct serving *serving)
{
    buffer_append_char(&serving->row, '\n');
    serving_output(serving, 3, buffer_view(&serving->row));
    buffer_clear(&serving->row);
}

/* ---- the other side ---- */

void serving_removal(const struct serving *serving, struct removal *why_r)
{
    *why_r = (struct removal){.by = REMOVED_BY_ADMIN};
    snprintf(why_r->peer, sizeof(why_r->peer), "%s", serving->who);
    snprintf(why_r->client, sizeof(why_r->client), "waxwing %s", words_verb(&serving->words));
}

/* ---- the store ---- */

enum store_error serving_mutate(struct serving *serving, uint64_t account, struct mutation *mutation)
{
    mutation->account = account;
    return engine_mutate_wait(store_engine(serving->env->store), mutation);
}

bool serving_is_stopping(const struct serving *serving)
{
    return serving->env->stopping != NULL && serving->env->stopping(serving->env->stopping_ctx);
}

struct reader serving_reader(const struct serving *serving, uint64_t account)
{
    return (struct reader){serving->env->store, account, READ_BLOCKING};
}

/* ---- the connection ---- */

static int run_verb(struct serving *serving)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].name, words_verb(&serving->words)) == 0)
            return verbs[i].serve(serving);
    return serving_fail(serving, EX_USAGE, "mail does not know the verb %s: is the server of another version?",
                        words_verb(&serving->words));
}

static void log_run(const struct serving *serving)
{
    char verb[128], who[128];
    log_event(LOG_INFO, "admin.verb", "account=%llu by=%s verb=%s", (unsigned long long)serving_account(serving),
              log_value(view_of_string(serving->who), who, sizeof(who)),
              log_value(view_of_string(words_verb(&serving->words)), verb, sizeof(verb)));
}

void admin_serve(int fd, const struct admin_env *env)
{
    struct serving serving = {.env = env};
    struct wire_frame frame;
    wire_open(&serving.wire, fd);
    buffer_init(&serving.row, LIMIT_CONTROL_FRAME / 2);
    if (wire_receive(&serving.wire, &frame, -1) && frame.type == IPC_CONTROL_RUN) {
        const struct ipc_control_run *run = (const struct ipc_control_run *)(const void *)frame.body;
        struct ipc_control_exit done = {EX_PROTOCOL};
        serving.wire.id = frame.id;
        if (run->version != IPC_VERSION) {
            serving_fail(&serving, 0, "the server is of another version than this program: restart the server");
        } else if (words_take(&serving.words, run->arguments)) {
            snprintf(serving.who, sizeof(serving.who), "%.*s", VIEW_PRINTF(run->who));
            serving.json = run->json != 0;
            serving.terminal = run->terminal != 0;
            log_run(&serving);
            done.code = (uint32_t)run_verb(&serving);
        }
        if (!serving.gone)
            wire_send(&serving.wire, IPC_CONTROL_EXIT, &done, -1);
    }
    words_free(&serving.words);
    buffer_free(&serving.row);
    wire_close(&serving.wire);
}
