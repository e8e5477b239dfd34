# SPDX-License-Identifier: MIT
"""Delivery to PostgreSQL under faults: nothing lost, nothing doubled, and it goes on by itself.

The numbers F… are those of the fault list in docs/delivery.md. A store and its shipper are driven
without a proxy (ship_driver), which says of each row when it is committed: that is the ledger.
"""

import os
import random
import sqlite3
import subprocess
import threading
import time
from contextlib import closing

import pytest
from lib.delivery import Driver, Forwarder
from lib.pgbouncer import PgBouncer
from lib.waybill import eventually


@pytest.fixture
def new_driver(tmp_path):
    made = []

    def make(url, folder=None, **how):
        made.append(Driver(folder or tmp_path / f"state{len(made)}", url, **how))
        return made[-1]

    yield make
    for instance in made:
        instance.kill()


def finish(driver, table, seconds=60):
    """Waits until nothing waits, compares, and stops."""
    driver.drained(seconds)
    table.check(driver.ledger)
    driver.stop()


# the plain way


@pytest.mark.alone
def test_a_lone_row_is_there_within_a_second(table, new_driver):  # F16
    driver = new_driver(table.url).start()
    driver.load(1)
    driver.drained()
    for _ in range(3):
        before = table.count()
        begin = time.monotonic()
        driver.load(1)
        assert eventually(lambda: table.count() == before + 1, 5, every=0.02)
        assert time.monotonic() - begin < 1
    finish(driver, table)


def test_rows_arrive_as_they_were_stored(table, new_driver):
    driver = new_driver(table.url).start()
    driver.life(40)
    driver.load(20, size=5000)
    driver.drained()
    columns = "id, service_name, action, status, error_code, duration_ms, retry_count"
    here = driver.sql(f"select {columns} from integration_logs order by id")
    there = table.query(f"select {columns} from integration_logs order by id")
    assert [tuple(map(str, row)) for row in here] == [tuple(map(str, row)) for row in there]
    for column in ("request_payload", "response_payload"):
        for row_id, text in driver.sql(f"select id, {column} from integration_logs"):
            assert table.value(
                f"select {column} is not distinct from %s::jsonb from integration_logs"
                " where id = %s",
                (text, row_id),
            )
    for row_id, text in driver.sql("select id, created_at from integration_logs"):
        assert table.value(
            "select created_at = %s::timestamptz from integration_logs where id = %s",
            (text, row_id),
        )
    finish(driver, table)


def test_a_row_that_changes_is_sent_again_and_never_backwards(table, new_driver):
    driver = new_driver(table.url).start()
    driver.life(60)
    driver.drained()
    assert table.value("select count(*) from integration_logs where status = 'pending'") == 0
    # a statement that was believed lost, and runs late, changes nothing
    row_id = driver.ledger[1]
    before = table.query("select * from integration_logs where id = %s", (row_id,))
    driver.sql("drop trigger waybill_outbox_updated")
    driver.sql(
        "update integration_logs set status = 'pending', duration_ms = null where id = ?",
        (row_id,),
    )
    driver.sql(
        "insert into waybill_outbox select rowid, 1 from integration_logs where id = ?", (row_id,)
    )
    driver.drained()
    assert table.query("select * from integration_logs where id = %s", (row_id,)) == before
    finish(driver, table)


@pytest.mark.alone
def test_an_idle_connection_that_was_cut_costs_no_time(table, new_driver, server):
    driver = new_driver(table.url).start()
    driver.load(1)
    driver.drained()
    server.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'waybill'"
    )
    begin = time.monotonic()
    driver.load(1)
    assert eventually(lambda: table.count() == 2, 5, every=0.02)
    assert time.monotonic() - begin < 1
    assert "not delivered" not in driver.log()
    finish(driver, table)


# F1, F19: our own end


def test_kill_9_at_any_moment(table, new_driver, server, long_run, tmp_path):
    choose = random.Random(3)
    ledger = []
    for turn in range(200 if long_run else 10):
        away = turn % 3 == 2
        if away:
            server.stop("fast")
        driver = new_driver(table.url, folder=tmp_path / "state").start()
        thread = driver.start_load(1000000, per_commit=choose.choice([1, 10, 100]))
        time.sleep(choose.uniform(0, 0.5))
        driver.kill()
        thread.join(30)
        ledger += driver.ledger
        if away:
            server.start()
    driver = new_driver(table.url, folder=tmp_path / "state").start()
    driver.drained()
    table.check(ledger)
    assert len(table.ids()) == driver.sql("select count(*) from integration_logs")[0][0]
    driver.stop()


