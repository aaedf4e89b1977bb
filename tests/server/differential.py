#!/usr/bin/python3
"""Sends the same random commands to this server and to redis-server and compares every reply, errors included.

    tests/server/differential.py                              20,000 commands of every family on 1, 2 and 4 shards
    tests/server/differential.py --family string --commands 1000000 --shards 2
    tests/server/differential.py --family key --seed 7 --batch 12 --shards 4       one batch again, with its commands
    tests/server/differential.py --family key --seed 7 --batch 12 --shrink         as few commands of it as still differ

    tests/server/differential.py --events                          also what keyspace notifications tell of each key

Commands go in batches, each from empty databases and from a generator seeded by seed, family and batch, so that a batch alone
repeats what it found. Both sides get a batch as one pipeline; when the bytes that come back are equal nothing is parsed.
Replies that may differ (order, times, cursors) are compared by the rules of comparisons.py.
"""

import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from families import FAMILIES, SESSION_FAMILIES, load  # noqa: E402
from families.arguments import GARBAGE, KEYS, Group, words  # noqa: E402
from harness import comparisons  # noqa: E402
from harness.keyspace_events import EventReader, differing  # noqa: E402
from harness.process import Server  # noqa: E402
from harness.resp import encode, parse_pairs, plain  # noqa: E402
from harness.transcript import show  # noqa: E402

BATCH_SIZE = 400
SENTINEL = b"-- end of the batch --"
SENTINEL_REPLY = b"$%d\r\n%s\r\n" % (len(SENTINEL), SENTINEL)
MUTATION_CHANCE = 0.06
SHOWN_MAX = 20

# How everything that is left in a database is read at the end of a batch, as far as this server has the commands.
READERS = ((b"GET",), (b"LRANGE", b"0", b"-1"), (b"SMEMBERS",), (b"HGETALL",), (b"ZRANGE", b"0", b"-1", b"WITHSCORES"),
           (b"XRANGE", b"-", b"+"))


# ---- commands ----

class Step:
    """Commands that stay together: one; one behind the OBJECT ENCODING that tells how to compare it; or a group and its check."""

    def __init__(self, commands, check=None, has_encoding=False):
        self.commands = commands
        self.check = check
        self.has_encoding = has_encoding


def step_of(command):
    """A command whose reply has an order or not by the encoding of its key asks for that first."""
    if command and command[0].upper() in comparisons.ORDERED_BY_ENCODING and len(command) > 1:
        return Step([[b"OBJECT", b"ENCODING", command[1]], command], has_encoding=True)
    return Step([command])


def has_open_order(command):
    """SORT by weights that are text: where they are equal redis-server's order is that of its hash table, which is another in each process."""
    upper = [word.upper() for word in command]
    return upper[0] in (b"SORT", b"SORT_RO") and b"BY" in upper and b"ALPHA" in upper


def mutate(command, rng, garbage):
    """A wrong command from a right one: a word too few or too many, or another word in its place."""
    wrong = changed(command, rng, garbage)
    return command if has_open_order(wrong) else wrong


def changed(command, rng, garbage):
    if command[0] in comparisons.RANDOM:
        return command
    if command[0] == b"XADD":
        garbage = [word for word in garbage if word != b"*"]  # an id by the clock is never the same on two servers
    kind = rng.randrange(5)
    command = list(command)
    if kind == 0 and len(command) > 1:
        command.pop()
    elif kind == 1:
        command.append(rng.choice(garbage))
    elif kind == 2 and len(command) > 1:
        command[rng.randrange(1, len(command))] = rng.choice(garbage)
    elif kind == 3 and len(command) > 1:
        del command[rng.randrange(1, len(command))]
    else:
        command[0] = command[0].lower()
    return command


def ends(module):
    """What ends a state of the connection in which commands are not run at once."""
    return [Step([command]) for command in getattr(module, "SESSION_ENDS", ())]


def batch_steps(family, seed, batch, readers):
    """The steps of one batch: random rows, then a look at everything that is left."""
    rng = random.Random("%s:%s:%d" % (seed, family, batch))
    module = load(family)
    garbage = getattr(module, "GARBAGE", GARBAGE)
    steps = []
    for row in rng.choices(module.ROWS, [row[0] for row in module.ROWS], k=BATCH_SIZE):
        if isinstance(row[1], Group):
            steps.append(Step(*row[1].make(rng)))
            continue
        command = [word for part in row[1:] for word in words(part, rng)]
        steps.append(step_of(mutate(command, rng, garbage) if rng.random() < MUTATION_CHANCE else command))
    steps += ends(module)
    for database in getattr(module, "DATABASES", (b"0",)):
        commands = [[b"SELECT", database], [b"DBSIZE"], [b"KEYS", b"*"], [b"SCAN", b"0", b"COUNT", b"1000"]]
        for key in getattr(module, "KEYS", KEYS):
            commands += [[b"TYPE", key], [b"PTTL", key], [b"OBJECT", b"ENCODING", key]]
            commands += [[reader[0], key, *reader[1:]] for reader in readers]
        steps += map(step_of, commands)
    return steps


