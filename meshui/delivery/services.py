"""Changes that are delivery's own: a new epoch, an eviction."""

from __future__ import annotations

import logging

import redis
from django.utils import timezone

from meshui.catalog import services as catalog
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.delivery.access import revoke
from meshui.delivery.load import every_key

log = logging.getLogger(__name__)


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


def proxy_evict(*, actor: Actor, proxy_id: str, reason: str = "", dry_run: bool = False) -> int | None:
    """Remove a proxy: its Redis user and connections go at once, its certificate is renewed no more. The revision.

    Raises PermissionDenied, NotFound.
    """
    revision = catalog.proxy_evict(actor=actor, proxy_id=proxy_id, reason=reason, dry_run=dry_run)
    if not dry_run:
        try:
            revoke([proxy_id])
        except redis.RedisError as error:
            log.warning("the reconciler deletes the Redis user of %s: %s", proxy_id, error)
    return revision
