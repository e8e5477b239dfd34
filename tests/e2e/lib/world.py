# SPDX-License-Identifier: MIT
"""A small internet for programs that cannot be told where to connect: a network of its own, in which public
addresses are this machine's, and /etc/hosts names them. Nothing in it leaves the machine."""

import concurrent.futures
import ctypes
import os
import subprocess

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
ADDRESS, ADDRESS6 = "203.0.113.10", "2001:db8::10"  # RFC 5737, RFC 3849: nobody's
ROOTS = "/etc/ssl/certs/ca-certificates.crt"


class World:
    """What runs by run() and what is started there, sockets and programs, is inside: namespaces belong to
    the thread."""

    def __init__(self, folder, names, roots=None):
        """names: in /etc/hosts, with ADDRESS. roots: a file that the system trusts besides."""
        self.hosts = folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{ADDRESS} {name}\n" for name in names))
        self.files = [(self.hosts, "/etc/hosts")]
        if roots:
            bundle = folder / "roots.pem"
            with open(ROOTS, encoding="utf-8") as known:
                bundle.write_text(known.read() + roots.read_text())
            self.files.append((bundle, ROOTS))
        self.thread = concurrent.futures.ThreadPoolExecutor(1)
        self.run(self.enter)

    def enter(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
            raise PermissionError(ctypes.get_errno(), "namespaces need root: " + os.strerror(ctypes.get_errno()))
        commands = ["mount --make-rprivate /", *(f"mount --bind {ours} {path}" for ours, path in self.files),
                    "ip link set lo up", f"ip address add {ADDRESS}/32 dev lo",
                    # without nodad it cannot be bound to for a moment
                    f"ip address add {ADDRESS6}/128 dev lo nodad"]
        for command in commands:
            subprocess.run(command.split(), check=True, capture_output=True)

    def run(self, function, *args, **named):
        return self.thread.submit(function, *args, **named).result()

    def close(self):
        self.thread.shutdown()
