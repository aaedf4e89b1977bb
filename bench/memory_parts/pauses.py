"""Part pauses: how long one shard serves nobody while something big is removed."""

import statistics
import time

import loads

from .common import Figure, send_blobs
from .elements import KINDS, make_table
from .prober import apart, longest_pause_ms

TITLE = "Longest pause of a server of one shard, ms: median of %d runs; the floor is the same without anything to do"
SHARDS = 1
REPEATS = 5
TITLE %= REPEATS
COUNT = 1_000_000
BIG_STRING = 100_000_000
GOAL_MS = 1.0
QUIET_LOOK_SECONDS, QUIET_SECONDS_MAX = 0.05, 30
FLOOR_SECONDS = 0.5
# What is freed after the reply counts, too. INFO would be a pause of its own.
AFTER_SECONDS = 0.5
COLLECTIONS = ("hash", "set", "zset", "list", "stream")
# What removes nearly all of the collection `victim`.
CUTS = (("set", ("SPOP", "victim", "#")), ("zset", ("ZREMRANGEBYRANK", "victim", "0", "-10")),
        ("list", ("LTRIM", "victim", "0", "9")), ("stream", ("XTRIM", "victim", "MAXLEN", "10")))
# The same, of a list and a stream whose nodes have one item each.
THIN = {"list": (("list-max-listpack-size", "1"), ("LTRIM", "victim", "0", "9")),
        "stream": (("stream-node-max-entries", "1"), ("XTRIM", "victim", "MAXLEN", "10"))}
TITLES = {"hash": "hash", "set": "set", "zset": "sorted set", "list": "list", "stream": "stream"}


class Pauses:
    """One server, and the figures of what was done to it."""

    def __init__(self, subject, count):
        self.subject = subject
        self.count = count
        self.figures = []

    def run(self, *words):
        return self.subject.control.run(*words)

    def wait_until_quiet(self):
        """Until nothing is left to be freed in the background."""
        end = time.monotonic() + QUIET_SECONDS_MAX
        while int(self.subject.control.info("memory")["lazyfree_pending_objects"]) > 0 and time.monotonic() < end:
            time.sleep(QUIET_LOOK_SECONDS)
        time.sleep(2 * QUIET_LOOK_SECONDS)

    def note(self, what, prepare, act, goal=None):
        """Prepares and acts some times."""
        runs = []
        for _ in range(REPEATS):
            prepare()
            self.wait_until_quiet()

            def act_and_wait():
                act()
                time.sleep(AFTER_SECONDS)
            runs.append(longest_pause_ms(self.subject.server, act_and_wait))
        pause = statistics.median(runs)
        is_met = None if goal is None else round(pause, 2) <= goal
        self.figures.append(Figure(what, "%.2f" % pause, "" if goal is None else "<= %g" % goal, is_met))

    def note_words(self, what, prepare, words, goal=None):
        self.note(what, prepare, lambda: self.run(*words), goal)

    def copy(self, source):
        self.run("COPY", source, "victim", "REPLACE")

    def removals(self, kind):
        """DEL, UNLINK and so on of a copy of the collection."""
        title = TITLES[kind]
        copy = lambda: self.copy(kind)  # noqa: E731
        self.note_words("DEL of a " + title, copy, ("DEL", "victim"), GOAL_MS)
        self.note_words("UNLINK of a " + title, copy, ("UNLINK", "victim"), GOAL_MS)

    def overwrites(self):
        copy = lambda: self.copy("hash")  # noqa: E731
        self.note_words("SET over a hash", copy, ("SET", "victim", "x"))
        self.run("SET", "small", "x")
        self.note("RENAME over a hash", copy, lambda: (self.run("RENAME", "small", "victim"), self.run("SET", "small", "x")))

    def cuts(self):
        few = str(self.count - 10)
        for kind, words in CUTS:
            words = tuple(few if word == "#" else word for word in words)
            self.note("%s of a %s" % (words[0], TITLES[kind]), lambda kind=kind: self.copy(kind),
                      lambda words=words: self._run_quietly(words))

    def _run_quietly(self, words):
        """Its reply may be a million members."""
        with self.subject.connect() as connection:
            loads.read_all(connection, *words)

    def thin(self):
        """Lists and streams of one item a node."""
        for kind, (parameter, words) in THIN.items():
            before = self.run("CONFIG", "GET", parameter[0])[1]
            self.run("CONFIG", "SET", *parameter)
            self.run("DEL", kind)
            send_blobs(self.subject, KINDS[kind].make(self.count))
            if kind == "stream":
                self.note_words("XINFO STREAM of a stream, an entry a node", lambda: None, ("XINFO", "STREAM", kind))
            self.note_words("%s of a %s, an item a node" % (words[0], kind), lambda kind=kind: self.copy(kind), words)
            self.note_words("DEL of a %s, an item a node" % kind, lambda kind=kind: self.copy(kind), ("DEL", "victim"), GOAL_MS)
            self.run("CONFIG", "SET", parameter[0], before)
            self.run("DEL", kind)

    def big_string(self):
        fill = lambda: self.run("SET", "victim", b"x" * BIG_STRING)  # noqa: E731
        self.note_words("DEL of a string of %d MB" % (BIG_STRING // 10 ** 6), fill, ("DEL", "victim"), GOAL_MS)
        self.note_words("UNLINK of a string of %d MB" % (BIG_STRING // 10 ** 6), fill, ("UNLINK", "victim"), GOAL_MS)

    def flushes(self):
        fill = lambda: send_blobs(self.subject, KINDS["keys"].make(self.count))  # noqa: E731
        for words, goal in ((("FLUSHALL", "ASYNC"), GOAL_MS), (("FLUSHALL", "SYNC"), None), (("FLUSHDB",), None)):
            self.note_words("%s, %g M keys" % (" ".join(words), self.count / 1e6), fill, words, goal)
        self.note("%g M keys, DEL one by one" % (self.count / 1e6), fill,
                  lambda: send_blobs(self.subject, KINDS["keys"].remove(self.count)))

    def table(self):
        if not self.subject.is_redis:
            def fill():
                with self.subject.connect() as connection:
                    connection.run("FLUSHALL")
                    make_table(connection)
                send_blobs(self.subject, KINDS["rows"].make(self.count))
            self.note_words("TABLE.DROP of a table, %g M rows" % (self.count / 1e6), fill, ("TABLE.DROP", loads.TABLE, "FORCE"),
                            GOAL_MS)


def measure(start, options):
    subject = start()
    pauses = Pauses(subject, max(20_000, int(COUNT * options.scale)))
    with apart(subject.server):
        pauses.note("floor", lambda: None, lambda: time.sleep(FLOOR_SECONDS))
        for kind in COLLECTIONS:
            send_blobs(subject, KINDS[kind].make(pauses.count))
            pauses.removals(kind)
        pauses.overwrites()
        pauses.cuts()
        pauses.run("FLUSHALL")
        pauses.thin()
        pauses.big_string()
        pauses.flushes()
        pauses.table()
    return pauses.figures
