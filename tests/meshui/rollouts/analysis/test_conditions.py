"""Conditions: what they mean, and that nothing else gets through the parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshui.rollouts.analysis.conditions import OPERATORS, parse
from meshui.rollouts.analysis.evidence import AnalysisError


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("value < 0.05", 0.049, True),
        ("value < 0.05", 0.05, False),
        ("value >= 0.99", 0.99, True),
        ("value>=.99", 1.0, True),
        ("value == -3", -3.0, True),
        ("value != 1e3", 1000.0, False),
        ("value > 0.9 and value <= 1", 1.0, True),
        ("value > 0.9 && value < 1", 1.0, False),
        ("value < 1 or value > 9", 9.5, True),
        ("value < 1 || value > 9", 5.0, False),
        ("value == 0 or value > 2 and value < 4", 0.0, True),
        ("value == 0 or value > 2 and value < 4", 3.0, True),
        ("value == 0 or value > 2 and value < 4", 5.0, False),
    ],
)
def test_meaning(text: str, value: float, holds: bool) -> None:
    assert parse(text).holds(value) is holds


@pytest.mark.parametrize(
    "text",
    ["", "value", "value <", "0.05 > value", "value < x", "value = 1", "value < 1 and", "or", "value << 1",
     "result < 1", "value < 1; import os", "__import__('os')", "value < nan", "value < inf", "value < 1e999",
     "(value < 1)", "value < 1 xor value > 2", "not value < 1", "value < 0x10", "value < 1" + " " * 200],
)  # fmt: skip
def test_anything_else_is_refused_with_its_path(text: str) -> None:
    with pytest.raises(AnalysisError) as caught:
        parse(text, "metrics.0.success")
    assert (caught.value.code, caught.value.path) == ("condition", "metrics.0.success")


@given(st.sampled_from(sorted(OPERATORS)), st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_every_operator_is_pythons_own(operator: str, number: float, value: float) -> None:
    assert parse(f"value {operator} {number!r}").holds(value) is OPERATORS[operator](value, number)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        parse(text)
    except AnalysisError as error:
        assert error.code == "condition"
