"""Before a rollout: preflight, how long a bad canary would go unnoticed, templates and what they would have said."""

from __future__ import annotations

import time
from typing import Any

import pytest

from meshui.catalog.models import Instance, Service
from meshui.rollouts.analysis.detect import minutes_to_detect
from meshui.telemetry import rollups
from meshui.telemetry.window import Window
from tests.meshui.rollouts.metrics.test_mesh import frame
from tests.meshui.telemetry.fixtures import frames
from tests.meshui.telemetry.mesh import call
from tests.meshui.telemetry.seconds import second
from tests.support.api import Api

__all__ = ["frames"]

STEPS = [{"set_weight": 5}, {"bake": "2m"}, {"analyse": {}}, {"set_weight": 50}, {"analyse": {}}, {"set_weight": 100}]


@pytest.fixture(autouse=True)
def ready(catalog: Service, frames: Window) -> None:
    for port, version in enumerate(catalog.versions.all(), 1):
        Instance.objects.create(id=f"i-{version}", service=catalog, version=version, address="10.0.0.1", port=port)


def serve(frames: Window, seconds: int = 20) -> None:
    """100 requests a second to v1, of which one fails."""
    now = time.time()
    for ago in reversed(range(seconds)):
        second(frames, now - ago, shop_frontend=[call("shop/catalog", "v1", codes={200: 99, 503: 1}, ms=[5] * 100)])


# --- preflight --------------------------------------------------------------------------------------------------


def test_preflight_says_what_stands_in_the_way(operator: Api, frames: Window) -> None:
    serve(frames)
    shown = operator.post("rollouts/preflight/", {"service": "shop/catalog", "canary": "v2"})
    assert shown.status == 200
    assert all(check["ok"] for check in shown.body["checks"])
    assert (shown.body["stable"], shown.body["active_rollout"]) == ("v1", None)
    assert shown.body["rate_rps"] == pytest.approx(100)
    assert shown.body["versions"] == [
        {"name": "v1", "weight": 100, "instances": 1, "healthy": 1},
        {"name": "v2", "weight": 0, "instances": 1, "healthy": 1},
    ]
    Instance.objects.filter(version__name="v2").update(status="critical")
    checks = operator.post("rollouts/preflight/", {"service": "shop/catalog", "canary": "v2"}).body["checks"]
    assert [check["name"] for check in checks if not check["ok"]] == ["canary_healthy"]


def test_preflight_names_the_rollout_that_is_under_way(operator: Api) -> None:
    first = operator.post("rollouts/", {"service": "shop/catalog", "canary": "v2"}).body["id"]
    shown = operator.post("rollouts/preflight/", {"service": "shop/catalog", "canary": "v2"}).body
    assert shown["active_rollout"] == first
    assert [check["name"] for check in shown["checks"] if not check["ok"]] == ["no_other"]


def test_without_telemetry_there_is_no_rate(operator: Api) -> None:
    asked = {"service": "shop/catalog", "canary": "v2"}
    assert operator.post("rollouts/preflight/", asked).body["rate_rps"] is None


def test_one_asks_about_what_one_may_view(outsider: Api, viewer: Api) -> None:
    asked = {"service": "shop/catalog", "canary": "v2"}
    assert outsider.post("rollouts/preflight/", asked).status == 404
    assert outsider.post("rollouts/estimate/", {"service": "shop/catalog", "steps": STEPS}).status == 404
    assert viewer.post("rollouts/preflight/", asked).status == 200


# --- estimate ---------------------------------------------------------------------------------------------------


def test_an_estimate_is_of_each_step_that_analyses(operator: Api, frames: Window) -> None:
    serve(frames)
    shown = operator.post("rollouts/estimate/", {"service": "shop/catalog", "steps": STEPS}).body
    assert (shown["rate_rps"], shown["baseline_error"]) == (pytest.approx(100), pytest.approx(0.01))
    assert shown["assumed_error"] == pytest.approx(0.01)
    assert [(step["index"], step["share"]) for step in shown["steps"]] == [(2, 0.05), (4, 0.5)]
    expected = minutes_to_detect(100, 0.05, 0.01, 2.0, 0.01, deciding=2)
    assert shown["steps"][0]["minutes_to_detect"] == pytest.approx(expected)
    assert shown["steps"][0]["minutes_to_detect"] > shown["steps"][1]["minutes_to_detect"]
    # Two minutes of baking, three times half a minute of warming, 200 requests at 5 a second and at 50 a second.
    assert shown["total_minutes"] == pytest.approx(2 + 1.5 + (40 + 4) / 60, abs=0.05)


