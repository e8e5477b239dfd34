# SPDX-License-Identifier: MIT
"""What passes through: bodies byte for byte, every way in, keep-alive, 1xx, upgrades, headers."""

import gzip
import hashlib
import json
import random
import ssl
import threading

import brotli
import pytest
import zstandard

from lib import client, http1
from lib.place import BLIND, HOST, HOSTS, Call, answered, call, everywhere
from lib.stream import DEADLINE, read_all
from lib.upstream import CLOSE, KEEP, answer_raw

SIZES = [0, 1, 65536, 5 * 1024 * 1024]


@pytest.fixture(scope="module")
def proxy(origin, module_waybill):
    return module_waybill(
        connect_to=everywhere(origin), workers=1, access={"connect_ports": [80, 443]}
    ).start()


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


# bodies


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", SIZES)
def test_a_request_body_arrives_byte_for_byte(proxy, origin, size, framing):
    body = noise(size)
    path = f"/up/{size}/{framing}"
    with Call(proxy) as one:
        if framing == "length":
            answer = one.ask(target=path, body=body)
        else:
            fields = [("Transfer-Encoding", "chunked")]
            answer = one.ask(target=path, fields=fields, body=http1.chunks(body, 7777))
        assert answer.status == 200
        assert bytes(origin.seen(path)[0].body) == body
        assert one.row()["status"] == "success"


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", SIZES)
def test_a_response_body_arrives_byte_for_byte(proxy, origin, size, framing):
    body = noise(size, 2)
    path = f"/down/{size}/{framing}"
    fields = [("Content-Type", "application/octet-stream")]
    end = CLOSE if framing == "close" else KEEP
    origin.on(path, answer_raw(answered(body, fields=fields, framing=framing), end))
    answer, row = call(proxy, method="GET", target=path)
    assert answer.complete
    assert bytes(answer.body) == body
    assert row["status"] == "success"


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_single_byte_writes_on_both_sides_change_nothing(proxy, origin, framing):
    sent, returned = noise(700, 3), noise(700, 4)
    path = f"/slow/{framing}"
    end = CLOSE if framing == "close" else KEEP
    origin.on(path, answer_raw(answered(returned, framing=framing, chunk=33), end, slowly=True))
    with Call(proxy) as one:
        if framing == "chunked":
            message = one.request(
                target=path,
                fields=[("Transfer-Encoding", "chunked")],
                body=http1.chunks(sent, 13),
            )
        else:
            message = one.request(target=path, body=sent)
        for i in range(len(message)):
            one.client.send(message[i : i + 1])
        answer = one.client.read()
        assert bytes(answer.body) == returned
        assert bytes(origin.seen(path)[0].body) == sent
        assert one.row()["status"] == "success"


def test_chunk_trailers_reach_the_origin_or_are_dropped_but_never_become_headers(proxy, origin):
    body = b"3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n"
    answer, _ = call(
        proxy, target="/trailer", fields=[("Transfer-Encoding", "chunked")], body=body
    )
    assert answer.status == 200
    arrived = origin.seen("/trailer")[0]
    assert bytes(arrived.body) == b"abc"
    assert not arrived.has("X-Sum")


@pytest.mark.parametrize(
    "method,status", [("HEAD", 200), ("GET", 204), ("GET", 304), ("DELETE", 204), ("HEAD", 404)]
)
def test_an_answer_without_a_body_leaves_the_connection_usable(proxy, origin, method, status):
    path = f"/bodiless/{method}/{status}"
    length = "" if status == 204 else "Content-Length: 77\r\n"
    origin.on(path, answer_raw(f"HTTP/1.1 {status} X\r\n{length}ETag: a\r\n\r\n".encode()))
    with Call(proxy) as one:
        answer = one.ask(method=method, target=path)
        assert (answer.status, bytes(answer.body)) == (status, b"")
        row = one.row()
        assert row["response_payload"] is None
        again = one.client.ask(client.request(target="/bodiless/next", body=b"x"))
        assert (again.status, bytes(again.body)) == (200, b'{"ok":true}')


