"""UIDONLY (RFC 9586): no message numbers, neither from the client nor to it."""

import re

import pytest
from conftest import message
from raw import imap
from test_cap_notify import heard
from test_search import fill


@pytest.fixture
def client(account):
    """Messages 2 to 5 of a mailbox: their numbers are 1 to 4."""
    client = imap(account)
    fill(client, [message("s%d" % n) for n in range(1, 6)])
    client.ok("SELECT INBOX")
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    assert b"UIDONLY" in client.ok("CAPABILITY")[0].split()
    assert client.ok("ENABLE UIDONLY") == [b"* ENABLED UIDONLY\r\n"]
    return client


def test_numbers_are_refused(client):
    for command in ("FETCH 1 (FLAGS)", "STORE 1 +FLAGS (\\Seen)", "COPY 1 Trash", "MOVE 1 Trash", "SEARCH ALL", "SORT (DATE) UTF-8 ALL",
                    "THREAD REFS UTF-8 ALL", "UID SEARCH 1:3", "UID SEARCH OR SEEN NOT 2", "UID SORT (DATE) UTF-8 1:2", "SEARCH RETURN (COUNT) ALL",
                    "FETCH $ (FLAGS)", "SEARCH UID 1:3"):
        status, untagged = client.do(command)
        assert b" BAD [UIDREQUIRED] " in status and untagged == [], (command, status)
        client.ok("NOOP")
    octets = message()
    status, _ = client.do(b"REPLACE 1 INBOX {%d+}\r\n%s" % (len(octets), octets))
    assert b" BAD [UIDREQUIRED] " in status
    assert client.ok("UID SEARCH ALL") == [b"* SEARCH 2 3 4 5\r\n"]


def test_uidfetch_takes_the_place_of_fetch(client, account):
    assert client.ok("UID FETCH 2:3 (FLAGS)") == [b"* 2 UIDFETCH (FLAGS ())\r\n", b"* 3 UIDFETCH (FLAGS ())\r\n"]
    assert client.ok("UID FETCH 4 (UID)") == [b"* 4 UIDFETCH (UID 4)\r\n"]  # only for who asks for it
    assert client.ok("UID FETCH 5 (INTERNALDATE UID)")[0].startswith(b'* 5 UIDFETCH (INTERNALDATE "')
    assert re.match(rb"\* 3 UIDFETCH \(FLAGS \(\\Seen\) BODY\[TEXT\] \{8\}\r\na body\r\n\)", client.ok("UID FETCH 3 BODY[TEXT]")[0])
    assert client.ok("UID STORE 2 +FLAGS (\\Flagged)") == [b"* 2 UIDFETCH (FLAGS (\\Flagged))\r\n"]
    two = imap(account, "INBOX")
    two.ok("STORE 4 +FLAGS (\\Answered)")
    assert client.ok("NOOP") == [b"* 5 UIDFETCH (FLAGS (\\Answered))\r\n"]
    client.ok("ENABLE CONDSTORE")
    two.ok("STORE 4 -FLAGS (\\Answered)")
    assert re.fullmatch(rb"\* 5 UIDFETCH \(FLAGS \(\) MODSEQ \(\d+\)\)\r\n", client.ok("NOOP")[0])
    assert re.fullmatch(rb"\* 5 UIDFETCH \(FLAGS \(\$x\) MODSEQ \(\d+\)\)\r\n", client.ok("UID STORE 5 +FLAGS ($x)")[0])
    assert re.fullmatch(rb"\* 5 UIDFETCH \(MODSEQ \(\d+\)\)\r\n", client.ok("UID STORE 5 -FLAGS.SILENT ($x)")[0])


def test_vanished_takes_the_place_of_expunge(client, account):
    two = imap(account, "INBOX")
    two.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
    two.ok("EXPUNGE")
    assert client.ok("NOOP") == [b"* VANISHED 2,4\r\n"]
    client.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
    assert client.ok("EXPUNGE") == [b"* VANISHED 3\r\n"]
    assert b"* VANISHED 5\r\n" in client.ok("UID MOVE 5 Trash")
    assert client.ok("UID FETCH 1:* (FLAGS)") == []


def test_select_and_qresync(client):
    lines = client.ok("SELECT INBOX")
    assert b"* 4 EXISTS\r\n" in lines and not any(b"[UNSEEN" in line for line in lines)
    validity = re.search(rb"UIDVALIDITY (\d+)", b"".join(lines)).group(1).decode()
    client.ok("ENABLE QRESYNC")
    status, _ = client.do("SELECT INBOX (QRESYNC (%s 1 1:5 (1 2)))" % validity)
    assert b" BAD [UIDREQUIRED] " in status
    lines = client.ok("SELECT INBOX (QRESYNC (%s 1 1:5))" % validity)
    assert b"* VANISHED (EARLIER) 1\r\n" in lines
    told = [line for line in lines if b"FETCH" in line]
    assert len(told) == 4 and all(re.match(rb"\* [2-5] UIDFETCH \(FLAGS \(\) MODSEQ", line) for line in told)
    client.ok("UID STORE 2 +FLAGS.SILENT (\\Seen)")
    assert re.fullmatch(rb"\* 3 UIDFETCH \(BODY\[TEXT\] .*\)\r\n", client.ok("UID FETCH 3 (BODY.PEEK[TEXT])")[0], re.S)


def test_notify_and_contexts_go_by_uid(client, account):
    client.send(b"c UID SEARCH RETURN (UPDATE) FLAGGED\r\n")
    client.until(b"c")
    client.ok("NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge FlagChange))")
    two = imap(account, "INBOX")
    two.ok("STORE 1 +FLAGS (\\Flagged)")
    lines = heard(client, rb"ADDTO")
    assert lines == [b"* 2 UIDFETCH (FLAGS (\\Flagged))\r\n", b'* ESEARCH (TAG "c") UID ADDTO (0 2)\r\n']
    fill(two, [message()])
    assert heard(client, rb"FETCH")[-1] == b"* 6 UIDFETCH (FLAGS ())\r\n"
    two.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    two.ok("EXPUNGE")
    heard(client, rb"VANISHED 2\r\n", silent=[rb"EXPUNGE"])


def test_a_search_that_lasts_from_before_goes_on_by_uid(account):
    client = imap(account)
    fill(client, [message(), message()])
    client.ok("SELECT INBOX")
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    client.send(b"c SEARCH RETURN (UPDATE) FLAGGED\r\n")
    client.until(b"c")
    client.ok("ENABLE UIDONLY")
    assert client.ok("UID STORE 2 +FLAGS (\\Flagged)")[-1] == b'* ESEARCH (TAG "c") UID ADDTO (0 2)\r\n'


def test_without_enable_all_is_as_it_was(account):
    client = imap(account, "INBOX")
    fill(client, [message()])
    client.ok("NOOP")
    assert client.ok("FETCH 1 (FLAGS)") == [b"* 1 FETCH (FLAGS ())\r\n"]
