"""What looks at many keys sees one moment of all shards: never a part of a command or transaction, however many keys that has."""

import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import encode, plain
from harness.together import run_all

ROUNDS = int(60 / min(SLOWDOWN, 4))
LOOKS_MAX = 4000
# Together in one command, or transaction: a few keys over all shards; what SORT looks up in several steps; more words than one step takes.
COUNTS = [8, 400, 2000]


def names(count):
    return ["group:%d" % number for number in range(count)]


def look_on(server, write, look):
    """`look(connection)` again and again, at least once, while `write(connection)` runs."""
    done = threading.Event()

    def writing():
        try:
            with server.connect() as connection:
                write(connection)
        finally:
            done.set()

    def looking():
        with server.connect() as connection:
            for _ in range(LOOKS_MAX):
                look(connection)
                if done.is_set():
                    break

    run_all(writing, looking, looking)


def writes(count, is_transaction):
    """A writer: all keys come, or get the next value, at once; and go at once."""
    def write(connection):
        for number in range(ROUNDS):
            commands = [["MSET", *[word for name in names(count) for word in (name, number)]]]
            if number % 3 == 2:
                commands = [["DEL" if number % 2 else "UNLINK", *names(count)]]
            if is_transaction and len(commands[0]) > 1:
                half = len(commands[0]) // 4 * 2 + 1
                commands = [["MULTI"], commands[0][:half], [commands[0][0], *commands[0][half:]], ["EXEC"]]
            connection.send_raw(b"".join(encode(*command) for command in commands))
            for _ in commands:
                assert connection.read()[0] != "-"
    return write


def keyspace_count(connection):
    for line in connection.run("INFO", "keyspace").decode().split("\r\n"):
        if line.startswith("db0:"):
            return int(line.split("keys=")[1].split(",")[0])
    return 0


def stats_count(connection):
    reply = connection.run("MEMORY", "STATS")
    fields = dict(zip(reply[::2], reply[1::2]))
    datasets = dict(zip(fields[b"keyspace.0"][::2], fields[b"keyspace.0"][1::2])) if b"keyspace.0" in fields else {b"keys.count": 0}
    assert fields[b"keys.count"] == datasets[b"keys.count"]
    assert fields[b"keys.count"] == sum(dict(zip(value[::2], value[1::2]))[b"keys.count"]
                                        for name, value in fields.items() if name.startswith(b"shard."))
    return fields[b"keys.count"]


def exec_counts(connection):
    commands = (["MULTI"], ["DBSIZE"], ["KEYS", "*"], ["RANDOMKEY"], ["EXEC"])
    connection.send_raw(b"".join(encode(*command) for command in commands))
    size, found, key = [plain(connection.read()) for _ in commands][-1]
    assert len(found) == size and (key is not None) == (size > 0)
    return size


# Looks that must give 0 or as many as there are in a group.
COUNTED = {
    "dbsize": lambda connection: connection.run("DBSIZE"),
    "keys": lambda connection: len(connection.run("KEYS", "group:*")),
    "info": keyspace_count,
    "stats": stats_count,
    "exec": exec_counts,
}


@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("is_transaction", [False, True], ids=["command", "transaction"])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("what", COUNTED)
def test_counts_show_no_part(server, what, count, is_transaction):
    def check(connection):
        assert COUNTED[what](connection) in (0, count)

    look_on(server, writes(count, is_transaction), check)


@pytest.mark.threads
@pytest.mark.parametrize("count", COUNTS)
def test_randomkey_finds_what_is_always_there(server, count):
    """Keys are renamed by one transaction, which takes them all away and puts them there again: there is always one."""
    with server.connect() as connection:
        connection.run("MSET", *[word for name in names(count) for word in (name, "v")])

    def write(connection):
        for _ in range(ROUNDS):
            for command in (["MULTI"], ["DEL", *names(count)], ["MSET", *[word for name in names(count) for word in (name, "v")]], ["EXEC"]):
                assert connection.call(*command)[0] != "-"

    def check(connection):
        assert connection.run("RANDOMKEY") is not None

    look_on(server, write, check)


SORTS = {
    "get": ["GET", "group:*"],
    "by nosort": ["BY", "nosort", "GET", "group:*"],
    "by": ["BY", "group:*", "GET", "group:*"],
    "two gets": ["ALPHA", "GET", "group:*", "GET", "group:*"],
    "limit": ["LIMIT", "3", "300", "GET", "group:*"],
    "store": ["BY", "group:*", "GET", "group:*", "STORE", "stored"],
}


