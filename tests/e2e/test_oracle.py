"""What the server says of a message beside what Python's `email` reads in it: made-up messages, well-formed, of every structure."""

import random
import re
from email import policy
from email.charset import QP, Charset
from email.encoders import encode_base64
from email.header import Header, decode_header, make_header
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.parser import BytesParser
from email.utils import collapse_rfc2231_value, formataddr, getaddresses
from urllib.parse import quote, unquote_to_bytes

import pytest
from raw import imap
from test_imap import append

POLICY = policy.compat32.clone(linesep="\r\n")
# A charset and words that it can write; every letter has one other case or none.
TEXTS = [
    ("us-ascii", "plain words of everyday use"), ("utf-8", "Žluťoučký kůň ±€ 日本語 Привет"), ("iso-8859-1", "Déjà vu über Ærø, naïve señor"),
    ("iso-8859-2", "Příliš žluťoučký kůň"), ("iso-8859-15", "costs 5 € à la carte"), ("windows-1252", "“quoted” – 10 €"), ("koi8-r", "Привет из города"),
    ("windows-1251", "Съешь ещё этих булок"), ("iso-2022-jp", "日本語のテキスト"), ("shift_jis", "かな漢字テスト"), ("euc-jp", "日本語の文章"), ("gb2312", "你好世界"), ("big5", "繁體中文"), ("euc-kr", "안녕하세요"),
]


