/* SPDX-License-Identifier: MIT */
/* Sets the chosen colours before the first paint; not a module, because modules run later. */
"use strict";
try {
	const theme = localStorage.getItem("waybill.theme");
	if (theme === "light" || theme === "dark") {
		document.documentElement.dataset.theme = theme;
	}
} catch {
	/* storage is switched off: the system's choice holds */
}
