/* tests/unit/net_frame.c: net/frame.h: every split, descriptors, back-pressure, bad peers. */
#include "base/clock.h"
#include "base/limits.h"
#include "net/frame.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
/* after stdarg and setjmp */
#include <cmocka.h>

enum { MAX = 100000 };

/* One end: what it saw, and how it behaves. */
struct end {
    struct frames *frames;
    struct buffer text; /* "TYPE:ID:size[+fd];" a frame */
    int closed, drained, fd, stop_after;
    const char *reason;
    bool free_in_frame, free_when_closed, refuse;
    uint64_t octets;
    unsigned count;
};

static struct loop *loop;
static struct end a, b;

static bool on_frame(void *ctx, struct frame *frame)
{
    struct end *end = ctx;
    end->count++;
    end->octets += frame->payload.size;
    if (end->text.max)
        buffer_printf(&end->text, "%u:%llu:%zu%s;", frame->type, (unsigned long long)frame->id, frame->payload.size,
                      frame->fd >= 0 ? "+fd" : "");
    if (frame->payload.size)
        assert_int_equal((unsigned char)frame->payload.data[frame->payload.size - 1], frame->id % 256);
    if (frame->fd >= 0 && end->fd == -2) {
        end->fd = frame->fd;
        frame->fd = -1;
    }
    if (end->stop_after && --end->stop_after == 0)
        frames_set_reading(end->frames, false);
    if (end->free_in_frame)
        frames_free(&end->frames);
    return !end->refuse;
}

static void on_closed(void *ctx, const char *reason)
{
    struct end *end = ctx;
    end->closed++;
    end->reason = reason;
    if (end->free_when_closed)
        frames_free(&end->frames);
}

static void on_drained(void *ctx)
{
    struct end *end = ctx;
    end->drained++;
}

static const struct frames_user user = {on_frame, on_closed, on_drained};

static void reset(struct end *end)
{
    *end = (struct end){.fd = -1};
    buffer_init(&end->text, 1 << 20);
}

/* Returns the raw end if b is not wanted. */
static int begin(bool with_b)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    loop = loop_new();
    reset(&a);
    reset(&b);
    a.frames = frames_new(loop, pair[0], MAX, &user, &a);
    if (with_b)
        b.frames = frames_new(loop, pair[1], MAX, &user, &b);
    return pair[1];
}

static void end_all(void)
{
    frames_free(&a.frames);
    frames_free(&b.frames);
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 0);
    loop_free(&loop);
    buffer_free(&a.text);
    buffer_free(&b.text);
}

static void turns(int count)
{
    while (count--)
        loop_turn(loop, 0);
}

/* A payload whose last octet is the id. */
static void send_one(struct end *end, uint16_t type, uint64_t id, size_t size, int fd)
{
    static char payload[MAX + 1];
    if (size)
        payload[size - 1] = (char)id;
    frames_send(end->frames, type, id, view_of(payload, size), fd, fd >= 0);
    if (size)
        payload[size - 1] = 0;
}

static void assert_text(struct end *end, const char *want)
{
    buffer_append_char(&end->text, 0);
    assert_string_equal(buffer_view(&end->text).data, want);
}

static void frames_arrive_whole_and_in_order_in_both_directions(void **state)
{
    begin(true);
    send_one(&a, 1, 7, 0, -1);
    send_one(&a, 65535, UINT64_MAX, 5, -1);
    send_one(&b, 3, 1, MAX, -1);
    assert_true(frames_pending(a.frames) > 0);
    turns(20);
    assert_text(&b, "1:7:0;65535:18446744073709551615:5;");
    assert_text(&a, "3:1:100000;");
    assert_int_equal(frames_pending(a.frames), 0);
    end_all();
}

static void put_le(unsigned char *to, uint64_t value, int octets)
{
    for (int i = 0; i < octets; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

/* Three frames as they stand on the wire. */
static size_t write_wire(unsigned char *wire)
{
    static const unsigned sizes[] = {3, 0, 20};
    size_t at = 0;
    for (unsigned i = 0; i < 3; i++) {
        memset(wire + at, 0, 16 + sizes[i]);
        put_le(wire + at, sizes[i], 4);
        put_le(wire + at + 4, 10 + i, 2);
        put_le(wire + at + 8, 100 + i, 8);
        at += 16 + sizes[i];
        if (sizes[i])
            wire[at - 1] = (unsigned char)(100 + i);
    }
    return at;
}

static void every_split_of_the_octets_gives_the_same_frames(void **state)
{
    unsigned char wire[256];
    size_t size = write_wire(wire);
    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second += 3) {
            int raw = begin(false);
            assert_int_equal(write(raw, wire, first), first);
            turns(2);
            assert_int_equal(write(raw, wire + first, second - first), second - first);
            turns(2);
            assert_int_equal(write(raw, wire + second, size - second), size - second);
            turns(2);
            assert_text(&a, "10:100:3;11:101:0;12:102:20;");
            assert_int_equal(a.closed, 0);
            close(raw);
            end_all();
        }
    }
}

