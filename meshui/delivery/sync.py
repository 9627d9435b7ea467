"""How far each proxy is with what is published for it now.

What a proxy has to take is compared with what it took, in the database, for all proxies in one query. A thousand
proxies that follow two thousand resources are two million comparisons, so what is known already is not compared again:
the reconciler notes up to which publication a proxy took everything (``CaughtUp``), and only what was published since
is looked at. That holds because a resource is stamped higher than all that was published before it, what a proxy took
it keeps, and a refusal forgets the note.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import msgspec
from django.db import connection, transaction

from meshui.delivery.settle import FOLLOWERS, OFFLINE_S

State = Literal["synced", "syncing", "refused", "offline"]
SHOWN = 20
"""How many resources that a proxy waits for are named."""

# Few notes differ from each other, so what is newer is found once for each of them. The planner cannot know how little
# that is and is held to this order; answers are looked up one by one, for it would rather read them all.
_NEWER = """
noted AS MATERIALIZED (
    SELECT f.*, coalesce(c.epoch, 0) AS epoch, coalesce(c.revision, 0) AS revision
    FROM follower f LEFT JOIN delivery_caughtup c ON c.proxy_id = f.id
), newer AS MATERIALIZED (
    SELECT n.epoch AS note_epoch, n.revision AS note_revision, d.resource, d.kind, d.name, d.epoch, d.revision
    FROM (SELECT DISTINCT epoch, revision FROM noted) n
    JOIN delivery_published d ON (d.epoch, d.revision) > (n.epoch, n.revision)
), part AS MATERIALIZED (
    SELECT f.id, d.resource, a.revision AS applied, a.error, a.refused_at,
           (coalesce(a.epoch, 0), coalesce(a.revision, 0)) >= (d.epoch, d.revision) AS taken,
           coalesce((a.refused_epoch, a.refused_revision) >= (d.epoch, d.revision), false) AS refused
    FROM noted f
    JOIN newer d ON (d.note_epoch, d.note_revision) = (f.epoch, f.revision)
        AND CASE d.kind WHEN 'inbound' THEN d.name = f.service WHEN 'proxy' THEN d.name = f.id ELSE true END
    LEFT JOIN LATERAL (
        SELECT * FROM delivery_applied a WHERE a.resource = d.resource AND a.proxy_id = f.id LIMIT 1
    ) a ON true
)
"""

_SYNC = f"""
WITH follower AS ({FOLLOWERS} WHERE p.id = ANY(%(proxies)s)), {_NEWER},
found AS MATERIALIZED (
    SELECT id, max(applied) FILTER (WHERE taken) AS applied,
           (array_agg(resource ORDER BY resource) FILTER (WHERE NOT taken AND NOT refused))[1:{SHOWN}] AS waiting,
           json_agg(json_build_object('resource', resource, 'error', error, 'since', refused_at) ORDER BY resource)
               FILTER (WHERE NOT taken AND refused) AS refused
    FROM part GROUP BY id
), desired AS MATERIALIZED (
    SELECT f.*, greatest(i.revision, o.revision, (
        SELECT max(revision) FROM delivery_published WHERE kind NOT IN ('inbound', 'proxy'))) AS desired
    FROM noted f
    LEFT JOIN delivery_published i ON i.resource = 'inbound:' || f.service
    LEFT JOIN delivery_published o ON o.resource = 'proxy:' || f.id
)
SELECT d.id, d.offline, coalesce(d.desired, 0), coalesce(least(d.desired, greatest(d.revision, f.applied)), 0),
       coalesce(f.waiting, '{{}}'), coalesce(f.refused, '[]')::text
FROM desired d LEFT JOIN found f USING (id)
"""  # noqa: S608 - constants alone

_STATES = f"""
WITH follower AS ({FOLLOWERS}), {_NEWER},
lag AS (SELECT id, bool_or(refused) AS refused FROM part WHERE NOT taken GROUP BY id)
SELECT f.id, CASE WHEN f.offline THEN 'offline' WHEN lag.refused THEN 'refused'
                  WHEN lag.id IS NOT NULL THEN 'syncing' ELSE 'synced' END
FROM follower f LEFT JOIN lag ON lag.id = f.id
"""  # noqa: S608 - constants alone

# A refusal waits for the lock and then forgets; or it was first, and this statement, begun after, sees it.
_LOCK = "LOCK TABLE delivery_caughtup IN SHARE ROW EXCLUSIVE MODE"

_NOTE = f"""
WITH follower AS ({FOLLOWERS}), {_NEWER},
head AS (SELECT epoch, revision FROM delivery_published ORDER BY epoch DESC, revision DESC LIMIT 1)
INSERT INTO delivery_caughtup AS known (proxy_id, epoch, revision)
SELECT n.id, head.epoch, head.revision FROM noted n, head
WHERE (n.epoch, n.revision) < (head.epoch, head.revision) AND n.id NOT IN (SELECT id FROM part WHERE NOT taken)
ON CONFLICT (proxy_id) DO UPDATE SET epoch = excluded.epoch, revision = excluded.revision
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


def note_caught_up() -> None:
    """Note of every proxy that took all that is published for it that it did."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        cursor.execute(_NOTE, {"offline_s": OFFLINE_S})
