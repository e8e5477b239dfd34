# SPDX-License-Identifier: MIT
"""A bare Debian in a folder, as debootstrap makes it, to install packages in."""

import pathlib
import re
import shutil
import subprocess
import sys

RELEASES = {"12": "bookworm", "13": "trixie"}


def host_release():
    found = re.search(r'^VERSION_ID="?(\d+)', pathlib.Path("/etc/os-release").read_text(), re.M)
    return found[1] if found else ""


def mirror():
    """The one that apt on this machine takes Debian from."""
    files = [pathlib.Path("/etc/apt/sources.list"),
             *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]
    for path in files:
        if not path.is_file():
            continue
        text = path.read_text()
        found = re.search(r"^URIs:\s*(\S+)", text, re.M) or re.search(
            r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(?:bookworm|trixie)\s", text, re.M)
        if found:
            return found[1]
    return None


def run(*args, seconds=600, check=True, **how):
    done = subprocess.run([*map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds, check=False, **how)
    done.out = done.stdout.decode("utf-8", "replace")
    assert not check or done.returncode == 0, f"{args}: {done.returncode}\n{done.out[-6000:]}"
    return done


class Chroot:
    def __init__(self, folder, release):
        self.folder = pathlib.Path(folder)
        self.release = release
        source = [mirror()] if mirror() else []
        run("debootstrap", "--variant=minbase", RELEASES[release], self.folder, *source)
        for name in ("proc", "dev"):
            run("mount", "--rbind", "--make-rslave", f"/{name}", self.folder / name)
        # as in a container: a package may not start its service by itself
        policy = self.folder / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            shutil.copyfile(name, self.folder / name[1:])
        for path in pathlib.Path("/etc/apt/apt.conf.d").glob("*prox*"):
            shutil.copy(path, self.folder / "etc/apt/apt.conf.d")

    def path(self, inside):
        return self.folder / inside.lstrip("/")

    def command(self, *args):
        return ["chroot", str(self.folder), "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", *map(str, args)]

    def run(self, *args, **how):
        return run(*self.command(*args), **how)

    def apt(self, *args):
        return self.run("apt-get", "-q", "-y", "--no-install-recommends",
                        "-o", "Dpkg::Options::=--force-confdef",
                        "-o", "Dpkg::Options::=--force-confold",
                        "-o", "Acquire::Retries=3", *args)

    def remove(self):
        for name in ("proc", "dev"):
            run("umount", "-R", "-l", self.folder / name, check=False)
        mounted = pathlib.Path("/proc/self/mounts").read_text()
        if f" {self.folder}/" in mounted:  # never delete through a mount
            print(f"still mounted below {self.folder}", file=sys.stderr)
            return
        shutil.rmtree(self.folder)
