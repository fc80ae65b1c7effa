"""FILTERS (RFC 5466): searches that are kept under a name."""

import pytest
from conftest import message
from raw import imap
from test_cap_multisearch import answers
from test_search import fill, numbers


def keep(client, name, keys):
    client.ok('SETMETADATA "" ("/private/filters/values/%s" {%d+}\r\n%s)' % (name, len(keys.encode()), keys))


@pytest.fixture
def client(account):
    client = imap(account)
    boss = message("report").replace(b"sender@example.org", b"boss@example.com")
    fill(client, [message("small"), message("large", "x" * 6000 + "\r\n"), boss, message("needle", "in the hay\r\n")])
    client.ok("SELECT INBOX")
    client.ok("STORE 1,3 +FLAGS (\\Flagged)")
    return client


def test_the_dialogue_of_section_3(client):
    assert b"FILTERS" in client.ok("CAPABILITY")[0].split()
    client.ok('SETMETADATA "" ("/private/filters/values/on-the-road" "OR SMALLER 5000 FROM \\"boss@example.com\\"")')
    assert numbers(client, 'UID 1:900 FILTER on-the-road SINCE "3-Dec-2002"') == [1, 3, 4]
    assert numbers(client, "FILTER On-The-Road FLAGGED") == [1, 3]
    assert numbers(client, "NOT FILTER on-the-road") == [2]
    keep(client, "on-the-road", "LARGER 5000")
    assert numbers(client, "FILTER on-the-road") == [2]


def test_a_filter_is_one_key(client):
    keep(client, "both", "FLAGGED SUBJECT small")
    assert numbers(client, "NOT FILTER both") == [2, 3, 4]
    assert numbers(client, "OR FILTER both SUBJECT needle") == [1, 4]
    assert numbers(client, "(FILTER both) SEEN") == [] and numbers(client, "OR NOT FILTER both FILTER both") == [1, 2, 3, 4]
    keep(client, "set", "2:3")
    assert numbers(client, "FILTER set") == [2, 3] and numbers(client, "FILTER set FLAGGED") == [3]


def test_texts_that_parse_looks_into(client):
    keep(client, "hay", "BODY hay")
    assert numbers(client, "OR BODY xxx FILTER hay") == [2, 4]
    assert numbers(client, "FILTER hay TEXT needle") == [4]
    keep(client, "utf8", 'OR SUBJECT "naïve" SUBJECT small')
    assert numbers(client, "FILTER utf8") == [1] and numbers(client, "CHARSET UTF-8 FILTER utf8") == [1]


def test_filters_inside_filters(client):
    keep(client, "a", "FILTER b FLAGGED")
    keep(client, "b", "NOT FILTER c")
    keep(client, "c", "OR FILTER d SUBJECT small")
    keep(client, "d", "SUBJECT needle")
    assert numbers(client, "FILTER a") == [3]
    assert numbers(client, "FILTER a FILTER b FILTER c") == []


def test_what_is_not_there_is_named(client):
    for keys, name in (("FILTER none", b"none"), ("OR SEEN NOT FILTER no.ne", b"no.ne")):
        assert (b" NO [UNDEFINED-FILTER %s] " % name) in client.do("SEARCH " + keys)[0]
    keep(client, "outer", "FILTER inner")
    assert b"[UNDEFINED-FILTER inner]" in client.do("SEARCH FILTER outer")[0]
    # A loop, and one that grows.
    keep(client, "inner", "FILTER outer")
    assert b"NO [UNDEFINED-FILTER " in client.do("SEARCH FILTER outer")[0]
    keep(client, "many", "FILTER many FILTER many FILTER many")
    assert b"NO [UNDEFINED-FILTER many]" in client.do("SEARCH FILTER many")[0]
    client.ok('SETMETADATA "" ("/private/filters/values/outer" NIL)')
    assert b"[UNDEFINED-FILTER outer]" in client.do("SEARCH FILTER outer")[0]
    assert numbers(client, "SUBJECT small") == [1]


