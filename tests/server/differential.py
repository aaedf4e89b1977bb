#!/usr/bin/python3
"""Sends the same random commands to this server and to redis-server and compares every reply, errors included.

    tests/server/differential.py                              20,000 commands of every family on 1, 2 and 4 shards
    tests/server/differential.py --family string --count 1000000 --shards 2
    tests/server/differential.py --family key --seed 7 --batch 12 --shards 4       one batch again, with its commands

Commands go in batches, each from empty databases and from a generator seeded by seed, family and batch, so that a batch alone
repeats what it found. Both sides get a batch as one pipeline; when the bytes that come back are equal nothing is parsed.
Replies that may differ (order, times, cursors) are compared by COMPARISONS.
"""

import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from families import FAMILIES  # noqa: E402
from families.arguments import GARBAGE, KEYS, words  # noqa: E402
from harness.process import Server  # noqa: E402
from harness.resp import encode, parse_all  # noqa: E402
from harness.transcript import show  # noqa: E402

BATCH_SIZE = 400
SENTINEL = b"-- end of the batch --"
SENTINEL_REPLY = b"$%d\r\n%s\r\n" % (len(SENTINEL), SENTINEL)
MUTATION_CHANCE = 0.06
SHOWN_MAX = 20


# ---- comparisons: (our reply, theirs, command) -> whether they agree; only asked when they are not equal ----

def within(tolerance):
    """Integers at most `tolerance` apart; negative ones (no key, no time to live) must be equal."""
    def compare(ours, theirs, _command):
        return (ours[0] == theirs[0] == ":" and ours[1] >= 0 and theirs[1] >= 0 and abs(ours[1] - theirs[1]) <= tolerance)
    return compare


def same_elements(ours, theirs, _command=None):
    """Collections with the same elements in any order."""
    return ours[0] == theirs[0] and ours[0] in "*~" and sorted(map(repr, ours[1])) == sorted(map(repr, theirs[1]))


def both_present(ours, theirs, _command):
    """Two random picks: both something or both nothing."""
    return ours[0] == theirs[0] and (ours[1] is None) == (theirs[1] is None)


def both_integers(ours, theirs, _command):
    """Two counts that say nothing to a client."""
    return ours[0] == theirs[0] == ":"


def idle_at_most_theirs(ours, theirs, _command):
    """Small numbers are one object for all keys on redis-server, so that a key may seem idle that was just written."""
    return ours[0] == theirs[0] == ":" and 0 <= ours[1] <= theirs[1] + 1


def scans_agree(ours, theirs, command):
    """Two SCAN replies: a whole scan in one step gives the same keys; of a part nothing can be said."""
    if ours[0] != "*" or theirs[0] != "*" or len(ours[1]) != 2 or len(theirs[1]) != 2:
        return False
    if command[1] == b"0" and b"1000" in command and ours[1][0] == theirs[1][0] == ("$", b"0"):
        return same_elements(ours[1][1], theirs[1][1])
    return True


COMPARISONS = {
    b"TTL": within(1), b"EXPIRETIME": within(1), b"PTTL": within(1500), b"PEXPIRETIME": within(1500),
    b"OBJECT IDLETIME": idle_at_most_theirs, b"OBJECT REFCOUNT": both_integers,
    b"KEYS": same_elements, b"RANDOMKEY": both_present, b"SCAN": scans_agree,
}


def agree(command, ours, theirs):
    if ours == theirs:
        return True
    compare = COMPARISONS.get(command[0].upper()) or COMPARISONS.get(b" ".join(command[:2]).upper())
    return compare is not None and compare(ours, theirs, command)


# ---- commands ----

def mutate(command, rng):
    """A wrong command from a right one: a word too few or too many, or another word in its place."""
    kind = rng.randrange(5)
    command = list(command)
    if kind == 0 and len(command) > 1:
        command.pop()
    elif kind == 1:
        command.append(rng.choice(GARBAGE))
    elif kind == 2 and len(command) > 1:
        command[rng.randrange(1, len(command))] = rng.choice(GARBAGE)
    elif kind == 3 and len(command) > 1:
        del command[rng.randrange(1, len(command))]
    else:
        command[0] = command[0].lower()
    return command


def batch_commands(family, seed, batch):
    """The commands of one batch: random rows, then a look at everything that is left."""
    rng = random.Random("%s:%s:%d" % (seed, family, batch))
    rows = FAMILIES[family].ROWS
    weights = [row[0] for row in rows]
    commands = []
    for row in rng.choices(rows, weights, k=BATCH_SIZE):
        command = [word for part in row[1:] for word in words(part, rng)]
        commands.append(mutate(command, rng) if rng.random() < MUTATION_CHANCE else command)
    for database in (b"0", b"1", b"2"):
        commands += [[b"SELECT", database], [b"DBSIZE"], [b"KEYS", b"*"], [b"SCAN", b"0", b"COUNT", b"1000"]]
        commands += [[name, key] for key in KEYS for name in (b"TYPE", b"PTTL", b"GET")]
        commands += [[b"OBJECT", b"ENCODING", key] for key in KEYS]
    return commands


