# SPDX-License-Identifier: MIT
"""What testssl.sh, a scanner of others, says of what the proxy offers to its clients in TLS."""

import json
import subprocess

from lib.place import HOST, everywhere

# Everything but the browsers that it plays and the fields of an answer, which are the API's.
CHECKS = ["--protocols", "--std", "--fs", "--server-preference", "--server-defaults",
          "--vulnerable", "--grease"]

# What it remarks, and why it stays so. docs/security.md says more.
EXPLAINED = {
    "cipher_order": "every suite on offer is good: the client takes the one it is fastest in",
    "cert_revocation": "a leaf lives 90 days at most and is never on disk",
    "engine_problem": "about the openssl on this machine",
    "sessionresumption_ticket": "it may hang up before a TLS 1.3 ticket comes; test_tls_clients.py waits",
    "secure_renego": "asked without a name, and without one there is no certificate to show",
}

# What it must have looked at, and found good: a scan that met nobody has no findings either.
GOOD = [
    "SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3", "ALPN",
    "cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW",
    "cert_chain_of_trust", "cert_expirationStatus", "cert_trust",
    "heartbleed", "CCS", "ticketbleed", "ROBOT", "CRIME_TLS", "POODLE_SSL", "SWEET32",
    "FREAK", "DROWN", "LOGJAM", "BEAST", "LUCKY13", "RC4",
]


def scan(proxy, path):
    """Runs it on a routed host; returns its findings by name."""
    run = subprocess.run(
        ["testssl", "--quiet", "--color", "0", "--nodns", "none", "--warnings", "batch",
         "--openssl", "/usr/bin/openssl", "--openssl-timeout", "30", "--connect-timeout", "30",
         "--ip", "127.0.0.1", "--add-ca", str(proxy.root_pem), "--jsonfile", str(path), *CHECKS,
         f"https://{HOST}:{proxy.port}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False)
    assert path.exists(), run.stdout.decode(errors="replace")
    return {finding["id"].split(" ")[0]: finding for finding in json.loads(path.read_text())}


def test_testssl_finds_nothing_that_is_not_explained(origin, module_waybill, tmp_path):
    found = scan(module_waybill(connect_to=everywhere(origin)).start(), tmp_path / "found.json")
    bad = {name: finding for name, finding in found.items()
           if finding["severity"] not in ("OK", "INFO") and name not in EXPLAINED}
    assert not bad, bad
    missing = [name for name in GOOD
               if found.get(name, {}).get("severity") not in ("OK", "INFO")]
    assert not missing, [(name, found.get(name)) for name in missing]
