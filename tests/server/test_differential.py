"""A short run of differential.py for every family: the long one is tests/server/differential.py --count 1000000."""

import os
import random

import pytest

from differential import SHOWN_MAX, run_family
from families import FAMILIES
from harness.process import SLOWDOWN

COUNT = int(int(os.environ.get("TESSERA_DIFFERENTIAL_COUNT", "20000")) / SLOWDOWN)


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_random_commands_as_redis_does(family, shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    result = run_family(family, shards, COUNT, seed)
    wrong = result.texts[:SHOWN_MAX] + result.problems
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
