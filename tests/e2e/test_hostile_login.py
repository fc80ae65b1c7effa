"""Hostile cases before an IMAP login: O01 to O08 of docs/threat-model.md."""

import base64
import threading
import time

import pytest
from hostile import SANITISED, memory_kib, witnessed
from raw import Imap, Raw, imap


@pytest.fixture(autouse=True)
def nobody_else_notices(server, account):
    yield from witnessed(server, account)


def sent_until_closed(client, octets):
    """What the server says to it. It may close before it has read everything; what it said then can be lost with the reset."""
    try:
        client.send(octets)
    except OSError:
        pass
    return client.rest()


def test_a_line_of_more_than_8_kib_is_told_bye_and_closed(server):
    """O01"""
    client = Imap(server.ports["imap"])
    client.send(b"a " + b"x" * 8192)
    text = client.rest()
    assert b"BAD" in text or b"* BYE" in text, text
    before = memory_kib(server)
    client = Imap(server.ports["imap"])
    sent_until_closed(client, b"a " + b"x" * (1 << 20))
    assert memory_kib(server) - before < 4096


@pytest.mark.parametrize("octets,expect", [(b"a LOGIN {1000000000}\r\n", b"a BAD"), (b"a LOGIN {99999999999999999999}\r\n", b"a BAD")])
def test_a_huge_literal_is_refused_without_an_invitation(server, octets, expect):
    """O02"""
    before = memory_kib(server)
    client = Imap(server.ports["imap"])
    client.send(octets)
    assert client.line().startswith(expect)
    assert memory_kib(server) - before < 4096


def test_a_huge_nonsynchronising_literal_is_never_run_as_commands(server):
    """O03"""
    text = sent_until_closed(Imap(server.ports["imap"]), b"a LOGIN {999999999+}\r\n" + b"b LOGOUT\r\n" * 100)
    assert b"BYE" in text
    assert b"b OK" not in text and b"b BAD" not in text


def test_a_thousand_unfinished_commands_hold_little_and_end_at_the_deadline(own_server):
    """O04. One address may hold a hundred connections that aren't logged in, so they come from ten."""
    server = own_server(settings={"login.timeout": 8})
    before = memory_kib(server)
    clients = []
    for n in range(1000):
        client = Raw(server.ports["imap"], source="127.0.0.%d" % (10 + n % 10))
        client.send(b"a NOOP " + b"(" * 3900)
        clients.append(client)
    time.sleep(0.5)
    if not SANITISED:
        assert memory_kib(server) - before < 1000 * 64
    for client in clients:
        client.rest()


@pytest.mark.parametrize("octets,expect", [
    (b"a LOGIN a\0b c\r\n", b"BAD"), (b"a\0b NOOP\r\n", b"BAD"), (b"a LOGIN \"a\0b\" c\r\n", b"BAD"), (b"\x80\xff NOOP\r\n", b"BAD"), (b"a NO\xc3\xa9P\r\n", b"BAD"),
    (b"a LOGIN \"a\rb\" c\r\n", b"BAD"), (b"a\rb NOOP\r\n", b"BAD"), (b"a NO\rOP\r\n", b"BAD"), (b"a LOGIN a\rb c\r\n", b"BAD"),
])
def test_bad_octets_are_bad(server, octets, expect):
    """O05"""
    client = Imap(server.ports["imap"])
    client.send(octets)
    assert expect in client.line()
    client.send(b"z NOOP\r\n")
    assert client.line().startswith(b"z OK")


@pytest.mark.parametrize("truncated", [b"\0", b"\0x", b"\0\r"])
def test_a_name_is_not_cut_at_nul(server, account, truncated):
    """O05: what stands behind a NUL isn't forgotten, or a wrong name or password would do."""
    user, password = account.user.encode(), account.password.encode()
    for name, secret in ((user + truncated, password), (user, password + truncated)):
        client = Imap(server.ports["imap"])
        client.send(b"a LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(name), name, len(secret), secret))
        assert client.line().split()[1] in (b"NO", b"BAD")
        client = Imap(server.ports["imap"])
        client.send(b"a AUTHENTICATE PLAIN " + base64.b64encode(b"\0" + name + b"\0" + secret) + b"\r\n")
        assert client.line().split()[1] in (b"NO", b"BAD")


def test_what_is_glued_behind_starttls_is_dropped(server, account):
    """O06, O31"""
    for port, line, after in (("imap", b"a STARTTLS\r\na2 NOOP\r\n", b"c NOOP\r\n"), ("pop3", b"STLS\r\nUSER x\r\n", b"QUIT\r\n")):
        client = Raw(server.ports[port])
        client.line()
        client.send(line)
        assert b"OK" in client.line()
        try:
            client.starttls(account.tls_context())
        except OSError:
            continue
        client.send(after)
        answer = client.line()
        assert answer.startswith(b"c OK") or answer.startswith(b"+OK"), answer


def test_bye_after_three_unknown_commands(server):
    """O07"""
    client = Imap(server.ports["imap"])
    text = sent_until_closed(client, b"".join(b"x%d FROBNICATE\r\n" % n for n in range(50)))
    assert b"* BYE" in text and text.count(b"BAD") <= 3


@pytest.mark.parametrize("answer", [b"!!!!", b"*", b"=", b"", b"A" * 100000, b"AGE=", base64.b64encode(b"\0a\0b\0c"), base64.b64encode(b"\xff\0\xff\0\xff")])
def test_odd_sasl_answers_fail_alone(server, answer):
    """O08"""
    client = Imap(server.ports["imap"])
    client.send(b"a AUTHENTICATE PLAIN\r\n")
    assert client.line().startswith(b"+")
    if len(answer) > 20000:
        text = sent_until_closed(client, answer + b"\r\n")
        assert b"a OK" not in text
        return
    client.send(answer + b"\r\n")
    assert client.line().split()[:2] in ([b"a", b"NO"], [b"a", b"BAD"])


def test_two_hundred_logins_succeed_beside_bad_base64(server, account):
    """O08"""
    failures, over = [], threading.Event()

    def bad():
        while not over.is_set():
            client = Imap(server.ports["imap"])
            client.send(b"a AUTHENTICATE PLAIN\r\n%%%\r\n")
            client.line()
            client.close()

    def good():
        for _ in range(50):
            try:
                imap(account).close()
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    attackers, users = [threading.Thread(target=bad) for _ in range(2)], [threading.Thread(target=good) for _ in range(4)]
    for t in attackers + users:
        t.start()
    for t in users:
        t.join()
    over.set()
    for t in attackers:
        t.join()
    assert not failures
