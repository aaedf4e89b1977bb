"""Each single request for memory of a command that takes steps, waits, or changes tables is refused once, on any thread.

test_refused_memory.py does the same for the short commands of each family. Here a refusal meets whatever thread asks next: the
connection's, another one that runs its batch, the acceptor, background work.
"""

import pytest

from harness.refusals import Case, Refuser, Sweep, has_refusals

NUMBERS = range(1800)
FIELDS = [word for number in NUMBERS for word in ("field:%d" % number, "value:%d" % number)]
MEMBERS = ["member:%d" % number for number in NUMBERS]
OTHERS = ["member:%d" % number for number in range(900, 2700)]
SCORED = [word for number, name in enumerate(MEMBERS) for word in (str(number), name)]
OTHER_SCORED = [word for number, name in enumerate(OTHERS) for word in (str(number), name)]
ITEMS = [str(number % 600) + "-item" for number in NUMBERS]

HASH = [("HSET", "h", *FIELDS)]
SETS = [("SADD", "{a}s", *MEMBERS), ("SADD", "{b}t", *OTHERS), ("SADD", "{a}u", *OTHERS)]
ZSETS = [("ZADD", "{a}z", *SCORED), ("ZADD", "{b}y", *OTHER_SCORED), ("ZADD", "{a}x", *OTHER_SCORED)]
LIST = [("RPUSH", "l", *ITEMS)]
KEYS = [("MSET", *[word for number in range(300) for word in ("k:%d" % number, "v")])]
NUMBERED = [("RPUSH", "{a}n", *[str(7 * number % 1801) for number in NUMBERS]),
            ("MSET", *[word for number in range(0, 1801, 3) for word in ("{a}w%d" % number, str(-number))])]
STREAM = [("XADD", "{a}q", "%d-1" % (number + 1), "f", "value-%d" % number) for number in range(700)]
GROUP = STREAM + [("XGROUP", "CREATE", "{a}q", "g", "0")]
PENDING = GROUP + [("XREADGROUP", "GROUP", "g", "c", "COUNT", "700", "STREAMS", "{a}q", ">")]
TWO_STREAMS = GROUP + [("XADD", "{a}r", "%d-1" % (number + 1), "f", "v") for number in range(600)] + \
    [("XGROUP", "CREATE", "{a}r", "g", "0")]
BIG = [("HSET", "{a}big", *[word for number in NUMBERS for word in ("f%d" % number, "x" * 60)])]

