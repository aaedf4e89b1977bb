"""Libraries of functions, loaded, replaced, deleted and restored, and their functions called. Numbers and tables that a library would keep
between calls are left out: each thread has its own (docs/COMPATIBILITY.md)."""

from harness.rdb import length, seal

from .arguments import key, maybe, one_of, several, value

DATABASES = (b"0",)
# Libraries are no keys: FLUSHALL leaves them, so a batch ends with this.
SESSION_ENDS = ([b"FUNCTION", b"FLUSH"],)

LIBRARIES = [b"lib", b"LIB", b"other", b"x_1"]
# redis-server ends when a library registers names that differ in case alone: only calls have such.
FUNCTIONS = [b"f", b"g", b"set", b"get"]
BODIES = [
    b"return 1", b"return {keys[1], args[1], #keys, #args}", b"return redis.call('SET', keys[1], args[1])",
    b"return redis.call('GET', keys[1])", b"return redis.call('INCR', keys[1])", b"return redis.pcall('LPUSH', keys[1], args[1])",
    b"error('no')", b"return redis.error_reply('MY error')", b"return redis.status_reply('FINE')", b"return nosuch",
    b"local t = cjson.decode('[1, 2]') return t", b"return redis.call('NOSUCH')", b"nosuch = 1", b"return {1, 2.5, 'x', false, true, {3}}",
    b"redis.setresp(3) return redis.call('EXISTS', keys[1])", b"return redis.call('DEL', unpack(keys))",
]
HEADS = [b"#!lua name=%s\n"] * 12 + [b"#!LUA  name=%s \n", b"#!lua NAME='%s'\n", b"#!lua %s\n", b"#!lua name=%s name=y\n", b"#!lua name=-%s\n",
                                      b"#!js name=%s\n", b"#lua name=%s\n", b"#!lua name=%s", b"#!lua name=\"%s\n"]
FLAGS = [b"'no-writes'", b"'allow-oom'", b"'allow-stale'", b"'no-cluster'", b"'allow-cross-slot-keys'"]


def library_name(rng):
    return rng.choice(LIBRARIES)


def function_name(rng):
    return rng.choice(FUNCTIONS)


def called_name(rng):
    return rng.choice(FUNCTIONS + [b"F", b"nosuch"])


def registration(rng):
    name, body = function_name(rng), b"function(keys, args) %s end" % rng.choice(BODIES)
    kind = rng.random()
    if kind < 0.5:
        return b"redis.register_function('%s', %s)" % (name, body)
    if kind < 0.9:
        flags = b", ".join(rng.sample(FLAGS, rng.randrange(0, 3)))
        return b"redis.register_function{function_name='%s', callback=%s, description='about', flags={%s}}" % (name, body, flags)
    return rng.choice([b"redis.register_function('%s')", b"redis.register_function('%s', 1)", b"redis.register_function{function_name='%s'}",
                       b"redis.register_function('%s', function() end, 3)", b"redis.call('GET', '%s')", b"nosuch = '%s'", b"retur '%s'",
                       b"redis.register_function{callback=function() end, nosuch='%s'}",
                       b"redis.register_function{function_name='%s', callback=function() end, flags={'nosuch'}}"]) % name


def code(rng):
    return rng.choice(HEADS) % library_name(rng) + b" ".join(registration(rng) for _ in range(rng.choice([0, 1, 1, 1, 2, 2])))


def payload(rng):
    texts = [code(rng) for _ in range(rng.choice([0, 1, 1, 2]))]
    data = seal(b"".join(b"\xf5" + length(len(text)) + text for text in texts))
    if rng.random() < 0.1:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
    return data


def sorted_reply(reply):
    """Libraries and functions come in any order."""
    if isinstance(reply, list):
        return sorted((sorted_reply(item) for item in reply), key=repr)
    return tuple(map(sorted_reply, reply)) if isinstance(reply, tuple) else reply


def agrees(ours, theirs, command):
    """What is first among several things that are wrong is each server's own choice, as is the order of libraries."""
    if ours[0] == theirs[0] == "-":
        return ours[1].endswith(b" already exists") and theirs[1].endswith(b" already exists")
    if len(command) > 1 and command[1].upper() == b"DUMP":
        return ours[0] == theirs[0] == "$"
    return sorted_reply(ours) == sorted_reply(theirs)


COMPARISONS = {b"FUNCTION": agrees}

ROWS = [
    (14, b"FUNCTION", b"LOAD", code),
    (20, b"FUNCTION", b"LOAD", b"REPLACE", code),
    (6, b"FUNCTION", b"DELETE", library_name),
    (8, b"FUNCTION", b"LIST"),
    (4, b"FUNCTION", b"LIST", b"LIBRARYNAME", one_of(b"*", b"l*", b"L?b", b"other", b"")),
    (3, b"FUNCTION", b"LIST", b"WITHCODE"),
    (5, b"FUNCTION", b"STATS"),
    (4, b"FUNCTION", b"DUMP"),
    (6, b"FUNCTION", b"RESTORE", payload, maybe(one_of(b"APPEND", b"REPLACE", b"FLUSH"))),
    (1, b"FUNCTION", b"FLUSH", maybe(one_of(b"SYNC", b"ASYNC"))),
    (1, b"FUNCTION", b"KILL"),
    (30, b"FCALL", called_name, b"1", key, value),
    (10, b"FCALL_RO", called_name, b"1", key, value),
    (6, b"FCALL", called_name, b"2", key, key),
    (6, b"FCALL", called_name, one_of(b"0", b"-1", b"x", b"3"), several(key)),
    (4, b"SET", key, value),
    (4, b"DEL", key),
]
