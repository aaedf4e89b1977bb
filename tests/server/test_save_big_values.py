"""Big values are saved in steps: what happens to them meanwhile is as without a save, nobody waits for ever, and the file has what was."""

import os

import pytest

from harness import saved
from harness.resp import encode
from test_save import digest

ITEMS = 1000          # of a value: more than 32 KiB of it
FILLERS = 2000        # then it takes long until a value's turn comes

MAKE = """
local name, kind, count = KEYS[1], ARGV[1], tonumber(ARGV[2])
local text = string.rep('x', 40)
for i = 1, count do
    local item = i .. ':' .. text
    if kind == 'hash' then redis.call('HSET', name, i, item)
    elseif kind == 'list' then redis.call('RPUSH', name, item)
    elseif kind == 'set' then redis.call('SADD', name, item)
    elseif kind == 'zset' then redis.call('ZADD', name, i, item)
    elseif kind == 'stream' then redis.call('XADD', name, i .. '-1', 'field', item)
    else redis.call('APPEND', name, item) end
end
"""

CHANGE = {
    "hash": [("HSET", "K", "1", "changed"), ("HDEL", "K", "2")],
    "list": [("LSET", "K", "7", "changed"), ("LPOP", "K")],
    "set": [("SADD", "K", "changed"), ("SREM", "K", "2:" + "x" * 40)],
    "zset": [("ZADD", "K", "0.5", "changed"), ("ZREM", "K", "2:" + "x" * 40)],
    "stream": [("XADD", "K", "99999999-1", "a", "b"), ("XDEL", "K", "2-1")],
    "string": [("SETRANGE", "K", "7", "changed"), ("APPEND", "K", "more")],
}
# K, L: big keys; S: a small one.
ANY_KIND = [
    [("DEL", "K", "L")], [("UNLINK", "S", "K", "L")], [("RENAME", "K", "L")], [("RENAME", "S", "K")], [("RENAME", "K", "S")],
    [("SET", "K", "replaced")], [("MSET", "K", "1", "S", "2", "L", "3")], [("COPY", "L", "K", "REPLACE")], [("MOVE", "K", "3")],
    [("COPY", "L", "K", "DB", "3", "REPLACE")], [("PEXPIRE", "K", "0")], [("EXPIRE", "K", "100")], [("SET", "S", "1"), ("DEL", "L"), ("DEL", "K")],
    [("SELECT", "4"), ("SET", "S", "1"), ("DEL", "K", "L"), ("SELECT", "0")],
    [("TYPE", "K"), ("OBJECT", "ENCODING", "L")],
]
WAYS = ["plain", "transaction", "declared", "undeclared"]


def commands_of(steps, way, names):
    """The steps, on these keys."""
    made = [[names.get(word, word) for word in step] for step in steps]
    if way == "plain":
        return made
    if way == "transaction":
        return [["MULTI"]] + made + [["EXEC"]]
    if any(step[0] in ("SELECT", "MOVE") for step in made):
        return made
    keys = sorted({word for step in steps for word in step[1:] if word in names})
    calls = "".join("r[#r + 1] = redis.pcall(%s) " % ", ".join("'%s'" % word for word in step) for step in made)
    return [["EVAL", "local r = {} %s return r" % calls] + ([len(keys)] + [names[key] for key in keys] if way == "declared" else [0])]


def programs(kind):
    number = 0
    for way in WAYS:
        for steps in ANY_KIND + [CHANGE[kind]]:
            names = {letter: "%s:{%d}" % (letter, number) for letter in "KLS"}
            number += 1
            yield names, commands_of(steps, way, names)


def fill(server, kind, fillers):
    """Big values in two databases, and small ones around them."""
    with server.connect() as client:
        client.send_raw(b"".join(encode("SET", "filler:%d" % i, i) for i in range(fillers)) + encode("ECHO", "filled"))
        client.read_until(b"$6\r\nfilled\r\n")
        big = {}
        for names, commands in programs(kind):
            used = {word for command in commands for word in command if word in names.values()} | {
                name for name in names.values() if any(name in str(word) for command in commands for word in command)}
            for letter in "KL":
                if names[letter] in used:
                    for db in ("0", "4") if ["SELECT", "4"] in commands else ("0",):
                        big.setdefault(db, []).append(names[letter])
            client.run("SET", names["S"], "small")
        for db, names in big.items():
            client.run("SELECT", db)
            client.run("EVAL", MAKE, "1", names[0], kind, ITEMS)
            for name in names[1:]:
                client.run("COPY", names[0], name)


@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("kind, fillers", [
    pytest.param(kind, 0, id=kind + "-being-written") for kind in CHANGE] + [
    pytest.param(kind, FILLERS, id=kind + "-unwritten", marks=[] if kind in ("hash", "string") else [pytest.mark.slow]) for kind in CHANGE])
