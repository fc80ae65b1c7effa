"""What script/bench runs: the same load against Waxwing, Dovecot with mdbox and Dovecot with maildir, in turn, three times each.

Prints medians, the processor time that the server's processes took, and ratios of both. What was delivered is read back and compared octet for octet
before anything is measured on it; a figure whose messages or octets don't add up is no figure."""

import argparse
import os
import pathlib
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from instance import TOP, Failure, Instance  # noqa: E402

PASSWORD = "secret"
MESSAGE = 8192  # octets of one
BUILD = TOP / "build-bench"


class Waxwing:
    name = "waxwing"

    def __init__(self, folder, base, **settings):
        folder.mkdir()
        settings = {"sessions.per_account": 100000, "sessions.per_account_address": 100000, **settings}
        self.instance = Instance(folder, base, binary=find_binary(), settings=settings)
        self.instance.prepare()
        self.instance.start()
        self.folder, self.ports = folder, self.instance.ports
        self.made = self.delivered = self.stores = 0
        self.names = set()

    def hurry(self, on):
        pass

    def fill(self, user, count, size):
        load("lmtp", self, "lmtp", user=user, users=1, connections=16, messages=count, size=size)

    def user(self, name):
        if name not in self.names:
            self.instance.add_user(name, PASSWORD)
            self.names.add(name)

    def users(self, count):
        """user1 ... userN exist."""
        while self.made < count:
            self.made += 1
            self.user("user%d" % self.made)

    def pids(self):
        return family(self.instance.pid())

    def disk(self):
        return octets_below(self.folder / "store")

    def restart(self):
        self.instance.stop()
        started = time.monotonic()
        self.instance.start()
        return time.monotonic() - started

    def stop(self):
        self.instance.stop()


class Dovecot:
    def __init__(self, folder, base, style):
        self.name, self.folder, self.style = "dovecot " + style, folder, style
        self.delivered = self.stores = 0
        folder.mkdir()
        folder.chmod(0o755)
        self.ports = {"imap": base + 143, "imaps": base + 993, "pop3": base + 110, "lmtp": base + 24}
        owner = pwd.getpwnam("nobody")
        (folder / "mail").mkdir()
        os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                        "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")], check=True, capture_output=True)
        (folder / "dovecot.conf").write_text(textwrap.dedent("""
            base_dir = {f}/run
            state_dir = {f}/state
            log_path = {f}/log
            protocols = imap pop3 lmtp
            listen = 127.0.0.1
            ssl = yes
            ssl_cert = <{f}/cert.pem
            ssl_key = <{f}/key.pem
            disable_plaintext_auth = no
            mail_location = {s}:{f}/mail/%u
            first_valid_uid = 1
            default_internal_user = dovecot
            default_login_user = dovenull
            default_client_limit = 20000
            default_process_limit = 4000
            mail_max_userip_connections = 100000
            auth_mechanisms = plain
            passdb {{
              driver = static
              args = password={p}
            }}
            userdb {{
              driver = static
              args = uid={u} gid={g} home={f}/mail/home-%u allow_all_users=yes
            }}
            namespace inbox {{
              inbox = yes
              separator = /
            }}
            service imap-login {{
              inet_listener imap {{
                port = {imap}
              }}
              inet_listener imaps {{
                port = {imaps}
                ssl = yes
              }}
              process_limit = 2000
            }}
            service pop3-login {{
              inet_listener pop3 {{
                port = {pop3}
              }}
              inet_listener pop3s {{
                port = 0
              }}
            }}
            service imap {{
              process_limit = 4000
            }}
            service lmtp {{
              inet_listener lmtp {{
                address = 127.0.0.1
                port = {lmtp}
              }}
              process_limit = 100
            }}
            protocol lmtp {{
              postmaster_address = postmaster@localhost
            }}
            """).format(f=folder, s=style, p=PASSWORD, u=owner.pw_uid, g=owner.pw_gid, **self.ports))
        (folder / "hurry.conf").write_text("!include dovecot.conf\nmail_fsync = never\n")
        self.start()

    def hurry(self, on):
        """What is no figure need not wait for the disk. Measured is only as shipped."""
        self.stop()
        self.start("hurry.conf" if on else "dovecot.conf")

    def fill(self, user, count, size):
        """By MULTIAPPEND: many deliveries into one mailbox wait for each other's locks."""
        self.hurry(True)
        load("append", self, "imap", user=user, messages=count, size=size, multi=500)
        self.hurry(False)

    def start(self, configuration="dovecot.conf"):
        # In the foreground: a daemon would keep our pipes open.
        with open(self.folder / "start.log", "wb") as log:
            self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", str(self.folder / configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_port(self.ports["imap"])

    def users(self, count):
        pass

    def user(self, name):
        """It makes its files at the first use; two first deliveries at once it refuses."""
        load("imap", self, "imap", user=name, command="SELECT INBOX")

    def pids(self):
        return family(int((self.folder / "run" / "master.pid").read_text()))

    def disk(self):
        return octets_below(self.folder / "mail")

    def restart(self):
        self.stop()
        started = time.monotonic()
        self.start()
        return time.monotonic() - started

    def stop(self):
        self.process.terminate()
        self.process.wait()


