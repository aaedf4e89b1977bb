"""Crash rounds in short (200 at length: tests/server/crash_rounds.py --rounds 200), and faults that their judge has to find."""

import copy
import os
import random

import pytest

from conftest import KIND
from crash import faults, things
from crash.judge import ALL, NOTHING, owner_of
from crash.rounds import MODES, SHARDS, Round, Size, Wrong, play
from crash.writer import apply
from harness.process import SLOWDOWN
from harness.resp import wait_until

SHORT = Size(SHARDS, 0.12, 1)
SEED = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
SLOW = ("everysec", "flipped-snapshot", "full")
STEPS = 40  # of each client, at least: all kinds are among them

pytestmark = pytest.mark.skipif(KIND != "tessera", reason="the log is not Redis's")


@pytest.mark.parametrize("mode", [pytest.param(mode, marks=[pytest.mark.slow] if mode in SLOW else []) for mode in MODES])
def test_what_was_acknowledged_is_there(mode):
    outcome = play(mode, SEED, SHORT)
    if outcome.problem is not None:
        pytest.fail("TESSERA_SEED=%s: %s\n%s" % (SEED, "; ".join(outcome.events), outcome.problem), pytrace=False)


# --- faults: each changes what was found, as a server would show it that has lost or spoilt something ---

def lose(found, _judge, kind):
    del found.values[next(thing for thing, value in found.values.items()
                          if thing[0] == kind and owner_of(thing) != things.SHARED and (kind != "string" or value[1] is None))]


def lose_part(found, judge, has_row):
    """One thing of a step that changed several is as it was before."""
    for writer in judge.writers:
        for number in range(len(writer.steps), 0, -1):
            changes = writer.steps[number - 1].changes
            before = state_after(writer, number - 1)
            parts = [thing for thing, value in changes.items()
                     if (thing[0] in things.TABLES) == has_row and value is not None and value != before.get(thing)]
            later = [other for step in writer.steps[number:] for other in step.changes]
            if len(changes) > 1 and parts and not set(changes) & set(later):
                apply(found.values, {parts[0]: before.get(parts[0])})
                return
    raise AssertionError("no such step")


def state_after(writer, count):
    state = dict(writer.base)
    for step in writer.steps[:count]:
        apply(state, step.changes)
    return state


def set_back(found, judge, steps):
    """One client is at an earlier point, all of it: so many steps, or more if these change nothing that can be seen."""
    writer = max(judge.writers, key=lambda writer: len(writer.steps))
    own = {thing: value for thing, value in found.values.items() if owner_of(thing) == str(writer.number)}
    before = own
    while before == own:
        state = state_after(writer, len(writer.steps) - steps)
        before = {thing: value for thing, value in state.items() if thing[0] != "string" or value[1] is None or value[1] > found.ended_ms}
        steps += 1
    for thing in own:
        del found.values[thing]
    found.values.update(before)


def change_account(found, _judge):
    thing = next(thing for thing in found.values if thing == things.account(0))
    found.values[thing] = (b"%d" % (int(found.values[thing][0]) + 1), None)


def repeat_item(found, _judge):
    found.values[things.JOURNAL] = found.values[things.JOURNAL] + found.values[things.JOURNAL][-1:]


def lose_item(found, _judge):
    found.values[things.JOURNAL] = found.values[things.JOURNAL][:-1]


def lose_deadline(found, _judge):
    thing = next(thing for thing, value in found.values.items() if thing[0] == "string" and value[1] is not None)
    found.values[thing] = (found.values[thing][0], None)


def swap_items(found, _judge):
    thing = next(thing for thing, value in found.values.items() if thing[0] == "list" and thing != things.JOURNAL and len(value) > 1)
    found.values[thing] = found.values[thing][::-1]


def bring_something(found, _judge):
    found.values[("string", "9:string:1")] = (b"x", None)


FAULTS = {
    "a string is lost": lambda found, judge: lose(found, judge, "string"), "a row is lost": lambda found, judge: lose(found, judge, "s.orders"),
    "half of an MSET": lambda found, judge: lose_part(found, judge, False),
    "rows without their keys": lambda found, judge: lose_part(found, judge, True),
    "a step back": lambda found, judge: set_back(found, judge, 1), "ten steps back": lambda found, judge: set_back(found, judge, 10),
    "an account": change_account, "an item twice": repeat_item, "an item is lost": lose_item, "a deadline is lost": lose_deadline,
    "the order of a list": swap_items, "something of nobody": bring_something,
}


def faults_not_found(this, found, promised):
    names = []
    for name, fault in FAULTS.items():
        spoilt = copy.copy(found)
        spoilt.values = dict(found.values)
        fault(spoilt, this.judge)
        if this.judge.judge(spoilt, promised)[0] == []:
            names.append(name)
    return names


def wait_for_steps(this, count=STEPS):
    wait_until(lambda: min(len(writer.steps) for writer in this.judge.writers) >= count, 60 * SLOWDOWN, "%d steps of each client" % count)


def has_what_faults_need(found):
    """Which things there are is left to chance."""
    own = [(thing[0], value) for thing, value in found.values.items() if owner_of(thing) != things.SHARED]
    texts = [value[1] for kind, value in own if kind == "string"]
    return None in texts and any(texts) and any(kind == "list" and len(value) > 1 for kind, value in own) and any(kind == "s.orders" for kind, _ in own)


def write_and_read(this):
    """What is there after some steps, or a few more than that."""
    found = None
    for count in range(STEPS, 20 * STEPS, STEPS):
        this.write(lambda enough=count: wait_for_steps(this, enough))
        with this.server.connect() as connection:
            found = things.read_all(connection)
        if has_what_faults_need(found):
            break
    return found


def test_the_judge_finds_each_fault():
    this = Round(MODES["always"], SEED, Size([2], 1, 1))
    try:
        found = write_and_read(this)
        assert this.judge.judge(found, ALL)[0] == []
        assert faults_not_found(this, found, ALL) == [], "TESSERA_SEED=%s" % SEED
        assert set(faults_not_found(this, found, NOTHING)) <= {"a step back", "ten steps back"}, "TESSERA_SEED=%s" % SEED
    finally:
        assert this.close() == []


def test_the_judge_misses_what_a_cut_log_has_lost():
    this = Round(MODES["always"], SEED, Size([1], 1, 1))
    try:
        this.write(lambda: (wait_for_steps(this), this.end()))
        path = faults.newest_logs(this.folder)[0]
        os.truncate(path, faults.used_bytes(path) // 2 | 1)
        this.start()
        with pytest.raises(Wrong, match="promised"):
            this.judge_now(ALL)
        this.judge_now(NOTHING)
    finally:
        assert this.close() == []
