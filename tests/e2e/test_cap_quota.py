"""QUOTA (RFC 9208)."""

import re

from conftest import message
from raw import imap
from test_cap_multiappend import with_quota
from test_imap import append


def test_quota_root_and_usage_are_told(server):
    client = imap(with_quota(server, 100 * 1024))
    assert {b"QUOTA", b"QUOTA=RES-STORAGE", b"QUOTA=RES-MESSAGE", b"QUOTA=RES-MAILBOX"} <= set(b" ".join(client.ok("CAPABILITY")).split())
    assert client.ok("GETQUOTAROOT INBOX") == [b"* QUOTAROOT INBOX account\r\n", b"* QUOTA account (STORAGE 0 100 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096)\r\n"]
    append(client, message("s", "x" * 70 + "\r\n" + "y" * 1400 + "\r\n"))
    client.ok("CREATE more")
    assert client.ok('GETQUOTA "account"') == [b"* QUOTA account (STORAGE 2 100 MAILBOX 7 50000 ANNOTATION-STORAGE 0 4096)\r\n"]


def test_a_mailbox_that_is_not_there_yet_has_a_root(account):
    client = imap(account)
    assert client.ok("GETQUOTAROOT not-yet")[0] == b"* QUOTAROOT not-yet account\r\n"
    assert client.do("GETQUOTA other")[0].split(b" ", 1)[1].startswith(b"NO [NONEXISTENT]")
    assert b" (MAILBOX " in client.ok("GETQUOTA account")[0]


def test_setquota_is_for_the_administrator(account):
    client = imap(account)
    assert b"QUOTASET" not in b" ".join(client.ok("CAPABILITY")).split()
    for limits in ("()", "(STORAGE 510)", "(STORAGE 510 MESSAGE 3)"):
        assert client.do("SETQUOTA account " + limits)[0].split(b" ", 1)[1].startswith(b"NO [NOPERM]")
    for bad in ("", "STORAGE 5", "(STORAGE)", "(STORAGE x)", "(STORAGE 5"):
        assert client.do("SETQUOTA account " + bad)[0].split()[1] == b"BAD"


def test_append_and_copy_over_quota_say_so_and_leave_nothing(server):
    client = imap(with_quota(server, 3000))
    octets = message("s", "y" * 900 + "\r\n")
    append(client, octets)
    append(client, octets)
    client.send(b"a APPEND INBOX {%d+}\r\n%s\r\n" % (len(octets), octets))
    assert client.until(b"a")[0].startswith(b"a NO [OVERQUOTA]")
    client.ok("SELECT INBOX")
    assert client.do("COPY 1:2 Archive")[0].split(b" ", 1)[1].startswith(b"NO [OVERQUOTA]")
    assert b"MESSAGES 0)" in client.ok("STATUS Archive (MESSAGES)")[0]


def test_status_tells_what_an_expunge_would_free(account):
    client = imap(account)
    sizes = []
    for n in range(5):
        octets = message("n%d" % n, "z" * (100 * n) + "\r\n")
        sizes.append(len(octets))
        append(client, octets)
    assert b"DELETED 0 DELETED-STORAGE 0)" in client.ok("STATUS INBOX (DELETED DELETED-STORAGE)")[0]
    client.ok("SELECT INBOX")
    client.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)")
    row = client.ok("STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)")[0]
    assert row == b"* STATUS INBOX (MESSAGES 5 DELETED 2 DELETED-STORAGE %d)\r\n" % (sizes[1] + sizes[3])


def test_expunged_mail_no_longer_counts(server):
    client = imap(with_quota(server, 100 * 1024))
    append(client, message("s", "y" * 5000 + "\r\n"), flags="\\Deleted")
    used = re.search(rb"STORAGE (\d+)", client.ok("GETQUOTA account")[0]).group(1)
    assert int(used) >= 5
    client.ok("SELECT INBOX")
    client.ok("EXPUNGE")
    assert b"STORAGE 0 100" in client.ok("GETQUOTA account")[0]
