"""Consumer groups are repeated to the last detail: positions, who was seen when, what was delivered when and how often."""

import os

import pytest

from harness.resp import plain
from replay import Replay, batch_commands

COMMANDS = 8000
# How the nodes of a stream are cut depends on what was in them when; not on what is.
LAYOUT = (b"radix-tree-keys", b"radix-tree-nodes")


def group_commands(seed, batch):
    """The stream family's own commands."""
    return [command for command in batch_commands("stream", seed, batch)
            if command and (command[0].upper().startswith(b"X") or command[0] == b"DEL")]


def streams(connection):
    """Everything that XINFO tells of every stream."""
    found = {}
    for key in connection.run("KEYS", "*"):
        if connection.run("TYPE", key) == b"stream":
            fields = connection.run("XINFO", "STREAM", key, "FULL", "COUNT", "0")
            found[key] = [pair for pair in zip(fields[::2], fields[1::2]) if pair[0] not in LAYOUT]
    return found


@pytest.mark.parametrize("shards", ((1, 3), (2, 1), (4, 2)))
def test_groups_are_the_same_after_a_replay(shards):
    replay = Replay(*shards)
    seed = os.environ.get("TESSERA_SEED", "groups")
    played = batch = 0
    try:
        while played < COMMANDS:
            commands = group_commands(seed, batch)
            errors = replay.apply(replay.play(commands, False))
            assert errors == [], "seed %s, batch %d" % (seed, batch)
            assert streams(replay.sink) == streams(replay.sender), "seed %s, batch %d" % (seed, batch)
            played += len(commands)
            batch += 1
    finally:
        problems = replay.end()
    assert problems == []


