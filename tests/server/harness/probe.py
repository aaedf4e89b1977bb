"""How long others wait while one connection runs a long command.

A process of its own sends PING after PING. What a PING took is counted less the time that the prober itself stood in the kernel's
run queue, and, when the server's process is known, less the time that its threads stood there: that is the machine's noise, not the
server's doing.
"""

import multiprocessing
import os
import time

from .resp import Closed, Connection


def schedstats_of(pid):
    """Where the kernel says how long the prober and the threads of process `pid` (None: none) waited for a processor."""
    paths = ["/proc/self/schedstat"]
    if pid is not None:
        tasks = "/proc/%d/task" % pid
        paths += ["%s/%s/schedstat" % (tasks, task) for task in os.listdir(tasks)]
    return [open(path, "rb", buffering=0) for path in paths]  # pylint: disable=consider-using-with


def waited_in_run_queue(files):
    return sum(int(os.pread(file.fileno(), 64, 0).split()[1]) for file in files) / 1e9


def probe(port, pid, began, must_end, result, reconnects):
    """In a process of its own: PINGs until told to end; sends back the worst in milliseconds."""
    worst = 0.0
    files = schedstats_of(pid)
    connection = Connection("127.0.0.1", port)
    connection.call("CLIENT", "NO-EVICT", "ON")
    began.set()
    while not must_end.is_set():
        queued = waited_in_run_queue(files)
        start = time.perf_counter()
        try:
            connection.run("PING")
        except (Closed, OSError):
            if not reconnects:
                raise
            connection.close()
            connection = Connection("127.0.0.1", port)
        took = time.perf_counter() - start
        worst = max(worst, took - (waited_in_run_queue(files) - queued))
        time.sleep(0.0003)
    connection.close()
    for file in files:
        file.close()
    result.send(worst * 1000)


def worst_ping_ms(port, action, reconnects=False, pid=None):
    """The worst PING while `action` runs; `reconnects`: the prober may be cut off, and comes again; `pid`: of a server whose threads
    stay the same meanwhile."""
    began, must_end = multiprocessing.Event(), multiprocessing.Event()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    prober = multiprocessing.Process(target=probe, args=(port, pid, began, must_end, sender, reconnects))
    prober.start()
    try:
        began.wait(10)
        action()
    finally:
        must_end.set()
        prober.join(30)
    return receiver.recv()
