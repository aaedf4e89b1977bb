"""Commands that block: whom they serve, with what, in which order, and what becomes of those who go away meanwhile.

All but the last group says what redis-server does, too: TESSERA_KIND=redis.
"""

import random
import socket
import struct
import time

import pytest

from harness.process import SLOWDOWN
from harness.resp import encode, plain, wait_until
from harness.together import run_all
from test_effects import Feed

PATIENCE = 10 * SLOWDOWN
ROUNDS = int(300 / min(SLOWDOWN, 4))


def blocked_clients(connection):
    return int(connection.run("INFO", "clients").split(b"blocked_clients:")[1].split(b"\r\n")[0])


def wait_blocked(connection, count):
    wait_until(lambda: blocked_clients(connection) == count, PATIENCE, "%d blocked clients" % count)


def words(text):
    return text.split()


def run(connection, text):
    """The reply, an error as its text."""
    connection.send(*words(text))
    kind, value = connection.read()
    return value.decode() if kind == "-" else plain((kind, value))


ITEM = [b"k", b"x"]
GONE = "UNBLOCKED the stream key no longer exists"
NO_GROUP = "NOGROUP the consumer group this client was blocked on no longer exists"
WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
NEW_ENTRY = [[b"s", [[b"1-1", [b"f", b"v"]]]]]
GROUP = "XGROUP CREATE s g $ MKSTREAM"
READ_GROUP = "XREADGROUP GROUP g c BLOCK 0 STREAMS s >"

