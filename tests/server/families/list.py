"""Lists: both ends, places in the middle, searches; in the entry, in a few nodes, in many, compressed and plain ones."""

from .arguments import (INTEGERS, NOT_INTEGERS, few_or_many, integer, key, maybe, one_of, options, several, value)

ITEMS = [b"a", b"b", b"c", b"", b"1", b"-1", b"127", b"128", b"-4096", b"01", b"-0", b"nul\x00", b"\xff", b"16-byte-element!",
         b"9223372036854775807", b"9223372036854775808", b"k" * 63, b"k" * 64, b"k" * 127, b"k" * 126, b"k" * 4096]


def item(rng):
    """An item of a small pool, so that searches find some."""
    kind = rng.random()
    if kind < 0.75:
        return rng.choice(ITEMS[:-1])
    return b"item:%d" % rng.randrange(100) if kind < 0.9 else rng.choice(INTEGERS + NOT_INTEGERS + ITEMS[-1:])


def long_item(rng):
    """What fills nodes, or is too long for one."""
    return bytes([rng.randrange(97, 100)]) * rng.choice([1000, 4000, 4096, 8100, 8180, 8192, 16383, 16384, 20000, 70000])


def few(rng):
    return b"%d" % rng.choice([0, 1, 1, 1, 2, 2, 3, 5, 10, 100, 1000, -1, -1, -2, -3, -10, -600])


def place(rng):
    """An index into a list, from either end."""
    kind = rng.random()
    if kind < 0.5:
        return b"%d" % rng.randrange(-6, 6)
    return b"%d" % rng.randrange(-900, 900) if kind < 0.9 else integer(rng)


END = one_of(b"LEFT", b"RIGHT", b"left", b"Right", b"LEFT", b"RIGHT", b"BOTH")
POSITION_OPTIONS = options((b"RANK", one_of(few, few, integer)), (b"COUNT", one_of(few, few, integer)),
                           (b"MAXLEN", one_of(few, few, integer)), (b"BOGUS",))
LENGTH = one_of(b"1", b"1", b"2", b"2", b"3", b"0", b"-1", b"x", b"100", b"9223372036854775807")

CONFIGS = (
    {},
    {"list-max-listpack-size": "3"},
    {"list-max-listpack-size": "-1", "list-compress-depth": "1"},
    {"list-max-ziplist-size": "20", "list-compress-depth": "2"},
    {"list-max-listpack-size": "-5", "list-compress-depth": "1"},
    {"list-max-listpack-size": "0"},
)

ROWS = [
    (10, one_of(b"LPUSH", b"RPUSH"), key, few_or_many(item)),
    (2, one_of(b"LPUSH", b"RPUSH"), key, several(item, least=200, most=1500)),
    (1, one_of(b"LPUSH", b"RPUSH"), key, several(b"a", least=900, most=2000)),
    (2, one_of(b"LPUSH", b"RPUSH"), key, several(value)),
    (2, one_of(b"LPUSH", b"RPUSH"), key, several(long_item)),
    (4, one_of(b"LPUSHX", b"RPUSHX"), key, several(item)),
    (6, one_of(b"LPOP", b"RPOP"), key),
    (4, one_of(b"LPOP", b"RPOP"), key, one_of(few, integer)),
    (3, b"LLEN", key),
    (6, b"LINDEX", key, place),
    (6, b"LSET", key, place, one_of(item, item, value, long_item)),
    (6, b"LINSERT", key, one_of(b"BEFORE", b"AFTER", b"after", b"NEAR"), item, one_of(item, item, value, long_item)),
    (6, b"LRANGE", key, place, place),
    (2, b"LRANGE", key, b"0", b"-1"),
    (3, b"LTRIM", key, place, place),
    (3, b"LTRIM", key, one_of(b"0", b"1", b"10"), one_of(b"-1", b"-2", b"-10")),
    (6, b"LREM", key, one_of(few, integer), item),
    (6, b"LPOS", key, item, POSITION_OPTIONS),
    (5, b"LMOVE", key, key, END, END),
    (3, b"RPOPLPUSH", key, key),
    (5, b"LMPOP", LENGTH, several(key, most=3), END, maybe(b"COUNT", one_of(few, integer))),
    (2, b"LMPOP", b"2", key, key, END, options((b"COUNT", few), (b"BOGUS",))),
    (1, b"OBJECT", b"ENCODING", key),
    (1, b"DEL", key, maybe(key)),
    (1, b"SET", key, value),
]
