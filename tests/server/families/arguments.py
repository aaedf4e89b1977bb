"""What rows are made of: each name is a function from a random generator to one word, or to a list of words.

A row is (weight, word or function, ...). Words are taken as they are. Pools are tiny so that commands meet each other's keys.
Times to live are either over or at least 100 s away, and never the same twice, so that no reply depends on the moment.
"""

KEYS = [b"a", b"b", b"c", b"d", b"e", b"", b"nul\x00key", b"{tag}1", b"{tag}2", b"{}x", b"\xff\xfe", b"long" * 75]
DATABASES = [b"0", b"1", b"2"]
INTEGERS = [b"0", b"1", b"-1", b"2", b"7", b"10", b"-10", b"100", b"12345678", b"9223372036854775807", b"-9223372036854775808",
            b"9223372036854775806", b"-9223372036854775807", b"4294967296", b"2147483648"]
NOT_INTEGERS = [b"", b"x", b"1.5", b"9223372036854775808", b"-9223372036854775809", b" 1", b"1 ", b"+1", b"01", b"-0", b"0x10",
                b"1e3", b"\x00", b"--1", b"99999999999999999999999999"]
FLOATS = [b"0", b"1.5", b"-1.5", b"0.1", b"3.0", b"1e3", b"-2.5e-3", b"1e17", b"123456789.123456789", b"1e308", b"-1e308", b"5e-324",
          b"0.30000000000000004", b"-0.0", b"1000000000000000000000"]
NOT_FLOATS = [b"", b"x", b"nan", b"inf", b"-inf", b" 1", b"1 ", b"1.5x", b"1e", b"\x00", b"1,5", b"1e5000"]
GARBAGE = [b"", b"x", b"-1", b"1.5", b"9223372036854775808", b" 1", b"\x00", b"NX", b"*", b"a" * 200, b"\r\n", b"(nil)"]
PATTERNS = [b"*", b"?", b"a*", b"*key", b"[a-c]", b"[^a]", b"{*", b"nul*", b"\\a", b"[", b"[]", b"", b"long*", b"*\x00*", b"**",
            b"[a", b"[z-a]", b"a\\", b"*tag*"]


def key(rng):
    return rng.choice(KEYS)


def database(rng):
    return rng.choice(DATABASES) if rng.random() < 0.9 else rng.choice([b"-1", b"16", b"99999", b"x", b""])


def value(rng):
    """A value: number, short, long, binary or empty."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(INTEGERS)
    if kind < 0.5:
        return rng.choice(FLOATS)
    if kind < 0.6:
        return rng.choice(NOT_INTEGERS)
    if kind < 0.9:
        return bytes(rng.choices(b"abcxyz 01\x00\xff\r\n", k=rng.randrange(0, 50)))
    return bytes([rng.randrange(256)]) * rng.randrange(0, 1500)


def integer(rng):
    return rng.choice(INTEGERS) if rng.random() < 0.85 else rng.choice(NOT_INTEGERS)


def number(rng):
    return rng.choice(FLOATS) if rng.random() < 0.85 else rng.choice(NOT_FLOATS)


def index(rng):
    """An index into a string, from either end."""
    kind = rng.random()
    if kind < 0.8:
        return b"%d" % rng.randrange(-60, 60)
    return integer(rng)


def offset(rng):
    """Where SETRANGE writes: never so far that a value becomes big."""
    return rng.choice([b"0", b"1", b"2", b"5", b"20", b"100", b"3000", b"-1", b"536870912", b"9223372036854775807", b"x", b"1.5"])


def bad_time(rng):
    return rng.choice([b"0", b"-1", b"-100", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775", b"x", b"",
                       b"1.5", b"9223372036854775808"])


def seconds(rng):
    return b"%d" % rng.randrange(100, 10**8) if rng.random() < 0.8 else bad_time(rng)


def milliseconds(rng):
    return b"%d" % rng.randrange(100_000, 10**11) if rng.random() < 0.8 else bad_time(rng)


def at_seconds(rng):
    return b"%d" % rng.randrange(2 * 10**9, 10**10) if rng.random() < 0.7 else rng.choice([b"1", b"1000", bad_time(rng)])


def at_milliseconds(rng):
    return b"%d" % rng.randrange(2 * 10**12, 10**13) if rng.random() < 0.7 else rng.choice([b"1", b"1000", bad_time(rng)])


def pattern(rng):
    return rng.choice(PATTERNS)


def one_of(*choices):
    """One of these words or functions."""
    return lambda rng: words(rng.choice(choices), rng)


def maybe(*parts, chance=0.5):
    """All of the parts, or nothing."""
    return lambda rng: [word for part in parts for word in words(part, rng)] if rng.random() < chance else []


def several(*parts, least=1, most=4):
    """The parts repeated."""
    return lambda rng: [word for _ in range(rng.randint(least, most)) for part in parts for word in words(part, rng)]


def options(*choices, most=3):
    """Up to `most` of the choices in any order; each is a tuple of parts. Often none."""
    def pick(rng):
        count = 0 if rng.random() < 0.3 else rng.randint(1, most)
        return [word for _ in range(count) for part in rng.choice(choices) for word in words(part, rng)]
    return pick


def words(part, rng):
    """The words of one part of a row."""
    if callable(part):
        part = part(rng)
    return part if isinstance(part, list) else [part]
