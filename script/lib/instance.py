"""One Waxwing on this machine: its folder, its configuration, start, stop, accounts. Used by script/server, the tests and the benchmark."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
SERVICES = {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995, "lmtp": 24}


class Failure(Exception):
    """A plain reason, for a person."""


class Instance:
    def __init__(self, folder, port_base, binary=None, settings=None, host="127.0.0.1"):
        self.folder = pathlib.Path(folder).resolve()
        self.port_base = port_base
        self.binary = str(binary or os.environ.get("WAXWING_BINARY") or TOP / "build" / "src" / "process" / "waxwing")
        self.host = host
        self.settings = settings or {}
        self.process = None

    # ---- names ----

    @property
    def ports(self):
        return {name: self.port_base + port for name, port in SERVICES.items()}

    @property
    def config(self):
        return self.folder / "waxwing.conf"

    @property
    def certificate(self):
        return self.folder / "tls" / "certificate.pem"

    @property
    def lmtp_socket(self):
        return self.folder / "run" / "lmtp"

    @property
    def log(self):
        return self.folder / "run" / "log"

    # ---- making ----

    def prepare(self):
        """Folder, certificate and configuration, each only if it isn't there (the configuration is written anew: ports may change)."""
        for name in ("", "tls", "run"):
            (self.folder / name).mkdir(mode=0o755, parents=True, exist_ok=True)
        if not self.certificate.exists():
            self._make_certificate()
        self.config.write_text(self._config_text())

    def _make_certificate(self):
        key = self.folder / "tls" / "key.pem"
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "825",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1",
             "-keyout", str(key), "-out", str(self.certificate)], capture_output=True, text=True, umask=0o077)
        if done.returncode:
            raise Failure("openssl could not make a certificate: " + done.stderr.strip())
        self.certificate.chmod(0o644)

    def _config_text(self):
        settings = {
            "host_name": "localhost",
            "data": str(self.folder),
            "tls.certificate": str(self.certificate),
            "tls.key": str(self.folder / "tls" / "key.pem"),
            "login.plain_from_loopback": True,
            "lmtp.socket": str(self.lmtp_socket),
        }
        for name, port in self.ports.items():
            settings["listen." + name] = ["%s:%d" % (self.host, port)]
        settings.update(self.settings)
        tree = {}
        for key, value in settings.items():
            place = tree
            *groups, last = key.split(".")
            for group in groups:
                place = place.setdefault(group, {})
            place[last] = value
        return "# Written by script/lib/instance.py; see waxwing.conf(5).\n" + _libconfig(tree, 0)

    # ---- running ----

    def command(self, *arguments, stdin=None, check=True):
        done = subprocess.run([self.binary, "-c", str(self.config), *map(str, arguments)], capture_output=True, input=stdin, text=True)
        if check and done.returncode:
            raise Failure("waxwing %s: exit %d: %s" % (" ".join(map(str, arguments)), done.returncode, (done.stderr or done.stdout).strip()))
        return done

    def start(self, wait_s=30, environment=None):
        for name, port in self.ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self._probe(probe, name, port)
        log = open(self.log, "ab")
        self.process = subprocess.Popen([self.binary, "-c", str(self.config), "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True, env=environment)
        log.close()
        (self.folder / "run" / "pid").write_text("%d\n" % self.process.pid)
        self.wait_ready(wait_s)

    def _probe(self, probe, name, port, wait_s=3):
        """What was killed a moment ago may hold the port still."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                probe.bind((self.host, port))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise Failure("port %d (%s) can't be used: %s; choose another --port-base" % (port, name, error.strerror)) from error
                time.sleep(0.05)

    def wait_ready(self, wait_s=30):
        deadline = time.monotonic() + wait_s
        while True:
            if self.process and self.process.poll() is not None:
                raise Failure("waxwing ended at once with code %d; the end of %s says:\n%s" % (self.process.returncode, self.log, self.log_tail()))
            try:
                with socket.create_connection((self.host, self.ports["imap"]), timeout=1) as s:
                    s.settimeout(2)
                    if s.recv(100).startswith(b"* OK"):
                        return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise Failure("waxwing does not answer on port %d; the end of %s says:\n%s" % (self.ports["imap"], self.log, self.log_tail()))
            time.sleep(0.005)

    def log_tail(self, lines=15):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def pid(self):
        try:
            pid = int((self.folder / "run" / "pid").read_text())
            title = pathlib.Path("/proc/%d/cmdline" % pid).read_bytes()
        except (OSError, ValueError):
            return None
        return pid if b"waxwing" in title else None

    def stop(self, wait_s=30, how=signal.SIGTERM):
        pid = self.pid()
        if pid is None:
            return False
        os.kill(pid, how)
        deadline = time.monotonic() + wait_s
        while self.pid() is not None:
            if self.process:
                self.process.poll()
                if self.process.returncode is not None:
                    break
            if time.monotonic() > deadline:
                raise Failure("waxwing (process %d) did not end within %d s" % (pid, wait_s))
            time.sleep(0.02)
        self.process = None
        return True

    def kill(self):
        """The whole family, at once, as a power cut would (but for the page cache)."""
        pid = self.pid()
        if pid is not None:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            if self.process:
                self.process.wait()
        self.process = None

    # ---- accounts ----

    def add_user(self, name, password):
        self.command("user", "add", name, stdin=password + "\n")

    def users(self):
        return [row["name"] for row in json.loads(self.command("user", "list", "--json").stdout or "[]")]

    def write_endpoints(self, accounts):
        path = self.folder / "run" / "endpoints.json"
        text = json.dumps({"host": "localhost", "ports": self.ports, "accounts": [{"user": u, "password": p} for u, p in accounts],
                           "ca": str(self.certificate), "lmtp_socket": str(self.lmtp_socket)}, indent=2)
        part = path.with_suffix(".new")
        part.write_text(text + "\n")
        part.rename(path)


def _libconfig(tree, depth):
    lines = []
    for key, value in tree.items():
        pad = "    " * depth
        if isinstance(value, dict):
            lines.append("%s%s: {\n%s%s};\n" % (pad, key, _libconfig(value, depth + 1), pad))
        else:
            lines.append("%s%s = %s;\n" % (pad, key, _value(value)))
    return "".join(lines)


def _value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(_value(v) for v in value) + ")"
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"')
