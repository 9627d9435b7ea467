"""A service's two resources: what callers need to route to it, and where its instances are."""

from __future__ import annotations

from collections.abc import Mapping

from meshui.mesh import values
from proxies.wire import resources as wire
from proxies.wire import routing


def service_body(service: values.Service) -> wire.ServiceBody:
    """The client's view, whole."""
    return wire.ServiceBody(
        hosts=[service.name.host],
        versions=sorted(service.versions),
        split=_split(service.split),
        routes=[route_of(route) for route in service.routes],
        identity=service.name.identity(service.trust_domain),
        connect_timeout_ms=service.resilience.connect_timeout_ms,
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
                tls=instance.tls,
                healthy=instance.healthy,
                draining=instance.draining,
            )
            for instance in sorted(service.instances, key=lambda instance: instance.id)
        ]
    )


def _split(weights: Mapping[str, int]) -> list[routing.WeightedVersion]:
    return [routing.WeightedVersion(version=version, weight=weight) for version, weight in sorted(weights.items())]


def route_of(route: values.Route) -> routing.Route:
    """One route."""
    return routing.Route(
        name=route.name,
        match=_match(route.match),
        split=None if route.weights is None else _split(route.weights),
        timeouts=routing.Timeouts(request_ms=route.timeouts.request_ms, idle_ms=route.timeouts.idle_ms),
    )


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
