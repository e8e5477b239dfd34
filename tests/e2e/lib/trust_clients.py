# SPDX-License-Identifier: MIT
"""Programs of many kinds that make one TLS connection and say whether they trust the server.

Each is a function (root file, host, port) → the command. The server is at 127.0.0.1 whatever the
host; a command that ends with 0 has verified the chain and the host.
"""

import os
import shutil
import subprocess

NODE = """
const [root, host, port] = process.argv.slice(2);
const tls = require('tls'), fs = require('fs');
const ip = require('net').isIP(host);
const socket = tls.connect({host: '127.0.0.1', port, servername: ip ? '' : host,
    ca: fs.readFileSync(root), checkServerIdentity: (_, cert) => tls.checkServerIdentity(host, cert)},
    () => { console.log('trusted'); socket.end(); process.exit(0); });
socket.on('error', (error) => { console.log(error.code, error.message); process.exit(1); });
"""

PYTHON = """
import socket, ssl, sys
root, host, port = sys.argv[1:]
context = ssl.create_default_context(cafile=root)
context.wrap_socket(socket.create_connection(('127.0.0.1', int(port))), server_hostname=host)
print('trusted')
"""

GO = """
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	pem, _ := os.ReadFile(os.Args[1])
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		os.Exit(3)
	}
	_, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[3],
		&tls.Config{ServerName: os.Args[2], RootCAs: roots})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("trusted")
}
"""

JAVA = """
import java.io.FileInputStream;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

public class Trust {
    public static void main(String[] args) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        store.setCertificateEntry("root", CertificateFactory.getInstance("X.509")
            .generateCertificate(new FileInputStream(args[0])));
        TrustManagerFactory trust =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        int port = Integer.parseInt(args[2]);
        SSLSocket socket = (SSLSocket) context.getSocketFactory()
            .createSocket(new Socket("127.0.0.1", port), args[1], port, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        try {
            socket.startHandshake();
        } catch (SSLException error) {
            System.out.println(error);
            System.exit(1);
        }
        System.out.println("trusted");
    }
}
"""


def _is_address(host):
    return host.replace(".", "").isdigit()


def openssl(_, root, host, port):
    what = ["-verify_ip", host] if _is_address(host) else [
        "-verify_hostname", host, "-servername", host]
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", root,
            "-verify_return_error", *what]


def curl(_, root, host, port):
    return ["curl", "-sS", "--cacert", root, "--noproxy", "*", "--resolve",
            f"{host}:{port}:127.0.0.1", f"https://{host}:{port}/"]


def node(folder, root, host, port):
    (folder / "trust.js").write_text(NODE)
    return ["node", str(folder / "trust.js"), root, host, str(port)]


def python(folder, root, host, port):
    (folder / "trust.py").write_text(PYTHON)
    return ["/usr/bin/python3", str(folder / "trust.py"), root, host, str(port)]


def _build(folder, product, source, text, command, **env):
    if not (folder / product).exists():
        (folder / source).write_text(text)
        subprocess.run(command, cwd=folder, env={**os.environ, **env}, check=True, timeout=300)


def go(folder, root, host, port):
    cache = folder / "go-cache"
    _build(folder, "trust-go", "trust.go", GO, ["go", "build", "-o", "trust-go", "trust.go"],
           GOCACHE=str(cache), GOTOOLCHAIN="local", GO111MODULE="off", GOFLAGS="", CGO_ENABLED="0")
    shutil.rmtree(cache, ignore_errors=True)
    return [str(folder / "trust-go"), root, host, str(port)]


def java(folder, root, host, port):
    _build(folder, "Trust.class", "Trust.java", JAVA, ["javac", "Trust.java"])
    return ["java", "-cp", str(folder), "Trust", root, host, str(port)]


CLIENTS = {"openssl": openssl, "curl": curl, "node": node, "python": python, "go": go, "java": java}


def trusts(name, folder, root, host, port):
    """(whether this client trusts the server, what it said)"""
    command = CLIENTS[name](folder, str(root), host, port)
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60, check=False)
    return run.returncode == 0, run.stdout.decode("utf-8", "replace")
