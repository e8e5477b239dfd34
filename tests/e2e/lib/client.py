# SPDX-License-Identifier: MIT
"""Raw clients of the proxy: every form in which a program can come to its one port."""

import json
import socket
import ssl
import uuid

from . import http1
from .stream import Plain, Tls, send_slowly


def new_entity():
    return str(uuid.uuid4())


def trust(ca_file, alpn=None, version=None):
    context = ssl.create_default_context(cafile=str(ca_file))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if version is not None:
        context.minimum_version = version
        context.maximum_version = version
    return context


class Client:
    """One connection to the proxy, and the messages read from it."""

    def __init__(self, stream):
        self.stream = stream
        self.reader = http1.Reader(stream)

    def send(self, data, slowly=False):
        if slowly:
            return send_slowly(self.stream, data)
        self.stream.sendall(data)
        return len(data)

    def read(self, method="GET", skip_interim=True):
        return http1.read_response(self.reader, method, skip_interim)

    def ask(self, data, method="GET", slowly=False):
        self.send(data, slowly)
        return self.read(method)

    def at_end(self):
        """Waits for the peer's close; True when nothing more came before it."""
        try:
            return not self.reader.buffer and self.stream.recv() == b""
        except (ConnectionResetError, ssl.SSLError):
            return not self.reader.buffer

    def close(self):
        try:
            self.stream.close()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def plain(port, timeout=None):
    sock = socket.create_connection(("127.0.0.1", port))
    return Client(Plain(sock, timeout) if timeout else Plain(sock))


def connect(port, authority, fields=None, version="HTTP/1.1"):
    """Sends CONNECT; returns the client and the answer."""
    client = plain(port)
    if fields is None:
        fields = [("Host", authority)]
    client.send(http1.head(f"CONNECT {authority} {version}", fields))
    return client, client.read("CONNECT")


def tunnel(port, authority, ca_file, server_name=None, context=None, fields=None):
    """CONNECT, then TLS inside it."""
    client, answer = connect(port, authority, fields)
    assert answer.status == 200, answer.raw_head
    if server_name is None:
        server_name = authority.rsplit(":", 1)[0].rstrip(".")
    first = bytes(client.reader.buffer)
    stream = Tls(
        client.stream, context or trust(ca_file), server_hostname=server_name, first=first
    )
    return Client(stream)


def direct_tls(port, server_name, ca_file, context=None):
    """TLS at once on the proxy's port: the SNI names the host."""
    sock = socket.create_connection(("127.0.0.1", port))
    stream = Tls(Plain(sock), context or trust(ca_file), server_hostname=server_name)
    return Client(stream)


def request(
    method="POST", target="/emails", host="api.resend.com", body=b"", fields=(), entity=None
):
    """A whole request with Content-Length (none for a bodiless GET or HEAD)."""
    all_fields = [("Host", host)]
    if entity:
        all_fields.append(("X-Waybill-Entity", f"lead/{entity}"))
    all_fields += list(fields)
    has_framing = any(n.lower() in ("content-length", "transfer-encoding") for n, _ in all_fields)
    if not has_framing and (body or method not in ("GET", "HEAD")):
        all_fields.append(("Content-Length", str(len(body))))
    return http1.head(f"{method} {target} HTTP/1.1", all_fields) + body


def json_request(value, **how):
    fields = list(how.pop("fields", ())) + [("Content-Type", "application/json")]
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return request(body=body, fields=fields, **how)
