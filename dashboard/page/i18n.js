/* SPDX-License-Identifier: MIT */
/* The words of the page, in the first of the browser's languages that we speak. */

import en from "./words_en.js";
import ru from "./words_ru.js";

const WORDS = { en, ru };

function choose(languages) {
	for (const language of languages) {
		const base = language.toLowerCase().split("-")[0];
		if (Object.hasOwn(WORDS, base)) {
			/* the whole tag: en-GB writes dates in another order than en-US */
			return { base, tag: language };
		}
	}
	return { base: "en", tag: "en" };
}

export const { base: language, tag: locale } = choose(navigator.languages ?? [navigator.language ?? "en"]);

const words = WORDS[language];
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(locale);

/*
 * The word for name, {…} replaced from values. Where it has plural forms, values.n chooses; a number
 * is written as the language writes it.
 */
export function t(name, values = {}) {
	let word = words[name] ?? en[name] ?? name;
	if (typeof word === "object") {
		word = word[plurals.select(values.n)] ?? word.other;
	}
	return word.replace(/\{(\w+)\}/g, (whole, key) => {
		const value = values[key];
		return value === undefined ? whole : typeof value === "number" ? numbers.format(value) : value;
	});
}

document.documentElement.lang = language;
