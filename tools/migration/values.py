"""Whether a key has the same value on two servers, by what can be read: a piece at a time, so big values need no memory.

same_value() gives None, or a few words about the first difference.
"""

from .wire import ErrorReply, encode

ITEMS = 1000
PIECE = 1 << 20
GROUP_FIELDS = (b"name", b"consumers", b"pending", b"last-delivered-id")


def _both(source, target, *words):
    for connection in (source, target):
        connection.send(encode(*words))
    mine, other = source.read(), target.read()
    if isinstance(mine, ErrorReply):
        return mine, mine
    return mine, other


def _differ(source, target, *words):
    mine, other = _both(source, target, *words)
    if isinstance(mine, ErrorReply):
        return "%s: %s" % (words[0], mine)
    if mine != other:
        return "%s: %s and %s" % (words[0], _short(mine), _short(other))
    return None


def _short(reply):
    text = str(reply)
    return text if len(text) <= 40 else "%s..." % text[:40]


def _strings(source, target, key):
    difference = _differ(source, target, "STRLEN", key)
    length = target.run("STRLEN", key) if difference is None else 0
    for at in range(0, length, PIECE):
        mine, other = _both(source, target, "GETRANGE", key, at, at + PIECE - 1)
        if mine != other:
            return "bytes %d to %d differ" % (at, at + PIECE - 1)
    return difference


def _lists(source, target, key):
    difference = _differ(source, target, "LLEN", key)
    count = target.run("LLEN", key) if difference is None else 0
    for at in range(0, count, ITEMS):
        mine, other = _both(source, target, "LRANGE", key, at, at + ITEMS - 1)
        if mine != other:
            return "items %d to %d differ" % (at, at + ITEMS - 1)
    return difference


def _by_scan(counter, scan, ask, values):
    """Compares collections without order: what `scan` gives at the source is asked for at the target by `ask(key, items)`."""
    def compare(source, target, key):
        difference = _differ(source, target, counter, key)
        cursor = b""
        while difference is None and cursor != b"0":
            reply = source.call(scan, key, cursor or b"0", "COUNT", ITEMS)
            if isinstance(reply, ErrorReply):
                return "%s: %s" % (scan, reply)
            cursor, items = reply
            if items and not values(target, ask, key, items):
                difference = "its members differ"
        return difference
    return compare


def _has_members(target, ask, key, members):
    return all(reply == 1 for reply in target.pipeline([encode(ask, key, member) for member in members]))


def _has_fields(target, ask, key, items):
    return target.call(ask, key, *items[::2]) == items[1::2]


def _has_scores(target, ask, key, items):
    replies = target.pipeline([encode(ask, key, member) for member in items[::2]])
    return all(isinstance(reply, bytes) and float(reply) == float(score) for reply, score in zip(replies, items[1::2]))


def groups(reply):
    """What XINFO GROUPS says, by the fields that all versions have."""
    if not isinstance(reply, list):
        return None
    found = []
    for group in reply:
        fields = dict(zip(group[::2], group[1::2]))
        found.append([fields.get(name) for name in GROUP_FIELDS])
    return sorted(found)


def _streams(source, target, key):
    difference = _differ(source, target, "XLEN", key)
    start = b"-"
    while difference is None:
        mine, other = _both(source, target, "XRANGE", key, start, "+", "COUNT", ITEMS)
        if mine != other:
            return "its entries differ"
        if isinstance(mine, ErrorReply) or len(mine) < ITEMS:
            break
        first, second = mine[-1][0].split(b"-")
        start = b"%b-%d" % (first, int(second) + 1) if int(second) < 2**64 - 1 else b"%d-0" % (int(first) + 1)
    return difference or same_groups(source, target, key)


def same_groups(source, target, key):
    """The consumer groups of a stream."""
    mine, other = _both(source, target, "XINFO", "GROUPS", key)
    return "its consumer groups differ" if groups(mine) != groups(other) else None


COMPARERS = {b"string": _strings, b"list": _lists, b"stream": _streams,
             b"set": _by_scan("SCARD", "SSCAN", "SISMEMBER", _has_members),
             b"hash": _by_scan("HLEN", "HSCAN", "HMGET", _has_fields),
             b"zset": _by_scan("ZCARD", "ZSCAN", "ZSCORE", _has_scores)}


def same_value(source, target, key):
    kind, other = _both(source, target, "TYPE", key)
    if isinstance(kind, ErrorReply):
        return "TYPE: %s" % kind
    if kind == b"none":
        return None if other == b"none" else "gone from the source"
    if other == b"none":
        return "missing"
    if kind != other:
        return "a %s, and a %s at the target" % (kind.decode(), other.decode())
    compare = COMPARERS.get(kind)
    return compare(source, target, key) if compare else "of the type %s" % kind.decode("utf-8", "replace")
