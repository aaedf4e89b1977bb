#!/usr/bin/python3
"""Pictures of the memory explorer for docs/: a shop's data on two shards, the whole page, in both widths and both schemes.

    tests/server/explorer_pictures.py docs/pictures       explorer-{light,dark}-{400,1600}.png; a minute

The data come bit by bit while the server takes its samples, so that there is a history to see. Keys and bytes are the same at each run; times,
ports and what is resident are not.
"""

import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import browser, png  # noqa: E402
from harness.process import Server, free_port  # noqa: E402

WIDTHS, SCHEMES = (400, 1600), ("light", "dark")
ROUNDS, ROUND_SECONDS = 20, 1.0
PREFIXES = (("session:%d:token", 24, 900), ("user:%d:profile", 120, 700), ("user:%d:settings", 40, 500), ("cart:%d:items", 60, 300),
            ("product:%d:page", 900, 260), ("product:%d:price", 8, 600), ("rate:%d", 4, 400), ("lock:%d", 16, 60), ("job:%d:result", 300, 150),
            ("geo:%d", 30, 90), ("flag:%d", 2, 40))
MAIL = "to=c%d@example.com template=shipped language=en " + "attempts=0 queue=transactional priority=normal " * 4


def make_tables(client):
    client.run("TABLE.NAMESPACE.CREATE", "shop")
    client.run("TABLE.SCHEMA.CREATE", "shop.orders", "customer:integer:hash", "state:string:hash", "total:decimal(10,2)", "placed:date:btree")
    client.run("TABLE.SCHEMA.CREATE", "shop.customers", "email:string:unique", "name:string", "joined:date")


def add_round(client, chance, number):
    """What comes in a second: strings of each prefix, parts of some large collections, rows."""
    for name, size, count in PREFIXES:
        first = number * count
        client.pipeline(("SET", name % key, "v" * chance.randint(size // 2, size * 2)) for key in range(first, first + count))
    client.pipeline(("HSET", "index:titles", "word:%d" % chance.randrange(40000), "x" * 40) for _ in range(800))
    client.pipeline(("ZADD", "ranking:day", chance.random(), "product:%d" % chance.randrange(20000)) for _ in range(800))
    client.pipeline(("RPUSH", "queue:mail", MAIL % chance.randrange(10000)) for _ in range(500))
    client.pipeline(("XADD", "events:orders", "*", "order", str(key), "state", "paid") for key in range(400))
    client.pipeline(("SADD", "online", "user:%d" % chance.randrange(30000)) for _ in range(500))
    client.pipeline(("TABLE.INSERT", "shop.orders", "customer=%d" % chance.randrange(5000), "state=" + chance.choice(["paid", "sent", "open"]),
                     "total=%d.%02d" % (chance.randrange(500), chance.randrange(100)),
                     "placed=2026-0%d-1%d" % (chance.randint(1, 9), chance.randint(0, 9)))
                    for _ in range(600))
    client.pipeline(("TABLE.INSERT", "shop.customers", "email=c%d.%d@example.com" % (number, key), "name=Customer %d" % key, "joined=2025-11-02")
                    for key in range(200))
    if number == ROUNDS * 2 // 3:
        client.run("DEL", "queue:mail")


def fill(client):
    chance = random.Random(7)
    make_tables(client)
    client.run("CONFIG", "SET", "slowlog-log-slower-than", "2000")
    for number in range(ROUNDS):
        began = time.monotonic()
        add_round(client, chance, number)
        time.sleep(max(0, ROUND_SECONDS - (time.monotonic() - began)))
    client.run("SORT", "online", "ALPHA", "LIMIT", "0", "3")
    client.run("EVAL", "local n = 0 for i = 1, 200000 do n = n + #redis.sha1hex(i % 7) end return n", "0")
    client.run("CONFIG", "SET", "slowlog-log-slower-than", "-1")


def show(page, port):
    """The page with all its parts asked for."""
    page.look(1600, 1000, "light")
    page.open("http://127.0.0.1:%d/" % port)
    page.wait("document.querySelectorAll('#slow tbody tr').length > 0")
    for part, done in (("prefixes", "#prefixes-map button"), ("doctor", "#doctor li")):
        page.value("document.querySelector('[data-asks=%s]').click()" % part)
        page.wait("document.querySelectorAll('%s').length > 0" % done)
    page.value("document.querySelector('#pause').click()")


def take(page, folder):
    """Writes the pictures; gives their paths."""
    paths = []
    for width in WIDTHS:
        for scheme in SCHEMES:
            page.look(width, 1000, scheme)
            page.wait("innerWidth == %d && matchMedia('(prefers-color-scheme: %s)').matches" % (width, scheme))
            page.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
            paths.append(os.path.join(folder, "explorer-%s-%d.png" % (scheme, width)))
            page.picture(paths[-1])
            png.shrink(paths[-1])
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    folder = parser.parse_args().folder
    os.makedirs(folder, exist_ok=True)
    port = free_port()
    server = Server(shards=2, options=("--metrics-port", port))
    page = browser.Browser()
    try:
        with server.connect() as client:
            fill(client)
        show(page, port)
        for path in take(page, folder):
            print("%s: %d bytes" % (path, os.path.getsize(path)))
    finally:
        page.close()
        server.stop()


if __name__ == "__main__":
    main()
