"""Sessions that run beside each other, each of which keeps its own view of the selected mailbox from responses alone and checks them all.

tests/e2e/test_imap_model.py has one session act at a time, and repeats exactly. Here they act at once, on several mailboxes, with pipelined
commands, IDLE, clients that vanish and resynchronise, slow readers, deliveries and a POP3 client beside them. What is checked of each response:
  EXISTS never shrinks; EXPUNGE and VANISHED come where they may, and only of what is in the view; numbers are within the view;
  a number means one UID; UIDs ascend, new ones are new, UIDNEXT and HIGHESTMODSEQ never go back;
  a UID has one content (APPENDUID, COPYUID, what FETCH shows); a UID and a MODSEQ have one set of flags, in whatever session;
  searches find nothing that isn't there; and at rest every view, every STATUS and a fresh SELECT agree, and nothing acknowledged is missing.
"""

import argparse
import collections
import pathlib
import random
import re
import secrets
import select
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "script" / "lib"), str(TOP / "tests" / "e2e")]
from mailboxview import fetched, uids, vanished  # noqa: E402
from raw import Imap  # noqa: E402

MAILBOXES = ["INBOX", "Archive", "one"]
FLAGS = [b"\\Seen", b"\\Answered", b"\\Flagged", b"\\Deleted", b"\\Draft", b"work", b"$Later"]
MOST = 120  # messages of a mailbox, roughly


class Inconsistent(AssertionError):
    pass


class Truth:
    """What all sessions together were told. Keys hold the account, the mailbox and its UIDVALIDITY."""

    def __init__(self):
        self.lock = threading.Lock()
        self.contents = {}  # (place, uid) -> token
        self.flags = {}  # (place, uid, modseq) -> flags
        self.high = {}  # (place, name of a number) -> the highest value told
        self.acknowledged = set()  # (place, uid): APPENDUID or COPYUID said so
        self.gone = set()  # (place, uid)
        self.commands = self.responses = 0

    def same(self, table, key, value, what):
        with self.lock:
            known = table.setdefault(key, value)
        if known != value:
            raise Inconsistent("%s: %r was %r and is %r" % (what, key, known, value))

    def never_lower(self, place, name, value, but_for=0):
        """`but_for`: what was told before the command began. The highest value of all sessions may be newer than this answer."""
        with self.lock:
            self.high[place, name] = max(self.high.get((place, name), 0), value)
        if value < but_for:
            raise Inconsistent("%s of %r went from %d to %d" % (name, place, but_for, value))

    def told(self, place, name):
        with self.lock:
            return self.high.get((place, name), 0)


class Entry:
    __slots__ = ("uid", "flags", "modseq", "order")

    def __init__(self, order):
        self.uid = self.flags = None
        self.modseq = 0
        self.order = order


