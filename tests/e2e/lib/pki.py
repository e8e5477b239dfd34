# SPDX-License-Identifier: MIT
"""Certificates for the stand-in origins: one authority of their own, good and bad leaves."""

import datetime
import ipaddress
import pathlib
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VENDOR_NAMES = [
    "api.resend.com",
    "api.telegram.org",
    "gate.whapi.cloud",
    "manager.whapi.cloud",
    "api.mobizon.kz",
    "api.mobizon.com",
    "api.mobizon.com.br",
    "api.mobizon.ua",
    "api.mobizon.gmbh",
    "amocrm.ru",
    "*.amocrm.ru",
    "*.amocrm.com",
    "*.kommo.com",
    "*.example.test",
]


def _now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def _key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Authority:
    """A root certificate and what it signs, as PEM files in a folder of the test's."""

    def __init__(self, folder, common_name="stand-in root"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(common_name)
        now = _now()
        self.cert = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_key_usage(sign_certs=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        self.ca_file = self.folder / "ca.pem"
        self.ca_file.write_bytes(_pem(self.cert))

    def leaf(self, file_name, names=VENDOR_NAMES, days=(-1, 20), self_signed=False):
        """A certificate with its key in one PEM file; returns the path."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name("stand-in origin")
        now = _now()
        sans = [_san(name) for name in names]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self_signed else self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(sign_certs=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
            .add_extension(x509.SubjectAlternativeName(sans), critical=False)
        )
        if not self_signed:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        cert = builder.sign(key if self_signed else self.key, hashes.SHA256())
        path = self.folder / file_name
        path.write_bytes(_key_pem(key) + _pem(cert))
        return path

    def server_context(self, file_name="origin.pem", alpn=("http/1.1", "h2"), **leaf):
        path = self.folder / file_name
        if not path.exists():
            self.leaf(file_name, **leaf)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.set_alpn_protocols(list(alpn))
        return context


def _san(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(sign_certs):
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certs,
        crl_sign=sign_certs,
        encipher_only=False,
        decipher_only=False,
    )
