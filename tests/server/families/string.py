"""Strings."""

from .arguments import (at_milliseconds, at_seconds, index, integer, key, maybe, milliseconds, number, offset, one_of, options,
                        seconds, several, value)

SET_OPTIONS = options((b"NX",), (b"XX",), (b"GET",), (b"KEEPTTL",), (b"EX", seconds), (b"PX", milliseconds),
                      (b"EXAT", at_seconds), (b"PXAT", at_milliseconds), (b"BOGUS",))
GETEX_OPTIONS = options((b"PERSIST",), (b"EX", seconds), (b"PX", milliseconds), (b"EXAT", at_seconds),
                        (b"PXAT", at_milliseconds), (b"NX",), most=2)
LCS_OPTIONS = options((b"LEN",), (b"IDX",), (b"WITHMATCHLEN",), (b"MINMATCHLEN", integer), (b"BOGUS",))

DATABASES = (b"0", b"1", b"2")

ROWS = [
    (10, b"SET", key, value, SET_OPTIONS),
    (6, b"SET", key, value),
    (10, b"GET", key),
    (3, b"GETEX", key, GETEX_OPTIONS),
    (3, b"GETDEL", key),
    (3, b"GETSET", key, value),
    (3, b"MGET", several(key)),
    (3, b"MSET", several(key, value)),
    (2, b"MSETNX", several(key, value, most=2)),
    (3, b"SETNX", key, value),
    (2, b"SETEX", key, seconds, value),
    (2, b"PSETEX", key, milliseconds, value),
    (5, b"APPEND", key, value),
    (4, b"STRLEN", key),
    (5, b"GETRANGE", key, index, index),
    (4, b"SETRANGE", key, offset, value),
    (2, b"SUBSTR", key, index, index),
    (4, one_of(b"INCR", b"DECR"), key),
    (5, one_of(b"INCRBY", b"DECRBY"), key, integer),
    (5, b"INCRBYFLOAT", key, number),
    (3, b"LCS", key, key, LCS_OPTIONS),
    (2, b"TTL", key),
    (2, b"OBJECT", b"ENCODING", key),
    (2, b"DEL", key, maybe(key)),
    (1, b"EXISTS", several(key)),
]
