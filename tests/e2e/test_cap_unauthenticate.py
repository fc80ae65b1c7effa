"""UNAUTHENTICATE (RFC 8437): a connection goes back to gate, and another user logs in on it."""

import base64
import socket
import time
import zlib

import pytest
from conftest import new_account, message
from raw import Imap, Raw, imap
from test_cap_compress import Deflated
from test_imap import append


class Imaps(Imap):
    def __init__(self, port, context):
        Raw.__init__(self, port)
        self.starttls(context)
        self.greeting = self.line()
        self.count = 0


def connection(account, kind):
    """Logged in as this account: plain, by STARTTLS, or by TLS from the start."""
    ports = account.instance.ports
    client = Imaps(ports["imaps"], account.tls_context()) if kind == "imaps" else Imap(ports["imap"])
    if kind == "starttls":
        client.ok("STARTTLS")
        client.starttls(account.tls_context())
    login(client, account)
    return client


def login(client, account):
    client.ok('LOGIN "%s" "%s"' % (account.user, account.password))


def plain(account):
    return base64.b64encode(b"\0%s\0%s" % (account.user.encode(), account.password.encode()))


KINDS = pytest.mark.parametrize("kind", ["plain", "starttls", "imaps"])


@KINDS
def test_another_user_logs_in_on_the_same_connection(account, other, kind):
    append(imap(account), message("mine"))
    client = connection(account, kind)
    assert b"UNAUTHENTICATE" in b" ".join(client.ok("CAPABILITY")).split()
    client.ok("SELECT INBOX")
    for who in (other, account, other):
        client.ok("UNAUTHENTICATE")
        assert client.do("SELECT INBOX")[0].split()[1] == b"BAD"
        capabilities = b" ".join(client.ok("CAPABILITY")).split()
        assert b"AUTH=PLAIN" in capabilities and b"UNAUTHENTICATE" not in capabilities
        assert (b"STARTTLS" in capabilities) == (kind == "plain")
        login(client, who)
        assert b"* %d EXISTS\r\n" % (who is account) in client.ok("SELECT INBOX")
    client.ok("LOGOUT")
    assert client.rest() == b""


@KINDS
def test_commands_behind_it_are_not_lost(account, other, kind):
    """RFC 8437 3: UNAUTHENTICATE and AUTHENTICATE with an initial response in one round trip."""
    append(imap(other), message("theirs"))
    client = connection(account, kind)
    client.send(b"a UNAUTHENTICATE\r\nb AUTHENTICATE PLAIN " + plain(other) + b"\r\nc SELECT INBOX\r\nd UNAUTHENTICATE\r\n"
                b"e NOOP\r\nf AUTHENTICATE PLAIN " + plain(account) + b"\r\ng SELECT INBOX\r\n")
    for tag in (b"a", b"b"):
        assert client.until(tag)[0].startswith(tag + b" OK")
    status, others = client.until(b"c")
    assert b"c OK" in status and b"* 1 EXISTS\r\n" in others
    for tag in (b"d", b"e", b"f"):
        assert client.until(tag)[0].startswith(tag + b" OK")
    status, others = client.until(b"g")
    assert b"g OK" in status and b"* 0 EXISTS\r\n" in others


@KINDS
def test_octet_by_octet(account, other, kind):
    client = connection(account, kind)
    for octet in b"a UNAUTHENTICATE\r\nb LOGIN " + other.user.encode() + b" {%d+}\r\n" % len(other.password) + other.password.encode() + b"\r\nc NOOP\r\n":
        client.send(bytes([octet]))
    for tag in (b"a", b"b", b"c"):
        assert client.until(tag)[0].startswith(tag + b" OK")


@KINDS
def test_much_unread_output_goes_out_first(account, other, kind):
    octets = message("large", "a line\r\n" * 200000)
    append(imap(account), octets)
    client = connection(account, kind)
    client.ok("SELECT INBOX")
    client.send(b"f FETCH 1 BODY.PEEK[]\r\na UNAUTHENTICATE\r\nb AUTHENTICATE PLAIN " + plain(other) + b"\r\n")
    status, others = client.until(b"f")
    assert octets in b"".join(others)
    assert client.until(b"a")[0].startswith(b"a OK")
    assert client.until(b"b")[0].startswith(b"b OK")


@KINDS
def test_a_slow_reader_gets_everything_in_order(account, other, kind):
    octets = message("large", "a line\r\n" * 200000)
    append(imap(account), octets)
    client = connection(account, kind)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131072)
    client.ok("SELECT INBOX")
    client.send(b"f FETCH 1 BODY.PEEK[]\r\na UNAUTHENTICATE\r\nb AUTHENTICATE PLAIN " + plain(other) + b"\r\n")
    slowly, end = [client.buffer], b""
    while b"\r\na OK" not in end:
        time.sleep(0.0005)
        slowly.append(client.socket.recv(4096))
        end = end[-10:] + slowly[-1]
    client.buffer = b"".join(slowly)
    assert octets in b"".join(client.until(b"f")[1])
    assert client.until(b"a")[0].startswith(b"a OK")
    assert client.until(b"b")[0].startswith(b"b OK")


