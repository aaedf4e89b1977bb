"""A client of the HTTP port."""

import base64
import socket

from .process import SLOWDOWN


class Http:
    """A connection to the HTTP port."""

    def __init__(self, port, timeout=10 * SLOWDOWN):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)

    def read(self, is_head=False):
        """(status, fields, body)"""
        while b"\r\n\r\n" not in self.rest:
            self._receive()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        length = 0 if is_head else int(fields["Content-Length"])
        while len(self.rest) < length:
            self._receive()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(lines[0].split(" ")[1]), fields, body.decode()

    def _receive(self):
        data = self.socket.recv(65536)
        assert data, "closed"
        self.rest += data

    def get(self, path, user=None, method="GET", host="a", fields=""):
        """As read(). `user`: "name:password"; `fields`: more of them, each with its CR LF."""
        login = "" if user is None else "Authorization: Basic %s\r\n" % base64.b64encode(user.encode()).decode()
        self.send(("%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n" % (method, path, host, login, fields)).encode())
        return self.read(method == "HEAD")

    def is_closed(self):
        try:
            return self.socket.recv(65536) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()
