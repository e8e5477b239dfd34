/* SPDX-License-Identifier: MIT */
/* Two charts by uPlot: calls by status, stacked; percentiles of latency. Dragging selects the range. */

import uPlot from "./uplot.esm.js";
import { el, fill } from "./dom.js";
import { compact, day, dayMinute, GLYPHS, integer, milliseconds, minute, statusWord, step } from "./format.js";
import { t } from "./i18n.js";
import { changed, go } from "./url.js";

const HEIGHT = 190;
/* from the baseline up: what matters stands on the ground, where heights compare */
const STACK = ["failed", "retrying", "pending", "success"];
const PERCENTILES = ["p50", "p95", "p99"];
const DASHES = { p50: [], p95: [6, 4], p99: [2, 3] };

/* The colour behind a variable, as it is under the theme of now; a canvas knows no variables. */
function colour(name) {
	const probe = el("span");
	probe.style.color = `var(--${name})`;
	document.body.append(probe);
	const value = getComputedStyle(probe).color;
	probe.remove();
	return value;
}

class Chart {
	constructor({ name, keys, word, write, stacked }) {
		Object.assign(this, { name, keys, word, write, stacked });
		this.plot = null;
		this.overview = null;
		this.area = el("div.plot", { role: "img", "aria-label": t(`chart_${name}`) });
		this.legend = el("div.legend", { "aria-hidden": "true" });
		this.step = el("span.muted.chart-step");
		this.table = el("div.chart-table", { tabindex: "0", role: "region", "aria-label": `${t(`chart_${name}`)}, ${t("chart_data")}` });
		this.details = el("details.chart-data", { ontoggle: () => this.fillTable() }, el("summary", t("chart_data")), this.table);
		this.root = el("figure.chart", { "data-chart": name },
			el("figcaption", el("h2", t(`chart_${name}`)), this.legend), this.area,
			el("div.chart-foot", this.details, this.step));
		new ResizeObserver(() => this.resize()).observe(this.area);
	}

	resize() {
		const width = this.area.clientWidth;
		if (this.plot && width > 0 && width !== this.plot.width) {
			this.plot.setSize({ width, height: HEIGHT });
		}
	}

	/* What each key stands for at one bucket, not stacked. */
	value(key, index) {
		return this.overview.series[index]?.[key];
	}

	data() {
		const { series } = this.overview;
		const times = series.map((bucket) => Date.parse(bucket.t) / 1000);
		if (!this.stacked) {
			return [times, ...this.keys.map((key) => series.map((bucket) => bucket[key]))];
		}
		/* the tallest is drawn first, and the others over it */
		const sums = series.map(() => 0);
		const layers = this.keys.map((key) => series.map((bucket, index) => (sums[index] += bucket[key] ?? 0)));
		return [times, ...layers.reverse()];
	}

	series() {
		if (this.stacked) {
			const paths = uPlot.paths.bars({ size: [0.86, 40, 1], align: 1 });
			return [...this.keys].reverse().map((key) => ({ label: key, fill: colour(key), stroke: colour(key), width: 0, paths, points: { show: false } }));
		}
		return this.keys.map((key) => ({
			label: key, stroke: colour(key), width: key === "p50" ? 2 : 1.5, dash: DASHES[key], spanGaps: false,
			points: { size: 5, fill: colour(key), show: lonely },
		}));
	}