JOBS = {
    "hash": [
        Case(HASH, "HGETALL", "h", keys=["h"]), Case(HASH, "HKEYS", "h", keys=["h"]), Case(HASH, "HVALS", "h", keys=["h"]),
        Case(HASH, "HSCAN", "h", "0", "COUNT", "1500", keys=["h"]),
        Case(HASH, "HRANDFIELD", "h", "900", "WITHVALUES", keys=["h"], random=True),
        Case(HASH, "DEL", "h", keys=["h"]),
    ],
    "set": [
        Case(SETS, "SMEMBERS", "{a}s", keys=["{a}s"]), Case(SETS, "SUNION", "{a}s", "{a}u", keys=["{a}s", "{a}u"]),
        Case(SETS, "SINTER", "{a}s", "{b}t", keys=["{a}s", "{b}t"]),
        Case(SETS, "SDIFFSTORE", "{a}d", "{a}s", "{a}u", keys=["{a}d", "{a}s", "{a}u"]),
        Case(SETS, "SUNIONSTORE", "{b}d", "{a}s", "{b}t", keys=["{b}d", "{a}s", "{b}t"]),
        Case(SETS, "SINTERCARD", "2", "{a}s", "{a}u", keys=["{a}s", "{a}u"]),
        Case(SETS, "SRANDMEMBER", "{a}s", "900", keys=["{a}s"], random=True),
        Case(SETS, "SPOP", "{a}s", "900", keys=["{a}s"], random=True, partial=True),
        Case(SETS, "SSCAN", "{a}s", "0", "COUNT", "1500", keys=["{a}s"]),
    ],
    "zset": [
        Case(ZSETS, "ZRANGE", "{a}z", "0", "-1", "WITHSCORES", keys=["{a}z"]),
        Case(ZSETS, "ZRANGESTORE", "{a}d", "{a}z", "10", "-1", keys=["{a}z", "{a}d"]),
        Case(ZSETS, "ZRANGESTORE", "{b}d", "{a}z", "10", "-1", keys=["{a}z", "{b}d"]),
        Case(ZSETS, "ZREMRANGEBYRANK", "{a}z", "5", "1700", keys=["{a}z"]),
        Case(ZSETS, "ZREMRANGEBYSCORE", "{a}z", "-inf", "1700", keys=["{a}z"]),
        Case(ZSETS, "ZPOPMIN", "{a}z", "1600", keys=["{a}z"]),
        Case(ZSETS, "ZUNIONSTORE", "{a}d", "2", "{a}z", "{a}x", keys=["{a}d", "{a}z", "{a}x"]),
        Case(ZSETS, "ZINTERSTORE", "{b}d", "2", "{a}z", "{b}y", keys=["{b}d", "{a}z", "{b}y"]),
        Case(ZSETS, "ZDIFF", "2", "{a}z", "{b}y", keys=["{a}z", "{b}y"]),
        Case(ZSETS, "ZINTERCARD", "2", "{a}z", "{a}x", keys=["{a}z", "{a}x"]),
        Case(ZSETS, "ZSCAN", "{a}z", "0", "COUNT", "1500", keys=["{a}z"]),
        Case(ZSETS, "ZRANDMEMBER", "{a}z", "900", keys=["{a}z"], random=True),
    ],
    "list": [
        Case(LIST, "LRANGE", "l", "0", "-1", keys=["l"]), Case(LIST, "LREM", "l", "0", "7-item", keys=["l"]),
        Case(LIST, "LINSERT", "l", "BEFORE", "599-item", "x" * 300, keys=["l"]),
        Case(LIST, "LPOS", "l", "599-item", "COUNT", "0", keys=["l"]), Case(LIST, "LTRIM", "l", "700", "-10", keys=["l"]),
        Case(LIST, "LPOP", "l", "1700", keys=["l"]), Case(LIST, "LSET", "l", "900", "y" * 300, keys=["l"]),
    ],
    "sort": [
        Case(NUMBERED, "SORT", "{a}n", keys=["{a}n"]), Case(NUMBERED, "SORT", "{a}n", "ALPHA", "DESC", keys=["{a}n"]),
        Case(NUMBERED, "SORT", "{a}n", "BY", "{a}w*", "GET", "{a}w*", "GET", "#", keys=["{a}n"]),
        Case(NUMBERED, "SORT", "{a}n", "STORE", "{a}d", keys=["{a}n", "{a}d"]),
        Case(NUMBERED, "SORT", "{a}n", "STORE", "{b}d", keys=["{a}n", "{b}d"]),
    ],
    "key": [
        Case(KEYS, "KEYS", "k:*"), Case(KEYS, "SCAN", "0", "COUNT", "250"), Case(KEYS, "RANDOMKEY", random=True),
        Case(BIG, "COPY", "{a}big", "{a}d", keys=["{a}big", "{a}d"]), Case(BIG, "COPY", "{a}big", "{b}d", keys=["{a}big", "{b}d"]),
        Case(BIG, "COPY", "{a}big", "{a}big", "DB", "3", keys=["{a}big"]),
        Case(BIG, "RENAME", "{a}big", "{b}d", keys=["{a}big", "{b}d"]), Case(BIG, "RENAME", "{a}big", "{a}d", keys=["{a}big", "{a}d"]),
        Case(BIG, "MOVE", "{a}big", "2", keys=["{a}big"]), Case(BIG, "DUMP", "{a}big", keys=["{a}big"]),
        Case(KEYS, "DEL", *["k:%d" % number for number in range(300)], keys=["k:1"], partial=True),
        Case(KEYS, "MGET", *["k:%d" % number for number in range(300)], keys=["k:1"]),
        Case([], "MSET", *[word for number in range(100) for word in ("m:%d" % number, "v")], keys=["m:1"], partial=True),
        Case([], "MSETNX", *[word for number in range(100) for word in ("m:%d" % number, "v")], keys=["m:1"], partial=True),
    ],
    "database": [
        Case(KEYS + HASH + ZSETS, "FLUSHALL", keys=["h"]), Case(KEYS + HASH, "FLUSHDB", "ASYNC", keys=["h"]),
        Case(KEYS + HASH, "SWAPDB", "0", "1", keys=["h"]), Case(KEYS, "DBSIZE"),
    ],
    "string": [
        Case([("SETRANGE", "b", "300000", "x"), ("SETBIT", "c", "2500000", "1")], "BITOP", "OR", "d", "b", "c", keys=["b", "c", "d"]),
        Case([("SETRANGE", "b", "3000000", "x")], "BITCOUNT", "b", keys=["b"]),
        Case([("SETRANGE", "b", "3000000", "x")], "BITPOS", "b", "1", keys=["b"]),
        Case([("SET", "{a}b", "ohmytext" * 100), ("SET", "{a}c", "mynewtext" * 100)], "LCS", "{a}b", "{a}c", "IDX",
             keys=["{a}b", "{a}c"]),
        Case([("SETRANGE", "b", "600000", "x")], "APPEND", "b", "y" * 600000, keys=["b"]),
    ],
    "stream": [
        Case(STREAM, "XRANGE", "{a}q", "-", "+", keys=["{a}q"]), Case(STREAM, "XREAD", "STREAMS", "{a}q", "0", keys=["{a}q"]),
        Case(STREAM, "XTRIM", "{a}q", "MAXLEN", "10", keys=["{a}q"]),
        Case(GROUP, "XREADGROUP", "GROUP", "g", "c", "COUNT", "650", "STREAMS", "{a}q", ">", keys=["{a}q"], partial=True, hidden=True),
        Case(TWO_STREAMS, "XREADGROUP", "GROUP", "g", "c", "COUNT", "650", "STREAMS", "{a}q", "{a}r", ">", ">",
             keys=["{a}q", "{a}r"], partial=True, hidden=True),
        Case(PENDING, "XREADGROUP", "GROUP", "g", "c", "STREAMS", "{a}q", "0", keys=["{a}q"]),
        Case(PENDING, "XCLAIM", "{a}q", "g", "d", "0", *["%d-1" % number for number in range(1, 600)], keys=["{a}q"], partial=True, hidden=True),
        Case(PENDING, "XAUTOCLAIM", "{a}q", "g", "d", "0", "0", "COUNT", "650", keys=["{a}q"], partial=True, hidden=True),
        Case(PENDING, "XGROUP", "DELCONSUMER", "{a}q", "g", "c", keys=["{a}q"], partial=True, hidden=True),
        Case(PENDING, "XGROUP", "DESTROY", "{a}q", "g", keys=["{a}q"], hidden=True),
        Case(PENDING, "XACK", "{a}q", "g", *["%d-1" % number for number in range(1, 600)], keys=["{a}q"], partial=True, hidden=True),
        Case(PENDING, "XPENDING", "{a}q", "g", "-", "+", "600", keys=["{a}q"], random=True),
        Case(PENDING, "XINFO", "STREAM", "{a}q", "FULL", "COUNT", "0", keys=["{a}q"], random=True),
    ],
    "memory": [
        Case(KEYS + HASH, "MEMORY", "PREFIX", random=True), Case(KEYS + HASH, "MEMORY", "PURGE"),
        Case(KEYS + HASH, "MEMORY", "STATS", random=True), Case(KEYS + HASH, "MEMORY", "DOCTOR", random=True),
        Case(KEYS + HASH, "MEMORY", "AUDIT"), Case(KEYS + HASH, "MEMORY", "TOP", random=True),
        Case(HASH, "MEMORY", "USAGE", "h"), Case(KEYS, "MEMORY", "HISTORY", random=True),
        Case(KEYS, "MEMORY", "MALLOC-STATS", random=True), Case(KEYS + HASH, "INFO", "everything", random=True),
    ],
}


@pytest.fixture(name="refuser")
def refuser_fixture(start, shards):
    server = start("--enable-debug-command", "yes", shards=shards)
    if not has_refusals(server):
        pytest.skip("this build has no DEBUG REFUSE-MEMORY")
    return Refuser(server)


def refuse_all(refuser, cases):
    for case in cases:
        try:
            assert Sweep(refuser, case).run() > 0, "nothing was refused"
            refuser.check_end()
        except AssertionError as error:
            raise AssertionError("%r ...: %s" % (case.words[:8], error)) from error


@pytest.mark.parametrize("group", JOBS)
def test_jobs(refuser, group):
    refuse_all(refuser, JOBS[group])
