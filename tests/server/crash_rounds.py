#!/usr/bin/python3
"""Crash rounds: is all there that was acknowledged, after the server was killed?

    tests/server/crash_rounds.py                           60 rounds, the modes in turn
    tests/server/crash_rounds.py --rounds 200 --modes always,torn --shards 1,2
    tests/server/crash_rounds.py --seed 7 --round 12       one of them again

A round: clients write (keys of all types, MSET, transactions, scripts, rows of tables; some wait for each reply, some for none) and note what was
answered; the server is killed at a random moment, also while it rewrites its log, saves or starts, and started again with another number of
shards. Then all of its data are compared with what the clients know (crash/judge.py says what must hold). Modes: crash/rounds.py.
A seed repeats what is sent and done, not when things meet. Exit status 1: something was wrong.
"""

import argparse
import collections
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from crash.rounds import MODES, USUAL, Size, play  # noqa: E402


def parse_options(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("TESSERA_CRASH_ROUNDS", "60")))
    parser.add_argument("--minutes", type=float, help="no round begins later")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--shards", default=",".join(map(str, USUAL.shards)))
    parser.add_argument("--seconds", type=float, default=USUAL.seconds, help="how long clients write, about")
    parser.add_argument("--seed", default=os.environ.get("TESSERA_SEED", str(random.randrange(10**9))))
    parser.add_argument("--round", type=int, help="this one only")
    options = parser.parse_args(words)
    options.modes = options.modes.split(",")
    options.shards = [int(count) for count in options.shards.split(",")]
    return options


def main():
    options = parse_options(sys.argv[1:])
    numbers = range(options.rounds) if options.round is None else [options.round]
    began = time.monotonic()
    size = Size(options.shards, options.seconds, USUAL.lives)
    figures = {mode: collections.Counter() for mode in options.modes}
    failures = 0
    for number in numbers:
        if options.minutes is not None and time.monotonic() - began > 60 * options.minutes:
            break
        mode = options.modes[number % len(options.modes)]
        kept = os.path.join(tempfile.gettempdir(), "tessera-crash-%s-%d" % (options.seed, number))
        outcome = play(mode, "%s, round %d" % (options.seed, number), size, kept)
        row = figures[mode]
        row["rounds"] += 1
        row["lost_ms"] = max(row["lost_ms"], outcome.figures.pop("lost_ms"))
        row.update(outcome.figures)
        row["refused"] += outcome.events.count("refused")
        print("%3d %-16s %s" % (number, mode, "; ".join(outcome.events)), flush=True)
        if outcome.problem is not None:
            failures += 1
            row["wrong"] += 1
            print("WRONG: %s\nfiles: %s; again: --seed %s --round %d --modes %s --shards %s" % (
                outcome.problem, kept, options.seed, number, ",".join(options.modes), ",".join(map(str, options.shards))), flush=True)
    print("\n%-16s %6s %6s %12s %6s %9s %8s %6s" % ("mode", "rounds", "kills", "acknowledged", "lost", "at most", "refused", "wrong"))
    for mode, row in figures.items():
        print("%-16s %6d %6d %12d %6d %6d ms %8d %6d" % (
            mode, row["rounds"], row["kills"], row["acknowledged"], row["lost"], row["lost_ms"], row["refused"], row["wrong"]))
    print("seed %s: %s" % (options.seed, "%d rounds were wrong" % failures if failures else "nothing was wrong"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
