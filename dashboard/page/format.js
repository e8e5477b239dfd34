/* SPDX-License-Identifier: MIT */
/* Numbers, durations and times as the reader's language writes them. */

import { locale, t } from "./i18n.js";

const MINUS = "\u2212";
const NARROW = "\u202f"; /* between a number and its unit: never a line break */
const integers = new Intl.NumberFormat(locale);
const compacts = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const NONE = "–";

export const GLYPHS = { success: "✓", failed: "✕", retrying: "↻", pending: "…" };

export function integer(n) {
	return n === null || n === undefined ? NONE : integers.format(n);
}

/* 12,345 in full; a million and more as 1.2M. */
export function compact(n) {
	return n === null || n === undefined ? NONE : n < 1e6 ? integers.format(n) : compacts.format(n);
}

function fixed(n, digits) {
	return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(n);
}

export function percent(share) {
	if (share === null || share === undefined) {
		return NONE;
	}
	const n = share * 100;
	/* small ones keep a digit that says something; none is ever rounded to "none" or "all" */
	const digits = n === 0 || n >= 99.95 ? (n === 100 || n === 0 ? 0 : 2) : n < 1 ? 2 : 1;
	return `${fixed(n, digits)}${NARROW}%`;
}

/* Milliseconds, in the unit a person would choose. */
export function milliseconds(ms) {
	if (ms === null || ms === undefined) {
		return NONE;
	}
	const unit = (value, digits, name) => `${fixed(value, digits)}${NARROW}${t(name)}`;
	if (ms < 999.5) {
		return unit(ms, 0, "ms");
	}
	if (ms < 59950) {
		return unit(ms / 1000, ms < 9995 ? 2 : 1, "s");
	}
	const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
	let rest = Math.round(ms / 1000);
	const first = parts.findIndex(([, size]) => rest >= size);
	return parts.slice(first, first + 2).map(([name, size]) => {
		const value = Math.floor(rest / size);
		rest -= value * size;
		return value > 0 ? unit(value, 0, name) : "";
	}).filter(Boolean).join(" ");
}

/* With a sign; none for zero. */
export function signed(n, write) {
	return n === 0 ? write(0) : `${n > 0 ? "+" : MINUS}${write(Math.abs(n))}`;
}

/* ---- times */

const formats = {
	time: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
	minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
	day: { day: "numeric", month: "short" },
	dayMinute: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
	dayTime: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
	full: { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" },
};

for (const [name, options] of Object.entries(formats)) {
	formats[name] = new Intl.DateTimeFormat(locale, options);
}

const write = (name, when) => {
	const date = new Date(when);
	return when === null || when === undefined || Number.isNaN(date.getTime()) ? NONE : formats[name].format(date);
};

export const clock = (when) => write("time", when);
export const minute = (when) => write("minute", when);
export const day = (when) => write("day", when);
export const dayMinute = (when) => write("dayMinute", when);
export const fullTime = (when) => write("full", when);

/* The clock alone for today, with the day for any other. */
export function shortTime(when) {
	const date = new Date(when);
	return date.toDateString() === new Date().toDateString() ? write("time", when) : write("dayTime", when);
}

export function zone() {
	const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
	const offset = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" })
		.formatToParts(new Date()).find((part) => part.type === "timeZoneName").value;
	return name === "UTC" ? name : `${name} (${offset.replace("GMT", "UTC")})`;
}

/* A step of a chart: "5 min", "1 h", "1 d". */
export function step(seconds) {
	return milliseconds(seconds * 1000);
}

export const statusWord = (status) => t(`status_${status}`);
