// SPDX-License-Identifier: MIT
/*
 * What an application does with supabase-js, against a running waybill: BASE, SERVICE_KEY and READ_KEY
 * name it. Prints a line of JSON for each step: its name, what came, and what was wrong with it.
 *
 * tests/e2e/test_rest.py runs it once on SQLite and once on PostgreSQL; both must print the same.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(new URL("../npm/dashboard/package.json", import.meta.url));
const { createClient } = require("@supabase/supabase-js");

const { BASE, SERVICE_KEY, READ_KEY } = process.env;
const options = { auth: { persistSession: false, autoRefreshToken: false } };
const service = createClient(BASE, SERVICE_KEY, options);
const reader = createClient(BASE, READ_KEY, options);
const stranger = createClient(BASE, "x".repeat(43), options);
const logs = (client = service) => client.from("integration_logs");

const id = (n) => `0197a000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const LEAD = "7d3f0f4e-8f4f-4a5e-9d5c-1b2a3c4d5e6f";
const at = (minutes) => new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678) + minutes * 60000).toISOString();

const rows = [
	{
		id: id(1), service_name: "resend", action: "send_email", status: "success",
		related_entity_type: "lead", related_entity_id: LEAD,
		request_payload: { to: "ann@example.com", subject: "Hi, \"Ann\"", tags: ["a", "b"], n: 7 },
		response_payload: { id: "re_1", nested: { ok: true, list: [1, null, "x"] } },
		error_message: null, error_code: null, duration_ms: 231, retry_count: 0, created_at: at(0),
	},
	{
		id: id(2), service_name: "whapi", action: "send_message", status: "failed",
		related_entity_type: "lead", related_entity_id: LEAD,
		request_payload: { to: "77010000000", body: "Привет, мир (100%)", n: 40 },
		response_payload: null, error_message: "channel not ready, try later", error_code: "HTTP_503",
		duration_ms: 90, retry_count: 1, created_at: at(1),
	},
	{
		id: id(3), service_name: "whapi", action: "send_message", status: "retrying",
		related_entity_type: null, related_entity_id: null,
		request_payload: { to: null, n: 3 }, response_payload: [], error_message: "reset",
		error_code: "UPSTREAM_RESET", duration_ms: null, retry_count: 0, created_at: at(2),
	},
];

const ids = (answer) => answer.data.map((row) => row.id);
const is = (...numbers) => (answer) => assert.deepEqual(ids(answer), numbers.map(id));
const fails = (status, code) => (answer) => {
	assert.equal(answer.status, status);
	assert.equal(answer.error?.code, code);
	assert.equal(answer.data, null);
	assert.equal(typeof answer.error.message, "string");
};
const status = (number) => (answer) => assert.equal(answer.status, number);
const data = (expected) => (answer) => assert.deepEqual(answer.data, expected);

const steps = [
	["insert a success", () => logs().insert(rows[0]), (answer) => {
		assert.deepEqual([answer.status, answer.error, answer.data], [201, null, null]);
	}],
	["insert a failure and a retry, and get them", () => logs().insert([rows[1], rows[2]]).select(), is(2, 3)],
	["the row is what was inserted", () => logs().select("*").eq("id", id(1)).single(), (answer) => {
		const { created_at, updated_at, ...rest } = answer.data;
		const { created_at: sent, ...expected } = rows[0];
		assert.deepEqual(rest, expected);
		assert.equal(created_at, "2026-01-02T03:04:05.678+00:00");
		assert.equal(Date.parse(created_at), Date.parse(sent));
		assert.match(updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00$/);
	}],
	["insert with defaults", () => logs().insert({ service_name: "d", action: "d", status: "pending" })
		.select("service_name,retry_count,duration_ms,request_payload").single(),
	data({ service_name: "d", retry_count: 0, duration_ms: null, request_payload: null })],
	["defaults for what one of many lacks", () => logs().insert(
		[{ service_name: "d", action: "d", status: "pending", retry_count: 4 },
			{ service_name: "d", action: "e", status: "pending" }], { defaultToNull: false })
		.select("action,retry_count").order("action"),
	data([{ action: "d", retry_count: 4 }, { action: "e", retry_count: 0 }])],
	["null for what one of many lacks", () => logs().insert(
		[{ service_name: "d", action: "d", status: "pending", retry_count: 4 },
			{ service_name: "d", action: "f", status: "pending" }]).select("action,retry_count"),
	data([{ action: "d", retry_count: 4 }, { action: "f", retry_count: null }])],
	["insert a row that is there", () => logs().insert(rows[0]), fails(409, "23505")],
	["insert a status that is none", () => logs().insert({ ...rows[0], id: id(9), status: "done" }),
		fails(400, "23514")],
	["insert without what is needed", () => logs().insert({ status: "failed", action: "a" }),
		fails(400, "23502")],
	["insert a column that is none", () => logs().insert({ ...rows[0], colour: "red" }),
		fails(400, "PGRST204")],
	["insert an id that is none", () => logs().insert({ ...rows[0], id: "1" }), fails(400, "22P02")],
	["insert a time that is none", () => logs().insert({ ...rows[0], id: id(9), created_at: "soon" }),
		fails(400, "22007")],
	["delete by eq and count", () => logs().delete({ count: "exact" }).eq("service_name", "d"), (answer) => {
		assert.deepEqual([answer.status, answer.count], [204, 5]);
	}],

	["failed since, newest first", () => logs(reader).select("*").eq("status", "failed")
		.gte("created_at", at(-5)).order("created_at", { ascending: false }), is(2)],
	["newest first", () => logs(reader).select("*").order("created_at", { ascending: false }), is(3, 2, 1)],
	["of an entity", () => logs(reader).select("*").eq("related_entity_type", "lead")
		.eq("related_entity_id", LEAD.toUpperCase()).order("created_at"), is(1, 2)],
	["columns and renames", () => logs(reader).select("who:service_name, status, duration_ms::text").eq("id", id(1)),
		data([{ who: "resend", status: "success", duration_ms: "231" }])],
	["places in JSON", () => logs(reader).select("request_payload->>to, tag:request_payload->tags->1, response_payload->nested->list")
		.eq("id", id(1)), data([{ to: "ann@example.com", tag: "b", list: [1, null, "x"] }])],
	["neq", () => logs(reader).select("id").neq("status", "failed").order("id"), is(1, 3)],
	["gt and lt", () => logs(reader).select("id").gt("duration_ms", 50).lt("duration_ms", 231), is(2)],
	["lte with a zone", () => logs(reader).select("id").lte("created_at", "2026-01-02T06:05:05.678+03:00").order("id"),
		is(1, 2)],
	["like", () => logs(reader).select("id").like("error_message", "%ready%"), is(2)],
	["ilike in any alphabet", () => logs(reader).select("id").ilike("request_payload->>body", "привет%(100\\%)"), is(2)],
	["in, with what must be quoted", () => logs(reader).select("id")
		.in("error_message", ["channel not ready, try later", "a)b", 'c"d']), is(2)],
	["is null", () => logs(reader).select("id").is("duration_ms", null), is(3)],
	["not is null", () => logs(reader).select("id").not("duration_ms", "is", null).order("id"), is(1, 2)],
	["not in", () => logs(reader).select("id").not("status", "in", "(failed,retrying)"), is(1)],
	["or", () => logs(reader).select("id").or("status.eq.failed,duration_ms.gt.200").order("id"), is(1, 2)],
	["or with and and not", () => logs(reader).select("id")
		.or("and(status.eq.success,duration_ms.gt.200),not.and(status.neq.retrying,retry_count.gte.0)").order("id"), is(1, 3)],
	["or with a quoted value", () => logs(reader).select("id")
		.or('error_message.eq."channel not ready, try later",error_code.eq.UPSTREAM_RESET').order("id"), is(2, 3)],
	["text in JSON", () => logs(reader).select("id").eq("request_payload->>to", "77010000000"), is(2)],
	["number in JSON", () => logs(reader).select("id").gt("request_payload->n", 5).order("request_payload->n", { ascending: false }),
		is(2, 1)],
	["null in JSON", () => logs(reader).select("id").is("request_payload->>to", null), is(3)],
	["contains", () => logs(reader).select("id").contains("request_payload", { tags: ["b"] }), is(1)],
	["contained by", () => logs(reader).select("id").containedBy("request_payload", { n: 3, to: null, more: 1 }), is(3)],
	["filter by name", () => logs(reader).select("id").filter("retry_count", "gte", 1), is(2)],
	["match", () => logs(reader).select("id").match({ service_name: "whapi", status: "retrying" }), is(3)],
	["nulls first and last", async () => ({
		data: [...ids(await logs(reader).select("id").order("duration_ms", { nullsFirst: true }).order("id")),
			...ids(await logs(reader).select("id").order("duration_ms", { nullsFirst: false }))].map((i) => ({ id: i })),
	}), is(3, 2, 1, 2, 1, 3)],
	["keyset paging", () => logs(reader).select("id").or(`created_at.lt.${at(1)},and(created_at.eq.${at(1)},id.lt.${id(2)})`)
		.order("created_at", { ascending: false }).order("id", { ascending: false }).limit(5), is(1)],

	["count", () => logs(reader).select("*", { count: "exact", head: true }), (answer) => {
		assert.deepEqual([answer.status, answer.count, answer.data], [200, 3, null]);
	}],
	["count of some", () => logs(reader).select("id", { count: "exact" }).eq("service_name", "whapi").order("id").limit(1),
		(answer) => {
			assert.deepEqual([answer.status, answer.count, ids(answer)], [206, 2, [id(2)]]);
		}],
	["estimated count", () => logs(reader).select("id", { count: "estimated" }).order("id"), (answer) => assert.equal(answer.count, 3)],
	["range", () => logs(reader).select("id").order("id").range(1, 2), is(2, 3)],
	["range beyond, with a count", () => logs(reader).select("id", { count: "exact" }).range(10, 20), fails(416, "PGRST103")],
	["range beyond, without", () => logs(reader).select("id").range(10, 20), data([])],
	["limit", () => logs(reader).select("id").order("id").limit(1), is(1)],
	["maybeSingle of one", () => logs(reader).select("id").eq("id", id(1)).maybeSingle(), data({ id: id(1) })],
	["maybeSingle of none", () => logs(reader).select("id").eq("id", id(7)).maybeSingle(), data(null)],
	["maybeSingle of many", () => logs(reader).select("id").maybeSingle(), fails(406, "PGRST116")],
	["single of none", () => logs(reader).select("id").eq("id", id(7)).single(), (answer) => {
		fails(406, "PGRST116")(answer);
		assert.equal(answer.error.details, "The result contains 0 rows");
	}],
	["single of many", () => logs(reader).select("id").single(), (answer) => {
		fails(406, "PGRST116")(answer);
		assert.equal(answer.error.details, "The result contains 3 rows");
	}],
	["csv", () => logs(reader).select("id,error_message,duration_ms,created_at").order("id").csv(), data(
		"id,error_message,duration_ms,created_at\n" +
		`${id(1)},,231,"2026-01-02 03:04:05.678+00"\n` +
		`${id(2)},"channel not ready, try later",90,"2026-01-02 03:05:05.678+00"\n` +
		`${id(3)},reset,,"2026-01-02 03:06:05.678+00"`)],
	["explain", () => logs(reader).select("id").explain(), fails(406, "PGRST107")],
	["the hourly view", () => reader.from("integration_stats_hourly").select("*").order("hour", { ascending: false }), data([])],
	["a row of now", () => logs().insert({ ...rows[1], id: id(4), created_at: new Date().toISOString() }), status(201)],
	["the hourly view has it", () => reader.from("integration_stats_hourly")
		.select("service_name,action,status,count,avg_duration_ms,max_duration_ms,failed_count").order("hour"),
	data([{ service_name: "whapi", action: "send_message", status: "failed", count: 1, avg_duration_ms: 90,
		max_duration_ms: 90, failed_count: 1 }])],
	["its hour", () => reader.from("integration_stats_hourly").select("hour").gte("hour", new Date(Date.now() - 7.2e6).toISOString()),
		(answer) => assert.match(answer.data[0].hour, /^\d{4}-\d\d-\d\dT\d\d:00:00\+00:00$/)],
	["the daily view", () => reader.from("integration_stats_daily").select("service_name,count").eq("status", "failed")
		.gt("count", 0).order("day", { ascending: false }).limit(1), data([{ service_name: "whapi", count: 1 }])],

	["update and get", () => logs().update({ status: "success", error_code: null }).eq("id", id(4)).select("id,status,error_code").single(),
		data({ id: id(4), status: "success", error_code: null })],
	["update sets updated_at", () => logs().select("created_at,updated_at").eq("id", id(4)).single(), (answer) => {
		assert.ok(answer.data.updated_at > answer.data.created_at);
	}],
	["update of several", () => logs().update({ retry_count: 2 }, { count: "exact" }).eq("service_name", "whapi"), (answer) => {
		assert.deepEqual([answer.status, answer.count], [204, 3]);
	}],
	["update of none", () => logs().update({ retry_count: 2 }).eq("id", id(7)).select(), data([])],
	["update of a single one that is not", () => logs().update({ retry_count: 9 }).eq("service_name", "whapi").select("id").single(),
		fails(406, "PGRST116")],
	["which changed nothing", () => logs().select("id").eq("retry_count", 9), data([])],
	["update of everything", () => logs().update({ retry_count: 2 }), fails(400, "21000")],
	["upsert of one that is there", () => logs().upsert({ ...rows[2], status: "failed" }).select("id,status"),
		data([{ id: id(3), status: "failed" }])],
	["upsert of one that is new", () => logs().upsert({ ...rows[2], id: id(5) }, { onConflict: "id" }).select("id"), is(5)],
	["upsert that leaves what is there", () => logs().upsert([{ ...rows[2], status: "pending" }, { ...rows[2], id: id(6) }],
		{ ignoreDuplicates: true }).select("id"), is(6)],
	["upsert by another column", () => logs().upsert(rows[2], { onConflict: "action" }), fails(400, "42P10")],
	["delete and get", () => logs().delete().in("id", [id(5), id(6)]).select("id").then((answer) =>
		({ ...answer, data: answer.data.sort((a, b) => (a.id < b.id ? -1 : 1)) })), is(5, 6)],
	["delete of everything", () => logs().delete(), fails(400, "21000")],
	["rows of long ago", () => logs().insert([["success", 100], ["failed", 100], ["failed", 200]].map(([s, days]) =>
		({ service_name: "old", action: "a", status: s, created_at: new Date(Date.now() - days * 864e5).toISOString() }))), status(201)],
	["rpc", () => service.rpc("cleanup_old_integration_logs"), (answer) => {
		const old = Date.now() - Date.UTC(2026, 0, 2); // rows 1 to 3 grow old as well
		assert.equal(answer.data, 2 + (old > 180 * 864e5 ? 3 : old > 90 * 864e5 ? 1 : 0));
	}],
	["rpc that is none", () => service.rpc("drop_everything", { a: 1 }), fails(404, "PGRST202")],
	["rpc by get", () => service.rpc("cleanup_old_integration_logs", {}, { get: true }), fails(405, "25006")],

	["reader may not insert", () => logs(reader).insert(rows[0]), fails(403, "42501")],
	["nor update", () => logs(reader).update({ status: "success" }).eq("id", id(4)), (answer) => {
		fails(403, "42501")(answer);
		assert.equal(answer.error.message, "permission denied for table integration_logs");
	}],
	["nor delete", () => logs(reader).delete().eq("id", id(4)), fails(403, "42501")],
	["nor call the function", () => reader.rpc("cleanup_old_integration_logs"), fails(403, "42501")],
	["nobody writes a view", () => service.from("integration_stats_daily").insert({ action: "x" }), fails(403, "42501")],
	["a wrong key", () => logs(stranger).select("*"), fails(401, "PGRST301")],
	["a table that is none", () => service.from("users").select("*"), fails(404, "PGRST205")],
	["a column that is none", () => logs(reader).select("password"), fails(400, "42703")],
	["an operator that is none", () => logs(reader).select("id").filter("id", "resembles", "x"), fails(400, "PGRST100")],
	["an operator that is left out", () => logs(reader).select("id").textSearch("error_message", "x"), fails(400, "PGRST127")],
	["another schema", () => service.schema("auth").from("users").select("*"), fails(406, "PGRST106")],
];

for (const [name, run, check] of steps) {
	let answer = null;
	let problem = null;
	try {
		answer = await run();
		check(answer);
	} catch (error) {
		problem = `${error.message}\n${JSON.stringify(answer)}`;
	}
	const { data: got, error, status: code, count } = answer ?? {};
	console.log(JSON.stringify({ name, problem, got, error, code, count }));
}
