"""The longest time for which a server of one thread serves nobody, on a machine that does other things as well.

The server's thread has a core of its own, the prober another; both go before everything else while it is measured, where that is
allowed (SCHED_FIFO). The prober asks for a key that is not there, again and again. The pause is what an answer took,
or what CPU time the server had meanwhile if that is less, for the server may have waited for its core; less what the prober
waited for its own. What is left of noise differs from run to run, the server's pauses do not: take the median of some runs.
"""

import contextlib
import multiprocessing
import os
import socket
from time import clock_gettime, perf_counter, sleep

from harness.resp import encode

REQUEST = encode("GET", "no such key")
REPLY = b"$-1\r\n"
WARM_REPLIES = 100
# Between two requests: others must come to run, too. A pause is measured too short by so much at most.
GAP_SECONDS = 50e-6
CORES = sorted(os.sched_getaffinity(0))
# The kernel's name of the CPU clock of another process: see clock_getcpuclockid.
CPU_CLOCK = 2


def cpu_clock(pid):
    return (~pid << 3) | CPU_CLOCK


def waited_in_run_queue(file):
    """Of the thread whose schedstat this is, in seconds."""
    return int(os.pread(file, 100, 0).split()[1]) / 1e9


def prefer(thread, policy=os.SCHED_FIFO):
    """Before what else runs on the machine, if that is allowed; SCHED_OTHER: as usual."""
    try:
        os.sched_setscheduler(thread, policy, os.sched_param(0 if policy == os.SCHED_OTHER else 1))
    except PermissionError:
        pass


def served_by(pid):
    """The thread that serves: the only shard's, or redis-server's main one."""
    tasks = "/proc/%d/task" % pid
    for task in os.listdir(tasks):
        with open("%s/%s/comm" % (tasks, task), encoding="ascii") as file:
            if file.read().startswith("shard-"):
                return int(task)
    return pid


@contextlib.contextmanager
def apart(server):
    """The server's thread has a core, with this process; the prober will have another, if there is one."""
    os.sched_setaffinity(served_by(server.process.pid), {CORES[0]})
    os.sched_setaffinity(0, {CORES[0]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


def probe(port, pid, began, must_end, result):
    """In a process of its own: requests until told to end; sends back the worst in milliseconds."""
    os.sched_setaffinity(0, {CORES[-1]})
    prefer(0)
    clock = cpu_clock(pid)
    own = os.open("/proc/self/schedstat", os.O_RDONLY)
    worst, replies = 0.0, 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while replies < WARM_REPLIES or not must_end.is_set():
            queued, cpu = waited_in_run_queue(own), clock_gettime(clock)
            start = perf_counter()
            connection.send(REQUEST)
            connection.recv(len(REPLY), socket.MSG_WAITALL)
            took, cpu = perf_counter() - start, clock_gettime(clock) - cpu
            replies += 1
            if replies > WARM_REPLIES:
                worst = max(worst, min(took, cpu) - (waited_in_run_queue(own) - queued))
            elif replies == WARM_REPLIES:
                began.set()
            sleep(GAP_SECONDS)
    result.send(worst * 1000)


def longest_pause_ms(server, action):
    """The longest pause while `action` runs."""
    began, must_end = multiprocessing.Event(), multiprocessing.Event()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    prober = multiprocessing.Process(target=probe, args=(server.port, server.process.pid, began, must_end, sender))
    served = served_by(server.process.pid)
    prober.start()
    prefer(served)
    try:
        if not began.wait(30):
            raise RuntimeError("the prober did not begin")
        action()
    finally:
        must_end.set()
        prober.join(60)
        prefer(served, os.SCHED_OTHER)
    return receiver.recv()
