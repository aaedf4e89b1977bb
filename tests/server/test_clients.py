"""Client libraries and tools as people use them: redis-py, hiredis, redis-cli, redis-benchmark."""

import os
import re
import subprocess

import pytest
import redis
import redis.cluster

from harness.process import BUILD, SLOWDOWN
from harness.resp import Connection, encode


def run_tool(*words, seconds=60, **more):
    """Runs a program to its end; gives what it printed. A failure of it fails the test."""
    ended = subprocess.run(words, capture_output=True, text=True, timeout=seconds * SLOWDOWN, check=False, **more)
    assert ended.returncode == 0, "%s\n%s\n%s" % (" ".join(words), ended.stdout, ended.stderr)
    return ended.stdout


def cli(server, *words, **more):
    return run_tool("redis-cli", "-p", str(server.port), *words, **more)


@pytest.fixture
def database(server):
    with redis.Redis(port=server.port, decode_responses=True) as connected:
        yield connected


def test_redis_py_speaks_to_it(database):
    assert database.ping()
    assert database.set("a", "1", ex=100)
    assert database.get("a") == "1"
    assert 98 <= database.ttl("a") <= 100
    assert database.set("a", "2", nx=True) is None
    assert database.incrbyfloat("f", 1.5) == 1.5
    assert database.mset({"k%d" % number: number for number in range(50)})
    assert database.mget("k1", "nothing", "k49") == ["1", None, "49"]
    assert database.delete("k1", "k2", "nothing") == 2
    with pytest.raises(redis.ResponseError, match="not an integer"):
        database.set("text", "abc")
        database.incr("text")
    assert sorted(database.scan_iter(match="k1*", count=7)) == ["k%d" % number for number in range(10, 20)]
    assert database.info("server")["redis_version"]
    assert database.info()["db0"]["keys"] == database.dbsize()
    assert database.config_get("maxmemory") == {"maxmemory": "0"}
    assert database.client_setname("me") and database.client_getname() == "me"
    assert any(item["name"] == "me" for item in database.client_list())
    assert database.command_count() > 50
    assert "get" in database.command()
    assert database.object("encoding", "f") in ("embstr", "raw")
    assert database.memory_usage("f") > 0
    assert database.memory_stats()["keys.count"] == database.dbsize()
    assert database.time()[0] > 1_600_000_000
    assert database.slowlog_get() is not None
    assert database.flushall()
    assert database.dbsize() == 0


def test_redis_py_pipelines_keep_their_order(database):
    with database.pipeline(transaction=False) as pipe:
        for number in range(2000):
            pipe.set("key:%d" % number, number)
            pipe.get("key:%d" % number)
        replies = pipe.execute()
    assert replies[1::2] == [str(number) for number in range(2000)]


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_password_is_asked_for_and_taken(start, shards, protocol):
    server = start("--requirepass", "secret", shards=shards)
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=server.port).ping()
    assert redis.Redis(port=server.port, password="secret").ping()
    with server.connect(authenticate=False) as connection:
        assert connection.call("HELLO", protocol)[1].startswith(b"NOAUTH ")
        assert connection.call("AUTH", "wrong") == (
            "-", b"WRONGPASS invalid username-password pair or user is disabled.")
        connection.run("HELLO", protocol, "AUTH", "default", "secret")
        assert connection.run("PING") == b"PONG"


@pytest.mark.threads
def test_a_cluster_client_finds_every_shard(start, shards):
    server = start("--shard-ports", "yes", shards=shards)
    cluster = redis.cluster.RedisCluster(host="127.0.0.1", port=server.port, decode_responses=True)
    nodes = cluster.get_nodes()
    assert sorted(node.port for node in nodes) == [server.port + 1 + number for number in range(shards)]
    for number in range(500):
        assert cluster.set("key:%d" % number, number)
    for number in range(500):
        assert cluster.get("key:%d" % number) == str(number)
    assert sum(cluster.dbsize(target_nodes=node) for node in cluster.get_primaries()) == 500
    assert len(list(cluster.scan_iter(count=100))) == 500
    cluster.close()
    with server.connect() as plain:
        assert plain.run("DBSIZE") == 500


def test_a_cluster_client_sends_table_commands(start, shards):
    """By the name of the table, as COMMAND says: whichever node that is, it is the right one."""
    server = start("--shard-ports", "yes", shards=shards)
    cluster = redis.cluster.RedisCluster(host="127.0.0.1", port=server.port, decode_responses=True)
    cluster.execute_command("TABLE.NAMESPACE.CREATE", "s", target_nodes=redis.cluster.RedisCluster.RANDOM)
    for name in ("s.a", "s.b", "s.c", "s.d", "s.e"):
        assert cluster.execute_command("TABLE.SCHEMA.CREATE", name, "id:integer:hash", "text:string") in (True, "OK")
        for number in range(20):
            cluster.execute_command("TABLE.INSERT", name, "id=%d" % number, "text=x")
        assert cluster.execute_command("TABLE.UPDATE", name, "WHERE", "id=7", "SET", "text=y") == 1
        assert cluster.execute_command("TABLE.SELECT", name, "WHERE", "text=y") == [["id", "7", "text", "y"]]
    cluster.close()


