/* SPDX-License-Identifier: MIT */
/* Two tables: what is called, and what goes wrong. A row's button narrows the view to it. */

import { el, fill, show } from "./dom.js";
import { compact, fullTime, integer, milliseconds, percent, shortTime } from "./format.js";
import { t } from "./i18n.js";
import { changed, go, view } from "./url.js";

class Table {
	/* columns: [{title, cell(row) → children, className}]; first: so many rows until one asks for more */
	constructor({ name, title, empty, columns, first }) {
		Object.assign(this, { columns, first, rows: [], all: false });
		this.body = el("tbody");
		this.none = el("p.muted.none", empty);
		this.more = el("button.quiet.more", { type: "button", onclick: () => {
			this.all = true;
			this.render(this.rows);
		} });
		show(this.none, false); /* until it is known */
		show(this.more, false);
		this.table = el("table", el("caption", el("h2", title)),
			el("thead", el("tr", columns.map((one) => el("th", { scope: "col", class: one.className }, one.title)))), this.body);
		this.root = el("section.card", { "data-table": name, "aria-label": title }, el("div.scroll", { tabindex: "0", role: "region", "aria-label": title }, this.table), this.none, this.more);
	}

	render(rows) {
		this.rows = rows;
		const shown = this.all ? rows : rows.slice(0, this.first);
		fill(this.body, shown.map((row) => el("tr", this.columns.map((one, index) =>
			el(index === 0 ? "th" : "td", { class: one.className, scope: index === 0 ? "row" : null }, one.cell(row))))));
		show(this.none, rows.length === 0);
		show(this.table.tHead, rows.length > 0);
		show(this.more, rows.length > shown.length);
		this.more.textContent = t("n_more", { n: rows.length - shown.length });
	}
}

function drill(patch, what, ...content) {
	return el("button.link", { type: "button", title: t("show_only", { what }), onclick: () => go(changed(patch)) }, content);
}

function name(row) {
	const what = `${row.service_name} · ${row.action}`;
	return drill({ service: [row.service_name], action: [row.action] }, what,
		el("span.muted", row.service_name), " ", row.action);
}

let actions = null;
let errors = null;

/* How many of the calls failed, as a number; how much that is, in the title. */
function failures(row) {
	return row.failed > 0
		? drill({ service: [row.service_name], action: [row.action], status: ["failed"] }, percent(row.failed / row.count), el("span.status.failed", `✕ ${integer(row.failed)}`))
		: el("span.muted", "0");
}

export function createTables() {
	actions = new Table({
		name: "actions", first: 8, title: t("by_action"), empty: t("none_match"),
		columns: [
			{ title: t("action"), cell: (row) => [name(row), row.long_poll && el("span.tag", t("long_poll"))] },
			{ title: t("count"), className: "num", cell: (row) => compact(row.count) },
			{ title: t("failures"), className: "num", cell: failures },
			{ title: "p95", className: "num", cell: (row) => milliseconds(row.p95) },
			{ title: t("total"), className: "num", cell: (row) => milliseconds(row.total_ms) },
		],
	});
	errors = new Table({
		name: "errors", first: 5, title: t("by_error"), empty: t("no_errors"),
		columns: [
			{ title: t("code"), cell: (row) => [
				row.error_code
					? drill({ service: [row.service_name], action: [row.action], code: [row.error_code] }, row.error_code, el("code", row.error_code))
					: el("span.muted", t("no_code")),
				el("span.under.beside", `${row.service_name} ${row.action}`),
				row.message && el("div.under.cut", { title: row.message }, row.message)] },
			{ title: t("times"), className: "num", cell: (row) => compact(row.count) },
			{ title: t("first_seen"), className: "when", cell: (row) => el("time", { datetime: row.first_seen, title: fullTime(row.first_seen) }, shortTime(row.first_seen)) },
			{ title: t("last_seen"), className: "when", cell: (row) => el("time", { datetime: row.last_seen, title: fullTime(row.last_seen) }, shortTime(row.last_seen)) },
		],
	});
	return el("div.tables", actions.root, errors.root);
}

let shape = "";

export function renderTables(overview) {
	/* another view starts short again */
	const next = JSON.stringify([view().service, view().action, view().range, view().from]);
	if (next !== shape) {
		shape = next;
		actions.all = errors.all = false;
	}
	actions.render(overview.actions);
	errors.render(overview.errors);
}
