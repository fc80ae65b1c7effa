"""NOTIFY (RFC 5465)."""

import re
import socket

import pytest
from conftest import Account, deliver, eventually, message, new_account
from raw import imap
from test_search import fill

ALL = "(MessageNew MessageExpunge FlagChange)"
NAMES = "(personal (MailboxName SubscriptionChange))"


def heard(client, *wanted, silent=()):
    """Lines as they come, without a command, until each pattern was seen in its order; none of `silent` among them."""
    lines = []
    for pattern in wanted:
        while True:
            line = client.response()
            lines.append(line)
            assert not any(re.search(bad, line) for bad in silent), lines
            if re.search(pattern, line):
                break
    return lines


def nothing(client, seconds=0.3):
    """Nothing comes of itself, nor with a NOOP."""
    client.socket.settimeout(seconds)
    try:
        line = client.line()
    except socket.timeout:
        line = None
    client.socket.settimeout(20)
    assert line is None, line
    assert client.ok("NOOP") == []


def refused(client, command, status=b"BAD"):
    line, untagged = client.do(command)
    assert line.split()[1] == status and untagged == [], line
    return line


def append(client, mailbox, subject="hello"):
    octets = message(subject)
    client.ok(b"APPEND %s {%d+}\r\n%s" % (mailbox.encode(), len(octets), octets))


# ---- the dialogues of the RFC


def test_section_3_a_list_is_watched_and_new_mail_is_fetched(account):
    client, two = imap(account), imap(account)
    assert b"NOTIFY" in client.ok("CAPABILITY")[0].split()
    for name in ("Lists", "Lists/Lemonade", "Lists/Im2000", "misc"):
        client.ok("CREATE " + name)
    append(client, "Lists/Lemonade")
    lines = client.ok("notify set status (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)"
                      " (subtree Lists (MessageNew MessageExpunge))")
    assert [line.split(b" (")[0] for line in lines] == [b"* STATUS Lists", b"* STATUS Lists/Im2000", b"* STATUS Lists/Lemonade"]
    assert re.search(rb"MESSAGES 1 UIDNEXT 2 UIDVALIDITY \d+\)", lines[2])
    client.ok("select inbox")
    append(two, "Lists/Lemonade")
    assert heard(client, rb"STATUS")[-1] == b"* STATUS Lists/Lemonade (UIDNEXT 3 MESSAGES 2)\r\n"
    account.deliver(message("good morning"))
    lines = heard(client, rb"1 EXISTS", rb"(?i)1 FETCH \(UID 1 BODY\[HEADER.FIELDS \(from to subject\)\] \{\d+\}")
    assert b"Subject: good morning\r\n" in lines[-1]
    append(two, "misc")
    nothing(client)
    client.ok("notify set (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)"
              " (subtree Lists (MessageNew MessageExpunge)) (mailboxes misc (MessageNew MessageExpunge))")
    append(two, "misc")
    assert heard(client, rb"STATUS")[-1] == b"* STATUS misc (UIDNEXT 3 MESSAGES 2)\r\n"


def test_section_5_events_of_the_selected_mailbox(account):
    client, two = imap(account, "INBOX"), imap(account)
    fill(two, [message() for _ in range(3)])
    two.ok("SELECT INBOX")
    # SET is a NOOP too: what came before is told, without a FETCH.
    assert b"* 3 EXISTS\r\n" in client.ok("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))")
    two.ok("STORE 2 +FLAGS ($Junk)")
    assert heard(client, rb"FETCH")[-1] == b"* 2 FETCH (UID 2 FLAGS ($Junk))\r\n"
    two.ok("STORE 1 +FLAGS (\\Deleted)")
    two.ok("EXPUNGE")
    heard(client, rb"\* 1 FETCH \(UID 1 FLAGS \(\\Deleted\)", rb"\* 1 EXPUNGE")
    append(two, "INBOX")
    heard(client, rb"\* 3 EXISTS", rb"\* 3 FETCH \(UID 4 FLAGS \(\)\)")
    nothing(client)


