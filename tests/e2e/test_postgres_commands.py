# SPDX-License-Identifier: MIT
"""migrate, verify, cleanup and stats against a PostgreSQL of their own."""

import json
import os
import pty
import re
import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing

import pytest
from lib.postgres import GUARDED, GUARDED_PASSWORD, Postgres, free_port
from lib.waybill import REPO, binary, environment, eventually, run_command

MIGRATIONS = sorted((REPO / "sql" / "migrations").glob("*.sql"))
MIGRATION = "004_create_integration_logs_table.sql"

# What Supabase has before anybody makes a table: everything in public is open to all three.
SUPABASE = """
do $$ begin
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
exception when duplicate_object then null; end $$;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions
    to anon, authenticated, service_role;
"""

ADD_ROWS = """
insert into public.integration_logs (service_name, action, status, duration_ms, created_at)
select %s, 'one', %s, 10, now() - %s * interval '1 day' - n * interval '1 second'
from generate_series(1, %s) as n
"""

DUE = """
select count(*) from public.integration_logs where created_at < now() - interval '180 days'
or (status = 'success' and created_at < now() - interval '90 days')
"""


@pytest.fixture(scope="module")
def server():
    with Postgres() as instance:
        yield instance


class Database:
    """One database of the server."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.url = server.create_database(name)

    def query(self, sql, args=None, **how):
        return self.server.query(sql, args, dbname=self.name, **how)

    def value(self, sql, args=None, **how):
        return self.query(sql, args, **how)[0][0]

    def add(self, status, days, count=1, service="resend"):
        self.query(ADD_ROWS, (service, status, days, count))

    def count(self):
        return self.value("select count(*) from public.integration_logs")

    def has(self, relation):
        return self.value("select to_regclass(%s) is not null", (f"public.{relation}",))

    def run(self, command, *args, url=None):
        return run_command(command, "--database", url or self.url, *args, seconds=60)


@pytest.fixture
def database(server):
    name = f"test_{os.urandom(6).hex()}"
    yield Database(server, name)
    server.drop_database(name)


@pytest.fixture
def migrated(database):
    result = database.run("migrate")
    assert result.returncode == 0, result.err
    return database


def good(result):
    assert result.returncode == 0, result.out + result.err
    return result.out


def complaints(result):
    assert result.returncode == 1, result.out + result.err
    return [line for line in result.out.splitlines() if line.startswith("✗")]


# migrate


def test_migrate_makes_the_table_and_remembers_it(database):
    assert MIGRATION in good(database.run("migrate"))
    assert database.has("integration_logs")
    rows = database.query("select number, name from public.waybill_migrations order by number")
    assert rows == [(int(path.name[:3]), path.name) for path in MIGRATIONS]


def test_a_second_migrate_has_nothing_to_do(migrated):
    before = migrated.query("select * from public.waybill_migrations")
    assert "nothing to do" in good(migrated.run("migrate"))
    assert migrated.query("select * from public.waybill_migrations") == before


def test_migrate_after_the_files_were_pasted_changes_nothing(database):
    for path in MIGRATIONS + MIGRATIONS:  # and twice
        database.query(path.read_text())
    database.add("success", 1)
    good(database.run("migrate"))
    assert database.count() == 1
    good(database.run("verify"))


def test_dry_run_changes_nothing_and_prints_what_psql_can_run(database):
    script = good(database.run("migrate", "--dry-run"))
    assert not database.has("integration_logs") and not database.has("waybill_migrations")
    psql = subprocess.run(
        [database.server.bin / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", database.url],
        input=script,
        text=True,
        capture_output=True,
        cwd="/",
    )
    assert psql.returncode == 0, psql.stderr
    good(database.run("verify"))
    assert "nothing to do" in good(database.run("migrate"))
    assert "CREATE" not in good(database.run("migrate", "--dry-run"))


def test_dry_run_without_a_database_prints_everything():
    script = good(run_command("migrate", "--dry-run", "--database", "sqlite"))
    assert script.index("BEGIN;") < script.index("integration_logs") < script.index("COMMIT;")
    assert script.count("BEGIN;") == 1 and script.count("COMMIT;") == 1


def test_migrate_without_postgresql_is_exit_2():
    for command in ("migrate", "verify"):
        result = run_command(command, "--database", "sqlite")
        assert result.returncode == 2
        assert "postgresql://" in result.err


def test_migrations_at_the_same_time_do_the_work_once(database):
    running = [
        subprocess.Popen(
            [str(binary()), "migrate", "--database", database.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        for _ in range(4)
    ]
    outputs = [(process, *process.communicate(timeout=60)) for process in running]
    for process, out, err in outputs:
        assert process.returncode == 0, out + err
    assert sum(MIGRATION in out for _, out, _ in outputs) == 1
    assert sum("nothing to do" in out for _, out, _ in outputs) == 3


def test_migrate_waits_for_the_lock_of_another(database):
    key = re.search(r"pg_advisory_xact_lock\((\d+)\)", good(database.run("migrate", "--dry-run")))
    with closing(database.server.connect(database.name)) as holder:
        cursor = holder.cursor()
        cursor.execute("select pg_advisory_lock(%s)", (int(key[1]),))
        process = subprocess.Popen(
            [str(binary()), "migrate", "--database", database.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            text=True,
        )
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        assert eventually(lambda: database.value(waiting) == 1)
        assert not database.has("integration_logs")
        cursor.execute("select pg_advisory_unlock(%s)", (int(key[1]),))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert database.has("integration_logs")


def test_a_migration_that_fails_leaves_nothing(database):
    database.query("create table public.integration_stats_daily (a int)")  # where the view goes
    result = database.run("migrate")
    assert result.returncode == 1
    assert MIGRATION in result.err and "nothing was changed" in result.err
    assert not database.has("integration_logs") and not database.has("waybill_migrations")


def test_migrate_by_a_user_without_the_right_says_what_to_do(database):
    database.query("drop role if exists nobody_much; create role nobody_much login")
    result = database.run("migrate", url=database.server.url(database.name, "nobody_much"))
    assert result.returncode == 1
    assert "owner" in result.err and "42501" in result.err
    assert not database.has("integration_logs")


def test_migrate_puts_back_what_was_dropped(migrated):
    migrated.query(
        "drop index public.idx_integration_logs_failed;"
        "drop view public.integration_stats_hourly;"
        "drop function public.cleanup_old_integration_logs()"
    )
    assert len(complaints(migrated.run("verify"))) >= 3
    good(migrated.run("migrate", "--all"))
    good(migrated.run("verify"))
    migrated.query("drop table public.integration_logs cascade")
    good(migrated.run("migrate"))
    good(migrated.run("verify"))


def test_migrate_replaces_the_sums_of_whole_hours(migrated):
    """The marks that 005 made; its number is in the list, that of 006 is not."""
    migrated.query(
        "insert into public.integration_logs (service_name, action, status, created_at) "
        "values ('a', 'b', 'success', '2026-01-01T00:00:01Z'), ('a', 'b', 'success', "
        "'2026-01-01T01:04:59Z');"
        "alter table public.integration_rollup_marks rename column slot to hour;"
        "update public.waybill_migrations set number = 5 where number = 6;"
        "insert into public.integration_rollups values (300, 0, 'a', 'b', 'success', '', 1, 1, '', '', '')"
    )
    good(migrated.run("migrate"))
    assert migrated.value("select count(*) from public.integration_rollups") == 0
    assert migrated.value("select count(*) from public.integration_rollup_marks") == 13
    good(migrated.run("verify"))
    assert "nothing to do" in migrated.run("migrate").out


def test_on_supabase_only_the_right_roles_get_in(database):
    database.query(SUPABASE)
    good(database.run("migrate"))
    good(database.run("verify"))
    for role in ("anon", "authenticated", "service_role"):
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            sql = "select has_table_privilege(%s, 'public.waybill_migrations', %s)"
            assert not database.value(sql, (role, right))


# the connection


SECRET = "hunter2-hunter2"


def failing_urls(server):
    guarded = server.url(user=GUARDED, password=SECRET)
    return {
        "password": (guarded, "password is wrong"),
        "no password": (server.url(user=GUARDED), "wants a password"),
        "database": (server.url("not_there"), "no such database"),
        "user": (server.url(user="not_there"), "does not let this user in"),
        "port": (f"postgresql://u:{SECRET}@127.0.0.1:{free_port()}/d", "nothing listens"),
        "host": (f"postgresql://u:{SECRET}@host.invalid/d", "cannot be resolved"),
        "slash": (f"postgresql://u:{SECRET}/x@127.0.0.1/d", "percent-encoded"),
        "at": (f"postgresql://u:1/@{SECRET}@127.0.0.1/d", "percent-encoded"),
        "percent": (f"postgresql://u:%zz{SECRET}@127.0.0.1/d", "percent-encoded"),
        "option": (f"postgresql://u:{SECRET}@127.0.0.1/d?no=1", "percent-encoded"),
    }


def test_a_failed_connection_says_why_and_never_the_password(server):
    for name, (url, words) in failing_urls(server).items():
        for command in ("migrate", "verify", "cleanup", "stats"):
            result = run_command(command, "--database", url, seconds=60)
            assert result.returncode == 1, (name, result.out, result.err)
            assert words in result.err, (name, result.err)
            assert SECRET not in result.out + result.err, name
            assert len(result.err.splitlines()) == 1, result.err


def test_a_password_with_odd_characters_is_fine(migrated):
    url = migrated.server.url(migrated.name, GUARDED, GUARDED_PASSWORD)
    good(migrated.run("verify", url=url))


def test_a_server_that_does_not_answer_is_an_error(server):
    url = server.url(connect_timeout=2)
    server.freeze()
    try:
        result = run_command("verify", "--database", url, seconds=30)
    finally:
        server.thaw()
    assert result.returncode == 1
    assert "no answer within 2 s" in result.err


# verify


def test_verify_passes_on_a_fresh_table_and_leaves_nothing(migrated):
    statistics = (
        "select relpages, reltuples from pg_class where oid = 'public.integration_logs'::regclass"
    )
    before = migrated.query(statistics)
    out = good(migrated.run("verify"))
    assert "✗" not in out and out.count("✓") >= 60
    for name in ("service_name", "status", "created_at", "related_entity", "failed", "dashboard"):
        assert out.count(f"idx_integration_logs_{name}\n") == 2, name  # there, and used
    assert migrated.count() == 0
    assert migrated.query(statistics) == before
    assert migrated.value("select count(*) from pg_class where relnamespace >= 16384") == 0
    assert migrated.value("select count(*) from pg_prepared_xacts") == 0


def test_verify_leaves_the_rows_of_others_alone(migrated):
    for status in ("success", "failed", "pending", "retrying"):
        for days in (0, 1, 40, 100, 200):
            migrated.add(status, days, 50)
    rows = "select md5(string_agg(l::text, '' order by id)) from public.integration_logs as l"
    before = migrated.value(rows)
    good(migrated.run("verify"))
    assert migrated.value(rows) == before


def test_verify_before_migrate_says_so(database):
    lines = complaints(database.run("verify"))
    assert len(lines) == 1
    assert "waybill migrate" in lines[0]


SABOTAGE = {
    "column": (
        "alter table integration_logs drop column error_code cascade",
        ["14 columns", "error_code is missing"],
    ),
    "type": (
        "drop view integration_stats_hourly, integration_stats_daily;"
        "alter table integration_logs alter duration_ms type bigint",
        ["14 columns", "duration_ms is bigint"],
    ),
    "default": (
        "alter table integration_logs alter retry_count drop default",
        ["14 columns", "retry_count"],
    ),
    "not null": (
        "alter table integration_logs alter action drop not null",
        ["14 columns", "action"],
    ),
    "key": (
        "alter table integration_logs drop constraint integration_logs_pkey",
        ["primary key"],
    ),
    "index": ("drop index idx_integration_logs_dashboard", ["idx_integration_logs_dashboard"]),
    "other index": (
        "drop index idx_integration_logs_failed;"
        "create index idx_integration_logs_failed on integration_logs (service_name)",
        ["index idx_integration_logs_failed", "it is CREATE INDEX"],
    ),
    "check": (
        "alter table integration_logs drop constraint integration_logs_status_check",
        ["unknown status is refused"],
    ),
    "trigger": (
        "drop trigger integration_logs_updated_at on integration_logs",
        ["trigger integration_logs_updated_at"],
    ),
    "disabled trigger": (
        "alter table integration_logs disable trigger integration_logs_updated_at",
        ["trigger integration_logs_updated_at", "disabled"],
    ),
    "trigger function": (
        "create or replace function update_integration_logs_updated_at() returns trigger"
        " language plpgsql as $$ begin return new; end $$",
        ["an update sets updated_at"],
    ),
    "view": ("drop view integration_stats_daily", ["integration_stats_daily"]),
    "view's rights": (
        "alter view integration_stats_hourly set (security_invoker = false)",
        ["integration_stats_hourly", "security_invoker"],
    ),
    "view's rule": (
        "create or replace view integration_stats_hourly with (security_invoker = true) as"
        " select service_name, action, status, date_trunc('hour', created_at, 'UTC') as hour,"
        " count(*) as count, round(avg(duration_ms))::integer as avg_duration_ms,"
        " max(duration_ms) as max_duration_ms,"
        " count(*) filter (where status = 'failed') as failed_count"
        " from integration_logs group by 1, 2, 3, 4",
        ["counts the last 24 hours"],
    ),
    "rule of 90 days": (
        "create or replace function cleanup_old_integration_logs() returns integer"
        " language plpgsql as $$ declare n integer; begin delete from public.integration_logs"
        " where created_at < now() - interval '180 days'; get diagnostics n = row_count;"
        " return n; end $$",
        ["success 91 days old"],
    ),
    "rule of failures": (
        "create or replace function cleanup_old_integration_logs() returns integer"
        " language plpgsql as $$ declare n integer; begin delete from public.integration_logs"
        " where created_at < now() - interval '90 days'; get diagnostics n = row_count;"
        " return n; end $$",
        ["failure 91 days old"],
    ),
    "row security": (
        "alter table integration_logs disable row level security",
        ["row level security"],
    ),
    "policy": (
        'drop policy "Authenticated users can view integration_logs" on integration_logs',
        ["Authenticated users can view", "authenticated may read"],
    ),
    "open to anon": (
        "grant select on integration_logs to anon;"
        "create policy p on integration_logs for select to anon using (true)",
        ["anon may not read", "should have refused"],
    ),
    "writable": (
        "grant update on integration_logs to authenticated;"
        "create policy p on integration_logs to authenticated using (true)",
        ["authenticated may not update"],
    ),
    "truncate": ("grant truncate on integration_logs to anon", ["truncate"]),
    "service role": ("revoke delete on integration_logs from service_role", ["may delete"]),
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_verify_finds_what_is_wrong(migrated, name):
    sql, words = SABOTAGE[name]
    migrated.query(sql)
    lines = complaints(migrated.run("verify"))
    for word in words:
        assert any(word in line for line in lines), (word, lines)
    assert all(re.search(r": .+; .+", line) for line in lines), lines
    if name in ("index", "trigger function", "rule of 90 days", "policy", "row security"):
        assert any("migrate --all" in line for line in lines)
        good(migrated.run("migrate", "--all"))
        good(migrated.run("verify"))


def test_verify_by_a_user_who_may_not_change_roles_says_so(migrated):
    migrated.query(
        "drop role if exists plain; create role plain login;"
        "grant all on public.integration_logs, public.integration_stats_hourly,"
        " public.integration_stats_daily to plain;"
        "create policy plain on public.integration_logs to plain using (true) with check (true);"
        "grant execute on function public.cleanup_old_integration_logs() to plain"
    )
    lines = complaints(migrated.run("verify", url=migrated.server.url(migrated.name, "plain")))
    assert all("SET ROLE" in line and "GRANT" in line for line in lines), lines
    assert any("anon" in line for line in lines)
    migrated.query("grant anon, authenticated, service_role to plain")
    good(migrated.run("verify", url=migrated.server.url(migrated.name, "plain")))
    migrated.query("drop owned by plain; drop role plain")


def test_verify_does_not_try_the_function_on_very_many_old_rows(migrated):
    migrated.add("failed", 200, 100001)
    lines = complaints(migrated.run("verify"))
    assert len(lines) == 1 and "100000 rows" in lines[0] and "waybill cleanup" in lines[0]
    assert migrated.count() == 100001


# cleanup


def test_cleanup_follows_the_rule_of_the_function(migrated):
    for status in ("success", "failed", "pending", "retrying"):
        for days in (1, 89, 91, 179, 181, 400):
            migrated.add(status, days)
    due = migrated.value(DUE)
    assert f"deleted {due} rows" in good(migrated.run("cleanup"))
    assert migrated.count() == 24 - due
    assert migrated.value("select public.cleanup_old_integration_logs()") == 0
    assert json.loads(good(migrated.run("cleanup", "--json"))) == {"deleted": 0}


def test_cleanup_uses_the_configured_ages(migrated, tmp_path):
    config = tmp_path / "waybill.yaml"
    config.write_text(
        f"database: {json.dumps(migrated.url)}\nstate_dir: {tmp_path}/var\n"
        f"services: {REPO}/conf/services/*.yaml\nretention: {{success: 12h, all: 2d}}\n"
    )
    for status, days in (("failed", 1), ("success", 1), ("failed", 3)):
        migrated.add(status, days)
    out = good(run_command("cleanup", "--config", config))
    assert "deleted 2 rows (successes older than 12 hours, everything older than 2 days)" in out
    assert migrated.query("select status from public.integration_logs") == [("failed",)]


def test_cleanup_deletes_in_batches_of_a_transaction_each(migrated):
    migrated.query(
        "create table batches (xid xid8, deleted bigint);"
        "create function note() returns trigger language plpgsql as $$ begin"
        " insert into batches select pg_current_xact_id(), count(*) from gone;"
        " return null; end $$;"
        "create trigger note after delete on integration_logs referencing old table as gone"
        " for each statement execute function note()"
    )
    migrated.add("success", 100, 2500)
    migrated.add("failed", 100, 2500)
    migrated.add("failed", 200, 1500)
    assert "deleted 4,000 rows" in good(migrated.run("cleanup"))
    batches = migrated.query("select xid, deleted from batches where deleted > 0")
    assert sum(deleted for _, deleted in batches) == 4000
    assert max(deleted for _, deleted in batches) <= 1000
    assert len({xid for xid, _ in batches}) == len(batches)
    assert migrated.count() == 2500


def test_cleanup_does_not_wait_for_a_row_that_is_held(migrated):
    migrated.add("success", 100, 10)
    with closing(migrated.server.connect(migrated.name)) as holder:
        holder.autocommit = False
        holder.cursor().execute("select id from integration_logs limit 1 for update")
        assert "deleted 9 rows" in good(migrated.run("cleanup"))
        holder.rollback()
    assert "deleted 1 row " in good(migrated.run("cleanup"))


def test_cleanup_without_the_table_or_the_right_says_what_to_do(database):
    result = database.run("cleanup")
    assert result.returncode == 1 and "waybill migrate" in result.err
    good(database.run("migrate"))
    database.query("drop role if exists reader; create role reader login in role authenticated")
    result = database.run("cleanup", url=database.server.url(database.name, "reader"))
    assert result.returncode == 1 and "service_role" in result.err


def test_cleanup_shows_its_progress_on_a_terminal(migrated):
    migrated.add("success", 100, 20000)
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [str(binary()), "cleanup", "--database", migrated.url],
        stdout=subprocess.PIPE,
        stderr=secondary,
        env=environment(),
        text=True,
    )
    os.close(secondary)
    shown = []

    def read():
        try:
            while data := os.read(primary, 4096):
                shown.append(data)
        except OSError:  # the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    out, _ = process.communicate(timeout=120)
    reader.join()
    os.close(primary)
    assert process.returncode == 0 and "deleted 20,000 rows" in out
    assert re.search(rb"deleted [\d,]+ of 20,000 rows", b"".join(shown))


# cleanup of the SQLite store


def add_to_store(path, rows):
    """rows: (status, days) pairs."""
    with closing(sqlite3.connect(path, timeout=20)) as db:
        db.executemany(
            "insert into integration_logs (service_name, action, status, created_at) values"
            " ('resend', 'one', ?, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', ? || ' days'))",
            [(status, -days) for status, days in rows],
        )
        db.commit()


def test_cleanup_of_the_store_beside_a_running_waybill(new_waybill):
    instance = new_waybill(retention={"success": "90d", "all": "180d"}).start()
    add_to_store(
        instance.db,
        [(status, days) for status in ("success", "failed") for days in (0, 89, 91, 181)] * 400,
    )
    result = run_command("cleanup", "--config", instance.config_file, seconds=60)
    assert "deleted 1,200 rows" in good(result)
    left = sorted({(row["status"], row["created_at"][:10]) for row in instance.rows()})
    assert len(left) == 5 and instance.count() == 5 * 400
    assert json.loads(
        good(run_command("cleanup", "--json", "--config", instance.config_file))
    ) == {"deleted": 0}


def test_cleanup_of_a_store_that_is_not_there_is_exit_1(tmp_path):
    result = run_command("cleanup", "--database", tmp_path / "waybill.db")
    assert result.returncode == 1
    assert "waybill run" in result.err
    assert not (tmp_path / "waybill.db").exists()


# stats


def test_stats_shows_the_views_and_what_the_table_costs(migrated):
    migrated.add("success", 0, 30)
    migrated.add("failed", 3, 5, service="mobizon")
    out = good(migrated.run("stats"))
    for words in ("Last 24 hours", "Last 30 days", "Size", "Index use", "Slowest actions"):
        assert words in out
    assert "idx_integration_logs_dashboard" in out and "mobizon" in out
    answer = json.loads(good(migrated.run("stats", "--json")))
    assert list(answer) == ["hourly", "daily", "size", "indexes", "slowest"]
    assert sum(line["count"] for line in answer["hourly"]) == 30
    assert sum(line["failed_count"] for line in answer["daily"]) == 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:00:00Z", answer["hourly"][0]["hour"])
    assert answer["size"][0]["total_bytes"] > 0
    assert len(answer["indexes"]) == 12
    slowest = answer["slowest"][0]
    assert (slowest["max_ms"], slowest["p95_ms"], slowest["avg_ms"]) == (10, 10, 10)


def test_stats_before_migrate_says_so(database):
    result = database.run("stats")
    assert result.returncode == 1 and "waybill migrate" in result.err


# through a pooler


@pytest.fixture
def pooled_port(server, tmp_path):
    """A PgBouncer in transaction mode."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.path.exists(program):
        pytest.fail("no PgBouncer: install the package pgbouncer")
    port = free_port()
    folder = server.folder / f"pool{port}"  # where the server's user may read
    folder.mkdir()
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = user=postgres host=127.0.0.1 port={server.port}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n"
    )
    process = subprocess.Popen(
        [program, str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=server.folder,
        **server.identity,
    )

    def answers():
        command = [server.bin / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        return subprocess.run(command, capture_output=True, cwd="/").returncode == 0

    try:
        assert eventually(answers), "PgBouncer does not answer"
        yield port
    finally:
        process.kill()
        process.wait()


def test_all_four_work_through_a_transaction_pooler(database, pooled_port):
    url = database.server.url(database.name, port=pooled_port)
    good(database.run("migrate", url=url))
    good(database.run("verify", url=url))
    database.add("success", 100, 1500)
    assert "deleted 1,500 rows" in good(database.run("cleanup", url=url))
    good(database.run("stats", url=url))
    # nothing of one command stays in the session that the next one gets
    left = (
        "select count(*) from pg_stat_activity a join pg_locks l using (pid)"
        " where l.locktype = 'advisory'"
    )
    assert database.value(left) == 0


# pg_cron


@pytest.fixture(scope="module")
def cron_server():
    instance = Postgres(
        **{
            "shared_preload_libraries": "pg_cron",
            "cron.database_name": "app",
            "cron.use_background_workers": "on",
            "max_worker_processes": "16",
        }
    )
    share = subprocess.run(
        [instance.bin / "pg_config", "--sharedir"], capture_output=True, text=True, cwd="/"
    ).stdout.strip()
    if not os.path.exists(f"{share}/extension/pg_cron.control"):
        instance.destroy()
        pytest.fail("no pg_cron: install the package postgresql-NN-cron of this PostgreSQL")
    with instance:
        yield instance


def test_pg_cron_runs_the_cleanup_as_the_manual_schedules_it(cron_server, long_run):
    manual = (REPO / "docs" / "postgresql.md").read_text()
    schedule = re.search(r"SELECT cron\.schedule\([^;]*;", manual)[0]
    database = Database(cron_server, "app")
    good(database.run("migrate"))
    database.query("create extension pg_cron")
    assert "'17 3 * * *'" in schedule
    database.query(schedule)
    jobs = database.query("select schedule, command, active from cron.job")
    assert jobs[0][0] == "17 3 * * *" and jobs[0][2]
    database.add("success", 100, 10)
    database.add("success", 1, 5)
    if not long_run:
        assert database.value(jobs[0][1]) == 10
        return
    # pg_cron's shortest interval is a minute
    database.query(schedule.replace("17 3 * * *", "* * * * *"))
    assert eventually(lambda: database.count() == 5, seconds=130, every=1)
    status = "select status from cron.job_run_details order by runid desc limit 1"
    assert eventually(lambda: database.value(status) == "succeeded")
