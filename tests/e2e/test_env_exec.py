# SPDX-License-Identifier: MIT
"""`waybill env` and `waybill exec`: each form read by who reads it, and a command run as it was meant."""

import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import stat
import subprocess

import pytest

from lib import place
from lib.waybill import Waybill, binary, environment, run_command

# what shells, files and YAML each trip over
HARD = "it's a $dir \"of\" `x` \\ ш"
SYSTEMD = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator"

JAVA = """
import java.net.URI;
import java.net.http.*;
public class Call {
    public static void main(String[] args) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(args[0]))
            .POST(HttpRequest.BodyPublishers.ofString("{\\"to\\":\\"привет\\"}"));
        HttpResponse<String> answer = HttpClient.newHttpClient()
            .send(request.build(), HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode() + " " + answer.body());
    }
}
"""


def make(folder, name="w", **config):
    return Waybill(pathlib.Path(folder) / name, **{"listen": "127.0.0.1:8080", **config})


def env_of(waybill, *options, env=None):
    done = run_command("env", "--json", "--config", waybill.config_file, *options, env=env)
    assert done.returncode == 0, done.err
    return json.loads(done.out)


def clean(**extra):
    """The tests' environment without what `waybill env` keeps or looks at."""
    known = re.compile(r"^(NODE_|JAVA_|PHP_|WGETRC|SSL_CERT|.*_CA_BUNDLE|GIT_SSL|HOME$)")
    return {**{k: v for k, v in environment().items() if not known.match(k)}, **extra}


def nul_pairs(data):
    return dict(pair.split("=", 1) for pair in data.decode().split("\0") if "=" in pair)


def by_sh(text, folder):
    code = 'eval "$1"; exec env -0'
    return nul_pairs(subprocess.run(["sh", "-c", code, "sh", text], env={"PATH": os.environ["PATH"]},
                                    capture_output=True, check=True).stdout)


def by_fish(text, folder):
    if not shutil.which("fish"):
        pytest.fail("fish is not installed")
    code = "eval $argv[1]; env -0"
    home = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    return nul_pairs(subprocess.run(["fish", "-N", "-c", code, "--", text], env=home,
                                    capture_output=True, check=True).stdout)


def by_sourcing(text, folder):
    """A dotenv file as `set -a; . ./.env` reads it."""
    (folder / ".env").write_text(text)
    return nul_pairs(subprocess.run(["sh", "-c", "set -a; . ./.env; exec env -0"], cwd=folder,
                                    env={"PATH": os.environ["PATH"]}, capture_output=True,
                                    check=True).stdout)


def by_systemd(text, folder):
    """The parser of EnvironmentFile=, in a program that can be run without systemd as process 1."""
    if not os.path.exists(SYSTEMD):
        pytest.fail("systemd is not installed")
    conf = folder / "config" / "environment.d"
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "waybill.conf").write_text(text)
    out = subprocess.run([SYSTEMD], env={"XDG_CONFIG_HOME": str(folder / "config"),
                                         "HOME": str(folder), "PATH": os.environ["PATH"]},
                         capture_output=True, check=True).stdout.decode()
    return {k: v for k, v in (line.split("=", 1) for line in out.splitlines())}


def yaml_text(quoted):
    """A double-quoted scalar with its dollars undone."""
    return json.loads(quoted).replace("$$", "$")


def by_compose(text, folder):
    first, *lines = text.splitlines()
    assert first == "environment:"
    return {name: yaml_text(value) for name, value in (line.strip().split(": ", 1) for line in lines)}


def by_kubernetes(text, folder):
    first, *lines = text.splitlines()
    assert first == "env:"
    names = [line.removeprefix("  - name: ") for line in lines[::2]]
    return dict(zip(names, [yaml_text(line.removeprefix("    value: ")) for line in lines[1::2]]))


