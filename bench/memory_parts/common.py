"""What the parts of bench/memory share: a server with what it had when empty, figures with goals, and samples over time."""

import contextlib
import os
import threading
import time

import loads
from memory_plot import Plot

MIB = 1 << 20
SAMPLE_SECONDS = 0.1
# Connections are spread over threads; each thread gets more than its receive buffers hold.
WARM_CONNECTIONS, WARM_COUNT = 8, 10_000
# Used and resident of each server in a plot.
CURVE_COLOURS = (("#4e79a7", "#e15759"), ("#76b7b2", "#f28e2b"))


class Figure:
    """A row's cell: what was measured, what is shown, and what it should be. `is_met` is None without a goal."""

    def __init__(self, what, text, goal="", is_met=None):
        self.what = what
        self.text = text
        self.goal = goal
        self.is_met = is_met


def at_most(what, value, most, form="%.2f"):
    """A figure that should be `most` at most; None: it is shown only."""
    if most is None:
        return Figure(what, form % value)
    return Figure(what, form % value, "<= " + form % most, value <= most)


class Series:
    """Used and resident bytes of one server after the other over time. While it is quiet no command is sent: resident only."""

    def __init__(self):
        self.samples = []
        self.marks = []
        self.is_quiet = False
        self._subject = None
        self._connection = None
        self._lock = threading.Lock()
        self._start_time = time.monotonic()
        threading.Thread(target=self._run, daemon=True).start()

    def watch(self, subject):
        """None: nobody until the next."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._subject = subject
            self._connection = None if subject is None else subject.connect()

    def mark(self, name):
        self.marks.append((time.monotonic() - self._start_time, name))

    def _run(self):
        while True:
            time.sleep(SAMPLE_SECONDS)
            with self._lock:
                if self._subject is None:
                    continue
                used = self.samples[-1][1] if self.is_quiet and self.samples else used_bytes(self._connection)
                self.samples.append((time.monotonic() - self._start_time, used, self._subject.resident()))


class Subject:
    """A running server, and what it used when it was empty."""

    def __init__(self, server, series):
        self.server = server
        self.series = series
        self.is_redis = server.kind == "redis"
        self.control = server.connect(timeout=600)
        self._warm_up()
        self.used_empty, self.resident_empty = self.used(), self.resident()

    def _warm_up(self):
        """Receive buffers and the like are there from the first load on, whatever is deleted."""
        connections = [self.connect() for _ in range(WARM_CONNECTIONS)]
        for connection in connections:
            loads.send_pipelines(connection, loads.string_sets(WARM_COUNT, 150))
        self.control.run("FLUSHALL")
        for connection in connections:
            connection.close()
        time.sleep(1)

    def connect(self):
        return self.server.connect(timeout=600)

    def used(self):
        return used_bytes(self.control)

    def resident(self):
        return self.server.resident_bytes()

    def ratio(self):
        return (self.resident() - self.resident_empty) / max(1, self.used() - self.used_empty)

    def mark(self, name):
        if self.series is not None:
            self.series.mark(name)

    @contextlib.contextmanager
    def quiet(self):
        """No command is sent meanwhile, also not for the plot."""
        if self.series is not None:
            self.series.is_quiet = True
        yield
        if self.series is not None:
            self.series.is_quiet = False


class Starter:
    """Starts one server after the other: called with options, it ends the one before and gives the next as a Subject."""

    def __init__(self, name, make_server, series=None):
        self.name = name
        self.is_redis = name == "redis-server"
        self.series = series
        self.problems = []
        self._make_server = make_server
        self._subject = None

    def __call__(self, *words, shards=None):
        self.end()
        self._subject = Subject(self._make_server(words, shards), self.series)
        if self.series is not None:
            self.series.watch(self._subject)
        return self._subject

    def end(self):
        if self._subject is None:
            return
        if self.series is not None:
            self.series.watch(None)
        self._subject.control.close()
        self.problems += self._subject.server.problems() + self._subject.server.stop()
        self._subject = None


def used_bytes(connection):
    return int(connection.info("memory")["used_memory"])


def send_blobs(subject, blobs):
    """Sends each blob, some commands in a row, and waits for its replies."""
    with subject.connect() as connection:
        loads.send_pipelines(connection, blobs, 1)


def draw(curves, title):
    """An SVG of [(name, Series)]."""
    samples = [sample for _, series in curves for sample in series.samples]
    plot = Plot(max(at for at, _, _ in samples), max(max(used, resident) for _, used, resident in samples))
    plot.axes()
    entries = []
    for (name, series), (used_colour, resident_colour) in zip(curves, CURVE_COLOURS):
        plot.curve([(at, used) for at, used, _ in series.samples], used_colour)
        plot.curve([(at, resident) for at, _, resident in series.samples], resident_colour)
        entries += [(name + ": used", used_colour), (name + ": resident", resident_colour)]
    plot.marks(curves[0][1].marks)
    plot.legend(entries)
    return plot.document(title)


def write_plot(folder, name, curves):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name + ".svg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(draw(curves, name))
    return path
