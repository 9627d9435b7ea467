"""The state table, row by row: what leads where, and that everything else is refused and changes nothing."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from meshui.core.errors import Conflict
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Approve, Bake, SetWeight
from meshui.rollouts.selectors import allowed_actions
from meshui.rollouts.states import ACTIONS, PauseReason, after
from tests.meshui.rollouts.world import AUTHOR, OTHER, World
from tests.support.api import everything

PAUSES = get_args(PauseReason)
PLAN = (SetWeight(weight=5), Approve(), Bake(ms=60_000), SetWeight(weight=100))

EXPECTED: dict[str, dict[str, str]] = {
    "draft": {"start": "progressing"},
    "progressing": {"pause": "paused", "skip-step": "progressing", "promote": "promoting", "abort": "rolling_back"},
    "paused": {
        "resume": "progressing",
        "skip-step": "progressing",
        "retry": "progressing",
        "promote": "promoting",
        "abort": "rolling_back",
    },
    "paused:approval": {
        "approve": "progressing",
        "reject": "rolling_back",
        "skip-step": "progressing",
        "promote": "promoting",
        "abort": "rolling_back",
    },
    "paused:stable_unhealthy": {"promote": "promoting", "abort": "rolling_back"},
    "promoting": {"abort": "rolling_back"},
    "rolling_back": {},
    "succeeded": {},
    "rolled_back": {},
}
"""By state, and by the pause where that makes a difference: each action that is possible and where it leads."""

PLACES = [state for state in EXPECTED if state != "paused"] + [
    f"paused:{reason}" for reason in PAUSES if f"paused:{reason}" not in EXPECTED
]


def put(world: World, place: str) -> Rollout:
    """A rollout in that state, at its step of approval."""
    state, _, reason = place.partition(":")
    row = world.create(PLAN, start=state != "draft")
    if state != "draft":
        world.step(row)
        world.step(row, 30)
    values: dict[str, Any] = {"state": state, "pause_reason": reason, "reason": "test", "paused_since": None}
    if state == "paused":
        values["paused_since"] = world.now
    Rollout.objects.filter(pk=row.pk).update(**values)
    return world.again(row)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("place", PLACES)
def test_every_action_in_every_state(world: World, place: str, action: str) -> None:
    row = put(world, place)
    leads_to = EXPECTED.get(place, EXPECTED["paused"]).get(action)
    assert (action in allowed_actions(row, OTHER)) == (leads_to is not None)
    if leads_to is not None:
        after_ = world.act(row, action, OTHER, reason="because")
        assert (after_.state, after_.version > row.version) == (leads_to, True)
        assert world.again(row).state == leads_to
        return
    before = (everything(), Rollout.objects.values().get(pk=row.pk), row.events.count())
    with pytest.raises(Conflict) as refused:
        world.act(row, action, OTHER, reason="because")
    assert refused.value.code == ("terminal" if row.state in ("succeeded", "rolled_back") else "not_allowed_now")
    assert before == (everything(), Rollout.objects.values().get(pk=row.pk), row.events.count())


def test_the_table_knows_no_way_out_of_an_end() -> None:
    for event in ACTIONS.values():
        assert after("succeeded", event) is after("rolled_back", event) is None


def test_who_may_not_write_there_may_do_nothing(world: World) -> None:
    row = world.create()
    viewer = type(AUTHOR)(name="vera", grants={"shop": frozenset({"view"})})
    assert allowed_actions(row, viewer) == []


def test_the_author_is_offered_no_way_past_an_approval(world: World) -> None:
    row = put(world, "paused:approval")
    assert allowed_actions(row, AUTHOR) == ["abort"]
    assert set(allowed_actions(row, OTHER)) == {"approve", "reject", "skip-step", "promote", "abort"}
