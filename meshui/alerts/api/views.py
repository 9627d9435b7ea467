"""``alerts/``, ``alerts/silences/``, ``alerts/receivers/`` and ``alerts/notices/``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.alerts import services
from meshui.alerts.conditions import RuleName
from meshui.alerts.models import Alert, Notice, Receiver, Silence
from meshui.alerts.selectors import AlertView, State, alert_views, alerts, silences
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, View, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.telemetry.objectives.burn import Severity

Name = Annotated[str, Meta(max_length=127)]
Kind = Literal["webhook", "slack", "email"]
NOTICES: Mapping[str, Mapping[str, object]] = {
    "all": {},
    "sent": {"state": Notice.State.SENT},
    "failed": {"state": Notice.State.FAILED},
    "trying": {"state": Notice.State.PENDING, "tries__gt": 0},
}


class AlertQuery(ListQuery, frozen=True, kw_only=True):
    state: State = "firing"
    namespace: Name = ""
    service: Name = ""


class SilenceBody(Body, frozen=True, kw_only=True):
    """What matches all of these; an empty one matches everything."""

    rule: RuleName | Literal[""] = ""
    object: Annotated[str, Meta(max_length=300)] = ""
    namespace: Annotated[str, Meta(max_length=63)] = ""
    minutes: Annotated[int, Meta(ge=1, le=43_200)]
    reason: Reason = ""


class SilenceView(View, frozen=True, kw_only=True):
    id: str
    rule: str
    object: str
    namespace: str
    until: datetime
    reason: str
    created_by: str


class ReceiverBody(Body, frozen=True, kw_only=True):
    """``severity`` is the least that is told: ``ticket`` is everything."""

    kind: Kind
    target: Annotated[str, Meta(min_length=3, max_length=500)]
    severity: Severity


class ReceiverView(View, frozen=True, kw_only=True):
    """Of a URL ``target`` is the host alone: the rest is often a secret."""

    id: str
    kind: Kind
    target: str
    severity: Severity
    created_by: str


class TestView(View, frozen=True, kw_only=True):
    """``error`` is empty where the receiver took it."""

    error: str


class NoticeQuery(ListQuery, frozen=True, kw_only=True):
    """``failed`` was given up; ``trying`` failed at least once and is tried again."""

    state: Literal["failed", "trying", "sent", "all"] = "all"


class NoticeView(View, frozen=True, kw_only=True):
    """What one receiver is told of one group. ``state`` is ``pending`` until it is sent or given up (``failed``);
    ``error`` is of the last try; ``next_try_at`` is null where there is none."""

    id: str
    kind: Kind
    target: str
    group: str
    titles: list[str]
    state: Literal["pending", "sent", "failed"]
    tries: int
    error: str
    created_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None


class Alerts(Endpoint):
    writes = None

    @operation("alerts", query=AlertQuery, answer=Page[AlertView])
    def get(self, request: Request) -> Response:
        """What is wrong with the mesh, the newest first; or what was."""
        asked = query(request, AlertQuery)
        rows = alerts(actor_of(request), state=asked.state, namespace=asked.namespace, service=asked.service)
        shown = page(request, rows, asked, _same, descending=True)
        return Response(Page(next=shown.next, previous=shown.previous, results=alert_views(shown.results)))


class Silences(Endpoint):
    writes = "traffic.write"

    @operation("silences", query=ListQuery, answer=Page[SilenceView])
    def get(self, request: Request) -> Response:
        """Silences that last."""
        rows = silences(actor_of(request))
        return Response(page(request, rows, query(request, ListQuery), _silence, descending=True))

    @operation("silence_create", body=SilenceBody, answer=SilenceView, status=201)
    def post(self, request: Request) -> Response:
        """Tell nobody of the alerts that match, for a while; they are shown all the same."""
        sent = body(request, SilenceBody)
        row = services.silence_create(
            actor=actor_of(request),
            rule=sent.rule,
            obj=sent.object,
            namespace=sent.namespace,
            minutes=sent.minutes,
            reason=sent.reason,
        )
        return Response(_silence(row), status=201)


class OneSilence(Endpoint):
    writes = "traffic.write"

    @operation("silence_delete", status=204)
    def delete(self, request: Request, silence_id: int) -> Response:
        """End it now. What still fires is told then."""
        services.silence_delete(actor=actor_of(request), silence_id=silence_id)
        return Response(status=204)


class Receivers(Endpoint):
    reads = "users.write"
    writes = "users.write"

    @operation("receivers", query=ListQuery, answer=Page[ReceiverView])
    def get(self, request: Request) -> Response:
        """Who is told of alerts; for administrators of the mesh."""
        actor_of(request).require("users.write")
        return Response(page(request, Receiver.objects.all(), query(request, ListQuery), _receiver))

    @operation("receiver_create", body=ReceiverBody, answer=ReceiverView, status=201)
    def post(self, request: Request) -> Response:
        """Have somebody told, by webhook, Slack or what takes its messages, or e-mail."""
        sent = body(request, ReceiverBody)
        row = services.receiver_create(
            actor=actor_of(request), kind=sent.kind, target=sent.target, severity=sent.severity
        )
        return Response(_receiver(row), status=201)


class OneReceiver(Endpoint):
    writes = "users.write"

    @operation("receiver_delete", status=204)
    def delete(self, request: Request, receiver_id: int) -> Response:
        """Have them told no more."""
        services.receiver_delete(actor=actor_of(request), receiver_id=receiver_id)
        return Response(status=204)


class TestReceiver(Endpoint):
    writes = "users.write"

    @operation("receiver_test", answer=TestView)
    def post(self, request: Request, receiver_id: int) -> Response:
        """Send a receiver a test, once and now, and tell what came of it."""
        return Response(TestView(error=services.receiver_test(actor=actor_of(request), receiver_id=receiver_id)))


class Notices(Endpoint):
    reads = "users.write"
    writes = None

    @operation("notices", query=NoticeQuery, answer=Page[NoticeView])
    def get(self, request: Request) -> Response:
        """What receivers were told or could not be told, the newest first; for administrators of the mesh."""
        actor_of(request).require("users.write")
        asked = query(request, NoticeQuery)
        rows = Notice.objects.filter(**NOTICES[asked.state])
        return Response(page(request, rows, asked, _notice, descending=True))


def _same(row: Alert) -> Alert:
    return row


def _silence(row: Silence) -> SilenceView:
    return SilenceView(
        id=str(row.pk),
        rule=row.rule,
        object=row.object,
        namespace=row.namespace,
        until=row.until,
        reason=row.reason,
        created_by=row.created_by,
    )


def _receiver(row: Receiver) -> ReceiverView:
    return ReceiverView(
        id=str(row.pk),
        kind=row.kind,  # type: ignore[arg-type]
        target=services.shown_target(row.kind, row.target),
        severity=row.severity,  # type: ignore[arg-type]
        created_by=row.created_by,
    )


def _notice(row: Notice) -> NoticeView:
    pending = row.state == Notice.State.PENDING
    return NoticeView(
        id=str(row.pk),
        kind=row.kind,  # type: ignore[arg-type]
        target=services.shown_target(row.kind, row.target),
        group=row.group,
        titles=[line["title"] for line in row.alerts],
        state=row.state,  # type: ignore[arg-type]
        tries=row.tries,
        error=row.error,
        created_at=row.created_at,
        next_try_at=row.next_try_at if pending else None,
        sent_at=row.sent_at,
    )
