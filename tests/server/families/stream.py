"""Streams: entries, ranges, trimming; groups, consumers, what is pending and who claims it.

Ids are explicit and small, so that they meet: added in order, out of order, deleted, trimmed. Idle times are nothing or far away.
"""

from harness.comparisons import near_time, similar

from .arguments import INTEGERS, Group, command, few_or_many, integer, maybe, one_of, options, seconds, several, value
from .arguments import GARBAGE as ALL_GARBAGE

KEYS = [b"a", b"b", b"c", b"{tag}1", b"nul\x00key"]
GROUPS = [b"g", b"g", b"h", b"", b"gr\x00up"]
CONSUMERS = [b"x", b"y", b"z", b"", b"a\r\nb"]
GARBAGE = [word for word in ALL_GARBAGE if word != b"*"]
ODD_IDS = [b"", b"-", b"+", b"0-0", b"0", b"x", b"1-", b"-1", b"1-x", b"1--1", b"1--05", b" 1", b"+1-1", b"01-01", b"1-1-1",
           b"(1", b"(", b"(0-0", b"(18446744073709551615-18446744073709551615", b"18446744073709551615-18446744073709551615",
           b"18446744073709551615-18446744073709551614", b"18446744073709551616", b"9223372036854775808-1", b"1\x00-5", b"5-*",
           b"$", b">", b"1" * 130, b"18446744073709551615"]
FIELDS = [b"f", b"g", b"h", b"", b"1", b"-1", b"127", b"128", b"4096", b"01", b"f\x00", b"k" * 63, b"k" * 64]


def key(rng):
    return rng.choice(KEYS)


def group(rng):
    return rng.choice(GROUPS)


def consumer(rng):
    return rng.choice(CONSUMERS)


def field(rng):
    return rng.choice(FIELDS[:3]) if rng.random() < 0.7 else rng.choice(FIELDS)


def item(rng):
    kind = rng.random()
    if kind < 0.4:
        return rng.choice([b"v", b"w", b"12", b"-7", b"300", b"70000"])
    if kind < 0.6:
        return rng.choice(INTEGERS)
    if kind < 0.8:
        return b"%d" % (rng.randrange(-2, 3) * 2 ** rng.randrange(62) + rng.randrange(-1, 2))
    return value(rng) if kind < 0.97 else b"v" * rng.choice([62, 63, 64, 4000, 4095, 4096])


def small_id(rng):
    """One of some two hundred ids."""
    return b"%d-%d" % (rng.randrange(60), rng.randrange(4))


def id_(rng):
    """An id as a word may name it, mostly a right one."""
    kind = rng.random()
    if kind < 0.8:
        return small_id(rng)
    return b"%d" % rng.randrange(60) if kind < 0.92 else rng.choice(ODD_IDS)


class Clock:
    """Ids that mostly go up within a batch: each is drawn above the one before, and starts anew by chance."""

    def __init__(self):
        self.now, self.rng = 0, None

    def __call__(self, rng):
        if rng is not self.rng or rng.random() < 0.02 or self.now > 55:
            self.now, self.rng = 0, rng
        self.now += rng.random() < 0.4
        kind = rng.random()
        if kind < 0.5:
            return b"%d-*" % self.now
        return b"%d-%d" % (self.now, rng.randrange(1, 9)) if kind < 0.93 else id_(rng)


rising = Clock()


