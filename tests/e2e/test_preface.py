# SPDX-License-Identifier: MIT
"""Connections that were led to the proxy: a PROXY protocol line, then the client's own TLS."""

import ssl

import pytest

from lib import client
from lib.place import HOST
from lib.stream import Tls, send_slowly

NOWHERE = "203.0.113.10"  # RFC 5737: nobody is there, and connect_to leads it to the stand-in


def line(host=NOWHERE, port=443, family="TCP4"):
    return f"PROXY {family} 192.0.2.1 {host} 50000 {port}\r\n".encode()


def led(port, server_name, ca_file, preface=None, context=None, slowly=False):
    """A client whose connect() was led away; it knows nothing of a proxy."""
    opened = client.plain(port)
    if slowly:
        send_slowly(opened.stream, preface or line())
    else:
        opened.send(preface or line())
    return client.Client(Tls(opened.stream, context or client.trust(ca_file),
                             server_hostname=server_name))


@pytest.fixture
def proxy(new_waybill, origin):
    to = f"127.0.0.1:{origin.port}"
    return new_waybill(connect_to={f"{HOST}:443": to, f"{NOWHERE}:443": to}).start()


@pytest.mark.parametrize("slowly", [False, True], ids=["whole", "byte-by-byte"])
def test_a_routed_host_is_intercepted_by_its_sni(proxy, slowly):
    entity = client.new_entity()
    with led(proxy.port, HOST, proxy.root_pem, slowly=slowly) as c:
        assert c.ask(client.json_request({"to": "a@example.com"}, entity=entity)).status == 200
    assert proxy.row(entity)["action"] == "send_email"


def test_an_unrouted_host_is_tunnelled_to_the_address_that_was_asked_for(proxy, authority, origin):
    # by name it would go nowhere: only the address is led to the stand-in
    with led(proxy.port, "files.example.test", authority.ca_file) as c:
        assert c.ask(client.request("GET", "/led", host="files.example.test"), "GET").status == 200
    assert origin.seen("/led") and proxy.rows() == []


def test_a_client_of_http_2_alone_is_tunnelled_there_too(proxy, authority):
    context = client.trust(authority.ca_file, alpn=["h2"])
    with led(proxy.port, HOST, authority.ca_file, context=context):
        pass  # the handshake was with the stand-in's own certificate
    assert proxy.rows() == []


def test_a_private_address_is_refused(new_waybill, authority, origin):
    proxy = new_waybill(access={"connect_ports": [443, origin.port]}).start()
    with pytest.raises((ssl.SSLError, OSError, AssertionError)):
        led(proxy.port, "files.example.test", authority.ca_file,
            line("127.0.0.1", origin.port))


def test_a_port_that_connect_may_not_ask_for_is_refused(proxy):
    with pytest.raises((ssl.SSLError, OSError)):
        led(proxy.port, "files.example.test", proxy.root_pem, line(port=25))


def test_nothing_but_tls_may_follow(proxy, origin):
    with client.plain(proxy.port) as c:
        c.send(line() + client.request("GET", "/smuggled", host=HOST))
        assert c.at_end()
    assert not origin.seen("/smuggled")


@pytest.mark.parametrize("start", [b"PROXY TCP4 x y 1 2\r\n", b"PROXY TCP4 " + b"1" * 200])
def test_a_broken_line_is_a_bad_request(proxy, start):
    with client.plain(proxy.port) as c:
        c.send(start)
        c.stream.half_close()
        assert c.read().status == 400


def test_a_line_cut_short_is_answered(proxy):
    with client.plain(proxy.port) as c:
        c.send(b"PROXY TC")
        c.stream.half_close()
        assert c.read().status == 400


def test_where_credentials_are_asked_for_it_says_what_to_do(new_waybill, origin):
    proxy = new_waybill(connect_to={f"{HOST}:443": f"127.0.0.1:{origin.port}"},
                        access={"credentials": {"app": "secret"}}).start()
    with pytest.raises((ssl.SSLError, OSError)):
        led(proxy.port, HOST, proxy.root_pem)
    proxy.wait_log(r"without CONNECT.*access\.credentials.*HTTPS_PROXY")
