"""Changes that are delivery's own: a new epoch, an eviction."""

from __future__ import annotations

import logging
from contextlib import suppress

import redis
from django.utils import timezone

from meshui.catalog import services as catalog
from meshui.catalog.models import Proxy
from meshui.core.actors import Actor, system
from meshui.core.commits import commit
from meshui.core.errors import NotFound
from meshui.delivery.access import revoke
from meshui.delivery.load import every_key
from meshui.delivery.models import Published
from meshui.security import services as security
from meshui.security.selectors import revoked_serials
from proxies.wire import resources as wire

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


def certificate_revoke(*, actor: Actor, serial: str, identity: bool = False, reason: str = "") -> list[str]:
    """Revoke a proxy's certificates, or with ``identity`` deny that altogether, and evict whoever has them; the ids of
    the evicted. Raises PermissionDenied, NotFound."""
    holders = security.certificate_revoke(actor=actor, serial=serial, identity=identity, reason=reason)
    evicted = list(Proxy.objects.filter(pk__in=holders).order_by("pk").values_list("pk", flat=True))
    for proxy_id in evicted:
        with suppress(NotFound):  # it left by itself meanwhile
            proxy_evict(actor=actor, proxy_id=proxy_id, reason=reason)
    return evicted


def trust_prune() -> int | None:
    """Publish the trust anew without the revoked certificates that have ended, which are refused anyway; the revision,
    None where there are none."""
    published = Published.objects.filter(resource="trust").first()
    if published is None:
        return None
    resource = wire.decode(bytes(published.body))
    assert isinstance(resource, wire.TrustResource)
    ended = set(resource.body.revoked) - set(revoked_serials())
    if not ended:
        return None
    with commit(actor=system("reconciler"), action="trust.prune", obj="mesh") as change:
        change.dirty("trust")
        change.summary = f"{len(ended)} revoked certificates have ended"
    return change.revision
