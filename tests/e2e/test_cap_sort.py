"""SORT (RFC 5256), SORT=DISPLAY (RFC 5957), ESORT (RFC 5267 3)."""

import random
import re

import pytest

from conftest import message
from raw import imap
from test_search import fill


def mail(headers, body="x"):
    return (headers + "\r\n\r\n" + body + "\r\n").encode()


def sorted_as(client, command):
    lines = [line for line in client.ok(command) if line.startswith(b"* SORT")]
    return [int(n) for n in re.sub(rb"\(.*\)", b"", lines[0]).split()[2:]]


MAILS = [
    ("10-Nov-2020 10:00:00 +0000", mail("From: Zed <charlie@example.org>\r\nTo: b@x.org\r\nCc: z@x.org\r\nSubject: Re: apples\r\nDate: Tue, 10 Nov 2020 12:00:00 +0200", "x" * 300)),
    ("09-Nov-2020 10:00:00 +0000", mail("From: bravo@example.org\r\nTo: =?utf-8?b?w4RubmE=?= <q@x.org>\r\nSubject: [list] Bananas (fwd)\r\nDate: Tue, 10 Nov 2020 09:30:00 +0000", "x" * 100)),
    ("11-Nov-2020 10:00:00 +0000", mail("From: \"albert\" <delta@example.org>\r\nTo: c@x.org\r\nCc: a@x.org\r\nSubject: APPLES\r\nDate: Tue, 10 Nov 2020 09:30:00 +0000", "x" * 200)),
    ("08-Nov-2020 10:00:00 +0000", mail("From: Alpha@example.org\r\nSubject: =?iso-8859-1?q?=C4pfel?=")),
]


@pytest.fixture
def four(account):
    client = imap(account)
    for when, octets in MAILS:
        client.ok(b'APPEND INBOX "%s" {%d+}\r\n%s' % (when.encode(), len(octets), octets))
    client.ok("SELECT INBOX")
    return client


def test_every_criterion_and_its_reverse(four):
    assert {b"SORT", b"SORT=DISPLAY", b"ESORT"} <= set(four.ok("CAPABILITY")[0].split())
    for criteria, expected in (
            ("ARRIVAL", [4, 2, 1, 3]), ("REVERSE ARRIVAL", [3, 1, 2, 4]), ("SIZE", [4, 2, 3, 1]), ("REVERSE SIZE", [1, 3, 2, 4]),
            ("DATE", [4, 2, 3, 1]),  # 4 has none: INTERNALDATE; 2 and 3 are the same moment
            ("REVERSE DATE", [1, 2, 3, 4]), ("FROM", [4, 2, 1, 3]), ("TO", [4, 1, 3, 2]), ("CC", [2, 4, 3, 1]), ("REVERSE CC", [1, 3, 2, 4]),
            ("SUBJECT", [1, 3, 4, 2]),  # i;unicode-casemap takes the A and its dots apart
            ("DISPLAYFROM", [3, 4, 2, 1]), ("REVERSE DISPLAYFROM", [1, 2, 4, 3]), ("DISPLAYTO", [4, 2, 1, 3]),
            ("SUBJECT DATE", [3, 1, 4, 2]), ("SUBJECT REVERSE SIZE", [1, 3, 4, 2]), ("REVERSE SUBJECT DATE", [2, 4, 3, 1])):
        assert sorted_as(four, "SORT (%s) UTF-8 ALL" % criteria) == expected, criteria


def test_numbers_uids_keys_and_modseqs(four):
    four.ok("STORE 2 +FLAGS (\\Deleted)")
    four.ok("EXPUNGE")
    assert sorted_as(four, "SORT (DATE) UTF-8 ALL") == [3, 2, 1] and sorted_as(four, "UID SORT (DATE) UTF-8 ALL") == [4, 3, 1]
    assert sorted_as(four, "SORT (SUBJECT) US-ASCII SUBJECT apples") == [1, 2] and sorted_as(four, "SORT (SUBJECT) utf-8 TEXT not-in-mailbox") == []
    assert re.search(rb"\* SORT 3 2 1 \(MODSEQ \d+\)\r\n", b"".join(four.ok("SORT (DATE) UTF-8 MODSEQ 1")))
    assert four.do("SORT (SUBJECT) X-NONE ALL")[0].split(b" ", 1)[1].startswith(b"NO [BADCHARSET")
    for bad in ("SORT () UTF-8 ALL", "SORT (NONSENSE) UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL", "SORT (REVERSE REVERSE DATE) UTF-8 ALL", "SORT (DATE) ALL", "SORT DATE UTF-8 ALL", "SORT (DATE) UTF-8",
                "SORT (%s) UTF-8 ALL" % " ".join(["DATE"] * 17), "SORT (RELEVANCY) UTF-8 ALL"):
        assert four.do(bad)[0].split()[1] == b"BAD", bad


