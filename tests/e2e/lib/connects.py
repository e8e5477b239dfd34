# SPDX-License-Identifier: MIT
"""connects.py CASE…: opens connections in many ways, as programs do; for tests of clients/connect, which is
preloaded. Prints {case: what came of it} as JSON."""

import asyncio
import errno
import fcntl
import json
import os
import select
import socket
import sys
import threading

V4, V6 = ("203.0.113.10", 443), ("2001:db8::10", 443)
MAPPED = ("::ffff:203.0.113.10", 443)


def outcome(sock, address, keep=False):
    """Connects; what the program then knows: the result, the peer, and whether it is as it was."""
    before = fcntl.fcntl(sock, fcntl.F_GETFL), fcntl.fcntl(sock, fcntl.F_GETFD), sock.gettimeout()
    code = sock.connect_ex(address)
    if code == errno.EINPROGRESS:
        select.select([], [sock], [], 5)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    same = before == (fcntl.fcntl(sock, fcntl.F_GETFL), fcntl.fcntl(sock, fcntl.F_GETFD), sock.gettimeout())
    peer = sock.getpeername()[1] if code == 0 else None
    if not keep:
        sock.close()
    return {"error": errno.errorcode.get(code, code), "peer": peer, "same": same}


def simple(family, address, nonblocking=False, kind=socket.SOCK_STREAM, options=(), bind=None):
    def case():
        sock = socket.socket(family, kind)
        sock.setblocking(not nonblocking)
        for option in options:
            sock.setsockopt(*option)
        if bind:
            sock.bind(bind)
        made = outcome(sock, address, keep=True)
        made["kept"] = all(sock.getsockopt(*option[:2]) for option in options if option not in (FAST_OPEN, V6ONLY))
        sock.close()
        return made

    return case


def twice():
    sock = socket.socket()
    first, second = outcome(sock, V4, keep=True), sock.connect_ex(V4)
    return {**first, "second": errno.errorcode[second]}


def again():
    """The same socket after a failure."""
    sock = socket.socket()
    sock.setblocking(False)
    return {**outcome(sock, V4, keep=True), "second": outcome(sock, V4)["error"]}


def threads():
    made = []
    workers = [threading.Thread(target=lambda: made.append(outcome(socket.socket(), V4))) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(one == made[0] for one in made), made
    return made[0]


def forked():
    child = os.fork()
    if child == 0:
        os._exit(outcome(socket.socket(), V4)["error"] != 0)
    return {"error": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


def watched():
    """Registered with epoll before it is connected, as event loops do."""
    sock = socket.socket()
    sock.setblocking(False)
    epoll = select.epoll()
    epoll.register(sock, select.EPOLLIN | select.EPOLLOUT)
    return {**outcome(sock, V4, keep=True), "ready": bool(epoll.poll(5) and sock.fileno() >= 0)}


def daemon():
    """Standard error is closed, and something else gets its number."""
    saved, other = os.dup(2), os.open("/tmp", os.O_TMPFILE | os.O_RDWR)
    os.dup2(other, 2)
    made = outcome(socket.socket(), V4)
    os.dup2(saved, 2)
    return {**made, "written": os.fstat(other).st_size}


def by_asyncio():
    async def go():
        _, writer = await asyncio.open_connection(*V4)
        peer = writer.get_extra_info("peername")[1]
        writer.close()
        return {"error": 0, "peer": peer}

    return asyncio.run(go())


FAST_OPEN = (socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
V6ONLY = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
CASES = {
    "blocking": simple(socket.AF_INET, V4),
    "non-blocking": simple(socket.AF_INET, V4, nonblocking=True),
    "v6": simple(socket.AF_INET6, V6),
    "v6 non-blocking": simple(socket.AF_INET6, V6, nonblocking=True),
    "v4 as v6": simple(socket.AF_INET6, MAPPED),
    "v6 alone": simple(socket.AF_INET6, V6, options=[V6ONLY]),
    "v6 alone, bound": simple(socket.AF_INET6, V6, nonblocking=True, options=[
        V6ONLY, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)], bind=("::", 0)),
    "bound to an address": simple(socket.AF_INET, V4, nonblocking=True, options=[
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)], bind=("203.0.113.10", 0)),
    "bound to a port": simple(socket.AF_INET, V4, bind=("0.0.0.0", 0)),
    "fast open": simple(socket.AF_INET, V4, nonblocking=True, options=[FAST_OPEN]),
    "twice": twice,
    "again": again,
    "threads": threads,
    "forked": forked,
    "watched": watched,
    "asyncio": by_asyncio,
    "daemon": daemon,
    "other port": simple(socket.AF_INET, ("203.0.113.10", 8443)),
    "loopback": simple(socket.AF_INET, ("127.0.0.1", 443)),
    "loopback v6": simple(socket.AF_INET6, ("::1", 443)),
    "private": simple(socket.AF_INET, ("10.0.0.1", 443)),
    "datagrams": simple(socket.AF_INET, V4, kind=socket.SOCK_DGRAM),
    "no address": lambda: {"error": errno.errorcode[socket.socket(socket.AF_UNIX).connect_ex("/nowhere")]},
}
print(json.dumps({name: CASES[name]() for name in sys.argv[1:] or CASES}))
