# SPDX-License-Identifier: MIT
"""TLS servers that must be refused, and some odd ones that must not: certificates and settings.

A Maker has a root that the proxy trusts. Each case is a function of a Maker that returns an
ssl.SSLContext for a server. Everything is for the host HOST.
"""

import datetime
import ssl
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from .pki import _key_pem, _key_usage, _name, _now, _pem, _san

HOST = "api.resend.com"
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


class Signer:
    """A key and the certificate it belongs to."""

    def __init__(self, key, cert):
        self.key, self.cert = key, cert


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0
        self.rsa_key = rsa.generate_private_key(65537, 2048)
        self.root = self.make("stand-in root", ca=True, usage=None)
        self.ca_file = folder / "root.pem"
        self.ca_file.write_bytes(_pem(self.root.cert))

    def make(self, subject="leaf", issuer=None, key=None, names=(HOST,), days=(-1, 20), ca=False,
             pathlen=None, usage=(SERVER,), digest=hashes.SHA256, key_usage=None, extra=()):
        """issuer None: self-signed. names None: no SAN. ca None: no basic constraints."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(issuer.cert.subject if issuer else _name(subject))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_now() + datetime.timedelta(days=days[0]))
            .not_valid_after(_now() + datetime.timedelta(days=days[1]))
        )
        if ca is not None:
            constraints = x509.BasicConstraints(ca=ca, path_length=pathlen)
            builder = builder.add_extension(constraints, critical=True)
        builder = builder.add_extension(key_usage or _key_usage(bool(ca)), critical=True)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(usage)), critical=False)
        if names and not (ca and names == (HOST,)):
            sans = [name if isinstance(name, x509.GeneralName) else _san(name) for name in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical=critical)
        signing = issuer.key if issuer else key
        chosen = None if isinstance(signing, ed25519.Ed25519PrivateKey) else digest()
        return Signer(key, builder.sign(signing, chosen))

    def with_sha1(self, signer, issuer):
        """A self-signed one, signed by issuer with SHA-1: newer python3-cryptography refuses to."""
        names = [self.folder / name for name in ("old.pem", "issuer.pem", "issuer.key", "new.pem")]
        old, by, by_key, new = map(str, names)
        names[0].write_bytes(_pem(signer.cert))
        names[1].write_bytes(_pem(issuer.cert))
        names[2].write_bytes(_key_pem(issuer.key))
        command = f"openssl x509 -sha1 -days 20 -in {old} -CA {by} -CAkey {by_key} -out {new}"
        subprocess.run(
            [*command.split(), "-set_serial", "77"], check=True, capture_output=True
        )
        cert = x509.load_pem_x509_certificate(names[3].read_bytes())
        assert cert.signature_hash_algorithm.name == "sha1"
        return Signer(signer.key, cert)

    def authority(self, subject="intermediate", issuer=None, **how):
        return self.make(subject, issuer or self.root, ca=True, usage=how.pop("usage", None), **how)

    def revocation_list(self, *revoked, issuer=None, days=(-1, 5)):
        """A list of the root's, or of issuer's, as PEM."""
        issuer = issuer or self.root
        now = _now()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.cert.subject)
            .last_update(now + datetime.timedelta(days=days[0]))
            .next_update(now + datetime.timedelta(days=days[1]))
        )
        for signer in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(signer.cert.serial_number)
                .revocation_date(now - datetime.timedelta(hours=1))
                .build())
        return _pem(builder.sign(issuer.key, hashes.SHA256()))

    def context(self, leaf, chain=(), ciphers="ALL:@SECLEVEL=0", low=None, high=None):
        """A server that shows leaf and chain. It is as lax as OpenSSL can be made."""
        self.count += 1
        path = self.folder / f"server{self.count}.pem"
        certs = [leaf.cert, *chain]
        path.write_bytes(_key_pem(leaf.key) + b"".join(
            cert if isinstance(cert, bytes) else _pem(cert) for cert in certs))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(ciphers)
        context.minimum_version = low or ssl.TLSVersion.TLSv1
        context.maximum_version = high or ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(path)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def leaf(self, chain=(), server=None, **how):
        how.setdefault("issuer", self.root)
        return self.context(self.make(**how), chain, **(server or {}))


def _under(signer, *above):
    """leaf() arguments for a leaf that signer signs."""
    return {"issuer": signer, "chain": [signer.cert, *[a.cert for a in above]]}


def _tower(m, height):
    """height intermediates, the lowest first."""
    tower, issuer = [], m.root
    for i in range(height):
        issuer = m.authority(f"storey {i}", issuer)
        tower.insert(0, issuer)
    return m.leaf(**_under(*tower))


def _impostor(m):
    """Signed by another key under the trusted root's name."""
    fake = Signer(ec.generate_private_key(ec.SECP256R1()), m.root.cert)
    return m.leaf(issuer=fake)


