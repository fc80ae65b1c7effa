"""What the hostile tests share: the witness whom nothing may disturb, and the weighing of the server."""

import os
import pathlib
import time

from raw import Raw, imap

SANITISED = "WAXWING_SANITIZED" in os.environ


def children(instance):
    pid = instance.pid()
    return sorted(int(p) for p in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split())


def memory_kib(instance):
    total = 0
    for pid in children(instance):
        for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
            if line.startswith("VmRSS"):
                total += int(line.split()[1])
    return total


def witnessed(server, account):
    """A client logged in before the attack still works after it, soon, and no process was restarted."""
    witness = imap(account, "INBOX")
    before = children(server)
    yield witness
    started = time.monotonic()
    witness.ok("NOOP")
    assert time.monotonic() - started < (20 if SANITISED else 5)
    assert children(server) == before


def lmtp(instance, timeout=60):
    """A connection that has said LHLO."""
    client = Raw(instance.ports["lmtp"], timeout=timeout)
    client.line()
    client.send(b"LHLO me\r\n")
    reply(client)
    return client


def reply(client):
    """The last line of one reply."""
    while True:
        line = client.line()
        if line[3:4] != b"-":
            return line


def said(client, octets, *expected):
    """Sends it; one reply for each code expected. Returns the replies."""
    client.send(octets)
    replies = [reply(client) for _ in expected]
    assert [r[:len(code)] for r, code in zip(replies, expected)] == list(expected), replies
    return replies
