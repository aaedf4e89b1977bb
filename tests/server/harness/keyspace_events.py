"""Keyspace notifications of a server, by key: what notify-keyspace-events publishes while a batch is played."""

import re

from .resp import plain

CLASSES = b"KEAnm"
END = b"__key-end-of-the-batch@__"
SHOWN_AROUND = 4
CHANNEL = re.compile(rb"__(keyspace|keyevent)@(\d+)__:(.*)", re.DOTALL)


class EventReader:
    """Subscribes to all events of a server. `connection` publishes the end of a batch, and turns them on."""

    def __init__(self, server, connection):
        self.connection = connection
        connection.run("CONFIG", "SET", "notify-keyspace-events", CLASSES)
        self.events = server.connect()
        self.events.run("PSUBSCRIBE", "__key*@*")

    def take(self):
        """All events since the last call: {(database, key): [(channel's kind, event), ...]}."""
        self.connection.run("PUBLISH", END, "")
        found = {}
        while True:
            _, _, channel, message = plain(self.events.read())
            if channel == END:
                return found
            kind, database, rest = CHANNEL.fullmatch(channel).groups()
            key, event = (rest, message) if kind == b"keyspace" else (message, rest)
            found.setdefault((int(database), key), []).append((kind, event))

    def close(self):
        self.events.close()


def differing(ours, theirs):
    """The differences of two takes, where they begin, as (number, [words that name the key], our reply, their reply), as Pair.play gives them."""
    found = []
    for where in sorted(set(ours) | set(theirs)):
        mine, other = (side.get(where, []) for side in (ours, theirs))
        if mine != other:
            first = next((at for at, pair in enumerate(zip(mine, other)) if pair[0] != pair[1]), min(len(mine), len(other)))
            shown = slice(max(0, first - SHOWN_AROUND), first + SHOWN_AROUND)
            replies = [("*", [("$", b"%s %s" % event) for event in events[shown]]) for events in (mine, other)]
            found.append((0, [b"(events of)", b"%d" % where[0], where[1]], *replies))
    return found
