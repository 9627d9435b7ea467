"""Durations: what people write, in milliseconds and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshui.rollouts.durations import parse, spell


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1.5s", 1_500),
        ("250ms", 250),
        ("2d", 172_800_000),
        ("PT5M", 300_000),
        ("PT0.5S", 500),
        ("P1DT2H", 93_600_000),
        ("P2W", 1_209_600_000),
    ],
)
def test_both_spellings(text: str, ms: int) -> None:
    assert parse(text) == ms


@pytest.mark.parametrize(
    "text", ["", "5", "s", "5 s", "-5s", "5y", "P", "PT", "P1Y", "P1M", "PT5", "5m,", "٥s", "1e3s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse(text)


@given(st.integers(min_value=0, max_value=10**10))
def test_what_is_spelled_is_read_back(ms: int) -> None:
    assert parse(spell(ms)) == ms
