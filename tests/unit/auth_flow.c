/* auth whole, between a gate, an LMTP gate, a mail and a command line that are this test. */
#include "auth/auth.h"
#include "base/clock.h"
#include "base/memory.h"
#include "ipc/channel.h"
#include "net/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct loop *loop;
static struct auth *auth;
static struct channel *gate, *lmtp, *mail;

/* What came to gate or lmtp last, by frame id. */
static struct {
    enum ipc_type type;
    uint8_t reason;
    uint16_t code;
    uint64_t account, ticket_high, ticket_low;
    char user[256], detail[256];
} answers[4096];
static uint64_t answer_count;

static uint64_t next_account = 1;
static uint64_t tickets, drops, gone, revoked;
static struct ipc_ticket last_ticket;
static bool mail_is_silent, mail_refuses;

/* What auth said of users last. */
static struct {
    uint64_t id, account, gone;
    char name[256], groups[256];
} facts;

static void keep_text(char *out, struct view v)
{
    memcpy(out, v.data, v.size);
    out[v.size] = 0;
}

static void front_message(void *ctx, struct channel *channel, struct message *m)
{
    answer_count++;
    answers[m->id].type = m->type;
    if (m->type == IPC_AUTH_OK) {
        const struct ipc_auth_ok *ok = m->body;
        answers[m->id].ticket_high = ok->ticket_high;
        answers[m->id].ticket_low = ok->ticket_low;
        keep_text(answers[m->id].user, ok->user);
    } else if (m->type == IPC_AUTH_FAIL) {
        answers[m->id].reason = ((const struct ipc_auth_fail *)m->body)->reason;
    } else if (m->type == IPC_RCPT_OK) {
        const struct ipc_rcpt_ok *ok = m->body;
        answers[m->id].account = ok->account;
        keep_text(answers[m->id].user, ok->user);
        keep_text(answers[m->id].detail, ok->detail);
    } else if (m->type == IPC_RCPT_NO) {
        answers[m->id].code = ((const struct ipc_rcpt_no *)m->body)->code;
    }
}

static void mail_message(void *ctx, struct channel *channel, struct message *m)
{
    struct ipc_empty empty = {0};
    struct ipc_account_is is = {0};
    if (m->type == IPC_TICKET_DROP)
        drops++;
    if (m->type == IPC_REVOKE)
        revoked = ((const struct ipc_revoke *)m->body)->account;
    if (m->type == IPC_FACTS_GONE)
        facts.gone++;
    if (m->type == IPC_FACTS_ARE) {
        const struct ipc_facts_are *are = m->body;
        facts.id = m->id;
        facts.account = are->account;
        keep_text(facts.name, are->name);
        keep_text(facts.groups, are->groups);
    }
    if (mail_is_silent)
        return;
    if (m->type == IPC_ACCOUNT_NEW) {
        is.account = next_account++;
        channel_send(mail, IPC_ACCOUNT_IS, m->id, &is, -1);
    } else if (m->type == IPC_ACCOUNT_GONE) {
        gone = is.account = ((const struct ipc_account_gone *)m->body)->account;
        channel_send(mail, IPC_ACCOUNT_IS, m->id, &is, -1);
    } else if (m->type == IPC_TICKET) {
        struct ipc_ticket_no no = {.reason = TICKET_NO_LIMIT};
        tickets++;
        last_ticket = *(const struct ipc_ticket *)m->body;
        if (mail_refuses)
            channel_send(mail, IPC_TICKET_NO, m->id, &no, -1);
        else
            channel_send(mail, IPC_TICKET_OK, m->id, &empty, -1);
    } else if (m->type == IPC_TAKES) {
        struct ipc_takes_no no = {452, VIEW_LITERAL("4.2.2"), VIEW_LITERAL("full")};
        if (mail_refuses)
            channel_send(mail, IPC_TAKES_NO, m->id, &no, -1);
        else
            channel_send(mail, IPC_TAKES_YES, m->id, &empty, -1);
    }
}

static void closed(void *ctx, struct channel *channel, const char *reason)
{
    channel_free(ctx);
}

