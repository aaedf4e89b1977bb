"""Random subscribers and publishers on two servers at once: the bytes that each connection gets are the same after every step.

A step is one command, or a few in one write, over one of several connections. It is done on redis-server when its reply has come and another
connection has had an answer after that; then all pushes have been sent. This server is given the time that it needs for the same bytes;
what it sends too much shows with the next bytes of that connection, or at the end of the batch.

What Redis leaves open, or this server does in another order (docs/COMPATIBILITY.md), is made the same on both sides:
- PMESSAGEs of one message come in the order of a hash table: such a run is sorted.
- UNSUBSCRIBE and SUNSUBSCRIBE of everything go through hash tables, too: the names of a run of them are sorted, the counts stay.
  (PUNSUBSCRIBE goes in the order of subscription.) PUBSUB CHANNELS and SHARDCHANNELS are sorted.
- Messages that a connection gets by its own step are put behind the replies of that step: redis-server sends them before the reply, and
  even within EXEC's array.
- The ids of HELLO are the server's own.

TESSERA_PUBSUB_STEPS   commands on each number of shards
TESSERA_SEED           the seed; batches are seeded by it and their number, so a batch alone (TESSERA_PUBSUB_BATCH) repeats what it found
"""

import os
import random
import re
import select
import time

import pytest

from conftest import KIND
from differential import mutate, quoted
from families import load
from families.arguments import GARBAGE, words
from harness.process import SLOWDOWN, Server
from harness.resp import Closed, encode, parse, wait_until

ASKED = os.environ.get("TESSERA_PUBSUB_STEPS")
COMMANDS = int(ASKED or 60000)
SECONDS = None if ASKED else 1.5
ONLY_BATCH = os.environ.get("TESSERA_PUBSUB_BATCH")
BATCH_STEPS = 300
CONNECTIONS = 5
MUTATION_CHANCE = 0.04
PATIENCE = 10 * SLOWDOWN

MESSAGE = re.compile(rb"[*>]([34])\r\n\$[78]\r\n([ps]?)message\r\n")
ENDED = {b"unsubscribe", b"sunsubscribe"}
PUSHED = {b"message", b"pmessage", b"smessage", b"subscribe", b"psubscribe", b"ssubscribe", b"punsubscribe", *ENDED}
HELLO_ID = re.compile(rb"\$2\r\nid\r\n:\d+\r\n")
SEEN_IN_LIST = re.compile(rb" ((?:name|flags|sub|psub|ssub|multi|resp)=\S*)")


# ---- the servers ----

class Side:
    """One server with several connections, and one that looks."""

    def __init__(self, kind, shards):
        self.server = Server(kind, shards)
        self.looker = self.server.connect()
        self.connections = [None] * CONNECTIONS
        self.ids = [None] * CONNECTIONS
        self.gone = set()

    def begin(self):
        """A batch begins: new connections, no data."""
        self.looker.run("FLUSHALL")
        self.looker.run("CONFIG", "SET", "notify-keyspace-events", "")
        for number in range(CONNECTIONS):
            self.open(number)

    def open(self, number):
        """The number of connections seen by others, and their names, are the same on both sides."""
        self.connections[number] = self.server.connect()
        self.ids[number] = self.connections[number].run("CLIENT", "ID")
        self.connections[number].run("CLIENT", "SETNAME", "c%d" % number)

    def send(self, number, commands):
        self.gone.discard(number)
        self.connections[number].send_raw(b"".join(encode(*command) for command in commands))

    def settle(self, number):
        """For redis-server: returns when all that the step of this connection has caused is in the sockets, and read."""
        connection = self.connections[number]
        if not connection.received:
            self.receive(number, PATIENCE)
            assert connection.received or number in self.gone, "a step without any reply"
        self.looker.run("PING")
        self.receive_all()

    def receive(self, number, seconds=0.0):
        """What is there for this connection; waits for the first byte at most so long."""
        connection = self.connections[number]
        while number not in self.gone and select.select([connection.socket], [], [], seconds)[0]:
            seconds = 0
            try:
                connection._receive()
            except Closed:
                self.gone.add(number)

    def receive_all(self):
        ready = select.select([self.connections[number].socket for number in range(CONNECTIONS) if number not in self.gone], [], [], 0)[0]
        for number in range(CONNECTIONS):
            if self.connections[number].socket in ready:
                self.receive(number)

    def take(self):
        """What every connection has received, which is forgotten."""
        taken = self.received()
        for connection in self.connections:
            connection.received.clear()
        return taken

    def received(self):
        return [bytes(connection.received) for connection in self.connections]

    def look(self):
        """The state of all connections as others see it."""
        lines = self.looker.run("CLIENT", "LIST").splitlines()
        return sorted(b" ".join(SEEN_IN_LIST.findall(line)) for line in lines if b" name=c" in line)

    def close(self, numbers):
        """Ends these connections. They may have lost their names (RESET): their ids tell that the server has ended them, too."""
        for number in numbers:
            self.connections[number].close()
        begins = tuple(b"id=%d " % self.ids[number] for number in numbers)
        wait_until(lambda: not any(line.startswith(begins) for line in self.looker.run("CLIENT", "LIST").splitlines()), PATIENCE,
                   "the end of the connections")

    def end(self):
        problems = self.server.problems() + self.server.stop()
        self.looker.close()
        return problems