class Session:
    def __init__(self, account, truth, rng, number):
        self.account, self.truth, self.rng, self.number = account, truth, rng, number
        self.mode = rng.choice(["plain", "plain", "condstore", "qresync", "qresync"])
        self.heard = collections.deque(maxlen=60)
        self.trouble = None
        self.connect()

    # ---- the wire ----

    def connect(self):
        self.client = Imap(self.account.instance.ports["imap"], timeout=60)
        self.selected, self.view, self.tags = None, [], 0
        self.command('LOGIN "%s" "%s"' % (self.account.user, self.account.password))
        if self.mode != "plain":
            self.command("ENABLE %s" % self.mode.upper())
        self.open(self.rng.choice(MAILBOXES))

    def send(self, text):
        self.tags += 1
        tag = b"s%d" % self.tags
        text = text if isinstance(text, bytes) else text.encode()
        self.before_command()
        self.heard.append(b"C: " + tag + b" " + text[:300])
        self.client.send(tag + b" " + text + b"\r\n")
        return tag

    def before_command(self):
        """What came while no command was in progress (RFC 3501 7.4.1)."""
        while not self.client.buffer and select.select([self.client.socket], [], [], 0)[0] or b"\r\n" in self.client.buffer:
            self.hear(self.response(), None)

    def response(self):
        line = self.client.response()
        self.heard.append(b"S: " + line[:300])
        self.truth.responses += 1
        return line

    def until(self, tag, word):
        untagged = []
        while True:
            line = self.response()
            if line.startswith(tag + b" "):
                self.truth.commands += 1
                status = line.split(b" ", 2)[1]
                if status == b"BAD":
                    raise Inconsistent("BAD: %r" % line)
                self.hear_codes(line)
                return status == b"OK", line, untagged
            self.hear(line, word)
            untagged.append(line)

    def command(self, text):
        tag = self.send(text)
        return self.until(tag, word_of(text))

    # ---- responses ----

    def place(self, mailbox, validity):
        return (self.account.user, mailbox, validity)

    @property
    def here(self):
        return self.place(self.selected, self.validity)

    def hear(self, line, word):
        """word: the command in progress, None if none is."""
        match = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)", line)
        if match and self.selected is None and word != "SELECT":
            raise Inconsistent("no mailbox is selected: %r" % line)
        if match:
            number = int(match.group(1))
            {b"EXISTS": self.hear_exists, b"EXPUNGE": self.hear_expunge, b"FETCH": self.hear_fetch}[match.group(2)](number, line, word)
        elif line.startswith(b"* VANISHED (EARLIER) "):
            self.earlier(line, word)
        elif line.startswith(b"* VANISHED "):
            self.may_expunge(line, word, "qresync")
            for uid in uids(line.split()[2]):
                self.remove_uid(uid, line)
        elif line.startswith(b"* OK"):
            self.hear_codes(line)
        elif line.startswith(b"* BYE"):
            raise Inconsistent("BYE: %r" % line)

    def hear_codes(self, line):
        for name, value in re.findall(rb"\[(HIGHESTMODSEQ|UIDNEXT|UIDVALIDITY) (\d+)", line):
            if name == b"HIGHESTMODSEQ":
                self.modseq = int(value)

    def hear_exists(self, number, line, word):
        if number < len(self.view):
            raise Inconsistent("EXISTS shrank from %d: %r" % (len(self.view), line))
        while len(self.view) < number:
            self.orders += 1
            self.view.append(Entry(self.orders))

    def may_expunge(self, line, word, mode):
        if word in (None, "FETCH", "STORE", "SEARCH"):
            raise Inconsistent("an expunge while %s: %r" % (word or "no command is in progress", line))
        if (self.mode == "qresync") != (mode == "qresync"):
            raise Inconsistent("the wrong form of an expunge: %r" % line)

    def hear_expunge(self, number, line, word):
        self.may_expunge(line, word, "plain")
        if not 1 <= number <= len(self.view):
            raise Inconsistent("out of range (%d): %r" % (len(self.view), line))
        self.forget(self.view.pop(number - 1))

    def forget(self, entry):
        with self.truth.lock:
            if entry.uid:
                self.truth.gone.add((self.here, entry.uid))

    def remove_uid(self, uid, line):
        """VANISHED names a message of the view; one whose UID wasn't told yet is the one that stands where it must."""
        at = next((n for n, e in enumerate(self.view) if e.uid == uid), None)
        if at is None:
            at = next((n for n, e in enumerate(self.view) if e.uid is None and
                       all(p.uid is None or p.uid < uid for p in self.view[:n]) and all(p.uid is None or p.uid > uid for p in self.view[n + 1:])), None)
        if at is None:
            raise Inconsistent("not of this view: UID %d of %r" % (uid, line))
        entry = self.view.pop(at)
        entry.uid = uid
        self.forget(entry)

    def hear_fetch(self, number, line, word):
        if not 1 <= number <= len(self.view):
            raise Inconsistent("out of range (%d): %r" % (len(self.view), line))
        entry, items = self.view[number - 1], fetched([re.sub(rb"\{\d+\}\r\n.*\r\n\)\r\n$", b")\r\n", line, flags=re.S)]).get(number, {})
        if "UID" in items:
            self.learn_uid(number, entry, items["UID"], line)
        if "FLAGS" in items:
            entry.flags = items["FLAGS"]
        if "MODSEQ" in items:
            if items["MODSEQ"] < entry.modseq:
                raise Inconsistent("MODSEQ went back from %d: %r" % (entry.modseq, line))
            entry.modseq = items["MODSEQ"]
            if "FLAGS" in items and entry.uid:
                self.truth.same(self.truth.flags, (self.here, entry.uid, entry.modseq), entry.flags, "flags of one MODSEQ")
        token = re.search(rb"Subject: (\w+)", line)
        if token and entry.uid:
            self.truth.same(self.truth.contents, (self.here, entry.uid), token.group(1), "content of a UID")

    def learn_uid(self, number, entry, uid, line):
        if entry.uid not in (None, uid):
            raise Inconsistent("the number means UID %d: %r" % (entry.uid, line))
        before = next((e.uid for e in reversed(self.view[:number - 1]) if e.uid), 0)
        behind = next((e.uid for e in self.view[number:] if e.uid), 1 << 32)
        if not before < uid < behind:
            raise Inconsistent("UIDs don't ascend (%d, %d): %r" % (before, behind, line))
        if entry.uid is None and entry.order > self.opened and uid < self.uidnext:
            raise Inconsistent("a new message has an old UID (UIDNEXT was %d): %r" % (self.uidnext, line))
        entry.uid = uid

    # ---- steps ----

    def learn(self):
        """Clients ask for what they have not been told."""
        unknown = [n for n, e in enumerate(self.view, 1) if e.uid is None or e.flags is None]
        if unknown:
            self.command("FETCH %d:%d (UID FLAGS%s BODY.PEEK[HEADER.FIELDS (SUBJECT)])" % (unknown[0], unknown[-1], "" if self.mode == "plain" else " MODSEQ"))

    def select(self, mailbox, resync=None):
        self.selected, self.view, self.orders, self.opened, self.uidnext, self.modseq, self.validity = None, [], 0, 1 << 62, 0, 0, 0
        told = {name: 0 for name in (b"UIDNEXT", b"HIGHESTMODSEQ")}
        for name in told:
            told[name] = max([value for (place, n), value in list(self.truth.high.items()) if n == name and place[:2] == (self.account.user, mailbox)], default=0)
        self.gone_earlier, self.remembered = set(), None
        tag = self.send("SELECT %s%s" % (mailbox, resync or ""))
        lines = []
        # Its FETCH responses are of a view that stands only once all of it was read.
        while True:
            line = self.response()
            lines.append(line)
            if line.startswith(tag):
                break
        text = b"".join(lines)
        if b" OK" not in lines[-1]:
            raise Inconsistent("SELECT: %r" % lines[-1])
        codes = {name: int(value) for name, value in re.findall(rb"\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)", text)}
        self.selected, self.validity, self.uidnext, self.modseq = mailbox, codes[b"UIDVALIDITY"], codes[b"UIDNEXT"], codes[b"HIGHESTMODSEQ"]
        self.truth.same(self.truth.high, ((self.account.user, mailbox, 0), "UIDVALIDITY"), self.validity, "UIDVALIDITY")
        for name, before in told.items():
            self.truth.never_lower(self.here, name, codes[name], before)
        return lines

    def open(self, mailbox):
        for line in self.select(mailbox):
            if not line.startswith(b"s"):
                self.hear(line, "SELECT")
        self.opened = self.orders
        self.learn()

    def earlier(self, line, word):
        if word != "SELECT" or self.mode != "qresync":
            raise Inconsistent("nothing asked for it: %r" % line)
        self.gone_earlier |= set(uids(line.split()[3]))

    def resynchronise(self):
        """The connection is lost; what was known is brought up to date by SELECT (QRESYNC ...) (RFC 7162 3.2.5)."""
        if self.mode != "qresync" or not self.selected or any(e.uid is None or e.flags is None for e in self.view):
            return self.reconnect()
        mailbox, validity, modseq = self.selected, self.validity, self.modseq
        known = {e.uid: (e.flags, e.modseq) for e in self.view}
        self.client.close()
        self.client = Imap(self.account.instance.ports["imap"], timeout=60)
        self.selected, self.view = None, []
        self.command('LOGIN "%s" "%s"' % (self.account.user, self.account.password))
        self.command("ENABLE QRESYNC")
        lines = self.select(mailbox, " (QRESYNC (%d %d%s))" % (validity, modseq, " " + ",".join(map(str, sorted(known))) if known and self.rng.random() < 0.8 else ""))
        for line in lines:
            if line.startswith(b"* VANISHED (EARLIER) "):
                self.earlier(line, "SELECT")
        for uid in self.gone_earlier & set(known):
            with self.truth.lock:
                self.truth.gone.add((self.here, uid))
        left = sorted(set(known) - self.gone_earlier)
        count = next(int(m.group(1)) for m in (re.match(rb"\* (\d+) EXISTS", line) for line in lines) if m)
        if count < len(left):
            raise Inconsistent("%d messages are left of what was known, and SELECT says %d" % (len(left), count))
        self.hear_exists(count, b"", "SELECT")
        for entry, uid in zip(self.view, left):
            entry.uid, (entry.flags, entry.modseq) = uid, known[uid]
        self.opened = self.orders
        for line in lines:
            if re.match(rb"\* \d+ FETCH", line):
                self.hear(line, "SELECT")
        self.learn()

    def reconnect(self):
        self.client.close()
        self.connect()

    def some(self, by_uid):
        """(set as text, entries) of a random stretch of the view."""
        if not self.view:
            return None, []
        at = self.rng.randrange(len(self.view) if self.rng.random() < 0.5 else min(3, len(self.view)))  # some that many change at once
        entries = self.view[at:at + self.rng.choice([1, 1, 1, 2, 5, 20])]
        if not by_uid:
            return "%d:%d" % (at + 1, at + len(entries)), entries
        entries = [e for e in entries if e.uid]
        return ",".join(str(e.uid) for e in entries) or None, entries

    def store(self):
        by_uid = self.rng.random() < 0.6
        chosen, entries = self.some(by_uid)
        if not chosen:
            return
        flags, action = frozenset(self.rng.sample(FLAGS, self.rng.randrange(0, 3))), self.rng.choice(["+", "-", ""])
        silent, condition = self.rng.random() < 0.4, ""
        if self.mode != "plain" and self.rng.random() < 0.2:
            condition, silent = " (UNCHANGEDSINCE %d)" % max(e.modseq for e in entries), False
        if silent:  # before the answer: what the server says after it is newer
            for e in entries:
                if e.flags is not None:
                    e.flags = e.flags | flags if action == "+" else e.flags - flags if action == "-" else flags
        ok, _, _ = self.command("%sSTORE %s%s %sFLAGS%s (%s)" % ("UID " if by_uid else "", chosen, condition, action, ".SILENT" if silent else "", b" ".join(flags).decode()))
        if not ok:
            for e in entries:
                e.flags = None

    def fetch(self):
        by_uid = self.rng.random() < 0.6
        chosen, _ = self.some(by_uid)
        if chosen:
            items = self.rng.choice(["", " BODY.PEEK[]", " BODY[TEXT]", " RFC822.SIZE", " BODY.PEEK[HEADER.FIELDS (SUBJECT)]"]) + ("" if self.mode == "plain" else " MODSEQ")
            self.command("%sFETCH %s (UID FLAGS%s)" % ("UID " if by_uid else "", chosen, items))

    def fetch_slowly(self):
        tag = self.send("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")
        time.sleep(self.rng.random() * 0.1)
        self.until(tag, "UID FETCH")

    def search(self):
        by_uid, key = self.rng.random() < 0.5, self.rng.choice(["ALL", "DELETED", "UNSEEN FLAGGED", "KEYWORD work", "SUBJECT a"])
        before = list(self.view)
        ok, _, untagged = self.command(("UID " if by_uid else "") + "SEARCH " + key)
        found = [int(n) for line in untagged if line.startswith(b"* SEARCH") for n in re.findall(rb" (\d+)", line.split(b"(")[0])]
        if not by_uid:
            if any(not 1 <= n <= len(self.view) for n in found):
                raise Inconsistent("SEARCH finds what isn't there: %r of %d" % (found, len(self.view)))
            return
        top = max((e.uid for e in before if e.uid), default=0)
        known = {e.uid for e in before}
        strange = [uid for uid in found if uid not in known and uid <= top]
        if len(strange) > sum(e.uid is None for e in before):
            raise Inconsistent("UID SEARCH finds what was expunged: %r" % strange)

    def expunge(self):
        chosen, _ = self.some(True)
        self.command("UID EXPUNGE " + chosen if chosen and self.rng.random() < 0.5 else "EXPUNGE")

    def close_mailbox(self):
        """CLOSE expunges and says nothing: what is gone with it nobody is told here."""
        self.learn()
        self.command("UNSELECT")
        self.selected, self.view = None, []
        self.open(self.rng.choice(MAILBOXES))

    def copy(self):
        by_uid = self.rng.random() < 0.6
        chosen, _ = self.some(by_uid)
        if chosen and len(self.view) < MOST:
            self.transfer("%sCOPY %s %s" % ("UID " if by_uid else "", chosen, self.rng.choice(MAILBOXES)))

    def move(self):
        by_uid = self.rng.random() < 0.6
        chosen, _ = self.some(by_uid)
        if chosen:
            self.transfer("%sMOVE %s %s" % ("UID " if by_uid else "", chosen, self.rng.choice(MAILBOXES)))

    def transfer(self, text):
        source, target = self.here, text.split()[-1]
        ok, line, untagged = self.command(text)
        for answer in untagged + [line]:
            match = re.search(rb"\[COPYUID (\d+) ([\d:,]+) ([\d:,]+)\]", answer)
            if not match:
                continue
            place, pairs = self.place(target, int(match.group(1))), list(zip(uids(match.group(2)), uids(match.group(3)), strict=True))
            for old, new in pairs:
                with self.truth.lock:
                    token = self.truth.contents.get((source, old))
                    self.truth.acknowledged.add((place, new))
                if token:
                    self.truth.same(self.truth.contents, (place, new), token, "content of a copy")

    def append(self):
        if len(self.view) > MOST:
            return self.expunge()
        token, mailbox = secrets.token_hex(6).encode(), self.rng.choice(MAILBOXES)
        octets = b"Subject: " + token + b"\r\n\r\n" + b"body\r\n" * self.rng.choice([1, 10, 2000])
        flags = b" ".join(self.rng.sample(FLAGS, self.rng.randrange(0, 2)))
        ok, line, _ = self.command(b"APPEND %s (%s) {%d+}\r\n%s" % (mailbox.encode(), flags, len(octets), octets))
        match = re.search(rb"\[APPENDUID (\d+) (\d+)\]", line)
        if not ok or not match:
            raise Inconsistent("APPEND: %r" % line)
        place, uid = self.place(mailbox, int(match.group(1))), int(match.group(2))
        self.truth.same(self.truth.contents, (place, uid), token, "content of a UID")
        with self.truth.lock:
            self.truth.acknowledged.add((place, uid))

    def idle(self):
        tag = self.send("IDLE")
        line = self.response()
        while not line.startswith(b"+"):
            self.hear(line, "IDLE")
            line = self.response()
        end = time.monotonic() + self.rng.random() * 0.3
        while (left := end - time.monotonic()) > 0:
            if b"\r\n" in self.client.buffer or select.select([self.client.socket], [], [], left)[0]:
                self.hear(self.response(), "IDLE")
        self.client.send(b"DONE\r\n")
        self.until(tag, "IDLE")

    def pipeline(self):
        """Several commands at once; those by UID mean the same whatever happened before them."""
        texts = []
        for _ in range(self.rng.randrange(2, 6)):
            chosen, _ = self.some(True)
            if chosen:
                texts.append(self.rng.choice(["UID FETCH %s (UID FLAGS)", "UID STORE %s +FLAGS (\\Flagged)", "UID STORE %s -FLAGS (\\Flagged)", "UID SEARCH UID %s", "UID EXPUNGE %s", "NOOP%.0s"]) % chosen)
        tags = [self.send_more(text, first=n == 0) for n, text in enumerate(texts)]
        for tag, text in zip(tags, texts):
            self.until(tag, word_of(text))

    def send_more(self, text, first):
        if first:
            return self.send(text)
        self.tags += 1
        tag = b"s%d" % self.tags
        self.heard.append(b"C: " + tag + b" " + text.encode()[:300])
        self.client.send(tag + b" " + text.encode() + b"\r\n")
        return tag

    def rest(self):
        self.command(self.rng.choice(["NOOP", "CHECK", "STATUS Archive (MESSAGES UIDNEXT UNSEEN)", 'LIST "" *']))
        self.learn()

    def reopen(self):
        self.open(self.rng.choice(MAILBOXES))

    STEPS = [(store, 10), (fetch, 6), (fetch_slowly, 1), (search, 3), (expunge, 3), (copy, 3), (move, 3), (append, 5), (idle, 3), (pipeline, 4), (rest, 5), (reopen, 2), (close_mailbox, 1),
             (resynchronise, 1), (reconnect, 1)]

    def run(self, end):
        steps, weights = zip(*self.STEPS)
        try:
            while time.monotonic() < end and not Session.stop.is_set():
                if self.rng.random() < 0.3:  # meanwhile the others change what this one believes
                    time.sleep(self.rng.random() * 0.1)
                self.rng.choices(steps, weights)[0](self)
        except Exception as error:  # noqa: BLE001
            self.trouble = error
            Session.stop.set()

    stop = threading.Event()


