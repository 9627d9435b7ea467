"""How much of a service's work one proxy takes on at a time: its counts against their limits.

Limits turn away what is too much at once, before it waits for what cannot be had. The retry budget keeps retries a
fraction of first tries, so that a service in trouble is not asked more often for being in trouble.
"""

from __future__ import annotations

from proxies.wire.resilience import Breaker, RetryBudget

UNLIMITED = 1 << 62


class Load:
    """The work under way for one service. Whoever starts some counts it up, whoever ends it counts it down."""

    __slots__ = (
        "_budget",
        "connections",
        "max_connections",
        "max_pending",
        "max_requests",
        "max_retries",
        "overflows",
        "pending",
        "requests",
        "retries",
    )

    def __init__(self) -> None:
        """Without limits, until ``limit``."""
        self.connections = self.pending = self.requests = self.retries = 0
        self.max_connections = self.max_pending = self.max_requests = self.max_retries = UNLIMITED
        self.overflows: dict[str, int] = {}
        """How often each limit turned something away, by its name."""
        self._budget: RetryBudget | None = None

    def limit(self, breaker: Breaker, budget: RetryBudget | None) -> None:
        self.max_connections = breaker.connections
        self.max_pending = breaker.pending
        self.max_requests = breaker.requests
        self.max_retries = breaker.retries
        self._budget = budget

    def overflow(self, name: str) -> None:
        self.overflows[name] = self.overflows.get(name, 0) + 1

    def retries_allowed(self) -> int:
        """How many requests may be in a retry now. A budget takes the place of the plain count; its percentage is of
        the requests in their first try, so that retries never feed on retries."""
        if self._budget is None:
            return self.max_retries
        first = self.requests - self.retries
        return max(self._budget.min, first * self._budget.percent // 100)

    def open(self) -> list[str]:
        """The limits that are reached: more of that kind is turned away now."""
        found = []
        if self.connections >= self.max_connections:
            found.append("connections")
        if self.pending >= self.max_pending:
            found.append("pending")
        if self.requests >= self.max_requests:
            found.append("requests")
        if self.retries and self.retries >= self.retries_allowed():
            found.append("retries")
        return found
