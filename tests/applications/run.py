#!/usr/bin/python3
"""Runs real applications against Tessera on 1, 2 and 4 shards: each script on a fresh server, whose memory is audited afterwards.

    tests/applications/run.py [--shards 1,2,4] [--kind redis] [NAME...]

NAME: only applications whose name begins with it. --kind redis runs them against redis-server, to see whether a script is right.
Ends with status 1 if any failed. tools/applications installs the packages first.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "server"))

from harness.process import END_WITH_TESTS, Server  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36
PACKAGES = os.path.join(TOP, "build", "applications", "node_modules")
SCRIPT_SECONDS = 60
# Clients of the newest major versions need a newer node than Debian 12 has.
NEWEST_NODE = 20
NODE = "node"
PYTHON = "/usr/bin/python3"

# Name, program, script, variant, the least version of node.
APPLICATIONS = (
    ("bullmq on ioredis", NODE, "bullmq.js", "ioredis", 0),
    ("bullmq on node-redis", NODE, "bullmq.js", "redis", 0),
    ("node-redis", NODE, "node_redis.js", "redis", 0),
    ("node-redis-6", NODE, "node_redis.js", "redis-6", NEWEST_NODE),
    ("examples of tables", NODE, "table_examples.js", "redis", 0),
    ("ioredis", NODE, "ioredis.js", "ioredis", 0),
    ("ioredis-6", NODE, "ioredis.js", "ioredis-6", NEWEST_NODE),
    ("redlock", NODE, "redlock.js", "", 0),
    ("rate limiters", NODE, "rate_limits.js", "", 0),
    ("rq", PYTHON, "rq_jobs.py", "", 0),
    ("celery", PYTHON, "celery_jobs.py", "", 0),
)


def node_version():
    said = subprocess.run([NODE, "--version"], check=True, capture_output=True, text=True).stdout
    return int(said.strip().lstrip("v").split(".")[0])


def children_other_than(pid):
    """The processes whose parent this one is."""
    with open("/proc/self/task/%d/children" % os.getpid(), encoding="ascii") as file:
        return [int(word) for word in file.read().split() if int(word) != pid]


def end_what_is_left(server):
    """Kills what a script left, whose parent this process is by now; gives how many processes that were."""
    count = 0
    while True:
        found = children_other_than(server.process.pid)
        if not found:
            return count
        for pid in found:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            count += 1


def run_script(server, program, script, variant):
    """Gives what was wrong: a list of sentences."""
    words = [program] + (["-B"] if program == PYTHON else []) + [os.path.join(HERE, script), str(server.port)]
    environment = dict(os.environ, NODE_PATH=PACKAGES)
    found = []
    with open(os.path.join(server.folder, "script.txt"), "w+b") as output:
        process = subprocess.Popen(END_WITH_TESTS + words + ([variant] if variant else []), stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, cwd=server.folder, env=environment)
        try:
            if process.wait(SCRIPT_SECONDS) != 0:
                found.append("status %d" % process.returncode)
        except subprocess.TimeoutExpired:
            found.append("not done within %d s" % SCRIPT_SECONDS)
        finally:
            process.kill()
            process.wait()
            left = end_what_is_left(server)
        if left and not found:
            found.append("%d processes were left" % left)
        output.seek(0)
        if found:
            found.append(output.read()[-4000:].decode(errors="replace"))
    return found


def run_application(application, kind, shards):
    """Runs one application on a fresh server and prints its line; True when all was well."""
    name, program, script, variant, _ = application
    start = time.monotonic()
    server = Server(kind, shards)
    problems = run_script(server, program, script, variant)
    problems += server.problems()
    problems += server.stop()
    where = "redis-server" if kind == "redis" else "%d shard%s" % (shards, "" if shards == 1 else "s")
    print("%-6s  %-22s %-12s %5.1f s" % ("failed" if problems else "passed", name, where, time.monotonic() - start), flush=True)
    for problem in problems:
        print("    " + problem.replace("\n", "\n    "), flush=True)
    return not problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", default="1,2,4")
    parser.add_argument("--kind", default="tessera", choices=("tessera", "redis"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    # Whoever ends this process ends what it started, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    # What a script starts and leaves becomes a child of this process.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    version = node_version()
    results = []
    for shards in [1] if options.kind == "redis" else map(int, options.shards.split(",")):
        for application in APPLICATIONS:
            if options.names and not any(application[0].startswith(name) for name in options.names):
                continue
            if version < application[4]:
                print("left out  %s: needs node %d, this is %d" % (application[0], application[4], version))
                continue
            results.append(run_application(application, options.kind, shards))
    print("applications: %d passed, %d failed" % (results.count(True), results.count(False)))
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
