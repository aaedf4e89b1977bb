"""Part deletes: millions of things deleted one by one, and what of their memory has been given back ten seconds later."""

import time

from .common import Figure, send_blobs
from .elements import KINDS, make_table

TITLE = "Deleted one by one: what is left of what had been added"
COUNT = 3_000_000
USED_LEFT, RESIDENT_LEFT = 0.01, 0.05
SECONDS = 10
LOOK_SECONDS = 0.1
NAMES = (("keys", "keys, DEL"), ("rows", "rows of a table, TABLE.DELETE"), ("hash", "fields of a hash, HDEL"),
         ("set", "members of a set, SREM"), ("zset", "members of a sorted set, ZREM"), ("list", "items of a list, LPOP"),
         ("stream", "entries of a stream, XDEL"))
LIMIT_BYTES = 200 << 20
FILL_VALUE = "v" * 64


class Left:
    """Shares of what was added to used and to resident memory that are still there; looks until both are small."""

    def __init__(self, subject):
        self.subject = subject
        self.used_before, self.resident_before = subject.used(), subject.resident()

    def added(self):
        self.used_added = self.subject.used() - self.used_before
        self.resident_added = self.subject.resident() - self.resident_before

    def look(self):
        self.used = (self.subject.used() - self.used_before) / max(1, self.used_added)
        self.resident = (self.subject.resident() - self.resident_before) / max(1, self.resident_added)
        return self.used <= USED_LEFT and self.resident <= RESIDENT_LEFT

    def wait(self, seconds):
        """Seconds until it was little enough, or None."""
        start = time.monotonic()
        while not self.look():
            if time.monotonic() - start > seconds:
                return None
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - start


def describe(left, seconds):
    shares = "%.1f %% / %.1f %%" % (100 * left.used, 100 * left.resident)
    return shares + (" after %d s" % SECONDS if seconds is None else " after %.1f s" % seconds)


def measure_kind(subject, kind, title, count):
    with subject.connect() as connection:
        if kind.name == "rows":
            make_table(connection)
    subject.mark(kind.name)
    left = Left(subject)
    send_blobs(subject, kind.make(count))
    left.added()
    subject.mark("delete")
    send_blobs(subject, kind.remove(count))
    seconds = left.wait(SECONDS)
    goal = "<= %g %% / %g %% within %d s" % (100 * USED_LEFT, 100 * RESIDENT_LEFT, SECONDS)
    return Figure("%g M %s: used / resident left" % (count / 1e6, title), describe(left, seconds), goal, seconds is not None)


# ---- at the limit ----

def write_until_refused(subject):
    """How many keys were there when the first was refused."""
    done = 0
    with subject.connect() as connection:
        while True:
            blob = b"".join(b"*3\r\n$3\r\nSET\r\n$14\r\nkey:%010d\r\n$64\r\n%s\r\n" % (number, FILL_VALUE.encode())
                            for number in range(done, done + 1000))
            connection.send_raw(blob + b"*1\r\n$4\r\nPING\r\n")
            replies = connection.read_until(b"+PONG\r\n")
            done += 1000
            if b"-OOM" in replies:
                return done


def measure_limit(start, options):
    """Fills up to maxmemory under noeviction, deletes all one by one, and writes again at once."""
    subject = start("--maxmemory-policy", "noeviction")
    limit = int(LIMIT_BYTES * options.scale) + subject.used_empty
    subject.control.run("CONFIG", "SET", "maxmemory", str(limit))
    count = write_until_refused(subject)
    send_blobs(subject, (b"".join(b"*2\r\n$3\r\nDEL\r\n$14\r\nkey:%010d\r\n" % number for number in range(first, first + 1000))
                         for first in range(0, count, 1000)))
    began = time.monotonic()
    is_accepted = False
    while not is_accepted and time.monotonic() - began < SECONDS:
        is_accepted = subject.control.call("SET", "again", "x")[0] == "+"
    seconds = time.monotonic() - began
    left = (subject.used() - subject.used_empty) / max(1, limit - subject.used_empty)
    text = "after %.3f s" % seconds if is_accepted else "not within %d s" % SECONDS
    text += " (%.2f M keys, %.1f %% left)" % (count / 1e6, 100 * left)
    return Figure("filled up under noeviction and deleted one by one: writes accepted", text, "by itself", is_accepted)


def measure(start, options):
    count = max(10_000, int(COUNT * options.scale))
    figures = [measure_kind(start(), KINDS[name], title, count) for name, title in NAMES if name != "rows" or not start.is_redis]
    return figures + [measure_limit(start, options)]
