"""Ten-second rollups in PostgreSQL: made from frames, read back as frames.

A rollup is set, never added to, from the frames of its ten seconds; so doing one again changes nothing. The newest
bucket is the position: while the database is away frames wait on their stream, which holds fifteen minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from channels.db import database_sync_to_async
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from redis.asyncio import Redis

from meshui.core.errors import InvalidInput
from meshui.telemetry.frames import (
    COLUMNS,
    SPAN_S,
    EdgeKey,
    Frame,
    Histograms,
    PolicyCounts,
    decode,
    edge_key,
    key_text,
    limit_key,
    only,
    policy_key,
    read_entry,
    read_limit_key,
    read_policy_key,
    span_start,
    total,
)
from meshui.telemetry.models import Bucket, CoarseRollup, Edge, LimitRollup, PolicyRollup, Rollup
from meshui.telemetry.streams import INSTANCES, Entry, entries
from proxies.wire import keys

COUNTED, OWN = Q(instance=""), ~Q(instance="")
"""The accounts that count, and what instances counted by themselves."""
DECIDED = PolicyCounts._fields
"""What a policy's counts are of, in their order."""
SLACK_MS = 1000
"""Between the end of a frame's second and its id: what the collector waits (``collector.LATENESS_MS``) and more."""


async def roll_up(redis: Redis) -> int:
    """Write every bucket that is complete and not yet written; answers how many. Raises RedisError, DatabaseError."""
    newest = entries(await redis.xrevrange(keys.FRAMES, count=1))
    if not newest:
        return 0
    oldest = entries(await redis.xrange(keys.FRAMES, count=1))
    start = await database_sync_to_async(_next_start)(span_start(read_entry(oldest[0][1])[0]))
    end = read_entry(newest[0][1])[0]
    written = 0
    while start + SPAN_S < end:  # what instances counted is there before the next frame
        span = await redis.xrange(keys.FRAMES, min=start * 1000, max=(start + SPAN_S) * 1000 + SLACK_MS)
        frames = [_frame_of(entry) for entry in entries(span) if start < read_entry(entry[1])[0] <= start + SPAN_S]
        if frames:
            received = await _received(redis, start + SPAN_S)
            await database_sync_to_async(write)(start, frames, received)
            written += 1
        start += SPAN_S
    return written


async def _received(redis: Redis, end: int) -> list[Frame]:
    """What each instance received in the ten seconds up to ``end``. Whom each of them called is not kept."""
    found = entries(await redis.xrange(INSTANCES, min=end * 1000, max=end * 1000))
    return [received(_frame_of(entry)) for entry in found]


def received(instances: Frame) -> Frame:
    """Of what instances counted by themselves, what they received."""
    return only(instances, lambda key: not key.source)


def _next_start(oldest: int) -> int:
    """The first bucket not written of those that the stream reaches back to."""
    newest = Bucket.objects.order_by("-at").first()
    return max(oldest, int(newest.at.timestamp()) + SPAN_S) if newest else oldest


def _frame_of(entry: Entry) -> Frame:
    return decode(read_entry(entry[1])[1])


def write(start: int, frames: Sequence[Frame], received: Sequence[Frame] = ()) -> None:
    """Set the bucket that starts at ``start`` (Unix seconds) to the sum of its frames, and of what instances received,
    in one transaction."""
    at = datetime.fromtimestamp(start, UTC)
    frame = total(start + SPAN_S, [*frames, *received])
    with transaction.atomic():
        Bucket.objects.update_or_create(
            at=at,
            defaults={
                "seconds": len(frames),
                "reports": frame.reports,
                "refused": sum(frame.refused.values()),
                "dropped": frame.dropped,
            },
        )
        Rollup.objects.bulk_create(
            [Rollup(at=at, **columns) for columns in columns_of(frame)],
            batch_size=2_000,
            update_conflicts=True,
            unique_fields=["edge", "at"],
            update_fields=["counts", "histogram", "flags"],
        )
        LimitRollup.objects.bulk_create(
            [
                LimitRollup(at=at, **read_limit_key(key)._asdict(), allowed=allowed, limited=limited)
                for key, (allowed, limited) in frame.limits.items()
            ],
            batch_size=2_000,
            update_conflicts=True,
            unique_fields=["service", "at", "route", "limit"],
            update_fields=["allowed", "limited"],
        )
        PolicyRollup.objects.bulk_create(
            [
                PolicyRollup(at=at, **read_policy_key(key)._asdict(), **dict(zip(DECIDED, counts, strict=True)))
                for key, counts in frame.policies.items()
            ],
            batch_size=2_000,
            update_conflicts=True,
            unique_fields=["service", "at", "policy"],
            update_fields=DECIDED,
        )


