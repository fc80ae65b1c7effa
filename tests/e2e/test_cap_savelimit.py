"""SAVELIMIT (RFC 9738 3): COPY and APPEND alone know a limit."""

import pytest
from conftest import message, new_account
from raw import imap
from test_cap_messagelimit import ends, fill


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    from conftest import make_server
    instance = make_server(tmp_path_factory.mktemp("limited"), settings={"imap.save_limit": 50})
    yield instance
    instance.kill()


@pytest.fixture
def client(limited):
    client = imap(new_account(limited))
    fill(client, 120)
    client.ok("SELECT INBOX")
    client.ok("CREATE box")
    return client


def test_it_is_announced_with_its_number(client):
    said = b" ".join(client.ok("CAPABILITY")).split()
    assert b"SAVELIMIT=50" in said and not any(word.startswith(b"MESSAGELIMIT") for word in said)


def test_copy_and_append_are_limited(client):
    ends(client, "COPY 1:120 box", b"NO", b"[MESSAGELIMIT 50 71]")
    ends(client, "UID COPY 1:51 box", b"NO", b"[MESSAGELIMIT 50 2]")
    ends(client, "UID COPY 1:50 box", b"OK", b"[COPYUID")
    one = message("m")
    client.send(b"a APPEND box" + b"".join(b" {%d+}\r\n%s" % (len(one), one) for _ in range(51)) + b"\r\n")
    assert client.until(b"a")[0].startswith(b"a NO [MESSAGELIMIT 50]")
    assert b"(MESSAGES 50)" in client.ok("STATUS box (MESSAGES)")[0]


def test_all_else_is_not(client):
    assert len(ends(client, "FETCH 1:* UID", b"OK", b"Fetch")) == 120
    ends(client, "STORE 1:* +FLAGS (\\Deleted)", b"OK", b"Store")
    assert len(ends(client, "SEARCH ALL", b"OK", b"Search")[0].split()) == 122
    ends(client, "SORT (SUBJECT) UTF-8 ALL", b"OK", b"Sort")
    ends(client, "UID MOVE 1:60 box", b"OK", b"Moved")
    assert sum(b"EXPUNGE" in line for line in ends(client, "UID EXPUNGE 1:*", b"OK", b"Expunged")) == 60
