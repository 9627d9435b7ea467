"""The states of a rollout and what leads from one to another, as data.

Whatever is not in the table does not happen: an event in a state that has no row for it is refused (409), and changes
nothing. Pure; the engine and the API read the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

State = Literal["draft", "progressing", "paused", "promoting", "rolling_back", "succeeded", "rolled_back"]
Phase = Literal["applying", "propagating", "warming", "analysing", "gating", "done"]
PauseReason = Literal[
    "manual",
    "approval",
    "inconclusive",
    "no_data",
    "metrics_down",
    "deadline",
    "drift",
    "laggards",
    "stable_unhealthy",
    "verdict",
]
Event = Literal[
    "start",
    "step_done",
    "plan_done",
    "hold",
    "resume",
    "clear",
    "approve",
    "reject",
    "skip",
    "retry",
    "promote",
    "abort",
    "fail",
    "freeze",
    "stable_lost",
    "stable_back",
    "settled",
]

Told = Literal[
    "created",
    "edited",
    "started",
    "step",
    "phase",
    "applied",
    "acknowledged",
    "paused",
    "resumed",
    "approved",
    "rejected",
    "skipped",
    "retried",
    "laggards",
    "webhook",
    "promoting",
    "rolling_back",
    "succeeded",
    "rolled_back",
]
"""The kinds of a rollout's events: what its story is told in."""

PHASES: tuple[Phase, ...] = ("applying", "propagating", "warming", "analysing", "gating", "done")
"""What every step walks through, in this order; one that has nothing to do in a phase leaves it at once."""

TRANSITIONS: Mapping[tuple[State, Event], State] = {
    ("draft", "start"): "progressing",
    #
    ("progressing", "step_done"): "progressing",
    ("progressing", "plan_done"): "promoting",
    ("progressing", "hold"): "paused",
    ("progressing", "skip"): "progressing",
    ("progressing", "promote"): "promoting",
    ("progressing", "fail"): "rolling_back",
    ("progressing", "freeze"): "paused",
    ("progressing", "abort"): "rolling_back",
    ("progressing", "stable_lost"): "paused",
    #
    ("paused", "resume"): "progressing",
    ("paused", "clear"): "progressing",
    ("paused", "approve"): "progressing",
    ("paused", "reject"): "rolling_back",
    ("paused", "skip"): "progressing",
    ("paused", "retry"): "progressing",
    ("paused", "promote"): "promoting",
    ("paused", "fail"): "rolling_back",
    ("paused", "freeze"): "paused",
    ("paused", "abort"): "rolling_back",
    ("paused", "stable_lost"): "paused",
    ("paused", "stable_back"): "rolling_back",
    #
    ("promoting", "settled"): "succeeded",
    ("promoting", "fail"): "rolling_back",
    ("promoting", "abort"): "rolling_back",
    ("promoting", "stable_lost"): "paused",
    #
    ("rolling_back", "settled"): "rolled_back",
    ("rolling_back", "stable_lost"): "paused",
}
"""Where each event leads. ``stable_lost`` is a rollback that finds no healthy instance to go back to; ``stable_back``
takes it up again. ``hold`` is any pause with a reason; ``clear`` is its reason gone by itself."""

ACTIVE: frozenset[State] = frozenset({"progressing", "paused", "promoting", "rolling_back"})
TERMINAL: frozenset[State] = frozenset({"succeeded", "rolled_back"})

CLEARS: frozenset[PauseReason] = frozenset({"inconclusive", "no_data", "metrics_down", "drift", "laggards"})
"""Pauses that end by themselves when their reason is gone. The others wait for a person, or for a healthy stable
version."""

ACTIONS: Mapping[str, Event] = {
    "start": "start",
    "pause": "hold",
    "resume": "resume",
    "approve": "approve",
    "reject": "reject",
    "skip-step": "skip",
    "retry": "retry",
    "promote": "promote",
    "abort": "abort",
}
"""What a person can ask for, and the event that it is."""


BARRED: Mapping[str, frozenset[str]] = {
    "approval": frozenset({"resume", "retry"}),
    "stable_unhealthy": frozenset({"resume", "retry", "skip-step"}),
}
"""What a person may not do in a pause although the table has it: walk past an approval, or go on with a rollout that
is only waiting to be rolled back."""


def after(state: State, event: Event) -> State | None:
    """The state that the event leads to; None where it means nothing."""
    return TRANSITIONS.get((state, event))