	options(width) {
		const axis = { stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(document.body).fontFamily}` };
		const { from, to, bucket_s: bucket } = this.overview;
		const [first, last] = [Date.parse(from) / 1000, Date.parse(to) / 1000];
		const long = last - first > 2 * 86400;
		return {
			width, height: HEIGHT, padding: [8, 18, 0, 0], legend: { show: false },
			/* buckets begin at full steps: the first may begin before the range, and must be seen */
			scales: { x: { time: true, range: () => [Math.min(first, Date.parse(this.overview.series[0]?.t ?? from) / 1000), last] }, y: { range: (u, low, high) => [0, high > 0 ? high * 1.08 : this.stacked ? 4 : 1000] } },
			cursor: { y: false, drag: { x: true, y: false, setScale: false, dist: 4 }, points: { show: !this.stacked, size: 6 }, sync: { key: "waybill", setSeries: false } },
			series: [{}, ...this.series()],
			axes: [
				{ ...axis, size: 24, gap: 6, space: 64, values: (u, splits) => splits.map((at) => (long && isMidnight(at) ? day(at * 1000) : long && bucket >= 86400 ? day(at * 1000) : minute(at * 1000))) },
				{ ...axis, size: 54, space: 36, values: (u, splits) => splits.map((n) => (this.stacked ? (Number.isInteger(n) ? compact(n) : "") : n === 0 ? "0" : milliseconds(n))) },
			],
			hooks: {
				setCursor: [(u) => this.fillLegend(u.cursor.idx)],
				setSelect: [(u) => this.selected(u)],
			},
		};
	}

	selected(u) {
		const { left, width } = u.select;
		if (width < 4) {
			return;
		}
		const [from, to] = [left, left + width].map((x) => Math.round(u.posToVal(x, "x") * 1000));
		u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
		if (to - from >= 1000) {
			go(changed({ from: new Date(from).toISOString(), to: new Date(to).toISOString() }));
		}
	}

	/* The totals; or, under the cursor, the values of one bucket. */
	fillLegend(index) {
		const bucket = index === null || index === undefined ? null : this.overview.series[index];
		const of = bucket ?? this.overview.now;
		fill(this.legend, bucket && el("span.legend-time", dayMinute(bucket.t)),
			this.keys.map((key) => el("span.legend-item", { class: `legend-item ${key}` },
				el("span.swatch", { class: `swatch ${key}` }), this.word(key), " ", el("b", this.write(of[key])))));
	}

	render(overview) {
		this.overview = overview;
		fill(this.step, t("per", { step: step(overview.bucket_s) }), el("span.chart-hint", ` · ${t("chart_hint")}`));
		this.area.setAttribute("aria-label", this.describe());
		this.fillLegend(null);
		const width = this.area.clientWidth;
		const shape = `${overview.from} ${overview.to} ${overview.bucket_s} ${document.documentElement.dataset.theme} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
		if (this.plot && this.shape === shape) {
			this.plot.setData(this.data());
		} else if (width > 0) {
			this.plot?.destroy();
			this.plot = new uPlot(this.options(width), this.data(), this.area);
			this.shape = shape;
		}
		this.fillTable();
	}

	/* The same in words, for whom there is no picture. */
	describe() {
		const { from, to, now, series } = this.overview;
		const range = { from: dayMinute(from), to: dayMinute(to) };
		const key = this.stacked ? "failed" : "p95";
		const worst = series.reduce((most, bucket) => ((bucket[key] ?? -1) > (most?.[key] ?? 0) ? bucket : most), null);
		if (this.stacked) {
			const calls = t("n_calls", { n: now.calls });
			return worst
				? t("chart_calls_text", { calls, ...range, ...Object.fromEntries(this.keys.map((one) => [one, integer(now[one])])), worst: `${dayMinute(worst.t)}, ${integer(worst.failed)}` })
				: t("chart_calls_calm", { calls, ...range });
		}
		return worst
			? t("chart_latency_text", { ...range, ...Object.fromEntries(this.keys.map((one) => [one, milliseconds(now[one])])), worst: `${dayMinute(worst.t)}, ${milliseconds(worst.p95)}` })
			: t("chart_latency_none", range);
	}

	fillTable() {
		if (!this.details.open) {
			this.table.replaceChildren();
			return;
		}
		const rows = this.overview.series.filter((bucket) => this.keys.some((key) => bucket[key]));
		fill(this.table, el("table", el("caption.sr", t(`chart_${this.name}`)),
			el("thead", el("tr", el("th", { scope: "col" }, t("chart_time")), this.keys.map((key) => el("th.num", { scope: "col" }, this.word(key))))),
			el("tbody", rows.map((bucket) => el("tr", el("th", { scope: "row" }, dayMinute(bucket.t)),
				this.keys.map((key) => el("td.num", this.write(bucket[key]))))))));
	}
}

/* A point that has no neighbour is no line: it is drawn as a dot. */
function lonely(u, seriesIndex, from, to) {
	const data = u.data[seriesIndex];
	const alone = [];
	for (let index = from; index <= to; index++) {
		const has = (at) => data[at] !== null && data[at] !== undefined;
		if (has(index) && !has(index - 1) && !has(index + 1)) {
			alone.push(index);
		}
	}
	u.series[seriesIndex].points.filter = () => alone;
	return alone.length > 0;
}

function isMidnight(seconds) {
	const date = new Date(seconds * 1000);
	return date.getHours() === 0 && date.getMinutes() === 0;
}

let charts = [];
let last = null;

export function createCharts() {
	charts = [
		new Chart({ name: "calls", keys: STACK, stacked: true, word: (key) => `${GLYPHS[key]} ${statusWord(key)}`, write: integer }),
		new Chart({ name: "latency", keys: PERCENTILES, stacked: false, word: (key) => key, write: milliseconds }),
	];
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redrawCharts());
	return el("section.charts", { "aria-label": t("charts") }, charts.map((chart) => chart.root));
}

export function renderCharts(overview) {
	last = overview;
	charts.forEach((chart) => chart.render(overview));
}

/* With the colours of now. */
export function redrawCharts() {
	if (last) {
		renderCharts(last);
	}
}
