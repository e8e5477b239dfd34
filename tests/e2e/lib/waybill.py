# SPDX-License-Identifier: MIT
"""The program under test: the real binary, in a folder of its own, with a written config."""

import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time
from urllib.parse import unquote_to_bytes

from .stream import DEADLINE

REPO = pathlib.Path(__file__).resolve().parents[3]
SERVICES = REPO / "conf" / "services"
SHARED = pathlib.Path(os.environ.get("WAYBILL_SHARED", REPO.parent / "shared"))

LISTENING = re.compile(r"^(?!.*admin).*listening on 127\.0\.0\.1:(\d+)", re.MULTILINE)
SANITIZER = re.compile(
    r"ERROR: (?:Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer|runtime error:"
)

COLUMNS = [
    "id",
    "service_name",
    "action",
    "status",
    "related_entity_type",
    "related_entity_id",
    "request_payload",
    "response_payload",
    "error_message",
    "error_code",
    "duration_ms",
    "retry_count",
    "created_at",
    "updated_at",
]


def build_dir():
    """Where the binary is: $WAYBILL_BUILD, else build-asan, else build."""
    named = os.environ.get("WAYBILL_BUILD")
    if named:
        return pathlib.Path(named).resolve()
    for name in ("build-asan", "build"):
        if (REPO / name / "cmd" / "waybill").exists():
            return REPO / name
    return REPO / "build"


def binary():
    return build_dir() / "cmd" / "waybill"


def is_sanitized():
    """Whether the binary was built with a sanitizer (it is slower and bigger then)."""
    code = binary().read_bytes()
    return b"__asan_init" in code or b"__tsan_init" in code


def eventually(test, seconds=DEADLINE, every=0.01):
    """Polls test() until it is true; returns its last value."""
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


_PLAIN = re.compile(r"^[A-Za-z0-9/.*_-][A-Za-z0-9/.*_:-]*$")
_OTHERWISE = re.compile(r"^(null|true|false|yes|no|on|off|~|[0-9.+-]+)$", re.IGNORECASE)


