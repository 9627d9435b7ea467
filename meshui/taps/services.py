"""Beginning, watching and stopping taps.

A proxy is told of a tap for a few seconds at a time, and again for as long as somebody watches. So a tap ends by itself
wherever its watchers end: with their browser, their process or ours.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import msgspec
from django.utils import timezone
from redis.exceptions import RedisError

from meshui.catalog.selectors import find_workload
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import Conflict, InvalidInput
from meshui.core.redis import client
from meshui.taps.models import Tap
from meshui.taps.selectors import active, get_tap
from meshui.taps.values import Filters, Side, TapBody
from meshui.telemetry.fold import UNKNOWN
from proxies.wire import keys
from proxies.wire.taps import MAX_TAPS, TapOrder, encode_order

log = logging.getLogger(__name__)

RENEW_S = 5.0
HOLDS_S = 15.0
"""For how long proxies are ordered: two renewals may be lost."""


def tap_start(*, actor: Actor, wanted: TapBody, dry_run: bool = False) -> Tap:
    """Have requests copied, if somebody watches within seconds. Raises InvalidInput, PermissionDenied, Conflict."""
    side = _side(wanted)
    for field in ("source", "destination"):
        _known(actor, field, getattr(wanted, field))
    namespace = wanted.destination.partition("/")[0] if wanted.destination not in ("", UNKNOWN) else ""
    actor.require("traffic.write", namespace or None)
    now = timezone.now()
    row = Tap(
        namespace=namespace,
        source=wanted.source,
        destination=wanted.destination,
        side=side,
        filters=msgspec.to_builtins(wanted.filters),
        created_by=actor.name,
        created_at=now,
        reason=wanted.reason,
        until=now + timedelta(seconds=wanted.seconds),
        watched_at=now,
    )
    with commit(
        actor=actor,
        action="tap.start",
        obj=f"tap:{row}",
        namespace=namespace,
        reason=wanted.reason,
        dry_run=dry_run,
    ) as change:
        if active().count() >= MAX_TAPS:
            raise Conflict(f"{MAX_TAPS} taps are active; stop one of them", code="too_many_taps")
        row.save()
        change.summary = f"{row} for {wanted.seconds} s"
        change.after = msgspec.to_builtins(wanted)
    if not dry_run:
        _order_soon(row)
    return row


def tap_stop(*, actor: Actor, tap_id: int, reason: str = "", dry_run: bool = False) -> Tap:
    """End a tap at once; one that has ended stays as it is. Raises NotFound."""
    row = get_tap(actor, tap_id)
    with commit(
        actor=actor, action="tap.stop", obj=f"tap:{row}", namespace=row.namespace, reason=reason, dry_run=dry_run
    ) as change:
        if row.state != "active":
            change.unchanged()
            return row
        row.stopped_at, row.stopped_by = timezone.now(), actor.name
        row.save(update_fields=["stopped_at", "stopped_by"])
        change.summary = f"{row} stopped"
    if not dry_run:
        _order_soon(row)
    return row


def tap_watch(row: Tap) -> None:
    """Say that somebody watches now; call it about every second. Raises RedisError."""
    now = timezone.now()
    if row.state == "active" and now - row.watched_at >= timedelta(seconds=RENEW_S):
        row.watched_at = now
        Tap.objects.filter(pk=row.pk, watched_at__lt=now).update(watched_at=now)
        _order(row, now)


def forget_before(limit: datetime) -> int:
    """Delete taps that were over before."""
    return Tap.objects.filter(until__lt=limit).delete()[0]


def _side(wanted: TapBody) -> Side:
    if not (wanted.source or wanted.destination):
        raise InvalidInput.field("destination", "required", "name a source, a destination, or both")
    side: Side = wanted.side or ("source" if wanted.source not in ("", UNKNOWN) else "destination")
    if getattr(wanted, side) in ("", UNKNOWN):
        raise InvalidInput.field(side, "required", f"name the {side}: it is its proxies that copy")
    if wanted.value and not wanted.header:
        raise InvalidInput.field("header", "required", "name the header that has the value")
    return side


def _known(actor: Actor, field: str, service: str) -> None:
    if service in ("", UNKNOWN):
        return
    if not actor.may("view", service.partition("/")[0]) or find_workload(service) is None:
        raise InvalidInput.field(field, "unknown_service", f"no service {service}")


def _order_soon(row: Tap) -> None:
    """Watching repeats an order that is lost, and one to stop is only sooner than the end of the last."""
    try:
        _order(row, timezone.now())
    except RedisError as error:
        log.warning("tap %s: %s", row.pk, error)


def _order(row: Tap, now: datetime) -> None:
    """Tell the proxies; of a tap that is over, that it is."""
    filters = msgspec.convert(row.filters, Filters)
    until = min(row.until, now + timedelta(seconds=HOLDS_S)).timestamp() if row.state == "active" else 0.0
    order = TapOrder(
        id=str(row.pk),
        until=until,
        side="source" if row.side == "source" else "destination",
        source=row.source,
        destination=row.destination,
        share=filters.percent / 100,
        **{name: getattr(filters, name) for name in Filters.__struct_fields__ if name != "percent"},
    )
    client().publish(keys.tap(row.service), encode_order(order))
