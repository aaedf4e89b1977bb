"""Sockets in processes of their own: they can be killed with all that they hold, and a process has only so many descriptors."""

import multiprocessing
import os
import signal
import types

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
