"""One round: clients write, the server is killed and started again, perhaps with other shards, and is judged by what the clients know.

A mode says what is promised, and what is done to the files between the end and the start.
"""

import collections
import contextlib
import os
import random
import re
import shutil
import subprocess
import threading
import time

from harness import saved
from harness.process import BUILD, SLOWDOWN, Server, StartError
from harness.resp import Closed, wait_until

from . import faults, things
from .judge import ALL, NOTHING, Judge
from .writer import FAR_MS, Writer

CLIENTS = 6
DEPTHS = (1, 1, 4, 16)
SHARDS = (1, 2, 3, 4)
WAIT_SECONDS = 30 * SLOWDOWN
LOST_SECONDS = 1.0                  # `everysec`: besides one fsync,
SLACK_SECONDS = 0.3 * SLOWDOWN      # and what the clock of a client on a busy machine is late
START_SECONDS = 0.08 * SLOWDOWN
KEY_DELAYS_US = (0, 50, 500)        # how slow a rewrite or a snapshot is
CUT = re.compile(r"end was cut: \d+ records in \d+ frames that were not committed, \d+ bytes")
PLACE = re.compile(r"at (byte |line )?\d+")
DEBUG = ("--enable-debug-command", "yes")
LOG = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0", *DEBUG)
ALWAYS = LOG + ("--appendfsync", "always")
EVERY_SECOND = LOG + ("--appendfsync", "everysec")
FILLER = "%s:string:filler" % things.SHARED
FILLERS_MAX = 2000


# shards: numbers of them that a start may have; seconds: how long clients write, about; lives: how often all of it is done.
Size = collections.namedtuple("Size", ("shards", "seconds", "lives"))
USUAL = Size(SHARDS, 0.6, 2)


class Wrong(Exception):
    """What is not as it must be."""


