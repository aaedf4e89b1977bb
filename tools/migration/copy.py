"""A worker that copies keys: DUMP at the source, RESTORE at the target, in pipelines.

Memory is bounded: what a key takes is asked first, payloads of some MiB together are read at a time, and one key of more than
BIG_BYTES at a time, of all workers, which then goes through in pieces of a MiB without being held.
"""

import time

from .payload import BadValue, is_known_everywhere, lowered, lowered_footer
from .wire import RELAY_BYTES, ErrorReply, encode
from .endpoint import Refused

GROUP_BYTES = 4 << 20
GROUP_KEYS = 512
UNKNOWN_BYTES = 1 << 20  # for a key whose size could not be asked: then four go at a time
BIG_BYTES = 8 << 20
ITEM_BYTES = 64          # for a member, where only the number of members can be asked
COUNTERS = {b"string": "STRLEN", b"list": "LLEN", b"set": "SCARD", b"hash": "HLEN", b"zset": "ZCARD", b"stream": "XLEN"}
# The target cannot take anything any more: not a matter of one key.
FATAL = (b"OOM", b"LOADING", b"MISCONF", b"READONLY", b"NOAUTH", b"NOREPLICAS", b"MASTERDOWN", b"CLUSTERDOWN")


class Outcome:
    """What came of some keys."""

    def __init__(self):
        self.looked_at = self.copied = self.existing = self.gone = self.bytes = 0
        self.failures = []


class Found:
    """A key at the source: deadline in ms or None, what OBJECT says of its last access, and the bytes it may take."""

    def __init__(self, key, deadline, access, size):
        self.key, self.deadline, self.access, self.size = key, deadline, access, size


