"""Splits: which share of a service's traffic each version takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshui.catalog.selectors import get_service
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.reverts import Restoration
from meshui.core.versions import etag, expect
from meshui.mesh.invariants import split_breaches
from meshui.traffic.selectors import split_of
from meshui.traffic.services.common import refuse, refuse_owned, touch


@dataclass(frozen=True, slots=True)
class SplitResult:
    weights: dict[str, int]
    revision: int | None
    """None when nothing changed, or in a dry run."""
    version: str


def split_set(
    *,
    actor: Actor,
    service: str,
    weights: Mapping[str, int],
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> SplitResult:
    """Set a service's weights; a version left out gets none.

    Raises PermissionDenied, NotFound, Stale (``expected_version`` is not the current one), InvalidInput, Conflict
    ``owned_by_rollout``.
    """
    namespace = service.partition("/")[0]
    actor.require("traffic.write", namespace)
    with commit(
        actor=actor,
        action="split.set",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service(service)
        refuse_owned(row)
        before = split_of(row)
        expect(expected_version, etag(before))
        refuse(split_breaches(weights, before.keys()))
        after = {version: weights.get(version, 0) for version in before}
        if after == before:
            change.unchanged()
            return SplitResult(weights=after, revision=None, version=etag(after))
        for version in row.versions.all():
            if version.weight != after[version.name]:
                version.weight = after[version.name]
                version.save(update_fields=["weight"])
        touch(row, change.revision)
        change.summary = ", ".join(f"{v} {before[v]} -> {after[v]}" for v in before if before[v] != after[v])
        change.before, change.after = {"weights": before}, {"weights": after}
        change.dirty("service", service)
    return SplitResult(weights=after, revision=change.revision, version=etag(after))


def split_restore(restoration: Restoration) -> int | None:
    """Set the weights back to what they were before a change. Raises as setting them does; Stale where they are not
    what the change made of them any more."""
    return split_set(
        actor=restoration.actor,
        service=restoration.name,
        weights=restoration.before["weights"],
        reason=restoration.reason,
        expected_version=etag(restoration.after["weights"]),
    ).revision
