/* tests/unit/message_summary.c: what a digest says besides ENVELOPE and BODYSTRUCTURE; texts looked for in a message.
 */
#include "base/limits.h"
#include "message/matcher.h"
#include "summarize.h"
#include <xxhash.h>

static uint64_t hash(const char *id)
{
    return XXH3_64bits(id, strlen(id));
}

static void test_texts_to_search_are_decoded_and_folded(void **state)
{
    struct digest d = summarize("From: =?utf-8?q?J=C3=B6rg?= <Joerg@Example.com>\nTo: a@b, Friends: c@d;\nCc: e@f\n"
                                "Bcc: g@h\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\n and more\n\n");
    view_is(d.search_from, "JO\xcc\x88RG <JOERG@EXAMPLE.COM>");
    view_is(d.search_to, "<A@B>, FRIENDS, <C@D>");
    view_is(d.search_cc, "<E@F>");
    view_is(d.search_bcc, "<G@H>");
    view_is(d.search_subject, "GRU\xcc\x88\xc3\x9f"
                              "E AND MORE");
    view_is(d.subject, "Gr\xc3\xbc\xc3\x9f"
                       "e and more");
}

/* RFC 5256 3 and RFC 5957 3. */
static void test_keys_of_sort(void **state)
{
    struct digest d = summarize("From: \"Ann Other\" <ann@example.com>, x@y\nTo: Friends: c@d;\nCc: e@f\n"
                                "Subject: Re: [list] Hello (fwd)\n\n");
    view_is(d.sort_from, "ANN");
    view_is(d.sort_display_from, "ANN OTHER");
    view_is(d.sort_cc, "E");
    view_is(d.sort_subject, "HELLO");
    assert_true(d.subject_is_reply);
    d = summarize("From: ann@example.com\nSubject: Hello\n\n");
    view_is(d.sort_display_from, "ANN@EXAMPLE.COM");
    assert_false(d.subject_is_reply);
}

static void test_ids_and_references(void **state)
{
    struct digest d = summarize("Message-ID: (x) <a@b> y\nIn-Reply-To: your message <1@x>\n"
                                "References: <2@x>\n <3@x>junk<4@x>\n\n");
    view_is(d.message_id, "a@b");
    assert_int_equal(d.message_id_hash, hash("a@b"));
    assert_int_equal(d.reference_count, 4);
    assert_int_equal(d.reply_count, 1);
    static const char *const ids[] = {"1@x", "2@x", "3@x", "4@x"};
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(digest_reference_at(&d, i), hash(ids[i]));
    d = summarize("Message-ID: no brackets\n\n");
    assert_int_equal(d.message_id.size, 0);
    assert_int_equal(d.message_id_hash, 0);
}

/* RFC 5256 3: the example. */
static void test_a_quoted_id_is_the_same_id(void **state)
{
    struct digest d = summarize("Message-ID: <\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>\n"
                                "In-Reply-To: <01KF8JCEOCBS0045PS@xxx.yyy.com> <\"a\\\"b\\\\\"@c>\n\n");
    assert_int_equal(d.message_id_hash, hash("01KF8JCEOCBS0045PS@xxx.yyy.com"));
    assert_int_equal(digest_reference_at(&d, 0), d.message_id_hash);
    assert_int_equal(digest_reference_at(&d, 1), hash("a\"b\\@c"));
    assert_int_equal(d.reply_count, 2);
}

static void test_of_too_many_references_the_first_go(void **state)
{
    struct buffer text = {0};
    buffer_append_string(&text, "In-Reply-To: <r1@x> <r2@x>\nReferences:");
    for (unsigned i = 0; i < LIMIT_REFERENCES - 1; i++)
        buffer_printf(&text, " <%u@x>", i);
    buffer_append_string(&text, "\n\n");
    struct digest d = summarize_octets(buffer_view(&text));
    assert_int_equal(d.reference_count, LIMIT_REFERENCES);
    assert_int_equal(d.reply_count, 1);
    assert_int_equal(digest_reference_at(&d, 0), hash("r2@x"));
    buffer_free(&text);
}

/* Long ids are folded by some programs: with or without the fold it is the same id. */
static void test_an_id_with_a_fold_inside_is_one_id(void **state)
{
    struct digest d = summarize("Message-ID: <one\n\ttwo@x>\nReferences: <one\n two@x> <\x01>\n\n");
    view_is(d.message_id, "onetwo@x");
    assert_int_equal(d.reference_count, 1);
    assert_int_equal(digest_reference_at(&d, 0), d.message_id_hash);
}

