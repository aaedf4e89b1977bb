"""Jobs in parts, one a shard: the replies are those of one shard, of one state, whoever runs the parts and whatever ends them."""

import random
import re
import threading

import pytest

from harness.process import SLOWDOWN, Server
from harness.refusals import Case, Refuser, Sweep, has_refusals
from harness.resp import encode, wait_until

ROWS = int(60_000 / SLOWDOWN)
KEYS = int(60_000 / SLOWDOWN)
STEP = 1000
TABLE = "parts.rows"
CREATE = [("TABLE.NAMESPACE.CREATE", "parts"),
          ("TABLE.SCHEMA.CREATE", TABLE, "id:integer:hash", "name:string", "size:integer", "kind:integer:hash")]


def rows(first, end):
    return [("TABLE.INSERT", TABLE, "id=%d" % number, "name=name-%d" % (number * 7919 % 5003), "size=%d" % (number * 31 % 1009),
             "kind=%d" % (number % 5)) for number in range(first, end)]


def fill(connection, count=ROWS):
    connection.pipeline(CREATE)
    for start in range(0, count, STEP):
        assert all(reply[0] != "-" for reply in connection.pipeline(rows(start, min(start + STEP, count))))


def fill_keys(connection, count=KEYS):
    for start in range(0, count, STEP):
        connection.call("MSET", *(word for number in range(start, min(start + STEP, count)) for word in ("key:%d" % number, "v")))


ENDING = b"$6\r\nending\r\n"


def raw(connection, *words):
    """The reply's bytes: to parse a large one takes longer than to make it."""
    connection.send_raw(encode(*words) + encode("ECHO", "ending"))
    return connection.read_until(ENDING)[:-len(ENDING)]


def part_steps(connection):
    """Steps of parts that threads have run for jobs of others."""
    return sum(map(int, re.findall(r",part_steps=(\d+)", connection.run("INFO", "shards").decode())))


def select(*words):
    return ("TABLE.SELECT", TABLE) + words


def update(*words):
    return ("TABLE.UPDATE", TABLE) + words


READS = (
    select(), select("WHERE", "name=name-77"), select("WHERE", "size<100", "AND", "kind=3"), select("WHERE", "kind=4"),
    select("WHERE", "size<500", "OR", "name=name-12"), select("WHERE", "name=nobody"), select("WHERE", "name>name-4", "AND", "size>=900"),
)
CHANGES = (
    update("WHERE", "name=name-77", "SET", "size=5000"), update("WHERE", "size<100", "SET", "name=changed", "kind=9"),
    ("TABLE.DELETE", TABLE, "WHERE", "size>990"), ("TABLE.SCHEMA.ALTER", TABLE, "ADD", "INDEX", "size"),
    update("WHERE", "name=name-12", "SET", "id=7"), ("TABLE.SCHEMA.ALTER", TABLE, "ADD", "INDEX", "name"),
    ("TABLE.DELETE", TABLE, "WHERE", "name=nobody"), select("WHERE", "size=5000"), ("TABLE.DELETE", TABLE, "WHERE", "name=changed"),
)


def test_replies_are_those_of_one_shard(start, shards):
    with start().connect() as one, start(shards=shards).connect() as many:
        for connection in (one, many):
            fill(connection)
            fill_keys(connection)
        for words in READS + CHANGES + READS:
            assert raw(many, *words) == raw(one, *words), words
        for pattern in ("*", "key:1*7", "nobody"):
            assert sorted(raw(many, "KEYS", pattern).split(b"\r\n")) == sorted(raw(one, "KEYS", pattern).split(b"\r\n"))
        assert part_steps(one) == 0


