"""What LIST shows of the mailboxes that others share."""

import pytest

from conftest import eventually, new_account
from raw import imap
from test_cap_acl import Two, acl_of, others, share  # noqa: F401


@pytest.fixture
def two(account, other):
    return Two(account, other)


def listed(client, command='LIST "" *'):
    """name -> attributes"""
    rows = {}
    for row in client.ok(command):
        kind, rest = row.decode().strip().split(" (", 1)
        if kind in ("* LIST", "* LSUB"):
            attributes, name = rest.split(') "/" ', 1)
            rows[name.strip('"')] = set(attributes.split())
    return rows


def foreign(client, command='LIST "" *'):
    return {name: attributes for name, attributes in listed(client, command).items() if name.startswith(("Other", "Shared"))}


def test_whoever_is_shared_with_nothing_sees_nothing(server):
    instance = server
    assert foreign(imap(new_account(instance))) == {}


def test_what_may_be_looked_up_is_listed_with_its_parents(two):
    two.owner.ok("CREATE Project/a/b")
    two.grant("r", "Project")
    two.grant("lr", "Project/a/b")
    root = "Other Users/" + two.account.user
    assert foreign(two.guest) == {
        "Other Users": {"\\Noselect", "\\HasChildren"}, root: {"\\Noselect", "\\HasChildren"},
        root + "/Project": {"\\Noselect", "\\HasChildren"}, root + "/Project/a": {"\\Noselect", "\\HasChildren"},
        root + "/Project/a/b": {"\\HasNoChildren"}}
    two.grant("l", "Project")
    rows = foreign(two.guest)
    assert rows[root + "/Project"] == {"\\HasChildren"}
    two.grant("", "Project/a/b")
    assert foreign(two.guest) == {
        "Other Users": {"\\Noselect", "\\HasChildren"}, root: {"\\Noselect", "\\HasChildren"}, root + "/Project": {"\\HasNoChildren"}}


def test_levels_can_be_walked(two):
    two.grant("lr")
    assert foreign(two.guest, 'LIST "" %') == {"Other Users": {"\\Noselect", "\\HasChildren"}}
    root = "Other Users/" + two.account.user
    assert list(foreign(two.guest, 'LIST "Other Users/" %')) == [root]
    assert foreign(two.guest, 'LIST "" "%s/%%"' % root) == {root + "/Project": {"\\HasNoChildren"}}
    assert foreign(two.guest, 'LIST "" INBOX*') == {}


def test_others_uses_and_subscriptions_are_theirs(two):
    two.owner.ok("SUBSCRIBE Project")
    two.grant("lr", "Sent")
    two.grant("lr")
    root = "Other Users/" + two.account.user
    assert "\\Sent" not in foreign(two.guest)[root + "/Sent"]
    assert foreign(two.guest, 'LIST (SUBSCRIBED) "" *') == {}
    two.guest.ok("SUBSCRIBE " + two.name)
    assert foreign(two.guest, 'LIST (SUBSCRIBED) "" *') == {root + "/Project": {"\\HasNoChildren", "\\Subscribed"}}
    assert foreign(two.guest, 'LSUB "" *') == {root + "/Project": set()}
    assert foreign(two.guest, 'LIST "" * RETURN (SUBSCRIBED)')[root + "/Project"] == {"\\HasNoChildren", "\\Subscribed"}
    two.owner.ok("DELETEACL Project " + two.other.user)
    assert foreign(two.guest, 'LIST (SUBSCRIBED) "" *') == {root + "/Project": {"\\NonExistent", "\\HasNoChildren", "\\Subscribed"}}
    two.guest.ok("UNSUBSCRIBE " + two.name)
    assert foreign(two.guest, 'LSUB "" *') == {}


def test_status_is_told_where_one_may_read(two):
    two.grant("lr")
    two.owner.ok("CREATE Unread")
    two.grant("l", "Unread")
    rows = [row for row in two.guest.ok('LIST "" "Other Users/*" RETURN (STATUS (MESSAGES))') if row.startswith(b"* STATUS")]
    assert rows == [b'* STATUS %s (MESSAGES 3)\r\n' % two.name.encode()]


def test_an_own_mailbox_of_such_a_name_comes_first(server, two):
    """As an import may bring it."""
    root = "Other Users/" + two.account.user
    server.command("mailbox", "create", two.other.user, root + "/Project")
    two.grant("lr")
    two.guest.ok("SELECT " + two.name)
    assert b"* 0 EXISTS\r\n" in two.guest.ok("SELECT " + two.name)
    assert foreign(two.guest)[root + "/Project"] == {"\\HasNoChildren"}


def test_a_group_sees_what_is_shared_with_it(server, two):
    share(two.owner, "Project", "$readers", "lr")
    assert foreign(two.guest) == {}
    server.command("user", "group", two.other.user, "--add=readers")
    eventually(lambda: two.name.strip('"') in foreign(two.guest), what="a listing by the new group")  # mail hears of it a moment later


def test_a_name_that_was_shared_once_is_not_listed(server, two):
    two.grant("lr")
    two.owner.ok("RENAME Project Elsewhere")
    assert others(two.account, "Elsewhere").strip('"') in foreign(two.guest)
    server.command("user", "remove", two.account.user, "--yes")
    assert foreign(two.guest) == {}
