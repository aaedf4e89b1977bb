// chart.js - used bytes by class as a stack over time, and resident ones as a line. By mouse or arrow keys one moment is read out.
"use strict";

const GROUPS = [
    {title: "Strings", names: ["string"]},
    {title: "Collections", names: ["list", "set", "hash", "zset", "stream"]},
    {title: "Tables", names: ["table_row", "table_index", "catalogue"]},
    {title: "Key tables", names: ["key_table", "expiry_index"]},
    {title: "Clients", names: ["query_buffer", "output_buffer", "client"]},
    {title: "Log, snapshot, scripts", names: ["log_buffer", "snapshot", "replication", "script"]},
    {title: "Server, other", names: []},
];
const NO_CLASS = new Set(["time", "used", "resident", "dataset"]);
const SVG = "http://www.w3.org/2000/svg";
const EDGE = {left: 64, right: 8, top: 10, bottom: 22};

const chart = {samples: [], shown: [], at: -1, seconds: 600, addedMs: 0};

function groupOf(name) {
    const found = GROUPS.findIndex((group) => group.names.includes(name));
    return found < 0 ? GROUPS.length - 1 : found;
}

function groupSums(sample) {
    const sums = GROUPS.map(() => 0);
    for (const [name, bytes] of Object.entries(sample)) {
        if (!NO_CLASS.has(name)) {
            sums[groupOf(name)] += bytes;
        }
    }
    return sums;
}

// Adds samples behind those that are there; if the server's clock was set back, they begin anew.
function addSamples(samples) {
    let last = chart.samples.length > 0 ? chart.samples[chart.samples.length - 1].time : 0;
    if (samples.length > 0 && samples[samples.length - 1].time < last) {
        chart.samples = [];
        last = 0;
    }
    chart.addedMs = Date.now();
    const added = samples.filter((sample) => sample.time > last);
    chart.samples = chart.samples.concat(added).slice(-4096);
    drawHistory();
}

// Those of the range, no more than there are places for.
function shownSamples(width) {
    const end = chart.samples[chart.samples.length - 1].time;
    const range = chart.samples.filter((sample) => sample.time >= end - 1000 * chart.seconds);
    const step = Math.max(1, Math.ceil(range.length / Math.max(50, width / 2)));
    return range.filter((sample, at) => (range.length - 1 - at) % step === 0);
}

function drawn(tag, attributes, text) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, value);
    }
    if (text !== undefined) {
        element.textContent = text;
    }
    return element;
}

// A round number of bytes, so that at most five lie below `most`.
function tickStep(most) {
    let step = 1;
    while (most / step > 5) {
        step *= 2;
    }
    return step;
}

function drawGrid(svg, place, most) {
    const step = tickStep(most);
    for (let bytes = 0; bytes <= most; bytes += step) {
        svg.append(drawn("line", {class: "grid", x1: EDGE.left, x2: place.width - EDGE.right, y1: place.y(bytes), y2: place.y(bytes)}),
                   drawn("text", {x: EDGE.left - 6, y: place.y(bytes) + 4, "text-anchor": "end"}, bytesText(bytes)));
    }
    const count = place.width < 500 ? 2 : 5;
    for (let tick = 0; tick <= count; tick++) {
        const time = place.first + (place.last - place.first) * tick / count;
        const anchor = tick === 0 ? "start" : tick === count ? "end" : "middle";
        svg.append(drawn("text", {x: place.x(time), y: place.height - 5, "text-anchor": anchor}, clockText(time)));
    }
}

function drawStack(svg, place) {
    const tops = chart.shown.map(() => 0);
    const sums = chart.shown.map(groupSums);
    GROUPS.forEach((group, number) => {
        const lower = tops.map((bytes, at) => place.x(chart.shown[at].time).toFixed(1) + "," + place.y(bytes).toFixed(1));
        sums.forEach((sum, at) => { tops[at] += sum[number]; });
        const upper = tops.map((bytes, at) => place.x(chart.shown[at].time).toFixed(1) + "," + place.y(bytes).toFixed(1));
        const band = drawn("polygon", {points: upper.concat(lower.reverse()).join(" ")});
        band.style.fill = "var(--c" + number + ")";
        svg.append(band);
    });
    const line = chart.shown.map((sample) => place.x(sample.time).toFixed(1) + "," + place.y(sample.resident).toFixed(1));
    svg.append(drawn("polyline", {class: "resident", points: line.join(" ")}));
}

