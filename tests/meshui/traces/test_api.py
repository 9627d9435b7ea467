"""Traces through the API: found by what one span is, shown as a tree, and nothing of what may not be seen."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from meshui.traces.models import Span, Trace
from meshui.traces.store import drop_before, drop_beyond, write
from tests.meshui.traces.spans import TRACE, span
from tests.support.api import Api

pytestmark = pytest.mark.django_db

SECRET = {"namespace": "bank", "service": "bank/ledger", "name": "secret"}


def ids(found: dict[str, Any]) -> list[str]:
    return [trace["trace_id"] for trace in found["results"]]


def trace_id(number: int) -> str:
    return f"{number:032x}"


def test_a_trace_is_summed_up(viewer: Api) -> None:
    write([span(1, service="shop/frontend", duration_us=30_000), span(2, 1, error=True, code=503), span(3, 1)])
    (found,) = viewer.get("traces/").body["results"]
    assert (found["trace_id"], found["spans"], found["errors"]) == (TRACE, 3, 1)
    assert found["duration_ms"] == pytest.approx(30)
    assert found["root"] == {"service": "shop/frontend", "name": "GET", "code": 200}
    assert found["services"] == [
        {"name": "shop/catalog", "spans": 2, "errors": 1},
        {"name": "shop/frontend", "spans": 1, "errors": 0},
    ]


@pytest.mark.parametrize(
    "query",
    [
        "service=shop/catalog",
        "route=slow",
        "min_ms=99.5",
        "max_ms=101&min_ms=99.5",
        "error=true",
        "code=503",
        "flag=UH",
        "tag=tenant:blue",
        "tag=http.request.method:GET,retried:2",
        "tag=cached:true",
        "edge=shop/catalog->bank/ledger",
        "service=shop/catalog&code=503&min_ms=100&error=true",
    ],
)
def test_each_filter_finds_its_trace_and_no_other(viewer: Api, query: str) -> None:
    wanted = span(
        1,
        trace_id=trace_id(1),
        peer="bank/ledger",
        route="slow",
        duration_us=100_000,
        error=True,
        code=503,
        attributes={
            "meshui.flags": ["URX", "UH"],
            "tenant": "blue",
            "http.request.method": "GET",
            "retried": 2,
            "cached": True,
        },
    )
    write([wanted, span(2, trace_id=trace_id(2), service="bank/ledger", namespace="bank", duration_us=99_499)])
    if query != "min_ms=99.5":
        write([span(3, trace_id=trace_id(3), service="shop/other", duration_us=101_001)])
    assert ids(viewer.get(f"traces/?{query}").body) == [trace_id(1)]


def test_all_filters_are_of_one_span(viewer: Api) -> None:
    write([span(1, code=503), span(2, 1, service="shop/frontend")])
    assert ids(viewer.get("traces/?service=shop/frontend&code=503").body) == []


def test_times_bound_a_search(viewer: Api) -> None:
    hours = 3600 * 1_000_000
    write([span(1, start_us=int(time.time() * 1e6) - 3 * hours)])
    assert ids(viewer.get("traces/").body) == []
    assert ids(viewer.get(f"traces/?from={time.time() - 4 * 3600}").body) == [TRACE]
    assert ids(viewer.get(f"traces/?from={time.time() - 4 * 3600}&to={time.time() - 3700}").body) == [TRACE]


def test_pages_go_from_the_newest_to_the_oldest(viewer: Api) -> None:
    now = int(time.time() * 1e6)
    write([span(1, trace_id=trace_id(n), start_us=now - n * 1000) for n in range(1, 6)])
    first = viewer.get("traces/?page_size=2").body
    assert ids(first) == [trace_id(1), trace_id(2)]
    second = viewer.get(first["next"].partition("/api/v1/")[2]).body
    assert ids(second) == [trace_id(3), trace_id(4)]


def test_the_cost_of_a_page_does_not_grow(viewer: Api, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    write([span(1, trace_id=trace_id(n)) for n in range(1, 30)])
    viewer.get("traces/")
    with django_assert_num_queries(6):  # who asks, what they may, the page, and three of its summary
        viewer.get("traces/?page_size=25")


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("min_ms=-1", "min_ms"),
        ("from=yesterday", "from"),
        ("from=1e999", "from"),
        ("from=999999999999", "from"),
        ("tag=nothing", "tag"),
        ("edge=one", "edge"),
        ("edge=a->b&service=c", "edge"),
        ("code=99", "code"),
        ("nonsense=1", "nonsense"),
    ],
)
def test_what_cannot_be_asked_is_named(viewer: Api, query: str, path: str) -> None:
    answer = viewer.get(f"traces/?{query}")
    assert (answer.status, list(answer.paths())) == (400, [path])


def test_one_trace_is_a_tree_with_the_decisions(viewer: Api) -> None:
    told = {"meshui.flags": ["URX"], "meshui.endpoint": "10.0.0.7:80", "meshui.tries": 2, "http.response.body.size": 9}
    told |= {"meshui.rule": "breaker:requests"}
    write([span(2, 1, route="slow", code=None, attributes=told), span(1, proxied=False, service="shop/frontend")])
    shown = viewer.get(f"traces/{TRACE}/").body
    app, proxy = shown["spans"]
    assert (app["reporter"], app["decisions"], app["depth"]) == ("app", None, 0)
    assert (proxy["parent_id"], proxy["depth"], proxy["kind"]) == (app["span_id"], 1, "server")
    assert proxy["decisions"] == {
        "route": "slow",
        "rule": "breaker:requests",
        "flags": ["URX"],
        "endpoint": "10.0.0.7:80",
        "code": None,
        "tries": 2,
        "secured": False,
        "request_bytes": 0,
        "response_bytes": 9,
    }


def test_nothing_is_told_of_what_may_not_be_seen(operator: Api) -> None:
    write([span(1, **SECRET, duration_us=900_000, error=True), span(2, 1), span(3, 2, **SECRET)])
    write([span(6, 1, peer="bank/ledger", duration_us=700_000)])
    write([span(4, trace_id=trace_id(4), **SECRET), span(5, trace_id=trace_id(5), namespace="", service="an-app")])
    for path in ("traces/", f"traces/{TRACE}/", "traces/points/", "traces/exemplars/"):
        answer = operator.get(path)
        assert answer.status == 200
        assert "ledger" not in str(answer.body)
        assert "an-app" not in str(answer.body)
    (found,) = operator.get("traces/").body["results"]
    assert (found["spans"], found["errors"], found["duration_ms"]) == (1, 0, 10)
    (shown,) = operator.get(f"traces/{TRACE}/").body["spans"]
    assert (shown["depth"], shown["orphan"], shown["parent_id"]) == (0, False, None)
    for query in ("service=bank/ledger", "error=true", "min_ms=500"):
        assert ids(operator.get(f"traces/?{query}").body) == []
    assert operator.get(f"traces/{trace_id(4)}/").status == 404
    assert operator.get(f"traces/{trace_id(5)}/").status == 404


def test_only_who_signed_in_is_told(anonymous: Api) -> None:
    assert [anonymous.get(path).status for path in ("traces/", "traces/points/", f"traces/{TRACE}/")] == [401] * 3


def test_points_are_where_traces_were(viewer: Api) -> None:
    write([span(1, error=True, duration_us=50_000)])
    answer = viewer.get("traces/points/?service=shop/catalog").body
    (point,) = answer["points"]
    assert (point["trace_id"], point["duration_ms"], point["error"]) == (TRACE, 50, True)
    assert abs(point["at"] - time.time()) < 60
    assert not answer["truncated"]


def test_exemplars_are_errors_and_then_the_slowest(viewer: Api) -> None:
    write([span(1, duration_us=5), span(2, duration_us=7), span(3, error=True, duration_us=1), span(4, kind=1)])
    found = viewer.get("traces/exemplars/?service=shop/catalog&limit=2").body["exemplars"]
    assert [each["span_id"][-1] for each in found] == ["3", "2"]


def test_a_span_that_comes_twice_is_kept_once(viewer: Api) -> None:
    write([span(1)])
    write([span(1, name="again"), span(2)])
    assert list(Span.objects.order_by("span_id").values_list("name", flat=True)) == ["GET", "GET"]


def test_a_trace_starts_with_its_earliest_span(viewer: Api) -> None:
    write([span(9)])
    earlier = int(time.time() * 1e6) - 5_000_000
    write([span(1, start_us=earlier)])
    write([span(5)])
    assert int(Trace.objects.get().start.timestamp() * 1e6) == pytest.approx(earlier, abs=2)


def test_old_spans_go(db: None) -> None:
    old = int(time.time() * 1e6) - 7200 * 1_000_000
    write([span(n, trace_id=trace_id(n), start_us=old) for n in range(1, 8)])
    write([span(9)])
    drop_before(timezone.now() - timedelta(hours=1), batch=3)
    assert [row.trace_id for row in Span.objects.all()] == [TRACE]
    assert [row.trace_id for row in Trace.objects.all()] == [TRACE]


def test_the_oldest_go_where_there_are_too_many(db: None) -> None:
    write([span(n, trace_id=trace_id(n)) for n in range(1, 11)])
    assert drop_beyond(10, batch=3) == 0
    drop_beyond(4, batch=3)
    assert sorted(Span.objects.values_list("trace_id", flat=True)) == [trace_id(n) for n in range(7, 11)]
    assert Trace.objects.count() == 4
