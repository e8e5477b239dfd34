# SPDX-License-Identifier: MIT
"""Clients that do not trust our certificate: a row of its own kind, and a tunnel where wanted."""

import ssl

import pytest

from lib import client
from lib.place import HOST, call, everywhere
from lib.stream import Tls
from lib.waybill import eventually


@pytest.fixture
def new_proxy(new_waybill, origin):
    def make(**config):
        return new_waybill(connect_to=everywhere(origin), **config).start()

    return make


def distrust(instance, authority, host=HOST, version=None):
    """A client that trusts another root: it sends an alert."""
    opened, answer = client.connect(instance.port, f"{host}:443")
    assert answer.status == 200
    context = client.trust(authority.ca_file, version=version)
    with opened, pytest.raises(ssl.SSLError):
        Tls(opened.stream, context, server_hostname=host)


def hello(host=HOST):
    """A ClientHello's bytes, and the object that goes on with them."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    shake = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=host)
    with pytest.raises(ssl.SSLWantReadError):
        shake.do_handshake()
    return outgoing.read()


def only_row(instance, host=HOST, service="resend"):
    rows = instance.wait_rows(1)
    row = rows[0]
    assert row["service_name"] == service
    assert row["action"] == "tls_rejected"
    assert row["status"] == "failed"
    assert row["error_code"] == "CLIENT_TLS_REJECTED"
    assert host in row["error_message"] and "127.0.0.1" in row["error_message"]
    assert row["duration_ms"] is not None
    assert row["request_payload"] is None and row["response_payload"] is None
    return row


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_sends_an_alert_is_a_row_and_a_line(new_proxy, authority, version):
    instance = new_proxy()
    distrust(instance, authority, version=version)
    only_row(instance)
    line = instance.wait_log(r".*127\.0\.0\.1.*does not trust.*").group(0)
    assert HOST in line and "waybill ca export" in line and "unknown" in line.lower()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_closes_when_it_sees_the_certificate_is_one_too(new_proxy, how):
    instance = new_proxy()
    opened, _ = client.connect(instance.port, f"{HOST}:443")
    opened.send(hello())
    assert len(opened.stream.recv()) > 200
    getattr(opened.stream, how)()
    only_row(instance)


@pytest.mark.parametrize("version", VERSIONS)
def test_so_is_one_that_cuts_right_after_the_handshake(new_proxy, version):
    instance = new_proxy()
    context = client.trust(instance.root_pem, version=version)
    with client.tunnel(instance.port, f"{HOST}:443", None, context=context) as opened:
        opened.stream.cut()
    only_row(instance)


def test_at_most_one_a_minute_for_each_client_and_host(new_proxy, authority):
    instance = new_proxy()
    for _ in range(5):
        distrust(instance, authority)
    distrust(instance, authority, host="api.telegram.org")
    rows = instance.wait_rows(2)
    assert {row["service_name"] for row in rows} == {"resend", "telegram"}
    assert instance.log().count("does not trust") == 2


def test_without_an_sni_of_a_connect_it_is_the_same(new_proxy, authority):
    instance = new_proxy()
    with pytest.raises(ssl.SSLError):
        client.direct_tls(instance.port, HOST, authority.ca_file)
    only_row(instance)


def test_what_is_no_judgement_of_the_certificate_makes_no_row(new_proxy):
    """A probe that says goodbye, a client without a common version, one that never says hello."""
    instance = new_proxy()
    with client.tunnel(instance.port, f"{HOST}:443", instance.root_pem):
        pass
    opened, _ = client.connect(instance.port, f"{HOST}:443")
    opened.close()
    opened, _ = client.connect(instance.port, f"{HOST}:443")
    opened.send(hello()[:50])
    opened.close()
    opened, _ = client.connect(instance.port, f"{HOST}:443")
    opened.send(hello("api.telegram.org"))  # refused before any certificate
    opened.close()
    assert call(instance, body=b"{}")[0].status == 200
    assert [row["action"] for row in instance.rows()] != ["tls_rejected"]
    assert instance.count() == 1


def test_the_others_are_recorded_as_ever(new_proxy, authority):
    instance = new_proxy()
    distrust(instance, authority)
    answer, row = call(instance, body=b"{}")
    assert answer.status == 200
    assert row["status"] == "success" and row["retry_count"] == 0
    distrust(instance, authority)
    assert instance.count() == 2


@pytest.mark.parametrize("direct", [False, True])
def test_with_tunnel_its_next_connections_pass_unseen(new_proxy, authority, direct):
    instance = new_proxy(access={"on_tls_reject": "tunnel"}, workers=2)
    distrust(instance, authority)
    only_row(instance)
    instance.wait_log("pass unrecorded")
    for _ in range(6):  # whichever worker it lands on
        if direct:
            opened = client.direct_tls(instance.port, HOST, authority.ca_file)
        else:
            opened = client.tunnel(instance.port, f"{HOST}:443", authority.ca_file)
        with opened:  # the API's own certificate
            assert opened.ask(client.request(body=b"{}")).status == 200
    assert instance.count() == 1
    # another host is still intercepted
    with client.tunnel(instance.port, "api.telegram.org:443", instance.root_pem) as opened:
        assert opened.ask(client.request(host="api.telegram.org", body=b"{}")).status == 200
    assert eventually(lambda: instance.count() == 2)
