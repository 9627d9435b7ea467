"""Error budgets: what is left of one, how fast it burns, and when that is worth waking somebody. Pure.

A budget is the share of requests that may be bad; a burn of 1 spends exactly it over the period. Alerts compare a long
and a short window with one threshold (Google, The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate
Alerts"): the long one says that it matters, the short one that it still goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from meshui.core.api.bodies import View as Answer

Severity = Literal["page", "ticket"]
State = Literal["met", "burning", "exhausted", "unknown"]

PERIOD_S = 28 * 86_400
SAMPLE = 20
"""Requests in a window below which its burn is not known."""


class Rule(NamedTuple):
    severity: Severity
    long_s: int
    short_s: int
    threshold: float


RULES = (
    Rule("page", 3600, 300, 14.4),
    Rule("page", 6 * 3600, 1800, 6.0),
    Rule("ticket", 3 * 86_400, 6 * 3600, 1.0),
)
WINDOWS = tuple(sorted({PERIOD_S, *(rule.long_s for rule in RULES), *(rule.short_s for rule in RULES)}))


class Good(NamedTuple):
    """Requests of a window, and those of them that broke the promise."""

    requests: int
    bad: int


class Burn(Answer, frozen=True):
    """One rule: how fast the budget burns over its windows (null below the sample), and whether both are above."""

    severity: Severity
    long_s: int
    short_s: int
    threshold: float
    long: float | None
    short: float | None
    firing: bool


class Budget(Answer, frozen=True):
    """``objective`` and ``actual`` are percent of requests; ``budget_left`` is 1 where it is untouched and negative
    where it is overdrawn, over the ``observed_s`` of the ``period_s`` that there is data of."""

    objective: float
    threshold_ms: int | None
    state: State
    observed_s: int
    period_s: int
    requests: int
    bad: int
    actual: float | None
    budget_left: float | None
    burn: list[Burn]


def budget_of(
    objective: float, windows: Mapping[int, Good], observed_s: int, threshold_ms: int | None = None
) -> Budget:
    """The budget of an objective in percent, below 100, by what each of ``WINDOWS`` had."""
    allowed = 1 - objective / 100
    requests, bad = windows[PERIOD_S]
    left = 1 - bad / (allowed * requests) if requests >= SAMPLE else None
    burn = [_burn(rule, allowed, windows) for rule in RULES]
    return Budget(
        objective=objective,
        threshold_ms=threshold_ms,
        state=_state(left, any(each.firing for each in burn)),
        observed_s=observed_s,
        period_s=PERIOD_S,
        requests=requests,
        bad=bad,
        actual=round(100 * (1 - bad / requests), 4) if requests else None,
        budget_left=round(left, 4) if left is not None else None,
        burn=burn,
    )


def _burn(rule: Rule, allowed: float, windows: Mapping[int, Good]) -> Burn:
    long, short = (_rate(windows[each], allowed) for each in (rule.long_s, rule.short_s))
    firing = long is not None and short is not None and long >= rule.threshold and short >= rule.threshold
    return Burn(
        severity=rule.severity,
        long_s=rule.long_s,
        short_s=rule.short_s,
        threshold=rule.threshold,
        long=long,
        short=short,
        firing=firing,
    )


def _rate(good: Good, allowed: float) -> float | None:
    return round(good.bad / good.requests / allowed, 2) if good.requests >= SAMPLE else None


def _state(left: float | None, firing: bool) -> State:
    if left is None:
        return "unknown"
    if firing:
        return "burning"
    return "exhausted" if left <= 0 else "met"
