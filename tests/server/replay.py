#!/usr/bin/python3
"""Replays what changed on one server into an empty second one: both must have the same data afterwards.

    tests/server/replay.py                                        20,000 commands of every family, 2 shards into 3
    tests/server/replay.py --family string,hash --commands 200000 --shards 4:1
    tests/server/replay.py --family key --seed 7 --batch 12 --shards 2:3       one batch again, with its commands and effects

The first server gets random commands of a family of the differential tester over several connections at once, among them short
times to live, and in some batches a memory limit under which keys go. DEBUG EFFECTS sends how to repeat each change; the second server, on which nothing expires by
itself (DEBUG SET-EXPIRY 0), is sent just that. After each batch DEBUG DIGEST must agree. When it does not, the keys that
differ are shown.
"""

import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from differential import SENTINEL, SENTINEL_REPLY, batch_steps, quoted  # noqa: E402
from families import FAMILIES, OWN_FAMILIES, SESSION_FAMILIES, load  # noqa: E402
from families.arguments import KEYS, words  # noqa: E402
from harness.process import Server  # noqa: E402
from harness.resp import encode, parse, plain  # noqa: E402

BATCHES_FROM_EMPTY = 8      # then FLUSHALL, which is replayed, too
EVICTION_EVERY = 5          # batches
EVICTION_ROOM = 1 << 16     # bytes above what the server uses when the limit is set
SHORT_TTL_CHANCE = 0.03
SENDERS = 3
OWN_ROW_CHANCE = 0.05
MARKER_KEY = b"replay:marker"
SHOWN_MAX = 10
DATABASES = 16


def with_own_rows(commands, rows, rng):
    """The commands, and between them those that redis-server is not sent, since it would do something else (XADD *)."""
    for command in commands:
        yield command
        if rows and rng.random() < OWN_ROW_CHANCE:
            row = rng.choices(rows, [row[0] for row in rows])[0]
            yield [word for part in row[1:] for word in words(part, rng)]


def with_short_ttls(commands, keys, rng):
    """The commands, and between them times to live that are over while the batch runs."""
    for command in commands:
        yield command
        if rng.random() < SHORT_TTL_CHANCE:
            yield [b"PEXPIRE", rng.choice(keys), b"%d" % rng.randrange(1, 20)]


def batch_commands(family, seed, batch):
    """What the first server is sent: the steps of the differential tester, without its last look at everything."""
    rng = random.Random("%s:%s:%d:replay" % (seed, family, batch))
    module = load(family)
    steps = batch_steps(family, seed, batch, ())
    commands = [command for step in steps for command in step.commands]
    commands = list(with_own_rows(commands, getattr(module, "REPLAY_ROWS", ()), rng))
    return list(with_short_ttls(commands, getattr(module, "KEYS", KEYS), rng))