def test_section_5_4_names(account):
    client, two = imap(account), imap(account)
    client.ok("NOTIFY SET " + NAMES)
    two.ok("CREATE NewMailbox")
    assert heard(client, rb"LIST") == [b'* LIST (\\HasNoChildren) "/" NewMailbox\r\n']
    two.ok("RENAME NewMailbox Other")
    assert heard(client, rb"LIST") == [b'* LIST (\\HasNoChildren) "/" Other ("OLDNAME" (NewMailbox))\r\n']
    # The direct parent of what comes or goes is affected too.
    two.ok("CREATE Other/Child")
    assert heard(client, rb"LIST", rb"LIST") == [b'* LIST (\\HasChildren) "/" Other\r\n', b'* LIST (\\HasNoChildren) "/" Other/Child\r\n']
    # Children that are renamed with their parent have no event of their own.
    two.ok("RENAME Other Third")
    assert heard(client, rb"LIST") == [b'* LIST (\\HasChildren) "/" Third ("OLDNAME" (Other))\r\n']
    nothing(client)
    # A deleted parent stays as a name.
    two.ok("DELETE Third")
    assert heard(client, rb"LIST") == [b'* LIST (\\NonExistent \\Noselect \\HasChildren) "/" Third\r\n']
    two.ok("DELETE Third/Child")
    assert sorted(heard(client, rb"LIST", rb"LIST")) == [b'* LIST (\\NonExistent) "/" Third\r\n', b'* LIST (\\NonExistent) "/" Third/Child\r\n']
    nothing(client)


def test_section_5_5_subscriptions(account):
    client, two = imap(account), imap(account)
    two.ok("CREATE SubscribedMailbox")
    client.ok("NOTIFY SET (personal (SubscriptionChange))")
    two.ok("SUBSCRIBE SubscribedMailbox")
    assert heard(client, rb"LIST") == [b'* LIST (\\HasNoChildren \\Subscribed) "/" SubscribedMailbox\r\n']
    two.ok("UNSUBSCRIBE SubscribedMailbox")
    assert heard(client, rb"LIST") == [b'* LIST (\\HasNoChildren) "/" SubscribedMailbox\r\n']
    two.ok("SUBSCRIBE nowhere")
    assert heard(client, rb"LIST") == [b'* LIST (\\NonExistent \\Noselect \\Subscribed) "/" nowhere\r\n']
    two.ok("UNSUBSCRIBE nowhere")
    assert heard(client, rb"LIST") == [b'* LIST (\\NonExistent) "/" nowhere\r\n']
    two.ok("CREATE other")  # a name is no subscription
    nothing(client)


def test_section_5_6_and_5_7_metadata(account):
    client, two = imap(account), imap(account)
    two.ok('SETMETADATA INBOX (/private/old "x")')
    client.ok("NOTIFY SET (personal (MailboxMetadataChange ServerMetadataChange))")
    two.ok('SETMETADATA INBOX (/shared/comment "one")')
    assert heard(client, rb"METADATA") == [b"* METADATA INBOX /shared/comment\r\n"]
    two.ok('SETMETADATA INBOX (/shared/comment "two" /private/comment "x")')
    assert sorted(heard(client, rb"METADATA")[0].split()[3:]) == [b"/private/comment", b"/shared/comment"]
    two.ok("SETMETADATA INBOX (/private/old NIL)")  # what goes is named too
    assert heard(client, rb"METADATA") == [b"* METADATA INBOX /private/old\r\n"]
    two.ok('SETMETADATA "" (/private/comment "x")')
    assert heard(client, rb"METADATA") == [b'* METADATA "" /private/comment\r\n']
    two.ok('SETMETADATA "" (/private/comment "x")')  # nothing changed
    nothing(client)


def test_section_7_update_brings_items_in_one_response(account):
    client, two = imap(account, "INBOX"), imap(account)
    client.send(b"a00 SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])) SUBJECT boss\r\n")
    assert client.until(b"a00")[1] == [b'* ESEARCH (TAG "a00") COUNT 0\r\n']
    fill(two, [message("boss"), message("nobody")])
    lines = client.ok("NOOP")
    kinds = [word for line in lines for word in (b"EXISTS", b"ADDTO", b"FETCH") if word in line]
    assert kinds == [b"EXISTS", b"ADDTO", b"FETCH"] and b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)]" in lines[-1]
    # With NOTIFY the items are joined; a message that fits by its flags isn't sent.
    client.ok("NOTIFY SET (selected (MessageNew (FLAGS UID) MessageExpunge))")
    append(two, "INBOX", "boss")
    line = heard(client, rb"3 EXISTS", rb"ADDTO \(0 3\)", rb"FETCH")[-1]
    assert line.startswith(b"* 3 FETCH (FLAGS () UID 3 BODY[HEADER.FIELDS (SUBJECT)] {") and line.count(b"UID 3") == 1
    append(two, "INBOX", "nobody")
    assert heard(client, rb"4 EXISTS", rb"FETCH")[-1] == b"* 4 FETCH (FLAGS () UID 4)\r\n"
    client.ok("SEARCH RETURN (UPDATE (BODY.PEEK[])) FLAGGED")
    two.ok("SELECT INBOX")
    two.ok("STORE 1 +FLAGS (\\Flagged)")
    heard(client, rb"ADDTO", silent=[rb"FETCH"])
    for bad in ("UPDATE ()", "UPDATE (NOSUCH)", "UPDATE (UID", "UPDATE UID"):
        refused(client, "SEARCH RETURN (%s) ALL" % bad)


