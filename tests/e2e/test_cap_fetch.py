"""FETCH of sections: any part at any depth, any stretch of it, and what another session expunged (RFC 3501 6.4.5)."""

import re

import pytest
from conftest import message
from raw import imap
from test_imap import append


def section(client, text, number=1):
    whole = b"".join(client.ok("FETCH %d BODY.PEEK[%s]" % (number, text) if "<" not in text else "FETCH %d BODY.PEEK[%s" % (number, text.replace("<", "]<", 1))))
    literal = re.search(rb"\{(\d+)\}\r\n", whole)
    return whole[literal.end():literal.end() + int(literal.group(1))] if literal else (b"" if b'""' in whole else None)


def nested(depth):
    """A message in a message in a message; the innermost is a multipart of two."""
    octets = (b"Subject: level %d\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n"
              b"--inner\r\nContent-Type: text/plain\r\nX-Part: one\r\n\r\nfirst\r\n--inner\r\nContent-Type: text/html\r\n\r\n<b>second</b>\r\n--inner--\r\n" % depth)
    for level in range(depth - 1, -1, -1):
        octets = b"Subject: level %d\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" % level + octets
    return octets


@pytest.mark.parametrize("depth", [1, 2, 5, 40])
def test_messages_in_messages_are_reached_at_any_depth(account, depth):
    client = imap(account)
    octets = nested(depth)
    append(client, octets)
    client.ok("SELECT INBOX")
    inside = octets
    for level in range(1, depth + 1):
        inside = inside.split(b"\r\n\r\n", 1)[1]
        path = ".".join(["1"] * level)
        assert section(client, path) == inside, level
        assert section(client, path + ".HEADER") == inside.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"
        assert section(client, path + ".TEXT") == inside.split(b"\r\n\r\n", 1)[1]
        assert section(client, path + ".HEADER.FIELDS (SUBJECT)") == b"Subject: level %d\r\n\r\n" % level
    assert section(client, path + ".1") == b"first"
    assert section(client, path + ".2") == b"<b>second</b>"
    assert section(client, path + ".1.MIME") == b"Content-Type: text/plain\r\nX-Part: one\r\n\r\n"
    assert section(client, path + ".3") is None


def test_a_partial_at_every_offset_is_that_stretch(account):
    client = imap(account)
    octets = message("s", "0123456789\r\nabcdefghij\r\n")
    append(client, octets)
    client.ok("SELECT INBOX")
    text = octets.split(b"\r\n\r\n", 1)[1]
    for start in range(len(text) + 2):
        for count in (1, 3, len(text), 4294967295):
            assert section(client, "TEXT<%d.%d>" % (start, count)) == text[start:start + count], (start, count)
    assert section(client, "<4294967295.1>") == b""
    for bad in ("<0.0>", "<-1.2>", "<1>", "<1.>", "<.1>", "<4294967296.1>"):
        assert client.do("FETCH 1 BODY.PEEK[]" + bad)[0].split()[1] == b"BAD", bad


def test_a_partial_crosses_the_frames_of_a_large_message(account):
    client = imap(account)
    octets = b"Subject: l\r\n\r\n" + b"".join(b"%070d\r\n" % n for n in range(15000))
    append(client, octets)
    client.ok("SELECT INBOX")
    for start in (0, 262143, 262144, 524280, len(octets) - 5):
        assert section(client, "<%d.100000>" % start) == octets[start:start + 100000]


def test_chosen_header_fields_come_in_the_order_and_form_of_the_message(account):
    client = imap(account)
    append(client, b"To: a@example.org\r\nX-Long: one\r\n two\r\nSubject: s\r\nTO: b@example.org\r\n\r\nbody\r\n")
    client.ok("SELECT INBOX")
    assert section(client, "HEADER.FIELDS (to x-long)") == b"To: a@example.org\r\nX-Long: one\r\n two\r\nTO: b@example.org\r\n\r\n"
    assert section(client, "HEADER.FIELDS.NOT (to x-long)") == b"Subject: s\r\n\r\n"
    assert section(client, "HEADER.FIELDS.NOT (X-None)<4.5>") == b"a@exa"
    assert section(client, "HEADER.FIELDS (X-None)") == b"\r\n"


def test_what_another_session_expunged_can_still_be_fetched(account):
    client, other = imap(account), imap(account)
    for n in range(3):
        append(client, message("n%d" % n, "body %d\r\n" % n))
    client.ok("SELECT INBOX")
    other.ok("SELECT INBOX")
    other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    assert section(client, "TEXT", 2) == b"body 1\r\n"
    assert len(client.ok("FETCH 1:3 (ENVELOPE)")) >= 3
    assert b"* 2 EXPUNGE\r\n" in client.ok("NOOP")
    assert section(client, "TEXT", 2) == b"body 2\r\n"


LISTED = ["FROM", "TO", "CC", "SUBJECT", "DATE", "MESSAGE-ID", "REFERENCES", "CONTENT-TYPE", "X-PRIORITY"]  # what a digest keeps
FIELDS = (b"From: a <a@example.org>\r\nReceived: from x\r\n by y\r\nSubject: one\r\n two\r\nTO: b@example.org\r\nSubject: again\r\n"
          b"X-Other: \xff8-bit\r\nDate : Tue, 24 Nov 2026 10:00:00 +0000\r\nno field\r\n")


def fields_of(header, names):
    """RFC 3501 6.4.5, done slowly: whole fields with their continuations, in the header's order, and a blank line."""
    fields = re.findall(rb"([^ \t\r\n:]+)([ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*)", header)
    return b"".join(name + rest for name, rest in fields if name.upper().decode() in names) + b"\r\n"


@pytest.mark.parametrize("more", [b"", b"X-Priority: 1\r\n", b"To: %s\r\n" % (b"x@example.org, " * 400)])
def test_header_fields_are_the_same_from_the_digest_and_from_the_message(account, more):
    client = imap(account)
    header = FIELDS + more
    append(client, header + b"\r\nSubject: not this one\r\n")
    client.ok("SELECT INBOX")
    for names in (["SUBJECT"], ["FROM", "TO"], LISTED, LISTED + ["RECEIVED"], ["X-OTHER"], ["CC"], ["SUBJECT", "SUBJECT"]):
        expected = fields_of(header, names)
        assert section(client, "HEADER.FIELDS (%s)" % " ".join(names)) == expected, names
        assert section(client, "HEADER.FIELDS (%s)" % " ".join(names).lower()) == expected, names
        assert section(client, "HEADER.FIELDS (%s)<3.9>" % " ".join(names)) == expected[3:12], names


def test_a_nul_in_a_header_field_is_shown_as_everywhere(account):
    client = imap(account)
    octets = b"Subject: a\0b\r\nX-Own: c\0d\r\n\r\nbody\r\n"
    client.send(b"a APPEND INBOX ~{%d+}\r\n" % len(octets) + octets + b"\r\n")
    assert client.line().startswith(b"a OK")
    client.ok("SELECT INBOX")
    assert section(client, "HEADER.FIELDS (SUBJECT)") == b"Subject: a\x80b\r\n\r\n"
    assert section(client, "HEADER.FIELDS (X-OWN)") == b"X-Own: c\x80d\r\n\r\n"
