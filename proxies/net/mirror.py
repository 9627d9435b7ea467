"""Copies of requests to another version, whose answers nobody waits for.

Bounded in number, in size and in time: what is beyond is not copied, and counted as overflow. A copy is sent once the
request is whole, so that a slow client holds no connection of the mirror. Its failures are nobody's but the counters'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.core.head import RequestHead
from proxies.net.call import Call
from proxies.net.wheel import Wheel

if TYPE_CHECKING:
    from proxies.net.members import Group
    from proxies.net.metrics import Row
    from proxies.net.upstream import Endpoint

MAX_COPIES = 100
"""Copies of one route under way at a time."""
MAX_BODY = 64 * 1024
"""Of a longer body no copy is made."""


class Mirror:
    """One route's copies: where they go and where they are counted."""

    __slots__ = ("_group", "_plain_row", "_secured_row", "deadline_s", "under_way", "wheel")

    def __init__(self, wheel: Wheel, group: Group, plain_row: Row, secured_row: Row, deadline_s: float) -> None:
        self.wheel = wheel
        self.deadline_s = deadline_s
        self.under_way = 0
        self._group = group
        self._plain_row = plain_row
        self._secured_row = secured_row

    def copy(self, head: RequestHead) -> Copy:
        """The copy of a request whose head is ready to be forwarded, marked as one by its host."""
        lines = [b"host: " + _marked(line) if line[:5].lower() == b"host:" else line for line in head.lines]
        return Copy(self, head.method, b"\r\n".join(lines))

    def start(self, copy: Copy, size: int) -> Endpoint | None:
        """An endpoint for a copy, or None: it is not sent."""
        if self.under_way >= MAX_COPIES or size > MAX_BODY:
            self._plain_row.count(0, flags.UPSTREAM_OVERFLOW, 0, 0, 0)
            return None
        endpoint = self._group.choose()
        if endpoint is None:
            self._plain_row.count(503, flags.NO_HEALTHY_UPSTREAM, 0, 0, 0)
            return None
        self.under_way += 1
        return endpoint

    def row(self, endpoint: Endpoint) -> Row:
        return self._secured_row if endpoint.secured else self._plain_row


class Copy(Call):
    """``feed`` it the body as it is forwarded, then ``send`` it. Dropped unsent, it leaves no trace."""

    __slots__ = ("_mirror", "_parts", "_received", "_size")

    def __init__(self, mirror: Mirror, method: bytes, head: bytes) -> None:
        super().__init__(mirror.wheel, method)
        self._mirror = mirror
        self._parts = [head]
        self._size = 0
        self._received = 0

    def feed(self, payload: bytes) -> None:
        self._size += len(payload)
        if self._size <= MAX_BODY:
            self._parts.append(payload)
        else:
            self._parts.clear()

    def send(self) -> None:
        """The request is whole."""
        endpoint = self._mirror.start(self, self._size)
        if endpoint is not None:
            self.start(endpoint, b"".join(self._parts), self._mirror.deadline_s)

    def received(self, payload: bytes) -> None:
        self._received += len(payload)

    def ended(self, status: int, why: str, microseconds: int) -> None:
        self._mirror.under_way -= 1
        self._mirror.row(self._endpoint).count(status, why, self._size, self._received, microseconds)


def _marked(line: bytes) -> bytes:
    host = line[5:].strip(b" \t")
    name, colon, port = host.rpartition(b":")
    if colon and port.isdigit():
        return b"%b-shadow:%b" % (name, port)
    return host + b"-shadow"
