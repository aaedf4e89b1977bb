#!/usr/bin/python3
"""check_log - tessera-check-log (tools/check-log) on logs and append-only files that log_files.py writes, good and damaged.

  tests/check_log.py PROGRAM
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from log_files import effect, example, frame, header, manifest, rdb, resp, run_manifest, unit_end

PROGRAM = None
IDS = (0x1111, 0x2222)


class CheckLog(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tessera-check-log-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write_folder(self, logs, bases=()):
        (self.folder / "tessera.manifest").write_bytes(run_manifest(IDS, bases))
        for shard, log in enumerate(logs):
            (self.folder / ("log.1.%d" % shard)).write_bytes(log)

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def run_tool(self, *words):
        done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60)
        for mark in ("Sanitizer", "runtime error"):
            self.assertNotIn(mark, done.stderr)
        return done.returncode, done.stdout

    def expect(self, status, *words):
        """The output, if that was the exit status."""
        code, text = self.run_tool(*words)
        self.assertEqual(code, status, text)
        return text

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    # --- our own logs ---

    def test_a_good_folder_is_shown(self):
        self.write("base.1.rdb", rdb())
        self.write_folder([log + bytes(512) for log in example()], [("base.1.rdb", len(rdb()))])
        text = self.expect(0, self.folder)
        self.assertIn("base.1.rdb: a base, %d bytes, an RDB file: 1 keys" % len(rdb()), text)
        self.assertIn("log.1.0: 4 frames (1 to 4), ", text)
        self.assertIn("6 records: 3 effects, 1 of all shards, 2 ends of units", text)
        self.assertIn("log.1.1: the cut is behind frame 4", text)
        self.assertIn(": good", text)

    def test_names_may_stand_behind_one_of_the_server(self):
        """appendfilename jobs: the manifest names files as always, and they are called jobs.log.1.0 and so on."""
        self.write_folder([log + bytes(512) for log in example()], [("base.1.rdb", len(rdb()))])
        self.write("base.1.rdb", rdb())
        for path in list(self.folder.iterdir()):
            path.rename(self.folder / ("jobs." + path.name))
        self.assertIn("log.1.0: 4 frames (1 to 4), ", self.expect(0, self.folder))
        self.assertIn("base.1.rdb: a base, %d bytes" % len(rdb()), self.expect(0, "--list", self.folder))
        self.write("jobs.log.1.1", (self.folder / "jobs.log.1.1").read_bytes()[:-600])
        self.expect(1, self.folder)
        self.expect(0, "--fix", self.folder)
        self.assertIn("jobs.tessera.manifest.before-fix", self.names())
        self.write_folder([])
        self.assertIn("several logs", self.expect(2, self.folder))
        self.assertIn("several logs", self.expect(2, "--list", self.folder))

    def test_frames_and_records_are_shown(self):
        self.write_folder(example())
        text = self.expect(0, "--records", self.folder / "log.1.1")
        self.assertIn("offset 64: frame 1, 1 records", text)
        self.assertIn("durable 2, committed 2", text)
        self.assertIn('db 0, unit 1, of all shards: "FLUSHALL"', text)
        self.assertIn("unit 2 ends; shard and frame: 0:3 1:3", text)
        self.assertNotIn("FLUSHALL", self.expect(0, "--frames", self.folder / "log.1.1"))

    def test_a_torn_tail_is_cut_and_may_be_sealed(self):
        logs = example()
        self.write_folder([logs[0] + frame(IDS[0], 5, [effect(b"SET", b"k", b"v")], 3)[:-9], logs[1]])
        self.assertIn("a torn tail", self.expect(0, self.folder))
        self.assertIn("a torn tail", self.expect(1, self.folder / "log.1.0"))
        self.expect(0, "--fix", self.folder / "log.1.0")
        self.assertEqual((self.folder / "log.1.0").read_bytes(), logs[0])
        self.assertIn("log.1.0.before-fix", self.names())

    def test_an_incomplete_unit_is_cut_off(self):
        logs = example()
        self.write_folder([logs[0] + frame(IDS[0], 5, [effect(b"SET", b"k", b"v", unit=3), unit_end(3, (0, 5), (1, 5))], 3, 3), logs[1]])
        text = self.expect(0, self.folder)
        self.assertIn("cut off: 1 units, 1 whole frames, 2 records", text)

    def test_damage_is_found_and_a_folder_repaired_by_its_manifest(self):
        logs = example()
        second = 64 + 64 + 16
        damaged = bytearray(logs[1])
        damaged[second + 70] ^= 4
        self.write_folder([logs[0], bytes(damaged)])
        text = self.expect(1, self.folder)
        self.assertIn("log.1.1: offset %d: DAMAGE" % second, text)
        self.assertIn("frame 2 was on disk", text)
        self.assertIn("NOT good", text)
        before = self.names()
        self.expect(1, self.folder)
        self.assertEqual(self.names(), before)
        text = self.expect(0, "--fix", self.folder)
        self.assertIn("repaired", text)
        self.assertEqual((self.folder / "log.1.1").read_bytes(), bytes(damaged))
        text = self.expect(0, self.folder)
        self.assertIn("log.1.0: 1 frames (1 to 1)", text)
        self.assertEqual(self.names(), sorted(before + ["tessera.manifest.before-fix"]))

    def test_what_is_wrong_in_a_frame_with_a_right_checksum_is_found(self):
        logs = example()
        for records in ([b"\x02\x07\x00"], [unit_end(9, (0, 5), (1, 5))], [effect(b"a", unit=8)],
                        [effect(b"a", unit=8), unit_end(8, (1, 5))], [effect(b"a", unit=8), unit_end(8, (0, 6), (1, 5))],
                        [effect(b"a", unit=8), effect(b"b", unit=9), unit_end(9, (0, 5), (1, 5))]):
            self.write_folder([logs[0] + frame(IDS[0], 5, records, 4), logs[1]])
            text = self.expect(1, self.folder)
            self.assertIn("log.1.0: offset %d: DAMAGE" % len(logs[0]), text)
            self.expect(0, "--fix", self.folder)
            self.expect(0, self.folder)

    def test_a_repair_does_not_bring_back_what_is_behind_a_seal(self):
        logs = [header(IDS[shard], 1, shard, 2) + b"".join(frame(IDS[shard], n, [effect(b"SET", b"k", b"%d" % n)], n - 1, n - 1) for n in (1, 2, 3))
                for shard in (0, 1)]
        one = (len(logs[0]) - 64) // 3
        later = header(0x3333, 2, 0, 1) + frame(0x3333, 1, [effect(b"SET", b"k", b"v")])
        self.write("log.2.0", later)
        lines = ["generation 1 shards 2"] + ["log %d log.1.%d %016x first 1 end 2 %d" % (shard, shard, IDS[shard], 64 + 2 * one) for shard in (0, 1)]
        for damaged, rest in ((64 + 1 + one, b"?"), (64 + 1, b"?"), (64 + 1 + one, None)):
            self.write("tessera.manifest", manifest(lines + ["generation 2 shards 1", "log 0 log.2.0 %016x first 1" % 0x3333]))
            self.write("log.1.0", logs[0])
            self.write("log.1.1", logs[1][:damaged] + (rest + logs[1][damaged + 1:] if rest else b""))
            self.expect(1, self.folder)
            self.expect(0, "--fix", self.folder)
            text = self.expect(0, self.folder)
            self.assertIn("log.1.0: 2 frames (1 to 2)", text)
            self.assertNotIn("generation 2", text)
            self.assertIn("log.1.1: 1 frames (1 to 1)" if damaged > 64 + one else "log.1.1: nothing of it counts", text)

    def test_files_that_are_not_there_or_others(self):
        logs = example()
        self.write_folder([logs[0], header(7, 1, 1, 2)])
        self.assertIn("it is not the file that the manifest means", self.expect(1, self.folder))
        (self.folder / "log.1.1").unlink()
        self.assertIn("the manifest names it, and it is not there", self.expect(1, self.folder))
        self.write("log.1.1", b"")
        self.expect(1, self.folder)
        self.expect(0, "--fix", self.folder)
        self.expect(0, self.folder)
        self.write("tessera.manifest", b"tessera-log 1\nbase\n")
        self.assertIn("tessera.manifest: line 2: DAMAGE", self.expect(1, self.folder))
        self.expect(2, "--fix", self.folder)

    def test_a_base_of_another_length(self):
        self.write("base.1.rdb", rdb())
        self.write_folder(example(), [("base.1.rdb", 9)])
        self.assertIn("base.1.rdb: DAMAGE: it has %d bytes, the manifest says 9" % len(rdb()), self.expect(1, self.folder))

    def test_a_base_is_read(self):
        good = rdb(1700000000)
        for at in range(0, len(good), 11):
            bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1:]
            self.write("base.1.rdb", bad)
            self.write_folder(example(), [("base.1.rdb", len(bad))])
            for words in ([], ["--list"]):
                text = self.expect(1, *words, self.folder)
                self.assertRegex(text, r"base\.1\.rdb: offset \d+: DAMAGE: ")
        self.write("base.1.rdb", b"")
        self.write_folder(example(), [("base.1.rdb", 0)])
        self.assertIn("base.1.rdb: offset 0: DAMAGE: ", self.expect(1, self.folder))
        self.assertIn("can be repaired", self.expect(2, "--fix", self.folder))
        (self.folder / "base.1.rdb").unlink()
        self.assertIn("base.1.rdb: No such file or directory", self.expect(1, self.folder))

    def test_a_time_that_is_none_is_told_alone(self):
        done = subprocess.run([PROGRAM, "--until", "yesterday", "--out", self.folder / "new", self.folder], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (2, ""))
        self.assertIn("yesterday: this is no time", done.stdout)

    # --- Redis's ---

    SET = resp(b"SET", b"k", b"v" * 100000)

    def redis_says_good(self, path):
        """What redis-check-aof says of it, where it is installed; None elsewhere."""
        program = shutil.which("redis-check-rdb")
        if program is None:
            return None
        done = subprocess.run(["bash", "-c", 'exec -a redis-check-aof "$0" "$1"', program, str(path)], capture_output=True, timeout=60)
        return done.returncode == 0

    def test_append_only_files_of_redis(self):
        pieces = [self.SET, b"#TS:1700000000\r\n", resp(b"MULTI"), resp(b"set", b"", b""), resp(b"EXEC")]
        rows = [
            (b"".join(pieces), None),
            (self.SET + self.SET[:-1], len(self.SET)),
            (self.SET + self.SET[:9], len(self.SET)),
            (self.SET + b"*1\r\n$4\r\nPINGxx", len(self.SET)),
            (self.SET + b"?" + self.SET, len(self.SET)),
            (self.SET + b"*x\r\n", len(self.SET)),
            (self.SET + pieces[2] + pieces[3], len(self.SET)),
            (self.SET + pieces[2] + pieces[3] + pieces[2], len(self.SET)),
            (pieces[4], 0),
        ]
        for data, good in rows:
            path = self.write("appendonly.aof", data)
            said = self.redis_says_good(path)
            if said is not None:
                self.assertEqual(said, good is None, data[-60:])
            text = self.expect(0 if good is None else 1, path)
            self.assertIn("good up to offset %d" % (len(data) if good is None else good), text)
            self.assertEqual(path.read_bytes(), data)
            self.expect(0, "--fix", path)
            self.assertEqual(path.read_bytes(), data if good is None else data[:good])
            if good is not None:
                self.assertIn(data, [copy.read_bytes() for copy in self.folder.glob("*.before-fix*")])

    def test_a_folder_of_redis(self):
        base = self.write("appendonly.aof.1.base.rdb", rdb())
        self.write("appendonly.aof.1.incr.aof", self.SET)
        last = self.write("appendonly.aof.2.incr.aof", self.SET[:-5])
        rows = ["file appendonly.aof.%d.%s seq %d type %s" % row for row in
                    ((1, "base.rdb", 1, "b"), (1, "incr.aof", 1, "i"), (2, "incr.aof", 2, "i"))]
        path = self.write("appendonly.aof.manifest", "\n".join(rows).encode() + b"\n")
        text = self.expect(1, self.folder)
        self.assertIn("base.rdb: a base, %d bytes, an RDB file: 1 keys" % len(rdb()), text)
        self.assertEqual(self.expect(1, path), text)
        base.write_bytes(rdb()[:-12] + rdb()[-11:])
        self.assertRegex(self.expect(1, path), r"base\.rdb: offset \d+: DAMAGE: ")
        self.expect(2, "--fix", self.folder)
        base.write_bytes(rdb())
        self.expect(0, "--fix", self.folder)
        self.assertEqual(last.read_bytes(), b"")
        self.expect(0, self.folder)
        self.write("appendonly.aof.1.incr.aof", self.SET[:-5])
        self.assertIn("only the last file can be repaired", self.expect(2, "--fix", self.folder))
        self.write("appendonly.aof.manifest", b"file a b c\n")
        self.expect(1, self.folder)

    def test_what_is_neither(self):
        self.expect(2, self.folder)
        self.expect(2, self.folder / "absent")
        self.expect(2)
        self.expect(2, "--what", self.folder)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
