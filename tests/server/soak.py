#!/usr/bin/python3
"""Random load of every kind for as long as wanted; MEMORY AUDIT again and again, under load and at rest.

    tests/server/soak.py --seconds 3600 --shards 2            an hour
    tests/server/soak.py --seconds 300 --shards 4 --rate 40   all loads together busy 40 % of the time
    tests/server/soak.py --loads 2,1,0,1 --families zset,set --audit-seconds 1 --seed 7
                                                              how many loads of each kind (family, table, client, disturb); see
                                                              soak_load.py

Wrong are: an audit's difference, a connection that the server closed although nobody asked for it, a server that does not move,
ended or printed a sanitizer's report, and memory that is still used when all data are gone. Each load has a generator seeded
by seed and name: what it sends is the same in each run (but limits, which follow used_memory), how loads meet is not.
"""

import argparse
import multiprocessing
import os
import queue
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from families import FAMILIES  # noqa: E402
from harness.process import SLOWDOWN, Server  # noqa: E402
from harness.resp import Closed  # noqa: E402
from soak_load import KINDS, STUCK_SECONDS, Line, run_load  # noqa: E402

LEFT_BYTES_MAX = 100_000
LEFT_SHARE_MAX = 0.01
SCRIPT_STATE_BYTES_MAX = 200_000  # a thread's Lua state stays; its tables and traces do not shrink
USED_MAX = 300 << 20
TICK_SECONDS = 0.25
END_SECONDS = 15 * SLOWDOWN
LOADS = "3,2,1,1"
AUDIT_OK = (("+", b"OK"), ("$", b"OK"))


class Shared:
    """What the loads and their parent have in common."""

    def __init__(self, port, options, count):
        self.port = port
        self.seed = options.seed
        self.rate = options.rate
        self.families = options.families
        self.skip = options.skip
        self.count = count
        self.must_end = multiprocessing.Event()
        self.failures = multiprocessing.Queue()
        self.pause = multiprocessing.Value("L", 0)           # odd: loads wait
        self.paused = multiprocessing.Array("L", count)      # which pause each load has seen
        self.commands = multiprocessing.Array("Q", count)    # each written by its load only


