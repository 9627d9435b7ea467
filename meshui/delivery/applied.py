"""Acknowledgements into rows, a batch at a time: a thousand cost a few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from meshui.delivery.settle import open_revisions, settle
from proxies.wire.reports import Ack

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


def write(acks: Sequence[Ack]) -> None:
    """Keep each proxy's newest answers."""
    taken = _newest(ack for ack in acks if ack.status == "ack")
    refused = _newest(ack for ack in acks if ack.status == "nack")
    with transaction.atomic(), connection.cursor() as cursor:
        if taken:
            cursor.execute(_TAKEN, _columns(taken))
        if refused:
            errors = [ack.error.replace("\x00", "")[:ERROR_CHARS] or "no reason given" for ack in refused]
            cursor.execute(_REFUSED, [*_columns(refused), errors])
            cursor.execute(_FORGET, [sorted({ack.proxy for ack in refused})])
        if acks:
            cursor.execute(_SEEN, [sorted({ack.proxy for ack in acks})])


def settle_touched(resources: Collection[str]) -> list[int]:
    """Settle the open revisions that changed one of these resources; returns all that are, or were, open.

    Call it after the answers are committed: the publisher does so after it has recorded a revision, and then one of
    the two sees the other's rows.
    """
    touched = open_revisions(resources)
    settle(touched)
    return touched


def _newest(acks: Iterable[Ack]) -> list[Ack]:
    """One for each resource and proxy, in the order in which rows are locked everywhere."""
    newest: dict[tuple[str, str], Ack] = {}
    for ack in acks:
        key = (ack.resource, ack.proxy)
        if key not in newest or (ack.epoch, ack.revision) > (newest[key].epoch, newest[key].revision):
            newest[key] = ack
    return [newest[key] for key in sorted(newest)]


def _columns(acks: Sequence[Ack]) -> list[list[Any]]:
    return [
        [ack.resource for ack in acks],
        [ack.proxy for ack in acks],
        [ack.epoch for ack in acks],
        [ack.revision for ack in acks],
        [ack.version for ack in acks],
        [datetime.fromtimestamp(ack.applied_at, UTC) for ack in acks],
    ]
