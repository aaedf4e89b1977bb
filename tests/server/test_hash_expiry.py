"""Fields of hashes with times: they go when they are looked at and in time, are told and repeated, and stay in files."""

import time

import pytest

from harness.resp import encode, plain

from test_effects_of_collections import MARKER, X, as_words, effects_of

FAR = b"2000000000000"
DEBUG = ("--enable-debug-command", "yes")
MANY = 5000


def names(count):
    return [b"field:%d" % number for number in range(count)]


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


# What is there, the command, its effects.
ROWS = (
    ("a time", [["HSET", X, "f", "v", "g", "v"]], ["HPEXPIREAT", X, FAR, "FIELDS", "2", "f", "none"],
     [["HPEXPIREAT", X, FAR, "FIELDS", "1", "f"]]),
    ("a condition", [["HSET", X, "f", "v", "g", "v"], ["HPEXPIREAT", X, FAR, "FIELDS", "1", "f"]],
     ["HEXPIREAT", X, "2000000000", "NX", "FIELDS", "2", "f", "g"], [["HPEXPIREAT", X, FAR, "FIELDS", "1", "g"]]),
    ("nothing", [["HSET", X, "f", "v"]], ["HEXPIRE", X, "10", "XX", "FIELDS", "1", "f"], []),
    ("past", [["HSET", X, "f", "v", "g", "v"]], ["HEXPIREAT", X, "1", "FIELDS", "2", "f", "none"], [["HDEL", X, "f"]]),
    ("all past", [["HSET", X, "f", "v"]], ["HEXPIRE", X, "0", "FIELDS", "1", "f"], [["HDEL", X, "f"]]),
    ("no time", [["HSET", X, "f", "v"], ["HPEXPIREAT", X, FAR, "FIELDS", "1", "f"]], ["HPERSIST", X, "FIELDS", "2", "f", "none"],
     [["HPERSIST", X, "FIELDS", "1", "f"]]),
    ("got", [["HSET", X, "f", "v"]], ["HGETEX", X, "FIELDS", "1", "f"], []),
    ("got with a time", [["HSET", X, "f", "v"]], ["HGETEX", X, "PXAT", FAR, "FIELDS", "2", "f", "none"],
     [["HPEXPIREAT", X, FAR, "FIELDS", "1", "f"]]),
    ("got without", [["HSETEX", X, "PXAT", FAR, "FIELDS", "1", "f", "v"]], ["HGETEX", X, "PERSIST", "FIELDS", "1", "f"],
     [["HPERSIST", X, "FIELDS", "1", "f"]]),
    ("set", [], ["HSETEX", X, "FNX", "EXAT", "2000000000", "FIELDS", "1", "f", "v"],
     [["HSETEX", X, "PXAT", FAR, "FIELDS", "1", "f", "v"]]),
    ("set without", [], ["HSETEX", X, "FIELDS", "1", "f", "v"], [["HSETEX", X, "FIELDS", "1", "f", "v"]]),
    ("set and kept", [], ["HSETEX", X, "KEEPTTL", "FIELDS", "1", "f", "v"], [["HSETEX", X, "KEEPTTL", "FIELDS", "1", "f", "v"]]),
    ("set in the past", [["HSET", X, "f", "v"]], ["HSETEX", X, "PXAT", "1", "FIELDS", "2", "f", "v", "g", "v"], [["HDEL", X, "f"]]),
    ("a sum keeps the time", [["HSETEX", X, "PXAT", FAR, "FIELDS", "1", "f", "1"]], ["HINCRBYFLOAT", X, "f", "0.5"],
     [["HSETEX", X, "KEEPTTL", "FIELDS", "1", "f", "1.5"]]),
)


@pytest.mark.heavy
@pytest.mark.parametrize("name, before, command, effects", ROWS, ids=[row[0] for row in ROWS])
def test_effects_name_the_fields_that_were_changed(start, name, before, command, effects):
    server = start(*DEBUG, shards=2)
    assert effects_of(server, before, command) == [as_words(words) for words in effects], name