def test_a_stop_under_load_delivers_what_there_is(table, new_driver):
    driver = new_driver(table.url).start()
    driver.load(8000, per_commit=100)
    driver.stop()
    table.check(driver.ledger)
    assert table.count() == 8000


def test_a_stop_without_a_server_does_not_wait(table, new_driver, server):
    driver = new_driver(table.url).start()
    driver.load(10)
    driver.drained()
    server.stop("fast")
    driver.load(100)
    begin = time.monotonic()
    driver.stop(drain_ms=20000)
    assert time.monotonic() - begin < 5
    server.start()
    again = new_driver(table.url, folder=driver.folder).start()
    again.ledger = driver.ledger
    finish(again, table)


# F2, F3, F5: the server


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_server_is_restarted_under_load(table, new_driver, server, long_run, mode):
    driver = new_driver(table.url).start()
    thread = driver.start_load(20000 if long_run else 4000, pause_us=2000)
    for _ in range(20 if long_run else 2):
        time.sleep(0.3)
        server.stop(mode)
        time.sleep(0.3)
        server.start()
    thread.join(120)
    finish(driver, table)


def test_a_frozen_server_is_left_after_the_deadline(table, new_driver, server, long_run):
    driver = new_driver(table.url, batch_timeout_ms=30000 if long_run else 1500).start()
    thread = driver.start_load(3000, pause_us=5000)
    time.sleep(0.3)
    server.freeze()
    try:
        time.sleep(60 if long_run else 4)
        assert "rows are not delivered" in driver.log()
    finally:
        server.thaw()
    thread.join(120)
    finish(driver, table)


def test_backends_are_terminated_all_the_time(table, new_driver, server, long_run):
    driver = new_driver(table.url).start()
    thread = driver.start_load(30000 if long_run else 5000, pause_us=3000)
    end = time.monotonic() + (30 if long_run else 3)
    while time.monotonic() < end:
        server.query(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'waybill'"
        )
        time.sleep(0.2)
    thread.join(120)
    finish(driver, table)


# F4, F6: the network


