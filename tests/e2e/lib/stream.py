# SPDX-License-Identifier: MIT
"""Byte streams for both ends of a test: a plain socket, or TLS over one through memory BIOs.

The memory BIOs give what ssl.SSLSocket does not: close_notify without waiting for the peer's,
a cut without it, and a look at the wire between two writes.
"""

import select
import socket
import ssl
import struct

DEADLINE = 20  # seconds that any single wait may take before a test fails


class Plain:
    """A connected TCP socket."""

    tls = False

    def __init__(self, sock, timeout=DEADLINE):
        self.sock = sock
        self.sock.settimeout(timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def sendall(self, data):
        self.sock.sendall(data)

    def recv(self, size=65536):
        return self.sock.recv(size)

    def readable(self, seconds=0):
        return bool(select.select([self.sock], [], [], seconds)[0])

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Tls:
    """TLS over a Plain stream."""

    tls = True

    def __init__(self, plain, context, server_side=False, server_hostname=None, first=b""):
        self.plain = plain
        self.sock = plain.sock
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._in.write(first)
        self.object = context.wrap_bio(
            self._in, self._out, server_side=server_side, server_hostname=server_hostname
        )
        self.clean_eof = False
        self._ahead = b""  # read by readable()
        self._drive(self.object.do_handshake)

    def _flush(self):
        data = self._out.read()
        if data:
            self.plain.sendall(data)

    def _drive(self, step, *args):
        while True:
            try:
                result = step(*args)
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.plain.recv()
                if data:
                    self._in.write(data)
                else:
                    self._in.write_eof()
            except ssl.SSLError:
                try:
                    self._flush()
                except OSError:
                    pass
                raise

    def sendall(self, data):
        view = memoryview(data)
        while view:
            sent = self._drive(self.object.write, view[:65536])
            view = view[sent:]

    def recv(self, size=65536):
        """b"" at the end of the stream; clean_eof tells whether close_notify came."""
        if self._ahead:
            data, self._ahead = self._ahead, b""
            return data
        try:
            data = self._drive(self.object.read, size)
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLEOFError:
            return b""
        except ssl.SSLError as error:
            if "EOF" in str(error).upper():
                return b""
            raise
        if not data:
            self.clean_eof = True
        return data

    def readable(self, seconds=0):
        """Whether recv() has something to give: session tickets do not count."""
        while not self._ahead and self.plain.readable(seconds):
            data = self.plain.recv()
            if not data:
                self._in.write_eof()
                return True
            self._in.write(data)
            try:
                self._ahead = self.object.read(65536)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return True
        return bool(self._ahead)

    def half_close(self):
        """close_notify, and the end of our side of the TCP connection."""
        try:
            self.object.unwrap()
        except ssl.SSLError:
            pass
        self._flush()
        self.plain.half_close()

    def close(self):
        try:
            self.object.unwrap()
        except (ssl.SSLError, ValueError):
            pass
        try:
            self._flush()
        except OSError:
            pass
        self.plain.close()

    def cut(self):
        """Closes without close_notify."""
        self.plain.close()

    def reset(self):
        self.plain.reset()


def read_all(stream, limit=1 << 28):
    """Everything until the peer closes."""
    data = bytearray()
    while len(data) < limit:
        try:
            piece = stream.recv()
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
    return bytes(data)


def send_slowly(stream, data, look_every=256):
    """One byte a write. Stops when the peer has something to say or is gone; returns the count."""
    for i in range(len(data)):
        if i % look_every == look_every - 1 and stream.readable():
            return i
        try:
            stream.sendall(data[i : i + 1])
        except OSError:
            return i
    return len(data)
