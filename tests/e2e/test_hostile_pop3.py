"""Hostile cases in POP3: O27 to O31 of docs/threat-model.md (O31 is in test_hostile_login.py)."""

import socket
import struct
import time

import pytest
from conftest import eventually, message
from hostile import SANITISED, memory_kib, witnessed
from raw import Raw, imap


@pytest.fixture(autouse=True)
def nobody_else_notices(server, account):
    yield from witnessed(server, account)


def login(account):
    client = Raw(account.instance.ports["pop3"])
    client.line()
    client.send(b"USER %s\r\nPASS %s\r\n" % (account.user.encode(), account.password.encode()))
    assert client.line().startswith(b"+OK") and client.line().startswith(b"+OK")
    return client


@pytest.mark.parametrize("line", [
    b"TOP 1 99999999999", b"TOP 1 18446744073709551616", b"RETR 0", b"LIST -1", b"RETR 4294967297", b"RETR 18446744073709551617", b"DELE 2", b"TOP 1 -1", b"TOP 1", b"UIDL 0x1",
    b"RETR 1 1", b"LIST +1", b"RETR \xff", b"RETR 1\0", b"RETR", b"DELE 0",
])
def test_numbers_in_odd_forms_are_err(account, line):
    """O27"""
    account.deliver(message())
    client = login(account)
    client.send(line + b"\r\n")
    assert client.line().startswith(b"-ERR")
    client.send(b"STAT\r\nQUIT\r\n")
    assert client.line().startswith(b"+OK 1 ")


@pytest.mark.parametrize("secret", [b"x" * 100000, b"a\0b", b"\xff\xfe\xc0", b"", b" "])
def test_odd_passwords_are_err(server, account, secret):
    """O28"""
    before = memory_kib(server)
    client = Raw(server.ports["pop3"])
    client.line()
    client.send(b"USER %s\r\n" % account.user.encode())
    client.line()
    try:
        client.send(b"PASS " + secret + b"\r\n")
    except OSError:
        assert len(secret) > 8192
    text = client.line() if len(secret) < 8192 else client.rest()
    assert text.startswith(b"-ERR") or (text == b"" and len(secret) > 8192), text
    if not SANITISED:
        assert memory_kib(server) - before < 4096


def test_a_password_is_not_cut_at_nul(account):
    """O28"""
    client = Raw(account.instance.ports["pop3"])
    client.line()
    client.send(b"USER %s\r\nPASS %s\0x\r\n" % (account.user.encode(), account.password.encode()))
    client.line()
    assert client.line().startswith(b"-ERR")


@pytest.mark.parametrize("body", [b".", b"..", b".\r\n", b"..\r\n.", b".x\r\n..x\r\n...\r\n.", b"x", b"x\r\n.\r\nQUIT\r\n", b"", b"\r\n."])
def test_dots_and_missing_line_ends_are_framed(account, body):
    """O29: what RETR and TOP send ends where it says, and is the message."""
    octets = b"Subject: dots\r\n\r\n" + body
    client = imap(account)
    client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets))
    pop = login(account)
    for command in (b"RETR 1", b"TOP 1 1000"):
        pop.send(command + b"\r\nNOOP\r\n")
        assert pop.line().startswith(b"+OK")
        got = b""
        while (line := pop.line()) != b".\r\n":
            got += line[1:] if line.startswith(b".") else line
        assert got in (octets, octets + b"\r\n")
        assert pop.line().startswith(b"+OK")


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_dies_without_quit_deletes_nothing(account, reset):
    """O30"""
    account.deliver(message("stays"))
    pop = login(account)
    pop.send(b"RETR 1\r\nDELE 1\r\n")
    while pop.line() != b".\r\n":
        pass
    assert pop.line().startswith(b"+OK")
    if reset:
        pop.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pop.close()
    time.sleep(0.1)
    assert account.imap().select("INBOX")[1] == [b"1"]

    def again():
        client = Raw(account.instance.ports["pop3"])
        client.line()
        client.send(b"USER %s\r\nPASS %s\r\nSTAT\r\n" % (account.user.encode(), account.password.encode()))
        client.line()
        return client.line().startswith(b"+OK") and client.line().startswith(b"+OK 1 ")

    eventually(again, what="giving the maildrop free")
