"""A client that writes at random, and its journal: each step, when it was sent and acknowledged, and what it changes.

A step is what is all or nothing: a command, a transaction or a script. Its own things are changed by nobody else, so what they are after so many
steps follows from the journal alone. Of things that all share (accounts, one list) a step says what it adds.
"""

import collections
import random
import time

from harness.resp import Closed, encode

from .things import ACCOUNTS, JOURNAL, TABLES, account

ITEMS_MAX = 20
ROWS_MAX = 24
NAMES = 12      # keys of each kind
FAR_MS = 10**7
NEAR_MS = 200
REFUSED_SECONDS = 0.01
REFUSALS = (b"MISCONF", b"EXECABORT")
TRANSFER = """
redis.call('DECRBY', KEYS[1], ARGV[1])
redis.call('INCRBY', KEYS[2], ARGV[1])
redis.call('SET', KEYS[3], ARGV[2])
return redis.call('RPUSH', KEYS[4], ARGV[3])
"""


LOOP = "for i = 1, ARGV[1] do redis.call('INCR', KEYS[1 + i % 2]) end"
LOOPS_MAX = 16000  # some 8 ms; a script pauses after 2


class Step:
    """commands: as sent; changes: {thing: value}, None: it is gone; adds: [(account, amount)]; item: what it puts into the journal that all share."""

    def __init__(self):
        self.commands = []
        self.changes = {}
        self.adds = []
        self.item = None
        self.sent = self.acknowledged = None  # monotonic seconds


