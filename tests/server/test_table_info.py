"""TABLE.INFO: its figures are those that others tell; RENAME COLUMN: all else of a column stays, before and after a restart."""

import pytest

from harness.resp import error_of
from harness.saved import restart


def pairs(reply):
    return {name.decode(): value for name, value in zip(reply[::2], reply[1::2])}


def info(client, table):
    figures = pairs(client.run("TABLE.INFO", table))
    for name in ("indexes", "shards"):
        figures[name] = [pairs(part) for part in figures[name]]
    return figures


def test_figures(client, shards):
    client.run("TABLE.NAMESPACE.CREATE", "i")
    client.run("TABLE.SCHEMA.CREATE", "i.t", "n:integer:primary:auto", "name:string:btree", "note:string")
    empty = info(client, "i.t")
    assert (empty["rows"], empty["last-id"], empty["auto"], empty["routing"]) == (0, 0, b"n", b"n")
    client.pipeline(("TABLE.INSERT", "i.t", "name=%d" % number, "note=" + "x" * 200) for number in range(500))
    client.run("TABLE.DELETE", "i.t", "WHERE", "n>400")
    figures = info(client, "i.t")
    assert (figures["rows"], figures["last-id"]) == (400, 500)
    assert figures["bytes"] == figures["row-bytes"] + figures["index-bytes"] + figures["schema-bytes"] == client.run("MEMORY", "USAGE", "TABLE", "i.t")
    assert figures["row-bytes"] > 400 * 200 and figures["bytes"] > empty["bytes"]
    assert figures["indexes"] == [
        {"column": name, "kind": kind, "unique": unique, "bytes": client.run("MEMORY", "USAGE", "TABLE", "i.t", "INDEX", name)}
        for name, kind, unique in ((b"n", b"hash", 1), (b"name", b"btree", 0))]
    assert len(figures["shards"]) == shards
    for name in ("rows", "row-bytes", "index-bytes"):
        assert sum(part[name] for part in figures["shards"]) == figures[name]
    assert all(part["rows"] > 400 / shards / 3 for part in figures["shards"])
    client.run("TABLE.SCHEMA.CREATE", "i.u", "a:integer")
    plain = info(client, "i.u")
    assert (plain["auto"], plain["routing"], plain["indexes"]) == (None, None, [])
    assert error_of(client, "TABLE.INFO", "i.none") == "ERR table schema does not exist"


def test_info_tables(client):
    """A line a table and the totals of all; more tables than lines are counted; names that would break a line are escaped."""
    assert set(client.info("tables").values()) == {"0"} and b"# Tables" not in client.run("INFO")
    client.run("TABLE.NAMESPACE.CREATE", "i")
    client.run("SELECT", 3)
    client.run("TABLE.NAMESPACE.CREATE", "j")
    client.run("TABLE.SCHEMA.CREATE", "j.a:b\r\n\\c", "n:integer")
    client.run("SELECT", 0)
    client.pipeline(("TABLE.SCHEMA.CREATE", "i.t%03d" % number, "n:integer:primary", "s:string:btree") for number in range(105))
    client.pipeline(("TABLE.INSERT", "i.t%03d" % (number % 2), "n=%d" % number, "s=x") for number in range(9))
    found = client.info("tables")
    lines = {name: dict(pair.split("=") for pair in value.split(",")) for name, value in found.items() if name.startswith("table_db")}
    assert sorted(lines) == ["table_db0_i.t%03d" % number for number in range(100)]
    for number, rows in ((0, 5), (1, 4), (2, 0)):
        line, figures = lines["table_db0_i.t%03d" % number], info(client, "i.t%03d" % number)
        assert line == {"rows": str(rows), "indexes": "2"} | {
            name.replace("-", "_"): str(figures[name]) for name in ("row-bytes", "index-bytes", "schema-bytes")}
    assert (found["table_namespaces"], found["tables"], found["tables_left_out"], found["tables_rows"]) == ("2", "106", "6", "9")
    whole = {name: sum(int(line[name]) for line in lines.values()) for name in ("row_bytes", "index_bytes", "schema_bytes")}
    for number in range(100, 105):
        for name in whole:
            whole[name] += info(client, "i.t%03d" % number)[name.replace("_", "-")]
    client.run("SELECT", 3)
    other = info(client, "j.a:b\r\n\\c")
    assert all(int(found["tables_" + name]) == whole[name] + other[name.replace("_", "-")] for name in whole)
    client.run("FLUSHALL")
    client.run("TABLE.NAMESPACE.CREATE", "j")
    client.run("TABLE.SCHEMA.CREATE", "j.a:b\r\n\\c", "n:integer")
    assert client.info("Tables")[r"table_db3_j.a\x3ab\x0d\x0a\x5cc"].startswith("rows=0,")
    client.run("MULTI")
    client.run("TABLE.INSERT", "j.a:b\r\n\\c", "n=1")
    client.run("INFO", "tables")
    assert b"tables_rows:1\r\n" in client.run("EXEC")[1]


@pytest.mark.parametrize("options", ((), ("--appendonly", "yes")), ids=("snapshot", "log"))
def test_a_column_gets_another_name(start, shards, options):
    server = start("--enable-debug-command", "yes", *options, shards=shards)
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "i")
        client.run("TABLE.SCHEMA.CREATE", "i.t", "n:integer:primary", "a:string:btree:default=x", "b:integer")
        alter = ("TABLE.SCHEMA.ALTER", "i.t", "RENAME", "COLUMN")
        client.run("TABLE.INSERT", "i.t", "n=1", "b=1")
        assert error_of(client, *alter, "a", "TO", "b") == "ERR column already exists"
        assert error_of(client, *alter, "c", "TO", "d") == "ERR column does not exist"
        for name in ("", "a:b", "a=b", "a b", "x" * 65):
            assert "ERR" in error_of(client, *alter, "a", "TO", name)
        assert error_of(client, *alter, "a", "AS", "b").startswith("ERR syntax")
        for words in (("a", "TO", "a"), ("a", "TO", "name"), ("n", "TO", "a")):
            assert client.run(*alter, *words) == b"OK"
        assert client.run("TABLE.QUERY", "ALTER TABLE i.t RENAME COLUMN b TO beta") == b"OK"
        view = client.run("TABLE.SCHEMA.VIEW", "i.t", "FULL")
        assert view == [[b"a", b"integer", b"hash", b"primary"], [b"name", b"string", b"btree", b"default=x"], [b"beta", b"integer", b"none"]]
        client.run("TABLE.INSERT", "i.t", "a=2", "beta=2")
        assert client.run("TABLE.UPDATE", "i.t", "WHERE", "a=1", "SET", "name=y") == 1
        assert "unknown column" in error_of(client, "TABLE.SELECT", "i.t", "WHERE", "n=1")
        rows = client.run("TABLE.SELECT", "i.t")
        assert rows == [[b"a", b"1", b"name", b"y", b"beta", b"1"], [b"a", b"2", b"name", b"x", b"beta", b"2"]]
        digest = client.run("DEBUG", "DIGEST")
        if not options:
            client.run("SAVE")
    restart(server)
    with server.connect() as client:
        assert client.run("TABLE.SCHEMA.VIEW", "i.t", "FULL") == view
        assert client.run("TABLE.SELECT", "i.t") == rows
        assert client.run("DEBUG", "DIGEST") == digest
