// SPDX-License-Identifier: MIT
/* What a person does with the page, against a running waybill with rows of ours. */
import { readFileSync } from "node:fs";
import { accessible, BASE, change, check, equal, insert, logRows, main, noSideways, ok, open, params, READ_KEY, row, shot, showing, tile, until, uuid } from "./lib.mjs";

const LEAD = uuid(77);
const FORMULA = "=HYPERLINK(\"http://example.test\")";
const HOUR = 3600;
const DAY = 86400;
const rows = [];
let digits = null; /* the row whose payload holds numbers that a double cannot */
let attempts = []; /* two attempts of one call */

const failure = (code, message) => ({ status: "failed", error_code: code, error_message: message });
const lead = { related_entity_type: "lead", related_entity_id: LEAD };

async function prepare() {
	const several = (count, age, fields) => {
		for (let n = 0; n < count; n++) {
			rows.push(row(age + n * 1500, fields));
		}
	};
	several(12, 600, {});
	several(4, 900, { ...failure("validation_error", "The domain is not verified. 100% sure_"), ...lead });
	several(3, 5 * HOUR, { service_name: "telegram", action: "send_telegram", ...failure("403", "Forbidden: bot was blocked by the user") });
	several(7, 1200, { service_name: "telegram", action: "send_telegram", duration_ms: 40 });
	several(2, 3 * DAY, { service_name: "amocrm", action: "create_lead", related_entity_type: "deal", related_entity_id: uuid(78) });
	several(1, 20 * DAY, { service_name: "amocrm", action: "create_lead", ...failure("UPSTREAM_TIMEOUT", FORMULA) });
	several(1, 60 * DAY, { service_name: "amocrm", action: "update_contact" });
	digits = row(300, { service_name: "mobizon", action: "send_sms", ...lead, request_payload: {
		big: "digits:9007199254740993", money: "digits:1.10", nested: [{ deep: { id: "digits:12345678901234567890" } }], text: "Привет 👋\nline", none: null, empty: {},
	} });
	const again = { service_name: "whapi", action: "send_whatsapp", request_payload: { to: "77001112233", body: "again" } };
	attempts = [
		row(420, { ...again, ...failure("HTTP_502", "HTTP 502 Bad Gateway"), status: "retrying", duration_ms: 1500 }),
		row(400, { ...again, retry_count: 1, duration_ms: 700 }),
	];
	rows.push(digits, ...attempts);
	await insert(rows);
}

/* Rows of a check, which others may see too. */
async function add(...some) {
	rows.push(...some);
	await insert(some);
	return some;
}

async function alter(one, fields) {
	Object.assign(one, fields);
	await change(one.id, fields);
}

const within = (seconds, test = () => true) => rows.filter((one) => Date.now() - Date.parse(one.created_at) < seconds * 1000 && test(one)).length;

async function pick(page, filter, ...values) {
	await page.click(`[data-filter="${filter}"]`);
	for (const value of values) {
		await page.locator(`#menu-${filter} input[value="${value}"]`).check();
	}
	await page.keyboard.press("Escape");
}

const openRow = async (page, id) => {
	await page.click(`tr[data-id="${id}"] .c-status`);
	await page.waitForSelector(".panel [data-part=request]");
};

check("the link's key becomes a cookie and leaves the address", async () => {
	const page = await open();
	await showing(page, within(DAY));
	equal(page.url(), `${BASE}/`);
	const [cookie] = await page.context().cookies();
	equal([cookie.httpOnly, cookie.sameSite], [true, "Strict"]);
	await page.reload();
	await showing(page, within(DAY));
});

check("without a key the page says where it is", async () => {
	const page = await open("/?status=failed", { key: null });
	page.allowed.push(/401/);
	await page.waitForSelector("text=state_dir/keys/authenticated");
	await accessible(page, "key");
	await page.fill("#key", "0".repeat(64));
	await page.keyboard.press("Enter");
	await page.waitForSelector("text=not the one in the file");
	await page.fill("#key", ` ${READ_KEY}\n`);
	await page.keyboard.press("Enter");
	await showing(page, within(DAY, (one) => one.status === "failed"));
});

