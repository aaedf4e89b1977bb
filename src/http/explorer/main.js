// main.js - what is asked when. Cheap figures come again by themselves while the page is seen; costly ones on a button only.
"use strict";

const RECENT_MS = 5000;    // COUNT of /api/recent is more than three times these seconds
const SERVER_ROUNDS = 3;   // every so many rounds

const main = {info: null, rounds: 0, isPaused: false, isAsking: false, prefixes: null};

const PARTS = {
    shards: () => askPart("shards", "shards", showShards),
    top: () => askPart("top", "top", showTop),
    doctor: () => askPart("doctor", "doctor", showDoctor),
    slow: () => askPart("slow", "slow", showSlow),
    prefixes: () => {
        const query = "db=" + Number(byId("prefixes-db").value) + "&depth=" + Number(byId("prefixes-depth").value);
        return askPart("prefixes", "prefixes?" + query, (reply) => {
            main.prefixes = reply;
            showPrefixes(reply);
        });
    },
};

function showAbout() {
    if (main.info !== null) {
        const about = [main.info.get("tessera_version"), "port " + main.info.get("tcp_port"), main.info.get("shards") + " shards",
                       "up " + durationText(Number(main.info.get("uptime_in_seconds")))];
        byId("about").textContent = about.join(", ");
    }
}

async function askServer() {
    try {
        main.info = infoFields(await ask("server"));
        showAbout();
    } catch (error) {
        main.info = null;
        byId("about").textContent = error.message;
    }
}

// One round at a time: a slow server is not asked twice.
async function round() {
    if (main.isAsking || main.isPaused || document.hidden) {
        return;
    }
    main.isAsking = true;
    try {
        if (main.rounds % SERVER_ROUNDS === 0) {
            await askServer();
        }
        const hasGap = Date.now() - chart.addedMs > 3 * RECENT_MS;
        const isDone = await askPart("history", hasGap ? "history" : "recent", addSamples);
        showNow(chart.samples[chart.samples.length - 1], main.info);
        byId("state").textContent = isDone ? "Figures of " + clockText(chart.addedMs) : "No new figures: asked at " + clockText(Date.now());
    } finally {
        main.rounds++;
        main.isAsking = false;
    }
}

function pause() {
    main.isPaused = !main.isPaused;
    byId("pause").setAttribute("aria-pressed", String(main.isPaused));
    byId("state").textContent = main.isPaused ? "Paused" : "";
    round();
}

async function begin() {
    byId("pause").addEventListener("click", pause);
    for (const button of document.querySelectorAll("[data-asks]")) {
        button.addEventListener("click", () => PARTS[button.dataset.asks]());
    }
    for (const id of ["prefixes-db", "prefixes-depth"]) {
        byId(id).addEventListener("keydown", (event) => {
            if (event.key === "Enter") {
                PARTS.prefixes();
            }
        });
    }
    listenToChart();
    const map = byId("prefixes-map");
    listenToMap(map, (tile) => { byId("prefixes-tile").textContent = tile.getAttribute("aria-label"); });
    new ResizeObserver(() => {
        if (main.prefixes !== null && !map.contains(document.activeElement)) {
            drawMap(map, prefixRows(main.prefixes), main.prefixes.bytes);
        }
    }).observe(byId("prefixes-sum"));
    document.addEventListener("visibilitychange", round);
    await round();
    await PARTS.shards();
    await PARTS.top();
    await PARTS.slow();
    setInterval(round, RECENT_MS);
}

begin();
