"""tools/table-load, tools/table-dump and tools/table-import-redistable: what goes out of a table comes back identical, what is no row is told by its
line, and what RedisTABLE keeps in a Redis becomes tables."""

import csv
import io
import os
import random
import re
import signal
import sqlite3
import stat
import subprocess
import sys

import pytest

from harness.process import TOP, Server
from harness.resp import wait_until
from harness.tools import run_tool

sys.path.insert(0, os.path.join(TOP, "tools"))

from migration.endpoint import Refused  # noqa: E402
from table_files.csv_rows import Lines, records  # noqa: E402
from table_files.load import load as load_table  # noqa: E402
from table_files.load import parser as load_options  # noqa: E402

pytestmark = pytest.mark.heavy

SCHEMA = ["id:integer:hash", "s:string:btree", "i:integer", "f:float", "d:date:btree", "b:boolean:hash", "t:datetime", "m:decimal(18,2):default=-1.50",
          "x:blob", "u:uuid:hash", "j:json", "n:string:notnull:default=a \"b:\x01", "a,:string", "q\"'q:string", "\u00e9:integer"]
TEXTS = [b"", b" ", b"NULL", b"null", b'"', b"'", b'""', b"a,b;c\td", b"\r", b"\n", b"\r\n", b'x"\r\ny"', b"\x00", b"a\x00b'", b"\xff\xfe\x80",
         "\u00e9\u20ac\U0001f600\ufeff\u2028".encode(), b"\\n\\", b"true", b"17", b'{"base64": "eA=="}', b"=1+2", b"z" * 70_000]
VALUES = {
    "s": TEXTS, "x": TEXTS, "n": TEXTS, "a,": TEXTS, "q\"'q": TEXTS,
    "i": [0, -1, (1 << 63) - 1, -(1 << 63)], "\u00e9": [7],
    "f": ["0", "-0", "1e300", "-5e-324", "0.1", "1.7976931348623157e308", "inf", "-inf", "123456789.125"],
    "d": ["0001-01-01", "2024-02-29", "9999-12-31"], "b": ["true", "false"],
    "t": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-02-29T12:00:00.5Z"],
    "m": ["0", "-9999999999999999.99", "9999999999999999.99", "0.01"],
    "u": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "j": ["null", "17", '"x"', ' {"a": [1.50, "\u00e9\\u0000", {"base64": "?"}],\n "b": {}} ', "[" * 500 + "]" * 500],
}


def tool(name, server, *words):
    """Runs a tool for tables; gives what it printed."""
    status, output = run_tool("table-" + name, "--port", server.port, *words)
    assert status == 0, output
    return output


def make(client):
    client.run("TABLE.NAMESPACE.CREATE", "t")
    client.run("TABLE.SCHEMA.CREATE", "t.all", *SCHEMA)
    client.run("TABLE.SCHEMA.CREATE", "t.one", "v:string")


def fill(client):
    """Tables with all types and extremes, with one column, with gaps between ids."""
    make(client)
    commands = [["TABLE.INSERT", "t.all", "id=%d" % number] + [
        name.encode() + b"=" + (values[number] if isinstance(values[number], bytes) else str(values[number]).encode())
        for name, values in VALUES.items() if number < len(values)] for number in range(len(TEXTS) + 2)]
    commands += [["TABLE.INSERT", "t.one", b"v=" + value] for value in TEXTS]
    for reply in client.pipeline(commands):
        assert reply[0] == "$", reply
    client.run("TABLE.APPLY", "t.one", 5000, "INSERT")
    client.run("TABLE.APPLY", "t.one", 10**15, "INSERT", "v", "far")
    assert client.run("TABLE.DELETE", "t.all", "WHERE", "i=0") == 1


@pytest.mark.parametrize("form, words", [("csv", ()), ("jsonl", ()), pytest.param("csv", ("--delimiter", ";", "--null", "NULL"), marks=pytest.mark.slow)])
def test_a_dump_that_is_loaded_again_is_identical(start, shards, tmp_path, form, words):
    server = start("--enable-debug-command", "yes", shards=shards)
    with server.connect() as client:
        fill(client)
        before = client.run("DEBUG", "DIGEST")
        for table in ("t.all", "t.one"):
            tool("dump", server, table, tmp_path / ("%s.%s" % (table, form)), "--ids", *words)
        client.run("FLUSHALL")
        make(client)
        for table in ("t.all", "t.one"):
            tool("load", server, table, tmp_path / ("%s.%s" % (table, form)), "--ids", *words)
        assert client.run("DEBUG", "DIGEST") == before


