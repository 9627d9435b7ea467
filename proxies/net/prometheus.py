"""The counters as Prometheus text (exposition format 0.0.4). Names and labels are those of the mesh's telemetry; no
path, host or header ever becomes a label."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from proxies.net.metrics import Counts, Metrics, Row
from proxies.wire import histogram

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
    "mesh_proxy_connections": ("gauge", "Open client connections."),
    "mesh_proxy_active_requests": ("gauge", "Requests under way."),
}


def render(metrics: Metrics) -> str:
    """All metrics of a proxy."""
    rows = [(_labels(row), total) for row in metrics.rows() if (total := row.total()) is not None]
    lines: list[str] = []
    for name, samples in (
        ("mesh_requests_total", _requests(rows)),
        ("mesh_request_duration_seconds", _durations(rows)),
        ("mesh_request_bytes_total", _bytes(rows, "mesh_request_bytes_total")),
        ("mesh_response_bytes_total", _bytes(rows, "mesh_response_bytes_total")),
        ("mesh_proxy_connections", [f"mesh_proxy_connections {metrics.connections}"]),
        ("mesh_proxy_active_requests", [f"mesh_proxy_active_requests {metrics.active_requests}"]),
    ):
        kind, text = _HEADS[name]
        lines += (f"# HELP {name} {text}", f"# TYPE {name} {kind}")
        lines += samples
    return "\n".join(lines) + "\n"


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


def _durations(rows: Iterable[tuple[str, Counts]]) -> Iterator[str]:
    name = "mesh_request_duration_seconds"
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
