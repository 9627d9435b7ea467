"""A small HTTP/1.1 client to one address: keep-alive, a bounded number of connections, a deadline for each request.

It knows nothing of the mesh: the address is a sidecar's or the gateway's, the ``Host`` header says who is meant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import httptools

Headers = Iterable[tuple[bytes, bytes]]


class ClientError(Exception):
    """No whole response came; ``status`` is the code that a proxy would have put it in."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes


class _Connection(asyncio.Protocol):
    """One connection, one request at a time. ``reusable`` once a response ended and the peer keeps the line."""

    def __init__(self) -> None:
        self.reusable = False
        self.transport: asyncio.WriteTransport | None = None
        self._waiting: asyncio.Future[Response] | None = None
        self._body: list[bytes] = []

    async def exchange(self, request: bytes) -> Response:
        assert self.transport is not None
        self.reusable = False
        self._body = []
        self._parser = httptools.HttpResponseParser(self)
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._waiting

    def close(self) -> None:
        self.reusable = False
        if self.transport is not None:
            self.transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # bytes that nobody asked for: the line cannot be trusted any more
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("the connection was closed")

    def _fail(self, reason: str) -> None:
        self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ClientError(503, reason))

    # httptools

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._waiting is None or self._waiting.done():
            return
        self.reusable = self._parser.should_keep_alive()
        self._waiting.set_result(Response(status, b"".join(self._body)))


class Client:
    """Requests to ``address:port`` over at most ``limit`` connections. A request beyond that waits for one."""

    def __init__(self, address: str, port: int, *, limit: int, timeout_s: float) -> None:
        self._address = address
        self._port = port
        self._timeout_s = timeout_s
        self._idle: list[_Connection] = []
        self._slots = asyncio.Semaphore(limit)

    async def request(self, method: str, host: str, path: str, headers: Headers = ()) -> Response:
        """One exchange. Raises ClientError: 504 when it took too long, 503 when no response came."""
        lines = [f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n".encode()]
        lines += [b"%b: %b\r\n" % header for header in headers]
        if method == "POST":
            lines.append(b"content-length: 0\r\n")
        lines.append(b"\r\n")
        try:
            async with asyncio.timeout(self._timeout_s), self._slots:
                return await self._exchange(b"".join(lines))
        except TimeoutError as error:
            raise ClientError(504, f"no response within {self._timeout_s} s") from error
        except OSError as error:
            raise ClientError(503, str(error)) from error

    async def _exchange(self, request: bytes) -> Response:
        connection = await self._connection()
        try:
            return await connection.exchange(request)
        finally:
            if connection.reusable:
                self._idle.append(connection)
            else:
                connection.close()

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._address, self._port)
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
