"""Client-side caching: what makes keys in caches invalid. Played by test_tracking.py, each row over one of several connections that track."""

from .arguments import one_of, several, value

KEYS = [b"a", b"ab", b"abc", b"b", b"{tag}1", b"{tag}2", b"\xff\xfe"]


def key(rng):
    return rng.choice(KEYS)


# No times to live that are over, no SWAPDB, PFCOUNT: docs/COMPATIBILITY.md.
ROWS = [
    (12, b"GET", key),
    (6, b"MGET", several(key)),
    (4, b"EXISTS", several(key)),
    (3, b"TYPE", key),
    (2, b"STRLEN", key),
    (3, b"LRANGE", key, b"0", b"-1"),
    (2, b"HGETALL", key),
    (2, b"SINTER", several(key)),
    (2, b"SINTERCARD", b"2", key, key),
    (1, b"SORT_RO", key),
    (1, b"OBJECT", b"ENCODING", key),
    (1, b"XREAD", b"STREAMS", key, b"0"),
    (1, b"LCS", key, key),
    (1, b"TTL", key),
    (10, b"SET", key, value),
    (2, b"SET", key, value, b"EX", b"1000"),
    (2, b"SETNX", key, value),
    (2, b"GETSET", key, value),
    (4, b"MSET", key, value, key, value),
    (3, b"INCR", key),
    (2, b"APPEND", key, value),
    (2, b"SETRANGE", key, b"2", value),
    (5, b"DEL", several(key)),
    (2, b"UNLINK", key),
    (2, b"EXPIRE", key, b"1000"),
    (2, b"PERSIST", key),
    (3, b"RENAME", key, key),
    (2, b"COPY", key, key),
    (1, b"MOVE", key, b"1"),
    (3, b"RPUSH", key, value),
    (3, b"LPOP", key),
    (2, b"LMOVE", key, key, b"LEFT", b"RIGHT"),
    (1, b"LREM", key, b"0", value),
    (3, b"HSET", key, b"f", value),
    (2, b"HDEL", key, b"f"),
    (3, b"SADD", key, b"m"),
    (2, b"SREM", key, b"m"),
    (1, b"SUNIONSTORE", key, key, key),
    (2, b"ZADD", key, b"1", b"m"),
    (1, b"ZPOPMIN", key),
    (1, b"XADD", key, b"5-5", b"f", b"v"),
    (1, b"XTRIM", key, b"MAXLEN", b"0"),
    (1, b"XGROUP", b"CREATE", key, b"g", b"0"),
    (1, b"SORT", key, b"ALPHA", b"STORE", key),
    (1, b"BITOP", b"NOT", key, key),
    (1, b"FLUSHDB"),
    (1, b"FLUSHALL"),
    (1, b"SELECT", one_of(b"0", b"1")),
    (1, b"CLIENT", b"TRACKING", b"OFF"),
    (2, b"CLIENT", b"TRACKING", b"ON"),
    (1, b"CLIENT", b"TRACKING", b"ON", b"NOLOOP"),
    (1, b"CLIENT", b"TRACKING", b"ON", b"OPTIN"),
    (1, b"CLIENT", b"TRACKING", b"ON", b"OPTOUT"),
    (1, b"CLIENT", b"TRACKING", b"ON", b"BCAST"),
    (1, b"CLIENT", b"TRACKING", b"ON", b"BCAST", b"PREFIX", b"a", b"PREFIX", b"b", b"NOLOOP"),
    (2, b"CLIENT", b"CACHING", one_of(b"YES", b"NO")),
    (1, b"CLIENT", b"TRACKINGINFO"),
    (1, b"CLIENT", b"GETNAME"),
]
