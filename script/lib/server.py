"""The demo behind script/server: a store with ann, bob and carol, their mail, and a running Waxwing."""

import argparse
import json
import pathlib
import secrets
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import corpus  # noqa: E402
from instance import TOP, Failure, Instance  # noqa: E402

USERS = ("ann", "bob", "carol")
MESSAGES = {"ann": 400, "bob": 150, "carol": 60}


def options():
    p = argparse.ArgumentParser(prog="script/server", description="Starts a demo Waxwing with mail in it.")
    p.add_argument("--data", default=str(TOP / "demo"), help="the folder that holds everything (default: demo)")
    p.add_argument("--port-base", type=int, default=10000, help="each service listens on this plus its well-known port (default 10000)")
    p.add_argument("--empty", action="store_true", help="accounts without mail")
    p.add_argument("--background", action="store_true", help="return once it serves")
    p.add_argument("--stop", action="store_true", help="stop the one that runs on --data")
    return p.parse_args()


def demo_accounts(folder):
    """Made once, kept beside the store, so that a second start prints the same passwords."""
    path = folder / "run" / "accounts.json"
    if path.exists():
        return [tuple(pair) for pair in json.loads(path.read_text())]
    accounts = [(user, secrets.token_urlsafe(9)) for user in USERS]
    path.touch(mode=0o600)
    path.write_text(json.dumps(accounts))
    return accounts


def fill(instance, accounts, empty):
    have = set(instance.users())
    for user, password in accounts:
        if user in have:
            continue
        instance.add_user(user, password)
        if empty:
            continue
        with tempfile.TemporaryDirectory() as folder:
            maildir = pathlib.Path(folder) / user
            corpus.write_maildir(maildir, user, MESSAGES[user])
            instance.command("import", "maildir", user, maildir)


def greet(instance, accounts):
    user, password = accounts[0]
    ports = instance.ports
    print("Waxwing serves the mail in %s" % instance.folder)
    print()
    for name, port in ports.items():
        print("  %-6s localhost:%d" % (name, port))
    print("  lmtp   %s" % instance.lmtp_socket)
    print()
    for name, secret in accounts:
        print("  user %-6s password %s" % (name, secret))
    print()
    print("Read the first message:")
    print("  curl --cacert %s --user %s:%s 'imaps://localhost:%d/INBOX;MAILINDEX=1'" % (instance.certificate, user, password, ports["imaps"]))
    print("Send one:")
    print("  swaks --protocol LMTP --server localhost:%d --to %s --from you@example.org" % (ports["lmtp"], user))
    sys.stdout.flush()


def main():
    o = options()
    instance = Instance(o.data, o.port_base)
    if o.stop:
        if not instance.stop():
            raise Failure("no Waxwing runs on %s" % instance.folder)
        return
    if instance.pid() is not None:
        raise Failure("a Waxwing already runs on %s (process %d); --stop ends it" % (instance.folder, instance.pid()))
    if not 0 < o.port_base <= 65535 - 995:
        raise Failure("--port-base must be between 1 and 64540")
    instance.prepare()
    accounts = demo_accounts(instance.folder)
    instance.start()
    try:
        fill(instance, accounts, o.empty)
        instance.write_endpoints(accounts)
        greet(instance, accounts)
    except BaseException:
        instance.stop()
        raise
    if o.background:
        return
    signal.signal(signal.SIGTERM, lambda *_: instance.stop())
    try:
        print("\nCtrl-C stops it. Its log: %s" % instance.log)
        sys.stdout.flush()
        code = instance.process.wait()
    except KeyboardInterrupt:
        instance.stop()
        code = 0
    if code not in (0, None):
        raise Failure("waxwing ended with code %d; the end of its log says:\n%s" % (code, instance.log_tail()))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print("server: %s" % failure, file=sys.stderr)
        sys.exit(1)
    except (OSError, shutil.Error) as failure:
        print("server: %s" % failure, file=sys.stderr)
        sys.exit(1)