check("service, action, status and code filter, together and each", async () => {
	const page = await open();
	await pick(page, "service", "telegram");
	await showing(page, within(DAY, (one) => one.service_name === "telegram"));
	await pick(page, "service", "resend");
	equal(new URL(page.url()).searchParams.getAll("service"), ["telegram", "resend"]);
	await showing(page, within(DAY, (one) => ["telegram", "resend"].includes(one.service_name)));
	await pick(page, "action", "send_email");
	await showing(page, within(DAY, (one) => one.action === "send_email"));
	await pick(page, "status", "failed");
	await showing(page, within(DAY, (one) => one.action === "send_email" && one.status === "failed"));
	await page.click("text=Clear filters");
	await showing(page, within(DAY));
	await pick(page, "code", "403", "HTTP_502");
	await showing(page, within(DAY, (one) => ["403", "HTTP_502"].includes(one.error_code)));
});

check("what was typed or opened before the choices came stays, and they come", async () => {
	const page = await open();
	page.allowed.push(/503/);
	let asked = 0;
	let release = null;
	const held = new Promise((done) => (release = done));
	await page.route("**/api/facets", async (route) => {
		await held;
		await (asked++ === 0 ? route.fulfill({ status: 503, contentType: "application/json", body: '{"code":"57014","message":"later"}' }) : route.continue());
	});
	await page.reload();
	await page.fill("[name=entity_type]", "lead");
	release();
	await page.waitForSelector("#entity-types option", { state: "attached" });
	equal(await page.inputValue("[name=entity_type]"), "lead");
	await page.keyboard.press("Enter");
	await showing(page, within(DAY, (one) => one.related_entity_type === "lead"));
	ok(asked > 1, "asked once only");
});

check("a choice that was opened too early fills", async () => {
	const page = await open();
	let release = null;
	const held = new Promise((done) => (release = done));
	await page.route("**/api/facets", (route) => held.then(() => route.continue()));
	await page.reload();
	await page.click("[data-filter=service]");
	await page.waitForSelector("#menu-service .menu-none");
	release();
	await page.check("#menu-service input[value=telegram]");
	await showing(page, within(DAY, (one) => one.service_name === "telegram"));
});

check("entity filters, by type, by id and by a pasted type/id", async () => {
	const page = await open();
	await page.fill("[name=entity_type]", "lead");
	await page.keyboard.press("Enter");
	await showing(page, within(DAY, (one) => one.related_entity_type === "lead"));
	await page.fill("[name=entity_id]", "not-a-uuid");
	await page.keyboard.press("Enter");
	await page.waitForSelector("#entity-problem:visible");
	equal(params(page).entity_id, undefined);
	await page.fill("[name=entity_id]", `lead/${LEAD.toUpperCase()}`);
	await page.keyboard.press("Enter");
	await until(() => params(page), { entity_type: "lead", entity_id: LEAD });
	await showing(page, within(DAY, (one) => one.related_entity_id === LEAD));
	/* who looks for one lead sees the rows first */
	ok(await page.evaluate(() => document.querySelector("#log").getBoundingClientRect().top < document.querySelector(".charts").getBoundingClientRect().top), "the log is not first");
});

check("words in the error filter, pattern characters taken literally", async () => {
	const page = await open();
	for (const [words, count] of [["BLOCKED by", 3], ["100% sure_", 4], ["100%%", 0], ["a*b", 0], ["\\", 0], ["_", 4]]) {
		await page.fill("[name=q]", words);
		await until(() => params(page).q, words);
		await showing(page, count);
	}
	await page.fill("[name=q]", "nothing like this");
	await page.waitForSelector(".none-match:visible");
});

