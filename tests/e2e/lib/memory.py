# SPDX-License-Identifier: MIT
"""The memory of a running program, as a core dump would hold it: dumps themselves are off."""

import pathlib
import re

import pytest

from . import waybill
from .waybill import REPO


def without_sanitizer(monkeypatch):
    """Makes the test use a program whose memory is its own (a sanitizer keeps it from locking memory,
    and keeps what was freed): build-gcc, which ./dev test has made by then, or build."""
    if not waybill.is_sanitized():
        return
    for name in ("build-gcc", "build"):
        if (REPO / name / "cmd" / "waybill").exists():
            monkeypatch.setenv("WAYBILL_BUILD", str(REPO / name))
            assert not waybill.is_sanitized()
            return
    pytest.fail("there is no build without a sanitizer: ./dev build, or ./dev test, which makes build-gcc first")


def pieces(pid):
    """(locked, bytes) of each piece of memory that can be read."""
    text = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for piece in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", text)[1:]:
            begin, end, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", piece).groups()
            if mode[0] != "r" or "[v" in piece.splitlines()[0]:
                continue
            flags = re.search(r"VmFlags: (.*)", piece).group(1).split()
            try:
                memory.seek(int(begin, 16))
                yield "lo" in flags, memory.read(int(end, 16) - int(begin, 16))
            except (OSError, OverflowError):
                continue
