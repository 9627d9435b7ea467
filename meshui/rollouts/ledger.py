"""The one way to write a rollout: row, events and notifications in one transaction, under the fence.

Whoever works on a rollout holds a *fence*: a number that rises whenever somebody takes the rollout over. Every write
says under which fence it was made, and one made under an old fence finds no row and is rolled back whole. So a worker
that hung for a while can do no harm when it wakes, and a person who aborts is not overrun by a tick under way.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from meshui.core.commits import current_mesh
from meshui.core.errors import NotFound
from meshui.rollouts.models import Notification, Rollout, RolloutEvent
from meshui.rollouts.plan import Occasion, Plan
from meshui.rollouts.states import Told

LEASE = timedelta(seconds=15)
"""How long a worker may be silent before another one takes its rollout over."""
STUCK_S = 10
"""A transaction that waits longer for its own process is ended by the database: its locks would stop everybody."""

OCCASIONS: dict[tuple[str, str], Occasion] = {
    ("started", ""): "started",
    ("paused", ""): "paused",
    ("paused", "approval"): "approval",
    ("rolling_back", ""): "failed",
    ("succeeded", ""): "succeeded",
    ("rolled_back", ""): "rolled_back",
}
"""What people are told of, by the kind of event and, where it makes a difference, the reason of the pause."""

FIELDS = tuple(
    field.attname
    for field in Rollout._meta.concrete_fields
    if field.attname not in {"id", "fence", "lease_owner", "lease_until", "created_at"}
)
"""What a write writes; the lease has its own statements."""


class LostLease(Exception):
    """Somebody else has taken the rollout over; what was to be written is not."""


# --- holding a rollout ------------------------------------------------------------------------------------------


def lease(rollout_id: int) -> Rollout | None:
    """Take an active rollout over for LEASE, unless somebody holds it."""
    owner = secrets.token_hex(8)
    # One that would last longer than any lease is of a clock that was set back since.
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now()) | Q(lease_until__gt=Now() + LEASE)
    rows = Rollout.objects.filter(free, pk=rollout_id, state__in=Rollout.ACTIVE)
    taken = rows.update(lease_owner=owner, lease_until=Now() + LEASE, fence=F("fence") + 1)
    if not taken:
        return None
    return _rows().filter(pk=rollout_id, lease_owner=owner).first()


def renew(row: Rollout) -> None:
    """Hold it for another LEASE. Raises LostLease."""
    if not _held(row).update(lease_until=Now() + LEASE):
        raise LostLease


def rest(row: Rollout, until: datetime) -> None:
    """Nobody needs to look at it before then."""
    _held(row).update(next_tick_at=until)


def release(row: Rollout) -> None:
    """Let go of it, where it is still held."""
    _held(row).update(lease_owner="", lease_until=None)


def take_over(rollout_id: int) -> Rollout:
    """Take the rollout from whoever holds it, for the transaction that is open. Raises NotFound."""
    if not Rollout.objects.filter(pk=rollout_id).update(fence=F("fence") + 1, lease_owner="", lease_until=None):
        raise NotFound(f"no rollout {rollout_id}")
    return _rows().get(pk=rollout_id)


def now() -> datetime:
    """The database's clock: the one that all workers share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


# --- writing ----------------------------------------------------------------------------------------------------


@contextmanager
def writing(row: Rollout | None = None, *, measurements: bool = False) -> Iterator[None]:
    """The transaction of a change, for whoever holds ``row`` (else ``take_over`` comes first). Raises LostLease.

    The mesh row is locked before the rollout's, as by every other change: so changes of traffic and of rollouts come
    one after the other, and nobody waits for another in a circle. ``measurements`` alone change nothing that others
    wait for.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [f"{STUCK_S}s"])
        if not measurements:
            current_mesh(lock=True)
        if row is not None:
            renew(row)
        yield


def save(row: Rollout) -> None:
    """Write all of the row under its fence. Raises LostLease."""
    if not _held(row).update(**{name: getattr(row, name) for name in FIELDS}):
        raise LostLease


def record(row: Rollout, kind: Told, detail: str = "", *, actor: str, at: datetime, **data: Any) -> RolloutEvent:
    """Write one line of the story, and a notification for each who wants to know. ``save`` the row afterwards."""
    row.last_seq += 1
    event = RolloutEvent.objects.create(
        rollout=row,
        seq=row.last_seq,
        at=at,
        kind=kind,
        actor=actor,
        step=row.step_index,
        detail=detail[:500],
        data=data,
    )
    occasion = OCCASIONS.get((kind, row.pause_reason)) or OCCASIONS.get((kind, ""))
    if occasion:
        plan = msgspec.convert(row.plan, Plan)
        Notification.objects.bulk_create(
            Notification(event=event, kind=one.kind, target=one.target, next_try_at=at)
            for one in plan.notify
            if occasion in one.on
        )
    return event


def _held(row: Rollout) -> QuerySet[Rollout]:
    return Rollout.objects.filter(pk=row.pk, fence=row.fence)


def _rows() -> QuerySet[Rollout]:
    return Rollout.objects.select_related("service__namespace")
