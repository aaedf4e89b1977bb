"""Functions: every thread runs what was loaded last, libraries go to redis-server and back, and nothing of what is refused stays."""

import random

import pytest

from families.function import code
from harness.process import SLOWDOWN, Server
from harness.rdb import length, seal
from harness.resp import Closed, wait_until
from harness.together import run_all
from harness.transcript import show

CLIENTS = 6
ROUNDS = int(300 / min(SLOWDOWN, 4))
OK = ("+", b"OK")


def library(name, *functions):
    """A library's code: (name of a function, its body) ..."""
    return "#!lua name=%s\n" % name + " ".join("redis.register_function('%s', function(keys, args) %s end)" % row for row in functions)


def payload(*codes):
    return seal(b"".join(b"\xf5" + length(len(text.encode())) + text.encode() for text in codes))


def names(connection):
    """The libraries that there are."""
    return sorted(item[1][1][1] for item in connection.call("FUNCTION", "LIST")[1])


@pytest.fixture
def redis():
    theirs = Server("redis", 1)
    with theirs.connect() as connection:
        yield connection
    assert theirs.stop() == []


# ---- threads ----

@pytest.mark.threads
def test_every_thread_runs_what_was_loaded_last(server):
    connections = [server.connect() for _ in range(CLIENTS)]
    for version in range(20):
        text = library("lib", ("version", "return %d" % version))
        assert connections[version % CLIENTS].run("FUNCTION", "LOAD", "REPLACE", text) == b"lib"
        assert [connection.run("FCALL", "version", 0) for connection in connections] == [version] * CLIENTS
    connections[0].run("FUNCTION", "DELETE", "lib")
    for connection in connections:
        assert connection.call("FCALL", "version", 0) == ("-", b"ERR Function not found")
        connection.close()


@pytest.mark.threads
def test_versions_do_not_go_back_while_others_replace_them(server):
    with server.connect() as connection:
        connection.run("FUNCTION", "LOAD", library("lib", ("version", "return {0, redis.call('INCR', keys[1])}")))

    def replace():
        with server.connect() as connection:
            for version in range(1, ROUNDS):
                text = library("lib", ("version", "return {%d, redis.call('INCR', keys[1])}" % version))
                assert connection.run("FUNCTION", "LOAD", "REPLACE", text) == b"lib"

    def call(number):
        last = 0
        with server.connect() as connection:
            for count in range(ROUNDS):
                version, calls = connection.run("FCALL", "version", 1, "key:%d" % number)
                assert version >= last and calls == count + 1
                last = version

    run_all(replace, *[lambda number=number: call(number) for number in range(CLIENTS)])


@pytest.mark.threads
def test_a_transaction_sees_the_libraries_of_one_moment(server):
    """Two libraries are always replaced together: whoever calls both in a transaction gets one version."""
    def replace():
        with server.connect() as connection:
            for version in range(ROUNDS):
                both = payload(library("a", ("a", "return %d" % version)), library("b", ("b", "return %d" % version)))
                assert connection.call("FUNCTION", "RESTORE", both, "REPLACE") == OK

    def call():
        with server.connect() as connection:
            for _ in range(ROUNDS):
                connection.run("MULTI")
                connection.run("FCALL", "a", 0)
                connection.run("FCALL", "b", 0)
                one, other = connection.call("EXEC")[1]
                assert one == other

    run_all(replace, call, call)


def test_keys_of_all_shards_are_used_at_once(server):
    text = library("lib", ("move", "redis.call('DECRBY', keys[1], 1) redis.call('INCRBY', keys[2], 1)"),
                   ("sum", "local n = 0 for _, key in ipairs(keys) do n = n + redis.call('GET', key) end return n"))
    accounts = ["account:%d" % number for number in range(8)]
    with server.connect() as connection:
        connection.run("FUNCTION", "LOAD", text)
        connection.run("MSET", *[word for name in accounts for word in (name, 100)])

    def move(seed):
        rng = random.Random(seed)
        with server.connect() as connection:
            for _ in range(ROUNDS):
                connection.run("FCALL", "move", 2, *rng.sample(accounts, 2))

    def look():
        with server.connect() as connection:
            for _ in range(ROUNDS):
                assert connection.run("FCALL", "sum", len(accounts), *accounts) == 800

    run_all(lambda: move(1), lambda: move(2), look)


# ---- functions that run long ----

def kill(connection):
    """Returns when a function that runs long was ended."""
    wait_until(lambda: connection.call("FUNCTION", "KILL") == OK, what="a function to kill")


