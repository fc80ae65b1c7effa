"""What was removed, by whichever protocol, is listed with who did it, and comes back."""

import json
import os
import pwd
import time

import pytest
from conftest import eventually, message, new_account
from raw import imap


def undelete(account, *arguments):
    """The rows of `waxwing undelete`."""
    return json.loads(account.instance.command("undelete", account.user, "--json", *arguments).stdout)


def log(account, *arguments):
    """The rows of `waxwing log`."""
    return json.loads(account.instance.command("log", account.user, "--json", *arguments).stdout)


def subjects(client, mailbox="INBOX"):
    """What IMAP shows, by subject."""
    client.select(mailbox)
    numbers = client.search(None, "ALL")[1][0].split()
    return [client.fetch(n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1].split(b":", 1)[1].strip().decode() for n in numbers]


def pop_subjects(pop):
    return [next(line for line in pop.retr(n)[1] if line.startswith(b"Subject:"))[8:].strip().decode() for n in range(1, pop.stat()[0] + 1)]


def remove_by_pop(account, *numbers):
    pop = account.pop3()
    for number in numbers:
        pop.retr(number)
        pop.dele(number)
    pop.quit()


def remove_by_imap(client, numbers):
    client.store(numbers, "+FLAGS", "(\\Deleted)")
    client.expunge()


def test_what_pop_downloaded_and_removed_comes_back_for_imap_and_for_pop(account):
    """The help page's story, and its other end."""
    for subject in ("first", "second"):
        account.deliver(message(subject))
    home, work = account.imap(select="INBOX"), account.imap(tls=True, select="INBOX")
    assert subjects(home) == subjects(work) == ["first", "second"]
    home.store("1", "+FLAGS", "(\\Flagged)")
    before = home.fetch("1:2", "(EMAILID INTERNALDATE FLAGS)")[1]
    pop = account.pop3()
    uidls = {line.split()[1] for line in pop.uidl()[1]}
    assert pop_subjects(pop) == ["first", "second"]
    pop.dele(1)
    pop.dele(2)
    pop.quit()
    eventually(lambda: home.noop() and home.search(None, "ALL")[1] == [b""], what="the removal at home")
    eventually(lambda: work.noop() and work.search(None, "ALL")[1] == [b""], what="the removal at work")

    rows = undelete(account, "--from=POP")
    assert [(r["subject"], r["by"], r["mailbox"], r["uid"], r["address"]) for r in rows] == [
        ("first", "pop3", "INBOX", 1, "127.0.0.1"), ("second", "pop3", "INBOX", 2, "127.0.0.1")]
    assert undelete(account, "--from=POP", "--restore")[0]["restored"] == 2
    assert undelete(account) == []

    for client in (home, work):
        eventually(lambda: client.noop() and client.search(None, "ALL")[1] == [b"1 2"], what="the return")
        assert subjects(client) == ["first", "second"]
    after = home.fetch("1:2", "(EMAILID INTERNALDATE FLAGS)")[1]
    assert [row.split(b"EMAILID")[1] for row in after] == [row.split(b"EMAILID")[1] for row in before]
    assert b"\\Flagged" in after[0]
    pop = account.pop3()
    assert pop_subjects(pop) == ["first", "second"]
    assert not uidls & {line.split()[1] for line in pop.uidl()[1]}  # else a POP client took them for old
    pop.quit()
    assert account.instance.command("check", account.user).returncode == 0


def test_an_idle_client_hears_of_what_comes_back(account):
    account.deliver(message("gone"))
    client = imap(account, "INBOX")
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    client.send("i IDLE\r\n")
    while not client.line().startswith(b"+"):
        pass
    account.instance.command("undelete", account.user, "--restore")
    line = client.line()
    while b"EXISTS" not in line:
        line = client.line()
    assert line == b"* 1 EXISTS\r\n"
    client.send("DONE\r\n")
    client.until(b"i")


