"""LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819), STATUS=SIZE (RFC 8438) and STATUS DELETED (RFC 9051 6.3.11)."""

import re

import pytest
from conftest import message
from raw import imap
from test_imap import append


@pytest.fixture
def client(account):
    """The mailboxes of RFC 5258 5, beside those that an account has."""
    client = imap(account)
    for name in ("Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable/Broccoli", "Vegetable/Corn"):
        client.ok("CREATE " + name)
    for line in client.ok('LIST (SUBSCRIBED) "" *'):
        client.ok("UNSUBSCRIBE " + names([line])[0])
    for name in ("INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"):
        client.ok("SUBSCRIBE " + name)
    return client


def names(untagged):
    return [re.match(rb'\* (?:LIST|LSUB) \(.*?\) "/" "?([^" \r]+)', line).group(1).decode() for line in untagged if not line.startswith(b"* STATUS")]


def attributes(untagged, name):
    found = [line for line in untagged if re.search(rb'"/" "?' + name.encode() + rb'"?(?: \(|\r)', line)]
    assert len(found) == 1, (name, untagged)
    return set(re.match(rb"\* LIST \((.*?)\)", found[0]).group(1).split()), found[0]


def test_the_capabilities_are_announced(client):
    assert {b"LIST-EXTENDED", b"LIST-STATUS", b"STATUS=SIZE"} <= set(b"".join(client.ok("CAPABILITY")).split())


def test_subscribed_selects_names_that_exist_or_not(client):
    untagged = client.ok('LIST (SUBSCRIBED) "" "*"')
    assert names(untagged) == ["INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"]
    assert b"\\NonExistent" in attributes(untagged, "Fruit/Peach")[0]
    assert all(b"\\Subscribed" in attributes(untagged, name)[0] for name in names(untagged))
    assert b"\\NonExistent" not in attributes(untagged, "Fruit/Banana")[0]


def test_return_subscribed_marks_without_selecting(client):
    untagged = client.ok('LIST "" "*" RETURN (SUBSCRIBED)')
    assert b"\\Subscribed" in attributes(untagged, "Vegetable/Broccoli")[0] and b"\\Subscribed" not in attributes(untagged, "Vegetable/Corn")[0]
    assert b"\\HasChildren" in attributes(client.ok('LIST () "" % RETURN (CHILDREN)'), "Fruit")[0]


def test_recursivematch_shows_parents_of_what_is_selected(client):
    # RFC 5258 5, example 8: Tofu has nothing below it, Fruit is not subscribed to.
    untagged = client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"')
    assert names(untagged) == ["INBOX", "Fruit", "Vegetable"]
    fruit, line = attributes(untagged, "Fruit")
    assert b"\\Subscribed" not in fruit and line.endswith(b' ("CHILDINFO" ("SUBSCRIBED"))\r\n')
    vegetable, line = attributes(untagged, "Vegetable")
    assert b"\\Subscribed" in vegetable and b"CHILDINFO" in line
    assert b"CHILDINFO" not in attributes(untagged, "INBOX")[1]


def test_recursivematch_makes_up_parents_that_are_no_mailboxes(client):
    client.ok("SUBSCRIBE Nut/Tree/Hazel")
    client.ok("SUBSCRIBE Nut/Tree/Walnut")
    untagged = client.ok('LIST (RECURSIVEMATCH SUBSCRIBED REMOTE) "" (% Nut/%)')
    assert names(untagged) == ["INBOX", "Fruit", "Nut", "Nut/Tree", "Vegetable"]
    assert b"\\NonExistent" in attributes(untagged, "Nut")[0] and b"CHILDINFO" in attributes(untagged, "Nut/Tree")[1]


def test_recursivematch_alone_is_bad(client):
    for options in ("RECURSIVEMATCH", "REMOTE RECURSIVEMATCH", "NOSUCH"):
        assert client.do('LIST (%s) "" "%%"' % options)[0].split()[1] == b"BAD"
    assert client.do('LIST "" "%" RETURN (STATUS)')[0].split()[1] == b"BAD"


def test_several_patterns_tell_each_mailbox_once(client):
    assert names(client.ok('LIST "" (Fruit/* *Banana Tofu)')) == ["Fruit/Apple", "Fruit/Banana", "Tofu"]


def test_special_use_selects_with_others(client):
    client.ok("SUBSCRIBE Sent")
    assert names(client.ok('LIST (SPECIAL-USE SUBSCRIBED) "" *')) == ["Sent"]
    assert b"\\Sent" in attributes(client.ok('LIST (SPECIAL-USE) "" *'), "Sent")[0]


def test_list_status_follows_each_line(client):
    append(client, message("a", "1234\r\n"), "Tofu")
    append(client, message("b"), "Tofu", "\\Seen \\Deleted")
    client.ok("DELETE Fruit")  # has children: stays as \Noselect
    untagged = client.ok('LIST "" (Fruit Tofu Vegetable) RETURN (STATUS (MESSAGES UNSEEN DELETED) CHILDREN)')
    assert [line.split()[1] for line in untagged] == [b"LIST", b"LIST", b"STATUS", b"LIST", b"STATUS"]
    assert untagged[2] == b"* STATUS Tofu (MESSAGES 2 UNSEEN 1 DELETED 1)\r\n"
    assert b"\\Noselect" in attributes(untagged, "Fruit")[0]
    assert untagged[4] == b"* STATUS Vegetable (MESSAGES 0 UNSEEN 0 DELETED 0)\r\n"


def test_status_size_is_the_sum_of_sizes(client):
    one, two = message("a", "1234\r\n"), message("b", "x" * 1000 + "\r\n")
    append(client, one, "Tofu")
    append(client, two, "Tofu")
    assert client.ok("STATUS Tofu (SIZE)") == [b"* STATUS Tofu (SIZE %d)\r\n" % (len(one) + len(two))]
    client.ok("SELECT Tofu")
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    assert client.ok("STATUS Tofu (SIZE DELETED)") == [b"* STATUS Tofu (SIZE %d DELETED 0)\r\n" % len(two)]


def test_status_highestmodseq_moves_with_each_change(client):
    def modseq():
        return int(re.search(rb"HIGHESTMODSEQ (\d+)", client.ok("STATUS Tofu (HIGHESTMODSEQ)")[0]).group(1))

    values = [modseq()]
    append(client, message(), "Tofu")
    values.append(modseq())
    client.ok("SELECT Tofu")
    assert b"MODSEQ (" in client.ok("STORE 1 +FLAGS (\\Seen)")[0]  # STATUS HIGHESTMODSEQ enabled CONDSTORE
    values.append(modseq())
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    values.append(modseq())
    assert values == sorted(set(values)), values
