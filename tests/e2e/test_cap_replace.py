"""REPLACE (RFC 8508): one message in another's place, in one step."""

import re

from conftest import message
from raw import imap
from test_cap_multiappend import with_quota
from test_imap import append

NEW = (b"Date: Thu, 1 Jan 2015 00:05:00 -0500 (EST)\r\nFrom: Fritz Schmidt <fritz.ze@example.org>\r\nSubject: happy new year !!\r\nTo: miss.mitzy@example.org\r\n"
       b"Message-Id: <B238822388-0100000@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nJust saw the best fireworks show. Wish you were here.\r\n")


def drafts(account, many=4):
    client = imap(account)
    for n in range(many):
        append(client, message("draft %d" % n), "Drafts")
    client.ok("SELECT Drafts")
    return client


def test_replace_puts_the_new_one_there_and_takes_the_old_one_away(account):
    client = drafts(account)
    assert b"REPLACE" in b" ".join(client.ok("CAPABILITY")).split()
    client.send(b"A003 REPLACE 4 Drafts (\\Seen \\Draft) {%d}\r\n" % len(NEW))
    assert client.line().startswith(b"+")
    client.send(NEW + b"\r\n")
    status, untagged = client.until(b"A003")
    assert status.startswith(b"A003 OK"), status
    assert re.match(rb"\* OK \[APPENDUID \d+ 5\]", untagged[0]), untagged
    assert b"* 4 EXPUNGE\r\n" in untagged
    assert re.findall(rb"UID (\d+)", b"".join(client.ok("FETCH 1:* UID"))) == [b"1", b"2", b"3", b"5"]
    assert b"FLAGS (\\Seen \\Draft)" in client.ok("FETCH 4 FLAGS")[0]


def test_uid_replace_moves_into_another_mailbox(account):
    client = drafts(account)
    client.send(b"A004 UID REPLACE 2 Sent (\\Seen) {%d+}\r\n%s\r\n" % (len(NEW), NEW))
    status, untagged = client.until(b"A004")
    assert status.startswith(b"A004 OK") and b"* 2 EXPUNGE\r\n" in untagged
    assert b"MESSAGES 1)" in client.ok("STATUS Sent (MESSAGES)")[0]
    assert b"MESSAGES 3)" in client.ok("STATUS Drafts (MESSAGES)")[0]


def test_replace_with_catenate_reuses_the_old_one(account):
    client = drafts(account)
    client.send(b"A011 UID REPLACE 3 Drafts CATENATE (TEXT {71}\r\n")
    assert client.line().startswith(b"+")
    client.send(b"To: Mitzy <miss.mitzy@example.org>\r\nSubject: My view of the fireworks\r\n" + b' URL "/Drafts/;UID=3")\r\n')
    status, untagged = client.until(b"A011")
    assert status.startswith(b"A011 OK"), status
    assert b"draft 2" in b"".join(client.ok("FETCH 4 BODY.PEEK[]"))


def test_nothing_goes_when_the_new_one_can_not_come(account):
    client = drafts(account)
    for command, answer in [(b"REPLACE 4 nowhere", b"NO [TRYCREATE]"), (b"REPLACE 9 Drafts", b"NO [NONEXISTENT]"), (b"UID REPLACE 99 Drafts", b"NO [NONEXISTENT]"),
                            (b"REPLACE 0 Drafts", b"BAD"), (b"REPLACE x Drafts", b"BAD")]:
        client.send(b"a %s {%d+}\r\n%s\r\n" % (command, len(NEW), NEW))
        status, untagged = client.until(b"a")
        assert status.startswith(b"a " + answer), (command, status)
        assert not untagged
    client.send(b"b REPLACE 1 Drafts {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(NEW), NEW, len(NEW), NEW))
    assert client.until(b"b")[0].startswith(b"b BAD")
    assert b"MESSAGES 4)" in client.ok("STATUS Drafts (MESSAGES)")[0]


def test_replace_needs_a_mailbox_selected_for_writing(account):
    client = drafts(account)
    client.ok("UNSELECT")
    client.send(b"a REPLACE 1 Drafts {%d+}\r\n%s\r\n" % (len(NEW), NEW))
    assert client.until(b"a")[0].startswith(b"a BAD")
    client.ok("EXAMINE Drafts")
    client.send(b"b REPLACE 1 Drafts {%d+}\r\n%s\r\n" % (len(NEW), NEW))
    assert client.until(b"b")[0].startswith(b"b NO")
    assert b"MESSAGES 4)" in client.ok("STATUS Drafts (MESSAGES)")[0]


def test_the_quota_counts_the_difference_alone(server):
    client = drafts(with_quota(server, 1024), 1)
    near = b"Subject: near\r\n\r\n" + b"x" * 900 + b"\r\n"
    client.send(b"a REPLACE 1 Drafts {%d+}\r\n%s\r\n" % (len(near), near))
    assert client.until(b"a")[0].startswith(b"a OK")
    client.send(b"b APPEND Drafts {%d+}\r\n%s\r\n" % (len(near), near))
    assert client.until(b"b")[0].startswith(b"b NO [OVERQUOTA]")
