"""QUOTASET (RFC 9208 4.1.3): who has imap.administrator sets others' quotas over IMAP, and nobody else does."""

import re

import pytest
from conftest import message, new_account
from raw import Imap, imap
from test_imap import append


class People:
    def __init__(self, instance):
        self.instance = instance
        self.boss, self.user = new_account(instance), new_account(instance)
        assert instance.command("user", "set", self.boss.user, "imap.administrator=true").returncode == 0
        self.root = "account/" + self.user.user
        self.client = imap(self.boss)


@pytest.fixture
def people(server):
    return People(server)


def answer(client, command):
    return client.do(command)[0].split(b" ", 1)[1]


def quota(people, limits):
    """What GETQUOTA and GETQUOTAROOT say of the user's root."""
    line = b"* QUOTA %s (%s)\r\n" % (people.root.encode(), limits)
    assert people.client.ok("GETQUOTA " + people.root) == [line]
    name = b'"Other Users/%s/INBOX"' % people.user.user.encode()
    assert people.client.ok(b"GETQUOTAROOT " + name) == [b"* QUOTAROOT %s %s\r\n" % (name, people.root.encode()), line]


def test_it_is_announced_to_whom_may(people, account):
    for client, may in ((people.client, True), (imap(account), False)):
        assert (b"QUOTASET" in client.ok("CAPABILITY")[0].split()) == may
    login, _ = Imap(people.boss.instance.ports["imap"]).do('LOGIN "%s" "%s"' % (people.boss.user, people.boss.password))
    assert b"QUOTASET" in re.split(rb"[ \]]", login)


def test_the_rfcs_example(people):
    """A limit that isn't named is none any more."""
    client, root = people.client, people.root
    quota(people, b"MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096")
    assert client.ok("SETQUOTA %s (STORAGE 111 MESSAGE 1000)" % root) == [b"* QUOTA %s (STORAGE 0 111 MESSAGE 0 1000 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096)\r\n" % root.encode()]
    assert client.ok('SETQUOTA "%s" (storage 512)' % root) == [b"* QUOTA %s (STORAGE 0 512 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096)\r\n" % root.encode()]
    quota(people, b"STORAGE 0 512 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096")
    assert client.ok("SETQUOTA %s ()" % root) == [b"* QUOTA %s (MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096)\r\n" % root.encode()]
    for refused in ("(STORAGE 5 X-OTHER 3)", "(MAILBOX 10)", "(STORAGE 0)", "(MESSAGE 0)", "(STORAGE 9223372036854775807)"):
        assert answer(client, "SETQUOTA %s %s" % (root, refused)).startswith(b"NO [CANNOT]"), refused
    quota(people, b"MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096")


def test_a_limit_is_the_command_lines_and_keeps_mail_out(people):
    people.client.ok("SETQUOTA %s (MESSAGE 1)" % people.root)
    people.user.deliver(message("first"))
    with pytest.raises(AssertionError, match="452 4.2.2"):
        people.user.deliver(message("second"))
    reader = imap(people.user)
    reader.send(b"a APPEND INBOX {12+}\r\nSubject: x\r\n\r\n")
    assert reader.until(b"a")[0].startswith(b"a NO [OVERQUOTA]")
    assert reader.ok("GETQUOTA account") == [b"* QUOTA account (MESSAGE 1 1 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096)\r\n"]
    people.client.ok("SETQUOTA %s (STORAGE 64)" % people.root)
    assert "64 KiB" in people.instance.command("account", "show", people.user.user).stdout
    people.user.deliver(message("second"))
    assert people.instance.command("account", "quota", people.user.user, "131072").returncode == 0
    quota(people, b"STORAGE 1 128 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096")


