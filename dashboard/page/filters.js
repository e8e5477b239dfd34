/* SPDX-License-Identifier: MIT */
/* The filter bar. It shows what the URL says and changes nothing but the URL. */

import { announce, el, fill, show } from "./dom.js";
import { dayMinute, GLYPHS, statusWord } from "./format.js";
import { t } from "./i18n.js";
import { closeMenu, menu, refillMenu } from "./menu.js";
import { bounds, changed, go, isFiltered, isUuid, RANGES, STATUSES, unfiltered, view } from "./url.js";

let facets = { services: [], actions: {}, codes: [], entity_types: [] };
const parts = {};

/* Also while somebody types: what stands in the fields is not touched. */
export function setFacets(next) {
	facets = next;
	renderChoices();
	refillMenu();
}

/* What there is to choose from, with whatever is chosen already. */
function choices(name) {
	const chosen = view()[name];
	const of = {
		service: () => facets.services,
		action: () => {
			const services = view().service.length > 0 ? view().service : Object.keys(facets.actions);
			return services.flatMap((service) => facets.actions[service] ?? []);
		},
		status: () => STATUSES,
		code: () => facets.codes,
	};
	const all = [...new Set([...of[name](), ...chosen])];
	return name === "status" ? all : all.sort((a, b) => a.localeCompare(b));
}

export const label = (name, value) => (name === "status" ? `${GLYPHS[value]} ${statusWord(value)}` : value);

function toggle(name, value, on) {
	const rest = view()[name].filter((one) => one !== value);
	go(changed({ [name]: on ? [...rest, value] : rest }));
}

function pickerBox(name) {
	const options = choices(name);
	if (options.length === 0) {
		return el("p.menu-none", t("nothing_here"));
	}
	const list = el("div.menu-list", options.map((value) => el("label.check",
		el("input", {
			type: "checkbox", value, checked: view()[name].includes(value),
			onchange: (event) => toggle(name, value, event.target.checked),
		}),
		el("span", { class: name === "status" ? `status ${value}` : null }, label(name, value)))));
	const search = options.length > 10 && el("input.menu-search", {
		type: "search", "aria-label": t("find"), placeholder: t("find"),
		oninput: (event) => {
			const wanted = event.target.value.toLowerCase();
			for (const line of list.children) {
				show(line, line.textContent.toLowerCase().includes(wanted));
			}
		},
	});
	const clear = el("button.quiet", {
		type: "button",
		onclick: () => {
			closeMenu({ focus: true });
			go(changed({ [name]: [] }));
		},
	}, t("clear"));
	const box = el("div", search, list, el("div.menu-foot", clear));
	return box;
}

function picker(name) {
	const one = menu({ id: `menu-${name}`, label: t(name), build: () => pickerBox(name) });
	one.button.dataset.filter = name;
	return one;
}

function renderPicker(name) {
	const chosen = view()[name];
	const { text, button } = parts[name];
	const shown = chosen.length === 0 ? t("any") : chosen.length === 1 ? label(name, chosen[0]) : `${chosen.length}`;
	fill(text, el("span.menu-name", t(name)), " ", el("span.menu-value", shown));
	button.classList.toggle("chosen", chosen.length > 0);
	button.title = chosen.map((value) => label(name, value)).join(", ");
}

/* ---- time */

