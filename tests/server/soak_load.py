"""The loads of soak.py: each is a process with a generator of its own and a turn() that is repeated until the end.

FamilyLoad    pipelines of all families' rows, on few keys and on many, with growing collections, big values and times to live
TableLoad     namespaces, tables, columns and indexes that come and go, and rows in them
ClientLoad    clients that leave in the middle of a command or of a reply, do not read, watch, or are killed
Disturbance   limits, policies, defragmentation, flushes, swaps, reports, collections of 100,000 members

Connections of the first two and the last must never be closed by the server; those of ClientLoad may be, at any time.
"""

import os
import random
import select
import socket
import struct
import time
import traceback

from families import FAMILIES, load
from families.arguments import GARBAGE, KEYS, Group, words
from harness.process import SLOWDOWN
from harness.resp import Closed, Connection, encode, parse

BATCH_MAX = 300
STUCK_SECONDS = 60 * SLOWDOWN
KEPT_BYTES_MAX = 32 << 20
REST_SECONDS_MAX = 30.0
FLUSHES = (b"FLUSHALL", b"FLUSHDB", b"SWAPDB")
VICTIM = b"victim"
MIB = 1 << 20


class Failure(Exception):
    """What the server must not do; the text is for the reader of the report."""


# ---- one connection ----

def shown(command):
    """A command on one line; long words are cut."""
    cut = [(repr(word[:60])[2:-1] or "''", "...(%d)" % len(word) if len(word) > 60 else "") for word in command[:12]]
    return " ".join(map("".join, cut))


class Line:
    """A connection that sends pipelines and reads their replies at the same time, so that neither side waits for ever."""

    def __init__(self, port):
        self.connection = Connection("127.0.0.1", port, timeout=STUCK_SECONDS)
        self.connection.run("CLIENT", "NO-EVICT", "ON")
        self.connection.socket.setblocking(False)
        self.batches = 0

    def play(self, commands):
        """Sends them and waits for their replies. Raises Failure with the command that was next when the server closed the
        connection or did not move for STUCK_SECONDS."""
        self.batches += 1
        ending = b"-- end of %d --" % self.batches
        data = memoryview(b"".join(encode(*command) for command in commands) + encode("ECHO", ending))
        ending = b"$%d\r\n%s\r\n" % (len(ending), ending)
        received = bytearray()
        dropped = 0
        why = None
        while why is None:
            try:
                data, chunk = self._step(data)
            except (Closed, ConnectionError):
                why = "the server closed the connection"
                break
            except TimeoutError:
                why = "the server did not move for %d s" % STUCK_SECONDS
                break
            received += chunk
            if not data and received.endswith(ending):
                return
            if len(received) > KEPT_BYTES_MAX:
                dropped += len(received) - 100
                del received[:-100]
        raise Failure("%s; %s" % (why, self._place(commands, received, dropped)))

    def _step(self, data):
        """Sends some and reads some; gives what is left to send, and what came."""
        line = self.connection.socket
        readable, writable, _ = select.select([line], [line] if data else [], [], STUCK_SECONDS)
        if not readable and not writable:
            raise TimeoutError
        chunk = b""
        if readable:
            chunk = line.recv(1 << 18)
            if not chunk:
                raise Closed
        if writable:
            data = data[line.send(data[:1 << 18]):]
        return data, chunk

    @staticmethod
    def _place(commands, received, dropped):
        if dropped:
            return "%d bytes of replies came; the batch began with: %s" % (dropped + len(received), shown(commands[0]))
        count = at = 0
        while at < len(received):
            reply, at = parse(received, at)
            if reply is None:
                break
            count += 1
        around = commands[max(0, count - 2):count + 3]
        return "%d of %d replies came; sent around there:\n    %s" % (count, len(commands), "\n    ".join(map(shown, around)))

    def run(self, *command):
        """One command and its reply."""
        self.connection.socket.setblocking(True)
        try:
            return self.connection.call(*command)
        except (Closed, OSError) as error:
            raise Failure("%r after %s" % (error, shown([word if isinstance(word, bytes) else str(word).encode()
                                                         for word in command]))) from error
        finally:
            self.connection.socket.setblocking(False)


