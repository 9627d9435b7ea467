"""One worker as its parent has it: the process, and the parent's end of the pair of sockets."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import Process
from contextlib import suppress
from time import monotonic

import msgspec

from proxies.workers.messages import LENGTH, Done, Order, Ready, Told, pack, read_answer

ANSWER_S = 10.0
"""A worker that does not answer for this long is taken for dead."""


class Lost(Exception):
    """The worker does not answer, or not what was asked; the message says how."""


class Child:
    """``started`` is the time of ``monotonic``."""

    def __init__(self, process: Process, pair: socket.socket) -> None:
        self._process = process
        self._socket = pair
        self._socket.settimeout(ANSWER_S)
        self.started = monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it takes orders. Raises Lost."""
        first = await asyncio.to_thread(self._read)
        if not isinstance(first, Ready):
            raise Lost("it did not start as a worker does")

    async def ended(self) -> int:
        """Wait until the process is over; its status."""
        return await self._process.wait()

    def send(self, order: Order) -> None:
        """Give an order; unless it is to end, ``answer`` is to be called. Raises Lost."""
        try:
            self._socket.sendall(pack(order))
        except OSError as error:
            raise Lost(str(error)) from error

    def answer(self) -> Done | Told:
        """Its answer to the oldest order not yet answered. Waits for it. Raises Lost."""
        answer = self._read()
        if isinstance(answer, Ready):
            raise Lost("it started twice")
        return answer

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> Ready | Done | Told:
        try:
            length = int.from_bytes(self._receive(LENGTH), "big")
            return read_answer(self._receive(length))
        except (OSError, msgspec.DecodeError) as error:
            raise Lost(str(error) or type(error).__name__) from error

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._socket.recv(min(size - len(data), 1 << 20))
            if not piece:
                raise Lost("it ended")
            data += piece
        return bytes(data)
