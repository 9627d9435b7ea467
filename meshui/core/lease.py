"""Work that one process of several does at a time: whoever holds an advisory lock of the database.

The lock belongs to a session of its own. It ends with the process, with the session, and with a process that hangs for
``STALLED_S``; another one then takes over. Two may overlap for a moment, so the work must bear to be done twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, LiteralString

import psycopg
from django.db import connection

log = logging.getLogger(__name__)

BEAT_S = 1.0
"""How often the holder shows that it lives, and others ask."""
STALLED_S = 10


async def while_leased(lock: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``work`` whenever the lock is ours, and cancel it when the lock is lost; until cancelled. An error of the
    work is raised."""
    complained = False
    while True:
        try:
            async with await _session() as session:
                await _wait_for(session, lock)
                complained = False
                await _work(session, work)
        except (psycopg.Error, OSError, TimeoutError) as error:
            if not complained:
                log.warning("a lease waits: %s", error)
            complained = True
        await asyncio.sleep(BEAT_S)


async def _wait_for(session: psycopg.AsyncConnection, lock: int) -> None:
    while not await _ask(session, "SELECT pg_try_advisory_lock(%s)", lock):  # noqa: ASYNC110 - the server has no event
        await asyncio.sleep(BEAT_S)


async def _work(session: psycopg.AsyncConnection, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    task = asyncio.create_task(work())
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=BEAT_S)
            await _ask(session, "SELECT true")
    finally:
        task.cancel()
        await asyncio.wait({task})
    task.result()


async def _session() -> psycopg.AsyncConnection:
    given = connection.settings_dict
    options = {name: value for name, value in given["OPTIONS"].items() if name != "pool"}
    session = await psycopg.AsyncConnection.connect(
        dbname=given["NAME"],
        user=given["USER"] or None,
        password=given["PASSWORD"] or None,
        host=given["HOST"] or None,
        port=given["PORT"] or None,
        connect_timeout=STALLED_S,
        autocommit=True,
        **options,
    )
    await session.execute("SELECT set_config('idle_session_timeout', %s, false)", [str(STALLED_S * 1000)])
    return session


async def _ask(session: psycopg.AsyncConnection, query: LiteralString, *parameters: object) -> bool:
    async with asyncio.timeout(STALLED_S):
        row = await (await session.execute(query, parameters)).fetchone()
    return bool(row and row[0])
