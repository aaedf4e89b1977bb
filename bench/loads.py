"""The loads of bench/compare: redis-benchmark, filling a keyspace, and table work against the same steps by hand."""

import csv
import io
import random
import subprocess

from harness.resp import encode

PIPELINE = 1000
TABLE = "bench.people"


def redis_benchmark(contender, test, pipeline, requests, keys, clients=50):
    """Runs one test, by its name or as the words of a command; gives requests/s, server CPU microseconds a request, and latencies
    in milliseconds."""
    words = ["redis-benchmark", "-p", str(contender.server.port), "-P", str(pipeline), "-n", str(requests), "-c", str(clients),
             "-r", str(keys), "--csv"] + (["--cluster"] if contender.is_cluster else [])
    words += ["-t", test] if isinstance(test, str) else list(test)
    before = contender.server.cpu_seconds()
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300, check=True)
    cpu = contender.server.cpu_seconds() - before
    lines = ended.stdout[ended.stdout.index('"test"'):]
    row = next(csv.DictReader(io.StringIO(lines)))
    return {"rps": float(row["rps"]), "cpu": cpu * 1e6 / requests, "p50": float(row["p50_latency_ms"]),
            "p99": float(row["p99_latency_ms"]), "max": float(row["max_latency_ms"])}


def send_pipelines(connection, commands, depth=PIPELINE):
    """Sends commands in pipelines of `depth` and throws the replies away, but for errors."""
    ending = b"$4\r\ndone\r\n"
    batch = []

    def flush():
        connection.send_raw(b"".join(batch) + encode("ECHO", "done"))
        received = connection.read_until(ending)
        if received.startswith(b"-") or b"\r\n-" in received:
            raise RuntimeError(received[max(received.find(b"-"), 0):][:200])
        batch.clear()

    for command in commands:
        batch.append(command)
        if len(batch) == depth:
            flush()
    flush()


def fill_for_redis_benchmark(server, keys):
    """Every key that redis-benchmark -r will ask for, with its 3-byte values."""
    with server.connect() as connection:
        for start in range(0, keys, PIPELINE):
            words = [b"MSET"]
            for number in range(start, min(start + PIPELINE, keys)):
                words += [b"key:%012d" % number, b"xxx"]
            connection.call(*words)


def string_sets(count, value_bytes, ttl=None):
    """SETs with 14-byte keys."""
    value = b"v" * value_bytes
    if ttl is None:
        return (b"*3\r\n$3\r\nSET\r\n$14\r\nkey:%010d\r\n$%d\r\n%s\r\n" % (number, value_bytes, value) for number in range(count))
    return (b"*5\r\n$3\r\nSET\r\n$14\r\nkey:%010d\r\n$%d\r\n%s\r\n$2\r\nEX\r\n$5\r\n%d\r\n" % (number, value_bytes, value, ttl)
            for number in range(count))


# ---- collections ----

def chunks(things, size=100):
    """`things` in lists of up to `size`."""
    things = list(things)
    return (things[at:at + size] for at in range(0, len(things), size))


def set_of_strings(count, key=b"set"):
    """14-byte members."""
    return (encode("SADD", key, *part) for part in chunks(b"member%08d" % number for number in range(count)))


def set_of_integers(count):
    """Up to eight digits, in no order."""
    return (encode("SADD", "set", *part) for part in chunks(number * 7919 % 99999989 for number in range(count)))


def hash_of_fields(count):
    """8-byte fields, 13-byte values."""
    return (encode("HSET", "hash", *(word for number in part for word in (b"f%07d" % number, b"value%08d" % number)))
            for part in chunks(range(count)))


def sorted_set(count):
    """14-byte members with a score of their own."""
    rng = random.Random(count)
    return (encode("ZADD", "zset", *(word for number in part for word in (repr(rng.random() * 1e6), b"member%08d" % number)))
            for part in chunks(range(count)))


def small_hashes(count):
    """12-byte keys; 10 fields `field0` ..., 8-byte values."""
    return (encode("HSET", b"hash%08d" % number, *(word for field in range(10) for word in (
        b"field%d" % field, b"v%07d" % ((number * 10 + field) * 7919 % 9999991)))) for number in range(count))


def list_of_items(count):
    """16-byte items."""
    return (encode("RPUSH", "list", *part) for part in chunks(b"item%012d" % number for number in range(count)))


