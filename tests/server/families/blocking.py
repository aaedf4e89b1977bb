"""Commands that block, and what serves them. Played by test_blocking_differential.py: clients that block, one that acts, one that looks."""

from .arguments import maybe, one_of, several

KEYS = [b"a", b"b", b"c", b"{tag}1", b"{tag}2"]


def key(rng):
    return rng.choice(KEYS)


def item(rng):
    return b"%d" % rng.randrange(1000)


end = one_of(b"LEFT", b"RIGHT")

BLOCKING = [
    (8, b"BLPOP", several(key), b"0"),
    (6, b"BRPOP", several(key), b"0"),
    (5, b"BLMOVE", key, key, end, end, b"0"),
    (3, b"BRPOPLPUSH", key, key, b"0"),
    (3, b"BLMPOP", b"0", b"2", key, key, end, b"COUNT", one_of(b"1", b"2", b"5")),
    (2, b"BLMPOP", b"0", b"1", key, end),
    (5, b"BZPOPMIN", several(key), b"0"),
    (3, b"BZPOPMAX", several(key), b"0"),
    (3, b"BZMPOP", b"0", b"2", key, key, one_of(b"MIN", b"MAX"), b"COUNT", one_of(b"1", b"3")),
    (5, b"XREAD", b"BLOCK", b"0", b"STREAMS", key, key, one_of(b"$", b"0", b"5"), one_of(b"$", b"3")),
    (3, b"XREAD", b"COUNT", b"1", b"BLOCK", b"0", b"STREAMS", key, one_of(b"$", b"0")),
    (6, b"XREADGROUP", b"GROUP", b"g", one_of(b"x", b"y"), b"BLOCK", b"0", b"STREAMS", key, b">"),
    (2, b"XREADGROUP", b"GROUP", b"g", b"x", b"NOACK", b"BLOCK", b"0", b"STREAMS", key, key, b">", one_of(b">", b"0")),
    (1, b"WAIT", b"1", b"0"),
    (1, b"BLPOP", key, one_of(b"-1", b"x")),
]

# Without SWAPDB: which of several keys that come at once is looked at first is left to chance.
ROWS = [
    (8, b"RPUSH", key, several(item)),
    (6, b"LPUSH", key, several(item)),
    (2, b"RPUSHX", key, item),
    (2, b"LINSERT", key, b"BEFORE", item, item),
    (3, b"LPOP", key, maybe(b"2")),
    (2, b"LMOVE", key, key, end, end),
    (2, b"LTRIM", key, b"0", b"1"),
    (8, b"ZADD", key, item, item),
    (2, b"ZADD", key, item, item, item, item),
    (2, b"ZINCRBY", key, b"1", item),
    (2, b"ZPOPMIN", key),
    (2, b"ZUNIONSTORE", key, b"2", key, key),
    (2, b"ZRANGESTORE", key, key, b"0", b"2"),
    (6, b"XADD", key, b"*", b"f", item),
    (4, b"XGROUP", b"CREATE", key, b"g", one_of(b"$", b"0"), b"MKSTREAM"),
    (2, b"XGROUP", b"DESTROY", key, b"g"),
    (1, b"XTRIM", key, b"MAXLEN", b"1"),
    (2, b"SET", key, item),
    (8, b"DEL", several(key)),
    (4, b"RENAME", key, key),
    (2, b"RENAMENX", key, key),
    (3, b"COPY", key, key, b"REPLACE"),
    (2, b"MOVE", key, b"1"),
    (1, b"FLUSHDB"),
    (1, b"FLUSHALL"),
    (2, b"SORT", key, b"ALPHA", b"STORE", key),
    (2, b"EXPIRE", key, one_of(b"0", b"1000")),
    (2, b"EVAL", b"return {redis.call('rpush', KEYS[1], ARGV[1]), redis.call('rpush', KEYS[1], 'end')}", b"1", key, item),
    (1, b"EVAL", b"return {redis.call('del', KEYS[1]), redis.call('zadd', KEYS[1], 1, ARGV[1])}", b"1", key, item),
]
