#!/usr/bin/python3
"""What tables cost in memory: ten scenarios over the wire, each with a limit on how used_memory may grow.

    tests/server/memory_scenarios.py                1, 2 and 4 shards, a table of figures
    tests/server/memory_scenarios.py --short        a tenth of the work, for valgrind

used_memory is read on a connection that does nothing else, when no other connection is open and no thread keeps spare buffers.
"""

import argparse
import concurrent.futures
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.process import SLOWDOWN, Server  # noqa: E402

KIB = 1024
SETTLE_SECONDS = 20.0
FRAGMENTATION_KEYS = 1_000_000
FRAGMENTATION_LOW, FRAGMENTATION_HIGH = 1.0, 1.5


class Line:
    """One line of the result: figures in bytes; growth may not leave least .. most."""

    def __init__(self, name, before, after, most, least=None):
        self.name = name
        self.before = before
        self.after = after
        self.growth = after - before
        self.most = most
        self.least = least

    def is_met(self):
        return self.growth <= self.most and (self.least is None or self.growth >= self.least)

    def limit(self):
        return "<= %d" % self.most if self.least is None else "%d .. %d" % (self.least, self.most)


class Bench:
    """A server under measurement."""

    def __init__(self, server, scale):
        self.server = server
        self.scale = scale
        self.observer = server.connect()
        # On a busy machine a command may be slow, and the slow log keeps it.
        assert self.observer.run("CONFIG", "SET", "slowlog-log-slower-than", "-1") == b"OK"
        self.lines = []

    def count(self, full):
        return max(1, int(full * self.scale))

    def _shards(self):
        """Of each shard's thread: how often it has looked at what is due, and the buffers that it keeps beyond what it always has."""
        text = self.observer.run("INFO", "shards").decode()
        return [tuple(int(line.split(",%s=" % name)[1].split(",")[0]) for name in ("crons", "spare_bytes"))
                for line in text.splitlines() if line.startswith("shard") and "crons=" in line]

    def used(self):
        """used_memory at rest: nobody else is connected, and every thread has given back what the last client needed."""
        end = time.monotonic() + SETTLE_SECONDS * SLOWDOWN
        while self.observer.info("clients")["connected_clients"] != "1":
            assert time.monotonic() < end, "clients are left"
            time.sleep(0.01)
        first = [crons for crons, _ in self._shards()]
        # The figure is of the last look: of one that began after the client was gone.
        while any(spare > 0 or crons < then + 2 for (crons, spare), then in zip(self._shards(), first)):
            assert time.monotonic() < end, "buffers are kept: %s" % self._shards()
            time.sleep(0.01)
        return int(self.observer.info("memory")["used_memory"])

    def run(self, commands):
        """Runs commands one at a time on a connection of their own; an error reply ends the scenario."""
        with self.server.connect() as worker:
            for command in commands:
                kind, value = worker.call(*command)
                if kind == "-":
                    raise AssertionError("%s: %s" % (" ".join(command), value.decode()))

    def measure(self, name, commands, most, least=None):
        """Runs commands and notes by how much they made used_memory grow."""
        before = self.used()
        self.run(commands)
        line = Line(name, before, self.used(), most, least)
        self.lines.append(line)
        return line.growth

    def given_back(self, name, before, taken, share):
        """Notes that of `taken` bytes at least a share came back since used_memory was `before`."""
        self.lines.append(Line(name, before, self.used(), -int(taken * share)))


def insert(table, number):
    return ["TABLE.INSERT", table, "id=%d" % number, "name=name-%06d" % number, "score=%d" % (number % 100)]


def empty_things(bench):
    """Namespaces and tables without rows."""
    count = bench.count(100)
    bench.measure("%d namespaces" % count, (["TABLE.NAMESPACE.CREATE", "space%d" % number] for number in range(count)),
                  count * KIB)
    before = bench.used()
    bench.measure("%d tables of 3 columns, 1 index" % count, (
        ["TABLE.SCHEMA.CREATE", "space%d.t" % number, "id:integer:hash", "name:string", "score:integer"]
        for number in range(count)), count * 2 * KIB)
    bench.run(["TABLE.SCHEMA.DROP", "space%d.t" % number, "FORCE"] for number in range(count))
    bench.lines.append(Line("since before those tables, all dropped", before, bench.used(), 0))
    bench.run(["TABLE.NAMESPACE.DROP", "space%d" % number, "FORCE"] for number in range(count))


