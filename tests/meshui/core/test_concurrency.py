from __future__ import annotations

import asyncio

from meshui.core.concurrency import end


async def test_a_task_that_swallows_a_cancellation_ends_too() -> None:
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 2:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await end([task])
    assert task.cancelled()


async def test_nothing_to_end_is_no_error() -> None:
    await end([])
