/* SPDX-License-Identifier: MIT */
/* j k enter esc / p ?, and the box that says so. */

import { el } from "./dom.js";
import { focusWords } from "./filters.js";
import { t } from "./i18n.js";
import { focusRow, neighbour, togglePause } from "./log.js";
import { closeMenu } from "./menu.js";
import { closePanel, panelIsOpen, stepPanel } from "./panel.js";

let help = null;

function step(by) {
	if (panelIsOpen()) {
		stepPanel(by);
		return;
	}
	const next = neighbour(null, by);
	if (next) {
		focusRow(next);
	}
}

function escape() {
	if (closeMenu({ focus: true })) {
		return;
	}
	const focused = document.activeElement;
	if (focused?.matches("input, select, textarea")) {
		focused.blur();
	} else if (!closePanel()) {
		focused?.blur();
	}
}

const KEYS = {
	j: () => step(1),
	k: () => step(-1),
	"/": focusWords,
	p: togglePause,
	"?": showHelp,
};

export function showHelp() {
	help.showModal();
}

/* By the letter, or by where j is on another layout (Russian): event.code names the key itself. */
function keyOf(event) {
	if (Object.hasOwn(KEYS, event.key)) {
		return event.key;
	}
	const latin = /^[ -~]$/.test(event.key);
	const byPlace = { KeyJ: "j", KeyK: "k", KeyP: "p" };
	return latin ? null : (byPlace[event.code] ?? null);
}

function onKey(event) {
	if (event.ctrlKey || event.metaKey || event.altKey || help.open || event.isComposing) {
		return;
	}
	if (event.key === "Escape") {
		event.preventDefault();
		escape();
		return;
	}
	if (event.target.matches?.("input, select, textarea")) {
		return;
	}
	const key = keyOf(event);
	if (key) {
		event.preventDefault();
		KEYS[key]();
	}
}

export function createHelp() {
	const line = (keys, word) => el("div", el("dt", keys.map((key) => el("kbd", key))), el("dd", t(word)));
	help = el("dialog.help", { "aria-label": t("keys_title") }, el("h2", t("keys_title")),
		el("dl", line(["j", "k"], "keys_move"), line(["enter"], "keys_open"), line(["esc"], "keys_close"),
			line(["/"], "keys_find"), line(["p"], "keys_pause"), line(["?"], "keys_help")),
		el("form", { method: "dialog" }, el("button.primary", t("close"))));
	addEventListener("keydown", onKey);
	return help;
}
