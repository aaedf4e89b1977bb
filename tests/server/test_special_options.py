"""What the program does instead of starting: --help, --version, --check-config."""

import socket
import subprocess

import pytest

from harness.process import REPORTS, SLOWDOWN, TESSERA, WRAPPER, redis_program

LINE_MAX = 130
ERRORS_MAX = 100
HEADER = "*** FATAL CONFIG FILE ERROR"


def run(*words, folder=None, **more):
    """The program with these words, in `folder`, until it ends."""
    ended = subprocess.run(
        WRAPPER + [TESSERA] + [str(word) for word in words], capture_output=True, text=True, timeout=20 * SLOWDOWN,
        check=False, cwd=folder, **more)
    assert not REPORTS.search(ended.stderr)
    return ended


def run_redis(*words):
    return subprocess.run(
        ["redis-server"] + list(words), executable=redis_program(), capture_output=True, text=True,
        timeout=20 * SLOWDOWN, check=False)


def parameters_of(server):
    with server.connect() as connection:
        return {name.decode() for name in connection.run("CONFIG", "GET", "*")[::2]}


# Files that a start refuses, and how often --check-config does: the first error must be the start's.
BAD_FILES = [
    ("prot 1\n", 1),
    ("port 1\nport abc\n# fine\nprot 2\nmaxmemory 1mb\nsave 60\n", 3),
    ("include missing.conf\nhz x\n", 2),
    ("dir /no/such/folder\nrequirepass \"open\n", 2),
    ("include more.conf\nport\n", 3),
    ("include main.conf\n", 1),
]
MORE = "timeout -1\nappendonly maybe\n"

GOOD_FILE = ("port %d\nbind 127.0.0.1\nunixsocket %s/check.sock\npidfile %s/check.pid\nlogfile %s/check.log\ndaemonize yes\n"
             "maxclients 100000\ninclude more.conf\ndir sub\ninclude inner.conf\n")