# ---- what is not wanted


def test_without_selected_nothing_is_told_of_the_selected_mailbox(account):
    client, two = imap(account), imap(account, "INBOX")
    fill(two, [message() for _ in range(4)])
    client.ok("SELECT INBOX")
    for command in ("NOTIFY NONE", "NOTIFY SET (selected NONE)", "NOTIFY SET (personal %s)" % ALL):
        client.ok(command)
        two.ok("STORE 1 +FLAGS (\\Answered)")
        two.ok("STORE 1 -FLAGS (\\Answered)")
        append(two, "INBOX")
        nothing(client)
        client.send(b"i IDLE\r\n")
        assert client.line().startswith(b"+")
        client.send(b"DONE\r\n")
        assert client.until(b"i")[1] == []
    # The answers to its own commands it gets all the same, in the numbers that it knows.
    two.ok("STORE 2 +FLAGS (\\Deleted)")
    two.ok("EXPUNGE")
    assert client.ok("FETCH 4 (UID)") == [b"* 4 FETCH (UID 4)\r\n"]
    assert client.ok("UID STORE 3 +FLAGS (\\Deleted)") == [b"* 3 FETCH (UID 3 FLAGS (\\Deleted))\r\n"]
    assert client.ok("EXPUNGE") == [b"* 3 EXPUNGE\r\n"]
    assert client.ok("FETCH 3 (UID)") == [b"* 3 FETCH (UID 4)\r\n"]
    # NOTIFY SET tells what was kept back.
    lines = client.ok("NOTIFY SET (selected %s)" % ALL)
    assert b"* 2 EXPUNGE\r\n" in lines and b"* 5 EXISTS\r\n" in lines and b"* 3 EXPUNGE\r\n" not in lines


def test_flags_are_not_told_if_they_are_not_wanted(account):
    client, two = imap(account), imap(account, "INBOX")
    fill(two, [message()])
    client.ok("SELECT INBOX")
    client.ok("NOTIFY SET (selected (MessageNew MessageExpunge))")
    two.ok("NOOP")
    two.ok("STORE 1 +FLAGS (\\Flagged)")
    nothing(client)
    append(two, "INBOX")
    assert heard(client, rb"EXISTS") and client.ok("NOOP")[-1:] in ([], [b"* 0 RECENT\r\n"])


def test_selected_delayed_keeps_numbers_until_a_command(account):
    client, two = imap(account), imap(account, "INBOX")
    fill(two, [message() for _ in range(3)])
    client.ok("SELECT INBOX")
    client.ok("NOTIFY SET (selected-delayed %s)" % ALL)
    two.ok("NOOP")
    two.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    two.ok("EXPUNGE")
    append(two, "INBOX")
    heard(client, rb"4 EXISTS", silent=[rb"EXPUNGE"])
    assert client.ok("FETCH 3 (UID)")[-1] == b"* 3 FETCH (UID 3)\r\n"
    assert client.ok("NOOP") == [b"* 1 EXPUNGE\r\n"]
    two.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    client.send(b"i IDLE\r\n")
    two.ok("EXPUNGE")
    heard(client, rb"1 EXPUNGE")
    client.send(b"DONE\r\n")
    client.until(b"i")


def test_own_changes_are_not_told(account):
    client, two = imap(account, "INBOX"), imap(account)
    client.ok("NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge FlagChange"
              " MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))")
    client.ok("CREATE mine")
    client.ok("SUBSCRIBE mine")
    client.ok('SETMETADATA mine (/private/comment "x")')
    client.ok('SETMETADATA "" (/private/comment "x")')
    append(client, "mine")
    client.ok("RENAME mine yours")
    client.ok("DELETE yours")
    nothing(client)
    octets = message()
    assert client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets)) == [b"* 1 EXISTS\r\n", b"* 0 RECENT\r\n"]
    assert [line for line in client.ok("COPY 1 INBOX") if b"FETCH" in line] == []
    nothing(client)
    # But another's is, also in a mailbox that this one changed just before.
    client.ok("CREATE both")
    append(client, "both")
    append(two, "both")
    assert heard(client, rb"STATUS")[-1].startswith(b"* STATUS both (UIDNEXT 3 MESSAGES 2 ")


