"""What the hostile tests share: the witness whom nothing may disturb, and the weighing of the server."""

import contextlib
import os
import pathlib

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


def processor_s(instance):
    """What its processes have used so far."""
    ticks = 0
    for pid in children(instance):
        fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def within(instance, seconds):
    """What is done inside costs the server at most so much processor time. The clock would tell of the machine instead."""
    before = processor_s(instance)
    yield
    used = processor_s(instance) - before
    assert used < seconds * (10 if SANITISED else 1), used


def witnessed(server, account):
    """A client logged in before the attack is still answered after it, and no process was restarted."""
    witness = imap(account, "INBOX")
    before = children(server)
    yield witness
    witness.ok("NOOP")
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
