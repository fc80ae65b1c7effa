"""ACL (RFC 4314): who may do what in somebody else's mailbox, and that who may not look learns nothing."""

import re

import pytest

from conftest import eventually, message, new_account
from raw import imap
from test_imap import append

NOPERM, GONE = b"NO [NOPERM]", b"NO [NONEXISTENT]"


def answer(client, command):
    return client.do(command)[0].split(b" ", 1)[1]


def others(account, mailbox):
    return '"Other Users/%s/%s"' % (account.user, mailbox)


def of(command, name):
    return command.replace("%s/below", name[:-1] + '/below"').replace("%s", name)


def share(owner, mailbox, who, rights):
    owner.ok('SETACL %s "%s" "%s"' % (mailbox, who, rights))


class Two:
    """An owner with a mailbox of three messages, and somebody who may have rights there."""

    def __init__(self, account, other):
        self.account, self.other = account, other
        self.owner, self.guest = imap(account), imap(other)
        self.owner.ok("CREATE Project")
        for n in range(3):
            append(self.owner, message("n%d" % n), mailbox="Project")
        self.name = others(account, "Project")

    def grant(self, rights, mailbox="Project"):
        share(self.owner, mailbox, self.other.user, rights)


@pytest.fixture
def two(account, other):
    return Two(account, other)


def acl_of(client, mailbox):
    row = client.ok("GETACL " + mailbox)[0]
    words = row.decode().split(" ACL ", 1)[1].split()[1:]
    return dict(zip(words[::2], words[1::2]))


def test_it_is_announced(account):
    words = b" ".join(imap(account).ok("CAPABILITY")).split()
    assert b"ACL" in words and b"RIGHTS=texkn" in words


def test_the_list_is_set_changed_and_told(two):
    owner, user = two.owner, two.other.user
    assert acl_of(owner, "Project") == {two.account.user: "lrswipkxtecdan"}
    two.grant("lrs")
    assert acl_of(owner, "Project")[user] == "lrs"
    two.grant("+wd")
    assert acl_of(owner, "Project")[user] == "lrswted"
    two.grant("-rs")
    assert acl_of(owner, "Project")[user] == "lwted"
    share(owner, "Project", "-" + user, "w")
    share(owner, "Project", "anyone", "l")
    share(owner, "Project", "$Team", "lr")
    assert acl_of(owner, "Project") == {two.account.user: "lrswipkxtecdan", user: "lwted", "-" + user: "w", "anyone": "l", "$team": "lr"}
    owner.ok('DELETEACL Project "%s"' % user)
    owner.ok("DELETEACL Project anyone")
    assert set(acl_of(owner, "Project")) == {two.account.user, "-" + user, "$team"}


def test_what_is_no_right_or_no_identifier_is_bad(two):
    for bad in ("Project %s lrq", "Project %s LR", 'Project "" lr', "Project - lr", "Project $ lr", "Project %s", "Project"):
        assert answer(two.owner, "SETACL " + bad.replace("%s", two.other.user)).startswith(b"BAD"), bad
    assert answer(two.owner, "SETACL Project no-such-user-here lr").startswith(b"NO [CANNOT]")
    assert answer(two.owner, "SETACL Project %s lr" % two.account.user).startswith(b"NO [CANNOT]")
    assert answer(two.owner, "SETACL nowhere %s lr" % two.other.user).startswith(GONE)


def test_rights_are_listed(two):
    assert two.owner.ok("LISTRIGHTS Project " + two.other.user) == [
        b'* LISTRIGHTS Project %s "" l r s w i p k x t e c d a n\r\n' % two.other.user.encode()]
    assert two.owner.ok("LISTRIGHTS Project " + two.account.user) == [
        b"* LISTRIGHTS Project %s lrswipkxtecdan\r\n" % two.account.user.encode()]
    assert two.owner.ok("MYRIGHTS Project") == [b"* MYRIGHTS Project lrswipkxtecdan\r\n"]
    two.grant("lri")
    assert two.guest.ok("MYRIGHTS " + two.name) == [b"* MYRIGHTS %s lri\r\n" % two.name.encode()]


