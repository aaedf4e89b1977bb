"""The loads of bench/compare: redis-benchmark, filling a keyspace, and table work against the same steps by hand."""

import csv
import io
import subprocess

from harness.resp import encode

PIPELINE = 1000
TABLE = "bench.people"


def redis_benchmark(contender, test, pipeline, requests, keys, clients=50):
    """Runs one test; gives requests/s, server CPU microseconds a request, and latencies in milliseconds."""
    words = ["redis-benchmark", "-p", str(contender.server.port), "-t", test, "-P", str(pipeline), "-n", str(requests),
             "-c", str(clients), "-r", str(keys), "--csv"]
    before = contender.server.cpu_seconds()
    ended = subprocess.run(words + (["--cluster"] if contender.is_cluster else []), capture_output=True, text=True,
                           timeout=300, check=True)
    cpu = contender.server.cpu_seconds() - before
    lines = ended.stdout[ended.stdout.index('"test"'):]
    row = next(csv.DictReader(io.StringIO(lines)))
    return {"rps": float(row["rps"]), "cpu": cpu * 1e6 / requests, "p50": float(row["p50_latency_ms"]),
            "p99": float(row["p99_latency_ms"]), "max": float(row["max_latency_ms"])}


def send_pipelines(connection, commands):
    """Sends commands in pipelines and throws the replies away, but for errors."""
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
        if len(batch) == PIPELINE:
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
