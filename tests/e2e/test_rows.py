# SPDX-License-Identifier: MIT
"""What a row says: payloads of every kind, secrets by place, key and value, entities, chains."""

import base64
import gzip
import hashlib
import json
import re
import threading
import urllib.parse

import pytest

from lib import client, http1
from lib.place import HOST, Call, answered, call, everywhere
from lib.stream import DEADLINE
from lib.upstream import CLOSE, KEEP, answer_raw
from lib.waybill import eventually

UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
MASK = "[redacted]"


@pytest.fixture(scope="module")
def proxy(origin, module_waybill):
    return module_waybill(connect_to=everywhere(origin), workers=1).start()


def form_fields(content_type):
    return [("Content-Type", content_type)]


# the plain columns


def test_ids_are_uuid7_and_times_are_in_order(proxy):
    rows = [call(proxy, target="/emails", body=b'{"n":%d}' % n)[1] for n in range(3)]
    assert all(UUID7.match(row["id"]) for row in rows)
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    for row in rows:
        assert row["created_at"] <= row["updated_at"]
        assert row["retry_count"] == 0
        assert 0 <= row["duration_ms"] < 10000


def test_a_path_nobody_described_is_other(proxy):
    answer, row = call(proxy, target="/no/such/thing", body=b"{}")
    assert answer.status == 200
    assert (row["service_name"], row["action"], row["status"]) == ("resend", "other", "success")


def test_paths_are_normalised_for_matching_only(proxy, origin):
    for target in ("//emails", "/emails/", "/%65mails", "/emails?x=1#".rstrip("#")):
        answer, row = call(proxy, target=target, body=b"{}")
        assert answer.status == 200
        assert origin.requests[-1].target == target
        assert row["action"] == "send_email", target


def test_an_action_can_be_made_of_a_path_segment(proxy):
    token = "1234567:" + "AxMadeUpTokenOfThirtyFiveLetters_01"
    _, row = call(proxy, "api.telegram.org", target=f"/bot{token}/getChatMember", body=b"{}")
    assert row["action"] == "telegram_getchatmember"
    assert proxy.leaks([token, token.split(":")[1]]) == []


# payloads


def test_json_keeps_key_order_and_every_digit(proxy, origin):
    text = b'{"z":1.10,"a":123456789012345678901234567890,"e":1e400,"m":[-0,1E2],"u":"\\u0041"}'
    origin.on("/digits", answer_raw(answered(text)))
    _, row = call(proxy, target="/digits", body=text, fields=form_fields("application/json"))
    for column in ("request_payload", "response_payload"):
        for part in ("1.10", "123456789012345678901234567890", "1e400", "1E2"):
            assert part in row[column]
        keys = re.findall(r'"([zaemu])":', row[column].replace(" ", ""))
        assert keys == ["z", "a", "e", "m", "u"]


def test_a_form_is_an_object_of_its_fields(proxy):
    body = b"a=1&b=%D0%9F%D1%80+x&list%5B%5D=1&list%5B%5D=2&empty=&flag"
    fields = form_fields("application/x-www-form-urlencoded")
    _, row = call(proxy, target="/form", body=body, fields=fields)
    payload = json.loads(row["request_payload"])
    assert (payload["a"], payload["b"], payload["empty"]) == ("1", "Пр x", "")
    assert payload["list[]"] == ["1", "2"]


def test_a_multipart_file_is_a_digest(proxy):
    data = bytes(range(256)) * 3
    body = (
        b'--B\r\nContent-Disposition: form-data; name="to"\r\n\r\n77000000001\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n'
        b"Content-Type: application/x-made-up\r\n\r\n" + data + b"\r\n--B--\r\n"
    )
    fields = form_fields("multipart/form-data; boundary=B")
    _, row = call(proxy, target="/multi", body=body, fields=fields)
    payload = json.loads(row["request_payload"])
    assert payload["to"] == "77000000001"
    assert payload["f"] == {
        "_file": "a.bin",
        "_type": "application/x-made-up",
        "_bytes": len(data),
        "_sha256": hashlib.sha256(data).hexdigest(),
    }


