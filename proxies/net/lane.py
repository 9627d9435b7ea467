"""A way that a request can take."""

from __future__ import annotations

from proxies.core.breaker import Load
from proxies.core.retry import ON_STALE_CONNECTION, RetryPolicy
from proxies.net.members import Group
from proxies.net.metrics import Row
from proxies.net.special import Special
from proxies.net.wheel import NEVER


class Lane:
    """A group of endpoints under one route's timeouts and retries; where it is counted, and against which limits."""

    __slots__ = (
        "first_s",
        "group",
        "idle_s",
        "load",
        "plain_row",
        "request_s",
        "retry",
        "secured_row",
        "special",
        "try_s",
    )

    def __init__(
        self,
        group: Group,
        plain_row: Row,
        secured_row: Row,
        load: Load,
        *,
        request_s: float = NEVER,
        idle_s: float,
        try_s: float = NEVER,
        retry: RetryPolicy = ON_STALE_CONNECTION,
        special: Special | None = None,
    ) -> None:
        self.group = group
        self.plain_row = plain_row
        self.secured_row = secured_row
        self.load = load
        self.request_s = request_s
        self.idle_s = idle_s
        self.try_s = try_s
        self.first_s = min(request_s, idle_s, try_s)
        """When a new request must be looked after first."""
        self.retry = retry
        self.special = special

    def adding(self, line: bytes) -> Lane:
        """The same way, with this field line in the response."""
        return Lane(
            self.group,
            self.plain_row,
            self.secured_row,
            self.load,
            request_s=self.request_s,
            idle_s=self.idle_s,
            try_s=self.try_s,
            retry=self.retry,
            special=(self.special or Special()).adding(line),
        )
