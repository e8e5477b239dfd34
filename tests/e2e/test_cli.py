# SPDX-License-Identifier: MIT
"""The commands and their exit codes; bad input gets one clear line."""

import json
import os
import re
import socket
import sqlite3
import stat
import subprocess

import pytest
from cryptography import x509

from lib import client
from lib.place import HOST, call, everywhere
from lib.waybill import (
    REPO,
    SERVICES,
    Waybill,
    binary,
    environment,
    eventually,
    run_command,
)

COMMANDS = ["run", "check", "explain", "ca", "tail", "stats", "version"]


@pytest.fixture(scope="module")
def proxy(origin, module_waybill):
    """A running instance with a success and a failure in its store."""
    targets = {**everywhere(origin), "refused.amocrm.ru:443": "127.0.0.1:1"}
    instance = module_waybill(connect_to=targets).start()
    call(instance, target="/emails", body=b'{"n":1}')
    call(instance, "refused.amocrm.ru", target="/api/v4/leads", body=b"[]")
    call(instance, "gate.whapi.cloud", target="/messages/text", body=b'{"to":"1"}')
    return instance


@pytest.fixture
def config(tmp_path):
    """Writes a config with these service files; returns its path."""

    def write(text="", services=None):
        folder = tmp_path / "conf"
        (folder / "services").mkdir(parents=True, exist_ok=True)
        for name, content in (services or {"made-up.yaml": SERVICE}).items():
            (folder / "services" / name).write_text(content)
        path = folder / "waybill.yaml"
        path.write_text(f"listen: 127.0.0.1:0\nstate_dir: {tmp_path}/var\n" + text)
        return path

    return write


SERVICE = """\
service: made-up
hosts: [api.made-up.example.test]
routes:
  - {methods: [GET], path: "/v1/{thing}", action: "get_{thing}"}
"""


# help and version


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = run_command(command, "--help")
    assert result.returncode == 0
    assert command in result.out and "usage" in result.out.lower()
    if command != "version":
        assert "--config" in result.out


def test_help_names_every_command():
    result = run_command("--help")
    assert result.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^\s+(waybill )?{command}\b", result.out, re.MULTILINE), command


def test_version_is_that_of_the_build():
    text = (REPO / "meson.build").read_text()
    version = re.search(r"version: '([0-9.]+)'", text).group(1)
    result = run_command("version")
    assert result.returncode == 0
    assert version in result.out


@pytest.mark.parametrize(
    "arguments",
    [[], ["frobnicate"], ["check", "--frobnicate"], ["explain"], ["explain", "GET"],
     ["ca"], ["ca", "frobnicate"], ["tail", "--status", "weird"], ["check", "--config"]],
)  # fmt: skip
def test_a_wrong_call_is_exit_2_and_says_so(arguments, proxy):
    if arguments[:1] == ["tail"]:
        arguments = arguments + ["--config", proxy.config_file, "--no-follow"]
    result = run_command(*arguments)
    assert result.returncode == 2
    assert result.err.strip()


# check


def test_check_accepts_what_the_repository_ships(tmp_path):
    result = run_command("check", "--config", REPO / "conf" / "waybill.yaml", cwd=tmp_path)
    assert result.returncode == 0, result.err


def test_check_makes_nothing(config, tmp_path):
    result = run_command("check", "--config", config())
    assert result.returncode == 0, result.err
    assert not (tmp_path / "var").exists()


def test_the_sample_service_teaches_by_working(config):
    sample = (SERVICES / "example.yaml.sample").read_text()
    result = run_command("check", "--config", config(services={"sample.yaml": sample}))
    assert result.returncode == 0, result.err


