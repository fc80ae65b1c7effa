"""The command line, beside a running server and without one."""

import json
import mailbox
import os
import pathlib
import subprocess

import corpus
import pytest
from conftest import Failure, eventually, message, new_account
from raw import imap


def test_user_verbs_beside_the_server(server):
    server.command("user", "add", "cli-user", stdin="secret-1\n")
    assert "cli-user" in server.users()
    again = server.command("user", "add", "cli-user", stdin="x\n", check=False)
    assert again.returncode != 0 and "cli-user" in again.stderr
    server.command("user", "password", "cli-user", stdin="secret-2\n")
    from conftest import Account
    Account(server, "cli-user", "secret-2").imap()
    with pytest.raises(Exception):
        Account(server, "cli-user", "secret-1").imap()
    server.command("user", "remove", "cli-user", "--yes")
    assert "cli-user" not in server.users()


def test_passwords_are_never_taken_from_arguments(server):
    done = server.command("user", "add", "argv-user", "secret", stdin="", check=False)
    assert done.returncode == 64


def test_mailbox_verbs(account):
    account.instance.command("mailbox", "create", account.user, "Projects/2026")
    assert "Projects/2026" in account.instance.command("mailbox", "list", account.user).stdout
    assert b"Projects/2026" in b"".join(imap(account).ok('LIST "" "*"'))


def test_a_maildir_keeps_flags_dates_uids_and_keywords(account, tmp_path):
    folder = tmp_path / "Maildir"
    corpus.write_maildir(folder, account.user, 50)
    names = sorted(p.name for p in (folder / "cur").iterdir())
    uids = {name.split(":")[0]: 100 + 3 * i for i, name in enumerate(names)}
    (folder / "dovecot-uidlist").write_text("3 V1234567 N%d G0123456789abcdef0123456789abcdef\n" % (100 + 3 * len(names)) + "".join("%d :%s\n" % (uids[n.split(":")[0]], n) for n in names))
    account.instance.command("import", "maildir", account.user, folder)
    client = imap(account)
    select = b"".join(client.ok("SELECT INBOX"))
    assert b"UIDVALIDITY 1234567" in select
    rows = client.ok("UID FETCH 1:* (UID FLAGS INTERNALDATE)")
    assert len(rows) == len(names)
    for i, row in enumerate(rows):
        assert b"UID %d" % (100 + 3 * i) in row
        assert (b"\\Seen" in row) == ("S" in names[i].split(":2,")[1])
        assert (b"\\Flagged" in row) == ("F" in names[i].split(":2,")[1])
    listed = b"".join(client.ok('LSUB "" "*"'))
    assert b"Archive" in listed and b"Sent" in listed


def test_an_mbox_is_imported(account, tmp_path):
    path = tmp_path / "box"
    box = mailbox.mbox(path)
    for octets, *_ in corpus.messages(3, 10):
        one = mailbox.mboxMessage(octets.replace(b"\r\n", b"\n"))
        one.set_flags("RO")
        box.add(one)
    box.close()
    account.instance.command("import", "mbox", account.user, path, "--mailbox", "Old")
    client = imap(account)
    assert b"* 10 EXISTS" in b"".join(client.ok("SELECT Old"))
    assert all(b"\\Seen" in row for row in client.ok("FETCH 1:* FLAGS"))


def test_export_is_the_way_back(account, other, tmp_path):
    for octets, *_ in corpus.messages(5, 12, account.user):
        account.deliver(octets)
    client = imap(account, "INBOX")
    client.ok("STORE 1:3 +FLAGS (\\Seen)")
    account.instance.command("export", account.user, tmp_path / "out")
    account.instance.command("import", "maildir", other.user, tmp_path / "out")
    theirs = imap(other, "INBOX")
    assert [r.split(b"FETCH", 1)[1] for r in theirs.ok("FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[])")] == [r.split(b"FETCH", 1)[1] for r in client.ok("FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[])")]


def test_check_status_and_help(server):
    assert server.command("check").returncode == 0
    server.command("status")
    json.loads(server.command("status", "--json").stdout)
    for verb in ("serve", "init", "user", "mailbox", "import", "export", "check", "status", "config"):
        assert verb in server.command("--help").stdout
        assert server.command(verb, "--help").stdout.strip()
    assert server.command("--version").stdout.startswith("waxwing ")
    assert server.command("frobnicate", check=False).returncode == 64


def test_compact(account):
    """The log's one volume is being written: there is nothing to give back, and nothing is lost."""
    account.deliver(message("stays"))
    assert json.loads(account.instance.command("compact", "--json").stdout) == [{"freed": 0}]
    assert account.instance.command("compact", "--below=100").returncode == 0
    refused = account.instance.command("compact", "--below=101", check=False)
    assert refused.returncode == os.EX_USAGE and "0 to 100" in refused.stderr
    assert account.imap(select="INBOX").fetch("1", "(BODY[TEXT])")[0] == "OK"


def test_the_same_verbs_without_a_server(own_server, tmp_path):
    instance = own_server()
    account = new_account(instance)
    account.deliver(message("kept"))
    instance.stop()
    instance.command("user", "add", "offline", stdin="secret\n")
    assert {"offline", account.user} <= set(instance.users())
    folder = tmp_path / "Maildir"
    corpus.write_maildir(folder, "offline", 10)
    instance.command("import", "maildir", "offline", folder)
    assert "INBOX" in instance.command("mailbox", "list", "offline").stdout
    instance.command("check")
    instance.start()
    from conftest import Account
    assert Account(instance, "offline", "secret").imap().select("INBOX")[0] == "OK"
    assert account.imap().select("INBOX")[1] == [b"1"]


def test_config_check_tells_all_mistakes_at_once(own_server, tmp_path):
    instance = own_server()
    bad = tmp_path / "bad.conf"
    bad.write_text(instance.config.read_text() + "\nimpa = 1;\nlog = { levle = \"x\"; };\n")
    done = subprocess.run([instance.binary, "-c", str(bad), "config", "check"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "impa" in done.stderr and "levle" in done.stderr and "bad.conf:" in done.stderr
    assert subprocess.run([instance.binary, "-c", str(instance.config), "config", "check"]).returncode == 0
    assert "listen.imap" in instance.command("config", "show", "--origin").stdout


def test_an_import_of_many_messages_does_not_wait_for_itself(account, tmp_path):
    box = tmp_path / "box"
    box.write_bytes(b"".join(b"From a@b Tue Nov 24 10:00:00 2026\nSubject: n%d\n\nx\n\n" % n for n in range(20000)))
    account.instance.command("import", "mbox", account.user, str(box))
    assert account.imap().select("INBOX")[1] == [b"20000"]


def test_a_user_is_in_groups(account):
    def group(*options):
        return json.loads(account.instance.command("user", "group", account.user, *options, "--json").stdout)

    assert group() == []
    assert group("--add=Staff", "--add=tea") == [{"group": "staff"}, {"group": "tea"}]
    assert group("--remove=staff") == [{"group": "tea"}]
    assert account.instance.command("user", "group", account.user, "--add=a/b", check=False).returncode == 65
