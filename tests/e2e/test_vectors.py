# SPDX-License-Identifier: MIT
"""Every wire vector, in clear and inside the intercepted TLS, whole and byte by byte.

A vector's verdict is checked as the note of http.json words it, and after each one: the rows are
the messages that the origin saw; at the end: nothing smuggled arrived, nobody read poison.
"""

import ssl

import pytest

from lib import client, http1, vectors
from lib.stream import read_all, send_slowly
from lib.upstream import CLOSE, KEEP, RESET, Origin
from lib.waybill import SHARED, eventually

HOST = "api.resend.com"
PATIENCE = 5  # seconds a read of the client may take: a proxy that hangs is a failed vector


def pytest_generate_tests(metafunc):
    egress = metafunc.config.getoption("--egress")
    loaded = vectors.load(SHARED)
    for side in ("request", "response"):
        if f"{side}_case" in metafunc.fixturenames:
            chosen = vectors.cases([v for v in loaded if v["side"] == side], egress)
            metafunc.parametrize(f"{side}_case", chosen, ids=[case[0] for case in chosen])


class Bench:
    """The origin, the proxy, and the books kept over all vectors."""

    def __init__(self, context, module_waybill):
        self.answer, self.slowly, self.end = None, False, KEEP
        self.origin = Origin(context, self.handle)
        port = self.origin.port
        self.authority = f"{HOST}:{port}"
        self.proxy = module_waybill(
            connect_to={self.authority: self.origin.address},
            access={"connect_ports": [443, port]},
            upstream={"response_timeout": "3s"},
            workers=1,
        ).start()
        self.poisoned = []

    def handle(self, request, connection):
        if self.answer is None or request.target.endswith("/after"):
            return self.polite(request, connection)
        request.read_body()
        if self.slowly:
            connection.send_slowly(self.answer)
        else:
            connection.send(self.answer)
        return self.end

    def polite(self, request, connection):
        if (request.get("expect") or "").lower() == "100-continue":
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.read_body()
        body = b"" if request.method == "HEAD" else b"ok"
        connection.answer(fields=[("Content-Length", "2")], body=body)
        return KEEP

    def open(self, form):
        """A client in the form of the vector; its reads are bounded."""
        if form == "plain":
            return client.plain(self.proxy.port, PATIENCE)
        opened = client.tunnel(self.proxy.port, self.authority, self.proxy.root_pem)
        opened.stream.sock.settimeout(PATIENCE)
        return opened

    def fence(self):
        """One more call: with one worker and one recorder, what began before is a row now."""
        base = f"http://{self.authority}"
        entity = client.new_entity()
        with self.open("plain") as opened:
            message = client.request("GET", f"{base}/fence/after", self.authority, entity=entity)
            assert opened.ask(message).status == 200
        self.proxy.row(entity)

    def requests(self):
        """What the origin has seen, fences apart."""
        return [r for r in list(self.origin.requests) if r.target != "/fence/after"]

    def rows(self):
        return self.proxy.rows("related_entity_id is null")

    def settle(self, seen, cut=False):
        """Requests and rows since the mark, all of them there."""
        self.fence()
        if cut:  # the head of a request cut short can be on its way to the origin still
            eventually(lambda: len(self.requests()) - seen[0] >= len(self.rows()) - seen[1], 0.1)
        return self.requests()[seen[0] :], self.rows()[seen[1] :]

    def mark(self):
        return len(self.requests()), len(self.rows())


@pytest.fixture(scope="module")
def bench(server_context, module_waybill):
    instance = Bench(server_context, module_waybill)
    yield instance
    instance.origin.stop()


def deliver(opened, raw, mode, eof):
    """Sends a vector's bytes and ends the sending as it says."""
    try:
        if mode == "whole":
            opened.stream.sendall(raw)
        elif send_slowly(opened.stream, raw) < len(raw):
            return
        if eof == "half":
            opened.stream.half_close()
        elif eof == "close":
            opened.stream.close()
        elif eof == "reset":
            opened.stream.reset()
    except (OSError, ssl.SSLError):
        pass  # the proxy has refused and closed already


