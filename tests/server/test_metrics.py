"""The HTTP port: /metrics, /livez and /readyz; who may see them; requests that are none, and clients that keep it busy."""

import json
import os
import re
import time

import pytest

from harness import saved
from harness.http import Http
from harness.process import SLOWDOWN, TOP, free_port
from harness.resp import wait_until

NAME = r"tessera_[a-z0-9_]+"
SAMPLE = re.compile(r"(%s)(?:\{((?:[a-z_]+=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)+)\})? (-?[0-9.e+-]+)\Z" % NAME)
LABEL = re.compile(r"([a-z_]+)=\"((?:[^\"\\]|\\.)*)\"")
CLIENTS_MAX = 16


def metrics_of(text):
    """The samples of a text of metrics, {(name, labels): value}, and {name: type}. Strict: whatever Prometheus may not like fails."""
    samples, types, helped, family = {}, {}, set(), None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            family = re.fullmatch(r"# HELP (%s) [^\\]+" % NAME, line).group(1)
            assert family not in helped, "%s is there twice" % family
            helped.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and name not in types and kind in ("gauge", "counter", "histogram")
            assert (kind == "counter") == name.endswith("_total"), name
            types[name] = kind
        else:
            name, labels, value = SAMPLE.match(line).groups()
            assert name == family or (types[family] == "histogram" and name[len(family):] in ("_bucket", "_sum", "_count")), line
            key = (name, tuple(LABEL.findall(labels or "")))
            assert key not in samples, line
            samples[key] = float(value)
    assert set(types) == helped
    check_histograms(samples, types)
    return samples, types


def check_histograms(samples, types):
    for family in (name for name, kind in types.items() if kind == "histogram"):
        things = {labels for name, labels in samples if name == family + "_count"}
        for thing in things:
            buckets = [(float(dict(labels)["le"]), value) for (name, labels), value in samples.items()
                       if name == family + "_bucket" and labels[:-1] == thing]
            assert buckets == sorted(buckets) and [v for _, v in buckets] == sorted(v for _, v in buckets)
            assert buckets[-1] == (float("inf"), samples[family + "_count", thing])
            assert samples[family + "_sum", thing] >= 0


@pytest.fixture
def port():
    return free_port()


def fill(client):
    client.run("SET", "k", "v")
    client.run("SET", "t", "v", "EX", "1000")
    client.call("LPUSH", "k", "v")
    client.run("TABLE.NAMESPACE.CREATE", "n")
    client.run("TABLE.SCHEMA.CREATE", "n.t", "a:integer:hash", "b:string")
    for number in range(5):
        client.run("TABLE.INSERT", "n.t", "a=%d" % number)


def check_names_in_docs(text):
    """The dashboard and the alerts name nothing that is not there."""
    names = {line.split(" ")[0].split("{")[0] for line in text.split("\n") if not line.startswith("#")}
    with open(os.path.join(TOP, "docs", "grafana-dashboard.json"), encoding="utf-8") as file:
        dashboard = file.read()
    panels = json.loads(dashboard)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 0 and all(panel["targets"] for panel in panels)
    with open(os.path.join(TOP, "docs", "OPERATIONS.md"), encoding="utf-8") as file:
        alerts = file.read().split("## Alerts")[1]
    for source in (dashboard, alerts):
        found = set(re.findall(NAME, source))
        assert found and found <= names, found - names


def test_figures_are_those_of_info(start, shards, port):
    server = start("--metrics-port", port, shards=shards)
    with server.connect() as client:
        fill(client)
        http = Http(port)
        status, fields, text = http.get("/metrics")
        assert status == 200 and fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert not any(name.startswith("Access-Control") for name in fields)
        samples, types = metrics_of(text)
        assert metrics_of(client.run("METRICS").decode())[1].keys() >= types.keys()
        info = client.info()
        plain = {name: value for (name, labels), value in samples.items() if not labels}
        assert plain["tessera_shards"] == shards and plain["tessera_tables"] == 1
        assert plain["tessera_memory_max_bytes"] == int(info["maxmemory"]) and plain["tessera_connected_clients"] == 2
        assert plain["tessera_error_replies_total"] == 1 == samples["tessera_error_replies_by_code_total", (("code", "WRONGTYPE"),)]
        assert samples["tessera_db_keys", (("db", "0"),)] == 2 and samples["tessera_db_expiring_keys", (("db", "0"),)] == 1
        for name, whole in (("keys", 2), ("connections", 2)):
            assert sum(samples["tessera_shard_" + name, (("shard", str(number)),)] for number in range(shards)) == whole
        assert samples["tessera_command_duration_seconds_count", (("command", "set"),)] == 2
        assert samples["tessera_command_failed_calls_total", (("command", "lpush"),)] == 1
        classes = {labels[0][1]: value for (name, labels), value in samples.items() if name == "tessera_memory_class_bytes"}
        assert sum(classes.values()) == plain["tessera_memory_used_bytes"] and classes["table_row"] > 0
        table = (("db", "0"), ("table", "n.t"))
        assert samples["tessera_table_rows", table] == 5 == plain["tessera_tables_rows"] and plain["tessera_tables_left_out"] == 0
        assert samples["tessera_table_indexes", table] == 1
        assert samples["tessera_table_index_bytes", table + (("index", "a"),)] == samples["tessera_table_indexes_bytes", table]
        assert samples["tessera_table_indexes_bytes", table] == client.run("MEMORY", "USAGE", "TABLE", "n.t", "INDEX", "a")
        check_names_in_docs(text)
        http.close()


