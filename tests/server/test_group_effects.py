"""Consumer groups are repeated to the last detail: positions, who was seen when, what was delivered when and how often."""

import os

import pytest

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
