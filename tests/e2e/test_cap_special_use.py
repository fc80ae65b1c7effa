"""SPECIAL-USE and CREATE-SPECIAL-USE (RFC 6154)."""

import re

from raw import imap


def uses(lines):
    """{name: special uses}"""
    found = {}
    for line in lines:
        attributes, name = re.match(rb'\* LIST \(([^)]*)\) "/" (\S+)\r\n', line).groups()
        found[name.decode().strip('"')] = set(attributes.decode().split()) - {"\\HasNoChildren", "\\HasChildren", "\\Subscribed"}
    return found


def test_the_folders_that_an_account_begins_with_have_their_uses(account):
    client = imap(account)
    assert {b"SPECIAL-USE", b"CREATE-SPECIAL-USE"} <= set(b" ".join(client.ok("CAPABILITY")).split())
    wanted = {"Drafts": {"\\Drafts"}, "Sent": {"\\Sent"}, "Trash": {"\\Trash"}, "Junk": {"\\Junk"}, "Archive": {"\\Archive"}}
    assert uses(client.ok('LIST (SPECIAL-USE) "" "*"')) == wanted
    everything = uses(client.ok('LIST "" "*" RETURN (SPECIAL-USE)'))
    assert everything.pop("INBOX") == set() and everything == wanted
    assert uses(client.ok('LIST "" "%"'))["Sent"] == {"\\Sent"}


def test_create_gives_a_new_mailbox_a_use_that_stays_with_a_rename(account):
    client = imap(account)
    client.ok('CREATE MySpecial (USE (\\Drafts \\Sent))')
    assert uses(client.ok('LIST "" MySpecial')) == {"MySpecial": {"\\Drafts", "\\Sent"}}
    client.ok("RENAME MySpecial Other")
    assert uses(client.ok('LIST "" Other')) == {"Other": {"\\Drafts", "\\Sent"}}
    client.ok("DELETE Other")
    client.ok("CREATE Other")
    assert uses(client.ok('LIST "" Other')) == {"Other": set()}


def test_what_is_no_use_is_bad_and_makes_nothing(account):
    client = imap(account)
    for bad in ("(USE (\\Nonsense))", "(USE \\Sent)", "(USE ())", "(USE (\\Sent)", "(FOO (\\Sent))"):
        assert client.do("CREATE never " + bad)[0].split()[1] in (b"BAD", b"NO"), bad
    assert client.ok('LIST "" never') == []