def test_the_clock_and_the_nodes_decide_only_once():
    replay = Replay(2, 3)
    try:
        commands = [("CONFIG", "SET", "stream-node-max-entries", "10")]
        for number in range(400):
            key = "s:%d" % (number % 5)
            commands.append(("XADD", key, "MAXLEN", "~", "%d" % (20 + number % 30), "*", "n", "%d" % number))
        commands += [("XADD", "t", "MINID", "~", "5", "%d-*" % (number // 7 + 1), "n", "v") for number in range(200)]
        commands += [("XTRIM", "t", "MINID", "~", "12-3"), ("XTRIM", "s:1", "MAXLEN", "~", "7", "LIMIT", "10")]
        assert replay.apply(replay.play(commands, False)) == []
        found = streams(replay.sender)
        assert len(found) == 6 and any(dict(stream)[b"length"] < 79 for stream in found.values())
        assert streams(replay.sink) == found
    finally:
        problems = replay.end()
    assert problems == []


def test_apply_reads_its_words(client):
    client.run("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    client.run("XADD", "s", "5-1", "f", "v")
    assert client.call("STREAM.APPLY", "s", "g", "5-1", "1", "c") == \
        ("-", b"ERR wrong number of arguments for 'stream.apply' command")
    for words in (("x", "1"), ("5-1", "x"), ("5-1", "1", "c", "x"), ("5-1", "1", "c", "9", "5-1", "x", "1"),
                  ("5-1", "1", "c", "9", "5-1", "7", "-1")):
        assert client.call("STREAM.APPLY", "s", "g", *words)[0] == "-", words
    assert client.call("STREAM.APPLY", "s", "h", "5-1", "1")[1].startswith(b"NOGROUP ")
    assert client.call("STREAM.APPLY", "t", "g", "5-1", "1")[1].startswith(b"NOGROUP ")
    assert dict(zip(*[iter(client.run("XINFO", "GROUPS", "s")[0])] * 2))[b"last-delivered-id"] == b"0-0", "nothing was changed"
    assert client.run("STREAM.APPLY", "s", "g", "5-1", "1", "c", "9", "5-1", "7", "18446744073709551615") == b"OK"
    group = dict(zip(*[iter(client.run("XINFO", "STREAM", "s", "FULL"))] * 2))[b"groups"][0]
    assert group[:6] == [b"name", b"g", b"last-delivered-id", b"5-1", b"entries-read", 1]
    assert group[11] == [[b"5-1", b"c", 7, -1]] and group[13][0][:4] == [b"name", b"c", b"seen-time", 9]


def deletions(policy, count):
    """Two groups have read `count` entries; half of them are deleted by each command, some of them twice, or never there."""
    ids = ["%d-1" % number for number in range(1, count + 1)]
    commands = [("XADD", policy, one, "f", "v") for one in ids]
    for group in ("a", "b"):
        commands += [("XGROUP", "CREATE", policy, group, "0"), ("XREADGROUP", "GROUP", group, "c", "STREAMS", policy, ">")]
    commands.append(("XACK", policy, "b", *ids[::3]))
    asked = ids[::2] + ids[:3] + ["7-7"]
    commands.append(("XACKDEL", policy, "a", policy, "IDS", str(len(asked)), *asked))
    asked = ids[1::2] + ids[:5]
    commands.append(("XDELEX", policy, "IDS", str(len(asked)), *asked, policy))
    return commands


def test_deletions_by_policy_are_repeated():
    """Short ones in one step, long ones in several."""
    replay = Replay(2, 1)
    left = {"KEEPREF": 0, "DELREF": 0, "ACKED": 1000 - 167}
    try:
        for policy, length in left.items():
            for count in (10, 1000):
                commands = [("DEL", policy)] + deletions(policy, count)
                replay.sender.pipeline(commands)
                assert replay.apply(replay.play([], False)) == []
                assert streams(replay.sink) == streams(replay.sender)
            assert replay.sender.run("XLEN", policy) == length, policy
        pending = {policy: [replay.sink.run("XPENDING", policy, group)[0] for group in ("a", "b")] for policy in left}
        assert pending == {"KEEPREF": [499, 666], "DELREF": [0, 0], "ACKED": [499, 666]}
    finally:
        problems = replay.end()
    assert problems == []


def trims(policy, count):
    """`count` entries of which each third is pending in a group, and the last ten in none; trimmed by XTRIM and XADD."""
    commands = [("DEL", policy)] + [("XADD", policy, "%d-1" % number, "f", "v") for number in range(1, count + 1)]
    for group in ("a", "b", "c"):
        commands.append(("XGROUP", "CREATE", policy, group, "%d-1" % (count - 10)))
    pending = ["%d-1" % number for number in range(3, count + 1, 3)]
    commands.append(("XCLAIM", policy, "b", "x", "0", *pending, "FORCE", "JUSTID"))
    commands.append(("XTRIM", policy, "MINID", "%d-1" % (count // 2), policy))
    return commands + [("XADD", policy, policy, "MAXLEN", "=", "12", "%d-1" % (count + 1), "f", "v")]


def test_trims_by_policy_are_repeated():
    """Short ones in one step, long ones in several, also inside of MULTI."""
    replay = Replay(2, 1)
    needed = {"KEEPREF": lambda number, count: number > count - 11, "DELREF": lambda number, count: number > count - 11,
              "ACKED": lambda number, count: number % 3 == 0 or number > count - 10}
    try:
        for policy, stays in needed.items():
            for count in (40, 3000):
                replies = replay.sender.pipeline(trims(policy, count))
                assert replies[-1] == ("$", b"%d-1" % (count + 1))
                left = [entry[0] for entry in replay.sender.run("XRANGE", policy, "-", "+")]
                assert left == [b"%d-1" % number for number in range(1, count + 2) if stays(number, count)]
                assert replies[-2][1] == sum(not stays(number, count) for number in range(1, count // 2))
                pending = replay.sender.run("XPENDING", policy, "b")[0]
                assert pending == sum(number % 3 == 0 for number in range(count - 10 if policy == "DELREF" else 1, count + 1))
                assert replay.apply(replay.play([], False)) == []
                assert streams(replay.sink) == streams(replay.sender)
        replay.sender.pipeline(trims("ACKED", 1500)[:-2])
        replies = replay.sender.pipeline([("MULTI",), ("XADD", "ACKED", "ACKED", "MAXLEN", "0", "1600-1", "f", "v"), ("XLEN", "ACKED"), ("EXEC",)])
        assert replies[-1] == ("*", [("$", b"1600-1"), (":", 500 + 6 + 1)])
        assert replay.apply(replay.play([], False)) == []
        assert streams(replay.sink) == streams(replay.sender)
    finally:
        problems = replay.end()
    assert problems == []


def test_one_event_for_a_deletion_in_steps(start):
    server = start("--notify-keyspace-events", "Kt", shards=2)
    client, listener = server.connect(), server.connect()
    ids = ["%d-1" % number for number in range(1, 5001)]
    client.pipeline(("XADD", "s", one, "f", "v") for one in ids)
    listener.run("SUBSCRIBE", "__keyspace@0__:s")
    assert client.run("XDELEX", "s", "IDS", str(len(ids)), *ids) == [1] * len(ids)
    assert client.run("XLEN", "s") == 0
    assert client.run("XSETID", "s", "9000-1") == b"OK"
    assert [plain(listener.read())[-1] for _ in range(2)] == [b"xdel", b"xsetid"]
