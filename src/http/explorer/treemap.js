// treemap.js - rectangles whose areas are bytes ("Squarified Treemaps", Bruls, Huizing, van Wijk, 2000), in groups by the names' first parts.
"use strict";

const COLOURS = 8;
const TITLE_WIDTH = 48, TITLE_HEIGHT = 24;   // pixels in which a tile's name can be read,
const BYTES_WIDTH = 76, BYTES_HEIGHT = 42;   // and its bytes below

// Worst ratio of sides when `row` stands along a side of that length.
function worstRatio(row, length, scale) {
    const sum = row.reduce((total, item) => total + item.bytes, 0) * scale;
    const depth = sum / length;
    return Math.max(...row.map((item) => {
        const side = item.bytes * scale / depth;
        return Math.max(side / depth, depth / side);
    }));
}

// Takes a row of items off the rectangle's shorter side; gives what is left of it.
function placeRow(row, rect, scale) {
    const sum = row.reduce((total, item) => total + item.bytes, 0) * scale;
    const isUpright = rect.width >= rect.height;
    const depth = sum / (isUpright ? rect.height : rect.width);
    let along = isUpright ? rect.top : rect.left;
    for (const item of row) {
        const side = item.bytes * scale / depth;
        item.rect = isUpright ? {left: rect.left, top: along, width: depth, height: side} : {left: along, top: rect.top, width: side, height: depth};
        along += side;
    }
    return isUpright ? {left: rect.left + depth, top: rect.top, width: rect.width - depth, height: rect.height}
                     : {left: rect.left, top: rect.top + depth, width: rect.width, height: rect.height - depth};
}

// Gives each item (the biggest first, none without bytes) its .rect within `rect`.
function squarify(items, rect) {
    const sum = items.reduce((total, item) => total + item.bytes, 0);
    const scale = rect.width * rect.height / sum;
    let row = [];
    for (const item of items) {
        const length = Math.min(rect.width, rect.height);
        if (row.length > 0 && worstRatio(row.concat(item), length, scale) > worstRatio(row, length, scale)) {
            rect = placeRow(row, rect, scale);
            row = [];
        }
        row.push(item);
    }
    if (row.length > 0) {
        placeRow(row, rect, scale);
    }
}

// Rows by the part of their names up to the first colon; the biggest groups first.
function groupsOf(rows) {
    const groups = new Map();
    for (const row of rows) {
        const colon = row.prefix.indexOf(":");
        const name = row.isOther ? null : row.prefix.slice(0, colon + 1);
        const group = groups.get(name) || {bytes: 0, rows: []};
        group.bytes += row.bytes;
        group.rows.push(row);
        groups.set(name, group);
    }
    return Array.from(groups.values()).sort((a, b) => b.bytes - a.bytes);
}

function tileTitle(row) {
    if (row.isOther) {
        return make("span", {}, "all other prefixes");
    }
    return row.prefix === "" ? make("span", {}, "names without a prefix") : nameElement(row.prefix);
}

function makeTile(row, colour, all) {
    const tile = make("button", {type: "button", tabindex: "-1"}, tileTitle(row), make("span", {}, bytesText(row.bytes)));
    const label = [tile.firstChild.textContent, bytesText(row.bytes), percentText(row.bytes, all), countText(row.keys) + " keys"];
    tile.setAttribute("aria-label", label.join(", "));
    tile.style.left = row.rect.left + "px";
    tile.style.top = row.rect.top + "px";
    tile.style.width = row.rect.width + "px";
    tile.style.height = row.rect.height + "px";
    tile.style.background = "var(--t" + colour + ")";
    if (row.rect.width < TITLE_WIDTH || row.rect.height < TITLE_HEIGHT) {
        tile.replaceChildren();
        tile.className = "small";
    } else if (row.rect.width < BYTES_WIDTH || row.rect.height < BYTES_HEIGHT) {
        tile.lastChild.remove();
    }
    tile.row = row;
    return tile;
}

function drawMap(map, rows, all) {
    const shown = rows.filter((row) => row.bytes > 0);
    map.hidden = shown.length === 0;
    if (shown.length === 0) {
        map.replaceChildren();
        return;
    }
    const groups = groupsOf(shown);
    squarify(groups, {left: 0, top: 0, width: map.clientWidth, height: map.clientHeight});
    const tiles = [];
    groups.forEach((group, number) => {
        squarify(group.rows, group.rect);
        tiles.push(...group.rows.map((row) => makeTile(row, number % COLOURS, all)));
    });
    tiles[0].tabIndex = 0;
    map.replaceChildren(...tiles);
}

// The tile whose middle is the nearest in a direction; undefined at the edge.
function neighbour(map, tile, key) {
    const isAcross = key === "ArrowLeft" || key === "ArrowRight";
    const sign = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    const middle = ({left, top, width, height}) => [left + width / 2, top + height / 2];
    const [x, y] = middle(tile.row.rect);
    let best, bestCost = Infinity;
    for (const other of map.children) {
        const [otherX, otherY] = middle(other.row.rect);
        const ahead = sign * (isAcross ? otherX - x : otherY - y);
        const aside = Math.abs(isAcross ? otherY - y : otherX - x);
        const cost = ahead + 2 * aside;
        if (ahead > 0.5 && cost < bestCost) {
            best = other;
            bestCost = cost;
        }
    }
    return best;
}

// `describe` is told of the tile that has the focus, or that the mouse is over.
function listenToMap(map, describe) {
    map.addEventListener("keydown", (event) => {
        const ends = {Home: map.firstChild, End: map.lastChild};
        const isArrow = event.key.startsWith("Arrow");
        if (event.target.row === undefined || !(isArrow || event.key in ends)) {
            return;
        }
        event.preventDefault();
        const next = isArrow ? neighbour(map, event.target, event.key) : ends[event.key];
        if (next !== undefined) {
            event.target.tabIndex = -1;
            next.tabIndex = 0;
            next.focus();
        }
    });
    for (const type of ["focusin", "pointerover"]) {
        map.addEventListener(type, (event) => {
            const tile = event.target.closest("button");
            if (tile !== null && tile.row !== undefined) {
                describe(tile);
            }
        });
    }
}