def columns_of(frame: Frame) -> Iterator[dict[str, Any]]:
    """What a rollup keeps of each edge of a frame; edges that are new get their row."""
    edges = _edge_ids(frame.keys)
    limits = np.searchsorted(frame.histograms.rows, np.arange(len(frame.keys) + 1))
    flags: dict[int, dict[str, int]] = {}
    for row, name, count in frame.flags:
        flags.setdefault(row, {})[name] = count
    for row, key in enumerate(frame.keys):
        part = slice(limits[row], limits[row + 1])
        pair = np.concatenate((frame.histograms.buckets[part], frame.histograms.hits[part]))
        yield {
            "edge_id": edges[key],
            "counts": frame.counts[row].astype("<i8").tobytes(),
            "histogram": pair.astype("<u4").tobytes(),
            "flags": flags.get(row, {}),
        }


def _edge_ids(names: Sequence[str]) -> dict[str, int]:
    """The rows of edges, made where they are new."""
    known = _find(names)
    new = [name for name in names if name not in known]
    if new:
        Edge.objects.bulk_create([Edge(**edge_key(name)._asdict()) for name in new], ignore_conflicts=True)
        known |= _find(new)
    return known


def _find(names: Sequence[str]) -> dict[str, int]:
    sources = {edge_key(name).source for name in names}
    wanted = set(names)
    rows = Edge.objects.filter(source__in=sources).values_list("id", *EdgeKey._fields)
    return {name: pk for pk, *parts in rows if (name := key_text(parts)) in wanted}


# --- reading ----------------------------------------------------------------------------------------------------


def read(since: float, until: float, edges: Q) -> Iterator[Frame]:
    """The buckets that ended after ``since`` and up to ``until`` (Unix seconds), oldest first, each as a frame of the
    edges chosen by ``edges``. Two queries; a bucket that was observed without traffic is an empty frame.
    """
    span = span_of(since, until)
    buckets = [(at, SPAN_S) for at in Bucket.objects.filter(**span).order_by("at").values_list("at", flat=True)]
    return (frame for frame, _ in frames_of(buckets, SPAN_S, Rollup.objects.filter(**span), edges & COUNTED))


def frames_of(
    buckets: Sequence[tuple[datetime, int]], span_s: int, rows: QuerySet[Any], edges: Q
) -> Iterator[tuple[Frame, int]]:
    """Buckets by their start, each as a frame of the ``rows`` that are of these edges, with how many seconds of it
    were observed. Two queries."""
    names = {pk: key_text(parts) for pk, *parts in Edge.objects.filter(edges).values_list("id", *EdgeKey._fields)}
    chosen = rows.filter(edge_id__in=names).order_by("at").values_list(*_Row._fields)
    by_time = {at: list(group) for at, group in groupby(map(_Row._make, chosen.iterator()), key=lambda row: row.at)}
    for at, seconds in buckets:
        yield _frame(at.timestamp() + span_s, by_time.get(at, []), names), seconds


