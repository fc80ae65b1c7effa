/* tests/unit/ipc_messages.c: every message out and back; short, long and lying ones refused; who may say what to whom.
 */
#include "base/memory.h"
#include "ipc/channel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static _Alignas(16) char body[IPC_BODY_MAX], again[IPC_BODY_MAX];

/*
 * The payload of zeroes that the type accepts, found without knowing its fields: numbers are 0 and views
 * empty.
 */
static size_t smallest_payload(enum ipc_type type, char *payload)
{
    memset(payload, 0, IPC_BODY_MAX);
    for (size_t size = 0; size < IPC_BODY_MAX; size++)
        if (ipc_decode(type, view_of(payload, size), body))
            return size;
    fail_msg("%s accepts nothing", ipc_type_name(type));
    return 0;
}

static void test_every_message_encodes_to_what_it_was_decoded_from(void **state)
{
    char payload[IPC_BODY_MAX];
    for (int type = IPC_NONE + 1; type < IPC_TYPE_COUNT; type++) {
        size_t size = smallest_payload(type, payload);
        for (size_t at = 0; at <= size; at++) { /* zeroes, then another octet at each place where one may stand */
            struct buffer out = {0};
            if (at > 0)
                payload[at - 1] = (char)at;
            if (ipc_decode(type, view_of(payload, size), body)) {
                assert_true(ipc_encode(type, body, &out));
                assert_int_equal(buffer_size(&out), size);
                assert_memory_equal(buffer_view(&out).data, payload, size);
            } else {
                payload[at - 1] = 0; /* it belonged to a view's size */
            }
            buffer_free(&out);
        }
    }
}

static void test_one_octet_less_or_more_is_refused(void **state)
{
    char payload[IPC_BODY_MAX];
    for (int type = IPC_NONE + 1; type < IPC_TYPE_COUNT; type++) {
        size_t size = smallest_payload(type, payload);
        for (size_t shorter = 0; shorter < size; shorter++)
            assert_false(ipc_decode(type, view_of(payload, shorter), body));
        assert_false(ipc_decode(type, view_of(payload, size + 1), body));
    }
}

static void test_what_is_larger_than_the_table_says_is_refused(void **state)
{
    for (int type = IPC_NONE + 1; type < IPC_TYPE_COUNT; type++) {
        size_t size = ipc_payload_max(type) + 1;
        char *payload = memory_new(size);
        assert_false(ipc_decode(type, view_of(payload, size), body));
        free(payload);
    }
}

static void test_garbage_is_refused_or_means_one_thing(void **state)
{
    uint32_t seed = 12345;
    char payload[256];
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)round % sizeof payload;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525 + 1013904223;
            payload[i] = (char)(seed >> 24 & (seed & 0x800000 ? 0xff : 0)); /* half of them zeroes */
        }
        enum ipc_type type = (enum ipc_type)(round % (IPC_TYPE_COUNT + 3));
        struct buffer out = {0};
        if (ipc_decode(type, view_of(payload, size), body)) {
            assert_true(ipc_encode(type, body, &out));
            assert_true(view_equal(buffer_view(&out), view_of(payload, size)));
        }
        buffer_free(&out);
    }
}

static void test_all_fields_of_a_message_arrive(void **state)
{
    const struct ipc_adopt sent = {.ticket_high = UINT64_C(0x0123456789abcdef),
                                   .ticket_low = UINT64_MAX,
                                   .session = 7,
                                   .protocol = PROTOCOL_IMAP,
                                   .tls = 1,
                                   .language = 2,
                                   .tag = VIEW_LITERAL("a1"),
                                   .peer = VIEW_LITERAL("192.0.2.7"),
                                   .local = VIEW_LITERAL("192.0.2.1"),
                                   .tls_version = VIEW_LITERAL("TLSv1.3"),
                                   .pending = VIEW_LITERAL("a2 SELECT \0\r\n")};
    struct buffer out = {0};
    assert_true(ipc_encode(IPC_ADOPT, &sent, &out));
    assert_int_equal((unsigned char)buffer_view(&out).data[0], 0xef); /* little-endian */
    assert_true(ipc_decode(IPC_ADOPT, buffer_view(&out), again));
    const struct ipc_adopt *got = (const void *)again;
    assert_true(got->ticket_high == sent.ticket_high && got->ticket_low == sent.ticket_low && got->session == 7);
    assert_true(got->protocol == PROTOCOL_IMAP && got->tls == 1 && got->language == 2);
    assert_true(view_equal(got->tag, sent.tag) && view_equal(got->peer, sent.peer));
    assert_true(view_equal(got->local, sent.local) && view_equal(got->tls_version, sent.tls_version));
    assert_true(view_equal(got->pending, sent.pending));
    buffer_free(&out);
}

