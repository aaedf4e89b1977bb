"""Whom the server answers who comes from another machine: network namespaces of their own, with a wire between them, are two machines.

The server runs in the first one, clients in the second; no interface or rule of this machine changes."""

import os
import subprocess
import sys

import pytest

from harness.process import END_WITH_TESTS, TESSERA, free_port

HERE, THERE = "10.77.0.1", "10.77.0.2"
CLIENT = """import socket, sys
wire = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
replies = wire.makefile("rb")
said = []
for words in sys.argv[3:]:
    try:
        wire.sendall(words.encode() + b"\\r\\n")
        said.append(replies.readline().decode().rstrip())
    except OSError:
        said.append("")
print("\\n".join(said))
"""


class Machines:
    """Two namespaces, each held open by a process that sleeps."""

    def __init__(self):
        self.holders = [subprocess.Popen(END_WITH_TESTS + ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep 600"],
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]

    def is_ready(self):
        return all(holder.stdout.readline() == "ready\n" for holder in self.holders)

    def words(self, machine):
        return ["nsenter", "--net", "--target", str(self.holders[machine].pid)]

    def run(self, machine, *words):
        return subprocess.run(self.words(machine) + list(words), capture_output=True, text=True, check=True, timeout=60).stdout

    def join(self):
        self.run(0, "ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(self.holders[1].pid))
        for machine, address in enumerate((HERE, THERE)):
            self.run(machine, "ip", "address", "add", address + "/24", "dev", "wire")
            self.run(machine, "ip", "link", "set", "wire", "up")

    def ask(self, machine, host, port, *commands):
        return self.run(machine, sys.executable, "-c", CLIENT, host, str(port), *commands).splitlines()

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.communicate()


@pytest.fixture
def machines():
    made = Machines()
    try:
        if not made.is_ready():
            pytest.skip("network namespaces are not allowed here: %s" % made.holders[0].stderr.read().strip())
        try:
            made.join()
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip("two network namespaces cannot be joined here: %s" % getattr(error, "stderr", error))
        yield made
    finally:
        made.close()


@pytest.fixture
def served(machines, tmp_path):
    """serve(*options): the port of a server in the first namespace, and the server's end is looked at afterwards."""
    processes = []

    def serve(*options):
        port = free_port()
        words = machines.words(0) + [TESSERA, "--port", str(port), "--dir", str(tmp_path), "--save", "", "--shards", "1", *options]
        process = subprocess.Popen(END_WITH_TESTS + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        processes.append(process)
        said = ""
        while "Ready to accept" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        return port

    yield serve
    for process in processes:
        process.terminate()
        said = process.communicate(timeout=60)[0]
        assert process.returncode == 0, said


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_protected_mode(machines, served):
    port = served("--enable-protected-configs", "local", "--enable-debug-command", "local")
    denied = "-DENIED Tessera is running in protected mode"
    for host in ("127.0.0.1", "::1"):
        assert machines.ask(0, host, port, "PING") == ["+PONG"], host
    for machine in (0, 1):  # as in Redis, a machine by its own outer address is another one
        assert machines.ask(machine, HERE, port, "SET a 1")[0].startswith(denied)
    assert machines.ask(0, "127.0.0.1", port, "EXISTS a") == [":0"]
    # A password opens it, who takes the password away shuts it; protected-mode no opens it whatever the password.
    assert machines.ask(0, "127.0.0.1", port, "CONFIG SET requirepass p") == ["+OK"]
    assert machines.ask(1, HERE, port, "PING", "AUTH q", "AUTH p", "PING") == [
        "-NOAUTH Authentication required.", "-WRONGPASS invalid username-password pair or user is disabled.", "+OK", "+PONG"]
    # What is for this machine alone: parameters that are protected, and DEBUG. Each by the address that the client comes from.
    setting = "CONFIG SET dbfilename other.rdb"
    refused = "-ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config"
    assert machines.ask(1, HERE, port, "AUTH p", setting)[1] == refused
    assert machines.ask(1, HERE, port, "AUTH p", "DEBUG SLEEP 0")[1].startswith("-ERR DEBUG command not allowed.")
    assert machines.ask(0, "127.0.0.1", port, "AUTH p", setting, "DEBUG SLEEP 0") == ["+OK"] * 3
    assert machines.ask(0, "127.0.0.1", port, "AUTH p", "CONFIG SET requirepass ''") == ["+OK"] * 2
    assert machines.ask(1, HERE, port, "PING")[0].startswith(denied)
    assert machines.ask(0, "127.0.0.1", port, "CONFIG SET protected-mode no") == ["+OK"]
    assert machines.ask(1, HERE, port, "PING", setting) == ["+PONG", refused]


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_protected_configs_and_users(machines, served):
    port = served("--enable-protected-configs", "no", "--user", "default", "on", ">p", "~*", "+@all")
    assert machines.ask(1, HERE, port, "AUTH p", "PING") == ["+OK", "+PONG"]  # a password of the default user's counts
    for machine, host in ((0, "127.0.0.1"), (1, HERE)):
        for setting in ("dbfilename other.rdb", "dir /"):
            assert machines.ask(machine, host, port, "AUTH p", "CONFIG SET " + setting)[1].endswith("can't set protected config"), setting
    port = served("--bind", "127.0.0.1", "--requirepass", "p")
    with pytest.raises(subprocess.CalledProcessError, match="exit status 1"):  # nobody listens there
        machines.ask(1, HERE, port, "PING")