def test_what_annotations_may_take(people):
    """RFC 9208 5.4"""
    client, root, user = people.client, people.root, imap(people.user)
    line = b"* QUOTA %s (MAILBOX 6 50000 ANNOTATION-STORAGE 0 %d)\r\n"
    assert client.ok("SETQUOTA %s (ANNOTATION-STORAGE 1)" % root) == [line % (root.encode(), 1)]
    append(user, message("m"))
    user.ok("SELECT INBOX")
    assert b"NO [OVERQUOTA]" in user.do("STORE 1 ANNOTATION (/comment (value.priv {1100+}\r\n%s))" % ("x" * 1100))[0]
    user.ok("STORE 1 ANNOTATION (/comment (value.priv {1000+}\r\n%s))" % ("x" * 1000))
    assert user.ok("GETQUOTA account") == [b"* QUOTA account (MAILBOX 6 50000 ANNOTATION-STORAGE 1 1)\r\n"]
    for refused in ("(ANNOTATION-STORAGE 0)", "(ANNOTATION-STORAGE 1048577)"):
        assert answer(client, "SETQUOTA %s %s" % (root, refused)).startswith(b"NO [CANNOT]"), refused
    user.ok("STORE 1 ANNOTATION (/comment (value.priv NIL))")
    assert client.ok("SETQUOTA %s ()" % root) == [line % (root.encode(), 4096)]
    assert people.instance.command("check").returncode == 0


def test_the_administrators_own_root(people):
    client = people.client
    assert client.ok("SETQUOTA account (STORAGE 4096)") == [b"* QUOTA account (STORAGE 0 4096 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096)\r\n"]
    assert client.ok('GETQUOTAROOT INBOX') == [b"* QUOTAROOT INBOX account\r\n", b"* QUOTA account (STORAGE 0 4096 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096)\r\n"]
    assert client.ok("GETQUOTA account/" + people.boss.user) == [b"* QUOTA account (STORAGE 0 4096 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096)\r\n"]


def test_nobody_else_hears_of_others_roots_or_sets_any(people, account):
    client = imap(account)
    for who in (people.root, "account/nobody-at-all", "account/"):
        assert answer(client, "GETQUOTA " + who).startswith(b"NO [NONEXISTENT]")
    for who in (people.root, "account", "account/" + account.user, "nonsense"):
        assert answer(client, "SETQUOTA %s (STORAGE 1)" % who).startswith(b"NO [NOPERM]")
    assert answer(client, 'GETQUOTAROOT "Other Users/%s/INBOX"' % people.user.user).startswith(b"NO [NONEXISTENT]")
    imap(people.user).ok("SETACL INBOX %s lrswipkxtea" % account.user)
    name = '"Other Users/%s/INBOX"' % people.user.user
    assert client.ok("GETQUOTAROOT " + name) == [b"* QUOTAROOT %s\r\n" % name.encode()]
    assert answer(client, "SETQUOTA %s (STORAGE 1)" % people.root).startswith(b"NO [NOPERM]")
    quota(people, b"MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096")


def test_a_root_that_is_not_there(people):
    for who in ("account/nobody-at-all", "account/", "nonsense", '""'):
        assert answer(people.client, "GETQUOTA " + who).startswith(b"NO [NONEXISTENT]"), who
        assert answer(people.client, "SETQUOTA %s (STORAGE 5)" % who).startswith(b"NO [NONEXISTENT]"), who
    assert answer(people.client, 'GETQUOTAROOT "Other Users/nobody-at-all/INBOX"').startswith(b"NO [NONEXISTENT]")


def test_the_setting_is_a_bool_and_can_be_taken_back(people):
    def set_(word):
        return people.instance.command("user", "set", people.boss.user, "imap.administrator=" + word, check=False)
    assert set_("maybe").returncode != 0
    assert "imap.administrator" in people.instance.command("user", "settings", people.boss.user).stdout
    assert set_("").returncode == 0
    assert b"QUOTASET" not in people.client.ok("CAPABILITY")[0].split()
    assert answer(people.client, "SETQUOTA %s (STORAGE 1)" % people.root).startswith(b"NO [NOPERM]")
    assert set_("false").returncode == 0
    assert answer(people.client, "GETQUOTA " + people.root).startswith(b"NO [NONEXISTENT]")


def test_limits_and_the_right_to_set_them_outlive_a_kill(own_server):
    instance = own_server()
    people = People(instance)
    append(imap(people.user), message("m"))
    people.client.ok("SETQUOTA %s (STORAGE 100 MESSAGE 7)" % people.root)
    instance.kill()
    instance.start()
    people.client = imap(people.boss)
    assert b"QUOTASET" in people.client.ok("CAPABILITY")[0].split()
    quota(people, b"STORAGE 1 100 MESSAGE 1 7 MAILBOX 6 50000 ANNOTATION-STORAGE 0 4096")
    assert instance.command("check").returncode == 0
