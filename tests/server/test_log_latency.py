"""What LATENCY and MEMORY DOCTOR say of the log."""

import os
import resource

from harness import saved
from harness.process import SLOWDOWN
from harness.resp import Closed, wait_until

SECONDS = 20 * SLOWDOWN
LOG = ("--appendonly", "yes", "--save", "", "--enable-debug-command", "yes")


def figures(client):
    return saved.persistence(client)


def test_slow_writes_of_the_log_are_latency_events(start):
    server = start(*LOG, "--appendfsync", "always", "--latency-monitor-threshold", "1", shards=2)
    with server.connect() as client:
        step = 0
        names = set()
        while not {b"aof-write", b"aof-fsync-always"} <= names and step < 100:
            step += 1
            client.run("SET", "k", os.urandom(4 << 20))
            names = {row[0] for row in client.run("LATENCY", "LATEST")}
        assert {b"aof-write", b"aof-fsync-always"} <= names
        assert names & {b"aof-write-alone", b"aof-write-pending-fsync", b"aof-write-active-child"}
        assert b"appendfsync everysec" in client.run("LATENCY", "DOCTOR")
        client.run("CONFIG", "SET", "latency-monitor-threshold", "0")
        client.run("LATENCY", "RESET")
        client.run("SET", "k", os.urandom(4 << 20))
        assert client.run("LATENCY", "LATEST") == []


def test_memory_doctor_knows_a_log_that_cannot_be_written(start):
    server = start(*LOG, shards=2)
    with server.connect() as client, server.connect() as other:
        client.run("SET", "k", "v")
        assert b"log of changes" not in client.run("MEMORY", "DOCTOR")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (3 << 20, resource.RLIM_INFINITY))
        for step in range(60):
            try:
                if client.call("SET", "big:%d" % step, os.urandom(200000))[0] == "-":
                    break
            except (Closed, ConnectionResetError):
                break
        wait_until(lambda: figures(other)["aof_last_write_status"] == "err", SECONDS, "the error")
        wait_until(lambda: b"The log of changes cannot be written since" in other.run("MEMORY", "DOCTOR"), SECONDS, "the finding")
        assert b"File too large. Writes are refused" in other.run("MEMORY", "DOCTOR")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_until(lambda: other.call("SET", "k", "w") == ("+", b"OK"), SECONDS, "writes to go on")
        wait_until(lambda: b"cannot be written" not in other.run("MEMORY", "DOCTOR"), SECONDS, "the finding to go")