@pytest.mark.parametrize("form,read,state", [
    ("sh", by_sh, HARD),
    ("fish", by_fish, HARD),
    ("docker-compose", by_compose, HARD),
    ("docker", by_compose, HARD),
    ("kubernetes", by_kubernetes, HARD),
    ("dotenv", by_sourcing, "a $dir `x` ш"),
    ("dotenv", by_sourcing, "plain"),
    ("systemd", by_systemd, "it's a \"dir\" of `x` \\ ш"),  # that program, unlike a unit, expands $
], ids=lambda value: value if isinstance(value, str) else "")
def test_each_form_reads_back(tmp_path, form, read, state):
    """Whoever reads a form has exactly the values that --json says."""
    waybill = make(tmp_path, state_dir=str(tmp_path / state))
    options = clean(HOME=str(tmp_path), NO_PROXY="intern.test, .x.test")
    wanted = env_of(waybill, env=options)
    assert wanted["SSL_CERT_FILE"] == f"{tmp_path}/{state}/ca/bundle.pem"
    done = run_command("env", "--format", form, "--config", waybill.config_file, env=options)
    assert done.returncode == 0 and done.err == ""
    if read is by_systemd:  # it prints values as sh wants them
        done.out = re.sub(r'^JAVA.*\n', "", done.out, flags=re.M)
        del wanted["JAVA_TOOL_OPTIONS"]
        found = {k: subprocess.run(["sh", "-c", f"printf %s {v}"], capture_output=True,
                                   check=True).stdout.decode() if v[:1] in "\"$" else v
                 for k, v in read(done.out, tmp_path).items()}
    else:
        found = read(done.out, tmp_path)
    assert {name: found.get(name) for name in wanted} == wanted


def test_what_is_set(tmp_path):
    """The variables, what the caller has of them, and that a second time changes nothing."""
    waybill = make(tmp_path)
    ca = waybill.state_dir / "ca"
    first = env_of(waybill, env=clean(HOME=str(tmp_path), NO_PROXY="intern.test",
                                      JAVA_TOOL_OPTIONS="-Xmx64m", PHP_INI_SCAN_DIR="/etc/php"))
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "WAYBILL_PROXY"):
        assert first[name] == "http://127.0.0.1:8080"
    for name in ("NO_PROXY", "no_proxy"):
        assert first[name] == "intern.test,localhost,127.0.0.1,::1"
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
                 "GIT_SSL_CAINFO", "PERL_LWP_SSL_CA_FILE"):
        assert first[name] == f"{ca}/bundle.pem"
    assert first["NODE_EXTRA_CA_CERTS"] == first["DENO_CERT"] == f"{ca}/root.pem"
    assert first["NODE_USE_ENV_PROXY"] == first["PERL_LWP_ENV_PROXY"] == "1"
    assert first["JAVA_TOOL_OPTIONS"].startswith("-Xmx64m ")
    assert first["PHP_INI_SCAN_DIR"] == f"/etc/php:{ca}/php"
    assert {"api.resend.com", "*.amocrm.ru"} <= set(first["WAYBILL_HOSTS"].split(","))
    assert env_of(waybill, env=clean(HOME=str(tmp_path), **first)) == first
    (tmp_path / ".wgetrc").write_text("tries = 1\n")
    assert "WGETRC" not in env_of(waybill, env=clean(HOME=str(tmp_path)))


@pytest.mark.parametrize("listen,options,url", [
    ("127.0.0.1:8123", [], "http://127.0.0.1:8123"),
    ("0.0.0.0:8123", [], "http://127.0.0.1:8123"),
    ("[::]:8123", [], "http://[::1]:8123"),
    ("[::1]:8123", [], "http://[::1]:8123"),
    ("0.0.0.0:8123", ["--host", "waybill"], "http://waybill:8123"),
    ("0.0.0.0:8123", ["--host", "waybill.test:80"], "http://waybill.test:80"),
    ("127.0.0.1:8123", ["--host", "[fd00::1]:80"], "http://[fd00::1]:80"),
])
def test_the_address_that_clients_use(tmp_path, listen, options, url):
    waybill = make(tmp_path, listen=listen, access={"clients": ["10.0.0.0/8"]})
    assert env_of(waybill, *options)["HTTPS_PROXY"] == url


@pytest.mark.parametrize("credentials,options,wanted", [
    ({"bill": "s3 cr/et@:%"}, [], "http://bill:s3%20cr%2Fet%40%3A%25@127.0.0.1:8080"),
    ({"a": "1", "b": "2"}, ["--user", "b"], "http://b:2@127.0.0.1:8080"),
    ({"a": "1", "b": "2"}, [], "several users: name one of a, b with --user"),
    ({"a": "1"}, ["--user", "c"], "c is none of access.credentials (a)"),
    ({}, ["--user", "c"], "c is none of access.credentials (empty)"),
])
def test_credentials(tmp_path, credentials, options, wanted):
    waybill = make(tmp_path, access={"credentials": credentials})
    done = run_command("env", "--json", "--config", waybill.config_file, *options)
    if wanted.startswith("http"):
        assert json.loads(done.out)["HTTPS_PROXY"] == wanted
    else:
        assert done.returncode == 2 and wanted in done.err and done.out == ""