def find_binary():
    return next(p for p in BUILD.rglob("waxwing") if p.is_file() and os.access(p, os.X_OK))


def wait_port(port):
    import socket
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as s:
                if s.recv(10):
                    return
        except OSError:
            time.sleep(0.005)
    raise Failure("nothing answers on port %d" % port)


def of_threads(pid, name):
    """What that file says of each; nothing if the process has just ended."""
    try:
        return [(thread / name).read_text() for thread in pathlib.Path("/proc/%d/task" % pid).iterdir()]
    except OSError:
        return []


def family(pid):
    found, new = {pid}, [pid]
    while new:
        born = {int(child) for text in of_threads(new.pop(), "children") for child in text.split()} - found
        found |= born
        new.extend(born)
    return found


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            for line in pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total


def cpu_s(pids):
    """Of these processes and of their children that have ended."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(map(int, pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def figure_text(figure):
    return "%.0f" % figure if figure >= 1000 else "%.3g" % figure


def ratio_text(ours, theirs, column, higher):
    if not ours or not theirs or not ours[column] or not theirs[column]:
        return "-"
    return "%.2fx" % (ours[column] / theirs[column] if higher else theirs[column] / ours[column])


def octets_below(folder):
    return sum(p.stat().st_blocks * 512 for p in folder.rglob("*") if p.is_file())


def load(mode, server, port, **options):
    command = [str(BUILD / "bench" / "waxwing-load"), mode, "port=%d" % server.ports[port], "password=" + PASSWORD] + ["%s=%s" % kv for kv in options.items()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise Failure("%s: %s" % (server.name, done.stderr.strip()))
    return {key: float(value) for key, value in (pair.split("=") for pair in done.stdout.split())}


class Bench:
    def __init__(self, options):
        self.o, self.quick = options, options.quick
        self.big = options.messages or (3000 if self.quick else 100000)
        self.many = options.mailboxes or (50 if self.quick else 2000)

    # ---- the table ----

    def measure(self, name, what, higher=True, runs=3):
        """what(server) -> a figure. Servers take turns, so that a drifting machine hits all alike."""
        if self.o.only and self.o.only not in name:
            return
        figures = {server.name: [] for server in self.servers}
        for _ in range(runs):
            for server in self.servers:
                try:
                    before = cpu_s(server.pids())
                    figure = what(server)
                    figures[server.name].append((figure, max(0.0, cpu_s(server.pids()) - before)))  # a restart begins at nothing
                except (Failure, subprocess.TimeoutExpired) as error:
                    print("  %s: %s: %s" % (name, server.name, error), file=sys.stderr)
        self.show(name, {key: [statistics.median(column) for column in zip(*runs)] for key, runs in figures.items()}, higher)

    def alone(self, name, what):
        """A figure that only Waxwing can be asked for, for its goal is no ratio."""
        if not self.o.only or self.o.only in name:
            print("%-46s %11s" % (name, figure_text(statistics.median(what(self.servers[0]) for _ in range(3)))), flush=True)

    def show(self, name, medians, higher):
        ours = medians["waxwing"]
        cells = []
        for key, value in medians.items():
            cells.append("%11s %7s" % (figure_text(value[0]), "%.2f" % value[1]) if value else "%11s %7s" % ("-", "-"))
            if key != "waxwing":
                cells.append("%8s %7s" % (ratio_text(ours, value, 0, higher), ratio_text(ours, value, 1, False)))
        print("%-46s %s" % (name, " ".join(cells)), flush=True)

    def header(self):
        others = " ".join("%11s %7s %8s %7s" % (s.name[8:], "CPU s", "ratio", "CPU") for s in self.servers[1:])
        print("%-46s %11s %7s %s" % ("", "waxwing", "CPU s", others))
        print("Medians. CPU s: processor time of all the server's processes. ratio: how many times better Waxwing is, by the clock; CPU: by processor time.", flush=True)

    # ---- deliveries ----

    def deliveries(self):
        many = self.many
        for server in self.servers:
            server.users(max(many, 20))
            server.hurry(True)
            server.user("user1")
            deliver(server, many, 16, many)  # all exist, and none is new when it is measured
            server.hurry(False)
        for users in (1, many):
            for connections in (1, 16, 64):
                count = (400 if self.quick else 1000) // (4 if connections == 1 else 1)
                self.measure("LMTP deliveries/s, %d mailboxes, %d connections" % (users, connections), lambda s: deliver(s, users, connections, count))
        for server in self.servers:
            check_sum(server, "messages of user1", load("verify", server, "imap", user="user1", size=MESSAGE)["verified"], server.delivered)
        self.measure("APPEND/s, one connection", lambda s: load("append", s, "imap", user="user3", messages=100 if self.quick else 500, size=MESSAGE)["rate"])

    # ---- one large mailbox ----

    def fill(self, user, count):
        for server in self.servers:
            server.fill(user, count, self.o.size)
            check_sum(server, "messages of " + user, load("verify", server, "imap", user=user, size=self.o.size)["verified"], count)

    def fetch(self, name, items, key="fetch_rate", port="imap"):
        command = "FETCH 1:* (%s)" % items
        # Each server may fill its caches first: the first run is not counted.
        for server in self.servers:
            load("imap", server, "imap", user="big", command=command)
        repeat = max(1, 30000 // self.big)
        self.measure("FETCH " + name, lambda s: fetch_all(s, command, self.big, repeat, port)[key])

    def imap(self):
        for server in self.servers:
            for name in ("small", "big"):
                server.user(name)
        self.fill("small", 1000)
        self.fill("big", self.big)
        for user, count in (("small", 1000), ("big", self.big)):
            for name, command in (("SELECT", "SELECT INBOX"), ("STATUS", "STATUS INBOX (MESSAGES UIDNEXT UNSEEN)")):
                self.measure("%s ms, %d messages" % (name, count), lambda s: load("imap", s, "imap", user=user, command=command, repeat=50)["each_ms"], higher=False)
                self.alone("%s us of processor time, %d messages" % (name, count), lambda s: command_cost(s, user, command))
        for name, items in (("FLAGS messages/s", "FLAGS"), ("ENVELOPE messages/s", "ENVELOPE"), ("BODYSTRUCTURE messages/s", "BODYSTRUCTURE"),
                            ("header fields messages/s", "BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)]")):
            self.fetch(name, items)
        for server in self.servers:
            sizes, octets = fetch_all(server, "FETCH 1:* (RFC822.SIZE)", self.big)["sizes"], fetch_all(server, "FETCH 1:* (BODY.PEEK[])", self.big)["literals"]
            check_sum(server, "octets of all messages", octets, sizes)
        self.fetch("BODY[] MB/s", "BODY.PEEK[]", "mb_s")
        self.fetch("BODY[] MB/s, TLS", "BODY.PEEK[]", "mb_s", "imaps")
        for name, command in (("SORT (DATE)", "SORT (DATE) UTF-8 ALL"), ("SORT (SUBJECT)", "SORT (SUBJECT) UTF-8 ALL"),
                              ("THREAD=REFERENCES", "THREAD REFERENCES UTF-8 ALL")):
            for server in self.servers:
                numbers_of_all(server, command, self.big)
            self.measure(name + " ms", lambda s: numbers_of_all(s, command, self.big), higher=False)
        self.measure("STORE everything, s", store_all, higher=False)
        self.measure("COPY everything, s", copy_all, higher=False, runs=1)

    def latency(self):
        self.measure("IDLE hears, ms after the 250 (0.001: before)", lambda s: hear(s, 10 if self.quick else 30), higher=False)
        self.measure("KiB an idle connection, %d messages" % self.big, lambda s: idle_cost(s, "imap", "0", 50, user="big"), higher=False, runs=1)

    def pop3(self):
        self.measure("POP3 login, STAT and UIDL, ms", lambda s: load("pop3", s, "pop3", user="big", messages=0)["login_ms"], higher=False)
        self.measure("POP3 RETR of everything, MB/s", retrieve_all)
        self.measure("EXPUNGE of everything, s", expunge_all, higher=False, runs=1)

    def idle(self):
        count = 100 if self.quick else 500
        for tls, port in (("0", "imap"), ("1", "imaps")):
            self.measure("KiB an idle connection, %s" % ("TLS" if tls == "1" else "plain"), lambda s: idle_cost(s, port, tls, count), higher=False, runs=1)

    def rest(self):
        self.measure("start-up, ms", lambda s: s.restart() * 1000, higher=False)
        self.measure("disk octets an 8 KiB message, all files", disk_cost, higher=False, runs=1)

    def run(self):
        with tempfile.TemporaryDirectory(prefix="waxwing-bench-", dir=self.o.folder) as folder:
            folder = pathlib.Path(folder)
            folder.chmod(0o755)
            self.servers = []
            try:
                self.servers.append(Waxwing(folder / "waxwing", 22000, **({"store.pack_after": "0"} if self.o.packed else {})))
                for number, style in enumerate(self.o.peers.split(",")):
                    self.servers.append(Dovecot(folder / style, 24000 + 2000 * number, style))
                self.header()
                for part in (self.deliveries, self.imap, self.latency, self.pop3, self.idle, self.rest):
                    part()
            finally:
                for server in self.servers:
                    try:
                        server.stop()
                    except Exception as error:  # noqa: BLE001
                        print("%s did not stop: %s" % (server.name, error), file=sys.stderr)


def check_sum(server, what, figure, expected):
    if figure != expected:
        raise Failure("%s: %s: %d, not %d" % (server.name, what, figure, expected))


def deliver(server, users, connections, count):
    rate = load("lmtp", server, "lmtp", user="user%d", users=users, connections=connections, messages=count, size=MESSAGE)["rate"]
    server.delivered += (count + users - 1) // users
    return rate


def fetch_all(server, command, count, repeat=1, port="imap"):
    found = load("imap", server, port, tls="1" if port == "imaps" else "0", user="big", command=command, repeat=repeat)
    check_sum(server, command, found["fetches"], count * repeat)
    return found


def numbers_of_all(server, command, count):
    """Milliseconds of one; its answer has room for every message's number."""
    found = load("imap", server, "imap", user="big", command=command, repeat=3)
    if found["octets"] < 3 * sum(len(str(n)) + 1 for n in range(1, count + 1)):
        raise Failure("%s: %s: not every message is there" % (server.name, command))
    return found["each_ms"]


