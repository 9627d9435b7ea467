"""The live connection as a browser sees it, through the whole ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client as HttpClient

from meshui.accounts.models import RoleGrant
from meshui.catalog.models import Namespace
from meshui.config.asgi import application
from meshui.live import client as live_client
from meshui.live import hub as live_hub
from meshui.live import socket as live_socket
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import second

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
    return await sync_to_async(function)(*args, **kwargs)


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
