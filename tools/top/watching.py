"""A thread that asks the server again and again, so that a server that hangs, or is away, does not hold up the picture."""

import threading

from migration.endpoint import Refused
from migration.wire import Lost

from .sample import CLIENTS_MAX, Sample

FIRST_SECONDS = 0.3  # between the two samples of the first picture


class Watcher:
    """`lock` guards the watch and `trouble`, the sentence that tells why there is nothing new."""

    def __init__(self, endpoint, watch, interval):
        self.endpoint, self.watch, self.interval = endpoint, watch, interval
        self.lock = threading.Lock()
        self.trouble = None
        self.must_end = threading.Event()
        self.is_paused = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()

    def _run(self):
        connection = None
        while not self.must_end.is_set():
            try:
                if not self.is_paused:
                    connection = connection or self.endpoint.connect()
                    self._take(connection)
            except (Refused, Lost, LookupError, TypeError, ValueError) as error:
                self._trouble(str(error) if isinstance(error, (Refused, Lost)) else "an answer that is not understood: %r" % error)
                if connection:
                    connection.close()
                connection = None
            self.must_end.wait(self.interval if self.watch.figures or self.trouble else min(FIRST_SECONDS, self.interval))

    def _take(self, connection):
        last = self.watch.last
        sample = Sample(connection, self.watch.history_count(), last is None or last.number("connected_clients") <= CLIENTS_MAX)
        if sample.info is None:
            raise Refused("INFO: %s" % sample.refused["info"])
        with self.lock:
            self.trouble = None
            self.watch.add(sample)

    def _trouble(self, text):
        with self.lock:
            self.trouble = text
