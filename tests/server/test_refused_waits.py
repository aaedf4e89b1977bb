"""Each single request for memory is refused once while commands wait for each other, and while connections come and send much."""

import random
import re
import socket

import pytest

from harness.process import SLOWDOWN
from harness.refusals import CLOSED, ENDS, Refuser, has_refusals, request_numbers
from harness.resp import encode, wait_until

SEED = 3
ROUNDS_WITHOUT = 6  # in some more is asked for than in others
FIELDS = [word for number in range(3000) for word in ("field:%d" % number, "value:%d" % number)]
HASH = [("HSET", "{a}h", *FIELDS)]
ROWS = int(16_000 / SLOWDOWN)


def table(rows):
    return [("TABLE.NAMESPACE.CREATE", "s"), ("TABLE.SCHEMA.CREATE", "s.t", "id:integer:hash", "name:string", "size:integer")] + \
        [("TABLE.INSERT", "s.t", "id=%d" % number, "size=%d" % (number % 10)) for number in range(rows)]


@pytest.fixture(name="refuser")
def refuser_fixture(start, shards):
    server = start("--enable-debug-command", "yes", shards=shards)
    if not has_refusals(server):
        pytest.skip("this build has no DEBUG REFUSE-MEMORY")
    return Refuser(server)


class Client:
    """Sends pipelines, and connects again when it was closed."""

    def __init__(self, refuser):
        self.refuser = refuser
        self.connection = refuser.server.connect(timeout=refuser.timeout)

    def send(self, commands):
        try:
            self.connection.send_raw(b"".join(encode(*words) for words in commands))
        except ENDS:
            pass

    def read(self, count):
        """So many replies, the last ones CLOSED when the connection has ended."""
        replies = []
        try:
            while len(replies) < count:
                replies.append(self.connection.read())
        except ENDS:
            self.connection.close()
            self.connection = self.refuser.server.connect(timeout=self.refuser.timeout)
        except socket.timeout:
            raise AssertionError("no reply number %d of %d" % (len(replies) + 1, count)) from None
        return replies + [CLOSED] * (count - len(replies))


def race(refuser, before, pipelines, check, keys=(), tables=()):
    """Sends the pipelines over connections of their own, one behind the other, for each request that is refused; check(replies)
    looks at each round. Gives how often something was refused."""
    clients = [Client(refuser) for _ in pipelines]
    refuser.prepare(before)
    refusals = refuser.refusals
    rounds_without = 0
    for number in request_numbers(random.Random(SEED)):
        try:
            if not refuser.refuse_after(number):
                continue
            for client, pipeline in zip(clients, pipelines):
                client.send(pipeline)
            replies = [client.read(len(pipeline)) for client, pipeline in zip(clients, pipelines)]
            was_refused = refuser.was_refused()
            check(replies)
            refuser.probe(keys, tables)
        except AssertionError as error:
            raise AssertionError("request %d: %s" % (number, error)) from error
        rounds_without = 0 if was_refused else rounds_without + 1
        if rounds_without == ROUNDS_WITHOUT:
            break
    for client in clients:
        client.connection.close()
    refuser.check_end()
    return refuser.refusals - refusals


def longest_wait_us(refuser):
    return max(map(int, re.findall(r",longest_wait_usec=(\d+)", refuser.run("INFO", "shards").decode())))


class Counted:
    """A figure that is raised by each command that was answered well; one whose connection was closed may have raised it."""

    def __init__(self, figure):
        self.figure = figure
        self.value = figure()

    def check(self, replies):
        now = self.figure()
        done = sum(reply is not CLOSED and reply[0] != "-" for reply in replies)
        unknown = sum(reply is CLOSED for reply in replies)
        assert self.value + done <= now <= self.value + done + unknown, \
            "%d, then %d with %d done and %d unknown" % (self.value, now, done, unknown)
        self.value = now