static struct channel *join(enum role role, int *other_r,
                            void (*on_message)(void *, struct channel *, struct message *), struct channel **place)
{
    int fds[2];
    static struct channel_user users[64];
    static int used;
    struct channel_user *user = &users[used++];
    *user = (struct channel_user){on_message, closed, NULL};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *other_r = fds[1];
    return channel_new(loop, fds[0], role, ROLE_AUTH, user, place);
}

static void join_mail(void)
{
    int fd;
    mail = join(ROLE_MAIL, &fd, mail_message, &mail);
    auth_attach_mail(auth, 1, fd);
}

static void start(const char *name)
{
    char path[128], error[256];
    int fd;
    loop = loop_new();
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    auth = auth_open(loop, path, VIEW_LITERAL("auth.threads=2\n"), error, sizeof(error));
    if (auth == NULL)
        fail_msg("%s", error);
    gate = join(ROLE_GATE, &fd, front_message, &gate);
    auth_attach_gate(auth, 1, fd);
    lmtp = join(ROLE_LMTP, &fd, front_message, &lmtp);
    auth_attach_lmtp(auth, 1, fd);
    memset(answers, 0, sizeof(answers));
    mail_is_silent = mail_refuses = false;
    answer_count = 0;
}

static void finish(void)
{
    auth_close(&auth);
    if (gate != NULL)
        channel_free(&gate);
    if (lmtp != NULL)
        channel_free(&lmtp);
    if (mail != NULL)
        channel_free(&mail);
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 0);
    loop_free(&loop);
}

static void turn_until(bool (*ready)(uint64_t), uint64_t value)
{
    uint64_t until = clock_monotonic_ms() + 20000;
    while (!ready(value)) {
        assert_true(clock_monotonic_ms() < until);
        loop_turn(loop, 10);
    }
}

static bool has_answer(uint64_t id)
{
    return answers[id].type != IPC_NONE;
}

static bool has_count(uint64_t count)
{
    return answer_count >= count;
}

/* ---- a command line ---- */

static struct {
    struct frames *frames;
    char out[8192];
    size_t size;
    int64_t code;
} cli;

static bool cli_frame(void *ctx, struct frame *frame)
{
    _Alignas(16) unsigned char body[IPC_BODY_MAX];
    assert_true(ipc_decode((enum ipc_type)frame->type, frame->payload, body));
    if (frame->type == IPC_CONTROL_OUTPUT) {
        struct view octets = ((struct ipc_control_output *)(void *)body)->octets;
        memcpy(cli.out + cli.size, octets.data, octets.size);
        cli.size += octets.size;
        cli.out[cli.size] = 0;
    } else if (frame->type == IPC_CONTROL_EXIT) {
        cli.code = ((struct ipc_control_exit *)(void *)body)->code;
    }
    return true;
}

static void cli_closed(void *ctx, const char *reason)
{
    cli.code = -2;
}

static bool cli_done(uint64_t unused)
{
    return cli.code != -1;
}

static void cli_send(enum ipc_type type, const void *body)
{
    struct buffer payload;
    buffer_init(&payload, 0);
    assert_true(ipc_encode(type, body, &payload));
    frames_send(cli.frames, (uint16_t)type, 1, buffer_view(&payload), -1, false);
    buffer_free(&payload);
}

/* words: separated by '|'. */
static int64_t command(const char *words, const char *input)
{
    static const struct frames_user user = {cli_frame, cli_closed, NULL};
    int fds[2];
    char *copy = memory_string(words);
    struct ipc_control_run run = {.version = IPC_VERSION, .arguments = view_of(copy, strlen(words) + 1)};
    struct ipc_control_input in = {view_of_string(input)};
    struct ipc_empty empty = {0};
    for (char *at = copy; *at != 0; at++)
        if (*at == '|')
            *at = 0;
    memset(&cli, 0, sizeof(cli));
    cli.code = -1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    auth_attach_control_connection(auth, fds[1]);
    cli.frames = frames_new(loop, fds[0], 1 << 21, &user, NULL);
    cli_send(IPC_CONTROL_RUN, &run);
    if (input[0] != 0)
        cli_send(IPC_CONTROL_INPUT, &in);
    cli_send(IPC_CONTROL_INPUT_END, &empty);
    turn_until(cli_done, 0);
    frames_free(&cli.frames);
    free(copy);
    return cli.code;
}

