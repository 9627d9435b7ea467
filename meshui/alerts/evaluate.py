"""From what is wrong now to alerts that begin, last and end, and to notices of what is new. One at a time.

Who is told of what is decided in the transaction that opens or resolves an alert, so a notice is written once however
often this runs. A rule that cannot look changes none of its alerts.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils import timezone
from redis.exceptions import RedisError

from meshui.alerts import conditions
from meshui.alerts.conditions import Condition
from meshui.alerts.messages import Line, letter
from meshui.alerts.models import Alert, Notice, Receiver, Silence
from meshui.core.errors import MeshError
from meshui.core.sending import Letter, Outbox

log = logging.getLogger(__name__)

LOCK = 0x6D657368_616C6572
"""Of evaluations, across processes."""
GONE = timedelta(seconds=90)
"""How long nothing of it is seen before an alert is resolved: what flickers is one alert."""


def evaluate() -> int:
    """Look once; how many alerts are open. Answers -1 where another process looks."""
    found = {rule: _look(rule) for rule in conditions.RULES}
    now = timezone.now()
    with transaction.atomic():
        if not _locked():
            return -1
        for rule, seen in found.items():
            if seen is not None:
                _note(rule, seen, now)
        _resolve([rule for rule, seen in found.items() if seen is not None], now)
        _tell(now)
        return Alert.objects.filter(resolved_at=None).count()


def _look(rule: conditions.RuleName) -> list[Condition] | None:
    try:
        return list(conditions.RULES[rule]())
    except (DatabaseError, RedisError, MeshError) as error:
        log.warning("alerts of rule %s wait: %s", rule, error)
        return None


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _note(rule: str, seen: Iterable[Condition], now: datetime) -> None:
    """Open what is new, and keep what is open as it is now."""
    known = {row.object: row for row in Alert.objects.filter(rule=rule, resolved_at=None)}
    for condition in seen:
        row = known.get(condition.object) or Alert(
            rule=rule, object=condition.object, since=now, fires_at=now + timedelta(seconds=condition.holds_s)
        )
        row.severity, row.namespace, row.service = condition.severity, condition.namespace, condition.service
        row.title, row.detail, row.path = condition.title[:300], condition.detail[:500], condition.path
        row.seen_at = now
        row.save()


def _resolve(rules: Collection[str], now: datetime) -> None:
    """End what was not seen for a while. What never fired is forgotten."""
    unseen = Alert.objects.filter(rule__in=rules, resolved_at=None, seen_at__lt=now)
    unseen.filter(fires_at__gt=now).delete()
    unseen.filter(seen_at__lt=now - GONE).update(resolved_at=now)


def _tell(now: datetime) -> None:
    """Write notices of what fires and was not told yet, and of what was told and is over, by group."""
    silences = list(Silence.objects.filter(until__gt=now))
    news = list(Alert.objects.filter(resolved_at=None, told_at=None, fires_at__lte=now).order_by("pk"))
    news = [row for row in news if silence_of(row, silences) is None]
    over = list(Alert.objects.filter(resolved_at=now).exclude(told_at=None).order_by("pk"))
    Alert.objects.filter(pk__in=[row.pk for row in news]).update(told_at=now)
    groups: dict[str, list[Alert]] = {}
    for row in [*news, *over]:
        groups.setdefault(group_of(row), []).append(row)
    Notice.objects.bulk_create(
        Notice(kind=receiver.kind, target=receiver.target, group=group, alerts=lines)
        for receiver in Receiver.objects.order_by("pk")
        for group, rows in groups.items()
        if (lines := [_line(row) for row in rows if receiver.severity in ("ticket", row.severity)])
    )


def silence_of(alert: Alert, silences: Iterable[Silence]) -> Silence | None:
    """The silence that lasts longest of those that match."""
    matching = [
        each
        for each in silences
        if each.rule in ("", alert.rule)
        and each.object in ("", alert.object)
        and each.namespace in ("", alert.namespace)
    ]
    return max(matching, key=lambda each: each.until, default=None)


def group_of(alert: Alert) -> str:
    """What is told together: everything about a service."""
    return alert.service or alert.rule


def _line(row: Alert) -> dict[str, object]:
    line = Line(
        id=row.pk,
        rule=row.rule,
        severity=row.severity,
        object=row.object,
        service=row.service,
        title=row.title,
        detail=row.detail,
        path=row.path,
        since=row.since.isoformat(timespec="seconds"),
        resolved_at=row.resolved_at.isoformat(timespec="seconds") if row.resolved_at else "",
    )
    told: dict[str, object] = msgspec.to_builtins(line)
    return told


def _letter(row: Notice) -> Letter:
    lines = msgspec.convert(row.alerts, list[Line])
    mesh = settings.MESHUI
    return letter(f"alerts-{row.pk}", row.kind, row.target, row.group, lines, mesh.mode, mesh.public_url)


outbox = Outbox(Notice, _letter)


def drop_old() -> int:
    """Forget what was resolved, sent or silenced longer ago than ``MESHUI_ALERT_RETENTION`` days."""
    limit = timezone.now() - timedelta(days=settings.MESHUI.alert_days)
    dropped = Alert.objects.filter(resolved_at__lt=limit).delete()[0]
    dropped += Notice.objects.filter(created_at__lt=limit).exclude(state=Notice.State.PENDING).delete()[0]
    return dropped + Silence.objects.filter(until__lt=limit).delete()[0]
