# SPDX-License-Identifier: MIT
"""A stand-in for the APIs: an HTTP and HTTPS origin on one port that does what a test says.

The first byte of a connection tells TLS from cleartext. Every connection has a thread. What came
is kept, raw and parsed. A handler is called when a request's head is complete; it may read the
body, write any bytes, and says how the connection goes on by returning KEEP (default) or CLOSE.
"""

import socket
import ssl
import threading

from . import http1
from .stream import DEADLINE, Plain, Tls, send_slowly

KEEP = "keep"
CLOSE = "close"
RESET = "reset"
CUT = "cut"  # close without close_notify


class Request(http1.Message):
    """One request as it arrived at the origin."""

    def __init__(self, raw_head, connection):
        super().__init__(raw_head)
        self.connection = connection
        parts = self.start.split(" ")
        self.method, self.target = parts[0], parts[1] if len(parts) > 1 else ""
        self.body_read = False

    def read_body(self):
        """The whole body (once); sets complete. Raises Cut where it is cut short."""
        if self.body_read:
            return bytes(self.body)
        self.body_read = True
        reader = self.connection.reader
        if self.chunked:
            self.trailers = reader.chunked(self.body)
        elif self.length:
            self.body += reader.take(self.length)
        self.complete = True
        return bytes(self.body)


class Connection:
    def __init__(self, origin, stream, first, number):
        self.origin = origin
        self.stream = stream
        self.number = number
        self.reader = http1.Reader(stream, first)
        self.requests = []
        self.closed = threading.Event()
        self.error = None

    def send(self, data):
        self.stream.sendall(data)

    def send_slowly(self, data):
        send_slowly(self.stream, data, look_every=1 << 30)

    def answer(self, status=200, fields=(), body=b"", reason="OK"):
        fields = list(fields)
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in fields):
            fields.append(("Content-Length", str(len(body))))
        self.send(http1.head(f"HTTP/1.1 {status} {reason}", fields) + body)


class Origin:
    """Listens until stop(): on a kernel-chosen port of 127.0.0.1 when no address is given."""

    def __init__(self, context=None, handler=None, address=("127.0.0.1", 0)):
        self.context = context
        self.handler = handler or answer_ok
        self.paths = {}  # path (target without query) → handler
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.connections = []
        self.requests = []
        self.handshake_errors = []
        self.stopping = False
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.socket.listen(1024)
        self.port = self.socket.getsockname()[1]
        self.address = f"{address[0]}:{self.port}"
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def on(self, path, handler):
        """Sets the handler of one path."""
        self.paths[path] = handler

    def stop(self):
        self.stopping = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        with self.lock:
            for connection in self.connections:
                try:
                    connection.stream.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close_idle(self):
        """Closes every open connection, as an origin does with idle ones."""
        with self.lock:
            open_ones = [c for c in self.connections if not c.closed.is_set()]
        for connection in open_ones:
            try:
                connection.stream.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for connection in open_ones:
            connection.closed.wait(DEADLINE)

    def wait_for(self, test, seconds=DEADLINE):
        """Waits until test() is true of the origin's records; False when it never was."""
        with self.changed:
            return self.changed.wait_for(test, seconds)

    def seen(self, path):
        """The requests whose target (without its query) is path."""
        with self.lock:
            return [r for r in self.requests if r.target.split("?")[0] == path]

    def _note(self):
        with self.changed:
            self.changed.notify_all()

    def _accept(self):
        while not self.stopping:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _open(self, sock):
        """Plain or TLS by the first byte; returns the stream and what was read of it."""
        plain = Plain(sock, timeout=None)
        first = plain.recv()
        if first[:1] != b"\x16":
            return plain, first
        if self.context is None:  # as a web server answers TLS on its cleartext port
            plain.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            raise OSError("TLS came to a cleartext port")
        return Tls(plain, self.context, server_side=True, first=first), b""

    def _serve(self, sock):
        try:
            stream, first = self._open(sock)
        except (OSError, ssl.SSLError) as error:
            with self.lock:
                self.handshake_errors.append(str(error))
            sock.close()
            return
        with self.lock:
            connection = Connection(self, stream, first, len(self.connections))
            self.connections.append(connection)
        end = CLOSE
        try:
            end = self._requests(connection)
        except (OSError, ssl.SSLError, http1.Cut, ValueError) as error:
            connection.error = error
        finally:
            self._close(stream, end)
            connection.closed.set()
            self._note()

    def _close(self, stream, end):
        try:
            if end == RESET:
                stream.reset()
            elif end == CUT and stream.tls:
                stream.cut()
            else:
                stream.close()
        except (OSError, ValueError):
            pass

    def _requests(self, connection):
        while not self.stopping:
            raw = connection.reader.head()
            if raw is None:
                return CLOSE
            request = Request(raw, connection)
            with self.lock:
                connection.requests.append(request)
                self.requests.append(request)
            self._note()
            handler = self.paths.get(request.target.split("?")[0], self.handler)
            end = handler(request, connection)
            if end in (CLOSE, RESET, CUT):
                return end
            request.read_body()
            self._note()
            if (request.get("connection") or "").lower() == "close":
                return CLOSE
        return CLOSE


def answer_ok(request, connection):
    """The default: 100 where asked for, reads the body, 200 {"ok":true}."""
    if (request.get("expect") or "").lower() == "100-continue":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.read_body()
    body = b'{"ok":true}'
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    connection.answer(fields=fields, body=b"" if request.method == "HEAD" else body)
    return KEEP


def answer_raw(data, end=KEEP, slowly=False):
    """A handler that reads the body and sends these bytes."""

    def handler(request, connection):
        request.read_body()
        if slowly:
            connection.send_slowly(data)
        else:
            connection.send(data)
        return end

    return handler