def test_a_schema_is_made_again_by_redis_cli_and_a_dump_replaces_files_only(start, tmp_path):
    server = start("--enable-debug-command", "yes")
    with server.connect() as client:
        make(client)
        before = client.run("DEBUG", "DIGEST")
        written = tool("dump", server, "t.all", "--format", "schema")
        client.run("TABLE.DROP", "t.all", "FORCE")
        done = subprocess.run(["redis-cli", "-p", str(server.port)], input=written, check=True, capture_output=True, text=True)
        assert client.run("DEBUG", "DIGEST") == before, done.stdout
        client.run("TABLE.INSERT", "t.one", "v=a")
        assert tool("dump", server, "t.one", tmp_path / "moment", "--one-moment").startswith("dumped: 1 rows")
        assert (tmp_path / "moment").read_text() == "v\na\n"
        os.mkfifo(tmp_path / "pipe")
        with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
            tool("dump", server, "t.one", tmp_path / "pipe")
            assert reader.stdout.read() == b"v\na\n" and stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)
        os.symlink(tmp_path / "moment", tmp_path / "link")
        client.run("TABLE.INSERT", "t.one", "v=b")
        tool("dump", server, "t.one", tmp_path / "link")
        assert os.path.islink(tmp_path / "link") and (tmp_path / "moment").read_text() == "v\na\nb\n"
        client.run("TABLE.SCHEMA.CREATE", "t.own", "_id:string")
        client.run("TABLE.INSERT", "t.own", "_id=x")
        tool("dump", server, "t.own", tmp_path / "own")
        assert (tmp_path / "own").read_text() == "_id\nx\n"


def test_rows_of_sql_are_those_of_the_table(start, tmp_path):
    server = start()
    with server.connect() as client:
        fill(client)
        tool("dump", server, "t.all", tmp_path / "all.sql", "--name", "a \"b")
        rows = [row[1::2] for row in client.run("TABLE.SELECT", "t.all", "COLUMNS", *("id i f d b t u s x n j".split()), '"a,"', '"q""\'q"')]
    sqlite = sqlite3.connect(":memory:")
    sqlite.text_factory = bytes
    sqlite.executescript((tmp_path / "all.sql").read_bytes().decode())
    found = [list(row) for row in sqlite.execute('SELECT id, i, f, d, b, t, u, s, x, n, j, "a,", "q""\'q" FROM "a ""b" ORDER BY id')]
    floats = [(row.pop(2), other.pop(2)) for row, other in zip(rows, found)]
    assert found == rows and len(rows) == len(TEXTS) + 1
    assert all(other is None if ours is None else float(ours) == other for ours, other in floats)
    indexed = {row[0] for row in sqlite.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert indexed == {b'a "b_%b' % column for column in (b"id", b"s", b"d", b"b", b"u")}
    with pytest.raises(sqlite3.IntegrityError):
        sqlite.execute('INSERT INTO "a ""b" (n) VALUES (NULL)')


@pytest.mark.slow
def test_unique_columns_stay_unique(start, tmp_path):
    server = start()
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "t")
        client.run("TABLE.SCHEMA.CREATE", "t.u", "id:integer:primary", "m:string:btree:unique", "d:decimal(18,2):unique")
        for number in range(3):
            client.run("TABLE.INSERT", "t.u", "id=%d" % number, "m=m%d" % number, "d=9999999999999999.9%d" % number)
        tool("dump", server, "t.u", tmp_path / "u.sql", "--name", "u")
        tool("dump", server, "t.u", tmp_path / "u.csv", "--ids")
        sqlite = sqlite3.connect(":memory:")
        sqlite.executescript((tmp_path / "u.sql").read_text())
        assert sqlite.execute("SELECT count(*) FROM u").fetchone() == (3,)
        for row in ("(0, 'new', 1)", "(NULL, 'new', 1)", "(5, 'm1', 1)"):
            with pytest.raises(sqlite3.IntegrityError):
                sqlite.execute("INSERT INTO u VALUES " + row)
        client.run("TABLE.DELETE", "t.u")
        tool("load", server, "t.u", tmp_path / "u.csv", "--ids")
        client.run("TABLE.DELETE", "t.u")
        with open(tmp_path / "u.csv", "a", encoding="ascii") as file:
            file.write("77,7,m1,5\n")
        status, output = run_tool("table-load", "--port", server.port, "t.u", tmp_path / "u.csv", "--ids")
        assert status == 2 and "two rows of 't.u' have 'm1' in column 'm', so that it cannot be unique" in output
        client.run("TABLE.DELETE", "t.u")
        status, output = run_tool("table-load", "--port", server.port, "t.u", tmp_path / "u.csv", "--errors", "all")
        assert status == 1 and "line 5: ERR two rows of 't.u' would have 'm1'" in output


