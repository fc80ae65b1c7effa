"""LIST-METADATA (RFC 9590): entries of metadata with each line of LIST."""

from raw import imap


def test_list_tells_the_entries_behind_each_line(account):
    client = imap(account)
    assert b"LIST-METADATA" in b" ".join(client.ok("CAPABILITY")).split()
    client.ok('SETMETADATA INBOX (/shared/vendor/v/color "#b71c1c")')
    client.ok('SETMETADATA Sent (/private/order "2" /shared/vendor/v/color "green")')
    lines = client.ok('LIST "" "%" RETURN (METADATA (/shared/vendor/v/color /private/order))')
    assert len(lines) == 12 and all(line.startswith(b"* LIST") for line in lines[0::2])
    told = {line.split(b" ", 3)[2]: line for line in lines[1::2]}
    assert told[b"INBOX"] == b'* METADATA INBOX (/shared/vendor/v/color "#b71c1c" /private/order NIL)\r\n'
    assert told[b"Sent"] == b'* METADATA Sent (/shared/vendor/v/color "green" /private/order "2")\r\n'
    assert told[b"Trash"] == b"* METADATA Trash (/shared/vendor/v/color NIL /private/order NIL)\r\n"


def test_it_goes_with_the_other_options_and_not_with_what_is_no_mailbox(account):
    client = imap(account)
    client.ok("CREATE a/b")
    client.ok('SETMETADATA a/b (/private/x "y")')
    client.ok("DELETE a")
    lines = client.ok('LIST "" (a a/*) RETURN (SUBSCRIBED METADATA /private/x STATUS (MESSAGES) CHILDREN)')
    assert [line.split()[1] for line in lines] == [b"LIST", b"LIST", b"STATUS", b"METADATA"]
    assert lines[3] == b'* METADATA a/b (/private/x "y")\r\n'


def test_malformed_entries_are_bad(account):
    client = imap(account)
    for bad in ("METADATA", "METADATA ()", "METADATA (/x)", "METADATA (/private/x"):
        assert client.do('LIST "" "*" RETURN (%s)' % bad)[0].split()[1] == b"BAD", bad


def test_many_mailboxes_with_much_metadata_do_not_fill_the_command(account):
    client = imap(account)
    for n in range(3):
        client.ok("CREATE m%d" % n)
        for k in range(80):
            client.ok("SETMETADATA m%d (/private/k%d {16000+}\r\n%s)" % (n, k, "x" * 16000))
    names = " ".join("/private/k%d" % k for k in range(80))
    lines = client.ok('LIST "" "m*" RETURN (METADATA (%s))' % names)
    assert len(lines) == 6 and all(len(line) > 80 * 16000 for line in lines[1::2])
