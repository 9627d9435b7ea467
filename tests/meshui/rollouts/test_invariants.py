"""The invariants of rollouts, each with tests that bear its name."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from msgspec.structs import replace

from meshui.catalog.models import Instance, Version
from meshui.core.errors import Conflict, Stale
from meshui.core.models import Change, Outbox, Revision
from meshui.mesh.values import HeaderMatch, RouteMatch, Sticky
from meshui.rollouts import gathered, ledger, reconcile
from meshui.rollouts.analysis.metrics import CountState
from meshui.rollouts.models import Measurement, Rollout
from meshui.rollouts.plan import Bake, Pause, Safety, SetMatch, SetMirror, SetWeight
from meshui.rollouts.selectors import rollout_version
from meshui.rollouts.services import rollout_create
from meshui.traffic.services import routes_set, split_set, version_remove
from proxies.core.split import compile_sticky
from proxies.wire.routing import WeightedVersion
from tests.meshui.rollouts.world import AUTHOR, OTHER, SAFETY, SETUP, World
from tests.support.api import everything

BETA = RouteMatch(headers=[HeaderMatch(name="x-beta", kind="present")])


def changed() -> dict[str, object]:
    """Everything but who held the lease."""
    rows = everything()
    del rows["Rollout"]
    return rows


def judged_requests(row: Rollout) -> int:
    state = gathered.states(row)["errors"]
    assert isinstance(state, CountState)
    return state.evidence.counts.canary_total


def bad(world: World) -> None:
    world.answers(v1=(950, 1), v2=(50, 40))


def failing(world: World, **more: object) -> Rollout:
    """A rollout whose canary has been bad for one look."""
    row = world.step(world.create(**more))
    bad(world)
    return world.step(row, 15)


# --- 1: the database is the truth -------------------------------------------------------------------------------


def test_1_a_tick_goes_on_from_the_database_alone(world: World) -> None:
    row = world.step(world.create())
    for _ in range(3):  # nothing new was seen: nothing is done twice
        before = (changed(), world.story(row))
        row = world.tick(row)
        assert (changed(), world.story(row)) == before


def test_1_the_scan_finds_what_no_kick_announced(world: World) -> None:
    row = world.create()
    assert reconcile.due() == [row.pk]
    world.step(row)
    assert reconcile.due() == []
    world.pass_time(5)
    assert reconcile.due() == [row.pk]


def test_1_redis_is_no_part_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "client", lambda: (_ for _ in ()).throw(reconcile.redis.ConnectionError("gone")))
    row = world.step(world.create())
    assert (row.step_phase, world.split()) == ("warming", {"v1": 95, "v2": 5})


# --- 2: one transaction -----------------------------------------------------------------------------------------


def test_2_a_step_is_one_revision_one_change_one_dirty_resource_and_its_events(world: World) -> None:
    row = world.create()
    world.acknowledge()
    Outbox.objects.all().delete()
    changes, newest = Change.objects.count(), Revision.objects.latest("number").number
    row = world.tick(row)
    assert Change.objects.count() == changes + 1
    assert [(o.revision, o.kind, o.name) for o in Outbox.objects.all()] == [(newest + 1, "service", "shop/catalog")]
    assert row.revision == newest + 1
    applied = row.events.filter(kind="applied").latest("seq")
    assert (applied.data["revision"], applied.data["weights"]) == (row.revision, {"v1": 95, "v2": 5})


def test_2_events_are_numbered_without_gaps(world: World) -> None:
    row = world.until_state(world.create(), "succeeded")
    assert list(row.events.order_by("seq").values_list("seq", flat=True)) == list(range(1, row.last_seq + 1))


# --- 3: atomic at a proxy; old versions stay --------------------------------------------------------------------


def test_3_every_change_of_traffic_is_one_service_resource(world: World) -> None:
    Outbox.objects.all().delete()
    steps = (SetMatch(matches=(BETA,)), SetMirror(percent=10), SetWeight(weight=5), SetWeight(weight=100))
    world.until_state(world.create(steps), "succeeded")
    dirty = list(Outbox.objects.values_list("revision", "kind", "name"))
    assert len({revision for revision, _, _ in dirty}) == len(dirty) >= 6
    assert {(kind, name) for _, kind, name in dirty} == {("service", "shop/catalog")}


def test_3_versions_stay_until_thirty_seconds_after_the_end(world: World) -> None:
    row = world.step(world.create())
    Instance.objects.all().delete()
    for version in ("v1", "v2"):
        with pytest.raises(Conflict):
            version_remove(actor=SETUP, service="shop/catalog", version=version)
    row = world.until_state(world.act(row, "abort", force=True), "rolled_back")
    with pytest.raises(Conflict) as refused:
        version_remove(actor=SETUP, service="shop/catalog", version="v2")
    assert refused.value.code == "in_use"


# --- 4: advance only when all have acknowledged -----------------------------------------------------------------


def test_4_it_waits_for_every_connected_proxy_and_names_the_laggards(world: World) -> None:
    world.add_proxy("p2")
    row = world.create()
    world.acknowledge()
    row = world.tick(row)
    world.acknowledge("p1")
    row = world.tick(row, 59)
    assert (row.state, row.step_phase) == ("progressing", "propagating")
    row = world.tick(row, 1)
    assert (row.state, row.pause_reason) == ("paused", "laggards")
    assert "p2" in row.reason and "p1" not in row.reason
    world.acknowledge("p2")
    row = world.tick(row, 1)
    assert (row.state, row.step_phase) == ("progressing", "warming")


def test_4_proxies_that_are_offline_are_waited_for_by_nobody(world: World) -> None:
    away = world.add_proxy("p2")
    row = world.create()
    world.acknowledge()
    row = world.tick(row)
    type(away).objects.filter(pk="p2").update(last_seen_at="2020-01-01T00:00:00Z")
    world.acknowledge("p1")
    assert world.tick(row).step_phase == "warming"


def test_4_a_proxy_that_joins_in_the_middle_is_waited_for(world: World) -> None:
    row = world.create()
    world.acknowledge()
    row = world.tick(row)
    world.publish()
    world.add_proxy("p2")
    world.acknowledge("p1")
    assert world.tick(row).step_phase == "propagating"
    world.acknowledge()
    assert world.tick(row).step_phase == "warming"


def test_4_a_refusal_goes_back_to_the_last_good_revision(world: World) -> None:
    row = world.step(world.create((SetWeight(weight=5), SetWeight(weight=50), SetWeight(weight=100))))
    row = world.tick(row, 30)
    assert world.split() == {"v1": 50, "v2": 50}
    world.refuse("p1", "routes.0: no such thing")
    row = world.tick(row)
    assert (row.state, row.pause_reason, world.split()) == ("paused", "laggards", {"v1": 95, "v2": 5})
    assert "p1 refused it: routes.0: no such thing" in row.reason
    world.acknowledge()
    assert world.tick(row, 60).state == "paused"  # the same again would be refused again
    row = world.step(world.act(row, "resume"))
    assert (row.state, world.split()) == ("progressing", {"v1": 50, "v2": 50})


def test_4_nothing_advances_while_it_is_not_published(world: World) -> None:
    row = world.create()
    row = world.tick(world.tick(row), 60)
    assert (row.state, row.pause_reason, row.reason) == ("paused", "laggards", "it was not published within 1m")
    assert world.step(row).state == "progressing"


# --- 5: rollback ------------------------------------------------------------------------------------------------


def test_5_a_rollback_is_one_revision_that_clears_everything_together(world: World) -> None:
    safety = replace(SAFETY, sticky=Sticky(kind="header", name="x-user"), dead_man_ms=60_000)
    steps = (SetMatch(matches=(BETA,)), SetMirror(percent=10), SetWeight(weight=50), Bake(ms=600_000))
    row = world.create(steps, safety=safety)
    for _ in range(4):
        row = world.step(row, 30)
    overlay = world.overlay()
    assert overlay.matches and overlay.mirror and overlay.sticky and overlay.fallback
    newest = Revision.objects.latest("number").number
    row = world.act(row, "abort", reason="looks odd")
    assert (world.split(), world.overlay()) == ({"v1": 100, "v2": 0}, None)
    assert (row.revision, Revision.objects.latest("number").number) == (newest + 1, newest + 1)


def test_5_it_ignores_metrics_and_is_retried_until_done(world: World) -> None:
    row = world.act(world.step(world.create()), "abort")
    bad(world)
    row = world.tick(world.tick(row, 15), 15)
    assert row.state == "rolling_back" and not row.measurements.filter(at__gt=row.created_at, canary_bad=40).exists()
    Version.objects.filter(name="v1").update(weight=30)
    Version.objects.filter(name="v2").update(weight=70)
    world.tick(row)
    assert world.split() == {"v1": 100, "v2": 0}
    assert world.step(row).state == "rolled_back"


def test_5_without_a_healthy_stable_it_pauses_and_says_so(world: World) -> None:
    row = failing(world)
    world.health("v1", passing=False)
    row = world.tick(row, 15)
    assert (row.state, row.pause_reason, world.split()) == ("paused", "stable_unhealthy", {"v1": 95, "v2": 5})
    assert row.events.last().data["reason"] == "stable_unhealthy"  # type: ignore[union-attr]
    assert world.tick(row, 60).last_seq == row.last_seq
    world.health("v1", passing=True)
    row = world.tick(row)
    assert (row.state, world.split()) == ("rolling_back", {"v1": 100, "v2": 0})


def test_5_stable_may_die_while_a_rollback_is_under_way(world: World) -> None:
    row = world.act(world.step(world.create()), "abort")
    world.health("v1", passing=False)
    row = world.tick(row)
    assert (row.state, row.pause_reason) == ("paused", "stable_unhealthy")
    row = world.act(row, "promote", reason="v2 is the one that lives")
    assert world.split() == {"v1": 0, "v2": 100}


def test_5_unless_it_is_forced(world: World) -> None:
    row = world.step(world.create())
    world.health("v1", passing=False)
    row = world.act(row, "abort")
    assert row.pause_reason == "stable_unhealthy"
    with pytest.raises(Conflict, match="force"):
        world.act(row, "abort")
    row = world.act(row, "abort", force=True)
    assert (row.state, world.split()) == ("rolling_back", {"v1": 100, "v2": 0})
    assert world.step(row).state == "rolled_back"


# --- 6: one active rollout --------------------------------------------------------------------------------------


def test_6_a_second_start_is_refused_and_names_the_first(world: World) -> None:
    first = world.create()
    before = everything()
    with pytest.raises(Conflict) as refused:
        world.create()
    assert (refused.value.code, refused.value.errors[0].detail) == ("active_rollout", str(first.pk))
    assert everything() == before and Rollout.objects.count() == 1
    draft = world.create(start=False)
    with pytest.raises(Conflict) as refused:
        world.act(draft, "start")
    assert refused.value.code == "active_rollout"


@pytest.mark.parametrize("state", ["progressing", "paused", "promoting", "rolling_back"])
def test_6_the_database_itself_allows_one(world: World, state: str) -> None:
    first, draft = world.create(), world.create(start=False)
    Rollout.objects.filter(pk=first.pk).update(state=state)
    with pytest.raises(IntegrityError, match="one_active_rollout"), transaction.atomic():
        Rollout.objects.filter(pk=draft.pk).update(state="progressing")
    Rollout.objects.filter(pk=first.pk).update(state="rolled_back")
    Rollout.objects.filter(pk=draft.pk).update(state="progressing")


# --- 7: lease and fence -----------------------------------------------------------------------------------------


def test_7_a_write_under_an_old_fence_is_refused_whole(world: World) -> None:
    row = world.step(world.create())
    late = ledger.lease(row.pk)
    assert late is not None
    world.act(row, "abort")
    before = (everything(), row.events.count())
    with pytest.raises(ledger.LostLease), ledger.writing(late):
        late.state = "succeeded"
        ledger.record(late, "succeeded", actor="late", at=world.now)
        ledger.save(late)
    with pytest.raises(ledger.LostLease):
        ledger.renew(late)
    assert (everything(), row.events.count()) == before
    assert world.again(row).state == "rolling_back"


def test_7_a_held_rollout_is_nobody_elses_until_the_lease_ends(world: World) -> None:
    row = world.create()
    held = ledger.lease(row.pk)
    assert held is not None and ledger.lease(row.pk) is None
    before = world.again(row).fence
    assert world.tick(row).step_phase == "applying"
    Rollout.objects.filter(pk=row.pk).update(lease_until="2020-01-01T00:00:00Z")
    assert world.tick(row).step_phase == "propagating"
    assert world.again(row).fence == before + 1
    ledger.release(held)  # changes nothing: it is not ours any more
    assert world.again(row).lease_owner == ""


# --- 8: If-Match and idempotency keys ---------------------------------------------------------------------------


def test_8_a_change_of_what_was_not_read_is_refused(world: World) -> None:
    row = world.create()
    read = rollout_version(row)
    world.act(row, "pause", expected_version=read)
    before = everything()
    with pytest.raises(Stale):
        world.act(row, "abort", expected_version=read)
    assert everything() == before


def test_8_waiting_and_looking_do_not_change_the_version(world: World) -> None:
    row = world.step(world.create())
    read = rollout_version(row)
    row = world.step(row, 15)
    assert Measurement.objects.exists() and rollout_version(row) == read


def test_8_promoting_twice_is_one_effect(world: World) -> None:
    row = world.step(world.create())
    first = world.act(row, "promote", reason="go", idempotency_key="k1")
    before = (everything(), row.events.count())
    again = world.act(row, "promote", reason="go", idempotency_key="k1")
    assert (again.pk, again.state, again.version) == (first.pk, "promoting", first.version)
    with pytest.raises(Conflict) as refused:
        world.act(row, "promote", reason="go")
    assert refused.value.code == "not_allowed_now"
    with pytest.raises(Conflict) as refused:
        world.act(row, "abort", idempotency_key="k1")
    assert refused.value.code == "idempotency_mismatch"
    assert (everything(), row.events.count()) == before


def test_8_a_start_with_the_same_key_is_the_same_rollout(world: World) -> None:
    plan = world.plan()
    first = rollout_create(actor=AUTHOR, plan=plan, start=True, idempotency_key="k1")
    again = rollout_create(actor=AUTHOR, plan=plan, start=True, idempotency_key="k1")
    assert (again.pk, Rollout.objects.count()) == (first.pk, 1)
    with pytest.raises(Conflict) as refused:
        rollout_create(actor=AUTHOR, plan=world.plan((Pause(),)), start=True, idempotency_key="k1")
    assert refused.value.code == "idempotency_mismatch"
    with pytest.raises(Conflict) as refused:  # a key is its owner's
        rollout_create(actor=OTHER, plan=plan, start=True, idempotency_key="k1")
    assert refused.value.code == "active_rollout"


# --- 9: nobody else edits what it owns --------------------------------------------------------------------------


def test_9_other_edits_are_refused_until_it_is_over(world: World) -> None:
    row = world.step(world.create())
    for edit in (
        lambda: split_set(actor=SETUP, service="shop/catalog", weights={"v1": 100}),
        lambda: routes_set(actor=SETUP, service="shop/catalog", routes=[]),
    ):
        with pytest.raises(Conflict) as refused:
            edit()
        assert (refused.value.code, refused.value.errors[0].detail) == ("owned_by_rollout", f"rollout:{row.pk}")
    world.until_state(world.act(row, "abort"), "rolled_back")
    assert split_set(actor=SETUP, service="shop/catalog", weights={"v2": 100}).revision is not None


def test_9_drift_pauses_until_it_is_gone_or_somebody_resumes(world: World) -> None:
    row = world.step(world.create())
    Version.objects.filter(name="v1").update(weight=70)
    Version.objects.filter(name="v2").update(weight=30)
    row = world.tick(row, 1)
    assert (row.state, row.pause_reason) == ("paused", "drift")
    assert "v1 70, v2 30, not v1 95, v2 5" in row.reason
    row = world.step(world.act(row, "resume"))
    assert (row.state, world.split()) == ("progressing", {"v1": 95, "v2": 5})


# --- 10: proxies keep the last weights --------------------------------------------------------------------------


def test_10_without_a_dead_mans_switch_nothing_tells_proxies_to_change_by_themselves(world: World) -> None:
    row = world.create((SetWeight(weight=50), Pause()))
    world.step(row)
    assert world.overlay() is None


# --- 11: the plan is frozen -------------------------------------------------------------------------------------


def test_11_the_plan_is_fixed_at_the_start_and_a_retry_is_a_new_attempt(world: World) -> None:
    from meshui.rollouts.services import rollout_edit

    draft = world.create(start=False)
    edited = rollout_edit(actor=AUTHOR, rollout_id=draft.pk, plan=world.plan((SetWeight(weight=10), Bake(ms=5000))))
    assert edited.plan["steps"][0]["weight"] == 10
    row = world.act(draft, "start")
    with pytest.raises(Conflict) as refused:
        rollout_edit(actor=AUTHOR, rollout_id=row.pk, plan=world.plan())
    assert refused.value.code == "not_a_draft"
    row = world.step(world.step(row, 15), 15)
    assert judged_requests(row) > 0
    row = world.act(world.act(row, "pause"), "retry")
    assert (row.attempt, row.step_index, row.step_phase, row.verdict) == (2, 0, "applying", None)
    assert judged_requests(row) == 0


def test_11_what_is_stable_is_settled_at_the_start(world: World) -> None:
    row = world.create()
    assert (row.stable, row.plan["stable"]) == ("v1", "v1")


# --- 12: stickiness ---------------------------------------------------------------------------------------------


def test_12_no_user_goes_back_as_the_weight_climbs(world: World) -> None:
    safety = Safety(sticky=Sticky(kind="header", name="x-user"), warm_ms=1000)
    row = world.create(tuple(SetWeight(weight=weight) for weight in (1, 5, 10, 25, 50, 100)), safety=safety)
    users = [f"user-{n}".encode() for n in range(500)]
    moved: set[bytes] = set()
    for _ in range(12):
        row = world.step(row, 1)
        if world.owner() and row.state == "progressing":
            assert world.overlay().sticky == safety.sticky
        split = [WeightedVersion(version=version, weight=weight) for version, weight in world.split().items()]
        choose = compile_sticky(split, str)
        now_on = {user for user in users if choose(user) == "v2"}
        assert moved <= now_on
        moved = now_on
    assert len(moved) == 500
