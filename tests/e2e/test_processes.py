"""Processes: any of them may die; the others go on; nothing acknowledged is lost."""

import fcntl
import os
import pathlib
import random
import re
import secrets
import signal
import smtplib
import socket
import threading
import time

import pytest
from conftest import SERVICES, deliver, eventually, message, new_account
from raw import Imap, imap


def roles(instance):
    """Role name -> process ids, by the titles that the processes give themselves."""
    found = {}
    pid = instance.pid()
    for child in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split():
        try:
            title = pathlib.Path("/proc/%s/cmdline" % child).read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        match = re.match(r"waxwing: (\w+)", title)
        if match:
            found.setdefault(match.group(1), []).append(int(child))
    return found


def answers(account):
    try:
        imap(account).ok("SELECT INBOX")
        return True
    except (OSError, EOFError, AssertionError):
        return False


def test_a_reload_during_the_start_is_not_lost(own_server):
    instance = own_server()
    instance.stop()
    starting = threading.Thread(target=instance.start)
    old = instance.process
    starting.start()
    eventually(lambda: instance.process is not old, what="a process")

    def takes_signals():
        blocked = re.search(r"SigBlk:\s*(\w+)", pathlib.Path("/proc/%d/status" % instance.process.pid).read_text()).group(1)
        return int(blocked, 16) >> (signal.SIGHUP - 1) & 1
    eventually(takes_signals, what="a supervisor that takes signals")
    os.kill(instance.process.pid, signal.SIGHUP)
    starting.join()
    eventually(lambda: "config.reloaded" in instance.log.read_text(), what="a reload")


def test_sessions_hear_why_they_end(own_server):
    from conftest import new_account
    from raw import imap
    instance = own_server()
    account = new_account(instance)
    first, second = imap(account, "INBOX"), imap(new_account(instance), "INBOX")
    instance.command("user", "password", account.user, stdin="another-one\n")
    assert first.line().startswith(b"* BYE This login is no longer valid")
    instance.stop()
    assert second.line().startswith(b"* BYE [UNAVAILABLE] The server is restarting")


def test_each_role_is_a_process_of_its_own_behind_walls(own_server):
    instance = own_server()
    # Serving begins before the last gate has built its walls: until then nobody is answered by it.
    eventually(lambda: {"gate", "lmtp", "auth", "mail", "parse"} <= set(roles(instance)), what="a process for each role")
    for role, pids in roles(instance).items():
        for pid in pids:
            read = pathlib.Path("/proc/%d/status" % pid).read_text
            eventually(lambda: "NoNewPrivs:\t1" in read() and ("WAXWING_SANITIZED" in os.environ or "Seccomp:\t2" in read()), what="the walls of " + role)
            status = read()
            assert "NoNewPrivs:\t1" in status, role
            if "WAXWING_SANITIZED" not in os.environ:
                assert "Seccomp:\t2" in status, role
            if os.geteuid() == 0:
                assert re.search(r"^Uid:\t(?!0\b)", status, re.M), "%s runs as root" % role


@pytest.mark.parametrize("role", ["gate", "lmtp", "auth", "mail", "parse"])
def test_a_killed_process_is_back_at_once(own_server, role):
    instance = own_server()
    account = new_account(instance)
    account.deliver(message("before"))
    idle = imap(account, "INBOX")
    old = roles(instance)
    for pid in old[role]:
        os.kill(pid, signal.SIGKILL)

    def all_new():
        now = set(roles(instance).get(role, []))
        return now and not now & set(old[role])

    eventually(all_new, 15, "the restart of " + role)
    eventually(lambda: answers(account), 15, "a login after the death of " + role)
    eventually(lambda: not _raises(lambda: account.deliver(message("after"))), 15, "a delivery after the death of " + role)
    assert account.imap().select("INBOX")[1] == [b"2"]
    if role in ("auth", "parse", "lmtp", "gate"):
        # Plain sessions stand in mail: they outlive every other process.
        idle.ok("NOOP")


def _raises(do):
    try:
        do()
        return False
    except Exception:  # noqa: BLE001
        return True


@pytest.mark.parametrize("fault", ["crash", "hang", "stall", "bloat"])
def test_a_message_that_breaks_parse_is_delivered_all_the_same(own_server, fault):
    instance = own_server(settings={"parse.fault": True})
    poisoned, other = new_account(instance), new_account(instance)
    witness = imap(other, "INBOX")
    octets = message("poison", "kept byte for byte\r\n", "X-Waxwing-Fault: %s\r\n" % fault)
    poisoned.deliver(octets)
    client = imap(poisoned, "INBOX")
    assert octets in b"".join(client.ok("FETCH 1 BODY.PEEK[]"))
    assert b"message could not be read" in b"".join(client.ok("FETCH 1 ENVELOPE"))
    assert b'"TEXT" "PLAIN"' in b"".join(client.ok("FETCH 1 BODYSTRUCTURE")).upper()
    witness.ok("NOOP")
    other.deliver(message("afterwards"))
    assert b"afterwards" in b"".join(imap(other, "INBOX").ok("FETCH 1 ENVELOPE"))


