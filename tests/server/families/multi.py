"""Transactions: what is queued, run, refused or given up, by one connection, which watches keys that it changes itself."""

from .arguments import database, key, maybe, one_of, seconds, several, value

DATABASES = (b"0", b"1", b"2")
# A batch may end behind MULTI: what is left is looked at behind this.
SESSION_ENDS = ([b"DISCARD"], [b"UNWATCH"])

ROWS = [
    (14, b"MULTI"),
    (16, b"EXEC"),
    (2, b"DISCARD"),
    (9, b"WATCH", several(key)),
    (2, b"UNWATCH"),
    (1, b"RESET"),
    (6, b"SELECT", database),
    (10, b"SET", key, value),
    (6, b"GET", key),
    (6, b"INCR", key),
    (5, b"MSET", several(key, value)),
    (4, b"MGET", several(key)),
    (5, b"RPUSH", key, several(value)),
    (4, b"LRANGE", key, b"0", b"-1"),
    (4, b"LPOP", key),
    (4, b"ZADD", key, b"1", value),
    (3, b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"),
    (4, b"HSET", key, b"f", value),
    (3, b"RENAME", key, key),
    (3, b"COPY", key, key),
    (3, b"MOVE", key, database),
    (5, b"DEL", several(key)),
    (3, b"EXPIRE", key, seconds),
    (2, b"PERSIST", key),
    (2, b"EXISTS", several(key)),
    (2, b"SWAPDB", database, database),
    (1, b"FLUSHDB"),
    (1, b"FLUSHALL"),
    (2, b"DBSIZE"),
    (2, b"PING", maybe(value)),
    (1, b"ECHO", value),
    (1, b"TYPE", key),
    (1, b"BOGUS", key),
    (1, one_of(b"GET", b"EXEC", b"MULTI", b"WATCH"), *[]),
    (1, b"MULTI", value),
    (1, b"EXEC", value),
]
