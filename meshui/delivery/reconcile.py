"""Make Redis what the database says it is, whatever happened to it: every five seconds."""

from __future__ import annotations

import logging

import redis

from meshui.core.actors import system
from meshui.core.models import Mesh
from meshui.core.redis import client
from meshui.delivery.access import sync_users
from meshui.delivery.limits import ensure_function
from meshui.delivery.outbox import last_published, revision_stamp
from meshui.delivery.publish import everything, push, single_flight, unknown_keys, write
from meshui.delivery.recompile import recompile_once
from meshui.delivery.redis import published_revision, watch_revision
from meshui.delivery.services import mesh_new_epoch
from meshui.delivery.settle import open_revisions, settle
from meshui.delivery.sync import note_caught_up
from proxies.wire import keys

log = logging.getLogger(__name__)


def reconcile() -> None:
    """Lost users, lost or foreign data, what another release compiled, forgotten pushes, revisions that nobody is left
    to wait for. Raises redis.RedisError."""
    if ensure_function():
        log.info("put the function of shared rate limits into Redis")
    mended = sync_users()
    if mended:
        log.warning("mended %s Redis users", mended)
    if _is_older_than_published():
        log.error("the database is older than what was published: it was restored, so a new epoch begins")
        mesh_new_epoch(actor=system("reconciler"), reason="the database is older than what was published")
    with single_flight() as mine:
        if mine:
            _heal()
            if last_published():
                recompile_once()
    push()
    settle(open_revisions())
    note_caught_up()


def _is_older_than_published() -> bool:
    """Whether Redis holds a revision of this epoch that the database has never committed."""
    epoch, _, revision = (published_revision() or "0:0").partition(":")
    mesh = Mesh.objects.filter(pk=1).first()
    return mesh is not None and int(epoch) == mesh.epoch and int(revision) > mesh.revision


def _heal() -> None:
    """Write all of it again when ``mesh:revision`` is not the last one published, or a key is missing."""
    mesh = Mesh.objects.filter(pk=1).first()
    last = last_published()
    if mesh is None or not last:
        return
    with client().pipeline() as pipe:
        stands = watch_revision(pipe)
        stamp = revision_stamp(mesh.epoch, last)
        resources = everything()
        if stands == stamp and pipe.exists(*map(keys.resource, resources)) == len(resources):
            return
        try:
            write(pipe, resources, unknown_keys(resources), stamp)
        except redis.WatchError:
            return  # somebody published meanwhile, and saw what we saw
    log.warning("Redis held %s: published all %s resources of %s again", stands or "nothing", len(resources), stamp)