def test_other_mailboxes_flags_and_condstore(account):
    client, two = imap(account), imap(account)
    two.ok("CREATE a")
    append(two, "a")
    two.ok("SELECT a")
    client.ok("NOTIFY SET (mailboxes a %s)" % ALL)
    two.ok("STORE 1 +FLAGS (\\Flagged)")  # without CONDSTORE only UNSEEN can be told
    nothing(client)
    two.ok("STORE 1 +FLAGS (\\Seen)")
    assert re.fullmatch(rb"\* STATUS a \(UIDVALIDITY \d+ UNSEEN 0\)\r\n", heard(client, rb"STATUS")[-1])
    client.ok("ENABLE CONDSTORE")
    two.ok("STORE 1 -FLAGS (\\Flagged)")
    assert re.fullmatch(rb"\* STATUS a \(HIGHESTMODSEQ \d+ UIDVALIDITY \d+\)\r\n", heard(client, rb"STATUS")[-1])
    two.ok("STORE 1 +FLAGS (\\Deleted)")
    two.ok("EXPUNGE")
    lines = heard(client, rb"UIDNEXT 2 MESSAGES 0 HIGHESTMODSEQ \d+")
    status, untagged = client.do("NOTIFY SET STATUS (mailboxes a %s)" % ALL)
    assert re.fullmatch(rb"\* STATUS a \(MESSAGES 0 UIDNEXT 2 UIDVALIDITY \d+ HIGHESTMODSEQ \d+\)\r\n", untagged[0]), lines


def test_qresync_tells_vanished(account):
    client, two = imap(account), imap(account, "INBOX")
    fill(two, [message() for _ in range(3)])
    two.ok("NOOP")
    client.ok("ENABLE QRESYNC")
    client.ok("SELECT INBOX")
    client.ok("NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge FlagChange))")
    two.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    two.ok("EXPUNGE")
    heard(client, rb"VANISHED 2\r\n", silent=[rb"EXPUNGE"])
    append(two, "INBOX")
    assert re.fullmatch(rb"\* 3 FETCH \(UID 4 MODSEQ \(\d+\) FLAGS \(\)\)\r\n", heard(client, rb"3 EXISTS", rb"FETCH")[-1])


def test_idle_tells_the_same_events(account):
    client, two = imap(account), imap(account)
    client.ok("NOTIFY SET %s (inboxes %s)" % (NAMES, ALL))
    client.send(b"i IDLE\r\n")
    assert client.line().startswith(b"+")
    two.ok("CREATE new")
    heard(client, rb"LIST .* new\r\n")
    append(two, "new")
    heard(client, rb"STATUS new \(UIDNEXT 2 MESSAGES 1 UIDVALIDITY \d+ UNSEEN 1\)")
    client.send(b"DONE\r\n")
    assert client.until(b"i")[0].startswith(b"i OK")


def test_the_filters(account):
    client, two = imap(account), imap(account)
    for name in ("tree", "tree/leaf", "trees", "sub", "Junk2"):
        two.ok("CREATE " + name)
    new = "(MessageNew MessageExpunge)"

    def told(filters, names):
        client.ok("NOTIFY SET " + filters)
        for name in names:
            append(two, name)
        append(two, "INBOX")
        append(two, "tree")
        lines = heard(client, rb"STATUS tree ")
        return [line.split()[2].decode() for line in lines]

    assert told("(subtree tree %s)" % new, ["trees", "tree/leaf"]) == ["tree/leaf", "tree"]
    assert told("(mailboxes (tree sub nowhere) %s)" % new, ["tree/leaf", "sub"]) == ["sub", "tree"]
    assert told("(mailboxes \"tree*\" %s) (mailboxes tree %s)" % (new, new), ["trees"]) == ["tree"]
    assert told("(mailboxes Junk2 NONE) (personal %s)" % new, ["Junk2", "sub"]) == ["sub", "INBOX", "tree"]
    two.ok("UNSUBSCRIBE INBOX")
    two.ok("SUBSCRIBE tree")
    assert told("(subscribed %s)" % new, ["sub"]) == ["tree"]
    two.ok("SUBSCRIBE sub")  # looked at anew
    assert told("(subscribed %s)" % new, ["sub"]) == ["sub", "tree"]
    # A mailbox that begins to exist is watched from then on.
    client.ok("NOTIFY SET (mailboxes later %s)" % new)
    two.ok("CREATE later")
    append(two, "later")
    assert heard(client, rb"STATUS")[-1] == b"* STATUS later (UIDNEXT 2 MESSAGES 1)\r\n"


