"""POP3 as mail programs speak it: fetchmail, mpop, curl, poplib, and Thunderbird's way; each keeping and deleting.

getmail stands in test_clients.py.
"""

import base64
import mailbox
import poplib

import pytest
from conftest import message
from raw import Raw
from test_clients import fetchmail, fill, run
from test_pop3 import lines


def count(account):
    return int(account.imap().select("INBOX")[1][0])


def bodies(account):
    """What IMAP has, by Message-ID."""
    imap = account.imap(select="INBOX")
    return {octets for _, octets in (part for part in imap.fetch("1:*", "BODY.PEEK[]")[1] if isinstance(part, tuple))}


@pytest.mark.parametrize("keep", [True, False])
def test_fetchmail_fetches_each_message_once(account, tmp_path, keep):
    fill(account, 5)
    box, rc = tmp_path / "box", tmp_path / "fetchmailrc"
    rc.write_text('set invisible\npoll localhost protocol POP3 port %d uidl user "%s" password "%s" sslproto "" mda "cat >>%s; echo >>%s" %s\n'
                  % (account.instance.ports["pop3"], account.user, account.password, box, box, "keep" if keep else "no keep"))
    rc.chmod(0o600)
    assert fetchmail(rc, check=False).returncode == 0
    account.deliver(message("a later one"))
    assert fetchmail(rc, check=False).returncode == 0
    assert fetchmail(rc, check=False).returncode == 1  # no new mail
    assert box.read_bytes().count(b"Message-ID: ") == 6
    assert count(account) == (6 if keep else 0)


@pytest.mark.parametrize("pipelining", ["on", "off"])
@pytest.mark.parametrize("keep", ["on", "off"])
def test_mpop_fetches_each_message_once(account, tmp_path, pipelining, keep):
    fill(account, 7)
    box, rc = tmp_path / "box", tmp_path / "mpoprc"
    rc.write_text("account a\nhost localhost\nport %d\nuser %s\npassword %s\ntls on\ntls_starttls on\ntls_trust_file %s\npipelining %s\nkeep %s\n"
                  "uidls_file %s/uidls\ndelivery mbox %s\nreceived_header off\naccount default : a\n"
                  % (account.instance.ports["pop3"], account.user, account.password, account.instance.certificate, pipelining, keep, tmp_path, box))
    rc.chmod(0o600)
    run("mpop", "-C", rc, "-q")
    account.deliver(message("a later one"))
    for _ in range(2):
        run("mpop", "-C", rc, "-q")
    assert len(mailbox.mbox(box)) == 8
    assert count(account) == (8 if keep == "on" else 0)


def test_curl_lists_retrieves_and_deletes(account):
    for number in range(1, 4):
        account.deliver(message("c%d" % number))
    url = "pop3s://localhost:%d/" % account.instance.ports["pop3s"]
    common = ("curl", "-sS", "--cacert", account.instance.certificate, "--user", account.url_user)
    assert len(run(*common, url).stdout.splitlines()) == 3
    assert len(run(*common, "-X", "UIDL", url).stdout.splitlines()) == 3
    assert b"Subject: c1\r\n" in run(*common, "-X", "TOP 1 0", url).stdout
    assert b"Subject: c2\r\n" in run(*common, url + "2").stdout
    assert count(account) == 3
    run(*common, "-l", "-X", "DELE", url + "2")
    assert count(account) == 2
    done = run(*common, "--login-options", "AUTH=PLAIN", "--sasl-ir", url + "2")
    assert b"Subject: c3\r\n" in done.stdout


