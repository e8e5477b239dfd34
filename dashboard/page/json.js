/* SPDX-License-Identifier: MIT */
/*
 * JSON that keeps what was written: the digits of numbers (9007199254740993, 1.10, 1e400), the order
 * and repetition of keys. A value is a node:
 *
 *   {type: "null" | "true" | "false"}   {type: "number", text}   {type: "string", value}
 *   {type: "array", items: [node]}      {type: "object", members: [{key, value: node}]}
 */

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const BLANK = /[ \t\r\n]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

class Reader {
	constructor(text) {
		this.text = text;
		this.at = 0;
	}

	fail() {
		throw new SyntaxError(`not JSON at character ${this.at}`);
	}

	match(pattern) {
		pattern.lastIndex = this.at;
		const found = pattern.exec(this.text);
		if (!found) {
			return null;
		}
		this.at = pattern.lastIndex;
		return found[0];
	}

	/* Skips blanks and gives the next character. */
	peek() {
		this.match(BLANK);
		return this.text[this.at];
	}

	take(character) {
		if (this.peek() !== character) {
			return false;
		}
		this.at++;
		return true;
	}

	word(word) {
		if (!this.text.startsWith(word, this.at)) {
			this.fail();
		}
		this.at += word.length;
		return { type: word };
	}

	string() {
		this.at++;
		let value = "";
		for (;;) {
			value += this.match(PLAIN);
			const character = this.text[this.at++];
			if (character === '"') {
				return value;
			}
			if (character !== "\\") {
				this.fail();
			}
			value += this.escape();
		}
	}

	escape() {
		const letter = this.text[this.at++];
		if (letter !== "u") {
			return ESCAPES[letter] ?? this.fail();
		}
		const digits = this.text.slice(this.at, this.at + 4);
		if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
			this.fail();
		}
		this.at += 4;
		return String.fromCharCode(Number.parseInt(digits, 16));
	}

	/* A value that holds no other, or null for the start of an array or object. */
	scalar() {
		const character = this.peek();
		switch (character) {
		case "{":
		case "[":
			return null;
		case '"':
			return { type: "string", value: this.string() };
		case "n":
			return this.word("null");
		case "t":
			return this.word("true");
		case "f":
			return this.word("false");
		default: {
			const text = this.match(NUMBER);
			return text ? { type: "number", text } : this.fail();
		}
		}
	}

	key() {
		if (this.peek() !== '"') {
			this.fail();
		}
		const key = this.string();
		if (!this.take(":")) {
			this.fail();
		}
		return key;
	}

	open() {
		return this.text[this.at++] === "{" ? { type: "object", members: [] } : { type: "array", items: [] };
	}

	/* With a stack of its own: captured payloads may be nested as deep as their sender liked. */
	value() {
		const stack = [];
		let node = this.scalar() ?? this.open();
		let entering = isContainer(node);
		for (;;) {
			if (entering) {
				const close = node.type === "object" ? "}" : "]";
				if (this.take(close)) {
					entering = false;
				} else {
					stack.push(node);
					node = this.child(node);
					entering = isContainer(node);
				}
				continue;
			}
			const parent = stack.at(-1);
			if (!parent) {
				return node;
			}
			if (this.take(",")) {
				node = this.child(parent);
				entering = isContainer(node);
			} else if (this.take(parent.type === "object" ? "}" : "]")) {
				node = stack.pop();
			} else {
				this.fail();
			}
		}
	}

	child(parent) {
		const key = parent.type === "object" ? this.key() : null;
		const value = this.scalar() ?? this.open();
		if (parent.type === "object") {
			parent.members.push({ key, value });
		} else {
			parent.items.push(value);
		}
		return value;
	}
}

export function isContainer(node) {
	return node.type === "object" || node.type === "array";
}

/* Text to a node. Throws a SyntaxError. */
export function parseExact(text) {
	const reader = new Reader(text);
	const node = reader.value();
	if (reader.peek() !== undefined) {
		reader.fail();
	}
	return node;
}

/* A member of an object node; the last one where a key is repeated. null: none. */
export function member(node, key) {
	return node?.type === "object" ? (node.members.findLast((one) => one.key === key)?.value ?? null) : null;
}

/* A node as a plain value; for columns, which are text and small numbers. Payloads stay nodes. */
export function plain(node) {
	switch (node?.type) {
	case "string":
		return node.value;
	case "number":
		return Number(node.text);
	case "true":
	case "false":
		return node.type === "true";
	default:
		return null;
	}
}

function scalarText(node) {
	switch (node.type) {
	case "number":
		return node.text;
	case "string":
		return JSON.stringify(node.value);
	default:
		return node.type;
	}
}

/* A node as indented JSON, digit for digit. */
export function write(root) {
	const out = [];
	const stack = [{ node: root, lead: "", indent: "", tail: "" }];
	while (stack.length > 0) {
		const item = stack.pop();
		if (typeof item === "string") {
			out.push(item);
			continue;
		}
		const { node, lead, indent, tail } = item;
		if (!isContainer(node)) {
			out.push(`${lead}${scalarText(node)}${tail}`);
			continue;
		}
		const [opening, closing] = node.type === "object" ? "{}" : "[]";
		const children = node.type === "object" ? node.members : node.items.map((value) => ({ value }));
		if (children.length === 0) {
			out.push(`${lead}${opening}${closing}${tail}`);
			continue;
		}
		out.push(`${lead}${opening}`);
		stack.push(`${indent}${closing}${tail}`);
		/* deeper than anyone reads, blanks would outgrow the text itself */
		const inner = indent.length < 200 ? `${indent}  ` : indent;
		for (let index = children.length - 1; index >= 0; index--) {
			const { key, value } = children[index];
			const name = key === undefined ? "" : `${JSON.stringify(key)}: `;
			stack.push({ node: value, lead: `${inner}${name}`, indent: inner, tail: index < children.length - 1 ? "," : "" });
		}
	}
	return out.join("\n");
}
