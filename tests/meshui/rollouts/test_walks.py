"""Whole rollouts, from start to end, as they go when nothing or something goes wrong."""

from __future__ import annotations

from meshui.core.models import Change
from tests.meshui.rollouts.world import World


def test_a_good_canary_climbs_and_is_promoted(world: World) -> None:
    row = world.create()
    assert (row.state, world.owner(), world.split()) == ("progressing", f"rollout:{row.pk}", {"v1": 100, "v2": 0})
    row = world.step(row)
    assert (row.step_index, row.step_phase, world.split()) == (0, "warming", {"v1": 95, "v2": 5})
    row = world.step(row, 30)
    assert (row.step_index, row.step_phase) == (1, "analysing")
    row = world.step(row, 45)
    assert (row.step_index, row.step_phase) == (1, "analysing")
    row = world.step(row, 15)
    assert (row.step_index, row.step_phase) == (2, "analysing")
    row = world.step(row, 15)
    assert (row.step_index, row.step_phase, world.split()) == (3, "warming", {"v1": 50, "v2": 50})
    row = world.until_state(row, "promoting")
    assert world.split() == {"v1": 0, "v2": 100}
    row = world.until_state(row, "succeeded")
    assert (world.owner(), world.overlay(), world.split()) == ("", None, {"v1": 0, "v2": 100})
    assert row.finished_at == world.now
    assert "succeeded" in world.story(row)


def test_a_bad_canary_is_rolled_back_within_the_tick_that_says_so(world: World) -> None:
    row = world.create()
    row = world.step(row)
    world.answers(v1=(950, 1), v2=(50, 30))
    row = world.step(row, 15)
    assert row.state == "progressing"
    row = world.tick(row, 15)
    assert (row.state, world.split()) == ("rolling_back", {"v1": 100, "v2": 0})
    assert "30 of 50" in row.reason
    assert Change.objects.latest("id").reason == row.reason
    row = world.step(row)
    assert (row.state, world.owner()) == ("rolled_back", "")
    assert "30 of 50" in row.reason
