"""Every command of the table in src/imap/commands.c, tried by the owner of a mailbox, by somebody who was granted all rights in it, by the same
person after they were taken away, by a stranger, and without a login.

A command that stands in the table and not here fails the first test: whoever adds one says what strangers get.
"""

import pathlib
import re

import pytest

from conftest import message, new_account
from raw import Imap, imap
from test_imap import append

TABLE = pathlib.Path(__file__).resolve().parents[2] / "src" / "imap" / "commands.c"
SECRET = "kestrel-secret"
OK, BAD, BYE = "OK", "BAD", "BYE"
NOPERM, GONE, TRYCREATE, CANNOT = "NO NOPERM", "NO NONEXISTENT", "NO TRYCREATE", "NO CANNOT"


class Row:
    """{name}: the mailbox as this person calls it; {own}: one of their own; {user}: the owner's name; {self}: this person's. selected: it is run with the mailbox
    selected, by the one who lost the rights too; a stranger, who can't select it, has none."""

    def __init__(self, text, owner=OK, granted=OK, revoked=None, stranger=None, anonymous=BAD, selected=False, shows=(), uid_text=None):
        self.uid_text = uid_text or text
        self.text, self.selected, self.shows = text, selected, shows
        names = "{name}" in text
        self.expected = {
            "owner": owner, "granted": granted, "revoked": revoked or (BYE if selected else GONE if names else OK),
            "stranger": stranger or (GONE if names else BAD if selected else OK), "anonymous": anonymous}


def command(text, **more):
    return Row(text, **more)


def selected(text, **more):
    return Row(text, selected=True, **more)


