"""Searching the access log: filters, pages, and what others may not see."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from meshui.logs import store
from meshui.logs.values import line_id
from tests.meshui.logs.records import TRACE, inbound, lines, record
from tests.support.api import Api

pytestmark = pytest.mark.django_db

OTHER = "f" * 32


def paths(answer: Any) -> list[str]:
    return [line["path"] for line in answer.body["results"]]


def test_a_line_tells_what_happened(viewer: Api) -> None:
    told = record(code=503, flags="URX,UF", rule="breaker:requests", tries=2)
    store.write(lines(told))
    (line,) = viewer.get("logs/").body["results"]
    at = datetime.fromtimestamp(told.at_us / 1e6, UTC)
    assert abs(datetime.fromisoformat(line.pop("at")) - at).total_seconds() < 0.001
    assert line.pop("id")
    assert line == {
        "duration_ms": 12.5,
        "first_byte_ms": 12.0,
        "kind": "client",
        "reporter": "source",
        "proxy": "front",
        "protocol": "http",
        "secured": True,
        "source": "shop/frontend",
        "source_version": "v1",
        "destination": "shop/catalog",
        "destination_version": "v2",
        "route": "default",
        "method": "GET",
        "host": "catalog.shop.mesh",
        "path": "/items/7",
        "code": 503,
        "flags": ["URX", "UF"],
        "error": True,
        "rule": "breaker:requests",
        "request_bytes": 10,
        "response_bytes": 2000,
        "endpoint": "10.0.0.7:8080",
        "tries": 2,
        "trace_id": TRACE,
        "request_id": "r-1",
        "peer": "127.0.0.1",
        "identity": "",
        "user_agent": "curl/8",
    }


def test_where_nobody_answered_there_is_no_code_and_no_first_byte(viewer: Api) -> None:
    store.write(lines(record(code=0, flags="UF", first_byte_us=-1)))
    (line,) = viewer.get("logs/").body["results"]
    assert (line["code"], line["first_byte_ms"], line["error"]) == (None, None, True)


@pytest.mark.parametrize(
    "query",
    [
        "service=shop/catalog&source=bank/ledger",
        "service=bank/ledger",
        "source=bank/ledger",
        "method=POST",
        "path=/found",
        "route=slow",
        "code=503",
        "code=5xx",
        "flag=UF",
        "error=true",
        "rule=policy:readers",
        "rule=policy:readers/0",
        "min_ms=100",
        f"trace_id={OTHER}",
        "request_id=r-2",
        "reporter=source&code=503&method=POST&flag=URX",
    ],
)
def test_each_filter_finds_its_line_and_no_other(viewer: Api, query: str) -> None:
    wanted = record(
        path="/found/1",
        method="POST",
        route="slow",
        code=503,
        flags="URX,UF",
        rule="policy:readers/0",
        duration_us=100_000,
        trace_id=OTHER,
        request_id="r-2",
    )
    store.write(lines(wanted, proxy="ledger"))
    store.write(lines(record(), record(code=404, flags="NR", rule="policy:readers-too"), record(path="/lost/found")))
    assert paths(viewer.get(f"logs/?{query}")) == ["/found/1"]


def test_rules_of_one_kind_are_found_together(viewer: Api) -> None:
    for rule in ("policy:readers/0", "policy:writers", "limit:policy:x", "default:deny", ""):
        store.write(lines(record(rule=rule, path=f"/{rule}")))
    assert sorted(paths(viewer.get("logs/?rule=policy:"))) == ["/policy:readers/0", "/policy:writers"]


def test_either_side_may_have_told(viewer: Api) -> None:
    store.write(lines(record(path="/out")))
    store.write(lines(inbound(path="/in"), proxy="catalog"))
    assert sorted(paths(viewer.get("logs/?service=shop/catalog"))) == ["/in", "/out"]
    assert paths(viewer.get("logs/?service=shop/catalog&reporter=destination")) == ["/in"]
    assert paths(viewer.get("logs/?destination=shop/frontend")) == []


def test_the_last_hour_is_searched_unless_one_request_is_asked_for(viewer: Api) -> None:
    now = time.time()
    old = int((now - 7200) * 1e6)
    (line,) = lines(record(path="/old"))
    store.write(lines(record(path="/new"), seq=2))
    store.write([replace(line, id=line_id(old, "old"), at=datetime.fromtimestamp(old / 1e6, UTC))])
    assert paths(viewer.get("logs/")) == ["/new"]
    assert paths(viewer.get(f"logs/?from={now - 10_000}&to={now - 3600}")) == ["/old"]
    assert paths(viewer.get(f"logs/?trace_id={TRACE}")) == ["/new", "/old"]
    assert paths(viewer.get("logs/?request_id=r-1")) == ["/new", "/old"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("code=999", "code"),
        ("code=6xx", "code"),
        ("flag=uh", "flag"),
        ("trace_id=x", "trace_id"),
        ("from=yesterday", "from"),
        ("from=20&to=10", "from"),
        ("to=1e99", "to"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
        ("reporter=me", "reporter"),
    ],
)
def test_what_is_no_search_is_refused(viewer: Api, query: str, path: str) -> None:
    answer = viewer.get(f"logs/?{query}")
    assert (answer.status, list(answer.paths())) == (400, [path])


def test_nothing_is_told_of_what_may_not_be_seen(operator: Api, outsider: Api) -> None:
    store.write(lines(record(path="/own")))
    store.write(lines(record(destination="bank/ledger", path="/called-ledger")))
    store.write(lines(record(destination="outside", path="/egress"), seq=2))
    store.write(lines(record(path="/by-ledger"), proxy="ledger"))
    secret = {"source": "bank/ledger", "source_version": "v1", "identity": "spiffe://x/ledger", "peer": "10.9.9.9"}
    store.write(lines(inbound(path="/from-ledger", **secret), proxy="catalog"))
    shown = operator.get("logs/").body["results"]
    assert {line["path"] for line in shown} == {"/own", "/egress", "/from-ledger"}
    for text in ("bank", "/called-ledger", "/by-ledger", "10.9.9.9", "x/ledger"):
        assert text not in str(shown)
    (masked,) = [line for line in shown if line["path"] == "/from-ledger"]
    assert (masked["source"], masked["source_version"], masked["peer"], masked["identity"]) == ("", "", "", "")
    for query in ("source=bank/ledger", "service=bank/ledger", "destination=bank/ledger"):
        assert paths(operator.get(f"logs/?{query}")) == []
    assert paths(outsider.get("logs/")) == []


def test_pages_follow_each_other(viewer: Api) -> None:
    at = int(time.time() * 1e6) - 1_000_000
    store.write(lines(*(record(path=f"/{number}", at_us=at + number) for number in range(5))))
    first = viewer.get("logs/?page_size=2&service=shop/catalog")
    assert paths(first) == ["/4", "/3"]
    second = viewer.get(first.body["next"].partition("/api/v1/")[2])
    assert paths(second) == ["/2", "/1"]
    assert paths(viewer.get(second.body["previous"].partition("/api/v1/")[2])) == ["/4", "/3"]
