/* SPDX-License-Identifier: MIT */
/* The log: pages by keyset, newest first, with rows added and changed as they come. */

import { latest, matches, page } from "./api.js";
import { announce, el, fill, show } from "./dom.js";
import { fullTime, GLYPHS, integer, milliseconds, shortTime, statusWord } from "./format.js";
import { t } from "./i18n.js";
import { Live } from "./live.js";
import { notice } from "./notice.js";
import { address, changed, go, view } from "./url.js";

const HELD_MOST = 500; /* rows kept aside while paused; beyond, the log is loaded anew */
const SHOWN_MOST = 2000; /* rows in the document; older ones can be loaded again */

const listeners = { row: [] };
const question = latest();
const olderQuestion = latest();
const parts = {};
let rows = []; /* newest first */
const nodes = new Map(); /* id → its tr */
let last = null; /* where the next page begins */
let more = false;
let paused = false;
let liveState = "off";
let held = new Map();
let fresh = new Map(); /* came since the last frame */
let loading = false;
let live = null;

/* Called for every row that comes live, also those not shown. */
export function onLiveRow(listener) {
	listeners.row.push(listener);
}

export function knownRow(id) {
	return nodes.has(id) ? rows.find((row) => row.id === id) : null;
}

const newer = (a, b) => {
	const times = Date.parse(a.created_at) - Date.parse(b.created_at);
	return times !== 0 ? times > 0 : a.id > b.id;
};

/* ---- rows as table rows */

function errorCell(row) {
	return [row.error_code && el("code", row.error_code), row.error_code && row.error_message && " ", row.error_message && el("span.muted", row.error_message)];
}

function entityCell(row) {
	if (!row.related_entity_id) {
		return row.related_entity_type ?? "";
	}
	return el("button.link.entity-link", {
		type: "button", title: t("show_only", { what: `${row.related_entity_type}/${row.related_entity_id}` }),
		onclick: (event) => {
			event.stopPropagation();
			go(changed({ entity_type: row.related_entity_type ?? "", entity_id: row.related_entity_id }));
		},
	}, row.related_entity_type ?? "", el("span.muted", `/${row.related_entity_id.slice(0, 8)}`));
}

export function statusMark(status) {
	return el("span.status", { class: `status ${GLYPHS[status] ? status : ""}` },
		el("span.glyph", { "aria-hidden": "true" }, GLYPHS[status] ?? "?"), " ", el("span.status-word", statusWord(status)));
}

function rowNode(row) {
	const open = (event) => {
		event.preventDefault();
		go(changed({ row: row.id }));
	};
	const link = el("a.row-link", {
		href: address(changed({ row: row.id })), title: fullTime(row.created_at),
		"aria-label": t("open_row", { what: `${shortTime(row.created_at)}, ${statusWord(row.status)}, ${row.service_name} ${row.action}` }),
		onclick: (event) => {
			event.stopPropagation();
			if (!event.metaKey && !event.ctrlKey && !event.shiftKey) {
				open(event);
			}
		},
	}, el("time", { datetime: row.created_at }, shortTime(row.created_at)));
	return el("tr", {
		"data-id": row.id, role: "row", class: row.id === view().row ? "current" : null,
		onclick: (event) => {
			/* not when words were being selected */
			if (String(getSelection()) === "") {
				open(event);
			}
		},
	},
	el("td.c-time", { role: "cell" }, link),
	el("td.c-status", { role: "cell" }, statusMark(row.status)),
	el("td.c-what", { role: "cell" }, el("span.muted", row.service_name), " ", row.action),
	el("td.c-entity", { role: "cell" }, entityCell(row)),
	el("td.c-error", { role: "cell" }, el("div.cut", { title: row.error_message ?? "" }, errorCell(row))),
	el("td.c-try.num", { role: "cell" }, row.retry_count > 0 ? el("span", { title: t("attempt", { n: row.retry_count + 1 }) }, `↻${integer(row.retry_count)}`) : ""),
	el("td.c-took.num", { role: "cell" }, row.duration_ms === null ? el("span.muted", "…") : milliseconds(row.duration_ms)));
}

