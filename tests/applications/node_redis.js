/* node_redis.js - the client node-redis in RESP3: transactions, scripts, messages, streams, its cache, and what becomes of a client
 * that is cut off. */
"use strict";

const { port, variant, check, checkEqual, checkFails, until, run } = require("./common.js");
const { createClient, defineScript, WatchError } = require(variant);

const PIPELINE = 2000;
const CONTENDERS = 8;
const ROUNDS = 25;
const ENTRIES = 300;
const CONSUMERS = 3;
/* In RESP3 node-redis 5 does not transform the replies of XREAD. */
const STREAM_OPTIONS = variant === "redis" ? { RESP: 2 } : {};

const LIBRARY = `#!lua name=counting
redis.register_function('add_up', function(keys, args)
    local sum = 0
    for _, key in ipairs(keys) do sum = sum + (tonumber(redis.call('GET', key)) or 0) end
    return sum + (tonumber(args[1]) or 0)
end)
redis.register_function{function_name='look', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}`;

const scripts = {
    setIfHigher: defineScript({
        SCRIPT: `local old = tonumber(redis.call('GET', KEYS[1])) or 0
                 if tonumber(ARGV[1]) > old then redis.call('SET', KEYS[1], ARGV[1]) return old end
                 return redis.error_reply('LOWER than ' .. old)`,
        NUMBER_OF_KEYS: 1,
        parseCommand(parser, key, value) {
            parser.pushKey(key);
            parser.push(value.toString());
        },
        transformReply: (reply) => Number(reply),
    }),
};

const functions = {
    counting: {
        add_up: {
            NUMBER_OF_KEYS: 2,
            parseCommand(parser, first, second, more) {
                parser.pushKeys([first, second]);
                parser.push(more.toString());
            },
            transformReply: (reply) => Number(reply),
        },
    },
};

const opened = [];

async function open(options = {}) {
    const socket = { host: "127.0.0.1", port, reconnectStrategy: 20 };
    const client = createClient({ socket, RESP: 3, scripts, functions, ...options });
    client.errors = [];
    client.on("error", (error) => client.errors.push(error.message));
    opened.push(client);
    return client.connect();
}

async function handshake() {
    const client = await open({ name: "first" });
    const info = await client.clientInfo();
    checkEqual([info.name, info.resp], ["first", 3], "what CLIENT INFO says of it");
    check([undefined, "node-redis"].includes(info.libName), `the name of its library, if the server keeps it: ${info.libName}`);
    checkEqual((await client.hello()).proto, 3, "the protocol");
    await checkFails(client.sendCommand(["CLIENT", "MAINT_NOTIFICATIONS", "ON"]), /unknown subcommand/i, "CLIENT MAINT_NOTIFICATIONS");
    const old = await open({ RESP: 2 });
    checkEqual((await old.clientInfo()).resp, 2, "the protocol of another");
    checkEqual(await old.ping(), "PONG", "PING");
}

async function types() {
    const client = await open();
    await client.hSet("types:hash", { name: "Ada", born: 1815 });
    checkEqual({ ...(await client.hGetAll("types:hash")) }, { name: "Ada", born: "1815" }, "a hash");
    await client.zAdd("types:scores", [{ score: 1.5, value: "a" }, { score: Infinity, value: "b" }]);
    checkEqual(await client.zRangeWithScores("types:scores", 0, -1),
        [{ value: "a", score: 1.5 }, { value: "b", score: Infinity }], "scores");
    checkEqual(await client.zScore("types:scores", "nobody"), null, "no score");
    await client.sAdd("types:set", ["x", "y"]);
    checkEqual((await client.sMembers("types:set")).sort(), ["x", "y"], "a set");
    await client.set("types:bytes", Buffer.from([0, 255, 13, 10]));
    const bytes = await client.withTypeMapping({ 36: Buffer }).get("types:bytes");
    checkEqual(bytes, Buffer.from([0, 255, 13, 10]), "bytes");
    checkEqual(await client.set("types:new", "1", { NX: true, GET: false, EX: 100 }), "OK", "SET with options");
    check((await client.ttl("types:new")) > 90, "time to live");
    await client.mSet(Object.fromEntries(Array.from({ length: 500 }, (_, number) => [`types:scan:${number}`, "1"])));
    const found = new Set();
    for await (const keys of client.scanIterator({ MATCH: "types:scan:*", COUNT: 50 })) {
        keys.forEach((key) => found.add(key));
    }
    checkEqual(found.size, 500, "keys that SCAN finds");
}

