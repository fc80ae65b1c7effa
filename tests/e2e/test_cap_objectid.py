"""OBJECTID (RFC 8474): ids of mailboxes, emails and threads that stay with them."""

import re

from conftest import message
from raw import imap
from test_imap import append


def mailbox_id(client, name):
    return re.search(rb"MAILBOXID \(([^)]+)\)", client.ok("STATUS %s (MAILBOXID)" % name)[0]).group(1)


def fetched(client, number, item):
    return re.search(rb"%s \(([^)]+)\)" % item.encode(), client.ok("FETCH %d (%s)" % (number, item))[0]).group(1)


def test_create_select_and_status_tell_the_same_mailboxid(account):
    client = imap(account)
    assert b"OBJECTID" in b" ".join(client.ok("CAPABILITY")).split()
    status, _ = client.do("CREATE foo")
    made = re.search(rb"OK \[MAILBOXID \(([^)]+)\)\]", status).group(1)
    assert mailbox_id(client, "foo") == made
    selected = b"".join(client.ok("SELECT foo"))
    assert b"* OK [MAILBOXID (%s)]" % made in selected
    assert re.fullmatch(rb"[A-Za-z0-9_-]{1,255}", made)
    assert mailbox_id(client, "INBOX") != made


def test_the_mailboxid_stays_with_a_rename_and_goes_with_a_delete(account):
    client = imap(account)
    client.ok("CREATE one")
    before = mailbox_id(client, "one")
    client.ok("RENAME one other")
    assert mailbox_id(client, "other") == before
    client.ok("DELETE other")
    client.ok("CREATE one")
    assert mailbox_id(client, "one") != before


def test_the_emailid_stays_with_copy_and_move_and_differs_between_emails(account):
    client = imap(account)
    octets = message("twice")
    append(client, octets)
    append(client, octets)
    client.ok("CREATE there")
    client.ok("SELECT INBOX")
    first, second = fetched(client, 1, "EMAILID"), fetched(client, 2, "EMAILID")
    assert first != second
    client.ok("COPY 1 there")
    client.ok("MOVE 2 there")
    client.ok("SELECT there")
    assert [fetched(client, n, "EMAILID") for n in (1, 2)] == [first, second]


def test_a_reply_has_the_threadid_of_what_it_answers(account):
    client = imap(account)
    append(client, b"Message-ID: <a@example.org>\r\nSubject: s\r\n\r\nx\r\n")
    append(client, b"Message-ID: <b@example.org>\r\nIn-Reply-To: <a@example.org>\r\nSubject: Re: s\r\n\r\ny\r\n")
    append(client, message("alone"))
    client.ok("SELECT INBOX")
    threads = [fetched(client, n, "THREADID") for n in (1, 2, 3)]
    assert threads[0] == threads[1] != threads[2]
