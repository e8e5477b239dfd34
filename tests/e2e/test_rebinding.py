# SPDX-License-Identifier: MIT
"""Names that resolve to addresses of our own network: judged on the address that is connected to."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import urllib.parse

import pytest

from lib import client
from lib.place import own_answer

SCRIPT = pathlib.Path(__file__).parent / "lib" / "rebind.py"


@pytest.fixture(scope="module")
def rebound(tmp_path_factory):
    """What lib/rebind.py found, in a network and a mount namespace of its own."""
    needed = ["unshare", "ip", "mount"]
    if os.geteuid() != 0 or not all(map(shutil.which, needed)):
        pytest.skip("needs root, unshare(1), ip(8) and mount(8)")
    probe = subprocess.run(["unshare", "--net", "--mount", "true"], stderr=subprocess.PIPE)
    if probe.returncode != 0:
        pytest.skip("namespaces are not allowed here")
    folder = tmp_path_factory.mktemp("rebind")
    result = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, str(SCRIPT), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def test_no_name_leads_to_an_address_of_our_own(rebound):
    assert set(rebound["accepted"]) == {"9.20.30.40"}
    for statuses in rebound["found"].values():
        for status, word in statuses:
            assert (status, word) in (
                (200, "9.20.30.40"),
                (403, "UPSTREAM_DENIED"),
                (502, "DNS_FAILED"),  # IPv6 alone, where there is none
            )


@pytest.mark.parametrize("name", ["private", "metadata"])
def test_a_name_that_is_private_is_denied(rebound, name):
    assert rebound["found"][name] == [[403, "UPSTREAM_DENIED"]] * 8


@pytest.mark.parametrize("name", ["mapped", "loopback6"])
def test_an_ipv6_one_is_denied_or_no_address(rebound, name):
    assert all(status in (403, 502) for status, _ in rebound["found"][name])


def test_a_public_name_is_reached(rebound):
    assert rebound["found"]["public"] == [[200, "9.20.30.40"]] * 8


def test_of_two_addresses_only_the_public_one_is_used(rebound):
    assert rebound["found"]["both"] == [[200, "9.20.30.40"]] * 8


def test_one_resolution_is_both_judged_and_used(rebound):
    """Each connection asks once: what was judged is what is connected to."""
    flips = [status for status, _ in rebound["found"]["flips"]]
    assert 200 in flips and 403 in flips
    asked = rebound["asked"].count("flips")
    assert asked in (len(flips), 2 * len(flips))  # A, and AAAA where there is IPv6


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:443",
        "127.8.9.10:443",
        "10.1.2.3:443",
        "172.16.0.1:443",
        "192.168.1.1:443",
        "169.254.169.254:443",
        "100.64.0.1:443",
        "0.0.0.0:443",
        "255.255.255.255:443",
        "224.0.0.1:443",
        "[::1]:443",
        "[::]:443",
        "[::ffff:a9fe:a9fe]:443",
        "[::7f00:1]:443",
        "[::ffff:7f00:1]:443",
        "[64:ff9b::7f00:1]:443",
        "[2002:7f00:1::]:443",
        "[fc00::1]:443",
        "[fe80::1]:443",
        "localhost:443",
    ],
)
def test_addresses_that_are_not_public_are_denied(denying, target):
    opened, answer = client.connect(denying.port, target)
    with opened:
        own_answer(answer, "UPSTREAM_DENIED")
        assert answer.status == 403


@pytest.mark.parametrize("host", ["0177.0.0.1", "2130706433", "127.1", "0x7f.1", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_addresses_in_disguise_are_refused(denying, host):
    opened, answer = client.connect(denying.port, f"{host}:443")
    with opened:
        assert answer.status in (400, 403)
    with client.plain(denying.port) as opened:
        answer = opened.ask(client.request("GET", f"http://{host}/", host=host))
        assert answer.status in (400, 403)


@pytest.mark.parametrize("port", [22, 25, 80, 8443, 5432])
def test_connect_goes_to_the_ports_of_the_configuration(denying, port):
    opened, answer = client.connect(denying.port, f"api.resend.com:{port}")
    with opened:
        own_answer(answer, "PORT_DENIED")
        assert answer.status == 403
        assert opened.at_end()


@pytest.mark.parametrize("url", [
    "http://api.resend.com:22/", "http://api.resend.com:8080/x", "https://api.resend.com:8443/",
    "https://api.resend.com:80/", "http://unrouted.example.test:25/",
])
def test_absolute_form_goes_to_those_and_to_port_80(denying, url):
    with client.plain(denying.port) as opened:
        answer = opened.ask(client.request("GET", url, host=url.split("/")[2]))
        own_answer(answer, "PORT_DENIED")
        assert answer.status == 403


@pytest.fixture(scope="module")
def denying(module_waybill):
    return module_waybill().start()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.7.7.7", "localhost"])
def test_own_listeners_are_denied_even_where_private_addresses_are_allowed(module_waybill, host):
    """What goes there would come back, or read the dashboard as this machine."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        proxy = module_waybill(access={"private_upstreams": True, "connect_ports": list(range(1024, 65536))},
                               admin={"listen": "127.0.0.1:0"}).start()
        admin = int(urllib.parse.urlsplit(proxy.wait_log(r"dashboard: (http://[^/]+)/")[1]).port)
        for port in (proxy.port, admin):
            opened, answer = client.connect(proxy.port, f"{host}:{port}")
            with opened:
                own_answer(answer, "UPSTREAM_DENIED")
            with client.plain(proxy.port) as opened:
                answer = opened.ask(client.request("GET", f"http://{host}:{port}/metrics", host=f"{host}:{port}"))
                own_answer(answer, "UPSTREAM_DENIED")
                assert b"waybill itself" in answer.body
        opened, answer = client.connect(proxy.port, f"127.0.0.1:{other.getsockname()[1]}")
        with opened:
            assert answer.status == 200