def test_two_groups_add_up_and_selected_overrides(account):
    client, two = imap(account), imap(account)
    client.ok("NOTIFY SET (mailboxes INBOX (MessageNew MessageExpunge)) (personal (SubscriptionChange))")
    append(two, "INBOX")
    heard(client, rb"STATUS INBOX \(UIDNEXT 2 MESSAGES 1\)")
    two.ok("UNSUBSCRIBE INBOX")
    heard(client, rb"LIST .* INBOX", silent=[rb"Subscribed"])
    two.ok("SUBSCRIBE INBOX")
    heard(client, rb"LIST .*Subscribed.* INBOX")
    client.ok("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge)) (personal %s)" % ALL)
    client.ok("SELECT INBOX")
    append(two, "INBOX")
    lines = heard(client, rb"2 EXISTS", rb"2 FETCH \(UID 2 FLAGS \(\)\)", silent=[rb"STATUS"])
    two.ok("SELECT INBOX")
    two.ok("STORE 1 +FLAGS (\\Seen)")
    nothing(client)
    assert lines


# ---- what is refused


def test_forbidden_forms(account):
    client = imap(account)
    for bad in (
        "",
        "SET",
        "SOMETIMES",
        "NONE NONE",
        "SET STATUS",
        "SET (personal)",
        "SET (personal ())",
        "SET (personal (MessageNew))",
        "SET (personal (MessageExpunge))",
        "SET (personal (FlagChange))",
        "SET (personal (MessageNew FlagChange))",
        "SET (selected (MessageNew MessageExpunge)) (selected-delayed (MessageNew MessageExpunge))",
        "SET (selected (MailboxName))",
        "SET (selected (MessageNew MessageExpunge SubscriptionChange))",
        "SET (personal (MessageNew (UID) MessageExpunge))",
        "SET (selected (MessageNew () MessageExpunge))",
        "SET (selected (MessageNew (NOSUCH) MessageExpunge))",
        "SET (nosuch (MailboxName))",
        "SET (subtree-one x (MailboxName))",
        "SET (subtree (MailboxName))",
        "SET (mailboxes (a b (MailboxName))",
        "SET (personal (MailboxName)",
        "SET (personal (MailboxName)) x",
        "SET " + " ".join(["(personal (MailboxName))"] * 65),
        "SET (mailboxes (%s) (MailboxName))" % " ".join("m%d" % n for n in range(257)),
    ):
        refused(client, "NOTIFY " + bad)
        client.ok("NOOP")
    line = refused(client, "NOTIFY SET (personal (MessageNew MessageExpunge LastYearsEvent))", b"NO")
    supported = re.search(rb"\[BADEVENT \(([^)]*)\)\]", line).group(1).split()
    assert b"MessageNew" in supported and b"ServerMetadataChange" in supported and b"AnnotationChange" in supported
    assert b"BADEVENT" in refused(client, "NOTIFY SET (personal (NextYearsEvent))", b"NO")


def test_a_refused_notify_leaves_the_last_one(account):
    client, two = imap(account), imap(account)
    client.ok("NOTIFY SET (personal (MessageNew MessageExpunge))")
    refused(client, "NOTIFY SET (personal (NextYearsEvent))", b"NO")
    refused(client, "NOTIFY SET (personal (MessageNew))")
    append(two, "INBOX")
    heard(client, rb"STATUS INBOX")
    client.ok("NOTIFY NONE")
    append(two, "INBOX")
    nothing(client)


def test_a_body_that_is_fetched_is_not_seen(account):
    client, two = imap(account, "INBOX"), imap(account)
    client.ok("NOTIFY SET (selected (MessageNew (BODY[TEXT]) MessageExpunge FlagChange))")
    append(two, "INBOX")
    assert b"a body" in heard(client, rb"FETCH")[-1]
    assert client.ok("FETCH 1 (FLAGS)") == [b"* 1 FETCH (FLAGS ())\r\n"]


def test_more_than_can_be_told_at_once_ends_it(account):
    client, two = imap(account), imap(account)
    fill(client, [message("big", ("y" * 70 + "\r\n") * 100000)])
    client.ok("SELECT INBOX")
    client.ok("NOTIFY SET (personal (MailboxName MessageNew MessageExpunge))")
    for n in range(3):  # more than the kernel holds: this client doesn't read, and hears of nothing meanwhile
        client.send(b"f%d FETCH 1 BODY.PEEK[]\r\n" % n)
    for n in range(1001):
        two.send(b"c%d CREATE many/%d\r\n" % (n, n))
    for n in range(1001):
        assert two.until(b"c%d" % n)[0].split()[1] == b"OK"
    lines = client.until(b"f2")[1]
    assert any(line.startswith(b"* OK [NOTIFICATIONOVERFLOW]") for line in lines)
    assert not any(b"* LIST" in line for line in lines)
    append(two, "many/7")  # as if NOTIFY NONE had been said
    nothing(client)
    client.ok("NOTIFY SET (personal (MailboxName))")
    two.ok("DELETE many/7")
    heard(client, rb"NonExistent.* many/7")


