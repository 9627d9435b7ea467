"""Proposing a write, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone
from rest_framework.response import Response

from meshui.accounts.actors import actor_of
from meshui.accounts.models import User
from meshui.core.actors import Actor
from meshui.core.commits import Outcome, commit, trials
from meshui.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from meshui.proposals import replay
from meshui.proposals.models import Proposal, ReviewRule
from meshui.proposals.review import require_second

PERMISSION: Literal["security.write"] = "security.write"


@dataclass(frozen=True, slots=True)
class Write:
    """A write of the REST API. ``path`` is below ``/api/v1/``; ``body`` of None: it has none."""

    method: str
    path: str
    body: dict[str, Any] | None
    if_match: str


class Refused(Exception):
    """The write is refused by the endpoint that it is for: ``answer`` says how."""

    def __init__(self, answer: Response) -> None:
        super().__init__(str(answer.status_code))
        self.answer = answer


def propose(*, actor: Actor, user: User, write: Write, reason: str) -> Proposal:
    """Keep a write for somebody else to approve, after it was tried. Raises InvalidInput (nothing that is proposed, or
    it would change whatever is there), Conflict ``unchanged``, Refused."""
    replay.check(write.method, write.path)
    if write.if_match.strip() == "*":
        raise InvalidInput.field(
            "if_match", "invalid", "name the version that was read: it may change until somebody approves"
        )
    with trials() as tried:
        answer = _perform(write, user, actor, reason, dry_run=True)
    if answer.status_code >= 400:
        raise Refused(answer)
    if not tried:
        raise Conflict("it already is as proposed", code="unchanged")
    trial = tried[-1]
    return Proposal.objects.create(
        author=actor.name,
        reason=reason,
        method=write.method,
        path=write.path,
        body=write.body,
        if_match=write.if_match,
        action=trial.action,
        object=trial.object,
        namespace=trial.namespace,
        summary=trial.change.summary[:400],
        before=trial.change.before,
        after=trial.change.after,
    )


def approve(*, actor: Actor, user: User, proposal_id: int, reason: str) -> Proposal:
    """Make the write that was proposed. Raises NotFound, PermissionDenied, Conflict (it is one's own, it is decided,
    its author may not do it any more), Refused: then it stays open."""
    with transaction.atomic():
        row = _open(actor, proposal_id)
        actor.require(PERMISSION, row.namespace or None)
        if row.author == actor.name:
            raise Conflict("somebody else than its author approves", code="own_proposal")
        author = User.objects.filter(username=row.author, is_active=True).first()
        if author is None or not actor_of(author).may(PERMISSION, row.namespace or None):
            raise Conflict(f"{row.author} may not do this any more", code="author_lost_permission")
        write = Write(row.method, row.path, row.body, row.if_match)
        why = f"proposed by {row.author}: {row.reason}" if row.reason else f"proposed by {row.author}"
        answer = _perform(write, user, replace(actor, approves=row.author), _joined(why, reason))
        if answer.status_code >= 400:
            raise Refused(answer)
        data = answer.data
        row.revision = getattr(data, "revision", None)
        return _decide(row, Proposal.State.APPLIED, actor, reason)


def reject(*, actor: Actor, proposal_id: int, reason: str) -> Proposal:
    """Turn it down. Raises NotFound, PermissionDenied, Conflict (it is decided)."""
    with transaction.atomic():
        row = _open(actor, proposal_id)
        actor.require(PERMISSION, row.namespace or None)
        return _decide(row, Proposal.State.REJECTED, actor, reason)


def withdraw(*, actor: Actor, proposal_id: int, reason: str) -> Proposal:
    """Take one's own back. Raises NotFound, PermissionDenied (it is somebody else's), Conflict (it is decided)."""
    with transaction.atomic():
        row = _open(actor, proposal_id)
        if row.author != actor.name:
            raise PermissionDenied("only its author withdraws a proposal")
        return _decide(row, Proposal.State.WITHDRAWN, actor, reason)


def rule_set(
    *, actor: Actor, namespace: str | None, required: bool, reason: str = "", dry_run: bool = False
) -> Outcome[bool]:
    """Say whether changes of security in a namespace (None: everywhere) take two people. Ending that takes two people
    too. Raises PermissionDenied, Conflict."""
    actor.require(PERMISSION, namespace)
    where = namespace or ""
    with commit(
        actor=actor,
        action="review.set",
        obj=f"review:{where or '*'}",
        namespace=where,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        before = ReviewRule.objects.filter(namespace=where).exists()
        if before == required:
            change.unchanged()
            return Outcome(required, None)
        if required:
            ReviewRule.objects.create(namespace=where)
        else:
            require_second(actor, where, dry_run=dry_run)
            ReviewRule.objects.filter(namespace=where).delete()
        change.before, change.after = {"required": before}, {"required": required}
        change.summary = f"changes of security take {'two people' if required else 'one person'}"
    return Outcome(required, change.revision)


def _perform(write: Write, user: User, actor: Actor, reason: str, *, dry_run: bool = False) -> Response:
    return replay.perform(
        write.method,
        write.path,
        write.body,
        write.if_match,
        user=user,
        actor=actor,
        reason=reason[:500],
        dry_run=dry_run,
    )


def _open(actor: Actor, proposal_id: int) -> Proposal:
    """The row, locked. Raises NotFound, Conflict."""
    row = Proposal.objects.select_for_update().filter(pk=proposal_id).first()
    if row is None or (row.namespace and not actor.may("view", row.namespace)):
        raise NotFound(f"no proposal {proposal_id}")
    if row.state != Proposal.State.OPEN:
        raise Conflict(f"it was {row.state} by {row.decided_by}", code="decided")
    return row


def _decide(row: Proposal, state: Proposal.State, actor: Actor, reason: str) -> Proposal:
    row.state, row.decided_by, row.decided_at, row.decision_reason = state, actor.name, timezone.now(), reason
    row.save()
    return row


def _joined(why: str, reason: str) -> str:
    return f"{why}; approved: {reason}" if reason else why
