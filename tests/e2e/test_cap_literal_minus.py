"""LITERAL- in place of LITERAL+ (RFC 7888 5), if imap.literals says so."""

import re

import pytest
from conftest import message, new_account
from raw import Imap, imap


@pytest.fixture(scope="module")
def minus(tmp_path_factory):
    from conftest import make_server
    instance = make_server(tmp_path_factory.mktemp("minus"), settings={"imap.literals": "minus"})
    yield new_account(instance)
    instance.kill()


def words(line):
    return set(re.split(rb"[ \]\[\r]", line))


def test_one_of_the_two_is_announced(minus, account):
    for who, said, unsaid in ((minus, b"LITERAL-", b"LITERAL+"), (account, b"LITERAL+", b"LITERAL-")):
        client = Imap(who.instance.ports["imap"])
        assert said in words(client.greeting) and unsaid not in words(client.greeting)
        login, _ = client.do('LOGIN "%s" "%s"' % (who.user, who.password))
        for line in (login, client.ok("CAPABILITY")[0]):
            assert said in words(line) and unsaid not in words(line)


def refused(client, command, octets):
    """BAD [TOOBIG], and the octets don't run as commands."""
    status, others = client.do(command + b"{%d+}\r\n" % len(octets) + octets)
    assert status.split(b" ", 1)[1].startswith(b"BAD [TOOBIG]") and not others, (status, others)
    assert client.ok("NOOP") == []


def test_a_command_with_a_larger_literal_is_bad(minus):
    client = imap(minus, "INBOX")
    inside = b"x1 LOGOUT\r\n" * 400
    for command in (b"SEARCH TEXT ", b"CREATE ", b"APPEND ", b"APPEND INBOX ", b"APPEND INBOX (\\Seen) ~", b"APPEND INBOX CATENATE (TEXT ", b"APPEND INBOX CATENATE (URL "):
        refused(client, command, inside)
    refused(client, b"SEARCH TEXT ", b"a" * 4097)
    refused(client, b"APPEND INBOX ", b"Subject: x\r\n\r\n" + b"a" * 4083)
    assert client.ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 0)\r\n"]


def test_up_to_4096_octets_and_any_that_is_asked_for_are_taken(minus):
    client = imap(minus, "INBOX")
    client.ok(b"SEARCH TEXT {4096+}\r\n" + b"a" * 4096)
    client.ok(b"APPEND INBOX {4096+}\r\nSubject: x\r\n\r\n" + b"a" * 4082)
    large = message("x", "a line\r\n" * 2000)
    client.send(b"a APPEND INBOX {%d}\r\n" % len(large))
    while not (line := client.line()).startswith(b"+"):
        assert line.startswith(b"*")
    client.send(large + b"\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")
    client.send(b"b SEARCH TEXT {5000}\r\n")
    assert client.line().startswith(b"+")
    client.send(b"a" * 5000 + b"\r\n")
    assert client.until(b"b")[0].startswith(b"b OK")
    client.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    client.ok("EXPUNGE")


def test_before_login_too(minus):
    client = Imap(minus.instance.ports["imap"])
    client.send(b"a LOGIN {4097+}\r\n" + b"x" * 4097 + b" y\r\n")
    assert client.rest().startswith(b"* BYE")
    client = Imap(minus.instance.ports["imap"])
    name, password = minus.user.encode(), minus.password.encode()
    assert b" OK " in client.do(b"LOGIN {%d+}\r\n%s {%d+}\r\n%s" % (len(name), name, len(password), password))[0]


def test_with_plus_all_sizes_are_taken(account):
    client = imap(account, "INBOX")
    client.ok(b"SEARCH TEXT {4097+}\r\n" + b"a" * 4097)
