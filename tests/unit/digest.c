/* tests/unit/digest.c: the digest written, checked and read; section numbers; match keys. */
#include "digest/digest.h"
#include "digest/match.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TEXT(member, literal) .member = VIEW_LITERAL(literal)
static const char cut[8] = {4, 0, 0, 0, 2, 0, 0, 0};

/*
 * The tree of RFC 9051 6.4.5.1's example, laid out by hand:
 * 0 message MIXED; 1 TEXT; 2 APPLICATION; 3 RFC822 > 4 message MIXED > 5 TEXT, 6 APPLICATION; 7 MIXED > 8 GIF,
 * 9 RFC822 > 10 message MIXED > 11 TEXT, 12 ALTERNATIVE > 13 TEXT, 14 RICHTEXT
 */
static const struct digest_part example[] = {
    {PART_NONE, PART_MULTIPART, 0, 0, 0, 0, 10, 10, 990, 9, 990},
    {0, PART_LEAF, 0, 1, 0, 20, 5, 25, 10, 1, 10},
    {0, PART_LEAF, ENCODING_BASE64, 0, 1, 40, 5, 45, 40, 1, 30},
    {0, PART_MESSAGE, 0, 0, 1, 100, 5, 105, 195, 8, 195},
    {3, PART_MULTIPART, 0, 0, 0, 105, 15, 120, 180, 8, 180},
    {4, PART_LEAF, 0, 1, 0, 130, 5, 135, 10, 1, 10},
    {4, PART_LEAF, 0, 0, 0, 150, 5, 155, 10, 1, 10},
    {0, PART_MULTIPART, 0, 0, 0, 310, 10, 320, 600, 8, 600},
    {7, PART_LEAF, 0, 0, 0, 330, 5, 335, 10, 1, 10},
    {7, PART_MESSAGE, 0, 0, 0, 350, 10, 360, 500, 1, 500},
    {9, PART_MULTIPART, 0, 0, 0, 360, 10, 370, 490, 1, 490},
    {10, PART_LEAF, 0, 1, 0, 380, 10, 390, 10, 1, 10},
    {10, PART_MULTIPART, 0, 0, 0, 410, 10, 420, 200, 1, 200},
    {12, PART_LEAF, 0, 1, 0, 430, 10, 440, 10, 1, 10},
    {12, PART_LEAF, 0, 1, 0, 460, 10, 470, 10, 1, 10},
};
enum { EXAMPLE_PARTS = sizeof example / sizeof *example };
static const uint64_t references[] = {UINT64_C(0x0123456789abcdef), 2};

static struct digest example_digest(void)
{
    return (struct digest){.flags = DIGEST_HAS_DATE,
                           .size_octets = 1000,
                           .lines = 9,
                           .sent_utc_s = -123456789,
                           .sent_zone_minutes = -330,
                           TEXT(envelope, "(\"a \\\"b\\\"\" NIL {3}\r\nx\r\n 12)"),
                           TEXT(bodystructure, "(NIL 1 (\"x\"))"),
                           .body_cuts = {cut, 8},
                           TEXT(search_from, "A@B"),
                           TEXT(subject, "a \"b\""),
                           TEXT(preview, "\xc3\xa9"),
                           TEXT(message_id, "x@y"),
                           TEXT(fields, "\x04\x0c\0Subject: a\r\n"),
                           .subject_is_reply = true,
                           .message_id_hash = 77,
                           .reference_count = 2,
                           .part_count = EXAMPLE_PARTS};
}

static bool opens(const struct digest *fields, const struct digest_part *parts)
{
    struct buffer out = {0};
    struct digest d;
    assert_true(digest_write(fields, parts, references, &out));
    bool ok = digest_open(buffer_view(&out), &d);
    buffer_free(&out);
    return ok;
}