def read_limits(since: float, until: float, service: str) -> Iterator[tuple[float, dict[str, tuple[int, int]]]]:
    """The buckets that ended after ``since`` and up to ``until`` (Unix seconds), oldest first: the end of each, and
    what the service's rate limits counted in it by ``limit_key``. Two queries."""
    span = span_of(since, until)
    columns = ("at", "route", "limit", "allowed", "limited")
    rows = LimitRollup.objects.filter(service=service, **span).order_by("at").values_list(*columns)
    by_time = {at: list(group) for at, group in groupby(rows, key=lambda row: row[0])}
    for at in Bucket.objects.filter(**span).order_by("at").values_list("at", flat=True):
        counts = {
            limit_key(service, route, limit): (allowed, limited)
            for _, route, limit, allowed, limited in by_time.get(at, [])
        }
        yield at.timestamp() + SPAN_S, counts


def read_policies(since: float, until: float, service: str) -> dict[str, PolicyCounts]:
    """What access policies decided between two Unix times, for all services or one, by ``policy_key``. One query."""
    rows = PolicyRollup.objects.filter(**span_of(since, until), **({"service": service} if service else {}))
    sums = rows.order_by().values_list("service", "policy").annotate(*map(Sum, DECIDED))
    return {policy_key(owner, policy): PolicyCounts(*counts) for owner, policy, *counts in sums}


def observed_s(since: float, until: float) -> float:
    """How many seconds between two Unix times were observed, in whole buckets. One query."""
    return float(Bucket.objects.filter(**span_of(since, until)).count() * SPAN_S)


def require_at_most(limit: int, since: float, until: float, edges: Q) -> None:
    """Raise InvalidInput where ``read`` would take more rows than ``limit``."""
    chosen = Edge.objects.filter(edges & COUNTED).values("pk")
    found = Rollup.objects.filter(edge_id__in=chosen, **span_of(since, until)).values("pk")[: limit + 1].count()
    if found > limit:
        raise InvalidInput.field("from", "range_too_wide", "the range holds too much, ask for a shorter one")


def span_of(since: float, until: float, width_s: int = SPAN_S) -> dict[str, datetime]:
    """Buckets by their start that end after ``since`` and up to ``until``."""
    width = timedelta(seconds=width_s)
    return {"at__gt": _time(since) - width, "at__lte": _time(until) - width}


class _Row(NamedTuple):
    at: datetime
    edge_id: int
    counts: bytes | memoryview
    histogram: bytes | memoryview
    flags: Any


def _frame(at: float, rows: list[_Row], names: dict[int, str]) -> Frame:
    return Frame(
        at=at,
        keys=[names[row.edge_id] for row in rows],
        counts=np.frombuffer(b"".join([row.counts for row in rows]), "<i8").astype(np.int64).reshape(-1, COLUMNS),
        histograms=_histograms([row.histogram for row in rows]),
        flags=[(place, name, count) for place, row in enumerate(rows) for name, count in row.flags.items()],
    )


def _histograms(stored: list[bytes | memoryview]) -> Histograms:
    """Of each row its buckets and then as many counts, one row after the other."""
    flat = np.frombuffer(b"".join(stored), "<u4").astype(np.int64)
    lengths = np.array([len(each) // 4 for each in stored], np.int64)
    within = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    is_bucket = within < np.repeat(lengths // 2, lengths)
    return Histograms(np.repeat(np.arange(len(stored)), lengths // 2), flat[is_bucket], flat[~is_bucket])


def _time(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def drop_unused_names() -> int:
    """Delete the names of edges and instances of which no rollup of any level is left."""
    rows = Edge.objects.filter(
        ~Exists(Rollup.objects.filter(edge=OuterRef("pk"))), ~Exists(CoarseRollup.objects.filter(edge=OuterRef("pk")))
    )
    return rows.delete()[0]


def drop_before(limit: datetime, batch: int) -> int:
    """Delete rollups older than ``limit``, ``batch`` rows a statement, so that no lock is held for long."""
    dropped = 0
    for model, key in ((Rollup, "id"), (LimitRollup, "id"), (PolicyRollup, "id"), (Bucket, "at")):
        while True:
            oldest = model.objects.filter(at__lt=limit).order_by("at").values_list(key, flat=True)[:batch]
            count, _ = model.objects.filter(**{f"{key}__in": list(oldest)}).delete()
            dropped += count
            if not count:
                break
    return dropped
