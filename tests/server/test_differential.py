"""A short run of differential.py for every family: the long one is tests/server/differential.py --commands 1000000."""

import os
import random

import pytest

from differential import SHOWN_MAX, run_family
from families import FAMILIES, SESSION_FAMILIES
from harness.process import SLOWDOWN

# Commands of each family on each number of shards, in at most so many seconds, so that all families together take about a minute;
# a count that is asked for is played to its end.
ASKED = os.environ.get("TESSERA_DIFFERENTIAL_COUNT")
COUNT = int(int(ASKED or 40000) / SLOWDOWN)
SECONDS = None if ASKED else 1.5


@pytest.mark.parametrize("family", FAMILIES + SESSION_FAMILIES)
def test_answers_random_commands_as_redis_does(family, shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    result = run_family(family, shards, COUNT, seed, seconds=SECONDS)
    wrong = result.texts[:SHOWN_MAX] + result.problems
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
