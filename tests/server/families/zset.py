"""Sorted sets: single members, ranges, pops, samples; small ones, big ones, and the way between them.

Where scores differ, a range by members means nothing in a big sorted set: LEX_KEYS are those whose members all have one score,
MIXED_KEY stays small.
"""

from .arguments import (FLOATS, NOT_FLOATS, exactly, few_or_many, index, integer, maybe, number, one_of,
                        options, pattern, picks, several)

GENERAL_KEYS = [b"a", b"b", b"c", b"", b"nul\x00key", b"{tag}2", b"\xff\xfe"]
LEX_KEYS = [b"d", b"e", b"{}x"]
MIXED_KEY = b"{tag}1"
KEYS = GENERAL_KEYS + LEX_KEYS + [MIXED_KEY]
MEMBERS = [b"f", b"g", b"h", b"i", b"", b"1", b"2", b"-1", b"127", b"4096", b"01", b"-0", b"nul\x00", b"\xff",
           b"9223372036854775807", b"9223372036854775808", b"k" * 63, b"k" * 64, b"k" * 65, b"k" * 300]
MIXED_MEMBERS = [b"a", b"bb", b"c"]
SCORES = [b"0", b"-0", b"0.0", b"-0.0", b"1", b"2", b"-1", b"3", b"1.5", b"0.1", b"1e17", b"inf", b"-inf", b"+inf",
          b"Infinity", b"5e-324", b"1e308", b"-1e308", b"4611686018427387904", b"-4611686018427387904", b"4611686018427387905",
          b"9007199254740993", b"9223372036854775807", b"-9223372036854775808", b"1e19", b"0x10", b"3.0"]


def key(rng):
    return rng.choice(GENERAL_KEYS)


def lex_key(rng):
    return rng.choice(LEX_KEYS)


def any_key(rng):
    return rng.choice(KEYS)


def member(rng):
    """A member of a small pool, or one of many."""
    kind = rng.random()
    if kind < 0.7:
        return rng.choice(MEMBERS)
    return b"member:%d" % rng.randrange(300) if kind < 0.85 else b"%d" % (rng.randrange(300) ** 3 - 1000)


def wide(rng):
    return b"member:%d" % rng.randrange(3000)


def score(rng):
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(SCORES)
    if kind < 0.97:
        return b"%d" % rng.randrange(-30, 30) if kind < 0.7 else b"%.3f" % rng.uniform(-30, 30)
    return number(rng)


def good_score(rng):
    return b"%d" % rng.randrange(-100, 100) if rng.random() < 0.5 else b"%r" % rng.uniform(-100, 100)


def score_end(rng):
    kind = rng.random()
    if kind < 0.3:
        return rng.choice([b"-inf", b"+inf", b"inf", b"(-inf", b"(inf"])
    if kind < 0.93:
        return rng.choice([b"", b"("]) + score(rng)
    return rng.choice(NOT_FLOATS + [b"(", b"(x", b"((1", b" 1", b"( 1", b"1e999", b"[1", b"1\x00x"])


def lex_end(rng):
    kind = rng.random()
    if kind < 0.3:
        return rng.choice([b"-", b"+"])
    if kind < 0.93:
        return rng.choice([b"[", b"("]) + member(rng)
    return rng.choice([b"", b"x", b"--", b"+1", b"-\x00", b"(", b"[", b"1"])


def mixed_end(rng):
    return rng.choice([b"-", b"+", b"[a", b"(a", b"[b", b"(bb", b"[bb", b"[c", b"(c", b"[d"])


def few(rng):
    return b"%d" % rng.choice([0, 1, 1, 2, 3, 5, 10, 100, 1000, -1, -1, -2, -3, -10, -600])


def pop_count(rng):
    return rng.choice([b"0", b"1", b"2", b"3", b"10", b"1000", b"-1", b"x", b"", b"9223372036854775807", b"9223372036854775808"])


