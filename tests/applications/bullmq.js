/* bullmq.js - BullMQ's queues, workers, schedulers and flows, over ioredis or node-redis (the variant). */
"use strict";

const { Queue, Worker, QueueEvents, FlowProducer, UnrecoverableError } = require("bullmq");
const { port, variant, check, checkEqual, checkFails, until, run } = require("./common.js");

const JOBS = 2000;
const WORKERS = 3;
const CONCURRENCY = 20;
const RATE_MAX = 5;
const RATE_MS = 300;

const opened = [];

/* BullMQ makes ioredis clients itself from options; of node-redis it takes a client. */
function connection() {
    if (variant === "ioredis") {
        return { host: "127.0.0.1", port, maxRetriesPerRequest: null };
    }
    const client = require("redis").createClient({ socket: { host: "127.0.0.1", port } });
    client.on("error", (error) => console.error("node-redis:", error.message));
    opened.push({ close: () => client.isOpen && client.close() });
    return client;
}

function open(Class, ...words) {
    const options = typeof words[words.length - 1] === "object" ? words.pop() : {};
    const thing = new Class(...words, { connection: connection(), ...options });
    thing.on("error", (error) => console.error(`${Class.name}: ${error.message}`));
    opened.push(thing);
    return thing;
}

async function openReady(Class, ...words) {
    const thing = open(Class, ...words);
    await thing.waitUntilReady();
    return thing;
}

async function manyJobsOnce() {
    const queue = open(Queue, "many");
    const events = await openReady(QueueEvents, "many");
    const completed = new Map();
    events.on("completed", ({ jobId, returnvalue }) => completed.set(jobId, returnvalue));
    const done = new Map();
    const seen = new Set();
    for (let number = 0; number < WORKERS; number++) {
        const worker = open(Worker, "many", async (job) => {
            done.set(job.data.number, (done.get(job.data.number) || 0) + 1);
            if (job.data.number % 100 === 0) {
                await job.updateProgress(50);
                await job.log("half of it");
            }
            return job.data.number * 2;
        }, { concurrency: CONCURRENCY });
        worker.on("completed", () => seen.add(number));
    }
    const numbers = Array.from({ length: JOBS }, (_, number) => number);
    for (let start = 0; start < JOBS; start += 500) {
        await queue.addBulk(numbers.slice(start, start + 500).map((number) => ({ name: "double", data: { number } })));
    }
    await until("all jobs are completed", async () => (await queue.getCompletedCount()) === JOBS, 40);
    checkEqual(done.size, JOBS, "jobs that were run");
    check([...done.values()].every((times) => times === 1), "each job is run exactly once");
    checkEqual(seen.size, WORKERS, "workers that had jobs");
    await until("QueueEvents tells of all jobs", () => completed.size === JOBS);
    checkEqual(await queue.getJobCounts("wait", "active", "delayed", "failed", "completed"),
        { wait: 0, active: 0, delayed: 0, failed: 0, completed: JOBS }, "counts at the end");
    const jobs = await queue.getCompleted(0, JOBS);
    check(jobs.every((job) => job.returnvalue === job.data.number * 2), "each result is that of its job");
    checkEqual((await queue.getJobLogs(jobs.find((job) => job.data.number === 0).id)).logs, ["half of it"], "the log of a job");
}

async function delayedInOrder() {
    const queue = open(Queue, "delayed");
    const ran = [];
    open(Worker, "delayed", async (job) => ran.push({ number: job.data.number, after: Date.now() - job.timestamp }));
    await queue.addBulk([4, 2, 5, 1, 3].map((number) => ({ name: "later", data: { number }, opts: { delay: number * 150 } })));
    await until("delayed jobs have run", () => ran.length === 5);
    checkEqual(ran.map((one) => one.number), [1, 2, 3, 4, 5], "order of delayed jobs");
    check(ran.every((one) => one.after >= one.number * 150 - 1), "no delayed job runs before its time");
    const far = await queue.add("far", {}, { delay: 3600 * 1000 });
    checkEqual(await far.getState(), "delayed", "state of a delayed job");
    await far.promote();
    await until("a promoted job runs at once", () => ran.length === 6);
}

