"""Worker processes: each takes tasks from a pipe, and sends a result for each.

A worker is made by `make()` in its own process, so its connections are its own; `worker(task)` gives the result. What a worker
raises as Refused or Lost ends the whole run in the parent.
"""

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal

from .endpoint import Refused
from .wire import Lost

WAITING_MAX = 2  # tasks in a worker's pipe: one runs, one is there when it is done
PR_SET_PDEATHSIG = 1
SIGNALS = (signal.SIGINT, signal.SIGTERM)
FORK = multiprocessing.get_context("fork")


def _end_with(parent):
    """Linux ends this process when its parent is killed, even while it waits for a server."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)


def _run(make, pipe, others, parent):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _end_with(parent)
    for other in others:
        other.close()
    try:
        worker = make()
        while True:
            pipe.send((True, worker(pipe.recv())))
    except (Refused, Lost) as error:
        pipe.send((False, str(error)))
    except (EOFError, OSError):
        pass


class Pool:
    """`count` workers; `take` gets each result, in the parent, in the order in which they come."""

    def __init__(self, count, make, take):
        self.take = take
        self.waiting = {}
        self.processes = []
        # No signal comes to a worker before it has its own ways of taking them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for _ in range(count):
            ours, theirs = FORK.Pipe()
            process = FORK.Process(target=_run, args=(make, theirs, [*self.waiting, ours], os.getpid()), daemon=True)
            process.start()
            theirs.close()
            self.waiting[ours] = 0
            self.processes.append(process)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pipe in self.waiting:
            pipe.close()
        for process in self.processes:
            process.terminate()
            process.join()

    def _collect(self, timeout=None):
        for pipe in multiprocessing.connection.wait(list(self.waiting), timeout):
            try:
                is_good, result = pipe.recv()
            except (EOFError, OSError):
                raise Refused("a worker process ended") from None
            if not is_good:
                raise Refused(result)
            self.waiting[pipe] -= 1
            self.take(result)

    def submit(self, task):
        """Gives a task to whoever has least to do, and waits while all have enough."""
        self._collect(0)
        while min(self.waiting.values()) >= WAITING_MAX:
            self._collect()
        pipe = min(self.waiting, key=self.waiting.get)
        try:
            pipe.send(task)
        except OSError:
            self._collect()
            raise Refused("a worker process ended") from None
        self.waiting[pipe] += 1

    def submit_to_all(self, task):
        """Gives a task to each worker."""
        self.drain()
        for pipe in self.waiting:
            pipe.send(task)
            self.waiting[pipe] += 1
        self.drain()

    def drain(self):
        """Returns when all results are there."""
        while any(self.waiting.values()):
            self._collect()
