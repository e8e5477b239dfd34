# SPDX-License-Identifier: MIT
"""The versions of Node that npm brought: Debian 12 has 18 only."""

import platform

import pytest

from .waybill import REPO

FOLDER = REPO / "tests" / "npm" / "clients"
MACHINE = {"aarch64": "arm64"}.get(platform.machine(), "x64")


def package(major):
    """The npm package that holds this version for this machine."""
    return f"node-{major}-{MACHINE}"


def node(major):
    """The path of this version's program."""
    path = FOLDER / "node_modules" / package(major) / "bin" / "node"
    if not path.exists():
        pytest.fail(f"{path} is not there: npm ci --ignore-scripts in {FOLDER}")
    return str(path)