class Maker:
    """One random message after the other; `marks` are the words by which its parts can be found."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.number = 0

    def mark(self):
        self.number += 1
        return "mark%dx%d" % (self.random.randrange(10**6), self.number)

    def words(self, mark):
        charset, text = self.random.choice(TEXTS)
        words = text.split() * self.random.randrange(1, 6)
        self.random.shuffle(words)
        return charset, "%s %s %s" % (words[0], mark, " ".join(words))

    def text(self, marks):
        mark = self.mark()
        charset, text = self.words(mark)
        marks.append(mark)
        text = "\n".join(text.replace(" ", "\n", 1) for _ in range(self.random.randrange(1, 4))) + self.random.choice(["", "\n", "\n\n"])
        if self.random.random() < 0.3:
            charset = Charset("utf-8")
            charset.body_encoding = QP
        return MIMEText(text, self.random.choice(["plain", "html", "x-other"]), charset)

    def attachment(self):
        part = MIMEBase(*self.random.choice([("application", "pdf"), ("image", "png"), ("application", "octet-stream")]))
        part.set_payload(self.random.randbytes(self.random.randrange(0, 400)))
        encode_base64(part)
        charset, name = self.words("file")
        kind = self.random.randrange(4)
        if kind == 0:
            part.add_header("Content-Disposition", "attachment", filename='a "quoted" \\ name; x=y.txt')
        elif kind == 1:
            part.add_header("Content-Disposition", "attachment", filename=(charset, "de", name))
        elif kind == 2:
            octets = name.encode(charset)
            pieces = [quote(octets[i:i + 20], safe="") for i in range(0, len(octets), 20)]
            pieces[0] = "%s''%s" % (charset, pieces[0])
            part.add_header("Content-Disposition", "inline;" + ";".join("\n filename*%d*=%s" % row for row in enumerate(pieces)))
        if self.random.random() < 0.5:
            part["Content-ID"] = "<%s@example.org>" % self.mark()
            part["Content-Description"] = Header(name, charset, header_name="Content-Description")
        if self.random.random() < 0.3:
            part["Content-Language"] = "de"
            part["Content-Location"] = "http://example.org/x"
        return part

    def part(self, depth, marks):
        kind = self.random.random()
        if depth > 3 or kind < 0.5:
            return self.text(marks)
        if kind < 0.7:
            return self.attachment()
        if kind < 0.8:
            return MIMEMessage(self.message(depth + 1, marks))
        whole = MIMEMultipart(self.random.choice(["mixed", "alternative", "related", "digest-like"]))
        if self.random.random() < 0.3:
            whole.preamble, whole.epilogue = "a preamble", "an epilogue\n"
        for _ in range(self.random.randrange(1, 4)):
            whole.attach(self.part(depth + 1, marks))
        return whole

    def address(self):
        charset, name = self.words("name")
        name = self.random.choice(["", "Ann Other", 'Other, "Ann"', name])
        return formataddr((name, "user%d@example%d.org" % (self.random.randrange(1000), self.random.randrange(10))), charset)

    def message(self, depth, marks):
        before = len(marks)
        whole = self.part(depth, marks)
        if isinstance(whole, MIMEMessage) and depth:
            del marks[before:]
            whole = self.text(marks)
        subject = self.mark()
        marks.append(subject)
        charset, text = self.words(subject)
        whole["Subject"] = Header(text, charset, header_name="Subject")
        whole["From"] = self.address()
        whole["Date"] = "Tue, 24 Nov 2026 %02d:40:40 +0100" % self.random.randrange(24)
        whole["Message-ID"] = "<%s@example.org>" % self.mark()
        for name in ("To", "Cc", "Bcc", "Reply-To", "Sender"):
            if self.random.random() < 0.5:
                count = 1 if name == "Sender" else self.random.randrange(1, 5)
                whole[name] = ",\n ".join(self.address() for _ in range(count))
        if self.random.random() < 0.3:
            whole["In-Reply-To"] = "<%s@example.org>" % self.mark()
        return whole


# ---- what Python reads: headers by `email`, octets by cutting at the boundaries that were generated ----


class Node:
    def __init__(self, octets):
        head, blank, self.body = octets.partition(b"\r\n\r\n")
        self.header = head + blank
        self.fields = BytesParser().parsebytes(self.header, headersonly=True)
        self.kind = self.fields.get_content_type()
        self.children = []
        if self.fields.get_content_maintype() == "multipart":
            boundary = re.escape(self.fields.get_boundary().encode())
            pieces = re.split(rb"(?:^|\r\n)--" + boundary + rb"(?:--)?[ \t]*(?:\r\n|$)", self.body)
            self.children = [Node(piece) for piece in pieces[1:-1]]
        elif self.kind == "message/rfc822":
            self.children = [Node(self.body)]

    def field(self, name):
        value = self.fields[name]
        return None if value is None else re.sub(r"\r?\n[ \t]", " ", str(value)).strip()

    def is_multipart(self):
        return self.kind.startswith("multipart/")


def sections(node, path=""):
    """Every section path with the octets that it names (RFC 9051 6.4.5.1); `node` has a message's header."""
    dotted = path + "." if path else ""
    yield dotted + "HEADER", node.header
    yield dotted + "TEXT", node.body
    if not node.is_multipart():
        yield dotted + "1", node.body
        if node.kind == "message/rfc822" and not path:
            yield from sections(node.children[0], "1")
        return
    yield from parts(node, dotted)


def parts(multipart, dotted):
    for number, child in enumerate(multipart.children, 1):
        path = dotted + str(number)
        yield path, child.body
        yield path + ".MIME", child.header
        if child.is_multipart():
            yield from parts(child, path + ".")
        elif child.kind == "message/rfc822":
            yield from sections(child.children[0], path)


def parameters(node, header):
    found = node.fields.get_params(header=header)
    if header == "content-type" and found is None:
        return {"charset": "us-ascii"}
    return {name.lower(): collapse_rfc2231_value(value) for name, value in (found or [])[1:] if name}


# ---- what the server says ----


def tokens(octets):
    at = 0
    while at < len(octets):
        c = octets[at:at + 1]
        if c in b"()":
            at += 1
            yield c
        elif c == b'"':
            quoted = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S).match(octets, at)
            at = quoted.end()
            yield (re.sub(rb"\\(.)", rb"\1", quoted.group(1)),)
        elif c == b"{":
            literal = re.compile(rb"\{(\d+)\}\r\n").match(octets, at)
            at = literal.end() + int(literal.group(1))
            yield (octets[literal.end():at],)
        elif c in b" \r\n":
            at += 1
        else:
            atom = re.compile(rb'(?:\[[^\]]*\]|[^() \r\n"{\[])+').match(octets, at)
            at = atom.end()
            yield (None if atom.group() == b"NIL" else atom.group(),)