# ---- what is made the same ----

def frames(data):
    """The replies and pushes in the bytes; what cannot be read is one frame of its own. EXEC's array is only its length and its replies,
    since a subscription in it gives several, of which the length knows nothing."""
    found = []
    at = 0
    while at < len(data):
        frame, end = parse(data, at)
        if frame is None:
            return found + [("?", data[at:])]
        if frame[0] == "*" and frame[1] and pushed(frame)[0] is None and any(item[0] != "$" for item in frame[1]):
            end = data.index(b"\n", at) + 1
            frame = ("* of", len(frame[1]))
        found.append(frame)
        at = end
    return found


def split_messages(data):
    """The bytes of a connection's own step without the messages in them; these."""
    rest, messages = b"", b""
    at = 0
    while True:
        found = MESSAGE.search(data, at)
        if not found:
            return rest + data[at:], messages
        frame, end = parse(data, found.start())
        if frame is None:
            return rest + data[at:], messages
        rest += data[at:found.start()]
        messages += data[found.start():end]
        at = end


def pushed(frame):
    """(word, the rest) of a frame that is a message, or tells of a subscription; else (None, None)."""
    kind, value = frame
    if kind in "*>" and value and len(value) in (3, 4) and value[0][0] == "$" and value[0][1] in PUSHED:
        return value[0][1], value[1:]
    return None, None


def sorted_runs(found):
    """The frames, with runs whose order is left open sorted."""
    at = 0
    while at < len(found):
        word, rest = pushed(found[at])
        end = at + 1
        if word == b"pmessage":
            while end < len(found) and pushed(found[end])[0] == word and pushed(found[end])[1][1:] == rest[1:]:
                end += 1
            found[at:end] = sorted(found[at:end], key=repr)
        elif word in ENDED:
            while end < len(found) and pushed(found[end])[0] == word:
                end += 1
            names = sorted((pushed(frame)[1][0] for frame in found[at:end]), key=repr)
            found[at:end] = [(frame[0], [frame[1][0], name, frame[1][2]]) for name, frame in zip(names, found[at:end])]
        elif word is None and found[at][0] == "*" and found[at][1]:
            found[at] = ("*", sorted(found[at][1], key=repr))
        at = end
    return found


def normal(data, is_own):
    """The frames of one connection's bytes."""
    data = HELLO_ID.sub(b"$2\r\nid\r\n:0\r\n", data)
    parts = split_messages(data) if is_own else (data,)
    return [frame for part in parts for frame in sorted_runs(frames(part))]


def agree(ours, theirs, number):
    return all(mine == other or normal(mine, place == number) == normal(other, place == number)
               for place, (mine, other) in enumerate(zip(ours, theirs)))


# ---- steps ----

def pick(rng, rows):
    chosen = rng.choices(rows, [row[0] for row in rows])[0]
    command = [word for part in chosen[1:] for word in words(part, rng)]
    return mutate(command, rng, GARBAGE) if rng.random() < MUTATION_CHANCE else command