LITERAL = "{12+}\r\nSubject: x\r\n"
ROWS = {
    "APPEND": [command("APPEND {name} " + LITERAL, revoked=TRYCREATE, stranger=TRYCREATE, anonymous=BYE),
               command('APPEND {own} CATENATE (URL "/{path}/;UID=1")', revoked="NO BADURL", stranger="NO BADURL")],
    "CANCELUPDATE": [selected('CANCELUPDATE "none"', owner=BAD, granted=BAD, revoked=BAD)],
    "CAPABILITY": [command("CAPABILITY", anonymous=OK)],
    "CHECK": [selected("CHECK")],
    "CLOSE": [selected("CLOSE", revoked=OK)],
    "COMPARATOR": [command("COMPARATOR")],
    "COMPRESS": [command("COMPRESS DEFLATE")],
    "COPY": [selected("COPY 1 {name}", stranger=BAD), selected("COPY 1 {child}", stranger=BAD)],
    "CREATE": [command("CREATE {child}/more", revoked=NOPERM, stranger=NOPERM)],
    "DELETE": [command("DELETE {name}")],
    "DELETEACL": [command("DELETEACL {name} $none")],
    "ENABLE": [command("ENABLE CONDSTORE")],
    "ESEARCH": [command("ESEARCH IN (mailboxes {name}) ALL", shows=("owner", "granted"), revoked=OK, stranger=OK),
                selected("ESEARCH IN (selected) ALL")],
    "EXAMINE": [command("EXAMINE {name}")],
    "EXPUNGE": [selected("EXPUNGE", uid_text="EXPUNGE 1:*")],
    "FETCH": [selected("FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[])", shows=("owner", "granted")),
              selected("FETCH 1 (ANNOTATION (/comment value.shared))", shows=("owner", "granted")),
              selected("FETCH 1 (ANNOTATION (/comment value.priv))", shows=("owner",))],
    "GENURLAUTH": [command('GENURLAUTH "imap://{user}@localhost/{path}/;UID=1;URLAUTH=anonymous" INTERNAL', granted=CANNOT, revoked=CANNOT,
                           stranger=CANNOT),
                   command('GENURLAUTH "imap://{self}@localhost/{path}/;UID=1;URLAUTH=anonymous" INTERNAL', revoked=GONE, stranger=GONE)],
    "GETACL": [command("GETACL {name}")],
    "GETMETADATA": [command("GETMETADATA {name} /shared/comment", shows=("owner", "granted")),
                    command("GETMETADATA {name} /private/comment", shows=("owner",))],
    "GETQUOTA": [command("GETQUOTA account"), command("GETQUOTA account/{user}", owner=GONE, granted=GONE, revoked=GONE, stranger=GONE)],
    "GETQUOTAROOT": [command("GETQUOTAROOT {name}")],
    "ID": [command("ID NIL", anonymous=OK)],
    "IDLE": [selected("IDLE\r\nDONE", stranger=OK)],
    "LANGUAGE": [command("LANGUAGE de", anonymous=OK), command("LANGUAGE tlh", owner=CANNOT, granted=CANNOT, stranger=CANNOT, revoked=CANNOT, anonymous=CANNOT)],
    "LIST": [command('LIST "" *', shows=("owner", "granted")),
             command('LIST "" (* "Other Users/*") RETURN (STATUS (MESSAGES) MYRIGHTS METADATA (/shared/comment))', shows=("owner", "granted"))],
    "LISTRIGHTS": [command("LISTRIGHTS {name} $none")],
    "LOGOUT": [selected("LOGOUT", owner=BYE, granted=BYE, stranger=BYE, anonymous=BYE)],
    "LSUB": [command('LSUB "" *', shows=("owner",))],
    "MOVE": [selected("MOVE 1 {child}", stranger=BAD)],
    "MYRIGHTS": [command("MYRIGHTS {name}")],
    "NAMESPACE": [command("NAMESPACE")],
    "NOOP": [selected("NOOP", stranger=OK, anonymous=OK)],
    "NOTIFY": [command('NOTIFY SET STATUS (subtree ("{path}" INBOX) (MessageNew MessageExpunge))', shows=("owner",)),
               command("NOTIFY SET STATUS (mailboxes {name} (MessageNew MessageExpunge))", shows=("owner", "granted"), revoked=OK, stranger=OK),
               selected("NOTIFY SET (selected (MessageNew MessageExpunge))", stranger=OK)],
    "RENAME": [command("RENAME {name} {name}2", granted=NOPERM), command("RENAME {child} {child}/more", revoked=GONE, stranger=GONE)],
    "REPLACE": [selected("REPLACE 1 {name} " + LITERAL, stranger=BAD, anonymous=BYE)],
    "RESETKEY": [command("RESETKEY {name}")],
    "SEARCH": [selected("SEARCH TEXT Subject")],
    "SELECT": [command("SELECT {name}")],
    "SETACL": [command("SETACL {name} $none lr")],
    "SETMETADATA": [command('SETMETADATA {name} (/shared/comment "changed")'),
                    command('SETMETADATA {name} (/private/comment "changed")')],
    "SETQUOTA": [command("SETQUOTA account (STORAGE 1)", owner=NOPERM, granted=NOPERM, revoked=NOPERM, stranger=NOPERM),
                 command("SETQUOTA account/{user} (STORAGE 1)", owner=NOPERM, granted=NOPERM, revoked=NOPERM, stranger=NOPERM)],
    "SORT": [selected("SORT (SUBJECT) UTF-8 ALL")],
    "STATUS": [command("STATUS {name} (MESSAGES UNSEEN)")],
    "STORE": [selected("STORE 1 +FLAGS (\\Flagged \\Seen \\Deleted)"),
              selected('STORE 1 ANNOTATION (/comment (value.shared "changed" value.priv "changed"))')],
    "SUBSCRIBE": [command("SUBSCRIBE {name}", revoked=OK, stranger=OK)],
    "THREAD": [selected("THREAD REFERENCES UTF-8 ALL")],
    "UIDBATCHES": [selected("UIDBATCHES 2000")],
    "UNAUTHENTICATE": [command("UNAUTHENTICATE")],
    "UNSELECT": [selected("UNSELECT", revoked=OK)],
    "UNSUBSCRIBE": [command("UNSUBSCRIBE {name}", revoked=OK, stranger=OK)],
    "URLFETCH": [command('URLFETCH "imap://{user}@localhost/{path}/;UID=1;URLAUTH=authuser:internal:%s"' % ("00" * 41))],
}


def table():
    """name -> flags"""
    text = TABLE.read_text()
    body = text[text.index("imap_commands[] = {"):text.index("};\nconst size_t imap_command_count")]
    return {name: set(flags.split(" | ")) for name, flags in re.findall(r'^    \{"(\w+)", \w+, ([^,]+),', body, flags=re.M)}


def test_every_command_has_its_rows():
    commands = table()
    assert len(commands) > 40
    assert set(ROWS) == set(commands)


