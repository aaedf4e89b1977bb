"""Scripts: what redis-server 7.0 does with the same text, and what it does to the server that runs it."""

import hashlib
import random
import re
import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import encode, wait_until
from harness.together import run_all

# Each is called with one key and one argument, in both protocols, on this server and on redis-server, one behind the other.
SCRIPTS = [
    "x=1",
    "return x",
    "string.foo=1",
    "return redis.call('get')",
    "return redis.call('foo')",
    "return redis.call('multi')",
    "redis.call()",
    "redis.call({})",
    "error('hi')",
    "error({err='My ERR'})",
    "return redis.error_reply('My Err')",
    "return redis.pcall('foo')",
    "return {err='foo'}",
    "return redis.call('lpush',KEYS[1],1)",
    "return redis.error_reply('')",
    "syntax error here",
    "return cjson",
    "redis.breakpoint()",
    "redis.debug('x')",
    "return redis.replicate_commands()",
    "redis.setresp(4)",
    "redis.set_repl(55)",
    "redis.log(1)",
    "redis.log(1,'a')",
    "redis.log(9,'a')",
    "return redis.sha1hex('')",
    "setmetatable(_G,{})",
    "return getmetatable('').__index == string",
    "getmetatable('').__index=1",
    "return type(loadstring(string.dump(function() end)))",
    "return {1,2,nil,3}",
    "return {double=3.5}",
    "return 3.99",
    "return true",
    "return false",
    "return nil",
    "return",
    "return {map={a=1}}",
    "redis.call('select',3) return redis.call('ping')",
    "return redis.acl_check_cmd('get','x')",
    "table.insert(_G,1)",
    "return redis.REDIS_VERSION..redis.REDIS_VERSION_NUM",
    "return redis.call('config','get','x')",
    "return redis.call('script','load','return 1')",
    "return redis.call('set',KEYS[1])",
    "local a = redis.pcall('foo') return a.err..'|'..tostring(a.source)..'|'..tostring(a.line)..'|'..tostring(a.ignore_error_stats_update)",
    "return {redis.pcall('incr','s')}",
    "redis.call('get', 1.5, true)",
    "return redis.call('subscribe','x')",
    "return redis.call('eval','return 1',0)",
    "return redis.call('spop','x')",
    "print(1)",
    "return 1.0/0",
    "return {nil}",
    "error(nil)",
    "error(42)",
    "error({err=1})",
    "error()",
    "redis.set_repl()",
    "redis.setresp()",
    "redis.log('x','y')",
    "return redis.status_reply(1)",
    "return redis.error_reply(1)",
    "return redis.error_reply('-X y')",
    "return redis.error_reply('FOO')",
    "redis.acl_check_cmd()",
    "redis.acl_check_cmd({})",
    "return redis.breakpoint()",
    r"""return {err='a\nb'}""",
    "return {double='x'}",
    "return {verbatim_string={string='hi',format='txt'}}",
    "return {big_number='123'}",
    "return redis.call('set','x','1','foo')",
    "return {ok='a',err='b'}",
    "return (function() end)",
    "return redis.call('client','id')",
    "return redis.call('client','foo')",
    "return redis.call('client')",
    "return #redis.call('command','info','get')",
    "return redis.call('flushall')",
    "redis.call('hset',KEYS[1],'a','1','b','2') return redis.call('hgetall',KEYS[1])",
    "redis.setresp(3) redis.call('del',KEYS[1]) redis.call('hset',KEYS[1],'a','1') return redis.call('hgetall',KEYS[1])",
    "redis.setresp(3) redis.call('del',KEYS[1]) redis.call('sadd',KEYS[1],'a') return redis.call('smembers',KEYS[1])",
    "redis.setresp(3) redis.call('del',KEYS[1]) redis.call('zadd',KEYS[1],1.5,'a') return redis.call('zscore',KEYS[1],'a')",
    "redis.setresp(3) return redis.call('get','nokey')",
    "redis.setresp(3) return true",
    "redis.setresp(3) return false",
    "redis.setresp(3) return {true,false,1}",
    "redis.setresp(3) local r=redis.call('zscore',KEYS[1],'a') return r.double",
    "redis.setresp(3) local r=redis.call('get','nokey') return type(r)",
    "local r=redis.call('get','nokey') return type(r)",
    "return redis.call('set',KEYS[1],'x').ok",
    "return {set={a=true}}",
    "return {map={}}",
    "redis.call('del',KEYS[1]) return {redis.call('rpush',KEYS[1],1,2,3.5,1e20,-0.1,1e15,123456789012345678), redis.call('lrange',KEYS[1],0,-1)}",
    "return {'a',{'b',{1,2,{}}},{ok='fine'},{err='bad thing'}}",
    "return cjson.encode({1,2,{a=1}})",
    "return cjson.decode('[1,2,{\"a\":[]}]')[2]",
    "return cmsgpack.unpack(cmsgpack.pack({1,2,3}))",
    "return struct.pack('>I4',5)",
    "return bit.band(255,15)",
    "return {pcall(function() error('x') end)}",
    "return {pcall(redis.call,'get')}",
    "local ok,e = pcall(redis.call,'get') return {tostring(ok),e.err,tostring(e.line)}",
    "local ok,e = pcall(function() error('foo') end) return e",
    "return xpcall and 1",
    "local t={} for k in pairs(redis) do t[#t+1]=k end table.sort(t) return t",
    "local t={} for k in pairs(math) do t[#t+1]=k end table.sort(t) return t",
    "local t={} for k in pairs(table) do t[#t+1]=k end table.sort(t) return t",
    "local t={} for k in pairs(string) do t[#t+1]=k end table.sort(t) return t",
    "local t={} for k in pairs(coroutine) do t[#t+1]=k end table.sort(t) return t",
    "local t={} for k in pairs(bit) do t[#t+1]=k end table.sort(t) return t",
    "local co=coroutine.wrap(function() coroutine.yield(redis.call('ping').ok) end) return co()",
    "return #ARGV .. ARGV[1] .. KEYS[1]",
    "KEYS[1]='zz' return KEYS",
    "ARGV = {1}",
    "return tostring(KEYS.x)",
    r"""return string.format('%5.2f %d %s %q', 3.14159, 42, 'x', 'a\nb')""",
    "return ('x'):rep(3)",
    "return table.concat({1,2,3},',')",
    "return unpack({1,2,3})",
    "return select('#',1,2,3)",
    "return tonumber('0x10')",
    "return loadstring('return 1+1')()",
    "return load(function() return nil end) and 'y' or 'n'",
    "return gcinfo() > 0",
    "return _VERSION",
    "return math.floor(-3.5) .. math.pi .. math.huge",
    "return math.max(1,5,3)",
    "return redis.call('INCRBYFLOAT','f',1.5)",
    "return redis.call('zadd','zz',1,'a','x')",
    "return redis.call('dbsize')",
    "return redis.call('keys','f*')",
    "return redis.call('exists','f','zz','nope')",
    "return redis.call('mset','a',1,'b',2,'c',3)",
    "return redis.call('mget','a','b','c','d')",
    "return redis.call('publish','ch','m')",
    "return redis.call('object','encoding','a')",
    "return redis.call('type','zz')",
    "return redis.call('watch','a')",
    "return redis.call('auth','a')",
    "return redis.call('time')[3]",
    "return redis.call('shutdown')",
    "return redis.call('debug','sleep',0)",
    "return redis.call('spublish','ch','m')",
    "return redis.call('wait',0,0)",
    "return redis.call('echo','hi')",
    "return redis.call('swapdb',0,1)",
    "return redis.call('swapdb',0,1)",
    "return redis.call('copy','a','a2')",
    "return redis.call('rename','nokey','x')",
    "return redis.call('sort','nokey')",
    "return redis.call('lmpop',1,'nokey','left')",
    "return redis.call('randomkey') ~= nil",
    "redis.setresp(3) return redis.call('lmpop',1,'nokey','left') == nil",
    "return redis.call('info','nosuch')",
    "return redis.call('command','count') > 10",
    "return redis.call('role')",
    "for i=1,3 do error('in loop '..i) end",
    "error('line two')",
    r"""local x = nil
return x.y""",
    "return 1 + {}",
    "return #nil",
    "return tostring(setmetatable({},{__tostring=function() return 'hey' end}))",
    "return setmetatable({},{__index=function(t,k) return k end})[5]",
    "math.randomseed(7) return {math.random(100),math.random(5,9),tostring(math.random())}",
    "return {1, 'x', true, {a=1}}",
    "return cjson.null",
    "return {cjson.null}",
    "return redis.sha1hex(12)",
    "return redis",
    "return table.getn({1,2})",
    "table.setn({},1)",
    "return getmetatable(_G)",
    "return collectgarbage('count') > 0",
    "return redis.status_reply('OK')",
    "return {redis.status_reply('OK'), redis.error_reply('E x')}",
    "return rawget(_G,'redis') ~= nil",
    "return rawequal(_G,_G)",
    "return next({}) == nil",
    "return newproxy",
    "return math.mod(5,3)",
    "for w in string.gfind('a b','%a') do return w end",
    "return string.gsub('hello','l',function(c) return c:upper() end)",
    "table.foreach({a=1},function(k,v) return v end)",
    "local t={3,1,2} table.sort(t,function(a,b) return a<b end) return t",
    "local x = redis.sha1hex(1,2) return x",
    "local x = rawset(_G,'x',1) return x",
]


