-- 004: integration_logs, one row per call made to another company's API.
--
-- For PostgreSQL 15 and later. Paste it into Supabase's SQL editor as it stands, or run it with
-- psql or `waybill migrate`; running it again changes nothing. All of it happens or none of it.

BEGIN;

SET LOCAL client_min_messages = warning; -- a second run would say "already exists" many times

-- Roles. Supabase has them; elsewhere they are made, without a login.
DO $$
DECLARE
	wanted text;
BEGIN
	FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
		CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted);
		BEGIN
			EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
		EXCEPTION
			WHEN duplicate_object OR unique_violation THEN
				NULL; -- another session was faster
			WHEN insufficient_privilege THEN
				RAISE EXCEPTION 'the role "%" is missing and "%" may not make it', wanted, current_user
					USING ERRCODE = 'insufficient_privilege',
					HINT = format('Let a superuser run: CREATE ROLE %I NOLOGIN NOINHERIT;', wanted);
		END;
	END LOOP;
END
$$;

CREATE TABLE IF NOT EXISTS public.integration_logs (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	service_name text NOT NULL,
	action text NOT NULL,
	status text NOT NULL CHECK (status IN ('success', 'failed', 'pending', 'retrying')),
	related_entity_type text,
	related_entity_id uuid,
	request_payload jsonb,
	response_payload jsonb,
	error_message text,
	error_code text,
	duration_ms integer,
	retry_count integer DEFAULT 0,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

COMMENT ON TABLE public.integration_logs IS
	'Calls to external APIs, one row per attempt, written by waybill; secrets are redacted';

CREATE INDEX IF NOT EXISTS idx_integration_logs_service_name
	ON public.integration_logs (service_name);
CREATE INDEX IF NOT EXISTS idx_integration_logs_status
	ON public.integration_logs (status);
CREATE INDEX IF NOT EXISTS idx_integration_logs_created_at
	ON public.integration_logs (created_at DESC);
CREATE INDEX IF NOT EXISTS idx_integration_logs_related_entity
	ON public.integration_logs (related_entity_type, related_entity_id);
CREATE INDEX IF NOT EXISTS idx_integration_logs_failed
	ON public.integration_logs (service_name, created_at DESC) WHERE status = 'failed';
CREATE INDEX IF NOT EXISTS idx_integration_logs_dashboard
	ON public.integration_logs (service_name, status, created_at DESC);

-- updated_at is when the row last changed, whoever changed it.
CREATE OR REPLACE FUNCTION public.update_integration_logs_updated_at()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
	NEW.updated_at := now();
	RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER integration_logs_updated_at
	BEFORE UPDATE ON public.integration_logs
	FOR EACH ROW EXECUTE FUNCTION public.update_integration_logs_updated_at();

-- Views, with the rights of who asks: row level security holds through them. Hours and days
-- are those of UTC, whatever the session's time zone.
CREATE OR REPLACE VIEW public.integration_stats_hourly WITH (security_invoker = true) AS
SELECT
	service_name,
	action,
	status,
	date_trunc('hour', created_at, 'UTC') AS hour,
	count(*) AS count,
	round(avg(duration_ms))::integer AS avg_duration_ms,
	max(duration_ms) AS max_duration_ms,
	count(*) FILTER (WHERE status = 'failed') AS failed_count
FROM public.integration_logs
WHERE created_at >= now() - interval '24 hours'
GROUP BY service_name, action, status, date_trunc('hour', created_at, 'UTC')
ORDER BY hour DESC, service_name, action, status;

CREATE OR REPLACE VIEW public.integration_stats_daily WITH (security_invoker = true) AS
SELECT
	service_name,
	action,
	status,
	date_trunc('day', created_at, 'UTC') AS day,
	count(*) AS count,
	round(avg(duration_ms))::integer AS avg_duration_ms,
	count(*) FILTER (WHERE status = 'failed') AS failed_count
FROM public.integration_logs
WHERE created_at >= now() - interval '30 days'
GROUP BY service_name, action, status, date_trunc('day', created_at, 'UTC')
ORDER BY day DESC, service_name, action, status;

-- Retention: successes for 90 days, everything for 180. Returns how many rows it deleted.
CREATE OR REPLACE FUNCTION public.cleanup_old_integration_logs()
RETURNS integer
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
	deleted integer;
BEGIN
	DELETE FROM public.integration_logs
	WHERE created_at < now() - interval '180 days'
		OR (status = 'success' AND created_at < now() - interval '90 days');
	GET DIAGNOSTICS deleted = ROW_COUNT;
	RETURN deleted;
END
$$;

-- Rights. Supabase grants everything in public to all three roles by default, and TRUNCATE is
-- not held back by row level security: take all away, then give what each one needs.
ALTER TABLE public.integration_logs ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS "Service role full access to integration_logs" ON public.integration_logs;
CREATE POLICY "Service role full access to integration_logs" ON public.integration_logs
	FOR ALL TO service_role USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Authenticated users can view integration_logs" ON public.integration_logs;
CREATE POLICY "Authenticated users can view integration_logs" ON public.integration_logs
	FOR SELECT TO authenticated USING (true);

REVOKE ALL ON public.integration_logs, public.integration_stats_hourly,
	public.integration_stats_daily FROM PUBLIC, anon, authenticated;
GRANT SELECT ON public.integration_logs, public.integration_stats_hourly,
	public.integration_stats_daily TO authenticated, service_role;
GRANT INSERT, UPDATE, DELETE ON public.integration_logs TO service_role;

REVOKE ALL ON FUNCTION public.cleanup_old_integration_logs(),
	public.update_integration_logs_updated_at() FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.cleanup_old_integration_logs() TO service_role;

COMMIT;
