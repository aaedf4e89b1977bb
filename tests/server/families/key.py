"""Keys of any type: their lives, names, places and lists."""

from .arguments import (at_milliseconds, at_seconds, database, few_or_many, integer, key, maybe, milliseconds, one_of, options,
                        pattern, seconds, several, value)

TYPES = (b"string", b"list", b"set", b"zset", b"hash", b"stream", b"STRING", b"Hash", b"x", b"")
CONDITIONS = options((b"NX",), (b"XX",), (b"GT",), (b"LT",), (b"BOGUS",), most=2)
SCAN_OPTIONS = options((b"MATCH", pattern), (b"COUNT", b"1000"), (b"TYPE", one_of(*TYPES)),
                       (b"COUNT", integer), (b"BOGUS",))

DATABASES = (b"0", b"1", b"2")

# Small collections become large ones in some batches soon, in others late.
CONFIGS = (
    {},
    {"hash-max-listpack-entries": "3", "zset-max-listpack-entries": "3", "set-max-intset-entries": "3",
     "list-max-listpack-size": "4"},
    {"hash-max-listpack-value": "5", "zset-max-listpack-value": "5", "list-compress-depth": "1", "list-max-listpack-size": "-1",
     "stream-node-max-entries": "3"},
)


def member(rng):
    """A member or field: of a few, of many, or an integer."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice([b"m", b"n", b"o", b"", b"1", b"-5", b"nul\x00", b"l" * 64, b"l" * 65])
    return b"member:%d" % rng.randrange(3000) if kind < 0.7 else b"%d" % rng.randrange(-1000, 3000)


def number_word(rng):
    return b"%d" % rng.randrange(-10**rng.randrange(1, 19), 10**rng.randrange(1, 19))


def score(rng):
    return b"%d" % rng.randrange(-20, 20) if rng.random() < 0.7 else b"%.3f" % rng.uniform(-5, 5)


def stream_id(rng):
    return b"%d-%d" % (rng.randrange(1, 4000), rng.randrange(3))


def text(rng):
    return rng.choice([b"", b"x", b"12", b"text", b"t" * 30, b"t" * 64, b"t" * 65])


SMALL = {"most": 5, "many": 700, "chance": 0.05}
BIG = {"least": 1000, "most": 2500}

ROWS = [
    (12, b"SET", key, value),
    (4, b"SET", key, value, b"EX", seconds),
    (5, b"HSET", key, few_or_many(member, text, **SMALL)),
    (4, b"SADD", key, few_or_many(member, **SMALL)),
    (4, b"SADD", key, few_or_many(number_word, **SMALL)),
    (5, b"ZADD", key, few_or_many(score, member, **SMALL)),
    (5, one_of(b"RPUSH", b"LPUSH"), key, few_or_many(text, **SMALL)),
    (3, b"XADD", key, stream_id, several(text, text, most=3)),
    (1, b"HSET", key, several(member, text, **BIG)),
    (1, b"SADD", key, several(member, **BIG)),
    (1, b"ZADD", key, several(score, member, **BIG)),
    (1, b"RPUSH", key, several(text, **BIG)),
    (2, b"HDEL", key, several(member)),
    (2, b"SREM", key, several(member)),
    (2, b"ZREM", key, several(member)),
    (3, one_of(b"LPOP", b"RPOP"), key, maybe(one_of(b"1", b"3", b"1000"))),
    (1, b"XDEL", key, stream_id),
    (2, one_of(b"HLEN", b"SCARD", b"ZCARD", b"LLEN", b"XLEN", b"STRLEN"), key),
    (4, b"DEL", several(key, most=3)),
    (3, b"UNLINK", several(key, most=3)),
    (4, b"EXISTS", several(key)),
    (3, b"TYPE", key),
    (3, b"TOUCH", several(key)),
    (3, b"GET", key),
    (4, b"RENAME", key, key),
    (4, b"RENAMENX", key, key),
    (5, b"COPY", key, key, options((b"REPLACE",), (b"DB", database), (b"BOGUS",))),
    (4, b"MOVE", key, database),
    (5, b"EXPIRE", key, seconds, CONDITIONS),
    (4, b"PEXPIRE", key, milliseconds, CONDITIONS),
    (4, b"EXPIREAT", key, at_seconds, CONDITIONS),
    (4, b"PEXPIREAT", key, at_milliseconds, CONDITIONS),
    (3, b"TTL", key),
    (3, b"PTTL", key),
    (3, b"EXPIRETIME", key),
    (3, b"PEXPIRETIME", key),
    (3, b"PERSIST", key),
    (3, b"OBJECT", one_of(b"ENCODING", b"IDLETIME", b"REFCOUNT", b"FREQ", b"BOGUS"), key),
    (4, b"KEYS", pattern),
    (4, b"SCAN", one_of(b"0", b"0", b"0", b"x", b""), SCAN_OPTIONS),
    (2, b"RANDOMKEY"),
    (2, b"DBSIZE"),
    (3, b"SELECT", database),
    (1, b"SWAPDB", database, database),
    (1, one_of(b"FLUSHDB", b"FLUSHALL"), options((b"ASYNC",), (b"SYNC",), (b"BOGUS",), most=1)),
]
