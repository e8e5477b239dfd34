/* SPDX-License-Identifier: MIT */
/* Elements from data. Text becomes text nodes only: nothing here parses HTML. */

/*
 * el("td.num", {title: "…", onclick: f}, "text", child, …). After a dot: classes. Attributes
 * that are null, undefined or false are left out, true stands for an empty value; on… are listeners.
 */
export function el(spec, ...rest) {
	const [name, ...classes] = spec.split(".");
	const node = document.createElement(name);
	if (classes.length > 0) {
		node.className = classes.join(" ");
	}
	const first = rest[0];
	if (first && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first)) {
		setAttributes(node, rest.shift());
	}
	append(node, rest);
	return node;
}

function setAttributes(node, attributes) {
	for (const [key, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false) {
			continue;
		}
		if (key.startsWith("on")) {
			node.addEventListener(key.slice(2), value);
		} else {
			node.setAttribute(key, value === true ? "" : String(value));
		}
	}
}

function append(node, children) {
	for (const child of children) {
		if (Array.isArray(child)) {
			append(node, child);
		} else if (child instanceof Node) {
			node.append(child);
		} else if (child !== null && child !== undefined && child !== false) {
			node.append(String(child));
		}
	}
}

/* Puts new children in the place of the old ones. */
export function fill(node, ...children) {
	node.replaceChildren();
	append(node, children);
	return node;
}

/* Shows or hides; the attribute, so that style sheets and screen readers agree. */
export function show(node, visible) {
	node.hidden = !visible;
}

/* A polite live region: what is said here is read aloud once. */
let announcer = null;

export function announce(text) {
	if (!announcer) {
		announcer = el("div.sr", { role: "status", "aria-live": "polite" });
		document.body.append(announcer);
	}
	announcer.textContent = "";
	requestAnimationFrame(() => {
		announcer.textContent = text;
	});
}

/* Copies, and says so on the button for a moment. */
export async function copyText(button, text, doneWord, failedWord) {
	let word = doneWord;
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		/* no clipboard outside https and localhost: the old way still works */
		const area = el("textarea.sr");
		area.value = text;
		document.body.append(area);
		area.select();
		word = document.execCommand("copy") ? doneWord : failedWord;
		area.remove();
		button.focus();
	}
	const before = button.dataset.label ?? button.textContent;
	button.dataset.label = before;
	button.textContent = word;
	announce(word);
	clearTimeout(Number(button.dataset.timer));
	button.dataset.timer = String(setTimeout(() => {
		button.textContent = before;
	}, 1500));
}
