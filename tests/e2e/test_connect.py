# SPDX-License-Identifier: MIT
"""libwaybill-connect.so: which connections it leads, what they say first, and what the program sees."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading

import pytest

from lib.waybill import REPO, build_dir, environment, eventually, run_command
from lib.world import ADDRESS, ADDRESS6, World

LIBRARY = build_dir() / "clients" / "connect" / "libwaybill-connect.so"
CONNECTS = REPO / "tests" / "e2e" / "lib" / "connects.py"
LINE = re.compile(rb"PROXY TCP([46]) ([0-9a-f.:]+) ([0-9a-f.:]+) (\d+) (\d+)\r\n")


class Listener:
    """Takes connections and keeps what each begins with."""

    def __init__(self, address, family=socket.AF_INET):
        self.socket = socket.create_server(address, family=family)
        self.port = self.socket.getsockname()[1]
        self.first = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                taken, _ = self.socket.accept()
            except OSError:
                return
            with taken:
                taken.settimeout(10)
                self.first.append(taken.recv(200))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"), ["api.resend.com"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def direct(world):
    return [world.run(Listener, (ADDRESS, 443)), world.run(Listener, (ADDRESS6, 443), socket.AF_INET6)]


def connects(world, proxy, *cases, **extra):
    env = {**environment(), "LD_PRELOAD": str(LIBRARY), "WAYBILL_CONNECT": proxy, **extra}
    done = world.run(subprocess.run, ["/usr/bin/python3", str(CONNECTS), *cases], env=env, timeout=60,
                     stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


LED = {"blocking": "4", "non-blocking": "4", "v6": "6", "v6 non-blocking": "6", "v4 as v6": "4",
       "v6 alone": "6", "v6 alone, bound": "6", "bound to an address": "4", "bound to a port": "4", "fast open": "4",
       "twice": "4", "threads": "4", "forked": "4", "watched": "4", "asyncio": "4"}
AWAY = "127.0.0.1:9"
REFUSED = {"other port", "loopback", "loopback v6"}


@pytest.mark.parametrize("family,host", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")],
                         ids=["v4 proxy", "v6 proxy"])
def test_a_connection_is_led_and_says_where_it_was_meant_to_go(world, direct, family, host):
    # a socket of IPv4 must be replaced to reach the second: what watches it already, is lost
    cases = [case for case in LED if family == socket.AF_INET or case != "watched"]
    proxy = world.run(Listener, (host, 0), family)
    address = f"[{host}]:{proxy.port}" if ":" in host else f"{host}:{proxy.port}"
    made, said = connects(world, address, *cases)
    for case in cases:
        assert made[case]["error"] == 0 and made[case].get("peer", proxy.port) == proxy.port, case
        assert all(made[case].get(word, True) for word in ("same", "kept", "ready")), case
        assert made[case].get("second", "EISCONN") == "EISCONN", case
    assert said == ""
    lines = [case for case in cases for _ in range(8 if case == "threads" else 1)]
    assert eventually(lambda: len(proxy.first) == len(lines))
    for case, first in zip(lines, proxy.first):
        match = LINE.fullmatch(first)
        assert match and match[1].decode() == LED[case], (case, first)
        socket.inet_pton(socket.AF_INET6 if LED[case] == "6" else socket.AF_INET, match[2].decode())
        asked = {"4": ADDRESS, "6": "2001:db8:0:0:0:0:0:10"}[LED[case]]
        assert match[3].decode() == asked and match[5] == b"443" and 0 < int(match[4]) < 65536
    proxy.socket.close()


def test_all_else_is_left_alone(world, direct):
    proxy = world.run(Listener, ("127.0.0.1", 0))
    made, said = connects(world, f"127.0.0.1:{proxy.port}", *REFUSED, "private", "datagrams", "no address")
    assert {case: made[case]["error"] for case in REFUSED} == dict.fromkeys(REFUSED, "ECONNREFUSED")
    assert made["private"]["error"] == "ENETUNREACH"
    assert made["datagrams"] == {"error": 0, "peer": 443, "same": True, "kept": True}
    assert made["no address"]["error"] == "ENOENT"
    assert said == "" and not proxy.first


def test_with_the_proxy_away_it_says_so_once(world):
    cases = [case for case in LED if case not in ("forked", "watched", "asyncio", "twice")]
    made, said = connects(world, AWAY, "again", *cases)
    assert {case: made[case]["error"] for case in cases} == dict.fromkeys(cases, "ECONNREFUSED")
    assert made["again"]["second"] == "ECONNREFUSED"
    assert said.count("\n") == 1 and AWAY in said and "waybill run" in said, said
    assert connects(world, AWAY, "blocking", WAYBILL_QUIET="1")[1] == ""


def test_and_writes_into_nothing_that_is_not_standard_error(world):
    made, said = connects(world, AWAY, "daemon")
    assert made["daemon"]["error"] == "ECONNREFUSED" and made["daemon"]["written"] == 0 and said == ""


def test_or_goes_direct_where_that_is_wanted(world, direct):
    made, said = connects(world, AWAY, *LED, WAYBILL_FAIL_OPEN="1")
    assert {case: (made[case]["error"], made[case].get("peer", 443)) for case in LED} == dict.fromkeys(LED, (0, 443))
    assert said.count("\n") == 1 and "not recorded" in said


@pytest.mark.parametrize("value", ["nonsense", "127.0.0.1", "http://", ":8080", "127.0.0.1:0", "[::1:8080"])
def test_without_a_proxy_that_can_be_found_it_does_nothing(world, direct, value):
    made, said = connects(world, value, "blocking")
    assert made["blocking"]["peer"] == 443 and said.count("\n") == 1


def test_waybill_proxy_will_do(world):
    proxy = world.run(Listener, ("127.0.0.1", 0))
    url = f"http://user:p%40ss@127.0.0.1:{proxy.port}/"
    assert connects(world, "", "blocking", WAYBILL_PROXY=url)[0]["blocking"]["peer"] == proxy.port


ASKS = """
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
int main(void) {
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(443)};
	inet_pton(AF_INET, "203.0.113.10", &to.sin_addr);
	errno = 77;
	int r = connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to));
	return r == 0 && errno == 77 ? 0 : 1;
}
"""
BUILDS = {
    "plain": (["gcc"], True),
    "gcc's AddressSanitizer": (["gcc", "-fsanitize=address,undefined"], True),
    "clang's AddressSanitizer": (["clang", "-fsanitize=address"], True),
    "ThreadSanitizer": (["gcc", "-fsanitize=thread"], True),
    "static": (["gcc", "-static"], False),
}


@pytest.fixture(scope="module")
def asks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asks")
    (folder / "asks.c").write_text(ASKS)
    return folder


@pytest.mark.parametrize("build", BUILDS)
def test_exec_preload_leads_what_is_loaded_dynamically(world, direct, new_waybill, asks, build):
    command, is_led = BUILDS[build]
    program = asks / build.replace(" ", "-").replace("'", "")
    subprocess.run([*command, "-o", program, asks / "asks.c"], check=True)
    proxy = world.run(Listener, ("127.0.0.1", 0))
    waybill = new_waybill(listen=f"127.0.0.1:{proxy.port}")
    done = world.run(run_command, "exec", "--preload", "--config", waybill.config_file, "--", program)
    assert done.returncode == 0, done.err
    assert eventually(lambda: bool(proxy.first) == is_led)
    assert done.err.count("\n") == (0 if is_led else 1) and ("HTTPS_PROXY" in done.err) == (not is_led)


def test_exec_preload_keeps_what_is_preloaded(new_waybill):
    waybill = new_waybill(listen="127.0.0.1:8080")
    other = "/usr/lib/other.so"
    done = run_command("exec", "--preload", "--config", waybill.config_file, "--", "/bin/sh", "-c",
                       'echo "$LD_PRELOAD $WAYBILL_CONNECT"', env={**environment(), "LD_PRELOAD": other})
    assert done.out == f"{LIBRARY}:{other} 127.0.0.1:8080\n"


def test_a_script_is_what_runs_it_and_set_user_id_is_named(new_waybill, tmp_path):
    waybill = new_waybill(listen="127.0.0.1:8080")
    static = tmp_path / "static"
    (tmp_path / "asks.c").write_text("int main(void) { return 0; }")
    subprocess.run(["gcc", "-static", "-o", static, tmp_path / "asks.c"], check=True)
    script = tmp_path / "script"
    script.write_text(f"#!{static}\n")
    script.chmod(0o755)
    secure = tmp_path / "secure"
    shutil.copy("/bin/true", secure)
    os.chown(secure, 12345, 12345)
    secure.chmod(0o4755)
    for program, word in ((script, "statically"), (secure, "set-user-ID")):
        done = run_command("exec", "--preload", "--config", waybill.config_file, "--", program)
        assert done.returncode == 0 and word in done.err, done.err


def test_exec_preload_and_credentials_exclude_each_other(new_waybill):
    waybill = new_waybill(listen="127.0.0.1:8080", access={"credentials": {"app": "hunter-2"}})
    done = run_command("exec", "--preload", "--config", waybill.config_file, "--", "/bin/true")
    assert done.returncode == 2 and "access.credentials" in done.err and "hunter" not in done.err


def test_only_connect_is_exported():
    symbols = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], check=True, capture_output=True, text=True)
    assert re.findall(r" [A-Z] (\S+)$", symbols.stdout, re.MULTILINE) == ["connect"]
