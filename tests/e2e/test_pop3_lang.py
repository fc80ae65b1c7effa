"""LANG of POP3 (RFC 6856 3): in which language people are answered, before login and after it."""

import pytest

from conftest import message, new_account
from raw import Raw, imap
from test_pop3 import lines, login

LISTED = [b"de Deutsch\r\n", b"en English\r\n", b"i-default English, unless something else is chosen\r\n"]


def stranger(account):
    client = Raw(account.instance.ports["pop3"])
    client.line()
    return client


def say(client, command):
    client.send(command.encode() + b"\r\n")
    return client.line().decode().rstrip("\r\n")


@pytest.fixture(params=["before login", "after login"])
def any_state(request, account):
    return stranger(account) if request.param == "before login" else login(account)


def test_the_examples_of_the_rfc(any_state):
    client = any_state
    assert say(client, "LANG MUL") == "-ERR That language isn't spoken here"
    client.send("LANG\r\n")
    assert lines(client) == LISTED
    assert say(client, "LANG de") == "+OK de Die Sprache ist umgestellt"
    assert say(client, "LANG uga") == "-ERR Diese Sprache wird hier nicht unterstützt"
    assert say(client, "LANG en") == "+OK en The language is changed"
    assert say(client, "LANG *") == "+OK en The language is changed"
    client.send("LANG DE-AT\r\nLANG\r\n")
    assert client.line().startswith(b"+OK de ")
    assert lines(client) == LISTED
    assert say(client, "lang i-default") == "+OK i-default The language is changed"


def test_a_refusal_changes_nothing(any_state):
    client = any_state
    say(client, "LANG de")
    for range_ in ("tlh", "en de", "e", "en_US", "(en)", "en-", "*-de", "x" * 60):
        assert say(client, "LANG " + range_) == "-ERR Diese Sprache wird hier nicht unterstützt", range_


def test_capa_offers_it_in_both_states(any_state):
    any_state.send("CAPA\r\n")
    assert b"LANG\r\n" in lines(any_state)
    say(any_state, "LANG de")
    any_state.send("CAPA\r\n")
    assert any_state.line() == "+OK Fähigkeiten folgen\r\n".encode()


def test_what_was_chosen_before_login_holds_after_it(account):
    append = imap(account)
    for number in range(2):
        octets = message("m%d" % number)
        append.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets))
    client = stranger(account)
    say(client, "LANG de")
    assert say(client, "PASS x") == "-ERR Zuerst ist USER nötig"
    assert say(client, "USER") == "-ERR USER braucht einen Namen"
    say(client, "USER " + account.user)
    assert say(client, "PASS wrong") == "-ERR [AUTH] Benutzername oder Passwort falsch"
    say(client, "USER " + account.user)
    assert say(client, "PASS " + account.password).startswith("+OK 2 Nachrichten (")
    assert say(client, "UTF8") == "-ERR UTF8 muss vor der Anmeldung stehen"
    assert say(client, "RETR 9") == "-ERR Keine solche Nachricht"
    assert say(client, "nothing") == "-ERR Unbekannter Befehl"
    assert say(client, "STAT 1") == "-ERR Zu viele Argumente"
    assert say(client, "DELE 1") == "+OK Nachricht 1 gelöscht"
    assert say(client, "RETR 1") == "-ERR Die Nachricht ist gelöscht"
    assert say(client, "NOOP") == "+OK"
    assert say(client, "STAT").split()[:2] == ["+OK", "1"], "numbers are for the machine"
    client.send("LIST\r\n")
    assert client.line() == b"+OK 1 Nachrichten\r\n"
    assert client.line().startswith(b"2 ") and client.line() == b".\r\n"
    client.send("RETR 2\r\nTOP 2 0\r\n")
    assert client.line().endswith(b" Bytes\r\n")
    while client.line() != b".\r\n":
        pass
    assert client.line() == b"+OK Anfang der Nachricht folgt\r\n"
    while client.line() != b".\r\n":
        pass
    assert say(client, "RSET").startswith("+OK 2 Nachrichten (")
    say(client, "DELE 2")
    assert say(client, "QUIT") == "+OK Auf Wiedersehen, Nachrichten entfernt"


def test_a_second_session_is_refused_in_the_language_of_the_client(account):
    held = login(account)
    client = stranger(account)
    say(client, "LANG de")
    say(client, "USER " + account.user)
    assert say(client, "PASS " + account.password) == "-ERR [IN-USE] Eine andere Sitzung hält dieses Postfach geöffnet"
    held.close()


def test_stls_forgets_it(account):
    client = stranger(account)
    say(client, "LANG de")
    assert say(client, "STLS") == "+OK TLS kann beginnen"
    client.starttls(account.tls_context())
    assert say(client, "PASS x") == "-ERR USER first"
    say(client, "LANG de")
    assert say(client, "PASS x") == "-ERR Zuerst ist USER nötig"
    say(client, "USER " + account.user)
    assert say(client, "PASS " + account.password) == "+OK 0 Nachrichten (0 Bytes)", "through the pump too"
    assert say(client, "QUIT") == "+OK Auf Wiedersehen"


def test_the_administrator_prefers_one(own_server):
    account = new_account(own_server(settings={"language": "de"}))
    for client in (stranger(account), login(account)):
        assert say(client, "nothing").startswith("-ERR Unknown"), "nobody who says nothing is spoken to in it"
        assert say(client, "LANG *") == "+OK de Die Sprache ist umgestellt"


def test_lmtp_stays_english(account):
    client = Raw(account.instance.ports["lmtp"])
    client.line()
    client.send("LANG de\r\n")
    assert client.line().startswith(b"500 ")
