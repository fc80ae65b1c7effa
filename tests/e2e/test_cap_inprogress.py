"""INPROGRESS (RFC 9585): a long SEARCH says how far it is."""

import re
import time

from conftest import message, new_account
from raw import imap

# 20 long keys that no message holds: each text is read whole for each of them
KEYS = " ".join("NOT TEXT aaaaaaaaaaaaaaab%d" % n for n in range(20))


def fill(account, messages):
    client = imap(account, "INBOX")
    octets = message("x", ("a" * 70 + "\r\n") * 30000)
    client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets))
    have = 1
    while have < messages:
        client.ok("NOOP")
        client.ok("COPY 1:%d INBOX" % min(have, messages - have))
        have *= 2
    client.ok("NOOP")
    return client


def ask(client, tag, command):
    began = time.monotonic()
    client.send(b"%s %s\r\n" % (tag, command.encode()))
    status, others = client.until(tag)
    assert status.startswith(tag + b" OK"), status
    return time.monotonic() - began, [line for line in others if b"INPROGRESS" in line], others


def messages(client):
    return int(client.ok("STATUS INBOX (MESSAGES)")[0].split()[-1].rstrip(b")"))


def ask_long(client, tag, command):
    """Over twice as many messages each time, until it takes long enough here; a machine is faster at one time than at another."""
    while True:
        took, told, others = ask(client, tag, command)
        if told or took > 3:
            return took, told, others, messages(client)
        client.ok("COPY 1:* INBOX")
        client.ok("NOOP")


def test_a_long_search_tells_how_far_it_is(own_server):
    client = fill(new_account(own_server(settings={"imap.progress": "1"})), 8)
    assert b"INPROGRESS" in client.ok("CAPABILITY")[0].split()
    for command in ("SEARCH " + KEYS, "SORT (SUBJECT) UTF-8 " + KEYS):
        took, told, others, count = ask_long(client, b"A001", command)
        assert 1 <= len(told) <= took
        states = [re.fullmatch(rb'\* OK \[INPROGRESS \("A001" (\d+) (\d+)\)\] .+\r\n', line) for line in told]
        assert all(states), told
        done = [int(s.group(1)) for s in states]
        assert done == sorted(done) and all(int(s.group(2)) == count > int(s.group(1)) for s in states)
        assert others.index(told[-1]) < len(others) - 1  # then the result
    took, told, others, count = ask_long(client, b"a]b", "SEARCH " + KEYS)
    assert told and all(re.match(rb"\* OK \[INPROGRESS \(NIL \d+ %d\)\]" % count, line) for line in told)
    assert ask(client, b"A002", "SEARCH ALL")[1] == []
    took, told, others, count = ask_long(client, b"A003", "ESEARCH IN (mailboxes INBOX) " + KEYS)
    assert told and all(re.search(rb'\("A003" \d+ %d\)' % count, line) for line in told)
