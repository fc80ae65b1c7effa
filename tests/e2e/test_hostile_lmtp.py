"""Hostile cases in LMTP: O32 to O38 of docs/threat-model.md. O35 is for submission, which Waxwing doesn't offer."""

import re
import socket
import struct
import time

import pytest
from conftest import deliver, message, new_account
from hostile import SANITISED, lmtp, memory_kib, reply, said, witnessed
from raw import Raw, imap
from test_cap_multiappend import with_quota


@pytest.fixture(autouse=True)
def nobody_else_notices(server, account):
    yield from witnessed(server, account)


def count(account):
    return int(re.search(rb"MESSAGES (\d+)", b"".join(imap(account).ok("STATUS INBOX (MESSAGES)"))).group(1))


def begin(client, *accounts):
    said(client, b"MAIL FROM:<a@example.org>\r\n" + b"".join(b"RCPT TO:<%s>\r\n" % a.user.encode() for a in accounts) + b"DATA\r\n",
         b"250", *([b"250"] * len(accounts)), b"354")


END = {"crlf": b"\r\n", "lf": b"\n", "cr": b"\r"}


@pytest.mark.parametrize("before", END)
@pytest.mark.parametrize("after", END)
def test_only_crlf_dot_crlf_ends_data(account, before, after):
    """O32"""
    client = lmtp(account.instance)
    begin(client, account)
    to = account.user.encode()
    client.send(b"Subject: outer\r\n\r\nbody" + END[before] + b"." + END[after])
    client.send(b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n" % to)
    first = reply(client)
    assert first[:1] in b"25", first
    client.send(b"QUIT\r\n")
    rest = client.rest()
    if before == after == "crlf":
        assert count(account) == 2
        return
    assert rest.startswith(b"221"), rest
    assert count(account) <= 1
    if count(account):
        assert b"Subject: smuggled" in b"".join(imap(account, "INBOX").ok("FETCH 1 BODY.PEEK[TEXT]"))


@pytest.mark.parametrize("path", [b'<""@d>', b"<@a,@b:c@d>", b"<" + b"l" * 300 + b"@d>", "<ü@d>".encode(), b"<\xff@d>", b"<a@b> JUNK=1", b"a@b", b"<a", b"<a@b>>", b"", b"<>", b"<a\0b@d>", b"<a b@d>"])
def test_odd_recipients_are_answered(server, path):
    """O33"""
    client = lmtp(server)
    said(client, b"MAIL FROM:<>\r\n", b"250")
    client.send(b"RCPT TO:" + path + b"\r\n")
    assert reply(client)[:1] in b"45"
    said(client, b"NOOP\r\n", b"250")


@pytest.mark.parametrize("path,codes", [
    (b"<>", b"2"), (b'<""@d>', b"25"), (b"<@a,@b:c@d>", b"25"), (b"<" + b"l" * 300 + b"@d>", b"25"), ("<ü@d>".encode(), b"5"), (b"<\xff@d>", b"5"), (b"<a@b> JUNK=1", b"5"), (b"a@b", b"5"),
    (b"<a", b"5"), (b"<a@b>>", b"5"), (b"", b"5"), (b"<a\0b@d>", b"5"), (b"<a@b> SIZE=99999999999999999999", b"5"), (b"<a@b> SIZE=-1", b"5"), (b"<a@b> BODY=9BITMIME", b"5"),
])
def test_odd_senders_are_answered(server, path, codes):
    """O33"""
    client = lmtp(server)
    client.send(b"MAIL FROM:" + path + b"\r\n")
    answer = reply(client)
    assert answer[:1] in codes, answer
    said(client, b"RSET\r\nNOOP\r\n", b"250", b"250")


def test_a_hundred_thousand_recipients_meet_the_limit(account):
    """O34"""
    before = memory_kib(account.instance)
    client = lmtp(account.instance)
    said(client, b"MAIL FROM:<>\r\n", b"250")
    codes = []
    for _ in range(10 if SANITISED else 100):
        client.send(b"RCPT TO:<%s>\r\n" % account.user.encode() * 1000)
        codes += [client.line()[:3] for _ in range(1000)]
    assert set(codes[:1000]) == {b"250"} and set(codes[1000:]) == {b"452"}
    if not SANITISED:
        assert memory_kib(account.instance) - before < 4096
    said(client, b"RSET\r\n", b"250")
    begin(client, account)
    said(client, message() + b".\r\n", b"250")


def test_a_command_line_without_end_is_refused(server):
    """O36"""
    before = memory_kib(server)
    client = Raw(server.ports["lmtp"])
    client.line()
    try:
        client.send(b"LHLO " + b"x" * 100000 + b"\r\nNOOP\r\n")
    except OSError:
        pass
    text = client.line()
    assert text[:3] in (b"500", b"421"), text
    if not SANITISED:
        assert memory_kib(server) - before < 1024


def test_a_data_line_larger_than_a_message_may_be_is_refused_in_constant_memory(account):
    """O36"""
    client = lmtp(account.instance, timeout=180)
    begin(client, account)
    client.send(b"Subject: x\r\n\r\n")
    before, most = memory_kib(account.instance), 0
    for n in range(160):
        client.send(b"x" * (1 << 20))
        if n % 20 == 0:
            most = max(most, memory_kib(account.instance) - before)
    client.send(b"\r\n.\r\n")
    assert reply(client)[:3] in (b"552", b"500")
    assert most < (600_000 if SANITISED else 50_000)
    begin(client, account)
    said(client, message() + b".\r\n", b"250")


def test_a_message_of_one_line_of_thirty_mebibytes_is_delivered_or_refused(account):
    """O36"""
    before = memory_kib(account.instance)
    client = lmtp(account.instance)
    begin(client, account)
    client.send(b"Subject: x\r\n\r\n")
    for _ in range(30):
        client.send(b"x" * (1 << 20))
    client.send(b"\r\n.\r\n")
    assert reply(client)[:3] in (b"250", b"552", b"500")
    # Shadow memory and quarantine count too in a sanitised build.
    assert memory_kib(account.instance) - before < (600_000 if SANITISED else 150_000)


@pytest.mark.parametrize("chunked", [False, True])
def test_each_recipient_has_its_reply_in_order_when_one_is_over_quota(server, account, other, chunked):
    """O37"""
    full = with_quota(server, 2000)
    octets = message("big", "z" * 3000 + "\r\n")
    client = lmtp(server)
    said(client, b"MAIL FROM:<a@example.org>\r\n" + b"".join(b"RCPT TO:<%s>\r\n" % a.user.encode() for a in (account, full, other)), b"250", b"250", b"250", b"250")
    if chunked:
        client.send(b"BDAT %d LAST\r\n%s" % (len(octets), octets))
    else:
        said(client, b"DATA\r\n", b"354")
        client.send(octets + b".\r\n")
    replies = [reply(client) for _ in range(3)]
    assert [r[:3] for r in replies] in ([b"250", b"452", b"250"], [b"250", b"552", b"250"]), replies
    said(client, b"NOOP\r\n", b"250")
    assert [count(a) for a in (account, full, other)] == [1, 0, 1]


@pytest.mark.parametrize("reset", [False, True])
def test_who_dies_between_the_last_dot_and_the_reply_has_it_delivered_once_or_not_at_all(server, reset):
    """O38: and once, when the sender tries again as it must."""
    for n in range(12):
        pair = new_account(server), new_account(server)
        octets = message("dies %d" % n, "x" * 5000 + "\r\n")
        client = lmtp(server)
        begin(client, *pair)
        client.send(octets + b".\r\n")
        time.sleep(n * 0.0005)
        if reset:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        time.sleep(0.05)
        assert all(count(a) in (0, 1) for a in pair)
        deliver(server, octets, [a.user for a in pair], sender="a@example.org")
        assert [count(a) for a in pair] == [1, 1], "round %d" % n
