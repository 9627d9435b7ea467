"""Instances: how they register, live by heartbeats and turn critical; and that our own absence kills nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from meshui.catalog.models import Instance, Proxy, Service
from meshui.catalog.selectors import HEARTBEATS_HEARD, OBSERVED_GAP, Observation, observed_since
from meshui.catalog.services import heartbeats_record, instances_expire
from meshui.catalog.tasks import expire_instances
from meshui.core.models import Change, Outbox
from tests.support.api import Api, everything

PATH = "services/shop/catalog/instances/"
BODY = {"address": "10.0.0.7", "port": 8080, "version": "v1", "id": "c-1", "ttl_s": 15}
NOW = datetime.fromisoformat("2026-01-01T12:00:00Z")


def test_an_instance_registers_and_leaves(operator: Api) -> None:
    Outbox.objects.all().delete()
    made = operator.post(PATH, BODY)
    assert made.status == 201
    assert made.body["revision"] > 0
    shown = operator.get(f"{PATH}c-1/")
    assert shown.etag == made.etag
    assert {key: shown.body[key] for key in ("id", "address", "port", "version", "status", "healthy", "proxy")} == {
        "id": "c-1",
        "address": "10.0.0.7",
        "port": 8080,
        "version": "v1",
        "status": "passing",
        "healthy": True,
        "proxy": None,
    }
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("endpoints", "shop/catalog")]
    service = operator.get("services/shop/catalog/").body
    assert (service["instances"], service["healthy"], service["versions"][0]["healthy"]) == (1, 1, 1)
    assert operator.change("DELETE", f"{PATH}c-1/").status == 204
    assert operator.get(f"{PATH}c-1/").status == 404
    assert Outbox.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"address": "http://10.0.0.1"}, "address"),
        ({"address": "10.0.0.1:80"}, "address"),
        ({"address": "0.0.0.0"}, "address"),
        ({"address": "a b"}, "address"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": "80"}, "port"),
        ({"version": "v9"}, "version"),
        ({"id": "../x"}, "id"),
        ({"ttl_s": 0}, "ttl_s"),
        ({"healthy": True}, "healthy"),
    ],
)
def test_a_bad_instance_is_refused(operator: Api, change: dict[str, Any], path: str) -> None:
    before = everything()
    refused = operator.post(PATH, BODY | change)
    assert (refused.status, list(refused.paths())) == (400, [path])
    assert everything() == before


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "localhost"])
def test_in_production_an_instance_is_not_on_the_control_planes_own_machine(
    operator: Api, settings: Settings, address: str
) -> None:
    body = BODY | {"address": address}
    settings.MESHUI = replace(settings.MESHUI, mode="production")
    assert operator.post(PATH, body).paths() == {"address": "address_refused"}
    settings.MESHUI = replace(settings.MESHUI, mode="demo")
    assert operator.post(PATH, body).status == 201


def test_an_id_or_an_address_is_taken_once(operator: Api) -> None:
    operator.post(PATH, BODY)
    before = everything()
    assert operator.post(PATH, BODY | {"port": 8081}).status == 409
    assert operator.post(PATH, BODY | {"id": "c-2"}).status == 409
    assert everything() == before


def test_a_heartbeat_makes_no_revision_while_it_passes(operator: Api) -> None:
    operator.post(PATH, BODY)
    Instance.objects.update(last_seen_at=NOW)
    changes = Change.objects.count()
    beat = operator.call("PUT", f"{PATH}c-1/heartbeat/")
    assert (beat.status, beat.body["revision"]) == (200, None)
    assert Instance.objects.get().last_seen_at > NOW
    assert Change.objects.count() == changes


def test_a_heartbeat_revives(operator: Api) -> None:
    operator.post(PATH, BODY)
    Instance.objects.update(status="critical", beating=False)
    Outbox.objects.all().delete()
    beat = operator.call("PUT", f"{PATH}c-1/heartbeat/")
    assert (beat.body["status"], beat.body["healthy"]) == ("passing", True)
    assert beat.body["revision"] > 0
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("endpoints", "shop/catalog")]


# --- expiry -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sidecar(catalog: Service) -> Proxy:
    """A proxy with an instance behind it, both last seen long ago."""
    version = catalog.versions.get(name="v1")
    proxy = Proxy.objects.create(id="px-1", name="one", service=catalog, version=version, redis_password_sha256="0")
    Instance.objects.create(
        id="px-1", service=catalog, version=version, proxy=proxy, address="10.0.0.1", port=80, last_seen_at=NOW
    )
    return proxy


@pytest.fixture
def observed() -> Callable[[timedelta, timedelta], None]:
    """Say that the collector has been reading from ``begun`` ago until ``ended`` ago, seen from NOW + 1 h."""

    def observe(begun: timedelta, ended: timedelta = timedelta(0)) -> None:
        end = NOW + timedelta(hours=1)
        cache.set(HEARTBEATS_HEARD, Observation(since=end - begun, until=end - ended), timeout=None)

    return observe


LATER = NOW + timedelta(hours=1)


def status() -> str:
    return Instance.objects.get().status


def test_silence_that_was_listened_to_turns_critical_in_one_revision(sidecar: Proxy, observed: Any) -> None:
    observed(timedelta(seconds=15))
    Outbox.objects.all().delete()
    assert instances_expire(LATER) == 1
    assert status() == "critical"
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("endpoints", "shop/catalog")]
    change = Change.objects.latest("id")
    assert (change.actor, change.action, change.object) == (
        "system:registry",
        "instance.critical",
        "service:shop/catalog",
    )
    changes = Change.objects.count()
    assert instances_expire(LATER) == 0
    assert Change.objects.count() == changes


@pytest.mark.parametrize(
    ("begun", "ended"),
    [
        (timedelta(seconds=14), timedelta(0)),
        (timedelta(hours=1), OBSERVED_GAP + timedelta(seconds=1)),
    ],
    ids=["not listening for long enough", "not listening any more"],
)
def test_silence_that_nobody_heard_kills_nobody(
    sidecar: Proxy, observed: Any, begun: timedelta, ended: timedelta
) -> None:
    observed(begun, ended)
    before = everything()
    assert instances_expire(LATER) == 0
    assert everything() == before


def test_without_a_memory_of_listening_nobody_dies(sidecar: Proxy) -> None:
    assert observed_since(HEARTBEATS_HEARD) is None
    expire_instances()
    assert status() == "passing"


def test_the_task_expires_what_is_overdue(sidecar: Proxy) -> None:
    now = timezone.now()
    cache.set(HEARTBEATS_HEARD, Observation(since=now - timedelta(minutes=1), until=now), timeout=None)
    expire_instances()
    assert status() == "critical"


def test_within_its_ttl_an_instance_lives(sidecar: Proxy, observed: Any) -> None:
    observed(timedelta(minutes=5))
    Instance.objects.update(last_seen_at=LATER - timedelta(seconds=14))
    assert instances_expire(LATER) == 0
    Instance.objects.update(last_seen_at=LATER - timedelta(seconds=16))
    assert instances_expire(LATER) == 1


def test_reports_are_heartbeats_and_revive(sidecar: Proxy) -> None:
    Instance.objects.update(status="critical", beating=False)
    Outbox.objects.all().delete()
    now = timezone.now()
    load = {"rps": 1.5, "connections": 3, "rss_bytes": 4096, "cpu_percent": 0.5}
    heartbeats_record(proxy_ids=["px-1", "px-unknown"], at=now, loads={"px-1": load})
    sidecar.refresh_from_db()
    assert (sidecar.last_seen_at, sidecar.load) == (now, load)
    instance = Instance.objects.get()
    assert (instance.status, instance.last_seen_at) == ("passing", now)
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("endpoints", "shop/catalog")]


def test_reports_of_the_living_make_no_revision(sidecar: Proxy) -> None:
    changes = Change.objects.count()
    for _ in range(3):
        heartbeats_record(proxy_ids=["px-1"], at=timezone.now())
    assert Change.objects.count() == changes


def test_a_report_from_a_backlog_neither_revives_nor_turns_time_back(sidecar: Proxy) -> None:
    Instance.objects.update(status="critical", beating=False, last_seen_at=timezone.now() - timedelta(minutes=2))
    seen = Instance.objects.get().last_seen_at
    heartbeats_record(proxy_ids=["px-1"], at=timezone.now() - timedelta(minutes=5))
    instance = Instance.objects.get()
    assert (instance.status, instance.last_seen_at) == ("critical", seen)


def test_listening_goes_on_while_the_collector_calls_and_begins_anew_after_a_gap(clean_cache: None, db: None) -> None:
    heartbeats_record(proxy_ids=[], at=timezone.now())
    since = observed_since(HEARTBEATS_HEARD)
    assert since is not None
    heartbeats_record(proxy_ids=[], at=timezone.now())
    assert observed_since(HEARTBEATS_HEARD) == since
    old = timezone.now() - OBSERVED_GAP - timedelta(seconds=1)
    cache.set(HEARTBEATS_HEARD, Observation(since=since, until=old), timeout=None)
    assert observed_since(HEARTBEATS_HEARD) is None
    heartbeats_record(proxy_ids=[], at=timezone.now())
    begun_anew = observed_since(HEARTBEATS_HEARD)
    assert begun_anew is not None
    assert begun_anew > since


def test_an_instance_behind_a_proxy_has_no_heartbeat_of_its_own(sidecar: Proxy, operator: Api) -> None:
    before = everything()
    assert operator.call("PUT", f"{PATH}px-1/heartbeat/").status == 409
    assert everything() == before
