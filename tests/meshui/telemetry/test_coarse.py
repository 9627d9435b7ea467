"""Coarse rollups: sums of what is below, made once it is complete, read with the end that is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import Q
from django.utils import timezone

from meshui.core.errors import InvalidInput
from meshui.telemetry import coarse, levels, rollups
from meshui.telemetry.frames import total
from meshui.telemetry.models import CoarseBucket, CoarseRollup
from meshui.telemetry.storage import stored
from tests.meshui.telemetry.mesh import register
from tests.meshui.telemetry.test_rollups import START, content, make

pytestmark = pytest.mark.django_db

HOUR = START // 3600 * 3600


@pytest.fixture
def past() -> None:
    """An hour and seven minutes of rollups of one frame each, with a hole of five minutes."""
    register()
    for start in range(HOUR, HOUR + 4020, 10):
        if not HOUR + 600 <= start < HOUR + 900:
            rollups.write(start, [make(start - START)])


def starts(span_s: int) -> list[int]:
    rows = CoarseBucket.objects.filter(span_s=span_s).order_by("at")
    return [int(row.at.timestamp()) - HOUR for row in rows]


def test_a_coarse_bucket_is_the_sum_of_those_below_it_however_often_it_is_made(past: None) -> None:
    assert coarse.coarsen() == 12 + 1
    assert coarse.coarsen() == 0
    assert starts(300) == [0, 300, *range(900, 3900, 300)]
    assert starts(3600) == [0]
    fine = list(rollups.read(HOUR, HOUR + 3600, Q()))
    for level in (levels.MIDDLE, levels.COARSE):
        coarse.write(level, HOUR)
        read = list(coarse.read(level, HOUR, HOUR + 3600, Q()))
        assert content([frame for frame, _ in read]) == content(fine)
    assert CoarseBucket.objects.get(span_s=3600).seconds == len(fine)


def test_the_end_that_is_not_summed_yet_comes_from_below(past: None) -> None:
    coarse.coarsen()
    read = list(coarse.pieces(levels.COARSE, HOUR, HOUR + 4020, Q(), 10_000))
    assert [int(frame.at) - HOUR for frame, _ in read][:2] == [3600, 3900]
    assert len(read) == 1 + 1 + 12
    assert content([frame for frame, _ in read]) == content(list(rollups.read(HOUR, HOUR + 4020, Q())))


def test_without_any_summed_ones_everything_comes_from_below(past: None) -> None:
    read = [frame for frame, _ in coarse.pieces(levels.COARSE, HOUR, HOUR + 600, Q(), 10_000)]
    assert content(read) == content(list(rollups.read(HOUR, HOUR + 600, Q())))


def test_too_much_to_read_is_refused(past: None) -> None:
    with pytest.raises(InvalidInput, match="too much"):
        coarse.pieces(levels.FINE, HOUR, HOUR + 600, Q(), 50)


def test_one_run_makes_a_bounded_number(past: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse, "AT_ONCE", 5)
    assert [coarse.coarsen() for _ in range(4)] == [5, 5, 2 + 1, 0]


def coarse_days() -> list[tuple[levels.Level, int]]:
    kept = coarse.kept_days()
    return [(level, kept[level]) for level in levels.SUMMED]


def test_each_level_is_kept_for_its_time() -> None:
    register()
    now = timezone.now()
    frame = total(0.0, [make(1)])
    for level, days in coarse_days():
        for age in (days - 1, days + 1):
            start = int((now - timedelta(days=age)).timestamp()) // level * level
            rollups.write(start, [frame])
            coarse.write(level if level == levels.MIDDLE else levels.MIDDLE, start)
            coarse.write(level, start)
    coarse.drop_old(now, batch=1)
    for level, days in coarse_days():
        limit = datetime.fromtimestamp((now - timedelta(days=days)).timestamp(), UTC)
        assert CoarseRollup.objects.filter(span_s=level).exists()
        assert not CoarseRollup.objects.filter(span_s=level, at__lt=limit).exists()
        assert not CoarseBucket.objects.filter(span_s=level, at__lt=limit).exists()


@pytest.mark.parametrize(
    ("span_s", "step_s"),
    [(600, 10), (5400, 60), (6 * 3600, 300), (24 * 3600, 1200), (7 * 86_400, 7200), (31 * 86_400, 32_400)],
)
def test_a_long_span_has_about_ninety_steps_of_whole_coarse_buckets(span_s: int, step_s: int) -> None:
    assert levels.step_for(span_s) == step_s
    assert 24 <= span_s / step_s <= levels.POINTS


def test_the_step_says_which_level_is_read() -> None:
    assert [levels.dividing(step) for step in (10, 60, 300, 1200, 3600, 7200)] == [10, 10, 300, 300, 3600, 3600]
    assert [levels.finest(days * 86_400, coarse.kept_days()) for days in (1, 8, 36, 500)] == [10, 300, 3600, 3600]


def test_storage_is_told_by_level(past: None) -> None:
    coarse.coarsen()
    out = StringIO()
    call_command("telemetry_storage", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["level", "10", "300", "3600"]
    fine, middle, hour = stored()
    assert (fine.rows, fine.edges, middle.rows, hour.rows) == (372, 1, 12, 1)
    assert fine.bytes > middle.bytes > hour.bytes > 0
    assert fine.edge_day_bytes == pytest.approx(fine.row_bytes * 8640)
