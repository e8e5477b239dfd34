# SPDX-License-Identifier: MIT
"""When a call is over its secrets are no longer in memory: hundreds of made-up ones, one in each place
where a secret can stand, through the program, then a search of all that a core dump would hold.
"""

import os
import threading

import pytest

from lib import canaries, client
from lib.canary_fire import Needles, Vendor, fire
from lib.memory import pieces, without_sanitizer
from lib.place import HOST, HOSTS, everywhere
from lib.waybill import eventually


def in_memory(proxy, needles):
    return sorted(needles.found(b"\n".join(data for _, data in pieces(proxy.process.pid))))


def left(proxy, needles):
    """What is there once nothing goes any more, which is soon."""
    eventually(lambda: not in_memory(proxy, needles), seconds=10, every=0.5)
    return in_memory(proxy, needles)


@pytest.mark.skipif(os.geteuid() != 0, reason="reads another process's memory")
@pytest.mark.parametrize("payload", ["body", "exchange"])
def test_no_secret_outlives_its_call(payload, server_context, new_waybill, monkeypatch, tmp_path):
    without_sanitizer(monkeypatch)
    vendor = Vendor(server_context)
    proxy = new_waybill(connect_to=everywhere(vendor.origin), capture={"payload": payload}).start()
    tunnels = {host: client.tunnel(proxy.port, f"{host}:443", proxy.root_pem) for host in HOSTS}
    shots = list(canaries.all_shots(payload))
    for number, (_, _, shot) in enumerate(shots):
        fire(proxy, vendor, tunnels[shot.host], shot, number)
    proxy.wait_rows(len(shots))
    needles = Needles({secret: name for name, secret, _ in shots}, tmp_path)
    assert left(proxy, needles) == [], "the connections are kept and idle"

    # one that is under way is there: this does look in the right places
    name, secret, shot = next(one for one in shots if one[0].startswith("request JSON top"))
    vendor.answers.clear()
    caller = threading.Thread(target=fire, args=(proxy, vendor, tunnels[HOST], shot, 1))
    caller.start()
    assert eventually(lambda: in_memory(proxy, needles) == [name], seconds=60, every=0.5)
    vendor.answers.set()
    caller.join()
    proxy.wait_rows(len(shots) + 1)

    # one whose client leaves half-way, one that no API answers
    with client.tunnel(proxy.port, f"{HOST}:443", proxy.root_pem) as opened:
        opened.send(client.request(target=f"/a?token={secret}", host=HOST, body=secret.encode(),
                                   fields=[("Content-Length", "100")]))
    for opened in tunnels.values():
        opened.close()
    vendor.origin.stop()
    with client.tunnel(proxy.port, f"{HOST}:443", proxy.root_pem) as opened:
        opened.send(client.request(target=f"/b?token={secret}", host=HOST, body=secret.encode()))
        assert opened.read("POST").status == 502
    assert left(proxy, needles) == [], "the connections are closed"
