/* SPDX-License-Identifier: MIT */
/* The key: from the link's fragment, or asked for. It goes into a cookie that no script can read. */

import { beginSession, hasSession } from "./api.js";
import { el, show } from "./dom.js";
import { t } from "./i18n.js";
import { notice } from "./notice.js";

/* The key of a link like /#key=…, which is taken out of the address at once. */
function keyOfLink() {
	const key = new URLSearchParams(location.hash.slice(1)).get("key");
	if (key !== null) {
		history.replaceState(null, "", location.pathname + location.search);
	}
	return key;
}

/* A link opened in a tab where the page is already: only the fragment changes. */
export function onNewKey(listener) {
	addEventListener("hashchange", async () => {
		const key = keyOfLink();
		if (key && await beginSession(key).catch(() => false)) {
			listener();
		}
	});
}

/* A form that ends when a key was right. Returns a promise of that. */
export function askForKey(place, reason) {
	const { promise, resolve } = withResolvers();
	const input = el("input", { id: "key", name: "key", type: "password", autocomplete: "current-password", required: true, spellcheck: "false" });
	const problem = el("p.problem", { role: "alert" }, reason ?? "");
	show(problem, Boolean(reason));
	const submit = async (event) => {
		event.preventDefault();
		try {
			if (await beginSession(input.value.trim())) {
				form.remove();
				resolve();
				return;
			}
			problem.textContent = t("key_wrong");
		} catch (error) {
			problem.replaceChildren(notice(error.kind ? error : { kind: "network" }, null));
		}
		show(problem, true);
		input.select();
	};
	const form = el("main.key-page", el("form.key-form", { onsubmit: submit },
		el("h1", t("key_title")), el("p", t("key_text")), el("p", el("code", "state_dir/keys/authenticated")),
		el("label", { for: "key" }, t("key_label")),
		el("div.key-line", input, el("button.primary", { type: "submit" }, t("key_enter"))), problem));
	place.append(form);
	input.focus();
	return promise;
}

function withResolvers() {
	let resolve;
	const promise = new Promise((done) => (resolve = done));
	return { promise, resolve };
}

/* True once there is a session. */
export async function enter(place) {
	const key = keyOfLink();
	if (key && await beginSession(key)) {
		return;
	}
	if (!key && await hasSession()) {
		return;
	}
	await askForKey(place, key ? t("key_wrong") : null);
}
