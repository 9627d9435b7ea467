"""The server's function of shared limits, on a real server: it does what the model says, is there, and stays there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshui.delivery.limits import SOURCE, ensure_function
from meshui.delivery.publish import push
from meshui.delivery.reconcile import reconcile
from meshui.mesh import values
from meshui.traffic.services import limits_set
from proxies.core.gcra import Rate, rate_of, take
from proxies.wire import keys
from proxies.wire import resources as wire
from proxies.wire.routing import RateLimit
from tests.meshui.delivery.world import ACTOR, World

ORIGIN = 1735689600
CLOCK = "mesh:limit:clock"
LIMITS = st.builds(
    RateLimit,
    name=st.just("a"),
    requests=st.integers(1, 100_000),
    per_ms=st.integers(1, 3_600_000),
    burst=st.integers(0, 200),
)
STEPS = st.lists(st.one_of(st.just(0), st.integers(0, 5_000_000)), min_size=1, max_size=60)


@pytest.fixture
def count(store: redis.Redis) -> Callable[[int, list[str], list[Rate]], list[int]]:
    """The function under a clock that the test sets: its microseconds since ORIGIN, the keys, their rates. Counts do
    not expire, which they would do by the real clock."""
    expiry = ", 'PX', math.ceil((at - now) / 1000)"
    assert SOURCE.count("redis.call('TIME')") == SOURCE.count(expiry) == 1
    clocked = SOURCE.replace("redis.call('TIME')", f"redis.call('LRANGE', '{CLOCK}', 0, 1)").replace(expiry, "")
    clocked = clocked.replace("name=meshui", "name=clocked").replace("mesh_limit", "clocked_limit")
    store.function_load(clocked, replace=True)

    def call(now_us: int, places: list[str], rates: list[Rate]) -> list[int]:
        with store.pipeline() as pipe:
            pipe.delete(CLOCK)
            pipe.rpush(CLOCK, ORIGIN + now_us // 1_000_000, now_us % 1_000_000)
            arguments = [repr(number) for rate in rates for number in rate]
            pipe.fcall("clocked_limit", len(places), *places, *arguments)
            reply: list[int] = pipe.execute()[2]
        return reply

    return call


def test_it_decides_as_the_model_does(
    store: redis.Redis, count: Callable[[int, list[str], list[Rate]], list[int]]
) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(LIMITS, STEPS)
    def same(limit: RateLimit, steps: list[int]) -> None:
        store.delete("mesh:limit:in:s/t:a:1")
        rate = rate_of(limit, 0.001)
        now = 60_000_000_000_000
        full_at = float(now)
        for step in steps:
            now += step
            wait, full_at = take(full_at, now, rate)
            over, wait_us = count(now, ["mesh:limit:in:s/t:a:1"], [rate])
            assert (over, wait_us) == ((1, -int(-wait // 1)) if wait else (0, 0))

    same()


def test_all_are_taken_or_none(store: redis.Redis, count: Callable[[int, list[str], list[Rate]], list[int]]) -> None:
    places = ["mesh:limit:in:s/t:wide:1", "mesh:limit:in:s/t:narrow:1"]
    rates = [rate_of(RateLimit(name="w", requests=3), 0.001), rate_of(RateLimit(name="n", requests=1), 0.001)]
    assert count(1_000_000, places, rates) == [0, 0]
    assert count(1_000_000, places, rates) == [2, 1_000_000]
    assert count(1_000_000, places[:1], rates[:1]) == [0, 0]
    assert count(1_000_000, places[:1], rates[:1]) == [0, 0], "the refused one took nothing of it"
    assert count(1_000_000, places[:1], rates[:1])[0] == 1


def test_a_count_is_gone_when_its_bucket_is_full_again(store: redis.Redis) -> None:
    ensure_function()
    rate = rate_of(RateLimit(name="a", requests=2, per_ms=4_000), 0.001)
    assert store.fcall(keys.LIMIT_FUNCTION, 1, "mesh:limit:in:s/t:a:1", *map(repr, rate)) == [0, 0]
    assert 1_900 < store.pttl("mesh:limit:in:s/t:a:1") <= 2_000


def test_a_limit_that_was_made_wider_does_not_wait_for_what_the_narrow_one_counted(
    count: Callable[[int, list[str], list[Rate]], list[int]],
) -> None:
    place = ["mesh:limit:in:s/t:a:1"]
    assert count(0, place, [rate_of(RateLimit(name="a", requests=1, per_ms=3_600_000), 0.001)]) == [0, 0]
    wide = rate_of(RateLimit(name="a", requests=10, per_ms=1_000), 0.001)
    assert count(0, place, [wide])[0] == 1, "as if its own bucket were empty"
    assert count(100_000, place, [wide]) == [0, 0]


def test_nonsense_under_a_key_counts_as_nothing(store: redis.Redis) -> None:
    ensure_function()
    store.set("mesh:limit:in:s/t:a:1", "nonsense")
    assert store.fcall(keys.LIMIT_FUNCTION, 1, "mesh:limit:in:s/t:a:1", "1000000.0", "0.0") == [0, 0]


def test_it_is_put_there_once_and_again_when_it_is_gone_or_old(world: World, store: redis.Redis) -> None:
    store.function_flush()
    reconcile()
    assert not ensure_function()
    store.function_load(SOURCE.replace("return {0, 0}", "return {0, 1}"), replace=True)
    assert ensure_function()
    assert not ensure_function()


def test_it_is_there_before_the_first_limit_that_needs_it(world: World, store: redis.Redis) -> None:
    push()
    store.function_flush()
    limit = values.RateLimit(name="a", requests=1, scope="global")
    limits_set(actor=ACTOR, service="shop/catalog", limits=[limit])
    push()
    assert not ensure_function()
    resource = wire.decode(store.get("mesh:res:inbound:shop/catalog"))
    assert resource.requires == 3
