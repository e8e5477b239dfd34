# SPDX-License-Identifier: MIT
"""What the page reads beside its numbers: live rows, the CSV, chains of attempts, what to filter by.

All of it from the SQLite store and from PostgreSQL.
"""

import csv
import datetime
import io
import json
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
from lib.postgres import Postgres, free_port
from lib.stream import DEADLINE
from lib.waybill import COLUMNS, REPO, eventually

UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC).replace(microsecond=250)
ENTITY = "0190f0aa-0000-7000-8000-00000000abcd"
BRIEF = [name for name in COLUMNS if not name.endswith("_payload")]


def ago(**span):
    return (NOW - datetime.timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clock(**late):
    """Now, or some time ago."""
    now = datetime.datetime.now(UTC) - datetime.timedelta(**late)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Place:
    """A running waybill and a hand on the rows that it reads."""

    def __init__(self, waybill, server):
        self.waybill, self.server = waybill, server
        self.admin = waybill.wait_log(r"(http://127\.0\.0\.1:\d+)/#key=").group(1)
        self.key = (waybill.state_dir / "keys/authenticated").read_text().strip()

    def connect(self):
        """A connection with the execute() of its own transactions, and its placeholder."""
        if self.server:
            return self.server.connect()
        return sqlite3.connect(self.waybill.db, timeout=DEADLINE, isolation_level=None)

    def run(self, sql, rows, connection=None):
        """In one transaction, or as part of the connection's."""
        db = connection or self.connect()
        cursor = db.cursor()
        if not connection:
            cursor.execute("begin")
        cursor.executemany(sql.replace("?", "%s") if self.server else sql, rows)
        if not connection:
            cursor.execute("commit")
            db.close()

    def add(self, *rows, connection=None):
        """Adds rows; returns their ids."""
        usual = {"service_name": "resend", "action": "send_email", "status": "success",
                 "retry_count": 0, "created_at": ago(seconds=1), "updated_at": clock()}
        names = ["id", *{name: 0 for row in (usual, *rows) for name in row}]
        full = [{"id": str(uuid.uuid4()), **usual, **row} for row in rows]
        self.run(f"insert into integration_logs ({', '.join(names)}) "
                 f"values ({', '.join('?' * len(names))})",
                 [[row.get(name) for name in names] for row in full], connection)
        return [row["id"] for row in full]

    def change(self, row, **values):
        self.run(f"update integration_logs set {', '.join(f'{name} = ?' for name in values)} "
                 "where id = ?", [[*values.values(), row]])

    def open(self, path, headers=(), **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        request = urllib.request.Request(
            f"{self.admin}{path}?{query}",
            headers={"Authorization": f"Bearer {self.key}", **dict(headers)})
        return urllib.request.urlopen(request, timeout=DEADLINE)

    def json(self, path, **parameters):
        with self.open(path, **parameters) as answer:
            return json.load(answer)

    def refused(self, path, **parameters):
        with pytest.raises(urllib.error.HTTPError) as error:
            self.open(path, **parameters)
        return error.value.code

    def table(self, **parameters):
        """The CSV as dicts."""
        with self.open("/api/export.csv", **parameters) as answer:
            text = answer.read().decode("utf-8")
        assert text.endswith("\r\n")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def follow(self, cursor=None, **parameters):
        return Follower(self.open("/api/live", {"Last-Event-ID": cursor} if cursor else {},
                                  **parameters))


class Follower:
    """Server-Sent Events, as a browser reads them."""

    def __init__(self, stream):
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        self.stream = stream
        self.cursor = ""
        self.take()  # the first block says where we are

    def take(self):
        """The next block: (event, data)."""
        event, data = "message", None
        while True:
            line = self.stream.readline().decode("utf-8")
            assert line, "the stream has ended"
            name, _, value = line.rstrip("\n").partition(": ")
            if line == "\n":
                return event, data
            if name == "id":
                self.cursor = value
            elif name == "event":
                event = value
            elif name == "data":
                data = json.loads(value)

    def row(self):
        end = time.monotonic() + DEADLINE
        while True:
            assert time.monotonic() < end, "no row came"
            event, data = self.take()
            if event == "row":
                return data

    def rows(self, count):
        return [self.row() for _ in range(count)]

    def close(self):
        self.stream.close()


@pytest.fixture(scope="module")
def server():
    with Postgres() as instance:
        for path in sorted((REPO / "sql/migrations").glob("*.sql")):
            instance.query(path.read_text())
        yield instance


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_place(request, module_waybill):
    server = request.getfixturevalue("server") if request.param == "postgresql" else None
    where = {"database": server.url()} if server else {}
    return Place(module_waybill(admin={"listen": "127.0.0.1:0"}, **where).start(), server)


@pytest.fixture
def place(shared_place):
    """With an empty table."""
    shared_place.run("delete from integration_logs", [()])
    return shared_place


only_postgresql = pytest.mark.parametrize("shared_place", ["postgresql"], indirect=True)

# live


def test_new_and_changed_rows_come_as_events(place):
    live = place.follow()
    (one,) = place.add({"status": "pending", "error_message": "line\nbreak \u2028 «»",
                        "request_payload": '{"a":1}'})
    row = live.row()
    assert list(row) == BRIEF
    assert row["id"] == one and row["status"] == "pending"
    assert row["created_at"] == ago(seconds=1)
    assert row["error_message"] == "line\nbreak \u2028 «»"
    assert row["retry_count"] == 0 and row["duration_ms"] is None
    place.change(one, status="failed", duration_ms=12)
    row = live.row()
    assert (row["id"], row["status"], row["duration_ms"]) == (one, "failed", 12)
    live.close()


def test_whoever_comes_back_with_the_cursor_misses_nothing(place):
    live = place.follow()
    place.add({"action": "one"})
    assert live.row()["action"] == "one"
    live.close()
    missed = place.add(*({"action": f"missed{n}"} for n in range(3)))
    place.change(missed[1], status="retrying")
    for back in (place.follow(live.cursor), place.follow(after=live.cursor)):
        rows = back.rows(3)
        assert {row["id"] for row in rows} == set(missed)
        assert {row["status"] for row in rows if row["id"] == missed[1]} == {"retrying"}
        back.close()


def test_a_long_absence_is_caught_up_in_order(place):
    live = place.follow()
    rows = [[str(uuid.uuid4()), "bulk", str(n), "success"] for n in range(1300)]
    place.run("insert into integration_logs (id, service_name, action, status) "
              "values (?, ?, ?, ?)", rows)
    back = place.follow(live.cursor)
    found = back.rows(len(rows))
    assert sorted(row["id"] for row in found) == sorted(row[0] for row in rows)
    (last,) = place.add({"action": "last"})
    assert back.row()["id"] == last
    live.close()
    back.close()


@pytest.mark.parametrize("cursor", ["", "x", "s.1", "p.1", "s.1.1.x", "p.-1.2", "s.9.9.9.9", "s" * 999])
def test_a_cursor_that_is_none_begins_now(place, cursor):
    place.add({"action": "before"})
    live = place.follow(after=cursor)
    place.add({"action": "after"})
    assert live.row()["action"] == "after"
    live.close()


def test_the_filter_holds_for_live_rows(place):
    live = place.follow(service=["a", "b"], status="failed", code="X", entity_type="lead",
                        entity_id=ENTITY.upper(), q="ERR_1%")
    good = {"service_name": "a", "status": "failed", "error_code": "X",
            "related_entity_type": "lead", "related_entity_id": ENTITY,
            "error_message": "some err_1% here"}
    for wrong in ({"service_name": "c"}, {"status": "retrying"}, {"error_code": None},
                  {"related_entity_type": "deal"}, {"related_entity_id": str(uuid.uuid4())},
                  {"error_message": "err11%"}, {"error_message": None}):
        place.add({**good, **wrong})
    right = place.add(good, {**good, "service_name": "b"})
    assert {row["id"] for row in live.rows(2)} == set(right)
    live.close()
    live = place.follow(**{"from": ago(minutes=5), "to": ago(minutes=3)})
    place.add({"created_at": ago(minutes=6)}, {"created_at": ago(minutes=3)})
    (inside,) = place.add({"created_at": ago(minutes=4)})
    assert live.row()["id"] == inside
    live.close()


def test_rows_of_a_table_that_was_emptied_are_followed(place):
    """SQLite gives the rowids out once more."""
    place.add({}, {}, {})
    live = place.follow()
    place.run("delete from integration_logs", [()])
    new = place.add({"action": "again"}, {"action": "and again"})
    assert {row["id"] for row in live.rows(2)} == set(new)
    live.close()


@only_postgresql
def test_a_row_committed_late_is_followed(place):
    """PostgreSQL: its updated_at is older than what was sent already."""
    place.add({})  # the hour is marked: else the second writer would wait for the first
    live = place.follow()
    db = place.connect()
    db.autocommit = False
    (late,) = place.add({"action": "late"}, connection=db)
    (early,) = place.add({"action": "early"})
    assert live.row()["id"] == early
    place.add({"action": "more"})
    assert live.row()["action"] == "more"
    db.commit()
    db.close()
    assert live.row()["id"] == late
    place.add({"action": "end"})
    assert live.row()["action"] == "end", "a row was sent twice"
    live.close()


@only_postgresql
def test_delivered_late_rows_are_followed(place):
    """PostgreSQL: rows that waited for minutes bring their own updated_at."""
    live = place.follow()
    place.add({"action": "old", "updated_at": clock(seconds=60)})
    place.add({"action": "older", "updated_at": clock(seconds=100)})
    assert {row["action"] for row in live.rows(2)} == {"old", "older"}
    live.close()


def test_a_stream_ends_with_the_program(new_waybill):
    waybill = new_waybill(admin={"listen": "127.0.0.1:0"}).start()
    live = Place(waybill, None).follow()
    begin = time.monotonic()
    waybill.stop()
    assert time.monotonic() - begin < 5
    live.close()


# export


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", 'say "hi", you',
           "two\r\nlines", "semi;colon", " blank", "", "Привет, мир", "'quoted", "a,b"]


def test_the_csv_has_every_cell_and_no_formula(place):
    for text in HOSTILE:
        place.add({"error_message": text, "service_name": text or "none", "duration_ms": 7,
                   "request_payload": json.dumps({"a": [1, text]}, ensure_ascii=False)})
    with place.open("/api/export.csv", range="1h") as answer:
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert answer.headers["Content-Disposition"].startswith(
            'attachment; filename="integration_logs-20')
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.readline().decode().rstrip("\r\n").split(",") == COLUMNS
    rows = place.table(range="1h")
    assert len(rows) == len(HOSTILE)
    for row in rows:
        text = json.loads(row["request_payload"])["a"][1]
        guarded = "'" + text if text[:1] in tuple("=+-@\t\r") and text else text
        assert row["error_message"] == guarded
        assert row["service_name"] == (guarded or "none")
        assert row["duration_ms"] == "7" and row["retry_count"] == "0"
        assert row["created_at"] == ago(seconds=1)
        assert not any(cell[:1] in tuple("=+-@\t\r") for cell in row.values() if cell)


def test_the_csv_has_each_row_once_newest_first(place):
    """Over several pages and spans; many rows of one microsecond."""
    rows = []
    for n in range(1500):
        created = ago(seconds=5) if n % 3 == 0 else ago(minutes=n % 700, seconds=n)
        rows.append([str(uuid.uuid4()), "many", "x", ["success", "failed"][n % 2], created])
    rows.append([str(uuid.uuid4()), "many", "x", "failed", ago(days=80)])
    place.run("insert into integration_logs (id, service_name, action, status, created_at) "
              "values (?, ?, ?, ?, ?)", rows)
    found = [(row["created_at"], row["id"]) for row in place.table(range="90d")]
    assert found == sorted(((row[4], row[0]) for row in rows), reverse=True)
    failed = place.table(range="90d", status="failed")
    assert {row["id"] for row in failed} == {row[0] for row in rows if row[3] == "failed"}
    some = place.table(**{"from": ago(minutes=100), "to": ago(minutes=50)})
    assert {row["id"] for row in some} == {
        row[0] for row in rows if ago(minutes=100) <= row[4] < ago(minutes=50)}


def test_large_rows_are_exported_whole(place):
    payload = json.dumps({"text": "x" * 60000})
    place.add(*({"request_payload": payload, "response_payload": payload} for _ in range(60)))
    rows = place.table(range="1h")
    assert len(rows) == 60
    assert all(json.loads(row["response_payload"]) == json.loads(payload) for row in rows)


# chain


def test_a_chain_is_the_attempts_of_one_call(place):
    def attempt(minutes, status, count, payload='{"to": 1}', **more):
        return {"created_at": ago(minutes=minutes), "status": status, "retry_count": count,
                "request_payload": payload, **more}

    before = place.add(attempt(300, "retrying", 0), attempt(299, "success", 1))
    chain = place.add(attempt(60, "retrying", 0), attempt(59, "retrying", 1),
                      attempt(58, "success", 2))
    place.add(attempt(60, "retrying", 0, '{"to": 2}'), attempt(59, "retrying", 1, action="other"),
              attempt(59, "retrying", 1, service_name="other"), attempt(57, "success", 2, None))
    alone = place.add(attempt(50, "failed", 0), attempt(49, "success", 0))
    empty = place.add(attempt(45, "retrying", 0, None), attempt(44, "failed", 1, None))
    far = place.add(attempt(3000, "retrying", 0), attempt(10, "failed", 1, '{"to": 9}'))

    def of(row):
        rows = place.json("/api/chain", id=row)["attempts"]
        assert all(list(row) == BRIEF for row in rows)
        return [row["id"] for row in rows]

    for group in (before, chain, empty):
        for row in group:
            assert of(row) == group
    for row in [*alone, *far]:
        assert of(row) == [row]
    assert of(chain[0].upper()) == chain
    assert place.refused("/api/chain", id=str(uuid.uuid4())) == 404
    assert place.refused("/api/chain", id="1' or '1'='1") == 400
    assert place.refused("/api/chain") == 400


# facets


def test_facets_name_what_there_is(place):
    assert place.json("/api/facets") == {
        "services": [], "actions": {}, "codes": [], "entity_types": []}
    place.add({"service_name": "b", "action": "two"}, {"service_name": "b", "action": "one"},
              {"service_name": 'a"\\', "action": "<x>", "error_code": "Z", "status": "failed"},
              {"service_name": "b", "action": "one", "error_code": "Y", "status": "failed",
               "related_entity_type": "lead", "related_entity_id": ENTITY,
               "created_at": ago(days=200)},
              {"service_name": "b", "action": "one", "related_entity_type": "deal",
               "related_entity_id": ENTITY, "error_code": ""})
    wanted = {"services": ['a"\\', "b"], "actions": {'a"\\': ["<x>"], "b": ["one", "two"]},
              "codes": ["Y", "Z"], "entity_types": ["deal", "lead"]}
    assert place.json("/api/facets") == wanted
    place.run("delete from integration_logs where error_code = ?", [["Y"]])
    wanted.update(codes=["Z"], entity_types=["deal"])
    assert eventually(lambda: place.json("/api/facets") == wanted)


# all


@pytest.mark.parametrize("path", ["/api/live", "/api/export.csv", "/api/chain", "/api/facets"])
def test_nothing_without_a_key_nor_with_a_bad_filter(place, path):
    key, place.key = place.key, "no"
    try:
        assert place.refused(path) == 401
    finally:
        place.key = key
    if path in ("/api/live", "/api/export.csv"):
        assert place.refused(path, range="1y") == 400
        assert place.refused(path, entity_id="x") == 400


def test_a_database_that_is_away_is_an_error(new_waybill):
    waybill = new_waybill(
        admin={"listen": "127.0.0.1:0"}, database=f"postgresql://127.0.0.1:{free_port()}/x").start()
    place = Place(waybill, None)
    for path in ("/api/live", "/api/export.csv", "/api/facets"):
        assert place.refused(path) == 503
    assert place.refused("/api/chain", id=ENTITY) == 503