class Round:
    """A server, its clients, and how it goes with them. `seed`: of all that is random; when things meet is not repeated by it."""

    def __init__(self, mode, seed, size=USUAL, disk=None):
        self.random = random.Random(seed)
        self.size = size
        self.disk = disk
        self.events = []     # what has happened, in words
        self.figures = dict.fromkeys(("kills", "acknowledged", "lost", "lost_ms"), 0)
        depths = [1 if mode.is_answered else self.random.choice(DEPTHS) for _ in range(CLIENTS)]
        self.judge = Judge([Writer(number, seed, depth) for number, depth in enumerate(depths)])
        options = self.random.choice(mode.options) + (disk.options if disk else ())
        self.is_always = "always" in options
        self.server = Server("tessera", self.random.choice(size.shards), options)
        self.folder = disk.folder if disk and disk.folder else self.server.folder
        with self.server.connect() as connection:
            things.create_tables(connection)
            if connection.run("CONFIG", "GET", "appendonly")[1] == b"yes":  # a log that is cut off anywhere still has them
                connection.run("BGREWRITEAOF")
                saved.wait_for_fields(connection, aof_rewrites=1, aof_rewrite_in_progress=0)

    # --- while it runs ---

    def pause(self, seconds):
        time.sleep(self.random.uniform(0.1, 1) * seconds)

    def write(self, meanwhile):
        """Clients write while `meanwhile()` runs, and end when it does, or when the server is gone."""
        must_end = threading.Event()
        threads = [threading.Thread(target=writer.run, args=(self.server.connect(timeout=WAIT_SECONDS), must_end)) for writer in self.judge.writers]
        for thread in threads:
            thread.start()
        try:
            return meanwhile()
        finally:
            must_end.set()
            for thread in threads:
                thread.join()

    def begin_copy(self, command):
        """BGREWRITEAOF or BGSAVE begins, quick or slow."""
        with self.server.connect() as connection:
            connection.run("CONFIG", "SET", "rdb-key-save-delay", self.random.choice(KEY_DELAYS_US))
            connection.call(command)
        self.events.append(command)

    def live(self, is_kind=False):
        """Clients write; then the server is ended, now and then while it makes a copy of its data. Gives the moment."""
        def meanwhile():
            self.pause(self.size.seconds)
            chance = self.random.random()
            if chance < 0.6:
                self.begin_copy("BGREWRITEAOF" if chance < 0.4 else "BGSAVE")
                self.pause(self.random.choice((0.01, 0.05, self.size.seconds)))
            return self.end(is_kind)
        return self.write(meanwhile)

    # --- ends and starts ---

    def end(self, is_kind=False):
        """By SIGKILL, or by SIGTERM. Gives the moment."""
        moment = time.monotonic()
        self.events.append("SIGTERM" if is_kind else "SIGKILL")
        if is_kind:
            saved.end(self.server)
        else:
            self.server.kill()
            self.figures["kills"] += 1
        return moment

    def kill_while_it_starts(self):
        for _ in range(self.random.choice((0, 0, 1, 2))):
            self.server.shards = self.random.choice(self.size.shards)
            self.server.launch()
            self.pause(START_SECONDS)
            if not self.server.is_alive():
                raise Wrong("the start ended by itself:\n" + self.server.output())
            self.end()

    def start(self):
        """With any number of shards. StartError: refused."""
        self.server.shards = self.random.choice(self.size.shards)
        self.events.append("start with %d shards" % self.server.shards)
        self.server._start()

    def start_or_refuse(self, path):
        """The start on files of which `path` is damaged. Gives what it says that it has cut, "" if nothing; None: it was refused, by a sentence
        with file and place."""
        try:
            self.start()
        except StartError as error:
            lines = [line for line in error.output.splitlines() if os.path.basename(path) in line and PLACE.search(line)]
            if error.status != 1 or not lines:
                raise Wrong("not refused with status 1, file and place: %s" % error) from error
            self.events.append("refused")
            return None
        said = CUT.search(self.server.output())
        self.events.append(said.group() if said else "not a word")
        return said.group() if said else ""

    # --- judging ---

    def judge_now(self, promised, ended=None):
        """Wrong, or everybody goes on from what was found. `ended`: when the server was, if what was lost is to be counted."""
        with self.server.connect() as connection:
            found = things.read_all(connection)
        problems, counts = self.judge.judge(found, promised)
        if problems:
            raise Wrong("\n".join(problems))
        for writer, count in zip(self.judge.writers, counts):
            acknowledged = [step.acknowledged for step in writer.steps if step.acknowledged is not None]
            self.figures["acknowledged"] += len(acknowledged)
            if ended is not None and count < len(acknowledged):
                self.figures["lost"] += len(acknowledged) - count
                self.figures["lost_ms"] = max(self.figures["lost_ms"], round((ended - acknowledged[count]) * 1000))
        self.judge.settle(found, counts)

    def digest(self):
        """When all has expired that does so soon."""
        soon = time.time() * 1000 + FAR_MS // 2
        names = [thing[1] for writer in self.judge.writers for thing, value in writer.state.items()
                 if thing[0] == "string" and value[1] is not None and value[1] < soon]
        with self.server.connect() as connection:
            if names:
                wait_until(lambda: connection.run("EXISTS", *names) == 0, WAIT_SECONDS, "keys to expire")
            return connection.run("DEBUG", "DIGEST")

    def start_once_more(self):
        """What has been found stays: the same digest, however it ends. MEMORY AUDIT finds nothing."""
        before = self.digest()
        self.end(is_kind=self.random.random() < 0.3)
        self.start()
        if self.digest() != before:
            raise Wrong("one more start has changed the digest")
        problems = self.server.problems()
        if problems:
            raise Wrong("\n".join(problems))

    def close(self, kept=None):
        """Ends the server and removes its files. Gives what was wrong at the end. `kept`: a directory that gets the files before."""
        if kept is not None:
            self.server.kill()
            shutil.copytree(self.folder, kept)
        return self.server.stop()


# --- modes ---

def fsync_seconds(folder):
    path = os.path.join(folder, "fsync")
    began = time.monotonic()
    with open(path, "wb") as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
    os.unlink(path)
    return time.monotonic() - began


