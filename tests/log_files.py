"""log_files - logs, manifests and append-only files of Redis as bytes, written from the drawings in src/aof alone: a second opinion.

  tests/log_files.py FOLDER    writes seeds for the fuzz targets aof_log and aof_manifest there
"""

import pathlib
import struct
import sys

HEADER, FRAME = 64, 64


def make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = make_table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def crc64(data, crc=0):
    """Of RDB files: Jones's polynomial, reflected."""
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
    return crc


def rdb(ctime=None, key=b"k"):
    """An RDB file with one key, of a second."""
    def text(word):
        return bytes([len(word)]) + word
    data = b"REDIS0010\xfa" + text(b"redis-ver") + text(b"7.0.15")
    data += b"\xfa" + text(b"ctime") + text(b"%d" % ctime) if ctime is not None else b""
    data += b"\xfe\0\xfb\1\0\0" + text(key) + text(b"v") + b"\xff"
    return data + struct.pack("<Q", crc64(data))


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def record(kind, unit, body):
    text = bytes([kind | (0x80 if unit else 0)]) + (varint(unit) if unit else b"") + body
    return varint(len(text)) + text


def effect(*words, db=0, unit=0, kind=1):
    body = varint(db) + varint(len(words)) + b"".join(varint(len(word)) + word for word in words)
    return record(kind, unit, body)


def effect_of_all(*words, unit):
    return effect(*words, unit=unit, kind=2)


def unit_end(unit, *participants):
    return record(3, unit, varint(len(participants)) + b"".join(varint(shard) + varint(frame) for shard, frame in participants))


def header(file_id, generation, shard, shards, wall_ms=0):
    start = b"TSLOG\r\n\x1a" + struct.pack("<I", 1)
    rest = struct.pack("<QQIIq", file_id, generation, shard, shards, wall_ms).ljust(HEADER - 16, b"\0")
    return start + struct.pack("<I", crc32c(start + rest)) + rest


def frame(file_id, sequence, records, durable=0, committed=0, wall_ms=0):
    payload = b"".join(records)
    payload += bytes(-len(payload) % 8)
    rest = struct.pack("<QQQQQqII", file_id, len(payload), sequence, durable, committed, wall_ms, len(records), 0)
    return b"TFRM" + struct.pack("<I", crc32c(payload + rest)) + rest + payload


def manifest(lines):
    text = "".join(line + "\n" for line in ["tessera-log 1", *lines]).encode()
    return text + b"crc32c %08x\n" % crc32c(text)


def run_manifest(ids, bases=()):
    """One generation, 1, with a log for each id, its first frame being 1."""
    return manifest(["base %s %d" % base for base in bases] + ["generation 1 shards %d" % len(ids)] +
                    ["log %d log.1.%d %016x first 1" % (shard, shard, file_id) for shard, file_id in enumerate(ids)])


def resp(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def example(ids=(0x1111, 0x2222), generation=1):
    """Two logs with an effect, a barrier and a unit; frames that know those before."""
    return [header(file_id, generation, shard, 2) +
            frame(file_id, 1, [effect(b"SET", b"k%d" % shard, b"v")], wall_ms=1 + shard) +
            frame(file_id, 2, [effect_of_all(b"FLUSHALL", unit=1), unit_end(1, (0, 2), (1, 2))], 1, 1, 3) +
            frame(file_id, 3, [effect(b"DEL", b"k", unit=2), unit_end(2, (0, 3), (1, 3)), effect(b"PERSIST", b"k")], 2, 2, 4 + shard) +
            frame(file_id, 4, [], 3, 3, 6)
            for shard, file_id in enumerate(ids)]


def write_seeds(folder):
    logs = example() + [header(file_id, 2, shard, 2) + frame(file_id, 5, [effect(b"SET", b"k", b"w" * 200)], 4, 4)
                        for shard, file_id in enumerate((0x3333, 0x4444))]
    padded = [log + bytes(-len(log) % 64) for log in logs]
    lengths = bytes(len(log) // 64 for log in padded)
    torn = [padded[0][:-40], padded[1][:-128]]
    (folder / "aof_log").mkdir(parents=True, exist_ok=True)
    (folder / "aof_manifest").mkdir(parents=True, exist_ok=True)
    (folder / "aof_log" / "run").write_bytes(b"\0" + lengths + b"".join(padded))
    (folder / "aof_log" / "run_put_right").write_bytes(b"\1" + lengths + b"".join(padded))
    (folder / "aof_log" / "moment").write_bytes(b"\x09" + lengths + b"".join(padded))
    (folder / "aof_log" / "torn").write_bytes(b"\0" + bytes(len(log) // 64 for log in torn) + b"\2\2" + b"".join(torn))
    (folder / "aof_manifest" / "run").write_bytes(run_manifest([1, 2], [("base.1.rdb", 99)]))
    (folder / "aof_manifest" / "sealed").write_bytes(manifest(
        ["generation 7 shards 1", "log 0 log.7.0 00000000000000a0 first 1 end 5 640",
         "generation 8 shards 2", "log 0 log.8.0 00000000000000b0 first 1", "log 1 log.8.1 00000000000000b1 first 1",
         "generation 9 shards 2", "log 0 log.9.0 00000000000000c0 follows", "log 1 log.9.1 00000000000000c1 follows"]))
    (folder / "aof_manifest" / "unsealed").write_bytes(manifest(["base base.1.rdb 1", "generation 1 shards 1"]).rpartition(b"crc32c")[0])


if __name__ == "__main__":
    write_seeds(pathlib.Path(sys.argv[1]))
