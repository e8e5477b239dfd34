# SPDX-License-Identifier: MIT
"""drive.py CLIENT: makes three calls with a client, one after the other, and prints what it saw of each: a
JSON line {"status", "body" (base64)} or {"error"}. As tests/npm/clients/drive.mjs."""

import base64
import json
import re
import subprocess
import sys

URL = "https://api.resend.com/emails"
HEADERS = {"Content-Type": "application/json"}


def run(command, status):
    """A program that prints the body; status(done) finds the status in the rest."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    found = status(done)
    if not found:
        raise RuntimeError(done.stderr.decode("utf-8", "replace"))
    sys.stderr.buffer.write(done.stderr)
    return found


def curl(method, url, body):
    more = ["-H", f"Content-Type: {HEADERS['Content-Type']}", "--data-binary", body] if body else []

    def status(done):
        text, _, code = done.stdout.rpartition(b"\n")
        return done.returncode == 0 and (int(code), text)

    return run(["curl", "-sS", "-w", "\n%{http_code}", *more, url], status)


def wget(method, url, body):
    more = [f"--header=Content-Type: {HEADERS['Content-Type']}", b"--post-data=" + body] if body else []

    def status(done):
        codes = re.findall(rb"^ *HTTP/1\.1 (\d{3})", done.stderr, re.MULTILINE)
        return codes and (int(codes[-1]), done.stdout)

    return run(["wget", "-nv", "-S", "-O", "-", "-t", "1", "--content-on-error", *more, url], status)


def requests(method, url, body):
    import requests as library

    answer = library.request(method, url, data=body, headers=HEADERS if body else None, timeout=30)
    return answer.status_code, answer.content


def httpx(method, url, body):
    import httpx as library

    answer = library.request(method, url, content=body, headers=HEADERS if body else None, timeout=30)
    return answer.status_code, answer.content


def aiohttp(method, url, body):
    import asyncio

    import aiohttp as library

    async def call():
        async with library.ClientSession() as session:
            async with session.request(method, url, data=body, headers=HEADERS if body else None) as answer:
                return answer.status, await answer.read()

    return asyncio.run(call())


def urllib(method, url, body):
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, body, HEADERS if body else {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def body_of(subject):
    return json.dumps({"subject": subject}, ensure_ascii=False, separators=(",", ":")).encode()


CLIENTS = {call.__name__: call for call in (curl, wget, requests, httpx, aiohttp, urllib)}
CALLS = [
    ("GET", f"{URL}?limit=2", None),
    ("POST", URL, body_of("Қазақстан: «тапсырыс № 5» дайын 🚀")),
    ("POST", URL, body_of("refuse: Ошибка ⛔")),
]
for call in CALLS:
    try:
        code, data = CLIENTS[sys.argv[1]](*call)
        line = {"status": code, "body": base64.b64encode(data).decode()}
    except Exception as error:  # of any library
        line = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(line), flush=True)