async function transactions() {
    const client = await open();
    checkEqual(await client.multi().set("tx:a", "1").incr("tx:a").get("tx:a").mGet(["tx:a", "tx:none"]).exec(),
        ["OK", 2, "2", ["2", null]], "replies of EXEC");
    await checkFails(client.multi().set("tx:text", "x").incr("tx:text").set("tx:after", "1").exec(), /./, "EXEC with an error in it");
    checkEqual(await client.get("tx:after"), "1", "what stands behind an error in EXEC is done");
    await checkFails(client.multi().addCommand(["NOSUCH"]).set("tx:never", "1").exec(), /EXECABORT|unknown command/,
        "EXEC of an unknown command");
    checkEqual(await client.get("tx:never"), null, "nothing of a refused EXEC is done");

    await client.set("tx:watched", "0");
    let conflicts = 0;
    const contend = async () => {
        const one = await open();
        for (let round = 0; round < ROUNDS;) {
            await one.watch("tx:watched");
            const value = Number(await one.get("tx:watched"));
            try {
                await one.multi().set("tx:watched", value + 1).rPush("tx:seen", String(value)).exec();
                round++;
            } catch (error) {
                check(error instanceof WatchError, `a conflict is a WatchError, not ${error.message}`);
                conflicts++;
            }
        }
    };
    await Promise.all(Array.from({ length: CONTENDERS }, contend));
    checkEqual(await client.get("tx:watched"), String(CONTENDERS * ROUNDS), "a counter under WATCH");
    checkEqual(await client.lRange("tx:seen", 0, -1),
        Array.from({ length: CONTENDERS * ROUNDS }, (_, number) => String(number)), "what each saw");
    check(conflicts > 0, "nobody was ever in the way of another");
}

async function pipelines() {
    const client = await open();
    const numbers = Array.from({ length: PIPELINE }, (_, number) => number);
    await Promise.all(numbers.map((number) => client.set(`pipe:${number}`, String(number))));
    const replies = await Promise.all(
        numbers.map((number) => (number % 2 ? client.get(`pipe:${number}`) : client.incr(`pipe:${number}`))));
    check(replies.every((reply, number) => (number % 2 ? reply === String(number) : reply === number + 1)), "replies come in order");
    const counted = await Promise.all(numbers.map(() => client.incr("pipe:counter")));
    check(counted.every((reply, number) => reply === number + 1), "one key is counted up in order");
}

async function scriptsAndFunctions() {
    const client = await open();
    checkEqual(await client.setIfHigher("script:top", 5), 0, "a script that the server does not know yet");
    await client.scriptFlush();
    checkEqual(await client.setIfHigher("script:top", 9), 5, "a script that was flushed");
    await checkFails(client.setIfHigher("script:top", 7), /LOWER than 9/, "an error of a script");
    checkEqual(await client.multi().setIfHigher("script:top", 10).get("script:top").exec(), [9, "10"], "a script in MULTI");
    checkEqual(await client.functionLoad(LIBRARY, { REPLACE: true }), "counting", "FUNCTION LOAD");
    await client.mSet({ "fn:{a}": "30", "fn:b": "12" });
    checkEqual(await client.counting.add_up("fn:{a}", "fn:b", 100), 142, "a function over two keys");
    checkEqual(await client.fCallRo("look", { keys: ["fn:b"] }), "12", "FCALL_RO");
    checkEqual((await client.functionList({ LIBRARYNAME: "counting" })).map((one) => one.functions.length), [2], "FUNCTION LIST");
    await client.functionDelete("counting");
    await checkFails(client.fCall("look", { keys: ["fn:b"] }), /Function not found/, "a function that is gone");
}

