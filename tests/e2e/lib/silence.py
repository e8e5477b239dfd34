# SPDX-License-Identifier: MIT
"""A peer that dies without a word: run as root by test_silence.py under `unshare --net`.

Two network namespaces joined by a cable: waybill in this one, an API (or the client) in the other.
Then the other one's way back is taken away: it hears, and nothing of what it says arrives. Prints
how many seconds the long poll between them lasted.
"""

import json
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import client  # noqa: E402
from lib.pki import Authority  # noqa: E402
from lib.waybill import Waybill, eventually  # noqa: E402

HERE, THERE = "10.9.0.1", "10.9.0.2"
HOST = "api.telegram.org"

# in the other namespace: accepts and says nothing, or asks the proxy and waits
API = "import socket; s = socket.create_server(('10.9.0.2', 80))\nwhile True: c, _ = s.accept(); held = c"
CLIENT = (
    "import socket, sys, time; s = socket.create_connection(('10.9.0.1', int(sys.argv[1])))\n"
    "s.sendall(sys.argv[2].encode())\nwhile True: time.sleep(9)"
)


def run(*words):
    subprocess.run(words, check=True)


def inside(pid, *words):
    run("nsenter", "--net", "--target", str(pid), *words)


def join(pid):
    """Lays the cable to the namespace of a process."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there")
    run("ip", "link", "set", "there", "netns", str(pid))
    run("ip", "address", "add", f"{HERE}/24", "dev", "here")
    run("ip", "link", "set", "here", "up")
    inside(pid, "ip", "address", "add", f"{THERE}/24", "dev", "there")
    inside(pid, "ip", "link", "set", "there", "up")
    inside(pid, "ip", "link", "set", "lo", "up")


def start_there(pid, script, *args):
    return subprocess.Popen(
        ["nsenter", "--net", "--target", str(pid), sys.executable, "-c", script, *args]
    )


def stalls(connection_started):
    """An API of this namespace: says that it was asked, and nothing more."""
    from lib.upstream import CLOSE, Origin

    stop = threading.Event()

    def handler(request, connection):
        connection_started.set()
        stop.wait(200)
        return CLOSE

    return Origin(None, handler)


def wait_for_row(instance, begun):
    eventually(
        lambda: [row for row in instance.rows() if row["duration_ms"] is not None], 120, every=0.1
    )
    rows = instance.rows()
    return {"seconds": time.monotonic() - begun, "rows": rows}


def main():
    folder, which = pathlib.Path(sys.argv[1]), sys.argv[2]
    keeper = subprocess.Popen(["unshare", "--net", "sleep", "300"])
    time.sleep(1)
    join(keeper.pid)
    asked = threading.Event()
    target = f"{THERE}:80" if which == "api" else stalls(asked).address
    instance = Waybill(
        folder,
        authority=Authority(folder / "authority"),
        connect_to={f"{HOST}:80": target},
        listen=f"{'127.0.0.1' if which == 'api' else HERE}:0",
        workers=1,
        access={"clients": ["10.9.0.0/24", "127.0.0.0/8"]},
        upstream={"response_timeout": "10m"},
        record={"pending_after": "1s"},
    )
    request = client.request("POST", f"http://{HOST}/bot1:a/sendMessage", host=HOST)
    others = []
    try:
        if which == "api":
            others.append(start_there(keeper.pid, API))
            time.sleep(1)
            instance.start()
            opened = client.plain(instance.port, timeout=200)
            opened.send(request)
            instance.wait_rows(1)
        else:
            instance.spawn()
            port = int(instance.wait_log(r"listening on [0-9.]+:(\d+)").group(1))
            others.append(start_there(keeper.pid, CLIENT, str(port), request.decode()))
            assert asked.wait(20)
        time.sleep(1)
        inside(keeper.pid, "ip", "route", "add", "blackhole", f"{HERE}/32")
        found = wait_for_row(instance, time.monotonic())
        json.dump(found, sys.stdout)
    finally:
        instance.kill()
        for process in others + [keeper]:
            process.kill()


if __name__ == "__main__":
    main()
