# SPDX-License-Identifier: MIT
"""`waybill doctor`: each thing that can be wrong is one line, with the one that fixes it."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lib.place import BLIND, HOST, everywhere
from lib.waybill import SERVICES, environment, run_command

SCRIPT = pathlib.Path(__file__).parent / "lib" / "bypass.py"
RESEND = str(SERVICES / "resend.yaml")


@pytest.fixture
def new_proxy(new_waybill, origin):
    def make(**config):
        config = {"services": RESEND, **config}
        return new_waybill(connect_to=everywhere(origin), **config).start()

    return make


def doctor(instance, *options, env=None):
    """Its report as JSON, and its exit code."""
    done = run_command(
        "doctor", "--config", instance.config_file, "--json", *options, env=env, seconds=60
    )
    report = json.loads(done.out)
    assert done.returncode == (0 if report["ok"] else 1), done.err
    for check in report["checks"]:
        assert check["message"] and (check["level"] != "fail" or check["check"])
    return report


def of(report, check, level=None):
    return [
        entry
        for entry in report["checks"]
        if entry["check"] == check and level in (None, entry["level"])
    ]


def fails(report):
    return [entry for entry in report["checks"] if entry["level"] == "fail"]


def set_env(**extra):
    env = environment()
    for name in list(env):
        if name.endswith(("_CERTS", "_CERT_FILE", "_BUNDLE", "_CERT", "_CAINFO")):
            del env[name]
    return {**env, **extra}


def test_all_is_well_and_nothing_is_sent_to_an_api(new_proxy, new_origin):
    origin = new_origin()
    instance = new_proxy(upstream={"connect_to": everywhere(origin)})
    report = doctor(instance, env=set_env())
    assert report["ok"] and fails(report) == []
    names = [entry["check"] for entry in report["checks"]]
    for name in ("config", "routes", "state_dir", "ca", "bundle", "store", "port", "call", "env"):
        assert name in names, name
    assert names.count("bundle") == 3
    assert HOST in of(report, "call")[0]["message"]
    assert origin.connections == [] and instance.rows() == []
    text = run_command("doctor", "--config", instance.config_file, env=set_env())
    assert text.returncode == 0 and "ok    call" in text.out


def der(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


# name, what is done to the folder state_dir/ca, and what is said
BROKEN = [
    ("empty", lambda ca: (ca / "bundle.pem").write_text(""), "no certificate in it"),
    ("der", lambda ca: (ca / "bundle.pem").write_bytes(der((ca / "root.pem").read_bytes())), "DER"),
    ("gone", lambda ca: (ca / "bundle.pem").unlink(), "not there"),
    (
        "other",
        lambda ca: shutil.copy(ca / "intermediate.pem", ca / "bundle.pem"),
        "waybill's root is not in it",
    ),
    ("store", lambda ca: (ca / "truststore.p12").write_bytes(b""), "empty"),
]


def test_what_is_wrong_with_the_files_for_clients_is_told_and_mended(new_proxy):
    instance = new_proxy()
    for name, break_it, words in BROKEN:
        break_it(instance.state_dir / "ca")
        report = doctor(instance, env=set_env())
        (fail,) = fails(report)
        assert fail["check"] == "bundle" and words in fail["message"], name
        assert "waybill env" in fail["fix"]
        # the line that fixes it does
        assert run_command("env", "--config", instance.config_file).returncode == 0
    assert doctor(instance, env=set_env())["ok"]


def test_the_folder_and_the_ca_are_looked_at(new_proxy):
    instance = new_proxy()
    instance.state_dir.chmod(0o755)
    (warning,) = of(doctor(instance, env=set_env()), "state_dir")
    assert warning["level"] == "warn" and "755" in warning["message"]
    (instance.state_dir / "ca" / "root.key").chmod(0o644)
    (fail,) = of(doctor(instance, env=set_env()), "ca", "fail")
    assert "root.key" in fail["message"]


def test_the_port_may_be_dead_or_another_programs(new_proxy):
    instance = new_proxy()
    port = instance.port
    instance.stop()
    instance.config["listen"] = f"127.0.0.1:{port}"
    instance.write_config()
    (fail,) = of(doctor(instance, env=set_env()), "port")
    assert fail["level"] == "fail" and "waybill run" in fail["fix"]
    with socket.create_server(("127.0.0.1", port)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        (fail,) = of(doctor(instance, env=set_env()), "port")
    assert fail["level"] == "fail" and "another program" in fail["message"]


def test_a_host_that_the_running_proxy_does_not_know_is_told(new_proxy, tmp_path):
    services = tmp_path / "services"
    services.mkdir()
    shutil.copy(RESEND, services)
    instance = new_proxy(services=str(services / "*.yaml"))
    (services / "new.yaml").write_text("service: new\nhosts: [api.new.example.test]\n")
    (fail,) = fails(doctor(instance, env=set_env()))
    assert fail["check"] == "call" and "api.new.example.test" in fail["message"]
    assert "SIGHUP" in fail["fix"]
    instance.reload()
    instance.wait_log("reloaded: 2 services")
    assert doctor(instance, env=set_env())["ok"]


def test_a_proxy_with_credentials_is_asked_with_them(new_proxy):
    instance = new_proxy(access={"credentials": {"shop": "s3cret-of-the-shop"}})
    report = doctor(instance, env=set_env())
    assert report["ok"] and "s3cret-of-the-shop" not in json.dumps(report)


@pytest.mark.parametrize("broken", ["config", "routes"])
def test_a_wrong_configuration_is_a_finding(new_waybill, tmp_path, broken):
    services = tmp_path / "bad.yaml"
    services.write_text("service: bad\nhosts: [api.bad.test]\nrotes: []\n")
    instance = new_waybill(services=str(services))
    if broken == "config":
        instance.config_file.write_text("lisen: 1\n")
    report = doctor(instance, env=set_env())
    assert of(report, broken, "fail") and "waybill check" in of(report, broken)[0]["fix"]


def test_the_variables_of_this_environment(new_proxy):
    """The whole table is in tests/unit/test_doctor.c."""
    instance = new_proxy()
    right = f"http://127.0.0.1:{instance.port}"
    table = [
        ({"HTTPS_PROXY": right, "SSL_CERT_FILE": str(instance.root_pem)}, "ok", "right"),
        ({"HTTPS_PROXY": right, "NO_PROXY": "a.test,.resend.com"}, "fail", HOST),
        ({"HTTPS_PROXY": right, "NODE_EXTRA_CA_CERTS": "/etc/hostname"}, "fail", "NODE_EXTRA"),
    ]
    for extra, level, words in table:
        (entry,) = of(doctor(instance, env=set_env(**extra)), "env")
        assert (entry["level"], words in entry["message"]) == (level, True), (extra, entry)


def curl(url, *options):
    return ["--", "curl", "-sS", "-o", os.devnull, *options, url]


def test_a_command_is_told_where_its_calls_went(new_proxy, authority):
    instance = new_proxy()
    report = doctor(instance, *curl(f"https://{HOST}/emails"), env=set_env())
    assert report["ok"] and report["command_exit"] == 0
    (line,) = of(report, "command")
    assert HOST in line["message"] and "through waybill" in line["message"]
    assert len(instance.rows()) == 1

    pinned = ["--cacert", str(authority.ca_file)]
    report = doctor(instance, *curl(f"https://{HOST}/emails", *pinned), env=set_env())
    (fail,) = fails(report)
    assert "rejects" in fail["message"] and "bundle.pem" in fail["fix"]
    assert report["command_exit"] == 60

    report = doctor(instance, *curl(f"https://{BLIND}/x", "-k"), env=set_env())
    assert report["ok"] and BLIND in of(report, "command")[0]["message"]
    assert "--suggest" in of(report, "command")[0]["fix"]

    report = doctor(instance, "--", "true", env=set_env())
    assert "no host" in of(report, "command", "warn")[0]["message"]

    report = doctor(instance, "--", "/nowhere/program", env=set_env())
    assert report["command_exit"] == 127


def test_a_command_is_not_started_where_nothing_would_be_recorded(new_proxy, tmp_path):
    instance = new_proxy()
    instance.stop()
    mark = tmp_path / "started"
    report = doctor(instance, "--", "touch", mark, env=set_env())
    assert not report["ok"] and not mark.exists()
    assert "not started" in of(report, "command")[0]["message"]


@pytest.mark.parametrize("options", [["curl"], ["--env"], ["--nonsense"]])
def test_a_wrong_call_is_told(new_waybill, options):
    done = run_command("doctor", "--config", new_waybill().config_file, *options)
    assert done.returncode == 2 and "--help" in done.err


@pytest.fixture(scope="module")
def bypassed(tmp_path_factory):
    """What lib/bypass.py found, in a network and a mount namespace of its own."""
    if os.geteuid() != 0 or not all(map(shutil.which, ["unshare", "ip", "mount"])):
        pytest.skip("needs root, unshare(1), ip(8) and mount(8)")
    probe = subprocess.run(["unshare", "--net", "--mount", "true"], stderr=subprocess.PIPE)
    if probe.returncode != 0:
        pytest.skip("namespaces are not allowed here")
    folder = tmp_path_factory.mktemp("bypass")
    result = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, str(SCRIPT), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "name, program, advice",
    [("python past", "python3", "--preload"), ("node env", "node", "waybill exec -- node")],
)
def test_a_program_that_goes_past_waybill_is_found_and_told_what_helps(
    bypassed, name, program, advice
):
    report = bypassed[name]
    assert report["past"] >= 1 and report["exit"] == 1
    (fail,) = fails(report)
    assert "past waybill" in fail["message"] and "127.0.0.9:443" in fail["message"]
    assert HOST in fail["message"] and program in fail["message"]
    assert advice in fail["fix"]


@pytest.mark.parametrize("name", ["python right", "node exec"])
def test_a_program_that_is_recorded_is_none(bypassed, name):
    report = bypassed[name]
    assert report["past"] == 0 and report["exit"] == 0 and fails(report) == [], report
    assert "through waybill" in of(report, "command")[0]["message"]
    assert bypassed["rows"] == 2
