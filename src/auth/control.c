/*
 * auth/control.c: the verbs about users, on auth's control socket.
 *
 * Does     one verb a connection: RUN, the input if the verb wants any (a password), then output, EXIT. Results are
 *          records (stream 3): a line "#name:type ...", then a line of values each, separated by TAB; the CLI shows
 *          them as table, text or JSON.
 * Owns     its connections. A connection that goes away while a password is hashed or mail is asked loses only the
 *          answer: what was begun is finished.
 * Called   on auth's loop.
 * Fails    with a sysexits code and a sentence on stream 2.
 */
#include "auth/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/words.h"
#include "net/frame.h"

#include <sodium.h>
#include <sysexits.h>
#include <unistd.h>

enum { INPUT_MAX = 4096, LIST_ROWS = 100, CONTROL_IDLE_MS = 120000 };

struct verb;
struct control {
    struct control *next;
    struct auth *auth;
    struct frames *frames;
    const struct verb *verb;
    struct buffer input;
    struct words words;
    char who[LIMIT_ADMIN_WHO + 1]; /* the administrator, by their own word */
    uint64_t id, last_ms;
    struct password_job *job;
    struct completion *completion; /* of the account that mail is asked for */
    bool exiting;
    struct user user;
};
struct verb {
    const char *name;
    void (*run)(struct control *control);
    bool wants_input;
};

/* ---- what goes out ---- */

static void control_free(struct control *control)
{
    struct auth *auth = control->auth;
    for (struct control **place = &auth->controls; *place != NULL; place = &(*place)->next)
        if (*place == control) {
            *place = control->next;
            break;
        }
    auth->control_count--;
    if (control->job != NULL)
        control->job->owner = NULL;
    if (control->completion != NULL)
        auth_forget_told(control->completion);
    frames_free(&control->frames);
    if (control->input.memory != NULL)
        sodium_memzero(control->input.memory, control->input.capacity);
    buffer_free(&control->input);
    words_free(&control->words);
    sodium_memzero(control, sizeof(*control));
    free(control);
}

static void control_send(struct control *control, enum ipc_type type, const void *body)
{
    struct buffer payload;
    buffer_init(&payload, LIMIT_CONTROL_FRAME);
    if (ipc_encode(type, body, &payload))
        frames_send(control->frames, (uint16_t)type, control->id, buffer_view(&payload), -1, false);
    buffer_free(&payload);
}

static void control_output(struct control *control, uint8_t stream, struct view octets)
{
    struct ipc_control_output output = {.stream = stream, .octets = octets};
    control_send(control, IPC_CONTROL_OUTPUT, &output);
}

/* The connection is closed by the CLI once it has the code, or by the tick. */
static void control_exit(struct control *control, uint32_t code)
{
    struct ipc_control_exit done = {.code = code};
    control->exiting = true;
    control->last_ms = clock_monotonic_ms();
    control_send(control, IPC_CONTROL_EXIT, &done);
}

__attribute__((format(printf, 3, 4))) static void control_fail(struct control *control, uint32_t code,
                                                               const char *format, ...)
{
    struct buffer text;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    buffer_init(&text, 0);
    buffer_append_string(&text, line);
    buffer_append_char(&text, '\n');
    control_output(control, 2, buffer_view(&text));
    buffer_free(&text);
    control_exit(control, code);
}

static void field(struct buffer *row, const char *value)
{
    if (buffer_size(row) > 0)
        buffer_append_char(row, '\t');
    for (; *value != 0; value++) {
        if (*value == '\t' || *value == '\n' || *value == '\\')
            buffer_append_char(row, '\\');
        buffer_append_char(row, *value == '\t' ? 't' : *value == '\n' ? 'n' : *value);
    }
}

static void field_number(struct buffer *row, uint64_t value)
{
    if (buffer_size(row) > 0)
        buffer_append_char(row, '\t');
    buffer_append_u64(row, value);
}

