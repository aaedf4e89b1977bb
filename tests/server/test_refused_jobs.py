"""Each single request for memory of a command that takes steps, waits, or changes tables is refused once, on any thread.

test_refused_memory.py does the same for the short commands of each family. Here a refusal meets whatever thread asks next: the
connection's, another one that runs its batch, the acceptor, background work.
"""

import pytest

from harness.refusals import Case, Refuser, Sweep, has_refusals

NUMBERS = range(1600)
FIELDS = [word for number in NUMBERS for word in ("field:%d" % number, "value:%d" % number)]
MEMBERS = ["member:%d" % number for number in NUMBERS]
OTHERS = ["member:%d" % number for number in range(900, 2500)]
SCORED = [word for number, name in enumerate(MEMBERS) for word in (str(number), name)]
OTHER_SCORED = [word for number, name in enumerate(OTHERS) for word in (str(number), name)]
ITEMS = [str(number % 600) + "-item" for number in NUMBERS]

HASH = [("HSET", "h", *FIELDS)]
SET = [("SADD", "{a}s", *MEMBERS)]
SETS = SET + [("SADD", "{a}u", *OTHERS)]
SPREAD_SETS = SET + [("SADD", "{b}t", *OTHERS)]
ZSET = [("ZADD", "{a}z", *SCORED)]
ZSETS = ZSET + [("ZADD", "{a}x", *OTHER_SCORED)]
SPREAD_ZSETS = ZSET + [("ZADD", "{b}y", *OTHER_SCORED)]
LIST = [("RPUSH", "l", *ITEMS)]
KEYS = [("MSET", *[word for number in range(300) for word in ("k:%d" % number, "v")])]
NUMBERED = [("RPUSH", "{a}n", *[str(7 * number % 1601) for number in NUMBERS]),
            ("MSET", *[word for number in range(0, 1601, 3) for word in ("{a}w%d" % number, str(-number))])]