def read_answers(opened, methods):
    """Final answers until the connection closes or is quiet after len(methods) of them."""
    answers = []
    try:
        for method in methods:
            answers.append(http1.read_response(opened.reader, method))
    except http1.Cut:
        pass
    except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
        pass
    return answers


def closes(opened):
    """Whether the proxy closes now; anything that it still says is kept."""
    try:
        data = read_all(opened.stream)
    except TimeoutError:
        return False
    except (OSError, ssl.SSLError):
        return True
    opened.reader.buffer += data
    opened.reader.seen += data
    return True


def complete(requests):
    return [r for r in requests if r.complete]


def check_conditions(expect, arrived, authority):
    """What a forwarded message must look like at the origin."""
    count = expect.get("count", 1)
    assert len(complete(arrived)) == len(arrived) == count
    first = arrived[0]
    if "method" in expect:
        assert first.method == expect["method"]
    if "body" in expect:
        assert bytes(first.body) == vectors.expand(expect["body"], authority, "tunnel")
    for name in expect.get("absent", []):
        assert not first.has(name), name
    for name, value in expect.get("equal", {}).items():
        assert first.get(name) == vectors.expand(value, authority, "tunnel").decode("latin-1")
    assert first.target.startswith("/"), "what is forwarded is origin-form"


def check_refusal(opened, answers, statuses, served=0):
    """Exactly one refusal after what was served, then a close."""
    final = answers[served:]
    assert len(final) == 1, [a.start for a in answers]
    assert final[0].status in statuses, final[0].raw_head
    assert closes(opened), "the connection stays open after a refusal"
    assert not opened.reader.buffer, bytes(opened.reader.buffer[:200])


def methods_of(raw, count):
    """The methods of pipelined requests, as far as HEAD matters."""
    method = raw.lstrip(b"\r\n").split(b" ")[0].decode("latin-1")
    return [method] * count


def test_request_vector(request_case, bench):
    _, vector, form, mode = request_case
    expect = vector["expect"]
    verdict, statuses = expect["verdict"], expect.get("status", [400])
    raw = vectors.expand(vector["raw"], bench.authority, form)
    bench.answer = None
    seen = bench.mark()
    count = expect.get("count", 1)
    refusable = verdict in ("reject", "answer", "ok-or-reject", "after") or expect.get("or_reject")
    with bench.open(form) as opened:
        deliver(opened, raw, mode, vector.get("eof", "open"))
        answers = read_answers(opened, methods_of(raw, count + (verdict == "after")))
        refused = bool(answers) and answers[-1].has("X-Waybill-Error")
        if verdict == "reject" or (refused and refusable and verdict not in ("answer", "after")):
            check_refusal(opened, answers, statuses)
        elif verdict == "answer":
            assert len(answers) == 1 and answers[0].status in statuses
        elif verdict == "after":
            check_refusal(opened, answers, statuses, served=count)
        elif verdict == "close":
            assert closes(opened)
        elif verdict == "abort":
            assert not answers or answers[0].status in statuses, answers[0].raw_head
            assert closes(opened)
        else:
            assert verdict in ("ok", "normalise", "ok-or-reject"), verdict
            assert [a.status for a in answers] == [200] * count
            if expect.get("close"):
                assert closes(opened)

    arrived, rows = bench.settle(seen, cut=verdict == "abort")
    served = {"after": count, "reject": 0, "answer": 0, "close": 0, "abort": 0}.get(verdict)
    if refused and verdict != "after":
        served = 0
    if served is None:
        check_conditions(expect, arrived, bench.authority)
    elif verdict == "abort":
        assert complete(arrived) == []
        assert all(r.connection.closed.wait(PATIENCE) for r in arrived)
    else:
        assert len(arrived) == served
    check_rows(arrived, rows)
    assert not any("/smuggled" in r.target for r in arrived)


