"""POP3: RFC 1939 with CAPA, STLS, UIDL, TOP, PIPELINING, RESP-CODES."""

import poplib

import pytest
from conftest import eventually, message
from raw import Raw, imap


def login(account):
    client = Raw(account.instance.ports["pop3"])
    client.line()
    client.send(b"USER %s\r\nPASS %s\r\n" % (account.user.encode(), account.password.encode()))
    client.line()
    assert client.line().startswith(b"+OK")
    return client


def lines(client):
    """A multi-line answer without its dots."""
    first = client.line()
    assert first.startswith(b"+OK"), first
    got = []
    while True:
        line = client.line()
        if line == b".\r\n":
            return got
        got.append(line[1:] if line.startswith(b".") else line)


def test_capa_before_and_after_login(account):
    client = Raw(account.instance.ports["pop3"])
    assert client.line().startswith(b"+OK")
    client.send("CAPA\r\n")
    before = {line.split()[0] for line in lines(client)}
    assert {b"TOP", b"USER", b"UIDL", b"RESP-CODES", b"PIPELINING", b"STLS", b"SASL", b"AUTH-RESP-CODE"} <= before
    after_client = login(account)
    after_client.send("CAPA\r\n")
    after = {line.split()[0] for line in lines(after_client)}
    assert {b"TOP", b"UIDL", b"RESP-CODES", b"PIPELINING"} <= after and b"STLS" not in after


def test_sizes_dots_and_missing_line_ends_are_exact(account):
    stuffed = message("dots", ".\r\n..\r\n.x\r\nend\r\n")
    client = imap(account)
    for octets in (stuffed, b"Subject: no end\r\n\r\nlast line", b"Subject: no body\r\n\r\n", b"no header at all\r\n"):
        client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets))
    pop = login(account)
    pop.send("LIST\r\n")
    sizes = [int(line.split()[1]) for line in lines(pop)]
    for number, octets in enumerate((stuffed, b"Subject: no end\r\n\r\nlast line", b"Subject: no body\r\n\r\n", b"no header at all\r\n"), 1):
        pop.send("RETR %d\r\n" % number)
        got = b"".join(lines(pop))
        assert got in (octets, octets + b"\r\n")
        assert sizes[number - 1] == len(got)


def test_top_gives_headers_and_that_many_lines(account):
    account.deliver(message("top", "one\r\ntwo\r\nthree\r\n"))
    pop = login(account)
    pop.send("TOP 1 0\r\n")
    assert lines(pop)[-1] == b"\r\n"
    pop.send("TOP 1 2\r\n")
    assert lines(pop)[-3:] == [b"\r\n", b"one\r\n", b"two\r\n"]
    pop.send("TOP 1 100\r\n")
    assert lines(pop)[-1] == b"three\r\n"


def test_uidl_is_stable_and_survives_deletions(account):
    for number in range(5):
        account.deliver(message("n%d" % number))
    pop = login(account)
    pop.send("UIDL\r\n")
    first = dict(line.split() for line in lines(pop))
    assert len(set(first.values())) == 5
    pop.send("DELE 2\r\nQUIT\r\n")
    assert pop.line().startswith(b"+OK") and pop.line().startswith(b"+OK")
    pop = eventually(lambda: _login_or_none(account))
    pop.send("UIDL\r\n")
    second = [line.split()[1] for line in lines(pop)]
    assert second == [first[n] for n in (b"1", b"3", b"4", b"5")]


def _login_or_none(account):
    try:
        return login(account)
    except AssertionError:
        return None


def test_a_second_session_is_in_use_and_a_killed_ones_lock_is_free(account):
    account.deliver(message())
    first = login(account)
    client = Raw(account.instance.ports["pop3"])
    client.line()
    client.send(b"USER %s\r\nPASS %s\r\n" % (account.user.encode(), account.password.encode()))
    client.line()
    assert client.line().startswith(b"-ERR [IN-USE]")
    first.close()
    eventually(lambda: _login_or_none(account), 5, "the lock's release")


def test_commands_may_be_pipelined(account):
    for number in range(10):
        account.deliver(message("n%d" % number))
    pop = login(account)
    pop.send(b"STAT\r\n" + b"".join(b"RETR %d\r\n" % n for n in range(1, 11)) + b"NOOP\r\nDELE 1\r\nRSET\r\nQUIT\r\n")
    assert pop.line().startswith(b"+OK 10 ")
    for number in range(10):
        assert b"Subject: n%d\r\n" % number in lines(pop)
    for _ in range(4):
        assert pop.line().startswith(b"+OK")
    assert account.imap().select("INBOX")[1] == [b"10"]


def test_wrong_passwords_carry_the_auth_code(account):
    with pytest.raises(poplib.error_proto) as error:
        client = poplib.POP3("127.0.0.1", account.instance.ports["pop3"], timeout=30)
        client.user(account.user)
        client.pass_("wrong")
    assert b"[AUTH]" in error.value.args[0]


