"""Who may approve, what has to be said, what is undone, and what is refused before it begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshui.core.errors import Conflict, InvalidInput, PermissionDenied
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Approve, SetWeight
from meshui.rollouts.services import rollout_create, undo
from meshui.traffic.services import split_set
from tests.meshui.rollouts.world import AUTHOR, OTHER, SETUP, World
from tests.support.api import everything


def test_an_approval_is_anothers(world: World) -> None:
    row = world.create((SetWeight(weight=5), Approve(), SetWeight(weight=100)))
    row = world.step(world.step(row), 30)
    assert (row.state, row.pause_reason) == ("paused", "approval")
    for action in ("approve", "reject", "skip-step", "promote"):
        with pytest.raises(PermissionDenied) as refused:
            world.act(row, action, AUTHOR, reason="mine")
        assert refused.value.code == "author_may_not_approve"
    with pytest.raises(Conflict):
        world.act(row, "resume")
    row = world.act(row, "approve", OTHER, reason="looks good")
    assert (row.state, row.step_index) == ("progressing", 2)
    assert [(a.by, a.decision, a.step_index) for a in row.approvals.all()] == [("olga", "approved", 1)]


def test_named_approvers_alone_approve(world: World) -> None:
    row = world.step(world.create((Approve(), SetWeight(weight=100)), approvers=("otto",)))
    with pytest.raises(PermissionDenied) as refused:
        world.act(row, "approve", OTHER)
    assert refused.value.code == "not_an_approver"
    otto = replace(OTHER, name="otto")
    row = world.act(row, "reject", otto, reason="not today")
    assert (row.state, row.approvals.get().decision) == ("rolling_back", "rejected")


def test_a_promotion_needs_a_reason(world: World) -> None:
    row = world.create()
    with pytest.raises(InvalidInput) as refused:
        world.act(row, "promote", reason="  ")
    assert refused.value.errors[0].path == "reason"


# --- undo -------------------------------------------------------------------------------------------------------


def test_a_success_can_be_undone(world: World) -> None:
    done = world.until_state(world.create(), "succeeded")
    row = undo(actor=OTHER, service="shop/catalog", reason="complaints", idempotency_key="k")
    assert undo(actor=OTHER, service="shop/catalog", reason="complaints", idempotency_key="k").pk == row.pk
    assert (row.stable, row.canary, row.undo_of_id, row.state) == ("v2", "v1", done.pk, "progressing")
    row = world.until_state(row, "succeeded")
    assert world.split() == {"v1": 100, "v2": 0}


def test_an_undo_ends_with_the_window_and_with_the_old_version(world: World) -> None:
    row = world.until_state(world.create(), "succeeded")
    world.health("v1", passing=False)
    with pytest.raises(Conflict) as refused:
        undo(actor=OTHER, service="shop/catalog")
    assert refused.value.code == "undo_unhealthy"
    Rollout.objects.filter(pk=row.pk).update(finished_at="2020-01-01T00:00:00Z")
    with pytest.raises(Conflict) as refused:
        undo(actor=OTHER, service="shop/catalog")
    assert refused.value.code == "undo_expired"


# --- before it begins -------------------------------------------------------------------------------------------


def test_a_start_that_could_not_go_well_is_refused(world: World) -> None:
    world.health("v2", passing=False)
    before = everything()
    with pytest.raises(Conflict) as refused:
        world.create()
    assert refused.value.code == "preflight_failed"
    assert [error.path for error in refused.value.errors] == ["checks.canary_healthy"]
    assert everything() == before and not Rollout.objects.exists()
    assert world.create(start=False).state == "draft"


def test_the_stable_version_is_named_where_several_have_traffic(world: World) -> None:
    split_set(actor=SETUP, service="shop/catalog", weights={"v1": 90, "v2": 10})
    with pytest.raises(InvalidInput) as refused:
        world.create()
    assert refused.value.errors[0].path == "stable"
    row = world.create(stable="v1")
    assert world.split() == {"v1": 100, "v2": 0}
    assert row.state == "progressing"


def test_a_draft_whose_stable_version_has_lost_its_traffic_does_not_start(world: World) -> None:
    draft = world.create(start=False)
    split_set(actor=SETUP, service="shop/catalog", weights={"v2": 100})
    with pytest.raises(Conflict) as refused:
        world.act(draft, "start")
    assert [error.path for error in refused.value.errors] == ["checks.stable_serves"]


def test_a_dry_run_says_what_would_be_and_keeps_nothing(world: World) -> None:
    before = everything()
    row = rollout_create(actor=AUTHOR, plan=world.plan(), start=True, dry_run=True)
    assert (row.pk, row.state, row.stable) == (None, "progressing", "v1")
    assert everything() == before and not Rollout.objects.exists()