check("ranges from 15 minutes to 90 days, and a custom one", async () => {
	const page = await open();
	for (const [range, seconds] of [["15m", 900], ["1h", HOUR], ["6h", 6 * HOUR], ["7d", 7 * DAY], ["30d", 30 * DAY], ["90d", 70 * DAY], ["24h", DAY]]) {
		await page.click(`[data-range="${range}"]`);
		await until(() => page.getAttribute(`[data-range="${range}"]`, "aria-pressed"), "true");
		await showing(page, within(seconds));
	}
	await page.click("[data-range=custom]");
	const local = (age) => new Date(Date.now() - age * 1000 + 5 * HOUR * 1000).toISOString().slice(0, 16); /* Almaty */
	await page.fill("#range-from", local(DAY));
	await page.fill("#range-to", local(4 * DAY));
	await page.click("text=Apply");
	await page.waitForSelector("text=The end must be after the start.");
	await page.fill("#range-from", local(4 * DAY));
	await page.fill("#range-to", local(2 * DAY));
	await page.click("text=Apply");
	await showing(page, 2);
	ok(params(page).from < params(page).to, page.url());
	ok(await page.locator(".pause").isDisabled(), "a range in the past is not live");
});

check("a view's address shows a colleague the same", async () => {
	const query = `?range=30d&service=amocrm&status=failed&code=UPSTREAM_TIMEOUT&q=${encodeURIComponent(FORMULA)}`;
	const page = await open(`/${query}`);
	await showing(page, 1);
	equal(new URL(page.url()).search, query);
	equal(await page.inputValue("[name=q]"), FORMULA);
});

check("tiles compare with the period before", async () => {
	const page = await open("/?range=24h");
	await showing(page, within(DAY));
	const failed = within(DAY, (one) => one.status === "failed");
	const done = failed + within(DAY, (one) => one.status === "success");
	equal(await tile(page, "still_failed"), String(failed));
	equal((await tile(page, "failure_rate")).replace("\u202f", ""), `${Math.round(failed / done * 1000) / 10}%`);
	equal(await tile(page, "in_flight"), "0");
	ok(/ms$/.test(await tile(page, "p50")) && /s$/.test(await tile(page, "p99")), "latency has units");
	ok((await page.textContent("[data-tile=calls]")).includes("nothing before"), "before");
	await page.click("[data-range='7d']");
	await page.click("[data-range='24h']");
	await page.click("[data-tile=still_failed]");
	await showing(page, failed);
	equal(params(page), { status: "failed" });
});

check("tables narrow the view, and back undoes", async () => {
	const page = await open("/?range=30d");
	const all = within(30 * DAY);
	await showing(page, all);
	await page.click("[data-table=errors] button:has-text('403')");
	await showing(page, 3);
	equal(params(page), { range: "30d", service: "telegram", action: "send_telegram", code: "403" });
	await page.goBack();
	await showing(page, all);
	await page.click("[data-table=actions] button:has-text('create_lead')");
	await showing(page, 3);
	await page.goBack();
	await page.click("[data-table=actions] tr:has-text('send_email') button:has-text('✕ 4')");
	await showing(page, 4);
	await page.goBack();
	await page.click(`tr[data-id="${digits.id}"] .entity-link`);
	await showing(page, 5);
	await page.goBack();
	await showing(page, all);
	await page.goForward();
	await showing(page, 5);
	const errors = await page.textContent("[data-table=errors]");
	ok(errors.includes("The domain is not verified"), "a message of the group is shown");
});

