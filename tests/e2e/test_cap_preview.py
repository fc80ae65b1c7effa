"""PREVIEW (RFC 8970)."""

from conftest import message
from raw import imap
from test_imap import append


def test_preview_is_the_beginning_of_the_text(account):
    client = imap(account)
    assert b"PREVIEW" in b" ".join(client.ok("CAPABILITY")).split()
    append(client, message("s", "Preview   text!\r\nSecond line.\r\n"))
    client.ok("SELECT INBOX")
    assert client.ok("FETCH 1 (PREVIEW)") == [b'* 1 FETCH (PREVIEW "Preview text! Second line.")\r\n']
    assert client.ok("FETCH 1 PREVIEW") == [b'* 1 FETCH (PREVIEW "Preview text! Second line.")\r\n']
    assert b"\\Seen" not in client.ok("FETCH 1 FLAGS")[0]


def test_lazy_preview_is_told_at_once(account):
    client = imap(account)
    append(client, message("s", "lazy\r\n"))
    client.ok("SELECT INBOX")
    assert client.ok("FETCH 1 (UID PREVIEW (LAZY) FLAGS)") == [b'* 1 FETCH (UID 1 PREVIEW "lazy" FLAGS ())\r\n']
    assert client.do("FETCH 1 (PREVIEW (BUSY))")[0].split()[1] == b"BAD"


def test_preview_of_html_is_without_markup_and_in_utf8(account):
    client = imap(account)
    html = "<html><head><style>p {}</style></head><body><p>Gr&uuml;&szlig;e</p></body></html>\r\n"
    append(client, message("s", html, "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"))
    client.ok("SELECT INBOX")
    assert client.ok("FETCH 1 (PREVIEW)") == [b"* 1 FETCH (PREVIEW {7}\r\n" + "Grüße".encode() + b")\r\n"]


def test_preview_of_a_message_without_text_is_empty_and_never_nil(account):
    client = imap(account)
    append(client, message("s", "AAAA\r\n", "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"))
    client.ok("SELECT INBOX")
    assert client.ok("FETCH 1 (PREVIEW)") == [b'* 1 FETCH (PREVIEW "")\r\n']
    long = "word " * 200
    append(client, message("s", long + "\r\n"))
    client.ok("NOOP")
    preview = client.ok("FETCH 2 (PREVIEW)")[0]
    assert len(preview.split(b'"')[1]) <= 200
