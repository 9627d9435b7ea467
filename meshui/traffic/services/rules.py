"""Routes, resilience and limits of a service, each set whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service
from meshui.compile.check import guard_breaches, limit_breaches
from meshui.compile.check import route_breaches as compiled_breaches
from meshui.core.actors import Actor
from meshui.core.commits import Commit, commit
from meshui.core.versions import etag, expect
from meshui.mesh.invariants import resilience_breaches, route_breaches
from meshui.mesh.values import RateLimit, Resilience, Route
from meshui.traffic.models import TrafficRules
from meshui.traffic.selectors import limits_of, resilience_of, routes_of
from meshui.traffic.services.common import refuse, refuse_owned, refuse_tcp, touch


@dataclass(frozen=True, slots=True)
class RoutesResult:
    routes: tuple[Route, ...]
    revision: int | None
    """None when nothing changed, or in a dry run."""
    version: str


@dataclass(frozen=True, slots=True)
class ResilienceResult:
    resilience: Resilience
    revision: int | None
    version: str


@dataclass(frozen=True, slots=True)
class LimitsResult:
    limits: tuple[RateLimit, ...]
    revision: int | None
    version: str


def routes_set(
    *,
    actor: Actor,
    service: str,
    routes: Sequence[Route],
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> RoutesResult:
    """Set a service's ordered routes, whole. A split of a route may leave versions out.

    Raises PermissionDenied, NotFound, Stale, InvalidInput (``routes.0.weights.v3`` and the like), Conflict
    ``owned_by_rollout``.
    """
    namespace = service.partition("/")[0]
    actor.require("traffic.write", namespace)
    after = tuple(routes)
    with commit(
        actor=actor, action="routes.set", obj=f"service:{service}", namespace=namespace, reason=reason, dry_run=dry_run
    ) as change:
        row = get_service(service)
        refuse_tcp(row, "routes", "it has connections to split, and no requests to route")
        refuse_owned(row)
        before = routes_of(row)
        expect(expected_version, etag(before))
        versions = {version.name for version in row.versions.all()}
        refuse([*route_breaches(after, versions), *compiled_breaches(after)])
        if after == before:
            change.unchanged()
            return RoutesResult(after, None, etag(after))
        change.before, change.after = {"routes": _plain(before)}, {"routes": _plain(after)}
        change.summary = _difference(before, after)
        _store(change, row, "service", routes=_plain(after))
    return RoutesResult(after, change.revision, etag(after))


def resilience_set(
    *,
    actor: Actor,
    service: str,
    resilience: Resilience,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> ResilienceResult:
    """Set how callers of a service choose its instances and guard themselves, whole.

    Raises PermissionDenied, NotFound, Stale, InvalidInput (``balancer.hash.name`` and the like).
    """
    namespace = service.partition("/")[0]
    actor.require("traffic.write", namespace)
    with commit(
        actor=actor,
        action="resilience.set",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service(service)
        before = resilience_of(row)
        expect(expected_version, etag(before))
        refuse([*resilience_breaches(resilience), *guard_breaches(resilience, row.protocol)])
        if resilience == before:
            change.unchanged()
            return ResilienceResult(resilience, None, etag(resilience))
        old, new = _plain(before), _plain(resilience)
        change.before, change.after = old, new
        change.summary = ", ".join(part for name in new for part in _settings(name, old[name], new[name]))
        _store(change, row, "service", resilience=new)
        if row.protocol == "tcp":
            change.dirty("inbound", row)  # which ends idle connections too
    return ResilienceResult(resilience, change.revision, etag(resilience))


def limits_set(
    *,
    actor: Actor,
    service: str,
    limits: Sequence[RateLimit],
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> LimitsResult:
    """Set what a service's instances take, whole. Raises PermissionDenied, NotFound, Stale, InvalidInput."""
    namespace = service.partition("/")[0]
    actor.require("traffic.write", namespace)
    after = tuple(limits)
    with commit(
        actor=actor, action="limits.set", obj=f"service:{service}", namespace=namespace, reason=reason, dry_run=dry_run
    ) as change:
        row = get_service(service)
        refuse_tcp(row, "limits", "limits count requests")
        before = limits_of(row)
        expect(expected_version, etag(before))
        refuse(limit_breaches(after))
        if after == before:
            change.unchanged()
            return LimitsResult(after, None, etag(after))
        change.before, change.after = {"limits": _plain(before)}, {"limits": _plain(after)}
        change.summary = _difference(before, after)
        _store(change, row, "inbound", limits=_plain(after))
    return LimitsResult(after, change.revision, etag(after))


def _plain(value: object) -> Any:
    return msgspec.to_builtins(value)


def _store(change: Commit, row: Service, resource: str, **values: object) -> None:
    TrafficRules.objects.update_or_create(service=row, defaults=values)
    touch(row, change.revision)
    change.dirty(resource, row)


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


def _difference(before: Sequence[Route | RateLimit], after: Sequence[Route | RateLimit]) -> str:
    """``+ beta, - old, changed default``: what the change log's line says."""
    old, new = {rule.name: rule for rule in before}, {rule.name: rule for rule in after}
    parts = [f"+ {name}" for name in new if name not in old]
    parts += [f"- {name}" for name in old if name not in new]
    parts += [f"changed {name}" for name in new if name in old and new[name] != old[name]]
    return ", ".join(parts) or "reordered"