static void test_what_was_written_is_read_back(void **state)
{
    struct buffer out = {0};
    struct digest fields = example_digest(), d;
    assert_true(digest_write(&fields, example, references, &out));
    assert_true(digest_open(buffer_view(&out), &d));
    assert_int_equal(d.flags, DIGEST_HAS_DATE);
    assert_int_equal(d.size_octets, 1000);
    assert_true(d.sent_utc_s == -123456789);
    assert_int_equal(d.sent_zone_minutes, -330);
    assert_true(view_equal(d.envelope, fields.envelope));
    assert_true(view_equal(d.envelope_utf8, fields.envelope));
    assert_true(view_equal_string(d.message_id, "x@y"));
    assert_true(d.subject_is_reply);
    assert_true(digest_reference_at(&d, 0) == references[0] && digest_reference_at(&d, 1) == 2);
    for (uint32_t i = 0; i < EXAMPLE_PARTS; i++) {
        struct digest_part part;
        digest_part_at(&d, i, &part);
        assert_memory_equal(&part, &example[i], sizeof part);
    }
    assert_true(view_equal(d.fields, fields.fields));
    struct buffer body = {0};
    digest_write_body(&d, false, &body);
    assert_true(view_equal_string(buffer_view(&body), "(NIL (\"x\"))"));
    buffer_free(&body);
    buffer_free(&out);
}

static void test_every_shortened_and_every_changed_digest_is_refused_or_harmless(void **state)
{
    struct buffer out = {0};
    struct digest fields = example_digest(), d;
    assert_true(digest_write(&fields, example, references, &out));
    struct view all = buffer_view(&out);
    for (size_t size = 0; size < all.size; size++) {
        char *exact = malloc(size ? size : 1);
        memcpy(exact, all.data, size);
        assert_false(digest_open(view_of(exact, size), &d));
        free(exact);
    }
    buffer_append_char(&out, 0);
    assert_false(digest_open(buffer_view(&out), &d));
    buffer_free(&out);
}

static void test_lists_that_could_end_a_response_are_refused(void **state)
{
    static const char *const bad[] = {
        "",           "NIL",           "(",          "())",         "(\"a)",       "(\"a\r\n\")",
        "() * BYE",   "(\r\n)",        "(\"\\x\")",  "({3}\r\nab)", "({}\r\n)",    "({1}\na)",
        "(\"\x80\")", "({1}\r\n\x80)", "(\"\x7f\")", "(nil)",       "(\"a\")\r\n", "({99999999999999999999}\r\n)"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct digest fields = example_digest();
        fields.envelope = view_of_string(bad[i]);
        assert_false(opens(&fields, example));
    }
    struct digest fields = example_digest();
    fields.envelope = view_of("({1}\r\n\0)", 8);
    assert_false(opens(&fields, example));
}

static void test_texts_must_be_what_they_say(void **state)
{
    char large[256];
    memset(large, 'a', sizeof large);
    struct digest fields = example_digest();
    fields.subject = view_of(large, 256);
    assert_false(opens(&fields, example));
    fields = example_digest();
    fields.preview = VIEW_LITERAL("a\nb");
    assert_false(opens(&fields, example));
    fields = example_digest();
    fields.search_to = VIEW_LITERAL("\xff");
    assert_false(opens(&fields, example));
    fields = example_digest();
    fields.message_id = VIEW_LITERAL("a b");
    assert_true(opens(&fields, example));
    fields.message_id = VIEW_LITERAL("a\xc3\xa9");
    assert_false(opens(&fields, example));
    fields = example_digest();
    fields.fields = VIEW_LITERAL("\x04\x0c\0Subject: a\r");
    assert_false(opens(&fields, example));
}

/* Written by the version before, with a table of two header lines at its end. */
static void test_a_digest_of_version_1_is_read(void **state)
{
    static const char old[] = "\x57\x58\x44\x01\x08\x1b\x01\xc8\x01\x00\x01\x01\x02\x05\x09\x00\x00\x00\x00\x00\x00\x00"
                              "\x00\x00\x00\x00\x00\x01"
                              "\x00\x03\x4d\x00\x00\x00\x00\x00\x00\x00(\"e\")(\"b\" "
                              "NIL)sx@y\x05\x00\x00\x00\x00\x00\x00\x00\xff\xff\x04\x00\x00\x00"
                              "\x00\x00\x14\x00\x00\x00\x14\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x07\x00\x00\x00"
                              "\x00\x00\x00\x00\x09\x00\x00\x00"
                              "\x01\x00\x09\x00\x00\x00\x09\x00\x00\x00\x01\x00";
    struct digest d;
    assert_true(digest_open(view_of(old, sizeof old - 1), &d));
    assert_true(view_equal_string(d.envelope, "(\"e\")"));
    assert_true(view_equal_string(d.message_id, "x@y"));
    assert_int_equal(digest_reference_at(&d, 0), 5);
    assert_int_equal(d.part_count, 1);
    assert_int_equal(d.fields.size, 0);
    assert_true(digest_open_checked(view_of(old, sizeof old - 1), &d));
    for (size_t size = 0; size < sizeof old - 1; size++)
        assert_false(digest_open_checked(view_of(old, size), &d));
}

