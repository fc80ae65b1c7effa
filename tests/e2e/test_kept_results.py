"""SORT and THREAD use again what the last ones found out: the answers stay those of a mailbox that nobody has sorted yet."""

import random

from raw import imap
from test_cap_acl import others
from test_cap_sort import sorted_as
from test_cap_thread import thread

SORTS = ["(DATE)", "(REVERSE DATE)", "(SUBJECT)", "(FROM)", "(SUBJECT REVERSE DATE)", "(ARRIVAL)", "(SIZE)"]
THREADS = ["REFERENCES", "REFS", "ORDEREDSUBJECT"]
KEYS = ["ALL", "SUBJECT w1", "SUBJECT \"w3 w4\"", "BODY needle", "UNSEEN"]  # of all, of some, of few


def mail(chance, number):
    words = " ".join("w%d" % chance.randrange(6) for _ in range(chance.randrange(4)))
    lines = ["From: p%d@example.org" % chance.randrange(20), "Date: %d Nov 2020 %02d:%02d:00 +0000" % (chance.randrange(1, 29), chance.randrange(24), chance.randrange(60)),
             "Subject: %s%s" % (chance.choice(["", "Re: "]), words), "Message-ID: <%d@x>" % number]
    if number > 1 and chance.random() < 0.6:
        lines.append("References: " + " ".join("<%d@x>" % chance.randrange(1, number + 5) for _ in range(chance.randrange(1, 4))))
    return ("\r\n".join(lines) + "\r\n\r\n" + "x" * chance.randrange(200) + (" needle" if chance.random() < 0.01 else "") + "\r\n").encode()


def add(client, chance, first, count):
    for begin in range(first, first + count, 200):
        texts = [mail(chance, number) for number in range(begin, min(begin + 200, first + count))]
        client.ok(b"APPEND INBOX" + b"".join(b' "%02d-Dec-2020 10:00:00 +0000" {%d+}\r\n%s' % (chance.randrange(1, 29), len(text), text) for text in texts))
    return first + count


def answers(client):
    return ([sorted_as(client, "SORT %s UTF-8 %s" % (criteria, key)) for criteria in SORTS for key in KEYS]
            + [thread(client, "THREAD %s UTF-8 %s" % (kind, key)) for kind in THREADS for key in KEYS])


def test_answers_are_those_of_a_mailbox_that_was_never_sorted(account, other):
    chance = random.Random(7)
    one, two, reader = imap(account, "INBOX"), imap(account, "INBOX"), imap(other)
    one.ok('SETACL INBOX "%s" lrs' % other.user)
    reader.ok("SELECT " + others(account, "INBOX"))
    next_number = 1
    for number in range(4):
        next_number = add(one, chance, next_number, 300 if not number else chance.randrange(1, 120))
        two.ok("NOOP")
        count = len(two.ok("UID SEARCH ALL")[0].split()) - 2
        gone = ",".join(str(n) for n in chance.sample(range(1, count + 1), 20))
        two.ok("STORE %s +FLAGS.SILENT (\\Deleted)" % gone)
        two.ok("EXPUNGE")
        answers(two)
        answers(one)  # which has not heard of that, and must not spoil it for the others
        for client in (one, two, reader):
            client.ok("NOOP")
        one.ok("CREATE fresh%d" % number)
        one.ok("COPY 1:* fresh%d" % number)
        fresh = imap(account, "fresh%d" % number)
        expected = answers(fresh)
        for client in (two, one, reader):
            assert answers(client) == expected, number
