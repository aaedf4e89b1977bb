"""What of Containerfile can be tried without a builder of containers: its check of health, the libraries of its image, the packages of its build."""

import json
import os
import re
import subprocess

import pytest

from harness.process import SLOWDOWN, TESSERA, TOP, free_port

with open(os.path.join(TOP, "Containerfile"), encoding="utf-8") as file:
    TEXT = file.read().replace("\\\n", " ")
BUILD, IMAGE = [set(re.search("install -y --no-install-recommends +([^&\n]*)", stage).group(1).split()) for stage in TEXT.split("\nFROM ")[1:]]


def health(port):
    words = json.loads(re.search(r"HEALTHCHECK [^\[]*(\[.*\])\n", TEXT).group(1))
    words[-1] = words[-1].replace("/6379", "/%d" % port)
    return subprocess.run(words, capture_output=True, timeout=20 * SLOWDOWN, check=False).returncode


def test_health(start):
    server = start()
    assert health(server.port) == 0
    with server.connect() as client:
        client.run("CONFIG", "SET", "requirepass", "p")
        assert health(server.port) == 0
        client.run("CONFIG", "SET", "requirepass", "")
        client.run("CONFIG", "SET", "maxclients", "1")
        assert health(server.port) == 1  # it answers that it has no room
    assert health(free_port()) == 1


def packages_of(paths):
    """Of files; dpkg knows each as /lib/... or as /usr/lib/..."""
    names = [os.path.realpath(path) for path in paths]
    names += [name.removeprefix("/usr") for name in names]
    text = subprocess.run(["dpkg", "--search", *names], capture_output=True, text=True, check=False).stdout
    return {line.split(":")[0] for line in text.splitlines()}


def needed_by(path):
    text = subprocess.run(["readelf", "--dynamic", path], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\) .*\[(.*)\]", text)


def test_libraries():
    needed = needed_by(TESSERA)
    if any(re.match("lib(a|l|t|ub)san", name) for name in needed):
        pytest.skip("a build with a sanitizer is linked with other libraries")
    found = dict(re.findall(r"(\S+) => (/\S+)", subprocess.run(["ldd", TESSERA], capture_output=True, text=True, check=True).stdout))
    packages = packages_of(found[name] for name in needed if name in found)
    assert len(packages) > 5
    assert {name for name in packages if not re.match("libc6|libgcc", name)} <= IMAGE  # these are in each Debian
    for name in sorted(IMAGE):
        assert subprocess.run(["dpkg-query", "--status", name], capture_output=True, check=False).returncode == 0, name


def test_build_packages_are_those_of_the_debian_package():
    with open(os.path.join(TOP, "debian", "control"), encoding="utf-8") as file:
        depends = re.search(r"^Build-Depends: (.*?)\n\S", file.read(), re.M | re.S).group(1)
    assert {word.split()[0] for word in depends.split(",")} - {"debhelper-compat"} <= BUILD
