"""APOP (RFC 1939 7): off unless the administrator asks for it, and only for users with a secret of its own."""

import hashlib
import poplib
import shutil
import subprocess

import pytest
from conftest import message, new_account
from raw import Raw


@pytest.fixture
def apop(own_server):
    instance = own_server(settings={"pop3.apop": "true"})
    account = new_account(instance)
    account.deliver(message("of apop"))
    instance.command("user", "apop", account.user, stdin="a secret of its own\n")
    return account


def digest(stamp, secret):
    return hashlib.md5(stamp + secret).hexdigest().encode()


def opened(account):
    client = Raw(account.instance.ports["pop3"])
    line = client.line()
    return client, line[line.index(b"<"):line.index(b">") + 1]


def test_poplib_logs_in_with_the_secret_and_not_with_the_password(apop):
    client = poplib.POP3("127.0.0.1", apop.instance.ports["pop3"])
    assert client.apop(apop.user, "a secret of its own").startswith(b"+OK")
    assert client.stat()[0] == 1
    client.quit()
    client = poplib.POP3("127.0.0.1", apop.instance.ports["pop3"])
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        client.apop(apop.user, apop.password)
    client.user(apop.user)  # and the password still does
    assert client.pass_(apop.password).startswith(b"+OK")


@pytest.mark.skipif(not shutil.which("mpop"), reason="mpop is not installed")
def test_mpop_retrieves_with_apop(apop, tmp_path):
    box = tmp_path / "box"
    box.touch()
    done = subprocess.run(["mpop", "--host=127.0.0.1", "--port=%d" % apop.instance.ports["pop3"], "--user=%s" % apop.user, "--auth=apop", "--tls=off",
                           "--passwordeval=echo a secret of its own", "--delivery=mbox,%s" % box, "--uidls-file=%s" % (tmp_path / "uidls")],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Subject: of apop" in box.read_text()


def test_a_timestamp_is_used_once_and_never_repeated(apop):
    client, stamp = opened(apop)
    name = apop.user.encode()
    right = digest(stamp, b"a secret of its own")
    client.send(b"APOP %s %s\r\n" % (name, digest(stamp, b"wrong")))
    assert client.line().startswith(b"-ERR [AUTH]")
    client.send(b"APOP %s %s\r\n" % (name, right))
    assert client.line().startswith(b"-ERR"), "the same timestamp again"
    other, again = opened(apop)
    assert again != stamp
    other.send(b"APOP %s %s\r\n" % (name, right))
    assert other.line().startswith(b"-ERR [AUTH]"), "another connection's digest"


def test_odd_arguments_are_refused(apop):
    for line in (b"APOP", b"APOP ann", b"APOP ann " + b"a" * 31, b"APOP ann " + b"a" * 33, b"APOP " + b"x" * 300 + b" " + b"a" * 32):
        client, stamp = opened(apop)
        client.send(line + b"\r\n")
        assert client.line().startswith(b"-ERR"), line
    client.send(b"APOP %s %s\r\n" % (apop.user.encode(), digest(stamp, b"a secret of its own").upper()))
    assert client.line().startswith(b"-ERR [AUTH]"), "digits are in lower case"


def test_without_a_secret_there_is_no_apop(apop):
    instance = apop.instance
    instance.command("user", "apop", apop.user, "--remove")
    client, stamp = opened(apop)
    client.send(b"APOP %s %s\r\n" % (apop.user.encode(), digest(stamp, b"a secret of its own")))
    assert client.line().startswith(b"-ERR [AUTH]")
    client, stamp = opened(apop)
    client.send(b"APOP nobody %s\r\n" % digest(stamp, b""))
    assert client.line().startswith(b"-ERR [AUTH]")


def test_it_is_off_by_default(account):
    client = Raw(account.instance.ports["pop3"])
    assert b"<" not in client.line()
    client.send(b"APOP %s %s\r\n" % (account.user.encode(), b"0" * 32))
    assert client.line().startswith(b"-ERR")
