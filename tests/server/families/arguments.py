"""What rows are made of: each name is a function from a random generator to one word, or to a list of words.

A row is (weight, word or function, ...), or (weight, Group): several commands that belong together. Words are
taken as they are. Pools are tiny so that commands meet each other's keys.
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


def binary(rng, alphabet, length):
    """Random bytes, which are no option of a command to redis-server, which compares words up to their first NUL only."""
    text = bytes(rng.choices(alphabet, k=length))
    return b"z" + text if text.partition(b"\x00")[0] in (b"xx", b"by") else text


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
        return binary(rng, b"abcxyz 01\x00\xff\r\n", rng.randrange(0, 50))
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


def few_or_many(*parts, most=4, many=700, chance=0.03):
    """As several; now and then so many that a collection leaves its small encoding at once."""
    def pick(rng):
        count = rng.randint(most + 1, many) if rng.random() < chance else rng.randint(1, most)
        return [word for _ in range(count) for part in parts for word in words(part, rng)]
    return pick


def command(*parts):
    """A function that makes one command, for groups: command(b"SET", key, value)(rng)."""
    return lambda rng: [word for part in parts for word in words(part, rng)]


class Group:
    """Commands that follow each other without another between them. make(rng) gives (commands, check): check(replies) looks at
    the replies of one server and gives a sentence when they cannot be; None instead of a check: the replies are compared."""

    def __init__(self, make):
        self.make = make


def exactly(*parts):
    """A command that is never made wrong at random: with another word in a place it would mean nothing on both servers."""
    make = command(*parts)
    return Group(lambda rng: ([make(rng)], None))


def members_of(reply, width):
    """The elements of a reply without types: flat or, in RESP3, in pairs; `width` of them make one tuple."""
    flat = []
    for item in reply[1] or []:
        flat += [part[1] for part in (item[1] if item[0] == "*" else item if isinstance(item[0], tuple) else [item])]
    return [tuple(flat[i:i + width]) for i in range(0, len(flat), width)]


def picks(name, read, key_part, count_part, with_word=None):
    """A Group for SRANDMEMBER, HRANDFIELD, ZRANDMEMBER: what is picked must be there, as often as `count` says.

    read(key) is the command that gives all: members, or with `with_word` pairs.
    """
    def make(rng):
        where = words(key_part, rng)[0]
        count = words(count_part, rng)[0]
        extra = [with_word] if with_word else []
        width = 2 if with_word else 1

        def check(replies):
            if replies[0][0] == "-" or replies[1][0] == "-":
                return None
            there, picked = members_of(replies[0], width), members_of(replies[1], width)
            wanted = int(count)
            expected = min(wanted, len(there)) if wanted >= 0 else (-wanted if there else 0)
            if len(picked) != expected:
                return "%d picked instead of %d" % (len(picked), expected)
            if not set(picked) <= set(there):
                return "picked what is not there"
            if wanted >= 0 and len(set(picked)) != len(picked):
                return "picked twice"
            return None
        return [read(where), [name, where, count] + extra], check
    return Group(make)


def random_pops(name, read, key_part, count_part):
    """A Group for SPOP: what is popped was there and is there no longer, and all the rest is. The key is deleted at the end: from
    there on both servers would have different members."""
    def make(rng):
        where = words(key_part, rng)[0]
        count = words(count_part, rng)

        def check(replies):
            before, popped, after = replies[0], replies[1], replies[2]
            if "-" in (before[0], popped[0]):
                return None
            gone = members_of(popped, 1) if popped[0] in "*~" else [(popped[1],)] if popped[1] is not None else []
            if sorted(gone + members_of(after, 1)) != sorted(members_of(before, 1)):
                return "members before are not those popped and those after"
            return None
        return [read(where), [name, where] + count, read(where), [b"DEL", where]], check
    return Group(make)


def words(part, rng):
    """The words of one part of a row."""
    if callable(part):
        part = part(rng)
    return part if isinstance(part, list) else [part]
