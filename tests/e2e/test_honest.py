# SPDX-License-Identifier: MIT
"""Odd but legal messages: each passes, byte for byte, through CONNECT and in absolute-form."""

import pytest

from lib import client, http1
from lib.place import HOST, Call, everywhere
from lib.upstream import KEEP

ALL_BYTES = bytes(range(256)) * 16
TOKEN = "!#$%&'*+-.^_`|~0123456789abcXYZ"


@pytest.fixture(scope="module")
def proxy(origin, module_waybill):
    return module_waybill(connect_to=everywhere(origin), workers=1).start()


def chunked(pieces, extension="", trailers=(), size="%x"):
    out = b"".join(
        (size % len(piece)).encode() + extension.encode() + b"\r\n" + piece + b"\r\n"
        for piece in pieces
    )
    return out + b"0\r\n" + b"".join(t.encode() + b"\r\n" for t in trailers) + b"\r\n"


def odd_requests():
    """name → method, path and query, header fields, body as sent, body as meant, trailers."""
    te = [("Transfer-Encoding", "chunked")]
    small = [bytes([i % 256]) for i in range(1000)]
    long_target = "/t/" + "%7E" * 5000
    pad = 60 * 1024
    return {
        "a head up to the limit": ("GET", "/h", [("X-Long", "v" * pad)], b"", None, []),
        "99 fields": ("GET", "/f", [(f"X-{i}", "v") for i in range(95)], b"", None, []),
        "a target of 15 kB": ("GET", long_target, [], b"", None, []),
        "1,000 chunks of one byte": ("POST", "/c", te, chunked(small), b"".join(small), []),
        "chunk extensions": (
            "POST",
            "/ce",
            te,
            chunked([ALL_BYTES], ';a=b;c="d;e"'),
            ALL_BYTES,
            [],
        ),
        "upper-case chunk sizes": ("POST", "/cu", te, chunked([b"x" * 171], size="%X"), b"x" * 171, []),
        "chunk sizes with zeros": ("POST", "/cz", te, chunked([b"yy"], size="%015x"), b"yy", []),
        "a chunk size and a blank": ("POST", "/cb", te, chunked([b"yy"], " ;x"), b"yy", []),
        "trailers": ("POST", "/tr", te, chunked([b"z"], "", ["X-Sum: 1", "X-B:2"]), b"z", ["X-Sum: 1"]),
        "obs-text in a value": ("GET", "/ob", [("X-O", "caf\xe9 \xff\x80")], b"", None, []),
        "a lower-case method": ("post", "/lc", [("Content-Length", "2")], b"{}", b"{}", []),
        "a method nobody knows": ("PROPFIND-2", "/m", [("Content-Length", "1")], b"1", b"1", []),
        "QUERY with a body": ("QUERY", "/q", [("Content-Length", "3")], b"q=1", b"q=1", []),
        "GET with a body": ("GET", "/gb", [("Content-Length", "4")], b"body", b"body", []),
        "every token byte in a name": ("GET", "/tk", [(TOKEN, "v")], b"", None, []),
        "an empty value": ("GET", "/ev", [("X-Empty", "")], b"", None, []),
        "a field five times": ("GET", "/r5", [("X-R", str(i)) for i in range(5)], b"", None, []),
        "odd bytes in the target": ("GET", "/a[1]{2}|^`\"<>?x=%zz&&;=//..//./", [], b"", None, []),
        "every byte in a body": ("PUT", "/eb", [("Content-Length", "4096")], ALL_BYTES, ALL_BYTES, []),
        "Content-Length of zeros": ("POST", "/cl", [("Content-Length", "0002")], b"{}", b"{}", []),
        "HTAB around a value": ("GET", "/ht", [("X-T", "\t \ta\tb \t")], b"", None, []),
        "DELETE with chunks": ("DELETE", "/dc", te, chunked([b"ab", b"c"]), b"abc", []),
    }


ODD = odd_requests()


def own(fields):
    """Without what a proxy writes anew, and the set-up's own."""
    framing = ("host", "content-length", "transfer-encoding", "connection", "x-waybill-entity")
    return [(n, v.strip(" \t")) for n, v in fields if n.lower() not in framing]


