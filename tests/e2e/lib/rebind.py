# SPDX-License-Identifier: MIT
"""A name that changes its mind, in a network of its own: run as root by test_rebinding.py under
`unshare --net --mount`, with a folder for the program's files. Prints one JSON object.

Nothing leaves the namespace: its only interface is lo, which also has a public address. The name
server gives the public address, then 127.0.0.1, then both, and so on.
"""

import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import client  # noqa: E402
from lib.waybill import Waybill  # noqa: E402

PUBLIC = "9.20.30.40"
ANSWERS = {
    b"flips": [[PUBLIC], ["127.0.0.1"]],
    b"private": [["127.0.0.1"]],
    b"metadata": [["169.254.169.254"]],
    b"mapped": [["::ffff:127.0.0.1"]],
    b"loopback6": [["::1"]],
    b"both": [["127.0.0.1", PUBLIC], [PUBLIC, "127.0.0.1"]],
    b"public": [[PUBLIC]],
}


def name_server(asked):
    """Answers by the first label, with a time to live of 0; each question is the next answer."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 53))
    turns = {}

    def serve():
        while True:
            data, peer = sock.recvfrom(4096)
            label = data[13 : 13 + data[12]].lower()
            end = data.index(b"\0", 12) + 5
            kind = struct.unpack("!H", data[end - 4 : end - 2])[0]
            rounds = ANSWERS.get(label, [[]])
            turn = turns.setdefault((label, kind), 0)
            turns[(label, kind)] += 1
            asked.append(label.decode())
            records = b""
            count = 0
            for address in rounds[turn % len(rounds)]:
                six = ":" in address
                if (kind == 28) != six:
                    continue
                raw = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, address)
                records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(raw)) + raw
                count += 1
            head = data[:2] + struct.pack("!HHHHH", 0x8180, 1, count, 0, 0)
            sock.sendto(head + data[12:end] + records, peer)

    threading.Thread(target=serve, daemon=True).start()


def listener(address, accepted):
    """Counts who comes to an address; a tunnel gets the address as its first bytes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.create_server((address, 443), family=family)

    def serve():
        while True:
            connection, _ = sock.accept()
            accepted.append(address)
            connection.sendall(address.encode())
            connection.close()

    threading.Thread(target=serve, daemon=True).start()


def main():
    folder = pathlib.Path(sys.argv[1])
    for command in (["ip", "link", "set", "lo", "up"], ["ip", "address", "add", PUBLIC, "dev", "lo"]):
        subprocess.run(command, check=True)
    folder.mkdir(parents=True, exist_ok=True)
    resolv = folder / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:1\n")
    subprocess.run(["mount", "--bind", str(resolv), "/etc/resolv.conf"], check=True)
    asked, accepted = [], []
    name_server(asked)
    for address in ("127.0.0.1", "::1", PUBLIC):
        listener(address, accepted)
    instance = Waybill(folder / "waybill", workers=1).start()
    found = {}
    for name in ANSWERS:
        statuses = []
        for _ in range(8):
            opened, answer = client.connect(instance.port, f"{name.decode()}.test:443")
            with opened:
                statuses.append([answer.status, answer.get("X-Waybill-Error")])
                if answer.status == 200:
                    statuses[-1][1] = (opened.reader.buffer or opened.stream.recv()).decode()
        found[name.decode()] = statuses
    instance.stop()
    json.dump({"found": found, "asked": asked, "accepted": accepted}, sys.stdout)


if __name__ == "__main__":
    main()
