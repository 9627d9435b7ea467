"""Plans from bodies: defaults, every rule with the path of the field at fault, and the way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import msgspec
import pytest
from pytest_django import Settings

from meshui.core.errors import InvalidInput
from meshui.rollouts.bodies import Metrics, PlanBody
from meshui.rollouts.plan import Analyse, Bake, Metric, Plan, SetMatch, SetMirror, SetWeight, Strategy
from meshui.rollouts.planning import metrics_of, plan_of, spelled


def read(**fields: Any) -> Plan:
    return plan_of("shop/catalog", msgspec.convert({"canary": "v2", **fields}, PlanBody))


def faults(**fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        read(**fields)
    return {error.path: error.code for error in caught.value.errors}


def steps(*said: dict[str, Any]) -> list[dict[str, Any]]:
    return [*said, {"set_weight": 100}]


def test_a_body_in_full_becomes_a_plan_in_milliseconds() -> None:
    plan = read(
        stable="v1",
        strategy="canary",
        steps=steps({"set_weight": 5}, {"bake": "PT1M"}, {"analyse": {}}, {"pause": {}}, {"approve": {}}),
        analysis={"interval": "1s", "alpha": 0.05, "objective_ms": 100, "metrics": ["errors"], "min_requests": 20},
        on_fail="freeze",
        approvers=["olga"],
        notify=[{"kind": "webhook", "target": "https://hooks.example.com/x", "on": ["paused"]}],
        safety={"step_deadline": "10m", "dead_man": "2m", "sticky": {"kind": "cookie", "name": "v"}},
    )
    assert plan.steps[:3] == (SetWeight(weight=5), Bake(ms=60_000), Analyse())
    assert (plan.analysis.interval_ms, plan.analysis.metrics) == (1_000, (Metric(name="errors"),))
    assert (plan.safety.step_deadline_ms, plan.safety.warm_ms, plan.safety.dead_man_ms) == (600_000, 30_000, 120_000)
    assert plan.notify[0].on == ("paused",)
    assert plan.safety.sticky is not None
    assert plan.safety.sticky.name == "v"


def test_canary_climbs_by_default() -> None:
    plan = read()
    assert [step.weight for step in plan.steps if isinstance(step, SetWeight)] == [1, 5, 10, 25, 50, 100]
    assert [metric.name for metric in plan.analysis.metrics] == ["errors", "latency"]
    assert plan.safety.step_deadline_ms == 30 * 60_000


def test_other_strategies_have_steps_of_their_own() -> None:
    assert read(strategy="mirror").steps[0] == SetMirror(percent=10)
    assert isinstance(read(strategy="ab").steps[0], SetMatch)
    assert [step.weight for step in read(strategy="blue_green").steps if isinstance(step, SetWeight)] == [100]


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_a_plan_spelled_out_is_a_body_of_the_same_plan(strategy: str) -> None:
    plan = read(
        strategy=strategy,
        analysis={"metrics": ["latency", {"name": "cpu", "promql": "up", "failure": "value > 1.5"}]},
        safety={"dead_man": "90s"},
    )
    body = {name: said for name, said in spelled(plan).items() if name != "service"}
    assert read(**msgspec.json.decode(msgspec.json.encode(body))) == plan


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_a_plan_survives_the_database(strategy: str) -> None:
    plan = read(strategy=strategy)
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(plan)), Plan) == plan


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([{}], {"steps.0": "one_of"}),
        ([{"bake": "1s", "analyse": {}}], {"steps.0": "one_of"}),
        ([{"set_weight": 5}, {"bake": "soon"}], {"steps.1.bake": "invalid"}),
        ([{"set_weight": 5}, {"bake": "500ms"}], {"steps.1.bake": "range"}),
        ([{"set_weight": 5}, {"bake": "31d"}], {"steps.1.bake": "range"}),
        ([{"set_weight": 5}, {"bake": "29m30s"}], {"steps.1.bake": "exceeds_deadline"}),
        ([{"set_weight": 5}, {"set_weight": 5}], {"steps.1.set_weight": "not_rising"}),
        ([{"set_weight": 0}], {"steps.0.set_weight": "not_rising"}),
        ([{"analyse": {}}], {"steps.0.analyse": "no_traffic"}),
        (
            [{"set_mirror": {"percent": 5}}, {"set_mirror": {"percent": 0}}, {"analyse": {}}],
            {"steps.2.analyse": "no_traffic"},
        ),
        ([{"set_match": [{"path": {"kind": "regex", "value": "("}}]}], {"steps.0.set_match.0.path.value": "invalid"}),
        ([{"webhook": {"url": "http://127.0.0.1/"}}], {"steps.0.webhook.url": "refused"}),
        ([{"webhook": {"url": "https://u:p@example.com/"}}], {"steps.0.webhook.url": "refused"}),
    ],
)
def test_a_bad_step_is_named(said: list[dict[str, Any]], expected: dict[str, str]) -> None:
    assert faults(steps=steps(*said)) == expected


def test_all_faults_are_told_at_once() -> None:
    found = faults(steps=steps({"bake": "x"}, {}), analysis={"interval": "y"}, safety={"warm": "z"})
    assert set(found) == {"steps.0.bake", "steps.1", "analysis.interval", "safety.warm"}


def test_a_rollout_has_to_reach_everybody() -> None:
    half = [{"set_weight": 50}]
    assert faults(steps=half) == {"steps": "incomplete"}
    assert faults(strategy="blue_green", steps=half) == {"steps.0.set_weight": "all_or_none", "steps": "incomplete"}
    assert faults(strategy="ab", steps=half) == {"steps": "incomplete"}
    assert faults(strategy="mirror", steps=half) == {"steps": "incomplete"}
    assert read(strategy="manual", steps=half).steps == (SetWeight(weight=50),)


def test_a_canary_replaces_another_version() -> None:
    assert faults(stable="v2") == {"stable": "same_version"}


def test_metrics_need_what_judges_them() -> None:
    def metric(**fields: Any) -> dict[str, str]:
        return faults(analysis={"metrics": [{"name": "cpu", **fields}]})

    assert metric(success="value < 1") == {"analysis.metrics.0.promql": "required"}
    assert metric(promql="up") == {"analysis.metrics.0": "condition"}
    assert metric(promql="up", success="__import__('os')") == {"analysis.metrics.0.success": "condition"}
    assert metric(name="errors", promql="up", success="value < 1") == {"analysis.metrics.0.name": "reserved"}
    assert faults(analysis={"metrics": ["errors", "errors"]}) == {"analysis.metrics.1.name": "duplicate"}
    assert faults(analysis={"metrics": []}) == {"analysis.metrics": "required"}


def test_a_template_gives_metrics_and_the_rollout_may_replace_one() -> None:
    said = ["errors", {"name": "cpu", "promql": "up", "failure": "value > 1"}]
    template = metrics_of(msgspec.convert(said, Metrics))
    body = msgspec.convert({"canary": "v2", "analysis": {"template": "web"}}, PlanBody)
    assert [metric.name for metric in plan_of("a/b", body, template).analysis.metrics] == ["errors", "cpu"]
    own = {"metrics": [{"name": "errors", "dry_run": True}], "template": "web"}
    body = msgspec.convert({"canary": "v2", "analysis": own}, PlanBody)
    merged = plan_of("a/b", body, template).analysis.metrics
    assert [(metric.name, metric.dry_run) for metric in merged] == [("cpu", False), ("errors", True)]


def test_notifications_need_an_address_that_can_be_reached(settings: Settings) -> None:
    def target(kind: str, target: str) -> dict[str, str]:
        return faults(notify=[{"kind": kind, "target": target}])

    assert target("webhook", "http://169.254.169.254/latest") == {"notify.0.target": "refused"}
    assert target("slack", "ftp://example.com") == {"notify.0.target": "refused"}
    assert target("email", "nobody") == {"notify.0.target": "invalid"}
    assert target("email", "ops@example.com") == {"notify.0.target": "no_mail_server"}
    settings.EMAIL_HOST = "mail.example.com"
    assert read(notify=[{"kind": "email", "target": "ops@example.com"}]).notify[0].target == "ops@example.com"
    twice = [{"kind": "email", "target": "ops@example.com"}] * 2
    assert faults(notify=twice) == {"notify.1": "duplicate"}


def test_an_address_that_is_allowed_may_be_private(settings: Settings) -> None:
    settings.MESHUI = replace(settings.MESHUI, outgoing_allow=("127.0.0.0/8",))
    assert read(steps=steps({"webhook": {"url": "http://127.0.0.1:9/"}})).steps[0].kind == "webhook"