CODINGS = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_coded_body_passes_untouched_and_is_read_for_the_row(proxy, origin, coding):
    value = {"id": "made-up", "list": list(range(200)), "big": 9007199254740993}
    coded = CODINGS[coding](json.dumps(value).encode())
    path = f"/coded/{coding}"
    origin.on(path, answer_raw(answered(coded, fields=[("Content-Encoding", coding)])))
    answer, row = call(proxy, target=path, body=b"{}")
    assert bytes(answer.body) == coded
    assert answer.get("Content-Encoding") == coding
    assert json.loads(row["response_payload"]) == value


# connections


def test_one_upstream_connection_serves_many_clients(proxy, origin):
    origin.close_idle()
    before = len(origin.connections)
    for i in range(8):
        assert call(proxy, target=f"/reuse/{i}", body=b"{}")[0].status == 200
    assert len(origin.connections) == before + 1


def test_many_requests_use_one_client_connection(proxy, origin):
    with Call(proxy) as one:
        for i in range(20):
            answer = one.client.ask(client.request(target=f"/keep/{i}", body=b"%d" % i))
            assert answer.status == 200
    assert [bytes(origin.seen(f"/keep/{i}")[0].body) for i in range(20)] == [
        b"%d" % i for i in range(20)
    ]


def test_an_origin_that_closed_an_idle_connection_costs_no_error(proxy, origin):
    assert call(proxy, method="GET", target="/idle/1")[0].status == 200
    origin.close_idle()
    assert call(proxy, method="GET", target="/idle/2")[0].status == 200
    origin.close_idle()
    assert call(proxy, target="/idle/3", body=b"{}")[0].status == 200
    assert len(origin.seen("/idle/3")) == 1


def test_pipelined_requests_are_answered_in_order(proxy, origin):
    late = threading.Event()

    def first(request, connection):
        request.read_body()
        late.wait(DEADLINE)
        connection.answer(body=b"first")
        return KEEP

    origin.on("/pipe/1", first)
    origin.on("/pipe/2", lambda r, c: (r.read_body(), c.answer(body=b"second"))[0] and KEEP)
    origin.on("/pipe/3", lambda r, c: c.answer(body=b"third"))
    with Call(proxy) as one:
        one.client.send(
            client.request(target="/pipe/1", body=b"a" * 10)
            + client.request(target="/pipe/2", body=b"b" * 100000)
            + client.request(target="/pipe/3", method="GET")
        )
        assert origin.wait_for(lambda: any(r.target == "/pipe/1" for r in origin.requests))
        late.set()
        answers = [bytes(one.client.read().body) for _ in range(3)]
    assert answers == [b"first", b"second", b"third"]
    assert bytes(origin.seen("/pipe/2")[0].body) == b"b" * 100000


def test_connection_close_of_the_client_is_obeyed(proxy):
    with Call(proxy) as one:
        answer = one.ask(target="/close", body=b"x", fields=[("Connection", "close")])
        assert answer.status == 200
        assert one.client.at_end()


def test_http_1_0_gets_its_answer_and_a_close(proxy, origin):
    origin.on("/old", answer_raw(answered(b"old way", framing="chunked")))
    with Call(proxy) as one:
        one.client.send(b"GET /old HTTP/1.0\r\nHost: api.resend.com\r\n\r\n")
        data = read_all(one.client.stream)
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.")
    assert b"chunked" not in head.lower()
    assert body == b"old way"


# interim answers and upgrades