class House:
    def __init__(self, server):
        self.people = {"owner": new_account(server), "granted": new_account(server), "stranger": new_account(server)}
        self.people["revoked"] = self.people["granted"]
        self.owner = imap(self.people["owner"])
        self.own = {who: imap(person) for who, person in self.people.items() if who != "owner"}
        for client in self.own.values():
            client.do("CREATE own")
        self.mailbox = "Box-" + SECRET

    def furnish(self):
        owner, box = self.owner, self.mailbox
        for name in (row.decode().split(' "/" ', 1)[1].strip().strip('"') for row in owner.ok('LIST "" Box*')[::-1]):
            owner.do('DELETE "%s"' % name)
        owner.ok("CREATE %s/child" % box)
        for name in (box, box + "/child"):
            owner.ok('SETACL %s "%s" lrswipkxtean' % (name, self.people["granted"].user))
        owner.ok('SETMETADATA %s (/shared/comment "%s" /private/comment "private-%s")' % (box, SECRET, SECRET))
        owner.ok("SUBSCRIBE " + box)
        for n in range(2):
            append(owner, message("%s %d" % (SECRET, n), SECRET + "\r\n"), mailbox=box)
        owner.ok("SELECT " + box)
        owner.ok('STORE 1 ANNOTATION (/comment (value.shared "%s" value.priv "private-%s"))' % (SECRET, SECRET))
        owner.ok("UNSELECT")

    def revoke(self):
        for name in (self.mailbox, self.mailbox + "/child"):
            self.owner.ok('DELETEACL %s "%s"' % (name, self.people["granted"].user))

    def name(self, who):
        return self.mailbox if who == "owner" else "Other Users/%s/%s" % (self.people["owner"].user, self.mailbox)

    def text(self, row, who, uid):
        name = self.name(who)
        text = (row.uid_text if uid else row.text).replace("{name}2", '"%s2"' % name).replace("{name}", '"%s"' % name).replace("{child}/more", '"%s/more"' % name)
        text = text.replace("{child}", '"%s/child"' % name).replace("{own}", "INBOX").replace("{path}", name.replace(" ", "%20"))
        return ("UID " if uid else "") + text.replace("{user}", self.people["owner"].user).replace("{self}", self.people[who].user if who in self.people else "nobody")

    def snapshot(self):
        owner, box = self.owner, self.mailbox
        owner.ok("EXAMINE " + box)
        rows = owner.ok("FETCH 1:* (UID FLAGS ANNOTATION (/* value))") + owner.ok("GETACL " + box) + owner.ok('LIST "" Box*') + owner.ok("GETMETADATA %s (/shared/comment /private/comment)" % box)
        owner.ok("UNSELECT")
        return rows


@pytest.fixture(scope="module")
def house(server):
    return House(server)


def outcome(status, told):
    if any(line.startswith(b"* BYE") for line in told):
        return BYE
    words = status.decode(errors="replace").split(" ", 2)
    code = re.match(r"\[([A-Z-]+)", words[2]) if words[1] == "NO" else None
    return "NO " + code.group(1) if code else words[1]


def run(client, text):
    client.count += 1
    tag = b"m%d" % client.count
    client.send(tag + b" " + text.encode() + b"\r\n")
    told = []
    while True:
        try:
            line = client.response()
        except (EOFError, ConnectionResetError):
            return b"? closed", told
        if line.startswith(tag + b" "):
            return line, told
        told.append(line)


def cases():
    commands = table()
    for name, rows in ROWS.items():
        for n, row in enumerate(rows):
            for uid in (False, True) if "COMMAND_UID" in commands.get(name, ()) else (False,):
                yield pytest.param(row, uid, id="%s%s-%d" % ("UID-" if uid else "", name, n))


@pytest.mark.parametrize("row,uid", cases())
def test_who_may_do_what(house, row, uid):
    for who, expected in row.expected.items():
        house.furnish()
        client = Imap(house.people["owner"].instance.ports["imap"]) if who == "anonymous" else imap(house.people[who])
        if row.selected and who in ("owner", "granted", "revoked"):
            client.ok('SELECT "%s"' % house.name(who))
        elif row.selected and who == "stranger":
            assert outcome(*client.do('SELECT "%s"' % house.name(who))) == GONE
        if who not in ("owner", "granted"):
            house.revoke()
        before = house.snapshot()
        status, told = run(client, house.text(row, who, uid))
        assert outcome(status, told) == expected, (who, status, told)
        answer = (b"".join(told) + status).replace(house.name(who).encode(), b"").replace(house.name(who).replace(" ", "%20").encode(), b"")
        assert who in ("owner", "granted") or SECRET.encode() not in answer, (who, answer)
        assert who == "owner" or b"private-" not in answer, (who, answer)
        if who in row.shows:
            assert SECRET.encode() in b"".join(told), (who, told)
        if who not in ("owner", "granted"):
            assert house.snapshot() == before, who
        client.close()
        for own in house.own.values():
            own.do('UNSUBSCRIBE "%s"' % house.name("granted"))
