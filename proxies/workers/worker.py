"""A worker: an engine that does what its parent says, and ends with it.

``python -m proxies.workers.worker FD COUNT MODE ACCESS_LOG LEVEL``: the inherited socket to the parent, how many
workers there are, whether there are ``shared-counts`` or it is ``alone``, where the access log goes, and what to log.
Signals are the parent's to take: one that stops the service reaches workers as an order to drain.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys

import uvloop

from proxies.agent.counts import RedisCounts
from proxies.agent.link import Link as RedisLink
from proxies.agent.resp import Login
from proxies.net.engine import Engine
from proxies.net.flow import spawn
from proxies.net.lines import Lines, lines_to
from proxies.wire.resources import ResourceError, decode
from proxies.wire.taps import read_order as read_tap
from proxies.workers.messages import (
    Answer,
    Apply,
    Done,
    Drain,
    End,
    Framer,
    Identify,
    Link,
    Order,
    Ready,
    Remove,
    Tap,
    Tell,
    Told,
    pack,
    read_order,
)

log = logging.getLogger("meshui.proxy")


class Worker(asyncio.Protocol):
    """The worker's end of the pair. ``over`` is set when it is to end; ``alone`` says that nobody told it so."""

    def __init__(self, count: int, mode: str, log_lines: Lines | None) -> None:
        self._counts = RedisCounts()
        self.engine = Engine(self._counts if mode == "shared-counts" else None, count, log_lines)
        self.over = asyncio.Event()
        self.alone = False
        self._framer = Framer()
        self._linked = False
        self._draining: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self.engine.start()
        transport.write(pack(Ready()))

    def connection_lost(self, error: Exception | None) -> None:
        self.alone = True
        self.over.set()

    def data_received(self, data: bytes) -> None:
        for message in self._framer.feed(data):
            answer = self._obey(read_order(message))
            if answer is not None:
                self._transport.write(pack(answer))

    def _obey(self, order: Order) -> Answer | None:
        if isinstance(order, Tell):
            return self._tell()
        if isinstance(order, End):
            self.over.set()
            return None
        try:
            self._change(order)
        except ResourceError as error:
            return Done(str(error) or "refused")
        except Exception as error:  # a fault of the engine: the parent must hear of it, and what follows be done
            log.exception("the engine failed")
            return Done(f"{type(error).__name__}: {error}")
        return Done()

    def _change(self, order: Apply | Remove | Identify | Link | Tap | Drain) -> None:
        match order:
            case Drain():
                self._draining = spawn(self.engine.drain())
            case Apply(data):
                self.engine.apply(decode(data))
            case Remove(key):
                self.engine.remove(key)
            case Tap(tap):
                self.engine.tap(read_tap(tap))
            case Identify(chain, key, bundle):
                self.engine.set_identity(chain, key, bundle)
            case Link(url, username, password, ca_file) if not self._linked:
                self._linked = True
                link = RedisLink(Login(url, username, password, ca_file))
                self._counts.use(lambda: link.connection)
                spawn(link.run())

    def _tell(self) -> Told:
        engine = self.engine
        spans, dropped_spans = engine.spans()
        logs, dropped_logs = engine.logs()
        taps, tap_uses = engine.taps()
        microseconds = [row.since.microseconds for row in engine.metrics.rows() if row.since is not None]
        return Told(
            edges=engine.collect(),
            microseconds=microseconds,
            limits=engine.limit_uses(),
            policies=engine.policy_uses(),
            tokens=engine.decisions.collect_tokens(),
            samples=engine.samples(),
            spans=spans,
            dropped_spans=dropped_spans,
            gauges=engine.gauges(),
            logs=logs,
            dropped_logs=dropped_logs,
            taps=taps,
            tap_uses=tap_uses,
            dropped_lines=engine.dropped_lines(),
            overflows=engine.overflows(),
            handshakes=engine.handshakes(),
            addresses=engine.addresses(),
            missing=engine.ready(),
            drained=self._draining is not None and self._draining.done(),
        )


async def serve(parent: socket.socket, count: int, mode: str, log_lines: Lines | None) -> None:
    """Work until the parent says that it is over, or is gone: then finish what runs first."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: None)
    _, worker = await loop.create_connection(lambda: Worker(count, mode, log_lines), sock=parent)
    await worker.over.wait()
    if worker.alone:
        await worker.engine.drain()
    else:
        worker.engine.stop()


def main() -> None:
    """Run as a process."""
    fd, count, mode, access_log, level = sys.argv[1:]
    logging.basicConfig(level=level, format=f"%(asctime)s %(levelname)s [worker {fd}] %(message)s", stream=sys.stderr)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    uvloop.run(serve(socket.socket(fileno=int(fd)), int(count), mode, lines_to(access_log)))


if __name__ == "__main__":
    main()
