"""Conditions on a custom metric's value: ``value < 0.05``, ``value >= 0.99 and value <= 1``.

Pure, and a parser of its own: nothing a user writes is ever evaluated as code. The whole grammar:

    condition  = all { "or" all }            ("||" is read as "or")
    all        = comparison { "and" comparison }        ("&&" as "and")
    comparison = "value" operator number     operator: < <= > >= == !=
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from meshui.rollouts.analysis.evidence import AnalysisError

MAX_LENGTH = 200

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ANY = re.compile(r"\bor\b|\|\|")
_ALL = re.compile(r"\band\b|&&")
_COMPARISON = re.compile(r"\s*value\s*(<=|>=|==|!=|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*")


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    number: float

    def holds(self, value: float) -> bool:
        return OPERATORS[self.operator](value, self.number)


@dataclass(frozen=True, slots=True)
class Condition:
    """``text`` as it was written; ``alternatives`` of which one must hold, each a list that must hold whole."""

    text: str
    alternatives: tuple[tuple[Comparison, ...], ...]

    def holds(self, value: float) -> bool:
        """Whether a finite value meets the condition."""
        return any(all(comparison.holds(value) for comparison in each) for each in self.alternatives)


def parse(text: str, path: str = "condition") -> Condition:
    """Raises AnalysisError naming ``path`` and the part that is not understood."""
    if len(text) > MAX_LENGTH:
        raise AnalysisError("condition", path, f"a condition has at most {MAX_LENGTH} characters")
    alternatives = tuple(tuple(_comparison(part, path) for part in _ALL.split(each)) for each in _ANY.split(text))
    return Condition(text, alternatives)


def _comparison(text: str, path: str) -> Comparison:
    found = _COMPARISON.fullmatch(text)
    number = float(found[2]) if found else math.inf
    if found is None or math.isinf(number):
        raise AnalysisError("condition", path, f"{text.strip()!r} is not like `value < 0.05`")
    return Comparison(found[1], number)
