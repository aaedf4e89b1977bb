"""Sockets in processes of their own: they can be killed with all that they hold, and a process has only so many descriptors."""

import multiprocessing
import os
import signal
import types

from .resp import encode
from .sockets import Sockets, possible_count

PER_PROCESS = 8000


def _hold(port, count, pipe):
    """In a process of its own: opens them, then does what it is told."""
    possible_count(count)
    with Sockets(types.SimpleNamespace(host="127.0.0.1", port=port), count) as sockets:
        pipe.send("open")
        while True:
            name, words = pipe.recv()
            getattr(sockets, name)(*words)
            pipe.send("done")


class Crowd:
    """`count` connections to 127.0.0.1:port, idle at first."""

    def __init__(self, port, count):
        self.processes = []
        self.pipes = []
        for first in range(0, count, PER_PROCESS):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=_hold, args=(port, min(PER_PROCESS, count - first), theirs), daemon=True)
            process.start()
            theirs.close()
            self.processes.append(process)
            self.pipes.append(ours)
        for pipe in self.pipes:
            assert pipe.recv() == "open"

    def order(self, name, *words):
        """Calls a method of Sockets in each process."""
        for pipe in self.pipes:
            pipe.send((name, words))
        for pipe in self.pipes:
            assert pipe.recv() == "done"

    def kill(self):
        """kill -9: the kernel closes the sockets."""
        for process in self.processes:
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
        for process in self.processes:
            process.join()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.kill()
        for pipe in self.pipes:
            pipe.close()


# --- the ways in which a crowd ends: each gets a connection that gives orders, and the crowd ---

REPLY_BYTES, REPLY_LIMIT = 17000, 16500


def kill_by_type(connection, crowd):
    del crowd
    connection.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def let_them_time_out(connection, crowd):
    del crowd
    connection.run("CONFIG", "SET", "timeout", "1")


def vanish(connection, crowd):
    del connection
    crowd.kill()


def reset(connection, crowd):
    del connection
    crowd.order("reset")


def evict(connection, crowd):
    del crowd
    connection.run("CLIENT", "NO-EVICT", "on")
    connection.run("CONFIG", "SET", "maxmemory-clients", "128kb")


def ask_for_more_than_the_output_limit(connection, crowd):
    del connection
    crowd.order("send", encode("GET", "value"))


WAYS = {"CLIENT KILL TYPE normal": kill_by_type, "timeout": let_them_time_out, "the clients are killed": vanish,
        "reset by the clients": reset, "maxmemory-clients": evict, "client-output-buffer-limit": ask_for_more_than_the_output_limit}


def prepare(connection, way):
    """What the way needs: a value longer than the output limit; no limit is left of the last way."""
    limit = REPLY_LIMIT if way is ask_for_more_than_the_output_limit else 0
    connection.run("SET", "value", b"x" * REPLY_BYTES)
    connection.run("CONFIG", "SET", "timeout", "0", "maxmemory-clients", "0", "client-output-buffer-limit", "normal %d 0 0" % limit)
