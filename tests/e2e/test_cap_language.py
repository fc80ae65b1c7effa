"""LANGUAGE (RFC 5255 3): in which language people are answered, before login and after it."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from conftest import eventually, message, new_account
from raw import Imap, imap
from test_cap_unauthenticate import KINDS, connection, login
from test_imap import append

TOP = pathlib.Path(__file__).resolve().parents[2]
ALL = b'* LANGUAGE ("de" "en" "i-default")\r\n'
GERMAN, ENGLISH, DEFAULT = b'* LANGUAGE ("de")\r\n', b'* LANGUAGE ("en")\r\n', b'* LANGUAGE ("i-default")\r\n'
NAMESPACE = b'* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL\r\n'
NAMENSRAUM = b'* NAMESPACE (("" "/")) (("Other Users/" "/" "TRANSLATION" ("Andere Benutzer/"))) NIL\r\n'


def stranger(account):
    return Imap(account.instance.ports["imap"])


def says(client, command):
    """The status and text of its tagged response, without the code."""
    status, _ = client.do(command)
    return re.sub(r"\[[^]]*\] ", "", status.decode().split(" ", 1)[1].rstrip("\r\n"))


@pytest.fixture(params=["not authenticated", "authenticated", "selected"])
def any_state(request, account):
    if request.param == "not authenticated":
        return stranger(account)
    return imap(account, "INBOX" if request.param == "selected" else None)


def test_the_examples_of_the_rfc(account):
    client = stranger(account)
    assert b" LANGUAGE " in client.greeting
    assert says(client, 'LOGIN "%s" "%s"' % (account.user, account.password)) == "OK Logged in"
    assert b"LANGUAGE" in client.ok("CAPABILITY")[0].split()
    assert says(client, "LANGUAGE MUL") == "NO That language isn't spoken here"
    assert client.ok("LANGUAGE") == [ALL]
    assert client.do("LANGUAGE DE")[1] == [GERMAN, NAMENSRAUM]
    status, untagged = client.do("LANGUAGE FR")
    assert status.endswith("NO [CANNOT] Diese Sprache wird hier nicht unterstützt\r\n".encode()) and not untagged
    assert client.do("LANGUAGE DE-IT")[1] == [GERMAN]
    assert says(client, "LANGUAGE DE-IT") == "OK Die Sprache ist umgestellt"
    assert client.do("LANGUAGE FR-CA EN-CA")[1] == [ENGLISH, NAMESPACE]
    assert says(client, "LANGUAGE FR-CA EN-CA") == "OK The language is changed"


def test_it_is_spoken_in_every_state(any_state):
    client = any_state
    assert client.ok("LANGUAGE") == [ALL]
    assert client.ok("LANGUAGE de")[0] == GERMAN
    assert says(client, "NOOP") == "OK NOOP ausgeführt"
    assert client.ok("LANGUAGE") == [ALL]
    assert says(client, "LANGUAGE") == "OK Das sind die Sprachen"
    assert client.ok("LANGUAGE en")[0] == ENGLISH
    assert says(client, "NOOP") == "OK Noop completed"
    assert client.ok("LANGUAGE i-default")[0] == DEFAULT
    assert says(client, "NOOP") == "OK Noop completed"


def test_a_refusal_changes_nothing(any_state):
    client = any_state
    client.ok("LANGUAGE de")
    for arguments in ("tlh", "fr it", "d", "deutsch"):
        assert says(client, "LANGUAGE " + arguments) == "NO Diese Sprache wird hier nicht unterstützt", arguments
    for arguments in ("en_US", "en {2+}\r\nd_"):  # a third mistake before login would be the last
        status, untagged = client.do("LANGUAGE " + arguments)
        assert status.split()[1] == b"BAD" and not untagged, arguments
        assert says(client, "NOOP") == "OK NOOP ausgeführt"


def test_what_is_no_range(account):
    before, client = stranger(account), imap(account)
    for arguments in ('""', "en  de", '"en de"', "nine-lettersxx", "(de)", "de*", '"*-de"', "*", " ", "-de", "de-", "1"):
        assert client.do("LANGUAGE " + arguments)[0].split()[1] == b"BAD", arguments
        assert before.do("LANGUAGE " + arguments)[0].split()[1] == b"BAD", arguments
        assert before.ok("NOOP") == [] and client.ok("NOOP") == []
        before = stranger(account)  # few mistakes are allowed before login


def test_ranges_in_every_form(any_state):
    client = any_state
    for arguments, answer in (("fr de en", GERMAN), ("en de", ENGLISH), ('"de"', GERMAN), ("{2+}\r\nen", ENGLISH), ('{2+}\r\nfr "de-at" en', GERMAN), ("I-DEFAULT", DEFAULT), ("de-Latn-DE-1996", GERMAN),
                              ('"*"', ENGLISH), ("default", ENGLISH), ('fr "Default"', ENGLISH)):
        assert client.ok("LANGUAGE " + arguments)[0] == answer, arguments


def test_a_malformed_list_is_refused_even_behind_what_fits(any_state):
    assert any_state.do("LANGUAGE de d_")[0].split()[1] == b"BAD"
    assert says(any_state, "NOOP") == "OK Noop completed"


def test_the_administrator_prefers_one(own_server):
    instance = own_server(settings={"language": "de", "imap.shared_user": "house"})
    account = new_account(instance)
    before, client = stranger(account), imap(account)
    for each in (before, client):
        assert says(each, "NOOP") == "OK Noop completed", "nobody who says nothing is spoken to in it"
        assert each.ok("LANGUAGE default")[0] == GERMAN
        assert each.ok('LANGUAGE "*"')[0] == GERMAN
    shared = b'(("Other Users/" "/" "TRANSLATION" ("Andere Benutzer/"))) (("Shared/" "/" "TRANSLATION" ("Gemeinsame Ordner/")))\r\n'
    assert client.ok("NAMESPACE")[0].endswith(shared)
    instance.config.write_text(re.sub(r'language([^;\n]*)"de"', r'language\1"en"', instance.config.read_text()))
    os.kill(instance.pid(), signal.SIGHUP)
    eventually(lambda: stranger(account).ok("LANGUAGE default")[0] == ENGLISH and imap(account).ok("LANGUAGE default")[0] == ENGLISH, what="a reload")


@KINDS
def test_what_was_chosen_before_login_holds_after_it(account, kind):
    client = connection(account, kind)
    client.ok("UNAUTHENTICATE")  # a stranger again, under each kind of TLS
    client.ok("LANGUAGE de")
    assert says(client, 'LOGIN "%s" wrong' % account.user) == "NO Benutzername oder Passwort falsch"
    assert says(client, 'LOGIN "%s" "%s"' % (account.user, account.password)) == "OK Angemeldet"
    assert client.ok("NAMESPACE") == [NAMENSRAUM]
    assert client.ok("LANGUAGE en") == [ENGLISH, NAMESPACE]


@KINDS
def test_unauthenticate_forgets_it(account, other, kind):
    """RFC 8437 3."""
    client = connection(account, kind)
    client.ok("LANGUAGE de")
    assert says(client, "UNAUTHENTICATE") == "OK Eine neue Anmeldung ist möglich"
    assert says(client, "NOOP") == "OK Noop completed"
    client.ok("LANGUAGE de")
    login(client, other)
    client.ok("UNAUTHENTICATE")  # what was chosen before the login is forgotten too
    assert says(client, "NOOP") == "OK Noop completed"
    login(client, account)
    assert says(client, "NOOP") == "OK Noop completed"


def test_starttls_forgets_it(account):
    """RFC 5255 7: what an attacker chose in between must not hold."""
    client = stranger(account)
    client.ok("LANGUAGE de")
    assert says(client, "STARTTLS") == "OK TLS-Aushandlung kann beginnen"
    client.starttls(account.tls_context())
    assert says(client, "NOOP") == "OK Noop completed"


def test_others_are_not_spoken_to_in_it(account):
    one, two = imap(account), imap(account)
    one.ok("LANGUAGE de")
    assert says(two, "NOOP") == "OK Noop completed" and says(one, "NOOP") == "OK NOOP ausgeführt"


def test_names_are_translated_for_eyes_alone(account):
    client = imap(account)
    client.ok("LANGUAGE de")
    assert client.ok('LIST "" "Other Users"') == []
    assert says(client, 'SELECT "Andere Benutzer/x"').startswith("NO ")
    client.ok("ENABLE UTF8=ACCEPT")
    assert client.ok("NAMESPACE") == [NAMENSRAUM]


def test_under_compression_and_in_one_pipeline(account):
    client = imap(account)
    client.send(b"a LANGUAGE de\r\nb NOOP\r\nc LANGUAGE en\r\nd NOOP\r\ne LANGUAGE de\r\nf COMPRESS DEFLATE\r\n")
    for tag, text in ((b"a", "Die Sprache ist umgestellt"), (b"b", "NOOP ausgeführt"), (b"c", "The language is changed"), (b"d", "Noop completed"), (b"e", "Die Sprache ist umgestellt"), (b"f", "DEFLATE eingeschaltet")):
        assert client.until(tag)[0].endswith(text.encode() + b"\r\n")


def english():
    texts = subprocess.run([TOP / "script" / "check-texts", "--list"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {text.replace('\\"', '"') for text in texts}


STATUS = re.compile(rb"^(?:\S+ (?:OK|NO|BAD|BYE) (?:\[.*?\] )?|\+ )(.*)\r\n$")
SPOKEN = [
    "NOOP", "CAPABILITY", "ID NIL", "NAMESPACE", "nothing", "FETCH 1 FLAGS", "CREATE a", "CREATE a", "CREATE a/b", "SUBSCRIBE a", 'LIST "" *', 'LSUB "" *', "STATUS a (MESSAGES)", "STATUS a (x)",
    "RENAME a/b a/c", "DELETE a/c", "DELETE gone", "SELECT gone", "SELECT a", "UNSELECT", "EXAMINE INBOX", "STORE 1 FLAGS ()", "CLOSE", "SELECT INBOX", "FETCH 1 (FLAGS)", "FETCH 1 (FLAGS", "FETCH 9 FLAGS", "FETCH 1 BODY[x]",
    "STORE 1 +FLAGS (\\Seen)", "STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Flagged)", "SEARCH ALL", "SEARCH (", "SEARCH CHARSET x ALL", "SORT (SUBJECT) UTF-8 ALL", "SORT (x) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "COPY 1 a", "COPY 1 gone",
    "MOVE 2 a", "APPEND gone {12+}\r\nSubject: x\r\n", "APPEND a {12+}\r\nSubject: x\r\n", 'APPEND a CATENATE (URL "/gone")', "IDLE\r\nDONE", "IDLE\r\nx", "CHECK", "EXPUNGE", "UID EXPUNGE 1:*", "ENABLE CONDSTORE", "GETACL a", "MYRIGHTS a",
    "SETACL a gone lr", "SETACL a anyone y", "GETQUOTA account", "GETQUOTA gone", "GETQUOTAROOT a", "SETQUOTA account (STORAGE 1)", "GETMETADATA a /shared/comment", "GETMETADATA a x", 'SETMETADATA a (/private/comment "x")', "COMPARATOR",
    "COMPARATOR x", "UIDBATCHES 2000", "UIDBATCHES 1", "NOTIFY NONE", "NOTIFY SET (selected (x))", "ESEARCH IN (mailboxes a) ALL", "RESETKEY a", "COMPRESS x", "UNSUBSCRIBE a", "SEARCH RETURN (x) ALL", "CANCELUPDATE \"x\"",
]


def test_nobody_is_spoken_to_in_two_languages(account):
    """Whatever is answered in German has no text of the English ones, though each command says the same to the machine."""
    texts, client, plain = english(), imap(account), imap(new_account(account.instance))
    for each in (client, plain):
        for number in range(3):
            append(each, message("m%d" % number))
    client.ok("LANGUAGE de")
    plain.ok("LANGUAGE en")
    seen = 0
    for command in SPOKEN:
        status, untagged = client.do(command)
        expected, others = plain.do(command)
        assert status.split()[1] == expected.split()[1], (command, status, expected)
        assert re.findall(rb"\[([A-Z]+)", status) == re.findall(rb"\[([A-Z]+)", expected), command
        assert len(untagged) == len(others), command
        for line in [status] + untagged:
            found = STATUS.match(line)
            if found:
                seen += 1
                assert found.group(1).decode() not in texts, (command, line)
        assert STATUS.match(expected).group(1).decode() in texts or b"A batch has at least" in expected, (command, expected)
    assert seen > len(SPOKEN)
    client.send(b"x LOGOUT\r\n")
    assert client.rest() == b"* BYE Abmeldung\r\nx OK Abgemeldet\r\n"


def test_last_words_too(own_server):
    instance = own_server()
    account = new_account(instance)
    before, client = stranger(account), imap(account)
    for each in (before, client):
        each.ok("LANGUAGE de")
    instance.stop()
    assert before.rest() == "* BYE [UNAVAILABLE] Der Server startet neu\r\n".encode()
    assert client.rest() == "* BYE [UNAVAILABLE] Der Server startet neu\r\n".encode()


def test_too_many_bad_commands(account):
    client = stranger(account)
    client.ok("LANGUAGE de")
    client.send(b"x nothing\r\n" * 30)
    said = client.rest().decode().splitlines()
    assert said[0] == "x BAD Unbekannter Befehl, oder die Anmeldung fehlt noch" and said[-1] == "* BYE Zu viele Fehler"
