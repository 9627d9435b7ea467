"""Retries, budgets, ejections, checks and localities: the decisions alone, with the clock and chance in hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core import outlier
from proxies.core.breaker import Load
from proxies.core.health import Checked, next_check_s
from proxies.core.locality import level, spread
from proxies.core.outlier import DUE, IN, OUT, PROBING, Standing
from proxies.core.retry import Failure, compile_retry
from proxies.wire.resilience import Breaker, Outlier, Retry, RetryBudget

# --- retries


@pytest.mark.parametrize(
    ("retry", "failure", "any_method", "idempotent"),
    [
        (Retry(), "connect-failure", True, True),
        (Retry(), "refused", True, True),
        (Retry(), "reset-before-request", False, True),
        (Retry(), "reset", False, False),
        (Retry(), "try-timeout", False, False),
        (Retry(), 503, False, False),
        (Retry(on=["refused"]), "refused", True, True),
        (Retry(on=["refused"]), "connect-failure", False, False),
        (Retry(on=["reset"]), "reset", False, True),
        (Retry(on=["reset"]), "refused", False, False),
        (Retry(on=["gateway-error"]), 502, False, True),
        (Retry(on=["gateway-error"]), 504, False, True),
        (Retry(on=["gateway-error"]), 500, False, False),
        (Retry(on=["gateway-error"]), 505, False, False),
        (Retry(on=["5xx"]), 500, False, True),
        (Retry(on=["5xx"]), 599, False, True),
        (Retry(on=["5xx"]), 429, False, False),
        (Retry(on=["5xx"]), "reset", False, True),
        (Retry(on=[], codes=[429]), 429, False, True),
        (Retry(on=[], codes=[429], unsafe=True), 429, True, True),
        (Retry(on=["5xx"], unsafe=True), 500, True, True),
        (Retry(on=[], per_try_timeout_ms=5), "try-timeout", False, True),
        (Retry(on=[], per_try_timeout_ms=5, unsafe=True), "try-timeout", True, True),
        (Retry(on=[], unsafe=True), "connect-failure", False, False),
    ],
)
def test_what_may_be_tried_again(retry: Retry, failure: Failure, any_method: bool, idempotent: bool) -> None:
    policy = compile_retry(retry)
    assert policy.allows(failure, idempotent=False) is any_method
    assert policy.allows(failure, idempotent=True) is idempotent


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_within_its_step_and_never_over_the_cap(number: int, chance: float) -> None:
    delay = compile_retry(Retry()).delay_s(number, chance)
    assert 0 <= delay < min(0.25, 0.025 * 2 ** (number - 1)) or delay == 0


def test_the_wait_grows_to_the_cap_with_full_jitter() -> None:
    policy = compile_retry(Retry())
    assert [round(policy.delay_s(number, 0.999999), 3) for number in (1, 2, 3, 4, 5, 9)] == [
        0.025, 0.05, 0.1, 0.2, 0.25, 0.25,
    ]  # fmt: skip
    assert policy.delay_s(5, 0.5) == 0.125


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 100), st.integers(0, 20))
def test_retries_stay_a_share_of_first_tries(first: int, more: int, percent: int, least: int) -> None:
    load = Load()
    load.limit(Breaker(), RetryBudget(percent=percent, min=least))
    load.requests = first
    for _ in range(more):
        if load.retries < load.retries_allowed():
            load.retries += 1
    assert load.retries <= max(least, (load.requests - load.retries) * percent // 100 + 1)


def test_without_a_budget_the_breaker_counts_retries() -> None:
    load = Load()
    load.limit(Breaker(retries=2), None)
    load.requests = 1000
    assert load.retries_allowed() == 2
    load.limit(Breaker(retries=2), RetryBudget())
    assert load.retries_allowed() == 200
    assert load.open() == []
    load.limit(Breaker(requests=1000, connections=0), RetryBudget())
    assert load.open() == ["connections", "requests"]


# --- outliers

POLICY = Outlier(consecutive_5xx=3, consecutive_gateway=2, eject_ms=1000, eject_max_ms=2500)


def judge(standing: Standing, status: int, now: float = 0.0, *, policy: Outlier = POLICY, may_go: bool = True) -> bool:
    return outlier.judge(standing, status, policy, now, lambda: may_go)


@pytest.mark.parametrize(
    ("statuses", "out"),
    [
        ([500, 500, 500], True),
        ([500, 500, 200, 500], False),
        ([503, 504], True),
        ([502, 500, 502], True),
        ([502, 500, 200, 502], False),
        ([404, 404, 404, 429], False),
    ],
)
def test_errors_in_a_row_eject(statuses: list[int], out: bool) -> None:
    standing = Standing()
    changed = [judge(standing, status) for status in statuses]
    assert (standing.state == OUT, any(changed)) == (out, out)


def test_zero_switches_a_reason_off() -> None:
    standing = Standing()
    policy = Outlier(consecutive_5xx=0, consecutive_gateway=0)
    assert not any(judge(standing, 503, policy=policy) for _ in range(100))


def test_the_way_out_and_back() -> None:
    standing = Standing()
    now = 0.0
    for number, seconds in enumerate((1.0, 2.0, 2.5, 2.5), start=1):
        if standing.state == IN:
            judge(standing, 503, now)
            judge(standing, 503, now)
        assert (standing.state, standing.ejections) == (OUT, number)
        assert not judge(standing, 200, now)  # used in panic only: what it answers then is no probe
        assert not outlier.sweep(standing, now + seconds - 0.01)
        now += seconds
        assert outlier.sweep(standing, now)
        assert standing.state == DUE
        assert standing.awaited
        standing.state = PROBING
        assert judge(standing, 500 if number < 4 else 200, now)
    assert standing.state == IN
    for ejections in (3, 2, 1, 0, 0):
        assert not outlier.sweep(standing, now)
        assert standing.ejections == ejections
    assert standing.clean


def test_one_that_may_not_go_stays() -> None:
    standing = Standing()
    assert not any(judge(standing, 503, may_go=False) for _ in range(10))
    assert judge(standing, 503)


@given(st.integers(1, 1000), st.integers(0, 100))
def test_at_most_the_share_is_out_but_always_one(total: int, percent: int) -> None:
    policy = Outlier(max_percent=percent)
    out = 0
    while out < total and outlier.may_eject(out, total, policy):
        out += 1
    assert out == max(1, total * percent // 100)


# --- checks


def test_checks_in_a_row_change_sides() -> None:
    checked = Checked()
    seen = [checked.saw(passed, healthy=2, unhealthy=3) for passed in (False, False, True, False, False, False)]
    assert (seen, checked.healthy) == ([False] * 5 + [True], False)
    seen = [checked.saw(passed, healthy=2, unhealthy=3) for passed in (True, False, True, True)]
    assert (seen, checked.healthy) == ([False] * 3 + [True], True)


@given(st.floats(0, 1, exclude_max=True))
def test_checks_keep_near_their_interval(chance: float) -> None:
    assert 9 <= next_check_s(10, 10, chance) <= 11
    assert next_check_s(10, 0, chance) == 10


# --- localities


@pytest.mark.parametrize(
    ("own", "other", "far"),
    [
        ("eu/a", "eu/a", 0),
        ("eu/a", "eu/a/rack1", 0),
        ("eu/a", "eu/b", 1),
        ("eu/a", "eu", 1),
        ("eu/a", "us/a", 2),
        ("eu/a", "", 2),
        ("", "us/a", 0),
        ("eu", "europe", 1),
    ],
)
def test_how_far_away(own: str, other: str, far: int) -> None:
    assert level(own, other) == far


@pytest.mark.parametrize(
    ("levels", "panic", "portions", "panics"),
    [
        ([(4, 4)], 50, [1], [False]),
        ([(3, 4), (4, 4)], 50, [1, 0], [False, False]),
        ([(2, 4), (4, 4)], 50, [0.7, 0.3], [False, False]),
        ([(0, 6), (1, 1)], 50, [0, 1], [False, False]),
        ([(2, 4)], 50, [1], [False]),
        ([(1, 4)], 50, [1], [True]),
        ([(1, 4)], 0, [1], [False]),
        ([(0, 4)], 50, [1], [True]),
        ([(0, 4)], 0, [0], [False]),
        ([(1, 10), (1, 10)], 50, [0.5, 0.5], [True, True]),
        ([(0, 2), (1, 4)], 50, [0, 1], [True, True]),
    ],
)
def test_traffic_spills_and_panics(
    levels: list[tuple[int, int]], panic: int, portions: list[float], panics: list[bool]
) -> None:
    shares = spread(levels, panic)
    assert [round(share.portion, 6) for share in shares] == portions
    assert [share.panic for share in shares] == panics


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)).map(lambda p: (min(p), p[1])), min_size=1, max_size=5),
    st.integers(1, 100),
)
def test_all_traffic_goes_somewhere_usable(levels: list[tuple[int, int]], panic: int) -> None:
    shares = spread(levels, panic)
    assert abs(sum(share.portion for share in shares) - 1) < 1e-9
    for share, (healthy, _) in zip(shares, levels, strict=True):
        assert not share.portion or healthy or share.panic
