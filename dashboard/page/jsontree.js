/* SPDX-License-Identifier: MIT */
/* A folding tree of exact JSON nodes. Branches are made when they are opened: payloads may be deep. */

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { isContainer } from "./json.js";

const OPEN_DEPTH = 2;
const OPEN_MOST = 40; /* children of a branch that is open from the start */
const CHUNK = 100;
const TEXT_MOST = 600;
const UNFOLD_MOST = 3000;

/* Invisible and direction-changing characters, which could make a value look like another. */
const HIDDEN = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export function visible(text) {
	return text.replace(HIDDEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function stringNode(value) {
	const whole = visible(JSON.stringify(value));
	if (whole.length <= TEXT_MOST) {
		return el("span.v.string", whole);
	}
	const node = el("span.v.string", whole.slice(0, TEXT_MOST));
	const button = el("button.link.small", {
		type: "button",
		onclick: () => {
			node.textContent = whole;
			button.remove();
		},
	}, t("more_text", { n: whole.length - TEXT_MOST }));
	return [node, "… ", button];
}

function scalarNode(node) {
	switch (node.type) {
	case "string":
		return stringNode(node.value);
	case "number":
		return el("span.v.number", node.text);
	default:
		return el("span.v.word", node.type);
	}
}

function keyNode(key, index) {
	if (key !== undefined) {
		return [el("span.k", visible(JSON.stringify(key).slice(1, -1))), el("span.punct", ": ")];
	}
	return index === undefined ? null : [el("span.k.index", index), el("span.punct", ": ")];
}

function entries(node) {
	return node.type === "object" ? node.members : node.items.map((value, index) => ({ value, index }));
}

function fillBranch(list, children, from, depth) {
	const end = Math.min(from + CHUNK, children.length);
	for (let at = from; at < end; at++) {
		list.append(itemNode(children[at], depth));
	}
	if (end < children.length) {
		const line = el("li", el("button.link.small", {
			type: "button",
			onclick: () => {
				line.remove();
				fillBranch(list, children, end, depth);
			},
		}, t("more_items", { n: children.length - end })));
		list.append(line);
	}
}

function branchNode(name, node, depth) {
	const children = entries(node);
	const brackets = node.type === "object" ? ["{", "}"] : ["[", "]"];
	if (children.length === 0) {
		return el("span", name, el("span.punct", brackets.join("")));
	}
	const count = t(node.type === "object" ? "n_keys" : "n_items", { n: children.length });
	const list = el("ul.tree-list");
	const details = el("details.branch",
		el("summary", name, el("span.punct", brackets[0]), el("span.count", count), el("span.punct", brackets[1])), list);
	const make = () => {
		if (details.open && list.childElementCount === 0) {
			fillBranch(list, children, 0, depth + 1);
		}
	};
	details.addEventListener("toggle", make);
	if (depth < OPEN_DEPTH && children.length <= OPEN_MOST) {
		details.open = true;
		make();
	}
	details.make = make;
	return details;
}

function itemNode({ key, index, value }, depth) {
	const name = keyNode(key, index);
	return el("li", isContainer(value) ? branchNode(name, value, depth) : [name, scalarNode(value)]);
}

/* The whole as an element. */
export function jsonTree(node) {
	return el("div.tree", isContainer(node) ? branchNode(null, node, 0) : scalarNode(node));
}

/* Unfolds or folds everything below (but no more than a browser can bear). */
export function unfold(tree, open) {
	let left = UNFOLD_MOST;
	const queue = [...tree.querySelectorAll("details.branch")];
	while (queue.length > 0 && left-- > 0) {
		const details = queue.shift();
		details.open = open || details === tree.firstElementChild;
		if (open) {
			const before = details.querySelectorAll("details.branch").length;
			details.make();
			if (before === 0) {
				queue.push(...details.querySelectorAll("details.branch"));
			}
		}
	}
}
