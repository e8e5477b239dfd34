# SPDX-License-Identifier: MIT
"""Hundreds of made-up secrets, one in each place where a secret can stand, through the program;
then a search of everything that it has written.
"""

import urllib.parse

import pytest

from lib import canaries, client
from lib.admin import Admin
from lib.canaries import KEPT
from lib.canary_fire import Needles, Vendor, fire
from lib.place import HOSTS, everywhere

SMALLEST = 500


def readings(data):
    """What a reader of these bytes could also see: JSON strings and percent codes undone, UTF-16 that was
    taken for UTF-8."""
    yield data
    yield data.replace(b"\0", b"").replace("\ufffd".encode(), b"")
    yield urllib.parse.unquote_to_bytes(data)
    text = data.decode("utf-8", "replace")
    for _ in range(3):
        undone = text.encode("utf-8", "replace").decode("unicode_escape", "replace")
        if undone == text:
            return
        text = undone
        yield text.encode("utf-8", "replace")


def everything_written(proxy):
    places = [("log", proxy.log(whole=True).encode())]
    for path in sorted(proxy.state_dir.rglob("*")):
        if path.is_file():
            places.append((path.name, path.read_bytes()))
    for row in proxy.rows():
        for column, value in row.items():
            if isinstance(value, str) and column not in ("id", "created_at", "updated_at"):
                places.append((f"{column} of {row['related_entity_id']}", value.encode()))
    return places


def everything_shown(proxy):
    """What the admin port says of it, to the one who may read all."""
    admin = Admin(proxy)
    paths = ["/metrics", "/healthz", "/rest/v1/integration_logs?select=*"]
    answers = [(path, admin.ask(path, key="service_role")) for path in paths]
    assert [answer.status for _, answer in answers] == [200] * len(paths), answers
    return [(path, answer.body) for path, answer in answers]


@pytest.mark.parametrize("payload", ["body", "exchange"])
def test_no_secret_is_written_anywhere(payload, server_context, new_waybill, tmp_path):
    vendor = Vendor(server_context)
    proxy = new_waybill(connect_to=everywhere(vendor.origin), capture={"payload": payload}).start()
    tunnels = {
        host: client.tunnel(proxy.port, f"{host}:443", proxy.root_pem) for host in HOSTS
    }
    fired = {}
    for number, (name, secret, shot) in enumerate(canaries.all_shots(payload)):
        entity = fire(proxy, vendor, tunnels[shot.host], shot, number)
        fired[entity] = (name, secret, shot)
    for opened in tunnels.values():
        opened.close()
    assert len(fired) >= SMALLEST
    proxy.wait_rows(len(fired))
    vendor.origin.stop()

    # refused before there is a call: the log alone could tell
    refused = "cnryRefusedUserinfoSecret"
    for target in (f"http://me:{refused}@{HOSTS[0]}/x", f"/x?token={refused}", f"ftp://a/{refused}"):
        with client.plain(proxy.port) as opened:
            opened.send(f"GET {target} HTTP/1.1\r\nHost: {HOSTS[0]}\r\n\r\n".encode())
            assert opened.read().status >= 400
    fired["refused"] = ("refused", refused, canaries.Shot(kept=False))

    running = everything_written(proxy) + everything_shown(proxy)  # the WAL is still there
    proxy.stop()
    check(fired, running + everything_written(proxy), tmp_path)
    check_kept(fired, proxy)


def check(fired, places, folder):
    needles = Needles({secret: name for name, secret, _ in fired.values()}, folder)
    texts = [(place, reading) for place, data in dict.fromkeys(places)
             for reading in dict.fromkeys(readings(data))]
    leaks = needles.found(b"\n".join(reading for _, reading in texts))
    where = {name: [] for name in leaks}
    for place, reading in texts if leaks else ():
        for name in needles.found(reading):
            where[name].append(place)
    assert not leaks, f"{len(leaks)} leaks: {where}"


def check_kept(fired, proxy):
    """What is no secret is still there."""
    lost = []
    rows = {row["related_entity_id"]: row for row in proxy.rows()}
    for entity, (name, _, shot) in fired.items():
        row = rows.get(entity)
        if not shot.kept or row is None:
            continue
        sent = KEPT.encode() in shot.body or KEPT in shot.target
        column = "request_payload" if sent else "response_payload"
        coded = any(field == "Content-Encoding" for field, _ in shot.fields)
        if KEPT not in (row[column] or "") and KEPT not in (row["error_message"] or ""):
            lost.append(f"{name} {column} {coded}: {(row[column] or '')[:200]}")
    assert not lost, f"{len(lost)} lost:\n" + "\n".join(lost)
