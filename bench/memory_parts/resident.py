"""Part resident: what is resident for what is used, when empty, after a load, after deletes and after MEMORY PURGE."""

import random
import time

from harness.resp import encode
import loads

from .common import MIB, at_most, send_blobs

TITLE = "Resident over used, both above the empty server's (1M keys of mixed sizes, a random 90 % deleted)"
COUNT = 1_000_000
SIZES = (8, 20, 40, 64, 100, 150, 300, 600, 1200)
REST_SECONDS = 10
EMPTY_MIB, EMPTY_SHARDS = 12, 2


def value(generator):
    size = generator.choice(SIZES)
    return b"v" * generator.randint(size // 2, size)


def load(subject, count):
    generator = random.Random(1)
    commands = (encode("SET", "key:%010d" % number, value(generator)) for number in range(count))
    with subject.connect() as connection:
        loads.send_pipelines(connection, commands)


def delete_most(subject, count, share=0.9):
    """A random share, one by one."""
    numbers = random.Random(2).sample(range(count), int(count * share))
    send_blobs(subject, (b"".join(b"*2\r\n$3\r\nDEL\r\n$14\r\nkey:%010d\r\n" % number for number in numbers[at:at + 1000])
                         for at in range(0, len(numbers), 1000)))


def state(subject, name, most):
    used, resident = subject.used(), subject.resident()
    figure = at_most(name, subject.ratio(), most)
    figure.text += " (%.1f / %.1f MiB)" % (resident / MIB, used / MIB)
    return figure


def measure(start, options):
    count = max(20_000, int(COUNT * options.scale))
    subject = start()
    empty = subject.resident_empty / MIB
    most = EMPTY_MIB if options.shards == EMPTY_SHARDS else None
    figures = [at_most("empty: resident MiB, %d shards" % options.shards, empty, most, "%.1f")]
    subject.mark("load")
    load(subject, count)
    figures.append(state(subject, "loaded", 1.2))
    subject.mark("delete 90 %")
    delete_most(subject, count)
    figures.append(state(subject, "at once after deletes", None))
    with subject.quiet():
        time.sleep(REST_SECONDS)
    figures.append(state(subject, "%d s later, without any command" % REST_SECONDS, 1.5))
    subject.mark("MEMORY PURGE")
    subject.control.run("MEMORY", "PURGE")
    figures.append(state(subject, "after MEMORY PURGE", 1.2))
    return figures
