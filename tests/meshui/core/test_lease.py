"""One of several does the work, and another one when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from meshui.core import lease
from meshui.core.lease import while_leased

pytestmark = pytest.mark.django_db(transaction=True)

LOCK = 4711
HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_S", 0.05)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def end_holder() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) FROM ({HOLDERS}) AS holder", [LOCK])


async def test_one_works_and_the_next_takes_over() -> None:
    working: set[int] = set()
    most = 0

    def work_of(number: int) -> asyncio.Task[None]:
        async def work() -> None:
            nonlocal most
            working.add(number)
            most = max(most, len(working))
            try:
                await asyncio.Event().wait()
            finally:
                working.discard(number)

        return asyncio.create_task(while_leased(LOCK, work))

    tasks = {number: work_of(number) for number in range(3)}
    for left in (3, 2, 1):
        await until(lambda: len(working) == 1)
        (number,) = working
        assert len(tasks) == left
        tasks[number].cancel()
        await asyncio.wait({tasks.pop(number)})
    assert (working, most) == (set(), 1)


async def test_a_lost_session_ends_the_work_and_it_begins_again() -> None:
    begun, ended = 0, 0

    async def work() -> None:
        nonlocal begun, ended
        begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1

    task = asyncio.create_task(while_leased(LOCK, work))
    await until(lambda: begun == 1)
    await sync_to_async(end_holder)()
    await until(lambda: (begun, ended) == (2, 1))
    task.cancel()
    await asyncio.wait({task})
    assert ended == 2


async def test_an_error_of_the_work_is_raised() -> None:
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await while_leased(LOCK, work)
