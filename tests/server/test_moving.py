"""tools/migrate-from-redis and tools/migrate-to-redis: all that a server has is at the other one, or is named."""

import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading

import pytest

from harness import rdb
from harness.process import TOP, free_port
from harness.resp import wait_until
from harness.tools import FakeRedis, Proxy, Tool, run_tool

sys.path.insert(0, os.path.join(TOP, "tools"))

from migration import crc64 as tool_crc  # noqa: E402
from migration.follow import glob_pattern  # noqa: E402

pytestmark = pytest.mark.heavy

LIBRARY = "#!lua name=%s\nredis.register_function('%s', function(keys, args) return 1 end)"
KIND = os.environ.get("TESSERA_KIND", "tessera")
FAR = 4_000_000_000_000


def commands_of_all_types(prefix):
    """One small and one large key of each type, deadlines, consumer groups, bytes that are no text."""
    yield "SET", prefix + "number", 12
    yield "SET", prefix.encode() + b"\x00\xff\r\n", bytes(range(256))
    yield "SET", prefix + "deadline", "x", "PXAT", FAR
    yield "SET", prefix + "long", "abc" * 300_000
    yield "SETBIT", prefix + "huge", 12_000_000 * 8, 1
    yield "PFADD", prefix + "counts", *range(300)
    yield "GEOADD", prefix + "places", 13.36, 38.1, "Palermo"
    for size, count in (("small", 3), ("large", 3000)):
        yield "RPUSH", prefix + "list-" + size, *["item:%d" % i for i in range(count)]
        yield "SADD", prefix + "numbers-" + size, *range(count)
        yield "SADD", prefix + "set-" + size, *["member:%d" % i for i in range(count)]
        yield "HSET", prefix + "hash-" + size, *[word for i in range(count) for word in ("field:%d" % i, i)]
        yield "ZADD", prefix + "zset-" + size, *[word for i in range(count) for word in (i * 0.5, "member:%d" % i)]
        for i in range(1, count):
            yield "XADD", prefix + "stream-" + size, "%d-1" % i, "field", i
    yield "PEXPIREAT", prefix + "hash-small", FAR + 1
    yield "XGROUP", "CREATE", prefix + "stream-large", "group", "0"
    yield "XREADGROUP", "GROUP", "group", "reader", "COUNT", "5", "STREAMS", prefix + "stream-large", ">"
    yield "XACK", prefix + "stream-large", "group", "2-1"


def fill(connection, databases=(0, 3)):
    for database in databases:
        connection.run("SELECT", database)
        for reply in connection.pipeline(commands_of_all_types("app:%d:" % database)):
            assert reply[0] != "-", reply
    connection.run("SELECT", 0)


def digest(server):
    with server.connect() as connection:
        return connection.run("DEBUG", "DIGEST")


def address(server):
    return "127.0.0.1:%d" % server.port


def source_redis(start, *options):
    return start("--enable-debug-command", "yes", *options, kind="redis")


def from_redis(source, target, *words, **more):
    return run_tool("migrate-from-redis", "127.0.0.1", source if isinstance(source, int) else source.port, "--to", address(target),
                    *words, **more)


def target_of_tests(start, shards=1, *options):
    """The server that is tested, with DEBUG where TESSERA_KIND is redis."""
    return start(*(("--enable-debug-command", "yes") if KIND == "redis" else ()), *options, shards=shards)


def test_all_types_and_databases_come_and_go(start, shards):
    source, target, back = source_redis(start), target_of_tests(start, shards), source_redis(start)
    with source.connect() as connection:
        fill(connection)
        connection.run("FUNCTION", "LOAD", LIBRARY % ("mine", "f"))
    status, output = from_redis(source, target)
    assert (status, "all keys are equal" in output) == (0, True), output
    assert digest(target) == digest(source)
    with target.connect() as connection:
        assert connection.run("PEXPIRETIME", "app:0:deadline") == FAR
        assert connection.run("FCALL", "f", 0) == 1
        assert connection.run("XPENDING", "app:0:stream-large", "group")[0] == 4
    status, output = run_tool("migrate-to-redis", "127.0.0.1", back.port, "--from", address(target))
    assert status == 0, output
    assert digest(back) == digest(source)


@pytest.mark.slow
def test_chosen_databases_and_patterns(start):
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection:
        fill(connection)
    status, output = from_redis(source, target, "--db", "3", "--match", "app:*:set-*")
    assert status == 0, output
    with target.connect() as connection:
        assert connection.run("DBSIZE") == 0
        connection.run("SELECT", 3)
        assert sorted(connection.run("KEYS", "*")) == [b"app:3:set-large", b"app:3:set-small"]


