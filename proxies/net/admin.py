"""The admin port: what a proxy is and does, to be read by operators and Prometheus on the same host. Nothing here
changes what it does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec.structs import asdict

from proxies.core.errors import BadMessage
from proxies.core.head import MAX_HEAD, RequestHead, read_request
from proxies.net.engine import Applied
from proxies.net.prometheus import Source, render
from proxies.net.replies import reply
from proxies.wire.reports import SpanReport

TIMEOUT_S = 10.0
_TEXT = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"

Page = tuple[int, str, str]
"""Status, content type, text."""
Pages = Callable[[bytes], Page | None]
"""The page at a path, if there is one."""


class Shown(Source, Protocol):
    """What is shown: an engine."""

    def ready(self) -> str: ...
    def addresses(self) -> list[tuple[str, str, int]]: ...
    def applied(self) -> Mapping[str, Applied]: ...


class _AdminConnection(asyncio.Protocol):
    """One request, one reply."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
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
        page = self._pages(head.path)
        if page is None:
            return reply(404, close=True)
        if head.method not in (b"GET", b"HEAD") or head.body:
            return reply(405, close=True)
        return _response(head, *page)


def _response(head: RequestHead, status: int, content_type: str, text: str) -> bytes:
    body = text.encode()
    lines = (
        f"HTTP/1.1 {status} {'OK' if status == 200 else 'Service Unavailable'}\r\nserver: meshui\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return lines.encode() + (b"" if head.method == b"HEAD" else body)


def readiness(missing: str) -> Page:
    """Ready, unless something is missing."""
    return (503, _TEXT, f"{missing}\n") if missing else (200, _TEXT, "ready\n")


def as_json(value: object) -> Page:
    return 200, "application/json", json.dumps(value, indent=2) + "\n"


def with_spans(pages: Pages, spans: Callable[[], tuple[list[SpanReport], int]]) -> Pages:
    """Pages, and one more with the spans that ended since it was read last: for a proxy that reports to nobody."""

    def page(path: bytes) -> Page | None:
        if path != b"/spans":
            return pages(path)
        found, dropped = spans()
        return as_json({"spans": [_named(span) for span in found], "dropped": dropped})

    return page


def pages_of(engine: Shown, more_metrics: Callable[[], str] = str) -> Pages:
    """The pages of one engine; ``more_metrics`` gives exposition text to append to the engine's."""

    def page(path: bytes) -> Page | None:
        if path == b"/metrics":
            return 200, _METRICS, render(engine) + more_metrics()
        if path == b"/ready":
            return readiness(engine.ready())
        return as_json(_config(engine)) if path == b"/config" else None

    return page


def _named(span: SpanReport) -> dict[str, object]:
    return asdict(span) | {"tries": [asdict(each) for each in span.tries]}


def _config(engine: Shown) -> dict[str, object]:
    return {
        "listeners": [{"kind": kind, "address": address, "port": port} for kind, address, port in engine.addresses()],
        "resources": [{"resource": key, **applied._asdict()} for key, applied in sorted(engine.applied().items())],
    }


async def serve_admin(pages: Pages, address: str, port: int) -> asyncio.Server:
    """Open the admin port; 0 takes any free one."""
    return await asyncio.get_running_loop().create_server(lambda: _AdminConnection(pages), address, port)
