"""UIDBATCHES (draft-ietf-mailmaint-imap-uidbatches): ranges of UIDs with so many messages each, the newest first."""

import re

import pytest
from conftest import new_account
from raw import imap

TINY = b"Subject: x\r\n\r\ny\r\n"


def fill(client, count):
    while count:
        some = min(count, 250)
        client.ok(b"APPEND INBOX" + b" {%d+}\r\n%s" % (len(TINY), TINY) * some)
        count -= some


@pytest.fixture(scope="module")
def large(server):
    """1,200 of 1,260 UIDs: each 21st was expunged."""
    account = new_account(server)
    client = imap(account)
    fill(client, 1260)
    client.ok("SELECT INBOX")
    client.ok("STORE %s +FLAGS.SILENT (\\Deleted)" % ",".join(str(n) for n in range(21, 1261, 21)))
    client.ok("EXPUNGE")
    return account


def batches(client, arguments):
    lines = client.ok("UIDBATCHES " + arguments)
    assert len(lines) == 1
    head, _, ranges = lines[0].rstrip(b"\r\n").partition(b")")
    assert re.fullmatch(rb"\* UIDBATCHES \(TAG \"[a-z0-9]+\"", head)
    assert ranges == b"" or ranges[:1] == b" "
    return [tuple(int(n) for n in r.split(b":")) for r in ranges.strip().split(b",") if r]


def uids(client, high, low):
    line = client.ok("UID SEARCH UID %d:%d" % (high, low))[0]
    return [int(n) for n in line.split()[2:]]


@pytest.mark.parametrize("size, counts", [(500, [500, 500, 200]), (600, [600, 600]), (1199, [1199, 1]), (1200, [1200]), (4294967295, [1200])])
def test_ranges_hold_so_many_messages_and_leave_no_gap(large, size, counts):
    client = imap(large, "INBOX")
    assert b"UIDBATCHES" in client.ok("CAPABILITY")[0].split()
    ranges = batches(client, str(size))
    assert [len(uids(client, *r)) for r in ranges] == counts
    assert ranges[0][0] == 1259 and ranges[-1][1] == 1
    assert all(a[1] == b[0] + 1 for a, b in zip(ranges, ranges[1:]))


def test_some_of_the_batches(large):
    client = imap(large, "INBOX")
    every = batches(client, "500")
    assert len(every) == 3
    for first in range(1, 6):
        for last in range(first, 6):
            assert batches(client, "500 %d:%d" % (first, last)) == every[first - 1:last]
    assert batches(client, "500 4294967295:4294967295") == []


def test_an_empty_mailbox_has_none(account):
    client = imap(account, "INBOX")
    assert batches(client, "2000") == [] and batches(client, "2000 1:4") == []


def test_one_message(account):
    client = imap(account, "INBOX")
    client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(TINY), TINY))
    client.ok("NOOP")
    assert batches(client, "500") == [(1, 1)]


def test_what_is_refused(account):
    client = imap(account)
    assert client.do("UIDBATCHES 500")[0].split()[1] == b"BAD"  # nothing is selected
    client.ok("SELECT INBOX")
    for few in ("0", "1", "499"):
        assert client.do("UIDBATCHES " + few)[0].split(b" ", 1)[1].startswith(b"NO [TOOFEW]")
    assert client.do("UIDBATCHES 500 20:10")[0].split(b" ", 1)[1].startswith(b"BAD [CLIENTBUG]")
    for bad in ("", " ", "x", "-1", "500 1", "500 1:", "500 0:1", "500 1:2 3", "500 1:*", "500 *:1", "4294967296", "500 1:4294967296"):
        assert client.do("UIDBATCHES " + bad)[0].split()[1] == b"BAD", bad
    assert client.do("UID UIDBATCHES 500")[0].split()[1] == b"BAD"


def test_the_saved_result_stays(account):
    client = imap(account, "INBOX")
    client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(TINY), TINY))
    client.ok("SEARCH RETURN (SAVE) ALL")
    batches(client, "500")
    assert client.ok("FETCH $ (UID)") == [b"* 1 FETCH (UID 1)\r\n"]


def test_with_uidonly(large):
    client = imap(large)
    client.ok("ENABLE UIDONLY")
    client.ok("SELECT INBOX")
    assert [len(uids(client, *r)) for r in batches(client, "500")] == [500, 500, 200]
