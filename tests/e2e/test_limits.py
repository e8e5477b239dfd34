# SPDX-License-Identifier: MIT
"""What hostile or broken peers can take: time, descriptors, memory, processor time."""

import gzip
import json
import resource
import select
import socket
import subprocess
import threading
import time

import brotli
import pytest

from lib import client, http1
from lib.place import HOST, Call, answered, call, everywhere, own_answer
from lib.stream import read_all
from lib.upstream import CLOSE, KEEP, answer_raw
from lib.waybill import eventually

MIB = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def descriptors():
    """The clients of these tests are many."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def new_proxy(new_waybill, origin):
    def make(limits=None, **config):
        config.setdefault("access", {})["connect_ports"] = [80, 443]
        return new_waybill(connect_to=everywhere(origin), limits=limits or {}, **config)

    return make


def settle(instance, quiet=0.5):
    """Waits until it does nothing any more (at most 20 s)."""
    end = time.monotonic() + 20
    used = instance.cpu_seconds()
    while time.monotonic() < end:
        time.sleep(quiet)
        now = instance.cpu_seconds()
        if now - used < 0.1 * quiet:
            return
        used = now


def latencies(instance, count):
    """Seconds of so many whole calls, sorted; each must succeed."""
    found = []
    for _ in range(count):
        begun = time.monotonic()
        with Call(instance) as one:
            assert one.ask(body=b"{}").status == 200
        found.append(time.monotonic() - begun)
    return sorted(found)


# time


def slow_bytes(number):
    """What a slow client sends, a byte at a time: a head, or CONNECT and a ClientHello."""
    if number % 2:
        return b"POST http://api.resend.com/emails HTTP/1.1\r\nHost: api.resend.com\r\nX-A: b\r\n"
    return b"GET http://api.resend.com/" + b"a" * 1000


def drip(sockets, stop, every=0.25):
    """Sends one more byte on each now and then."""
    position = 0
    while not stop.is_set():
        for number, sock in enumerate(sockets):
            data = slow_bytes(number)
            try:
                sock.send(data[position % len(data) : position % len(data) + 1])
            except OSError:
                pass
        position += 1
        stop.wait(every)


@pytest.mark.alone
def test_a_thousand_slow_clients_change_nothing_for_the_others(new_proxy):
    instance = new_proxy({"head_timeout": "3s"}).start()
    before = latencies(instance, 50)
    slow = [socket.create_connection(("127.0.0.1", instance.port)) for _ in range(1000)]
    stop = threading.Event()
    dripping = threading.Thread(target=drip, args=(slow, stop), daemon=True)
    dripping.start()
    during = latencies(instance, 50)
    print(
        f"p50 {before[25] * 1e3:.1f} → {during[25] * 1e3:.1f} ms, "
        f"p98 {before[48] * 1e3:.1f} → {during[48] * 1e3:.1f} ms"
    )
    assert during[48] < max(0.5, 10 * before[48])
    ended = 0
    for sock in slow:
        sock.settimeout(20)
        try:
            ended += sock.recv(65536).startswith(b"HTTP/1.1 408")
        except ConnectionResetError:
            ended += 1
    stop.set()
    dripping.join()
    assert ended == len(slow)
    for sock in slow:
        sock.close()


def test_a_head_that_does_not_end_is_answered_408(new_proxy):
    instance = new_proxy({"head_timeout": "500ms"}).start()
    with client.plain(instance.port) as opened:
        opened.send(b"GET http://api.resend.com/ HTTP/1.1\r\nHost: ")
        own_answer(opened.read(), "REQUEST_TIMEOUT")
        assert opened.at_end()


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_tunnel_in_which_no_handshake_comes_is_closed(new_proxy, first):
    instance = new_proxy({"handshake_timeout": "500ms", "idle_timeout": "500ms"}).start()
    opened, answer = client.connect(instance.port, f"{HOST}:443")
    with opened:
        assert answer.status == 200
        opened.send(first)
        assert opened.at_end()
    assert instance.count() == 0


def test_an_idle_connection_is_closed(new_proxy):
    instance = new_proxy({"idle_timeout": "500ms"}).start()
    with Call(instance) as one:
        assert one.ask(body=b"{}").status == 200
        assert one.client.at_end()


def upload_slowly(instance, pieces, size, every):
    """A request whose body comes in pieces; what is read in the end."""
    with Call(instance) as one:
        fields = [("Content-Length", str(pieces * size))]
        one.client.send(one.request(target="/slow-up", fields=fields))
        try:
            for _ in range(pieces):
                one.client.send(b"z" * size)
                time.sleep(every)
            return one.client.read(), one.row()
        except (OSError, http1.Cut):
            return None, one.row()


def test_a_body_that_hardly_comes_is_given_up(new_proxy):
    instance = new_proxy({"body_progress": "1KiB", "body_window": "500ms"}).start()
    begun = time.monotonic()
    answer, row = upload_slowly(instance, 100, 10, 0.05)
    assert answer is None
    assert time.monotonic() - begun < 3
    assert row["error_code"] == "CLIENT_ABORTED"
    assert "limits.body_progress" in row["error_message"]


def test_a_body_that_comes_fast_enough_is_not(new_proxy):
    instance = new_proxy({"body_progress": "1KiB", "body_window": "500ms"}).start()
    answer, row = upload_slowly(instance, 20, 1024, 0.1)
    assert answer.status == 200
    assert row["status"] == "success"


def test_an_api_that_is_slow_to_take_a_body_is_no_fault_of_the_client(new_proxy, origin):
    """The client has sent nothing for a while, because nobody took it."""

    def take_late(request, connection):
        time.sleep(2)
        request.read_body()
        connection.answer(body=b"{}")
        return KEEP

    origin.on("/takes-late", take_late)
    instance = new_proxy({"body_progress": "1KiB", "body_window": "300ms"}).start()
    answer, row = call(instance, target="/takes-late", body=b"z" * (24 * MIB))
    assert answer.status == 200
    assert row["status"] == "success"


def test_a_client_that_takes_nothing_of_its_answer_is_cut(new_proxy, origin):
    origin.on("/big", answer_raw(answered(b"z" * (64 * MIB)), CLOSE))
    instance = new_proxy({"body_progress": "1KiB", "body_window": "500ms"}).start()
    with Call(instance) as one:
        one.client.send(one.request(target="/big", body=b"{}"))
        row = one.row()
        assert row["error_code"] == "CLIENT_ABORTED"
        assert "limits.body_progress" in row["error_message"]
        with pytest.raises((OSError, http1.Cut)):
            one.client.read()


def test_a_client_that_thinks_before_it_reads_on_gets_all(new_proxy, origin):
    """What is left of an answer is never forgotten, however the reads and pauses fall."""
    body = bytes(range(256)) * 32768
    origin.on("/pauses", answer_raw(answered(body)))
    instance = new_proxy({"buffer": "64KiB"}).start()
    for pause in (0.0, 0.3, 0.6):
        with Call(instance) as one:
            one.client.send(one.request(target="/pauses", body=b"{}"))
            time.sleep(pause)
            assert bytes(one.client.read().body) == body


# what a head may be


def head_of(line=0, total=0, fields=0):
    """A request whose first line, or all of whose head, has so many bytes; or so many fields."""
    start = "GET http://api.resend.com/"
    target = "x" * max(0, line - len(start + " HTTP/1.1"))
    head = f"{start}{target} HTTP/1.1\r\nHost: api.resend.com\r\n"
    head += "".join(f"F{i}: v\r\n" for i in range(fields - 1))
    pad = total - len(head) - len("Pad: \r\n\r\n")
    if pad >= 0:
        head += "Pad: " + "p" * pad + "\r\n"
    return (head + "\r\n").encode()


def test_heads_up_to_their_limits_pass_and_no_more(new_proxy):
    limits = {"head": "4KiB", "request_line": "1KiB", "fields": 20}
    instance = new_proxy(limits).start()
    cases = [
        (head_of(line=1024), 200),
        (head_of(line=1025), 414),
        (head_of(total=4096), 200),
        (head_of(total=4097), 431),
        (head_of(fields=20), 200),
        (head_of(fields=21), 431),
    ]
    for data, status in cases:
        with client.plain(instance.port) as opened:
            assert opened.ask(data).status == status, data[:80]


def test_heads_may_be_longer_than_http_parser_has_it(new_proxy):
    instance = new_proxy({"head": "512KiB", "request_line": "100KiB"}).start()
    with client.plain(instance.port) as opened:
        assert opened.ask(head_of(line=100 * 1024)).status == 200
        assert opened.ask(head_of(total=300 * 1024)).status == 200


# descriptors


def test_connections_past_the_limit_get_503(new_proxy):
    instance = new_proxy({"connections": 5}, workers=2).start()
    held = []
    for _ in range(5):
        held.append(client.plain(instance.port))
        held[-1].send(b"GET ")
    time.sleep(0.2)
    with client.plain(instance.port) as opened:
        own_answer(opened.ask(client.request()), "TOO_MANY_CONNECTIONS")
    held.pop().close()
    assert eventually(lambda: len(latencies_or_none(instance)) == 1)
    for one in held:
        one.close()


def latencies_or_none(instance):
    try:
        return latencies(instance, 1)
    except (AssertionError, OSError, http1.Cut):
        return []


def crowd(port, count):
    """Connections that are there and ask for nothing; some may be refused."""
    found = []
    for _ in range(count):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        found.append(sock)
    return found


@pytest.mark.parametrize("when", ["from the start", "later"])
def test_without_descriptors_it_neither_spins_nor_dies(new_proxy, when):
    """64 of them and 500 clients. Later: it has counted on more."""
    instance = new_proxy(workers=2)
    if when == "from the start":
        instance.launcher = ["prlimit", "--nofile=64:64"]
    instance.start()
    assert len(latencies(instance, 3)) == 3
    if when == "later":
        resource.prlimit(instance.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    clients = crowd(instance.port, 500)
    time.sleep(1)
    used = instance.cpu_seconds()
    time.sleep(3)
    share = (instance.cpu_seconds() - used) / 3
    print(f"{share:.1%} of a core while 500 clients wait")
    assert share < 0.2
    for sock in clients:
        sock.close()
    assert eventually(lambda: len(latencies_or_none(instance)) == 1)
    assert len(latencies(instance, 10)) == 10


def test_idle_connections_to_apis_give_way_to_new_ones(new_proxy):
    """No descriptor is left because the pool has them all: a call goes through nevertheless."""
    instance = new_proxy(workers=1).start()
    opened = [Call(instance) for _ in range(12)]
    for one in opened:
        one.client.send(one.request(target="/pool", body=b"{}"))
    for one in opened:
        assert one.client.read().status == 200
        one.close()
    pid = instance.process.pid
    in_use = len(subprocess.run(["ls", f"/proc/{pid}/fd"], stdout=subprocess.PIPE).stdout.split())
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use + 2, in_use + 2))
    with client.tunnel(instance.port, "api.mobizon.kz:443", instance.root_pem) as other:
        assert other.ask(client.request(host="api.mobizon.kz", body=b"{}")).status == 200


# memory


def push(clients, size, quiet=1.0):
    """Sends up to size bytes on each as fast as they are taken, until nothing moves any more."""
    data = bytes(65536)
    left = {one.fileno(): [one, size] for one in clients}
    poll = select.poll()
    for number in left:
        poll.register(number, select.POLLOUT)
    while left:
        ready = poll.poll(quiet * 1000)
        if not ready:
            return sum(size - item[1] for item in left.values())
        for number, _ in ready:
            item = left[number]
            try:
                item[1] -= item[0].send(data[: item[1]])
            except BlockingIOError:
                continue
            except OSError:
                item[1] = 0
            if item[1] == 0:
                poll.unregister(number)
                del left[number]
    return 0


def bound_kib(memory_mib, connections, sanitized):
    """limits.memory and a quarter, and 64 KiB a connection; a sanitizer takes its own on top."""
    return (memory_mib * 1280 + connections * 64) * (3 if sanitized else 1)


def never(stop):
    """A handler that neither reads nor answers until stop is set."""

    def handler(request, connection):
        stop.wait()
        return CLOSE

    return handler


@pytest.mark.alone
def test_a_hundred_stalled_uploads_stay_within_the_bound(new_proxy, origin, sanitized):
    stop = threading.Event()
    origin.on("/stalls", never(stop))
    instance = new_proxy({"memory": "32MiB"}).start()
    assert len(latencies(instance, 3)) == 3
    idle = instance.rss_kib()
    head = client.request(
        target="http://api.resend.com/stalls", fields=[("Content-Length", str(100 * MIB))]
    )
    sockets = []
    for _ in range(100):
        sock = socket.create_connection(("127.0.0.1", instance.port))
        sock.sendall(head)
        sock.setblocking(False)
        sockets.append(sock)
    waiting = push(sockets, 100 * MIB)
    settle(instance)
    grown = instance.rss_kib() - idle
    print(f"idle {idle} KiB, 100 stalled uploads ({waiting // MIB} MiB sent): +{grown} KiB")
    assert waiting < 100 * 100 * MIB
    assert grown < bound_kib(32, 100, sanitized)
    # those that move are served as before
    assert latencies(instance, 20)[-1] < 1
    big = b"b" * (2 * MIB)
    with Call(instance) as one:
        assert one.ask(target="/moves", body=big).status == 200
    assert bytes(origin.seen("/moves")[-1].body) == big
    for sock in sockets:
        sock.close()
    stop.set()
    instance.wait_rows(100, "status = 'failed'")


@pytest.mark.alone
def test_a_hundred_slow_readers_stay_within_the_bound(new_proxy, origin, sanitized):
    def flood(request, connection):
        connection.send(answered(b"", fields=[("X-Big", "1")])[:-2].replace(b": 0", b": 104857600"))
        connection.send(b"\r\n")
        for _ in range(1600):
            connection.send(bytes(65536))
        return CLOSE

    origin.on("/flood", flood)
    instance = new_proxy({"memory": "32MiB"}).start()
    assert len(latencies(instance, 3)) == 3
    idle = instance.rss_kib()
    opened = [client.plain(instance.port) for _ in range(100)]
    for one in opened:
        one.send(client.request("GET", "http://api.resend.com/flood"))
    settle(instance)
    grown = instance.rss_kib() - idle
    print(f"idle {idle} KiB, 100 slow readers of 100 MiB: +{grown} KiB")
    assert grown < bound_kib(32, 100, sanitized)
    assert latencies(instance, 20)[-1] < 1
    assert len(opened[0].read().body) == 100 * MIB  # late, but whole
    for one in opened:
        one.close()
    instance.wait_rows(99, "error_code = 'CLIENT_ABORTED'")


def test_bodies_give_way_to_traffic_when_memory_is_short(new_proxy, origin):
    """Kept parts of bodies in flight are bounded too; what is short is kept all the same."""
    stop = threading.Event()
    origin.on("/keeps", never(stop))
    instance = new_proxy({"memory": "2MiB"}, workers=1).start()
    held = [Call(instance) for _ in range(8)]
    for one in held:
        fields = [("Content-Length", str(4 * MIB))]
        one.client.send(one.request(target="/keeps", fields=fields) + b"k" * 700000)
    answer, row = call(instance, target="/short", body=b'{"kept":true}')
    assert answer.status == 200
    assert json.loads(row["request_payload"]) == {"kept": True}
    answer, row = call(instance, target="/long", body=json.dumps("l" * 500000).encode())
    assert answer.status == 200
    assert len(origin.seen("/long")[0].body) == 500002
    assert row["status"] == "success"
    stop.set()
    for one in held:
        one.close()


# bombs


def bombs():
    deep = b"[" * 500000 + b"]" * 500000
    wide = b"{" + b",".join(b'"k%d":0' % i for i in range(90000)) + b"}"
    return {
        "gzip": (gzip.compress(bytes(200 * MIB)), "gzip"),
        "gzip of json": (gzip.compress(b'{"a":"' + b"a" * (100 * MIB) + b'"}'), "gzip"),
        "brotli": (brotli.compress(bytes(200 * MIB), quality=3), "br"),
        "gzip in gzip": (gzip.compress(gzip.compress(bytes(100 * MIB))), "gzip, gzip"),
        "deep json": (deep, None),
        "half of deep json": (b"[" * 1000000, None),
        "deep objects": (b'{"a":' * 150000 + b"1" + b"}" * 150000, None),
        "many keys": (wide, None),
        "one number": (b"[" + b"1" * 900000 + b"]", None),
        "escapes": (b'"' + b"\\u0000" * 160000 + b'"', None),
        "strings of json in json": (json.dumps(json.dumps(json.dumps(["\\" * 30000]))).encode(), None),
    }


BOMBS = bombs()


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_pass_untouched_and_cost_little(new_proxy, origin, name, sanitized):
    body, coding = BOMBS[name]
    path = "/bomb/" + name.replace(" ", "-")
    fields = [("Content-Encoding", coding)] if coding else []
    origin.on(path, answer_raw(answered(body, fields=fields)))
    instance = new_proxy().start()
    call(instance, body=b"{}")
    idle, used = instance.rss_kib(), instance.cpu_seconds()
    answer, row = call(instance, target=path, body=b"{}")
    assert bytes(answer.body) == body
    assert row["status"] == "success"
    if row["response_payload"] is not None:
        json.loads(row["response_payload"])
    settle(instance, 0.2)
    seconds = instance.cpu_seconds() - used
    grown = instance.rss_kib() - idle
    print(f"{name}: {len(body)} bytes, {seconds * 1000:.0f} ms of processor, +{grown} KiB")
    assert seconds < (3.0 if sanitized else 0.5)
    assert grown < (192 if sanitized else 48) * 1024


# peers that are gone


def timers(local, remote_or_none):
    """The timers of the connections from a local port, as ss(8) has them."""
    listed = subprocess.run(["ss", "-tnoH"], stdout=subprocess.PIPE, check=True)
    found = []
    for line in listed.stdout.decode().splitlines():
        words = line.split()
        here, there = words[3].rsplit(":", 1)[1], words[4].rsplit(":", 1)[1]
        if here == str(local) or there == str(remote_or_none):
            found.append(line)
    return found


def test_both_legs_of_a_long_poll_are_watched_by_keep_alive(new_proxy, origin):
    """A probe after 30 s of silence, then every 10 s, five of them: gone for sure after 80 s."""
    stop = threading.Event()
    origin.on("/bot1:a/getUpdates", never(stop))
    instance = new_proxy(workers=1).start()
    with Call(instance, "api.telegram.org") as one:
        one.client.send(one.request(method="GET", target="/bot1:a/getUpdates?timeout=50"))
        assert eventually(lambda: origin.seen("/bot1:a/getUpdates"))
        mine = one.client.stream.sock.getsockname()[1]

        def both():
            lines = timers(instance.port, None) + timers(None, origin.port)
            client_leg = [x for x in lines if f":{mine} " in x and f":{instance.port} " in x]
            api_leg = [x for x in lines if x.split()[4].endswith(f":{origin.port}")]
            return all(
                any("timer:(keepalive" in line for line in leg) for leg in (client_leg, api_leg)
            )

        assert eventually(both), timers(instance.port, origin.port)
        stop.set()


def test_read_all_is_bounded_by_the_linger(new_proxy):
    """A client that goes on sending after a refusal is not listened to for ever."""
    instance = new_proxy().start()
    with client.plain(instance.port, timeout=30) as opened:
        opened.send(b"NOT HTTP\r\n\r\n")
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 20:
                opened.stream.sendall(b"z" * 65536)
                time.sleep(0.01)
        except OSError:
            pass
        assert time.monotonic() - begun < 15
        read_all(opened.stream)
