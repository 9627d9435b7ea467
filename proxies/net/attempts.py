"""The way from an exchange to an endpoint: one try after the other, until one brings a response.

Owns the connection or the dial of the try under way, the request as long as it may be sent again, and what is told
to the endpoint's owner. What the client sees is ``proxies.net.exchange``'s business.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.core.framing import BodyReader
from proxies.core.head import RequestHead, ResponseHead
from proxies.core.retry import MAX_REPLAY, Failure
from proxies.net.flow import pause, resume
from proxies.net.tries import Tries
from proxies.net.wheel import NEVER

if TYPE_CHECKING:
    from proxies.core.breaker import Load
    from proxies.net.connection import UpstreamConnection
    from proxies.net.lane import Lane
    from proxies.net.metrics import Row
    from proxies.net.server import ServerConnection
    from proxies.net.upstream import Dial, Endpoint


class Attempts:
    """The endpoint's half of an exchange."""

    __slots__ = (
        "_code",
        "_dial",
        "_endpoint",
        "_head",
        "_kept",
        "_kept_size",
        "_lane",
        "_load",
        "_request",
        "_row",
        "_started",
        "_touched",
        "_tries",
        "_upstream",
        "client",
        "method",
        "upgrade",
    )

    def __init__(self, client: ServerConnection, head: RequestHead) -> None:
        self.client = client
        self.method = head.method
        self.upgrade = head.upgrade
        self._head = head
        self._lane: Lane
        self._row: Row
        self._load: Load | None = None
        self._started = self._touched = monotonic()
        self._request: BodyReader | None = None  # what is still to come of the request's body
        self._code = 0  # of the response that the client gets
        self._endpoint: Endpoint | None = None
        self._upstream: UpstreamConnection | None = None
        self._dial: Dial | None = None
        self._tries: Tries | None = None  # from the first failure on
        self._kept: list[bytes] | None = None  # the request so far, as long as it may be sent again
        self._kept_size = 0  # of its body

    def fail(self, status: int, why: str) -> None:
        """There is no further try: tell the client."""
        raise NotImplementedError

    # --- sending

    def _upstream_write(self, data: bytes) -> None:
        upstream = self._upstream
        if self._kept is not None:
            self._kept.append(data)
            self._kept_size += len(data)
            if self._kept_size > MAX_REPLAY:
                if upstream is None:
                    self.client.hold()
                else:
                    self._kept = None
        if upstream is not None:
            upstream.transport.write(data)

    # --- one try

    def _connect(self, endpoint: Endpoint) -> None:
        self._dial = endpoint.dial(self)
        if self._dial is None:
            load = endpoint.load
            self._head.rule = "breaker:pending" if load.pending >= load.max_pending else "breaker:connections"
            self.fail(503, flags.UPSTREAM_OVERFLOW)

    def upstream_ready(self, connection: UpstreamConnection) -> bool:
        self._dial = None
        self._resend(connection)
        return True

    def _resend(self, upstream: UpstreamConnection) -> None:
        assert self._kept is not None
        self._send(upstream, b"".join(self._kept))
        self.client.release()

    def _send(self, upstream: UpstreamConnection, message: bytes) -> None:
        self._upstream = upstream
        upstream.start(self, message)  # type: ignore[arg-type]  # the whole exchange is the Caller
        if self._kept_size > MAX_REPLAY:
            self._kept = None
        if self.client.write_paused:
            pause(upstream.transport)

    def upstream_failed(self, failure: Failure) -> None:
        self._dial = None
        self._try_failed(failure, 503, flags.UPSTREAM_CONNECT_FAILURE)

    def _try_failed(self, failure: Failure, status: int, why: str) -> None:
        """No response came of a try: there is another, or the client is told."""
        if failure != "reset-before-request":
            self._judge(status)
        if self._granted(failure):
            self._retry(failure)
        else:
            self.fail(status, why)

    def _granted(self, failure: Failure) -> bool:
        if self._kept is None:
            return False
        if self._tries is None:
            self._tries = Tries(self._lane, self._started)
        return self._tries.grant(failure, idempotent=self._head.idempotent)

    def _retry(self, failure: Failure) -> None:
        """Leave the endpoint that failed, and ask another one after the back-off."""
        endpoint, tries = self._endpoint, self._tries
        assert endpoint is not None
        assert tries is not None
        self._row.retried()
        self._drop_try()
        endpoint.active -= 1
        self._endpoint = None
        tries.leave(endpoint, failure)
        if failure == "reset-before-request":  # on a fresh connection: another kept one could fail the same way
            self._try_again(fresh=True)
        else:
            tries.wait(self._try_again)

    def _try_again(self, *, fresh: bool = False) -> None:
        tries = self._tries
        assert tries is not None
        endpoint = self._endpoint = tries.next()
        endpoint.active += 1
        self._row = self._lane.secured_row if endpoint.secured else self._lane.plain_row
        tries.since = monotonic()
        self._arm()
        upstream = None if fresh else endpoint.take()
        if upstream is None:
            self._connect(endpoint)
        else:
            self._resend(upstream)

    def _drop_try(self) -> None:
        """Give up on the try under way."""
        if self._upstream is not None:
            self._upstream.endpoint.drop(self._upstream)
            self._upstream = None
        elif self._dial is not None:
            self._dial.abandon()
            self._dial = None

    def _judge(self, status: int) -> None:
        """Tell the endpoint's owner how the try ended: with this status, or as if with it."""
        endpoint = self._endpoint
        if endpoint is not None and endpoint.owner is not None:
            since = self._started if self._tries is None else self._tries.since
            endpoint.owner.judge(status, monotonic() - since)

    def _leave(self, head: ResponseHead, rest: bytes) -> None:
        """Part with a response that nobody will see; its connection lives on where that was all of it."""
        upstream, self._upstream = self._upstream, None
        assert upstream is not None
        upstream.keep = upstream.keep and not head.close
        self._part(upstream.endpoint, upstream, whole=head.body == len(rest))

    def _arm(self) -> None:
        client, lane = self.client, self._lane
        deadline = min(self._touched + lane.idle_s, self._started + lane.request_s, self._try_deadline())
        client.wheel.arm(client, deadline)

    def _try_deadline(self) -> float:
        """When the try under way must have its response."""
        if self._code or self._endpoint is None:
            return NEVER
        return (self._started if self._tries is None else self._tries.since) + self._lane.try_s

    def _part(self, endpoint: Endpoint, upstream: UpstreamConnection, *, whole: bool) -> None:
        if whole and upstream.keep and self._request is None:
            if self.client.write_paused:
                resume(upstream.transport)
            endpoint.give_back(upstream)
        else:
            upstream.caller = None
            if whole and self._request is None:
                upstream.transport.close()
            else:
                upstream.transport.abort()
