"""A worker that compares keys: by DEBUG DIGEST-VALUE where both servers allow it, else payloads, and values where these differ.

Equal digests or payloads are equal values; unequal ones may be of the same (other versions, other order), so then the
values are read. Deadlines are compared, too, and the consumer groups of streams, which no digest covers.
"""

from .copy import clock_ms, leave_idle_times, sizes_by_count
from .endpoint import Refused
from .payload import BadValue, lowered
from .values import same_groups, same_value
from .wire import ErrorReply, encode

DIGESTS = 64             # keys whose digests one command asks for
PAYLOAD_BYTES = 1 << 20  # bigger values are read in pieces instead
DEADLINE_SLACK_MS = 2000  # where the source tells a time to live only
NO_DIGEST = b"0" * 40


class Comparison:
    """What came of some keys: how many were compared, and which differ: (database, key, reason)."""

    def __init__(self):
        self.looked_at = 0
        self.failures = []


class Verifier:
    """worker((database, keys)) -> Comparison."""

    def __init__(self, source, target, abilities, target_abilities, version):
        self.source, self.target = source.connect(timeout=600), target.connect(timeout=600)
        self.abilities, self.version = abilities, version
        self.target_has_deadlines = target_abilities.has_deadlines
        self.has_digests = abilities.has_digests and target_abilities.has_digests
        self.database = 0
        leave_idle_times(self.source)
        leave_idle_times(self.target)

    def __call__(self, task):
        database, keys = task
        comparison = Comparison()
        comparison.looked_at = len(keys)
        if database != self.database:
            for connection in (self.source, self.target):
                reply = connection.call("SELECT", database)
                if isinstance(reply, ErrorReply):
                    raise Refused("%s: SELECT %d: %s" % (connection.name, database, reply))
            self.database = database
        for at in range(0, len(keys), DIGESTS):
            self._compare(database, keys[at:at + DIGESTS], comparison)
        return comparison

    def _compare(self, database, keys, comparison):
        unsure = []
        are_equal = self._digests(keys) if self.has_digests else self._payloads(keys)
        for key, is_equal in zip(keys, are_equal):
            if not is_equal:
                unsure.append(key)
        reasons = {key: same_value(self.source, self.target, key) for key in unsure}
        if self.has_digests:
            self._compare_groups([key for key, is_equal in zip(keys, are_equal) if is_equal], reasons)
        for key, reason in self._deadlines(keys):
            reasons[key] = reasons.get(key) or reason
        comparison.failures += [(database, key, reason) for key, reason in reasons.items() if reason]

    def _digests(self, keys):
        command = encode("DEBUG", "DIGEST-VALUE", *keys)
        self.source.send(command)
        self.target.send(command)
        mine, others = self.source.read(), self.target.read()
        if not isinstance(mine, list) or not isinstance(others, list):
            return [False] * len(keys)
        return [one == other and one != NO_DIGEST for one, other in zip(mine, others)]

    def _compare_groups(self, keys, reasons):
        types = self.target.pipeline([encode("TYPE", key) for key in keys])
        for key, kind in zip(keys, types):
            if kind == b"stream":
                reasons[key] = same_groups(self.source, self.target, key)

    def _payloads(self, keys):
        """By DUMP, of keys that are not too big; for others: not known to be equal."""
        if self.abilities.has_usage:
            sizes = self.source.pipeline([encode("MEMORY", "USAGE", key) for key in keys])
        else:
            sizes = sizes_by_count(self.source, keys, self.abilities.has_types)
        small = [key for key, size in zip(keys, sizes) if isinstance(size, int) and size < PAYLOAD_BYTES]
        commands = [encode("DUMP", key) for key in small]
        equal = {}
        if commands:
            self.source.send(b"".join(commands))
            self.target.send(b"".join(commands))
        for key in small:
            equal[key] = self._same_payload(self.source.read(), self.target.read())
        return [equal.get(key, False) for key in keys]

    def _same_payload(self, mine, other):
        if not isinstance(mine, bytes) or not isinstance(other, bytes):
            return False
        try:
            return mine == other or lowered(mine, self.version)[:-10] == other[:-10]
        except BadValue:
            return False

    def _deadlines(self, keys):
        """(key, reason) where the times at which keys end differ."""
        replies = self._ask_deadlines(self.source, keys, self.abilities.has_deadlines)
        others = self._ask_deadlines(self.target, keys, self.target_has_deadlines)
        slack = 0 if self.abilities.has_deadlines and self.target_has_deadlines else DEADLINE_SLACK_MS
        for key, mine, other in zip(keys, replies, others):
            if mine is None or other is None or mine == other or -2 in (mine, other):
                continue
            if -1 in (mine, other) or abs(mine - other) > slack:
                texts = tuple("none" if one == -1 else "until %d ms" % one for one in (mine, other))
                yield key, "another time to live (%s and %s)" % texts

    @staticmethod
    def _ask_deadlines(connection, keys, has_deadlines):
        command = "PEXPIRETIME" if has_deadlines else "PTTL"
        replies = connection.pipeline([encode("TIME"), *[encode(command, key) for key in keys]])
        now = 0 if has_deadlines else clock_ms(replies[0])
        return [None if isinstance(reply, ErrorReply) else reply if reply < 0 else reply + now for reply in replies[1:]]
