"""What the user sees: a bar that is drawn anew on a terminal, a line every few seconds elsewhere; and what failed."""

import sys
import time

BAR = 24
REDRAW_SECONDS, LINE_SECONDS = 0.2, 5.0
SHOWN_MAX, KINDS_MAX = 50, 100


def size_text(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return "%d %s" % (count, unit) if unit == "B" else "%.1f %s" % (count, unit)
        count /= 1024
    return "%.1f TiB" % count


def time_text(seconds):
    seconds = int(seconds + 0.5)
    if seconds < 3600:
        return "%d:%02d" % (seconds // 60, seconds % 60)
    return "%d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def key_text(key):
    """A key in quotes, with bytes that cannot be shown as \\xHH."""
    shown = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else "\\x%02x" % byte for byte in key[:200])
    return '"%s"%s' % (shown, "" if len(key) <= 200 else " (%d bytes)" % len(key))


class Progress:
    """`total` of `unit` to be done; None: nobody knows how many, but perhaps how many bytes: `total_bytes`."""

    def __init__(self, what, total, unit="keys", total_bytes=None, out=sys.stderr):
        self.what, self.total, self.unit, self.total_bytes, self.out = what, total, unit, total_bytes, out
        self.done = self.bytes = 0
        self.began = time.monotonic()
        self.is_terminal = out.isatty()
        self.next = self.began + (0 if self.is_terminal else LINE_SECONDS)

    def add(self, done, size=0):
        self.done += done
        self.bytes += size
        now = time.monotonic()
        if now >= self.next:
            self.next = now + (REDRAW_SECONDS if self.is_terminal else LINE_SECONDS)
            self._show(now)

    def text(self, now):
        seconds = max(now - self.began, 0.001)
        if self.unit == "bytes":
            words = [size_text(self.done), "%s/s" % size_text(self.done / seconds)]
        else:
            words = ["%s %s" % (format(self.done, ","), self.unit), "%s %s/s" % (format(int(self.done / seconds), ","), self.unit)]
        if self.bytes:
            words.append("%s, %s/s" % (size_text(self.bytes), size_text(self.bytes / seconds)))
        share = self.share()
        if share is not None:
            words.insert(0, "%3d %%" % int(100 * share))
            if 0 < share < 1:
                words.append("%s left" % time_text(seconds / share - seconds))
        return "%s: %s" % (self.what, ", ".join(words))

    def share(self):
        """How much is done, 0.0 to 1.0; None: nobody knows."""
        if self.total:
            return min(1.0, self.done / self.total)
        return min(1.0, self.bytes / self.total_bytes) if self.total_bytes else None

    def _show(self, now):
        text = self.text(now)
        if self.is_terminal:
            share = self.share()
            filled = int(BAR * share) if share is not None else 0
            bar = "[%s%s] " % ("#" * filled, "." * (BAR - filled)) if share is not None else ""
            self.out.write("\r\x1b[K%s%s" % (bar, text))
        else:
            self.out.write(text + "\n")
        self.out.flush()

    def end(self):
        """The last line, which stays."""
        now = time.monotonic()
        seconds = now - self.began
        what = "%s %s" % (format(self.done, ","), self.unit) if self.unit != "bytes" else size_text(self.done)
        text = "%s: %s in %.1f s" % (self.what, what, seconds)
        if self.bytes:
            text += ", %s" % size_text(self.bytes)
        self.out.write("%s%s\n" % ("\r\x1b[K" if self.is_terminal else "", text))
        self.out.flush()


class Failures:
    """What did not work: (database, key, reason). All go to a file where one was named; the first ones are shown."""

    def __init__(self, path=None):
        self.file = open(path, "w", encoding="utf-8") if path else None
        self.path = path
        self.count = 0
        self.reasons = {}

    def add(self, what, failures, place=None):
        for database, key, reason in failures:
            line = "%s%s: database %d, key %s: %s" % (place + ": " if place else "", what, database, key_text(key), reason)
            self.count += 1
            kind = (what, reason) if (what, reason) in self.reasons or len(self.reasons) < KINDS_MAX else (what, "other reasons")
            row = self.reasons.setdefault(kind, [0, []])
            row[0] += 1
            if self.file:
                self.file.write(line + "\n")
            if self.count <= SHOWN_MAX:
                row[1].append(line)

    def show(self, out=sys.stderr):
        shown = 0
        for _, lines in self.reasons.values():
            for line in lines:
                out.write(line + "\n")
            shown += len(lines)
        if shown < self.count:
            out.write("... and %d more%s\n" % (self.count - shown, " in " + self.path if self.path else "; --failed FILE has all"))
            for (what, reason), (count, _) in self.reasons.items():
                out.write("  %d: %s: %s\n" % (count, what, reason))
        if self.file:
            self.file.flush()