def test_text_and_binary_bodies_and_none(proxy, origin):
    data = b"\x00\xff\x01binary"
    origin.on("/blob", answer_raw(answered(data, fields=[]).replace(b"json", b"octet-stream")))
    _, row = call(proxy, target="/blob", body=b"plain words", fields=form_fields("text/plain"))
    assert json.loads(row["request_payload"]) == {"_text": "plain words"}
    payload = json.loads(row["response_payload"])
    assert payload["_binary"] == "application/octet-stream"
    assert payload["_bytes"] == len(data)
    assert payload["_sha256"] == hashlib.sha256(data).hexdigest()
    _, row = call(proxy, method="DELETE", target="/nothing")
    assert row["request_payload"] is None


def test_the_query_of_a_get_is_its_payload(proxy):
    _, row = call(proxy, method="GET", target="/emails?limit=5&after=a%20b")
    assert json.loads(row["request_payload"]) == {"limit": "5", "after": "a b"}


def test_bytes_that_jsonb_cannot_hold_become_replacement_characters(proxy, origin):
    origin.on("/nul", answer_raw(answered(b'{"a":"x\\u0000y","b":"\xff\xfe","c":"\\ud800"}')))
    fields = form_fields("text/plain; charset=utf-8")
    _, row = call(proxy, target="/nul", body=b"a\x00b\xffc", fields=fields)
    assert json.loads(row["request_payload"]) == {"_text": "a\ufffdb\ufffdc"}
    assert json.loads(row["response_payload"])["a"] == "x\ufffdy"
    assert "\\u0000" not in row["response_payload"] and "\x00" not in row["response_payload"]


def test_a_long_body_is_cut_after_redaction_and_passes_whole(proxy, origin):
    secret = "made-up-secret-value-000001"
    value = {"token": secret, "filler": "f" * 300000, "again": secret}
    body = json.dumps(value).encode()
    _, row = call(proxy, target="/long", body=body, fields=form_fields("application/json"))
    assert bytes(origin.seen("/long")[0].body) == body
    payload = json.loads(row["request_payload"])
    assert payload["_truncated"] is True
    assert payload["_bytes"] == len(body)
    assert len(row["request_payload"]) < 70000
    assert proxy.leaks([secret]) == []


def test_broken_json_neither_fails_the_call_nor_leaks(proxy, origin):
    secret = "made-up-secret-value-000002"
    for body in (
        b'{"password":"' + secret.encode() + b'","a":[1,2',
        b'{"a":1}{"password":"' + secret.encode() + b'"}',
        b"[" * 5000 + b'{"api_key":"' + secret.encode() + b'"',
    ):
        answer, row = call(
            proxy, target="/broken", body=body, fields=form_fields("application/json")
        )
        assert answer.status == 200
        assert row["request_payload"] is None or json.loads(row["request_payload"]) is not None
        assert proxy.leaks([secret]) == []


# secrets


def canary(n):
    return f"cAnArY{n:04d}sEcReTvAlUe"


def places():
    """(name, request parts) with the canary of that name in one place each."""
    json_type = form_fields("application/json")
    form_type = form_fields("application/x-www-form-urlencoded")
    return [
        ("authorization", {"fields": [("Authorization", f"Bearer {canary(1)}")], "body": b"{}"}),
        ("cookie", {"fields": [("Cookie", f"session={canary(2)}")], "body": b"{}"}),
        ("query", {"target": f"/emails?api_key={canary(3)}", "body": b"{}"}),
        (
            "json",
            {
                "body": json.dumps({"a": [{"b": {"client_secret": canary(4)}}]}).encode(),
                "fields": json_type,
            },
        ),
        ("form", {"body": f"x=1&password={canary(5)}".encode(), "fields": form_type}),
        (
            "multipart",
            {
                "body": b'--B\r\nContent-Disposition: form-data; name="secret_token"\r\n\r\n'
                + canary(6).encode()
                + b"\r\n--B--\r\n",
                "fields": form_fields("multipart/form-data; boundary=B"),
            },
        ),
    ]


