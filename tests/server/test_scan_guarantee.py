"""SCAN, SSCAN, HSCAN, ZSCAN: what is there from the first step to the last is returned, however tables grow and shrink."""

import random

import pytest

from harness.process import SLOWDOWN

SEED = 20240501
KEPT = int(3000 / SLOWDOWN ** 0.5)
CHURN_MAX = int(20000 / SLOWDOWN ** 0.5)
BURST_MAX = 1500
WHERE = b"collection"

# How members are added, removed and scanned; how many elements of the reply make one.
KINDS = {
    "SCAN": (lambda names: [b"MSET", *(word for name in names for word in (name, value_of(name)))],
             lambda names: [b"DEL", *names], lambda cursor: [b"SCAN", cursor], 1),
    "SSCAN": (lambda names: [b"SADD", WHERE, *names],
              lambda names: [b"SREM", WHERE, *names], lambda cursor: [b"SSCAN", WHERE, cursor], 1),
    "HSCAN": (lambda names: [b"HSET", WHERE, *(word for name in names for word in (name, value_of(name)))],
              lambda names: [b"HDEL", WHERE, *names], lambda cursor: [b"HSCAN", WHERE, cursor], 2),
    "ZSCAN": (lambda names: [b"ZADD", WHERE, *(word for name in names for word in (value_of(name), name))],
              lambda names: [b"ZREM", WHERE, *names], lambda cursor: [b"ZSCAN", WHERE, cursor], 2),
}


def value_of(name):
    return b"%d" % (sum(name) % 1000)


class Churn:
    """Members that come and go: the table grows to `most` of them, shrinks to none, and so on."""

    def __init__(self, connection, kind, rng, most=CHURN_MAX):
        self.connection = connection
        self.most = most
        self.add, self.remove = KINDS[kind][:2]
        self.rng = rng
        self.there = []
        self.made = 0
        self.is_growing = True
        self.ever = set()

    def turn(self):
        """One burst in the present direction, of any size."""
        count = self.rng.randrange(1, min(BURST_MAX, self.most // 4))
        if self.is_growing:
            names = [b"churn-%d" % number for number in range(self.made, self.made + count)]
            self.made += count
            self.there += names
            self.ever.update(names)
            self.connection.run(*self.add(names))
        else:
            at = self.rng.randrange(max(len(self.there) - count, 0) + 1)
            names = self.there[at:at + count]
            del self.there[at:at + count]
            if names:
                self.connection.run(*self.remove(names))
        if len(self.there) > self.most or not self.there:
            self.is_growing = not self.is_growing


def scan(connection, kind, count, between):
    """A whole scan, with between() after each step: the members as tuples."""
    make, width = KINDS[kind][2:]
    cursor, found = b"0", []
    while True:
        cursor, items = connection.run(*make(cursor), "COUNT", count)
        found += [tuple(items[at:at + width]) for at in range(0, len(items), width)]
        if cursor == b"0":
            return found
        between()


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", (7, 100, 1000))
def test_returns_what_is_there_throughout(client, kind, count):
    rng = random.Random("%d:%s:%d" % (SEED, kind, count))
    share = 1 if count > 7 else 8
    kept = [b"kept-%d" % number for number in range(KEPT // share)]
    client.run(*KINDS[kind][0](kept))
    churn = Churn(client, kind, rng, CHURN_MAX // share)
    gone = [b"gone-%d" % number for number in range(100)]
    client.run(*KINDS[kind][0](gone))
    client.run(*KINDS[kind][1](gone))
    for _ in range(3):
        found = scan(client, kind, count, churn.turn)
        names = {item[0] for item in found}
        missing = set(kept) - names
        assert not missing, "%d of %d missing, such as %s" % (len(missing), len(kept), min(missing))
        assert names <= set(kept) | churn.ever, "never there: %s" % min(names - set(kept) - churn.ever)
        if KINDS[kind][3] == 2:
            assert all(item[1] == value_of(item[0]) for item in found)


@pytest.mark.parametrize("kind", KINDS)
def test_returns_everything_once_from_a_table_at_rest(client, kind):
    names = [b"name-%d" % number for number in range(KEPT)]
    client.run(*KINDS[kind][0](names))
    found = scan(client, kind, 13, lambda: None)
    assert sorted(item[0] for item in found) == sorted(names)


MAKERS = {
    b"string": lambda name: [b"SET", name, b"x"], b"list": lambda name: [b"RPUSH", name, b"x"],
    b"set": lambda name: [b"SADD", name, b"x"], b"zset": lambda name: [b"ZADD", name, b"1", b"x"],
    b"hash": lambda name: [b"HSET", name, b"f", b"x"], b"stream": lambda name: [b"XADD", name, b"1-1", b"f", b"x"],
}


@pytest.mark.heavy
def test_scan_of_a_type_returns_its_keys_while_the_table_grows_and_shrinks(client):
    rng = random.Random(SEED)
    kept = {kind: {b"%s-%d" % (kind, number) for number in range(KEPT // 6)} for kind in MAKERS}
    for kind, make in MAKERS.items():
        client.pipeline(make(name) for name in kept[kind])
    churn = Churn(client, "SCAN", rng)
    for kind in MAKERS:
        cursor, found = b"0", set()
        while True:
            cursor, names = client.run("SCAN", cursor, "TYPE", kind.upper() if rng.random() < 0.5 else kind, "COUNT", 100)
            found.update(names)
            if cursor == b"0":
                break
            churn.turn()
        assert found - churn.ever == kept[kind], kind
    assert client.run("SCAN", "0", "TYPE", "nonsense", "COUNT", 10**6) == [b"0", []]
