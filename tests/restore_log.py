#!/usr/bin/python3
"""restore_log - the data of earlier moments (tessera-check-log --until and --list, tools/restore) from logs of several shards, runs and generations
that log_files.py writes. What is expected is worked out by a model of some lines: files and manifest have to be the same, byte by byte.

  tests/restore_log.py PROGRAM        TESSERA_SEED=n: the first random log; TESSERA_RESTORES=n: how many
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

from log_files import effect, effect_of_all, frame, header, manifest, rdb, unit_end

PROGRAM = None
TOOLS = pathlib.Path(__file__).resolve().parent.parent / "tools"
MEMORY = pathlib.Path("/dev/shm")  # files are synced often
START = 1791203400000  # 2026-10-05T12:30:00Z
SECOND = 1000
HEADER = 64


class Log:
    """A file: its frames with their wall clocks, and what they need of others."""

    def __init__(self, generation, shard, shards, wall_ms, first):
        self.generation, self.shard, self.wall_ms, self.first = generation, shard, wall_ms, first
        self.file_id = generation << 16 | shard + 1
        self.head = header(self.file_id, generation, shard, shards, wall_ms)
        self.frames = []  # (sequence, wall ms, bytes, [participants])
        self.tail = b""
        self.end = None  # sealed: the last sequence that counts

    @property
    def name(self):
        return "log.%d.%d" % (self.generation, self.shard)

    def add(self, sequence, records, wall_ms, committed, units=()):
        data = frame(self.file_id, sequence, records, sequence - 1, committed, wall_ms)
        self.frames.append((sequence, wall_ms, data, list(units)))

    def up_to(self, sequence):
        return self.head + b"".join(row[2] for row in self.frames if row[0] <= sequence)

    def line(self, end):
        text = "log %d %s %016x %s" % (self.shard, self.name, self.file_id, "first %d" % self.first if self.first else "follows")
        return text if end is None else text + " end %d %d" % (end, len(self.up_to(end)))


def lower(ends, needs):
    """The largest consistent cut: needs[shard] are (frame, participants); shards go back until nothing changes."""
    ends = list(ends)
    changed = True
    while changed:
        changed = False
        for shard, rows in enumerate(needs):
            for sequence, participants in rows:
                if sequence <= ends[shard] and any(frame > ends[other] for other, frame in participants):
                    ends[shard] = sequence - 1
                    changed = True
    return ends


class Run:
    """What one process has written: generations, each a list of logs."""

    def __init__(self, generations):
        self.generations = generations

    def needs(self):
        return [[(row[0], unit) for logs in self.generations for row in logs[shard].frames for unit in row[3]]
                for shard in range(len(self.generations[0]))]

    def is_sealed(self):
        return self.generations[0][0].end is not None

    def ends_at(self, until):
        """The last frame of each shard, and whether something is later; None: all of it is."""
        if self.generations[0][0].wall_ms > until:
            return None, True
        ends, is_past = [], False
        for shard in range(len(self.generations[0])):
            end = self.generations[0][shard].first - 1
            goes_on = True
            for logs in self.generations:
                log = logs[shard]
                rows = [row for row in log.frames if log.end is None or row[0] <= log.end]
                if goes_on and log.wall_ms > until and (log.end is None or rows):
                    goes_on, is_past = False, True
                for row in rows:
                    goes_on, is_past = (False, True) if row[1] > until else (goes_on, is_past)
                    end = row[0] if goes_on else end
            ends.append(end)
        return (lower(ends, self.needs()) if is_past or not self.is_sealed() else ends), is_past


def cut_generations(run, ends):
    """Each generation with the last frames of its logs, when those of the run are `ends`."""
    last, out = [log.first - 1 for log in run.generations[0]], []
    for logs in run.generations:
        last = [max([row[0] for row in log.frames], default=before) for log, before in zip(logs, last)]
        out.append((logs, [min(pair) for pair in zip(ends, last)]))
    return out


def has_frames(logs, ends):
    return any(log.up_to(end) != log.head for log, end in zip(logs, ends))


def expected(bases, runs, until):
    """Files by name, the manifest among them."""
    files, lines = {}, ["base %s %d" % (name, len(data)) for name, data in bases]
    files.update(bases)
    kept = []  # (logs, ends of them)
    for run in runs:
        ends, is_past = run.ends_at(until)
        if run.is_sealed() and not is_past:
            kept += [(logs, [log.end for log in logs]) for logs in run.generations]
            continue
        cut = cut_generations(run, ends or [log.first - 1 for log in run.generations[0]])
        while cut and len(kept) + len(cut) > 1 and not has_frames(*cut[-1]):
            cut.pop()
        kept += cut
        if is_past:
            break
    for logs, ends in kept:
        lines.append("generation %d shards %d" % (logs[0].generation, len(logs)))
        for log, end in zip(logs, ends):
            lines.append(log.line(end))
            if log.up_to(end) != log.head:
                files[log.name] = log.up_to(end)
    files["tessera.manifest"] = manifest(lines)
    return files


def source_files(bases, runs):
    files, lines = dict(bases), ["base %s %d" % (name, len(data)) for name, data in bases]
    for run in runs:
        for logs in run.generations:
            lines.append("generation %d shards %d" % (logs[0].generation, len(logs)))
            for log in logs:
                lines.append(log.line(log.end))
                files[log.name] = log.head + b"".join(row[2] for row in log.frames) + log.tail
    files["tessera.manifest"] = manifest(lines)
    return files


class Writer:
    """A server at random: records gather in the open frame of each shard, frames are closed one by one."""

    def __init__(self, rng, clock, generation, may_jump):
        self.rng, self.now, self.generation, self.may_jump = rng, clock, generation, may_jump
        self.shards = rng.randint(1, 4)
        self.unit = 0
        self.generations = []
        self.open = [([], []) for _ in range(self.shards)]
        self.closed = [0] * self.shards
        self.known = [0] * self.shards  # what frames say was committed
        self.follow(True)

    def tick(self):
        self.now += self.rng.choice([0, 1, 1, 2, 9])
        if self.may_jump and self.rng.random() < 0.05:
            self.now -= self.rng.randint(1, 40)

    def follow(self, is_first):
        for shard in range(self.shards):
            self.close(shard)
        made = self.now
        self.tick()
        self.generations.append([Log(self.generation, shard, self.shards, made, 1 if is_first else 0) for shard in range(self.shards)])
        self.generation += 1

    def committed(self):
        return lower(self.closed, Run(self.generations).needs())

    def close(self, shard):
        records, units = self.open[shard]
        if records:
            self.open[shard] = ([], [])
            cut = self.committed()
            self.known = [max(pair) for pair in zip(self.known, cut)]
            self.closed[shard] += 1
            wall = self.now + self.rng.randint(0, 3)
            self.generations[-1][shard].add(self.closed[shard], records, wall, min(cut[shard], self.closed[shard] - 1), units)

    def append(self):
        shards = sorted(self.rng.sample(range(self.shards), self.rng.choice([1, 1, 2, 3, 4][:self.shards + 1]) if self.shards > 1 else 1))
        if len(shards) == 1:
            self.open[shards[0]][0].append(effect(b"SET", b"k%d" % self.now, b"v" * self.rng.randint(0, 30)))
            return
        self.unit += 1
        participants = [(shard, self.closed[shard] + 1) for shard in shards]
        make = effect_of_all if len(shards) == self.shards else effect
        for shard in shards:
            self.open[shard][0].extend([make(b"DEL", b"k", unit=self.unit), unit_end(self.unit, *participants)])
            self.open[shard][1].append(participants)

    def write(self, steps):
        for _ in range(steps):
            self.tick()
            kind = self.rng.random()
            if kind < 0.55:
                self.append()
            elif kind < 0.96:
                self.close(self.rng.randrange(self.shards))
            else:
                self.follow(False)
        return Run(self.generations)

    def end(self, is_sealed):
        """A crash: some of the last frames are torn, or not sealed."""
        run = Run(self.generations)
        if is_sealed:
            wanted = [self.rng.randint(known, closed) for known, closed in zip(self.known, self.closed)]
            ends = lower(wanted, run.needs())
            for logs in run.generations:
                for shard, log in enumerate(logs):
                    log.end = min(ends[shard], max([row[0] for row in log.frames], default=self.before(log)))
        for log in run.generations[-1]:
            log.tail = self.rng.choice([b"", bytes(512), b"TFRM" + bytes(4) + b"\7" * 90])
        return run

    def before(self, log):
        """The sequence before the first of a log without frames."""
        return max([row[0] for logs in self.generations for row in logs[log.shard].frames if logs[log.shard].generation < log.generation],
                   default=0)


def random_log(rng, may_jump):
    bases = [("base.1.rdb", rdb(START // SECOND - 1))]
    runs, now, generation = [], START, 1
    count = rng.randint(1, 3)
    for number in range(count):
        writer = Writer(rng, now, generation, may_jump)
        writer.write(rng.randint(0, 60))
        is_last = number == count - 1
        runs.append(writer.end(not is_last or rng.random() < 0.2))
        now, generation = writer.now + rng.randint(-5 if may_jump else 4, 50), writer.generation + rng.randint(0, 2)
    return bases, runs


class Restores(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tessera-restore-log-", dir=MEMORY if MEMORY.is_dir() else None))
        self.addCleanup(shutil.rmtree, self.folder)
        self.source = self.folder / "source"
        self.count = 0

    def write(self, files):
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir()
        for name, data in files.items():
            (self.source / name).write_bytes(data)

    def read(self, folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def run_tool(self, *words, tool=None):
        environment = dict(os.environ, TESSERA_CHECK_LOG=str(PROGRAM), TZ="America/New_York")
        done = subprocess.run([tool or PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60, env=environment)
        for mark in ("Sanitizer", "runtime error"):
            self.assertNotIn(mark, done.stderr)
        return done.returncode, done.stdout + done.stderr

    def expect(self, status, *words, tool=None):
        """The output, if that was the exit status, and the source is what it was."""
        before = self.read(self.source) if self.source.exists() else None
        code, text = self.run_tool(*words, tool=tool)
        self.assertEqual(code, status, text)
        if before is not None:
            self.assertEqual(self.read(self.source), before)
        return text

    def compare(self, files, wanted):
        self.assertEqual(files["tessera.manifest"].decode(), wanted["tessera.manifest"].decode())
        self.assertEqual(files, wanted)

    def new_folder(self):
        self.count += 1
        return self.folder / ("out%d" % self.count)

    def restore(self, until, status=0):
        """Output and files."""
        out = self.new_folder()
        text = self.expect(status, "--until", until if isinstance(until, str) else "%d.%03d" % divmod(until, SECOND), "--out", out, self.source)
        if status != 0:
            self.assertFalse(out.exists())
            return text, None
        return text, self.read(out)

    def refuse(self, until, status=2):
        return self.restore(until, status)[0]

    def listed(self, status=0, folder=None):
        text = self.expect(status, "--list", folder or self.source)
        return text, dict(line.split(": ", 1) for line in text.splitlines() if line.startswith(("earliest: ", "latest: ", "bytes: ")))

    def unit_of_two_shards(self):
        """A unit whose second part is closed later."""
        logs = [Log(1, shard, 2, START, 1) for shard in (0, 1)]
        unit = [(0, 2), (1, 2)]
        both = [effect(b"SET", b"k", b"w", unit=1), unit_end(1, *unit)]
        for shard, log in enumerate(logs):
            log.add(1, [effect(b"SET", b"k", b"v")], START + 10 + shard, 0)
            log.add(2, both, START + 20 + 10 * shard, 0, [unit])
            log.add(3, [effect(b"SET", b"k", b"x")], START + 25 + 10 * shard, 1)
        return [("base.1.rdb", rdb(START // SECOND - 1))], [Run([logs])]

    # --- moments ---

    def test_a_unit_is_there_whole_or_not_at_all(self):
        bases, runs = self.unit_of_two_shards()
        self.write(source_files(bases, runs))
        for offset, ends in ((9, (0, 0)), (10, (1, 0)), (11, (1, 1)), (20, (1, 1)), (25, (1, 1)), (29, (1, 1)), (30, (3, 2)), (35, (3, 3)), (999, (3, 3))):
            text, files = self.restore(START + offset)
            self.assertEqual(files, expected(bases, runs, START + offset), offset)
            for log, end in zip(runs[0].generations[0], ends):
                self.assertEqual(files.get(log.name), log.up_to(end) if end else None, (offset, log.name))
            self.assertEqual("this is everything" in text, offset >= 35, text)
            if offset == 25:
                self.assertIn("left out, as they need what is later: 2 frames, 3 records, 1 units", text)
            self.expect(0, self.folder / ("out%d" % self.count))

    def test_times_are_read_in_each_form(self):
        bases, runs = self.unit_of_two_shards()
        self.write(source_files(bases, runs))
        for text in ("1791203400.011", "2026-10-05T12:30:00.011Z", "2026-10-05 12:30:00.011", "2026-10-05T14:30:00.0119+02:00"):
            self.assertEqual(self.restore(text)[1], expected(bases, runs, START + 11), text)
        for text in ("yesterday", "0", "-1", "2026-10-05T25:00", ""):
            self.assertIn("this is no time", self.refuse(text))

    def test_random_logs_at_random_moments(self):
        first = int(os.environ.get("TESSERA_SEED", "1"))
        for seed in range(first, first + int(os.environ.get("TESSERA_RESTORES", "15"))):
            rng = random.Random(seed)
            bases, runs = random_log(rng, seed % 3 == 0)
            self.write(source_files(bases, runs))
            times = sorted(row[1] for run in runs for logs in run.generations for log in logs for row in log.frames) or [START]
            for until in {rng.randint(times[0], times[-1]), rng.choice(times), rng.choice(times) - 1, times[-1] + rng.randint(0, 60)}:
                until = max(until, START)
                with self.subTest(seed=seed, until=until):
                    files = self.restore(until)[1]
                    self.compare(files, expected(bases, runs, until))
                    out = self.folder / ("out%d" % self.count)
                    if rng.random() < 0.2: # what was restored is a log's folder itself
                        self.expect(0, out)
                        again = self.new_folder()
                        self.expect(0, "--until", "9999-12-31", "--out", again, out)
                        self.assertEqual(self.read(again), files)
                    shutil.rmtree(out)

    def test_where_the_clock_was_set_back_a_log_ends_at_the_first_frame_that_is_later(self):
        log = Log(1, 0, 1, START, 1)
        for sequence, offset in enumerate((10, 90, 20, 100), 1):
            log.add(sequence, [effect(b"SET", b"k", b"%d" % sequence)], START + offset, 0)
        after = Log(2, 0, 1, START + 30, 1)
        after.add(1, [effect(b"SET", b"k", b"a")], START + 40, 0)
        log.end = 4
        bases, runs = [("base.1.rdb", rdb(START // SECOND - 1))], [Run([[log]]), Run([[after]])]
        self.write(source_files(bases, runs))
        for offset, sequence in ((10, 1), (50, 1), (89, 1), (90, 3), (99, 3)):
            files = self.restore(START + offset)[1]
            self.assertEqual(files["log.1.0"], log.up_to(sequence), offset)
            self.assertNotIn("log.2.0", files)
        self.assertEqual(self.restore(START + 100)[1]["log.2.0"], after.up_to(1))

    def test_a_log_that_was_made_later_does_not_count(self):
        logs = [Log(1, 0, 1, START, 1), Log(2, 0, 1, START + 50, 0)]
        logs[0].add(1, [effect(b"SET", b"k", b"1")], START + 10, 0)
        logs[1].add(2, [effect(b"SET", b"k", b"2")], START + 20, 0)
        runs = [Run([[log] for log in logs])]
        self.write(source_files([], runs))
        self.assertEqual(sorted(self.restore(START + 30)[1]), ["log.1.0", "tessera.manifest"])
        self.assertEqual(self.restore(START + 50)[1], expected([], runs, START + 50))

    def test_what_a_frame_says_of_others_that_are_later_is_not_believed(self):
        logs = [Log(1, shard, 2, START, 1) for shard in (0, 1)]
        unit = [(0, 1), (1, 1)]
        for log, offset in zip(logs, (20, 30)): # the clock was set back in between
            log.add(1, [effect(b"SET", b"k", b"w", unit=1), unit_end(1, *unit)], START + offset, 0, [unit])
        logs[0].add(2, [effect(b"SET", b"k", b"x")], START + 25, 1)
        runs = [Run([logs])]
        self.write(source_files([], runs))
        text, files = self.restore(START + 27)
        self.assertEqual(files, expected([], runs, START + 27))
        self.assertEqual(sorted(files), ["tessera.manifest"])
        self.assertIn("left out, as they need what is later: 2 frames, 3 records, 1 units", text)
        self.assertEqual(self.restore(START + 30)[1], expected([], runs, START + 30))

    def test_what_is_behind_a_seal_does_not_come_back(self):
        log, after = Log(1, 0, 1, START, 1), Log(2, 0, 1, START + 50, 1)
        for sequence in (1, 2, 3):
            log.add(sequence, [effect(b"SET", b"k", b"%d" % sequence)], START + 10 * sequence, 0)
        log.end = 2
        after.add(1, [effect(b"SET", b"k", b"a")], START + 60, 0)
        self.write(source_files([], [Run([[log]]), Run([[after]])]))
        self.assertEqual(self.restore(START + 55)[1]["log.1.0"], log.up_to(2))
        self.assertEqual(self.restore(START + 30)[1]["log.1.0"], log.up_to(2))

    # --- which there are ---

    def test_the_earliest_moment_is_that_of_the_base(self):
        bases, runs = self.unit_of_two_shards()
        log = runs[0].generations[0]
        rows = [  # seconds of the base, the earliest moment
            (START // SECOND - 1, START - 1),       # the second before: all of it
            (START // SECOND, START + 10),          # the same second as the first frame: that
            (START // SECOND + 1, START + 1999),    # the clock was set back
            (None, START + 10),                     # it does not say
        ]
        for second, earliest in rows:
            data = rdb(second)
            self.write(source_files([("base.1.rdb", data)], runs))
            _, found = self.listed()
            text = self.refuse(earliest - 1)
            self.assertIn("is before the base: the earliest moment that can be restored is %s" % found["earliest"], text)
            self.assertEqual(self.restore(found["earliest"])[1], expected([("base.1.rdb", data)], runs, earliest))
        for one in log:
            one.frames = []
        self.write(source_files(bases, runs))
        _, found = self.listed()
        self.assertEqual((found["earliest"], found["latest"]), ("2026-10-05T12:29:59.999Z",) * 2)
        self.write(source_files([], runs))
        self.assertIn("is before the log: the earliest moment that can be restored is 2026-10-05T12:30:00.000Z", self.refuse(START - 1))
        self.assertEqual(sorted(self.restore(START)[1]), ["tessera.manifest"])

    def test_the_list_has_the_range_and_the_bytes(self):
        bases, runs = self.unit_of_two_shards()
        self.write(source_files(bases, runs))
        text, found = self.listed()
        size = sum(len(data) for name, data in source_files(bases, runs).items() if name != "tessera.manifest")
        self.assertEqual(found, {"earliest": "2026-10-05T12:29:59.999Z", "latest": "2026-10-05T12:30:00.035Z", "bytes": str(size)})
        self.assertIn("generation 1: 2 shards, 6 frames, 8 records", text)
        self.assertEqual(self.restore(found["latest"])[1], expected(bases, runs, START + 1000))

    # --- refusals ---

    def test_damage_is_refused_and_moments_before_it_are_not(self):
        bases, runs = self.unit_of_two_shards()
        files = source_files(bases, runs)
        log = runs[0].generations[0][1]
        damaged = bytearray(files["log.1.1"])
        damaged[len(log.up_to(1)) + 70] ^= 1
        self.write(dict(files, **{"log.1.1": bytes(damaged)}))
        text = self.refuse(START + 50, 1)
        self.assertIn("log.1.1: offset %d: DAMAGE" % len(log.up_to(1)), text)
        self.assertIn("the latest moment before the damage that can be restored is 2026-10-05T12:30:00.010Z", text)
        text, found = self.listed(1)
        self.assertEqual(found["latest"], "2026-10-05T12:30:00.010Z")
        self.assertEqual(self.restore(found["latest"])[1], expected(bases, runs, START + 10))

    def test_a_frame_that_was_committed_and_is_missing_is_refused(self):
        bases, runs = self.unit_of_two_shards()
        log = runs[0].generations[0][0]
        log.add(4, [effect(b"SET", b"k", b"y")], START + 50, 3)
        files = source_files(bases, runs)
        files["log.1.1"] = runs[0].generations[0][1].up_to(1)
        self.write(files)
        self.assertIn("frames that were on disk are missing", self.refuse(START + 50, 1))
        self.assertEqual(self.restore(START + 49)[1]["log.1.0"], log.up_to(1))
        self.assertEqual(self.listed(1)[1]["latest"], "2026-10-05T12:30:00.010Z")

    def test_sealed_logs_have_to_be_whole(self):
        first, second = Log(1, 0, 1, START, 1), Log(2, 0, 1, START + 50, 1)
        first.add(1, [effect(b"SET", b"k", b"1")], START + 10, 0)
        first.add(2, [effect(b"SET", b"k", b"2")], START + 20, 0)
        first.end = 2
        second.add(1, [effect(b"SET", b"k", b"3")], START + 60, 0)
        files = source_files([], [Run([[first]]), Run([[second]])])
        for data in (first.up_to(2)[:-8], first.up_to(1) + bytes(len(first.frames[1][2])), first.up_to(1), b"", None):
            changed = dict(files, **{"log.1.0": data})
            if data is None:
                del changed["log.1.0"]
            self.write(changed)
            self.refuse(START + 60, 1)
            self.listed(1)
        self.write(dict(files, **{"log.1.0": first.up_to(1) + bytes(len(first.frames[1][2]))}))
        self.assertEqual(self.restore(START + 9)[1], expected([], [Run([[first]]), Run([[second]])], START + 9))
        self.write({name: data for name, data in files.items() if name != "log.2.0"})
        self.assertIn("the manifest names it, and it is not there", self.refuse(START + 60, 1))

    def test_bases_have_to_be_whole(self):
        bases, runs = self.unit_of_two_shards()
        files = source_files(bases, runs)
        data = bases[0][1]
        for number, damaged in enumerate((data[:-1], data + b"\n", data[:60] + b"?" + data[61:], data[:-9] + b"\0" + data[-8:], None)):
            self.write({name: content for name, content in dict(files, **{"base.1.rdb": damaged}).items() if content is not None})
            text = self.refuse(START + 50, 1)
            self.assertIn("base.1.rdb", text, number)
        without = data[:-8] + bytes(8)
        self.write(dict(files, **{"base.1.rdb": without}))
        self.assertEqual(self.restore(START + 50)[1]["base.1.rdb"], without)

    def test_folders_that_are_none_or_not_empty(self):
        bases, runs = self.unit_of_two_shards()
        self.source.mkdir()
        self.assertIn("there is no log", self.refuse(START + 50))
        self.expect(2, "--list", self.source)
        self.expect(2, "--list", self.source / "absent")
        self.write(source_files(bases, runs))
        until = ["--until", "9999-12-31", "--out"]
        for out in (self.source, self.folder):
            self.assertIn("nothing is overwritten", self.expect(2, *until, out, self.source))
        self.assertIn("the directory that it is to be in is not there", self.expect(2, *until, self.folder / "absent" / "out", self.source))
        self.expect(2, *until, self.source / "log.1.0", self.source)
        empty = self.new_folder()
        empty.mkdir()
        self.expect(0, *until, empty, self.source)
        self.assertEqual(self.read(empty), expected(bases, runs, START + 1000))
        for words in (["--until", "9999-12-31"], ["--out", empty], ["--until"], ["--list", "--fix"], ["--list", *until, empty]):
            self.expect(2, *words, self.source)
        self.write(dict(source_files(bases, runs), **{"tessera.manifest": b"tessera-log 1\n"}))
        self.assertIn("tessera.manifest: line 1: DAMAGE", self.refuse(START + 50, 1))

    # --- tools/restore ---

    def test_the_tool_lists_and_restores(self):
        bases, runs = self.unit_of_two_shards()
        self.write(source_files(bases, runs))
        tool = TOOLS / "restore"
        self.assertIn("latest: 2026-10-05T12:30:00.035Z", self.expect(0, self.source, tool=tool))
        out = self.new_folder()
        self.expect(0, self.source, out, "--until", "2026-10-05T08:30:00.011-04:00", tool=tool)
        self.assertEqual(self.read(out), expected(bases, runs, START + 11))
        self.assertIn("nothing is overwritten", self.expect(2, self.source, out, "--until", "9999-12-31", tool=tool))
        self.assertIn("--until says which moment", self.expect(2, self.source, self.new_folder(), tool=tool))
        self.expect(2, self.source, "--until", "9999-12-31", tool=tool)
        (self.source / "tessera.manifest").unlink()
        self.assertIn("has no log", self.expect(2, self.source, self.new_folder(), "--until", "9999-12-31", tool=tool))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
