# SPDX-License-Identifier: MIT
"""The whole way: 20 clients, the proxy, its store, PostgreSQL. The ledger is the clients'.

What faults do to delivery alone is in test_delivery.py; here it is that no request fails or waits
for any of them, and that every whole reply becomes one row in PostgreSQL.
"""

import json
import random
import signal
import subprocess
import threading
import time

import pytest
from lib.place import HOST, call, everywhere
from lib.load import Load
from lib.pgbouncer import PgBouncer
from lib.waybill import eventually, run_command

CLIENTS = 20


@pytest.fixture
def pooler(server):
    with PgBouncer(server) as instance:
        yield instance


def entities(table):
    """The clients' ids in PostgreSQL, as a list."""
    return [
        str(row[0])
        for row in table.query(
            "select related_entity_id from integration_logs where status = 'success'"
        )
    ]


def waiting(instance):
    result = run_command("outbox", "list", "--json", "--config", instance.config_file)
    assert result.returncode == 0, result.err
    return json.loads(result.out)["waiting"]


def compare(instance, table, ledger, seconds=30):
    """Everything arrives within seconds; nothing is lost, nothing doubled."""
    assert eventually(lambda: waiting(instance) == 0, seconds, every=0.2), instance.log()[-3000:]
    found = entities(table)
    assert len(found) == len(set(found)), "a call has two rows"
    missing = set(ledger) - set(found)
    assert not missing, f"{len(missing)} of {len(ledger)} calls have no row in PostgreSQL"
    assert table.count() == len(instance.rows())


class Latency:
    """Measures single calls while faults go on."""

    def __init__(self, instance):
        self.instance = instance
        self.seconds = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        from lib import client  # noqa: PLC0415

        with client.tunnel(self.instance.port, f"{HOST}:443", self.instance.root_pem) as opened:
            while not self.stopping.is_set():
                message = client.request(
                    host=HOST, target="/emails", body=b'{"l":1}', entity=client.new_entity()
                )
                begin = time.monotonic()
                answer = opened.ask(message)
                self.seconds.append(time.monotonic() - begin)
                assert answer.status == 200
                self.stopping.wait(0.01)

    def stop(self):
        """The slowest but one in a hundred."""
        self.stopping.set()
        self.thread.join(30)
        assert self.seconds
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]


@pytest.mark.alone
def test_a_call_is_a_row_in_postgresql_within_a_second(new_waybill, origin, table):
    instance = new_waybill(connect_to=everywhere(origin), database=table.url).start()
    call(instance, target="/emails", body=b'{"first":1}')
    begin = time.monotonic()
    _, row = call(instance, target="/emails", body=b'{"n":12345678901234567890}')
    assert eventually(lambda: table.count() == 2, 5, every=0.02)
    assert time.monotonic() - begin < 1 + 1  # the call itself, with its handshakes, is in it
    there = table.query(
        "select service_name, action, status, request_payload::text, duration_ms"
        " from integration_logs where id = %s",
        (row["id"],),
    )
    assert there == [
        ("resend", "send_email", "success", '{"n": 12345678901234567890}', row["duration_ms"])
    ]


def test_pending_becomes_what_it_became(new_waybill, origin, table):
    instance = new_waybill(
        connect_to=everywhere(origin), database=table.url, record={"pending_after": "100ms"}
    ).start()
    leave = threading.Event()

    def slowly(request, connection):
        request.read_body()
        leave.wait(20)
        connection.answer(fields=[("Content-Type", "application/json")], body=b'{"id":"x"}')

    origin.on("/emails/slow", slowly)
    thread = threading.Thread(
        target=call, args=(instance,), kwargs={"target": "/emails/slow", "body": b"{}"}
    )
    thread.start()
    status = "select status from integration_logs"
    assert eventually(lambda: table.query(status) == [("pending",)], 10)
    leave.set()
    thread.join(20)
    assert eventually(lambda: table.query(status) == [("success",)], 10)


FAULTS = ["restart", "crash", "freeze", "terminate", "rename", "lock", "pooler"]


@pytest.mark.parametrize("fault", FAULTS)
def test_no_request_suffers_from_a_fault_behind_it(
    new_waybill, origin, table, server, pooler, fault, sanitized, long_run
):
    url = pooler.url(table.name) if fault == "pooler" else table.url
    instance = new_waybill(connect_to=everywhere(origin), database=url).start()
    calls = 20000 if long_run else 600
    # the same load without a fault: the clients themselves take this machine's time
    easy = Latency(instance)
    calm = Load(instance.port, instance.root_pem, HOST, CLIENTS, calls)
    calm.start().join(120)
    before = easy.stop()
    load = Load(instance.port, instance.root_pem, HOST, CLIENTS, calls)
    latency = Latency(instance)
    thread = load.start()
    harm(fault, table, server, pooler)
    thread.join(120)
    after = latency.stop()
    assert calm.errors == load.errors == []
    assert len(load.ledger) == calls
    # 50 ms is what is promised (measured: docs/delivery.md); a test leaves a busy machine room
    slowest = max(latency.seconds) * 1000
    print(f"p99 {before * 1000:.1f} ms, with the fault {after * 1000:.1f} ms, at most {slowest:.1f} ms")
    assert after < before + (1.0 if sanitized else 0.25), f"{before} s became {after} s"
    compare(instance, table, calm.ledger + load.ledger)