def test_expect_100_continue_is_the_origins_to_answer(proxy, origin):
    may_continue = threading.Event()

    def handler(request, connection):
        may_continue.wait(DEADLINE)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.read_body()
        connection.answer(body=b"thanks")
        return KEEP

    origin.on("/expect", handler)
    fields = [("Expect", "100-continue"), ("Content-Length", "5")]
    with Call(proxy) as one:
        one.client.send(one.request(target="/expect", fields=fields))
        assert origin.wait_for(lambda: any(r.target == "/expect" for r in origin.requests))
        may_continue.set()
        interim = one.client.read(skip_interim=False)
        assert interim.status == 100
        one.client.send(b"12345")
        answer = one.client.read()
        assert bytes(answer.body) == b"thanks"
        assert bytes(origin.seen("/expect")[0].body) == b"12345"


def test_a_final_answer_before_the_body_ends_the_request(proxy, origin):
    origin.on(
        "/refuse", lambda r, c: c.send(b"HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno") or CLOSE
    )
    fields = [("Expect", "100-continue"), ("Content-Length", "500000")]
    with Call(proxy) as one:
        answer = one.client.ask(one.request(target="/refuse", fields=fields))
        assert (answer.status, bytes(answer.body)) == (417, b"no")
        assert one.row()["error_code"] == "HTTP_417"


def test_early_hints_are_relayed(proxy, origin):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    origin.on("/hints", answer_raw(hints + answered(b"{}")))
    answer, row = call(proxy, method="GET", target="/hints")
    assert [(i.status, i.get("Link")) for i in answer.interim] == [
        (103, "</style.css>; rel=preload")
    ]
    assert answer.status == 200
    assert row["status"] == "success"


def test_a_websocket_passes_after_101(proxy, origin):
    def handler(request, connection):
        assert request.get("Upgrade") == "websocket"
        connection.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: x\r\n\r\nhello"
        )
        while True:
            data = bytes(connection.reader.buffer) or connection.stream.recv()
            connection.reader.buffer.clear()
            if not data:
                return CLOSE
            connection.send(data[::-1])

    origin.on("/socket", handler)
    fields = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", "x"),
        ("Sec-WebSocket-Version", "13"),
    ]
    with Call(proxy) as one:
        answer = one.ask(method="GET", target="/socket", fields=fields)
        assert answer.status == 101
        assert answer.get("Upgrade") == "websocket"
        assert one.client.reader.take(5) == b"hello"
        for message in (b"abc", bytes(range(256)), b"\x00" * 3):
            one.client.send(message)
            assert one.client.reader.take(len(message)) == message[::-1]
        one.close()
        assert one.row()["service_name"] == "resend"


# ways in


def test_the_connect_answer_is_exactly_one_line(proxy):
    for version, fields in (("HTTP/1.1", None), ("HTTP/1.0", [])):
        opened, _ = client.connect(proxy.port, f"{HOST}:443", fields, version)
        with opened:
            assert bytes(opened.reader.seen) == b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.mark.parametrize("name", [HOST, "API.Resend.COM", f"{HOST}."])
def test_a_host_is_known_in_any_spelling(proxy, name):
    entity = client.new_entity()
    with client.tunnel(proxy.port, f"{name}:443", proxy.root_pem, server_name=HOST) as opened:
        answer = opened.ask(client.request(host=name, body=b"{}", entity=entity))
    assert answer.status == 200
    assert proxy.row(entity)["action"] == "send_email"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_tls_versions_and_http_1_1_by_alpn(proxy, version):
    context = client.trust(proxy.root_pem, alpn=["h2", "http/1.1"], version=version)
    with client.tunnel(proxy.port, f"{HOST}:443", None, context=context) as opened:
        assert opened.stream.object.selected_alpn_protocol() == "http/1.1"
        assert opened.ask(client.request(body=b"{}")).status == 200


def test_absolute_form_http_and_https_share_one_connection(proxy, origin):
    """axios up to 1.16.0 sends https:// targets in clear to the proxy, many per connection."""
    with client.plain(proxy.port) as opened:
        for scheme in ("https", "http", "https"):
            for host in HOSTS:
                entity = client.new_entity()
                path = f"/absolute/{scheme}"
                answer = opened.ask(
                    client.request(
                        target=f"{scheme}://{host}{path}", host=host, body=b"{}", entity=entity
                    )
                )
                assert answer.status == 200, answer.raw_head
                arrived = origin.seen(path)[-1]
                assert arrived.connection.stream.tls == (scheme == "https")
                assert arrived.get("Host") == host
                assert proxy.row(entity)["action"] in ("other", "telegram_http", "telegram_https")


