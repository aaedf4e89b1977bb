"""Sets: single members, algebra, samples; integers and texts, small ones, big ones, and the way between them."""

from .arguments import (INTEGERS, NOT_INTEGERS, few_or_many, integer, key, maybe, one_of, options, pattern, picks, random_pops,
                        seconds, several)

MEMBERS = [b"f", b"g", b"", b"1", b"2", b"-1", b"127", b"128", b"4096", b"01", b"-0", b"nul\x00", b"\xff", b"9" * 18,
           b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"k" * 63, b"k" * 64, b"k" * 65, b"k" * 300]


def member(rng):
    """A member of a small pool, or one of many."""
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(MEMBERS)
    if kind < 0.65:
        return rng.choice(INTEGERS + NOT_INTEGERS)
    return b"member:%d" % rng.randrange(300) if kind < 0.8 else number(rng)


def number(rng):
    """An integer, mostly short: sets of these stay intsets."""
    kind = rng.random()
    if kind < 0.7:
        return b"%d" % rng.randrange(-50, 600)
    return b"%d" % (rng.randrange(-2, 3) * 2 ** rng.randrange(62) + rng.randrange(-1, 2))


def wide(rng):
    """A member of so many that a set becomes big."""
    return b"wide:%d" % rng.randrange(3000) if rng.random() < 0.7 else b"%d" % rng.randrange(3000)


def few(rng):
    return b"%d" % rng.choice([0, 1, 1, 2, 3, 5, 10, 100, 1000, 100000, -1, -1, -2, -3, -10, -700])


def pop_count(rng):
    return b"%d" % rng.choice([0, 1, 1, 2, 3, 5, 10, 100, 500, 1000, 100000])


def bad_count(rng):
    return rng.choice([b"x", b"", b"1.5", b"9223372036854775808", b"-9223372036854775808", b"0", b"01"])


def bad_pop_count(rng):
    return rng.choice([b"x", b"", b"1.5", b"9223372036854775808", b"-9223372036854775808", b"-1", b"01"])


def counted_keys(rng):
    keys = [key(rng) for _ in range(rng.randint(1, 4))]
    count = len(keys) if rng.random() < 0.9 else rng.choice([0, -1, 2, 5, "x", ""])
    return [str(count).encode(), *keys]


def read_all(where):
    return [b"SMEMBERS", where]


SCAN_OPTIONS = options((b"MATCH", pattern), (b"COUNT", one_of(b"1", b"10", b"1000", b"100000", b"0", b"-1", b"x")), (b"BOGUS",),
                       (b"TYPE", b"set"))
LIMITS = one_of(b"0", b"1", b"2", b"50", b"100000", b"-1", b"x", b"9223372036854775808")
CARD_OPTIONS = options((b"LIMIT", LIMITS), (b"BOGUS",), most=2)

CONFIGS = (
    {},
    {"set-max-intset-entries": "4"},
    {"set-max-intset-entries": "0"},
    {"set-max-intset-entries": "1000"},
    {"set-max-intset-entries": "100000"},
)

ROWS = [
    (14, b"SADD", key, few_or_many(member)),
    (10, b"SADD", key, few_or_many(number)),
    (2, b"SADD", key, few_or_many(wide, most=30, many=3000, chance=0.1)),
    (9, b"SREM", key, several(member)),
    (4, b"SREM", key, few_or_many(number, most=20)),
    (1, b"SREM", key, few_or_many(wide, most=30, many=3000, chance=0.2)),
    (5, b"SISMEMBER", key, member),
    (4, b"SMISMEMBER", key, several(member)),
    (5, b"SCARD", key),
    (4, b"SMEMBERS", key),
    (4, b"SMOVE", key, key, member),
    (4, b"SMOVE", key, key, number),
    (3, b"SINTER", several(key)),
    (3, b"SUNION", several(key)),
    (3, b"SDIFF", several(key)),
    (3, b"SINTERSTORE", key, several(key)),
    (3, b"SUNIONSTORE", key, several(key)),
    (4, b"SDIFFSTORE", key, several(key)),
    (4, b"SINTERCARD", counted_keys, CARD_OPTIONS),
    (4, b"SSCAN", key, b"0", SCAN_OPTIONS),
    (1, b"SSCAN", key, one_of(b"5", b"x", b"", b"-1", b"18446744073709551615"), SCAN_OPTIONS),
    (2, b"SRANDMEMBER", key, maybe(bad_count)),
    (1, b"SPOP", key, bad_pop_count),
    (3, picks(b"SRANDMEMBER", read_all, key, few)),
    (2, random_pops(b"SPOP", read_all, key, pop_count)),
    (1, random_pops(b"SPOP", read_all, key, lambda rng: [])),
    (5, b"OBJECT", b"ENCODING", key),
    (2, b"TYPE", key),
    (2, b"DEL", key, maybe(key)),
    (1, b"SET", key, integer),
    (1, b"GET", key),
    (1, b"EXPIRE", key, seconds),
    (1, b"PERSIST", key),
    (1, b"RENAME", key, key),
    (2, b"COPY", key, key, maybe(b"REPLACE")),
]