def harm(fault, table, server, pooler):
    if fault in ("restart", "crash"):
        server.stop("fast" if fault == "restart" else "immediate")
        time.sleep(1)
        server.start()
    elif fault == "freeze":
        server.freeze()
        time.sleep(2)
        server.thaw()
    elif fault == "terminate":
        for _ in range(8):
            server.query(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'waybill'"
            )
            time.sleep(0.2)
    elif fault == "rename":
        table.query("alter table integration_logs rename column action to act")
        time.sleep(1)
        table.query("alter table integration_logs rename column act to action")
    elif fault == "lock":
        lock = server.connect(table.name)
        lock.autocommit = False
        lock.cursor().execute("lock table integration_logs in access exclusive mode")
        time.sleep(2)
        lock.rollback()
        lock.close()
    else:
        pooler.stop()
        time.sleep(0.5)
        pooler.start()


def test_kill_9_under_load_with_and_without_a_server(
    new_waybill, origin, table, server, sanitized, long_run
):
    choose = random.Random(20260202)
    instance = new_waybill(connect_to=everywhere(origin), database=table.url)
    ledger = []
    for turn in range(200 if long_run else 6):
        if turn % 3 == 1:
            server.stop("fast")
        elif server.process is None:
            server.start()
        instance.start()
        load = Load(instance.port, instance.root_pem, HOST, CLIENTS, 100000)
        thread = load.start()
        assert load.wait(choose.randrange(1, 200), 60), instance.log()[-3000:]
        instance.kill()
        load.stopped = True
        thread.join(60)
        ledger += load.ledger
    if server.process is None:
        server.start()
    instance.start()
    compare(instance, table, ledger)


def test_sigterm_under_load_leaves_nothing_behind(new_waybill, origin, table):
    instance = new_waybill(connect_to=everywhere(origin), database=table.url).start()
    load = Load(instance.port, instance.root_pem, HOST, CLIENTS, 100000)
    thread = load.start()
    assert load.wait(300, 60)
    load.stopped = True
    instance.process.send_signal(signal.SIGTERM)
    thread.join(60)
    instance.stop()
    found = entities(table)
    assert set(load.ledger) <= set(found)
    assert len(found) == len(set(found))
    assert waiting(instance) == 0


def test_two_proxies_write_to_one_database(new_waybill, origin, table):
    both = [
        new_waybill(connect_to=everywhere(origin), database=table.url).start() for _ in range(2)
    ]
    loads = [Load(one.port, one.root_pem, HOST, 5, 200) for one in both]
    threads = [load.start() for load in loads]
    for thread in threads:
        thread.join(60)
    for one in both:
        assert eventually(lambda one=one: waiting(one) == 0, 30, every=0.2)
    found = entities(table)
    assert sorted(found) == sorted(loads[0].ledger + loads[1].ledger)


def test_two_proxies_on_one_state_dir_refuse(new_waybill, origin, table, tmp_path):  # F18
    first = new_waybill(connect_to=everywhere(origin), database=table.url).start()
    result = run_command("run", "--config", first.config_file)
    assert result.returncode == 1
    assert "another waybill runs on state_dir" in result.err
    call(first, target="/emails", body=b"{}")
    assert eventually(lambda: table.count() == 1, 10)


def test_outbox_commands_work_beside_a_running_proxy(new_waybill, origin, table):
    table.query(
        "alter table integration_logs add constraint picky"
        " check (request_payload::text not like '%bad%')"
    )
    instance = new_waybill(connect_to=everywhere(origin), database=table.url).start()
    rows = [call(instance, target="/emails", body=b'{"bad":1}')[1] for _ in range(3)]
    call(instance, target="/emails", body=b'{"good":1}')
    config = ["--config", instance.config_file]

    def listed():
        return json.loads(run_command("outbox", "list", "--json", *config).out)

    assert eventually(lambda: listed()["refused"] == 3 and listed()["waiting"] == 0, 15, every=0.1)
    assert {row["sqlstate"] for row in listed()["rows"]} == {"23514"}
    assert "picky" in listed()["rows"][0]["message"]
    assert table.count() == 1
    assert rows[0]["id"] in run_command("outbox", "list", *config).out
    assert run_command("outbox", "drop", *config).returncode == 2
    assert run_command("outbox", "drop", rows[0]["id"], *config).returncode == 0
    table.query("alter table integration_logs drop constraint picky")
    assert run_command("outbox", "retry", *config).returncode == 0
    assert eventually(lambda: table.count() == 3, 10)
    assert listed()["refused"] == 0
    assert len(instance.rows()) == 4


def test_a_url_that_is_none_is_refused_at_the_start(new_waybill, origin):
    instance = new_waybill(
        connect_to=everywhere(origin), database="postgresql://user:hunter%zz@host/db"
    )
    result = subprocess.run(
        [str(part) for part in _command(instance)], capture_output=True, text=True, timeout=30
    )
    assert result.returncode in (1, 2)
    assert "database" in result.stderr
    assert "hunter" not in result.stderr


def _command(instance):
    from lib.waybill import binary  # noqa: PLC0415

    return [binary(), "run", "--config", instance.config_file]
