"""MEMORY HISTORY: samples of the last day."""

import pytest

from harness.process import SLOWDOWN
from harness.resp import wait_until


def history(client, *words):
    client.run("HELLO", 3)
    return client.run("MEMORY", "HISTORY", *words)


@pytest.mark.parametrize("words", [["COUNT"], ["x"], ["COUNT", "1", "2"], ["COUNT", "1", "COUNT", "1"]])
def test_wrong_words_are_syntax_errors(client, words):
    assert client.call("MEMORY", "HISTORY", *words) == ("-", b"ERR syntax error")


def test_counts_out_of_range_are_errors(client):
    for count in ("0", "2041", "-5"):
        assert client.call("MEMORY", "HISTORY", "COUNT", count) == ("-", b"ERR COUNT must be between 1 and 2040")


def test_samples_show_growth(client):
    wait_until(lambda: len(history(client)) >= 1, 5 * SLOWDOWN)
    client.run("SET", "big", "x" * 5_000_000)
    wait_until(lambda: history(client, "COUNT", 1)[0][b"string"] > 5_000_000, 5 * SLOWDOWN)
    samples = history(client, "COUNT", 2040)
    assert [sample[b"time"] for sample in samples] == sorted(sample[b"time"] for sample in samples)
    assert samples[0][b"string"] < 5_000_000
    for sample in samples:
        classes = {name: value for name, value in sample.items() if name not in (b"time", b"used", b"resident", b"dataset")}
        assert sum(classes.values()) == sample[b"used"]
        assert sample[b"dataset"] <= sample[b"used"] and sample[b"resident"] > 0
    assert len(history(client, "COUNT", 1)) == 1
    client.run("HELLO", 2)
    assert client.run("MEMORY", "HISTORY", "COUNT", 1)[0][0] == b"time"
