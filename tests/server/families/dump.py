"""DUMP, RESTORE: payloads of every type, sound ones and damaged ones, and what redis-server and this one make of each other's."""

from harness import rdb

from .arguments import FLOATS, INTEGERS, binary, few_or_many, key, maybe, one_of, options, seconds, several, value

# Times that are over or far away: see arguments.py.
TIMES = [b"0", b"0", b"0", b"0", b"-1", b"x", b"1000000", b"5000000", b"9223372036854775807", b"9223372036854775000", b""]
# One that is over (2020) is also far away when a mutation takes the ABSTTL behind it.
ABSOLUTE = [b"1600000000000", b"2000000000000", b"5000000000000", b"0"]


def short(rng):
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(INTEGERS + FLOATS)
    return binary(rng, b"abcxyz 01\x00\xff", rng.choice([0, 1, 3, 10, 30, 62, 63, 64, 65, 70, 126, 300]))


def distinct(rng, most=12):
    return sorted({short(rng) for _ in range(rng.randint(1, most))}, key=lambda _: rng.random())


def numbers(rng):
    return {rng.choice([rng.randrange(-100, 100), rng.randrange(-2**31, 2**31), rng.randrange(-2**63, 2**63)])
            if rng.random() < 0.3 else rng.randrange(-300, 300) for _ in range(rng.randint(1, 30))}


def items(rng):
    return [short(rng) for _ in range(rng.choice([1, 2, 3, 10, 60]))]


def pairs(rng):
    return [(name, short(rng)) for name in distinct(rng)]


def scored(rng):
    return [(name, rng.choice([0.0, 1.5, -3.0, float("inf"), float("-inf"), 1e17, 0.1, 5.0])) for name in distinct(rng)]


def in_order(rng):
    """Members and scores one after the other, as a packed sorted set has them."""
    words = []
    for member, score in sorted(scored(rng), key=lambda pair: (pair[1], pair[0])):
        words += [member, b"%d" % score if abs(score) < 2**62 and score == int(score) else b"%.17g" % score]
    return words


def flat(rng):
    return [word for pair in pairs(rng) for word in pair]


SOUND = [
    lambda rng: rdb.string(rdb.text(value(rng))),
    lambda rng: rdb.string(rdb.number_text(int(rng.choice(INTEGERS)))),
    lambda rng: rdb.string(rdb.packed_text(value(rng) + b"x")),
    lambda rng: rdb.plain_list(items(rng)),
    lambda rng: rdb.plain_set(distinct(rng)),
    lambda rng: rdb.plain_set([b"%d" % number for number in numbers(rng)]),
    lambda rng: rdb.old_zset(scored(rng)),
    lambda rng: rdb.plain_hash(pairs(rng)),
    lambda rng: rdb.plain_zset(scored(rng)),
    lambda rng: rdb.plain_zset([(b"m%d" % i, float(i % 7)) for i in range(rng.randrange(1, 200))]),
    lambda rng: rdb.blob(9, rdb.zipmap(pairs(rng))),
    lambda rng: rdb.blob(10, rdb.ziplist(items(rng))),
    lambda rng: rdb.blob(11, rdb.intset(numbers(rng))),
    lambda rng: rdb.blob(12, rdb.ziplist(in_order(rng))),
    lambda rng: rdb.blob(13, rdb.ziplist(flat(rng))),
    lambda rng: rdb.blob(16, rdb.listpack(flat(rng))),
    lambda rng: rdb.blob(17, rdb.listpack(in_order(rng))),
    lambda rng: rdb.old_quicklist([items(rng) for _ in range(rng.randint(1, 3))]),
    lambda rng: rdb.quicklist([items(rng) for _ in range(rng.randint(1, 3))]),
    lambda rng: rdb.quicklist([b"plain", items(rng)]),
    lambda rng: bytes([16, 0xc3]) + rdb.packed_text(rdb.listpack(flat(rng)))[1:],
]
# Refused by both.
BAD = [
    lambda rng: b"",
    lambda rng: rdb.plain_list([]),
    lambda rng: rdb.plain_set([]),
    lambda rng: rdb.plain_hash([]),
    lambda rng: rdb.plain_zset([]),
    lambda rng: rdb.quicklist([]),
    lambda rng: rdb.quicklist([[]]),
    lambda rng: rdb.blob(10, rdb.ziplist([])),
    lambda rng: rdb.blob(16, rdb.listpack([])),
    lambda rng: rdb.blob(17, rdb.listpack([])),
    lambda rng: rdb.plain_set([b"a", b"b", b"a"]),
    lambda rng: rdb.plain_zset([(b"a", 1.0), (b"a", 2.0)]),
    lambda rng: rdb.plain_zset([(b"a", float("nan"))]),
    lambda rng: b"\x00\xc3\x05\x20abcde",
    lambda rng: b"\x00\xc4",
    lambda rng: bytes([rng.randrange(20, 250)]) + b"\x01a",
    lambda rng: rdb.blob(16, rdb.listpack(flat(rng))[:-1]),
    lambda rng: rdb.blob(17, b"xx" + rdb.listpack(in_order(rng))),
    lambda rng: rdb.blob(11, rdb.intset(numbers(rng)) + b"xx"),
    lambda rng: rdb.blob(10, rdb.ziplist(items(rng)) + b"\x00"),
    lambda rng: b"\x12\x01\x03" + rdb.text(b"a"),
    lambda rng: b"\x01\x81\x7f\xff\xff\xff\xff\xff\xff\xff" + rdb.text(b"a"),
    lambda rng: b"\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff" + b"a",
]


