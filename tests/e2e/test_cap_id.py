"""ID (RFC 2971): who we are, and what the client says of itself in the log."""

from conftest import eventually
from raw import imap


def test_id_tells_our_name_and_logs_the_clients(account):
    client = imap(account)
    told = client.ok('ID ("name" "Tester" "version" "7.%s" "os" NIL)' % account.user[:8])[0]
    assert told.startswith(b'* ID ("name" "Waxwing" "version" "')
    eventually(lambda: "client=Tester\\x207.%s" % account.user[:8] in account.instance.log.read_text(errors="replace"), what="a line in the log")
    assert client.ok("ID NIL")[0].startswith(b"* ID (")


def test_control_characters_of_an_id_do_not_reach_the_log_as_they_are(account):
    client = imap(account)
    client.send(b'a ID ("name" {12+}\r\nab\r\nevent=cd)\r\n')
    assert client.until(b"a")[0].startswith(b"a OK")
    log = account.instance.log.read_text(errors="replace")
    assert "\nevent=cd" not in log


def test_an_id_of_too_many_or_too_long_fields_is_bad(account):
    client = imap(account)
    assert client.do("ID (%s)" % " ".join('"f%d" "x"' % n for n in range(31)))[0].split()[1] == b"BAD"
    assert client.do('ID ("%s" "x")' % ("f" * 31))[0].split()[1] == b"BAD"
    assert client.do('ID ("name" {1025+}\r\n%s)' % ("x" * 1025))[0].split()[1] == b"BAD"
    assert client.do('ID ("name")')[0].split()[1] == b"BAD"