@pytest.mark.slow
def test_without_debug_values_are_compared(start):
    source, target = start("--enable-debug-command", "no", kind="redis"), target_of_tests(start)
    with source.connect() as connection, target.connect() as other:
        fill(connection)
        assert from_redis(source, target)[0] == 0
        other.run("LSET", "app:0:list-large", 2000, "changed")
        other.run("SREM", "app:0:set-large", "member:7")
        other.run("SADD", "app:0:set-large", "member:-7")
        other.run("HSET", "app:0:hash-large", "field:9", "changed")
        other.run("ZINCRBY", "app:0:zset-large", 1, "member:9")
        other.run("SETRANGE", "app:0:huge", 11_000_000, "x")
        other.run("XACK", "app:0:stream-large", "group", "3-1")
        other.run("PERSIST", "app:0:deadline")
        other.run("DEL", "app:0:number")
    status, output = from_redis(source, target, "--verify-only")
    assert status == 1
    for text in ('list-large": items 2000 to 2999 differ', 'set-large": its members differ', 'hash-large": its members differ',
                 'zset-large": its members differ', 'huge": bytes 10485760 to 11534335 differ', 'deadline": another time to live',
                 'stream-large": its consumer groups differ', 'number": missing'):
        assert text in output, output


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu"])
def test_how_keys_were_used_comes_along(start, policy):
    """Reading them, for the copy and for the comparison, does not count."""
    source = start("--enable-debug-command", "no", "--maxmemory-policy", policy, kind="redis")
    target = target_of_tests(start, 1, "--maxmemory-policy", policy)
    word, asked = ("FREQ", 77) if "lfu" in policy else ("IDLETIME", 5000)
    with source.connect() as connection, target.connect() as other:
        connection.run("RPUSH", "made", *range(1000))
        connection.run("RESTORE", "key", 0, connection.run("DUMP", "made"), word, asked)
        # Redis 7.0 has no CLIENT NO-TOUCH: there a comparison of payloads is an access.
        status, output = from_redis(source, target, *(["--no-verify"] if KIND == "redis" else []))
        assert status == 0, output
        found = other.run("OBJECT", word, "key")
        assert asked - 1 <= found <= asked + 60 if word == "IDLETIME" else found == asked


@pytest.mark.slow
def test_existing_keys_stay_unless_replaced(start):
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection, target.connect() as other:
        connection.run("MSET", "same", 1, "other", 1, "new", 1)
        other.run("MSET", "same", 1, "other", 2, "own", 3)
        status, output = from_redis(source, target)
        assert (status, 'key "other"' in output, "2 keys were at the target already" in output) == (1, True, True), output
        assert other.run("MGET", "same", "other", "new", "own") == [b"1", b"2", b"1", b"3"]
        assert from_redis(source, target, "--replace")[0] == 0
        assert other.run("MGET", "same", "other", "new", "own") == [b"1", b"1", b"1", b"3"]


@pytest.mark.slow
def test_passwords_come_from_the_environment(start):
    source, target = source_redis(start, "--requirepass", "one"), target_of_tests(start, 1, "--requirepass", "two")
    with source.connect() as connection:
        connection.run("SET", "key", "value")
    status, output = from_redis(source, target)
    assert (status, "NOAUTH" in output) == (2, True), output
    status, output = from_redis(source, target, environment={"REDIS_PASSWORD": "one", "TESSERA_PASSWORD": "no"})
    assert (status, "WRONGPASS" in output) == (2, True), output
    assert from_redis(source, target, environment={"REDIS_PASSWORD": "one", "TESSERA_PASSWORD": "two"})[0] == 0
    with target.connect() as connection:
        assert connection.run("GET", "key") == b"value"


def test_a_user_who_may_little(start):
    """Without DEBUG, OBJECT, MEMORY, CONFIG and INFO; keys that the user may not read are named."""
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection:
        fill(connection, (0,))
        connection.run("SET", "secret", "x")
        connection.run("ACL", "SETUSER", "mover", "on", ">pass", "~app:*", "+ping", "+select", "+scan", "+pttl", "+dump", "+@read",
                       "-@dangerous", "-object", "-memory")
    words = {"environment": {"REDIS_PASSWORD": "pass"}}
    status, output = from_redis(source, target, "--user", "mover", **words)
    assert (status, "name them by --db" in output) == (2, True), output
    status, output = from_redis(source, target, "--user", "mover", "--db", "0", **words)
    assert status == 1, output
    assert 'not copied: database 0, key "secret": NOPERM' in output
    assert "1 keys failed or differ" in output, output
    with target.connect() as connection:
        assert connection.run("DBSIZE") == 19
        assert connection.run("PTTL", "app:0:deadline") > 0


