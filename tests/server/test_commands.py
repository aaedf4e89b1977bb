"""COMMAND: what this server says about each command that redis-server has, too, is what redis-server says."""

import random

import pytest

from harness.process import SLOWDOWN
from harness.resp import Connection, plain

# Arguments that redis-server does not show, or as a string where here are its words.
OTHER_ARGUMENTS = {"bitop", "command|getkeys", "command|getkeysandflags"}
# What a later Redis says of commands that redis-server 7.0 has, too; and options that it has since.
NEWER_FIELDS = {("zrank", "arity"): -3, ("zrevrank", "arity"): -3}
NEWER_ARGUMENTS = {"client|kill", "client|list", "set", "xreadgroup"}

SEED = 20240501
CALLS = int(40000 / SLOWDOWN)
WORDS = ["a", "b", "", "0", "1", "2", "3", "7", "-1", "x", "STREAMS", "streams", "STORE", "store", "STOREDIST", "LIMIT", "BY",
         "GET", "COUNT", "GROUP", "KEYS", "WEIGHTS", "9223372036854775807", "99999999999", "LEFT", "MIN"]


def text(value):
    """Bytes as text, all the way down."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [text(item) for item in value]
    if isinstance(value, dict):
        return {text(name): text(item) for name, item in value.items()}
    return value


def call(connection, *words):
    """A reply, as text; an error as itself."""
    reply = connection.call(*words)
    return reply[1].decode("latin1") if reply[0] == "-" else text(plain(reply))


@pytest.fixture
def both(start):
    """A connection in RESP3 to this server and to redis-server."""
    connections = [start().connect(), start(kind="redis").connect()]
    for connection in connections:
        connection.run("HELLO", "3")
    yield connections
    for connection in connections:
        connection.close()


def rows_by_name(connection):
    found = {}
    for row in call(connection, "COMMAND"):
        for one in [row] + list(row[9]):
            found[one[0]] = one
    return found


def key_specs(row):
    return [{name: value for name, value in spec.items() if name != "notes"} for spec in row[8]]


FIELDS = (
    ("arity", lambda row: row[1]), ("flags", lambda row: sorted(row[2])), ("first, last, step", lambda row: row[3:6]),
    ("categories", lambda row: sorted(row[6])), ("tips", lambda row: sorted(row[7])), ("key specifications", key_specs))


def test_rows_are_those_of_redis(both):
    ours, theirs = map(rows_by_name, both)
    wrong = []
    for name in sorted(set(ours) & set(theirs)):
        for field, of in FIELDS:
            if of(ours[name]) != NEWER_FIELDS.get((name, field), of(theirs[name])):
                wrong.append("%s: %s: %s, redis %s" % (name, field, of(ours[name]), of(theirs[name])))
    assert not wrong, "\n".join(wrong)


def leaves(arguments):
    """The arguments that take a value, of all depths, in order."""
    found = []
    for argument in arguments:
        if argument["type"] in ("oneof", "block"):
            found += leaves(argument["arguments"])
        elif argument["type"] != "pure-token":
            found.append(argument)
    return found


def test_documents_since_group_and_arguments_of_redis(both):
    ours, theirs = (call(connection, "COMMAND", "DOCS") for connection in both)
    wrong = []
    for name in sorted(set(ours) & set(theirs)):
        below = [docs.get("subcommands", {}) for docs in (ours[name], theirs[name])]
        pairs = [(name, ours[name], theirs[name])]
        pairs += [(full, below[0][full], below[1][full]) for full in below[0] if full in below[1]]
        for full, *docs in pairs:
            wrong += ["%s: %s: %s, redis %s" % (full, field, *(doc.get(field) for doc in docs)) for field in ("since", "group")
                      if docs[0].get(field) != docs[1].get(field)]
            arguments = [leaves(doc.get("arguments", [])) for doc in docs]
            for what, of in (("types", lambda some: sorted(one["type"] for one in some)),
                             ("keys", lambda some: [one["key_spec_index"] for one in some if one["type"] == "key"])):
                if full not in OTHER_ARGUMENTS | NEWER_ARGUMENTS and of(arguments[0]) != of(arguments[1]):
                    wrong.append("%s: %s of arguments: %s, redis %s" % (full, what, *map(of, arguments)))
    assert not wrong, "\n".join(wrong)


def random_call(rng, row):
    """The words of a call, mostly of the right number; small numbers where counts stand."""
    words = row[0].split("|")
    least = abs(row[1])
    count = least if row[1] > 0 and rng.random() < 0.8 else least + rng.randrange(-1, 8)
    while len(words) < count:
        at = len(words)
        if any(spec["find_keys"]["type"] == "keynum" and spec["begin_search"]["spec"].get("index") == at for spec in row[8]):
            words.append(rng.choice(["1", "2", "3", "2", "0", "-1", "x", ""]))
        else:
            words.append(rng.choice(WORDS))
    return words


def test_finds_the_keys_that_redis_finds(both):
    rows = [rows_by_name(connection) for connection in both]
    names = sorted(name for name in set(rows[0]) & set(rows[1]) if rows[1][name][8] and rows[0][name][1] == rows[1][name][1])
    assert len(names) > 60
    rng = random.Random(SEED)
    calls = [[name, *random_call(rng, rows[1][rng.choice(names)])] for _ in range(CALLS)
             for name in [rng.choice(["GETKEYS", "GETKEYSANDFLAGS"])]]
    wrong = []
    for at in range(0, len(calls), 500):
        part = [["COMMAND", *words] for words in calls[at:at + 500]]
        replies = [connection.pipeline(part) for connection in both]
        for words, mine, other in zip(part, *replies):
            if sets_sorted(mine) != sets_sorted(other):
                wrong.append("%s: %s, redis %s" % (" ".join(words[1:]), mine, other))
    assert not wrong, "\n".join(wrong[:20])


def sets_sorted(reply):
    kind, value = reply
    if kind == "~":
        return kind, sorted(value)
    return (kind, [sets_sorted(item) for item in value]) if kind == "*" and value is not None else reply


def test_lists_the_commands_of_each_category(both):
    ours, theirs = (set(rows_by_name(connection)) for connection in both)
    shared = ours & theirs
    for category in ("keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
                     "stream", "admin", "fast", "slow", "dangerous", "connection"):
        found = [set(call(connection, "COMMAND", "LIST", "FILTERBY", "ACLCAT", category)) & shared for connection in both]
        assert found[0] == found[1], category


def test_commands_with_keys_take_any_words(server):
    """Wrong calls go to some shard, too: the server answers each of them, and goes on. Those that may block do not in a transaction."""
    with server.connect() as connection:
        connection.run("HELLO", "3")
        rows = [row for row in rows_by_name(connection).values() if row[8] and not row[0].startswith("table.")]
        rng = random.Random(SEED)
        for _ in range(int(80 / SLOWDOWN)):
            calls = []
            for row in (rng.choice(rows) for _ in range(500)):
                words = random_call(rng, row)
                calls += [["MULTI"], words, ["EXEC"]] if "blocking" in row[2] else [words]
            assert len(connection.pipeline(calls)) == len(calls)


TABLE_COMMANDS = ("apply", "count", "delete", "drop", "exists", "info", "insert", "schema.alter", "schema.create", "schema.drop", "schema.view",
                  "select", "update", "watch")


def test_table_names_are_shown_as_keys(start):
    """The libraries of clusters send a command where its first key is: the name of a table counts as one there, and for nothing else."""
    server = start("--shard-ports", "yes", shards=2)
    with server.connect() as client, Connection(server.host, server.port + 2) as other:
        rows = rows_by_name(client)
        shown = {name for name in rows if name.startswith("table.") and rows[name][3:6] == [1, 1, 1]}
        assert shown == {"table." + name for name in TABLE_COMMANDS}
        assert rows["table.help"][3:6] == rows["table.namespace.view"][3:6] == [0, 0, 0]
        find = text(["begin_search", ["type", "index", "spec", ["index", 1]],
                     "find_keys", ["type", "range", "spec", ["lastkey", 0, "keystep", 1, "limit", 0]]])
        assert rows["table.select"][8] == [["flags", ["RO", "access"]] + find]
        assert rows["table.update"][8] == [["flags", ["RW", "access", "update"]] + find]
        assert call(client, "COMMAND", "GETKEYS", "TABLE.SELECT", "s.t", "WHERE", "a=1") == ["s.t"]
        assert call(client, "COMMAND", "GETKEYSANDFLAGS", "TABLE.INSERT", "s.t", "a=1") == [["s.t", ["RW", "update"]]]
        docs = call(client, "COMMAND", "DOCS", "TABLE.DROP")[1]
        assert docs[docs.index("arguments") + 1][0] == ["name", "namespace.table", "type", "key", "key_spec_index", 0]
        # Any port takes a command on any table, also in a transaction, on tables whose names have different slots, and beside keys.
        client.run("TABLE.NAMESPACE.CREATE", "s")
        for name in ("s.a", "s.b", "s.c", "s.d"):
            for connection in (client, other):
                connection.run(*("TABLE.SCHEMA.CREATE", name, "a:integer") if connection is client else ("TABLE.INSERT", name, "a=1"))
        for connection in (client, other):
            connection.run("TABLE.WATCH", "s.a", "s.b", "s.c")
            connection.run("MULTI")
            for name in ("s.a", "s.b", "s.c", "s.d"):
                connection.run("TABLE.SELECT", name)
            assert connection.run("EXEC") == [[[b"a", b"1"]]] * 4