def sha(text):
    return hashlib.sha1(text.encode()).hexdigest()


def replies(connection, protocol):
    connection.run("HELLO", protocol)
    connection.run("FLUSHALL")
    return [connection.call("EVAL", text, 1, "s", "arg") for text in SCRIPTS]


@pytest.mark.parametrize("protocol", (2, 3))
def test_scripts_reply_as_in_redis(server, start, protocol):
    with server.connect() as own, start(kind="redis").connect() as redis:
        for text, found, expected in zip(SCRIPTS, replies(own, protocol), replies(redis, protocol)):
            assert found == expected, text


SHEBANGS = ["#!lua\nreturn 1", "#!lua name=x flags=no-writes\nreturn 1", "#!lua x=y\nreturn 1", "#!lua flags=foo\nreturn 1",
            "#!py\nreturn 1", "#!lua", "#!lua flags=no-writes\nreturn redis.call('set',KEYS[1],'1')",
            "#!lua flags=no-writes,allow-oom,allow-stale,no-cluster,allow-cross-slot-keys\nreturn redis.call('get',KEYS[1])",
            "#!lua \n\nerror('third line')", "#!luax\nreturn 1", "#!lua flags=\nreturn 2", "#!lua flags=no-writes,\nreturn 2"]
CALLS = [("EVAL", "return 1"), ("EVAL", "return 1", "x"), ("EVAL", "return 1", "2", "a"), ("EVAL", "return 1", "-1"),
         ("EVAL", "return {KEYS,ARGV}", "2", "a", "b", "c", "d"), ("EVALSHA", "abc", "0"), ("EVALSHA", "a" * 40, "0"),
         ("EVALSHA", "a" * 40, "x"), ("EVAL_RO", "return redis.call('set',KEYS[1],1)", "1", "a"),
         ("EVAL_RO", "return redis.call('get',KEYS[1])", "1", "a"), ("EVALSHA_RO", "a" * 40, "0"),
         ("EVAL_RO", "#!lua\nreturn 1", "0"), ("EVAL_RO", "#!lua flags=no-writes\nreturn 1", "0"),
         ("SCRIPT",), ("SCRIPT", "foo"), ("SCRIPT", "EXISTS"), ("SCRIPT", "LOAD"), ("SCRIPT", "LOAD", "foo bar"), ("SCRIPT", "LOAD", "return 7"),
         ("EVALSHA", sha("return 7"), "0"), ("EVALSHA", sha("return 7").upper(), "0"), ("EVALSHA_RO", sha("return 7"), "0"),
         ("SCRIPT", "EXISTS", sha("return 7"), sha("return 7").upper(), sha("foo bar"), "x"), ("SCRIPT", "KILL"),
         ("SCRIPT", "DEBUG", "x"), ("SCRIPT", "DEBUG", "NO"), ("SCRIPT", "FLUSH", "foo"), ("SCRIPT", "FLUSH", "SYNC", "x"), ("SCRIPT", "FLUSH", "ASYNC"),
         ("SCRIPT", "EXISTS", sha("return 7")), ("EVALSHA", sha("return 7"), "0"), ("COMMAND", "GETKEYS", "EVAL", "x", "2", "a", "b", "c"),
         ("SCRIPT", "FLUSH"), ("SCRIPT", "FLUSH", "SYNC")] + [("EVAL", text, "1", "k") for text in SHEBANGS]


