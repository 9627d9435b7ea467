"""Counts of canary and stable, from the frame stream and from rollups."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from redis import Redis

from meshui.core import redis as connections
from meshui.core.errors import InvalidInput
from meshui.rollouts.analysis.backtest import backtest
from meshui.rollouts.analysis.evidence import Counts
from meshui.rollouts.analysis.metrics import CountMetric
from meshui.rollouts.analysis.observations import NoData, Unavailable
from meshui.rollouts.analysis.verdict import rules_for
from meshui.rollouts.metrics import mesh
from meshui.rollouts.metrics.mesh import Reading, read, recorded
from meshui.telemetry import rollups
from meshui.telemetry.fold import Fold, Identity, Registry
from meshui.telemetry.frames import Frame, entry
from proxies.wire import keys
from proxies.wire.histogram import bucket
from proxies.wire.reports import Closed, EdgeDelta, Telemetry
from tests.meshui.telemetry.fixtures import valkey
from tests.meshui.telemetry.mesh import SERVICES, call

__all__ = ["valkey"]

CATALOG = "shop/catalog"
START = 1_700_000_000
ERRORS = CountMetric()
SLOW = CountMetric("latency", "slow", 100)
REGISTRY = Registry(services={name: frozenset(versions) for name, versions in SERVICES.items()})


def frame(second: int, **calls: list[EdgeDelta]) -> Frame:
    """What the collector would make of reports, by the reporting service: ``shop_frontend=[...]``."""
    fold = Fold()
    for service, edges in calls.items():
        name = service.replace("_", "/")
        report = Telemetry(proxy=name, boot=1, seq=second, at=0, edges=edges)
        fold.add(report, Identity(name, "v1"), REGISTRY)
    return fold.frame(float(START + second))


def append(valkey: Redis, *frames: Frame) -> None:
    for each in frames:
        valkey.xadd(keys.FRAMES, entry(each), id=f"{int(each.at) * 1000 + 350}-0")


def both(second: int) -> Frame:
    """A second with 10 requests to v1, and 4 to v2 of which one fails and two are slow."""
    return frame(
        second,
        shop_frontend=[
            call(CATALOG, "v1", codes={200: 10}, ms=[5] * 10),
            call(CATALOG, "v2", codes={200: 3, 503: 1}, ms=[5, 5, 200, 300]),
        ],
    )


def read_on(since: float | None) -> Reading:
    found = read(CATALOG, since)
    assert isinstance(found, Reading), found
    return found


def test_a_window_has_both_versions_of_the_same_seconds(valkey: Redis) -> None:
    append(valkey, *map(both, range(1, 31)))
    window = read_on(START + 10)
    assert (window.since, window.until, window.seconds, window.frames) == (START + 10, START + 30, 20, 20)
    assert window.counts(ERRORS, "v2", "v1") == Counts(80, 20, 200, 0)
    assert window.counts(SLOW, "v2", "v1") == Counts(80, 40, 200, 0)
    assert window.versions["v2"].histogram == ((bucket(5_000), 40), (bucket(200_000), 20), (bucket(300_000), 20))


def test_reading_on_from_the_cursor_counts_each_second_once(valkey: Redis) -> None:
    append(valkey, *map(both, range(1, 8)))
    windows = [read_on(START)]
    for first in (8, 20, 290):
        append(valkey, *map(both, range(first, first + 12 if first < 290 else 600)))
        windows.append(read_on(windows[-1].until))
    assert sum(window.frames for window in windows) == 7 + 12 + 12 + 310
    assert sum(window.versions["v2"].errors for window in windows) == sum(window.frames for window in windows)
    assert isinstance(read(CATALOG, windows[-1].until), NoData)


def test_each_request_counts_once_for_the_version_it_was_routed_to(valkey: Redis) -> None:
    """Caller and callee both report; what never arrived is only the caller's to tell."""
    append(
        valkey,
        frame(
            1,
            shop_frontend=[call(CATALOG, "v2", codes={200: 5, 503: 2, 0: 1}, flags="UH")],
            platform_gateway=[call(CATALOG, "v2", codes={504: 1, 200: 1}, flags="UT")],
            shop_catalog=[
                call(CATALOG, "v1", codes={200: 6}, reporter="destination", source="shop/frontend"),
                call(CATALOG, "v1", codes={200: 3}, reporter="destination", source="unknown"),
            ],
        ),
    )
    counts = read_on(START).versions
    assert (counts["v2"].requests, counts["v2"].errors) == (10, 4)
    assert (counts["v1"].requests, counts["v1"].errors) == (3, 0)


