/* rate_limits.js - the limiters rate-limiter-flexible and express-rate-limit with rate-limit-redis let exactly so many through. */
"use strict";

const Redis = require("ioredis");
const { createClient } = require("redis");
const express = require("express");
const { rateLimit } = require("express-rate-limit");
const { RedisStore } = require("rate-limit-redis");
const { RateLimiterRedis, BurstyRateLimiter, RateLimiterQueue } = require("rate-limiter-flexible");
const { port, check, checkEqual, until, run } = require("./common.js");

const SERVERS = 4;
const LIMIT = 50;
const REQUESTS = 200;

const clients = [];
const listeners = [];

function open() {
    const client = new Redis({ port });
    clients.push(client);
    return client;
}

/* How many of so many requests, spread over limiters of several processes' kind, are let through. */
async function countAllowed(limiters, key, count) {
    const results = await Promise.allSettled(
        Array.from({ length: count }, (_, number) => limiters[number % limiters.length].consume(key)));
    const refused = results.find((one) => one.status === "rejected");
    check(!refused || refused.reason.msBeforeNext !== undefined, `a refusal, and no error: ${refused && refused.reason}`);
    return results.filter((one) => one.status === "fulfilled").length;
}

async function flexible() {
    const limiters = Array.from({ length: SERVERS },
        () => new RateLimiterRedis({ storeClient: open(), points: LIMIT, duration: 60 }));
    checkEqual(await countAllowed(limiters, "a", REQUESTS), LIMIT, "requests of a that are let through");
    checkEqual(await countAllowed(limiters, "b", LIMIT - 1), LIMIT - 1, "requests of b that are let through");
    checkEqual((await limiters[0].get("b")).remainingPoints, 1, "what is left of b");
    await limiters[1].reward("b", 2);
    checkEqual(await countAllowed(limiters, "b", 10), 3, "requests of b after a reward");
    await limiters[2].delete("a");
    checkEqual(await countAllowed(limiters, "a", REQUESTS), LIMIT, "requests of a after a delete");
    const blocking = new RateLimiterRedis({ storeClient: open(), keyPrefix: "block", points: 5, duration: 1, blockDuration: 60 });
    checkEqual(await countAllowed([blocking], "c", 20), 5, "requests of c that are let through");
    const blocked = await blocking.get("c");
    check(blocked.msBeforeNext > 50000, `c is blocked for 60 s, and not for ${blocked.msBeforeNext} ms`);
}

async function flexibleOverTime() {
    const short = new RateLimiterRedis({ storeClient: open(), keyPrefix: "short", points: 5, duration: 2 });
    checkEqual(await countAllowed([short], "d", 12), 5, "requests of d at first");
    await until("the time is over", async () => (await short.get("d")) === null);
    checkEqual(await countAllowed([short], "d", 12), 5, "requests of d afterwards");
    const bursty = new BurstyRateLimiter(new RateLimiterRedis({ storeClient: open(), keyPrefix: "calm", points: 5, duration: 30 }),
        new RateLimiterRedis({ storeClient: open(), keyPrefix: "burst", points: 10, duration: 30 }));
    checkEqual(await countAllowed([bursty], "e", 40), 15, "requests of e with a burst");
    const queue = new RateLimiterQueue(new RateLimiterRedis({ storeClient: open(), keyPrefix: "queue", points: 4, duration: 1 }));
    const start = Date.now();
    await Promise.all(Array.from({ length: 12 }, () => queue.removeTokens(1)));
    check(Date.now() - start >= 1900, `12 tokens, 4 a second, took ${Date.now() - start} ms`);
}

/* Several web servers share one limit; each answers 429 beyond it. */
async function web() {
    const client = createClient({ socket: { port } });
    clients.push({ quit: () => client.close() });
    await client.connect();
    const senders = [(...words) => client.sendCommand(words), (command, ...words) => redis.call(command, ...words)];
    const redis = open();
    const bases = [];
    for (let number = 0; number < SERVERS; number++) {
        const app = express();
        app.set("trust proxy", 1);
        app.use(rateLimit({ windowMs: 30000, limit: LIMIT, standardHeaders: "draft-8", legacyHeaders: false,
            store: new RedisStore({ sendCommand: senders[number % senders.length] }) }));
        app.get("/", (_, response) => response.send("welcome"));
        const listener = app.listen(0, "127.0.0.1");
        await new Promise((resolve) => listener.once("listening", resolve));
        listeners.push(listener);
        bases.push(`http://127.0.0.1:${listener.address().port}/`);
    }
    const ask = async (number, address) => {
        const response = await fetch(bases[number % SERVERS], { headers: { "X-Forwarded-For": address, Connection: "close" } });
        await response.text();
        return response.status;
    };
    for (const address of ["10.0.0.1", "10.0.0.2"]) {
        const statuses = await Promise.all(Array.from({ length: REQUESTS }, (_, number) => ask(number, address)));
        checkEqual([200, 429].map((status) => statuses.filter((one) => one === status).length), [LIMIT, REQUESTS - LIMIT],
            `answers 200 and 429 to ${address}`);
    }
    await redis.script("FLUSH");
    checkEqual(await ask(0, "10.0.0.3"), 200, "a request after SCRIPT FLUSH");
}

async function closeAll() {
    for (const listener of listeners) {
        listener.closeAllConnections();
        await new Promise((resolve) => listener.close(resolve));
    }
    for (const client of clients) {
        await client.quit();
    }
}

run([flexible, flexibleOverTime, web, closeAll]);