def _constrained(m, permitted=None, excluded=None):
    def trees(names):
        return [x509.DNSName(name) for name in names] if names else None

    limits = x509.NameConstraints(trees(permitted), trees(excluded))
    return m.leaf(**_under(m.authority(extra=[(limits, True)])))


def _client_wanted(m, high):
    context = m.leaf(server={"high": high})
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(m.ca_file)
    return context


def _old(version):
    return lambda m: m.leaf(server={"low": version, "high": version})


def _suites(ciphers, key=None):
    server = {"ciphers": f"{ciphers}:@SECLEVEL=0", "high": ssl.TLSVersion.TLSv1_2}
    return lambda m: m.leaf(key=m.rsa_key if key == "rsa" else None, server=server)


def _rsa(bits):
    return rsa.generate_private_key(65537, bits)


def _named(*names):
    return lambda m: m.leaf(names=names)


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")

EXPIRED, HOSTNAME = "TLS_CERT_EXPIRED", "TLS_CERT_HOSTNAME"
UNTRUSTED, FAILED = "TLS_CERT_UNTRUSTED", "TLS_FAILED"

# name: (what the row and the answer must say, the server)
BAD = {
    # times
    "expired": (EXPIRED, lambda m: m.leaf(days=(-20, -1))),
    "not yet valid": (EXPIRED, lambda m: m.leaf(days=(1, 20))),
    "expired intermediate": (EXPIRED, lambda m: m.leaf(**_under(m.authority(days=(-20, -1))))),
    # names
    "another host": (HOSTNAME, _named("api.example.com")),
    "common name only": (HOSTNAME, lambda m: m.leaf(subject=HOST, names=None)),
    "common name right, alternative names wrong": (
        HOSTNAME, lambda m: m.leaf(subject=HOST, names=("other.example",))),
    "partial wildcard before": (HOSTNAME, _named("ap*.resend.com")),
    "partial wildcard after": (HOSTNAME, _named("*pi.resend.com")),
    "partial wildcard within": (HOSTNAME, _named("a*i.resend.com")),
    "wildcard over a whole TLD": (HOSTNAME, _named("*.com")),
    "bare wildcard": (HOSTNAME, _named("*")),
    "wildcard over two labels": (HOSTNAME, _named("*.*.com")),
    "wildcard not leftmost": (HOSTNAME, _named("api.*.com")),
    "parent domain": (HOSTNAME, _named("resend.com")),
    "subdomain": (HOSTNAME, _named("x.api.resend.com")),
    "wildcard below": (HOSTNAME, _named("*.api.resend.com")),
    "right name as a suffix": (HOSTNAME, _named("evil-api.resend.com")),
    "right name as a prefix": (HOSTNAME, _named("api.resend.com.evil.example")),
    "NUL in the name": (HOSTNAME, _named("api.resend.com\0.evil.example")),
    "address instead of a name": (HOSTNAME, _named("127.0.0.1")),
    "name as a URI": (HOSTNAME, _named(x509.UniformResourceIdentifier("https://" + HOST))),
    "name as an e-mail address": (HOSTNAME, _named(x509.RFC822Name("a@" + HOST))),
    # trust
    "self-signed": (UNTRUSTED, lambda m: m.leaf(issuer=None)),
    "untrusted root": (UNTRUSTED, lambda m: m.leaf(issuer=m.make("stranger", ca=True))),
    "untrusted root sent along": (
        UNTRUSTED, lambda m: m.leaf(**_under(m.make("stranger", ca=True)))),
    "root's name, another key": (UNTRUSTED, _impostor),
    "intermediate missing": (UNTRUSTED, lambda m: m.leaf(issuer=m.authority())),
    "chain broken in the middle": (
        UNTRUSTED, lambda m: m.leaf(**_under(m.authority("low", m.authority("high"))))),
    "chain of ten": (UNTRUSTED, lambda m: _tower(m, 10)),
    "path longer than allowed": (UNTRUSTED, lambda m: m.leaf(**_under(
        *(lambda top: (m.authority("low", top), top))(m.authority("top", pathlen=0))))),
    "signed by a leaf": (UNTRUSTED, lambda m: m.leaf(**_under(m.make("a leaf", m.root)))),
    "intermediate without basic constraints": (
        UNTRUSTED, lambda m: m.leaf(**_under(m.make("no CA", m.root, ca=None)))),
    "intermediate that may not sign": (UNTRUSTED, lambda m: m.leaf(**_under(
        m.authority(key_usage=_key_usage(False))))),
    "CA certificate as a leaf": (
        UNTRUSTED, lambda m: m.leaf(ca=True, names=(HOST, "x." + HOST),
                                    key_usage=_key_usage(True))),
    "name constraints violated": (UNTRUSTED, lambda m: _constrained(m, ["example.com"])),
    "name excluded": (UNTRUSTED, lambda m: _constrained(m, None, ["resend.com"])),
    "unknown critical extension": (UNTRUSTED, lambda m: m.leaf(extra=[(UNKNOWN, True)])),
    "unknown critical extension above": (
        UNTRUSTED, lambda m: m.leaf(**_under(m.authority(extra=[(UNKNOWN, True)])))),
    # purpose
    "client certificate": (UNTRUSTED, lambda m: m.leaf(usage=(CLIENT,))),
    "code-signing certificate": (
        UNTRUSTED, lambda m: m.leaf(usage=(ExtendedKeyUsageOID.CODE_SIGNING,))),
    "intermediate for clients only": (
        UNTRUSTED, lambda m: m.leaf(**_under(m.authority(usage=(CLIENT,))))),
    # strength
    "RSA 1024": (UNTRUSTED, lambda m: m.leaf(key=_rsa(1024))),
    "P-192": (FAILED, lambda m: m.leaf(
        key=ec.generate_private_key(ec.SECP192R1()), server={"high": ssl.TLSVersion.TLSv1_2})),
    "RSA 1024 above": (UNTRUSTED, lambda m: m.leaf(**_under(m.authority(key=_rsa(1024))))),
    "SHA-1": (UNTRUSTED, lambda m: m.context(m.with_sha1(m.make(), m.root))),
    "SHA-1 above": (
        UNTRUSTED, lambda m: m.leaf(**_under(m.with_sha1(m.make("old", ca=True, usage=None), m.root)))),
    # protocol
    "TLS 1.0": (FAILED, _old(ssl.TLSVersion.TLSv1)),
    "TLS 1.1": (FAILED, _old(ssl.TLSVersion.TLSv1_1)),
    "CBC only": (FAILED, _suites("ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384")),
    "CBC only, RSA": (FAILED, _suites("ECDHE-RSA-AES128-SHA256:AES128-SHA", "rsa")),
    "no forward secrecy": (FAILED, _suites("AES128-GCM-SHA256:AES256-GCM-SHA384", "rsa")),
    "anonymous": (FAILED, _suites("AECDH-AES128-SHA:ADH-AES128-GCM-SHA256")),
    "no encryption": (FAILED, _suites("ECDHE-ECDSA-NULL-SHA")),
    "client certificate wanted, TLS 1.2": (
        FAILED, lambda m: _client_wanted(m, ssl.TLSVersion.TLSv1_2)),
    "client certificate wanted, TLS 1.3": (
        FAILED, lambda m: _client_wanted(m, ssl.TLSVersion.TLSv1_3)),
    "cleartext": (FAILED, lambda m: None),
}

