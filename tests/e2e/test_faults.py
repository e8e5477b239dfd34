# SPDX-License-Identifier: MIT
"""What goes wrong: dead, slow and lying origins, clients that leave, memory, reload, shutdown."""

import json
import signal
import socket
import threading

import pytest

from lib import client, http1
from lib.pki import Authority
from lib.place import BLIND, HOST, Call, answered, call, everywhere, own_answer
from lib.stream import DEADLINE, Plain
from lib.upstream import CLOSE, CUT, KEEP, RESET, Origin, answer_raw
from lib.waybill import SERVICES, eventually

MEBI = 1 << 20


def closed_port():
    """A port nobody listens on: bound, so that nobody else takes it."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


@pytest.fixture(scope="module")
def bad_origins(authority, tmp_path_factory):
    """host → (origin, code): each with a certificate that must be refused."""
    stranger = Authority(tmp_path_factory.mktemp("stranger"), "a stranger's root")
    contexts = {
        "expired.amocrm.ru": (authority.server_context("expired.pem", days=(-9, -2)),
                              "TLS_CERT_EXPIRED"),
        "early.amocrm.ru": (authority.server_context("early.pem", days=(2, 9)),
                            "TLS_CERT_EXPIRED"),
        "name.amocrm.ru": (authority.server_context("name.pem", names=["other.example.test"]),
                           "TLS_CERT_HOSTNAME"),
        "self.amocrm.ru": (authority.server_context("self.pem", self_signed=True),
                           "TLS_CERT_UNTRUSTED"),
        "stranger.amocrm.ru": (stranger.server_context(), "TLS_CERT_UNTRUSTED"),
        "cleartext.amocrm.ru": (None, "TLS_FAILED"),
    }  # fmt: skip
    made = {host: (Origin(context), code) for host, (context, code) in contexts.items()}
    yield made
    for instance, _ in made.values():
        instance.stop()


@pytest.fixture(scope="module")
def proxy(origin, bad_origins, module_waybill):
    refused = closed_port()
    targets = everywhere(origin)
    targets["refused.amocrm.ru:443"] = f"127.0.0.1:{refused.getsockname()[1]}"
    for host, (bad, _) in bad_origins.items():
        targets[f"{host}:443"] = bad.address
    instance = module_waybill(
        connect_to=targets,
        workers=1,
        upstream={"response_timeout": "1s", "connect_timeout": "1s"},
    ).start()
    yield instance
    refused.close()


# no connection


@pytest.mark.parametrize(
    "host",
    ["expired", "early", "name", "self", "stranger", "cleartext"],
)
def test_a_bad_certificate_is_a_502_with_its_code_and_a_row(proxy, bad_origins, host):
    host += ".amocrm.ru"
    bad, code = bad_origins[host]
    answer, row = call(proxy, host, target="/api/v4/leads", body=b"[]")
    assert answer.status == 502
    own_answer(answer, code)
    assert (row["status"], row["error_code"], row["action"]) == ("failed", code, "sync_lead")
    assert row["error_message"]
    assert row["response_payload"] is None
    assert bad.requests == []


def test_a_refused_connection_is_a_502_and_a_row(proxy):
    answer, row = call(proxy, "refused.amocrm.ru", target="/api/v4/leads", body=b"[]")
    assert answer.status == 502
    own_answer(answer, "CONNECT_REFUSED")
    assert row["error_code"] == "CONNECT_REFUSED"


def test_a_failed_dial_is_announced_where_it_ends_the_client_connection(proxy):
    with Call(proxy, "refused.amocrm.ru") as one:
        message = client.request(host="refused.amocrm.ru", body=b"[]")
        answer = one.client.ask(message)
        assert answer.status == 502
        if (answer.get("Connection") or "").lower() == "close":
            assert one.client.at_end()
        else:
            assert one.client.ask(message).status == 502


def test_a_connection_that_is_not_accepted_is_a_504(new_waybill):
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(4):  # the kernel drops SYNs once the backlog is full
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        fillers.append(filler)
    instance = new_waybill(
        connect_to={f"{HOST}:443": f"127.0.0.1:{full.getsockname()[1]}"},
        upstream={"connect_timeout": "500ms"},
    ).start()
    answer, row = call(instance, body=b"{}")
    for sock in fillers + [full]:
        sock.close()
    assert answer.status == 504
    own_answer(answer, "CONNECT_TIMEOUT")
    assert row["error_code"] == "CONNECT_TIMEOUT"


def test_an_unknown_name_is_dns_failed(new_waybill):
    instance = new_waybill(connect_to={f"{HOST}:443": "nowhere.invalid:443"}).start()
    answer, row = call(instance, body=b"{}")
    assert answer.status == 502
    own_answer(answer, "DNS_FAILED")
    assert row["error_code"] == "DNS_FAILED"


def test_a_private_address_is_denied_unless_allowed(proxy, origin):
    before = len(origin.connections)
    for authority in ("127.0.0.1:443", "169.254.169.254:443", "[::1]:443", "10.0.0.1:443"):
        opened, answer = client.connect(proxy.port, authority)
        with opened:
            assert answer.status == 403, authority
            own_answer(answer, "UPSTREAM_DENIED")
            assert opened.at_end()
    with client.plain(proxy.port) as opened:
        target = f"http://127.0.0.1:{origin.port}/private"
        answer = opened.ask(client.request(target=target, host=origin.address, body=b"x"))
        assert answer.status == 403
    assert len(origin.connections) == before


def test_connect_to_another_port_is_refused_with_a_status_and_a_close(proxy):
    opened, answer = client.connect(proxy.port, f"{HOST}:25")
    with opened:
        assert answer.status == 403
        assert answer.get("X-Waybill-Error")
        assert json.loads(bytes(answer.body))["error"]["message"]
        assert (answer.get("Connection") or "").lower() == "close"
        assert opened.at_end()


def test_a_host_header_of_another_host_is_misdirected(proxy, origin):
    before = len(origin.requests)
    with Call(proxy) as one:
        answer = one.client.ask(client.request(host="api.telegram.org", body=b"{}"))
        assert answer.status in (400, 421)
        assert one.client.at_end()
    assert len(origin.requests) == before


# no answer, or a bad one

PARTIAL = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxyz"
CASES = {
    "closed": (answer_raw(b"", CLOSE), "UPSTREAM_CLOSED"),
    "reset": (answer_raw(b"", RESET), "UPSTREAM_RESET"),
    "garbage": (answer_raw(b"ceci n'est pas HTTP\r\n\r\n", CLOSE), "UPSTREAM_PROTOCOL"),
    "half-a-head": (answer_raw(b"HTTP/1.1 200 OK\r\nX: y\r\n", CLOSE), "UPSTREAM_CLOSED"),
    "unasked-101": (
        answer_raw(b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n", CLOSE),
        "UPSTREAM_PROTOCOL",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_origin_without_a_valid_answer_is_a_502(proxy, origin, case):
    handler, code = CASES[case]
    path = f"/fault/{case}"
    origin.on(path, handler)
    answer, row = call(proxy, target=path, body=b"{}")
    assert answer.status == 502
    own_answer(answer, code)
    assert (row["status"], row["error_code"]) == ("failed", code)
    assert row["duration_ms"] is not None
    # a POST on a fresh connection is never sent twice
    assert len(origin.seen(path)) == 1


def test_a_silent_origin_is_a_504_after_the_timeout(proxy, origin):
    leave = threading.Event()
    origin.on("/fault/silent", lambda r, c: leave.wait(DEADLINE) and CLOSE)
    answer, row = call(proxy, target="/fault/silent", body=b"{}")
    leave.set()
    assert answer.status == 504
    own_answer(answer, "UPSTREAM_TIMEOUT")
    assert row["error_code"] == "UPSTREAM_TIMEOUT"
    assert row["duration_ms"] >= 900


@pytest.mark.parametrize(
    "case,data,end,code",
    [
        ("length", PARTIAL, CLOSE, "UPSTREAM_CLOSED"),
        ("chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n", CLOSE,
         "UPSTREAM_CLOSED"),
        ("bad-chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyzQQ0\r\n\r\n",
         KEEP, "UPSTREAM_PROTOCOL"),
        ("reset", PARTIAL, RESET, "UPSTREAM_RESET"),
        ("until-close", b"HTTP/1.1 200 OK\r\n\r\nxyz", CUT, "UPSTREAM_CLOSED"),
    ],
)  # fmt: skip
def test_a_cut_answer_looks_cut_to_the_client(proxy, origin, case, data, end, code):
    path = f"/cut/{case}"
    origin.on(path, answer_raw(data, end))
    with Call(proxy) as one:
        one.client.send(one.request(target=path, body=b"{}"))
        try:
            answer = one.client.read()
            assert answer.status == 502
        except (http1.Cut, ConnectionResetError):
            pass
        row = one.row()
    assert (row["status"], row["error_code"]) == ("failed", code)


def test_bytes_after_an_answer_never_reach_the_next_request(proxy, origin):
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned"
    origin.on("/poison", answer_raw(answered(b"{}") + poison))
    with Call(proxy) as one:
        assert bytes(one.ask(target="/poison", body=b"{}").body) == b"{}"
        after = one.client.ask(client.request(target="/after", body=b"{}"))
        assert bytes(after.body) == b'{"ok":true}'
    assert bytes(call(proxy, target="/after/2", body=b"{}")[0].body) == b'{"ok":true}'


# clients that leave


def test_a_client_that_leaves_before_the_answer_is_client_aborted(proxy, origin):
    origin.on("/leave", lambda r, c: r.read_body() and c.closed.wait(2) and CLOSE)
    one = Call(proxy)
    one.client.send(one.request(target="/leave", body=b'{"a":1}'))
    assert origin.wait_for(lambda: any(r.target == "/leave" for r in origin.requests))
    one.close()
    row = one.row()
    assert (row["status"], row["error_code"]) == ("failed", "CLIENT_ABORTED")
    assert json.loads(row["request_payload"]) == {"a": 1}


def test_a_client_that_leaves_in_the_answer_is_client_aborted(proxy, origin):
    go_on = threading.Event()

    def handler(request, connection):
        request.read_body()
        connection.send(http1.head("HTTP/1.1 200 OK", [("Content-Length", str(64 * MEBI))]))
        try:
            for _ in range(64):
                connection.send(b"x" * MEBI)
        finally:
            go_on.set()
        return CLOSE

    origin.on("/leave/answer", handler)
    one = Call(proxy)
    one.client.send(one.request(target="/leave/answer", body=b"{}"))
    assert one.client.reader.head() is not None
    one.client.stream.reset()
    assert go_on.wait(DEADLINE)
    assert one.row()["error_code"] == "CLIENT_ABORTED"


def test_a_client_that_leaves_in_its_request_is_client_aborted(proxy, origin):
    one = Call(proxy)
    fields = [("Content-Length", "100000")]
    one.client.send(one.request(target="/leave/request", fields=fields) + b"abc")
    assert origin.wait_for(lambda: any(r.target == "/leave/request" for r in origin.requests))
    one.close()
    assert one.row()["error_code"] == "CLIENT_ABORTED"
    assert not origin.seen("/leave/request")[0].complete


# memory


def stalled(progress):
    """Waits until a counter has stopped moving for a good while; returns it."""
    last, still = -1, 0
    moved = threading.Event()
    for _ in range(DEADLINE * 20):
        now = progress["bytes"]
        still = still + 1 if now == last else 0
        last = now
        if still == 8:
            break
        moved.wait(0.05)
    return last


def test_a_stalled_reader_holds_the_origin_back_not_memory(proxy, origin, sanitized):
    total, progress = 100 * MEBI, {"bytes": 0}

    def handler(request, connection):
        request.read_body()
        connection.send(http1.head("HTTP/1.1 200 OK", [("Content-Length", str(total))]))
        for _ in range(total // MEBI):
            connection.send(b"d" * MEBI)
            progress["bytes"] += MEBI
        return KEEP

    origin.on("/big/down", handler)
    before = proxy.rss_kib()
    with Call(proxy) as one:
        one.client.send(one.request(method="GET", target="/big/down"))
        assert one.client.reader.head() is not None
        sent = stalled(progress)
        grown = proxy.rss_kib() - before
        assert sent < 40 * MEBI
        assert grown < (64 if sanitized else 16) * 1024, f"{grown} KiB more"
        left = total - len(one.client.reader.buffer)
        while left > 0:
            piece = one.client.stream.recv()
            assert piece
            left -= len(piece)
        assert left == 0
        assert one.row()["status"] == "success"
    assert proxy.rss_kib() - before < (96 if sanitized else 32) * 1024


def test_a_stalled_origin_holds_the_client_back_not_memory(new_waybill, origin, sanitized):
    instance = new_waybill(connect_to=everywhere(origin), workers=1).start()
    total, progress = 100 * MEBI, {"bytes": 0}
    read_on = threading.Event()

    def handler(request, connection):
        read_on.wait(DEADLINE * 3)
        left = request.length - len(connection.reader.buffer)
        connection.reader.buffer.clear()
        while left > 0:
            left -= len(connection.stream.recv())
        request.body_read = True
        connection.answer(body=b"{}")
        return KEEP

    origin.on("/big/up", handler)
    call(instance, method="GET", target="/warm")
    before = instance.rss_kib()
    with Call(instance) as one:
        fields = [("Content-Length", str(total))]

        def send():
            one.client.send(one.request(target="/big/up", fields=fields))
            for _ in range(total // MEBI):
                one.client.send(b"u" * MEBI)
                progress["bytes"] += MEBI

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        assert origin.wait_for(lambda: any(r.target == "/big/up" for r in origin.requests))
        sent = stalled(progress)
        grown = instance.rss_kib() - before
        read_on.set()
        sender.join(DEADLINE * 3)
        assert sent < 40 * MEBI
        assert grown < (64 if sanitized else 16) * 1024, f"{grown} KiB more"
        assert one.client.read().status == 200
        assert one.row()["status"] == "success"


# reload and shutdown

NEW_SERVICE = """\
service: newcomer
hosts: [newcomer.example.test]
routes:
  - {methods: [POST], path: /v1/things, action: make_thing}
