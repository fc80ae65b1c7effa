"""Mail for the demo, the tests and the benchmark: made here, deterministically, with texts that Debian packages ship as bodies.

No message is stored in the repository. `messages(seed, count)` yields realistic mail: threads, several charsets and languages, HTML
alternatives, attachments, forwarded messages; `odd_messages()` yields what strangers send: broken MIME, bad headers, raw octets.
"""

import base64
import email.message
import email.policy
import email.utils
import os
import pathlib
import random
import time
import zlib

PEOPLE = [
    ("Ann Archer", "ann"), ("Bob Brown", "bob"), ("Carol Čapek", "carol"), ("Dr. Jürgen Müller", "j.mueller"), ("Zoë Ångström", "zoe"),
    ("山田 太郎", "taro"), ("Иван Петров", "ivan"), ("Maria José Pérez", "mj"), ("O'Neil, Pat", "pat"), ("François Lefèvre", "fl"),
    ("Registrar's Office", "registrar"), ("Library", "library"), ("", "noreply"),
]
SUBJECTS = [
    "Seminar on Thursday", "Re: budget for next year", "Your library books are due", "Übung 3: Abgabe verschoben", "会議の議事録", "Minutes of the meeting",
    "Протокол собрания", "Résumé de la séance", "Exam dates", "Lost and found: blue bicycle", "[list] weekly digest", "Invitation: garden party 🌻",
    "Fwd: parking permits", "Question about chapter 7", "Servers down on Sunday night", "Änderung der Öffnungszeiten", "Photo of the whiteboard", "draft v2 (final)",
]
KEYWORDS = ["$Label1", "$Forwarded", "project-x", "$MDNSent"]


def texts():
    """Paragraphs from documentation on this machine; own ones where there is none."""
    found = []
    for pattern in ("*/copyright", "*/README*", "*/NEWS*"):
        for path in sorted(pathlib.Path("/usr/share/doc").glob(pattern))[:40]:
            if path.suffix == ".gz" or not path.is_file():
                continue
            try:
                found += [p for p in path.read_text(errors="strict").split("\n\n") if 40 < len(p) < 1500]
            except (OSError, UnicodeDecodeError):
                continue
            if len(found) > 1500:
                return found
    return found or ["Dear all,\n\nthe room has changed; please come to the second floor.", "Thank you, that was quick.", "See below."] * 20


def _picture(rng):
    """A small valid PNG of random grey."""
    width, height = rng.randrange(8, 64), rng.randrange(8, 64)
    rows = b"".join(b"\0" + rng.randbytes(width) for _ in range(height))

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0")
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def messages(seed, count, user="ann", now=None):
    """Yields (octets with CRLF, date in seconds, flags as Maildir letters, keywords)."""
    rng = random.Random(seed)
    paragraphs = texts()
    now = int(now or time.time())
    threads = []
    for number in range(count):
        at = now - int((count - number) * 5400 * rng.uniform(0.6, 1.0))
        message = email.message.EmailMessage()
        reply_to = rng.choice(threads[-30:]) if threads and rng.random() < 0.45 else None
        name, local = rng.choice(PEOPLE)
        message["From"] = email.utils.formataddr((name, local + "@example.org"), "utf-8") if name else local + "@example.org"
        others = rng.sample(PEOPLE[:10], rng.randrange(0, 3))
        message["To"] = ", ".join([user + "@example.org"] + [email.utils.formataddr((n, l + "@example.net"), "utf-8") for n, l in others])
        if rng.random() < 0.2:
            message["Cc"] = "all-staff@example.org"
        subject = rng.choice(SUBJECTS)
        ident = "<%d.%d.%s@example.org>" % (seed, number, local)
        if reply_to:
            subject = reply_to[0] if reply_to[0].lower().startswith("re:") else "Re: " + reply_to[0]
            message["In-Reply-To"] = reply_to[1]
            message["References"] = " ".join(reply_to[2] + [reply_to[1]])
        message["Subject"] = subject
        message["Date"] = email.utils.formatdate(at - rng.randrange(0, 300), localtime=False)
        message["Message-ID"] = ident
        threads.append((subject, ident, ((reply_to[2] + [reply_to[1]])[-8:] if reply_to else [])))
        body = "\n\n".join(rng.choice(paragraphs) for _ in range(rng.randrange(1, 6))) + "\n\n-- \n" + (name or local) + "\n"
        kind = rng.random()
        if kind < 0.15:
            message.set_content(body, charset="iso-8859-1" if body.isascii() else "utf-8", cte="quoted-printable")
        else:
            message.set_content(body)
        if kind > 0.55:
            message.add_alternative("<html><body><p>" + body.replace("&", "&amp;").replace("<", "&lt;").replace("\n\n", "</p>\n<p>") + "</p></body></html>", subtype="html")
        if kind > 0.8:
            message.add_attachment(_picture(rng), maintype="image", subtype="png", filename=rng.choice(["board.png", "Übersicht.png", "写真.png"]))
        if kind > 0.95:
            inner = email.message.EmailMessage()
            inner["From"], inner["To"], inner["Subject"] = "pat@example.net", user + "@example.org", "inner: " + subject
            inner.set_content(body[:400])
            message.add_attachment(inner)
        flags = "".join(sorted(set("".join(["S" if rng.random() < 0.8 else "", "R" if rng.random() < 0.2 else "", "F" if rng.random() < 0.1 else ""]))))
        keywords = [rng.choice(KEYWORDS)] if rng.random() < 0.1 else []
        yield message.as_bytes(policy=email.policy.SMTP), at, flags, keywords


