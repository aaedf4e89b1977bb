"""The examples of README.md and docs/TABLES.md, run as they stand there: what they print is what the text says.

A block of redis-cli or Python is followed by a block of text, which is what it prints. Those for Node.js are run by
tests/applications/table_examples.js.
"""

import os
import re
import subprocess
import sys

from harness.process import TOP

BLOCK = re.compile(r"^```(redis-cli|python)\n(.*?)^```\n\n```text\n(.*?)^```$", re.M | re.S)
SESSION = re.compile(r"^    > (.*)\n((?:    (?!> ).*\n)*)", re.M)


def text_of(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def printed(argv, given):
    done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cli(server, commands):
    """What redis-cli shows on a terminal for these lines, pasted into it."""
    return printed(["redis-cli", "--no-raw", "-p", str(server.port)], commands)


PROGRAMS = {
    "redis-cli": lambda server, block: cli(server, block),
    "python": lambda server, block: printed([sys.executable, "-B", "-"], block.replace("6379", str(server.port))),
}


def test_examples_print_what_stands_behind_them(start, shards):
    server = start(shards=shards)
    blocks = BLOCK.findall(text_of("docs/TABLES.md"))
    assert {block[0] for block in blocks} == set(PROGRAMS)
    for program, block, expected in blocks:
        assert PROGRAMS[program](server, block) == expected


def test_the_session_of_the_readme_is_what_redis_cli_shows(start, shards):
    server = start(shards=shards)
    text = text_of("README.md")
    session = SESSION.findall(text[text.index("## Tables in a minute"):])
    assert len(session) > 5
    for command, expected in session:
        found = cli(server, command + "\n")
        assert not found.startswith("(error)"), command
        if expected:
            assert found == re.sub("^    ", "", expected, flags=re.M), command
