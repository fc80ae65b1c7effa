"""Real clients: curl, mbsync, mutt, getmail, fetchmail, mpop, swaks, smtp-source."""

import getpass
import mailbox
import os
import pathlib
import shutil
import subprocess
import textwrap

import corpus
import pytest
from conftest import eventually, message


def run(*arguments, check=True, **more):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, timeout=120, **more)
    if check:
        assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
    return done


def fill(account, count=20):
    for octets, *_ in corpus.messages(7, count, account.user):
        account.deliver(octets)


@pytest.mark.parametrize("scheme,port", [("imap", "imap"), ("imaps", "imaps"), ("pop3", "pop3"), ("pop3s", "pop3s")])
def test_curl_reads_a_message(account, scheme, port):
    account.deliver(message("for curl"))
    path = "INBOX;MAILINDEX=1" if scheme.startswith("imap") else "1"
    done = run("curl", "-sS", "--cacert", account.instance.certificate, "--user", account.url_user, "%s://localhost:%d/%s" % (scheme, account.instance.ports[port], path))
    assert b"Subject: for curl\r\n" in done.stdout


def test_curl_upgrades_with_starttls_on_the_plain_ports(account):
    account.deliver(message("upgraded"))
    for scheme, path in (("imap", "INBOX;MAILINDEX=1"), ("pop3", "1")):
        done = run("curl", "-sS", "--ssl-reqd", "--cacert", account.instance.certificate, "--user", account.url_user,
                   "%s://localhost:%d/%s" % (scheme, account.instance.ports[scheme], path))
        assert b"Subject: upgraded\r\n" in done.stdout


def test_mbsync_copies_everything_both_ways(account, tmp_path):
    fill(account)
    (tmp_path / "rc").write_text(textwrap.dedent("""
        SyncState *

        IMAPAccount a
        Host localhost
        Port %d
        User %s
        Pass %s
        SSLType IMAPS
        CertificateFile %s

        IMAPStore far
        Account a

        MaildirStore near
        Path %s/mail/
        Inbox %s/mail/INBOX
        SubFolders Verbatim

        Channel c
        Far :far:
        Near :near:
        Patterns *
        Create Both
        Expunge Both
        Sync All
        """) % (account.instance.ports["imaps"], account.user, account.password, account.instance.certificate, tmp_path, tmp_path))
    (tmp_path / "mail").mkdir()
    run("mbsync", "-c", tmp_path / "rc", "-a")
    near = mailbox.Maildir(tmp_path / "mail" / "INBOX", create=False)
    assert len(near) == 20
    key = next(iter(near.keys()))
    near.discard(key)
    added = mailbox.MaildirMessage(message("from the near side").replace(b"\r\n", b"\n"))
    added.set_flags("FS")
    added.set_subdir("cur")
    near.add(added)
    run("mbsync", "-c", tmp_path / "rc", "-a")
    imap = account.imap(select="INBOX")
    assert len(imap.search(None, "ALL")[1][0].split()) == 20
    assert len(imap.search(None, "FLAGGED", "SUBJECT", '"near side"')[1][0].split()) == 1


def test_mutt_lists_and_flags(account, tmp_path):
    fill(account, 5)
    rc = tmp_path / "muttrc"
    rc.write_text("set folder=imap://127.0.0.1:%d/\nset spoolfile=+INBOX\nset imap_user=%s\nset imap_pass=%s\nset ssl_starttls=no\nset ssl_force_tls=no\n"
                  "set header_cache=\nset quit=yes\nset delete=yes\n" % (account.instance.ports["imap"], account.user, account.password))
    environment = dict(os.environ, TERM="xterm", HOME=str(tmp_path))
    # A person at the keyboard: flag the first message, mark the second for deletion, leave.
    run("script", "-qec", "mutt -n -F %s -e 'push <first-entry><flag-message><first-entry><next-entry><delete-message><quit>'" % rc, "/dev/null", env=environment, stdin=subprocess.DEVNULL)
    imap = account.imap(select="INBOX")
    eventually(lambda: imap.noop() and len(imap.search(None, "ALL")[1][0].split()) == 4, what="mutt's expunge")
    assert len(imap.search(None, "FLAGGED")[1][0].split()) == 1


def open_to_nobody(folder):
    """getmail refuses to deliver as root; the folder is given to whom it delivers as."""
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "nobody")
        for parent in folder.parents[:-2]:
            parent.chmod(0o755)