def test_a_field_that_ends_is_a_deletion_to_others(start):
    server = start(*DEBUG, "--notify-keyspace-events", "KA", shards=1)
    with server.connect() as connection, server.connect() as feed, server.connect() as listener:
        connection.run("HSET", "h", "a", "1", "b", "2")
        listener.run("PSUBSCRIBE", "__keyspace@0__:h")
        feed.run("DEBUG", "EFFECTS")
        connection.run("HPEXPIRE", "h", "5", "FIELDS", "1", "a")
        wait_until(lambda: connection.run("HLEN", "h") == 1)
        connection.run("HPEXPIRE", "h", "5", "FIELDS", "1", "b")
        wait_until(lambda: connection.run("DBSIZE") == 0)
        connection.run(*MARKER)
        data = feed.read_until(encode(*MARKER))
        assert data.index(encode("HDEL", "h", "a")) < data.index(encode("HDEL", "h", "b"))
        told = [plain(listener.read())[-1] for _ in range(5)]
        assert told == [b"hexpire", b"hexpired", b"hexpire", b"hexpired", b"del"]


def test_ends_when_it_is_looked_at(start):
    server = start(*DEBUG, shards=1)
    with server.connect() as connection:
        connection.run("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        connection.run("HSET", "h", "a", "1", "b", "2", "c", "3")
        connection.run("HPEXPIRE", "h", "1", "FIELDS", "2", "a", "b")
        time.sleep(0.02)
        assert connection.run("HLEN", "h") == 1
        assert connection.run("HGETALL", "h") == {b"c": b"3"} or connection.run("HGETALL", "h") == [b"c", b"3"]
        assert connection.run("HSCAN", "h", "0") == [b"0", [b"c", b"3"]]
        assert connection.run("HRANDFIELD", "h", "5") == [b"c"]
        assert connection.run("HMGET", "h", "a", "c") == [None, b"3"]
        connection.run("HPEXPIRE", "h", "1", "FIELDS", "1", "c")
        time.sleep(0.02)
        assert connection.run("HGET", "h", "c") is None
        assert connection.run("EXISTS", "h") == 0
        assert b"expired_subkeys:3\r\n" in connection.run("INFO", "stats")


def test_what_is_more_than_a_look_removes_is_hidden(start):
    server = start(*DEBUG, shards=1)
    with server.connect() as connection:
        connection.run("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        fields = names(2 * MANY)
        connection.run("HSET", "h", *[word for field in fields for word in (field, b"v")])
        assert connection.run("HPEXPIRE", "h", "1000", "FIELDS", str(len(fields) - 3), *fields[3:]) == [1] * (len(fields) - 3)
        time.sleep(1.1)
        assert set(connection.run("HKEYS", "h")) == set(fields[:3])
        assert set(connection.run("HRANDFIELD", "h", "10")) == set(fields[:3])
        assert connection.run("HRANDFIELD", "h") in fields[:3]
        cursor, found = b"0", []
        while True:
            cursor, some = connection.run("HSCAN", "h", cursor, "COUNT", "1000", "NOVALUES")
            found += some
            if cursor == b"0":
                break
        assert set(found) == set(fields[:3])
        assert connection.run("HGET", "h", fields[-1]) is None
        assert connection.run("HSET", "h", fields[-1], "new") == 1
        assert connection.run("HDEL", "h", fields[-2]) == 0
        assert connection.run("HTTL", "h", "FIELDS", "2", fields[-1], fields[-3]) == [-1, -2]
        assert connection.run("HLEN", "h") > 4  # Redis counts what has not been removed, too
        connection.run("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        wait_until(lambda: connection.run("HLEN", "h") == 4)


def test_many_fields_go_in_steps_and_as_one_command(start):
    server = start(*DEBUG, shards=2)
    with server.connect() as connection:
        fields = names(MANY)
        pairs = [word for field in fields for word in (field, b"v")]
        assert connection.run("HSETEX", "h", "FNX", "PXAT", FAR, "FIELDS", str(MANY), *pairs) == 1
        assert connection.run("HSETEX", "h", "FNX", "FIELDS", str(MANY), *pairs) == 0
        assert connection.run("HSETEX", "h", "FXX", "KEEPTTL", "FIELDS", str(MANY), *pairs) == 1
        assert connection.run("HPEXPIRETIME", "h", "FIELDS", str(MANY), *fields) == [int(FAR)] * MANY
        assert connection.run("HGETEX", "h", "PERSIST", "FIELDS", str(MANY), *fields) == [b"v"] * MANY
        assert connection.run("HPERSIST", "h", "FIELDS", str(MANY), *fields) == [-1] * MANY
        assert connection.run("HPEXPIREAT", "h", FAR, "FIELDS", str(MANY), *fields) == [1] * MANY
        assert connection.run("COPY", "h", "copy") == 1
        assert connection.run("HPEXPIRETIME", "copy", "FIELDS", "2", fields[0], fields[-1]) == [int(FAR)] * 2
        assert connection.run("DEBUG", "DIGEST-VALUE", "h") == connection.run("DEBUG", "DIGEST-VALUE", "copy")
        assert connection.run("HEXPIREAT", "h", "1", "FIELDS", str(MANY), *fields) == [2] * MANY
        assert connection.run("EXISTS", "h") == 0
        assert connection.run("OBJECT", "ENCODING", "copy") == b"hashtable"


def test_times_stay_in_snapshots_and_logs(start):
    server = start(*DEBUG, "--appendonly", "yes", shards=2)
    with server.connect() as connection:
        connection.run("HSETEX", "small", "PXAT", FAR, "FIELDS", "1", "f", "v")
        connection.run("HSET", "small", "g", "1")
        connection.run("HSETEX", "large", "PXAT", FAR, "FIELDS", "1000", *[w for f in names(1000) for w in (f, b"v")])
        connection.run("HSET", "short", "f", "v")
        connection.run("HPEXPIRE", "short", "1", "FIELDS", "1", "f")
        connection.run("HINCRBYFLOAT", "small", "f2", "1.5")
        wait_until(lambda: connection.run("DBSIZE") == 2)
        digest = connection.run("DEBUG", "DIGEST")
        for way in (("DEBUG", "LOADAOF"), ("DEBUG", "RELOAD")):
            connection.run(*way)
            assert connection.run("DEBUG", "DIGEST") == digest, way
            assert connection.run("HPEXPIRETIME", "small", "FIELDS", "2", "f", "g") == [int(FAR), -1]
            assert connection.run("HPEXPIRETIME", "large", "FIELDS", "1", "field:7") == [int(FAR)]
            assert b"subexpiry=2" in connection.run("INFO", "keyspace")


def test_a_digest_sees_that_there_are_times(start):
    server = start(*DEBUG, shards=1)
    with server.connect() as connection:
        connection.run("HSET", "a", "f", "v")
        connection.run("HSETEX", "b", "PXAT", FAR, "FIELDS", "1", "f", "v")
        connection.run("HSETEX", "c", "EX", "100", "FIELDS", "1", "f", "v")
        a, b, c = connection.run("DEBUG", "DIGEST-VALUE", "a", "b", "c")
        assert a != b and b == c


def test_payloads_say_a_version_that_older_servers_refuse(start):
    server = start(shards=1)
    with server.connect() as connection:
        connection.run("HSETEX", "h", "PXAT", FAR, "FIELDS", "1", "f", "v")
        payload = connection.run("DUMP", "h")
        assert payload[:1] == b"\x18" and payload[-10:-8] == b"\x0c\x00"
        assert connection.run("RESTORE", "i", "0", payload) == b"OK"
        assert connection.run("HPEXPIRETIME", "i", "FIELDS", "1", "f") == [int(FAR)]
        connection.run("HPERSIST", "h", "FIELDS", "1", "f")
        payload = connection.run("DUMP", "h")
        assert payload[:1] == b"\x10" and payload[-10:-8] == b"\x0a\x00"