ROUTES = "service: made-up\nhosts: [api.made-up.example.test]\nroutes:\n"
BAD_SERVICES = {
    "unknown key": (ROUTES + "  - {path: /a, action: a, frobnicate: 1}\n", 4),
    "overlapping route": (
        ROUTES + "  - {path: '/a/{x}', action: a}\n  - {path: /a/b, action: b}\n", 5),
    "same route twice": (ROUTES + "  - {path: /a, action: a}\n  - {path: /a, action: b}\n", 5),
    "bad regex": (
        "service: made-up\nhosts: [a.example.test]\nsecrets:\n  patterns: ['(unclosed']\n"
        "routes:\n  - {path: /a, action: a}\n", 4),
    "bad pointer": (
        "service: made-up\nhosts: [a.example.test]\nerror:\n  code: [no-slash]\n"
        "routes:\n  - {path: /a, action: a}\n", 4),
    "bad pointer escape": (
        "service: made-up\nhosts: [a.example.test]\nerror:\n  code: ['/a~2b']\n"
        "routes:\n  - {path: /a, action: a}\n", 4),
    "wrong type": (ROUTES + "  - just-text\n", 4),
    "broken yaml": ("service: made-up\nhosts: [a.example.test\nroutes:\n", None),
    "unknown segment": (ROUTES + "  - {path: /a, action: 'get_{b}'}\n", 4),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_SERVICES)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_bad_service_file_is_exit_2_with_its_place(config, case, command):
    text, line = BAD_SERVICES[case]
    result = run_command(command, "--config", config(services={"bad.yaml": text}))
    assert result.returncode == 2, result.err
    match = re.search(r"bad\.yaml:(\d+):(\d+): \S", result.err)
    assert match, result.err
    if line:
        assert int(match.group(1)) == line, result.err
    assert "^" in result.err


BAD_CONFIGS = {
    "unknown key": ("lisen: 127.0.0.1:1\n", 3, "listen"),
    "unknown nested key": ("record:\n  hold_maxx: 1s\n", 4, "hold_max"),
    "wrong type": ("record: 5\n", 3, None),
    "bad duration": ("record: {hold_max: 5 parsecs}\n", 3, None),
    "bad size": ("capture: {max_body: much}\n", 3, None),
    "bad address": ("access: {clients: [300.0.0.1/8]}\n", 3, None),
    "bad choice": ("capture: {payload: everything}\n", 3, None),
    "missing variable": ("database: ${NO_SUCH_VARIABLE_HERE}\n", 3, "NO_SUCH_VARIABLE_HERE"),
    "duplicate key": ("listen: 127.0.0.1:2\n", 3, None),
    "bad port": ("access: {connect_ports: [70000]}\n", 3, None),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_a_bad_config_is_exit_2_with_its_place(config, case):
    text, line, hint = BAD_CONFIGS[case]
    path = config("services: services/*.yaml\n" + text)
    result = run_command("check", "--config", path)
    assert result.returncode == 2, result.err
    match = re.search(r"waybill\.yaml:(\d+):(\d+): \S", result.err)
    assert match and int(match.group(1)) == line + 1, result.err
    if hint:
        assert hint in result.err


def test_two_services_cannot_own_one_host(config):
    services = {"a.yaml": SERVICE, "b.yaml": SERVICE.replace("service: made-up", "service: other")}
    result = run_command("check", "--config", config(services=services))
    assert result.returncode == 2
    assert re.search(r"b\.yaml:\d+:\d+: ", result.err)
    assert "api.made-up.example.test" in result.err


def test_a_config_that_is_not_there_is_exit_2(tmp_path):
    result = run_command("check", "--config", tmp_path / "nowhere.yaml")
    assert result.returncode == 2
    assert "nowhere.yaml" in result.err


def test_no_service_file_at_all_is_exit_2(config):
    result = run_command("check", "--config", config("services: nothing/*.yaml\n"))
    assert result.returncode == 2
    assert "nothing" in result.err


def test_a_variable_and_a_file_are_taken(config, tmp_path):
    (tmp_path / "conf").mkdir(exist_ok=True)
    (tmp_path / "conf" / "secret").write_text("made-up-secret-of-a-user\n")
    text = "access:\n  credentials: {me: '${file:secret}', you: '${MADE_UP}'}\n"
    path = config("services: services/*.yaml\n" + text)
    env = {**environment(), "MADE_UP": "x"}
    assert run_command("check", "--config", path, env=env).returncode == 0


# explain


def test_explain_shows_the_route_and_the_row(proxy, tmp_path):
    answer = tmp_path / "answer.json"
    answer.write_text('{"statusCode":422,"name":"missing_required_field","message":"No `to`."}')
    body = tmp_path / "request.json"
    body.write_text('{"from":"a@example.test","api_key":"made-up-secret-0009"}')
    result = run_command(
        "explain", "POST", f"https://{HOST}/emails", "--request", body, "--response", answer,
        "--status", "422", "--config", proxy.config_file,
    )  # fmt: skip
    assert result.returncode == 0, result.err
    for text in ("resend", "send_email", "failed", "missing_required_field", "No `to`."):
        assert text in result.out, result.out
    assert "made-up-secret-0009" not in result.out


def test_explain_as_json_is_a_row(proxy):
    token = "1234567890:" + "C" * 35
    result = run_command(
        "explain", "POST", f"https://api.telegram.org/bot{token}/sendMessage", "--json",
        "--config", proxy.config_file,
    )  # fmt: skip
    assert result.returncode == 0, result.err
    assert token not in result.out
    assert "send_telegram" in json.dumps(json.loads(result.out))


def test_explain_of_an_unrouted_host_says_so(proxy):
    result = run_command(
        "explain", "GET", "https://unrouted.example.test/x", "--config", proxy.config_file
    )
    assert result.returncode == 0
    assert "unrouted.example.test" in result.out and "no row" in result.out


# tail and stats


def test_tail_shows_the_rows(proxy):
    result = run_command("tail", "--no-follow", "--config", proxy.config_file)
    assert result.returncode == 0, result.err
    for text in ("send_email", "send_whatsapp", "sync_lead"):
        assert text in result.out


def test_tail_filters_and_speaks_json(proxy):
    result = run_command(
        "tail", "--no-follow", "--json", "--service", "resend", "--config", proxy.config_file
    )
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["action"] for row in rows] == ["send_email"]
    assert rows[0]["request_payload"] == {"n": 1}
    assert set(rows[0]) >= {"id", "status", "error_code", "duration_ms", "created_at"}
    result = run_command(
        "tail", "--no-follow", "--json", "--status", "failed", "--config", proxy.config_file
    )
    assert [json.loads(line)["action"] for line in result.out.splitlines()] == ["sync_lead"]