class Writer:
    """A client. `depth`: steps that it sends without waiting for their replies; 1: it waits for each."""

    def __init__(self, number, seed, depth, large=0.01):
        self.number = number
        self.depth = depth
        self.large = large
        self.random = random.Random("%s, client %d" % (seed, number))
        self.count = 0      # of steps ever made: values have it, so that no two are alike
        self.base = {}      # what its things were when the first of `steps` was sent
        self.state = {}     # and after the last one
        self.steps = []
        self.refused = 0
        self.problems = []

    # --- what steps are made of ---

    def name(self, kind, which=None):
        return "%d:%s:%s" % (self.number, kind, self.random.randrange(NAMES) if which is None else which)

    def thing(self, kind):
        """One of its things, and the value that it has."""
        thing = (kind, self.name(kind))
        return thing, self.state.get(thing)

    def text(self):
        chance = self.random.random()
        size = 40000 if chance < self.large else 2000 if chance < 0.05 else self.random.randint(0, 60)
        return b"%d-" % self.count + self.random.randbytes(self.random.randint(size // 2, size)).hex().encode()

    def rows(self, table):
        return [(thing, value) for thing, value in self.state.items() if thing[0] == table]

    # --- kinds of steps ---

    def set_text(self, step):
        thing, _ = self.thing("string")
        text = self.text()
        step.commands.append(("SET", thing[1], text))
        step.changes[thing] = (text, None)

    def set_until(self, step):
        thing, _ = self.thing("string")
        text = self.text()
        deadline = int(time.time() * 1000) + self.random.choice((FAR_MS, self.random.randint(20, NEAR_MS)))
        step.commands.append(("SET", thing[1], text, "PXAT", deadline))
        step.changes[thing] = (text, deadline)

    def count_up(self, step):
        thing = ("string", self.name("string", "counter"))
        now = self.state.get(thing, (b"0", None))
        step.commands.append(("INCR", thing[1]))
        step.changes[thing] = (b"%d" % (int(now[0]) + 1), None)

    def set_many(self, step):
        words = []
        for key in sorted({self.name("string") for _ in range(self.random.randint(2, 6))}):
            text = self.text()
            words += [key, text]
            step.changes[("string", key)] = (text, None)
        step.commands.append(("MSET", *words))

    def delete(self, step):
        things = [thing for thing in self.state if ":" in thing[1] and thing[1].split(":")[2].isdigit()]
        chosen = self.random.sample(things, min(len(things), self.random.randint(1, 3)))
        if not chosen:
            self.set_text(step)
            return
        step.commands.append(("DEL", *[name for _, name in chosen]))
        step.changes.update(dict.fromkeys(chosen))

    def push_or_pop(self, step):
        thing, items = self.thing("list")
        items = items or ()
        if len(items) > ITEMS_MAX:
            step.commands.append(("LPOP", thing[1], "9"))
            step.changes[thing] = items[9:]
        else:
            more = (self.text(), b"%d" % self.count)
            step.commands.append(("RPUSH", thing[1], *more))
            step.changes[thing] = items + more

    def set_fields(self, step):
        thing, fields = self.thing("hash")
        more = {b"f%d" % self.random.randrange(ITEMS_MAX): self.text() for _ in range(2)}
        step.commands.append(("HSET", thing[1], *[word for pair in more.items() for word in pair]))
        step.changes[thing] = tuple(sorted({**dict(fields or ()), **more}.items()))

    def change_set(self, step):
        thing, members = self.thing("set")
        members = members or frozenset()
        if len(members) > ITEMS_MAX:
            gone = self.random.sample(sorted(members), 5)
            step.commands.append(("SREM", thing[1], *gone))
            step.changes[thing] = members - set(gone)
        else:
            more = (b"%d" % self.count, self.text())
            step.commands.append(("SADD", thing[1], *more))
            step.changes[thing] = members | set(more)

    def add_scores(self, step):
        thing, scores = self.thing("zset")
        more = {b"m%d" % self.random.randrange(ITEMS_MAX): b"%d" % self.count for _ in range(2)}
        step.commands.append(("ZADD", thing[1], *[word for member, score in more.items() for word in (score, member)]))
        step.changes[thing] = tuple(sorted({**dict(scores or ()), **more}.items()))

    def add_entry(self, step):
        thing, entries = self.thing("stream")
        entry = (b"%d-1" % self.count, (b"f", self.text()))
        step.commands.append(("XADD", thing[1], "MAXLEN", "=", str(ITEMS_MAX), *[word for part in (entry[:1], entry[1]) for word in part]))
        step.changes[thing] = ((entries or ()) + (entry,))[-ITEMS_MAX:]

    # Between accounts that all clients share: the sum stays. What is its own is written, too: so no step can be taken for it.

    def transfer(self, step):
        source, target = self.random.sample(range(ACCOUNTS), 2)
        amount = self.random.randint(1, 1000)
        last = ("string", self.name("string", "last"))
        step.item = b"%d:%d" % (self.number, self.count)
        step.adds = [(account(source), -amount), (account(target), amount)]
        step.changes[last] = (b"%d" % self.count, None)
        return account(source)[1], account(target)[1], last[1], amount

    def transfer_in_transaction(self, step):
        source, target, last, amount = self.transfer(step)
        step.commands += [("MULTI",), ("DECRBY", source, amount), ("INCRBY", target, amount), ("SET", last, self.count),
                          ("RPUSH", JOURNAL[1], step.item), ("EXEC",)]

    def transfer_in_script(self, step):
        source, target, last, amount = self.transfer(step)
        step.commands.append(("EVAL", TRANSFER, "4", source, target, last, JOURNAL[1], amount, self.count, step.item))

    def run_long(self, step):
        """A script that pauses: others run, on other shards, before it has ended."""
        things = [("string", self.name("string", "loop-%d" % i)) for i in range(2)]
        loops = 2 * self.random.randint(1, LOOPS_MAX // 2)
        step.commands.append(("EVAL", LOOP, "2", things[0][1], things[1][1], loops))
        for thing in things:
            step.changes[thing] = (b"%d" % (int(self.state.get(thing, (b"0", None))[0]) + loops // 2), None)

    def label(self):
        return b"c%d-%d" % (self.number, self.random.randrange(4))

    def insert(self, step, table, row_id, label):
        fields = ((b"id", b"%d" % row_id), (b"owner", b"%d" % self.number), (b"label", label), (b"copy", label))
        step.commands.append(("TABLE.INSERT", table, *[b"%s=%s" % field for field in fields]))
        step.changes[(table, (self.number, row_id))] = fields

    def insert_row(self, step):
        table = self.random.choice(list(TABLES))
        if len(self.rows(table)) > ROWS_MAX:
            self.delete_rows(step, table)
        else:
            self.insert(step, table, self.number * 10**7 + self.count, self.label())

    def insert_rows_and_keys(self, step):
        """Rows of all tables and keys, in one transaction."""
        step.commands.append(("MULTI",))
        self.set_text(step)
        for table in TABLES:
            self.insert(step, table, self.number * 10**7 + self.count, self.label())
        self.count_up(step)
        step.commands.append(("EXEC",))

    def delete_rows(self, step, table):
        label = self.label()
        step.commands.append(("TABLE.DELETE", table, "WHERE", b"label=" + label))
        step.changes.update({thing: None for thing, value in self.rows(table) if dict(value)[b"label"] == label})

    def relabel_rows(self, step):
        """Many rows, on all shards, by one statement."""
        table = self.random.choice(list(TABLES))
        before, label = self.label(), self.label()
        step.commands.append(("TABLE.UPDATE", table, "WHERE", b"label=" + before, "SET", b"label=" + label, b"copy=" + label))
        for thing, value in self.rows(table):
            if dict(value)[b"label"] == before:
                step.changes[thing] = value[:2] + ((b"label", label), (b"copy", label))

    def move_row(self, step):
        """Another id: it goes to the shard of that."""
        table = self.random.choice(list(TABLES))
        rows = self.rows(table)
        if not rows:
            self.insert_row(step)
            return
        (_, (_, row_id)), value = self.random.choice(rows)
        new_id = self.number * 10**7 + self.count
        step.commands.append(("TABLE.UPDATE", table, "WHERE", "id=%d" % row_id, "SET", "id=%d" % new_id))
        step.changes[(table, (self.number, row_id))] = None
        step.changes[(table, (self.number, new_id))] = ((b"id", b"%d" % new_id),) + value[1:]

    KINDS = ((set_text, 8), (set_until, 4), (count_up, 6), (set_many, 6), (delete, 4), (push_or_pop, 5), (set_fields, 4), (change_set, 4),
             (add_scores, 4), (add_entry, 3), (transfer_in_transaction, 8), (transfer_in_script, 6), (run_long, 1), (insert_row, 5),
             (insert_rows_and_keys, 4), (relabel_rows, 2), (move_row, 3))

    # --- sending and taking replies ---

    def make_step(self):
        step = Step()
        self.count += 1
        make = self.random.choices([row[0] for row in self.KINDS], [row[1] for row in self.KINDS])[0]
        make(self, step)
        return step

    def send(self, connection, waiting, count):
        data = b""
        for _ in range(count):
            step = self.make_step()
            before = {thing: self.state.get(thing) for thing in step.changes}
            apply(self.state, step.changes)
            self.steps.append(step)
            waiting.append((step, before))
            data += b"".join(encode(*words) for words in step.commands)
        now = time.monotonic()
        for step, _ in list(waiting)[-count:]:
            step.sent = now
        connection.send_raw(data)

    def take(self, connection, waiting):
        """The replies to the oldest step that waits for them."""
        step, before = waiting[0]
        errors = [reply[1] for reply in [connection.read() for _ in step.commands] if reply[0] == "-"]
        waiting.popleft()
        if not errors:
            step.acknowledged = time.monotonic()
        elif self.depth == 1 and all(error.startswith(REFUSALS) for error in errors):  # nothing has been changed
            self.steps.pop()
            apply(self.state, before)
            self.refused += 1
            time.sleep(REFUSED_SECONDS)
        else:
            self.problems.append("client %d: %r was answered %r" % (self.number, step.commands, errors))

    def run(self, connection, must_end):
        """Until told to end, or until the server is gone."""
        waiting = collections.deque()
        try:
            while waiting or not must_end.is_set():
                if len(waiting) <= self.depth // 2 and not must_end.is_set():
                    self.send(connection, waiting, self.random.randint(1, self.depth))
                self.take(connection, waiting)
        except TimeoutError:
            self.problems.append("client %d: no reply to %r" % (self.number, waiting[0][0].commands))
        except (Closed, OSError):
            pass
        finally:
            connection.close()

    def settle(self, count):
        """The first `count` of its steps have survived: it goes on from there."""
        for step in self.steps[:count]:
            apply(self.base, step.changes)
        self.state = dict(self.base)
        self.steps = []


def apply(state, changes):
    for thing, value in changes.items():
        if value is None or value in ((), frozenset()):
            state.pop(thing, None)
        else:
            state[thing] = value
