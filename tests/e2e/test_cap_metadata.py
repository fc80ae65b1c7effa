"""METADATA (RFC 5464)."""

import re

import pytest
from conftest import new_account
from raw import imap


def get(client, arguments):
    return b"".join(client.ok("GETMETADATA " + arguments))


def test_entries_are_set_read_and_removed_as_rfc_5464_shows(account):
    client = imap(account)
    assert b"METADATA" in b" ".join(client.ok("CAPABILITY")).split()
    client.send(b"a SETMETADATA INBOX (/private/comment {33}\r\n")
    assert client.line().startswith(b"+")
    client.send(b"My new comment across\r\ntwo lines.)\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")
    assert get(client, '"INBOX" /private/comment') == b"* METADATA INBOX (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)\r\n"
    client.ok('SETMETADATA INBOX (/private/comment "My own comment" /shared/comment "Shared comment")')
    assert get(client, "INBOX (/shared/comment /private/comment)") == b'* METADATA INBOX (/shared/comment "Shared comment" /private/comment "My own comment")\r\n'
    client.ok("SETMETADATA INBOX (/private/comment NIL)")
    assert get(client, "INBOX /private/comment") == b"* METADATA INBOX (/private/comment NIL)\r\n"
    client.ok("SETMETADATA INBOX (/private/comment NIL)")


def test_entries_of_the_server_are_the_accounts_own(account, other):
    client = imap(account)
    client.ok('SETMETADATA "" (/private/vendor/v/key "value")')
    assert get(client, '"" /private/vendor/v/key') == b'* METADATA "" (/private/vendor/v/key "value")\r\n'
    assert b"NIL" in get(imap(other), '"" /private/vendor/v/key')
    assert client.do('SETMETADATA "" (/shared/comment "x")')[0].split(b" ", 1)[1].startswith(b"NO [NOPERM]")


def test_maxsize_leaves_out_and_names_the_longest(account):
    client = imap(account)
    client.ok('SETMETADATA INBOX (/shared/comment {2199+}\r\n%s /private/comment "My own comment")' % ("s" * 2199))
    for arguments in ("INBOX (MAXSIZE 1024) (/shared/comment /private/comment)", "(MAXSIZE 1024) INBOX (/shared/comment /private/comment)"):
        status, untagged = client.do("GETMETADATA " + arguments)
        assert untagged == [b'* METADATA INBOX (/private/comment "My own comment")\r\n']
        assert b"OK [METADATA LONGENTRIES 2199]" in status


def test_depth_tells_what_is_below(account):
    client = imap(account)
    client.ok('SETMETADATA INBOX (/private/filters/values/small "SMALLER 5000" /private/filters/values/boss "FROM \\"boss@example.com\\"" /private/filters/values/boss/deep "x" /private/filters2 "y")')

    def names(text):
        return sorted(re.findall(rb"(/private\S*) \"", text))

    assert names(get(client, "INBOX (DEPTH 1) (/private/filters/values)")) == [b"/private/filters/values/boss", b"/private/filters/values/small"]
    assert b'"FROM \\"boss@example.com\\""' in get(client, "INBOX (DEPTH 1) (/private/filters/values)")
    assert len(names(get(client, "INBOX (DEPTH infinity) /private/filters"))) == 3
    assert len(names(get(client, "INBOX (DEPTH infinity MAXSIZE 100) (/private /private/filters)"))) == 4
    assert get(client, "INBOX (DEPTH 1) /private/nothing") == b""
    assert get(client, "INBOX (DEPTH 0) /private/filters") == b"* METADATA INBOX (/private/filters NIL)\r\n"


def test_names_are_compared_without_case(account):
    client = imap(account)
    client.ok('SETMETADATA INBOX (/Private/Comment "x")')
    assert b'"x"' in get(client, "INBOX /PRIVATE/comment")


def test_rename_keeps_delete_drops(account):
    client = imap(account)
    client.ok("CREATE one")
    client.ok('SETMETADATA one (/private/comment "kept")')
    client.ok("RENAME one two")
    assert b"kept" in get(client, "two /private/comment")
    client.ok("DELETE two")
    client.ok("CREATE two")
    assert b"NIL" in get(client, "two /private/comment")
    assert client.do("GETMETADATA one /private/comment")[0].split(b" ", 1)[1].startswith(b"NO [NONEXISTENT]")
    assert client.do('SETMETADATA one (/private/comment "x")')[0].split(b" ", 1)[1].startswith(b"NO [NONEXISTENT]")