@pytest.mark.threads
def test_a_function_that_does_not_end_is_killed(start, shards):
    server = start("--busy-reply-threshold", "50", shards=shards)
    with server.connect() as connection, server.connect() as other:
        connection.run("FUNCTION", "LOAD", library("lib", ("loop", "while true do pcall(redis.call, 'GET', keys[1]) end"), ("f", "return 1")))
        assert other.call("FUNCTION", "KILL")[1].startswith(b"NOTBUSY ")
        connection.send("FCALL", "loop", 1, "k")
        wait_until(lambda: other.call("GET", "k")[1] is not None, what="a reply that the server is busy")
        assert other.call("FCALL", "f", 0)[1].startswith(b"BUSY ")
        assert other.call("FUNCTION", "DELETE", "lib")[1].startswith(b"BUSY ")
        assert other.call("SCRIPT", "KILL") == ("-", b"BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.")
        kill(other)
        assert connection.read()[1].startswith(b"ERR Script killed by user with SCRIPT KILL... script: loop, on @user_function:2.")
        assert connection.run("FCALL", "f", 0) == other.run("FCALL", "f", 0) == 1


@pytest.mark.threads
def test_others_call_functions_while_one_has_paused(start):
    """With keys that are declared it has its own shard alone: the others of its thread get a Lua state of their own."""
    server = start("--script-undeclared-keys", "refuse", "--busy-reply-threshold", "50", shards=2)
    connections = [server.connect() for _ in range(6)]
    first = connections[0]
    first.run("FUNCTION", "LOAD", library("lib", ("loop", "while true do pcall(redis.call, 'GET', keys[1]) end"), ("f", "return 1")))
    first.send("FCALL", "loop", 1, "k")
    wait_until(lambda: connections[1].call("GET", "k")[1] is not None, what="a reply that the server is busy")
    for connection in connections[1:]:
        assert connection.run("FCALL", "f", 0) == 1
    kill(connections[1])
    assert first.read()[0] == "-"
    for connection in connections:
        assert connection.run("FCALL", "f", 0) == 1
        connection.close()


# ---- loading ----

def test_code_that_does_not_end_is_ended(server):
    with server.connect() as connection:
        reply = connection.call("FUNCTION", "LOAD", "#!lua name=lib\nwhile true do end")
        assert reply == ("-", b"ERR Error registering functions: ERR FUNCTION LOAD timeout")
        assert connection.run("FUNCTION", "LIST") == []
        assert connection.run("FUNCTION", "LOAD", library("lib", ("f", "return 1"))) == b"lib"


def test_what_is_refused_leaves_everything_as_it_was(server):
    with server.connect() as connection:
        connection.run("FUNCTION", "LOAD", library("a", ("f", "return 'first'")))
        before = connection.call("FUNCTION", "LIST", "WITHCODE")
        new = library("c", ("h", "return 1"))
        for words in (("LOAD", "REPLACE", library("a", ("f", "return")) + " error()"),
                      ("LOAD", library("b", ("g", "return 1"), ("f", "return 2"))),
                      ("RESTORE", payload(new, library("b", ("f", "return 2")))),
                      ("RESTORE", payload(new, library("a", ("x", "return 2")))),
                      ("RESTORE", payload(new, "#!lua name=d\nretur"), "FLUSH"),
                      ("RESTORE", payload(new)[:-1] + b"x", "REPLACE"),
                      ("RESTORE", payload(new, new), "REPLACE")):
            assert connection.call("FUNCTION", *words)[0] == "-", words
            assert connection.call("FUNCTION", "LIST", "WITHCODE") == before
        assert connection.run("FCALL", "f", 0) == b"first"
        assert connection.call("FCALL", "h", 0) == ("-", b"ERR Function not found")


def test_a_thread_without_memory_refuses_and_goes_on(start, shards):
    server = start("--lua-memory-limit", "1mb", shards=shards)
    with server.connect() as connection:
        connection.run("FUNCTION", "LOAD", library("lib", ("f", "return 1"), ("big", "return #(('x'):rep(100000000))")))
        assert connection.call("FCALL", "big", 0)[0] == "-"
        assert connection.run("FCALL", "f", 0) == 1
        big = "#!lua name=big\nlocal t = {} for i = 1, 10000000 do t[i] = {i} end"
        assert connection.call("FUNCTION", "LOAD", big)[0] == "-"
        assert names(connection) == [b"lib"]
        assert connection.run("FCALL", "f", 0) == 1


