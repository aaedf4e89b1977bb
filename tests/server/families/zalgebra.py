"""Unions, intersections and differences of sorted sets and sets, replied, stored and counted."""

from .arguments import few_or_many, integer, key, maybe, number, one_of, options, several

MEMBERS = [b"f", b"g", b"h", b"i", b"", b"1", b"2", b"-1", b"01", b"nul\x00", b"\xff", b"k" * 64, b"k" * 65, b"k" * 300]
SCORES = [b"0", b"1", b"2", b"-1", b"1.5", b"0.1", b"1e17", b"inf", b"-inf", b"5e-324", b"1e308", b"-1e308", b"4611686018427387905",
          b"9007199254740993"]


def member(rng):
    return rng.choice(MEMBERS) if rng.random() < 0.7 else b"%d" % rng.randrange(200)


def score(rng):
    return rng.choice(SCORES) if rng.random() < 0.6 else b"%d" % rng.randrange(-20, 20)


def wide(rng):
    return b"wide:%d" % rng.randrange(2000) if rng.random() < 0.7 else b"%d" % rng.randrange(2000)


def weight(rng):
    return rng.choice([b"1", b"2", b"0", b"-1", b"0.5", b"inf", b"-inf", b"1e308", b"3"]) if rng.random() < 0.95 else number(rng)


def sources(rng):
    """numkeys and keys, mostly as many."""
    keys = [key(rng) for _ in range(rng.choice([1, 1, 2, 2, 2, 3, 3, 4, 6]))]
    count = len(keys) if rng.random() < 0.92 else rng.choice([0, -1, 1, 2, 5, "x", "", "9223372036854775807"])
    return [str(count).encode(), *keys]


def weighted(rng):
    """Sources, now and then with as many weights."""
    words = sources(rng)
    if rng.random() < 0.5:
        count = len(words) - 1 if rng.random() < 0.95 else rng.randrange(5)
        words += [b"WEIGHTS", *[weight(rng) for _ in range(count)]]
    return words


AGGREGATE = (b"AGGREGATE", one_of(b"SUM", b"MIN", b"MAX", b"sum", b"AVG"))
UNION_OPTIONS = options(AGGREGATE, (b"WITHSCORES",), (b"WITHSCORES",), (b"BOGUS",), (b"LIMIT", b"1"), most=2)
STORE_OPTIONS = options(AGGREGATE, AGGREGATE, AGGREGATE, AGGREGATE, (b"WITHSCORES",), (b"WEIGHTS", b"1"), most=2)
DIFF_OPTIONS = options((b"WITHSCORES",), (b"WITHSCORES",), (b"WITHSCORES",), (b"BOGUS",), AGGREGATE, (b"WEIGHTS", b"1"), most=1)
CARD_OPTIONS = options((b"LIMIT", one_of(b"0", b"1", b"2", b"50", b"100000", b"-1", b"x", integer)), (b"BOGUS",), (b"WITHSCORES",),
                       most=1)

CONFIGS = ({}, {"zset-max-listpack-entries": "8"}, {"zset-max-listpack-value": "8"}, {"zset-max-listpack-entries": "1000"})

ROWS = [
    (20, b"ZADD", key, few_or_many(score, member)),
    (8, b"SADD", key, few_or_many(member)),
    (3, b"ZADD", key, few_or_many(score, wide, most=100, many=1500, chance=0.2)),
    (2, b"SADD", key, few_or_many(wide, most=100, many=1500, chance=0.2)),
    (1, b"SET", key, b"x"),
    (8, b"ZUNION", weighted, UNION_OPTIONS),
    (8, b"ZINTER", weighted, UNION_OPTIONS),
    (6, b"ZDIFF", sources, DIFF_OPTIONS),
    (6, b"ZINTERCARD", sources, CARD_OPTIONS),
    (8, b"ZUNIONSTORE", key, weighted, STORE_OPTIONS),
    (8, b"ZINTERSTORE", key, weighted, STORE_OPTIONS),
    (6, b"ZDIFFSTORE", key, sources, maybe(b"WITHSCORES", chance=0.05)),
    (4, b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"),
    (4, b"ZREM", key, several(member)),
    (2, b"DEL", several(key, most=3)),
    (2, b"OBJECT", b"ENCODING", key),
    (1, b"EXPIRE", key, b"1000"),
    (1, b"TTL", key),
]
