"""What is sent and answered about traffic. Routes are the mesh's own values: their ranges are said there alone."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from meshui.catalog.api.fields import Label, NamespaceFilter, ServiceId
from meshui.core.api.bodies import Body, Reason, View
from meshui.core.api.pages import ListQuery
from meshui.mesh.invariants import MAX_ROUTES
from meshui.mesh.values import (
    Balancer,
    Breaker,
    HealthCheck,
    Limits,
    Milliseconds,
    Outlier,
    RateLimit,
    Resilience,
    RetryBudget,
    Route,
)
from meshui.telemetry.api.queries import MAX_WINDOW_S, Duration, seconds
from meshui.traffic.services.gateways import MAX_HOSTS

PERCENT = {"additionalProperties": {"type": "integer", "minimum": 0, "maximum": 100}}
Weights = Annotated[dict[str, int], Meta(extra_json_schema=PERCENT, description="Percent by version, summing to 100.")]


class SplitBody(Body, frozen=True, kw_only=True):
    """A version that is left out gets none."""

    weights: Weights
    reason: Reason = ""


class SplitView(View, frozen=True, kw_only=True):
    """Every version of the service is a key."""

    weights: dict[str, int]
    version: str


class SplitWritten(SplitView, frozen=True, kw_only=True):
    """``revision`` is null when nothing changed, and in a dry run."""

    revision: int | None


class RoutesBody(Body, frozen=True, kw_only=True):
    """All routes in their order: the first match wins."""

    routes: Annotated[list[Route], Meta(min_length=1, max_length=MAX_ROUTES)]
    reason: Reason = ""


class RoutesView(View, frozen=True, kw_only=True):
    routes: list[Route]
    version: str


class RoutesWritten(RoutesView, frozen=True, kw_only=True):
    revision: int | None


class ResilienceBody(Resilience, frozen=True, kw_only=True):
    """All of it: a part that is left out has its defaults. Null turns ``outlier``, ``health_check`` and
    ``retry_budget`` off."""

    connect_timeout_ms: Milliseconds
    reason: Reason = ""


class ResilienceView(View, frozen=True, kw_only=True):
    connect_timeout_ms: int
    balancer: Balancer
    breaker: Breaker
    retry_budget: RetryBudget | None
    outlier: Outlier | None
    health_check: HealthCheck | None
    idle_timeout_ms: int
    version: str


class ResilienceWritten(ResilienceView, frozen=True, kw_only=True):
    revision: int | None


class LimitsBody(Body, frozen=True, kw_only=True):
    """All limits; a request must pass each."""

    limits: Limits
    reason: Reason = ""


class LimitsView(View, frozen=True, kw_only=True):
    limits: list[RateLimit]
    version: str


class LimitsWritten(LimitsView, frozen=True, kw_only=True):
    revision: int | None


class UsageQuery(Body, frozen=True, kw_only=True):
    """Up to fifteen minutes from one-second frames; beyond, from ten-second rollups."""

    window: Duration = "5m"

    @property
    def window_s(self) -> int:
        return seconds("window", self.window, MAX_WINDOW_S)


class HostBody(Body, frozen=True, kw_only=True):
    """``host`` is a name in lower case, ``*.suffix`` or ``*``; the most specific one wins."""

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    service: ServiceId


Hosts = Annotated[list[HostBody], Meta(max_length=MAX_HOSTS)]


class GatewayBody(Body, frozen=True, kw_only=True):
    namespace: Label
    name: Label
    hosts: Hosts
    reason: Reason = ""


class GatewayHostsBody(Body, frozen=True, kw_only=True):
    """All hosts, whole."""

    hosts: Hosts
    reason: Reason = ""


class GatewayQuery(ListQuery, frozen=True, kw_only=True):
    namespace: NamespaceFilter = ""


class HostView(View, frozen=True, kw_only=True):
    host: str
    service: str


class GatewayView(View, frozen=True, kw_only=True):
    """``revision`` is the last one that changed it; of a write, the write's own, or null."""

    id: str
    namespace: str
    name: str
    hosts: list[HostView]
    revision: int | None