@pytest.mark.parametrize("way", [0, 1], ids=["to-the-server", "from-the-server"])
def test_the_connection_is_cut_after_any_byte(table, new_driver, server, long_run, way):
    forwarder = Forwarder(server.port)
    url = table.url.replace(str(server.port), str(forwarder.port)) + "?sslmode=disable"
    driver = new_driver(url).start()
    driver.load(3)
    driver.drained()
    whole = forwarder.seen[0][way]
    cuts = range(1, whole + 1, max(1, whole // (400 if long_run else 25)))
    for cut in [*cuts, whole]:
        # the connection that is open ends, the next one is cut
        forwarder.cuts = [(cut, None) if way == 0 else (None, cut)]
        server.query(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'waybill'"
        )
        driver.load(3)
        driver.drained()
    finish(driver, table)
    assert table.count() == 3 * (len(cuts) + 2)
    forwarder.stop()


def test_a_black_hole_is_left_after_the_deadline(table, new_driver, server):
    forwarder = Forwarder(server.port)
    url = table.url.replace(str(server.port), str(forwarder.port)) + "?sslmode=disable"
    driver = new_driver(url, batch_timeout_ms=1000).start()
    driver.load(100)
    driver.drained()
    forwarder.deaf.set()
    driver.load(100)
    assert eventually(lambda: "no answer" in driver.status()["problem"] or
                      "does not answer" in driver.status()["problem"], 20)
    forwarder.deaf.clear()
    finish(driver, table)
    forwarder.stop()


# F7: the disk


@pytest.fixture
def new_disk(tmp_path):
    """Makes a file system of so many MiB in memory; returns its folder."""
    made = []

    def make(mib):
        folder = tmp_path / f"disk{len(made)}"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("this needs the right to mount a tmpfs")
        made.append(folder)
        return folder

    yield make
    for folder in made:
        subprocess.run(["umount", str(folder)], check=True)


def check_room(driver):
    """The whole log fits into the database file, at most with the reserve."""

    def fits():
        pages = driver.sql("pragma page_count")[0][0]
        disk = os.statvfs(driver.folder)
        room = disk.f_bavail * disk.f_frsize + (driver.folder / "ballast").stat().st_size
        return pages * 4096 <= driver.db.stat().st_size + room

    assert eventually(fits, 2, every=0.02)  # the reserve may be given up in between


@pytest.mark.alone
@pytest.mark.parametrize("mib", [2, 64])
def test_a_full_disk_drains_and_goes_on(table, new_disk, new_driver, server, mib, long_run):
    mib = 256 if mib > 2 and long_run else mib
    driver = new_driver(table.url, folder=new_disk(mib)).start()
    assert eventually(lambda: (driver.folder / "ballast").exists(), 5)
    driver.load(50)
    driver.drained()
    server.stop("fast")
    driver.load(5000, size=500 * mib)
    assert driver.lost > 0
    assert len(driver.ledger) + driver.lost == 5050
    check_room(driver)
    server.start()
    driver.drained()
    table.check(driver.ledger)
    # full and recovered: new rows find room again, for as long as it takes
    assert eventually(lambda: driver.status()["evicted"] > 0, 10)
    for _ in range(20):
        driver.lost = 0
        driver.load(200, size=1000, per_commit=5, pause_us=5000)
        driver.drained()
        check_room(driver)
    assert driver.lost < 100, "rows are lost although those before are delivered"
    finish(driver, table)
    assert table.count() == len(driver.ledger)


@pytest.mark.alone
def test_a_disk_filled_under_a_reader_goes_on_without_it(table, new_disk, new_driver):
    """While somebody reads, the log can only grow: never so far that it cannot be brought in."""
    driver = new_driver(table.url, folder=new_disk(2)).start()
    assert eventually(lambda: (driver.folder / "ballast").exists(), 5)
    driver.load(50)
    driver.drained()
    with closing(sqlite3.connect(driver.db, isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from integration_logs").fetchone()
        driver.load(2000, size=1000)
        assert driver.lost > 0
        check_room(driver)
        reader.execute("rollback")

    def lost():
        driver.lost = 0
        driver.load(20, size=1000)
        return driver.lost

    assert eventually(lambda: lost() == 0, 10)
    driver.load(200, size=1000, per_commit=5, pause_us=5000)
    assert driver.lost < 100
    finish(driver, table)


# F9: the file


def mutate(path, choose):
    """Damages a store at rest in one of the ways of F9."""
    data = bytearray(path.read_bytes())
    kind = choose.randrange(5)
    if kind == 0:
        for _ in range(choose.choice([1, 20, 400])):
            data[choose.randrange(len(data))] = choose.randrange(256)
    elif kind == 1:
        data = data[: choose.randrange(len(data))]
    elif kind == 2:
        data = bytearray()
    elif kind == 3:
        data = bytearray(b"this is no database at all\n" * 500)
    else:
        at = choose.randrange(len(data) // 4096) * 4096
        data[at : at + 4096] = bytes(4096)
    path.write_bytes(data)


def test_a_damaged_store_never_stops_delivery(table, new_driver, long_run, tmp_path):
    choose = random.Random(9)
    first = new_driver(table.url, folder=tmp_path / "first").start()
    first.load(300)
    first.stop()
    whole = (tmp_path / "first" / "waybill.db").read_bytes()
    for turn in range(100 if long_run else 12):
        folder = tmp_path / f"mutant{turn}"
        folder.mkdir()
        (folder / "waybill.db").write_bytes(whole)
        mutate(folder / "waybill.db", choose)
        driver = new_driver(table.url, folder=folder).start()
        driver.load(20)
        if driver.lost:  # damage that shows only now: the next start sets it aside
            driver.kill()
            driver = new_driver(table.url, folder=folder).start()
            driver.load(20)
        assert driver.lost == 0
        assert eventually(
            lambda ledger=driver.ledger: set(ledger) <= set(table.ids()), 30, every=0.1
        ), driver.log()
        driver.kill()


# F10: rows that PostgreSQL does not take

DEEP = "[" * 20000 + "]" * 20000
LONG = random.Random(1).randbytes(6000).hex()
POISON = {
    "a NUL escape": {"request_payload": '{"a": "\\u0000", "b": 1}'},
    "a lone surrogate": {"response_payload": '{"a": "\\ud800"}'},
    "not a number": {"request_payload": '{"a": NaN}'},
    "a truncated body": {"response_payload": '{"a": [1, 2'},
    "a byte order mark": {"request_payload": '\ufeff{"a": 1}'},
    "both payloads": {"request_payload": "{", "response_payload": '{"a": "\\u0000"}'},
    "a huge exponent": {"request_payload": '{"a": 1e400000}'},
    "a tiny exponent": {"request_payload": '{"a": 1e-20000}'},
    "deep nesting": {"response_payload": DEEP},
    "invalid UTF-8": {"error_message": b"\xff\xfe broken"},
    "invalid UTF-8 in a payload": {"request_payload": b'{"a": "\xff"}'},
    "a NUL": {"error_code": b"a\x00b"},
    "a long indexed text": {"related_entity_type": LONG},
    "a long duration": {"duration_ms": 1 << 40},
    "an entity that is no UUID": {"related_entity_type": "lead", "related_entity_id": "12345"},
    "an impossible date": {"created_at": "2026-02-31T00:00:00Z"},
    "a date out of range": {"created_at": "999999-01-01T00:00:00Z"},
}


def put_by_hand(driver, columns, row_id):
    values = {
        "id": row_id,
        "service_name": "by hand",
        "action": "poison",
        "status": "failed",
        "duration_ms": 1,
        **columns,
    }
    marks = ["cast(? as text)" if isinstance(v, bytes) else "?" for v in values.values()]
    driver.sql(
        f"insert into integration_logs ({', '.join(values)}) values ({', '.join(marks)})",
        tuple(values.values()),
    )


def test_one_row_in_ten_is_poison_of_every_kind(table, new_driver, long_run):
    driver = new_driver(table.url).start()
    poison = {}
    for _ in range(10 if long_run else 1):
        for number, (kind, columns) in enumerate(POISON.items()):
            driver.load(9)
            row_id = f"0197{number:04x}-0000-7000-8000-{random.getrandbits(48):012x}"
            put_by_hand(driver, columns, row_id)
            poison[row_id] = kind
    driver.drained()
    table.check(driver.ledger)
    assert driver.status()["refused"] == 0, driver.log()
    flagged = {
        str(row[0])
        for row in table.query(
            "select id from integration_logs where request_payload ? '_repaired'"
            " or response_payload ? '_repaired'"
        )
    }
    unflagged = sorted(poison[row_id] for row_id in set(poison) - flagged)
    assert not unflagged
    assert len(flagged) == len(poison)
    # a payload that jsonb would not take is there as the text that it was
    assert table.value(
        "select request_payload ->> '_text' from integration_logs where request_payload ->> '_text'"
        " like '%%400000%%' limit 1"
    ) == '{"a": 1e400000}'
    driver.stop()


def test_poison_in_one_batch_does_not_hold_the_others(table, new_driver):
    driver = new_driver(table.url).start()
    driver.load(1)
    driver.drained()
    table.query("alter table integration_logs rename to away")
    driver.load(500)
    for number in range(50):
        put_by_hand(driver, POISON["a huge exponent"], f"0197aaaa-0000-7000-8000-{number:012x}")
    table.query("alter table away rename to integration_logs")
    driver.drained()
    assert table.count() == 551
    assert driver.status()["refused"] == 0
    finish(driver, table)


def test_a_row_that_stays_refused_is_kept_shown_and_retried(table, new_driver):
    table.query("alter table integration_logs add constraint no_bad check (action <> 'bad')")
    table.query("alter table integration_logs add constraint short check (duration_ms < 100)")
    driver = new_driver(table.url).start()
    driver.load(95)
    bad = [f"0197bbbb-0000-7000-8000-{n:012x}" for n in range(5)]
    for row_id in bad:
        put_by_hand(driver, {"action": "bad"}, row_id)
    put_by_hand(driver, {}, "not a uuid")
    driver.drained()
    table.check(driver.ledger)
    rows = driver.sql(
        "select l.id, r.sqlstate, r.message from waybill_refused r"
        " join integration_logs l on l.rowid = r.log_rowid order by l.id"
    )
    assert [row[0] for row in rows] == [*bad, "not a uuid"]
    assert {row[1] for row in rows[:5]} == {"23514"}
    assert "no_bad" in rows[0][2]
    assert "waybill outbox list" in driver.log()
    # mended and changed: both ways back
    table.query("alter table integration_logs drop constraint no_bad")
    driver.sql("update integration_logs set error_code = 'X' where id = ?", (bad[0],))
    assert eventually(lambda: bad[0] in table.ids(), 10)
    assert driver.sql("select count(*) from waybill_refused")[0][0] == 5
    driver.stop()


def test_columns_that_somebody_narrowed_are_filled_as_far_as_they_go(table, new_driver):
    table.query("drop view integration_stats_hourly, integration_stats_daily")
    table.query("alter table integration_logs alter error_message type varchar(20)")
    table.query("alter table integration_logs alter duration_ms type smallint")
    table.query("alter table integration_logs alter error_code set not null")
    driver = new_driver(table.url).start()
    put_by_hand(
        driver,
        {"error_message": "ü" * 50, "duration_ms": 100000},
        "0197cccc-0000-7000-8000-000000000001",
    )
    driver.drained()
    rows = table.query("select error_message, duration_ms, error_code from integration_logs")
    assert rows == [("ü" * 10, 32767, "unknown")]
    driver.stop()


# F11, F12, F14: the table


def test_a_renamed_column_holds_everything_and_nothing_is_refused(table, new_driver, long_run):
    driver = new_driver(table.url).start()
    thread = driver.start_load(3000, pause_us=2000)
    time.sleep(0.2)
    table.query("alter table integration_logs rename column error_code to code")
    assert eventually(lambda: "verify" in driver.log(), 10)
    time.sleep(60 if long_run else 1)
    table.query("alter table integration_logs rename column code to error_code")
    thread.join(120)
    driver.drained()
    assert driver.status()["refused"] == 0
    finish(driver, table)


@pytest.mark.parametrize(
    "harm,mend,words",
    [
        ("alter table integration_logs rename to away", "alter table away rename to integration_logs",
         "waybill migrate"),
        ("revoke insert on integration_logs from writer", "grant insert on integration_logs to writer",
         "INSERT"),
        ("alter role writer set default_transaction_read_only = on",
         "alter role writer reset default_transaction_read_only", "read-only"),
        ("alter role writer nologin", "alter role writer login", "not permitted to log in"),
    ],
    ids=["no table", "no right", "read-only", "no login"],
)  # fmt: skip
def test_what_a_person_must_mend_holds_everything(table, new_driver, server, harm, mend, words):
    if not server.query("select 1 from pg_roles where rolname = 'writer'"):
        server.query("create role writer login bypassrls")
    table.query("grant select, insert, update on integration_logs to writer")
    driver = new_driver(server.url(table.name, user="writer")).start()
    driver.load(10)
    driver.drained()
    table.query(harm)
    server.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'waybill'"
    )
    driver.load(100)
    assert eventually(lambda: words in driver.log(), 15), driver.log()
    table.query(mend)
    driver.drained()
    assert driver.status()["refused"] == 0
    table.query("revoke all on integration_logs from writer")
    driver.stop()
    table.check(driver.ledger)


def test_a_missing_partition_holds_and_clock_steps_do_no_harm(table, new_driver):
    table.query("drop table integration_logs cascade")
    table.query(  # the same columns, in partitions by id
        "create table integration_logs (id uuid primary key, service_name text not null,"
        " action text not null, status text not null, related_entity_type text,"
        " related_entity_id uuid, request_payload jsonb, response_payload jsonb,"
        " error_message text, error_code text, duration_ms integer, retry_count integer,"
        " created_at timestamptz, updated_at timestamptz) partition by range (id)"
    )
    driver = new_driver(table.url).start()
    for days in (0, 40, -1):
        driver.load(50, days=days)
    assert eventually(lambda: "DEFAULT partition" in driver.log(), 10), driver.log()
    assert driver.sql("select count(*) from waybill_refused")[0][0] == 0
    table.query("create table rest partition of integration_logs default")
    finish(driver, table)


# F13: a pooler, a timeout, a lock


def test_a_pooler_in_transaction_mode_is_restarted_under_load(
    table, new_driver, server, long_run
):
    with PgBouncer(server) as pooler:
        driver = new_driver(pooler.url(table.name)).start()
        thread = driver.start_load(20000 if long_run else 4000, pause_us=2000)
        for _ in range(10 if long_run else 2):
            time.sleep(0.3)
            pooler.stop()
            time.sleep(0.2)
            pooler.start()
        thread.join(120)
        finish(driver, table)


def test_a_statement_timeout_makes_batches_smaller(table, new_driver):
    table.query(f'alter database "{table.name}" set statement_timeout = 30')
    table.query(
        "create function slow() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(0.0002); return new; end $$"
    )
    table.query(
        "create trigger slow before insert on integration_logs for each row execute function slow()"
    )
    driver = new_driver(table.url).start()
    driver.load(1000, per_commit=500)
    finish(driver, table)


def test_a_locked_table_is_waited_for(table, new_driver, long_run):
    driver = new_driver(table.url, batch_timeout_ms=0 if long_run else 1500).start()
    driver.load(10)
    driver.drained()
    lock = table.server.connect(table.name)
    lock.autocommit = False
    lock.cursor().execute("lock table integration_logs in access exclusive mode")
    thread = driver.start_load(1000, pause_us=2000)
    time.sleep(20 if long_run else 4)
    lock.rollback()
    lock.close()
    thread.join(60)
    finish(driver, table)


# F15, F17, F22


def test_a_long_outage_is_made_up_for_under_load(table, new_driver, server, long_run, sanitized):
    rows = 1000000 if long_run else 15000
    driver = new_driver(table.url).start()
    driver.load(1000)
    driver.drained()
    before = driver.rss_kib()
    server.stop("fast")
    driver.load(rows, size=1000, per_commit=200)
    server.start()
    begin = time.monotonic()
    thread = driver.start_load(3000, pause_us=3000)
    thread.join(600)
    driver.drained(max(30, rows / 2000))
    assert time.monotonic() - begin < max(30, rows / 2000)
    assert driver.rss_kib() - before < (200 if sanitized else 64) * 1024
    finish(driver, table)


def test_a_very_large_row_goes_alone(table, new_driver):
    driver = new_driver(table.url).start()
    driver.load(100)
    driver.load(1, size=20 << 20)
    driver.load(100)
    driver.load(20, size=1 << 20)
    finish(driver, table)


def test_retention_on_both_sides_while_delivering(table, new_driver):
    driver = new_driver(table.url).start()
    stop = threading.Event()

    def clean():
        while not stop.is_set():
            table.query("select cleanup_old_integration_logs()")

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    for turn in range(30):
        driver.load(50, days=-200 if turn % 2 else 0)
        driver.sql("delete from integration_logs where created_at < date('now', '-180 days')")
    driver.drained()
    stop.set()
    cleaner.join(30)
    table.query("select cleanup_old_integration_logs()")
    assert table.count() == 15 * 50
    assert driver.sql("select count(*) from integration_logs")[0][0] == 15 * 50
    assert driver.status()["state"] != "failing"
    driver.stop()


# what others see


def test_the_password_is_in_no_line_of_the_log(server, table, new_driver):
    url = server.url(table.name, user="guarded", password="p@ss/wrong")
    driver = new_driver(url).start()
    driver.load(5)
    assert eventually(lambda: driver.status()["state"] == "failing", 10)
    assert "p@ss" not in driver.log()
    assert "p%40ss" not in driver.log()
    assert "password authentication failed" in driver.log()
    driver.stop()


@pytest.mark.alone
def test_writing_rows_is_not_slowed_by_the_shipper(table, new_driver, sanitized):
    driver = new_driver(table.url).start()
    driver.load(5000, size=2500, per_commit=5, pause_us=500)
    limit_us = 1000000 if sanitized or os.cpu_count() < 4 else 50000
    assert driver.slowest_us < limit_us
    finish(driver, table)
