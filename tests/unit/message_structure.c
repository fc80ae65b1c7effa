/* tests/unit/message_structure.c: the MIME tree: offsets, lines, limits, missing ends. Offsets were counted by hand. */
#include "digest/fields.h"
#include "message/structure.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct mime mime;

static int end(void **state)
{
    mime_free(&mime);
    return 0;
}

static void with_line_ends(const char *lf, const char *line_end, struct buffer *out)
{
    for (const char *c = lf; *c; c++) {
        if (*c == '\n')
            buffer_append_string(out, line_end);
        else
            buffer_append_char(out, *c);
    }
}

/* Parts in order as "kind(parent) lines 'body'", the bodies' line ends as "/". */
static void describe(struct buffer *out)
{
    for (uint32_t i = 0; i < mime.count; i++) {
        const struct mime_part *part = &mime.parts[i];
        buffer_printf(out, "%c%d:%u", "LMR"[part->place.kind], (int)part -> place.parent, part->place.lines);
        if (part->place.kind == PART_LEAF) {
            struct view body = mime_body(&mime, part);
            buffer_append_string(out, "'");
            for (size_t k = 0; k < body.size; k++)
                if (body.data[k] != '\r')
                    buffer_append_char(out, body.data[k] == '\n' ? '/' : body.data[k]);
            buffer_append_string(out, "'");
        }
        buffer_append_char(out, i + 1 < mime.count ? ' ' : '\0');
    }
}

/* The same whichever line ends it has. R: a message; L: a leaf; M: a multipart; then the parent's index. */
static void tree(const char *lf, const char *expected)
{
    static const char *const line_ends[] = {"\r\n", "\n"};
    for (size_t i = 0; i < 2; i++) {
        struct buffer message = {0}, found = {0};
        with_line_ends(lf, line_ends[i], &message);
        mime_read(&mime, buffer_view(&message));
        describe(&found);
        assert_string_equal(buffer_view(&found).data, expected);
        mime_reset(&mime);
        buffer_free(&message);
        buffer_free(&found);
    }
}

static void place(uint32_t index, uint64_t header, uint64_t header_size, uint64_t body, uint64_t body_size)
{
    const struct digest_part *p = &mime.parts[index].place;
    assert_int_equal(p->header_offset, header);
    assert_int_equal(p->header_size, header_size);
    assert_int_equal(p->body_offset, body);
    assert_int_equal(p->body_size, body_size);
}

static void test_a_plain_message(void **state)
{
    mime_read(&mime, VIEW_LITERAL("Subject: x\r\n\r\nhello\r\nworld\r\n"));
    assert_int_equal(mime.count, 1);
    place(0, 0, 14, 14, 14);
    assert_int_equal(mime.parts[0].place.lines, 2);
    assert_int_equal(fields_size(buffer_view(&mime.fields), UINT64_MAX), 12);
    assert_false(mime.cut);
    tree("Subject: x\n\nhello\nworld\n", "L-1:2'hello/world/'");
    tree("Subject: x\n\nno line end", "L-1:0'no line end'");
    tree("Subject: x\n\n", "L-1:0''");
    tree("Subject: x\n", "L-1:0''");
    tree("Subject: x", "L-1:0''");
    tree("", "L-1:0''");
    tree("\nbody\n", "L-1:1'body/'");
}

/* Each offset counted: the header is 47 octets with its blank line, a delimiter line 5, and so on. */
static void test_the_offsets_of_a_multipart(void **state)
{
    mime_read(&mime, VIEW_LITERAL("Content-Type: multipart/mixed; boundary=\"xy\"\r\n\r\n" /* 0 to 48 */
                                  "pre\r\n"                                                /* 48 */
                                  "--xy\r\n"                                               /* 53 */
                                  "\r\n"                                                   /* 59 */
                                  "one\r\n"                                                /* 61 */
                                  "--xy\r\n"                                               /* 66 */
                                  "X: y\r\n\r\n"                                           /* 72 */
                                  "two\r\n\r\n"                                            /* 80 */
                                  "--xy--\r\n"                                             /* 87 */
                                  "post\r\n"));                                            /* 95 to 101 */
    assert_int_equal(mime.count, 3);
    place(0, 0, 48, 48, 53);
    place(1, 59, 2, 61, 3);
    place(2, 72, 8, 80, 5);
    assert_int_equal(mime.parts[0].place.lines, 11);
    assert_int_equal(mime.parts[1].place.lines, 0);
    assert_int_equal(mime.parts[2].place.lines, 1);
}

