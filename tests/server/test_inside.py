"""Commands that run inside another (DEBUG INSIDE): the same replies, counted the same, and an error instead of waiting."""

import os
import random

import pytest

from differential import SHOWN_MAX, run_family
from families import FAMILIES
from harness.process import SLOWDOWN
from harness.resp import wait_until

DEBUG = ("--enable-debug-command", "yes")
COUNT = int(8000 / SLOWDOWN)
BIG = 30_000


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.parametrize("family", FAMILIES)
def test_answers_random_commands_as_redis_does(family, shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    result = run_family(family, shards, COUNT, seed, seconds=0.7, inside=True)
    wrong = result.texts[:SHOWN_MAX] + result.problems
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


@pytest.fixture
def server(start, shards):
    return start(*DEBUG, shards=shards)


@pytest.fixture
def connection(server):
    with server.connect() as connection:
        yield connection


def inside(connection, *words):
    return connection.call("DEBUG", "INSIDE", *words)


def test_says_why_a_command_cannot_run(connection):
    assert inside(connection, "NOSUCH")[1].startswith(b"ERR unknown command 'NOSUCH'")
    assert inside(connection, "GET") == ("-", b"ERR wrong number of arguments for 'get' command")
    assert inside(connection, "XGROUP", "NOSUCH", "k") == connection.call("XGROUP", "NOSUCH", "k")
    assert inside(connection, "CLIENT", "LIST")[1] == b"ERR this command asks all threads, which a command inside another cannot"
    deep = ["DEBUG", "INSIDE"] * 3
    assert inside(connection, *deep, "PING") == ("+", b"PONG")
    assert inside(connection, *deep, "DEBUG", "INSIDE", "PING") == ("-", b"ERR too many commands inside each other")


def test_drives_a_job_to_its_end(connection):
    for start in range(0, BIG, 1000):
        connection.run("HSET", "h", *[word for i in range(start, start + 1000) for word in (i, i)])
    assert sorted(inside(connection, "HGETALL", "h")[1]) == sorted(connection.call("HGETALL", "h")[1])
    assert inside(connection, "COPY", "h", "copy") == (":", 1)
    assert connection.run("HLEN", "copy") == BIG
    assert inside(connection, "FLUSHALL") == ("+", b"OK")
    assert connection.run("DBSIZE") == 0


def test_counts_as_any_command(connection):
    connection.run("CONFIG", "RESETSTAT")
    connection.run("CONFIG", "SET", "slowlog-log-slower-than", "0")
    inside(connection, "SET", "k", "v")
    inside(connection, "GET", "k")
    inside(connection, "INCR", "k")
    inside(connection, "INCR", "k", "too many")
    connection.run("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    stats = connection.info("commandstats")
    assert stats["cmdstat_set"].startswith("calls=1,") and stats["cmdstat_get"].startswith("calls=1,")
    assert stats["cmdstat_incr"].startswith("calls=1,") and stats["cmdstat_incr"].endswith("rejected_calls=1,failed_calls=1")
    assert connection.info("errorstats")["errorstat_ERR"] == "count=2"
    logged = [entry[3] for entry in connection.run("SLOWLOG", "GET", "-1")]
    assert [b"GET", b"k"] in logged and [b"DEBUG", b"INSIDE", b"GET", b"k"] in logged
    assert connection.info("stats")["keyspace_hits"] == "1"


def test_does_not_wait_for_a_job_that_reads_the_key(connection, server):
    """Another client reads a large hash in steps again and again; now and then a write inside comes upon it and is told to try again."""
    for start in range(0, BIG, 1000):
        connection.run("HSET", "h", *[word for i in range(start, start + 1000) for word in (i, i)])
    with server.connect() as reader:
        answers = set()

        def has_seen_both():
            reader.send("HGETALL", "h")
            for _ in range(50):
                answers.add(inside(connection, "HSET", "h", "0", "0"))
            reader.read()
            return len(answers) == 2
        wait_until(has_seen_both, 60 * SLOWDOWN, "a write while the hash is read, and one while it is not")
        assert (":", 0) in answers
        assert any(kind == "-" and text.startswith(b"TRYAGAIN ") for kind, text in answers)
        assert connection.run("HLEN", "h") == BIG


def test_does_not_wait_for_a_locked_table(connection, server):
    connection.run("TABLE.NAMESPACE.CREATE", "ns")
    connection.run("TABLE.SCHEMA.CREATE", "ns.t", "a:integer", "b:string")
    for _ in range(20):
        connection.pipeline([("TABLE.INSERT", "ns.t", "a=1", "b=x")] * 1000)
    assert inside(connection, "TABLE.INSERT", "ns.t", "a=2", "b=y")[0] in ":$+"
    with server.connect() as writer:
        answers = set()

        def has_seen_both():
            writer.send("TABLE.UPDATE", "ns.t", "WHERE", "a=1", "SET", "b=z")
            for _ in range(50):
                kind, value = inside(connection, "TABLE.INSERT", "ns.t", "a=2", "b=y")
                answers.add(value[:9] if kind == "-" else kind)
            assert writer.read()[0] == ":"
            return len(answers) == 2
        wait_until(has_seen_both, 60 * SLOWDOWN, "an insert while the table is locked, and one while it is not")
        assert b"TRYAGAIN " in answers
