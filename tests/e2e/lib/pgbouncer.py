# SPDX-License-Identifier: MIT
"""A private PgBouncer in transaction mode in front of a private PostgreSQL."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from .postgres import SECONDS, free_port

PROGRAM = "/usr/sbin/pgbouncer"

CONFIG = """\
[databases]
* = host=127.0.0.1 port={server} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
server_login_retry = 1
logfile = {folder}/log
"""


class PgBouncer:
    """with PgBouncer(server) as pooler: pooler.url("one")"""

    def __init__(self, server):
        self.server = server
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="waybill-bouncer-"))
        self.port = free_port()
        self.process = None
        self.config = self.folder / "pgbouncer.ini"
        self.config.write_text(
            CONFIG.format(server=server.port, port=self.port, folder=self.folder)
        )
        self.identity = {}
        if os.geteuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam("postgres")
            self.identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            for path in (self.folder, self.config):
                os.chown(path, user.pw_uid, user.pw_gid)

    def start(self):
        self.process = subprocess.Popen(
            [PROGRAM, "-q", str(self.config)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.identity,
        )
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if "process up" in self.log():
                return self
            time.sleep(0.02)
        raise AssertionError("PgBouncer did not start:\n" + self.log())

    def stop(self):
        """At once: every connection is cut."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(SECONDS)
            self.process = None
            (self.folder / "log").write_text("")

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def url(self, dbname):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{dbname}"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
