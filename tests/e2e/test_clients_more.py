"""More real clients: imapflow (npm), offlineimap (Debian)."""

import json
import mailbox
import pathlib
import shutil
import textwrap

import pytest
from conftest import TOP, message
from raw import imap
from test_clients import fill, run

IMAPFLOW = "imapflow@1.0.188"  # the newest that runs on Debian 12's node 18


@pytest.fixture(scope="session")
def imapflow():
    """A folder where imapflow is installed; fetched once."""
    folder = TOP / "build" / "imapflow"
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is not installed")
    if not (folder / "node_modules" / "imapflow").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        done = run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, IMAPFLOW, check=False)
        if done.returncode:
            pytest.skip("npm can't fetch imapflow: " + done.stderr.decode(errors="replace")[-200:])
    return folder


def test_imapflow_reads_flags_appends_moves_and_deletes(account, imapflow):
    account.deliver(message("delivered", "text of the first\r\n"))
    done = run("node", pathlib.Path(__file__).with_name("imapflow.mjs"), imapflow, "localhost", account.instance.ports["imaps"], account.user, account.password)
    seen = json.loads(done.stdout)
    assert {"OBJECTID", "QUOTA", "MOVE", "UIDPLUS", "SPECIAL-USE"} <= set(seen["capabilities"])
    assert seen["uses"] == {"INBOX": "\\Inbox", "Drafts": "\\Drafts", "Sent": "\\Sent", "Trash": "\\Trash", "Junk": "\\Junk", "Archive": "\\Archive"}
    assert seen["exists"] == 1 and seen["appended"]["uid"] == 2
    first, second = seen["messages"]
    assert (first["subject"], first["flags"], first["type"]) == ("delivered", [], "text/plain")
    assert (second["subject"], second["flags"], second["date"]) == ("by imapflow", ["$Flow", "\\Seen"], "2020-02-01T03:04:05.000Z")
    assert second["source"].endswith("\r\n\r\nGrüße\r\n") and second["size"] == len(second["source"].encode())
    assert first["emailId"].startswith("E") and first["emailId"] != second["emailId"] and first["threadId"] != second["threadId"]
    assert seen["flagged"] == [1]
    assert seen["part"] == "text of the first\r\n"
    assert seen["moved"] == [[1, 1]]
    assert seen["status"]["messages"] == 1 and seen["status"]["uidNext"] == 2
    assert seen["quota"] == "INBOX"
    assert seen["left"] == 0


def offlineimap_rc(account, folder):
    (folder / "rc").write_text(textwrap.dedent("""
        [general]
        accounts = a
        metadata = %(folder)s/state
        ui = quiet

        [Account a]
        localrepository = near
        remoterepository = far

        [Repository near]
        type = Maildir
        localfolders = %(folder)s/mail

        [Repository far]
        type = IMAP
        remotehost = localhost
        remoteport = %(port)d
        ssl = yes
        sslcacertfile = %(certificate)s
        remoteuser = %(user)s
        remotepass = %(password)s
        """) % {"folder": folder, "port": account.instance.ports["imaps"], "certificate": account.instance.certificate,
                "user": account.user, "password": account.password.replace("%", "%%")})
    return folder / "rc"


@pytest.mark.skipif(not shutil.which("offlineimap"), reason="offlineimap is not installed")
def test_offlineimap_synchronises_both_ways(account, tmp_path):
    fill(account, 15)
    rc = offlineimap_rc(account, tmp_path)
    sync = ["offlineimap", "-o", "-c", rc]
    run(*sync)
    near = mailbox.Maildir(tmp_path / "mail" / "INBOX", create=False)
    assert len(near) == 15

    far = imap(account, select="INBOX")
    far.ok("STORE 1 +FLAGS (\\Flagged)")
    far.ok("MOVE 2 Archive")
    key = near.add(mailbox.MaildirMessage(message("made near", "near\r\n").replace(b"\r\n", b"\n")))
    made = near[key]
    made.set_subdir("cur")
    made.add_flag("S")
    near[key] = made
    run(*sync)
    near = mailbox.Maildir(tmp_path / "mail" / "INBOX", create=False)
    assert len(near) == 15
    assert sum("F" in m.get_flags() for m in near) == 1
    assert len(mailbox.Maildir(tmp_path / "mail" / "Archive", create=False)) == 1
    far.ok("NOOP")
    assert len(far.ok("SEARCH SUBJECT \"made near\" SEEN")[0].split()) == 3

    for key, one in near.iteritems():
        if "F" in one.get_flags():
            near.remove(key)
            break
    run(*sync)
    far.ok("NOOP")
    assert b"* SEARCH\r\n" in far.ok("SEARCH FLAGGED")
    assert account.instance.command("check").returncode == 0