@pytest.mark.threads
def test_threads_of_other_shards_run_parts(start):
    server = start(shards=2)
    with server.connect() as connection:
        fill(connection)
        fill_keys(connection)

        def grows(*words):
            def has_grown():
                before = part_steps(connection)
                assert connection.call(*words)[0] != "-"
                return part_steps(connection) > before
            wait_until(has_grown, 60 * SLOWDOWN, "a part that another thread has run for %r" % (words,))

        grows(*select("WHERE", "name=nobody"))
        grows(*update("WHERE", "name=nobody", "SET", "size=1"))
        grows("TABLE.DELETE", TABLE, "WHERE", "name=nobody")
        grows("KEYS", "nobody")


def test_what_is_small_stays_on_its_thread(start):
    with start(shards=2).connect() as connection:
        fill(connection, 2000)
        before = part_steps(connection)
        for number in range(200):
            assert len(connection.run(*select("WHERE", "id=%d" % number))) == 1
        assert part_steps(connection) == before


def values(reply, column):
    """The integers of a column in a reply's bytes."""
    return list(map(int, re.findall(rb"\r\n%s\r\n\$\d+\r\n(-?\d+)" % column, reply)))


@pytest.mark.threads
def test_a_statement_sees_one_state(server):
    """All slices are locked from the beginning to the end: rows that are inserted one behind the other are seen without a gap, and an
    UPDATE of all of them completely or not at all."""
    with server.connect() as connection:
        fill(connection)
        connection.run(*update("WHERE", "size>=0", "SET", "size=0"))  # before anybody reads
    ends = threading.Event()
    problems = []

    def write(first):
        with server.connect() as writer:
            value, number = 0, first
            while not ends.is_set():
                for _ in range(20):
                    assert writer.call(*rows(number, number + 1)[0])[0] != "-"
                    number += 1
                writer.run(*update("WHERE", "size=%d" % value, "AND", "name<z", "SET", "size=%d" % (value + 1)))
                writer.run(*update("WHERE", "size<=%d" % value, "SET", "size=%d" % (value + 1)))
                value += 1

    def read():
        with server.connect() as reader:
            for _ in range(12):
                ids = values(raw(reader, *select("WHERE", "id>=%d" % ROWS, "AND", "name<z")), b"id")
                if ids != list(range(ROWS, ROWS + len(ids))):
                    problems.append("a gap in the rows that were inserted: %r" % ids[:30])
                sizes = set(values(raw(reader, *select("WHERE", "id<%d" % ROWS, "AND", "name<z")), b"size"))
                if len(sizes) != 1:
                    problems.append("an UPDATE half done: %r" % sorted(sizes)[:5])

    writer = threading.Thread(target=write, args=(ROWS,))
    writer.start()
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join()
    ends.set()
    writer.join()
    assert not problems, problems


@pytest.mark.threads
def test_clients_that_vanish_leave_nothing(server):
    rng = random.Random(7)
    commands = READS + (CHANGES[0], ("TABLE.SCHEMA.ALTER", TABLE, "ADD", "INDEX", "size"), ("KEYS", "*"))
    with server.connect() as control:
        fill(control)
        fill_keys(control)

        def blocks(name):
            stats = control.run("MEMORY", "STATS")
            return dict(zip(stats[::2], stats[1::2]))[b"class." + name][3]

        before = {name: blocks(name) for name in (b"query_buffer", b"client")}
        for _ in range(int(150 / min(SLOWDOWN, 4))):
            words = rng.choice(commands)
            clients = [server.connect() for _ in range(rng.randint(1, 4))]
            for client in clients:
                client.send(*words)
            threading.Event().wait(rng.random() * 0.01)
            for client in clients:
                client.close()
            # Nobody's lock stays, and the index that was given up is not half there.
            assert control.call(*update("WHERE", "id=3", "SET", "name=three"))[0] == ":"
            assert control.call("TABLE.SCHEMA.ALTER", TABLE, "DROP", "INDEX", "size")[0] != "-"
        for name, count in before.items():
            wait_until(lambda: blocks(name) <= count, 20 * SLOWDOWN, "the memory of parts to be free: %r" % name)
        wait_until(lambda: control.call("MEMORY", "AUDIT")[1] == b"OK", 20 * SLOWDOWN)


