#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What each question of the page costs, with few rows and with many, in SQLite and in PostgreSQL.

    bench/dashboard.py [--rows 100000,10000000] [--store sqlite,postgresql] [--rounds 15]
                       [--folder FOLDER]

Fills a table with 30 days of calls (five services, twenty actions, log-normal durations, days and
nights), lets a running waybill sum them up, and asks it over HTTP what the page asks. For each
question: the median of the answer's time, and the processor time of waybill and of the database for
one answer. $WAYBILL_BUILD names the build, else build/.

10 million rows take about 6 GB in FOLDER (default: the system's temporary folder), and some minutes
to fill.
"""

import argparse
import contextlib
import datetime
import http.client
import io
import json
import math
import os
import pathlib
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from urllib.parse import urlencode

REPO = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("WAYBILL_BUILD", str(REPO / "build"))
sys.path.insert(0, str(REPO / "tests" / "e2e"))

from lib.postgres import Postgres  # noqa: E402
from lib.waybill import COLUMNS, Waybill  # noqa: E402

UTC = datetime.timezone.utc
DAYS = 30
TARGET_MS = 100
BRIEF = ",".join(name for name in COLUMNS if not name.endswith("_payload"))

ACTIONS = {  # and how often
    "amocrm": ("create_lead update_lead get_lead create_contact get_contact add_note", 30),
    "resend": ("send_email send_batch get_email", 20),
    "mobizon": ("send_sms get_sms_status get_balance", 10),
    "telegram": ("telegram_sendmessage telegram_sendphoto telegram_editmessagetext "
                 "telegram_answercallbackquery", 25),
    "whapi": ("send_message send_image send_document check_phone", 15),
}
CODES = [("HTTP_500", "Internal Server Error", 40), ("HTTP_429", "Too Many Requests", 30),
         ("UPSTREAM_TIMEOUT", "no answer within 120 s", 15),
         ("validation_error", "the address «иван@» is not valid", 10),
         ("CONNECT_REFUSED", "connection refused", 4), ("RARE", "a needle in the haystack", 1)]


# rows


def templates(dice, count=20000):
    """What rows have in common: service, action, status, error, duration, payloads."""
    pairs = [(service, action, weight / len(actions.split()))
             for service, (actions, weight) in ACTIONS.items() for action in actions.split()]
    found = []
    for _ in range(count):
        service, action, _ = dice.choices(pairs, [pair[2] for pair in pairs])[0]
        status = dice.choices(["success", "failed", "retrying", "pending"], [962, 20, 16, 2])[0]
        code = message = None
        if status in ("failed", "retrying"):
            code, message, _ = dice.choices(CODES, [code[2] for code in CODES])[0]
        duration = min(int(dice.lognormvariate(math.log(180), 0.8)), 120000)
        request = json.dumps({"to": dice.randrange(10**9), "text": "x" * dice.randrange(20, 80)})
        response = json.dumps({"ok": not code, "id": dice.randrange(10**12)})
        found.append((service, action, status, request, response, message, code, duration))
    return found


def hours(count, end):
    """How many rows each hour has: (start, seconds, rows), oldest first."""
    begin = end - DAYS * 86400
    spans = []
    while begin < end:
        stop = min((begin // 3600 + 1) * 3600, end)
        of_day = begin % 86400 / 3600
        busy = 0.15 + math.exp(-((of_day - 10) / 4.5) ** 2)
        spans.append((begin, stop - begin, busy * (stop - begin)))
        begin = stop
    total = sum(span[2] for span in spans)
    done = given = 0
    for begin, length, weight in spans:
        done += weight
        rows = round(count * done / total) - given
        given += rows
        yield begin, length, rows


def make_rows(count, end, seed=1):
    """Tuples in the order of COLUMNS, in the order of time; every thousandth call is made thrice."""
    dice = random.Random(seed)
    shapes = templates(dice)
    entities = [f"0190f0aa-0000-7000-8000-{n:012x}" for n in range(65536)]
    number = 0
    chain = 0
    last = None
    for begin, length, rows in hours(count, end):
        for index in range(rows):
            us = begin * 1000000 + (index * length * 1000000) // rows
            second, fraction = divmod(us, 1000000)
            if second != last:
                last = second
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            bits = dice.getrandbits(60)
            # UUIDv7: the time in milliseconds, then anything that differs
            ms = f"{us // 1000:012x}"
            uid = f"{ms[:8]}-{ms[8:]}-7{bits & 0xfff:03x}-8{bits >> 12 & 0xfff:03x}-{number:012x}"
            shape = shapes[bits >> 24 & 16383]
            kind = entity = None
            if bits >> 40 & 3 == 0:
                kind, entity = "lead", entities[bits >> 44]
            created = f"{stamp}.{fraction:06d}Z"
            number += 1
            retries = 0
            service, action, status, request, response, message, code, duration = shape
            if number % 1000 < 3 and number > 1000:
                chain = chain if number % 1000 else number
                retries = number % 1000
                service, action = "resend", "send_email"
                status = "success" if retries == 2 else "retrying"
                request = f'{{"to":{chain}}}'
            yield (uid, service, action, status, kind, entity, request, response, message, code,
                   duration, retries, created, created)


class Lines(io.RawIOBase):
    """Rows as COPY reads them."""

    def __init__(self, rows):
        self.rows, self.rest = rows, b""

    def read(self, size=65536):
        while len(self.rest) < size:
            part = []
            for row in self.rows:
                part.append("\t".join("\\N" if cell is None else str(cell) for cell in row))
                if len(part) == 2000:
                    break
            if not part:
                break
            self.rest += ("\n".join(part) + "\n").encode()
        data, self.rest = self.rest[:size], self.rest[size:]
        return data


# stores

MARKS = ("insert into integration_rollup_marks (slot, claimed) select s, 0 from ({slots}) as t "
         "where true on conflict do nothing")


class Sqlite:
    """The store. Filled without its indexes and triggers, which are made afterwards."""

    def __init__(self, folder, count, end):
        self.waybill = Waybill(folder, admin={"listen": "127.0.0.1:0"})
        self.waybill.start().stop()  # makes the tables
        db = sqlite3.connect(self.waybill.db, isolation_level=None)
        made = db.execute("select type, name, sql from sqlite_schema where sql is not null and "
                          "tbl_name = 'integration_logs' and type in ('index', 'trigger') "
                          "order by type").fetchall()
        for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -400000",
                       "temp_store = memory"):
            db.execute("pragma " + pragma)
        for kind, name, _ in made:
            db.execute(f"drop {kind} {name}")
        db.execute("begin")
        db.executemany(f"insert into integration_logs ({', '.join(COLUMNS)}) "
                       f"values ({', '.join('?' * len(COLUMNS))})", rows_in_order(count, end))
        for _, _, sql in made:
            db.execute(sql)
        db.execute(MARKS.format(slots="select distinct unixepoch(created_at) / 300 as s "
                                      "from integration_logs"))
        db.execute("commit")
        db.execute("pragma journal_mode = wal")
        db.close()
        self.size = self.waybill.db.stat().st_size
        os.sync()  # gigabytes that are not on the disk yet would be measured

    def start(self):
        self.waybill.start()

    def value(self, sql):
        with contextlib.closing(sqlite3.connect(self.waybill.db, timeout=60)) as db:
            return db.execute(sql).fetchone()[0]

    def cpu(self):
        return self.waybill.cpu_seconds()

    def destroy(self):
        self.waybill.stop(60)


class Postgresql:
    """A server of its own."""

    def __init__(self, folder, count, end):
        self.server = Postgres(shared_buffers="512MB", max_wal_size="16GB",
                               maintenance_work_mem="512MB", effective_cache_size="2GB",
                               checkpoint_timeout="30min").start()
        for path in sorted((REPO / "sql" / "migrations").glob("*.sql")):
            self.server.query(path.read_text())
        made = self.server.query(
            "select indexname, indexdef from pg_indexes where schemaname = 'public' and "
            "tablename = 'integration_logs' and indexname not like '%%_pkey'")
        for name, _ in made:
            self.server.query(f"drop index public.{name}")
        self.server.query("alter table public.integration_logs disable trigger user")
        db = self.server.connect()
        with contextlib.closing(db), db.cursor() as cursor:
            cursor.copy_expert(f"copy public.integration_logs ({', '.join(COLUMNS)}) from stdin",
                               Lines(rows_in_order(count, end)))
            for _, sql in made:
                cursor.execute(sql)
            cursor.execute("alter table public.integration_logs enable trigger user")
            cursor.execute(MARKS.format(
                slots="select distinct floor(date_part('epoch', created_at) / 300)::bigint as s "
                      "from public.integration_logs"))
            cursor.execute("vacuum analyze public.integration_logs")
            cursor.execute("select pg_database_size(current_database())")
            self.size = cursor.fetchone()[0]
        self.waybill = Waybill(folder, admin={"listen": "127.0.0.1:0"}, database=self.server.url())

    def start(self):
        self.waybill.start()

    def value(self, sql):
        return self.server.value(sql)

    def cpu(self):
        used = self.waybill.cpu_seconds()
        for pid in self.server.pids():
            with contextlib.suppress(OSError):
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return used

    def destroy(self):
        self.waybill.stop(60)
        self.server.destroy()


def rows_in_order(count, end):
    """COLUMNS has the error's message before its code, as make_rows."""
    assert COLUMNS[8:10] == ["error_message", "error_code"]
    return make_rows(count, end)


# questions


def times(text):
    return datetime.datetime.fromtimestamp(text, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def log(end, before=None, **more):
    """A page of the log; before: (created_at, id) of the last row of the page before."""
    created = [f"gte.{times(end - DAYS * 86400)}"]
    if before:
        created.append(f"lte.{before[0]}")
        more["or"] = f"(created_at.lt.{before[0]},and(created_at.eq.{before[0]},id.lt.{before[1]}))"
    return "/rest/v1/integration_logs?" + urlencode(
        {"select": BRIEF, "order": "created_at.desc,id.desc", "limit": 100,
         "created_at": created, **more}, doseq=True)


def questions(store, end):
    """(name, path, bytes to read; 0: all)."""
    overview = "/api/overview?"
    entity = "0190f0aa-0000-7000-8000-000000000123"
    one = store.value("select id from integration_logs where retry_count = 2 "
                      "and service_name = 'resend' order by created_at desc limit 1")
    middle = times(end - 15 * 86400)
    found = [(f"overview {name}", f"{overview}range={name}", 0)
             for name in ("15m", "1h", "6h", "24h", "7d", "30d", "90d")]
    found += [(f"overview 30d {name}", f"{overview}range=30d&{filter}", 0) for name, filter in [
        ("service", "service=resend"), ("two services, action", "service=resend&service=whapi&"
         "action=send_email"), ("status", "status=failed"), ("code", "code=HTTP_429"),
        ("entity", f"entity_type=lead&entity_id={entity}"), ("words", "q=needle")]]
    found += [
        ("overview 24h words", f"{overview}range=24h&q=needle", 0),
        ("facets", "/api/facets", 0),
        ("log, first page", log(end), 0),
        ("log, page at day 15", log(end, (middle, one)), 0),
        ("log, failed", log(end, status="eq.failed"), 0),
        ("log, service and status", log(end, service_name="eq.whapi", status="eq.success"), 0),
        ("log, rare code", log(end, error_code="eq.RARE"), 0),
        ("log, words", log(end, error_message=["not.is.null", "ilike.*needle*"]), 0),
        ("one row", f"/rest/v1/integration_logs?id=eq.{one}", 0),
        ("entity's history", log(end, related_entity_type="eq.lead", limit=200,
                                 related_entity_id=f"eq.{entity}"), 0),
        ("chain", f"/api/chain?id={one}", 0),
        ("live, begin", "/api/live?range=24h", 30),
        ("export 30d, first page", "/api/export.csv?range=30d", 8192),
        ("export 30d rare code, all", "/api/export.csv?range=30d&code=RARE", 0),
    ]
    return found


class Client:
    def __init__(self, waybill):
        found = waybill.wait_log(r"http://(127\.0\.0\.1:\d+)/#key=")
        self.place = found.group(1)
        self.key = (waybill.state_dir / "keys" / "authenticated").read_text().strip()
        self.connection = None

    def ask(self, path, size):
        """Seconds until the answer, or its first size bytes, are here."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.place, timeout=120)
            self.connection.connect()
        begin = time.perf_counter()
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})
        answer = self.connection.getresponse()
        data = answer.read(size) if size else answer.read()
        took = time.perf_counter() - begin
        if size:
            answer.close()
            self.connection.close()
            self.connection = None
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {data[:200].decode()}")
        return took


def measure(store, client, path, size, rounds):
    """(median in ms, processor time of one in ms), or the words of a refusal."""
    try:
        first = client.ask(path, size)  # opens handles, fills caches
        rounds = max(3, min(rounds, int(20 / max(first, 0.001))))
        before = store.cpu()
        took = [client.ask(path, size) for _ in range(rounds)]
        return statistics.median(took) * 1000, (store.cpu() - before) * 1000 / rounds
    except RuntimeError as error:
        return str(error), None


def follow(store, client, seconds=5):
    """Processor time in ms per second of ten clients that follow rows, where none come."""
    streams = []
    for _ in range(10):
        connection = http.client.HTTPConnection(client.place, timeout=60)
        connection.request("GET", "/api/live", headers={"Authorization": f"Bearer {client.key}"})
        answer = connection.getresponse()
        answer.read(20)
        streams.append((connection, answer))
    before = store.cpu()
    time.sleep(seconds)
    used = (store.cpu() - before) * 1000 / seconds / len(streams)
    for connection, answer in streams:
        answer.close()
        connection.close()
    return used


def sum_up(store, end):
    """Seconds until every slot that has ended is summed up."""
    begin = time.monotonic()
    old = f"select count(*) from integration_rollup_marks where slot < {end // 300}"
    while store.value(old) > 0:
        time.sleep(0.5)
        if time.monotonic() - begin > 3600:
            raise SystemExit("the rows are not summed up after an hour")
    return time.monotonic() - begin


def run(kind, count, rounds, folder):
    """{name: (median, cpu)} of one store."""
    end = int(time.time()) - 300
    home = pathlib.Path(tempfile.mkdtemp(prefix="waybill-bench-", dir=folder))
    begin = time.monotonic()
    store = {"sqlite": Sqlite, "postgresql": Postgresql}[kind](home, count, end)
    try:
        print(f"{kind}, {count:,} rows: filled in {time.monotonic() - begin:.0f} s, "
              f"{store.size / 1e6:,.0f} MB", flush=True)
        store.start()
        took = sum_up(store, end)
        size = store.value("select count(*) from integration_rollups")
        print(f"  summed up in {took:.0f} s: {size:,} rollups", flush=True)
        client = Client(store.waybill)
        found = {}
        for name, path, size in questions(store, end):
            found[name] = measure(store, client, path, size, rounds)
            print(f"  {name:28} {show(found[name][0])} ms, {show(found[name][1])} ms processor",
                  flush=True)
        found["live, a second of waiting"] = (None, follow(store, client))
        return found
    finally:
        store.destroy()
        shutil.rmtree(home, ignore_errors=True)


def show(number):
    if number is None:
        return f"{'':>8}"
    return f"{number:8.1f}" if isinstance(number, float) else f"{str(number)[:60]:>8}"


def table(results, counts):
    """Markdown: a line a question, for each store the medians, the ratio and the processor time."""
    stores = list(dict.fromkeys(kind for kind, _ in results))
    head = ["question"]
    for kind in stores:
        head += [f"{kind} {count:,}" for count in counts] + ["ratio", "processor"]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    slow = []
    for name in results[stores[0], counts[0]]:
        cells = [name]
        for kind in stores:
            medians = [results[kind, count][name][0] for count in counts]
            cells += [show(value).strip() for value in medians]
            numbers = all(isinstance(value, float) for value in medians)
            cells.append(f"{medians[-1] / medians[0]:.1f}" if numbers else "")
            cells.append(show(results[kind, counts[-1]][name][1]).strip())
            if not numbers or max(medians) > TARGET_MS:
                slow.append(f"{name} ({kind})")
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"over {TARGET_MS} ms at the median: " + (", ".join(
        name for name in slow if not name.startswith("live, a second")) or "none")]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", default="100000,10000000")
    parser.add_argument("--store", default="sqlite,postgresql")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder")
    options = parser.parse_args()
    counts = [int(count) for count in options.rows.split(",")]
    results = {}
    for kind in options.store.split(","):
        for count in counts:
            results[kind, count] = run(kind, count, options.rounds, options.folder)
    print("\nms; processor: of one answer, waybill and database, at the most rows\n")
    print(table(results, counts))


if __name__ == "__main__":
    main()
