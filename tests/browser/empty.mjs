// SPDX-License-Identifier: MIT
/* A waybill that has recorded nothing yet, and its first call; hosts that passed unseen are in its store. */
import { execFileSync } from "node:child_process";
import { accessible, BASE, check, equal, main, noSideways, ok, open, shot, tile, until } from "./lib.mjs";

const { PROXY, CA } = process.env;

check("with nothing recorded, the page says how to begin", async () => {
	const page = await open("/");
	await page.waitForSelector("text=No calls yet");
	const commands = await page.locator(".commands pre").allTextContents();
	equal(commands[0], `export HTTPS_PROXY=${PROXY}\nexport NODE_EXTRA_CA_CERTS=${CA}`);
	equal(commands[1], "waybill exec -- node app.js");
	await page.click(".command-line button >> nth=0");
	equal(await page.evaluate(() => navigator.clipboard.readText()), commands[0]);
	equal(await page.locator(".tiles:visible, .log:visible, .filters:visible").count(), 0);
	await accessible(page, "empty");
	await shot(page, "empty");
	await page.setViewportSize({ width: 380, height: 780 });
	await noSideways(page, "empty");
});

check("coverage names who passed unseen, the worst first", async () => {
	const page = await open("/");
	await until(() => page.locator("[data-table=coverage] tbody th").allTextContents(), ["api.telegram.org", "api.<b>stripe</b>.com"]);
	const text = await page.textContent("[data-table=coverage]");
	ok(text.includes("NODE_EXTRA_CA_CERTS") && text.includes("add a service file") && text.includes("10.0.0.7"), text);
	await accessible(page, "coverage");
});

check("the first call turns it into the dashboard", async () => {
	const page = await open("/");
	await page.waitForSelector("text=No calls yet");
	/* the very line that the page shows, but for the API's address */
	execFileSync("curl", ["-s", "-o", "/dev/null", "-x", PROXY, "--cacert", CA, "https://api.resend.com/emails", "--json", '{"id":9007199254740993}']);
	await until(() => page.locator(".tiles:visible").count(), 1);
	await until(() => tile(page, "calls"), "1");
	await until(() => page.locator(".log tbody .c-what").allTextContents(), ["resend send_email"]);
	await page.click(".log tbody tr");
	await page.waitForSelector("[data-part=request] >> text=9007199254740993");
	equal(page.url().startsWith(`${BASE}/?row=`), true);
});

await main();
