"""Fixtures of the server tests.

TESSERA_SERVER names the binary, TESSERA_SHARDS the shard counts: "1,2,4" runs each test on all of them, "1|4" on one of them, by
its name. TESSERA_KIND=redis runs the tests against redis-server instead, to see whether it is the test that is wrong.
"""

import os
import re
import sys
import zlib

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.process import TESSERA, Server  # noqa: E402

KIND = os.environ.get("TESSERA_KIND", "tessera")
ASKED_SHARDS = os.environ.get("TESSERA_SHARDS", "1,2,4" if KIND == "tessera" else "1")
SHARDS = [int(count) for count in re.split("[,|]", ASKED_SHARDS)]


def pytest_configure(config):
    config.addinivalue_line("markers", "threads: exercises what several threads do together; run under ThreadSanitizer")
    config.addinivalue_line("markers", "slow: left out by tools/test --quick")
    config.addinivalue_line("markers", "heavy: left out by tools/test --quick --asan and --tsan")
    config.addinivalue_line("markers", "timing: measures time; left out under sanitizers and valgrind")
    config.addinivalue_line("filterwarnings", "error::pytest.PytestUnhandledThreadExceptionWarning")


def is_chosen(item):
    """False: the test runs on another number of shards."""
    count = item.callspec.params.get("shards") if hasattr(item, "callspec") else None
    if "|" not in ASKED_SHARDS or count not in SHARDS:
        return True
    name = re.sub(r"shards\d+", "", item.nodeid)
    return count == SHARDS[zlib.crc32(name.encode()) % len(SHARDS)]


def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=[item for item in items if not is_chosen(item)])
    items[:] = [item for item in items if is_chosen(item)]
    if KIND == "tessera" and not os.access(TESSERA, os.X_OK):
        raise pytest.UsageError("no server at %s: build it, or set TESSERA_SERVER" % TESSERA)


@pytest.fixture(params=SHARDS, ids=lambda count: "shards%d" % count)
def shards(request):
    """How many shards; a test that asks for it runs once per count."""
    return request.param


@pytest.fixture
def start():
    """start(*options, shards=1, kind=KIND): a running server. After the test each is audited and ended, and
    what is wrong with it fails the test."""
    servers = []

    def start_server(*options, shards=1, kind=KIND):
        server = Server(kind, shards, options)
        servers.append(server)
        return server

    yield start_server
    problems = []
    for server in servers:
        problems += server.problems()
        problems += server.stop()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def server(start, shards):
    """A server without special options, once per shard count."""
    return start(shards=shards)


@pytest.fixture
def client(server):
    """A raw connection to `server`."""
    with server.connect() as connection:
        yield connection