check("dragging over a chart selects the range", async () => {
	const page = await open();
	const all = within(DAY);
	await showing(page, all);
	for (const chart of ["calls", "latency"]) {
		const box = await page.locator(`[data-chart=${chart}] .u-over`).boundingBox();
		await page.mouse.move(box.x + box.width * 0.25, box.y + 60);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.5, box.y + 70, { steps: 4 });
		await page.mouse.up();
		await until(async () => Boolean(params(page).from), true);
		const [from, to] = [params(page).from, params(page).to].map((time) => Date.parse(time));
		const share = (to - from) / (DAY * 1000);
		ok(share > 0.22 && share < 0.28, `a quarter of the day is ${share}`);
		await showing(page, rows.filter((one) => Date.parse(one.created_at) >= from && Date.parse(one.created_at) < to).length);
		await page.goBack();
		await showing(page, all);
	}
	/* in words, and as a table */
	ok(/25 calls from .* 7 failed|calls from/.test(await page.getAttribute("[data-chart=calls] .plot", "aria-label")), "text alternative");
	await page.click("[data-chart=calls] summary");
	ok(await page.locator("[data-chart=calls] tbody tr").count() > 3, "the chart as a table");
});

check("new and changed rows come live; pause holds them", async () => {
	const page = await open("/?service=live");
	await page.waitForSelector("[data-state=live]");
	await until(() => logRows(page), 0);
	const [first] = await add(row(0, { service_name: "live", action: "one", status: "pending", duration_ms: null }));
	await add(row(0, { service_name: "other" }));
	await until(() => page.locator(".log tbody tr .c-what").allTextContents(), ["live one"]);
	await alter(first, { status: "failed", error_code: "HTTP_500", duration_ms: 1234 });
	await until(() => page.locator(".log tbody tr .c-took").allTextContents(), ["1.23\u202fs"]);
	equal(await page.locator(".log tbody .c-status").allTextContents(), ["✕ failed"]);
	await page.click("text=Pause");
	await add(row(0, { service_name: "live", action: "two" }), row(0, { service_name: "live", action: "three" }));
	await page.waitForSelector("text=2 new rows");
	equal(await logRows(page), 1);
	await page.click("text=2 new rows");
	await until(() => logRows(page), 3);
	await until(() => tile(page, "calls"), "3", "the tiles follow");
	/* a row that leaves the view leaves the log */
	await page.goto(`${BASE}/?service=live&status=failed`);
	await until(() => logRows(page), 1);
	await page.waitForSelector("[data-state=live]");
	await alter(first, { status: "retrying" });
	await until(() => logRows(page), 0);
});

check("the log goes on page by page, and misses no row of one instant", async () => {
	const at = new Date(Date.now() - 80 * DAY * 1000).toISOString();
	await insert(Array.from({ length: 250 }, () => row(0, { service_name: "many", action: "same", created_at: at, updated_at: at })));
	const page = await open("/?service=many&range=90d");
	await until(() => tile(page, "calls"), "250");
	await until(async () => {
		await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
		return logRows(page);
	}, 250);
	const ids = await page.locator(".log tbody tr").evaluateAll((all) => all.map((one) => one.dataset.id));
	equal(new Set(ids).size, 250);
	await page.waitForSelector("text=No older rows in this range.");
});

check("the panel shows a call in full, digit for digit", async () => {
	const page = await open();
	await showing(page, within(DAY));
	await openRow(page, digits.id);
	equal(params(page).row, digits.id);
	const request = page.locator("[data-part=request]");
	const numbers = () => request.locator(".number").allTextContents();
	equal(await numbers(), ["9007199254740993", "1.10"]);
	await request.getByText("Unfold").click();
	await until(numbers, ["9007199254740993", "1.10", "12345678901234567890"]);
	await shot(page, "panel");
	await accessible(page, "panel");
	ok((await request.textContent()).includes('"Привет 👋\\nline"'), "strings as JSON");
	await request.getByText("Fold", { exact: true }).click();
	await until(() => request.locator(".number").filter({ visible: true }).allTextContents(), ["9007199254740993", "1.10"]);
	await page.click("text=Copy JSON");
	const copied = await page.evaluate(() => navigator.clipboard.readText());
	for (const text of ['"big": 9007199254740993', '"money": 1.10', '"id": 12345678901234567890', `"id": "${digits.id}"`]) {
		ok(copied.includes(text), `${text} is not in ${copied}`);
	}
	equal(JSON.parse(copied).request_payload.text, "Привет 👋\nline");
	/* the entity's whole history: this row and the four failures */
	await until(() => page.locator("[data-part=history] li").count(), 5);
	await page.click("[data-part=history] li:not(.this) a >> nth=0");
	await page.waitForSelector(".error-box >> text=The domain is not verified");
	await page.goBack();
	await page.waitForSelector("[data-part=request] >> text=9007199254740993");
	await page.click("[data-part=history] >> text=Show in the log");
	await showing(page, 5);
});

