"""INFO: field by field as redis-server has it, and figures that are true."""

import re

import pytest

from harness.process import SLOWDOWN
from harness.resp import wait_until

# Values that must have the same form on both servers; "5" and "0" do, "5" and "0.00" do not.
FORMS = (
    ("integer", re.compile(r"-?\d+\Z")),
    ("decimal", re.compile(r"-?\d+\.\d+\Z")),
    ("percent", re.compile(r"\d+\.\d+%\Z")),
    ("size", re.compile(r"\d+(\.\d\d)?[BKMGTP]\Z")),
    ("id", re.compile(r"[0-9a-f]{40}\Z")),
)
# Values whose form may differ, with the reason.
FREE_FORM = {"executable", "config_file", "os", "redis_build_id", "redis_git_sha1", "mem_allocator", "multiplexing_api"}
# Sections with a line for each command or error: other commands were run here than there.
COUNTING = {"Commandstats", "Errorstats", "Latencystats", "Keyspace"}


def sections(text):
    """INFO's text as a dict from title to a list of (field, value), in order."""
    found = {}
    for block in text.decode().split("\r\n\r\n"):
        lines = [line for line in block.split("\r\n") if line]
        assert lines[0].startswith("# "), block
        found[lines[0][2:]] = [tuple(line.split(":", 1)) for line in lines[1:]]
    return found


def form(value):
    for name, pattern in FORMS:
        if pattern.match(value):
            return name
    return "text"


@pytest.fixture
def both(start, shards):
    """A connection to this server and one to redis-server, after the same commands."""
    ours, theirs = start(shards=shards).connect(), start(kind="redis").connect()
    for connection in (ours, theirs):
        for words in (["SET", "a", "1"], ["SET", "b", "x", "EX", "100"], ["GET", "a"], ["GET", "none"], ["INCR", "b"]):
            connection.call(*words)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_everything_has_redis_fields_in_redis_order(both):
    ours, theirs = (sections(connection.run("INFO", "everything")) for connection in both)
    assert [title for title in ours if title not in ("Shards", "Tables")] == list(theirs)
    for title, fields in theirs.items():
        if title in COUNTING:
            continue
        names = [name for name, _ in fields]
        assert [name for name, _ in ours[title] if name in names] == names, title
        values = dict(ours[title])
        for name, value in fields:
            if name not in FREE_FORM:
                assert form(values[name]) == form(value), "%s: %s, redis %s" % (name, values[name], value)


def test_counting_sections_have_redis_lines(both):
    ours, theirs = (sections(connection.run("INFO", "everything")) for connection in both)
    pattern = re.compile(r"calls=\d+,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=\d+,failed_calls=\d+\Z")
    for title in ("Commandstats", "Errorstats"):
        values, expected = dict(ours[title]), dict(theirs[title])
        assert set(values) == set(expected)
        for name, value in values.items():
            if title == "Commandstats":
                assert pattern.match(value), value
                counts = re.findall(r"(?:calls)=(\d+)", value)
                assert counts == re.findall(r"(?:calls)=(\d+)", expected[name]), name
            else:
                assert value == expected[name]
    values = dict(ours["Latencystats"])
    assert set(values) == set(dict(theirs["Latencystats"]))
    for value in values.values():
        assert re.match(r"p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}\Z", value), value
    (name, value), = ours["Keyspace"]
    assert name == "db0" and re.match(r"keys=2,expires=1,avg_ttl=\d+,subexpiry=0\Z", value), value


@pytest.mark.parametrize("words", [
    [], ["default"], ["DEFAULT"], ["server"], ["Server", "nothing", "KEYSPACE"], ["keyspace", "server"], ["nothing"], [""],
    ["cpu", "cpu"], ["default", "commandstats"], ["module_list"], ["modules"], ["clients", "memory", "stats"]])
def test_sections_are_chosen_as_redis_does(both, words):
    ours, theirs = (connection.run("INFO", *words) for connection in both)
    assert re.findall(rb"^# .*\r$", ours, re.M) == re.findall(rb"^# .*\r$", theirs, re.M)
    assert ours.endswith(b"\r\n") == theirs.endswith(b"\r\n")


def test_resp3_gets_a_verbatim_string(client):
    client.run("HELLO", 3)
    kind, text = client.call("INFO", "server")
    assert kind == "=" and text.startswith(b"txt:# Server\r\n")


