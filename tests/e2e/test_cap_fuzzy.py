"""SEARCH=FUZZY (RFC 6203): all the words, wherever they stand; whole they count for more."""

import re

from conftest import message
from raw import imap
from test_search import fill, numbers


def test_a_fuzzy_text_is_found_by_its_words(account):
    client = imap(account)
    assert b"SEARCH=FUZZY" in client.ok("CAPABILITY")[0].split()
    fill(client, [message("IMAP break"), message("broken IMAP, we break it"), message("IMAP is fine"), message("nothing", "break the IMAP\r\n")])
    client.ok("SELECT INBOX")
    assert numbers(client, 'SUBJECT "IMAP break"') == [1]
    assert numbers(client, 'FUZZY SUBJECT "IMAP break"') == [1, 2] and numbers(client, 'FUZZY (SUBJECT "imap break")') == [1, 2]
    assert numbers(client, 'FUZZY TEXT "imap break"') == [1, 2, 4] and numbers(client, 'FUZZY BODY "imap  break "') == [4]
    assert numbers(client, 'NOT FUZZY SUBJECT "IMAP break"') == [3, 4] and numbers(client, 'OR FUZZY SUBJECT "fine imap" 4') == [3, 4]
    # Only what stands behind FUZZY is fuzzy.
    assert numbers(client, 'FUZZY SUBJECT "break imap" SUBJECT "IMAP b"') == [1] and numbers(client, "FUZZY SUBJECT fine FROM sender") == [3]
    assert numbers(client, "FUZZY SEEN") == [] and numbers(client, 'FUZZY SUBJECT ""') == [1, 2, 3, 4]


def test_relevancy_tells_whole_texts_from_words(account):
    client = imap(account)
    fill(client, [message("b a"), message("x"), message("a b")])
    client.ok("SELECT INBOX")
    line = client.ok('SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT "a b"')[0]
    scores = re.search(rb"ALL 1,3 RELEVANCY \((\d+) (\d+)\)\r\n$", line).groups()
    assert 1 <= int(scores[0]) < int(scores[1]) <= 100
    assert b"RELEVANCY" not in client.ok('SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT "nowhere"')[0]
    assert client.do("SEARCH RETURN (RELEVANCY) ALL")[0].split()[1] == b"BAD"