check("attempts of one call stand together, with what lay between", async () => {
	const page = await open(`/?row=${attempts[1].id}`);
	await until(() => page.locator("[data-part=attempts] li .status").allTextContents(), ["↻ retrying", "✓ success"]);
	ok((await page.textContent("[data-part=attempts] li.this")).includes("+20\u202fs"), "the gap");
	ok((await page.textContent(".panel-head")).includes("try 2"), "which try");
	ok((await page.textContent("[data-part=timing]")).includes("700\u202fms"), "timing");
});

check("a permalink opens the row again, also after a reload", async () => {
	const page = await open("/?status=success");
	await openRow(page, digits.id);
	await page.click("text=Copy link");
	const link = await page.evaluate(() => navigator.clipboard.readText());
	equal(link, `${BASE}/?status=success&row=${digits.id}`);
	await page.reload();
	await page.waitForSelector("[data-part=request] >> text=9007199254740993");
	await page.goto(`${BASE}/?row=${uuid(4242)}`);
	await page.waitForSelector("text=There is no row with this id");
});

check("the CSV is this view's, guarded against formulas", async () => {
	const page = await open("/?range=30d&service=amocrm");
	await showing(page, 3);
	const [download] = await Promise.all([page.waitForEvent("download"), page.click(".csv")]);
	ok(/^integration_logs-.*\.csv$/.test(download.suggestedFilename()), download.suggestedFilename());
	const text = readFileSync(await download.path(), "utf8");
	const lines = text.trim().split(/\r?\n/);
	equal([lines.length, lines[0].split(",").length], [4, 14]);
	ok(text.includes(`"'=HYPERLINK(`) && !/(^|,)"?=HYPERLINK/m.test(text), text);
});

check("Russian where the browser asks for it", async () => {
	const page = await open("/", { locale: "ru-RU" });
	await showing(page, within(DAY));
	equal(await page.evaluate(() => document.documentElement.lang), "ru");
	ok((await page.textContent("header")).includes("Вызовы API"), "title");
	equal(await page.textContent("[data-tile=failure_rate] .tile-name"), "Доля ошибок");
	ok(/^\d+(,\d+)?\u202f%$/.test(await tile(page, "failure_rate")), "decimal comma");
	await openRow(page, digits.id);
	await page.waitForSelector("[data-part=request] >> text=6 ключей");
	await page.waitForSelector("[data-part=request] >> text=1 элемент");
	ok((await page.textContent(".panel-sub")).includes("успех"), "status");
	/* no English left behind */
	const words = await page.evaluate(() => document.body.innerText);
	for (const word of ["Failed", "Loading", "Request", "Response", "Pause", "Service", "Copy"]) {
		ok(!words.includes(word), `${word} in the Russian page`);
	}
	await accessible(page, "Russian");
	await shot(page, "ru");
});

check("an unknown language is English, a regional one its own", async () => {
	for (const [locale, lang] of [["kk-KZ", "en"], ["ru", "ru"]]) {
		const page = await open("/", { locale });
		await page.waitForSelector(".tiles");
		equal(await page.evaluate(() => document.documentElement.lang), lang, locale);
	}
});

const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor);

check("dark by the system or by choice, and the choice stays", async () => {
	const page = await open("/", { colorScheme: "dark" });
	await showing(page, within(DAY));
	const dark = await background(page);
	await accessible(page, "dark");
	await shot(page, "dark");
	await openRow(page, attempts[0].id);
	await accessible(page, "dark panel");
	await shot(page, "dark-panel");
	await page.keyboard.press("Escape");
	await page.click("[aria-label^='Colours']");
	equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
	const light = await background(page);
	ok(dark !== light, "light differs from dark");
	await page.reload();
	await showing(page, within(DAY));
	equal(await background(page), light);
});

