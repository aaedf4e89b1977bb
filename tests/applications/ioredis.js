/* ioredis.js - the client ioredis: transactions, scripts, messages, streams, automatic pipelines, and what becomes of a client
 * that is cut off. */
"use strict";

const { port, variant, check, checkEqual, checkFails, until, run } = require("./common.js");
const { Redis } = require(variant);

const PIPELINE = 2000;
const CONTENDERS = 8;
const ROUNDS = 25;
const ENTRIES = 300;
const CONSUMERS = 3;

const LIBRARY = `#!lua name=shop
redis.register_function('take', function(keys, args)
    local left = tonumber(redis.call('GET', keys[1])) or 0
    if left < tonumber(args[1]) then return redis.error_reply('SOLD out') end
    return redis.call('DECRBY', keys[1], args[1])
end)`;

const opened = [];

async function open(options = {}) {
    const client = new Redis({ host: "127.0.0.1", port, retryStrategy: () => 20, lazyConnect: true, ...options });
    client.on("error", () => {});
    opened.push(client);
    await client.connect();
    return client;
}

async function blockedClients(client) {
    return Number(/blocked_clients:(\d+)/.exec(await client.info("clients"))[1]);
}

async function handshake() {
    const client = await open({ connectionName: "first", db: 3 });
    check(/ name=first .* db=3 /.test(await client.client("INFO")), "its name and its database");
    await client.set("handshake", "in 3");
    const other = await open();
    checkEqual(await other.get("handshake"), null, "another database");
    await other.select(3);
    checkEqual(await other.get("handshake"), "in 3", "the same database");
    const prefixed = await open({ keyPrefix: "my:" });
    await prefixed.mset({ a: "1", b: "2" });
    checkEqual(await other.select(0) && (await other.mget("my:a", "my:b")), ["1", "2"], "keys with a prefix");
}

async function transactions() {
    const client = await open();
    checkEqual(await client.multi().set("tx:a", "1").incr("tx:a").hgetall("tx:none").exec(),
        [[null, "OK"], [null, 2], [null, {}]], "replies of EXEC");
    const replies = await client.multi().set("tx:text", "x").incr("tx:text").set("tx:after", "1").exec();
    check(replies[0][1] === "OK" && /not an integer/.test(replies[1][0].message) && replies[2][1] === "OK",
        "EXEC with an error in it");
    await checkFails(client.multi().call("NOSUCH").set("tx:never", "1").exec(), /EXECABORT/, "EXEC of an unknown command");
    checkEqual(await client.get("tx:never"), null, "nothing of a refused EXEC is done");
    await client.multi({ pipeline: false });
    await client.set("tx:queued", "1");
    checkEqual(await client.exec(), [[null, "OK"]], "MULTI command by command");

    await client.set("tx:watched", "0");
    let conflicts = 0;
    const contend = async () => {
        const one = await open();
        for (let round = 0; round < ROUNDS;) {
            await one.watch("tx:watched");
            const value = Number(await one.get("tx:watched"));
            if ((await one.multi().set("tx:watched", value + 1).exec()) === null) {
                conflicts++;
            } else {
                round++;
            }
        }
    };
    await Promise.all(Array.from({ length: CONTENDERS }, contend));
    checkEqual(await client.get("tx:watched"), String(CONTENDERS * ROUNDS), "a counter under WATCH");
    check(conflicts > 0, "nobody was ever in the way of another");
}

async function pipelines() {
    const client = await open();
    const pipeline = client.pipeline();
    for (let number = 0; number < PIPELINE; number++) {
        pipeline.set(`pipe:${number}`, number).get(`pipe:${number}`).incr("pipe:counter");
    }
    const replies = await pipeline.exec();
    check(replies.every(([error, reply], index) => error === null &&
        reply === ["OK", String(Math.floor(index / 3)), Math.floor(index / 3) + 1][index % 3]), "replies come in order");
    const bytes = Buffer.from([0, 255, 13, 10]);
    await client.set(bytes, bytes);
    checkEqual(await client.getBuffer(bytes), bytes, "bytes");
    const automatic = await open({ enableAutoPipelining: true });
    const values = await Promise.all(Array.from({ length: PIPELINE }, (_, number) => automatic.get(`pipe:${number}`)));
    check(values.every((value, number) => value === String(number)), "replies of automatic pipelines");
    const found = new Set();
    for await (const keys of client.scanStream({ match: "pipe:*", count: 100 })) {
        keys.forEach((key) => found.add(key));
    }
    checkEqual(found.size, PIPELINE + 1, "keys that SCAN finds");
}