static void test_a_view_may_not_reach_beyond_the_frame(void **state)
{
    static const struct {
        const char *octets;
        size_t size;
        bool good;
    } rows[] = {{"\3\0\0\0abc", 7, true},
                {"\4\0\0\0abc", 7, false},
                {"\2\0\0\0abc", 7, false},
                {"\xff\xff\xff\xff"
                 "abc",
                 7, false},
                {"\3\0\0", 3, false},
                {"", 0, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(ipc_decode(IPC_FATAL, view_of(rows[i].octets, rows[i].size), body), rows[i].good);
    struct ipc_fatal long_one = {.reason = {body, 513}};
    struct buffer out = {0};
    assert_false(ipc_encode(IPC_FATAL, &long_one, &out)); /* what the other side would refuse isn't sent */
    buffer_free(&out);
}

static void test_who_may_say_what_to_whom(void **state)
{
    static const struct {
        enum ipc_type type;
        enum role from, to;
        bool may;
    } rows[] = {{IPC_AUTH_BEGIN, ROLE_GATE, ROLE_AUTH, true},
                {IPC_AUTH_OK, ROLE_AUTH, ROLE_GATE, true},
                {IPC_AUTH_OK, ROLE_GATE, ROLE_AUTH, false},
                {IPC_AUTH_OK, ROLE_MAIL, ROLE_GATE, false},
                {IPC_TICKET, ROLE_AUTH, ROLE_MAIL, true},
                {IPC_TICKET, ROLE_GATE, ROLE_MAIL, false},
                {IPC_ADOPT, ROLE_GATE, ROLE_MAIL, true},
                {IPC_ADOPT, ROLE_LMTP, ROLE_MAIL, false},
                {IPC_DIGESTED, ROLE_PARSE, ROLE_MAIL, true},
                {IPC_DIGESTED, ROLE_PARSE, ROLE_AUTH, false},
                {IPC_KILL_PARSE, ROLE_MAIL, ROLE_SUPERVISOR, true},
                {IPC_KILL_PARSE, ROLE_PARSE, ROLE_SUPERVISOR, false},
                {IPC_CONTROL_CREDIT, ROLE_CLI, ROLE_MAIL, true},
                {IPC_CONTROL_CREDIT, ROLE_MAIL, ROLE_CLI, true},
                {IPC_CONTROL_RUN, ROLE_MAIL, ROLE_CLI, false},
                {IPC_NONE, ROLE_SUPERVISOR, ROLE_MAIL, false},
                {IPC_TYPE_COUNT, ROLE_SUPERVISOR, ROLE_MAIL, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(ipc_permitted(rows[i].type, rows[i].from, rows[i].to), rows[i].may);
    assert_false(ipc_permitted(IPC_DRAIN, ROLE_SUPERVISOR, ROLE_COUNT));
}

/* parse is believed nothing: what it can say to another child is three words. */
static void test_parse_has_few_words(void **state)
{
    unsigned words = 0;
    for (int type = 0; type < IPC_TYPE_COUNT; type++)
        for (int to = 0; to < ROLE_COUNT; to++)
            words += to != ROLE_SUPERVISOR && ipc_permitted(type, ROLE_PARSE, to);
    assert_int_equal(words, 3); /* DIGESTED, MATCHED, CONVERTED, all to mail */
}

static void test_every_row_has_a_name_and_fits(void **state)
{
    for (int type = IPC_NONE + 1; type < IPC_TYPE_COUNT; type++) {
        assert_string_not_equal(ipc_type_name(type), "unknown");
        unsigned pairs = 0;
        for (int from = 0; from < ROLE_COUNT; from++)
            for (int to = 0; to < ROLE_COUNT; to++)
                pairs += ipc_permitted(type, from, to);
        assert_true(pairs > 0);
    }
    assert_true(ipc_carries_fd(IPC_ADOPT));
    assert_false(ipc_carries_fd(IPC_DIGEST));
    assert_string_equal(ipc_type_name(IPC_TYPE_COUNT), "unknown");
    assert_int_equal(ipc_payload_max(IPC_TYPE_COUNT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_encodes_to_what_it_was_decoded_from),
        cmocka_unit_test(test_one_octet_less_or_more_is_refused),
        cmocka_unit_test(test_what_is_larger_than_the_table_says_is_refused),
        cmocka_unit_test(test_garbage_is_refused_or_means_one_thing),
        cmocka_unit_test(test_all_fields_of_a_message_arrive),
        cmocka_unit_test(test_a_view_may_not_reach_beyond_the_frame),
        cmocka_unit_test(test_who_may_say_what_to_whom),
        cmocka_unit_test(test_parse_has_few_words),
        cmocka_unit_test(test_every_row_has_a_name_and_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