def test_a_session_that_ends_while_it_is_told(account):
    client, two = imap(account, "INBOX"), imap(account)
    client.ok("NOTIFY SET (selected (MessageNew (BODY.PEEK[]) MessageExpunge)) (personal (MailboxName))")
    fill(two, [message("x", "y" * 70 + "\r\n") for _ in range(50)])
    client.close()
    two.ok("CREATE after")
    deliver(account.instance, message(), [account.user])
    assert b"MESSAGES 51" in two.ok("STATUS INBOX (MESSAGES)")[0]


def test_the_selected_mailbox_of_another_user(account, other):
    owner, guest = imap(account), imap(other)
    owner.ok("CREATE Project")
    owner.ok('SETACL Project "%s" lr' % other.user)
    guest.ok('SELECT "Other Users/%s/Project"' % account.user)
    guest.ok("NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge))")
    append(owner, "Project")
    heard(guest, rb"1 EXISTS", rb"1 FETCH \(UID 1\)")
    append(owner, "INBOX")  # whose changes are nobody's business
    append(guest, "INBOX")
    nothing(guest)
    append(imap(other), "INBOX")
    heard(guest, rb"STATUS INBOX \(UIDNEXT 3 MESSAGES 2\)")
    owner.ok('DELETEACL Project "%s"' % other.user)
    owner.ok("SELECT Project")
    append(owner, "Project")
    lines = guest.rest()
    assert b"EXISTS" not in lines and b"BYE" in lines


# ---- what others share (RFC 5465 3.1, 5, 5.9)


class Shared:
    """`account` has Project and INBOX; `other` is the guest. {name}: a mailbox as the guest calls it."""

    def __init__(self, account, other):
        self.account, self.user = account, other
        self.owner, self.guest = imap(account), imap(other)
        self.owner.ok("CREATE Project")

    def name(self, mailbox="Project"):
        return '"Other Users/%s/%s"' % (self.account.user, mailbox)

    def said(self, mailbox="Project"):
        return self.name(mailbox).encode()

    def grant(self, rights, mailbox="Project"):
        self.owner.ok('SETACL %s "%s" "%s"' % (mailbox, self.user.user, rights))


@pytest.fixture
def shared(account, other):
    return Shared(account, other)


def test_others_mailboxes_are_watched_by_name_and_by_subtree(shared):
    shared.grant("lrs")
    append(shared.owner, "Project")
    filters = ("mailboxes " + shared.name(), 'subtree "Other Users"', 'subtree "Other Users/%s"' % shared.account.user)
    for n, which in enumerate(filters):
        lines = shared.guest.ok("NOTIFY SET STATUS (%s %s)" % (which, ALL))
        assert [line.split(b" (")[0] for line in lines] == [b"* STATUS " + shared.said()], which
        assert re.search(rb"MESSAGES %d UIDNEXT %d " % (n + 1, n + 2), lines[0])
        append(shared.owner, "Project")
        assert heard(shared.guest, rb"STATUS") == [b"* STATUS %s (UIDNEXT %d MESSAGES %d)\r\n" % (shared.said(), n + 3, n + 2)]
        append(shared.owner, "INBOX")  # whose changes are nobody's business
        nothing(shared.guest)


def test_a_delivery_and_a_flag_are_told(shared):
    shared.grant("lrs", "INBOX")
    shared.guest.ok("ENABLE CONDSTORE")
    shared.guest.ok("NOTIFY SET (mailboxes %s %s)" % (shared.name("INBOX"), ALL))
    shared.account.deliver(message("hello"))
    line = heard(shared.guest, rb"STATUS")[0]
    assert re.fullmatch(rb"\* STATUS %s \(UIDNEXT 2 MESSAGES 1 HIGHESTMODSEQ \d+ UIDVALIDITY \d+\)\r\n" % shared.said("INBOX"), line), line
    shared.owner.ok("SELECT INBOX")
    shared.owner.ok("STORE 1 +FLAGS (\\Flagged)")
    assert re.search(rb"\(HIGHESTMODSEQ \d+ UIDVALIDITY \d+\)", heard(shared.guest, rb"STATUS")[0])


