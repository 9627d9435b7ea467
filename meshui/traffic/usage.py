"""The limits of a service beside what they let pass and turned away."""

from __future__ import annotations

from collections.abc import Iterator

from meshui.catalog.selectors import get_service
from meshui.core.api.bodies import View
from meshui.mesh.values import RateLimit
from meshui.telemetry.usage import Usage, limit_usage
from meshui.traffic.selectors import limits_of, routes_of


class UsageStep(View, frozen=True, kw_only=True):
    """``at`` is the step's start, Unix seconds."""

    at: int
    allowed: int
    limited: int


class LimitUsage(View, frozen=True, kw_only=True):
    """``route`` is null for a limit on what the service receives. ``rate_rps`` is what came, allowed or limited.
    ``share_of_limit`` is the allowed rate as a part of the limit's; null where that is no one number: a local limit
    holds for each proxy, and one with ``by`` for each key."""

    name: str
    route: str | None
    scope: str
    requests: int
    per_ms: int
    allowed: int
    limited: int
    rate_rps: float
    share_of_limit: float | None
    series: list[UsageStep]


class LimitsUsage(View, frozen=True, kw_only=True):
    """``covered_s`` is how much of the window was observed. A step that nobody observed is left out."""

    window_s: int
    step_s: int
    covered_s: float
    limits: list[LimitUsage]


def limits_usage(*, service: str, window_s: int) -> LimitsUsage:
    """How much of a service's limits was used in the last seconds. Raises NotFound."""
    row = get_service(service)
    usage = limit_usage(service=service, window_s=window_s)
    limits: list[tuple[str | None, RateLimit]] = [(None, limit) for limit in limits_of(row)]
    limits += [(route.name, limit) for route in routes_of(row) for limit in route.limits]
    return LimitsUsage(
        window_s=window_s,
        step_s=usage.step_s,
        covered_s=usage.covered_s,
        limits=[_used(usage, route, limit) for route, limit in limits],
    )


def _used(usage: Usage, route: str | None, limit: RateLimit) -> LimitUsage:
    series = list(_series(usage, route, limit))
    allowed, limited = sum(step.allowed for step in series), sum(step.limited for step in series)
    covered_s = max(usage.covered_s, 1.0)
    share = allowed / covered_s / (limit.requests * 1000 / limit.per_ms)
    return LimitUsage(
        name=limit.name,
        route=route,
        scope=limit.scope,
        requests=limit.requests,
        per_ms=limit.per_ms,
        allowed=allowed,
        limited=limited,
        rate_rps=round((allowed + limited) / covered_s, 3),
        share_of_limit=round(share, 4) if limit.scope == "global" and not limit.by else None,
        series=series,
    )


def _series(usage: Usage, route: str | None, limit: RateLimit) -> Iterator[UsageStep]:
    by_step = usage.counts.get((route or "", limit.name), {})
    for at in usage.steps:
        allowed, limited = by_step.get(at, (0, 0))
        yield UsageStep(at=at, allowed=allowed, limited=limited)
