"""What a server says about itself at one moment, as plain values."""

import time

from migration.wire import ErrorReply, encode

HISTORY_SECONDS = 600  # of MEMORY HISTORY: so far back it has a sample a second
SECTIONS = ("server", "clients", "memory", "persistence", "stats", "cpu", "commandstats", "keyspace", "shards")
CLIENTS_MAX = 2000     # with more connections the list of clients is left out: it would cost more than all else


def _number(text):
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _fields(text):
    """name=value,name=value as a dict."""
    return {name: _number(value) for name, _, value in (word.partition("=") for word in text.split(","))}


def parse_info(data):
    """INFO as {field: number or text}; the rows of shards, databases and commands as dicts of their own."""
    fields = {}
    for line in data.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            fields[name] = _fields(value) if "=" in value and "," in value else _number(value)
    return fields


def parse_histograms(reply):
    """LATENCY HISTOGRAM as {command: {upper bound in microseconds: calls}}; the server's counts add up from bucket to bucket."""
    found = {}
    for name, row in zip(reply[0::2], reply[1::2]):
        pairs = row[row.index(b"histogram_usec") + 1]
        counts, before = {}, 0
        for bound, count in zip(pairs[0::2], pairs[1::2]):
            counts[bound] = count - before
            before = count
        found[name.decode("utf-8", "replace")] = counts
    return found


def parse_history(reply):
    """MEMORY HISTORY as a list of {class: bytes}, with `time` in milliseconds, the oldest first."""
    return [{row[i].decode(): row[i + 1] for i in range(0, len(row), 2)} for row in reply]


def parse_clients(data):
    """CLIENT LIST as a list of dicts."""
    lines = data.decode("utf-8", "replace").splitlines()
    return [{name: _number(value) for name, _, value in (word.partition("=") for word in line.split(" "))} for line in lines]


PARSERS = {"info": parse_info, "history": parse_history, "histograms": parse_histograms, "clients": parse_clients}


class Sample:
    """`refused` has the server's error by the name of what it did not tell: info, history, histograms or clients, which is None then."""

    def __init__(self, connection, history_count=HISTORY_SECONDS, with_clients=True):
        asked = {"info": encode("INFO", *SECTIONS), "histograms": encode("LATENCY", "HISTOGRAM"),
                 "history": encode("MEMORY", "HISTORY", "COUNT", history_count)}
        if with_clients:
            asked["clients"] = encode("CLIENT", "LIST")
        self.at = time.monotonic()
        self.info = self.history = self.histograms = self.clients = None
        self.refused = {}
        for name, reply in zip(asked, connection.pipeline(list(asked.values()))):
            if isinstance(reply, ErrorReply):
                self.refused[name] = str(reply)
            else:
                setattr(self, name, PARSERS[name](reply))

    def number(self, field):
        value = (self.info or {}).get(field, 0)
        return value if isinstance(value, (int, float)) else 0

    def text(self, field):
        return str((self.info or {}).get(field, ""))

    def rows(self, prefix):
        """The rows of INFO whose names begin with the prefix, {rest of the name: dict}."""
        return {name[len(prefix):]: value for name, value in (self.info or {}).items() if name.startswith(prefix) and isinstance(value, dict)}