async function scriptsAndFunctions() {
    const client = await open();
    client.defineCommand("swap", {
        numberOfKeys: 2,
        lua: `local a, b = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
              redis.call('MSET', KEYS[1], b, KEYS[2], a)
              return {b, a, ARGV[1]}`,
    });
    await client.mset("script:a", "1", "script:b", "2");
    checkEqual(await client.swap("script:a", "script:b", "x"), ["2", "1", "x"], "a script that the server does not know yet");
    await client.script("FLUSH");
    checkEqual(await client.swap("script:a", "script:b", "y"), ["1", "2", "y"], "a script that was flushed");
    checkEqual(await client.pipeline().swap("script:a", "script:b", "z").get("script:a").exec(),
        [[null, ["2", "1", "z"]], [null, "2"]], "a script in a pipeline");
    checkEqual(await client.multi().swap("script:a", "script:b", "z").get("script:a").exec(),
        [[null, ["1", "2", "z"]], [null, "1"]], "a script in MULTI");
    await checkFails(client.eval("return nosuch.x", 0), /nonexistent global variable/, "an error of a script");
    checkEqual(await client.function("LOAD", "REPLACE", LIBRARY), "shop", "FUNCTION LOAD");
    await client.set("fn:stock", "50");
    const takers = await Promise.all(Array.from({ length: 10 }, () => open()));
    const taken = await Promise.allSettled(
        Array.from({ length: 100 }, (_, number) => takers[number % 10].fcall("take", 1, "fn:stock", 1)));
    checkEqual(taken.filter((one) => one.status === "fulfilled").map((one) => one.value).sort((a, b) => b - a),
        Array.from({ length: 50 }, (_, number) => 49 - number), "what is taken of 50");
    check(taken.filter((one) => one.status === "rejected").every((one) => /SOLD out/.test(one.reason.message)),
        "the others hear that it is sold out");
    await client.function("DELETE", "shop");
}

async function messages() {
    const subscriber = await open();
    const publisher = await open();
    const heard = [];
    subscriber.on("message", (channel, message) => heard.push(`channel ${channel} ${message}`));
    subscriber.on("pmessage", (pattern, channel, message) => heard.push(`pattern ${pattern} ${channel} ${message}`));
    subscriber.on("smessage", (channel, message) => heard.push(`sharded ${channel} ${message}`));
    checkEqual(await subscriber.subscribe("news", "weather"), 2, "subscriptions");
    checkEqual(await subscriber.psubscribe("new*"), 3, "subscriptions with a pattern");
    checkEqual(await subscriber.ssubscribe("shard-news"), 1, "subscriptions of a shard");
    checkEqual(await publisher.publish("news", "one"), 2, "who hears of the news");
    checkEqual(await publisher.spublish("shard-news", "local"), 1, "who hears of a shard's news");
    await until("three messages have come", () => heard.length === 3);
    checkEqual(heard.sort(), ["channel news one", "pattern new* news one", "sharded shard-news local"], "messages");
    await subscriber.unsubscribe("news", "weather");
    await subscriber.punsubscribe("new*");
    await subscriber.sunsubscribe("shard-news");
    checkEqual(await publisher.publish("news", "two"), 0, "who hears of it at the end");
    checkEqual(await subscriber.set("messages:key", "1"), "OK", "commands of one that is no subscriber any more");

    const count = 1000;
    const numbers = [];
    await subscriber.subscribe("order");
    subscriber.on("message", (_, message) => numbers.push(Number(message)));
    const pipeline = publisher.pipeline();
    for (let number = 0; number < count; number++) {
        pipeline.publish("order", number);
    }
    await pipeline.exec();
    await until("all messages have come", () => numbers.length === count);
    check(numbers.every((number, index) => number === index), "messages come in order");
}

