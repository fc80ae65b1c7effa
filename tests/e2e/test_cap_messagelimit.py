"""MESSAGELIMIT (RFC 9738): one command works on so many messages, from the highest UID down, and says how far it came."""

import os
import re
import signal

import pytest
from conftest import eventually, message, new_account
from raw import imap
from test_imap import append

LIMIT, MESSAGES = 100, 250


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    from conftest import make_server
    instance = make_server(tmp_path_factory.mktemp("limited"), settings={"imap.message_limit": LIMIT, "imap.save_limit": 7})
    yield instance
    instance.kill()


def fill(client, count, mailbox="INBOX", flags=""):
    octets = message("m")
    while count:
        some = min(count, 50)
        client.send(b"f APPEND %s" % mailbox.encode() + b"".join(b" (%s) {%d+}\r\n%s" % (flags.encode(), len(octets), octets) for _ in range(some)) + b"\r\n")
        assert client.until(b"f")[0].startswith(b"f OK")
        count -= some


@pytest.fixture
def filled(limited):
    """UIDs 2 to 500, every second: message n has UID 2n."""
    account = new_account(limited)
    client = imap(account)
    fill(client, 2 * MESSAGES)
    client.ok("SELECT INBOX")
    odd = ",".join(str(uid) for uid in range(1, 2 * MESSAGES, 2))
    while b"MESSAGELIMIT" in client.do("UID STORE %s +FLAGS.SILENT (\\Deleted)" % odd)[0]:
        client.do("UID EXPUNGE %s" % odd)
    client.ok("UID EXPUNGE %s" % odd)
    client.account = account
    assert b"(MESSAGES %d)" % MESSAGES in client.ok("STATUS INBOX (MESSAGES)")[0]
    return client


def ends(client, command, status, code):
    """The tagged response is "status code"; what came before it."""
    tagged, untagged = client.do(command)
    assert tagged.split(b" ", 1)[1].startswith(status + b" " + code), tagged
    return untagged


def uids(lines):
    return [int(re.search(rb"UID (\d+)", line).group(1)) for line in lines]


def told(lines, word=b"SEARCH"):
    assert lines[0].startswith(b"* " + word)
    return [int(n) for n in lines[0].split()[2:]]


def test_it_is_announced_with_its_number(filled):
    said = b" ".join(filled.ok("CAPABILITY")).split()
    assert b"MESSAGELIMIT=100" in said and not any(word.startswith(b"SAVELIMIT") for word in said)


def test_fetch_goes_from_the_highest_uid_down(filled):
    lines = ends(filled, "FETCH 1:* (UID FLAGS)", b"OK", b"[MESSAGELIMIT 100 302]")
    assert uids(lines) == list(range(500, 300, -2))
    assert [int(line.split()[1]) for line in lines] == list(range(250, 150, -1))
    lines = ends(filled, "UID FETCH 1:301 (UID FLAGS)", b"OK", b"[MESSAGELIMIT 100 102]")
    assert uids(lines) == list(range(300, 100, -2))
    lines = ends(filled, "UID FETCH 1:101 (UID FLAGS)", b"OK", b"Fetch completed")
    assert uids(lines) == list(range(2, 102, 2))
    assert uids(ends(filled, "FETCH 51:150 (UID)", b"OK", b"Fetch completed")) == list(range(102, 302, 2))


def test_fetch_of_bodies_marks_what_it_sent_as_seen(filled):
    lines = ends(filled, "UID FETCH 1:* BODY[]", b"OK", b"[MESSAGELIMIT 100 302]")
    bodies = [line for line in lines if b"BODY[]" in line]
    assert uids(bodies) == list(range(500, 300, -2)) and all(b"\\Seen" in line for line in bodies)
    assert len(told(filled.ok("SEARCH UID 302:* SEEN"))) == 100
    assert told(filled.ok("SEARCH UID 1:200 SEEN")) == []