def test_big_values_change_while_they_are_saved(start, shards, kind, fillers):
    servers = [start(*saved.OPTIONS, shards=shards) for _ in range(2)]
    for server in servers:
        fill(server, kind, fillers)
    server, reference = servers
    with server.connect() as client, reference.connect() as other:
        then = digest(client)
        assert then == digest(other)
        saves = saved.begin_slow_save(client)
        for names, commands in programs(kind):
            assert client.pipeline(commands) == other.pipeline(commands), commands
        assert client.run("MEMORY", "AUDIT") == b"OK"
        saved.end_slow_save(client, saves)
        assert digest(client) == digest(other)
    with saved.loaded(server, shards) as client:
        assert digest(client) == then


# Each ends with what changes all keys, behind what changes one: that has the others of its group written.
EVERYTHING = [
    [("SET", "small", "2"), ("FLUSHALL",)], [("SET", "small", "2"), ("FLUSHDB", "ASYNC")], [("SET", "small", "2"), ("SWAPDB", "0", "5")],
    [("SELECT", "5"), ("SET", "small", "2"), ("SELECT", "0"), ("SET", "small", "2"), ("FLUSHALL", "ASYNC"), ("SELECT", "0")],
    [("APPEND", "small", "2"), ("RENAME", "big:0", "big:1"), ("SWAPDB", "5", "0"), ("DEL", "big:2"), ("FLUSHALL", "SYNC")],
]


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("way", ["plain", "transaction", "undeclared"])
@pytest.mark.parametrize("number", range(len(EVERYTHING)))
def test_databases_are_emptied_and_swapped_while_big_values_are_saved(start, shards, way, number):
    server = start(*saved.OPTIONS, shards=shards)
    steps = EVERYTHING[number]
    with server.connect() as client:
        for db in ("5", "0"):
            client.run("SELECT", db)
            client.run("SET", "small", "1")
            for i in range(4):
                client.run("EVAL", MAKE, "1", "big:%d" % i, "list", 10 * ITEMS)
        then = digest(client)
        saves = saved.begin_slow_save(client)
        if way == "undeclared":
            calls = "".join("redis.call(%s) " % ", ".join("'%s'" % word for word in step) for step in steps)
            replies = [client.call("EVAL", calls, "0")]
        else:
            replies = client.pipeline([("MULTI",)] + steps + [("EXEC",)] if way == "transaction" else steps)
            replies += replies[-1][1] if way == "transaction" else []
        assert not [reply for reply in replies if reply[0] == "-"]
        saved.end_slow_save(client, saves)
    with saved.loaded(server, shards) as client:
        assert digest(client) == then


@pytest.mark.heavy
@pytest.mark.threads
def test_a_value_that_is_half_written_goes_on_however_much_waits_behind_it(start):
    """The file has its record in one piece: the rows of a table that is dropped meanwhile wait, more of them than may."""
    server = start(*saved.OPTIONS)
    with server.connect() as client:
        client.run("EVAL", MAKE, "1", "long", "hash", 100 * ITEMS)
        client.run("TABLE.NAMESPACE.CREATE", "n")
        client.run("TABLE.SCHEMA.CREATE", "n.t", "a:string:none")
        row = b"a=" + os.urandom(28000).replace(b"\0", b"1")
        client.pipeline([("TABLE.INSERT", "n.t", row)] * 650)
        then = digest(client)
        saves = saved.begin_slow_save(client)
        saved.wait_until(lambda: int(saved.persistence(client)["rdb_current_file_bytes"]) > 300000, "the value has begun")
        client.run("TABLE.DROP", "n.t", "FORCE")
        client.run("HSET", "long", "1", "changed")
        saved.end_slow_save(client, saves)
    with saved.loaded(server, 2) as client:
        assert digest(client) == then


@pytest.mark.heavy
@pytest.mark.threads
def test_scripts_and_flushes_do_not_wait_for_the_end_of_a_save(start, shards):
    """As long as there are big values to be saved, some are pinned."""
    server = start(*saved.OPTIONS, shards=shards)
    with server.connect() as client:
        client.run("EVAL", MAKE, "1", "big", "zset", ITEMS)
        client.pipeline([("COPY", "big", "big:%d" % i) for i in range(400)])
        client.run("SET", "small", "1")
        saves = saved.begin_slow_save(client)
        for i in range(20):
            client.run("EVAL", "redis.call('INCR', 'small')", "0")
            client.run("SWAPDB", "0", "1")
        client.run("FLUSHALL")
        assert client.run("DBSIZE") == 0
        saved.end_slow_save(client, saves)
