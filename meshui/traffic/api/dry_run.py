"""``dry-run/``: what a draft of routes or of the split would change for the requests of the last hour."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Literal

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, View, body
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.telemetry.api.queries import Duration, seconds
from meshui.telemetry.samples import KEPT_MS
from meshui.traffic.api.simulate import DraftBody
from meshui.traffic.dry_run import Fate, Trial, dry_run
from meshui.traffic.simulation import Draft


class DryRunBody(Body, frozen=True, kw_only=True):
    """``window`` is at most an hour."""

    draft: DraftBody
    window: Duration = "1h"


class FateView(View, frozen=True, kw_only=True):
    """``shares`` are percent by version; ``status`` is that of an answer of the proxy's own, else 0."""

    route: str
    answer: Literal["forward", "redirect", "direct", "refused"]
    status: int
    shares: dict[str, float]


class TriedRow(View, frozen=True, kw_only=True):
    """Requests that are alike; ids in ``path`` are ``*``, and ``source`` is `hidden` where you may not view it."""

    source: str
    method: str
    path: str
    requests: int
    changed: bool
    now: FateView
    draft: FateView


class Tried(View, frozen=True, kw_only=True):
    """``sampled`` requests stand for ``requests``. Of ``unjudged`` ones a value was not told that a route compares
    (``untold`` names the fields): proxies tell only what routes in force compare. The largest rows come, changed
    ones first."""

    sampled: int
    requests: int
    changed: int
    unjudged: int
    untold: list[str]
    since: datetime | None
    until: datetime | None
    rows: list[TriedRow]


class DryRun(Endpoint):
    writes = "view"

    @operation("dry_run", body=DryRunBody, answer=Tried)
    def post(self, request: Request, ns: str, name: str) -> Response:
        """Try a draft on recent requests, by the code that proxies run. Nothing is sent and nothing changes."""
        sent = body(request, DryRunBody)
        now = time.time()
        trial = dry_run(
            actor=actor_of(request),
            service=f"{ns}/{name}",
            draft=Draft(routes=sent.draft.routes, split=sent.draft.split),
            since=now - seconds("window", sent.window, KEPT_MS // 1000),
            until=now,
        )
        return Response(_view(trial))


def _view(trial: Trial) -> Tried:
    return Tried(
        sampled=trial.sampled,
        requests=trial.requests,
        changed=trial.changed,
        unjudged=trial.unjudged,
        untold=list(trial.by),
        since=_at(trial.since),
        until=_at(trial.until),
        rows=[
            TriedRow(
                source=row.source,
                method=row.method,
                path=row.path,
                requests=row.requests,
                changed=row.changed,
                now=_fate(row.now),
                draft=_fate(row.draft),
            )
            for row in trial.rows
        ],
    )


def _fate(fate: Fate) -> FateView:
    return FateView(route=fate.route, answer=fate.answer, status=fate.status, shares=dict(fate.shares))


def _at(unix: float | None) -> datetime | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC)
