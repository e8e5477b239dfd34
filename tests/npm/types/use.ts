// What an application does with the types; each error that is expected must be one.
import { createClient } from "@supabase/supabase-js";

import type {
  Database,
  IntegrationAction,
  IntegrationActions,
  IntegrationLog,
  IntegrationLogInsert,
  IntegrationLogUpdate,
  IntegrationStatus,
  Json,
  ServiceName,
} from "./waybill.js";

const db = createClient<Database>("https://example.supabase.co", "key");

export async function read(): Promise<IntegrationLog[]> {
  const { data, error } = await db
    .from("integration_logs")
    .select("*")
    .eq("service_name", "telegram")
    .eq("status", "failed")
    .gte("created_at", "2026-01-01")
    .order("created_at", { ascending: false });
  if (error) throw error;
  const rows: IntegrationLog[] = data; // not any: the next lines would pass then
  // @ts-expect-error a duration is a number or null
  const duration: string = data[0]!.duration_ms;
  return duration ? rows : [];
}

export async function columns(): Promise<[ServiceName, Json | null] | undefined> {
  const { data } = await db
    .from("integration_logs")
    .select("service_name, request_payload")
    .single();
  // @ts-expect-error not selected
  void data?.status;
  return data ? [data.service_name, data.request_payload] : undefined;
}

export async function write(): Promise<void> {
  await db.from("integration_logs").insert({
    service_name: "resend",
    action: "send_email",
    status: "success",
    request_payload: { to: ["a@example.org"], nested: { n: 1, none: null } },
  });
  await db.from("integration_logs").update({ status: "retrying" }).eq("id", "x");
  await db.from("integration_logs").delete().eq("status", "success");
  // @ts-expect-error no such service
  await db.from("integration_logs").insert({ service_name: "stripe", action: "other", status: "success" });
  // @ts-expect-error no such status
  await db.from("integration_logs").insert({ service_name: "resend", action: "other", status: "done" });
  // @ts-expect-error no such action
  await db.from("integration_logs").insert({ service_name: "resend", action: "nope", status: "failed" });
  // @ts-expect-error the status is missing
  await db.from("integration_logs").insert({ service_name: "resend", action: "other" });
  // @ts-expect-error no such column
  await db.from("integration_logs").update({ colour: "red" });
  // @ts-expect-error no such status
  await db.from("integration_logs").select("*").eq("status", "done");
  // @ts-expect-error no such service
  await db.from("integration_logs").select("*").eq("service_name", "stripe");
  // @ts-expect-error no such table
  await db.from("logs").select("*");
}

export async function stats(): Promise<number> {
  const hourly = await db.from("integration_stats_hourly").select("*").eq("service_name", "amocrm");
  const daily = await db.from("integration_stats_daily").select("day, count, failed_count");
  const deleted = await db.rpc("cleanup_old_integration_logs");
  // @ts-expect-error the daily view has no maximum
  await db.from("integration_stats_daily").select("max_duration_ms").eq("max_duration_ms", 1);
  // @ts-expect-error nobody writes a view
  await db.from("integration_stats_daily").insert({ day: "x" });
  // @ts-expect-error no such function
  await db.rpc("cleanup");
  const slowest: number | null | undefined = hourly.data?.[0]?.max_duration_ms;
  const count: number | undefined = daily.data?.[0]?.count;
  const gone: number | null = deleted.data;
  return (slowest ?? 0) + (count ?? 0) + (gone ?? 0);
}

// Actions with a piece of the path in them, and those that waybill gives itself.
export const actions: IntegrationAction[] = ["telegram_getchat", "other", "tls_rejected"];
export const own: IntegrationActions["resend"] = "send_email";
export const statuses: IntegrationStatus[] = ["success", "failed", "pending", "retrying"];
export const row: IntegrationLogInsert = { service_name: "whapi", action: "other", status: "pending", duration_ms: null };
export const change: IntegrationLogUpdate = { error_code: null };
// @ts-expect-error another service's
export const foreign: IntegrationActions["resend"] = "send_telegram";
// @ts-expect-error not of the pattern
export const unlike: IntegrationAction = "telegramgetchat";
// @ts-expect-error an id is never null
export const bad: Pick<IntegrationLog, "id"> = { id: null };
