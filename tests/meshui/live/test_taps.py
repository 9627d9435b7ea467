"""Following a tap: its records as they come, what a slow reader lost, and who may."""

from __future__ import annotations

import pytest
from django.utils import timezone
from redis import Redis

from meshui.accounts.models import RoleGrant
from meshui.live import socket as live_socket
from meshui.logs import store
from meshui.taps import services, stream
from meshui.taps.models import Tap
from meshui.taps.services import tap_stop
from meshui.taps.stream import NOTHING, Batch, Seen
from tests.meshui.live.test_socket import browser, in_thread, login, stop_hub
from tests.meshui.logs.records import inbound, lines, record
from tests.meshui.taps.copies import OLGA
from tests.meshui.taps.test_relay import tapped

__all__ = ["stop_hub"]

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = RoleGrant.Role.OPERATOR


def hand_on(valkey: Redis, tap: Tap, first: int, last: int, path: str = "/") -> None:
    """What the collector would."""
    (line,) = lines(inbound(path=path, source="bank/ledger", source_version="v1"), proxy="catalog")
    records = [Seen(n, line, path, [("host", "x")], [], False) for n in range(first, last + 1)]
    valkey.xadd(stream.key(tap.pk), stream.entry(Batch(NOTHING, records)))


async def test_a_watcher_gets_what_is_there_and_then_what_comes(valkey: Redis) -> None:
    tap = await in_thread(tapped)
    topic = f"tap:{tap.pk}"
    _, cookie = await in_thread(login, "shop", OPERATOR)
    await in_thread(hand_on, valkey, tap, 1, 3)
    async with browser(cookie) as page:
        await page.say(subscribe=topic)
        state = (await page.get("state", topic))["data"]
        assert (state["tap"]["id"], state["tap"]["state"]) == (str(tap.pk), "active")
        assert [each["n"] for each in state["records"]] == [1, 2, 3]
        assert state["counts"]["received"] == 0
        await in_thread(hand_on, valkey, tap, 6, 7, "/later")
        diff = (await page.get("diff", topic))["data"]
        assert [(each["n"], each["request"]["path"]) for each in diff["records"]] == [(6, "/later"), (7, "/later")]
        # The caller is in a namespace that the reader may not view.
        assert (diff["records"][0]["request"]["source"], diff["records"][0]["request"]["identity"]) == ("", "")
        await in_thread(tap_stop, actor=OLGA, tap_id=tap.pk)
        assert (await page.get("diff", topic))["data"]["tap"]["state"] == "stopped"


async def test_watching_keeps_it_alive(valkey: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "RENEW_S", 0.0)
    tap = await in_thread(tapped)
    _, cookie = await in_thread(login, "shop", OPERATOR)
    async with browser(cookie) as page:
        await page.say(subscribe=f"tap:{tap.pk}")
        state = await page.get("state")
        assert state["data"]["tap"]["state"] == "active"
    assert (await in_thread(Tap.objects.get)).watched_at > tap.watched_at


async def test_heads_are_for_who_operates_what_is_called(valkey: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "RECHECK_S", 0.1)
    tap = await in_thread(tapped)
    for namespace, role in (("bank", OPERATOR), ("", RoleGrant.Role.VIEWER)):
        _, cookie = await in_thread(login, namespace, role)
        async with browser(cookie) as page:
            for topic in (f"tap:{tap.pk}", "tap:999999"):
                await page.say(subscribe=topic)
                assert (await page.get("error", topic))["data"]["code"] == "not_found"
    _, cookie = await in_thread(login, "shop", OPERATOR)
    async with browser(cookie) as page:
        await page.say(subscribe=f"tap:{tap.pk}")
        await page.get("state")
        await in_thread(RoleGrant.objects.filter(namespace="shop").update, role=RoleGrant.Role.VIEWER)
        assert (await page.get("error"))["data"]["code"] == "not_found"


@pytest.mark.parametrize("topic", ["tap", "tap:", "tap:x", "tap:-1", "taps", "logs:1"])
async def test_what_is_no_topic(valkey: Redis, topic: str) -> None:
    _, cookie = await in_thread(login, "shop", OPERATOR)
    async with browser(cookie) as page:
        await page.say(subscribe=topic)
        assert (await page.get("error", topic))["data"]["code"] == "invalid"


async def test_a_log_is_followed_by_what_is_asked_of_it(valkey: Redis) -> None:
    await in_thread(store.write, lines(record(path="/before"), record(path="/fine", code=404)))
    _, cookie = await in_thread(login, "shop")
    async with browser(cookie) as page:
        await page.say(subscribe="logs", params={"code": "2xx", "service": "shop/catalog"})
        state = await page.get("state")
        assert [line["path"] for line in state["data"]["logs"]] == ["/before"]
        new = lines(record(path="/after"), record(path="/wrong", code=500), seq=2)
        hidden = lines(record(path="/hidden"), proxy="ledger", seq=3)
        await in_thread(store.write, [*new, *hidden])
        diff = await page.get("diff")
        assert ([line["path"] for line in diff["data"]["logs"]], diff["data"]["skipped"]) == (["/after"], False)
        at = int(timezone.now().timestamp() * 1e6)
        await in_thread(store.write, lines(*(record(path=f"/{n}", at_us=at + n) for n in range(130)), seq=4))
        flood = (await page.get("diff"))["data"]
        assert (len(flood["logs"]), flood["skipped"], flood["logs"][0]["path"]) == (100, True, "/129")


@pytest.mark.parametrize("params", [{"code": "9xx"}, {"colour": "red"}, {"from": "0"}, {"page_size": 5}])
async def test_what_is_no_filter_of_a_log(valkey: Redis, params: dict[str, object]) -> None:
    _, cookie = await in_thread(login, "shop")
    async with browser(cookie) as page:
        await page.say(subscribe="logs", params=params)
        assert (await page.get("error", "logs"))["data"]["code"] == "invalid"
