"""MULTIAPPEND (RFC 3502): many messages or none; LITERAL+ and literal8 in it; APPENDLIMIT (RFC 7889)."""

import re
import secrets
import socket

import pytest
from conftest import Account, message
from raw import imap


def with_quota(instance, octets):
    """A new account that may hold so much."""
    name, password = "quota-" + secrets.token_hex(4), secrets.token_urlsafe(9)
    instance.command("user", "add", name, "--quota=%d" % octets, stdin=password + "\n")
    return Account(instance, name, password)


def exchange(client, tag, *pieces):
    """Text and literals in turn; each literal is announced and sent when the server asks for it."""
    client.send(tag + b" " + pieces[0])
    for literal, text in zip(pieces[1::2], pieces[2::2]):
        client.send(b"{%d}\r\n" % len(literal))
        line = client.line()
        if not line.startswith(b"+"):
            return line, []
        client.send(literal + text)
    client.send(b"\r\n")
    return client.until(tag)


def count(client, mailbox="INBOX"):
    return int(re.search(rb"MESSAGES (\d+)", client.ok("STATUS %s (MESSAGES)" % mailbox)[0]).group(1))


FIRST = (b"Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nFrom: Fred Foobar <foobar@Blurdybloop.example.COM>\r\nSubject: afternoon meeting\r\n"
         b"To: mooch@owatagu.example.net\r\nMessage-Id: <B27397-0100000@Blurdybloop.example.COM>\r\nMIME-Version: 1.0\r\n"
         b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nHello Joe, do you think we can meet at 3:30 tomorrow?\r\n")
SECOND = (b"Date: Mon, 7 Feb 1994 22:43:04 -0800 (PST)\r\nFrom: Joe Mooch <mooch@OWaTaGu.example.net>\r\nSubject: Re: afternoon meeting\r\n"
          b"To: foobar@blurdybloop.example.com\r\nMessage-Id: <a0434793874930@OWaTaGu.example.net>\r\nMIME-Version: 1.0\r\n"
          b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n3:30 is fine with me.\r\n")


def test_the_example_of_rfc_3502_appends_two_messages(account):
    client = imap(account)
    assert b"MULTIAPPEND" in b" ".join(client.ok("CAPABILITY")).split()
    client.ok("CREATE saved-messages")
    status, _ = exchange(client, b"A003", b"APPEND saved-messages (\\Seen) ", FIRST, b' (\\Seen) " 7-Feb-1994 22:43:04 -0800" ', SECOND, b"")
    assert re.match(rb"A003 OK \[APPENDUID \d+ 1:2\]", status), status
    client.ok("SELECT saved-messages")
    rows = client.ok("FETCH 1:2 (FLAGS INTERNALDATE RFC822.SIZE)")
    assert all(b"FLAGS (\\Seen)" in row for row in rows)
    assert b'INTERNALDATE " 7-Feb-1994 22:43:04 -0800"' in rows[1] or b'INTERNALDATE "07-Feb-1994 22:43:04 -0800"' in rows[1]
    assert [int(re.search(rb"SIZE (\d+)", row).group(1)) for row in rows] == [len(FIRST), len(SECOND)]
    assert b"".join(client.ok("FETCH 2 BODY.PEEK[]")).split(b"\r\n", 1)[1].startswith(SECOND)


def test_a_mailbox_that_is_not_there_is_told_before_the_message_is_sent(account):
    client = imap(account)
    client.send(b"A004 APPEND bogusname (\\Flagged) {1023}\r\n")
    assert client.line().startswith(b"A004 NO [TRYCREATE]")


def test_a_zero_length_message_takes_everything_back(account):
    client = imap(account)
    client.send(b"a APPEND INBOX {%d+}\r\n%s {0+}\r\n\r\n" % (len(FIRST), FIRST))
    assert client.until(b"a")[0].startswith(b"a NO")
    line, _ = exchange(client, b"b", b"APPEND INBOX ", FIRST, b" ", b"", b"")
    assert line.startswith(b"b NO")
    assert count(client) == 0
    client.ok("NOOP")


@pytest.mark.parametrize("bad", [b" (\\Seen {5+}\r\nhello", b" nonsense", b' "99-Foo-1994 00:00:00 +0000" {5+}\r\nhello', b" {5+}\r\nhello behind", b"x", b" (\\Nope) {5+}\r\nhello"])
def test_what_is_wrong_behind_the_first_message_leaves_nothing(account, bad):
    client = imap(account)
    client.send(b"a APPEND INBOX {%d+}\r\n%s%s\r\nb NOOP\r\n" % (len(FIRST), FIRST, bad))
    assert client.until(b"a")[0].startswith(b"a BAD")
    assert client.until(b"b")[0].startswith(b"b OK")
    assert count(client) == 0


def test_octets_of_a_refused_message_are_not_read_as_commands(account):
    client = imap(account)
    evil = b"x CREATE evil\r\n"
    client.send(b"a APPEND nowhere {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(evil), evil, len(evil), evil))
    assert client.until(b"a")[0].startswith(b"a NO [TRYCREATE]")
    assert b"evil" not in b"".join(client.ok('LIST "" *'))


@pytest.mark.parametrize("tag", [b"*", b"a+", b"t" * 65, b'a"b', b"(x"])
def test_octets_behind_a_tag_that_is_none_are_not_read_as_commands_either(account, tag):
    client = imap(account)
    evil = b"x CREATE evil\r\n"
    client.send(tag + b" APPEND INBOX {%d+}\r\n%s\r\nb NOOP\r\n" % (len(evil), evil))
    status, untagged = client.until(b"b")
    assert status.startswith(b"b OK") and [line.split()[1] for line in untagged] == [b"BAD"], untagged
    assert b"evil" not in b"".join(client.ok('LIST "" *'))


@pytest.mark.parametrize("until", [b"a APPEND INBOX {%d+}\r\n" % len(FIRST), b"a APPEND INBOX {%d+}\r\n%s" % (len(FIRST), FIRST[:50]), b"a APPEND INBOX {%d+}\r\n%s" % (len(FIRST), FIRST),
                                   b"a APPEND INBOX {%d+}\r\n%s (\\Se" % (len(FIRST), FIRST), b"a APPEND INBOX {%d+}\r\n%s {9+}\r\nhalf" % (len(FIRST), FIRST),
                                   b"a APPEND INBOX CATENATE (TEXT {3+}\r\nabc URL {9+}\r\n/IN"])
def test_a_connection_that_ends_in_the_middle_leaves_nothing(account, until):
    client, other = imap(account), imap(account)
    client.send(until)
    client.socket.shutdown(socket.SHUT_WR)
    client.rest()
    assert count(other) == 0


def test_a_hundred_messages_come_in_one_command_and_two_hundred_and_fifty_seven_do_not(account):
    client = imap(account)
    one = [message("m%d" % n) for n in range(257)]
    client.send(b"a APPEND INBOX" + b"".join(b" {%d+}\r\n%s" % (len(m), m) for m in one[:100]) + b"\r\n")
    status, _ = client.until(b"a")
    assert re.match(rb"a OK \[APPENDUID \d+ 1:100\]", status), status
    client.send(b"b APPEND INBOX" + b"".join(b" {%d+}\r\n%s" % (len(m), m) for m in one) + b"\r\n")
    assert client.until(b"b")[0].startswith(b"b BAD")
    assert count(client) == 100


def test_an_append_beyond_the_quota_leaves_nothing(server):
    client = imap(with_quota(server, 2048))
    small, large = message("small"), message("large", "x" * 70 + "\r\n" + "y" * 1900 + "\r\n")
    client.send(b"a APPEND INBOX {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(small), small, len(large), large))
    assert client.until(b"a")[0].startswith(b"a NO [OVERQUOTA]")
    assert count(client) == 0


def test_a_literal8_may_hold_nul(account):
    client = imap(account)
    octets = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\0b"
    client.send(b"a APPEND INBOX ~{%d}\r\n" % len(octets))
    assert client.line().startswith(b"+")
    client.send(octets + b"\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")
    client.send(b"b APPEND INBOX (\\Seen) ~{%d+}\r\n%s\r\n" % (len(octets), octets))
    assert client.until(b"b")[0].startswith(b"b OK")
    assert count(client) == 2


def test_the_append_limit_is_told_and_kept(account):
    client = imap(account)
    words = b" ".join(client.ok("CAPABILITY")).split()
    limit = int(next(w for w in words if w.startswith(b"APPENDLIMIT=")).split(b"=")[1])
    assert client.ok("STATUS INBOX (APPENDLIMIT)") == [b"* STATUS INBOX (APPENDLIMIT %d)\r\n" % limit]
    client.send(b"a APPEND INBOX {%d}\r\n" % (limit + 1))
    assert client.line().startswith(b"a NO [TOOBIG]")
    client.send(b"b APPEND INBOX {%d+}\r\n%s {%d}\r\n" % (len(FIRST), FIRST, limit))  # with the first it is too much
    assert client.until(b"b")[0].startswith(b"b NO [TOOBIG]")


def test_literals_without_waiting_come_with_any_command(account):
    client = imap(account)
    assert b"LITERAL+" in b" ".join(client.ok("CAPABILITY")).split()
    client.send(b"a CREATE {3+}\r\nfoo\r\nb STATUS {3+}\r\nfoo (MESSAGES)\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")
    assert client.until(b"b")[0].startswith(b"b OK")
    client.send(b"c APPEND {3+}\r\nfoo {%d+}\r\n%s\r\n" % (len(FIRST), FIRST))
    assert client.until(b"c")[0].startswith(b"c OK")
    assert count(client, "foo") == 1