async function streams() {
    const client = await open();
    await client.xgroup("CREATE", "stream", "group", "$", "MKSTREAM");
    const seen = new Map();
    const consume = async (number) => {
        const consumer = await open();
        for (;;) {
            const [[, entries]] = await consumer.xreadgroup(
                "GROUP", "group", `consumer-${number}`, "COUNT", 7, "BLOCK", 0, "STREAMS", "stream", ">");
            for (const [id, [field]] of entries) {
                await consumer.xack("stream", "group", id);
                if (field === "end") {
                    return;
                }
                seen.set(id, (seen.get(id) || 0) + 1);
            }
        }
    };
    const consumers = Array.from({ length: CONSUMERS }, (_, number) => consume(number));
    await until("the consumers wait", async () => (await blockedClients(client)) === CONSUMERS);
    for (let start = 0; start < ENTRIES; start += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, number) => client.xadd("stream", "*", "number", start + number)));
    }
    await until("all entries are read and all consumers wait",
        async () => seen.size === ENTRIES && (await blockedClients(client)) === CONSUMERS);
    for (let left = CONSUMERS - 1; left >= 0; left--) {
        await client.xadd("stream", "*", "end", "");
        await until("one consumer more has ended", async () => (await blockedClients(client)) === left);
    }
    await Promise.all(consumers);
    check([...seen.values()].every((times) => times === 1), "each entry goes to one consumer");
    checkEqual((await client.xpending("stream", "group"))[0], 0, "entries that are pending");

    const blocked = (await open()).blpop("list:a", "list:b", 5);
    await until("BLPOP waits", async () => (await blockedClients(client)) === 1);
    await client.rpush("list:b", "element");
    checkEqual(await blocked, ["list:b", "element"], "BLPOP");
    checkEqual(await client.blpop("list:none", 0.01), null, "BLPOP that times out");
}

async function cutOff() {
    const killer = await open();
    const client = await open({ db: 2, connectionName: "victim" });
    const subscriber = await open();
    const heard = [];
    subscriber.on("message", (_, message) => heard.push(message));
    await subscriber.subscribe("cut");
    await client.set("cut:key", "1");
    for (const one of [client, subscriber]) {
        const own = one === client ? /id=(\d+) .*name=victim/ : /id=(\d+) .* sub=1 /;
        const id = async () => (own.exec((await killer.client("LIST")).split("\n").find((line) => own.test(line)) || "") || [])[1];
        const before = await id();
        checkEqual(await killer.client("KILL", "ID", before), 1, "CLIENT KILL");
        await until("the client is there again", async () => ![undefined, before].includes(await id()));
    }
    checkEqual(await client.get("cut:key"), "1", "the database is the same after the end of the connection");
    await until("the subscription is there again", async () => (await killer.publish("cut", "again")) === 1);
    await until("the message comes", () => heard.includes("again"));
    const waiting = client.blpop("cut:none", 0);
    await until("BLPOP waits", async () => (await blockedClients(killer)) === 1);
    const line = (await killer.client("LIST")).split("\n").find((one) => /name=victim/.test(one));
    await killer.client("KILL", "ID", /id=(\d+)/.exec(line)[1]);
    await until("BLPOP waits again", async () => {
        const now = (await killer.client("LIST")).split("\n").find((one) => /name=victim/.test(one) && / cmd=blpop /.test(one));
        return now !== undefined && !now.startsWith(line.split(" ")[0] + " ") && (await blockedClients(killer)) === 1;
    });
    await killer.select(2);
    await killer.rpush("cut:none", "at last");
    checkEqual(await waiting, ["cut:none", "at last"], "BLPOP, sent again");
    const double = client.duplicate();
    opened.push(double);
    checkEqual(await double.get("cut:key"), "1", "a duplicate");
    const monitor = await killer.monitor();
    opened.push(monitor);
    const told = [];
    monitor.on("monitor", (_, words) => told.push(words.join(" ")));
    await client.set("cut:told", "x");
    await until("MONITOR tells of it", () => told.includes("set cut:told x"));
}

async function closeAll() {
    for (const client of opened) {
        client.disconnect();
    }
}

run([handshake, transactions, pipelines, scriptsAndFunctions, messages, streams, cutOff, closeAll]);
