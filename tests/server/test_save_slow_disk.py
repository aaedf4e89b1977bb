"""A disk that takes nothing for a while: what is kept for it is bounded, writers wait, readers do not."""

import ctypes
import os
import random
import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import wait_until

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
KEYS = 6000
BYTES = 20000
WAITING_MAX = 64 << 20


def threads(server):
    return set(os.listdir("/proc/%d/task" % server.process.pid))


class Stopped:
    """One thread of the server stands still."""

    def __init__(self, thread):
        self.thread = int(thread)

    def __enter__(self):
        if LIBC.ptrace(PTRACE_SEIZE, self.thread, None, None) != 0:
            pytest.skip("no thread may be traced here")
        LIBC.ptrace(PTRACE_INTERRUPT, self.thread, None, None)
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        LIBC.ptrace(PTRACE_DETACH, self.thread, None, None)


def write_all(server, value):
    with server.connect(timeout=120 * SLOWDOWN) as writer:
        for number in range(KEYS):
            writer.run("SET", "key:%d" % number, value)


def waiting_bytes(client):
    return int(client.info("persistence")["rdb_current_waiting_bytes"])


@pytest.mark.heavy
def test_what_waits_for_the_disk_is_bounded(start, shards):
    server = start("--rdb-key-save-delay", 10_000_000, shards=shards)
    with server.connect() as client:
        write_all(server, random.Random(1).randbytes(BYTES))
        before = threads(server)
        client.run("BGSAVE")
        (saver,) = threads(server) - before
        with Stopped(saver):
            writer = threading.Thread(target=write_all, args=(server, b"new"))
            writer.start()
            wait_until(lambda: waiting_bytes(client) > WAITING_MAX, 60 * SLOWDOWN, "so much waits")
            for number in range(200):
                assert client.run("PING") == b"PONG"
                assert client.run("STRLEN", "key:%d" % number) in (BYTES, 3)
            assert waiting_bytes(client) < WAITING_MAX + shards * (1 << 20)
            assert writer.is_alive()
        writer.join(60 * SLOWDOWN)
        assert not writer.is_alive()
        client.run("CONFIG", "SET", "rdb-key-save-delay", 0)
        wait_until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == "0", 60 * SLOWDOWN, "the end")
        assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"
        assert os.path.getsize(os.path.join(server.folder, "dump.rdb")) > KEYS * BYTES
