"""Following rollouts: the state, what changes, and what was missed after a break."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from meshui.catalog.models import Instance, Service
from meshui.catalog.services import namespace_create, service_create
from meshui.core.actors import Actor, system
from meshui.core.redis import client
from meshui.delivery.signals import LIVE_CHANNEL, live_hint
from meshui.rollouts.bodies import NotifyBody, PlanBody
from meshui.rollouts.models import Rollout
from meshui.rollouts.planning import plan_of
from meshui.rollouts.services import rollout_act, rollout_create
from tests.meshui.live.test_socket import Browser, browser, in_thread, login, stop_hub

__all__ = ["stop_hub"]

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = system("test")
HOOK = NotifyBody(kind="webhook", target="https://hooks.example.com/secret")
OLGA = Actor(name="olga", grants={"shop": frozenset({"view", "traffic.write"})})


def begin() -> int:
    namespace_create(actor=ROOT, name="shop")
    service_create(actor=ROOT, service="shop/catalog", versions=["v1", "v2"])
    service = Service.objects.get(name="catalog")
    for port, version in enumerate(service.versions.all(), 1):
        Instance.objects.create(id=version.name, service=service, version=version, address="10.0.0.1", port=port)
    plan = plan_of("shop/catalog", PlanBody(canary="v2", approvers=["nora"], notify=[HOOK]))
    return rollout_create(actor=OLGA, plan=plan, start=True).pk


def act(rollout: int, action: Any) -> None:
    rollout_act(actor=OLGA, rollout_id=rollout, action=action)
    client().publish(LIVE_CHANNEL, live_hint())


async def diff_with(page: Browser, topic: str, kind: str) -> dict[str, Any]:
    """The diff that brings an event of this kind; before it there may be others."""
    while True:
        message = await page.get("diff", topic)
        if kind in [event["kind"] for event in message["data"]["events"]]:
            return message


async def test_a_watcher_gets_the_rollout_and_then_its_events(valkey: Redis) -> None:
    rollout = await in_thread(begin)
    topic = f"rollout:{rollout}"
    _, cookie = await in_thread(login, "shop")
    async with browser(cookie) as page:
        await page.say(subscribe=topic)
        state = await page.get("state", topic)
        shown = state["data"]
        assert (shown["id"], shown["state"]) == (str(rollout), "progressing")
        seen = [event["seq"] for event in shown["events"]]
        assert seen == list(range(1, len(seen) + 1))
        assert shown["plan"]["notify"][0]["target"] == "https://hooks.example.com/…"
        # One message goes to all, so it says what somebody may, approvers included.
        assert {"pause", "abort", "promote"} <= set(shown["may"])

        await in_thread(act, rollout, "pause")
        paused = await diff_with(page, topic, "paused")
        assert paused["data"]["rollout"]["state"] == "paused"
        assert "events" not in paused["data"]["rollout"]
        assert min(event["seq"] for event in paused["data"]["events"]) == seen[-1] + 1

        await in_thread(act, rollout, "abort")
        aborted = await diff_with(page, topic, "rolling_back")
        assert aborted["data"]["rollout"]["weights"]["desired"] == {"v1": 100, "v2": 0}

    async with browser(cookie) as page:
        await page.say(subscribe=topic, since=paused["seq"])
        again = await diff_with(page, topic, "rolling_back")
        assert again["seq"] == aborted["seq"]
        assert again["data"] == aborted["data"]


async def test_the_list_has_those_under_way(valkey: Redis) -> None:
    rollout = await in_thread(begin)
    _, cookie = await in_thread(login, "shop")
    async with browser(cookie) as page:
        await page.say(subscribe="rollouts")
        state = await page.get("state", "rollouts")
        assert [(r["id"], r["state"]) for r in state["data"]] == [(str(rollout), "progressing")]
        await in_thread(act, rollout, "pause")
        while True:
            message = await page.get("diff", "rollouts")
            if message["data"]["changed"][0]["state"] == "paused":
                break
        await in_thread(lambda: Rollout.objects.update(state="succeeded"))
        await in_thread(lambda: client().publish(LIVE_CHANNEL, live_hint()))
        while not message["data"]["removed"]:
            message = await page.get("diff", "rollouts")
        assert message["data"] == {"changed": [], "removed": [str(rollout)]}


async def test_who_may_not_view_it_follows_nothing(valkey: Redis) -> None:
    rollout = await in_thread(begin)
    _, cookie = await in_thread(login, "bank")
    async with browser(cookie) as page:
        for topic in (f"rollout:{rollout}", "rollout:999999"):
            await page.say(subscribe=topic)
            assert (await page.get("error", topic))["data"]["code"] == "not_found"
        await page.say(subscribe="rollouts")
        assert (await page.get("state", "rollouts"))["data"] == []


@pytest.mark.parametrize("topic", ["rollout", "rollout:", "rollout:x", "rollout:-1", "rollouts:1"])
async def test_what_is_no_topic(valkey: Redis, topic: str) -> None:
    _, cookie = await in_thread(login, "shop")
    async with browser(cookie) as page:
        await page.say(subscribe=topic)
        assert (await page.get("error", topic))["data"]["code"] == "invalid"