@pytest.mark.parametrize("name,parts", places(), ids=[p[0] for p in places()])
def test_a_secret_echoed_by_the_answer_is_masked_everywhere(proxy, origin, name, parts):
    number = [p[0] for p in places()].index(name) + 1
    secret = canary(number)
    path = parts.get("target", "/emails").split("?")[0]
    echo = json.dumps({"name": "made_up", "message": f"your key {secret} is wrong, <{secret}>"})
    origin.on(path, answer_raw(answered(echo.encode(), status=401)))
    answer, row = call(proxy, **{"target": "/emails", **parts})
    origin.paths.pop(path)
    assert secret.encode() in bytes(answer.body), "the client gets what came"
    assert row["error_code"] == "made_up"
    assert MASK in row["error_message"] and "is wrong" in row["error_message"]
    assert proxy.leaks([secret]) == []


def test_a_secret_of_the_answer_is_masked_in_a_gzip_body_and_a_percent_coding(proxy, origin):
    secret = "re_made/up+secret=000003"
    coded = urllib.parse.quote(secret, "")
    body = gzip.compress(json.dumps({"access_token": secret, "url": coded}).encode())
    origin.on("/zipped", answer_raw(answered(body, fields=[("Content-Encoding", "gzip")])))
    _, row = call(proxy, target=f"/zipped?next={coded}", body=b"{}")
    assert json.loads(row["response_payload"])["access_token"] == MASK
    assert proxy.leaks([secret]) == []


def test_a_secret_split_over_writes_and_chunks_is_masked(proxy, origin):
    secret = canary(7)
    body = json.dumps({"password": secret, "note": f"it is {secret}"}).encode()
    head = http1.head(
        "POST /split HTTP/1.1",
        [
            ("Host", HOST),
            ("Content-Type", "application/json"),
            ("Transfer-Encoding", "chunked"),
        ],
    )
    before = proxy.count()
    with Call(proxy) as one:
        message = head + http1.chunks(body, 3)
        for i in range(0, len(message), 5):
            one.client.send(message[i : i + 5])
        assert one.client.read().status == 200
    proxy.wait_rows(before + 1)
    assert proxy.leaks([secret]) == []


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("who", ["client", "origin", "answer"])
def test_a_form_cut_on_its_way_loses_its_last_field(proxy, origin, framing, who):
    """The client leaves, the API leaves, or it answers before it has all: half a secret may be the last."""

    def handler(request, connection):
        if who == "client":
            return KEEP
        connection.reader.take(5)
        if who == "answer":
            connection.answer(413, body=b"{}")
        return CLOSE

    secret = canary(7)
    body = f"note=kept&n={secret[:16]}".encode()
    fields = [("X-Api-Key", secret), *form_fields("application/x-www-form-urlencoded")]
    if framing == "length":
        fields.append(("Content-Length", "1000"))
    else:
        fields.append(("Transfer-Encoding", "chunked"))
        body = http1.chunks(body)[: -len(b"0\r\n\r\n")]
    target = f"/cut/{who}/{framing}"  # of its own: the origin is shared
    origin.on(target, handler)
    one = Call(proxy)
    one.client.send(one.request(target=target, fields=fields) + body)
    assert origin.wait_for(lambda: any(r.target == target for r in origin.requests))
    if who == "client":
        one.close()
    row = one.row()
    one.close()
    assert json.loads(row["request_payload"]) == {"note": "kept"}
    assert proxy.leaks([secret[:16]]) == []


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_text_whose_end_did_not_come_loses_its_last_word(proxy, origin, framing):
    secret = canary(8)
    body = f"kept: no such key as {secret[:16]}".encode()
    how = ("Content-Length", "1000")
    if framing == "chunked":
        how, body = ("Transfer-Encoding", "chunked"), http1.chunks(body)[: -len(b"0\r\n\r\n")]
    head = http1.head("HTTP/1.1 400 Bad", [*form_fields("text/plain"), how])
    origin.on("/cut/text", answer_raw(head + body, CLOSE))
    one = Call(proxy)
    one.client.send(one.request(target="/cut/text", body=b"{}", fields=[("X-Api-Key", secret)]))
    row = one.row()
    one.close()
    assert json.loads(row["response_payload"]) == {"_text": "kept: no such key as "}
    assert proxy.leaks([secret[:16]]) == []