def test_absolute_form_to_an_unrouted_host_is_relayed_without_a_row(proxy, origin):
    before = proxy.count()
    with client.plain(proxy.port) as opened:
        for scheme in ("https", "http"):
            answer = opened.ask(
                client.request(target=f"{scheme}://{BLIND}/plain", host=BLIND, body=b"{}")
            )
            assert answer.status == 200
    assert len(origin.seen("/plain")) == 2
    assert proxy.count() == before


def test_absolute_form_inside_a_tunnel_is_taken_for_its_path(proxy, origin):
    answer, row = call(proxy, target=f"https://{HOST}/emails", body=b"{}")
    assert answer.status == 200
    assert origin.requests[-1].target == "/emails"
    assert row["action"] == "send_email"


def test_direct_tls_is_served_by_its_sni(proxy):
    entity = client.new_entity()
    with client.direct_tls(proxy.port, HOST, proxy.root_pem) as opened:
        answer = opened.ask(client.request(body=b"{}", entity=entity))
    assert answer.status == 200
    assert proxy.row(entity)["action"] == "send_email"


def test_direct_tls_to_an_unrouted_host_is_tunnelled_blind(proxy, authority):
    with client.direct_tls(proxy.port, BLIND, authority.ca_file) as opened:
        assert opened.ask(client.request(host=BLIND, body=b"{}")).status == 200


def test_cleartext_http_inside_connect_is_recorded_too(proxy):
    for port in (80, 443):
        entity = client.new_entity()
        opened, answer = client.connect(proxy.port, f"{HOST}:{port}")
        assert answer.status == 200
        with opened:
            host = f"{HOST}:{port}"
            assert opened.ask(client.request(host=host, body=b"{}", entity=entity)).status == 200
        assert proxy.row(entity)["action"] == "send_email"


