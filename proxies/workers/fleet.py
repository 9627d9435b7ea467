"""The parent's side: an engine that is several workers.

What is applied is applied by all of them or by none, before ``apply`` returns: so an acknowledgement means all. The
parent waits for its workers here, and nobody waits for the parent: no request passes it. A worker that dies is started
again and gets everything that is in force before it accepts a connection; one that hangs is killed first.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic

import msgspec

from proxies.agent.backoff import Backoff
from proxies.agent.resp import Login
from proxies.core.addresses import NOWHERE
from proxies.core.decisions import Decisions
from proxies.core.usage import Uses
from proxies.net.access_log import new_reports
from proxies.net.engine import Applied
from proxies.net.metrics import Metrics
from proxies.net.taps import TapReports
from proxies.net.tracing import new_spans
from proxies.wire.logs import LogRecord
from proxies.wire.reports import EdgeDelta, Gauges, LimitUse, PolicyUse, RequestSample, SpanReport
from proxies.wire.resources import ProxyResource, Resource, ResourceError, TrustResource, encode
from proxies.wire.taps import TapOrder, TapRecord, TapUse, encode_order
from proxies.workers.child import Child, Lost
from proxies.workers.messages import Apply, Done, Drain, End, Identify, Link, Order, Remove, Tap, Tell, Told
from proxies.workers.sums import Counts, counted, merged, summed

log = logging.getLogger("meshui.proxy")

START_S = 30.0
"""How long a worker may take to start."""
LIVED_S = 10.0
"""One that lived this long did not die of its start: the next one starts at once."""
FIRST_DELAY_S = 0.1
LAST_DELAY_S = 10.0
TELL_S = 1.0
LOOK_S = 0.05
GRACE_S = 2.0
"""Beyond the drain's own time, before what is left is killed."""