class Side:
    """One server and the connection that batches go over."""

    def __init__(self, kind, shards=1):
        self.server = Server(kind, shards)
        self.connection = self.server.connect()
        self.protocol = 2

    def prepare(self, protocol):
        self.connection.run("FLUSHALL")
        self.connection.run("SELECT", "0")
        if protocol != self.protocol:
            self.connection.run("HELLO", protocol)
            self.protocol = protocol

    def end(self):
        self.connection.close()
        problems = self.server.problems()
        return problems + self.server.stop()


def play(ours, theirs, commands, protocol):
    """Runs a batch on both; gives the differing (number, command, our reply, their reply), and both byte counts."""
    data = b"".join(encode(*command) for command in commands) + encode("ECHO", SENTINEL)
    for side in (ours, theirs):
        side.prepare(protocol)
    for side in (ours, theirs):
        side.connection.send_raw(data)
    received = [side.connection.read_until(SENTINEL_REPLY) for side in (ours, theirs)]
    if received[0] == received[1]:
        return []
    replies = [parse_all(part) for part in received]
    if len(replies[0]) != len(replies[1]):
        return [(0, [b"(the whole batch)"], (":", len(replies[0])), (":", len(replies[1])))]
    return [(number, command, mine, other)
            for number, (command, mine, other) in enumerate(zip(commands, *replies)) if not agree(command, mine, other)]


def quoted(command):
    return " ".join(show(("$", word))[1:] for word in command)


class Result:
    """What became of one family on one number of shards."""

    def __init__(self, family, shards):
        self.family = family
        self.shards = shards
        self.commands = 0
        self.differing_batches = 0
        self.differences = 0
        self.seconds = 0.0
        self.texts = []
        self.problems = []


def run_family(family, shards, count, seed, protocols=(2, 3), only_batch=None):
    """Plays `count` commands of a family to both servers. A batch's first difference is shown, the rest follow from it."""
    result = Result(family, shards)
    ours, theirs = Side("tessera", shards), Side("redis")
    began = time.monotonic()
    try:
        batches = [only_batch] if only_batch is not None else range((count + BATCH_SIZE - 1) // BATCH_SIZE)
        for batch in batches:
            commands = batch_commands(family, seed, batch)
            protocol = protocols[batch % len(protocols)]
            found = play(ours, theirs, commands, protocol)
            result.commands += len(commands)
            if only_batch is not None:
                result.texts += ["%4d %s" % pair for pair in enumerate(map(quoted, commands))]
            if found:
                result.differing_batches += 1
                result.differences += len(found)
                number, command, mine, other = found[0]
                result.texts.append("family %s, seed %s, batch %d, RESP%d, command %d: %s\n  tessera: %s\n  redis:   %s" % (
                    family, seed, batch, protocol, number, quoted(command),
                    show(mine).replace("\n", "\n           "), show(other).replace("\n", "\n           ")))
    finally:
        result.problems = ours.end() + theirs.end()
    result.seconds = time.monotonic() - began
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="all", help="comma list of: " + ", ".join(FAMILIES))
    parser.add_argument("--count", type=int, default=20000, help="commands per family and number of shards")
    parser.add_argument("--shards", default="1,2,4")
    parser.add_argument("--protocols", default="2,3")
    parser.add_argument("--seed", default=str(random.randrange(10**9)))
    parser.add_argument("--batch", type=int, help="this batch only, with its commands")
    options = parser.parse_args()
    families = list(FAMILIES) if options.family == "all" else options.family.split(",")
    results = []
    for family in families:
        for shards in map(int, options.shards.split(",")):
            result = run_family(family, shards, options.count, options.seed,
                                [int(protocol) for protocol in options.protocols.split(",")], options.batch)
            results.append(result)
            for text in (result.texts if options.batch is not None else result.texts[:SHOWN_MAX]) + result.problems:
                print(text)
    print("seed %s\n%-10s %6s %10s %12s %8s" % (options.seed, "family", "shards", "commands", "differences", "seconds"))
    for result in results:
        print("%-10s %6d %10d %12d %8.1f" % (result.family, result.shards, result.commands, result.differences, result.seconds))
    sys.exit(1 if any(result.differences or result.problems for result in results) else 0)


if __name__ == "__main__":
    main()
