# SPDX-License-Identifier: MIT
"""Programs that go straight to the API, in a network of their own: run as root by test_doctor.py
under `unshare --net --mount`, with a folder for the files. Prints one JSON object: what
`waybill doctor --json` says of each program.

Nothing leaves the namespace: its only interface is lo, and the API's name is an address of it.
"""

import json
import pathlib
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.pki import Authority  # noqa: E402
from lib.upstream import Origin  # noqa: E402
from lib.waybill import SERVICES, Waybill, run_command  # noqa: E402

HOST = "api.resend.com"
URL = f"https://{HOST}/emails"
ADDRESS = "127.0.0.9"

# http.client knows nothing of proxies; urllib takes HTTPS_PROXY, and the bundle of SSL_CERT_FILE
PYTHON_PAST = f"import http.client as h; c = h.HTTPSConnection('{HOST}'); c.request('GET', '/emails')"
PYTHON_RIGHT = f"import urllib.request as u; print(u.urlopen('{URL}').status)"
NODE = f"fetch('{URL}').then(r => r.text(), e => console.log(e.cause ?? e))"

PROGRAMS = {
    "python past": ["--", "/usr/bin/python3", "-c", PYTHON_PAST],
    "python right": ["--", "/usr/bin/python3", "-c", PYTHON_RIGHT],
    # fetch is undici's, which before Node 24 takes no proxy from the environment
    "node env": ["--env", "--", "node", "-e", NODE],
    "node exec": ["--", "node", "-e", NODE],
}


def listener(accepted):
    """Where the name leads: it counts who comes, and says nothing."""
    sock = socket.create_server((ADDRESS, 443))

    def serve():
        while True:
            connection, _ = sock.accept()
            accepted.append(ADDRESS)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {HOST}\n")
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
    authority = Authority(folder)
    context = authority.server_context()
    api = Origin(context)  # where waybill goes
    past = []
    listener(past)
    instance = Waybill(
        folder / "waybill",
        authority=authority,
        workers=1,
        services=str(SERVICES / "resend.yaml"),
        connect_to={f"{HOST}:443": api.address},
    ).start()
    found = {}
    for name, options in PROGRAMS.items():
        before = len(past)
        done = run_command(
            "doctor", "--config", instance.config_file, "--json", *options, seconds=60
        )
        found[name] = json.loads(done.out)
        found[name]["exit"] = done.returncode
        found[name]["past"] = len(past) - before
    found["rows"] = instance.count()
    instance.stop()
    api.stop()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