class Fleet:
    """An engine (``proxies.agent.engine``, and what the admin port shows of one). ``start`` it, then apply."""

    def __init__(self, size: int, *, shared_counts: bool, access_log: str = NOWHERE) -> None:
        """Without ``shared_counts``, which take a ``link``, global limits are refused. ``access_log`` is where it goes
        (``proxies.net.lines``)."""
        self.size = size
        self._mode = "shared-counts" if shared_counts else "alone"
        self._access_log = access_log
        self.restarts = 0
        self.uses = Uses()
        self.decisions = Decisions()
        self._metrics = Metrics()
        self._children: dict[int, Child] = {}
        self._held: dict[str, Resource] = {}
        self._identity: Identify | None = None
        self._link: Link | None = None
        self._told: dict[int, Told] = {}
        self._overflows: Counts = []
        self._handshakes: Counts = []
        self._samples: list[RequestSample] = []
        self._spans = new_spans()
        self._logs = new_reports()
        self._taps = TapReports()
        self._dropped_lines = 0
        self._told_at = 0.0
        self._ending = False
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start all workers; returns when all run. Raises OSError where one cannot be started at all."""
        for number in range(self.size):
            await self._launch(number)
        self._keepers = [asyncio.create_task(self._keep(number)) for number in range(self.size)]
        self._keepers.append(asyncio.create_task(self._listen()))

    # --- what an engine does

    def apply(self, resource: Resource) -> None:
        """Put a resource into force, on every worker. Raises ResourceError with the reason of the first that refuses:
        then the former one stays in force on all."""
        former = self._held.get(resource.key)
        back: Order = Apply(encode(former)) if former is not None else Remove(resource.key)
        stays = former is None and isinstance(resource, ProxyResource | TrustResource)
        self._all_or_none(Apply(encode(resource)), None if stays else back)
        self._held[resource.key] = resource

    def remove(self, key: str) -> None:
        """Take a resource out of force. ``trust`` and ``proxy`` stay, as an engine keeps them."""
        if isinstance(self._held.get(key), ProxyResource | TrustResource):
            return
        self._ask(Remove(key))
        self._held.pop(key, None)

    def set_identity(self, certificate_chain: str, key: str, bundle: list[str]) -> None:
        """Use this certificate for new connections. Raises ResourceError, changing nothing."""
        identity = Identify(certificate_chain, key, bundle)
        self._all_or_none(identity, self._identity)
        self._identity = identity

    def link(self, login: Login) -> None:
        """Have the workers judge global limits by this Redis."""
        self._link = Link(login.url, login.username, login.password, login.ca_file)
        self._ask(self._link)

    def tap(self, order: TapOrder) -> None:
        """Have every worker begin, change, prolong or end a tap. One that starts later hears of it when the order is
        repeated."""
        self._ask(Tap(encode_order(order)))

    def refuse_tap(self, tap: str, error: str) -> None:
        """Tell with the next report that this order was not understood."""
        self._taps.use(tap, error=error)

    def applied(self) -> Mapping[str, Applied]:
        return {key: Applied(r.epoch, r.revision, r.version) for key, r in self._held.items()}

    def resource(self, key: str) -> Resource | None:
        return self._held.get(key)

    # --- what it tells

    @property
    def metrics(self) -> Metrics:
        """The sums of all workers, of those that died too, as of now."""
        self._ask_all_to_tell()
        return self._metrics

    def collect(self) -> list[EdgeDelta]:
        """What every edge counted since the last call."""
        return self.metrics.collect()

    def samples(self) -> list[RequestSample]:
        samples, self._samples = self._samples, []
        return merged(samples)

    def spans(self) -> tuple[list[SpanReport], int]:
        """The spans that ended since the last call, and how many were dropped."""
        return self._spans.collect()

    def logs(self) -> tuple[list[LogRecord], int]:
        """The records of the access log since the last call, where they are wanted, and how many were dropped."""
        return self._logs.collect()

    def taps(self) -> tuple[list[TapRecord], list[TapUse]]:
        """What was copied for taps since the last call, and how much each did."""
        return self._taps.collect()

    def dropped_lines(self) -> int:
        """The lines of the access log that could not be written since the start."""
        return self._dropped_lines + sum(told.dropped_lines for told in self._told.values())

    def limit_uses(self) -> list[LimitUse]:
        return self.uses.collect()

    def policy_uses(self) -> list[PolicyUse]:
        return self.decisions.collect()

    def gauges(self) -> Gauges:
        return summed([told.gauges for told in self._told.values()])

    def overflows(self) -> Counts:
        return counted([self._overflows, *(told.overflows for told in self._told.values())])

    def handshakes(self) -> Counts:
        return counted([self._handshakes, *(told.handshakes for told in self._told.values())])

    def ready(self) -> str:
        """Empty when every worker can serve, else what is missing."""
        if self._ending:
            return "draining"
        if len(self._children) < self.size:
            return f"{len(self._children)} of {self.size} workers run"
        self._ask_all_to_tell()
        return next((told.missing for told in self._told.values() if told.missing), "")

    def addresses(self) -> list[tuple[str, str, int]]:
        return next(iter(told.addresses for told in self._told.values()), [])

    def more_metrics(self) -> str:
        """What is told of the workers themselves, as Prometheus text."""
        return (
            "# HELP mesh_workers Worker processes that run.\n# TYPE mesh_workers gauge\n"
            f"mesh_workers {len(self._children)}\n"
            "# HELP mesh_worker_restarts_total Worker processes started again.\n"
            f"# TYPE mesh_worker_restarts_total counter\nmesh_worker_restarts_total {self.restarts}\n"
        )

    # --- life

    @property
    def drain_s(self) -> float:
        found = [r.body.drain_ms for r in self._held.values() if isinstance(r, ProxyResource)]
        return (found[0] if found else 0) / 1000

    async def drain(self) -> None:
        """Have every worker stop accepting and finish within the proxy's ``drain_ms``, then end. Meanwhile they take
        what is applied."""
        self._ending = True
        self._ask(Drain())
        deadline = monotonic() + self.drain_s + GRACE_S
        while not self._drained() and monotonic() < deadline:  # noqa: ASYNC110 - once in a life
            await asyncio.sleep(LOOK_S)
        for child in self._children.values():
            with suppress(Lost):
                child.send(End())
        ends = [asyncio.create_task(child.ended()) for child in self._children.values()]
        if ends:
            await asyncio.wait(ends, timeout=GRACE_S)
        self.stop()
        await asyncio.gather(*self._keepers, *ends, return_exceptions=True)

    def _drained(self) -> bool:
        self._ask_all_to_tell()
        return all(told.drained for number, told in self._told.items() if number in self._children)

    def stop(self) -> None:
        """End every worker at once."""
        self._ending = True
        for child in self._children.values():
            child.kill()
        for keeper in self._keepers:
            keeper.cancel()

    # --- workers

    async def _keep(self, number: int) -> None:
        """See to it that there is a worker with this number."""
        backoff = Backoff(FIRST_DELAY_S, LAST_DELAY_S)
        while True:
            child = self._children[number]
            status = await child.ended()
            self._forget(number)
            if self._ending:
                return
            log.error("worker %d (process %d) ended with status %s", number, child.pid, status)
            if monotonic() - child.started >= LIVED_S:
                backoff.reset()
            while number not in self._children:
                await asyncio.sleep(backoff.delay())
                self.restarts += 1
                try:
                    await self._launch(number)
                except OSError as error:
                    log.error("worker %d cannot be started: %s", number, error)

    async def _launch(self, number: int) -> None:
        """Start a worker and bring it to where the others are. Raises OSError."""
        level = logging.getLevelName(logging.getLogger().getEffectiveLevel())
        mine, its = socket.socketpair()
        with its:
            words = (
                "-m",
                "proxies.workers.worker",
                str(its.fileno()),
                str(self.size),
                self._mode,
                self._access_log,
                level,
            )
            process = await asyncio.create_subprocess_exec(
                sys.executable, *words, pass_fds=(its.fileno(),), stdin=asyncio.subprocess.DEVNULL
            )
        child = Child(process, mine)
        try:
            async with asyncio.timeout(START_S):
                await child.ready()
            self._bring_up(child)
        except (Lost, OSError) as error:  # TimeoutError is an OSError
            child.kill()
            await child.ended()
            raise OSError(str(error) or "it did not start in time") from error
        except BaseException:
            child.kill()
            raise
        self._children[number] = child

    def _bring_up(self, child: Child) -> None:
        """Everything that is in force; the listeners last."""
        orders: list[Order] = [order for order in (self._link, self._identity) if order is not None]
        resources = sorted(self._held.values(), key=lambda resource: isinstance(resource, ProxyResource))
        orders += [Apply(encode(resource)) for resource in resources]
        for order in orders:
            child.send(order)
            answer = child.answer()
            if isinstance(answer, Done) and answer.error:
                log.error("a new worker refused what the others took: %s", answer.error)

    def _forget(self, number: int) -> None:
        """A worker is gone; what it had counted stays."""
        child = self._children.pop(number, None)
        told = self._told.pop(number, None)
        if child is not None:
            child.close()
        if told is not None:
            self._dropped_lines += told.dropped_lines
            self._overflows = counted([self._overflows, told.overflows])
            self._handshakes = counted([self._handshakes, told.handshakes])

    # --- orders

    def _all_or_none(self, order: Order, back: Order | None) -> None:
        """Have all workers obey. Where one refuses, ``back`` undoes it on the others; they are started anew where
        nothing can. Raises ResourceError."""
        answers = self._ask(order)
        errors = [answer.error for answer in answers.values() if isinstance(answer, Done) and answer.error]
        if not errors:
            return
        for child, answer in answers.items():
            if not (isinstance(answer, Done) and answer.error):
                self._undo(child, back)
        raise ResourceError(errors[0])

    def _undo(self, child: Child, back: Order | None) -> None:
        try:
            if back is None:
                child.kill()
            else:
                child.send(back)
                child.answer()
        except Lost as error:
            self._lose(child, error)

    def _ask(self, order: Order) -> dict[Child, Done | Told]:
        """What each worker answers. One that does not is killed: it gets what is in force when it is back."""
        asked: list[Child] = []
        for child in list(self._children.values()):
            try:
                child.send(order)
                asked.append(child)
            except Lost as error:
                self._lose(child, error)
        answers: dict[Child, Done | Told] = {}
        for child in asked:
            try:
                answers[child] = child.answer()
            except Lost as error:
                self._lose(child, error)
        return answers

    def _lose(self, child: Child, error: Lost) -> None:
        log.error("process %d is lost: %s", child.pid, error)
        child.kill()

    async def _listen(self) -> None:
        """Have the workers tell now and then, whether anybody asks or not: little is lost when one dies."""
        while True:
            await asyncio.sleep(TELL_S)
            if monotonic() - self._told_at >= TELL_S:
                self._ask_all_to_tell()

    def _ask_all_to_tell(self) -> None:
        self._told_at = monotonic()
        answers = self._ask(Tell())
        for number, child in self._children.items():
            told = answers.get(child)
            if isinstance(told, Told):
                self._take(number, told)

    def _take(self, number: int, told: Told) -> None:
        for delta, microseconds in zip(told.edges, told.microseconds, strict=True):
            self._metrics.absorb(delta, microseconds)
        self.uses.add(told.limits)
        self.decisions.add(told.policies)
        self.decisions.add_tokens(told.tokens)
        self._samples += told.samples
        self._spans.absorb(told.spans, told.dropped_spans)
        self._logs.absorb(told.logs, told.dropped_logs)
        self._taps.absorb(told.taps, told.tap_uses)
        self._told[number] = msgspec.structs.replace(
            told,
            edges=[],
            microseconds=[],
            limits=[],
            policies=[],
            tokens=[],
            samples=[],
            spans=[],
            logs=[],
            taps=[],
            tap_uses=[],
        )
        self._metrics.connections = sum(each.gauges.connections for each in self._told.values())
        self._metrics.active_requests = sum(each.gauges.active_requests for each in self._told.values())
