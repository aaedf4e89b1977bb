/* redlock.js - several contenders for one lock of redlock: never two holders, a lock that ends by itself, one that is extended. */
"use strict";

const Redis = require("ioredis");
const Redlock = require("redlock");
const { port, check, checkEqual, checkFails, run } = require("./common.js");

const CONTENDERS = 8;
const ROUNDS = 15;
const LOCK_MS = 5000;

const clients = [];

function open(options = {}) {
    const client = new Redis({ port });
    clients.push(client);
    return new Redlock([client], { retryCount: -1, retryDelay: 10, retryJitter: 10, ...options });
}

/* Each reads, waits, and writes what it has read plus one: with two holders at a time an addition would be lost. */
async function neverTwoHolders() {
    const data = new Redis({ port });
    clients.push(data);
    let holders = 0;
    const contend = async (number) => {
        const redlock = open();
        for (let round = 0; round < ROUNDS; round++) {
            const lock = await redlock.lock("lock:account", LOCK_MS);
            holders++;
            check(holders === 1, `${holders} holders at once`);
            const value = Number(await data.get("account"));
            await new Promise((resolve) => setTimeout(resolve, number % 3));
            await data.set("account", value + 1);
            holders--;
            await lock.unlock();
        }
    };
    await Promise.all(Array.from({ length: CONTENDERS }, (_, number) => contend(number)));
    checkEqual(await data.get("account"), String(CONTENDERS * ROUNDS), "additions under the lock");
    checkEqual(await data.exists("lock:account"), 0, "the lock is gone at the end");
}

async function severalResources() {
    const redlock = open();
    const impatient = open({ retryCount: 0 });
    const lock = await redlock.lock(["lock:a", "lock:b", "lock:c"], LOCK_MS);
    await checkFails(impatient.lock(["lock:c", "lock:d"], LOCK_MS), /exceeded|unable|failed/i, "a lock of which a part is held");
    const other = await impatient.lock("lock:d", LOCK_MS);
    await other.unlock();
    await lock.unlock();
    await (await impatient.lock(["lock:c", "lock:d"], LOCK_MS)).unlock();
}

async function endsAndExtensions() {
    const patient = open();
    const impatient = open({ retryCount: 0 });
    const start = Date.now();
    const lost = await patient.lock("lock:short", 200);
    const next = await patient.lock("lock:short", LOCK_MS);
    check(Date.now() - start >= 195, `a lock of 200 ms had another holder after ${Date.now() - start} ms`);
    await checkFails(lost.unlock(), /./, "an end of a lock that another one has");
    await checkFails(impatient.lock("lock:short", LOCK_MS), /./, "the next holder keeps it");
    await next.unlock();
    const extended = await (await patient.lock("lock:long", 1000)).extend(60000);
    check((await clients[0].pttl("lock:long")) > 50000, "an extended lock lasts longer");
    await extended.unlock();
}

async function closeAll() {
    for (const client of clients) {
        await client.quit();
    }
}

run([neverTwoHolders, severalResources, endsAndExtensions, closeAll]);
