"""Which keys change at the source: keyspace notifications, collected by a thread until somebody takes them."""

import re
import threading
import time

from .endpoint import Refused
from .wire import ErrorReply, Lost, encode

CHANNEL = re.compile(rb"__keyspace@(\d+)__:(.*)", re.DOTALL)
RECONNECT_SECONDS = 0.5


def glob_pattern(pattern):
    """Redis's patterns (* ? [a-z] [^a] and \\) as a regular expression over bytes."""
    parts, at = [], 0
    while at < len(pattern):
        piece = pattern[at:at + 1]
        at += 1
        if piece in (b"*", b"?"):
            parts.append(b".*" if piece == b"*" else b".")
        elif piece == b"[" and pattern.find(b"]", at) > at:
            end = pattern.index(b"]", at)
            inside = pattern[at:end]
            negation = b"^" if inside[:1] == b"^" else b""
            parts.append(b"[%b%b]" % (negation, inside[len(negation):].replace(b"[", b"\\[").replace(b"^", b"\\^")))
            at = end + 1
        else:
            if piece == b"\\" and at < len(pattern):
                piece = pattern[at:at + 1]
                at += 1
            parts.append(re.escape(piece))
    return re.compile(b"".join(parts), re.DOTALL)


class Notifications:
    """Turns notifications on at the source, as long as it lives, and collects (database, key)."""

    def __init__(self, source):
        self.source = source
        self.lock = threading.Lock()
        self.changed = set()
        self.has_missed = False     # the subscription broke: what changed meanwhile is not known
        self.error = None
        self.marks = 0
        self.mark_came = threading.Condition(self.lock)
        self.before = self._turn_on()
        self.connection = self._subscribe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _turn_on(self):
        connection = self.source.connect()
        reply = connection.call("CONFIG", "GET", "notify-keyspace-events")
        if isinstance(reply, ErrorReply):
            raise Refused("--follow needs notify-keyspace-events KA at the source, and may not ask for it: %s" % reply)
        before = reply[1].decode()
        if "K" in before and "A" in before:
            return None
        reply = connection.call("CONFIG", "SET", "notify-keyspace-events", before + "KA")
        connection.close()
        if isinstance(reply, ErrorReply):
            raise Refused("--follow needs notify-keyspace-events KA at the source, and may not set it: %s" % reply)
        return before

    def _subscribe(self):
        connection = self.source.connect(timeout=3600)
        reply = connection.call("PSUBSCRIBE", "__keyspace@*__:*")
        if isinstance(reply, ErrorReply):
            raise Refused("--follow: PSUBSCRIBE: %s" % reply)
        return connection

    def _run(self):
        while True:
            try:
                self._take(self.connection.read())
            except Lost as error:
                if self.error is not None:
                    return
                self._reconnect(error)

    def _take(self, message):
        if message[0] == b"pmessage":
            match = CHANNEL.fullmatch(message[2])
            with self.lock:
                self.changed.add((int(match.group(1)), match.group(2)))
        elif message[0] == b"pong":
            with self.lock:
                self.marks += 1
                self.mark_came.notify_all()

    def _reconnect(self, error):
        time.sleep(RECONNECT_SECONDS)
        try:
            connection = self._subscribe()
        except (Refused, Lost):
            with self.lock:
                self.error = str(error)
                self.mark_came.notify_all()
            return
        with self.lock:
            self.connection = connection
            self.has_missed = True
            self.mark_came.notify_all()

    def taken(self):
        """What has changed since this was called last, and whether changes were missed."""
        with self.lock:
            if self.error is not None:
                raise Refused(self.error)
            changed, self.changed = self.changed, set()
            missed, self.has_missed = self.has_missed, False
        return changed, missed

    def wait_for_all(self, seconds=60):
        """Returns when all changes that were made before this call are in `changed`: an answer comes behind them."""
        with self.lock:
            marks, connection = self.marks, self.connection
            try:
                connection.send(encode("PING"))
            except Lost:
                pass  # the thread sees it, too, and subscribes again
            end = time.monotonic() + seconds
            while self.marks == marks and connection is self.connection and self.error is None:
                if not self.mark_came.wait(max(0.0, end - time.monotonic())):
                    raise Refused("the source does not answer its subscriber")

    def close(self):
        """Gives the source its setting back."""
        if self.before is not None:
            try:
                connection = self.source.connect()
                connection.call("CONFIG", "SET", "notify-keyspace-events", self.before)
                connection.close()
            except (Refused, Lost):
                pass
        with self.lock:
            self.error = self.error or "ended"