def test_writers_behind_a_key_that_is_read_in_steps(refuser):
    raise_it = ("HINCRBY", "{a}h", "count", "1")
    pipelines = [[("HGETALL", "{a}h")], [raise_it, ("SET", "{b}k", "v"), ("GET", "{b}k"), raise_it], [raise_it, ("PING",)], [raise_it]]
    refuser.prepare(HASH)
    counted = Counted(lambda: int(refuser.run("HGET", "{a}h", "count") or 0))

    def check(replies):
        assert replies[0][0] is CLOSED or replies[0][0][0] == "-" or len(replies[0][0][1]) in (6000, 6002)
        counted.check([replies[1][0], replies[1][3], replies[2][0], replies[3][0]])

    assert race(refuser, HASH, pipelines, check, keys=["{a}h", "{b}k"]) > 10
    assert longest_wait_us(refuser) > 0


def test_jobs_behind_each_other(refuser):
    pipelines = [[("HGETALL", "{a}h")], [("COPY", "{a}h", "{b}d", "REPLACE"), ("HLEN", "{b}d")], [("HGETALL", "{b}d")],
                 [("COPY", "{b}d", "{a}h", "REPLACE")], [("RENAME", "{b}d", "{a}e")]]

    def check(replies):
        lengths = {refuser.run("HLEN", key) for key in ("{a}h", "{b}d", "{a}e")}
        assert lengths <= {0, 3000}, "a part of a copy"
        assert refuser.run("HLEN", "{a}h") == 3000
        assert all(reply is CLOSED or reply[0] == "-" or reply[1] != [] for reply in replies[0])

    assert race(refuser, HASH, pipelines, check, keys=["{a}h", "{b}d", "{a}e"]) > 10


def test_rows_behind_a_locked_table(refuser):
    insert = ("TABLE.INSERT", "s.t", "id=77", "size=100")
    update = ("TABLE.UPDATE", "s.t", "WHERE", "size<10", "SET", "name=x")
    pipelines = [[update], [insert, ("PING",), insert], [insert], [("TABLE.SELECT", "s.t", "WHERE", "size<2"), insert]]
    refuser.prepare(table(ROWS))
    counted = Counted(lambda: len(refuser.run("TABLE.SELECT", "s.t", "WHERE", "size=100")))

    def check(replies):
        assert replies[0][0] is CLOSED or replies[0][0][0] == "-" or replies[0][0] == (":", ROWS)
        counted.check([replies[1][0], replies[1][2], replies[2][0], replies[3][1]])

    assert race(refuser, table(ROWS), pipelines, check, tables=["s.t"]) > 10
    assert longest_wait_us(refuser) > 0


def test_what_needs_the_whole_table_or_database(refuser):
    alter = "TABLE.SCHEMA.ALTER"
    before = table(1200) + HASH
    pipelines = [[("TABLE.UPDATE", "s.t", "WHERE", "size<10", "SET", "name=x")], [(alter, "s.t", "ADD", "COLUMN", "more:integer")],
                 [("HGETALL", "{a}h")], [("SWAPDB", "2", "3"), ("SWAPDB", "2", "3")], [(alter, "s.t", "DROP", "COLUMN", "more")],
                 [("FLUSHDB",)], [(alter, "s.t", "ADD", "INDEX", "size")]]

    def check(replies):
        flushed = replies[5][0]
        if flushed is not CLOSED and flushed[0] != "-":
            assert refuser.run("TABLE.NAMESPACE.VIEW") == []
        if refuser.run("TABLE.NAMESPACE.VIEW") == [] or refuser.run("DBSIZE") == 0:
            assert refuser.run("DBSIZE") == 0 and refuser.run("TABLE.NAMESPACE.VIEW") == [], "half of the database went"
            refuser.prepare(before)
        refuser.control.call(alter, "s.t", "DROP", "COLUMN", "more")
        refuser.run(alter, "s.t", "DROP", "INDEX", "size")

    assert race(refuser, before, pipelines, check, keys=["{a}h"], tables=["s.t"]) > 10


