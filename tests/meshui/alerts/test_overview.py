"""``overview/``: the worst first, and only what one may view."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from meshui.alerts import overview
from meshui.alerts.models import Alert
from meshui.catalog.models import Proxy, Service
from meshui.core.actors import system
from meshui.core.commits import commit
from meshui.security.models import Authority
from meshui.telemetry import coarse, levels, registry, rollups
from meshui.telemetry.models import Objective
from meshui.telemetry.objectives import selectors
from meshui.telemetry.objectives.services import Promised, objective_set
from meshui.telemetry.selectors import Remembered
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, proxy_of, register
from tests.meshui.telemetry.seconds import second
from tests.meshui.telemetry.test_api import client_of, get

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(frames: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue fails a twentieth, users are four times as slow as an hour ago, the front end is well."""
    selectors.forget()
    monkeypatch.setattr(overview, "_before", Remembered(1))
    register()
    objective_set(actor=system("test"), service="shop/catalog", wanted=Promised(availability=99.0))
    start = int(time.time() - 3600) // 300 * 300
    past = Window()
    usual = [
        call("platform/users", codes={200: 100}, ms=[10] * 100),
        call("shop/catalog", codes={200: 100}, ms=[5] * 100),
    ]
    second(past, start + 1.0, shop_frontend=usual)
    rollups.write(start, [frame for frame, _ in past.frames(start, start + 10, blocks=False)])
    coarse.write(levels.MIDDLE, start)
    second(
        frames,
        time.time() - 1,
        platform_gateway=[call("shop/frontend", codes={200: 100}, ms=[20] * 100)],
        shop_frontend=[
            call("shop/catalog", codes={200: 95, 503: 5}, ms=[5] * 100),
            call("platform/users", codes={200: 100}, ms=[40] * 100),
        ],
    )
    bad = int(time.time()) // 10 * 10 - 20
    again = Window()
    second(again, bad + 1.0, shop_frontend=[call("shop/catalog", codes={503: 60, 200: 40})])
    rollups.write(bad, [frame for frame, _ in again.frames(bad, bad + 10, blocks=False)])


def test_the_worst_edges_come_first_with_what_was_an_hour_ago(incident: None) -> None:
    found = get(client_of(), "overview/")
    worst = found["worst_edges"]
    assert [each["edge"]["id"] for each in worst] == ["shop/frontend->shop/catalog", "shop/frontend->platform/users"]
    assert (worst[0]["burn"], worst[0]["p99_change"]) == (5.0, 1.0)
    assert worst[1]["burn"] == 0.0
    assert worst[1]["p99_change"] == pytest.approx(4, rel=0.07)
    assert worst[1]["p99_then_ms"] == pytest.approx(10, rel=0.032)
    assert worst[0]["since"] is not None
    assert worst[1]["since"] is not None, "it is only slow"
    assert worst[0]["change"] is None
    assert found["headline"].startswith("1 of 3 edges degraded: shop/frontend → shop/catalog")


def test_a_few_milliseconds_are_noise_however_many_times_as_much(frames: Window, incident: None) -> None:
    second(frames, time.time(), shop_frontend=[call("shop/catalog", codes={200: 9900}, ms=[15] * 9900)])
    worst = get(client_of(), "overview/")["worst_edges"]
    assert [each["edge"]["id"] for each in worst] == ["shop/frontend->platform/users"]


def test_an_edge_that_breaks_its_latency_objective_says_since_when_and_after_what(frames: Window) -> None:
    selectors.forget()
    register()
    objective_set(actor=system("test"), service="shop/catalog", wanted=Promised(latency=(99.0, 100)))
    registry.services.clear()
    now = int(time.time()) // 10 * 10
    for ago, ms in ((40, 20.0), (20, 250.0), (10, 250.0)):
        second(frames, now - ago + 1.0, shop_frontend=[call("shop/catalog", codes={200: 100}, ms=[ms] * 100)])
    with commit(actor=system("ana"), action="routes.set", obj="service:shop/catalog", namespace="shop") as done:
        done.summary = "slower"
    [worst] = get(client_of(), "overview/")["worst_edges"]
    assert worst["since"] == datetime.fromtimestamp(now - 20, UTC).isoformat().replace("+00:00", "Z")
    assert worst["change"] is None, "the change came after it"


def test_everything_that_is_wrong_and_what_changed(
    incident: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    Alert.objects.create(
        rule="edge_failing", object="edge:a", severity="page", namespace="shop", service="shop/catalog", title="t",
        path="/x", since=now, fires_at=now, seen_at=now,
    )  # fmt: skip
    Objective.objects.create(service=Service.objects.get(name="users"), availability=99.0)
    soon = now + timedelta(seconds=settings.MESHUI.leaf_ttl_s * 0.2)
    Proxy.objects.filter(pk=proxy_of("shop/catalog")).update(certificate_not_after=soon, last_seen_at=now)
    Authority.objects.create(
        kind="intermediate", not_before=now - timedelta(days=9), not_after=now + timedelta(days=1), sealed_key=b""
    )
    client = client_of()
    with django_assert_max_num_queries(60):
        found = get(client, "overview/")
    assert [view["service"] for view in found["objectives"]] == ["shop/catalog"]
    assert [alert["title"] for alert in found["alerts"]] == ["t"]
    assert [change["action"] for change in found["changes"]] == ["objective.set"]
    assert [(each["kind"], each["proxy"], each["service"]) for each in found["certificates"]] == [
        ("intermediate", "", ""),
        ("proxy", proxy_of("shop/catalog"), "shop/catalog"),
    ]
    assert found["rollouts"] == []
    assert found["sync"]["proxies"] == 5


def test_an_edge_whose_errors_come_from_further_behind_comes_after_what_explains_them(frames: Window) -> None:
    register()
    second(
        frames,
        time.time() - 1,
        platform_gateway=[call("shop/frontend", codes={200: 90, 502: 10})],
        shop_frontend=[call("shop/catalog", codes={200: 188, 503: 12}), call("platform/users", codes={200: 50})],
    )
    worst = get(client_of(), "overview/")["worst_edges"]
    assert [(each["edge"]["id"], each["because"]) for each in worst] == [
        ("shop/frontend->shop/catalog", None),
        ("platform/gateway->shop/frontend", "shop/frontend->shop/catalog"),
    ]


def test_only_what_one_may_view(incident: None) -> None:
    found = get(client_of(namespace="platform"), "overview/")
    assert found["worst_edges"] == found["objectives"] == found["changes"] == []
    assert "shop" not in str(found)


def test_before_any_traffic(frames: Window) -> None:
    register()
    found = get(client_of(), "overview/")
    assert (found["as_of_unix"], found["headline"], found["worst_edges"]) == (None, "No traffic", [])
