"""What can be said before a rollout starts: whether it could, and how soon a bad canary would be noticed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshui.catalog.api.shapes import service_view
from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service_shown
from meshui.rollouts import selectors
from meshui.rollouts.analysis.detect import minutes_to_detect
from meshui.rollouts.judging import rules
from meshui.rollouts.plan import Analyse, Analysis, AnyStep, Bake, SetMatch, SetMirror, SetWeight
from meshui.rollouts.services import preflight
from meshui.rollouts.shapes import CandidateView, CheckView, DetectView, EstimateView, PreflightView
from meshui.telemetry import window
from meshui.telemetry.selectors import version_traffic

RECENT_S, LONG_S = 60, 600
"""Seconds of traffic that a rate, and an error rate, are taken from."""
MIN_ERROR = 0.005
"""What stable is taken to fail at least: twice nothing is nothing."""
RATIO = 2.0
"""How much worse than stable the canary of an estimate is."""
WARM_MS = 30_000


def stable_of(service: Service) -> str:
    """The version that takes most of the traffic; empty where there is none."""
    versions = sorted(service.versions.all(), key=lambda version: version.weight)
    return versions[-1].name if versions else ""


def preflight_of(service: Service, stable: str, canary: str) -> PreflightView:
    """Whether ``canary`` could begin to take over from ``stable`` now."""
    name = str(service)
    active = selectors.active_rollout(service)
    return PreflightView(
        checks=[CheckView(name=c.name, ok=c.ok, detail=c.detail) for c in preflight(service, stable, canary)],
        rate_rps=_rate(name, RECENT_S),
        stable=stable,
        versions=[
            CandidateView(name=v.name, weight=v.weight, instances=v.instances, healthy=v.healthy)
            for v in service_view(get_service_shown(name)).versions
        ],
        active_rollout=None if active is None else str(active.pk),
    )


def estimate(service: Service, stable: str, steps: Sequence[AnyStep], analysis: Analysis) -> EstimateView:
    """How soon a canary with ``RATIO`` times stable's errors would be noticed at each step that analyses."""
    rate = _rate(str(service), LONG_S)
    seen = version_traffic(services=[str(service)], window_s=LONG_S)[str(service)].get(stable)
    error_rate = seen.error_rate if seen else None
    assumed = max(error_rate or 0.0, MIN_ERROR)
    return EstimateView(
        baseline_error=error_rate,
        assumed_error=assumed,
        rate_rps=rate,
        steps=[
            DetectView(index=index, share=share, minutes_to_detect=_minutes(rate, copies, share, assumed, analysis))
            for index, share, copies in _shares(steps)
        ],
        total_minutes=_least_minutes(rate, steps, analysis),
    )


def _rate(service: str, window_s: int) -> float | None:
    """Requests a second; None without telemetry."""
    if window.shared().newest is None:
        return None
    return sum(seen.rps for seen in version_traffic(services=[service], window_s=window_s)[service].values())


def _shares(steps: Sequence[AnyStep]) -> Iterator[tuple[int, float, float]]:
    """Of each step that analyses: its index, the canary's part (0..1) of the requests, and how many there are for each
    one that comes in, copies included. What a match selects is not known beforehand and counts as none."""
    weight, mirror = 0.0, 0.0
    for index, step in enumerate(steps):
        match step:
            case SetWeight():
                weight = step.weight / 100
            case SetMirror():
                mirror = step.percent / 100
            case Analyse():
                copies = 1 + mirror
                yield index, (weight + mirror) / copies, copies


def _minutes(rate: float | None, copies: float, share: float, error_rate: float, analysis: Analysis) -> float | None:
    if not rate:
        return None
    return minutes_to_detect(
        rate * copies,
        share,
        error_rate,
        RATIO,
        analysis.alpha,
        deciding=max(1, rules(analysis).deciding),
        tick_s=analysis.interval_ms / 1000,
    )


def _least_minutes(rate: float | None, steps: Sequence[AnyStep], analysis: Analysis) -> float:
    """What baking, warming and the requests that a pass needs take at least."""
    baked = sum(step.ms for step in steps if isinstance(step, Bake))
    warmed = WARM_MS * sum(isinstance(step, SetWeight | SetMatch | SetMirror) for step in steps)
    asked = sum(
        analysis.min_requests / (rate * copies * share) for _, share, copies in _shares(steps) if rate and share
    )
    return round((baked + warmed) / 60_000 + asked / 60, 1)