def test_memory_adds_up(client):
    for number in range(1000):
        client.send("SET", "key:%d" % number, "x" * number)
    for number in range(1000):
        client.read()
    info = {name: value for name, value in client.info("memory").items()}
    number = {name: int(value) for name, value in info.items() if value.isdigit()}
    assert number["used_memory"] == number["used_memory_dataset"] + number["used_memory_overhead"]
    assert number["used_memory_peak"] >= number["used_memory"] > number["used_memory_startup"] > 0
    assert number["used_memory_dataset"] >= sum(range(1000))
    assert number["allocator_allocated"] == number["used_memory"] <= number["allocator_active"]
    assert number["allocator_resident"] <= number["used_memory_rss"]
    assert abs(float(info["mem_fragmentation_ratio"]) - number["used_memory_rss"] / number["used_memory"]) < 0.01


def test_used_memory_is_the_same_when_nothing_happened(client):
    client.run("SET", "a", "1")
    client.info("memory")
    first = client.info("memory")["used_memory"]
    assert {client.info("memory")["used_memory"] for _ in range(20)} == {first}


def test_counters_count(client):
    before = client.info()
    client.run("SET", "counted", "1")
    for _ in range(10):
        client.run("GET", "counted")
        client.run("GET", "missing")
        client.call("INCRBY", "counted", "x")
    after = client.info()

    def grown(name):
        return int(after[name]) - int(before[name])

    assert grown("keyspace_hits") == 10
    assert grown("keyspace_misses") == 10
    assert grown("total_error_replies") == 10
    assert grown("total_commands_processed") == 32
    assert grown("rdb_changes_since_last_save") == 1
    assert grown("total_net_input_bytes") > 30 * 20
    assert grown("total_net_output_bytes") > 4000, "the first INFO itself"
    assert after["errorstat_ERR"] == "count=10"
    assert re.match(r"calls=10,.*,rejected_calls=0,failed_calls=10\Z", after["cmdstat_incrby"])


def test_lastsave_is_the_time_of_the_start(client):
    info = client.info()
    saved = client.run("LASTSAVE")
    assert saved == int(info["rdb_last_save_time"])
    assert 0 <= int(info["server_time_usec"]) // 10**6 - int(info["uptime_in_seconds"]) - saved <= 2


def test_resetstat_starts_counting_again(client):
    client.call("GET", "missing")
    client.call("INCRBY", "a", "x")
    client.run("CONFIG", "RESETSTAT")
    info = client.info()
    assert info["keyspace_misses"] == info["total_error_replies"] == "0"
    assert "errorstat_ERR" not in info and "cmdstat_get" not in info
    assert int(info["connected_clients"]) >= 1


def test_rates_follow_the_load(client):
    def rate():
        return int(client.info("stats")["instantaneous_ops_per_sec"])

    def rate_under_load():
        client.pipeline(["GET", "a"] for _ in range(1000))
        return rate()

    wait_until(lambda: rate_under_load() > 1000, 10 * SLOWDOWN, "a rate under load")
    wait_until(lambda: rate() < 1000, 10 * SLOWDOWN, "the rate of asking for the rate alone")


def test_shards_are_told_apart(server, client):
    for number in range(500):
        client.run("SET", "key:%d" % number, number)
    info = client.info("shards")
    assert info["shards"] == str(server.shards)
    lines = [dict(pair.split("=") for pair in info["shard%d" % number].split(",")) for number in range(server.shards)]
    assert sum(int(line["keys"]) for line in lines) == 500
    assert all(int(line["keys"]) > 500 / server.shards / 2 for line in lines)
    assert all(int(line["used_bytes"]) > 0 and int(line["turns"]) > 0 for line in lines)
    assert sum(int(line["connections"]) for line in lines) == int(client.info("clients")["connected_clients"])


def test_the_server_describes_itself(server, client):
    info = client.info()
    assert info["redis_version"] == "7.0.15"
    assert info["tcp_port"] == str(server.port)
    assert info["process_id"] == str(server.process.pid)
    assert info["redis_mode"] == "standalone" and info["cluster_enabled"] == "0"
    assert info["master_replid"] == client.info()["master_replid"] != info["run_id"]
    assert info["executable"].startswith("/")