check("usable at 380 pixels, never sideways", async () => {
	const page = await open("/", { width: 380, height: 780, hasTouch: true, isMobile: true });
	await showing(page, within(DAY));
	await noSideways(page, "start");
	await accessible(page, "phone");
	await shot(page, "phone", { fullPage: true });
	await page.click(".more-filters");
	await page.click("[data-filter=code]");
	await noSideways(page, "menu");
	await page.keyboard.press("Escape");
	await pick(page, "status", "failed");
	await showing(page, within(DAY, (one) => one.status === "failed"));
	await page.click(".log tbody tr >> nth=0");
	await page.waitForSelector(".panel [data-part=request]");
	await noSideways(page, "panel");
	const box = await page.locator(".panel").boundingBox();
	equal([box.x, box.width], [0, 380]);
	await shot(page, "phone-panel");
	await page.click(".panel-close");
	for (const locale of ["ru"]) {
		const other = await open("/?range=90d", { width: 380, locale });
		await other.waitForSelector(".log tbody tr");
		await other.click(".setup summary");
		await noSideways(other, locale);
	}
});

check("what the panel is asked for last counts, also while it is on its way", async () => {
	const made = await add(...[1, 2, 3].map((age) => row(age, { service_name: "panel", status: "pending" })));
	const ids = made.map((one) => one.id);
	const page = await open("/?service=panel");
	await showing(page, 3);
	await page.waitForSelector("[data-state=live]");
	let release = null;
	const held = new Promise((done) => (release = done));
	await page.route(`**/integration_logs?id=eq.${ids[1]}*`, (route) => held.then(() => route.continue()).catch(() => {}));
	await page.click(`tr[data-id="${ids[0]}"] .c-status`);
	await page.waitForSelector(`.panel[data-row="${ids[0]}"]`);
	await page.keyboard.press("j");
	await until(() => params(page).row, ids[1]);
	/* the row before changes meanwhile: it does not come back */
	await alter(made[0], failure("HTTP_500", "changed meanwhile"));
	await page.waitForSelector(`tr[data-id="${ids[0]}"] >> text=changed meanwhile`);
	release();
	await page.waitForSelector(`.panel[data-row="${ids[1]}"]`);
	await page.keyboard.press("k");
	await page.waitForSelector(`.panel[data-row="${ids[0]}"] >> text=changed meanwhile`);
	/* closed before anything came */
	await page.route(`**/integration_logs?id=eq.${ids[2]}*`, () => new Promise(() => {}));
	await page.keyboard.press("j");
	await page.keyboard.press("j");
	await until(() => params(page).row, ids[2]);
	await page.keyboard.press("Escape");
	await until(() => params(page).row, undefined);
	await until(() => page.evaluate(() => document.activeElement.closest("tr")?.dataset.id), ids[2], "focus");
});

check("the keyboard does it all", async () => {
	const page = await open();
	await showing(page, within(DAY));
	const ids = await page.locator(".log tbody tr").evaluateAll((all) => all.map((one) => one.dataset.id));
	const focused = () => page.evaluate(() => document.activeElement.closest("tr")?.dataset.id ?? document.activeElement.id);
	await page.keyboard.press("j");
	await page.keyboard.press("j");
	await page.keyboard.press("j");
	await page.keyboard.press("k");
	equal(await focused(), ids[1]);
	await page.keyboard.press("Enter");
	await until(() => params(page).row, ids[1]);
	await until(focused, "panel-title", "focus moves into the panel");
	await page.keyboard.press("j");
	await until(() => params(page).row, ids[2]);
	await page.waitForSelector(".panel [data-part=request]");
	await page.keyboard.press("Escape");
	await until(() => params(page).row, undefined);
	await until(focused, ids[2], "focus comes back to the row");
	await page.keyboard.press("/");
	equal(await page.evaluate(() => document.activeElement.name), "q");
	await page.keyboard.type("jk?p");
	equal(await page.inputValue("[name=q]"), "jk?p");
	await page.keyboard.press("Escape");
	equal(await page.evaluate(() => document.activeElement === document.body), true);
	await page.keyboard.press("?");
	await page.waitForSelector("dialog[open] >> text=next and previous row");
	await accessible(page, "help");
	await page.keyboard.press("Escape");
	await until(() => page.locator("dialog[open]").count(), 0);
	await page.keyboard.press("p");
	equal(await page.getAttribute(".pause", "aria-pressed"), "true");
});

