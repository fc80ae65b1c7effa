"""THREAD (RFC 5256): ORDEREDSUBJECT, REFERENCES, and REFS. The algorithms' corners are in tests/unit/search_threads.c."""

import re

import pytest

from raw import imap


def mail(number, date, subject, references="", reply_to="", identity=None):
    lines = ["From: a@example.org", "Date: %d Nov 2020 10:00:00 +0000" % date, "Subject: " + subject, "Message-ID: <%s>" % (identity or "%d@x" % number)]
    if references:
        lines.append("References: " + " ".join("<%s@x>" % r for r in references.split()))
    if reply_to:
        lines.append("In-Reply-To: " + reply_to)
    return ("\r\n".join(lines) + "\r\n\r\nbody\r\n").encode()


def filled(account, mails):
    client = imap(account)
    for number, octets in enumerate(mails, 1):
        client.ok(b'APPEND INBOX "%02d-Dec-2020 10:00:00 +0000" {%d+}\r\n%s' % (number, len(octets), octets))
    client.ok("SELECT INBOX")
    return client


def thread(client, command):
    lines = [line for line in client.ok(command) if line.startswith(b"* THREAD")]
    assert len(lines) == 1
    return lines[0].decode().strip()[len("* THREAD"):].strip()


@pytest.fixture
def seven(account):
    return filled(account, [
        mail(1, 1, "apples"), mail(2, 3, "Re: apples", "1"), mail(3, 2, "Re: apples", reply_to="your mail <1@x> of <7@x>"), mail(4, 4, "Re: Re: apples", "1 2"),
        mail(5, 5, "bananas", "99"), mail(6, 6, "cherries", "99"), mail(7, 7, "RE: [list] APPLES (fwd)")])


def test_by_references(seven):
    assert {b"THREAD=ORDEREDSUBJECT", b"THREAD=REFERENCES", b"THREAD=REFS"} <= set(seven.ok("CAPABILITY")[0].split())
    # 3 says only in In-Reply-To whose reply it is: the first id counts. 7 is joined by its subject.
    assert thread(seven, "THREAD REFERENCES UTF-8 ALL") == "(1 (3)(2 4)(7))((5)(6))"
    assert thread(seven, "THREAD REFERENCES US-ASCII SUBJECT apples") == "(1 (3)(2 4)(7))"
    # Without the root: a reply to what isn't there.
    assert thread(seven, "THREAD REFERENCES UTF-8 2:4") == "((3)(2 4))"
    assert thread(seven, "THREAD REFERENCES UTF-8 TEXT gewp") == ""


def test_by_subject(seven):
    assert thread(seven, "THREAD ORDEREDSUBJECT UTF-8 ALL") == "(1 (3)(2)(4)(7))(5)(6)"
    assert thread(seven, "THREAD ORDEREDSUBJECT UTF-8 4:6") == "(4)(5)(6)"


def test_by_references_alone_the_newest_thread_last(account):
    client = filled(account, [mail(1, 9, "one"), mail(2, 2, "two"), mail(3, 3, "Re: two"), mail(4, 1, "Re: one", "1")])
    assert thread(client, "THREAD REFS UTF-8 ALL") == "(2)(3)(1 4)"
    assert thread(client, "THREAD REFERENCES UTF-8 ALL") == "(2 3)(1 4)"


def test_ids_are_the_same_however_they_are_quoted(account):
    client = filled(account, [mail(1, 1, "a", identity='"01KF8JCEOCBS0045PS"@xxx.yyy.com'), mail(2, 2, "b", reply_to="<01KF8JCEOCBS0045PS@xxx.yyy.com>")])
    assert thread(client, "THREAD REFERENCES UTF-8 ALL") == "(1 2)"


def test_uids_and_what_is_no_thread(seven):
    seven.ok("STORE 1 +FLAGS (\\Deleted)")
    seven.ok("EXPUNGE")
    assert thread(seven, "UID THREAD REFERENCES UTF-8 SUBJECT apples") == "((3)(2 4)(7))" and thread(seven, "THREAD REFERENCES UTF-8 SUBJECT apples") == "((2)(1 3)(6))"
    for bad in ("THREAD NONSENSE UTF-8 ALL", "THREAD REFERENCES ALL", "THREAD REFERENCES UTF-8", "THREAD UTF-8 ALL"):
        assert seven.do(bad)[0].split()[1] == b"BAD", bad
    assert seven.do("THREAD REFERENCES X-NONE ALL")[0].split(b" ", 1)[1].startswith(b"NO [BADCHARSET")


def test_a_long_chain_is_one_line_of_numbers(account):
    client = filled(account, [mail(i, 1 + i % 28, "s", str(i - 1) if i > 1 else "") for i in range(1, 29)])
    assert thread(client, "THREAD REFERENCES UTF-8 ALL") == "(" + " ".join(str(i) for i in range(1, 29)) + ")"
    assert re.fullmatch(r"\(28( \(\d+\)|\(\d+\))+\)|\(\d+( \(\d+\)|\(\d+\))+\)", thread(client, "THREAD ORDEREDSUBJECT UTF-8 ALL"))
