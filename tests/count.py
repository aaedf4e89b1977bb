#!/usr/bin/python3
"""Adds up what ran: the JUnit files of ctest and pytest, Criterion's own counts for its programs. Closes with one line,
`N passed, N failed, N skipped`, and ends with status 1 when anything failed or nothing ran.

    tests/count.py [--passed WHAT]... [--failed WHAT]... FILE.xml...

--passed and --failed count what has no file as one test each: a script that ended well, a build that did not.
A file that is missing or not complete counts as one failure: whatever should have written it died.
"""

import argparse
import re
import sys
import xml.etree.ElementTree as ElementTree

CRITERION = re.compile(r"Tested:\D*(\d+)\D*Passing:\D*(\d+)\D*Failing:\D*(\d+)\D*Crashing:\D*(\d+)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def count_case(case):
    """(passed, failed, skipped) of one test case; a Criterion program is as many tests as it says."""
    # ctest says "notrun" of a program that was not built.
    has_failed = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "notrun"
    if case.find("skipped") is not None and not has_failed:
        return 0, 0, 1
    said = CRITERION.search(COLOURS.sub("", case.findtext("system-out") or ""))
    if said:
        passed = int(said.group(2))
        failed = int(said.group(3)) + int(said.group(4))
        return passed, max(failed, 1) if has_failed else failed, 0
    return int(not has_failed), int(has_failed), 0


def count_file(path):
    """Adds up a file; names what failed."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print("failed: no result in %s (%s)" % (path, error))
        return 0, 1, 0
    totals = {}
    for case in cases:
        # A pytest case that fails and whose clean-up fails stands there twice: it is one failed test.
        name = "%s %s" % (case.get("classname"), case.get("name"))
        before = totals.get(name, (0, 0, 0))
        now = count_case(case)
        totals[name] = now if now[1] or not before[1] else before
    for name, (_, failed, _) in totals.items():
        if failed:
            print("failed: " + name)
    return tuple(sum(column) for column in zip(*totals.values())) if totals else (0, 0, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passed", action="append", default=[])
    parser.add_argument("--failed", action="append", default=[])
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    total = [len(options.passed), len(options.failed), 0]
    for what in options.passed:
        print("passed: " + what)
    for what in options.failed:
        print("failed: " + what)
    for path in options.files:
        counts = count_file(path)
        print("%s: %d passed, %d failed, %d skipped" % ((path,) + counts))
        total = [sum(pair) for pair in zip(total, counts)]
    print("%d passed, %d failed, %d skipped" % tuple(total))
    sys.exit(1 if total[1] or not total[0] else 0)


if __name__ == "__main__":
    main()
