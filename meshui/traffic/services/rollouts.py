"""What a rollout does to a service's traffic: the split and its overlay together, in one revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils import timezone

from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service
from meshui.compile.check import route_breaches
from meshui.compile.overlay import laid_over
from meshui.core.actors import Actor
from meshui.core.commits import Commit, commit
from meshui.mesh.invariants import overlay_breaches, split_breaches
from meshui.mesh.values import Overlay
from meshui.traffic.models import TrafficRules
from meshui.traffic.selectors import overlay_of, owner_of, routes_of, split_of
from meshui.traffic.services.common import refuse, refuse_owned, refuse_tcp, touch


def rollout_apply(
    *,
    actor: Actor,
    service: str,
    owner: str,
    weights: Mapping[str, int],
    overlay: Overlay | None,
    release: bool = False,
    reason: str = "",
) -> int | None:
    """Set a service's weights and overlay as ``owner`` (``rollout:12``), who from then on alone may change what leads
    to versions; with ``release`` for the last time. A version left out gets none. The revision, None where all is so.

    Raises PermissionDenied, NotFound, InvalidInput, Conflict ``owned_by_rollout`` (by another).
    """
    namespace = service.partition("/")[0]
    actor.require("traffic.write", namespace)
    with commit(
        actor=actor, action="rollout.apply", obj=f"service:{service}", namespace=namespace, reason=reason
    ) as change:
        row = get_service(service)
        if owner_of(row) != owner:
            refuse_owned(row)
        split = split_of(row)
        refuse(split_breaches(weights, split.keys()))
        if overlay is not None:
            refuse_tcp(row, "overlay", "it has no routes to lay anything over")
            refuse(overlay_breaches(overlay, split.keys()))
            refuse(route_breaches(laid_over(routes_of(row), overlay)))
        after = _state({version: weights.get(version, 0) for version in split}, overlay, "" if release else owner)
        before = _state(split, overlay_of(row), owner_of(row))
        if after == before:
            change.unchanged()
            return None
        _store(change, row, after)
        change.before, change.after = before, after
        change.summary = _difference(before, after, owner)
        change.dirty("service", service)
    return change.revision


def _state(weights: Mapping[str, int], overlay: Overlay | None, owner: str) -> dict[str, Any]:
    return {"weights": dict(weights), "overlay": msgspec.to_builtins(overlay), "owner": owner}


def _store(change: Commit, row: Service, after: Mapping[str, Any]) -> None:
    for version in row.versions.all():
        if version.weight != after["weights"][version.name]:
            version.weight = after["weights"][version.name]
            version.save(update_fields=["weight"])
    values = {"overlay": after["overlay"], "owner": after["owner"]}
    if not after["owner"]:
        values["released_at"] = timezone.now()
    TrafficRules.objects.update_or_create(service=row, defaults=values)
    touch(row, change.revision)


def _difference(before: Mapping[str, Any], after: Mapping[str, Any], owner: str) -> str:
    old, new = before["weights"], after["weights"]
    parts = [f"{version} {old[version]} -> {new[version]}" for version in old if old[version] != new[version]]
    if before["overlay"] != after["overlay"]:
        parts.append("overlay cleared" if after["overlay"] is None else "overlay set")
    if before["owner"] != after["owner"]:
        parts.append(f"{'taken by' if after['owner'] else 'released by'} {owner}")
    return ", ".join(parts)