def test_ids_with_a_gap(start, tmp_path):
    server = start()
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "t")
        client.run("TABLE.SCHEMA.CREATE", "t.g", "n:integer:primary:auto", "s:string")
        numbers = [10 ** 15, None, 10 ** 17] + [None] * 2500 + [10 ** 18]
        client.pipeline(("TABLE.INSERT", "t.g", "s=x", *(["n=%d" % number] if number else [])) for number in numbers)
        tool("dump", server, "t.g", tmp_path / "g.csv", "--ids")
        written = (tmp_path / "g.csv").read_text().splitlines()[1:]
        assert written == ["%d,%d,x" % (row[0], row[1]) for row in (row[1::2] for row in client.run("TABLE.SELECT", "t.g", "COLUMNS", "_id", "n"))]
        assert int(client.run("INFO", "commandstats").split(b"cmdstat_table.select:calls=")[1].split(b",")[0]) < 30


def test_20000_rows_from_csv_and_back(start, shards, tmp_path):
    server = start(shards=shards)
    rng = random.Random(7)
    with open(tmp_path / "in.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow("id email name age w joined".split())
        for number in range(20_000):
            rows.writerow([number, "user%d@example.com" % number, rng.choice(["Ada", "Bob, jr", 'the "x"', "line\nbreak", "\u00c9mile"]),
                           rng.choice(["", rng.randrange(100)]), rng.random(), "2024-%02d-%02d" % (rng.randrange(1, 13), rng.randrange(1, 29))])
    output = tool("load", server, "shop.users", tmp_path / "in.csv", "--create", "--index", "id", "--index", "age:btree", "--sample", "all")
    assert "id:integer:hash email:string name:string age:integer:btree w:float joined:date" in output and "loaded: 20,000 rows" in output
    tool("dump", server, "shop.users", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "in.csv").read_bytes()
    assert not os.path.exists(tmp_path / "out.csv.part")


# ---- CSV itself ----

ATOMS = ["a", "", "NULL", '"', ",", "\n", "\r", "\r\n", " ", "\x00", "\xff", ";"]


def some_field(rng):
    """(the field in the file, its value)"""
    value = "".join(rng.choice(ATOMS) for _ in range(rng.choice([0, 1, 1, 2, 5])))
    if re.search('[",\r\n]', value) or rng.random() < 0.3:
        return '"%s"' % value.replace('"', '""'), value
    return value, value


@pytest.mark.parametrize("null", ["", "NULL"])
def test_records_are_read_as_they_were_written(null):
    rng = random.Random(3)
    for _ in range(1000):
        fields = rng.choice([1, 2, 4])
        made = [[some_field(rng) for _ in range(fields)] for _ in range(rng.randrange(5))]
        end = rng.choice(["\n", "\r\n", "\r"])
        written = [",".join(field for field, _ in row) + end for row in made]
        text = "".join(written)
        if made and made[-1][-1][0] and rng.random() < 0.3:
            text = text.removesuffix(end)
        lines = Lines(io.StringIO(text, newline=""))
        found = list(records(lines, null=null, fields=fields))
        # A record of several fields is never an empty line, since there are commas.
        places = [1 + len(re.findall("\r\n|\r|\n", "".join(written[:at]))) for at in range(len(made))]
        assert found == [(place, [None if field == null else value for field, value in row], None) for place, row in zip(places, made)], repr(text)
        assert lines.bytes == len(text)


# ---- types ----

GUESSES = [("a", "integer", ["1", "-7", "9223372036854775807"]), ("b", "float", ["1", "2.5", "1e300"]), ("c", "string", ["007", "1", "2"]),
           ("d", "date", ["2024-02-29", "", "0001-01-01"]), ("e", "datetime", ["2024-02-29", "2024-02-29T12:30", "2024-02-29 12:30:00.5+02:00"]),
           ("f", "boolean", ["true", "FALSE", ""]), ("g", "uuid", ["550e8400-e29b-41d4-a716-446655440000", "", ""]), ("h", "string", ["", "", ""]),
           ("i", "string", ["2024-02-30", "", ""]), ("j", "string", ["9223372036854775808", "", ""]), ("k", "string", ["true", "1", "0"]),
           ("l", "string", ["0.12345678901234567890", "", "1"]), ("m", "string", ["1", "x", "2"])]
LINES = [("a", "integer", ["1", "null", "-7"]), ("b", "float", ["1", "2.5", "1e300"]), ("c", "string", ['"1"', '"2"', '"x"']),
         ("d", "date", ['"2024-02-29"', "null", "null"]), ("e", "json", ['{"a": [1.50, true]}', "[]", "17"]), ("f", "boolean", ["true", "false", "null"]),
         ("g", "blob", ['{"base64": "/w=="}', '"x"', "null"]), ("h", "string", ['"true"', '"x"', "null"])]


def schema_of(client, table):
    return [(row[0].decode(), row[1].decode()) for row in client.run("TABLE.SCHEMA.VIEW", table)]


def test_types_are_those_that_the_rows_show(start, tmp_path):
    server = start()
    rows = zip(*[[name] + values for name, _, values in GUESSES])
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(map(",".join, rows)).encode())
    (tmp_path / "a.jsonl").write_text("\n".join("{%s}" % ", ".join('"%s": %s' % (name, values[row]) for name, _, values in LINES) for row in range(3)))
    with server.connect() as client:
        tool("load", server, "t.all", tmp_path / "a.csv", "--create", "--sample", "all")
        assert schema_of(client, "t.all") == [pair[:2] for pair in GUESSES]
        assert client.run("TABLE.SELECT", "t.all", "COLUMNS", "a", "b", "c", "d", "e")[2][1::2] == [
            (1 << 63) - 1, b"1e+300", b"2", b"0001-01-01", b"2024-02-29T10:30:00.5Z"]
        tool("load", server, "t.some", tmp_path / "a.csv", "--create", "--sample", "2", "--type", "m:string:btree", "--type", "k:string")
        assert schema_of(client, "t.some") == [pair[:2] for pair in GUESSES]
        tool("load", server, "t.lines", tmp_path / "a.jsonl", "--create")
        assert schema_of(client, "t.lines") == [pair[:2] for pair in LINES]
        assert client.run("TABLE.SELECT", "t.lines", "WHERE", "a=1") == [
            [b"a", b"1", b"b", b"1", b"c", b"1", b"d", b"2024-02-29", b"e", b'{"a":[1.50,true]}', b"f", b"true", b"g", b"\xff", b"h", b"true"]]


