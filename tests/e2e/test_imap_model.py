"""Several sessions on one mailbox, at random: what each was told must be what is there, and no EXPUNGE comes where none may.

Each session keeps its view from responses alone (RFC 3501 7): a list of messages, each with what was said of its UID and flags. At rest the view
must equal what a fresh SELECT and FETCH show. WAXWING_MODEL_SEED repeats a run; WAXWING_MODEL_SECONDS makes it longer.
"""

import os
import random
import re
import secrets
import time

import pytest
from conftest import new_account
from mailboxview import fetched, uids
from raw import imap

FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "work", "$Later"]
NO_EXPUNGE = {"FETCH", "STORE", "SEARCH"}


class Session:
    """A client, and its view: a list of [uid or None, flags or None] in the order of numbers."""

    def __init__(self, account, qresync):
        self.client = imap(account)
        self.qresync = qresync
        if qresync:
            self.client.ok("ENABLE QRESYNC")
        self.select()

    def select(self):
        untagged = self.client.ok("SELECT INBOX")
        self.view = []
        self.hear(untagged, "SELECT")
        self.learn()

    def learn(self):
        """Clients ask for what they have not been told."""
        unknown = [n for n, (uid, flags) in enumerate(self.view, 1) if uid is None or flags is None]
        if unknown:
            self.run("FETCH %d:%d (UID FLAGS)" % (unknown[0], unknown[-1]))

    def run(self, command, may_fail=True):
        status, untagged = self.client.do(command)
        word = command.split()[0]
        self.hear(untagged, word)
        assert may_fail or status.split()[1] == b"OK", (command, status)
        assert status.split()[1] != b"BAD", (command, status)
        if self.qresync:  # VANISHED names UIDs: a client must have learned them
            self.learn()

    def hear(self, untagged, word):
        for line in untagged:
            match = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)", line)
            if match:
                self.hear_number(int(match.group(1)), match.group(2), line, word)
            elif line.startswith(b"* VANISHED (EARLIER)"):
                raise AssertionError("nothing asked for it: %r" % line)
            elif line.startswith(b"* VANISHED "):
                assert self.qresync and word not in NO_EXPUNGE, (line, word)
                for uid in uids(line.split()[2]):
                    at = [at for at, (known, _) in enumerate(self.view) if known == uid]
                    assert len(at) == 1, ("not of this view", line)
                    del self.view[at[0]]

    def hear_number(self, number, what, line, word):
        if what == b"EXISTS":
            assert number >= len(self.view), (line, len(self.view))
            self.view += [[None, None] for _ in range(number - len(self.view))]
            return
        assert 1 <= number <= len(self.view), ("out of range", line, len(self.view))
        if what == b"EXPUNGE":
            assert not self.qresync and word not in NO_EXPUNGE, (line, word)
            del self.view[number - 1]
            return
        items = fetched([line]).get(number, {})
        entry = self.view[number - 1]
        if "UID" in items:
            assert entry[0] in (None, items["UID"]), ("the number means another message", line, entry)
            entry[0] = items["UID"]
        if "FLAGS" in items:
            entry[1] = items["FLAGS"]

    def some_set(self, rng, by_uid):
        """Numbers of the view, or UIDs known in it."""
        top = len(self.view)
        if not top:
            return None
        at = rng.randrange(top)
        last = min(top - 1, at + rng.choice([0, 0, 0, 1, 3]))
        if not by_uid:
            return "%d:%d" % (at + 1, last + 1)
        found = [uid for uid, _ in self.view[at:last + 1] if uid]
        return ",".join(map(str, found)) or None


def store(rng, session):
    by_uid = rng.random() < 0.5
    chosen = session.some_set(rng, by_uid)
    if not chosen:
        return
    flags = frozenset(flag.encode() for flag in rng.sample(FLAGS, rng.randrange(0, 3)))
    action = rng.choice(["+", "-", ""])
    silent = rng.random() < 0.4
    numbers = numbers_of(session, chosen, by_uid)
    entries = [session.view[n - 1] for n in numbers]
    if silent:  # before the answer: what the server says after it is newer
        for entry in entries:
            if entry[1] is not None:
                entry[1] = entry[1] | flags if action == "+" else entry[1] - flags if action == "-" else flags
    session.run("%sSTORE %s %sFLAGS%s (%s)" % ("UID " if by_uid else "", chosen, action, ".SILENT" if silent else "", b" ".join(flags).decode()))