def test_errors_where_lua_has_no_memory_left_are_replies(start):
    """What the server itself asks of Lua, outside of scripts, is given beyond the limit: a refusal there would be its end."""
    server = start("--lua-memory-limit", "1mb")
    fill = "local t = {} pcall(function() for i = 1, 1e9 do t[i] = ('x'):rep(%d) .. i end end) error('full')"
    with server.connect() as connection:
        for size in range(0, 2000, 70):
            assert connection.call("EVAL", fill % size, 0)[0] == "-"
            connection.call("EVAL", "return 1", 0)
        connection.run("FUNCTION", "LOAD", library("lib", ("fill", fill % 3)))
        for _ in range(5):
            assert connection.call("FCALL", "fill", 0)[0] == "-"
        assert connection.call("SCRIPT", "FLUSH") == OK
        assert connection.run("EVAL", "return 1", 0) == 1


def test_flags_count_when_memory_is_out(start, shards):
    server = start(shards=shards)
    text = "#!lua name=lib\n" + "\n".join(
        "redis.register_function{function_name='%s', callback=function(keys) return redis.call('%s', keys[1]%s) end, flags={%s}}" % row
        for row in (("plain", "SET", ", 1", ""), ("oom", "SET", ", 1", "'allow-oom'"), ("read", "GET", "", "'no-writes'")))
    with server.connect() as connection:
        connection.run("FUNCTION", "LOAD", text)
        connection.run("CONFIG", "SET", "maxmemory", "1")
        assert connection.call("FCALL", "plain", 1, "k")[1].startswith(b"OOM ")
        assert connection.call("FCALL", "oom", 1, "k") == OK
        assert connection.run("FCALL", "read", 1, "k") == b"1"
        assert connection.call("FUNCTION", "LOAD", library("b", ("b", "return 1")))[1].startswith(b"OOM ")
        assert connection.call("FUNCTION", "DELETE", "lib") == OK
        connection.run("CONFIG", "SET", "maxmemory", "0")


def test_info_counts_libraries(server):
    def figures(connection):
        info = connection.info("memory")
        return [int(info[name]) for name in ("number_of_libraries", "number_of_functions", "used_memory_functions",
                                             "used_memory_vm_functions")]

    with server.connect() as connection:
        assert figures(connection) == [0, 0, 0, 0]
        text = library("lib", ("f", "return 1"), ("g", "return 2"))
        connection.run("FUNCTION", "LOAD", text)
        libraries, functions, code_bytes, state_bytes = figures(connection)
        assert (libraries, functions) == (1, 2)
        assert code_bytes > len(text) and state_bytes > 10000
        connection.run("FUNCTION", "FLUSH")
        assert connection.call("FCALL", "f", 0)[0] == "-"  # the thread looks at the libraries, and gives up what it has loaded
        assert figures(connection) == [0, 0, 0, 0]


# ---- exchange ----

def test_payloads_go_both_ways(server, redis):
    rng = random.Random(7)
    with server.connect() as connection:
        for number in range(20):
            connection.call("FUNCTION", "LOAD", code(rng))
            connection.run("FUNCTION", "LOAD", library("lib%d" % number, ("f%d" % number, "return '%s'" % ("long " * number))))
        for sender, receiver in ((connection, redis), (redis, connection)):
            data = sender.run("FUNCTION", "DUMP")
            receiver.run("FUNCTION", "FLUSH")
            assert receiver.call("FUNCTION", "RESTORE", data) == OK
            assert names(sender) == names(receiver)
            assert sender.run("FCALL", "f19", 0) == receiver.run("FCALL", "f19", 0) == b"long " * 19


def test_damaged_payloads_are_refused_as_redis_server_refuses_them(server, redis):
    rng = random.Random(11)
    with server.connect() as connection:
        for number in range(ROUNDS):
            data = payload(library("lib", ("f", "return 1")), library("b", ("g%d" % (number % 7), "return '%s'" % ("long " * 10))))
            data = bytearray(data[:-10])
            for _ in range(rng.randrange(1, 3)):
                data[rng.randrange(len(data))] = rng.choice(b"\x00\x01\x40\x81\xc0\xc3\xf5\xf6\n#aZ")
            data = seal(bytes(data[:rng.randrange(len(data) + 1)]) if rng.random() < 0.3 else bytes(data))
            try:
                theirs = redis.call("FUNCTION", "RESTORE", data, "FLUSH")
            except Closed:
                pytest.fail("redis-server has ended with %r" % data)
            ours = connection.call("FUNCTION", "RESTORE", data, "FLUSH")
            if b"compiling" in theirs[1] or b"registering" in theirs[1]:  # the texts, and what a name may have in it, are the compiler's
                for side in (connection, redis):
                    side.run("FUNCTION", "FLUSH")
                continue
            assert ours == theirs, "%r: %s, redis-server %s" % (data, show(ours), show(theirs))
            assert names(connection) == names(redis)