def test_the_extended_form(four):
    def extended(options, more=""):
        four.count += 1
        four.send("t%d %sSORT RETURN (%s) (DATE) UTF-8 ALL\r\n" % (four.count, more, options))
        status, lines = four.until(b"t%d" % four.count)
        assert b" OK " in status
        return [line[line.index(b')') + 1:].strip() for line in lines if line.startswith(b"* ESEARCH (TAG \"t%d\")" % four.count)]

    # The order is 4 2 3 1. Ranges only go up (3.2).
    assert extended("") == [b"ALL 4,2:3,1"] and extended("ALL COUNT") == [b"COUNT 4 ALL 4,2:3,1"] and extended("MIN MAX", "UID ") == [b"UID MIN 4 MAX 1"]
    assert extended("PARTIAL 2:3") == [b"PARTIAL (2:3 2:3)"] and extended("PARTIAL -1:-2") == [b"PARTIAL (-1:-2 3,1)"] and extended("PARTIAL 5:9 COUNT") == [b"COUNT 4 PARTIAL (5:9 NIL)"]
    assert extended("SAVE") == [] and four.ok("SEARCH $") == [b"* SEARCH 1 2 3 4\r\n"]
    assert extended("SAVE MIN") == [b"MIN 4"] and four.ok("SEARCH $") == [b"* SEARCH 4\r\n"]
    assert extended("SAVE PARTIAL 2:3 MAX") == [b"MAX 1 PARTIAL (2:3 2:3)"] and four.ok("SEARCH $") == [b"* SEARCH 1 2 3\r\n"]
    assert four.ok("SORT RETURN (COUNT ALL) (DATE) UTF-8 SEEN")[0].endswith(b") COUNT 0\r\n")


def test_the_most_relevant_first(account):
    client = imap(account)
    fill(client, [message("b a"), message("x"), message("a b")])
    client.ok("SELECT INBOX")
    assert sorted_as(client, 'SORT (RELEVANCY) UTF-8 FUZZY SUBJECT "a b"') == [3, 1] and sorted_as(client, 'SORT (REVERSE RELEVANCY) UTF-8 FUZZY SUBJECT "a b"') == [1, 3]
    assert re.search(rb"ALL 3,1 RELEVANCY \(100 1\)", client.ok('SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY SUBJECT "a b"')[0])


def test_what_another_session_expunges_keeps_its_number_until_it_is_told(four, account):
    other = imap(account, "INBOX")
    other.ok("STORE 2 +FLAGS (\\Deleted)")
    other.ok("EXPUNGE")
    lines = four.ok("SORT (DATE) UTF-8 ALL")
    assert b"* SORT 4 3 1\r\n" in lines and not any(b"EXPUNGE" in line for line in lines)  # RFC 5256 3
    lines = four.ok("UID SORT (DATE) UTF-8 ALL")
    assert lines.index(b"* SORT 4 3 1\r\n") < lines.index(b"* 2 EXPUNGE\r\n")


def test_a_thousand_messages_in_the_order_that_python_finds(account):
    client = imap(account)
    rng = random.Random(5)
    rows = []
    for i in range(1000):
        subject, size = "%s%d" % (rng.choice(["Re: ", "", "Fwd: "]), rng.randrange(40)), rng.randrange(5)
        rows.append((subject.split()[-1], size, i + 1))
        fill(client, [mail("Subject: " + subject + "\r\nX: " + "y" * (10 - len(subject)), "z" * size)])
    client.ok("SELECT INBOX")
    assert sorted_as(client, "SORT (SUBJECT) UTF-8 ALL") == [r[2] for r in sorted(rows, key=lambda r: (r[0], r[2]))]
    assert sorted_as(client, "SORT (SIZE REVERSE SUBJECT) UTF-8 ALL") == [r[2] for r in sorted(sorted(rows, key=lambda r: r[0], reverse=True), key=lambda r: r[1])]
