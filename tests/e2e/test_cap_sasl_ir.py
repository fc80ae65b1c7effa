"""SASL-IR (RFC 4959): the first message of SASL with the command."""

import base64

from raw import Imap


def test_plain_with_an_initial_response_takes_one_round_trip(account):
    client = Imap(account.instance.ports["imap"])
    assert b"SASL-IR" in client.greeting and b"AUTH=PLAIN" in client.greeting
    token = base64.b64encode(b"\0%s\0%s" % (account.user.encode(), account.password.encode()))
    status, untagged = client.do(b"AUTHENTICATE PLAIN " + token)
    assert status.split()[1] == b"OK" and not untagged
    client.ok("SELECT INBOX")


def test_the_long_way_works_as_well(account):
    client = Imap(account.instance.ports["imap"])
    client.send(b"a AUTHENTICATE PLAIN\r\n")
    assert client.line().strip() == b"+"
    client.send(base64.b64encode(b"\0%s\0%s" % (account.user.encode(), account.password.encode())) + b"\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")


def test_an_empty_initial_response_is_an_equals_sign_and_what_is_not_base64_is_bad(account):
    client = Imap(account.instance.ports["imap"])
    assert client.do(b"AUTHENTICATE PLAIN =")[0].split()[1] in (b"NO", b"BAD")
    assert client.do(b"AUTHENTICATE PLAIN a===")[0].split()[1] == b"BAD"
