"""What several workers tell, as one proxy's. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from proxies.wire.reports import Gauges, RequestSample, ServiceState

Counts = list[tuple[str, str, int]]
"""Two names, such as a service and its limit, and how often."""


def summed(gauges: Sequence[Gauges]) -> Gauges:
    """Counts are added; an endpoint that one worker leaves out is named as left out, and so is a limit that is
    reached."""
    return Gauges(
        connections=sum(each.connections for each in gauges),
        active_requests=sum(each.active_requests for each in gauges),
        rss_bytes=sum(each.rss_bytes for each in gauges),
        cpu_seconds=sum(each.cpu_seconds for each in gauges),
        services=_states(state for each in gauges for state in each.services),
    )


def counted(each: Iterable[Counts]) -> Counts:
    """One count of each pair of names."""
    sums: Counter[tuple[str, str]] = Counter()
    for counts in each:
        for name, kind, count in counts:
            sums[name, kind] += count
    return [(name, kind, count) for (name, kind), count in sums.items()]


def merged(samples: Iterable[RequestSample]) -> list[RequestSample]:
    """One sample of each route, which stands for all requests that any of them stood for."""
    routes: dict[tuple[str, str], RequestSample] = {}
    for sample in samples:
        first = routes.get((sample.destination, sample.route))
        if first is not None:
            sample = msgspec.structs.replace(first, weight=first.weight + sample.weight)
        routes[sample.destination, sample.route] = sample
    return list(routes.values())


def _states(states: Iterable[ServiceState]) -> list[ServiceState]:
    services: dict[str, ServiceState] = {}
    for state in states:
        first = services.get(state.service)
        services[state.service] = state if first is None else _both(first, state)
    return list(services.values())


def _both(a: ServiceState, b: ServiceState) -> ServiceState:
    return ServiceState(
        a.service,
        a.connections + b.connections,
        a.pending + b.pending,
        a.requests + b.requests,
        a.retries + b.retries,
        sorted({*a.open, *b.open}),
        sorted({*a.ejected, *b.ejected}),
        sorted({*a.unhealthy, *b.unhealthy}),
    )
