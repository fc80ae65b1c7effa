/* tests/unit/net_deflate.c: net/deflate.h against itself and against zlib used plainly. */
#include "base/limits.h"
#include "net/deflate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zlib.h>
/* after stdarg and setjmp */
#include <cmocka.h>

/* Octets that deflate finds something in, but not everything. */
static void fill(struct buffer *b, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245 + 12345;
        buffer_append_char(b, (char)('a' + (seed >> 16) % 7));
    }
}

static void round_trip(struct deflate *there, struct deflate *here, size_t size, size_t room, bool rests)
{
    struct buffer plain = {0}, wire = {0}, back = {0};
    fill(&plain, size, (unsigned)size);
    deflate_out(there, buffer_view(&plain), false, &wire);
    while (deflate_in(here, &wire, &back, room) == INFLATE_FULL)
        ;
    assert_int_equal(buffer_size(&wire), 0);
    assert_true(view_equal(buffer_view(&plain), buffer_view(&back)));
    if (rests) {
        deflate_rest(there);
        deflate_rest(here);
    }
    buffer_free(&plain);
    buffer_free(&wire);
    buffer_free(&back);
}

static void what_goes_in_comes_out_whatever_the_room(void **state)
{
    static const size_t sizes[] = {1, 2, 100, 16383, 16384, 16385, 100000, 7, 300000};
    for (size_t room = 1; room <= 70000; room = room * 7 + 1) {
        struct deflate *there = deflate_new(), *here = deflate_new();
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            round_trip(there, here, sizes[i], room, false);
        deflate_free(&there);
        deflate_free(&here);
    }
}

static void a_rest_between_is_not_seen_by_the_peer(void **state)
{
    struct deflate *there = deflate_new(), *here = deflate_new();
    deflate_rest(there);
    deflate_rest(here);
    for (size_t i = 1; i < 40; i++)
        round_trip(there, here, i * 997, 65536, i % 3 != 0);
    deflate_free(&there);
    deflate_free(&here);
}

/* A client's window is 32 KiB, and what it says after our rest refers to what it said before. */
static void a_client_that_refers_back_over_a_rest_is_understood(void **state)
{
    z_stream client = {0};
    struct deflate *here = deflate_new();
    struct buffer plain = {0}, back = {0};
    static unsigned char room[200000];
    assert_int_equal(deflateInit2(&client, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    fill(&plain, 30000, 5);
    for (int turn = 0; turn < 5; turn++) {
        struct buffer wire = {0};
        client.next_in = (unsigned char *)buffer_view(&plain).data;
        client.avail_in = 30000;
        client.next_out = room;
        client.avail_out = sizeof room;
        deflate(&client, Z_SYNC_FLUSH);
        size_t size = sizeof room - client.avail_out;
        if (turn)
            assert_true(size < 1000); /* it does refer back */
        buffer_append(&wire, room, size);
        buffer_clear(&back);
        assert_int_equal(deflate_in(here, &wire, &back, 65536), INFLATE_MORE);
        assert_true(view_equal(buffer_view(&plain), buffer_view(&back)));
        deflate_rest(here);
        buffer_free(&wire);
    }
    deflateEnd(&client);
    deflate_free(&here);
    buffer_free(&plain);
    buffer_free(&back);
}

static void what_is_no_deflate_is_bad(void **state)
{
    static const struct view bad[] = {VIEW_LITERAL("\xff\xff\xff\xff"), VIEW_LITERAL("a NOOP\r\n"),
                                      VIEW_LITERAL("\x78\x9c\x03\x00\xff\xff\xff\xff")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct deflate *here = deflate_new();
        struct buffer wire = {0}, back = {0};
        buffer_append_view(&wire, bad[i]);
        assert_int_equal(deflate_in(here, &wire, &back, 65536), INFLATE_BAD);
        deflate_free(&here);
        buffer_free(&wire);
        buffer_free(&back);
    }
}

static void an_ended_stream_stays_ended(void **state)
{
    struct deflate *here = deflate_new();
    struct buffer wire = {0}, back = {0};
    buffer_append(&wire, "\x4b\x04\x00more", 7); /* "a", final block */
    assert_int_equal(deflate_in(here, &wire, &back, 65536), INFLATE_END);
    assert_true(view_equal_string(buffer_view(&back), "a"));
    assert_int_equal(deflate_in(here, &wire, &back, 65536), INFLATE_END);
    assert_int_equal(buffer_size(&back), 1);
    deflate_free(&here);
    buffer_free(&wire);
    buffer_free(&back);
}

/* zlib's best for 64 MiB of one octet is 1:1028 or so. */
static void a_bomb_is_found_out(void **state)
{
    struct deflate *here = deflate_new();
    struct buffer wire = {0}, back = {0};
    size_t size = 64 << 20, made = 0;
    unsigned char *zeros = calloc(1, size), *small = malloc(1 << 20);
    z_stream bomb = {.next_in = zeros, .avail_in = (unsigned)size, .next_out = small, .avail_out = 1 << 20};
    enum inflate_result result;
    assert_int_equal(deflateInit2(&bomb, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&bomb, Z_FINISH), Z_STREAM_END);
    buffer_append(&wire, small, (1 << 20) - bomb.avail_out);
    do {
        result = deflate_in(here, &wire, &back, 65536);
        made += buffer_size(&back);
        assert_true(buffer_size(&back) <= 65536);
        buffer_clear(&back);
    } while (result == INFLATE_FULL);
    assert_int_equal(result, INFLATE_BAD);
    assert_true(made < 4 * (size_t)LIMIT_DEFLATE_FREE);
    deflateEnd(&bomb);
    free(zeros);
    free(small);
    deflate_free(&here);
    buffer_free(&wire);
    buffer_free(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out_whatever_the_room),
        cmocka_unit_test(a_rest_between_is_not_seen_by_the_peer),
        cmocka_unit_test(a_client_that_refers_back_over_a_rest_is_understood),
        cmocka_unit_test(what_is_no_deflate_is_bad),
        cmocka_unit_test(an_ended_stream_stays_ended),
        cmocka_unit_test(a_bomb_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
