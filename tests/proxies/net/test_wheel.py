"""The wheel, turned by hand."""

from __future__ import annotations

import asyncio

import pytest

from proxies.net import wheel as module
from proxies.net.wheel import NEVER, TICK_S, Timer, Wheel


class Recorder(Timer):
    def __init__(self, wheel: Wheel) -> None:
        super().__init__()
        self.wheel = wheel
        self.expired: list[float] = []

    def expire(self) -> None:
        self.expired.append(self.wheel.now)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        self.wheel = Wheel(asyncio.new_event_loop())

    def turn(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            self.wheel._tick()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_deadline_is_met_once_within_two_ticks_and_never_early(clock: Clock) -> None:
    timers = [Recorder(clock.wheel) for _ in range(50)]
    for number, timer in enumerate(timers):
        clock.wheel.arm(timer, 1000 + number / 7)
    clock.turn(10)
    for number, timer in enumerate(timers):
        assert len(timer.expired) == 1
        assert -1e-6 <= timer.expired[0] - (1000 + number / 7) <= 2 * TICK_S + 1e-6


def test_a_deadline_that_moves_counts_where_it_last_was(clock: Clock) -> None:
    later, sooner, never = (Recorder(clock.wheel) for _ in range(3))
    for timer in (later, sooner, never):
        clock.wheel.arm(timer, 1002)
    clock.wheel.arm(later, 1004)
    clock.wheel.arm(sooner, 1001)
    clock.wheel.arm(never, NEVER)
    clock.turn(6)
    assert [len(timer.expired) for timer in (later, sooner, never)] == [1, 1, 0]
    assert later.expired[0] >= 1004
    assert sooner.expired[0] < 1001.5


def test_a_disarmed_timer_leaves_nothing_behind(clock: Clock) -> None:
    timer = Recorder(clock.wheel)
    clock.wheel.arm(timer, 1001)
    clock.wheel.disarm(timer)
    clock.turn(3)
    assert timer.expired == []
    clock.wheel.arm(timer, 1005)
    clock.turn(5)
    assert len(timer.expired) == 1


def test_a_timer_may_move_others_as_it_expires(clock: Clock) -> None:
    first, second = Recorder(clock.wheel), Recorder(clock.wheel)

    class Mover(Recorder):
        def expire(self) -> None:
            clock.wheel.arm(first, 1003)
            clock.wheel.disarm(second)

    mover = Mover(clock.wheel)
    for timer in (first, mover, second):
        clock.wheel.arm(timer, 1001)
    clock.turn(1.5)
    before = len(first.expired)
    clock.turn(3)
    assert len(first.expired) == before + 1
    assert len(second.expired) <= 1
