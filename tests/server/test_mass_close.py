"""Many connections end at once, in every way there is, and nobody else notices.

A crowd of connections sits in processes of its own; another process sends PING after PING all the while (harness/probe.py).
TESSERA_CROWD sets how many there are: the descriptor limit of the server bounds it.
"""

import os
import resource
import signal
import socket
import struct
import time

import pytest

from harness.crowd import Crowd
from harness.probe import worst_ping_ms
from harness.process import SLOWDOWN
from harness.resp import encode

LIMIT_MS = 20.0
TRIES = 3
COUNT = int(os.environ.get("TESSERA_CROWD", str(int(6000 / min(SLOWDOWN, 4)))))
SPARE_DESCRIPTORS = 200


def wait_until(is_so, what, seconds=30):
    end = time.monotonic() + seconds * SLOWDOWN
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def clients(connection):
    line = connection.run("INFO", "clients").decode()
    return int(line.split("connected_clients:")[1].split()[0])


def kill_by_type(connection, crowd):
    del crowd
    assert connection.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= COUNT


def let_them_time_out(connection, crowd):
    del crowd
    connection.run("CONFIG", "SET", "timeout", "1")
    wait_until(lambda: clients(connection) < COUNT, "nobody timed out")


def vanish(connection, crowd):
    """The processes are killed: the kernel closes all of their sockets."""
    del connection
    crowd.kill()


def reset(connection, crowd):
    del connection
    crowd.reset()


def evict(connection, crowd):
    del crowd
    connection.run("CLIENT", "NO-EVICT", "on")
    connection.run("CONFIG", "SET", "maxmemory-clients", "128kb")


def fill_their_replies(connection, crowd):
    """Each asks for what is over its output limit."""
    crowd.send(encode("GET", "big"))
    wait_until(lambda: clients(connection) < COUNT, "nobody was cut")


WAYS = [kill_by_type, let_them_time_out, vanish, reset, evict, fill_their_replies]


@pytest.mark.threads
@pytest.mark.parametrize("end_them", WAYS, ids=lambda way: way.__name__)
def test_nobody_waits_while_many_connections_end(start, shards, end_them):
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(COUNT, descriptors - SPARE_DESCRIPTORS)
    server = start("--maxclients", descriptors, shards=shards)
    figures = []
    with server.connect() as connection:
        connection.run("SET", "big", b"x" * 17000)
        for _ in range(TRIES):
            connection.run("CONFIG", "SET", "timeout", "0", "maxmemory-clients", "0",
                           "client-output-buffer-limit", "normal 16500 0 0" if end_them is fill_their_replies else "normal 0 0 0")
            with Crowd(server.port, count) as crowd:
                wait_until(lambda: clients(connection) > count, "not all of them came in")

                def act():
                    end_them(connection, crowd)
                    # The prober keeps its connection, as a client that is used.
                    wait_until(lambda: clients(connection) <= 2 + (count // 50 if end_them is evict else 0), "some are left")

                if end_them is kill_by_type:
                    figures.append(worst_ping_ms(server.port, act, reconnects=True))
                else:
                    figures.append(worst_ping_ms(server.port, act))
            if figures[-1] <= LIMIT_MS * SLOWDOWN:
                return
    pytest.fail("worst PING in ms: " + ", ".join("%.1f" % figure for figure in figures))


@pytest.mark.threads
def test_a_crowd_does_not_hold_up_the_end(start, shards):
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    server = start("--maxclients", descriptors, shards=shards)
    with server.connect() as connection, Crowd(server.port, min(COUNT, descriptors - SPARE_DESCRIPTORS)):
        wait_until(lambda: clients(connection) > 2, "nobody came in")
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10 * SLOWDOWN)
        assert server.process.returncode == 0
        assert time.monotonic() - began < 5 * SLOWDOWN
