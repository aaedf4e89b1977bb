"""The project's tools as processes, and what stands between them and a server in tests."""

import os
import select
import signal
import socket
import subprocess
import threading

from .process import END_WITH_TESTS, SLOWDOWN, TOP
from .resp import encode, parse

TOOL_SECONDS = 60 * SLOWDOWN


class Tool:
    """A tool of tools/ that runs; `output` is what was read of it so far."""

    def __init__(self, name, *words, environment=None):
        argv = END_WITH_TESTS + ["/usr/bin/python3", "-B", os.path.join(TOP, "tools", name), *map(str, words)]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env={**os.environ, **(environment or {})}, text=True)
        self.output = ""

    def read_until(self, text):
        """Reads its lines until one has `text`."""
        for line in self.process.stdout:
            self.output += line
            if text in line:
                return
        raise AssertionError("%r did not come:\n%s" % (text, self.output))

    def end(self, with_signal=None):
        """Waits for its end, after a signal if one is given. Gives the exit status."""
        if with_signal is not None:
            self.process.send_signal(with_signal)
        try:
            self.output += self.process.communicate(timeout=TOOL_SECONDS)[0]
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.output += self.process.communicate()[0]
            raise AssertionError("the tool did not end:\n%s" % self.output) from None
        return self.process.returncode


def run_tool(name, *words, environment=None):
    """(exit status, output)."""
    tool = Tool(name, *words, environment=environment)
    return tool.end(), tool.output


class Proxy:
    """Forwards connections to a port until so many bytes have come from there; then it is silent, until `cut` ends all."""

    def __init__(self, port, limit_bytes):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target = port
        self.left = limit_bytes
        self.lock = threading.Lock()
        self.is_silent = threading.Event()
        self.must_end = threading.Event()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self):
        while not self.must_end.is_set():
            if not select.select([self.listener], [], [], 0.02)[0]:
                continue
            ours = self.listener.accept()[0]
            theirs = socket.create_connection(("127.0.0.1", self.target))
            thread = threading.Thread(target=self._forward, args=(ours, theirs))
            self.threads.append(thread)
            thread.start()
        self.listener.close()

    def _forward(self, ours, theirs):
        with ours, theirs:
            while not self.must_end.is_set():
                for ready in select.select([ours, theirs] if not self.is_silent.is_set() else [], [], [], 0.02)[0]:
                    try:
                        data = ready.recv(65536)
                        if not data:
                            return
                        self._pass_on(ready, data, ours, theirs)
                    except OSError:
                        return

    def _pass_on(self, ready, data, ours, theirs):
        if ready is theirs:
            with self.lock:
                self.left -= len(data)
                if self.left < 0:
                    self.is_silent.set()
                    return
        (theirs if ready is ours else ours).sendall(data)

    def cut(self):
        """Ends all connections and takes no more."""
        self.must_end.set()
        for thread in self.threads:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()


class FakeRedis:
    """A Redis of another version: its keys are given as payloads, its answers as functions by command; all else is unknown."""

    def __init__(self, version, payloads, answers=None):
        self.payloads = payloads
        self.answers = {
            b"PING": lambda *_: b"+PONG\r\n", b"SELECT": lambda *_: b"+OK\r\n",
            b"INFO": lambda section: self.bulk(b"redis_version:%b\r\ndb0:keys=%d,expires=0\r\n" % (version, len(payloads))),
            b"SCAN": lambda *_: b"*2\r\n$1\r\n0\r\n" + encode(*payloads),
            b"PTTL": lambda key: b":-1\r\n",
            b"DUMP": lambda key: self.bulk(payloads[key]),
            b"TYPE": lambda key: b"+none\r\n", b"EXISTS": lambda key: b":1\r\n",
            **(answers or {})}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.must_end = threading.Event()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    @staticmethod
    def bulk(data):
        return b"$%d\r\n%b\r\n" % (len(data), data)

    def _accept(self):
        while not self.must_end.is_set():
            if select.select([self.listener], [], [], 0.02)[0]:
                thread = threading.Thread(target=self._serve, args=(self.listener.accept()[0],))
                self.threads.append(thread)
                thread.start()
        self.listener.close()

    def _serve(self, sock):
        received = bytearray()
        with sock:
            while not self.must_end.is_set():
                command, used = parse(received) if received else (None, 0)
                if command is not None:
                    del received[:used]
                    words = [word[1] for word in command[1]]
                    answer = self.answers.get(words[0])
                    sock.sendall(answer(*words[1:]) if answer else b"-ERR unknown command '%b'\r\n" % words[0])
                elif select.select([sock], [], [], 0.02)[0]:
                    data = sock.recv(65536)
                    if not data:
                        return
                    received += data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.must_end.set()
        for thread in self.threads:
            thread.join()
