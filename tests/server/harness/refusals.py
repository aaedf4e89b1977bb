"""Runs commands while the server is refused one request for memory: DEBUG REFUSE-MEMORY, in builds with debug asserts only."""

import os
import random
import re
import socket

from .process import SLOWDOWN
from .resp import Closed, encode, wait_until

CLOSED = object()
EVERY = os.environ.get("TESSERA_REFUSED_EVERY") == "1"
EACH_UP_TO = 25        # so many requests are refused one after the other; behind them some are left out, unless EVERY
SPREAD = 6            # then about every n/SPREADth
REQUESTS_MAX = 100_000
PROBE_SECONDS = 5.0
SETTLE_SECONDS = 10.0
ENDS = (Closed, ConnectionResetError, BrokenPipeError)
DATA_CLASSES = ("key_table", "expiry_index", "string", "list", "set", "hash", "zset", "stream", "table_row", "table_index",
                "catalogue")
SPARE_BLOCKS = 16      # rounds, output and scratch that threads keep


def has_refusals(server):
    with server.connect() as connection:
        return connection.call("DEBUG", "REFUSE-MEMORY", "-1")[0] == ":"


def request_numbers(rng):
    """Which request is refused: 0, 1, 2 ..., later in strides."""
    number = 0
    while number < REQUESTS_MAX:
        yield number
        number += 1 if EVERY or number < EACH_UP_TO else rng.randint(1, max(1, 2 * number // SPREAD))


class Refuser:
    """Refuses memory to all threads of a server, and looks whether all is well afterwards."""

    def __init__(self, server):
        self.server = server
        self.timeout = PROBE_SECONDS * SLOWDOWN
        self.control = self.victim = None
        self.connect()
        for name in ("slowlog-log-slower-than", "commandlog-request-larger-than", "commandlog-reply-larger-than"):
            self.run("CONFIG", "SET", name, "-1")
        self.at_start = self.classes()
        self.refusals = 0

    def connect(self):
        for connection in (self.control, self.victim):
            if connection is not None:
                connection.close()
        self.control = self.server.connect(timeout=self.timeout)
        self.victim = self.server.connect(timeout=self.timeout)
        for connection in (self.control, self.victim):
            connection.run("PING")  # accepted, so counted among the clients

    def call(self, *words):
        """By the control connection, which a refusal may end."""
        try:
            return self.control.call(*words)
        except ENDS:
            self.control.close()
            self.control = self.server.connect(timeout=self.timeout)
            return CLOSED

    def run(self, *words):
        """What cannot fail: no request is refused any more."""
        return self.control.run(*words)

    def prepare(self, commands):
        assert self.run("FLUSHALL") == b"OK"
        for reply in self.control.pipeline(commands):
            assert reply[0] != "-", reply

    # --- one refusal ---

    def refuse_after(self, number):
        """From now on; False: the refusal has met this already."""
        reply = self.call("DEBUG", "REFUSE-MEMORY", str(number), "ALL")
        return reply is not CLOSED and reply[0] == ":"

    def was_refused(self):
        """Ends refusing."""
        reply = self.call("DEBUG", "REFUSE-MEMORY", "-1", "ALL")
        was_closed = reply is CLOSED or reply[0] == "-"
        while reply is CLOSED or reply[0] == "-":
            reply = self.call("DEBUG", "REFUSE-MEMORY", "-1", "ALL")
        self.refusals += reply[1] == -1
        return reply[1] == -1 or was_closed

    def attempt(self, words, connection=None):
        """The reply, or CLOSED. A timeout is an error of the server's: something is locked, or a reply is lost."""
        try:
            return (connection or self.victim).call(*words)
        except ENDS:
            if connection is None:
                self.victim.close()
                self.victim = self.server.connect(timeout=self.timeout)
            return CLOSED
        except socket.timeout:
            raise AssertionError("no reply to %r" % (words[:6],)) from None

    # --- all is well ---

    def probe(self, keys, tables):
        """Nobody keeps a pin or a lock: another client's writes go through at once. They change nothing."""
        commands = [("PERSIST", key) for key in keys]
        commands += [("TABLE.DELETE", table, "WHERE", "id=-987654321", "AND", "id=1") for table in tables]
        commands += [("TABLE.UPDATE", table, "WHERE", "id=-987654321", "AND", "id=1", "SET", "id=2") for table in tables]
        try:
            self.control.pipeline(commands)
        except socket.timeout:
            raise AssertionError("something is locked") from None

    def waiting(self):
        """How many wait or have something pinned."""
        return sum(map(int, re.findall(r",(?:pins|waiters)=(\d+)", self.run("INFO", "shards").decode())))

    def classes(self):
        stats = self.run("MEMORY", "STATS")
        figures = dict(zip(stats[::2], stats[1::2]))
        return {name[6:].decode(): figures[name][3] for name in figures if name.startswith(b"class.")}

    def is_settled(self):
        blocks = self.classes()
        return (all(blocks[name] == 0 for name in DATA_CLASSES) and blocks["client"] <= self.at_start["client"] and
                blocks["query_buffer"] == 0 and
                all(blocks[name] <= self.at_start[name] + SPARE_BLOCKS for name in ("server", "output_buffer")))

    def check_end(self):
        """Nothing is lost, leaked or locked."""
        assert self.waiting() == 0
        assert self.run("MEMORY", "AUDIT") == b"OK"
        self.connect()
        assert self.run("FLUSHALL") == b"OK"
        try:
            wait_until(self.is_settled, SETTLE_SECONDS * SLOWDOWN)
        except AssertionError:
            raise AssertionError("blocks at the start %r, now %r, clients %r" % (
                self.at_start, self.classes(), self.run("CLIENT", "LIST"))) from None
        assert self.run("MEMORY", "AUDIT") == b"OK"


def in_any_order(reply):
    """Of a large set, which is in another order where its table has been refused to grow."""
    return sorted(map(repr, reply[1])) if reply[0] in "*~" else reply


class Case:
    """A command, and what is there before it.

    partial    refused in the middle it may have done a part, which is documented
    random     what it replies, or does, differs
    hidden     what it changes does not show in a digest (consumer groups)
    """

    def __init__(self, before, *words, keys=(), tables=(), partial=False, random=False, hidden=False):
        self.before = before
        self.words = words
        self.keys = keys
        self.tables = tables
        self.partial = partial
        self.random = random
        self.hidden = hidden

    def inside(self):
        return Case(self.before, "DEBUG", "INSIDE", *self.words, keys=self.keys, tables=self.tables, partial=self.partial,
                    random=self.random, hidden=self.hidden)


class Sweep:
    """Refuses each request of a case's command once."""

    def __init__(self, refuser, case, seed=1):
        self.refuser = refuser
        self.case = case
        self.rng = random.Random(seed)

    def digest(self):
        try:
            return self.refuser.run("DEBUG", "DIGEST")
        except socket.timeout:
            raise AssertionError("the digest waits for a statement") from None

    def learn(self):
        """Runs the command without a refusal."""
        self.refuser.prepare(self.case.before)
        self.before = self.digest()
        self.reply = self.refuser.attempt(self.case.words)
        assert self.reply is not CLOSED and self.reply[0] != "-", self.reply
        self.after = self.digest()

    def check(self, reply):
        """Gives the digest."""
        case = self.case
        self.refuser.probe(case.keys, case.tables)
        digest = self.digest()
        if not case.partial:
            assert digest in (self.before, self.after), "neither done nor not done"
        if reply is CLOSED:
            return digest
        if reply[0] == "-":
            assert case.partial or digest == self.before, "done, and an error: %r" % (reply,)
        else:
            assert case.random or in_any_order(reply) == in_any_order(self.reply), "a wrong reply: %.300r, not %.300r" % (reply, self.reply)
            assert digest == self.after or (case.random and digest != self.before), "answered and not done"
        return digest

    def run(self):
        """Gives how often the command was refused something."""
        refuser = self.refuser
        before = refuser.refusals
        self.learn()
        is_prepared = self.before == self.after and not self.case.hidden
        for number in request_numbers(self.rng):
            if not is_prepared:
                refuser.prepare(self.case.before)
            try:
                if not refuser.refuse_after(number):
                    continue
                reply = refuser.attempt(self.case.words)
                was_refused = refuser.was_refused()
                is_prepared = self.check(reply) == self.before and not self.case.hidden
            except AssertionError as error:
                raise AssertionError("request %d: %s" % (number, error)) from None
            if not was_refused:
                break
        return refuser.refusals - before


__all__ = ["CLOSED", "Case", "Refuser", "Sweep", "encode", "has_refusals", "request_numbers"]
