"""Hostile cases after an IMAP login: O09 to O26 of docs/threat-model.md. Safe also means: nobody else notices."""

import os
import re
import threading
import time

import pytest
from conftest import eventually, message
from hostile import SANITISED, memory_kib, within, witnessed
from raw import imap
from test_cap_multiappend import with_quota
from test_imap import append


@pytest.fixture(autouse=True)
def witness(server, account):
    yield from witnessed(server, account)


def answer(status):
    """The tagged answer without its tag."""
    return status.split(b" ", 1)[1]


def spool(server):
    return [p for p in (server.folder / "spool").rglob("*") if p.is_file()]


@pytest.mark.parametrize("count,size", [(1001, 102400), (1001, 1)])
def test_many_literals_in_one_command_are_too_big(account, count, size):
    """O09"""
    client = imap(account, "INBOX")
    client.send(b"a SEARCH")
    stop = threading.Event()

    def send():
        try:
            for _ in range(count):
                client.send(b" TEXT {%d+}\r\n" % size + b"x" * size)
                if stop.is_set():
                    return
            client.send(b"\r\n")
        except OSError:
            pass

    sender = threading.Thread(target=send)
    sender.start()
    line = client.line()
    stop.set()
    assert line.startswith(b"a BAD [TOOBIG]") or line.startswith(b"* BYE"), line
    sender.join()


@pytest.mark.parametrize("program", ["NOT " * 10000 + "ALL", "OR " * 5000 + "ALL " * 5001, "(" * 10000 + "ALL" + ")" * 10000], ids=["not", "or", "lists"])
def test_a_deep_search_is_refused(account, program):
    """O10"""
    client = imap(account, "INBOX")
    assert answer(client.do("SEARCH " + program)[0]).startswith(b"BAD [LIMIT]")
    client.ok("NOOP")


def test_a_search_of_more_than_a_command_may_hold_is_too_big(account):
    """O10"""
    client = imap(account, "INBOX")
    assert answer(client.do("SEARCH " + "NOT " * 20000 + "ALL")[0]).startswith(b"BAD [TOOBIG]")


@pytest.mark.parametrize("command,codes", [
    ("FETCH 1:* BODY[" + ".".join(["1"] * 5000) + "]", (b"BAD",)),  # O11
    ("FETCH 1 BODY[]<4294967295.4294967295>", (b"BAD", b"OK")),  # O12
    ("FETCH 1 BODY[]<4294967296.1>", (b"BAD", b"OK")), ("FETCH 1 BODY[]<99999999999999999999.1>", (b"BAD",)),  # O12
    ("UID FETCH 0 FLAGS", (b"BAD",)), ("FETCH 4294967296 FLAGS", (b"BAD",)), ("FETCH -1 FLAGS", (b"BAD",)), ("SEARCH UID 99999999999", (b"BAD",)), ("FETCH 1 (" * 2000, (b"BAD",)),
    ("REPLACE 0 INBOX {5+}\r\nA: b\n", (b"BAD",)), ("UID REPLACE 0 INBOX {5+}\r\nA: b\n", (b"BAD",)), ("REPLACE 1:2 INBOX {5+}\r\nA: b\n", (b"BAD",)),  # O21
    ("UID FETCH 1:* FLAGS (PARTIAL 99999999999:1)", (b"BAD",)), ("UID SEARCH RETURN (PARTIAL 99999999999:1) ALL", (b"BAD",)), ("UID SEARCH RETURN (PARTIAL 0:1) ALL", (b"BAD",)),  # O21
])
def test_bad_arguments_get_a_clear_answer(account, command, codes):
    """O11, O12, O21"""
    account.deliver(message())
    client = imap(account, "INBOX")
    status, untagged = client.do(command)
    assert status.split(b" ", 2)[1] in codes, status[:200]
    if status.split(b" ", 2)[1] == b"OK":
        assert b'> ""' in b"".join(untagged) or b"> {0}" in b"".join(untagged)
    client.ok("NOOP")


