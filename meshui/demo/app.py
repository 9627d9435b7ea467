"""One instance of a demo service: a real, small HTTP server that calls its neighbours through its own sidecar.

``python -m meshui.demo.app --service shop/catalog --version v2 --port 20001 --outbound 20002 --data-dir DIR``

It knows no control plane and no Django; the mesh is what its sidecar makes of ``Host: inventory.platform.mesh``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import httptools
import uvloop

from meshui.demo import knobs, topology
from meshui.demo.client import Client, ClientError

FORWARDED = frozenset({b"traceparent", b"tracestate", b"x-request-id"})
"""What of a request goes on to the calls made for it, so that a trace stays one."""
CALL_TIMEOUT_S = 15.0
MAX_CALLS = 64

Header = tuple[bytes, bytes]


class App:
    """Answers for one version of one service."""

    def __init__(self, service: topology.Service, version: str, sidecar: Client, watched: knobs.Watched) -> None:
        self._service = service
        self._version = version
        self._sidecar = sidecar
        self._knobs = watched

    async def answer(self, method: str, path: str, headers: Sequence[Header]) -> tuple[int, bytes]:
        """The status and JSON body of one request, its own calls included."""
        now = self._knobs.look()
        if now.latency_ms:
            await asyncio.sleep(now.latency_ms / 1000)
        if now.error_rate and random.random() < now.error_rate:  # noqa: S311 - a die, not a key
            return 500, _json({"service": self._service.id, "status": 500})
        calls = self._service.calls_for(method, path)
        results = await asyncio.gather(*(self._call(call, headers) for call in calls))
        return 200, _json({"service": self._service.id, "version": self._version, "calls": results})

    async def _call(self, call: topology.Call, headers: Sequence[Header]) -> dict[str, Any]:
        try:
            response = await self._sidecar.request(call.method, call.host, call.path, headers)
        except ClientError as error:
            return {"service": call.service, "status": error.status}
        if response.status != 200:
            return {"service": call.service, "status": response.status}
        try:
            served = json.loads(response.body)
            version, calls = served["version"], served["calls"]
        except (ValueError, LookupError, TypeError):
            return {"service": call.service, "status": 502}  # somebody else's answer
        return {"service": call.service, "version": version, "status": 200, "calls": calls}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


class Exchange(asyncio.Protocol):
    """One connection from the sidecar: a request at a time, no more read until it is answered."""

    def __init__(self, app: App, open_now: set[Exchange]) -> None:
        self._app = app
        self._open = open_now
        self.closed = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._answering: asyncio.Task[None] | None = None
        self._stopping = False

    def stop(self) -> None:
        """Close now, or after the answer that is being made."""
        self._stopping = True
        if self._answering is None and self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._open.discard(self)
        self.closed.set_result(None)
        if self._answering is not None:
            self._answering.cancel()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()

    # httptools

    def on_message_begin(self) -> None:
        self._target = b""
        self._forward: list[Header] = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in FORWARDED:
            self._forward.append((name, value))

    def on_message_complete(self) -> None:
        if self._answering is not None:
            raise httptools.HttpParserError("pipelining is not spoken here")
        assert self._transport is not None
        self._transport.pause_reading()
        method = self._parser.get_method().decode()
        path = self._target.partition(b"?")[0].decode("latin-1")
        keep = self._parser.should_keep_alive()
        self._answering = asyncio.get_running_loop().create_task(self._answer(method, path, keep))

    async def _answer(self, method: str, path: str, keep: bool) -> None:
        status, body = await self._app.answer(method, path, self._forward)
        self._answering = None
        if self._transport is None:
            return
        keep = keep and not self._stopping
        self._transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n"
            % (status, b"OK" if status == 200 else b"Error", len(body), b"" if keep else b"connection: close\r\n")
            + (b"" if method == "HEAD" else body)
        )
        if keep:
            self._transport.resume_reading()
        else:
            self._transport.close()


async def serve(app: App, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is being answered."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    open_now: set[Exchange] = set()
    server = await loop.create_server(lambda: Exchange(app, open_now), "127.0.0.1", port, backlog=512)
    await stop.wait()
    server.close()
    for exchange in list(open_now):
        exchange.stop()
    await asyncio.gather(*(exchange.closed for exchange in list(open_now)))


def main() -> None:
    parser = argparse.ArgumentParser(description="One instance of a service of the demo mesh.")
    parser.add_argument("--service", required=True, type=topology.service)
    parser.add_argument("--version", required=True)
    parser.add_argument("--port", required=True, type=int, help="listens here on 127.0.0.1 for its sidecar")
    parser.add_argument("--outbound", required=True, type=int, help="its sidecar's outbound listener on 127.0.0.1")
    parser.add_argument("--data-dir", required=True, type=Path)
    options = parser.parse_args()
    file = knobs.knobs_file(options.data_dir, options.service.id, options.version)

    async def run() -> None:
        sidecar = Client("127.0.0.1", options.outbound, limit=MAX_CALLS, timeout_s=CALL_TIMEOUT_S)
        await serve(App(options.service, options.version, sidecar, knobs.Watched(file)), options.port)

    uvloop.run(run())


if __name__ == "__main__":
    main()