"""


def test_reload_keeps_connections_and_a_broken_file_keeps_the_old_table(
    new_waybill, origin, tmp_path
):
    services = tmp_path / "services"
    services.mkdir()
    for path in SERVICES.glob("*.yaml"):
        (services / path.name).write_bytes(path.read_bytes())
    targets = everywhere(origin)
    newcomer = "newcomer.example.test"
    targets[f"{newcomer}:443"] = origin.address
    instance = new_waybill(connect_to=targets, services=str(services / "*.yaml")).start()
    with Call(instance) as old:
        assert old.ask(target="/emails", body=b"{}").status == 200

        (services / "newcomer.yaml").write_text(NEW_SERVICE)
        instance.reload()
        instance.wait_log(r"(?i)reload")

        def arrived():
            entity = client.new_entity()
            try:
                with client.tunnel(
                    instance.port, f"{newcomer}:443", instance.root_pem
                ) as opened:
                    message = client.request(
                        target="/v1/things", host=newcomer, body=b"{}", entity=entity
                    )
                    assert opened.ask(message).status == 200
            except OSError:  # still tunnelled blind: the origin's certificate is not ours
                return None
            return instance.row(entity)

        row = eventually(arrived, every=0.1)
        assert row, instance.log()
        assert (row["service_name"], row["action"]) == ("newcomer", "make_thing")
        second = client.request(target="/emails", body=b'{"n":2}', entity=client.new_entity())
        assert old.client.ask(second).status == 200

        (services / "newcomer.yaml").write_text(NEW_SERVICE + "  - {paht: /x, action: y}\n")
        instance.reload()
        instance.wait_log(r"newcomer\.yaml:5:\d+")
        assert arrived()
        third = client.request(target="/emails", body=b'{"n":3}', entity=client.new_entity())
        assert old.client.ask(third).status == 200


def test_sigterm_drains_what_is_in_flight(new_waybill, origin):
    instance = new_waybill(connect_to=everywhere(origin)).start()
    go_on = threading.Event()

    def handler(request, connection):
        request.read_body()
        go_on.wait(DEADLINE)
        connection.answer(fields=[("Content-Type", "application/json")], body=b'{"late":1}')
        return KEEP

    origin.on("/drain", handler)
    idle = client.tunnel(instance.port, f"{HOST}:443", instance.root_pem)
    with Call(instance) as one:
        one.client.send(one.request(target="/drain", body=b"{}"))
        assert origin.wait_for(lambda: any(r.target == "/drain" for r in origin.requests))
        instance.process.send_signal(signal.SIGTERM)

        def turned_away():
            try:
                sock = socket.create_connection(("127.0.0.1", instance.port), timeout=2)
            except OSError:
                return True
            with client.Client(Plain(sock)) as late:
                try:
                    late.send(http1.head(f"CONNECT {HOST}:443 HTTP/1.1", [("Host", HOST)]))
                    return late.read("CONNECT").status == 503
                except (OSError, http1.Cut):
                    return True

        assert eventually(turned_away)
        assert instance.process.poll() is None
        go_on.set()
        answer = one.client.read()
        assert bytes(answer.body) == b'{"late":1}'
    idle.close()
    instance.stop()
    assert instance.row(one.entity)["status"] == "success"


def test_a_second_termination_signal_does_not_wait(new_waybill, origin):
    instance = new_waybill(connect_to=everywhere(origin)).start()
    leave = threading.Event()
    origin.on("/hang", lambda r, c: leave.wait(DEADLINE) and CLOSE)
    with Call(instance) as one:
        one.client.send(one.request(target="/hang", body=b"{}"))
        assert origin.wait_for(lambda: any(r.target == "/hang" for r in origin.requests))
        instance.process.send_signal(signal.SIGTERM)
        instance.wait_log(r"(?i)drain|stopping")
        instance.process.send_signal(signal.SIGTERM)
        instance.stop(seconds=10)
    leave.set()
    row = instance.row(one.entity)
    assert (row["status"], row["error_code"]) == ("failed", "PROXY_STOPPED")


def test_blind_hosts_that_cannot_be_reached_get_a_status(proxy):
    opened, answer = client.connect(proxy.port, f"closed.{BLIND}:443")
    with opened:
        assert answer.status in (502, 504)
        assert answer.get("X-Waybill-Error")
        assert opened.at_end()
