"""I18NLEVEL=1 and I18NLEVEL=2 (RFC 5255 4): i;unicode-casemap for SEARCH, SORT and THREAD, and COMPARATOR."""

import base64

import pytest
from conftest import message
from raw import imap
from test_cap_sort import sorted_as
from test_search import fill, literal, numbers


def word(octets, charset="UTF-8"):
    return "=?%s?B?%s?=" % (charset, base64.b64encode(bytes.fromhex(octets)).decode())


def test_the_order_of_the_rfc(account):
    """RFC 5255 4.6: (4) (2) (3) (1): what can't be converted comes behind."""
    client = imap(account)
    subjects = [word("D0C0D0BDD0B4D180D0B5D0B9"), word("D181D095D0A0D093D095D099"), word("D092D0B0D181D0B8D0BBD0B8FFB9"), word("E1CCC5CBD3C5CA", "KOI8-R")]
    fill(client, [message(subject) for subject in subjects])
    client.ok("SELECT INBOX")
    assert {b"I18NLEVEL=1", b"I18NLEVEL=2"} <= set(client.ok("CAPABILITY")[0].split())
    assert sorted_as(client, "SORT (SUBJECT) UTF-8 ALL") == [4, 2, 3, 1]
    assert sorted_as(client, "SORT (REVERSE SUBJECT) UTF-8 ALL") == [1, 3, 2, 4]


@pytest.mark.parametrize("field, key", [("Subject: %s", "SUBJECT"), ("From: %s <a@x.org>", "FROM"), ("To: %s <a@x.org>", "TO"), ("Cc: %s <a@x.org>", "CC"), ("Bcc: %s <a@x.org>", "BCC"),
                                        ("X-Other: %s", "HEADER X-Other"), ("Subject: %s", "TEXT")])
def test_every_key_ignores_case_and_form_beyond_ascii(account, field, key):
    client = imap(account)
    texts = ["\u00c4RGER", "a\u0308rger", "\u01c6", "stra\u00dfe", "\ufb01lm", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2"]
    for text in texts:
        encoded = "=?utf-8?b?%s?=" % base64.b64encode(text.encode()).decode()
        fill(client, [(field % encoded + "\r\n\r\nx\r\n").encode()])
    client.ok("SELECT INBOX")
    for asked, found in (("\u00e4RGER", [1, 2]), ("A\u0308RG", [1, 2]), ("\u01c4", [3]), ("\u01c5", [3]), ("STRA\u00dfE", [4]), ("strasse", []), ("\ufb01LM", [5]), ("film", []), ("\u03a3\u038a\u03a3\u03a5\u03a6", [6]),
                         ("arger", [])):
        assert numbers(client, literal(key, asked)) == found, (key, asked)


def test_bodies_too(account):
    client = imap(account)
    body = base64.encodebytes("Gr\u00fc\u00dfe aus \u041c\u041e\u0421\u041a\u0412\u0410".encode()).decode().replace("\n", "\r\n")
    fill(client, [message("x", body, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n")])
    client.ok("SELECT INBOX")
    for asked, found in (("GR\u00dc", [1]), ("\u043c\u043e\u0441\u043a\u0432\u0430", [1]), ("moskva", [])):
        assert numbers(client, literal("BODY", asked)) == found


def test_threads_join_subjects_that_differ_in_case(account):
    client = imap(account)
    fill(client, [message("=?utf-8?b?%s?=" % base64.b64encode(text.encode()).decode()) for text in ("\u00dcBER", "Re: \u00fcber", "uber")])
    client.ok("SELECT INBOX")
    for algorithm in ("ORDEREDSUBJECT", "REFERENCES"):
        assert client.ok("THREAD %s UTF-8 ALL" % algorithm) in ([b"* THREAD (1 2)(3)\r\n"], [b"* THREAD (3)(1 2)\r\n"])


def test_the_comparator_is_told(account):
    client = imap(account)
    for arguments in ("", " default", " i;unicode-casemap", ' "cz;*" i;unicode-casemap', " i;*", " *", " *map", " i;*-case*", " +i;unicode-casemap", " I;Unicode-Casemap", " i;octet default", " i*unicode*casemap",
                      " {17+}\r\ni;unicode-casemap"):
        if "*" in arguments:
            arguments = " ".join('"%s"' % word.strip('"') if "*" in word else word for word in arguments.split(" "))
        assert client.ok("COMPARATOR" + arguments) == [b"* COMPARATOR i;unicode-casemap\r\n"], arguments


def test_others_are_refused(account):
    client = imap(account, "INBOX")
    for arguments in ("i;octet", "i;ascii-casemap", "i;basic i;nothing", '"cz;*"', '"*octet"', "-i;unicode-casemap", '"i;*x*casemap"', '"i;unicode-casemap*x"', "defaults", '"*map*map"'):
        status, others = client.do("COMPARATOR " + arguments)
        assert status.split(b" ", 1)[1].startswith(b"NO [BADCOMPARATOR]") and not others, arguments
    for bad in (" ", ' ""', "i;unicode-casemap", " i;unicode-casemap  default", " (default)", " " + "x" * 255):
        assert client.do("COMPARATOR" + bad)[0].split()[1] == b"BAD", bad
