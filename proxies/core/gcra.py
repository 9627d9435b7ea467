"""The generic cell rate algorithm (ITU-T I.371): a token bucket kept as the one moment at which it would be full again.

Pure, in any unit of time. Shared limits run the same steps on the server (``meshui/delivery/limits.lua``).
"""

from __future__ import annotations

from typing import NamedTuple

from proxies.wire.routing import RateLimit

SLACK = 1_000_000
"""A wait below this part of a period is none: sums of periods are not exact."""


class Rate(NamedTuple):
    """One token each ``period``; ``room`` is how far ahead of now a bucket's moment may be for one more."""

    period: float
    room: float


def rate_of(limit: RateLimit, unit_ms: float, processes: int = 1) -> Rate:
    """A limit's rate in units of so many milliseconds; one of several processes keeps its part of it, one token at
    least."""
    period = limit.per_ms / unit_ms / limit.requests * processes
    burst = (limit.burst or limit.requests) / processes
    return Rate(period, period * max(burst - 1, 0))


def take(full_at: float, now: float, rate: Rate) -> tuple[float, float]:
    """Take one token: the wait until there is one (0: there was, and it is taken), and the bucket's new moment."""
    period, room = rate
    # What lies beyond a whole bucket was counted under a limit that has changed since.
    full_at = min(max(full_at, now), now + room + period)
    wait = full_at - now - room
    if wait > period / SLACK:
        return wait, full_at
    return 0.0, full_at + period
