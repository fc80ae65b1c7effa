"""UTF8=ACCEPT (RFC 6855): names, quoted strings and headers in UTF-8 for clients that enable it."""

import re

import pytest
from conftest import message
from raw import imap
from test_imap import append

NAME = "Grüße".encode()
RAW = ("From: Jøran Øygårdvær <jøran@blåbærsyltetøy.example>\r\nTo: you@example.org\r\nSubject: Grüße\r\n"
       "MIME-Version: 1.0\r\nContent-Type: text/plain; name=\"blåbær.txt\"\r\n\r\nå\r\n").encode()


def enabled(account, select=None):
    client = imap(account)
    assert b"UTF8=ACCEPT" in b" ".join(client.ok("CAPABILITY")).split()
    assert client.ok("ENABLE UTF8=ACCEPT") == [b"* ENABLED UTF8=ACCEPT\r\n"]
    if select:
        client.ok("SELECT " + select)
    return client


def append_utf8(client, octets, mailbox=b"INBOX", before=b"", literal=b"~{%d+}"):
    client.count += 1
    tag = b"t%d" % client.count
    client.send(tag + b" APPEND " + mailbox + b" " + before + b"UTF8 (" + literal % len(octets) + b"\r\n" + octets + b")\r\n")
    return client.until(tag)[0]


def body(client, number):
    whole = b"".join(client.ok("FETCH %s BODY.PEEK[]" % number))
    literal = re.search(rb"\{(\d+)\}\r\n", whole)
    return whole[literal.end():literal.end() + int(literal.group(1))]


def test_names_are_utf_8_for_those_who_enable_it(account):
    client, old = enabled(account), imap(account)
    client.ok(b'CREATE "' + NAME + b'"')
    client.ok(b'SUBSCRIBE "' + NAME + b'"')
    assert client.ok('LIST "" "G%"') == [b'* LIST (\\HasNoChildren) "/" "' + NAME + b'"\r\n']
    assert client.ok('LSUB "" "G%"') == [b'* LSUB () "/" "' + NAME + b'"\r\n']
    assert old.ok('LIST "" "G%"') == [b'* LIST (\\HasNoChildren) "/" Gr&APwA3w-e\r\n']
    # IMAP4rev1 otherwise: RECENT is told, SEARCH answers SEARCH.
    assert b"* 0 RECENT\r\n" in client.ok(b'SELECT "' + NAME + b'"')
    assert client.ok("SEARCH ALL") == [b"* SEARCH\r\n"]


@pytest.mark.parametrize("bad", [b"\xff", b"a\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"])
def test_a_quoted_string_that_is_no_utf_8_is_bad(account, bad):
    client = enabled(account, "INBOX")
    assert client.do(b'CREATE "' + bad + b'"')[0].split()[1] == b"BAD"
    assert client.do(b'SEARCH SUBJECT "' + bad + b'"')[0].split()[1] == b"BAD"
    assert b" NO [CANNOT]" in client.do(b"CREATE {%d+}\r\n%s" % (len(bad), bad))[0]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\u007f"])
def test_names_hold_no_controls_and_no_separators(account, character):
    client = enabled(account)
    assert b" NO [CANNOT]" in client.do(b'CREATE "a' + character.encode() + b'b"')[0]


def test_search_takes_utf_8_in_quotes_and_no_charset(account):
    client = enabled(account, "INBOX")
    append_utf8(client, RAW)
    append(client, message("other"))
    client.ok("NOOP")
    assert client.ok('SEARCH SUBJECT "Grüße"') == [b"* SEARCH 1\r\n"]
    assert client.do('SEARCH CHARSET UTF-8 SUBJECT "x"')[0].split()[1] == b"BAD"
    old = imap(account, "INBOX")
    assert old.ok(b"SEARCH CHARSET UTF-8 SUBJECT {7+}\r\n" + "Grüße".encode()) == [b"* SEARCH 1\r\n"]


def test_append_takes_a_message_with_utf_8_headers(account):
    client = enabled(account, "INBOX")
    assert re.match(rb"t\d+ OK \[APPENDUID \d+ 1\]", append_utf8(client, RAW))
    assert re.match(rb"t\d+ OK \[APPENDUID \d+ 2\]", append_utf8(client, RAW, before=b'(\\Seen) "01-Feb-2020 03:04:05 +0130" '))
    client.ok("NOOP")
    assert body(client, 1) == RAW and body(client, 2) == RAW
    assert b"\\Seen" in client.ok("FETCH 2 FLAGS")[0]
    # One that waits for "+", and one among others (RFC 3502) and within CATENATE (RFC 4469).
    client.send(b"w APPEND INBOX UTF8 (~{%d}\r\n" % len(RAW))
    assert client.line().startswith(b"+")
    client.send(RAW + b")\r\n")
    assert b" OK " in client.until(b"w")[0]
    client.send(b"m APPEND INBOX {2+}\r\nx\n UTF8 (~{%d+}\r\n%s) {2+}\r\ny\n\r\n" % (len(RAW), RAW))
    assert re.search(rb"APPENDUID \d+ 4:6\]", client.until(b"m")[0])
    client.send(b"k APPEND INBOX CATENATE (TEXT {6+}\r\nA: b\r\n UTF8 (~{%d+}\r\n%s) TEXT {3+}\r\n!\r\n)\r\n" % (len(RAW), RAW))
    assert re.search(rb"APPENDUID \d+ 7\]", client.until(b"k")[0])
    client.ok("NOOP")
    assert body(client, 5) == RAW and body(client, 7) == b"A: b\r\n" + RAW + b"!\r\n"


@pytest.mark.parametrize("tail", [b"UTF8 ~{2+}\r\nx\n", b"UTF8 (~{2+}\r\nx\n", b"UTF8 (~{2+}\r\nx\n))", b"UTF8 ({2+}\r\nx\n)", b"UTF8 ()", b"UTF8",
                                  b"UTF8 (~{2+}\r\nx\n ~{2+}\r\ny\n)", b"CATENATE (UTF8 (~{2+}\r\nx\n)", b"UTF9 (~{2+}\r\nx\n)"])
def test_what_is_malformed_is_bad_and_adds_nothing(account, tail):
    client = enabled(account, "INBOX")
    assert client.do(b"APPEND INBOX " + tail)[0].split()[1] == b"BAD"
    assert client.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 0)\r\n']


def test_envelope_and_structure_come_in_utf_8(account):
    client = enabled(account, "INBOX")
    append_utf8(client, RAW)
    client.ok("NOOP")
    envelope = b"".join(client.ok("FETCH 1 ENVELOPE"))
    assert '"Grüße"'.encode() in envelope and '"Jøran Øygårdvær"'.encode() in envelope and '"blåbærsyltetøy.example"'.encode() in envelope
    for item in ("BODYSTRUCTURE", "BODY"):
        assert '"blåbær.txt"'.encode() in b"".join(client.ok("FETCH 1 " + item))
    # Nobody else is sent 8-bit there.
    old = imap(account, "INBOX")
    for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY"):
        assert all(c < 128 for c in b"".join(old.ok("FETCH 1 " + item)))
    rev2 = imap(account)
    rev2.ok("ENABLE IMAP4rev2")
    rev2.ok("SELECT INBOX")
    assert '"Grüße"'.encode() in b"".join(rev2.ok("FETCH 1 ENVELOPE"))