def random_step(rng, rows):
    """The commands of one write. The last one is always answered, so CLIENT REPLY OFF is left at its end: by RESET, as a subscriber in RESP2 has
    no other way, or in RESP3. CLIENT REPLY comes behind DISCARD, so that it is never queued."""
    kind = rng.random()
    if kind < 0.75:
        return [pick(rng, rows)]
    commands = [pick(rng, rows) for _ in range(rng.randint(1, 5))]
    if kind < 0.85:
        return commands
    if kind < 0.93:
        return [[b"MULTI"]] + commands + [[b"EXEC"]]
    commands = [command for command in commands if command[0].upper() not in (b"MULTI", b"RESET", b"HELLO")]
    if kind < 0.95:
        return [[b"DISCARD"], [b"CLIENT", b"REPLY", b"OFF"]] + commands + [[b"RESET"]]
    if kind < 0.97:
        return [[b"DISCARD"], [b"HELLO", b"3"], [b"CLIENT", b"REPLY", b"OFF"]] + commands + [[b"CLIENT", b"REPLY", b"ON"]]
    return [[b"DISCARD"], [b"CLIENT", b"REPLY", b"SKIP"]] + commands + [[b"PING"]]


class Batch:
    """One batch on both sides."""

    def __init__(self, sides, seed, batch):
        self.sides = self.ours, self.theirs = sides
        self.rng = random.Random("%s:pubsub:%d" % (seed, batch))
        self.rows = load("pubsub")
        self.where = "seed %s, batch %d" % (seed, batch)
        self.history = []
        self.commands = 0

    def what(self):
        steps = ["%s: %s" % (number, " | ".join(map(quoted, commands))) for number, commands in self.history[-12:]]
        return "%s, step %d:\n%s" % (self.where, len(self.history), "\n".join(steps))

    def compare(self, number):
        """Waits until both have sent the same, or this server has had its time."""
        theirs = self.theirs.take()
        end = time.monotonic() + PATIENCE
        while not agree(self.ours.received(), theirs, number) or self.ours.gone != self.theirs.gone:
            if time.monotonic() > end:
                ours = self.ours.received()
                differing = ["connection %d:\ntessera: %r\nredis:   %r" % (place, mine, other)
                             for place, (mine, other) in enumerate(zip(ours, theirs)) if not agree([mine], [other], 0 if place == number else 1)]
                pytest.fail("%s\n%s" % (self.what(), "\n".join(differing) or "one has closed"), pytrace=False)
            select.select([connection.socket for place, connection in enumerate(self.ours.connections) if place not in self.ours.gone],
                          [], [], 0.01)
            self.ours.receive_all()
        self.ours.take()

    def step(self, number, commands):
        self.history.append((number, commands))
        self.commands += len(commands)
        for side in self.sides:
            side.send(number, commands)
        self.theirs.settle(number)
        self.compare(number)

    def reopen(self, number):
        """The connection's end, by itself or by another, and a new one."""
        if self.rng.random() < 0.5:
            self.step(number, [[b"QUIT"]])
        else:
            self.history.append((number, [[b"(closed)"]]))
        for side in self.sides:
            side.close([number])
            side.gone.discard(number)
            side.open(number)

    def look(self):
        seen = [side.look() for side in self.sides]
        assert seen[0] == seen[1], self.what()

    def set_events(self):
        events = self.rng.choice(self.rows.EVENTS)
        self.history.append(("notify-keyspace-events", [[events]]))
        replies = [side.looker.call("CONFIG", "SET", "notify-keyspace-events", events) for side in self.sides]
        assert replies[0] == replies[1], self.what()

    def play(self):
        for side in self.sides:
            side.begin()
        for _ in range(BATCH_STEPS):
            kind = self.rng.random()
            if kind < 0.005:
                self.reopen(self.rng.randrange(CONNECTIONS))
            elif kind < 0.01:
                self.look()
            elif kind < 0.02:
                self.set_events()
            else:
                self.step(self.rng.randrange(CONNECTIONS), random_step(self.rng, self.rows.ROWS))
        for number in range(CONNECTIONS):
            self.step(number, [[b"PING"]])
        self.look()
        for side in self.sides:
            side.close(range(CONNECTIONS))


@pytest.mark.skipif(KIND == "redis", reason="compares with redis-server")
def test_every_connection_gets_the_same(shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    sides = Side("tessera", shards), Side("redis", 1)
    played = batch = 0
    end = None if SECONDS is None else time.monotonic() + SECONDS
    try:
        while played < COMMANDS and (end is None or time.monotonic() < end):
            one = Batch(sides, seed, batch if ONLY_BATCH is None else int(ONLY_BATCH))
            one.play()
            played += one.commands
            batch += 1
            if ONLY_BATCH is not None:
                break
    finally:
        problems = sides[0].end()
        sides[1].end()
    print("%d commands in %d batches" % (played, batch))
    assert not problems
