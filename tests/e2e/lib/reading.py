# SPDX-License-Identifier: MIT
"""What the proxy's reader alone makes of bytes: tests/unit/reader_driver, many inputs a process."""

import re
import subprocess

from .waybill import build_dir

DRIVER = build_dir() / "tests" / "unit" / "reader_driver"


class Reading:
    """What the driver printed of one input."""

    def __init__(self, text):
        self.text = text
        self.heads = []
        self.bodies = []
        self.trailers = []
        self.bad = None
        self.cut = False
        self.waits = False
        self.ended = 0
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word == "head":
                self.heads.append(rest.split(" ")[0])
            elif word == "body":
                self.bodies.append(bytes.fromhex(rest))
            elif word == "trailer":
                self.trailers.append(rest.partition(":")[0].lower())
            elif word == "bad":
                self.bad = int(rest.split(" ")[0])
            elif word == "end":
                self.ended += 1
            self.cut |= word == "cut"
            self.waits |= word == "waits"


def read_all(inputs):
    """inputs: (bytes, [word of how to read them, ...]) pairs. A Reading of each."""
    sent = b"".join(b"%d %s\n" % (len(data), " ".join(how).encode()) + data for data, how in inputs)
    done = subprocess.run([DRIVER], input=sent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                          check=False)
    texts = re.split("(?m)^next\n", done.stdout.decode("latin-1"))
    at = f"{DRIVER} ended in input {len(texts) - 1}: {done.returncode}\n{done.stderr.decode(errors='replace')}"
    assert done.returncode == 0 and texts.pop() == "" and len(texts) == len(inputs), at
    return [Reading(text) for text in texts]
