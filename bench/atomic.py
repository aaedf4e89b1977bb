"""What bench/compare measures of transactions, scripts, blocking commands and messages: loads that redis-benchmark has not.

Each load is a function of an open server that prepares it and gives (name, times, act): what is counted, how often it happens in one
`act()`. The client is one Python process, whose own time does not count.
"""

import select
import threading
from contextlib import ExitStack

from harness.resp import encode

CONNECTIONS = 50
SUBSCRIBERS = 100
PAIRS = 50
KEYS = 1000
END = encode("ECHO", "end")
END_REPLY = b"$3\r\nend\r\n"
INCREMENT = "return redis.call('incr', KEYS[1])"
HUNDRED = "for i = 1, 100 do redis.call('set', KEYS[1], i) end return redis.call('get', KEYS[1])"


def pipelines(connections, requests, depth):
    """Sends requests, `depth` of them over each connection, and reads until all are answered."""
    step = depth * len(connections)
    for first in range(0, len(requests), step):
        for number, connection in enumerate(connections):
            at = first + number * depth
            connection.send_raw(b"".join(requests[at:at + depth]) + END)
        for connection in connections:
            received = connection.read_until(END_REPLY)
            if received.startswith(b"-") or b"\r\n-" in received:
                raise RuntimeError(received[:200])


def transaction(number, tag):
    """MULTI, five SETs and five GETs, EXEC; all of one shard with a tag."""
    key = (b"{t}%d" if tag else b"t%d")
    commands = [encode("SET", key % ((number + at) % KEYS), "value") if at % 2 == 0 else encode("GET", key % ((number + at) % KEYS))
                for at in range(10)]
    return encode("MULTI") + b"".join(commands) + encode("EXEC")


def on_connections(stack, server, requests, depth):
    connections = [stack.enter_context(server.connect()) for _ in range(CONNECTIONS)]
    return lambda: pipelines(connections, requests, depth)


def multi(stack, server, count, depth):
    return count, on_connections(stack, server, [transaction(number, True) for number in range(count)], depth)


def multi_over_shards(stack, server, count, depth):
    return count, on_connections(stack, server, [transaction(number, False) for number in range(count)], depth)


def script(stack, server, text, count, depth):
    with server.connect() as connection:
        sha = connection.run("SCRIPT", "LOAD", text)
    requests = [encode("EVALSHA", sha, "1", b"s%d" % (number % KEYS)) for number in range(count)]
    return count, on_connections(stack, server, requests, depth)


def many_keys(stack, server, count, depth):
    """MSET and MGET in turn, of ten keys."""
    names = [[b"m%d" % ((number * 10 + at) % KEYS) for at in range(10)] for number in range(count)]
    requests = [encode("MGET", *keys) if number % 2 else encode("MSET", *[word for key in keys for word in (key, b"value")])
                for number, keys in enumerate(names)]
    return count, on_connections(stack, server, requests, depth)


def publish(stack, server, count, depth):
    """Messages to SUBSCRIBERS connections; ends when each has had the last one."""
    subscribers = [stack.enter_context(server.connect()) for _ in range(SUBSCRIBERS)]
    for subscriber in subscribers:
        subscriber.run("SUBSCRIBE", "channel")
    message = encode("PUBLISH", "channel", "x" * 32)
    expected = count * len(b"*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$32\r\n" + b"x" * 32 + b"\r\n")
    publisher = stack.enter_context(server.connect())

    def read_all():
        left = {subscriber.socket: expected for subscriber in subscribers}
        poll = select.epoll()
        by_fd = {sock.fileno(): sock for sock in left}
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        while left:
            for fd, _ in poll.poll(30):
                sock = by_fd[fd]
                left[sock] -= len(sock.recv(1 << 18))
                if left[sock] <= 0:
                    del left[sock]
                    poll.unregister(fd)
        poll.close()

    def act():
        reader = threading.Thread(target=read_all)
        reader.start()
        pipelines([publisher], [message] * count, depth)
        reader.join()

    return count, act


def hand_over(stack, server, count, _):
    """BLPOPs that wait, and the LPUSHes that serve them: PAIRS at a time."""
    takers = [stack.enter_context(server.connect()) for _ in range(PAIRS)]
    giver = stack.enter_context(server.connect())
    rounds = count // PAIRS
    gifts = b"".join(encode("LPUSH", b"list:%d" % number, "item") for number in range(PAIRS))

    def act():
        for _ in range(rounds):
            for number, taker in enumerate(takers):
                taker.send("BLPOP", b"list:%d" % number, "0")
            while int(giver.info("clients")["blocked_clients"]) < PAIRS:
                pass
            giver.send_raw(gifts + END)
            giver.read_until(END_REPLY)
            for taker in takers:
                taker.read()

    return rounds * PAIRS, act


# Name, shards, load, how often, at once, goal as a share of redis-server's CPU.
LOADS = [
    ("MULTI, 10 commands, EXEC", 1, multi, 5000, 1, 0.6),
    ("the same", 1, multi, 20000, 16, 0.6),
    ("EVALSHA of one key", 1, lambda *how: script(*how[:2], INCREMENT, *how[2:]), 10000, 1, 0.6),
    ("the same", 1, lambda *how: script(*how[:2], INCREMENT, *how[2:]), 50000, 16, 0.6),
    ("EVALSHA of 100 calls", 1, lambda *how: script(*how[:2], HUNDRED, *how[2:]), 3000, 16, 0.5),
    ("PUBLISH to %d" % SUBSCRIBERS, 1, publish, 1000, 1, 0.6),
    ("the same", 1, publish, 5000, 16, 0.6),
    ("BLPOP served by LPUSH", 1, hand_over, 10000, 1, 0.9),
    ("MSET, MGET of 10 keys", 2, many_keys, 10000, 1, 1.0),
    ("the same", 2, many_keys, 50000, 16, 1.0),
    ("MULTI over both shards", 2, multi_over_shards, 5000, 1, 0.9),
    ("the same", 2, multi_over_shards, 20000, 16, 0.9),
]


def cpu_each(server, load, count, depth):
    """Server CPU microseconds of each: after a short run that warms up."""
    for share in (0.1, 1):
        with ExitStack() as stack:
            times, act = load(stack, server, max(int(count * share), PAIRS), depth)
            before = server.cpu_seconds()
            act()
            taken = server.cpu_seconds() - before
    return taken * 1e6 / times
