"""Servers that save: ended and started again in the same folder, and their files handed to others."""

import contextlib
import os
import shutil
import signal
import time

from .process import REPORTS, SLOWDOWN, Server

POLL_SECONDS = 0.002
OPTIONS = ("--enable-debug-command", "yes")


def end(server, status=0):
    """SIGTERM; what it printed."""
    server.process.send_signal(signal.SIGTERM)
    return ended(server, status)


def ended(server, status=0):
    """The server has been asked to end: waits for that, and looks it over. Gives what it printed."""
    server.process.wait(20 * SLOWDOWN)
    output = server.output()
    assert server.process.returncode == status, output[-4000:]
    assert not REPORTS.search(output), output[-8000:]
    return output


def restart(server, shards=None):
    """Ended by SIGTERM, if it has not ended yet, and started again in its folder, perhaps with other shards."""
    if server.process.poll() is None:
        end(server)
    server.shards = shards or server.shards
    server._start()


def path(server, name="dump.rdb"):
    return os.path.join(server.folder, name)


def temporary_files(server):
    return [name for name in os.listdir(server.folder) if name.startswith("temp-")]


@contextlib.contextmanager
def loaded(server, shards=1, kind="tessera", name="dump.rdb", options=OPTIONS):
    """A connection to a second server that has loaded the first one's file. It ends, looked over, with the block."""
    other = Server(kind, shards, ("--dir", server.folder, "--dbfilename", name, *options))
    try:
        with other.connect() as client:
            yield client
        problems = other.problems()
    finally:
        problems_at_end = other.stop()
    assert not problems + problems_at_end, "\n".join(problems + problems_at_end)


def copy_of(server, name):
    """The file under another name, which later saves leave alone."""
    shutil.copyfile(path(server), path(server, name))
    return path(server, name)


def persistence(client):
    return client.info("persistence")


def wait_until(condition, what=""):
    end_at = time.monotonic() + 20 * SLOWDOWN
    while not condition():
        assert time.monotonic() < end_at, "for ever: %s" % what
        time.sleep(POLL_SECONDS)


def wait_for_fields(client, **fields):
    """Until INFO persistence has these texts."""
    def has_them():
        found = persistence(client)
        return all(found[name] == str(value) for name, value in fields.items())
    wait_until(has_them, "%s" % fields)


def begin_slow_save(client, delay_us=1000000):
    """BGSAVE, of which nearly nothing is written before what changes first. Gives what end_slow_save asks for."""
    saves = int(persistence(client)["rdb_saves"])
    client.run("CONFIG", "SET", "rdb-key-save-delay", delay_us)
    assert client.run("BGSAVE") == b"Background saving started"
    return saves


def end_slow_save(client, saves):
    """Quickly; it has succeeded. It may be over already, if all was changed."""
    client.run("CONFIG", "SET", "rdb-key-save-delay", "0")
    wait_for_fields(client, rdb_bgsave_in_progress=0)
    found = persistence(client)
    assert (found["rdb_last_bgsave_status"], int(found["rdb_saves"])) == ("ok", saves + 1)
