"""Undoing a change: the value from before it, set again as a new change, where nobody has changed the object since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from meshui.core.actors import Actor
from meshui.core.errors import Conflict, Stale
from meshui.core.selectors import get_change
from meshui.core.versions import etag
from meshui.mesh.values import RateLimit, Resilience, Route
from meshui.traffic.services.rules import limits_set, resilience_set, routes_set
from meshui.traffic.services.splits import split_set

Stored = Mapping[str, Any]
Undo = Callable[[Actor, str, Stored, Stored, str], int | None]


def change_revert(*, actor: Actor, change_id: int, reason: str = "") -> int | None:
    """Set the object back to what it was before the change; the new revision, None where it already is so.

    Raises NotFound, PermissionDenied, Conflict: ``not_revertible``, or the object has changed since.
    """
    change = get_change(actor, change_id)
    undo = UNDO.get(change.action)
    if undo is None or change.before is None or change.after is None:
        raise Conflict(f"{change.action} cannot be reverted", code="not_revertible")
    service = change.object.partition(":")[2]
    try:
        return undo(actor, service, change.before, change.after, reason or f"revert of change {change_id}")
    except Stale as error:
        raise Conflict(f"{change.object} has changed since change {change_id}") from error


def _split(actor: Actor, service: str, before: Stored, after: Stored, reason: str) -> int | None:
    return split_set(
        actor=actor,
        service=service,
        weights=before["weights"],
        reason=reason,
        expected_version=etag(after["weights"]),
    ).revision


def _routes(actor: Actor, service: str, before: Stored, after: Stored, reason: str) -> int | None:
    return routes_set(
        actor=actor,
        service=service,
        routes=_read_routes(before),
        reason=reason,
        expected_version=etag(_read_routes(after)),
    ).revision


def _read_routes(stored: Stored) -> tuple[Route, ...]:
    return msgspec.convert(stored["routes"], tuple[Route, ...])


def _resilience(actor: Actor, service: str, before: Stored, after: Stored, reason: str) -> int | None:
    return resilience_set(
        actor=actor,
        service=service,
        resilience=msgspec.convert(before, Resilience),
        reason=reason,
        expected_version=etag(msgspec.convert(after, Resilience)),
    ).revision


def _limits(actor: Actor, service: str, before: Stored, after: Stored, reason: str) -> int | None:
    return limits_set(
        actor=actor,
        service=service,
        limits=_read_limits(before),
        reason=reason,
        expected_version=etag(_read_limits(after)),
    ).revision


def _read_limits(stored: Stored) -> tuple[RateLimit, ...]:
    return msgspec.convert(stored["limits"], tuple[RateLimit, ...])


UNDO: Mapping[str, Undo] = {
    "split.set": _split,
    "routes.set": _routes,
    "resilience.set": _resilience,
    "limits.set": _limits,
}
"""What can be reverted; ``core.selectors.REVERTIBLE`` names the same actions to the change log."""
