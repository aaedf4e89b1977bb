"""After deletes a table takes about what a fresh load of its rows takes, and nobody who reads, counts, saves or changes it meanwhile sees a row
twice or misses one."""

import random
import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import wait_until
from harness.saved import restart

ROWS = 20000
COLUMNS = ("n:integer:hash", "name:string:btree", "city:string", "age:integer")
RATIO = 1.15
PATIENCE = 30 * SLOWDOWN


def row(number):
    return ("n=%d" % number, "name=user%06d@mail.net" % number, "city=city%03d" % (number * 7919 % 1000), "age=%d" % (number % 80))


def load(client, table, numbers):
    client.run("TABLE.SCHEMA.CREATE", table, *COLUMNS)
    numbers = list(numbers)
    for first in range(0, len(numbers), 1000):
        client.pipeline(("TABLE.INSERT", table, *row(number)) for number in numbers[first:first + 1000])


def usage(client, table):
    return client.run("MEMORY", "USAGE", "TABLE", table)


def info(client, table):
    reply = client.run("TABLE.INFO", table)
    return dict(zip(reply[::2], reply[1::2]))


def numbers_of(client, table):
    return [int(reply[1]) for reply in client.run("TABLE.SELECT", table, "COLUMNS", "n")]


def wait_for_ratio(client, table, fresh):
    wait_until(lambda: usage(client, table) <= RATIO * usage(client, fresh), PATIENCE, "as few bytes as a fresh load takes")


@pytest.mark.parametrize("share", (0.25, 0.5, 0.7, 0.8))
def test_random_deletes(client, shards, share):
    client.run("TABLE.NAMESPACE.CREATE", "c")
    load(client, "c.t", range(ROWS))
    rng = random.Random(share)
    kept = [number for number in range(ROWS) if rng.random() >= share]
    gone = sorted(set(range(ROWS)) - set(kept))
    for first in range(0, len(gone), 1000):
        client.pipeline(("TABLE.DELETE", "c.t", "WHERE", "n=%d" % number) for number in gone[first:first + 1000])
    load(client, "c.fresh", kept)
    wait_for_ratio(client, "c.t", "c.fresh")
    wait_until(lambda: info(client, "c.t")[b"slots"] < len(kept) * 8 / 7 + 300 * shards, 10 * SLOWDOWN, "fewer slots")
    figures = info(client, "c.t")
    assert len(kept) <= figures[b"slots"]
    if share == 0.25:  # where more has gone neighbours may be joined before, and how many rows are left to be moved is a matter of time
        assert figures[b"moved-rows"] > len(kept) // 3
    assert info(client, "c.fresh")[b"moved-rows"] == 0
    assert numbers_of(client, "c.t") == kept
    assert client.run("MEMORY", "AUDIT") == b"OK"
    for number in rng.sample(kept, 50):
        assert client.run("TABLE.SELECT", "c.t", "COLUMNS", "name", "WHERE", "n=%d" % number) == [[b"name", b"user%06d@mail.net" % number]]
    assert client.run("TABLE.COUNT", "c.t", "WHERE", "name>=user%06d" % kept[len(kept) // 2]) == len(kept) - len(kept) // 2


def test_one_statement(client):
    """A single DELETE leaves pages half full."""
    client.run("TABLE.NAMESPACE.CREATE", "c")
    load(client, "c.t", range(ROWS))
    assert client.run("TABLE.DELETE", "c.t", "WHERE", "age<40") == ROWS // 2
    load(client, "c.fresh", (number for number in range(ROWS) if number % 80 >= 40))
    wait_for_ratio(client, "c.t", "c.fresh")
    assert client.run("MEMORY", "AUDIT") == b"OK"


class Reader(threading.Thread):
    """Reads the rows that stay, in several ways, until it is told to end: rows with an even number; others come and go."""

    def __init__(self, server, kept):
        super().__init__()
        self.server, self.kept, self.is_over, self.error, self.rounds = server, kept, threading.Event(), None, 0

    def run(self):
        try:
            with self.server.connect() as client:
                while not self.is_over.is_set():
                    self.look(client)
                    self.rounds += 1
        except BaseException as error:  # the test's thread tells of it
            self.error = error

    def look(self, client):
        numbers = numbers_of(client, "c.t")
        assert len(numbers) == len(set(numbers)) and [number for number in numbers if number % 2 == 0] == self.kept
        third = len(self.kept) // 3
        found = client.run("TABLE.SELECT", "c.t", "COLUMNS", "n", "WHERE", "name>=user%06d" % self.kept[third])
        assert sorted(int(reply[1]) for reply in found if int(reply[1]) % 2 == 0) == self.kept[third:]
        assert client.run("TABLE.EXISTS", "c.t", "WHERE", "n=%d" % random.choice(self.kept)) == 1


def test_rows_come_and_go_beside_readers(start, shards):
    """Saves, building of indexes and columns, and readers meet slices whose rows move; what was saved is loaded again."""
    server = start("--enable-debug-command", "yes", shards=shards)
    rng = random.Random(7)
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "c")
        load(client, "c.t", range(ROWS))
        kept = list(range(0, ROWS, 2))
        reader = Reader(server, kept)
        reader.start()
        present, following = list(range(1, ROWS, 2)), ROWS + 1
        alters = (("ADD", "INDEX", "age:btree"), ("ADD", "COLUMN", "more:string:default=abc"), ("ADD", "INDEX", "city:hash"),
                  ("DROP", "INDEX", "age"), ("DROP", "COLUMN", "more"))
        for alter in alters:
            for _ in range(3):
                rng.shuffle(present)
                client.pipeline(("TABLE.DELETE", "c.t", "WHERE", "n=%d" % present.pop()) for _ in range(1000))
                new = range(following, following + 2000, 2)
                following += 2000
                client.pipeline(("TABLE.INSERT", "c.t", *row(number)) for number in new)
                present.extend(new)
            client.run("BGSAVE", "SCHEDULE")
            assert client.run("TABLE.SCHEMA.ALTER", "c.t", *alter) == b"OK"
        wait_until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == "0", PATIENCE, "the save's end")
        reader.is_over.set()
        reader.join()
        if reader.error is not None:
            raise reader.error
        assert reader.rounds > 0
        load(client, "c.fresh", sorted(kept + present))
        client.run("TABLE.SCHEMA.ALTER", "c.fresh", "ADD", "INDEX", "city:hash")
        wait_for_ratio(client, "c.t", "c.fresh")
        assert sorted(numbers_of(client, "c.t")) == sorted(kept + present)
        assert client.run("MEMORY", "AUDIT") == b"OK"
        digest = client.run("DEBUG", "DIGEST")
        client.run("SAVE")
    restart(server)
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest
        assert sorted(numbers_of(client, "c.t")) == sorted(kept + present)
