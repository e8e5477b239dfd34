# SPDX-License-Identifier: MIT
"""What the proxy offers to its clients in TLS, as `openssl s_client` sees it."""

import re
import subprocess

import pytest

from lib.place import HOST, everywhere

OTHER = "academy.amocrm.ru"
REQUEST = "GET /emails HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def proxy(origin, module_waybill):
    return module_waybill(connect_to=everywhere(origin)).start()


def s_client(proxy, *options, host=HOST, words=None):
    """Runs it; returns whether a handshake was made, and its output."""
    run = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}", "-servername", host,
         "-verify_hostname", host, "-CAfile", str(proxy.root_pem), *options],
        input=(words if words is not None else "").encode(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=30, check=False)
    out = run.stdout.decode("latin-1")
    made = re.search(r"Cipher is (?!\(NONE\))", out) is not None
    return made, out


LAX = ["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(version, proxy):
    made, out = s_client(proxy, version, *LAX)
    assert not made, out
    assert "alert" in out, out


@pytest.mark.parametrize("version,name", [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_new_versions_are_spoken_and_the_certificate_verifies(version, name, proxy):
    made, out = s_client(proxy, version, "-verify_return_error")
    assert made and f"New, {name}" in out and "Verify return code: 0 (ok)" in out, out
    assert "Compression: NONE" in out


def suites(filter_text, version):
    text = subprocess.run(["openssl", "ciphers", version, filter_text], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    return sorted({name for name in text.strip().split(":") if not name.startswith("TLS_")})


def test_only_suites_with_aead_and_forward_secrecy_are_spoken_in_tls_1_2(proxy):
    accepted = [
        suite for suite in suites("ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-tls1_2")
        if s_client(proxy, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")[0]
    ]
    assert accepted == [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ]


@pytest.mark.parametrize("suite,spoken", [
    ("TLS_AES_128_GCM_SHA256", True),
    ("TLS_AES_256_GCM_SHA384", True),
    ("TLS_CHACHA20_POLY1305_SHA256", True),
    ("TLS_AES_128_CCM_SHA256", False),
    ("TLS_AES_128_CCM_8_SHA256", False),
])
def test_suites_of_tls_1_3(suite, spoken, proxy):
    assert s_client(proxy, "-tls1_3", "-ciphersuites", suite)[0] is spoken


@pytest.mark.parametrize("offer", ["http/1.1", "h2,http/1.1", "http/1.1,h2"])
def test_alpn_is_http_1_1(offer, proxy):
    made, out = s_client(proxy, "-alpn", offer)
    assert made and "ALPN protocol: http/1.1" in out, out


def test_without_alpn_none_is_chosen(proxy):
    made, out = s_client(proxy)
    assert made and "No ALPN negotiated" in out, out


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed_for_its_host_and_for_no_other(version, proxy, origin, tmp_path):
    kept = str(tmp_path / "session.pem")
    options = [version, "-ign_eof"]
    _, out = s_client(proxy, *options, "-sess_out", kept, words=REQUEST.format(HOST))
    assert "200 OK" in out, (out, origin.handshake_errors)
    assert "Max Early Data: 0" in out or version == "-tls1_2"
    _, out = s_client(proxy, *options, "-sess_in", kept, words=REQUEST.format(HOST))
    assert "Reused, TLS" in out and "200 OK" in out, (out, origin.handshake_errors)
    _, out = s_client(proxy, *options, "-sess_in", kept, host=OTHER, words=REQUEST.format(OTHER))
    assert "New, TLS" in out and "Reused" not in out and "200 OK" in out, (out, origin.handshake_errors)
    assert f"Verified peername: *.{OTHER.split('.', 1)[1]}" in out or OTHER in out


def test_renegotiation_is_refused(proxy):
    """s_client renegotiates on a line that says R."""
    made, out = s_client(proxy, "-tls1_2", "-legacy_renegotiation", words="R\n")
    assert made and "RENEGOTIATING" in out, out
    assert "no renegotiation" in out or "handshake failure" in out or "unexpected" in out, out
