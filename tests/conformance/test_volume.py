"""Much of it: a gibibyte each way, and ten thousand connections, with the proxy's memory watched."""

from __future__ import annotations

import hashlib
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.conformance.conftest import Mesh, Scripted
from tests.conformance.harness import Conversation, ask
from tests.support.poll import until

GIB = 1 << 30
PIECE = bytes(range(256)) * 4096
PIECES = GIB // len(PIECE)
ROOM_MB = 16
IDLE = 10_000
IDLE_MB = 40
"""Four kilobytes a connection."""
HEAD = b" / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n"


def whole() -> str:
    digest = hashlib.sha256()
    for _ in range(PIECES):
        digest.update(PIECE)
    return digest.hexdigest()


def send_pieces(peer: Conversation, count: int) -> None:
    for _ in range(count):
        peer.send(PIECE)


@contextmanager
def watched(memory: Callable[[], float]) -> Iterator[list[float]]:
    """What ``memory`` reads over and over while the block runs."""
    seen: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def test_a_gibibyte_each_way_at_once_in_constant_memory(scripted: Scripted) -> None:
    found: list[str] = []

    def script(app: Conversation) -> None:
        app.read_until(b"\r\n\r\n")
        app.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % GIB)
        # A response that ends before its request does would end the exchange.
        sender = threading.Thread(target=send_pieces, args=(app, PIECES - 1))
        sender.start()
        found.append(app.digest(GIB))
        sender.join()
        app.send(PIECE)

    scripted.play(script)
    before = scripted.proxy.rss_mb()
    with watched(scripted.proxy.rss_mb) as seen, Conversation.to(scripted.port) as client:
        client.send(b"POST" + HEAD + b"content-length: %d\r\n\r\n" % GIB)
        sender = threading.Thread(target=send_pieces, args=(client, PIECES))
        sender.start()
        head = client.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        received = client.digest(GIB)
        sender.join()
    assert received == whole()
    assert found == [received]
    assert max(seen) - before < ROOM_MB


def test_ten_thousand_idle_connections_cost_little_and_disturb_nobody(own_mesh: Mesh) -> None:
    _allow_files(IDLE + 500)
    before = own_mesh.proxy.rss_mb()
    with ExitStack() as stack:
        gateway = ("127.0.0.1", own_mesh.gateway)
        idle = [stack.enter_context(socket.create_connection(gateway)) for _ in range(IDLE)]
        until(lambda: own_mesh.proxy.count("mesh_proxy_connections") >= IDLE, "all to be accepted")
        assert ask(own_mesh.gateway, "/").status == 200
        assert own_mesh.proxy.rss_mb() - before < IDLE_MB
        for connection in idle[:: IDLE // 20]:
            client = Conversation(connection)
            client.send(b"GET" + HEAD + b"\r\n")
            assert client.read_response().status == 200


def _allow_files(count: int) -> None:
    """Let this process, and the proxies it starts later, open so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"this machine lets a process open {hard} files")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
