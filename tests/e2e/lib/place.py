# SPDX-License-Identifier: MIT
"""The common set-up: one origin behind every vendor host, one proxy in front."""

import json

from . import client, http1

HOST = "api.resend.com"
HOSTS = [
    "api.resend.com",
    "api.telegram.org",
    "gate.whapi.cloud",
    "api.mobizon.kz",
    "academy.amocrm.ru",
]
BLIND = "unrouted.example.test"  # no service file knows it


def everywhere(origin, hosts=tuple(HOSTS) + (BLIND,), ports=(80, 443)):
    """connect_to for these hosts and ports."""
    return {f"{host}:{port}": origin.address for host in hosts for port in ports}


class Call:
    """One call through a tunnel of its own, with an entity that finds its row."""

    def __init__(self, proxy, host=HOST):
        self.proxy = proxy
        self.host = host
        self.entity = client.new_entity()
        self.client = client.tunnel(proxy.port, f"{host}:443", proxy.root_pem)

    def request(self, **how):
        return client.request(host=self.host, entity=self.entity, **how)

    def ask(self, slowly=False, **how):
        return self.client.ask(self.request(**how), how.get("method", "POST"), slowly)

    def row(self):
        return self.proxy.row(self.entity)

    def close(self):
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def call(proxy, host=HOST, **how):
    """One whole call; returns the answer and its row."""
    with Call(proxy, host) as one:
        return one.ask(**how), one.row()


def own_answer(answer, code):
    """Checks an answer that waybill made itself: the marker header and the JSON body."""
    assert answer.get("X-Waybill-Error") == code, answer.raw_head
    error = json.loads(bytes(answer.body))["error"]
    assert error["code"] == code
    assert error["message"]


def answered(body=b'{"ok":true}', status=200, fields=(), framing="length", chunk=4096):
    """A whole answer's bytes in one of the three framings (close-delimited: "close")."""
    fields = [("Content-Type", "application/json")] + list(fields)
    payload = body
    if framing == "length":
        fields.append(("Content-Length", str(len(body))))
    elif framing == "chunked":
        fields.append(("Transfer-Encoding", "chunked"))
        payload = http1.chunks(body, chunk)
    else:
        fields.append(("Connection", "close"))
    return http1.head(f"HTTP/1.1 {status} Status", fields) + payload