def limit(rng):
    return [b"LIMIT", b"%d" % rng.choice([0, 0, 1, 2, 5, 100, -1, 10**18]), b"%d" % rng.choice([-1, -1, 0, 1, 2, 10, 1000, -5])]


def bad_limit(rng):
    return rng.choice([[b"LIMIT"], [b"LIMIT", b"0"], [b"LIMIT", b"x", b"1"], [b"LIMIT", b"1", b""],
                       [b"limit", b"1", b"9223372036854775808"]])


def numkeys(rng):
    keys = [any_key(rng) for _ in range(rng.choice([1, 1, 2, 3, 4]))]
    count = len(keys) if rng.random() < 0.92 else rng.choice([0, -1, 1, 2, 5, "x", "", "9223372036854775807"])
    return [str(count).encode(), *keys]


def read_scores(where):
    return [b"ZRANGE", where, b"0", b"-1", b"WITHSCORES"]


def read_members(where):
    return [b"ZRANGE", where, b"0", b"-1"]


ADD_OPTIONS = options((b"NX",), (b"XX",), (b"GT",), (b"LT",), (b"CH",), (b"ch",), (b"INCR",), most=3)
SCAN_OPTIONS = options((b"MATCH", pattern), (b"COUNT", one_of(b"1000", b"1000", b"100000", b"10", b"0", b"-1", b"x")),
                       (b"BOGUS",), (b"TYPE", b"zset"))
SCORE_OPTIONS = options((b"WITHSCORES",), (b"withscores",), (limit,), (limit,), (bad_limit,), (b"BOGUS",), (b"REV",),
                        (b"BYSCORE",), most=2)
LEX_OPTIONS = options((limit,), (limit,), (limit,), (limit,), (bad_limit,), (b"WITHSCORES",), (b"BYLEX",), most=2)
RANK_OPTIONS = options((b"WITHSCORES",), (b"WITHSCORES",), (b"REV",), (b"REV",), (b"LIMIT", b"0", b"-1"), (limit,),
                       (b"BOGUS",), most=2)
STORE_RANK_OPTIONS = options((b"REV",), (b"REV",), (b"LIMIT", b"0", b"-1"), (limit,), (b"WITHSCORES",), most=1)
ALL_OPTIONS = options((b"WITHSCORES",), (b"REV",), (b"BYSCORE",), (limit,), (bad_limit,), most=4)

CONFIGS = (
    {},
    {"zset-max-listpack-entries": "4", "zset-max-listpack-value": "8"},
    {"zset-max-listpack-entries": "20", "zset-max-listpack-value": "64"},
    {"zset-max-ziplist-entries": "1000", "zset-max-ziplist-value": "1000"},
)