@pytest.mark.slow
def test_unix_sockets(start, tmp_path):
    paths = str(tmp_path / "source"), str(tmp_path / "target")
    source, target = source_redis(start, "--unixsocket", paths[0]), target_of_tests(start, 1, "--unixsocket", paths[1])
    with source.connect() as connection:
        fill(connection)
    status, output = run_tool("migrate-from-redis", "--from-unix", paths[0], "--to", paths[1])
    assert status == 0, output
    assert digest(target) == digest(source)


@pytest.fixture
def certificate(tmp_path):
    """The paths of a certificate for 127.0.0.1, which is its own authority, and of its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    paths = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


@pytest.mark.slow
def test_tls(start, certificate):
    port = free_port()
    source = source_redis(start, "--tls-port", port, "--tls-cert-file", certificate[0], "--tls-key-file", certificate[1],
                          "--tls-ca-cert-file", certificate[0], "--tls-auth-clients", "no")
    target = target_of_tests(start)
    with source.connect() as connection:
        fill(connection, (0,))
    status, output = from_redis(port, target, "--tls")
    assert (status, "certificate" in output) == (2, True), output
    status, output = from_redis(port, target, "--tls", "--cacert", certificate[0])
    assert status == 0, output
    assert digest(target) == digest(source)


def many_keys(connection, count=4000):
    values = random.Random(count)
    connection.pipeline([("SET", "key:%d" % i, values.randbytes(200)) for i in range(count)])


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_copy_is_taken_up(start, ending):
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection:
        many_keys(connection)
    with Proxy(source.port, 300_000) as proxy:
        tool = Tool("migrate-from-redis", "127.0.0.1", proxy.port, "--to", address(target))
        assert proxy.is_silent.wait(30)
        with target.connect() as connection:
            wait_until(lambda: connection.run("DBSIZE") > 0)
        status = tool.end(ending)
    assert status == (-signal.SIGKILL if ending == signal.SIGKILL else 2), tool.output
    with target.connect() as connection:
        before = connection.run("DBSIZE")
    assert 0 < before < 4000
    status, output = from_redis(source, target)
    assert (status, "keys were at the target already" in output) == (0, True), output
    assert digest(target) == digest(source)


@pytest.mark.slow
def test_a_source_that_dies(start):
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection:
        many_keys(connection)
    with Proxy(source.port, 300_000) as proxy:
        tool = Tool("migrate-from-redis", "127.0.0.1", proxy.port, "--to", address(target))
        assert proxy.is_silent.wait(30)
        proxy.cut()
        status = tool.end()
    assert (status, "Not complete" in tool.output, "connection was closed" in tool.output) == (2, True, True), tool.output


@pytest.mark.slow
def test_a_target_without_memory(start):
    source, target = source_redis(start), target_of_tests(start, 1, "--maxmemory", "16mb", "--maxmemory-policy", "noeviction")
    with source.connect() as connection:
        connection.pipeline([("SET", "key:%d" % i, os.urandom(50_000)) for i in range(600)])
    status, output = from_redis(source, target)
    assert (status, "OOM" in output, "Not complete" in output) == (2, True, True), output
    with target.connect() as connection:
        assert 0 < connection.run("DBSIZE") < 600
        connection.run("CONFIG", "SET", "maxmemory", 0)
    status, output = from_redis(source, target)
    assert status == 0, output


@pytest.mark.slow
def test_nobody_there(start):
    target = target_of_tests(start)
    status, output = from_redis(free_port(), target)
    assert (status, "cannot be reached" in output) == (2, True), output
    status, output = from_redis(target, target, "--db", "0,x")
    assert (status, "numbers with commas" in output) == (2, True), output


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["from", "to"])
def test_following_ends_in_the_same_state(start, shards, direction):
    """Writers, deletions, FLUSHDB, consumer groups and times to live while the tool runs."""
    source, target = source_redis(start), target_of_tests(start, shards)
    words = ["127.0.0.1", source.port, "--to", address(target)]
    if direction == "to":
        source, target = target, source
        words[2:] = ["--from", address(source)]
    with source.connect() as connection:
        fill(connection)
        connection.run("SELECT", 5)
        many_keys(connection, 500)
    tool = Tool("migrate-%s-redis" % direction, *words, "--follow")
    tool.read_until("following the source")
    with source.connect() as connection, target.connect() as other:
        connection.run("SET", "late", 1)
        wait_until(lambda: other.run("GET", "late") == b"1", 20, "a late key at the target")
        connection.run("RPUSH", "app:0:list-small", "more")
        connection.run("DEL", "app:0:number", "late")
        wait_until(lambda: other.run("EXISTS", "late") == 0, 20, "a deletion at the target")
        connection.run("PERSIST", "app:0:deadline")
        connection.run("XREADGROUP", "GROUP", "group", "second", "COUNT", 2, "STREAMS", "app:0:stream-large", ">")
        connection.run("SELECT", 5)
        connection.run("FLUSHDB")
        connection.run("SET", "after", 1)
    status = tool.end(signal.SIGINT)
    assert (status, "all keys are equal" in tool.output) == (0, True), tool.output
    assert digest(target) == digest(source)
    with source.connect() as connection:
        assert connection.run("CONFIG", "GET", "notify-keyspace-events")[1] == b""
    with target.connect() as connection:
        assert connection.run("XPENDING", "app:0:stream-large", "group")[0] == 6


@pytest.mark.slow
def test_following_does_not_overwrite_unasked(start):
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection, target.connect() as other:
        connection.run("SET", "key", 1)
        other.run("MSET", "key", 2, "own", 3)
        status, output = from_redis(source, target, "--follow")
        assert (status, "needs --replace" in output) == (2, True), output
        for more, expected in (((), (1, b"3")), (("--delete",), (0, None))):
            tool = Tool("migrate-from-redis", "127.0.0.1", source.port, "--to", address(target), "--follow", "--replace", *more)
            tool.read_until("following the source")
            status = tool.end(signal.SIGINT)
            assert (status, other.run("GET", "own")) == expected, tool.output
            assert other.run("GET", "key") == b"1"


@pytest.mark.slow
def test_following_needs_a_user_who_may(start):
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection:
        connection.run("ACL", "SETUSER", "mover", "on", ">pass", "~*", "+@all", "-config")
    status, output = from_redis(source, target, "--user", "mover", "--follow", environment={"REDIS_PASSWORD": "pass"})
    assert (status, "notify-keyspace-events" in output) == (2, True), output


@pytest.mark.slow
def test_a_lost_subscription_is_made_good(start):
    """The source ends the subscriber; what changes meanwhile comes all the same."""
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection:
        many_keys(connection, 100)
        tool = Tool("migrate-from-redis", "127.0.0.1", source.port, "--to", address(target), "--follow")
        tool.read_until("following the source")
        assert connection.run("CLIENT", "KILL", "TYPE", "pubsub") == 1
        connection.run("SET", "key:1", "changed")
        tool.read_until("notifications were lost")
        with target.connect() as other:
            wait_until(lambda: other.run("GET", "key:1") == b"changed", 20, "the change at the target")
    assert tool.end(signal.SIGTERM) == 0, tool.output
    assert digest(target) == digest(source)


@pytest.mark.slow
def test_a_copy_of_moving_data_says_so(start):
    source, target = source_redis(start), target_of_tests(start)
    with source.connect() as connection:
        many_keys(connection)
    must_end = threading.Event()

    def write():
        with source.connect() as connection:
            while not must_end.is_set():
                connection.run("INCR", "counter")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        output = from_redis(source, target)[1]
    finally:
        must_end.set()
        writer.join()
    assert "a copy of moving data" in output


@pytest.mark.slow
@pytest.mark.skipif(KIND == "redis", reason="redis-server has no tables")
def test_tables_are_named(start, shards):
    source, target = start(shards=shards), source_redis(start)
    with source.connect() as connection:
        for database in (0, 2):
            connection.run("SELECT", database)
            connection.run("TABLE.NAMESPACE.CREATE", "shop")
            connection.run("TABLE.SCHEMA.CREATE", "shop.users", "id:integer:hash")
            for number in range(3 + database):
                connection.run("TABLE.INSERT", "shop.users", "id=%d" % number)
        connection.run("SET", "key", 1)
    status, output = run_tool("migrate-to-redis", "127.0.0.1", target.port, "--from", address(source))
    assert status == 0, output
    assert "left out: database 0, table shop.users, 3 rows" in output
    assert "left out: database 2, table shop.users, 5 rows" in output
    assert "2 tables with 8 rows stay" in output


# --- other versions ---

def packed_triples(items):
    return struct.pack("<Q", 0) + rdb.text(rdb.listpack(items))


def stream_of_72():
    """A stream with one entry, a group and a consumer that was active."""
    fields = [b"1", b"0", b"1", b"f", b"0", b"2", b"0", b"0", b"v", b"4"]
    body = rdb.length(1) + rdb.text(struct.pack(">QQ", 1, 1)) + rdb.text(rdb.listpack(fields))
    body += b"".join(map(rdb.length, (1, 1, 1, 1, 1, 0, 0, 1)))
    body += rdb.length(1) + rdb.text(b"group") + b"".join(map(rdb.length, (1, 1, 1)))
    body += rdb.length(1) + struct.pack(">QQ", 1, 1) + struct.pack("<Q", 5000) + rdb.length(2)
    body += rdb.length(1) + rdb.text(b"reader") + struct.pack("<QQ", 5000, 6000) + rdb.length(1) + struct.pack(">QQ", 1, 1)
    return b"\x15" + body


NEWER = {
    b"string": rdb.string(rdb.text(b"text")),
    b"set": b"\x14" + rdb.text(rdb.listpack([b"a", b"12", b"-300", b"b" * 100])),
    b"stream": stream_of_72(),
    b"hash": b"\x18" + struct.pack("<Q", 0) + rdb.length(1) + rdb.length(0) + rdb.text(b"f") + rdb.text(b"v"),
    b"packed": b"\x19" + packed_triples([b"f", b"v", b"0", b"g", b"7", b"0"]),
    b"timed": b"\x19" + packed_triples([b"f", b"v", b"99"]),
    b"module": b"\x07" + rdb.length(0x81b4a1c2d3e4f000 | 3) + rdb.length(0),
}


@pytest.mark.slow
def test_payloads_of_newer_versions_are_lowered(start):
    target = target_of_tests(start)
    payloads = {key: rdb.seal(value, 12) for key, value in NEWER.items()}
    with FakeRedis(b"7.4.2", payloads) as source, target.connect() as connection:
        status, output = from_redis(source.port, target, "--no-verify")
        assert status == 1
        assert connection.run("GET", "string") == b"text"
        assert sorted(connection.run("SMEMBERS", "set")) == [b"-300", b"12", b"a", b"b" * 100]
        assert connection.run("XRANGE", "stream", "-", "+") == [[b"1-1", [b"f", b"v"]]]
        assert connection.run("XPENDING", "stream", "group")[:3] == [1, b"1-1", b"1-1"]
        assert connection.run("HGETALL", "hash") == [b"f", b"v"]
        assert connection.run("HGETALL", "packed") == [b"f", b"v", b"g", b"7"]
    assert 'key "timed"' not in output, output
    assert 'key "module": a value of the module type' in output
    assert re.search("1 keys? failed", output), output


@pytest.mark.slow
def test_a_damaged_payload_is_named(start):
    target = target_of_tests(start)
    good = rdb.seal(rdb.plain_set([b"a", b"b"]), 6)
    payloads = {b"good": good, b"flipped": good[:3] + bytes([good[3] ^ 1]) + good[4:], b"cut": rdb.seal(b"\x14\x05abc", 11)}
    with FakeRedis(b"2.8.24", payloads) as source:
        status, output = from_redis(source.port, target, "--no-verify")
    assert status == 1
    assert 'key "flipped": RESTORE: ERR DUMP payload' in output, output
    assert 'key "cut": ' in output and "2 keys failed" in output


@pytest.mark.slow
def test_checksums():
    for size in [*range(0, 300, 7), 1000, 66_000, 1_100_000]:
        data = os.urandom(size)
        assert tool_crc.crc64(data) == rdb.crc64(data)
        cut = size // 3
        assert tool_crc.joined(tool_crc.crc64(data[:cut]), tool_crc.crc64(data[cut:]), size - cut) == rdb.crc64(data)


@pytest.mark.parametrize("pattern, key, is_match", [
    (b"a*", b"abc", True), (b"a?c", b"abc", True), (b"a[b-d]", b"ac", True), (b"a[^b]", b"ab", False), (b"a\\*", b"ab", False),
    (b"a\\*", b"a*", True), (b"*", b"\x00\n\xff", True), (b"a.c", b"abc", False), (b"[!a]", b"b", False)])
@pytest.mark.slow
def test_patterns(pattern, key, is_match):
    assert (glob_pattern(pattern).fullmatch(key) is not None) == is_match