# ---- mistakes ----

MISTAKES = "id,name\n1,a\nx,b\n3,c,d\n4,\"d\"d\n5,e\n6,\"f\n\nf\"\n7,g\n"
PLACES = {3: "is not an integer", 4: "3 fields, but 2 columns", 5: "not CSV"}
BAD_LINES = (b'{"a": 1, "c": 1.50}\n\n{"a": 2,}\n[]\n{"d": 1}\n{"b": {"x": 1}}\n{"b": "\\ud800"}\n{"a": NaN}\n{"a": null}\n{"b": {"base64": "!"}}\n'
             b'{"b": "\xff"}\n{"c": "{"}\n{"b": {"base64": "\\u00e9"}}\n{"\\ud800": 1}\n{"a": 3}')


def count(client, table="t.t"):
    return client.run("TABLE.SELECT", table, "COLUMNS", "count(*)")[0][1]


def test_mistakes_are_told_by_their_lines(start, tmp_path):
    server = start()
    (tmp_path / "in.csv").write_text(MISTAKES)
    (tmp_path / "in.jsonl").write_bytes(BAD_LINES)

    def load(*words, table="t.t", status=0, name="in.csv"):
        found, output = run_tool("table-load", "--port", server.port, table, tmp_path / name, *words)
        assert found == status, output
        return output

    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "t")
        client.run("TABLE.SCHEMA.CREATE", "t.t", "id:integer", "name:string")
        output = load("--errors", "3", status=1)
        for line, reason in PLACES.items():
            assert re.search("line %d: .*%s" % (line, reason), output), output
        assert "loaded: 4 rows" in output and "3 rows are refused" in output
        assert [row[1::2] for row in client.run("TABLE.SELECT", "t.t", "COLUMNS", "id", "name")] == [
            [1, b"a"], [5, b"e"], [6, b"f\n\nf"], [7, b"g"]]
        client.run("TABLE.DELETE", "t.t")
        # One after the other, as a user would: what is behind the last line that was loaded.
        output = load("--errors", "1", status=2)
        assert "2 rows are refused, and --errors allows 1" in output and "1 row is in t.t: of the lines up to 3" in output, output
        assert "loaded: 3 rows" in load("--from-line", "6") and count(client) == 4
        client.run("TABLE.SCHEMA.CREATE", "t.json", "a:integer", "b:string", "c:json")
        output = load("--errors", "all", table="t.json", name="in.jsonl", status=1)
        assert sorted(int(line) for line in re.findall(r"^line (\d+):", output, re.M)) == list(range(3, 15)), output
        assert client.run("TABLE.SELECT", "t.json") == [[b"a", b"1", b"c", b"1.50"], [b"a", b"3"]]
        status, output = run_tool("table-dump", "--port", server.port, "t.none", tmp_path / "out")
        assert status == 2 and "does not exist" in output and not os.path.exists(tmp_path / "out")