async function messages() {
    const subscriber = await open();
    const publisher = await open();
    const heard = [];
    const listen = (kind) => (message, channel) => heard.push([kind, channel, message]);
    await subscriber.subscribe(["news", "weather"], listen("channel"));
    await subscriber.pSubscribe("new*", listen("pattern"));
    await subscriber.sSubscribe("shard-news", listen("sharded"));
    checkEqual(await publisher.publish("news", "one"), 2, "who hears of the news");
    checkEqual(await publisher.publish("weather", "rain"), 1, "who hears of the weather");
    checkEqual(await publisher.publish("nobody", "x"), 0, "who hears of nothing");
    checkEqual(await publisher.sPublish("shard-news", "local"), 1, "who hears of a shard's news");
    await until("four messages have come", () => heard.length === 4);
    checkEqual(heard.map((one) => one.join(" ")).sort(),
        ["channel news one", "channel weather rain", "pattern news one", "sharded shard-news local"], "messages");
    checkEqual({ ...(await publisher.pubSubNumSub(["news", "weather"])) }, { news: 1, weather: 1 }, "PUBSUB NUMSUB");
    checkEqual(await publisher.pubSubShardChannels(), ["shard-news"], "PUBSUB SHARDCHANNELS");
    checkEqual(await subscriber.get("messages:none"), null, "commands of a subscriber in RESP3");
    await subscriber.unsubscribe("news");
    checkEqual(await publisher.publish("news", "two"), 1, "who hears of it afterwards");
    await subscriber.unsubscribe("weather");
    await subscriber.pUnsubscribe("new*");
    await subscriber.sUnsubscribe("shard-news");
    checkEqual(await publisher.publish("news", "three"), 0, "who hears of it at the end");

    const count = 1000;
    const numbers = [];
    await subscriber.subscribe("order", (message) => numbers.push(Number(message)));
    await Promise.all(Array.from({ length: count }, (_, number) => publisher.publish("order", String(number))));
    await until("all messages have come", () => numbers.length === count);
    check(numbers.every((number, index) => number === index), "messages come in order");
}

async function countBlocked(client) {
    return (await client.clientList()).filter((one) => one.flags.includes("b")).length;
}

async function streams() {
    const client = await open(STREAM_OPTIONS);
    await client.xGroupCreate("stream", "group", "$", { MKSTREAM: true });
    const seen = new Map();
    const consume = async (number) => {
        const consumer = await open(STREAM_OPTIONS);
        for (;;) {
            const reply = await consumer.xReadGroup(
                "group", `consumer-${number}`, { key: "stream", id: ">" }, { COUNT: 7, BLOCK: 0 });
            for (const { id, message } of reply.flatMap((one) => one.messages)) {
                if (message.word === "end") {
                    await consumer.xAck("stream", "group", id);
                    return;
                }
                seen.set(id, (seen.get(id) || 0) + 1);
                await consumer.xAck("stream", "group", id);
            }
        }
    };
    const consumers = Array.from({ length: CONSUMERS }, (_, number) => consume(number));
    await until("the consumers wait", async () => (await countBlocked(client)) === CONSUMERS);
    for (let start = 0; start < ENTRIES; start += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, number) => client.xAdd("stream", "*", { number: String(start + number) })));
    }
    await until("all entries are read", () => seen.size === ENTRIES);
    for (const one of consumers.keys()) {
        await client.xAdd("stream", "*", { word: "end" });
        await until("one consumer more has ended",
            async () => (await client.xInfoGroups("stream"))[0]["entries-read"] === ENTRIES + one + 1);
    }
    await Promise.all(consumers);
    check([...seen.values()].every((times) => times === 1), "each entry goes to one consumer");
    checkEqual((await client.xPending("stream", "group")).pending, 0, "entries that are pending");

    await client.xAdd("stream", "*", { word: "lost" });
    await client.xReadGroup("group", "dead", { key: "stream", id: ">" });
    const claimed = await client.xAutoClaim("stream", "group", "heir", 0, "0");
    checkEqual(claimed.messages.map((one) => one.message.word), ["lost"], "what an heir claims");
    const waiting = (await open(STREAM_OPTIONS)).xRead({ key: "stream", id: "$" }, { BLOCK: 5000 });
    await until("a reader waits", async () => (await countBlocked(client)) === 1);
    await client.xAdd("stream", "*", { word: "new" });
    check(JSON.stringify(await waiting).includes("new"), "XREAD $ gives what is new");
    const blocked = (await open()).blPop(["list:a", "list:b"], 5);
    await until("BLPOP waits", async () => (await countBlocked(client)) === 1);
    await client.rPush("list:b", "element");
    checkEqual({ ...(await blocked) }, { key: "list:b", element: "element" }, "BLPOP");
    checkEqual(await client.blPop("list:none", 0.01), null, "BLPOP that times out");
}

