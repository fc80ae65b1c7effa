"""imap.hide_capabilities: what CAPABILITY leaves out, for clients that misuse it."""

import os
import re
import signal

from conftest import eventually, new_account
from raw import Imap, imap


def words(line):
    return set(re.split(rb"[ \]\r]", line))


def test_what_is_hidden_is_not_said_and_works_all_the_same(own_server):
    instance = own_server(settings={"imap.hide_capabilities": "compress=deflate IDLE IMAP4rev1 APPENDLIMIT SASL-IR"})
    account = new_account(instance)
    client = Imap(instance.ports["imap"])
    greeted = words(client.greeting)
    assert {b"IMAP4rev1", b"IMAP4rev2", b"ID"} <= greeted and not {b"IDLE", b"SASL-IR"} & greeted
    login, _ = client.do('LOGIN "%s" "%s"' % (account.user, account.password))
    for said in (words(login), words(client.ok("CAPABILITY")[0])):
        assert {b"IMAP4rev1", b"UIDPLUS"} <= said
        assert not {b"IDLE", b"COMPRESS=DEFLATE"} & said and b"APPENDLIMIT" not in b" ".join(said)
    client.send(b"i IDLE\r\n")
    assert client.line().startswith(b"+")
    client.send(b"DONE\r\n")
    assert b"OK" in client.until(b"i")[0]
    client.ok("COMPRESS DEFLATE")


def test_a_reload_shows_it_again(own_server):
    instance = own_server(settings={"imap.hide_capabilities": "IDLE"})
    account = new_account(instance)
    assert b"IDLE" not in words(imap(account).ok("CAPABILITY")[0])
    instance.config.write_text(instance.config.read_text().replace('"IDLE"', '"MOVE"'))
    os.kill(instance.pid(), signal.SIGHUP)
    eventually(lambda: b"IDLE" in words(imap(account).ok("CAPABILITY")[0]), what="a reload")
    said = words(imap(account).ok("CAPABILITY")[0])
    assert b"MOVE" not in said
    eventually(lambda: b"IDLE" in words(Imap(instance.ports["imap"]).greeting), what="a reload of the gates")
