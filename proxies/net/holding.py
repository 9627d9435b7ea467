"""A request that is held until others have decided on it: shared counts, or external checks. Only routes and services
with global limits or with such policies come here.

The holding stands in the exchange's place on the client's connection and keeps what comes; the verdict begins the
exchange anew, with the rest of its selection.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxies.net.exchange import Exchange
    from proxies.net.lane import Lane
    from proxies.net.metrics import Row
    from proxies.net.upstream import Endpoint

MAX_HELD = 64 * 1024
"""Bytes of a request that are taken while it is held; more wait with the client."""


class Held(Exception):
    """A selection that waits. ``ask`` tells its argument the verdict, once; ``go`` is the rest of the selection, under
    that verdict; ``row`` counts a client that goes away meanwhile."""

    def __init__(
        self,
        row: Row,
        ask: Callable[[Callable[[Any], None]], None],
        go: Callable[[Any], tuple[Lane, Endpoint]],
    ) -> None:
        super().__init__("held for a verdict")
        self.row = row
        self.ask = ask
        self.go = go


class Holding:
    """``Exchange`` as its client's connection sees it, before it begins. Whoever answers does so soon: no timeout of
    the connection can come first."""

    def __init__(self, exchange: Exchange, held: Held, data: bytes) -> None:
        """``data`` is what came behind the head."""
        self._exchange = exchange
        self._held = held
        self._data = data
        self._over = False

    def start(self) -> None:
        """Ask; the answer may come before this returns."""
        self._exchange.client.hold_exchange(self)
        self._held.ask(self._decided)

    def _decided(self, verdict: Any) -> None:
        if not self._over:
            self._over = True
            self._exchange.client.begin_exchange(self._exchange, self._data, partial(self._held.go, verdict))

    # --- what the connection calls

    def request_data(self, data: bytes) -> bytes:
        self._data += data
        if len(self._data) > MAX_HELD:
            self._exchange.client.hold()
        return b""

    def client_eof(self) -> bool:
        return True

    def client_lost(self) -> None:
        self._over = True
        self._exchange.client_lost()

    def hold(self) -> None:
        """There is no response to hold up."""

    def release(self) -> None:
        """Nor to go on with."""

    def expired(self) -> None:
        """The verdict comes first."""