async function cache() {
    const writer = await open();
    const reader = await open({ clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: "LRU" } });
    await writer.set("cache:key", "old");
    await writer.hSet("cache:hash", "f", "1");
    for (let time = 0; time < 10; time++) {
        checkEqual(await reader.get("cache:key"), "old", "a value that is cached");
        checkEqual({ ...(await reader.hGetAll("cache:hash")) }, { f: "1" }, "a hash that is cached");
    }
    const statistics = (await writer.clientList()).find((one) => one.flags.includes("t"));
    check(statistics !== undefined, "a client with a cache has the flag t");
    const gets = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await writer.info("commandstats"))[1]);
    const before = await gets();
    for (let time = 0; time < 100; time++) {
        await reader.get("cache:key");
    }
    checkEqual(await gets(), before, "commands of reads from the cache");
    await writer.multi().set("cache:key", "new").hSet("cache:hash", "f", "2").exec();
    await until("the cache gives the new value", async () => (await reader.get("cache:key")) === "new");
    await until("the cache gives the new hash", async () => (await reader.hGetAll("cache:hash")).f === "2");
    await writer.flushAll();
    await until("the cache is empty after FLUSHALL", async () => (await reader.get("cache:key")) === null);
}

async function cutOff() {
    const killer = await open();
    const client = await open();
    const subscriber = await open();
    const heard = [];
    await subscriber.subscribe("cut", (message) => heard.push(message));
    await subscriber.pSubscribe("cu?", (message) => heard.push(message));
    for (const one of [client, subscriber]) {
        const id = await one.clientId();
        checkEqual(await killer.clientKill({ filter: "ID", id }), 1, "CLIENT KILL");
        // What is under way at the end of a connection fails; that may be the question itself.
        await until("the client is there again", async () => one.isReady && (await one.clientId().catch(() => id)) !== id);
    }
    checkEqual(await client.set("cut:key", "1"), "OK", "a command after the end of the connection");
    await until("the subscriptions are there again", async () => (await killer.publish("cut", "again")) === 2);
    await until("the messages come", () => heard.length >= 2);
    const double = client.duplicate();
    double.on("error", () => {});
    await double.connect();
    checkEqual(await double.get("cut:key"), "1", "a duplicate");
    const waiting = double.blPop("cut:none", 0);
    waiting.catch(() => {});
    await until("BLPOP waits", async () => (await countBlocked(killer)) === 1);
    double.destroy();
    await checkFails(waiting, /./, "a command of a client that is destroyed");
    await until("the server has forgotten it", async () => (await countBlocked(killer)) === 0);
}

async function closeAll() {
    for (const client of opened) {
        await client.close();
    }
}

run([handshake, types, transactions, pipelines, scriptsAndFunctions, messages, streams, cache, cutOff, closeAll]);