def test_calls_reply_as_in_redis(server, start):
    with server.connect() as own, start(kind="redis").connect() as redis:
        for words in CALLS:
            assert own.call(*words) == redis.call(*words), words


def test_scripts_in_a_transaction_reply_as_in_redis(server, start):
    def play(connection):
        found = [connection.call("WATCH", "watched")]
        for words in (("MULTI",), ("SET", "a", "1"), ("EVAL", "return redis.call('incr','a')", "0"), ("EVAL", "error('x')", "0"),
                      ("EVAL", "return redis.call('mset','b',1,'c',2,'d',3)", "1", "b"), ("SCRIPT", "LOAD", "return 1"),
                      ("EVALSHA", sha("return 1"), "0"), ("EVALSHA", "x", "0"), ("MGET", "a", "b", "c", "d"), ("EXEC",),
                      ("WATCH", "w"), ("EVAL", "return redis.call('set',KEYS[1],'1')", "1", "w"), ("MULTI",), ("GET", "w"), ("EXEC",)):
            found.append(connection.call(*words))
        return found

    with server.connect() as own, start(kind="redis").connect() as redis:
        assert play(own) == play(redis)


def test_a_script_is_known_to_all_threads(server):
    connections = [server.connect() for _ in range(8)]
    name = connections[0].run("SCRIPT", "LOAD", "return redis.call('incr',KEYS[1])")
    for number, connection in enumerate(connections):
        assert connection.run("EVALSHA", name, "1", "k") == number + 1
    assert connections[1].run("SCRIPT", "SHOW", name) == b"return redis.call('incr',KEYS[1])"
    assert connections[2].run("SCRIPT", "FLUSH") == b"OK"
    for connection in connections:
        assert connection.run("SCRIPT", "EXISTS", name) == [0]
        assert connection.call("EVALSHA", name, "1", "k")[1].startswith(b"NOSCRIPT")
        connection.close()