@pytest.mark.slow
@pytest.mark.threads
def test_many_statements_at_once(server):
    """Readers of what does not change see it as it is, beside writers, indexes that come and go, and KEYS."""
    with server.connect() as control:
        fill(control)
        fill_keys(control)
        expected = {words: raw(control, *words) for words in (select("WHERE", "kind=4"), select("WHERE", "name=name-77"),
                                                              select("WHERE", "kind=3", "AND", "name<name-3"))}
        all_keys = sorted(control.run("KEYS", "key:*"))
    problems = []

    def run(seed):
        rng = random.Random(seed)
        with server.connect() as connection:
            for _ in range(int(16 / min(SLOWDOWN, 4))):
                kind = rng.randint(0, 4)
                words = rng.choice(list(expected))
                if kind == 0:
                    connection.call(*update("WHERE", "size<%d" % rng.randint(0, 200), "AND", "kind=1", "SET", "size=%d" % seed))
                elif kind == 1:
                    connection.call("TABLE.SCHEMA.ALTER", TABLE, rng.choice(("ADD", "DROP")), "INDEX", rng.choice(("name", "size")))
                elif kind == 2 and sorted(connection.run("KEYS", "key:*")) != all_keys:
                    problems.append("KEYS")
                elif kind > 2 and raw(connection, *words) != expected[words]:
                    problems.append(words)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems


@pytest.mark.threads
def test_the_server_stops_in_the_middle_of_parts(shards):
    """No thread waits for another one's part, and no memory is lost."""
    for _ in range(3):
        server = Server(shards=shards)
        with server.connect() as control:
            fill(control, ROWS // 3)
            fill_keys(control, KEYS // 3)
        clients = [server.connect() for _ in range(8)]
        for number, client in enumerate(clients):
            client.send_raw(b"".join(encode(*words) for words in (select("WHERE", "name<name-2"), ("KEYS", "*")) * (3 + number)))
        assert server.stop() == []
        for client in clients:
            client.close()


BUILT = CREATE + rows(0, 4000)
MANY = CREATE + rows(0, 6000)
# So many comparisons of texts that no machine has done with a slice before its part is offered.
SLOW = [word for number in range(80) for word in ("OR", "name=nobody-%d" % number)]
NAMES = [("MSET", *(word for number in range(start, start + STEP) for word in ("key:%d" % number, "v")))
         for start in range(0, 6 * STEP, STEP)]
SWEEPS_MAX = 20
REFUSED = [
    Case(MANY, *select("WHERE", "name<name-2", "AND", "name>name-1", "OR", "name=name-5", *SLOW), tables=[TABLE]),
    # What changes nothing needs not be prepared again.
    Case(MANY, *update("WHERE", "name>name-1", "AND", "size=77", *SLOW, "SET", "size=77"), tables=[TABLE]),
    Case(MANY, "TABLE.DELETE", TABLE, "WHERE", "name>name-1", "AND", "name<name-1", *SLOW, tables=[TABLE]),
    Case(BUILT, "TABLE.SCHEMA.ALTER", TABLE, "ADD", "INDEX", "name", tables=[TABLE]),
    Case(NAMES, "KEYS", "key:*"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.words[0] if case.words[0] != "TABLE.SCHEMA.ALTER" else "ADD INDEX")
def test_each_request_for_memory_is_refused(start, shards, case):
    server = start("--enable-debug-command", "yes", shards=shards)
    if not has_refusals(server):
        pytest.skip("this build has no DEBUG REFUSE-MEMORY")
    refuser = Refuser(server)
    for _ in range(SWEEPS_MAX):  # on a busy machine a short command may be over before another thread comes to its part
        assert Sweep(refuser, case).run() > 0, "nothing was refused"
        if shards == 1 or part_steps(refuser.control) > 0:
            break
    else:
        raise AssertionError("no part was run by another thread")
    refuser.check_end()


