"""How far each proxy is with what is published for it now.

What it has to take is compared with what it took, resource by resource, in the database: a page of proxies is one
query. For the whole mesh only the resources of open revisions are compared, since the others were taken by everyone
who could be reached; a proxy that was away then reads all of it when it comes back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import msgspec
from django.db import connection

from meshui.delivery.settle import FOLLOWERS, OFFLINE_S

State = Literal["synced", "syncing", "refused", "offline"]
SHOWN = 20
"""How many resources that a proxy waits for are named."""

_SYNC = f"""
WITH follower AS ({FOLLOWERS} WHERE p.id = ANY(%(proxies)s)),
part AS (
    SELECT f.id, f.offline, d.resource, d.revision AS desired, a.revision AS applied, a.error, a.refused_at,
           (coalesce(a.epoch, 0), coalesce(a.revision, 0)) >= (d.epoch, d.revision) AS taken,
           coalesce((a.refused_epoch, a.refused_revision) >= (d.epoch, d.revision), false) AS refused
    FROM follower f
    JOIN delivery_published d ON CASE d.kind WHEN 'inbound' THEN d.name = f.service
        WHEN 'proxy' THEN d.name = f.id ELSE true END
    LEFT JOIN delivery_applied a ON a.resource = d.resource AND a.proxy_id = f.id
)
SELECT id, offline, coalesce(max(desired), 0), coalesce(max(applied) FILTER (WHERE taken), 0),
       coalesce((array_agg(resource ORDER BY resource) FILTER (WHERE NOT taken AND NOT refused))[1:{SHOWN}], '{{}}'),
       coalesce(json_agg(json_build_object('resource', resource, 'error', error, 'since', refused_at)
                ORDER BY resource) FILTER (WHERE NOT taken AND refused), '[]')::text
FROM part GROUP BY id, offline
"""  # noqa: S608 - constants alone

_STATES = f"""
WITH follower AS ({FOLLOWERS}),
open AS (
    SELECT DISTINCT d.* FROM core_revision r
    JOIN delivery_revisionresource rr ON rr.revision = r.number
    JOIN delivery_published d ON d.resource = rr.resource
    WHERE r.published_at IS NOT NULL AND r.applied_at IS NULL
), lag AS (
    SELECT f.id, bool_or((a.refused_epoch, a.refused_revision) >= (d.epoch, d.revision)) AS refused
    FROM follower f
    JOIN open d ON CASE d.kind WHEN 'inbound' THEN d.name = f.service
        WHEN 'proxy' THEN d.name = f.id ELSE true END
    LEFT JOIN delivery_applied a ON a.resource = d.resource AND a.proxy_id = f.id
    WHERE (coalesce(a.epoch, 0), coalesce(a.revision, 0)) < (d.epoch, d.revision)
    GROUP BY f.id
)
SELECT f.id, CASE WHEN f.offline THEN 'offline' WHEN lag.refused THEN 'refused'
                  WHEN lag.id IS NOT NULL THEN 'syncing' ELSE 'synced' END
FROM follower f LEFT JOIN lag ON lag.id = f.id
"""  # noqa: S608 - constants alone


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A published resource that a proxy would not take; it serves the one before."""

    resource: str
    error: str
    since: datetime


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """Desired beside applied. ``waiting`` names the first SHOWN resources that were neither taken nor refused."""

    state: State
    desired_revision: int
    applied_revision: int
    waiting: list[str]
    refused: list[Refused]


NOTHING = Sync(state="synced", desired_revision=0, applied_revision=0, waiting=[], refused=[])


def sync_of(proxy_ids: Collection[str]) -> dict[str, Sync]:
    """How far these proxies are, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_SYNC, {"proxies": list(proxy_ids), "offline_s": OFFLINE_S})
        rows = cursor.fetchall()
    found = {}
    for proxy_id, offline, desired, applied, waiting, refused_json in rows:
        refused = msgspec.json.decode(refused_json, type=list[Refused])
        found[proxy_id] = Sync(
            state="offline" if offline else "refused" if refused else "syncing" if waiting else "synced",
            desired_revision=desired,
            applied_revision=applied,
            waiting=waiting,
            refused=refused,
        )
    return {proxy_id: found.get(proxy_id, NOTHING) for proxy_id in proxy_ids}


def states() -> dict[str, State]:
    """The state of every proxy of the mesh, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_STATES, {"offline_s": OFFLINE_S})
        return dict(cursor.fetchall())
