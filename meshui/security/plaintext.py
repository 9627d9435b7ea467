"""Who still speaks plaintext to whom, and which services can be made strict: from observed traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshui.catalog.models import CALLED, Service
from meshui.core.actors import Actor
from meshui.mesh.policies import Mtls
from meshui.security.access import Receives, receives
from meshui.telemetry.calls import Calls, Observed, observed_calls
from meshui.telemetry.replay import HIDDEN

ENOUGH = 0.9
"""The share of the window that must have been observed before silence means that nobody speaks plaintext."""


@dataclass(frozen=True, slots=True)
class PlaintextEdge:
    source: str
    destination: str
    requests: int
    plaintext: int


@dataclass(frozen=True, slots=True)
class Migration:
    """``safe_to_make_strict`` with the reason; null where it is strict already."""

    service: str
    mtls: Mtls
    requests: int
    plaintext: int
    unproxied: int
    safe_to_make_strict: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Plaintext:
    window_s: int
    covered_s: float
    edges: Sequence[PlaintextEdge]
    services: Sequence[Migration]


def plaintext(*, actor: Actor, window_s: int) -> Plaintext:
    """Of the services that the actor may view. Raises InvalidInput where the window holds too much to read."""
    rows = Service.objects.filter(kind__in=CALLED).select_related("namespace").order_by("namespace__name", "name")
    visible = actor.visible_namespaces()
    services = list(rows if visible is None else rows.filter(namespace__name__in=visible))
    unproxied = _unproxied(services)
    observed, how = observed_calls(window_s), receives(services)
    edges = [
        PlaintextEdge(_shown(actor, source), destination, calls.requests, calls.plaintext)
        for (source, destination), calls in observed.pairs.items()
        if destination in how and calls.plaintext
    ]
    edges.sort(key=lambda edge: (-edge.plaintext, edge.destination, edge.source))
    return Plaintext(
        window_s,
        observed.covered_s,
        edges,
        [_migration(name, how[name], _received(observed, name), unproxied.get(name, 0), observed) for name in how],
    )


def _shown(actor: Actor, source: str) -> str:
    return source if "/" not in source or actor.may("view", source.partition("/")[0]) else HIDDEN


def _unproxied(services: Sequence[Service]) -> Mapping[str, int]:
    """How many instances of each have no sidecar: whatever its mode, they are spoken to in plaintext."""
    names = {service.pk: str(service) for service in services}
    counts: dict[str, int] = {}
    for pk in Service.objects.filter(pk__in=names, instances__proxy__isnull=True, instances__isnull=False).values_list(
        "pk", flat=True
    ):
        counts[names[pk]] = counts.get(names[pk], 0) + 1
    return counts


def _received(observed: Observed, service: str) -> Calls:
    total = Calls()
    for (_, destination), calls in observed.pairs.items():
        if destination == service:
            total.requests += calls.requests
            total.secured += calls.secured
    return total


def _migration(service: str, how: Receives, calls: Calls, unproxied: int, observed: Observed) -> Migration:
    safe: bool | None = None
    if how.mtls == "strict":
        reason = "it is strict"
    elif calls.plaintext:
        safe, reason = False, f"{calls.plaintext} of {calls.requests} requests came in plaintext"
    elif observed.covered_s < ENOUGH * observed.window_s:
        safe, reason = False, f"only {observed.covered_s:.0f} of {observed.window_s} s were observed"
    elif not calls.requests:
        safe, reason = False, "nobody called it: look at a longer window"
    else:
        safe, reason = True, f"all {calls.requests} requests came over mTLS"
    return Migration(service, how.mtls, calls.requests, calls.plaintext, unproxied, safe, reason)
