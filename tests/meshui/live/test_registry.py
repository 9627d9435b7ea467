"""Watching a service's instances: the state, a diff for each event, and what was missed after a break."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from meshui.catalog.models import Instance
from meshui.catalog.services import (
    heartbeats_record,
    instance_deregister,
    instance_drain,
    instance_register,
    namespace_create,
    service_create,
)
from meshui.core.actors import system
from tests.meshui.live.test_socket import Browser, browser, in_thread, login, stop_hub

__all__ = ["stop_hub"]

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = system("test")
SERVICE = {"actor": ROOT, "service": "shop/catalog"}
TOPIC = "registry:shop/catalog"


def make_service() -> None:
    namespace_create(actor=ROOT, name="shop")
    service_create(actor=ROOT, service="shop/catalog")


def register(number: int) -> None:
    instance_register(**SERVICE, version="v1", address="10.0.0.1", port=number, instance_id=f"c-{number}")


async def diff(page: Browser) -> dict[str, Any]:
    return await page.get("diff", TOPIC)


async def test_a_watcher_gets_the_instances_then_what_changes(valkey: Redis) -> None:
    await in_thread(make_service)
    await in_thread(register, 1)
    _, cookie = await in_thread(login, "shop")
    async with browser(cookie) as page:
        await page.say(subscribe=TOPIC)
        state = await page.get("state", TOPIC)
        (shown,) = state["data"]["instances"]
        assert (shown["id"], shown["address"], shown["port"], shown["status"]) == ("c-1", "10.0.0.1", 1, "passing")
        assert state["data"]["health"] == {"status": "passing", "passing": 1, "critical": 0, "draining": 0}

        await in_thread(register, 2)
        first = await diff(page)
        assert first["seq"] == state["seq"] + 1
        assert ([i["id"] for i in first["data"]["changed"]], first["data"]["removed"]) == (["c-2"], [])
        assert first["data"]["health"]["passing"] == 2

        await in_thread(lambda: instance_drain(**SERVICE, instance_id="c-1", draining=True))
        second = await diff(page)
        assert [(i["id"], i["draining"]) for i in second["data"]["changed"]] == [("c-1", True)]

        await in_thread(lambda: instance_deregister(**SERVICE, instance_id="c-2"))
        third = await diff(page)
        assert (third["data"]["changed"], third["data"]["removed"]) == ([], ["c-2"])

    async with browser(cookie) as page:
        await page.say(subscribe=TOPIC, since=first["seq"])
        assert [(await diff(page))["seq"], (await diff(page))["seq"]] == [second["seq"], third["seq"]]


async def test_heartbeats_are_no_news(valkey: Redis) -> None:
    await in_thread(make_service)
    await in_thread(register, 1)
    _, cookie = await in_thread(login, "shop")
    async with browser(cookie) as page:
        await page.say(subscribe=TOPIC)
        state = await page.get("state", TOPIC)
        await in_thread(lambda: Instance.objects.update(last_seen_at="2030-01-01T00:00Z"))
        await in_thread(lambda: heartbeats_record(proxy_ids=[], at=Instance.objects.get().last_seen_at))
        await in_thread(register, 2)
        assert (await diff(page))["seq"] == state["seq"] + 1


async def test_who_may_not_view_the_namespace_watches_nothing(valkey: Redis) -> None:
    await in_thread(make_service)
    _, cookie = await in_thread(login, "bank")
    async with browser(cookie) as page:
        for topic in (TOPIC, "registry:shop/nothing"):
            await page.say(subscribe=topic)
            error = await page.get("error", topic)
            assert error["data"]["code"] == "not_found"
