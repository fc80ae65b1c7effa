"""URLAUTH=BINARY (RFC 5524): what URLFETCH tells of a part beside its octets, and the part without its transfer encoding."""

import base64
import re

import pytest
from raw import imap
from test_cap_urlauth import generate, rump
from test_imap import append

QUOTE = b"Si vis pacem, para bellum.\r\n"
PICTURE = (bytes(range(256)) * 2)[:123]
TEXT = "Grüße, ein langer Text = viele Zeichen.\r\nZweite Zeile\r\n".encode()
QUOTED = b"Gr=C3=BC=C3=9Fe, ein langer =\r\nText =3D viele Zeichen.\r\nZweite Zeile\r\n"


def part(head, body):
    return b"--b\r\n" + head + b"\r\n\r\n" + body + b"\r\n"


def encoded(octets):
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")[:-2]


INNER = b"Subject: inner\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nnested\r\n--c\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lG\r\n--c--\r\n"
MESSAGE = (b"Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
           + part(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", QUOTED)
           + part(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64", encoded(QUOTE))
           + part(b"Content-Type: image/png; name=\"a (b) \\\"c\\\"\"\r\nContent-Transfer-Encoding: base64", encoded(PICTURE))
           + part(b"Content-Type: image/png\r\nContent-Transfer-Encoding: x-blurdybloop", b"x" * 123)
           + part(b"Content-Type: message/rfc822", INNER)
           + part(b"Content-Type: text/plain", b"plain") + b"--b--\r\n")


@pytest.fixture
def filled(account):
    client = imap(account)
    append(client, MESSAGE)
    client.url = lambda section: generate(client, rump(account, "/;UID=1" + (section and "/;SECTION=" + section)))
    return client


def ask(client, section, items):
    """What stands behind the URL."""
    url = client.url(section)
    line = b"".join(client.ok(b'URLFETCH ("' + url + b'" ' + items + b")"))
    assert line.startswith(b'* URLFETCH "' + url + b'"') and line.endswith(b"\r\n"), line
    return line[len(url) + 13:-2]


def test_the_rfcs_examples(filled):
    assert b"URLAUTH=BINARY" in b" ".join(filled.ok("CAPABILITY")).split()
    assert ask(filled, "2", b"BINARY") == b" (BINARY {28}\r\n" + QUOTE + b")"
    head = b' (BODYPARTSTRUCTURE ("image" "png" ("name" "a (b) \\"c\\"") NIL NIL '
    assert ask(filled, "3", b"BINARY BODYPARTSTRUCTURE") == head + b'"BINARY" 123 NIL NIL NIL NIL)) (BINARY ~{123}\r\n' + PICTURE + b")"
    body = encoded(PICTURE)
    head += b'"base64" %d NIL NIL NIL NIL))' % len(body)
    assert ask(filled, "3", b"BODYPARTSTRUCTURE") == head
    assert ask(filled, "3", b"bodypartstructure body") == head + b" (BODY {%d}\r\n" % len(body) + body + b")"
    assert ask(filled, "4", b"BODYPARTSTRUCTURE BINARY") == b' (BODYPARTSTRUCTURE ("image" "png" NIL NIL NIL "x-blurdybloop" 123 NIL NIL NIL NIL)) (BINARY NIL)'
    assert ask(filled, "200", b"BODYPARTSTRUCTURE BODY") == b" NIL"


def test_the_structure_is_that_of_what_is_sent(filled):
    text = b' (BODYPARTSTRUCTURE ("text" "plain" ("charset" "utf-8") NIL NIL %s NIL NIL NIL NIL))'
    assert ask(filled, "1", b"BODYPARTSTRUCTURE") == text % b'"quoted-printable" %d 3' % len(QUOTED)
    assert ask(filled, "1", b"BODYPARTSTRUCTURE BINARY") == text % b'"BINARY" %d 2' % len(TEXT) + b" (BINARY {%d}\r\n" % len(TEXT) + TEXT + b")"
    assert ask(filled, "6", b"BODYPARTSTRUCTURE BINARY") == b' (BODYPARTSTRUCTURE ("text" "plain" NIL NIL NIL "7BIT" 5 0 NIL NIL NIL NIL)) (BINARY {5}\r\nplain)'


def test_every_part_has_the_structure_that_bodystructure_gives_it(filled):
    filled.ok("SELECT INBOX")
    whole = re.search(rb"BODYSTRUCTURE (.*)\)\r\n", filled.ok("FETCH 1 BODYSTRUCTURE")[0]).group(1)
    at = 0
    for section in ("", "1", "2", "3", "4", "5", "5.1", "5.2", "6"):
        structure = re.fullmatch(rb" \(BODYPARTSTRUCTURE (.*)\)", ask(filled, section, b"BODYPARTSTRUCTURE")).group(1)
        found = whole.index(structure, at)
        at = found + 1 if section in ("", "5") else found + len(structure)
    assert ask(filled, "", b"BODYPARTSTRUCTURE") == b" (BODYPARTSTRUCTURE " + whole + b")"
    assert ask(filled, "5.2", b"BODYPARTSTRUCTURE").startswith(b' (BODYPARTSTRUCTURE ("image" "gif"')
    assert ask(filled, "5.1.MIME", b"BODY BODYPARTSTRUCTURE").startswith(b' (BODYPARTSTRUCTURE ("TEXT" "PLAIN" ("CHARSET" "US-ASCII")')


def test_a_message_and_a_header_have_no_transfer_encoding(filled):
    assert ask(filled, "", b"BINARY") == b" (BINARY {%d}\r\n" % len(MESSAGE) + MESSAGE + b")"
    assert ask(filled, "5", b"BINARY") == b" (BINARY {%d}\r\n" % len(INNER) + INNER + b")"
    assert ask(filled, "3.MIME", b"BINARY").split(b"\r\n", 1)[1].startswith(b"Content-Type: image/png")
    assert ask(filled, "HEADER.FIELDS%20(SUBJECT)", b"BINARY") == b" (BINARY {14}\r\nSubject: s\r\n\r\n)"


def test_a_partial_counts_decoded_octets(account, filled):
    assert ask(filled, "3/;PARTIAL=100.10", b"BINARY") == b" (BINARY {10}\r\n" + PICTURE[100:110] + b")"
    assert ask(filled, "3/;PARTIAL=100.10", b"BODY") == b" (BODY {10}\r\n" + encoded(PICTURE)[100:110] + b")"


def test_a_large_part_comes_decoded_in_stretches(account, filled):
    octets = bytes((i * 7 + i // 251) % 256 for i in range(1_500_000))
    lines = b"".join(b"%060d \xc3\xa9\n" % i for i in range(30000))
    append(filled, b"Subject: l\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/x-large\r\n\r\n" + encoded(octets))
    append(filled, b"Subject: l\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded(lines))
    first, second = (generate(filled, rump(account, "/;UID=%d/;SECTION=1" % uid)) for uid in (2, 3))
    answers = filled.ok(b'URLFETCH ("%s" BINARY BODYPARTSTRUCTURE) ("%s" BINARY BODYPARTSTRUCTURE) ("%s" BODYPARTSTRUCTURE) "%s"' % (first, second, second, first))
    assert len(answers) == 4
    assert answers[0].endswith(b'"BINARY" 1500000 NIL NIL NIL NIL)) (BINARY ~{1500000}\r\n' + octets + b")\r\n")
    assert b'"BINARY" %d 30000 ' % len(lines) in answers[1] and answers[1].endswith(b"\r\n" + lines + b")\r\n")
    assert b'"base64" %d' % len(encoded(lines)) in answers[2]
    assert answers[3].endswith(b"\r\n" + encoded(octets) + b"\r\n")


def test_without_items_it_is_the_plain_command(filled):
    url = filled.url("2")
    wanted = filled.ok(b'URLFETCH "%s"' % url)
    assert wanted == filled.ok(b'URLFETCH ("%s")' % url) and wanted[0].endswith(b'" {%d}\r\n' % len(encoded(QUOTE)) + encoded(QUOTE) + b"\r\n")
    assert filled.ok(b'URLFETCH ("nonsense" BINARY BODYPARTSTRUCTURE)') == [b'* URLFETCH "nonsense" NIL\r\n']


def test_items_that_are_malformed_are_bad(filled):
    for bad in ("BINARY BODY", "BODY BODY", "BODYPARTSTRUCTURE BODYPARTSTRUCTURE", "ENVELOPE", "", "BINARY) BODY", "(BINARY)"):
        assert filled.do('URLFETCH ("x" %s)' % bad)[0].split()[1] == b"BAD", bad
    for bad in ('URLFETCH ("x" BINARY', "URLFETCH ()", 'URLFETCH ("x"BINARY)', 'URLFETCH ("x" BINARY)"y"'):
        assert filled.do(bad)[0].split()[1] == b"BAD", bad