def test_a_deleted_mailbox_comes_back_by_name(account):
    client = account.imap()
    client.create("Projects/2026")
    client.append("Projects/2026", "(\\Seen plans)", '"01-Feb-2020 10:11:12 +0100"', message("the plan"))
    client.delete("Projects/2026")
    assert "Projects/2026" not in account.instance.command("mailbox", "list", account.user).stdout
    row, = undelete(account, "--mailbox=Projects/2026")
    assert (row["mailbox"], row["subject"], row["by"], row["how"]) == ("Projects/2026", "the plan", "imap", "with its mailbox")
    assert undelete(account, "--mailbox", "Projects/2026", "--restore") == [{"mailbox": "Projects/2026", "restored": 1, "size": row["size"]}]
    assert client.select("Projects/2026")[1] == [b"1"]
    shown = client.fetch("1", "(FLAGS INTERNALDATE)")[1][0]
    assert b"\\Seen" in shown and b"plans" in shown and b'"01-Feb-2020 10:11:12 +0100"' in shown


def test_the_list_names_the_client_that_removed(account):
    account.deliver(message("read me"))
    client = imap(account, "INBOX")
    client.ok('ID ("name" "Thunderbird" "version" "128.1")')
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    before = int(time.time())
    client.ok("EXPUNGE")
    row, = undelete(account)
    assert "Thunderbird" in row["client"] and "128.1" in row["client"]
    assert before - 1 <= row["removed"] <= time.time() + 1
    assert row["until"] > row["removed"] + 14 * 86400
    table = account.instance.command("undelete", account.user).stdout
    assert "Thunderbird" in table and "read me" in table and "127.0.0.1" in table


def test_a_client_may_call_itself_anything_and_is_named_in_json_too(account):
    account.deliver(message("read me"))
    client = imap(account, "INBOX")
    client.send(b'n ID ("name" {20+}\r\n' + b"Mail" + b"\xff\xfe" * 8 + b")\r\n")
    client.until(b"n")
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    row, = undelete(account)
    assert row["client"] is not None and row["client"].startswith("Mail")


def test_only_what_was_asked_for_comes_back(account):
    for number in range(6):
        account.deliver(message("number %d" % number))
    remove_by_pop(account, 1, 2)
    client = account.imap(select="INBOX")
    remove_by_imap(client, "1:3")
    assert [r["uid"] for r in undelete(account, "--from=imap")] == [3, 4, 5]
    assert [r["uid"] for r in undelete(account, "--mailbox=INBOX", "--uid=2:3,5")] == [2, 3, 5]
    assert undelete(account, "--mailbox=Archive") == []
    assert len(undelete(account, "--since=1h")) == 5
    assert undelete(account, "--since", "2999-01-01") == []
    assert undelete(account, "--mailbox=INBOX", "--uid=3,4", "--restore")[0]["restored"] == 2
    assert subjects(client) == ["number 5", "number 2", "number 3"]


@pytest.mark.parametrize("bad", (["--since=someday"], ["--from=smtp"], ["--uid=1"], ["--mailbox=INBOX", "--uid=0"], ["--all"]))
def test_what_can_not_be_meant_is_refused_with_a_reason(account, bad):
    done = account.instance.command("undelete", account.user, *bad, check=False)
    assert done.returncode == 64 and done.stderr


def test_removed_mail_is_no_part_of_the_quota_and_comes_back_only_if_it_fits(account):
    body = "x" * 70 + "\r\n"
    for number in range(4):
        account.deliver(message("number %d" % number, body * 100))
    client = account.imap(select="INBOX")
    remove_by_imap(client, "1:4")
    size = sum(r["size"] for r in undelete(account))
    shown, = json.loads(account.instance.command("account", "show", account.user, "--json").stdout)
    assert (shown["messages"], shown["size"], shown["retained"], shown["retained_size"]) == (0, 0, 4, size)
    account.instance.command("account", "quota", account.user, size - 1)
    done = account.instance.command("undelete", account.user, "--restore", check=False)
    assert done.returncode != 0 and "quota" in done.stderr
    assert len(undelete(account)) == 4
    account.instance.command("account", "quota", account.user, size)
    assert undelete(account, "--restore")[0]["restored"] == 4
    assert subjects(client) == ["number %d" % n for n in range(4)]


