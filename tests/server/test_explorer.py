"""The memory explorer: its figures as JSON, who gets them, and the page in a browser: what it shows, by which keys, and in which sizes."""

import json
import re

import pytest

from harness import browser
from harness.http import Http
from harness.process import free_port

PARTS = ("recent", "history", "server", "slow", "shards", "top", "doctor", "prefixes")
ODD = b"odd:\xff\x00\n<img src=x onerror=document.title=1>\xe2\x80\xae\\"
SHOWN = r"odd:\xff\x00\x0a<img src=x onerror=document.title=1>\u{202e}\\"
HERE = "127.0.0.1"
ALL = "+ping +info +memory|history +memory|top +memory|prefix +memory|doctor +slowlog|get +select".split()  # docs/OPERATIONS.md


@pytest.fixture
def port():
    return free_port()


def fill(client):
    client.pipeline(("SET", "user:%d:name" % number, "v" * 100) for number in range(50))
    client.pipeline(("RPUSH", "list:%d" % number, "v") for number in range(20))
    client.run("SET", ODD, "v" * 5000)
    client.run("SELECT", "3")
    client.run("SET", "third:a", "v" * 4000)
    client.run("SELECT", "0")
    client.run("TABLE.NAMESPACE.CREATE", "n")
    client.run("TABLE.SCHEMA.CREATE", "n.t", "a:integer:hash", "b:string")
    client.run("TABLE.INSERT", "n.t", "a=1")
    client.run("CONFIG", "SET", "slowlog-log-slower-than", "0")
    client.run("SET", "slow", "v")
    client.run("CONFIG", "SET", "slowlog-log-slower-than", "-1")


def reply_of(http, part, user=None):
    status, fields, text = http.get("/api/" + part, user, host=HERE)
    assert (status, fields["Content-Type"]) == (200, "application/json"), text
    assert not any(name.startswith("Access-Control") for name in fields) and fields["Cache-Control"] == "no-store"
    return json.loads(text)


def test_figures_are_the_replies(start, shards, port):
    server = start("--metrics-port", port, shards=shards)
    with server.connect() as client:
        fill(client)
        http = Http(port)
        samples = reply_of(http, "history")
        assert reply_of(http, "recent")[-1].keys() == samples[-1].keys() >= {"time", "used", "resident", "string", "server"}
        assert sum(value for name, value in samples[-1].items() if name not in ("time", "used", "resident", "dataset")) == samples[-1]["used"]
        assert "\r\nshards:%d\r\n" % shards in reply_of(http, "server")
        assert len(re.findall(r"shard\d+:keys=", reply_of(http, "shards"))) == shards
        top = {row["name"].encode("utf-8", "surrogateescape"): row for row in reply_of(http, "top")}
        assert top[ODD]["type"] == "string" and top[ODD]["bytes"] > 5000 and top[b"n.t"]["type"] == "table" and top[b"third:a"]["db"] == 3
        prefixes = reply_of(http, "prefixes")
        assert {row["prefix"]: row["keys"] for row in prefixes["prefixes"]} == {"user:": 50, "list:": 20, "odd:": 1, "": 1}
        assert [row["prefix"] for row in reply_of(http, "prefixes?db=3")["prefixes"]] == ["third:"]
        assert "user:0:" in [row["prefix"] for row in reply_of(http, "prefixes?depth=2")["prefixes"]]
        assert "Findings:" in reply_of(http, "doctor")
        assert ["SET", "slow", "v"] in [row[3] for row in reply_of(http, "slow")]
        assert http.get("/api/prefixes?depth=33", host=HERE)[0] == 400 and http.get("/api/prefixes?db=99", host=HERE)[0] == 503
        http.close()


def test_who_is_answered(start, port):
    server = start("--metrics-port", port, "--requirepass", "secret", "--rename-command", "SLOWLOG", "remember",
                   "--slowlog-log-slower-than", "-1")
    http = Http(port)
    with server.connect() as client:
        client.run("ACL", "SETUSER", "some", "on", ">p", "+memory|history", "+info")
        client.run("ACL", "SETUSER", "all", "on", ">p", *ALL)
        for host, fields, page, figures in (("localhost:1", "", 200, 200), ("[::1]", "", 200, 200), ("evil.example", "", 403, 403),
                                            (HERE, "Sec-Fetch-Site: cross-site\r\n", 200, 403), (HERE, "Sec-Fetch-Site: same-origin\r\n", 200, 200)):
            assert http.get("/", ":secret", host=host, fields=fields)[0] == page
            assert http.get("/api/recent", ":secret", host=host, fields=fields)[0] == figures, (host, fields)
        for path in ("/", "/api/top"):
            status, fields, _ = http.get(path, host=HERE)
            assert status == 401 and "WWW-Authenticate" in fields
            assert http.get(path, "some:wrong", host=HERE)[0] == 401
        allowed = {part: http.get("/api/" + part, "some:p", host=HERE) for part in PARTS}
        assert {part for part, answer in allowed.items() if answer[0] == 200} == {"recent", "history", "server", "shards"}
        assert all(answer[0] == 403 and answer[2].startswith("NOPERM") for part, answer in allowed.items()
                   if part not in ("recent", "history", "server", "shards"))
        for part in PARTS + ("prefixes?db=1",):
            status, _, text = http.get("/api/" + part, "all:p", host=HERE)
            assert status == 200, (part, text)
        assert json.loads(http.get("/api/slow", "all:p", host=HERE)[2]) == [], "it is asked for by its new name"
        status, fields, text = http.get("/", "some:p", host=HERE)
        assert status == 200 and "frame-ancestors 'none'" in fields["Content-Security-Policy"] and "unsafe" not in str(fields)
        assert not re.search(r"(?:src|href)=\"(?!data:|#)", text), "nothing from elsewhere"
        assert "innerHTML" not in text
        assert client.run("ACL", "LOG")[0]
    http.close()


