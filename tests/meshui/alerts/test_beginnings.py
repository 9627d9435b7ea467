"""Since when an edge fails, and which change is blamed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from meshui.alerts import beginnings
from meshui.core.actors import system
from meshui.core.commits import commit
from meshui.core.models import Change
from meshui.telemetry import coarse, levels, rollups, selectors
from meshui.telemetry.edges import Edge
from meshui.telemetry.graph import Scope
from meshui.telemetry.selectors import Remembered
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import second

pytestmark = pytest.mark.django_db

NOW = int(time.time()) // 10 * 10


@pytest.fixture(autouse=True)
def mesh(frames: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginnings, "_found", Remembered(16))
    register()


def at(frames: Window, start: int, *, bad: int) -> None:
    """One second in which the catalogue answers a hundred requests, so many of them with errors."""
    second(frames, start + 1.0, shop_frontend=[call("shop/catalog", codes={200: 100 - bad, 503: bad})])


def edges() -> list[Edge]:
    return selectors.graph_get(window_s=60, by="service", scope=Scope(visible=None)).edges


def began() -> datetime | None:
    return beginnings.began(edges()).get("shop/frontend->shop/catalog")


def change(action: str, obj: str, when: float, namespace: str = "shop") -> int:
    with (
        patch("django.utils.timezone.now", return_value=datetime.fromtimestamp(when, UTC)),
        commit(actor=system("ana"), action=action, obj=obj, namespace=namespace) as done,
    ):
        done.summary = action
    return Change.objects.get(action=action, object=obj).pk


def test_the_last_run_of_errors_counts_and_short_pauses_do_not(frames: Window) -> None:
    for start, bad in ((-400, 5), (-300, 0), (-200, 5), (-160, 0), (-150, 5), (-100, 5), (-50, 5), (-10, 5)):
        at(frames, NOW + start, bad=bad)
    assert began() == datetime.fromtimestamp(NOW - 200, UTC)


def test_an_edge_without_errors_began_nothing(frames: Window) -> None:
    at(frames, NOW - 300, bad=50)
    at(frames, NOW - 10, bad=0)
    assert began() is None


SLOW = {"shop/frontend->shop/catalog": beginnings.Limit(50, 0.01)}


def answer(frames: Window, start: int, ms: list[float], **codes: int) -> None:
    """One second in which the catalogue answers after so many milliseconds."""
    by_code = {int(code[1:]): count for code, count in codes.items()} or {200: len(ms)}
    second(frames, start + 1.0, shop_frontend=[call("shop/catalog", codes=by_code, ms=ms)])


def test_an_edge_that_is_only_slow_began_with_its_last_run_of_slow_requests(frames: Window) -> None:
    well, slow, one = [10.0] * 100, [10.0] * 98 + [90.0, 90.0], [10.0] * 50 + [90.0]
    early = ((-400, slow), (-300, well), (-260, one), (-200, slow), (-160, well), (-150, slow))
    for start, ms in (*early, (-95, slow), (-45, slow), (-40, one), (-10, slow)):
        answer(frames, NOW + start, ms)
    expected = change("routes.set", "service:shop/catalog", NOW - 210)
    assert beginnings.began(edges()) == {}, "without a limit nothing is slow"
    since = beginnings.began(edges(), SLOW)
    assert since == {"shop/frontend->shop/catalog": datetime.fromtimestamp(NOW - 200, UTC)}
    assert [row.pk for row in beginnings.causes(system("test"), edges(), since).values()] == [expected]


def test_an_edge_with_errors_began_with_them_however_slow_it_was_before(frames: Window) -> None:
    answer(frames, NOW - 70, [90.0] * 100)
    answer(frames, NOW - 30, [90.0] * 100, c200=90, c503=10)
    assert beginnings.began(edges(), SLOW) == {"shop/frontend->shop/catalog": datetime.fromtimestamp(NOW - 30, UTC)}


def test_slowness_before_the_frames_is_found_in_rollups(frames: Window) -> None:
    start = (NOW - 3600) // 300 * 300
    for number, ms in enumerate((10.0, 90.0, 90.0)):
        past = Window()
        span = start + 300 * number + 120
        answer(past, span, [ms] * 100)
        rollups.write(span, [frame for frame, _ in past.frames(span, span + 10, blocks=False)])
        coarse.write(levels.MIDDLE, start + 300 * number)
    for at_ in (start + 900, start + 940):
        answer(frames, at_, [90.0] * 100)
    assert beginnings.began(edges(), SLOW) == {"shop/frontend->shop/catalog": datetime.fromtimestamp(start + 420, UTC)}


def test_what_began_before_the_frames_is_found_in_rollups(frames: Window) -> None:
    start = (NOW - 3600) // 300 * 300
    for number, bad in enumerate((0, 5, 5)):
        past = Window()
        span = start + 300 * number + 120
        at(past, span, bad=bad)
        rollups.write(span, [frame for frame, _ in past.frames(span, span + 10, blocks=False)])
        coarse.write(levels.MIDDLE, start + 300 * number)
    at(frames, start + 900, bad=5)
    at(frames, start + 940, bad=5)
    assert began() == datetime.fromtimestamp(start + 420, UTC)
    rollups.Rollup.objects.all().delete()
    beginnings._found = Remembered(16)
    assert began() == datetime.fromtimestamp(start + 300, UTC)


def test_the_newest_change_just_before_is_blamed_if_it_steers_that_traffic(frames: Window) -> None:
    for start in (-200, -150, -100, -50, -10):
        at(frames, NOW + start, bad=5)
    change("split.set", "service:shop/catalog", NOW - 2000)
    change("split.set", "service:platform/users", NOW - 205)
    change("objective.set", "service:shop/catalog", NOW - 204)
    change("policy.set", "policy:elsewhere", NOW - 203, namespace="bank")
    expected = change("routes.set", "service:shop/catalog", NOW - 210)
    change("split.set", "service:shop/frontend", NOW - 20)
    found = beginnings.causes(system("test"), edges(), beginnings.began(edges()))
    assert {edge: row.pk for edge, row in found.items()} == {"shop/frontend->shop/catalog": expected}


def test_a_policy_may_be_why(frames: Window) -> None:
    for start in (-100, -50, -10):
        at(frames, NOW + start, bad=5)
    expected = change("policy.set", "policy:readers", NOW - 110)
    found = beginnings.causes(system("test"), edges(), beginnings.began(edges()))
    assert found["shop/frontend->shop/catalog"].pk == expected


def test_no_cause_where_nothing_changed(frames: Window) -> None:
    at(frames, NOW - 10, bad=5)
    since = beginnings.began(edges())
    assert since["shop/frontend->shop/catalog"] - datetime.fromtimestamp(NOW, UTC) < timedelta()
    assert beginnings.causes(system("test"), edges(), since) == {}
