"""Each single request for memory of a write is refused once, on any thread, while somebody listens to its effects.

Whoever replays the effects has the same data afterwards, whatever the command could do; or the feed has ended, since an effect
was lost. Never is one missing and the feed goes on.
"""

import random
import time

import pytest

from harness.process import SLOWDOWN
from harness.refusals import CLOSED, ENDS, Case, has_refusals, request_numbers
from harness.resp import encode
from replay import MARKER_KEY, Replay

SEED = 5
PATIENCE = 5 * SLOWDOWN
NUMBERS = range(1100)
MEMBERS = ["m%d" % number for number in NUMBERS]
SET = [("SADD", "{a}s", *MEMBERS), ("SADD", "{b}t", *MEMBERS[300:])]
ZSET = [("ZADD", "{a}z", *[word for number in range(1600) for word in (str(number), "m%d" % number)])]
LIST = [("RPUSH", "{a}l", *[str(number % 300) + "-item" for number in NUMBERS])]
BIG = [("HSET", "{a}h", *[word for number in NUMBERS for word in ("f%d" % number, "x" * 60)])]
KEYS = [("MSET", *[word for number in range(60) for word in ("k%d" % number, "v")])]
STREAM = [("XADD", "{a}q", "%d-1" % (number + 1), "f", "v%d" % number) for number in range(650)] + \
    [("XGROUP", "CREATE", "{a}q", "g", "0")]
PENDING = STREAM + [("XREADGROUP", "GROUP", "g", "c", "COUNT", "650", "STREAMS", "{a}q", ">")]
TABLE = [("TABLE.NAMESPACE.CREATE", "s"), ("TABLE.SCHEMA.CREATE", "s.t", "id:integer:hash", "name:string:hash", "size:integer")] + \
    [("TABLE.INSERT", "s.t", "id=%d" % number, "name=n%d" % (number % 50), "size=%d" % (number % 10)) for number in range(400)]
FEW_ROWS = TABLE[:62]
UNIQUE = [("TABLE.NAMESPACE.CREATE", "s"), ("TABLE.SCHEMA.CREATE", "s.u", "id:integer:primary", "name:string")] + \
    [("TABLE.INSERT", "s.u", "id=%d" % number, "name=n%d" % number) for number in range(30)]
FLOATS = [("SET", "f", "1.5"), ("HSET", "fh", "f", "1.5")]

