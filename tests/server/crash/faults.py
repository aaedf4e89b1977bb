"""What happens to a server's files: an end that is torn off, a flipped bit, a disk that is full."""

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile

HEADER_BYTES = 64   # of a log
FOLDER = "appendonlydir"
DISK_BYTES = 64 << 20
LIMIT_BYTES = 3 << 20
LEFT_BYTES = 256 << 10


def used_bytes(path):
    """Up to the last byte that is not zero: what is behind was prepared, and says nothing."""
    with open(path, "rb") as file:
        return len(file.read().rstrip(b"\0"))


def newest_logs(folder):
    """Paths of the logs of the last generation that have frames."""
    names = [name.split(".") for name in os.listdir(os.path.join(folder, FOLDER)) if name.startswith("log.")]
    paths = {(int(parts[1]), int(parts[2])): os.path.join(folder, FOLDER, ".".join(parts)) for parts in names}
    written = {place: path for place, path in paths.items() if used_bytes(path) > HEADER_BYTES}
    last = max((generation for generation, _ in written), default=0)
    return [written[place] for place in sorted(written) if place[0] == last]


def tear(random, path):
    """Cuts a log at a random byte, not where a frame ends (those are at multiples of 8). Gives where."""
    at = random.randrange(HEADER_BYTES + 1, used_bytes(path), 2)
    os.truncate(path, at)
    return at


class FlippedBit:
    """A random bit of what a file has in use."""

    def __init__(self, random, path):
        self.path = path
        self.at = random.randrange(used_bytes(path))
        self.bit = 1 << random.randrange(8)
        self.flip()

    def flip(self):
        """Once more: it is as it was."""
        with open(self.path, "r+b") as file:
            file.seek(self.at)
            byte = file.read(1)[0]
            file.seek(self.at)
            file.write(bytes([byte ^ self.bit]))

    def __str__(self):
        return "bit %#x at %d of %s" % (self.bit, self.at, os.path.basename(self.path))


class SmallDisk:
    """A disk of its own, a tmpfs, for the `dir` of a server, which ballast fills up."""

    def __init__(self, path):
        self.path = path
        self.ballast = os.path.join(path, "ballast")
        self.options = ("--dir", path)
        self.folder = path

    def fill(self, server):
        del server
        with open(self.ballast, "wb") as file, contextlib.suppress(OSError):
            status = os.statvfs(self.path)
            file.write(bytes(max(0, status.f_bavail * status.f_bsize - LEFT_BYTES)))

    def free(self, server):
        del server
        os.unlink(self.ballast)


class SmallFiles:
    """Where no disk can be mounted: files may not become longer. What is refused is the same, but says EFBIG."""

    options = ()
    folder = None

    @staticmethod
    def fill(server):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (LIMIT_BYTES, resource.RLIM_INFINITY))

    @staticmethod
    def free(server):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextlib.contextmanager
def small_disk(may_mount=True):
    path = tempfile.mkdtemp(prefix="tessera-disk-")
    mount = ["mount", "-t", "tmpfs", "-o", "size=%d" % DISK_BYTES, "tessera", path]
    is_mounted = may_mount and shutil.which("mount") is not None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield SmallDisk(path) if is_mounted else SmallFiles()
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", path], check=True)
        os.rmdir(path)
