"""Thousands of connections, held by processes of their own: they can be killed, and a process has only so many descriptors."""

import multiprocessing
import os
import resource
import signal
import socket
import struct

PER_PROCESS = 8000
# A source address has some 28,000 ports.
PER_ADDRESS = 20000
IP_BIND_ADDRESS_NO_PORT = 24  # a port is chosen at connect: many may use it, each to another server
ABORT = struct.pack("ii", 1, 0)


def _open(port, address, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sockets = []
    for _ in range(count):
        one = socket.socket()
        one.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        one.bind((address, 0))
        one.connect(("127.0.0.1", port))
        sockets.append(one)
    return sockets


def _hold(port, address, count, pipe):
    """In a process of its own: opens them, then does what it is told."""
    sockets = _open(port, address, count)
    pipe.send("open")
    while True:
        order = pipe.recv()
        if order is None:
            break
        if order == "reset":
            for one in sockets:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                one.close()
            sockets = []
        elif order == "half":
            for one in sockets:
                one.shutdown(socket.SHUT_WR)
        else:
            for one in sockets:
                try:
                    one.sendall(order)
                except OSError:
                    pass
        pipe.send("done")


class Crowd:
    """`count` connections to 127.0.0.1:port, idle at first."""

    def __init__(self, port, count):
        self.processes = []
        self.pipes = []
        number = 0
        while count > 0:
            here = min(count, PER_PROCESS)
            ours, theirs = multiprocessing.Pipe()
            address = "127.0.0.%d" % (2 + number * PER_PROCESS // PER_ADDRESS)
            process = multiprocessing.Process(target=_hold, args=(port, address, here, theirs), daemon=True)
            process.start()
            theirs.close()
            self.processes.append(process)
            self.pipes.append(ours)
            count -= here
            number += 1
        for pipe in self.pipes:
            assert pipe.recv() == "open"

    def _order(self, what):
        for pipe in self.pipes:
            pipe.send(what)
        for pipe in self.pipes:
            assert pipe.recv() == "done"

    def send(self, data):
        """The same bytes on every connection."""
        self._order(data)

    def reset(self):
        """RST on every connection."""
        self._order("reset")

    def half_close(self):
        self._order("half")

    def kill(self):
        """kill -9 of the processes: the kernel closes the sockets."""
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
