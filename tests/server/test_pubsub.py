"""Publish and subscribe: who gets what, in which order, and what is given back."""

import re
import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import encode, wait_until

SUBSCRIBERS = 8
MESSAGES = int(400 / min(SLOWDOWN, 4))


def message(channel, text):
    return "*", [("$", b"message"), ("$", channel.encode()), ("$", text.encode())]


def subscribe(connection, *names, kind="SUBSCRIBE"):
    connection.send(kind, *names)
    for _ in names:
        reply = connection.read()
        assert reply[1][0] == ("$", kind.lower().encode())


@pytest.mark.threads
def test_all_subscribers_see_one_order(server):
    """Several publishers on two channels: each publisher's order is kept, and what two subscribers share they see in one order."""
    subscribers = [server.connect() for _ in range(SUBSCRIBERS)]
    for number, connection in enumerate(subscribers):
        subscribe(connection, "a", *(["b"] if number % 2 else []))

    def publish(name):
        with server.connect() as connection:
            for number in range(MESSAGES):
                channel = "ab"[number % 2]
                connection.send_raw(encode("SET", "last:" + name, number) + encode("PUBLISH", channel, "%s:%d" % (name, number)))
                assert connection.read() == ("+", b"OK")
                assert connection.read() == (":", SUBSCRIBERS if channel == "a" else SUBSCRIBERS // 2)

    threads = [threading.Thread(target=publish, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = []
    for number, connection in enumerate(subscribers):
        count = 3 * MESSAGES if number % 2 else 3 * MESSAGES // 2
        seen.append([tuple(part[1] for part in connection.read()[1][1:]) for _ in range(count)])
        for name in (b"x", b"y", b"z"):
            numbers = [int(text.split(b":")[1]) for _, text in seen[-1] if text.startswith(name)]
            assert numbers == sorted(numbers) and len(numbers) == count // 3
        connection.close()
    for number, found in enumerate(seen):
        other = seen[1] if number % 2 else [entry for entry in seen[1] if entry[0] == b"a"]
        assert found == other


def test_a_message_is_seen_behind_what_was_written_before_it(server):
    with server.connect() as subscriber, server.connect() as reader, server.connect() as writer:
        subscribe(subscriber, "news")
        for number in range(MESSAGES):
            writer.send_raw(encode("SET", "k%d" % (number % 7), number) + encode("PUBLISH", "news", "k%d" % (number % 7)))
            assert subscriber.read() == message("news", "k%d" % (number % 7))
            assert reader.run("GET", "k%d" % (number % 7)) == b"%d" % number
            assert [writer.read(), writer.read()] == [("+", b"OK"), (":", 1)]


def test_what_was_published_before_the_end_comes_before_it(server):
    with server.connect() as subscriber, server.connect() as publisher:
        for number in range(50):
            subscribe(subscriber, "c")
            assert publisher.run("PUBLISH", "c", number) == 1
            subscriber.send("UNSUBSCRIBE", "c")
            assert publisher.call("PUBLISH", "other", "x") == (":", 0)
            assert subscriber.read() == message("c", "%d" % number)
            assert subscriber.read()[1][0] == ("$", b"unsubscribe")
        assert publisher.run("PUBLISH", "c", "nobody") == 0
        assert subscriber.run("PING") == b"PONG"


def test_patterns_and_shard_channels_are_apart(server):
    with server.connect() as subscriber, server.connect() as publisher:
        subscribe(subscriber, "n*", "*s", kind="PSUBSCRIBE")
        subscribe(subscriber, "news", kind="SSUBSCRIBE")
        subscribe(subscriber, "news")
        assert publisher.run("PUBLISH", "news", "1") == 3
        assert publisher.run("SPUBLISH", "news", "2") == 1
        assert publisher.run("PUBLISH", "none", "3") == 1
        found = [[part[1] for part in subscriber.read()[1]] for _ in range(5)]
        assert found[0] == [b"message", b"news", b"1"]
        assert sorted(found[1:3]) == [[b"pmessage", b"*s", b"news", b"1"], [b"pmessage", b"n*", b"news", b"1"]]
        assert found[3:] == [[b"smessage", b"news", b"2"], [b"pmessage", b"n*", b"none", b"3"]]
        assert publisher.run("PUBSUB", "NUMPAT") == 2
        assert publisher.run("PUBSUB", "CHANNELS") == publisher.run("PUBSUB", "SHARDCHANNELS") == [b"news"]
        assert publisher.run("PUBSUB", "NUMSUB", "news", "none") == [b"news", 1, b"none", 0]
        fields = publisher.info("stats")
        assert [fields[name] for name in ("pubsub_channels", "pubsub_patterns", "pubsubshard_channels")] == ["1", "2", "1"]


def test_a_subscriber_in_resp2_may_do_little_else(server):
    with server.connect() as subscriber:
        subscribe(subscriber, "c")
        assert subscriber.call("GET", "k") == ("-", b"ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                                                    b"RESET are allowed in this context")
        assert subscriber.run("PING") == [b"pong", b""] and subscriber.run("PING", "x") == [b"pong", b"x"]
        assert subscriber.run("RESET") == b"RESET"
        assert subscriber.run("PUBSUB", "CHANNELS") == []
        subscriber.run("HELLO", "3")
        subscribe(subscriber, "c")
        assert subscriber.run("PING") == b"PONG" and subscriber.run("SET", "k", "v") == b"OK"


def test_transactions_publish_when_they_run(server):
    with server.connect() as subscriber, server.connect() as publisher:
        subscribe(subscriber, "c")
        publisher.send_raw(encode("MULTI") + encode("PUBLISH", "c", "1") + encode("SET", "k", "v") + encode("PUBLISH", "c", "2"))
        assert [publisher.read() for _ in range(4)][-1] == ("+", b"QUEUED")
        assert subscriber.run("PING") == [b"pong", b""], "nothing yet"
        assert publisher.call("EXEC") == ("*", [(":", 1), ("+", b"OK"), (":", 1)])
        assert [subscriber.read(), subscriber.read()] == [message("c", "1"), message("c", "2")]


def test_clients_that_vanish_are_no_receivers(server):
    with server.connect() as publisher:
        for _ in range(int(40 / min(SLOWDOWN, 4))):
            connections = [server.connect() for _ in range(5)]
            for connection in connections:
                connection.send("SUBSCRIBE", "c", "d", "e")
                connection.send("PSUBSCRIBE", "*")
            publisher.run("PUBLISH", "c", "x" * 1000)
            for connection in connections:
                connection.close()
        wait_until(lambda: b"connected_clients:1\r\n" in publisher.run("INFO", "clients"), 10 * SLOWDOWN, "their end")
        assert publisher.run("PUBLISH", "c", "x") == 0
        assert publisher.run("PUBSUB", "CHANNELS") == [] and publisher.run("PUBSUB", "NUMPAT") == 0


def test_a_subscriber_that_never_reads_is_closed(start, shards):
    server = start("--client-output-buffer-limit", "pubsub", "1mb", "0", "0", shards=shards)
    with server.connect() as slow, server.connect() as publisher:
        subscribe(slow, "c")
        for _ in range(200):
            publisher.run("PUBLISH", "c", "x" * 100_000)
        wait_until(lambda: publisher.run("PUBSUB", "NUMSUB", "c") == [b"c", 0], 10 * SLOWDOWN, "its end")


def test_client_list_knows_subscribers(server):
    with server.connect() as subscriber, server.connect() as other:
        number = subscriber.run("CLIENT", "ID")
        subscribe(subscriber, "a", "b")
        subscribe(subscriber, "p*", kind="PSUBSCRIBE")
        lines = other.run("CLIENT", "LIST", "TYPE", "PUBSUB").decode().splitlines()
        assert len(lines) == 1 and re.search(r"^id=%d .* flags=P .* sub=2 psub=1 ssub=0 " % number, lines[0]), lines
        assert len(other.run("CLIENT", "LIST", "TYPE", "NORMAL").decode().splitlines()) == 1
        assert other.run("CLIENT", "KILL", "TYPE", "PUBSUB") == 1


def test_subscriptions_are_answered_when_replies_are_off(client):
    client.send_raw(encode("CLIENT", "REPLY", "OFF") + encode("SUBSCRIBE", "c") + encode("PING") + encode("UNSUBSCRIBE") +
                    encode("SUBSCRIBE") + encode("CLIENT", "REPLY", "ON") + encode("CLIENT", "REPLY", "SKIP") + encode("PUNSUBSCRIBE", "p"))
    found = [client.read() for _ in range(4)]
    assert found == [("*", [("$", b"subscribe"), ("$", b"c"), (":", 1)]), ("*", [("$", b"unsubscribe"), ("$", b"c"), (":", 0)]),
                     ("+", b"OK"), ("*", [("$", b"punsubscribe"), ("$", b"p"), (":", 0)])]
    client.send_raw(encode("CLIENT", "REPLY", "OFF") + encode("RESET") + encode("CLIENT", "REPLY", "SKIP") + encode("RESET") + encode("ECHO", "x"))
    assert [client.read(), client.read()] == [("+", b"RESET"), ("$", b"x")]


@pytest.mark.parametrize("end", [("HELLO", "2"), ("RESET",), ("QUIT",)], ids=lambda words: words[0])
def test_a_message_comes_before_the_protocol_changes(client, end):
    """What a connection publishes to itself comes behind its subscription, in the protocol of that time, and before the connection ends."""
    client.run("HELLO", "3")
    client.send_raw(encode("SUBSCRIBE", "c") + encode("PUBLISH", "c", "x") + encode(*end))
    found = [client.read() for _ in range(4)]
    assert found[0] == (">", [("$", b"subscribe"), ("$", b"c"), (":", 1)])
    assert sorted(found[1:3]) == [(":", 1), (">", [("$", b"message"), ("$", b"c"), ("$", b"x")])]
    assert found[3][0] == ("*" if end[0] == "HELLO" else "+")


def test_a_subscription_begins_behind_the_commands_before_it(client):
    """A key that is set on any shard before PSUBSCRIBE in one pipeline is not told of; one behind it is."""
    client.run("CONFIG", "SET", "notify-keyspace-events", "E$")
    client.run("HELLO", "3")
    for number in range(MESSAGES):
        client.send_raw(encode("SET", "before%d" % number, "x") + encode("PSUBSCRIBE", "*") + encode("SET", "behind", "x") + encode("PUNSUBSCRIBE"))
        found = [client.read() for _ in range(5)]
        told = [reply[1][3][1] for reply in found if reply[0] == ">" and reply[1][0][1] == b"pmessage"]
        assert told == [b"behind"]


def test_transactions_do_not_subscribe_to_shard_channels(client):
    client.send_raw(encode("MULTI") + encode("SSUBSCRIBE", "c") + encode("EXEC"))
    assert [client.read() for _ in range(3)][2] == ("*", [("-", b"ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")])
