"""When two replies that are not equal agree all the same: by command, and for some by the encoding of the key.

A rule is a function (our reply, their reply, command) -> whether they agree; it is asked only when the replies differ.
A family's module may have rules of its own in COMPARISONS: they go before these.
"""

# Their replies list a whole collection: in order while it is small, in any order when it is a hash table. The harness asks for
# OBJECT ENCODING of their key in front of them; while redis-server says one of ORDERED_ENCODINGS the order must be the same.
ORDERED_BY_ENCODING = {b"SMEMBERS", b"HGETALL", b"HKEYS", b"HVALS", b"SSCAN", b"HSCAN", b"ZSCAN", b"DUMP"}
ORDERED_ENCODINGS = {b"listpack", b"intset"}

# Never made wrong at random: with a word less they would change what no later reply agrees about.
RANDOM = {b"SPOP"}

MILLISECONDS = 60_000  # the most that two servers' clocks and turns may be apart


def within(tolerance):
    """Integers at most `tolerance` apart; negative ones (no key, no time to live) must be equal."""
    def compare(ours, theirs, _command):
        return (ours[0] == theirs[0] == ":" and ours[1] >= 0 and theirs[1] >= 0 and abs(ours[1] - theirs[1]) <= tolerance)
    return compare


def same_elements(ours, theirs, _command=None):
    """Collections with the same elements in any order; of maps, the same pairs."""
    return (ours[0] == theirs[0] and ours[0] in "*~%" and ours[1] is not None and theirs[1] is not None and
            sorted(map(repr, ours[1])) == sorted(map(repr, theirs[1])))


def same_pairs(ours, theirs, _command=None):
    """The same in twos: RESP2's flat field, value, field, value ..."""
    if ours[0] != "*" or ours[0] != theirs[0] or ours[1] is None or theirs[1] is None:
        return same_elements(ours, theirs)
    return pairs_of(ours[1]) == pairs_of(theirs[1])


def pairs_of(items):
    return sorted(repr(items[i:i + 2]) for i in range(0, len(items), 2))


def same_set(ours, theirs, _command=None):
    """The result of SUNION, SINTER, SDIFF: in any order, unless redis-server made it from integers, in ascending order."""
    if not same_elements(ours, theirs):
        return False
    return len(theirs[1]) < 10 or not is_ascending(theirs[1])


def is_ascending(items):
    try:
        numbers = [int(item[1]) for item in items]
    except ValueError:
        return False
    return numbers == sorted(numbers)


def same_shape(ours, theirs, _command=None):
    """Random picks: as many on both sides, of the same types."""
    if ours[0] != theirs[0] or ours[0] == "-" or (ours[1] is None) != (theirs[1] is None):
        return False
    return ours[0] not in "*~%" or ours[1] is None or len(ours[1]) == len(theirs[1])


def popped_set(ours, theirs, command):
    """SPOP: all members popped are the same members; of some, as many."""
    if same_elements(ours, theirs):
        return True
    return same_shape(ours, theirs, command)


def both_present(ours, theirs, _command):
    """Two random picks: both something or both nothing."""
    return ours[0] == theirs[0] and (ours[1] is None) == (theirs[1] is None)


def both_integers(ours, theirs, _command):
    """Two counts that say nothing to a client."""
    return ours[0] == theirs[0] == ":"


def idle_at_most_theirs(ours, theirs, _command):
    """Small numbers are one object for all keys on redis-server, so that a key may seem idle that was just written."""
    return ours[0] == theirs[0] == ":" and 0 <= ours[1] <= theirs[1] + 1


def scans_of(width):
    """SCAN and its kin, `width` elements an item: a scan that both did in one step gives the same; of parts nothing is said."""
    def compare(ours, theirs, command):
        if any(reply[0] != "*" or len(reply[1] or ()) != 2 for reply in (ours, theirs)):
            return False
        cursor = command[1] if width == 0 else command[2] if len(command) > 2 else b""
        if cursor.strip(b"0") == b"" and ours[1][0] == theirs[1][0] == ("$", b"0"):
            return (same_pairs if width == 2 else same_elements)(ours[1][1], theirs[1][1])
        return True
    return compare


def both_errors(ours, theirs, _command):
    """A word more, which a later Redis takes and redis-server here does not: both refuse what it is in these tests."""
    return ours[0] == theirs[0] == "-"