def test_what_was_enabled_is_not_any_more(account):
    client = connection(account, "plain")
    client.ok("ENABLE CONDSTORE QRESYNC UTF8=ACCEPT IMAP4rev2")
    assert client.do("SELECT INBOX (QRESYNC (1 1))")[0].split()[1] == b"OK"
    client.ok("SEARCH RETURN (SAVE) ALL")
    client.ok("UNAUTHENTICATE")
    login(client, account)
    assert client.do("SELECT INBOX (QRESYNC (1 1))")[0].split()[1] == b"BAD"
    assert client.do("NOOP")[1] == []
    assert client.ok("ENABLE CONDSTORE") == [b"* ENABLED CONDSTORE\r\n"]


def test_nothing_is_expunged(account):
    client = connection(account, "plain")
    append(client, message("x"))
    client.ok("SELECT INBOX")
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    assert client.ok("UNAUTHENTICATE") == []
    login(client, account)
    assert b"* 1 EXISTS\r\n" in client.ok("SELECT INBOX")


@pytest.mark.parametrize("kind", ["plain", "imaps"])
@pytest.mark.parametrize("finish", [False, True])
def test_compression_ends_with_it(account, other, kind, finish):
    """RFC 8437 4.1: plain behind the CRLF of the command, plain behind the CRLF of the OK."""
    client = connection(account, kind)
    client.ok("COMPRESS DEFLATE")
    deflated = client.socket = Deflated(client.socket)
    if finish:
        octets = deflated.deflate.compress(b"a UNAUTHENTICATE\r\n") + deflated.deflate.flush(zlib.Z_FINISH)
        deflated.under.sendall(octets + b"b AUTHENTICATE PLAIN " + plain(other) + b"\r\n")
    else:
        client.send(b"a UNAUTHENTICATE\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")
    assert deflated.inflate.eof
    client.socket = deflated.under
    client.buffer += deflated.inflate.unused_data
    if not finish:
        client.send(b"b AUTHENTICATE PLAIN " + plain(other) + b"\r\n")
    assert client.until(b"b")[0].startswith(b"b OK")
    client.ok("COMPRESS DEFLATE")
    client.socket = Deflated(client.socket)
    client.ok("SELECT INBOX")


@KINDS
def test_wrong_passwords_are_counted_and_the_connection_ends(account, kind):
    client = connection(account, kind)
    client.ok("UNAUTHENTICATE")
    for _ in range(3):
        assert b"AUTHENTICATIONFAILED" in client.do('LOGIN "%s" "no"' % account.user)[0]
    assert client.line().startswith(b"* BYE")
    assert client.rest() == b""


@KINDS
def test_too_much_behind_it_closes(account, kind):
    client = connection(account, kind)
    try:
        client.send(b"a UNAUTHENTICATE\r\n" + b"x" * 400000)
        assert client.until(b"a")[0].startswith(b"a OK")
        rest = client.rest()
    except OSError:
        rest = b""
    assert rest == b"" or b"BYE" in rest
    imap(account).ok("NOOP")


@pytest.mark.parametrize("kind", ["plain", "imaps"])
def test_it_is_not_there_before_login_and_takes_no_arguments(account, kind):
    client = connection(account, kind)
    assert client.do("UNAUTHENTICATE now")[0].split()[1] == b"BAD"
    client.ok("UNAUTHENTICATE")
    assert client.do("UNAUTHENTICATE")[0].split()[1] == b"BAD"


@pytest.mark.parametrize("kind", ["plain", "imaps"])
def test_a_connection_that_came_back_is_no_session_of_the_account(own_server, kind):
    account = new_account(own_server(settings={"sessions.per_account": "2"}))
    clients = [connection(account, kind) for _ in range(2)]
    with pytest.raises(AssertionError):
        connection(account, kind)
    for client in clients:
        client.ok("UNAUTHENTICATE")
    for client in clients:
        login(client, account)
    with pytest.raises(AssertionError):
        connection(account, kind)


@KINDS
def test_a_restart_says_bye_to_who_came_back(own_server, kind):
    instance = own_server()
    client = connection(new_account(instance), kind)
    client.ok("UNAUTHENTICATE")
    client.ok("NOOP")  # answered by gate: it has the connection
    instance.stop()
    assert client.line().startswith(b"* BYE")
