"""Consistent hashing: fair by weight, and few keys move."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxies.core.maglev import by_portion, key_hash, maglev

KEYS = [key_hash(b"user-%d" % number) for number in range(6000)]


@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 2, 3], [100, 1]])
def test_keys_share_by_weight(weights: list[float]) -> None:
    pick = maglev(range(len(weights)), [f"e{n}" for n in range(len(weights))], weights)
    taken = Counter(pick(key) for key in KEYS)
    for index, weight in enumerate(weights):
        assert abs(taken[index] / len(KEYS) - weight / sum(weights)) < 0.03


@settings(max_examples=20)
@given(st.integers(2, 12), st.data())
def test_few_other_keys_move_when_one_goes(count: int, data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, count - 1))
    names = [f"e{n}" for n in range(count)]
    left = [name for index, name in enumerate(names) if index != gone]
    before = maglev(names, names, [1.0] * count)
    after = maglev(left, left, [1.0] * len(left))
    kept = [key for key in KEYS[:2000] if before(key) != names[gone]]
    moved = sum(before(key) != after(key) for key in kept)
    assert moved <= 0.15 * len(kept) + 1
    assert {after(key) for key in KEYS} == set(left)


def test_levels_share_by_portion_and_a_key_stays_on_its_level() -> None:
    pick = by_portion([lambda key: "near", lambda key: "far"], [0.7, 0.3])
    taken = Counter(pick(key) for key in KEYS)
    assert abs(taken["far"] / len(KEYS) - 0.3) < 0.03
    assert all(pick(key) == pick(key) for key in KEYS[:100])