static void test_a_message_inside_a_message(void **state)
{
    mime_read(&mime, VIEW_LITERAL("Content-Type: message/rfc822\r\n\r\n" /* 0 to 32 */
                                  "Subject: y\r\n\r\n"                   /* 32 */
                                  "hello\r\n"));                         /* 46 to 53 */
    assert_int_equal(mime.count, 2);
    place(0, 0, 32, 32, 21);
    place(1, 32, 14, 46, 7);
    assert_int_equal(mime.parts[0].place.kind, PART_MESSAGE);
    assert_int_equal(mime.parts[0].place.lines, 3);
    assert_int_equal(mime.parts[1].place.lines, 1);
    tree("Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=x\n\n"
         "--x\n\na\n--x--\n",
         "R-1:8 R0:6 M1:4 L2:0'a'");
    /* RFC 2046 5.2.1: a message that is encoded isn't looked into. */
    tree("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==\n",
         "L-1:1'U3ViamVjdDogeA==/'");
}

static void test_a_digest_holds_messages_by_default(void **state)
{
    tree("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: a\n\nA\n--d\nContent-Type: text/plain\n\nB\n"
         "--d--\n",
         "M-1:10 R0:2 L1:0'A' L0:0'B'");
}

static void test_nested_multiparts(void **state)
{
    tree("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; "
         "boundary=b\n\n--b\n\n1\n"
         "--b\n\n2\n--b--\n--a\n\n3\n--a--\n",
         "M-1:14 M0:6 L1:0'1' L1:0'2' L0:0'3'");
    /* a boundary that begins with the other one */
    tree(
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=aa\n\n--aa\n\n"
        "1\n--aa--\n--a\n\n2\n--a--\n",
        "M-1:11 M0:3 L1:0'1' L0:0'2'");
}

static void test_missing_ends(void **state)
{
    tree("Content-Type: multipart/mixed; boundary=a\n\n--a\n\n1\n", "M-1:3 L0:1'1/'");
    /* the outer delimiter ends what is open inside */
    tree("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; "
         "boundary=b\n\n--b\n\n1\n--a\n\n"
         "2\n--a--\n",
         "M-1:10 M0:2 L1:0'1' L0:0'2'");
    /* no delimiter at all: a text */
    tree("Content-Type: multipart/mixed; boundary=a\n\nnothing\n", "M-1:1 L0:1'nothing/'");
    tree("Content-Type: multipart/mixed; boundary=a\n\n--a--\n", "M-1:1 L0:1'--a--/'");
    /* no boundary parameter: a leaf */
    tree("Content-Type: multipart/mixed\n\n--a\n\n1\n", "L-1:3'--a//1/'");
    /* without a blank line all is header: its own boundary isn't known before its end */
    tree("Content-Type: multipart/mixed; boundary=a\n--a\nX: y\n--a--\n", "M-1:0 L0:0''");
    /* cut off by the outer one: the inner multipart holds it all the same */
    tree("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n"
         "--a--\n",
         "M-1:6 M0:2 L1:0''");
    assert_int_equal(mime.count, 0);
}