def test_other_services_and_its_own_calls_do_not_count(valkey: Redis) -> None:
    append(
        valkey,
        frame(
            1,
            shop_catalog=[call("platform/users", codes={500: 9})],
            platform_gateway=[call("shop/frontend", codes={200: 9})],
        ),
    )
    window = read_on(START)
    assert window.versions == {}
    assert window.counts(ERRORS, "v2", "v1") == Counts(0, 0, 0, 0)


def test_connections_count_and_their_durations_do_not(valkey: Redis) -> None:
    opened = call(CATALOG, "v2", codes={200: 8, 0: 2}, flags="UF", ms=[600_000] * 6)
    append(valkey, frame(1, shop_frontend=[replace(opened, protocol="tcp", closed=[Closed("", 6)])]))
    window = read_on(START)
    assert window.counts(ERRORS, "v2", "v1") == Counts(10, 2, 0, 0)
    assert window.counts(SLOW, "v2", "v1") == Counts(0, 0, 0, 0)


def test_client_errors_are_no_errors(valkey: Redis) -> None:
    append(valkey, frame(1, shop_frontend=[call(CATALOG, "v2", codes={404: 5, 429: 2, 301: 1, 101: 1})]))
    assert read_on(START).counts(ERRORS, "v2", "v1") == Counts(9, 0, 0, 0)


def test_the_first_look_takes_the_last_seconds(valkey: Redis) -> None:
    append(valkey, *map(both, range(1, 61)))
    window = read_on(None)
    assert (window.since, window.frames) == (START + 45, 15)


def test_a_clock_that_was_set_back_begins_anew(valkey: Redis) -> None:
    append(valkey, *map(both, range(1, 61)))
    assert read_on(START + 3_600).since == START + 45
    assert isinstance(read(CATALOG, START + 61), NoData)


def test_seconds_that_nobody_observed_are_missing_not_zero(valkey: Redis) -> None:
    append(valkey, both(1), both(2), both(14), both(15))
    window = read_on(START)
    assert (window.seconds, window.frames) == (15, 4)
    assert Reading(0, 15, 0, {}).counts(ERRORS, "v2", "v1") == NoData("no telemetry of this time")


# --- a lost Redis -----------------------------------------------------------------------------------------------


def test_an_empty_redis_is_no_data(valkey: Redis) -> None:
    assert isinstance(read(CATALOG, START), NoData)
    assert isinstance(read(CATALOG, None), NoData)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Redis that refuses connections."""
    with Redis(port=1, socket_connect_timeout=1) as closed:
        monkeypatch.setattr(mesh, "client", lambda: closed)
        yield


def test_a_redis_that_is_down_is_unavailable_and_nothing_is_raised(nowhere: None) -> None:
    found = read(CATALOG, START)
    assert isinstance(found, Unavailable) and found.code == "telemetry_down"


def test_after_redis_came_back_the_cursor_still_holds(valkey: Redis) -> None:
    append(valkey, *map(both, range(1, 16)))
    until = read_on(START).until
    connections.client().flushdb()
    assert isinstance(read(CATALOG, until), NoData)
    append(valkey, *map(both, range(40, 50)))
    window = read_on(until)
    assert (window.since, window.until, window.frames) == (START + 15, START + 49, 10)


def test_a_frame_that_is_none_is_unavailable(valkey: Redis) -> None:
    append(valkey, both(1))
    valkey.xadd(keys.FRAMES, {b"at": repr(START + 2.0).encode(), b"f": b"rubbish"})
    found = read(CATALOG, START)
    assert isinstance(found, Unavailable) and found.code == "malformed"


# --- recorded ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_rollups_give_windows_for_a_backtest() -> None:
    for first in (1, 11, 31):
        rollups.write(START + first - 1, [both(second) for second in range(first, first + 10)])
    windows = recorded(CATALOG, START, START + 65, 20)
    assert [(window.until - START, window.frames) for window in windows] == [(20, 20), (40, 10), (60, 0)]
    assert windows[0].counts(ERRORS, "v2", "v1") == Counts(80, 20, 200, 0)
    assert windows[1].counts(SLOW, "v2", "v1") == Counts(40, 20, 100, 0)
    result = backtest([ERRORS], rules_for([ERRORS]), [each.window([ERRORS], "v2", "v1") for each in windows])
    assert (result.outcome, result.after_s) == ("rolled_back", 40)


@pytest.mark.django_db
def test_a_recording_that_is_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rollups.write(START, [both(1)])
    monkeypatch.setattr(mesh, "MAX_ROLLUPS", 1)
    with pytest.raises(InvalidInput):
        recorded(CATALOG, START, START + 60)
