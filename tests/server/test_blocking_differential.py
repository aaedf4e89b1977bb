"""Random commands that block, on two servers at once: who is served, with what, and who is not, are the same after every step."""

import os
import random

import pytest

from conftest import KIND
from families import load
from families.arguments import words
from harness.process import SLOWDOWN, Server
from harness.resp import wait_until

STEPS = int(os.environ.get("TESSERA_BLOCKING_STEPS", 1500 // min(int(SLOWDOWN), 4)))
CLIENTS = 5
STORES = {b"SORT": 4, b"ZUNIONSTORE": 1, b"ZRANGESTORE": 1}  # where the target stands
PATIENCE = 10 * SLOWDOWN


class Side:
    """One server, with clients that block, one that acts, and one that looks."""

    def __init__(self, kind, shards):
        self.server = Server(kind, shards)
        self.clients = [self.server.connect() for _ in range(CLIENTS)]
        self.numbers = [client.run("CLIENT", "ID") for client in self.clients]
        self.actor, self.looker = self.server.connect(), self.server.connect()
        self.actor.run("SELECT", 0)

    def blocked(self):
        """Which of the clients are blocked now."""
        lines = self.looker.run("CLIENT", "LIST").decode("latin1").splitlines()
        blocked = {int(line.split(" ", 1)[0][3:]) for line in lines if "b" in line.split(" flags=", 1)[1].split(" ", 1)[0]}
        return {place for place, number in enumerate(self.numbers) if number in blocked}

    def wait_blocked(self, wanted, what):
        wait_until(lambda: self.blocked() == wanted, PATIENCE, what)

    def act(self, commands):
        replies = []
        for command in commands:
            self.actor.send(*command)
            replies.append(self.actor.read())
        return replies

    def end(self):
        problems = self.server.problems() + self.server.stop()
        for connection in self.clients + [self.actor, self.looker]:
            connection.close()
        return problems


def normal(value):
    """Without the ids of XADD *, which are times."""
    if isinstance(value, (list, tuple)):
        return [normal(part) for part in value]
    if isinstance(value, bytes) and len(value) >= 15 and value[:13].isdigit() and value[13:14] == b"-":
        return b"<id>"
    return value


def pick(rng, rows):
    chosen = rng.choices(rows, [row[0] for row in rows])[0]
    return [word for part in chosen[1:] for word in words(part, rng)]


def act(rng, rows):
    """One command. A ...STORE gets a key that is not there: redis-server serves nobody when it overwrites one (docs/COMPATIBILITY.md)."""
    command = pick(rng, rows)
    if command[0] not in STORES:
        return [command]
    target = command.pop(STORES[command[0]])
    if target in command:
        return [[b"EXISTS", target]]
    command.insert(STORES[command[0]], target)
    return [[b"DEL", target], command]


def random_acts(rng, rows):
    if rng.random() < 0.75:
        return act(rng, rows)
    inner = [command for _ in range(rng.randint(1, 4)) for command in act(rng, rows)]
    return [[b"MULTI"]] + inner + [[rng.choice([b"EXEC", b"EXEC", b"DISCARD"])]]


@pytest.mark.skipif(KIND == "redis", reason="compares with redis-server")
def test_who_is_served_with_what(shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    rng = random.Random(seed)
    family = load("blocking")
    ours, theirs = Side("tessera", shards), Side("redis", 1)
    sides = [ours, theirs]
    blocked = set()
    history = []

    def what():
        return "seed %s, step %d: %r" % (seed, len(history), history[-12:])

    def step(act, *more):
        """Acts on both, and compares what the clients got."""
        nonlocal blocked
        replies = [act(side) for side in sides]
        assert normal(replies[0]) == normal(replies[1]), what()
        now = theirs.blocked()
        ours.wait_blocked(now, what())
        for place in sorted((blocked | set(more)) - now):
            got = [side.clients[place].read() for side in sides]
            assert normal(got[0]) == normal(got[1]), "%s: client %d" % (what(), place)
        blocked = now

    try:
        for _ in range(STEPS):
            idle = sorted(set(range(CLIENTS)) - blocked)
            kind = rng.random()
            if idle and kind < 0.45:
                place, command = rng.choice(idle), pick(rng, family.BLOCKING)
                history.append((place, command))
                blocking_step(sides, place, command, what)
                step(lambda side: None, place)
            elif blocked and kind < 0.5:
                place, way = rng.choice(sorted(blocked)), rng.choice([b"TIMEOUT", b"ERROR"])
                history.append((place, way))
                step(lambda side, place=place, way=way: side.act([[b"CLIENT", b"UNBLOCK", b"%d" % side.numbers[place], way]]))
            else:
                acts = random_acts(rng, family.ROWS)
                history.append(acts)
                step(lambda side, acts=acts: side.act(acts))
    finally:
        problems = ours.end()
        theirs.end()
    assert not problems


def blocking_step(sides, place, command, what):
    """Returns when the client is blocked, or has its reply, on both servers."""
    for side in sides:
        client = side.clients[place]
        client.send(*command)
        wait_until(lambda side=side, client=client: client.has_reply() or place in side.blocked(), PATIENCE, what())