class Copier:
    """worker((database, keys, mode)) -> Outcome. Without keys it keeps its connections alive.

    mode  "new": keys that the target has stay as they are; "replace"; "sync": replace, and what the source lacks goes there.
    """

    def __init__(self, source, target, abilities, version, bulk_bytes, big_lock):
        self.source, self.target = source.connect(timeout=600), target.connect(timeout=600)
        self.abilities, self.version, self.bulk_bytes, self.big_lock = abilities, version, bulk_bytes, big_lock
        self.database = 0
        leave_idle_times(self.source)

    def __call__(self, task):
        database, keys, mode = task
        outcome = Outcome()
        if not keys:
            self.source.call("PING")
            self.target.call("PING")
            return outcome
        outcome.looked_at = len(keys)
        if database != self.database:
            self._select(database)
        if mode == "new":
            keys = self._missing(keys, outcome)
        for group in groups_of(self._describe(database, keys, outcome)):
            if len(group) == 1 and group[0].size > BIG_BYTES:
                with self.big_lock:
                    self._copy_big(database, group[0], mode, outcome)
            else:
                self._copy_group(database, group, mode, outcome)
        return outcome

    def _select(self, database):
        for connection in (self.source, self.target):
            reply = connection.call("SELECT", database)
            if isinstance(reply, ErrorReply):
                raise Refused("%s: SELECT %d: %s" % (connection.name, database, reply))
        self.database = database

    def _missing(self, keys, outcome):
        """Those that the target does not have."""
        replies = self.target.pipeline([encode("EXISTS", key) for key in keys])
        outcome.existing += sum(reply == 1 for reply in replies)
        return [key for key, reply in zip(keys, replies) if reply != 1]

    def _describe(self, database, keys, outcome):
        """Asks for what must be known before the value; a key that the user may not see is a failure."""
        commands = [encode("TIME")]
        for key in keys:
            commands.append(encode("PEXPIRETIME" if self.abilities.has_deadlines else "PTTL", key))
            if self.abilities.access:
                commands.append(encode("OBJECT", self.abilities.access, key))
            if self.abilities.has_usage:
                commands.append(encode("MEMORY", "USAGE", key))
        replies = iter(self.source.pipeline(commands))
        now = clock_ms(next(replies))
        sizes = None if self.abilities.has_usage else sizes_by_count(self.source, keys, self.abilities.has_types)
        for at, key in enumerate(keys):
            deadline = next(replies)
            access = next(replies) if self.abilities.access else None
            size = next(replies) if sizes is None else sizes[at]
            if isinstance(deadline, ErrorReply):
                outcome.failures.append((database, key, str(deadline)))
                continue
            if deadline >= 0 and not self.abilities.has_deadlines:
                deadline += now
            yield Found(key, deadline if deadline >= 0 else None, access if isinstance(access, int) else None,
                        size if isinstance(size, int) else UNKNOWN_BYTES)

    def _restore_words(self, found, mode):
        """(words before the payload, words behind it)."""
        after = []
        if mode != "new":
            after.append(b"REPLACE")
        if found.deadline is not None:
            after.append(b"ABSTTL")
        if found.access is not None:
            after += [self.abilities.access.encode(), b"%d" % found.access]
        before = (b"RESTORE", found.key, b"%d" % (found.deadline or 0))
        return before, after

    def _copy_group(self, database, group, mode, outcome):
        self.source.send(b"".join(encode("DUMP", found.key) for found in group))
        commands, sent = [], []
        for found in group:
            payload = self.source.read()
            if payload is None:
                self._gone(found, mode, outcome, commands, sent)
                continue
            if isinstance(payload, ErrorReply):
                outcome.failures.append((database, found.key, "DUMP: %s" % payload))
                continue
            try:
                payload = lowered(payload, self.version)
            except BadValue as error:
                outcome.failures.append((database, found.key, str(error)))
                continue
            before, after = self._restore_words(found, mode)
            commands.append(encode(*before, payload, *after))
            sent.append((found.key, len(payload)))
        for (key, size), reply in zip(sent, self.target.pipeline(commands)):
            self._restored(database, key, size, reply, outcome)

    def _gone(self, found, mode, outcome, commands, sent):
        outcome.gone += 1
        if mode == "sync":
            commands.append(encode("DEL", found.key))
            sent.append((found.key, None))

    def _restored(self, database, key, size, reply, outcome):
        if reply == b"OK":
            outcome.copied += 1
            outcome.bytes += size
        elif not isinstance(reply, ErrorReply):
            assert size is None
        elif reply.code == b"BUSYKEY":
            outcome.existing += 1
        elif reply.code in FATAL:
            raise Refused("%s refuses keys: %s" % (self.target.name, reply))
        else:
            outcome.failures.append((database, key, "RESTORE: %s" % reply))

    def _copy_big(self, database, found, mode, outcome):
        """One value, in pieces; what must be changed inside it is held."""
        self.source.send(encode("DUMP", found.key))
        length, other = self.source.read_bulk_length()
        if length is None or length > self.bulk_bytes:
            self._not_sent(database, found, mode, length, other, outcome)
            return
        first = self.source.take(1)
        if is_known_everywhere(first[0]):
            self._relay(found, mode, length, first)
        else:
            payload = first + self.source.take(length - 1)
            try:
                before, after = self._restore_words(found, mode)
                self.target.send(encode(*before, lowered(payload, self.version), *after))
            except BadValue as error:
                self.source.take(2)
                outcome.failures.append((database, found.key, str(error)))
                return
        self.source.take(2)
        self._restored(database, found.key, length, self.target.read(), outcome)

    def _not_sent(self, database, found, mode, length, other, outcome):
        if length is not None:
            for at in range(0, length + 2, RELAY_BYTES):
                self.source.take(min(RELAY_BYTES, length + 2 - at))
            outcome.failures.append((database, found.key, "%d bytes, more than proto-max-bulk-len of the target (%d)"
                                     % (length, self.bulk_bytes)))
        elif other is not None:
            outcome.failures.append((database, found.key, "DUMP: %s" % other))
        else:
            outcome.gone += 1
            if mode == "sync":
                self.target.call("DEL", found.key)

    def _relay(self, found, mode, length, first):
        before, after = self._restore_words(found, mode)
        words = len(before) + 1 + len(after)
        head = encode(*before)
        self.target.send(b"*%d%b$%d\r\n%b" % (words, head[head.index(b"\r\n"):], length, first))
        left = length - 11
        while left > 0:
            piece = self.source.take(min(RELAY_BYTES, left))
            self.target.send(piece)
            left -= len(piece)
        tail = encode(*after)
        self.target.send(lowered_footer(self.source.take(10), self.version) + tail[tail.index(b"\r\n"):])


def leave_idle_times(connection):
    """What this connection reads does not count as access, where the server knows how to (7.2, Tessera)."""
    connection.call("CLIENT", "NO-TOUCH", "ON")


def sizes_by_count(connection, keys, has_types):
    """What keys may take, by their types and numbers of members, where MEMORY USAGE cannot be asked."""
    types = connection.pipeline([encode("TYPE", key) for key in keys]) if has_types else []
    counters = {key: COUNTERS[kind] for key, kind in zip(keys, types) if isinstance(kind, bytes) and kind in COUNTERS}
    counts = connection.pipeline([encode(counter, key) for key, counter in counters.items()]) if counters else []
    sizes = {key: count * (1 if counters[key] == "STRLEN" else ITEM_BYTES)
             for key, count in zip(counters, counts) if isinstance(count, int)}
    return [sizes.get(key, UNKNOWN_BYTES) for key in keys]


def clock_ms(reply):
    """TIME's reply in ms; where it is not allowed, this machine's clock."""
    if isinstance(reply, list):
        return int(reply[0]) * 1000 + int(reply[1]) // 1000
    return time.time_ns() // 1000000


def groups_of(keys):
    """Keys whose values may be held together; big ones alone."""
    group, size = [], 0
    for found in keys:
        if found.size > BIG_BYTES:
            yield [found]
            continue
        if group and (size + found.size > GROUP_BYTES or len(group) == GROUP_KEYS):
            yield group
            group, size = [], 0
        group.append(found)
        size += found.size
    if group:
        yield group
