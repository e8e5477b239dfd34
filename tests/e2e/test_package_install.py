# SPDX-License-Identifier: MIT
"""The Debian package in a bare Debian: installs, starts, upgrades, keeps what was edited, purges."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from lib import client
from lib.chroot import Chroot, host_release, run
from lib.stream import DEADLINE
from lib.waybill import LISTENING, REPO, eventually

CONFIG = "/etc/waybill/waybill.yaml"
TOUCHED = "/etc/waybill/services/whapi.yaml"
NEXT = "+next"


@pytest.fixture(scope="module", params=["12", "13"])
def debian(request, tmp_path_factory, long_run):
    release = request.param
    if release != host_release() and not long_run:
        pytest.skip("the other release of Debian: with --long")
    made = Chroot(tmp_path_factory.mktemp("chroot") / f"debian{release}", release)
    yield made
    made.remove()


def build(debian):
    """The package, built in the release that it is for."""
    out = debian.folder.parent
    if debian.release == host_release():
        said = run(REPO / "dev", "package", out)
        return out / said.out.strip().rsplit("/", 1)[1]
    tree = debian.path("/src")
    files = run("git", "-C", REPO, "ls-files", "-z").stdout.decode().split("\0")
    for name in filter(None, files):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPO / name, tree / name)
    modules = REPO / "dashboard/page/node_modules"
    if modules.is_dir():
        shutil.copytree(modules, tree / "dashboard/page/node_modules")
    debian.apt("update")
    said = debian.run("/src/dev", "package", "/out", seconds=1200)
    return debian.path("/out") / said.out.strip().rsplit("/", 1)[1]


@pytest.fixture(scope="module")
def packages(debian):
    """The package, and a later one in which a service file has changed."""
    first = build(debian)
    tree = debian.folder.parent / "next"
    run("dpkg-deb", "-R", first, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: \S+)$", rf"\1{NEXT}", control.read_text(), flags=re.M))
    for name in (CONFIG, TOUCHED):
        path = tree / name[1:]
        path.write_text(path.read_text() + "# of the next version\n")
    (tree / "DEBIAN/md5sums").unlink()
    later = debian.folder.parent / "next.deb"
    run("dpkg-deb", "--root-owner-group", "-b", tree, later)
    for package in (first, later):
        shutil.copy(package, debian.path("/tmp") / package.name)
    return f"/tmp/{first.name}", f"/tmp/{later.name}"


class Service:
    """What the unit's ExecStart runs, as a user of its own."""

    def __init__(self, debian):
        unit = debian.run("sh", "-c", "cat /usr/lib/systemd/system/waybill.service").out
        start = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].split()
        check = re.search(r"^ExecStartPre=(.*)$", unit, re.M)[1].split()
        debian.run(*check)
        debian.run("install", "-d", "-o", "nobody", "-m", "700", "/var/lib/waybill")
        debian.run("install", "-d", "-o", "nobody", "-m", "755", "/run/waybill")
        self.log = debian.folder.parent / "service.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                debian.command("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                               "env", "-C", "/var/lib/waybill", *start),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        found = eventually(lambda: LISTENING.search(self.log.read_text())
                           or self.process.poll() is not None)
        assert found and self.process.poll() is None, self.log.read_text()
        self.port = int(LISTENING.search(self.log.read_text())[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE) == 0, self.log.read_text()


def edit(debian, authority, origin):
    """As an administrator would: other ports, and where the tests' stand-in is."""
    shutil.copy(authority.ca_file, debian.path("/etc/waybill/stand-in.pem"))
    debian.path("/etc/waybill/stand-in.pem").chmod(0o644)
    path = debian.path(CONFIG)
    text = path.read_text().replace("listen: 127.0.0.1:8080", "listen: 127.0.0.1:0")
    text = text.replace("listen: 127.0.0.1:8081", "listen: 127.0.0.1:0")
    text = text.replace("connect_to: {}", f"connect_to: {{api.resend.com:443: 127.0.0.1:{origin.port}}}")
    text = text.replace("ca_file: null", "ca_file: /etc/waybill/stand-in.pem")
    path.write_text(text)
    return text


def call(debian, port):
    entity = client.new_entity()
    with client.tunnel(port, "api.resend.com:443", debian.path("/var/lib/waybill/ca/root.pem")) as c:
        assert c.ask(client.json_request({"to": "a@example.com"}, entity=entity)).status == 200
    return entity


def test_the_package_lives_a_whole_life(debian, packages, authority, origin):
    first, later = packages
    debian.apt("install", first)

    # what came: the program, its manual, completions that their shells can read
    assert debian.run("waybill", "version").out.startswith("waybill ")
    for path in ("/usr/share/man/man1/waybill.1.gz", "/usr/share/zsh/vendor-completions/_waybill",
                 "/usr/share/fish/vendor_completions.d/waybill.fish"):
        assert debian.path(path).is_file(), path
    debian.run("bash", "-c", "shopt -u -o posix; "
               ". /usr/share/bash-completion/completions/waybill; "
               "COMP_WORDS=(waybill exp) COMP_CWORD=1; _waybill; "
               '[[ ${COMPREPLY[0]} == explain ]]')
    debian.run("sh", "-c", "ls /etc/systemd/system/multi-user.target.wants/waybill.service")

    # it runs as it came, and records a call
    edited = edit(debian, authority, origin)
    service = Service(debian)
    entity = call(debian, service.port)
    # a program of another user finds what it must trust
    told = debian.run("setpriv", "--reuid=games", "--regid=games", "--clear-groups",
                      "waybill", "env", "--json", "--host", f"127.0.0.1:{service.port}").out
    assert json.loads(told)["SSL_CERT_FILE"] == "/run/waybill/bundle.pem"
    assert debian.path("/run/waybill/bundle.pem").stat().st_mode & 0o444 == 0o444
    service.stop()
    assert entity in debian.run("waybill", "tail", "--no-follow", "--json").out

    # an upgrade keeps what was edited, brings what was not, and the rows stay
    debian.apt("install", later)
    assert NEXT in debian.run("dpkg-query", "-W", "-f", "${Version}", "waybill").out
    assert debian.path(CONFIG).read_text() == edited
    assert "# of the next version" in debian.path(TOUCHED).read_text()
    service = Service(debian)
    call(debian, service.port)
    service.stop()
    assert entity in debian.run("waybill", "tail", "--no-follow", "--json").out

    # removing keeps configuration and rows, purging nothing
    debian.apt("remove", "waybill")
    assert not debian.path("/usr/bin/waybill").exists()
    assert debian.path(CONFIG).read_text() == edited
    assert debian.path("/var/lib/waybill/waybill.db").exists()
    os.unlink(debian.path("/etc/waybill/stand-in.pem"))
    debian.apt("purge", "waybill")
    left = debian.run("sh", "-c", "find / -xdev \\( -path /proc -o -path /dev -o -path /src -o "
                      "-path /out -o -path /tmp -o -path /var/cache -o -path /var/log \\) -prune -o "
                      "-name '*waybill*' -print").out
    assert left == "", left
