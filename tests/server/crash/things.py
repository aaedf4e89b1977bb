"""Things: what the clients write, and how all of it is read from a server.

A thing is a pair (kind, name). Kinds of keys are those of READERS; the key of ("list", "3:list:1") is called 3:list:1: the client that owns
it, or `shared`, the kind, a number. Rows have their table's name as kind and (owner, id) as name. What is read of a thing is its value:
text and deadline of a string, items of a list and so on; None: it is not there.
"""

import itertools
import time

from harness.resp import plain

CHUNK = 400
TABLES = {  # with either kind of index; `copy` has the label of a row once more, without an index
    "s.orders": ("id:integer:hash", "owner:integer", "label:string:hash", "copy:string"),
    "s.items": ("id:integer:hash", "owner:integer:btree", "label:string:btree", "copy:string"),
}
SHARED = "shared"
ACCOUNTS = 8
JOURNAL = ("list", "%s:list:journal" % SHARED)


def account(number):
    return ("string", "%s:string:%d" % (SHARED, number))


def pairs(items):
    return tuple(sorted(zip(items[::2], items[1::2])))


READERS = {  # how a key is read, and its value of the reply
    "string": (lambda key: ("GET", key), lambda text: text),
    "list": (lambda key: ("LRANGE", key, "0", "-1"), tuple),
    "hash": (lambda key: ("HGETALL", key), pairs),
    "set": (lambda key: ("SMEMBERS", key), frozenset),
    "zset": (lambda key: ("ZRANGE", key, "0", "-1", "WITHSCORES"), pairs),
    "stream": (lambda key: ("XRANGE", key, "-", "+"), lambda entries: tuple((entry[0], tuple(entry[1])) for entry in entries)),
}


class Found:
    """All that a server has, and when that was read (wall clock, ms)."""

    def __init__(self):
        self.began_ms = time.time() * 1000
        self.ended_ms = 0.0
        self.values = {}
        self.problems = []

    def agrees(self, thing, expected):
        """Whether a thing has the value that it should have; a string whose time came while all was read may be there or not."""
        actual = self.values.get(thing)
        if thing[0] != "string" or expected is None or expected[1] is None:
            return actual == expected
        if expected[1] < self.began_ms:
            return actual is None
        return actual == expected or (actual is None and expected[1] <= self.ended_ms)


def row_value(reply):
    return tuple(zip(reply[::2], reply[1::2]))


def row_thing(table, value):
    fields = dict(value)
    return (table, (int(fields[b"owner"]), int(fields[b"id"])))


def read_keys(connection, found):
    names = sorted(name.decode() for name in connection.run("KEYS", "*"))
    for at in range(0, len(names), CHUNK):
        kinds = [(name, name.split(":")[1]) for name in names[at:at + CHUNK] if ":" in name]
        replies = connection.pipeline(itertools.chain.from_iterable((READERS[kind][0](name), ("PEXPIRETIME", name)) for name, kind in kinds))
        for (name, kind), reply, expiry in zip(kinds, replies[::2], replies[1::2]):
            value = plain(reply)
            if value is None:
                continue  # its time came
            value = READERS[kind][1](value)
            deadline = plain(expiry)
            if kind == "string":
                value = (value, deadline if deadline >= 0 else None)
            found.values[(kind, name)] = value


def read_table(connection, table, found):
    """All rows; and each label's by the index of `label` and by a scan for `copy`: the same, and those that have it."""
    by_label = {}
    rows = [row_value(row) for row in connection.run("TABLE.SELECT", table)]
    for row in rows:
        thing = row_thing(table, row)
        if thing in found.values:
            found.problems.append("%s has two rows of %r" % (table, thing[1]))
        found.values[thing] = row
        by_label.setdefault(dict(row)[b"label"], []).append(row)
    labels = sorted(by_label)
    replies = connection.pipeline(("TABLE.SELECT", table, "WHERE", b"%s=%s" % (column, label)) for label in labels for column in (b"label", b"copy"))
    for number, label in enumerate(labels):
        found_by = [[row_value(row) for row in plain(reply)] for reply in replies[2 * number:2 * number + 2]]
        if found_by != [by_label[label]] * 2:
            found.problems.append("rows of %s with label %r: all %r, by index %r, by scan %r" % (table, label, by_label[label], *found_by))


def read_all(connection):
    found = Found()
    read_keys(connection, found)
    for table in TABLES:
        read_table(connection, table, found)
    found.ended_ms = time.time() * 1000
    return found


def create_tables(connection):
    connection.run("TABLE.NAMESPACE.CREATE", "s")
    for table, columns in TABLES.items():
        connection.run("TABLE.SCHEMA.CREATE", table, *columns)
