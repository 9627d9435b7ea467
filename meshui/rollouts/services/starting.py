"""Making a rollout, and changing one that has not started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import IntegrityError, transaction

from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service
from meshui.core.actors import Actor
from meshui.core.commits import send_soon
from meshui.core.errors import Conflict
from meshui.core.versions import expect
from meshui.rollouts import ledger
from meshui.rollouts.decide import start as begin
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Plan
from meshui.rollouts.selectors import active_rollout, get_rollout, rollout_version
from meshui.rollouts.services import keys
from meshui.rollouts.services.preflight import refuse_second, require, resolve_stable
from meshui.rollouts.tasks import TICK
from meshui.rollouts.writer import Writer, snapshot


def rollout_create(
    *,
    actor: Actor,
    plan: Plan,
    start: bool,
    reason: str = "",
    idempotency_key: str = "",
    dry_run: bool = False,
    undo_of: Rollout | None = None,
) -> Rollout:
    """A new rollout, started unless it is to stay a draft. The plan's stable version is settled here.

    Of a dry run the row has no ``pk``, and nothing is kept. Raises PermissionDenied, NotFound, InvalidInput (a
    version), Conflict: ``active_rollout`` names the first, ``preflight_failed`` the checks, ``idempotency_mismatch``.
    """
    actor.require("traffic.write", plan.service.partition("/")[0])
    request: Any = {"undo": plan.service} if undo_of else {"plan": plan, "start": start}
    try:
        with ledger.writing():
            if known := keys.used(actor, idempotency_key, request):
                return known
            row = _insert(actor, plan, get_service(plan.service), start=start, reason=reason, undo_of=undo_of)
            keys.remember(actor, idempotency_key, request, row)
            if dry_run:
                transaction.set_rollback(True)
    except IntegrityError as error:  # the index that allows one active rollout for a service
        refuse_second(active_rollout(get_service(plan.service)))
        raise Conflict("another rollout is active", code="active_rollout") from error
    if dry_run:
        row.pk = None
    else:
        send_soon(TICK, row.pk)
    return row


def rollout_edit(
    *,
    actor: Actor,
    rollout_id: int,
    plan: Plan,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Rollout:
    """Give a draft another plan, of the same service. Raises NotFound, PermissionDenied, Stale, InvalidInput, Conflict
    ``not_a_draft``."""
    row = get_rollout(actor, rollout_id)
    actor.require("traffic.write", row.service.namespace.name)
    with ledger.writing():
        row = ledger.take_over(rollout_id)
        expect(expected_version, rollout_version(row))
        if row.state != Rollout.State.DRAFT:
            raise Conflict("the plan of a rollout is fixed when it starts", code="not_a_draft")
        if plan.service != str(row.service):
            raise Conflict(f"the draft is of {row.service}", code="other_service")
        for name, value in _planned(row.service, plan).items():
            setattr(row, name, value)
        row.version += 1
        ledger.record(row, "edited", reason, actor=actor.name, at=ledger.now())
        ledger.save(row)
        if dry_run:
            transaction.set_rollback(True)
    return row


def start_now(row: Rollout, actor: Actor, reason: str = "") -> None:
    """Start a draft within ``ledger.writing``; the row is to be saved. Raises Conflict."""
    require(row.service, stable=row.stable, canary=row.canary)
    why = f"{actor.name} started it" + (f": {reason}" if reason else "")
    Writer(row, actor, ledger.now(), reason).carry_out(begin(snapshot(row), why))


def _insert(
    actor: Actor, plan: Plan, service: Service, *, start: bool, reason: str, undo_of: Rollout | None
) -> Rollout:
    if start:
        refuse_second(active_rollout(service))  # before its traffic makes it unclear which version is stable
    row = Rollout.objects.create(
        service=service, created_by=actor.name, reason=reason, undo_of=undo_of, **_planned(service, plan)
    )
    ledger.record(row, "created", reason, actor=actor.name, at=ledger.now())
    if start:
        start_now(row, actor, reason)
    ledger.save(row)
    return row


def _planned(service: Service, plan: Plan) -> Mapping[str, Any]:
    stable = resolve_stable(service, plan.stable, plan.canary)
    frozen = msgspec.structs.replace(plan, stable=stable)
    return {
        "stable": stable,
        "canary": plan.canary,
        "strategy": plan.strategy,
        "plan": msgspec.to_builtins(frozen),
    }
