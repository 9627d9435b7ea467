"""Reads of rollouts."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from django.db.models import Q, QuerySet
from django.utils import timezone

from meshui.catalog.models import Instance, Service
from meshui.core.actors import Actor
from meshui.core.errors import NotFound
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Approve, Plan
from meshui.rollouts.states import ACTIONS, BARRED, TERMINAL, after

UNDO_WINDOW = timedelta(minutes=30)


def rollouts(
    actor: Actor,
    *,
    namespace: str = "",
    service: str = "",
    state: str = "",
    active: bool | None = None,
    search: str = "",
) -> QuerySet[Rollout]:
    """The rollouts of the namespaces that the actor may view, newest first. ``service`` is ``namespace/name``."""
    visible = actor.visible_namespaces()
    rows = Rollout.objects.select_related("service__namespace")
    if visible is not None:
        rows = rows.filter(service__namespace__name__in=visible)
    if namespace:
        rows = rows.filter(service__namespace__name=namespace)
    if service:
        rows = rows.filter(_named(service))
    if state:
        rows = rows.filter(state=state)
    if active is not None:
        rows = rows.filter(state__in=Rollout.ACTIVE) if active else rows.exclude(state__in=Rollout.ACTIVE)
    if search:
        in_name = Q(service__name__icontains=search) | Q(service__namespace__name__icontains=search)
        rows = rows.filter(in_name | Q(canary__icontains=search) | Q(created_by__icontains=search))
    return rows


def get_rollout(actor: Actor, rollout_id: int) -> Rollout:
    """Raises NotFound, also where the actor may not view it."""
    row = rollouts(actor).filter(pk=rollout_id).first()
    if row is None:
        raise NotFound(f"no rollout {rollout_id}")
    return row


def active_rollout(service: Service) -> Rollout | None:
    return Rollout.objects.filter(service=service, state__in=Rollout.ACTIVE).first()


def plan_of(row: Rollout) -> Plan:
    return msgspec.convert(row.plan, Plan)


def rollout_version(row: Rollout) -> str:
    """What an ETag shows and If-Match compares: another one with each change of plan, state, step or attempt."""
    return str(row.version)


def allowed_actions(row: Rollout, actor: Actor) -> list[str]:
    """What the actor may do to it now; ``promote`` and ``skip-step`` count as approving where an approval is ahead."""
    if not actor.may("traffic.write", row.service.namespace.name):
        return []
    barred = BARRED.get(row.pause_reason, frozenset()) if row.state == Rollout.State.PAUSED else frozenset()
    return [
        action
        for action, event in ACTIONS.items()
        if after(row.state, event)  # type: ignore[arg-type]
        and action not in barred
        and (not approves(row, action) or may_approve(row, actor))
        and (event not in ("approve", "reject") or row.pause_reason == "approval")
    ]


def approves(row: Rollout, action: str) -> bool:
    """Whether the action lets a rollout past an approval."""
    if action in ("approve", "reject"):
        return True
    if action not in ("promote", "skip-step"):
        return False
    ahead = plan_of(row).steps[row.step_index :]
    return any(isinstance(step, Approve) for step in (ahead if action == "promote" else ahead[:1]))


def may_approve(row: Rollout, actor: Actor) -> bool:
    """The author never; of others those that the plan names, or all who may write there where it names none."""
    approvers = plan_of(row).approvers
    return actor.name != row.created_by and (not approvers or actor.name in approvers)


def undo_until(row: Rollout) -> datetime | None:
    """Until when it can be undone; None where it cannot, whatever the health of the old version."""
    if row.state != Rollout.State.SUCCEEDED or row.finished_at is None:
        return None
    until = row.finished_at + UNDO_WINDOW
    newer = Rollout.objects.filter(service_id=row.service_id, pk__gt=row.pk).exclude(state=Rollout.State.DRAFT)
    return until if until > timezone.now() and not newer.exists() else None


def last_finished(service: Service) -> Rollout | None:
    return Rollout.objects.filter(service=service, state__in=TERMINAL).order_by("-finished_at").first()


def healthy(service: Service) -> dict[str, int]:
    """How many instances of each version could take a request now."""
    rows = Instance.objects.filter(service=service, status=Instance.Status.PASSING, draining=False)
    counts: dict[str, int] = {}
    for version in rows.values_list("version__name", flat=True):
        counts[version] = counts.get(version, 0) + 1
    return counts


def _named(service: str) -> Q:
    namespace, _, name = service.partition("/")
    return Q(service__namespace__name=namespace, service__name=name)
