"""The window in memory: whatever is slid, blocked or expired, its sums are those of its frames."""

from __future__ import annotations

import random
import statistics

import pytest

from meshui.telemetry.fold import Fold, Identity, Registry
from meshui.telemetry.frames import SPAN_S, Frame, encode, total
from meshui.telemetry.sums import QUANTILES
from meshui.telemetry.window import KEPT_S, View, Window
from proxies.wire.reports import Telemetry
from tests.meshui.telemetry.mesh import call

TARGETS = ("shop/catalog", "shop/cart", "shop/users")
REGISTRY = Registry(services={name: frozenset({"v1", "v2"}) for name in (*TARGETS, "shop/frontend")})
SOURCE = Identity("shop/frontend", "v1")
START = 1_000_003


def make(rng: random.Random, at: int) -> Frame:
    edges = [
        call(
            target, rng.choice(["v1", "v2"]), codes={200: 3, 503: rng.randrange(2)}, flags="UH", ms=[rng.random() * 50]
        )
        for target in rng.sample(TARGETS, rng.randrange(4))
    ]
    fold = Fold()
    fold.add(Telemetry(proxy="p", boot=1, seq=at, at=at, edges=edges), SOURCE, REGISTRY)
    return fold.frame(float(at))


def block(window: Window, frames: list[Frame]) -> None:
    """What the collector sends after each ten seconds."""
    end = frames[-1].at
    if end % SPAN_S == 0:
        window.add_block(end, encode(total(end, [frame for frame in frames[-SPAN_S:] if frame.at > end - SPAN_S])))


def sums(view: View | None) -> dict[str, object]:
    assert view is not None
    return {
        key: (view.totals.counts[row].tolist(), view.totals.histograms[row].tolist(), view.totals.flags[row])
        for row, key in enumerate(view.keys)
        if view.totals.counts[row].any()
    }


def fresh(frames: list[Frame]) -> dict[str, object]:
    """The same sums, from nothing but the frames."""
    window = Window()
    merged = total(1.0, frames)
    window.append(1.0, encode(merged))
    return sums(window.view(1))


@pytest.mark.parametrize("blocks", [True, False])
def test_a_sliding_window_equals_the_sum_of_its_frames(blocks: bool) -> None:
    rng = random.Random(4)
    window, frames = Window(), []
    for second in range(200):
        frames.append(make(rng, START + second))
        window.append(frames[-1].at, encode(frames[-1]))
        if blocks:
            block(window, frames)
        if second in (0, 1, 17, 18, 60, 61, 150, 199):
            for width in (1, 10, 60, 900):
                assert sums(window.view(width)) == fresh(frames[-width:])
    at = START + 120.0
    assert sums(window.view(45, at)) == fresh(frames[76:121])


def test_old_frames_go_and_windows_that_nobody_looked_at_are_right_again() -> None:
    rng = random.Random(5)
    window, frames = Window(), []
    for second in range(KEPT_S + 300):
        frames.append(make(rng, START + second))
        window.append(frames[-1].at, encode(frames[-1]))
        if second in (5, KEPT_S):
            window.view(60)
        block(window, frames)
    assert sums(window.view(60)) == fresh(frames[-60:])
    assert sums(window.view(KEPT_S)) == fresh(frames[-KEPT_S:])
    oldest = window.oldest
    assert oldest is not None and oldest >= frames[-1].at - KEPT_S - 60


def test_a_gap_is_not_taken_for_silence() -> None:
    rng = random.Random(6)
    window = Window()
    for second in (0, 1, 2, 40, 41):
        window.append(START + second, encode(make(rng, START + second)))
    view = window.view(10)
    assert view is not None
    assert view.as_of == START + 41
    assert window.view(10, at=START + 30.0) is None


def test_rates_of_a_young_window_are_over_what_was_observed() -> None:
    window = Window()
    for second in range(5):
        window.append(START + second, encode(make(random.Random(1), START + second)))
    view = window.view(60)
    assert view is not None and view.covered_s == 5


def test_a_frame_that_cannot_be_read_is_left_out() -> None:
    window = Window()
    frame = make(random.Random(2), START)
    window.append(START - 1, b"written by another release")
    window.append(START, encode(frame))
    assert sums(window.view(10)) == fresh([frame])


def test_percentiles_are_within_a_bucket_of_exact_ones() -> None:
    rng = random.Random(8)
    durations = sorted(rng.lognormvariate(2.5, 1.0) for _ in range(20_000))
    fold = Fold()
    for number in range(0, len(durations), 500):
        edge = call("shop/cart", codes={200: 500}, ms=durations[number : number + 500])
        fold.add(Telemetry(proxy="p", boot=1, seq=number, at=0, edges=[edge]), SOURCE, REGISTRY)
    window = Window()
    window.append(START, encode(fold.frame(START)))
    view = window.view(1)
    assert view is not None
    for quantile, found in zip(QUANTILES, view.totals.percentiles()[0], strict=True):
        exact = statistics.quantiles(durations, n=100)[round(quantile * 100) - 1]
        assert found == pytest.approx(exact, rel=0.032)
