"""Alerts as they are shown: of the namespaces that one may view, with the silence over each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from django.db.models import Q, QuerySet
from django.utils import timezone

from meshui.alerts.evaluate import group_of, silence_of
from meshui.alerts.models import Alert, Silence
from meshui.core.actors import Actor
from meshui.core.api.bodies import View
from meshui.telemetry.objectives.burn import Severity

State = Literal["firing", "pending", "resolved", "all"]


class AlertView(View, frozen=True, kw_only=True):
    """``object`` is ``kind:name``; ``path`` is where the dashboard shows it; ``group`` is what it is told together
    with. It fires once it has lasted until ``fires_at``; ``resolved_at`` is null until it is over."""

    id: str
    rule: str
    severity: Severity
    group: str
    object: str
    service: str
    namespace: str
    title: str
    detail: str
    path: str
    since: datetime
    fires_at: datetime
    resolved_at: datetime | None
    silenced_until: datetime | None


def alerts(actor: Actor, *, state: State = "firing", namespace: str = "", service: str = "") -> QuerySet[Alert]:
    """Alerts that fire, that do not last long enough yet, or that did fire; ``all`` is the first and the last."""
    pending = Q(fires_at__gt=timezone.now(), resolved_at=None)
    rows = Alert.objects.filter(pending) if state == "pending" else Alert.objects.exclude(pending)
    visible = actor.visible_namespaces()
    if visible is not None:
        rows = rows.filter(namespace__in=visible)
    if state in ("firing", "resolved"):
        rows = rows.filter(resolved_at__isnull=state == "firing")
    if namespace:
        rows = rows.filter(namespace=namespace)
    return rows.filter(service=service) if service else rows


def alert_views(rows: Iterable[Alert]) -> list[AlertView]:
    """Two queries, whatever their number."""
    silences = list(Silence.objects.filter(until__gt=timezone.now()))
    return [_view(row, silence_of(row, silences)) for row in rows]


def _view(row: Alert, silence: Silence | None) -> AlertView:
    return AlertView(
        id=str(row.pk),
        rule=row.rule,
        severity=row.severity,  # type: ignore[arg-type]
        group=group_of(row),
        object=row.object,
        service=row.service,
        namespace=row.namespace,
        title=row.title,
        detail=row.detail,
        path=row.path,
        since=row.since,
        fires_at=row.fires_at,
        resolved_at=row.resolved_at,
        silenced_until=silence.until if silence and row.resolved_at is None else None,
    )


def silences(actor: Actor) -> QuerySet[Silence]:
    """Those that last, of the mesh and of the namespaces that one may view."""
    rows = Silence.objects.filter(until__gt=timezone.now())
    visible = actor.visible_namespaces()
    return rows if visible is None else rows.filter(namespace__in=[*visible, ""])
