/* SPDX-License-Identifier: MIT */
/*
 * The view is its URL: filters, range and the open row. Nothing else remembers them, so a copied
 * address shows a colleague the same, and the back button undoes.
 */

export const RANGES = { "15m": 900, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800, "30d": 2592000, "90d": 7776000 };
export const STATUSES = ["success", "failed", "retrying", "pending"];
const LISTS = ["service", "action", "status", "code"];
const TEXTS = ["entity_type", "entity_id", "q"];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const listeners = [];

export function isUuid(text) {
	return UUID.test(text);
}

function readTime(text) {
	const time = Date.parse(text ?? "");
	return Number.isNaN(time) ? null : new Date(time).toISOString();
}

/* What an address says; what makes no sense in it is left out. */
export function parse(search) {
	const params = new URLSearchParams(search);
	const view = { range: "24h", from: null, to: null, row: null };
	for (const name of LISTS) {
		view[name] = [...new Set(params.getAll(name).filter((value) => value !== ""))];
	}
	view.status = view.status.filter((value) => STATUSES.includes(value));
	for (const name of TEXTS) {
		view[name] = params.get(name) ?? "";
	}
	if (view.entity_id && !isUuid(view.entity_id)) {
		view.entity_id = "";
	}
	const from = readTime(params.get("from"));
	const to = readTime(params.get("to"));
	if (from && to && from < to) {
		Object.assign(view, { range: null, from, to });
	} else if (Object.hasOwn(RANGES, params.get("range") ?? "")) {
		view.range = params.get("range");
	}
	const row = params.get("row") ?? "";
	view.row = isUuid(row) ? row.toLowerCase() : null;
	return view;
}

/* The parameters of a view, without the open row: what the API is asked with, too. */
export function filterParams(view) {
	const params = new URLSearchParams();
	if (view.from) {
		params.set("from", view.from);
		params.set("to", view.to);
	} else {
		params.set("range", view.range);
	}
	for (const name of LISTS) {
		for (const value of view[name]) {
			params.append(name, value);
		}
	}
	for (const name of TEXTS) {
		if (view[name]) {
			params.set(name, view[name]);
		}
	}
	return params;
}

export function address(view) {
	const params = filterParams(view);
	if (!view.from && view.range === "24h") {
		params.delete("range"); /* the default needs no words */
	}
	if (view.row) {
		params.set("row", view.row);
	}
	const query = params.toString();
	return query ? `/?${query}` : "/";
}

let current = parse(location.search);

export function view() {
	return current;
}

/* A view with some parts changed. A range undoes from and to, and the other way round. */
export function changed(patch, base = current) {
	const next = { ...base, ...patch };
	if ("range" in patch && patch.range) {
		Object.assign(next, { from: null, to: null });
	} else if (patch.from && patch.to) {
		next.range = null;
	}
	return next;
}

export function unfiltered(base = current) {
	const next = { ...base, row: null };
	LISTS.forEach((name) => (next[name] = []));
	TEXTS.forEach((name) => (next[name] = ""));
	return next;
}

export function isFiltered(base = current) {
	return LISTS.some((name) => base[name].length > 0) || TEXTS.some((name) => base[name]);
}

export function sameFilter(a, b) {
	return filterParams(a).toString() === filterParams(b).toString();
}

/* Goes to another view: a new entry in the history, or (replace) instead of this one. */
export function go(next, { replace = false } = {}) {
	const target = address(next);
	if (target === address(current)) {
		return;
	}
	if (replace) {
		history.replaceState(null, "", target);
	} else {
		history.pushState(null, "", target);
	}
	arrive();
}

export function onChange(listener) {
	listeners.push(listener);
}

function arrive() {
	const before = current;
	current = parse(location.search);
	listeners.forEach((listener) => listener(current, before));
}

addEventListener("popstate", arrive);

/* The bounds of the view's time now, in ms since 1970; end null: it goes on. */
export function bounds(base = current, now = Date.now()) {
	if (base.from) {
		return { start: Date.parse(base.from), end: Date.parse(base.to) };
	}
	return { start: now - RANGES[base.range] * 1000, end: null };
}
