"""What the protocols of both sides share: the transport they speak to, and tasks that are kept until they end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, cast

_tasks: set[asyncio.Task[Any]] = set()


class Transport(Protocol):
    """The part of asyncio's transport that is used here; plain TCP and ``proxies.net.tls`` provide it."""

    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    def can_write_eof(self) -> bool: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class Receiver(Protocol):
    """What a transport calls. Connections have asyncio's methods and not its base class: a class with a Python base
    cannot be compiled to a native one."""

    def connection_made(self, transport: Any) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def connection_lost(self, error: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


def as_protocol(receiver: Receiver) -> asyncio.Protocol:
    """The receiver as the event loop's functions declare it; they ask for its methods only."""
    return cast(asyncio.Protocol, receiver)


def pause(transport: Transport) -> None:
    if not transport.is_closing():
        transport.pause_reading()


def resume(transport: Transport) -> None:
    if not transport.is_closing():
        transport.resume_reading()


def spawn(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run a coroutine beside the caller. The event loop keeps only weak references to tasks; this keeps strong ones."""
    task = asyncio.get_running_loop().create_task(coroutine)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task