def test_what_imap_expunges_meanwhile_keeps_its_number_in_the_pop_session(account):
    for number in range(3):
        account.deliver(message("n%d" % number))
    pop = login(account)
    client = imap(account, "INBOX")
    client.ok("STORE 2 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    pop.send("STAT\r\nRETR 3\r\n")
    assert pop.line().startswith(b"+OK 3 ")
    assert b"Subject: n2\r\n" in lines(pop)
    pop.send("DELE 2\r\nDELE 3\r\nQUIT\r\n")
    for _ in range(3):
        assert pop.line().startswith(b"+OK")
    assert account.imap().select("INBOX")[1] == [b"1"]


def test_a_dot_at_any_place_of_a_long_line_is_stuffed(account):
    client = imap(account)
    octets = [b"Subject: d\r\n\r\n" + b"x" * count + b"\r\n.dot\r\n" + b"y" * 300 + b"\r\n" for count in range(225, 260)]
    for one in octets:
        client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(one), one))
    pop = login(account)
    for number, one in enumerate(octets, 1):
        pop.send("RETR %d\r\n" % number)
        first = pop.line()
        assert first == b"+OK %d octets\r\n" % len(one)
        assert pop.exactly(len(one) + 4) == one.replace(b"\n.dot", b"\n..dot") + b".\r\n"


def test_numbers_in_odd_forms_are_errors_and_harm_nothing(account):
    for number in range(12):
        account.deliver(message("n%d" % number))
    pop = login(account)
    odd = ("0", "-1", "+1", "01", "1.0", "0x1", "1e1", "one", "13", "4294967297", "18446744073709551617", "1 2", "*", "1:2", "\x001", "")
    for command in ("RETR", "DELE"):
        for number in odd:
            pop.send("%s %s\r\n" % (command, number))
            assert pop.line().startswith(b"-ERR"), (command, number)
        pop.send("NOOP\r\n")
        assert pop.line() == b"+OK\r\n"
        pop.send("QUIT\r\n")
        pop.line()
        pop.rest()
        pop = login(account)
    for line in ("TOP 1", "TOP 1 -1", "TOP 1 01", "TOP 1 x", "TOP 1 2 3", "LIST 0", "LIST 99", "UIDL 01", "UIDL 1 1", "STAT 1", "NOOP 1"):
        pop.send(line + "\r\n")
        assert pop.line().startswith(b"-ERR"), line
    pop.send("STAT\r\n")
    assert pop.line().startswith(b"+OK 12 ")


def test_a_deleted_message_is_none_until_rset(account):
    for number in range(3):
        account.deliver(message("n%d" % number))
    pop = login(account)
    pop.send("STAT\r\nDELE 2\r\nSTAT\r\nLIST\r\n")
    whole, _, less = pop.line(), pop.line(), pop.line()
    assert whole.split()[1] == b"3" and less.split()[1] == b"2"
    sizes = [int(line.split()[1]) for line in lines(pop)]
    assert len(sizes) == 2 and sum(sizes) == int(less.split()[2])
    for command in ("RETR 2", "DELE 2", "LIST 2", "UIDL 2", "TOP 2 1"):
        pop.send(command + "\r\n")
        assert pop.line().startswith(b"-ERR")
    pop.send("RSET\r\nSTAT\r\n")
    assert pop.line().startswith(b"+OK")
    assert pop.line() == whole


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("where", ["idle", "in the middle of a command", "in the middle of RETR"])
def test_a_killed_clients_lock_is_free_within_five_seconds(account, tls, where):
    big = message("big", "x" * 998 + "\r\n" + ("y" * 998 + "\r\n") * 20000)
    client = imap(account)
    client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(big), big))
    pop = Raw(account.instance.ports["pop3s" if tls else "pop3"])
    if tls:
        pop.starttls(account.tls_context())
    pop.line()
    pop.send("USER %s\r\nPASS %s\r\n" % (account.user, account.password))
    pop.line()
    assert pop.line().startswith(b"+OK 1 ")
    if where == "in the middle of a command":
        pop.send("RETR")
    elif where == "in the middle of RETR":
        pop.send("DELE 1\r\n" "RSET\r\n" + "RETR 1\r\n" * 5)
        pop.line(), pop.line(), pop.line()
    pop.close()
    again = eventually(lambda: _login_or_none(account), 5, "the lock's release")
    again.send("STAT\r\n")
    assert again.line() == b"+OK 1 %d\r\n" % len(big)