def sound(rng):
    return rdb.seal(rng.choice(SOUND)(rng))


def damaged(rng):
    """Wrong in one way: checksum, version, length, format."""
    payload = sound(rng)
    kind = rng.randrange(6)
    if kind == 0:
        at = rng.randrange(len(payload))
        return payload[:at] + bytes([payload[at] ^ 1 << rng.randrange(8)]) + payload[at + 1:]
    if kind == 1:
        return payload[:rng.randrange(len(payload))]
    if kind == 2:
        return rdb.seal(payload[:-10], rng.choice([13, 255, 65535]))
    if kind == 3:
        return rdb.seal(payload[:-10], rng.choice([0, 1, 6, 9]))
    return rdb.seal(rng.choice(BAD)(rng))


def payload(rng):
    return sound(rng) if rng.random() < 0.75 else damaged(rng)


OPTIONS = options((b"REPLACE",), (b"REPLACE",), (b"REPLACE",), (b"IDLETIME", one_of(b"0", b"1000", b"-1", b"x")),
                  (b"FREQ", one_of(b"0", b"255", b"256", b"-1", b"x")), (b"BOGUS",), most=2)


def same_payload(ours, theirs, _command):
    """The same bytes, but for the order in hash tables, the nodes of lists, and times in streams."""
    if ours[0] != "$" or theirs[0] != "$" or ours[1] is None or theirs[1] is None or ours[1][:1] != theirs[1][:1]:
        return False
    kind = ours[1][0]
    if kind in (2, 4):
        return sorted(ours[1][:-10]) == sorted(theirs[1][:-10])
    return kind in (18, 19)


COMPARISONS = {b"DUMP": same_payload}

CONFIGS = ({}, {"hash-max-listpack-entries": "4"}, {"zset-max-listpack-entries": "4", "set-max-intset-entries": "4"},
           {"hash-max-listpack-value": "8", "zset-max-listpack-value": "8"}, {"list-max-listpack-size": "3"})

ROWS = [
    (40, b"RESTORE", key, one_of(*TIMES), payload, OPTIONS),
    (15, b"RESTORE", key, one_of(b"0", b"0", b"100000000"), sound, b"REPLACE"),
    (4, b"RESTORE", key, one_of(*ABSOLUTE), payload, b"ABSTTL", OPTIONS),
    (40, b"DUMP", key),
    (2, b"DEL", several(key, most=3)),
    (3, b"SET", key, value),
    (2, b"APPEND", key, value),
    (4, b"RPUSH", key, few_or_many(short)),
    (2, b"LPUSH", key, few_or_many(short, most=4, many=20)),
    (4, b"SADD", key, few_or_many(short)),
    (3, b"SADD", key, few_or_many(lambda rng: b"%d" % rng.choice(sorted(numbers(rng))))),
    (4, b"HSET", key, few_or_many(short, short)),
    (4, b"ZADD", key, few_or_many(one_of(*FLOATS, b"1", b"2", b"-3", b"inf", b"-inf"), short)),
    (3, b"XADD", key, lambda rng: b"%d-%d" % (rng.randrange(1, 50), rng.randrange(1, 50)), several(short, short)),
    (1, b"XDEL", key, lambda rng: b"%d-%d" % (rng.randrange(1, 50), rng.randrange(1, 50))),
    (1, b"XTRIM", key, b"MAXLEN", one_of(b"0", b"2")),
    (2, b"EXPIRE", key, seconds),
    (2, b"OBJECT", b"ENCODING", key),
    (2, b"TYPE", key),
    (1, b"PTTL", key, maybe(b"x", chance=0.02)),
]
