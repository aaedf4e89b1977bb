"""Big writes go in steps, and others see all of a change or nothing of it: whoever reads meanwhile, long or short.

One connection fills a collection and takes much of it away, again and again; others read all of it in steps or ask short
questions. A reply must fit the time before or the time after.
"""

import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import wait_until

pytestmark = pytest.mark.threads

STEP = 500
ITEMS = int(24 / SLOWDOWN ** 0.5) * STEP
ROUNDS = 6
KEPT = 7  # so many stay


def member(i):
    return b"member:%08d" % i


def fill_zset(client):
    for start in range(0, ITEMS, STEP):
        client.run("ZADD", "key", *[word for i in range(start, start + STEP) for word in (b"%d" % (i // 3), member(i))])


def fill_list(client):
    for start in range(0, ITEMS, STEP):
        client.run("RPUSH", "key", *[member(i) if i < KEPT else b"x" for i in range(start, start + STEP)])


def fill_stream(client):
    client.pipeline([("XADD", "key", "%d-1" % (i + 1), "field", "value") for i in range(ITEMS)])


# How it is filled, what takes much away, how all of it is read, how its size is asked for.
CASES = {
    "ZREMRANGEBYRANK": (fill_zset, ("ZREMRANGEBYRANK", "key", str(KEPT), "-1"), ("ZRANGE", "key", "0", "-1"), "ZCARD"),
    "ZREMRANGEBYSCORE": (fill_zset, ("ZREMRANGEBYSCORE", "key", "3", "+inf"), ("ZRANGE", "key", "0", "-1"), "ZCARD"),
    "ZPOPMAX": (fill_zset, ("ZPOPMAX", "key", str(ITEMS - KEPT)), ("ZRANGE", "key", "0", "-1"), "ZCARD"),
    "ZMPOP": (fill_zset, ("ZMPOP", "1", "key", "MIN", "COUNT", str(ITEMS - 3)), ("ZRANGE", "key", "0", "-1"), "ZCARD"),
    "ZPOPMIN": (fill_zset, ("ZPOPMIN", "key", "100000000"), ("ZRANGE", "key", "0", "-1"), "ZCARD"),
    "LREM": (fill_list, ("LREM", "key", "0", "x"), ("LRANGE", "key", "0", "-1"), "LLEN"),
    "RPOP": (fill_list, ("RPOP", "key", str(ITEMS - KEPT)), ("LRANGE", "key", "0", "-1"), "LLEN"),
    "LTRIM": (fill_list, ("LTRIM", "key", "0", str(KEPT - 1)), ("LRANGE", "key", "0", "-1"), "LLEN"),
    "XTRIM": (fill_stream, ("XTRIM", "key", "MAXLEN", str(KEPT)), ("XRANGE", "key", "-", "+"), "XLEN"),
}


def removed_by(reply):
    """How many items a removal's reply tells of."""
    if isinstance(reply, int):
        return reply
    if reply == b"OK":
        return ITEMS - KEPT
    if reply and reply[0] == b"key":
        return len(reply[1])
    return len(reply) if reply[0][:1] in (b"m", b"x") and reply[1][:1] in (b"m", b"x") else len(reply) // 2


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES)
def test_readers_see_all_or_nothing(server, case):
    fill, removal, read, count = CASES[case]
    is_over = threading.Event()
    may_read = threading.Event()
    seen, failures, reads = set(), [], [0, 0]  # seen: rounds and sizes
    current = [0]

    def reader(number, command):
        try:
            with server.connect() as client:
                while not is_over.is_set():
                    may_read.wait()
                    began = current[0]
                    reply = client.run(*command)
                    seen.add((began, reply if isinstance(reply, int) else len(reply)))
                    reads[number] += 1
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=reader, args=(0, read)), threading.Thread(target=reader, args=(1, (count, "key")))]
    with server.connect() as client, server.connect() as other:
        for thread in threads:
            thread.start()
        try:
            for number in range(1, ROUNDS + 1):
                client.run("DEL", "key")
                fill(client)
                current[0] = number
                may_read.set()
                for _ in range(2):
                    other.send(*read)
                left = ITEMS - removed_by(client.run(*removal))
                for _ in range(2):
                    seen.add((number, len(other.read()[1])))
                assert client.run(count, "key") == left
                assert len(client.run(*read)) == left
                may_read.clear()
                current[0] = 0
                sizes = {size for began, size in list(seen) if began == number}
                assert sizes <= {left, ITEMS}, (case, sizes)
        finally:
            is_over.set()
            may_read.set()
            for thread in threads:
                thread.join()
    assert not failures, failures[0]
    assert min(reads) > 0


@pytest.mark.parametrize("case", ("ZREMRANGEBYRANK", "ZPOPMAX", "LREM", "RPOP"))
def test_a_writer_that_dies_did_all_or_nothing(server, case):
    fill, removal, read, count = CASES[case]
    with server.connect() as client:
        for _ in range(ROUNDS):
            client.run("DEL", "key")
            fill(client)
            dying = server.connect()
            dying.run("PING")  # the server knows it: when it is gone from the list its command is over
            dying.send(*removal)
            dying.close()
            wait_until(lambda: client.run("CLIENT", "LIST").count(b"\n") == 1)
            size = client.run(count, "key")
            assert size in (KEPT, ITEMS)
            # It can be written again, and what was taken away can come back.
            fill(client)
            assert client.run(count, "key") in ((ITEMS,) if count == "ZCARD" else (ITEMS + KEPT, 2 * ITEMS))
            assert len(client.run(*read)) == client.run(count, "key")
            if count == "ZCARD":
                assert all(score is not None for score in client.run("ZMSCORE", "key", *[member(i) for i in range(ITEMS)]))
            assert client.run("MEMORY", "AUDIT") == b"OK"


def test_a_set_that_expires_while_it_is_cut(server):
    with server.connect() as client:
        for wait in range(ROUNDS):
            fill_zset(client)
            client.run("PEXPIRE", "key", str(1 + wait))
            assert client.run("ZREMRANGEBYRANK", "key", "0", "-8") in (0, ITEMS - KEPT)
            client.run("DEL", "key")


def test_what_is_being_read_is_not_replaced_or_moved(server):
    """RENAME and COPY over what somebody reads, from one shard to another or not."""
    with server.connect() as client, server.connect() as reader:
        for i in range(2 * ROUNDS):
            client.run("DEL", "key")
            fill_zset(client)
            target = "target:%d" % (i // 2)
            client.run("COPY", "key", target)
            for name in ("key", target) * 2:
                reader.send("ZRANGE", name, "0", "-1")
            client.run("RENAME" if i % 2 == 0 else "COPY", "key", target, *(() if i % 2 == 0 else ("REPLACE",)))
            for _ in range(4):
                assert len(reader.read()[1]) in (0, ITEMS)


def test_databases_are_not_swapped_under_a_write(server):
    """A write that has begun in a database ends in it: here all that a consumer has is given up, or nothing."""
    with server.connect() as client, server.connect() as other:
        fill_stream(client)
        ended = 0
        while ended < ROUNDS:
            client.run("XGROUP", "CREATE", "key", "group", "0")
            client.run("XREADGROUP", "GROUP", "group", "consumer", "STREAMS", "key", ">")
            client.send("XGROUP", "DELCONSUMER", "key", "group", "consumer")
            for _ in range(10):
                other.run("SWAPDB", "0", "1")
                other.run("SWAPDB", "0", "1")
            if client.read() == (":", ITEMS):  # else the databases were swapped when it began
                assert client.run("XPENDING", "key", "group")[0] == 0
                ended += 1
            client.run("XGROUP", "DESTROY", "key", "group")
