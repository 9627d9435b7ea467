"""What access policies decided, counted: since the last fold and in all, of other processes too."""

from __future__ import annotations

from proxies.core.authorize import Decision
from proxies.core.decisions import Decisions
from proxies.wire.reports import PolicyUse

CATALOG = "shop/catalog"


def test_every_outcome_is_counted_by_rule() -> None:
    decisions = Decisions()
    tally = decisions.tally(CATALOG)
    for decision in (
        Decision(True, "readers", 1),
        Decision(True, "readers", 1, "later"),
        Decision(False, "readers", -1),
        Decision(False, "", -1, "wider"),
    ):
        tally.count(decision)
    expected = [
        PolicyUse(CATALOG, "", -1, 0, 1),
        PolicyUse(CATALOG, "later", -1, 0, 0, 1),
        PolicyUse(CATALOG, "readers", -1, 0, 1),
        PolicyUse(CATALOG, "readers", 1, 2),
        PolicyUse(CATALOG, "wider", -1, 0, 0, 0, 1),
    ]
    assert sorted(decisions.totals(), key=lambda use: (use.policy, use.rule)) == expected
    assert sorted(decisions.collect(), key=lambda use: (use.policy, use.rule)) == expected
    assert decisions.collect() == []
    decisions.tally(CATALOG).count(Decision(True, "readers", 1))
    assert decisions.collect() == [PolicyUse(CATALOG, "readers", 1, 1)]
    assert PolicyUse(CATALOG, "readers", 1, 3) in decisions.totals()


def test_what_other_processes_counted_is_added() -> None:
    decisions = Decisions()
    decisions.tally(CATALOG).count(Decision(True, "a", 0))
    decisions.add([PolicyUse(CATALOG, "a", 0, 1, 2, 3, 4), PolicyUse("shop/cart", "b", 0, 1)])
    assert decisions.collect() == [PolicyUse(CATALOG, "a", 0, 2, 2, 3, 4), PolicyUse("shop/cart", "b", 0, 1)]