def test_forbidden_and_absent_answer_alike(two):
    """RFC 4314 6: byte for byte, with a name that is there, one that is not, and a user who is not."""
    two.grant("lr", "INBOX")  # the two do share something
    literal = "APPEND %s {3+}\r\nabc"
    copies = ("COPY 1 %s", "MOVE 1 %s")
    append(two.guest, message("own"))
    two.guest.ok("SELECT INBOX")
    for rights in ("", "rswipkxtea"):
        for command in (*copies, "SELECT %s", "EXAMINE %s", "STATUS %s (MESSAGES)", "GETACL %s", "SETACL %s $none lr", "DELETEACL %s $none",
                        "LISTRIGHTS %s $none", "MYRIGHTS %s", "DELETE %s", "RENAME %s elsewhere", "CREATE %s/below", "GETMETADATA %s /shared/comment",
                        'SETMETADATA %s (/shared/comment "x")', "GETQUOTAROOT %s", "RESETKEY %s", literal):
            two.grant("")
            if rights and not re.match("GETM|SETM|RESETKEY", command):
                continue
            if rights:
                two.grant(rights)
            told = {answer(two.guest, of(command, name)) for name in (two.name, others(two.account, "nothing-there"), '"Other Users/nobody-at-all/Project"')}
            assert len(told) == 1 and told.pop().startswith(b"NO"), command


@pytest.mark.parametrize("command,right", [
    ("SELECT %s", "r"), ("EXAMINE %s", "r"), ("STATUS %s (MESSAGES)", "r"), ("GETACL %s", "a"), ("LISTRIGHTS %s $none", "a"),
    ("SETACL %s $none l", "a"), ("DELETEACL %s $none", "a"), ("DELETE %s", "x"), ("CREATE %s/below", "k"), ("RENAME %s nowhere", "x"),
    ("APPEND %s {10+}\r\nSubject: x", "i"), ("GETQUOTAROOT %s", "r"),
    ("GETMETADATA %s /shared/comment", "r"), ('SETMETADATA %s (/shared/comment "x")', "w")])
def test_each_command_wants_its_right(two, command, right):
    two.grant("l" + "rswipkxtea".replace(right, ""))
    assert answer(two.guest, of(command, two.name)).startswith(NOPERM)
    two.grant("l" + right)
    after = answer(two.guest, of(command, two.name))
    assert not after.startswith((NOPERM, GONE, b"BAD")), after


def test_without_l_but_with_the_right_a_command_works(two):
    two.grant("r")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("UNSELECT")
    two.grant("i")
    append(two.guest, message("posted"), mailbox=two.name)
    assert answer(two.guest, "SELECT " + two.name).startswith(GONE)


def test_the_selected_one_keeps_the_name_that_the_client_knows(two):
    two.grant("lr")
    two.guest.ok("SELECT " + two.name)
    assert b"MAILBOX %s " % two.name.encode() in two.guest.ok("ESEARCH IN (selected) RETURN (ALL) ALL")[0]


def test_reading_alone(two):
    two.grant("lr")
    status, told = two.guest.do("SELECT " + two.name)
    assert b"OK [READ-ONLY]" in status
    assert b"* OK [PERMANENTFLAGS ()] Read-only mailbox\r\n" in told
    two.guest.ok("FETCH 1 BODY[]")
    assert two.guest.ok("FETCH 1 FLAGS") == [b"* 1 FETCH (FLAGS ())\r\n"]
    for command in ("STORE 1 +FLAGS (\\Seen)", "STORE 1 FLAGS (\\Flagged)", "STORE 1 +FLAGS (word)", "EXPUNGE", "MOVE 1 INBOX"):
        assert answer(two.guest, command).startswith(NOPERM), command
    two.guest.ok("CLOSE")
    assert b"MESSAGES 3)" in two.owner.ok("STATUS Project (MESSAGES)")[0]


@pytest.mark.parametrize("rights,permanent,kept", [
    ("lrw", b"(\\Answered \\Flagged \\Draft \\*)", {b"\\Flagged", b"word"}), ("lrt", b"(\\Deleted)", {b"\\Deleted"}),
    ("lrwt", b"(\\Answered \\Flagged \\Deleted \\Draft \\*)", {b"\\Flagged", b"\\Deleted", b"word"})])
