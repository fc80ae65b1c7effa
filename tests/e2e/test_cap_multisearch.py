"""MULTISEARCH (RFC 7377): ESEARCH over many mailboxes."""

import re

import pytest
from conftest import message
from raw import imap
from test_search import fill

ANSWER = re.compile(rb'\* ESEARCH \(TAG "([^"]*)" MAILBOX ("[^"]*"|\S+) UIDVALIDITY (\d+)\) UID(.*)\r\n')


def answers(lines):
    """{mailbox: what was found}, and that each has all its correlators."""
    found = {}
    for line in lines:
        if line.startswith(b"* ESEARCH"):
            match = ANSWER.fullmatch(line)
            assert match, line
            name = match.group(2).strip(b'"').decode()
            assert name not in found, lines
            found[name] = match.group(4).strip().decode()
    return found


@pytest.fixture
def client(account):
    client = imap(account)
    for name in ("folder1", "folder2", "folder2/banana", "folder2/peach", "folder2/peach/deep", "folder3"):
        client.ok("CREATE " + name)
    fill(client, [message("chad"), message("other")], "folder1")
    fill(client, [message("chad")], "folder2")
    fill(client, [message("x"), message("y"), message("chad")], "folder2/banana")
    fill(client, [message("chad")], "folder2/peach/deep")
    fill(client, [message("chad")], "folder3", "\\Seen")
    fill(client, [message("inbox chad")])
    return client


def test_the_dialogue_of_section_3(client):
    assert b"MULTISEARCH" in client.ok("CAPABILITY")[0].split()
    client.send(b'tag1 ESEARCH IN (mailboxes "folder1" subtree "folder2") unseen\r\n'
                b'tag2 ESEARCH IN (mailboxes "folder1" subtree-one "folder2") subject "chad"\r\n')
    status, lines = client.until(b"tag1")
    assert status.startswith(b"tag1 OK") and all(b'TAG "tag1"' in line for line in lines)
    assert answers(lines) == {"folder1": "ALL 1:2", "folder2": "ALL 1", "folder2/banana": "ALL 1:3", "folder2/peach/deep": "ALL 1"}
    status, lines = client.until(b"tag2")
    assert answers(lines) == {"folder1": "ALL 1", "folder2": "ALL 1", "folder2/banana": "ALL 3"}


def test_sources(client):
    def found(sources, keys="SUBJECT chad"):
        return sorted(answers(client.ok("ESEARCH IN (%s) %s" % (sources, keys))))

    everywhere = ["INBOX", "folder1", "folder2", "folder2/banana", "folder2/peach/deep", "folder3"]
    assert found("personal") == found("inboxes") == everywhere
    assert found("personal subtree folder2 mailboxes (folder1 INBOX)") == everywhere  # each once
    client.ok("SUBSCRIBE folder3")
    client.ok("UNSUBSCRIBE INBOX")
    assert found("subscribed") == ["folder3"]
    assert found("subtree (folder1 folder2/peach)") == ["folder1", "folder2/peach/deep"]
    assert found("subtree-one folder2/peach") == ["folder2/peach/deep"]
    assert found("mailboxes (folder1 nowhere folder3)") == ["folder1", "folder3"]
    assert found('mailboxes "folder*"') == [] and found("mailboxes nowhere") == []
    assert found("personal", "SUBJECT nobody") == []
    # Nothing is selected by it, and what is stays so.
    assert b"BAD" in client.do("FETCH 1 (FLAGS)")[0]
    client.ok("SELECT folder3")
    assert found("selected") == ["folder3"] and found("selected personal") == everywhere
    assert client.ok("FETCH 1 (UID)") == [b"* 1 FETCH (UID 1)\r\n"]


def test_without_sources_the_selected_mailbox_is_searched(client):
    assert b"BAD" in client.do("ESEARCH ALL")[0]
    assert b"BAD" in client.do("ESEARCH IN (selected personal) ALL")[0]
    client.ok("SELECT folder1")
    for command in ("ESEARCH ALL", "ESEARCH RETURN () ALL", "UID ESEARCH ALL", "ESEARCH CHARSET UTF-8 ALL"):
        assert answers(client.ok(command)) == {"folder1": "ALL 1:2"}
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    assert answers(client.ok("ESEARCH ALL")) == {"folder1": "ALL 2"}  # UIDs, always


def test_result_options_are_of_each_mailbox(client):
    found = answers(client.ok("ESEARCH IN (subtree folder2 mailboxes folder3) RETURN (MIN MAX COUNT) UNSEEN"))
    assert found == {"folder2": "MIN 1 MAX 1 COUNT 1", "folder2/banana": "MIN 1 MAX 3 COUNT 3", "folder2/peach/deep": "MIN 1 MAX 1 COUNT 1"}
    found = answers(client.ok("ESEARCH IN (subtree folder2) RETURN (PARTIAL -1:-2) ALL"))
    assert found["folder2/banana"] == "PARTIAL (-1:-2 2:3)" and found["folder2"] == "PARTIAL (-1:-2 1)"
    found = answers(client.ok("ESEARCH IN (subtree folder2) RETURN (RELEVANCY ALL) FUZZY SUBJECT chad"))
    assert re.fullmatch(r"ALL 3 RELEVANCY \(\d+\)", found["folder2/banana"])
    found = answers(client.ok("ESEARCH IN (mailboxes folder2/banana) RETURN (COUNT) MODSEQ 1"))
    assert re.fullmatch(r"COUNT 3 MODSEQ \d+", found["folder2/banana"])


