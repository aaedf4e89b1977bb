// tables.js - the parts that are rows: figures of now, shards, biggest keys, prefixes, findings, slow commands.
"use strict";

const OTHER_PREFIX = "other";
// Commands in a finding that can be run as they stand. Each has a space, and a name in a finding has none (it stands there as "\x20"): no name passes
// for a command.
const VALUE = "-?\\d+(?:mb)?|yes|no|allkeys-lru";
const COMMAND = new RegExp("(?<![^\\s(])(?:CONFIG SET [a-z-]+ (?:" + VALUE + ")|CLIENT KILL ID \\d+|CLIENT LIST|MEMORY (?:PURGE|HISTORY|TOP))" +
                           "(?![^\\s.,:;)])", "g");

function showNow(sample, info) {
    const used = sample === undefined ? [] : [
        ["Used", bytesText(sample.used)],
        ["Resident", bytesText(sample.resident)],
        ["Data", bytesText(sample.dataset)],
    ];
    const figures = info === null ? used : used.concat([
        ["Keys", countText(keysOf(info))],
        ["Clients", countText(info.get("connected_clients"))],
        ["Commands a second", countText(info.get("instantaneous_ops_per_sec"))],
        ["Evicted, expired", countText(info.get("evicted_keys")) + ", " + countText(info.get("expired_keys"))],
    ]);
    byId("now").replaceChildren(...figures.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function keysOf(info) {
    let keys = 0;
    for (const [name, value] of info) {
        keys += /^db\d+$/.test(name) ? infoNumbers(value).get("keys") : 0;
    }
    return keys;
}

function showShards(text) {
    const info = infoFields(text);
    const rows = Array.from(info).filter(([name]) => /^shard\d+$/.test(name))
        .map(([name, value]) => ({name: name.slice("shard".length), numbers: infoNumbers(value)}));
    const most = (field) => Math.max(...rows.map((row) => row.numbers.get(field)));
    const usedMost = most("used_bytes"), busyMost = most("busy_usec");
    const limit = Number(info.get("maxmemory"));
    const caption = "Peak " + bytesText(Number(info.get("used_memory_peak"))) + ", maxmemory " + (limit > 0 ? bytesText(limit) : "none") +
        ", " + info.get("maxmemory_policy");
    fillTable(byId("shards"), caption, [
        {title: "Shard", cell: (row) => row.name},
        {title: "Keys", class: "number", cell: (row) => countText(row.numbers.get("keys"))},
        {title: "Used", class: "number", cell: (row) => bytesText(row.numbers.get("used_bytes"))},
        {title: "", class: "measure", cell: (row) => bar(row.numbers.get("used_bytes"), usedMost)},
        {title: "Busy", class: "number", cell: (row) => (row.numbers.get("busy_usec") / 1e6).toFixed(1) + " s"},
        {title: "", class: "measure wide", cell: (row) => bar(row.numbers.get("busy_usec"), busyMost)},
        {title: "Clients", class: "number wide", cell: (row) => countText(row.numbers.get("connections"))},
    ], rows);
}

function showTop(rows) {
    const most = rows.length > 0 ? rows[0].bytes : 0;
    fillTable(byId("top"), rows.length === 0 ? "There are none." : "The biggest first, of all databases", [
        {title: "Name", cell: (row) =>
            make("span", {}, nameElement(row.name), row.db > 0 ? make("span", {class: "hint"}, " database " + row.db) : "")},
        {title: "Type", cell: (row) => row.type},
        {title: "Bytes", class: "number", cell: (row) => bytesText(row.bytes)},
        {title: "", class: "measure wide", cell: (row) => bar(row.bytes, most)},
    ], rows);
}

function prefixRows(reply) {
    const rows = reply.prefixes.slice();
    if (reply.other.bytes > 0) {
        rows.push({prefix: OTHER_PREFIX, keys: reply.other.keys, bytes: reply.other.bytes, isOther: true});
    }
    return rows;
}

function showPrefixes(reply) {
    const rows = prefixRows(reply);
    const isExact = reply.exact === 1 || reply.exact === true;
    byId("prefixes-sum").textContent = countText(reply.keys) + " keys, " + bytesText(reply.bytes) +
        (isExact ? "" : "; there are so many prefixes that small ones are among the others");
    byId("prefixes-tile").textContent = "";
    byId("prefixes-rows").hidden = rows.length === 0;
    drawMap(byId("prefixes-map"), rows, reply.bytes);
    fillTable(byId("prefixes"), "The biggest first", [
        {title: "Prefix", cell: tileTitle},
        {title: "Keys", class: "number", cell: (row) => countText(row.keys)},
        {title: "Bytes", class: "number", cell: (row) => bytesText(row.bytes)},
        {title: "A key", class: "number wide", cell: (row) => bytesText(row.keys > 0 ? row.bytes / row.keys : 0)},
        {title: "", class: "measure wide", cell: (row) => bar(row.bytes, reply.bytes)},
    ], rows);
}

async function copyCommand(text) {
    const told = byId("doctor-copied");
    try {
        await navigator.clipboard.writeText(text);
        told.textContent = "Copied: " + text;
    } catch (error) {
        told.textContent = "The browser does not let this page copy: " + text;
    }
}

// A finding as text, its commands marked.
function findingElement(text) {
    const item = make("li", {});
    let end = 0;
    for (const match of text.matchAll(COMMAND)) {
        const command = match[0];
        item.append(text.slice(end, match.index), make("code", {}, command));
        const button = make("button", {type: "button", "aria-label": "Copy " + command}, "Copy");
        button.addEventListener("click", () => copyCommand(command));
        item.append(button);
        end = match.index + command.length;
    }
    item.append(text.slice(end));
    return item;
}

function showDoctor(text) {
    const lines = text.split("\n").filter((line) => line !== "");
    const at = lines.indexOf("Findings:");
    const findings = at < 0 ? [] : lines.slice(at + 1).map((line) => line.replace(/^\d+\. /, ""));
    byId("doctor-sum").textContent = lines[0];
    byId("doctor-copied").textContent = "";
    byId("doctor").replaceChildren(...(findings.length > 0 ? findings.map(findingElement) : [make("li", {}, lines[lines.length - 1])]));
}

function commandElement(words) {
    const element = make("span", {class: "name"});
    words.forEach((word, at) => element.append(at > 0 ? " " : "", nameElement(word, "span")));
    return element;
}

function showSlow(rows) {
    fillTable(byId("slow"), rows.length === 0 ? "There are none." : "The newest first", [
        {title: "Command", cell: ([, , , words]) => commandElement(words)},
        {title: "Took", class: "number", cell: ([, , usec]) => usec >= 1000 ? (usec / 1000).toFixed(1) + " ms" : usec + " µs"},
        {title: "At", class: "number", cell: ([, seconds]) => clockText(1000 * seconds)},
        {title: "Client", class: "number wide", cell: ([, , , , address, name]) => nameElement(name || address)},
    ], rows);
}