def test_without_traffic_nothing_would_be_noticed(operator: Api) -> None:
    shown = operator.post("rollouts/estimate/", {"service": "shop/catalog", "steps": STEPS}).body
    assert (shown["rate_rps"], shown["baseline_error"]) == (None, None)
    assert [step["minutes_to_detect"] for step in shown["steps"]] == [None, None]


def test_where_stable_never_fails_a_canary_that_does_is_noticed(operator: Api, frames: Window) -> None:
    now = time.time()
    for ago in reversed(range(20)):
        second(frames, now - ago, shop_frontend=[call("shop/catalog", "v1", codes={200: 100}, ms=[5] * 100)])
    shown = operator.post("rollouts/estimate/", {"service": "shop/catalog", "steps": STEPS}).body
    assert (shown["baseline_error"], shown["assumed_error"]) == (0.0, 0.005)
    assert shown["steps"][1]["minutes_to_detect"] == pytest.approx(minutes_to_detect(100, 0.5, 0.005, deciding=2))


def test_copies_count_for_the_canary(operator: Api, frames: Window) -> None:
    serve(frames)
    steps = [{"set_mirror": {"percent": 25}}, {"analyse": {}}]
    (step,) = operator.post("rollouts/estimate/", {"service": "shop/catalog", "steps": steps}).body["steps"]
    assert step["share"] == pytest.approx(0.2)
    assert step["minutes_to_detect"] is not None


# --- templates --------------------------------------------------------------------------------------------------

CPU = {"name": "cpu", "promql": 'sum(rate(cpu{service="{{service}}"}[1m]))', "failure": "value > 0.9"}
WEB: dict[str, Any] = {"name": "web", "description": "for pages", "metrics": ["errors", CPU]}


def test_a_template_is_made_changed_and_deleted(admin: Api) -> None:
    made = admin.post("analysis-templates/", WEB)
    assert made.status == 201
    assert [metric if isinstance(metric, str) else metric["name"] for metric in made.body["metrics"]] == [
        "errors",
        "cpu",
    ]
    assert made.body["metrics"][1]["failure"] == "value > 0.9"
    assert admin.post("analysis-templates/", WEB).status == 409
    path = "analysis-templates/web/"
    assert admin.get(path).body == made.body
    assert admin.call("PUT", path, {"metrics": ["errors"]}).status == 428
    changed = admin.change("PUT", path, {"metrics": ["latency"], "description": "slower"})
    assert (changed.body["metrics"], changed.body["description"]) == (["latency"], "slower")
    assert admin.call("PUT", path, {"metrics": ["errors"]}, If_Match=made.etag).status == 412
    assert [t["name"] for t in admin.get("analysis-templates/?search=we").body["results"]] == ["web"]
    assert admin.get("analysis-templates/?search=x").body["results"] == []
    assert admin.change("DELETE", path).status == 204
    assert admin.get(path).status == 404
    logged = [change["action"] for change in admin.get("changes/?object=template:web").body["results"]]
    assert logged == ["template.delete", "template.set", "template.create"]


def test_a_dry_run_of_a_template_keeps_nothing(admin: Api) -> None:
    assert admin.post("analysis-templates/?dry_run=1", WEB).status == 201
    assert admin.get("analysis-templates/web/").status == 404


def test_a_bad_metric_is_named(admin: Api) -> None:
    bad = WEB | {"metrics": ["errors", {"name": "x", "promql": "up", "success": "value <"}]}
    assert admin.post("analysis-templates/", bad).paths() == {"metrics.1.success": "condition"}
    unknown = WEB | {"metrics": [CPU | {"promql": "{{namespaces}}"}]}
    assert list(admin.post("analysis-templates/", unknown).paths()) == ["metrics.0.promql"]
    assert admin.post("analysis-templates/", WEB | {"metrics": []}).status == 400


def test_templates_are_everybodys_to_read_and_the_meshs_to_write(admin: Api, operator: Api, outsider: Api) -> None:
    admin.post("analysis-templates/", WEB)
    assert outsider.get("analysis-templates/web/").status == 200
    for api in (operator, outsider):
        assert api.post("analysis-templates/", WEB | {"name": "mine"}).status == 403
        assert api.change("DELETE", "analysis-templates/web/").status == 403


