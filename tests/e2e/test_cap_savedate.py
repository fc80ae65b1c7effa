"""SAVEDATE (RFC 8514): when a message came into its mailbox."""

import re
import time

from conftest import message
from raw import imap
from test_imap import append


def savedate(client, number):
    text = re.search(rb'SAVEDATE "([^"]+)"', client.ok("FETCH %d (SAVEDATE)" % number)[0]).group(1).decode()
    assert text.endswith(" +0000")
    return time.mktime(time.strptime(text[:-6].strip(), "%d-%b-%Y %H:%M:%S")) - time.timezone


def test_savedate_is_now_whatever_the_internal_date_says(account):
    client = imap(account)
    assert b"SAVEDATE" in b" ".join(client.ok("CAPABILITY")).split()
    octets = message()
    client.send(b'a1 APPEND INBOX "01-Feb-2000 03:04:05 +0000" {%d+}\r\n%s\r\n' % (len(octets), octets))
    assert b" OK" in client.until(b"a1")[0]
    client.ok("SELECT INBOX")
    assert abs(savedate(client, 1) - time.time()) < 300
    assert b"01-Feb-2000" in client.ok("FETCH 1 (INTERNALDATE)")[0]


def test_savedate_of_a_copy_is_when_it_was_copied(account):
    client = imap(account)
    append(client, message())
    client.ok("SELECT INBOX")
    time.sleep(1.2)
    client.ok("COPY 1 Archive")
    first = savedate(client, 1)
    client.ok("SELECT Archive")
    assert savedate(client, 1) > first
