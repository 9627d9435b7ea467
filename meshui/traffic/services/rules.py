"""Routes, resilience and limits of a service, each set whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar, Unpack

import msgspec

from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service
from meshui.compile.check import guard_breaches, limit_breaches
from meshui.compile.check import route_breaches as compiled_breaches
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.reverts import Restoration
from meshui.core.versions import etag, expect
from meshui.mesh.invariants import resilience_breaches, route_breaches
from meshui.mesh.values import RateLimit, Resilience, Route
from meshui.traffic.models import TrafficRules
from meshui.traffic.selectors import limits_of, resilience_of, routes_of
from meshui.traffic.services.common import refuse, refuse_owned, refuse_tcp, touch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """``revision`` is None when nothing changed, and in a dry run."""

    value: T
    revision: int | None
    version: str


class How(TypedDict, total=False):
    """What every change takes: why, the version that it is made to, whether it is only tried."""

    reason: str
    expected_version: str | None
    dry_run: bool


def routes_set(
    *, actor: Actor, service: str, routes: Sequence[Route], **how: Unpack[How]
) -> Written[tuple[Route, ...]]:
    """Set a service's ordered routes, whole. A split of a route may leave versions out.

    Raises PermissionDenied, NotFound, Stale, InvalidInput (``routes.0.weights.v3`` and the like), Conflict
    ``owned_by_rollout``.
    """
    return _set(_ROUTES, tuple(routes), actor, service, **how)


def resilience_set(*, actor: Actor, service: str, resilience: Resilience, **how: Unpack[How]) -> Written[Resilience]:
    """Set how callers of a service choose its instances and guard themselves, whole.

    Raises PermissionDenied, NotFound, Stale, InvalidInput (``balancer.hash.name`` and the like).
    """
    return _set(_RESILIENCE, resilience, actor, service, **how)


def limits_set(
    *, actor: Actor, service: str, limits: Sequence[RateLimit], **how: Unpack[How]
) -> Written[tuple[RateLimit, ...]]:
    """Set what a service's instances take, whole. Raises PermissionDenied, NotFound, Stale, InvalidInput."""
    return _set(_LIMITS, tuple(limits), actor, service, **how)


def rules_restore(restoration: Restoration) -> int | None:
    """Set a part of the rules back to what it was before a change. Raises as setting it does; Stale where it is not
    what the change made of it any more."""
    return _restore(_PARTS[restoration.action], restoration)


def _restore(part: _Part[T], restoration: Restoration) -> int | None:
    version = etag(part.unlogged(restoration.after))
    before = part.unlogged(restoration.before)
    how: How = {"reason": restoration.reason, "expected_version": version}
    return _set(part, before, restoration.actor, restoration.name, **how).revision


@dataclass(frozen=True, slots=True)
class _Part(Generic[T]):
    """A part of a service's rules. ``name`` is its column, and its noun in the change log."""

    name: str
    read: Callable[[Service], T]
    refuse: Callable[[Service, T], None]
    """Raises where the service cannot have the value."""
    dirty: Callable[[Service], Sequence[str]]
    """The kinds of resource that carry it."""
    logged: Callable[[T], Any]
    unlogged: Callable[[Any], T]
    """The value that the change log has."""
    difference: Callable[[T, T], str]


def _set(
    part: _Part[T],
    after: T,
    actor: Actor,
    service: str,
    *,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Written[T]:
    namespace = service.partition("/")[0]
    actor.require("traffic.write", namespace)
    version = etag(after)
    with commit(
        actor=actor,
        action=f"{part.name}.set",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service(service)
        before = part.read(row)
        expect(expected_version, etag(before))
        part.refuse(row, after)
        if after == before:
            change.unchanged()
            return Written(after, None, version)
        change.before, change.after = part.logged(before), part.logged(after)
        change.summary = part.difference(before, after)
        TrafficRules.objects.update_or_create(service=row, defaults={part.name: msgspec.to_builtins(after)})
        touch(row, change.revision)
        for kind in part.dirty(row):
            change.dirty(kind, row)
    return Written(after, change.revision, version)


def _refuse_routes(row: Service, routes: Sequence[Route]) -> None:
    refuse_tcp(row, "routes", "it has connections to split, and no requests to route")
    refuse_owned(row)
    versions = {version.name for version in row.versions.all()}
    refuse([*route_breaches(routes, versions), *compiled_breaches(routes)])


def _refuse_resilience(row: Service, resilience: Resilience) -> None:
    refuse([*resilience_breaches(resilience), *guard_breaches(resilience, row.protocol)])


def _refuse_limits(row: Service, limits: Sequence[RateLimit]) -> None:
    refuse_tcp(row, "limits", "limits count requests")
    refuse(limit_breaches(limits))


def _guarded(row: Service) -> Sequence[str]:
    """Of a TCP service, those who receive end idle connections too."""
    return ("service", "inbound") if row.protocol == "tcp" else ("service",)


def _difference(before: Sequence[Route | RateLimit], after: Sequence[Route | RateLimit]) -> str:
    """``+ beta, - old, changed default``: what the change log's line says."""
    old, new = {rule.name: rule for rule in before}, {rule.name: rule for rule in after}
    parts = [f"+ {name}" for name in new if name not in old]
    parts += [f"- {name}" for name in old if name not in new]
    parts += [f"changed {name}" for name in new if name in old and new[name] != old[name]]
    return ", ".join(parts) or "reordered"


def _changed_settings(before: Resilience, after: Resilience) -> str:
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return ", ".join(part for name in new for part in _settings(name, old[name], new[name]))


def _settings(name: str, old: Any, new: Any) -> Iterator[str]:
    """``breaker.requests 1024 -> 100``, ``outlier off``: each setting that is another."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in new:
            yield from _settings(f"{name}.{key}", old[key], new[key])
    elif new is None and old is not None:
        yield f"{name} off"
    elif isinstance(new, dict):
        yield f"{name} on"
    elif old != new:
        yield f"{name} {_word(old)} -> {_word(new)}"


def _word(setting: object) -> object:
    return "none" if setting == "" else setting


_ROUTES: _Part[tuple[Route, ...]] = _Part(
    name="routes",
    read=routes_of,
    refuse=_refuse_routes,
    dirty=lambda _: ("service",),
    logged=lambda routes: {"routes": msgspec.to_builtins(routes)},
    unlogged=lambda logged: msgspec.convert(logged["routes"], tuple[Route, ...]),
    difference=_difference,
)
_RESILIENCE: _Part[Resilience] = _Part(
    name="resilience",
    read=resilience_of,
    refuse=_refuse_resilience,
    dirty=_guarded,
    logged=msgspec.to_builtins,
    unlogged=lambda logged: msgspec.convert(logged, Resilience),
    difference=_changed_settings,
)
_LIMITS: _Part[tuple[RateLimit, ...]] = _Part(
    name="limits",
    read=limits_of,
    refuse=_refuse_limits,
    dirty=lambda _: ("inbound",),
    logged=lambda limits: {"limits": msgspec.to_builtins(limits)},
    unlogged=lambda logged: msgspec.convert(logged["limits"], tuple[RateLimit, ...]),
    difference=_difference,
)
_PARTS: Mapping[str, _Part[Any]] = {f"{part.name}.set": part for part in (_ROUTES, _RESILIENCE, _LIMITS)}
