"""Keys of any type: their lives, names, places and lists."""

from .arguments import (at_milliseconds, at_seconds, database, integer, key, milliseconds, one_of, options, pattern, seconds,
                        several, value)

CONDITIONS = options((b"NX",), (b"XX",), (b"GT",), (b"LT",), (b"BOGUS",), most=2)
SCAN_OPTIONS = options((b"MATCH", pattern), (b"COUNT", b"1000"), (b"TYPE", one_of(b"string", b"list", b"STRING", b"x")),
                       (b"COUNT", integer), (b"BOGUS",))

ROWS = [
    (12, b"SET", key, value),
    (4, b"SET", key, value, b"EX", seconds),
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
