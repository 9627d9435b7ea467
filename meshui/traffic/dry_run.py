"""A draft of routes tried on the requests of the last hour: which of them would go elsewhere.

Decided by the functions that a proxy runs, over what proxies told of real requests. Nothing is sent, and nothing is
changed. Rate limits, faults and stickiness are left aside: they depend on time, chance and who asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from meshui.catalog.selectors import get_service
from meshui.compile.service import service_body
from meshui.core.actors import Actor
from meshui.telemetry import samples
from meshui.telemetry.replay import HIDDEN, alike, head_of, untold
from meshui.telemetry.samples import Sample
from meshui.traffic.simulation import Draft, drafted
from proxies.core.head import RequestHead
from proxies.core.routes import CompiledRoute, compile_routes, first_match
from proxies.core.told import Compared
from proxies.wire.resources import ServiceBody
from proxies.wire.routing import Route

MAX_ROWS = 200


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a request. ``shares`` are percent by version; ``status`` is of an answer of the proxy's own."""

    route: str
    answer: Literal["forward", "redirect", "direct", "refused"]
    status: int = 0
    shares: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Requests that are alike and fare alike. Ids in ``path`` are ``*``."""

    source: str
    method: str
    path: str
    now: Fate
    draft: Fate
    requests: int

    @property
    def changed(self) -> bool:
        return self.now != self.draft


@dataclass(frozen=True, slots=True)
class Trial:
    """``requests`` is how many the ``sampled`` ones stand for; ``unjudged`` of them carry a field whose value was not
    told, ``by`` these names. ``since`` and ``until`` are Unix seconds of the first and last sample, None without any.
    """

    sampled: int
    requests: int
    changed: int
    unjudged: int
    by: Sequence[str]
    since: float | None
    until: float | None
    rows: Sequence[Row]


def dry_run(*, actor: Actor, service: str, draft: Draft, since: float, until: float) -> Trial:
    """Try a draft on the requests to ``service`` between two Unix times.

    Raises NotFound, InvalidInput (the draft), Unavailable (the samples cannot be read).
    """
    actor.require_visible(service.partition("/")[0])
    row = get_service(service)
    now, then = _Judge(service_body(drafted(row, None))), _Judge(service_body(drafted(row, draft)))
    counted: dict[tuple[str, str, str, Fate, Fate], int] = {}
    sampled = unjudged = 0
    unknown: set[str] = set()
    times: list[float] = []
    for at, told in samples.read(since, until):
        for sample in told:
            if sample.destination != service:
                continue
            sampled += 1
            times.append(at)
            missing = now.missing(sample) | then.missing(sample)
            if missing:
                unjudged += sample.weight
                unknown |= missing
                continue
            source = sample.source if actor.may("view", sample.source.partition("/")[0]) else HIDDEN
            head = head_of(sample)
            key = (source, sample.method, alike(sample.path), now.fate(sample, head), then.fate(sample, head))
            counted[key] = counted.get(key, 0) + sample.weight
    rows = [Row(*key, requests) for key, requests in counted.items()]
    rows.sort(key=lambda row: (not row.changed, -row.requests, row.source, row.path))
    return Trial(
        sampled=sampled,
        requests=sum(row.requests for row in rows) + unjudged,
        changed=sum(row.requests for row in rows if row.changed),
        unjudged=unjudged,
        by=sorted(unknown),
        since=min(times, default=None),
        until=max(times, default=None),
        rows=rows[:MAX_ROWS],
    )


class _Judge:
    """What one configuration of the service makes of requests."""

    def __init__(self, body: ServiceBody) -> None:
        self._body = body
        self._compared = _valued(body.routes)
        self._routes: dict[str, list[CompiledRoute]] = {}

    def missing(self, sample: Sample) -> set[str]:
        """The fields that it compares and whose values were not told."""
        return (
            untold(sample.headers, self._compared.headers)
            | untold(sample.query, self._compared.query)
            | untold(sample.cookies, self._compared.cookies)
        )

    def fate(self, sample: Sample, head: RequestHead) -> Fate:
        routes = self._routes.get(sample.source)
        if routes is None:
            routes = self._routes[sample.source] = compile_routes(self._body.routes, sample.source)
        route = first_match(routes, head)
        if route is None:
            return Fate("", "refused", 404)
        if route.redirect is not None:
            return Fate(route.name, "redirect", route.redirect.code)
        if route.direct is not None:
            return Fate(route.name, "direct", route.direct.status)
        split = route.split or self._body.split
        total = sum(weighted.weight for weighted in split) or 1
        shares = tuple((each.version, 100 * each.weight / total) for each in split if each.weight)
        return Fate(route.name, "forward", 0, shares) if shares else Fate(route.name, "refused", 503)


def _valued(routes: Iterable[Route]) -> Compared:
    """The names whose values matter, not only whether they are there."""
    matches = [route.match for route in routes]
    return Compared(
        frozenset(each.name for match in matches for each in match.headers if each.kind != "present"),
        frozenset(each.name for match in matches for each in match.query if each.kind != "present"),
        frozenset(each.name for match in matches for each in match.cookies if each.kind != "present"),
    )
