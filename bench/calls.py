#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Processor time of waybill per recorded call, of two builds or more side by side.

    bench/calls.py [--calls N] [--pairs N] BUILD...       build folders, such as build

Each pair runs every build once, one after another, over kept TLS connections. What counts is the
ratio of two builds within a pair: the machine's speed changes.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from lib.pki import Authority  # noqa: E402
from lib.place import HOST, everywhere  # noqa: E402
from lib.upstream import Origin  # noqa: E402
from lib.waybill import Waybill  # noqa: E402

CONNECTIONS = 8


def measure(build, folder, authority, origin, calls):
    """Microseconds of waybill's processor time per call."""
    os.environ["WAYBILL_BUILD"] = str(build.resolve())
    proxy = Waybill(folder, origin, authority, connect_to=everywhere(origin)).start()
    load = [sys.executable, str(ROOT / "tests/e2e/lib/load.py"), str(proxy.port),
            str(proxy.root_pem), HOST, str(CONNECTIONS)]
    subprocess.run([*load, str(calls // 10)], check=True, stdout=subprocess.DEVNULL)
    before = proxy.cpu_seconds()
    done = subprocess.run([*load, str(calls)], check=True, stdout=subprocess.PIPE)
    spent = proxy.cpu_seconds() - before
    proxy.stop()
    assert len(done.stdout.splitlines()) == calls
    return spent / calls * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=20000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("build", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    ratios = {build: [] for build in options.build}
    for pair in range(options.pairs):
        found = []
        for build in options.build:
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                authority = Authority(folder)
                origin = Origin(authority.server_context())
                found.append(measure(build, folder / "waybill", authority, origin, options.calls))
                origin.stop()
            ratios[build].append(found[-1] / found[0])
        print(f"pair {pair + 1}: " + ", ".join(f"{us:.1f} us" for us in found), flush=True)
    for build, values in ratios.items():
        print(f"{build}: {statistics.median(values):.3f} of {options.build[0]}"
              f" ({min(values):.3f} to {max(values):.3f})")


if __name__ == "__main__":
    main()
