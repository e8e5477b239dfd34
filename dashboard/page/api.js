/* SPDX-License-Identifier: MIT */
/* The admin port, asked by fetch. Errors come in words; an answer that is no longer wanted is dropped. */

import { parseExact, plain } from "./json.js";
import { bounds, filterParams, isUuid } from "./url.js";

export const PAGE_SIZE = 100;

export const COLUMNS = [
	"id", "service_name", "action", "status", "retry_count", "related_entity_type", "related_entity_id",
	"error_code", "error_message", "duration_ms", "created_at", "updated_at",
];

/* kind: "session", "network", "refused" (403), "timeout", "busy", "request" (our question), "server". */
export class ApiError extends Error {
	constructor(kind, status, message, code = "") {
		super(message);
		Object.assign(this, { kind, status, code });
	}
}

const KINDS = { 400: "request", 401: "session", 403: "refused", 404: "request", 408: "timeout", 429: "busy", 503: "busy", 504: "timeout" };

async function failure(response) {
	const text = await response.text().catch(() => "");
	let message = text.slice(0, 500);
	let code = "";
	try {
		const body = JSON.parse(text);
		const error = body.error ?? body;
		message = String(error.message ?? error);
		code = String(error.code ?? "");
	} catch {
		/* not JSON: the text is the message */
	}
	const kind = code === "57014" ? "timeout" : (KINDS[response.status] ?? "server");
	return new ApiError(kind, response.status, message, code);
}

const onExpired = [];

/* Called when a request says that there is no session (any more). */
export function whenExpired(listener) {
	onExpired.push(listener);
}

async function request(path, options = {}) {
	let response;
	try {
		response = await fetch(path, { credentials: "same-origin", ...options });
	} catch (error) {
		if (error.name === "AbortError") {
			throw error;
		}
		throw new ApiError("network", 0, error.message);
	}
	if (response.status === 401) {
		onExpired.forEach((listener) => listener());
	}
	if (!response.ok) {
		throw await failure(response);
	}
	return response;
}

async function text(path, signal) {
	const response = await request(path, { signal, headers: { Accept: "application/json" } });
	return response.text();
}

const json = async (path, signal) => JSON.parse(await text(path, signal));

export const overview = (view, signal) => json(`/api/overview?${filterParams(view)}`, signal);
export const facets = (signal) => json("/api/facets", signal);
export const coverage = (signal) => json("/api/coverage", signal);
export const setup = (signal) => json("/api/setup", signal);
export const csvAddress = (view) => `/api/export.csv?${filterParams(view)}`;

export async function chain(id, signal) {
	return rowsOf(parseExact(await text(`/api/chain?id=${encodeURIComponent(id)}`, signal)), "attempts");
}

/* ---- sessions */

export async function hasSession() {
	const response = await fetch("/session", { credentials: "same-origin" });
	return response.ok;
}

/* True: the key was taken and the browser has its cookie. */
export async function beginSession(key) {
	const response = await fetch("/session", {
		method: "POST",
		credentials: "same-origin",
		headers: { Authorization: `Bearer ${key}` },
	});
	if (response.status === 401) {
		return false;
	}
	if (!response.ok) {
		throw await failure(response);
	}
	return true;
}

/* ---- rows, in PostgREST's grammar */

