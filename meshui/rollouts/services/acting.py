"""What people do to a rollout. Each action is one transaction, and done when the call returns: an abort has committed
its revision by then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from meshui.core.actors import Actor
from meshui.core.commits import send_soon
from meshui.core.errors import Conflict, InvalidInput, PermissionDenied
from meshui.core.versions import expect
from meshui.rollouts import ledger
from meshui.rollouts.decide import promote, roll_back
from meshui.rollouts.effects import Effects, Move
from meshui.rollouts.models import Approval, Rollout
from meshui.rollouts.observe import observe
from meshui.rollouts.selectors import approves, get_rollout, may_approve, rollout_version
from meshui.rollouts.services import keys
from meshui.rollouts.services.starting import start_now
from meshui.rollouts.states import ACTIONS, BARRED, TERMINAL, after
from meshui.rollouts.tasks import TICK
from meshui.rollouts.writer import Writer, snapshot

Action = Literal["start", "pause", "resume", "approve", "reject", "skip-step", "promote", "abort", "retry"]


def rollout_act(
    *,
    actor: Actor,
    rollout_id: int,
    action: Action,
    reason: str = "",
    expected_version: str | None = None,
    idempotency_key: str = "",
    force: bool = False,
) -> Rollout:
    """Do what a person asks for; whoever works on the rollout at that moment loses it, and what it was about to write.

    ``force`` is of an abort: roll back even where no stable instance is healthy. Raises NotFound, PermissionDenied
    (``author_may_not_approve``, ``not_an_approver``), Stale, InvalidInput (a promotion without a reason), Conflict:
    ``terminal``, ``not_allowed_now``, ``idempotency_mismatch``, and those of a start.
    """
    visible = get_rollout(actor, rollout_id)
    actor.require("traffic.write", visible.service.namespace.name)
    if action == "promote" and not reason.strip():
        raise InvalidInput.field("reason", "required", "to promote past the steps that are left needs a reason")
    request = {"rollout": rollout_id, "action": action, "reason": reason, "force": force}
    with ledger.writing():
        if known := keys.used(actor, idempotency_key, request):
            return known
        row = ledger.take_over(rollout_id)
        expect(expected_version, rollout_version(row))
        _require_possible(row, actor, action)
        _HOW[action](_Act(row, actor, reason, force))
        ledger.save(row)
        keys.remember(actor, idempotency_key, request, row)
    send_soon(TICK, rollout_id)
    return row


@dataclass(frozen=True, slots=True)
class _Act:
    row: Rollout
    actor: Actor
    reason: str
    force: bool

    def writer(self) -> Writer:
        return Writer(self.row, self.actor, ledger.now(), self.reason)

    def why(self, did: str) -> str:
        return f"{self.actor.name} {did} it" + (f": {self.reason}" if self.reason else "")


def _require_possible(row: Rollout, actor: Actor, action: Action) -> None:
    if row.state in TERMINAL:
        raise Conflict(f"the rollout is over: {row.state}", code="terminal")
    event = ACTIONS[action]
    barred = row.state == "paused" and action in BARRED.get(row.pause_reason, ())
    gate = event in ("approve", "reject") and row.pause_reason != "approval"
    if after(row.state, event) is None or barred or gate:  # type: ignore[arg-type]
        state = f"{row.state} ({row.pause_reason})" if row.pause_reason else row.state
        raise Conflict(f"a rollout that is {state} takes no {action}", code="not_allowed_now")
    if approves(row, action):
        _require_approver(row, actor)


def _require_approver(row: Rollout, actor: Actor) -> None:
    if actor.name == row.created_by:
        raise PermissionDenied("the author may not approve", code="author_may_not_approve")
    if not may_approve(row, actor):
        raise PermissionDenied(f"{actor.name} is none of the approvers", code="not_an_approver")


def _start(act: _Act) -> None:
    start_now(act.row, act.actor, act.reason)


def _pause(act: _Act) -> None:
    act.writer().carry_out([Move("hold", act.why("paused"), "manual")])


def _resume(act: _Act) -> None:
    """Go on with the step. A gate has been passed with that; drift is set right by applying the step again."""
    row, writer = act.row, act.writer()
    reason, phase = row.pause_reason, row.step_phase
    writer.carry_out([Move("resume", act.why("resumed"))])
    if reason == "manual" and phase == "gating" and snapshot(row).step.kind == "pause":
        writer.pass_gate()
    elif reason == "drift":
        writer.apply_again()


def _approve(act: _Act) -> None:
    _decided(act, Approval.Decision.APPROVED)
    writer = act.writer()
    writer.carry_out([Move("approve", act.why("approved"))])
    writer.pass_gate()


def _reject(act: _Act) -> None:
    _decided(act, Approval.Decision.REJECTED)
    _back(act, "reject", "rejected")


def _skip(act: _Act) -> None:
    writer = act.writer()
    writer.carry_out([Move("skip", act.why("skipped a step of"))])
    writer.pass_gate()


def _retry(act: _Act) -> None:
    writer = act.writer()
    writer.carry_out([Move("retry", act.why("began the step anew of"))])
    writer.restart()


def _promote(act: _Act) -> None:
    act.writer().carry_out(promote(snapshot(act.row), "promote", act.why("promoted")))


def _abort(act: _Act) -> None:
    act.row.forced = act.force
    _back(act, "abort", "aborted")


def _back(act: _Act, event: Literal["abort", "reject"], did: str) -> None:
    effects: Effects = roll_back(snapshot(act.row), observe(act.row), event, act.why(did))
    if not effects:
        raise Conflict(f"no instance of {act.row.stable} is healthy; force it, or wait", code="stable_unhealthy")
    act.writer().carry_out(effects)


def _decided(act: _Act, decision: Approval.Decision) -> None:
    row = act.row
    Approval.objects.create(
        rollout=row,
        step_index=row.step_index,
        attempt=row.attempt,
        by=act.actor.name,
        at=ledger.now(),
        decision=decision,
        reason=act.reason,
    )


_HOW: Mapping[Action, Callable[[_Act], None]] = {
    "start": _start,
    "pause": _pause,
    "resume": _resume,
    "approve": _approve,
    "reject": _reject,
    "skip-step": _skip,
    "promote": _promote,
    "abort": _abort,
    "retry": _retry,
}