def test_one_is_told_while_another_of_the_same_owner_is_selected(shared):
    for mailbox in ("Project", "INBOX"):
        shared.grant("lrs", mailbox)
    shared.guest.ok("SELECT " + shared.name())
    shared.guest.ok('NOTIFY SET (selected %s) (subtree "Other Users" %s)' % (ALL, ALL))
    append(shared.owner, "Project")
    assert heard(shared.guest, rb"EXISTS") == [b"* 1 EXISTS\r\n"]
    append(shared.owner, "INBOX")
    assert heard(shared.guest, rb"STATUS")[-1] == b"* STATUS %s (UIDNEXT 2 MESSAGES 1)\r\n" % shared.said("INBOX")
    nothing(shared.guest)
    shared.guest.ok("UNSELECT")
    append(shared.owner, "Project")
    assert heard(shared.guest, rb"STATUS")[-1] == b"* STATUS %s (UIDNEXT 3 MESSAGES 2)\r\n" % shared.said()


def test_what_one_does_in_others_mailboxes_is_not_told(shared):
    shared.grant("lrswipkxte")
    shared.guest.ok('NOTIFY SET (subtree "Other Users" (MessageNew MessageExpunge FlagChange MailboxName MailboxMetadataChange))')
    append(shared.guest, shared.name())
    shared.guest.ok("CREATE " + shared.name("Project/Sub"))
    shared.guest.ok('SETMETADATA %s (/shared/comment "x")' % shared.name())
    nothing(shared.guest)
    append(shared.owner, "Project")
    assert heard(shared.guest, rb"STATUS") == [b"* STATUS %s (UIDNEXT 3 MESSAGES 2)\r\n" % shared.said()]


def test_without_lookup_a_name_is_ignored(shared):
    """RFC 5465 3.1: whether it is there isn't told."""
    for rights in ("", "r", "rswi"):
        if rights:
            shared.grant(rights)
        assert shared.guest.ok("NOTIFY SET STATUS (mailboxes %s %s) (personal %s)" % (shared.name(), ALL, ALL))[0].startswith(b"* STATUS INBOX")
        append(shared.owner, "Project")
        nothing(shared.guest)


def test_with_lookup_alone_there_is_no_access(shared):
    shared.grant("l")
    lines = shared.guest.ok("NOTIFY SET STATUS (mailboxes %s %s)" % (shared.name(), ALL))
    assert lines == [b'* LIST (\\NoAccess) "/" %s\r\n' % shared.said()]
    append(shared.owner, "Project")
    nothing(shared.guest)
    shared.grant("lr")
    lines = heard(shared.guest, rb"LIST", rb"STATUS")
    assert lines == [b'* LIST (\\HasNoChildren) "/" %s\r\n' % shared.said(), b"* STATUS %s (UIDNEXT 2 MESSAGES 1)\r\n" % shared.said()]
    append(shared.owner, "Project")
    heard(shared.guest, rb"MESSAGES 2")


def test_section_5_9_a_right_that_is_taken_away_ends_it_and_one_that_is_given_begins_it(shared):
    shared.grant("lr")
    shared.guest.ok("NOTIFY SET (mailboxes %s %s)" % (shared.name(), ALL))
    for _ in range(2):
        append(shared.owner, "Project")
        heard(shared.guest, rb"STATUS")
        shared.owner.ok('DELETEACL Project "%s"' % shared.user.user)
        assert heard(shared.guest, rb"LIST") == [b'* LIST (\\NoAccess) "/" %s\r\n' % shared.said()]
        append(shared.owner, "Project")
        nothing(shared.guest)
        shared.grant("lr")
        assert b"\\NoAccess" not in heard(shared.guest, rb"LIST", rb"STATUS")[0]
        nothing(shared.guest)


def test_the_first_mailbox_that_an_owner_ever_shares_is_heard_of(shared):
    """Before, nothing of that account was watched."""
    shared.guest.ok('NOTIFY SET (subtree "Other Users" (MailboxName MessageNew MessageExpunge))')
    shared.grant("lr")
    assert heard(shared.guest, rb"Project")[-1] == b'* LIST (\\HasNoChildren) "/" %s\r\n' % shared.said()
    append(shared.owner, "Project")
    heard(shared.guest, rb"STATUS %s \(UIDNEXT 2 MESSAGES 1\)" % shared.said())
    shared.owner.ok("RENAME Project Work")
    assert heard(shared.guest, rb"LIST")[-1] == b'* LIST (\\HasNoChildren) "/" %s ("OLDNAME" (%s))\r\n' % (shared.said("Work"), shared.said())
    shared.owner.ok('SETACL Work "%s" ""' % shared.user.user)
    assert b'* LIST (\\NonExistent) "/" %s\r\n' % shared.said("Work") in heard(shared.guest, rb"Work")


