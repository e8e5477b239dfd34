/* SPDX-License-Identifier: MIT */
/*
 * New and changed rows as they come, by Server-Sent Events. The stream is closed while nobody looks:
 * a browser has few connections to one server, and many tabs would use them up.
 */

import { filterParams } from "./url.js";

export class Live {
	/*
	 * onRow(row), onState("live" | "lost" | "off"). onMissed(): rows may have been missed for longer
	 * than the stream can tell.
	 */
	constructor({ onRow, onState, onMissed }) {
		Object.assign(this, { onRow, onState, onMissed, source: null, params: null, cursor: "" });
		document.addEventListener("visibilitychange", () => this.look());
	}

	/* view null: no stream (a fixed range in the past). */
	follow(view) {
		/* what changes in a row's life is filtered here, so that a row that leaves the view is heard of */
		const next = view && filterParams({ ...view, status: [], code: [], q: "", row: null }).toString();
		if (next === this.params && this.source) {
			return;
		}
		this.close();
		this.params = next;
		this.cursor = "";
		this.missed = false;
		this.look();
	}

	look() {
		if (document.hidden || this.params === null) {
			this.missed = this.source !== null && this.params !== null;
			this.close();
			this.onState("off");
			return;
		}
		if (this.source) {
			return;
		}
		const missed = this.missed && this.cursor === "";
		this.missed = false;
		this.open();
		if (missed) {
			/* the stream has no place to go on from: nothing had come yet */
			this.onMissed();
		}
	}

	open() {
		const after = this.cursor ? `&after=${encodeURIComponent(this.cursor)}` : "";
		const source = new EventSource(`/api/live?${this.params}${after}`);
		this.source = source;
		source.addEventListener("open", () => this.onState("live"));
		source.addEventListener("row", (event) => {
			this.cursor = event.lastEventId;
			this.onRow(JSON.parse(event.data));
		});
		source.addEventListener("error", () => {
			this.onState("lost");
			if (source.readyState === EventSource.CLOSED && this.source === source) {
				/* refused rather than cut: the browser gives up, we look again later */
				this.source = null;
				clearTimeout(this.timer);
				this.timer = setTimeout(() => this.look(), 5000);
			}
		});
	}

	close() {
		clearTimeout(this.timer);
		this.source?.close();
		this.source = null;
	}
}