def rows_come_and_go(bench):
    """Rows: what they take, what reading and changing them costs, what deleting them gives back."""
    count = bench.count(1000)
    bench.run([["TABLE.NAMESPACE.CREATE", "ns"],
               ["TABLE.SCHEMA.CREATE", "ns.rows", "id:integer:hash", "name:string", "score:integer"]])
    taken = bench.measure("%d rows with their index" % count, (insert("ns.rows", number) for number in range(count)), count * 200)
    bench.measure("%d indexed selects" % count, (
        ["TABLE.SELECT", "ns.rows", "WHERE", "id=%d" % number] for number in range(count)), KIB, least=0)
    bench.measure("%d selects with two conditions" % (count // 2), (
        ["TABLE.SELECT", "ns.rows", "WHERE", "id=%d" % number, "AND", "score>=0"] for number in range(count // 2)), KIB, least=0)
    bench.measure("%d updates" % count, (
        ["TABLE.UPDATE", "ns.rows", "WHERE", "id=%d" % number, "SET", "score=%d" % (number % 50)] for number in range(count)),
        2 * KIB - 1)
    before = bench.used()
    bench.run([["TABLE.DELETE", "ns.rows"]])
    bench.given_back("all %d rows deleted: 90 %% back" % count, before, taken, 0.9)
    bench.run([["TABLE.SCHEMA.DROP", "ns.rows", "FORCE"]])


def index_comes_and_goes(bench):
    """An index on a populated table, and without it again."""
    count = bench.count(1000)
    bench.run([["TABLE.SCHEMA.CREATE", "ns.late", "id:integer", "name:string", "score:integer"]])
    bench.run(insert("ns.late", number) for number in range(count))
    taken = bench.measure("an index over %d values" % count, [["TABLE.SCHEMA.ALTER", "ns.late", "ADD", "INDEX", "id:hash"]],
                          count * 100)
    before = bench.used()
    bench.run([["TABLE.SCHEMA.ALTER", "ns.late", "DROP", "INDEX", "id"]])
    bench.given_back("the index dropped: 90 % back", before, taken, 0.9)
    bench.run([["TABLE.SCHEMA.DROP", "ns.late", "FORCE"]])


def cycles(bench):
    """Insert, select, update, delete, over and over."""
    count = bench.count(5000)
    bench.run([["TABLE.SCHEMA.CREATE", "ns.cycle", "id:integer:hash", "name:string", "score:integer"]])

    def steps():
        for number in range(count):
            where = ["WHERE", "id=%d" % number]
            yield insert("ns.cycle", number)
            yield ["TABLE.SELECT", "ns.cycle"] + where
            yield ["TABLE.UPDATE", "ns.cycle"] + where + ["SET", "score=7"]
            yield ["TABLE.DELETE", "ns.cycle"] + where

    bench.measure("%d cycles of insert, select, update, delete" % count, steps(), 5 * KIB - 1)
    bench.run([["TABLE.SCHEMA.DROP", "ns.cycle", "FORCE"], ["TABLE.NAMESPACE.DROP", "ns", "FORCE"]])


SCENARIOS = (empty_things, rows_come_and_go, index_comes_and_goes, cycles)


def run_scenarios(server, scale=1.0):
    """Plays all scenarios on a fresh server; gives the lines."""
    bench = Bench(server, scale)
    try:
        # The first table of a server's life makes what all later ones share.
        bench.run([["TABLE.NAMESPACE.CREATE", "warm"], ["TABLE.SCHEMA.CREATE", "warm.t", "id:integer:hash"],
                   ["TABLE.INSERT", "warm.t", "id=1"], ["TABLE.NAMESPACE.DROP", "warm", "FORCE"]])
        start = bench.used()
        for scenario in SCENARIOS:
            scenario(bench)
        bench.lines.append(Line("everything dropped, since the start", start, bench.used(), 0))
    finally:
        bench.observer.close()
    return bench.lines


def fragmentation(server, keys):
    """Resident over used bytes after a load of keys, as INFO says it."""
    with server.connect() as connection:
        for start in range(0, keys, 1000):
            connection.pipeline(("SET", "key:%010d" % number, "v%07d" % number) for number in range(start, start + 1000))
        return float(connection.info("memory")["mem_fragmentation_ratio"])


def is_good_fragmentation(ratio):
    return FRAGMENTATION_LOW <= ratio <= FRAGMENTATION_HIGH


def show(shards, lines):
    print("%-48s %6s %12s %12s %10s %14s %s" % ("scenario", "shards", "before", "after", "growth", "limit", "verdict"))
    for line in lines:
        print("%-48s %6d %12d %12d %10d %14s %s" % (
            line.name, shards, line.before, line.after, line.growth, line.limit(), "ok" if line.is_met() else "BEYOND"))


def end(server, shards):
    """Ends it. Gives whether all was well, and the sentences that say so."""
    problems = server.problems() + server.stop()
    return not problems, "\n".join(problems) or "%d shards: audit, end and reports are clean" % shards


def run_shortly(shards):
    """A tenth of the work, without limits; as end()."""
    server = Server("tessera", shards)
    run_scenarios(server, 0.1)
    return end(server, shards)


def run_wholly(shards):
    """Shows what was measured. False: something was wrong, or beyond a limit."""
    server = Server("tessera", shards)
    lines = run_scenarios(server)
    show(shards, lines)
    ratio = fragmentation(server, FRAGMENTATION_KEYS)
    print("%-48s %6d %48.2f %2.1f .. %.1f %s\n" % (
        "fragmentation ratio after %d keys" % FRAGMENTATION_KEYS, shards, ratio, FRAGMENTATION_LOW, FRAGMENTATION_HIGH,
        "ok" if is_good_fragmentation(ratio) else "BEYOND"))
    is_good, text = end(server, shards)
    print(text)
    return is_good and is_good_fragmentation(ratio) and all(line.is_met() for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", default="1,2,4")
    parser.add_argument("--short", action="store_true",
                        help="a tenth of the work, all servers at the same time, without limits: only that nothing breaks")
    options = parser.parse_args()
    counts = list(map(int, options.shards.split(",")))
    if options.short:
        # A server ends with the thread that started it: each has its own.
        with concurrent.futures.ThreadPoolExecutor(len(counts)) as pool:
            results = list(pool.map(run_shortly, counts))
        print("\n".join(text for _, text in results))
        sys.exit(0 if all(is_good for is_good, _ in results) else 1)
    sys.exit(0 if all([run_wholly(shards) for shards in counts]) else 1)


if __name__ == "__main__":
    main()