def test_an_account_whose_commands_crash_mail_is_refused_for_a_while_and_nobody_else(own_server):
    instance = own_server(settings={"mail.fault_keyword": "crash-me"})
    bad, good = new_account(instance), new_account(instance)
    bad.deliver(message())
    for _ in range(2):
        client = eventually(lambda: _or_none(lambda: imap(bad, "INBOX")), 15, "a login")
        client.send("x STORE 1 +FLAGS (crash-me)\r\n")
        with pytest.raises((EOFError, OSError)):
            client.until(b"x")
        eventually(lambda: answers(good), 15, "the others' logins")
    client = Imap(instance.ports["imap"])
    status, _ = client.do('LOGIN "%s" "%s"' % (bad.user, bad.password))
    assert b" NO " in status and b"UNAVAILABLE" in status, status
    good.deliver(message("good"))
    assert answers(good)
    with smtplib.LMTP("127.0.0.1", instance.ports["lmtp"], timeout=20) as lmtp:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            lmtp.sendmail("a@example.org", [bad.user], message())
    assert list(refused.value.recipients.values())[0][0] // 100 == 4


def _or_none(make):
    try:
        return make()
    except (OSError, EOFError, AssertionError):
        return None


def test_term_finishes_what_it_acknowledged_and_says_bye(own_server):
    instance = own_server()
    account = new_account(instance)
    account.deliver(message())
    client = imap(account, "INBOX")
    instance.stop()
    assert b"* BYE" in client.rest()
    instance.start()
    assert account.imap().select("INBOX")[1] == [b"1"]


def test_hup_reloads_and_a_faulty_file_changes_nothing(own_server):
    instance = own_server()
    account = new_account(instance)
    client = imap(account)
    good = instance.config.read_text()
    instance.config.write_text(good + "\nno_such_key = 1;\n")
    os.kill(instance.pid(), signal.SIGHUP)
    eventually(lambda: "no_such_key" in instance.log.read_text(errors="replace"), what="the complaint")
    client.ok("NOOP")
    assert answers(account)
    instance.config.write_text(good)
    os.kill(instance.pid(), signal.SIGHUP)
    time.sleep(0.5)
    client.ok("NOOP")
    assert answers(account)


def test_a_second_start_finds_everything(own_server):
    instance = own_server()
    account = new_account(instance)
    client = imap(account)
    client.ok("CREATE kept/deep")
    for number in range(30):
        account.deliver(message("n%d" % number))
    client.ok("SELECT INBOX")
    client.ok("STORE 1:10 +FLAGS (\\Seen kw)")
    client.ok("STORE 5 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    before = client.ok("FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)")
    instance.kill()
    instance.start()
    client = imap(account)
    assert b"kept/deep" in b"".join(client.ok('LIST "" "*"'))
    client.ok("SELECT INBOX")
    assert client.ok("FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)") == before
    instance.stop()
    instance.command("check")
    instance.start()


def test_a_server_waits_for_what_a_killed_one_still_holds(own_server):
    instance = own_server()
    account = new_account(instance)
    instance.stop()
    held = [socket.create_server(("127.0.0.1", instance.ports["imap"])), socket.socket(socket.AF_UNIX), open(instance.folder / "store" / "lock", "r+")]
    path = instance.folder / "run" / "control"
    path.unlink(missing_ok=True)
    held[1].bind(str(path))
    held[1].listen()
    fcntl.flock(held[2], fcntl.LOCK_EX)
    releases = [threading.Timer(0.5 * turn, thing.close) for turn, thing in enumerate(held, 1)]
    for release in releases:
        release.start()
    instance.start()
    assert answers(account)
    for release in releases:
        release.join()


def test_nothing_acknowledged_is_lost_over_kill_9(own_server):
    """Deliveries, appends, flags and expunges run while the whole family is killed; what was answered must be there."""
    cycles = int(os.environ.get("WAXWING_KILL_CYCLES", "5"))
    instance = own_server()
    account = new_account(instance)
    rng = random.Random(7)
    acknowledged, expunged = set(), set()
    for cycle in range(cycles):
        stop = threading.Event()
        lock = threading.Lock()

        def lmtp_client(number):
            while not stop.is_set():
                ident = secrets.token_hex(8)
                try:
                    deliver(instance, message(ident), [account.user])
                except Exception:  # noqa: BLE001
                    continue
                with lock:
                    acknowledged.add(ident)

        def imap_client():
            while not stop.is_set():
                try:
                    client = imap(account, "INBOX")
                    while not stop.is_set():
                        ident = secrets.token_hex(8)
                        octets = message(ident)
                        client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets))
                        with lock:
                            acknowledged.add(ident)
                        rows = client.ok("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
                        if len(rows) > 4:
                            uid, ident = re.search(rb"UID (\d+).*?Subject: (\w+)", rows[0], re.S).groups()
                            client.ok(b"UID STORE %s +FLAGS (\\Deleted)" % uid)
                            with lock:
                                expunged.add(ident.decode())  # from here on either is right
                            client.ok(b"UID EXPUNGE " + uid)
                except Exception:  # noqa: BLE001
                    continue

        threads = [threading.Thread(target=lmtp_client, args=(n,)) for n in range(2)] + [threading.Thread(target=imap_client)]
        for t in threads:
            t.start()
        time.sleep(rng.uniform(0.2, 0.9))
        instance.kill()
        stop.set()
        for t in threads:
            t.join()
        instance.start()
        client = imap(account, "INBOX")
        rows = client.ok("FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])") if acknowledged - expunged else []
        present = [re.search(rb"Subject: (\w+)", r).group(1).decode() for r in rows if b"Subject" in r]
        assert not (acknowledged - expunged) - set(present), "acknowledged and lost (cycle %d)" % cycle
        assert len(present) == len(set(present)), "there twice (cycle %d)" % cycle
        uids = [int(re.search(rb"UID (\d+)", r).group(1)) for r in rows if b"UID" in r]
        assert uids == sorted(set(uids))
    instance.stop()
    instance.command("check", "--blobs")
