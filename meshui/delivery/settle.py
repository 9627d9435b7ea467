"""What proxies made of revisions: the one place that says who follows what and when an answer counts.

A proxy has taken a revision when it took each of the resources that the revision changed, at that stamp or a later
one. It has refused it when it refused one of them and has not taken a later content since. ``offline`` are those that
did neither and have been silent for OFFLINE_S.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import connection

from meshui.core.models import Revision

OFFLINE_S = 10
"""Seconds without a report or an acknowledgement."""

KEPT = 10_000
"""Of how many of the newest revisions it stays known which resources they changed."""

State = Literal["pending", "applied", "partial", "failed"]
Status = Literal["acked", "nacked", "waiting", "offline"]

FOLLOWERS = """
    SELECT p.id, n.name || '/' || s.name AS service,
           coalesce(p.last_seen_at, p.joined_at) < now() - make_interval(secs => %(offline_s)s) AS offline
    FROM catalog_proxy p
    JOIN catalog_service s ON s.id = p.service_id
    JOIN catalog_namespace n ON n.id = s.namespace_id
"""

# Everybody follows services, endpoints, trust and the directory; a service's own proxies its inbound; a proxy itself.
_ANSWERS = f"""
WITH follower AS ({FOLLOWERS}), part AS (
    SELECT rr.revision, f.id AS proxy, f.service, f.offline, a.error, a.applied_at, a.refused_at,
           (coalesce(a.epoch, 0), coalesce(a.revision, 0)) >= (rr.epoch, rr.at_revision) AS taken,
           coalesce((a.refused_epoch, a.refused_revision) >= (rr.epoch, rr.at_revision), false) AS refused
    FROM delivery_revisionresource rr
    JOIN follower f ON CASE split_part(rr.resource, ':', 1)
        WHEN 'inbound' THEN rr.resource = 'inbound:' || f.service
        WHEN 'proxy' THEN rr.resource = 'proxy:' || f.id
        ELSE true END
    LEFT JOIN delivery_applied a ON a.resource = rr.resource AND a.proxy_id = f.id
    WHERE rr.revision = ANY(%(revisions)s) AND rr.version <> ''
), answer AS (
    SELECT revision, proxy, service,
           CASE WHEN bool_and(taken) THEN 'acked'
                WHEN bool_or(refused AND NOT taken) THEN 'nacked'
                WHEN offline THEN 'offline'
                ELSE 'waiting' END AS status,
           coalesce(string_agg(error, '; ') FILTER (WHERE refused AND NOT taken), '') AS error,
           CASE WHEN bool_and(taken) THEN max(applied_at)
                ELSE max(refused_at) FILTER (WHERE refused AND NOT taken) END AS at
    FROM part GROUP BY revision, proxy, service, offline
)
"""  # noqa: S608 - constants alone

_COUNTS = f"""{_ANSWERS}
SELECT revision, count(*), count(*) FILTER (WHERE status = 'acked'), count(*) FILTER (WHERE status = 'nacked'),
       count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'offline')
