"""RDB files as redis-server writes them, small ones: all types and encodings, expiries, what policies keep, functions, databases.

Each row of DATA: options of redis-server, and commands by database.
"""

import os

from .process import Server

LATER = "33000000000000"  # ms, in the year 3015

STRINGS = [
    ["SET", "short", "value"], ["SET", "empty", ""], ["SET", "int8", "-7"], ["SET", "int16", "30000"], ["SET", "int32", "-2000000000"],
    ["SET", "int64", "123456789012345"], ["SET", "packed", "abc" * 100], ["SET", "12345", "a number as a name"],
    ["SET", "a long name " * 10, "packed name"], [b"SET", b"\x00\xff\n", b"\xfe\x00"],
]
LISTS = [
    ["RPUSH", "list", "a", "1", "-100000", "word " * 20], ["RPUSH", "nodes", *["item:%d" % i for i in range(40)]],
    ["RPUSH", "plain", "x" * 300, "y" * 300, "z"],
]
SETS = [
    ["SADD", "set16", "1", "2", "3"], ["SADD", "set32", "1", "100000"], ["SADD", "set64", "1", "-5000000000"],
    ["SADD", "set", "a", "b", "3"], ["SADD", "members", *["member:%d" % i for i in range(40)]],
]
HASHES = [
    ["HSET", "hash", "field", "value", "number", "17"], ["HSET", "fields", *[str(i) for i in range(80)]],
]
ZSETS = [
    ["ZADD", "zset", "1", "a", "-inf", "b", "inf", "c", "1.5", "d"],
    ["ZADD", "scores", *[word for i in range(40) for word in ("%d.25" % i, "m%d" % i)]],
]
STREAMS = [
    *[["XADD", "stream", "%d-1" % (1000 + i), "field", "value", "n", str(i)] for i in range(12)],
    ["XDEL", "stream", "1003-1"], ["XGROUP", "CREATE", "stream", "group", "0"], ["XGROUP", "CREATE", "stream", "other", "$"],
    ["XGROUP", "CREATECONSUMER", "stream", "group", "idle"],
    ["XREADGROUP", "GROUP", "group", "ann", "COUNT", "3", "STREAMS", "stream", ">"],
    ["XREADGROUP", "GROUP", "group", "bob", "COUNT", "2", "STREAMS", "stream", ">"], ["XACK", "stream", "group", "1000-1"],
    ["XADD", "emptied", "5-5", "a", "b"], ["XTRIM", "emptied", "MAXLEN", "0"],
]
FUNCTIONS = [
    ["FUNCTION", "LOAD", "#!lua name=first\nredis.register_function('one', function() return 1 end)"],
    ["FUNCTION", "LOAD", "#!lua name=second\nredis.register_function('two', function() return 2 end)" + " -- words" * 20],
]
EXPIRING = [["SET", "expiring", "x"], ["PEXPIREAT", "expiring", LATER], ["SADD", "late", "1"], ["PEXPIREAT", "late", LATER]]
SMALL = ["--hash-max-listpack-entries", "8", "--zset-max-listpack-entries", "8", "--list-max-listpack-size", "8"]

DATA = {
    "empty": ([], {}),
    "strings": ([], {0: STRINGS}),
    "strings_plain": (["--rdbcompression", "no"], {0: STRINGS}),
    "lists": (SMALL, {0: LISTS}),
    "lists_plain": (["--rdbchecksum", "no", "--enable-debug-command", "yes"],
                    {0: [["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "100b"]] + LISTS}),
    "sets": (["--set-max-intset-entries", "64"], {0: SETS}),
    "hashes": ([], {0: HASHES}),
    "hashes_large": (SMALL, {0: HASHES}),
    "zsets": ([], {0: ZSETS}),
    "zsets_large": (SMALL, {0: ZSETS}),
    "streams": (["--stream-node-max-entries", "5"], {0: STREAMS}),
    "functions": ([], {0: FUNCTIONS}),
    "expiring": ([], {0: EXPIRING + STRINGS[:3]}),
    "lru": (["--maxmemory-policy", "allkeys-lru"], {0: STRINGS[:3] + SETS[:2]}),
    "lfu": (["--maxmemory-policy", "allkeys-lfu"], {0: STRINGS[:3] + EXPIRING}),
    "databases": ([], {0: STRINGS[:2], 3: LISTS[:1], 15: EXPIRING}),
    "all": (SMALL, {0: STRINGS + LISTS + SETS + HASHES + ZSETS + STREAMS + FUNCTIONS, 1: EXPIRING}),
}


def make(name):
    """The file that redis-server writes for a row of DATA, and what it says of its keys: {database: {name: type}}."""
    options, databases = DATA[name]
    server = Server("redis", 1, options)
    try:
        types = {}
        with server.connect() as connection:
            for number, commands in databases.items():
                connection.run("SELECT", str(number))
                for command in commands:
                    connection.run(*command)
                types[number] = {key: connection.run("TYPE", key) for key in connection.run("KEYS", "*")}
            connection.run("SAVE")
            path = os.path.join(server.folder, "dump.rdb")
            with open(path, "rb") as file:
                return file.read(), types
    finally:
        server.stop()
