"""The story of the help page: one letter, three ways to read it, and one that removes it."""

from conftest import eventually, message


def test_a_delivered_message_is_read_by_imap_and_pop3_alike(account):
    octets = message("the story", "first line\r\n.second line begins with a dot\r\n")
    account.deliver(octets)
    home, work, pop = account.imap(select="INBOX"), account.imap(tls=True, select="INBOX"), account.pop3(tls=True)
    by_home = home.fetch("1", "(BODY.PEEK[])")[1][0][1]
    by_work = work.fetch("1", "(BODY.PEEK[])")[1][0][1]
    by_pop = b"\r\n".join(pop.retr(1)[1]) + b"\r\n"
    pop.quit()
    assert by_home == by_work == by_pop
    assert by_home.endswith(octets)
    assert by_home.startswith(b"Return-Path: <sender@example.org>\r\n")


def test_what_one_client_flags_moves_or_deletes_the_other_sees(account):
    for number in range(3):
        account.deliver(message("number %d" % number))
    home, work = account.imap(select="INBOX"), account.imap(select="INBOX")
    home.store("1", "+FLAGS", "(\\Flagged)")
    work.noop()
    assert b"\\Flagged" in work.fetch("1", "(FLAGS)")[1][0]
    assert home._simple_command("MOVE", "2", "Archive")[0] == "OK"
    work.noop()
    assert work.select("INBOX")[1] == [b"2"]
    assert work.select("Archive")[1] == [b"1"]
    work.select("INBOX")
    home.store("1", "+FLAGS", "(\\Deleted)")
    home.expunge()
    work.noop()
    assert work.search(None, "ALL")[1] == [b"1"]


def test_a_pop_client_downloads_and_deletes_and_the_mail_is_gone_for_imap(account):
    account.deliver(message("to be removed"))
    account.deliver(message("to be removed too"))
    imap = account.imap(select="INBOX")
    pop = account.pop3()
    count, octets = pop.stat()
    assert count == 2
    sizes = [int(line.split()[1]) for line in pop.list()[1]]
    assert sum(sizes) == octets
    for number in (1, 2):
        text = b"\r\n".join(pop.retr(number)[1]) + b"\r\n"
        assert len(text) == sizes[number - 1]
        pop.dele(number)
    pop.quit()
    eventually(lambda: imap.noop() and imap.search(None, "ALL")[1] == [b""], what="the removal")


def test_a_pop_session_without_quit_deletes_nothing(account):
    account.deliver(message("stays"))
    pop = account.pop3()
    pop.retr(1)
    pop.dele(1)
    pop.close()
    assert account.imap().select("INBOX")[1] == [b"1"]
    again = eventually(lambda: _try(account.pop3), what="the lock's release")
    assert again.stat()[0] == 1
    again.quit()


def _try(make):
    import poplib
    try:
        return make()
    except poplib.error_proto:
        return None