# Commands before, the one that blocks, commands of another connection, the reply; None: it is still blocked.
ROWS = [
    ([], "BLPOP k 0", ["RPUSH k x y"], ITEM),
    ([], "BLPOP k 0", ["LPUSH k y x"], ITEM),
    ([], "BRPOP k 0", ["RPUSH k y x"], ITEM),
    ([], "BLPOP other k 0", ["RPUSH k x", "RPUSH other y"], ITEM),
    ([], "BLPOP k k 0", ["RPUSH k x"], ITEM),
    (["RPUSH k x"], "BLPOP other k 0", [], ITEM),
    ([], "BLMOVE k to LEFT RIGHT 0", ["RPUSH k x y"], b"x"),
    ([], "BRPOPLPUSH k to 0", ["RPUSH k y x"], b"x"),
    ([], "BLMOVE k k LEFT RIGHT 0", ["RPUSH k x y"], b"x"),
    (["SET to text"], "BLMOVE k to LEFT RIGHT 0", ["RPUSH k x"], WRONG_TYPE),
    ([], "BLMPOP 0 2 other k LEFT COUNT 2", ["RPUSH k x y z"], [b"k", [b"x", b"y"]]),
    ([], "BLMPOP 0 1 k RIGHT", ["RPUSH k x y"], [b"k", [b"y"]]),
    ([], "BZPOPMIN other k 0", ["ZADD k 2 b 1 a"], [b"k", b"a", b"1"]),
    ([], "BZPOPMAX k 0", ["ZADD k 2 b 1 a"], [b"k", b"b", b"2"]),
    ([], "BZMPOP 0 2 other k MIN COUNT 2", ["ZADD k 2 b 1 a 3 c"], [b"k", [[b"a", b"1"], [b"b", b"2"]]]),
    ([], "XREAD BLOCK 0 STREAMS other s $ $", ["XADD s 1-1 f v"], NEW_ENTRY),
    (["XADD s 1-1 f v"], "XREAD BLOCK 0 STREAMS s 0", [], NEW_ENTRY),
    (["XADD s 0-5 f w"], "XREAD COUNT 1 BLOCK 0 STREAMS s $", ["XADD s 1-1 f v"], NEW_ENTRY),
    (["XADD s 0-5 f w", "XDEL s 0-5"], "XREAD BLOCK 0 STREAMS s 0-4", ["XADD s 1-1 f v"], NEW_ENTRY),
    ([GROUP], READ_GROUP, ["XADD s 1-1 f v"], NEW_ENTRY),
    ([GROUP], "XREADGROUP GROUP g c NOACK BLOCK 0 STREAMS s >", ["XADD s 1-1 f v"], NEW_ENTRY),
    ([GROUP], READ_GROUP, ["DEL s"], GONE),
    ([GROUP], READ_GROUP, ["RENAME s other"], GONE),
    ([GROUP], READ_GROUP, ["SET s text"], GONE),
    ([GROUP], READ_GROUP, ["FLUSHALL"], GONE),
    ([GROUP], READ_GROUP, ["FLUSHDB ASYNC"], GONE),
    ([GROUP], READ_GROUP, ["SWAPDB 0 1"], GONE),
    ([GROUP], READ_GROUP, ["MOVE s 1"], GONE),
    ([GROUP], READ_GROUP, ["PEXPIRE s 1"], GONE),
    ([GROUP], READ_GROUP, ["XGROUP DESTROY s g"], NO_GROUP),
    # how a key may come
    (["RPUSH other x"], "BLPOP k 0", ["RENAME other k"], ITEM),
    (["RPUSH other x"], "BLPOP k 0", ["RENAMENX other k"], ITEM),
    (["RPUSH other x"], "BLPOP k 0", ["COPY other k"], ITEM),
    (["RPUSH other x"], "BLPOP k 0", ["LMOVE other k LEFT LEFT"], ITEM),
    (["SADD other x"], "BLPOP k 0", ["SORT other ALPHA STORE k"], ITEM),
    (["SELECT 1", "RPUSH k x"], "BLPOP k 0", ["SELECT 1", "MOVE k 0"], ITEM),
    (["SELECT 1", "RPUSH k x"], "BLPOP k 0", ["SWAPDB 0 1"], ITEM),
    (["ZADD other 1 x"], "BZPOPMIN k 0", ["ZUNIONSTORE k 1 other"], [b"k", b"x", b"1"]),
    (["ZADD other 1 x"], "BZPOPMIN k 0", ["ZRANGESTORE k other 0 -1"], [b"k", b"x", b"1"]),
    (["GEOADD other 1 1 x"], "BZMPOP 0 1 k MIN", ["GEOSEARCHSTORE k other FROMMEMBER x BYRADIUS 1 m STOREDIST"],
     [b"k", [[b"x", b"0"]]]),
    ([], "BLPOP k 0", ["MULTI", "RPUSH k x", "EXEC"], ITEM),
    ([], "BLPOP k 0", ["MULTI", "RPUSH k y", "LPUSH k x", "EXEC"], ITEM),
    ([], "BLPOP k other 0", ["MULTI", "RPUSH k x", "RPUSH other y", "EXEC"], ITEM),
    ([], "BLPOP k 0", ["MULTI", "SET k text", "DEL k", "RPUSH k x", "EXEC"], ITEM),
    # what does not serve
    ([], "BLPOP k 0", ["SET k text"], None),
    ([], "BLPOP k 0", ["ZADD k 1 x"], None),
    ([], "BLPOP k 0", ["MULTI", "RPUSH k x", "DEL k", "EXEC"], None),
    ([], "BLPOP k 0", ["MULTI", "RPUSH k x", "LPOP k", "EXEC"], None),
    ([], "BLPOP k 0", ["SELECT 1", "RPUSH k x"], None),
    ([], "BLPOP k 0", ["FLUSHALL"], None),
    (["XADD s 5-5 f v"], "XREAD BLOCK 0 STREAMS s $", ["XDEL s 5-5", "XGROUP CREATE s g 0"], None),
    (["XADD s 5-5 f v"], "XREAD BLOCK 0 STREAMS s $", ["DEL s", "XADD s 1-1 f v"], None),
    ([GROUP], READ_GROUP, ["XGROUP CREATE s other 0", "XSETID s 3-3"], None),
    ([GROUP], READ_GROUP, ["MULTI", "DEL s", GROUP, "EXEC"], None),
    # and then does
    ([], "BLPOP k 0", ["SET k text", "DEL k", "RPUSH k x"], ITEM),
    ([], "BLPOP k 0", ["MULTI", "RPUSH k y", "DEL k", "EXEC", "RPUSH k x"], ITEM),
]


