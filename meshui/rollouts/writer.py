"""From effects to rows: what was decided becomes one transaction of the ledger.

Works on a row that is held (``ledger.lease`` or ``ledger.take_over``) inside ``ledger.writing``; the caller saves it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from meshui.core.actors import Actor
from meshui.core.errors import Conflict
from meshui.rollouts import gathered
from meshui.rollouts.decide import due, finished, first_phase
from meshui.rollouts.effects import (
    Apply,
    CallWebhook,
    CountTry,
    Effect,
    Enter,
    Finish,
    Move,
    Release,
    Say,
    Settle,
)
from meshui.rollouts.ledger import record
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Plan, SetMatch, SetMirror, SetWeight
from meshui.rollouts.snapshot import Snapshot
from meshui.rollouts.states import TERMINAL, Event, State, Told, after
from meshui.rollouts.traffic import Traffic, rolled_back
from meshui.traffic.services import rollout_apply

log = logging.getLogger(__name__)

TOLD: Mapping[State, Told] = {
    "paused": "paused",
    "promoting": "promoting",
    "rolling_back": "rolling_back",
    "succeeded": "succeeded",
    "rolled_back": "rolled_back",
}
"""The event that a new state is. Within progressing it depends on what led there."""
TOLD_OF: Mapping[Event, Told] = {
    "start": "started",
    "resume": "resumed",
    "clear": "resumed",
    "approve": "approved",
    "skip": "skipped",
    "retry": "retried",
}


def snapshot(row: Rollout, told: str = "") -> Snapshot:
    """The row as decisions see it."""
    plan = msgspec.convert(row.plan, Plan)
    begun = row.phase_since or row.created_at
    return Snapshot(
        plan=plan,
        state=row.state,  # type: ignore[arg-type]
        step_index=row.step_index,
        phase=row.step_phase or "applying",  # type: ignore[arg-type]
        phase_since=begun,
        step_since=row.step_since or begun,
        desired=_traffic(row.weights, row.overlay) if row.weights else rolled_back(plan),
        good=Traffic.from_dict(row.good) if row.good else rolled_back(plan),
        pause_reason=row.pause_reason or None,  # type: ignore[arg-type]
        forced=row.forced,
        webhook_tries=row.webhook_tries,
        reason=row.reason,
        told=told,
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """Carries out effects on a row in the name of ``actor`` at ``now``. ``note`` is what a person gave as a reason."""

    row: Rollout
    actor: Actor
    now: datetime
    note: str = ""

    def carry_out(self, effects: Sequence[Effect]) -> None:
        """All of them, in their order. Raises Conflict ``not_allowed_now`` for a move that the table does not have."""
        for effect in effects:
            _HOW[type(effect)](self, effect)
        self.row.next_due_at = due(snapshot(self.row))

    def say(self, kind: Told, detail: str, **data: Any) -> None:
        record(self.row, kind, detail, actor=self.actor.name, at=self.now, **data)

    # --- one for each effect

    def move(self, effect: Move) -> None:
        row = self.row
        state = after(row.state, effect.event)  # type: ignore[arg-type]
        if state is None:
            raise Conflict(f"a rollout that is {row.state} cannot {effect.event}", code="not_allowed_now")
        was_paused = row.state == "paused"
        row.state, row.pause_reason, row.reason = state, effect.pause or "", effect.why[:500]
        row.version += 1
        log.info("rollout %s of %s is %s: %s", row.pk, row.service, state, effect.why)
        if state == "paused":
            row.paused_since = self.now if not was_paused else row.paused_since
        elif was_paused:
            self._go_on()
        if effect.event == "start":
            row.started_at = self.now
        if state in ("promoting", "rolling_back"):
            self._phase("propagating")
        if state in TERMINAL:
            row.finished_at = self.now
            self._phase("done")
        kind = TOLD_OF.get(effect.event) or TOLD.get(state)
        if kind:
            more = {"reason": effect.pause} if effect.pause else {}
            self.say(kind, effect.why, **more, **({"note": self.note} if self.note else {}))
        if effect.event == "start":
            self._begin_step(0)

    def apply(self, effect: Apply) -> None:
        row = self.row
        revision = rollout_apply(
            actor=self.actor,
            service=str(row.service),
            owner=row.owner,
            weights=effect.traffic.weights,
            overlay=effect.traffic.overlay,
            reason=(self.note or effect.why)[:500],
        )
        row.weights = effect.traffic.weights
        row.overlay = msgspec.to_builtins(effect.traffic.overlay)
        if revision is not None:
            row.revision = revision
            self.say("applied", effect.why, revision=revision, weights=row.weights, overlay=row.overlay)

    def enter(self, effect: Enter) -> None:
        self._phase(effect.phase)
        self.say("phase", effect.phase)

    def finish(self, effect: Finish) -> None:
        row = self.row
        self._stamp(1)
        if row.step_index + 1 < len(row.plan["steps"]):
            self._begin_step(row.step_index + 1)
        else:
            row.step_index += 1
            row.step_since = self.now
        row.version += 1

    def settle(self, effect: Settle) -> None:
        row = self.row
        row.good = _traffic(row.weights, row.overlay).to_dict()
        self.say("acknowledged", f"every connected proxy took revision {row.revision}", revision=row.revision)

    def release(self, effect: Release) -> None:
        row = self.row
        current = _traffic(row.weights, row.overlay)
        rollout_apply(
            actor=self.actor,
            service=str(row.service),
            owner=row.owner,
            weights=current.weights,
            overlay=current.overlay,
            release=True,
            reason=row.reason,
        )

    def tell(self, effect: Say) -> None:
        self.say(effect.kind, effect.why, **effect.data)

    def count_try(self, effect: CountTry) -> None:
        self.row.webhook_tries += 1
        self.say("webhook", effect.why, tries=self.row.webhook_tries)

    def call_webhook(self, effect: CallWebhook) -> None:
        raise AssertionError("a webhook is called outside of a transaction")

    # --- parts

    def pass_gate(self) -> None:
        """The current step is done because a person says so."""
        self.carry_out(finished(snapshot(self.row)))

    def apply_again(self) -> None:
        """Go back to where the step sets traffic, without judging afresh."""
        self._phase("applying")

    def restart(self) -> None:
        """Begin the current step anew, judged afresh: a new attempt."""
        row = self.row
        row.attempt += 1
        gathered.forget(row)
        self._begin_step(row.step_index)

    def _begin_step(self, index: int) -> None:
        row = self.row
        step = msgspec.convert(row.plan, Plan).steps[index]
        row.step_index, row.step_since, row.webhook_tries = index, self.now, 0
        self._phase(first_phase(step.kind))
        self._stamp(0)
        if isinstance(step, SetWeight | SetMatch | SetMirror):
            gathered.change(row, lambda state: state.next_step())
        row.reason = f"step {index + 1} of {len(row.plan['steps'])}: {step.kind}"
        self.say("step", row.reason)

    def _phase(self, phase: str) -> None:
        self.row.step_phase, self.row.phase_since = phase, self.now

    def _go_on(self) -> None:
        """After a pause: the step's deadline begins anew, and what the phase had left of its time is left still."""
        row = self.row
        paused = self.now - (row.paused_since or self.now)
        row.step_since = self.now
        row.phase_since = self.now if row.step_phase == "propagating" else (row.phase_since or self.now) + paused
        row.paused_since = None
        row.webhook_tries = 0
        gathered.change(row, lambda state: state.resumed())

    def _stamp(self, which: int) -> None:
        times = dict(self.row.step_times)
        begun = times.get(str(self.row.step_index), [None, None])
        times[str(self.row.step_index)] = [begun[0], self.now.isoformat()] if which else [self.now.isoformat(), None]
        self.row.step_times = times


def _traffic(weights: Any, overlay: Any) -> Traffic:
    return Traffic.from_dict({"weights": dict(weights), "overlay": overlay})


_HOW: Mapping[type[Effect], Callable[[Writer, Any], None]] = {
    Move: Writer.move,
    Apply: Writer.apply,
    Enter: Writer.enter,
    Finish: Writer.finish,
    Settle: Writer.settle,
    Release: Writer.release,
    Say: Writer.tell,
    CallWebhook: Writer.call_webhook,
    CountTry: Writer.count_try,
}
