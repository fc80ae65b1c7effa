"""COPY and MOVE between two accounts."""

import re

import pytest

from conftest import message, new_account
from raw import imap
from test_acl_seen import seen
from test_cap_acl import Two, answer, others, share  # noqa: F401
from test_imap import append


@pytest.fixture
def two(account, other):
    two = Two(account, other)
    two.grant("lrswite")
    return two


def bodies(client):
    """Octets of all messages, by number."""
    found = []
    for row in client.ok("FETCH 1:* (INTERNALDATE BODY.PEEK[])"):
        found.append((re.search(rb'INTERNALDATE ("[^"]*")', row).group(1), row.split(b"}\r\n", 1)[1][:-3]))
    return found


def test_a_copy_is_the_same_message(two):
    big = message("big", ("x" * 70 + "\r\n") * 9000)
    append(two.owner, big, mailbox="Project")
    two.owner.ok("SELECT Project")
    two.owner.ok("STORE 2 +FLAGS (\\Flagged word)")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("STORE 3 +FLAGS (\\Seen)")
    status = two.guest.do("COPY 1:4 INBOX")[0]
    assert re.search(rb"OK \[COPYUID \d+ 1:4 1:4\]", status), status
    want = bodies(two.guest)
    two.guest.ok("SELECT INBOX")
    assert bodies(two.guest) == want and want[3][1] == big
    flags = [re.search(rb"FLAGS \(([^)]*)\)", row).group(1) for row in two.guest.ok("FETCH 1:* FLAGS")]
    assert flags == [b"", b"\\Flagged word", b"\\Seen", b""]
    two.owner.ok("NOOP")
    assert len(bodies(two.owner)) == 4 and seen(two.owner) == []


def test_a_copy_to_others_has_the_flags_that_rights_allow(two):
    append(two.guest, message("mine"), flags="\\Seen \\Flagged \\Deleted word")
    two.guest.ok("SELECT INBOX")
    two.grant("lrsit")
    two.guest.ok("COPY 1 " + two.name)
    two.owner.ok("SELECT Project")
    assert two.owner.ok("FETCH 4 FLAGS") == [b"* 4 FETCH (FLAGS (\\Deleted))\r\n"]
    two.guest.ok("SELECT " + two.name)
    assert seen(two.guest) == [4]


def test_a_move_leaves_nothing_behind(two):
    two.guest.ok("SELECT " + two.name)
    status, told = two.guest.do("MOVE 1,3 INBOX")
    assert b" OK " in status and any(b"COPYUID" in row for row in told)
    assert [row for row in told if b"EXPUNGE" in row] == [b"* 1 EXPUNGE\r\n", b"* 2 EXPUNGE\r\n"]
    assert b"MESSAGES 1)" in two.owner.ok("STATUS Project (MESSAGES)")[0]
    assert b"MESSAGES 2)" in two.guest.ok("STATUS INBOX (MESSAGES)")[0]
    two.grant("lrswit")
    assert answer(two.guest, "MOVE 1 INBOX").startswith(b"NO [NOPERM]")
    assert b"MESSAGES 1)" in two.owner.ok("STATUS Project (MESSAGES)")[0]


def test_between_two_others(server, two):
    third = new_account(server)
    owner = imap(third)
    owner.ok("CREATE Box")
    share(owner, "Box", two.other.user, "lris")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("STORE 2 +FLAGS (\\Seen)")
    two.guest.ok("COPY 1:* " + others(third, "Box"))
    two.guest.ok("SELECT " + others(third, "Box"))
    assert seen(two.guest) == [2]
    owner.ok("SELECT Box")
    assert seen(owner) == []


def test_what_is_gone_is_left_out_and_nothing_is_nothing(two):
    two.guest.ok("SELECT " + two.name)
    two.owner.ok("SELECT Project")
    two.owner.ok("STORE 1:3 +FLAGS (\\Deleted)")
    two.owner.ok("EXPUNGE")
    assert b"OK No messages" in two.guest.do("UID COPY 1:3 INBOX")[0]


def test_the_quota_of_who_gets_them_counts(server, two):
    server.command("account", "quota", two.other.user, "1000")
    append(two.owner, message("big", "x" * 70 + "\r\n" + "y" * 900 + "\r\n"), mailbox="Project")
    two.guest.ok("SELECT " + two.name)
    assert answer(two.guest, "COPY 1:* INBOX").startswith(b"NO [OVERQUOTA]")
    assert b"MESSAGES 0)" in two.guest.ok("STATUS INBOX (MESSAGES)")[0]
    assert answer(two.guest, "MOVE 1:* INBOX").startswith(b"NO [OVERQUOTA]")
    assert b"MESSAGES 4)" in two.owner.ok("STATUS Project (MESSAGES)")[0]


