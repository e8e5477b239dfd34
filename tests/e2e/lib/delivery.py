# SPDX-License-Identifier: MIT
"""The store and its shipper under test (ship_driver), the table they deliver to, and the wire."""

import select
import socket
import sqlite3
import subprocess
import threading
import uuid
from contextlib import closing

import pytest

from .postgres import Postgres
from .waybill import REPO, SANITIZER, build_dir, environment, eventually

MIGRATIONS = sorted((REPO / "sql" / "migrations").glob("*.sql"))


class Table:
    """integration_logs in a database of its own."""

    def __init__(self, server):
        self.server = server
        self.name = "d" + uuid.uuid4().hex
        self.url = server.create_database(self.name)
        for path in MIGRATIONS:
            self.query(path.read_text())

    def query(self, sql, args=None, **where):
        return self.server.query(sql, args, dbname=self.name, **where)

    def value(self, sql, args=None, **where):
        return self.query(sql, args, **where)[0][0]

    def ids(self):
        """As a list: a row that is there twice shows."""
        return [str(row[0]) for row in self.query("select id from integration_logs")]

    def count(self):
        return self.value("select count(*) from integration_logs")

    def check(self, ledger):
        """Nothing lost, nothing doubled."""
        found = self.ids()
        assert len(found) == len(set(found)), "doubled rows"
        missing = set(ledger) - set(found)
        assert not missing, f"{len(missing)} of {len(ledger)} rows are lost"


@pytest.fixture(scope="module")
def server():
    with Postgres() as instance:
        yield instance


@pytest.fixture
def table(server):
    """The table in a database of its own; the server runs, whatever the last test did to it."""
    if server.process is None:
        server.start()
    instance = Table(server)
    yield instance
    if server.process is None:
        server.start()
    server.drop_database(instance.name)


class Driver:
    """One ship_driver on a folder. ledger: the ids whose rows it said are committed."""

    def __init__(self, folder, url, batch_timeout_ms=0):
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        self.url = url
        self.timeout = batch_timeout_ms
        self.log_file = folder.parent / f"{folder.name}.log"
        self.ledger = []
        self.lost = 0
        self.process = None
        self.first_line = None
        self.slowest_us = 0

    @property
    def db(self):
        return self.folder / "waybill.db"

    def start(self):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [str(build_dir() / "tests" / "unit" / "ship_driver"), str(self.folder), self.url]
                + ([str(self.timeout)] if self.timeout else []),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
                text=True,
            )
        self.first_line = self.process.stdout.readline().strip()
        assert self.first_line, self.log()
        return self

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def _ask(self, command, end):
        """Sends it; reads up to the line that begins so, which it returns (None: it died)."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except OSError:
            return None
        for line in self.process.stdout:
            if line.startswith(end):
                return line
            if line.startswith("lost"):
                self.lost += int(line.split()[1])
            elif line.endswith("\n"):
                self.ledger.append(line.strip())
        return None

    def load(self, count, size=300, per_commit=10, pause_us=0, days=0):
        done = self._ask(f"load {count} {size} {per_commit} {pause_us} {days}", "done")
        if done:
            self.slowest_us = max(self.slowest_us, int(done.split()[1]))
        return done

    def life(self, count):
        return self._ask(f"life {count}", "done")

    def start_load(self, *args, **how):
        """In a thread of its own; ends early when the driver is killed."""
        thread = threading.Thread(target=self.load, args=args, kwargs=how, daemon=True)
        thread.start()
        return thread

    def status(self):
        head, problem = self._ask("status", "status").strip().split("|", 1)
        words = head.split()
        names = ["waiting", "refused", "delivered", "batches", "repaired", "evicted"]
        return {
            "state": words[1],
            "problem": problem,
            **{name: int(word) for name, word in zip(names, words[2:])},
        }

    def stop(self, drain_ms=20000):
        assert self._ask(f"stop {drain_ms}", "stopped"), self.log()
        assert self.process.wait(60) == 0, self.log()
        self.process = None
        assert not SANITIZER.search(self.log()), self.log()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def sql(self, sql, args=()):
        """On the store, as another program would."""
        with closing(sqlite3.connect(self.db, timeout=30)) as db:
            db.execute("pragma ignore_check_constraints = on")
            rows = db.execute(sql, args).fetchall()
            db.commit()
            return rows

    def waiting(self):
        return self.sql("select count(*) from waybill_outbox")[0][0]

    def drained(self, seconds=60):
        assert eventually(lambda: self.waiting() == 0, seconds, every=0.05), (
            f"{self.waiting()} rows still wait; {self.status()}\n{self.log()[-3000:]}"
        )

    def rss_kib(self):
        text = open(f"/proc/{self.process.pid}/status").read()
        return int(text.split("VmRSS:")[1].split()[0])


class Forwarder:
    """TCP between the shipper and PostgreSQL: counts, cuts after a number of bytes, or goes deaf."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.cuts = []  # (bytes to the server, bytes from it) of connections to come; None: never
        self.seen = []  # [to, from] of each connection
        self.deaf = threading.Event()
        self.stopping = False
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.stopping = True
        self.deaf.clear()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            cut = self.cuts.pop(0) if self.cuts else (None, None)
            threading.Thread(target=self._carry, args=(client, cut), daemon=True).start()

    def _carry(self, client, cut):
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        seen = [0, 0]
        self.seen.append(seen)
        try:
            self._pump((client, server), cut, seen)
        except OSError:
            pass
        client.close()
        server.close()

    def _pump(self, ends, cut, seen):
        while not self.stopping:
            ready, _, _ = select.select(ends, [], [], 0.2)
            if self.deaf.is_set():
                threading.Event().wait(0.05)
                continue
            for source in ready:
                way = 0 if source is ends[0] else 1
                left = 65536 if cut[way] is None else cut[way] - seen[way]
                data = source.recv(min(left, 65536)) if left > 0 else b""
                if not data:
                    return
                ends[1 - way].sendall(data)
                seen[way] += len(data)
                if cut[way] is not None and seen[way] >= cut[way]:
                    return