def cluster_ports(server, shards):
    """The plain port and those of the shards."""
    return [server.port + number for number in range(shards + 1)]


@pytest.mark.threads
def test_redis_cli_counts_each_key_of_the_cluster_once(start, shards):
    server = start("--shard-ports", "yes", shards=shards)
    with server.connect() as plain:
        for number in range(60):
            plain.run("SET", "key:%d" % number, number)
    for port in cluster_ports(server, shards):
        info = run_tool("redis-cli", "--cluster", "info", "127.0.0.1:%d" % port)
        assert "[OK] 60 keys in %d masters." % shards in info, info
        check = run_tool("redis-cli", "--cluster", "check", "127.0.0.1:%d" % port)
        assert "[OK] 60 keys in %d masters." % shards in check, check
        assert "[OK] All nodes agree about slots configuration." in check
        assert "[OK] All 16384 slots covered." in check
        assert not re.search("WARNING|ERR", info + check), info + check
        assert run_tool("redis-cli", "-c", "-p", str(port), "GET", "key:7").strip() == "7"


def nodes_of(connection):
    """CLUSTER NODES: id, port, flags, master's id and slots of each line."""
    rows = [line.split(" ") for line in connection.run("CLUSTER", "NODES").decode().splitlines()]
    return [(row[0], int(re.fullmatch(r"127\.0\.0\.1:(\d+)@0", row[1])[1]), row[2].split(","), row[3],
             tuple(map(int, row[8].split("-"))) if len(row) > 8 else None) for row in rows]


@pytest.mark.threads
def test_all_ports_and_all_replies_tell_of_the_same_cluster(start, shards):
    server = start("--shard-ports", "yes", shards=shards)
    seen = []
    for port in cluster_ports(server, shards):
        with Connection(server.host, port) as connection:
            nodes = nodes_of(connection)
            masters = {(name, port, slots) for name, port, flags, _, slots in nodes if "master" in flags}
            myself = [(name, flags) for name, _, flags, _, _ in nodes if "myself" in flags]
            slots = {(node[2].decode(), node[1], (first, last)) for first, last, node in connection.run("CLUSTER", "SLOTS")}
            pairs = [dict(zip(row[::2], row[1::2])) for row in connection.run("CLUSTER", "SHARDS")]
            nodes_in_shards = [(dict(zip(node[::2], node[1::2])), row[b"slots"]) for row in pairs for node in row[b"nodes"]]
            of_shards = {(node[b"id"].decode(), node[b"port"], tuple(ranges)) for node, ranges in nodes_in_shards}
            info = dict(line.split(":") for line in connection.run("CLUSTER", "INFO").decode().split())
            seen.append((masters, slots, of_shards))
            assert int(info["cluster_size"]) == shards and int(info["cluster_known_nodes"]) == len(nodes)
            assert [name for name, _ in myself] == [connection.run("CLUSTER", "MYID").decode()]
            others = [(flags, master, slots) for _, _, flags, master, slots in nodes if "master" not in flags]
            first = min(masters, key=lambda node: node[1])[0]
            assert others == ([(["myself", "slave"], first, None)] if port == server.port else [])
    assert all(reply == seen[0][0] for replies in seen for reply in replies)
    assert sorted(port for _, port, _ in seen[0][0]) == cluster_ports(server, shards)[1:]


def test_hiredis_speaks_to_it(server):
    run_tool(os.path.join(BUILD, "tests", "hiredis_smoke"), str(server.port))


def test_redis_cli_looks_around(server):
    cli(server, "MSET", *(word for number in range(300) for word in ("key:%d" % number, "x" * number)))
    cli(server, "SET", "the-biggest", "x" * 5000)
    assert len(cli(server, "--scan", "--pattern", "key:1*").split()) == 111
    big = cli(server, "--bigkeys")
    assert "the-biggest" in big and "301 strings" in big
    memory = cli(server, "--memkeys")
    assert "the-biggest" in memory
    latency = cli(server, "--latency", "-i", "1")
    assert re.match(r"\d+ \d+ [\d.]+ \d+", latency)
    stat = cli(server, "-r", "2", "-i", "0.01", "INFO", "clients")
    assert stat.count("connected_clients:1") == 2
    assert cli(server, "-3", "GET", "nothing").strip() in ("", "(nil)")
    assert cli(server, "--no-raw", "COMMAND", "DOCS", "get").count("summary") == 1


