"""LMTP (RFC 2033): replies a recipient, subaddresses, bad recipients, odd messages, sizes."""

import smtplib
import socket

import corpus
import pytest
from conftest import deliver, eventually, message


def dialogue(instance):
    s = socket.create_connection(("127.0.0.1", instance.ports["lmtp"]), timeout=20)
    return s, s.makefile("rwb", buffering=0)


def say(f, text):
    f.write(text if isinstance(text, bytes) else text.encode() + b"\r\n")


def answer(f):
    lines = []
    while True:
        line = f.readline().decode()
        assert line, "closed after %r" % lines
        lines.append(line.rstrip("\r\n"))
        if line[3:4] != "-":
            return lines


def test_lhlo_announces_what_the_issue_names(server):
    s, f = dialogue(server)
    assert answer(f)[0].startswith("220 ")
    say(f, "LHLO me")
    words = {line[4:].split()[0] for line in answer(f)[1:]}
    assert {"PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SIZE", "SMTPUTF8", "CHUNKING"} <= words
    s.close()


def test_each_recipient_gets_its_own_reply_and_the_good_ones_the_message(account, other):
    s, f = dialogue(account.instance)
    answer(f)
    say(f, "LHLO me")
    answer(f)
    say(f, b"MAIL FROM:<a@example.org>\r\nRCPT TO:<%s>\r\nRCPT TO:<nobody-here>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (account.user.encode(), other.user.encode()))
    assert answer(f)[0].startswith("250 2.1.0")
    assert answer(f)[0].startswith("250 2.1.5")
    assert answer(f)[0].startswith("550 5.1.1")
    assert answer(f)[0].startswith("250 2.1.5")
    assert answer(f)[0].startswith("354")
    say(f, message("for two") + b".\r\n")
    assert answer(f)[0].startswith("250 2.")
    assert answer(f)[0].startswith("250 2.")
    say(f, "QUIT")
    assert answer(f)[0].startswith("221")
    for each in (account, other):
        assert each.imap().select("INBOX")[1] == [b"1"]


def test_a_subaddress_goes_to_its_folder_or_else_to_inbox(account):
    account.deliver(message("to archive"), to=account.user + "+archive@example.org")
    account.deliver(message("to nowhere"), to=account.user + "+nosuchfolder@example.org")
    imap = account.imap()
    assert imap.select("Archive")[1] == [b"1"]
    assert imap.select("INBOX")[1] == [b"1"]


def test_bdat_chunks_make_one_message(account):
    octets = message("chunked", "x" * 5000 + "\r\n")
    s, f = dialogue(account.instance)
    answer(f)
    say(f, "LHLO me")
    answer(f)
    say(f, "MAIL FROM:<a@example.org>")
    answer(f)
    say(f, "RCPT TO:<%s>" % account.user)
    answer(f)
    for at in range(0, len(octets), 700):
        piece = octets[at:at + 700]
        say(f, b"BDAT %d%s\r\n%s" % (len(piece), b" LAST" if at + 700 >= len(octets) else b"", piece))
        assert answer(f)[0].startswith("250")
    imap = account.imap(select="INBOX")
    assert imap.fetch("1", "(BODY.PEEK[])")[1][0][1].endswith(octets)


@pytest.mark.parametrize("name,octets", [pytest.param(n, o, id=n) for n, o in corpus.odd_messages()])
def test_an_odd_message_is_stored_and_never_makes_the_mailbox_unreadable(account, name, octets):
    imap = account.imap(select="INBOX")
    status, text = imap.append("INBOX", "", None, octets)
    if not octets:  # nothing is no message
        assert status == "NO", text
        return
    assert status == "OK", text
    normalised = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    for items in ("(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODY BODYSTRUCTURE)", "(BODY.PEEK[HEADER])", "(BODY.PEEK[TEXT])", "(BODY.PEEK[1])", "(BODY.PEEK[1.MIME])"):
        assert imap.fetch("1", items)[0] == "OK", items
    got = imap.fetch("1", "(BODY.PEEK[])")[1][0]
    if octets:
        assert got[1].replace(b"\x80", b"\0") == normalised.replace(b"\x80", b"\0")
    assert imap.search(None, "TEXT", "body")[0] == "OK"
    assert imap.noop()[0] == "OK"


def test_over_quota_is_refused_by_policy_for_that_recipient_alone(own_server):
    from conftest import new_account
    instance = own_server(settings={"quota.default": "20K"})
    full, other = new_account(instance), new_account(instance)
    instance.command("status")
    body = message("big", "z" * 15000 + "\r\n")
    full.deliver(body)
    with smtplib.LMTP("127.0.0.1", instance.ports["lmtp"], timeout=20) as lmtp:
        refused = lmtp.sendmail("a@example.org", [full.user, other.user], body)
    assert list(refused) == [full.user]
    assert refused[full.user][0] in (452, 552)
    assert b".2.2" in refused[full.user][1]
    assert other.imap().select("INBOX")[1] == [b"1"]
    assert full.imap().select("INBOX")[1] == [b"1"]


def test_a_message_over_the_size_limit_is_refused_at_mail_from(server):
    s, f = dialogue(server)
    answer(f)
    say(f, "LHLO me")
    limit = [int(line[4:].split()[1]) for line in answer(f) if line[4:].startswith("SIZE")][0]
    say(f, "MAIL FROM:<a@example.org> SIZE=%d" % (limit + 1))
    assert answer(f)[0].startswith("552 5.3.4")


def test_one_delivery_to_many_writes_the_bytes_once(own_server):
    from conftest import new_account
    instance = own_server()
    accounts = [new_account(instance) for _ in range(20)]
    octets = message("for twenty", "".join("%x\r\n" % (i * 2654435761 % 2**64) for i in range(9000)))
    before = sum(p.stat().st_blocks * 512 for p in (instance.folder / "store").rglob("*.vol"))
    deliver(instance, octets, [a.user for a in accounts])
    after = sum(p.stat().st_blocks * 512 for p in (instance.folder / "store").rglob("*.vol"))
    assert after - before < 3 * len(octets), "twenty copies of the bytes"
    for each in accounts:
        eventually(lambda: each.imap().select("INBOX")[1] == [b"1"])
