/* SPDX-License-Identifier: MIT */
/* One call in full: what was sent, what came back, its attempts and what else was done for its entity. */

import { chain, history, HISTORY_SIZE, latest, oneRow } from "./api.js";
import { announce, copyText, el, fill, show } from "./dom.js";
import { fullTime, integer, milliseconds, shortTime } from "./format.js";
import { t } from "./i18n.js";
import { member, plain, write } from "./json.js";
import { jsonTree, unfold } from "./jsontree.js";
import { focusRow, knownRow, neighbour, statusMark } from "./log.js";
import { notice } from "./notice.js";
import { address, changed, go, view } from "./url.js";

const question = latest();
const chainQuestion = latest();
const historyQuestion = latest();
const parts = {};
let wanted = null; /* the id that the URL names */
let shown = null; /* {row, node} that is in the panel: the one before, until the answer comes */

export const panelIsOpen = () => !parts.root.hidden;

function section(name, title, ...content) {
	return el("section.part", { "data-part": name, "aria-label": title }, el("h3", title), content);
}

/* ---- payloads */

function payloadSection(name, node) {
	const title = t(name);
	if (!node || node.type === "null") {
		return section(name, title, el("p.muted", t("no_payload")));
	}
	const tree = jsonTree(node);
	const button = (word, action) => el("button.link.small", { type: "button", onclick: action }, word);
	return el("section.part", { "data-part": name, "aria-label": title },
		el("div.part-head", el("h3", title), el("span.spring"),
			button(t("expand_all"), () => unfold(tree, true)),
			button(t("collapse_all"), () => unfold(tree, false)),
			button(t("copy"), (event) => copyText(event.currentTarget, write(node), t("copied"), t("copy_failed")))),
		tree);
}

/* ---- timing */

const PHASES = ["dns", "connect", "tls", "first_byte", "total"];

function facts(pairs) {
	return el("dl.facts", pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => el("div", el("dt", name), el("dd", value))));
}

function timingSection(row) {
	const ended = row.duration_ms === null ? null : Date.parse(row.created_at) + row.duration_ms;
	const measured = member(row.response_payload, "timing_ms");
	const phases = PHASES.map((name) => [t(`t_${name}`), plain(member(measured, name))]).filter(([, ms]) => typeof ms === "number");
	return section("timing", t("timing"), facts([
		[t("began"), el("time", { datetime: row.created_at }, fullTime(row.created_at))],
		[t("ended"), ended === null ? t("not_finished") : el("time", { datetime: new Date(ended).toISOString() }, fullTime(ended))],
		[t("took"), row.duration_ms === null ? "…" : el("span", milliseconds(row.duration_ms), row.duration_ms >= 1000 && el("span.muted", ` ${integer(row.duration_ms)} ${t("ms")}`))],
		...phases.map(([name, ms]) => [name, milliseconds(ms)]),
	]));
}

/* ---- other rows */

function rowLine(row, before) {
	const target = changed({ row: row.id });
	const isThis = row.id === shown.row.id;
	return el("li", { class: isThis ? "this" : null },
		el("a", {
			href: address(target), "aria-current": isThis ? "true" : null,
			onclick: (event) => {
				if (!event.metaKey && !event.ctrlKey && !event.shiftKey) {
					event.preventDefault();
					go(target);
				}
			},
		}, el("time", { datetime: row.created_at, title: fullTime(row.created_at) }, shortTime(row.created_at))),
		statusMark(row.status),
		el("span.line-what", before === undefined ? [el("span.muted", row.service_name), " ", row.action] : before),
		el("code.cut", { title: row.error_code }, row.error_code ?? ""),
		el("span.num", row.duration_ms === null ? "…" : milliseconds(row.duration_ms)));
}

function showChain(rows) {
	if (rows.length <= 1) {
		fill(parts.chain, el("p.muted", t("only_attempt")));
		return;
	}
	fill(parts.chain, el("ol.lines", rows.map((row, index) => {
		const gap = index > 0 ? Date.parse(row.created_at) - Date.parse(rows[index - 1].created_at) : null;
		return rowLine(row, gap === null ? "" : `+${milliseconds(gap)}`);
	})));
}

function showHistory(rows) {
	fill(parts.history, el("ol.lines", rows.map((row) => rowLine(row))),
		rows.length === HISTORY_SIZE && el("p.muted.small", t("history_cut", { n: HISTORY_SIZE })));
}

function loadBeside(row) {
	const failed = (place) => (error) => fill(place, notice(error, () => loadBeside(row)));
	chainQuestion.run((signal) => chain(row.id, signal), { done: showChain, failed: failed(parts.chain) });
	if (row.related_entity_type && row.related_entity_id) {
		historyQuestion.run((signal) => history(row.related_entity_type, row.related_entity_id, signal), { done: showHistory, failed: failed(parts.history) });
	} else {
		historyQuestion.cancel();
		fill(parts.history, el("p.muted", t("history_none")));
	}
}

/* ---- the whole */

function renderHead(row) {
	fill(parts.title, el("span.muted", row.service_name), " ", row.action);
	fill(parts.sub, statusMark(row.status), row.retry_count > 0 && el("span.tag", t("attempt", { n: row.retry_count + 1 })),
		el("time", { datetime: row.created_at }, fullTime(row.created_at)));
	show(parts.tools, true);
}

