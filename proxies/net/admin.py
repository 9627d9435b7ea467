"""The admin port: what a proxy is and does, to be read by operators and Prometheus on the same host. Nothing here
changes anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from proxies.core.errors import BadMessage
from proxies.core.head import MAX_HEAD, RequestHead, read_request
from proxies.net.engine import Engine
from proxies.net.prometheus import render
from proxies.net.replies import reply

TIMEOUT_S = 10.0
_TEXT = "text/plain; charset=utf-8"


class _AdminConnection(asyncio.Protocol):
    """One request, one reply."""

    def __init__(self, engine: Engine, more_metrics: Callable[[], str]) -> None:
        self._engine = engine
        self._more_metrics = more_metrics
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._timeout = asyncio.get_running_loop().call_later(TIMEOUT_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if self._transport.is_closing():
            return
        if end >= 0:
            self._transport.write(self._answer(self._buffer[:end]))
            self._transport.close()
        elif len(self._buffer) > MAX_HEAD:
            self._transport.write(reply(431, close=True))
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._timeout.cancel()

    def _answer(self, data: bytes) -> bytes:
        try:
            head = read_request(data)
        except BadMessage as error:
            return reply(error.status, close=True)
        page = _PAGES.get(head.path)
        if page is None and head.path != b"/metrics":
            return reply(404, close=True)
        if head.method not in (b"GET", b"HEAD") or head.body:
            return reply(405, close=True)
        return _response(head, *(page(self._engine) if page else self._metrics()))

    def _metrics(self) -> tuple[int, str, str]:
        text = render(self._engine) + self._more_metrics()
        return 200, "text/plain; version=0.0.4; charset=utf-8", text


def _response(head: RequestHead, status: int, content_type: str, text: str) -> bytes:
    body = text.encode()
    lines = (
        f"HTTP/1.1 {status} {'OK' if status == 200 else 'Service Unavailable'}\r\nserver: meshui\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return lines.encode() + (b"" if head.method == b"HEAD" else body)


def _ready(engine: Engine) -> tuple[int, str, str]:
    missing = engine.ready()
    return (503, _TEXT, f"{missing}\n") if missing else (200, _TEXT, "ready\n")


def _config(engine: Engine) -> tuple[int, str, str]:
    config = {
        "listeners": [{"kind": kind, "address": address, "port": port} for kind, address, port in engine.addresses()],
        "resources": [{"resource": key, **applied._asdict()} for key, applied in sorted(engine.applied().items())],
    }
    return 200, "application/json", json.dumps(config, indent=2) + "\n"


_PAGES: dict[bytes, Callable[[Engine], tuple[int, str, str]]] = {
    b"/ready": _ready,
    b"/config": _config,
}


async def serve_admin(engine: Engine, address: str, port: int, more_metrics: Callable[[], str] = str) -> asyncio.Server:
    """Open the admin port; 0 takes any free one. ``more_metrics`` gives exposition text to append to the engine's."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _AdminConnection(engine, more_metrics), address, port)