@pytest.mark.parametrize("tls", ["none", "stls", "implicit"])
@pytest.mark.parametrize("delete", [False, True])
def test_poplib_retrieves_what_was_delivered(account, tls, delete):
    fill(account, 6)
    wanted = bodies(account)
    if tls == "stls":
        client = poplib.POP3("localhost", account.instance.ports["pop3"], timeout=30)
        assert "STLS" in client.capa()
        client.stls(account.tls_context())
        assert "STLS" not in client.capa()
        client.user(account.user)
        client.pass_(account.password)
    else:
        client = account.pop3(tls=tls == "implicit")
    number, octets = client.stat()
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    assert number == 6 and octets == sum(sizes)
    got = [b"\r\n".join(client.retr(i)[1]) + b"\r\n" for i in range(1, number + 1)]
    assert set(got) == wanted and [len(one) for one in got] == sizes
    for i in range(1, number + 1):
        header, _, body = got[i - 1].partition(b"\r\n\r\n")
        assert b"\r\n".join(client.top(i, 1)[1]) == header + b"\r\n\r\n" + body.split(b"\r\n")[0] or not body
        if delete:
            client.dele(i)
    client.quit()
    assert count(account) == (0 if delete else 6)


class Thunderbird:
    """What Thunderbird says, and what it remembers: UIDLs with the day they were fetched (popstate.dat)."""

    def __init__(self, account, days, pipelining):
        self.account, self.days, self.pipelining = account, days, pipelining
        self.known, self.fetched = {}, []

    def ask(self, pop, commands):
        """The answers' reader runs after all commands were sent, or after each."""
        if self.pipelining:
            pop.send("".join(command + "\r\n" for command, _ in commands))
            return [read(pop) for _, read in commands]
        got = []
        for command, read in commands:
            pop.send(command + "\r\n")
            got.append(read(pop))
        return got

    def check_mail(self, today):
        pop = Raw(self.account.instance.ports["pop3s"])
        pop.starttls(self.account.tls_context())
        assert pop.line().startswith(b"+OK")
        plain = base64.b64encode(("\0%s\0%s" % (self.account.user, self.account.password)).encode()).decode()
        for command, answer in (("AUTH", b"+OK"), ("CAPA", b"+OK"), ("AUTH PLAIN", b"+ "), (plain, b"+OK")):
            pop.send(command + "\r\n")
            assert pop.line().startswith(answer), command
            while command in ("AUTH", "CAPA") and pop.line() != b".\r\n":
                pass
        stat, sizes, uidls = self.ask(pop, [("STAT", Raw.line), ("LIST", lines), ("UIDL", lines)])
        there = dict(line.decode().split() for line in uidls)
        assert int(stat.split()[1]) == len(there) == len(sizes)
        new = [n for n, uidl in there.items() if uidl not in self.known]
        for octets in self.ask(pop, [("RETR " + n, lines) for n in new]):
            self.fetched.append(b"".join(octets))
        self.known.update({there[n]: today for n in new})
        old = [n for n, uidl in there.items() if today - self.known[uidl] >= self.days]
        assert all(line.startswith(b"+OK") for line in self.ask(pop, [("DELE " + n, Raw.line) for n in old]))
        pop.send("QUIT\r\n")
        assert pop.line().startswith(b"+OK")
        self.known = {uidl: day for uidl, day in self.known.items() if uidl in there.values()}


@pytest.mark.parametrize("pipelining", [True, False])
def test_thunderbird_leaves_mail_on_the_server_for_fourteen_days(account, pipelining):
    client = Thunderbird(account, 14, pipelining)
    for day in range(0, 30, 3):
        account.deliver(message("day %d" % day))
        client.check_mail(day)
        assert len(client.fetched) == len(set(client.fetched)) == day // 3 + 1, "each message is fetched once"
    assert count(account) == 5  # days 15, 18, 21, 24, 27


def test_two_computers_that_keep_mail_each_fetch_all_of_it_once(account):
    home, work = Thunderbird(account, 1000, False), Thunderbird(account, 1000, True)
    for day in range(4):
        account.deliver(message("day %d" % day))
        home.check_mail(day)
        work.check_mail(day)
    assert len(home.fetched) == len(work.fetched) == 4 == count(account)
