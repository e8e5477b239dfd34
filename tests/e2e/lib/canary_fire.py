# SPDX-License-Identifier: MIT
"""Shots of canaries.py, fired through the program at a vendor that answers what they say."""

import base64
import subprocess
import threading
import urllib.parse

from . import client, http1
from .upstream import KEEP, Origin


class Vendor:
    """Answers with what the shot at hand says."""

    def __init__(self, context):
        self.shot = None
        self.answers = threading.Event()  # cleared: every answer waits for it
        self.answers.set()
        self.origin = Origin(context, self.handle)

    def handle(self, request, connection):
        request.read_body()
        shot = self.shot
        self.answers.wait(60)
        body = b"" if request.method == "HEAD" else shot.answer
        connection.answer(shot.status, shot.answer_fields, body)
        return KEEP


def spellings(secret):
    """The bytes to look for: as it is, in base64 at each offset, in hex, percent-encoded."""
    raw = secret.encode()
    found = {raw, raw.hex().encode(), urllib.parse.quote(secret, safe="").encode()}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw)
        # without the ends that depend on the neighbours
        found.add(coded[4 if offset else 0 : -4])
    return [spelling for spelling in found if len(spelling) >= 8]


class Needles:
    """Secrets to look for in a great many bytes, in whatever spelling."""

    def __init__(self, names, folder):
        """names: secret → what to call it. folder: for a file of ours."""
        self.names = {spelling: name for secret, name in names.items() for spelling in spellings(secret)}
        self.list = folder / "needles"
        self.list.write_bytes(b"\n".join(self.names))

    def found(self, data):
        grep = subprocess.run(["grep", "-aoFf", self.list], input=data, stdout=subprocess.PIPE,
                              env={"LC_ALL": "C"}, check=False)
        assert grep.returncode in (0, 1)
        return {self.names[line] for line in grep.stdout.splitlines()}


def fire(proxy, vendor, opened, shot, number):
    """Sends one shot; some of them in small pieces. Returns the entity of its row."""
    entity = client.new_entity()
    vendor.shot = shot
    message = client.request(shot.method, shot.target, shot.host, shot.body, shot.fields, entity)
    if number % 7 == 0 and len(message) < 5000:
        for start in range(0, len(message), 5):
            opened.send(message[start : start + 5])
    elif number % 5 == 0 and shot.body:
        fields = [("Host", shot.host), ("X-Waybill-Entity", f"lead/{entity}"), *shot.fields,
                  ("Transfer-Encoding", "chunked")]
        opened.send(http1.head(f"{shot.method} {shot.target} HTTP/1.1", fields))
        opened.send(http1.chunks(shot.body, 11 if len(shot.body) < 5000 else 8000))
    else:
        opened.send(message)
    answer = opened.read(shot.method)
    assert answer.status == shot.status, answer.raw_head
    assert bytes(answer.body) == shot.answer, "the client gets what came"
    return entity
