# SPDX-License-Identifier: MIT
"""Limits of one client address and of one route: 503 and 429, counted, and seen in rows."""

import re
import threading
import time

import pytest

from lib import client
from lib.admin import Admin
from lib.place import BLIND, Call, call, everywhere, own_answer
from lib.upstream import CLOSE, KEEP
from lib.waybill import eventually, run_command

SERVICE = """
service: resend
hosts: [api.resend.com]
routes:
  - {methods: [POST], path: [/emails, /emails/batch], action: send, limits: {%s}}
  - {path: /free, action: free}
"""


@pytest.fixture
def new_proxy(new_waybill, origin, tmp_path):
    def make(limits=None, route="rate: 1000/s", **config):
        folder = tmp_path / f"services{time.monotonic_ns()}"
        folder.mkdir()
        (folder / "resend.yaml").write_text(SERVICE % route)
        return new_waybill(connect_to=everywhere(origin), limits=limits or {},
                           services=str(folder / "*.yaml"), **config).start()

    return make


def counted(instance, name):
    page = Admin(instance).ask("/metrics").text
    return int(re.search(rf"^waybill_{name}_total (\d+)$", page, re.M)[1])


def limited(answer, code, status):
    own_answer(answer, code)
    assert answer.status == status
    assert int(answer.get("Retry-After")) >= 1


def test_connections_of_one_address_past_its_limit_get_503(new_proxy):
    instance = new_proxy({"client_connections": 3}, workers=2)
    held = [client.plain(instance.port) for _ in range(3)]
    for one in held:
        one.send(b"GET ")
    assert eventually(lambda: counted(instance, "clients_accepted") == 3)
    with client.plain(instance.port) as opened:
        answer = opened.ask(client.request())
        own_answer(answer, "TOO_MANY_CONNECTIONS")
        assert b"limits.client_connections" in bytes(answer.body)
    assert counted(instance, "clients_limited") >= 1
    for one in held:
        one.close()

    def serves():
        try:
            return call(instance)[0].status == 200
        except (OSError, AssertionError):
            return False

    assert eventually(serves)


def test_calls_of_one_address_past_its_rate_get_429_and_a_row(new_proxy):
    instance = new_proxy({"client_rate": "3/h"})
    with Call(instance) as one:
        for _ in range(3):
            assert one.ask(target="/free").status == 200
        entity = one.entity = client.new_entity()
        answer = one.ask(target="/free", body=b"{}")
        limited(answer, "RATE_LIMITED", 429)
        assert 0 < int(answer.get("Retry-After")) <= 1200
        # the connection goes on: a client that waits need not make another
        one.entity = client.new_entity()
        limited(one.ask(target="/free"), "RATE_LIMITED", 429)
    row = instance.row(entity)
    assert (row["status"], row["error_code"], row["action"]) == ("failed", "RATE_LIMITED", "free")
    assert "limits.client_rate" in row["error_message"]
    assert counted(instance, "calls_limited") == 2


def test_blind_tunnels_count_as_calls(new_proxy):
    instance = new_proxy({"client_rate": "1/h"})
    opened, first = client.connect(instance.port, f"{BLIND}:443")
    assert first.status == 200
    opened.close()
    opened, refused = client.connect(instance.port, f"{BLIND}:443")
    limited(refused, "RATE_LIMITED", 429)
    opened.close()
    # a CONNECT that is looked into does not count: what is asked inside does
    answer, row = call(instance, target="/free")
    limited(answer, "RATE_LIMITED", 429)
    assert row["error_code"] == "RATE_LIMITED"


def test_a_route_has_a_rate_for_all_of_its_paths_and_others_are_free(new_proxy):
    instance = new_proxy(route="rate: 2/h")
    assert call(instance, target="/emails")[0].status == 200
    assert call(instance, target="/emails/batch")[0].status == 200
    answer, row = call(instance, target="/emails")
    limited(answer, "RATE_LIMITED", 429)
    assert (row["status"], row["error_code"], row["action"]) == ("failed", "RATE_LIMITED", "send")
    assert "service file" in row["error_message"]
    assert call(instance, target="/free")[0].status == 200
    # the table is loaded anew: so are its limits
    instance.reload()
    assert eventually(lambda: call(instance, target="/emails")[0].status == 200)


def test_a_route_has_so_many_calls_at_a_time(new_proxy, origin):
    """What is refused takes nobody's place, and what has ended gives its own back."""
    instance = new_proxy(route="calls: 2", workers=2)
    go_on = threading.Event()
    inside = threading.Semaphore(0)

    def slow(request, connection):
        request.read_body()
        inside.release()
        go_on.wait(30)
        connection.answer(body=b"{}")
        return KEEP

    origin.on("/emails", slow)
    answers = []
    callers = [threading.Thread(target=lambda: answers.append(call(instance, target="/emails")))
               for _ in range(2)]
    for caller in callers:
        caller.start()
    for _ in callers:
        assert inside.acquire(timeout=30)
    for _ in range(5):
        answer, row = call(instance, target="/emails/batch", body=b'{"a":1}')
        limited(answer, "CALLS_LIMITED", 503)
        assert (row["status"], row["error_code"]) == ("failed", "CALLS_LIMITED")
        assert row["request_payload"] == '{"a":1}'
    go_on.set()
    for caller in callers:
        caller.join()
    assert [answer.status for answer, _ in answers] == [200, 200]
    assert call(instance, target="/emails")[0].status == 200
    assert counted(instance, "calls_limited") == 5


def test_a_client_that_leaves_gives_its_call_back(new_proxy, origin):
    instance = new_proxy(route="calls: 1")
    inside = threading.Semaphore(0)
    go_on = threading.Event()

    def hang(request, connection):
        inside.release()
        go_on.wait(30)
        return CLOSE

    origin.on("/emails", hang)
    one = Call(instance)
    one.client.send(one.request(target="/emails", body=b"{}"))
    assert inside.acquire(timeout=30)
    one.close()
    assert one.row()["error_code"] == "CLIENT_ABORTED"
    assert call(instance, target="/emails/batch")[0].status == 200
    go_on.set()


@pytest.mark.parametrize("limits,word", [
    ({"client_rate": "5"}, "a rate such as 5/s"),
    ({"client_connections": "many"}, "expected none or a number of connections"),
])
def test_wrong_limits_are_refused_with_their_place(new_waybill, limits, word):
    done = run_command("check", "--config", new_waybill(limits=limits).config_file)
    assert done.returncode != 0
    error = done.stderr.decode()
    assert word in error and re.search(r"waybill\.yaml:\d+:\d+", error)


def test_wrong_limits_of_a_route_are_refused_with_their_place(new_proxy):
    with pytest.raises(AssertionError, match=r"resend\.yaml:\d+:\d+.*unknown key 'rat'"):
        new_proxy(route="rat: 5/s")
