"""The contract of the backends: the same traffic, counted by real proxies' counters, gives the same answers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_django.fixtures import Settings

from meshui.core.errors import InvalidInput, Unavailable
from meshui.telemetry import registry, rollups
from meshui.telemetry.fold import PROBER, Fold, Identity
from meshui.telemetry.frames import Frame
from meshui.telemetry.measuring.asked import UNROUTED, Asked
from meshui.telemetry.measuring.selectors import BackendName, metrics_get
from meshui.telemetry.series import Metrics as Answer
from meshui.telemetry.series import Values
from meshui.telemetry.window import Window
from proxies.core.decisions import Decisions
from proxies.core.usage import Uses
from proxies.net.metrics import Edge, Metrics
from proxies.net.prometheus import BOUNDS_S, render
from proxies.wire.reports import Gauges, Telemetry
from tests.meshui.telemetry.mesh import proxy_of, register
from tests.support.prometheus import needs_prometheus, prometheus

pytestmark = [needs_prometheus, pytest.mark.django_db]

START = int(time.time()) // 3600 * 3600 - 7200
LENGTH_S = 1200
SPAN = {"since": START + 120.0, "until": START + 1080.0, "step_s": 120}


class Proxy:
    """The counters of a proxy, as its engine holds them; every ten seconds they count what ``pattern`` says."""

    def __init__(self, service: str, *edges: tuple[Edge, dict[tuple[int, str], int], tuple[int, ...]]) -> None:
        self.service = service
        self.edges = edges
        self.metrics = Metrics()
        self.source = SimpleNamespace(
            metrics=self.metrics,
            uses=Uses(),
            decisions=Decisions(),
            gauges=Gauges,
            overflows=list,
            dropped_lines=int,
            handshakes=list,
        )

    def pass_ten_seconds(self) -> None:
        for edge, responses, milliseconds in self.edges:
            row = self.metrics.row(edge)
            if edge.protocol == "tcp":
                for (code, flags), count in responses.items():
                    for _ in range(count):
                        row.established() if code else row.failed(flags)
                row.carried(500, 7000)
                row.ended("DC", 1_000_000)
                continue
            durations = iter(milliseconds * 100)
            for (code, flags), count in responses.items():
                for _ in range(count):
                    row.count(code, flags, 100, 2000, next(durations) * 1000)

    def exposed(self, at: int) -> list[str]:
        lines = [line for line in render(self.source).splitlines() if not line.startswith("#")]
        labels = f'mesh_proxy="{proxy_of(self.service)}"'
        labelled = [f"{line.replace('{', '{' + labels + ',', 1)} {at}" for line in lines if "{" in line]
        return [f"up{{{labels}}} 1 {at}", *labelled]

    def report(self, at: int) -> Telemetry:
        return Telemetry(proxy=proxy_of(self.service), boot=1, seq=at, at=float(at), edges=self.metrics.collect())


def edge(source: str, target: str, version: str = "v1", **changes: str) -> Edge:
    made = Edge("source", source, "v1", target, version, "default", "http", True)
    return made._replace(**changes)  # type: ignore[arg-type]


def proxies() -> list[Proxy]:
    return [
        Proxy(
            "shop/frontend",
            (edge("shop/frontend", "shop/catalog"), {(200, ""): 80, (404, ""): 10, (503, "UH"): 10}, (3, 20, 40)),
            (edge("shop/frontend", "shop/catalog", "v2", route="search"), {(200, ""): 30}, (200,)),
            (edge("shop/frontend", "shop/catalog", "", route=""), {(404, "NR"): 10}, (1,)),
            (edge("shop/frontend", "platform/users", protocol="tcp", route=""), {(200, ""): 6, (0, "UF"): 2}, ()),
        ),
        Proxy("platform/gateway", (edge("platform/gateway", "shop/frontend"), {(200, ""): 50, (0, "DC"): 5}, (60,))),
        Proxy(
            "shop/catalog",
            # What the caller has counted already, and a caller outside the mesh.
            (edge("shop/frontend", "shop/catalog", reporter="destination"), {(200, ""): 90}, (3,)),
            (
                edge("unknown", "shop/catalog", reporter="destination", source_version="", route=""),
                {(200, ""): 20},
                (7,),
            ),
            (edge(PROBER, "shop/catalog", reporter="destination", source_version="", route=""), {(200, ""): 50}, (1,)),
        ),
    ]


def empty(at: float) -> Frame:
    return Fold().frame(at)


@pytest.fixture
def recorded(frames: Window, settings: Settings, tmp_path: Path) -> Iterator[int]:
    """Twenty minutes of traffic in both stores; the process id of Prometheus."""
    register()
    known = registry.load_registry(lambda: {"shop/catalog": frozenset({"default", "search"})})
    mesh, past = proxies(), []
    for start in range(START, START + LENGTH_S, 10):
        fold = Fold()
        for proxy in mesh:
            proxy.pass_ten_seconds()
            past += proxy.exposed(start + 10)
            fold.add(proxy.report(start + 10), Identity(proxy.service, "v1"), known)
        idle = [empty(start + second) for second in range(1, 10)]
        rollups.write(start, [*idle, fold.frame(start + 10.0)], [rollups.received(fold.instances(start + 10.0))])
    with prometheus(tmp_path, past="\n".join([*past, "# EOF\n"])) as (url, pid):
        settings.MESHUI = replace(settings.MESHUI, prometheus_url=url)
        yield pid


def both(asked: Asked) -> list[Answer]:
    names: tuple[BackendName, ...] = ("rollups", "prometheus")
    return [metrics_get(asked=asked, backend=name, **SPAN) for name in names]  # type: ignore[arg-type]


def near(a: Values, b: Values) -> bool:
    return [x is None for x in a] == [y is None for y in b] and all(
        x == pytest.approx(y, rel=0.02) for x, y in zip(a, b, strict=True) if y is not None
    )


def of_one_bucket(a: Values, b: Values) -> bool:
    """Whether each pair of milliseconds lies within the same bounds, give or take a bucket of ours."""

    def bounds(value: float) -> tuple[int, int]:
        found = [sum(bound * 1000 < value * factor for bound in BOUNDS_S) for factor in (0.968, 1.032)]
        return found[0], found[1]

    return all(
        (x is None) == (y is None) and (x is None or y is None or set(bounds(x)) & set(bounds(y)))
        for x, y in zip(a, b, strict=True)
    )


def test_both_backends_answer_the_same(recorded: int) -> None:
    for asked in (
        Asked(),
        Asked(service="shop/catalog"),
        Asked(service="shop/catalog", version="v2"),
        Asked(service="platform/gateway"),
        Asked(service="platform/users"),
        Asked(namespace="shop"),
        Asked(edge=("shop/frontend", "shop/catalog")),
        Asked(edge=("unknown", "shop/catalog")),
        Asked(service="shop/catalog", by="route"),
        Asked(service="shop/catalog", route="search"),
        Asked(service="shop/catalog", route=UNROUTED),
        Asked(edge=("shop/frontend", "shop/catalog"), by="route"),
        Asked(service="platform/users", by="route"),
        Asked(service="shop/catalog", by="instance"),
        Asked(service="shop/catalog", instance=proxy_of("shop/catalog")),
        Asked(visible=frozenset({"shop"})),
        Asked(service="shop/catalog", visible=frozenset({"platform"})),
    ):
        ours, theirs = both(asked)
        assert (ours.source, theirs.source, ours.times) == ("rollups", "prometheus", theirs.times), asked
        pairs = [(ours.series, theirs.series)]
        for apart in ("by_version", "by_route", "by_instance"):
            a, b = getattr(ours, apart), getattr(theirs, apart)
            assert a.keys() == b.keys(), (asked, apart)
            pairs += [(series, b[name]) for name, series in a.items()]
        for a, b in pairs:
            assert near(a.rps, b.rps), (asked, a.rps, b.rps)
            assert near(a.error_rate, b.error_rate), (asked, a.error_rate, b.error_rate)
            for name in ("p50_ms", "p95_ms", "p99_ms"):
                assert of_one_bucket(getattr(a, name), getattr(b, name)), (asked, name)
        for name in ("bytes_in_per_s", "bytes_out_per_s"):
            assert near(getattr(ours.details, name), getattr(theirs.details, name)), (asked, name)
        for name in ("codes", "flags"):
            a, b = getattr(ours.details, name), getattr(theirs.details, name)
            assert a.keys() == b.keys() and all(near(a[key], b[key]) for key in a), (asked, name, a, b)


def test_what_is_asked_is_what_is_counted(recorded: int) -> None:
    """So that two backends that are wrong alike are found out."""
    for found in both(Asked(service="shop/catalog")):
        assert near(found.series.rps, [16.0] * 8)
        assert near(found.series.error_rate, [10 / 160] * 8)
        assert near(found.details.flags["UH"], [1.0] * 8)
        assert near(found.by_version["v2"].rps, [3.0] * 8)
    for found in both(Asked(service="shop/catalog", by="route")):
        rates = {route: series.rps for route, series in found.by_route.items()}
        assert rates.keys() == {"default", "search", UNROUTED}
        assert all(
            near(rates[route], [rps] * 8) for route, rps in (("default", 10.0), ("search", 3.0), (UNROUTED, 3.0))
        )
    for found in both(Asked(service="shop/catalog", by="instance")):
        assert found.by_instance.keys() == {proxy_of("shop/catalog")}
        assert near(found.series.rps, [11.0] * 8) and near(found.by_instance[proxy_of("shop/catalog")].rps, [11.0] * 8)
    for found in both(Asked(service="platform/users")):
        assert near(found.details.codes["2xx"], [0.6] * 8) and near(found.details.codes["0"], [0.2] * 8)


def test_time_that_was_not_observed_is_null_in_both(recorded: int) -> None:
    for name in ("rollups", "prometheus"):
        span = {"since": START - 600.0, "until": START - 120.0, "step_s": 120}
        found = metrics_get(asked=Asked(), backend=name, **span)  # type: ignore[arg-type]
        assert set(found.series.rps) == {None} and found.by_version == {}


def test_a_prometheus_that_is_gone_is_said_so(recorded: int, settings: Settings) -> None:
    os.kill(recorded, signal.SIGSTOP)
    try:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Unavailable) as slow:
            patch.setattr("meshui.telemetry.measuring.prometheus.TIMEOUT_S", 0.5)
            both(Asked())
        assert slow.value.code == "prometheus_timeout"
    finally:
        os.kill(recorded, signal.SIGCONT)
    assert both(Asked())[1].source == "prometheus"
    settings.MESHUI = replace(settings.MESHUI, prometheus_url="http://127.0.0.1:9")
    with pytest.raises(Unavailable) as down:
        both(Asked())
    assert down.value.code == "prometheus_down"
    settings.MESHUI = replace(settings.MESHUI, prometheus_url="")
    with pytest.raises(InvalidInput) as none:
        both(Asked())
    assert none.value.errors[0].code == "prometheus_not_configured"


def test_no_name_can_end_a_string_of_promql(recorded: int) -> None:
    found = metrics_get(asked=Asked(version='"} or vector(1) or x{a="'), backend="prometheus", **SPAN)  # type: ignore[arg-type]
    assert set(found.series.rps) == {0.0}


def test_a_step_that_has_not_passed_yet_has_the_rate_of_what_did(
    recorded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty seconds, smoothed over a minute, of which ten are still to come."""
    end = START + LENGTH_S
    monkeypatch.setattr("meshui.telemetry.measuring.prometheus.time.time", lambda: end + 10.0)
    found = metrics_get(
        asked=Asked(service="shop/catalog"), backend="prometheus", since=end - 80.0, until=end + 10.0, step_s=30
    )
    assert found.series.rps[-3:] == pytest.approx([16.0] * 3, rel=0.2)