def test_redis_cli_pipe_loads_in_bulk(server):
    lines = "".join("SET key:%d %d\r\n" % (number, number) for number in range(5000))
    text = cli(server, "--pipe", input=lines)
    assert "errors: 0, replies: 5000" in text
    assert cli(server, "DBSIZE").strip() == "5000"


def rates(text):
    """Test name -> requests per second of redis-benchmark -q ("inf" when all came within a millisecond)."""
    return {name: float(rate) for name, rate in re.findall(r"([A-Z_]+)[^:\r\n]*: ([\d.]+|inf) requests per second", text)}


@pytest.mark.threads
@pytest.mark.parametrize("pipeline", ["1", "16"])
def test_redis_benchmark_runs_through(server, pipeline):
    count = str(int(4000 / SLOWDOWN))
    text = run_tool("redis-benchmark", "-p", str(server.port), "-q", "-n", count, "-r", "1000", "-P", pipeline,
                    "-t", "ping_inline,ping_mbulk,set,get,incr,mset")
    assert set(rates(text)) == {"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET"}
    assert "rror" not in text


@pytest.mark.threads
def test_redis_benchmark_goes_straight_to_the_shards(start, shards):
    if shards == 1:
        pytest.skip("redis-benchmark takes one node for no cluster")
    server = start("--shard-ports", "yes", shards=shards)
    count = str(int(4000 / SLOWDOWN))
    for port in cluster_ports(server, shards)[:2]:
        text = run_tool("redis-benchmark", "-p", str(port), "--cluster", "-q", "-n", count, "-r", "1000", "-P", "8",
                        "-t", "set,get")
        assert set(rates(text)) == {"SET", "GET"}
        assert "rror" not in text and "WARNING" not in text


def test_reply_on_is_answered_behind_skip(client):
    client.send_raw(encode("CLIENT", "REPLY", "SKIP") + encode("CLIENT", "REPLY", "ON") + encode("ECHO", "a"))
    assert [client.read(), client.read()] == [("+", b"OK"), ("$", b"a")]


# --- what redis-cli finds in the keys: the hottest, the biggest, those that take most; its line of figures ---

SEARCHED_KEYS = 300


@pytest.fixture
def searched(start, shards):
    """Some keys, one of them read often, one of them long, and a list."""
    server = start("--maxmemory-policy", "allkeys-lfu", "--maxmemory", "100mb", "--lfu-log-factor", "1", shards=shards)
    with server.connect() as client:
        client.pipeline(("SET", "k:%d" % number, "v") for number in range(SEARCHED_KEYS))
        client.run("SET", "long", "x" * 5000)
        client.run("RPUSH", "list", *"abc")
        client.pipeline([("GET", "k:7")] * 500)
    return server


def test_keys_are_searched(searched):
    hot = re.findall(r"^hot key found with counter: (\d+)\tkeyname: \"(.*)\"$", cli(searched, "--hotkeys"), re.MULTILINE)
    assert hot[0][1] == "k:7" and int(hot[0][0]) > 20
    assert len(hot) == 16 and all(int(counter) <= 6 for counter, _ in hot[1:])
    biggest = cli(searched, "--bigkeys")
    assert "Sampled %d keys in the keyspace!" % (SEARCHED_KEYS + 2) in biggest
    assert "Biggest string found '\"long\"' has 5000 bytes" in biggest and "Biggest   list found '\"list\"' has 3 items" in biggest
    taken = cli(searched, "--memkeys")
    size = int(re.search(r"Biggest string found '\"long\"' has (\d+) bytes", taken).group(1))
    with searched.connect() as client:
        assert size == client.run("MEMORY", "USAGE", "long") > 5000


def test_hotkeys_need_a_policy_that_counts(client, server):
    client.run("SET", "k", "v")
    ended = subprocess.run(["redis-cli", "-p", str(server.port), "--hotkeys"], capture_output=True, text=True, timeout=20 * SLOWDOWN, check=False)
    assert ended.returncode == 1
    assert "Error: ERR An LFU maxmemory policy is not selected, access frequency not tracked." in ended.stderr + ended.stdout


def test_stat_has_a_line_of_figures(searched):
    with subprocess.Popen(["stdbuf", "-oL", "redis-cli", "-p", str(searched.port), "--stat", "-i", "0.05"], stdout=subprocess.PIPE, text=True) as cli:
        lines = [cli.stdout.readline() for _ in range(4)]
        cli.kill()
    assert lines[0].startswith("------- data ------") and lines[1].split()[:4] == ["keys", "mem", "clients", "blocked"]
    keys, _, clients, blocked = lines[3].split()[:4]
    assert (int(keys), int(blocked)) == (SEARCHED_KEYS + 2, 0) and int(clients) >= 1
