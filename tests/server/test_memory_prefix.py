"""MEMORY PREFIX: keys and bytes by the beginnings of names, in a bounded answer."""

import select

import pytest

from harness.process import SLOWDOWN
from harness.resp import plain


def prefix(client, *words):
    client.run("HELLO", 3)
    return client.run("MEMORY", "PREFIX", *words)


def rows(reply):
    return {row[b"prefix"]: (row[b"keys"], row[b"bytes"]) for row in reply[b"prefixes"]}


@pytest.mark.parametrize("words", [["DELIM"], ["DEPTH"], ["COUNT"], ["NOTHING", "1"], ["DEPTH", "1", "DEPTH", "2"]])
def test_wrong_words_are_syntax_errors(client, words):
    assert client.call("MEMORY", "PREFIX", *words) == ("-", b"ERR syntax error")


def test_numbers_out_of_range_are_errors(client):
    for words, text in (
            (["DEPTH", "0"], b"ERR DEPTH must be between 1 and 32"), (["depth", "33"], b"ERR depth must be between 1 and 32"),
            (["COUNT", "1001"], b"ERR COUNT must be between 1 and 1000"), (["DELIM", ""], b"ERR DELIM must have 1 to 16 bytes"),
            (["DELIM", "x" * 17], b"ERR DELIM must have 1 to 16 bytes"),
            (["COUNT", "x"], b"ERR value is not an integer or out of range")):
        assert client.call("MEMORY", "PREFIX", *words) == ("-", text)


def test_bytes_add_up(client):
    names = ["user:%d:name" % number for number in range(200)] + ["user:%d" % number for number in range(100)]
    names += ["log:2024:%d" % number for number in range(50)] + ["alone", "other"]
    client.pipeline(["SET", name, "x" * len(name) * 9] for name in names)
    usage = {name: client.run("MEMORY", "USAGE", name) for name in names}

    def of(start, end=""):
        found = [usage[name] for name in names if name.startswith(start) and name.endswith(end)]
        return len(found), sum(found)

    reply = prefix(client)
    assert reply[b"keys"] == len(names) and reply[b"bytes"] == sum(usage.values()) and reply[b"exact"] == 1
    assert rows(reply) == {b"user:": of("user:"), b"log:": of("log:"), b"": (2, usage["alone"] + usage["other"])}
    assert reply[b"other"] == {b"keys": 0, b"bytes": 0}
    deep = rows(prefix(client, "DEPTH", 2, "COUNT", 1000))
    assert deep[b"log:2024:"] == of("log:2024:") and deep[b"user:7:"] == of("user:7:", "name")
    assert deep[b"user:"] == (100, sum(usage["user:%d" % number] for number in range(100)))
    few = prefix(client, "DEPTH", 2, "COUNT", 1)
    assert len(few[b"prefixes"]) == 1
    assert few[b"prefixes"][0][b"bytes"] + few[b"other"][b"bytes"] == sum(usage.values())
    assert set(rows(prefix(client, "DELIM", "er:"))) == {b"user:", b""}
    client.run("SELECT", 1)
    assert prefix(client) == {b"keys": 0, b"bytes": 0, b"exact": 1, b"prefixes": [], b"other": {b"keys": 0, b"bytes": 0}}


def test_long_names_count_for_what_fits(client):
    client.run("SET", "a:" + "x" * 500 + ":b:c", "1")
    client.run("SET", "y" * 300 + ":z", "1")
    assert set(rows(prefix(client, "DEPTH", 3))) == {b"a:", b""}


def test_too_many_prefixes_are_merged(client):
    count = int(60 / SLOWDOWN) * 1000 or 1000
    for first in range(0, count, 1000):
        client.pipeline(["SET", "p%d:k" % number, "v"] for number in range(first, first + 1000))
    client.pipeline(["SET", "big:%d" % number, "v" * 100] for number in range(500))
    before = client.info("memory")["used_memory"]
    reply = prefix(client, "COUNT", 10)
    assert reply[b"keys"] == count + 500 and len(reply[b"prefixes"]) == 10
    assert reply[b"prefixes"][0][b"prefix"] == b"big:"
    total = sum(row[b"keys"] for row in reply[b"prefixes"]) + reply[b"other"][b"keys"]
    assert total == reply[b"keys"]
    assert sum(row[b"bytes"] for row in reply[b"prefixes"]) + reply[b"other"][b"bytes"] == reply[b"bytes"]
    assert reply[b"exact"] == (1 if count < 8000 else 0)
    assert reply[b"bytes"] == client.run("MEMORY", "STATS")[b"type.string"]
    assert abs(int(client.info("memory")["used_memory"]) - int(before)) < 100_000


@pytest.mark.slow
@pytest.mark.timing
def test_a_million_prefixes_take_bounded_memory(server, client):
    """What the command itself needs is a few megabytes, whatever it finds, and is given back; the answer has COUNT rows."""
    count = 1_000_000
    for first in range(0, count, 1000):
        client.run("MSET", *[word for number in range(first, first + 1000) for word in ("p%07d:k" % number, "v")])
    client.run("HELLO", 3)
    for words in ((), ("COUNT", 1000, "DEPTH", 32)):
        before = int(client.info("memory")["used_memory"])
        highest, looks = before, 0
        with server.connect() as asker:
            asker.run("HELLO", 3)
            asker.send("MEMORY", "PREFIX", *words)
            while not select.select([asker.socket], [], [], 0)[0]:
                highest = max(highest, int(client.info("memory")["used_memory"]))
                looks += 1
            reply = plain(asker.read())
        assert looks > 0 and highest - before < 3 << 20, (looks, highest - before)
        assert reply[b"keys"] == count and reply[b"exact"] == 0 and len(reply[b"prefixes"]) == (1000 if words else 100)
        assert sum(row[b"keys"] for row in reply[b"prefixes"]) + reply[b"other"][b"keys"] == count
        assert abs(int(client.info("memory")["used_memory"]) - before) < 100_000


def test_progress_is_shown_and_ends_with_the_client(server, client):
    count = int(50 / SLOWDOWN) * 1000 or 1000
    for first in range(0, count, 1000):
        client.pipeline(["SET", "p%d:k" % number, "v"] for number in range(first, first + 1000))
    client.run("HELLO", 3)
    with server.connect() as asker:
        asker.send("MEMORY", "PREFIX")
        stats = client.run("MEMORY", "STATS")
        assert stats[b"prefix.jobs"] in (0, 1) and stats[b"prefix.keys-expected"] in (0, count)
        assert stats[b"prefix.keys-seen"] <= count
    stats = client.run("MEMORY", "STATS")
    for _ in range(1000):
        if stats[b"prefix.jobs"] == 0:
            break
        stats = client.run("MEMORY", "STATS")
    assert [stats[name] for name in (b"prefix.jobs", b"prefix.keys-expected", b"prefix.keys-seen")] == [0, 0, 0]
