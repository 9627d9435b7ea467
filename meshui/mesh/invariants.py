"""Rules that span the fields of a service. Each breach names the field's path, so that a form can show it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from msgspec.structs import asdict

from meshui.mesh.values import Overlay, Resilience, Route, Service
from proxies.wire import resilience as wire
from proxies.wire.resources import ServiceBody
from proxies.wire.routing import Route as WireRoute

MAX_ROUTES = 200


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule: ``path`` like ``weights.v3`` or ``routes.0.name``, a stable ``code``, a sentence."""

    path: str
    code: str
    detail: str


class Invalid(ValueError):
    """A value that breaks its invariants; changes nothing."""

    def __init__(self, breaches: Sequence[Breach]) -> None:
        self.breaches = tuple(breaches)
        super().__init__("; ".join(f"{b.path}: {b.detail}" for b in breaches))


def split_breaches(weights: Mapping[str, int], versions: Set[str], path: str = "weights") -> Iterator[Breach]:
    """Every version exists, each weight is 0 to 100, and they sum to 100."""
    for version, weight in weights.items():
        if version not in versions:
            yield Breach(f"{path}.{version}", "unknown_version", f"{version!r} is no version of this service")
        if not 0 <= weight <= 100:
            yield Breach(f"{path}.{version}", "range", f"{weight} is outside 0 to 100")
    total = sum(weights.values())
    if total != 100:
        yield Breach(path, "sum", f"weights sum to {total}, expected 100")


def route_breaches(routes: Sequence[Route], versions: Set[str]) -> Iterator[Breach]:
    """At least one route, unique names, valid splits, known versions. What a route says by itself is checked in its
    compiled form (``meshui.compile.check``)."""
    if not routes:
        yield Breach("routes", "required", "a service has at least one route")
    if len(routes) > MAX_ROUTES:
        yield Breach("routes", "too_many", f"{len(routes)} routes, at most {MAX_ROUTES}")
    seen: set[str] = set()
    for index, route in enumerate(routes):
        path = f"routes.{index}"
        if route.name in seen:
            yield Breach(f"{path}.name", "duplicate", f"another route is named {route.name!r}")
        seen.add(route.name)
        if route.weights is not None:
            yield from split_breaches(route.weights, versions, f"{path}.weights")
        for version in sorted(route.backends):
            if version not in versions:
                unknown = f"{version!r} is no version of this service"
                yield Breach(f"{path}.backends.{version}", "unknown_version", unknown)
            elif route.weights is not None and version not in route.weights:
                yield Breach(f"{path}.backends.{version}", "unused", f"the route sends nothing to {version!r}")
        yield from retry_breaches(route, path)
        if route.mirror is not None and route.mirror.version not in versions:
            unknown = f"{route.mirror.version!r} is no version of this service"
            yield Breach(f"{path}.mirror.version", "unknown_version", unknown)


def overlay_breaches(overlay: Overlay, versions: Set[str]) -> Iterator[Breach]:
    """An overlay speaks of versions that exist."""
    named = {"canary": overlay.canary}
    if overlay.mirror is not None:
        named["mirror.version"] = overlay.mirror.version
    if overlay.fallback is not None:
        named["fallback.version"] = overlay.fallback.version
    for path, version in named.items():
        if version not in versions:
            yield Breach(f"overlay.{path}", "unknown_version", f"{version!r} is no version of this service")


def retry_breaches(route: Route | WireRoute, path: str) -> Iterator[Breach]:
    """A route's retry, as decided or as compiled, does what it says: no part of it is without effect."""
    retry, path = route.retry, f"{path}.retry"
    yield from _repeated(retry.on, f"{path}.on")
    yield from _repeated(retry.codes, f"{path}.codes")
    if retry.attempts and not (retry.on or retry.codes or retry.per_try_timeout_ms):
        yield Breach(f"{path}.on", "required", "a retry follows on some failure; to have none, set attempts to 0")
    if retry.backoff_max_ms < retry.backoff_ms:
        yield Breach(f"{path}.backoff_max_ms", "range", f"it is below backoff_ms, {retry.backoff_ms}")
    if retry.per_try_timeout_ms >= route.timeouts.request_ms:
        within = f"a try ends before the whole exchange does, after {route.timeouts.request_ms} ms"
        yield Breach(f"{path}.per_try_timeout_ms", "range", within)
    if (route.redirect or route.direct) and _said(retry) != wire.Retry():
        yield Breach(path, "conflict", "a route that answers by itself forwards nothing")


def resilience_breaches(guarded: Resilience | ServiceBody) -> Iterator[Breach]:
    """How a service is guarded, as decided or as compiled, does what it says; paths as ``balancer.hash.name``."""
    balancer, hashed = guarded.balancer, guarded.balancer.hash
    if balancer.policy != "maglev" and (hashed.kind, hashed.name) != ("source", ""):
        yield Breach("balancer.hash", "unused", f"{balancer.policy} hashes nothing")
    elif hashed.kind == "source" and hashed.name:
        yield Breach("balancer.hash.name", "unused", "a source has no name")
    elif hashed.kind != "source" and not hashed.name:
        yield Breach("balancer.hash.name", "required", f"a {hashed.kind} has a name")
    if guarded.retry_budget is not None and guarded.breaker.retries != wire.Breaker().retries:
        yield Breach("breaker.retries", "unused", "the retry budget counts instead; without one this does")
    outlier, check = guarded.outlier, guarded.health_check
    if outlier is not None and outlier.eject_max_ms < outlier.eject_ms:
        yield Breach("outlier.eject_max_ms", "range", f"it is below eject_ms, {outlier.eject_ms}")
    if check is not None and check.kind == "tcp" and check.path != "/":
        yield Breach("health_check.path", "unused", "a tcp check only connects")


def _repeated(items: Sequence[str | int], path: str) -> Iterator[Breach]:
    for index, item in enumerate(items):
        if item in items[:index]:
            yield Breach(f"{path}.{index}", "duplicate", f"{item} stands there twice")


def _said(retry: wire.Retry) -> wire.Retry:
    """Without its class, which equality looks at too."""
    return wire.Retry(**asdict(retry))


def service_breaches(service: Service) -> Iterator[Breach]:
    """All rules of one service."""
    versions = set(service.versions)
    if service.versions:
        yield from split_breaches(service.split, versions, "split")
    if service.protocol == "http":
        yield from route_breaches(service.routes, versions)
    if service.overlay is not None:
        yield from overlay_breaches(service.overlay, versions)
    for breach in resilience_breaches(service.resilience):
        yield replace(breach, path=f"resilience.{breach.path}")
    for instance in service.instances:
        if instance.version not in versions:
            yield Breach(f"instances.{instance.id}.version", "unknown_version", f"{instance.version!r} is no version")
