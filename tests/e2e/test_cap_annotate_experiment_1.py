"""ANNOTATE-EXPERIMENT-1 (RFC 5257): annotations of messages; QUOTA=RES-ANNOTATION-STORAGE (RFC 9208 5.4)."""

import re

import pytest

from conftest import message, new_account
from raw import imap
from test_acl_copy import two  # noqa: F401
from test_imap import append

MULTIPART = (b"Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n"
             b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ntwo\r\n--c--\r\n--b--\r\n")


def filled(account, count=3, parameter=""):
    client = imap(account)
    for n in range(count):
        append(client, message("number %d" % n, "words\r\n"))
    client.ok("SELECT INBOX" + parameter)
    return client


def fetch(client, what, number="1"):
    return b"".join(client.ok("FETCH %s (ANNOTATION %s)" % (number, what)))


def outcome(client, command):
    status = client.do(command)[0].decode()
    return re.sub(r"^\S+ ((?:OK|NO|BAD)(?: \[[^\]]*\])?).*\r\n", r"\1", status)


def usage(client):
    return [int(n) for n in re.search(rb"ANNOTATION-STORAGE (\d+) (\d+)\)", client.ok("GETQUOTA account")[0]).groups()]


def annotations(row):
    found = re.search(rb" ANNOTATION \(([^)]*)\)", row)
    return found and sorted(found.group(1).split())


# ---- the examples of the RFC ----


def test_it_is_announced(account):
    words = set(b" ".join(imap(account).ok("CAPABILITY")).split())
    assert {b"ANNOTATE-EXPERIMENT-1", b"QUOTA=RES-ANNOTATION-STORAGE", b"RIGHTS=texkn"} <= words


def test_select_tells_what_is_supported(account):
    """4.1, 4.2"""
    client = imap(account)
    for command, expected in (("SELECT INBOX (ANNOTATE)", b"* OK [ANNOTATIONS 16384]"), ("SELECT INBOX", b"* OK [ANNOTATIONS 16384]"),
                              ("SELECT INBOX (CONDSTORE ANNOTATE)", b"* OK [ANNOTATIONS 16384]"), ("EXAMINE INBOX (ANNOTATE)", b"* OK [ANNOTATIONS READ-ONLY]")):
        assert [row for row in client.ok(command) if row.startswith(expected)], command


def test_fetch_of_both_sides(account):
    """4.3, 4.4"""
    client = filled(account)
    assert client.ok('STORE 1 ANNOTATION (/comment (value.priv "My comment" value.shared "Group note"))') == []
    assert fetch(client, "(/comment value)") == b'* 1 FETCH (ANNOTATION (/comment (value.priv "My comment" value.shared "Group note")))\r\n'
    client.ok("STORE 1 ANNOTATION (/comment (value.shared NIL))")
    assert fetch(client, "(/comment value)") == b'* 1 FETCH (ANNOTATION (/comment (value.priv "My comment" value.shared NIL)))\r\n'
    client.ok('STORE 1 ANNOTATION (/altsubject (value.priv "My subject"))')
    assert fetch(client, "((/comment /altsubject) value)") == (b'* 1 FETCH (ANNOTATION (/comment (value.priv "My comment" value.shared NIL) '
                                                               b'/altsubject (value.priv "My subject" value.shared NIL)))\r\n')
    assert fetch(client, "(/comment (value size))") == (b'* 1 FETCH (ANNOTATION (/comment (value.priv "My comment" value.shared NIL '
                                                        b'size.priv "10" size.shared "0")))\r\n')


def test_fetch_with_wildcards(account):
    """4.3"""
    client = filled(account)
    client.ok('STORE 1 ANNOTATION (/comment (value.priv "My comment") /altsubject (value.priv "Rhinoceroses!") /vendor/foobar/label.priv (value.priv "label43") '
              '/vendor/foobar/personality (value.priv "Tallulah Bankhead"))')
    [row] = client.ok("UID FETCH 1 (UID ANNOTATION (/* (value.priv size.priv)))")
    assert row.startswith(b"* 1 FETCH (UID 1 ANNOTATION (") and row.endswith(b")))\r\n")
    assert dict(re.findall(rb'(/\S+) \(value.priv ("[^"]*" size.priv "\d+")\)', row)) == {
        b"/comment": b'"My comment" size.priv "10"', b"/altsubject": b'"Rhinoceroses!" size.priv "13"', b"/vendor/foobar/label.priv": b'"label43" size.priv "7"',
        b"/vendor/foobar/personality": b'"Tallulah Bankhead" size.priv "17"'}
    client.ok('STORE 1 ANNOTATION (/comment (value.shared "Patch Mangler") /altsubject (value.shared "Patches?  We don\'t need no steenkin patches!"))')
    row = fetch(client, "(/% value.shared)")
    assert sorted(re.findall(rb'(/\S+) \(value.shared "([^"]*)"\)', row)) == [(b"/altsubject", b"Patches?  We don't need no steenkin patches!"), (b"/comment", b"Patch Mangler")]
    assert fetch(client, "((/comment /altsubject) value.priv)") == b'* 1 FETCH (ANNOTATION (/comment (value.priv "My comment") /altsubject (value.priv "Rhinoceroses!")))\r\n'
    assert fetch(client, "((/comment /c*) value.priv)") == b'* 1 FETCH (ANNOTATION (/comment (value.priv "My comment")))\r\n'


def test_store_of_several_entries_and_attributes(account):
    """4.5"""
    client = filled(account)
    assert client.ok('STORE 1 ANNOTATION (/comment (value.priv "My new comment"))') == []
    client.ok('STORE 1 ANNOTATION (/comment (value.priv "Get tix Tuesday") /altsubject (value.priv "Wots On"))')
    assert b'"Get tix Tuesday"' in fetch(client, "(/comment value)") and b'"Wots On"' in fetch(client, "(/altsubject value)")
    client.ok('STORE 1:3 ANNOTATION (/comment (value.priv "My new comment" value.shared "foo\'s bar"))')
    for n in "123":
        assert fetch(client, "(/comment value)", n) == b'* %s FETCH (ANNOTATION (/comment (value.priv "My new comment" value.shared "foo\'s bar")))\r\n' % n.encode()


def test_append_with_annotations(account):
    """4.7"""
    client = imap(account)
    octets = message("later", "words\r\n")
    client.send(b"a APPEND Drafts ANNOTATION (/comment (value.priv \"Don't send until I say so\")) {%d}\r\n" % len(octets))
    assert client.line().startswith(b"+")
    client.send(octets + b"\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")
    client.send(b'a APPEND Drafts (\\Seen) "24-Nov-2026 02:40:40 +0100" ANNOTATION (/comment (value.priv {5+}\r\nfirst value.shared ~{3}\r\n')
    assert client.line().startswith(b"+")
    client.send(b"a\0b) /altsubject (value.priv {2+}\r\n)()) {%d+}\r\n%s ANNOTATION (/comment (value.shared \"second)\\\"\")) {%d+}\r\n%s\r\n" % (len(octets), octets, len(octets), octets))
    assert b"APPENDUID" in client.until(b"a")[0]
    client.ok("SELECT Drafts")
    assert fetch(client, "(/comment value.priv)") == b"* 1 FETCH (ANNOTATION (/comment (value.priv \"Don't send until I say so\")))\r\n"
    assert fetch(client, "(/comment value)", "2") == b'* 2 FETCH (ANNOTATION (/comment (value.priv "first" value.shared ~{3}\r\na\0b)))\r\n'
    assert fetch(client, "(/altsubject value.priv)", "2") == b'* 2 FETCH (ANNOTATION (/altsubject (value.priv ")(")))\r\n'
    assert fetch(client, "(/comment value.shared)", "3") == b'* 3 FETCH (ANNOTATION (/comment (value.shared "second)\\"")))\r\n'
    assert b"\\Seen" in client.ok("FETCH 2 FLAGS")[0]


def test_search(account):
    """4.8"""
    client = filled(account, 6)
    client.ok('STORE 2,3 ANNOTATION (/comment (value.priv "about imap4rev1"))')
    client.ok('STORE 5 ANNOTATION (/comment (value.shared "IMAP4 too"))')
    client.ok('STORE 6 ANNOTATION (/vendor/x/y (value.priv "IMAP4 once more"))')
    client.send('a STORE 6 ANNOTATION (/altsubject (value.shared {5+}\r\n\u00e4 \u00c4))\r\n'.encode())
    assert client.until(b"a")[0].startswith(b"a OK")

    def found(keys):
        return [int(n) for n in b"".join(client.ok("SEARCH " + keys)).split()[2:]]

    assert found('ANNOTATION /comment value "IMAP4"') == [2, 3, 5]
    assert found('ANNOTATION * value.priv "IMAP4"') == [2, 3, 6]
    assert found('ANNOTATION /% value "imap4"') == [2, 3, 5]
    assert found('ANNOTATION /comment value.shared "imap4"') == [5]
    assert found('NOT ANNOTATION /* value "IMAP4" 2:4') == [4]
    assert found('OR ANNOTATION /comment value.shared "too" SUBJECT "number 0"') == [1, 5]
    assert found('ANNOTATION /comment value ""') == [2, 3, 5]
    assert found("ANNOTATION /comment value NIL") == [1, 4, 6]
    assert found('ANNOTATION /none value "x"') == []
    client.send('a SEARCH CHARSET UTF-8 ANNOTATION /altsubject value {2+}\r\n\u00c4\r\n'.encode())
    assert client.until(b"a")[1] == [b"* SEARCH 6\r\n"]
    client.send(b'a SEARCH CHARSET ISO-8859-1 ANNOTATION /altsubject value {1+}\r\n\xc4\r\n')
    assert client.until(b"a")[1] == [b"* SEARCH 6\r\n"]
    assert client.ok('ESEARCH IN (personal) RETURN (COUNT) ANNOTATION /comment value "IMAP4"')[0].endswith(b"UID COUNT 3\r\n")
    for bad in ('ANNOTATION /comment size "3"', 'ANNOTATION /comment value.other "x"', 'ANNOTATION comment value "x"', "ANNOTATION /comment value", 'ANNOTATION //x value "x"'):
        assert outcome(client, "SEARCH " + bad) == "BAD", bad


def test_a_search_that_lasts_follows_annotations(account):
    client, other = filled(account), imap(account, "INBOX")
    client.ok('STORE 1 ANNOTATION (/comment (value.priv "yes"))')
    client.ok('SEARCH RETURN (UPDATE COUNT) ANNOTATION /comment value.priv "yes"')
    other.ok('STORE 3 ANNOTATION (/comment (value.priv "yes"))')
    assert [row for row in client.ok("NOOP") if b"ADDTO (0 3)" in row]
    other.ok("STORE 1 ANNOTATION (/comment (value.priv NIL))")
    assert [row for row in client.ok("NOOP") if b"REMOVEFROM (0 1)" in row]


def test_sort(account):
    """4.9"""
    client = filled(account, 5)
    for number, subject in ((1, "delta"), (2, "Alpha"), (4, "charlie"), (5, "Bravo")):
        client.ok('STORE %d ANNOTATION (/altsubject (value.shared "%s" value.priv "%d"))' % (number, subject, number % 3))
    assert client.ok("SORT (ANNOTATION /altsubject value.shared) UTF-8 ALL") == [b"* SORT 3 2 5 4 1\r\n"]
    assert client.ok("SORT (REVERSE ANNOTATION /altsubject value.shared) UTF-8 ALL") == [b"* SORT 1 4 5 2 3\r\n"]
    assert client.ok("SORT (ANNOTATION /altsubject value.priv REVERSE ANNOTATION /altsubject value.shared) UTF-8 ALL") == [b"* SORT 3 1 4 5 2\r\n"]
    assert client.ok("SORT (ANNOTATION /altsubject value.shared SUBJECT) UTF-8 1:2") == [b"* SORT 2 1\r\n"]
    for bad in ("ANNOTATION /altsubject value", "ANNOTATION /altsubject size.priv", "ANNOTATION /* value.priv", "ANNOTATION /altsubject", "ANNOTATION"):
        assert outcome(client, "SORT (%s) UTF-8 ALL" % bad) == "BAD", bad
    status, told = client.do("SORT RETURN (UPDATE COUNT) (ANNOTATION /altsubject value.shared) UTF-8 ALL")
    assert b" OK" in status and [row for row in told if b"NOUPDATE" in row]


# ---- other sessions ----


def test_sessions_with_annotate_are_told_the_names_of_what_changed(account):
    """4.4"""
    first, plain = filled(account, 3, " (ANNOTATE)"), imap(account, "INBOX")
    second = imap(account)
    second.ok("SELECT INBOX (ANNOTATE)")
    second.ok('STORE 1 ANNOTATION (/comment (value.shared "secret") /altsubject (value.priv "x"))')
    assert second.ok("NOOP") == []
    told = first.ok("STORE 1 +FLAGS (\\Seen)")
    assert b"secret" not in b"".join(told)
    assert [annotations(row) for row in told if b"ANNOTATION" in row] == [[b"/altsubject", b"/comment"]]
    told = plain.ok("NOOP")
    assert told and b"ANNOTATION" not in b"".join(told)
    second.ok("STORE 1 ANNOTATION (/comment (value.shared NIL))")
    assert [annotations(row) for row in first.ok("NOOP")] == [[b"/comment"]]
    assert first.ok("NOOP") == []
    first.ok("SELECT INBOX")  # the parameter holds for one SELECT
    second.ok('STORE 1 ANNOTATION (/comment (value.shared "y"))')
    assert b"ANNOTATION" not in b"".join(first.ok("NOOP"))
    first.ok("ENABLE CONDSTORE")
    first.ok("SELECT INBOX (ANNOTATE)")
    second.ok('STORE 2:3 ANNOTATION (/comment (value.shared "z"))')
    rows = first.ok("NOOP")
    assert len(rows) == 2 and all(re.match(rb"\* \d FETCH \(UID \d FLAGS \([^)]*\) MODSEQ \(\d+\) ANNOTATION \(/comment\)\)\r\n$", row) for row in rows)


def test_in_idle_too(account):
    first, second = filled(account, 2, " (ANNOTATE)"), imap(account, "INBOX")
    first.send(b"i IDLE\r\n")
    assert first.line().startswith(b"+")
    second.ok('STORE 2 ANNOTATION (/vendor/v/k (value.priv "x"))')
    assert annotations(first.response()) == [b"/vendor/v/k"]
    first.send(b"DONE\r\n")
    assert first.until(b"i")[0].startswith(b"i OK")


def test_notify_of_annotationchange(account):
    """RFC 5465 5.1"""
    first, second = filled(account, 2), imap(account, "INBOX")
    first.ok("NOTIFY SET (selected (MessageNew MessageExpunge AnnotationChange))")
    second.ok("STORE 1 +FLAGS (\\Flagged)")
    second.ok('STORE 2 ANNOTATION (/comment (value.shared "x"))')
    assert first.ok("NOOP") == [b"* 2 FETCH (UID 2 ANNOTATION (/comment))\r\n"]
    first.ok("NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))")
    first.ok("SELECT INBOX (ANNOTATE)")
    second.ok('STORE 2 ANNOTATION (/comment (value.shared "y"))')
    assert b"ANNOTATION" not in b"".join(first.ok("NOOP"))
    first.ok("ENABLE CONDSTORE")
    first.ok("NOTIFY SET (mailboxes Archive (MessageNew MessageExpunge AnnotationChange))")
    append(second, message("there"), mailbox="Archive")
    first.ok("NOOP")
    second.ok("SELECT Archive")
    second.ok('STORE 1 ANNOTATION (/comment (value.shared "y"))')
    assert [row for row in first.ok("NOOP") if row.startswith(b"* STATUS Archive (HIGHESTMODSEQ ")]
    assert outcome(first, "NOTIFY SET (selected (AnnotationChange))") == "BAD"


def test_condstore(account):
    """4.5, RFC 7162"""
    client = filled(account)
    client.ok("ENABLE CONDSTORE")
    before = int(re.search(rb"MODSEQ \((\d+)\)", client.ok("FETCH 1 (MODSEQ)")[0]).group(1))
    [row] = client.ok('STORE 1 (UNCHANGEDSINCE %d) ANNOTATION (/comment (value.priv "x"))' % before)
    after = int(re.match(rb"\* 1 FETCH \(UID 1 MODSEQ \((\d+)\)\)\r\n$", row).group(1))
    assert after > before
    assert outcome(client, 'STORE 1 (UNCHANGEDSINCE %d) ANNOTATION (/comment (value.priv "y"))' % before) == "OK [MODIFIED 1]"
    assert b'"x"' in fetch(client, "(/comment value)")
    assert client.ok('STORE 1 ANNOTATION (/comment (value.priv "x"))') == []
    assert [row.split()[1] for row in client.ok("FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % (after - 1))] == [b"1"]


def test_qresync_hears_of_them(account):
    client, other = filled(account), imap(account)
    other.ok("ENABLE QRESYNC")
    rows = b"".join(other.ok("SELECT INBOX"))
    uidvalidity, modseq = re.search(rb"UIDVALIDITY (\d+)", rows).group(1), re.search(rb"HIGHESTMODSEQ (\d+)", rows).group(1)
    other.ok("UNSELECT")
    client.ok('STORE 2 ANNOTATION (/comment (value.priv "x"))')
    rows = other.ok("SELECT INBOX (QRESYNC (%d %d) ANNOTATE)" % (int(uidvalidity), int(modseq)))
    assert [row for row in rows if row.startswith(b"* 2 FETCH (UID 2 ")]


# ---- what can't be ----


def test_values_and_messages_have_limits(account):
    client = filled(account)
    value = "x" * 16384
    assert outcome(client, "STORE 1 ANNOTATION (/comment (value.priv {16384+}\r\n%s))" % value) == "OK"
    assert outcome(client, 'STORE 1 ANNOTATION (/altsubject (value.priv "x") /comment (value.priv {16385+}\r\nx%s))' % value) == "NO [ANNOTATE TOOBIG]"
    assert fetch(client, "(/altsubject value.priv)") == b"* 1 FETCH (ANNOTATION (/altsubject (value.priv NIL)))\r\n"
    assert fetch(client, "(/comment size.priv)") == b'* 1 FETCH (ANNOTATION (/comment (size.priv "16384")))\r\n'
    client.ok("STORE 1 ANNOTATION (%s)" % " ".join('/vendor/v/%d (value.priv "x")' % n for n in range(31)))
    assert outcome(client, 'STORE 1:2 ANNOTATION (/vendor/v/0 (value.priv "changed") /vendor/v/more (value.priv "x"))') == "NO [ANNOTATE TOOMANY]"
    assert b"changed" not in fetch(client, "(/* value)", "1:2")
    octets = message("s")
    client.send(b"a APPEND INBOX ANNOTATION (/comment (value.priv {16385+}\r\nx%s)) {%d+}\r\n%s\r\n" % (value.encode(), len(octets), octets))
    assert client.until(b"a")[0].startswith(b"a NO [ANNOTATE TOOBIG]")
    client.send(b"a APPEND INBOX ANNOTATION (%s) {%d+}\r\n%s\r\n" % (b" ".join(b'/vendor/v/%d (value.priv "x")' % n for n in range(33)), len(octets), octets))
    assert client.until(b"a")[0].startswith(b"a NO [ANNOTATE TOOMANY]")
    assert b"EXISTS" not in b"".join(client.ok("NOOP"))


@pytest.mark.parametrize("bad", [
    'STORE 1 ANNOTATION (/comment (value "x"))', 'STORE 1 ANNOTATION (/comment (size.priv "1"))', 'STORE 1 ANNOTATION (/flags/seen (value.priv "1"))',
    'STORE 1 ANNOTATION (comment (value.priv "x"))', 'STORE 1 ANNOTATION (/comment// (value.priv "x"))', 'STORE 1 ANNOTATION (/comment/ (value.priv "x"))',
    'STORE 1 ANNOTATION ("/*" (value.priv "x"))', "STORE 1 ANNOTATION ()", "STORE 1 ANNOTATION (/comment ())", 'STORE 1 +ANNOTATION (/comment (value.priv "x"))',
    'STORE 1 ANNOTATION (/0/comment (value.priv "x"))', 'STORE 1 ANNOTATION (//comment (value.priv "x"))', 'STORE 1 ANNOTATION (/9/comment (value.priv "x"))',
    'STORE 1 ANNOTATION (/1/flags/seen (value.priv "yes"))', "FETCH 1 (ANNOTATION)", "FETCH 1 (ANNOTATION (/comment))", "FETCH 1 (ANNOTATION (/comment nothing))",
    "FETCH 1 (ANNOTATION (/comment value)", "FETCH 1 (ANNOTATION (/2/comment value))", "FETCH 1 (ANNOTATION (/1./comment value))", "SELECT INBOX (ANNOTATED)"])
def test_what_is_malformed_is_bad(account, bad):
    client = filled(account, 1)
    assert outcome(client, bad) == "BAD"
    client.ok("NOOP")


def test_bad_annotations_of_append_lose_nothing_behind_them(account):
    client = imap(account)
    for bad in ('/comment (value "x")', "/comment (value.priv {3+}\r\na)b"):
        client.send(b"a APPEND INBOX ANNOTATION (%s) {4+}\r\nx: y\r\nb NOOP\r\n" % bad.encode())
        assert client.until(b"a")[0].startswith(b"a BAD")
        assert client.until(b"b")[0].startswith(b"b OK")
    assert b"MESSAGES 0)" in client.ok("STATUS INBOX (MESSAGES)")[0]


def test_parts(account):
    """3.2.1"""
    client = imap(account)
    append(client, MULTIPART)
    append(client, message("one part"))
    client.ok("SELECT INBOX")
    client.ok('STORE 1 ANNOTATION (/2.1/comment (value.priv "the inner one") /1/flags/seen (value.shared "1") /2/vendor/v (value.priv "x"))')
    assert fetch(client, "(/2.1/comment value.priv)") == b'* 1 FETCH (ANNOTATION (/2.1/comment (value.priv "the inner one")))\r\n'
    assert fetch(client, "(/1/flags/* value.shared)") == b'* 1 FETCH (ANNOTATION (/1/flags/seen (value.shared "1")))\r\n'
    assert fetch(client, "(/%/comment value.priv)") == b'* 1 FETCH (ANNOTATION (/2.1/comment (value.priv "the inner one")))\r\n'
    client.ok('STORE 2 ANNOTATION (/1/comment (value.priv "x"))')
    assert outcome(client, 'STORE 1:2 ANNOTATION (/2/comment (value.priv "x"))') == "BAD"
    assert fetch(client, "(/2/comment value.priv)") == b"* 1 FETCH (ANNOTATION (/2/comment (value.priv NIL)))\r\n"
    client.send(b'a APPEND INBOX ANNOTATION (/2/comment (value.priv "x")) {4+}\r\nx: y\r\nb NOOP\r\n')
    assert client.until(b"a")[0].startswith(b"a BAD") and client.until(b"b")[0].startswith(b"b OK")


def test_a_message_without_any_has_no_response(account):
    client = filled(account)
    client.ok('STORE 2 ANNOTATION (/comment (value.priv "x"))')
    assert [row.split()[1] for row in client.ok("FETCH 1:3 (ANNOTATION (/* value))")] == [b"2"]
    assert client.ok("FETCH 1 (ANNOTATION (/* value) UID ANNOTATION (* size) FLAGS)") == [b"* 1 FETCH (UID 1 FLAGS ())\r\n"]
    assert client.ok("FETCH 1 (ANNOTATION (/* value) BODY[TEXT])")[0].startswith(b"* 1 FETCH (FLAGS (\\Seen) BODY[TEXT] ")
    assert client.ok("FETCH 2 (UID ANNOTATION (/* value.priv) ENVELOPE)")[0].startswith(b'* 2 FETCH (UID 2 ANNOTATION (/comment (value.priv "x")) ENVELOPE (')


def test_examine_reads_alone(account):
    client = filled(account)
    client.ok('STORE 1 ANNOTATION (/comment (value.priv "x"))')
    client.ok("EXAMINE INBOX")
    assert b'"x"' in fetch(client, "(/comment value)")
    assert outcome(client, 'STORE 1 ANNOTATION (/comment (value.priv "y"))').startswith("NO")


# ---- with the message ----


def test_copy_and_move_take_them_along(account):
    """4.6"""
    client = filled(account)
    client.ok('STORE 2 ANNOTATION (/comment (value.priv "mine" value.shared "ours"))')
    client.ok("COPY 1:3 Archive")
    client.ok("MOVE 2 Junk")
    for mailbox, number in (("Archive", "2"), ("Junk", "1")):
        client.ok("SELECT " + mailbox)
        assert b'(value.priv "mine" value.shared "ours")' in fetch(client, "(/comment value)", number)
    client.ok("SELECT INBOX")
    assert client.ok("FETCH 1:* (ANNOTATION (/* value))") == []
    assert account.instance.command("check").returncode == 0


def test_they_go_with_the_message_and_come_back_with_it(account):
    client = filled(account)
    client.ok('STORE 2 ANNOTATION (/comment (value.priv "still there"))')
    assert usage(client)[0] == 1
    client.ok("STORE 2 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    assert usage(client)[0] == 0
    assert account.instance.command("undelete", account.user, "--restore").returncode == 0
    client.ok("NOOP")
    assert b"still there" in fetch(client, "(/comment value)", "3")
    assert usage(client)[0] == 1
    client.ok("CREATE gone")
    client.ok("COPY 3 gone")
    client.ok("DELETE gone")
    assert account.instance.command("check").returncode == 0


def test_a_session_that_still_counts_a_message_reads_them(account):
    client, other = filled(account), imap(account, "INBOX")
    client.ok('STORE 2 ANNOTATION (/comment (value.priv "x"))')
    other.ok("NOOP")
    client.ok("STORE 2 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    assert b'"x"' in b"".join(other.do("FETCH 2 (ANNOTATION (/comment value))")[1])


def test_renaming_the_mailbox_and_inbox(account):
    client = filled(account)
    client.ok('STORE 1 ANNOTATION (/comment (value.priv "x"))')
    client.ok("RENAME INBOX moved")
    client.ok("RENAME moved again")
    client.ok("SELECT again")
    assert b'"x"' in fetch(client, "(/comment value)")


def test_they_survive_a_restart(own_server):
    instance = own_server()
    account = new_account(instance)
    client = filled(account)
    client.ok('STORE 1 ANNOTATION (/comment (value.priv "still there"))')
    instance.kill()
    instance.start()
    assert b"still there" in fetch(imap(account, "INBOX"), "(/comment value)")
    assert instance.command("check").returncode == 0


# ---- shared mailboxes ----


def test_rights(two):  # noqa: F811
    """3.4"""
    two.grant("lr")
    two.owner.ok("SELECT Project")
    two.owner.ok('STORE 1 ANNOTATION (/comment (value.priv "owner\'s" value.shared "all"))')
    status, told = two.guest.do('SELECT "%s" (ANNOTATE)' % two.name.strip('"'))
    assert b"OK [READ-ONLY]" in status and b"[ANNOTATIONS 16384]" in b"".join(told)
    assert fetch(two.guest, "(/comment value)") == b'* 1 FETCH (ANNOTATION (/comment (value.priv NIL value.shared "all")))\r\n'
    two.guest.ok('STORE 1 ANNOTATION (/comment (value.priv "guest\'s"))')
    assert outcome(two.guest, 'STORE 1 ANNOTATION (/comment (value.priv "x" value.shared "y"))') == "NO [NOPERM]"
    assert fetch(two.guest, "(/comment value)") == b'* 1 FETCH (ANNOTATION (/comment (value.priv "guest\'s" value.shared "all")))\r\n'
    two.owner.ok("NOOP")
    assert fetch(two.owner, "(/comment value)") == b'* 1 FETCH (ANNOTATION (/comment (value.priv "owner\'s" value.shared "all")))\r\n'
    two.grant("lrn")
    assert b"READ-WRITE" in two.guest.do("SELECT " + two.name)[0]
    two.guest.ok('STORE 1 ANNOTATION (/comment (value.shared "guest\'s for all"))')
    two.owner.ok("NOOP")
    assert b"guest's for all" in fetch(two.owner, "(/comment value)")
    assert b"".join(two.owner.ok('SEARCH ANNOTATION * value "guest\'s"')).split()[2:] == [b"1"]
    assert b"".join(two.owner.ok('SEARCH ANNOTATION * value.priv "guest\'s"')).split()[2:] == []
    assert b"".join(two.guest.ok('SEARCH ANNOTATION * value.priv "owner\'s"')).split()[2:] == []


def test_names_of_what_is_private_are_not_told_to_others(two):  # noqa: F811
    two.grant("lrn")
    two.owner.ok("SELECT Project (ANNOTATE)")
    two.guest.ok("SELECT %s (ANNOTATE)" % two.name)
    two.guest.ok('STORE 1 ANNOTATION (/vendor/guest (value.priv "x"))')
    assert b"ANNOTATION" not in b"".join(two.owner.ok("NOOP"))
    two.guest.ok('STORE 1 ANNOTATION (/vendor/guest (value.shared "x"))')
    assert [annotations(row) for row in two.owner.ok("NOOP")] == [[b"/vendor/guest"]]


def test_append_and_copy_to_others(two):  # noqa: F811
    octets = message("s")
    two.grant("lri")
    two.guest.send(b'a APPEND %s ANNOTATION (/comment (value.shared "x")) {%d+}\r\n%s\r\n' % (two.name.encode(), len(octets), octets))
    assert two.guest.until(b"a")[0].startswith(b"a NO [NOPERM]")
    two.guest.send(b'a APPEND %s ANNOTATION (/comment (value.priv "x")) {%d+}\r\n%s\r\n' % (two.name.encode(), len(octets), octets))
    assert two.guest.until(b"a")[0].startswith(b"a OK")
    append(two.guest, octets)
    two.guest.ok("SELECT INBOX")
    two.guest.ok('STORE 1 ANNOTATION (/comment (value.priv "mine" value.shared "ours"))')
    two.guest.ok("COPY 1 " + two.name)
    two.grant("lrin")
    two.guest.ok("COPY 1 " + two.name)
    two.grant("lin")
    two.guest.ok("COPY 1 " + two.name)
    two.grant("lrin")
    two.guest.ok("SELECT " + two.name)
    exists = len(two.guest.ok("FETCH 1:* UID"))
    sides = [fetch(two.guest, "(/comment value)", str(n)).split(b"(value.priv ")[1][:-5] for n in range(exists - 3, exists + 1)]
    assert sides == [b'"x" value.shared NIL', b'"mine" value.shared NIL', b'"mine" value.shared "ours"', b'NIL value.shared "ours"']
    two.owner.ok("SELECT Project")
    assert b"mine" not in b"".join(two.owner.ok("FETCH 1:* (ANNOTATION (/* value))"))
    two.guest.ok("COPY %d INBOX" % (exists - 1))
    two.guest.ok("SELECT INBOX")
    assert b'(value.priv "mine" value.shared "ours")' in fetch(two.guest, "(/comment value)", "2")
    assert two.account.instance.command("check").returncode == 0


# ---- quota ----


def test_annotation_storage(own_server):
    """RFC 9208 5.4"""
    instance = own_server(settings={"quota.annotations": "64K"})
    account = new_account(instance)
    client = filled(account, 3)
    value = "x" * 16000
    assert usage(client) == [0, 64]
    for entry in ("/comment", "/altsubject", "/vendor/a"):
        client.ok("STORE 1 ANNOTATION (%s (value.priv {16000+}\r\n%s))" % (entry, value))
    assert usage(client) == [47, 64]
    assert outcome(client, "COPY 1 Archive") == "NO [OVERQUOTA]"
    assert outcome(client, "STORE 2:3 ANNOTATION (/comment (value.shared {16000+}\r\n%s))" % value) == "NO [OVERQUOTA]"
    assert client.ok("FETCH 2:3 (ANNOTATION (/* size))") == []
    client.send(b"a APPEND INBOX ANNOTATION (/comment (value.priv {16000+}\r\n%s) /altsubject (value.priv {16000+}\r\n%s)) {4+}\r\nx: y\r\n" % (value.encode(), value.encode()))
    assert client.until(b"a")[0].startswith(b"a NO [OVERQUOTA]")
    client.ok("STORE 1 ANNOTATION (/comment (value.priv NIL) /altsubject (value.priv NIL) /vendor/a (value.priv NIL))")
    assert usage(client)[0] == 0
    client.ok("STORE 2:3 ANNOTATION (/comment (value.shared {16000+}\r\n%s))" % value)
    assert b"NO [NOPERM]" in client.do("SETQUOTA account (ANNOTATION-STORAGE 10)")[0]
    assert instance.command("check").returncode == 0
