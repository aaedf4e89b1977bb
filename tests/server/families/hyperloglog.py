"""HyperLogLogs: replies and the stored strings, sparse, dense and damaged.

Damaged ones get no PFADD: with Redis the elements before the mistake stay, and a string that ends in the middle of a run is
written behind its end; here nothing changes.
"""

from .arguments import KEYS, exactly, index, key, maybe, one_of, several, value

CONFIGS = ({}, {"hll-sparse-max-bytes": "0"}, {}, {"hll-sparse-max-bytes": "20"}, {"hll-sparse-max-bytes": "150"}, {},
           {"hll-sparse-max-bytes": "16000"}, {"hll-sparse-max-bytes": "40"})


def whole_key(rng):
    return rng.choice(KEYS[:-3])


def damaged_key(rng):
    return rng.choice(KEYS[-3:])


def element(rng):
    """Few or very many different ones."""
    kind = rng.random()
    if kind < 0.3:
        return b"%d" % rng.randrange(10)
    if kind < 0.9:
        return b"element:%d" % rng.randrange(10**6)
    return value(rng)


def whole_runs(rng):
    """The registers of a sparse string, in forms that Redis would not choose."""
    left = 16384
    written = b""
    while left > 0:
        form = rng.random()
        if form < 0.3:
            count = min(left, rng.randint(1, 4))
            written += bytes([0x80 | rng.randrange(32) << 2 | (count - 1)])
        elif form < 0.6:
            count = min(left, rng.randint(1, 64))
            written += bytes([count - 1])
        else:
            count = min(left, rng.choice([1, 65, 100, 5000, 16384, left]))
            written += bytes([0x40 | (count - 1) >> 8, (count - 1) & 255])
        left -= count
    return written


def damaged_runs(rng):
    """They seldom make up 16384."""
    if rng.random() < 0.7:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(0, 30)))
    written = whole_runs(rng)
    if written.endswith(b"\x00"):  # Redis reads the NUL behind a cut off string as its last byte, and then writes there
        written += b"\x00"
    return rng.choice([written[:-1], written + b"\x00", written + b"\x80", written + b"\xff\x7f\xff"])


def whole(rng):
    cached = rng.choice([b"\x00" * 8, b"\x07" + b"\x00" * 7, b"\x00" * 7 + b"\x80", b"\xff" * 8])
    return b"HYLL\x01" + rng.choice([b"\x00\x00\x00", b"abc"]) + cached + whole_runs(rng)


def patch(rng):
    return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 40)))


def damaged(rng):
    """A string that is one, or nearly one."""
    kind = rng.random()
    cached = rng.choice([b"\x00" * 8, b"\x07" + b"\x00" * 7, b"\x00" * 7 + b"\x80", b"\xff" * 8])
    if kind < 0.8:
        return b"HYLL\x01" + rng.choice([b"\x00\x00\x00", b"abc"]) + cached + damaged_runs(rng)
    if kind < 0.9:
        length = rng.choice([12288, 12288, 12288, 12287, 0])
        return b"HYLL\x00\x00\x00\x00" + cached + bytes(rng.randrange(256) for _ in range(16)) * (length // 16)
    return rng.choice([b"HYLL", b"HYLL\x02\x00\x00\x00" + b"\x00" * 8, b"hyll\x01\x00\x00\x00" + b"\x00" * 8 + b"\x7f\xff", b""])


ROWS = [
    (14, b"PFADD", whole_key, several(element, least=0)),
    (3, b"PFADD", whole_key, several(element, least=20, most=60)),
    (1, b"PFADD", whole_key, several(element, least=1500, most=2500)),
    (6, b"PFADD", whole_key, maybe(element, chance=0.9)),
    (8, b"PFCOUNT", key),
    (4, b"PFCOUNT", several(whole_key)),
    (1, b"PFCOUNT", several(key)),
    (8, b"PFMERGE", whole_key, several(whole_key, least=0)),
    (2, b"PFMERGE", key, several(key, least=0)),
    (2, b"SET", whole_key, whole),
    (5, exactly(b"SET", damaged_key, damaged)),
    (1, b"SET", key, value),
    (2, exactly(b"SETRANGE", damaged_key, one_of(b"0", b"4", b"15", b"16", b"17", b"30"), patch)),
    (1, exactly(b"APPEND", damaged_key, patch)),
    (1, b"LPUSH", key, value),
    (5, b"GET", key),
    (1, b"GETRANGE", key, index, index),
    (3, b"STRLEN", key),
    (2, b"OBJECT", b"ENCODING", key),
    (1, b"PFDEBUG", one_of(b"TODENSE", b"GETREG"), key),
    (4, b"PFDEBUG", one_of(b"DECODE", b"ENCODING", b"decode", b"BOGUS"), key),
    (1, b"EXPIRE", key, one_of(b"100000", b"-1")),
    (1, b"TTL", key),
    (2, b"DEL", key, maybe(key)),
]