def check_rows(arrived, rows):
    """One row for each message the origin saw; a refused one may have its own refusal row."""
    refusals = [r for r in rows if r["error_code"] in ("CLIENT_PROTOCOL", "CLIENT_ABORTED")]
    assert len(rows) - len(refusals) == len(complete(arrived)), rows
    assert len(refusals) <= 1, rows


def read_one(opened, method):
    """The client's view of the answer: (response or None, whether it is complete)."""
    try:
        return http1.read_response(opened.reader, method), True
    except http1.Cut as cut:
        return cut.message, False
    except (ConnectionResetError, ssl.SSLError):
        return None, False


def check_client(wanted, answer, whole, raw):
    """The client conditions of a response vector."""
    assert answer is not None and answer.status in wanted["status"], raw[:300]
    if "body" in wanted:
        assert bytes(answer.body) == wanted["body"].encode("latin-1")
    if wanted.get("complete"):
        assert whole
    for name in wanted.get("absent", []):
        assert not answer.has(name), name
    for text in wanted.get("nobytes", []):
        assert text.encode("latin-1") not in raw


def test_response_vector(response_case, bench):
    name, vector, form, mode = response_case
    expect = vector["expect"]
    verdict = expect["verdict"]
    bench.answer = vectors.expand(vector["raw"], bench.authority, form)
    bench.slowly = mode == "bytes" and len(bench.answer) < 100000
    bench.end = {"open": KEEP, "close": CLOSE, "reset": RESET}[vector.get("eof", "open")]
    method = vector.get("reqmethod", "GET")
    base = f"http://{bench.authority}" if form == "plain" else ""
    message = client.request(method=method, target=f"{base}/p/response", host=bench.authority)
    seen = bench.mark()
    with bench.open(form) as opened:
        opened.send(message)
        answer, whole = read_one(opened, method)
        bad_gateway = answer is not None and answer.status == 502
        alternatives = verdict.split("-or-")
        if bad_gateway and "502" in alternatives + (["502"] if "truncate" in alternatives else []):
            assert whole and answer.has("X-Waybill-Error")
        elif "truncate" in alternatives and not whole:
            pass
        else:
            assert alternatives[0] in ("ok", "normalise"), (name, answer and answer.raw_head)
            check_client(expect["client"], answer, whole, bytes(opened.reader.seen))
        if b"poisoned" in opened.reader.seen:
            bench.poisoned.append(name)
        reusable = whole and not answer.until_close
        if reusable and (answer.get("connection") or "").lower() != "close":
            after_on(opened, bench, base)
    arrived, rows = bench.settle(seen)
    first = [r for r in arrived if r.target.endswith("/p/response")]
    assert len(first) == 1
    if verdict == "502":
        assert first[0].connection.closed.wait(PATIENCE), "the upstream connection stays open"
    assert len(rows) == len(arrived), rows
    assert bench.poisoned == []


def after_on(opened, bench, base):
    """One more request on the same client connection gets its own answer."""
    try:
        opened.send(client.request(method="GET", target=f"{base}/after", host=bench.authority))
        answer = opened.read()
    except (OSError, ssl.SSLError, http1.Cut):
        return  # closed after the answer: allowed
    if b"poisoned" in opened.reader.seen:
        bench.poisoned.append("after")
    assert (answer.status, bytes(answer.body)) == (200, b"ok"), answer.raw_head


def test_nothing_was_smuggled_and_the_books_balance(bench):
    """Runs last: what a late write could have changed since each vector was checked."""
    bench.answer = None
    with bench.open("plain") as opened:
        base = f"http://{bench.authority}"
        opened.send(client.request(method="GET", target=f"{base}/after", host=bench.authority))
        assert opened.read().status == 200
    requests = bench.origin.requests
    assert not any("/smuggled" in r.target for r in requests)
    refusals = ("CLIENT_PROTOCOL", "CLIENT_ABORTED")
    rows = bench.proxy.rows()
    kept = [row for row in rows if row["error_code"] not in refusals]
    assert len(kept) == len(complete(requests))
    assert len(rows) >= len(requests)
