"""POP3: what becomes of retrieved and deleted mail, UIDL formats, other maildrops, the delay between logins."""

import os
import time

import pytest
from conftest import eventually, message, new_account
from raw import Raw, imap
from test_pop3 import lines, login


def quit_(pop):
    pop.send("QUIT\r\n")
    assert pop.line().startswith(b"+OK")
    pop.rest()


def ok(pop, command):
    pop.send(command + "\r\n")
    line = pop.line()
    assert line.startswith(b"+OK"), (command, line)
    return line


def listing(pop, command):
    pop.send(command + "\r\n")
    return [line.split()[1] for line in lines(pop)]


def as_(account, name):
    """A login under another name, with the same password."""
    other = type(account)(account.instance, name, account.password)
    return login(other)


def set_(account, *words):
    return account.instance.command("user", "set", account.user, *words)


def subjects(account, mailbox):
    client = account.imap()
    client.select(mailbox, readonly=True)
    return [part[1].strip() for part in client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1] if isinstance(part, tuple)]


def fill(account, count=3):
    for number in range(1, count + 1):
        account.deliver(message("n%d" % number))


def delete_second(account):
    pop = login(account)
    ok(pop, "DELE 2")
    quit_(pop)


@pytest.mark.parametrize("policy,mailbox", [("trash", "Trash"), ("archive", "Archive")])
def test_deleted_mail_moves_where_the_policy_says(account, policy, mailbox):
    fill(account)
    set_(account, "pop3.delete=" + policy)
    delete_second(account)
    assert subjects(account, "INBOX") == [b"Subject: n1", b"Subject: n3"]
    assert subjects(account, mailbox) == [b"Subject: n2"]


def test_the_target_is_found_by_its_special_use_and_made_if_it_is_not_there(account):
    fill(account)
    set_(account, "pop3.delete=trash")
    client = imap(account)
    client.ok("RENAME Trash Bin")
    delete_second(account)
    assert subjects(account, "Bin") == [b"Subject: n2"]
    client.ok("DELETE Bin")
    delete_second(account)
    assert subjects(account, "Trash") == [b"Subject: n3"]


def test_mail_deleted_from_the_archive_goes_to_trash_and_from_trash_for_good(account):
    fill(account)
    set_(account, "pop3.delete=archive")
    delete_second(account)
    pop = as_(account, account.user + "#Archive")
    ok(pop, "DELE 1")
    quit_(pop)
    assert subjects(account, "Trash") == [b"Subject: n2"]
    set_(account, "pop3.delete=trash")
    pop = as_(account, account.user + "#Trash")
    ok(pop, "DELE 1")
    quit_(pop)
    assert account.imap().select("Trash")[1] == [b"0"]


def test_hidden_mail_stays_for_imap_and_is_gone_for_pop(account):
    fill(account)
    set_(account, "pop3.delete=hide")
    delete_second(account)
    assert len(subjects(account, "INBOX")) == 3
    pop = login(account)
    assert ok(pop, "STAT").startswith(b"+OK 2 ")
    pop.send("RETR 2\r\n")
    assert b"Subject: n3\r\n" in lines(pop)
    quit_(pop)
    client = imap(account, "INBOX")
    client.ok("STORE 2 -FLAGS ($POP3Deleted)")
    assert ok(login(account), "STAT").startswith(b"+OK 3 ")


def test_nothing_happens_without_quit_whatever_the_policy(account):
    fill(account)
    for policy in ("remove", "trash", "hide"):
        set_(account, "pop3.delete=" + policy, "pop3.retrieve=seen")
        pop = login(account)
        pop.send("RETR 1\r\n")
        lines(pop)
        ok(pop, "DELE 1")
        pop.close()
        eventually(lambda: _stat(account), 5, "the lock's release")
        assert _stat(account) == b"3"
    assert account.imap(select="INBOX").search(None, "SEEN")[1] == [b""]


def _stat(account):
    try:
        pop = login(account)
    except AssertionError:
        return None
    count = ok(pop, "STAT").split()[1]
    quit_(pop)
    return count


def test_retrieved_mail_is_marked_seen_if_the_policy_says_so(account):
    fill(account)
    pop = login(account)
    pop.send("RETR 1\r\n")
    lines(pop)
    quit_(pop)
    assert account.imap(select="INBOX").search(None, "SEEN")[1] == [b""]
    set_(account, "pop3.retrieve=seen")
    pop = login(account)
    pop.send("RETR 2\r\nTOP 3 0\r\n")
    lines(pop), lines(pop)
    quit_(pop)
    assert account.imap(select="INBOX").search(None, "SEEN")[1] == [b"2"]