/* One member changed to a value that breaks the tree. */
#define BROKEN(index, member, value)                                                                                   \
    do {                                                                                                               \
        struct digest_part parts[EXAMPLE_PARTS];                                                                       \
        struct digest fields = example_digest();                                                                       \
        memcpy(parts, example, sizeof parts);                                                                          \
        parts[index].member = (value);                                                                                 \
        assert_false(opens(&fields, parts));                                                                           \
    } while (0)

static void test_trees_that_are_none_are_refused(void **state)
{
    BROKEN(0, parent, 0);
    BROKEN(0, kind, PART_LEAF);
    BROKEN(0, header_offset, 1);
    BROKEN(5, parent, 5);
    BROKEN(5, parent, 6);
    BROKEN(5, parent, 1); /* a leaf */
    BROKEN(6, parent, 3); /* a second message inside */
    BROKEN(8, parent, 3); /* climbed past already */
    BROKEN(2, body_size, 1000);
    BROKEN(2, header_offset, 30); /* before the end of the part before */
    BROKEN(14, body_size, 600);
    BROKEN(4, header_offset, 106);
    BROKEN(1, lines, 11);
    BROKEN(1, encoding, 9);
    BROKEN(14, kind, PART_MULTIPART); /* without a child */
    BROKEN(1, kind, 3);
}

static uint32_t find(const struct digest *d, size_t count, const uint32_t *numbers)
{
    return digest_find_part(d, numbers, count);
}
#define FIND(d, ...) find((d), sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]){__VA_ARGS__})

static void test_section_numbers_find_the_parts_of_the_rfcs_example(void **state)
{
    struct buffer out = {0};
    struct digest fields = example_digest(), d;
    assert_true(digest_write(&fields, example, references, &out));
    assert_true(digest_open(buffer_view(&out), &d));
    assert_int_equal(find(&d, 0, NULL), 0);
    assert_int_equal(FIND(&d, 1), 1);
    assert_int_equal(FIND(&d, 2), 2);
    assert_int_equal(FIND(&d, 3), 3);
    assert_int_equal(FIND(&d, 3, 1), 5);
    assert_int_equal(FIND(&d, 3, 2), 6);
    assert_int_equal(FIND(&d, 4), 7);
    assert_int_equal(FIND(&d, 4, 1), 8);
    assert_int_equal(FIND(&d, 4, 2), 9);
    assert_int_equal(FIND(&d, 4, 2, 1), 11);
    assert_int_equal(FIND(&d, 4, 2, 2), 12);
    assert_int_equal(FIND(&d, 4, 2, 2, 1), 13);
    assert_int_equal(FIND(&d, 4, 2, 2, 2), 14);
    assert_int_equal(FIND(&d, 0), PART_NONE);
    assert_int_equal(FIND(&d, 5), PART_NONE);
    assert_int_equal(FIND(&d, 1, 1), PART_NONE);
    assert_int_equal(FIND(&d, 3, 3), PART_NONE);
    assert_int_equal(FIND(&d, 4, 2, 2, 3), PART_NONE);
    assert_int_equal(FIND(&d, UINT32_MAX), PART_NONE);
    buffer_free(&out);
}

