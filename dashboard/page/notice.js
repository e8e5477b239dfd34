/* SPDX-License-Identifier: MIT */
/* An error in words, with what to do about it. */

import { el } from "./dom.js";
import { t } from "./i18n.js";

/* Whether trying again may help without anyone doing anything. */
export const passes = (error) => ["network", "busy", "timeout"].includes(error.kind);

/* retry may be null. What the server said is shown below, as it is: it may name the cause. */
export function notice(error, retry) {
	const kind = error.kind ?? "server";
	return el("div.notice", { role: "alert" },
		el("span.notice-glyph", { "aria-hidden": "true" }, "!"),
		el("div", el("p", t(`error_${kind === "session" ? "refused" : kind}`)),
			kind !== "network" && error.message && el("p.muted.small", [error.code, error.message].filter(Boolean).join(": "))),
		retry && el("button.quiet", { type: "button", onclick: retry }, t("retry")));
}
