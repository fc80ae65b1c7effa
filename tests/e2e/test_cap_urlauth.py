"""URLAUTH (RFC 4467): a URL that lets somebody else read one message, and no more."""

import re

import pytest
from conftest import eventually, message, new_account
from raw import imap
from test_imap import append

BODY = "--b\r\nContent-Type: text/plain\r\n\r\nSi vis pacem, para bellum.\r\n--b--\r\n"


def rump(account, tail="/;UID=1/;SECTION=1.2", access="authuser", mailbox="INBOX"):
    return "imap://%s@localhost/%s%s;URLAUTH=%s" % (account.user, mailbox, tail, access)


def generate(client, url):
    line = client.ok('GENURLAUTH "%s" INTERNAL' % url)[0]
    return re.match(rb'\* GENURLAUTH "([^"]+)"\r\n', line).group(1)


def fetch(client, url):
    """The octets, or None for NIL."""
    line = b"".join(client.ok(b'URLFETCH "' + url + b'"'))
    assert line.startswith(b'* URLFETCH "' + url + b'" '), line
    rest = line[len(url) + 14:]
    if rest == b"NIL\r\n":
        return None
    size = int(re.match(rb"\{(\d+)\}\r\n", rest).group(1))
    start = rest.index(b"\n") + 1
    assert rest[start + size:] == b"\r\n"
    return rest[start:start + size]


