"""Certificates for tests, and raw connections through TLS."""

import contextlib
import os
import socket
import ssl
import subprocess

from .process import SLOWDOWN
from .resp import Closed, Connection


def openssl(*words):
    subprocess.run(("openssl",) + words, check=True, capture_output=True)


class Certificates:
    """An authority, and what it has signed: `server` for 127.0.0.1, and one for each name that is asked for. All in `folder`."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.ca = self.path("ca.crt")
        self._key("ca")
        openssl("req", "-x509", "-new", "-key", self.path("ca.key"), "-days", "2", "-subj", "/CN=Tests", "-out", self.ca)
        self.make("server")

    def path(self, name):
        return os.path.join(self.folder, name)

    def _key(self, name):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name + ".key"))

    def make(self, name, common_name=None):
        """Gives the paths of the certificate and of its key."""
        certificate, key, request = (self.path(name + ending) for ending in (".crt", ".key", ".csr"))
        if not os.path.exists(certificate):
            self._key(name)
            openssl("req", "-new", "-key", key, "-subj", "/CN=" + (common_name or name), "-out", request)
            with open(self.path("names"), "w", encoding="ascii") as file:
                file.write("subjectAltName=IP:127.0.0.1")
            openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", "2",
                    "-extfile", self.path("names"), "-out", certificate)
        return certificate, key

    def options(self, port, name="server"):
        """Of a server."""
        certificate, key = self.make(name)
        return ["--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", self.ca]

    def context(self, name="client", version=ssl.TLSVersion.TLSv1_3, authority=None):
        """Of a client that shows the certificate of that name; None: it shows none."""
        context = ssl.create_default_context(cafile=authority or self.ca)
        context.minimum_version = context.maximum_version = version
        if name is not None:
            context.load_cert_chain(*self.make(name))
        return context


class TlsConnection(Connection):
    """As Connection. `session` is one to be resumed."""

    def __init__(self, context, port, session=None, timeout=None, **more):
        super().__init__("127.0.0.1", port, timeout=timeout or 30.0 * SLOWDOWN, **more)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1", session=session, suppress_ragged_eofs=False)
        except BaseException:
            self.socket.close()
            raise

    def _receive(self):
        try:
            data = self.socket.recv(1 << 18)
        except ssl.SSLZeroReturnError:
            raise Closed from None
        except (ssl.SSLEOFError, ConnectionError):
            raise Closed("without close_notify") from None
        if not data:
            raise Closed
        self.received += data

    def ends_cleanly(self):
        """Reads to the end. True: the server has said that it is the end."""
        try:
            while True:
                self._receive()
        except Closed as closed:
            return not closed.args


def send_and_end(context, port, data):
    """Sends `data` and the word that no more comes in one piece, so before any reply is there: OpenSSL drops what comes between that word and its
    own look for the other side's. Returns what the server sent; ends with an error unless the server said that it is the end, too."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    received = b""

    def done(action, *words):
        while True:
            try:
                return action(*words)
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                arrived = connection.recv(1 << 16)
                if not arrived:
                    raise Closed("without close_notify") from None
                incoming.write(arrived)

    with plain_socket(port) as connection:
        done(tls.do_handshake)
        tls.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        connection.sendall(outgoing.read())
        with contextlib.suppress(ssl.SSLZeroReturnError):
            while piece := done(tls.read, 1 << 16):
                received += piece
    return received


def hello(context):
    """The first message of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def plain_socket(port):
    return socket.create_connection(("127.0.0.1", port), timeout=30.0 * SLOWDOWN)
