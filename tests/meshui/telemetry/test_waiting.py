"""What waits to be written holds up nothing else."""

from __future__ import annotations

import asyncio
import threading

import pytest
from channels.db import database_sync_to_async

from meshui.telemetry.waiting import Waiting


class Slow(Waiting[int]):
    def __init__(self) -> None:
        super().__init__("numbers", most=100, batch=10)
        self.begun, self.ended = threading.Event(), threading.Event()

    def keep(self, items: list[int]) -> None:
        self.begun.set()
        assert self.ended.wait(20)


@pytest.mark.django_db(transaction=True)
async def test_other_calls_go_on_while_a_batch_is_written(servers: object) -> None:
    waiting = Slow()
    waiting.add(1)
    writing = asyncio.create_task(waiting.write())
    try:
        assert await asyncio.to_thread(waiting.begun.wait, 20)
        async with asyncio.timeout(10):
            assert await database_sync_to_async(lambda: "read")() == "read"
        assert not writing.done()
    finally:
        waiting.ended.set()
        await writing