def test_credentials_are_what_the_proxy_wants(tmp_path, new_waybill, origin):
    """A secret with all that ends userinfo, by a real client."""
    waybill = new_waybill(connect_to=place.everywhere(origin),
                          access={"credentials": {"bi ll": "p@ss:/?#%"}}).start()
    done = run_command("exec", "--config", waybill.config_file, "--", "curl", "-sS",
                       "https://api.resend.com/emails")
    assert (done.out, done.err, done.returncode) == ('{"ok":true}', "", 0)
    assert waybill.count() == 1


def test_a_port_of_the_kernel_is_found(tmp_path, new_waybill):
    """listen: …:0 is known while a waybill runs; else the message says what to do."""
    waybill = new_waybill()
    done = run_command("env", "--config", waybill.config_file)
    assert done.returncode == 1 and "start `waybill run`" in done.err
    waybill.start()
    assert env_of(waybill)["HTTPS_PROXY"] == f"http://127.0.0.1:{waybill.port}"
    assert env_of(waybill, "--host", "proxy")["HTTPS_PROXY"] == f"http://proxy:{waybill.port}"
    waybill.stop()
    assert run_command("env", "--config", waybill.config_file).returncode == 1


def test_before_the_first_run(tmp_path, new_waybill):
    """env makes the CA that run then uses; in another user's state_dir it says what to do instead."""
    waybill = new_waybill(listen="127.0.0.1:8080")
    env_of(waybill)
    root = waybill.root_pem.read_bytes()
    assert stat.S_IMODE((waybill.state_dir / "ca" / "root.key").stat().st_mode) == 0o600
    waybill.config["listen"] = "127.0.0.1:0"
    waybill.write_config()
    waybill.start()
    assert waybill.root_pem.read_bytes() == root
    if os.geteuid() == 0:
        other = make(tmp_path, "other")
        other.state_dir.mkdir(mode=0o700)
        os.chown(other.state_dir, 65534, 65534)
        done = run_command("env", "--config", other.config_file)
        assert done.returncode == 1 and "start `waybill run` as that user" in done.err
        assert not (other.state_dir / "ca").exists()


def certificates(path):
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n",
                      path.read_text("ascii"), re.S)


def test_trust_files(new_waybill):
    """run makes them; what somebody broke or what is stale is made anew by exec, whole."""
    waybill = new_waybill().start()
    ca = waybill.state_dir / "ca"
    roots = certificates(ca / "bundle.pem")
    assert roots[-1] == waybill.root_pem.read_text()
    ssl.create_default_context(cafile=ca / "bundle.pem")
    with open("/etc/ssl/certs/ca-certificates.crt", encoding="ascii") as system:
        assert len(roots) == system.read().count("BEGIN CERTIFICATE") + 1
    before = {name: (ca / name).read_bytes() for name in ("bundle.pem", "truststore.p12", "wgetrc")}
    (ca / "bundle.pem").write_text("half a")
    (ca / "truststore.p12").unlink()
    (ca / "php" / "waybill.ini").unlink()
    assert run_command("exec", "--config", waybill.config_file, "true").returncode == 0
    assert {name: (ca / name).read_bytes() for name in before} == before
    assert (ca / "php" / "waybill.ini").exists()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in ca.iterdir()}
    assert modes["bundle.pem"] == modes["truststore.p12"] == modes["wgetrc"] == 0o644
    assert not list(ca.glob("*.new"))


def test_files_for_others(tmp_path):
    """--files: certificates only, readable by all, with the paths that a container sees."""
    waybill = make(tmp_path)
    out = tmp_path / "shared"
    env = env_of(waybill, "--files", out, "--files-at", "/trust", "--node")
    assert sorted(path.name for path in out.iterdir()) == [
        "bundle.pem", "php", "preload.cjs", "root.pem", "truststore.p12", "wgetrc"]
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in out.rglob("*"))
    assert "PRIVATE" not in "".join(p.read_text("latin1") for p in out.rglob("*") if p.is_file())
    assert env["SSL_CERT_FILE"] == "/trust/bundle.pem"
    assert env["NODE_OPTIONS"] == "--require=/trust/preload.cjs"
    assert "/trust/bundle.pem" in (out / "wgetrc").read_text()
    assert "/trust/bundle.pem" in (out / "php" / "waybill.ini").read_text()