check("axe finds nothing serious in the page, its menus and tables", async () => {
	const page = await open();
	await page.waitForSelector(".log tbody tr");
	await page.waitForSelector("[data-table=errors] tbody tr");
	await accessible(page, "start");
	await shot(page, "light", { fullPage: true });
	await page.click("[data-filter=status]");
	await accessible(page, "menu");
	await page.click("[data-range=custom]");
	await accessible(page, "custom range");
	await page.keyboard.press("Escape");
	await page.click(".setup summary");
	await page.click("[data-chart=latency] summary");
	await accessible(page, "unfolded");
	await page.goto(`${BASE}/?q=nothing-like-this`);
	await page.waitForSelector(".none-match:visible");
	await accessible(page, "no match");
});

check("a failure is told in words and passes by itself", async () => {
	const page = await open();
	await showing(page, within(DAY));
	page.allowed.push(/ERR_INTERNET_DISCONNECTED|ERR_NETWORK|net::ERR/);
	await page.context().setOffline(true);
	await page.click("[data-range='1h']");
	await page.waitForSelector("[role=alert] >> text=waybill does not answer");
	await accessible(page, "away");
	await page.context().setOffline(false);
	await page.click("[role=alert] >> text=Try again");
	await showing(page, within(HOUR));
	await until(() => page.locator("[role=alert]:visible").count(), 0);
	/* what the API says of a wrong question is shown as it is */
	page.allowed.push(/400|500/);
	await page.route("**/api/overview**", (route) => route.fulfill({ status: 504, contentType: "application/json", body: '{"code":"57014","message":"canceling statement due to statement timeout"}' }));
	await page.click("[data-range='6h']");
	page.allowed.push(/504/);
	await page.waitForSelector("[role=alert] >> text=Choose a shorter range");
	await page.waitForSelector("[role=alert] >> text=57014");
});

check("an answer that is no longer wanted is dropped", async () => {
	const page = await open();
	await showing(page, within(DAY));
	let release = null;
	const held = new Promise((done) => (release = done));
	await page.route("**/api/overview?range=90d*", async (route) => {
		const response = await route.fetch();
		await held;
		await route.fulfill({ response }).catch(() => {});
	});
	await page.click("[data-range='90d']");
	await page.click("[data-range='1h']");
	await showing(page, within(HOUR));
	release();
	await page.waitForTimeout(200);
	await showing(page, within(HOUR));
});

check("nothing flickers while it loads", async () => {
	const page = await open();
	await showing(page, within(DAY));
	await page.evaluate(() => {
		globalThis.busy = 0;
		globalThis.emptied = 0;
		new MutationObserver((changes) => {
			for (const change of changes) {
				globalThis.busy += change.target.getAttribute?.("aria-busy") === "true" ? 1 : 0;
			}
			globalThis.emptied += document.querySelector(".log tbody").childElementCount === 0 ? 1 : 0;
		}).observe(document.querySelector("main"), { subtree: true, attributes: true, childList: true });
	});
	await page.click("[data-range='7d']");
	await showing(page, within(7 * DAY));
	equal(await page.evaluate(() => globalThis.emptied), 0, "the log was never empty");
});

await main(prepare);