def word_of(text):
    words = (text if isinstance(text, str) else text.split(b"{")[0].decode()).split()
    return words[0] + " " + words[1] if words[0] == "UID" else words[0]


# ---- what happens beside the sessions ----

def deliver_and_fetch(account, end):
    """An MTA, and a POP3 client that takes what it sees away."""
    while time.monotonic() < end and not Session.stop.is_set():
        account.deliver(("Subject: %s\r\n\r\ndelivered\r\n" % secrets.token_hex(6)).encode())
        try:
            pop = account.pop3()
            for number in range(1, min(pop.stat()[0], 3) + 1):
                pop.retr(number)
                pop.dele(number)
            pop.quit()
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001
            if b"[IN-USE]" not in str(error).encode():
                raise
        time.sleep(0.2)


# ---- at rest ----

def check_gone(fresh, present, truth):
    """A UID that was acknowledged is there, or the server says that it is gone. (Who expunges what no session has seen yet is told nothing.)"""
    client = Imap(fresh.account.instance.ports["imap"])
    client.ok('LOGIN "%s" "%s"' % (fresh.account.user, fresh.account.password))
    client.ok("ENABLE QRESYNC")
    client.ok("SELECT " + fresh.selected)
    told = set(vanished(client.ok("UID FETCH 1:%d (UID) (CHANGEDSINCE 1 VANISHED)" % max(fresh.uidnext - 1, 1)), earlier=True))
    client.close()
    with truth.lock:
        acknowledged, gone = ({uid for place, uid in uids if place == fresh.here} for uids in (truth.acknowledged, truth.gone))
    for what, wrong in (("lacks what was acknowledged", acknowledged - present - told), ("has what was told to be gone", gone & present),
                        ("says of what is there that it vanished", told & present), ("forgot that it told to be gone", gone - told)):
        if wrong:
            raise Inconsistent("%s %s: %r" % (fresh.selected, what, sorted(wrong)))


