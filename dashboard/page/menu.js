/* SPDX-License-Identifier: MIT */
/* A button that opens a small box; at most one is open. Escape, a click elsewhere and leaving it close it. */

import { el, show } from "./dom.js";

let open = null;

export function closeMenu({ focus = false } = {}) {
	if (!open) {
		return false;
	}
	const menu = open;
	open = null;
	show(menu.box, false);
	menu.button.setAttribute("aria-expanded", "false");
	if (focus) {
		menu.button.focus();
	}
	return true;
}

/* What there is to choose from has come: a box that was opened before shows it. */
export function refillMenu() {
	if (open?.box.querySelector(".menu-none")) {
		open.box.replaceChildren(open.build());
	}
}

/* build() is called at each opening and gives what is in the box. */
export function menu({ id, className = "", label, build }) {
	const text = el("span.menu-text");
	const button = el("button.menu-button", {
		type: "button", "aria-expanded": "false", "aria-controls": id, "aria-haspopup": "true",
	}, text);
	const box = el("div.menu-box", { id, role: "group", "aria-label": label, tabindex: "-1" });
	const root = el(`div.menu${className}`, button, box);
	const one = { root, button, text, box, build };
	show(box, false);
	button.addEventListener("click", () => {
		const wasOpen = open === one;
		closeMenu();
		if (wasOpen) {
			return;
		}
		box.replaceChildren(build());
		show(box, true);
		/* stays within the window on a phone */
		box.classList.toggle("menu-right", button.getBoundingClientRect().left + box.offsetWidth > document.documentElement.clientWidth - 8);
		button.setAttribute("aria-expanded", "true");
		open = one;
		(box.querySelector("input, button, select") ?? box).focus();
	});
	root.addEventListener("focusout", (event) => {
		if (open === one && event.relatedTarget && !root.contains(event.relatedTarget)) {
			closeMenu();
		}
	});
	return one;
}

addEventListener("pointerdown", (event) => {
	if (open && !open.root.contains(event.target)) {
		closeMenu();
	}
});