class Soak:
    """One server and its loads."""

    def __init__(self, shards, options):
        self.shards = shards
        self.options = options
        self.problems = []
        self.audits = [0, 0]
        self.flushes = 0
        self.rss_peak = 0
        self.server = Server("tessera", shards, options.server_options)
        self.connection = self.server.connect(timeout=STUCK_SECONDS)
        self.connection.run("CLIENT", "NO-EVICT", "ON")
        self.warm_up()
        self.config = self.configuration()
        self.start_classes = self.classes()
        self.start_used = self.used()
        self.start_rss = self.server.resident_bytes()
        self.start_loads()

    def start_loads(self):
        names = ["%s-%d" % (kind, number) for kind, count in zip(KINDS, self.options.loads) for number in range(count)]
        self.shared = Shared(self.server.port, self.options, len(names))
        self.processes = []
        for number, name in enumerate(names):
            arguments = (KINDS[name.split("-")[0]], self.shared, number, name)
            self.processes.append(multiprocessing.Process(target=run_load, daemon=True, args=arguments))
            self.processes[-1].start()

    def warm_up(self):
        """Each thread has served once: what it makes for its first command belongs to the empty server."""
        lines = [Line(self.server.port) for _ in range(2 * self.shards)]
        for line in lines:
            line.play([text.split() for text in (b"SADD a b", b"BITFIELD c GET u8 0", b"SUNION a b", b"KEYS *", b"FLUSHALL")])
        for line in lines:
            line.connection.close()
        self.comes_about(lambda: self.connection.info("clients")["connected_clients"] == "1")
        self.connection.run("MEMORY", "PURGE")

    # ---- what the server says ----

    def configuration(self):
        words = self.connection.run("CONFIG", "GET", "*")
        return dict(zip(words[::2], words[1::2]))

    def classes(self):
        words = self.connection.run("MEMORY", "STATS")
        stats = dict(zip(words[::2], words[1::2]))
        return {name.decode(): value[1] for name, value in stats.items() if name.startswith(b"class.")}

    def used(self):
        return int(self.connection.info("memory")["used_memory"])

    def figures(self):
        info = self.connection.info("everything")
        databases = [value for name, value in info.items() if name.startswith("db") and value.startswith("keys=")]
        return {"commands": sum(self.shared.commands), "used": int(info["used_memory"]), "rss": self.server.resident_bytes(),
                "keys": sum(int(value[5:].split(",")[0]) for value in databases), "evicted": int(info["evicted_keys"]),
                "expired": int(info["expired_keys"]), "moved": int(info["active_defrag_hits"])}

    def show(self, began):
        row = self.figures()
        self.rss_peak = max(self.rss_peak, row["rss"])
        print("%6d s %10d commands  used %.1f MB  rss %.1f MB  %d keys  evicted %d  expired %d  moved %d  audits %d + %d" % (
            time.monotonic() - began, row["commands"], row["used"] / 1e6, row["rss"] / 1e6, row["keys"], row["evicted"],
            row["expired"], row["moved"], *self.audits), flush=True)

    # ---- audits ----

    def audit(self, is_at_rest):
        where = "at rest" if is_at_rest else "under load"
        reply = self.connection.call("MEMORY", "AUDIT")
        self.audits[is_at_rest] += 1
        if reply not in AUDIT_OK:
            self.problems.append("MEMORY AUDIT %s: %s" % (where, reply[1]))
        if self.connection.call("PING") != ("+", b"PONG"):
            self.problems.append("PING %s" % where)

    def pause(self):
        """Waits until every load is between two turns."""
        with self.shared.pause.get_lock():
            self.shared.pause.value += 1
        end = time.monotonic() + 2 * STUCK_SECONDS
        while any(seen != self.shared.pause.value and process.is_alive()
                  for seen, process in zip(self.shared.paused, self.processes)):
            self.collect_failures()
            if self.problems:
                return
            if time.monotonic() > end:
                self.problems.append("loads did not come to rest")
                return
            time.sleep(0.01)

    def go_on(self):
        with self.shared.pause.get_lock():
            self.shared.pause.value += 1

    def collect_failures(self):
        try:
            while True:
                self.problems.append(self.shared.failures.get_nowait())
        except queue.Empty:
            pass
        if not self.server.is_alive():
            self.problems.append("the server ended")

    # ---- the run ----

    def keep_small(self):
        """Away with everything when it is more than the machine should hold."""
        if self.used() > self.options.used_max:
            self.connection.run("FLUSHALL", "ASYNC" if self.flushes % 2 else "SYNC")
            self.flushes += 1

    def load_for(self, seconds):
        began = time.monotonic()
        next_audit, next_line = began + self.options.audit_seconds, began + 60
        while time.monotonic() < began + seconds and not self.problems:
            time.sleep(TICK_SECONDS)
            self.collect_failures()
            self.keep_small()
            if time.monotonic() >= next_audit:
                self.audit(False)
                self.pause()
                self.audit(True)
                self.go_on()
                next_audit = time.monotonic() + self.options.audit_seconds
            if time.monotonic() >= next_line:
                self.show(began)
                next_line += 60
        self.show(began)

    def end_loads(self):
        self.shared.must_end.set()
        for process in self.processes:
            process.join(2 * STUCK_SECONDS)
            if process.exitcode is None:
                self.problems.append("%s does not end" % process.name)
                process.kill()
        self.collect_failures()

    @staticmethod
    def comes_about(condition):
        """Whether it does in END_SECONDS."""
        end = time.monotonic() + END_SECONDS
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def check_end(self):
        """All data and scripts away: so is their memory."""
        connection = self.connection
        self.connection.run("CONFIG", "SET", "maxmemory", 0)
        if not self.comes_about(lambda: connection.info("clients")["connected_clients"] == "1"):
            self.problems.append("connections of clients that have gone:\n%s" % connection.run("CLIENT", "LIST").decode())
        after = self.configuration()
        for name, value in self.config.items():
            if after[name] != value:
                connection.run("CONFIG", "SET", name, value)
        for words in (("FLUSHALL",), ("SCRIPT", "FLUSH", "SYNC"), ("FUNCTION", "FLUSH", "SYNC"), ("SLOWLOG", "RESET"), ("LATENCY", "RESET"), ("MEMORY", "PURGE")):
            connection.run(*words)
        allowed = max(self.start_used * LEFT_SHARE_MAX, LEFT_BYTES_MAX)
        scripts = self.classes()["class.script"] - self.start_classes["class.script"]
        if scripts > self.shards * SCRIPT_STATE_BYTES_MAX:
            self.problems.append("scripts: %d bytes are left" % scripts)
        if not self.comes_about(lambda: self.used() - self.start_used - scripts <= allowed):
            self.problems.append("used_memory: %d at the start, %d at the end" % (self.start_used, self.used()))
        self.end_used = self.used()
        self.audit(True)
        now = self.classes()
        print("left by class: " + ", ".join("%s %+d" % (name[6:], now[name] - self.start_classes[name]) for name in now
                                            if now[name] != self.start_classes[name]))

    def show_commands(self):
        """How many commands ran, and how many of them were refused."""
        rows = self.connection.info("commandstats")
        calls = failed = 0
        for text in rows.values():
            fields = dict(part.split("=") for part in text.split(","))
            calls += int(fields["calls"])
            failed += int(fields["failed_calls"])
        print("%d commands of %d kinds ran, %d with an error: %s" % (calls, len(rows), failed, ", ".join(
            "%s %s" % (name[10:], value.split("=")[1]) for name, value in self.connection.info("errorstats").items())))

    def run(self):
        """Plays the load and looks the server over; gives what was wrong."""
        self.end_used = 0
        row = {}
        try:
            self.load_for(self.options.seconds)
            self.end_loads()
            row = self.figures()
            self.show_commands()
            if not self.problems:
                self.check_end()
        except (OSError, Closed) as error:
            self.problems.append("the connection of the audits: %r" % error)
        finally:
            self.shared.must_end.set()
            for process in self.processes:
                process.join(STUCK_SECONDS)
                process.kill()
        end_rss = self.server.resident_bytes() if self.server.is_alive() else 0
        self.connection.close()
        if not self.problems:
            self.problems += self.server.problems()
        self.problems += self.server.stop()
        print("%6s %9s %10s %7s %10s %10s %8s %9s %9s %9s %8s %8s" % (
            "shards", "seconds", "commands", "audits", "used start", "used end", "left", "rss start", "rss end", "evicted",
            "expired", "moved"))
        print("%6d %9d %10d %7d %10d %10d %8d %9.1f %9.1f %9d %8d %8d" % (
            self.shards, self.options.seconds, row.get("commands", 0), sum(self.audits), self.start_used, self.end_used,
            self.end_used - self.start_used, self.start_rss / 1e6, end_rss / 1e6, row.get("evicted", 0), row.get("expired", 0),
            row.get("moved", 0)), flush=True)
        return self.problems


def parse_options(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--shards", default="2", help="comma list; one run each")
    parser.add_argument("--seed", default=str(random.randrange(10**9)))
    parser.add_argument("--audit-seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=0, help="percent of one core, about; 0: as fast as it goes")
    parser.add_argument("--loads", default=LOADS, type=lambda text: [int(count) for count in text.split(",")])
    parser.add_argument("--families", default=",".join(FAMILIES), type=lambda text: text.split(","))
    parser.add_argument("--skip", default=set(), type=lambda text: set(text.split(",")),
                        help="comma list of parameters and of disturbances (methods of Disturbance) that are left out")
    parser.add_argument("--used-max", type=int, default=USED_MAX, help="bytes; above it everything is flushed")
    parser.add_argument("--server-options", default="", type=str.split)
    return parser.parse_args(words)


def run(shards, options):
    """One server under load; gives the sentences of what was wrong."""
    print("seed %s, %d shards, %g s" % (options.seed, shards, options.seconds), flush=True)
    return Soak(shards, options).run()


def main():
    options = parse_options()
    problems = []
    for shards in map(int, options.shards.split(",")):
        found = run(shards, options)
        for text in found:
            print(text, flush=True)
        problems += found
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
