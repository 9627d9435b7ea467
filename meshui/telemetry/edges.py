"""Edges: the sums of a window by who calls whom, with rates, percentiles and health. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from meshui.core.api.bodies import View as Answer
from meshui.telemetry.fold import UNKNOWN
from meshui.telemetry.frames import CODE_CLASSES, REQUEST_BYTES, RESPONSE_BYTES, SECURED, TCP, EdgeKey, Ints, edge_key
from meshui.telemetry.health import STEADY, Health, Slow, Verdict, judge
from meshui.telemetry.registry import Services
from meshui.telemetry.sums import Totals, rounded
from meshui.telemetry.window import View
from proxies.wire.histogram import bucket

Summed = Literal["service", "version"]
"""What the nodes of a graph of any time may be."""
By = Literal["service", "version", "instance"]

EXTERNAL = "external"
"""Hosts outside the mesh that are called, and where requests end that lead to no service."""


class Edge(Answer, frozen=True, gc=False):
    """Calls from ``source`` to ``target`` within the window. ``errors`` are responses 5xx and requests without one;
    ``codes`` and ``flags`` count requests, classes without any left out; ``secured`` is the share over mTLS.

    With ``protocol`` tcp it is connections that count: as 2xx where they were established, as errors where they led
    nowhere; ``flags`` are of those that ended too, and percentiles are of how long those lasted (60 s and more count as
    60 s). Bytes are those that passed in the window, over connections of any age.
    """

    id: str
    source: str
    target: str
    protocol: str
    rps: float
    requests: int
    errors: int
    error_rate: float
    codes: dict[str, int]
    flags: dict[str, int]
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    bytes_in_per_s: float
    bytes_out_per_s: float
    secured: float
    health: Health
    sample: int
    reason: str


def edges_of(view: View, by: By, services: Services) -> list[Edge]:
    """The edges that had requests in the window, or bytes, ordered by id."""
    rows = np.flatnonzero(_active(view.totals)).tolist()
    keys = {row: edge_key(view.keys[row]) for row in rows}
    pairs = {row: ends_of(key, by) for row, key in keys.items()}
    order = {pair: group for group, pair in enumerate(sorted(set(pairs.values())))}
    groups = np.full(len(view.keys), -1, np.int64)
    for row, pair in pairs.items():
        groups[row] = order[pair]
    totals = view.totals.grouped(groups, len(order))
    protocols = _protocols(view.totals, keys, groups, len(order))
    slow = [slow_of(totals, row, target, services) for row, (_, target) in enumerate(order)]
    return _edges(list(order), protocols, totals, slow, view.covered_s)


def slow_of(totals: Totals, row: int, node: str, services: Services) -> Slow | None:
    """A row's requests against what the service of a node promises; None where it promises no latency."""
    state = services.get(service_of(node))
    if state is None or state.latency is None:
        return None
    percent, slow_ms = state.latency
    timed, slow = totals.beyond(row, bucket(slow_ms * 1000))
    return Slow(timed, slow, percent, slow_ms)


def _edges(
    pairs: list[tuple[str, str]], protocols: list[str], totals: Totals, slows: list[Slow | None], seconds: float
) -> list[Edge]:
    counts = totals.counts
    requests = requests_of(totals)
    errors = counts[:, 0] + counts[:, 5]
    shares = np.maximum(requests, 1)
    columns = zip(
        pairs,
        protocols,
        slows,
        requests.tolist(),
        errors.tolist(),
        counts[:, : len(CODE_CLASSES)].tolist(),
        totals.flags,
        totals.percentiles(),
        rounded(requests / seconds, 3),
        rounded(errors / shares, 6),
        rounded(np.minimum(counts[:, SECURED] / shares, 1), 4),
        rounded(counts[:, REQUEST_BYTES] / seconds, 1),
        rounded(counts[:, RESPONSE_BYTES] / seconds, 1),
        strict=True,
    )
    edges = []
    for (source, target), protocol, slow, total, failed, codes, flags, (
        p50,
        p95,
        p99,
    ), rps, rate, secured, down, up in columns:
        health, reason = verdict(protocol, total, failed, codes[4], slow)
        edges.append(
            Edge(
                id=f"{source}->{target}",
                source=source,
                target=target,
                protocol=protocol,
                rps=rps,
                requests=total,
                errors=failed,
                error_rate=rate,
                codes={name: count for name, count in zip(CODE_CLASSES, codes, strict=True) if count},
                flags=flags,
                p50_ms=p50,
                p95_ms=p95,
                p99_ms=p99,
                bytes_in_per_s=down,
                bytes_out_per_s=up,
                secured=secured,
                health=health,
                sample=total,
                reason=reason,
            )
        )
    return edges


def verdict(protocol: str, requests: int, errors: int, client_errors: int, slow: Slow | None = None) -> Verdict:
    """The health of so many requests, or connections, of which these failed or were answered 4xx; ``slow`` is of
    requests alone."""
    if protocol != TCP:
        return judge(requests, errors, client_errors, slow=slow)
    return judge(requests, errors, client_errors, "connection") if requests else STEADY


def _protocols(totals: Totals, keys: Mapping[int, EdgeKey], groups: Ints, size: int) -> list[str]:
    """The protocol that most requests of each group had."""
    most = [0] * size
    protocols = [""] * size
    requests = requests_of(totals)
    for row, key in keys.items():
        group = int(groups[row])
        if requests[row] > most[group] or not protocols[group]:
            most[group], protocols[group] = int(requests[row]), key.protocol
    return protocols


def requests_of(totals: Totals) -> Ints:
    """By row."""
    requests: Ints = totals.counts[:, : len(CODE_CLASSES)].sum(axis=1)
    return requests


def _active(totals: Totals) -> Ints:
    """By row, more than nothing where there were requests or bytes."""
    active: Ints = requests_of(totals) + totals.counts[:, REQUEST_BYTES] + totals.counts[:, RESPONSE_BYTES]
    return active


def ends_of(key: EdgeKey, by: By) -> tuple[str, str]:
    """The names of both ends in a graph of this kind. By instance, what a proxy counted of its calls leads from it to
    the version that it called, and what it received from its version to it."""
    target = key.destination if by == "service" else _version_id(key.destination, key.destination_version)
    if target == UNKNOWN:
        target = EXTERNAL
    if by == "instance" and key.instance:
        if not key.source:
            return target, instance_id(target, key.instance)
        return instance_id(_version_id(key.source, key.source_version), key.instance), target
    return key.source if by == "service" else _version_id(key.source, key.source_version), target


def service_of(node: str) -> str:
    """The service that a node belongs to."""
    return node.partition("@")[0]


def instance_id(version: str, instance: str) -> str:
    return f"{version}#{instance}"


def is_share(edge: Edge) -> bool:
    """Whether it is an instance's part of what its version received, which is in the calls of others already."""
    return "#" in edge.target


def _version_id(service: str, version: str) -> str:
    return f"{service}@{version}" if version else service