def store_all(server):
    server.stores += 1
    sign = "+" if server.stores % 2 else "-"
    return load("imap", server, "imap", user="big", command="STORE 1:* %sFLAGS.SILENT (\\Flagged)" % sign)["seconds"]


def copy_all(server):
    load("imap", server, "imap", user="big", command="CREATE copies")
    found = load("imap", server, "imap", user="big", command="COPY 1:* copies")
    check_sum(server, "copies", load("imap", server, "imap", user="big", mailbox="copies", command="NOOP")["exists"], found["exists"])
    return found["seconds"]


def retrieve_all(server):
    found = load("pop3", server, "pop3", user="big", pipeline=20, messages=10**9)
    check_sum(server, "octets retrieved", found["body_octets"], found["stat_octets"])
    return found["retr_mb_s"]


def expunge_all(server):
    load("imap", server, "imap", user="big", command="STORE 1:* +FLAGS.SILENT (\\Deleted)")
    seconds = load("imap", server, "imap", user="big", command="EXPUNGE")["seconds"]
    check_sum(server, "messages after EXPUNGE", load("imap", server, "imap", user="big")["exists"], 0)
    return seconds


def nanoseconds(pids):
    """On a processor, of all threads of these processes."""
    return sum(int(text.split()[0]) for pid in pids for text in of_threads(pid, "schedstat"))