static void test_ids_of_any_length_and_number(void **state)
{
    struct buffer text = {0};
    for (unsigned size = 990; size < 1030; size++) {
        buffer_clear(&text);
        buffer_append_string(&text, "Message-ID: <");
        for (unsigned i = 0; i < size; i++)
            buffer_append_char(&text, 'x');
        buffer_append_string(&text, ">\n\n");
        struct digest d = summarize_octets(buffer_view(&text));
        assert_int_equal(d.message_id.size, size < 998 ? size : 998);
    }
    buffer_clear(&text);
    buffer_append_string(&text, "In-Reply-To: <r@x>\nReferences:");
    for (unsigned i = 0; i < LIMIT_REFERENCES + 10; i++)
        buffer_printf(&text, " <%u@x>", i);
    buffer_append_string(&text, "\n\n");
    struct digest d = summarize_octets(buffer_view(&text));
    assert_int_equal(d.reference_count, LIMIT_REFERENCES);
    assert_int_equal(digest_reference_at(&d, LIMIT_REFERENCES - 1), hash("73@x")); /* the nearest stay */
    assert_int_equal(digest_reference_at(&d, 0), hash("10@x"));
    buffer_free(&text);
}

static void test_flags(void **state)
{
    assert_int_equal(summarize("Date: Tue, 24 Nov 2026 02:40:40 +0100\n\nx\n").flags, DIGEST_HAS_DATE);
    struct digest d = summarize("Date: Tue, 24 Nov 2026 02:40:40 +0100\n\nx\n");
    assert_int_equal(d.sent_utc_s, 1795484440);
    assert_int_equal(d.sent_zone_minutes, 60);
    assert_int_equal(summarize("Date: yesterday\n\nx\n").flags, 0);
    assert_int_equal(summarize("\nno end").flags, DIGEST_ENDS_OPEN);
    assert_int_equal(summarize_octets(VIEW_LITERAL("\r\nbare\n")).flags, DIGEST_ENDS_OPEN);
    assert_int_equal(summarize_octets(VIEW_LITERAL("\r\na\0b\r\n")).flags, DIGEST_HAS_NUL);
    assert_int_equal(summarize_octets(VIEW_EMPTY).flags, 0);
    assert_int_equal(summarize("\na\nb\n").lines, 2);
}

static bool has_attachment(const char *lf)
{
    return summarize(lf).flags & DIGEST_HAS_ATTACHMENT;
}

static void test_attachments(void **state)
{
    assert_false(has_attachment("\ntext\n"));
    assert_false(has_attachment("Content-Type: text/html\n\nx\n"));
    assert_true(has_attachment("Content-Type: application/pdf\n\nx\n"));
    assert_true(has_attachment("Content-Type: text/plain\nContent-Disposition: attachment\n\nx\n"));
    assert_false(has_attachment("Content-Type: image/png\nContent-ID: <1@x>\n\nx\n"));
    assert_false(has_attachment("Content-Type: image/png\nContent-Disposition: inline\n\nx\n"));
    assert_true(has_attachment("Content-Type: message/rfc822\n\nSubject: x\n\n\n"));
}