# redis-benchmark's default tests by their names, and commands in words where it has none, or first fills a list. The name, what
# it runs, and its share of the usual number of requests.
FAMILY_TESTS = (
    ("PING_INLINE", "ping_inline", 1), ("PING_MBULK", "ping_mbulk", 1), ("SET", "set", 1), ("GET", "get", 1), ("INCR", "incr", 1),
    ("LPUSH", "lpush", 1), ("RPUSH", "rpush", 1), ("LPOP", "lpop", 1), ("RPOP", "rpop", 1), ("SADD", "sadd", 1),
    ("HSET", "hset", 1), ("SPOP", "spop", 1), ("ZADD", "zadd", 1), ("ZPOPMIN", "zpopmin", 1), ("MSET", "mset", 0.2),
    ("LRANGE_100", ("LRANGE", "list", "0", "99"), 0.2), ("LRANGE_300", ("LRANGE", "list", "0", "299"), 0.1),
    ("LRANGE_500", ("LRANGE", "list", "0", "499"), 0.05), ("LRANGE_600", ("LRANGE", "list", "0", "599"), 0.05),
    ("HGETALL", ("HGETALL", "hash:__rand_int__"), 0.5),
    ("ZRANGEBYSCORE", ("ZRANGEBYSCORE", "zset", "__rand_int__", "+inf", "LIMIT", "0", "10"), 0.5),
    ("XADD", ("XADD", "stream", "*", "field", "value"), 1),
)


def fill_for_families(server, keys):
    """What FAMILY_TESTS read: strings, small hashes of 10 fields, a sorted set with the scores 0 .. keys - 1, a list of 1,000."""
    fill_for_redis_benchmark(server, keys)
    with server.connect() as connection:
        send_pipelines(connection, (encode("HSET", b"hash:%012d" % number, *(word for field in range(10) for word in (
            b"field%d" % field, b"%08d" % (number + field)))) for number in range(keys)))
        send_pipelines(connection, (encode("ZADD", "zset", *(
            word for number in part for word in (number, b"member%08d" % number))) for part in chunks(range(keys))))
        send_pipelines(connection, [encode("RPUSH", "list", *["xxx"] * 1000)])


# Commands over whole collections of so many elements, for how long others wait: the name, what is there, what is sent.
STALL_ELEMENTS = 100_000
STALLS = (
    ("HGETALL", (hash_of_fields,), ("HGETALL", "hash")),
    ("SMEMBERS", (set_of_strings,), ("SMEMBERS", "set")),
    ("SUNION of two", (set_of_strings, lambda count: set_of_strings(count, b"other")), ("SUNION", "set", "other")),
    ("ZRANGE 0 -1", (sorted_set,), ("ZRANGE", "zset", "0", "-1")),
    ("DEL of a hash", (hash_of_fields,), ("DEL", "hash")),
    ("DEL of a set", (set_of_strings,), ("DEL", "set")),
    ("DEL of a sorted set", (sorted_set,), ("DEL", "zset")),
    ("DEL of a list", (list_of_items,), ("DEL", "list")),
)


def read_all(connection, *words):
    """Sends a command and takes its reply's bytes without looking at them."""
    connection.send_raw(encode(*words) + encode("ECHO", "the end of it"))
    return connection.read_until(b"$13\r\nthe end of it\r\n")


# ---- tables: four columns, two of them indexed, 52 bytes of raw data a row ----

def person(number):
    """(id, name, age, city): id is unique and indexed, age has 100 values and is indexed."""
    return b"%010d" % number, b"name-%012d" % number, b"%d" % (number % 100), b"city-%08d" % (number % 977)


def table_schema(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "bench")
        connection.run("TABLE.SCHEMA.CREATE", TABLE, "id:integer:hash", "name:string", "age:integer:hash", "city:string")


def table_inserts(first, count):
    for number in range(first, first + count):
        who, name, age, city = person(number)
        yield encode("TABLE.INSERT", TABLE, b"id=%d" % int(who), b"name=" + name, b"age=" + age, b"city=" + city)


def table_selects(numbers):
    for number in numbers:
        yield encode("TABLE.SELECT", TABLE, "WHERE", "id=%d" % number)


def by_hand_schema(server):
    with server.connect() as connection:
        connection.run("HSET", TABLE + ":schema", "id", "integer:hash", "name", "string", "age", "integer:hash", "city", "string")


def by_hand_inserts(first, count):
    """What a module that keeps rows as hashes and indexes as sets does, as commands: the columns' types, a row number, the
    row, its place in the list of rows, and one set an indexed value."""
    schema = encode("HGETALL", TABLE + ":schema")
    for number in range(first, first + count):
        who, name, age, city = person(number)
        yield b"".join((
            schema,
            encode("INCR", TABLE + ":id"),
            encode("HSET", "%s:%d" % (TABLE, number), "id", int(who), "name", name, "age", age, "city", city),
            encode("SADD", TABLE + ":rows", number),
            encode("SADD", "%s:idx:id:%d" % (TABLE, int(who)), number),
            encode("SADD", "%s:idx:age:%s" % (TABLE, age.decode()), number)))


def by_hand_selects(numbers):
    """The columns' types, the index set of the value, the row."""
    schema = encode("HGETALL", TABLE + ":schema")
    for number in numbers:
        yield schema + encode("SMEMBERS", "%s:idx:id:%d" % (TABLE, number)) + encode("HGETALL", "%s:%d" % (TABLE, number))


def cpu_per_command(server, commands, count):
    """Server CPU microseconds for each of `count` commands sent as pipelines; they are made before the clock starts."""
    commands = list(commands)
    with server.connect() as connection:
        before = server.cpu_seconds()
        send_pipelines(connection, commands)
        return (server.cpu_seconds() - before) * 1e6 / count