def near_id(ours, theirs, _command=None):
    """Two stream ids that the clock gave: at most MILLISECONDS apart."""
    if ours[0] != "$" or theirs[0] != "$" or ours[1] is None or theirs[1] is None:
        return False
    parts = [reply[1].split(b"-") for reply in (ours, theirs)]
    if any(len(part) != 2 or not part[0].isdigit() or not part[1].isdigit() for part in parts):
        return False
    return abs(int(parts[0][0]) - int(parts[1][0])) <= MILLISECONDS


def added_id(ours, theirs, command):
    """XADD: the ids of XADD ... * only."""
    return b"*" in command and near_id(ours, theirs)


def similar(ours, theirs, is_loose):
    """The same structure; where values differ, is_loose(path, mine, other) decides. `path` has the names and places above."""
    def walk(mine, other, path):
        if mine == other:
            return True
        if mine[0] != other[0]:
            return False
        if mine[0] == "%" and len(mine[1]) == len(other[1]):
            return all(a[0] == b[0] and walk(a[1], b[1], path + (a[0][1],)) for a, b in zip(mine[1], other[1]))
        if mine[0] in "*~" and mine[1] is not None and other[1] is not None and len(mine[1]) == len(other[1]):
            steps = []
            for at, item in enumerate(mine[1]):
                named = at % 2 == 1 and mine[1][at - 1][0] == "$" and mine[1][at - 1] == other[1][at - 1]
                steps.append(mine[1][at - 1][1] if named else at)
            return all(walk(a, b, path + (step,)) for a, b, step in zip(mine[1], other[1], steps))
        return is_loose(path, mine, other)
    return walk(ours, theirs, ())


def near_time(mine, other):
    return mine[0] == other[0] == ":" and abs(mine[1] - other[1]) <= MILLISECONDS


# Fields of XINFO that are times, or say how redis-server keeps a stream.
TIMES = {b"idle", b"inactive", b"seen-time", b"active-time"}
STRUCTURE = {b"radix-tree-keys", b"radix-tree-nodes"}


def same_xinfo(ours, theirs, _command):
    def is_loose(path, mine, other):
        if path and path[-1] in STRUCTURE:
            return mine[0] == other[0] == ":"
        if path and path[-1] in TIMES:
            return near_time(mine, other)
        # FULL: [id, consumer, delivery time, count] in a group's pending list, [id, delivery time, count] in a consumer's.
        if any(name in path for name in (b"pel", b"pending")) and path[-1] in (1, 2, 3):
            return near_time(mine, other) and mine[1] > 10**9
        return False
    return similar(ours, theirs, is_loose)


def same_xpending(ours, theirs, _command):
    """[id, consumer, idle time, count] each."""
    return similar(ours, theirs, lambda path, mine, other: len(path) == 2 and path[1] == 2 and near_time(mine, other))


RULES = {
    b"TTL": within(1), b"EXPIRETIME": within(1), b"PTTL": within(1500), b"PEXPIRETIME": within(1500),
    b"OBJECT IDLETIME": idle_at_most_theirs, b"OBJECT REFCOUNT": both_integers, b"OBJECT FREQ": both_integers,
    b"KEYS": same_elements, b"RANDOMKEY": both_present,
    b"SCAN": scans_of(0), b"SSCAN": scans_of(1), b"HSCAN": scans_of(2), b"ZSCAN": scans_of(2),
    b"SMEMBERS": same_elements, b"HKEYS": same_elements, b"HVALS": same_elements, b"HGETALL": same_pairs,
    b"SUNION": same_set, b"SINTER": same_set, b"SDIFF": same_set, b"SPOP": popped_set,
    b"SRANDMEMBER": same_shape, b"HRANDFIELD": same_shape, b"ZRANDMEMBER": same_shape,
    b"DUMP": same_shape, b"ZRANK": both_errors, b"ZREVRANK": both_errors,
    b"XADD": added_id, b"XINFO": same_xinfo, b"XPENDING": same_xpending,
}


def agree(rules, command, ours, theirs, encoding=None):
    """Whether a command's replies agree. `encoding`: of its key on redis-server, where the harness has asked for it."""
    if ours == theirs:
        return True
    name = command[0].upper()
    if encoding in ORDERED_ENCODINGS and name in ORDERED_BY_ENCODING:
        return False
    compare = rules.get(name) or rules.get(b" ".join(command[:2]).upper())
    return compare is not None and compare(ours, theirs, command)