/* BINARY.SIZE (RFC 9051 6.4.5.1). */
static void test_decoded_sizes(void **state)
{
    static const struct {
        const char *message;
        uint64_t size;
    } rows[] = {{"Content-Transfer-Encoding: base64\n\nQUJD\nREVG\n", 6},
                {"Content-Transfer-Encoding: quoted-printable\n\na=3Db=\nc\n", 6},
                {"Content-Transfer-Encoding: 8bit\n\nabc\n", 5},
                {"Content-Transfer-Encoding: x-uuencode\n\nabc\n", 5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct digest d = summarize(rows[i].message);
        struct digest_part part;
        digest_part_at(&d, 0, &part);
        assert_int_equal(part.decoded_size, rows[i].size);
    }
}

/* ---- the limits of the whole: what is too much is left out, and the digest is good ---- */

static void test_too_much_of_everything_is_still_a_digest(void **state)
{
    static const char *const pieces[] = {"To: a@b\r\n", "To: G: a@b;\r\n", "Subject: =?utf-8?q?=C3=A9?=\r\n", "x\r\n",
                                         "References: <a@b>\r\n"};
    struct buffer text = {0};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        buffer_clear(&text);
        while (buffer_size(&text) < 1 << 20)
            buffer_append_string(&text, pieces[i]);
        buffer_append_string(&text, "\r\nbody\r\n");
        assert_int_equal(summarize_octets(buffer_view(&text)).size_octets, buffer_size(&text));
    }
    buffer_clear(&text);
    for (int i = 0; i < 3 * LIMIT_MIME_DEPTH; i++)
        buffer_printf(&text, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
    assert_true(summarize_octets(buffer_view(&text)).flags & DIGEST_CUT);
    buffer_clear(&text);
    buffer_append_string(&text, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (int i = 0; i < 2 * LIMIT_MIME_PARTS; i++)
        buffer_append_string(&text, "--b\r\n\r\nx\r\n");
    struct digest d = summarize_octets(buffer_view(&text));
    assert_true(d.flags & DIGEST_CUT);
    assert_int_equal(d.part_count, LIMIT_MIME_PARTS);
    buffer_free(&text);
}

/* ---- texts looked for ---- */

static bool matches(const char *lf, uint8_t where, const char *field, const char *needle)
{
    struct match_key key = {where, view_of_string(field), view_of_string(needle)};
    struct buffer bits = {0};
    bool found[2];
    for (int form = 0; form < 2; form++) {
        line_ends_to(lf, form ? "\r\n" : "\n");
        buffer_clear(&bits);
        matcher_run(buffer_view(&message), &key, 1, &bits);
        assert_int_equal(buffer_size(&bits), 1);
        found[form] = buffer_view(&bits).data[0];
    }
    assert_int_equal(found[0], found[1]);
    buffer_free(&bits);
    return found[0];
}

static const char letter[] =
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nX-Note: folded\n value\nX-Empty:\n"
    "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n"
    "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n"
    "Content-Description: inner\n\nK=F6ln am =\nRhein\n--b\nContent-Type: application/x\n\n"
    "attached\n--b\nContent-Type: message/rfc822\n\nSubject: enclosed\n\ndeep\n--b--\n";

static void test_text_body_and_header(void **state)
{
    assert_true(matches(letter, MATCH_BODY, "", "k\xc3\xb6ln am rhein"));
    assert_true(matches(letter, MATCH_TEXT, "", "K\xc3\x96LN"));
    assert_true(matches(letter, MATCH_TEXT, "",
                        "gr\xc3\xbc\xc3\x9f"
                        "e"));
    assert_false(matches(letter, MATCH_BODY, "",
                         "gr\xc3\xbc\xc3\x9f"
                         "e"));
    assert_true(matches(letter, MATCH_TEXT, "", "deep"));
    assert_true(matches(letter, MATCH_BODY, "", "enclosed"));  /* a message inside is body */
    assert_false(matches(letter, MATCH_TEXT, "", "attached")); /* no text */
    assert_false(matches(letter, MATCH_TEXT, "", "nowhere"));
    assert_true(matches(letter, MATCH_TEXT, "", ""));
    assert_true(matches(letter, MATCH_HEADER, "x-note", "FOLDED VALUE"));
    assert_false(matches(letter, MATCH_HEADER, "x-not", "folded"));
    assert_false(matches(letter, MATCH_HEADER, "x-note", "value folded"));
    assert_true(matches(letter, MATCH_HEADER, "x-empty", ""));
    assert_false(matches(letter, MATCH_HEADER, "x-missing", ""));
    assert_false(matches(letter, MATCH_HEADER, "content-description", "inner")); /* of a part, not of the message */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_to_search_are_decoded_and_folded),
        cmocka_unit_test(test_keys_of_sort),
        cmocka_unit_test(test_ids_and_references),
        cmocka_unit_test(test_a_quoted_id_is_the_same_id),
        cmocka_unit_test(test_of_too_many_references_the_first_go),
        cmocka_unit_test(test_an_id_with_a_fold_inside_is_one_id),
        cmocka_unit_test(test_ids_of_any_length_and_number),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_attachments),
        cmocka_unit_test(test_decoded_sizes),
        cmocka_unit_test(test_too_much_of_everything_is_still_a_digest),
        cmocka_unit_test(test_text_body_and_header),
    };
    return cmocka_run_group_tests(tests, NULL, summarize_end);
}
