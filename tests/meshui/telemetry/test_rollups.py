"""Rollups: made from frames, the same when made again, gone when they are old."""

from __future__ import annotations

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from meshui.telemetry import rollups
from meshui.telemetry.frames import Frame, decode, entry, total
from meshui.telemetry.models import Bucket, CoarseRollup, Edge, Rollup
from meshui.telemetry.tasks import drop_old_rollups
from proxies.wire import keys
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import frame_bytes

START = 1_700_000_000


def make(second: int) -> Frame:
    return decode(
        frame_bytes(
            float(START + second),
            shop_frontend=[call("shop/catalog", "v1", codes={200: 2, 503: 1}, flags="UH", ms=[5, second + 1])],
            platform_gateway=[call("shop/frontend", codes={200: second})] if second % 2 else [],
        )
    )


def content(frames: list[Frame]) -> list[object]:
    merged = total(0.0, frames)
    histograms = merged.histograms
    parts = (histograms.rows, histograms.buckets, histograms.hits)
    return [merged.keys, merged.counts.tolist(), merged.flags, [part.tolist() for part in parts]]


@pytest.mark.django_db
def test_a_rollup_is_the_sum_of_its_frames_however_often_it_is_written() -> None:
    register()
    frames = [make(second) for second in range(1, 11)]
    for _ in range(2):
        rollups.write(START, frames)
    assert Rollup.objects.count() == Edge.objects.count() == 2
    assert Bucket.objects.get().seconds == 10
    read = list(rollups.read(START, START + 10, Q()))
    assert [frame.at for frame in read] == [START + 10.0]
    assert content(read) == content(frames)


@pytest.mark.django_db
def test_reading_chooses_edges_and_time_with_a_fixed_number_of_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    register()
    for bucket in range(5):
        rollups.write(START + bucket * 10, [make(1)])
    rollups.write(START + 50, [decode(frame_bytes(START + 51.0))])
    with django_assert_num_queries(3):
        read = list(rollups.read(START + 10, START + 60, Q(destination="shop/frontend")))
    assert [frame.at - START for frame in read] == [20, 30, 40, 50, 60]
    assert [len(frame.keys) for frame in read] == [1, 1, 1, 1, 0]


@pytest.mark.django_db(transaction=True)
async def test_what_is_complete_is_written_and_what_was_missed_is_made_up_for(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    for second in range(1, 36):
        frame = await database_sync_to_async(make)(second)
        valkey.xadd(keys.FRAMES, entry(frame), id=f"{(START + second) * 1000 + 350}-0")
    async with AsyncRedis.from_url(settings.MESHUI.redis_url) as client:
        assert await rollups.roll_up(client) == 3
        assert await rollups.roll_up(client) == 0
        for second in (40, 41):
            frame = await database_sync_to_async(make)(second)
            assert await rollups.roll_up(client) == 0
            valkey.xadd(keys.FRAMES, entry(frame), id=f"{(START + second) * 1000 + 350}-0")
        assert await rollups.roll_up(client) == 1

    def all_of_it() -> list[object]:
        return content(list(rollups.read(START, START + 40, Q())))

    sent = [await database_sync_to_async(make)(second) for second in [*range(1, 36), 40]]
    assert await database_sync_to_async(all_of_it)() == content(sent)


@pytest.mark.django_db
def test_old_rollups_are_dropped_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    register()
    monkeypatch.setattr("meshui.telemetry.tasks.BATCH", 3)
    limit = timezone.now() - timedelta(days=settings.MESHUI.rollup_retention_days)
    for minutes in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5):
        rollups.write(int((limit + timedelta(minutes=minutes)).timestamp()), [make(1)])
    for name in ("shop/gone", "shop/summed"):
        Edge.objects.create(source=name, destination="shop/catalog", protocol="http")
    summed = Edge.objects.get(source="shop/summed")
    CoarseRollup.objects.create(span_s=300, at=limit, edge=summed, counts=b"", histogram=b"")
    assert drop_old_rollups() == 5 * 2 + 5 + 1
    assert set(Edge.objects.values_list("source", flat=True)) == {"shop/frontend", "platform/gateway", "shop/summed"}
    assert Bucket.objects.count() == 5
    assert not Rollup.objects.filter(at__lt=limit).exists()
