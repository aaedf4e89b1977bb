"""SORT and SORT_RO over lists, sets and sorted sets, with keys to sort by and to get.

Left out is what has no order that could be compared: equal texts under ALPHA where redis-server's sort is not stable (BY with
LIMIT) or begins with the order of a hash table (sets, sorted sets; texts are equal up to a NUL). Sorted sets are large from the
start, for redis-server makes a small one large when it is sorted. And 1e400 is left out: redis-server fails for numbers that
come after it in the pipeline, too, as long as errno stays what it was.
"""

from .arguments import GARBAGE as ANY_GARBAGE, KEYS, integer, key, maybe, one_of, options, several

LISTS, SETS, ZSETS, DESTINATIONS = KEYS[:4], KEYS[4:6], KEYS[6:8], KEYS[8:10]
ELEMENTS = [b"%d" % number for number in range(-3, 14)] + [b"1.5", b"-0.5", b"1e3", b"007", b"10.0", b"1.0"]
TEXTS = [b"a", b"b", b"B", b"ab", b"", b" 1", b"1 ", b"0x10", b"inf", b"-inf", b"nan", b"\xff", b"\xc3\xa9", b"Zebra", b"-"]
PATTERNS = [b"w_*", b"w_*", b"*", b"w_*_x", b"h_*->f", b"h_*->f", b"h_*->", b"h_*->g", b"w_", b"#", b"", b"*->f", b"w_**",
            b"h_*->f->g", b"w_\x00*", b"w_*\x00", b"->*", b"##", b"#\x00x"]
GARBAGE = [word for word in ANY_GARBAGE if word not in (b"", b"\x00")]
CONFIGS = ({"zset-max-listpack-entries": "0"}, {"zset-max-listpack-entries": "0", "list-max-listpack-size": "4"},
           {"zset-max-listpack-entries": "0", "set-max-intset-entries": "4"})


def unsorted_agree(ours, theirs, command):
    """BY a constant that came by chance: a set has no order; as many replies."""
    patterns = [command[at + 1] for at in range(2, len(command) - 1) if command[at].upper() == b"BY"]
    is_constant = any(b"*" not in pattern.split(b"\x00")[0] for pattern in patterns)
    return is_constant and ours[0] == theirs[0] == "*" and len(ours[1]) == len(theirs[1])


COMPARISONS = {b"SORT": unsorted_agree, b"SORT_RO": unsorted_agree}


def list_key(rng):
    return rng.choice(LISTS)


def set_key(rng):
    return rng.choice(SETS)


def zset_key(rng):
    return rng.choice(ZSETS)


def destination(rng):
    return rng.choice(DESTINATIONS if rng.random() < 0.8 else LISTS)


def element(rng):
    return rng.choice(ELEMENTS) if rng.random() < 0.995 else rng.choice(TEXTS)


def text(rng):
    return rng.choice(TEXTS) if rng.random() < 0.6 else rng.choice(ELEMENTS)


def number(rng):
    return b"%d" % rng.randrange(-3, 16) if rng.random() < 0.9 else integer(rng)


def score(rng):
    return b"%d" % rng.randrange(-5, 5)


def weight_key(rng):
    return b"w_" + rng.choice(ELEMENTS) + rng.choice([b"", b"", b"", b"_x"])


def hash_key(rng):
    return b"h_" + rng.choice(ELEMENTS)


def weight(rng):
    return b"%d" % rng.randrange(-10, 10) if rng.random() < 0.997 else rng.choice(TEXTS)


def pattern(rng):
    return rng.choice(PATTERNS)


ORDER = maybe(one_of(b"ASC", b"DESC", b"desc"))
LIMIT = maybe(b"LIMIT", number, number)
GETS = maybe(several(b"GET", pattern, most=3), chance=0.4)
STORE = maybe(b"STORE", destination, chance=0.3)
# Anything goes where scores decide: equal ones are told apart by their texts.
NUMERIC = options((b"ASC",), (b"DESC",), (b"LIMIT", number, number), (b"GET", pattern), (b"GET", b"#"), (b"BY", b"w_*"),
                  (b"BY", b"h_*->f"), (b"BOGUS",), (b"LIMIT", number), (b"STORE", destination), most=4)
NAME = one_of(b"SORT", b"SORT", b"sort", b"SORT_RO")

ROWS = [
    (6, b"RPUSH", list_key, several(element, most=12)),
    (1, b"RPUSH", list_key, several(text, most=4)),
    (1, b"RPUSH", list_key, several(element, least=100, most=400)),
    (4, b"SADD", set_key, several(element, most=12)),
    (1, b"SADD", set_key, several(text, most=4)),
    (1, b"SADD", set_key, several(element, least=100, most=400)),
    (3, b"ZADD", zset_key, several(score, element, most=12)),
    (1, b"ZADD", zset_key, several(score, text, most=4)),
    (1, b"SET", key, one_of(weight, text)),
    (5, b"MSET", several(weight_key, weight, most=8)),
    (3, b"HSET", hash_key, one_of(b"f", b"g"), weight),
    (1, b"LPUSH", weight_key, b"1"),
    (1, b"LPUSH", hash_key, b"1"),
    (10, NAME, key, NUMERIC),
    (6, NAME, key, ORDER, LIMIT, GETS),
    (5, b"SORT", key, b"BY", one_of(b"w_*", b"h_*->f", b"w_*_x", b"*"), ORDER, LIMIT, GETS, STORE),
    (6, b"SORT", key, b"ALPHA", ORDER, LIMIT, GETS, STORE),
    (5, b"SORT", list_key, b"ALPHA", b"BY", one_of(b"w_*", b"h_*->f"), ORDER, GETS, STORE),
    (5, NAME, one_of(list_key, zset_key), b"BY", one_of(b"nosort", b"#", b""), ORDER, LIMIT, GETS),
    (4, b"SORT", one_of(list_key, zset_key, set_key), b"BY", b"nosort", ORDER, LIMIT, GETS, b"STORE", destination),
    (3, b"SORT", one_of(list_key, zset_key, set_key), ORDER, LIMIT, GETS, b"STORE", destination),
    (1, b"COMMAND", one_of(b"GETKEYS", b"GETKEYSANDFLAGS"), NAME, key, NUMERIC),
    (4, b"LRANGE", one_of(destination, list_key), b"0", b"-1"),
    (1, b"EXPIRE", key, one_of(b"100000", b"-1")),
    (1, b"TTL", key),
    (1, b"DEL", key),
    (1, b"DEL", one_of(list_key, set_key, zset_key)),
]