def test_limits_are_told_and_nothing_is_half_set(account):
    client = imap(account)
    assert b"NO [METADATA MAXSIZE 16384]" in client.do('SETMETADATA INBOX (/private/a "x" /private/comment {16385+}\r\n%s)' % ("x" * 16385))[0]
    assert b"NIL" in get(client, "INBOX /private/a")
    client.ok("SETMETADATA INBOX (/private/comment {16384+}\r\n%s)" % ("x" * 16384))
    client.ok("SETMETADATA INBOX (%s)" % " ".join('/private/k%d "v"' % n for n in range(99)))
    assert b"NO [METADATA TOOMANY]" in client.do('SETMETADATA INBOX (/private/k0 "changed" /private/k99 "v")')[0]
    assert b'"v"' in get(client, "INBOX /private/k0")
    client.ok('SETMETADATA INBOX (/private/k0 NIL /private/k99 "v")')
    assert b"BAD" in client.do("SETMETADATA INBOX (%s)" % " ".join('/private/n%d "v"' % n for n in range(101)))[0]


def test_an_account_has_a_limit_that_deleting_gives_back(account):
    client = imap(account)
    value = "x" * 16384

    def fill(mailbox):
        client.ok("CREATE " + mailbox)
        for n in range(100):
            if b" OK" not in client.do("SETMETADATA %s (/private/k%d {16384+}\r\n%s)" % (mailbox, n, value))[0]:
                return n
        return 100

    assert [fill("a"), fill("b"), 50 <= fill("c") < 60] == [100, 100, True]
    client.ok("DELETE a")
    client.ok("SETMETADATA b (/private/k0 {16384+}\r\n%s)" % value)
    client.ok("SETMETADATA INBOX (/private/k0 {16384+}\r\n%s)" % value)
    assert account.instance.command("check").returncode == 0


def test_values_may_hold_any_octet(account):
    client = imap(account)
    client.send(b"a SETMETADATA INBOX (/private/blob ~{5+}\r\na\0b\xff\n)\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")
    assert get(client, "INBOX /private/blob") == b"* METADATA INBOX (/private/blob ~{5}\r\na\0b\xff\n)\r\n"


@pytest.mark.parametrize("bad", ['GETMETADATA INBOX /comment', 'GETMETADATA INBOX /private/', 'GETMETADATA INBOX /private//x', 'GETMETADATA INBOX "/private/*"', 'GETMETADATA INBOX /privatex',
                                 'GETMETADATA INBOX (DEPTH 2) /private', 'GETMETADATA INBOX (FOO 1) /private', 'GETMETADATA INBOX ()', 'GETMETADATA INBOX', 'SETMETADATA INBOX (/private/x)',
                                 'SETMETADATA INBOX ()', 'SETMETADATA INBOX (/private/x "y"', 'SETMETADATA INBOX (/private/x NILX)', 'SETMETADATA INBOX (/private/x y)'])
def test_what_is_malformed_is_bad(account, bad):
    assert imap(account).do(bad)[0].split()[1] == b"BAD"


def test_metadata_survives_a_restart_and_the_check_finds_nothing_wrong(own_server):
    from conftest import new_account
    instance = own_server()
    account = new_account(instance)
    client = imap(account)
    client.ok('SETMETADATA INBOX (/private/comment "still there")')
    instance.kill()
    instance.start()
    assert b"still there" in get(imap(account), "INBOX /private/comment")
    assert instance.command("check").returncode == 0


# ---- what each reader of a shared mailbox keeps private (RFC 5464 3.2, 3.3)


class Readers:
    def __init__(self, account, other):
        self.account, self.other = account, other
        self.owner, self.guest = imap(account), imap(other)
        third = new_account(account.instance)
        self.third, self.names = imap(third), (other.user, third.user)
        self.owner.ok("CREATE Project")
        self.grant("lr")
        self.name = '"Other Users/%s/Project"' % account.user

    def grant(self, rights):
        for name in self.names:
            self.owner.ok("SETACL Project %s %s" % (name, rights))

    def all(self, client, mailbox=None):
        text = get(client, "%s (DEPTH infinity) (/private /shared)" % (mailbox or self.name))
        return dict(re.findall(rb'(/\S+) "([^"]*)"', text))


