"""What docs/OPERATIONS.md tells operators to ask for is there: fields of INFO, parameters, and what the observer may do."""

import os
import re

from harness.process import TOP
from harness.tools import run_tool

with open(os.path.join(TOP, "docs", "OPERATIONS.md"), encoding="utf-8") as file:
    GUIDE = file.read()
ALERTS = GUIDE[GUIDE.index("| field | alert | then |"):GUIDE.index("Latency: ")]


def test_the_guide_asks_for_what_is_there(start):
    server = start("--appendonly", "yes")
    with server.connect() as client:
        info = client.run("INFO", "everything").decode()
        parameters = set(word.decode() for word in client.run("CONFIG", "GET", "*")[0::2])
        fields = [word for row in ALERTS.strip().splitlines()[2:] for word in re.findall("`([a-z_]+)`", row.split("|")[1])]
        assert len(fields) > 15
        for field in fields:
            assert re.search(r"(^|[:,])%s[:=]" % field, info, re.M) or field in parameters, field
        settings = re.findall(r"CONFIG SET ([a-z-]+)", GUIDE) + re.findall(r"`((?:max|client|proto|auto|append|save|shards|io)[a-z-]*)`", GUIDE)
        assert len(settings) > 15
        for name in settings:
            assert name in parameters, name
        rules = re.search(r"`ACL SETUSER (observer [^`]*)`", GUIDE).group(1).split()
        assert client.call("ACL", "SETUSER", *rules) == ("+", b"OK")
        status, text = run_tool("tessera-top", "--port", server.port, "--once", "--interval", "0.1", "--user", "observer",
                                environment={"TESSERA_PASSWORD": "PASSWORD"})
        assert status == 0 and "NOPERM" not in text and "observer" in text and "the server has none" not in text, text