@pytest.mark.threads
def test_nobody_sees_a_part_of_a_script(server):
    move = ("local function add(key, n) return redis.call('incrby', key, n) end "
            "add('account:'..ARGV[1], -1) add('account:'..ARGV[2], 1) return redis.call('incr', 'moves')")
    rounds = int(300 / min(SLOWDOWN, 4))

    def mover(seed):
        rng = random.Random(seed)
        with server.connect() as connection:
            for _ in range(rounds):
                connection.run("EVAL", move, "0", *rng.sample("01234567", 2))

    def look():
        with server.connect() as connection:
            for _ in range(rounds):
                values = connection.run("MGET", *["account:%d" % number for number in range(8)])
                assert sum(int(value or 0) for value in values) == 0

    run_all(*[lambda seed=seed: mover(seed) for seed in range(3)], look, look)
    with server.connect() as connection:
        assert connection.run("GET", "moves") == b"%d" % (3 * rounds)


@pytest.mark.threads
def test_scripts_on_one_key_count_each_call_once(server):
    rounds = int(300 / min(SLOWDOWN, 4))

    def count():
        with server.connect() as connection:
            for number in range(rounds):
                connection.run("EVAL", "local n = redis.call('get',KEYS[1]) or 0 redis.call('set',KEYS[1],n+1) return 1", "1", "n")
                connection.run("EVAL", "return redis.call('incr',KEYS[1])", "1", "m%d" % (number % 5))
                if number % 50 == 7:
                    connection.run("SCRIPT", "FLUSH")

    run_all(count, count, count, count)
    with server.connect() as connection:
        assert connection.run("GET", "n") == b"%d" % (4 * rounds)
        assert sum(map(int, connection.run("MGET", *["m%d" % number for number in range(5)]))) == 4 * rounds


def error_of(connection, text, *words):
    kind, value = connection.call("EVAL", text, *(words or ("0",)))
    assert kind == "-", value
    return value.decode()