def test_an_origin_form_request_gets_help(proxy):
    with client.plain(proxy.port) as opened:
        answer = opened.ask(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert answer.status == 400
        text = bytes(answer.body).decode()
        assert "proxy" in text and "HTTPS_PROXY" in text
        assert opened.at_end()


def test_a_blind_tunnel_changes_no_byte_and_writes_no_row(proxy, origin, new_origin, new_waybill):
    there, back = noise(300000, 5), noise(400000, 6)
    received = {}

    def raw(request, connection):
        data = bytearray(connection.reader.buffer)
        while len(data) < len(there):
            data += connection.stream.recv()
        received["bytes"] = bytes(data)
        connection.send(back)
        return CLOSE

    far = new_origin(context=None, handler=raw)
    blind = new_waybill(connect_to={f"{BLIND}:443": far.address}).start()
    opened, answer = client.connect(blind.port, f"{BLIND}:443")
    assert answer.status == 200
    with opened:
        opened.send(b"GET /x HTTP/1.1\r\n\r\n" + there)
        got = bytes(opened.reader.buffer) + read_all(opened.stream)
    assert hashlib.sha256(got).digest() == hashlib.sha256(back).digest()
    assert received["bytes"] == there
    assert blind.count() == 0


def test_a_blind_tunnel_shows_the_origins_own_certificate(proxy, authority):
    before = proxy.count()
    with client.tunnel(proxy.port, f"{BLIND}:443", authority.ca_file) as opened:
        assert opened.ask(client.request(host=BLIND, body=b"{}")).status == 200
    assert proxy.count() == before


def test_a_client_that_speaks_only_h2_is_tunnelled_blind(proxy, authority):
    before = proxy.count()
    context = client.trust(authority.ca_file, alpn=["h2"])
    with client.tunnel(proxy.port, f"{HOST}:443", None, context=context) as opened:
        assert opened.stream.object.selected_alpn_protocol() == "h2"
        assert opened.ask(client.request(target="/h2", body=b"{}")).status == 200
    assert proxy.count() == before


# headers


def test_headers_keep_order_and_spelling_minus_what_is_hop_by_hop(proxy, origin):
    end_to_end = [
        ("Host", HOST),
        ("x-lower", "1"),
        ("X-UPPER", "2"),
        ("Accept-Encoding", "gzip, br"),
        ("X-Same", "a"),
        ("X-Same", "b"),
        ("User-Agent", "me/1.0 (test)"),
        ("Authorization", "Bearer made-up-token"),
        ("X-Utf8", "Łódź".encode().decode("latin-1")),
        ("x-EmPtY", ""),
    ]
    dropped = [
        ("Connection", "keep-alive, X-Private"),
        ("X-Private", "secret"),
        ("Keep-Alive", "300"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic YTpi"),
        ("TE", "trailers"),
        ("X-Waybill-Entity", f"lead/{client.new_entity()}"),
    ]
    fields = end_to_end[:3] + dropped[:4] + end_to_end[3:6] + dropped[4:] + end_to_end[6:]
    with Call(proxy) as one:
        answer = one.client.ask(http1.head("GET /headers?a=%2f//b HTTP/1.1", fields), "GET")
    assert answer.status == 200
    arrived = origin.seen("/headers")[0]
    assert arrived.start == "GET /headers?a=%2f//b HTTP/1.1"
    assert arrived.fields == end_to_end
    assert not arrived.has("Via")


def test_response_headers_keep_order_and_spelling(proxy, origin):
    end_to_end = [
        ("server", "Made-Up"),
        ("X-B", "2"),
        ("Set-Cookie", "a=1; Path=/"),
        ("Set-Cookie", "b=2; Path=/"),
        ("x-a", "1"),
        ("Content-Type", "text/plain"),
    ]
    fields = end_to_end[:2] + [("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "5")]
    fields += end_to_end[2:] + [("Content-Length", "2")]
    origin.on("/answer-headers", answer_raw(http1.head("HTTP/1.1 200 Fine", fields) + b"ok"))
    with Call(proxy) as one:
        answer = one.ask(method="GET", target="/answer-headers")
    assert answer.start == "HTTP/1.1 200 Fine"
    ours = ("content-length", "connection")
    assert [f for f in answer.fields if f[0].lower() not in ours] == end_to_end
    assert not answer.has("Via") and not answer.has("X-Waybill-Error")


def test_the_entity_header_is_removed_and_linked(proxy, origin):
    entity = client.new_entity()
    with Call(proxy) as one:
        fields = [("x-waybill-entity", f"student/{entity}")]
        answer = one.client.ask(client.request(target="/entity", body=b"{}", fields=fields))
    assert answer.status == 200
    assert not origin.seen("/entity")[0].has("X-Waybill-Entity")
    row = proxy.row(entity)
    assert (row["related_entity_type"], row["related_entity_id"]) == ("student", entity)


def test_baggage_links_the_entity_and_is_forwarded(proxy, origin):
    entity = client.new_entity()
    baggage = f"related_entity_type=tripwire_user,related_entity_id={entity},other=1"
    with Call(proxy) as one:
        fields = [("baggage", baggage)]
        one.client.ask(client.request(target="/baggage", body=b"{}", fields=fields))
    assert origin.seen("/baggage")[0].get("baggage") == baggage
    assert proxy.row(entity)["related_entity_type"] == "tripwire_user"


def test_an_entity_that_is_no_uuid_is_not_linked(proxy):
    before = proxy.count()
    with Call(proxy) as one:
        fields = [("X-Waybill-Entity", "lead/12345")]
        one.client.ask(client.request(target="/nouuid", body=b"{}", fields=fields))
    row = proxy.wait_rows(before + 1)[-1]
    assert row["related_entity_type"] is None and row["related_entity_id"] is None
