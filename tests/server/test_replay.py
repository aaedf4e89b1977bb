"""A short run of replay.py for every family: the long one is tests/server/replay.py --commands 200000."""

import os
import random

import pytest

from families import FAMILIES, SESSION_FAMILIES
from harness.process import SLOWDOWN
from replay import run_family

# As in test_differential.py: a count that is asked for is played to its end.
ASKED = os.environ.get("TESSERA_REPLAY_COUNT")
COUNT = int(int(ASKED or 20000) / SLOWDOWN)
SECONDS = None if ASKED else 1.5


@pytest.mark.parametrize("family", FAMILIES + SESSION_FAMILIES)
def test_effects_make_the_same_data_on_a_second_server(family, shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    target_shards = {1: 2, 2: 3}.get(shards, 1)
    result = run_family(family, "%d:%d" % (shards, target_shards), COUNT, seed, seconds=SECONDS)
    wrong = result.texts + result.problems
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
