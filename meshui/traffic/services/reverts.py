"""Undoing a change: the value from before it, set again as a new change, where nobody has changed the object since."""

from __future__ import annotations

from meshui.core.actors import Actor
from meshui.core.errors import Conflict, Stale
from meshui.core.selectors import REVERTIBLE, get_change
from meshui.core.versions import etag
from meshui.traffic.services.rules import rules_restore
from meshui.traffic.services.splits import split_set


def change_revert(*, actor: Actor, change_id: int, reason: str = "") -> int | None:
    """Set the object back to what it was before the change; the new revision, None where it already is so.

    Raises NotFound, PermissionDenied, Conflict: ``not_revertible``, or the object has changed since.
    """
    change = get_change(actor, change_id)
    before, after = change.before, change.after
    if change.action not in REVERTIBLE or before is None or after is None:
        raise Conflict(f"{change.action} cannot be reverted", code="not_revertible")
    service = change.object.partition(":")[2]
    why = reason or f"revert of change {change_id}"
    try:
        if change.action == "split.set":
            version = etag(after["weights"])
            done = split_set(
                actor=actor, service=service, weights=before["weights"], reason=why, expected_version=version
            )
            return done.revision
        return rules_restore(actor=actor, service=service, action=change.action, before=before, after=after, reason=why)
    except Stale as error:
        raise Conflict(f"{change.object} has changed since change {change_id}") from error