def test_who_waits_for_a_held_key(refuser):
    """All of them are sure to wait; and more keys are pinned than a shard has room for at first."""
    holds = [[("DEBUG", "HOLD", "{a}%d" % number, "20")] for number in range(12)]
    pipelines = holds + [[("INCR", "{a}3"), ("INCR", "{a}4"), ("INCR", "{b}0")], [("MSET", "{a}1", "1", "{b}1", "1"), ("GET", "{b}1")],
                         [("INCR", "{a}3")], [("FLUSHDB",)], [("SWAPDB", "4", "5")], [("HGETALL", "{a}7"), ("DEL", "{a}7")],
                         [("TABLE.NAMESPACE.CREATE", "s")]]

    def check(replies):
        assert all(reply is CLOSED or reply[0] == "-" or reply[1] in (b"OK", 1) for replies in replies[:12] for reply in replies)

    assert race(refuser, [], pipelines, check, keys=["{a}%d" % number for number in range(12)]) > 20
    assert longest_wait_us(refuser) > 10_000


# --- connections ---

LONG = "x" * 1_500_000
MANY_WORDS = [word for number in range(3000) for word in ("{a}m:%d" % number, "v")]
SENT = {
    "ping": (encode("PING"), [("+", b"PONG")]),
    "inline": (b'ECHO "one two"\r\nPING\r\n', [("$", b"one two"), ("+", b"PONG")]),
    "a long value": (encode("ECHO", LONG), [("$", LONG.encode())]),
    "many words": (encode("MSET", *MANY_WORDS) + encode("DEL", *MANY_WORDS[::2]), [("+", b"OK"), (":", 3000)]),
    "a pipeline": (b"".join(encode("ECHO", "%d" % number + "y" * 3000) for number in range(400)),
                   [("$", b"%d" % number + b"y" * 3000) for number in range(400)]),
    "over all shards": (b"".join(encode("SETRANGE", "k%d" % (number % 50), "10", "z") for number in range(700)), [(":", 11)] * 700),
    "alone and not": (b"".join(encode("MSET", "a", "1", "b", "2", "c", "3") + encode("GET", "b") for _ in range(50)),
                      [("+", b"OK"), ("$", b"2")] * 50),
}


@pytest.mark.parametrize("what", SENT)
def test_new_connections(refuser, what):
    """Accepting, reading, parsing, replying, ending: a connection that lacks memory ends, or says so."""
    text, expected = SENT[what]
    refusals = refuser.refusals
    for number in request_numbers(random.Random(SEED)):
        if not refuser.refuse_after(number):
            continue
        client = Client(refuser)
        try:
            client.connection.send_raw(text)
        except ENDS:
            pass
        replies = client.read(len(expected))
        was_refused = refuser.was_refused()
        for reply, right in zip(replies, expected):
            if reply is CLOSED or reply[0] == "-":
                break  # what comes behind may depend on it
            assert reply == right, (number, reply)
        client.connection.close()
        assert refuser.run("PING") == b"PONG"
        if not was_refused:
            break
    assert refuser.refusals - refusals > 3
    refuser.check_end()


def test_unauthenticated_clients(start, shards):
    server = start("--enable-debug-command", "yes", "--requirepass", "secret", shards=shards)
    if not has_refusals(server):
        pytest.skip("this build has no DEBUG REFUSE-MEMORY")
    refuser = Refuser(server)
    expected = [("-", b"NOAUTH Authentication required."), ("+", b"OK"), ("$", b"v" * 2000), ("-", b"ERR unknown command 'NOSUCH', with args beginning with: ")]
    for number in request_numbers(random.Random(SEED)):
        if not refuser.refuse_after(number):
            continue
        with server.connect(authenticate=False, timeout=10 * SLOWDOWN) as unauthenticated:
            replies = []
            try:
                unauthenticated.send_raw(encode("GET", "k") + encode("AUTH", "secret") + encode("ECHO", "v" * 2000) + encode("NOSUCH"))
                replies = [unauthenticated.read() for _ in expected]
            except ENDS:
                pass
        was_refused = refuser.was_refused()
        assert replies == [] or all(reply == right or reply[0] == "-" for reply, right in zip(replies, expected)), replies
        if not was_refused:
            break
    assert refuser.refusals > 3
    refuser.check_end()
