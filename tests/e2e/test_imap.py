"""IMAP as clients use it: RFC 3501 and the extensions that stand in CAPABILITY after login."""

import re
import time

import pytest
from conftest import eventually, message, new_account
from raw import Imap, imap


def append(client, octets, mailbox="INBOX", flags="", literal="+"):
    client.count += 1
    tag = b"t%d" % client.count
    client.send(tag + b" APPEND %s (%s) {%d%s}\r\n" % (mailbox.encode(), flags.encode(), len(octets), literal.encode()))
    if not literal:
        assert client.line().startswith(b"+")
    client.send(octets + b"\r\n")
    status, untagged = client.until(tag)
    assert b" OK" in status, status
    return re.search(rb"APPENDUID (\d+) (\d+)", status)


def test_capability_after_login_names_the_set(account):
    words = set(b" ".join(imap(account).ok("CAPABILITY")).split())
    assert {b"IMAP4rev1", b"LITERAL+", b"IDLE", b"UIDPLUS", b"MOVE", b"UNSELECT", b"ENABLE", b"CONDSTORE", b"NAMESPACE", b"ID", b"SPECIAL-USE", b"CHILDREN", b"ESEARCH"} <= words
    assert b"STARTTLS" not in words


def test_append_answers_with_the_uid_and_keeps_flags_and_date(account):
    client = imap(account)
    client.send(b'a1 APPEND INBOX (\\Seen custom) "01-Feb-2020 03:04:05 +0130" {%d}\r\n' % len(message()))
    assert client.line().startswith(b"+")
    octets = message()
    client.send(octets + b"\r\n")
    status, _ = client.until(b"a1")
    assert re.search(rb"\[APPENDUID \d+ 1\]", status), status
    client.ok("SELECT INBOX")
    row = client.ok("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)")[0]
    assert b'INTERNALDATE "01-Feb-2020 03:04:05 +0130"' in row
    assert b"\\Seen" in row and b"custom" in row
    assert b"RFC822.SIZE %d" % len(octets) in row