# What is unusual and right.
GOOD = {
    "plain": lambda m: m.leaf(),
    "RSA 2048": lambda m: m.leaf(key=m.rsa_key),
    "P-384": lambda m: m.leaf(key=ec.generate_private_key(ec.SECP384R1())),
    "Ed25519": lambda m: m.leaf(key=ed25519.Ed25519PrivateKey.generate()),
    "SHA-512": lambda m: m.leaf(digest=hashes.SHA512),
    "wildcard": _named("*.resend.com"),
    "upper case": _named("API.Resend.COM"),
    "one of many names": _named(*[f"n{i}.example.com" for i in range(90)], HOST),
    "no extended key usage": lambda m: m.leaf(usage=None),
    "server and client": lambda m: m.leaf(usage=(SERVER, CLIENT)),
    "no basic constraints": lambda m: m.leaf(ca=None),
    "one intermediate": lambda m: m.leaf(**_under(m.authority(pathlen=0))),
    "four intermediates": lambda m: _tower(m, 4),
    "root sent along": lambda m: m.leaf(chain=[m.root.cert]),
    "certificates that do not belong": lambda m: m.leaf(chain=[m.make("other", ca=True).cert]),
    "unknown extension": lambda m: m.leaf(extra=[(UNKNOWN, False)]),
    "name constraints kept": lambda m: _constrained(m, ["resend.com"]),
    "TLS 1.2": lambda m: m.leaf(server={"high": ssl.TLSVersion.TLSv1_2}),
    "TLS 1.3 only": lambda m: m.leaf(server={"low": ssl.TLSVersion.TLSv1_3}),
}