STREAM = [("XADD", "{a}q", "%d-1" % (number + 1), "f", "value-%d" % number) for number in range(700)]
GROUP = STREAM + [("XGROUP", "CREATE", "{a}q", "g", "0")]
PENDING = GROUP + [("XREADGROUP", "GROUP", "g", "c", "COUNT", "700", "STREAMS", "{a}q", ">")]
# Of three groups: a trim that looks at all entries takes steps.
MOSTLY_ACKED = PENDING + [("XACK", "{a}q", "g", *["%d-1" % (number + 1) for number in range(0, 700, 2)])] + \
    [("XGROUP", "CREATE", "{a}q", name, "$") for name in ("h", "i")]
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
        Case(SET, "SMEMBERS", "{a}s", keys=["{a}s"]), Case(SETS, "SUNION", "{a}s", "{a}u", keys=["{a}s", "{a}u"]),
        Case(SPREAD_SETS, "SINTER", "{a}s", "{b}t", keys=["{a}s", "{b}t"]),
        Case(SETS, "SDIFFSTORE", "{a}d", "{a}s", "{a}u", keys=["{a}d", "{a}s", "{a}u"]),
        Case(SPREAD_SETS, "SUNIONSTORE", "{b}d", "{a}s", "{b}t", keys=["{b}d", "{a}s", "{b}t"]),
        Case(SETS, "SINTERCARD", "2", "{a}s", "{a}u", keys=["{a}s", "{a}u"]),
        Case(SET, "SRANDMEMBER", "{a}s", "900", keys=["{a}s"], random=True),
        Case(SET, "SPOP", "{a}s", "900", keys=["{a}s"], random=True, partial=True),
        Case(SET, "SSCAN", "{a}s", "0", "COUNT", "1500", keys=["{a}s"]),
    ],
    "zset": [
        Case(ZSET, "ZRANGE", "{a}z", "0", "-1", "WITHSCORES", keys=["{a}z"]),
        Case(ZSET, "ZRANGESTORE", "{a}d", "{a}z", "10", "-1", keys=["{a}z", "{a}d"]),
        Case(ZSET, "ZRANGESTORE", "{b}d", "{a}z", "10", "-1", keys=["{a}z", "{b}d"]),
        Case(ZSET, "ZREMRANGEBYRANK", "{a}z", "5", "1550", keys=["{a}z"]),
        Case(ZSET, "ZREMRANGEBYSCORE", "{a}z", "-inf", "1550", keys=["{a}z"]),
        Case(ZSET, "ZPOPMIN", "{a}z", "1550", keys=["{a}z"]),
        Case(ZSETS, "ZUNIONSTORE", "{a}d", "2", "{a}z", "{a}x", keys=["{a}d", "{a}z", "{a}x"]),
        Case(SPREAD_ZSETS, "ZINTERSTORE", "{b}d", "2", "{a}z", "{b}y", keys=["{b}d", "{a}z", "{b}y"]),
        Case(SPREAD_ZSETS, "ZDIFF", "2", "{a}z", "{b}y", keys=["{a}z", "{b}y"]),
        Case(ZSETS, "ZINTERCARD", "2", "{a}z", "{a}x", keys=["{a}z", "{a}x"]),
        Case(ZSET, "ZSCAN", "{a}z", "0", "COUNT", "1500", keys=["{a}z"]),
        Case(ZSET, "ZRANDMEMBER", "{a}z", "900", keys=["{a}z"], random=True),
    ],
    "list": [
        Case(LIST, "LRANGE", "l", "0", "-1", keys=["l"]), Case(LIST, "LREM", "l", "0", "7-item", keys=["l"]),
        Case(LIST, "LINSERT", "l", "BEFORE", "599-item", "x" * 300, keys=["l"]),
        Case(LIST, "LPOS", "l", "599-item", "COUNT", "0", keys=["l"]), Case(LIST, "LTRIM", "l", "700", "-10", keys=["l"]),
        Case(LIST, "LPOP", "l", "1550", keys=["l"]), Case(LIST, "LSET", "l", "900", "y" * 300, keys=["l"]),
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
        Case([], "MSETEX", "100", *[word for number in range(100) for word in ("m:%d" % number, "v")], "NX", keys=["m:1"],
             partial=True),
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
    "policies": [
        Case(PENDING, "XDELEX", "{a}q", "DELREF", "IDS", "2100", *["%d-1" % (number % 680 + 2) for number in range(2100)],
             keys=["{a}q"], partial=True, hidden=True),
        Case(PENDING, "XACKDEL", "{a}q", "g", "ACKED", "IDS", "1100", *["%d-1" % (number % 680 + 2) for number in range(1100)],
             keys=["{a}q"], partial=True, hidden=True),
        Case(MOSTLY_ACKED, "XADD", "{a}q", "MAXLEN", "5", "ACKED", "701-1", "f", "v", keys=["{a}q"], partial=True, random=True, hidden=True),
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


CREATED = [("TABLE.NAMESPACE.CREATE", "s"), ("TABLE.SCHEMA.CREATE", "s.t", "id:integer:hash", "name:string:hash", "size:integer",
                                             "note:string", "f:float", "d:date")]

MANY_IDS = [str(number) for number in range(1, 30)]


def rows(count):
    return CREATED + [("TABLE.INSERT", "s.t", "id=%d" % number, "name=n%d" % (number % 50), "size=%d" % (number % 10),
                       "note=" + "x" * (number % 211), "d=2024-02-%02d" % (1 + number % 28)) for number in range(count)]


FEW = rows(60)
MANY = rows(600)
BUILT = rows(1100)


UNIQUE_CREATED = CREATED[:1] + [("TABLE.SCHEMA.CREATE", "s.t", "id:integer:primary", "name:string:unique", "size:integer:btree:unique", "note:string")]


def unique_rows(count):
    return UNIQUE_CREATED + [("TABLE.INSERT", "s.t", "id=%d" % number, "name=n%d" % number, "size=%d" % number, "note=%d" % number)
                             for number in range(count)]


def unique_insert(first, count):
    return "TABLE.INSERT", "s.t", "COLUMNS", "id", "name", "VALUES", *(word for number in range(first, first + count)
                                                                       for word in (str(number), "n%d" % number))


def conflict_insert(first, count, *clause):
    words = unique_insert(first, count)
    return (*words[:5], "ONCONFLICT", *clause, *words[5:])


def table(before, *words, **more):
    return Case(before, *words, tables=["s.t"], **more)


TABLES = {
    "schema": [
        Case([], "TABLE.NAMESPACE.CREATE", "s"), Case(CREATED[:1], *CREATED[1]), Case(FEW, "TABLE.NAMESPACE.VIEW"),
        Case(FEW, "TABLE.SCHEMA.VIEW", "s.t"), Case(FEW, "TABLE.NAMESPACE.DROP", "s", "FORCE"),
        Case(MANY, "TABLE.DROP", "s.t", "FORCE"), Case(FEW, "TABLE.SCHEMA.DROP", "s.t", "FORCE"),
        table(FEW, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "COLUMN", "more:string"),
        table(BUILT, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "COLUMN", "more:string:notnull:default=new"),
        table(FEW, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "COLUMN", "more:string:default=" + "x" * 300),
        Case(FEW, "TABLE.SCHEMA.ALTER", "s.t", "RENAME", "TO", "s.u"), table(FEW, "TABLE.SCHEMA.ALTER", "s.t", "RENAME", "COLUMN", "name", "TO", "other"), Case(FEW, "TABLE.INFO", "s.t"),
        table(FEW, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "COLUMN", "more:integer:hash"),
        table(MANY, "TABLE.SCHEMA.ALTER", "s.t", "DROP", "COLUMN", "name"),
        table(FEW, "TABLE.SCHEMA.ALTER", "s.t", "DROP", "COLUMN", "id"),
        table(FEW, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "size"),
        table(BUILT, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "note:btree"),
        table(MANY, "TABLE.SCHEMA.ALTER", "s.t", "DROP", "INDEX", "name"),
        Case(FEW, "SWAPDB", "0", "1"), Case(MANY, "FLUSHDB"), Case(MANY, "FLUSHALL", "ASYNC"), Case(FEW, "MEMORY", "STATS", random=True),
        Case(FEW, "MEMORY", "USAGE", "TABLE", "s.t"), Case(FEW, "MEMORY", "TOP", random=True),
        Case(FEW, "MEMORY", "USAGE", "TABLE", "s.t", "INDEX", "name"), Case([], "TABLE.HELP"),
    ],
    "rows": [  # a refused INSERT may have taken an id, which is hidden
        table(CREATED, "TABLE.INSERT", "s.t", "id=1", "name=first", "size=300", "note=" + "y" * 400, "f=0.5", "d=2024-02-29",
              hidden=True),
        table(FEW, "TABLE.INSERT", "s.t", "id=100000", "name=other", "size=5000000000", "note=" + "y" * 400, "f=1", hidden=True),
        table(FEW, "TABLE.SELECT", "s.t"), table(FEW, "TABLE.SELECT", "s.t", "WHERE", "id=7"),
        table(FEW, "TABLE.SELECT", "s.t", "WHERE", "name=n7", "OR", "size>=8"),
        table(MANY, "TABLE.SELECT", "s.t"), table(MANY, "TABLE.SELECT", "s.t", "WHERE", "size<7"),
        table(FEW, "TABLE.UPDATE", "s.t", "WHERE", "id=7", "SET", "note=" + "z" * 300, "f=2.5"),
        table(FEW, "TABLE.UPDATE", "s.t", "WHERE", "size<5", "SET", "name=" + "z" * 300, "f=2.5", partial=True),
        table(FEW, "TABLE.UPDATE", "s.t", "WHERE", "size=5", "SET", "id=777", partial=True),
        table(MANY, "TABLE.UPDATE", "s.t", "SET", "name=changed", "f=3.5", partial=True),
        table(MANY, "TABLE.UPDATE", "s.t", "WHERE", "size<3", "SET", "note=" + "z" * 300, partial=True),
        table(MANY, "TABLE.UPDATE", "s.t", "WHERE", "size<3", "SET", "id=7", partial=True),
        table(FEW, "TABLE.DELETE", "s.t", "WHERE", "id=7"), table(FEW, "TABLE.DELETE", "s.t", "WHERE", "size<9"),
        table(FEW, "TABLE.DELETE", "s.t"), table(MANY, "TABLE.DELETE", "s.t", "WHERE", "size<9"), table(MANY, "TABLE.DELETE", "s.t"),
        table(FEW, "TABLE.APPLY", "s.t", "100", "INSERT", "id", "5", "name", "n", "note", "y" * 300),
        table(FEW, "TABLE.APPLY", "s.t", "8", "UPDATE", "AT", "7", "SET", "note", "y" * 300, "f", "1.5"),
        table(FEW, "TABLE.APPLY", "s.t", "8", "UPDATE", "AT", "7", "SET", "id", "8", "note", "y" * 300),
        table(FEW, "TABLE.APPLY", "s.t", "8", "DELETE", "AT", "7"),
    ],
    "returning": [
        table(FEW, "TABLE.INSERT", "s.t", "id=100000", "name=other", "RETURNING", "*", "name || note || 'x'", hidden=True),
        table(FEW, "TABLE.UPDATE", "s.t", "WHERE", "size<5", "SET", "name:=name || 'z'", "RETURNING", "name || note", "id", partial=True),
        table(MANY, "TABLE.DELETE", "s.t", "RETURNING", "*", "note || name"),
        table(unique_rows(60), *unique_insert(100, 1100)[:5], "RETURNING", "name || id", *unique_insert(100, 1100)[5:], hidden=True),
        table(CREATED, "TABLE.QUERY", "INSERT INTO s.t (id, name) VALUES (1, 'a' || 'b') RETURNING name || name, _id", hidden=True),
    ],
    "words": [  # more than are read without memory: where it is refused, all shards are asked
        table(FEW, "TABLE.SELECT", "s.t", "WHERE", "id", "IN", "(", *MANY_IDS, ")", "AND", "id=29", "OR", "size", "IN", "(", *MANY_IDS, ")"),
        table(FEW, "TABLE.SELECT", "s.t", "WHERE", "id", "IN", "(", *MANY_IDS, ")", "AND", "id=29"),
        table(FEW, "TABLE.UPDATE", "s.t", "WHERE", "id", "IN", "(", *MANY_IDS, ")", "AND", "id=29", "SET", "note=z", "size:=size+100"),
        table(FEW, "TABLE.DELETE", "s.t", "WHERE", "id", "IN", "(", *MANY_IDS, ")", "AND", "id=29"),
    ],
    "sql": [
        table(FEW, "TABLE.QUERY", "SELECT name || '!' AS x, count(*) FROM s.t WHERE size + 1 > $1 AND name LIKE 'n%' GROUP BY name ORDER BY x DESC", "3"),
        table(CREATED, "TABLE.QUERY", "INSERT INTO s.t (id, name, note) VALUES (1, 'a' || 'b', '%s')" % ("y" * 400), hidden=True),
        table(FEW, "TABLE.QUERY", "UPDATE s.t SET name = name || ?, size = size + 1 WHERE id IN (3, 7) OR size > 5", "z" * 300, partial=True),
        table(MANY, "TABLE.QUERY", "UPDATE s.t SET id = id + 1000, note = note || 'z' WHERE size < 3 AND length(note) > 5", partial=True),
        table(FEW, "TABLE.QUERY", "DELETE FROM s.t WHERE size + 1 < 9"), table(FEW, "TABLE.QUERY", "EXPLAIN SELECT id FROM s.t WHERE size = 1"),
        Case(CREATED[:1], "TABLE.QUERY", "CREATE TABLE s.t (id INTEGER NOT NULL, name TEXT DEFAULT '%s')" % ("y" * 400)),
        table(FEW, "TABLE.QUERY", "ALTER TABLE s.t ADD COLUMN more VARCHAR"),
        Case(FEW, "TABLE.QUERY", "DROP TABLE s.t"),
        table(FEW, "TABLE.QUERY", "SELECT x.id, y.name || x.name FROM s.t AS x LEFT JOIN s.t AS y ON x.id = y.size AND upper(x.name) = upper(y.name) "
              "WHERE x.size > ? ORDER BY x.id, upper(x.name), y.id", "5"),
        table(FEW, "TABLE.QUERY", "SELECT id, (SELECT max(name) FROM s.t) AS m FROM s.t WHERE name || '!' IN (SELECT name || '!' FROM s.t WHERE size > 3) AND "
              "EXISTS (SELECT id FROM s.t WHERE id IN (SELECT size FROM s.t))"),
        Case([], "TABLE.PREPARE", "one", "SELECT id FROM s.t WHERE name IN (%s)" % ", ".join("'name%d'" % number for number in range(200))),
        table(MANY, "TABLE.QUERY", "SELECT DISTINCT x.size, y.name FROM s.t AS x JOIN s.t AS y ON x.name = y.name JOIN s.t AS z ON z.id = y.size"),
        table(MANY, "TABLE.QUERY", "SELECT y.note || y.name FROM s.t AS x JOIN s.t AS y ON y.id = x.size WHERE x.id = 7"),
        table(FEW, "TABLE.QUERY", "EXPLAIN SELECT x.id FROM s.t AS x LEFT JOIN s.t AS y ON x.id = y.id AND y.size = 1 WHERE x.size = 1 AND y.name IS NULL"),
    ],
    "unique": [
        Case(UNIQUE_CREATED[:1], *UNIQUE_CREATED[1]),
        *(table(unique_rows(60), *conflict_insert(*rows, *clause), hidden=True) for rows in ((59, 1), (50, 20), (40, 1100))
          for clause in (("IGNORE",), ("REPLACE",), ("UPDATE", "size=NULL", "note:=note || '%s'" % ("z" * 300)), ("UPDATE", "id:=id+5000"))),
        table(unique_rows(60), "TABLE.INSERT", "s.t", "id=100", "name=" + "y" * 300, "size=100", hidden=True),
        table(unique_rows(60), *unique_insert(100, 30), hidden=True), table(unique_rows(60), *unique_insert(100, 700), hidden=True),
        table(unique_rows(60), "TABLE.QUERY", "INSERT INTO s.t (id, name) VALUES (100, 'n' || 100), (101, 'n' || 101)", hidden=True),
        table(unique_rows(60), "TABLE.UPDATE", "s.t", "WHERE", "id=7", "SET", "name=" + "z" * 300, "size=70"),
        table(unique_rows(60), "TABLE.QUERY", "UPDATE s.t SET name = name || name, size = size + 100", partial=True),
        table(unique_rows(600), "TABLE.QUERY", "UPDATE s.t SET id = id + 1000, name = name || 'z'", partial=True),
        table(unique_rows(1100), "TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "note:unique"),
        table(unique_rows(1100), "TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "name:btree:unique"),
    ],
}


LOGGED = [("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "3", "latency-monitor-threshold", "1"),
          ("SET", "k", "v"), ("GET", "k")]

SERVER = {
    "server": [
        Case(LOGGED, "SLOWLOG", "GET", random=True), Case(LOGGED, "SLOWLOG", "RESET"), Case(LOGGED, "LATENCY", "LATEST", random=True),
        Case(LOGGED, "LATENCY", "DOCTOR", random=True), Case(LOGGED, "LATENCY", "HISTOGRAM", random=True),
        Case(LOGGED, "SET", "k", "other", keys=["k"]), Case(LOGGED, "MSET", "k", "a", "l", "b", "m", "c", keys=["k"], partial=True),
        Case([], "CONFIG", "GET", "*"), Case([], "CONFIG", "SET", "slowlog-log-slower-than", "-1", "maxmemory-policy", "allkeys-lfu"),
        Case([], "CONFIG", "RESETSTAT"), Case([], "COMMAND", "DOCS"), Case([], "COMMAND"), Case([], "COMMAND", "COUNT"),
        Case([], "COMMAND", "LIST"), Case([], "COMMAND", "GETKEYS", "MSET", *[str(number) for number in range(600)]),
        Case([], "CLIENT", "LIST", random=True), Case([], "CLIENT", "INFO", random=True),
        Case([], "CLIENT", "SETNAME", "n" * 100), Case([], "CLIENT", "KILL", "ID", "99999"), Case([], "CLIENT", "ID", random=True),
        Case([], "CLIENT", "NO-EVICT", "on"), Case([], "ECHO", "x" * 300000),
        Case([], "HELLO", "2", "SETNAME", "other", random=True), Case(HASH, "OBJECT", "ENCODING", "h", keys=["h"]),
        Case(HASH + SETS + ZSETS + LIST + FEW, "DEBUG", "DIGEST", random=True),
        Case(HASH, "DEBUG", "OBJECT", "h", random=True), Case([], "TIME", random=True), Case([], "LASTSAVE", random=True),
    ],
    "inside": [case.inside() for case in (
        Case(HASH, "HGETALL", "h", keys=["h"]), Case(SPREAD_SETS, "SUNIONSTORE", "{b}d", "{a}s", "{b}t", keys=["{b}d", "{a}s", "{b}t"]),
        Case(ZSET, "ZRANGESTORE", "{b}d", "{a}z", "10", "-1", keys=["{a}z", "{b}d"]),
        Case(ZSET, "ZREMRANGEBYRANK", "{a}z", "5", "1550", keys=["{a}z"]), Case(LIST, "LREM", "l", "0", "7-item", keys=["l"]),
        Case(NUMBERED, "SORT", "{a}n", "STORE", "{b}d", keys=["{a}n", "{b}d"]),
        Case(BIG, "COPY", "{a}big", "{b}d", keys=["{a}big", "{b}d"]), Case(BIG, "RENAME", "{a}big", "{b}d", keys=["{a}big", "{b}d"]),
        Case(GROUP, "XREADGROUP", "GROUP", "g", "c", "COUNT", "650", "STREAMS", "{a}q", ">", keys=["{a}q"], partial=True, hidden=True),
        Case(PENDING, "XGROUP", "DELCONSUMER", "{a}q", "g", "c", keys=["{a}q"], partial=True, hidden=True),
        Case(KEYS, "KEYS", "k:*"), Case(KEYS + HASH, "FLUSHALL", keys=["h"]), Case(KEYS + HASH, "SWAPDB", "0", "1", keys=["h"]),
        Case(KEYS + HASH, "MEMORY", "PREFIX", random=True), Case(KEYS, "DEBUG", "INSIDE", "MGET", "k:1", "k:2"),
        table(FEW, "TABLE.INSERT", "s.t", "id=100000", "name=other", "note=" + "y" * 400, hidden=True),
        table(MANY, "TABLE.SELECT", "s.t", "WHERE", "size<7"), table(MANY, "TABLE.DELETE", "s.t", "WHERE", "size<9"),
        table(MANY, "TABLE.UPDATE", "s.t", "WHERE", "size<3", "SET", "id=7", partial=True),
        table(BUILT, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "note:btree"),
    )],
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


LONG = ("zset", "stream", "policies", "rows", "inside")  # under a sanitizer
SLOW = ("policies",)


def groups_of(cases):
    return [pytest.param(group, marks=[pytest.mark.heavy] * (group in LONG) + [pytest.mark.slow] * (group in SLOW)) for group in cases]


@pytest.mark.parametrize("group", groups_of(JOBS))
def test_jobs(refuser, group):
    refuse_all(refuser, JOBS[group])


@pytest.mark.parametrize("group", groups_of(TABLES))
def test_tables(refuser, group):
    refuse_all(refuser, TABLES[group])


@pytest.mark.parametrize("group", groups_of(SERVER))
def test_server(refuser, group):
    refuse_all(refuser, SERVER[group])