def test_a_rollout_copies_its_templates_metrics(admin: Api) -> None:
    admin.post("analysis-templates/", WEB)
    body = {"service": "shop/catalog", "canary": "v2", "analysis": {"template": "web"}, "start": False}
    draft = admin.post("rollouts/", body).body
    assert [m if isinstance(m, str) else m["name"] for m in draft["plan"]["analysis"]["metrics"]] == ["errors", "cpu"]
    admin.change("PUT", "analysis-templates/web/", {"metrics": ["latency"]})
    assert admin.get(f"rollouts/{draft['id']}/").body["plan"] == draft["plan"]


# --- backtest ---------------------------------------------------------------------------------------------------

START = 1_700_000_000  # of the frames


@pytest.fixture
def recorded() -> None:
    """Ten minutes; from the sixth on every third request to v2 fails."""
    for at in range(0, 600, 10):
        failed = 3 if at >= 300 else 0
        rollups.write(
            START + at,
            [
                frame(
                    one,
                    shop_frontend=[
                        call("shop/catalog", "v1", codes={200: 90}, ms=[5] * 90),
                        call("shop/catalog", "v2", codes={200: 10 - failed, 503: failed}, ms=[5] * 10),
                    ],
                )
                for one in range(at + 1, at + 11)
            ],
        )


def iso(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START + at))


def backtest(since: int = 0, until: int = 600, **more: Any) -> dict[str, Any]:
    whole = {"service": "shop/catalog", "canary": "v2", "stable": "v1", "from": iso(since), "to": iso(until)}
    return whole | {"interval": "10s"} | more


def test_a_backtest_says_when_it_would_have_rolled_back(admin: Api, recorded: None) -> None:
    admin.post("analysis-templates/", WEB | {"metrics": ["errors"]})
    found = admin.post("analysis-templates/web/backtest/", backtest(steps=100))
    assert found.status == 200
    outcome = found.body["outcome"]
    assert outcome["verdict"] == "fail"
    assert iso(310) < outcome["at"] <= iso(340)
    assert "of canary requests failed" in outcome["reason"]
    assert found.body["windows"] == 60
    ticks = found.body["ticks"]
    assert {tick["metric"] for tick in ticks} == {"errors"}
    assert ticks[-1]["verdict"] == "fail"
    assert ticks[-1]["e"] >= ticks[-1]["limit"]
    assert ticks[0]["e"] < ticks[0]["limit"]


def test_a_good_stretch_would_have_passed(admin: Api, recorded: None) -> None:
    admin.post("analysis-templates/", WEB | {"metrics": ["errors"]})
    found = admin.post("analysis-templates/web/backtest/", backtest(until=300)).body
    assert (found["outcome"]["verdict"], found["outcome"]["at"]) == ("pass", iso(60))


def test_a_time_without_telemetry_says_nothing(admin: Api) -> None:
    admin.post("analysis-templates/", WEB | {"metrics": ["errors"]})
    found = admin.post("analysis-templates/web/backtest/", backtest()).body
    assert (found["outcome"]["verdict"], found["outcome"]["at"]) == ("inconclusive", None)
    assert len(found["pauses"]) == 1


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"interval": "15s"}, "interval"),
        ({"interval": "soon"}, "interval"),
        ({"from": "2020-01-01T00:00:00Z"}, "from"),
        ({"to": "2020-01-01T00:00:00Z"}, "to"),
        ({"from": "2999-01-01T00:00:00Z", "to": "2999-01-02T00:00:00Z"}, "to"),
        ({"from": "2026-01-01"}, "from"),
    ],
)
def test_a_backtest_of_nothing_is_refused(admin: Api, more: dict[str, Any], path: str) -> None:
    admin.post("analysis-templates/", WEB | {"metrics": ["errors"]})
    refused = admin.post("analysis-templates/web/backtest/", backtest(**more))
    assert (refused.status, list(refused.paths())) == (400, [path])


def test_a_backtest_is_of_what_one_may_view(admin: Api, outsider: Api) -> None:
    admin.post("analysis-templates/", WEB | {"metrics": ["errors"]})
    assert outsider.post("analysis-templates/web/backtest/", backtest()).status == 404
    assert admin.post("analysis-templates/web/backtest/", backtest(canary="v9")).status == 404
    assert admin.post("analysis-templates/none/backtest/", backtest()).status == 404
