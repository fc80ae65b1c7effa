"""CONTEXT=SEARCH and CONTEXT=SORT (RFC 5267): results that are kept up to date."""

import random
import re

from conftest import eventually, message
from raw import imap
from test_search import fill


def filled(account, count=5):
    client = imap(account)
    fill(client, [message("s%d" % i) for i in range(1, count + 1)])
    client.ok("SELECT INBOX")
    return client


def updates(lines, tag):
    """What one search was told, in order: [("ADDTO", "0 2:3")]."""
    told = []
    for line in lines:
        if line.startswith(b'* ESEARCH (TAG "%s")' % tag):
            told += [(kind.decode(), what.decode()) for kind, what in re.findall(rb"(ADDTO|REMOVEFROM) \(([^)]*)\)", line)]
    return told


def begin(client, tag, command):
    client.send(b"%s %s\r\n" % (tag, command.encode()))
    status, lines = client.until(tag)
    assert status.startswith(tag + b" OK"), status
    return lines


def test_messages_that_begin_or_cease_to_fit_are_told(account):
    client, two = filled(account), imap(account, "INBOX")
    assert {b"CONTEXT=SEARCH", b"CONTEXT=SORT"} <= set(client.ok("CAPABILITY")[0].split())
    assert begin(client, b"B01", "UID SEARCH RETURN (UPDATE COUNT) DELETED KEYWORD $Junk") == [b'* ESEARCH (TAG "B01") UID COUNT 0\r\n']
    two.ok("STORE 2:3 +FLAGS (\\Deleted $Junk)")
    assert updates(client.ok("NOOP"), b"B01") == [("ADDTO", "0 2:3")]
    # The session's own changes too, be they silent.
    assert updates(client.ok("STORE 5 +FLAGS.SILENT (\\Deleted $Junk)"), b"B01") == [("ADDTO", "0 5")]
    assert updates(client.ok("STORE 2 -FLAGS ($Junk)"), b"B01") == [("REMOVEFROM", "0 2")]
    # What doesn't change the result isn't told.
    assert updates(client.ok("STORE 5 +FLAGS (\\Seen)"), b"B01") == []
    lines = client.ok("UID EXPUNGE 3")
    assert updates(lines, b"B01") == [("REMOVEFROM", "0 3")]
    assert [line[:20] for line in lines if b"REMOVEFROM" in line or b"EXPUNGE" in line][1] == b"* 3 EXPUNGE\r\n"


def test_new_messages_are_told_behind_exists_in_idle_too(account):
    client, two = filled(account), imap(account, "INBOX")
    begin(client, b"c1", "SEARCH RETURN (UPDATE) SUBJECT wanted")
    begin(client, b"c2", "SEARCH RETURN (UPDATE ALL) BODY needle")  # parse looks into it
    client.send(b"i IDLE\r\n")
    assert client.line().startswith(b"+")
    fill(two, [message("wanted", "needle\r\n"), message("other", "a needle\r\n")])
    lines = []

    def heard():
        lines.append(client.line())
        return b"c2" in b"".join(lines) and b"0 6:7" in b"".join(lines) or len(updates(lines, b"c2")) == 2

    eventually(heard)
    client.send(b"DONE\r\n")
    lines += client.until(b"i")[1]
    assert updates(lines, b"c1") == [("ADDTO", "0 6")]
    assert updates(lines, b"c2") in ([("ADDTO", "0 6:7")], [("ADDTO", "0 6"), ("ADDTO", "0 7")])
    assert [i for i, line in enumerate(lines) if b"EXISTS" in line][0] < [i for i, line in enumerate(lines) if b"ADDTO" in line][0]


def test_numbers_are_told_while_they_are_valid(account):
    client, two = filled(account), imap(account, "INBOX")
    begin(client, b"n", "SEARCH RETURN (UPDATE) ALL")
    two.ok("STORE 2,4 +FLAGS (\\Deleted)")
    two.ok("EXPUNGE")
    # No EXPUNGE may be told now, so neither is the removal; then both are, and the numbers are those before.
    assert updates(client.ok("FETCH 1 (FLAGS)"), b"n") == []
    lines = client.ok("NOOP")
    assert updates(lines, b"n") == [("REMOVEFROM", "0 2,4")]
    fill(two, [message()])
    assert updates(client.ok("NOOP"), b"n") == [("ADDTO", "0 4")]


