# SPDX-License-Identifier: MIT
"""Upstreams whose TLS is bad get no byte of a request; odd but good ones are served."""

import pytest

from lib import client
from lib.badtls import BAD, GOOD, HOST, Maker
from lib.place import own_answer
from lib.upstream import Origin

SECRET = "made-up-body-that-must-not-leave"
FIRST_PORT = 10001


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    maker = Maker(tmp_path_factory.mktemp("badtls"))
    contexts = {name: make(maker) for name, (_, make) in BAD.items()}
    contexts.update({name: make(maker) for name, make in GOOD.items()})
    origins = {name: Origin(context) for name, context in contexts.items()}
    yield maker, origins
    for origin in origins.values():
        origin.stop()


@pytest.fixture(scope="module")
def ports(servers):
    """The port of HOST behind which each server stands."""
    return {name: FIRST_PORT + i for i, name in enumerate(servers[1])}


@pytest.fixture(scope="module")
def proxy(servers, ports, module_waybill):
    maker, origins = servers
    return module_waybill(
        connect_to={f"{HOST}:{ports[name]}": origin.address for name, origin in origins.items()},
        access={"connect_ports": [443, *ports.values()]},
        upstream={"ca_file": str(maker.ca_file)},
    ).start()


def post(proxy, port, form):
    """One POST; returns the answer and its row."""
    entity = client.new_entity()
    authority = f"{HOST}:{port}"
    target = f"https://{authority}/emails" if form == "absolute" else "/emails"
    body = SECRET.encode()
    message = client.request(target=target, host=authority, body=body, entity=entity)
    if form == "absolute":
        opened = client.plain(proxy.port)
    else:
        opened = client.tunnel(proxy.port, authority, proxy.root_pem)
    with opened:
        answer = opened.ask(message)
    return answer, proxy.row(entity)


@pytest.mark.parametrize("form", ["tunnel", "absolute"])
@pytest.mark.parametrize("name", BAD)
def test_bad_tls_is_a_502_and_nothing_is_sent(name, form, proxy, servers, ports):
    code = BAD[name][0]
    origin = servers[1][name]
    answer, row = post(proxy, ports[name], form)
    assert answer.status == 502
    own_answer(answer, code)
    assert (row["status"], row["error_code"]) == ("failed", code), row
    assert row["error_message"]
    assert row["response_payload"] is None
    assert origin.requests == []
    for connection in origin.connections:
        assert SECRET.encode() not in connection.reader.seen
        assert not connection.reader.seen or name == "cleartext"
    assert SECRET not in proxy.log()


@pytest.mark.parametrize("name", GOOD)
def test_good_tls_is_served(name, proxy, servers, ports):
    answer, row = post(proxy, ports[name], "tunnel")
    assert answer.status == 200, answer.raw_head
    assert row["status"] == "success"
    assert bytes(servers[1][name].requests[-1].body) == SECRET.encode()


def test_a_refused_upstream_is_refused_again_next_time(proxy, servers, ports):
    """Nothing of a failed handshake is kept: no session, no pooled connection."""
    for _ in range(5):
        answer, _ = post(proxy, ports["self-signed"], "tunnel")
        own_answer(answer, "TLS_CERT_UNTRUSTED")
    assert servers[1]["self-signed"].requests == []


# revocation lists


@pytest.fixture
def listed(tmp_path, new_origin, new_waybill):
    """Makes a proxy with a list; returns what asks it for a server with a certificate."""
    maker = Maker(tmp_path)

    def make(crl):
        file = tmp_path / "lists.pem"
        file.write_bytes(crl)

        def ask(leaf, chain=()):
            origin = new_origin(maker.context(leaf, chain))
            instance = new_waybill(
                connect_to={f"{HOST}:443": origin.address},
                upstream={"ca_file": str(maker.ca_file), "crl_file": str(file)},
            ).start()
            return post(instance, 443, "tunnel")

        return ask

    return maker, make


def test_a_revoked_certificate_is_refused(listed):
    maker, make = listed
    bad, good = maker.make(issuer=maker.root), maker.make(issuer=maker.root)
    ask = make(maker.revocation_list(bad))
    answer, row = ask(bad)
    own_answer(answer, "TLS_CERT_UNTRUSTED")
    assert "revoked" in row["error_message"]
    assert ask(good)[0].status == 200


def test_a_revoked_intermediate_is_refused(listed):
    maker, make = listed
    between = maker.authority()
    answer, row = make(maker.revocation_list(between))(
        maker.make(issuer=between), [between.cert])
    own_answer(answer, "TLS_CERT_UNTRUSTED")
    assert "revoked" in row["error_message"]


def test_an_issuer_without_a_list_is_not_checked(listed):
    maker, make = listed
    between = maker.authority()
    stranger = maker.make("stranger", ca=True, usage=None)
    ask = make(maker.revocation_list(issuer=stranger))
    assert ask(maker.make(issuer=between), [between.cert])[0].status == 200


def test_a_list_that_is_too_old_is_no_excuse(listed):
    maker, make = listed
    answer, row = make(maker.revocation_list(days=(-9, -1)))(maker.make(issuer=maker.root))
    own_answer(answer, "TLS_CERT_UNTRUSTED")
    assert "upstream.crl_file" in row["error_message"]


@pytest.mark.parametrize("content", [b"", b"no list", b"-----BEGIN X509 CRL-----\nAA\n"])
def test_a_file_without_a_list_stops_the_start(content, listed):
    maker, make = listed
    with pytest.raises(AssertionError, match="upstream.crl_file"):
        make(content)(maker.make(issuer=maker.root))
