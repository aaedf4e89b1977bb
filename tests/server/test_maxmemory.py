"""maxmemory: which keys go under each policy, that the limit is kept under load, what is refused, and how it recovers."""

import random
import re
import threading
import time
from contextlib import ExitStack

import pytest

from harness.process import SLOWDOWN
from harness.resp import Closed, ReplyError, encode

MIB = 1 << 20
OOM = ("-", b"OOM command not allowed when used memory > 'maxmemory'.")
PATIENCE_SECONDS = 20 * SLOWDOWN


def used(client):
    return int(client.info("memory")["used_memory"])


def stat(client, name):
    return int(client.info("stats")[name])


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def pipeline(client, commands):
    """Sends them all, gives the typed replies."""
    client.send_raw(b"".join(encode(*words) for words in commands))
    return [client.read() for _ in commands]


def fill(client, names, value=b"v" * 200, *more):
    names = list(names)
    for start in range(0, len(names), 500):
        for reply in pipeline(client, [("SET", name, value, *more) for name in names[start:start + 500]]):
            assert reply == ("+", b"OK"), reply


def left(client, names):
    """Which of them are still there; does not count as a use."""
    names = list(names)
    replies = []
    for start in range(0, len(names), 500):
        replies += pipeline(client, [("OBJECT", "REFCOUNT", name) for name in names[start:start + 500]])
    return {name for name, reply in zip(names, replies) if reply[1] is not None}


def squeeze(client, policy, share):
    """Sets a limit that leaves `share` of what is there above the start, and waits until it fits."""
    before = used(client)
    client.run("CONFIG", "SET", "maxmemory-policy", policy)
    startup = int(client.info("memory")["used_memory_startup"])
    limit = startup + int((before - startup) * share)
    client.run("CONFIG", "SET", "maxmemory", str(limit))
    wait_until(lambda: used(client) <= limit, "it never fits")
    return limit


OLD = ["old:%05d" % i for i in range(4000)]
NEW = ["new:%05d" % i for i in range(4000)]


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru"])
def test_what_was_used_longest_ago_goes(server, policy):
    ttl = () if policy.startswith("all") else ("EX", "100000")
    with server.connect() as client:
        fill(client, OLD, b"v" * 200, *ttl)
        time.sleep(1.1)
        fill(client, NEW, b"v" * 200, *ttl)
        time.sleep(1.1)
        used_again = OLD[:1000]
        pipeline(client, [("GET", name) for name in used_again])
        squeeze(client, policy, 0.8)
        gone = set(OLD + NEW) - left(client, OLD + NEW)
        assert len(gone) > 1000
        wrong = gone - set(OLD[1000:])
        assert len(wrong) <= len(gone) * 0.08, (len(wrong), len(gone))
        assert stat(client, "evicted_keys") >= len(gone)


@pytest.mark.parametrize("policy", ["allkeys-lfu", "volatile-lfu"])
def test_what_is_used_least_goes(server, policy):
    ttl = () if policy.startswith("all") else ("EX", "100000")
    with server.connect() as client:
        client.run("CONFIG", "SET", "maxmemory-policy", policy)
        client.run("CONFIG", "SET", "lfu-log-factor", "0")
        fill(client, OLD, b"v" * 200, *ttl)
        for _ in range(5):
            pipeline(client, [("GET", name) for name in OLD])
        fill(client, NEW, b"v" * 200, *ttl)
        assert client.run("OBJECT", "FREQ", OLD[0]) == 10
        assert client.run("OBJECT", "FREQ", NEW[0]) == 5
        squeeze(client, policy, 0.8)
        gone = set(OLD + NEW) - left(client, OLD + NEW)
        assert len(gone) > 1000
        assert len(gone - set(NEW)) <= len(gone) * 0.08


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"])
@pytest.mark.parametrize("volatile_count", [1000, 3000])
def test_keys_without_expiry_stay(server, policy, volatile_count):
    with server.connect() as client:
        volatile = NEW[:volatile_count]
        fill(client, OLD)
        fill(client, volatile, b"v" * 200, "EX", "100000")
        squeeze(client, policy, 0.95)
        assert left(client, OLD) == set(OLD)
        assert 0 < len(left(client, volatile)) < volatile_count
        with_less = used(client) * 3 // 4
        client.run("CONFIG", "SET", "maxmemory", str(with_less))
        if volatile_count == 1000:
            wait_until(lambda: not left(client, volatile), "volatile keys stay")
            assert client.call("SET", "k", "v") == OOM
            assert left(client, OLD) == set(OLD)


