"""Which server a tool speaks to, and who it is there: the options that all tools for tables have."""

import os
import re
import signal
import sys

from migration.endpoint import Endpoint, Refused, add_tls_options, password_for, tls_of
from migration.wire import ErrorReply, Lost

INCOMPLETE = 2  # the exit status of a tool that did not come to an end
TIMEOUT_SECONDS = 600.0  # a statement on a large table takes its time
TABLE_NAME = re.compile(r"[^.]+\..+", re.DOTALL)


class Stopped(Exception):
    """SIGINT or SIGTERM."""


def add_server_options(words):
    """--host and so on, for an argparse parser."""
    words.add_argument("--host", default="127.0.0.1", help="the server (default %(default)s)")
    words.add_argument("--port", type=int, default=6379, help="(default %(default)s)")
    words.add_argument("--unix", metavar="PATH", help="the server by its unix socket")
    words.add_argument("--user", help="a user of the server")
    words.add_argument("--pass", dest="password", metavar="PASSWORD",
                       help="everybody on this machine can read it meanwhile: the environment TESSERA_PASSWORD, or --askpass, is better")
    words.add_argument("--askpass", action="store_true", help="asks for the password")
    add_tls_options(words, "the server")


def add_options(words):
    """The same, and the database."""
    add_server_options(words)
    words.add_argument("--db", type=int, default=0, metavar="N", help="the database (default %(default)s)")


def endpoint(options, timeout=TIMEOUT_SECONDS):
    password = options.password
    if password is None:
        password = password_for("TESSERA_PASSWORD", options.askpass, "the server")
    return Endpoint(options.host, options.port, options.unix, options.user, password, tls_of(options), timeout)


def run(connection, *words):
    """A command's reply; Refused if it is an error."""
    reply = connection.call(*words)
    if isinstance(reply, ErrorReply):
        raise Refused("%s: %s" % (shown(words[0]), reply))
    return reply


def checked_table(name):
    """NAMESPACE.TABLE from the command line as bytes as text."""
    if not TABLE_NAME.fullmatch(name):
        raise Refused("%s is no NAMESPACE.TABLE" % name)
    return from_command_line(name)


def from_command_line(word):
    return os.fsencode(word).decode("latin-1")


def shown(text):
    """Bytes, or bytes as text, for a message: one line, whatever is in it."""
    data = text.encode("latin-1") if isinstance(text, str) else text
    return "".join(letter if letter.isprintable() else "\\x%02x" % ord(letter) for letter in data.decode("utf-8", "replace")[:200])


def say(text):
    """A line for the user, in place of the bar where there is one."""
    sys.stderr.write("\r\x1b[K%s\n" % text if sys.stderr.isatty() else text + "\n")
    sys.stderr.flush()


def stop(*_):
    raise Stopped


def ended(work, stopped):
    """The exit status, which work() gives, unless it is Stopped, where the sentence `stopped` is said, or raises Refused or Lost."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        return work()
    except Stopped:
        say(stopped)
    except (Refused, Lost) as error:
        say(str(error))
    return INCOMPLETE
