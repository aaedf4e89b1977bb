"""Effects of commands that take many steps, while other connections change what they read and write, and while it expires: the
stream, replayed into a second server, makes the same data.

Whether a job meets a writer, a reader that keeps it waiting, or the end of a key is up to the threads; what is compared is not.
"""

import os
import random

import pytest

from families.arguments import words
from harness.process import SLOWDOWN
from replay import Replay

COMMANDS = 100              # a round, over all senders
ROUNDS = int(os.environ.get("TESSERA_EFFECT_ROUNDS", "25"))
MEMBERS = 4000              # of the pool; from 1,000 on unions and the like are jobs
SETS = [b"{x}s1", b"{x}s2", b"{y}s3", b"s4"]
ZSETS = [b"{x}z1", b"{x}z2", b"{y}z3", b"z4"]
LISTS = [b"{x}l1", b"{x}l2", b"{y}l3", b"l4"]
PLACES = [b"{x}g1", b"{y}g2"]
KEYS = SETS + ZSETS + LISTS + PLACES


def one(pool):
    return lambda rng: rng.choice(pool)


def some(pool):
    """numkeys and as many keys."""
    def make(rng):
        keys = rng.choices(pool, k=rng.randint(1, 3))
        return [b"%d" % len(keys), *keys]
    return make


def keys_of(pool):
    return lambda rng: rng.choices(pool, k=rng.randint(1, 3))


def members(rng):
    first = rng.randrange(MEMBERS)
    return [b"m%d" % number for number in range(first, first + rng.choice([1, 5, 2500]))]


def numbers(rng):
    first = rng.randrange(MEMBERS)
    return [b"%d" % (number % 50) for number in range(first, first + rng.choice([1, 5, 2500]))]


def scored(rng):
    return [word for member in members(rng) for word in (b"%.3f" % rng.uniform(0.001, 5), member)]


def same_score(rng):
    return [word for member in members(rng) for word in (b"1", member)]


def placed(rng):
    return [word for member in members(rng) for word in (b"%.4f" % rng.uniform(13, 15), b"%.4f" % rng.uniform(37, 39), member)]


def count(rng):
    return b"%d" % rng.choice([1, 5, 700, 1700, 3000])


def rank(rng):
    return b"%d" % rng.randrange(-1000, 3000)


def milliseconds(rng):
    return b"%d" % rng.randrange(1, 8)


ROWS = (
    (4, b"SADD", one(SETS), members),
    (4, b"ZADD", one(ZSETS), scored),
    (2, b"ZADD", one(ZSETS), same_score),
    (4, b"RPUSH", one(LISTS), numbers),
    (3, b"GEOADD", one(PLACES), placed),
    (2, b"SREM", one(SETS), members),
    (1, b"ZREM", one(ZSETS), members),
    (3, b"SUNIONSTORE", one(SETS), keys_of(SETS)),
    (3, b"SINTERSTORE", one(SETS), keys_of(SETS)),
    (3, b"SDIFFSTORE", one(SETS), keys_of(SETS)),
    (3, b"ZUNIONSTORE", one(ZSETS), some(ZSETS + SETS)),
    (3, b"ZINTERSTORE", one(ZSETS), some(ZSETS + SETS)),
    (2, b"ZDIFFSTORE", one(ZSETS), some(ZSETS + SETS)),
    (3, b"ZRANGESTORE", one(ZSETS), one(ZSETS), rank, rank),
    (2, b"ZRANGESTORE", one(ZSETS), one(ZSETS), b"[m2", b"[m7", b"BYLEX"),
    (2, b"GEOSEARCHSTORE", one(PLACES), one(PLACES), b"FROMLONLAT", b"14", b"38", b"BYRADIUS", b"70", b"km"),
    (2, b"GEOSEARCHSTORE", one(PLACES), one(PLACES), b"FROMLONLAT", b"14", b"38", b"BYRADIUS", b"90", b"km", b"COUNT", count,
     b"ANY"),
    (3, b"SORT", one(LISTS), b"STORE", one(LISTS)),
    (1, b"SORT", one(SETS), b"BY", b"nosort", b"STORE", one(LISTS)),
    (2, b"SPOP", one(SETS), count),
    (2, b"LPOP", one(LISTS), count),
    (2, b"LMPOP", some(LISTS), b"RIGHT", b"COUNT", count),
    (2, b"ZMPOP", some(ZSETS), b"MIN", b"COUNT", count),
    (1, b"ZPOPMAX", one(ZSETS), count),
    (1, b"ZREMRANGEBYRANK", one(ZSETS), rank, rank),
    (1, b"ZREMRANGEBYLEX", one(ZSETS), b"[m3", b"[m6"),
    (2, b"LREM", one(LISTS), b"0", b"7"),
    (1, b"LINSERT", one(LISTS), b"BEFORE", b"49", b"7"),
    (1, b"LMOVE", one(LISTS), one(LISTS), b"LEFT", b"RIGHT"),
    (1, b"SMOVE", one(SETS), one(SETS), b"m5"),
    (4, b"PEXPIRE", one(KEYS), milliseconds),
    (2, b"SMEMBERS", one(SETS)),
    (2, b"ZRANGE", one(ZSETS), b"0", b"-1"),
    (2, b"LRANGE", one(LISTS), b"0", b"-1"),
    (1, b"DEL", one(KEYS)),
)
WEIGHTS = [row[0] for row in ROWS]


def random_commands(rng):
    return [[word for part in row[1:] for word in words(part, rng)] for row in rng.choices(ROWS, WEIGHTS, k=COMMANDS)]


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.parametrize("shards", ["1:2", "2:1", "4:3"])
def test_effects_of_jobs_among_others_make_the_same_data(shards):
    rng = random.Random("jobs:" + shards)
    replay = Replay(*map(int, shards.split(":")))
    try:
        for _ in range(max(3, int(ROUNDS / SLOWDOWN))):
            assert replay.apply(replay.play(random_commands(rng), limits_memory=False)) == []
            digests = replay.digests()
            assert digests[0] == digests[1] or replay.differing_keys() == []
    finally:
        problems = replay.end()
    assert problems == []
