/* table_examples.js - the examples for Node.js in docs/TABLES.md, run as they stand there: each prints the text that stands behind it. */
"use strict";

const { spawnSync } = require("node:child_process");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { port, check, checkEqual, run } = require("./common.js");

const EXAMPLE_MS = 20_000;
const BLOCK = /^```javascript\n(.*?)^```\n\n```text\n(.*?)^```$/gms;

function examplesPrintWhatStandsBehindThem() {
    const examples = [...readFileSync(join(__dirname, "../../docs/TABLES.md"), "utf8").matchAll(BLOCK)];
    check(examples.length > 0, "docs/TABLES.md has examples");
    for (const [, program, expected] of examples) {
        const ended = spawnSync(process.execPath, ["-"], { input: program.replaceAll("6379", port), encoding: "utf8", timeout: EXAMPLE_MS });
        checkEqual([ended.status, ended.stdout, ended.stderr], [0, expected, ""], "what an example prints");
    }
}

run([examplesPrintWhatStandsBehindThem]);