@pytest.mark.parametrize("words, reason", [
    (("t.none", "in.csv"), "table schema does not exist"), (("t", "in.csv"), "no NAMESPACE.TABLE"), (("t.t", "none"), "No such file"),
    (("t.t", "in.csv", "--columns", "id,nome"), "no column 'nome'"), (("t.t", "in.csv", "--columns", "id,id"), "'id' twice"),
    (("t.t", "in.csv", "--create"), "already exists"), (("t.t", "in.csv", "--type", "a:b"), "are for --create"),
    (("t.t", "in.csv", "--ids"), "no column _id"), (("t.t", "ids.csv", "--ids"), "has rows already"), (("t.own", "ids.csv", "--ids"), "_id of its own"),
    (("t.new", "in.csv", "--create", "--index", "x"), "no such column"), (("t.new", "in.csv", "--create", "--type", "id:none"), "type"),
    (("t.t", "in.csv", "--errors", "-1"), "a number is wanted"), (("t.t", "in.csv", "--delimiter", "ab"), "one character"),
    (("t.t", "in.csv", "--db", "99"), "SELECT 99"), (("t.t", "in.csv", "--user", "nobody"), "password"), (("t.t", "wide.csv"), "UTF-16"),
    (("t.t", "empty.csv"), "the file is empty"), (("t.t", "a.jsonl", "--columns", "a"), "for CSV"), (("t.t", "in.csv", "--pass", "wrong"), "AUTH")])
def test_what_cannot_be_loaded_is_refused_before_anything_is_done(one_server, tmp_path, words, reason):
    for name, data in (("in.csv", b"id\n1\n"), ("ids.csv", b"_id,id\n5,1\n"), ("wide.csv", "id\n1\n".encode("utf-16")), ("empty.csv", b"")):
        (tmp_path / name).write_bytes(data)
    options = load_options("", "").parse_args(["--port", str(one_server.port), words[0], str(tmp_path / words[1]), *words[2:]])
    with pytest.raises(Refused, match=reason):
        load_table(options)
    with one_server.connect() as client:
        assert client.run("TABLE.NAMESPACE.VIEW", "t") == [b"t:own", b"t:t"] and count(client) == 1


@pytest.fixture(scope="module")
def one_server():
    """One server for all refusals, with a table t.t that has a row, and t.own with a column _id."""
    server = Server()
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "t")
        client.run("TABLE.SCHEMA.CREATE", "t.t", "id:integer")
        client.run("TABLE.SCHEMA.CREATE", "t.own", "_id:integer", "id:integer")
        client.run("TABLE.INSERT", "t.t", "id=1")
    yield server
    problems = server.problems() + server.stop()
    assert not problems


