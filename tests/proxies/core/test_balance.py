"""Balancing: shares by weight whatever the policy, and the better of two."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.balance import EWMA_DECAY_S, Latency, draw, least_request, peak_ewma, round_robin, warmth


class Target:
    def __init__(self, active: int = 0) -> None:
        self.active = active
        self.latency = Latency()


def ewma(targets: list[Target], weights: list[float], rng: Callable[[], float]) -> Callable[[], Target]:
    return peak_ewma(targets, weights, rng, lambda: 0.0)


POLICIES = [draw, least_request, round_robin, ewma]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 2, 5], [100, 10, 1]])
def test_equally_busy_endpoints_share_by_weight(
    policy: Callable[..., Callable[[], Target]], weights: list[int]
) -> None:
    targets = [Target() for _ in weights]
    choose = policy(targets, weights, random.Random(7).random)
    taken = Counter(choose() for _ in range(20_000))
    for target, weight in zip(targets, weights, strict=True):
        assert abs(taken[target] / 20_000 - weight / sum(weights)) < 0.02


@pytest.mark.parametrize("policy", POLICIES)
def test_the_only_endpoint_is_always_taken(policy: Callable[..., Callable[[], Target]]) -> None:
    only = Target()
    choose = policy([only], [3], random.random)
    assert {choose() for _ in range(5)} == {only}


def test_the_less_busy_of_two_is_taken() -> None:
    busy, idle = Target(active=5), Target()
    choose = least_request([busy, idle], [1, 1], random.Random(1).random)
    taken = Counter(choose() for _ in range(1000))
    # The busy one is taken only where both draws hit it: a quarter.
    assert 200 < taken[busy] < 300


@given(st.lists(st.integers(1, 50), min_size=2, max_size=8), st.integers(1, 20))
def test_in_turn_means_no_endpoint_runs_ahead(weights: list[int], rounds: int) -> None:
    choose = round_robin(range(len(weights)), weights, random.Random(3).random)
    taken = Counter(choose() for _ in range(rounds * sum(weights)))
    for index, weight in enumerate(weights):
        assert abs(taken[index] - rounds * weight) <= 1 + len(weights)


def test_the_faster_one_is_taken_and_a_slow_one_is_forgiven() -> None:
    slow, fast = Target(), Target()
    now = 0.0
    slow.latency.saw(2.0, now)
    fast.latency.saw(0.01, now)
    choose = peak_ewma([slow, fast], [1, 1], random.Random(1).random, lambda: now)
    taken = Counter(choose() for _ in range(1000))
    assert 200 < taken[slow] < 300
    fast.active = 500  # 500 requests of 10 ms wait longer than one of 2 s
    taken = Counter(choose() for _ in range(1000))
    assert 200 < taken[fast] < 300
    fast.active = 0
    now = 10 * EWMA_DECAY_S
    fast.latency.saw(0.01, now)
    assert slow.latency.at(now) < fast.latency.at(now)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 60)), min_size=1, max_size=30))
def test_an_average_stays_within_what_was_seen(steps: list[tuple[float, float]]) -> None:
    latency = Latency()
    now = 0.0
    for elapsed, seconds in steps:
        now += elapsed
        latency.saw(seconds, now)
        assert seconds - 1e-9 <= latency.at(now) <= max(s for _, s in steps) + 1e-9


@pytest.mark.parametrize(
    ("age", "window", "part"), [(0, 10, 0.1), (5, 10, 0.5), (10, 10, 1), (99, 10, 1), (0, 0, 1), (float("inf"), 10, 1)]
)
def test_a_new_endpoint_warms_up(age: float, window: float, part: float) -> None:
    assert warmth(age, window) == part
