"""Keywords: \\* in PERMANENTFLAGS, how many, how long (RFC 3501 2.3.2, 7.1)."""

import re

from conftest import message
from raw import imap
from test_imap import append


def test_permanentflags_says_that_keywords_may_be_made(account):
    client = imap(account)
    append(client, message())
    lines = client.ok("SELECT INBOX")
    flags = next(line for line in lines if b"PERMANENTFLAGS" in line)
    assert re.search(rb"PERMANENTFLAGS \(.*\\\*\)", flags), flags
    client.ok("STORE 1 +FLAGS (new-one $Forwarded)")
    assert b"PERMANENTFLAGS ()" in b"".join(client.ok("EXAMINE INBOX"))
    assert client.do("STORE 1 +FLAGS (\\Seen)")[0].split()[1] == b"NO"
    flags = next(line for line in client.ok("SELECT INBOX") if line.startswith(b"* FLAGS"))
    assert b"new-one" in flags and b"$Forwarded" in flags


def test_keywords_are_one_in_any_case_and_shown_as_first_written(account):
    client = imap(account)
    append(client, message(), flags="Work")
    client.ok("SELECT INBOX")
    client.ok("STORE 1 +FLAGS (WORK)")
    assert re.search(rb"FLAGS \(([^)]*)\)", client.ok("FETCH 1 FLAGS")[0]).group(1) == b"Work"
    assert client.ok("SEARCH KEYWORD work")[0].split()[2:] == [b"1"]


def test_256_keywords_fit_and_the_next_is_refused_with_limit(account):
    client = imap(account)
    append(client, message())
    client.ok("SELECT INBOX")
    for first in range(0, 256, 64):
        client.ok("STORE 1 +FLAGS.SILENT (%s)" % " ".join("k%d" % n for n in range(first, first + 64)))
    assert client.do("STORE 1 +FLAGS (one-more)")[0].split(b" ", 1)[1].startswith(b"NO [LIMIT]")
    assert len(client.ok("FETCH 1 FLAGS")[0].split()) > 256
    client.ok("STORE 1 +FLAGS (k17)")


def test_a_keyword_of_64_octets_fits_and_of_65_does_not(account):
    client = imap(account)
    append(client, message())
    client.ok("SELECT INBOX")
    client.ok("STORE 1 +FLAGS (%s)" % ("k" * 64))
    assert client.do("STORE 1 +FLAGS (%s)" % ("k" * 65))[0].split(b" ", 1)[1].startswith(b"NO [LIMIT]")


def test_a_copy_brings_its_keywords_into_the_flags_of_the_target(account):
    client = imap(account)
    client.ok("CREATE target")
    append(client, message(), flags="$Brought work")
    client.ok("SELECT INBOX")
    client.ok("COPY 1 target")
    flags = next(line for line in client.ok("SELECT target") if line.startswith(b"* FLAGS"))
    assert b"$Brought" in flags and b"work" in flags
    client.ok("SELECT INBOX")
    append(client, message(), flags="$Moved")
    client.ok("NOOP")
    client.ok("MOVE 2 target")
    assert any(b"$Moved" in line for line in client.ok("SELECT target") if line.startswith(b"* FLAGS"))


def test_a_keyword_made_while_fetch_waits_for_its_reader_is_in_its_answer(account):
    """The client keeps what it is told of a MODSEQ."""
    reader, other = imap(account, "INBOX"), imap(account, "INBOX")
    large, count = message("large", body="x" * 70 + "\r\n") + b"filling this line\r\n" * 20000, 80
    for _ in range(count):
        append(other, large)
    reader.ok("NOOP")
    reader.send(b"f FETCH 1:* (MODSEQ BODY.PEEK[] FLAGS)\r\n")  # more than any socket takes: it waits in the first messages
    other.ok("NOOP")
    other.ok("STORE %d +FLAGS (made-meanwhile)" % count)
    last = next(told for told in reader.until(b"f")[1] if told.startswith(b"* %d FETCH (MODSEQ" % count))
    assert last.endswith(b" FLAGS (made-meanwhile))\r\n"), last[-100:]