static void row_end(struct control *control, struct buffer *row)
{
    buffer_append_char(row, '\n');
    control_output(control, 3, buffer_view(row));
    buffer_clear(row);
}

/* ---- what came in ---- */

static const char *argument(const struct control *control, size_t n)
{
    return words_argument(&control->words, n);
}

static const char *option(const struct control *control, const char *name, size_t n)
{
    return words_option(&control->words, name, n);
}

/* The first line of the input, without its end. */
static struct view input_line(const struct control *control)
{
    struct view line = buffer_view(&control->input);
    size_t end = view_find(line, '\n', 0);
    line = end == SIZE_MAX ? line : view_slice(line, 0, end);
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

/* The user named by the first argument; false: answered already. */
static bool find_user(struct control *control)
{
    const char *said = argument(control, 0);
    char name[NAME_SIZE];
    if (said == NULL) {
        control_fail(control, EX_USAGE, "no user named: say which one");
        return false;
    }
    enum users_result found = USERS_NONE;
    if (name_canonical(view_of_string(said), name))
        found = users_find(control->auth->users, name, &control->user);
    if (found == USERS_NONE)
        control_fail(control, EX_NOUSER, "no user %s: waxwing user list shows those there are", said);
    else if (found == USERS_IO)
        control_fail(control, EX_IOERR, "can't read the user database: %s", users_error(control->auth->users));
    return found == USERS_OK;
}

static void database_failed(struct control *control)
{
    control_fail(control, EX_IOERR, "can't change the user database: %s", users_error(control->auth->users));
}

static void act(const struct control *control, const char *what)
{
    char user[2 * NAME_SIZE], who[128];
    log_event(LOG_INFO, "admin.user", "what=%s account=%llu by=%s user=%s", what,
              (unsigned long long)control->user.account, log_value(view_of_string(control->who), who, sizeof(who)),
              log_value(view_of_string(control->user.name), user, sizeof(user)));
}

/* All sessions of the account end: whoever holds the old password, or none any more. */
static void end_sessions(const struct control *control)
{
    cache_forget(control->auth->cache, control->user.account);
    struct ipc_revoke revoked = {.account = control->user.account, .credential = 0};
    if (control->user.account != 0)
        auth_tell_mail(control->auth, IPC_REVOKE, &revoked);
}

/* ---- user add ---- */

static void account_told(void *ctx, uint64_t account)
{
    struct control *control = ctx;
    control->completion = NULL;
    control->user.account = account;
    act(control, "add");
    if (account != 0)
        control_exit(control, EX_OK);
    else
        control_fail(control, EX_TEMPFAIL,
                     "user %s is made, but mail gave it no account yet: it will when it runs again",
                     control->user.name);
}

static void user_insert(struct control *control, const char *hash)
{
    struct auth *auth = control->auth;
    snprintf(control->user.hash, sizeof(control->user.hash), "%s", hash);
    enum users_result added = users_add(auth->users, &control->user);
    if (added == USERS_EXISTS) {
        control_fail(control, EX_CANTCREAT, "user %s is there already: waxwing user password sets a new password",
                     control->user.name);
        return;
    }
    if (added == USERS_IO) {
        database_failed(control);
        return;
    }
    const char *said;
    for (size_t i = 0; (said = option(control, "address", i)) != NULL; i++) {
        char address[NAME_SIZE];
        if (!name_canonical(view_of_string(said), address) ||
            users_add_address(auth->users, control->user.name, address) != USERS_OK) {
            users_remove(auth->users, control->user.name);
            control_fail(control, EX_CANTCREAT, "can't use address %s: it is no address, or somebody has it", said);
            return;
        }
    }
    control->completion = auth_complete_user(auth, &control->user, account_told, control);
    if (control->completion == NULL)
        account_told(control, 0);
}

static void add_hashed(struct password_job *job)
{
    struct control *control = job->owner;
    if (control == NULL)
        return;
    control->job = NULL;
    if (job->made)
        user_insert(control, job->new_hash);
    else
        control_fail(control, EX_OSERR, "can't hash the password: not enough memory");
}

/* Takes what the input says: a password to hash, or with --hash a ready hash. False: answered already. */
static bool take_password(struct control *control, void (*hashed)(struct password_job *job),
                          void (*with)(struct control *control, const char *hash))
{
    struct view line = input_line(control);
    if (line.size == 0) {
        control_fail(control, EX_DATAERR, "no password given: type one, or write it to standard input");
        return false;
    }
    if (option(control, "hash", 0) != NULL) {
        char hash[HASH_TEXT_MAX];
        if (!hash_is_known(line)) {
            control_fail(control, EX_DATAERR, "can't use this hash: its scheme is unknown: see waxwing help user");
            return false;
        }
        snprintf(hash, sizeof(hash), "%.*s", VIEW_PRINTF(line));
        with(control, hash);
        return true;
    }
    if (line.size > LIMIT_PASSWORD_OCTETS || view_find(line, 0, 0) != SIZE_MAX) {
        control_fail(control, EX_DATAERR, "can't use this password: it is longer than %d octets or holds a NUL",
                     LIMIT_PASSWORD_OCTETS);
        return false;
    }
    struct password_job *job = auth_job(control->auth, control->user.name, line);
    job->make = true;
    job->done = hashed;
    job->owner = control;
    if (!auth_submit(control->auth, job)) {
        control_fail(control, EX_TEMPFAIL, "too many logins just now: try again");
        return false;
    }
    control->job = job;
    return true;
}

static void verb_add(struct control *control)
{
    struct auth *auth = control->auth;
    const char *said = argument(control, 0), *quota = option(control, "quota", 0);
    struct user there;
    memset(&control->user, 0, sizeof(control->user));
    control->user.quota_octets = auth->default_quota;
    if (said == NULL || !name_canonical(view_of_string(said), control->user.name) ||
        !name_is_allowed(control->user.name)) {
        control_fail(control, EX_USAGE,
                     "can't use the name %s: letters, digits and '.', '-', '_', '+', at most one '@'",
                     said == NULL ? "(none)" : said);
        return;
    }
    if (quota != NULL && !view_parse_u64(view_of_string(quota), INT64_MAX, &control->user.quota_octets)) {
        control_fail(control, EX_USAGE, "can't use the quota %s: give octets as a number", quota);
        return;
    }
    if (users_find(auth->users, control->user.name, &there) == USERS_OK) {
        control_fail(control, EX_CANTCREAT, "user %s is there already: waxwing user password sets a new password",
                     control->user.name);
        return;
    }
    take_password(control, add_hashed, user_insert);
}

/* ---- the other verbs ---- */

static void password_set(struct control *control, const char *hash)
{
    if (users_set_password(control->auth->users, control->user.name, hash) != USERS_OK) {
        database_failed(control);
        return;
    }
    end_sessions(control);
    act(control, "password");
    control_exit(control, EX_OK);
}

static void password_hashed(struct password_job *job)
{
    struct control *control = job->owner;
    if (control == NULL)
        return;
    control->job = NULL;
    if (job->made)
        password_set(control, job->new_hash);
    else
        control_fail(control, EX_OSERR, "can't hash the password: not enough memory");
}

static void verb_password(struct control *control)
{
    if (find_user(control))
        take_password(control, password_hashed, password_set);
}

/* The secret in the input; with --remove there is none any more. */
static void verb_apop(struct control *control)
{
    struct view line = input_line(control);
    char secret[LIMIT_PASSWORD_OCTETS + 1] = "";
    bool remove = option(control, "remove", 0) != NULL;
    if (!find_user(control))
        return;
    if (!remove && (line.size == 0 || line.size > LIMIT_PASSWORD_OCTETS || view_find(line, 0, 0) != SIZE_MAX)) {
        control_fail(control, EX_DATAERR, "can't use this secret: it is empty, longer than %d octets or holds a NUL",
                     LIMIT_PASSWORD_OCTETS);
        return;
    }
    if (!remove)
        view_copy(secret, line);
    enum users_result set = users_set_apop_secret(control->auth->users, control->user.name, secret);
    sodium_memzero(secret, sizeof(secret));
    if (set == USERS_IO) {
        database_failed(control);
        return;
    }
    if (remove)
        end_sessions(control);
    act(control, remove ? "apop-remove" : "apop");
    control_exit(control, EX_OK);
}

static void verb_remove(struct control *control)
{
    if (!find_user(control))
        return;
    if (users_remove(control->auth->users, control->user.name) != USERS_OK) {
        database_failed(control);
        return;
    }
    end_sessions(control);
    auth_facts_changed(control->auth);
    if (control->user.account != 0)
        auth_tell_gone(control->auth, control->user.account);
    act(control, "remove");
    control_exit(control, EX_OK);
}

static void set_disabled(struct control *control, bool disabled)
{
    if (!find_user(control))
        return;
    if (users_set_disabled(control->auth->users, control->user.name, disabled) != USERS_OK) {
        database_failed(control);
        return;
    }
    if (disabled)
        end_sessions(control);
    act(control, disabled ? "disable" : "enable");
    control_exit(control, EX_OK);
}

static void verb_disable(struct control *control)
{
    set_disabled(control, true);
}

static void verb_enable(struct control *control)
{
    set_disabled(control, false);
}

static void verb_address(struct control *control)
{
    struct users *users = control->auth->users;
    const char *said;
    char address[NAME_SIZE];
    if (!find_user(control))
        return;
    for (size_t i = 0; (said = option(control, "add", i)) != NULL; i++)
        if (!name_canonical(view_of_string(said), address) ||
            users_add_address(users, control->user.name, address) != USERS_OK) {
            control_fail(control, EX_CANTCREAT, "can't add address %s: it is no address, or somebody has it", said);
            return;
        }
    for (size_t i = 0; (said = option(control, "remove", i)) != NULL; i++)
        if (!name_canonical(view_of_string(said), address) ||
            users_remove_address(users, control->user.name, address) != USERS_OK) {
            control_fail(control, EX_DATAERR, "can't remove address %s: %s does not have it", said, control->user.name);
            return;
        }
    act(control, "address");
    control_exit(control, EX_OK);
}

static void tell_group(void *ctx, const char *group)
{
    struct control *control = ctx;
    struct buffer row;
    buffer_init(&row, LIMIT_CONTROL_FRAME / 2);
    field(&row, group);
    row_end(control, &row);
    buffer_free(&row);
}

static bool change_groups(struct control *control, const char *how,
                          enum users_result (*change)(struct users *users, const char *name, const char *group))
{
    const char *said;
    char group[NAME_SIZE];
    for (size_t i = 0; (said = option(control, how, i)) != NULL; i++)
        if (!name_canonical(view_of_string(said), group) || !name_is_group(group) ||
            change(control->auth->users, control->user.name, group) != USERS_OK) {
            control_fail(control, EX_DATAERR, "can't %s group %s: it is no group's name, or %s %s", how, said,
                         control->user.name, how[0] == 'a' ? "is in it, or in too many" : "isn't in it");
            return false;
        }
    return true;
}

/* Says which groups the user is in then. */
static void verb_group(struct control *control)
{
    struct buffer row;
    if (!find_user(control))
        return;
    if (!change_groups(control, "add", users_add_group) || !change_groups(control, "remove", users_remove_group))
        return;
    if (option(control, "add", 0) != NULL || option(control, "remove", 0) != NULL) {
        auth_facts_changed(control->auth);
        act(control, "group");
    }
    buffer_init(&row, LIMIT_CONTROL_FRAME / 2);
    buffer_append_string(&row, "#group");
    row_end(control, &row);
    buffer_free(&row);
    users_groups(control->auth->users, control->user.name, tell_group, control);
    control_exit(control, EX_OK);
}

static void user_row(struct buffer *row, const struct user *user)
{
    field(row, user->name);
    field_number(row, user->account);
    field(row, user->disabled ? "disabled" : user->account == 0 ? "unfinished" : "active");
    field_number(row, user->quota_octets);
    field_number(row, (uint64_t)user->created_utc_s);
    field_number(row, (uint64_t)user->changed_utc_s);
}
#define USER_COLUMNS "#name\taccount:n\tstate\tquota:o\tcreated:t\tchanged:t"

static void verb_list(struct control *control)
{
    struct user *rows = memory_array(LIST_ROWS, sizeof(*rows));
    size_t count = 0;
    char after[NAME_SIZE] = "";
    struct buffer row;
    enum users_result result;
    buffer_init(&row, LIMIT_CONTROL_FRAME / 2);
    buffer_append_string(&row, USER_COLUMNS);
    row_end(control, &row);
    while ((result = users_list(control->auth->users, after, rows, LIST_ROWS, &count)) == USERS_OK && count > 0) {
        for (size_t i = 0; i < count; i++) {
            user_row(&row, &rows[i]);
            row_end(control, &row);
        }
        snprintf(after, sizeof(after), "%s", rows[count - 1].name);
    }
    buffer_free(&row);
    sodium_memzero(rows, LIST_ROWS * sizeof(*rows));
    free(rows);
    if (result == USERS_OK)
        control_exit(control, EX_OK);
    else
        control_fail(control, EX_IOERR, "can't read the user database: %s", users_error(control->auth->users));
}

static void append_address(void *ctx, const char *address)
{
    struct buffer *text = ctx;
    if (buffer_size(text) > 0)
        buffer_append_char(text, ' ');
    buffer_append_string(text, address);
}

static void verb_show(struct control *control)
{
    struct buffer row, addresses;
    char list[4096], scheme[32] = "";
    if (!find_user(control))
        return;
    buffer_init(&row, LIMIT_CONTROL_FRAME / 2);
    buffer_init(&addresses, sizeof(list) - 1);
    users_addresses(control->auth->users, control->user.name, append_address, &addresses);
    snprintf(list, sizeof(list), "%.*s", VIEW_PRINTF(buffer_view(&addresses)));
    if (control->user.hash[0] == '{')
        snprintf(scheme, sizeof(scheme), "%.*s", (int)strcspn(control->user.hash + 1, "}"), control->user.hash + 1);
    buffer_append_string(&row, USER_COLUMNS "\tscheme\taddresses");
    row_end(control, &row);
    user_row(&row, &control->user);
    field(&row, scheme[0] != 0 ? scheme : "CRYPT");
    field(&row, list);
    row_end(control, &row);
    buffer_free(&addresses);
    buffer_free(&row);
    control_exit(control, EX_OK);
}

static void test_done(struct password_job *job)
{
    struct control *control = job->owner;
    if (control == NULL)
        return;
    control->job = NULL;
    if (job->result == HASH_UNKNOWN)
        control_fail(control, EX_DATAERR, "password: can't be checked, the stored hash is of no known scheme");
    else if (job->result == HASH_WRONG)
        control_fail(control, 1, "password: wrong");
    else if (control->user.disabled)
        control_fail(control, 1, "password: right, but the user is disabled: waxwing user enable %s",
                     control->user.name);
    else if (control->user.account == 0)
        control_fail(control, 1, "password: right, but mail has no account yet: is the server running?");
    else {
        control_output(control, 1, VIEW_LITERAL("password: right; this user can log in\n"));
        control_exit(control, EX_OK);
    }
}

/* Not throttled: whoever reaches this socket may set passwords as well. */
static void verb_test(struct control *control)
{
    if (!find_user(control))
        return;
    struct password_job *job = auth_job(control->auth, control->user.name, input_line(control));
    snprintf(job->hash, sizeof(job->hash), "%s", control->user.hash);
    job->done = test_done;
    job->owner = control;
    if (auth_submit(control->auth, job))
        control->job = job;
    else
        control_fail(control, EX_TEMPFAIL, "too many logins just now: try again");
}

static const struct verb verbs[] = {
    {"user add", verb_add, true},        {"user remove", verb_remove, false},    {"user list", verb_list, false},
    {"user show", verb_show, false},     {"user password", verb_password, true}, {"user disable", verb_disable, false},
    {"user enable", verb_enable, false}, {"user address", verb_address, false},  {"user group", verb_group, false},
    {"user apop", verb_apop, true},      {"auth test", verb_test, true},
};

/* ---- frames ---- */

static const struct verb *verb_of(const char *name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static bool begin_run(struct control *control, const struct frame *frame, const struct ipc_control_run *run)
{
    if (control->words.memory != NULL) /* one RUN a connection */
        return false;
    control->id = frame->id;
    if (!words_take(&control->words, run->arguments))
        return false;
    control->verb = verb_of(words_verb(&control->words));
    snprintf(control->who, sizeof(control->who), "%.*s", VIEW_PRINTF(run->who));
    if (run->version != IPC_VERSION)
        control_fail(control, EX_PROTOCOL, "the server is of another version than this program: restart the server");
    else if (control->verb == NULL)
        control_fail(control, EX_USAGE, "auth does not know the verb %s", words_verb(&control->words));
    else if (control->auth->draining)
        control_fail(control, EX_TEMPFAIL, "the server is going down: try again when it runs");
    else if (!control->verb->wants_input)
        control->verb->run(control);
    return true;
}

static bool control_frame(void *ctx, struct frame *frame)
{
    struct control *control = ctx;
    _Alignas(16) unsigned char body[IPC_BODY_MAX];
    control->last_ms = clock_monotonic_ms();
    if (!ipc_decode((enum ipc_type)frame->type, frame->payload, body))
        return false;
    switch (frame->type) {
    case IPC_CONTROL_RUN:
        return begin_run(control, frame, (const struct ipc_control_run *)(const void *)body);
    case IPC_CONTROL_INPUT:
        buffer_append_view(&control->input, ((const struct ipc_control_input *)(const void *)body)->octets);
        return !control->input.overflow;
    case IPC_CONTROL_INPUT_END:
        if (control->verb != NULL && control->verb->wants_input && !control->exiting && control->job == NULL &&
            control->completion == NULL)
            control->verb->run(control);
        return true;
    case IPC_CONTROL_CREDIT:
        return true;
    default:
        return false;
    }
}

static void control_closed(void *ctx, const char *reason)
{
    control_free(ctx);
}

void control_open(struct auth *auth, int fd)
{
    static const struct frames_user user = {control_frame, control_closed, NULL};
    struct control *control = NEW(struct control);
    control->auth = auth;
    control->last_ms = clock_monotonic_ms();
    buffer_init(&control->input, INPUT_MAX);
    control->next = auth->controls;
    auth->controls = control;
    auth->control_count++;
    control->frames = frames_new(auth->loop, fd, ipc_payload_max(IPC_CONTROL_INPUT), &user, control);
}

void control_close_all(struct auth *auth)
{
    while (auth->controls != NULL)
        control_free(auth->controls);
}

/* Who says nothing for minutes, or does not go when told the end, is in somebody else's way. */
void control_tick(struct auth *auth, uint64_t now_ms)
{
    for (struct control *control = auth->controls, *next; control != NULL; control = next) {
        next = control->next;
        uint64_t most = control->exiting && frames_pending(control->frames) == 0 ? 5000 : CONTROL_IDLE_MS;
        if (now_ms - control->last_ms > most && control->job == NULL && control->completion == NULL)
            control_free(control);
    }
}

bool control_is_busy(const struct auth *auth)
{
    for (const struct control *control = auth->controls; control != NULL; control = control->next)
        if (control->verb != NULL && (!control->exiting || frames_pending(control->frames) > 0))
            return true;
    return false;
}