def check_arrived(origin, path, odd):
    method, _, fields, _, meant, trailers = odd
    arrived = origin.seen(path.split("?")[0])[-1]
    assert arrived.method == method
    assert arrived.target == path
    assert own(arrived.fields) == own(fields)
    if meant is not None:
        assert bytes(arrived.body) == meant
    for trailer in trailers:
        assert trailer.encode() in arrived.trailers


@pytest.mark.parametrize("form", ["tunnel", "absolute in tunnel", "absolute", "byte by byte"])
@pytest.mark.parametrize("name", ODD)
def test_odd_requests_arrive_as_they_were_sent(proxy, origin, name, form):
    odd = ODD[name]
    method, target, fields, body, _, _ = odd
    if form == "byte by byte" and len(target) + sum(len(v) for _, v in fields) > 5000:
        pytest.skip("the same, but slow")
    with Call(proxy) as one:
        start = {"absolute in tunnel": f"https://{HOST}", "absolute": f"https://{HOST}"}
        data = http1.head(
            f"{method} {start.get(form, '')}{target} HTTP/1.1",
            [("Host", HOST), ("X-Waybill-Entity", f"lead/{one.entity}")] + fields,
        )
        opened = client.plain(proxy.port) if form == "absolute" else one.client
        answer = opened.ask(data + body, method, slowly=form == "byte by byte")
        assert answer.status == 200, answer.raw_head
        check_arrived(origin, target, odd)
        # and the connection is whole after it
        assert opened.ask(client.request(target=f"{start.get(form, '')}/after")).status == 200
        assert one.row()["status"] == "success"


def raw_answers():
    """name → bytes of the answer(s), the final status, the body as meant."""
    ok = b"HTTP/1.1 200 OK\r\n"
    small = [bytes([i % 256]) for i in range(1000)]
    return {
        "103 before it": (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
            b"HTTP/1.1 102 Processing\r\n\r\n" + ok + b"Content-Length: 2\r\n\r\n{}",
            200,
            b"{}",
        ),
        "no reason": (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        "a reason with obs-text": (b"HTTP/1.1 200 D'accord \xe9\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        "status 299": (b"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n", 299, b""),
        "status 599": (b"HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\n{}", 599, b"{}"),
        "1,000 chunks": (ok + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(small), 200, b"".join(small)),
        "trailers": (
            ok + b"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunked([b"z"], "", ["X-Sum: 9"]),
            200,
            b"z",
        ),
        "cookies and a long field": (
            ok + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-L: " + b"l" * 60000 + b"\r\nContent-Length: 2\r\n\r\n{}",
            200,
            b"{}",
        ),
        "obs-text": (ok + b"X-O: \xff\xfe caf\xe9\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        "304 with a length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304, b""),
    }


ANSWERS = raw_answers()


@pytest.mark.parametrize("form", ["tunnel", "absolute"])
@pytest.mark.parametrize("name", ANSWERS)
def test_odd_answers_arrive_as_they_were_given(proxy, origin, name, form):
    data, status, body = ANSWERS[name]
    path = "/answer/" + name.replace(" ", "-").replace(",", "")

    def handler(request, connection):
        request.read_body()
        connection.send(data)
        return KEEP

    origin.on(path, handler)
    with Call(proxy) as one:
        opened = client.plain(proxy.port) if form == "absolute" else one.client
        start = f"https://{HOST}" if form == "absolute" else ""
        answer = opened.ask(client.request("GET", f"{start}{path}", entity=one.entity), "GET")
        assert answer.status == status
        assert bytes(answer.body) == body
        final = data[data.rindex(b"HTTP/1.1 ") :]
        assert answer.raw_head.split(b"\r\n")[0] == final.split(b"\r\n")[0]
        given = http1.Message(final[: final.index(b"\r\n\r\n") + 4])
        assert own(answer.fields) == own(given.fields)
        assert len(answer.interim) == data.count(b"HTTP/1.1 ") - 1
        assert opened.ask(client.request(target=f"{start}/after")).status == 200
