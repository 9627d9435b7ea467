"""Changes that are delivery's own: a new epoch, an eviction."""

from __future__ import annotations

from django.utils import timezone

from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.delivery.load import every_key


def mesh_new_epoch(*, actor: Actor, reason: str = "") -> int:
    """Begin a new epoch: proxies take everything anew, whatever revisions they have. For after a database was
    restored. Returns the revision. Raises PermissionDenied."""
    actor.require("users.write")
    with commit(actor=actor, action="mesh.epoch", obj="mesh", reason=reason) as change:
        before = change.mesh.epoch
        change.mesh.epoch = max(before + 1, int(timezone.now().timestamp()))
        change.mesh.save(update_fields=["epoch"])
        for key in every_key():
            change.dirty(*key)
        change.summary = f"epoch {before} -> {change.mesh.epoch}"
    assert change.revision is not None
    return change.revision
