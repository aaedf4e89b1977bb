#!/usr/bin/python3
"""Writes the replies of a transcript anew, as redis-server (or with --tessera this server) gives them now.

    tests/server/record.py strings.resp

Only steps without expected replies are filled in; what is stated stays, so that ranges and patterns survive. Read the result
before you keep it: it says what the server does, not what it should do.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.process import Server  # noqa: E402
from harness.transcript import Transcript, show  # noqa: E402


def recorded(path, kind):
    """The transcript's lines with the missing replies put in."""
    transcript = Transcript(path)
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    additions = {}
    server = Server(kind, 1, transcript.options + (["--enable-debug-command", "yes"] if kind == "redis" else []))
    connections = {}
    current = ""
    try:
        for number, verb, payload, expected in transcript.steps:
            if verb == "connection":
                current = payload
                continue
            if current not in connections:
                connections[current] = server.connect(timeout=2)
                if transcript.protocol == 3:
                    connections[current].run("HELLO", "3")
            connection = connections[current]
            if verb == "send":
                reply = connection.call(*payload)
                if not expected:
                    additions[number] = show(reply).split("\n")
            elif verb == "raw":
                connection.send_raw(payload)
                for _ in expected:
                    connection.read()
            elif verb == "closed":
                connection.read_to_end()
                del connections[current]
    finally:
        server.stop()
    result = []
    for number, line in enumerate(lines, 1):
        result.append(line)
        result += ["< " + text for text in additions.get(number, [])]
    return "\n".join(result)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tessera", action="store_true", help="ask this server instead of redis-server")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    for path in options.files:
        text = recorded(path, "tessera" if options.tessera else "redis")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
