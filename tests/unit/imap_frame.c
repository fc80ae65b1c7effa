/* tests/unit/imap_frame.c: commands found in the octets, whatever the pieces they come in. */
#include "imap_fake.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int begin(void **state)
{
    fake_open();
    return 0;
}

static int end(void **state)
{
    fake_close();
    return 0;
}

/* All commands, "=" in front of a whole one and "!" of a bad one, "|" behind; line ends as "/". */
static void found_in(struct view input, size_t step, struct buffer *out)
{
    fake_input(input, step);
    for (enum frame_result result = fake_frame(); result != FRAME_MORE; result = fake_frame()) {
        struct view frame = buffer_view(&fake.imap.frame);
        buffer_append_char(out, result == FRAME_BAD ? '!' : '=');
        for (size_t i = 0; result == FRAME_WHOLE && i < frame.size; i++)
            if (frame.data[i] != '\r')
                buffer_append_char(out, frame.data[i] == '\n' ? '/' : frame.data[i]);
        if (result == FRAME_BAD)
            buffer_append_string(out, fake.imap.framing.problem);
        buffer_append_char(out, '|');
        fake_next_command();
    }
    buffer_append_char(out, '\0');
}

static void frames(const char *input, const char *expected)
{
    for (size_t step = 1; step <= strlen(input) + 1; step++) {
        struct buffer out = {0};
        found_in(view_of_string(input), step, &out);
        assert_string_equal(buffer_view(&out).data, expected);
        buffer_free(&out);
    }
}

static void test_lines_are_commands(void **state)
{
    frames("a NOOP\r\nb NOOP\nc N", "=a NOOP/|=b NOOP/|");
    frames("\r\n\n", "=/|=/|");
    frames("", "");
}

static void test_literals_stay_in_their_place(void **state)
{
    frames("a LOGIN {3}\r\nann {4}\r\na\r\nb\r\nc NOOP\r\n", "=a LOGIN {3}/ann {4}/a/b/|=c NOOP/|");
    frames("a LOGIN {3+}\r\nann x\r\n", "=a LOGIN {3+}/ann x/|");
    frames("a X {0}\r\n{0+}\r\n\r\n", "=a X {0}/{0+}//|");
    frames("a X {5}\nab\ncd\n", "=a X {5}/ab/cd/|");
}

static void test_each_literal_that_waits_gets_one_plus(void **state)
{
    struct buffer out = {0};
    found_in(VIEW_LITERAL("a X {1}\r\nx{1+}\r\ny {1}\r\nz\r\n"), 3, &out);
    assert_int_equal(fake.pluses, 2);
    buffer_free(&out);
}

static void test_what_only_looks_like_a_literal(void **state)
{
    frames("a X {}\r\nb X {x}\r\nc X 5}\r\nd X {+}\r\ne X {5} \r\n",
           "=a X {}/|=b X {x}/|=c X 5}/|=d X {+}/|=e X {5} /|");
}

/* Its octets stay in the input: the command begins before they have come. */
static void test_the_message_of_append_is_left_where_it_is(void **state)
{
    fake_input(VIEW_LITERAL("a APPEND INBOX {5}\r\nhello\r\n"), 100);
    assert_int_equal(fake_frame(), FRAME_WHOLE);
    assert_true(view_equal_string(buffer_view(&fake.imap.frame), "a APPEND INBOX {5}\r\n"));
    assert_true(view_equal_string(fake.input, "hello\r\n"));
    assert_int_equal(fake.pluses, 0);
    fake_next_command();
    /* but the mailbox's name is part of the command */
    fake_input(VIEW_LITERAL("a append {5+}\r\nINBOX {5}\r\nhello\r\n"), 1);
    assert_int_equal(fake_frame(), FRAME_WHOLE);
    assert_true(view_equal_string(buffer_view(&fake.imap.frame), "a append {5+}\r\nINBOX {5}\r\n"));
}

static void fill(struct buffer *b, const char *head, size_t size, const char *tail)
{
    buffer_append_string(b, head);
    for (size_t i = 0; i < size; i++)
        buffer_append_char(b, 'x');
    buffer_append_string(b, tail);
}