def command_cost(server, user, command, repeat=2000):
    """Microseconds of processor time, of all the server's processes, for one more of the command: the login isn't counted."""
    costs = []
    for count in (1, 1 + repeat):
        before = nanoseconds(server.pids())
        load("imap", server, "imap", user=user, command=command, repeat=count)
        costs.append(nanoseconds(server.pids()) - before)
    return (costs[1] - costs[0]) / repeat / 1000


def hear(server, count):
    server.user("hearing")
    return max(0.001, load("hear", server, "imap", user="hearing", lmtp_port=server.ports["lmtp"], messages=count, size=MESSAGE)["p50_ms"])


def idle_sessions(server, port, tls, count, user):
    command = [str(BUILD / "bench" / "waxwing-load"), "idle", "port=%d" % server.ports[port], "password=" + PASSWORD, "tls=" + tls, "connections=%d" % count, "users=20", "user=" + user]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if not process.stdout.readline().startswith("ready"):
        raise Failure("%s: the idle sessions could not be opened" % server.name)
    time.sleep(1.5)
    return process


def idle_cost(server, port, tls, count, user="user%d"):
    """By how much the server grows. It has just started, so that nothing is hidden in memory freed before; what the first sessions
    set up for all later ones isn't counted."""
    server.restart()
    first = idle_sessions(server, port, tls, 20, user)
    before = pss_kib(server.pids())
    more = idle_sessions(server, port, tls, count, user)
    after = pss_kib(server.pids())
    for process in (more, first):
        process.stdin.close()
        process.wait()
    time.sleep(1)
    return max(after - before, 1) / count


