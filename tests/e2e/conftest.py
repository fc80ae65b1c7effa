"""A running Waxwing for the end-to-end tests, and clients that we did not write.

`server` runs for the whole session, as the demo does. `account` gives each test a fresh account. Tests that kill, fill or reconfigure take
`own_server`, which is theirs alone.
"""

import imaplib
import itertools
import os
import pathlib
import poplib
import secrets
import smtplib
import socket
import ssl
import sys
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "script" / "lib"))
import corpus  # noqa: E402
from instance import SERVICES, Failure, Instance  # noqa: E402,F401

imaplib._MAXLINE = 10_000_000
poplib._MAXLINE = 1_000_000
_numbers = itertools.count(1)


PORT_FIRST, PORTS_A_WORKER = 11200, 2600  # beside the demo's


def free_port_base():
    """A base where every service's port is free now, and nobody takes one before the server does: workers of pytest-xdist have ranges of
    their own, all below the ports that the kernel gives to outgoing connections (from 32768)."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8
    for _ in range(200):
        base = PORT_FIRST + worker * PORTS_A_WORKER + secrets.randbelow(PORTS_A_WORKER - max(SERVICES.values()))
        sockets = []
        try:
            for port in SERVICES.values():
                s = socket.socket()
                sockets.append(s)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", base + port))
            return base
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise RuntimeError("no free ports")


class Account:
    def __init__(self, instance, name, password):
        self.instance, self.user, self.password = instance, name, password

    def imap(self, tls=False, select=None):
        ports = self.instance.ports
        if tls:
            client = imaplib.IMAP4_SSL("localhost", ports["imaps"], ssl_context=self.tls_context(), timeout=30)
        else:
            client = imaplib.IMAP4("127.0.0.1", ports["imap"], timeout=30)
        client.login(self.user, self.password)
        if select:
            assert client.select(select)[0] == "OK"
        return client

    def pop3(self, tls=False):
        ports = self.instance.ports
        if tls:
            client = poplib.POP3_SSL("localhost", ports["pop3s"], context=self.tls_context(), timeout=30)
        else:
            client = poplib.POP3("127.0.0.1", ports["pop3"], timeout=30)
        client.user(self.user)
        client.pass_(self.password)
        return client

    def tls_context(self):
        return ssl.create_default_context(cafile=str(self.instance.certificate))

    def deliver(self, octets, to=None, sender="sender@example.org"):
        deliver(self.instance, octets, [to or self.user], sender)

    @property
    def url_user(self):
        return "%s:%s" % (self.user, self.password)


def deliver(instance, octets, recipients, sender="sender@example.org"):
    """smtplib reads one reply after DATA; LMTP gives one a recipient (RFC 2033 4.2)."""
    with socket.create_connection(("127.0.0.1", instance.ports["lmtp"]), timeout=90) as s:
        f = s.makefile("rwb")

        def reply():
            while True:
                line = f.readline()
                if not line:
                    raise EOFError("the connection ended")
                if line[3:4] != b"-":
                    return line

        def command(line):
            f.write(line + b"\r\n")
            f.flush()
            return reply()

        reply()
        for line in (b"LHLO localhost", b"MAIL FROM:<%s>" % sender.encode(), *(b"RCPT TO:<%s>" % r.encode() for r in recipients)):
            answer = command(line)
            assert answer.startswith(b"250"), answer
        assert command(b"DATA").startswith(b"354")
        stuffed = octets.replace(b"\r\n.", b"\r\n..")
        f.write((b"." if stuffed.startswith(b".") else b"") + stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        f.flush()
        for _ in recipients:
            answer = reply()
            assert answer.startswith(b"250"), answer
        command(b"QUIT")


def message(subject="hello", body="a body\r\n", extra=""):
    return ("From: Sender <sender@example.org>\r\nTo: you@example.org\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n"
            "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n%s\r\n%s" % (subject, secrets.token_hex(8), extra, body)).encode()


def eventually(check, seconds=10, what="it"):
    """Waits until check() is true; the last exception or a plain failure after that."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, "%s did not happen within %s s" % (what, seconds)
        time.sleep(0.03)


def open_to_roles(folder):
    """Roles with ids of their own and no chroot (sanitised builds) must reach it: pytest keeps its own folders closed."""
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            os.chmod(parent, parent.stat().st_mode | 0o055)


def make_server(folder, **settings):
    open_to_roles(folder)
    instance = Instance(folder, free_port_base(), settings=settings.pop("settings", None))
    instance.prepare()
    instance.start()
    return instance


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waxwing")
    instance = make_server(folder, settings={"lmtp.socket_mode": "0666"})
    yield instance
    pid = instance.pid()
    assert pid is not None, "the server died during the tests:\n" + instance.log_tail(40)
    instance.stop()
    bad = [line for line in instance.log.read_text(errors="replace").splitlines() if "Sanitizer" in line or "runtime error" in line]
    assert not bad, bad[:5]


def new_account(instance):
    name = "user%d-%s" % (next(_numbers), secrets.token_hex(3))
    password = secrets.token_urlsafe(9)
    instance.add_user(name, password)
    return Account(instance, name, password)


@pytest.fixture
def account(server):
    return new_account(server)


@pytest.fixture
def other(server):
    return new_account(server)


@pytest.fixture
def own_server(tmp_path):
    """A factory: own_server(settings={...}) starts one; all are stopped at the end."""
    made = []

    def make(**settings):
        folder = tmp_path / ("waxwing%d" % len(made))
        folder.mkdir(mode=0o755)
        instance = make_server(folder, **settings)
        made.append(instance)
        return instance

    yield make
    for instance in made:
        instance.kill()