def test_a_failed_dial_leaves_no_secret_in_log_or_row(new_waybill):
    secret = canary(8)
    instance = new_waybill(connect_to={f"{HOST}:443": "127.0.0.1:1"}).start()
    fields = [("Authorization", f"Bearer {secret}"), ("Content-Type", "application/json")]
    body = json.dumps({"token": secret, "text": base64.b64encode(b"x").decode()}).encode()
    answer, row = call(instance, target=f"/emails?token={secret}", body=body, fields=fields)
    assert answer.status == 502
    assert row["status"] == "failed"
    instance.stop()
    assert instance.leaks([secret]) == []


def test_the_exchange_payload_holds_the_headers_without_their_secrets(new_waybill, origin):
    secret = canary(9)
    instance = new_waybill(
        connect_to=everywhere(origin), capture={"payload": "exchange"}
    ).start()
    fields = [("Authorization", f"Bearer {secret}"), ("Content-Type", "application/json")]
    _, row = call(instance, target=f"/emails?token={secret}&a=1", body=b'{"b":2}', fields=fields)
    request, response = json.loads(row["request_payload"]), json.loads(row["response_payload"])
    assert request["method"] == "POST"
    assert request["url"].startswith(f"https://{HOST}/emails?") and "a=1" in request["url"]
    assert request["body"] == {"b": 2}
    assert request["headers"]["Content-Type"] == "application/json"
    assert request["headers"]["Authorization"] == MASK
    assert response["status"] == 200
    assert response["body"] == {"ok": True}
    assert {"dns", "connect", "tls", "first_byte", "total"} <= set(response["timing_ms"])
    assert instance.leaks([secret]) == []


