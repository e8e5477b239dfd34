# SPDX-License-Identifier: MIT
"""A client of the admin port: one request, one connection, exactly the fields that are given."""

import http.client
import json
import re

from .stream import DEADLINE


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers  # any case; get_all() for repeated ones
        self.body = body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Admin:
    """The admin port of an instance that runs."""

    def __init__(self, instance):
        self.instance = instance
        match = instance.wait_log(r"admin port on (?:127\.0\.0\.1|0\.0\.0\.0):(\d+)")
        self.port = int(match.group(1))

    def key(self, name="authenticated"):
        return (self.instance.state_dir / "keys" / name).read_text().strip()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path, method="GET", headers=(), body=None, key=None, host="", timeout=DEADLINE):
        """headers: a dict or pairs, sent as they are. host None: no Host; "": the right one.
        key: the name of a key file, sent as a bearer token."""
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        if host == "":
            host = f"127.0.0.1:{self.port}"
        if host is not None:
            pairs.insert(0, ("Host", host))
        if key:
            pairs.append(("Authorization", f"Bearer {self.key(key)}"))
        if body is not None and not any(name.lower() == "content-length" for name, _ in pairs):
            pairs.append(("Content-Length", str(len(body))))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in pairs:
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def login(self, key="authenticated"):
        """The Cookie field of a session of the page."""
        answer = self.ask("/session", "POST", key=key)
        assert answer.status == 204, answer.text
        return {"Cookie": re.match(r"[^;]+", answer.headers["Set-Cookie"])[0]}