# ---- what all loads have ----

class Load:
    """A process's load: `turn` is its unit; between two turns it can be paused."""

    def __init__(self, shared, number, name):
        self.shared = shared
        self.number = number
        self.name = name
        self.rng = random.Random("%s:%s" % (shared.seed, name))

    def count(self, commands):
        self.shared.commands[self.number] += commands

    def turn(self):
        raise NotImplementedError

    def close(self):
        """Closes what it has open."""

    def wait_while_paused(self):
        while not self.shared.must_end.is_set():
            pause = self.shared.pause.value
            self.shared.paused[self.number] = pause
            if pause % 2 == 0:
                return
            time.sleep(0.01)

    def rest(self, busy_seconds):
        """With a rate all loads together are busy for that share of the time."""
        if self.shared.rate:
            factor = self.shared.count * 100 / self.shared.rate - 1
            end = time.monotonic() + min(busy_seconds * factor, REST_SECONDS_MAX)
            while time.monotonic() < end and not self.shared.must_end.wait(max(0.0, min(end - time.monotonic(), 0.05))):
                self.wait_while_paused()


def run_load(kind, shared, number, name):
    """The process: turns until the end; a failure goes to the parent as text."""
    try:
        load_of = kind(shared, number, name)
        while not shared.must_end.is_set():
            load_of.wait_while_paused()
            began = time.monotonic()
            load_of.turn()
            load_of.rest(time.monotonic() - began)
        load_of.close()
    except Failure as failure:
        shared.failures.put("%s: %s" % (name, failure))
    except (Closed, OSError) as error:
        if not shared.must_end.is_set():
            shared.failures.put("%s: %r" % (name, error))
    except Exception:  # pylint: disable=broad-except
        shared.failures.put("%s: %s" % (name, traceback.format_exc()))
    finally:
        shared.failures.close()
        shared.failures.join_thread()
        os._exit(0)


# ---- all families ----

def text_of(rng, most):
    """Bytes of a random length, a short one more often; half of them compress badly."""
    length = int(most ** rng.random())
    return rng.randbytes(length) if rng.random() < 0.5 else bytes([rng.randrange(256)]) * length


def one_member(rng):
    return b"member:%d" % rng.randrange(200_000) if rng.random() < 0.7 else b"%d" % rng.randrange(-10**6, 10**6)


def members(rng, count):
    return [one_member(rng) for _ in range(count)]


def grow(rng):
    """A command that makes one of few keys bigger, whatever its type."""
    count = int(2000 ** rng.random())
    kind = rng.choice([b"SADD", b"HSET", b"ZADD", b"RPUSH", b"LPUSH", b"XADD", b"APPEND"])
    where = b"big:%s:%d" % (kind, rng.randrange(6))
    if kind in (b"SADD", b"RPUSH", b"LPUSH"):
        return [kind, where, *members(rng, count)]
    if kind == b"HSET":
        return [kind, where, *[word for name in members(rng, count) for word in (name, text_of(rng, 100))]]
    if kind == b"ZADD":
        return [kind, where, *[word for name in members(rng, count) for word in (b"%d" % rng.randrange(10**6), name)]]
    if kind == b"XADD":
        return [kind, where, b"*", b"field", text_of(rng, 2000)]
    return [kind, where, text_of(rng, 5000)]


def shrink(rng):
    """The way back, by single members or as a whole."""
    kind = rng.choice([b"SREM", b"HDEL", b"ZREM", b"LPOP", b"RPOP", b"XTRIM", b"SPOP", b"ZPOPMIN", b"LTRIM", b"UNLINK"])
    count = int(2000 ** rng.random())
    type_of = {b"SREM": b"SADD", b"SPOP": b"SADD", b"HDEL": b"HSET", b"ZREM": b"ZADD", b"ZPOPMIN": b"ZADD", b"LPOP": b"RPUSH",
               b"RPOP": b"LPUSH", b"LTRIM": b"LPUSH", b"XTRIM": b"XADD"}
    where = b"big:%s:%d" % (type_of.get(kind, b"APPEND"), rng.randrange(6))
    if kind in (b"SREM", b"HDEL", b"ZREM"):
        return [kind, where, *members(rng, count)]
    if kind == b"XTRIM":
        return [kind, where, b"MAXLEN", b"%d" % count]
    if kind == b"LTRIM":
        return [kind, where, b"%d" % count, b"-1"]
    return [kind, where] if kind == b"UNLINK" else [kind, where, b"%d" % count]


