"""One probe against real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meshui.catalog.checking import probe as probing
from meshui.catalog.checking.probe import Answer, Target, probe
from meshui.catalog.checks import HttpCheck, TcpCheck
from tests.support.app import App, running_app
from tests.support.pki import Authority

IDENTITY = "spiffe://mesh.local/ns/shop/svc/catalog"
HTTP = HttpCheck(path="/healthz?deep=1", timeout_ms=2000)


@pytest.fixture
def app() -> Iterator[App]:
    with running_app() as running:
        yield running


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@asynccontextmanager
async def answering(data: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that answers a request with ``data`` and closes; nothing at all where it is empty. Its port."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await reader.readuntil(b"\r\n\r\n")
            if data:
                writer.write(data)
            else:
                await gone.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        gone.set()
        server.close()


async def ask(
    check: HttpCheck | TcpCheck, port: int, address: str = "127.0.0.1", *, local_allowed: bool = True, **more: Any
) -> Answer | None:
    target = Target(
        check=check, address=address, port=port, host="catalog.shop.mesh", identity=more.get("identity", "")
    )
    return await probe(target, more.get("context"), local_allowed=local_allowed)


async def test_http_asks_the_path_under_the_services_name(app: App) -> None:
    assert await ask(HTTP, app.port) == Answer(True, "200 OK")
    assert app.requests == [("/healthz?deep=1", "catalog.shop.mesh")]


@pytest.mark.parametrize(("status", "good"), [(199, False), (200, True), (204, True), (299, True), (300, False)])
async def test_http_takes_a_range_of_status(app: App, status: int, good: bool) -> None:
    app.status = status
    answer = await ask(HTTP, app.port)
    assert answer is not None
    assert answer.good is good
    assert answer.output.startswith(str(status))


async def test_a_redirect_is_not_followed(app: App) -> None:
    app.status, app.location = 302, f"http://127.0.0.1:{app.port}/elsewhere"
    answer = await ask(HTTP, app.port)
    assert answer == Answer(False, "302 Found")
    assert len(app.requests) == 1


async def test_tcp_connects(app: App, closed_port: int) -> None:
    assert await ask(TcpCheck(), app.port) == Answer(True, "connected")
    refused = await ask(TcpCheck(), closed_port)
    assert refused is not None
    assert not refused.good


@pytest.mark.parametrize(
    ("data", "output"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "the answer is no HTTP"),
        (b"HTTP/1.1 200", "the answer is no HTTP"),
        (b"HTTP/1.1 2000 OK\r\n", "the answer is no HTTP"),
        (b"x" * 20_000, ""),
    ],
)
async def test_garbage_is_critical(data: bytes, output: str) -> None:
    async with answering(data) as port:
        answer = await ask(HTTP, port)
    assert answer is not None
    assert not answer.good
    assert answer.output == output or not output


async def test_what_a_stranger_says_is_printable() -> None:
    async with answering(b"HTTP/1.1 500 \x1b[2J\xff" + b"a" * 900 + b"\r\n\r\n") as port:
        answer = await ask(HTTP, port)
    assert answer is not None
    assert answer.output.isprintable()
    assert len(answer.output) <= 200


async def test_silence_is_critical_after_the_timeout() -> None:
    async with answering(b"") as port:
        answer = await ask(HttpCheck(timeout_ms=50), port)
    assert answer == Answer(False, "no answer within 50 ms")


async def test_our_own_slowness_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "LATE_S", -1.0)
    async with answering(b"") as port:
        assert await ask(HttpCheck(timeout_ms=50), port) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "169.254.169.254", "::1", "0.0.0.0"])
async def test_in_production_our_own_machine_is_never_asked(app: App, address: str) -> None:
    answer = await ask(HTTP, app.port, address, local_allowed=False)
    assert answer is not None
    assert not answer.good
    assert "is not an address that others reach" in answer.output
    assert app.requests == []


async def test_a_name_is_judged_by_where_it_leads(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """``rebind.example`` leads to a public address and to ourselves."""
    loop = asyncio.get_running_loop()

    async def getaddrinfo(*_: object, **__: object) -> list[Any]:
        return [(2, 1, 6, "", ("192.0.2.1", app.port)), (2, 1, 6, "", ("127.0.0.1", app.port))]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    answer = await ask(HTTP, app.port, "rebind.example", local_allowed=False)
    assert answer == Answer(False, "127.0.0.1 is not an address that others reach")
    assert app.requests == []


# --- through a sidecar ------------------------------------------------------------------------------------------


@pytest.fixture
def authority() -> Authority:
    return Authority()


def server_context(authority: Authority, folder: Path, uri: str) -> ssl.SSLContext:
    certificate, key, root = authority.write(folder, uri)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(root)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(authority: Authority, folder: Path) -> ssl.SSLContext:
    certificate, key, root = authority.write(folder, "spiffe://mesh.local/ns/meshui/svc/registry")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(root)
    return context


async def test_a_sidecar_is_asked_over_mtls_by_its_identity(authority: Authority, tmp_path: Path) -> None:
    mine = client_context(authority, tmp_path / "client")
    check = msgspec.structs.replace(HTTP, path="/")
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", server_context(authority, tmp_path, IDENTITY)) as port:
        assert await ask(check, port, identity=IDENTITY, context=mine) == Answer(True, "200 OK")
        other = await ask(check, port, identity=IDENTITY + "x", context=mine)
        assert other == Answer(False, f"the peer is not {IDENTITY}x")
        assert await ask(check, port, identity=IDENTITY, context=None) is None


async def test_a_stranger_in_the_sidecars_place_is_critical(tmp_path: Path) -> None:
    mine = client_context(Authority(), tmp_path / "client")
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", server_context(Authority(), tmp_path, IDENTITY)) as port:
        answer = await ask(HTTP, port, identity=IDENTITY, context=mine)
    assert answer is not None
    assert not answer.good