def test_settings_of_a_user_are_checked_shown_and_taken_back(account):
    run = lambda *words: account.instance.command(*words).stdout
    set_(account, "pop3.delete=trash", "pop3.retrieve=seen")
    shown = run("user", "settings", account.user, "--json")
    assert '"pop3.delete"' in shown and '"trash"' in shown and '"seen"' in shown
    set_(account, "pop3.delete=")
    shown = run("user", "settings", account.user)
    assert "pop3.delete" not in shown and "pop3.retrieve" in shown
    for bad in ("pop3.delete=burn", "pop3.delete", "imap.idle_timeout=1h", "nonsense=1"):
        with pytest.raises(Exception):
            set_(account, bad)


def test_uidls_keep_their_format_when_the_setting_changes(account):
    fill(account, 2)
    pop = login(account)
    first = listing(pop, "UIDL")
    quit_(pop)
    client = imap(account)
    validity = int(client.ok("STATUS INBOX (UIDVALIDITY)")[0].split(b"UIDVALIDITY ")[1].split(b")")[0])
    assert first == [b"%08x%08x" % (validity, 1), b"%08x%08x" % (validity, 2)]
    formats = [("dovecot", b"%08x%08x" % (3, validity)), ("courier", b"UID4-%d" % validity), ("cyrus", b"%d.5" % validity)]
    for word, uidl in formats:
        set_(account, "pop3.uidl=" + word)
        pop = login(account)
        assert listing(pop, "UIDL") == first
        quit_(pop)
        account.deliver(message(word))
        first.append(uidl)
        pop = login(account)
        assert listing(pop, "UIDL") == first
        assert ok(pop, "UIDL %d" % len(first)).split()[2] == uidl
        quit_(pop)


def test_recent_shows_the_last_days_to_every_client(account):
    client = imap(account)
    for subject, date in (("old", "01-Jan-2020 00:00:00 +0000"), ("new", time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(time.time() - 29 * 86400)))):
        octets = message(subject)
        client.ok(b'APPEND INBOX "%s" {%d+}\r\n%s' % (date.encode(), len(octets), octets))
    set_(account, "pop3.delete=hide")
    pop = login(account)
    assert ok(pop, "STAT").startswith(b"+OK 2 ")
    ok(pop, "DELE 2")
    quit_(pop)
    for name in ("recent:" + account.user, "recent:%s#INBOX" % account.user):
        pop = as_(account, name)
        assert ok(pop, "STAT").startswith(b"+OK 1 ")
        pop.send("RETR 1\r\n")
        assert b"Subject: new\r\n" in lines(pop)
        quit_(pop)


def test_another_folder_is_a_maildrop_of_its_own(account):
    fill(account, 1)
    client = imap(account)
    client.ok("CREATE Lists/C")
    client.ok("APPEND Lists/C {%d+}\r\n%s" % (len(message("in c")), message("in c").decode()))
    inbox, folder = login(account), as_(account, account.user + "#Lists/C")
    assert ok(folder, "STAT").startswith(b"+OK 1 ") and ok(inbox, "STAT").startswith(b"+OK 1 ")
    folder.send("RETR 1\r\n")
    assert b"Subject: in c\r\n" in lines(folder)
    with pytest.raises(AssertionError):
        as_(account, account.user + "#Lists/C")
    ok(folder, "DELE 1")
    quit_(folder)
    quit_(inbox)
    assert account.imap().select("Lists/C")[1] == [b"0"]
    assert account.imap().select("INBOX")[1] == [b"1"]


@pytest.mark.parametrize("name", ["%s#None", "%s#", "%s#a//b", "recent:%s#None"])
def test_a_folder_that_is_not_there_is_an_error(account, name):
    pop = Raw(account.instance.ports["pop3"])
    pop.line()
    pop.send("USER %s\r\nPASS %s\r\n" % (name % account.user, account.password))
    pop.line()
    assert pop.line().startswith(b"-ERR")


def test_imap_knows_no_maildrops(account):
    with pytest.raises(Exception):
        type(account)(account.instance, "recent:" + account.user, account.password).imap()


def test_a_maildrop_opens_again_after_the_login_delay(own_server):
    account = new_account(own_server(settings={"pop3.login_delay": 3}))
    pop = Raw(account.instance.ports["pop3"])
    pop.line()
    pop.send("CAPA\r\n")
    assert b"LOGIN-DELAY 3\r\n" in lines(pop)
    pop.close()
    pop = login(account)
    quit_(pop)
    pop = Raw(account.instance.ports["pop3"])
    pop.line()
    pop.send("USER %s\r\nPASS %s\r\n" % (account.user, account.password))
    pop.line()
    assert pop.line().startswith(b"-ERR [LOGIN-DELAY]")
    eventually(lambda: _stat(account), 10, "the end of the delay")