def test_names_of_a_proxy(start, port):
    server = start("--metrics-port", port, "--metrics-hosts", "memory.example", "second.example")
    http = Http(port)
    with server.connect() as client:
        def answers(host, fields=""):
            return [http.get(path, host=host, fields=fields)[0] for path in ("/", "/api/recent")]

        for host in ("memory.example", "Second.Example:8443", HERE):
            assert answers(host) == [200, 200], host
        assert answers("memory.example", "Sec-Fetch-Site: cross-site\r\n") == [200, 403]
        for host in ("evil.example", "memory.example.evil.example", "x.memory.example", "example"):
            assert answers(host) == [403, 403], host
        assert client.run("CONFIG", "SET", "metrics-hosts", "third.example") == b"OK"
        assert answers("third.example") == [200, 200] and answers("memory.example") == [403, 403]
        for wrong in ("*", "memory.example:80", "a,b", "x" * 1024):
            assert client.call("CONFIG", "SET", "metrics-hosts", wrong)[0] == "-", wrong
        assert client.run("CONFIG", "SET", "metrics-hosts", "") == b"OK"
        assert answers("third.example") == [403, 403] and answers(HERE) == [200, 200]
    http.close()


@pytest.fixture
def page():
    if browser.program() is None:
        pytest.skip("no Chromium: tools/setup page")
    shown = browser.Browser()
    yield shown
    shown.close()


def begin(page, port, login):
    page.look(1600, 1000, "light")
    page.open("http://127.0.0.1:%d/" % port, login)
    page.wait("document.querySelectorAll('#slow tbody, #slow-trouble:not([hidden])').length == 1")


@pytest.mark.slow
def test_page_in_a_browser(start, port, page):
    server = start("--metrics-port", port, "--requirepass", "secret", shards=2)
    with server.connect() as client:
        fill(client)
    begin(page, port, ("default", "secret"))
    assert page.value("document.querySelectorAll('#shards tbody tr').length") == 2
    assert page.value("document.querySelector('#top tbody th').textContent") == SHOWN
    assert page.value("document.querySelectorAll('img, iframe, object').length") == 0
    assert "SET slow v" in page.value("document.querySelector('#slow').textContent")
    assert page.value("document.querySelectorAll('#history-chart polygon').length") == 7
    # By keys alone: the button that counts, the tiles, the findings.
    page.value("document.querySelector('#prefixes-depth').focus()")
    page.press("Tab", "Enter")
    page.wait("document.querySelectorAll('#prefixes-map button').length == 4")
    page.press("Tab", "Home")
    assert page.value("document.activeElement.getAttribute('aria-label')").startswith("user:, ")
    page.press("ArrowRight")
    other = page.value("document.activeElement.getAttribute('aria-label')")
    assert not other.startswith("user:, ") and page.value("document.querySelector('#prefixes-tile').textContent") == other
    assert page.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Tab", "Enter")
    assert page.value("document.querySelector('#prefixes-rows').open && document.querySelectorAll('#prefixes tbody tr').length") == 4
    page.press("Tab", "Tab", "Enter")
    page.wait("document.querySelectorAll('#doctor code').length > 0")
    page.value("document.querySelector('#history-chart').focus()")
    page.press("Home")
    assert page.value("document.activeElement.getAttribute('aria-valuenow')") == "0"
    roles = page.roles()
    assert not [role for role, name in roles if role in ("button", "slider", "spinbutton", "combobox", "table", "region") and name == ""]
    assert {"main", "banner", "contentinfo", "slider"} <= {role for role, _ in roles}
    colours = set()
    for width in (400, 1600):
        for scheme in ("light", "dark"):
            page.look(width, 1000, scheme)
            page.wait("innerWidth == %d && matchMedia('(prefers-color-scheme: %s)').matches" % (width, scheme))
            assert page.value("document.documentElement.scrollWidth") == width, "it scrolls to the side"
            colours.add(page.value("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2
    assert [text for text in page.troubles if "401" not in text] == []


@pytest.mark.slow
def test_parts_that_a_user_may_not_see_say_so(start, port, page):
    server = start("--metrics-port", port, "--requirepass", "secret")
    with server.connect() as client:
        client.run("ACL", "SETUSER", "some", "on", ">p", "+memory|history")
    begin(page, port, ("some", "p"))
    for part in ("shards", "top", "slow"):
        assert page.value("document.querySelector('#%s-trouble').textContent" % part).startswith("Not allowed: NOPERM"), part
    assert page.value("document.querySelector('#about').textContent").startswith("Not allowed")
    assert page.value("document.querySelectorAll('#history-classes tbody tr').length") == 7
