"""The counters as Prometheus text (exposition format 0.0.4). Names and labels are those of the mesh's telemetry; no
path, host or header ever becomes a label."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from proxies import compiled
from proxies.core.decisions import Decisions
from proxies.core.usage import Uses
from proxies.net.metrics import Counts, Metrics, Row
from proxies.wire import histogram
from proxies.wire.release import VERSION
from proxies.wire.reports import Gauges, ServiceState

_COMPILED = "true" if compiled.ACTIVE else "false"
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SLOTS = [
    bisect_left(BOUNDS_S, (histogram.lower_bound(index + 1) - 1) / 1_000_000) for index in range(histogram.BUCKETS)
]
"""The bound under which each bucket of ours is counted: that of its largest value, so no bound counts too much."""

_HEADS = {
    "mesh_requests_total": ("counter", "Requests finished, by response."),
    "mesh_request_duration_seconds": ("histogram", "Time from a request's first byte to its response's last."),
    "mesh_request_bytes_total": ("counter", "Bytes of request bodies."),
    "mesh_response_bytes_total": ("counter", "Bytes of response bodies."),
    "mesh_request_retries_total": ("counter", "Tries after a failed one."),
    "mesh_tcp_connections_total": ("counter", "Connections established (no flags) or failed, by flags."),
    "mesh_tcp_connections_closed_total": ("counter", "Established connections that ended, by flags."),
    "mesh_tcp_connection_duration_seconds": ("histogram", "Time from a connection's start to its end."),
    "mesh_tcp_sent_bytes_total": ("counter", "Bytes of connections to the destination."),
    "mesh_tcp_received_bytes_total": ("counter", "Bytes of connections from the destination."),
    "mesh_breaker_overflows_total": ("counter", "What was turned away, by the circuit breaker's limit."),
    "mesh_tls_handshakes_total": ("counter", "Handshakes with members of the mesh, by side and outcome."),
    "mesh_upstream_requests": ("gauge", "Requests under way with a service."),
    "mesh_upstream_connections": ("gauge", "Connections open with a service."),
    "mesh_upstream_endpoints_ejected": ("gauge", "Endpoints left out for their answers."),
    "mesh_upstream_endpoints_unhealthy": ("gauge", "Endpoints left out for failed checks."),
    "mesh_limit_requests_total": ("counter", "Requests that rate limits judged, by outcome."),
    "mesh_policy_decisions_total": ("counter", "Requests that access policies decided on, by rule and outcome."),
    "mesh_jwt_requests_total": ("counter", "Requests by what came of their token."),
    "mesh_access_log_lines_dropped_total": ("counter", "Lines of the access log that could not be written."),
    "mesh_proxy_connections": ("gauge", "Open client connections."),
    "mesh_proxy_active_requests": ("gauge", "Requests under way."),
    "mesh_proxy_build_info": ("gauge", "What this proxy is; always 1."),
}


_BY_SERVICE: dict[str, Callable[[ServiceState], int]] = {
    "mesh_upstream_requests": lambda state: state.requests,
    "mesh_upstream_connections": lambda state: state.connections,
    "mesh_upstream_endpoints_ejected": lambda state: len(state.ejected),
    "mesh_upstream_endpoints_unhealthy": lambda state: len(state.unhealthy),
}


class Source(Protocol):
    """What is told about: an engine."""

    @property
    def metrics(self) -> Metrics: ...
    @property
    def uses(self) -> Uses: ...
    @property
    def decisions(self) -> Decisions: ...

    def gauges(self) -> Gauges: ...
    def overflows(self) -> list[tuple[str, str, int]]: ...
    def handshakes(self) -> list[tuple[str, str, int]]: ...
    def dropped_lines(self) -> int: ...


def render(source: Source) -> str:
    """All metrics of a proxy."""
    metrics = source.metrics
    states = source.gauges().services
    rows = [(_labels(row), total) for row in metrics.rows() if _speaks(row, "http") and (total := row.total())]
    tcp = [(_labels(row), total) for row in metrics.rows() if _speaks(row, "tcp") and (total := row.total())]
    lines: list[str] = []
    for name, samples in (
        ("mesh_requests_total", _requests(rows)),
        ("mesh_request_duration_seconds", _durations(rows, "mesh_request_duration_seconds")),
        ("mesh_request_bytes_total", _bytes(rows, "mesh_request_bytes_total")),
        ("mesh_response_bytes_total", _bytes(rows, "mesh_response_bytes_total")),
        ("mesh_request_retries_total", _retries([*rows, *tcp])),
        ("mesh_tcp_connections_total", _connections(tcp)),
        ("mesh_tcp_connections_closed_total", _closed(tcp)),
        ("mesh_tcp_connection_duration_seconds", _durations(tcp, "mesh_tcp_connection_duration_seconds")),
        ("mesh_tcp_sent_bytes_total", _carried(tcp, "mesh_tcp_sent_bytes_total")),
        ("mesh_tcp_received_bytes_total", _carried(tcp, "mesh_tcp_received_bytes_total")),
        ("mesh_breaker_overflows_total", _overflows(source)),
        ("mesh_limit_requests_total", _limits(source.uses)),
        ("mesh_policy_decisions_total", _decisions(source.decisions)),
        ("mesh_jwt_requests_total", _tokens(source.decisions)),
        ("mesh_tls_handshakes_total", _handshakes(source)),
        *((name, _each(states, name, value)) for name, value in _BY_SERVICE.items()),
        ("mesh_access_log_lines_dropped_total", [f"mesh_access_log_lines_dropped_total {source.dropped_lines()}"]),
        ("mesh_proxy_connections", [f"mesh_proxy_connections {metrics.connections}"]),
        ("mesh_proxy_active_requests", [f"mesh_proxy_active_requests {metrics.active_requests}"]),
        ("mesh_proxy_build_info", [f'mesh_proxy_build_info{{version="{VERSION}",compiled="{_COMPILED}"}} 1']),
    ):
        kind, text = _HEADS[name]
        lines += (f"# HELP {name} {text}", f"# TYPE {name} {kind}")
        lines += samples
    return "\n".join(lines) + "\n"


def _speaks(row: Row, protocol: str) -> bool:
    return row.edge.protocol == protocol


def _labels(row: Row) -> str:
    edge = row.edge
    return (
        f'reporter="{edge.reporter}",source_service="{edge.source_service}",source_version="{edge.source_version}",'
        f'destination_service="{edge.destination_service}",destination_version="{edge.destination_version}",'
        f'route="{edge.route}",security="{"mtls" if edge.secured else "none"}"'
    )


def _requests(rows: Iterable[tuple[str, Counts]]) -> Iterator[str]:
    for labels, total in rows:
        for (code, flags), count in total.responses.items():
            yield f'mesh_requests_total{{{labels},response_code="{code}",response_flags="{flags}"}} {count}'


def _durations(rows: Iterable[tuple[str, Counts]], name: str) -> Iterator[str]:
    for labels, total in rows:
        slots = [0] * (len(BOUNDS_S) + 1)
        for index, count in enumerate(total.buckets):
            slots[_SLOTS[index]] += count
        if not any(slots):
            continue
        seen = 0
        for bound, count in zip((*BOUNDS_S, "+Inf"), slots, strict=True):
            seen += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {seen}'
        yield f"{name}_sum{{{labels}}} {total.microseconds / 1_000_000}"
        yield f"{name}_count{{{labels}}} {seen}"


def _bytes(rows: Iterable[tuple[str, Counts]], name: str) -> Iterator[str]:
    for labels, total in rows:
        if total.responses:
            count = total.request_bytes if name == "mesh_request_bytes_total" else total.response_bytes
            yield f"{name}{{{labels}}} {count}"


def _connections(rows: Iterable[tuple[str, Counts]]) -> Iterator[str]:
    for labels, total in rows:
        for (_, flags), count in total.responses.items():
            yield f'mesh_tcp_connections_total{{{labels},response_flags="{flags}"}} {count}'


def _closed(rows: Iterable[tuple[str, Counts]]) -> Iterator[str]:
    for labels, total in rows:
        for flags, count in total.closed.items():
            yield f'mesh_tcp_connections_closed_total{{{labels},response_flags="{flags}"}} {count}'


def _carried(rows: Iterable[tuple[str, Counts]], name: str) -> Iterator[str]:
    for labels, total in rows:
        count = total.request_bytes if name == "mesh_tcp_sent_bytes_total" else total.response_bytes
        yield f"{name}{{{labels}}} {count}"


def _retries(rows: Iterable[tuple[str, Counts]]) -> Iterator[str]:
    for labels, total in rows:
        if total.retries:
            yield f"mesh_request_retries_total{{{labels}}} {total.retries}"


def _overflows(source: Source) -> Iterator[str]:
    for service, limit, count in source.overflows():
        yield f'mesh_breaker_overflows_total{{destination_service="{service}",limit="{limit}"}} {count}'


def _handshakes(source: Source) -> Iterator[str]:
    for side, outcome, count in source.handshakes():
        yield f'mesh_tls_handshakes_total{{side="{side}",outcome="{outcome}"}} {count}'


def _limits(uses: Uses) -> Iterator[str]:
    for use in uses.totals():
        labels = f'destination_service="{use.service}",route="{use.route}",limit="{use.limit}"'
        yield f'mesh_limit_requests_total{{{labels},outcome="allowed"}} {use.allowed}'
        yield f'mesh_limit_requests_total{{{labels},outcome="limited"}} {use.limited}'


def _decisions(decisions: Decisions) -> Iterator[str]:
    for use in decisions.totals():
        rule = "" if use.rule < 0 else use.rule
        labels = f'destination_service="{use.service}",policy="{use.policy}",rule="{rule}"'
        for outcome in ("allowed", "denied", "shadow_denied", "shadow_allowed", "failed"):
            if count := getattr(use, outcome):
                yield f'mesh_policy_decisions_total{{{labels},outcome="{outcome}"}} {count}'


def _tokens(decisions: Decisions) -> Iterator[str]:
    for (service, provider, outcome), count in decisions.tokens.items():
        labels = f'destination_service="{service}",provider="{provider}",outcome="{outcome}"'
        yield f"mesh_jwt_requests_total{{{labels}}} {count}"


def _each(states: Iterable[ServiceState], name: str, value: Callable[[ServiceState], int]) -> Iterator[str]:
    for state in states:
        yield f'{name}{{destination_service="{state.service}"}} {value(state)}'
