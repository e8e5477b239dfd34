# SPDX-License-Identifier: MIT
"""Keys are in memory that is never swapped out: looked for in the running program's memory."""

import os

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lib import client
from lib.memory import pieces, without_sanitizer

HOST = "api.resend.com"


@pytest.fixture
def plain_build(monkeypatch):
    without_sanitizer(monkeypatch)


def where(pid, needles):
    """For each needle, whether each place where it stands is locked."""
    found = {needle: [] for needle in needles}
    for locked, data in pieces(pid):
        for needle in needles:
            found[needle] += [locked] * data.count(needle)
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="reads another process's memory")
def test_every_copy_of_a_key_is_locked(plain_build, new_waybill, origin):
    instance = new_waybill(
        connect_to={f"{HOST}:443": origin.address},
        access={"credentials": {"shop": "made-up-credential-0001"}},
    ).start()
    with client.tunnel(
        instance.port, f"{HOST}:443", instance.root_pem,
        fields=[
            ("Host", f"{HOST}:443"),
            ("Proxy-Authorization", "Basic c2hvcDptYWRlLXVwLWNyZWRlbnRpYWwtMDAwMQ=="),
        ],
    ) as opened:
        message = client.request(target="/emails", host=HOST, body=b"{}")
        assert opened.ask(message).status == 200
    needles = {b"made-up-credential-0001": "credential"}
    for path in (instance.state_dir / "ca").glob("*.key"):
        key = load_pem_private_key(path.read_bytes(), None)
        number = key.private_numbers().private_value
        needles[number.to_bytes(32, "little")] = path.name  # as OpenSSL holds a number
    found = where(instance.process.pid, needles)
    places = {name: found[needle] for needle, name in needles.items()}
    assert places.pop("root.key") == [], "read when it signs, and wiped"
    assert sorted(places) == ["credential", "intermediate.key"]
    for name, locked in places.items():
        assert locked, f"{name}: not in memory, so this looked in the wrong way"
        assert all(locked), f"{name}: {locked.count(False)} copies are not locked"


def test_without_the_right_to_lock_it_starts_and_says_so(plain_build, new_waybill):
    instance = new_waybill()
    instance.launcher = ["prlimit", "--memlock=65536:65536"]
    if os.geteuid() == 0:
        instance.launcher += ["setpriv", "--bounding-set=-sys_resource,-ipc_lock"]
    instance.start()
    assert "memory is not locked" in instance.log()