/* Puts one row where it belongs; a row that is there already is replaced. */
function place(row, isNew) {
	const node = rowNode(row);
	const old = nodes.get(row.id);
	if (old) {
		const focused = old.contains(document.activeElement);
		rows[rows.findIndex((one) => one.id === row.id)] = row;
		old.replaceWith(node);
		if (focused) {
			node.querySelector(".row-link").focus({ preventScroll: true });
		}
	} else {
		let index = 0;
		while (index < rows.length && !newer(row, rows[index])) {
			index++;
		}
		rows.splice(index, 0, row);
		parts.body.insertBefore(node, parts.body.children[index] ?? null);
	}
	if (isNew) {
		node.classList.add("fresh");
	}
	nodes.set(row.id, node);
}

function remove(id) {
	nodes.get(id)?.remove();
	nodes.delete(id);
	rows = rows.filter((row) => row.id !== id);
}

function trim() {
	if (rows.length <= SHOWN_MOST) {
		return;
	}
	rows.slice(SHOWN_MOST).forEach((row) => nodes.get(row.id).remove());
	rows.slice(SHOWN_MOST).forEach((row) => nodes.delete(row.id));
	rows = rows.slice(0, SHOWN_MOST);
	last = rows.at(-1);
	more = true;
}

/* ---- live */

function take(row) {
	const belongs = matches(row, view());
	/* older than what is loaded: it comes with its page */
	const beyond = more && last && !newer(row, last);
	if (!belongs) {
		remove(row.id);
	} else if (!beyond || nodes.has(row.id)) {
		place(row, !nodes.has(row.id));
	}
}

function flush() {
	const batch = [...fresh.values()];
	fresh.clear();
	batch.forEach(take);
	trim();
	renderFoot();
}

function cameLive(row) {
	listeners.row.forEach((listener) => listener(row));
	if (paused) {
		/* changes of rows in sight are shown even so; only the list stands still */
		if (nodes.has(row.id)) {
			place(row, false);
		} else if (matches(row, view()) && held.size < HELD_MOST) {
			held.set(row.id, row);
		}
		renderLive();
		return;
	}
	if (fresh.size === 0) {
		setTimeout(flush, 100);
	}
	fresh.set(row.id, row);
}

export function togglePause() {
	if (view().to && Date.parse(view().to) < Date.now()) {
		return;
	}
	paused = !paused;
	if (!paused) {
		const batch = held;
		held = new Map();
		if (batch.size >= HELD_MOST) {
			loadLog(view());
		} else {
			batch.forEach(take);
			renderFoot();
		}
	}
	announce(paused ? t("paused") : t("live"));
	renderLive();
}

function renderLive() {
	const fixed = live.params === null;
	const { button, state, waiting } = parts;
	button.disabled = fixed;
	button.setAttribute("aria-pressed", String(paused));
	button.textContent = paused ? t("live") : t("pause");
	button.title = paused ? t("live_resume_title") : t("live_pause_title");
	const name = fixed ? "fixed" : paused ? "paused" : liveState;
	state.dataset.state = name;
	state.textContent = { fixed: t("live_fixed"), paused: t("paused"), lost: t("live_lost"), live: t("live"), off: "" }[name];
	show(waiting, paused && held.size > 0);
	waiting.textContent = t("n_new", { n: held.size });
}

/* ---- pages */

function renderFoot() {
	show(parts.older, more);
	parts.older.disabled = loading;
	parts.older.textContent = loading ? t("loading") : t("older");
	show(parts.end, !more && rows.length > 0);
	show(parts.none, rows.length === 0 && !loading && !parts.failed);
	show(parts.table, rows.length > 0 || loading);
}

function showPage(answer) {
	last = answer.last ?? last;
	more = answer.more;
	for (const row of answer.rows) {
		place(row, false);
	}
}

function failed(error) {
	loading = false;
	parts.failed = true;
	fill(parts.problem, notice(error, () => loadLog(view())));
	renderFoot();
}

