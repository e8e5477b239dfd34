# SPDX-License-Identifier: MIT
"""The admin port: who is let in, keys and sessions, health, metrics, and what never stops the
proxy."""

import os
import re
import resource
import socket
import stat
import subprocess
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lib import http1
from lib.admin import Admin
from lib.place import HOST, Call, call, everywhere
from lib.upstream import answer_ok
from lib.waybill import REPO, Waybill, eventually

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pytest.fixture(scope="module")
def instance(module_waybill, origin):
    return module_waybill(connect_to=everywhere(origin)).start()


@pytest.fixture(scope="module")
def admin(instance):
    return Admin(instance)


@pytest.fixture
def proxied(new_waybill, origin):
    """Makes instances whose calls are answered."""
    return lambda **config: new_waybill(connect_to=everywhere(origin), **config)


# W2: who is let in


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/session", "/api/setup", "/none"])
@pytest.mark.parametrize("host, headers", [
    (None, {}),
    ("", {"Origin": "null"}),
    ("", {"Origin": "http://evil.example"}),
    ("", {"Origin": "http://localhost:1"}),
    ("", {"Sec-Fetch-Site": "cross-site"}),
    ("", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}),
    ("evil.example", {}),
    ("evil.example:{port}", {}),
    ("localhost", {}),
    ("127.0.0.1:{port}.evil.example", {}),
])  # fmt: skip
def test_what_is_not_ours_is_refused_whatever_the_path(admin, path, host, headers):
    host = host.format(port=admin.port) if host else host
    headers = {**headers, "Authorization": f"Bearer {admin.key('service_role')}"}
    answer = admin.ask(path, headers=headers, host=host)
    assert answer.status == 403 or (host is None and answer.status == 400)
    assert admin.key() not in answer.text


@pytest.mark.parametrize("path", [
    "/x/../", "/../etc/passwd", "/x/%2e%2e/y", "/x%2fy", "/x%5cy", "/./", "//", "/%00", "/a%",
    "http://evil.example/", "/..;/x",
])  # fmt: skip
def test_a_path_that_could_be_two_is_nothing(admin, path):
    assert admin.ask(path, key="authenticated").status in (403, 404)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}"])
def test_its_own_names_are_answered(admin, host):
    host = host.format(port=admin.port)
    assert admin.ask("/healthz", host=host).status == 200
    assert admin.ask("/healthz", host=host, headers={"Origin": f"http://{host}"}).status == 200


def test_a_repeated_field_is_refused(admin):
    host = f"127.0.0.1:{admin.port}"
    for pairs in ([("Host", host)], [("Origin", f"http://{host}")] * 2, [("apikey", "x")] * 2):
        assert admin.ask("/healthz", headers=pairs).status == 400


@pytest.mark.parametrize("path, status, kind", [
    ("/", 200, "text/html; charset=utf-8"),
    ("/uplot.esm.js", 200, "text/javascript; charset=utf-8"),
    ("/uplot.css", 200, "text/css; charset=utf-8"),
    ("/package.json", 404, "application/json; charset=utf-8"),
    ("/healthz", 200, "application/json; charset=utf-8"),
    ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
    ("/api/setup", 401, "application/json; charset=utf-8"),
    ("/x/../", 403, "application/json; charset=utf-8"),
])  # fmt: skip
def test_every_answer_carries_the_rules(admin, path, status, kind):
    answer = admin.ask(path)
    assert answer.status == status
    assert answer.headers["Content-Type"] == kind
    assert answer.headers.get_all("Content-Security-Policy") == [CSP]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    files = kind.startswith("text/") and path != "/metrics"
    assert answer.headers["Cache-Control"] == ("no-cache" if files else "no-store")


