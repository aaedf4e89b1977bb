"""Every *.resp beside this file, played to this server on 1, 2 and 4 shards and to redis-server."""

import glob
import os

import pytest

from conftest import KIND, SHARDS
from harness.transcript import Transcript

FOLDER = os.path.dirname(os.path.abspath(__file__))
SERVERS = ([("tessera", count) for count in SHARDS] if KIND == "tessera" else []) + [("redis", 1)]


def cases():
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.resp"))):
        transcript = Transcript(path)
        for kind, count in SERVERS:
            if transcript.only in (None, kind):
                name = "%s-%s%s" % (os.path.basename(path)[:-5], kind, count if kind == "tessera" else "")
                yield pytest.param(transcript, kind, count, id=name)


@pytest.mark.heavy
@pytest.mark.parametrize("transcript, kind, count", cases())
def test_transcript(transcript, kind, count):
    wrong = transcript.play(kind, count)
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
