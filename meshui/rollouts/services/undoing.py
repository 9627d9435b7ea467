"""Undoing a rollout that has succeeded: a new one of a single step, back to the version before."""

from __future__ import annotations

import msgspec

from meshui.catalog.selectors import get_service
from meshui.core.actors import Actor
from meshui.core.errors import Conflict
from meshui.rollouts import ledger
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Analysis, Plan, SetWeight
from meshui.rollouts.selectors import active_rollout, healthy, last_finished, plan_of, undo_until
from meshui.rollouts.services import keys
from meshui.rollouts.services.preflight import refuse_second
from meshui.rollouts.services.starting import rollout_create


def undo(*, actor: Actor, service: str, reason: str = "", idempotency_key: str = "") -> Rollout:
    """Start a rollout from the new version back to the old one, all at once.

    Raises NotFound, PermissionDenied, Conflict: ``active_rollout``, ``undo_expired`` (over 30 minutes ago, or the last
    one did not succeed), ``undo_unhealthy`` (no instance of the old version could take traffic).
    """
    actor.require_visible(service.partition("/")[0])
    actor.require("traffic.write", service.partition("/")[0])
    row = get_service(service)
    with ledger.writing():
        if known := keys.used(actor, idempotency_key, {"undo": service}):
            return known
    refuse_second(active_rollout(row))
    last = last_finished(row)
    if last is None or undo_until(last) is None:
        raise Conflict("there is no rollout that succeeded within the last 30 minutes", code="undo_expired")
    if not healthy(row).get(last.stable):
        raise Conflict(f"no instance of {last.stable} is healthy", code="undo_unhealthy")
    plan = _back(plan_of(last))
    return rollout_create(
        actor=actor, plan=plan, start=True, reason=reason, idempotency_key=idempotency_key, undo_of=last
    )


def _back(plan: Plan) -> Plan:
    """Nothing is analysed: whoever undoes has seen enough."""
    return msgspec.structs.replace(
        plan,
        stable=plan.canary,
        canary=plan.stable,
        strategy="manual",
        steps=(SetWeight(weight=100),),
        analysis=Analysis(metrics=()),
        approvers=(),
    )