def test_the_administrators_default_holds_for_accounts_that_say_nothing(own_server):
    server = own_server(settings={"pop3.delete": "trash", "pop3.retrieve": "seen", "pop3.uidl": "dovecot"})
    account, other = new_account(server), new_account(server)
    set_(other, "pop3.delete=remove")
    for who in (account, other):
        fill(who, 2)
        pop = login(who)
        assert listing(pop, "UIDL")[0].startswith(b"00000001")
        ok(pop, "DELE 1")
        pop.send("RETR 2\r\n")
        lines(pop)
        quit_(pop)
        assert who.imap(select="INBOX").search(None, "SEEN")[1] == [b"1"]
    assert account.imap().select("Trash")[1] == [b"1"]
    assert other.imap().select("Trash")[1] == [b"0"]


def maildir(folder, files):
    for sub in ("cur", "new", "tmp"):
        (folder / sub).mkdir(parents=True)
    for name, octets in files:
        (folder / "cur" / name).write_bytes(octets)
    return folder


def test_uidls_of_dovecot_and_courier_come_along(account, other, tmp_path):
    files = [("125950000%d.M1P2.host:2,S" % n, message("n%d" % n)) for n in range(1, 5)]
    dovecot = maildir(tmp_path / "dovecot", files)
    (dovecot / "dovecot-uidlist").write_text("3 V1259500000 N9\n" + "".join(
        "%d %s:125950000%d.M1P2.host\n" % (n + 3, "P<own-%d> " % n if n < 3 else "", n) for n in range(1, 5)))
    set_(account, "pop3.uidl=dovecot")
    account.instance.command("import", "maildir", account.user, str(dovecot))
    assert listing(login(account), "UIDL") == [b"<own-1>", b"<own-2>", b"000000064b1271e0", b"000000074b1271e0"]
    courier = maildir(tmp_path / "courier", files)
    (courier / "courierpop3dsizelist").write_text("/2 5 1259400000\n" + "".join(
        "125950000%d.M1P2.host:2,S 300 %d:%d\n" % (n, n + 20, 1259400000 if n < 3 else 0) for n in range(1, 4)))
    other.instance.command("import", "maildir", other.user, str(courier))
    got = listing(login(other), "UIDL")
    assert got[:3] == [b"UID21-1259400000", b"UID22-1259400000", b"UID23"] and len(set(got)) == 4


def test_an_export_carries_the_uidls_that_pop_has_shown(account, other, tmp_path):
    set_(account, "pop3.uidl=cyrus")
    fill(account, 2)
    quit_(login(account))
    set_(account, "pop3.uidl=dovecot")
    quit_(login(account))
    fill(account, 1)
    pop = login(account)
    shown = listing(pop, "UIDL")
    quit_(pop)
    account.instance.command("export", account.user, str(tmp_path / "out"))
    other.instance.command("import", "maildir", other.user, str(tmp_path / "out"))
    assert listing(login(other), "UIDL") == shown
    assert len({len(uidl) for uidl in shown}) == 2, "two formats"


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("policy", ["remove", "trash", "hide"])
def test_quit_is_carried_out_even_if_the_client_is_gone_at_once(account, tls, policy):
    fill(account)
    set_(account, "pop3.delete=" + policy, "pop3.retrieve=seen")
    imap(account).ok("DELETE Trash")
    pop = Raw(account.instance.ports["pop3s" if tls else "pop3"])
    if tls:
        pop.starttls(account.tls_context())
    pop.line()
    pop.send("USER %s\r\nPASS %s\r\n" % (account.user, account.password))
    pop.line()
    assert pop.line().startswith(b"+OK 3 ")
    pop.send("RETR 1\r\nDELE 2\r\n")
    lines(pop)
    assert pop.line().startswith(b"+OK")
    pop.send("QUIT\r\n")
    pop.close()
    eventually(lambda: _stat(account) == b"2", 10, "the removal")
    client = account.imap(select="INBOX")
    assert client.search(None, "SEEN")[1] == [b"1"]
    assert client.search(None, "ALL")[1] == [b"1 2" if policy != "hide" else b"1 2 3"]
    if policy == "trash":
        assert subjects(account, "Trash") == [b"Subject: n2"]
    account.instance.command("check", account.user)
