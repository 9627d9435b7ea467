"""The services of a node proxy, each started, served and drained by itself: what happens to one touches no other."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Mapping

from proxies.agent.agent import joined
from proxies.agent.counts import RedisCounts
from proxies.agent.dns import serve_dns
from proxies.agent.identity import JoinError
from proxies.net.admin import Page, Pages, as_json, pages_of, readiness, serve_admin
from proxies.net.engine import Engine
from proxies.net.lines import Lines, lines_to
from proxies.node.services import NodeOptions, ServiceOptions
from proxies.wire.resources import ResourceError

log = logging.getLogger("meshui.proxy")


class _Service:
    """One service, from its start to the end of its drain. ``after`` is what ends first: its former self, which has
    its ports and its state."""

    def __init__(
        self, options: ServiceOptions, log_lines: Lines | None, after: asyncio.Task[None] | None = None
    ) -> None:
        self.options = options
        self._log_lines = log_lines
        self.engine: Engine | None = None
        self.trouble = ""
        """Why it could not become part of the mesh; empty where it is, or may yet be."""
        self._pages: Pages = lambda path: None
        self._told = asyncio.Event()
        self.over = asyncio.get_running_loop().create_task(self._run(after))

    def drain(self) -> None:
        """Accept no more, finish what runs, and end."""
        self._told.set()

    def missing(self) -> str:
        """Empty when it can serve."""
        if self._told.is_set():
            return "draining"
        return self.trouble or (self.engine.ready() if self.engine is not None else "not started yet")

    def page(self, path: bytes) -> Page | None:
        return readiness(self.missing()) if path == b"/ready" else self._pages(path)

    async def _run(self, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await asyncio.wait([after])
        counts = RedisCounts()
        engine = self.engine = Engine(counts, log_lines=self._log_lines)
        engine.start()
        try:
            async with joined(self.options, engine, lambda _, connection: counts.use(connection)) as agent:
                self._pages = pages_of(engine, agent.metrics)
                names = await serve_dns(engine, *self.options.dns) if self.options.dns is not None else None
                await self._told.wait()
                log.info("%s: draining for at most %g s", self.options.name, engine.drain_s)
                await engine.drain()
                if names is not None:
                    names.close()
        except (JoinError, OSError) as error:  # StateError is an OSError
            self.trouble = str(error)
            log.error("%s: %s", self.options.name, error)
        except Exception as error:  # a fault of ours; the other services go on
            self.trouble = f"{type(error).__name__}: {error}"
            log.exception("%s failed", self.options.name)
        finally:
            engine.stop()


class Node:
    """Make it inside a running loop, and ``serve``."""

    def __init__(self, options: NodeOptions) -> None:
        """Raises OSError where the access log cannot be written."""
        self._options = options
        self._log_lines = lines_to(options.access_log)
        self._services: dict[str, _Service] = {}
        self._leaving: dict[str, _Service] = {}
        """Those that the file names no more, or otherwise, as long as they drain."""
        self._told = asyncio.Event()

    async def serve(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain all; a second signal ends at once. SIGHUP reads the file again.
        Raises ResourceError for a file that is wrong from the start, OSError where the admin port is taken."""
        wanted = self._options.services()
        pages = await serve_admin(self.page, *self._options.admin) if self._options.admin is not None else None
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told.set)
        self._put(wanted)
        await self._told.wait()
        every = [*self._services.values(), *self._leaving.values()]
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, every)
        for service in every:
            service.drain()
        await asyncio.wait([service.over for service in every])
        if pages is not None:
            pages.close()

    def reload(self) -> None:
        """Bring what is served in line with the file. A file that is refused changes nothing, and the log says why."""
        try:
            wanted = self._options.services()
        except ResourceError as error:
            log.error("reload refused, the former services stay: %s", error)
        else:
            self._put(wanted)

    def page(self, path: bytes) -> Page | None:
        """``/ready`` and ``/services`` of all; ``/ready/NAME``, ``/metrics/NAME`` and ``/config/NAME`` of one."""
        what, _, name = path.removeprefix(b"/").partition(b"/")
        if name:
            service = self._services.get(name.decode("latin-1"))
            return service.page(b"/" + what) if service is not None else None
        missing = {name: service.missing() for name, service in sorted(self._services.items())}
        if what == b"ready":
            return readiness("\n".join(f"{name}: {why}" for name, why in missing.items() if why))
        if what == b"services":
            found = self._services
            return as_json({n: {"service": found[n].options.service, "missing": why} for n, why in missing.items()})
        return None

    def _put(self, wanted: Mapping[str, ServiceOptions]) -> None:
        """Serve these and no others. Who stays as it is goes on; who has failed is tried again."""
        stay = {
            name: service
            for name, service in self._services.items()
            if wanted.get(name) == service.options and not service.over.done()
        }
        for name in self._services.keys() - stay.keys():
            self._services[name].drain()
            self._leaving[name] = self._services[name]
        for name in [name for name, service in self._leaving.items() if service.over.done()]:
            del self._leaving[name]
        self._services = stay
        for name in wanted.keys() - stay.keys():
            former = self._leaving.get(name)
            after = former.over if former is not None else None
            self._services[name] = _Service(wanted[name], self._log_lines, after)


def _stop(services: list[_Service]) -> None:
    for service in services:
        if service.engine is not None:
            service.engine.stop()