def test_a_signal_ends_a_load_after_whole_rows(start):
    server = start()
    argv = ["/usr/bin/python3", "-B", os.path.join(TOP, "tools", "table-load"), "--port", str(server.port), "t.t", "-", "--columns", "a"]
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "t")
        client.run("TABLE.SCHEMA.CREATE", "t.t", "a:integer")
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            process.stdin.write("".join("%d\n" % number for number in range(60_000)))
            process.stdin.flush()
            wait_until(lambda: count(client) > 30_000)
            process.send_signal(signal.SIGTERM)
            output = process.communicate()[1]
        assert process.returncode == 2
        rows = count(client)
        assert "stopped by a signal" in output and "%s rows are in t.t: of the lines up to %d" % (format(rows, ","), rows) in output
        assert client.run("TABLE.SELECT", "t.t", "COLUMNS", "max(a)")[0][1] == rows - 1


# ---- RedisTABLE ----

def redistable_keys(name, has_tags):
    """What the module keeps of a table with three rows, of which the second has a date that does not exist."""
    tag = "{%s}" % name
    schema, indexes, rows, row, counter = (
        ("schema:" + tag, tag + ":idx:meta", tag + ":rows", tag + ":%d", tag + ":id") if has_tags else
        ("schema:" + name, "idx:meta:" + name, "rows:" + name, name + ":%d", "table:%s:id" % name))
    yield "SET", schema.replace(name, name.partition(".")[0]), 1
    yield "HSET", schema, "name", "string", "age", "INTEGER", "w", "float", "d", "date", "z", "other"
    yield "SADD", indexes, "name", "age"
    yield "HSET", row % 1, "name", b"A\r\n\xff=1", "age", "007", "w", "1.50", "d", "2024-02-29", "z", "z"
    yield "HSET", row % 2, "d", "2023-02-29"
    yield "HSET", row % 12, "name", "B"
    yield "HSET", row % 3, "name", "half a row, which no set names"
    yield "SADD", rows, 1, 2, 12, 13
    yield "SET", counter, 20
    for word in ("name:B", "age:007"):
        yield "SADD", (tag + ":idx:" + word if has_tags else "idx:%s:%s" % (name, word)), 12


def test_tables_of_redistable_are_copied(start, shards):
    source, target = start(kind="redis"), start(shards=shards)
    with source.connect() as redis, target.connect() as client:
        for words in [*redistable_keys("old.users", False), *redistable_keys("new.users", True)]:
            redis.run(*words)
        redis.pipeline([["SADD", "rows:old.users", *range(100, 3000)]] + [["HSET", "old.users:%d" % number, "age", number] for number in range(100, 3000)])
        redis.run("SELECT", 3)
        for words in redistable_keys("three.users", True):
            redis.run(*words)
        words = ("127.0.0.1", source.port, "--to", "127.0.0.1:%d" % target.port)
        status, output = run_tool("table-import-redistable", *words)
        assert status == 1 and output.count("row 2: ") == 3 and "2,906 rows are copied, of 3 tables; 3 rows are refused" in output, output
        assert output.count("1 rows were deleted meanwhile") == 3
        for database, table, rows, highest in ((0, "old.users", 2902, 2999), (0, "new.users", 2, 20), (3, "three.users", 2, 20)):
            client.run("SELECT", database)
            assert [row[1:] for row in client.run("TABLE.SCHEMA.VIEW", table, "FULL")] == [
                [b"string", b"hash"], [b"integer", b"hash"], [b"float", b"none"], [b"date", b"none"], [b"string", b"none"]]
            assert count(client, table) == rows
            assert [row[1::2] for row in client.run("TABLE.SELECT", table, "COLUMNS", "_id", "name", "age", "w", "d", "z", "WHERE", "name!=x")] == [
                [1, b"A\r\n\xff=1", 7, b"1.5", b"2024-02-29", b"z"], [12, b"B", None, None, None, None]]
            assert int(client.run("TABLE.INSERT", table, "age=1")) == highest + 1
        status, output = run_tool("table-import-redistable", *words, "--table", "three.*")
        assert status == 2 and "has a table three.users already" in output