def test_a_tag_is_used_once_and_updates_can_be_cancelled(account):
    client = filled(account)
    begin(client, b"B01", "UID SEARCH RETURN (UPDATE COUNT) FLAGGED")
    client.send(b"B01 SORT RETURN (UPDATE) (DATE) UTF-8 FLAGGED\r\n")
    assert client.line().startswith(b"B01 BAD")
    client.ok('CANCELUPDATE "B01"')
    assert updates(client.ok("STORE 1 +FLAGS (\\Flagged)"), b"B01") == []
    begin(client, b"B01", "UID SEARCH RETURN (UPDATE COUNT) FLAGGED")
    for bad in ("CANCELUPDATE", 'CANCELUPDATE "other"', "CANCELUPDATE B01", 'CANCELUPDATE "B01" "other"'):
        assert client.do(bad)[0].split()[1] == b"BAD"
    assert updates(client.ok("STORE 2 +FLAGS (\\Flagged)"), b"B01") == [("ADDTO", "0 2")]
    client.ok("SELECT INBOX")  # another selection ends them
    assert updates(client.ok("STORE 3 +FLAGS (\\Flagged)"), b"B01") == []


def test_too_many_are_refused_and_the_rest_of_the_command_is_done(account):
    client = filled(account)
    for i in range(8):
        assert not any(b"NOUPDATE" in line for line in begin(client, b"u%d" % i, "SEARCH RETURN (UPDATE COUNT) ALL"))
    lines = begin(client, b"u8", "SEARCH RETURN (UPDATE COUNT) ALL")
    assert any(line.startswith(b'* NO [NOUPDATE "u8"]') for line in lines) and b'* ESEARCH (TAG "u8") COUNT 5\r\n' in lines
    lines = client.ok("STORE 1 +FLAGS (\\Deleted)") + client.ok("EXPUNGE")
    assert all(updates(lines, b"u%d" % i) == [("REMOVEFROM", "0 1")] for i in range(8)) and updates(lines, b"u8") == []
    client.ok('CANCELUPDATE "u0" "u7"')
    assert not any(b"NOUPDATE" in line for line in begin(client, b"u8", "SEARCH RETURN (UPDATE COUNT) ALL"))


def test_the_hint_changes_nothing(account):
    client = filled(account)
    assert begin(client, b"A01", "SEARCH RETURN (CONTEXT COUNT) UNDELETED") == [b'* ESEARCH (TAG "A01") COUNT 5\r\n']
    assert updates(client.ok("STORE 1 +FLAGS (\\Deleted)"), b"A01") == []


def apply(result, told):
    for kind, what in told:
        words = what.split()
        for place, item in zip(map(int, words[::2]), map(int, words[1::2])):
            if kind == "ADDTO":
                assert 1 <= place <= len(result) + 1
                result.insert(place - 1, item)
            else:
                assert result.pop(place - 1) == item


def test_a_sorted_result_is_kept_in_its_order(account):
    client, two = imap(account), imap(account)
    rng = random.Random(7)

    def mails(count):
        return [message("s%d" % rng.randrange(8), "x" * rng.randrange(4) + "\r\n") for _ in range(count)]

    fill(client, mails(12))
    client.ok("SELECT INBOX")
    two.ok("SELECT INBOX")
    sort = "UID SORT RETURN (%s) (SUBJECT REVERSE SIZE) UTF-8 UNFLAGGED"
    begin(client, b"S", sort % "UPDATE")
    result = [int(n) for n in client.ok("UID SORT (SUBJECT REVERSE SIZE) UTF-8 UNFLAGGED")[0].split()[2:]]
    for step in range(40):
        count = int(re.search(rb"MESSAGES (\d+)", two.ok("STATUS INBOX (MESSAGES)")[0]).group(1))
        two.ok("NOOP")
        some = ",".join(str(n) for n in rng.sample(range(1, count + 1), min(count, 3)))
        action = rng.randrange(4)
        if action == 0:
            fill(two, mails(rng.randrange(1, 4)))
        elif action == 1 and count > 5:
            two.ok("STORE %s +FLAGS.SILENT (\\Deleted)" % some.split(",")[0])
            two.ok("EXPUNGE")
        else:
            two.ok("STORE %s %sFLAGS.SILENT (\\Flagged)" % (some, rng.choice("+-")))
        apply(result, updates(client.ok("NOOP"), b"S"))
        lines = [line for line in client.ok("UID SORT (SUBJECT REVERSE SIZE) UTF-8 UNFLAGGED") if line.startswith(b"* SORT")]
        assert result == [int(n) for n in lines[0].split()[2:]], step


def test_an_order_by_relevancy_is_not_kept(account):
    client = filled(account)
    lines = begin(client, b"R", "SORT RETURN (UPDATE COUNT) (RELEVANCY) UTF-8 FUZZY SUBJECT s1")
    assert any(b'NO [NOUPDATE "R"]' in line for line in lines) and any(line.endswith(b"COUNT 1\r\n") for line in lines)