def read_list(octets):
    stack = [[]]
    for token in tokens(octets):
        if token == b"(":
            stack.append([])
        elif token == b")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token[0])
    assert len(stack) == 1, octets
    return stack[0]


def fetch(client, number, items):
    row = read_list(client.ok("FETCH %d (%s)" % (number, items))[0])
    assert row[:3] == [b"*", b"%d" % number, b"FETCH"]
    return dict(zip(row[3][::2], row[3][1::2]))


def said_parameters(said):
    found = {}
    for name, value in zip((said or [])[::2], (said or [])[1::2]):
        name, value = name.decode().lower(), value.decode()
        if name.endswith("*"):
            charset, _, octets = value.split("'", 2)
            name, value = name[:-1], unquote_to_bytes(octets).decode(charset)
        found[name] = value
    return found


def text_of(said):
    return None if said is None else said.decode()


# ---- side by side ----


def check_addresses(said, value):
    found = [(a[0].decode() if a[0] else "", a[2].decode() + "@" + a[3].decode()) for a in said or []]
    assert found == getaddresses([value or ""]) or (not found and not value), value
    assert all(a[1] is None for a in said or [])


def check_envelope(said, node):
    assert len(said) == 10
    for place, name in ((0, "date"), (1, "subject"), (8, "in-reply-to"), (9, "message-id")):
        assert text_of(said[place]) == node.field(name)
    sender = node.field("from")
    for place, name in enumerate(("from", "sender", "reply-to", "to", "cc", "bcc"), 2):
        check_addresses(said[place], node.field(name) or (sender if place < 5 else None))


def check_extension(said, node):
    disposition, language, location = said
    value = node.field("content-disposition")
    assert (disposition is None) == (value is None)
    if value is not None:
        assert disposition[0].decode().lower() == node.fields.get_content_disposition()
        assert said_parameters(disposition[1]) == parameters(node, "content-disposition")
    assert text_of(language) == node.field("content-language")
    assert text_of(location) == node.field("content-location")


def check_structure(said, node):
    if node.is_multipart():
        count = len(node.children)
        for child, of in zip(said[:count], node.children):
            check_structure(child, of)
        assert said[count].decode().lower() == node.fields.get_content_subtype()
        assert said_parameters(said[count + 1]) == parameters(node, "content-type")
        check_extension(said[count + 2:], node)
        return
    assert (said[0] + b"/" + said[1]).decode().lower() == node.kind
    assert {k: v.lower() if k == "charset" else v for k, v in said_parameters(said[2]).items()} == {
        k: v.lower() if k == "charset" else v for k, v in parameters(node, "content-type").items()}
    assert text_of(said[3]) == node.field("content-id")
    assert text_of(said[4]) == node.field("content-description")
    assert said[5].decode().lower() == (node.field("content-transfer-encoding") or "7bit").lower()
    assert int(said[6]) == len(node.body)
    rest = said[7:]
    if node.kind == "message/rfc822":
        check_envelope(rest[0], node.children[0])
        check_structure(rest[1], node.children[0])
        rest = rest[2:]
    if node.kind == "message/rfc822" or node.kind.startswith("text/"):
        assert int(rest[0]) == node.body.count(b"\n")
        rest = rest[1:]
    assert rest[0] is None
    check_extension(rest[1:], node)


def unextended(said):
    """BODY is BODYSTRUCTURE without what follows the basic fields (RFC 3501 7.4.2)."""
    if isinstance(said[0], list):
        count = next(i for i, x in enumerate(said) if not isinstance(x, list))
        return [unextended(x) for x in said[:count]] + [said[count]]
    if said[0].lower() + b"/" + said[1].lower() == b"message/rfc822":
        return said[:8] + [unextended(said[8]), said[9]]
    return said[:8] if said[0].lower() == b"text" else said[:7]