def settle(account, sessions, truth):
    """Every view is what a fresh session sees; STATUS agrees; what was acknowledged is there or was told to be gone."""
    fresh = Session(account, truth, random.Random(1), -1)
    fresh.mode = "plain"
    shown = {}
    for mailbox in MAILBOXES:
        fresh.open(mailbox)
        shown[mailbox] = [(e.uid, e.flags) for e in fresh.view]
        _, _, untagged = fresh.command("STATUS %s (MESSAGES UNSEEN UIDNEXT)" % mailbox)
        wanted = (len(fresh.view), sum(b"\\Seen" not in e.flags for e in fresh.view), fresh.uidnext)
        told = tuple(int(n) for n in re.search(rb"MESSAGES (\d+) UNSEEN (\d+) UIDNEXT (\d+)", b"".join(untagged)).groups())
        if wanted != told:
            raise Inconsistent("STATUS of %s says %r, SELECT and FETCH %r" % (mailbox, told, wanted))
        check_gone(fresh, {uid for uid, _ in shown[mailbox]}, truth)
    for session in sessions:
        session.command("NOOP")
        session.learn()
        view = [(e.uid, e.flags) for e in session.view]
        if view != shown[session.selected]:
            differ = [(v, t) for v, t in zip(view, shown[session.selected]) if v != t][:5]
            session.trouble = Inconsistent("session %d believes %d messages of %s, %d are there: %r" % (session.number, len(view), session.selected, len(shown[session.selected]), differ))
            raise session.trouble
    fresh.client.close()


