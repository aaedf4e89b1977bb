"""How long others wait while one connection runs a long command.

A process of its own sends PING after PING. What a PING took is counted less the time that the prober itself stood in the kernel's
run queue: that is the machine's noise, not the server's doing.
"""

import multiprocessing
import time

from .resp import Closed, Connection


def waited_in_run_queue():
    with open("/proc/self/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1]) / 1e9


def probe(port, began, must_end, result, reconnects):
    """In a process of its own: PINGs until told to end; sends back the worst in milliseconds."""
    worst = 0.0
    connection = Connection("127.0.0.1", port)
    connection.call("CLIENT", "NO-EVICT", "ON")
    began.set()
    while not must_end.is_set():
        queued = waited_in_run_queue()
        start = time.perf_counter()
        try:
            connection.run("PING")
        except (Closed, OSError):
            if not reconnects:
                raise
            connection.close()
            connection = Connection("127.0.0.1", port)
        took = time.perf_counter() - start
        worst = max(worst, took - (waited_in_run_queue() - queued))
        time.sleep(0.0003)
    connection.close()
    result.send(worst * 1000)


def worst_ping_ms(port, action, reconnects=False):
    """The worst PING while `action` runs; `reconnects`: the prober may be cut off, and comes again."""
    began, must_end = multiprocessing.Event(), multiprocessing.Event()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    prober = multiprocessing.Process(target=probe, args=(port, began, must_end, sender, reconnects))
    prober.start()
    try:
        began.wait(10)
        action()
    finally:
        must_end.set()
        prober.join(30)
    return receiver.recv()