def promised_by_log(this, ended):
    return ALL if this.is_always else ended - LOST_SECONDS - fsync_seconds(this.folder) - SLACK_SECONDS


def play_log(this):
    """With `always` nothing that was acknowledged is missing, with `everysec` the last second and one fsync at most, and nothing after SIGTERM."""
    for _ in range(this.size.lives):
        is_kind = this.random.random() < 0.15
        ended = this.live(is_kind)
        this.kill_while_it_starts()
        this.start()
        this.judge_now(ALL if is_kind else promised_by_log(this, ended), ended)
        this.start_once_more()


def save(this, command):
    """Gives the moment before which all is in the file."""
    began = time.monotonic()
    with this.server.connect() as connection:
        connection.run("CONFIG", "SET", "rdb-key-save-delay", 0 if command == "SAVE" else this.random.choice(KEY_DELAYS_US))
        connection.run(command)
        saved.wait_for_fields(connection, rdb_bgsave_in_progress=0, rdb_last_bgsave_status="ok")
    this.events.append(command)
    return began


def live_and_save(this):
    """Clients write, with whole snapshots and perhaps one that is not finished. Gives what the last one promises."""
    def meanwhile():
        for _ in range(this.random.randint(1, 2)):
            this.pause(this.size.seconds)
            promised = save(this, this.random.choice(("SAVE", "BGSAVE")))
        this.pause(this.size.seconds / 2)
        if this.random.random() < 0.5:
            this.begin_copy("BGSAVE")
            this.pause(0.02)
        this.end()
        return promised
    return this.write(meanwhile)


def play_snapshot(this):
    """Without a log: one moment, not older than the last snapshot that was finished."""
    for _ in range(this.size.lives):
        promised = live_and_save(this)
        this.kill_while_it_starts()
        this.start()
        this.judge_now(promised)
        this.start_once_more()


