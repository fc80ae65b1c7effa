/* tests/unit/message_envelope.c: ENVELOPE, BODYSTRUCTURE and BODY, written by hand from RFC 3501 7.4.2. */
#include "summarize.h"

/* RFC 3501 8's message. */
static void test_the_envelope_of_rfc_3501(void **state)
{
    struct digest d = summarize("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\n"
                                "From: Terry Gray <gray@cac.washington.edu>\n"
                                "Subject: IMAP4rev1 WG mtg summary and minutes\n"
                                "To: imap@cac.washington.edu\n"
                                "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\n"
                                "Message-Id: <B27397-0100000@cac.washington.edu>\n"
                                "MIME-Version: 1.0\n"
                                "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\n\n");
    view_is(d.envelope, "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
                        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                        "((NIL NIL \"imap\" \"cac.washington.edu\")) "
                        "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
                        "NIL NIL \"<B27397-0100000@cac.washington.edu>\")");
    view_is(d.bodystructure, "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL)");
    assert_int_equal(d.flags & DIGEST_HEADER_8BIT, 0);
}

static void test_an_empty_header_is_all_nil(void **state)
{
    view_is(summarize("\nbody\n").envelope, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    view_is(summarize("").envelope, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    /* there, and empty */
    view_is(summarize("Subject:\nTo:\nDate: \n\n").envelope, "(\"\" \"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void test_sender_and_reply_to_of_their_own(void **state)
{
    view_is(summarize("From: a@b\nSender: c@d\nReply-To: e@f\nBcc: g@h\nIn-Reply-To: <1@x>\n <2@x>\n\n").envelope,
            "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"e\" \"f\")) NIL NIL "
            "((NIL NIL \"g\" \"h\")) \"<1@x> <2@x>\" NIL)");
}

static void test_groups_and_odd_addresses_in_an_envelope(void **state)
{
    view_is(summarize("To: Friends: a@b, \"x \\\"y\\\"\" <c@d>;, e@f\n\n").envelope,
            "(NIL NIL NIL NIL NIL ((NIL NIL \"Friends\" NIL)(NIL NIL \"a\" \"b\")(\"x \\\"y\\\"\" NIL \"c\" \"d\")"
            "(NIL NIL NIL NIL)(NIL NIL \"e\" \"f\")) NIL NIL NIL NIL)");
    view_is(summarize("To: undisclosed-recipients:;\n\n").envelope,
            "(NIL NIL NIL NIL NIL ((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)");
    view_is(summarize("From: <@r:a@b>\nTo: ann\n\n").envelope,
            "(NIL NIL ((NIL \"@r\" \"a\" \"b\")) ((NIL \"@r\" \"a\" \"b\")) ((NIL \"@r\" \"a\" \"b\")) "
            "((NIL NIL \"ann\" \"\")) NIL NIL NIL NIL)");
}

static void test_several_fields_of_one_kind_are_one_list(void **state)
{
    view_is(summarize("To: a@b\nTo: c@d\nSubject: one\nSubject: two\n\n").envelope,
            "(NIL \"one\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL NIL NIL NIL)");
}

/* Raw octets above 127 become words for 7-bit clients, and are themselves for the others. */
static void test_8bit_headers_have_two_forms(void **state)
{
    struct digest d = summarize("Subject: Gr\xc3\xbc\xc3\x9f"
                                "e\nFrom: \xc3\x89mile <e@f>\n\n");
    assert_true(d.flags & DIGEST_HEADER_8BIT);
    view_is(d.envelope,
            "(NIL \"=?utf-8?b?R3LDvMOfZQ==?=\" ((\"=?utf-8?b?w4ltaWxl?=\" NIL \"e\" \"f\")) "
            "((\"=?utf-8?b?w4ltaWxl?=\" NIL \"e\" \"f\")) ((\"=?utf-8?b?w4ltaWxl?=\" NIL \"e\" \"f\")) NIL NIL NIL NIL "
            "NIL)");
    view_is(d.envelope_utf8, "(NIL \"Gr\xc3\xbc\xc3\x9f"
                             "e\" ((\"\xc3\x89mile\" NIL \"e\" \"f\")) ((\"\xc3\x89mile\" NIL \"e\" \"f\")) "
                             "((\"\xc3\x89mile\" NIL \"e\" \"f\")) NIL NIL NIL NIL NIL)");
    /* encoded words are left to the client */
    d = summarize("Subject: =?utf-8?q?a?=\n\n");
    assert_int_equal(d.flags & DIGEST_HEADER_8BIT, 0);
    view_is(d.envelope, "(NIL \"=?utf-8?q?a?=\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void test_the_structure_of_a_leaf(void **state)
{
    view_is(summarize("Content-Type: application/pdf; name=\"a b.pdf\"\nContent-ID: <1@x>\n"
                      "Content-Description: a paper\nContent-Transfer-Encoding: base64\nContent-MD5: Q2h1\n"
                      "Content-Disposition: attachment; filename=\"a b.pdf\"; size=3\nContent-Language: de, en\n"
                      "Content-Location: http://x/\n\nQUJD\n")
                .bodystructure,
            "(\"application\" \"pdf\" (\"name\" \"a b.pdf\") \"<1@x>\" \"a paper\" \"base64\" 6 \"Q2h1\" "
            "(\"attachment\" (\"filename\" \"a b.pdf\" \"size\" \"3\")) (\"de\" \"en\") \"http://x/\")");
    view_is(summarize("Content-Type: text/html\nContent-Language: de\n\n<p>\nx\n").bodystructure,
            "(\"text\" \"html\" NIL NIL NIL \"7BIT\" 8 2 NIL NIL \"de\" NIL)");
    view_is(summarize("Content-Type: \n\nx").bodystructure,
            "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1 0 NIL NIL NIL NIL)");
}

static void body_is(const struct digest *d, const char *expected)
{
    struct buffer body = {0};
    digest_write_body(d, false, &body);
    view_is(buffer_view(&body), expected);
    buffer_free(&body);
}

static void test_a_multipart_and_its_short_form(void **state)
{
    struct digest d = summarize("Content-Type: multipart/mixed; boundary=x\nContent-Disposition: inline\n\n--x\n\n"
                                "one\n--x\nContent-Type: multipart/alternative; boundary=y\n\n--y\n\n2\n--y\n"
                                "Content-Type: text/html\n\n<b>\n\n--y--\n--x--\n");
    view_is(d.bodystructure, "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3 0 NIL NIL NIL NIL)"
                             "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1 0 NIL NIL NIL NIL)"
                             "(\"text\" \"html\" NIL NIL NIL \"7BIT\" 5 1 NIL NIL NIL NIL)"
                             " \"alternative\" (\"boundary\" \"y\") NIL NIL NIL)"
                             " \"mixed\" (\"boundary\" \"x\") (\"inline\" NIL) NIL NIL)");
    body_is(&d, "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3 0)"
                "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1 0)"
                "(\"text\" \"html\" NIL NIL NIL \"7BIT\" 5 1) \"alternative\") \"mixed\")");
}

static void test_a_message_inside_has_an_envelope(void **state)
{
    struct digest d = summarize("Content-Type: message/rfc822\n\nSubject: in\nFrom: a@b\n\nhello\n");
    view_is(d.bodystructure,
            "(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 33 "
            "(NIL \"in\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) "
            "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 7 1 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)");
    d = summarize("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: x\n\n1\n--d--\n");
    body_is(&d, "((\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 15 (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) "
                "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1 0) 2) \"digest\")");
}

static void test_file_names_in_any_charset(void **state)
{
    struct digest d = summarize("Content-Type: a/b; name*0*=iso-8859-1''Gr%FC; name*1*=%DFe\n\nx");
    view_is(d.bodystructure, "(\"a\" \"b\" (\"name*\" \"utf-8''Gr%C3%BC%C3%9Fe\") NIL NIL \"7BIT\" 1 NIL NIL NIL NIL)");
    view_is(d.bodystructure_utf8, "(\"a\" \"b\" (\"name\" \"Gr\xc3\xbc\xc3\x9f"
                                  "e\") NIL NIL \"7BIT\" 1 NIL NIL NIL NIL)");
}

static void test_what_is_forced_to_be_a_leaf_says_so(void **state)
{
    view_is(summarize("Content-Type: multipart/mixed\n\n--x\n").bodystructure,
            "(\"APPLICATION\" \"OCTET-STREAM\" NIL NIL NIL \"7BIT\" 5 NIL NIL NIL NIL)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_envelope_of_rfc_3501),
        cmocka_unit_test(test_an_empty_header_is_all_nil),
        cmocka_unit_test(test_sender_and_reply_to_of_their_own),
        cmocka_unit_test(test_groups_and_odd_addresses_in_an_envelope),
        cmocka_unit_test(test_several_fields_of_one_kind_are_one_list),
        cmocka_unit_test(test_8bit_headers_have_two_forms),
        cmocka_unit_test(test_the_structure_of_a_leaf),
        cmocka_unit_test(test_a_multipart_and_its_short_form),
        cmocka_unit_test(test_a_message_inside_has_an_envelope),
        cmocka_unit_test(test_file_names_in_any_charset),
        cmocka_unit_test(test_what_is_forced_to_be_a_leaf_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, summarize_end);
}