def test_users(start, port):
    server = start("--metrics-port", port, "--requirepass", "secret")
    http = Http(port)
    with server.connect() as client:
        client.run("ACL", "SETUSER", "watcher", "on", ">p:w", "+metrics")
        client.run("ACL", "SETUSER", "other", "on", ">p", "+get")
        assert http.get("/livez")[::2] == (200, "live\n") and http.get("/readyz")[::2] == (200, "ready\n")
        for user, status in ((None, 401), (":secret", 200), ("default:secret", 200), ("watcher:p:w", 200), ("watcher:p", 401),
                             ("none:p", 401), ("other:p", 403), (None, 401)):
            found, fields, text = http.get("/metrics", user)
            assert (found, "WWW-Authenticate" in fields) == (status, status == 401), (user, text)
        assert http.get("/metrics", "watcher:p:w", "HEAD")[0] == 200
        entries = [dict(zip(entry[::2], entry[1::2])) for entry in client.run("ACL", "LOG")]
        assert [(entry[b"reason"], entry[b"username"]) for entry in entries] == [
            (b"command", b"other"), (b"auth", b"none"), (b"auth", b"watcher")]
        assert b"name=http:127.0.0.1:" in entries[0][b"client-info"]
        wait_until(lambda: client.info("clients")["connected_clients"] == "1", what="connections of scrapes to end")
    http.close()


def test_requests(start, port):
    server = start("--metrics-port", port, "--rename-command", "METRICS", "m")
    for request, status in (
            (b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70000, 405),
            (b"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 413), (b"GET /livez HTTP/1.1\r\n\r\n", 400),
            (b"GET /" + b"x" * 9000, 414), (b"GET / HTTP/1.1\r\nA: " + b"x" * 9000, 431), (b"PING\r\n", 400)):
        http = Http(port)
        http.send(request)
        found, fields, _ = http.read()
        assert (found, fields["Connection"]) == (status, "close"), request[:40]
        assert http.is_closed()
        http.close()
    http = Http(port)
    assert http.get("/other")[0] == 404 and http.get("/metrics?a=b", "not:a user")[0] == 401
    http.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 20 + b"GET /metrics HTTP/1.0\r\n\r\n")
    assert [http.read()[0] for _ in range(21)] == [200] * 21
    assert http.is_closed()
    http.close()
    with server.connect() as client:
        client.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert client.run("PING") == b"PONG"


def test_floods_and_slow_clients_are_bounded(start, port):
    server = start("--metrics-port", port)
    with server.connect() as client:
        client.run("CONFIG", "SET", "maxclients", "1")
        begun = [Http(port) for _ in range(CLIENTS_MAX - 1)]
        for http in begun:
            http.send(b"GET /met")
        idle = [Http(port) for _ in range(40)]
        last = Http(port)
        assert last.get("/livez")[0] == 200
        assert last.get("/metrics")[0] == 200, "maxclients is not for the server's own connections"
        assert idle[0].is_closed()
        begun[0].send(b"rics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert begun[0].read()[0] == 200
        begun[1].send(b"rics HTTP/1.1\r\nHost: a\r\n\r\n")
        begun[1].close()
        begin = time.monotonic()
        assert client.run("PING") == b"PONG" and time.monotonic() - begin < SLOWDOWN
        client.run("CONFIG", "SET", "maxclients", "100")
        for http in begun + idle + [last]:
            http.close()
        wait_until(lambda: client.info("clients")["connected_clients"] == "1", what="connections of scrapes to end")


def test_loading_is_told(start, port):
    server = start("--metrics-port", port)
    with server.connect() as client:
        client.pipeline(("SET", "key:%d" % number, "v") for number in range(3000))
        client.run("SAVE")
    server.options += ["--key-load-delay", "1000"]
    saved.end(server)
    server._start("loading ")
    http = Http(port)
    assert http.get("/readyz")[::2] == (503, "loading\n") and http.get("/livez")[0] == 200
    status, _, text = http.get("/metrics")
    assert status == 200 and metrics_of(text)[0]["tessera_loading", ()] == 1
    with server.connect() as client:
        client.run("CONFIG", "SET", "key-load-delay", "0")
        wait_until(lambda: http.get("/readyz")[::2] == (200, "ready\n"), 5 * SLOWDOWN, what="the end of loading")
        assert metrics_of(http.get("/metrics")[2])[0]["tessera_db_keys", (("db", "0"),)] == client.run("DBSIZE") == 3000
    http.close()