def test_a_file_that_has_not_changed_is_not_sent_again(admin):
    first = admin.ask("/")
    again = admin.ask("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    head = admin.ask("/", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(first.body))
    assert admin.ask("/", "POST", body=b"").status == 405


# W1, W3: keys and sessions


def test_the_keys_are_made_for_their_owner_alone(instance, admin):
    folder = instance.state_dir / "keys"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("service_role", "authenticated"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", admin.key(name))


@pytest.mark.parametrize("name, value, status", [
    ("Authorization", "Bearer {authenticated}", 200),
    ("authorization", "bearer {service_role}", 200),
    ("apikey", "{authenticated}", 200),
    ("Authorization", "Bearer {authenticated}x", 401),
    ("Authorization", "Bearer x{authenticated}", 401),
    ("Authorization", "Basic {authenticated}", 401),
    ("Authorization", "{authenticated}", 401),
    ("Authorization", "Bearer", 401),
    ("Authorization", "", 401),
    ("apikey", "", 401),
    ("Cookie", "waybill_session={authenticated}", 401),
    ("X-Key", "{authenticated}", 401),
])  # fmt: skip
def test_a_key_opens_and_nothing_else_does(admin, name, value, status):
    keys = {role: admin.key(role) for role in ("authenticated", "service_role")}
    answer = admin.ask("/api/setup", headers={name: value.format(**keys)})
    assert answer.status == status
    assert (status == 401) == ("WWW-Authenticate" in answer.headers)


def test_both_fields_must_hold_a_key(admin):
    good, bad = admin.key(), "x" * 43
    for apikey, bearer, status in [(good, good, 200), (good, bad, 401), (bad, good, 401)]:
        headers = {"apikey": apikey, "Authorization": f"Bearer {bearer}"}
        assert admin.ask("/api/setup", headers=headers).status == status


@pytest.mark.parametrize("key", ["authenticated", "service_role"])
def test_a_session_reads_and_never_more(admin, key):
    answer = admin.ask("/session", "POST", key=key)
    fields = answer.headers["Set-Cookie"].split("; ")
    assert answer.status == 204
    assert fields[0].startswith("waybill_session=") and admin.key(key) not in fields[0]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(fields)
    cookie = {"Cookie": fields[0]}
    assert admin.ask("/session", headers=cookie).json() == {"role": "authenticated"}
    assert admin.ask("/api/setup", headers=cookie).status == 200
    # no longer one than it came with
    assert admin.ask("/session", "POST", headers=cookie).status == 401
    # a wrong key is not helped by a cookie
    both = {**cookie, "apikey": "wrong"}
    assert admin.ask("/api/setup", headers=both).status == 401
    ended = admin.ask("/session", "DELETE", headers=cookie)
    assert ended.status == 204 and "Max-Age=0" in ended.headers["Set-Cookie"]
    assert admin.ask("/session", headers=cookie).status == 401


def test_no_key_and_no_session_is_told_so(admin):
    assert admin.ask("/session").status == 401
    assert admin.ask("/session", "POST").status == 401
    assert admin.ask("/session", "PUT").status == 405


def test_a_stranger_s_body_is_not_kept(admin):
    before = admin.instance.rss_kib()
    answer = admin.ask("/session", "POST", body=b"x" * (1 << 20))
    assert answer.status == 401
    headers = {"Content-Length": str(1 << 40)}
    assert admin.ask("/session", "POST", headers=headers).status == 413
    assert admin.ask("/session", "POST", headers=headers, key="authenticated").status == 413
    assert admin.instance.rss_kib() - before < 20 * 1024


def test_a_session_outlives_a_restart(new_waybill):
    instance = new_waybill().start()
    cookie = Admin(instance).login()
    instance.stop()
    instance.start()
    assert Admin(instance).ask("/session", headers=cookie).status == 200
    instance.stop()
    (instance.state_dir / "keys" / "authenticated").unlink()
    instance.start()
    assert Admin(instance).ask("/session", headers=cookie).status == 401


def test_keys_that_others_could_read_close_the_port_and_not_the_proxy(proxied):
    instance = proxied().start()
    Admin(instance)
    instance.stop()
    key = instance.state_dir / "keys" / "service_role"
    key.chmod(0o644)
    instance.start()
    said = instance.wait_log(r"no admin port, .*service_role.*0644.*chmod 600")
    assert "admin port on" not in instance.log()
    assert key.read_text().strip() not in said.group(0)
    assert call(instance)[0].status == 200
    key.chmod(0o600)
    assert Admin(instance).ask("/healthz").status == 200


# the link


def link_of(instance):
    return re.search(r"^dashboard: (.*)$", instance.log(), re.MULTILINE)


def test_run_prints_a_link_with_the_reading_key(instance, admin):
    assert link_of(instance)[1] == f"{admin.url}/#key={admin.key()}"
    assert admin.key("service_role") not in instance.log()


@pytest.mark.parametrize("how", ["journal", "setting"])
def test_a_log_gets_no_key(new_waybill, how):
    instance = new_waybill(admin={"print_link": how != "setting"})
    if how == "journal":
        instance.log_file.touch()
        file = instance.log_file.stat()
        instance.launcher = ["env", f"JOURNAL_STREAM={file.st_dev}:{file.st_ino}"]
    instance.start()
    admin = Admin(instance)
    assert eventually(lambda: link_of(instance))
    assert str(instance.state_dir / "keys" / "authenticated") in link_of(instance)[1]
    assert admin.key() not in instance.log()


# health


def test_ready_says_what_it_looked_at(admin):
    assert admin.ask("/healthz").json() == {"status": "ok"}
    answer = admin.ask("/readyz")
    assert answer.status == 200
    assert answer.json() == {
        "status": "ready",
        "store": {"ok": True, "message": ""},
        "delivery": {"state": "idle", "waiting": 0, "refused": 0, "message": ""},
        "stopping": False,
    }


@pytest.fixture
def disk(tmp_path):
    """A tmpfs of 2 MiB; needs the right to mount."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a small tmpfs")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_store_that_cannot_be_written_is_not_ready(disk, proxied):
    """Also when nobody calls; and it is ready again when the disk is."""
    instance = proxied(state_dir=str(disk / "var"))
    instance.state_dir = disk / "var"
    admin = Admin(instance.start())
    assert admin.ask("/readyz").status == 200
    with pytest.raises(OSError), open(disk / "filler", "wb") as filler:
        filler.write(b"x" * (4 << 20))

    def asked(status):
        answer = admin.ask("/readyz")
        return answer if answer.status == status else None

    answer = eventually(lambda: asked(503))
    assert answer and answer.json()["status"] == "unready"
    assert answer.json()["store"]["ok"] is False and answer.json()["store"]["message"]
    assert admin.ask("/healthz").status == 200
    assert "\nwaybill_store_ok 0\n" in admin.ask("/metrics").text
    (disk / "filler").unlink()
    assert eventually(lambda: asked(200))
    assert call(instance)[0].status == 200


def test_delivery_that_stands_is_told_and_is_not_ready_after_a_minute(
    proxied, server, table, long_run  # noqa: F811
):
    instance = proxied(database=table.url)
    admin = Admin(instance.start())
    assert call(instance)[0].status == 200
    assert eventually(lambda: table.count() == 1)
    assert eventually(lambda: delivery(admin)["state"] == "idle")
    server.stop("fast")
    assert call(instance)[0].status == 200
    assert eventually(lambda: delivery(admin)["waiting"] == 1)
    assert eventually(lambda: delivery(admin)["state"] == "failing")
    assert delivery(admin)["message"]
    assert table.url not in admin.ask("/readyz").text
    found = metrics(admin)
    assert found["waybill_delivery_state{state=failing}"] == 1
    assert found["waybill_outbox_waiting"] == 1
    assert admin.ask("/readyz").status == 200, "a restart of PostgreSQL is no reason yet"
    if long_run:
        assert eventually(lambda: admin.ask("/readyz").status == 503, 90, 1)
        assert metrics(admin)["waybill_delivery_stuck"] == 1
    server.start()
    assert eventually(lambda: table.count() == 2, 30)
    assert eventually(lambda: admin.ask("/readyz").status == 200)
    assert eventually(lambda: delivery(admin)["waiting"] == 0)
    assert delivery(admin)["message"] == ""


def delivery(admin):
    return admin.ask("/readyz").json()["delivery"]


# metrics


def metrics(admin):
    """name{labels} → value; fails where Prometheus' own parser does."""
    text = admin.ask("/metrics").text
    found, seen = {}, set()
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge"), family
        assert family.name not in seen, "each metric comes once"
        seen.add(family.name)
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def test_every_counter_is_a_metric_and_calls_add_up(instance, admin):
    table = (REPO / "base" / "counter.def").read_text()
    names = re.findall(r'^COUNTER\(\w+, "(\w+)"', table, re.MULTILINE)
    assert call(instance)[0].status == 200
    assert eventually(lambda: metrics(admin)["waybill_calls_in_flight"] == 0)
    found = metrics(admin)
    assert len(names) > 20 and all(f"waybill_{name}_total" in found for name in names)
    assert found["waybill_calls_begun_total"] == found["waybill_rows_stored_total"] >= 1
    assert found["waybill_store_ok"] == 1
    assert found["waybill_build_info{version=0.1.0}"] == 1
    states = {k: v for k, v in found.items() if k.startswith("waybill_delivery_state")}
    assert len(states) == 4 and sum(states.values()) == 1
    assert found["process_open_fds"] > 5
    assert found["process_resident_memory_bytes"] > 1 << 20


@pytest.fixture
def go_on(origin):
    """Calls of /slow wait for it."""
    event = threading.Event()

    def handler(request, connection):
        event.wait(20)
        return answer_ok(request, connection)

    origin.paths["/slow"] = handler
    yield event
    event.set()
    del origin.paths["/slow"]


def test_a_call_in_flight_is_counted_while_it_lasts(instance, admin, go_on):
    with Call(instance) as opened:
        opened.client.send(opened.request(target="/slow", body=b"{}"))
        assert eventually(lambda: metrics(admin)["waybill_calls_in_flight"] == 1)
        go_on.set()
        opened.client.read()
    assert eventually(lambda: metrics(admin)["waybill_calls_in_flight"] == 0)


# beside the proxy


def test_two_with_one_admin_port_both_relay_and_the_second_takes_over(proxied):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    listen = {"admin": {"listen": f"127.0.0.1:{port}"}}
    first = proxied(**listen).start()
    admin = Admin(first)
    second = proxied(**listen).start()
    second.wait_log(rf"no admin port, .*port {port} is in use.*`admin\.listen`")
    assert call(first)[0].status == call(second)[0].status == 200
    assert admin.ask("/session", key="authenticated").status == 200
    first.stop()
    other = Admin(second)
    assert other.port == port and other.ask("/session", key="authenticated").status == 200


@pytest.mark.threads
@pytest.mark.parametrize("when", ["from the start", "later"])
def test_without_descriptors_it_still_says_how_it_is(proxied, when):
    """64 of them and more clients than that. Later: the proxy has counted on more."""
    instance = proxied(workers=2)
    if when == "from the start":
        instance.launcher = ["prlimit", "--nofile=64:64"]
    admin = Admin(instance.start())
    if when == "later":
        resource.prlimit(instance.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    assert admin.ask("/healthz").status == 200
    crowd = []
    try:
        for _ in range(200):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", instance.port))
            crowd.append(sock)
        if when == "later":
            folder = f"/proc/{instance.process.pid}/fd"
            assert eventually(lambda: len(os.listdir(folder)) >= 64 - 8)
        for _ in range(10):
            assert admin.ask("/healthz").status == 200
            assert admin.ask("/readyz").status == 200
            assert metrics(admin)["waybill_store_ok"] == 1
    finally:
        for sock in crowd:
            sock.close()
    assert eventually(lambda: answered_call(instance))


def answered_call(instance):
    try:
        return call(instance)[0].status == 200
    except (AssertionError, OSError, http1.Cut):
        return False


@pytest.mark.threads
def test_a_crowd_is_served_and_a_stop_waits_for_nobody(proxied):
    instance = proxied().start()
    admin = Admin(instance)
    idle = [socket.create_connection(("127.0.0.1", admin.port)) for _ in range(100)]
    try:
        assert eventually(lambda: sum(map(is_closed, idle)) == 100 - 64)
        idle.pop(next(i for i, one in enumerate(idle) if not is_closed(one))).close()
        assert eventually(lambda: healthy(admin))
        instance.stop()
    finally:
        for sock in idle:
            sock.close()


@pytest.mark.threads
def test_a_stream_ends_with_the_program(new_waybill):
    instance = new_waybill().start()
    admin = Admin(instance)
    with socket.create_connection(("127.0.0.1", admin.port), timeout=20) as live:
        live.sendall(
            f"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:{admin.port}\r\n"
            f"apikey: {admin.key()}\r\n\r\n".encode()
        )
        assert live.recv(4096).startswith(b"HTTP/1.1 200 ")
        instance.stop()
        while live.recv(4096):
            pass


def is_closed(sock):
    """Has the peer said something, or ended? It says 503 to those it has no room for."""
    sock.setblocking(False)
    try:
        return sock.recv(4096, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def healthy(admin):
    try:
        return admin.ask("/healthz").status == 200
    except OSError:
        return False


def test_the_drain_is_not_ready_and_asks_no_more(proxied, go_on):
    instance = proxied().start()
    admin = Admin(instance)
    with Call(instance) as opened:
        opened.client.send(opened.request(target="/slow", body=b"{}"))
        assert eventually(lambda: metrics(admin)["waybill_calls_in_flight"] == 1)
        instance.process.terminate()
        instance.wait_log("stopping:")
        assert eventually(lambda: admin.ask("/readyz").status == 503)
        assert admin.ask("/readyz").json()["stopping"] is True
        assert admin.ask("/healthz").status == 200
        assert admin.ask("/api/setup", key="authenticated").status == 503
        go_on.set()
        assert opened.client.read().status == 200
    instance.stop()


# wider than this machine


def test_wider_takes_the_flag_and_names(tmp_path, new_waybill):
    refused = Waybill(tmp_path / "refused", admin={"listen": "0.0.0.0:0"})
    refused.spawn()
    assert refused.process.wait(20) == 2
    assert "admin.allow_remote" in refused.log()
    instance = new_waybill(
        admin={"listen": "0.0.0.0:0", "allow_remote": True, "hosts": ["waybill.example.test"]}
    ).start()
    admin = Admin(instance)
    instance.wait_log("admin.allow_remote is on")
    host = "waybill.example.test"
    assert admin.ask("/healthz", host=host).status == 200
    assert admin.ask("/healthz", host=host, headers={"Origin": f"https://{host}"}).status == 200
    session = admin.ask("/session", "POST", host=host, headers={"Origin": f"https://{host}"},
                        key="authenticated")
    assert session.headers["Set-Cookie"].endswith("; Secure")
    assert admin.ask("/healthz", host="other.example.test").status == 403
    assert link_of(instance)[1].startswith(f"http://127.0.0.1:{admin.port}/#key=")


# what it is called by


def test_setup_tells_how_to_point_a_service_here(instance, admin):
    found = admin.ask("/api/setup", key="authenticated").json()
    assert found["proxy"] == f"http://127.0.0.1:{instance.port}"
    assert found["ca"] == str(instance.root_pem.resolve())
    assert (found["version"], found["database"]) == ("0.1.0", "sqlite")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found["now"])


def test_coverage_tells_what_was_seen_and_by_whom(instance, admin):
    assert call(instance)[0].status == 200

    def seen():  # the counts are written every few seconds
        rows = admin.ask("/api/coverage", key="authenticated").json()
        return [row for row in rows if (row["kind"], row["host"]) == ("recorded", HOST)]

    (row,) = eventually(seen)
    assert set(row) == {"kind", "host", "client", "count", "first_seen", "last_seen"}
    assert row["client"] == "127.0.0.1" and row["count"] >= 1
    assert row["first_seen"] <= row["last_seen"]
