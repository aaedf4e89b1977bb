"""Part defrag: what active defragmentation costs while it works, and when there is nothing to do."""

import re
import statistics
import subprocess
import time

from harness.resp import ReplyError

from .common import Figure, at_most
from .resident import delete_most, load

TITLE = "The price of active defragmentation, in pairs of runs one right after the other"
PAIRS = 11
KEYS = 300_000
LOAD_REQUESTS = 60_000
LATENCY_GOAL = 1.3
IDLE_GOAL = 0.5
IDLE_SECONDS = 1.0
CPU_REQUESTS = 2_000_000


def switch(subject, word):
    """False: this server cannot."""
    try:
        subject.control.run("CONFIG", "SET", "activedefrag", word)
    except ReplyError:
        return False
    return True


def p999_ms(server, test, requests):
    """redis-benchmark's distribution: its line at or above 99.9 %."""
    ended = subprocess.run(["redis-benchmark", "-p", str(server.port), "-c", "50", "-t", test, "-n", str(requests), "-r",
                            "300000"], capture_output=True, text=True, timeout=300, check=True)
    part = ended.stdout.rsplit("Latency by percentile distribution:", maxsplit=1)[1]
    for percent, ms in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds", part):
        if float(percent) >= 99.9:
            return float(ms)
    raise RuntimeError("redis-benchmark printed no distribution")


def fragment(subject, keys):
    switch(subject, "no")
    subject.control.run("FLUSHALL")
    load(subject, keys)
    delete_most(subject, keys, 0.7)


def moved(subject):
    return int(subject.control.info("stats")["active_defrag_hits"])


def measure_latency(subject, options, title):
    """Without first, then with: it begins at once on what has been fragmented."""
    keys, requests = int(KEYS * options.scale), int(LOAD_REQUESTS * max(options.scale, 0.2))
    times = {"get": [], "set": []}
    blocks = []
    for _ in range(PAIRS):
        for test, found in times.items():
            fragment(subject, keys)
            without = p999_ms(subject.server, test, requests)
            before = moved(subject)
            switch(subject, "yes")
            found.append((p999_ms(subject.server, test, requests), without))
            blocks.append(moved(subject) - before)
    figures = []
    for test, found in times.items():
        figure = at_most("%s, %s: p99.9 while it works, times that without, median of %d" % (test.upper(), title, PAIRS),
                         statistics.median(mine / without for mine, without in found), LATENCY_GOAL)
        figure.text += " (%.2f / %.2f ms)" % tuple(statistics.median(values) for values in zip(*found))
        figures.append(figure)
    return figures + [Figure("blocks moved in such a run, median", "%d" % statistics.median(blocks))]


def idle_cpu(subject):
    """Percent of a core, without any command."""
    before, began = subject.server.cpu_seconds(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return 100 * (subject.server.cpu_seconds() - before) / (time.monotonic() - began)


def request_cpu(subject, options):
    """CPU of a GET in pipelines of 64."""
    before = subject.server.cpu_seconds()
    subprocess.run(["redis-benchmark", "-p", str(subject.server.port), "-c", "50", "-P", "64", "-t", "get", "-r", "300000", "-q",
                    "-n", str(int(CPU_REQUESTS * max(options.scale, 0.2)))], capture_output=True, timeout=300, check=True)
    return subject.server.cpu_seconds() - before


def measure_idle(subject, options):
    """A heap without holes: there is nothing to move."""
    subject.control.run("FLUSHALL")
    load(subject, int(KEYS * options.scale))
    idle, busy = [], []
    for pair in range(PAIRS):
        cpu = {}
        for word in ("yes", "no")[::1 if pair % 2 else -1]:
            switch(subject, word)
            cpu[word] = (idle_cpu(subject), request_cpu(subject, options))
        idle.append(cpu["yes"][0] - cpu["no"][0])
        busy.append(100 * (cpu["yes"][1] / cpu["no"][1] - 1))
    return [at_most("nothing to move, no command: %% of a core more than without, median of %d" % PAIRS, statistics.median(idle),
                    IDLE_GOAL),
            at_most("nothing to move, GET -P 64: %% CPU more than without, median of %d" % PAIRS, statistics.median(busy),
                    IDLE_GOAL, "%+.2f")]


def measure(start, options):
    """One shard first: on a machine of two cores the client then has one of its own."""
    subject = start(shards=1)
    if not switch(subject, "yes"):
        return []
    figures = measure_latency(subject, options, "one shard")
    subject = start()
    if options.shards > 1:
        figures += measure_latency(subject, options, "%d shards" % options.shards)[:-1]
    return figures + measure_idle(subject, options)
