"""IMAP4rev2 (RFC 9051) beside IMAP4rev1: a client that enables it gets the newer forms, everybody else the old ones."""

import re
import unicodedata

from conftest import message
from mailboxview import fetched
from raw import Imap, imap
from test_imap import append

NFC = "Grüße".encode()
NFD = unicodedata.normalize("NFD", "Grüße").encode()
UTF7 = b"Gr&APwA3w-e"


def enabled(account, select=None):
    client = imap(account)
    assert client.ok("ENABLE IMAP4rev2") == [b"* ENABLED IMAP4rev2\r\n"]
    if select:
        client.ok("SELECT " + select)
    return client


def kinds(untagged):
    return [re.sub(rb"^\* (OK \[)?(\d+ )?([A-Z]+).*", rb"\3", line, flags=re.S) for line in untagged]


def test_it_is_announced_before_login_and_after(account):
    client = Imap(account.instance.ports["imap"])
    assert {b"IMAP4rev1", b"IMAP4rev2"} <= set(re.split(rb"[ \]]", client.greeting))
    client.ok('LOGIN "%s" "%s"' % (account.user, account.password))
    words = set(client.ok("CAPABILITY")[0].split())
    # What it is made of (RFC 9051 E) is there for clients of IMAP4rev1 by its old names.
    assert {b"IMAP4rev1", b"IMAP4rev2", b"NAMESPACE", b"UNSELECT", b"UIDPLUS", b"ESEARCH", b"SEARCHRES", b"ENABLE", b"IDLE", b"LIST-EXTENDED",
            b"LIST-STATUS", b"MOVE", b"LITERAL+", b"BINARY", b"SPECIAL-USE", b"STATUS=SIZE"} <= words


def test_select_tells_a_list_and_neither_recent_nor_unseen(account):
    client = enabled(account)
    append(client, message())
    untagged = client.ok("SELECT INBOX")
    assert b"RECENT" not in kinds(untagged) and b"UNSEEN" not in kinds(untagged)
    assert b'* LIST (\\Subscribed) "/" "INBOX"\r\n' in untagged
    assert {b"EXISTS", b"FLAGS", b"PERMANENTFLAGS", b"UIDNEXT", b"UIDVALIDITY"} <= set(kinds(untagged))
    assert untagged[0].startswith(b"* FLAGS")
    untagged = client.ok("EXAMINE Drafts")
    assert untagged[0].startswith(b"* OK [CLOSED]")
    assert any(re.match(rb'\* LIST \((\\Subscribed )?\\Drafts\) "/" "Drafts"\r\n', line) for line in untagged)


def test_without_it_select_is_that_of_rev1(account):
    client = imap(account)
    append(client, message())
    found = kinds(client.ok("SELECT INBOX"))
    assert b"RECENT" in found and b"UNSEEN" in found and b"LIST" not in found


def test_new_mail_is_told_without_recent_and_flags_with_a_uid(account):
    client, other = enabled(account, "INBOX"), imap(account, "INBOX")
    append(other, message())
    assert client.ok("NOOP") == [b"* 1 EXISTS\r\n"]
    other.ok("STORE 1 +FLAGS (\\Seen)")
    assert fetched(client.ok("NOOP")) == {1: {"UID": 1, "FLAGS": frozenset({b"\\Seen"})}}


def test_search_answers_with_esearch(account):
    client = enabled(account, "INBOX")
    for _ in range(3):
        append(client, message())
    assert client.ok("SEARCH ALL") == [b'* ESEARCH (TAG "t%d") ALL 1:3\r\n' % client.count]
    assert client.ok("UID SEARCH 2") == [b'* ESEARCH (TAG "t%d") UID ALL 2\r\n' % client.count]
    assert client.ok("UID SEARCH SEEN") == [b'* ESEARCH (TAG "t%d") UID\r\n' % client.count]
    assert client.ok("SEARCH RETURN (SAVE) 2:3") == [] and len(fetched(client.ok("FETCH $ (UID)"))) == 2
    assert client.ok("SEARCH RETURN (COUNT) ALL") == [b'* ESEARCH (TAG "t%d") COUNT 3\r\n' % client.count]
    assert imap(account, "INBOX").ok("SEARCH ALL") == [b"* SEARCH 1 2 3\r\n"]


