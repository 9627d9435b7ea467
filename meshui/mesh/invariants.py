"""Rules that span the fields of a service. Each breach names the field's path, so that a form can show it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from meshui.mesh.values import Route, Service

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
        if route.mirror is not None and route.mirror.version not in versions:
            unknown = f"{route.mirror.version!r} is no version of this service"
            yield Breach(f"{path}.mirror.version", "unknown_version", unknown)


def service_breaches(service: Service) -> Iterator[Breach]:
    """All rules of one service."""
    versions = set(service.versions)
    if service.versions:
        yield from split_breaches(service.split, versions, "split")
    yield from route_breaches(service.routes, versions)
    for instance in service.instances:
        if instance.version not in versions:
            yield Breach(f"instances.{instance.id}.version", "unknown_version", f"{instance.version!r} is no version")