def test_more_keywords_than_an_account_has_are_refused(account):
    """O13"""
    account.deliver(message())
    client = imap(account, "INBOX")
    assert answer(client.do("STORE 1 +FLAGS (%s)" % " ".join("k%d" % n for n in range(1000)))[0]).startswith(b"NO [LIMIT]")
    assert b"k1" not in b"".join(client.ok("FETCH 1 FLAGS"))
    assert answer(client.do("STORE 1 +FLAGS (" + " ".join("k%d" % n for n in range(100000)) + ")")[0]).startswith(b"BAD [TOOBIG]")


def test_a_thousand_wildcards_over_many_names_hold_nobody_up(account, witness):
    """O14. The pattern that costs most against these names; the witness' commands go on beside it."""
    client, count = imap(account), 2000
    client.send("".join("c%d CREATE %s%d\r\n" % (n, "ab" * 50, n) for n in range(count)))
    client.until(b"c%d" % (count - 1))
    for pattern in ("*%" * 1000 + "x", "a*" * 100 + "x", "%a" * 100 + "x"):
        with within(account.instance, 2):
            client.send('a LIST "" "%s"\r\n' % pattern)
            while not client.buffer.startswith(b"a OK"):
                witness.ok("NOOP")
                client.socket.settimeout(0.01)
                try:
                    client.buffer += client.socket.recv(65536)
                except TimeoutError:
                    pass
        assert client.line().startswith(b"a OK")
        client.socket.settimeout(20)


@pytest.mark.parametrize("name,codes", [
    ("../../etc/x", (b"NO",)), ("a//b", (b"NO",)), ("/a", (b"NO",)), (".", (b"NO",)), ("..", (b"NO",)), ("a/../b", (b"NO",)), ("/".join(["x"] * 1000), (b"NO",)), ("n" * 10000, (b"NO", b"BAD")),
])
def test_names_never_become_paths(server, account, name, codes):
    """O15"""
    def files():
        return {p for p in server.folder.rglob("*") if p.suffix not in (".vol", ".sst", ".log")}

    before, outside = files(), os.path.exists("/etc/x")
    client = imap(account)
    assert client.do("CREATE " + name)[0].split(b" ", 2)[1] in codes
    assert files() - before <= {p for p in files() if p.is_relative_to(server.folder / "store")}
    assert os.path.exists("/etc/x") == outside


@pytest.mark.parametrize("name", ["&", "&-&-", "&Jjo", "&JjoJjo-", "&2AA-", "&AGE-", "&Jjo-&Jjo-", "&JjoAAA-", "&JjoA-", "x&", "&-a", "&AAA-"])
def test_a_name_has_one_form(account, name):
    """O16: refused, or it is the one form: nothing else can be created that reads alike."""
    client, before = imap(account), {}

    def names(how):
        return {re.search(rb'"/" "?(.*?)"?\r\n', row, re.S).group(1) for row in client.ok(how + ' "" *')}

    before = names("LIST")
    status, _ = client.do("CREATE " + name)
    if status.split()[1] != b"OK":
        assert names("LIST") == before
        return
    created = names("LIST") - before
    assert created == {name.encode()}
    assert answer(client.do("CREATE " + name)[0]).startswith(b"NO [ALREADYEXISTS]")
    modern = imap(account)
    modern.ok("ENABLE UTF8=ACCEPT")
    rows = [re.search(rb'"/" "?(.*?)"?\r\n', row, re.S).group(1) for row in modern.ok('LIST "" *')]
    assert len(rows) == len(set(rows)) == len(before) + 1
    text = (set(rows) - before).pop()
    assert answer(modern.do(b'CREATE "%s"' % text)[0]).startswith(b"NO [ALREADYEXISTS]")


