"""The consistency check before publishing: what proxies would refuse, or must never be told, stops here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace

from meshui.compile.service import limits_of, route_of
from meshui.mesh import values
from meshui.mesh.invariants import Breach, Invalid, resilience_breaches, retry_breaches
from proxies.core.inbound import inbound_flaws
from proxies.core.limits import limit_flaws
from proxies.core.routes import route_flaws
from proxies.core.tcp import guard_flaws, protocol_flaws
from proxies.wire import resources as wire
from proxies.wire import routing


def check(resources: Iterable[wire.Resource], services: Set[str]) -> None:
    """Raise Invalid with every breach in ``resources``; ``services`` are the names that will be in the directory."""
    breaches = [breach for resource in resources for breach in _breaches(resource, services)]
    if breaches:
        raise Invalid(breaches)


def route_breaches(routes: Sequence[values.Route]) -> Iterator[Breach]:
    """What proxies would refuse of routes, or what contradicts itself; paths as ``routes.0.match.path.value``."""
    for index, route in enumerate(routes):
        compiled = route_of(route, dict.fromkeys(route.backends, 0))
        for breach in _route("", compiled):
            yield replace(breach, path=f"routes.{index}{_as_written(breach.path, compiled)}")


def limit_breaches(limits: Sequence[values.RateLimit]) -> Iterator[Breach]:
    """The same of a service's own limits; paths as ``limits.0.name``."""
    for flaw in limit_flaws(limits_of(limits)):
        yield Breach(f"limits.{flaw.path}", flaw.code, flaw.reason)


def guard_breaches(guards: values.Resilience, protocol: wire.Protocol) -> Iterator[Breach]:
    """What of a service's resilience means nothing for its protocol; paths as ``balancer.policy``."""
    for flaw in guard_flaws(guards, protocol):
        yield Breach(flaw.path, flaw.code, flaw.reason)


def _as_written(path: str, route: routing.Route) -> str:
    """``.split.0.request_headers`` as ``.backends.v1.request_headers``, ``.split`` as ``.weights``."""
    _, field, *rest = path.split(".")
    if field != "split":
        return path
    if not rest:
        return ".weights"
    assert route.split is not None
    return ".".join(["", "backends", route.split[int(rest[0])].version, *rest[1:]])


def _breaches(resource: wire.Resource, services: Set[str]) -> Iterator[Breach]:
    key = resource.key
    match resource:
        case wire.ServiceResource(body=body):
            yield from _service(key, body)
        case wire.EndpointsResource(body=body):
            yield from _unique(key, "endpoints", [endpoint.id for endpoint in body.endpoints])
        case wire.InboundResource(body=body):
            for flaw in inbound_flaws(body):
                yield Breach(f"{key}.{flaw.path}", flaw.code, flaw.reason)
            yield from _unique(key, "policies", [policy.name for policy in body.policies])
        case wire.TrustResource(body=body):
            if not body.bundle:
                yield Breach(f"{key}.bundle", "required", "an empty trust bundle would refuse every peer")
        case wire.ProxyResource(body=body):
            yield from _proxy(key, body, services)


def _service(key: str, body: wire.ServiceBody) -> Iterator[Breach]:
    versions = set(body.versions)
    if versions:
        yield from _split(f"{key}.split", body.split, versions)
    yield from _routes(key, body.routes, versions)
    if body.fallback is not None:
        yield from _split(f"{key}.fallback.split", body.fallback.split, versions)
        yield from _routes(f"{key}.fallback", body.fallback.routes, versions)
    for breach in resilience_breaches(body):
        yield replace(breach, path=f"{key}.{breach.path}")
    for flaw in protocol_flaws(body):
        yield Breach(f"{key}.{flaw.path}", flaw.code, flaw.reason)
    if not body.identity:
        yield Breach(f"{key}.identity", "required", "callers could not tell the server from another")


def _routes(key: str, routes: Sequence[routing.Route], versions: Set[str]) -> Iterator[Breach]:
    for index, route in enumerate(routes):
        path = f"{key}.routes.{index}"
        if route.split is not None:
            yield from _split(f"{path}.split", route.split, versions)
        yield from _route(path, route)
        yield from retry_breaches(route, path)
        if route.mirror is not None and route.mirror.version not in versions:
            yield Breach(f"{path}.mirror.version", "unknown_version", "it is no version")
    yield from _unique(key, "routes", [route.name for route in routes])


def _route(path: str, route: routing.Route) -> Iterator[Breach]:
    for flaw in route_flaws(route):
        yield Breach(f"{path}.{flaw.path}", flaw.code, flaw.reason)


def _split(path: str, split: Sequence[routing.WeightedVersion], versions: Set[str]) -> Iterator[Breach]:
    for entry in split:
        if entry.version not in versions:
            yield Breach(path, "unknown_version", f"{entry.version!r} is no version")
    if sum(entry.weight for entry in split) != 100:
        yield Breach(path, "sum", "weights do not sum to 100")


def _proxy(key: str, body: wire.ProxyBody, services: Set[str]) -> Iterator[Breach]:
    yield from _unique(key, "listeners", [f"{listener.address}:{listener.port}" for listener in body.listeners])
    for listener in body.listeners:
        if isinstance(listener, wire.GatewayListener):
            for host in listener.hosts:
                if host.service not in services:
                    yield Breach(f"{key}.hosts.{host.host}", "unknown_service", f"{host.service!r} does not exist")


def _unique(key: str, field: str, names: Sequence[str]) -> Iterator[Breach]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Breach(f"{key}.{field}", "duplicate", f"{name!r} stands there twice")