def test_memory_of_scripts_has_a_limit(start, shards):
    server = start("--lua-memory-limit", "16mb", shards=shards)
    with server.connect() as connection:
        for text in ("return string.rep('x', 1e9)", "local t = {} while true do t[#t + 1] = {} end",
                     "local s = 'x' while true do s = s .. s end"):
            for _ in range(3):
                assert "not enough memory" in error_of(connection, text)
                assert connection.run("EVAL", "return 5", "0") == 5
        assert connection.run("EVAL", "local ok = pcall(string.rep, 'x', 1e9) return tostring(ok)", "0") == b"false"


def test_bad_scripts_leave_the_next_ones_alone(server):
    with server.connect() as connection:
        assert "stack overflow" in error_of(connection, "local function f() return 1 + f() end return f()")
        assert "yield" in error_of(connection, "coroutine.yield()")
        assert "yield" in error_of(connection, "local t = {3, 1, 2} table.sort(t, function() coroutine.yield() end)")
        for text in ("table.insert(_G, 1)", "table.insert(redis, 1)", "string.rep = nil", "_G.x = 1", "redis.call = nil",
                     "rawset(string, 'x', 1)", "setmetatable(string, nil)", "getmetatable('').__index = 1"):
            assert "readonly" in error_of(connection, text)
        assert "nonexistent" in error_of(connection, "return io")
        assert "nonexistent" in error_of(connection, "return require('ffi')")
        assert connection.run("EVAL", "return type(loadstring(string.dump(function() end)))", "0") == b"nil"
        assert connection.run("EVAL", "local f = string.dump(function() end) local n = 0 "
                                      "return type(load(function() n = n + 1 return n == 1 and f or nil end))", "0") == b"nil"
        assert connection.run("EVAL", "return os.getenv == nil", "0") == 1
        assert connection.run("EVAL", "return string.rep('x', 3)", "0") == b"xxx"


def test_long_and_deep_things(server):
    with server.connect() as connection:
        text = "return #'" + "x" * (10 << 20) + "'"
        assert connection.run("EVAL", text, "0") == 10 << 20
        assert connection.run("EVALSHA", sha(text), "0") == 10 << 20
        connection.run("SCRIPT", "FLUSH")
        deep = connection.call("EVAL", "local t = {} for i = 1, 150 do t = {t} end return t", "0")
        for _ in range(150):
            assert deep[0] == "*" and len(deep[1]) == 1
            deep = deep[1][0]
        assert deep == ("*", [])
        assert len(connection.run("EVAL", "local t = {} for i = 1, 200000 do t[i] = i end return t", "0")) == 200000
        assert connection.run("EVAL", "return #ARGV", "0", *["x"] * 5000) == 5000
        assert connection.run("EVAL", "local t = {} for i = 1, 7000 do t[i] = 'm' .. i end return redis.call('sadd', KEYS[1], unpack(t))",
                              "1", "set") == 7000


DEEP_CALLS = {
    "gsub": "string.gsub('a', 'a', f)",
    "wrap": "coroutine.wrap(f)()",
    "resume": "assert(coroutine.resume(coroutine.create(f)))",
    "sort": "table.sort({1, 2, 3}, f)",
    "gsub in pcall": "pcall(string.gsub, 'a', 'a', f)",
    "coroutine and pcall": "pcall(coroutine.wrap(f))",
    "load": "load(f)",
}


@pytest.mark.parametrize("call", DEEP_CALLS)
def test_a_script_that_calls_itself_through_c_leaves_the_server_alone(server, call):
    """Each level takes some of the thread's stack, which Lua does not watch."""
    deep = "local n = 0 local function f() n = n + 1 if n < 300000 then %s end end f() return n" % DEEP_CALLS[call]
    with server.connect(timeout=60 * SLOWDOWN) as connection:
        connection.run("FUNCTION", "LOAD", "REPLACE", "#!lua name=deep\nredis.register_function('deep', function() %s end)" % deep)
        for words in (("EVAL", deep, 0), ("FCALL", "deep", 0)):
            kind, value = connection.call(*words)
            assert kind == ":" or (kind == "-" and (b"stack overflow" in value or b"not enough memory" in value)), value
            assert connection.run("EVAL", "return (string.gsub('abc', '.', function(c) return c .. c end))", 0) == b"aabbcc"
        connection.run("FUNCTION", "FLUSH")