def test_java_trusts_by_the_store(tmp_path, new_waybill, origin):
    """The JDK's own HttpClient by JAVA_TOOL_OPTIONS alone, from a folder with a blank in its name."""
    waybill = new_waybill(connect_to=place.everywhere(origin), state_dir=str(tmp_path / "a b"))
    waybill.state_dir = tmp_path / "a b"
    waybill.start()
    (tmp_path / "Call.java").write_text(JAVA)
    done = run_command("exec", "--config", waybill.config_file, "--", "java", tmp_path / "Call.java",
                       "https://api.resend.com/emails", seconds=120)
    assert done.out == '200 {"ok":true}\n', done.err
    assert bytes(origin.requests[-1].body) == '{"to":"привет"}'.encode()
    assert waybill.count() == 1


# ---- exec


@pytest.mark.parametrize("command,code,out,err", [
    (["--", "sh", "-c", "echo out; echo err >&2; exit 7"], 7, "out\n", "err\n"),
    (["printf", "%s|", "--config", "-h", "a b", ""], 0, "--config|-h|a b||", ""),
    (["--", "no-such-command"], 127, "", "no-such-command: No such file or directory\n"),
    (["--", "/etc/passwd"], 126, "", "/etc/passwd: Permission denied\n"),
    (["--", "/etc/passwd/x"], 127, "", "/etc/passwd/x: Not a directory\n"),
    (["--"], 2, "", "a command is expected; see `waybill exec --help`\n"),
    (["--nonsense", "true"], 2, "", "option --nonsense is unknown"),
])
def test_exec_is_the_command(tmp_path, command, code, out, err):
    waybill = make(tmp_path)
    done = run_command("exec", "--config", waybill.config_file, *command)
    assert done.returncode == code and done.out == out
    assert (err in done.err) if err else done.err == ""


def test_exec_becomes_the_process(tmp_path):
    """The same process, so that signals, its terminal and its standard streams are those of the command."""
    waybill = make(tmp_path)
    with subprocess.Popen([binary(), "exec", "--config", waybill.config_file, "--", "sh", "-c",
                           'trap "echo caught; exit 3" TERM; echo $$; read line; echo "$line"; '
                           'while :; do sleep 0.05; done'],
                          env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert int(process.stdout.readline()) == process.pid
        process.stdin.write("привет\n".encode())
        process.stdin.flush()
        assert process.stdout.readline() == "привет\n".encode()
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"caught\n"
        assert process.wait(10) == 3


def test_exec_sets_what_env_prints(tmp_path):
    """The same variables, with NODE_OPTIONS in place of Node's own way."""
    waybill = make(tmp_path)
    env = clean(HOME=str(tmp_path), NODE_OPTIONS="--no-warnings")
    done = run_command("exec", "--config", waybill.config_file, "env", "-0", env=env)
    found = nul_pairs(done.stdout)
    wanted = env_of(waybill, env=env)
    del wanted["NODE_USE_ENV_PROXY"]
    assert {name: found.get(name) for name in wanted} == wanted
    assert re.fullmatch(r"--no-warnings --require=/\S+/preload\.cjs", found["NODE_OPTIONS"])
    assert "NODE_USE_ENV_PROXY" not in found


def test_exec_finds_the_preload_where_it_is_installed(tmp_path):
    """PREFIX/bin/waybill has it in PREFIX/lib/waybill, with a blank in the name; without it exec says so."""
    prefix = tmp_path / "pre fix"
    (prefix / "bin").mkdir(parents=True)
    shutil.copy(binary(), prefix / "bin" / "waybill")
    waybill = make(tmp_path)
    command = [prefix / "bin" / "waybill", "exec", "--config", waybill.config_file, "--",
               shutil.which("node") or "node", "-p", "globalThis[Symbol.for('waybill.preload')]"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "preload.cjs is not installed" in done.stderr
    (prefix / "lib" / "waybill").mkdir(parents=True)
    source = pathlib.Path(__file__).parents[2] / "clients" / "node" / "preload.cjs"
    shutil.copy(source, prefix / "lib" / "waybill" / "preload.cjs")
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.stdout == "true\n", done.stderr
