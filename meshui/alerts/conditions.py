"""What is wrong right now, by rule. Reads; decides nothing about whom to tell.

Every rule is a function of its own, so that one that cannot look leaves the others alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from meshui.catalog.models import Proxy
from meshui.delivery.sync import sync_of
from meshui.rollouts.models import Rollout
from meshui.rotation.decide import missing
from meshui.rotation.observe import observe
from meshui.rotation.services import current
from meshui.security.models import Authority, IssuedCertificate, JwtProvider
from meshui.security.selectors import in_state
from meshui.security.services.authority import renewal_due
from meshui.telemetry import registry, rollups
from meshui.telemetry.frames import SPAN_S
from meshui.telemetry.graph import build
from meshui.telemetry.objectives.burn import Burn, Severity
from meshui.telemetry.objectives.selectors import objective_views, objectives
from meshui.telemetry.past import view_of

RuleName = Literal[
    "objective_burn",
    "edge_failing",
    "certificate_late",
    "certificate_ending",
    "authority_ending",
    "rotation_waiting",
    "keys_unfetched",
    "proxy_out_of_sync",
    "rollout_paused",
]

WINDOW_S = 60
"""Over which an edge is judged."""
LATE_S = 20
"""How much later than a second its rollup may be there."""
LEFT = 0.1
"""The part of its lifetime under which a certificate should have been renewed or replaced long ago."""
URGENT = 0.02
"""The part of the authority's lifetime under which it is urgent."""
WAITING = timedelta(minutes=5)
"""How long a rotation may wait for proxies in a state."""
UNFETCHED = timedelta(minutes=15)
"""How long the keys of a token provider may not be had: those that it had stay in force meanwhile."""
SYNC_S = 60.0
"""How long a proxy may take to be in sync."""


class Condition(NamedTuple):
    """``holds_s`` is how long it must last before it is an alert, ``within`` the namespace of what is no one service's;
    the other fields are those of ``models.Alert``."""

    object: str
    severity: Severity
    service: str
    title: str
    detail: str
    path: str
    holds_s: float = 0.0
    within: str = ""

    @property
    def namespace(self) -> str:
        return self.within or self.service.partition("/")[0]


def objective_burn() -> Iterator[Condition]:
    """Error budgets that burn too fast, each by its most urgent rule."""
    for view in objective_views(objectives(None)):
        for name, budget in view.budgets:
            firing = [burn for burn in budget.burn if burn.firing]
            if firing:
                worst = firing[0]
                yield Condition(
                    object=f"objective:{view.service}:{name}",
                    severity=worst.severity,
                    service=view.service,
                    title=f"{view.service} burns its {name} budget {worst.long:g} times too fast",
                    detail=_burn_detail(worst, budget.objective, budget.budget_left),
                    path=f"/services/{view.service}?tab=objectives",
                )


def _burn_detail(burn: Burn, objective: float, left: float | None) -> str:
    spans = f"{burn.long:g}x over {_span(burn.long_s)}, {burn.short:g}x over {_span(burn.short_s)}"
    rest = "" if left is None else f"; {max(0.0, left):.0%} of the budget is left"
    return f"Objective {objective:g} %: {spans}{rest}"


def _span(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3600)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds // 60} min"


def edge_failing() -> Iterator[Condition]:
    """Edges that the graph shows as failing."""
    now = time.time()
    frames = rollups.read(now - WINDOW_S - LATE_S, now, Q())
    view = view_of(((frame, SPAN_S) for frame in frames), WINDOW_S)
    for edge in build(view, WINDOW_S, "service", registry.services.get()).edges if view else ():
        if edge.health == "failing":
            yield Condition(
                object=f"edge:{edge.id}",
                severity="page",
                service=edge.target if "/" in edge.target else edge.source,
                title=f"{edge.source} → {edge.target} is failing",
                detail=edge.reason,
                path=f"/topology?{urlencode({'sel': edge.id, 'focus': edge.target, 'hops': 1})}",
                holds_s=15.0,
            )


def certificate_late() -> Iterator[Condition]:
    """Certificates of proxies that are there, which by now should have been renewed."""
    late = dict(in_state(IssuedCertificate.objects.all(), "late").values_list("proxy_id", "not_after"))
    rows = Proxy.objects.filter(pk__in=late, last_seen_at__gt=timezone.now() - timedelta(minutes=5))
    for row in rows.select_related("service__namespace").order_by("pk"):
        yield Condition(
            object=f"proxy:{row.pk}",
            severity="ticket",
            service=str(row.service),
            title=f"The certificate of {row.service} {row.name} is late to be renewed",
            detail=f"It ends at {late[row.pk]:%H:%M} UTC; see the proxy's log.",
            path=f"/proxies/{row.pk}",
        )


