"""Postfix, as the README says to put Waxwing behind it: a message by SMTP ends in the mailbox."""

import os
import pathlib
import shutil
import smtplib
import subprocess
import textwrap

import pytest
from conftest import eventually, free_port_base, message


@pytest.fixture
def postfix(server, tmp_path):
    if os.geteuid() != 0 or not shutil.which("postfix"):
        pytest.skip("a Postfix of one's own needs root")
    port = free_port_base()
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(parent, 0o755)
    conf, queue, data = tmp_path / "conf", tmp_path / "queue", tmp_path / "data"
    for folder in (conf, queue, data):
        folder.mkdir()
    shutil.copy("/usr/share/postfix/master.cf.dist" if pathlib.Path("/usr/share/postfix/master.cf.dist").exists() else "/etc/postfix/master.cf", conf / "master.cf")
    master = (conf / "master.cf").read_text().replace("smtp      inet  n       -       y       -       -       smtpd", "127.0.0.1:%d inet n - n - - smtpd" % port)
    # Its services need no chroot here: the queue folder is a temporary one.
    master = "\n".join(line if line.startswith(("#", " ")) or len(line.split()) < 8 else " ".join(line.split()[:4] + ["n"] + line.split()[5:]) for line in master.splitlines()) + "\n"
    (conf / "master.cf").write_text(master)
    (conf / "main.cf").write_text(textwrap.dedent("""
        compatibility_level = 3.6
        queue_directory = %s
        data_directory = %s
        maillog_file = %s/maillog
        maillog_file_prefixes = /
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        myhostname = mx.example.org
        mydestination =
        mynetworks = 127.0.0.0/8
        virtual_mailbox_domains = example.org
        virtual_transport = lmtp:unix:%s
        smtputf8_enable = yes
        """) % (queue, data, tmp_path, server.lmtp_socket))
    shutil.chown(data, "postfix")
    try:
        subprocess.run(["postfix", "-c", str(conf), "start"], check=True, capture_output=True, timeout=60)
    except subprocess.CalledProcessError as error:
        pytest.skip("Postfix does not start here: %s" % error.stderr.decode()[-300:])
    yield port, tmp_path / "maillog"
    subprocess.run(["postfix", "-c", str(conf), "stop"], capture_output=True, timeout=60)


def test_postfix_delivers_by_smtp_through_lmtp(postfix, account, other):
    port, log = postfix
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.sendmail("sender@example.org", [account.user + "@example.org", other.user + "@example.org"], message("through postfix"))
    for each in (account, other):
        eventually(lambda: each.imap().select("INBOX")[1] == [b"1"], 30, "the delivery; the log says " + (log.read_text()[-500:] if log.exists() else "nothing"))
    text = account.imap(select="INBOX").fetch("1", "(BODY.PEEK[])")[1][0][1]
    assert b"Subject: through postfix" in text and b"by mx.example.org (Postfix)" in text