def test_a_script_that_fails_half_way_has_done_half(server):
    with server.connect() as connection:
        assert "half" in error_of(connection, "redis.call('set', 'a', 1) error('half')")
        assert connection.run("GET", "a") == b"1"
        assert connection.run("EVAL", "redis.call('select', 3) redis.call('set', 'b', 1) return redis.call('get', 'b')", "0") == b"1"
        assert connection.run("GET", "b") is None


def test_undeclared_keys_can_be_refused(start):
    server = start("--script-undeclared-keys", "refuse", shards=4)
    with server.connect() as connection:
        texts = [error_of(connection, "return redis.call('get', ARGV[1])", "1", "a", "k%d" % number)
                 for number in range(40) if connection.call("EVAL", "return redis.call('get', ARGV[1])", "1", "a", "k%d" % number)[0] == "-"]
        assert 10 < len(texts) < 40
        new = [connection.call("EVAL", "return redis.call('get', 'k%d')" % number, "1", "a")[0] for number in range(40)]
        assert 10 < new.count("-") < 40  # also the first run of a text
        for number in range(40):
            for call in range(2):
                text = "#!lua flags=allow-cross-slot-keys\nreturn redis.call('get', 'cross%d')" % number
                assert connection.run("EVAL", text, "1", "a") is None
        connection.run("CONFIG", "SET", "script-undeclared-keys", "lock-all")
        for number in range(40):
            assert connection.run("EVAL", "return redis.call('get', ARGV[1])", "1", "a", "k%d" % number) is None


def test_read_only_scripts_tell_nobody_anything(server):
    with server.connect() as connection:
        for words in (["publish", "a", "b"], ["spublish", "a", "b"], ["pfcount", "k"], ["set", "k", "v"]):
            text = "return redis.call(%s)" % ",".join("'%s'" % word for word in words)
            for call in (("EVAL_RO", text, 0), ("EVAL", "#!lua flags=no-writes\n" + text, 0)):
                kind, value = connection.call(*call)
                assert kind == "-" and value.startswith(b"ERR Write commands are not allowed from read-only scripts."), (call, value)


def test_monitors_see_what_scripts_do(server):
    with server.connect() as watching, server.connect() as connection:
        watching.run("MONITOR")
        connection.run("EVAL", "redis.call('set', KEYS[1], 5) return redis.call('get', KEYS[1])", "1", "k")
        lines = [re.sub(rb"^[0-9.]+ |127.0.0.1:[0-9]+", b"", watching.read()[1]) for _ in range(3)]
        assert lines[0].startswith(b'[0 ] "EVAL"')
        assert lines[1:] == [b'[0 lua] "set" "k" "5"', b'[0 lua] "get" "k"']


def test_info_counts_scripts(server, start):
    def counts(connection):
        connection.call("EVAL", "return redis.pcall('get')", "0")
        connection.call("EVAL", "return redis.call('lpush', 's')", "0")
        connection.run("SET", "s", "x")
        connection.call("EVAL", "return redis.call('lpush', 's', 1)", "0")
        connection.call("EVAL", "error('x')", "0")
        text = connection.run("INFO", "everything").decode()
        return sorted(re.findall(r"(?m)^(?:errorstat_\w+:.*|number_of_cached_scripts:.*|cmdstat_eval:calls=\d+|cmdstat_lpush:calls=\d+)", text))

    with server.connect() as own, start(kind="redis").connect() as redis:
        assert counts(own) == counts(redis)


BUSY = ("--busy-reply-threshold", "100")
LOOP = "while true do end"


def start_script(server, text, *words):
    """A connection whose script has paused: another one finds its shard locked."""
    connection = server.connect()
    connection.send("EVAL", text, *(words or ("0",)))
    return connection


def is_busy(reply):
    return reply[0] == "-" and reply[1].startswith(b"BUSY")


def kill(connection):
    """SCRIPT KILL, as soon as there is something to end."""
    wait_until(lambda: connection.call("SCRIPT", "KILL") != ("-", b"NOTBUSY No scripts in execution right now."))


