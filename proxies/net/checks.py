"""Active health checks: asking an endpoint again and again whether it is well, over a connection of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import random

from proxies.core.head import ResponseHead
from proxies.core.health import next_check_s
from proxies.net.connection import UpstreamConnection
from proxies.net.flow import spawn
from proxies.net.upstream import Endpoint
from proxies.net.wheel import Timer, Wheel
from proxies.wire.resilience import HealthCheck

FIRST_WITHIN_S = 1.0


class Check(Timer):
    """Repeats one endpoint's check until it is stopped; ``tell`` hears of each outcome."""

    def __init__(
        self, wheel: Wheel, endpoint: Endpoint, spec: HealthCheck, host: str, tell: Callable[[bool], None]
    ) -> None:
        super().__init__()
        self.spec = spec
        self._wheel = wheel
        self._endpoint = endpoint
        self._host = host
        self._tell = tell
        self._stopped = False
        wheel.arm(self, wheel.now + min(FIRST_WITHIN_S, spec.interval_ms / 1000) * random())  # noqa: S311

    def stop(self) -> None:
        self._stopped = True
        self._wheel.disarm(self)

    def expire(self) -> None:
        spawn(self._run())

    async def _run(self) -> None:
        passed = await self._passes()
        if not self._stopped:
            chance = random()  # noqa: S311
            pause = next_check_s(self.spec.interval_ms / 1000, self.spec.jitter_percent, chance)
            self._wheel.arm(self, self._wheel.now + pause)
            self._tell(passed)

    async def _passes(self) -> bool:
        try:
            async with asyncio.timeout(self.spec.timeout_ms / 1000):
                connection = await self._endpoint.connect()
                try:
                    return self.spec.kind == "tcp" or await _Question(connection, self.spec.path, self._host).answer
                finally:
                    self._endpoint.drop(connection)
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError
            return False


class _Question:
    """One GET; ``answer`` is whether a response of 2xx came."""

    method = b"GET"
    upgrade = b""

    def __init__(self, connection: UpstreamConnection, path: str, host: str) -> None:
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: meshui-health-check\r\nconnection: close\r\n\r\n"
        connection.start(self, head.encode())

    def response_interim(self, head: ResponseHead) -> None:
        pass

    def response_head(self, head: ResponseHead, rest: bytes) -> None:
        self._settle(200 <= head.status < 300)

    def response_malformed(self) -> None:
        self._settle(False)

    def response_data(self, data: bytes) -> None:
        pass

    def upstream_eof(self) -> bool:
        return False

    def upstream_lost(self, connection: UpstreamConnection, *, clean: bool) -> None:
        self._settle(False)

    def hold_request(self) -> None:
        pass

    def release_request(self) -> None:
        pass

    def _settle(self, answer: bool) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)
