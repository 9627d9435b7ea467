"""What is kept of what a proxy tells."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.logs.values import line_id
from tests.meshui.logs.records import TRACE, inbound, lines, record


def test_a_proxy_speaks_for_its_service_and_names_others_that_there_are() -> None:
    (line,) = lines(record(source="bank/ledger", source_version="v9"))
    assert (line.source, line.source_version, line.namespace, line.called) == ("shop/frontend", "v1", "shop", "shop")
    (line,) = lines(record(destination="shop/made-up", destination_version="v1"))
    assert (line.destination, line.destination_version, line.called) == ("unknown", "", "")
    (line,) = lines(inbound(destination="bank/ledger"), proxy="catalog")
    assert (line.destination, line.destination_version, line.inbound, line.server) == ("shop/catalog", "v2", True, True)
    (line,) = lines(inbound(source="made/up"), proxy="catalog")
    assert line.source == "unknown"


@pytest.mark.parametrize(
    ("code", "flags", "error"), [(503, "UH", True), (0, "UF", True), (0, "DC", False), (403, "UAEX", False)]
)
def test_what_is_an_error(code: int, flags: str, error: bool) -> None:
    assert lines(record(code=code, flags=flags))[0].error is error


@pytest.mark.parametrize(
    "bad",
    [
        {"at_us": 0},
        {"at_us": 1 << 62},
        {"at_us": -1},
        {"duration_us": -1},
        {"duration_us": 1 << 60},
        {"first_byte_us": -2},
        {"code": 99},
        {"code": 100_000},
        {"flags": "not flags"},
        {"flags": "UH\n"},
        {"trace_id": "x"},
        {"trace_id": TRACE.upper()},
        {"protocol": ""},
        {"request_bytes": -1},
        {"response_bytes": 1 << 63},
        {"tries": -1},
        {"source": "meshui/registry"},
        {"destination": "meshui/registry"},
    ],
)
def test_what_cannot_be_and_what_checks_health_is_left_out_alone(bad: dict[str, Any]) -> None:
    assert [line.path for line in lines(record(**bad), record(path="/kept"))] == ["/kept"]


def test_texts_are_cut_and_hold_no_nul() -> None:
    (line,) = lines(record(path="/\0" + "x" * 5000, user_agent="u" * 5000, method="M" * 99, rule="limit:" + "l" * 999))
    assert (len(line.path), line.path[:2], len(line.user_agent), len(line.method), len(line.rule)) == (
        *(1024, "/x", 256, 32, 200),
    )


def test_ids_are_in_the_order_of_time_and_the_same_for_the_same_record() -> None:
    times = [1, 999, 1_000, 1_001, 1_700_000_000_000_000, 1_700_000_000_000_001]
    made = [line_id(at, place) for at in times for place in ("a", "b")]
    assert sorted(made) == sorted(made, key=lambda each: each.int)
    assert [line_id(at) for at in times] == sorted(line_id(at) for at in times)
    assert all(line_id(at) <= line_id(at, "a") < line_id(at + 1) for at in times)
    assert line_id(5, "a") == line_id(5, "a") != line_id(5, "b")
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
