// SPDX-License-Identifier: MIT
/*
 * A hundred payloads that would run somewhere, in every field that comes from outside: nothing runs,
 * nothing is asked for, no element comes of them, and each is shown as what it is.
 */
import { BASE, check, equal, insert, main, ok, open, row, shot, until, uuid } from "./lib.mjs";

const RUN = "top.hit=1,alert(1)";
const TAGS = [
	`<script>${RUN}</script>`, `<SCRIPT SRC=//x.test/a.js></SCRIPT>`, `<img src=x onerror="${RUN}">`, `<svg onload="${RUN}">`,
	`<svg><script>${RUN}</script></svg>`, `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`, `<iframe src="javascript:${RUN}"></iframe>`,
	`<a href="javascript:${RUN}">x</a>`, `<body onload="${RUN}">`, `<input autofocus onfocus="${RUN}">`, `<details open ontoggle="${RUN}">`,
	`<video><source onerror="${RUN}"></video>`, `<math href="javascript:${RUN}">x</math>`, `<object data="javascript:${RUN}"></object>`,
	`<embed src="javascript:${RUN}">`, `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`, `<base href="//x.test/">`,
	`<form action="javascript:${RUN}"><button>x</button></form>`, `<style>*{background:url(//x.test/)}</style>`, `<link rel=stylesheet href=//x.test/a.css>`,
	`<template><script>${RUN}</script></template>`, `<marquee onstart="${RUN}">`, `<div style="x:expression(${RUN})">`, `<isindex type=image src=1 onerror="${RUN}">`,
	`<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
];
const LEADS = ["", "\">", "'>", "-->"];
const PAYLOADS = LEADS.flatMap((lead, index) => TAGS.map((tag) => `${lead}${tag}${index === 2 ? "${7*7}{{7*7}}" : ""}`));
equal(PAYLOADS.length, 100);

const IDS = PAYLOADS.map((_, index) => uuid(50000 + index));
const ENTITY = uuid(60000);

async function prepare() {
	await insert(PAYLOADS.map((text, index) => row(100 + index, {
		id: IDS[index], service_name: text, action: text, status: "failed", error_code: text, error_message: text,
		related_entity_type: text, related_entity_id: index % 2 ? ENTITY : uuid(61000 + index),
		request_payload: { [text]: text, list: [text, { [text]: [text] }], __proto__: null, constructor: text },
		response_payload: index % 3 ? text : { [text]: { [text]: text } },
	})));
}

/* Elements that the page itself never makes, or only so many of. */
async function clean(page, where) {
	const found = await page.evaluate(() => ({
		hit: globalThis.hit ?? null,
		strange: [...document.querySelectorAll("iframe,object,embed,img,svg,video,math,base,style,template,marquee,isindex,link[href*='x.test'],meta[http-equiv]")].map((one) => one.outerHTML.slice(0, 120)),
		scripts: document.scripts.length,
		handlers: [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some((attribute) => /^on/i.test(attribute.name) || /^\s*javascript:/i.test(attribute.value))).map((one) => one.outerHTML.slice(0, 120)),
	}));
	equal(found, { hit: null, strange: [], scripts: 2, handlers: [] }, where);
	ok(page.faults.length === 0, `${where}: ${page.faults.slice(0, 3).join("\n")}`);
}

check("100 payloads in every captured field are only text", async () => {
	const page = await open("/");
	const asked = [];
	page.on("request", (request) => !request.url().startsWith(BASE) && asked.push(request.url()));
	await until(() => page.locator(".log tbody tr").count(), 100);
	await clean(page, "log");
	const shown = await page.locator(".log tbody tr").evaluateAll((all) => all.map((one) => one.querySelector(".c-error code").textContent));
	equal(shown, PAYLOADS, "error codes as they are");
	await page.click("[data-table=actions] .more");
	await page.click("[data-table=errors] .more");
	ok(await page.locator("[data-table=errors] tbody tr").count() === 100, "all groups of errors");
	for (const filter of ["service", "action", "code"]) {
		await page.click(`[data-filter="${filter}"]`);
		await until(() => page.locator(`#menu-${filter} .check`).count(), 100, filter);
		await clean(page, filter);
		await page.keyboard.press("Escape");
	}
	await shot(page, "xss");
	/* every row in the panel, with its payloads unfolded */
	await page.click(`tr[data-id="${IDS[0]}"] .c-status`);
	for (let index = 0; index < IDS.length; index++) {
		await page.waitForSelector(`.panel[data-row="${IDS[index]}"]`);
		equal(await page.locator("#panel-title").textContent(), `${PAYLOADS[index]} ${PAYLOADS[index]}`);
		await page.evaluate(() => document.querySelectorAll(".panel details").forEach((one) => (one.open = true)));
		if (index % 10 === 0) {
			const keys = await page.locator("[data-part=request] .k").allTextContents();
			ok(keys.includes(JSON.stringify(PAYLOADS[index]).slice(1, -1)), "the key is shown");
			await clean(page, `panel ${index}`);
		}
		await page.keyboard.press("j");
	}
	await clean(page, "the end");
	equal(asked, [], "nothing is asked for elsewhere");
});

check("payloads in the address are only text", async () => {
	const page = await open("/");
	await page.waitForSelector(".tiles"); /* the session is there */
	for (const text of PAYLOADS.filter((_, index) => index % 9 === 0)) {
		const query = new URLSearchParams();
		for (const name of ["service", "action", "status", "code", "entity_type", "entity_id", "q", "row", "range", "from", "to"]) {
			query.append(name, text);
		}
		await page.goto(`${BASE}/?${query}#x=${encodeURIComponent(text)}`);
		await page.waitForSelector(".tiles");
		await clean(page, text);
	}
	/* they are filters like any other: each finds its own row */
	await until(() => page.locator("[data-tile=calls] .tile-value").textContent(), "1");
	await clean(page, "addresses");
});

check("payloads that come live are only text", async () => {
	const page = await open("/");
	await page.waitForSelector("[data-state=live]");
	const text = `<img src=x onerror="${RUN}">live`;
	await insert([row(0, { service_name: text, action: text, error_code: text, error_message: text, related_entity_type: text, related_entity_id: ENTITY })]);
	await until(() => page.locator(".log tbody tr .c-what").first().textContent(), `${text} ${text}`);
	await clean(page, "live");
});

await main(prepare);
