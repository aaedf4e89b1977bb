"""Publish and subscribe. Played by test_pubsub_differential.py, each row over one of several connections, which publish and subscribe in turn.

Keyspace notifications are messages, too: a few commands that change one key each, and CONFIG SET notify-keyspace-events."""

from .arguments import maybe, one_of, several

NAMES = [b"a", b"ab", b"abc", b"b", b"", b"nul\x00\r\n", b"{t}x", b"__keyspace@0__:k", b"__keyevent@0__:set", b"\xff"]
PATTERNS = [b"*", b"a*", b"?", b"[ab]*", b"", b"a", b"\\a", b"__key*", b"*k", b"nul*", b"[", b"{t}*", b"*\xff"]
KEYS = [b"k", b"l", b"{t}k"]
EVENTS = [b"KEA", b"K$", b"Eg$", b"", b"KElx", b"x", b"KEg"]


def name(rng):
    return rng.choice(NAMES)


def pattern(rng):
    return rng.choice(PATTERNS)


def key(rng):
    return rng.choice(KEYS)


def text(rng):
    """A message of which there is hardly another; never a word by which the tester knows messages."""
    return b"m%d" % rng.randrange(10**9) if rng.random() < 0.9 else rng.choice([b"", b"x" * 700, b"\r\n\x00", b"pong"])


# What stands in a transaction is queued, or refused; CLIENT REPLY is in steps of its own (docs/COMPATIBILITY.md: in EXEC it is another).
ROWS = [
    (9, b"SUBSCRIBE", several(name)),
    (9, b"PSUBSCRIBE", several(pattern)),
    (6, b"SSUBSCRIBE", several(name)),
    (5, b"UNSUBSCRIBE", several(name)),
    (5, b"PUNSUBSCRIBE", several(pattern)),
    (4, b"SUNSUBSCRIBE", several(name)),
    (2, b"UNSUBSCRIBE"),
    (2, b"PUNSUBSCRIBE"),
    (2, b"SUNSUBSCRIBE"),
    (40, b"PUBLISH", name, text),
    (20, b"SPUBLISH", name, text),
    (4, b"PUBSUB", b"CHANNELS", maybe(pattern)),
    (2, b"PUBSUB", b"SHARDCHANNELS", maybe(pattern)),
    (4, b"PUBSUB", b"NUMSUB", several(name, least=0)),
    (3, b"PUBSUB", b"SHARDNUMSUB", several(name, least=0)),
    (3, b"PUBSUB", b"NUMPAT"),
    (3, b"PING", maybe(text)),
    (6, b"HELLO", one_of(b"2", b"3", b"3", b"3")),
    (3, b"RESET"),
    (6, b"MULTI"),
    (8, b"EXEC"),
    (1, b"DISCARD"),
    (1, b"WATCH", key),
    (1, b"GET", key),
    (1, b"ECHO", text),
    (6, b"SET", key, text),
    (4, b"DEL", key),
    (2, b"RPUSH", key, text),
    (1, b"EXPIRE", key, b"1000"),
    (1, b"SELECT", one_of(b"0", b"0", b"1")),
    (3, b"EVAL", b"return redis.call('publish', KEYS[1], ARGV[1])", b"1", name, text),
    (1, b"EVAL", b"redis.call('set', KEYS[1], 1) return redis.pcall('subscribe', KEYS[1])", b"1", key),
    (2, b"EVAL", b"redis.call('spublish', KEYS[1], '1') redis.call('publish', KEYS[1], '2') return 3", b"1", name),
    (1, b"NOSUCH", name),
]
