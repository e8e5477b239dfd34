# SPDX-License-Identifier: MIT
"""A private PostgreSQL: a cluster of its own in a temporary folder, on a port of its own.

    with Postgres() as server:                  # initdb, started, everything gone at the end
        server.create_database("one")
        server.value("select 1", dbname="one")
        server.stop("immediate"); server.start()

Everybody may log in from 127.0.0.1 without a password, but for the role in GUARDED.
"""

import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from urllib.parse import quote, urlencode

import psycopg2

SECONDS = 60  # for what the server does by itself: starting, stopping, recovering
GUARDED = "guarded"  # a login role that must give GUARDED_PASSWORD
GUARDED_PASSWORD = "p@ss/word %?"

MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# Durability against a power cut is no matter of these tests, and fsync is slow.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


def programs():
    """The folder of the newest installed server's programs."""
    found = pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")
    versions = sorted((int(path.parts[4]), path.parent) for path in found)
    assert versions, "no PostgreSQL server: install the package postgresql"
    return versions[-1][1]


def free_port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _children(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


class Postgres:
    """One cluster. settings go into postgresql.conf."""

    def __init__(self, **settings):
        self.bin = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="waybill-pg-"))
        self.data = self.folder / "data"
        self.log_file = self.folder / "log"
        self.process = None
        self.port = None
        self.settings = {**SETTINGS, **settings}
        # The server refuses to run as root: it is then the system's user postgres.
        self.identity = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        try:
            self._initdb()
        except BaseException:
            self.destroy()
            raise

    def _initdb(self):
        command = [self.bin / "initdb", "-D", self.data, "-U", "postgres", "--no-sync"]
        command += ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **self.identity,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (self.data / "pg_hba.conf").write_text(
            f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n"
            "host all all 127.0.0.1/32 trust\n"
            "host replication all 127.0.0.1/32 trust\n"
        )

    # life

    def _spawn(self):
        lines = [f"{name} = '{value}'" for name, value in self.settings.items()]
        (self.data / "postgresql.auto.conf").write_text(
            "\n".join([*lines, f"port = {self.port}", ""])
        )
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.bin / "postgres"), "-D", str(self.data)],
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.identity,
            )

    def _is_ready(self):
        try:
            return self.value("select not pg_is_in_recovery()", timeout=2)
        except psycopg2.OperationalError:
            return False

    def start(self):
        """Starts it on the port it had before; returns when it answers."""
        first = self.port is None
        for _ in range(5):
            if first:
                self.port = free_port()
            begin = self.log_file.stat().st_size if self.log_file.exists() else 0
            self._spawn()
            end = time.monotonic() + SECONDS
            while self.process.poll() is None and time.monotonic() < end:
                if self._is_ready():
                    if first:
                        self.query(
                            f"create role {GUARDED} login superuser password '{GUARDED_PASSWORD}'"
                        )
                    return self
                time.sleep(0.02)
            self.kill()
            if "Address already in use" not in self.log()[begin:]:
                break
        raise AssertionError("PostgreSQL did not start:\n" + self.log()[-4000:])

    def stop(self, mode="fast"):
        """mode: smart (waits for the clients to leave), fast, immediate (as a crash)."""
        if self.process is None:
            return
        self.process.send_signal(MODES[mode])
        self.process.wait(SECONDS)
        self.process = None

    def restart(self, mode="fast"):
        self.stop(mode)
        return self.start()

    def kill(self):
        """kill -9 of all its processes."""
        if self.process is None:
            return
        pids = self.pids()
        self._signal(pids, signal.SIGKILL)
        self.process.wait(SECONDS)
        self.process = None
        end = time.monotonic() + SECONDS  # the shared memory is theirs until the last is gone
        while any(_is_running(pid) for pid in pids) and time.monotonic() < end:
            time.sleep(0.01)

    def freeze(self):
        """kill -STOP of all its processes: connections are accepted, nothing answers."""
        self._signal(self.pids(), signal.SIGSTOP)
        self._signal(self.pids(), signal.SIGSTOP)  # those that were made meanwhile

    def thaw(self):
        self._signal(self.pids(), signal.SIGCONT)

    def pids(self):
        """The postmaster's process id and those of its children."""
        return [self.process.pid, *_children(self.process.pid)] if self.process else []

    @staticmethod
    def _signal(pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def destroy(self):
        if self.process is not None:
            self.thaw()
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.destroy()

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    # use

    def url(self, dbname="postgres", user="postgres", password=None, port=None, **parameters):
        """postgresql://…; parameters as libpq knows them (connect_timeout, sslmode, …)."""
        name = quote(user, safe="")
        if password is not None:
            name += ":" + quote(password, safe="")
        tail = "?" + urlencode(parameters) if parameters else ""
        return f"postgresql://{name}@127.0.0.1:{port or self.port}/{quote(dbname)}{tail}"

    def connect(self, dbname="postgres", user="postgres", timeout=10):
        """A psycopg2 connection in autocommit mode; the caller closes it."""
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=dbname,
            user=user,
            connect_timeout=timeout,
        )
        connection.autocommit = True
        return connection

    def query(self, sql, args=None, dbname="postgres", user="postgres", timeout=10):
        """Runs it on a connection of its own; the rows as tuples, [] where there are none."""
        with closing(self.connect(dbname, user, timeout)) as connection:
            with connection.cursor() as cursor:
                cursor.execute(sql, args)
                return cursor.fetchall() if cursor.description else []

    def value(self, sql, args=None, **where):
        """The first column of the first row."""
        return self.query(sql, args, **where)[0][0]

    def create_database(self, name):
        assert re.fullmatch(r"[a-z_][a-z0-9_]*", name)
        self.query(f"create database {name}")
        return self.url(name)

    def drop_database(self, name):
        self.query(f'drop database if exists "{name}" with (force)')


def _is_running(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