def test_the_earliest_expiry_goes_first(server, shards):
    with server.connect() as client:
        names = ["ttl:%05d" % i for i in range(6000)]
        order = list(range(6000))
        random.Random(1).shuffle(order)
        pipeline(client, [("SET", names[i], b"v" * 200, "EX", str(10000 + i)) for i in order])
        squeeze(client, "volatile-ttl", 0.6)
        kept = left(client, names)
        gone = len(names) - len(kept)
        assert gone > 1000
        # Each shard evicts its own earliest.
        slack = 0 if shards == 1 else gone // 4
        assert not kept & set(names[:gone - slack]), "a key that expires early is still there"


@pytest.mark.parametrize("policy", ["allkeys-random", "volatile-random"])
def test_any_key_may_go(server, policy):
    ttl = () if policy.startswith("all") else ("EX", "100000")
    with server.connect() as client:
        fill(client, OLD, b"v" * 200, *ttl)
        fill(client, NEW, b"v" * 200, *ttl)
        squeeze(client, policy, 0.5)
        old, new = len(left(client, OLD)), len(left(client, NEW))
        assert 0.75 < old / new < 1.33, (old, new)


def test_all_databases_take_part(server):
    with server.connect() as client:
        counts = {0: 4000, 3: 2000, 15: 4000}
        for db, count in counts.items():
            client.run("SELECT", str(db))
            fill(client, OLD[:count])
        client.run("SELECT", "0")
        squeeze(client, "allkeys-random", 0.5)
        for db, count in counts.items():
            client.run("SELECT", str(db))
            assert 0.25 * count < client.run("DBSIZE") < 0.75 * count


