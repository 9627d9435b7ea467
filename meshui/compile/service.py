"""A service's two resources: what callers need to route to it, and where its instances are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

import msgspec

from meshui.compile.overlay import laid_over
from meshui.mesh import values
from proxies.wire import resilience, routing
from proxies.wire import resources as wire
from proxies.wire.routing import WeightedVersion as Weighted

S = TypeVar("S", bound=msgspec.Struct)
_NOTHING: Mapping[str, values.Backend] = MappingProxyType({})


def service_body(service: values.Service) -> wire.ServiceBody:
    """The client's view, whole."""
    guards = service.resilience
    return wire.ServiceBody(
        protocol=service.protocol,
        port=service.port,
        hosts=[service.name.host],
        versions=sorted(service.versions),
        split=_split(service.split),
        routes=[route_of(route, service.split) for route in laid_over(service.routes, service.overlay)],
        identity=service.name.identity(service.trust_domain),
        connect_timeout_ms=guards.connect_timeout_ms,
        balancer=_balancer(guards.balancer),
        breaker=_plain(resilience.Breaker, guards.breaker),
        retry_budget=_optional(resilience.RetryBudget, guards.retry_budget),
        outlier=_optional(resilience.Outlier, guards.outlier),
        health_check=_optional(resilience.HealthCheck, guards.health_check),
        idle_timeout_ms=guards.idle_timeout_ms,
        fallback=_fallback(service),
    )


def endpoints_body(service: values.Service) -> wire.EndpointsBody:
    """Its instances, ordered by id so that the same registry gives the same bytes."""
    return wire.EndpointsBody(
        endpoints=[
            wire.Endpoint(
                id=instance.id,
                address=instance.address,
                port=instance.port,
                version=instance.version,
                tls=instance.tls and service.secured,
                healthy=instance.healthy,
                draining=instance.draining,
                weight=instance.weight,
                locality=instance.locality,
            )
            for instance in sorted(service.instances, key=lambda instance: instance.id)
        ]
    )


def limits_of(limits: Sequence[values.RateLimit]) -> list[routing.RateLimit]:
    """Limits in their order, which is the order in which they count."""
    return [_plain(routing.RateLimit, limit) for limit in limits]


def route_of(route: values.Route, split: Mapping[str, int]) -> routing.Route:
    """One route of a service with this split."""
    weights: Mapping[str, int] | None = route.weights
    if weights is None and route.backends:  # operations belong to a split of the route's own
        weights = split
    return routing.Route(
        name=route.name,
        match=_match(route.match),
        split=None if weights is None else _split(weights, route.backends),
        timeouts=routing.Timeouts(request_ms=route.timeouts.request_ms, idle_ms=route.timeouts.idle_ms),
        retry=_plain(resilience.Retry, route.retry),
        redirect=_optional(routing.Redirect, route.redirect),
        direct=_optional(routing.DirectResponse, route.direct),
        rewrite=_optional(routing.Rewrite, route.rewrite),
        request_headers=_optional(routing.HeaderOps, route.request_headers),
        response_headers=_optional(routing.HeaderOps, route.response_headers),
        mirror=_optional(routing.Mirror, route.mirror),
        fault=_optional(routing.Fault, route.fault),
        sticky=_optional(routing.Sticky, route.sticky),
        limits=limits_of(route.limits),
    )


def _fallback(service: values.Service) -> wire.Fallback | None:
    if service.overlay is None or service.overlay.fallback is None:
        return None
    split = dict.fromkeys(service.split, 0) | {service.overlay.fallback.version: 100}
    return wire.Fallback(
        after_ms=service.overlay.fallback.after_ms,
        split=_split(split),
        routes=[route_of(route, split) for route in service.routes],
    )


def _split(weights: Mapping[str, int], backends: Mapping[str, values.Backend] = _NOTHING) -> list[Weighted]:
    return [_weighted(version, weight, backends.get(version)) for version, weight in sorted(weights.items())]


def _weighted(version: str, weight: int, backend: values.Backend | None) -> Weighted:
    if backend is None:
        return Weighted(version=version, weight=weight)
    return Weighted(
        version=version,
        weight=weight,
        request_headers=_optional(routing.HeaderOps, backend.request_headers),
        response_headers=_optional(routing.HeaderOps, backend.response_headers),
    )


def _balancer(balancer: values.Balancer) -> resilience.Balancer:
    return resilience.Balancer(
        policy=balancer.policy,
        hash=_plain(resilience.HashOn, balancer.hash),
        slow_start_ms=balancer.slow_start_ms,
        panic_percent=balancer.panic_percent,
    )


def _plain(kind: type[S], value: S) -> S:
    """The wire's own value of one that shows its defaults."""
    return kind(**msgspec.structs.asdict(value))


def _optional(kind: type[S], value: S | None) -> S | None:
    return None if value is None else _plain(kind, value)


def _match(match: values.RouteMatch) -> routing.RouteMatch:
    return routing.RouteMatch(
        path=routing.PathMatch(kind=match.path.kind, value=match.path.value) if match.path else None,
        methods=sorted(set(match.methods)),
        headers=[
            routing.HeaderMatch(name=h.name.lower(), kind=h.kind, value=h.value, invert=h.invert) for h in match.headers
        ],
        query=[_field(condition) for condition in match.query],
        cookies=[_field(condition) for condition in match.cookies],
        sources=sorted(set(match.sources)),
    )


def _field(match: values.FieldMatch) -> routing.FieldMatch:
    return routing.FieldMatch(name=match.name, kind=match.kind, value=match.value, invert=match.invert)