@pytest.mark.parametrize("delete", [False, True])
def test_getmail_retrieves(account, tmp_path, delete):
    fill(account, 6)
    (tmp_path / "mail").mkdir()
    for sub in ("cur", "new", "tmp"):
        (tmp_path / "mail" / sub).mkdir()
    (tmp_path / "getmailrc").write_text(textwrap.dedent("""
        [retriever]
        type = SimplePOP3SSLRetriever
        server = localhost
        port = %d
        username = %s
        password = %s
        ca_certs = %s
        [destination]
        type = Maildir
        path = %s/mail/
        user = %s
        [options]
        delete = %s
        read_all = false
        verbose = 0
        """) % (account.instance.ports["pop3s"], account.user, account.password, account.instance.certificate, tmp_path, "nobody" if os.geteuid() == 0 else getpass.getuser(), "true" if delete else "false"))
    open_to_nobody(tmp_path / "mail")
    run("getmail", "--getmaildir", tmp_path, "--rcfile", "getmailrc", env=dict(os.environ, HOME=str(tmp_path)))
    assert len(list((tmp_path / "mail" / "new").iterdir())) == 6
    run("getmail", "--getmaildir", tmp_path, "--rcfile", "getmailrc", env=dict(os.environ, HOME=str(tmp_path)))
    assert len(list((tmp_path / "mail" / "new").iterdir())) == 6, "known UIDLs were fetched again"
    assert account.imap().select("INBOX")[1] == [b"0" if delete else b"6"]


def fetchmail(rc, **options):
    """As root it would share one lock file with every other fetchmail of the machine."""
    home = rc.parent
    return run("fetchmail", "-f", rc, "--nosyslog", "--pidfile", home / "fetchmail.pid", "-s", env=dict(os.environ, HOME=str(home), FETCHMAILHOME=str(home)), **options)


def test_fetchmail_retrieves_and_deletes(account, tmp_path):
    fill(account, 4)
    box = tmp_path / "box"
    rc = tmp_path / "fetchmailrc"
    rc.write_text('set invisible\npoll localhost protocol POP3 port %d user "%s" password "%s" sslproto "" mda "cat >>%s; echo >>%s" fetchall no keep\n'
                  % (account.instance.ports["pop3"], account.user, account.password, box, box))
    rc.chmod(0o600)
    fetchmail(rc)
    assert box.read_bytes().count(b"\nMessage-ID: <7.") == 4 or box.read_bytes().count(b"Message-ID: <7.") == 4
    assert account.imap().select("INBOX")[1] == [b"0"]


def test_mpop_pipelines(account, tmp_path):
    fill(account, 5)
    box = tmp_path / "box"
    rc = tmp_path / "mpoprc"
    rc.write_text("account a\nhost localhost\nport %d\nuser %s\npassword %s\ntls on\ntls_starttls off\ntls_trust_file %s\npipelining on\nkeep off\nuidls_file %s/uidls\ndelivery mbox %s\nreceived_header off\naccount default : a\n"
                  % (account.instance.ports["pop3s"], account.user, account.password, account.instance.certificate, tmp_path, box))
    rc.chmod(0o600)
    run("mpop", "-C", rc, "-q")
    assert len(mailbox.mbox(box)) == 5
    assert account.imap().select("INBOX")[1] == [b"0"]


def test_swaks_delivers_over_tcp_and_unix_socket(account):
    ports = account.instance.ports
    run("swaks", "--protocol", "LMTP", "--server", "127.0.0.1:%d" % ports["lmtp"], "--to", account.user, "--from", "a@example.org", "--header", "Subject: tcp")
    run("swaks", "--protocol", "LMTP", "--socket", account.instance.lmtp_socket, "--to", account.user, "--from", "a@example.org", "--header", "Subject: unix")
    imap = account.imap(select="INBOX")
    assert imap.search(None, "SUBJECT", "tcp")[1] == [b"1"]
    assert imap.search(None, "SUBJECT", "unix")[1] == [b"2"]


def test_smtp_source_delivers_on_many_connections(account):
    run("/usr/sbin/smtp-source", "-L", "-s", "16", "-m", "400", "-l", "4096", "-t", account.user, "-f", "load@example.org", "127.0.0.1:%d" % account.instance.ports["lmtp"])
    imap = account.imap()
    assert imap.select("INBOX")[1] == [b"400"]
    uids = imap.uid("SEARCH", "ALL")[1][0].split()
    assert uids == [b"%d" % n for n in range(1, 401)]