/* The first page of a view, and the stream of what comes after. */
export function loadLog(now) {
	olderQuestion.cancel();
	held.clear();
	fresh.clear();
	loading = true;
	/* first the stream, then the page: nothing falls between them */
	const fixed = now.to && Date.parse(now.to) <= Date.now();
	live.follow(fixed ? null : now);
	renderLive();
	question.run((signal) => page(now, null, signal), {
		slow: (slow) => parts.root.setAttribute("aria-busy", String(slow)),
		done: (answer) => {
			loading = false;
			parts.failed = false;
			parts.problem.replaceChildren();
			parts.body.replaceChildren();
			nodes.clear();
			rows = [];
			last = null;
			showPage(answer);
			renderFoot();
		},
		failed,
	});
}

function loadOlder() {
	if (!more || loading) {
		return;
	}
	loading = true;
	renderFoot();
	olderQuestion.run((signal) => page(view(), last, signal), {
		done: (answer) => {
			loading = false;
			parts.problem.replaceChildren();
			showPage(answer);
			announce(t("n_rows", { n: rows.length }));
			renderFoot();
			/* the end may still be in sight, and then no crossing would tell */
			parts.observer.unobserve(parts.older);
			parts.observer.observe(parts.older);
		},
		failed,
	});
}

/* Marks the row that the panel shows. */
export function markRow(id) {
	for (const [one, node] of nodes) {
		node.classList.toggle("current", one === id);
	}
}

function linkOf(id) {
	return nodes.get(id)?.querySelector(".row-link") ?? null;
}

/* Focuses the row's link; false: it is not in the log. */
export function focusRow(id) {
	const link = linkOf(id);
	link?.focus();
	return Boolean(link);
}

/* The id of the row `by` steps from this one (or from the focused one, or from the top). */
export function neighbour(id, by) {
	const from = id ?? document.activeElement?.closest?.("tr[data-id]")?.dataset.id;
	const index = rows.findIndex((row) => row.id === from);
	if (index < 0) {
		return by > 0 || rows.length === 0 ? (rows[0]?.id ?? null) : null;
	}
	if (index + by >= rows.length - 5) {
		loadOlder();
	}
	return rows[index + by]?.id ?? null;
}

export function createLog(onWiden) {
	parts.state = el("span.live-state");
	parts.button = el("button.quiet.pause", { type: "button", "aria-pressed": "false", "aria-keyshortcuts": "p", onclick: togglePause });
	parts.waiting = el("button.waiting", { type: "button", onclick: togglePause });
	parts.body = el("tbody", { role: "rowgroup" });
	const column = (className, ...content) => el(`th.${className}`, { scope: "col", role: "columnheader" }, content);
	parts.table = el("table.log", { role: "table", "aria-label": t("log") }, el("caption.sr", t("log_caption")),
		el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, column("c-time", t("time")), column("c-status", t("status")), column("c-what", t("action")),
			column("c-entity", t("entity")), column("c-error", t("error")), column("c-try.num", el("span.sr", t("attempt_short"))), column("c-took.num", t("duration")))),
		parts.body);
	parts.older = el("button.quiet.more", { type: "button", onclick: loadOlder });
	parts.end = el("p.muted.none", t("end_of_log"));
	parts.none = el("div.none-match", el("p", t("none_match")), onWiden());
	parts.problem = el("div");
	parts.root = el("section.card.log-card", { id: "log", "aria-label": t("log"), tabindex: "-1" },
		el("div.card-head", el("h2", t("log")), parts.state, el("span.spring"), parts.waiting, parts.button),
		parts.table, parts.problem, parts.none, parts.end, parts.older);
	parts.observer = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && loadOlder(), { rootMargin: "200px" });
	parts.observer.observe(parts.older);
	live = new Live({
		onRow: cameLive,
		onState: (state) => {
			liveState = state;
			renderLive();
		},
		onMissed: () => loadLog(view()),
	});
	renderFoot();
	return parts.root;
}
