"""QRESYNC (RFC 7162 3.2): what happened while a client was away comes with its SELECT."""

import re

from conftest import message
from mailboxview import fetched, number, vanished
from raw import imap
from test_imap import append


def opened(account, messages=0):
    client = imap(account)
    for n in range(messages):
        append(client, message("m%d" % n))
    assert b"QRESYNC" in b"".join(client.ok("CAPABILITY"))
    assert client.ok("ENABLE QRESYNC") == [b"* ENABLED QRESYNC\r\n"]
    return client


def bad(client, command):
    status, _ = client.do(command)
    assert status.split()[1] == b"BAD", (command, status)


def test_enable_answers_once_and_brings_condstore(account):
    client = opened(account, 1)
    assert client.ok("ENABLE QRESYNC CONDSTORE") == [b"* ENABLED\r\n"]
    client.ok("SELECT INBOX")
    untagged = client.ok("STORE 1 +FLAGS (\\Seen)")
    assert {"UID", "MODSEQ", "FLAGS"} <= set(fetched(untagged)[1])


def test_select_tells_what_vanished_and_what_changed(account):
    client = opened(account, 10)
    first = client.ok("SELECT INBOX")
    validity, modseq = number(first, b"UIDVALIDITY"), number(first, b"HIGHESTMODSEQ")
    client.ok("UNSELECT")
    away = imap(account, "INBOX")
    away.ok("UID STORE 2,4:5 +FLAGS.SILENT (\\Deleted)")
    away.ok("EXPUNGE")
    away.ok("UID STORE 7 +FLAGS.SILENT (\\Seen $Forwarded)")
    append(away, message("new"))
    untagged = client.ok("SELECT INBOX (QRESYNC (%d %d))" % (validity, modseq))
    assert b"* 8 EXISTS\r\n" in untagged
    assert vanished(untagged, earlier=True) == [2, 4, 5] and vanished(untagged) == []
    news = fetched(untagged)
    assert {n: (i["UID"], i["FLAGS"]) for n, i in news.items()} == {4: (7, frozenset({b"\\Seen", b"$Forwarded"})), 8: (11, frozenset())}
    assert all(i["MODSEQ"] > modseq for i in news.values())
    # VANISHED stands before the FETCH responses (3.2.6).
    kinds = [line.split()[2 if line.split()[1].isdigit() else 1] for line in untagged]
    assert kinds.index(b"VANISHED") < kinds.index(b"FETCH")
    # With known UIDs only those are told of.
    untagged = client.ok("SELECT INBOX (QRESYNC (%d %d 1:4,8))" % (validity, modseq))
    assert untagged[0].startswith(b"* OK [CLOSED]")
    assert vanished(untagged, earlier=True) == [2, 4] and fetched(untagged) == {}
    # Nothing since: nothing told.
    untagged = client.ok("SELECT INBOX (QRESYNC (%d %d))" % (validity, number(untagged, b"HIGHESTMODSEQ")))
    assert vanished(untagged, earlier=True) == [] and fetched(untagged) == {}


def test_another_uidvalidity_means_no_news(account):
    client = opened(account, 2)
    first = client.ok("SELECT INBOX")
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    client.ok("EXPUNGE")
    untagged = client.ok("SELECT INBOX (QRESYNC (%d 1))" % (number(first, b"UIDVALIDITY") + 1))
    assert vanished(untagged, earlier=True) == [] and fetched(untagged) == {} and b"* 1 EXISTS\r\n" in untagged


def test_a_sample_of_numbers_spares_what_the_client_knows(account):
    client = opened(account, 12)
    first = client.ok("SELECT INBOX")
    validity, modseq = number(first, b"UIDVALIDITY"), number(first, b"HIGHESTMODSEQ")
    client.ok("UID STORE 2,6,9 +FLAGS.SILENT (\\Deleted)")
    client.ok("EXPUNGE")
    # The mailbox: 1 3 4 5 7 8 10 11 12. Number 4 has UID 5: expunges up to 5 are known; number 7 had UID 9, now it has 10.
    untagged = client.ok("SELECT INBOX (QRESYNC (%d %d 1:12 (4,7 5,9)))" % (validity, modseq))
    assert vanished(untagged, earlier=True) == [6, 9]
    untagged = client.ok("SELECT INBOX (QRESYNC (%d %d 1:12 (1:5 1,3:5,7)))" % (validity, modseq))
    assert vanished(untagged, earlier=True) == [9]
    untagged = client.ok("SELECT INBOX (QRESYNC (%d %d (7:9 10:12)))" % (validity, modseq))
    assert vanished(untagged, earlier=True) == []
    bad(client, "SELECT INBOX (QRESYNC (%d %d 1:12 (1:3 1:2)))" % (validity, modseq))
    bad(client, "SELECT INBOX (QRESYNC (%d %d 1:12 (3,1 7,8)))" % (validity, modseq))