@pytest.mark.parametrize("text", (LOOP, "while true do pcall(function() while true do end end) end",
                                  "while true do pcall(redis.call, 'get', 'k') end",
                                  "local function f() for i = 1, 1e6 do end return f() end f()",
                                  "while true do coroutine.wrap(function() while true do end end)() end",
                                  "table.sort({3, 2, 1}, function() while true do end end)",
                                  "string.gsub('x', 'x', function() while true do end end)",
                                  "xpcall(function() while true do end end, function() while true do end end)"))
def test_a_script_that_loops_is_killed(start, shards, text):
    server = start(*BUSY, shards=shards)
    with server.connect() as connection:
        connection.run("SET", "k", "v")
        running = start_script(server, text)
        kill(connection)
        kind, value = running.read()
        assert kind == "-" and b"Script killed by user with SCRIPT KILL." in value
        assert running.run("GET", "k") == b"v" and connection.run("EVAL", "return redis.call('get', 'k')", "0") == b"v"
        running.close()


@pytest.mark.parametrize("words", (("DBSIZE",), ("RANDOMKEY",), ("KEYS", "*"), ("SADD", "k", "m"), ("SORT", "l", "BY", "w*", "GET", "w*"),
                                   ("FLUSHALL",), ("INFO", "keyspace")), ids=lambda words: words[0])
def test_a_script_that_has_paused_calls_what_it_could_before(start, shards, words):
    server = start(shards=shards)
    call = "redis.pcall(%s)" % ", ".join("'%s'" % word for word in words)
    with server.connect() as connection:
        connection.run("RPUSH", "l", "2", "1")
        connection.run("SET", "k", "v")
        text = "local a = %s for i = 1, %d do end local b = %s return {a, b}" % (call, 2e7 / SLOWDOWN, call)
        before, after = connection.call("EVAL", text, "0")[1]
        assert (before[0], after[0]) in {(kind, kind) for kind in ":$*+-"}
        assert "TRYAGAIN" not in repr(after)


def test_what_a_script_calls_goes_before_locks_that_wait(start, shards):
    # MSETs of very many words collect their keys in steps; some ask for their lock while a script has paused, and wait for it.
    server = start("--busy-reply-threshold", "0", shards=shards)
    words = [word for number in range(int(20000 / SLOWDOWN)) for word in (b"k%d" % number, b"v")]
    text = "for i = 1, 40 do for j = 1, %d do end redis.call('set', 'k1', i) redis.call('append', 'k2', 'x') end return 'done'" % (2e5 / SLOWDOWN)
    with server.connect() as writer, server.connect() as scripter:
        for _ in range(10):
            writer.send_raw(3 * (encode("MSET", *words) + encode("DEL", "k2")))
            assert scripter.call("EVAL", text, "0") == ("$", b"done")
            for _ in range(6):
                assert writer.read()[0] in "+:"


def test_others_are_told_that_a_script_is_busy(start, shards):
    server = start(*BUSY, shards=shards)
    with server.connect() as connection, server.connect() as waiting:
        running = start_script(server, "redis.call('get', 'k') " + LOOP)
        wait_until(lambda: is_busy(connection.call("GET", "k")))
        busy = ("-", b"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")
        for words in (("GET", "k"), ("SET", "k", "1"), ("MSET", "a", "1", "b", "2", "c", "3"), ("DBSIZE",), ("KEYS", "*"),
                      ("EVAL", "return redis.call('get', 'k')", "0"), ("HGETALL", "k"), ("RANDOMKEY",), ("INFO",), ("INFO", "keyspace"),
                      ("INFO", "memory"), ("MEMORY", "STATS"), ("SAVE",)):
            assert waiting.call(*words) == busy, words
        for words in (("WATCH", "k"), ("WATCH", "a", "b", "c"), ("TABLE.WATCH", "n.t"), ("UNWATCH",)):
            assert waiting.call(*words)[0] in "+-" and waiting.call(*words) != busy, words  # allowed then, as on redis-server
        assert waiting.call("FUNCTION", "KILL") == busy
        assert waiting.run("PING") == b"PONG"
        assert waiting.call("SHUTDOWN") == busy
        kill(connection)
        assert b"killed" in running.read()[1]
        assert waiting.run("SET", "k", "1") == b"OK"
        running.close()


