# SPDX-License-Identifier: MIT
"""Every vendor fixture through CONNECT and TLS: both ends see the bytes, the row says `expect`."""

import threading
import time

import pytest

from lib import client, fixtures
from lib.upstream import CLOSE, KEEP, Origin
from lib.waybill import SHARED

FIXTURES = fixtures.load(SHARED)
LONG_POLL_SECONDS = 2


class Stage:
    """An origin that gives the answer of the fixture at hand, and the proxies in front of it."""

    def __init__(self, context):
        self.answer = b""
        self.hold = 0
        self.released = threading.Event()
        self.origin = Origin(context, self.handle)

    def handle(self, request, connection):
        request.read_body()
        if self.answer is None:
            self.released.wait(30)
            return CLOSE
        if self.hold:
            self.released.wait(self.hold)
        connection.send(self.answer)
        return KEEP


def hosts_config(origin):
    targets, ports = {}, {443}
    for _, fixture in FIXTURES:
        _, name, port = fixtures.split_host(fixture["request"]["host"])
        targets[f"{name}:{port}"] = origin.address
        ports.add(port)
    return targets, sorted(ports)


@pytest.fixture(scope="module")
def stage(server_context):
    instance = Stage(server_context)
    yield instance
    instance.released.set()
    instance.origin.stop()


@pytest.fixture(scope="module")
def proxy(stage, module_waybill):
    targets, ports = hosts_config(stage.origin)
    return module_waybill(connect_to=targets, access={"connect_ports": ports}).start()


@pytest.fixture(scope="module")
def impatient_proxy(stage, module_waybill):
    targets, ports = hosts_config(stage.origin)
    return module_waybill(
        connect_to=targets,
        access={"connect_ports": ports},
        upstream={"response_timeout": "700ms"},
    ).start()


def check_row(row, expect):
    for key in ("service_name", "action", "status", "error_code", "error_message"):
        if key in expect:
            assert row[key] == expect[key], key
    if "action_any_of" in expect:
        assert row["action"] in expect["action_any_of"]
    if "error_message_contains" in expect:
        assert expect["error_message_contains"] in (row["error_message"] or "")
    if "response_payload" in expect:
        assert row["response_payload"] == expect["response_payload"]
    for column in ("request_payload", "response_payload"):
        for text in expect.get(f"{column}_contains", []):
            assert text in (row[column] or ""), column
    assert row["related_entity_id"] not in expect.get("not_entity", [])
    if "entity_hint" in expect:
        assert row["related_entity_id"] in (None, expect["entity_hint"]["value"])
    assert (row["related_entity_id"] is None) == (row["related_entity_type"] is None)
    if row["status"] in ("success", "pending"):
        assert row["error_code"] is None and row["error_message"] is None


@pytest.mark.parametrize("name,fixture", FIXTURES, ids=[name for name, _ in FIXTURES])
def test_fixture_row_says_what_is_expected(name, fixture, stage, request):
    request_part, expect = fixture["request"], fixture["expect"]
    fault = fixture["response"].get("fault")
    proxy = request.getfixturevalue("impatient_proxy" if fault else "proxy")
    long_poll = "getupdates" in request_part["path"].lower()
    stage.answer, answer_body = fixtures.response_bytes(fixture)
    stage.hold = LONG_POLL_SECONDS if long_poll else 0
    stage.released.clear()
    seen_before = len(stage.origin.requests)
    rows_before = proxy.count()

    authority, _, _ = fixtures.split_host(request_part["host"])
    began = time.monotonic()
    with client.tunnel(proxy.port, authority, proxy.root_pem) as tunnel:
        answer = tunnel.ask(fixtures.request_bytes(fixture), request_part["method"])
    took_ms = (time.monotonic() - began) * 1000
    stage.released.set()

    if fault:
        assert fault == "timeout_before_response"
        assert answer.status == 504
    else:
        assert answer.status == fixture["response"]["status"]
        assert bytes(answer.body) == answer_body
    arrived = stage.origin.requests[seen_before:]
    assert [(r.method, r.target) for r in arrived] == [
        (request_part["method"], request_part["path"])
    ]
    assert bytes(arrived[0].body) == fixtures.body_bytes(request_part)

    # the reply is whole at the client, so the row is there: no wait
    rows = proxy.rows()
    assert len(rows) == rows_before + 1, proxy.log()[-2000:]
    row = rows[-1]
    check_row(row, expect)
    assert row["duration_ms"] <= took_ms + 50
    if long_poll:
        assert row["duration_ms"] >= LONG_POLL_SECONDS * 1000 - 50
    assert proxy.leaks(expect["secrets"]) == []


def test_no_secret_is_left_after_the_proxy_has_stopped(proxy, impatient_proxy, stage):
    """The write-ahead log is folded into the database by then: search all of it once more."""
    secrets = {s for _, fixture in FIXTURES for s in fixture["expect"]["secrets"]}
    stage.released.set()
    for instance in (proxy, impatient_proxy):
        assert instance.count() > 0
        instance.stop()
        assert instance.leaks(secrets) == []
