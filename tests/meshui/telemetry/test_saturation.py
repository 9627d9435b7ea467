"""How loaded instances were: what their proxies tell, kept for a day and answered by step."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError
from django.utils import timezone
from redis import Redis

from meshui.telemetry import saturation
from meshui.telemetry.beats import Beats
from meshui.telemetry.fold import Identity
from meshui.telemetry.models import InstanceLoad
from meshui.telemetry.saturation import Load, Loads
from meshui.telemetry.series import Grid
from meshui.telemetry.window import Window
from proxies.wire.reports import Gauges, Telemetry
from tests.meshui.telemetry.mesh import Reporter, call, proxy_of, register
from tests.meshui.telemetry.test_api import client_of, get
from tests.meshui.telemetry.test_collector import collecting, until

START = int(time.time()) // 3600 * 3600 - 3600
CATALOG = "shop/catalog"


def keep(start: int, version: str = "v1", **loads: tuple[float | None, float, float, float]) -> None:
    at = datetime.fromtimestamp(start, UTC)
    InstanceLoad.objects.create(at=at, service=CATALOG, version=version, loads=loads)


def read(steps: int = 3, **chosen: str) -> dict[str, dict[str, list[float | None]]]:
    asked = {"service": CATALOG, "version": "", "instance": "", **chosen}
    found = saturation.saturation(grid=Grid(START, 20, steps), **asked)
    return {proxy: {name: getattr(each, name) for name in each.__struct_fields__} for proxy, each in found.items()}


@pytest.mark.django_db
def test_a_step_has_the_mean_cpu_and_the_peaks_and_time_untold_is_null() -> None:
    keep(START - 10, a=(99.0, 99.0, 99.0, 99.0))
    keep(START, a=(10.0, 100.0, 5.0, 2.0), b=(None, 7.0, 0.0, 0.0))
    keep(START + 10, a=(30.0, 300.0, 4.0, 3.0))
    keep(START + 40, a=(50.0, 200.0, 6.0, 0.0))
    keep(START + 60, a=(99.0, 99.0, 99.0, 99.0))
    assert read() == {
        "a": {
            "cpu_percent": [20.0, None, 50.0],
            "rss_bytes": [300.0, None, 200.0],
            "connections": [5.0, None, 6.0],
            "active_requests": [3.0, None, 0.0],
        },
        "b": {
            "cpu_percent": [None, None, None],
            "rss_bytes": [7.0, None, None],
            "connections": [0.0, None, None],
            "active_requests": [0.0, None, None],
        },
    }


@pytest.mark.django_db
def test_one_version_or_instance_may_be_chosen() -> None:
    one = (1.0, 1.0, 1.0, 1.0)
    keep(START, a=one, b=one)
    keep(START, "v2", c=one)
    assert [*read()] == ["a", "b", "c"]
    assert [*read(version="v2")] == ["c"]
    assert [*read(instance="b")] == ["b"]
    assert read(service="shop/frontend") == {}


@pytest.mark.django_db
def test_a_day_is_kept() -> None:
    now = timezone.now()
    for ago in (timedelta(hours=25), timedelta(hours=26), timedelta(hours=23)):
        InstanceLoad.objects.create(at=now - ago, service=CATALOG, version="v1", loads={})
    assert saturation.drop_old(now, 1) == 2
    assert InstanceLoad.objects.get().at == now - timedelta(hours=23)


def test_cpu_is_a_rate_of_one_process() -> None:
    beats = Beats()

    def told(boot: int, at: float, cpu_seconds: float) -> float | None:
        gauges = Gauges(cpu_seconds=cpu_seconds)
        return beats.note(Telemetry(proxy="a", boot=boot, seq=1, at=at, edges=[], gauges=gauges), 0)

    assert [told(1, 100, 5), told(1, 101, 5.25), told(2, 102, 0.5), told(2, 104, 3.5)] == [None, 25.0, None, 150.0]


@pytest.mark.django_db(transaction=True)
async def test_what_a_database_that_is_away_missed_is_written_once_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    loads, identity, write = Loads(), Identity(CATALOG, "v1"), saturation._write

    def away(rows: list[InstanceLoad]) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(saturation, "_write", away)
    for second in range(saturation.HELD + 3):
        loads.note("a", identity, Gauges(connections=second, rss_bytes=-5, active_requests=1 << 60), 5.0)
        loads.note("a", identity, Gauges(connections=second), None)
        loads.close(START + 10 * (second + 1))
        await loads.write()
    assert await InstanceLoad.objects.acount() == 0
    monkeypatch.setattr(saturation, "_write", write)
    await loads.write()
    assert await InstanceLoad.objects.acount() == saturation.HELD, "the newest, bounded"
    oldest = await InstanceLoad.objects.order_by("at").afirst()
    assert oldest is not None
    assert oldest.at == datetime.fromtimestamp(START + 30, UTC)
    assert Load(*oldest.loads["a"]) == Load(5.0, 0.0, 3.0, saturation.MOST / 2)


@pytest.mark.django_db(transaction=True)
async def test_what_proxies_tell_is_kept_by_two_collectors_once(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    reporter = Reporter(valkey, proxy_of(CATALOG))
    async with collecting(), collecting():

        def kept() -> bool:
            reporter.send(call("shop/frontend", codes={200: 1}), gauges=Gauges(7, 2, 40 << 20, 0.5))
            return InstanceLoad.objects.filter(service=CATALOG, version="v1").exists()

        await until(kept, "ten seconds", 30)
    rows = [row async for row in InstanceLoad.objects.filter(service=CATALOG)]
    assert len({row.at for row in rows}) == len(rows)
    assert rows[0].at.timestamp() % 10 == 0
    assert rows[0].loads[proxy_of(CATALOG)] == [0.0, 40 << 20, 7.0, 2.0]


@pytest.mark.django_db
def test_the_series_of_a_service_by_instance_say_it(frames: Window) -> None:
    register()
    keep(START, **{proxy_of(CATALOG): (12.5, 1000.0, 3.0, 1.0)})
    span = f"from={START}&to={START + 20}&step=10s"
    client = client_of()
    found = get(client, f"metrics/?service={CATALOG}&by=instance&{span}")
    assert found["saturation"] == {
        proxy_of(CATALOG): {
            "cpu_percent": [12.5, None],
            "rss_bytes": [1000.0, None],
            "connections": [3.0, None],
            "active_requests": [1.0, None],
        }
    }
    assert get(client, f"metrics/?service={CATALOG}&{span}")["saturation"] == {}
    assert (
        client_of(namespace="platform").get(f"/api/v1/metrics/?service={CATALOG}&by=instance&{span}").status_code == 404
    )
