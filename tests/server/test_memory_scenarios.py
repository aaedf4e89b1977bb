"""The scenarios of memory_scenarios.py as tests."""

import pytest

from harness.process import SLOWDOWN
from memory_scenarios import FRAGMENTATION_KEYS, fragmentation, is_good_fragmentation, run_scenarios


@pytest.mark.skipif(SLOWDOWN > 1, reason="libc's heap has other sizes")
def test_tables_stay_within_their_limits(server):
    lines = run_scenarios(server)
    wrong = ["%s: grew by %d, limit %s" % (line.name, line.growth, line.limit()) for line in lines if not line.is_met()]
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(SLOWDOWN == 1, reason="the other test does the same and more")
def test_the_scenarios_run_clean_under_a_sanitizer(server):
    run_scenarios(server, 0.1)


@pytest.mark.slow
@pytest.mark.timing
def test_a_million_keys_leave_little_fragmentation(server):
    assert is_good_fragmentation(fragmentation(server, FRAGMENTATION_KEYS))