/* A time for <input type="datetime-local">, which knows no zones. */
function localInput(ms) {
	const date = new Date(ms);
	return new Date(ms - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function customBox() {
	const { start, end } = bounds();
	const from = el("input", { type: "datetime-local", id: "range-from", required: true, value: localInput(start) });
	const to = el("input", { type: "datetime-local", id: "range-to", required: true, value: localInput(end ?? Date.now() + 60000) });
	const problem = el("p.problem", { role: "alert" });
	show(problem, false);
	return el("form.range-form", {
		onsubmit: (event) => {
			event.preventDefault();
			const [first, last] = [new Date(from.value), new Date(to.value)];
			if (!(first < last)) {
				problem.textContent = t("range_order");
				show(problem, true);
				return;
			}
			closeMenu({ focus: true });
			go(changed({ from: first.toISOString(), to: last.toISOString() }));
		},
	},
	el("label", { for: "range-from" }, t("from")), from,
	el("label", { for: "range-to" }, t("to")), to,
	problem,
	el("div.menu-foot", el("button.primary", { type: "submit" }, t("apply"))));
}

function rangeControl() {
	parts.ranges = Object.keys(RANGES).map((range) => el("button.segment", {
		type: "button", "data-range": range, "aria-pressed": "false",
		onclick: () => go(changed({ range })),
	}, t(`range_${range}`)));
	parts.custom = menu({ id: "menu-range", className: ".custom", label: t("range_custom"), build: customBox });
	parts.custom.button.dataset.range = "custom";
	return el("div.ranges", { role: "group", "aria-label": t("range") },
		el("div.segments", parts.ranges), parts.custom.root);
}

function renderRange(now) {
	for (const button of parts.ranges) {
		button.setAttribute("aria-pressed", String(button.dataset.range === now.range));
	}
	const { button, text } = parts.custom;
	text.textContent = now.from ? `${dayMinute(now.from)} – ${dayMinute(now.to)}` : t("range_custom");
	button.classList.toggle("chosen", Boolean(now.from));
}

/* ---- entity and words */

/* Takes "lead/UUID" apart, wherever it was pasted. */
function applyEntity() {
	const id = parts.entityId.value.trim();
	const slash = id.lastIndexOf("/");
	const type = slash > 0 ? id.slice(0, slash).trim() : parts.entityType.value.trim();
	const bare = slash > 0 ? id.slice(slash + 1).trim() : id;
	const good = bare === "" || isUuid(bare);
	parts.entityId.setAttribute("aria-invalid", String(!good));
	show(parts.entityProblem, !good);
	if (good) {
		go(changed({ entity_type: type, entity_id: bare.toLowerCase() }));
	} else {
		announce(t("entity_id_bad"));
	}
}

function entityControl() {
	parts.types = el("datalist", { id: "entity-types" });
	parts.entityType = el("input.entity-type", {
		name: "entity_type", list: "entity-types", "aria-label": t("entity_type"), placeholder: t("entity"),
		autocomplete: "off", spellcheck: "false", onchange: applyEntity,
	});
	parts.entityId = el("input.entity-id", {
		name: "entity_id", "aria-label": t("entity_id"), placeholder: t("entity_id_hint"), autocomplete: "off", spellcheck: "false",
		"aria-describedby": "entity-problem", onchange: applyEntity,
		/* a pasted id is whole: no need to press anything */
		onpaste: () => setTimeout(applyEntity),
	});
	parts.entityProblem = el("p.problem", { id: "entity-problem" }, t("entity_id_bad"));
	show(parts.entityProblem, false);
	return el("div.entity", { role: "group", "aria-label": t("entity") },
		parts.entityType, parts.entityId, parts.types, parts.entityProblem);
}

function wordsControl() {
	let timer = 0;
	/* while one types, the history gets one entry, not one for each letter */
	let typing = false;
	const apply = () => {
		clearTimeout(timer);
		if (parts.q.value !== view().q) {
			go(changed({ q: parts.q.value }), { replace: typing });
			typing = true;
		}
	};
	parts.q = el("input.words", {
		type: "search", name: "q", "aria-label": t("q"), placeholder: t("q_hint"), spellcheck: "false", "aria-keyshortcuts": "/",
		oninput: () => {
			clearTimeout(timer);
			timer = setTimeout(apply, 250);
		},
		onchange: apply,
		onfocus: () => (typing = false),
	});
	return parts.q;
}

export function focusWords() {
	if (!parts.root.classList.contains("open")) {
		toggleOnPhone(true);
	}
	parts.q.focus();
	parts.q.select();
}

function toggleOnPhone(open) {
	parts.root.classList.toggle("open", open);
	parts.more.setAttribute("aria-expanded", String(open));
}

export function createFilters(exportLink) {
	for (const name of ["service", "action", "status", "code"]) {
		parts[name] = picker(name);
	}
	parts.clear = el("button.quiet.clear-all", { type: "button", onclick: () => go(unfiltered()) }, t("clear_all"));
	/* on a phone the filters below the range are folded away */
	parts.more = el("button.more-filters", {
		type: "button", "aria-expanded": "false", "aria-controls": "filter-fields",
		onclick: () => toggleOnPhone(!parts.root.classList.contains("open")),
	});
	const fields = el("div.filter-fields", { id: "filter-fields" },
		["service", "action", "status", "code"].map((name) => parts[name].root),
		entityControl(), wordsControl(), parts.clear);
	parts.root = el("section.filters", { role: "search", "aria-label": t("filters") },
		el("div.filter-top", rangeControl(), parts.more, exportLink), fields);
	renderFilters(view());
	return parts.root;
}

function renderChoices() {
	["service", "action", "status", "code"].forEach(renderPicker);
	fill(parts.types, facets.entity_types.map((type) => el("option", { value: type })));
}

export function renderFilters(now) {
	renderRange(now);
	renderChoices();
	/* what is being typed is left alone */
	for (const [input, value] of [[parts.entityType, now.entity_type], [parts.entityId, now.entity_id], [parts.q, now.q]]) {
		if (document.activeElement !== input || input.value.trim() === "" || input !== parts.q) {
			input.value = value;
		}
	}
	parts.entityId.setAttribute("aria-invalid", "false");
	show(parts.entityProblem, false);
	show(parts.clear, isFiltered(now));
	const count = ["service", "action", "status", "code"].filter((name) => now[name].length > 0).length +
		["entity_type", "entity_id", "q"].filter((name) => now[name]).length;
	parts.more.textContent = count > 0 ? `${t("more_filters")} · ${count}` : t("more_filters");
}