def test_a_script_that_has_written_is_not_killed_and_seen_as_a_whole(start, shards):
    server = start(*BUSY, shards=shards)
    text = "for i = 1, %d do redis.call('incr', 'a') redis.call('incr', 'b') for j = 1, 1000 do end end return 'done'" % (20000 / min(SLOWDOWN, 10))
    with server.connect() as connection:
        running = start_script(server, text)
        wait_until(lambda: connection.call("SCRIPT", "KILL")[1].startswith(b"UNKILLABLE"))
        while True:
            found = connection.call("MGET", "a", "b")
            if found[0] == "*":
                break
            assert is_busy(found)
        assert found[1][0] == found[1][1] and int(found[1][0][1]) > 0
        assert running.read() == ("$", b"done")
        running.close()


def test_a_script_goes_on_when_its_client_has_gone(start, shards):
    server = start(shards=shards)
    text = "for i = 1, %d do redis.call('incr', 'a') for j = 1, 1000 do end end redis.call('set', 'b', 'end')" % (20000 / min(SLOWDOWN, 10))
    with server.connect() as connection:
        running = start_script(server, text)
        wait_until(lambda: connection.call("SCRIPT", "KILL")[1].startswith(b"UNKILLABLE"))
        running.close()
        wait_until(lambda: connection.run("GET", "b") == b"end")
        assert int(connection.run("GET", "a")) == int(20000 / min(SLOWDOWN, 10))


def test_a_transaction_with_a_script_that_loops_is_ended(start, shards):
    server = start(*BUSY, shards=shards)
    with server.connect() as connection, server.connect() as running:
        running.run("MULTI")
        for words in (("SET", "a", "1"), ("EVAL", LOOP, "0"), ("GET", "a")):
            assert running.run(*words) == b"QUEUED"
        running.send("EXEC")
        kill(connection)
        reply = running.read()[1]
        assert reply[0] == ("+", b"OK") and b"killed" in reply[1][1] and reply[2] == ("$", b"1")
        assert connection.run("GET", "a") == b"1"


def test_the_server_stops_while_scripts_run(start, shards):
    server = start(shards=shards)
    running = [start_script(server, text) for text in ("redis.call('set', 'a', 1) " + LOOP, LOOP, "while true do pcall(error) end")]
    with server.connect() as connection:
        wait_until(lambda: connection.call("SCRIPT", "KILL")[1].startswith(b"UNKILLABLE"))
    for connection in running:
        connection.close()


@pytest.mark.threads
def test_scripts_on_different_shards_run_beside_each_other(start):
    server = start(*BUSY, shards=4)
    names = ["k%d" % number for number in range(16)]
    with server.connect() as connection:
        running = [start_script(server, "redis.call('get', KEYS[1]) while true do end", "1", name) for name in names]
        wait_until(lambda: all(is_busy(connection.call("GET", name)) for name in names))
        are_over = threading.Event()

        def end_all():
            with server.connect() as killing:
                while not are_over.is_set():
                    killing.call("SCRIPT", "KILL")

        def read_all():
            for one in running:
                assert one.read()[0] == "-"
                one.close()
            are_over.set()

        run_all(end_all, read_all)
        assert connection.run("MGET", *names) == [None] * len(names)


@pytest.mark.threads
def test_long_scripts_and_everything_else_keep_out_of_each_others_way(server):
    """Scripts long enough to pause, beside readers and writers of all kinds, each of which sees them as a whole."""
    rounds = int(40 / min(SLOWDOWN, 4)) + 3
    text = ("for i = 1, 3 do for key = 0, 7 do redis.call('incrby', 'n' .. key, ARGV[1] * (key < 4 and 1 or -1)) end "
            "for j = 1, 200000 do end end return 'done'")

    def write(seed):
        with server.connect() as connection:
            for number in range(rounds):
                assert connection.run("EVAL", text, "0", seed + number) == b"done"

    def look():
        with server.connect() as connection:
            for number in range(rounds * 4):
                assert sum(int(value or 0) for value in connection.run("MGET", *["n%d" % key for key in range(8)])) == 0
                connection.run("SET", "other%d" % number, "x")
                connection.run("LPUSH", "list", *range(50))
                connection.run("LTRIM", "list", "0", "999")
                connection.run("SORT", "list", "STORE", "sorted")
                assert connection.run("DBSIZE") > 0
                connection.run("KEYS", "*")

    run_all(lambda: write(1), lambda: write(100), look, look)
