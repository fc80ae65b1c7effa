/* tests/unit/ipc_channel.c: messages over a socket pair; what isn't permitted closes that peer, not us. */
#include "base/memory.h"
#include "ipc/channel.h"
#include "net/frame.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static struct loop *loop;
static struct channel *gate, *mail;
static struct frames *stranger; /* in gate's place, when it says what no channel would */

static struct {
    unsigned count;
    enum ipc_type type;
    uint64_t id, session;
    char pending[64];
    bool has_fd;
    const char *closed;
} got;

static void on_message(void *ctx, struct channel *channel, struct message *message)
{
    got.count++;
    got.type = message->type;
    got.id = message->id;
    got.has_fd = message->fd >= 0;
    if (message->type == IPC_ADOPT) {
        const struct ipc_adopt *adopt = message->body;
        got.session = adopt->session;
        snprintf(got.pending, sizeof got.pending, "%.*s", VIEW_PRINTF(adopt->pending));
    }
}

static void on_closed(void *ctx, struct channel *channel, const char *reason)
{
    got.closed = reason;
}

static bool on_frame(void *ctx, struct frame *frame)
{
    return true;
}

static void on_frames_closed(void *ctx, const char *reason)
{
}

static const struct channel_user user = {.on_message = on_message, .on_closed = on_closed};
static const struct frames_user frames_user = {.on_frame = on_frame, .on_closed = on_frames_closed};

static void pair(int ends[2])
{
    memset(&got, 0, sizeof got);
    loop = loop_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static int begin(void **state)
{
    int ends[2];
    pair(ends);
    gate = channel_new(loop, ends[0], ROLE_GATE, ROLE_MAIL, &user, NULL);
    mail = channel_new(loop, ends[1], ROLE_MAIL, ROLE_GATE, &user, NULL);
    return 0;
}

static int begin_stranger(void **state)
{
    int ends[2];
    pair(ends);
    stranger = frames_new(loop, ends[0], 1 << 20, &frames_user, NULL);
    mail = channel_new(loop, ends[1], ROLE_MAIL, ROLE_GATE, &user, NULL);
    return 0;
}

static int end(void **state)
{
    if (gate)
        channel_free(&gate);
    if (stranger)
        frames_free(&stranger);
    channel_free(&mail);
    loop_free(&loop);
    return 0;
}

static void turn(void)
{
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 0);
}

static void test_a_message_arrives_with_its_descriptor(void **state)
{
    const struct ipc_adopt adopt = {.session = 7, .protocol = PROTOCOL_IMAP, .pending = VIEW_LITERAL("a NOOP")};
    channel_send(gate, IPC_ADOPT, 99, &adopt, open("/dev/null", O_RDONLY | O_CLOEXEC));
    turn();
    assert_int_equal(got.count, 1);
    assert_int_equal(got.type, IPC_ADOPT);
    assert_int_equal(got.id, 99);
    assert_int_equal(got.session, 7);
    assert_string_equal(got.pending, "a NOOP");
    assert_true(got.has_fd);
    const struct ipc_accepted accepted = {.session = 7};
    channel_send(mail, IPC_ACCEPTED, 99, &accepted, -1);
    turn();
    assert_int_equal(got.type, IPC_ACCEPTED);
    assert_null(got.closed);
}

static void test_ids_are_not_used_twice(void **state)
{
    uint64_t one = channel_next_id(gate), two = channel_next_id(gate);
    assert_true(one && two && one != two);
}

/* What the stranger says, and that mail hangs up on it without having taken it. */
static void is_hung_up_on(uint16_t type, const char *octets, size_t size, int fd)
{
    frames_send(stranger, type, 1, view_of(octets, size), fd, true);
    turn();
    assert_int_equal(got.count, 0);
    assert_non_null(got.closed);
}

static void test_a_type_that_it_may_not_send(void **state)
{
    is_hung_up_on(IPC_DRAIN, "", 0, -1);
}

static void test_a_type_that_there_is_not(void **state)
{
    is_hung_up_on(IPC_TYPE_COUNT, "", 0, -1);
}

static void test_a_message_that_only_mail_sends(void **state)
{
    is_hung_up_on(IPC_ACCEPTED, "\7\0\0\0\0\0\0\0", 8, -1);
}

static void test_a_body_that_is_too_short(void **state)
{
    is_hung_up_on(IPC_SESSION_GONE, "\7\0\0", 3, -1);
}

static void test_a_body_with_something_behind_it(void **state)
{
    is_hung_up_on(IPC_SESSION_GONE, "\7\0\0\0\0\0\0\0x", 9, -1);
}

static void test_a_descriptor_where_none_belongs(void **state)
{
    is_hung_up_on(IPC_SESSION_GONE, "\7\0\0\0\0\0\0\0", 8, open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static void test_no_descriptor_where_one_belongs(void **state)
{
    struct buffer payload = {0};
    const struct ipc_adopt adopt = {.session = 7};
    assert_true(ipc_encode(IPC_ADOPT, &adopt, &payload));
    is_hung_up_on(IPC_ADOPT, buffer_view(&payload).data, buffer_size(&payload), -1);
    buffer_free(&payload);
}

static void test_what_is_in_order_is_taken(void **state)
{
    frames_send(stranger, IPC_SESSION_GONE, 1, view_of("\7\0\0\0\0\0\0\0", 8), -1, false);
    turn();
    assert_int_equal(got.count, 1);
    assert_null(got.closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_message_arrives_with_its_descriptor, begin, end),
        cmocka_unit_test_setup_teardown(test_ids_are_not_used_twice, begin, end),
        cmocka_unit_test_setup_teardown(test_a_type_that_it_may_not_send, begin_stranger, end),
        cmocka_unit_test_setup_teardown(test_a_type_that_there_is_not, begin_stranger, end),
        cmocka_unit_test_setup_teardown(test_a_message_that_only_mail_sends, begin_stranger, end),
        cmocka_unit_test_setup_teardown(test_a_body_that_is_too_short, begin_stranger, end),
        cmocka_unit_test_setup_teardown(test_a_body_with_something_behind_it, begin_stranger, end),
        cmocka_unit_test_setup_teardown(test_a_descriptor_where_none_belongs, begin_stranger, end),
        cmocka_unit_test_setup_teardown(test_no_descriptor_where_one_belongs, begin_stranger, end),
        cmocka_unit_test_setup_teardown(test_what_is_in_order_is_taken, begin_stranger, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