# ---- the two servers ----

class Side:
    """One server and the connection that batches go over."""

    def __init__(self, kind, shards=1):
        self.server = Server(kind, shards, ("--enable-debug-command", "yes"))
        self.connection = self.server.connect()
        # Keys that nobody asks for expire at moments of each server's own; then DBSIZE and digests would differ by chance.
        self.connection.run("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        self.protocol = 2

    def has_command(self, name):
        return self.connection.call("COMMAND", "INFO", name)[1][0][1] is not None

    def parameters(self, names):
        """The configuration's values of now."""
        return {name: plain(self.connection.call("CONFIG", "GET", name))[1] for name in names}

    def prepare(self, protocol, parameters):
        self.connection.run("FLUSHALL")
        self.connection.run("SELECT", "0")
        if parameters:
            self.connection.run("CONFIG", "SET", *[word for pair in parameters.items() for word in pair])
        if protocol != self.protocol:
            self.connection.run("HELLO", protocol)
            self.protocol = protocol

    def end(self):
        self.connection.close()
        problems = self.server.problems()
        return problems + self.server.stop()


class Pair:
    """Both servers, and how a family's batches are played to them. With `inside` this server runs each command inside another; with
    `events` the keyspace notifications of each key are compared, too."""

    def __init__(self, family, shards, kind="tessera", inside=False, events=False):
        self.prefix = [b"DEBUG", b"INSIDE"] if inside else []
        self.module = load(family)
        self.ours, self.theirs = Side(kind, shards), Side("redis")
        self.readers = [reader for reader in READERS if self.ours.has_command(reader[0])]
        self.rules = {**comparisons.RULES, **getattr(self.module, "COMPARISONS", {})}
        self.configs = getattr(self.module, "CONFIGS", ({},))
        self.defaults = self.theirs.parameters(sorted({name for config in self.configs for name in config}))
        self.events = [EventReader(side.server, side.server.connect()) for side in (self.ours, self.theirs)] if events else []

    def play(self, steps, protocol, config):
        """Plays a batch on both; gives the differing (number, command, our reply, their reply)."""
        found = self.play_replies(steps, protocol, config)
        events = [reader.take() for reader in self.events]
        return found or (differing(*events) if events else [])

    def play_replies(self, steps, protocol, config):
        steps = steps + ends(self.module)
        commands = [command for step in steps for command in step.commands]
        for side in (self.ours, self.theirs):
            side.prepare(protocol, dict(self.defaults, **config))
        for side, prefix in ((self.ours, self.prefix), (self.theirs, [])):
            data = b"".join(encode(*prefix, *command) for command in commands if command or not prefix)
            side.connection.send_raw(data + encode("ECHO", SENTINEL))
        received = [side.connection.read_until(SENTINEL_REPLY) for side in (self.ours, self.theirs)]
        if received[0] == received[1]:
            return []
        pairs = parse_pairs(*received)
        if len(pairs) != len(commands) + 1 or None in pairs[-1]:
            counts = [sum(reply is not None for reply in replies) for replies in zip(*pairs)]
            return [(0, [b"(the whole batch)"], (":", counts[0]), (":", counts[1]))]
        found = []
        at = 0
        for step in steps:
            count = len(step.commands)
            part = pairs[at:at + count]
            if any(mine is not other for mine, other in part):
                found += self.compare(step, at, *zip(*part))
            at += count
        return found

    def compare(self, step, at, ours, theirs):
        """The differences of one step, whose first command is number `at` of its batch."""
        if ours == theirs:
            return []
        if step.check is not None:
            sentences = [step.check(replies) for replies in (ours, theirs)]
            if any(sentences):
                texts = [("-", (sentence or "fits").encode()) for sentence in sentences]
                return [(at, [b"(a group with)", *step.commands[1]], *texts)]
        found = []
        for number, (command, mine, other) in enumerate(zip(step.commands, ours, theirs)):
            if step.check is not None:
                is_same = mine == other or mine[0] == other[0] != "-"
            else:
                encoding = theirs[0][1] if step.has_encoding and number == 1 else None
                is_same = comparisons.agree(self.rules, command, mine, other, encoding)
            if not is_same:
                found.append((at + number, command, mine, other))
        return found

    def shrink(self, steps, protocol, config):
        """As few steps as still give a difference in the same command."""
        found = self.play(steps, protocol, config)
        if not found:
            return steps
        name = found[0][1][0].upper()

        def differs(tried):
            return any(command[0].upper() == name for _, command, _, _ in self.play(tried, protocol, config)[:1])
        size = len(steps) // 2
        while size > 0:
            at = 0
            while at < len(steps):
                tried = steps[:at] + steps[at + size:]
                if tried and differs(tried):
                    steps = tried
                else:
                    at += size
            size //= 2
        return steps

    def end(self):
        return self.ours.end() + self.theirs.end()


def quoted(command):
    return " ".join(show(("$", word))[1:] for word in command)


def describe(mine, other):
    texts = [show(reply).replace("\n", "\n           ") for reply in (mine, other)]
    return "  tessera: %s\n  redis:   %s" % tuple(texts)


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


def run_batch(pair, result, seed, batch, protocol, show_all=False, is_shrunk=False):
    """Plays one batch and adds what it gave to `result`."""
    steps = batch_steps(result.family, seed, batch, pair.readers)
    config = pair.configs[batch % len(pair.configs)]
    if is_shrunk:
        steps = pair.shrink(steps, protocol, config)
    found = pair.play(steps, protocol, config)
    commands = [command for step in steps for command in step.commands]
    result.commands += len(commands)
    if show_all or is_shrunk:
        result.texts += ["%4d %s" % entry for entry in enumerate(map(quoted, commands))]
    if found:
        result.differing_batches += 1
        result.differences += len(found)
        number, command, mine, other = found[0]
        result.texts.append("family %s, seed %s, batch %d, RESP%d%s, command %d: %s\n%s" % (
            result.family, seed, batch, protocol, "".join(" %s=%s" % entry for entry in config.items()), number, quoted(command),
            describe(mine, other)))


def run_family(family, shards, count, seed, protocols=(2, 3), only_batch=None, is_shrunk=False, kind="tessera", seconds=None,
               inside=False, events=False):
    """Plays `count` commands of a family to both servers, or as many as `seconds` allow. A batch's first difference is shown, the
    rest follow from it."""
    result = Result(family, shards)
    pair = Pair(family, shards, kind, inside, events)
    began = time.monotonic()
    try:
        batch = only_batch if only_batch is not None else 0
        while batch == only_batch if only_batch is not None else result.commands < count:
            if seconds is not None and time.monotonic() - began > seconds:
                break
            # Each configuration is played in each protocol.
            protocol = protocols[batch // len(pair.configs) % len(protocols)]
            run_batch(pair, result, seed, batch, protocol, only_batch is not None, is_shrunk)
            batch += 1
    finally:
        result.problems = pair.end()
    result.seconds = time.monotonic() - began
    return result


def print_table(results, seed):
    print("seed %s\n%-14s %6s %10s %12s %8s" % (seed, "family", "shards", "commands", "differences", "seconds"))
    for result in results:
        print("%-14s %6d %10d %12d %8.1f" % (result.family, result.shards, result.commands, result.differences, result.seconds))
    if len(results) > 1:
        print("%-14s %6s %10d %12d %8.1f" % ("all", "", sum(result.commands for result in results),
                                             sum(result.differences for result in results),
                                             sum(result.seconds for result in results)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="all", help="comma list of: " + ", ".join(FAMILIES + SESSION_FAMILIES))
    parser.add_argument("--commands", "--count", type=int, default=20000, help="commands per family and number of shards")
    parser.add_argument("--shards", default="1,2,4")
    parser.add_argument("--protocols", default="2,3")
    parser.add_argument("--seed", default=str(random.randrange(10**9)))
    parser.add_argument("--batch", type=int, help="this batch only, with its commands")
    parser.add_argument("--shrink", action="store_true", help="with --batch: leave out what the difference does not need")
    parser.add_argument("--redis-on-both-sides", dest="kind", action="store_const", const="redis", default="tessera",
                        help="to see whether a family's rules are right: there must be no difference")
    parser.add_argument("--inside", action="store_true", help="this server runs each command inside another: DEBUG INSIDE")
    parser.add_argument("--events", action="store_true", help="keyspace notifications are compared, too")
    options = parser.parse_args()
    families = FAMILIES + SESSION_FAMILIES if options.family == "all" else options.family.split(",")
    unknown = [family for family in families if family not in FAMILIES + SESSION_FAMILIES]
    if unknown:
        parser.error("families that need several connections, or are none: " + ", ".join(unknown))
    results = []
    for family in families:
        for shards in map(int, options.shards.split(",")):
            result = run_family(family, shards, options.commands, options.seed,
                                [int(protocol) for protocol in options.protocols.split(",")], options.batch, options.shrink,
                                options.kind, inside=options.inside, events=options.events)
            results.append(result)
            for text in (result.texts if options.batch is not None else result.texts[:SHOWN_MAX]) + result.problems:
                print(text, flush=True)
    print_table(results, options.seed)
    sys.exit(1 if any(result.differences or result.problems for result in results) else 0)


if __name__ == "__main__":
    main()