function historySection(row) {
	const what = `${row.related_entity_type}/${row.related_entity_id}`;
	if (!row.related_entity_id) {
		return section("history", t("entity"), parts.history);
	}
	return el("section.part", { "data-part": "history", "aria-label": t("history", { what }) },
		el("div.part-head", el("h3", t("history", { what: row.related_entity_type ?? "" }), " ", el("code.small", row.related_entity_id)), el("span.spring"),
			el("button.link.small", {
				type: "button",
				onclick: () => go(changed({ entity_type: row.related_entity_type ?? "", entity_id: row.related_entity_id })),
			}, t("history_filter"))),
		parts.history);
}

function renderBody({ row }) {
	parts.chain = el("div", el("p.muted", "…"));
	parts.history = el("div", el("p.muted", "…"));
	fill(parts.body,
		(row.error_code || row.error_message) && el("div.error-box", { "data-part": "error" },
			row.error_code && el("code", row.error_code), row.error_message && el("p", row.error_message)),
		payloadSection("request", row.request_payload),
		payloadSection("response", row.response_payload),
		section("attempts", t("attempts"), parts.chain),
		historySection(row),
		timingSection(row),
		el("p.muted.small.row-id", "id ", el("code", row.id)));
}

function renderAnswer(answer) {
	shown = answer;
	if (!answer) {
		fill(parts.title, t("panel"));
		fill(parts.sub);
		show(parts.tools, false);
		fill(parts.body, el("p.muted", t("row_gone")));
		return;
	}
	renderHead(answer.row);
	renderBody(answer);
	parts.root.dataset.row = answer.row.id; /* what is shown now, while the next one may be on its way */
	loadBeside(answer.row);
}

function load(id) {
	question.run((signal) => oneRow(id, signal), {
		slow: (slow) => parts.root.setAttribute("aria-busy", String(slow)),
		done: renderAnswer,
		failed: (error) => fill(parts.body, notice(error, () => load(id))),
	});
}

/* Shows what the URL says. */
export function renderPanel(id) {
	const wasOpen = panelIsOpen();
	if (!id) {
		if (wasOpen) {
			question.cancel();
			chainQuestion.cancel();
			historyQuestion.cancel();
			const hadFocus = parts.root.contains(document.activeElement);
			show(parts.root, false);
			document.body.classList.remove("with-panel");
			/* back to where one came from */
			if (hadFocus || document.activeElement === document.body) {
				focusRow(wanted) || document.getElementById("log").focus({ preventScroll: true });
			}
			wanted = null;
			shown = null;
		}
		return;
	}
	wanted = id;
	show(parts.root, true);
	document.body.classList.add("with-panel");
	const known = knownRow(id);
	if (known) {
		renderHead(known); /* at once; the payloads follow */
	}
	parts.root.scrollTop = 0;
	if (!wasOpen || !parts.root.contains(document.activeElement)) {
		parts.title.focus({ preventScroll: true });
	} else if (known) {
		announce(`${known.service_name} ${known.action}`);
	}
	load(id);
}

export function closePanel() {
	if (!panelIsOpen()) {
		return false;
	}
	go(changed({ row: null }));
	return true;
}

/* To the row below (1) or above (-1) in the log; the history keeps one entry for all of them. */
export function stepPanel(by) {
	const next = neighbour(view().row, by);
	if (next) {
		go(changed({ row: next }), { replace: true });
	}
}

/* The row in the panel has changed: it is shown as it is now. */
export function rowChanged(row) {
	const known = shown?.row.id === row.id && Date.parse(row.updated_at) === Date.parse(shown.row.updated_at);
	if (row.id === wanted && !known) {
		load(row.id);
	}
}

export function createPanel() {
	parts.title = el("h2", { id: "panel-title", tabindex: "-1" });
	parts.sub = el("div.panel-sub");
	parts.body = el("div.panel-body");
	const tool = (word, action, title) => el("button.quiet", { type: "button", title, onclick: action }, word);
	const copyRow = (event) => shown?.row.id === wanted && copyText(event.currentTarget, write(shown.node), t("copied"), t("copy_failed"));
	const copyLink = (event) => copyText(event.currentTarget, new URL(address(view()), location.href).href, t("copied"), t("copy_failed"));
	parts.tools = el("div.panel-tools",
		tool(t("copy_json"), copyRow), tool(t("copy_link"), copyLink, t("permalink")), el("span.spring"),
		tool("↑", () => stepPanel(-1), `${t("previous")} (k)`), tool("↓", () => stepPanel(1), `${t("next")} (j)`));
	for (const [button, name] of [[parts.tools.children[3], "previous"], [parts.tools.children[4], "next"]]) {
		button.setAttribute("aria-label", t(name));
	}
	const close = el("button.quiet.panel-close", { type: "button", "aria-label": t("close"), title: `${t("close")} (esc)`, onclick: closePanel }, "✕");
	parts.root = el("aside.panel", { role: "dialog", "aria-labelledby": "panel-title", tabindex: "-1" },
		el("div.panel-head", el("div.panel-top", parts.title, close), parts.sub, parts.tools), parts.body);
	show(parts.root, false);
	return parts.root;
}