@pytest.mark.heavy
@pytest.mark.parametrize("before, command, acts, reply", ROWS, ids=lambda value: value if isinstance(value, str) else None)
def test_what_serves(server, before, command, acts, reply):
    with server.connect() as ours, server.connect() as other, server.connect() as looker:
        for text in before:
            run(other, text)
        ours.send(*words(command))
        if acts:
            wait_blocked(looker, 1)
        run(other, "SELECT 0")
        for text in acts:
            run(other, text)
        if reply is None:
            assert blocked_clients(looker) == 1
            looker.run("CLIENT", "UNBLOCK", next(line.split(b" ")[0][3:] for line in looker.run("CLIENT", "LIST").split(b"\n")
                                                 if b" flags=b " in line), "ERROR")
            reply = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
        kind, value = ours.read()
        assert (value.decode() if kind == "-" else plain((kind, value))) == reply
        wait_blocked(looker, 0)
        assert run(ours, "PING") == b"PONG"


def test_resp3(server):
    with server.connect() as ours, server.connect() as other:
        ours.run("HELLO", 3)
        for command, act, reply in [
                ("BZPOPMIN z 0", "ZADD z 1.5 a", ("*", [("$", b"z"), ("$", b"a"), (",", b"1.5")])),
                ("XREAD BLOCK 0 STREAMS s $", "XADD s 1-1 f v",
                 ("%", [(("$", b"s"), ("*", [("*", [("$", b"1-1"), ("*", [("$", b"f"), ("$", b"v")])])]))])),
        ]:
            ours.send(*words(command))
            wait_blocked(other, 1)
            run(other, act)
            assert ours.read() == reply
        ours.send("BLPOP", "k", "0.001")
        assert ours.read() == ("_", None)


TIMED = ["BLPOP a b %s", "BRPOP a %s", "BLMOVE a b LEFT LEFT %s", "BRPOPLPUSH a b %s", "BLMPOP %s 2 a b LEFT", "BZPOPMIN a b %s", "BZPOPMAX a %s",
         "BZMPOP %s 1 a MAX"]


@pytest.mark.parametrize("text", TIMED + ["XREAD BLOCK 50 STREAMS a b 0 0", "WAIT 1 50"])
def test_time_is_over(server, text):
    """Never early; and what is behind it in the pipeline waits."""
    with server.connect() as ours:
        start = time.monotonic()
        ours.send_raw(encode(*words(text.replace("%s", "0.05"))) + encode("PING"))
        assert ours.read() == ((":", 0) if text.startswith("WAIT") else ("*", None))
        assert time.monotonic() - start >= 0.05
        assert ours.read() == ("+", b"PONG")


@pytest.mark.parametrize("text", TIMED)
def test_bad_times(client, text):
    for value, error in [("-1", "ERR timeout is negative"), ("x", "ERR timeout is not a float or out of range"),
                         ("nan", "ERR timeout is not a float or out of range"), ("1e300", "ERR timeout is negative")]:
        assert run(client, text.replace("%s", value)) == error


def test_inside_transactions_nothing_blocks(client):
    for text in ["MULTI"] + [text.replace("%s", "0") for text in TIMED] + ["XREAD BLOCK 0 STREAMS s $", "WAIT 1 0"]:
        run(client, text)
    client.send("EXEC")
    replies = client.read()[1]
    assert [reply for reply in replies if reply[1] is not None] == [(":", 0)]
    assert [kind for kind, _ in replies] == ["*", "*", "$", "$", "*", "*", "*", "*", "*", ":"]


