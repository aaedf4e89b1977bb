"""tessera-check-rdb over files that redis-server writes, whole and damaged; no server of ours runs."""

import collections
import os
import random
import re
import subprocess

import pytest

from harness import rdb_files
from harness.process import BUILD, REPORTS

PROGRAM = os.path.join(BUILD, "tessera-check-rdb")
WHOLE, DAMAGED, UNREAD = 0, 1, 2


def check(path, *options):
    """The exit status, and what it printed."""
    done = subprocess.run([PROGRAM, *options, str(path)], capture_output=True, timeout=60)
    output = done.stdout.decode() + done.stderr.decode()
    assert not REPORTS.search(output), output
    return done.returncode, output


def write(folder, data):
    path = folder / "file.rdb"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def made():
    """made(name): the file, and its keys' types; made once."""
    files = {}

    def make(name):
        if name not in files:
            files[name] = rdb_files.make(name)
        return files[name]

    return make


@pytest.mark.parametrize("options", [(), ("--fast",)], ids=["all", "fast"])
@pytest.mark.parametrize("name", rdb_files.DATA)
def test_counts_what_is_in_a_file(made, tmp_path, name, options):
    data, databases = made(name)
    status, output = check(write(tmp_path, data), *options)
    assert status == WHOLE, output
    assert "checksum: %s\n" % ("none" if data.endswith(bytes(8)) else "right") in output
    assert "%d bytes, RDB version 10\n" % len(data) in output
    assert "keys: %d\n" % sum(len(types) for types in databases.values()) in output
    counts = collections.Counter()
    for kind, count in re.findall(r"^  (\w+) +(\d+) +\d+ bytes", output, re.MULTILINE):
        counts[kind] += int(count)
    assert counts == collections.Counter(kind.decode() for types in databases.values() for kind in types.values())
    for number, types in databases.items():
        assert not types or "  database %d: %d, " % (number, len(types)) in output
    assert "the file says" not in output


def test_tells_what_stands_beside_values(made, tmp_path):
    def shown(name):
        return check(write(tmp_path, made(name)[0]))[1]

    assert re.search(r"^  redis-ver +7\.0\.", shown("empty"), re.MULTILINE)
    assert "libraries of functions: 2, " in shown("functions") and "  #!lua name=second\n" in shown("functions")
    assert "expiring: 2, over by now: 0\n" in shown("expiring")
    assert "with an idle time: 5\n" in shown("lru")
    assert "with a frequency: 5\n" in shown("lfu")
    top = re.findall(r"^ +(\d+)  (\w+) +database (\d+)  \"(.*)\"$", shown("strings"), re.MULTILINE)
    assert top == sorted(top, key=lambda row: -int(row[0])) and len(top) == 10
    assert r"\x00\xff\x0a" in [row[3] for row in top]


@pytest.mark.heavy
def test_finds_every_flipped_byte(made, tmp_path):
    data = made("all")[0]
    rng = random.Random(11)
    for at in rng.sample(range(len(data)), 60):
        broken = bytearray(data)
        broken[at] ^= 1 << rng.randrange(8)
        status, output = check(write(tmp_path, bytes(broken)), *rng.choice([(), ("--fast",)]))
        # Zeros instead of a checksum mean that there is none.
        assert status == DAMAGED, "byte %d of %d" % (at, len(data))
        assert re.search(r"^offset \d+: .+$", output, re.MULTILINE) and output.endswith(" is DAMAGED\n")


def test_finds_that_a_file_is_cut_off(made, tmp_path):
    data = made("all")[0]
    for length in {0, 1, 5, 8, 9, 10, len(data) - 9, len(data) - 8, len(data) - 1, *range(20, len(data), 97)}:
        status, output = check(write(tmp_path, data[:length]))
        assert status == DAMAGED, length
        offset = int(re.search(r"^offset (\d+): ", output, re.MULTILINE)[1])
        assert offset <= length


def test_goes_on_behind_a_damaged_value(tmp_path):
    """A member twice, then a good key: the first is told, the second is counted."""
    items = b"\x02\x01a\x02\x01x\x01x" + b"\x02\x01b\x02\x01x\x01y"
    path = write(tmp_path, b"REDIS0010" + items + b"\xff" + bytes(8))
    status, output = check(path)
    assert status == DAMAGED and "keys: 2\n" in output
    assert 'offset 12: the value of key "a" (set, type 2) is damaged\n' in output
    assert check(path, "--fast")[0] == WHOLE


def test_tells_what_cannot_be_loaded(tmp_path):
    module = b"\x81\xb5\xeb\x2d\xfa\xdc\xa9\x78\x03"
    items = b"\x18\x01h" + bytes(8) + b"\x01\x01\x01f\x01v" + b"\x07\x01m" + module + b"\x00" + b"\xf7" + module + b"\x02\x02\x00"
    status, output = check(write(tmp_path, b"REDIS0012" + items + b"\xff" + bytes(8)))
    assert status == WHOLE
    assert 'the first is "h"' not in output
    assert 'keys that cannot be loaded here: 1, the first is "m": a module\'s values are not supported\n' in output
    assert "  test-type (version 3): 1 keys, 1 parts beside keys, " in output


def test_says_why_a_file_cannot_be_read(tmp_path):
    assert check(tmp_path / "absent")[0] == UNREAD
    assert check(tmp_path)[0] == UNREAD
    assert check("--fats")[0] == UNREAD
    assert check("--help")[0] == WHOLE
    path = write(tmp_path, b"*1\r\n$4\r\nPING\r\n")
    status, output = check(path)
    assert status == DAMAGED and "offset 0: this is no RDB file of Redis: it does not begin with REDIS\n" in output
    status, output = check(write(tmp_path, b"REDIS0099\xff" + bytes(8)))
    assert status == DAMAGED and "offset 5: RDB version 99 is not supported: versions 1 to 12 are\n" in output
