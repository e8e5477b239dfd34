/* SPDX-License-Identifier: MIT */
/* Puts the page together: the URL says what is shown, each part shows it. */

import { csvAddress, facets, latest, overview, whenExpired } from "./api.js";
import { createCharts, redrawCharts, renderCharts } from "./charts.js";
import { el, fill, show } from "./dom.js";
import { createFilters, renderFilters, setFacets } from "./filters.js";
import { zone } from "./format.js";
import { t } from "./i18n.js";
import { createHelp, showHelp } from "./keyboard.js";
import { createLog, loadLog, markRow, onLiveRow } from "./log.js";
import { notice, passes } from "./notice.js";
import { createPanel, renderPanel, rowChanged } from "./panel.js";
import { askForKey, enter, onNewKey } from "./session.js";
import { createSetup, loadCoverage, loadSetup, openSetup, renderSetup } from "./setup.js";
import { createTables, renderTables } from "./tables.js";
import { createTiles, renderTiles } from "./tiles.js";
import { changed, go, isFiltered, onChange, sameFilter, unfiltered, view } from "./url.js";

const POLL_MS = 30000;
const RETRY_MS = 5000;
const AFTER_ROW_MS = 1500;

const parts = {};
const overviewQuestion = latest();
const facetsQuestion = latest();
let known = { services: [], actions: {}, codes: [], entity_types: [] };
let timer = 0;
let due = Infinity;

/* ---- numbers */

function showOverview(answer) {
	parts.problem.replaceChildren();
	const empty = known.services.length === 0 && answer.now.calls === 0 && answer.in_flight === 0 && !isFiltered();
	document.body.classList.toggle("nothing", empty);
	renderSetup(empty);
	[parts.tiles, parts.numbers, parts.log, parts.filters].forEach((part) => show(part, !empty));
	renderTiles(answer);
	renderCharts(answer);
	renderTables(answer);
	plan(POLL_MS);
}

function loadOverview() {
	clearTimeout(timer);
	due = Infinity;
	overviewQuestion.run((signal) => overview(view(), signal), {
		slow: (slow) => [parts.tiles, parts.numbers].forEach((part) => part.setAttribute("aria-busy", String(slow))),
		done: showOverview,
		failed: (error) => {
			if (error.kind === "session") {
				return;
			}
			fill(parts.problem, notice(error, loadAll));
			plan(passes(error) ? RETRY_MS : POLL_MS);
		},
	});
}

function loadFacets() {
	facetsQuestion.run(facets, {
		done: (answer) => {
			known = answer;
			setFacets(answer);
		},
		failed: (error) => error.kind !== "session" && setTimeout(loadFacets, RETRY_MS),
	});
}

/* Asks for the numbers again in a while, or sooner. Not while nobody looks. */
function plan(ms) {
	const at = Date.now() + ms;
	if (at >= due) {
		return;
	}
	due = at;
	clearTimeout(timer);
	timer = setTimeout(() => {
		if (document.hidden) {
			due = Infinity;
			return;
		}
		loadOverview();
	}, ms);
}

function cameLive(row) {
	rowChanged(row);
	if (!known.services.includes(row.service_name) || !(known.actions[row.service_name] ?? []).includes(row.action)) {
		loadFacets();
	}
	plan(AFTER_ROW_MS);
}

/* ---- the view */

function loadAll() {
	loadOverview();
	loadLog(view());
}

/* Whoever looks for one entity or one message wants the rows: then the log comes before the charts. */
function arrange(now) {
	const first = now.entity_id || now.q ? parts.log : parts.numbers;
	if (parts.tiles.nextElementSibling !== first) {
		parts.tiles.after(first);
		scrollTo(0, 0);
	}
}

function render(now, before) {
	const sameRows = before && sameFilter(now, before);
	if (before && !sameRows) {
		renderFilters(now); /* they were made with what the URL said */
	}
	if (!sameRows) {
		arrange(now);
		parts.csv.href = csvAddress(now);
		loadAll();
	}
	if (!before || now.row !== before.row) {
		markRow(now.row);
		renderPanel(now.row);
	}
}

/* ---- the frame */

const THEMES = ["auto", "light", "dark"];

function themeButton() {
	const button = el("button.quiet.icon", { type: "button" });
	const current = () => document.documentElement.dataset.theme ?? "auto";
	const name = () => {
		button.textContent = { auto: "◐", light: "○", dark: "●" }[current()];
		button.setAttribute("aria-label", t(`theme_${current()}`));
		button.title = t(`theme_${current()}`);
	};
	button.addEventListener("click", () => {
		const next = THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length];
		if (next === "auto") {
			delete document.documentElement.dataset.theme;
		} else {
			document.documentElement.dataset.theme = next;
		}
		try {
			localStorage.setItem("waybill.theme", next);
		} catch {
			/* switched off: it holds until the page is left */
		}
		name();
		redrawCharts();
	});
	name();
	return button;
}

function widenButton() {
	return el("div.none-actions",
		el("button.primary", { type: "button", onclick: () => go(unfiltered()) }, t("clear_all")),
		el("button.quiet", { type: "button", onclick: () => go(changed({ range: "90d" })) }, t("widen")));
}

function createPage() {
	parts.csv = el("a.button.quiet.csv", { href: csvAddress(view()), download: "", title: t("export_csv_title") }, t("export_csv"));
	parts.filters = createFilters(parts.csv);
	parts.problem = el("div.problems");
	parts.tiles = el("div.numbers", createTiles());
	parts.numbers = el("div.numbers", createCharts(), createTables());
	parts.log = createLog(widenButton);
	const setup = createSetup();
	parts.main = el("main", parts.problem, parts.tiles, parts.numbers, parts.log, setup.root);
	parts.panel = createPanel();
	parts.page = el("div.page",
		el("a.skip", { href: "#log" }, t("skip")),
		el("header.top", el("h1", el("span.brand", "waybill"), " ", el("span.muted", t("title"))), el("span.spring"),
			el("button.quiet", { type: "button", onclick: openSetup }, t("setup")),
			themeButton(),
			el("button.quiet.icon", { type: "button", "aria-label": t("help"), title: `${t("help")} (?)`, onclick: showHelp }, "?")),
		parts.filters,
		parts.main,
		el("footer.foot", setup.version, el("span", t("utc", { zone: zone() }))));
	document.body.append(parts.page, parts.panel, createHelp());
}

let asking = false;

async function expired() {
	if (asking || !parts.page) {
		return;
	}
	asking = true;
	show(parts.page, false);
	show(parts.panel, false);
	await askForKey(document.body, t("key_expired"));
	asking = false;
	show(parts.page, true);
	loadFacets();
	loadSetup();
	render(view());
}

async function start() {
	try {
		await enter(document.body);
	} catch (error) {
		fill(document.body, el("main.key-page", notice(error.kind ? error : { kind: "network" }, () => location.reload())));
		return;
	}
	createPage();
	whenExpired(expired);
	onNewKey(loadAll);
	onLiveRow(cameLive);
	onChange(render);
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden) {
			plan(0);
		}
	});
	document.title = `waybill · ${t("title")}`;
	/* the choices first: they tell whether anything was ever recorded */
	await facets().then((answer) => (known = answer), () => setTimeout(loadFacets, RETRY_MS));
	setFacets(known);
	loadSetup();
	setInterval(() => !document.hidden && loadCoverage(), 60000);
	render(view());
}

start();
