"""A herd of proxies takes a few places, and is told when to come back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest
from pytest_django import Settings

from meshui.core.errors import Throttled
from meshui.delivery import gate as module
from meshui.delivery.gate import LONGEST_WAIT_S, Gate
from tests.support.poll import until


def refusals(gate: Gate, count: int) -> list[int]:
    waits = []
    for _ in range(count):
        with pytest.raises(Throttled) as refused, gate.passed():
            pass
        waits.append(refused.value.retry_after)
    return waits


def test_a_few_work_a_few_wait_and_the_rest_is_sent_away() -> None:
    gate, go, within = Gate(at_once=2, waiting=1), threading.Event(), []

    def pass_() -> None:
        with gate.passed():
            within.append(1)
            go.wait(10)

    with ThreadPoolExecutor(3) as pool, ExitStack() as stack:
        stack.callback(go.set)
        passing = [pool.submit(pass_) for _ in range(3)]
        until(lambda: gate._here == 3, "all three have come")
        until(lambda: len(within) == 2, "two are within")
        assert refusals(gate, 1) == [1]
        assert len(within) == 2
        go.set()
        for each in passing:
            each.result(10)
    assert len(within) == 3
    with gate.passed():
        pass


@pytest.mark.parametrize(
    ("each_s", "waits"),
    [(0.1, [1, 1, 2, 2, 3, 3]), (1.0, [1, 2, 3, 4, 5, 6]), (60.0, [2, 4, 6, 8, 10, 12])],
    ids=["as fast as the pace", "as fast as of late", "no slower than a quarter"],
)
def test_who_is_sent_away_comes_back_one_after_the_other(settings: Settings, each_s: float, waits: list[int]) -> None:
    settings.MESHUI = replace(settings.MESHUI, csr_rate=2)
    gate = Gate(at_once=1, waiting=0)
    gate._each_s = each_s
    with gate.passed():
        told = refusals(gate, 200)
    assert told[:6] == waits
    assert max(told) <= LONGEST_WAIT_S


def test_nobody_waits_longer_than_a_proxy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.01)
    gate = Gate(at_once=1, waiting=1)
    with gate.passed():
        assert refusals(gate, 3) == [1, 1, 1]
    with gate.passed():
        pass


def test_what_fails_within_gives_its_place_back() -> None:
    gate = Gate(at_once=1, waiting=0)
    with pytest.raises(ValueError), gate.passed():
        raise ValueError
    with gate.passed():
        pass