def test_names_are_utf_8(account):
    client, old = enabled(account), imap(account)
    client.ok(b'CREATE "' + NFC + b'"')
    assert client.ok('LIST "" "Gr*"') == [b'* LIST (\\HasNoChildren) "/" "' + NFC + b'"\r\n']
    assert client.ok(b'LIST "" "' + NFC + b'"') == [b'* LIST (\\HasNoChildren) "/" "' + NFC + b'"\r\n']
    assert client.ok(b'STATUS "' + NFC + b'" (MESSAGES)') == [b'* STATUS "' + NFC + b'" (MESSAGES 0)\r\n']
    assert old.ok('LIST "" "Gr*"') == [b'* LIST (\\HasNoChildren) "/" ' + UTF7 + b"\r\n"]
    old.ok(b"SELECT " + UTF7)
    # "&" is a letter like any other now.
    client.ok('CREATE "A&B"')
    assert client.ok('LIST "" "A*"')[0] == b'* LIST (\\HasNoChildren) "/" "A&B"\r\n'
    assert old.ok('LIST "" "A&-B"') == [b'* LIST (\\HasNoChildren) "/" A&-B\r\n']
    assert client.do(b"SELECT " + UTF7)[0].split(b" ", 1)[1].startswith(b"NO [NONEXISTENT]")


def test_what_is_no_utf_8_is_no_name(account):
    client = enabled(account)
    for bad in (b"\xff\xfe", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf"):
        assert client.do(b'CREATE "' + bad + b'"')[0].split()[1] == b"BAD"
        literal = b"{%d+}\r\n%s" % (len(bad), bad)
        assert b" NO [CANNOT]" in client.do(b"CREATE " + literal)[0]
        assert b" NO [NONEXISTENT]" in client.do(b"SELECT " + literal)[0]
        assert client.ok(b'LIST "" ' + literal) == []


def test_a_name_that_was_converted_is_told_with_its_old_form(account):
    client = enabled(account)
    assert NFC != NFD
    # RFC 9051 6.3.4, the example's third command.
    assert client.ok(b'CREATE "' + NFD + b'"') == [b'* LIST () "/" "' + NFC + b'" ("OLDNAME" ("' + NFD + b'"))\r\n']
    lines = client.ok(b'SELECT "' + NFD + b'"')
    assert b'* LIST () "/" "' + NFC + b'" ("OLDNAME" ("' + NFD + b'"))\r\n' in lines
    client.ok("UNSELECT")
    lines = client.ok(b'RENAME "' + NFC + b'" "' + NFD + b'2"')
    assert lines == [b'* LIST () "/" "' + NFC + b'2" ("OLDNAME" ("' + NFC + b'"))\r\n']
    lines = client.ok(b'DELETE "' + NFD + b'2"')
    assert lines == [b'* LIST (\\NonExistent) "/" "' + NFC + b'2" ("OLDNAME" ("' + NFD + b'2"))\r\n']
    # Nothing is told if nothing was converted, nor to a client of IMAP4rev1.
    assert client.ok("CREATE plain") == [] and client.ok("CREATE level/") == []
    assert client.ok("RENAME plain plain2") == [] and client.ok("DELETE plain2") == []


def test_status_counts_octets_and_what_is_marked_deleted(account):
    client = enabled(account, "INBOX")
    octets = message()
    append(client, octets)
    append(client, octets, flags="\\Deleted")
    assert client.ok("STATUS INBOX (MESSAGES UNSEEN DELETED SIZE)") == [
        b'* STATUS "INBOX" (MESSAGES 2 UNSEEN 2 DELETED 1 SIZE %d)\r\n' % (2 * len(octets))]


def test_failures_name_their_reason(account):
    """The codes of RFC 5530 that RFC 9051 7.1 took over."""
    client = enabled(account, "INBOX")
    append(client, message())
    for command, code in (("SELECT nowhere", b"NONEXISTENT"), ("CREATE Drafts", b"ALREADYEXISTS"), ("COPY 1 nowhere", b"TRYCREATE"),
                          ("DELETE INBOX", b"CANNOT"), ("RENAME nowhere somewhere", b"NONEXISTENT"), ("STATUS nowhere (UIDNEXT)", b"NONEXISTENT")):
        status = client.do(command)[0]
        assert status.split()[1] == b"NO" and b"[" + code + b"]" in status, (command, status)
        if command.startswith("SELECT"):
            client.ok("SELECT INBOX")


def test_move_and_copy_tell_their_uids(account):
    client = enabled(account, "INBOX")
    for _ in range(2):
        append(client, message())
    status, untagged = client.do("COPY 1 Archive")
    assert re.search(rb"OK \[COPYUID \d+ 1 1\]", status)
    status, untagged = client.do("MOVE 2 Archive")
    assert any(re.search(rb"OK \[COPYUID \d+ 2 2\]", line) for line in (status, *untagged))
    assert b"* 2 EXPUNGE\r\n" in untagged
