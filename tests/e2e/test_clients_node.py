# SPDX-License-Identifier: MIT
"""Node's clients and the SDKs of the vendors, by `waybill env` and by `waybill exec`.

Each makes a GET, a POST with Cyrillic and an emoji, and a POST that is answered 4xx with JSON
(tests/npm/clients/drive.mjs). What it then does with the proxy stopped is looked at, and with
WAYBILL_FAIL_OPEN=1. All of it stands in docs/clients.md.
"""

import base64
import concurrent.futures
import functools
import json
import subprocess
import urllib.parse

import pytest

from lib import place
from lib.client_table import names_proxy
from lib.node import FOLDER, node, package
from lib.waybill import binary, environment, run_command

TEXT = "Қазақстан: «тапсырыс № 5» дайын 🚀"
REASON = "Неверный адрес ✉️"

# host → what its API answers, and refuses with
ANSWERS = {
    "api.resend.com": (
        {"id": "5", "object": "email", "subject": TEXT},
        (422, {"statusCode": 422, "name": "validation_error", "message": REASON}),
    ),
    "api.telegram.org": (
        {"ok": True, "result": {"message_id": 1, "id": 5, "is_bot": True, "text": TEXT}},
        (400, {"ok": False, "error_code": 400, "description": REASON}),
    ),
    "academy.amocrm.ru": (
        {"id": 5, "name": TEXT},
        (400, {"title": "Bad Request", "status": 400, "detail": REASON}),
    ),
    "api.mobizon.kz": (
        {"code": 0, "data": {"balance": "1.10", "text": TEXT}, "message": ""},
        (400, {"code": 1, "data": {"text": REASON}, "message": REASON}),
    ),
}

# the libraries for HTTP, and those for one API
HTTP = ["fetch", "https", "axios-0", "axios-1.7", "axios", "got", "node-fetch-2", "node-fetch",
        "undici", "superagent", "ky"]
SDKS = ["resend", "telegraf", "grammy", "node-telegram-bot-api-0", "node-telegram-bot-api",
        "amocrm-js", "mobizon-node"]
LABELS = {"axios-0": "axios 0", "axios-1.7": "axios 1.7", "node-fetch-2": "node-fetch 2",
          "node-telegram-bot-api-0": "node-telegram-bot-api 0"}
CASES = [(20, name) for name in HTTP + SDKS]
CASES += [(major, name) for major in (22, 24) for name in ("fetch", "https", "axios", "telegraf")]


def answer(request, connection):
    """What the vendor would answer; a call that says so is refused."""
    body = request.read_body()
    good, (status, bad) = ANSWERS[request.get("host")]
    refused = b"refuse" in body or "refuse" in request.target
    data = json.dumps(bad if refused else good, ensure_ascii=False).encode()
    connection.answer(status if refused else 200, [("Content-Type", "application/json")], data)


@pytest.fixture(scope="module")
def places(module_waybill, server_context, authority):
    """name → (waybill or None, origin): one pair for each run of a client, so that they may be at a time."""
    from lib.upstream import Origin

    origins = {name: Origin(server_context, answer) for name in ("env", "exec", "away", "open")}
    made = {}
    for name in ("env", "exec", "away"):
        made[name] = module_waybill(connect_to=place.everywhere(origins[name])).start()
    made["away"].stop()
    made["away"].config["listen"] = f"127.0.0.1:{made['away'].port}"
    made["away"].write_config()
    yield {name: (made.get(name, made["away"]), origin) for name, origin in origins.items()}
    for origin in origins.values():
        origin.stop()


@functools.lru_cache
def printed(waybill):
    """The environment as `waybill env` prints it."""
    return json.loads(run_command("env", "--json", "--config", waybill.config_file).out)