/* A value within a list or a group: quoted, because commas, dots and brackets mean something there. */
function quoted(value) {
	return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/*
 * A text that must occur, as a pattern of ilike. The grammar makes % of every *, with no way to write
 * a star: it becomes "any character", and matches() below looks again.
 */
function containing(words) {
	return `*${words.replace(/[\\%_]/g, "\\$&").replaceAll("*", "_")}*`;
}

const LISTS = { service: "service_name", action: "action", status: "status", code: "error_code" };

/* The rows of a view as parameters of /rest/v1/integration_logs. after: the last row of the page before. */
function rowParams(view, after) {
	const params = new URLSearchParams({ select: COLUMNS.join(","), order: "created_at.desc,id.desc", limit: String(PAGE_SIZE) });
	const { start, end } = bounds(view);
	params.append("created_at", `gte.${new Date(start).toISOString()}`);
	if (end !== null) {
		params.append("created_at", `lt.${new Date(end).toISOString()}`);
	}
	for (const [name, column] of Object.entries(LISTS)) {
		if (view[name].length > 0) {
			params.append(column, `in.(${view[name].map(quoted).join(",")})`);
		}
	}
	if (view.entity_type) {
		params.append("related_entity_type", `eq.${view.entity_type}`);
	}
	if (view.entity_id) {
		params.append("related_entity_id", `eq.${view.entity_id}`);
	}
	if (view.q) {
		params.append("error_message", "not.is.null"); // for the index of just these
		params.append("error_message", `ilike.${containing(view.q)}`);
	}
	if (after) {
		const time = quoted(after.created_at);
		params.append("created_at", `lte.${after.created_at}`); // the same, but an index can begin there
		params.append("or", `(created_at.lt.${time},and(created_at.eq.${time},id.lt.${after.id}))`);
	}
	return params;
}

function rowOf(node) {
	const row = {};
	for (const { key, value } of node.members) {
		row[key] = key.endsWith("_payload") ? value : plain(value);
	}
	return row;
}

function rowsOf(node, name) {
	const list = name ? node.members.find((one) => one.key === name).value : node;
	return list.items.map(rowOf);
}

export function parseRow(source) {
	return rowOf(parseExact(source));
}

async function rest(params, signal) {
	return text(`/rest/v1/integration_logs?${params}`, signal);
}

/* One page of the log. whole: there are older rows. */
export async function page(view, after, signal) {
	const rows = rowsOf(parseExact(await rest(rowParams(view, after), signal)));
	const wanted = view.q.includes("*") ? rows.filter((row) => matches(row, view)) : rows;
	return { rows: wanted, last: rows.at(-1) ?? null, more: rows.length === PAGE_SIZE };
}

/* One row with its payloads as nodes, and the whole of it as a node; null: there is none. */
export async function oneRow(id, signal) {
	if (!isUuid(id)) {
		return null;
	}
	const list = parseExact(await rest(new URLSearchParams({ id: `eq.${id}` }), signal));
	const node = list.items[0];
	return node ? { row: rowOf(node), node } : null;
}

export const HISTORY_SIZE = 200;

/* What was done for one entity, newest first. */
export async function history(type, id, signal) {
	const params = new URLSearchParams({
		select: COLUMNS.join(","),
		related_entity_type: `eq.${type}`,
		related_entity_id: `eq.${id}`,
		order: "created_at.desc,id.desc",
		limit: String(HISTORY_SIZE),
	});
	return rowsOf(parseExact(await rest(params, signal)));
}

/* Whether a row belongs to a view; for rows that come live. */
export function matches(row, view) {
	const { start, end } = bounds(view);
	const created = Date.parse(row.created_at);
	return created >= start && (end === null || created < end) &&
		Object.entries(LISTS).every(([name, column]) => view[name].length === 0 || view[name].includes(row[column])) &&
		(!view.entity_type || row.related_entity_type === view.entity_type) &&
		(!view.entity_id || row.related_entity_id === view.entity_id.toLowerCase()) &&
		(!view.q || (row.error_message ?? "").toLowerCase().includes(view.q.toLowerCase()));
}

/*
 * Runs the newest of several questions: run(f) aborts what an earlier run() still waits for, and its
 * answer never arrives. f gets the signal.
 */
export function latest() {
	let controller = null;
	return {
		async run(question, { done, failed, slow }) {
			controller?.abort();
			const mine = (controller = new AbortController());
			const timer = setTimeout(() => slow?.(true), 300);
			try {
				const answer = await question(mine.signal);
				if (controller === mine) {
					done(answer);
				}
			} catch (error) {
				if (controller === mine && error.name !== "AbortError") {
					if (!(error instanceof ApiError)) {
						console.error(error);
					}
					failed(error);
				}
			} finally {
				clearTimeout(timer);
				if (controller === mine) {
					slow?.(false);
				}
			}
		},
		cancel() {
			controller?.abort();
			controller = null;
		},
	};
}
