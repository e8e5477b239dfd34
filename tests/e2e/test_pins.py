# SPDX-License-Identifier: MIT
"""Key pins of a service file: a chain without a pinned key gets no byte of a request."""

import base64
import hashlib
import shutil

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lib import client
from lib.badtls import HOST, Maker
from lib.place import own_answer
from lib.waybill import SERVICES

SPARE = "sha256/" + base64.b64encode(hashlib.sha256(b"a spare key").digest()).decode()
BODY = b"made-up-body-that-must-not-leave"


def pin(signer):
    """As RFC 7469 has it: of a certificate's SubjectPublicKeyInfo."""
    der = signer.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "sha256/" + base64.b64encode(hashlib.sha256(der).digest()).decode()


class Place:
    """A proxy with one service file, an origin whose chain has three keys, and their pins."""

    def __init__(self, tmp_path, new_origin, new_waybill):
        maker = Maker(tmp_path)
        between = maker.authority()
        leaf = maker.make(issuer=between)
        self.pins = {"leaf": pin(leaf), "intermediate": pin(between), "root": pin(maker.root)}
        self.origin = new_origin(maker.context(leaf, [between.cert]))
        self.services = tmp_path / "services"
        self.services.mkdir()
        self.file = self.services / "resend.yaml"
        self.made = new_waybill
        self.config = {
            "connect_to": {f"{HOST}:443": self.origin.address},
            "upstream": {"ca_file": str(maker.ca_file)},
            "services": str(self.services / "*.yaml"),
            "workers": 1,
        }
        self.waybill = None

    def write(self, pins):
        shutil.copy(SERVICES / "resend.yaml", self.file)
        if pins:
            with open(self.file, "a", encoding="utf-8") as file:
                file.write(f"\npins: [{', '.join(pins)}]\n")

    def start(self, pins):
        self.write(pins)
        self.waybill = self.made(**self.config).start()
        return self

    def reload(self, pins):
        self.write(pins)
        before = self.waybill.log().count("reloaded")
        self.waybill.reload()
        self.waybill.wait_log(r"(?s)(?:reloaded.*){%d}" % (before + 1))

    def ask(self, form="tunnel"):
        """One call; returns the answer and its row."""
        entity = client.new_entity()
        target = f"https://{HOST}/emails" if form == "absolute" else "/emails"
        if form == "absolute":
            opened = client.plain(self.waybill.port)
        else:
            opened = client.tunnel(self.waybill.port, f"{HOST}:443", self.waybill.root_pem)
        with opened:
            answer = opened.ask(client.request(target=target, host=HOST, body=BODY, entity=entity))
        return answer, self.waybill.row(entity)

    def refused(self, form="tunnel"):
        """One call that must be refused: nothing reached the origin. Returns its row."""
        before = len(self.origin.requests)
        answer, row = self.ask(form)
        assert answer.status == 502
        own_answer(answer, "TLS_CERT_UNTRUSTED")
        assert (row["status"], row["error_code"]) == ("failed", "TLS_CERT_UNTRUSTED")
        assert "pin mismatch" in row["error_message"]
        assert len(self.origin.requests) == before
        for connection in self.origin.connections[before:]:
            assert BODY not in connection.reader.seen
        return row


@pytest.fixture
def place(tmp_path, new_origin, new_waybill):
    return Place(tmp_path, new_origin, new_waybill)


@pytest.mark.parametrize("which", ["leaf", "intermediate", "root"])
def test_one_pinned_key_anywhere_in_the_chain_will_do(which, place):
    place.start([SPARE, place.pins[which]])
    assert place.ask()[0].status == 200
    assert place.ask("absolute")[0].status == 200


@pytest.mark.parametrize("form", ["tunnel", "absolute"])
def test_a_chain_without_a_pinned_key_is_refused_and_its_keys_are_told(form, place):
    place.start([SPARE])
    message = place.refused(form)["error_message"]
    seen = [message.find(place.pins[name]) for name in ("leaf", "intermediate", "root")]
    assert -1 not in seen and seen == sorted(seen), message
    place.refused(form)


def test_a_reload_that_changes_pins_uses_nothing_of_before(place):
    """Neither the connection that is open nor its TLS session, which would show no chain."""
    place.start([])
    assert place.ask()[0].status == 200
    place.reload([SPARE])
    place.refused()
    place.refused()
    place.reload([SPARE, place.pins["leaf"]])
    assert place.ask()[0].status == 200
    place.origin.close_idle()
    assert place.ask()[0].status == 200
    reused = [c.stream.object.session_reused for c in place.origin.connections]
    assert reused[-1], "the session of a connection with the same pins is resumed"
    assert not any(reused[:-1])


def test_a_pin_that_is_none_stops_the_start(place):
    with pytest.raises(AssertionError, match=r"resend\.yaml:\d+:\d+: bad pin"):
        place.start(["sha256/AAAA"])