function drawHistory() {
    const element = byId("history-chart");
    const width = element.clientWidth, height = element.clientHeight;
    if (chart.samples.length === 0 || width === 0) {
        return;
    }
    const wasAtEnd = chart.at < 0 || chart.at >= chart.shown.length - 1;
    const time = wasAtEnd ? 0 : chart.shown[chart.at].time;
    chart.shown = shownSamples(width);
    chart.at = wasAtEnd ? chart.shown.length - 1 : nearest(time);
    const first = chart.shown[0].time, last = chart.shown[chart.shown.length - 1].time;
    const most = 1.05 * Math.max(1, ...chart.shown.map((sample) => Math.max(sample.used, sample.resident)));
    chart.place = {
        width, height, first, last,
        x: (moment) => EDGE.left + (width - EDGE.left - EDGE.right) * (last > first ? (moment - first) / (last - first) : 1),
        y: (bytes) => height - EDGE.bottom - (height - EDGE.top - EDGE.bottom) * bytes / most,
    };
    const svg = drawn("svg", {viewBox: "0 0 " + width + " " + height, "aria-hidden": "true"});
    drawGrid(svg, chart.place, most);
    drawStack(svg, chart.place);
    svg.append(drawn("line", {class: "cursor", id: "history-cursor", y1: EDGE.top, y2: height - EDGE.bottom}));
    element.replaceChildren(svg);
    showMoment();
}

function nearest(time) {
    let best = 0;
    chart.shown.forEach((sample, at) => {
        best = Math.abs(sample.time - time) < Math.abs(chart.shown[best].time - time) ? at : best;
    });
    return best;
}

function showMoment() {
    const sample = chart.shown[chart.at];
    const x = chart.place.x(sample.time);
    const cursor = byId("history-cursor"), element = byId("history-chart");
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    const text = clockText(sample.time) + ": used " + bytesText(sample.used) + ", resident " + bytesText(sample.resident) +
        ", data " + bytesText(sample.dataset);
    byId("history-moment").textContent = text;
    element.setAttribute("aria-valuemin", 0);
    element.setAttribute("aria-valuemax", chart.shown.length - 1);
    element.setAttribute("aria-valuenow", chart.at);
    element.setAttribute("aria-valuetext", text);
    showClasses(sample, chart.shown[0]);
}

// The moment's classes, by group; against the range's begin.
function showClasses(sample, first) {
    const now = groupSums(sample), before = groupSums(first);
    const rows = GROUPS.map((group, number) => ({group, number, bytes: now[number], change: now[number] - before[number]}));
    fillTable(byId("history-classes"), "At " + clockText(sample.time) + ", against " + clockText(first.time), [
        {title: "Class", cell: (row) => {
            const mark = make("span", {class: "mark", "aria-hidden": "true"});
            mark.style.background = "var(--c" + row.number + ")";
            return make("span", {class: "marked"}, mark, row.group.title);
        }},
        {title: "Bytes", class: "number", cell: (row) => bytesText(row.bytes)},
        {title: "Share", class: "number", cell: (row) => percentText(row.bytes, sample.used)},
        {title: "Change", class: "number", cell: (row) => (row.change > 0 ? "+" : "") + bytesText(row.change)},
        {title: "", class: "measure wide", cell: (row) => bar(row.bytes, sample.used)},
    ], rows);
}

function moveMoment(at) {
    if (chart.shown.length > 0) {
        chart.at = Math.max(0, Math.min(chart.shown.length - 1, at));
        showMoment();
    }
}

function listenToChart() {
    const element = byId("history-chart");
    const steps = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity};
    element.addEventListener("keydown", (event) => {
        if (event.key in steps) {
            event.preventDefault();
            moveMoment(chart.at + steps[event.key]);
        }
    });
    element.addEventListener("pointermove", (event) => {
        if (chart.place !== undefined && chart.shown.length > 0) {
            const {first, last, width} = chart.place;
            const share = (event.clientX - element.getBoundingClientRect().left - EDGE.left) / (width - EDGE.left - EDGE.right);
            moveMoment(nearest(first + share * (last - first)));
        }
    });
    element.addEventListener("pointerleave", () => moveMoment(Infinity));
    byId("history-range").addEventListener("change", (event) => {
        chart.seconds = Number(event.target.value);
        chart.at = -1;
        drawHistory();
    });
    new ResizeObserver(drawHistory).observe(element);
}
