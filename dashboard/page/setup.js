/* SPDX-License-Identifier: MIT */
/* How to point a service here, and what passes without becoming rows. */

import { coverage, latest, setup } from "./api.js";
import { copyText, el, fill, show } from "./dom.js";
import { fullTime, integer, shortTime } from "./format.js";
import { t } from "./i18n.js";
import { notice } from "./notice.js";

const parts = {};
const setupQuestion = latest();
const coverageQuestion = latest();

/* As a word of a shell command. */
function shellWord(text) {
	return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function commandBox(title, text, lines) {
	const command = lines.join("\n");
	return el("div.command", el("h3", title), el("p.muted", text),
		el("div.command-line", el("pre", el("code", command)),
			el("button.quiet", { type: "button", onclick: (event) => copyText(event.currentTarget, command, t("copied"), t("copy_failed")) }, t("copy"))));
}

function showSetup(facts) {
	const ca = shellWord(facts.ca);
	fill(parts.commands,
		commandBox(t("setup_env"), t("setup_env_text"), [`export HTTPS_PROXY=${shellWord(facts.proxy)}`, `export NODE_EXTRA_CA_CERTS=${ca}`]),
		commandBox(t("setup_exec"), t("setup_exec_text"), ["waybill exec -- node app.js"]),
		commandBox(t("setup_try"), t("setup_try_text"), [`curl -x ${shellWord(facts.proxy)} --cacert ${ca} https://api.resend.com/emails`]));
	parts.version.textContent = t("version", { version: facts.version, database: facts.database });
}

/* ---- coverage */

/* kind: what to say of it, worst first. What is recorded needs no words. */
const KINDS = ["tls_rejected", "routed_tunnel", "cleartext", "tunnel", "unrouted_https", "unrouted_http"];
const isKnown = (row) => KINDS.includes(row.kind);

function coverageRow(row) {
	const kind = isKnown(row) ? row.kind : null;
	return el("tr",
		el("th", { scope: "row" }, el("code", row.host)),
		el("td", kind ? t(`coverage_${kind}`) : row.kind),
		el("td", el("code", row.client ?? "")),
		el("td.num", integer(row.count)),
		el("td.when", el("time", { datetime: row.last_seen, title: fullTime(row.last_seen) }, shortTime(row.last_seen))),
		el("td.muted", kind ? t(`coverage_${kind}_do`) : ""));
}

function showCoverage(all) {
	const rank = (row) => (isKnown(row) ? KINDS.indexOf(row.kind) : KINDS.length);
	const rows = all.filter((row) => row.kind !== "recorded").sort((a, b) => rank(a) - rank(b) || b.count - a.count);
	show(parts.coverageScroll, rows.length > 0);
	show(parts.coverageNone, rows.length === 0);
	fill(parts.coverageBody, rows.map(coverageRow));
	parts.coverageCount.textContent = rows.length > 0 ? integer(rows.length) : "";
	show(parts.coverageCount, rows.length > 0);
}

export function loadSetup() {
	setupQuestion.run(setup, { done: showSetup, failed: (error) => fill(parts.commands, notice(error, loadSetup)) });
	loadCoverage();
}

export function loadCoverage() {
	coverageQuestion.run(coverage, {
		done: (answer) => showCoverage(answer),
		failed: () => showCoverage([]),
	});
}

/* empty: nothing was ever recorded, so this is what the page is about. */
export function renderSetup(empty) {
	parts.details.open = empty || parts.details.open;
	parts.title.textContent = empty ? t("setup_empty") : t("setup");
	parts.root.classList.toggle("empty", empty);
}

export function openSetup() {
	parts.details.open = true;
	parts.details.scrollIntoView({ block: "start" });
	parts.summary.focus();
}

function coverageCard() {
	const column = (word, className) => el("th", { scope: "col", class: className }, word);
	parts.coverageBody = el("tbody");
	parts.coverageNone = el("p.muted.none", t("coverage_none"));
	parts.coverageCount = el("span.tag");
	parts.coverageScroll = el("div.scroll", { tabindex: "0", role: "region", "aria-label": t("coverage") },
		el("table", el("caption.sr", t("coverage_text")),
			el("thead", el("tr", column(t("host")), column(t("kind")), column(t("client")), column(t("times"), "num"), column(t("last_seen"), "when"), column(t("what_to_do")))),
			parts.coverageBody));
	return el("section.card", { "data-table": "coverage", "aria-label": t("coverage") },
		el("div.card-head", el("h2", t("coverage")), parts.coverageCount, el("span.muted", t("coverage_text"))), parts.coverageScroll, parts.coverageNone);
}

export function createSetup() {
	parts.commands = el("div.commands");
	parts.title = el("h2", t("setup"));
	parts.version = el("span");
	parts.summary = el("summary", parts.title);
	parts.details = el("details.card.setup", parts.summary, el("p.setup-lead", t("setup_lead")), parts.commands);
	parts.root = el("div.setup-part", parts.details, coverageCard());
	return { root: parts.root, version: parts.version };
}
