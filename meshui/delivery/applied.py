"""Acknowledgements into rows, a batch at a time: a thousand cost a few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from meshui.delivery.settle import open_revisions, settle
from proxies.wire.reports import Ack, Acks

ERROR_CHARS = 2_000

# A later answer replaces an earlier one, never the other way round; of two about one content, the proxy's clock says
# which is later. The join leaves out proxies that are gone.
_TAKEN = """
INSERT INTO delivery_applied AS known (resource, proxy_id, epoch, revision, version, applied_at)
SELECT n.* FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[])
    AS n(resource, proxy, epoch, revision, version, at)
    JOIN catalog_proxy p ON p.id = n.proxy
ON CONFLICT (resource, proxy_id) DO UPDATE SET epoch = excluded.epoch, revision = excluded.revision,
    version = excluded.version, applied_at = excluded.applied_at
WHERE (excluded.epoch, excluded.revision) > (known.epoch, known.revision)
    AND ((excluded.epoch, excluded.revision) <> (known.refused_epoch, known.refused_revision)
        OR excluded.applied_at > known.refused_at)
"""

# Who refuses what it took before, as another release may after a restart, does not hold it any more.
_REFUSED = """
INSERT INTO delivery_applied AS known
    (resource, proxy_id, refused_epoch, refused_revision, refused_version, refused_at, error)
SELECT n.* FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::text[])
    AS n(resource, proxy, epoch, revision, version, at, error)
    JOIN catalog_proxy p ON p.id = n.proxy
ON CONFLICT (resource, proxy_id) DO UPDATE SET refused_epoch = excluded.refused_epoch,
    refused_revision = excluded.refused_revision, refused_version = excluded.refused_version,
    refused_at = excluded.refused_at, error = excluded.error,
    revision = CASE WHEN (excluded.refused_epoch, excluded.refused_revision) = (known.epoch, known.revision)
        AND excluded.refused_at > known.applied_at THEN 0 ELSE known.revision END
WHERE (excluded.refused_epoch, excluded.refused_revision, excluded.refused_at)
    > (known.refused_epoch, known.refused_revision, coalesce(known.refused_at, '-infinity'))
"""

_FORGET = "DELETE FROM delivery_caughtup WHERE proxy_id = ANY(%s)"

# Whoever acknowledges is alive; not written more often than matters, and never waiting for another writer.
_SEEN = """
UPDATE catalog_proxy SET last_seen_at = now() WHERE id IN (
    SELECT id FROM catalog_proxy
    WHERE id = ANY(%s) AND (last_seen_at IS NULL OR last_seen_at < now() - interval '5 seconds')
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""


Said = tuple[str, Ack]
"""A proxy's id and what it said of one resource."""


def write(messages: Sequence[Acks]) -> None:
    """Keep each proxy's newest answers."""
    said = [(message.proxy, ack) for message in messages for ack in message.acks]
    taken = _newest(each for each in said if each[1].status == "ack")
    refused = _newest(each for each in said if each[1].status == "nack")
    with transaction.atomic(), connection.cursor() as cursor:
        if taken:
            cursor.execute(_TAKEN, _columns(taken))
        if refused:
            errors = [ack.error.replace("\x00", "")[:ERROR_CHARS] or "no reason given" for _, ack in refused]
            cursor.execute(_REFUSED, [*_columns(refused), errors])
            cursor.execute(_FORGET, [sorted({proxy for proxy, _ in refused})])
        if messages:
            cursor.execute(_SEEN, [sorted({message.proxy for message in messages})])


def settle_touched(resources: Collection[str]) -> list[int]:
    """Settle the open revisions that changed one of these resources; returns all that are, or were, open.

    Call it after the answers are committed: the publisher does so after it has recorded a revision, and then one of
    the two sees the other's rows.
    """
    touched = open_revisions(resources)
    settle(touched)
    return touched


def _newest(said: Iterable[Said]) -> list[Said]:
    """One for each resource and proxy, in the order in which rows are locked everywhere."""
    newest: dict[tuple[str, str], Said] = {}
    for proxy, ack in said:
        key = (ack.resource, proxy)
        known = newest.get(key)
        if known is None or _order(ack) > _order(known[1]):
            newest[key] = (proxy, ack)
    return [newest[key] for key in sorted(newest)]


def _order(ack: Ack) -> tuple[int, int, float]:
    return (ack.epoch, ack.revision, ack.applied_at)


def _columns(said: Sequence[Said]) -> list[list[Any]]:
    return [
        [ack.resource for _, ack in said],
        [proxy for proxy, _ in said],
        [ack.epoch for _, ack in said],
        [ack.revision for _, ack in said],
        [ack.version for _, ack in said],
        [datetime.fromtimestamp(ack.applied_at, UTC) for _, ack in said],
    ]