def edge(rng):
    """An end of a range."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice([b"-", b"+"])
    return b"(" + id_(rng) if kind < 0.55 else id_(rng)


def count(rng):
    return rng.choice([b"0", b"1", b"2", b"3", b"10", b"50", b"1000", b"-1", b"-5", integer(rng)])


def claim_count(rng):
    return rng.choice([b"1", b"1", b"2", b"3", b"10", b"1000", b"0", b"-1", b"x", b"9223372036854775807", b"576460752303423488"])


def idle(rng):
    return rng.choice([b"0", b"0", b"0", b"-1", b"100000000", b"1000000000000", b"x", b"9223372036854775807"])


def threshold(rng):
    return rng.choice([b"0", b"1", b"2", b"3", b"5", b"10", b"20", b"40", b"100", b"-1", b"x", b"9223372036854775807"])


LIMIT = maybe(b"LIMIT", one_of(b"0", b"1", b"5", b"20", b"100", b"-1", b"x"), chance=0.25)
MARK = one_of(lambda rng: [], b"~", b"=", b"~")
TRIM = one_of(command(b"MAXLEN", MARK, threshold, LIMIT), command(b"MINID", MARK, id_, LIMIT),
              command(b"maxlen", MARK, threshold, LIMIT))
ADD_OPTIONS = one_of(lambda rng: [], lambda rng: [], TRIM, b"NOMKSTREAM", command(TRIM, b"NOMKSTREAM"), command(TRIM, TRIM),
                     command(b"LIMIT", threshold))
READ_OPTIONS = options((b"COUNT", count), (b"NOACK",), (b"GROUP", group, consumer), (b"BOGUS",), most=1)
CLAIM_OPTIONS = options((b"IDLE", idle), (b"TIME", one_of(b"0", b"1000", b"-1", b"9999999999999", b"x")),
                        (b"RETRYCOUNT", one_of(b"0", b"1", b"7", b"-1", b"x", b"9223372036854775807")), (b"FORCE",), (b"FORCE",),
                        (b"JUSTID",), (b"LASTID", id_), (b"BOGUS",))


def streams(rng, last):
    """STREAMS key ... id ...; never the id +, which redis-server takes since 7.4."""
    number = rng.choice([1, 1, 1, 2, 3])
    ids = [last if rng.random() < 0.7 else rng.choice([id_, edge])(rng) for _ in range(number)]
    return [b"STREAMS"] + [key(rng) for _ in range(number)] + [b"-" if word == b"+" else word for word in ids]


def read_streams(rng):
    return streams(rng, rng.choice([b"0", b"$", b"0-0", small_id(rng)]))


def group_streams(rng):
    return streams(rng, rng.choice([b">", b">", b">", b"0"]))


def last_id(rng):
    return rng.choice([b"$", b"0", b"0-0", id_(rng), id_(rng)])


def long_stream(rng):
    """A stream that is read, delivered, claimed and trimmed in steps."""
    name, who, other = key(rng), rng.choice(CONSUMERS), rng.choice(CONSUMERS)
    size = rng.choice([505, 700, 1100])
    commands = [[b"DEL", name], [b"XGROUP", b"CREATE", name, b"g", b"0", b"MKSTREAM"]]
    for i in range(size):
        fields = [b"f", b"%d" % i] if i % 7 else [b"g", b"v" * (i % 90), b"f", b"x"]
        commands.append([b"XADD", name, b"%d-%d" % (i // 3 + 1, i % 3)] + fields)
    delivered = [[b"XREADGROUP", b"GROUP", b"g", who, b"COUNT", b"%d" % rng.choice([1, 600]), b"STREAMS", name, b">"],
                 [b"XREADGROUP", b"GROUP", b"g", other, b"STREAMS", name, b">"],
                 [b"XREADGROUP", b"GROUP", b"g", other, b"STREAMS", name, name, b"0", b"5"]]
    looks = [[b"XRANGE", name, b"-", b"+"], [b"XREVRANGE", name, b"+", b"(10", b"COUNT", b"600"],
             [b"XREAD", b"STREAMS", name, key(rng), name, b"0", b"0", b"20"], [b"XPENDING", name, b"g", b"-", b"+", b"100000"],
             [b"XPENDING", name, b"g", b"IDLE", b"0", b"(5-1", b"+", b"700", other],
             [b"XINFO", b"STREAM", name, b"FULL", b"COUNT", b"0"], [b"XINFO", b"STREAM", name]]
    changes = [[b"XDEL", name] + [b"%d-%d" % (i, i % 3) for i in range(0, size // 3, 2)],
               [b"XAUTOCLAIM", name, b"g", who, b"0", b"0", b"COUNT", b"2000"] + rng.choice([[], [b"JUSTID"]]),
               [b"XAUTOCLAIM", name, b"g", who, b"1000000000", b"30", b"COUNT", b"600"],
               [b"XGROUP", b"DELCONSUMER", name, b"g", rng.choice([who, other])],
               [b"XTRIM", name, b"MINID", rng.choice([b"=", b"~"]), b"%d" % rng.randrange(size // 3)],
               [b"XTRIM", name, b"MAXLEN", b"%d" % rng.randrange(size)]]
    rng.shuffle(looks)
    rng.shuffle(changes)
    commands += looks[:2] + delivered[:2] + looks[2:4] + delivered[2:]
    commands += [step for pair in zip(changes, looks) for step in pair] + [[b"XGROUP", b"DESTROY", name, b"g"]]
    return commands, None


def same_info(ours, theirs, _command):
    """XINFO: all but the times is the same, how redis-server keeps a stream included."""
    def is_loose(path, mine, other):
        if path and path[-1] in (b"idle", b"seen-time"):
            return near_time(mine, other)
        return b"pending" in path and near_time(mine, other) and mine[1] > 10**9
    return similar(ours, theirs, is_loose)


COMPARISONS = {b"XINFO": same_info, b"XINFO STREAM": same_info, b"XINFO CONSUMERS": same_info, b"XINFO GROUPS": same_info}

CONFIGS = (
    {},
    {"stream-node-max-entries": "3", "stream-node-max-bytes": "4096"},
    {"stream-node-max-entries": "0", "stream-node-max-bytes": "300"},
    {"stream-node-max-entries": "10", "stream-node-max-bytes": "0"},
    {"stream-node-max-entries": "1", "stream-node-max-bytes": "4096"},
)

ROWS = [
    (30, b"XADD", key, rising, few_or_many(field, item, most=3, many=60, chance=0.02)),
    (8, b"XADD", key, ADD_OPTIONS, rising, several(field, item, most=3)),
    (4, b"XADD", key, id_, several(field, item, most=2), maybe(field, chance=0.1)),
    (3, b"XLEN", key),
    (5, b"XRANGE", key, edge, edge, maybe(b"COUNT", count)),
    (5, b"XREVRANGE", key, edge, edge, maybe(b"COUNT", count)),
    (6, b"XREAD", READ_OPTIONS, read_streams),
    (5, b"XDEL", key, several(small_id)),
    (1, b"XDEL", key, several(id_)),
    (3, b"XTRIM", key, TRIM),
    (1, b"XTRIM", key, TRIM, TRIM),
    (2, b"XSETID", key, id_, options((b"ENTRIESADDED", threshold), (b"MAXDELETEDID", id_), (b"BOGUS",), most=2)),
    (8, b"XGROUP", b"CREATE", key, group, last_id, options((b"MKSTREAM",), (b"ENTRIESREAD", threshold), (b"BOGUS",), most=2)),
    (3, b"XGROUP", b"SETID", key, group, last_id, maybe(b"ENTRIESREAD", threshold, chance=0.3)),
    (1, b"XGROUP", b"DESTROY", key, group),
    (3, b"XGROUP", b"CREATECONSUMER", key, group, consumer),
    (2, b"XGROUP", b"DELCONSUMER", key, group, consumer),
    (1, b"XGROUP", one_of(b"BOGUS", b"create", b"setid"), key, maybe(group), maybe(last_id)),
    (16, b"XREADGROUP", b"GROUP", group, consumer, maybe(b"COUNT", count), maybe(b"NOACK", chance=0.15), group_streams),
    (2, b"XREADGROUP", READ_OPTIONS, b"GROUP", group, consumer, READ_OPTIONS, group_streams),
    (6, b"XACK", key, group, several(small_id, most=6)),
    (1, b"XACK", key, group, several(id_)),
    (4, b"XPENDING", key, group),
    (6, b"XPENDING", key, group, maybe(b"IDLE", idle, chance=0.3), edge, edge, count, maybe(consumer)),
    (8, b"XCLAIM", key, group, consumer, idle, several(small_id, most=6), CLAIM_OPTIONS),
    (1, b"XCLAIM", key, group, consumer, idle, several(id_), CLAIM_OPTIONS),
    (7, b"XAUTOCLAIM", key, group, consumer, idle, edge, options((b"COUNT", claim_count), (b"JUSTID",), (b"BOGUS",), most=2)),
    (6, b"XINFO", b"STREAM", key),
    (6, b"XINFO", b"STREAM", key, b"FULL", maybe(b"COUNT", count)),
    (1, b"XINFO", b"STREAM", key, several(one_of(b"FULL", b"COUNT", b"1"))),
    (5, b"XINFO", b"GROUPS", key),
    (4, b"XINFO", b"CONSUMERS", key, group),
    (1, b"XINFO", one_of(b"BOGUS", b"groups"), key),
    (0.15, Group(long_stream)),
    (1, b"OBJECT", b"ENCODING", key),
    (1, b"TYPE", key),
    (1, b"DEL", key),
    (1, b"SET", key, item),
    (1, b"EXPIRE", key, seconds),
    (1, b"RENAME", key, key),
    (1, b"COPY", key, key, maybe(b"REPLACE")),
]

# What the clock decides.
REPLAY_ROWS = [
    (3, b"XADD", key, ADD_OPTIONS, b"*", several(field, item, most=3)),
    (1, b"XTRIM", key, TRIM),
    (1, b"XREADGROUP", b"GROUP", group, consumer, b"STREAMS", key, b">"),
    (4, b"XREADGROUP", b"GROUP", group, consumer, b"CLAIM", one_of(b"0", b"3"), maybe(b"COUNT", count), maybe(b"NOACK", chance=0.2),
     group_streams),
    (1, b"XCLAIM", key, group, consumer, b"0", several(small_id, most=6), maybe(b"IDLE", one_of(b"0", b"5000"))),
]
