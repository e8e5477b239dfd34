# SPDX-License-Identifier: MIT
"""Vendor call fixtures (../shared/fixtures): from a file to the bytes on the wire."""

import base64
import gzip
import json

from . import http1


def load(shared):
    """(name, fixture) pairs in a stable order."""
    found = []
    for path in sorted((shared / "fixtures").glob("*/*.json")):
        found.append((f"{path.parent.name}/{path.stem}", json.loads(path.read_text("utf-8"))))
    return found


def _multipart(body):
    boundary = body["boundary"].encode()
    out = bytearray()
    for part in body["parts"]:
        disposition = f'form-data; name="{part["name"]}"'
        if "filename" in part:
            disposition += f'; filename="{part["filename"]}"'
        out += b"--" + boundary + b"\r\nContent-Disposition: " + disposition.encode() + b"\r\n"
        if "content_type" in part:
            out += b"Content-Type: " + part["content_type"].encode() + b"\r\n"
        value = part.get("value")
        data = base64.b64decode(part["value_base64"]) if value is None else value.encode()
        out += b"\r\n" + data + b"\r\n"
    return bytes(out) + b"--" + boundary + b"--\r\n"


def body_bytes(message):
    encoding, body = message.get("body_encoding", "none"), message.get("body")
    if encoding == "none" or body is None:
        return b""
    if encoding == "json":
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    if encoding in ("form", "text"):
        return body.encode()
    if encoding == "base64":
        return base64.b64decode(body)
    if encoding == "multipart":
        return _multipart(body)
    raise ValueError(f"body_encoding {encoding}")


def split_host(host):
    """The authority to CONNECT to, and the plain lower-case name and port for connect_to."""
    name, _, port = host.partition(":")
    port = port or "443"
    return f"{name}:{port}", name.rstrip(".").lower(), int(port)


def request_bytes(fixture):
    request = fixture["request"]
    body = body_bytes(request)
    fields = [("Host", request["host"])] + list(request["headers"].items())
    names = {name.lower() for name, _ in fields}
    if request["body_encoding"] == "multipart" and "content-type" not in names:
        boundary = request["body"]["boundary"]
        fields.append(("Content-Type", f"multipart/form-data; boundary={boundary}"))
    chunked = any(n.lower() == "transfer-encoding" for n, _ in fields)
    if chunked:
        payload = http1.chunks(body, 100)
    else:
        payload = body
        if request["body_encoding"] != "none" or request["method"] in ("POST", "PUT", "PATCH"):
            if "content-length" not in names:
                fields.append(("Content-Length", str(len(body))))
    return http1.head(f"{request['method']} {request['path']} HTTP/1.1", fields) + payload


REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 502: "Bad Gateway"}


def response_bytes(fixture):
    """The answer's bytes and its body as sent, or (None, None) for a fault."""
    response = fixture["response"]
    if "fault" in response:
        return None, None
    body = body_bytes(response)
    fields = list(response["headers"].items())
    if response.get("content_encoding") == "gzip":
        body = gzip.compress(body, mtime=0)
        fields.append(("Content-Encoding", "gzip"))
    names = {name.lower() for name, _ in fields}
    if "transfer-encoding" in names:
        payload = http1.chunks(body, 50)
    else:
        payload = body
        if response["status"] != 204 and "content-length" not in names:
            fields.append(("Content-Length", str(len(body))))
    status = response["status"]
    start = f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"
    return http1.head(start, fields) + payload, body
