/* SPDX-License-Identifier: MIT */
/* Seven numbers, each with what it was in the period of the same length before. */

import { el, fill } from "./dom.js";
import { compact, integer, milliseconds, percent, signed } from "./format.js";
import { t } from "./i18n.js";
import { changed, go, view } from "./url.js";

const relative = (now, before) => signed(Math.abs(now / before - 1) < 0.0005 ? 0 : now / before - 1, (n) => percent(n));
const points = (now, before) => signed(now - before, (n) => t("points", { n: percent(n).replace(/\s*%/, "") }));
const difference = (now, before) => signed(now - before, integer);

/* Percentiles come with an error, and small numbers vary: less than this says nothing. */
const NOTEWORTHY = 0.05;

/*
 * value, before: from the overview. write: as text. compare: the change as text. more: "worse" where a
 * higher number is one. filter: what a click shows.
 */
const TILES = [
	{ name: "calls", value: (o) => o.now.calls, before: (o) => o.before.calls, write: compact, compare: relative },
	{ name: "failure_rate", value: (o) => o.now.failure_rate, before: (o) => o.before.failure_rate, write: percent, compare: points, more: "worse" },
	{ name: "still_failed", value: (o) => o.still_failed, before: (o) => o.before.failed, write: compact, compare: difference, more: "worse", filter: { status: ["failed"] }, note: "still_failed_long" },
	{ name: "in_flight", value: (o) => o.in_flight, before: () => undefined, write: compact, filter: { status: ["pending"] }, note: "in_flight_long" },
	{ name: "p50", value: (o) => o.now.p50, before: (o) => o.before.p50, write: milliseconds, compare: relative, more: "worse", note: "p50_long" },
	{ name: "p95", value: (o) => o.now.p95, before: (o) => o.before.p95, write: milliseconds, compare: relative, more: "worse", note: "p95_long" },
	{ name: "p99", value: (o) => o.now.p99, before: (o) => o.before.p99, write: milliseconds, compare: relative, more: "worse", note: "p99_long" },
];

const tiles = [];

function createTile(tile) {
	const value = el("span.tile-value", "–");
	const change = el("span.tile-change");
	const name = el("span.tile-name", t(tile.name));
	const content = [name, value, change];
	const node = tile.filter
		? el("button.tile", { type: "button", "data-tile": tile.name, onclick: () => go(changed(tile.filter)) }, content)
		: el("div.tile", { "data-tile": tile.name, role: "group", "aria-label": t(tile.name) }, content);
	tiles.push({ tile, node, value, change });
	return node;
}

export function createTiles() {
	return el("section.tiles", { "aria-label": t("summary") }, TILES.map(createTile));
}

function changeText(tile, now, before) {
	if (before === undefined || now === null || now === undefined) {
		return { text: tile.note ? t(tile.note) : "", trend: "" };
	}
	const without = before === null || (before === 0 && tile.compare === relative);
	if (without) {
		return { text: now ? t("before_none") : "", trend: "" };
	}
	const text = tile.compare(now, before);
	if (now === before || !/[1-9]/.test(text)) {
		return { text: t("same"), trend: "" };
	}
	const noteworthy = Math.abs(now - before) > NOTEWORTHY * before;
	const trend = tile.more && noteworthy ? (now > before ? "worse" : "better") : "";
	return { text: `${now > before ? "▲" : "▼"} ${text}`, trend };
}

export function renderTiles(overview) {
	for (const { tile, node, value, change } of tiles) {
		const now = tile.value(overview);
		const before = tile.before(overview);
		const { text, trend } = changeText(tile, now, before);
		value.textContent = tile.write(now);
		fill(change, text, trend && el("span.sr", ` ${t(trend)}`));
		change.className = `tile-change ${trend}`;
		node.title = [tile.note && t(tile.note), before !== undefined && before !== null && t("before", { value: tile.write(before) })].filter(Boolean).join(" · ");
		node.classList.toggle("alarm", tile.name === "still_failed" && now > 0);
		if (tile.filter) {
			node.setAttribute("aria-pressed", String(view().status.join() === tile.filter.status.join()));
		}
	}
}
