#!/usr/bin/python3
"""rdb_seeds.py - writes the seeds of the fuzz target persist_rdb_file, tests/fuzz/corpus/persist_rdb_file:

  <name>         a file that redis-server has written (harness/rdb_files.py), but for its time, memory and checksum, which are zeros
  value_<name>   a file of one key with a value of the target persist_rdb_read's seeds: types of older versions
  made_<name>    a file made by hand: what later versions or modules write
"""

import os
import pathlib
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server"))

from harness import rdb_files  # noqa: E402

CHANGING = re.compile(rb"(?<=\x05ctime\xc2)....|(?<=\x08used-mem\xc2)....", re.DOTALL)
CORPUS = pathlib.Path(__file__).parent / "corpus"
OUT = CORPUS / "persist_rdb_file"
MODULE = b"\x81\xb5\xeb\x2d\xfa\xdc\xa9\x78\x03"
WORD = bytes(range(8))
TIME = (2000000000000).to_bytes(8, "little")
STREAM_ID = (1000).to_bytes(8, "big") + bytes(8)
MADE = {
    "slot_info": b"\xfe\x00\xf4\x7f\xff\x01\x00\x00\x01k\xc0\x05",
    "seconds": b"\xfd\xff\xff\xff\x7f\xf8\x41\x00\xf9\x07\x00\x01k\x01v",
    "set_listpack": b"\x14\x01k\x0c\x0c\0\0\0\x02\0\x81a\x02\x07\x01\xff",
    "hash_expiring": b"\x18\x01k" + WORD + b"\x02\x00\x01a\x01b\x00\x01c\xc0\x07",
    "hash_field_expiry": b"\x18\x01k" + WORD + b"\x02\x00\x01a\x01b\x01\x01c\xc0\x07",
    "hash_timed": b"\x18\x01k" + TIME + b"\x02\x02\x01a\x01b\x01\x01c\xc0\x07",
    "hash_timed_old": b"\x16\x01k" + b"\x02\x09\x01a\x01b\x00\x01c\xc0\x07",
    "hash_timed_listpack": b"\x19\x01k" + TIME + b"\x0f\x0f\0\0\0\x03\0\x81a\x02\x81b\x02\x09\x01\xff",
    "hash_timed_listpack_old": b"\x17\x01k" + b"\x0f\x0f\0\0\0\x03\0\x81a\x02\x81b\x02\x09\x01\xff",
    "hash_expiring_listpack": b"\x19\x01k" + WORD + b"\x0f\x0f\0\0\0\x03\0\x81a\x02\x81b\x02\x00\x01\xff",
    "stream_3": b"\x15\x01k\x00\x00" + b"\x01" * 7 + b"\x01\x01g\x00\x00\x00\x01" + STREAM_ID + WORD + b"\x01\x01\x01c" + WORD * 2 +
                b"\x01" + STREAM_ID,
    "module": b"\xf7" + MODULE + b"\x02\x02\x01\x01\x05\x02xy\x00\x07\x01k" + MODULE + b"\x02\x05\x03abcd\x04" + WORD + b"\x05\x01z\x00",
    "old_function": b"\xf6\x01a",
}


def file_of(items, version=b"0012"):
    return b"REDIS" + version + items + b"\xff" + bytes(8)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name in rdb_files.DATA:
        data, _ = rdb_files.make(name)
        (OUT / name).write_bytes(CHANGING.sub(bytes(4), data[:-8]) + bytes(8))
    for path in (CORPUS / "persist_rdb_read").iterdir():
        value = path.read_bytes()
        if not path.name.startswith("bad"):
            (OUT / ("value_" + path.name)).write_bytes(file_of(value[:1] + b"\x01k" + value[1:], b"0006"))
    for name, items in MADE.items():
        (OUT / ("made_" + name)).write_bytes(file_of(items))


if __name__ == "__main__":
    main()