def test_who_came_first_is_served_first(server):
    count = 20
    with server.connect() as other:
        waiting = [server.connect() for _ in range(count)]
        for number, connection in enumerate(waiting):
            connection.send("BLPOP", *(["k", "beside"] if number % 2 else ["k"]), 0)
            wait_blocked(other, number + 1)
        other.run("RPUSH", "k", *range(count // 2))
        other.send_raw(encode("MULTI") + b"".join(encode("RPUSH", "k", number) for number in range(count // 2, count)) + encode("EXEC"))
        assert [plain(connection.read()) for connection in waiting] == [[b"k", b"%d" % number] for number in range(count)]
        assert [other.read()[0] for _ in range(2 + count // 2)][-1] == "*"
        assert other.run("EXISTS", "k") == 0
        for connection in waiting:
            connection.close()


def test_a_chain_of_moves(server):
    """The one's target is the other's source, on any shards."""
    names = ["chain:%d" % number for number in range(8)]
    with server.connect() as other:
        links = [server.connect() for _ in names[1:]]
        for number, connection in enumerate(links):
            connection.send("BLMOVE", names[number], names[number + 1], "LEFT", "RIGHT", 0)
            wait_blocked(other, number + 1)
        other.run("RPUSH", names[0], "x")
        assert [connection.read() for connection in links] == [("$", b"x")] * len(links)
        assert other.run("LRANGE", names[-1], 0, -1) == [b"x"]
        assert other.run("EXISTS", *names[:-1]) == 0
        for connection in links:
            connection.close()


def test_of_two_moves_the_first_serves_who_waits_for_both_targets(server):
    """Whatever shards they are on: the target that got its item first."""
    with server.connect() as other:
        for round_number in range(12):
            source, *targets = ["order:%d:%s" % (round_number, name) for name in ("source", "first", "second")]
            waiting = [server.connect() for _ in range(3)]
            waiting[0].send("BLMOVE", source, targets[0], "LEFT", "LEFT", 0)
            wait_blocked(other, 1)
            waiting[1].send("BRPOP", *reversed(targets), 0)
            wait_blocked(other, 2)
            waiting[2].send("BLMOVE", source, targets[1], "RIGHT", "LEFT", 0)
            wait_blocked(other, 3)
            other.run("RPUSH", source, "x", "y", "z")
            assert plain(waiting[1].read()) == [targets[0].encode(), b"x"]
            assert other.run("LRANGE", targets[1], 0, -1) == [b"z"]
            for connection in waiting:
                connection.close()
            wait_blocked(other, 0)


def test_a_flush_before_pushes_does_not_change_their_order(server):
    """All in one transaction: keys that go have served nobody, so the first push does."""
    with server.connect() as other:
        for round_number in range(20):
            first, second = "flushed:%d:a" % round_number, "flushed:%d:b" % round_number
            waiting = [server.connect() for _ in range(2)]
            for number, keys in enumerate([(first, second), (first,)]):
                waiting[number].send("BLPOP", *keys, 0)
                wait_blocked(other, number + 1)
            replies = [other.run(*words) for words in [["MULTI"], ["FLUSHALL"], ["RPUSH", first, "x"], ["RPUSH", second, "y"], ["EXEC"]]]
            assert replies[-1] == [b"OK", 1, 1]
            assert plain(waiting[0].read()) == [first.encode(), b"x"]
            assert other.run("LRANGE", second, "0", "-1") == [b"y"]
            other.run("RPUSH", first, "z")
            assert plain(waiting[1].read()) == [first.encode(), b"z"]
            for connection in waiting:
                connection.close()


def test_unblock(server):
    with server.connect() as ours, server.connect() as other:
        number = run(ours, "CLIENT ID")
        assert run(other, "CLIENT UNBLOCK %d" % number) == 0
        for way, reply in [("", ("*", None)), ("TIMEOUT", ("*", None)), ("ERROR", ("-", b"UNBLOCKED client unblocked via CLIENT UNBLOCK"))]:
            ours.send("BLPOP", "a", "b", "c", 0)
            wait_blocked(other, 1)
            assert b" flags=b " in other.run("CLIENT", "LIST", "ID", number)
            assert run(other, "CLIENT UNBLOCK %d %s" % (number, way)) == 1
            assert ours.read() == reply
        assert run(other, "CLIENT UNBLOCK %d" % number) == 0
        assert run(other, "CLIENT UNBLOCK x") == "ERR value is not an integer or out of range"
        assert run(other, "CLIENT UNBLOCK 1 LATER") == "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
        assert other.run("RPUSH", "a", "x") == 1
        assert other.run("LLEN", "a") == 1


def vanish(connection, way, number, other):
    if way == "kill":
        assert run(other, "CLIENT KILL ID %d" % number) == 1
    elif way == "reset":
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("way", ["close", "reset", "kill"])
def test_those_who_go_take_nothing(server, way):
    with server.connect() as other, server.connect() as stays:
        gone = [server.connect() for _ in range(10)]
        numbers = [run(connection, "CLIENT ID") for connection in gone]
        for number, connection in enumerate(gone):
            connection.send(*words(["BLPOP k j 0", "BZPOPMIN k j 5", "XREAD BLOCK 0 STREAMS k j $ $"][number % 3]))
        wait_blocked(other, len(gone))
        stays.send("BLPOP", "k", 0)
        wait_blocked(other, len(gone) + 1)
        for connection, number in zip(gone, numbers):
            vanish(connection, way, number, other)
        wait_blocked(other, 1)
        other.run("RPUSH", "k", "x")
        assert plain(stays.read()) == ITEM


@pytest.mark.threads
def test_each_item_goes_to_one(server):
    """Producers and consumers of all kinds on keys of all shards: nothing is lost, nothing comes twice."""
    names = ["queue:%d" % number for number in range(6)]
    consumers, producers = 6, 3
    taken = [[] for _ in range(consumers)]

    def produce(number):
        rng = random.Random(number)
        with server.connect() as connection:
            for item in range(ROUNDS):
                text = "%d:%d" % (number, item)
                if rng.random() < 0.3:
                    connection.send_raw(encode("MULTI") + encode("RPUSH", rng.choice(names), text) + encode("INCR", "count") + encode("EXEC"))
                    for _ in range(4):
                        connection.read()
                else:
                    connection.run(rng.choice(["RPUSH", "LPUSH"]), rng.choice(names), text)

    def consume(number):
        rng = random.Random(number)
        with server.connect() as connection:
            while True:
                some = rng.sample(names, rng.randint(1, len(names))) + ["stop"]
                command = rng.choice([["BLPOP", *some, 0.1], ["BRPOP", *some, 0.1], ["BLMPOP", 0.1, len(some), *some, "LEFT", "COUNT", 3],
                                      ["BLMOVE", some[0], rng.choice(names), "LEFT", "RIGHT", 0.01]])
                connection.send(*command)
                reply = plain(connection.read())
                if command[0] == "BLMOVE" or reply is None:
                    continue  # perhaps nobody else waits for the key that has the last items
                items = reply[1] if command[0] == "BLMPOP" else [reply[1]]
                if b"end" in items:
                    taken[number] += [item for item in items if item != b"end"]
                    for _ in range(items.count(b"end") - 1):
                        connection.run("RPUSH", "stop", "end")
                    return
                taken[number] += items

    def all_of_it():
        run_all(*[lambda number=number: produce(number) for number in range(producers)])
        with server.connect() as connection:
            wait_until(lambda: sum(map(len, taken)) == producers * ROUNDS, 6 * PATIENCE, "all items")
            for _ in range(consumers):
                connection.run("RPUSH", "stop", "end")

    run_all(all_of_it, *[lambda number=number: consume(number) for number in range(consumers)])
    items = [item for some in taken for item in some]
    assert len(items) == len(set(items)) == producers * ROUNDS


@pytest.mark.threads
def test_a_crowd_comes_and_goes(server):
    """Blocked clients that are served, run out of time, are unblocked or vanish, all at once."""
    def churn(seed):
        rng = random.Random(seed)
        for _ in range(ROUNDS // 4):
            connection = server.connect()
            connection.send("BLPOP", *rng.sample(["a", "b", "c", "d"], 3), rng.choice([0.001, 0.01, 1]))
            if rng.random() < 0.5:
                connection.read()
            connection.close()

    def push(seed):
        rng = random.Random(seed)
        with server.connect() as connection:
            for _ in range(ROUNDS):
                connection.run("RPUSH", rng.choice("abcd"), "x")
                if rng.random() < 0.1:
                    connection.run("SWAPDB", 0, 1)

    run_all(*[lambda seed=seed: churn(seed) for seed in range(6)], lambda: push(7), lambda: push(8))
    with server.connect() as connection:
        wait_blocked(connection, 0)


def test_a_reply_that_nobody_reads(server):
    """What is behind a blocked command is not run before it, however much it is."""
    with server.connect() as ours, server.connect() as other:
        ours.send_raw(encode("BLPOP", "k", 0) + encode("SET", "after", "x") * 1000 + encode("GET", "after"))
        wait_blocked(other, 1)
        assert other.run("EXISTS", "after") == 0
        other.run("RPUSH", "k", "x")
        assert plain(ours.read()) == ITEM
        assert [ours.read() for _ in range(1001)][-1] == ("$", b"x")


def test_effects_are_of_commands_that_do_not_block(start, shards):
    feed = Feed(start("--enable-debug-command", "yes", shards=shards))
    with feed.server.connect() as ours:
        for command, act, effects in [
                ("BLPOP k 0", "RPUSH k x", [["RPUSH k x", "LPOP k"]]),
                ("BRPOP k 0", "RPUSH k x", [["RPUSH k x", "RPOP k"]]),
                ("BLMPOP 0 1 k LEFT COUNT 5", "RPUSH k x y", [["RPUSH k x y", "LPOP k 2"]]),
                ("BLMOVE k to LEFT RIGHT 0", "RPUSH k x",
                 [["RPUSH k x", "LMOVE k to LEFT RIGHT"], ["RPUSH k x", "RPUSH to x", "LPOP k"]]),
                ("BZPOPMIN k 0", "ZADD k 1 x", [["ZADD k 1 x", "ZPOPMIN k 1"]]),
                ("BZMPOP 0 1 k MAX", "ZADD k 1 x", [["ZADD k 1 x", "ZPOPMAX k 1"]]),
        ]:
            ours.send(*words(command))
            wait_blocked(feed.client, 1)
            feed.effects_since()
            feed.client.run(*words(act))
            ours.read()
            assert [b" ".join(effect).decode() for effect in feed.effects_since()] in effects
        # found at once
        feed.client.run("RPUSH", "k", "x", "y")
        feed.effects_since()
        ours.run("BLPOP", "other", "k", 0)
        ours.run("BLMOVE", "k", "k", "LEFT", "RIGHT", 0)
        assert [b" ".join(effect).decode() for effect in feed.effects_since()] == ["LPOP k", "LMOVE k k LEFT RIGHT"]
    feed.close()


def test_a_target_that_is_read_in_steps(start, shards):
    """BLMOVE to a key that a job has pinned is served when the job has ended; nobody waits for that."""
    server = start("--enable-debug-command", "yes", shards=shards)
    with server.connect() as holder, server.connect() as ours, server.connect() as other:
        other.run("RPUSH", "held", "first")
        ours.send("BLMOVE", "k", "held", "LEFT", "RIGHT", 0)
        wait_blocked(other, 1)
        holder.send("DEBUG", "HOLD", "held", int(300 * SLOWDOWN))
        wait_until(lambda: b"pins=1" in other.run("INFO", "shards"), PATIENCE, "the hold")
        other.run("RPUSH", "k", "x")
        assert blocked_clients(other) == 1
        assert holder.read() == ("+", b"OK")
        assert ours.read() == ("$", b"x")
        assert other.run("LRANGE", "held", 0, -1) == [b"first", b"x"]


def test_ten_thousand_wait_for_nothing(start, shards):
    """They cost nothing while nothing comes, are served each once, and leave nothing behind."""
    count = 10_000 // min(int(SLOWDOWN), 10)
    server = start("--maxclients", "15000", shards=shards)
    with server.connect() as other:
        crowd = [server.connect() for _ in range(count)]
        for connection in crowd:
            connection.send("BLPOP", "k", 0)
        wait_blocked(other, count)
        other.run("RPUSH", "k", *range(count))
        assert sorted(int(plain(connection.read())[1]) for connection in crowd) == list(range(count))
        assert other.run("EXISTS", "k") == 0
        for connection in crowd:
            connection.close()


def test_the_server_ends_while_clients_are_blocked(server):
    """The fixture ends it, and finds nothing left."""
    with server.connect() as other:
        connections = [server.connect() for _ in range(5)]
        for connection in connections:
            connection.send("BLPOP", "a", "b", "c", 0)
        wait_blocked(other, len(connections))
