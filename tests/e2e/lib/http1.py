# SPDX-License-Identifier: MIT
"""HTTP/1.1 messages read from a stream and written to one: enough to judge a proxy by.

Reading is strict where a test depends on it (framing) and keeps the raw bytes; it is written
apart from the program under test on purpose.
"""


class Cut(Exception):
    """The stream ended inside a message."""

    def __init__(self, words, message=None):
        super().__init__(words)
        self.message = message


class Reader:
    """Pulls messages out of a stream; keeps what was read beyond them."""

    def __init__(self, stream, first=b""):
        self.stream = stream
        self.buffer = bytearray(first)
        self.seen = bytearray(first)  # every byte that came

    def fill(self):
        data = self.stream.recv()
        self.buffer += data
        self.seen += data
        return bool(data)

    def take(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                raise Cut(f"{len(self.buffer)} of {count} bytes, then the end")
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self.fill():
                raise Cut("a line without its end")
        text, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer[:] = rest
        return text

    def head(self):
        """The bytes of a head with its empty line, or None at a clean end."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                if not self.buffer:
                    return None
                raise Cut("a head without its end")
        end = self.buffer.index(b"\r\n\r\n") + 4
        data = bytes(self.buffer[:end])
        del self.buffer[:end]
        return data

    def chunked(self, into):
        while True:
            size = int(self.line().split(b";")[0], 16)
            if size == 0:
                break
            into += self.take(size)
            if self.take(2) != b"\r\n":
                raise Cut("chunk data without its end")
        trailers = []
        while True:
            line = self.line()
            if not line:
                return trailers
            trailers.append(line)


class Message:
    """A head, split; body bytes are added by whoever reads them."""

    def __init__(self, raw_head):
        self.raw_head = raw_head
        lines = raw_head[:-4].decode("latin-1").split("\r\n")
        self.start = lines[0]
        self.fields = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields.append((name, value.strip(" \t")))
        self.body = bytearray()
        self.trailers = []
        self.complete = False

    def get(self, name, default=None):
        for field, value in self.fields:
            if field.lower() == name.lower():
                return value
        return default

    def has(self, name):
        return self.get(name) is not None

    @property
    def chunked(self):
        return (self.get("transfer-encoding") or "").lower() == "chunked"

    @property
    def length(self):
        value = self.get("content-length")
        return int(value) if value is not None else None


class Response(Message):
    def __init__(self, raw_head):
        super().__init__(raw_head)
        parts = self.start.split(" ", 2)
        self.version = parts[0]
        self.status = int(parts[1])
        self.reason = parts[2] if len(parts) > 2 else ""
        self.interim = []  # 1xx answers that came before it
        self.until_close = False


def read_response(reader, method="GET", skip_interim=True):
    """The next answer. Raises Cut (with .message where a head came) when it is incomplete."""
    interim = []
    while True:
        raw = reader.head()
        if raw is None:
            raise Cut("closed without an answer")
        response = Response(raw)
        if skip_interim and 100 <= response.status < 200 and response.status != 101:
            interim.append(response)
            continue
        break
    response.interim = interim
    try:
        _read_response_body(reader, response, method)
    except Cut as cut:
        cut.message = response
        raise
    response.complete = True
    return response


def _read_response_body(reader, response, method):
    if method == "HEAD" or response.status in (204, 304) or response.status < 200:
        return
    if method == "CONNECT" and response.status < 300:
        return
    if response.chunked:
        response.trailers = reader.chunked(response.body)
    elif response.length is not None:
        want = response.length
        while len(response.body) < want:
            if not reader.buffer and not reader.fill():
                raise Cut(f"{len(response.body)} of {want} body bytes, then the end")
            piece = reader.buffer[: want - len(response.body)]
            response.body += piece
            del reader.buffer[: len(piece)]
    else:
        response.until_close = True
        while reader.buffer or reader.fill():
            response.body += reader.buffer
            reader.buffer.clear()
        if reader.stream.tls and not reader.stream.clean_eof:
            raise Cut("a close-delimited body over TLS without close_notify")


def chunks(data, size=4096):
    """The chunked coding of data, last chunk included."""
    out = bytearray()
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        out += b"%x\r\n" % len(piece) + piece + b"\r\n"
    return bytes(out) + b"0\r\n\r\n"


def head(start, fields):
    """A head's bytes from a start line and (name, value) pairs."""
    lines = [start] + [f"{name}: {value}" for name, value in fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
