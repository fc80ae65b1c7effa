"""SEARCHRES (RFC 5182): "$" is what the last SEARCH RETURN (SAVE) found."""

import re

from conftest import message
from raw import imap
from test_search import fill


def searched(lines):
    return [line for line in lines if b"SEARCH" in line]


def fetched(lines):
    return [int(re.match(rb"\* (\d+) FETCH", line).group(1)) for line in lines if b" FETCH " in line]


def six(account):
    client = imap(account)
    fill(client, [message("s%d" % i) for i in range(1, 7)])
    client.ok("SELECT INBOX")
    client.ok("STORE 2,4:5 +FLAGS (\\Flagged)")
    return client


def test_a_saved_result_is_used_by_every_command_that_takes_a_set(account):
    client = six(account)
    assert b"SEARCHRES" in client.ok("CAPABILITY")[0].split()
    client.ok("CREATE There")
    assert searched(client.ok("SEARCH RETURN (SAVE) FLAGGED")) == []  # example 1
    assert fetched(client.ok("FETCH $ (UID)")) == [2, 4, 5] and fetched(client.ok("UID FETCH $ (FLAGS)")) == [2, 4, 5]
    assert client.ok("SEARCH UID $ SUBJECT s4") == [b"* SEARCH 4\r\n"] and client.ok("SEARCH $ SUBJECT s4") == [b"* SEARCH 4\r\n"]  # example 3
    assert client.ok("SEARCH (OR $ 1,6)") == [b"* SEARCH 1 2 4 5 6\r\n"]  # example 4
    assert client.ok("SEARCH NOT $") == [b"* SEARCH 1 3 6\r\n"]
    status, _ = client.do("COPY $ There")
    assert re.search(rb"COPYUID \d+ 2,4:5 1:3\]", status)
    assert fetched(client.ok("STORE $ +FLAGS (kw)")) == [2, 4, 5]
    status, untagged = client.do("MOVE $ There")
    assert b"OK" in status and [line for line in untagged if b"EXPUNGE" in line] == [b"* 2 EXPUNGE\r\n", b"* 3 EXPUNGE\r\n", b"* 3 EXPUNGE\r\n"]
    # What was moved away isn't in it any more, and that is no error (example 6).
    assert fetched(client.ok("FETCH $ (UID)")) == [] and b"OK" in client.do("COPY $ There")[0]
    assert client.ok("SEARCH $") == [b"* SEARCH\r\n"]


def test_commands_may_be_sent_at_once(account):
    client = six(account)
    client.send(b"a SEARCH RETURN (SAVE) FLAGGED\r\nb FETCH $ (UID)\r\nc SEARCH RETURN (SAVE) UNFLAGGED\r\nd SEARCH RETURN (COUNT) $\r\n")  # examples 2 and 9
    assert searched(client.until(b"a")[1]) == [] and fetched(client.until(b"b")[1]) == [2, 4, 5]
    client.until(b"c")
    assert client.until(b"d")[1] == [b'* ESEARCH (TAG "d") COUNT 3\r\n']


def test_an_expunge_takes_messages_out_of_the_saved_result(account):
    client, two = six(account), imap(account, "INBOX")
    client.ok("SEARCH RETURN (SAVE) FLAGGED")
    two.ok("STORE 1,4 +FLAGS (\\Deleted)")
    two.ok("EXPUNGE")
    client.ok("NOOP")
    assert fetched(client.ok("FETCH $ (UID)")) == [1, 3]
    assert client.ok("UID SEARCH RETURN (ALL) $")[0].endswith(b" ALL 2,5\r\n")


def test_what_is_saved_depends_on_what_is_asked_for(account):
    # RFC 5182 2.4, the table and example 10.
    client = six(account)
    for options, told, saved in (("ALL SAVE", b" ALL 2,4:5", b"2,4:5"), ("SAVE MIN", b" MIN 2", b"2"), ("SAVE MAX", b" MAX 5", b"5"), ("MAX SAVE MIN", b" MIN 2 MAX 5", b"2,5"),
                                 ("MAX SAVE MIN COUNT", b" MIN 2 MAX 5 COUNT 3", b"2,4:5"), ("ALL SAVE MIN", b" MIN 2 ALL 2,4:5", b"2,4:5"), ("SAVE COUNT", b" COUNT 3", b"2,4:5")):
        lines = client.ok("SEARCH RETURN (%s) FLAGGED" % options)
        assert lines == [b'* ESEARCH (TAG "t%d")%s\r\n' % (client.count, told)]
        assert client.ok("SEARCH RETURN (ALL) $")[0].endswith(b" ALL " + saved + b"\r\n"), options
    # Without SAVE nothing is changed.
    client.ok("SEARCH RETURN (SAVE) 1")
    client.ok("SEARCH RETURN (ALL) FLAGGED")
    client.ok("SEARCH FLAGGED")
    assert client.do("SEARCH RETURN (SAVE) NONSENSE")[0].split()[1] == b"BAD"
    assert client.ok("SEARCH $") == [b"* SEARCH 1\r\n"]


def test_a_search_that_fails_saves_nothing_and_select_forgets(account):
    client = six(account)
    client.ok("SEARCH RETURN (SAVE) FLAGGED")
    assert b"NO [BADCHARSET" in client.do("SEARCH RETURN (SAVE) CHARSET X-NONE (OR $ 1) TEXT x")[0]  # example 5
    assert client.ok("SEARCH $") == [b"* SEARCH\r\n"]
    client.ok("SEARCH RETURN (SAVE) FLAGGED")
    client.ok("SELECT INBOX")
    assert client.ok("SEARCH $") == [b"* SEARCH\r\n"]


def test_qresync_s_vanished_takes_a_saved_result(account):
    client, two = six(account), imap(account, "INBOX")
    client.ok("ENABLE QRESYNC")
    client.ok("SEARCH RETURN (SAVE) FLAGGED")
    two.ok("STORE 2 +FLAGS (\\Deleted)")
    two.ok("EXPUNGE")
    assert fetched(client.ok("UID FETCH $ (FLAGS) (CHANGEDSINCE 1 VANISHED)"))
