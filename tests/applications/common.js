/* common.js - what the scripts share: where the server is, claims with a sentence, waiting for a state, and a bounded run.
 *
 *   node SCRIPT PORT [VARIANT]     ends with status 0, or with 1 and a sentence that says what was wrong
 *
 * tests/applications/run.py starts them; NODE_PATH says where the packages are. */
"use strict";

const { isDeepStrictEqual, inspect } = require("node:util");

const SCRIPT_SECONDS = 55;
const CLOSE_SECONDS = 5;
const WAIT_SECONDS = 20;

const port = Number(process.argv[2]);
const variant = process.argv[3];

function check(isTrue, sentence) {
    if (!isTrue) {
        throw new Error(sentence);
    }
}

function checkEqual(actual, expected, sentence) {
    check(isDeepStrictEqual(actual, expected), `${sentence}: expected ${inspect(expected)}, got ${inspect(actual)}`);
}

/* The error's text, which must match `pattern`. */
async function checkFails(promise, pattern, sentence) {
    let message = null;
    try {
        await promise;
    } catch (error) {
        message = error.message;
    }
    check(message !== null && pattern.test(message), `${sentence}: expected an error like ${pattern}, got ${message}`);
    return message;
}

/* Asks again until `condition` gives something true, which it returns. */
async function until(sentence, condition, seconds = WAIT_SECONDS) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
        const value = await condition();
        if (value) {
            return value;
        }
        check(Date.now() < end, `not within ${seconds} s: ${sentence}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}

function fail(error) {
    console.error(error.stack || String(error));
    process.exit(1);
}

/* Runs the parts one after the other. The process then has to end by itself: whatever was opened has been closed. */
async function run(parts) {
    let name = "start";
    const timer = setTimeout(() => fail(new Error(`${name}: not done within ${SCRIPT_SECONDS} s`)), SCRIPT_SECONDS * 1000);
    try {
        for (const part of parts) {
            name = part.name;
            await part();
        }
    } catch (error) {
        error.message = `${name}: ${error.message}`;
        error.stack = `${name}: ${error.stack}`;
        fail(error);
    }
    clearTimeout(timer);
    setTimeout(() => fail(new Error("something stayed open at the end")), CLOSE_SECONDS * 1000).unref();
}

module.exports = { port, variant, check, checkEqual, checkFails, until, run };
