"""``metrics/services/``: every service in one answer, of the namespaces that one may view."""

from __future__ import annotations

import time

import pytest
from pytest_django import DjangoAssertNumQueries

from meshui.telemetry import sparklines
from meshui.telemetry.selectors import Remembered
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import second
from tests.meshui.telemetry.test_api import client_of, get

pytestmark = pytest.mark.django_db

END = int(time.time()) // 30 * 30


@pytest.fixture(autouse=True)
def traffic(frames: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds of one step, one of the next, and one of a step that still goes on."""
    monkeypatch.setattr(sparklines, "_whole", Remembered(1))
    register()
    for at, failed in ((END - 59, 0), (END - 58, 20), (END - 29, 0), (END + 1, 50)):
        second(
            frames,
            float(at),
            platform_gateway=[call("shop/frontend", codes={200: 10})],
            shop_frontend=[
                call("shop/catalog", codes={200: 100 - failed, 503: failed}),
                call("shop/catalog", "v2", codes={200: 100}),
            ],
        )


def test_rates_and_errors_by_step(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    client = client_of()
    with django_assert_max_num_queries(8):
        found = get(client, "metrics/services/")
    assert (found["step_s"], len(found["times"]), found["times"][-1]) == (30, 30, END - 30)
    line = found["services"]["shop/catalog"]
    assert line["rps"][-3:] == [None, 200.0, 200.0]
    assert line["error_rate"][-3:] == [None, 0.05, 0.0]


def test_a_gateway_has_what_it_asked_and_idle_services_nothing() -> None:
    found = get(client_of(), "metrics/services/")["services"]
    assert found["platform/gateway"]["rps"][-1] == found["shop/frontend"]["rps"][-1] == 10.0
    assert "platform/users" not in found


def test_only_what_one_may_view() -> None:
    found = get(client_of(namespace="platform"), "metrics/services/")
    assert list(found["services"]) == ["platform/gateway"]