@pytest.fixture
def folder(tmp_path):
    """Files that include each other, by names that are relative to the folder and, behind `dir`, to the one within."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "more.conf").write_text("timeout 5\n")
    (tmp_path / "sub" / "inner.conf").write_text("hz 20\n")
    return tmp_path


def everything_in(folder):
    """Each file with its content and time of change; each folder with its time of change."""
    found = {}
    for path in [folder] + sorted(folder.rglob("*")):
        found[str(path)] = (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
    return found


# --- --version ---

@pytest.mark.parametrize("words", [["--version"], ["-v"], ["-v", "--port", "x"]], ids=" ".join)
def test_version_is_one_line_as_redis_server_prints_it(words):
    ours, theirs = run(*words), run_redis(*words)
    assert ours.returncode == theirs.returncode == 0
    assert ours.stderr == theirs.stderr == ""
    name, *fields = ours.stdout.rstrip("\n").split(" v=")
    assert name == "Tessera server" and theirs.stdout.startswith("Redis server v=")
    assert ours.stdout.count("\n") == theirs.stdout.count("\n") == 1
    names = [field.split("=")[0] for field in ("v=" + fields[0]).split()]
    assert names == ["v", "malloc", "bits"]
    assert set(names) <= {field.split("=")[0] for field in theirs.stdout.split()[2:]}


def test_version_is_what_a_running_server_says(start):
    with start(kind="tessera").connect() as connection:
        info = connection.run("INFO", "everything").decode()
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    assert run("--version").stdout == "Tessera server v=%s malloc=%s bits=%s\n" % (
        fields["tessera_version"], fields["mem_allocator"], fields["arch_bits"])


# --- --help ---

@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--help", "--port", "x"]], ids=" ".join)
def test_help_goes_to_standard_output(words):
    ours, theirs = run(*words), run_redis(*words)
    assert ours.returncode == 0 and theirs.returncode == 1
    assert ours.stderr == "" and theirs.stdout == ""
    assert ours.stdout.startswith("Usage: tessera-server [/path/to/tessera.conf] [options] [-]\n")
    assert theirs.stderr.startswith("Usage: ./redis-server [/path/to/redis.conf] [options] [-]\n")
    assert max(len(line) for line in ours.stdout.splitlines()) <= LINE_MAX


def test_help_names_every_option_and_explains_those_that_redis_has_not(start):
    own, _, shared = run("--help").stdout.partition("Options of redis.conf")
    explained = {line.split()[0][2:] for line in own.partition("Options of Tessera")[2].splitlines() if line.startswith("  --")}
    ours, theirs = parameters_of(start(kind="tessera")), parameters_of(start(kind="redis"))
    assert explained == ours - theirs - {"commandlog-execution-slower-than", "commandlog-slow-execution-max-len"}, "but other names of Redis's"
    words = set(shared.replace(",", " ").split())
    assert {name for name in ours & theirs if "ziplist" not in name and name != "lua-time-limit"} <= words


def test_help_tells_when_it_could_not_be_written():
    with open("/dev/full", "w", encoding="ascii") as full:
        ended = subprocess.run(WRAPPER + [TESSERA, "--help"], stdout=full, stderr=subprocess.DEVNULL,
                               timeout=20 * SLOWDOWN, check=False)
    assert ended.returncode == 1


def test_special_options_are_special_only_in_front(folder):
    for words in (["--port", "0", "--version"], ["more.conf", "--help"], ["more.conf", "--check-config", "more.conf"]):
        ended = run(*words, folder=folder)
        assert ended.returncode == 1 and HEADER in ended.stderr and ended.stdout == ""


# --- --check-config ---

@pytest.mark.parametrize("text, count", BAD_FILES)
def test_check_config_prints_each_error_as_a_start_prints_the_first(folder, text, count):
    (folder / "main.conf").write_text(text)
    (folder / "more.conf").write_text(MORE)
    started, checked = run("main.conf", folder=folder), run("--check-config", "main.conf", folder=folder)
    assert started.returncode == checked.returncode == 1
    assert started.stdout == checked.stdout == ""
    assert started.stderr.count(HEADER) == 1 and checked.stderr.count(HEADER) == count
    assert checked.stderr.startswith(started.stderr)


def test_check_config_gives_file_and_line_of_each_error(folder):
    (folder / "main.conf").write_text("port abc\ninclude more.conf\nhz x\n")
    (folder / "more.conf").write_text(MORE)
    ended = run("--check-config", "main.conf", "-x", "--nonsense", "1", folder=folder)
    places = [line for line in ended.stderr.splitlines() if line.startswith("Reading ")]
    assert places == ["Reading the configuration file 'main.conf', at line 1",
                      "Reading the configuration file 'more.conf', at line 1",
                      "Reading the configuration file 'more.conf', at line 2",
                      "Reading the configuration file 'main.conf', at line 3",
                      "Reading the command line", "Reading the command line"]


def test_check_config_of_a_good_configuration_listens_nowhere_and_changes_nothing(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (folder / "main.conf").write_text(GOOD_FILE % (taken.getsockname()[1], folder, folder, folder))
        before = everything_in(folder)
        ended = run("--check-config", "main.conf", "--maxmemory", "1mb", folder=folder)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "tessera-server: the configuration is good\n"
    assert everything_in(folder) == before


def test_check_config_reads_standard_input_as_a_start_does(folder):
    good = run("--check-config", "more.conf", "--hz", "20", "-", folder=folder, input="port 7000\n")
    assert (good.returncode, good.stderr) == (0, "")
    bad = run("--check-config", "-", folder=folder, input="port 7000\nhz x\n")
    assert bad.returncode == 1 and "'standard input', at line 2" in bad.stderr


@pytest.mark.parametrize("words", [["missing.conf"], ["more.conf", "--port", "x"], ["--port", "x"]], ids=" ".join)
def test_check_config_refuses_what_a_start_refuses(folder, words):
    started, checked = run(*words, folder=folder), run("--check-config", *words, folder=folder)
    assert started.returncode == checked.returncode == 1
    assert checked.stderr == started.stderr != ""


def test_check_config_without_a_file_says_how_it_is_called():
    ended = run("--check-config")
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr == "usage: tessera-server --check-config /path/to/tessera.conf [options] [-]\n"


def test_check_config_ends_on_files_that_include_each_other_many_times(folder):
    (folder / "main.conf").write_text("include main.conf\n" * 60)
    ended = run("--check-config", "main.conf", folder=folder)
    assert ended.returncode == 1 and ended.stderr.count(HEADER) == ERRORS_MAX
    assert ended.stderr.endswith("\nReading stopped at %d errors.\n" % ERRORS_MAX)


# --- --print-config ---

def test_what_is_printed_is_a_configuration(tmp_path):
    options = ["--port", "7001", "--maxmemory", "3gb", "--requirepass", "a b", "--save", ""]
    printed = run("--print-config", *options, folder=tmp_path)
    assert printed.returncode == 0 and printed.stderr == ""
    lines = [line for line in printed.stdout.split("\n") if line and not line.startswith("#")]
    assert lines == ["port 7001", 'requirepass "a b"', "maxmemory 3gb", 'save ""']
    assert "\n# dir .\n" in printed.stdout and "#" not in run("--print-config", "--dir", tmp_path).stdout.split("\ndir ")[1].split("\n")[0]
    (tmp_path / "printed.conf").write_text(printed.stdout)
    assert run("--check-config", tmp_path / "printed.conf").returncode == 0


@pytest.mark.parametrize("words, said", [
    (["tessera.conf"], "usage:"), (["--user", "bob", "on"], "takes parameters only"), (["--rename-command", "GET", "FETCH"], "takes parameters only"),
    (["--port", "x"], "integer"),
], ids=lambda words: " ".join(words) if isinstance(words, list) else "")
def test_what_cannot_be_printed_is_said(words, said):
    refused = run("--print-config", *words)
    assert refused.returncode == 1 and refused.stdout == "" and said in refused.stderr
