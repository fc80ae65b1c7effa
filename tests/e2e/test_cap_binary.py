"""BINARY (RFC 3516): parts without their transfer encoding."""

import base64
import re

import pytest
from conftest import message
from raw import imap
from test_imap import append

PICTURE = bytes(range(256)) * 400
TEXT = "Grüße, ein langer Text = viele Zeichen.\r\nZweite Zeile\r\n".encode()
QUOTED = b"Gr=C3=BC=C3=9Fe, ein langer =\r\nText =3D viele Zeichen.\r\nZweite Zeile\r\n"


def part(head, body):
    return b"--b\r\n" + head + b"\r\n\r\n" + body + b"\r\n"


def mixed():
    inner = b"Subject: inner\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"deep")
    return (b"Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            + part(b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64", base64.encodebytes(PICTURE).replace(b"\n", b"\r\n"))
            + part(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", QUOTED[:-2])
            + part(b"Content-Type: text/plain", b"plain")
            + part(b"Content-Type: message/rfc822", inner)
            + part(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode", b"begin 644 x")
            + part(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64", base64.b64encode(b"no nul")) + b"--b--\r\n")


@pytest.fixture
def client(account):
    client = imap(account)
    append(client, mixed())
    client.ok("SELECT INBOX")
    return client


def binary(client, section, name="BINARY.PEEK"):
    whole = b"".join(client.ok("FETCH 1 %s[%s]" % (name, section)))
    literal = re.search(rb"BINARY\[[0-9.]*\](?:<\d+>)? (~?)\{(\d+)\}\r\n", whole)
    if not literal:
        return None, whole
    return bool(literal.group(1)), whole[literal.end():literal.end() + int(literal.group(2))]


def test_parts_come_decoded_with_literal8_where_there_is_nul(client):
    assert b"BINARY" in b" ".join(client.ok("CAPABILITY")).split()
    assert binary(client, "1") == (True, PICTURE)
    assert binary(client, "2") == (False, TEXT[:-2])
    assert binary(client, "3") == (False, b"plain")
    assert binary(client, "4.1") == (False, b"deep")
    assert binary(client, "6") == (False, b"no nul")
    assert binary(client, "") == (False, mixed())


def test_sizes_are_those_of_what_comes(client):
    row = client.ok("FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2] BINARY.SIZE[3] BINARY.SIZE[4.1] BINARY.SIZE[])")[0]
    sizes = [int(n) for n in re.findall(rb"BINARY.SIZE\[[0-9.]*\] (\d+)", row)]
    assert sizes == [len(PICTURE), len(TEXT) - 2, 5, 4, len(mixed())]
    assert b"\\Seen" not in client.ok("FETCH 1 FLAGS")[0]


def test_a_partial_counts_decoded_octets(client):
    whole = b"".join(client.ok("FETCH 1 BINARY.PEEK[1]<1000.300>"))
    assert b"BINARY[1]<1000> ~{300}\r\n" + PICTURE[1000:1300] in whole
    whole = b"".join(client.ok("FETCH 1 BINARY.PEEK[1]<102390.5000>"))
    assert b"BINARY[1]<102390> {10}\r\n" + PICTURE[102390:] in whole
    assert b"BINARY[2]<4> {3}\r\n" + TEXT[4:7] in b"".join(client.ok("FETCH 1 BINARY.PEEK[2]<4.3>"))
    assert b"BINARY[3]<99> {0}\r\n" in b"".join(client.ok("FETCH 1 BINARY.PEEK[3]<99.1>"))


def test_an_unknown_encoding_is_answered_with_unknown_cte(client):
    for item in ("BINARY.PEEK[5]", "BINARY.SIZE[5]"):
        assert client.do("FETCH 1 " + item)[0].split(b" ", 1)[1].startswith(b"NO [UNKNOWN-CTE]")
    assert binary(client, "3") == (False, b"plain")


def test_only_binary_without_peek_marks_as_seen(client):
    binary(client, "1")
    assert b"\\Seen" not in client.ok("FETCH 1 FLAGS")[0]
    binary(client, "3", "BINARY")
    assert b"\\Seen" in client.ok("FETCH 1 FLAGS")[0]


def test_a_part_that_is_not_there_is_nil(client):
    assert b"BINARY[9] NIL" in b"".join(client.ok("FETCH 1 BINARY.PEEK[9]"))
    for bad in ("BINARY", "BINARY[TEXT]", "BINARY[1.]", "BINARY[1.MIME]", "BINARY.SIZE[1]<0.1>", "BINARY[0]"):
        assert client.do("FETCH 1 " + bad)[0].split()[1] == b"BAD", bad


def test_a_large_part_is_decoded_in_stretches(account):
    client = imap(account)
    octets = bytes((i * 7 + i // 251) % 256 for i in range(1_500_000))
    append(client, b"Subject: l\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(octets).replace(b"\n", b"\r\n"))
    client.ok("SELECT INBOX")
    assert binary(client, "1") == (True, octets)
    whole = b"".join(client.ok("FETCH 1 BINARY.PEEK[1]<1400000.1000>"))
    assert b"~{1000}\r\n" + octets[1400000:1401000] in whole


def test_a_message_appended_as_literal8_comes_back_octet_for_octet(account):
    client = imap(account)
    head = b"Subject: b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    octets = bytes(range(256)) * 3
    client.send(b"a APPEND INBOX ~{%d+}\r\n%s\r\n" % (len(head + octets), head + octets))
    assert client.until(b"a")[0].startswith(b"a OK")
    client.ok("SELECT INBOX")
    assert binary(client, "1") == (True, octets)
    assert binary(client, "") == (True, head + octets)
