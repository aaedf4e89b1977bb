"""What a server may have after a crash, judged by the journals of all who wrote.

1. Of each client there is a first part of its steps: all things that are its own are as they were after so many of them, none half done.
2. Nothing is missing of what had been promised when the server ended (of what was acknowledged before a moment).
3. It is one moment: a step that was acknowledged before another one was sent, of whatever client, is there if the other one is.
4. What all share is what those first parts come to: the sum of all accounts is 0, and no step counts twice.

Where several numbers of steps fit (a string whose time has come may have been set or not), 2 takes the largest, 3 the one that excuses most.
"""

from .things import ACCOUNTS, JOURNAL, SHARED, account
from .writer import apply

ALL = float("inf")       # promised: whatever was acknowledged
NOTHING = -ALL
SHOWN_MAX, SHOWN_BYTES = 4, 200


def survivors(writer, found):
    """Numbers of steps after which the writer's things were as found, and the number that comes nearest."""
    own = {thing for thing in found.values if owner_of(thing) == str(writer.number)}
    state = dict(writer.base)
    wrong = {thing for thing in own | set(state) if not found.agrees(thing, state.get(thing))}
    wrongs = [len(wrong)]
    for step in writer.steps:
        apply(state, step.changes)
        for thing in step.changes:
            (wrong.discard if found.agrees(thing, state.get(thing)) else wrong.add)(thing)
        wrongs.append(len(wrong))
    return [number for number, count in enumerate(wrongs) if count == 0], wrongs.index(min(wrongs))


def describe(writer, found, nearest):
    """What is wrong if so many of its steps have survived."""
    def short(value):
        text = repr(value)
        return text if len(text) < SHOWN_BYTES else text[:SHOWN_BYTES] + "..."
    state = dict(writer.base)
    for step in writer.steps[:nearest]:
        apply(state, step.changes)
    own = {thing for thing in found.values if owner_of(thing) == str(writer.number)}
    wrong = sorted((thing for thing in own | set(state) if not found.agrees(thing, state.get(thing))), key=repr)
    return "client %d: no first part of its %d steps comes to what is there; nearest are %d, but for %d things: %s" % (
        writer.number, len(writer.steps), nearest, len(wrong),
        "; ".join("%r should be %s, is %s" % (thing, short(state.get(thing)), short(found.values.get(thing))) for thing in wrong[:SHOWN_MAX]))


def owner_of(thing):
    return str(thing[1][0]) if isinstance(thing[1], tuple) else thing[1].split(":")[0]


def acknowledged_before(writer, moment):
    """How many of its steps were acknowledged before the moment."""
    count = 0
    while count < len(writer.steps) and writer.steps[count].acknowledged is not None and writer.steps[count].acknowledged <= moment:
        count += 1
    return count


class Judge:
    """The clients of a server and what they share, over all of its lives."""

    def __init__(self, writers):
        self.writers = writers
        self.shared = {account(number): 0 for number in range(ACCOUNTS)}
        self.journal = ()

    def judge(self, found, promised):
        """Problems, and how many steps have survived of each client: who goes on settles on these. promised: monotonic seconds, ALL or NOTHING."""
        problems = list(found.problems)
        all_matches = []
        for writer in self.writers:
            problems += writer.problems
            matches, nearest = survivors(writer, found)
            if not matches:
                problems.append(describe(writer, found, nearest))
            all_matches.append(matches)
        owners = {str(writer.number) for writer in self.writers} | {SHARED}
        problems += ["nobody has written %r" % (thing,) for thing in found.values if owner_of(thing) not in owners]
        if problems:
            return problems, []
        counts = [matches[-1] for matches in all_matches]
        problems += self.missing(counts, promised, "promised")
        problems += self.missing(counts, self.moment(all_matches), "acknowledged before something was sent that is there")
        problems += self.judge_shared(found, counts)
        return problems, counts

    def missing(self, counts, moment, why):
        return ["client %d: %d steps were %s, %d are there" % (writer.number, acknowledged_before(writer, moment), why, count)
                for writer, count in zip(self.writers, counts) if count < acknowledged_before(writer, moment)]

    def moment(self, all_matches):
        """When the last step was sent that is there in any case."""
        sent = [writer.steps[matches[0] - 1].sent for writer, matches in zip(self.writers, all_matches) if matches[0] > 0]
        return max(sent, default=NOTHING)

    def expected_shared(self, counts):
        shared, items = dict(self.shared), {}
        for writer, count in zip(self.writers, counts):
            for step in writer.steps[:count]:
                for thing, amount in step.adds:
                    shared[thing] += amount
            items[writer.number] = [step.item for step in writer.steps[:count] if step.item is not None]
        return shared, items

    def judge_shared(self, found, counts):
        problems = []
        shared, items = self.expected_shared(counts)
        actual = {thing: int(found.values.get(thing, (b"0", None))[0]) for thing in shared}
        if actual != shared:
            problems.append("accounts should be %r, are %r" % (shared, actual))
        journal = found.values.get(JOURNAL, ())
        if journal[:len(self.journal)] != self.journal:
            problems.append("the shared list has changed where it was known")
        more = journal[len(self.journal):]
        for writer in self.writers:
            own = [item for item in more if item.split(b":")[0] == b"%d" % writer.number]
            if own != items[writer.number]:
                problems.append("client %d: of the shared list %r should be its own, %r are" % (writer.number, items[writer.number], own))
        return problems

    def settle(self, found, counts):
        """What has been found is right: all go on from there."""
        self.shared, _ = self.expected_shared(counts)
        self.journal = found.values.get(JOURNAL, ())
        for writer, count in zip(self.writers, counts):
            writer.settle(count)
