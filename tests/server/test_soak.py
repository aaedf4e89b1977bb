"""A short run of soak.py: an hour of it is tests/server/soak.py --seconds 3600."""

import os
import random

import pytest

from conftest import KIND
from soak import parse_options, run

SECONDS = 8

pytestmark = pytest.mark.skipif(KIND != "tessera", reason="MEMORY AUDIT")


@pytest.mark.slow
@pytest.mark.threads
@pytest.mark.parametrize("shards", [1, 4])
def test_accounts_for_all_memory_under_random_load(shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    problems = run(shards, parse_options(["--seconds", str(SECONDS), "--audit-seconds", "2", "--seed", seed]))
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