class Replay:
    """The two servers, the stream between them, and one connection for what is asked besides."""

    def __init__(self, source_shards, target_shards):
        options = ("--enable-debug-command", "yes")
        self.source = Server("tessera", source_shards, options)
        self.target = Server("tessera", target_shards, options)
        self.senders = [self.source.connect() for _ in range(SENDERS)]
        self.sender = self.senders[0]
        self.feed = self.source.connect()
        self.sink = self.target.connect()
        self.sink.run("DEBUG", "SET-EXPIRY", "0")
        self.feed.run("DEBUG", "EFFECTS")
        self.markers = 0

    def play(self, commands, limits_memory, ends=()):
        """Sends the commands to the first server, over each connection with `ends` behind them; gives the bytes of their effects."""
        self.sender.run("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        if limits_memory:
            used = int(self.sender.info("memory")["used_memory"])
            self.sender.run("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", used + EVICTION_ROOM)
        for number, sender in enumerate(self.senders):
            part = [encode(*command) for command in [*commands[number::SENDERS], *ends]]
            sender.send_raw(b"".join(part) + encode("ECHO", SENTINEL))
        for sender in self.senders:
            sender.read_until(SENTINEL_REPLY)
        # Nothing changes any more once the marker has come through: CLIENT LIST visits each thread between two of its turns, so none
        # goes on with an eviction or expiry that it has begun.
        self.sender.run("CONFIG", "SET", "maxmemory", "0")
        self.sender.run("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        self.sender.run("CLIENT", "LIST")
        self.sender.run("SELECT", "0")
        self.markers += 1
        marker = (b"SET", MARKER_KEY, b"%d" % self.markers)
        self.sender.run(*marker)
        return self.feed.read_until(encode(*marker))

    def apply(self, effects):
        """Sends effects to the second server; gives the errors that it answered, with their commands."""
        self.sink.send_raw(effects + encode("ECHO", SENTINEL))
        replies = self.sink.read_until(SENTINEL_REPLY)
        if b"-" not in replies:
            return []
        errors = []
        at = command_at = 0
        while command_at < len(effects):
            reply, at = parse(replies, at)
            command, command_at = parse(effects, command_at)
            if reply[0] == "-":
                errors.append("%s: %s" % (quoted(plain(command)), reply[1].decode()))
        return errors

    def digests(self):
        return [connection.run("DEBUG", "DIGEST") for connection in (self.sender, self.sink)]

    def differs_by_signs_of_zeros(self, key):
        """-0 is a score in a large sorted set only. One that has shrunk keeps it, but is small where RESTORE has put it, as in Redis."""
        seen = []
        for side in (self.sender, self.sink):
            if side.run("TYPE", key) != b"zset":
                return False
            scored = side.run("ZRANGE", key, "0", "-1", "WITHSCORES")
            seen.append((side.run("PEXPIRETIME", key), scored[::2], [float(score) for score in scored[1::2]]))
        return seen[0] == seen[1]

    def differing_keys(self):
        """Sentences about what differs, by the keys' own digests: none when that is signs of zeros only."""
        found = []
        signs = 0
        self.sender.run("DEBUG", "SET-EXPIRY", "0")
        for db in range(DATABASES):
            for connection in (self.sender, self.sink):
                connection.run("SELECT", db)
            keys = sorted(set(self.sender.run("KEYS", "*")) | set(self.sink.run("KEYS", "*")))
            for key in keys:
                seen = [(side.run("TYPE", key), side.run("PEXPIRETIME", key), side.run("DEBUG", "DIGEST-VALUE", key))
                        for side in (self.sender, self.sink)]
                if seen[0] != seen[1] and self.differs_by_signs_of_zeros(key):
                    signs += 1
                elif seen[0] != seen[1]:
                    found.append("database %d, key %r: %r, replayed %r" % (db, key[:80], *seen))
            found += self.differing_tables(db)
        for connection in (self.sender, self.sink):
            connection.run("SELECT", 0)
        self.sender.run("DEBUG", "SET-EXPIRY", "1")
        return found if found or signs else ["nothing that keys hold"]

    def differing_tables(self, db):
        """The same about the tables of the selected database. Of two that look alike the highest row ids differ."""
        found = []
        views = [connection.run("TABLE.NAMESPACE.VIEW") for connection in (self.sender, self.sink)]
        for name in sorted(set(views[0]) | set(views[1])):
            table = name.replace(b":", b".", 1)
            for question in (("TABLE.SCHEMA.VIEW", table), ("TABLE.SELECT", table)):
                seen = [plain(connection.call(*question)) for connection in (self.sender, self.sink)]
                if seen[0] != seen[1]:
                    found.append("database %d, %s: %.300r, replayed %.300r" % (db, quoted(question), *seen))
        return found

    def end(self):
        for connection in (*self.senders, self.feed, self.sink):
            connection.close()
        problems = self.source.problems() + self.target.problems()
        return problems + self.source.stop() + self.target.stop()


class Result:
    def __init__(self, family, shards):
        self.family = family
        self.shards = shards
        self.commands = self.effects_bytes = self.batches = self.differing_batches = 0
        self.digest = b""
        self.texts = []
        self.problems = []


def run_batch(replay, result, seed, batch, show_all=False):
    """True when both servers have the same data after the batch."""
    commands = batch_commands(result.family, seed, batch)
    if batch % BATCHES_FROM_EMPTY == 0:
        commands.insert(0, [b"FLUSHALL"])
    effects = replay.play(commands, batch % EVICTION_EVERY == EVICTION_EVERY - 1, getattr(load(result.family), "SESSION_ENDS", ()))
    errors = replay.apply(effects)
    digests = replay.digests()
    result.commands += len(commands)
    result.effects_bytes += len(effects)
    result.batches += 1
    result.digest = digests[0]
    if show_all:
        result.texts += ["%4d %s" % entry for entry in enumerate(map(quoted, commands))]
        at = 0
        while at < len(effects):
            command, at = parse(effects, at)
            result.texts.append("     effect: " + quoted(plain(command)))
    differing = [] if digests[0] == digests[1] else replay.differing_keys()
    if not errors and not differing:
        return True
    result.differing_batches += 1
    result.texts.append("family %s, seed %s, batch %d, shards %s: digest %s, replayed %s" % (
        result.family, seed, batch, result.shards, *(digest.decode() for digest in digests)))
    result.texts += ["  an effect was refused: " + error for error in errors[:SHOWN_MAX]]
    result.texts += ["  " + text for text in differing[:SHOWN_MAX]]
    return False


def run_family(family, shards, count, seed, only_batch=None, seconds=None):
    """Plays `count` commands of a family, or as many as `seconds` allow; ends with the first batch that differs. `shards` is
    "2:3": those of the first server and of the second."""
    result = Result(family, shards)
    replay = Replay(*map(int, shards.split(":")))
    end = None if seconds is None else time.monotonic() + seconds
    try:
        batch = only_batch if only_batch is not None else 0
        while batch == only_batch if only_batch is not None else result.commands < count:
            if not run_batch(replay, result, seed, batch, only_batch is not None) or (end and time.monotonic() > end):
                break
            batch += 1
    finally:
        result.problems = replay.end()
    return result


def print_table(results, seed):
    print("seed %s\n%-14s %6s %10s %14s  %-42s %s" % (seed, "family", "shards", "commands", "effects, bytes", "digest", "equal"))
    for result in results:
        print("%-14s %6s %10d %14d  %-42s %s" % (result.family, result.shards, result.commands, result.effects_bytes,
                                                 result.digest.decode(), "no" if result.differing_batches else "yes"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="all", help="comma list of: " + ", ".join(FAMILIES + OWN_FAMILIES + SESSION_FAMILIES))
    parser.add_argument("--commands", type=int, default=20000, help="commands per family and numbers of shards")
    parser.add_argument("--shards", default="2:3", help="comma list of SOURCE:TARGET")
    parser.add_argument("--seed", default=str(random.randrange(10**9)))
    parser.add_argument("--batch", type=int, help="this batch only, with its commands and effects")
    options = parser.parse_args()
    families = FAMILIES + OWN_FAMILIES + SESSION_FAMILIES if options.family == "all" else options.family.split(",")
    results = []
    for family in families:
        for shards in options.shards.split(","):
            result = run_family(family, shards, options.commands, options.seed, options.batch)
            results.append(result)
            for text in result.texts + result.problems:
                print(text, flush=True)
    print_table(results, options.seed)
    sys.exit(1 if any(result.differing_batches or result.problems for result in results) else 0)


if __name__ == "__main__":
    main()
