#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Shows waybill at work without any account: stand-ins for the five APIs, traffic sent by curl.

It goes through calls.json once (successes, failures, retries), prints the rows and the
statistics, and then keeps the traffic going until Ctrl-C, or for --seconds, or not (--once).
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "e2e"))

from lib.pki import Authority  # noqa: E402
from lib.upstream import CLOSE, KEEP, Origin  # noqa: E402
from lib.waybill import SERVICES, Waybill, binary  # noqa: E402

RESPONSE_TIMEOUT = 2  # seconds until the proxy gives up on a silent stand-in


class StandIns:
    """All five APIs on one port; answers come in the order that calls.json gives them."""

    def __init__(self, context):
        self.answers = []
        self.released = threading.Event()
        self.origin = Origin(context, self.handle)

    def handle(self, request, connection):
        request.read_body()
        answer = self.answers.pop(0) if self.answers else {"status": 200, "json": {}}
        if answer.get("fault") == "silence":
            self.released.wait(RESPONSE_TIMEOUT + 1)
            return CLOSE
        if answer.get("fault") == "close":
            return CLOSE
        body = answer["text"] if "text" in answer else json.dumps(answer["json"])
        fields = {"Content-Type": "application/json", **answer.get("headers", {})}
        connection.answer(answer["status"], fields.items(), body.encode(), "Demo")
        return KEEP


def curl(call, proxy):
    """Sends one attempt as a service would; returns what curl says of it."""
    command = ["curl", "--silent", "--show-error", "--output", os.devnull]
    command += ["--write-out", "HTTP %{http_code}", "--request", call["method"]]
    command += ["--proxy", f"http://127.0.0.1:{proxy.port}", "--cacert", str(proxy.root_pem)]
    for name, value in call["headers"].items():
        command += ["--header", f"{name}: {value}"]
    if "json" in call:
        command += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
        body = json.dumps(call["json"], ensure_ascii=False)
    else:
        command += ["--data-binary", "@-"]
        body = call["form"]
    result = subprocess.run(
        command + [call["url"]], input=body.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    return (result.stdout + b" " + result.stderr).decode().strip()


def play(call, stand_ins, proxy, quiet=False):
    """One call of calls.json, made again as long as there is another answer for it."""
    stand_ins.answers[:] = list(call["answers"])
    said = [curl(call, proxy) for _ in call["answers"]]
    if not quiet:
        print(f"  {call['title']:<58} {' → '.join(said)}", flush=True)


def waybill(proxy, *args):
    command = [str(binary()), *args, "--config", str(proxy.config_file)]
    print(f"\n$ waybill {' '.join(args)}", flush=True)
    subprocess.run(command, check=False)


def keep_going(calls, stand_ins, proxy, seconds, stop):
    """About a call a second, with the rows as they arrive."""
    command = [str(binary()), "tail", "--lines", "0", "--config", str(proxy.config_file)]
    tail = subprocess.Popen(command)
    end = threading.Timer(seconds, stop.set) if seconds else None
    if end:
        end.daemon = True
        end.start()
    try:
        while not stop.wait(random.uniform(0.3, 1.5)):
            play(random.choice(calls), stand_ins, proxy, quiet=True)
    finally:
        tail.terminate()
        tail.wait()


def start_proxy(folder, stand_ins, authority, calls, listen):
    hosts = {urllib.parse.urlsplit(call["url"]).hostname for call in calls}
    proxy = Waybill(
        folder,
        authority=authority,
        connect_to={f"{host}:443": stand_ins.origin.address for host in hosts},
        listen=listen,
        services=str(SERVICES / "*.yaml"),
        upstream={"response_timeout": f"{RESPONSE_TIMEOUT}s"},
    )
    return proxy.start()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="end after one pass of the calls")
    parser.add_argument("--seconds", type=float, default=0, help="end after this long")
    parser.add_argument("--listen", default="127.0.0.1:0", help="the proxy's address (a free port)")
    parser.add_argument("--folder", default=str(REPO / "var" / "demo"), help="made anew each time")
    return parser.parse_args()


def main():
    options = arguments()
    if not binary().exists():
        sys.exit(f"{binary()} is not there: build first (./dev build), or set WAYBILL_BUILD")
    calls = json.loads((HERE / "calls.json").read_text("utf-8"))
    folder = pathlib.Path(options.folder).resolve()
    for left_over in ("stand-ins", "var"):  # of the last time; nothing else is touched
        shutil.rmtree(folder / left_over, ignore_errors=True)
    (folder / "stderr.log").unlink(missing_ok=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    authority = Authority(folder / "stand-ins")
    stand_ins = StandIns(authority.server_context())
    proxy = start_proxy(folder, stand_ins, authority, calls, options.listen)
    try:
        print(f"waybill listens on 127.0.0.1:{proxy.port}, its files are in {folder}\n")
        for call in calls:
            if stop.is_set():
                break
            play(call, stand_ins, proxy)
        waybill(proxy, "tail", "--no-follow", "--lines", "100")
        waybill(proxy, "stats")
        if not options.once and not stop.is_set():
            print(
                "\nMore traffic follows; Ctrl-C ends it. Your own call:\n"
                f"  curl -x http://127.0.0.1:{proxy.port} --cacert {proxy.root_pem}"
                " https://api.resend.com/emails -d '{}'\n",
                flush=True,
            )
            keep_going(calls, stand_ins, proxy, options.seconds, stop)
    finally:
        stand_ins.released.set()
        proxy.stop()
        stand_ins.origin.stop()


if __name__ == "__main__":
    main()
