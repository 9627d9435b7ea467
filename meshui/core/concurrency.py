"""Ending background tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.5


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until all have ended; their results and errors stay with them.

    Once is not enough: a call into a thread that returns at that very moment (asgiref), and ``asyncio.wait_for`` before
    Python 3.12, swallow a cancellation, and whoever waited for the task would wait without end.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