def test_only_whole_searches_are_kept(client):
    for bad in ("OR SMALLER", "", "NOSUCH", "FROM", "(SEEN", "SEEN )", "FILTER a/b", "FILTER"):
        status, _ = client.do('SETMETADATA "" (/private/filters/values/bad {%d+}\r\n%s)' % (len(bad), bad))
        assert b" NO [CANNOT]" in status, bad
    assert b"[UNDEFINED-FILTER bad]" in client.do("SEARCH FILTER bad")[0]
    client.ok('SETMETADATA "" (/private/filters/descriptions/bad "no search at all")')
    client.ok('SETMETADATA INBOX (/private/filters/values/bad "of a mailbox: it is no filter")')
    # Keeping MODSEQ is no use of it.
    two = client
    keep(two, "m", "MODSEQ 1")
    assert two.ok("FETCH 1 (FLAGS)") == [b"* 1 FETCH (FLAGS (\\Flagged))\r\n"]


def test_forbidden_forms(client):
    keep(client, "f", "ALL")
    for bad in ("FILTER", "FILTER a/b", "FILTER (f)", 'FILTER "f"', "FILTER f%", "FILTER f f"):
        assert client.do("SEARCH " + bad)[0].split()[1] == b"BAD", bad
    assert b" BAD [BADCHARSET" in client.do("SEARCH CHARSET ISO-8859-1 FILTER f")[0]
    assert b" BAD [BADCHARSET" in client.do("SORT (DATE) KOI8-R FILTER f")[0]
    client.ok("SEARCH CHARSET US-ASCII FILTER f")


def test_in_sort_thread_contexts_and_esearch(client, account):
    keep(client, "f", "FLAGGED")
    assert client.ok("SORT (SUBJECT) UTF-8 FILTER f") == [b"* SORT 3 1\r\n"]
    assert client.ok("UID THREAD REFS UTF-8 FILTER f") == [b"* THREAD (1)(3)\r\n"]
    client.send(b"u SEARCH RETURN (UPDATE SAVE) FILTER f\r\n")
    client.until(b"u")
    assert numbers(client, "$") == [1, 3]
    two = imap(account, "INBOX")
    two.ok("STORE 2 +FLAGS (\\Flagged)")
    assert client.ok("NOOP")[-1] == b'* ESEARCH (TAG "u") ADDTO (0 2)\r\n'
    client.ok("CREATE other")
    fill(client, [message(), message()], "other", "\\Flagged")
    assert answers(client.ok("ESEARCH IN (mailboxes (INBOX other)) FILTER f")) == {"INBOX": "ALL 1:3", "other": "ALL 1:2"}
    keep(client, "last", "*")
    assert answers(client.ok("ESEARCH IN (mailboxes (INBOX other)) FILTER last")) == {"INBOX": "ALL 4", "other": "ALL 2"}
    keep(client, "s", "SUBJECT small")
    assert b"RELEVANCY" in client.ok("SEARCH RETURN (RELEVANCY ALL) FUZZY FILTER s")[0]
    client.ok("SEARCH RETURN (SAVE) FLAGGED")
    assert b" NO " in client.do("SEARCH RETURN (SAVE) FILTER nothing")[0]
    assert numbers(client, "$") == []  # RFC 5182 2.1


def test_anothers_filters_are_not_there(client, other):
    keep(client, "f", "ALL")
    assert b"[UNDEFINED-FILTER f]" in imap(other, "INBOX").do("SEARCH FILTER f")[0]


def test_uidonly_has_no_numbers_in_filters_either(client):
    keep(client, "numbers", "1:2")
    client.ok("ENABLE UIDONLY")
    assert b" NO [CANNOT]" in client.do("UID SEARCH FILTER numbers")[0]
    keep(client, "uids", "UID 1:2")
    assert client.ok("UID SEARCH FILTER uids") == [b"* SEARCH 1 2\r\n"]
