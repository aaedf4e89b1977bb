"""LMOVEM and BLMOVEM (Redis 8.10): several items from list to list. Expected replies: the documentation of Redis; the rest a model."""

import random

import pytest

from harness.resp import plain
from test_blocking import run, wait_blocked
from test_effects import feed, words  # noqa: F401

MANY = 3000     # more than are moved in one step


def model(source, target, is_same, source_end, target_end, count, is_bulk):
    """Both lists afterwards, and the reply."""
    taken = source[:count] if source_end == "LEFT" else source[len(source) - count:]
    rest = source[count:] if source_end == "LEFT" else source[:len(source) - count]
    popped = taken if source_end == "LEFT" else taken[::-1]
    moved = taken if is_bulk else popped[::-1] if target_end == "LEFT" else popped
    target = rest if is_same else target
    target = moved + target if target_end == "LEFT" else target + moved
    return (target if is_same else rest), target, moved


def lists(connection, *keys):
    return [[item.decode() for item in connection.run("LRANGE", key, "0", "-1")] for key in keys]


def check(connection, source, target, is_same, words):
    keys = ("k", "k") if is_same else ("k", "to")
    connection.run("DEL", "k", "to")
    connection.run("RPUSH", "k", *source)
    if target and not is_same:
        connection.run("RPUSH", "to", *target)
    source_end, target_end, selector, count, order = words
    reply = connection.run("LMOVEM", *keys, source_end, target_end, selector, count, order)
    if selector == "EXACTLY" and count > len(source):
        assert reply is None
        assert lists(connection, "k") == [source]
        return
    rest, added, moved = model(source, target, is_same, source_end, target_end, min(count, len(source)), order == "BULK")
    assert [item.decode() for item in reply] == moved
    assert lists(connection, *keys) == [rest, added]
    assert connection.run("EXISTS", "k") == (1 if rest else 0)


@pytest.mark.parametrize("is_same", (False, True), ids=("two keys", "one key"))
def test_every_way(client, is_same):
    for source_end in ("LEFT", "RIGHT"):
        for target_end in ("LEFT", "RIGHT"):
            for selector in ("COUNT", "EXACTLY"):
                for order in ("OBO", "BULK"):
                    for count in (1, 2, 4, 5):
                        for target in ([], ["x", "12"]):
                            check(client, ["a", "1", "c", "d"], target, is_same, (source_end, target_end, selector, count, order))


@pytest.mark.parametrize("is_same", (False, True), ids=("two keys", "one key"))
@pytest.mark.parametrize("size", (500, MANY), ids=("at once", "in steps"))
def test_long_lists(client, size, is_same):
    rng = random.Random("%d %s" % (size, is_same))
    source = ["%d" % number if number % 3 else "item-%d" % number for number in range(size)]
    for source_end in ("LEFT", "RIGHT"):
        for target_end in ("LEFT", "RIGHT"):
            words = (source_end, target_end, "COUNT", rng.choice((size - 1, size // 2 + 20, size)), rng.choice(("OBO", "BULK")))
            check(client, source, ["x", "y"], is_same, words)


def test_as_documented(client):
    client.run("RPUSH", "mylist", "1", "2", "3", "4")
    assert run(client, "LMOVEM mylist other LEFT LEFT COUNT 2 OBO") == [b"2", b"1"]
    assert run(client, "LMOVEM mylist other left left exactly 5 bulk") is None
    assert run(client, "LMOVEM mylist other LEFT RIGHT") == [b"3"]
    assert lists(client, "mylist", "other") == [["4"], ["2", "1", "3"]]
    assert run(client, "LMOVEM none other LEFT LEFT") == []
    assert run(client, "LMOVEM none other LEFT LEFT COUNT 2 OBO") == []
    assert run(client, "LMOVEM none other LEFT LEFT EXACTLY 2 OBO") is None


def test_errors(client):
    client.run("SET", "text", "x")
    client.run("RPUSH", "k", "a")
    wrong = "WRONGTYPE Operation against a key holding the wrong kind of value"
    for name, time in (("LMOVEM", ""), ("BLMOVEM", " 0")):
        assert run(client, name + " k text LEFT LEFT" + time) == wrong
        assert run(client, name + " text k LEFT LEFT" + time) == wrong
        for words in ("COUNT 1", "COUNT 1 BOGUS", "BOGUS 1 OBO", "COUNT 1 OBO BULK", "OBO", "COUNT"):
            assert run(client, "%s k to LEFT LEFT%s %s" % (name, time, words)) == "ERR syntax error"
        for count in ("0", "-1", "x"):
            assert run(client, "%s k to LEFT LEFT%s COUNT %s OBO" % (name, time, count)) == "ERR count should be greater than 0"
        assert run(client, "%s k to LEFT UP%s" % (name, time)) == "ERR syntax error"
    assert run(client, "BLMOVEM k to LEFT LEFT x") == "ERR timeout is not a float or out of range"
    assert lists(client, "k") == [["a"]]


def test_what_wakes(server):
    with server.connect() as ours, server.connect() as other:
        ours.send(*"BLMOVEM k to LEFT RIGHT 0 COUNT 3 BULK".split())
        wait_blocked(other, 1)
        other.run("RPUSH", "k", "a", "b")
        assert plain(ours.read()) == [b"a", b"b"]
        ours.send(*"BLMOVEM k to RIGHT LEFT 0 EXACTLY 3 OBO".split())
        wait_blocked(other, 1)
        other.run("RPUSH", "k", "c", "d")
        wait_blocked(other, 1)
        assert lists(other, "k", "to") == [["c", "d"], ["a", "b"]]
        other.run("RPUSH", "k", "e", "f")
        assert plain(ours.read()) == [b"d", b"e", b"f"]
        assert lists(other, "k", "to") == [["c"], ["d", "e", "f", "a", "b"]]
        assert run(ours, "BLMOVEM none to LEFT LEFT 0.01") is None
        assert run(ours, "BLMOVEM k to LEFT LEFT 0.01 EXACTLY 2 OBO") is None
        ours.run("MULTI")
        ours.run(*"BLMOVEM k to LEFT LEFT 0 EXACTLY 2 OBO".split())
        assert ours.run("EXEC") == [None]


def test_how_it_is_repeated(feed):
    """With its own words; one that blocks as one that does not, with what it has moved. On two shards each has its own part."""
    feed.client.run("RPUSH", "{a}k", "1", "2", "3")
    feed.client.run(*"LMOVEM {a}k {a}to LEFT LEFT COUNT 2 OBO".split())
    feed.client.run(*"BLMOVEM {a}k {a}to LEFT LEFT 0 COUNT 9 BULK".split())
    told = [effect for effect in feed.effects_since() if effect[0] != b"SELECT"]
    assert told[-2:] == [words("LMOVEM {a}k {a}to LEFT LEFT COUNT 2 OBO"), words("LMOVEM {a}k {a}to LEFT LEFT EXACTLY 1 BULK")]
    if feed.server.shards > 1:
        keys = ["{%d}k" % number for number in range(20)]
        for key in keys:
            feed.client.run("RPUSH", key, "1", "2", "3")
            feed.effects_since()
            feed.client.run("LMOVEM", key, "other", "LEFT", "LEFT", "COUNT", "2", "OBO")
            told = [effect for effect in feed.effects_since() if effect[0] != b"SELECT"]
            own = [words("LMOVEM %s other LEFT LEFT COUNT 2 OBO" % key)]
            assert told == own or sorted(told) == sorted([words("LPUSH other 1 2"), words("LPOP %s 2" % key)])
