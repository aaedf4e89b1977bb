"""Fixtures of the server tests.

TESSERA_SERVER names the binary, TESSERA_SHARDS the shard counts ("1,2,4"). TESSERA_KIND=redis runs the tests against
redis-server instead, to see whether it is the test that is wrong.
"""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.process import TESSERA, Server  # noqa: E402

KIND = os.environ.get("TESSERA_KIND", "tessera")
SHARDS = [int(count) for count in os.environ.get("TESSERA_SHARDS", "1,2,4" if KIND == "tessera" else "1").split(",")]


def pytest_configure(config):
    config.addinivalue_line("markers", "threads: exercises what several threads do together; run under ThreadSanitizer")
    config.addinivalue_line("markers", "slow: left out by tools/test --quick")
    config.addinivalue_line("markers", "timing: measures time; left out under sanitizers and valgrind")
    config.addinivalue_line("filterwarnings", "error::pytest.PytestUnhandledThreadExceptionWarning")


def pytest_collection_modifyitems(items):
    del items
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
