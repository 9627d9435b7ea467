"""Two hundred dashboards on one graph, some of which stop reading: nobody else notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from meshui.config.asgi import application
from meshui.live import client as live_client
from meshui.telemetry.window import Window
from tests.meshui.live.test_socket import WAIT_S, in_thread, login, stop_hub
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import second

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["stop_hub"]

PAGES, EACH_STUCK = 200, 10
FRAMES = live_client.QUEUE + 8
"""More than wait for one client."""


class Page:
    """A dashboard that follows the graph. While it is ``stuck``, what is sent to it does not leave."""

    def __init__(self, cookie: str) -> None:
        headers = {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000", "cookie": cookie}
        self._scope = {
            "type": "websocket",
            "path": "/ws/live/",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reads = asyncio.Event()
        self._reads.set()
        self._changed = asyncio.Condition()
        self.got: list[dict[str, Any]] = []
        self.task = asyncio.create_task(application(self._scope, self._said.get, self._send))

    async def _send(self, event: MutableMapping[str, Any]) -> None:
        await self._reads.wait()
        async with self._changed:
            if event["type"] == "websocket.send":
                self.got.append(json.loads(event["text"]))
            self._changed.notify_all()

    async def open(self) -> None:
        await self._said.put({"type": "websocket.connect"})
        text = json.dumps({"subscribe": "graph", "params": {"window": "60s"}})
        await self._said.put({"type": "websocket.receive", "text": text})
        await self.until_at(1000.0)

    async def until_at(self, at: float) -> None:
        """Wait until it shows the frame that ended then."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: bool(self.got) and self.got[-1]["data"].get("as_of_unix") == at)

    def stop_reading(self) -> None:
        self._reads.clear()

    def read_again(self) -> None:
        self._reads.set()

    async def close(self) -> None:
        self.read_again()
        await self._said.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait([self.task], timeout=WAIT_S)


async def test_who_stops_reading_delays_nobody_and_catches_up(frames: Window, valkey: object) -> None:
    await in_thread(register)
    _, cookie = await in_thread(login)
    await in_thread(second, frames, 1000.0, shop_frontend=[call("shop/catalog", codes={200: 1})])
    pages = [Page(cookie) for _ in range(PAGES)]
    try:
        for page in pages:
            await page.open()
        stuck, reading = pages[::EACH_STUCK], [page for place, page in enumerate(pages) if place % EACH_STUCK]
        for page in stuck:
            page.stop_reading()
        for number in range(1, FRAMES + 1):
            at = 1000.0 + number
            await in_thread(second, frames, at, shop_frontend=[call("shop/catalog", codes={200: number})])
            await asyncio.gather(*(page.until_at(at) for page in reading))
        for page in reading:
            seqs = [message["seq"] for message in page.got]
            assert seqs == list(range(seqs[0], seqs[0] + FRAMES + 1)), "every frame, none twice"
        assert {len(page.got) for page in stuck} == {1}
        for page in stuck:
            page.read_again()
            await page.until_at(1000.0 + FRAMES)
            assert [message["kind"] for message in page.got[-2:]] == ["skipped", "state"]
            assert len(page.got) < live_client.QUEUE
    finally:
        await asyncio.gather(*(page.close() for page in pages))