def test_flags_that_may_not_be_changed_stay(two, rights, permanent, kept):
    two.grant(rights)
    status, told = two.guest.do("SELECT " + two.name)
    assert b"OK [READ-WRITE]" in status and b"[PERMANENTFLAGS %s]" % permanent in b"".join(told)
    two.guest.ok("STORE 1 +FLAGS (\\Seen \\Flagged \\Deleted word)")
    two.guest.ok("STORE 2 FLAGS (\\Seen \\Flagged \\Deleted word)")
    two.owner.ok("SELECT Project")
    for number in (1, 2):
        flags = re.search(rb"FLAGS \(([^)]*)\)", two.owner.ok("FETCH %d FLAGS" % number)[0]).group(1)
        assert set(flags.split()) == kept
    two.owner.ok("STORE 3 FLAGS (\\Seen \\Flagged \\Deleted other)")
    two.guest.ok("STORE 3 FLAGS ()")
    flags = re.search(rb"FLAGS \(([^)]*)\)", two.owner.ok("FETCH 3 FLAGS")[0]).group(1)
    assert not set(flags.split()) & (kept | ({b"other"} if b"word" in kept else set()))
    assert b"\\Seen" in flags


def test_flags_of_what_is_put_in_need_their_rights(two):
    two.grant("lri")
    append(two.guest, message("put"), mailbox=two.name, flags="\\Deleted \\Flagged word")
    two.owner.ok("SELECT Project")
    assert two.owner.ok("FETCH 4 FLAGS") == [b"* 4 FETCH (FLAGS ())\r\n"]
    two.owner.ok("CREATE Project/to")
    two.grant("lriw", "Project/to")
    two.owner.ok("STORE 1 FLAGS (\\Deleted \\Flagged word)")
    two.guest.ok("SELECT " + two.name)
    assert b"COPYUID" in two.guest.do("COPY 1 " + others(two.account, "Project/to"))[0]
    two.owner.ok("SELECT Project/to")
    assert two.owner.ok("FETCH 1 FLAGS") == [b"* 1 FETCH (FLAGS (\\Flagged word))\r\n"]


def test_a_child_is_made_and_inherits(two):
    two.grant("lrk")
    two.guest.ok("CREATE " + others(two.account, "Project/child"))
    assert acl_of(two.owner, "Project/child")[two.other.user] == "lrkc"
    assert answer(two.guest, "CREATE " + others(two.account, "top")).startswith(NOPERM)
    assert answer(two.guest, 'CREATE "Other Users/x"').startswith(NOPERM)
    assert answer(two.guest, 'CREATE "Other Users"').startswith(NOPERM)
    two.grant("lrkx", "Project/child")
    two.guest.ok("RENAME %s %s" % (others(two.account, "Project/child"), others(two.account, "Project/renamed")))
    assert acl_of(two.owner, "Project/renamed")[two.other.user] == "lrkxc"
    assert answer(two.guest, "RENAME %s taken-away" % others(two.account, "Project/renamed")).startswith(b"NO [CANNOT]")
    two.guest.ok("DELETE " + others(two.account, "Project/renamed"))
    assert two.owner.ok('LIST "" Project/*') == []


def test_an_inbox_of_others_is_not_renamed(two):
    two.grant("lrx", "INBOX")
    assert answer(two.guest, "RENAME %s %s" % (others(two.account, "INBOX"), others(two.account, "x"))).startswith(NOPERM)


def test_a_group_has_rights_while_one_is_in_it(server, two):
    share(two.owner, "Project", "$crew", "lr")
    assert answer(two.guest, "SELECT " + two.name).startswith(GONE)
    server.command("user", "group", two.other.user, "--add=crew")
    two.guest.ok("SELECT " + two.name)
    share(two.owner, "Project", "-$crew", "r")
    assert answer(two.guest, "EXAMINE " + two.name).startswith(NOPERM)
    two.owner.ok("DELETEACL Project -$crew")
    two.guest.ok("SELECT " + two.name)
    server.command("user", "group", two.other.user, "--remove=crew")
    status, told = two.guest.do("NOOP")
    assert told[-1].startswith(b"* BYE") and status.split()[1] == b"NO"


