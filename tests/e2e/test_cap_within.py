"""WITHIN (RFC 5032), and the search keys of SAVEDATE (RFC 8514) and OBJECTID (RFC 8474)."""

import datetime
import re

from conftest import message
from raw import imap
from test_search import fill, numbers


def append_dated(client, when, octets):
    client.ok(b'APPEND INBOX "%s" {%d+}\r\n%s' % (when.strftime("%d-%b-%Y %H:%M:%S +0000").encode(), len(octets), octets))


def test_older_and_younger_count_seconds_from_now(account):
    client = imap(account)
    assert b"WITHIN" in client.ok("CAPABILITY")[0].split()
    now = datetime.datetime.now(datetime.timezone.utc)
    for hours in (48, 3, 0):
        append_dated(client, now - datetime.timedelta(hours=hours), message())
    client.ok("SELECT INBOX")
    assert numbers(client, "YOUNGER 3600") == [3] and numbers(client, "OLDER 3600") == [1, 2]
    assert numbers(client, "YOUNGER 86400") == [2, 3] and numbers(client, "OLDER 86400") == [1] and numbers(client, "YOUNGER 4294967295") == [1, 2, 3]
    assert numbers(client, "OLDER 7200 YOUNGER 86400") == [2] and numbers(client, "NOT OLDER 3600") == [3]
    for bad in ("OLDER 0", "YOUNGER", "YOUNGER -1", "OLDER 4294967296"):
        assert client.do("SEARCH " + bad)[0].split()[1] == b"BAD"


def test_saved_dates_are_days_on_which_a_message_came_here(account):
    client = imap(account)
    append_dated(client, datetime.datetime(2014, 12, 28), message())
    client.ok("SELECT INBOX")
    saved = re.search(rb'SAVEDATE "([ \d]\d-\w+-\d+)', client.ok("FETCH 1 (SAVEDATE)")[0]).group(1).decode().strip()
    assert numbers(client, "SAVEDON " + saved) == [1] and numbers(client, "SAVEDSINCE " + saved) == [1] and numbers(client, "SAVEDBEFORE " + saved) == []
    assert numbers(client, "SAVEDON 28-Dec-2014") == [] and numbers(client, "SAVEDSINCE 28-Dec-2014") == [1] and numbers(client, "ON 28-Dec-2014") == [1]
    assert numbers(client, "SAVEDATESUPPORTED") == [1]


def test_object_ids_are_found_exactly(account):
    client = imap(account)
    first = message("one", extra="In-Reply-To: <root@example.org>\r\n")
    fill(client, [first, message("Re: one", extra="In-Reply-To: <root@example.org>\r\n"), message("two")])
    client.ok("SELECT INBOX")
    client.ok("COPY 1 INBOX")
    client.ok("NOOP")
    ids = [re.search(rb"EMAILID \((\w+)\) THREADID \((\w+)\)", line).groups() for line in client.ok("FETCH 1:* (EMAILID THREADID)")]
    assert numbers(client, "EMAILID " + ids[0][0].decode()) == [1, 4] and numbers(client, "EMAILID " + ids[2][0].decode()) == [3]
    for index, (_, thread) in enumerate(ids):
        assert numbers(client, "THREADID " + thread.decode()) == [i + 1 for i, other in enumerate(ids) if other[1] == thread], index
    assert numbers(client, "EMAILID M6d99ac3275bb4e") == [] and numbers(client, "THREADID T0") == [] and numbers(client, "EMAILID " + ids[0][0].decode().upper() + "Z") == []
    assert client.do("SEARCH EMAILID " + "a" * 256)[0].split()[1] == b"BAD"
