"""Part churn: things of all types and mixed sizes come, change and go while used memory stays the same."""

import random
import sys
import time

from harness.resp import encode
import loads

from .common import MIB, at_most

TITLE = "Churn of mixed types and sizes at a constant size"
GOAL = 1.3
BATCH = 500
REPORT_SECONDS = 60
SIZES = (8, 20, 40, 64, 100, 150, 300, 600, 1200)
FAMILIES = ("string", "hash", "set", "zset", "list", "stream", "row")
WEIGHTS = (40, 10, 10, 10, 10, 5, 15)
BIG_SHARE = 0.02
BIG_TIMES = 40
# Sizes drift, so that freed places do not fit what comes.
DRIFT_TURNS, DRIFT_FACTORS = 40, 8
CHANGE_SHARE = 0.3


class Mixture:
    """Makes commands that add a thing, change it, or remove it. A thing is (family, name, number of elements)."""

    def __init__(self, seed, has_tables):
        self.random = random.Random(seed)
        self.families = FAMILIES if has_tables else FAMILIES[:-1]
        self.weights = WEIGHTS if has_tables else WEIGHTS[:-1]
        self.number = 0
        self.factor = 1

    def value(self):
        size = self.random.choice(SIZES) * self.factor
        return b"v" * self.random.randint(size // 2, size)

    def short(self):
        return b"m%08x" % self.random.getrandbits(32) + b"m" * self.random.randrange(20)

    def new(self):
        self.number += 1
        family = self.random.choices(self.families, self.weights)[0]
        name = b"churn:%d:" % self.number + b"n" * self.random.randrange(40)
        count = self.random.randint(1, 20) * (BIG_TIMES if self.random.random() < BIG_SHARE else 1)
        if family == "row":
            name = b"%d" % self.number
        return (family, name, count), self.fill(family, name, count)

    def fill(self, family, name, count):
        numbers = range(count)
        if family == "string":
            return encode("SET", name, self.value())
        if family == "hash":
            return encode("HSET", name, *(word for _ in numbers for word in (self.short(), self.value()[:200])))
        if family == "set":
            return encode("SADD", name, *(self.short() for _ in numbers))
        if family == "zset":
            return encode("ZADD", name, *(word for _ in numbers for word in (self.random.randrange(10 ** 6), self.short())))
        if family == "list":
            return encode("RPUSH", name, *(self.value()[:300] for _ in numbers))
        if family == "stream":
            return b"".join(encode("XADD", name, "*", "field", self.short()) for _ in numbers)
        return encode("TABLE.INSERT", loads.TABLE, b"id=" + name, b"name=" + self.short(), b"age=%d" % (self.number % 100),
                      b"city=" + self.value()[:100])

    def change(self, thing):
        """Grows or shrinks it in place."""
        family, name, count = thing
        if family == "row":
            return encode("TABLE.UPDATE", loads.TABLE, "WHERE", b"id=" + name, "SET", b"city=" + self.value()[:100])
        shrink = {"string": ("SETRANGE", name, 0, b"w" * 8), "hash": ("EXISTS", name), "set": ("SPOP", name),
                  "zset": ("ZPOPMIN", name), "list": ("LPOP", name), "stream": ("XTRIM", name, "MAXLEN", max(1, count // 2))}
        if self.random.random() < 0.5:
            return encode(*shrink[family])
        return self.fill(family, name, 1)

    def remove(self, thing):
        family, name, _ = thing
        if family == "row":
            return encode("TABLE.DELETE", loads.TABLE, "WHERE", b"id=" + name)
        return encode(self.random.choice(("DEL", "UNLINK")), name)


class Churn:
    """Keeps used memory within a batch of what it should be."""

    def __init__(self, subject, used_bytes):
        self.subject = subject
        self.limit = subject.used_empty + used_bytes
        self.mixture = Mixture(3, not subject.is_redis)
        self.alive = []

    def batch(self, is_below):
        """Below the limit things come, above it they go; some of the others change."""
        chosen = self.mixture.random
        for _ in range(BATCH):
            if self.alive and chosen.random() < CHANGE_SHARE:
                yield self.mixture.change(chosen.choice(self.alive))
            elif is_below or not self.alive:
                thing, command = self.mixture.new()
                self.alive.append(thing)
                yield command
            else:
                at = chosen.randrange(len(self.alive))
                self.alive[at], self.alive[-1] = self.alive[-1], self.alive[at]
                yield self.mixture.remove(self.alive.pop())

    def run(self, seconds):
        began = time.monotonic()
        told, turn, is_full = began, 0, False
        with self.subject.connect() as connection:
            while not is_full or time.monotonic() - began < seconds:
                used = self.subject.used()
                if not is_full and used >= self.limit:
                    is_full, began = True, time.monotonic()
                    told = began
                    self.subject.mark("churn")
                self.mixture.factor = 1 + turn // DRIFT_TURNS % DRIFT_FACTORS
                loads.send_pipelines(connection, self.batch(used < self.limit))
                turn += 1
                if is_full and time.monotonic() - told >= REPORT_SECONDS:
                    told += REPORT_SECONDS
                    self.tell(told - began)

    def tell(self, seconds):
        text = "churn, %d min: used %.1f MiB, resident %.1f MiB, ratio %.3f" % (
            seconds // 60, self.subject.used() / MIB, self.subject.resident() / MIB, self.subject.ratio())
        print(text, file=sys.stderr, flush=True)


def measure(start, options):
    subject = start()
    if not subject.is_redis:
        loads.table_schema(subject.server)
    churn = Churn(subject, int(options.churn_mib * MIB))
    churn.run(options.churn_seconds)
    what = "after %d s at %d MiB: resident over used" % (options.churn_seconds, options.churn_mib)
    figure = at_most(what, subject.ratio(), GOAL)
    figure.text += " (%.1f / %.1f MiB)" % (subject.resident() / MIB, subject.used() / MIB)
    return [figure]