def test_groups_are_compared_as_users_are(server, two):
    """Folded by NFKC_Casefold, as the command line does: in any letters, of any alphabet."""
    server.command("user", "group", two.other.user, "--add=\u00c4RZTE")
    identifier = "$\u00e4\u0052Zte".encode()
    two.owner.send(b"a SETACL Project {%d+}\r\n%s lr\r\n" % (len(identifier), identifier))
    assert two.owner.until(b"a")[0].startswith(b"a OK")
    two.guest.ok("SELECT " + two.name)
    assert "$\u00e4rzte".encode() in b"".join(two.owner.ok("GETACL Project"))


def test_anyone_is_everybody_but_not_who_is_excepted(own_server):
    """On a server of its own: everybody sees it in LIST."""
    instance = own_server()
    two, third = Two(new_account(instance), new_account(instance)), imap(new_account(instance))
    share(two.owner, "Project", "anyone", "lr")
    share(two.owner, "Project", "-" + two.other.user, "lr")
    third.ok("SELECT " + two.name)
    assert answer(two.guest, "SELECT " + two.name).startswith(GONE)


def test_a_right_taken_away_is_gone_with_the_next_command(two):
    two.grant("lrw")
    two.guest.ok("SELECT " + two.name)
    two.guest.ok("STORE 1 +FLAGS (\\Flagged)")
    two.grant("lrt")
    status, told = two.guest.do("STORE 1 +FLAGS (\\Flagged)")
    assert status.split(b" ", 1)[1].startswith(NOPERM)
    assert any(b"[PERMANENTFLAGS (\\Deleted)]" in line for line in told)
    two.owner.ok('DELETEACL Project "%s"' % two.other.user)
    status, told = two.guest.do("FETCH 1 BODY[]")
    assert told[-1].startswith(b"* BYE") and not any(b"FETCH" in line for line in told)
    assert two.guest.rest() == b""


def test_idle_hears_of_changes_and_of_the_end(two):
    two.grant("lr")
    two.guest.ok("SELECT " + two.name)
    two.guest.send("i IDLE\r\n")
    assert two.guest.line().startswith(b"+")
    append(two.owner, message("news"), mailbox="Project")
    assert two.guest.line() == b"* 4 EXISTS\r\n"
    two.guest.line()
    two.owner.ok('DELETEACL Project "%s"' % two.other.user)
    assert two.guest.line().startswith(b"* BYE")


def test_an_owner_who_goes_takes_the_mailbox_along(server, two):
    two.grant("lr")
    two.guest.ok("SELECT " + two.name)
    server.command("user", "remove", two.account.user, "--yes")
    told = eventually(lambda: [line for line in two.guest.do("NOOP")[1] if line.startswith(b"* BYE")])
    assert told and two.guest.rest() == b""


def test_a_user_who_is_gone_stands_in_no_list(server, two):
    two.grant("lr")
    server.command("user", "remove", two.other.user, "--yes")
    assert acl_of(two.owner, "Project") == {two.account.user: "lrswipkxtecdan"}


def test_namespaces_are_told(own_server):
    instance = own_server()
    client = imap(new_account(instance))
    assert client.ok("NAMESPACE") == [b'* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL\r\n']
    client.ok("CREATE Shared/ordinary")
    client.ok("RENAME Shared/ordinary Shared/other")
    assert client.ok("GETQUOTAROOT Shared/not-yet")[0] == b"* QUOTAROOT Shared/not-yet account\r\n"


def test_the_shared_account(own_server):
    instance = own_server(settings={"imap.shared_user": "house"})
    instance.add_user("house", "a-password-for-it")
    guest = imap(new_account(instance))
    assert guest.ok("NAMESPACE") == [b'* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))\r\n']
    house = new_account(instance)
    house.user, house.password = "house", "a-password-for-it"
    owner = imap(house)
    owner.ok("CREATE Board/minutes")
    append(owner, message("m"), mailbox="Board/minutes")
    assert answer(guest, "SELECT Shared/Board/minutes").startswith(GONE)
    share(owner, "Board/minutes", "anyone", "lr")
    guest.ok("SELECT Shared/Board/minutes")
    assert guest.ok("MYRIGHTS Shared/Board/minutes") == [b"* MYRIGHTS Shared/Board/minutes lr\r\n"]
    assert answer(guest, "CREATE Shared/mine").startswith(NOPERM)