async function retriesAndFailures() {
    const queue = open(Queue, "retries");
    const events = await openReady(QueueEvents, "retries");
    const tries = {};
    open(Worker, "retries", async (job) => {
        tries[job.name] = (tries[job.name] || 0) + 1;
        if (job.name === "never") {
            throw new UnrecoverableError("out of paper");
        }
        if (tries[job.name] < 3 || job.name === "always") {
            throw new Error(`try ${tries[job.name]} failed`);
        }
        return "third time lucky";
    }, { concurrency: 3 });
    const options = { attempts: 3, backoff: { type: "exponential", delay: 20 } };
    const [lucky, always, never] = await queue.addBulk(
        ["lucky", "always", "never"].map((name) => ({ name, data: {}, opts: options })));
    checkEqual(await lucky.waitUntilFinished(events), "third time lucky", "result after two failures");
    await checkFails(always.waitUntilFinished(events), /try 3 failed/, "a job that fails always");
    await checkFails(never.waitUntilFinished(events), /out of paper/, "a job that must not be tried again");
    checkEqual(tries, { lucky: 3, always: 3, never: 1 }, "tries of each job");
    checkEqual((await queue.getFailed()).map((job) => job.name).sort(), ["always", "never"], "failed jobs");
    const failed = await queue.getJob(always.id);
    checkEqual([failed.attemptsMade, failed.failedReason, failed.stacktrace.length], [3, "try 3 failed", 3], "what a failed job says");
    await failed.retry();
    await until("a failed job that is tried again fails again", async () => tries.always === 4 && (await failed.isFailed()));
}

async function schedulers() {
    const queue = open(Queue, "scheduled");
    const ran = [];
    open(Worker, "scheduled", async (job) => ran.push(job.data.word));
    await queue.upsertJobScheduler("tick", { every: 100, limit: 5 }, { name: "tick", data: { word: "tick" } });
    await queue.upsertJobScheduler("yearly", { pattern: "0 0 1 1 *" }, { name: "yearly", data: { word: "never" } });
    checkEqual((await queue.getJobSchedulers()).map((one) => one.key).sort(), ["tick", "yearly"], "schedulers");
    await until("a scheduler with a limit has run its jobs", async () => ran.length === 5 && (await queue.getDelayedCount()) === 1);
    checkEqual(await queue.removeJobScheduler("yearly"), true, "removal of a scheduler");
    checkEqual(await queue.removeJobScheduler("yearly"), false, "removal of a scheduler that is gone");
    checkEqual(await queue.getDelayedCount(), 0, "delayed jobs of a removed scheduler");
    checkEqual(ran, Array(5).fill("tick"), "jobs of schedulers");
}

async function flows() {
    const flow = open(FlowProducer, {});
    const events = await openReady(QueueEvents, "parents");
    const order = [];
    open(Worker, "children", async (job) => {
        order.push(job.name);
        const below = Object.values(await job.getChildrenValues());
        return below.reduce((sum, one) => sum + one, job.data.value);
    }, { concurrency: 4 });
    open(Worker, "parents", async (job) => {
        order.push(job.name);
        return Object.values(await job.getChildrenValues()).reduce((sum, one) => sum + one, 0);
    });
    const leaf = (name, value) => ({ name, queueName: "children", data: { value } });
    const trees = Array.from({ length: 20 }, (_, tree) => ({
        name: `parent-${tree}`, queueName: "parents", data: {},
        children: [leaf("a", 1), leaf("b", 10), { ...leaf("c", 100), children: [leaf("d", 1000), leaf("e", tree)] }],
    }));
    const made = await flow.addBulk(trees);
    for (const [tree, node] of made.entries()) {
        checkEqual(await node.job.waitUntilFinished(events), 1111 + tree, "sum over a flow");
    }
    checkEqual(order.length, 20 * 6, "jobs of all flows");
    const fetched = await flow.getFlow({ id: made[0].job.id, queueName: "parents" });
    checkEqual(fetched.children.map((child) => child.job.name).sort(), ["a", "b", "c"], "children of a flow");

    const failing = await flow.add({ name: "parent", queueName: "parents", data: {},
        children: [{ name: "bad", queueName: "bad", data: {}, opts: { failParentOnFailure: true } }] });
    open(Worker, "bad", async () => { throw new Error("a child failed"); });
    await checkFails(failing.job.waitUntilFinished(events), /failed/, "a parent whose child fails");
}

