# SPDX-License-Identifier: MIT
"""What passes by unrecorded is counted, shown, and turned into YAML that can be pasted."""

import json
import shutil
import sqlite3
import ssl

import pytest

from lib import client, http1
from lib.pki import VENDOR_NAMES
from lib.place import BLIND, HOST, HOSTS, call, everywhere
from lib.stream import Tls
from lib.waybill import SERVICES, eventually, run_command

OTHER_BLIND = "api.shop.co.uk"
KEY = "re_FAKEkey0123456789abcdef"
TOKEN = "8471234567:AAFAKEfakeFAKEfakeFAKEfakeFAKEfake0"


@pytest.fixture
def new_proxy(new_waybill, new_origin, authority):
    names = [*VENDOR_NAMES, OTHER_BLIND]
    origin = new_origin(authority.server_context("coverage.pem", names=names))

    def make(**config):
        targets = everywhere(origin, (*HOSTS, BLIND, OTHER_BLIND))
        return new_waybill(connect_to=targets, **config).start()

    return make


def coverage(instance, *options):
    done = run_command("coverage", "--config", instance.config_file, *options)
    assert done.returncode == 0, done.err
    return done.out


def as_json(instance, *options):
    return json.loads(coverage(instance, "--json", *options))


def ask(instance, method, target, host=HOST, fields=()):
    """One call through a tunnel of its own, whole."""
    with client.tunnel(instance.port, f"{host}:443", instance.root_pem) as opened:
        return opened.ask(
            client.request(method=method, target=target, host=host, fields=fields), method
        )


def blind(instance, authority, host=BLIND, alpn=None):
    """A tunnel that is not looked into, and a TLS handshake through it."""
    opened, answer = client.connect(instance.port, f"{host}:443")
    assert answer.status == 200
    with opened:
        Tls(opened.stream, client.trust(authority.ca_file, alpn), server_hostname=host)


def distrust(instance, authority):
    opened, _ = client.connect(instance.port, f"{HOST}:443")
    with opened, pytest.raises(ssl.SSLError):
        Tls(opened.stream, client.trust(authority.ca_file), server_hostname=HOST)


def absolute(instance, url, host):
    with client.plain(instance.port) as opened:
        answer = opened.ask(http1.head(f"GET {url} HTTP/1.1", [("Host", host)]))
    assert answer.status == 200


def only_host(report, host=HOST):
    (entry,) = [entry for entry in report["hosts"] if entry["host"] == host]
    return entry


def test_each_way_past_the_rows_is_counted(new_proxy, authority):
    instance = new_proxy()
    assert as_json(instance)["unrouted_hosts"] == []
    for _ in range(3):
        call(instance)
    blind(instance, authority, HOST, ["h2"])
    distrust(instance, authority)
    absolute(instance, f"https://{HOST}/emails", HOST)
    for _ in range(2):
        blind(instance, authority)
    with client.direct_tls(instance.port, OTHER_BLIND, authority.ca_file):
        pass
    absolute(instance, f"https://{BLIND}/x?key={KEY}", BLIND)
    absolute(instance, f"http://{BLIND}/x", BLIND)

    def seen():  # while it runs: the counts are written every few seconds
        report = as_json(instance)
        done = {entry["host"]: entry["count"] for entry in report["unrouted_hosts"]}
        return report if done.get(BLIND) == 4 and report["hosts"] else None

    report = eventually(seen)
    assert report, as_json(instance)
    entry = only_host(report)
    # a connection that was rejected has a row of its own, and is no recorded call
    assert (entry["recorded"], entry["tunnelled"], entry["tls_rejected"]) == (4, 1, 1)
    assert entry["cleartext"] == 1 and entry["service"] == "resend"
    assert entry["client"] == "127.0.0.1" and entry["first_seen"] <= entry["last_seen"]
    first, second = report["unrouted_hosts"]
    assert [first["host"], first["tunnels"], first["https"], first["http"]] == [BLIND, 2, 1, 1]
    assert first["clients"] == ["127.0.0.1"]
    assert (second["host"], second["count"]) == (OTHER_BLIND, 1)
    assert "api.mobizon.kz" in report["not_seen"] and HOST not in report["not_seen"]
    instance.stop()
    table = coverage(instance)
    assert BLIND in table and "resend" in table and "127.0.0.1" in table
    assert instance.leaks([KEY]) == []


def test_since_leaves_out_what_was_not_seen_lately(new_proxy, authority):
    instance = new_proxy()
    blind(instance, authority)
    instance.stop()
    assert as_json(instance, "--since", "7d")["unrouted_hosts"]
    db = sqlite3.connect(instance.db)
    with db:
        db.execute("update waybill_coverage set last_seen = '2020-01-01T00:00:00.000000Z'")
    db.close()
    assert not as_json(instance, "--since", "7d")["unrouted_hosts"]
    assert as_json(instance)["unrouted_hosts"]


@pytest.mark.parametrize(
    "options", [["--since", "soon"], ["x"], ["--suggest", "--json"], ["--suggest", "a", "b"]]
)
def test_a_wrong_call_is_told(new_waybill, options):
    instance = new_waybill()
    done = run_command("coverage", "--config", instance.config_file, *options)
    assert done.returncode == 2 and "--help" in done.err and done.out == ""