static void one_octet_at_a_time_is_enough(void **state)
{
    unsigned char wire[256];
    size_t size = write_wire(wire);
    int raw = begin(false);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(write(raw, wire + i, 1), 1);
        turns(1);
    }
    turns(2);
    assert_text(&a, "10:100:3;11:101:0;12:102:20;");
    close(raw);
    end_all();
}

static void a_descriptor_arrives_with_its_own_frame(void **state)
{
    int pipes[2];
    begin(true);
    b.fd = -2;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    send_one(&a, 1, 1, 50000, -1);
    send_one(&a, 2, 2, 10, pipes[1]);
    send_one(&a, 3, 3, 10, -1);
    turns(20);
    assert_text(&b, "1:1:50000;2:2:10+fd;3:3:10;");
    assert_true(b.fd >= 0);
    /* It is the same pipe, ours is closed, and theirs will not leak into children. */
    assert_int_equal(write(b.fd, "x", 1), 1);
    char c;
    assert_int_equal(read(pipes[0], &c, 1), 1);
    assert_true(fcntl(b.fd, F_GETFD) & FD_CLOEXEC);
    close(b.fd);
    assert_int_equal(read(pipes[0], &c, 1), 0);
    close(pipes[0]);
    end_all();
}

static void many_descriptors_under_way_keep_their_frames(void **state)
{
    /* Each frame carries a pipe's end; what is written into it says which frame it came with. */
    begin(true);
    int ends[40];
    for (int i = 0; i < 40; i++) {
        int pipes[2];
        assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
        ends[i] = pipes[0];
        if (i % 3 == 0)
            send_one(&a, 9, (uint64_t)i, 3000, -1);
        send_one(&a, 1, (uint64_t)i, (size_t)(i * 37), pipes[1]);
    }
    for (int i = 0; i < 40; i++) {
        b.fd = -2;
        b.stop_after = 1;
        frames_set_reading(b.frames, true);
        for (int k = 0; k < 20 && b.stop_after; k++)
            turns(1);
        if (b.fd == -2) { /* it was one without a descriptor */
            i--;
            continue;
        }
        char c;
        assert_int_equal(write(b.fd, "x", 1), 1);
        assert_int_equal(read(ends[i], &c, 1), 1);
        close(b.fd);
        close(ends[i]);
    }
    end_all();
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 512; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void descriptors_that_nobody_takes_are_closed(void **state)
{
    unsigned before = open_descriptors();
    for (int kind = 0; kind < 3; kind++) {
        int pipes[2];
        begin(true);
        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        close(pipes[0]);
        if (kind == 1)
            frames_set_reading(b.frames, false);
        if (kind == 2)
            frames_free(&b.frames);
        send_one(&a, 1, 1, 10, pipes[1]);
        if (kind != 2)
            turns(10);
        end_all();
        assert_int_equal(open_descriptors(), before);
    }
}

static void bad_frames_close_the_channel(void **state)
{
    static const struct {
        uint64_t size;
        unsigned flags;
    } bad[] = {{MAX + 1, 0}, {UINT32_MAX, 0}, {0, 2}, {0, 0x8000}, {4, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned char wire[64] = {0};
        int raw = begin(false);
        put_le(wire, bad[i].size, 4);
        put_le(wire + 6, bad[i].flags, 2);
        assert_int_equal(write(raw, wire, 40), 40);
        turns(5);
        assert_int_equal(a.closed, 1);
        assert_int_equal(a.count, 0);
        assert_string_equal(a.reason, "bad frame");
        send_one(&a, 1, 1, 1, -1); /* is dropped */
        turns(5);
        assert_int_equal(a.closed, 1);
        close(raw);
        end_all();
    }
}

static void a_frame_that_the_user_refuses_closes_the_channel(void **state)
{
    begin(true);
    b.refuse = true;
    b.free_when_closed = true;
    send_one(&a, 1, 1, 1, -1);
    send_one(&a, 2, 2, 2, -1);
    turns(10);
    assert_int_equal(b.count, 1);
    assert_int_equal(b.closed, 1);
    assert_null(b.frames);
    turns(5);
    assert_int_equal(a.closed, 1);
    end_all();
}

static void the_user_may_free_inside_a_frame(void **state)
{
    begin(true);
    b.free_in_frame = true;
    send_one(&a, 1, 1, 1, -1);
    send_one(&a, 2, 2, 2, -1);
    turns(10);
    assert_int_equal(b.count, 1);
    assert_int_equal(b.closed, 0);
    assert_int_equal(a.closed, 1);
    assert_string_equal(a.reason, "peer gone");
    end_all();
}

static void the_last_words_of_a_peer_are_heard(void **state)
{
    /* b says why it goes and is gone; a finds out while writing. */
    begin(true);
    send_one(&b, 5, 5, 5, -1);
    frames_flush(b.frames);
    frames_free(&b.frames);
    send_one(&a, 1, 1, 1, -1);
    frames_flush(a.frames);
    turns(10);
    assert_text(&a, "5:5:5;");
    assert_int_equal(a.closed, 1);
    end_all();
}

static void who_does_not_read_stops_the_sender_and_hears_all_later(void **state)
{
    begin(true);
    frames_set_reading(b.frames, false);
    uint64_t sent = 0;
    while (frames_pending(a.frames) < 2000000) {
        send_one(&a, 1, sent, 10000, -1);
        sent++;
        turns(1);
    }
    assert_int_equal(b.count, 0);
    assert_int_equal(a.drained, 0);
    frames_set_reading(b.frames, true);
    for (int i = 0; i < 5000 && b.count < sent; i++)
        loop_turn(loop, 10);
    assert_int_equal(b.count, sent);
    assert_true(a.drained >= 1);
    assert_int_equal(frames_pending(a.frames), 0);
    end_all();
}

static void frames_that_lie_in_the_buffer_wait_for_reading_to_go_on(void **state)
{
    begin(true);
    b.stop_after = 3;
    for (uint64_t i = 0; i < 10; i++)
        send_one(&a, 1, i, 5, -1);
    turns(10);
    assert_int_equal(b.count, 3);
    b.stop_after = 2;
    frames_set_reading(b.frames, true);
    assert_int_equal(b.count, 3); /* never inside the call */
    turns(5);
    assert_int_equal(b.count, 5);
    frames_set_reading(b.frames, true);
    turns(5);
    assert_int_equal(b.count, 10);
    end_all();
}

static void a_peer_that_never_reads_is_given_up_at_the_limit(void **state)
{
    begin(true);
    frames_set_reading(b.frames, false);
    for (int i = 0; i < 2 * LIMIT_FRAME_QUEUE / MAX && !a.closed; i++) {
        send_one(&a, 1, 1, MAX, -1);
        turns(1);
    }
    turns(3);
    assert_int_equal(a.closed, 1);
    assert_string_equal(a.reason, "the peer does not read");
    end_all();
}

static void a_frame_costs_little(void **state)
{
    /* 8 KiB each, batched as they come; both ends on this thread. The bound is generous: 2 CPUs, others at work. */
    begin(true);
    enum { FRAMES = 20000 };
    b.text.max = 0;
    uint64_t started = clock_monotonic_us();
    for (uint64_t sent = 0; b.count < FRAMES;) {
        while (sent < FRAMES && frames_pending(a.frames) < 262144)
            send_one(&a, 1, sent++, 8192, -1);
        loop_turn(loop, 10);
    }
    uint64_t took = clock_monotonic_us() - started;
    print_message("%.2f us a frame of 8 KiB\n", (double)took / FRAMES);
    assert_true(took / FRAMES < 100);
    end_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_whole_and_in_order_in_both_directions),
        cmocka_unit_test(every_split_of_the_octets_gives_the_same_frames),
        cmocka_unit_test(one_octet_at_a_time_is_enough),
        cmocka_unit_test(a_descriptor_arrives_with_its_own_frame),
        cmocka_unit_test(many_descriptors_under_way_keep_their_frames),
        cmocka_unit_test(descriptors_that_nobody_takes_are_closed),
        cmocka_unit_test(bad_frames_close_the_channel),
        cmocka_unit_test(a_frame_that_the_user_refuses_closes_the_channel),
        cmocka_unit_test(the_user_may_free_inside_a_frame),
        cmocka_unit_test(the_last_words_of_a_peer_are_heard),
        cmocka_unit_test(who_does_not_read_stops_the_sender_and_hears_all_later),
        cmocka_unit_test(frames_that_lie_in_the_buffer_wait_for_reading_to_go_on),
        cmocka_unit_test(a_peer_that_never_reads_is_given_up_at_the_limit),
        cmocka_unit_test(a_frame_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
