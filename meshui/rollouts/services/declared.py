"""Rollouts that a repository declares: saying the same again changes nothing, whatever became of it."""

from __future__ import annotations

import msgspec

from meshui.core.actors import Actor
from meshui.core.errors import Conflict, NotFound
from meshui.core.versions import etag
from meshui.rollouts import selectors
from meshui.rollouts.bodies import DeclaredBody
from meshui.rollouts.models import Rollout
from meshui.rollouts.planning import plan_of
from meshui.rollouts.services.plans import planned
from meshui.rollouts.services.starting import rollout_create


def latest(actor: Actor, service: str) -> Rollout:
    """The service's newest rollout that is no draft. Raises NotFound."""
    row = selectors.rollouts(actor, service=service).exclude(state=Rollout.State.DRAFT).order_by("-pk").first()
    if row is None:
        raise NotFound(f"{service} has had no rollout")
    return row


def rollout_declare(*, actor: Actor, service: str, body: DeclaredBody, dry_run: bool = False) -> tuple[Rollout, bool]:
    """The rollout of this declaration, and whether it is a new one.

    The service's newest declared rollout stands as long as it was declared by an equal body, its reason apart; so a
    repository that is applied again and again does not start again what was rolled back or undone. Raises
    PermissionDenied, InvalidInput, Conflict ``active_rollout`` while another one is under way.
    """
    actor.require("traffic.write", service.partition("/")[0])
    digest = etag((body.trigger, plan_of(service, body)))
    found = _declared(actor, service, digest)
    if found is not None:
        return found, False
    plan = msgspec.structs.replace(planned(service, body, author=actor.name), declared=digest)
    try:
        row = rollout_create(actor=actor, plan=plan, start=True, reason=body.reason, dry_run=dry_run)
    except Conflict:
        found = _declared(actor, service, digest)  # the same one, a moment earlier
        if found is None:
            raise
        return found, False
    return row, True


def _declared(actor: Actor, service: str, digest: str) -> Rollout | None:
    rows = selectors.rollouts(actor, service=service).exclude(plan__declared="")
    newest = rows.filter(plan__has_key="declared").order_by("-pk").first()
    return newest if newest is not None and selectors.plan_of(newest).declared == digest else None
