"""CATENATE (RFC 4469) and URL-PARTIAL (RFC 5550 6.1): messages made of what is there already."""

import re

import pytest
from conftest import message
from raw import imap
from test_imap import append

BODY = "--b\r\nContent-Type: text/plain\r\n\r\npart one\r\n--b\r\nContent-Type: text/plain\r\n\r\npart two\r\n--b--\r\n"
MIXED = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"


def text(octets):
    return b"TEXT {%d+}\r\n%s" % (len(octets), octets)


def catenate(client, parts, tag=b"c", mailbox=b"INBOX"):
    client.send(tag + b" APPEND " + mailbox + b" (\\Seen) CATENATE (" + parts + b")\r\n")
    return client.until(tag)[0]


def last(client):
    client.ok("SELECT INBOX")
    whole = b"".join(client.ok("FETCH * BODY.PEEK[]"))
    literal = re.search(rb"\{(\d+)\}\r\n", whole)
    return whole[literal.end():literal.end() + int(literal.group(1))]


@pytest.fixture
def source(account):
    client = imap(account)
    octets = message("source", BODY, MIXED)
    uidvalidity = append(client, octets).group(1)
    return client, octets, uidvalidity


def test_parts_are_put_together_as_rfc_4469_shows(source):
    client, octets, uidvalidity = source
    assert b"CATENATE" in b" ".join(client.ok("CAPABILITY")).split()
    head = b"Subject: new\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
    status = catenate(client, b" ".join([
        text(head), b'URL "/INBOX;UIDVALIDITY=%s/;UID=1/;SECTION=1.MIME"' % uidvalidity, b'URL "/INBOX;UIDVALIDITY=%s/;UID=1;section=1"' % uidvalidity,
        text(b"\r\n--x\r\n"), b"URL /INBOX/;UID=1/;SECTION=2.MIME", b"URL {30+}\r\n/INBOX/;UID=1/;SECTION=2" + b" " * 6]).replace(b"{30+}", b"{24+}").replace(b" " * 6, b"") + b" " + text(b"\r\n--x--\r\n"))
    assert re.match(rb"c OK \[APPENDUID \d+ 2\]", status), status
    assert last(client) == head + b"Content-Type: text/plain\r\n\r\npart one\r\n--x\r\nContent-Type: text/plain\r\n\r\npart two\r\n--x--\r\n"
    assert b"\\Seen" not in client.ok("FETCH 1 FLAGS")[0] and b"\\Seen" in client.ok("FETCH 2 FLAGS")[0]


def test_every_kind_of_section_can_be_named(source):
    client, octets, _ = source
    head, body = octets.split(b"\r\n\r\n", 1)
    for section, wanted in [(b"", octets), (b"/;SECTION=HEADER", head + b"\r\n\r\n"), (b"/;SECTION=TEXT", body),
                            (b"/;SECTION=HEADER.FIELDS%20(SUBJECT)", b"Subject: source\r\n\r\n")]:
        assert catenate(client, b'URL "/INBOX/;UID=1%s"' % section).startswith(b"c OK"), section
        assert last(client) == wanted


def test_the_selected_mailbox_is_where_a_url_without_one_looks(source):
    client, octets, _ = source
    assert catenate(client, b'URL "/;UID=1"').startswith(b"c NO [BADURL /;UID=1]")
    client.ok("SELECT INBOX")
    assert catenate(client, b'URL "/;UID=1"').startswith(b"c OK")
    assert catenate(client, b"URL ;UID=1").startswith(b"c OK")
    assert last(client) == octets


@pytest.mark.parametrize("url", [b"/INBOX;UIDVALIDITY=1/;UID=1", b"/INBOX/;UID=99", b"/INBOX/;UID=1/;SECTION=7", b"/nowhere/;UID=1", b"/INBOX", b"http://example.org/",
                                 b"imap://user@host/INBOX/;UID=1", b"/INBOX/;UID=0", b"/INBOX/;UID=1/;SECTION=", b"/INBOX/;UID=1/;SECTION=1.", b"/IN%ZZ/;UID=1", b"/INBOX/;UID=1/;PARTIAL=x",
                                 b"/%00/;UID=1"])
def test_a_url_of_nothing_is_named_in_badurl_and_nothing_is_appended(source, url):
    client, _, _ = source
    status = catenate(client, text(b"Subject: x\r\n\r\n") + b' URL "' + url + b'" ' + text(b"more"))
    assert status.startswith(b"c NO [BADURL " + url + b"]"), status
    assert b"MESSAGES 1)" in client.ok("STATUS INBOX (MESSAGES)")[0]


def test_a_bad_url_is_told_instead_of_asking_for_the_next_literal(source):
    client, _, _ = source
    client.send(b'c APPEND INBOX CATENATE (URL "/INBOX/;UID=99" TEXT {5}\r\n')
    assert client.line().startswith(b"c NO [BADURL")


@pytest.mark.parametrize("parts", [b"", b"TEXT x", b"BLOB {1+}\r\nx", b"URL", b'URL "/INBOX/;UID=1"URL', b"TEXT {1+}\r\nx {1+}\r\ny"])
def test_a_malformed_list_is_bad_and_nothing_is_appended(source, parts):
    client, _, _ = source
    assert catenate(client, parts).startswith(b"c BAD")
    assert b"MESSAGES 1)" in client.ok("STATUS INBOX (MESSAGES)")[0]


def test_many_messages_may_each_be_catenated(source):
    client, octets, _ = source
    client.send(b'c APPEND INBOX CATENATE (URL "/INBOX/;UID=1") (\\Flagged) CATENATE (%s URL "/INBOX/;UID=1/;SECTION=1") {4+}\r\nabcd\r\n' % text(b"Subject: two\r\n\r\n"))
    status, _ = client.until(b"c")
    assert re.match(rb"c OK \[APPENDUID \d+ 2:4\]", status), status
    assert last(client) == b"abcd"
    whole = b"".join(client.ok("FETCH 3 (FLAGS BODY.PEEK[])"))
    assert b"Subject: two\r\n\r\npart one" in whole and b"\\Flagged" in whole


def test_a_large_message_is_catenated_in_stretches(source):
    client, _, _ = source
    large = b"Subject: large\r\n\r\n" + (b"%076d\r\n" % 7) * 20000
    append(client, large)
    assert catenate(client, b'URL "/INBOX/;UID=2" URL "/INBOX/;UID=2/;SECTION=TEXT"').startswith(b"c OK")
    assert last(client) == large + large.split(b"\r\n\r\n", 1)[1]


def test_url_partial_takes_a_stretch_of_a_section(source):
    client, octets, _ = source
    assert b"URL-PARTIAL" in b" ".join(client.ok("CAPABILITY")).split()
    for partial, wanted in [(b";PARTIAL=5.10", octets[5:15]), (b"/;PARTIAL=20", octets[20:]), (b"/;SECTION=1/;PARTIAL=5.100", b"one"), (b"/;SECTION=1;PARTIAL=0.4", b"part")]:
        assert catenate(client, b'URL "/INBOX/;UID=1%s"' % partial).startswith(b"c OK"), partial
        assert last(client) == wanted


def test_more_than_a_message_may_have_is_too_big(source):
    client, _, _ = source
    append(client, b"Subject: l\r\n\r\n" + (b"%076d\r\n" % 7) * 100000)
    urls = b" ".join([b'URL "/INBOX/;UID=2"'] * 25)
    assert catenate(client, urls).startswith(b"c NO [TOOBIG]")
