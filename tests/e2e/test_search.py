"""SEARCH looks into decoded text, whatever the charset, and keeps nobody waiting."""

import base64
import quopri
import re
import threading

import pytest

from conftest import message
from raw import imap


def fill(client, messages, mailbox="INBOX", flags=""):
    for octets in messages:
        octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        client.ok(b"APPEND %s (%s) {%d+}\r\n%s" % (mailbox.encode(), flags.encode(), len(octets), octets))


def numbers(client, keys):
    lines = [line for line in client.ok(keys if isinstance(keys, bytes) else "SEARCH " + keys) if line.startswith(b"* SEARCH")]
    return [int(n) for n in lines[0].split()[2:]]


def literal(command, text, charset="utf-8"):
    octets = text.encode(charset)
    return b"SEARCH CHARSET %s %s {%d+}\r\n%s" % (charset.encode(), command.encode(), len(octets), octets)


TEXTS = [("utf-8", "Grüße aus Köln"), ("iso-8859-1", "Grüße aus Köln"), ("windows-1252", "„Grüße“ aus Köln"), ("koi8-r", "Привет, мир"), ("windows-1251", "Привет, мир"),
         ("iso-2022-jp", "会議の議事録です"), ("shift_jis", "会議の議事録です"), ("euc-kr", "안녕하세요"), ("gb18030", "会议记录"), ("iso-8859-7", "Καλημέρα κόσμε")]


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_bodies_are_found_decoded_whatever_their_charset(account, encoding):
    client = imap(account)
    made = []
    for charset, text in TEXTS:
        octets = text.encode(charset) + b"\r\n"
        body = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring, "8bit": bytes}[encoding](octets)
        made.append(b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (charset.encode(), encoding.encode(), body))
    fill(client, made)
    client.ok("SELECT INBOX")
    for command in ("BODY", "TEXT"):
        assert numbers(client, literal(command, "GRÜSSE".replace("SS", "ß"))) == [1, 2, 3]
        assert numbers(client, literal(command, "köln")) == [1, 2, 3]
        assert numbers(client, literal(command, "привет")) == [4, 5]
        assert numbers(client, literal(command, "ПРИВЕТ, М")) == [4, 5]
        assert numbers(client, literal(command, "議事録")) == [6, 7]
        assert numbers(client, literal(command, "안녕")) == [8]
        assert numbers(client, literal(command, "记录")) == [9]
        assert numbers(client, literal(command, "ΚΑΛΗΜ")) == [10]
        assert numbers(client, literal(command, "nirgends")) == []


def test_the_search_may_be_in_any_charset_that_is_known(account):
    client = imap(account)
    fill(client, [b"From: a@example.org\r\nSubject: =?utf-8?b?%s?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n" % (base64.b64encode(text.encode()), text.encode())
                  for text in ("Grüße aus Köln", "Привет, мир", "会議の議事録です")])
    client.ok("SELECT INBOX")
    for charset, text, found in (("iso-8859-1", "köln", 1), ("windows-1252", "KÖLN", 1), ("koi8-r", "привет", 2), ("windows-1251", "ПРИВЕТ", 2), ("iso-2022-jp", "議事録", 3), ("shift_jis", "議事録", 3),
                                 ("us-ascii", "aus", 1)):
        for command in ("BODY", "SUBJECT", "TEXT", "HEADER Subject"):
            assert numbers(client, literal(command, text, charset)) == [found], (charset, command)
    status, _ = client.do("SEARCH CHARSET X-UNKNOWN ALL")
    listed = re.search(rb"NO \[BADCHARSET \(([^)]*)\)\]", status)
    assert listed and {b"US-ASCII", b"UTF-8"} <= set(listed.group(1).split())
    for charset in listed.group(1).split():
        client.ok(b"SEARCH CHARSET " + charset + b" ALL")


def test_headers_are_found_decoded_and_joined(account):
    client = imap(account)
    fill(client, [b"From: =?iso-8859-1?q?J=FCrgen_M=FCller?= <jm@example.org>\r\nTo: \"Doe, Jane\" <jane@example.net>\r\nCc: list@example.com\r\nBcc: secret@example.com\r\n"
                  b"Subject: =?utf-8?q?Caf=C3=A9_?= =?utf-8?q?cr=C3=A8me?=\r\nX-Long: one\r\n two\r\n\r\nbody\r\n",
                  b"From: plain@example.org\r\nSubject: cafe\r\n\r\nbody\r\n"])
    client.ok("SELECT INBOX")
    assert numbers(client, literal("FROM", "jürgen mü")) == [1] and numbers(client, "FROM JM@EXAMPLE") == [1]
    assert numbers(client, 'TO "doe, jane"') == [1] and numbers(client, "CC list@") == [1] and numbers(client, "BCC secret") == [1]
    assert numbers(client, literal("SUBJECT", "CAFÉ CRÈME")) == [1], "encoded words stand next to each other"
    # RFC 5051: characters are decomposed, so the plain letter is the beginning of the one with an accent
    assert numbers(client, "SUBJECT cafe") == [1, 2]
    assert numbers(client, 'HEADER X-Long "one two"') == [1] and numbers(client, 'HEADER X-Long ""') == [1] and numbers(client, 'HEADER X-None ""') == []
    assert numbers(client, 'TEXT "one two"') == [1] and numbers(client, 'BODY "one two"') == []


def test_a_text_is_a_substring_and_parts_are_looked_at_apart(account):
    client = imap(account)
    fill(client, [b"Content-Type: multipart/mixed; boundary=x\r\nSubject: s\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nfirst half\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>second part</p>\r\n"
                  b"--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(b"invisible octets") + b"\r\n--x\r\n"
                  b"Content-Type: message/rfc822\r\n\r\nSubject: inner subject\r\n\r\ninner body\r\n--x--\r\n"])
    client.ok("SELECT INBOX")
    for text in ("rst ha", "second part", "inner body", "inner subject"):
        assert numbers(client, 'TEXT "%s"' % text) == [1], text
    assert numbers(client, 'TEXT "invisible"') == [] and numbers(client, 'BODY "half second"') == []


def test_numbers_beyond_the_last_message_are_no_error(account):
    # RFC 7377 2: of SEARCH too.
    client = imap(account, "INBOX")
    assert numbers(client, "1:100") == [] and numbers(client, "*") == []
    fill(client, [message()] * 3)
    client.ok("NOOP")
    assert numbers(client, "2:100") == [2, 3] and numbers(client, "101:200") == [] and numbers(client, "9:*") == [3] and numbers(client, "NOT 4:9") == [1, 2, 3]


def test_a_long_search_keeps_no_other_session_waiting(account, other):
    client = imap(account)
    body = "lorem ipsum dolor sit amet\r\n" * 400
    fill(client, [message("m%d" % i, body) for i in range(200)])
    client.ok("SELECT INBOX")
    second = imap(other, "INBOX")
    done = threading.Event()
    found = []

    def search():
        for _ in range(12):
            found.append(numbers(client, "TEXT nothing-like-it NOT BODY amet"))
        done.set()

    thread = threading.Thread(target=search)
    thread.start()
    answers = 0
    while not done.is_set():
        second.ok("NOOP")
        answers += 1
    thread.join()
    assert found == [[]] * 12 and answers > 14, answers  # one for each search, if searches held it up
