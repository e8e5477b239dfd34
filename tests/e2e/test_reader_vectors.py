# SPDX-License-Identifier: MIT
"""The wire vectors that the reader alone can judge, through tests/unit/reader_driver.

Needs no proxy: whole and byte by byte, which must give the same answer. What concerns who may
go where (access lists, the authority of a tunnel, an Upgrade nobody asked for) and what is
forwarded (hop-by-hop fields, Max-Forwards) is judged by test_vectors.py through the binary.
"""

import os
import pathlib

import pytest

from lib import vectors as wire
from lib.reading import read_all

REPO = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("WAYBILL_SHARED", REPO.parent / "shared"))
AUTHORITY = "127.0.0.1:18443"

VECTORS = wire.load(SHARED) if (SHARED / "vectors" / "http.json").exists() else []


def is_ours(vector):
    expect = vector["expect"]
    status = expect.get("status", [400])
    if vector["class"] == "acl" or (vector["class"] == "interim" and expect["verdict"] == "502"):
        return False
    # 403 instead of 400, or 421 beside it: about the place, not about the bytes
    return 403 not in status or (400 in status and 421 not in status)


PLACES = [
    (vector, form)
    for vector in VECTORS
    if is_ours(vector)
    for form in (vector.get("forms", wire.FORMS) if vector["side"] == "request" else ("plain",))
]
CASES = [
    pytest.param(vector, form, number, id=f"{vector['id']}-{form}")
    for number, (vector, form) in enumerate(PLACES)
]


@pytest.fixture(scope="module")
def readings():
    """(number of the case, whole?) → what the reader makes of it. One process reads them all."""
    wanted = {}
    for number, (vector, form) in enumerate(PLACES):
        how = [vector["side"]]
        how += ["head"] if vector.get("reqmethod") == "HEAD" else []
        how += ["open"] if vector.get("eof", "open") == "open" else []
        raw = wire.expand(vector["raw"], AUTHORITY, form)
        wanted[number, True] = (raw, how)
        wanted[number, False] = (raw, [*how, "bytes"])
    return dict(zip(wanted, read_all(list(wanted.values()))))


def judge_request(expect, reading):
    verdict = expect["verdict"]
    refused = reading.bad in expect.get("status", [400])
    if verdict in ("reject", "abort"):
        # reject: nothing reached the origin, so no message may have been completed before
        assert refused or (verdict == "abort" and reading.cut), reading.text
        assert reading.ended == 0, reading.text
    elif refused and (verdict == "ok-or-reject" or expect.get("or_reject")):
        pass
    else:
        assert reading.bad is None and not reading.cut, reading.text
        assert reading.ended == expect.get("count", 1), reading.text
        assert expect.get("method", reading.heads[0]) == reading.heads[0]
        if "body" in expect:
            assert reading.bodies[0] == expect["body"].encode("latin-1")
        assert not set(expect.get("absent", [])) & set(reading.trailers)


def judge_response(expect, reading):
    verdict = expect["verdict"]
    if verdict == "502":
        assert reading.bad == 502 or (reading.cut and not reading.heads), reading.text
    elif verdict == "truncate":
        assert reading.bad == 502 or reading.cut, reading.text
    elif reading.bad == 502:
        assert verdict.endswith("-or-502"), reading.text
    else:
        client = expect.get("client", {})
        assert not reading.cut and not reading.waits, reading.text
        assert int(reading.heads[-1]) in client.get("status", [int(reading.heads[-1])])
        if "body" in client:
            assert reading.bodies[-1] == client["body"].encode("latin-1")


@pytest.mark.parametrize("vector,form,number", CASES)
def test_reader_judges_as_the_vector_says(readings, vector, form, number):
    whole = readings[number, True]
    judge = judge_request if vector["side"] == "request" else judge_response
    judge(vector["expect"], whole)
    assert readings[number, False].text.split("left ")[0] == whole.text.split("left ")[0]