def test_without_a_store_it_says_what_makes_one(new_waybill):
    done = run_command("coverage", "--config", new_waybill().config_file)
    assert done.returncode == 1 and "waybill run" in done.err


# Calls that no route matches: method, target, host, and the path that is suggested for it.
UNROUTED = [
    ("GET", "/api/v4/leads/8471/tags", "academy.amocrm.ru", "/api/v4/leads/{id}/tags"),
    ("GET", "/api/v4/leads/8471/tags/new", "academy.amocrm.ru", "/api/v4/leads/{id}/tags/new"),
    ("GET", "/api/v4/leads/8471/tags/77", "academy.amocrm.ru", "/api/v4/leads/{id}/tags/{id2}"),
    ("PUT", "/subjects/7c1f3b1e-9a52-4a55-8a4c-5d0f4d5a9b11", HOST, "/subjects/{id}"),
    ("PUT", "/subjects/other%2Dtopic?api_key=" + KEY, HOST, "/subjects/other-topic"),
    ("POST", "/new/" + KEY + "/x", HOST, "/new/{token}/x"),
    ("POST", f"/bot{TOKEN}/a/b", "api.telegram.org", "/bot{token}/a/b"),
    ("DELETE", "/v9/unknown/79001234567@s.whatsapp.net", "gate.whapi.cloud", "/v9/unknown/{id}"),
    ("GET", "/v9/unknown", "api.mobizon.kz", "/v9/unknown"),
]


@pytest.fixture
def own_services(tmp_path):
    folder = tmp_path / "services"
    shutil.copytree(SERVICES, folder)
    return folder


def explained(instance, method, url):
    done = run_command("explain", "--config", instance.config_file, "--json", method, url)
    assert done.returncode == 0, done.err
    return json.loads(done.out)


def check(instance):
    done = run_command("check", "--config", instance.config_file)
    assert done.returncode == 0, done.err


def test_routes_that_are_suggested_can_be_pasted(new_proxy, own_services):
    instance = new_proxy(services=str(own_services / "*.yaml"))
    secret = [("Authorization", f"Bearer {KEY}")]
    for method, target, host, _ in UNROUTED:
        ask(instance, method, target, host, secret)
    rows = instance.rows("action = 'other'")
    assert len(rows) == len(UNROUTED), [row["action"] for row in instance.rows()]
    instance.stop()
    paths = as_json(instance)["unrouted_paths"]
    assert sorted((p["method"], p["host"], p["path"]) for p in paths) == sorted(
        (method, host, path) for method, _, host, path in UNROUTED
    )
    assert instance.leaks([KEY, TOKEN, "79001234567", "7c1f3b1e-9a52"]) == []

    for path in sorted(own_services.glob("*.yaml")):
        text = coverage(instance, "--suggest", path.stem)
        assert path.name in text, text
        path.write_text(path.read_text() + text)
        check(instance)
    for method, target, host, _ in UNROUTED:
        answer = explained(instance, method, f"https://{host}{target}")
        assert answer["action"] not in ("other", ""), answer
        assert KEY not in json.dumps(answer) and TOKEN not in json.dumps(answer)
    # what has a route by now is no longer suggested
    again = run_command("coverage", "--config", instance.config_file, "--suggest")
    assert (again.returncode, again.out) == (0, "") and "nothing to suggest" in again.err
    assert as_json(instance)["unrouted_paths"] == []


def test_a_service_file_that_is_suggested_passes_the_check_and_routes_its_host(
    new_proxy, own_services, authority
):
    instance = new_proxy(services=str(own_services / "*.yaml"))
    blind(instance, authority)
    blind(instance, authority, OTHER_BLIND)
    assert eventually(lambda: len(as_json(instance)["unrouted_hosts"]) == 2)
    for host in (BLIND, OTHER_BLIND):
        name = {BLIND: "example", OTHER_BLIND: "shop"}[host]
        text = coverage(instance, "--suggest", host)
        assert host in text
        (own_services / f"{name}.yaml").write_text(text)
        check(instance)
    instance.reload()
    instance.wait_log("reloaded: 7 services")
    assert ask(instance, "GET", "/things/1", BLIND).status == 200
    (row,) = instance.wait_rows(1)
    assert (row["service_name"], row["action"]) == ("example", "other")
    instance.stop()
    # its routes follow, again as YAML to paste, into a file that has none yet
    path = own_services / "example.yaml"
    path.write_text(path.read_text() + coverage(instance, "--suggest", "example"))
    check(instance)
    action = explained(instance, "GET", f"https://{BLIND}/things/2")["action"]
    assert action == "get_things_by_id"


def test_a_locked_store_keeps_no_tunnel_waiting_and_gets_the_counts_later(new_proxy, authority):
    instance = new_proxy()
    call(instance)
    other = sqlite3.connect(instance.db, isolation_level=None)
    other.execute("begin immediate")
    for _ in range(20):
        blind(instance, authority)
    other.execute("rollback")
    other.close()

    def all_there():
        hosts = as_json(instance)["unrouted_hosts"]
        return hosts and hosts[0]["count"] == 20

    assert eventually(all_there), as_json(instance)
    assert len(instance.rows()) == 1
