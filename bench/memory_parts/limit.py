"""Part limit: filled up to maxmemory and written on, three times as much; how far above the limit, and how late."""

import csv
import io
import subprocess
import threading

from harness.resp import encode

from .common import MIB, Figure, at_most, used_bytes

TITLE = "Filled to maxmemory and three times that written on (50 connections, SET of new keys, 400-byte values)"
LIMIT_BYTES = 64 * MIB
TIMES = 3
VALUE_BYTES, KEY_BYTES = 400, 100
POLICIES = ("allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl")
PIPELINES = (1, 16)
OVER = 0.01
LATE = 3.0
RUNS = 3
LOOK_SECONDS = 0.02


def p99_ms(server, count, pipeline, policy):
    """redis-benchmark's p99 of `count` SETs of keys that are new, as a rule."""
    words = ["redis-benchmark", "-p", str(server.port), "-c", "50", "-P", str(pipeline), "-n", str(count), "-r", "1000000000",
             "--csv", "SET", "key:__rand_int__", "v" * VALUE_BYTES] + (["EX", "100000"] if policy.startswith("volatile") else [])
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300, check=True)
    return float(next(csv.DictReader(io.StringIO(ended.stdout[ended.stdout.index('"test"'):])))["p99_latency_ms"])


class Watcher:
    """The most that used_memory is while it watches."""

    def __init__(self, subject):
        self.most = 0
        self.connection = subject.connect()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.ending.wait(LOOK_SECONDS):
            self.most = max(self.most, used_bytes(self.connection))

    def stop(self):
        self.ending.set()
        self.thread.join()
        self.connection.close()
        return self.most


def write_refused(subject, count, pipeline):
    """redis-benchmark ends at the first refusal."""
    with subject.connect() as connection:
        for start in range(0, count, pipeline):
            connection.send_raw(b"".join(encode("SET", "key:%012d" % number, "v" * VALUE_BYTES)
                                         for number in range(start, start + pipeline)) + encode("ECHO", "done"))
            connection.read_until(b"$4\r\ndone\r\n")


def set_limit(subject, limit_bytes):
    limit = subject.used() + limit_bytes
    subject.control.run("CONFIG", "SET", "maxmemory", str(limit))
    return limit


def over_limit(name, most, limit):
    over = max(0, most / limit - 1)
    return Figure(name + ": most above the limit", "%.2f %%" % (100 * over), "<= %g %%" % (100 * OVER), over <= OVER)


def measure_policy(start, policy, pipeline, limit_bytes):
    subject = start("--maxmemory-policy", policy)
    count = limit_bytes // (VALUE_BYTES + KEY_BYTES)
    free = min(p99_ms(subject.server, count, pipeline, policy) for _ in range(RUNS))
    subject.control.run("FLUSHALL")
    limit = set_limit(subject, limit_bytes)
    p99_ms(subject.server, int(1.2 * count), 16, policy)
    watcher = Watcher(subject)
    late = min(p99_ms(subject.server, TIMES * count // RUNS, pipeline, policy) for _ in range(RUNS))
    name = "%s, -P %d" % (policy, pipeline)
    figures = [over_limit(name, watcher.stop(), limit), at_most(name + ": p99, times that without a limit", late / free, LATE)]
    figures[1].text += " (%.2f / %.2f ms)" % (late, free)
    return figures


def measure_refusal(start, pipeline, limit_bytes):
    subject = start("--maxmemory-policy", "noeviction")
    count = limit_bytes // (VALUE_BYTES + KEY_BYTES)
    limit = set_limit(subject, limit_bytes)
    watcher = Watcher(subject)
    write_refused(subject, TIMES * count, pipeline)
    return over_limit("noeviction, -P %d" % pipeline, watcher.stop(), limit)


def measure(start, options):
    limit_bytes = int(LIMIT_BYTES * max(options.scale, 0.1))
    figures = [figure for policy in POLICIES for pipeline in PIPELINES
               for figure in measure_policy(start, policy, pipeline, limit_bytes)]
    return figures + [measure_refusal(start, pipeline, limit_bytes) for pipeline in PIPELINES]
