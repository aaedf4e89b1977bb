"""A server by its address, and what it can do."""

import getpass
import os
import re
import ssl

from .payload import probe
from .wire import Connection, ErrorReply, encode, open_socket

READABLE = range(20, 5, -1)  # versions of payloads that a server is asked for


class Refused(Exception):
    """The tool cannot go on: a sentence for the user."""


class Endpoint:
    """Where a server is and who asks. `tls` is None or (CA file, certificate, key, whether names are not checked)."""

    def __init__(self, host, port, unix=None, user=None, password=None, tls=None, timeout=60.0):
        self.host, self.port, self.unix = host, port, unix
        self.user, self.password, self.tls, self.timeout = user, password, tls, timeout

    def __str__(self):
        return self.unix or "%s:%d" % (self.host, self.port)

    def _wrapped(self, sock):
        authority, certificate, key, unchecked = self.tls
        context = ssl.create_default_context(cafile=authority)
        if unchecked:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate, key)
        return context.wrap_socket(sock, server_hostname=self.host)

    def connect(self, database=0, timeout=None):
        """A connection that has logged in. Refused: it cannot be had; Lost: it broke meanwhile."""
        try:
            sock = open_socket(self.host, self.port, self.unix, timeout or self.timeout)
            if self.tls is not None:
                sock = self._wrapped(sock)
        except OSError as error:
            raise Refused("%s cannot be reached: %s" % (self, error)) from error
        connection = Connection(sock, str(self))
        if self.password is not None:
            words = ("AUTH", self.user, self.password) if self.user else ("AUTH", self.password)
            self._must("AUTH", connection, *words)
        elif self.user:
            raise Refused("%s: --user needs a password, by the environment or --askpass" % self)
        if database:
            self._must("SELECT %d" % database, connection, "SELECT", database)
        reply = connection.call("PING")
        if isinstance(reply, ErrorReply) and reply.code in (b"NOAUTH", b"LOADING", b"DENIED"):
            raise Refused("%s: %s" % (self, reply))
        return connection

    def _must(self, what, connection, *words):
        reply = connection.call(*words)
        if isinstance(reply, ErrorReply):
            raise Refused("%s: %s: %s" % (self, what, reply))


def is_allowed(reply):
    """False: the command is unknown or not for this user. A key that the user may not see says nothing about the command."""
    if not isinstance(reply, ErrorReply):
        return True
    return reply.code == b"NOPERM" and "keys" in str(reply)


class Abilities:
    """What a server has and this user may use, found out by asking."""

    def __init__(self, endpoint):
        connection = endpoint.connect()
        fields = info_fields(connection, "server")
        fields.update(info_fields(connection, "memory"))
        self.version = tuple(int(part) for part in re.findall(r"\d+", fields.get("redis_version", ""))[:2]) or (2, 8)
        self.name = "Tessera" if "tessera_version" in fields else "Redis %s" % fields.get("redis_version", "of unknown version")
        policy = fields.get("maxmemory_policy", "noeviction")
        self.access = "FREQ" if "lfu" in policy else "IDLETIME"
        asked = ("PEXPIRETIME", "x"), ("MEMORY", "USAGE", "x"), ("OBJECT", self.access, "x"), ("TYPE", "x"), ("EXISTS", "x")
        replies = connection.pipeline([encode(*words) for words in asked])
        self.has_deadlines, self.has_usage, has_access, self.has_types, self.has_exists = (is_allowed(reply) for reply in replies)
        if not has_access:
            self.access = None
        self.has_digests = isinstance(connection.call("DEBUG", "DIGEST-VALUE"), list)
        self.has_functions = is_allowed(connection.call("FUNCTION", "LIST"))
        self.bulk_bytes = config(connection, "proto-max-bulk-len", 512 << 20)
        connection.close()


def payload_version(endpoint):
    """The newest version of payloads that a server's RESTORE reads. Nothing is stored for this."""
    connection = endpoint.connect()
    replies = connection.pipeline([encode("RESTORE", "tessera:migration:probe", 0, probe(version)) for version in READABLE])
    connection.close()
    for version, reply in zip(READABLE, replies):
        text = str(reply)
        if reply.code in (b"NOPERM", b"OOM", b"READONLY", b"MISCONF"):
            raise Refused("%s: RESTORE: %s" % (endpoint, text))
        if "version" not in text and "unknown command" not in text:
            return version
    raise Refused("%s: RESTORE: %s" % (endpoint, text))


def info_fields(connection, section):
    """INFO as a dict of str; empty where the user may not ask."""
    reply = connection.call("INFO", section)
    if isinstance(reply, ErrorReply) or reply is None:
        return {}
    return dict(line.split(":", 1) for line in reply.decode("utf-8", "replace").splitlines() if ":" in line)


def config(connection, name, default):
    """A numeric parameter, or the default where CONFIG is not allowed."""
    reply = connection.call("CONFIG", "GET", name)
    if isinstance(reply, list) and len(reply) == 2 and reply[1].isdigit():
        return int(reply[1])
    return default


def databases(connection):
    """{database: keys} of those that have keys; None where the user may not ask."""
    reply = connection.call("INFO", "keyspace")
    if isinstance(reply, ErrorReply):
        return None
    return {int(number): int(keys) for number, keys in re.findall(rb"db(\d+):keys=(\d+)", reply)}


def add_tls_options(words, to):
    """For an argparse parser; tls_of reads them."""
    words.add_argument("--tls", action="store_true", help="TLS to %s" % to)
    words.add_argument("--cacert", metavar="FILE", help="who signed its certificate (default: those whom the system trusts)")
    words.add_argument("--cert", metavar="FILE", help="a certificate of one's own")
    words.add_argument("--key", metavar="FILE", help="its key")
    words.add_argument("--insecure", action="store_true", help="takes every certificate")


def tls_of(options):
    """What Endpoint takes as `tls`."""
    return (options.cacert, options.cert, options.key, options.insecure) if options.tls else None


def password_for(variable, ask, whose):
    """From the environment or the terminal: never from the command line, which everybody can see."""
    if ask:
        return getpass.getpass("Password of %s: " % whose)
    return os.environ.get(variable)


def parse_address(text, default_port=6379):
    """HOST:PORT, HOST, :PORT or the path of a unix socket, as (host, port, path)."""
    if "/" in text:
        return "", 0, text
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
    try:
        return host.strip("[]") or "127.0.0.1", int(port or default_port), None
    except ValueError:
        raise Refused("%s is no HOST:PORT" % text) from None

