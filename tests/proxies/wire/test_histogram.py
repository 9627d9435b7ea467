"""The histogram keeps its promise about error, at every value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxies.wire.histogram import BUCKETS, MAX_US, bucket, lower_bound, middle, percentile


@given(st.integers(0, MAX_US))
def test_a_value_lies_in_its_bucket_and_near_its_middle(us: int) -> None:
    index = bucket(us)
    assert 0 <= index < BUCKETS
    assert lower_bound(index) <= us < lower_bound(index + 1)
    assert abs(middle(index) - us) <= max(0.5, us * 0.032)


def test_buckets_are_in_order_and_the_ends_hold_everything() -> None:
    bounds = [lower_bound(index) for index in range(BUCKETS + 1)]
    assert bounds == sorted(set(bounds))
    assert bucket(-5) == 0
    assert bucket(10**12) == bucket(MAX_US) < BUCKETS


def test_percentiles_of_known_counts() -> None:
    counts = [(bucket(us), 1) for us in range(1000, 2000)]
    for q in (0.5, 0.95, 0.99):
        found = percentile(counts, q)
        assert found is not None
        assert abs(found - (1000 + 1000 * q)) < 0.05 * (1000 + 1000 * q)
    assert percentile([], 0.5) is None