/* A message whose body is a message, whose body is a message with one text. */
static void test_part_1_is_the_body_at_every_level_of_messages(void **state)
{
    static const struct digest_part parts[] = {{PART_NONE, PART_MESSAGE, 0, 0, 0, 0, 10, 10, 90, 1, 90},
                                               {0, PART_MESSAGE, 0, 0, 0, 10, 10, 20, 80, 1, 80},
                                               {1, PART_LEAF, 0, 1, 0, 20, 10, 30, 70, 1, 70}};
    struct buffer out = {0};
    struct digest fields = example_digest(), d;
    fields.part_count = 3;
    assert_true(digest_write(&fields, parts, references, &out));
    assert_true(digest_open(buffer_view(&out), &d));
    assert_int_equal(FIND(&d, 1), 0);
    assert_int_equal(FIND(&d, 1, 1), 1);
    assert_int_equal(FIND(&d, 1, 1, 1), 2);
    assert_int_equal(FIND(&d, 1, 1, 1, 1), PART_NONE);
    assert_int_equal(FIND(&d, 1, 2), PART_NONE);
    assert_int_equal(FIND(&d, 2), PART_NONE);
    buffer_free(&out);
}

/* ---- BODYSTRUCTURE of one part ---- */

#define LEAF         "(\"A\" \"B\" NIL NIL NIL \"7BIT\" 1)"
#define TEXT_LEAF    "(\"Text\" \"B\" (\"a)\" \"\\\"(\") {2}\r\n)( NIL \"BASE64\" 9 3 NIL)"
#define INSIDE(body) "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 5 (NIL (\")\") NIL) " body " 7 NIL)"

static void test_the_structure_of_a_part_is_cut_out(void **state)
{
    static const char list[] = "(" TEXT_LEAF LEAF INSIDE("(" LEAF LEAF " \"MIXED\" NIL)") "(" LEAF INSIDE(
        "(" LEAF "(" LEAF TEXT_LEAF " \"ALTERNATIVE\") \"MIXED\")") " \"MIXED\") \"MIXED\" (\"b\" \"(\"))";
    struct buffer out = {0};
    struct digest fields = example_digest(), d;
    struct view structure;
    fields.bodystructure = view_of_string(list);
    fields.body_cuts = VIEW_EMPTY;
    assert_true(digest_write(&fields, example, references, &out));
    assert_true(digest_open(buffer_view(&out), &d));
    static const char *const expected[] = {list, TEXT_LEAF, LEAF, NULL, NULL, LEAF, LEAF,     NULL,
                                           LEAF, NULL,      NULL, LEAF, NULL, LEAF, TEXT_LEAF};
    const char *last = d.bodystructure.data;
    for (uint32_t i = 0; i < EXAMPLE_PARTS; i++) {
        assert_true(digest_part_structure(&d, false, i, &structure));
        assert_true(structure.data >= last);
        assert_true(!expected[i] || view_equal_string(structure, expected[i]));
        assert_int_equal(structure_is_text(structure), i == 1 || i == 14);
        last = structure.data;
    }
    assert_true(digest_part_structure(&d, false, 3, &structure));
    assert_true(view_equal_string(structure, INSIDE("(" LEAF LEAF " \"MIXED\" NIL)")));
    buffer_free(&out);
    (void)state;
}

static void test_a_structure_that_does_not_fit_the_parts_is_refused(void **state)
{
    static const char *const lists[] = {"(NIL 1 (\"x\"))", "(" LEAF LEAF ")", LEAF,
                                        "(" LEAF LEAF INSIDE("NIL") LEAF ")", "((((((((((()))))))))))"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct buffer out = {0};
        struct digest fields = example_digest(), d;
        struct view structure;
        fields.bodystructure = view_of_string(lists[i]);
        fields.body_cuts = VIEW_EMPTY;
        assert_true(digest_write(&fields, example, references, &out));
        assert_true(digest_open(buffer_view(&out), &d));
        assert_true(digest_part_structure(&d, false, 0, &structure));
        assert_false(digest_part_structure(&d, false, EXAMPLE_PARTS - 1, &structure));
        buffer_free(&out);
    }
    (void)state;
}

