# SPDX-License-Identifier: MIT
"""Clients of other languages than Node's, by `waybill env`, by `waybill exec` and by `waybill exec --preload`.

The same three calls, and the same table, as in test_clients_node.py (tests/e2e/clients/drive.*). With
--preload the program is told of no proxy at all: connect() is all there is. The API's name means a public
address, in a network that ends at this machine (lib/world.py).
"""

import concurrent.futures
import json
import os
import re
import subprocess

import pytest
from test_clients_node import FOLDER, answer, judge, node, verdicts

from lib import place
from lib.client_table import names_proxy
from lib.upstream import Origin
from lib.waybill import REPO, binary, environment, run_command
from lib.world import ADDRESS, World

DRIVERS = REPO / "tests" / "e2e" / "clients"
PYTHON = ["/usr/bin/python3", str(DRIVERS / "drive.py")]
NO_PROXY = ["env", *(f"--unset={name}" for name in (
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NODE_USE_ENV_PROXY", "WAYBILL_PROXY"))]

# (client, runtime) → its command, the package or the command that tells its version, the ways that record it
CLIENTS = {
    ("curl", ""): ([*PYTHON, "curl"], "curl", "env exec preload"),
    ("wget", ""): ([*PYTHON, "wget"], "wget", "env exec preload"),
    ("requests", "Python 3"): ([*PYTHON, "requests"], "python3-requests", "env exec preload"),
    ("httpx", "Python 3"): ([*PYTHON, "httpx"], "python3-httpx", "env exec preload"),
    ("aiohttp", "Python 3"): ([*PYTHON, "aiohttp"], "python3-aiohttp", "preload"),
    ("urllib", "Python 3"): ([*PYTHON, "urllib"], "python3", "env exec preload"),
    ("net/http", "Go"): (["{built}/drive-go"], ["go", "version"], "env exec"),
    ("HttpClient", "Java"): (["java", "-XX:TieredStopAtLevel=1", "-cp", "{built}", "Drive"],
                             ["java", "-version"], "env exec preload"),
    # PHP loads what it is extended by so that LD_PRELOAD does not reach it (RTLD_DEEPBIND); its curl needs none
    ("curl", "PHP"): (["php", str(DRIVERS / "drive.php"), "curl"], ["php", "-v"], "env exec"),
    ("streams", "PHP"): (["php", str(DRIVERS / "drive.php"), "streams"], ["php", "-v"], "preload"),
    ("net/http", "Ruby"): (["ruby", str(DRIVERS / "drive.rb")], ["ruby", "-v"], "env exec preload"),
    ("fetch", "Node 20"): (["{node}", str(FOLDER / "drive.mjs"), "fetch"], ["{node}", "--version"], "preload"),
}
RECORDED = {"get": "exact", "post": "exact", "refused": "exact", "rows": "3 of 3"}
LABEL = {"env": "env", "exec": "exec", "preload": "exec --preload"}


def clean():
    """Nothing of the machine's own proxies and roots."""
    env = environment()
    return {name: env[name] for name in ("PATH", "HOME", "LC_ALL", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in env}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with what must be compiled."""
    folder = tmp_path_factory.mktemp("built")
    env = {**os.environ, "GOCACHE": str(folder / "cache"), "GOTOOLCHAIN": "local", "GO111MODULE": "off",
           "GOFLAGS": "", "CGO_ENABLED": "0"}
    for command in (["go", "build", "-o", str(folder / "drive-go"), str(DRIVERS / "drive.go")],
                    ["javac", "-encoding", "UTF-8", "-d", str(folder), str(DRIVERS / "Drive.java")]):
        subprocess.run(command, env=env, check=True, timeout=300)
    return folder


class Place:
    """A world, in it the API itself, and a proxy for each way; those that are away are only configured."""

    def __init__(self, folder, module_waybill, server_context, authority, away):
        self.world = World(folder, [place.HOST], authority.ca_file if away else None)
        self.direct = self.world.run(Origin, server_context, answer, address=(ADDRESS, 443))
        self.proxy, self.origin = {}, {}
        for way in ("env", "exec", "preload"):
            self.origin[way] = self.world.run(Origin, server_context, answer)
            listen = "127.0.0.1:9" if away else "127.0.0.1:0"
            self.proxy[way] = module_waybill(listen=listen, connect_to=place.everywhere(self.origin[way]))
            if not away:
                self.world.run(self.proxy[way].start)

    def close(self):
        for origin in (self.direct, *self.origin.values()):
            origin.stop()
        self.world.close()


@pytest.fixture(scope="module")
def places(tmp_path_factory, module_waybill, server_context, authority):
    made = {name: Place(tmp_path_factory.mktemp(name), module_waybill, server_context, authority, name != "live")
            for name in ("live", "away", "open")}
    yield made
    for one in made.values():
        for proxy in one.proxy.values():
            proxy.stop()
        one.close()


class Run:
    """One run of a client: what it saw, what it said, what came to the origin, and the rows."""

    def __init__(self, where, way, command, **extra):
        waybill, origin = where.proxy[way], where.origin[way]
        config = str(waybill.config_file)
        env = {**clean(), **extra}
        if way == "env":
            printed = where.world.run(run_command, "env", "--json", "--config", config, env=clean())
            env.update(json.loads(printed.out))
        elif way == "exec":
            command = [str(binary()), "exec", "--config", config, "--", *command]
        else:
            command = [str(binary()), "exec", "--preload", "--config", config, "--", *NO_PROXY, *command]
        first, before, direct = len(origin.requests), waybill.count(), len(where.direct.requests)
        done = where.world.run(subprocess.run, command, env=env, cwd=waybill.folder, stdin=subprocess.DEVNULL,
                               capture_output=True, timeout=60, check=False)
        self.text = (done.stdout + done.stderr).decode("utf-8", "replace")
        self.seen = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
        self.requests = origin.requests[first:]
        self.direct = where.direct.requests[direct:]
        self.rows = waybill.rows()[before:]
        assert len(self.seen) == 3, self.text


def version_of(teller):
    if isinstance(teller, str):
        teller = ["dpkg-query", "-W", "-f", "${Version}", teller]
    done = subprocess.run(teller, check=True, capture_output=True, text=True)
    return re.search(r"\d+\.\d+(\.\d+)*", re.sub(r"^\d+:", "", done.stdout + done.stderr)).group()


@pytest.mark.parametrize("client,runtime", CLIENTS, ids=[" ".join(key).strip() for key in CLIENTS])
def test_client(places, authority, built, client_table, client, runtime):
    """Recorded once a call and byte for byte, by each of its ways; and what it does with the proxy away."""
    command, teller, ways = CLIENTS[client, runtime]
    command, teller = [
        [part.format(built=built, node=node(20)) if part[0] == "{" else part for part in words]
        if isinstance(words, list) else words for words in (command, teller)]
    version = version_of(teller)
    tried = ["env", "exec"] + (["preload"] if "preload" in ways else [])
    if runtime.startswith("Node"):
        tried = ["preload"]  # the others are test_clients_node.py's

    # Node takes what is named here instead of the system's roots, which are all that the others take
    wide = {"WAYBILL_FAIL_OPEN": "1", "NODE_EXTRA_CA_CERTS": str(authority.ca_file)}

    def run_all(where, ways, **extra):
        return {way: Run(places[where], way, command, **extra) for way in ways}

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        live = pool.submit(run_all, "live", tried)
        away = pool.submit(run_all, "away", ways.split())
        direct = pool.submit(run_all, "open", ["preload"] if "preload" in tried else [], **wide)
        live, away, direct = live.result(), away.result(), direct.result()

    for way in tried:
        said = verdicts(live[way], False)
        said.update(stopped="", fail_open="")
        if way in ways:
            assert {name: said[name] for name in RECORDED} == RECORDED, live[way].text
            assert not live[way].direct, "went past the proxy"
            assert not away[way].direct, "went past a proxy that is away"
            assert all("error" in seen for seen in away[way].seen), away[way].text
            said["stopped"] = names_proxy(away[way].text, 9)
        if way == "preload":
            assert said["stopped"] == "named", away[way].text
            open_run = direct[way]
            assert [judge_direct(open_run, i) for i in range(3)] == ["exact"] * 3, open_run.text
            assert not open_run.rows and "WAYBILL_FAIL_OPEN" in open_run.text
            said["fail_open"] = "direct"
        client_table.record(client, runtime, LABEL[way], version, **said)


def judge_direct(run, index):
    run.requests = run.direct
    return judge(run, index, False)


def test_a_static_go_program_is_told_to_use_the_variable_that_it_has(places, built):
    """--preload says that it does nothing for it, and the calls come by HTTPS_PROXY."""
    where = places["live"]
    waybill = where.proxy["preload"]
    before = waybill.count()
    done = where.world.run(run_command, "exec", "--preload", "--config", waybill.config_file, "--",
                           built / "drive-go", env=clean(), seconds=60)
    assert len(re.findall("^waybill exec: .*statically.*HTTPS_PROXY", done.err, re.MULTILINE)) == 1
    assert waybill.count() == before + 3


def test_a_client_that_prefers_ipv6_is_not_stuck_where_there_is_none(tmp_path, new_waybill, server_context,
                                                                     authority):
    """connect() would have told it; led away, the proxy finds out, and goes by the name."""
    world = World(tmp_path, ["files.example.test"], authority.ca_file)
    with world.hosts.open("a") as hosts:
        hosts.write("2606:4700::1 files.example.test\n")
    direct = world.run(Origin, server_context, address=(ADDRESS, 443))
    waybill = new_waybill(access={"private_upstreams": True})
    world.run(waybill.start)
    try:
        done = world.run(run_command, "exec", "--preload", "--config", waybill.config_file, "--", *NO_PROXY,
                         "curl", "-sSv", "--connect-to", "::[2606:4700::1]:443", "https://files.example.test/led",
                         env=clean())
        assert done.out == '{"ok":true}', done.err
        assert direct.seen("/led") and "2606:4700::1" in done.err
    finally:
        waybill.stop()
        direct.stop()
        world.close()


def test_what_is_not_routed_goes_to_the_address_that_was_asked_for(tmp_path, new_waybill, server_context, authority):
    """By SNI it would be found nowhere."""
    world = World(tmp_path, ["files.example.test"], authority.ca_file)
    direct = world.run(Origin, server_context, address=(ADDRESS, 443))
    waybill = new_waybill(access={"private_upstreams": True})
    world.run(waybill.start)
    try:
        done = world.run(run_command, "exec", "--preload", "--config", waybill.config_file, "--", *NO_PROXY,
                         "curl", "-sS", "https://files.example.test/led", env=clean())
        assert done.out == '{"ok":true}', done.err
        assert direct.seen("/led") and not waybill.rows()
    finally:
        waybill.stop()
        direct.stop()
        world.close()