ROWS = [
    (14, b"ZADD", key, few_or_many(score, member)),
    (8, b"ZADD", key, ADD_OPTIONS, several(score, member)),
    (3, b"ZADD", key, ADD_OPTIONS, score, member),
    (1, b"ZADD", key, several(good_score, wide, least=500, most=1500)),
    (3, exactly(b"ZADD", lex_key, few_or_many(b"0", member))),
    (1, exactly(b"ZADD", lex_key, several(b"0", wide, least=200, most=900))),
    (2, exactly(b"ZADD", MIXED_KEY, several(score, one_of(*MIXED_MEMBERS)))),  # not the long words of a mutation
    (8, b"ZINCRBY", key, score, member),
    (6, b"ZREM", any_key, several(member)),
    (1, b"ZREM", any_key, few_or_many(one_of(member, wide), chance=0.5)),
    (3, b"ZCARD", any_key),
    (5, b"ZSCORE", any_key, member),
    (3, b"ZMSCORE", any_key, several(member)),
    (6, one_of(b"ZRANK", b"ZREVRANK"), any_key, one_of(member, wide)),
    (5, b"ZCOUNT", any_key, score_end, score_end),
    (4, exactly(b"ZLEXCOUNT", lex_key, lex_end, lex_end)),
    (1, exactly(b"ZLEXCOUNT", MIXED_KEY, mixed_end, mixed_end)),
    (6, b"ZRANGE", any_key, index, index, RANK_OPTIONS),
    (6, b"ZRANGE", any_key, score_end, score_end, b"BYSCORE", SCORE_OPTIONS),
    (4, b"ZRANGE", any_key, score_end, score_end, b"BYSCORE", b"REV", SCORE_OPTIONS),
    (4, exactly(b"ZRANGE", lex_key, lex_end, lex_end, b"BYLEX", maybe(b"REV"), LEX_OPTIONS)),
    (2, b"ZRANGE", any_key, one_of(index, score_end), one_of(index, score_end), ALL_OPTIONS),
    (4, b"ZREVRANGE", any_key, index, index, maybe(one_of(b"WITHSCORES", b"REV", b"BYSCORE"))),
    (6, one_of(b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"), any_key, score_end, score_end, SCORE_OPTIONS),
    (5, exactly(one_of(b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"), lex_key, lex_end, lex_end, LEX_OPTIONS)),
    (2, exactly(one_of(b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"), MIXED_KEY, mixed_end, mixed_end,
                maybe(b"LIMIT", b"0", one_of(b"1", b"-1")))),
    (3, b"ZRANGESTORE", key, any_key, index, index, STORE_RANK_OPTIONS),
    (3, b"ZRANGESTORE", key, any_key, score_end, score_end, b"BYSCORE", maybe(b"REV"), maybe(limit)),
    (2, exactly(b"ZRANGESTORE", one_of(key, lex_key), lex_key, lex_end, lex_end, b"BYLEX", maybe(b"REV"), maybe(limit))),
    (2, b"ZREMRANGEBYRANK", any_key, one_of(index, integer), index),
    (2, b"ZREMRANGEBYSCORE", any_key, score_end, score_end),
    (2, exactly(b"ZREMRANGEBYLEX", lex_key, lex_end, lex_end)),
    (1, exactly(b"ZREMRANGEBYLEX", MIXED_KEY, mixed_end, mixed_end)),
    (4, one_of(b"ZPOPMIN", b"ZPOPMAX"), any_key, maybe(pop_count)),
    (3, b"ZMPOP", numkeys, one_of(b"MIN", b"max", b"MAX", b"MID"), maybe(b"COUNT", pop_count)),
    (1, b"ZMPOP", numkeys, b"MIN", maybe(b"COUNT"), maybe(b"BOGUS")),
    (1, exactly(one_of(b"ZRANGEBYLEX", b"ZLEXCOUNT", b"ZREMRANGEBYLEX"), several(one_of(lex_key), most=3))),
    (4, b"ZSCAN", any_key, one_of(b"0", b"0", b"0", b"00", b"", b"x", b"-1"), SCAN_OPTIONS),
    (2, picks(b"ZRANDMEMBER", read_scores, any_key, few, b"WITHSCORES")),
    (2, picks(b"ZRANDMEMBER", read_members, any_key, few)),
    (1, b"ZRANDMEMBER", any_key),
    (1, b"ZRANDMEMBER", any_key, one_of(b"x", b"", b"1.5", b"9223372036854775808", b"-9223372036854775808", b"0"),
     maybe(one_of(b"WITHSCORES", b"BOGUS"))),
    (1, b"ZRANDMEMBER", any_key, b"9223372036854775807", b"WITHSCORES"),
    (4, b"OBJECT", b"ENCODING", any_key),
    (1, b"TYPE", any_key),
    (1, b"SET", key, one_of(*FLOATS)),
    (1, b"GET", any_key),
    (1, b"RENAME", key, key),
    (1, b"COPY", key, key, maybe(b"REPLACE")),
    (2, b"DEL", any_key),
]
