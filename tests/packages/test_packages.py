"""The packages, installed for real, upgraded, removed and purged: in a layer over this machine's system that is thrown away afterwards, so
nothing of the machine changes. No systemd runs there: the test starts the server by the words of its unit, and listens in its place.

TESSERA_PACKAGES names the folder that tools/release has made. Root only, since the layer is a mount."""

import configparser
import glob
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "server"))

from harness.process import END_WITH_TESTS, SLOWDOWN, TOP, free_port  # noqa: E402
from harness.resp import Connection  # noqa: E402

FOLDER = os.environ.get("TESSERA_PACKAGES", "")
LAYER = """set -e
mount -t tmpfs none "$0"
mkdir "$0/upper" "$0/work" "$0/top"
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/top"
mount --rbind /proc "$0/top/proc"
mount --rbind /dev "$0/top/dev"
mount -t tmpfs none "$0/top/tmp"
mount -t tmpfs none "$0/top/run"
echo ready
exec sleep infinity"""
UNIT = "/lib/systemd/system/tessera-server.service"
CONFIGURATION = "/etc/tessera/tessera.conf"
NOTIFY = "/run/notify"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts of one's own need root")


def package(name):
    found = glob.glob(os.path.join(FOLDER, name + "_*.deb"))
    assert len(found) == 1, "TESSERA_PACKAGES=%s: tools/release makes one %s there" % (FOLDER, name)
    return found[0]


class Layer:
    """A system like this machine's, in which everything may be changed."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.holder = subprocess.Popen(END_WITH_TESTS + ["unshare", "--mount", "--propagation", "private", "sh", "-c", LAYER, self.folder],
                                       stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"

    def words(self, *words):
        return ["nsenter", "--mount", "--target", str(self.holder.pid), "chroot", os.path.join(self.folder, "top"), *words]

    def run(self, *words, status=0):
        ended = subprocess.run(self.words(*words), capture_output=True, text=True, check=False, timeout=120 * SLOWDOWN,
                               env=dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8"))
        assert ended.returncode == status, "%s\n%s%s" % (words, ended.stdout, ended.stderr)
        return ended.stdout

    def path(self, path):
        return "/proc/%d/root%s/top%s" % (self.holder.pid, self.folder, path)

    def install(self, *words):
        """Packages, and options of dpkg."""
        inside = [word if word.startswith("--") else "/tmp/" + os.path.basename(shutil.copy(word, self.path("/tmp/"))) for word in words]
        return self.run("dpkg", "--install", *inside)

    def mode(self, path):
        """As `ls -l` has it: mode, owner, group."""
        return self.run("stat", "--format", "%a %U %G", path).strip()

    def close(self):
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def layer(tmp_path):
    made = Layer(tmp_path)
    yield made
    made.close()


class Service:
    """The server as its unit starts it: the words of ExecStart, the user and the folder, and a socket for what it tells systemd."""

    def __init__(self, layer, before=()):
        unit = configparser.RawConfigParser(strict=False)
        unit.optionxform = str
        unit.read(layer.path(UNIT))
        service = unit["Service"]
        assert service["Type"] == "notify"
        if os.path.exists(layer.path(NOTIFY)):
            os.unlink(layer.path(NOTIFY))
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(layer.path(NOTIFY))
        os.chmod(layer.path(NOTIFY), 0o777)
        self.notify.settimeout(20 * SLOWDOWN)
        script = 'cd "$0" && umask "$1" && NOTIFY_SOCKET=%s && export NOTIFY_SOCKET && shift && exec "$@"' % NOTIFY
        user = ["setpriv", "--reuid", service["User"], "--regid", service["Group"], "--clear-groups", "--no-new-privs", "--bounding-set", "-all"]
        inside = layer.words("sh", "-c", script, service["WorkingDirectory"], service["UMask"], *before, *user, *shlex.split(service["ExecStart"]))
        self.process = subprocess.Popen(END_WITH_TESTS + inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait_for(self, state):
        said = b""
        while not said.startswith(state):
            try:
                said = self.notify.recv(4096)
            except TimeoutError:
                self.process.kill()
                pytest.fail("no %r; it printed: %r" % (state, self.process.stdout.read()[-4000:]))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.wait_for(b"STOPPING=1")
        assert self.process.wait(20 * SLOWDOWN) == 0
        assert self.process.stdout.read() == b""  # all of it is in the log
        self.notify.close()


def later(name, folder):
    """The same package under a higher version, with another default configuration."""
    top = str(folder / os.path.basename(name))
    subprocess.run(["dpkg-deb", "--raw-extract", name, top], check=True)
    control = os.path.join(top, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    version = re.search("^Version: (.*)$", text, re.M).group(1)
    with open(control, "w", encoding="utf-8") as file:
        file.write(text.replace("Version: " + version, "Version: %s+later" % version))
    configuration = top + CONFIGURATION
    with open(configuration, "a", encoding="utf-8") as file:
        file.write("# of the later version\n")
    out = top + ".later.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", top, out], check=True, capture_output=True)
    return out


def calls_of(group):
    """The system calls of a group of systemd's, groups within it included."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True).stdout
    found = set()
    for word in re.findall(r"^    ([@\w-]+)$", text, re.M):
        found |= calls_of(word) if word.startswith("@") else {word}
    return found


def test_lintian_finds_nothing():
    found = glob.glob(os.path.join(FOLDER, "*.changes"))
    assert len(found) == 1
    looked = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", found[0]], capture_output=True, text=True, check=False)
    assert looked.returncode == 0 and not re.search("^[EW]:", looked.stdout, re.M), looked.stdout + looked.stderr


