"""COMPRESS=DEFLATE (RFC 4978), with zlib used plainly on the client's side."""

import os
import re
import socket
import zlib

import pytest
from conftest import eventually, message
from raw import Imap, imap
from hostile import memory_kib
from test_imap import append


class Deflated:
    """Stands for the socket of a client: what goes through it is deflated."""

    def __init__(self, under, level=6, window=-15):
        self.under = under
        self.deflate = zlib.compressobj(level, zlib.DEFLATED, window)
        self.inflate = zlib.decompressobj(-15)
        self.octets_in = 0

    def sendall(self, octets):
        self.under.sendall(self.deflate.compress(octets) + self.deflate.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size):
        while True:
            more = self.under.recv(size)
            self.octets_in += len(more)
            plain = self.inflate.decompress(more)
            if plain or not more:
                return plain

    def settimeout(self, seconds):
        self.under.settimeout(seconds)

    def close(self):
        self.under.close()


def compressed(account, select=None, **more):
    client = imap(account)
    assert b"COMPRESS=DEFLATE" in b" ".join(client.ok("CAPABILITY")).split()
    client.ok("COMPRESS DEFLATE")
    client.socket = Deflated(client.socket, **more)
    if select:
        client.ok("SELECT " + select)
    return client


def test_both_directions_are_compressed_behind_the_ok(account):
    client = compressed(account)
    octets = message("x", "a line that comes again\r\n" * 20000)
    append(client, octets)
    client.ok("SELECT INBOX")
    before = client.socket.octets_in
    whole = b"".join(client.ok("FETCH 1 BODY.PEEK[]"))
    assert octets in whole
    assert client.socket.octets_in - before < len(octets) // 20


@pytest.mark.parametrize("level, window", [(0, -15), (1, -9), (9, -15), (6, -12)])
def test_a_client_may_deflate_as_it_likes(account, level, window):
    client = compressed(account, "INBOX", level=level, window=window)
    octets = message("x", "".join("line %d\r\n" % n for n in range(9000)))
    append(client, octets)
    client.ok("NOOP")
    assert octets in b"".join(client.ok("FETCH 1 BODY.PEEK[]"))


def test_random_octets_come_through_in_any_pieces(account):
    client = compressed(account, "INBOX")
    octets = b"Subject: random\r\n\r\n" + re.sub(rb"[\r\n\0]", b".", os.urandom(300000))
    deflated = client.socket.deflate.compress(b"a APPEND INBOX {%d+}\r\n" % len(octets) + octets + b"\r\n") + client.socket.deflate.flush(zlib.Z_SYNC_FLUSH)
    for at in range(0, len(deflated), 7001):
        client.socket.under.sendall(deflated[at:at + 7001])
    assert b"a OK" in client.until(b"a")[0]
    client.ok("NOOP")
    assert octets in b"".join(client.ok("FETCH 1 BODY.PEEK[]"))


def test_many_commands_in_one_packet_are_all_answered(account):
    client = compressed(account, "INBOX")
    client.send(b"".join(b"n%d NOOP\r\n" % n for n in range(30000)) + b"last NOOP\r\n")
    status, others = client.until(b"last")
    assert b"OK" in status and len(others) == 30000


def test_idle_speaks_at_once(account):
    client, other = compressed(account, "INBOX"), imap(account)
    client.send(b"i IDLE\r\n")
    assert client.line().startswith(b"+")
    append(other, message())
    assert client.line() == b"* 1 EXISTS\r\n"
    client.send(b"DONE\r\n")
    assert b"OK" in client.until(b"i")[0]


def test_over_tls_too(account):
    client = Imap(account.instance.ports["imap"])
    client.ok("STARTTLS")
    client.starttls(account.tls_context())
    client.ok('LOGIN "%s" "%s"' % (account.user, account.password))
    client.ok("COMPRESS DEFLATE")
    client.socket = Deflated(client.socket)
    append(client, message("x", "y\r\n" * 100000))
    client.ok("SELECT INBOX")
    assert len(b"".join(client.ok("FETCH 1 BODY.PEEK[]"))) > 300000
    client.ok("LOGOUT")
    assert client.rest() == b""


