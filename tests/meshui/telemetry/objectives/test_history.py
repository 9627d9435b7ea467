"""How much of a budget was left, over time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshui.accounts.models import RoleGrant
from meshui.catalog.models import Service
from meshui.telemetry import coarse
from meshui.telemetry.models import Objective
from meshui.telemetry.objectives import selectors
from meshui.telemetry.objectives.history import budget_history
from tests.meshui.telemetry.mesh import register
from tests.meshui.telemetry.objectives.test_objectives import NOW, past
from tests.meshui.telemetry.test_api import client_of, get

pytestmark = pytest.mark.django_db

DAY = 86_400


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    selectors.forget()
    yield
    selectors.forget()


@pytest.fixture
def promised() -> Objective:
    register()
    return Objective.objects.create(
        service=Service.objects.get(name="catalog"), availability=90.0, latency_percent=50.0, latency_ms=100
    )


def test_a_budget_is_spent_by_errors_and_grows_back_when_they_are_old(promised: Objective) -> None:
    past(50 * DAY, {200: 950, 500: 50}, [500] * 1000)
    past(10 * DAY, {200: 900, 500: 100}, [5] * 1000)
    while coarse.coarsen():
        pass
    found = budget_history(promised, "28d", float(NOW))
    assert (len(found.times), found.times[-1], found.step_s) == (84, NOW, 28_800)
    assert found.availability is not None and found.latency is not None
    first, last = found.availability[0], found.availability[-1]
    assert (first, found.latency[0]) == (0.5, -1.0)
    assert (last, found.latency[-1]) == (0.0, 1.0)
    older = [left for left in found.availability if left not in (first, last)]
    assert set(older) == {None, 0.25} or set(older) == {None}, "what is 28 days old does not count any more"


def test_an_hour_is_told_to_the_minute(promised: Objective) -> None:
    past(2 * 3600, {200: 100}, [5] * 100)
    past(600, {200: 80, 500: 20}, [5] * 100)
    found = budget_history(promised, "1h", float(NOW))
    assert found.availability is not None
    step = next(n for n, at in enumerate(found.times) if at > NOW - 600)
    assert found.availability[step - 1 : step + 1] == [1.0, 0.0]
    assert found.availability[-1] == 0.0


def test_too_few_requests_say_nothing(promised: Objective) -> None:
    past(600, {200: 10})
    found = budget_history(promised, "24h", float(NOW))
    assert found.availability == [None] * 96


def test_what_is_not_promised_is_null(promised: Objective) -> None:
    path = "services/shop/catalog/objectives/history/?span=24h"
    Objective.objects.update(latency_percent=None, latency_ms=None)
    found = get(client_of(), path)
    assert (found["latency"], len(found["availability"])) == (None, 96)
    Objective.objects.all().delete()
    found = get(client_of(namespace="shop"), path)
    assert found["availability"] is found["latency"] is None
    assert client_of(RoleGrant.Role.OPERATOR).get(f"/api/v1/{path}0").status_code == 400