def test_a_subject_can_not_steer_the_terminal(account):
    account.deliver(message("=?utf-8?Q?red=1B[31m=C2=9B31m?="))
    remove_by_pop(account, 1)
    table = account.instance.command("undelete", account.user).stdout
    assert "red" in table and "\x1b" not in table and "\x9b" not in table


def test_undelete_without_a_server_does_the_same(own_server):
    instance = own_server()
    account = new_account(instance)
    account.deliver(message("kept"))
    remove_by_pop(account, 1)
    instance.stop()
    assert [r["subject"] for r in undelete(account)] == ["kept"]
    assert undelete(account, "--restore")[0]["restored"] == 1
    instance.command("check")
    instance.start()
    assert subjects(account.imap()) == ["kept"]


def test_what_was_purged_does_not_come_back(own_server):
    instance = own_server(settings={"retention.days": 1})
    account = new_account(instance)
    account.deliver(message("over"))
    remove_by_pop(account, 1)
    instance.command("purge")
    assert len(undelete(account)) == 1
    instance.command("purge", "--all")
    assert undelete(account) == []
    instance.command("check", "--blobs")


def test_the_log_answers_who_deleted_my_mail(account):
    for number in range(4):
        account.deliver(message("number %d" % number))
    remove_by_pop(account, 1)
    client = imap(account, "INBOX")
    client.ok('ID ("name" "Phone")')
    client.ok("MOVE 1 Trash")
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    client.ok("CREATE Lists")
    client.ok("RENAME Lists Old")
    client.ok("DELETE Old")
    account.instance.command("undelete", account.user, "--from=imap", "--restore")
    rows = log(account)
    assert [(r["action"], r["by"], r["client"], r["mailbox"], r["uid"], r["to"], r["to_uid"], r["subject"]) for r in rows] == [
        ("removed", "pop3", "", "INBOX", 1, "", "", "number 0"),
        ("moved", "imap", "Phone", "INBOX", 2, "Trash", 1, "number 1"),
        ("removed", "imap", "Phone", "INBOX", 3, "", "", "number 2"),
        ("mailbox renamed", "imap", "Phone", "Lists", "", "Old", "", ""),
        ("mailbox deleted", "imap", "Phone", "Old", "", "", "", ""),
        ("taken back", "admin", "waxwing undelete", "INBOX", 3, "", 5, "number 2")]
    assert {r["address"] for r in rows[:5]} == {"127.0.0.1"} and rows[5]["address"] == pwd.getpwuid(os.getuid()).pw_name
    assert len({r["session"] for r in rows[1:5]}) == 1
    assert rows[2]["email"] == rows[5]["email"] and "@example.org" in rows[2]["message_id"]
    assert [r["action"] for r in log(account, "--from=pop")] == ["removed"]
    assert [r["action"] for r in log(account, "--mailbox=Trash")] == ["moved"]
    assert [r["action"] for r in log(account, "--mailbox=INBOX", "--uid=3")] == ["removed", "taken back"]
    assert len(log(account, "--since=1h")) == 6 and log(account, "--since=2999-01-01") == []
    assert "number 2" in account.instance.command("log", account.user).stdout


def test_the_log_knows_what_a_pop_policy_moved_and_what_the_administrator_deleted(account):
    account.instance.command("user", "set", account.user, "pop3.delete=trash")
    account.deliver(message("by policy"))
    remove_by_pop(account, 1)
    account.imap().create("Old")
    account.instance.command("mailbox", "delete", account.user, "Old")
    assert [(r["action"], r["by"], r["mailbox"], r["to"], r["subject"]) for r in log(account)] == [
        ("moved", "pop3", "INBOX", "Trash", "by policy"), ("mailbox deleted", "admin", "Old", "", "")]


def test_the_log_outlives_the_message(own_server):
    instance = own_server()
    account = new_account(instance)
    account.deliver(message("secret plans"))
    remove_by_pop(account, 1)
    instance.command("purge", "--all")
    row, = log(account)
    assert (row["action"], row["by"], row["mailbox"], row["uid"], row["subject"]) == ("removed", "pop3", "INBOX", 1, "")
