# SPDX-License-Identifier: MIT
"""What real clients do, as a table: docs/clients.json, from which docs/generate.py makes the matrix of
docs/clients.md.

A test measures a line and gives it to record(). With --write-client-table it goes into the file;
else it must be what the file says, but for the version: Debian's packages differ between releases.
"""

import json
import pathlib
import subprocess
import sys
import threading

REPO = pathlib.Path(__file__).resolve().parents[3]
FILE = REPO / "docs" / "clients.json"

# what makes a line, and what is said in it
KEY = ("client", "runtime", "way")
VERDICTS = ("get", "post", "refused", "rows", "stopped", "fail_open")


class ClientTable:
    def __init__(self, write):
        self.write = write
        self.lock = threading.Lock()
        self.lines = json.loads(FILE.read_text("utf-8")) if FILE.exists() else []

    def find(self, client, runtime, way):
        for line in self.lines:
            if tuple(line[name] for name in KEY) == (client, runtime, way):
                return line
        return None

    def record(self, client, runtime, way, version, **verdicts):
        """client: its name. runtime: "Node 20", "Python 3"; "" for a program. way: "env", "exec" or
        "exec --preload". verdicts: each of VERDICTS, "" for what was not looked at; see judge()."""
        assert set(verdicts) == set(VERDICTS), verdicts
        line = {"client": client, "runtime": runtime, "way": way, "version": version, **verdicts}
        with self.lock:
            old = self.find(client, runtime, way)
            if not self.write:
                assert old, f"docs/clients.json has no line for {client}, {runtime}, {way}: " \
                    "pytest --write-client-table writes it"
                said = {name: old[name] for name in VERDICTS}
                assert verdicts == said, f"{client}, {runtime}, {way}: docs/clients.json says {said}"
                return
            if old:
                self.lines.remove(old)
            self.lines.append(line)

    def close(self):
        if self.write:
            lines = sorted(self.lines, key=lambda line: [line[name].lower() for name in KEY])
            text = ",\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
            FILE.write_text(f"[\n{text}\n]\n", encoding="utf-8")
            subprocess.run([sys.executable, str(REPO / "docs" / "generate.py")], check=True)


def names_proxy(text, port):
    """The verdict on what a client said with the proxy stopped."""
    return "named" if f"127.0.0.1:{port}" in text or f"127.0.0.1 port {port}" in text else "not named"