def run(accounts, seconds, seed, sessions_count=16):
    """Raises Inconsistent with what led to it. Returns a line for the totals."""
    truth, rng = Truth(), random.Random(seed)
    Session.stop.clear()
    for account in accounts:
        client = Imap(account.instance.ports["imap"])
        client.ok('LOGIN "%s" "%s"' % (account.user, account.password))
        for mailbox in MAILBOXES[2:]:
            client.ok("CREATE " + mailbox)
    sessions = [Session(accounts[n % len(accounts)], truth, random.Random(rng.getrandbits(64)), n) for n in range(sessions_count)]
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            rest_at = time.monotonic() + rng.choice([0.1, 0.2, 0.4, 1, 2])  # what is wrong for a moment only is seen at a rest that comes soon
            threads = [threading.Thread(target=s.run, args=(rest_at,)) for s in sessions] + [threading.Thread(target=deliver_and_fetch, args=(accounts[0], rest_at))]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            for s in sessions:
                if s.trouble:
                    raise s.trouble
            for account in accounts:
                settle(account, [s for s in sessions if s.account is account], truth)
    except Exception:
        for s in sessions:
            if s.trouble:
                print("session %d (%s, %s), mode %s:" % (s.number, s.account.user, s.selected, s.mode), file=sys.stderr)
                for line in s.heard:
                    print("    %s" % line[:160].decode(errors="replace").rstrip().replace("\r\n", "|"), file=sys.stderr)
        print("seed %d" % seed, file=sys.stderr)
        raise
    for s in sessions:
        s.client.close()
    return "seed %d: %d sessions, %d commands, %d responses, 0 inconsistencies" % (seed, len(sessions), truth.commands, truth.responses)


def main():
    parser = argparse.ArgumentParser(prog="stress")
    parser.add_argument("seconds", nargs="?", type=float, default=120)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 30))
    parser.add_argument("--sessions", type=int, default=16)
    options = parser.parse_args()
    from conftest import make_server, new_account
    with tempfile.TemporaryDirectory(prefix="waxwing-stress-") as folder:
        server = make_server(pathlib.Path(folder))
        try:
            print(run([new_account(server) for _ in range(2)], options.seconds, options.seed, options.sessions))
            server.command("check")
        except Inconsistent as error:
            print("inconsistent: %s" % error, file=sys.stderr)
            sys.exit(1)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