FROM answer GROUP BY revision
"""  # noqa: S608 - constants alone

_DETAIL = f"""{_ANSWERS}
SELECT proxy, service, status, error, at FROM answer ORDER BY status <> 'nacked', status, proxy
"""  # noqa: S608 - constants alone

# Looks no further than the first follower that is missing, so that a revision under way costs little.
_COMPLETE = f"""
WITH follower AS MATERIALIZED ({FOLLOWERS})
SELECT number FROM unnest(%(revisions)s::bigint[]) number
LEFT JOIN LATERAL (
    SELECT true AS found FROM delivery_revisionresource rr
    CROSS JOIN follower f
    LEFT JOIN LATERAL (
        SELECT * FROM delivery_applied a WHERE a.resource = rr.resource AND a.proxy_id = f.id LIMIT 1
    ) a ON true
    WHERE rr.revision = number AND rr.version <> ''
      AND CASE split_part(rr.resource, ':', 1)
          WHEN 'inbound' THEN rr.resource = 'inbound:' || f.service
          WHEN 'proxy' THEN rr.resource = 'proxy:' || f.id
          ELSE true END
      AND (coalesce(a.epoch, 0), coalesce(a.revision, 0)) < (rr.epoch, rr.at_revision)
      AND (NOT f.offline OR (a.refused_epoch, a.refused_revision) >= (rr.epoch, rr.at_revision))
    LIMIT 1
) missing ON true
WHERE missing.found IS NULL
"""  # noqa: S608 - constants alone

_SETTLE = """
UPDATE core_revision SET applied_at = now() WHERE number = ANY(%s) AND applied_at IS NULL RETURNING number
"""

_OPEN = """
SELECT r.number FROM core_revision r
WHERE r.published_at IS NOT NULL AND r.applied_at IS NULL AND r.failed_at IS NULL
"""


# One that still waits for somebody keeps its resources: without them it would count as taken.
_FORGET = """
DELETE FROM delivery_revisionresource rr USING core_revision r
WHERE rr.revision = r.number AND r.number <= (SELECT revision - %s FROM core_mesh)
  AND (r.applied_at IS NOT NULL OR r.failed_at IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many proxies a revision concerns, and what they answered; the four sum to ``total``."""

    total: int = 0
    acked: int = 0
    nacked: int = 0
    waiting: int = 0
    offline: int = 0

    @property
    def settled(self) -> bool:
        """Nobody who can be reached is missing or refused it."""
        return not self.waiting and not self.nacked and (self.acked > 0 or not self.total)


@dataclass(frozen=True, slots=True)
class Answer:
    """One proxy's answer to a revision; ``at`` is by the proxy's clock."""

    proxy: str
    service: str
    status: Status
    error: str
    at: datetime | None


def progress(revisions: Collection[int]) -> dict[int, Progress]:
    """What the followers of each revision answered, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"revisions": list(revisions), "offline_s": OFFLINE_S})
        found = {row[0]: Progress(*row[1:]) for row in cursor.fetchall()}
    return {number: found.get(number, Progress()) for number in revisions}


def answers(revision: int) -> list[Answer]:
    """Each follower's answer to one revision, refusals first."""
    with connection.cursor() as cursor:
        cursor.execute(_DETAIL, {"revisions": [revision], "offline_s": OFFLINE_S})
        return [Answer(*row) for row in cursor.fetchall()]


def counted(found: Collection[Answer]) -> Progress:
    """The answers to one revision, added up."""
    counts = Counter(answer.status for answer in found)
    return Progress(len(found), counts["acked"], counts["nacked"], counts["waiting"], counts["offline"])


def state_of(revision: Revision, counts: Progress) -> State:
    """``failed``: never sent, or refused by all. ``partial``: some took it, others did not yet or refused."""
    if revision.failed_at is not None:
        return "failed"
    if revision.published_at is None:
        return "pending"
    if revision.applied_at is not None or counts.settled:
        return "applied"
    if counts.nacked and not counts.acked and not counts.waiting:
        return "failed"
    return "partial" if counts.acked or counts.nacked else "pending"


def open_revisions(touching: Collection[str] | None = None) -> list[int]:
    """Published revisions that are not settled; of those, the ones that changed a resource in ``touching``."""
    query, arguments = _OPEN, []
    if touching is not None:
        query += """ AND EXISTS (SELECT 1 FROM delivery_revisionresource rr
                                 WHERE rr.revision = r.number AND rr.resource = ANY(%s))"""
        arguments = [list(touching)]
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return [row[0] for row in cursor.fetchall()]


def settle(revisions: Collection[int]) -> list[int]:
    """Stamp ``applied_at`` on those that every reachable follower took. Returns the stamped ones."""
    if not revisions:
        return []
    complete = _complete(revisions)
    done = [number for number, counts in progress(complete).items() if counts.settled] if complete else []
    if not done:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, [done])
        return [row[0] for row in cursor.fetchall()]


def forget_old() -> int:
    """Forget which resources old revisions changed, and so who took them; how many rows went. When they were applied
    stays known with the change log.

    A row takes 210 bytes with its indexes and a change makes one to four of them: 20 changes of endpoints a second
    would add 360 MB a day. 190,000 rows go in 0.2 s.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [KEPT])
        return int(cursor.rowcount)


def _complete(revisions: Collection[int]) -> list[int]:
    """Those that no follower refused and none that can be reached has still to take."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPLETE, {"revisions": list(revisions), "offline_s": OFFLINE_S})
        return [row[0] for row in cursor.fetchall()]