class Sampler(threading.Thread):
    """Looks at used_memory as fast as it can."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.highest = 0
        self.samples = 0
        self.is_over = False

    def run(self):
        with self.server.connect() as client:
            while not self.is_over:
                self.highest = max(self.highest, used(client))
                self.samples += 1


def write_much(server, number, amount, size, refusals):
    """Writes `amount` bytes of values in pipelines of all kinds of keys."""
    rng = random.Random(number)
    with server.connect() as client:
        while amount > 0:
            commands = []
            for _ in range(50):
                value = b"x" * rng.randrange(1, 2 * size)
                name = "k:%d:%d" % (number, rng.randrange(1 << 40))
                commands.append(rng.choice([
                    ("SET", name, value), ("SET", name, value, "EX", "1000"), ("APPEND", name, value),
                    ("RPUSH", "l:%d:%d" % (number, rng.randrange(2000)), value),
                    ("HSET", "h:%d:%d" % (number, rng.randrange(2000)), name, value),
                    ("SADD", "s:%d:%d" % (number, rng.randrange(200)), value[:40] + name.encode()),
                    ("ZADD", "z:%d" % rng.randrange(200), "1", name),
                    ("MSET", name, value, name + "x", value),
                ]))
                amount -= len(value)
            replies = pipeline(client, commands)
            refused = [reply for reply in replies if reply[0] == "-"]
            assert all(reply == OOM for reply in refused), refused[:3]
            refusals.append(len(refused))


@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("policy", ["allkeys-lru", pytest.param("allkeys-lfu", marks=pytest.mark.slow),
                                    pytest.param("allkeys-random", marks=pytest.mark.slow), pytest.param("noeviction", marks=pytest.mark.slow)])
def test_the_limit_holds_while_three_times_as_much_is_written(server, policy):
    # Longer values where commands are slow: as many bytes, since what threads need for a moment does not shrink with the limit.
    limit, size = 40 * MIB, int(300 * max(1.0, SLOWDOWN ** 0.5))
    with server.connect() as client:
        limit += used(client)
        client.run("CONFIG", "SET", "maxmemory-policy", policy)
        client.run("CONFIG", "SET", "maxmemory", str(limit))
        client.run("CONFIG", "RESETSTAT")
        sampler = Sampler(server)
        sampler.start()
        refusals = []
        writers = [threading.Thread(target=write_much, args=(server, i, 3 * limit // 8 + 1, size, refusals)) for i in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        sampler.is_over = True
        sampler.join()
        peak = int(client.info("memory")["used_memory_peak"])
        assert len(refusals) > 8
        assert sampler.samples > 10
        highest = max(sampler.highest, peak)
        assert highest <= limit * (1.01 if SLOWDOWN == 1 else 1.03), "%.2f %%" % (100.0 * highest / limit - 100)
        if policy == "noeviction":
            assert sum(refusals) > 0 and stat(client, "evicted_keys") == 0
        else:
            assert sum(refusals) == 0 and stat(client, "evicted_keys") > 0
        assert used(client) > 0.8 * limit


@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("size", [pytest.param(16_384, marks=pytest.mark.slow), 65_536])
def test_keys_go_for_the_buffers_of_large_values_and_replies(server, size):
    """40 clients send 1 MiB of SETs each, or GETs of as much, before the first reply is read; with data up to the limit."""
    in_pipeline = MIB // size
    value = b"x" * size
    with server.connect() as client, ExitStack() as stack:
        limit = used(client) + 64 * MIB
        client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        client.run("CONFIG", "SET", "maxmemory", str(limit))
        client.run("CONFIG", "RESETSTAT")
        sampler = Sampler(server)
        sampler.start()
        others = [stack.enter_context(server.connect()) for _ in range(40)]
        found = 0
        for round_number in range(max(2, int(12 / SLOWDOWN))):
            names = ["%d:%d" % (round_number % 3, i) for i in range(40 * in_pipeline)]
            parts = [names[start:start + in_pipeline] for start in range(0, len(names), in_pipeline)]
            for other, part in zip(others, parts):
                other.send_raw(b"".join(encode("SET", name, value) for name in part))
            assert all(other.read() == ("+", b"OK") for other in others for _ in range(in_pipeline))
            for other, part in zip(others, parts):
                other.send_raw(b"".join(encode("GET", name) for name in part))
            replies = [other.read()[1] for other in others for _ in range(in_pipeline)]
            assert all(reply in (None, value) for reply in replies)
            found += sum(reply is not None for reply in replies)
        sampler.is_over = True
        sampler.join()
        highest = max(sampler.highest, int(client.info("memory")["used_memory_peak"]))
        assert highest <= limit * (1.01 if SLOWDOWN == 1 else 1.03), "%.2f %%" % (100.0 * highest / limit - 100)
        assert found > 0 and stat(client, "evicted_keys") > 0


@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("size", [400, pytest.param(16_384, marks=pytest.mark.slow), 65_536])
def test_without_eviction_room_is_left_for_buffers(start, size):
    """40 clients send 1 MiB of SETs each before the first reply is read, until most are refused. With several threads the limit may
    be passed: docs/NOTES.md."""
    server = start(shards=1)
    in_pipeline = MIB // size
    value = b"x" * size
    with server.connect() as client, ExitStack() as stack:
        limit = used(client) + 64 * MIB
        client.run("CONFIG", "SET", "maxmemory", str(limit))
        client.run("CONFIG", "RESETSTAT")
        sampler = Sampler(server)
        sampler.start()
        others = [stack.enter_context(server.connect()) for _ in range(40)]
        taken = refused = 0
        for round_number in range(max(3, int(6 / SLOWDOWN))):
            for number, other in enumerate(others):
                other.send_raw(b"".join(encode("SET", "%d:%d:%d" % (round_number, number, i), value)
                                        for i in range(in_pipeline)))
            replies = [other.read() for other in others for _ in range(in_pipeline)]
            taken += replies.count(("+", b"OK"))
            refused += replies.count(OOM)
        assert taken + refused == len(others) * in_pipeline * (round_number + 1)
        sampler.is_over = True
        sampler.join()
        highest = max(sampler.highest, int(client.info("memory")["used_memory_peak"]))
        assert highest <= limit * (1.01 if SLOWDOWN == 1 else 1.03), "%.2f %%" % (100.0 * highest / limit - 100)
        assert refused > 0 and used(client) > 0.9 * limit


def test_refusals_and_what_is_still_allowed(server):
    with server.connect() as client:
        fill(client, OLD)
        client.run("CONFIG", "SET", "maxmemory", "1")
        for words in (("SET", "k", "v"), ("INCR", "n"), ("LPUSH", "l", "a"), ("APPEND", OLD[0], "x"), ("SETRANGE", "k", "9", "x"),
                      ("MSET", "a", "1", "b", "2"), ("COPY", OLD[0], "copy"), ("SUNIONSTORE", "d", "a", "b"),
                      ("XADD", "s", "*", "f", "v")):
            assert client.call(*words) == OOM, words
        assert client.call("SET", "k")[1].startswith(b"ERR wrong number of arguments")
        assert client.run("GET", OLD[0]) == b"v" * 200
        assert client.run("EXPIRE", OLD[0], "1000") == 1
        assert client.run("RENAME", OLD[1], OLD[2]) == b"OK"
        assert client.run("DEL", OLD[0]) == 1
        assert "rejected_calls=2" in client.info("commandstats")["cmdstat_set"]
        assert client.info("errorstats")["errorstat_OOM"] == "count=9"
        client.run("CONFIG", "SET", "maxmemory", "0")
        assert client.run("SET", "k", "v") == b"OK"


@pytest.mark.heavy
def test_a_mass_delete_recovers_by_itself(server):
    with server.connect() as client:
        limit = used(client) + 8 * MIB
        client.run("CONFIG", "SET", "maxmemory", str(limit))
        names = []
        refused = False
        while not refused:
            batch = ["name:%08d" % (len(names) + i) for i in range(500)]
            replies = pipeline(client, [("SET", name, b"v" * 60) for name in batch])
            names += batch
            refused = OOM in replies
        full = used(client)
        assert limit * 0.98 < full <= limit * 1.01
        for start in range(0, len(names) * 9 // 10, 500):
            pipeline(client, [("DEL", name) for name in names[start:start + 500]])
        assert client.run("SET", "again", "v") == b"OK"
        data = full - (limit - 8 * MIB)
        wait_until(lambda: used(client) < limit - 8 * MIB + data * 0.13, "memory is not given back")
        fill(client, ["next:%06d" % i for i in range(len(names) // 2)], b"v" * 60)


def insert_until_refused(client, first):
    """Inserts rows until the first -OOM; how many went in."""
    rows = 0
    while True:
        replies = pipeline(client, [("TABLE.INSERT", "shop.items", "id=%d" % (first + rows + i), "name=" + "n" * 100)
                                    for i in range(200)])
        rows += sum(reply[0] != "-" for reply in replies)
        refused = [reply for reply in replies if reply[0] == "-"]
        if refused:
            assert set(refused) == {OOM}
            return rows


@pytest.mark.slow
@pytest.mark.heavy
def test_tables_are_not_evicted(server):
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "shop")
        client.run("TABLE.SCHEMA.CREATE", "shop.items", "id:string:hash", "name:string")
        limit = used(client) + 6 * MIB
        client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        client.run("CONFIG", "SET", "maxmemory", str(limit))
        fill(client, NEW)
        rows = insert_until_refused(client, 0)
        assert rows > 1000
        assert client.run("DBSIZE") == 0
        assert client.run("TABLE.COUNT", "shop.items") == rows
        assert used(client) <= limit * 1.01
        client.run("CONFIG", "SET", "maxmemory", str(limit - MIB))
        assert client.call("SET", "k", "v") == OOM


@pytest.mark.slow
@pytest.mark.heavy
def test_rows_are_refused_and_taken_again_after_a_mass_delete(server):
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "shop")
        client.run("TABLE.SCHEMA.CREATE", "shop.items", "id:string:hash", "name:string")
        fill(client, OLD)
        limit = used(client) + 4 * MIB
        client.run("CONFIG", "SET", "maxmemory", str(limit))
        rows = insert_until_refused(client, 0)
        assert rows > 1000
        assert limit * 0.98 < used(client) <= limit * 1.01
        pipeline(client, [("DEL", name) for name in OLD])
        again = insert_until_refused(client, rows)
        assert again > 1000
        assert len(client.run("TABLE.SELECT", "shop.items")) == rows + again
        assert used(client) <= limit * 1.01


def test_a_lower_limit_is_reached_in_steps(server):
    with server.connect() as client, server.connect() as other:
        fill(client, ["k:%06d" % i for i in range(int(200_000 / SLOWDOWN))], b"v" * 100)
        client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        startup = int(client.info("memory")["used_memory_startup"])
        limit = (used(client) + startup) // 2
        client.run("CONFIG", "SET", "maxmemory", str(limit))
        longest = 0.0
        while used(other) > limit:
            start = time.monotonic()
            other.run("PING")
            assert other.run("SET", "written:meanwhile", "v") == b"OK"
            longest = max(longest, time.monotonic() - start)
        assert longest < 0.5 * SLOWDOWN, longest


def test_a_giant_does_not_take_others_with_it(server, shards):
    """An evicted giant is freed in steps; until it is gone nothing else has to go, but for the other shards' parts of what is
    too much, which are as large as their keys are."""
    with server.connect() as client:
        client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        for start in range(0, 200_000, 1000):
            client.run("SADD", "giant", *["member:%07d" % i for i in range(start, start + 1000)])
        time.sleep(2.1)
        before = used(client)
        fill(client, OLD)
        giant = client.run("MEMORY", "USAGE", "giant")
        others = used(client) - before
        limit = used(client) - giant // 2
        client.run("CONFIG", "SET", "maxmemory-samples", "1000")
        client.run("CONFIG", "SET", "maxmemory", str(limit))
        for i in range(100):
            client.run("SET", "more", "v")
        wait_until(lambda: client.run("EXISTS", "giant") == 0, "the giant stays")
        wait_until(lambda: client.info("memory")["lazyfree_pending_objects"] == "0", "it is not freed")
        part = (giant / 2 + limit * 0.01) / (giant + others) * (shards - 1) / shards
        assert len(left(client, OLD)) > (0.98 - part) * len(OLD)


@pytest.mark.threads
def test_keys_that_are_read_in_steps_are_not_evicted(server):
    with server.connect() as client, server.connect() as reader:
        count = int(120 / SLOWDOWN ** 0.5) * 500
        for start in range(0, count, 500):
            client.run("HSET", "big", *[word for i in range(start, start + 500) for word in ("f%d" % i, "v%d" % i)])
        client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        reader.send("HGETALL", "big")
        client.run("CONFIG", "SET", "maxmemory", "1")
        reply = reader.read()
        assert reply[0] == "*" and len(reply[1]) in (0, 2 * count)
        client.run("CONFIG", "SET", "maxmemory", "0")


def test_access_fields_follow_the_policy(server):
    with server.connect() as client:
        client.run("SET", "k", "v")
        time.sleep(1.1)
        assert client.run("OBJECT", "IDLETIME", "k") >= 1
        client.run("GET", "k")
        assert client.run("OBJECT", "IDLETIME", "k") == 0
        client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        client.run("SET", "n", "v")
        assert client.run("OBJECT", "FREQ", "n") == 5
        client.run("CONFIG", "SET", "lfu-log-factor", "0")
        for _ in range(300):
            client.run("GET", "n")
        assert client.run("OBJECT", "FREQ", "n") == 255
        dump = client.run("DUMP", "n")
        client.run("RESTORE", "copy", "0", dump, "FREQ", "77")
        assert client.run("OBJECT", "FREQ", "copy") == 77
        with pytest.raises(ReplyError, match="idle time not tracked"):
            client.run("OBJECT", "IDLETIME", "n")
        client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        client.run("RESTORE", "copy", "0", dump, "REPLACE", "IDLETIME", "1000")
        assert client.run("OBJECT", "IDLETIME", "copy") == 1000
        client.run("CLIENT", "NO-TOUCH", "ON")
        client.run("GET", "copy")
        assert client.run("OBJECT", "IDLETIME", "copy") == 1000


CONFIG_WORDS = [
    (name, value)
    for name, values in {
        "maxmemory": ("abc", "-1", "1xb", "", "1mb", "0"),
        "maxmemory-policy": ("nonsense", "allkeys", "ALLKEYS-LRU", "noeviction"),
        "maxmemory-samples": ("0", "-1", "2147483648", "x", "10", "5"),
        "maxmemory-eviction-tenacity": ("-1", "101", "x", "0", "100", "10"),
        "maxmemory-clients": ("foo", "-1", "101%", "-5%", "%", "1.5%", "0%", "50%", "100mb", "0"),
        "lfu-log-factor": ("-1", "x", "0", "10"),
        "lfu-decay-time": ("-1", "x", "0", "1"),
    }.items()
    for value in values
]


def test_config_words_are_taken_and_refused_as_by_redis(start):
    ours, theirs = start(kind="tessera"), start(kind="redis")
    with ours.connect() as mine, theirs.connect() as other:
        for name, value in CONFIG_WORDS:
            assert mine.call("CONFIG", "SET", name, value) == other.call("CONFIG", "SET", name, value), (name, value)
            assert mine.call("CONFIG", "GET", name) == other.call("CONFIG", "GET", name), (name, value)


REFUSED_OR_NOT = """
SET k v|SET k v NX|SETNX k v|GETSET k v|MSET a 1 b 2|MSETNX a 1 b 2|APPEND k x|INCR n|INCRBYFLOAT n 1|SETRANGE k 2 x
SETBIT bits 7 1|GETDEL k|GETEX k PERSIST|GET k|STRLEN k|LPUSH l a|LPUSHX l a|RPOP l|LREM l 0 a|LSET l 0 b
LINSERT l BEFORE a b|LTRIM l 0 0|LMOVE l m LEFT LEFT|LRANGE l 0 -1|SADD s a|SREM s a|SPOP s|SMOVE s t a|SUNIONSTORE d s t
SDIFFSTORE d s t|SMEMBERS s|SORT l ALPHA|SORT l ALPHA STORE d|HSET h f v|HDEL h f|HINCRBY h n 1|HSETNX h f v|HGETALL h
ZADD z 1 a|ZREM z a|ZINCRBY z 1 a|ZRANGESTORE d z 0 -1|ZPOPMIN z|ZREMRANGEBYRANK z 0 -1|XADD x 1-1 f v|XDEL x 1-1
XTRIM x MAXLEN 0|XSETID x 9-9|XGROUP CREATE x g 0 MKSTREAM|XLEN x|PFADD p a|PFCOUNT p|PFMERGE p p|GEOADD g 1 1 a
BITOP NOT d k|BITFIELD bits SET u8 0 1|COPY k k2|RENAME k k2|EXPIRE k 100|PERSIST k|DEL k|UNLINK k|MOVE k 1|TOUCH k|TYPE k
OBJECT ENCODING k|DUMP k|MEMORY USAGE nothing|MEMORY PURGE|CONFIG GET maxmemory|CONFIG SET maxmemory 2|DBSIZE|SWAPDB 0 1
FLUSHALL|PING
""".replace("\n", "|").strip("|").split("|")


def test_below_the_current_size_what_redis_refuses_is_refused(start, shards):
    """noeviction, a limit far below what is used: the same commands get -OOM, and all others still work."""
    ours, theirs = start(kind="tessera", shards=shards), start(kind="redis")
    with ours.connect() as mine, theirs.connect() as other:
        for connection in (mine, other):
            connection.run("SET", "k", "v")
            connection.run("RPUSH", "l", "a")
            assert connection.run("CONFIG", "SET", "maxmemory", "1") == b"OK"
        for line in REFUSED_OR_NOT:
            assert mine.call(*line.split()) == other.call(*line.split()), line
        assert mine.info("errorstats")["errorstat_OOM"] == other.info("errorstats")["errorstat_OOM"]
        for connection in (mine, other):
            connection.run("CONFIG", "SET", "maxmemory", "0")
            assert connection.run("SET", "k", "v") == b"OK"


# --- maxmemory-clients ---


def hold_output(server, size):
    """A connection that asks for `size` bytes and does not read them."""
    client = server.connect(receive_buffer=4096)
    client.run("CLIENT", "SETNAME", "greedy:%d" % size)
    client.send("GET", "big:%d" % size)
    return client


def is_closed(client):
    try:
        while True:
            client.read()
    except (Closed, OSError):
        return True


def names_of_clients(client):
    return client.run("CLIENT", "LIST")


def memory_of_clients(client):
    """Of each name "greedy:<number>", and of all others together as b""."""
    memory = {b"": 0}
    for line in client.run("CLIENT", "LIST").splitlines():
        name, size = re.search(rb"name=(?:greedy:([0-9]+))?", line)[1], int(re.search(rb"tot-mem=([0-9]+)", line)[1])
        memory[name or b""] = memory.get(name or b"", 0) + size
    return memory


def unread_bytes(client):
    return sum(int(size) for size in re.findall(rb"qbuf=([0-9]+)", client.run("CLIENT", "LIST")))


@pytest.mark.threads
def test_the_largest_clients_are_closed(server):
    with server.connect() as client:
        client.run("CLIENT", "NO-EVICT", "ON")
        sizes = [8 * MIB, 16 * MIB, 24 * MIB]
        for size in sizes:
            client.run("SETRANGE", "big:%d" % size, str(size - 1), "x")
        greedy = [hold_output(server, size) for size in sizes]
        quiet = [server.connect() for _ in range(20)]
        wait_until(lambda: names_of_clients(client).count(b"greedy") == 3, "they are not there")
        time.sleep(0.2)
        client.run("CONFIG", "SET", "maxmemory-clients", str(12 * MIB))
        wait_until(lambda: names_of_clients(client).count(b"greedy") == 1, "nobody is closed")
        assert b"greedy:%d " % sizes[0] in names_of_clients(client)
        assert stat(client, "evicted_clients") == 2
        assert all(connection.run("PING") == b"PONG" for connection in quiet)
        client.run("CONFIG", "SET", "maxmemory-clients", str(2 * MIB))
        wait_until(lambda: names_of_clients(client).count(b"greedy") == 0, "the last one stays")
        assert stat(client, "evicted_clients") == 3
        for connection in greedy + quiet:
            connection.close()


@pytest.mark.threads
def test_exempt_clients_stay(server):
    with server.connect() as client:
        client.run("CLIENT", "NO-EVICT", "ON")
        client.run("CONFIG", "SET", "maxmemory-clients", str(2 * MIB))
        client.send_raw(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (6 * MIB))
        client.send_raw(b"x" * (6 * MIB) + b"\r\n")
        assert len(client.read()[1]) == 6 * MIB
        with server.connect() as other:
            with pytest.raises((Closed, OSError)):
                other.send_raw(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (6 * MIB))
                other.send_raw(b"x" * (6 * MIB) + b"\r\n")
                other.read()
        assert stat(client, "evicted_clients") == 1


def hold_input(server, number, size):
    """A connection that has sent all but the end of a command of that size."""
    client = server.connect()
    client.run("CLIENT", "SETNAME", "greedy:%d" % number)
    try:
        client.send_raw(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % size + b"x" * (size - 1))
    except OSError:
        pass  # closed already
    return client


@pytest.mark.threads
def test_no_more_are_closed_than_the_excess_needs(server):
    """Many of different sizes, over all threads: none that stays is larger than one that goes, and all of those had to."""
    size, step, count = MIB // 8, MIB // 12, 24
    with server.connect() as client:
        client.run("CLIENT", "NO-EVICT", "ON")
        for share in (0.8, 0.5, 0.1):
            client.run("CONFIG", "RESETSTAT")
            greedy = [hold_input(server, i, size + step * i) for i in range(count)]
            wait_until(lambda: unread_bytes(client) > sum(size + step * i - 1 for i in range(count)), "they are not there")
            memory = memory_of_clients(client)
            limit = int(sum(memory.values()) * share)
            client.run("CONFIG", "SET", "maxmemory-clients", str(limit))
            wait_until(lambda: sum(memory_of_clients(client).values()) <= limit, "too few are closed")
            left = memory_of_clients(client)
            closed = [memory[name] for name in memory if name not in left]
            assert stat(client, "evicted_clients") == len(closed)
            assert min(closed) >= max(size for name, size in left.items() if name), (memory, left)
            assert sum(left.values()) + min(closed) > limit, (memory, left)
            client.run("CONFIG", "SET", "maxmemory-clients", "0")
            for connection in greedy:
                connection.close()
            wait_until(lambda: len(memory_of_clients(client)) == 1, "they do not go")


@pytest.mark.threads
def test_small_clients_stay_while_large_ones_come_and_go(server):
    """However long a thread takes to look at its many small connections, those of others are not closed meanwhile."""
    with server.connect() as client:
        client.run("CLIENT", "NO-EVICT", "ON")
        quiet = [server.connect() for _ in range(500)]
        client.run("CONFIG", "SET", "maxmemory-clients", str(4 * MIB))
        rounds = 12
        for i in range(rounds):
            greedy = hold_input(server, i, 8 * MIB)
            for connection in quiet:
                connection.send("PING")
            assert all(connection.read() == ("+", b"PONG") for connection in quiet)
            wait_until(lambda: stat(client, "evicted_clients") > i, "it stays")
            assert is_closed(greedy)
            greedy.close()
        assert stat(client, "evicted_clients") == rounds


@pytest.mark.threads
def test_who_may_not_be_closed_takes_others_with_it(server):
    """NO-EVICT counts: everybody else goes, and is welcome again when the large one is gone."""
    with server.connect() as client, server.connect(receive_buffer=4096) as large:
        client.run("CLIENT", "NO-EVICT", "ON")
        large.run("CLIENT", "NO-EVICT", "ON")
        small = [server.connect() for _ in range(40)]
        assert all(connection.run("PING") == b"PONG" for connection in small)
        client.run("SETRANGE", "big", str(8 * MIB), "x")
        client.run("CONFIG", "SET", "maxmemory-clients", str(2 * MIB))
        large.send("GET", "big")
        assert all(is_closed(connection) for connection in small)
        assert stat(client, "evicted_clients") == len(small)
        assert len(large.read()[1]) == 8 * MIB + 1
        wait_until(lambda: sum(memory_of_clients(client).values()) < 2 * MIB, "it stays large")
        with server.connect() as other:
            assert other.run("PING") == b"PONG"


def test_monitors_are_closed_too(server):
    with server.connect() as client, server.connect(receive_buffer=4096) as monitor:
        client.run("CLIENT", "NO-EVICT", "ON")
        assert monitor.run("MONITOR") == b"OK"
        client.run("CONFIG", "SET", "maxmemory-clients", str(4 * MIB))
        for _ in range(100):
            client.pipeline(["ECHO", "x" * 10000] for _ in range(20))
            if stat(client, "evicted_clients") == 1:
                break
        assert stat(client, "evicted_clients") == 1 and b"flags=O" not in client.run("CLIENT", "LIST")


def test_a_very_low_limit_leaves_room_for_some(start):
    for kind in ("redis", "tessera"):
        with start(kind=kind).connect() as client:
            client.run("CONFIG", "SET", "maxmemory-clients", "1")
            assert client.run("CONFIG", "GET", "maxmemory-clients") == [b"maxmemory-clients", b"1"]
            for _ in range(20):
                assert client.run("PING") == b"PONG"
            assert stat(client, "evicted_clients") == 0


def test_a_share_of_no_maxmemory_is_no_limit(start):
    for kind in ("redis", "tessera"):
        server = start(kind=kind)
        with server.connect() as client, server.connect() as large:
            client.run("CONFIG", "SET", "maxmemory-clients", "1%")
            large.send_raw(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (6 * MIB) + b"x" * (6 * MIB) + b"\r\n")
            assert len(large.read()[1]) == 6 * MIB
            assert stat(client, "evicted_clients") == 0


def test_a_share_of_maxmemory_for_clients(server):
    with server.connect() as client:
        client.run("CLIENT", "NO-EVICT", "ON")
        client.run("CONFIG", "SET", "maxmemory", str(100 * MIB), "maxmemory-clients", "5%")
        size = 8 * MIB
        client.run("SETRANGE", "big:%d" % size, str(size - 1), "x")
        greedy = hold_output(server, size)
        wait_until(lambda: stat(client, "evicted_clients") == 1, "it stays")
        assert is_closed(greedy)
