#!/usr/bin/python3
"""snapshot_seeds.py - writes the seeds of the fuzz targets snapshot_saved_tables and snapshot_chunk_index, from files that the server writes:

  tests/fuzz/corpus/snapshot_saved_tables/<table>   the field of a table's definition and those of its rows, each behind its length (2 bytes)
  tests/fuzz/corpus/snapshot_chunk_index/<name>     a small file with its index, but for its time, memory and checksum, which are zeros
"""

import os
import pathlib
import re
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server"))

from harness.process import Server  # noqa: E402

CORPUS = pathlib.Path(__file__).parent / "corpus"
CHANGING = re.compile(rb"(?<=\x05ctime\xc2)....|(?<=\x08used-mem\xc2)....", re.DOTALL)
FIELD_MAX = 0xffff
TABLES = {
    "plain": (["a:string", "b:integer", "c:date", "d:float"], ["a=x", "b=-7", "c=2020-01-02", "d=0.5"]),
    "indexed": (["name:string:hash", "number:integer:btree", "c:float"], ["name=some words", "number=12345678901"]),
    "nulls": (["a:string", "b:integer", "c:date", "d:float", "e:string", "f:integer", "g:integer", "h:string", "i:string"], ["i=last"]),
    "types": (["a:boolean", "b:datetime:btree", "c:decimal(10,2):hash", "d:blob", "e:uuid:hash", "f:json"],
              ["a=true", "b=2024-05-01T12:30:00Z", "c=-1.5", "d=x", "e=550e8400-e29b-41d4-a716-446655440000", "f=[1, null]"]),
    "options": (["a:integer:notnull:default=7", "b:decimal:default=1.5", "c:json:default={}", "d:string:notnull", "e:uuid:default=" + "0" * 32],
                ["d=x"]),
    "long": (["text:string"], ["text=" + "words " * 400]),
}


def length_at(data, at):
    first = data[at]
    if first < 64:
        return first, at + 1
    if first < 128:
        return (first & 63) << 8 | data[at + 1], at + 2
    if first == 0x80:
        return struct.unpack(">I", data[at + 1:at + 5])[0], at + 5
    raise ValueError("no length at %d" % at)


def fields(data, name):
    """The values of all AUX fields of this name, which are plain."""
    head = b"\xfa" + bytes([len(name)]) + name
    for found in re.finditer(re.escape(head), data):
        length, at = length_at(data, found.end())
        yield data[at:at + length]


def saved(shards, *make):
    """The file of a server that was told these commands."""
    server = Server("tessera", shards, ("--rdbcompression", "no"))
    try:
        with server.connect() as client:
            for words in make:
                client.run(*words)
            client.run("SAVE")
        with open(os.path.join(server.folder, "dump.rdb"), "rb") as file:
            return file.read()
    finally:
        server.stop()


def table_seed(columns, row):
    data = saved(1, ("TABLE.NAMESPACE.CREATE", "n"), ("TABLE.SCHEMA.CREATE", "n.t", *columns), *[("TABLE.INSERT", "n.t", *row)] * 5)
    parts = list(fields(data, b"tessera-table")) + list(fields(data, b"tessera-rows"))
    assert len(parts) == 2 and all(len(part) <= FIELD_MAX for part in parts)
    return b"".join(struct.pack("<H", len(part)) + part for part in parts)


def write(folder, name, data):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    (CORPUS / folder / name).write_bytes(data)


def main():
    for name, (columns, row) in TABLES.items():
        write("snapshot_saved_tables", name, table_seed(columns, row))
    for shards in (1, 2, 4):
        data = saved(shards, *[("SET", "key:%d" % i, "value") for i in range(20)])
        write("snapshot_chunk_index", "shards%d" % shards, CHANGING.sub(bytes(4), data[:-8]) + bytes(8))


if __name__ == "__main__":
    main()
