"""A listener's access policies at work: who asks, what is decided, where it is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxies.core.authorize import Guard
from proxies.core.decisions import Tally
from proxies.core.head import RequestHead
from proxies.core.identity import PROBER
from proxies.core.rules import Who
from proxies.net.metrics import UNKNOWN

if TYPE_CHECKING:
    from proxies.net.relay import TcpConnection
    from proxies.net.server import ServerConnection


class Access:
    """The registry's own health checks always pass: they say whether an instance is well, not who may call it."""

    __slots__ = ("_guard", "_tally")

    def __init__(self, guard: Guard, tally: Tally) -> None:
        self._guard = guard
        self._tally = tally

    def admits(self, connection: ServerConnection, head: RequestHead) -> bool:
        """Decide on a request, and count that."""
        source = connection.source
        if source == PROBER:
            return True
        address = connection.peer_address().decode() if self._guard.by_address else ""
        decision = self._guard.decide(Who("" if source == UNKNOWN else source, address), head)
        self._tally.count(decision)
        head.decision = decision
        return decision.allowed

    def admits_connection(self, connection: TcpConnection) -> bool:
        """Decide on a connection that is carried on whole, and count that."""
        return self._of_connection(connection, count=True)

    def keeps(self, connection: TcpConnection) -> bool:
        """Whether a connection that was admitted before would be admitted now."""
        return self._of_connection(connection, count=False)

    def _of_connection(self, connection: TcpConnection, *, count: bool) -> bool:
        source = connection.source
        if source == PROBER:
            return True
        address = connection.peer_address if self._guard.by_address else ""
        decision = self._guard.decide_connection(Who("" if source == UNKNOWN else source, address))
        connection.rule = decision.name
        if count:
            self._tally.count(decision)
        return decision.allowed
