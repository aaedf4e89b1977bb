"""Snapshots: what a file has is the data of one moment, of all kinds, and whoever loads it has the same."""

import os
import random

import pytest

from families import FAMILIES, OWN_FAMILIES, load
from harness import saved
from harness.process import SLOWDOWN
from replay import batch_commands
from test_snapshot import limit_memory, send_at_once

COMMANDS = int(os.environ.get("TESSERA_SAVE_COMMANDS", "1200"))
SEED = os.environ.get("TESSERA_SAVE_SEED", "13")
ALL_FAMILIES = FAMILIES + [family for family in OWN_FAMILIES if family not in FAMILIES]
# Under sanitizers in quick runs: one family for each way that values lie, and tables.
LIGHT = ("string", "hash", "list", "zset", "stream", "table")
FAMILY_MARKS = [pytest.param(family, marks=() if family in LIGHT else pytest.mark.heavy) for family in ALL_FAMILIES]
CONNECTIONS = 3
EMPTY = b"0" * 40
FAR_MS = 3600000


def digest(client):
    return client.run("DEBUG", "DIGEST")


def keep_short_lived(client):
    """Expiry is off, and no key's time is over soon: later the same keys are there."""
    client.run("DEBUG", "SET-EXPIRY", "0")
    for name in client.info("keyspace"):
        client.run("SELECT", name[2:])
        keys = client.run("KEYS", "*")
        times = client.pipeline([("PTTL", key) for key in keys])
        client.pipeline([("PEXPIRE", key, FAR_MS) for key, (_, ms) in zip(keys, times) if ms != -1 and ms < FAR_MS])
    client.run("SELECT", "0")


def other_count(shards):
    return {1: 3, 2: 1, 4: 2}.get(shards, 1)


def batches(family, commands, rng):
    """Lists of commands, about so many in all, and four at least: in one of them no key may be left by the memory limit."""
    first, sent = rng.randrange(1000), 0
    batch = first
    while sent < commands / SLOWDOWN or batch < first + 4:
        made = batch_commands(family, SEED, batch)
        batch, sent = batch + 1, sent + len(made)
        yield made


# ---- 1: what is saved is loaded ----

@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("family", FAMILY_MARKS)
def test_what_is_saved_is_loaded(start, shards, family):
    server = start(*saved.OPTIONS, shards=shards)
    rng = random.Random("%s:%s" % (SEED, family))
    for commands in batches(family, COMMANDS, rng):
        with server.connect() as client:
            send_at_once([client], commands)
    with server.connect() as client:
        client.run("FUNCTION", "LOAD", "REPLACE", "#!lua name=kept\nredis.register_function('kept', function() return 7 end)")
        keep_short_lived(client)
        assert client.run("SAVE") == b"OK"
        then, functions = digest(client), client.call("FUNCTION", "LIST", "WITHCODE")
    saved.restart(server, other_count(shards))
    with server.connect() as client:
        assert digest(client) == then
        assert client.run("FCALL", "kept", "0") == 7
        assert sorted(map(repr, client.call("FUNCTION", "LIST", "WITHCODE")[1])) == sorted(map(repr, functions[1]))
    if family in FAMILIES:
        with saved.loaded(server, kind="redis") as client:
            assert digest(client) == then


# ---- 2: one moment ----

@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("family", FAMILY_MARKS)
def test_the_file_has_one_moment(start, shards, family):
    server = start(*saved.OPTIONS, "--activedefrag", "yes", shards=shards)
    rng = random.Random("%s:%s:moment" % (SEED, family))
    connections = [server.connect() for _ in range(CONNECTIONS)]
    client = server.connect()
    changed = 0
    for commands in batches(family, COMMANDS, rng):
        keep_short_lived(client)
        then = digest(client)
        saves = saved.begin_slow_save(client)
        client.run("DEBUG", "SET-EXPIRY", "1")
        limit_memory(client, rng)
        send_at_once(connections, commands)
        client.run("CONFIG", "SET", "maxmemory", "0")
        assert client.run("MEMORY", "AUDIT") == b"OK"
        changed += digest(client) != then
        saved.end_slow_save(client, saves)
        with saved.loaded(server, other_count(shards)) as loaded:
            assert digest(loaded) == then
    assert changed > 0
    for connection in connections + [client]:
        connection.close()
