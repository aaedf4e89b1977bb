#!/usr/bin/env python3
"""What statements over all shards take on one shard and on two: bench/scatter.py [--rows N] [--keys N] [--times N] [--server BINARY]

Prints a table: the statement, its wall time on 1 shard and on 2 shards, and the ratio; medians of several, the two servers by turns,
and the least of each, which says more when others use the machine. A reply is read as bytes, not parsed.

--first: server and client come before all other processes while a statement is measured, where that is allowed, for a machine that others
use, too.

--beside N: what SELECTs and PINGs take on two shards while N connections read a large hash again and again.
"""

import argparse
import os
import statistics
import subprocess
import time

from servers import RELEASE, Server

from harness.resp import encode

TABLE = "scatter.people"
STEP = 1000
CITIES = 1000
ENDING = b"$13\r\nthe end of it\r\n"

STATEMENTS = (
    ("SELECT, integer scan, few found", ("TABLE.SELECT", TABLE, "WHERE", "age=1000001")),
    ("SELECT, text scan, few found", ("TABLE.SELECT", TABLE, "WHERE", "name=nobody")),
    ("SELECT, three conditions, 1 % found", ("TABLE.SELECT", TABLE, "WHERE", "age<1000", "AND", "score>5", "OR", "name=nobody")),
    ("SELECT, integer scan, 10 % found", ("TABLE.SELECT", TABLE, "WHERE", "age<10000")),
    ("SELECT, index, 1000 found", ("TABLE.SELECT", TABLE, "WHERE", "city=7")),
    ("UPDATE, scan, few found", ("TABLE.UPDATE", TABLE, "WHERE", "name=nobody", "SET", "score=1")),
    ("DELETE, scan, none found", ("TABLE.DELETE", TABLE, "WHERE", "name=nobody")),
    ("ADD INDEX", ("TABLE.SCHEMA.ALTER", TABLE, "ADD", "INDEX", "age")),
    ("KEYS, none found", ("KEYS", "nobody*")),
    ("KEYS, all", ("KEYS", "*")),
    ("MEMORY PREFIX", ("MEMORY", "PREFIX")),
)
INDEX = "ADD INDEX"
DROP_INDEX = ("TABLE.SCHEMA.ALTER", TABLE, "DROP", "INDEX", "age")


def fill(connection, rows, keys):
    """The same rows and keys on each server."""
    connection.run("TABLE.NAMESPACE.CREATE", TABLE.split(".")[0])
    connection.run("TABLE.SCHEMA.CREATE", TABLE, "id:integer:hash", "name:string", "age:integer", "score:integer", "city:integer:hash")
    for start in range(0, rows, STEP):
        connection.pipeline(("TABLE.INSERT", TABLE, "id=%d" % number, "name=name-%d" % (number % 77777),
                             "age=%d" % (number * 7919 % 100000), "score=%d" % (number % 100), "city=%d" % (number % CITIES))
                            for number in range(start, min(start + STEP, rows)))
    for start in range(0, keys, STEP):
        words = [b"MSET"]
        for number in range(start, min(start + STEP, keys)):
            words += [b"user:%d:%d" % (number % 100, number), b"value"]
        connection.call(*words)


def milliseconds(connection, words):
    """From the command to the end of its reply."""
    before = time.perf_counter()
    connection.send_raw(encode(*words) + encode("ECHO", "the end of it"))
    reply = connection.read_until(ENDING)
    after = time.perf_counter()
    if reply.startswith(b"-"):
        raise RuntimeError(reply[:200])
    return (after - before) * 1000


def come_first(server):
    """The threads of the server, and this one: SCHED_FIFO."""
    pid = server.process.pid
    for task in [0] + list(map(int, os.listdir("/proc/%d/task" % pid))):
        os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(1))


def compare(servers, times):
    """{statement: [figures of the first server, of the second ...]}"""
    figures = {name: [[] for _ in servers] for name, _ in STATEMENTS}
    connections = [server.connect() for server in servers]
    for name, words in STATEMENTS:
        for number in range(times + 1):
            for server, connection in enumerate(connections):
                taken = milliseconds(connection, words)
                if number > 0:
                    figures[name][server].append(taken)
                if name == INDEX:
                    connection.run(*DROP_INDEX)
    for connection in connections:
        connection.close()
    return figures


def print_table(figures):
    print("| statement | 1 shard, ms | 2 shards, ms | ratio | least, ms | | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name, (one, two) in figures.items():
        medians = statistics.median(one), statistics.median(two)
        print("| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |" % (
            name, medians[0], medians[1], medians[1] / medians[0], min(one), min(two), min(two) / min(one)))


# --- beside readers ---

FIELDS = 100_000
BESIDE = (
    ("SELECT of few rows by an index", ("TABLE.SELECT", TABLE, "WHERE", "city=7", "AND", "id<20000")),
    ("SELECT of many rows by an index", ("TABLE.SELECT", TABLE, "WHERE", "city=7")),
    ("SELECT by a scan", ("TABLE.SELECT", TABLE, "WHERE", "name=nobody")),
    ("PING", ("PING",)),
)


def beside(server, readers, seconds):
    """Each command on a connection of its own, by turns, while redis-benchmark has `readers` read a large hash again and again."""
    with server.connect() as connection:
        for start in range(0, FIELDS, STEP):
            connection.call("HSET", "hash", *(word for number in range(start, start + STEP) for word in ("field:%d" % number, "value")))
    load = subprocess.Popen(["redis-benchmark", "-p", str(server.port), "-c", str(readers), "-n", "100000000", "HGETALL", "hash"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    connections = [server.connect() for _ in BESIDE]
    taken = [[] for _ in BESIDE]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for figures, connection, (_, words) in zip(taken, connections, BESIDE):
            figures.append(milliseconds(connection, words))
    load.terminate()
    load.wait()
    print("| beside %d readers | median, ms | p99 | worst |\n|---|---|---|---|" % readers)
    for figures, (name, _) in zip(map(sorted, taken), BESIDE):
        print("| %s | %.2f | %.2f | %.2f |" % (name, statistics.median(figures), figures[int(len(figures) * 0.99) - 1], figures[-1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--beside", type=int, default=0, metavar="READERS")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--server", default=os.path.join(RELEASE, "tessera-server"))
    arguments = parser.parse_args()
    servers = [Server("tessera", shards, binary=arguments.server) for shards in (1, 2)]
    try:
        for server in servers:
            with server.connect() as connection:
                fill(connection, arguments.rows, arguments.keys)
        if arguments.first:
            for server in servers:
                come_first(server)
        if arguments.beside:
            beside(servers[1], arguments.beside, arguments.seconds)
        else:
            print_table(compare(servers, arguments.times))
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
