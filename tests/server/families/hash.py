"""Hashes: single fields, counters, whole ones, samples; small ones, big ones, and the way between them."""

from .arguments import (FLOATS, INTEGERS, NOT_INTEGERS, few_or_many, integer, key, maybe, number, one_of, options, pattern, picks,
                        seconds, several, value)

FIELDS = [b"f", b"g", b"h", b"", b"1", b"2", b"-1", b"127", b"128", b"4096", b"01", b"-0", b"nul\x00", b"\xff", b"{tag}",
          b"9" * 18, b"9223372036854775807", b"9223372036854775808", b"k" * 63, b"k" * 64, b"k" * 65]


def field(rng):
    """A field of a small pool, or one of many."""
    kind = rng.random()
    if kind < 0.7:
        return rng.choice(FIELDS)
    return b"field:%d" % rng.randrange(400) if kind < 0.85 else b"%d" % (rng.randrange(400) ** 3 - 1000)


def wide(rng):
    """A field of so many that a hash becomes big."""
    return b"field:%d" % rng.randrange(3000)


def short(rng):
    """A value that is mostly short, so that hashes stay small."""
    kind = rng.random()
    if kind < 0.45:
        return bytes(rng.choices(b"abc 01\x00\xff\r\n", k=rng.randrange(0, 20)))
    if kind < 0.6:
        return rng.choice(INTEGERS + FLOATS + NOT_INTEGERS)
    if kind < 0.9:
        return b"%d" % (rng.randrange(-2, 3) * 2 ** rng.randrange(62) + rng.randrange(-1, 2))
    return value(rng) if kind < 0.92 else b"v" * rng.choice([62, 63, 64])


def few(rng):
    return b"%d" % rng.choice([0, 1, 1, 2, 3, 5, 10, 100, 1000, -1, -1, -2, -3, -10, -600])


def bad_count(rng):
    return rng.choice([b"x", b"", b"1.5", b"9223372036854775808", b"-9223372036854775808", b"0", b"01"])


def read_all(where):
    return [b"HGETALL", where]


def read_keys(where):
    return [b"HKEYS", where]


SCAN_OPTIONS = options((b"MATCH", pattern), (b"COUNT", one_of(b"1", b"10", b"1000", b"100000", b"0", b"-1", b"x")), (b"BOGUS",),
                       (b"TYPE", b"hash"), (b"NOVALUE",))

CONFIGS = (
    {},
    {"hash-max-listpack-entries": "4", "hash-max-listpack-value": "8"},
    {"hash-max-listpack-entries": "20", "hash-max-listpack-value": "64"},
    {"hash-max-listpack-entries": "0"},
    {"hash-max-ziplist-entries": "1000", "hash-max-ziplist-value": "1000"},
)

ROWS = [
    (14, b"HSET", key, few_or_many(field, short)),
    (1, b"HSET", key, several(field, value)),
    (1, b"HSET", key, several(wide, short, least=500, most=1500)),
    (3, b"HMSET", key, several(field, short)),
    (5, b"HSETNX", key, field, short),
    (8, b"HGET", key, field),
    (4, b"HMGET", key, several(field)),
    (6, b"HDEL", key, several(field)),
    (1, b"HDEL", key, few_or_many(field, chance=0.5)),
    (3, b"HLEN", key),
    (3, b"HSTRLEN", key, field),
    (3, b"HEXISTS", key, field),
    (6, b"HINCRBY", key, field, integer),
    (6, b"HINCRBYFLOAT", key, field, number),
    (4, b"HGETALL", key),
    (2, b"HKEYS", key),
    (2, b"HVALS", key),
    (4, b"HSCAN", key, one_of(b"0", b"0", b"0", b"00", b"", b"x", b"-1"), SCAN_OPTIONS),
    (2, picks(b"HRANDFIELD", read_all, key, few, b"WITHVALUES")),
    (2, picks(b"HRANDFIELD", read_keys, key, few)),
    (1, b"HRANDFIELD", key),
    (1, b"HRANDFIELD", key, bad_count, maybe(one_of(b"WITHVALUES", b"withvalues", b"BOGUS", b"1"))),
    (1, b"HRANDFIELD", key, b"0", b"WITHVALUES", maybe(b"BOGUS")),
    (4, b"OBJECT", b"ENCODING", key),
    (1, b"TYPE", key),
    (1, b"SET", key, short),
    (1, b"GET", key),
    (1, b"APPEND", key, short),
    (1, b"EXPIRE", key, seconds),
    (1, b"PERSIST", key),
    (1, b"RENAME", key, key),
    (1, b"COPY", key, key, maybe(b"REPLACE")),
    (2, b"DEL", key),
]