/* ---- logins ---- */

static void begin(uint64_t id, const char *mechanism, const char *octets, size_t size, const char *peer)
{
    struct ipc_auth_begin b = {.session = id, .protocol = PROTOCOL_IMAP, .tls = 1, .has_initial = octets != NULL};
    b.mechanism = view_of_string(mechanism);
    b.peer = view_of_string(peer);
    b.initial = octets == NULL ? VIEW_EMPTY : view_of(octets, size);
    channel_send(gate, IPC_AUTH_BEGIN, id, &b, -1);
}
#define LOGIN(id, name, password, peer)                                                                                \
    begin(id, "PLAIN", "\0" name "\0" password, sizeof(name) + sizeof(password), peer)

static void a_user_is_made_logs_in_and_is_removed(void **state)
{
    start("a");
    join_mail();
    assert_int_equal(command("user add|Ann|--quota=1000", "secret\n"), 0);
    assert_int_equal(command("user add|ann", "other\n"), 73);
    assert_int_equal(command("user add|bob", ""), 65);
    assert_int_equal(command("user add|b/b", "x\n"), 64);
    assert_int_equal(command("user list", ""), 0);
    assert_non_null(strstr(cli.out, "\nann\t"));
    assert_non_null(strstr(cli.out, "\tactive\t1000\t"));
    LOGIN(1, "ANN", "secret", "192.0.2.1");
    turn_until(has_answer, 1);
    assert_int_equal(answers[1].type, IPC_AUTH_OK);
    assert_string_equal(answers[1].user, "ann");
    assert_int_equal(answers[1].ticket_high, last_ticket.ticket_high);
    assert_int_equal(answers[1].ticket_low, last_ticket.ticket_low);
    assert_int_equal(last_ticket.account, next_account - 1);
    LOGIN(2, "ann", "wrong", "192.0.2.1");
    LOGIN(3, "nobody", "wrong", "192.0.2.1");
    begin(4, "LOGIN-COMMAND", "ann\0secret", 10, "192.0.2.1");
    begin(5, "CRAM-MD5", NULL, 0, "192.0.2.1");
    begin(6, "PLAIN", "bad", 3, "192.0.2.1");
    for (uint64_t id = 2; id <= 6; id++)
        turn_until(has_answer, id);
    assert_int_equal(answers[2].reason, AUTH_FAIL_CREDENTIALS);
    assert_int_equal(answers[3].reason, AUTH_FAIL_CREDENTIALS);
    assert_int_equal(answers[4].type, IPC_AUTH_OK);
    assert_int_equal(answers[5].reason, AUTH_FAIL_MECHANISM);
    assert_int_equal(answers[6].reason, AUTH_FAIL_SYNTAX);
    assert_int_equal(command("auth test|ann", "secret\n"), 0);
    assert_int_equal(command("auth test|ann", "secrex\n"), 1);
    assert_int_equal(command("user password|ann", "better\n"), 0);
    assert_int_equal(revoked, next_account - 1);
    LOGIN(7, "ann", "secret", "192.0.2.1");
    LOGIN(8, "ann", "better", "192.0.2.1");
    turn_until(has_answer, 7);
    turn_until(has_answer, 8);
    assert_int_equal(answers[7].reason, AUTH_FAIL_CREDENTIALS);
    assert_int_equal(answers[8].type, IPC_AUTH_OK);
    assert_int_equal(command("user disable|ann", ""), 0);
    LOGIN(9, "ann", "better", "192.0.2.1");
    turn_until(has_answer, 9);
    assert_int_equal(answers[9].type, IPC_AUTH_FAIL);
    assert_int_equal(command("user enable|ann", ""), 0);
    assert_int_equal(command("user remove|ann", ""), 0);
    assert_int_equal(command("user remove|ann", ""), 67);
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 1);
    assert_int_equal(gone, next_account - 1);
    finish();
}

