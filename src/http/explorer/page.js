// page.js - asks the server. A part of the page that the user may not see says so in its place; the others go on.
"use strict";

// The reply of /api/`path`. Throws an Error whose message is for people.
async function ask(path) {
    let response;
    try {
        response = await fetch("/api/" + path, {credentials: "same-origin", cache: "no-store", redirect: "error"});
    } catch (error) {
        throw new Error("The server does not answer.");
    }
    if (response.ok) {
        return response.json();
    }
    const line = (await response.text()).trim();
    const starts = {401: "Not logged in", 403: "Not allowed", 503: "No answer"};
    throw new Error((starts[response.status] || "Status " + response.status) + ": " + line);
}

function showTrouble(part, text) {
    const element = byId(part + "-trouble");
    if (element !== null) {
        element.textContent = text;
        element.hidden = text === "";
    }
}

// Asks for a part and has it shown. Its button cannot be pressed meanwhile. Gives whether it went well.
async function askPart(part, path, show) {
    const button = document.querySelector('[data-asks="' + part + '"]');
    const hadFocus = document.activeElement === button;
    if (button !== null) {
        button.disabled = true;
        button.setAttribute("aria-busy", "true");
    }
    try {
        show(await ask(path));
        showTrouble(part, "");
        return true;
    } catch (error) {
        showTrouble(part, error.message);
        return false;
    } finally {
        if (button !== null) {
            button.disabled = false;
            button.removeAttribute("aria-busy");
            if (hadFocus && document.activeElement === document.body) {
                button.focus();
            }
        }
    }
}
