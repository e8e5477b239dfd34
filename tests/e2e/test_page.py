# SPDX-License-Identifier: MIT
"""The page in a real browser (headless Chromium), against the real program and real rows.

The browser is driven by the scripts of tests/browser; here each is started once, and each of its
checks is a test. WAYBILL_SHOTS names a folder for pictures.
"""

import json
import os
import re
import sqlite3
import subprocess

import pytest

from lib.node import node
from lib.place import everywhere
from lib.postgres import Postgres
from lib.waybill import REPO, eventually, run_command

BROWSER = REPO / "tests" / "browser"
CHECK = re.compile(r'^check\("([^"]+)"', re.MULTILINE)
LINK = re.compile(r"dashboard: (http://\S+)/#key=(\S+)")
SECONDS = 300
PATIENCE = 90  # seconds that a step of a script may take: other tests want the processors too


def checks(script):
    return CHECK.findall((BROWSER / script).read_text(encoding="utf-8"))


def environment(waybill):
    """What a script is told of a running waybill."""
    link = waybill.wait_log(LINK)
    service_key = (waybill.state_dir / "keys" / "service_role").read_text().strip()
    return {
        "BASE": link[1],
        "READ_KEY": (waybill.state_dir / "keys" / "authenticated").read_text().strip(),
        "SERVICE_KEY": service_key,
        "SHOTS": os.environ.get("WAYBILL_SHOTS", ""),
        "PATIENCE": os.environ.get("PATIENCE", str(PATIENCE)),
    }


def drive(script, waybill, **more):
    """Runs a script; returns {check: its problem or None}."""
    if not (REPO / "tests" / "npm" / "dashboard" / "node_modules").is_dir():
        pytest.fail("tests/npm/dashboard/node_modules is not there: `npm ci --ignore-scripts` in it")
    process = subprocess.run(
        [node(20), str(BROWSER / script)],  # playwright wants no older one
        env={**os.environ, **environment(waybill), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=SECONDS,
        text=True,
    )
    results = {}
    for line in process.stdout.splitlines():
        result = json.loads(line)
        results[result["name"]] = result["problem"]
    assert process.returncode == 0, f"{script}: {process.stderr[-4000:]}\n{waybill.log()[-2000:]}"
    return results


def judge(results, name):
    assert name in results, f"not run; only {sorted(results)}"
    assert results[name] is None, results[name]


def start(make, **config):
    return make(admin={"listen": "127.0.0.1:0"}, **config).start()


@pytest.fixture(scope="module")
def page_results(module_waybill):
    return drive("page.mjs", start(module_waybill))


@pytest.fixture(scope="module")
def xss_results(module_waybill):
    return drive("xss.mjs", start(module_waybill))


@pytest.fixture(scope="module")
def empty_results(module_waybill, origin):
    waybill = start(module_waybill, connect_to=everywhere(origin))
    note_coverage(waybill)
    return drive(
        "empty.mjs",
        waybill,
        PROXY=f"http://127.0.0.1:{waybill.port}",
        CA=str(waybill.root_pem),
    )


def note_coverage(waybill):
    """Hosts that passed unseen, as the recorder notes them."""
    eventually(waybill.db.exists)
    db = sqlite3.connect(waybill.db, timeout=10)
    with db:
        db.execute(
            "create table if not exists waybill_coverage (kind text not null, host text not null,"
            " client text not null, count integer not null, first_seen text not null,"
            " last_seen text not null, primary key (kind, host, client)) strict"
        )
        seen = ("2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z")
        db.executemany(
            "insert into waybill_coverage values (?, ?, ?, ?, ?, ?)",
            [
                ("tunnel", "api.<b>stripe</b>.com", "10.0.0.4", 431, *seen),
                ("tls_rejected", "api.telegram.org", "10.0.0.7", 12, *seen),
                ("recorded", "api.resend.com", "10.0.0.7", 5, *seen),
            ],
        )
    db.close()


@pytest.mark.parametrize("name", checks("page.mjs"))
def test_page(page_results, name):
    judge(page_results, name)


@pytest.mark.parametrize("name", checks("xss.mjs"))
def test_payloads(xss_results, name):
    judge(xss_results, name)


@pytest.mark.parametrize("name", checks("empty.mjs"))
def test_first_start(empty_results, name):
    judge(empty_results, name)


# The same page over PostgreSQL: what differs is below /rest and /api, so a few checks do.
ON_POSTGRES = ["filter, together and each", "words in the error", "in full, digit", "come live", "page by page"]


def test_postgres_smoke(module_waybill):
    with Postgres() as server:
        server.create_database("page")
        url = server.url("page")
        assert run_command("migrate", "--database", url).returncode == 0
        waybill = start(module_waybill, database=url)
        try:
            wanted = [name for name in checks("page.mjs") if any(part in name for part in ON_POSTGRES)]
            assert len(wanted) == len(ON_POSTGRES)
            results = drive("page.mjs", waybill, ONLY="|".join(wanted))
            assert results == dict.fromkeys(wanted)
        finally:
            waybill.stop()
