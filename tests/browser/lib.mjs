// SPDX-License-Identifier: MIT
/*
 * The browser, the page in it, and rows to show: what the scripts here share.
 *
 * A script is started with the address of a running waybill and its two keys in its environment. It
 * registers checks by check(NAME, f) and prints, for each, one line of JSON. SHOTS names a folder for
 * pictures, where someone wants them.
 */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import process from "node:process";

const require = createRequire(new URL("../npm/dashboard/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const { BASE, READ_KEY, SERVICE_KEY, SHOTS } = process.env;
const SECONDS = 1000 * (process.env.PATIENCE ?? 30);

const ARGS = [
	"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

let browser = null;
const checks = [];

export function check(name, run) {
	checks.push({ name, run });
}

export function equal(actual, wanted, what = "") {
	const [a, w] = [actual, wanted].map((value) => JSON.stringify(value));
	if (a !== w) {
		throw new Error(`${what}: ${a} instead of ${w}`);
	}
}

export function ok(value, what) {
	if (!value) {
		throw new Error(what);
	}
}

/* Polls until f gives what is wanted. */
export async function until(f, wanted, what = "") {
	const end = Date.now() + SECONDS;
	for (;;) {
		const value = await f();
		if (JSON.stringify(value) === JSON.stringify(wanted)) {
			return;
		}
		if (Date.now() > end) {
			equal(value, wanted, what);
		}
		await new Promise((done) => setTimeout(done, 40));
	}
}

/* ---- pages */

const opened = new Set();

/*
 * A browser window of its own with the page in it. Whatever it should never do is an error of the check:
 * dialogs, CSP reports, exceptions, complaints on the console.
 */
export async function open(path = "/", { key = READ_KEY, width = 1360, height = 900, ...options } = {}) {
	const context = await browser.newContext({
		viewport: { width, height }, locale: "en-GB", timezoneId: "Asia/Almaty", reducedMotion: "reduce", ...options,
	});
	await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: BASE });
	const page = await context.newPage();
	page.setDefaultTimeout(SECONDS);
	page.faults = [];
	page.allowed = []; /* patterns of complaints that belong to the check */
	page.on("dialog", (dialog) => {
		page.faults.push(`dialog: ${dialog.message()}`);
		dialog.dismiss();
	});
	page.on("pageerror", (error) => page.faults.push(`exception: ${error.stack}`));
	page.on("console", (message) => {
		if (["error", "warning"].includes(message.type())) {
			page.faults.push(`console: ${message.text()}`);
		}
	});
	await page.exposeFunction("reportViolation", (text) => page.faults.push(`CSP: ${text}`));
	await page.addInitScript(() => {
		addEventListener("securitypolicyviolation", (event) => globalThis.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
	});
	opened.add(page);
	await page.goto(`${BASE}${path}${key ? `#key=${key}` : ""}`);
	return page;
}

/* Ends a window, and tells what went wrong in it. */
async function closePage(page) {
	opened.delete(page);
	const faults = page.faults.filter((fault) => !page.allowed.some((pattern) => pattern.test(fault)));
	await page.context().close();
	if (faults.length > 0) {
		throw new Error(faults.slice(0, 5).join("\n"));
	}
}

export const tile = (page, name) => page.locator(`[data-tile="${name}"] .tile-value`).textContent();
export const logRows = (page) => page.locator(".log tbody tr").count();
export const params = (page) => Object.fromEntries(new URL(page.url()).searchParams);

/* Waits until the view has this many calls, in the tile and in the log. */
export async function showing(page, count) {
	await until(async () => [await tile(page, "calls"), await logRows(page)], [String(count), count], "calls, rows");
}

/* Serious and critical faults of accessibility, as axe-core sees them. */
export async function accessible(page, state) {
	/* by the debugger: the page's CSP lets no other script in */
	await page.evaluate(axeSource);
	const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
	const bad = result.violations.filter((one) => ["serious", "critical"].includes(one.impact));
	equal(bad.map((one) => [one.id, one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`)]), [], `axe, ${state}`);
}

export async function noSideways(page, state) {
	const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
	ok(wide <= window, `${state}: the page is ${wide} wide in a window of ${window}`);
}

export async function shot(page, name, options = {}) {
	if (SHOTS) {
		await page.screenshot({ path: `${SHOTS}/${name}.png`, ...options });
	}
}

/* ---- rows */

async function rest(method, query, body) {
	const response = await fetch(`${BASE}/rest/v1/integration_logs${query}`, {
		method, body, headers: { apikey: SERVICE_KEY, Authorization: `Bearer ${SERVICE_KEY}`, "Content-Type": "application/json" },
	});
	const text = await response.text();
	ok(response.ok, `${method} ${query}: ${response.status} ${text.slice(0, 500)}`);
}

const HEX = "0123456789abcdef";

export function uuid(seed) {
	let text = "";
	for (let at = 0; at < 32; at++) {
		seed = (seed * 1103515245 + 12345) % 2147483648;
		text += HEX[(seed >> 12) % 16];
	}
	return `${text.slice(0, 8)}-${text.slice(8, 12)}-4${text.slice(13, 16)}-8${text.slice(17, 20)}-${text.slice(20)}`;
}

let made = 0;

/* A row with all columns; age in seconds. */
export function row(age, fields = {}) {
	const at = new Date(Date.now() - age * 1000).toISOString();
	return {
		id: uuid(++made + 1000 * process.pid), service_name: "resend", action: "send_email", status: "success",
		related_entity_type: null, related_entity_id: null, request_payload: { n: made }, response_payload: { ok: true },
		error_message: null, error_code: null, duration_ms: 100, retry_count: 0, created_at: at, updated_at: at, ...fields,
	};
}

/* Inserts rows. A string that begins with "digits:" is written as a bare number. */
export async function insert(rows) {
	await rest("POST", "", JSON.stringify(rows).replace(/"digits:([^"]*)"/g, "$1"));
	return rows;
}

export const change = (id, fields) => rest("PATCH", `?id=eq.${id}`, JSON.stringify(fields));

/* ---- the run */

export async function main(prepare) {
	browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
	const say = (result) => process.stdout.write(`${JSON.stringify(result)}\n`);
	try {
		await prepare?.();
		const wanted = process.env.ONLY ? checks.filter((one) => process.env.ONLY.split("|").some((part) => one.name.includes(part))) : checks;
		for (const { name, run } of wanted) {
			const began = Date.now();
			let problem = null;
			try {
				await run();
			} catch (error) {
				problem = error.stack;
				for (const page of opened) {
					await shot(page, `failed-${name.replace(/\W+/g, "-")}`).catch(() => {});
				}
			}
			for (const page of [...opened]) {
				await closePage(page).catch((error) => (problem ??= error.stack));
			}
			say({ name, problem, ms: Date.now() - began });
		}
	} finally {
		await browser.close();
	}
}
