"""What access policies decided: plain integers, folded once a second."""

from __future__ import annotations

from collections.abc import Iterable

from proxies.core.authorize import Decision
from proxies.wire.reports import PolicyUse

_Rule = tuple[str, int]
"""A policy and the index of its rule, -1 for none of them."""
_Counts = list[int]
"""Allowed, denied, what a shadow would have denied and allowed, and checks that had no answer."""
ALLOWED, DENIED, SHADOW_DENIED, SHADOW_ALLOWED, FAILED = range(5)


_Token = tuple[str, str, str]
TokenOutcome = tuple[str, str, str, int]
"""Service, provider, outcome, and how many requests."""


class Tally:
    """The decisions of one service's (or gateway's) policies: since the last fold, and before."""

    __slots__ = ("_before", "_since")

    def __init__(self) -> None:
        self._since: dict[_Rule, _Counts] = {}
        self._before: dict[_Rule, _Counts] = {}

    def count(self, decision: Decision) -> None:
        self._counts(decision.policy, decision.rule)[ALLOWED if decision.allowed else DENIED] += 1
        if decision.shadow:
            self._counts(decision.shadow, -1)[SHADOW_DENIED if decision.allowed else SHADOW_ALLOWED] += 1

    def count_check(self, policy: str, rule: int, *, passed: bool, failed: bool, shadow: bool) -> None:
        """Count an external check: whether it let the request pass, and whether it had no answer."""
        if shadow:
            if not passed:
                self._counts(policy, -1)[SHADOW_DENIED] += 1
        else:
            self._counts(policy, rule)[ALLOWED if passed else DENIED] += 1
        if failed:
            self._counts(policy, -1 if shadow else rule)[FAILED] += 1

    def add(self, use: PolicyUse) -> None:
        """Count what another process did."""
        counts = (use.allowed, use.denied, use.shadow_denied, use.shadow_allowed, use.failed)
        _sum(self._counts(use.policy, use.rule), counts)

    def total(self) -> dict[_Rule, _Counts]:
        """Since the tally exists."""
        total = {rule: list(counts) for rule, counts in self._before.items()}
        for rule, counts in self._since.items():
            _sum(total.setdefault(rule, [0, 0, 0, 0, 0]), counts)
        return total

    def fold(self) -> dict[_Rule, _Counts]:
        """Since the last fold."""
        self._before = self.total()
        since, self._since = self._since, {}
        return since

    def _counts(self, policy: str, rule: int) -> _Counts:
        counts = self._since.get((policy, rule))
        if counts is None:
            counts = self._since[policy, rule] = [0, 0, 0, 0, 0]
        return counts


def _sum(counts: _Counts, more: Iterable[int]) -> None:
    for index, count in enumerate(more):
        counts[index] += count


class Decisions:
    """All tallies of a proxy, by service."""

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = {}
        self.tokens: dict[_Token, int] = {}
        """All requests by service, provider of their token (empty where none is known) and what came of it: ``good``,
        ``absent``, or why it was refused."""
        self._new_tokens: dict[_Token, int] = {}

    def tally(self, service: str) -> Tally:
        """The service's, made when it is first asked for. Ask when compiling, not per request."""
        return self._tallies.setdefault(service, Tally())

    def count_token(self, service: str, provider: str, outcome: str) -> None:
        self.add_tokens([(service, provider, outcome, 1)])

    def add_tokens(self, outcomes: Iterable[TokenOutcome]) -> None:
        """Count what another process did."""
        for service, provider, outcome, count in outcomes:
            key = (service, provider, outcome)
            self.tokens[key] = self.tokens.get(key, 0) + count
            self._new_tokens[key] = self._new_tokens.get(key, 0) + count

    def collect_tokens(self) -> list[TokenOutcome]:
        """What came of tokens since the last call, for one caller."""
        new, self._new_tokens = self._new_tokens, {}
        return [(*key, count) for key, count in new.items()]

    def totals(self) -> list[PolicyUse]:
        """Of every rule that decided anything."""
        return _uses((service, tally.total()) for service, tally in self._tallies.items())

    def collect(self) -> list[PolicyUse]:
        """What was counted since the last call, for one caller."""
        return _uses((service, tally.fold()) for service, tally in self._tallies.items())

    def add(self, uses: Iterable[PolicyUse]) -> None:
        """Count what another process did."""
        for use in uses:
            self.tally(use.service).add(use)


def _uses(found: Iterable[tuple[str, dict[_Rule, _Counts]]]) -> list[PolicyUse]:
    return [PolicyUse(service, *rule, *counts) for service, rules in found for rule, counts in rules.items()]