def odd_messages():
    """(name, octets): what a mailbox must survive. CRLF unless the point is otherwise."""
    def m(text):
        return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")

    yield "empty", b""
    yield "no-header", m("\njust a body\n")
    yield "no-body", m("From: a@example.org\nSubject: header only\n")
    yield "no-final-newline", m("From: a@example.org\nSubject: x\n\nlast line without end")
    yield "header-without-colon", m("From: a@example.org\nthis is no header\nSubject: after\n\nbody\n")
    yield "bare-lf", b"From: a@example.org\nSubject: unix lines\n\nbody\nline\n"
    yield "raw-8bit-header", b"From: J\xfcrgen <j@example.org>\r\nSubject: gr\xfc\xdfe\r\n\r\nb\xf6dy\r\n"
    yield "raw-utf8-header", m("From: Jürgen <j@example.org>\nSubject: grüße 🌻\n\nbödy\n")
    yield "nul-octets", b"From: a@example.org\r\nSubject: nul\r\n\r\nbefore\0after\r\n"
    yield "dots", m("From: a@example.org\nSubject: dots\n\n.\n..\n.leading\n...three\n")
    yield "unclosed-multipart", m("Subject: open\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: text/html\n\n<p>two")
    yield "empty-boundary", m('Subject: eb\nContent-Type: multipart/mixed; boundary=""\n\n--\n\nx\n----\n')
    yield "no-boundary", m("Subject: nb\nContent-Type: multipart/mixed\n\nnothing splits this\n")
    yield "bad-base64", m("Subject: b64\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!SGVs*bG8=junk====\n")
    yield "unknown-charset", m("Subject: =?x-nobody?B?SGVsbG8=?=\nContent-Type: text/plain; charset=x-nobody\n\nhello\n")
    yield "encoded-words", m("Subject: =?utf-8?q?a?= =?utf-8?q?b?= plain =?iso-8859-1?q?=FC?= =?utf-8?b?8J+Muw==?=\n\nbody\n")
    yield "rfc2231", m("Content-Type: application/octet-stream; name*0*=utf-8'en'%e2%82%ac; name*1=\" rates\"; name*2*=%20x\n\nbody\n")
    yield "addresses", m('From: (comment (nested)) "Q\\"uoted" <a."b c"@[192.0.2.1]> (end)\nTo: group: a@b, "c d" <e@f>;, <>, undisclosed:;\nCc: <@r1,@r2:u@d>\n\nbody\n')
    yield "unfinished-address", m('From: "open <a@b\nTo: (open\nCc: x@y\\\n\nbody\n')
    yield "many-same-headers", m("".join("Received: from x%d by y\n" % i for i in range(400)) + "Subject: many\n\nbody\n")
    yield "long-line", m("Subject: long\n\n" + "x" * 200000 + "\n")
    yield "long-header", m("Subject: " + "y" * 120000 + "\n\nbody\n")
    yield "deep", m("".join("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(150)) + "\n\nbottom\n")
    yield "rfc822-chain", m("Content-Type: message/rfc822\n\n" * 120 + "Subject: bottom\n\nend\n")
    yield "date-odd", m("Date: Tue, 32 Foo 99999 25:61:61 +9999\nSubject: odd date\n\nbody\n")
    yield "folded", m("Subject: one\n two\n\tthree\nTo: a@b,\n c@d\n\nbody\n")
    yield "empty-fields", m("From:\nTo:\nSubject:\nDate:\nMessage-ID:\n\nbody\n")


def write_maildir(folder, user, count):
    folder = pathlib.Path(folder)
    for sub in ("cur", "new", "tmp", ".Archive/cur", ".Archive/new", ".Archive/tmp", ".Sent/cur", ".Sent/new", ".Sent/tmp"):
        (folder / sub).mkdir(parents=True)
    (folder / "subscriptions").write_text("Archive\nSent\n")
    (folder / "dovecot-keywords").write_text("".join("%d %s\n" % (i, k) for i, k in enumerate(KEYWORDS)))
    seed = zlib.crc32(user.encode())
    for number, (octets, at, flags, keywords) in enumerate(messages(seed, count, user)):
        letters = flags + "".join(chr(ord("a") + KEYWORDS.index(k)) for k in keywords)
        where = folder if number % 5 else folder / (".Archive" if number % 2 else ".Sent")
        path = where / "cur" / ("%d.M%06dP1.demo,S=%d:2,%s" % (at, number, len(octets), letters))
        path.write_bytes(octets.replace(b"\r\n", b"\n"))
        os.utime(path, (at, at))


def plain(size, number=0, to="user1"):
    """A plain message of about `size` octets, for the benchmark."""
    head = "From: sender@example.org\r\nTo: %s@example.org\r\nSubject: message %d\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d.%s@bench.example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" % (to, number, number, to)
    line = base64.b64encode(random.Random(number).randbytes(54)).decode() + "\r\n"
    words = "the quick brown mail server keeps what it is given and gives it back as it was\r\n"
    body = (line + words * 3) * (size // (len(line) + len(words) * 3) + 1)
    return (head + body)[: max(size, len(head))].encode()