static void test_a_decoded_part_says_binary(void **state)
{
    struct buffer out = {0};
    assert_true(structure_write_decoded(view_of_string(TEXT_LEAF), 77, 5, &out));
    assert_true(
        view_equal_string(buffer_view(&out), "(\"Text\" \"B\" (\"a)\" \"\\\"(\") {2}\r\n)( NIL \"BINARY\" 77 5 NIL)"));
    buffer_clear(&out);
    assert_true(structure_write_decoded(view_of_string(LEAF), 78, 5, &out));
    assert_true(view_equal_string(buffer_view(&out), "(\"A\" \"B\" NIL NIL NIL \"BINARY\" 78)"));
    buffer_clear(&out);
    assert_false(structure_write_decoded(VIEW_LITERAL("(\"A\" \"B\" NIL NIL NIL)"), 78, 5, &out));
    assert_int_equal(buffer_size(&out), 0);
    buffer_free(&out);
    (void)state;
}

static void test_an_opaque_digest_tells_size_lines_and_border(void **state)
{
    struct buffer out = {0}, body = {0};
    struct digest d;
    struct digest_part part;
    digest_write_opaque(VIEW_LITERAL("a: b\r\n\r\none\r\ntwo\r\n"), "E1f\"", &out);
    assert_true(digest_open(buffer_view(&out), &d));
    assert_int_equal(d.flags, DIGEST_OPAQUE);
    assert_int_equal(d.size_octets, 18);
    digest_part_at(&d, 0, &part);
    assert_int_equal(part.body_offset, 8);
    assert_int_equal(part.body_size, 10);
    assert_int_equal(part.lines, 2);
    assert_true(view_equal_string(d.subject, "[message could not be read: E1f?]"));
    digest_write_body(&d, false, &body);
    assert_true(
        view_equal_string(buffer_view(&body), "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"8BIT\" 10 2)"));
    static const char *const odd[] = {"", "\n", "\r\n", "no blank line", "a\nb\n\nc"};
    for (size_t i = 0; i < 5; i++) {
        buffer_clear(&out);
        digest_write_opaque(view_of_string(odd[i]), "", &out);
        assert_true(digest_open(buffer_view(&out), &d));
    }
    buffer_free(&out);
    buffer_free(&body);
}

static void test_match_keys_survive_the_way(void **state)
{
    struct match_key keys[] = {{MATCH_TEXT, VIEW_EMPTY, VIEW_LITERAL("caf\xc3\xa9")},
                               {MATCH_HEADER, VIEW_LITERAL("List-Id"), VIEW_EMPTY}};
    struct match_key read[4];
    struct buffer out = {0};
    size_t count;
    match_keys_write(keys, 2, &out);
    assert_true(match_keys_read(buffer_view(&out), read, 4, &count));
    assert_int_equal(count, 2);
    assert_int_equal(read[1].where, MATCH_HEADER);
    assert_true(view_equal_string(read[1].field, "List-Id"));
    assert_true(view_equal(read[0].needle, keys[0].needle));
    assert_false(match_keys_read(buffer_view(&out), read, 1, &count));
    for (size_t size = 1; size < buffer_size(&out); size++) {
        if (size != 12) /* the border between the two keys */
            assert_false(match_keys_read(view_slice(buffer_view(&out), 0, size), read, 4, &count));
    }
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read_back),
        cmocka_unit_test(test_every_shortened_and_every_changed_digest_is_refused_or_harmless),
        cmocka_unit_test(test_lists_that_could_end_a_response_are_refused),
        cmocka_unit_test(test_texts_must_be_what_they_say),
        cmocka_unit_test(test_a_digest_of_version_1_is_read),
        cmocka_unit_test(test_trees_that_are_none_are_refused),
        cmocka_unit_test(test_section_numbers_find_the_parts_of_the_rfcs_example),
        cmocka_unit_test(test_part_1_is_the_body_at_every_level_of_messages),
        cmocka_unit_test(test_the_structure_of_a_part_is_cut_out),
        cmocka_unit_test(test_a_structure_that_does_not_fit_the_parts_is_refused),
        cmocka_unit_test(test_a_decoded_part_says_binary),
        cmocka_unit_test(test_an_opaque_digest_tells_size_lines_and_border),
        cmocka_unit_test(test_match_keys_survive_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
