# SPDX-License-Identifier: MIT
"""Who may use the proxy, what it shows of itself, and when it sends a request twice."""

import base64
import ssl

import pytest
from cryptography import x509

from lib import client, http1
from lib.place import BLIND, HOST, Call, call, everywhere, own_answer
from lib.stream import Plain, Tls
from lib.upstream import CLOSE, KEEP


@pytest.fixture(scope="module")
def proxy(origin, module_waybill):
    return module_waybill(connect_to=everywhere(origin), workers=1).start()


@pytest.fixture(scope="module")
def guarded(origin, module_waybill):
    return module_waybill(
        connect_to=everywhere(origin), access={"credentials": {"me": "s3cret/value"}}
    ).start()


def basic(user, secret):
    coded = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return ("Proxy-Authorization", f"Basic {coded}")


def test_without_credentials_a_guarded_proxy_answers_407(guarded, origin):
    before = len(origin.requests)
    for fields in ([], [basic("me", "wrong")], [basic("other", "s3cret/value")]):
        opened, answer = client.connect(guarded.port, f"{HOST}:443", [("Host", HOST)] + fields)
        with opened:
            assert answer.status == 407
            assert "basic" in answer.get("Proxy-Authenticate").lower()
            assert (answer.get("Connection") or "").lower() == "close"
            assert opened.at_end()
    with client.plain(guarded.port) as opened:
        answer = opened.ask(client.request(target=f"http://{HOST}/x", body=b"{}"))
        assert answer.status == 407
    assert len(origin.requests) == before


@pytest.mark.parametrize("secret", ["s3cret/value", "s3cret%2Fvalue"])
def test_with_credentials_it_serves_also_where_they_come_undecoded(guarded, origin, secret):
    """axios and python-telegram-bot send userinfo without percent-decoding it."""
    entity = client.new_entity()
    fields = [("Host", HOST), basic("me", secret)]
    with client.tunnel(guarded.port, f"{HOST}:443", guarded.root_pem, fields=fields) as opened:
        assert opened.ask(client.request(body=b"{}", entity=entity)).status == 200
    assert not origin.requests[-1].has("Proxy-Authorization")
    assert guarded.row(entity)["status"] == "success"
    assert guarded.leaks(["s3cret", basic("me", secret)[1]]) == []


def test_a_client_of_another_network_is_refused(new_waybill, origin):
    instance = new_waybill(
        connect_to=everywhere(origin), access={"clients": ["10.99.0.0/16"]}
    ).start()
    opened = client.plain(instance.port)
    with opened:
        try:
            opened.send(http1.head(f"CONNECT {HOST}:443 HTTP/1.1", [("Host", HOST)]))
            answer = opened.read("CONNECT")
            assert answer.status == 403
        except OSError:
            pass
    assert origin.requests == [] or not instance.count()


def test_via_is_there_only_when_asked_for(new_waybill, origin):
    instance = new_waybill(connect_to=everywhere(origin), upstream={"via": True}).start()
    call(instance, target="/via", body=b"{}")
    assert "waybill" in origin.seen("/via")[0].get("Via")


def test_the_sni_must_be_the_host_of_the_connect(proxy, origin):
    """A leaf is made for the CONNECT authority, never for a free SNI."""
    before = len(origin.requests)
    opened, answer = client.connect(proxy.port, f"{HOST}:443")
    assert answer.status == 200
    context = client.trust(proxy.root_pem)
    with opened:
        try:
            stream = Tls(opened.stream, context, server_hostname="api.telegram.org")
            refused = client.Client(stream).ask(client.request(host="api.telegram.org"))
            assert refused.status == 421
        except (ssl.SSLError, OSError, http1.Cut):
            pass
    assert len(origin.requests) == before


def test_no_sni_at_all_is_the_host_of_the_connect(proxy):
    context = client.trust(proxy.root_pem)
    context.check_hostname = False
    opened, _ = client.connect(proxy.port, f"{HOST}:443")
    with opened:
        stream = Tls(opened.stream, context)
        names = stream.object.getpeercert()["subjectAltName"]
        assert ("DNS", HOST) in names
        assert client.Client(stream).ask(client.request(body=b"{}")).status == 200


