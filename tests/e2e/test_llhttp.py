# SPDX-License-Identifier: MIT
"""The gate and http-parser against another implementation: Node's llhttp in its strict mode.

The request vectors and thousands of mutants of them are read by both. What llhttp refuses and we
take is a disagreement, unless ALLOWED says why; so is a message that both take and cut differently.
What only we refuse is no fault: the gate is stricter on purpose.
"""

import base64
import collections
import json
import pathlib
import random
import re
import subprocess

import pytest

from lib import vectors as wire
from lib.reading import read_all
from test_reader_vectors import AUTHORITY, VECTORS

SCRIPT = pathlib.Path(__file__).parent / "lib" / "llhttp.js"
ODD = [bytes([c]) for c in b"\0\t\n\r\x0b \x7f\x80\xff:,;\"(/\\{A0+-@#%"] + [
    b"\r\n", b"\r\n ", b"\n\n", b"\r\r\n", b": ", b" :", b"chunked", b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"]
CHUNK_EXTENSION = re.compile(rb"\r\n[0-9A-Fa-f]+[ \t]*;[\t\x20-\x7e\x80-\xff]*\r\n")
SHORT = 4000  # longer vectors are about limits, not about syntax


def inputs(count):
    rng = random.Random(20)
    seeds, good = [], []
    for vector in VECTORS:
        data = wire.expand(vector["raw"], AUTHORITY, "tunnel")
        if vector["side"] == "request" and 0 < len(data) < SHORT:
            seeds.append(data)
            if vector["expect"]["verdict"] in ("ok", "normalise"):
                good.append(data)
    made = dict.fromkeys(seeds)
    while len(made) < len(seeds) + count:
        # most mutants of what is good are nearly so
        data = rng.choice(rng.choice((seeds, good, good)))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            at = rng.randrange(len(data) + 1)
            gone = rng.choice((0, 0, 1, 2))
            data = data[:at] + rng.choice(ODD + [b""]) + data[at + gone :]
        if data:
            made[data] = None
    return list(made)


def theirs(messages):
    run = subprocess.run(["node", str(SCRIPT)], stdout=subprocess.PIPE, check=True, timeout=300,
                         input=json.dumps([base64.b64encode(m).decode() for m in messages]).encode())
    return json.loads(run.stdout)


def first_line(data):
    return data.lstrip(b"\r\n").split(b"\r\n")[0]


def allowed(data, bad, methods, we, they):
    """Why llhttp may refuse what we do not; None: it may not."""
    version = first_line(data).rsplit(b" ", 1)[-1]
    if bad == "HPE_INVALID_METHOD" and set(we.heads) - set(methods):
        return "a method that is a token (RFC 9110 9.1), and not one of llhttp's list"
    if bad in ("HPE_STRICT", "HPE_INVALID_CHUNK_SIZE") and CHUNK_EXTENSION.search(data):
        return "odd bytes in a chunk extension: bounded, dropped and never forwarded"
    if bad in ("HPE_INVALID_VERSION",) and re.fullmatch(rb"HTTP/1\.[2-9]", version):
        return "a higher minor version (RFC 9110 2.5: read as 1.1)"
    if bad == "HPE_CLOSED_CONNECTION":
        return "bytes behind a message that ends the connection: never read"
    if we.cut and we.ended <= len(they["messages"]):
        return "a head that is not whole: waited for, and nothing of it is forwarded"
    if bad == "STATUS_417":
        return "an expectation that Node does not know"
    return None


@pytest.fixture(scope="module")
def verdicts(long_run):
    messages = inputs(6000 if long_run else 800)
    return messages, read_all([(data, ["request"]) for data in messages]), theirs(messages)


def test_what_llhttp_refuses_is_refused(verdicts):
    messages, mine, node = verdicts
    table, wrong = collections.Counter(), []
    for data, we, they in zip(messages, mine, node["results"]):
        bad = they["bad"]
        table["both refuse" if we.bad and bad else "only we refuse" if we.bad else
              "only llhttp refuses" if bad else "both accept"] += 1
        if bad and not we.bad:
            reason = allowed(data, bad, node["methods"], we, they)
            table[reason] += 1
            if reason is None:
                wrong.append((bad, data[:300], we.text[:200]))
    print(node["node"], "llhttp", node["llhttp"], dict(table))
    assert len(messages) > 800 and table["both accept"] > 50 and table["both refuse"] > 200
    assert not wrong, f"{len(wrong)} of {len(messages)}:\n" + "\n".join(map(str, wrong[:20]))


def test_what_both_take_is_cut_into_the_same_messages(verdicts):
    messages, mine, node = verdicts
    wrong = []
    for data, we, they in zip(messages, mine, node["results"]):
        if we.bad or they["bad"]:
            continue
        bodies = [body.hex() for body in we.bodies]
        if bodies != [body for _, body in they["messages"]][: len(bodies)] or (
                we.heads[: we.ended] != [m for m, _ in they["messages"]][: we.ended]):
            wrong.append((data[:300], we.text[:200], they))
    assert not wrong, f"{len(wrong)} of {len(messages)}:\n" + "\n".join(map(str, wrong[:20]))
