"""Server processes: Tessera or redis-server on a free port in a folder of its own, ended and looked over afterwards."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .resp import Closed, Connection

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TESSERA = os.environ.get("TESSERA_SERVER", os.path.join(TOP, "build", "release", "tessera-server"))
BUILD = os.path.dirname(TESSERA)
# How much slower this binary is than a release build: time limits grow by it, amounts of work shrink.
SLOWDOWN = float(os.environ.get("TESSERA_SLOWDOWN", "1"))
# A command in front of the server: valgrind and its options.
WRAPPER = os.environ.get("TESSERA_WRAPPER", "").split()
# io_uring or epoll for every server; empty: as it is by itself.
IO_ENGINE = os.environ.get("TESSERA_IO_ENGINE", "")

REPORTS = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer"
    r"|Assertion .* failed|(definitely|indirectly) lost: [1-9]|ERROR SUMMARY: [1-9]")
READY = "ready to accept connections"
START_TRIES = 5
AUDIT_SECONDS = 5


def free_port(following=0):
    """A port that nobody listens on, with `following` more free ones right behind it."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            if port + following > 65535:
                continue
            others = []
            try:
                for number in range(port + 1, port + 1 + following):
                    other = socket.socket()
                    others.append(other)
                    other.bind(("127.0.0.1", number))
            except OSError:
                continue
            finally:
                for other in others:
                    other.close()
            return port


def allow_files(count):
    """Raises this process's limit of open files, which its servers inherit, to `count` if that is allowed. Gives the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        for limits in ((count, max(count, hard)), (min(count, hard), hard)):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                break
            except (OSError, ValueError):
                pass
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class StartError(Exception):
    """The server ended instead of listening: its status and what it printed."""

    def __init__(self, status, output):
        super().__init__("ended with status %s:\n%s" % (status, output))
        self.status = status
        self.output = output


# In front of a command: it does not outlive the tests, however they end. A program does it, since a function between fork and exec has
# Python copy the page tables of all of pytest: that costs three times as much as this program and the start of a small one.
END_WITH_TESTS = ["setpriv", "--pdeathsig", "KILL"]


def redis_program():
    """redis-server, or its other name in the package redis-tools: it looks at argv[0] to know what it is."""
    found = shutil.which("redis-server")
    return found or shutil.which("redis-check-rdb")


def redis_command():
    """The words in front of redis-server's own."""
    program = redis_program()
    if os.path.basename(program) == "redis-server":
        return [program]
    return ["bash", "-c", 'exec -a redis-server "$0" "$@"', program]


class Server:
    """A running server. `kind` is "tessera" or "redis"; options are words as on the command line."""

    def __init__(self, kind="tessera", shards=1, options=(), binary=None):
        self.kind = kind
        self.shards = shards
        self.options = [str(word) for word in options]
        self.program = [binary or TESSERA] if kind == "tessera" else redis_command()
        self.folder = tempfile.mkdtemp(prefix="tessera-test-")
        self.host = "127.0.0.1"
        self.process = None
        self.password = self._option("--requirepass")
        self.socket_path = self._option("--unixsocket")
        self._start_on_free_port()

    def _option(self, name):
        if name in self.options:
            return self.options[self.options.index(name) + 1]
        return None

    def _command(self):
        """The program and its words: a configuration file first, when the options begin with one; then ours; then theirs."""
        has_file = bool(self.options) and not self.options[0].startswith("-")
        words = self.options[:1] if has_file else []
        words = words + ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", ""]
        if self.kind == "tessera":
            words += ["--shards", str(self.shards)]
            words += ["--io-engine", IO_ENGINE] if IO_ENGINE else []
        words += self.options[1:] if has_file else self.options
        return END_WITH_TESTS + (WRAPPER if self.kind == "tessera" else []) + self.program + words

    def _start_on_free_port(self):
        for attempt in range(START_TRIES):
            self.port = int(self._option("--port") or free_port(self.shards if "--shard-ports" in self.options else 0))
            try:
                self._start()
                return
            except StartError as error:
                in_use = "in use" in error.output or "bind" in error.output.lower()
                if not in_use or self._option("--port") or attempt + 1 == START_TRIES:
                    shutil.rmtree(self.folder, ignore_errors=True)
                    raise

    def output(self):
        """What the server printed so far, and what it wrote into its log file."""
        text = ""
        for path in (os.path.join(self.folder, "output.txt"), self._option("--logfile")):
            if path and os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text

    def launch(self):
        """Starts the process; it may not be ready yet."""
        with open(os.path.join(self.folder, "output.txt"), "wb") as output:
            self.process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=self.folder)

    def _start(self, ready=READY):
        """Waits until it has printed `ready`."""
        self.launch()
        end = time.monotonic() + 20 * SLOWDOWN
        while ready not in self.output().lower():
            if self.process.poll() is not None:
                raise StartError(self.process.returncode, self.output())
            if time.monotonic() > end:
                self.process.kill()
                self.process.wait()
                raise StartError("none: it was never ready", self.output())
            time.sleep(0.002)

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def restart_after_kill(self):
        """Ends it by SIGKILL and starts it again at once, on the same port. StartError: it did not start."""
        self.kill()
        self._start()

    def connect(self, timeout=None, authenticate=True, **more):
        """A raw connection, logged in when there is a password."""
        timeout = timeout or 30.0 * SLOWDOWN
        if self.port == 0:
            connection = Connection(self.socket_path, timeout=timeout, **more)
        else:
            connection = Connection(self.host, self.port, timeout=timeout, **more)
        if self.password and authenticate:
            connection.run("AUTH", self.password)
        return connection

    def resident_bytes(self):
        with open("/proc/%d/statm" % self.process.pid, encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        """CPU time of all threads, dead ones not included, in nanosecond resolution."""
        total = 0
        tasks = "/proc/%d/task" % self.process.pid
        for task in os.listdir(tasks):
            with open("%s/%s/schedstat" % (tasks, task), encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total / 1e9

    def is_alive(self):
        return self.process.poll() is None

    def problems(self):
        """What is wrong with the running server: a list of sentences, empty when all is well."""
        if not self.is_alive():
            return ["the server ended with status %d:\n%s" % (self.process.returncode, self.output()[-8000:])]
        found = []
        if self.kind == "tessera":
            with self.connect(timeout=AUDIT_SECONDS * SLOWDOWN) as connection:
                try:
                    reply = connection.call("MEMORY", "AUDIT")
                except (OSError, Closed) as error:
                    reply = error
                if reply not in (("+", b"OK"), ("$", b"OK")):
                    found.append("MEMORY AUDIT: %r" % (reply,))
        return found

    def stop(self):
        """Ends the server by SIGTERM; gives what was wrong, as problems() does."""
        found = []
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10 * SLOWDOWN)
            except subprocess.TimeoutExpired:
                found.append("SIGTERM did not end the server in %g s" % (10 * SLOWDOWN))
                self.process.kill()
                self.process.wait()
        status = self.process.returncode
        if status != 0:
            found.append("the server ended with status %d" % status)
        output = self.output()
        if REPORTS.search(output) or (status != 0 and self.kind == "tessera"):
            found.append("the server printed:\n" + output[-8000:])
        shutil.rmtree(self.folder, ignore_errors=True)
        return found