def test_sets_mean_the_messages_of_each_mailbox(client):
    client.ok("SELECT folder1")
    assert answers(client.ok("ESEARCH IN (subtree folder2 selected) 1:2"))["folder2/banana"] == "ALL 1:2"
    assert answers(client.ok("ESEARCH IN (subtree folder2) 2:200")) == {"folder2/banana": "ALL 2:3"}
    assert answers(client.ok("ESEARCH IN (subtree folder2) 101:200")) == {}
    assert answers(client.ok("ESEARCH IN (personal) UID 3:*"))["folder2/banana"] == "ALL 3"
    assert answers(client.ok("ESEARCH IN (subtree folder2) *"))["folder2/banana"] == "ALL 3"
    client.ok("SEARCH RETURN (SAVE) 2")
    assert answers(client.ok("ESEARCH IN (personal selected) $")) == {"folder1": "ALL 2"}
    client.ok("UNSELECT")
    assert answers(client.ok("ESEARCH IN (personal) OR $ UID $")) == {}


def test_keywords_and_texts_that_parse_looks_into(client):
    client.ok("SELECT folder3")
    client.ok("STORE 1 +FLAGS ($Label)")
    assert answers(client.ok("ESEARCH IN (personal) KEYWORD $Label")) == {"folder3": "ALL 1"}
    assert answers(client.ok("ESEARCH IN (subtree folder2) BODY body TEXT chad"))["folder2/banana"] == "ALL 3"
    status, _ = client.do("ESEARCH IN (personal) CHARSET nosuch SUBJECT x")
    assert b"NO [BADCHARSET" in status


def test_save_and_update_are_of_the_selected_mailbox(client, account):
    client.ok("SELECT folder1")
    client.ok("ESEARCH IN (selected) RETURN (SAVE) SUBJECT other")
    assert client.ok("UID SEARCH $") == [b"* SEARCH 2\r\n"]
    client.ok("ESEARCH RETURN (SAVE COUNT) ALL")
    for sources in ("personal", "selected personal", "mailboxes folder1"):
        assert b"BAD" in client.do("ESEARCH IN (%s) RETURN (SAVE) ALL" % sources)[0]
    client.send(b"u ESEARCH IN (personal) RETURN (UPDATE COUNT) FLAGGED\r\n")
    client.until(b"u")
    two = imap(account, "folder1")
    two.ok("STORE 1 +FLAGS (\\Flagged)")
    two.ok("SELECT folder3")
    two.ok("STORE 1 +FLAGS (\\Flagged)")
    assert [line for line in client.ok("NOOP") if b"ESEARCH" in line] == [b'* ESEARCH (TAG "u") UID ADDTO (0 1)\r\n']
    assert any(b"NO [NOUPDATE" in line for line in client.ok("ESEARCH IN (mailboxes folder3) RETURN (UPDATE) ALL"))
    client.ok("UNSELECT")
    assert b"BAD" in client.do("ESEARCH IN (personal) RETURN (UPDATE) ALL")[0]


def test_forbidden_forms(client):
    client.ok("SELECT folder1")
    for bad in ("", "IN", "IN personal ALL", "IN () ALL", "IN (nosuch) ALL", "IN (selected-delayed) ALL", "IN (subtree) ALL", "IN (mailboxes (a) ALL",
                "IN (personal)", "IN (personal (x y)) ALL", "IN (personal) RETURN (NOSUCH) ALL", "IN (personal) NOSUCH", "RETURN (COUNT) IN (personal) ALL",
                "IN (%s) ALL" % " ".join(["personal"] * 65), "IN (mailboxes (%s)) ALL" % " ".join("m%d" % n for n in range(257))):
        status, untagged = client.do("ESEARCH " + bad)
        assert status.split()[1] == b"BAD" and untagged == [], bad
        client.ok("NOOP")
    client.ok("ENABLE UIDONLY")
    assert b"BAD [UIDREQUIRED]" in client.do("ESEARCH IN (personal) 1:2")[0]
    assert answers(client.ok("ESEARCH IN (selected) UID 1:2")) == {"folder1": "ALL 1:2"}


def test_other_accounts_are_not_searched(client, other):
    fill(imap(other), [message("chad")])
    assert answers(imap(other).ok("ESEARCH IN (personal subtree folder2 mailboxes folder1) SUBJECT chad")) == {"INBOX": "ALL 1"}


def test_what_others_share_is_searched_where_it_may_be_read(client, account, other):
    guest = imap(other)
    for mailbox, rights in (("folder1", "lr"), ("folder2/banana", "l"), ("folder2/peach/deep", "lr"), ("folder3", "r")):
        client.ok('SETACL %s "%s" %s' % (mailbox, other.user, rights))
    prefix = "Other Users/%s/" % account.user

    def found(sources):
        return sorted(name.removeprefix(prefix) for name in answers(guest.ok("ESEARCH IN (%s) SUBJECT chad" % sources)))

    assert found("personal") == []
    assert found('subtree "Other Users"') == ["folder1", "folder2/peach/deep"]  # folder3 isn't listed, banana not read
    assert found('mailboxes ("%sfolder1" "%sfolder3" "%sfolder2/banana" "%sfolder2")' % ((prefix,) * 4)) == ["folder1", "folder3"]
    guest.ok('SUBSCRIBE "%sfolder1"' % prefix)
    assert found("subscribed") == ["folder1"]
    guest.ok('SELECT "%sfolder1"' % prefix)
    assert found("selected subscribed") == ["folder1"]
    guest.ok('SELECT "%sfolder3"' % prefix)
    assert found("selected") == ["folder3"]
