"""LIST-MYRIGHTS (RFC 8440)."""

from raw import imap
from test_cap_acl import Two


def test_rights_come_with_each_line(account, other):
    two = Two(account, other)
    two.grant("lrs")
    two.owner.ok("CREATE Hidden/shown")
    two.grant("l", "Hidden/shown")
    assert b"LIST-MYRIGHTS" in b" ".join(two.guest.ok("CAPABILITY")).split()
    rows = two.guest.ok('LIST "" "Other Users/*" RETURN (MYRIGHTS)')
    assert [row for row in rows if row.startswith(b"* MYRIGHTS")] == [
        b"* MYRIGHTS %s l\r\n" % two.name.replace("Project", "Hidden/shown").encode(), b"* MYRIGHTS %s lrs\r\n" % two.name.encode()]
    for row in rows:
        if row.startswith(b"* MYRIGHTS"):
            assert rows[rows.index(row) - 1].startswith(b"* LIST")


def test_ones_own_rights_are_all(account):
    client = imap(account)
    client.ok("CREATE sub/x")
    rows = client.ok('LIST "" INBOX RETURN (MYRIGHTS)')
    assert rows == [b'* LIST (\\HasNoChildren) "/" INBOX\r\n', b"* MYRIGHTS INBOX lrswipkxtecdan\r\n"]


def test_a_parent_that_does_not_fit_has_no_rights_told(account):
    client = imap(account)
    client.ok("CREATE foo/bar")
    client.ok("SUBSCRIBE foo/bar")
    rows = client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" foo RETURN (MYRIGHTS)')
    assert len(rows) == 1 and b"CHILDINFO" in rows[0]
