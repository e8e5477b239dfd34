# SPDX-License-Identifier: MIT
"""The numbers of the page, from rollups and from rows, against a plain count of the same rows."""

import contextlib
import datetime
import json
import random
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest

from lib.postgres import Postgres
from lib.waybill import REPO, eventually

UTC = datetime.timezone.utc
# the middle of an hour, some days ago: ranges begin and end anywhere
END = datetime.datetime.now(UTC).replace(minute=37, second=11, microsecond=5) - datetime.timedelta(
    hours=5)
DAYS = 5
ERROR = 0.032
STATUSES = ["success", "failed", "pending", "retrying"]
ENTITY = str(uuid.UUID(int=7))


def text(time):
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_rows(count, seed=1):
    dice = random.Random(seed)
    rows = []
    for _ in range(count):
        service, action = dice.choice([
            ("resend", "send_email"), ("resend", "get_email"), ("telegram", "send_telegram"),
            ("telegram", "get_telegram_updates"), ("whapi", "send_whatsapp")])
        status = dice.choices(STATUSES, [80, 12, 3, 5])[0]
        code = dice.choice(["HTTP_500", "validation_error", None]) if status in (
            "failed", "retrying") else None
        rows.append({
            "id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            "service_name": service,
            "action": action,
            "status": status,
            "error_code": code,
            "error_message": f"{code} 100% of «{dice.choice('абв')}»" if code else None,
            "related_entity_type": "lead" if dice.random() < 0.1 else None,
            "related_entity_id": None,
            "duration_ms": None if status == "pending" and dice.random() < 0.5
            else int(dice.lognormvariate(5, 1.5)),
            "created_at": END - datetime.timedelta(seconds=dice.random() * DAYS * 86400),
        })
        if rows[-1]["related_entity_type"]:
            rows[-1]["related_entity_id"] = dice.choice([ENTITY, str(uuid.UUID(int=8))])
    return rows


class SqliteRows:
    def __init__(self, waybill):
        self.db = sqlite3.connect(waybill.db, timeout=20, isolation_level=None)

    def run(self, sql, rows):
        self.db.execute("begin immediate")
        self.db.executemany(sql, [{**row, "created_at": text(row["created_at"])} for row in rows])
        self.db.execute("commit")

    def insert(self, rows):
        names = list(rows[0])
        self.run(f"insert into integration_logs ({', '.join(names)}) "
                 f"values ({', '.join(':' + name for name in names)})", rows)

    def update(self, rows):
        self.run("update integration_logs set status = :status, duration_ms = :duration_ms, "
                 "error_code = :error_code, created_at = :created_at where id = :id", rows)

    def delete(self, rows):
        self.run("delete from integration_logs where id = :id", rows)

    def value(self, sql):
        return self.db.execute(sql).fetchone()[0]


class PostgresRows:
    def __init__(self, server):
        self.db = server.connect()

    def run(self, sql, rows):
        with self.db, self.db.cursor() as cursor:
            cursor.executemany(sql, rows)

    def insert(self, rows):
        names = list(rows[0])
        self.run(f"insert into integration_logs ({', '.join(names)}) "
                 f"values ({', '.join(f'%({name})s' for name in names)})", rows)

    def update(self, rows):
        self.run("update integration_logs set status = %(status)s, duration_ms = %(duration_ms)s, "
                 "error_code = %(error_code)s, created_at = %(created_at)s where id = %(id)s", rows)

    def delete(self, rows):
        self.run("delete from integration_logs where id = %(id)s", rows)

    def value(self, sql):
        with self.db, self.db.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]


