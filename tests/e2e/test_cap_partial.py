"""PARTIAL (RFC 9394): a window on a search's result, and on a UID FETCH's set."""

import re

from conftest import message
from raw import imap
from test_cap_searchres import fetched
from test_search import fill


def ten(account):
    client = imap(account)
    fill(client, [message("s%d" % i) for i in range(1, 14)])
    client.ok("SELECT INBOX")
    client.ok("STORE 1,5,9 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")  # ten are left: UIDs 2:4,6:8,10:13
    return client


def partial(client, command):
    lines = client.ok(command)
    assert len(lines) == 1
    return re.search(rb"PARTIAL (\([^)]*\))", lines[0]).group(1)


def test_a_window_is_counted_from_either_end(account):
    client = ten(account)
    assert b"PARTIAL" in client.ok("CAPABILITY")[0].split()
    for asked, told in (("1:3", b"(1:3 2:4)"), ("3:5", b"(3:5 4,6:7)"), ("8:100", b"(8:100 11:13)"), ("11:20", b"(11:20 NIL)"), ("-1:-3", b"(-1:-3 11:13)"), ("-3:-1", b"(-3:-1 11:13)"),
                        ("5:3", b"(5:3 4,6:7)"), ("-4:-6", b"(-4:-6 7:8,10)"), ("-9:-100", b"(-9:-100 2:3)"), ("-11:-12", b"(-11:-12 NIL)"), ("4:4", b"(4:4 6)")):
        assert partial(client, "UID SEARCH RETURN (PARTIAL %s) ALL" % asked) == told
    assert partial(client, "SEARCH RETURN (PARTIAL 3:5) ALL") == b"(3:5 3:5)"
    assert partial(client, "SEARCH RETURN (PARTIAL -1:-2 MIN COUNT) ALL") == b"(-1:-2 9:10)"


def test_what_is_no_window(account):
    client = ten(account)
    for bad in ("PARTIAL 1:2 ALL", "ALL PARTIAL 1:2", "PARTIAL 1:2 PARTIAL 3:4", "PARTIAL", "PARTIAL 0:2", "PARTIAL 1", "PARTIAL 1:*", "PARTIAL -1:2", "PARTIAL 1:-2", "PARTIAL 1:4294967296"):
        assert client.do("SEARCH RETURN (%s) ALL" % bad)[0].split()[1] == b"BAD", bad
    assert client.do("FETCH 1:* (UID) (PARTIAL 1:2)")[0].split()[1] == b"BAD"


def test_a_saved_window(account):
    # RFC 9394 3.2, table 1.
    client = ten(account)
    for options, saved in (("SAVE PARTIAL 2:3", b"3:4"), ("SAVE PARTIAL 2:3 MIN", b"2:4"), ("SAVE PARTIAL 2:3 MAX", b"3:4,13"), ("SAVE PARTIAL 2:3 MIN MAX", b"2:4,13"),
                           ("SAVE PARTIAL 2:3 COUNT", b"2:4,6:8,10:13"), ("SAVE PARTIAL 2:3 COUNT MIN", b"2:4,6:8,10:13")):
        assert partial(client, "UID SEARCH RETURN (%s) ALL" % options) == b"(2:3 3:4)"
        assert client.ok("UID SEARCH RETURN (ALL) $")[0].endswith(b" ALL " + saved + b"\r\n"), options


def test_a_window_of_uid_fetch(account):
    client = ten(account)
    assert fetched(client.ok("UID FETCH 3:12 (FLAGS) (PARTIAL -1:-3)")) == [7, 8, 9]
    assert fetched(client.ok("UID FETCH 3:12 (FLAGS) (PARTIAL 1:2)")) == [2, 3]
    assert fetched(client.ok("UID FETCH 3:12 (FLAGS) (PARTIAL 20:30)")) == []
    # The window first, then what changed in it, in whatever order they stand (3.4).
    modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", client.ok("STATUS INBOX (HIGHESTMODSEQ)")[0]).group(1))
    client.ok("UID STORE 3,12,13 +FLAGS (kw)")
    assert fetched(client.ok("UID FETCH 1:* (FLAGS) (PARTIAL -1:-2 CHANGEDSINCE %d)" % modseq)) == [9, 10]
    assert fetched(client.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d PARTIAL 1:2)" % modseq)) == [2]
