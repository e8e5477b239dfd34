# SPDX-License-Identifier: MIT
"""Many calls over many connections, with a ledger of those whose reply came whole.

As a program:  load.py PORT CA_FILE HOST CONNECTIONS CALLS   prints one id a line.
"""

import asyncio
import json
import ssl
import sys
import threading
import uuid


class Load:
    """calls are shared out among the connections, each of which keeps its tunnel alive."""

    def __init__(self, port, ca_file, host, connections, calls):
        self.port, self.host = port, host
        self.connections, self.calls = connections, calls
        self.context = ssl.create_default_context(cafile=str(ca_file))
        self.left = calls
        self.ledger = []  # ids of calls whose reply is whole at the client
        self.changed = threading.Condition()
        self.stopped = False

    def take(self):
        if self.left <= 0 or self.stopped:
            return None
        self.left -= 1
        return str(uuid.uuid4())

    def done(self, entity):
        with self.changed:
            self.ledger.append(entity)
            self.changed.notify_all()

    def wait(self, count, seconds):
        """Waits (in another thread) until that many replies are whole."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.ledger) >= count, seconds)

    def message(self, entity):
        body = json.dumps({"id": entity, "to": "someone@example.test"}).encode()
        head = (
            f"POST /emails HTTP/1.1\r\nHost: {self.host}\r\nX-Waybill-Entity: lead/{entity}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def one_connection(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(
                f"CONNECT {self.host}:443 HTTP/1.1\r\nHost: {self.host}:443\r\n\r\n".encode()
            )
            await reader.readuntil(b"\r\n\r\n")
            await writer.start_tls(self.context, server_hostname=self.host)
            while True:
                entity = self.take()
                if entity is None:
                    return
                writer.write(self.message(entity))
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 200"):
                    raise ConnectionError(head.split(b"\r\n")[0].decode())
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                self.done(entity)
        finally:
            writer.close()

    async def run(self):
        """Returns the errors that ended connections."""
        tasks = [self.one_connection() for _ in range(self.connections)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return [repr(result) for result in results if result is not None]

    def start(self):
        """Runs it in a thread of its own; join() that."""

        def body():
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda *_: None)  # cut connections are the point
            self.errors = loop.run_until_complete(self.run())
            loop.close()

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        return thread


def main():
    port, ca_file, host, connections, calls = sys.argv[1:]
    load = Load(int(port), ca_file, host, int(connections), int(calls))
    errors = asyncio.run(load.run())
    print("\n".join(load.ledger))
    for error in errors[:10]:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