def test_subscribed_ones_of_others_are_watched_and_personal_ones_are_not_theirs(shared):
    shared.grant("lr")
    shared.guest.ok("SUBSCRIBE " + shared.name())
    shared.guest.ok("NOTIFY SET (subscribed %s)" % ALL)
    append(shared.owner, "Project")
    heard(shared.guest, rb"STATUS %s" % shared.said())
    shared.guest.ok("NOTIFY SET (personal (MailboxName MessageNew MessageExpunge)) (mailboxes %s NONE)" % shared.name())
    append(shared.owner, "Project")
    shared.grant("lrs")
    shared.owner.ok("CREATE Project/Sub")
    nothing(shared.guest)


def test_metadata_of_others_is_what_they_share(shared):
    shared.grant("lr")
    shared.guest.ok('NOTIFY SET (subtree "Other Users" (MailboxMetadataChange))')
    shared.owner.ok('SETMETADATA Project (/private/comment "mine")')
    nothing(shared.guest)
    shared.owner.ok('SETMETADATA Project (/shared/comment "ours" /private/comment "still mine")')
    assert heard(shared.guest, rb"METADATA") == [b"* METADATA %s /shared/comment\r\n" % shared.said()]


def test_a_group_counts(shared):
    group = "readers-%s" % shared.account.user
    instance = shared.account.instance
    instance.command("user", "group", shared.user.user, "--add=" + group)
    shared.owner.ok("SETACL Project $%s lr" % group)
    shared.guest.ok('NOTIFY SET STATUS (subtree "Other Users/%s" %s)' % (shared.account.user, ALL))
    append(shared.owner, "Project")
    heard(shared.guest, rb"STATUS %s \(UIDNEXT 2" % shared.said())
    instance.command("user", "group", shared.user.user, "--remove=" + group)
    asks = imap(shared.user)
    eventually(lambda: b" NO " in asks.do("STATUS %s (MESSAGES)" % shared.name())[0], what="the group's end")
    append(shared.owner, "Project")
    nothing(shared.guest)


def test_idle_hears_of_others_too_and_notify_none_ends_it(shared):
    shared.grant("lr")
    shared.guest.ok('NOTIFY SET (subtree "Other Users" (MailboxName MessageNew MessageExpunge))')
    shared.guest.send(b"i IDLE\r\n")
    assert shared.guest.line().startswith(b"+")
    for n in range(60):  # more lists than a command's memory would hold
        append(shared.owner, "Project")
        heard(shared.guest, rb"MESSAGES %d\)" % (n + 1))
        shared.owner.ok('SETACL Project "%s" "%s"' % (shared.user.user, "lrs" if n % 2 else "lr"))
    shared.guest.send(b"DONE\r\n")
    assert shared.guest.until(b"i")[0].startswith(b"i OK")
    shared.guest.ok("NOTIFY NONE")
    append(shared.owner, "Project")
    nothing(shared.guest)


def test_a_list_that_takes_more_than_one_slice_is_read_to_its_end(shared):
    """It was begun anew at the end of each slice, and never ended."""
    count = 3000
    shared.owner.send("".join("c%d CREATE Project/%d\r\ns%d SETACL Project/%d %s lr\r\n" % (n, n, n, n, shared.user.user) for n in range(count)))
    shared.owner.until(b"s%d" % (count - 1))
    shared.guest.ok('NOTIFY SET (subtree "Other Users" (MessageNew MessageExpunge))')
    append(shared.owner, "Project/%d" % (count - 1))
    heard(shared.guest, rb"MESSAGES 1\)")


def test_the_namespace_shared(own_server):
    instance = own_server(settings={"imap.shared_user": "house"})
    instance.command("user", "add", "house", stdin="secret-of-the-house\n")
    house = imap(Account(instance, "house", "secret-of-the-house"))
    user = new_account(instance)
    house.ok("CREATE x")
    house.ok("SETACL x anyone lr")
    client = imap(user)
    assert client.ok('NOTIFY SET STATUS (mailboxes "Shared/x" %s)' % ALL)[0].startswith(b"* STATUS Shared/x (")
    append(house, "x")
    assert heard(client, rb"STATUS") == [b"* STATUS Shared/x (UIDNEXT 2 MESSAGES 1)\r\n"]