static void a_foreign_hash_is_made_anew_at_the_first_good_login(void **state)
{
    start("b");
    join_mail();
    assert_int_equal(command("user add|ann|--hash", "{SSHA}uoOF9dj7q/+5mIezYxQCuIZPSjjjwSwR\n"), 0);
    assert_int_equal(command("user add|bob|--hash", "secret\n"), 65);
    assert_int_equal(command("user show|ann", ""), 0);
    assert_non_null(strstr(cli.out, "\tSSHA\t"));
    LOGIN(1, "ann", "correct horse", "192.0.2.1");
    turn_until(has_answer, 1);
    assert_int_equal(answers[1].type, IPC_AUTH_OK);
    command("user show|ann", "");
    assert_non_null(strstr(cli.out, "\tARGON2ID\t"));
    LOGIN(2, "ann", "correct horse", "192.0.2.1");
    turn_until(has_answer, 2);
    assert_int_equal(answers[2].type, IPC_AUTH_OK);
    finish();
}

static void mail_has_the_last_word(void **state)
{
    start("c");
    assert_int_equal(command("user add|ann", "secret\n"), 75); /* no mail yet */
    LOGIN(1, "ann", "secret", "192.0.2.1");
    turn_until(has_answer, 1);
    assert_int_equal(answers[1].reason, AUTH_FAIL_UNAVAILABLE);
    join_mail(); /* the account is completed now */
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 1);
    LOGIN(2, "ann", "secret", "192.0.2.1");
    turn_until(has_answer, 2);
    assert_int_equal(answers[2].type, IPC_AUTH_OK);
    mail_refuses = true;
    LOGIN(3, "ann", "secret", "192.0.2.1");
    turn_until(has_answer, 3);
    assert_int_equal(answers[3].reason, AUTH_FAIL_LIMIT);
    mail_is_silent = true;
    LOGIN(4, "ann", "secret", "192.0.2.1");
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 1);
    channel_free(&mail); /* it dies with the question open */
    turn_until(has_answer, 4);
    assert_int_equal(answers[4].reason, AUTH_FAIL_UNAVAILABLE);
    finish();
}

static void recipients_are_users_that_mail_takes(void **state)
{
    static const struct {
        const char *address;
        uint16_t code; /* 0: taken */
        const char *user, *detail;
    } rows[] = {
        {"ann@example.org", 0, "ann", ""},
        {"Ann+Lists@any.example", 0, "ann", "lists"},
        {"sales@example.org", 0, "ann", ""},
        {"nobody@example.org", 550, "", ""},
        {"", 550, "", ""},
        {"@example.org", 550, "", ""},
        {"\xff\xfe@example.org", 550, "", ""},
    };
    uint64_t id = 1;
    start("d");
    join_mail();
    assert_int_equal(command("user add|ann|--address=sales@example.org", "secret\n"), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++, id++) {
        struct ipc_rcpt rcpt = {.session = 1, .size_octets = 10, .address = view_of_string(rows[i].address)};
        channel_send(lmtp, IPC_RCPT, id, &rcpt, -1);
        turn_until(has_answer, id);
        assert_int_equal(answers[id].code, rows[i].code);
        if (rows[i].code == 0) {
            assert_string_equal(answers[id].user, rows[i].user);
            assert_string_equal(answers[id].detail, rows[i].detail);
        }
    }
    struct ipc_rcpt rcpt = {.session = 1, .address = VIEW_LITERAL("ann@example.org")};
    mail_refuses = true;
    channel_send(lmtp, IPC_RCPT, 100, &rcpt, -1);
    turn_until(has_answer, 100);
    assert_int_equal(answers[100].code, 452);
    channel_free(&mail);
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 1);
    channel_send(lmtp, IPC_RCPT, 101, &rcpt, -1);
    turn_until(has_answer, 101);
    assert_int_equal(answers[101].code, 451);
    finish();
}