def sort_reply(connection, command):
    """What SORT replies, or has stored."""
    if "STORE" not in command:
        return connection.run(*command)
    return plain(transaction(connection, command, ["LRANGE", command[-1], "0", "-1"]))[1]


def transaction(connection, *commands):
    connection.send_raw(b"".join(encode(*command) for command in (["MULTI"], *commands, ["EXEC"])))
    return [connection.read() for _ in range(len(commands) + 2)][-1]


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("is_transaction", [False, True], ids=["command", "transaction"])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("what", SORTS)
def test_sort_sees_one_moment_of_what_it_looks_up(server, what, count, is_transaction):
    with server.connect() as connection:
        connection.run("RPUSH", "ids", *range(count))
        connection.run("SADD", "id set", *range(count))

    def check(connection):
        for source in ("ids", "id set"):
            found = sort_reply(connection, ["SORT", source, *SORTS[what]])
            assert len(set(found)) == 1
            assert len(found) == {"two gets": 2 * count, "limit": max(0, min(300, count - 3))}.get(what, count)

    look_on(server, writes(count, is_transaction), check)


@pytest.mark.threads
@pytest.mark.parametrize("count", COUNTS)
def test_sort_stores_one_moment_of_what_it_looks_up(server, count):
    """As a command of its own, which stores in a step of its own."""
    with server.connect() as connection:
        connection.run("RPUSH", "ids", *range(count))
    own = iter(range(10**9))

    def check(connection):
        target = "stored:%d" % next(own)
        assert connection.run("SORT", "ids", "BY", "group:*", "GET", "group:*", "STORE", target) == count
        assert len(set(connection.run("LRANGE", target, "0", "-1"))) == 1
        connection.run("DEL", target)

    look_on(server, writes(count, False), check)


@pytest.mark.threads
def test_sort_sees_its_elements_at_the_moment_of_what_it_looks_up(server):
    """A transaction changes the list and the keys that are named by it."""
    count = 300

    def write(connection):
        for number in range(ROUNDS):
            elements = ["%d.%d" % (number, at) for at in range(count)]
            commands = (["MULTI"], ["DEL", "ids"], ["MSET", *[word for name in elements for word in ("at:" + name, number)]],
                        ["RPUSH", "ids", *elements], ["EXEC"], ["DEL", *["at:%d.%d" % (number - 1, at) for at in range(count)]])
            connection.send_raw(b"".join(encode(*command) for command in commands))
            assert [connection.read()[0] for _ in commands] == ["+", "+", "+", "+", "*", ":"]

    def check(connection):
        found = connection.run("SORT", "ids", "BY", "nosort", "GET", "#", "GET", "at:*")
        assert len(found) in (0, 2 * count)
        for name, value in zip(found[::2], found[1::2]):
            assert value is None or name.startswith(value + b".")
        assert len(set(found[1::2])) <= 1

    look_on(server, write, check)


def test_sort_and_long_writers_do_not_wait_for_each_other_for_ever(server):
    """Sorts that store over what others sort, look up, copy and change in steps."""
    count = 2500

    def sort(number):
        with server.connect() as connection:
            for _ in range(ROUNDS // 2):
                assert connection.call("SORT", "ids:%d" % number, "BY", "group:*", "GET", "group:*", "STORE", "ids:out:%d" % (1 - number))[0] == ":"

    def copy():
        with server.connect() as connection:
            for _ in range(ROUNDS):
                assert connection.call("COPY", "ids:0", "ids:out:0", "REPLACE")[0] == ":"
                assert connection.call("SUNIONSTORE", "ids:out:1", "set", "set")[0] == ":"
                assert connection.call("SORT", "ids:out:0", "BY", "nosort", "GET", "group:*")[0] in "*-"
                assert connection.call("DBSIZE")[0] == ":"

    def change():
        with server.connect() as connection:
            for number in range(ROUNDS):
                connection.run("MSET", *[word for name in names(count) for word in (name, number)])
                connection.run("RPUSH", "ids:%d" % (number % 2), *range(count))
                connection.run("LTRIM", "ids:%d" % (number % 2), "0", str(count))

    with server.connect() as connection:
        connection.run("SADD", "set", *range(count))
        for number in range(2):
            connection.run("RPUSH", "ids:%d" % number, *range(count))
    run_all(lambda: sort(0), lambda: sort(1), copy, change, change)