def fix_log(this):
    program = os.environ.get("TESSERA_CHECK_LOG", os.path.join(BUILD, "tessera-check-log"))
    words = [program, "--fix", os.path.join(this.folder, faults.FOLDER)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
    this.events.append("tools/check-log --fix: %d" % done.returncode)
    if done.returncode < 0:
        raise Wrong("tools/check-log --fix ended with %d:\n%s" % (done.returncode, done.stdout + done.stderr))


def play_torn(this):
    """A shard's newest log ends at a random byte: its end is cut, with a line that says how much, and what is left is of one moment. Refused it is
    only where another log knows that there was more; then tools/check-log --fix makes it such a log."""
    ended = this.live()
    while not faults.newest_logs(this.folder):  # a rewrite has just put empty ones in place
        this.start()
        this.judge_now(promised_by_log(this, ended))
        ended = this.live()
    shards = this.server.shards
    path = this.random.choice(faults.newest_logs(this.folder))
    at = faults.tear(this.random, path)
    this.events.append("%s was cut at %s" % (os.path.basename(path), at))
    said = this.start_or_refuse(path)
    if said == "":
        raise Wrong("an end was cut without a word")
    if said is None:
        if shards == 1:
            raise Wrong("the only log was refused: nothing knows of more")
        fix_log(this)
        this.start()
    this.judge_now(NOTHING)
    this.start_once_more()


def judge_flipped(this, path, promised):
    """A bit of the file is wrong: it is refused, or it says what it cut, or all is there."""
    flipped = faults.FlippedBit(this.random, path)
    this.events.append(str(flipped))
    said = this.start_or_refuse(path)
    if said is None:
        flipped.flip()
        this.start()
    this.judge_now(NOTHING if said else promised)
    this.start_once_more()


def play_flipped_log(this):
    with this.server.connect() as connection:
        def rewrite():
            this.pause(this.size.seconds)
            connection.run("BGREWRITEAOF")
            saved.wait_for_fields(connection, aof_rewrite_in_progress=0)
        this.write(rewrite)
    this.judge_now(ALL)
    this.live()
    names = sorted(os.listdir(os.path.join(this.folder, faults.FOLDER)))
    kind = this.random.choice(("base.", "log.", "tessera.manifest"))
    name = this.random.choice([name for name in names if name.startswith(kind)])
    judge_flipped(this, os.path.join(this.folder, faults.FOLDER, name), ALL)


def play_flipped_snapshot(this):
    promised = live_and_save(this)
    judge_flipped(this, os.path.join(this.folder, "dump.rdb"), promised)


def is_refused(reply):
    return reply[0] == "-" and reply[1].startswith(b"MISCONF")


def fill_up(this):
    """The disk is full, and the server has seen it: writes are refused, reads are answered. New bases would be too long, too, where files may not be
    long."""
    this.disk.fill(this.server)
    text = this.random.randbytes(100000)
    number = 0
    try:
        with this.server.connect() as connection:
            while not is_refused(connection.call("SET", "%s-%d" % (FILLER, number), text)) and number < FILLERS_MAX:
                number += 1
    except (Closed, OSError):
        pass  # neither acknowledged nor refused
    with this.server.connect() as connection:
        wait_until(lambda: is_refused(connection.call("SET", FILLER, "x")), WAIT_SECONDS, "writes to be refused")
        replies = connection.pipeline([("GET", things.account(0)[1]), ("TABLE.SELECT", "s.orders"), ("DBSIZE",)])
        if "-" in [reply[0] for reply in replies]:
            raise Wrong("a full disk refuses reads: %r" % replies)


def play_full(this):
    """Writes are refused until there is room, and nothing that was acknowledged is missing, then and after a crash."""
    def meanwhile():
        this.pause(this.size.seconds)
        fill_up(this)
        this.pause(0.3)
        this.disk.free(this.server)
        with this.server.connect() as connection:
            wait_until(lambda: connection.call("SET", FILLER, "x") == ("+", b"OK"), WAIT_SECONDS, "writes to go on")
            saved.wait_for_fields(connection, aof_last_write_status="ok")
            connection.run("DEL", *["%s-%d" % (FILLER, number) for number in range(FILLERS_MAX)])
        this.pause(this.size.seconds / 2)
    this.write(meanwhile)
    this.events.append("%s: %d refusals" % (type(this.disk).__name__, sum(writer.refused for writer in this.judge.writers)))
    this.judge_now(ALL)
    ended = this.live()
    this.start()
    this.judge_now(promised_by_log(this, ended), ended)
    this.start_once_more()


class Mode:
    """play: what is done; options: of the server, one of them; is_answered: clients wait for each reply."""

    def __init__(self, play, *options, is_answered=False, has_small_disk=False):
        self.play = play
        self.options = options
        self.is_answered = is_answered
        self.has_small_disk = has_small_disk


MODES = {
    "always": Mode(play_log, ALWAYS),
    "everysec": Mode(play_log, EVERY_SECOND),
    "snapshot": Mode(play_snapshot, DEBUG),
    "torn": Mode(play_torn, ALWAYS, EVERY_SECOND),
    "flipped-log": Mode(play_flipped_log, ALWAYS),
    "flipped-snapshot": Mode(play_flipped_snapshot, DEBUG),
    "full": Mode(play_full, ALWAYS, EVERY_SECOND, is_answered=True, has_small_disk=True),
}


class Outcome:
    """What a round has shown: problem is None, or text."""

    def __init__(self, this, problem):
        self.events = this.events
        self.figures = this.figures
        self.problem = problem


def play(name, seed, size=USUAL, kept=None):
    """One round. `kept`: where the files are to be left if something is wrong."""
    mode = MODES[name]
    with faults.small_disk() if mode.has_small_disk else contextlib.nullcontext() as disk:
        this = Round(mode, seed, size, disk)
        try:
            mode.play(this)
        except (Wrong, AssertionError, StartError, subprocess.TimeoutExpired, Closed, OSError) as error:
            problem = "%s: %s\n%s" % (type(error).__name__, error, this.server.output()[-2000:])
            this.close(kept)
            return Outcome(this, problem)
        return Outcome(this, "\n".join(this.close()) or None)
