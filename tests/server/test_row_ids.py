"""Row ids of a pipeline's INSERTs ascend, whatever others do to the catalogue meanwhile."""

import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import plain

PIPELINES = 150 // min(int(SLOWDOWN), 4)


@pytest.mark.parametrize("schema", [["id:integer:hash"], ["id:integer"]])
def test_ids_ascend_while_the_catalogue_changes(server, schema):
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "ids")
        client.run("TABLE.SCHEMA.CREATE", "ids.t", *schema)
    over = threading.Event()

    def change():
        with server.connect() as other:
            other.run("SELECT", "1")
            other.run("TABLE.NAMESPACE.CREATE", "others")
            while not over.is_set():
                other.pipeline([("TABLE.SCHEMA.CREATE", "others.t", "a:integer"), ("TABLE.DROP", "others.t", "FORCE")])
                other.run("FLUSHDB")
                other.run("TABLE.NAMESPACE.CREATE", "others")

    changing = threading.Thread(target=change)
    changing.start()
    last = 0
    try:
        with server.connect() as client:
            for _ in range(PIPELINES):
                replies = client.pipeline([("TABLE.INSERT", "ids.t", "id=%d" % i) for i in range(100)])
                ids = [int(plain(reply)) for reply in replies]
                assert ids == sorted(ids) and ids[0] > last
                last = ids[-1]
    finally:
        over.set()
        changing.join()


def test_a_table_made_anew_counts_from_1(server):
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "ids")
        for _ in range(3):
            client.run("TABLE.SCHEMA.CREATE", "ids.t", "id:integer:hash")
            assert client.pipeline([("TABLE.INSERT", "ids.t", "id=%d" % i) for i in range(3)]) == [("$", b"1"), ("$", b"2"), ("$", b"3")]
            client.run("TABLE.DROP", "ids.t", "FORCE")