def certificate_ending() -> Iterator[Condition]:
    """Certificates of proxies that are there and did not renew."""
    now = timezone.now()
    soon = now + timedelta(seconds=settings.MESHUI.leaf_ttl_s * LEFT)
    there = now - timedelta(minutes=5)
    rows = Proxy.objects.filter(certificate_not_after__lt=soon, last_seen_at__gt=there)
    for row in rows.select_related("service__namespace").order_by("pk"):
        assert row.certificate_not_after is not None
        word = "ended" if row.certificate_not_after <= now else "ends"
        yield Condition(
            object=f"proxy:{row.pk}",
            severity="page",
            service=str(row.service),
            title=f"The certificate of {row.service} {row.name} {word} {row.certificate_not_after:%H:%M} UTC",
            detail="The proxy should have renewed it; see its log.",
            path=f"/proxies/{row.pk}",
        )


def authority_ending() -> Iterator[Condition]:
    """Certificates that proxies' ones are signed with: what comes after them takes people and time."""
    now = timezone.now()
    rows = Authority.objects.filter(state=Authority.State.ACTIVE).select_related("root")
    for row in rows.order_by("pk"):
        left, lifetime = row.not_after - now, row.not_after - row.not_before
        by_people = row.root is not None and row.root.key == Authority.Key.ELSEWHERE and now >= renewal_due(row)
        if left > lifetime * LEFT and not by_people:
            continue
        word = "ended" if row.not_after <= now else "ends"
        yield Condition(
            object=f"authority:{row.kind}",
            severity="page" if left <= lifetime * URGENT else "ticket",
            service="",
            title=f"The {row.kind} certificate of the authority {word} {row.not_after:%Y-%m-%d %H:%M} UTC",
            detail="Have a request signed by its root, whose key is elsewhere."
            if by_people
            else "Rotate it: no proxy's certificate outlives it.",
            path="/security?tab=authority",
        )


def rotation_waiting() -> Iterator[Condition]:
    """A rotation of the root that waits for proxies, perhaps for ever."""
    rotation = current()
    if rotation is None or rotation.paused or rotation.step.gate is None:
        return
    absent = missing(rotation.step.gate, observe(rotation), rotation.passed)
    if absent and timezone.now() - rotation.state_since > WAITING:
        yield Condition(
            object=f"rotation:{rotation.pk}",
            severity="ticket",
            service="",
            title=f"The rotation of the root waits for {len(absent)} proxies",
            detail=f"{rotation.state}: {', '.join(proxy.id for proxy in absent[:5])}. Pass over those that are gone.",
            path="/security?tab=authority",
        )


def keys_unfetched() -> Iterator[Condition]:
    """Token providers whose keys cannot be fetched: with new keys of theirs, tokens will be refused."""
    rows = JwtProvider.objects.filter(failing_since__lt=timezone.now() - UNFETCHED)
    for row in rows.order_by("name"):
        yield Condition(
            object=f"provider:{row.name}",
            # Without any keys at all, nobody with a token of it is let in.
            severity="ticket" if row.keys else "page",
            service="",
            within=row.namespace,
            title=f"The keys of token provider {row.name} cannot be fetched",
            detail=f"Since {row.failing_since:%Y-%m-%d %H:%M} UTC: {row.fetch_error}",
            path="/security?tab=tokens",
        )


def proxy_out_of_sync() -> Iterator[Condition]:
    """Proxies that refused their configuration, or have waited too long for it."""
    rows = {row.pk: row for row in Proxy.objects.select_related("service__namespace")}
    for proxy_id, sync in sync_of(rows.keys()).items():
        if sync.state not in ("refused", "syncing"):
            continue
        row = rows[proxy_id]
        refused = sync.state == "refused"
        yield Condition(
            object=f"proxy:{proxy_id}",
            severity="ticket",
            service=str(row.service),
            title=f"{row.service} {row.name} {'refused its configuration' if refused else 'is out of sync'}",
            detail=f"{sync.refused[0].resource}: {sync.refused[0].error}"
            if refused
            else f"applied {sync.applied_revision} of {sync.desired_revision}",
            path=f"/proxies/{proxy_id}",
            holds_s=0.0 if refused else SYNC_S,
        )


def rollout_paused() -> Iterator[Condition]:
    """Rollouts that wait for somebody."""
    rows = Rollout.objects.filter(state=Rollout.State.PAUSED).select_related("service__namespace")
    for row in rows.order_by("pk"):
        yield Condition(
            object=f"rollout:{row.pk}",
            severity="ticket",
            service=str(row.service),
            title=f"The rollout of {row.service} to {row.canary} is paused",
            detail=row.pause_reason,
            path=f"/rollouts/{row.pk}",
        )


RULES: Mapping[RuleName, Callable[[], Iterator[Condition]]] = {
    "objective_burn": objective_burn,
    "edge_failing": edge_failing,
    "certificate_late": certificate_late,
    "certificate_ending": certificate_ending,
    "authority_ending": authority_ending,
    "rotation_waiting": rotation_waiting,
    "keys_unfetched": keys_unfetched,
    "proxy_out_of_sync": proxy_out_of_sync,
    "rollout_paused": rollout_paused,
}
