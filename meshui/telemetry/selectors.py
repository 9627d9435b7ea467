"""Reads of what the mesh does, from this process's window or from rollups, remembered for as long as they hold.

A graph is built once a second per window and kind, whoever asks, and encoded once per scope.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import msgspec
from django.db import close_old_connections
from msgspec import Raw, Struct, field

from meshui.catalog.models import Proxy
from meshui.core.api.bodies import View as Answer
from meshui.core.errors import InvalidInput, NotFound
from meshui.telemetry import past, registry, window
from meshui.telemetry.edges import By, Edge
from meshui.telemetry.graph import Graph, Node, Scope, Whole, build, build_instances, scoped
from meshui.telemetry.window import KEPT_S

T = TypeVar("T")


class Remembered(Generic[T]):
    """Values that hold as long as what they were made from stays the same object or equal. The oldest go."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[tuple[object, ...], T]] = OrderedDict()

    def get(self, key: Hashable, made_from: tuple[object, ...], make: Callable[[], T]) -> T:
        """The value of ``key``, made where there is none or where it was made from something else."""
        with self._lock:
            kept = self._values.get(key)
            if kept is None or any(a is not b and a != b for a, b in zip(kept[0], made_from, strict=True)):
                kept = (made_from, make())
                self._values[key] = kept
            self._values.move_to_end(key)
            if len(self._values) > self._size:
                self._values.popitem(last=False)
            return kept[1]

    def peek(self, key: Hashable) -> T | None:
        """The value of ``key``, whatever it was made from; never waits for one in the making."""
        kept = self._values.get(key)
        return kept[1] if kept else None


class Encoded(Struct, frozen=True):
    """A graph as JSON; encoding what goes on top costs nothing."""

    graph: Graph
    nodes: Raw
    edges: Raw
    summary: Raw


_wholes: Remembered[Whole] = Remembered(16)
_past: Remembered[Whole] = Remembered(8)
_graphs: Remembered[Graph] = Remembered(64)
_encoded: Remembered[Encoded] = Remembered(64)

RECENT_S = 1.5
"""How much older than the newest frame an answer may be, rather than wait for the next to be made."""
LONG_S = 10.0
"""How long the graph of a window beyond the frames holds."""
_maker = ThreadPoolExecutor(1, thread_name_prefix="graph")
_making: set[Hashable] = set()


def graph_get(*, window_s: int, by: By, scope: Scope) -> Graph:
    """The graph of the last ``window_s`` seconds (1 to 900), its ``age_s`` left open."""
    whole = _whole_now(window_s, by)
    return _graphs.get((window_s, by, scope), (whole,), lambda: scoped(whole, scope))


def graph_json(*, window_s: int, by: By, scope: Scope, at: float | None = None) -> Raw:
    """The graph as JSON, now or as it was ``at`` a time (Unix seconds). Raises InvalidInput where that is too much."""
    if at is None and window_s <= KEPT_S:
        encoded = _recent(window_s, by, scope) or _encoded_now(window_s, by, scope)
    else:
        encoded = encode(scoped(_whole_then(window_s, by, at), scope))
    return aged(encoded)


def _encoded_now(window_s: int, by: By, scope: Scope) -> Encoded:
    graph = graph_get(window_s=window_s, by=by, scope=scope)
    return _encoded.get((window_s, by, scope), (graph,), lambda: encode(graph))


def _recent(window_s: int, by: By, scope: Scope) -> Encoded | None:
    """What was encoded last, where it is of this second or the one before; then the next one is made meanwhile."""
    key = (window_s, by, scope)
    encoded = _encoded.peek(key)
    newest = window.shared().newest
    if encoded is None or newest is None or newest - (encoded.graph.as_of_unix or 0.0) > RECENT_S:
        return None
    if newest != encoded.graph.as_of_unix and key not in _making:
        _making.add(key)
        _maker.submit(_make, window_s, by, scope)
    return encoded


def _make(window_s: int, by: By, scope: Scope) -> None:
    try:
        _encoded_now(window_s, by, scope)
    finally:
        close_old_connections()  # no request ends here, which would do it
        _making.discard((window_s, by, scope))


def encode(graph: Graph) -> Encoded:
    json = msgspec.json.Encoder()
    return Encoded(
        graph=graph,
        nodes=Raw(json.encode(graph.nodes)),
        edges=Raw(json.encode(graph.edges)),
        summary=Raw(json.encode(graph.summary)),
    )


def aged(encoded: Encoded) -> Raw:
    """The whole answer with its age now."""
    graph = encoded.graph
    answer = {
        "as_of": graph.as_of,
        "as_of_unix": graph.as_of_unix,
        "age_s": age_s(graph.as_of_unix),
        "window_s": graph.window_s,
        "covered_s": graph.covered_s,
        "source": graph.source,
        "resolution_s": graph.resolution_s,
        "by": graph.by,
        "nodes": encoded.nodes,
        "edges": encoded.edges,
        "summary": encoded.summary,
    }
    return Raw(msgspec.json.encode(answer))


def age_s(as_of: float | None) -> float | None:
    """Seconds since a time, never negative: this machine's clock may be behind the collector's."""
    return None if as_of is None else round(max(0.0, time.time() - as_of), 3)


