"""What another release compiled, published again as this one compiles it.

Code changes only with its process, so each process looks once: it compiles the whole mesh and compares.
"""

from __future__ import annotations

import logging
from functools import cache

from django.db import connection, transaction

from meshui.core.actors import system
from meshui.core.commits import commit
from meshui.core.models import Mesh, Outbox
from meshui.delivery.build import build
from meshui.delivery.load import Key, every_key, load
from meshui.delivery.models import Published
from proxies.wire import resources as wire

log = logging.getLogger(__name__)


@cache
def recompile_once() -> int | None:
    """Make dirty what stands published otherwise than this code would publish it; the revision, None where there is
    nothing of the kind. Later calls do nothing. Opens a transaction of its own: call it outside of one."""
    outdated = _outdated()
    if not outdated:
        return None
    with commit(actor=system("reconciler"), action="mesh.recompile", obj="mesh") as change:
        for key in outdated:
            change.dirty(*key)
        change.summary = f"{len(outdated)} resources as this release compiles them"
    log.info("%s resources were compiled by another release", len(outdated))
    return change.revision


@transaction.atomic
def _outdated() -> list[Key]:
    """Resources whose content would be another. What waits for its publication is not among them."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    keys = set(every_key()) - set(Outbox.objects.values_list("kind", "name"))
    good = build(load(Mesh.objects.get(pk=1), keys), keys).good
    rows = Published.objects.values_list("kind", "name", "version")
    published = {(kind, name): version for kind, name, version in rows}
    return sorted(key for key, resource in good.items() if published.get(key) != wire.content_hash(resource.body))
