# SPDX-License-Identifier: MIT
"""The systemd unit: systemd reads it without a word, and thinks well of it."""

import re
import subprocess

import pytest

from lib.waybill import REPO, binary, environment

UNIT = REPO / "packaging" / "waybill.service"
EXPOSURE_MAX = 2.0  # of 10; what is left is the network, and the JIT of PCRE2
DRAIN_SECONDS = 8  # GRACE_NS in cmd/run.c


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """The unit with the program under test in the place of the installed one."""
    path = tmp_path_factory.mktemp("unit") / "waybill.service"
    path.write_text(UNIT.read_text().replace("@bindir@/waybill", str(binary())))
    return path


def analyze(*args):
    run = subprocess.run(["systemd-analyze", *map(str, args)], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, env={**environment(), "LC_ALL": "C.UTF-8"},
                         timeout=60, check=False)
    return run.returncode, run.stdout.decode()


def test_systemd_finds_nothing_wrong_with_the_unit(unit):
    status, said = analyze("verify", "--man=no", unit)
    ours = [line for line in said.splitlines() if "waybill" in line]
    assert (status, ours) == (0, []), said


def test_the_unit_leaves_little_exposed(unit):
    status, said = analyze("security", "--offline=yes", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for waybill\.service: ([0-9.]+)", said)
    assert status == 0 and exposure, said
    assert float(exposure[1]) <= EXPOSURE_MAX, said


@pytest.mark.parametrize("line", [
    "DynamicUser=yes", "StateDirectory=waybill", "StateDirectoryMode=0700", "ProtectSystem=strict",
    "CapabilityBoundingSet=", "NoNewPrivileges=yes", "LimitCORE=0", "LimitMEMLOCK=infinity",
    "MemorySwapMax=0", "UMask=0077", "ExecReload=/bin/kill -HUP $MAINPID",
])
def test_the_unit_says(line):
    assert line in UNIT.read_text().splitlines()


def test_a_stop_leaves_time_to_drain():
    seconds = re.search(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.MULTILINE)
    assert int(seconds[1]) > DRAIN_SECONDS