@pytest.fixture
def readers(account, other):
    return Readers(account, other)


def test_each_reader_has_private_entries_of_their_own(readers):
    readers.owner.ok('SETMETADATA Project (/private/comment "the owner\'s" /shared/comment "all")')
    assert readers.all(readers.guest) == {b"/shared/comment": b"all"}
    readers.guest.ok('SETMETADATA %s (/private/comment "the guest\'s" /private/order "7")' % readers.name)
    assert readers.all(readers.guest) == {b"/shared/comment": b"all", b"/private/comment": b"the guest's", b"/private/order": b"7"}
    assert readers.all(readers.third) == {b"/shared/comment": b"all"}
    assert readers.all(readers.owner, "Project") == {b"/shared/comment": b"all", b"/private/comment": b"the owner's"}
    readers.guest.ok("SETMETADATA %s (/private/comment NIL)" % readers.name)
    assert readers.all(readers.guest) == {b"/shared/comment": b"all", b"/private/order": b"7"}
    assert b'/private/order "7"' in b"".join(readers.guest.ok('LIST "" "Other Users/*" RETURN (METADATA (/private/order))'))
    readers.owner.ok("RENAME Project Work")
    assert readers.all(readers.guest, readers.name.replace("Project", "Work")) == {b"/shared/comment": b"all", b"/private/order": b"7"}


def test_private_needs_lookup_and_read_and_shared_needs_write(readers):
    def says(command):
        return readers.guest.do(command)[0].split(b" ", 1)[1]
    both = 'SETMETADATA %s (/private/comment "p" /shared/comment "s")' % readers.name
    assert says(both).startswith(b"NO [NOPERM]") and readers.all(readers.guest) == {}
    readers.grant("lrw")
    assert says(both).startswith(b"OK")
    readers.grant("l")
    assert says('SETMETADATA %s (/private/comment "x")' % readers.name).startswith(b"NO [NOPERM]")
    readers.grant("r")
    assert says('SETMETADATA %s (/private/comment "x")' % readers.name).startswith(b"NO [NONEXISTENT]")
    readers.grant("lr")
    assert readers.all(readers.guest) == {b"/shared/comment": b"s", b"/private/comment": b"p"}
    assert readers.all(readers.owner, "Project") == {b"/shared/comment": b"s"}


def test_what_a_reader_keeps_is_limited_and_not_the_owners_to_pay_for(readers):
    value = "x" * 16384
    results = [readers.guest.do("SETMETADATA %s (/private/k%d {16384+}\r\n%s)" % (readers.name, n, value))[0] for n in range(5)]
    assert all(b" OK " in line for line in results[:3]) and b"NO [METADATA TOOMANY]" in results[4]
    readers.guest.ok("SETMETADATA %s (/private/k0 NIL)" % readers.name)
    readers.guest.ok('SETMETADATA %s (%s)' % (readers.name, " ".join('/private/n%d "v"' % n for n in range(90))))
    assert b"NO [METADATA TOOMANY]" in readers.guest.do('SETMETADATA %s (%s)' % (readers.name, " ".join('/private/m%d "v"' % n for n in range(20))))[0]
    readers.owner.ok('SETMETADATA Project (%s)' % " ".join('/private/o%d "v"' % n for n in range(100)))
    assert len(readers.all(readers.owner, "Project")) == 100


def test_a_deleted_mailbox_takes_them_along(readers):
    readers.guest.ok('SETMETADATA %s (%s)' % (readers.name, " ".join('/private/n%d "v"' % n for n in range(50))))
    readers.owner.ok("DELETE Project")
    readers.owner.ok("CREATE Project")
    readers.grant("lr")
    assert readers.all(readers.guest) == {}
    assert readers.account.instance.command("check").returncode == 0


def test_another_session_of_the_reader_hears_of_it_and_nobody_else(readers):
    from test_cap_notify import heard, nothing
    second = imap(readers.other)
    for client in (second, readers.third, readers.owner):
        client.ok('NOTIFY SET (mailboxes %s (MailboxMetadataChange)) (mailboxes Project (MailboxMetadataChange))' % readers.name)
    readers.guest.ok('SETMETADATA %s (/private/comment "x")' % readers.name)
    assert heard(second, rb"METADATA") == [b"* METADATA %s /private/comment\r\n" % readers.name.encode()]
    nothing(readers.third)
    nothing(readers.owner)
