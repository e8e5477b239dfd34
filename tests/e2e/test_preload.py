# SPDX-License-Identifier: MIT
"""clients/node/preload.cjs: which calls it leads to the proxy, and that it changes nothing else.

What the libraries make of it is in test_clients_node.py.
"""

import re
import socket
import subprocess
import threading
import time

import pytest

from lib import place
from lib.waybill import REPO, binary, environment
from test_clients_node import FOLDER, node

PRELOAD = REPO / "clients" / "node" / "preload.cjs"
RESEND = "https://api.resend.com/emails"


def echo(request, connection):
    connection.answer(body=request.read_body())


@pytest.fixture(scope="module")
def live(module_waybill, origin):
    origin.on("/emails/echo", echo)
    return module_waybill(connect_to=place.everywhere(origin)).start()


class Program:
    """One case of preload_cases.mjs, run."""

    def __init__(self, major, case, *args, waybill=None, origin=None, **extra):
        env = {**environment(), **{k: str(v) for k, v in extra.items()}}
        options = f"--require={FOLDER / 'redirect.cjs'}" if origin else ""
        if origin:
            env["TEST_ORIGIN"] = str(origin.port)
        command = [node(major), str(FOLDER / "preload_cases.mjs"), case, *args]
        if waybill:
            command = [str(binary()), "exec", "--config", str(waybill.config_file), "--", *command]
        else:
            options += f" --require={PRELOAD}"
        env["NODE_OPTIONS"] = options
        began = time.monotonic()
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=90, check=False)
        self.seconds = time.monotonic() - began
        self.out, self.err, self.code = done.stdout.strip(), done.stderr, done.returncode


@pytest.mark.parametrize("case,wanted,rows,major", [
    ("imported", "200", 1, 20),
    ("worker", "200", 1, 20),
    ("worker", "200", 1, 24),
    ("child", "200", 1, 20),
    ("twice", "true", 0, 20),
    ("sessions", "[false,true]", 2, 20),
    ("sessions", "[false,true]", 2, 24),
    ("idle", "true", 3, 20),
    ("idle", "true", 3, 22),
    ("idle", "true", 3, 24),
    ("own-agent", "OWN: mine", 0, 20),
])
def test_what_programs_do(live, case, wanted, rows, major):
    before = live.count()
    run = Program(major, case, waybill=live)
    assert (run.out, run.err, run.code) == (wanted, "", 0)
    assert live.count() - before == rows


def test_many_at_a_time(live):
    before = live.count()
    assert Program(20, "parallel", waybill=live).out == "true"
    assert live.count() - before == 100


def test_big_bodies(live):
    assert Program(20, "big", waybill=live).out == "true"


@pytest.mark.parametrize("case,major,url,extra", [
    ("https", 20, "https://unrouted.example.test/", {}),
    ("fetch", 22, "https://unrouted.example.test/", {}),
    ("fetch", 20, RESEND, {"NO_PROXY": "other.test,api.resend.com"}),
    ("https", 20, RESEND, {"no_proxy": ".resend.com"}),
    ("https", 20, RESEND, {"NO_PROXY": "*.resend.com:443"}),
    ("https", 20, RESEND, {"NO_PROXY": "*"}),
    ("fetch", 24, RESEND, {"NO_PROXY": "*"}),
    ("https", 20, "https://localhost/", {}),
    ("fetch", 20, "https://127.0.0.1/", {}),
], ids=lambda value: str(value))
def test_others_are_left_alone(live, origin, authority, case, major, url, extra):
    """A host without a route, one of NO_PROXY and loopback go where they would have gone."""
    before, seen = live.count(), len(origin.connections) + len(origin.handshake_errors)
    run = Program(major, case, url, waybill=live, origin=origin, TEST_CA=authority.ca_file, **extra)
    assert "api.resend.com" not in url or run.out == "200", run.err
    assert live.count() == before and "waybill" not in run.out
    assert origin.wait_for(lambda: len(origin.connections) + len(origin.handshake_errors) > seen)


def test_plain_http_is_left_alone(live, origin):
    before = live.count()
    run = Program(20, "http", f"http://127.0.0.1:{origin.port}/x", waybill=live)
    assert (run.out, run.err, live.count()) == ("200", "", before)


