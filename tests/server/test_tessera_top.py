"""tools/tessera-top: its figures, the text of --once, and the picture on a terminal."""

import os
import signal
import sys

import pytest

from harness.process import TOP
from harness.terminal import Terminal
from harness.tools import run_tool

sys.path.insert(0, os.path.join(TOP, "tools"))

from top.figures import bucket_differences, percentiles  # noqa: E402
from top.picture import shared_heights  # noqa: E402
from top.pieces import bar, count_text, history_bar, table, usec_text  # noqa: E402
from top.sample import parse_histograms  # noqa: E402

TOOL = os.path.join(TOP, "tools", "tessera-top")
INTERVAL = 0.2


def test_figures():
    counts = parse_histograms([b"get", [b"calls", 1000, b"histogram_usec", [1, 500, 4, 990, 33, 999, 1056, 1000]]])["get"]
    assert counts == {1: 500, 4: 490, 33: 9, 1056: 1}
    assert percentiles(counts) == [1, 4, 33, 1056]
    assert percentiles(bucket_differences({1: 500, 4: 490}, {1: 500, 4: 400})) == [4, 4, 4, 4]
    assert bucket_differences({1: 3}, {1: 5}) == {1: 3}  # CONFIG RESETSTAT came between
    assert percentiles({}) == [None] * 4
    assert [count_text(number) for number in (None, 0, 0.25, 9999, 10000, 1234567, 2.5e9)] == ["-", "0", "0.2", "9999", "10k", "1.23M", "2.5G"]
    assert [usec_text(usec) for usec in (1, 1500, 2e6)] == ["1 us", "1.5 ms", "2 s"]
    assert bar(0.5, 4, False) == "##.." and bar(7, 4, False) == "####"
    assert history_bar([0, 1, 7, 7], 4, False) == "_.##" and history_bar([5], 3, False) == "  #" and history_bar([0, 0], 2, False) == "__"
    assert history_bar([1, 8, 1, 1], 2, False) == "#."  # the highest of each part
    assert shared_heights([3, 100, 5, 100], 20) == [3, 6, 5, 6] and shared_heights([1, 2], 0) == [0, 0]
    lines = table([("a", "<"), ("bcd", ">"), ("", "<")], [["long", "1", lambda width: "=" * width]], 14)
    assert ["".join(text for _, text in line) for line in lines] == ["a     bcd     ", "long    1  ==="]


def test_one_picture_as_text(start):
    server = start("--requirepass", "secret word", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", shards=2)
    with server.connect() as client:
        client.run("CLIENT", "SETNAME", "worker-7")
        client.pipeline([("SET", "key:%d" % i, "x" * 100) for i in range(1000)])
        client.call("INCR", "key:1")
        client.run("ACL", "SETUSER", "half", "on", ">p", "+info", "+ping", "+memory|history")
        words = ("--port", server.port, "--once", "--interval", INTERVAL)
        status, text = run_tool("tessera-top", *words, "--size", "100x30", "--ascii", environment={"TESSERA_PASSWORD": "secret word"})
        assert status == 0, text
        lines = text.splitlines()
        assert len(lines) <= 30 and max(map(len, lines)) <= 100 and text.isascii()
        assert lines[0].startswith("Tessera %s  127.0.0.1:%d  up 0m " % (client.info("server")["tessera_version"], server.port))
        assert " of 100.0M " in text and "SHARDS" in text and "info " in text and "worker-7" in text
        shard_rows = [line.split() for line in lines[lines.index(next(line for line in lines if "SHARDS" in line)) + 1:][:2]]
        assert sum(int(row[row.index("%") + 1]) for row in shard_rows) == 1000, shard_rows
        status, text = run_tool("tessera-top", *words, "--user", "half", environment={"TESSERA_PASSWORD": "p"})
        assert status == 0 and "CLIENTS by memory: NOPERM" in text and "output buffer" in text, text
        for options, said in [((), "NOAUTH"), (("--pass", "wrong"), "WRONGPASS")]:
            status, text = run_tool("tessera-top", *words, *options)
            assert status == 2 and said in text and "secret word" not in text, text
    status, text = run_tool("tessera-top", "--port", 1, "--once")
    assert status == 2 and "cannot be reached" in text
    status, text = run_tool("tessera-top")
    assert status == 1 and "no terminal" in text
    status, text = run_tool("tessera-top", "--once", "--interval", "0")
    assert status == 2 and "from 0.1 to 3600" in text


@pytest.mark.parametrize("environment", [{}, pytest.param({"NO_COLOR": "1"}, marks=pytest.mark.slow)], ids=["colour", "NO_COLOR"])
def test_on_a_terminal(start, environment):
    server = start(shards=2)
    words = ("/usr/bin/python3", "-B", TOOL, "--port", server.port, "--interval", INTERVAL)
    with server.connect() as client, Terminal(words, 80, 24, {"TERM": "xterm-256color", **environment}) as terminal:
        client.pipeline([("SADD", "set", i) for i in range(1000)])
        terminal.wait_for("SHARDS", "COMMANDS by time", "MEMORY by class", "CLIENTS by memory")
        has_colours = b"\x1b[36m" in terminal.drawn
        assert has_colours == (not environment)
        terminal.press("sc")
        terminal.wait_for("COMMANDS by calls", "CLIENTS by idle")
        terminal.press("4p")
        terminal.wait_for("COMMANDS by name", "PAUSED")
        terminal.press("?")
        terminal.wait_for("ends", "upper bounds of")
        terminal.press("?p")
        for width, height in ((160, 50), (20, 4), (1, 1), (80, 24)):
            terminal.resize(width, height)
        terminal.wait_for("SHARDS", "COMMANDS by name")
        server.kill()
        terminal.wait_for("! 127.0.0.1:%d" % server.port)
        server._start()
        client.close()
        with server.connect() as other:
            other.pipeline([("ZADD", "zset", i, i) for i in range(1000)])
            terminal.wait_for("SHARDS", "zset")
        assert terminal.end("q") == 0


def test_a_signal_leaves_the_terminal_as_it_was(start):
    server = start()
    with Terminal(("/usr/bin/python3", "-B", TOOL, "--port", server.port), 80, 24, {}) as terminal:
        terminal.wait_for("COMMANDS")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end("") == 2
        assert "Traceback" not in terminal.text()
