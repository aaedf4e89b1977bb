"""Keyspace notifications: which events there are, in which order, and what turns them on."""

import os
import random
import threading
import time

import pytest

from differential import SHOWN_MAX, run_family
from families import FAMILIES, SESSION_FAMILIES
from harness.keyspace_events import EventReader
from harness.process import SLOWDOWN
from harness.resp import ReplyError, plain, wait_until

ASKED = os.environ.get("TESSERA_DIFFERENTIAL_COUNT")
COUNT = int(int(ASKED or 40000) / SLOWDOWN)
SECONDS = None if ASKED else 1.0
ROUNDS = int(200 / min(SLOWDOWN, 4))


@pytest.mark.heavy
@pytest.mark.parametrize("family", FAMILIES + SESSION_FAMILIES)
def test_tells_of_random_commands_what_redis_tells(family, shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    result = run_family(family, shards, COUNT, seed, seconds=SECONDS, events=True)
    wrong = result.texts[:SHOWN_MAX] + result.problems
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def subscribe(server, pattern, classes):
    """A connection that gets what is published to the pattern, with these classes on."""
    connection = server.connect()
    connection.run("PSUBSCRIBE", pattern)
    with server.connect() as other:
        assert other.run("CONFIG", "SET", "notify-keyspace-events", classes) == b"OK"
    return connection


def take(subscriber, count):
    """The next `count` messages as (channel, text)."""
    return [tuple(plain(subscriber.read())[2:]) for _ in range(count)]


def assert_silent(server, subscriber, channel):
    """Nothing was published: the next message is this one."""
    with server.connect() as other:
        assert other.run("PUBLISH", channel, "end") == 1
    assert take(subscriber, 1) == [(channel.encode(), b"end")]


@pytest.mark.parametrize("text, shown", [("", ""), ("KEA", "AKE"), ("g$lshzxetdn", "A"), ("mKnE", "nKEm"), ("KEAnm", "AKEm"), ("ng$", "g$n")])
def test_the_letters_are_shown_as_in_redis(start, text, shown):
    for kind in ("tessera", "redis"):
        with start(kind=kind).connect() as client:
            assert client.run("CONFIG", "SET", "notify-keyspace-events", text) == b"OK"
            assert client.run("CONFIG", "GET", "notify-keyspace-events")[1] == shown.encode()


def test_other_letters_are_refused(client):
    client.run("CONFIG", "SET", "notify-keyspace-events", "KEx")
    for text in ("q", "K E", "KEAy"):
        with pytest.raises(ReplyError, match="Invalid event class character"):
            client.run("CONFIG", "SET", "notify-keyspace-events", text)
    assert client.run("CONFIG", "GET", "notify-keyspace-events")[1] == b"xKE"


def test_is_on_from_the_start_and_written_back_whole(start, tmp_path):
    path = tmp_path / "server.conf"
    path.write_text('notify-keyspace-events "KA"\n')
    server = start(str(path))
    with server.connect() as client, server.connect() as subscriber:
        subscriber.run("SUBSCRIBE", "__keyspace@0__:k")
        client.run("SET", "k", "v")
        assert plain(subscriber.read()) == [b"message", b"__keyspace@0__:k", b"set"]
        client.run("CONFIG", "SET", "notify-keyspace-events", "KAnT")
        client.run("CONFIG", "REWRITE")
        assert 'notify-keyspace-events "AnKT"' in path.read_text() or "notify-keyspace-events AnKT" in path.read_text()


def test_only_what_is_asked_for_is_published(server):
    with subscribe(server, "*", "") as subscriber, server.connect() as client:
        client.run("SET", "k", "v")
        assert_silent(server, subscriber, "end")
        client.run("CONFIG", "SET", "notify-keyspace-events", "A")
        client.run("SET", "k", "v")
        assert_silent(server, subscriber, "end")
        client.run("CONFIG", "SET", "notify-keyspace-events", "El")
        client.run("SET", "k", "v")
        client.run("RPUSH", "l", "v")
        assert take(subscriber, 1) == [(b"__keyevent@0__:rpush", b"l")]
        client.run("CONFIG", "SET", "notify-keyspace-events", "K$")
        client.run("RPUSH", "l", "v")
        client.run("SET", "k", "v")
        assert take(subscriber, 1) == [(b"__keyspace@0__:k", b"set")]
        client.run("CONFIG", "SET", "notify-keyspace-events", "Kn")
        client.run("SET", "k", "v")
        client.run("SET", "k2", "v")
        client.run("GET", "k3")
        assert take(subscriber, 1) == [(b"__keyspace@0__:k2", b"new")]
        client.run("CONFIG", "SET", "notify-keyspace-events", "Em")
        client.run("SET", "k4", "v")
        client.run("GET", "k3")
        assert take(subscriber, 1) == [(b"__keyevent@0__:keymiss", b"k3")]
        client.run("CONFIG", "SET", "notify-keyspace-events", "")
        client.run("SET", "k", "v")
        client.run("GET", "k3")
        assert_silent(server, subscriber, "end")


def test_a_transaction_tells_as_it_goes(server):
    with subscribe(server, "__keyspace@*", "KA") as subscriber, server.connect() as client:
        client.run("MULTI")
        for words in (["SET", "k", "1"], ["INCR", "k"], ["SELECT", "3"], ["RPUSH", "k", "x"], ["LPOP", "k"], ["SELECT", "0"], ["DEL", "k"]):
            client.run(*words)
        assert_silent(server, subscriber, "__keyspace@0__:end")
        client.run("EXEC")
        assert take(subscriber, 6) == [(b"__keyspace@0__:k", b"set"), (b"__keyspace@0__:k", b"incrby"), (b"__keyspace@3__:k", b"rpush"),
                                       (b"__keyspace@3__:k", b"lpop"), (b"__keyspace@3__:k", b"del"), (b"__keyspace@0__:k", b"del")]


def test_a_key_expires_or_is_evicted(server):
    with subscribe(server, "__keyevent@0__:*", "Exe") as subscriber, server.connect() as client:
        client.run("SET", "k", "v", "PX", "1")
        assert take(subscriber, 1) == [(b"__keyevent@0__:expired", b"k")]
        for number in range(300):
            client.run("SET", "key:%d" % number, "x" * 1000)
        client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        client.run("CONFIG", "SET", "maxmemory", "1")
        wait_until(lambda: client.run("DBSIZE") == 0)
        gone = take(subscriber, 300)
        assert {channel for channel, _ in gone} == {b"__keyevent@0__:evicted"}
        assert sorted(key for _, key in gone) == sorted(b"key:%d" % number for number in range(300))


@pytest.mark.parametrize("filters, gone", [((), {b"k", b"list"}), (("MATCH", "l*"), {b"list"}), (("TYPE", "string"), {b"k", b"list"})])
def test_scan_removes_what_has_expired(start, filters, gone):
    for kind in ("tessera", "redis"):
        server = start("--enable-debug-command", "yes", kind=kind)
        with server.connect() as client:
            client.run("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            client.run("RPUSH", "list", "v")
            client.run("PEXPIRE", "list", "30")  # redis-server deletes at once what expires while the command runs
            client.run("SET", "k", "v", "PX", "30")
            client.run("SET", "stays", "v", "PX", "1000000")
            time.sleep(0.06)
            with subscribe(server, "__keyevent@0__:*", "Ex") as subscriber:
                client.run("KEYS", "*")
                assert_silent(server, subscriber, "__keyevent@0__:end")
                assert set(client.run("SCAN", "0", *filters)[1]) <= {b"stays"}
                assert {key for _, key in take(subscriber, len(gone))} == gone
                assert_silent(server, subscriber, "__keyevent@0__:end")
            assert client.run("DBSIZE") == 3 - len(gone)


@pytest.mark.threads
def test_events_of_a_key_come_in_the_order_of_its_changes(server):
    """Several clients on the same few keys: what a subscriber hears of a list, one by one, makes the list; and its length is never below 0."""
    keys = [b"list:%d" % number for number in range(4)]
    seen = {key: [] for key in keys}
    with subscribe(server, "__keyspace@0__:list:*", "Kgl") as subscriber:
        def work(seed):
            rng = random.Random(seed)
            with server.connect() as client:
                for _ in range(ROUNDS):
                    key = rng.choice(keys)
                    client.call("RPUSH", key, "x") if rng.random() < 0.5 else client.call("LPOP", key)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with server.connect() as client:
            client.run("PUBLISH", "__keyspace@0__:list:end", "end")
            lengths = {key: client.run("LLEN", key) for key in keys}
        for channel, text in iter(lambda: take(subscriber, 1)[0], (b"__keyspace@0__:list:end", b"end")):
            seen[channel[len(b"__keyspace@0__:"):]].append(text)
    for key, events in seen.items():
        length = 0
        for number, event in enumerate(events):
            assert event in (b"rpush", b"lpop", b"del")
            if event == b"del":
                assert length == 0 and events[number - 1] == b"lpop"
            else:
                length += 1 if event == b"rpush" else -1
            assert length >= 0
        assert length == lengths[key]


def test_commands_over_several_shards_tell_each_key(server):
    with server.connect() as client:
        reader = EventReader(server, client)
        client.run("MSET", *[word for number in range(20) for word in ("k%d" % number, "v")])
        client.run("DEL", *["k%d" % number for number in range(20)])
        found = reader.take()
        for number in range(20):
            assert [event for kind, event in found[0, b"k%d" % number] if kind == b"keyspace"] == [b"new", b"set", b"del"]
        reader.close()


def test_long_commands_tell_each_key_once(server):
    """More words than one step takes."""
    count = 3000
    with server.connect() as client:
        reader = EventReader(server, client)
        client.run("MSET", *[word for number in range(count) for word in ("k%d" % number, "v")])
        client.run("SADD", "set", *range(count))
        client.run("UNLINK", *["k%d" % number for number in range(count)], "set")
        found = reader.take()
        for number in range(count):
            assert [event for kind, event in found[0, b"k%d" % number] if kind == b"keyspace"] == [b"new", b"set", b"del"]
        assert [event for kind, event in found[0, b"set"] if kind == b"keyspace"] == [b"new", b"sadd", b"del"]
        reader.close()


def test_tables_tell_of_rows_and_schemas(server):
    with subscribe(server, "__table@*", "T") as subscriber, server.connect() as client:
        client.run("SELECT", "2")
        client.run("TABLE.NAMESPACE.CREATE", "ns")
        client.run("TABLE.SCHEMA.CREATE", "ns.t", "id:integer:hash", "n:integer")
        client.run("SET", "k", "v")
        ids = [client.run("TABLE.INSERT", "ns.t", "id=%d" % number, "n=0") for number in range(3)]
        client.run("TABLE.UPDATE", "ns.t", "WHERE", "id=1", "SET", "n=5")
        client.run("TABLE.UPDATE", "ns.t", "WHERE", "n=0", "SET", "id=77")
        client.run("TABLE.DELETE", "ns.t", "WHERE", "id=1")
        client.run("TABLE.SCHEMA.ALTER", "ns.t", "ADD", "COLUMN", "m:integer")
        client.run("TABLE.SCHEMA.ALTER", "ns.t", "DROP", "COLUMN", "m")
        client.run("TABLE.DROP", "ns.t", "FORCE")
        client.run("TABLE.SCHEMA.CREATE", "ns.u", "id:integer")
        client.run("TABLE.NAMESPACE.DROP", "ns", "FORCE")
        told = take(subscriber, 13)
        assert {channel for channel, _ in told} == {b"__table@2__:ns.t", b"__table@2__:ns.u"}
        texts = [text for channel, text in told if channel.endswith(b"ns.t")]
        assert texts[0] == b"create"
        assert texts[1:4] == [b"insert " + row for row in ids]
        assert texts[4] == b"update " + ids[1]
        assert sorted(texts[5:7]) == sorted([b"update " + ids[0], b"update " + ids[2]])
        assert texts[7:] == [b"delete " + ids[1], b"alter", b"alter", b"drop"]
        assert [text for channel, text in told if channel.endswith(b"ns.u")] == [b"create", b"drop"]
        client.run("CONFIG", "SET", "notify-keyspace-events", "KEA")
        client.run("TABLE.NAMESPACE.CREATE", "ns")
        client.run("TABLE.SCHEMA.CREATE", "ns.t", "id:integer")
        assert_silent(server, subscriber, "__table@2__:end")


BLOCKS = [  # who waits, and who serves it
    ("BLPOP a b 0", "RPUSH b 1"), ("BRPOP a 0", "LPUSH a 1"), ("BLMOVE a d LEFT RIGHT 0", "RPUSH a 1"), ("BRPOPLPUSH a a 0", "RPUSH a 1"),
    ("BLMPOP 0 2 q r LEFT COUNT 2", "RPUSH r 1 2 3"), ("BZPOPMIN z 0", "ZADD z 1 m"), ("BZMPOP 0 1 z MAX", "ZADD z 1 m 2 n"),
    ("XREAD BLOCK 0 STREAMS s $", "XADD s 1-1 f v"),
]


def events_of_blocked(server):
    """The events of each pair of BLOCKS."""
    found = []
    with server.connect() as client:
        reader = EventReader(server, client)
        for waits, serves in BLOCKS:
            with server.connect() as blocked:
                blocked.send(*waits.split())
                wait_until(lambda: b"blocked_clients:1\r" in client.run("INFO", "clients"))
                client.run(*serves.split())
                assert blocked.read()[0] != "-"
            wait_until(lambda: b"blocked_clients:0\r" in client.run("INFO", "clients"))
            found.append((waits, reader.take()))
        reader.close()
    return found


def test_blocked_clients_that_are_served_tell_what_redis_tells(server, start):
    assert events_of_blocked(server) == events_of_blocked(start(kind="redis"))