@pytest.fixture
def filled(account):
    client = imap(account)
    append(client, message("signed", BODY, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"))
    return client


def test_a_signed_url_is_readable_for_whom_it_is_for(account, other, filled):
    assert b"URLAUTH" in b" ".join(filled.ok("CAPABILITY")).split()
    reader = imap(other)
    for access, mine, theirs in [("anonymous", True, True), ("authuser", True, True), ("user+" + other.user, False, True), ("user+" + account.user, True, False), ("submit+" + other.user, False, False)]:
        url = generate(filled, rump(account, "/;UID=1/;SECTION=1", access))
        assert re.fullmatch(re.escape(rump(account, "/;UID=1/;SECTION=1", access)).encode() + rb":internal:[0-9a-f]{32,}", url)
        wanted = b"Si vis pacem, para bellum."
        assert fetch(filled, url) == (wanted if mine else None), access
        assert fetch(reader, url) == (wanted if theirs else None), access


def test_any_change_of_a_signed_url_makes_it_worthless(account, other, filled):
    append(filled, message("secret"))
    url = generate(filled, rump(account, "/;UID=1/;SECTION=1"))
    reader = imap(other)
    for changed in (url.replace(b"UID=1", b"UID=2"), url.replace(b"/;SECTION=1", b""), url.replace(b"authuser", b"anonymous"), url[:-1] + (b"0" if url[-1:] != b"0" else b"1"),
                    url[:-2], url.replace(b":internal:", b":other:"), url.split(b":internal")[0], url.replace(account.user.encode(), other.user.encode(), 1), b"nonsense", url + b"00"):
        assert fetch(reader, changed) is None, changed
    assert fetch(reader, url) is not None


def test_resetting_the_key_ends_all_urls_of_a_mailbox(account, filled):
    append(filled, message("elsewhere"), "Sent")
    here, there = generate(filled, rump(account, "/;UID=1")), generate(filled, rump(account, "/;UID=1", mailbox="Sent"))
    assert fetch(filled, here) and fetch(filled, there)
    assert b"OK [URLMECH INTERNAL]" in filled.do("RESETKEY INBOX")[0]
    assert fetch(filled, here) is None and fetch(filled, there)
    here = generate(filled, rump(account, "/;UID=1"))
    assert fetch(filled, here)
    filled.ok("RESETKEY")
    assert fetch(filled, here) is None and fetch(filled, there) is None
    assert filled.do("RESETKEY nowhere")[0].split(b" ", 1)[1].startswith(b"NO [NONEXISTENT]")


def test_a_url_that_has_expired_is_nil(account, filled):
    good = generate(filled, rump(account, "/;UID=1;EXPIRE=2099-12-31T23:59:59Z"))
    late = generate(filled, rump(account, "/;UID=1;EXPIRE=2020-12-31T23:59:59.5+01:00"))
    assert fetch(filled, good) and fetch(filled, late) is None
    longer = late.replace(b"2020", b"2099")
    assert fetch(filled, longer) is None


def test_one_signs_as_oneself_what_is_there(account, other, filled):
    assert filled.do('GENURLAUTH "%s" INTERNAL' % rump(other, "/;UID=1"))[0].split()[1] == b"NO"
    assert filled.do('GENURLAUTH "%s" INTERNAL' % rump(account, "/;UID=1", mailbox="nowhere"))[0].split()[1] == b"NO"
    for url, mechanism in [("imap://x@localhost/INBOX/;UID=1", "INTERNAL"), ("/INBOX/;UID=1;URLAUTH=anonymous", "INTERNAL"), (rump(account, "/;UID=1"), "OTHER"), (rump(account, ""), "INTERNAL"),
                           (rump(account, "/;UID=1;EXPIRE=soon"), "INTERNAL"), (rump(account, "/;UID=1") + ":internal:00", "INTERNAL")]:
        assert filled.do('GENURLAUTH "%s" %s' % (url, mechanism))[0].split()[1] == b"BAD", url


def test_many_urls_in_one_command_and_large_ones(account, filled):
    large = b"Subject: l\r\n\r\n" + b"".join(b"%070d\r\n" % n for n in range(20000))
    append(filled, large)
    line = filled.ok('GENURLAUTH "%s" INTERNAL "%s" INTERNAL' % (rump(account, "/;UID=1/;SECTION=1"), rump(account, "/;UID=2")))[0]
    first, second = re.findall(rb'"([^"]+)"', line)
    lines = filled.ok(b'URLFETCH "%s" "%s" "bad"' % (first, second))
    assert len(lines) == 3 and large in lines[1] and lines[2] == b'* URLFETCH "bad" NIL\r\n'
    assert fetch(filled, second) == large


def test_urls_stay_valid_over_a_restart_and_end_with_their_mailbox(own_server):
    instance = own_server()
    account = new_account(instance)
    client = imap(account)
    client.ok("CREATE box")
    append(client, message("kept"), "box")
    url = generate(client, rump(account, "/;UID=1", mailbox="box"))
    instance.kill()
    instance.start()
    client = imap(account)
    assert b"kept" in fetch(client, url)
    client.ok("DELETE box")
    client.ok("CREATE box")
    append(client, message("another"), "box")
    assert fetch(client, url) is None
    assert instance.command("check").returncode == 0


# ---- mailboxes of others: the URL names who signs it, and the mailbox as that user calls it (RFC 4467 1 and 7) ----


@pytest.fixture
def shared(account, other, server):
    """An owner's mailbox of one message, somebody who may read it, and a third who may not."""
    owner, guest, third = imap(account), imap(other), imap(new_account(server))
    owner.ok("CREATE Project")
    append(owner, message("signed", BODY, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"), mailbox="Project")
    owner.ok('SETACL Project "%s" lr' % other.user)
    return owner, guest, third


def foreign(account, other, **more):
    return rump(other, "/;UID=1/;SECTION=1", mailbox="Other%%20Users/%s/Project" % account.user, **more)


WANTED = b"Si vis pacem, para bellum."


def test_a_mailbox_of_others_is_signed_by_who_may_read_it(account, other, shared):
    owner, guest, third = shared
    url = generate(guest, foreign(account, other))
    for client in shared:
        assert fetch(client, url) == WANTED
    named = generate(guest, foreign(account, other, access="user+" + account.user))
    assert fetch(owner, named) == WANTED and fetch(third, named) is None and fetch(guest, named) is None
    changed = url.replace(b"Project", b"INBOX")
    assert fetch(third, changed) is None
    lines = owner.ok(b'URLFETCH ("' + url + b'" BODYPARTSTRUCTURE BINARY)')
    assert b'BODYPARTSTRUCTURE ("text" "plain"' in lines[0] and WANTED in lines[0]


def test_who_may_not_read_a_mailbox_signs_nothing_of_it(account, other, shared):
    owner, guest, third = shared
    text = 'GENURLAUTH "%s" INTERNAL' % foreign(account, other)
    assert b" OK" in guest.do(text)[0]
    owner.ok('SETACL Project "%s" l' % other.user)
    assert b" NO [NOPERM]" in guest.do(text)[0]
    owner.ok('DELETEACL Project "%s"' % other.user)
    assert b" NO [NONEXISTENT]" in guest.do(text)[0]
    assert b" NO [CANNOT]" in third.do(text)[0]  # the URL says that somebody else signs it


def test_a_url_is_good_while_who_signed_it_may_read(account, other, shared):
    owner, guest, third = shared
    url = generate(guest, foreign(account, other))
    own = generate(owner, rump(account, "/;UID=1/;SECTION=1", mailbox="Project"))
    for rights, is_good in [("l", False), ("lr", True), ("", False), ("lrs", True)]:
        owner.ok('SETACL Project "%s" "%s"' % (other.user, rights))
        assert (fetch(third, url) == WANTED) == is_good, rights
        assert (fetch(owner, url) == WANTED) == is_good, rights  # though the reader is the owner
        assert fetch(third, own) == WANTED, rights
    owner.ok("DELETE Project")
    owner.ok("CREATE Project")
    append(owner, message("another"), mailbox="Project")
    owner.ok('SETACL Project "%s" lr' % other.user)
    assert fetch(third, url) is None and fetch(third, own) is None


def test_resetting_keys_ends_ones_own_urls_alone(account, other, shared):
    owner, guest, third = shared
    own_text, foreign_text = rump(account, "/;UID=1/;SECTION=1", mailbox="Project"), foreign(account, other)
    own, theirs = generate(owner, own_text), generate(guest, foreign_text)
    owner.ok("RESETKEY Project")
    assert fetch(third, own) is None and fetch(third, theirs) == WANTED
    own = generate(owner, own_text)
    guest.ok('RESETKEY "Other Users/%s/Project" INTERNAL' % account.user)
    assert fetch(third, own) == WANTED and fetch(third, theirs) is None
    theirs = generate(guest, foreign_text)
    guest.ok("RESETKEY")
    assert fetch(third, own) == WANTED and fetch(third, theirs) is None
    theirs = generate(guest, foreign_text)
    owner.ok('SETACL Project "%s" l' % other.user)
    guest.ok('RESETKEY "Other Users/%s/Project"' % account.user)
    owner.ok('SETACL Project "%s" lr' % other.user)
    assert fetch(third, theirs) is None
    assert b"NO [NONEXISTENT]" in third.do('RESETKEY "Other Users/%s/Project"' % account.user)[0]


def test_a_group_and_the_shared_namespace_sign_too(own_server):
    instance = own_server(settings={"imap.shared_user": "house"})
    instance.add_user("house", "a-password-for-it")
    house, member, third = new_account(instance), new_account(instance), new_account(instance)
    house.user, house.password = "house", "a-password-for-it"
    owner = imap(house)
    owner.ok("CREATE Notices")
    append(owner, message("signed", WANTED.decode() + "\r\n"), mailbox="Notices")
    instance.command("user", "group", member.user, "--add=staff")
    owner.ok("SETACL Notices $staff lr")
    url = generate(imap(member), rump(member, "/;UID=1", mailbox="Shared/Notices"))
    assert WANTED in fetch(imap(third), url)
    instance.command("user", "group", member.user, "--remove=staff")
    eventually(lambda: fetch(imap(third), url) is None)
