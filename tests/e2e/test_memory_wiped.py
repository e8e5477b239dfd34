# SPDX-License-Identifier: MIT
"""When a call is over its secrets are no longer in memory: hundreds of made-up ones, one in each place
where a secret can stand, through the program, then a search of all that a core dump would hold.
"""

import os
import subprocess
import threading

import pytest

from lib import canaries, client
from lib.canary_fire import Vendor, fire, spellings
from lib.memory import pieces, without_sanitizer
from lib.place import HOST, HOSTS, everywhere
from lib.waybill import eventually


class Searched:
    """Which secrets stand in the program's memory, in whatever spelling."""

    def __init__(self, proxy, names, folder):
        self.proxy = proxy
        self.names = {spelling: name for secret, name in names.items() for spelling in spellings(secret)}
        self.list = folder / "spellings"
        self.list.write_bytes(b"\n".join(self.names))

    def found(self):
        names = set()
        for _, data in pieces(self.proxy.process.pid):
            grep = subprocess.run(["grep", "-aoFf", self.list], input=data, stdout=subprocess.PIPE,
                                  env={"LC_ALL": "C"}, check=False)
            names |= {self.names[line] for line in grep.stdout.splitlines()}
        return sorted(names)

    def empty(self):
        """Waits until there is nothing, which is soon; returns what there is."""
        eventually(lambda: not self.found(), seconds=10, every=0.5)
        return self.found()


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
    searched = Searched(proxy, {secret: name for name, secret, _ in shots}, tmp_path)
    assert searched.empty() == [], "the connections are kept and idle"

    # one that is under way is there: this does look in the right places
    name, secret, shot = next(one for one in shots if one[0].startswith("request JSON top"))
    vendor.answers.clear()
    caller = threading.Thread(target=fire, args=(proxy, vendor, tunnels[HOST], shot, 1))
    caller.start()
    assert eventually(lambda: searched.found() == [name], seconds=60, every=0.5)
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
    assert searched.empty() == [], "the connections are closed"