CASES = {
    "short": [
        Case([], "SET", "k", "v" * 100, "EX", "1000"), Case(FLOATS, "INCRBYFLOAT", "f", "0.25"),
        Case(FLOATS, "HINCRBYFLOAT", "fh", "f", "0.25"),
        Case(FLOATS, "HEXPIRE", "fh", "1000", "FIELDS", "1", "f"), Case(FLOATS, "HGETEX", "fh", "EX", "1000", "FIELDS", "1", "f"),
        Case(FLOATS, "HSETEX", "fh", "EX", "1000", "FIELDS", "2", "f", "1", "g", "2"),
        Case(KEYS, "EXPIRE", "k1", "1000"), Case(KEYS, "GETEX", "k1", "EX", "1000"),
        Case([], "XADD", "{a}x", "*", "field", "value" * 30), Case([], "MSET", "a", "1", "b", "2", "c", "3", "d", "4"),
        Case([], "MSETNX", "a", "1", "b", "2", "c", "3", "d", "4"), Case(KEYS, "DEL", "k1", "k2", "k3", "k4"),
        Case(KEYS, "RENAME", "k1", "k2"), Case(KEYS, "COPY", "k1", "other"), Case(KEYS, "MOVE", "k1", "3"),
        Case([("RPUSH", "l1", "a", "b")], "LMOVE", "l1", "l2", "LEFT", "RIGHT"), Case([("SADD", "s1", "a", "b")], "SMOVE", "s1", "s2", "a"),
        Case([("SADD", "s1", "a", "b", "c")], "SPOP", "s1", "2"), Case([("ZADD", "z1", "1", "a")], "ZADD", "z1", "INCR", "0.5", "a"),
        Case([("PFADD", "p1", "a", "b"), ("PFADD", "p2", "c")], "PFMERGE", "p3", "p1", "p2"), Case([], "BITFIELD", "b", "SET", "u8", "9999", "7"),
        Case(KEYS, "SWAPDB", "0", "1"), Case(KEYS, "FLUSHDB"), Case(KEYS + FEW_ROWS, "FLUSHALL"),
    ],
    "steps": [
        Case(SET, "SUNIONSTORE", "{c}d", "{a}s", "{b}t"), Case(SET, "SDIFFSTORE", "{a}d", "{a}s", "{b}t"), Case(SET, "SPOP", "{a}s", "700"),
        Case(ZSET, "ZRANGESTORE", "{b}d", "{a}z", "10", "-1"), Case(ZSET, "ZPOPMAX", "{a}z", "1550"),
        Case(ZSET, "ZREMRANGEBYRANK", "{a}z", "5", "1570"),
        Case(LIST, "LREM", "{a}l", "0", "7-item"), Case(LIST, "LTRIM", "{a}l", "500", "-3"), Case(LIST, "SORT", "{a}l", "ALPHA", "STORE", "{b}d"),
        Case(BIG, "COPY", "{a}h", "{b}d"), Case(BIG, "RENAME", "{a}h", "{b}d"), Case(BIG, "RENAME", "{a}h", "{a}d"),
        Case(BIG, "COPY", "{a}h", "{a}h", "DB", "2"),
    ],
    "streams": [
        Case(STREAM, "XREADGROUP", "GROUP", "g", "c", "COUNT", "10", "STREAMS", "{a}q", ">", hidden=True),
        Case(STREAM, "XREADGROUP", "GROUP", "g", "c", "COUNT", "640", "STREAMS", "{a}q", ">", hidden=True),
        Case(PENDING, "XREADGROUP", "GROUP", "g", "d", "COUNT", "10", "CLAIM", "0", "STREAMS", "{a}q", ">", hidden=True),
        Case(PENDING, "XREADGROUP", "GROUP", "g", "d", "CLAIM", "0", "STREAMS", "{a}q", ">", hidden=True),
        Case(PENDING, "XCLAIM", "{a}q", "g", "d", "0", *["%d-1" % number for number in range(1, 300)], hidden=True),
        Case(PENDING, "XAUTOCLAIM", "{a}q", "g", "d", "0", "0", "COUNT", "600", hidden=True),
        Case(PENDING, "XGROUP", "DELCONSUMER", "{a}q", "g", "c", hidden=True),
        Case(PENDING, "XACK", "{a}q", "g", *["%d-1" % number for number in range(1, 300)], hidden=True),
        Case(STREAM, "STREAM.APPLY", "{a}q", "g", "9-1", "9", "other", "1000",
             *[word for number in range(1, 200) for word in ("%d-1" % number, "1000", "1")], hidden=True),
        Case(PENDING, "XTRIM", "{a}q", "MAXLEN", "20", hidden=True),
    ],
    "tables": [
        Case([], "TABLE.NAMESPACE.CREATE", "s"), Case(TABLE[:1], *TABLE[1]), Case(FEW_ROWS, "TABLE.DROP", "s.t", "FORCE"),
        Case(FEW_ROWS, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "COLUMN", "more:string:hash"),
        Case(FEW_ROWS, "TABLE.SCHEMA.ALTER", "s.t", "DROP", "COLUMN", "id"),
        Case(FEW_ROWS, "TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "size"),
        Case(FEW_ROWS, "TABLE.INSERT", "s.t", "id=5", "name=" + "n" * 300, hidden=True),
        Case(FEW_ROWS, "TABLE.INSERT", "s.t", "COLUMNS", "id", "name", "VALUES", *["5", "n" * 300] * 8, hidden=True),
        Case(FEW_ROWS, "TABLE.INSERT", "s.t", "COLUMNS", "id", "name", "VALUES", *["5", "n" * 150] * 1100, hidden=True),
        *(Case(UNIQUE, "TABLE.QUERY", "INSERT INTO s.u VALUES " + values + " ON CONFLICT " + clause, hidden=True)
          for values in ("(7, 'n')", "(7, 'n'), (8, 'n'), (100, 'n'), (7, 'n')")
          for clause in ("DO REPLACE", "(id) DO UPDATE SET name = '%s'" % ("n" * 300), "(id) DO UPDATE SET id = excluded.id + 1000 + length(u.name)")),
        Case(FEW_ROWS, "TABLE.QUERY", "INSERT INTO s.t (id, name) VALUES " + ", ".join(["(5, '%s')" % ("n" * 300)] * 8), hidden=True),
        Case(FEW_ROWS, "TABLE.UPDATE", "s.t", "WHERE", "size<5", "SET", "name=" + "n" * 300),
        Case(FEW_ROWS, "TABLE.UPDATE", "s.t", "WHERE", "size<5", "SET", "name:=name || '%s'" % ("n" * 300), "size=9"),
        Case(FEW_ROWS, "TABLE.UPDATE", "s.t", "WHERE", "size=5", "SET", "id=7"),
        Case(TABLE, "TABLE.UPDATE", "s.t", "SET", "name=" + "n" * 300), Case(TABLE, "TABLE.UPDATE", "s.t", "WHERE", "size<9", "SET", "id=7"),
        Case(FEW_ROWS, "TABLE.DELETE", "s.t", "WHERE", "size<5"), Case(TABLE, "TABLE.DELETE", "s.t", "WHERE", "size<9"),
        Case(FEW_ROWS, "TABLE.APPLY", "s.t", "8", "UPDATE", "AT", "7", "SET", "id", "8", "name", "n" * 300),
    ],
}


class RefusedReplay(Replay):
    """A replay of writes that are refused memory."""

    def __init__(self):
        super().__init__(2, 3)
        self.control = self.sender
        self.victim = self.senders[1]
        self.lost = self.told = 0

    def call(self, *words):
        try:
            return self.control.call(*words)
        except ENDS:
            self.control.close()
            self.sender = self.control = self.senders[0] = self.source.connect()
            return CLOSED

    def attempt(self, words):
        try:
            return self.victim.call(*words)
        except ENDS:
            self.victim.close()
            self.victim = self.senders[1] = self.source.connect()
            return CLOSED

    def effects(self):
        """All up to now, or None: the feed has ended."""
        self.markers += 1
        marker = encode("SET", MARKER_KEY, str(self.markers))
        self.control.send_raw(marker)
        assert self.control.read() == ("+", b"OK")
        try:
            return self.feed.read_until(marker)
        except ENDS:
            return None

    def begin_again(self):
        """A new feed, and two empty servers."""
        self.feed.close()
        self.feed = self.source.connect()
        self.control.run("FLUSHALL")
        self.sink.run("FLUSHALL")
        self.feed.run("DEBUG", "EFFECTS")

    def prepare(self, commands):
        self.control.run("FLUSHALL")
        assert all(reply[0] != "-" for reply in self.control.pipeline(commands))
        assert self.apply(self.effects()) == []

    def refuse(self, words, number):
        """False: it asked for fewer."""
        reply = self.call("DEBUG", "REFUSE-MEMORY", str(number), "ALL")
        if reply is CLOSED or reply[0] == "-":
            return True
        self.attempt(words)
        reply = self.call("DEBUG", "REFUSE-MEMORY", "-1", "ALL")
        was_closed = reply is CLOSED or reply[0] == "-"
        while reply is CLOSED or reply[0] == "-":
            reply = self.call("DEBUG", "REFUSE-MEMORY", "-1", "ALL")
        return was_closed or reply[1] == -1

    def states(self):
        """Of both servers, with the groups of the stream, which a digest leaves out."""
        found = []
        for side in (self.control, self.sink):
            groups = []
            if side.run("TYPE", "{a}q") == b"stream":
                report = side.run("XINFO", "STREAM", "{a}q", "FULL", "COUNT", "0")
                groups = report[report.index(b"groups") + 1]
            found.append((side.run("DEBUG", "DIGEST"), groups))
        return found

    def check(self):
        """False: the feed has ended, and both servers are empty now."""
        effects = self.effects()
        if effects is None:
            self.lost += 1
            self.begin_again()
            return False
        self.told += 1
        assert self.apply(effects) == []
        end = time.monotonic() + PATIENCE
        while True:
            states = self.states()
            if states[0] == states[1]:
                return True
            # A statement whose client was closed goes on to its end: then its effects come. What is lost never does.
            assert time.monotonic() < end, "%r: %r" % (self.differing_keys(), effects[:2000])
            more = self.effects()
            if more is None:
                self.lost += 1
                self.begin_again()
                return False
            assert self.apply(more) == []


def refuse_each(replay, case, rng):
    refusals = 0
    for number in request_numbers(rng):
        try:
            replay.prepare(case.before)
            was_refused = replay.refuse(case.words, number)
            replay.check()
        except AssertionError as error:
            raise AssertionError("%r ..., request %d: %s" % (case.words[:8], number, error)) from error
        refusals += was_refused
        if not was_refused:
            break
    assert refusals > 0


@pytest.fixture(name="replay")
def replay_fixture():
    replay = RefusedReplay()
    try:
        if not has_refusals(replay.source):
            pytest.skip("this build has no DEBUG REFUSE-MEMORY")
        yield replay
    finally:
        problems = replay.end()
    assert problems == []


LONG = ("steps", "streams", "tables")  # under a sanitizer


@pytest.mark.parametrize("group", [pytest.param(group, marks=[pytest.mark.heavy] if group in LONG else []) for group in CASES])
def test_no_effect_is_lost_silently(replay, group):
    for case in CASES[group]:
        refuse_each(replay, case, random.Random(SEED))
    assert replay.lost > 0 and replay.told > 0


def test_no_line_of_a_monitor_is_lost_silently(replay):
    """It sees each command, or ends."""
    ended = 0
    monitor = replay.source.connect()
    assert monitor.run("MONITOR") == b"OK"
    for number in request_numbers(random.Random(SEED)):
        was_refused = replay.refuse(("SET", "k", "%d " % number + "x" * 3000), number)
        marker = b'"MSET" "marker" "%d"\r\n' % number
        replay.control.run("MSET", "marker", number)
        try:
            lines = monitor.read_until(marker)
            assert b'"SET" "k" "%d x' % number in lines or replay.control.run("GET", "k") != b"%d " % number + b"x" * 3000
        except ENDS:
            ended += 1
            monitor.close()
            monitor = replay.source.connect()
            assert monitor.run("MONITOR") == b"OK"
        if not was_refused:
            break
    monitor.close()
    assert ended > 0
