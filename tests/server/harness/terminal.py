"""A program on a terminal: what it draws, as text, and keys for it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from .process import END_WITH_TESTS, SLOWDOWN

SEQUENCE = re.compile(rb"\x1b\[[0-9;?]*[@-~]|\x1b[()][0-9A-Z]|\x1b[=>78M]|[\x0e\x0f]")
SECONDS = 20 * SLOWDOWN
REDRAW_SECONDS = 2.0


class Terminal:
    """Of `width` x `height` characters. `drawn` has the bytes that have come since the last resize, behind which all is drawn anew."""

    def __init__(self, words, width, height, environment):
        self.master, slave = pty.openpty()
        self._set_size(width, height)
        self.process = subprocess.Popen(END_WITH_TESTS + list(map(str, words)), stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        env={**os.environ, "TERM": "vt100", "LC_ALL": "C.UTF-8", **environment})
        os.close(slave)
        self.drawn = b""

    def _set_size(self, width, height):
        self.width, self.height = width, height
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, keys):
        os.write(self.master, keys.encode())

    def resize(self, width, height):
        self.read(0)
        self.drawn = b""
        self._set_size(width, height)
        self.process.send_signal(signal.SIGWINCH)

    def read(self, seconds):
        """Takes what comes within that time, at most until there is something."""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return  # the program has ended
            if not data:
                return
            self.drawn += data
            seconds = 0

    def text(self):
        return SEQUENCE.sub(b" ", self.drawn).decode("utf-8", "replace")

    def wait_for(self, *words):
        """Until all words are in one picture. Programs draw only what changes, so a size that changes by a column and back has all drawn anew."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.resize(self.width ^ 1, self.height)
            until = time.monotonic() + REDRAW_SECONDS
            while time.monotonic() < until:
                self.read(0.05)
                if all(word in self.text() for word in words):
                    return
        raise AssertionError("%r did not come; drawn: %r" % (words, self.text()[-4000:]))

    def end(self, key):
        """Its exit status behind that key."""
        self.press(key)
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        return self.process.poll()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