def migrate(server):
    for path in sorted((REPO / "sql/migrations").glob("*.sql")):
        with contextlib.closing(server.connect()) as db, db.cursor() as cursor:
            cursor.execute(path.read_text())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, new_waybill):
    """A running waybill, and the rows that it reads."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            waybill = new_waybill(admin={"listen": "127.0.0.1:0"}).start()
            rows = SqliteRows(waybill)
        else:
            server = stack.enter_context(Postgres())
            migrate(server)
            waybill = new_waybill(admin={"listen": "127.0.0.1:0"}, database=server.url()).start()
            rows = PostgresRows(server)
        waybill.admin = waybill.wait_log(r"(http://127\.0\.0\.1:\d+)/#key=").group(1)
        waybill.key = (waybill.state_dir / "keys/authenticated").read_text().strip()
        yield waybill, rows
        rows.db.close()


def ask(waybill, path, **parameters):
    query = urllib.parse.urlencode(parameters, doseq=True)
    request = urllib.request.Request(f"{waybill.admin}{path}?{query}",
                                     headers={"Authorization": f"Bearer {waybill.key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


FIELDS = {"service": "service_name", "action": "action", "status": "status", "code": "error_code",
          "entity_type": "related_entity_type", "entity_id": "related_entity_id"}


def fits(row, filters):
    for name, wanted in filters.items():
        if name == "q":
            if wanted.lower() not in (row["error_message"] or "").lower():
                return False
        elif row[FIELDS[name]] not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


def near(found, durations, share):
    if not durations:
        return found is None
    rank = max(1, -(-len(durations) * share // 1))
    exact = sorted(durations)[int(rank) - 1]
    return abs(found - exact) <= exact * ERROR


def check_period(found, rows):
    counts = {status: sum(row["status"] == status for row in rows) for status in STATUSES}
    assert {status: found[status] for status in STATUSES} == counts
    assert found.get("calls", len(rows)) == len(rows)
    durations = [row["duration_ms"] for row in rows
                 if row["duration_ms"] is not None and row["action"] != "get_telegram_updates"]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert near(found[name], durations, share), (name, found[name], len(durations))


def check(waybill, rows, begin, end, filters):
    found = ask(waybill, "/api/overview", **{"from": text(begin), "to": text(end)}, **filters)
    fit = [row for row in rows if fits(row, filters)]
    now = [row for row in fit if begin <= row["created_at"] < end]
    check_period(found["now"], now)
    check_period(found["before"],
                 [row for row in fit if begin - (end - begin) <= row["created_at"] < begin])
    assert found["still_failed"] == sum(row["status"] == "failed" for row in now)

    assert sum(bucket[status] for bucket in found["series"] for status in STATUSES) == len(now)
    for bucket in random.Random(2).sample(found["series"], min(8, len(found["series"]))):
        start = datetime.datetime.fromisoformat(bucket["t"].replace("Z", "+00:00"))
        stop = start + datetime.timedelta(seconds=found["bucket_s"])
        check_period(bucket, [row for row in now if start <= row["created_at"] < stop])

    groups = {}
    for row in now:
        groups.setdefault((row["service_name"], row["action"]), []).append(row)
    assert {(a["service_name"], a["action"]): (a["count"], a["failed"]) for a in found["actions"]} == {
        key: (len(group), sum(row["status"] == "failed" for row in group))
        for key, group in groups.items()}
    errors = {}
    for row in now:
        if row["status"] in ("failed", "retrying"):
            key = (row["service_name"], row["action"], row["error_code"] or "")
            errors.setdefault(key, []).append(text(row["created_at"]))
    assert {(e["service_name"], e["action"], e["error_code"]):
            (e["count"], e["first_seen"], e["last_seen"]) for e in found["errors"]} == {
        key: (len(times), min(times), max(times)) for key, times in errors.items()}
    for error in found["errors"]:
        assert bool(error["message"]) == bool(error["error_code"])


RANGES = [
    (datetime.timedelta(minutes=50), datetime.timedelta()),
    (datetime.timedelta(hours=7), datetime.timedelta(hours=3, seconds=17)),
    (datetime.timedelta(days=1), datetime.timedelta(minutes=90)),
    (datetime.timedelta(days=DAYS), datetime.timedelta(hours=-1)),
    (datetime.timedelta(days=40), datetime.timedelta(days=-1)),
]
FILTERS = [
    {},
    {"service": "resend"},
    {"service": ["resend", "whapi"], "status": ["failed", "retrying"]},
    {"action": "get_telegram_updates"},
    {"code": "HTTP_500"},
    {"entity_type": "lead", "entity_id": ENTITY},
    {"entity_id": ENTITY},
    {"q": "100% of «Б»"},
    {"q": "http", "service": "whapi"},
]


def check_all(waybill, rows):
    """Every range, every filter; not each with each, which takes minutes."""
    for number, (length, ago) in enumerate(RANGES):
        for filters in FILTERS[number % 3::3]:
            check(waybill, rows, END - ago - length, END - ago, filters)


def summed_up(rows):
    """Every slot has been; the one that is under way has no rows here."""
    return rows.value("select count(*) from integration_rollup_marks") == 0


def test_numbers_are_exact_before_and_after_hours_are_summed_up(place):
    waybill, rows = place
    made = make_rows(1500)
    rows.insert(made)
    assert not summed_up(rows)
    check_all(waybill, made)
    assert eventually(lambda: summed_up(rows), 60)
    assert rows.value("select count(*) from integration_rollups") > 100
    check_all(waybill, made)

    # rows that come late, change, move to another hour, and go
    late = make_rows(40, seed=3)
    rows.insert(late)
    made += late
    for row in made[:30]:
        row["status"], row["duration_ms"], row["error_code"] = "failed", 12345, "HTTP_500"
        row["error_message"] = row["error_message"] or "HTTP_500 told later"
        row["created_at"] -= datetime.timedelta(hours=2)
    rows.run("update integration_logs set error_message = 'HTTP_500 told later' "
             "where id = :id and error_message is null" if isinstance(rows, SqliteRows) else
             "update integration_logs set error_message = 'HTTP_500 told later' "
             "where id = %(id)s and error_message is null", made[:30])
    rows.update(made[:30])
    rows.delete(made[30:60])
    del made[30:60]
    check(waybill, made, END - datetime.timedelta(days=DAYS + 1), END, {})
    assert eventually(lambda: summed_up(rows), 60)
    check_all(waybill, made)


def test_marks_of_a_dead_program_are_worked_off(place):
    waybill, rows = place
    made = make_rows(50)
    rows.insert(made)
    assert eventually(lambda: summed_up(rows), 60)
    waybill.kill()
    rows.run("insert into integration_rollup_marks (slot, claimed) "
             f"values ({int(END.timestamp()) // 300}, 77)", [{"created_at": END}])
    rows.run("delete from integration_rollups", [{"created_at": END}])
    waybill.start()
    assert eventually(lambda: summed_up(rows), 60)


def test_no_writer_waits_for_another_one():
    """Marks of one hour, in either order, in transactions that stay open; and the sums after."""
    insert = ("insert into integration_logs (service_name, action, status, created_at) "
              "values ('a', 'b', 'failed', now() - %s * interval '1 hour')")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres())
        migrate(server)
        first, second = (stack.enter_context(contextlib.closing(server.connect()))
                         for _ in range(2))
        one, two = first.cursor(), second.cursor()
        two.execute("set lock_timeout = '5s'")
        one.execute(insert, (3,))
        two.execute(insert, (4,))
        two.execute(insert, (3,))
        one.execute(insert, (4,))
        second.commit()
        first.commit()


@pytest.mark.parametrize("query, words", [
    ({"range": "1y"}, "range=1y"), ({"from": "x"}, "from=x"), ({"entity_id": "7"}, "UUID")])
def test_a_filter_that_is_wrong_is_explained(new_waybill, query, words):
    waybill = new_waybill(admin={"listen": "127.0.0.1:0"}).start()
    waybill.admin = waybill.wait_log(r"(http://127\.0\.0\.1:\d+)/#key=").group(1)
    waybill.key = (waybill.state_dir / "keys/authenticated").read_text().strip()
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(waybill, "/api/overview", **query)
    assert refused.value.code == 400 and words in refused.value.read().decode()
