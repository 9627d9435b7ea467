"""Undoing a change: the value from before it, set again as a new change, where nobody has changed the object since.

Each app says at its start how what it changes is restored; nobody here knows what that is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meshui.core.actors import Actor
from meshui.core.errors import Conflict, Stale
from meshui.core.models import Change
from meshui.core.selectors import get_change


@dataclass(frozen=True, slots=True)
class Restoration:
    """What to restore: the object's ``kind:name`` without its kind, and what the change log has of it."""

    actor: Actor
    action: str
    name: str
    before: Any
    after: Any
    reason: str


Restore = Callable[[Restoration], int | None]
"""Sets the object back; the revision, None where it already is so. Raises Stale where it is not ``after`` any more."""
_restores: dict[str, Restore] = {}


def restored_by(restore: Restore, *actions: str) -> None:
    """Have ``restore`` undo these actions. Called once, when Django starts."""
    _restores.update(dict.fromkeys(actions, restore))


def is_revertible(change: Change) -> bool:
    return change.action in _restores and change.before is not None and change.after is not None


def change_revert(*, actor: Actor, change_id: int, reason: str = "") -> int | None:
    """Set the object back to what it was before the change; the new revision, None where it already is so.

    Raises NotFound, PermissionDenied, Conflict: ``not_revertible``, or the object has changed since.
    """
    change = get_change(actor, change_id)
    if not is_revertible(change):
        raise Conflict(f"{change.action} cannot be reverted", code="not_revertible")
    restoration = Restoration(
        actor=actor,
        action=change.action,
        name=change.object.partition(":")[2],
        before=change.before,
        after=change.after,
        reason=reason or f"revert of change {change_id}",
    )
    try:
        return _restores[change.action](restoration)
    except Stale as error:
        raise Conflict(f"{change.object} has changed since change {change_id}") from error