def big_value(rng):
    where = b"value:%d" % rng.randrange(40)
    return rng.choice([[b"SET", where, text_of(rng, MIB)], [b"GET", where], [b"APPEND", where, text_of(rng, 100_000)],
                       [b"DEL", where], [b"SETRANGE", where, b"%d" % rng.randrange(MIB), b"x"],
                       [b"COPY", where, b"value:0", b"REPLACE"],
                       [b"SET", where, text_of(rng, MIB), b"PX", b"%d" % rng.randrange(1, 3000)]])


def any_key(rng):
    """A key of any pool."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(KEYS)
    if kind == 1:
        return b"small:%d" % rng.randrange(20_000)
    if kind == 2:
        return wide_key(rng, rng.choice(KEYS))
    return b"big:%s:%d" % (rng.choice([b"SADD", b"HSET", b"ZADD", b"RPUSH", b"LPUSH", b"XADD", b"APPEND"]), rng.randrange(6))


def wide_key(rng, word):
    return word + b":%d" % min(rng.randrange(2000), rng.randrange(2000))


def passing(rng):
    """Keys whose time passes."""
    if rng.random() < 0.7:
        return [b"SET", b"small:%d" % rng.randrange(20_000), text_of(rng, 300), b"PX", b"%d" % rng.randrange(1, 5000)]
    return [b"PEXPIRE", any_key(rng), b"%d" % rng.randrange(1, 5000)]


def small(rng):
    return [b"SET", b"small:%d" % rng.randrange(20_000), text_of(rng, 300)]


OWN = (([grow], 8), ([shrink], 4), ([big_value], 2), ([passing], 6), ([small], 12),
       ([lambda rng: [b"UNLINK", any_key(rng), any_key(rng)]], 2), ([lambda rng: [b"MEMORY", b"USAGE", any_key(rng)]], 1))


class FamilyLoad(Load):
    """Pipelines of rows of all families."""

    def __init__(self, shared, number, name):
        super().__init__(shared, number, name)
        self.line = Line(shared.port)
        self.rows = {}
        for family in shared.families:
            module = load(family)
            self.rows[family] = (module.ROWS, [row[0] for row in module.ROWS], set(getattr(module, "KEYS", KEYS)) - {b""})

    def of_row(self, family, row):
        """The commands of one row; on the keys as they are, or on one of many with the same beginnings."""
        rng = self.rng
        if isinstance(row[1], Group):
            commands = row[1].make(rng)[0]
        else:
            commands = [[word for part in row[1:] for word in words(part, rng)]]
        if commands[0][0] in FLUSHES and rng.random() < 0.98:
            return [[b"DBSIZE"]]
        if rng.random() < 0.03 and len(commands) == 1:
            commands[0][rng.randrange(len(commands[0]))] = rng.choice(GARBAGE)
        keys = self.rows[family][2]
        if rng.random() < 0.5:
            commands = [[wide_key(rng, word) if word in keys and rng.random() < 0.9 else word for word in command]
                        for command in commands]
        return commands

    def turn(self):
        rng = self.rng
        size = rng.choice([1, 10, 100, BATCH_MAX])
        commands = [[b"SELECT", rng.choice([b"0", b"0", b"0", b"1", b"2"])]]
        if rng.random() < 0.05:
            commands.append([b"HELLO", rng.choice([b"2", b"3"])])
        family = rng.choice(self.shared.families)
        rows, weights, _ = self.rows[family]
        for row in rng.choices(rows, weights, k=size):
            commands += self.of_row(family, row)
        kinds = rng.choices(OWN, [own[1] for own in OWN], k=max(1, size // 4))
        for (make,), _ in kinds:
            commands.insert(rng.randrange(1, len(commands) + 1), make(rng))
        self.line.play([command or [b"PING"] for command in commands])
        self.count(len(commands))

    def close(self):
        self.line.connection.close()


# ---- tables ----

NAMESPACES = (b"shop", b"log")
TABLES = tuple(b"%s.%s" % (space, table) for space in NAMESPACES for table in (b"users", b"items", b"tiny"))
COLUMNS = (b"id:integer", b"name:string", b"score:float", b"day:date", b"tag:string", b"note:string", b"size:integer")
INDEXES = (b"", b":hash", b":btree", b":none")


def cell(rng, column):
    """column=value for one of COLUMNS; sometimes of the wrong type."""
    name, kind = column.split(b":")
    texts = {b"integer": b"%d" % rng.randrange(20_000), b"float": b"%.3f" % rng.uniform(-100, 100),
             b"date": b"20%02d-%02d-%02d" % (rng.randrange(100), rng.randrange(1, 13), rng.randrange(1, 29)),
             b"string": b"t%d" % rng.randrange(50) if rng.random() < 0.5 else text_of(rng, 500)}
    return b"%s=%s" % (name, texts[kind] if rng.random() < 0.99 else rng.choice(GARBAGE))


def condition(rng):
    """WHERE and what follows; an equality more often than a range."""
    found = [b"WHERE"]
    for number in range(rng.choice([1, 1, 1, 1, 2, 3])):
        if number:
            found.append(rng.choice([b"AND", b"OR"]))
        word = cell(rng, rng.choice(COLUMNS[:5]))
        found.append(word if rng.random() < 0.7 else word.replace(b"=", rng.choice([b"<", b">", b"!=", b">=", b"<="]), 1))
    return found


class TableLoad(Load):
    """Statements on few tables, which come and go under them."""

    def __init__(self, shared, number, name):
        super().__init__(shared, number, name)
        self.line = Line(shared.port)

    def schema(self):
        rng = self.rng
        table = rng.choice(TABLES)
        column = rng.choice(COLUMNS)
        name = column.split(b":")[0]
        chosen = [COLUMNS[0] + b":hash"] + [word + rng.choice(INDEXES) for word in rng.sample(COLUMNS[1:], rng.randrange(3, 7))]
        alter = [b"TABLE.SCHEMA.ALTER", table]
        return rng.choices([[b"TABLE.NAMESPACE.CREATE", rng.choice(NAMESPACES)],
                            [b"TABLE.NAMESPACE.DROP", rng.choice(NAMESPACES), b"FORCE"],
                            [b"TABLE.SCHEMA.CREATE", table, *chosen],
                            [b"TABLE.DROP", table, b"FORCE"],
                            alter + [b"ADD", b"COLUMN", column + rng.choice(INDEXES)],
                            alter + [b"DROP", b"COLUMN", name],
                            alter + [b"ADD", b"INDEX", name + rng.choice(INDEXES[:3])],
                            alter + [b"DROP", b"INDEX", name],
                            [b"TABLE.SCHEMA.VIEW", table], [b"TABLE.NAMESPACE.VIEW"]],
                           [6, 0.2, 24, 0.7, 6, 3, 8, 6, 1, 1])[0]

    def statement(self):
        rng = self.rng
        table = rng.choice(TABLES)
        kind = rng.random()
        if kind < 0.75:
            columns = (COLUMNS[0], *rng.sample(COLUMNS[1:], rng.randrange(3)))
            return [b"TABLE.INSERT", table, *[cell(rng, column) for column in columns]]
        if kind < 0.83:
            return [b"TABLE.SELECT", table, *condition(rng)]
        if kind < 0.91:
            return [b"TABLE.UPDATE", table, *condition(rng), b"SET", cell(rng, rng.choice(COLUMNS))]
        if kind < 0.985:
            return [b"TABLE.DELETE", table, *condition(rng)]
        return rng.choices([[b"TABLE.UPDATE", table, b"SET", cell(rng, rng.choice(COLUMNS))], [b"TABLE.SELECT", table],
                            [b"TABLE.DELETE", table], [b"MEMORY", b"USAGE", b"TABLE", table],
                            [b"MEMORY", b"USAGE", b"TABLE", table, b"INDEX", rng.choice(COLUMNS).split(b":")[0]]],
                           [2, 2, 1, 2, 2])[0]

    def turn(self):
        rng = self.rng
        commands = [[b"SELECT", rng.choice([b"0", b"0", b"0", b"1"])]]
        commands += [self.schema() for _ in range(rng.choice([0, 1, 2, 6]))]
        commands += [self.statement() for _ in range(rng.choice([1, 20, BATCH_MAX]))]
        self.line.play(commands)
        self.count(len(commands))

    def close(self):
        self.line.connection.close()


# ---- clients that behave badly ----

HALVES = (b"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$100000\r\n" + b"x" * 5000, b"*2\r\n$3\r\nGET\r\n$1", b"*100000\r\n$4\r\nSADD\r\n",
          b"*", b"SET half", b"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$1048576\r\n" + b"y" * 900_000, b"",
          b"*2\r\n$4\r\nECHO\r\n$500000000\r\nz", b"*1\r\n$-5\r\n", b"\x00\xff\r\n", b"GET \"unbalanced\r\n")
# `#` is one of few numbers, `@` a table.
LONG_REPLIES = (
    b"SMEMBERS big:SADD:#", b"HGETALL big:HSET:#", b"ZRANGE big:ZADD:# 0 -1 WITHSCORES", b"LRANGE big:RPUSH:# 0 -1",
    b"XRANGE big:XADD:# - +", b"GET value:#", b"KEYS *", b"SORT big:RPUSH:# ALPHA", b"DUMP big:HSET:#",
    b"SUNIONSTORE big:union big:SADD:0 big:SADD:1 big:SADD:2", b"ZUNIONSTORE big:zunion 2 big:ZADD:0 big:ZADD:1",
    b"COPY big:HSET:# big:copy REPLACE", b"LREM big:LPUSH:# 0 member:1", b"TABLE.SELECT @", b"TABLE.UPDATE @ SET size=1",
    b"TABLE.DELETE @ WHERE id<500", b"TABLE.SCHEMA.ALTER @ ADD INDEX name", b"MEMORY PREFIX", b"MEMORY STATS", b"MEMORY PURGE",
    b"MEMORY TOP COUNT 128", b"FLUSHDB SYNC",
)
LINGER_SECONDS_MAX = 4.0
LINGERING_MAX = 8


def long_reply(rng):
    """Commands whose replies or work are long."""
    number = rng.randrange(6)
    table = rng.choice(TABLES)
    text = rng.choice(LONG_REPLIES)
    if text == b"FLUSHDB SYNC" and number > 0:
        text = b"INFO"
    return text.replace(b"#", b"%d" % number).replace(b"@", table).split()


class ClientLoad(Load):
    """Connections that come, misbehave and go. The server may close them; what it may not is keep anything of them."""

    def __init__(self, shared, number, name):
        super().__init__(shared, number, name)
        self.lingering = []

    def turn(self):
        rng = self.rng
        now = time.monotonic()
        for entry in [entry for entry in self.lingering if entry[0] < now]:
            self.lingering.remove(entry)
            self.leave(entry[1])
        if len(self.lingering) >= LINGERING_MAX:
            self.shared.must_end.wait(0.05)
            return
        try:
            line = socket.create_connection(("127.0.0.1", self.shared.port), timeout=STUCK_SECONDS)
        except OSError as error:
            raise Failure("cannot connect: %r" % error) from error
        try:
            line.sendall(encode("CLIENT", "SETNAME", VICTIM))
            rng.choice([self.half, self.leave_early, self.no_reader, self.watcher, self.endless])(line)
        except OSError:
            line.close()  # closed by the server: killed, or over maxmemory-clients
        self.shared.must_end.wait(rng.random() * 0.05)

    def leave(self, line):
        """Closes; every other time with a reset in place of an orderly end."""
        if self.rng.random() < 0.5:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()

    def linger(self, line, seconds=LINGER_SECONDS_MAX):
        self.lingering.append((time.monotonic() + self.rng.random() * seconds, line))

    def send_some(self, line, data):
        """What the server takes without being read."""
        line.settimeout(0.2)
        try:
            line.sendall(data)
        except socket.timeout:
            pass

    def half(self, line):
        self.send_some(line, encode("SET", "half", "x") * self.rng.randrange(3) + self.rng.choice(HALVES))
        if self.rng.random() < 0.5:
            self.linger(line)
        else:
            self.leave(line)
        self.count(1)

    def leave_early(self, line):
        """Asks for much, reads a part at most."""
        commands = [long_reply(self.rng) for _ in range(self.rng.choice([1, 2, 10]))]
        self.send_some(line, b"".join(encode(*command) for command in commands))
        if self.rng.random() < 0.6:
            line.recv(self.rng.choice([1, 1000, 100_000]))
        self.leave(line)
        self.count(len(commands))

    def no_reader(self, line):
        commands = [long_reply(self.rng) for _ in range(self.rng.choice([1, 20, 100]))]
        self.send_some(line, b"".join(encode(*command) for command in commands))
        self.linger(line)
        self.count(len(commands))

    def watcher(self, line):
        line.sendall(encode("MONITOR"))
        line.recv(self.rng.choice([1, 10_000]))
        self.linger(line, 1.0)
        self.count(1)

    def endless(self, line):
        """SETs without an end, whose replies nobody reads."""
        self.send_some(line, b"".join(encode("SET", b"small:%d" % self.rng.randrange(20_000), text_of(self.rng, 2000))
                                      for _ in range(2000)))
        self.leave(line)
        self.count(2000)

    def close(self):
        for _, line in self.lingering:
            line.close()


# ---- disturbances ----

POLICIES = ("noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random",
            "volatile-ttl")
PARAMETERS = (
    {"activedefrag": "no"}, {"activedefrag": "yes"},
    {"active-defrag-ignore-bytes": "1", "active-defrag-threshold-lower": "1", "active-defrag-threshold-upper": "2",
     "active-defrag-cycle-max": "75"},
    {"active-defrag-ignore-bytes": "2097152", "active-defrag-threshold-lower": "10", "active-defrag-cycle-max": "25"},
    {"maxmemory-samples": "1"}, {"maxmemory-samples": "64"}, {"maxmemory-eviction-tenacity": "0"},
    {"maxmemory-eviction-tenacity": "100"}, {"maxmemory-eviction-tenacity": "10"},
    {"slowlog-log-slower-than": "0", "slowlog-max-len": "500"}, {"slowlog-log-slower-than": "10000", "slowlog-max-len": "10"},
    {"latency-monitor-threshold": "1"}, {"hz": "100"}, {"hz": "10"}, {"lfu-log-factor": "0"}, {"lfu-decay-time": "0"},
    {"table-require-index": "yes"}, {"table-require-index": "no"}, {"table-max-scan-rows": "100"}, {"table-max-scan-rows": "0"},
    {"hash-max-listpack-entries": "4", "hash-max-listpack-value": "10"}, {"hash-max-listpack-entries": "5000"},
)
LOOKS = ("MEMORY TOP", "MEMORY TOP COUNT 128 TYPE zset", "MEMORY PREFIX", "MEMORY PREFIX DEPTH 2 COUNT 1000", "MEMORY DOCTOR",
         "MEMORY STATS", "MEMORY HISTORY COUNT 100", "MEMORY MALLOC-STATS", "INFO everything", "CLIENT LIST", "SLOWLOG GET 50",
         "SLOWLOG RESET", "LATENCY DOCTOR", "LATENCY RESET", "CONFIG GET *", "KEYS *7*", "RANDOMKEY", "DBSIZE",
         "CLIENT PAUSE 30 WRITE", "CLIENT PAUSE 30 ALL")
BIG_STEPS = 50
BIG_STEP_MEMBERS = 2000
SCAN_CALLS_MAX = 3000


class Disturbance(Load):
    """What an administrator does, or should not do, while others work."""

    def __init__(self, shared, number, name):
        super().__init__(shared, number, name)
        self.line = Line(shared.port)
        actions = ((self.limit, 6), (self.unlimit, 14), (self.parameters, 12), (self.look, 12), (self.scan, 3), (self.purge, 3),
                   (self.flush, 1), (self.swap, 3), (self.kill, 6), (self.client_limit, 4), (self.big_collection, 3))
        self.actions = [entry for entry in actions if entry[0].__name__ not in shared.skip]
        encodings = [config for family in FAMILIES for config in getattr(load(family), "CONFIGS", ()) if config]
        self.settings = [[config for config in configs if not set(config) & shared.skip] for configs in (PARAMETERS, encodings)]

    def turn(self):
        self.rng.choices([action for action, _ in self.actions], [weight for _, weight in self.actions])[0]()
        self.count(1)
        self.shared.must_end.wait(self.rng.random() * 0.3)

    def set(self, *pairs):
        reply = self.line.run("CONFIG", "SET", *pairs)
        if reply[0] == "-":
            raise Failure("CONFIG SET %s: %s" % (pairs, reply[1]))

    def used(self):
        reply = self.line.run("INFO", "memory")
        return int(reply[1].split(b"used_memory:")[1].split(b"\r")[0])

    def limit(self):
        used = self.used()
        limit = self.rng.choice([1, 1000, MIB, int(used * 0.5), int(used * 0.9), int(used * 0.99), used, used + MIB, used * 2])
        self.set("maxmemory-policy", self.rng.choice(POLICIES), "maxmemory", limit)

    def unlimit(self):
        self.set("maxmemory", 0)

    def client_limit(self):
        self.set("maxmemory-clients", self.rng.choice([0, 0, MIB, 5 * MIB, 20 * MIB]))

    def parameters(self):
        chosen = self.rng.choice(self.settings[self.rng.random() > 0.7])
        self.set(*[word for pair in chosen.items() for word in pair])

    def look(self):
        self.line.run(*self.rng.choice(LOOKS).split())

    def purge(self):
        self.line.run("MEMORY", "PURGE")

    def flush(self):
        self.line.run(self.rng.choice(["FLUSHDB", "FLUSHDB", "FLUSHDB", "FLUSHALL"]), self.rng.choice(["ASYNC", "SYNC"]))

    def swap(self):
        self.line.run("SWAPDB", self.rng.randrange(3), self.rng.randrange(3))
        self.line.run("SELECT", self.rng.randrange(3))

    def scan(self):
        cursor = b"0"
        for _ in range(SCAN_CALLS_MAX):
            kind, reply = self.line.run("SCAN", cursor, "COUNT", self.rng.choice([1, 10, 1000]))
            if kind == "-":
                return
            cursor = reply[0][1]
            if cursor == b"0" or self.shared.must_end.is_set():
                return

    def kill(self):
        """Kills a client of ClientLoad, if there is one."""
        kind, reply = self.line.run("CLIENT", "LIST")
        if kind == "-":
            return
        victims = [row for row in reply.split(b"\n") if b" name=%s " % VICTIM in row]
        if victims:
            fields = dict(field.split(b"=", 1) for field in self.rng.choice(victims).split(b" ") if b"=" in field)
            self.line.run("CLIENT", "KILL", "ID", fields[b"id"])

    def big_collection(self):
        """100,000 members, and what becomes of them."""
        rng = self.rng
        kind = rng.choice([b"SADD", b"HSET", b"ZADD", b"RPUSH"])
        where = b"large:%d" % rng.randrange(3)
        for step in range(BIG_STEPS):
            names = [b"%d:%d" % (step, number) for number in range(BIG_STEP_MEMBERS)]
            if kind == b"HSET":
                names = [word for name in names for word in (name, b"value")]
            elif kind == b"ZADD":
                names = [word for number, name in enumerate(names) for word in (b"%d" % (number % 97), name)]
            self.line.play([[kind, where, *names]])
            if self.shared.must_end.is_set():
                return
        ends = ([b"UNLINK", where], [b"DEL", where], [b"COPY", where, b"large:copy", b"REPLACE"], [b"PEXPIRE", where, b"100"],
                [b"RENAME", where, b"large:other"], [b"SET", where, b"x"], [b"MOVE", where, b"2"],
                [b"OBJECT", b"ENCODING", where])
        self.line.play([rng.choice(ends), rng.choice(ends)])
        self.count(BIG_STEPS)

    def close(self):
        self.line.connection.close()


KINDS = {"family": FamilyLoad, "table": TableLoad, "client": ClientLoad, "disturb": Disturbance}
