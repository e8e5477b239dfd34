# SPDX-License-Identifier: MIT
"""Peers that vanish without FIN or RST: keep-alive ends what hangs on them within 90 s."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parent / "lib" / "silence.py"


@pytest.mark.parametrize("which", ["api", "client"])
def test_a_long_poll_ends_soon_after_its_peer_has_vanished(tmp_path, long_run, which):
    if not long_run:
        pytest.skip("takes 80 s: --long")
    if os.geteuid() != 0 or not all(map(shutil.which, ["unshare", "nsenter", "ip"])):
        pytest.skip("needs root, unshare(1), nsenter(1) and ip(8)")
    result = subprocess.run(
        ["unshare", "--net", sys.executable, str(SCRIPT), str(tmp_path / "waybill"), which],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr.decode()
    found = json.loads(result.stdout)
    print(f"{which}: {found['seconds']:.0f} s")
    assert 20 < found["seconds"] < 90
    code = found["rows"][0]["error_code"]
    assert code == {"api": "UPSTREAM_RESET", "client": "CLIENT_ABORTED"}[which]
