# SPDX-License-Identifier: MIT
"""The books under load: every whole reply has its row, once, also when the process is killed."""

import json
import os
import pathlib
import random
import subprocess
import sys
import threading

import pytest

from lib.load import Load
from lib.place import HOST, Call, everywhere
from lib.upstream import CLOSE
from lib.waybill import eventually

LOAD = pathlib.Path(__file__).parent / "lib" / "load.py"
CONNECTIONS = 256


def number(name, usual, many, long_run):
    """How many: named by the environment, or the usual, or many with --long."""
    return int(os.environ.get(name, many if long_run else usual))


@pytest.mark.threads
def test_calls_over_256_connections_are_rows_each_once(new_waybill, origin, long_run):
    calls = number("WAYBILL_LEDGER_CALLS", 10000, 40000, long_run)
    instance = new_waybill(connect_to=everywhere(origin)).start()
    command = [sys.executable, LOAD, instance.port, instance.root_pem, HOST, CONNECTIONS, calls]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr + instance.log()[-3000:]
    ledger = result.stdout.split()
    rows = instance.rows()
    assert len(ledger) == len(set(ledger)) == calls
    assert [row for row in rows if row["related_entity_id"] is None] == []
    assert sorted(row["related_entity_id"] for row in rows) == sorted(ledger)
    assert len({row["id"] for row in rows}) == calls
    for row in rows:
        assert json.loads(row["request_payload"])["id"] == row["related_entity_id"]
        assert (row["status"], row["action"], row["retry_count"]) == ("success", "send_email", 0)
    assert len(origin.requests) == calls


def test_kill_9_under_load_loses_no_row_of_a_whole_reply(new_waybill, origin, long_run):
    rounds = number("WAYBILL_KILL_ROUNDS", 40, 400, long_run)
    choose = random.Random(20260101)
    instance = new_waybill(connect_to=everywhere(origin))
    ledger = []
    for _ in range(rounds):
        instance.start()
        load = Load(instance.port, instance.root_pem, HOST, choose.choice([1, 4, 16, 48]), 100000)
        thread = load.start()
        assert load.wait(choose.randrange(1, 120), 60), instance.log()[-3000:]
        instance.kill()
        load.stopped = True
        thread.join(60)
        assert not thread.is_alive()
        ledger += load.ledger
        stored = {r["related_entity_id"] for r in instance.rows("status = 'success'")}
        missing = [entity for entity in ledger if entity not in stored]
        assert missing == [], f"{len(missing)} of {len(ledger)} whole replies have no row"
    instance.check_sanitizers()
    instance.start()
    rows = instance.rows()
    entities = [row["related_entity_id"] for row in rows]
    assert len(entities) == len(set(entities)), "a call has two rows"
    assert {row["status"] for row in rows} <= {"success", "failed"}
    assert {row["error_code"] for row in rows} <= {None, "PROXY_RESTARTED"}


def test_a_call_in_flight_at_a_kill_is_failed_at_the_next_start(new_waybill, origin):
    """Only what had become a pending row is known after a crash."""
    leave = threading.Event()
    origin.on("/killed", lambda r, c: leave.wait(20) and CLOSE)
    instance = new_waybill(
        connect_to=everywhere(origin), record={"pending_after": "100ms"}
    ).start()
    one = Call(instance)
    one.client.send(one.request(target="/killed", body=b'{"n":1}'))
    assert eventually(lambda: instance.rows("related_entity_id = ?", (one.entity,)))
    row = instance.row(one.entity, settled=False, seconds=1)
    assert (row["status"], row["duration_ms"]) == ("pending", None)
    assert row["response_payload"] is None
    instance.kill()
    leave.set()
    instance.start()
    row = eventually(
        lambda: instance.rows("related_entity_id = ? and status = 'failed'", (one.entity,))
    )[0]
    assert row["error_code"] == "PROXY_RESTARTED"
    assert row["error_message"]