def test_tail_follows(proxy):
    process = subprocess.Popen(
        [str(binary()), "tail", "--json", "--config", str(proxy.config_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    try:
        entity = client.new_entity()
        for _ in range(3):  # the rows that are there
            assert process.stdout.readline()
        with client.tunnel(proxy.port, f"{HOST}:443", proxy.root_pem) as opened:
            opened.ask(client.request(target="/emails", body=b'{"n":2}', entity=entity))
        row = json.loads(process.stdout.readline())
        assert row["related_entity_id"] == entity
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_stats_counts(proxy):
    result = run_command("stats", "--config", proxy.config_file)
    assert result.returncode == 0, result.err
    assert "send_email" in result.out and "sync_lead" in result.out
    result = run_command("stats", "--json", "--config", proxy.config_file)
    views = json.loads(result.out)
    assert {"hourly", "daily"} <= set(views)
    failed = [row for row in views["hourly"] if row["action"] == "sync_lead"]
    assert failed and failed[0]["failed_count"] == 1


def test_the_store_has_the_indexes_and_views(proxy):
    db = sqlite3.connect(f"file:{proxy.db}?mode=ro", uri=True)
    names = {row[0] for row in db.execute("select name from sqlite_master")}
    db.close()
    for name in ("service_name", "status", "created_at", "related_entity", "failed", "dashboard"):
        assert f"idx_integration_logs_{name}" in names
    assert {"integration_stats_hourly", "integration_stats_daily"} <= names


def test_tail_without_a_store_is_exit_1(config):
    result = run_command("tail", "--no-follow", "--config", config())
    assert result.returncode == 1
    assert result.err.strip()


# ca


def test_ca_show_and_export(proxy, tmp_path):
    shown = run_command("ca", "show", "--config", proxy.config_file)
    assert shown.returncode == 0, shown.err
    root = x509.load_pem_x509_certificate(proxy.root_pem.read_bytes())
    digest = root.fingerprint(root.signature_hash_algorithm).hex().upper()
    fingerprint = ":".join(re.findall("..", digest))
    assert fingerprint in shown.out.upper()
    assert str(proxy.root_pem) in shown.out
    exported = run_command("ca", "export", "--config", proxy.config_file)
    assert exported.returncode == 0
    assert exported.out.strip() == proxy.root_pem.read_text().strip()
    assert "PRIVATE" not in shown.out + exported.out


@pytest.mark.parametrize("root", [False, True], ids=["intermediate", "root"])
def test_ca_renew_keeps_the_root_unless_told_otherwise(origin, new_waybill, root):
    instance = new_waybill(connect_to=everywhere(origin)).start()
    instance.stop()
    intermediate = instance.root_pem.with_name("intermediate.pem")
    before = instance.root_pem.read_text(), intermediate.read_text()
    arguments = ["--root"] if root else []
    result = run_command("ca", "renew", *arguments, "--config", instance.config_file)
    assert result.returncode == 0, result.err
    assert (instance.root_pem.read_text() != before[0]) == root
    assert intermediate.read_text() != before[1]
    instance.start()
    assert call(instance, body=b"{}")[0].status == 200


def test_ca_show_before_the_first_run_is_exit_1(config):
    result = run_command("ca", "show", "--config", config())
    assert result.returncode == 1
    assert result.err.strip()


def test_keys_and_folders_are_private(proxy):
    assert stat.S_IMODE(proxy.state_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(proxy.db.stat().st_mode) == 0o600
    keys = list((proxy.state_dir / "ca").glob("*.key"))
    assert keys
    for key in keys:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_intermediate_is_constrained_to_the_routed_hosts(proxy):
    path = proxy.state_dir / "ca" / "intermediate.pem"
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert extension.critical
    names = {n.value for n in extension.value.permitted_subtrees if isinstance(n, x509.DNSName)}
    assert HOST in names and not any("example" in name for name in names)
    assert extension.value.excluded_subtrees, "no IP names"


# run that cannot


def fails(waybill, code, *words):
    """Runs it; it must end by itself with this code and a line that has these words."""
    result = run_command("run", "--config", waybill.config_file)
    assert result.returncode == code, result.err
    lines = [line for line in result.err.splitlines() if line.strip()]
    assert any(all(word in line for word in words) for line in lines), result.err
    return result


def test_a_port_in_use_is_exit_1(new_waybill):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen(1)
    port = str(taken.getsockname()[1])
    fails(new_waybill(listen=f"127.0.0.1:{port}"), 1, "127.0.0.1", port, "in use")
    taken.close()


def test_a_second_waybill_on_one_state_dir_is_exit_1(proxy, tmp_path):
    second = Waybill(tmp_path / "second", state_dir=str(proxy.state_dir))
    fails(second, 1, str(proxy.state_dir))
    assert call(proxy, body=b"{}")[0].status == 200


def test_a_key_that_others_can_read_is_refused(new_waybill, origin):
    instance = new_waybill(connect_to=everywhere(origin)).start()
    instance.stop()
    for key in (instance.state_dir / "ca").glob("*.key"):
        key.chmod(0o644)
    fails(instance, 1, ".key")


def test_a_key_that_is_no_key_is_refused(new_waybill, origin):
    instance = new_waybill(connect_to=everywhere(origin)).start()
    instance.stop()
    key = instance.state_dir / "ca" / "intermediate.key"
    key.write_text("not a key\n")
    fails(instance, 1, "intermediate.key")


def as_nobody(command):
    """The command under a user without rights, where the tests run as root."""
    if os.geteuid() == 0:
        return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    return command


def test_a_state_dir_that_cannot_be_written_is_exit_1(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    waybill = Waybill(tmp_path / "waybill", state_dir=str(locked / "var"))
    locked.chmod(0o500)
    for path in [tmp_path, *tmp_path.parents]:
        if path.owner() == "root" and not stat.S_IMODE(path.stat().st_mode) & 0o001:
            os.chmod(path, stat.S_IMODE(path.stat().st_mode) | 0o001)
    result = subprocess.run(
        as_nobody([str(binary()), "run", "--config", str(waybill.config_file)]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=20,
    )
    text = result.stderr.decode()
    assert result.returncode == 1, text
    assert str(locked) in text


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 1 MiB; needs the right to mount."""
    path = tmp_path / "small"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a small tmpfs")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_state_dir_at_start_is_exit_1(small_disk, tmp_path):
    (small_disk / "filler").write_bytes(b"x" * (1 << 20))
    waybill = Waybill(tmp_path / "waybill", state_dir=str(small_disk / "var"))
    fails(waybill, 1, str(small_disk))


def test_a_disk_that_fills_up_fails_no_request(small_disk, new_waybill, origin):
    instance = new_waybill(
        connect_to=everywhere(origin),
        state_dir=str(small_disk / "var"),
        record={"hold_max": "200ms"},
    )
    instance.state_dir = small_disk / "var"
    instance.start()
    body = os.urandom(20000).hex().encode()
    with client.tunnel(instance.port, f"{HOST}:443", instance.root_pem) as opened:
        for _ in range(60):
            assert opened.ask(client.request(target="/emails", body=body)).status == 200
    assert eventually(lambda: re.search(r"(?i)full|no space", instance.log())), instance.log()
    assert 0 < instance.count() < 60
