"""The live connection as a browser sees it, through the whole ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client as HttpClient
from redis import Redis

from meshui.accounts.models import RoleGrant
from meshui.catalog.models import Proxy
from meshui.catalog.services import namespace_create
from meshui.config.asgi import application
from meshui.core.actors import system
from meshui.delivery.signals import LIVE_CHANNEL, live_hint
from meshui.live import client as live_client
from meshui.live import hub as live_hub
from meshui.live import socket as live_socket
from meshui.live.topics import GraphTopic, Rights, Topic
from meshui.telemetry.graph import Graph
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, proxy_of, register
from tests.meshui.telemetry.seconds import second
from tests.support.api import make_token, make_user

pytestmark = pytest.mark.django_db(transaction=True)

WAIT_S = 10.0


class Browser(ApplicationCommunicator):
    """One WebSocket."""

    async def get(self, kind: str = "", topic: str = "") -> dict[str, Any]:
        """The next message, or the next one of a kind or topic."""
        while True:
            event = await self.receive_output(WAIT_S)
            if event["type"] == "websocket.close":
                raise AssertionError(f"closed with {event['code']}")
            message: dict[str, Any] = json.loads(event["text"])
            if kind in ("", message["kind"]) and topic in ("", message["topic"]):
                return message

    async def say(self, **message: Any) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(message)})

    async def close_code(self) -> int:
        while True:
            event = await self.receive_output(WAIT_S)
            if event["type"] == "websocket.close":
                return int(event["code"])


@contextlib.asynccontextmanager
async def browser(cookie: str = "", **headers: str) -> AsyncIterator[Browser]:
    given = {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000", "cookie": cookie, **headers}
    scope = {
        "type": "websocket",
        "path": "/ws/live/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
    }
    connected = Browser(application, scope)
    await connected.send_input({"type": "websocket.connect"})
    assert (await connected.receive_output(WAIT_S))["type"] == "websocket.accept"
    try:
        yield connected
    finally:
        await connected.send_input({"type": "websocket.disconnect", "code": 1000})
        with contextlib.suppress(TimeoutError):
            await connected.wait(WAIT_S)


def login(namespace: str = "", role: str = RoleGrant.Role.VIEWER) -> tuple[HttpClient, str]:
    """A signed-in client and its session cookie."""
    user = get_user_model().objects.create_user(f"user-{namespace or 'all'}", password="correct horse battery")
    RoleGrant.objects.create(user=user, role=role, namespace=namespace)
    client = HttpClient()
    client.force_login(user)
    return client, f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.fixture(autouse=True)
async def stop_hub() -> AsyncIterator[None]:
    yield
    await live_hub.hub().stop()


async def in_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await database_sync_to_async(function)(*args, **kwargs)


async def test_a_graph_follower_gets_the_state_then_a_diff_per_frame(frames: Window, valkey: object) -> None:
    await in_thread(register)
    _, cookie = await in_thread(login)
    await in_thread(second, frames, 1000.0, shop_frontend=[call("shop/catalog", codes={200: 10})])
    async with browser(cookie) as page:
        await page.say(subscribe="graph", params={"window": "60s"})
        state = await page.get("state")
        assert [edge["id"] for edge in state["data"]["edges"]] == ["shop/frontend->shop/catalog"]

        await in_thread(second, frames, 1001.0, platform_gateway=[call("shop/frontend", codes={200: 7})])
        diff = await page.get("diff")
        assert diff["seq"] == state["seq"] + 1
        assert "platform/gateway->shop/frontend" in [edge["id"] for edge in diff["data"]["edges"]]
        assert diff["data"]["as_of_unix"] == 1001.0


async def test_a_viewer_of_one_namespace_never_gets_anothers_data(frames: Window, valkey: object) -> None:
    await in_thread(register)
    _, cookie = await in_thread(login, "shop")
    calls = {
        "platform_gateway": [call("shop/frontend", codes={200: 5})],
        "shop_frontend": [call("shop/catalog", codes={200: 5}), call("platform/users", codes={200: 5})],
    }
    await in_thread(second, frames, 1000.0, **calls)
    async with browser(cookie) as page:
        for topic in ("graph", "proxies", "changes", "service:shop/frontend"):
            await page.say(subscribe=topic)
            assert "platform" not in json.dumps((await page.get("state", topic))["data"])
        await page.say(subscribe="service:platform/users")
        assert (await page.get("error"))["data"]["code"] == "not_found"
        await in_thread(second, frames, 1001.0, **calls)
        assert "platform" not in json.dumps(await page.get("diff", "graph"))


async def test_a_permission_that_is_taken_away_ends_what_it_showed(
    frames: Window, valkey: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_socket, "RECHECK_S", 0.1)
    await in_thread(register)
    _, cookie = await in_thread(login)
    async with browser(cookie) as page:
        await page.say(subscribe="graph")
        assert "platform/users" in [node["id"] for node in (await page.get("state"))["data"]["nodes"]]
        await in_thread(RoleGrant.objects.update, namespace="shop")
        again = await page.get("state")
        assert {node["namespace"] for node in again["data"]["nodes"]} == {"shop"}


async def test_logging_out_closes_the_connection(
    frames: Window, valkey: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_socket, "RECHECK_S", 0.1)
    http, cookie = await in_thread(login)
    async with browser(cookie) as page:
        await page.say(subscribe="info")
        await page.get("state")
        await in_thread(http.logout)
        assert await page.close_code() == 4401


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 4401),
        ({"authorization": "Bearer mui_wrong"}, 4401),
        ({"cookie": f"{settings.SESSION_COOKIE_NAME}=made-up"}, 4401),
        ({"origin": "http://evil.example"}, 4403),
        ({"origin": "http://evil.example", "host": "evil.example"}, 4403),
        ({"origin": "null"}, 4403),
    ],
)
async def test_who_may_not_come_in(headers: dict[str, str], code: int) -> None:
    async with browser(**headers) as page:
        assert await page.close_code() == code


async def test_a_token_comes_in_without_an_origin(frames: Window, valkey: object) -> None:
    user = await in_thread(make_user, "machine", ("viewer", ""))
    token = await in_thread(make_token, user)
    async with browser(authorization=f"Bearer {token}", origin="") as page:
        await page.say(subscribe="info")
        assert (await page.get("state"))["data"]["name"] == "meshui"


async def test_what_was_missed_comes_after_a_break(frames: Window, valkey: object) -> None:
    await in_thread(register)
    _, cookie = await in_thread(login)
    await in_thread(second, frames, 1000.0, shop_frontend=[call("shop/catalog", codes={200: 1})])
    async with browser(cookie) as steady:
        await steady.say(subscribe="graph")
        async with browser(cookie) as away:
            await away.say(subscribe="graph")
            seq = (await away.get("state"))["seq"]
        for step in (1, 2):
            await in_thread(second, frames, 1000.0 + step, shop_frontend=[call("shop/catalog", codes={200: 1})])
            assert (await steady.get("diff"))["seq"] == seq + step
        async with browser(cookie) as back:
            await back.say(subscribe="graph", since=seq)
            assert [(await back.get())["seq"] for _ in range(2)] == [seq + 1, seq + 2]
        async with browser(cookie) as stranger:
            await stranger.say(subscribe="graph", since=7)
            assert (await stranger.get())["kind"] == "state"


async def test_a_change_of_parameters_begins_with_their_state(frames: Window, valkey: object) -> None:
    await in_thread(register)
    _, cookie = await in_thread(login)
    await in_thread(second, frames, 1000.0, shop_frontend=[call("shop/catalog", codes={200: 1})])
    async with browser(cookie) as page:
        await page.say(subscribe="graph", params={"by": "service"})
        seq = (await page.get("state"))["seq"]
        await page.say(subscribe="graph", params={"by": "version"}, since=seq)
        assert (await page.get("state"))["data"]["by"] == "version"
        await page.say(unsubscribe="graph")
        await page.say(ping=1)
        assert (await page.get())["topic"] == "ping"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "malformed_json"),
        ("[]", "malformed_json"),
        ('{"subscribe": "graph", "more": 1}', "malformed_json"),
        ("{}", "invalid"),
        ('{"subscribe": "nothing"}', "invalid"),
        ('{"subscribe": "graph", "params": {"window": "2h"}}', "invalid"),
        ('{"subscribe": "graph", "params": {"at": "1000"}}', "invalid"),
        ('{"subscribe": "graph", "params": {"nope": 1}}', "invalid"),
        ('{"subscribe": "info", "params": {"by": "service"}}', "invalid"),
        ('{"subscribe": "revision:x"}', "invalid"),
        ('{"subscribe": "revision:99"}', "not_found"),
        ('{"subscribe": "service:shop/none"}', "not_found"),
    ],
)
async def test_a_bad_message_gets_an_error_and_the_connection_lives(
    frames: Window, valkey: object, message: str, code: str
) -> None:
    _, cookie = await in_thread(login)
    async with browser(cookie) as page:
        await page.send_input({"type": "websocket.receive", "text": message})
        assert (await page.get("error"))["data"]["code"] == code
        await page.say(ping=1)
        await page.get("state", "ping")


async def test_too_much_or_too_large_closes(frames: Window, valkey: object) -> None:
    _, cookie = await in_thread(login)
    async with browser(cookie) as page:
        await page.say(subscribe="x" * 10_000)
        assert await page.close_code() == 1009
    async with browser(cookie) as page:
        for _ in range(live_socket.BURST + 5):
            await page.say(ping=1)
        assert await page.close_code() == 1008


async def test_proxies_changes_revisions_and_info_follow_the_database(frames: Window, valkey: Redis) -> None:
    await in_thread(register)
    _, cookie = await in_thread(login)
    async with browser(cookie) as page:
        for topic in ("proxies", "changes", "info"):
            await page.say(subscribe=topic)
            await page.get("state", topic)
        made = await in_thread(namespace_create, actor=system("test"), name="fresh")
        await in_thread(Proxy.objects.filter(pk=proxy_of("platform/users")).delete)
        valkey.publish(LIVE_CHANNEL, live_hint(revisions=[made.revision]))
        seen: dict[str, Any] = {}
        while len(seen) < 3:
            message = await page.get()
            seen[message["topic"]] = message["data"]
        assert [change["action"] for change in seen["changes"]["changes"]] == ["namespace.create"]
        assert seen["proxies"]["removed"] == [proxy_of("platform/users")]
        assert seen["info"]["revision"] == made.revision
        await page.say(subscribe=f"revision:{made.revision}")
        assert (await page.get("state", f"revision:{made.revision}"))["data"]["revision"] == made.revision


# --- one producer, many clients ---------------------------------------------------------------------------------


async def test_many_clients_cost_one_read(frames: Window, valkey: object, monkeypatch: pytest.MonkeyPatch) -> None:
    await in_thread(register)
    _, cookie = await in_thread(login)
    reads = 0
    read = GraphTopic.read

    def counted(self: GraphTopic) -> Graph:
        nonlocal reads
        reads += 1
        return read(self)

    monkeypatch.setattr(GraphTopic, "read", counted)
    async with contextlib.AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(browser(cookie)) for _ in range(20)]
        for page in pages:
            await page.say(subscribe="graph")
            await page.get("state")
        before = reads
        await in_thread(second, frames, 1001.0, shop_frontend=[call("shop/catalog", codes={200: 1})])
        diffs = [await page.get("diff") for page in pages]
    assert reads - before == 1
    assert len({diff["seq"] for diff in diffs}) == 1


async def test_a_slow_client_is_skipped_and_holds_nobody_up() -> None:
    """A client that does not read, beside one that does, on the same producer."""
    state = {"n": 0}

    class Counter(Topic, frozen=True):
        wake = "frame"
        every_s = 60.0

        def read(self) -> dict[str, int]:
            return dict(state)

    hub = live_hub.hub()
    stuck, sent = asyncio.Event(), []
    fast: list[dict[str, Any]] = []

    async def send_slowly(text: str) -> None:
        sent.append(json.loads(text))
        await stuck.wait()

    async def send_fast(text: str) -> None:
        fast.append(json.loads(text))

    clients = [live_client.Client(hub, Rights(None, None), send) for send in (send_slowly, send_fast)]
    writers = [asyncio.create_task(client.write()) for client in clients]
    producer = live_hub.Producer("count", Counter(visible=None))
    for client in clients:
        subscription = live_client.Subscription(client, "count", {})
        client._subscriptions["count"] = subscription
        subscription.producer = producer
        producer.join(subscription, None)
    for number in range(200):
        producer._take({"n": number})
        await asyncio.sleep(0)
        assert len(clients[0]._queue) <= live_client.QUEUE
    async with asyncio.timeout(WAIT_S):
        while len(fast) < 200:
            await asyncio.sleep(0)
    assert [message["seq"] for message in fast] == list(range(fast[0]["seq"], fast[0]["seq"] + 200))

    assert len(sent) == 1
    stuck.set()
    async with asyncio.timeout(WAIT_S):
        while sent[-1]["kind"] != "state" or len(sent) < 3:
            await asyncio.sleep(0)
    assert [message["kind"] for message in sent][-2:] == ["skipped", "state"]
    assert sent[-1]["data"] == {"n": 199}
    producer._take({"n": 200})
    async with asyncio.timeout(WAIT_S):
        while sent[-1]["kind"] != "diff":
            await asyncio.sleep(0)
    assert sent[-1]["seq"] == sent[-2]["seq"] + 1
    for writer in writers:
        writer.cancel()
