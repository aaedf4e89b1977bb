"""The servers that bench/compare measures: how each is started, and what it has used so far."""

import os
import statistics
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "server"))

from harness.process import Server  # noqa: E402

RELEASE = os.environ.get("TESSERA_RELEASE", os.path.join(TOP, "build", "release"))
NOCOUNT = os.path.join(TOP, "build", "nocount")


class NullServer(Server):
    """bench/null_server.c: the floor of the network path."""

    def __init__(self, threads):
        super().__init__("null", threads, binary=os.path.join(RELEASE, "bench", "null_server"))

    def _command(self):
        return [self.binary, str(self.port), str(self.shards)]

    def problems(self):
        return []


class Contender:
    """A column of the tables: a running server, its name, and whether clients go straight to its shards."""

    def __init__(self, name, server, is_cluster=False):
        self.name = name
        self.server = server
        self.is_cluster = is_cluster

    def info_memory(self):
        """(used_memory, resident bytes)"""
        with self.server.connect() as connection:
            return int(connection.info("memory")["used_memory"]), self.server.resident_bytes()


def tessera(shards, *options, folder=RELEASE):
    return Server("tessera", shards, options, binary=os.path.join(folder, "tessera-server"))


def redis(*options):
    return Server("redis", options=options)


class Figures:
    """Measurements under their names."""

    def __init__(self):
        self.values = {}

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)

    def least(self, name):
        return min(self.values[name])

    def median(self, name):
        return statistics.median(self.values[name])
