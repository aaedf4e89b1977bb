"""What two samples of a server, one after the other, say together: rates, shares, percentiles, and what somebody should look at."""

import time

from .sample import HISTORY_SECONDS

SHARES = (0.5, 0.99, 0.999)
NO_CLASS = ("time", "used", "resident", "dataset")
SLOW_WAIT_BYTES = 1 << 20  # replies that a client has not read


def percentiles(counts):
    """The upper bounds, in microseconds, of the buckets at which each of SHARES of the calls is reached, and the last bound; Nones without calls."""
    total = sum(counts.values())
    found, seen = [], 0
    for bound in sorted(counts):
        seen += counts[bound]
        while len(found) < len(SHARES) and seen >= SHARES[len(found)] * total > 0:
            found.append(bound)
    return (found + [max(bound for bound, count in counts.items() if count)]) if found else [None] * (len(SHARES) + 1)


def difference(newer, older):
    """Of a counter. One that was set back counts from 0."""
    return newer - older if newer >= older else newer


def bucket_differences(newer, older):
    counts = {bound: difference(count, older.get(bound, 0)) for bound, count in newer.items()}
    return {bound: count for bound, count in counts.items() if count}


class Figures:
    """`seconds` lie between the samples, of one run of the server. Rates are by the second; None where the server does not tell."""

    def __init__(self, older, newer):
        self.newer, self.older = newer, older
        by_server = (newer.number("server_time_usec") - older.number("server_time_usec")) / 1e6
        self.seconds = max(by_server if by_server > 0 else newer.at - older.at, 0.001)
        self.ops = self.rate("total_commands_processed")
        self.cpu = self.rate("used_cpu_sys") + self.rate("used_cpu_user")
        self.shards = self._shards()
        self.commands, self.latency = self._commands()
        self.clients = newer.clients
        self.alerts = self._alerts()

    def rate(self, field):
        return difference(self.newer.number(field), self.older.number(field)) / self.seconds

    def hits(self):
        """The share of reads that found their key; None without reads."""
        hits, misses = self.rate("keyspace_hits"), self.rate("keyspace_misses")
        return hits / (hits + misses) if hits + misses else None

    def _shards(self):
        before = self.older.rows("shard")
        found = []
        for name, row in self.newer.rows("shard").items():
            old = before.get(name, {})
            rate = {field: difference(row[field], old.get(field, 0)) / self.seconds for field in ("commands", "busy_usec", "batches_waited")}
            found.append({"name": name, "ops": rate["commands"], "busy": min(rate["busy_usec"] / 1e6, 1.0), "keys": row["keys"],
                          "bytes": row["used_bytes"], "clients": row["connections"], "waiting": row["waiters"], "waited": rate["batches_waited"]})
        return found

    def _commands(self):
        """(rows of the commands that ran meanwhile, percentiles of all of them together)."""
        before, histograms = self.older.rows("cmdstat_"), self.older.histograms or {}
        found, together = [], {}
        for name, row in self.newer.rows("cmdstat_").items():
            old = before.get(name, {})
            calls, usec, failed, rejected = (difference(row[field], old.get(field, 0))
                                             for field in ("calls", "usec", "failed_calls", "rejected_calls"))
            if not calls and not rejected:
                continue
            buckets = bucket_differences((self.newer.histograms or {}).get(name, {}), histograms.get(name, {}))
            for bound, count in buckets.items():
                together[bound] = together.get(bound, 0) + count
            found.append({"name": name, "calls": calls / self.seconds, "usec": usec, "mean": usec / calls if calls else 0.0,
                          "errors": (failed + rejected) / self.seconds, "percentiles": percentiles(buckets)})
        total = sum(row["usec"] for row in found)
        for row in found:
            row["share"] = row["usec"] / total if total else 0.0
        return found, percentiles(together)

    def _alerts(self):
        """Sentences about what is not as it should be, the worst first."""
        number, text = self.newer.number, self.newer.text
        limit = number("maxmemory")
        slow = [row for row in self.clients or [] if row.get("omem", 0) > SLOW_WAIT_BYTES]
        rows = [(text("aof_last_write_status") == "err", "the log cannot be written"),
                (text("rdb_last_bgsave_status") == "err", "the last snapshot failed"),
                (text("aof_last_bgrewrite_status") == "err", "the last rewrite of the log failed"),
                (number("loading"), "loading"),
                (limit and number("used_memory") > 0.94 * limit and text("maxmemory_policy") == "noeviction", "memory is nearly full"),
                (self.rate("rejected_connections"), "connections are refused: maxclients"),
                (self.rate("evicted_keys"), "%d keys/s evicted" % self.rate("evicted_keys")),
                (self.rate("evicted_clients"), "clients are closed: maxmemory-clients"),
                (slow, "%d clients read slowly" % len(slow)),
                (self.rate("total_error_replies"), "%d errors/s" % max(1, self.rate("total_error_replies")))]
        return [sentence for is_so, sentence in rows if is_so]


class Watch:
    """Turns samples, as they come, into figures, and remembers what was. A server that was started anew begins again."""

    def __init__(self, history_seconds=HISTORY_SECONDS):
        self.history_seconds = history_seconds
        self.begin()

    def begin(self):
        self.last = self.figures = None
        self.ops, self.memory = [], []  # ops/s of each figures; samples of MEMORY HISTORY

    def history_count(self):
        """How many samples of MEMORY HISTORY the next sample needs: one a second since the last one."""
        if self.last is None or not self.memory:
            return self.history_seconds
        return min(self.history_seconds, int(time.monotonic() - self.last.at) + 3)

    def add(self, sample):
        """True: there are figures."""
        if self.last is not None and sample.text("run_id") != self.last.text("run_id"):
            self.begin()
        newest = self.memory[-1]["time"] if self.memory else -1
        self.memory = (self.memory + [row for row in sample.history or [] if row["time"] > newest])[-self.history_seconds:]
        if self.last is not None:
            self.figures = Figures(self.last, sample)
            self.ops = (self.ops + [self.figures.ops])[-self.history_seconds:]
        self.last = sample
        return self.figures is not None

    def classes(self):
        """(class, its bytes over time) of all that have bytes, the biggest now first."""
        names = [name for name in (self.memory[-1] if self.memory else {}) if name not in NO_CLASS]
        rows = [(name, [row.get(name, 0) for row in self.memory]) for name in names]
        return sorted((row for row in rows if any(row[1])), key=lambda row: -row[1][-1])
