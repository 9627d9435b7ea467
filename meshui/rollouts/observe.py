"""What a decision looks at, read from the database: acknowledgements, health, and traffic as it is."""

from __future__ import annotations

from django.db.models import QuerySet

from meshui.catalog.models import Service
from meshui.core.models import Revision
from meshui.delivery.settle import answers, progress
from meshui.rollouts import ledger
from meshui.rollouts.models import Rollout
from meshui.rollouts.selectors import healthy
from meshui.rollouts.snapshot import Acks, Judged, Seen, WebhookAnswer
from meshui.rollouts.traffic import traffic
from meshui.traffic.selectors import overlay_of, owner_of, split_of


def observe(row: Rollout, webhook: WebhookAnswer | None = None) -> Seen:
    """The world as it is for this rollout now."""
    service = _service(row)
    ready = healthy(service)
    return Seen(
        now=ledger.now(),
        actual=traffic(split_of(service), overlay_of(service)),
        acks=acknowledgements(row.revision),
        owned=owner_of(service) == row.owner,
        stable_healthy=ready.get(row.stable, 0),
        canary_healthy=ready.get(row.canary, 0),
        verdict=_judged(row),
        webhook=webhook,
    )


def acknowledgements(revision: int | None) -> Acks:
    """What proxies made of a revision; none is settled at once."""
    if revision is None:
        return Acks()
    row = Revision.objects.get(pk=revision)
    if row.published_at is None:
        return Acks(published=False)
    counts = progress([revision])[revision]
    if not counts.waiting and not counts.nacked:
        return Acks(acked=counts.acked, offline=counts.offline)
    found = answers(revision)
    return Acks(
        waiting=tuple(answer.proxy for answer in found if answer.status == "waiting"),
        refused=tuple((answer.proxy, answer.error) for answer in found if answer.status == "nacked"),
        acked=counts.acked,
        offline=counts.offline,
    )


def last_told(row: Rollout) -> str:
    """Of whom it last said that it waits for them, since its last commit."""
    newest = row.events.filter(kind__in=("applied", "laggards")).order_by("-seq").first()
    return newest.detail if newest and newest.kind == "laggards" else ""


def _service(row: Rollout) -> Service:
    rows: QuerySet[Service] = Service.objects.select_related("namespace", "rules").prefetch_related("versions")
    return rows.get(pk=row.service_id)


def _judged(row: Rollout) -> Judged | None:
    if row.verdict is None or row.analysed_until is None:
        return None
    return Judged(row.verdict["kind"], row.analysed_until, row.verdict["pause"], row.verdict["reason"])