def test_fetch_since_a_modseq_counts_what_may_have_changed(filled):
    modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", filled.ok("STATUS INBOX (HIGHESTMODSEQ)")[0]).group(1))
    other = imap(filled.account, "INBOX")
    other.ok("UID STORE 2,100,500 +FLAGS (\\Flagged)")
    filled.ok("NOOP")
    assert uids(ends(filled, "UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % modseq, b"OK", b"Fetch completed")) == [2, 100, 500]


def test_a_partial_fetch_of_more_is_refused_before_any_work(filled):
    assert ends(filled, "UID FETCH 1:* (FLAGS) (PARTIAL 1:101)", b"NO", b"[MESSAGELIMIT 100]") == []
    assert len(ends(filled, "UID FETCH 1:* (FLAGS) (PARTIAL -1:-100)", b"OK", b"Fetch completed")) == 100


def test_another_code_leaves_the_limit_to_an_untagged_no(filled):
    append(filled, b"Content-Transfer-Encoding: x-unknown\r\n\r\nx")
    lines = ends(filled, "UID FETCH 1:* BINARY.PEEK[1]", b"NO", b"[UNKNOWN-CTE]")
    assert [line for line in lines if b"MESSAGELIMIT" in line][0].startswith(b"* NO [MESSAGELIMIT 100 304]")
    modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", filled.ok("STATUS INBOX (HIGHESTMODSEQ)")[0]).group(1))
    imap(filled.account, "INBOX").ok("UID STORE 400 +FLAGS (\\Answered)")
    filled.ok("NOOP")
    lines = ends(filled, "UID STORE 1:* (UNCHANGEDSINCE %d) +FLAGS.SILENT (\\Flagged)" % modseq, b"OK", b"[MODIFIED 400]")
    assert [line for line in lines if b"MESSAGELIMIT" in line][0].startswith(b"* NO [MESSAGELIMIT 100 304]")


def test_store_changes_the_highest_and_no_more(filled):
    lines = ends(filled, "UID STORE 1:* +FLAGS (\\Flagged)", b"OK", b"[MESSAGELIMIT 100 302]")
    assert sorted(uids(lines)) == list(range(302, 502, 2))
    assert len(told(filled.ok("SEARCH UID 302:* FLAGGED"))) == 100 and told(filled.ok("SEARCH UID 1:200 FLAGGED")) == []
    ends(filled, "STORE 1:100 +FLAGS.SILENT (\\Flagged)", b"OK", b"Store completed")
    ends(filled, "STORE 1:101 +FLAGS.SILENT (\\Flagged)", b"OK", b"[MESSAGELIMIT 100 4]")


def test_search_looks_at_the_highest_that_its_sets_leave(filled):
    assert sorted(told(ends(filled, "UID SEARCH ALL", b"OK", b"[MESSAGELIMIT 100 302]"))) == list(range(302, 502, 2))
    assert told(ends(filled, "UID SEARCH FLAGGED", b"OK", b"[MESSAGELIMIT 100 302]")) == []
    assert sorted(told(ends(filled, "UID SEARCH UID 1:400 UNDELETED", b"OK", b"[MESSAGELIMIT 100 202]"))) == list(range(202, 402, 2))
    assert told(ends(filled, "UID SEARCH UID 1:200 UNDELETED", b"OK", b"Search completed")) == list(range(2, 202, 2))
    lines = ends(filled, "UID SEARCH RETURN (COUNT MIN MAX) 1:*", b"OK", b"[MESSAGELIMIT 100 302]")
    assert b"MIN 302 MAX 500 COUNT 100" in lines[0]


def test_uidafter_and_uidbefore(filled):
    """RFC 9738 3.2."""
    assert told(ends(filled, "UID SEARCH UIDBEFORE 202", b"OK", b"Search completed")) == list(range(2, 202, 2))
    assert sorted(told(ends(filled, "UID SEARCH UIDBEFORE 302", b"OK", b"[MESSAGELIMIT 100 102]"))) == list(range(102, 302, 2))
    assert told(ends(filled, "UID SEARCH UIDAFTER 494", b"OK", b"Search")) == [496, 498, 500]
    assert told(ends(filled, "UID SEARCH UIDAFTER 400 UIDBEFORE 406", b"OK", b"Search")) == [402, 404]
    assert told(ends(filled, "UID SEARCH UID 4:8 NOT UIDAFTER 6", b"OK", b"Search")) == [4, 6]
    for nothing in ("UIDAFTER 500", "UIDAFTER 4294967294", "UIDAFTER 4294967295", "UIDBEFORE 1", "UIDBEFORE 2"):
        assert told(filled.ok("UID SEARCH %s" % nothing)) == [], nothing
    assert len(told(filled.ok("UID SEARCH UIDBEFORE 4294967295 UIDAFTER 300"))) == 100
    for bad in ("UIDAFTER", "UIDAFTER 0", "UIDBEFORE *", "UIDBEFORE 1:2", "UIDAFTER 4294967296"):
        assert filled.do("UID SEARCH " + bad)[0].split()[1] == b"BAD", bad
    assert b" ALL 496,498,500\r\n" in filled.ok("UID ESEARCH IN (mailboxes INBOX) UIDAFTER 494")[0]


def test_a_saved_result_is_what_was_looked_at(filled):
    """RFC 9738 3.4."""
    ends(filled, "UID SEARCH RETURN (SAVE) UID 1:* UNDELETED", b"OK", b"[MESSAGELIMIT 100 302]")
    assert uids(filled.ok("UID FETCH $ (UID)")) == list(range(302, 502, 2))


def test_results_that_last_are_refused_where_not_all_was_looked_at(filled):
    lines = ends(filled, "UID SEARCH RETURN (UPDATE) ALL", b"OK", b"[MESSAGELIMIT 100 302]")
    assert any(line.startswith(b"* NO [NOUPDATE") for line in lines)


def test_sort_and_thread_are_refused_beyond_it(filled):
    """RFC 9738 3.3."""
    for command in ("UID SORT (SUBJECT) UTF-8 %s", "UID THREAD REFERENCES UTF-8 %s"):
        assert ends(filled, command % "ALL", b"NO", b"[MESSAGELIMIT 100]") == []
        assert len(ends(filled, command % "UID 301:*", b"OK", b"")) == 1


def test_copy_is_all_or_nothing(filled):
    filled.ok("CREATE box")
    ends(filled, "UID COPY 1:* box", b"NO", b"[MESSAGELIMIT 100 302]")
    assert b"(MESSAGES 0)" in filled.ok("STATUS box (MESSAGES)")[0]
    ends(filled, "UID COPY 301:* box", b"OK", b"[COPYUID")
    assert b"(MESSAGES 100)" in filled.ok("STATUS box (MESSAGES)")[0]


def test_move_takes_the_highest_and_can_be_repeated(filled):
    filled.ok("CREATE box")
    lines = ends(filled, "UID MOVE 1:* box", b"OK", b"[MESSAGELIMIT 100 302]")
    assert re.match(rb"\* OK \[COPYUID \d+ 302,304,.*,500 1:100\]", lines[0]) and sum(b"EXPUNGE" in line for line in lines) == 100
    ends(filled, "UID MOVE 1:* box", b"OK", b"[MESSAGELIMIT 100 102]")
    ends(filled, "UID MOVE 1:* box", b"OK", b"Moved")
    assert b"(MESSAGES 250)" in filled.ok("STATUS box (MESSAGES)")[0]


def test_uid_expunge_counts_the_deleted_ones_and_expunge_knows_no_limit(filled):
    for some in ("2:200", "202:400"):
        ends(filled, "UID STORE %s +FLAGS.SILENT (\\Deleted)" % some, b"OK", b"Store completed")
    lines = ends(filled, "UID EXPUNGE 1:*", b"OK", b"[MESSAGELIMIT 100 202]")
    assert sum(b"EXPUNGE" in line for line in lines) == 100
    assert sum(b"EXPUNGE" in line for line in ends(filled, "UID EXPUNGE 1:*", b"OK", b"Expunged")) == 100
    assert b"(MESSAGES 50)" in filled.ok("STATUS INBOX (MESSAGES)")[0]
    fill(filled, 150, flags="\\Deleted")
    assert sum(b"EXPUNGE" in line for line in ends(filled, "EXPUNGE", b"OK", b"Expunged")) == 150


def test_uid_expunge_with_qresync_says_both(filled):
    filled.ok("ENABLE QRESYNC")
    fill(filled, 101, flags="\\Deleted")
    lines = ends(filled, "UID EXPUNGE 1:*", b"OK", b"[HIGHESTMODSEQ")
    assert any(line.startswith(b"* NO [MESSAGELIMIT 100 502]") for line in lines)


def test_append_of_more_adds_nothing_and_reads_all(limited):
    account = new_account(limited)
    client = imap(account)
    one = message("m")
    for messages, expected in ((100, b"OK [APPENDUID"), (101, b"NO [MESSAGELIMIT 100]"), (140, b"NO [MESSAGELIMIT 100]")):
        client.send(b"a APPEND INBOX" + b"".join(b" {%d+}\r\n%s" % (len(one), one) for _ in range(messages)) + b"\r\n")
        assert client.until(b"a")[0].startswith(b"a " + expected)
        client.ok("NOOP")
    client.send(b"a APPEND INBOX" + b"".join(b" {%d+}\r\n%s" % (len(one), one) for _ in range(100)) + b" {%d}\r\n" % len(one))
    assert client.until(b"a")[0].startswith(b"a NO [MESSAGELIMIT 100]")
    assert b"(MESSAGES 100)" in client.ok("STATUS INBOX (MESSAGES)")[0]


def test_without_the_setting_there_is_none_and_a_reload_brings_it(own_server):
    instance = own_server(settings={"imap.message_limit": 0})
    account = new_account(instance)
    client = imap(account)
    fill(client, 60)
    assert b"LIMIT=" not in client.ok("CAPABILITY")[0].replace(b"APPENDLIMIT=", b"")
    client.ok("SELECT INBOX")
    assert len(client.ok("FETCH 1:* UID")) == 60
    instance.config.write_text(re.sub(r"message_limit( ?[=:] ?)0", r"message_limit\g<1>50", instance.config.read_text()))
    os.kill(instance.pid(), signal.SIGHUP)
    eventually(lambda: b"MESSAGELIMIT=50" in client.ok("CAPABILITY")[0], what="a reload")
    ends(client, "FETCH 1:* UID", b"OK", b"[MESSAGELIMIT 50 11]")