def test_uid_fetch_tells_what_vanished(account):
    client = opened(account, 8)
    modseq = number(client.ok("SELECT INBOX"), b"HIGHESTMODSEQ")
    other = imap(account, "INBOX")
    client.ok("UID STORE 3,8 +FLAGS.SILENT (\\Deleted)")
    client.ok("EXPUNGE")
    other.ok("UID STORE 5 +FLAGS.SILENT (\\Flagged)")
    other.ok("UID STORE 6 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    # 6 is still counted by this session: it is told as one that goes now, not as one that went earlier (3.2.10).
    untagged = client.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" % modseq)
    assert vanished(untagged, earlier=True) == [3, 8] and vanished(untagged) == [6]
    assert fetched(untagged)[4]["UID"] == 5
    # iOS asks since 0: everything there is.
    untagged = client.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 0 VANISHED)")
    assert vanished(untagged, earlier=True) == [3, 6, 8]
    assert [i["UID"] for i in fetched(untagged).values()] == [1, 2, 4, 5, 7]
    assert client.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9000000 VANISHED)") == []


def test_what_needs_qresync_is_bad_without_it(account):
    client = imap(account)
    append(client, message())
    bad(client, "SELECT INBOX (QRESYNC (1 1))")
    client.ok("SELECT INBOX")
    bad(client, "UID FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)")
    client.ok("ENABLE QRESYNC")
    bad(client, "UID FETCH 1 (FLAGS) (VANISHED)")
    bad(client, "FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)")
    bad(client, "SELECT INBOX (QRESYNC (1 1 1:*))")
    bad(client, "SELECT INBOX (QRESYNC (1))")


def test_vanished_stands_for_expunge_everywhere(account):
    client, other = opened(account, 12), opened(account)
    client.ok("SELECT INBOX")
    other.ok("SELECT INBOX")
    # RFC 7162 3.2.10.2, the example: messages 3, 4, 7, 11 go.
    client.ok("STORE 3,4,7,11 +FLAGS.SILENT (\\Deleted)")
    status, untagged = client.do("EXPUNGE")
    assert vanished(untagged) == [3, 4, 7, 11] and not any(b"EXPUNGE" in line for line in untagged)
    modseq = int(re.search(rb"OK \[HIGHESTMODSEQ (\d+)\]", status).group(1))
    # A FETCH, STORE or SEARCH by number tells nothing, nor does a UID SEARCH that names numbers; NOOP does.
    assert vanished(other.ok("FETCH 1:2 (UID)")) == [] and vanished(other.ok("UID SEARCH 1:3")) == []
    assert vanished(other.ok("NOOP")) == [3, 4, 7, 11]
    assert number(client.ok("SELECT INBOX"), b"HIGHESTMODSEQ") == modseq
    client.ok("UID STORE 5 +FLAGS.SILENT (\\Deleted)")
    status, untagged = client.do("UID EXPUNGE 5")
    assert vanished(untagged) == [5] and b"HIGHESTMODSEQ" in status
    assert b"HIGHESTMODSEQ" not in client.do("EXPUNGE")[0]  # nothing went
    assert vanished(client.ok("UID MOVE 6 Archive")) == [6]
    assert vanished(other.ok("NOOP")) == [5, 6]
    # CLOSE must not say it (3.2.8).
    client.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    status, untagged = client.do("CLOSE")
    assert b"HIGHESTMODSEQ" not in status and untagged == []


def test_closed_is_told_whenever_select_closes_another(account):
    client = imap(account, "INBOX")
    assert client.ok("SELECT Archive")[0].startswith(b"* OK [CLOSED]")
    status, untagged = client.do("SELECT Nowhere")
    assert b" NO " in status and untagged[0].startswith(b"* OK [CLOSED]")
    assert not any(b"CLOSED" in line for line in client.ok("SELECT INBOX"))


def test_seen_by_a_fetch_comes_with_uid_and_modseq(account):
    client = opened(account, 1)
    client.ok("SELECT INBOX")
    row = fetched(client.ok("FETCH 1 BODY[TEXT]"))[1]
    assert row["FLAGS"] == {b"\\Seen"} and row["UID"] == 1 and row["MODSEQ"] > 0


def test_a_set_of_many_overlapping_ranges_is_cheap(account):
    client = opened(account, 3)
    client.ok("SELECT INBOX")
    untagged = client.ok("UID FETCH %s (FLAGS)" % ",".join(["1:4294967294"] * 4000))
    assert [i["UID"] for i in fetched(untagged).values()] == [1, 2, 3]
    assert [i["UID"] for i in fetched(client.ok("UID FETCH 900:* (FLAGS)")).values()] == [3]