/* What lies inside ends inside, in each of those. */
static void test_a_cut_off_header_lies_inside_its_parent(void **state)
{
    mime_read(&mime, VIEW_LITERAL("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
                                  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: y\r\n--a--\r\n"));
    assert_int_equal(mime.count, 3);
    const struct digest_part *inner = &mime.parts[1].place, *leaf = &mime.parts[2].place;
    assert_int_equal(leaf->header_size, 6);
    assert_int_equal(leaf->body_size, 0);
    assert_int_equal(inner->body_offset + inner->body_size, leaf->body_offset);
}

static void test_what_looks_like_a_delimiter(void **state)
{
    tree("Content-Type: multipart/mixed; boundary=a\n\n--a  \n\n1\n--ab\n-- a\n --a\n--a-\n--a--x\n--a-- \n2\n",
         "M-1:10 L0:5'1/--ab/-- a/ --a/--a-/--a--x'");
    /* quoted, with a blank inside; one at its end doesn't belong to it (RFC 2046 5.1.1) */
    tree("Content-Type: multipart/mixed; boundary=\"a b \"\n\n--a b\n\n1\n--a b--\n", "M-1:4 L0:0'1'");
}

static void test_an_unusable_type_is_text(void **state)
{
    mime_read(&mime, VIEW_LITERAL("Content-Type: text\r\n\r\nx"));
    assert_true(mime.parts[0].defaulted);
    assert_true(mime_is(&mime.parts[0], "text", "plain"));
    mime_read(&mime, VIEW_LITERAL("Content-Type: TEXT/HTML\r\nContent-Type: a/b\r\n\r\nx"));
    assert_true(mime_is(&mime.parts[0], "text", "html"));
    assert_false(mime_is(&mime.parts[0], "text", "plain"));
}

static void test_fields_are_kept_folded_and_the_first_counts(void **state)
{
    mime_read(&mime, VIEW_LITERAL("subject: one\r\n two\r\nSubject: three\r\nTo: a@b\r\nTo: c@d\r\nCONTENT-ID: <x>\r\n"
                                  "garbage\r\n\r\nSubject: no\r\n"));
    const struct kept *kept = mime.parts[0].message;
    assert_int_equal(kept[KEPT_SUBJECT - KEPT_PART_COUNT].count, 1);
    assert_true(view_equal_string(kept[KEPT_SUBJECT - KEPT_PART_COUNT].pieces[0], "one\r\n two"));
    assert_int_equal(kept[KEPT_TO - KEPT_PART_COUNT].count, 2);
    assert_true(view_equal_string(mime.parts[0].fields[KEPT_ID], "<x>"));
    struct buffer as_they_are = {0};
    fields_choose(buffer_view(&mime.fields), UINT64_MAX, &as_they_are);
    assert_true(view_equal_string(buffer_view(&as_they_are),
                                  "subject: one\r\n two\r\nSubject: three\r\nTo: a@b\r\nTo: c@d\r\n"));
    buffer_free(&as_they_are);
}

/* ---- limits ---- */

static void nest(struct buffer *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        buffer_printf(out, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", i, i);
    buffer_append_string(out, "\r\nleaf\r\n");
}

static void test_depth_is_cut(void **state)
{
    struct buffer message = {0};
    nest(&message, LIMIT_MIME_DEPTH - 1);
    mime_read(&mime, buffer_view(&message));
    assert_false(mime.cut);
    assert_int_equal(mime.count, LIMIT_MIME_DEPTH);
    buffer_clear(&message);
    nest(&message, 5 * LIMIT_MIME_DEPTH);
    mime_read(&mime, buffer_view(&message));
    assert_true(mime.cut);
    assert_int_equal(mime.count, LIMIT_MIME_DEPTH);
    assert_true(mime.parts[LIMIT_MIME_DEPTH - 1].forced);
    assert_int_equal(mime.parts[LIMIT_MIME_DEPTH - 1].place.kind, PART_LEAF);
    buffer_clear(&message);
    for (int i = 0; i < 5 * LIMIT_MIME_DEPTH; i++)
        buffer_append_string(&message, "Content-Type: message/rfc822\r\n\r\n");
    mime_read(&mime, buffer_view(&message));
    assert_true(mime.cut);
    assert_int_equal(mime.count, LIMIT_MIME_DEPTH);
    mime_reset(&mime);
    buffer_free(&message);
}

static void many(struct buffer *out, const char *piece, unsigned count)
{
    buffer_append_string(out, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (unsigned i = 0; i < count; i++)
        buffer_append_string(out, piece);
}

static void test_parts_are_counted(void **state)
{
    struct buffer message = {0};
    many(&message, "--b\r\n\r\nx\r\n", LIMIT_MIME_PARTS - 1);
    mime_read(&mime, buffer_view(&message));
    assert_false(mime.cut);
    assert_int_equal(mime.count, LIMIT_MIME_PARTS);
    buffer_clear(&message);
    many(&message, "--b\r\n\r\nx\r\n", 2 * LIMIT_MIME_PARTS);
    mime_read(&mime, buffer_view(&message));
    assert_true(mime.cut);
    assert_int_equal(mime.count, LIMIT_MIME_PARTS);
    /* each is a multipart without a delimiter, which gets a part of its own */
    static const char *const pieces[] = {"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\nx\r\n",
                                         "--b\r\nContent-Type: message/rfc822\r\n\r\nx\r\n",
                                         "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nx\r\n"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (unsigned count = LIMIT_MIME_PARTS / 2 - 2; count < LIMIT_MIME_PARTS / 2 + 2; count++) {
            buffer_clear(&message);
            many(&message, pieces[i], count);
            mime_read(&mime, buffer_view(&message));
            assert_true(mime.count <= LIMIT_MIME_PARTS);
        }
    }
    mime_reset(&mime);
    buffer_free(&message);
}

/* None of them: what is missing would be taken for what isn't there. */
static void test_more_fields_than_are_kept_are_not_kept(void **state)
{
    struct buffer message = {0};
    buffer_append_string(&message, "Subject: x\r\n");
    for (int i = 0; i < LIMIT_KEPT_FIELDS / 9; i++)
        buffer_append_string(&message, "To: y\r\n");
    buffer_append_string(&message, "\r\nbody\r\n");
    mime_read(&mime, buffer_view(&message));
    assert_int_equal(buffer_size(&mime.fields), 0);
    assert_true(mime.fields_too_long);
    mime_read(&mime, VIEW_LITERAL("To: y\r\n\r\n"));
    assert_int_equal(buffer_size(&mime.fields), 10);
    mime_reset(&mime);
    buffer_free(&message);
}

/* Some megabytes of what might be delimiters under many boundaries: it ends, and finds what there is. */
static void test_many_lines_that_are_no_delimiters(void **state)
{
    struct buffer message = {0};
    for (unsigned i = 0; i < LIMIT_MIME_DEPTH - 2; i++)
        buffer_printf(&message, "Content-Type: multipart/mixed; boundary=bbbbbbbb%u\r\n\r\n--bbbbbbbb%u\r\n", i, i);
    buffer_append_string(&message, "\r\n");
    while (buffer_size(&message) < 2 << 20)
        buffer_append_string(&message, "--bbbbbbbbx\r\n");
    mime_read(&mime, buffer_view(&message));
    assert_int_equal(mime.count, LIMIT_MIME_DEPTH - 1);
    mime_reset(&mime);
    buffer_free(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_plain_message, end),
        cmocka_unit_test_teardown(test_the_offsets_of_a_multipart, end),
        cmocka_unit_test_teardown(test_a_message_inside_a_message, end),
        cmocka_unit_test_teardown(test_a_digest_holds_messages_by_default, end),
        cmocka_unit_test_teardown(test_nested_multiparts, end),
        cmocka_unit_test_teardown(test_missing_ends, end),
        cmocka_unit_test_teardown(test_a_cut_off_header_lies_inside_its_parent, end),
        cmocka_unit_test_teardown(test_what_looks_like_a_delimiter, end),
        cmocka_unit_test_teardown(test_an_unusable_type_is_text, end),
        cmocka_unit_test_teardown(test_fields_are_kept_folded_and_the_first_counts, end),
        cmocka_unit_test_teardown(test_depth_is_cut, end),
        cmocka_unit_test_teardown(test_parts_are_counted, end),
        cmocka_unit_test_teardown(test_more_fields_than_are_kept_are_not_kept, end),
        cmocka_unit_test_teardown(test_many_lines_that_are_no_delimiters, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
