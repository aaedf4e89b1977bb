"""Bits of strings: SETBIT to BITFIELD."""

from .arguments import index, integer, key, maybe, number, one_of, options, several, value

BAD_OFFSETS = [b"-1", b"4294967296", b"9223372036854775807", b"x", b"", b"1.5", b"#1", b"1 "]
BAD_TYPES = [b"u64", b"i65", b"i0", b"u0", b"x8", b"I8", b"i", b"", b"u-1", b"i08", b"i8 ", b"8"]


def bit_offset(rng):
    """A place that never makes a long string."""
    if rng.random() < 0.9:
        return b"%d" % rng.choice([rng.randrange(0, 20), rng.randrange(0, 600), 100_000])
    return rng.choice(BAD_OFFSETS)


def bit(rng):
    return rng.choice([b"0", b"1"]) if rng.random() < 0.93 else rng.choice([b"2", b"-1", b"x", b"", b"1.5", b"01"])


def field_type(rng):
    if rng.random() < 0.04:
        return rng.choice(BAD_TYPES)
    if rng.random() < 0.5:
        return b"i%d" % rng.randint(1, 64)
    return b"u%d" % rng.randint(1, 63)


def field_offset(rng):
    if rng.random() < 0.3:
        return b"#%d" % rng.randrange(0, 12)
    if rng.random() < 0.04:
        return rng.choice([b"#-1", b"#", b"#x", b"##1", b"#4294967296", b"#9223372036854775807"])
    return bit_offset(rng)


def field_number(rng):
    if rng.random() < 0.5:
        return b"%d" % rng.randrange(-300, 300)
    if rng.random() < 0.5:
        return b"%d" % (rng.choice([2, -2]) * 2 ** rng.randrange(0, 62))
    return integer(rng)


FIELDS = one_of(
    [b"x"], *[maybe(*parts, chance=1) for parts in (
        (b"GET", field_type, field_offset), (b"SET", field_type, field_offset, field_number),
        (b"INCRBY", field_type, field_offset, field_number), (b"incrby", field_type, field_offset, field_number),
        (b"OVERFLOW", one_of(b"WRAP", b"SAT", b"FAIL", b"fail", b"sat"), b"INCRBY", field_type, field_offset, field_number),
        (b"OVERFLOW", one_of(b"SAT", b"FAIL", b"SAT", b"FAIL", b"x"), b"SET", field_type, field_offset, field_number))] * 4)
UNITS = maybe(one_of(b"BYTE", b"BIT", b"bit", b"BIT", b"BOGUS"))
SPARSE_VALUES = [b"\x00" * 40 + b"\x01" + b"\x00" * 7, b"\xff" * 33, b"\x00" * 9, b"\xff" * 70 + b"\xfe", b"\x80",
                 b"\x00" * 129 + b"\x10"]

ROWS = [
    (8, b"SETBIT", key, bit_offset, bit),
    (6, b"GETBIT", key, bit_offset),
    (6, b"SET", key, value),
    (5, b"SET", key, one_of(*SPARSE_VALUES)),
    (2, b"SETRANGE", key, one_of(b"0", b"7", b"120"), value),
    (1, b"LPUSH", key, value),
    (3, b"BITCOUNT", key),
    (6, b"BITCOUNT", key, index, index, UNITS),
    (1, b"BITCOUNT", key, index),
    (3, b"BITPOS", key, bit),
    (3, b"BITPOS", key, bit, index),
    (6, b"BITPOS", key, bit, index, index, UNITS),
    (8, b"BITOP", one_of(b"AND", b"OR", b"XOR", b"xor", b"NOT"), key, several(key)),
    (2, b"BITOP", b"NOT", key, key),
    (1, b"BITOP", b"BOGUS", key, key),
    (15, b"BITFIELD", key, several(FIELDS)),
    (3, b"BITFIELD_RO", key, several(maybe(b"GET", field_type, field_offset, chance=0.98))),
    (1, b"BITFIELD_RO", key, several(FIELDS)),
    (1, b"BITFIELD", key, options((b"OVERFLOW",), (b"GET", b"u8"), (b"OVERFLOW", b"SAT"), (b"GET", b"u8", b"0"))),
    (4, b"GET", key),
    (1, b"STRLEN", key),
    (2, b"OBJECT", b"ENCODING", key),
    (1, b"APPEND", key, value),
    (1, b"INCRBYFLOAT", key, number),
    (1, b"EXPIRE", key, one_of(b"100000", b"-1")),
    (1, b"TTL", key),
    (2, b"DEL", key),
]
