"""What an exchange becomes after a 101: bytes flow both ways until both sides ended; only silence bounds it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.net.flow import pause, resume

if TYPE_CHECKING:
    from proxies.net.connection import UpstreamConnection
    from proxies.net.exchange import Exchange


class Tunnel:
    """Takes its exchange's place on both connections; the exchange counts at the end."""

    __slots__ = ("_client", "_exchange", "_idle_s", "_touched", "_upstream")

    def __init__(self, exchange: Exchange, upstream: UpstreamConnection, idle_s: float) -> None:
        self._exchange = exchange
        self._client = exchange.client
        self._upstream: UpstreamConnection | None = upstream
        self._idle_s = idle_s
        self._touched = monotonic()
        upstream.caller = self
        self._arm()

    # --- the client

    def request_data(self, data: bytes) -> bytes:
        self._touched = self._client.wheel.now
        self._exchange.request_bytes += len(data)
        if self._upstream is not None:
            self._upstream.transport.write(data)
        return b""

    def client_eof(self) -> bool:
        """The client sends no more. True keeps its connection open for what it still receives."""
        upstream = self._upstream
        if upstream is not None and upstream.transport.can_write_eof():
            upstream.transport.write_eof()
            return True
        return False

    def client_lost(self) -> None:
        self._exchange.tunnel_lost("")

    def expired(self) -> None:
        if monotonic() < self._touched + self._idle_s:
            self._arm()
            return
        self._exchange.tunnel_lost(flags.STREAM_IDLE_TIMEOUT)
        self._client.cut(hard=False)

    def hold(self) -> None:
        if self._upstream is not None:
            pause(self._upstream.transport)

    def release(self) -> None:
        if self._upstream is not None:
            resume(self._upstream.transport)

    # --- the endpoint

    def response_data(self, data: bytes) -> None:
        self._touched = self._client.wheel.now
        self._exchange.response_bytes += len(data)
        self._client.transport.write(data)

    def upstream_eof(self) -> bool:
        if self._client.transport.can_write_eof():
            self._client.transport.write_eof()
            return True
        return False

    def upstream_lost(self, connection: UpstreamConnection, *, clean: bool) -> None:
        self._upstream = None
        self._exchange.tunnel_ended()

    def hold_request(self) -> None:
        self._client.hold()

    def release_request(self) -> None:
        self._client.release()

    def _arm(self) -> None:
        self._client.wheel.arm(self._client, self._touched + self._idle_s)
