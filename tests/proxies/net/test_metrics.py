"""Rows: what is folded is what was counted, once."""

from __future__ import annotations

from proxies.core.decisions import Decisions
from proxies.core.usage import Uses
from proxies.net.metrics import Edge, Metrics
from proxies.net.prometheus import BOUNDS_S, render
from proxies.wire.histogram import bucket
from proxies.wire.reports import Gauges, Responses, ServiceState

EDGE = Edge("source", "a/b", "v1", "c/d", "v2", "default", "http", True)


def test_a_fold_gives_each_count_once_and_the_total_keeps_all() -> None:
    metrics = Metrics()
    row = metrics.row(EDGE)
    assert metrics.row(EDGE) is row
    assert metrics.collect() == []
    row.count(200, "", 10, 20, 1500)
    row.count(200, "", 1, 2, 1500)
    row.count(503, "UF", 0, 0, 70)
    (delta,) = metrics.collect()
    assert sorted(delta.responses, key=lambda r: r.code) == [Responses(200, "", 2), Responses(503, "UF", 1)]
    assert (delta.request_bytes, delta.response_bytes, delta.secured) == (11, 22, True)
    assert delta.histogram == [bucket(70), 1, bucket(1500), 2]
    assert metrics.collect() == []
    row.count(200, "", 0, 0, 5)
    total = row.total()
    assert total is not None
    assert total.responses == {(200, ""): 3, (503, "UF"): 1}


class Alone:
    """Metrics without an engine."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.uses = Uses()
        self.decisions = Decisions()

    def gauges(self) -> Gauges:
        return Gauges(services=[ServiceState("c/d", requests=2, ejected=["c-1"])])

    def overflows(self) -> list[tuple[str, str, int]]:
        return [("c/d", "requests", 3)]

    def handshakes(self) -> list[tuple[str, str, int]]:
        return [("client", "refused", 2)]

    def dropped_lines(self) -> int:
        return 0


def test_retries_overflows_and_states_are_told() -> None:
    metrics = Metrics()
    row = metrics.row(EDGE)
    row.retried()
    row.retried()
    alone = Alone(metrics)
    alone.uses.row("c/d", "default", "spend").limited += 4
    alone.uses.collect()
    text = render(alone)
    assert (
        'mesh_limit_requests_total{destination_service="c/d",route="default",limit="spend",outcome="limited"} 4\n'
        in text
    )
    assert 'route="default",security="mtls"} 2\n' in text.partition("\nmesh_request_retries_total")[2]
    assert 'mesh_breaker_overflows_total{destination_service="c/d",limit="requests"} 3\n' in text
    assert 'mesh_tls_handshakes_total{side="client",outcome="refused"} 2\n' in text
    assert 'mesh_upstream_requests{destination_service="c/d"} 2\n' in text
    assert 'mesh_upstream_endpoints_ejected{destination_service="c/d"} 1\n' in text
    (delta,) = metrics.collect()
    assert (delta.retries, delta.responses) == (2, [])


def test_an_edge_without_requests_holds_no_counts() -> None:
    metrics = Metrics()
    row = metrics.row(EDGE)
    assert (row.since, row.total()) == (None, None)
    row.count(200, "", 0, 0, 1)
    metrics.collect()
    assert row.since is None


def test_prometheus_buckets_are_cumulative_and_never_count_too_much() -> None:
    metrics = Metrics()
    row = metrics.row(EDGE)
    values = [500, 900, 2400, 4000, 90_000, 70_000_000]
    for us in values:
        row.count(200, "", 0, 0, us)
    buckets = {}
    for line in render(Alone(metrics)).splitlines():
        if line.startswith("mesh_request_duration_seconds_bucket"):
            bound, _, count = line.rpartition('le="')[2].partition('"} ')
            buckets[bound] = int(count)
    counts = list(buckets.values())
    assert counts == sorted(counts)
    assert buckets["+Inf"] == len(values)
    for bound in BOUNDS_S[:-1]:
        assert buckets[str(bound)] <= sum(us <= bound * 1_000_000 for us in values)
    assert (buckets["0.001"], buckets["0.005"], buckets["0.1"]) == (2, 4, 5)
