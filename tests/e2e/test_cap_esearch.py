"""ESEARCH (RFC 4731): result options, and what MODSEQ tells with them."""

import re

import pytest
from conftest import message
from raw import imap
from test_search import fill


@pytest.fixture
def client(account):
    """Five messages; the modseqs of 1 to 5 are the last, the middle, the lowest, the highest but one, the lowest but one."""
    client = imap(account)
    fill(client, [message("s%d" % n) for n in (3, 1, 5, 2, 4)])
    client.ok("ENABLE CONDSTORE")
    client.ok("SELECT INBOX")
    for n in (3, 5, 2, 4, 1):
        client.ok("STORE %d +FLAGS (kw)" % n)
    return client


def modseqs(client):
    return {int(n): int(m) for n, m in re.findall(rb"\* (\d+) FETCH \(.*MODSEQ \((\d+)\)\)", b"".join(client.ok("FETCH 1:* (MODSEQ)")))}


def told(client, command):
    """The modseq of the answer, and what stands before it."""
    (line,) = [line for line in client.ok(command) if b"SEARCH" in line]
    match = re.fullmatch(rb'\* ESEARCH \(TAG "[^"]*"(?: MAILBOX .* UIDVALIDITY \d+)?\)(?: UID)?(.*?)(?: MODSEQ (\d+))?\r\n', line)
    return match.group(1).strip().decode(), int(match.group(2) or 0)


def test_the_options_of_section_3_1(client):
    client.ok("STORE 2,4 +FLAGS (\\Flagged)")
    for command in ("SEARCH", "UID SEARCH"):
        assert told(client, command + " RETURN (MIN COUNT) FLAGGED") == ("MIN 2 COUNT 2", 0)
        assert told(client, command + " RETURN (MAX) FLAGGED") == ("MAX 4", 0)
        assert told(client, command + " RETURN () FLAGGED") == ("ALL 2,4", 0)
        assert told(client, command + " RETURN (ALL MIN MAX COUNT) FLAGGED") == ("MIN 2 MAX 4 COUNT 2 ALL 2,4", 0)
        # Nothing found: only COUNT is told.
        assert told(client, command + " RETURN (MIN MAX ALL COUNT) ANSWERED") == ("COUNT 0", 0)
        assert told(client, command + " RETURN (MIN MAX ALL) ANSWERED") == ("", 0)
    for bad in ("RETURN (MIN", "RETURN MIN ALL", "RETURN (NOSUCH) ALL", "RETURN (MIN)", "RETURN ()"):
        assert client.do("SEARCH " + bad)[0].split()[1] == b"BAD", bad


def test_modseq_of_section_3_2(client):
    of = modseqs(client)
    assert sorted(of, key=of.get) == [3, 5, 2, 4, 1]
    everything = "MODSEQ 1"
    for options, answer, wanted in (
        ("MIN", "MIN 1", of[1]),
        ("MAX", "MAX 5", of[5]),
        ("MIN MAX", "MIN 1 MAX 5", of[1]),
        ("MIN COUNT", "MIN 1 COUNT 5", of[1]),
        ("MAX COUNT", "MAX 5 COUNT 5", of[1]),
        ("COUNT", "COUNT 5", of[1]),
        ("MAX ALL", "MAX 5 ALL 1:5", of[1]),
        ("", "ALL 1:5", of[1]),
        ("PARTIAL 2:3", "PARTIAL (2:3 2:3)", of[2]),
        ("PARTIAL -1:-1", "PARTIAL (-1:-1 5)", of[5]),
        ("PARTIAL 2:3 MAX", "MAX 5 PARTIAL (2:3 2:3)", of[2]),
        ("PARTIAL 2:3 MIN", "MIN 1 PARTIAL (2:3 2:3)", of[1]),
        ("PARTIAL 2:3 COUNT", "COUNT 5 PARTIAL (2:3 2:3)", of[1]),
        ("SAVE MAX", "MAX 5", of[5]),
    ):
        for command in ("SEARCH", "UID SEARCH", "ESEARCH"):
            assert told(client, "%s RETURN (%s) %s" % (command, options, everything)) == (answer, wanted), (command, options)
    assert told(client, "SEARCH RETURN (MIN MAX) 2:4 MODSEQ 1") == ("MIN 2 MAX 4", of[4])
    # Nothing is returned: there is no modseq either.
    assert told(client, "SEARCH RETURN (MIN COUNT) MODSEQ %d" % (of[1] + 1)) == ("COUNT 0", 0)
    assert told(client, "SEARCH RETURN (PARTIAL 7:9) MODSEQ 1") == ("PARTIAL (7:9 NIL)", 0)
    # As RFC 7162 3.1.5 writes the key.
    assert told(client, 'SEARCH RETURN (MAX) MODSEQ "/flags/\\\\draft" all 1') == ("MAX 5", of[5])


def test_modseq_of_a_sorted_result_is_that_of_its_ends(client):
    of = modseqs(client)  # by subject: 2, 4, 1, 5, 3
    for options, answer, wanted in (
        ("MIN", "MIN 2", of[2]),
        ("MAX", "MAX 3", of[3]),
        ("MIN MAX", "MIN 2 MAX 3", of[2]),
        ("MIN COUNT", "MIN 2 COUNT 5", of[1]),
        ("PARTIAL 4:5", "PARTIAL (4:5 5,3)", of[5]),
        ("ALL", "ALL 2,4,1,5,3", of[1]),
    ):
        assert told(client, "SORT RETURN (%s) (SUBJECT) UTF-8 MODSEQ 1" % options) == (answer, wanted), options


def test_without_the_key_there_is_no_modseq(client):
    assert told(client, "SEARCH RETURN (MIN) ALL") == ("MIN 1", 0)
    assert client.ok("SEARCH MODSEQ 1")[0] == b"* SEARCH 1 2 3 4 5 (MODSEQ %d)\r\n" % modseqs(client)[1]