def disk_cost(server):
    before = server.disk()
    load("lmtp", server, "lmtp", user="user3", users=1, connections=16, messages=2000, size=MESSAGE)
    time.sleep(1)
    return (server.disk() - before) / 2000


def main():
    p = argparse.ArgumentParser(prog="script/bench")
    p.add_argument("--quick", action="store_true", help="smaller counts: a few minutes")
    p.add_argument("--messages", type=int, help="in the large mailbox (100000, quick: 3000)")
    p.add_argument("--size", type=int, default=MESSAGE, help="octets of each of those (%d)" % MESSAGE)
    p.add_argument("--mailboxes", type=int, help="that mail is delivered to (2000, quick: 50)")
    p.add_argument("--packed", action="store_true", help="Waxwing packs mail as it comes: what mail older than a week costs")
    p.add_argument("--peers", default="mdbox,maildir", help="Dovecot's mailbox formats (%(default)s)")
    p.add_argument("--only", help="only the figures whose name holds this")
    p.add_argument("--folder", default=None, help="where the stores are put (a real disk, not tmpfs)")
    options = p.parse_args()
    options.folder = options.folder or str(TOP / "build-bench")
    if os.geteuid() != 0:
        raise Failure("Dovecot needs root to run beside us")
    Bench(options).run()


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print("bench: %s" % failure, file=sys.stderr)
        sys.exit(1)