def _scalar(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    if _PLAIN.match(text) and not _OTHERWISE.match(text) and not text.startswith("*"):
        return text
    return json.dumps(text)


def to_yaml(value, indent=0):
    """Block YAML for dicts, lists and scalars."""
    pad = "  " * indent
    out = []
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                out.append(f"{pad}{_scalar(key)}:\n{to_yaml(item, indent + 1)}")
            elif isinstance(item, dict):
                out.append(f"{pad}{_scalar(key)}: {{}}\n")
            elif isinstance(item, list):
                out.append(f"{pad}{_scalar(key)}: []\n")
            else:
                out.append(f"{pad}{_scalar(key)}: {_scalar(item)}\n")
    else:
        for item in value:
            if isinstance(item, dict):
                block = to_yaml(item, indent + 1)
                out.append(f"{pad}- {block.lstrip()}")
            else:
                out.append(f"{pad}- {_scalar(item)}\n")
    return "".join(out)


def merge(base, over):
    """over into a copy of base, mappings key by key."""
    result = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


def environment():
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    env["ASAN_OPTIONS"] = "quarantine_size_mb=4:detect_leaks=1:" + env.get("ASAN_OPTIONS", "")
    env["UBSAN_OPTIONS"] = "print_stacktrace=1:" + env.get("UBSAN_OPTIONS", "")
    env["LC_ALL"] = "C.UTF-8"
    return env


class Waybill:
    """One instance. folder holds waybill.yaml, the log, and var/ (its state)."""

    def __init__(self, folder, origin=None, authority=None, connect_to=None, **config):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_file = self.folder / "waybill.yaml"
        self.state_dir = self.folder / "var"
        self.log_file = self.folder / "stderr.log"
        self.process = None
        self.port = None
        self.log_start = 0
        self.launcher = []  # a command that runs the program, as prlimit(1) does
        targets = dict(connect_to or {})
        base = {
            "listen": "127.0.0.1:0",
            "admin": {"listen": "127.0.0.1:0"},
            "state_dir": str(self.state_dir),
            "services": str(SERVICES / "*.yaml"),
            # a busy machine must not turn "recorded before the reply" into a matter of luck
            "record": {"hold_max": "10s"},
            "upstream": {"connect_timeout": "5s", "response_timeout": "30s"},
        }
        if targets:
            base["upstream"]["connect_to"] = targets
        if authority is not None:
            base["upstream"]["ca_file"] = str(authority.ca_file)
        self.config = merge(base, config)
        self.write_config()

    def write_config(self):
        self.config_file.write_text(to_yaml(self.config), encoding="utf-8")

    @property
    def db(self):
        return self.state_dir / "waybill.db"

    @property
    def root_pem(self):
        return self.state_dir / "ca" / "root.pem"

    # life

    def spawn(self):
        """Starts it without waiting for it to listen."""
        log = open(self.log_file, "ab")
        self.log_start = log.tell()
        with log:
            self.process = subprocess.Popen(
                self.launcher + [str(binary()), "run", "--config", str(self.config_file)],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def start(self):
        self.spawn()
        found = eventually(
            lambda: LISTENING.search(self.log()) or self.process.poll() is not None
        )
        match = LISTENING.search(self.log())
        if not found or not match:
            self.kill()
            raise AssertionError("waybill did not start:\n" + self.log())
        self.port = int(match.group(1))
        return self

    def log(self, whole=False):
        """What it has logged: since the last start, or ever."""
        data = self.log_file.read_bytes() if self.log_file.exists() else b""
        if not whole:
            data = data[self.log_start :]
        return data.decode("utf-8", "replace")

    def wait_log(self, pattern, seconds=DEADLINE):
        """Waits for a match of a regular expression in the log."""
        compiled = re.compile(pattern)
        match = eventually(lambda: compiled.search(self.log()), seconds)
        assert match, f"no {pattern!r} in the log:\n{self.log()}"
        return match

    def stop(self, seconds=DEADLINE):
        """SIGTERM; it must drain, exit with 0 and leave no sanitizer report."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("waybill did not stop on SIGTERM:\n" + self.log()[-4000:])
        self.process = None
        self.check_sanitizers()
        assert code == 0, f"exit status {code}:\n{self.log()[-4000:]}"

    def kill(self):
        """kill -9."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()
        self.process = None

    def check_sanitizers(self):
        found = SANITIZER.search(self.log(whole=True))
        assert not found, "sanitizer report:\n" + self.log(whole=True)[found.start() :][:8000]

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def rss_kib(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))

    def cpu_seconds(self):
        """Processor time used so far, of all threads."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    # rows

    def rows(self, where="1", args=()):
        """Rows as dicts, oldest first. No store yet: none."""
        if not self.db.exists():
            return []
        db = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=DEADLINE)
        try:
            db.row_factory = sqlite3.Row
            query = f"select {', '.join(COLUMNS)} from integration_logs where {where} order by id"
            return [dict(row) for row in db.execute(query, args)]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            db.close()

    def count(self):
        return len(self.rows())

    def wait_rows(self, count, where="1", args=(), seconds=DEADLINE):
        """Waits for at least count rows; fails where there are not exactly as many."""
        eventually(lambda: len(self.rows(where, args)) >= count, seconds)
        rows = self.rows(where, args)
        assert len(rows) == count, f"{len(rows)} rows instead of {count}: {rows}"
        return rows

    def row(self, entity, settled=True, seconds=DEADLINE):
        """The one row that carries this entity id."""

        def found():
            rows = self.rows("related_entity_id = ?", (entity,))
            if settled:
                rows = [row for row in rows if row["duration_ms"] is not None]
            return rows

        eventually(found, seconds)
        rows = self.rows("related_entity_id = ?", (entity,))
        assert len(rows) == 1, f"{len(rows)} rows for {entity}: {rows}\n{self.log()[-2000:]}"
        return rows[0]

    def leaks(self, secrets):
        """Where any of the secrets stands in a column, a log line or a file of state_dir."""
        places = [("log", self.log(whole=True).encode())]
        for row in self.rows():
            for column, value in row.items():
                if value is not None:
                    places.append((f"row {row['id']}.{column}", str(value).encode()))
        for path in self.state_dir.rglob("*"):
            if path.is_file():
                places.append((str(path), path.read_bytes()))
        found = []
        for place, data in places:
            readings = [data, unquote_to_bytes(data), data.replace(b"\\/", b"/")]
            for secret in secrets:
                if any(secret.encode() in reading for reading in readings):
                    found.append((place, secret))
        return found


def run_command(*args, seconds=DEADLINE, env=None, cwd=None):
    """One waybill command; returns the finished process with text output."""
    result = subprocess.run(
        [str(binary()), *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=seconds,
        env=env or environment(),
        cwd=cwd,
    )
    result.out = result.stdout.decode("utf-8", "replace")
    result.err = result.stderr.decode("utf-8", "replace")
    assert not SANITIZER.search(result.err), result.err
    return result
