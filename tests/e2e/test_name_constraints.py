# SPDX-License-Identifier: MIT
"""A thief of the intermediate's key can impersonate no host that is not routed: what the clients
of six families say about certificates that were signed with it.

A client that is not installed fails its tests: packaging/apt-test.txt names them all.
"""

import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from lib.pki import _key_pem, _key_usage, _name, _now, _pem, _san
from lib.trust_clients import CLIENTS, trusts
from lib.upstream import Origin

ROUTED = "api.resend.com"
# what stands in the certificate, and the host that a client asks for
STOLEN = {
    "another host": (["bank.example"], "bank.example"),
    "another host beside a routed one": ([ROUTED, "bank.example"], "bank.example"),
    "a routed name's parent": (["resend.com"], "resend.com"),
    "a look-alike": (["evilapi.resend.com.example"], "evilapi.resend.com.example"),
    "an address": (["127.0.0.1"], "127.0.0.1"),
}
ALLOWED = {
    "a routed host": ([ROUTED], ROUTED),
    "a host below a wildcard": (["crm.amocrm.ru"], "crm.amocrm.ru"),
}


class Thief:
    """Signs with the intermediate key of a CA that the program has made."""

    def __init__(self, ca, folder):
        self.folder = folder
        self.issuer = x509.load_pem_x509_certificate((ca / "intermediate.pem").read_bytes())
        self.key = serialization.load_pem_private_key(
            (ca / "intermediate.key").read_bytes(), password=None)

    def server(self, names):
        key = ec.generate_private_key(ec.SECP256R1())
        cert = (
            x509.CertificateBuilder()
            .subject_name(_name("waybill"))
            .issuer_name(self.issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_now() - datetime.timedelta(hours=1))
            .not_valid_after(_now() + datetime.timedelta(days=5))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_san(n) for n in names]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                           critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{names[0]}-{len(names)}.pem"
        path.write_bytes(_key_pem(key) + _pem(cert) + _pem(self.issuer))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return Origin(context)


@pytest.fixture(scope="module")
def proxy(module_waybill):
    return module_waybill().start()


@pytest.fixture(scope="module")
def servers(proxy, tmp_path_factory):
    thief = Thief(proxy.state_dir / "ca", tmp_path_factory.mktemp("stolen"))
    made = {name: thief.server(names) for name, (names, _) in {**STOLEN, **ALLOWED}.items()}
    yield made
    for server in made.values():
        server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clients")


@pytest.mark.parametrize("client_name", CLIENTS)
@pytest.mark.parametrize("case", STOLEN)
def test_what_a_thief_signs_is_refused(case, client_name, proxy, servers, folder):
    host = STOLEN[case][1]
    trusted, said = trusts(client_name, folder, proxy.root_pem, host, servers[case].port)
    assert not trusted, said
    # by the certificate, and not because the client could not be run or reach the server
    assert any(word in said.lower() for word in ("subtree", "constraint")), said


@pytest.mark.parametrize("client_name", CLIENTS)
@pytest.mark.parametrize("case", ALLOWED)
def test_the_same_clients_trust_what_is_routed(case, client_name, proxy, servers, folder):
    host = ALLOWED[case][1]
    trusted, said = trusts(client_name, folder, proxy.root_pem, host, servers[case].port)
    assert trusted, said