class Run:
    """One run of a client: what it saw, what it said, what came to the origin, and the rows."""

    def __init__(self, places, way, where, major, name, authority, **extra):
        waybill, origin = places[where]
        command = [node(major), str(FOLDER / "drive.mjs"), name]
        env = {**environment(), **extra, "TEST_ORIGIN": str(origin.port)}
        env["NODE_OPTIONS"] = f"--require={FOLDER / 'redirect.cjs'}"
        if way == "env":
            env.update(printed(waybill))
        else:
            command = [str(binary()), "exec", "--config", str(waybill.config_file), "--", *command]
        if where == "open":
            env["TEST_CA"] = str(authority.ca_file)
        first, before = len(origin.requests), waybill.count()
        done = subprocess.run(command, env=env, cwd=waybill.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60, check=False)
        self.text = (done.stdout + done.stderr).decode("utf-8", "replace")
        self.seen = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
        self.requests = origin.requests[first:]
        self.rows = waybill.rows()[before:]
        assert len(self.seen) == 3, self.text

    def sent(self):
        """Of each request what the origin must get unchanged."""
        return [(r.method, r.target, bytes(r.body)) for r in self.requests]


def judge(run, index, sdk):
    """"exact", or what is wrong: of the answer as the client saw it and the request as it came."""
    seen, request = run.seen[index], run.requests[index]
    good, (status, bad) = ANSWERS[request.get("host")]
    wanted = bad if index == 2 else good
    body = base64.b64decode(seen.get("body", ""))
    said = body.decode("utf-8", "replace") + seen.get("error", "")
    if not sdk:
        if body != json.dumps(wanted, ensure_ascii=False).encode():
            return f"answer: {said}"
        if seen["status"] != (status if index == 2 else 200):
            return f"status {seen['status']}"
        subject = "refuse: Ошибка ⛔" if index == 2 else TEXT
        if index and bytes(request.body) != json.dumps(
                {"subject": subject}, ensure_ascii=False, separators=(",", ":")).encode():
            return f"request: {bytes(request.body)}"
        return "exact"
    whole = urllib.parse.unquote_plus(request.target) + urllib.parse.unquote_plus(
        bytes(request.body).decode("utf-8", "replace"))
    if index == 1 and TEXT not in whole:
        return f"request: {whole}"
    return "exact" if (REASON if index == 2 else TEXT) in said else f"answer: {said}"


def verdicts(run, sdk):
    """The first four columns; a client that the proxy has not seen has no verdict but that."""
    if not run.rows:
        return {"get": "", "post": "", "refused": "", "rows": "none"}
    assert len(run.requests) == 3, run.sent()
    assert [row["status"] for row in run.rows] == ["success", "success", "failed"], run.rows
    assert run.rows[2]["error_message"] == REASON
    names = ("get", "post", "refused")
    return {**{name: judge(run, i, sdk) for i, name in enumerate(names)},
            "rows": f"{len(run.rows)} of {len(run.seen)}"}


@pytest.fixture(scope="module")
def versions():
    locked = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    return {name.split("node_modules/", 1)[1]: entry["version"]
            for name, entry in locked.items() if name.count("node_modules/") == 1}


@pytest.mark.parametrize("major,name", CASES, ids=[f"{name}-node{major}" for major, name in CASES])
def test_client(places, authority, client_table, versions, major, name):
    """Every client is recorded by exec, once a call and byte for byte, and what else is said of it."""
    runtime = f"Node {major}"
    version = versions.get(name, versions[package(major)])
    runs = {"env": ("env", "env", {}), "exec": ("exec", "exec", {}), "away": ("exec", "away", {}),
            "open": ("exec", "open", {"WAYBILL_FAIL_OPEN": "1"})}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = {key: pool.submit(Run, places, way, where, major, name, authority, **extra)
                for key, (way, where, extra) in runs.items()}
        made = {key: future.result() for key, future in made.items()}
    sdk = name in SDKS
    port = places["away"][0].port

    by_exec = verdicts(made["exec"], sdk)
    assert by_exec == {"get": "exact", "post": "exact", "refused": "exact", "rows": "3 of 3"}, (
        by_exec, made["exec"].text)
    assert not made["away"].requests, "went past a proxy that is away"
    by_exec["stopped"] = names_proxy(made["away"].text, port)
    by_exec["fail_open"] = "direct" if made["open"].sent() == made["exec"].sent() else "fails"
    client_table.record(LABELS.get(name, name), runtime, "exec", version, **by_exec)

    by_env = verdicts(made["env"], sdk)
    by_env["stopped"] = ""
    if made["env"].rows:
        away = Run(places, "env", "away", major, name, authority)
        by_env["stopped"] = names_proxy(away.text, port)
    client_table.record(LABELS.get(name, name), runtime, "env", version, fail_open="", **by_env)
