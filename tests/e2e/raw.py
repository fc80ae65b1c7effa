"""A connection where each octet is the test's own."""

import re
import socket
import ssl


class Raw:
    def __init__(self, port, host="127.0.0.1", timeout=20, source=""):
        self.socket = socket.create_connection((host, port), timeout=timeout, source_address=(source, 0))
        self.buffer = b""

    def send(self, octets):
        self.socket.sendall(octets.encode() if isinstance(octets, str) else octets)

    def line(self):
        while b"\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.buffer)
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def exactly(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.buffer)
            self.buffer += more
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def rest(self):
        """Everything until the server closes."""
        while True:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                part, self.buffer = self.buffer, b""
                return part
            self.buffer += more

    def starttls(self, context, name="localhost"):
        self.socket = context.wrap_socket(self.socket, server_hostname=name)
        self.buffer = b""

    def close(self):
        self.socket.close()


class Imap(Raw):
    """Tags are the test's; `do` returns (status line, untagged lines with literals joined)."""

    def __init__(self, port, **more):
        super().__init__(port, **more)
        self.greeting = self.line()
        self.count = 0

    def response(self):
        """One response, its literals included."""
        whole = self.line()
        while True:
            literal = re.search(rb"\{(\d+)\}\r\n$", whole)
            if not literal:
                return whole
            whole += self.exactly(int(literal.group(1))) + self.line()

    def until(self, tag):
        untagged = []
        while True:
            response = self.response()
            if response.startswith(tag + b" "):
                return response, untagged
            untagged.append(response)

    def do(self, command):
        self.count += 1
        tag = b"t%d" % self.count
        self.send(tag + b" " + (command.encode() if isinstance(command, str) else command) + b"\r\n")
        return self.until(tag)

    def ok(self, command):
        status, untagged = self.do(command)
        assert status.split(b" ", 2)[1] == b"OK", (command, status, untagged)
        return untagged


def imap(account, select=None):
    client = Imap(account.instance.ports["imap"])
    client.ok('LOGIN "%s" "%s"' % (account.user, account.password))
    if select:
        client.ok("SELECT " + select)
    return client
