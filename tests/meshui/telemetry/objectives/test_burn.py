"""Error budgets and the rules by which their burn is told."""

from __future__ import annotations

import pytest

from meshui.telemetry.objectives.burn import PERIOD_S, RULES, WINDOWS, Budget, Good, budget_of

HOUR, DAY = 3600, 86_400


CLEAN = Good(100_000, 0)


def windows(default: Good = CLEAN, **by_seconds: Good) -> dict[int, Good]:
    return dict.fromkeys(WINDOWS, default) | {int(name[1:]): good for name, good in by_seconds.items()}


def firing(budget: Budget) -> list[tuple[int, str]]:
    return [(burn.long_s, burn.severity) for burn in budget.burn if burn.firing]


def test_the_rules_are_those_of_the_workbook() -> None:
    assert RULES == (
        ("page", HOUR, 300, 14.4),
        ("page", 6 * HOUR, 1800, 6.0),
        ("ticket", 3 * DAY, 6 * HOUR, 1.0),
    )


def test_a_budget_says_what_is_left_of_it() -> None:
    half = budget_of(99.9, windows(**{f"w{PERIOD_S}": Good(100_000, 50)}), PERIOD_S)
    assert (half.state, half.budget_left, half.actual) == ("met", 0.5, 99.95)
    over = budget_of(99.9, windows(**{f"w{PERIOD_S}": Good(100_000, 150)}), PERIOD_S)
    assert (over.state, over.budget_left) == ("exhausted", -0.5)
    none = budget_of(99.9, windows(Good(0, 0)), 0)
    assert (none.state, none.budget_left, none.actual, none.burn[0].long) == ("unknown", None, None, None)


@pytest.mark.parametrize(
    ("long", "short", "fires"),
    [(15, 15, True), (15, 14, False), (14, 15, False), (14.4, 14.4, True)],
)
def test_a_rule_needs_both_its_windows(long: float, short: float, fires: bool) -> None:
    budget = budget_of(
        99.0, windows(w3600=Good(100_000, round(long * 1000)), w300=Good(10_000, round(short * 100))), PERIOD_S
    )
    assert firing(budget) == ([(HOUR, "page")] if fires else [])
    assert budget.state == ("burning" if fires else "met")


def test_slow_burns_are_tickets() -> None:
    budget = budget_of(99.9, windows(w259200=Good(100_000, 110), w21600=Good(10_000, 11)), PERIOD_S)
    assert firing(budget) == [(3 * DAY, "ticket")]


def test_too_few_requests_burn_nothing() -> None:
    budget = budget_of(99.9, windows(w3600=Good(1_000, 1_000), w300=Good(19, 19)), PERIOD_S)
    assert firing(budget) == []
    assert budget.burn[0].short is None