def test_an_append_over_quota_or_over_size_is_refused_before_its_data(server, account):
    """O17"""
    for who, octets in ((account, 10 << 30), (with_quota(server, 1 << 30), 10 << 30), (with_quota(server, 1 << 20), 10 << 20)):
        client = imap(who)
        client.send(b"a APPEND INBOX {%d}\r\n" % octets)
        line = client.line()
        assert re.match(rb"a NO \[(OVERQUOTA|TOOBIG)\]", line), line
        client.ok("NOOP")
    assert b"OVERQUOTA" in line


@pytest.mark.parametrize("octets", [4294967296, 9223372036854775808, 99999999999999999999])
@pytest.mark.parametrize("command", ["APPEND INBOX", "SEARCH TEXT", "REPLACE 1 INBOX", "APPEND INBOX CATENATE (TEXT", "APPEND INBOX CATENATE (URL"])
def test_behind_a_literal_of_any_size_nothing_is_a_command(account, command, octets):
    """O17, O03 after login"""
    client = imap(account, "INBOX")
    client.send("a %s {%d+}\r\nb CREATE smuggled\r\nc LOGOUT\r\n" % (command, octets))
    time.sleep(0.05)
    client.close()
    assert imap(account).ok('LIST "" smuggled') == []


def test_an_append_that_dies_stores_nothing(server, account):
    """O18: at each percent of a message that goes to the spool file, and of a small one."""
    for size in (60000, 600000):
        octets = message("dies", "y" * 78 + "\r\n") + (b"y" * 78 + b"\r\n") * (size // 80)
        for percent in range(100):
            client = imap(account)
            client.send(b"a APPEND INBOX {%d+}\r\n" % len(octets))
            client.send(octets[: len(octets) * percent // 100])
            client.close()
    eventually(lambda: not spool(server), what="giving the spool's room back")
    client = imap(account)
    assert b"MESSAGES 0 SIZE 0" in b"".join(client.ok("STATUS INBOX (MESSAGES SIZE)"))


@pytest.mark.parametrize("form", [b"{%d+}", b"~{%d+}"])
def test_a_message_with_nul_is_whole(account, form):
    """O19"""
    octets = message("nul", "before\0after\r\n\0\0\0\r\nend\r\n")
    client = imap(account)
    client.send(b"a APPEND INBOX " + form % len(octets) + b"\r\n" + octets + b"\r\n")
    status, _ = client.until(b"a")
    if status.split()[1] != b"OK":
        return
    client.ok("SELECT INBOX")
    assert b"RFC822.SIZE %d" % len(octets) in b"".join(client.ok("FETCH 1 RFC822.SIZE"))
    assert b"\r\nend\r\n" in b"".join(client.ok("FETCH 1 BODY.PEEK[]"))
    got = b"".join(client.ok("FETCH 1 BINARY.PEEK[1]"))
    assert b"before" in got and b"after\r\n" in got and b"end\r\n" in got


def test_copying_in_a_loop_ends_at_the_quota_and_the_count_is_exact(server):
    """O20"""
    who = with_quota(server, 300_000)
    client = imap(who)
    sizes = []
    for n in range(3):
        octets = message("copied", "z" * (500 + 333 * n) + "\r\n")
        sizes.append(len(octets))
        append(client, octets)
    client.ok("SELECT INBOX")
    for _ in range(12):
        status, _ = client.do("COPY 1:* INBOX")
        if status.split()[1] != b"OK":
            break
    assert answer(status).startswith(b"NO [OVERQUOTA]")
    status, _ = client.do("COPY 1 INBOX")
    rows = b"".join(client.ok("FETCH 1:* RFC822.SIZE"))
    total = sum(int(size) for size in re.findall(rb"RFC822.SIZE (\d+)", rows))
    assert total <= 300_000
    assert total % sum(sizes) in (0, sizes[0])
    assert b"STORAGE %d " % ((total + 1023) // 1024) in b"".join(client.ok("GETQUOTA account"))
    assert b"SIZE %d)" % total in b"".join(client.ok("STATUS INBOX (SIZE)"))


def test_what_another_user_has_can_not_be_told_from_what_nobody_has(account, other):
    """O22: the same words, whether the mailbox is there or not."""
    owner = imap(other)
    owner.ok("CREATE Secret")
    client = imap(account)
    forms = ["%s", "%s/Secret", "user/%s/Secret", "~%s/Secret", "Other Users/%s/Secret", "Other Users/%s", "#user/%s/Secret"]
    commands = ["STATUS \"%s\" (MESSAGES)", "SELECT \"%s\"", "EXAMINE \"%s\"", "GETMETADATA \"%s\" /private/comment", "LIST \"\" \"%s\"", "LSUB \"\" \"%s\"", "GETQUOTAROOT \"%s\"",
                "DELETE \"%s\"", "RENAME \"%s\" \"Other Users/nobody/x\"", "MYRIGHTS \"%s\"", "GETACL \"%s\"", "SUBSCRIBE \"%s\"", "UNSUBSCRIBE \"%s\"", "SETMETADATA \"%s\" (/private/comment \"x\")"]
    nobody = "n" * len(other.user)
    for form in forms:
        for command in commands:
            there, absent = ([answer(status), *untagged] for status, untagged in (client.do(command % (form % name)) for name in (other.user, nobody)))
            assert [line.replace(other.user.encode(), nobody.encode()) for line in there] == absent, command % (form % other.user)


def test_thread_and_sort_are_consistent_while_another_session_expunges(account):
    """O23"""
    count = 300
    client = imap(account)
    client.send(b"".join(b"%d APPEND INBOX {%d+}\r\n%s\r\n" % (n, len(octets), octets) for n, octets in
                         ((n, message("subject %d" % (n % 7), "b\r\n", "References: <r%d@x>\r\n" % (n % 11))) for n in range(1, count + 1))))
    client.until(b"%d" % count)
    client.ok("SELECT INBOX")
    other, over, failures = imap(account, "INBOX"), threading.Event(), []

    def expunge():
        try:
            for uid in range(1, count + 1, 2):
                other.ok("UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid)
                other.ok("UID EXPUNGE %d" % uid)
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        over.set()

    expunger = threading.Thread(target=expunge)
    expunger.start()
    gone, known = set(), set(range(1, count + 1))
    while not over.is_set():
        for command in ("UID SORT (SUBJECT REVERSE ARRIVAL) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL", "UID THREAD ORDEREDSUBJECT UTF-8 ALL"):
            rows = client.ok(command)
            uids = [int(n) for row in rows if row.startswith((b"* SORT", b"* THREAD")) for n in re.findall(rb"\d+", row)]
            assert len(uids) == len(set(uids)), "a message twice"
            assert set(uids) <= known - gone, "a message that was gone before"
            assert {uid for uid in known if uid % 2 == 0} <= set(uids), "a message that nobody expunged is missing"
            gone |= known - set(uids)
    expunger.join()
    assert not failures
    client.ok("NOOP")
    uids = sorted(int(n) for n in re.findall(rb"\d+", client.ok("UID SORT (ARRIVAL) UTF-8 ALL")[-1]))
    assert uids == list(range(2, count + 1, 2))


def test_many_idle_sessions_cost_little_and_slow_nobody(server, witness):
    """O24, small: 1,000 sessions of 20 users. script/bench has the figures for many."""
    from conftest import new_account
    users = [new_account(server) for _ in range(20)]
    before, clients = memory_kib(server), []
    for user in users:
        for n in range(50):
            client = imap(user, "INBOX")
            client.send(b"i IDLE\r\n")
            clients.append(client)
    for client in clients:
        assert client.line().startswith(b"+")
    if not SANITISED:
        assert memory_kib(server) - before < 1000 * 64
    with within(server, 1):
        for n in range(100):
            witness.ok("NOOP")
    for user in users:
        user.deliver(message())
    for client in clients:
        assert client.line() == b"* 1 EXISTS\r\n"
        client.close()


def test_who_asks_for_news_and_never_reads_is_held_short(server, account, witness):
    """O25: NOTIFY and a context on many mailboxes, on a connection whose client reads nothing."""
    writer, names = imap(account), ["n%03d" % n for n in range(300)]
    writer.send("".join("c%d CREATE %s\r\n" % (n, name) for n, name in enumerate(names)))
    writer.until(b"c%d" % (len(names) - 1))
    octets = message("news", "x" * 500 + "\r\n")
    deaf = imap(account, "INBOX")
    deaf.send(b"s UID SEARCH RETURN (UPDATE ALL) UNSEEN\r\n")
    deaf.until(b"s")
    deaf.send(b"t NOTIFY SET (personal (MessageNew MessageExpunge FlagChange)) (selected (MessageNew (FLAGS ENVELOPE BODY.PEEK[]) MessageExpunge FlagChange))\r\n")
    before = memory_kib(server)
    writer.ok("SELECT INBOX")
    for n in range(100):
        writer.send(b"".join(b"%d.%d APPEND %s {%d+}\r\n%s\r\n" % (n, m, name, len(octets), octets) for m, name in enumerate([b"INBOX", names[3 * n].encode(), names[3 * n + 1].encode(), names[3 * n + 2].encode()])))
        writer.until(b"%d.3" % n)
        writer.ok("STORE 1:* +FLAGS (\\Flagged)" if n % 2 else "STORE 1:* -FLAGS (\\Flagged)")
        witness.ok("NOOP")
    if not SANITISED:
        assert memory_kib(server) - before < 40_000
    deaf.close()


def test_a_long_list_of_known_uids_is_refused_or_served_soon(account):
    """O26"""
    octets = message()
    client = imap(account)
    client.send(b"".join(b"%d APPEND INBOX {%d+}\r\n%s\r\n" % (n, len(octets), octets) for n in range(1, 201)))
    client.until(b"200")
    client.ok("ENABLE QRESYNC")
    validity = int(re.search(rb"UIDVALIDITY (\d+)", b"".join(client.ok("STATUS INBOX (UIDVALIDITY)"))).group(1))

    def uids(size):
        text, n = [], 1
        while size > 0:
            text.append("%d:%d" % (n, n + 1) if n % 3 else "%d" % n)
            size -= len(text[-1]) + 1
            n += 3
        return ",".join(text)

    with within(account.instance, 0.5):
        rows = client.ok("SELECT INBOX (QRESYNC (%d 1 %s))" % (validity, uids(60000)))
    assert sum(b"FETCH" in row for row in rows) <= 200
    assert answer(client.do("SELECT INBOX (QRESYNC (%d 1 %s))" % (validity, uids(1 << 20)))[0]).startswith(b"BAD [TOOBIG]")


def test_a_list_that_is_too_long_is_refused_and_ends_nobody(account, other):
    """Names of 32 levels and 8 KiB: a list of them all takes more than a command may hold."""
    witness = imap(other, "INBOX")
    client = imap(account)
    deep = "/".join("%02d" % level + "x" * 250 for level in range(31))
    client.send(b"".join(b'c%d CREATE "%s/%d"\r\n' % (n, deep.encode(), n) for n in range(2000)))
    answers = {client.until(b"c%d" % n)[0].split()[1] for n in range(2000)}
    assert answers == {b"OK"}
    for command in ('LIST "" *', 'LSUB "" *', 'LIST "" % RETURN (STATUS (MESSAGES))', "NOTIFY SET STATUS (personal (MessageNew MessageExpunge))"):
        status, _ = client.do(command)
        assert status.split()[1] in (b"NO", b"OK"), status
    assert client.do('LIST "" *')[0].split(b" ", 1)[1].startswith(b"NO [LIMIT]")
    account.deliver(message("arrives"), to=account.user + "+nosuch@example.org")  # looked for in the list: INBOX will do
    client.ok("SELECT INBOX")
    client.ok('RENAME "%s" short' % deep.split("/")[0])
    client.ok('DELETE "short/%s/7"' % deep.split("/", 1)[1])
    witness.ok("NOOP")