def luhn(digits):
    """Whether digits pass the check of payment card numbers (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def digit_uuid(head_first):
    """A UUID of which 16 digits in a row, hyphens apart, look like a card number."""
    for last in range(10):
        if head_first:
            groups, tail = ["48123456", "1234", f"456{last}"], "8a92-69d9ce22080b"
            if luhn("".join(groups)):
                return "-".join(groups) + "-" + tail
        else:
            groups, head = ["8123", f"12345678901{last}"], "a8123c5f-12ab-4def"
            if luhn("".join(groups)):
                return head + "-" + "-".join(groups)
    raise AssertionError("one digit in ten passes")


@pytest.mark.parametrize("head_first", [True, False], ids=["head", "tail"])
def test_a_uuid_is_not_a_card_number(proxy, head_first):
    """One random UUID in ten thousand has such digits: it must stay readable, and linked."""
    entity = digit_uuid(head_first)
    with Call(proxy) as one:
        body = json.dumps({"id": entity, "text": f"for {entity}."}).encode()
        fields = form_fields("application/json")
        one.client.ask(client.request(body=body, entity=entity, fields=fields))
    payload = json.loads(proxy.row(entity, seconds=2)["request_payload"])
    assert payload == {"id": entity, "text": f"for {entity}."}


def test_a_card_number_is_masked(proxy):
    card = "4111 1111 1111 1111"
    _, row = call(proxy, body=json.dumps({"note": f"paid with {card}, thanks"}).encode())
    assert "paid with" in row["request_payload"]
    assert proxy.leaks([card, card.replace(" ", "")]) == []


# entities by route


def test_a_resend_tag_names_the_entity(proxy):
    entity = client.new_entity()
    tags = [{"name": "x", "value": "y"}, {"name": "student_id", "value": entity}]
    body = json.dumps({"tags": tags})
    with Call(proxy) as one:
        one.client.ask(client.request(body=body.encode(), fields=form_fields("application/json")))
    assert proxy.row(entity)["related_entity_type"] == "student"


def test_a_vendors_own_uuid_is_never_the_entity(proxy):
    vendor = client.new_entity()
    before = proxy.count()
    with Call(proxy) as one:
        one.client.ask(client.request(method="GET", target=f"/emails/{vendor}"), "GET")
    assert proxy.wait_rows(before + 1)[-1]["related_entity_id"] is None


# chains and pending


def flaky(statuses):
    left = list(statuses)

    def handler(request, connection):
        request.read_body()
        connection.send(answered(b"{}", status=left.pop(0)))
        return KEEP

    return handler


def chain(proxy, origin, path, statuses, bodies, fields=()):
    """Sends the same call over; returns its rows in order."""
    origin.on(path, flaky(statuses))
    entity = client.new_entity()
    with Call(proxy) as one:
        for body in bodies:
            message = client.request(target=path, body=body, entity=entity, fields=fields)
            one.client.ask(message)
    return proxy.wait_rows(len(bodies), "related_entity_id = ?", (entity,))


def test_a_call_made_again_after_a_failure_is_one_chain(proxy, origin):
    rows = chain(proxy, origin, "/chain/1", [500, 502, 200], [b'{"a":1}'] * 3)
    assert [row["status"] for row in rows] == ["retrying", "retrying", "success"]
    assert [row["retry_count"] for row in rows] == [0, 1, 2]


def test_another_body_is_another_call(proxy, origin):
    rows = chain(proxy, origin, "/chain/2", [500, 500, 200], [b'{"a":1}', b'{"a":2}', b'{"a":3}'])
    assert [row["status"] for row in rows] == ["failed", "failed", "success"]
    assert [row["retry_count"] for row in rows] == [0, 0, 0]


def test_the_idempotency_key_makes_calls_the_same(proxy, origin):
    fields = [("Idempotency-Key", "made-up/1")]
    rows = chain(proxy, origin, "/chain/3", [500, 200], [b'{"at":1}', b'{"at":2}'], fields)
    assert [row["status"] for row in rows] == ["retrying", "success"]


def test_a_success_ends_a_chain(proxy, origin):
    rows = chain(proxy, origin, "/chain/4", [500, 200, 500], [b'{"a":1}'] * 3)
    assert [row["status"] for row in rows] == ["retrying", "success", "failed"]
    assert [row["retry_count"] for row in rows] == [0, 1, 0]


def test_a_chain_survives_a_restart(new_waybill, origin):
    instance = new_waybill(connect_to=everywhere(origin)).start()
    origin.on("/chain/5", flaky([500, 200]))
    entity = client.new_entity()
    for _ in range(2):
        with client.tunnel(instance.port, f"{HOST}:443", instance.root_pem) as opened:
            opened.ask(client.request(target="/chain/5", body=b"{}", entity=entity))
        instance.stop()
        instance.start()
    rows = instance.rows("related_entity_id = ?", (entity,))
    assert [(row["status"], row["retry_count"]) for row in rows] == [
        ("retrying", 0),
        ("success", 1),
    ]


def test_a_slow_call_is_a_pending_row_that_becomes_final(new_waybill, origin):
    instance = new_waybill(
        connect_to=everywhere(origin), record={"pending_after": "100ms"}
    ).start()
    go_on = threading.Event()

    def handler(request, connection):
        request.read_body()
        go_on.wait(DEADLINE)
        connection.send(answered(b'{"late":true}'))
        return CLOSE

    origin.on("/pending", handler)
    with Call(instance) as one:
        one.client.send(one.request(target="/pending", body=b'{"a":1}'))
        rows = eventually(lambda: instance.rows("related_entity_id = ?", (one.entity,)))
        first = rows[0]
        assert (first["status"], first["duration_ms"]) == ("pending", None)
        assert json.loads(first["request_payload"]) == {"a": 1}
        go_on.set()
        assert one.client.read().status == 200
        final = one.row()
    assert final["id"] == first["id"]
    assert final["created_at"] == first["created_at"]
    assert (final["status"], json.loads(final["response_payload"])) == ("success", {"late": True})


def test_an_empty_long_poll_leaves_no_row_unless_asked_for(proxy, origin):
    """The default route says record: all or not; whichever, the answer passes."""
    token = "7654321:" + "B" * 35
    path = f"/bot{token}/getUpdates"
    origin.on(path, answer_raw(answered(b'{"ok":true,"result":[]}')))
    with Call(proxy, "api.telegram.org") as one:
        assert bytes(one.ask(target=path, body=b"{}").body) == b'{"ok":true,"result":[]}'
    origin.on(path, answer_raw(answered(b'{"ok":true,"result":[{"update_id":1}]}')))
    _, row = call(proxy, "api.telegram.org", target=path, body=b"{}")
    assert (row["action"], row["status"]) == ("get_telegram_updates", "success")
    assert proxy.leaks([token]) == []