class Peer:
    """A stand-in for a proxy that does one thing with each connection."""

    def __init__(self, act):
        self.act = act
        self.heads = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock:
            try:
                self.heads.append(sock.recv(65536).decode())
                self.act(sock)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def refuse(sock):
    body = b'{"error":{"code":"X","message":"come back later"}}'
    sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\n\r\n" % len(body))
    sock.sendall(body)
    sock.recv(1)


def never_ends(sock):
    while True:
        sock.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 60000)


def say_nothing(sock):
    sock.recv(1)


@pytest.mark.parametrize("case", ["https", "fetch"])
@pytest.mark.parametrize("act,wanted", [
    (refuse, "EPROXYCONNECT: .*{url} refused CONNECT to api.resend.com:443: "
             "HTTP/1.1 503 Service Unavailable: come back later"),
    (lambda sock: None, "ECONNRESET: cannot reach the proxy waybill at {url} .* without an answer"),
    (lambda sock: sock.sendall(b"SSH-2.0-x\r\n\r\n"), "EPROXYCONNECT: .*: SSH-2.0-x"),
    (never_ends, "EPROXYCONNECT: .* an answer without end"),
], ids=["refuses", "closes", "speaks another protocol", "never ends"])
def test_a_proxy_that_does_not_serve(case, act, wanted):
    """The error names the proxy, without its credentials, and comes once, not after a timeout."""
    with Peer(act) as peer:
        url = peer.url.replace("//", "//user:s3cret@")
        run = Program(20, case, RESEND, WAYBILL_PROXY=url, WAYBILL_HOSTS="api.resend.com")
        assert re.search(wanted.replace("{url}", re.escape(peer.url)), run.out), run.out
        assert "s3cret" not in run.out + run.err
        assert len(peer.heads) == 1
        assert "Proxy-Authorization: Basic dXNlcjpzM2NyZXQ=\r\n" in peer.heads[0]
        assert run.seconds < 20


@pytest.mark.parametrize("case,wanted", [
    ("timeout", "timed out"), ("abort", "aborted"), ("fetch-abort", "aborted due to timeout"),
])
def test_limits_of_the_program_hold(case, wanted):
    """A proxy that never answers does not outlast the program's own timeout."""
    with Peer(say_nothing) as peer:
        run = Program(20, case, WAYBILL_PROXY=peer.url, WAYBILL_HOSTS="api.resend.com")
        assert wanted in run.out
        assert run.seconds < 20


def test_credentials_are_decoded(new_waybill, origin):
    waybill = new_waybill(connect_to=place.everywhere(origin),
                          access={"credentials": {"us er": "p@ss:%/"}}).start()
    assert Program(20, "fetch", RESEND, waybill=waybill).out == "200"
    wrong = f"http://us%20er:wrong@127.0.0.1:{waybill.port}"
    run = Program(20, "fetch", RESEND, WAYBILL_PROXY=wrong, WAYBILL_HOSTS="api.resend.com")
    assert f"http://127.0.0.1:{waybill.port} refused CONNECT to api.resend.com:443: HTTP/1.1 407" in run.out


@pytest.mark.parametrize("proxy", ["nonsense", "https://127.0.0.1:1", "http://%ff@x:1"])
def test_what_it_cannot_use_leaves_the_program_as_it_was(origin, authority, proxy):
    run = Program(20, "fetch", RESEND, origin=origin, TEST_CA=authority.ca_file, WAYBILL_PROXY=proxy,
                  WAYBILL_HOSTS="api.resend.com")
    assert run.out == "200" and run.code == 0
    assert "preload.cjs is not active" in run.err


def test_without_a_proxy_it_does_nothing(origin, authority):
    run = Program(20, "fetch", RESEND, origin=origin, TEST_CA=authority.ca_file)
    assert (run.out, run.err) == ("200", "")


@pytest.mark.parametrize("major", (22, 24))
def test_beside_nodes_own_way(live, major):
    """NODE_USE_ENV_PROXY in the caller's environment: a call is still one call."""
    before = live.count()
    for case in ("https", "fetch"):
        run = Program(major, case, RESEND, waybill=live, NODE_USE_ENV_PROXY="1", NODE_NO_WARNINGS="1")
        assert (run.out, run.err) == ("200", "")
    assert live.count() - before == 2