def test_fetch_sections_and_partials_are_exact(account):
    body = "--b\r\nContent-Type: text/plain\r\n\r\npart one\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n--b--\r\n"
    octets = message("outer", body, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n")
    client = imap(account)
    append(client, octets)
    client.ok("SELECT INBOX")

    def section(text):
        whole = b"".join(client.ok("FETCH 1 BODY.PEEK[%s]" % text))
        literal = re.search(rb"\{(\d+)\}\r\n", whole)
        if literal:
            return whole[literal.end():literal.end() + int(literal.group(1))]
        quoted = re.search(rb'\](?:<\d+>)? "((?:[^"\\]|\\.)*)"', whole)
        return quoted.group(1) if quoted else None

    head, text = octets.split(b"\r\n\r\n", 1)
    assert section("") == octets
    assert section("HEADER") == head + b"\r\n\r\n"
    assert section("TEXT") == text
    assert section("1") == b"part one"
    assert section("1.MIME") == b"Content-Type: text/plain\r\n\r\n"
    assert section("2") == b"Subject: inner\r\n\r\ninner body"
    assert section("2.HEADER") == b"Subject: inner\r\n\r\n"
    assert section("2.TEXT") == b"inner body"
    assert section("2.1") == b"inner body"
    assert section("HEADER.FIELDS (SUBJECT X-NONE)") == b"Subject: outer\r\n\r\n"
    assert b"Subject" not in section("HEADER.FIELDS.NOT (SUBJECT)")
    whole = b"".join(client.ok("FETCH 1 BODY.PEEK[]<10.20>"))
    assert b"BODY[]<10> {20}\r\n" + octets[10:30] in whole
    assert b"\\Seen" not in b"".join(client.ok("FETCH 1 FLAGS"))
    client.ok("FETCH 1 BODY[1]")
    assert b"\\Seen" in b"".join(client.ok("FETCH 1 FLAGS"))


def test_a_fetch_that_sets_seen_tells_each_message_once(account):
    """In stretches of UIDs, each a change of its own, with what another session does in between."""
    client, other, octets = imap(account), imap(account), message()
    client.send(b"".join(b"%d APPEND INBOX {%d+}\r\n%s\r\n" % (n, len(octets), octets) for n in range(1, 251)))
    client.until(b"250")
    client.ok("SELECT INBOX")
    other.ok("SELECT INBOX")
    rows = [row for row in client.ok("FETCH 1:* BODY[TEXT]") if b" FETCH (" in row]
    assert [int(row.split()[1]) for row in rows] == list(range(1, 251))
    assert all(b"\\Seen" in row for row in rows)
    assert not [row for row in client.ok("NOOP") if b" FETCH (" in row]
    other.ok("STORE 1:250 -FLAGS (\\Seen)")
    other.ok("STORE 3,130,250 +FLAGS (\\Flagged)")
    client.send("f FETCH 1:* BODY[TEXT]\r\nn NOOP\r\n")
    flags = {}
    for tag in (b"f", b"n"):
        for row in client.until(tag)[1]:
            if b" FETCH (" in row and b"FLAGS" in row:
                flags[int(row.split()[1])] = row
    assert len(flags) == 250 and all(b"\\Seen" in row for row in flags.values())
    assert sorted(n for n, row in flags.items() if b"\\Flagged" in row) == [3, 130, 250]


def test_bodystructure_and_envelope_say_what_the_rfc_says(account):
    client = imap(account)
    append(client, b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\nSubject: IMAP4rev1 WG mtg summary and minutes\r\n"
                   b"To: imap@cac.washington.edu\r\ncc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\nMessage-Id: <B27397-0100000@cac.washington.edu>\r\n"
                   b"MIME-Version: 1.0\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nhello\r\n")
    client.ok("SELECT INBOX")
    row = b"".join(client.ok("FETCH 1 (ENVELOPE BODY)"))
    # RFC 3501 8, the sample session.
    assert (b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" (("Terry Gray" NIL "gray" "cac.washington.edu")) '
            b'(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) '
            b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")') in row
    assert re.search(rb'BODY \("TEXT" "PLAIN" \("CHARSET" "US-ASCII"\) NIL NIL "7BIT" 7 1\)', row, re.I), row


def test_search_finds_by_everything_rfc_3501_names(account):
    client = imap(account)
    append(client, message("Grüße aus Köln".encode().decode(), "the needle is here\r\n"), flags="\\Seen \\Flagged")
    append(client, b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nSubject: =?iso-8859-1?q?M=FCnchen?=\r\nDate: 1 Jan 2020 00:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nVGhlIE5FRURMRSBpcyBlbmNvZGVk\r\n", flags="\\Answered kw")
    append(client, message("third", "nothing\r\n"), flags="\\Deleted \\Draft")
    client.ok("SELECT INBOX")

    def search(text):
        lines = client.ok("SEARCH " + text)
        return [int(n) for n in lines[0].split()[2:]] if lines else []

    assert search("ALL") == [1, 2, 3]
    assert search("SEEN") == [1] and search("UNSEEN") == [2, 3]
    assert search("FLAGGED") == [1] and search("ANSWERED") == [2] and search("DELETED") == [3] and search("DRAFT") == [3]
    assert search("KEYWORD kw") == [2] and search("UNKEYWORD kw") == [1, 3]
    assert search("BODY needle") == [1, 2] and search("TEXT NEEDLE") == [1, 2]
    assert search('CHARSET UTF-8 SUBJECT {8+}\r\nm\u00fcnchen'.replace("{8+}", "{%d+}" % len("münchen".encode()))) == [2]
    assert search("FROM j@example") == [2] and search('HEADER Subject "third"') == [3]
    assert search("SENTBEFORE 2-Jan-2020") == [2] and search("SENTON 1-Jan-2020") == [2] and search("SENTSINCE 2-Jan-2020") == [1, 3]
    assert search("SMALLER 200") == [3] or search("SMALLER 100000") == [1, 2, 3]
    assert search("OR SEEN DELETED") == [1, 3] and search("NOT (SEEN)") == [2, 3]
    assert search("2:* UNDELETED") == [2] and search("UID 3") == [3]
    status, untagged = client.do("SEARCH RETURN (MIN MAX COUNT) ALL")
    assert b"MIN 1" in untagged[0] and b"MAX 3" in untagged[0] and b"COUNT 3" in untagged[0]
    assert client.do("SEARCH CHARSET X-NOBODY TEXT a")[0].split(b" ", 1)[1].startswith(b"NO [BADCHARSET")


def test_two_sessions_never_disagree_about_numbers(account):
    one, two = imap(account), imap(account)
    for number in range(6):
        append(one, message("n%d" % number))
    one.ok("SELECT INBOX")
    two.ok("SELECT INBOX")
    one.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)")
    assert [r for r in one.ok("EXPUNGE") if b"EXPUNGE" in r] == [b"* 2 EXPUNGE\r\n", b"* 3 EXPUNGE\r\n"]
    # RFC 3501 7.4.1: no EXPUNGE while FETCH, STORE or SEARCH runs; the numbers still mean what they meant.
    rows = two.ok("FETCH 1:6 (UID)")
    assert not [r for r in rows if b"EXPUNGE" in r]
    assert [int(re.search(rb"UID (\d+)", r).group(1)) for r in rows if b"FETCH" in r] == [1, 2, 3, 4, 5, 6]
    assert [r for r in two.ok("NOOP") if b"EXPUNGE" in r] == [b"* 2 EXPUNGE\r\n", b"* 3 EXPUNGE\r\n"]
    assert [int(re.search(rb"UID (\d+)", r).group(1)) for r in two.ok("FETCH 1:* (UID)")] == [1, 3, 5, 6]


def test_idle_hears_of_a_delivery_and_of_an_expunge(account):
    idle, worker = imap(account, "INBOX"), imap(account, "INBOX")
    idle.send("i IDLE\r\n")
    assert idle.line().startswith(b"+")
    account.deliver(message("news"))
    assert idle.line() == b"* 1 EXISTS\r\n"
    worker.ok("NOOP")
    worker.ok("STORE 1 +FLAGS (\\Deleted)")
    worker.ok("EXPUNGE")
    seen = b""
    while b"EXPUNGE" not in seen:
        seen += idle.line()
    idle.send("DONE\r\n")
    status, _ = idle.until(b"i")
    assert b"OK" in status


def test_condstore_refuses_what_changed_meanwhile(account):
    one, two = imap(account), imap(account)
    append(one, message())
    append(one, message())
    untagged = one.ok("SELECT INBOX (CONDSTORE)")
    modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", b"".join(untagged)).group(1))
    two.ok("SELECT INBOX")
    two.ok("STORE 1 +FLAGS (\\Flagged)")
    status, untagged = one.do("STORE 1:2 (UNCHANGEDSINCE %d) +FLAGS (\\Seen)" % modseq)
    assert b"[MODIFIED 1]" in status
    assert any(b"* 2 FETCH" in r and b"MODSEQ" in r for r in untagged)
    changed = one.ok("FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % modseq)
    assert len([r for r in changed if b"FETCH" in r]) == 2


def test_mailboxes_are_created_renamed_listed_and_deleted(account):
    client = imap(account)
    client.ok("CREATE a/b/c")
    listed = b"".join(client.ok('LIST "" "*"'))
    for name in (b'"/" a\r\n', b'"/" a/b\r\n', b'"/" a/b/c\r\n', b"INBOX", b"\\Trash", b"\\Sent", b"\\Drafts", b"\\Junk", b"\\Archive"):
        assert name in listed, (name, listed)
    client.ok("RENAME a z")
    assert b"z/b/c" in b"".join(client.ok('LIST "" "z/*"'))
    assert client.do("DELETE INBOX")[0].split()[1] == b"NO"
    client.ok("DELETE z/b/c")
    client.ok("CREATE &Jjo-")
    assert b"&Jjo-" in b"".join(client.ok('LIST "" "&*"'))
    assert client.do("CREATE &Jjo-")[0].split()[1] == b"NO"
    client.ok("SUBSCRIBE &Jjo-")
    assert b"&Jjo-" in b"".join(client.ok('LSUB "" "*"'))
    untagged = b"".join(client.ok("STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)"))
    assert re.search(rb"MESSAGES 0 UIDNEXT 1 UIDVALIDITY \d+ UNSEEN 0 RECENT 0", untagged), untagged


def test_a_silent_idle_is_kept_alive(own_server):
    client = imap(new_account(own_server(settings={"imap.keepalive": "1"})), "INBOX")
    client.send(b"a IDLE\r\n")
    assert client.line().startswith(b"+")
    assert [client.line() for _ in range(2)] == [b"* OK Still here\r\n"] * 2
    client.send(b"DONE\r\n")
    assert client.until(b"a")[0].startswith(b"a OK")


def test_a_deleted_mailbox_stays_subscribed_until_the_user_says_otherwise(account):
    client = imap(account)
    client.ok("CREATE gone")
    client.ok("SUBSCRIBE gone")
    client.ok("DELETE gone")
    assert b"gone" in b"".join(client.ok('LSUB "" "*"'))  # RFC 3501 6.3.9
    assert re.search(rb'LIST \(\\NonExistent[^)]*\\Subscribed[^)]*\) "/" gone', b"".join(client.ok('LIST (SUBSCRIBED) "" "*"')))
    assert b"gone" not in b"".join(client.ok('LIST "" "*"'))
    client.ok("CREATE gone")
    assert b"Subscribed" in b"".join(client.ok('LIST "" gone RETURN (SUBSCRIBED)'))
    client.ok("DELETE gone")
    client.ok("UNSUBSCRIBE gone")
    assert b"gone" not in b"".join(client.ok('LSUB "" "*"'))
    assert account.instance.command("check", account.user, check=False).returncode == 0


def test_subscriptions_to_nothing_are_limited(account):
    client = imap(account)
    client.send(b"".join(b"s%d SUBSCRIBE nothing-%d\r\n" % (n, n) for n in range(1001)))
    answers = [client.until(b"s%d" % n)[0].split()[1] for n in range(1001)]
    assert answers == [b"OK"] * 1000 + [b"NO"]
    assert len(client.ok('LSUB "" nothing-*')) == 1000


def test_renaming_inbox_moves_its_mail_and_leaves_it_and_its_children(account):
    client = imap(account)
    client.ok("CREATE INBOX/child")
    append(client, message("one"))
    assert client.do("RENAME INBOX old/mail")[0].split()[1] == b"OK"  # RFC 3501 6.3.5
    assert b"MESSAGES 0" in b"".join(client.ok("STATUS INBOX (MESSAGES)"))
    assert b"MESSAGES 1" in b"".join(client.ok("STATUS old/mail (MESSAGES)"))
    listed = b"".join(client.ok('LIST "" "*"'))
    assert b"INBOX/child" in listed and b"old/mail/child" not in listed
    append(client, message("two"))
    assert b"MESSAGES 1" in b"".join(client.ok("STATUS INBOX (MESSAGES)"))
    assert client.do("RENAME INBOX old/mail")[0].split()[1] == b"NO"


def test_deleting_a_parent_leaves_its_name_and_its_children(account):
    client = imap(account)
    client.ok("CREATE top/below")
    append_to = message("kept")
    client.ok(b"APPEND top {%d+}\r\n%s" % (len(append_to), append_to))
    client.ok("DELETE top")  # RFC 3501 6.3.4: its mail goes, the name stays \\Noselect
    listed = client.ok('LIST "" "top*"')
    assert any(b"\\Noselect" in line or b"\\NonExistent" in line for line in listed if line.rstrip().endswith(b"top")), listed
    assert any(b"top/below" in line for line in listed)
    assert client.do("SELECT top")[0].split()[1] == b"NO"
    assert client.do("DELETE top")[0].split()[1] == b"NO"
    client.ok("CREATE top")  # and it can be made a mailbox again, without what it held
    assert b"MESSAGES 0" in b"".join(client.ok("STATUS top (MESSAGES)"))
    client.ok("DELETE top")
    client.ok("DELETE top/below")
    assert not client.ok('LIST "" "top*"')


def test_a_name_has_one_form_however_it_is_written(account):
    client = imap(account)
    client.ok("CREATE Re&AwE-sume&AwE-")  # e and a combining acute: NFC is one letter
    assert client.do("CREATE R&AOk-sum&AOk-")[0].split()[1] == b"NO"
    client.ok("SELECT R&AOk-sum&AOk-")
    client.ok("ENABLE UTF8=ACCEPT")
    assert "R\u00e9sum\u00e9".encode() in b"".join(client.ok('LIST "" "R*"'))
    client.ok(b'STATUS "Re\xcc\x81sume\xcc\x81" (MESSAGES)')


def test_copy_and_move_answer_with_copyuid(account):
    client = imap(account)
    for _ in range(3):
        append(client, message())
    client.ok("SELECT INBOX")
    status, _ = client.do("UID COPY 1:2 Archive")
    assert re.search(rb"\[COPYUID \d+ 1:2 1:2\]", status), status
    status, untagged = client.do("UID MOVE 3 Trash")
    assert re.search(rb"COPYUID \d+ 3 1", status + b"".join(untagged))
    assert b"* 3 EXPUNGE\r\n" in untagged
    assert client.do("UID MOVE 999 Trash")[0].split()[1] == b"OK"
    assert client.do("COPY 1 nosuch")[0].split(b" ", 1)[1].startswith(b"NO [TRYCREATE]")


def test_pipelined_commands_are_answered_in_order(account):
    client = imap(account)
    client.send(b"".join(b"p%d NOOP\r\n" % n for n in range(200)) + b"last CAPABILITY\r\n")
    for n in range(200):
        assert client.until(b"p%d" % n)[0].startswith(b"p%d OK" % n)
    assert client.until(b"last")[0].startswith(b"last OK")


def test_commands_survive_every_split(account):
    client = imap(account)
    octets = message("split")
    whole = b"s1 APPEND INBOX (\\Seen) {%d+}\r\n%s\r\ns2 SELECT INBOX\r\ns3 FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n" % (len(octets), octets)
    for octet in whole:
        client.send(bytes([octet]))
    assert client.until(b"s1")[0].startswith(b"s1 OK")
    assert client.until(b"s2")[0].startswith(b"s2 OK")
    status, untagged = client.until(b"s3")
    assert b"Subject: split\r\n" in b"".join(untagged)


def test_a_large_message_goes_in_and_comes_out(account):
    octets = message("large", "0123456789abcdef" * 64 * 1024 + "\r\n" + "fedcba9876543210\r\n" * 200000)
    client = imap(account)
    append(client, octets)
    client.ok("SELECT INBOX")
    whole = b"".join(client.ok("FETCH 1 BODY.PEEK[]"))
    assert octets in whole
    assert octets[-1000:] in b"".join(client.ok("FETCH 1 BODY.PEEK[]<%d.1000>" % (len(octets) - 1000)))


def test_id_namespace_enable_unselect_close(account):
    client = imap(account)
    assert b"Waxwing" in b"".join(client.ok('ID ("name" "test")'))
    assert b'NAMESPACE (("" "/"))' in b"".join(client.ok("NAMESPACE"))
    client.ok("ENABLE CONDSTORE")
    append(client, message(), flags="\\Deleted")
    client.ok("SELECT INBOX")
    client.ok("UNSELECT")
    assert client.do("FETCH 1 FLAGS")[0].split()[1] == b"BAD"
    client.ok("EXAMINE INBOX")
    assert client.do("STORE 1 +FLAGS (\\Seen)")[0].split()[1] == b"NO"
    client.ok("CLOSE")
    client.ok("SELECT INBOX")
    client.ok("CLOSE")
    assert b"EXISTS" in b"".join(client.ok("SELECT INBOX")) and b"* 0 EXISTS" in b"".join(client.ok("EXAMINE INBOX"))
    client.send("x LOGOUT\r\n")
    assert b"* BYE" in client.rest()