/* However long, it is one bad command, and the next one is found. */
static void test_a_line_of_any_length_is_one_command(void **state)
{
    for (size_t size = LIMIT_STREAM_INPUT - 20; size < LIMIT_STREAM_INPUT + 20; size++) {
        struct buffer input = {0}, out = {0};
        fill(&input, "a X ", size, "\r\nb NOOP\r\n");
        found_in(buffer_view(&input), SIZE_MAX, &out);
        struct view found = buffer_view(&out);
        bool short_enough = 4 + size + 2 <= LIMIT_STREAM_INPUT;
        assert_int_equal(found.data[0], short_enough ? '=' : '!');
        assert_true(found.size > 11 && strcmp(found.data + found.size - 11, "|=b NOOP/|") == 0);
        fake_input(buffer_view(&input), SIZE_MAX); /* the answer has the command's tag */
        fake_frame();
        assert_true(view_starts_with(buffer_view(&fake.imap.frame), VIEW_LITERAL("a X ")));
        while (fake_frame() != FRAME_MORE)
            fake_next_command();
        buffer_free(&input);
        buffer_free(&out);
    }
}

/* What a too long line announces at its end is passed over too, wherever the pieces were cut. */
static void test_a_literal_behind_a_long_line_is_no_command(void **state)
{
    for (size_t size = LIMIT_STREAM_INPUT - 30; size < LIMIT_STREAM_INPUT + 10; size++) {
        struct buffer input = {0}, out = {0};
        fill(&input, "a X ", size, "{8+}\r\nc NOOP\r\n\r\nb NOOP\r\n");
        found_in(buffer_view(&input), SIZE_MAX, &out);
        assert_non_null(strstr(buffer_view(&out).data, "|=b NOOP/|"));
        assert_null(strstr(buffer_view(&out).data, "=c NOOP"));
        buffer_free(&input);
        buffer_free(&out);
    }
}

static void test_literals_that_are_too_long(void **state)
{
    /* who waits for "+" sends nothing: the next line is the next command */
    frames("a X {200000}\r\nb NOOP\r\n", "![TOOBIG] The literal is too long|=b NOOP/|");
    frames("a X {99999999999}\r\nb NOOP\r\n", "![TOOBIG] The literal is too long|=b NOOP/|");
    frames("a X {99999999999999999999}\r\nb NOOP\r\n", "![TOOBIG] The literal is too long|=b NOOP/|");
    assert_int_equal(fake.pluses, 0);
    struct buffer input = {0}, out = {0};
    fill(&input, "a X {200000+}\r\n", 200000, " y\r\nb NOOP\r\n");
    found_in(buffer_view(&input), 5000, &out);
    assert_string_equal(buffer_view(&out).data, "![TOOBIG] The literal is too long|=b NOOP/|");
    buffer_free(&input);
    buffer_free(&out);
}

/* Who doesn't wait for "+" has sent them, and they are no commands, however large the number. */
static void test_behind_a_number_of_any_size_is_no_command(void **state)
{
    static const char *const inputs[] = {
        "a X {4294967296+}\r\nb NOOP\r\n",
        "a X {9223372036854775808+}\r\nb NOOP\r\n",
        "a X {99999999999999999999+}\r\nb NOOP\r\n",
    };
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        struct buffer out = {0};
        found_in(view_of_string(inputs[i]), SIZE_MAX, &out);
        assert_string_equal(buffer_view(&out).data, "");
        buffer_free(&out);
        fake.imap.framing = (struct frame){0};
        buffer_clear(&fake.imap.frame);
    }
}

static void test_literals_that_are_too_many(void **state)
{
    struct buffer input = {0}, out = {0};
    buffer_append_string(&input, "a X ");
    for (int i = 0; i < LIMIT_IMAP_LITERALS + 1; i++)
        buffer_append_string(&input, "{1+}\r\nx");
    buffer_append_string(&input, "\r\nb NOOP\r\n");
    found_in(buffer_view(&input), SIZE_MAX, &out);
    assert_string_equal(buffer_view(&out).data, "![TOOBIG] Too many literals|=b NOOP/|");
    buffer_free(&input);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_are_commands, begin, end),
        cmocka_unit_test_setup_teardown(test_literals_stay_in_their_place, begin, end),
        cmocka_unit_test_setup_teardown(test_each_literal_that_waits_gets_one_plus, begin, end),
        cmocka_unit_test_setup_teardown(test_what_only_looks_like_a_literal, begin, end),
        cmocka_unit_test_setup_teardown(test_the_message_of_append_is_left_where_it_is, begin, end),
        cmocka_unit_test_setup_teardown(test_a_line_of_any_length_is_one_command, begin, end),
        cmocka_unit_test_setup_teardown(test_a_literal_behind_a_long_line_is_no_command, begin, end),
        cmocka_unit_test_setup_teardown(test_literals_that_are_too_long, begin, end),
        cmocka_unit_test_setup_teardown(test_behind_a_number_of_any_size_is_no_command, begin, end),
        cmocka_unit_test_setup_teardown(test_literals_that_are_too_many, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
