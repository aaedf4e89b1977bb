"""tools/memory-profiler: workloads, the table and the plot."""

import os
import subprocess
import xml.dom.minidom

import pytest

from harness.process import TESSERA, TOP

TOOL = os.path.join(TOP, "tools", "memory-profiler")
WORKLOAD = """
# two phases
mark fill
repeat 20
    repeat 50
        SET "key {i1}:{i}" {text:10-200}
    end
    RPUSH list:{random:3} {text:30}
end
sleep 0.3
mark empty
FLUSHALL
sleep 0.2
"""


def profile(tmp_path, text, *options):
    path = tmp_path / "workload"
    path.write_text(text)
    return subprocess.run([TOOL, str(path), "--binary", TESSERA, "--every", "0.05"] + list(options), capture_output=True,
                          text=True, cwd=tmp_path, timeout=300, check=False)


def test_a_workload_gives_a_table_and_a_plot(tmp_path):
    ended = profile(tmp_path, WORKLOAD, "--shards", "2")
    assert ended.returncode == 0, ended.stderr
    assert "--- fill" in ended.stdout and "--- empty" in ended.stdout and "1021 commands" in ended.stdout
    assert "used" in ended.stdout and "string" in ended.stdout
    plot = xml.dom.minidom.parse(str(tmp_path / "memory.svg"))
    assert len(plot.getElementsByTagName("polyline")) == 2 and len(plot.getElementsByTagName("polygon")) >= 3
    texts = [node.firstChild.data for node in plot.getElementsByTagName("text")]
    assert {"used", "resident", "string", "fill", "empty"} <= set(texts)


@pytest.mark.parametrize("text, problem", [
    ("repeat 3\nPING\n", "repeat without end"), ("PING\nend\n", "line 2: end without repeat"), ("repeat x\nend\n", "line 1:"),
    ("sleep\n", "line 1: sleep takes one word"), ("repeat -1\nend\n", "line 1: -1 is too small"),
    ('SET "a b\n', "No closing quotation"),
    ("SET a\n", "SET a: ERR wrong number of arguments for 'set' command")])
def test_mistakes_in_a_workload_end_the_run(tmp_path, text, problem):
    ended = profile(tmp_path, text, "--svg", "-")
    assert ended.returncode != 0 and problem in ended.stderr


def test_a_missing_workload_is_an_error(tmp_path):
    ended = subprocess.run([TOOL, str(tmp_path / "nothing")], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0 and "No such file" in ended.stderr