def _whole_now(window_s: int, by: By) -> Whole:
    frames = window.shared()
    services = registry.services.get()
    if by == "instance":
        made_from = (window.instances().newest, services)
        return _wholes.get((window_s, by), made_from, lambda: _instances(window_s, None))
    made_from = (frames.newest, services)
    return _wholes.get((window_s, by), made_from, lambda: build(frames.view(window_s), window_s, by, services))


def _instances(window_s: int, at: float | None) -> Whole:
    """By instance, up to ``at`` or the newest. Raises InvalidInput where that is longer ago than it is kept."""
    own = window.instances()
    oldest = own.oldest
    if at is not None and (oldest is None or at - window_s < min(oldest, time.time() - KEPT_S)):
        raise InvalidInput.field("at", "not_kept", "instances are told apart for the last 15 minutes")
    view = own.view(window_s, at)
    counted = window.shared().view(window_s, view.as_of) if view else None
    return build_instances(view, counted, window_s, registry.services.get(), registry.instances.get())


def _whole_then(window_s: int, by: By, at: float | None) -> Whole:
    """A graph of the past is made once, and one that ends now at most every few seconds."""
    if by == "instance":
        if window_s > KEPT_S:
            raise InvalidInput.field("window", "not_kept", "instances are told apart for the last 15 minutes")
        return _instances(window_s, at)
    services = registry.services.get()
    made_from = (services, None if at is not None else int(time.time() // LONG_S))
    then = time.time() if at is None else at
    return _past.get(
        (window_s, by, at), made_from, lambda: build(past.view_then(window_s, then), window_s, by, services)
    )


# --- one service ------------------------------------------------------------------------------------------------


class VersionTraffic(Answer, frozen=True):
    """What a version answered; ``share`` is its part (0..1) of the service's requests, null where there were none.
    ``requests`` are those of the window."""

    rps: float
    requests: int
    share: float | None
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class ServiceTraffic(Answer, frozen=True):
    """Edges into and out of a service, and the split that was observed."""

    as_of_unix: float | None
    in_: list[Edge] = field(name="in")
    out: list[Edge]
    versions: dict[str, VersionTraffic]


def service_traffic(*, service: str, window_s: int, visible: frozenset[str] | None) -> ServiceTraffic:
    """The traffic of one service over the last seconds (1 to 900). Raises NotFound where the registry has none."""
    state = registry.service_state(service)
    if state is None:
        raise NotFound(f"no service {service}")
    graph = graph_get(window_s=window_s, by="service", scope=Scope(visible=visible, focus=service))
    return ServiceTraffic(
        as_of_unix=graph.as_of_unix,
        in_=[edge for edge in graph.edges if edge.target == service],
        out=[edge for edge in graph.edges if edge.source == service],
        versions=version_traffic(services=[service], window_s=window_s)[service],
    )


def version_traffic(*, services: Collection[str], window_s: int) -> dict[str, dict[str, VersionTraffic]]:
    """What each version of these services answered over the last seconds (1 to 900), by service and version."""
    whole = _whole_now(window_s, "version")
    found = {name: registry.service_state(name) for name in services}
    versions = {
        name: [v for v in state.versions if f"{name}@{v}" in whole.nodes] if state else []
        for name, state in found.items()
    }
    requests = dict.fromkeys((f"{name}@{version}" for name, known in versions.items() for version in known), 0)
    for edge in whole.edges:
        if edge.target in requests:
            requests[edge.target] += edge.requests
    return {name: _versions(name, known, whole.nodes, requests) for name, known in versions.items()}


def _versions(
    service: str, versions: Collection[str], nodes: Mapping[str, Node], requests: Mapping[str, int]
) -> dict[str, VersionTraffic]:
    shown = {version: nodes[f"{service}@{version}"] for version in versions}
    received = sum(node.rps_in for node in shown.values())
    return {
        version: VersionTraffic(
            rps=node.rps_in,
            requests=requests[f"{service}@{version}"],
            share=round(node.rps_in / received, 4) if received else None,
            error_rate=node.error_rate,
            p50_ms=node.p50_ms,
            p95_ms=node.p95_ms,
            p99_ms=node.p99_ms,
        )
        for version, node in shown.items()
    }


# --- Prometheus -------------------------------------------------------------------------------------------------


class Target(Answer, frozen=True):
    """One group of Prometheus' HTTP service discovery."""

    targets: list[str]
    labels: dict[str, str]


def prometheus_targets(visible: frozenset[str] | None) -> list[Target]:
    """The admin addresses of all proxies that may be seen. One query. Those of a node share an address: each is at a
    path of its own."""
    proxies = Proxy.objects.exclude(admin="").select_related("service__namespace", "version").order_by("id")
    if visible is not None:
        proxies = proxies.filter(service__namespace__name__in=visible)
    return [
        Target(
            targets=[proxy.admin],
            labels={
                "mesh_service": str(proxy.service),
                "mesh_namespace": proxy.service.namespace.name,
                "mesh_version": proxy.version.name,
                "mesh_proxy": proxy.id,
                "mesh_kind": proxy.kind,
            }
            | ({"__metrics_path__": f"/metrics/{proxy.name}"} if proxy.node else {}),
        )
        for proxy in proxies
    ]