def test_what_pop_removes_imap_sees_go_and_what_imap_adds_the_next_session_has(account):
    for number in range(3):
        account.deliver(message("n%d" % number))
    client = imap(account, "INBOX")
    pop = login(account)
    added = message("n3")
    client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(added), added))
    client.ok("STORE 3 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    client.ok("MOVE 2 Trash")
    pop.send("STAT\r\nRETR 2\r\nRETR 3\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n")
    assert pop.line().startswith(b"+OK 3 ")
    assert b"Subject: n1\r\n" in lines(pop) and b"Subject: n2\r\n" in lines(pop)
    for _ in range(3):
        assert pop.line().startswith(b"+OK")
    pop.rest()
    untagged = client.ok("NOOP")
    assert b"* 1 EXPUNGE\r\n" in untagged
    assert account.imap().select("Trash")[1] == [b"1"], "DELE of what IMAP moved must not reach it"
    pop = login(account)
    pop.send("RETR 1\r\n")
    assert b"Subject: n3\r\n" in lines(pop)
    pop.send("STAT\r\n")
    assert pop.line().startswith(b"+OK 1 ")


def test_capabilities_of_the_standard_are_all_there(account):
    client = Raw(account.instance.ports["pop3"])
    assert b"<" not in client.line(), "a timestamp would offer APOP"
    client.send("CAPA\r\n")
    capabilities = lines(client)
    for line in (b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING", b"EXPIRE NEVER", b"LOGIN-DELAY 0", b"UTF8 USER", b"LANG",
                 b"USER", b"STLS", b"IMPLEMENTATION Waxwing"):
        assert line + b"\r\n" in capabilities, line
    sasl = next(line for line in capabilities if line.startswith(b"SASL "))
    client.send("AUTH\r\n")
    assert [line.strip() for line in lines(client)] == sasl.split()[1:]
    client.send("AUTH \r\n")
    assert [line.strip() for line in lines(client)] == sasl.split()[1:]


def test_auth_takes_an_initial_response_or_asks_for_one(account):
    import base64
    plain = base64.b64encode(b"\0%s\0%s" % (account.user.encode(), account.password.encode()))
    for commands in ([b"AUTH PLAIN %s\r\n" % plain], [b"AUTH plain\r\n", plain + b"\r\n"],
                     [b"AUTH LOGIN\r\n", base64.b64encode(account.user.encode()) + b"\r\n", base64.b64encode(account.password.encode()) + b"\r\n"]):
        client = Raw(account.instance.ports["pop3"])
        client.line()
        for command in commands[:-1]:
            client.send(command)
            assert client.line().startswith(b"+ ")
        client.send(commands[-1])
        assert client.line().startswith(b"+OK 0 messages"), commands
        client.send("QUIT\r\n")
        client.rest()
    client = Raw(account.instance.ports["pop3"])
    client.line()
    for command, answer in ((b"AUTH NONE", b"-ERR"), (b"AUTH PLAIN", b"+ "), (b"*", b"-ERR"), (b"AUTH PLAIN =", b"-ERR [AUTH]"), (b"QUIT", b"+OK")):
        client.send(command + b"\r\n")
        assert client.line().startswith(answer)


EAI = ("From: Jörg <jörg@example.org>\r\nTo: you@example.org\r\nSubject: Grüße aus dem Süden\r\nMIME-Version: 1.0\r\n"
       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nKörper\r\n.\r\n"
       "--b\r\nContent-Type: text/plain; name=\"Übersicht.txt\"\r\n\r\nx\r\n--b--\r\n").encode()


def test_a_client_without_utf8_gets_ascii_headers_and_sizes_to_match(account):
    import email.policy
    client = imap(account)
    for octets in (EAI, message("plain"), EAI):
        client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets))
    client.ok("SELECT INBOX")
    client.ok("STORE 3 FLAGS (\\Seen)")  # what a message is must survive a change of all its flags
    pop = login(account)
    pop.send("LIST\r\n")
    sizes = [int(line.split()[1]) for line in lines(pop)]
    for number in (1, 3):
        pop.send("RETR %d\r\n" % number)
        got = b"".join(lines(pop))
        assert len(got) == sizes[number - 1]
        parsed = email.message_from_bytes(got, policy=email.policy.default)
        assert got.split(b"\r\n\r\n", 1)[0].isascii()
        assert parsed["Subject"] == "Grüße aus dem Süden"
        assert "jörg@example.org" in str(parsed["From"]) and parsed["To"] == "you@example.org"
        text, attachment = parsed.iter_parts()
        assert attachment.get_filename() == "Übersicht.txt"
        assert text.get_content() == "Körper\r\n."
    pop.send("TOP 1 2\r\n")
    got = b"".join(lines(pop))
    assert got.isascii() and got.endswith(b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n")
    pop.send("UTF8\r\n")
    assert pop.line().startswith(b"-ERR")


def test_a_client_that_says_utf8_gets_messages_as_they_are(account):
    client = imap(account)
    client.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(EAI), EAI))
    pop = Raw(account.instance.ports["pop3"])
    pop.line()
    pop.send("UTF8\r\nSTLS\r\nUSER %s\r\nPASS %s\r\n" % (account.user, account.password))
    for answer in (b"+OK", b"-ERR", b"+OK", b"+OK 1 messages (%d octets)" % len(EAI)):
        assert pop.line().startswith(answer)
    pop.send("RETR 1\r\n")
    assert b"".join(lines(pop)) == EAI