def test_too_many_at_once_are_refused_and_nothing_happens(two):
    for _ in range(7):
        two.owner.ok("SELECT Project")
        two.owner.ok("COPY 1:* Project")
    assert answer(two.guest, "SELECT " + two.name).startswith(b"OK")
    assert answer(two.guest, "COPY 1:* INBOX").startswith(b"NO [LIMIT]")
    assert b"MESSAGES 0)" in two.guest.ok("STATUS INBOX (MESSAGES)")[0]
    assert b"COPYUID" in two.guest.do("COPY 1:256 INBOX")[0]


def test_check_and_a_restart_find_all_in_place(own_server):
    instance = own_server()
    two = Two(new_account(instance), new_account(instance))
    two.grant("lrswite")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("MOVE 1:2 INBOX")
    instance.command("check")
    instance.kill()
    instance.start()
    client = imap(two.other, "INBOX")
    assert len(bodies(client)) == 2


# ---- REPLACE (RFC 8508) from one account to another

NEW = message("the new one")


def replace(client, command, octets=NEW):
    client.send(b"r %s {%d+}\r\n%s\r\n" % (command.encode(), len(octets), octets))
    return client.until(b"r")


def subjects(client, mailbox):
    client.ok("SELECT " + mailbox)
    return re.findall(rb"Subject: ([^\r]*)\r\n", b"".join(client.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]"))) if b"* 0 EXISTS\r\n" not in client.ok("EXAMINE " + mailbox) else []


def test_replace_puts_the_new_one_into_anothers_mailbox_and_takes_the_old_one(two):
    append(two.guest, message("draft"), mailbox="Drafts")
    append(two.guest, message("other draft"), mailbox="Drafts")
    two.guest.ok("SELECT Drafts")
    status, told = replace(two.guest, "REPLACE 1 " + two.name)
    assert status.startswith(b"r OK") and re.match(rb"\* OK \[APPENDUID \d+ 4\]", told[0]) and b"* 1 EXPUNGE\r\n" in told
    assert subjects(two.owner, "Project")[-1] == b"the new one"
    assert subjects(two.guest, "Drafts") == [b"other draft"]


def test_replace_of_anothers_message_wants_the_rights_to_remove_it(two):
    two.guest.ok("SELECT " + two.name)
    status, told = replace(two.guest, "UID REPLACE 2 INBOX")
    assert status.startswith(b"r OK") and b"* 2 EXPUNGE\r\n" in told
    assert subjects(two.guest, "INBOX") == [b"the new one"]
    two.owner.ok("SELECT Project")
    assert re.findall(rb"UID (\d+)", b"".join(two.owner.ok("FETCH 1:* UID"))) == [b"1", b"3"]
    for rights in ("lrswi", "lrswie", "lrswit"):
        two.grant(rights)
        two.guest.ok("SELECT " + two.name)
        assert replace(two.guest, "UID REPLACE 3 INBOX")[0].startswith(b"r NO [NOPERM]"), rights
    assert subjects(two.guest, "INBOX") == [b"the new one"]
    two.grant("lrste")
    two.guest.ok("SELECT INBOX")
    assert replace(two.guest, "REPLACE 1 " + two.name)[0].startswith(b"r NO [NOPERM]")
    two.owner.ok("NOOP")
    assert len(two.owner.ok("FETCH 1:* UID")) == 2


def test_replace_across_adds_nothing_where_there_is_nothing_to_replace(two):
    append(two.guest, message("draft"))
    two.guest.ok("SELECT INBOX")
    elsewhere = imap(two.other, "INBOX")
    elsewhere.ok("STORE 1 +FLAGS (\\Deleted)")
    elsewhere.ok("EXPUNGE")
    assert replace(two.guest, "UID REPLACE 1 " + two.name)[0].startswith(b"r NO [EXPUNGEISSUED]")
    assert replace(two.guest, "UID REPLACE 77 " + two.name)[0].startswith(b"r NO [NONEXISTENT]")
    two.owner.ok("SELECT Project")
    assert len(two.owner.ok("FETCH 1:* UID")) == 3


def test_replace_across_is_measured_by_the_quota_of_where_it_goes(two):
    append(two.guest, message("draft"))
    two.guest.ok("SELECT INBOX")
    two.account.instance.command("account", "quota", two.account.user, "10")
    assert replace(two.guest, "REPLACE 1 " + two.name)[0].startswith(b"r NO [OVERQUOTA]")
    assert len(two.guest.ok("FETCH 1:* UID")) == 1
