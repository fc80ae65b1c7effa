"""\\Seen in a shared mailbox is each reader's own."""

import re

import pytest

from conftest import message, new_account
from raw import imap
from test_cap_acl import Two, others
from test_imap import append


@pytest.fixture
def two(account, other):
    two = Two(account, other)
    two.grant("lrs")
    return two


def seen(client, numbers="1:*"):
    rows = client.ok("FETCH %s FLAGS" % numbers)
    return [int(row.split()[1]) for row in rows if b"\\Seen" in row]


def test_select_says_read_only_and_that_seen_is_kept(two):
    status, told = two.guest.do("SELECT " + two.name)
    assert b"[READ-ONLY]" in status and any(b"[PERMANENTFLAGS (\\Seen)]" in row for row in told)


def test_the_owners_is_not_touched_and_not_shown(two):
    two.owner.ok("SELECT Project")
    two.owner.ok("STORE 3 +FLAGS (\\Seen)")
    two.guest.ok("SELECT " + two.name)
    assert seen(two.guest) == []
    two.guest.ok("STORE 1 +FLAGS (\\Seen)")
    two.guest.ok("FETCH 2 BODY[]")
    assert seen(two.guest) == [1, 2]
    two.owner.ok("NOOP")
    assert seen(two.owner) == [3]
    again = imap(two.other, two.name)
    assert seen(again) == [1, 2]


def test_without_the_right_nothing_is_marked(two):
    two.grant("lr")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("FETCH 1 BODY[]")
    assert two.guest.do("STORE 2 +FLAGS (\\Seen)")[0].split(b" ", 1)[1].startswith(b"NO [NOPERM]")
    assert seen(two.guest) == []


def test_search_and_counts_are_the_readers(two):
    two.owner.ok("SELECT Project")
    two.owner.ok("STORE 1:3 +FLAGS (\\Seen)")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("STORE 2 +FLAGS (\\Seen)")
    assert two.guest.ok("SEARCH SEEN") == [b"* SEARCH 2\r\n"]
    assert two.guest.ok("SEARCH UNSEEN") == [b"* SEARCH 1 3\r\n"]
    assert two.guest.ok("SORT (ARRIVAL) UTF-8 UNSEEN") == [b"* SORT 1 3\r\n"]
    assert b"UNSEEN 2)" in two.guest.ok("STATUS %s (UNSEEN)" % two.name)[0]
    assert b"UNSEEN 0)" in two.owner.ok("STATUS Project (UNSEEN)")[0]
    rows = two.guest.ok('LIST "" "Other Users/*" RETURN (STATUS (UNSEEN))')
    assert any(b"(UNSEEN 2)" in row for row in rows)
    assert any(b"[UNSEEN 1]" in row for row in two.guest.ok("SELECT " + two.name))


def test_modseqs_rise_and_the_readers_other_session_hears(two):
    two.guest.ok("ENABLE CONDSTORE")
    two.guest.ok("SELECT " + two.name)
    second = imap(two.other, two.name)
    before = int(re.search(rb"HIGHESTMODSEQ (\d+)", two.guest.ok("STATUS %s (HIGHESTMODSEQ)" % two.name)[0]).group(1))
    told = two.guest.ok("STORE 2 +FLAGS (\\Seen)")[0]
    after = int(re.search(rb"MODSEQ \((\d+)\)", told).group(1))
    assert after > before
    assert second.ok("NOOP") == [b"* 2 FETCH (FLAGS (\\Seen))\r\n"]
    rows = two.guest.ok("FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % before)
    assert len(rows) == 1 and b"FLAGS (\\Seen)" in rows[0]
    status = two.guest.do("STORE 2 (UNCHANGEDSINCE %d) -FLAGS (\\Seen)" % before)[0]
    assert b"[MODIFIED 2]" in status


def test_idle_of_the_owner_hears_of_nothing_it_would_show(two):
    two.owner.ok("SELECT Project")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("STORE 1 +FLAGS (\\Seen)")
    assert two.owner.ok("NOOP") in ([], [b"* 1 FETCH (FLAGS ())\r\n"])


def test_what_one_puts_in_is_seen_by_oneself(two):
    two.grant("lrsi")
    append(two.guest, message("put"), mailbox=two.name, flags="\\Seen")
    two.guest.ok("SELECT " + two.name)
    assert seen(two.guest) == [4]
    two.owner.ok("SELECT Project")
    assert seen(two.owner) == []


def test_a_copy_among_shared_mailboxes_keeps_the_readers(two):
    two.owner.ok("CREATE Archived")
    two.grant("lrsi", "Archived")
    two.owner.ok("SELECT Project")
    two.owner.ok("STORE 1 +FLAGS (\\Seen)")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("STORE 2:3 +FLAGS (\\Seen)")
    assert b"COPYUID" in two.guest.do("COPY 1:3 " + others(two.account, "Archived"))[0]
    two.guest.ok("SELECT " + others(two.account, "Archived"))
    assert seen(two.guest) == [2, 3]
    two.owner.ok("SELECT Archived")
    assert seen(two.owner) == []


def test_it_is_there_after_a_restart_and_the_store_is_sound(own_server):
    instance = own_server()
    two = Two(new_account(instance), new_account(instance))
    two.grant("lrs")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("STORE 2 +FLAGS (\\Seen)")
    instance.kill()
    instance.start()
    assert seen(imap(two.other, two.name)) == [2]
    instance.command("check")
