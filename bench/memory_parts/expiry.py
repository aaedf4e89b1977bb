"""Part expiry: a million keys whose time is over within a few seconds, and when their memory has been given back."""

import statistics
import time

from .common import Figure, at_most, send_blobs
from .elements import FIRST
from .prober import apart, longest_pause_ms

TITLE = "Keys that expire all at once"
COUNT = 1_000_000
SPREAD_MS = 2000
LEFT = 0.01
SECONDS = 5
PAUSE_MS = 1.0
PAUSE_REPEATS = 3
LOOK_SECONDS = 0.05
LOAD_SECONDS_EACH = 6e-6


def load(subject, count):
    """Gives when the last one expires, in the server's milliseconds. The first expires when all have been written."""
    begin_ms = int(time.time() * 1000) + 1500 + int(count * LOAD_SECONDS_EACH * 1000)
    form = "*5\r\n$3\r\nSET\r\n$14\r\nkey:00%d\r\n$23\r\nvalue-of-a-key-%d\r\n$4\r\nPXAT\r\n$13\r\n%d\r\n"
    ranges = (range(FIRST + start, FIRST + min(start + 1000, count)) for start in range(0, count, 1000))
    send_blobs(subject, ("".join([form % (number, number, begin_ms + number * 7919 % SPREAD_MS) for number in numbers]).encode()
                         for numbers in ranges))
    if time.time() * 1000 > begin_ms:
        raise RuntimeError("loading took longer than expected: the first keys have expired meanwhile")
    return begin_ms + SPREAD_MS


def wait_until(wall_ms):
    time.sleep(max(0, wall_ms / 1000 - time.time()))


def measure_pause(start, count):
    """On one shard, as part pauses has it."""
    subject = start(shards=1)
    pauses = []
    with apart(subject.server):
        for _ in range(PAUSE_REPEATS):
            over_ms = load(subject, count)
            wait_until(over_ms - SPREAD_MS - 200)
            pauses.append(longest_pause_ms(subject.server, lambda over_ms=over_ms: wait_until(over_ms + 1000)))
            subject.control.run("FLUSHALL")
    what = "longest pause on one shard, ms, median of %d runs" % PAUSE_REPEATS
    return at_most(what, round(statistics.median(pauses), 2), PAUSE_MS)


def measure(start, options):
    count = max(20_000, int(COUNT * options.scale))
    subject = start()
    used_before, resident_before = subject.used(), subject.resident()
    subject.mark("load")
    over_ms = load(subject, count)
    used_added, resident_added = subject.used() - used_before, subject.resident() - resident_before
    wait_until(over_ms)
    subject.mark("all over")
    while True:
        used = (subject.used() - used_before) / used_added
        resident = (subject.resident() - resident_before) / resident_added
        seconds = time.time() - over_ms / 1000
        if used <= LEFT or seconds > SECONDS:
            break
        time.sleep(LOOK_SECONDS)
    time.sleep(max(0, SECONDS - seconds))
    later = (subject.resident() - resident_before) / resident_added
    shares = "%.1f %% after %.1f s" % (100 * used, seconds)
    return [Figure("%g M keys expired within %g s: used left" % (count / 1e6, SPREAD_MS / 1000), shares,
                   "<= %g %% within %d s" % (100 * LEFT, SECONDS), used <= LEFT),
            Figure("resident left then, and %d s after expiry" % SECONDS, "%.1f %%, %.1f %%" % (100 * resident, 100 * later)),
            measure_pause(start, count)]
