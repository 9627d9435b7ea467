"""The one rule by which an edge, a service or the whole mesh is healthy, degraded or failing. Pure.

Errors are responses 5xx and requests that got none. Under ``SAMPLE`` requests nothing is judged: one error of three
says little.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

What = Literal["request", "connection"]
Health = Literal["healthy", "degraded", "failing", "unknown", "idle"]

SAMPLE = 20
"""Requests below which there is no verdict."""
DEGRADED_ERRORS, FAILING_ERRORS = 0.001, 0.10
DEGRADED_4XX, FAILING_4XX = 0.10, 0.20

LETTERS: Mapping[Health, str] = {"healthy": "h", "degraded": "d", "failing": "f", "unknown": "u", "idle": "-"}
"""How health is written where there is much of it."""
WORST: tuple[Health, ...] = ("failing", "degraded", "unknown", "healthy", "idle")


class Verdict(NamedTuple):
    """``reason`` is half a sentence with its sample: ``5.1 % errors over 120 requests``."""

    health: Health
    reason: str


class Slow(NamedTuple):
    """How many of the ``timed`` requests took longer than the ``ms`` within which ``percent`` of them should be."""

    timed: int
    slow: int
    percent: float
    ms: int

    @property
    def verdict(self) -> Verdict | None:
        """None where the objective is met, or too few were timed."""
        if self.timed < SAMPLE or self.slow / self.timed <= 1 - self.percent / 100:
            return None
        share = percent(self.slow / self.timed)
        return Verdict("degraded", f"{share} slower than {self.ms} ms over {_plural(self.timed, 'request')}")


def judge(requests: int, errors: int, client_errors: int, what: What = "request", slow: Slow | None = None) -> Verdict:
    """The verdict over a window: its requests, those that failed, and those answered 4xx; or its connections. ``slow``
    is against the called service's latency objective."""
    verdict = _judge(requests, errors, client_errors, what)
    return (slow and verdict.health == "healthy" and slow.verdict) or verdict


def _judge(requests: int, errors: int, client_errors: int, what: What) -> Verdict:
    if not requests:
        return Verdict("idle", f"no {what}s")
    if requests < SAMPLE:
        return Verdict("unknown", f"{_plural(requests, what)}, too few to judge")
    error_rate, client_rate = errors / requests, client_errors / requests
    if error_rate >= FAILING_ERRORS:
        return Verdict("failing", _share(error_rate, "errors", requests, what))
    if client_rate >= FAILING_4XX:
        return Verdict("failing", _share(client_rate, "responses 4xx", requests))
    if error_rate >= DEGRADED_ERRORS:
        return Verdict("degraded", _share(error_rate, "errors", requests, what))
    if client_rate >= DEGRADED_4XX:
        return Verdict("degraded", _share(client_rate, "responses 4xx", requests))
    if errors:
        return Verdict("healthy", _share(error_rate, "errors", requests, what))
    return Verdict("healthy", f"no errors over {_plural(requests, what)}")


STEADY = Verdict("healthy", "no new connections, bytes pass over open ones")


class Troubled(NamedTuple):
    """An edge that is not well, as the headline names it."""

    source: str
    target: str
    health: Health
    reason: str
    rate: float
    """Errors and 4xx, by which the worst comes first."""


def headline(edges: int, troubled: list[Troubled]) -> str:
    """The page's answer in one sentence: how many edges are not well, and the worst of them."""
    if not edges:
        return "No traffic"
    for health in ("failing", "degraded"):
        these = [edge for edge in troubled if edge.health == health]
        if these:
            worst = max(these, key=lambda edge: edge.rate)
            return f"{len(these)} of {_plural(edges, 'edge')} {health}: {worst.source} → {worst.target}, {worst.reason}"
    return "The edge is healthy" if edges == 1 else f"All {edges} edges healthy"


def _share(rate: float, bad: str, requests: int, what: What = "request") -> str:
    return f"{percent(rate)} {bad} over {_plural(requests, what)}"


def percent(rate: float) -> str:
    """Two or three digits: ``0.12 %``, ``5.1 %``, ``51 %``."""
    value = rate * 100
    return f"{value:.2f} %" if value < 1 else f"{value:.1f} %" if value < 10 else f"{value:.0f} %"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