def test_old_tls_versions_are_refused(proxy):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(proxy.root_pem)
    try:
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    except ValueError:
        pytest.skip("this OpenSSL cannot offer TLS 1.1 any more")
    opened, _ = client.connect(proxy.port, f"{HOST}:443")
    with opened, pytest.raises((ssl.SSLError, OSError)):
        Tls(opened.stream, context, server_hostname=HOST)


def test_the_leaf_has_what_clients_check(proxy):
    with client.tunnel(proxy.port, f"{HOST}:443", proxy.root_pem) as opened:
        leaf = x509.load_der_x509_certificate(opened.stream.object.getpeercert(True))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1") in usage
    assert (leaf.not_valid_after - leaf.not_valid_before).days <= 92


def test_the_chain_passes_strict_verification(proxy):
    """What Python 3.13 asks for by default (RFC 5280: AKI, SKI, key usage, critical basics)."""
    context = client.trust(proxy.root_pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with client.tunnel(proxy.port, f"{HOST}:443", None, context=context) as opened:
        assert opened.ask(client.request(body=b"{}")).status == 200


def test_connect_inside_a_tunnel_is_refused(proxy):
    with Call(proxy) as one:
        one.client.send(http1.head("CONNECT api.telegram.org:443 HTTP/1.1", [("Host", HOST)]))
        answer = one.client.read("CONNECT")
        assert answer.status in (400, 403, 405, 501)
        own_answer(answer, answer.get("X-Waybill-Error"))


# sent twice or not


def dies_once(statuses):
    """Closes the connection instead of its first answer."""

    def handler(request, connection):
        request.read_body()
        if statuses.pop(0) is None:
            return CLOSE
        connection.answer(body=b"{}")
        return KEEP

    return handler


def test_a_post_that_reached_the_origin_is_never_sent_again(proxy, origin):
    call(proxy, target="/warm", body=b"{}")
    origin.on("/once/post", dies_once([None, 200]))
    answer, row = call(proxy, target="/once/post", body=b'{"pay":1}')
    assert answer.status == 502
    assert row["error_code"] in ("UPSTREAM_CLOSED", "UPSTREAM_RESET")
    assert len(origin.seen("/once/post")) == 1


def test_a_get_on_a_reused_connection_that_died_is_sent_once_more(proxy, origin):
    call(proxy, target="/warm", body=b"{}")
    origin.on("/once/get", dies_once([None, 200]))
    answer, row = call(proxy, method="GET", target="/once/get")
    assert answer.status == 200
    assert row["status"] == "success"
    assert len(origin.seen("/once/get")) == 2


def test_a_blind_tunnel_survives_a_half_close(new_waybill, new_origin):
    def handler(request, connection):
        data = bytearray(connection.reader.buffer)
        while piece := connection.stream.recv():
            data += piece
        connection.send(b"got %d" % len(data))
        return CLOSE

    far = new_origin(context=None, handler=handler)
    instance = new_waybill(connect_to={f"{BLIND}:443": far.address}).start()
    opened, _ = client.connect(instance.port, f"{BLIND}:443")
    with opened:
        opened.send(b"GET / HTTP/1.1\r\n\r\n" + b"z" * 100000)
        assert isinstance(opened.stream, Plain)
        opened.stream.half_close()
        assert opened.reader.take(10) == b"got 100000"


# who may listen where


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_an_address_for_all_needs_a_word_on_who_may_use_it(new_waybill, listen):
    instance = new_waybill(listen=listen).spawn()
    assert instance.process.wait(20) == 2
    assert "access.clients or access.credentials" in instance.log()
    instance.kill()


def test_with_credentials_it_may_listen_anywhere(new_waybill, origin):
    instance = new_waybill(
        connect_to=everywhere(origin),
        listen="0.0.0.0:0",
        access={"credentials": {"me": "s3cret"}},
    ).spawn()
    instance.port = int(instance.wait_log(r"listening on 0\.0\.0\.0:(\d+)").group(1))
    opened, answer = client.connect(instance.port, f"{HOST}:443")
    with opened:
        assert answer.status == 407
    fields = [("Host", HOST), basic("me", "s3cret")]
    opened, answer = client.connect(instance.port, f"{HOST}:443", fields)
    with opened:
        assert answer.status == 200


def test_the_sni_alone_is_no_credential(guarded):
    """A TLS client that never sent CONNECT cannot have shown any."""
    with pytest.raises((ssl.SSLError, OSError)):
        client.direct_tls(guarded.port, HOST, guarded.root_pem)