/* CVE-2025-59028: one client's bad octets must not end another's login. */
static void two_hundred_good_logins_beside_bad_exchanges(void **state)
{
    static const char *const bad[] = {"", "=", "*", "\xff\xfe", "a", "\0"};
    start("e");
    join_mail();
    assert_int_equal(command("user add|ann", "secret\n"), 0);
    for (uint64_t i = 0; i < 200; i++) {
        struct ipc_auth_step step = {VIEW_LITERAL("\0\0\0")};
        struct ipc_empty empty = {0};
        LOGIN(1000 + i, "ann", "secret", "192.0.2.1");
        begin(2000 + i, "PLAIN", bad[i % 6], i % 6 == 5 ? 1 : strlen(bad[i % 6]), "192.0.2.1");
        begin(3000 + i, i % 2 ? "LOGIN" : "PLAIN", NULL, 0, "192.0.2.1");
        if (i % 3 == 0)
            channel_send(gate, IPC_AUTH_ABORT, 3000 + i, &empty, -1);
        channel_send(gate, IPC_AUTH_STEP, 3000 + i, &step, -1);
        if (i % 5 == 0)
            channel_send(gate, IPC_AUTH_ABORT, 3000 + i, &empty, -1);
    }
    turn_until(has_count, 400);
    for (uint64_t i = 0; i < 200; i++)
        turn_until(has_answer, 1000 + i);
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(answers[1000 + i].type, IPC_AUTH_OK);
    finish();
}

static void a_gate_that_dies_takes_its_logins_along(void **state)
{
    start("f");
    join_mail();
    assert_int_equal(command("user add|ann", "secret\n"), 0);
    drops = 0;
    mail_is_silent = true;
    LOGIN(1, "ann", "secret", "192.0.2.1");
    for (int i = 0; i < 50; i++)
        loop_turn(loop, 5);
    LOGIN(2, "ann", "wrong", "192.0.2.1"); /* under way in the pool */
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 1);
    channel_free(&gate);
    for (int i = 0; i < 50; i++)
        loop_turn(loop, 2);
    assert_int_equal(drops, 1);
    finish();
}

static bool has_facts(uint64_t id)
{
    return facts.id == id;
}

static void ask_facts(uint64_t id, uint64_t account, const char *name)
{
    struct ipc_facts question = {account, view_of_string(name)};
    channel_send(mail, IPC_FACTS, id, &question, -1);
    turn_until(has_facts, id);
}

static void mail_learns_names_and_groups(void **state)
{
    start("g");
    join_mail();
    assert_int_equal(command("user add|ann", "secret\n"), 0);
    uint64_t account = next_account - 1, before;
    assert_int_equal(command("user group|ann|--add=Staff|--add=tea", ""), 0);
    assert_string_equal(cli.out, "#group\nstaff\ntea\n");
    assert_int_equal(command("user group|ann|--add=a/b", ""), 65);
    assert_int_equal(command("user group|ann|--add=staff", ""), 65);
    ask_facts(1, 0, "ANN");
    assert_int_equal(facts.account, account);
    assert_string_equal(facts.name, "ann");
    assert_string_equal(facts.groups, "staff\ntea\n");
    before = facts.gone;
    assert_int_equal(command("user group|ann|--remove=tea", ""), 0);
    ask_facts(2, account, "");
    assert_int_equal(facts.gone, before + 1);
    assert_string_equal(facts.name, "ann");
    assert_string_equal(facts.groups, "staff\n");
    ask_facts(3, account + 1, "");
    assert_int_equal(facts.account, 0);
    ask_facts(4, 0, "nobody");
    assert_int_equal(facts.account, 0);
    assert_int_equal(command("user remove|ann", ""), 0);
    ask_facts(5, 0, "ann");
    assert_int_equal(facts.account, 0);
    assert_int_equal(facts.gone, before + 2);
    finish();
}

int main(void)
{
    snprintf(folder, sizeof(folder), "/tmp/waxwing-auth-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_made_logs_in_and_is_removed),
        cmocka_unit_test(a_foreign_hash_is_made_anew_at_the_first_good_login),
        cmocka_unit_test(mail_has_the_last_word),
        cmocka_unit_test(recipients_are_users_that_mail_takes),
        cmocka_unit_test(two_hundred_good_logins_beside_bad_exchanges),
        cmocka_unit_test(a_gate_that_dies_takes_its_logins_along),
        cmocka_unit_test(mail_learns_names_and_groups),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const parts[] = {"users.db", "users.db-wal"};
    for (char name = 'a'; name <= 'g'; name++) {
        char path[160];
        for (size_t i = 0; i < 2; i++) {
            snprintf(path, sizeof(path), "%s/%c/%s", folder, name, parts[i]);
            unlink(path);
        }
        snprintf(path, sizeof(path), "%s/%c", folder, name);
        rmdir(path);
    }
    rmdir(folder);
    return failed;
}