def test_checksums_are_those_of_the_files():
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=FOLDER, check=True, capture_output=True)
    with open(os.path.join(FOLDER, "SHA256SUMS"), encoding="ascii") as file:
        names = {line.split()[1] for line in file}
    assert names == {name for name in os.listdir(FOLDER) if name.endswith((".deb", ".tar.gz"))} and len(names) >= 3


def test_from_the_installation_to_the_purge(layer, tmp_path_factory):
    server, tools = package("tessera-server"), package("tessera-tools")
    layer.install(server, tools)
    assert layer.mode(CONFIGURATION) == "640 tessera tessera"
    assert [layer.mode(path) for path in ("/var/lib/tessera", "/var/log/tessera", "/etc/tessera")] == [
        "750 tessera tessera", "2750 tessera adm", "2770 root tessera"]
    assert layer.run("systemd-analyze", "verify", "--man=no", UNIT) == ""
    layer.run("tessera-server", "--check-config", CONFIGURATION)

    port = free_port()
    with open(layer.path(CONFIGURATION), "a", encoding="utf-8") as file:
        file.write("port %d\n" % port)
    service = Service(layer)
    service.wait_for(b"READY=1")
    with Connection("127.0.0.1", port, timeout=20 * SLOWDOWN) as client:
        client.run("SET", "kept", "over the upgrade")
        client.run("CONFIG", "SET", "timeout", "77")
        client.run("CONFIG", "REWRITE")
        client.run("TABLE.NAMESPACE.CREATE", "n")
        client.run("TABLE.SCHEMA.CREATE", "n.t", "a:integer")
        client.run("TABLE.INSERT", "n.t", "a=7")
        assert layer.run("tessera-table-dump", "n.t", "--port", str(port)).split() == ["a", "7"]
        layer.run("tessera-backup", "127.0.0.1:%d" % port, "backup")
    assert "whole" in layer.run("tessera-restore", "/var/lib/tessera/backup")
    service.stop()
    assert layer.mode("/var/lib/tessera/dump.rdb").endswith(" tessera tessera")
    layer.run("tessera-check-rdb", "/var/lib/tessera/dump.rdb")
    assert "bye bye" in layer.run("cat", "/var/log/tessera/tessera-server.log")
    before = layer.run("cat", CONFIGURATION)
    assert "\ntimeout 77\n" in before and "\nport %d\n" % port in before

    layer.install("--force-confold", later(server, tmp_path_factory.mktemp("later")))
    assert layer.run("dpkg-query", "--show", "--showformat", "${Version}", "tessera-server").endswith("+later")
    assert layer.run("cat", CONFIGURATION) == before and layer.mode(CONFIGURATION) == "640 tessera tessera"
    service = Service(layer)
    service.wait_for(b"READY=1")
    with Connection("127.0.0.1", port, timeout=20 * SLOWDOWN) as client:
        assert client.run("GET", "kept") == b"over the upgrade"
    service.stop()

    layer.run("dpkg", "--remove", "tessera-server", "tessera-tools")
    assert not os.path.exists(layer.path("/usr/bin/tessera-server")) and not os.path.exists(layer.path("/usr/share/tessera"))
    assert layer.run("cat", CONFIGURATION) == before and os.path.exists(layer.path("/var/lib/tessera/dump.rdb"))
    layer.run("dpkg", "--purge", "tessera-server")
    for path in ("/etc/tessera", "/var/lib/tessera", "/var/log/tessera", "/etc/logrotate.d/tessera-server"):
        assert not os.path.exists(layer.path(path)), path
    layer.run("getent", "passwd", "tessera", status=2)


@pytest.mark.parametrize("engine", ["io_uring", "epoll"])
def test_the_unit_allows_every_system_call_that_the_server_makes(layer, engine):
    """Also none that makes memory executable, which MemoryDenyWriteExecute refuses."""
    layer.install(package("tessera-server"))
    port = free_port()
    with open(layer.path(CONFIGURATION), "a", encoding="utf-8") as file:
        file.write("port %d\nio-engine %s\nappendonly yes\nshard-affinity yes\n" % (port, engine))
        file.write("pidfile /var/lib/tessera/pid\nunixsocket /var/lib/tessera/socket\n")
    service = Service(layer, before=("strace", "--follow-forks", "--quiet=all", "--string-limit=200", "--output=/tmp/calls"))
    service.wait_for(b"READY=1")
    with Connection("127.0.0.1", port, timeout=60 * SLOWDOWN) as client:
        client.pipeline([("SET", "key:%d" % i, "x" * 3000) for i in range(300)])
        assert client.run("EVAL", "local n = 0 for i = 1, 1000 do n = n + i end return n", "0") == 500500
        for words in (("SAVE",), ("BGREWRITEAOF",), ("CONFIG", "REWRITE"), ("MEMORY", "PURGE"), ("FLUSHALL",), ("INFO", "everything")):
            client.run(*words)
    with open(layer.path("/var/lib/tessera/pid"), encoding="ascii") as file:
        subprocess.run(layer.words("kill", "-TERM", file.read().strip()), check=True)
    service.wait_for(b"STOPPING=1")
    assert service.process.wait(60 * SLOWDOWN) == 0
    with open(layer.path("/tmp/calls"), encoding="utf-8", errors="replace") as file:
        text = file.read()
    text = text[text.index('execve("/usr/bin/tessera-server"'):]
    made = set(re.findall(r"^\d+\s+(\w+)\(", text, re.M))
    assert ("io_uring_enter" if engine == "io_uring" else "epoll_pwait2") in made
    allowed = calls_of("@system-service") - calls_of("@privileged")
    assert made <= allowed, sorted(made - allowed)
    executable = [line for line in text.split("\n") if re.search(r"\bmprotect\(.*PROT_EXEC|\bmmap\(.*PROT_WRITE\|PROT_EXEC", line)]
    assert executable == []