async function rateLimit() {
    const queue = open(Queue, "limited");
    const times = [];
    await queue.addBulk(Array.from({ length: RATE_MAX * 4 }, () => ({ name: "job", data: {} })));
    const start = Date.now();
    open(Worker, "limited", async () => times.push(Date.now() - start),
        { concurrency: 10, limiter: { max: RATE_MAX, duration: RATE_MS } });
    await until("limited jobs have run", () => times.length === RATE_MAX * 4);
    // However late a job is run, it cannot have been given out before its turn.
    const early = times.findIndex((time, index) => time < Math.floor(index / RATE_MAX) * RATE_MS - 5);
    check(early === -1, `jobs, ${RATE_MAX} each ${RATE_MS} ms, ran after ${times} ms`);
}

async function pauseAndPriorities() {
    const queue = open(Queue, "paused");
    const ran = [];
    await queue.pause();
    open(Worker, "paused", async (job) => ran.push(job.data.priority));
    for (const priority of [3, 1, 2, 1, 3]) {
        await queue.add("job", { priority }, { priority });
    }
    checkEqual([await queue.isPaused(), ran.length], [true, 0], "a paused queue");
    await queue.resume();
    await until("jobs run after the pause", () => ran.length === 5);
    checkEqual(ran, [1, 1, 2, 3, 3], "order of priorities");
    const first = await queue.add("once", {}, { delay: 3600 * 1000, deduplication: { id: "same" } });
    const second = await queue.add("once", {}, { delay: 3600 * 1000, deduplication: { id: "same" } });
    checkEqual(second.id, first.id, "a job that is there already");
}

async function stalledJobs() {
    const queue = open(Queue, "stalled");
    const dead = open(Worker, "stalled", () => new Promise(() => {}),
        { lockDuration: 200, skipLockRenewal: true, skipStalledCheck: true });
    const job = await queue.add("job", {});
    await until("a worker has the job", () => job.isActive());
    await dead.close(true);
    const events = await openReady(QueueEvents, "stalled");
    open(Worker, "stalled", async () => "by another", { stalledInterval: 100, maxStalledCount: 1 });
    checkEqual(await job.waitUntilFinished(events), "by another", "a job whose worker died");
}

async function removal() {
    const queue = open(Queue, "removed");
    const jobs = await queue.addBulk(
        Array.from({ length: 30 }, (_, number) => ({ name: "job", data: { number }, opts: { jobId: `j${number}` } })));
    await jobs[7].remove();
    checkEqual([await queue.getJob("j7"), await queue.getWaitingCount()], [undefined, 29], "a removed job");
    checkEqual((await queue.clean(0, 10, "wait")).length, 10, "cleaned jobs");
    await queue.drain();
    checkEqual(await queue.count(), 0, "jobs of a drained queue");
    for (const name of ["many", "delayed", "retries", "scheduled", "children", "parents", "bad", "limited", "paused", "stalled",
        "removed"]) {
        const other = open(Queue, name);
        await other.obliterate({ force: true });
        checkEqual(await other.getJobCountByTypes("wait", "active", "delayed", "failed", "completed"), 0, `jobs left in ${name}`);
    }
}

async function closeAll() {
    for (const thing of opened.reverse()) {
        await thing.close();
    }
    const Redis = require("ioredis");
    const client = new Redis({ port });
    /* A worker that was open a moment ago may have marked that it looks for stalled jobs: that key expires. */
    await until("obliterated queues leave no key", async () => (await client.keys("bull:*")).every((key) => key.endsWith(":meta")));
    await client.quit();
}

run([manyJobsOnce, delayedInOrder, retriesAndFailures, schedulers, flows, rateLimit, pauseAndPriorities, stalledJobs, removal,
    closeAll]);
