"""Whole rollouts, from start to end, as they go when nothing or something goes wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import timedelta

import pytest

from meshui.core import outgoing
from meshui.core.models import Change
from meshui.rollouts import gathered, past, reconcile
from meshui.rollouts.analysis.observations import NoData, Unavailable
from meshui.rollouts.metrics import mesh
from meshui.rollouts.metrics.mesh import Reading, VersionCounts
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Analyse, Analysis, Approve, Bake, Metric, SetWeight, Webhook
from tests.meshui.rollouts.world import OTHER, World

LONG = (SetWeight(weight=50), Bake(ms=1_200_000), SetWeight(weight=100))


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


@pytest.mark.parametrize("rps", [5, 50, 500])
def test_five_percent_against_a_tenth_is_noticed_at_any_rate(world: World, rps: int) -> None:
    rng = random.Random(rps)
    row = world.step(world.create(LONG))
    for _ in range(80):
        half = rps * 15 // 2
        bad = [sum(rng.random() < rate for _ in range(half)) for rate in (0.001, 0.05)]
        world.answers(v1=(half, bad[0]), v2=(half, bad[1]))
        row = world.step(row, 15)
        if row.state == "rolled_back":
            break
    assert (row.state, world.split()) == ("rolled_back", {"v1": 100, "v2": 0})
    assert "% of canary requests failed" in row.reason


def test_a_canary_that_breaks_while_an_approval_waits_is_rolled_back(world: World) -> None:
    row = world.step(world.create((SetWeight(weight=5), Approve(), SetWeight(weight=100))))
    row = world.step(row, 30)
    assert row.pause_reason == "approval"
    world.answers(v1=(950, 1), v2=(50, 40))
    row = world.step(world.step(row, 15), 15)
    assert row.state == "rolled_back"


def test_a_source_that_is_down_holds_at_once_pauses_after_two_minutes_and_never_passes(world: World) -> None:
    row = world.step(world.step(world.create((SetWeight(weight=5), Analyse(), SetWeight(weight=100)))), 30)
    assert row.step_index == 1
    world.reading = Unavailable("telemetry_down", "Redis: gone")
    for _ in range(7):
        row = world.step(row, 15)
        assert (row.state, row.step_index) == ("progressing", 1)
    row = world.step(row, 15)
    assert (row.state, row.pause_reason) == ("paused", "metrics_down")
    world.answers(v1=(5000, 5), v2=(300, 0))
    row = world.step(row, 15)
    assert row.state == "progressing"
    assert world.until_state(row, "succeeded").state == "succeeded"


def test_silence_pauses_after_five_minutes_and_ends_when_there_is_traffic(world: World) -> None:
    row = world.step(world.step(world.create(LONG), 15), 15)
    world.reading = NoData("the canary got no requests")
    for _ in range(19):
        row = world.step(row, 15)
        assert row.state == "progressing"
    row = world.step(row, 15)
    assert (row.state, row.pause_reason) == ("paused", "no_data")
    world.answers(v1=(5000, 5), v2=(300, 0))
    assert world.step(row, 15).state == "progressing"


def test_what_was_before_the_rollout_does_not_count(world: World) -> None:
    world.answers(v1=(950, 1), v2=(50, 50))
    row = world.step(world.create())
    assert row.verdict is None and not row.measurements.exists()
    world.answers(v1=(5000, 5), v2=(300, 0))
    row = world.step(row, 15)
    assert row.verdict is not None and row.verdict["canary"] == {"total": 300, "bad": 0, "rate": 0.0}


def test_a_pause_does_not_eat_the_time_of_a_bake(world: World) -> None:
    row = world.step(world.step(world.create((SetWeight(weight=5), Bake(ms=60_000), SetWeight(weight=100)))), 30)
    world.pass_time(20)
    world.act(row, "pause")
    world.pass_time(1000)
    row = world.act(row, "resume")
    assert row.next_due_at is not None and row.next_due_at - world.now == timedelta(seconds=40)
    assert world.step(row, 39).step_index == 1
    assert world.step(row, 1).step_index == 2


def test_a_clock_set_back_by_an_hour_costs_no_more_than_the_phase_begun(world: World) -> None:
    row = world.step(world.step(world.create((SetWeight(weight=5), Bake(ms=60_000), SetWeight(weight=100)))), 30)
    world.pass_time(-3600)
    assert reconcile.due() == [row.pk]
    row = world.step(row)
    row = world.step(row, 59)
    assert row.step_index == 1 and row.analysed_until == world.now
    assert world.step(row, 1).step_index == 2


def test_a_webhook_is_asked_signed_three_times_and_again_after_a_resume(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bytes, Mapping[str, str]]] = []
    answers = [outgoing.Failed("no answer"), 500, 503, 204]

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> outgoing.Answer:
        asked.append((url, body, headers))
        answer = answers[len(asked) - 1]
        if isinstance(answer, Exception):
            raise answer
        return outgoing.Answer(answer, b"")

    monkeypatch.setattr(outgoing, "post", post)
    row = world.create((Webhook(url="https://gate.example.com/go"), SetWeight(weight=100)))
    for tries in (1, 2):
        row = world.tick(row)
        assert (row.state, row.webhook_tries) == ("progressing", tries)
    row = world.tick(row)
    assert (row.state, row.pause_reason) == ("paused", "verdict")
    assert row.reason == "the webhook https://gate.example.com/… did not agree: it answered 503"
    row = world.tick(world.act(row, "resume", OTHER))
    assert (row.step_index, len(asked)) == (1, 4)
    url, body, headers = asked[0]
    assert url == "https://gate.example.com/go"
    assert json.loads(body) == {
        "rollout": str(row.pk),
        "service": "shop/catalog",
        "stable": "v1",
        "canary": "v2",
        "step": 0,
        "attempt": 1,
    }
    assert headers["X-Meshui-Signature"].startswith("sha256=")
    assert {sent["Idempotency-Key"] for _, _, sent in asked} == {headers["Idempotency-Key"]}


def test_a_second_attempt_is_judged_by_itself(world: World) -> None:
    row = world.step(world.create(LONG, on_fail="freeze"))
    world.answers(v1=(950, 1), v2=(50, 40))
    for _ in range(2):
        row = world.step(row, 15)
    assert (row.state, row.pause_reason) == ("paused", "verdict")
    assert world.split() == {"v1": 50, "v2": 50}
    world.answers(v1=(5000, 5), v2=(300, 0))
    row = world.step(world.act(row, "resume"), 15)
    row = world.act(row, "retry") if row.state == "paused" else world.act(world.act(row, "pause"), "retry")
    assert (row.attempt, row.step_index) == (2, 0)
    assert world.until_state(row, "succeeded", every_s=60).attempt == 2
    assert Rollout.objects.get().measurements.filter(attempt=1).exists()


def test_a_canary_may_be_slow_while_it_warms_up_but_not_fail(world: World) -> None:
    metrics = (Metric(name="errors"), Metric(name="latency"))
    row = world.create(LONG, analysis=Analysis(metrics=metrics, interval_ms=1000))
    for _ in range(3):
        row = world.step(row, 1)
    assert row.step_phase == "warming"
    counted = {m.metric: m.canary_total for m in row.measurements.order_by("id")}
    totals = {name: state.evidence.counts.canary_total for name, state in gathered.states(row).items()}  # type: ignore[union-attr]
    assert counted["errors"] == counted["latency"] == 300
    assert totals["errors"] > 0 == totals["latency"]


def promoting(world: World, monkeypatch: pytest.MonkeyPatch, past_errors: int, *, count: int = 200) -> Rollout:
    """A rollout at its post-check. Stable had so many requests and errors in each ten seconds before; the canary fails
    one in twenty from now on."""

    def recorded(service: str, since: float, until: float, window_s: int) -> list[Reading]:
        served = {"v1": VersionCounts(count, past_errors)}
        return [Reading(at, at + window_s, window_s, served) for at in range(int(since), int(until), window_s)]

    monkeypatch.setattr(mesh, "recorded", recorded)
    row = world.until_state(world.create(), "promoting")
    world.answers(v1=(0, 0), v2=(200, 10))
    return row


def test_a_promoted_canary_is_compared_with_stables_past(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.until_state(promoting(world, monkeypatch, 0), "rolled_back")
    assert world.split() == {"v1": 100, "v2": 0}
    assert "of canary requests failed" in row.reason


def test_a_promoted_canary_that_is_as_stable_was_succeeds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.until_state(promoting(world, monkeypatch, 10), "succeeded")
    assert world.split() == {"v1": 0, "v2": 100}


def test_each_window_of_the_past_serves_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.step(promoting(world, monkeypatch, 10), 15)
    left = len(row.evidence["past"]["errors"])
    assert 0 < left < past.MOST
    row = world.step(row, 15)
    assert len(row.evidence["past"]["errors"]) == left - 1


def test_without_a_past_only_a_broken_canary_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = promoting(world, monkeypatch, 0, count=0)
    assert world.until_state(row, "succeeded").state == "succeeded"
