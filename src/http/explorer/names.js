// names.js - texts, figures and elements. Names of keys may hold any bytes: they come into the page as text only, never as HTML.
"use strict";

const NAME_MAX = 160;   // characters of a name that are shown
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function byId(id) {
    return document.getElementById(id);
}

// An element with properties, attributes ("aria-..", "data-..", "role", "scope" ...) and children, which are elements or texts.
function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
        if (name === "class") {
            element.className = value;
        } else {
            element.setAttribute(name, value);
        }
    }
    element.append(...children);
    return element;
}

// A byte that is no UTF-8 came as U+DC80 .. U+DCFF; what has no shape of its own, or turns the text around, is shown by its number; so no
// two names look the same.
function escaped(character) {
    const code = character.codePointAt(0);
    if (character === "\\") {
        return "\\\\";
    }
    if (code >= 0xdc80 && code <= 0xdcff) {
        return "\\x" + (code - 0xdc00).toString(16);
    }
    if (/[\p{C}\p{Zl}\p{Zp}]/u.test(character)) {
        return code < 0x80 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u{" + code.toString(16) + "}";
    }
    return "";
}

function nameElement(text, tag = "bdi") {
    const element = make(tag, {class: "name"});
    const characters = Array.from(text.slice(0, 2 * NAME_MAX)).slice(0, NAME_MAX);
    let plain = "";
    for (const character of characters) {
        const escape = escaped(character);
        if (escape === "") {
            plain += character;
            continue;
        }
        element.append(plain, make("span", {class: "escape"}, escape));
        plain = "";
    }
    element.append(plain);
    if (characters.join("").length < text.length) {
        element.append(make("span", {class: "escape"}, "… (" + text.length + " characters)"));
    }
    return element;
}

function bytesText(bytes) {
    let unit = 0;
    let value = Math.abs(bytes);
    while (value >= 1024 && unit + 1 < UNITS.length) {
        value /= 1024;
        unit++;
    }
    const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return (bytes < 0 ? "−" : "") + value.toFixed(digits) + " " + UNITS[unit];
}

function countText(count) {
    return Number(count).toLocaleString("en");
}

function percentText(part, whole) {
    return whole > 0 ? (100 * part / whole).toFixed(1) + " %" : "–";
}

function durationText(seconds) {
    const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, minutes = Math.floor(seconds / 60) % 60;
    if (days > 0) {
        return days + " d " + hours + " h";
    }
    return hours > 0 ? hours + " h " + minutes + " min" : minutes > 0 ? minutes + " min" : Math.floor(seconds) + " s";
}

function clockText(ms) {
    return new Date(ms).toLocaleTimeString("en-GB");
}

// "used_memory:5\r\n# Shards\r\nshard0:keys=1,used_bytes=2" as a Map of texts.
function infoFields(text) {
    const fields = new Map();
    for (const line of text.split("\r\n")) {
        const colon = line.indexOf(":");
        if (colon > 0 && !line.startsWith("#")) {
            fields.set(line.slice(0, colon), line.slice(colon + 1));
        }
    }
    return fields;
}

// "keys=1,used_bytes=2" as a Map of numbers.
function infoNumbers(text) {
    return new Map(text.split(",").map((pair) => pair.split("=")).map(([name, value]) => [name, Number(value)]));
}

function bar(part, whole) {
    const element = make("span", {class: "bar", "aria-hidden": "true"});
    element.style.width = (whole > 0 ? Math.max(0, Math.min(100, 100 * part / whole)) : 0) + "%";
    return element;
}

// Columns: {title, class, cell(row): element or text}; the first one heads its row.
function fillTable(table, caption, columns, rows) {
    const head = make("tr", {}, ...columns.map((column) => make("th", {scope: "col", class: column.class || ""}, column.title)));
    const body = rows.map((row) => make("tr", {}, ...columns.map((column, at) =>
        make(at === 0 ? "th" : "td", at === 0 ? {scope: "row", class: column.class || ""} : {class: column.class || ""}, column.cell(row)))));
    table.replaceChildren(make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body));
}