def test_it_is_refused_twice_and_for_other_mechanisms_and_with_commands_behind_it(account):
    client = imap(account)
    for command in ("COMPRESS", "COMPRESS LZMA", "COMPRESS DEFLATE LZMA", "COMPRESS DEFLATE DEFLATE"):
        assert client.do(command)[0].split()[1] == b"BAD", command
    client.send(b"a COMPRESS DEFLATE\r\nb NOOP\r\n")
    assert client.until(b"a")[0].startswith(b"a BAD")
    assert client.until(b"b")[0].startswith(b"b OK")
    client = compressed(account)
    assert client.do("COMPRESS DEFLATE")[0].split(b" ", 1)[1].startswith(b"BAD [COMPRESSIONACTIVE]")
    client.ok("NOOP")


def test_logout_ends_what_was_compressed_whole(account):
    client = compressed(account)
    assert client.ok("LOGOUT")[0].startswith(b"* BYE")
    assert client.rest() == b""


def ends(client, octets):
    """The server closes, whatever it is sent."""
    client.socket.under.settimeout(20)
    try:
        client.socket.under.sendall(octets)
    except OSError:
        return
    client.rest()


def test_what_is_no_deflate_ends_the_session_alone(account):
    for junk in (b"\xff" * 100, b"a NOOP\r\n", zlib.compress(b"a NOOP\r\n"), os.urandom(100000)):
        ends(compressed(account), junk)
    compressed(account, "INBOX")


def test_a_client_that_ends_its_stream_has_gone(account):
    client = compressed(account)
    client.socket.under.sendall(client.socket.deflate.compress(b"a NOOP\r\n") + client.socket.deflate.flush(zlib.Z_FINISH) + b"more")
    assert client.line().startswith(b"a OK")
    assert client.rest() == b""


def bomb(first, size):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [deflate.compress(first)]
    parts += [deflate.compress(b"\0" * (1 << 20)) for _ in range(size)]
    return b"".join(parts) + deflate.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("first", [b"", b"a ", b"a APPEND INBOX {900000000+}\r\n", b"a APPEND INBOX {100000000+}\r\n", b"a NOOP {4000000000+}\r\n"])
def test_bombs_cost_neither_memory_nor_the_others(account, first):
    """256 MiB of zeros in a quarter of a MiB: wherever they are read, the stream is ended or its octets are passed over."""
    before = memory_kib(account.instance)
    other = imap(account, "INBOX")
    client = compressed(account)
    octets = bomb(first, 256)
    assert len(octets) < 300000
    try:
        client.socket.under.sendall(octets)
    except OSError:
        pass
    other.ok("NOOP")
    try:
        client.socket.settimeout(20)
        client.rest()
    except (OSError, zlib.error):
        pass
    assert memory_kib(account.instance) - before < (600_000 if "WAXWING_SANITIZED" in os.environ else 150_000)
    other.ok("NOOP")
    assert other.ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 0)\r\n"]


def test_who_reads_nothing_of_what_is_compressed_holds_little(account):
    client = compressed(account)
    octets = b"Subject: random\r\n\r\n" + re.sub(rb"[\r\n\0]", b".", os.urandom(20_000_000))
    append(client, octets)
    client.ok("SELECT INBOX")
    client.socket.under.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before = memory_kib(account.instance)
    client.send(b"".join(b"f%d FETCH 1 BODY.PEEK[]\r\n" % n for n in range(10)))
    imap(account, "INBOX").ok("FETCH 1 BODY.PEEK[]<0.10>")
    assert memory_kib(account.instance) - before < (600_000 if "WAXWING_SANITIZED" in os.environ else 60_000)
    client.close()
    eventually(lambda: imap(account).ok("NOOP") == [], what="an answer")