def texts(node):
    """The subject and the decoded text of each text part."""
    for part in BytesParser().parsebytes(node.header + node.body).walk():
        if part.get_content_maintype() == "text":
            yield part.get_payload(decode=True).decode(part.get_content_charset("us-ascii"))


@pytest.fixture(scope="module")
def letters(server):
    """A mailbox of made-up messages: (client, for each number the tree that Python reads and the marks in it)."""
    from conftest import new_account
    account, maker, made = new_account(server), Maker(20261124), []
    client = imap(account)
    for number in range(40):
        marks = []
        octets = maker.message(0, marks).as_bytes(policy=POLICY)
        assert b"\n" not in octets.replace(b"\r\n", b"")
        if number % 2:
            account.deliver(octets)
        else:
            append(client, octets)
        made.append((octets, marks))
    client.ok("SELECT INBOX")
    found = []
    for number, (octets, marks) in enumerate(made, 1):
        whole = fetch(client, number, "BODY.PEEK[]")[b"BODY[]"]
        assert whole.rstrip(b"\r\n").endswith(octets.rstrip(b"\r\n"))
        found.append((Node(whole), marks))
    return client, found


def test_envelopes_are_what_python_reads(letters):
    client, found = letters
    for number, (node, _) in enumerate(found, 1):
        check_envelope(fetch(client, number, "ENVELOPE")[b"ENVELOPE"], node)


def test_structures_are_what_python_reads(letters):
    client, found = letters
    for number, (node, _) in enumerate(found, 1):
        said = fetch(client, number, "BODYSTRUCTURE BODY")
        check_structure(said[b"BODYSTRUCTURE"], node)
        assert said[b"BODY"] == unextended(said[b"BODYSTRUCTURE"])


def test_sections_are_the_octets_between_the_boundaries(letters):
    client, found = letters
    for number, (node, _) in enumerate(found, 1):
        wanted = dict(sections(node))
        said = {}
        paths = list(wanted)
        for i in range(0, len(paths), 20):
            said.update(fetch(client, number, " ".join("BODY.PEEK[%s]" % p for p in paths[i:i + 20])))
        for path, octets in wanted.items():
            assert (said[b"BODY[%s]" % path.encode()] or b"") == octets, (number, path)


def search(client, keys):
    """keys: words, and texts as bytes, which go as literals."""
    line = b" ".join(b"{%d+}\r\n%s" % (len(k), k) if isinstance(k, bytes) else k.encode() for k in keys)
    answer = client.ok(b"SEARCH CHARSET UTF-8 " + line)[0]
    return [int(n) for n in answer.split()[2:]]


def test_search_finds_decoded_subjects_and_texts(letters):
    client, found = letters
    for number, (node, marks) in enumerate(found, 1):
        for mark in marks:
            assert search(client, ["TEXT", mark.upper().encode()]) == [number]
        subject = str(make_header(decode_header(node.field("subject"))))
        mine = next(m for m in marks if m in subject)
        assert search(client, ["SUBJECT", mine.encode()]) == [number]
        assert number in search(client, ["SUBJECT", subject.swapcase().encode()])
        assert search(client, ["BODY", mine.encode()]) == []
        for text in texts(node):
            line = max(text.splitlines(), key=len)
            assert number in search(client, ["BODY", line.swapcase().encode()]), line


def test_search_finds_decoded_names(letters):
    client, found = letters
    for name in ("from", "to", "cc", "bcc"):
        rows = [(n, str(make_header(decode_header(a))), b) for n, (node, _) in enumerate(found, 1) for a, b in getaddresses([node.field(name) or ""]) if b]
        for number, display, address in rows[:15]:
            assert search(client, [name, address.upper().encode()]) == sorted({n for n, _, b in rows if address in b})
            if display:
                assert number in search(client, [name, display.swapcase().encode()])
