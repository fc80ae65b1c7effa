"""script/server, as the README tells a newcomer to use it."""

import imaplib
import json
import ssl
import subprocess

from conftest import TOP, free_port_base, message, open_to_roles


def run(folder, *options):
    return subprocess.run([str(TOP / "script" / "server"), "--data", str(folder), *options], capture_output=True, text=True, timeout=600)


def login(folder):
    said = json.loads((folder / "run" / "endpoints.json").read_text())
    account = said["accounts"][0]
    client = imaplib.IMAP4_SSL(said["host"], said["ports"]["imaps"], ssl_context=ssl.create_default_context(cafile=said["ca"]))
    client.login(account["user"], account["password"])
    return said, client


def test_it_starts_says_where_keeps_the_mail_and_stops(tmp_path):
    folder, base = tmp_path / "demo", free_port_base()
    open_to_roles(tmp_path)
    started = run(folder, "--port-base", str(base), "--empty", "--background")
    try:
        assert started.returncode == 0, started.stderr
        said, client = login(folder)
        assert {name: port - base for name, port in said["ports"].items()} == {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995, "lmtp": 24}
        assert [account["user"] for account in said["accounts"]] == ["ann", "bob", "carol"]
        assert all(account["password"] in started.stdout for account in said["accounts"]) and "curl" in started.stdout
        client.append("INBOX", None, None, message())
        client.logout()
        refused = run(tmp_path / "other", "--port-base", str(base), "--empty", "--background")
        assert refused.returncode != 0 and "can't be used" in refused.stderr + refused.stdout and "Traceback" not in refused.stderr
        assert run(folder, "--stop").returncode == 0
        assert run(folder, "--port-base", str(base), "--background").returncode == 0
        assert login(folder)[1].select("INBOX")[1] == [b"1"]
    finally:
        run(folder, "--stop")