def numbers_of(session, chosen, by_uid):
    if by_uid:
        wanted = set(map(int, chosen.split(",")))
        return [n for n, (uid, _) in enumerate(session.view, 1) if uid in wanted]
    first, last = map(int, chosen.split(":"))
    return range(first, last + 1)


def fetch(rng, session):
    by_uid = rng.random() < 0.5
    chosen = session.some_set(rng, by_uid)
    if chosen:
        session.run("%sFETCH %s (UID FLAGS%s)" % ("UID " if by_uid else "", chosen, rng.choice(["", "", " BODY[TEXT]", " RFC822.SIZE"])))


def search(rng, session):
    session.run(rng.choice(["SEARCH DELETED", "UID SEARCH SEEN", "UID SEARCH 1:* FLAGGED" if session.view else "SEARCH ALL"]))


def expunge(rng, session):
    chosen = session.some_set(rng, True)
    session.run("UID EXPUNGE " + chosen if chosen and rng.random() < 0.5 else "EXPUNGE")


def copy(rng, session):
    by_uid = rng.random() < 0.5
    chosen = session.some_set(rng, by_uid)
    if chosen and len(session.view) < 150:
        session.run("%sCOPY %s INBOX" % ("UID " if by_uid else "", chosen))


def move(rng, session):
    by_uid = rng.random() < 0.5
    chosen = session.some_set(rng, by_uid)
    if chosen:
        session.run("%sMOVE %s %s" % ("UID " if by_uid else "", chosen, rng.choice(["Archive", "INBOX"])))


def add(rng, session):
    octets = "Subject: %s\r\n\r\nbody\r\n" % secrets.token_hex(4)
    session.run("APPEND INBOX (%s) {%d+}\r\n%s" % (rng.choice(["", "\\Seen", "\\Deleted work"]), len(octets), octets), may_fail=False)


def rest(rng, session):
    session.run(rng.choice(["NOOP", "CHECK", "STATUS Archive (MESSAGES)"]))
    session.learn()


def reopen(rng, session):
    session.select()


STEPS = [(store, 10), (fetch, 6), (search, 2), (expunge, 3), (copy, 3), (move, 2), (add, 4), (rest, 5), (reopen, 1)]


def settle(account, sessions, seed):
    fresh = imap(account, "INBOX")
    truth = [(row["UID"], row["FLAGS"]) for _, row in sorted(fetched(fresh.ok("FETCH 1:* (UID FLAGS)") if count(fresh) else []).items())]
    for n, session in enumerate(sessions):
        session.run("NOOP", may_fail=False)
        session.learn()
        view = [(uid, flags) for uid, flags in session.view]
        assert view == truth, ("seed", seed, "session", n, "differs:", [(v, t) for v, t in zip(view, truth) if v != t][:5], len(view), len(truth))
    fresh.close()


def count(client):
    return int(re.search(rb"MESSAGES (\d+)", client.ok("STATUS INBOX (MESSAGES)")[0]).group(1))


@pytest.mark.parametrize("turn", range(4))
def test_every_session_believes_what_is_there(server, turn):
    seconds = float(os.environ.get("WAXWING_MODEL_SECONDS", "5"))
    seed = int(os.environ.get("WAXWING_MODEL_SEED", secrets.randbelow(1 << 30)))
    print("WAXWING_MODEL_SEED=%d" % seed)
    rng, steps = random.Random(seed), 0
    account = new_account(server)
    sessions = [Session(account, qresync=rng.random() < 0.5) for _ in range(rng.randrange(2, 9))]
    end = time.monotonic() + seconds
    functions, weights = zip(*STEPS)
    try:
        while time.monotonic() < end:
            for _ in range(rng.choice([5, 30, 120])):
                rng.choices(functions, weights)[0](rng, rng.choice(sessions))
                steps += 1
            settle(account, sessions, seed)
    finally:
        print("%d sessions, %d steps" % (len(sessions), steps))
    for session in sessions:
        session.client.close()
