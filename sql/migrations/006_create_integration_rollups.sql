-- 006: rollups of integration_logs, so that the dashboard answers at once over millions of rows.
--
-- For PostgreSQL 15 and later, after 004. Paste it into Supabase's SQL editor as it stands, or run it
-- with psql or `waybill migrate`; running it again changes nothing. It takes the place of 005, which
-- marked whole hours: where 005 is, its sums are made anew.
--
-- The triggers only note which spans of five minutes have changed; `waybill run` sums those up, and
-- until it has, reads their rows. So a rollup is never wrong, and without waybill nothing is but slower.

BEGIN;

SET LOCAL client_min_messages = warning;

-- What 005 made goes. With the lock no statement is under way whose trigger knows the old table.
DO $$
BEGIN
	IF EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'public'
			AND table_name = 'integration_rollup_marks' AND column_name = 'hour') THEN
		LOCK TABLE public.integration_logs IN ACCESS EXCLUSIVE MODE;
		DROP TABLE public.integration_rollup_marks;
		DELETE FROM public.integration_rollups;
	END IF;
END
$$;

-- Sums over the rows of a span of `level` seconds (300, 3600, 21600, 86400) that begins at `bucket`
-- (seconds since 1970, UTC). histogram: durations in log-linear buckets, "INDEX:COUNT INDEX:COUNT ...".
CREATE TABLE IF NOT EXISTS public.integration_rollups (
	level integer NOT NULL,
	bucket bigint NOT NULL,
	service_name text NOT NULL,
	action text NOT NULL,
	status text NOT NULL,
	error_code text NOT NULL, -- '': none
	count bigint NOT NULL,
	duration_sum bigint NOT NULL,
	first_created text NOT NULL,
	last_created text NOT NULL,
	histogram text NOT NULL,
	PRIMARY KEY (level, bucket, service_name, action, status, error_code)
);

-- Slots, of 300 seconds, counted since 1970, whose rows have changed since they were summed up; claimed
-- is 0, or which waybill is at it. One row for each statement that changed some, and not one for each
-- slot: a writer must never wait for another one's transaction to end.
CREATE TABLE IF NOT EXISTS public.integration_rollup_marks (
	mark bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	slot bigint NOT NULL,
	claimed integer NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_integration_rollup_marks_slot
	ON public.integration_rollup_marks (slot, claimed);

COMMENT ON TABLE public.integration_rollups IS
	'Sums of integration_logs for the dashboard, kept by waybill';
COMMENT ON TABLE public.integration_rollup_marks IS
	'Spans of 300 seconds of integration_logs that are to be summed up anew';

-- A mark is seen exactly when the rows are that it stands for: both are of one transaction. So whoever
-- sums the slot up before has not seen them, and finds it marked again after.
CREATE OR REPLACE FUNCTION public.integration_logs_mark_changed()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
	INSERT INTO public.integration_rollup_marks (slot, claimed)
	SELECT DISTINCT floor(date_part('epoch', created_at) / 300)::bigint, 0
	FROM changed_rows WHERE created_at IS NOT NULL;
	RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION public.integration_logs_mark_updated()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
	INSERT INTO public.integration_rollup_marks (slot, claimed)
	SELECT DISTINCT floor(date_part('epoch', created_at) / 300)::bigint, 0
	FROM (SELECT created_at FROM old_rows UNION ALL SELECT created_at FROM new_rows) AS both_rows
	WHERE created_at IS NOT NULL;
	RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION public.integration_logs_forget_rollups()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
	DELETE FROM public.integration_rollups;
	DELETE FROM public.integration_rollup_marks;
	RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER integration_logs_rollup_inserted
	AFTER INSERT ON public.integration_logs
	REFERENCING NEW TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION public.integration_logs_mark_changed();
CREATE OR REPLACE TRIGGER integration_logs_rollup_updated
	AFTER UPDATE ON public.integration_logs
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION public.integration_logs_mark_updated();
CREATE OR REPLACE TRIGGER integration_logs_rollup_deleted
	AFTER DELETE ON public.integration_logs
	REFERENCING OLD TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION public.integration_logs_mark_changed();
-- Of 005, which had one for each.
DROP FUNCTION IF EXISTS public.integration_logs_mark_inserted(), public.integration_logs_mark_deleted();
CREATE OR REPLACE TRIGGER integration_logs_rollup_truncated
	AFTER TRUNCATE ON public.integration_logs
	FOR EACH STATEMENT EXECUTE FUNCTION public.integration_logs_forget_rollups();

-- Rows that were there before: every slot from the first to the last, each summed up once.
INSERT INTO public.integration_rollup_marks (slot, claimed)
SELECT s, 0
FROM (
	SELECT floor(date_part('epoch', min(created_at)) / 300)::bigint AS first,
		floor(date_part('epoch', max(created_at)) / 300)::bigint AS last
	FROM public.integration_logs
) AS span, generate_series(first, last) AS s
WHERE NOT EXISTS (SELECT FROM public.integration_rollups)
	AND NOT EXISTS (SELECT FROM public.integration_rollup_marks);

-- The log of one status, newest first.
CREATE INDEX IF NOT EXISTS idx_integration_logs_status_created_at
	ON public.integration_logs (status, created_at DESC);

-- And of what failed with one code, or with some words.
CREATE INDEX IF NOT EXISTS idx_integration_logs_error_code
	ON public.integration_logs (error_code, created_at DESC) WHERE error_code IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_integration_logs_error_message
	ON public.integration_logs (created_at DESC) WHERE error_message IS NOT NULL;

-- Calls that are under way: few, however many are pending at the other end.
CREATE INDEX IF NOT EXISTS idx_integration_logs_in_flight
	ON public.integration_logs (created_at DESC) WHERE status = 'pending' AND duration_ms IS NULL;

-- Newest changes first, for whoever follows rows as they change.
CREATE INDEX IF NOT EXISTS idx_integration_logs_updated_at
	ON public.integration_logs (updated_at DESC);

-- Rights, as in 004: read by who may read the rows, written by service_role.
ALTER TABLE public.integration_rollups ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.integration_rollup_marks ENABLE ROW LEVEL SECURITY;

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['integration_rollups', 'integration_rollup_marks'] LOOP
		EXECUTE format('DROP POLICY IF EXISTS "Service role full access to %s" ON public.%I', name, name);
		EXECUTE format('CREATE POLICY "Service role full access to %s" ON public.%I '
			'FOR ALL TO service_role USING (true) WITH CHECK (true)', name, name);
		EXECUTE format('DROP POLICY IF EXISTS "Authenticated users can view %s" ON public.%I', name, name);
		EXECUTE format('CREATE POLICY "Authenticated users can view %s" ON public.%I '
			'FOR SELECT TO authenticated USING (true)', name, name);
	END LOOP;
END
$$;

REVOKE ALL ON public.integration_rollups, public.integration_rollup_marks
	FROM PUBLIC, anon, authenticated;
GRANT SELECT ON public.integration_rollups, public.integration_rollup_marks
	TO authenticated, service_role;
GRANT INSERT, UPDATE, DELETE ON public.integration_rollups, public.integration_rollup_marks
	TO service_role;

REVOKE ALL ON FUNCTION public.integration_logs_mark_changed(), public.integration_logs_mark_updated(),
	public.integration_logs_forget_rollups()
	FROM PUBLIC, anon, authenticated;

COMMIT;
