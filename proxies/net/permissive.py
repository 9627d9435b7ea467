"""A port that takes both mTLS and plaintext: the first byte says which a connection speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from proxies.net.flow import Receiver, as_protocol
from proxies.net.tls import HANDSHAKE_TIMEOUT_S

Mtls = Literal["strict", "permissive", "disable"]
SILENCE_S = 3.0
"""Where servers may speak first, who says nothing for so long is taken to wait for that, in plaintext."""
_HANDSHAKE = 0x16
"""How every TLS connection begins (RFC 8446 section 5.1), and no text does."""


class FirstByte(asyncio.Protocol):
    """Stands for a connection until its first byte came, then hands it over with all that came."""

    def __init__(self, secured: Callable[[], Receiver], plain: Callable[[], Receiver], *, server_first: bool) -> None:
        """``server_first`` says that a client may wait for the server's first word."""
        self._secured = secured
        self._plain = plain
        self._server_first = server_first
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        loop = asyncio.get_running_loop()
        if self._server_first:
            self._timer = loop.call_later(SILENCE_S, self._hand_over, self._plain, b"")
        else:
            self._timer = loop.call_later(HANDSHAKE_TIMEOUT_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._hand_over(self._secured if data[0] == _HANDSHAKE else self._plain, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_timer()

    def _hand_over(self, make: Callable[[], Receiver], data: bytes) -> None:
        self._stop_timer()
        protocol = make()
        self._transport.set_protocol(as_protocol(protocol))
        protocol.connection_made(self._transport)
        if data and not self._transport.is_closing():
            protocol.data_received(data)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
