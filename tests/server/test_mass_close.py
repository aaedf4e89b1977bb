"""Many connections end at once, in every way there is, and nobody else notices.

A crowd of connections sits in processes of its own; another process sends PING after PING all the while (harness/probe.py).
TESSERA_CROWD says how many there are, as far as the limit of open files allows.
"""

import os
import time

import pytest

from harness.crowd import WAYS, Crowd, evict, kill_by_type, prepare
from harness.probe import worst_ping_ms
from harness.process import SLOWDOWN, Server
from harness.resp import wait_until
from harness.sockets import client_count, possible_count

LIMIT_MS = 20.0
TRIES = 5
COUNT = int(os.environ.get("TESSERA_CROWD", str(int(6000 / min(SLOWDOWN, 4)))))
PATIENCE = 30 * SLOWDOWN
# Beside the crowd: who gives the orders, and the prober.
OTHERS = 2


@pytest.fixture
def crowded(start, shards):
    """A server with room for the crowd, and how many that is."""
    count = possible_count(COUNT)
    return start("--maxclients", count + 100, shards=shards), count


@pytest.mark.threads
@pytest.mark.parametrize("end_them", WAYS.values(), ids=lambda way: way.__name__)
def test_nobody_waits_while_many_connections_end(crowded, end_them):
    server, count = crowded
    # What 128 KiB of maxmemory-clients leave.
    left = OTHERS + (170 if end_them is evict else 0)
    figures = []
    with server.connect() as connection:
        for _ in range(TRIES):
            prepare(connection, end_them)
            with Crowd(server.port, count) as crowd:
                wait_until(lambda: client_count(connection) > count, PATIENCE, "all of them to come in")

                def act():
                    end_them(connection, crowd)
                    wait_until(lambda: client_count(connection) <= left, PATIENCE, "all of them to end")

                figures.append(worst_ping_ms(server.port, act, reconnects=end_them is kill_by_type, pid=server.process.pid))
            if figures[-1] <= LIMIT_MS * SLOWDOWN:
                return
    pytest.fail("worst PING in ms: " + ", ".join("%.1f" % figure for figure in figures))


@pytest.mark.threads
def test_a_crowd_does_not_hold_up_the_end(shards):
    count = possible_count(COUNT)
    server = Server("tessera", shards, ("--maxclients", count + 100))
    with server.connect() as connection, Crowd(server.port, count):
        wait_until(lambda: client_count(connection) > count, PATIENCE, "all of them to come in")
        began = time.monotonic()
        assert server.stop() == []
        assert time.monotonic() - began < 5 * SLOWDOWN
