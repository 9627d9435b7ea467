"""The rules of a rollout, one by one, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from meshui.mesh.values import HeaderMatch, Overlay, RouteMatch, Sticky
from meshui.rollouts.decide import decide, due
from meshui.rollouts.effects import (
    Apply,
    CallWebhook,
    CountTry,
    Effects,
    Enter,
    Finish,
    Move,
    Release,
    Say,
    Settle,
)
from meshui.rollouts.plan import (
    Analyse,
    AnyStep,
    Approve,
    Bake,
    Pause,
    Plan,
    Safety,
    SetMatch,
    SetMirror,
    SetWeight,
    Webhook,
)
from meshui.rollouts.snapshot import Acks, Judged, Seen, Snapshot, WebhookAnswer
from meshui.rollouts.states import ACTIVE, TERMINAL, TRANSITIONS
from meshui.rollouts.traffic import Traffic, at_step, promoted, rolled_back, traffic

T0 = datetime(2026, 5, 1, 12, tzinfo=UTC)
BETA = RouteMatch(headers=[HeaderMatch(name="x-beta", kind="present")])
STEPS: tuple[AnyStep, ...] = (
    SetWeight(weight=5),
    Bake(ms=60_000),
    Analyse(),
    Approve(),
    SetMatch(matches=(BETA,)),
    SetMirror(percent=10),
    Webhook(url="https://gate.example.com/"),
    Pause(),
    SetWeight(weight=50),
)
PLAN = Plan(service="shop/catalog", stable="v1", canary="v2", strategy="canary", steps=STEPS)
INDEX = {step.kind: index for index, step in enumerate(STEPS)}
FAIL = Judged("fail", T0, reason="5 % against 0.1 %, E 120 of 100")
PHASE = {"set_weight": "propagating", "bake": "analysing", "analyse": "analysing", "set_mirror": "propagating"}


def at(kind: str = "bake", **more: Any) -> Snapshot:
    """Progressing at the step of this kind, in the phase in which it waits."""
    index = INDEX[kind]
    desired = more.pop("desired", at_step(PLAN, index))
    values: dict[str, Any] = {
        "plan": PLAN,
        "state": "progressing",
        "step_index": index,
        "phase": PHASE.get(kind, "gating"),
        "phase_since": T0,
        "step_since": T0,
        "desired": desired,
        "good": at_step(PLAN, more.get("step_index", index) - 1),
    }
    return Snapshot(**values | more)


def paused(reason: str, kind: str = "bake", **more: Any) -> Snapshot:
    return at(kind, state="paused", pause_reason=reason, **more)


def seen(rollout: Snapshot, after_s: float = 0, **more: Any) -> Seen:
    return Seen(now=T0 + timedelta(seconds=after_s), **{"actual": rollout.desired, **more})


def decided(rollout: Snapshot, after_s: float = 0, **more: Any) -> Effects:
    return decide(rollout, seen(rollout, after_s, **more))


def moves(effects: Effects) -> list[tuple[str, str | None]]:
    return [(effect.event, effect.pause) for effect in effects if isinstance(effect, Move)]


def test_every_move_that_is_decided_is_in_the_table() -> None:
    known = {event for _, event in TRANSITIONS}
    assert {"hold", "clear", "fail", "freeze", "stable_lost", "stable_back", "settled", "plan_done"} <= known
    assert not [state for state, _ in TRANSITIONS if state in TERMINAL]
    assert {state for state, _ in TRANSITIONS} - {"draft"} == ACTIVE


# --- traffic ----------------------------------------------------------------------------------------------------


def test_what_steps_set_adds_up() -> None:
    assert at_step(PLAN, -1) == traffic({"v1": 100})
    assert at_step(PLAN, 0) == at_step(PLAN, 3) == traffic({"v1": 95, "v2": 5})
    assert at_step(PLAN, 4).overlay == Overlay(canary="v2", matches=[BETA])
    late = at_step(PLAN, 8)
    assert (late.weights, late.overlay and late.overlay.mirror and late.overlay.mirror.percent) == (
        {"v1": 50, "v2": 50},
        10.0,
    )
    assert promoted(PLAN) == traffic({"v2": 100})
    assert rolled_back(PLAN) == traffic({"v1": 100})


def test_empty_matches_and_no_mirror_take_them_away() -> None:
    steps = (*STEPS, SetMatch(matches=()), SetMirror(percent=0))
    plan = msgspec.structs.replace(PLAN, steps=steps)
    assert at_step(plan, len(steps) - 1).overlay is None


def test_stickiness_and_the_dead_mans_switch_hold_from_start_to_end_and_not_after() -> None:
    sticky = Sticky(kind="header", name="x-user")
    plan = msgspec.structs.replace(PLAN, safety=Safety(sticky=sticky, dead_man_ms=300_000))
    for index in range(-1, len(STEPS)):
        overlay = at_step(plan, index).overlay
        assert overlay is not None and overlay.fallback is not None
        assert (overlay.sticky, overlay.fallback.version, overlay.fallback.after_ms) == (sticky, "v1", 300_000)
    assert promoted(plan).overlay is rolled_back(plan).overlay is None


# --- steps ------------------------------------------------------------------------------------------------------


def test_a_step_of_weight_applies_waits_for_proxies_warms_and_ends() -> None:
    before = at_step(PLAN, -1)
    step = at("set_weight", step_index=0, phase="applying", desired=before)
    assert decided(step) == [Apply(traffic({"v1": 95, "v2": 5}), "step 1: set_weight"), Enter("propagating")]
    step = at("set_weight", step_index=0, desired=at_step(PLAN, 0))
    assert decided(step, acks=Acks(waiting=("p1",))) == []
    assert decided(step) == [Settle(), Enter("warming")]
    step = at("set_weight", step_index=0, phase="warming", desired=at_step(PLAN, 0))
    assert decided(step, 29.9) == []
    assert decided(step, 30) == [Finish()]


def test_the_last_step_promotes_in_the_same_transaction() -> None:
    last = at("set_weight", step_index=8, phase="warming", desired=at_step(PLAN, 8))
    effects = decided(last, 30)
    assert (effects[0], moves(effects), effects[-1]) == (
        Finish(),
        [("plan_done", None)],
        Apply(promoted(PLAN), "all steps are done"),
    )


@pytest.mark.parametrize(("after_s", "verdict", "done"), [(59.9, None, False), (60, None, True), (60, "error", False)])
def test_a_bake_ends_by_the_clock_unless_a_source_is_down(after_s: float, verdict: Any, done: bool) -> None:
    judged = Judged(verdict, T0) if verdict else None
    assert decided(at("bake"), after_s, verdict=judged) == ([Finish()] if done else [])
    assert due(at("bake")) == T0 + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("kind", "made_s", "done"),
    [("pass", 1, True), ("pass", -1, False), ("inconclusive", 1, False), ("error", 1, False), ("no_data", 1, False)],
)
def test_an_analysis_ends_with_a_pass_made_during_it(kind: Any, made_s: float, done: bool) -> None:
    verdict = Judged(kind, T0 + timedelta(seconds=made_s))
    assert decided(at("analyse"), 5, verdict=verdict) == ([Finish()] if done else [])


def test_gates_pause() -> None:
    assert moves(decided(at("approve"))) == [("hold", "approval")]
    assert moves(decided(at("pause"))) == [("hold", "manual")]


def test_a_webhook_is_asked_three_times() -> None:
    gate = at("webhook")
    no = WebhookAnswer(False, "it answered 500")
    assert decided(gate) == [CallWebhook("https://gate.example.com/")]
    assert decided(gate, webhook=WebhookAnswer(True, "it answered 200"))[-1] == Finish()
    assert [type(effect) for effect in decided(gate, webhook=no)] == [CountTry]
    third = at("webhook", webhook_tries=2)
    assert moves(decided(third, webhook=no)) == [("hold", "verdict")]
    refused = WebhookAnswer(False, "10.0.0.1 is no public address", final=True)
    assert moves(decided(gate, webhook=refused)) == [("hold", "verdict")]


# --- what stops a step ------------------------------------------------------------------------------------------


def test_a_failed_canary_rolls_back_whatever_it_waits_for() -> None:
    back = [("fail", None)]
    for rollout in (at("set_weight", step_index=0, desired=at_step(PLAN, 0)), at("bake"), at("analyse"), at("approve")):
        effects = decided(rollout, verdict=FAIL)
        assert (moves(effects), effects[1]) == (back, Apply(rolled_back(PLAN), FAIL.reason))
    for reason in ("manual", "approval", "no_data", "metrics_down", "deadline", "drift", "laggards", "inconclusive"):
        assert moves(decided(paused(reason), verdict=FAIL)) == back


def test_so_does_a_canary_without_a_healthy_instance() -> None:
    effects = decided(at("bake"), canary_healthy=0)
    assert (moves(effects), effects[1]) == ([("fail", None)], Apply(rolled_back(PLAN), "no instance of v2 is healthy"))
    applying = at("set_weight", step_index=0, phase="applying", desired=at_step(PLAN, -1))
    assert moves(decided(applying, canary_healthy=0)) == [("fail", None)]
    idle = at("pause", desired=traffic({"v1": 100}))
    assert moves(decided(idle, canary_healthy=0)) == [("hold", "manual")]


def test_with_freeze_it_stays_as_it_is() -> None:
    plan = msgspec.structs.replace(PLAN, on_fail="freeze")
    assert decided(at("bake", plan=plan), verdict=FAIL) == [Move("freeze", FAIL.reason, "verdict")]
    assert decided(paused("manual", plan=plan), verdict=FAIL) == [Move("freeze", FAIL.reason, "verdict")]
    assert decided(paused("verdict", plan=plan), verdict=FAIL) == []


def test_a_rollback_without_a_healthy_stable_waits_for_one_unless_forced() -> None:
    effects = decided(at("bake"), verdict=FAIL, stable_healthy=0)
    assert moves(effects) == [("stable_lost", "stable_unhealthy")] and len(effects) == 1
    waiting = paused("stable_unhealthy")
    assert decided(waiting, verdict=FAIL, stable_healthy=0) == []
    effects = decided(waiting, verdict=FAIL)
    assert (moves(effects), effects[1:]) == ([("stable_back", None)], [Apply(rolled_back(PLAN), effects[1].why)])  # type: ignore[union-attr]
    assert moves(decided(at("bake", forced=True), verdict=FAIL, stable_healthy=0)) == [("fail", None)]


@pytest.mark.parametrize("kind", ["no_data", "error", "inconclusive"])
def test_the_analysis_may_ask_for_a_person(kind: Any) -> None:
    reasons = {"no_data": "no_data", "error": "metrics_down", "inconclusive": "inconclusive"}
    assert moves(decided(at("bake"), verdict=Judged(kind, T0, pause=True))) == [("hold", reasons[kind])]
    assert decided(at("bake"), verdict=Judged(kind, T0)) == []
    idle = at("bake", desired=traffic({"v1": 100}))
    assert decided(idle, verdict=Judged(kind, T0, pause=True)) == []


def test_drift_pauses_and_is_named() -> None:
    effects = decided(at("bake"), actual=traffic({"v1": 60, "v2": 40}))
    assert moves(effects) == [("hold", "drift")]
    assert "v1 60, v2 40, not v1 95, v2 5" in effects[0].why  # type: ignore[union-attr]
    overlaid = Traffic({"v1": 95, "v2": 5}, Overlay(canary="v2", matches=[BETA]))
    assert moves(decided(at("bake"), actual=overlaid)) == [("hold", "drift")]
    assert moves(decided(at("bake"), owned=False)) == [("hold", "drift")]


def test_laggards_are_named_and_counted() -> None:
    step = at("set_weight", step_index=0, desired=at_step(PLAN, 0))
    some = Acks(waiting=tuple(f"p{n}" for n in range(7)))
    assert decided(step, 59, acks=some) == []
    [hold] = decided(step, 60, acks=some)
    assert isinstance(hold, Move) and hold.pause == "laggards"
    assert hold.why == "not acknowledged within 1m by p0, p1, p2, p3, p4 and 2 more"
    [hold] = decided(step, 60, acks=Acks(published=False))
    assert isinstance(hold, Move) and hold.why == "it was not published within 1m"


def test_a_refusal_goes_back_to_what_all_took() -> None:
    step = at("set_weight", step_index=0, desired=at_step(PLAN, 0))
    effects = decided(step, acks=Acks(refused=(("p1", "no such version"),)))
    assert effects[:2] == [Apply(at_step(PLAN, -1), "p1 refused it: no such version"), Enter("applying")]
    assert moves(effects) == [("hold", "laggards")]
    waiting = paused("laggards", phase="applying", step_index=0, desired=at_step(PLAN, -1))
    assert decided(waiting) == []


def test_a_step_has_a_deadline() -> None:
    assert moves(decided(at("analyse"), 1800)) == [("hold", "deadline")]
    unsure = Judged("inconclusive", T0, reason="12 of 200 canary requests")
    [hold] = decided(at("analyse"), 1800, verdict=unsure)
    assert isinstance(hold, Move) and (hold.pause, "12 of 200" in hold.why) == ("inconclusive", True)
    assert decided(at("analyse"), 1799) == []


# --- pauses that end by themselves ------------------------------------------------------------------------------


def test_a_pause_ends_when_its_reason_is_gone() -> None:
    clear = [("clear", None)]
    propagating = {"kind": "set_weight", "step_index": 0, "desired": at_step(PLAN, 0), "phase": "propagating"}
    assert moves(decided(paused("drift"))) == clear
    assert decided(paused("drift"), actual=traffic({"v1": 100})) == []
    assert moves(decided(paused("laggards", **propagating))) == clear
    assert decided(paused("laggards", **propagating), acks=Acks(waiting=("p1",))) == []
    fine, unsure, down = Judged("pass", T0), Judged("inconclusive", T0), Judged("error", T0)
    assert moves(decided(paused("no_data"), verdict=unsure)) == clear
    assert moves(decided(paused("metrics_down"), verdict=unsure)) == clear
    assert moves(decided(paused("inconclusive"), verdict=fine)) == clear
    assert decided(paused("inconclusive"), verdict=unsure) == []
    assert decided(paused("no_data"), verdict=Judged("no_data", T0, pause=True)) == []
    assert decided(paused("metrics_down"), verdict=down) == []


@pytest.mark.parametrize("reason", ["manual", "approval", "deadline", "verdict"])
def test_other_pauses_wait_for_a_person(reason: str) -> None:
    assert decided(paused(reason), 10_000, verdict=Judged("pass", T0)) == []


# --- the ends ---------------------------------------------------------------------------------------------------


def ending(state: str, phase: str = "propagating", **more: Any) -> Snapshot:
    desired = promoted(PLAN) if state == "promoting" else rolled_back(PLAN)
    values = {"state": state, "phase": phase, "desired": desired, "step_index": len(STEPS), "reason": "E 120 of 100"}
    return at("bake", **values | more)


def test_a_promotion_waits_for_all_and_for_its_check() -> None:
    assert decided(ending("promoting"), acks=Acks(waiting=("p1",))) == []
    assert decided(ending("promoting")) == [Settle(), Enter("analysing")]
    checking = ending("promoting", "analysing")
    assert decided(checking, 299) == []
    assert decided(checking, 300, verdict=Judged("error", T0)) == []
    effects = decided(checking, 300)
    assert (moves(effects), effects[-1]) == ([("settled", None)], Release())
    assert due(checking) == T0 + timedelta(minutes=5)


def test_a_failed_check_after_the_promotion_rolls_back() -> None:
    plan = msgspec.structs.replace(PLAN, on_fail="freeze")
    effects = decided(ending("promoting", "analysing", plan=plan), verdict=FAIL)
    assert (moves(effects), effects[1]) == ([("fail", None)], Apply(rolled_back(PLAN), FAIL.reason))
    assert moves(decided(ending("promoting"), acks=Acks(refused=(("p1", "no"),)))) == [("fail", None)]


def test_a_rollback_is_done_again_until_it_is_as_it_should_be() -> None:
    assert decided(ending("rolling_back"), acks=Acks(waiting=("p1",))) == []
    again = decided(ending("rolling_back"), actual=traffic({"v1": 50, "v2": 50}))
    assert again == [Apply(rolled_back(PLAN), "somebody else changed the traffic")]
    effects = decided(ending("rolling_back"), verdict=FAIL)
    assert (effects[0], moves(effects), effects[-1]) == (Settle(), [("settled", None)], Release())


def test_it_says_once_for_whom_it_waits() -> None:
    late = Acks(waiting=("p1",))
    [say] = decided(ending("rolling_back"), 60, acks=late)
    assert isinstance(say, Say) and "p1" in say.why
    assert decided(ending("rolling_back", told=say.why), 90, acks=late) == []
    assert moves(decided(ending("rolling_back"), stable_healthy=0, acks=late)) == [("stable_lost", "stable_unhealthy")]


@pytest.mark.parametrize("state", ["draft", "succeeded", "rolled_back"])
def test_nothing_happens_by_itself_before_the_start_and_after_the_end(state: str) -> None:
    assert decided(at("bake", state=state), 10_000, verdict=FAIL, canary_healthy=0) == []


def test_a_clock_that_was_set_back_only_makes_it_wait() -> None:
    for rollout in (
        at("bake"),
        at("analyse"),
        at("set_weight", step_index=0, phase="warming", desired=at_step(PLAN, 0)),
    ):
        assert decided(rollout, -100_000) == []
