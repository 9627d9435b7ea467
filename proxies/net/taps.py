"""Taps: heads of requests copied for whoever watches, by the orders in force. Nobody comes here while there is none.

Owns the orders and how much each may copy; what is secret is ``proxies.core.redact``'s to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import time
from typing import TYPE_CHECKING, Final

import msgspec

from proxies.core.redact import headers, target
from proxies.core.tapping import compile_filters
from proxies.net.access_log import size_of
from proxies.net.bounded import Bounded
from proxies.net.tracing import within
from proxies.wire.taps import MAX_AHEAD_S, MAX_RATE, MAX_TAPS, TapOrder, TapRecord, TapUse

if TYPE_CHECKING:
    from proxies.net.recorder import Ended

MAX_BYTES: Final = 160 * 1024
"""Of the copies of one report, as estimated: with all else it stays below ``reports.MAX_ENTRY_BYTES``."""


class TapReports:
    """What waits to be reported of taps."""

    def __init__(self) -> None:
        self._records: Bounded[TapRecord] = Bounded(MAX_TAPS * MAX_RATE, MAX_BYTES, _size_of)
        self._uses: dict[str, TapUse] = {}

    def add(self, record: TapRecord) -> bool:
        """Whether there was room for it."""
        return self._records.add(record)

    def use(self, tap: str, matched: int = 0, dropped: int = 0, error: str = "") -> None:
        """Add to what is told of a tap."""
        before = self._uses.get(tap, TapUse(tap))
        self._uses[tap] = TapUse(tap, before.matched + matched, before.dropped + dropped, error or before.error)

    def absorb(self, records: Iterable[TapRecord], uses: Iterable[TapUse]) -> None:
        """Add what another process collected."""
        for use in uses:
            self.use(use.tap, use.matched, use.dropped, use.error)
        for record in records:
            if not self.add(record):
                self.use(record.tap, dropped=1)

    def collect(self) -> tuple[list[TapRecord], list[TapUse]]:
        """What came since the last call."""
        uses, self._uses = self._uses, {}
        return self._records.collect()[0], list(uses.values())


class _Tap:
    """An order in force."""

    __slots__ = ("_processes", "_second", "_taken", "ends_at", "order", "wanted")

    def __init__(self, order: TapOrder, ends_at: float, processes: int) -> None:
        self.order = order
        self.ends_at = ends_at
        self.wanted = compile_filters(order)
        self._processes = processes
        self._second = 0
        self._taken = 0

    def grant(self, now: float) -> bool:
        """Whether one more may be copied in this second."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._taken = 0
        self._taken += 1
        return self._taken <= max(1, self.order.rate // self._processes)


class Taps:
    """The taps of a proxy, or of one of several ``processes`` that are one. The clock gives Unix seconds."""

    def __init__(self, processes: int = 1, clock: Callable[[], float] = time) -> None:
        self._processes = processes
        self._clock = clock
        self._taps: dict[str, _Tap] = {}
        self._reports = TapReports()

    def __len__(self) -> int:
        return len(self._taps)

    def order(self, order: TapOrder) -> None:
        """Begin, change, prolong or end a tap."""
        now = self._clock()
        if order.until <= now:
            self._taps.pop(order.id, None)
            return
        ends_at = min(order.until, now + MAX_AHEAD_S)
        known = self._taps.get(order.id)
        if known is not None and _same(known.order, order):
            known.ends_at = ends_at
        elif known is None and len(self._taps) >= MAX_TAPS:
            self.refuse(order.id, f"this proxy has {MAX_TAPS} taps already")
        else:
            self._taps[order.id] = _Tap(order, ends_at, self._processes)

    def refuse(self, tap: str, error: str) -> None:
        """Tell that an order is not obeyed."""
        self._reports.use(tap, error=error)

    def ended(self, request: Ended) -> None:
        """Copy a request that is over for each tap that wants it."""
        edge, now = request.row.edge, self._clock()
        for tap in self._taps.values():
            order = tap.order
            if (
                order.side == edge.reporter
                and now < tap.ends_at
                and tap.wanted(request.head, edge.source_service, edge.destination_service, request.code, request.flags)
                and within(order.share, request.head.lines)
            ):
                copied = tap.grant(now) and self._reports.add(_copy(request, order))
                self._reports.use(order.id, matched=1, dropped=not copied)

    def collect(self) -> tuple[list[TapRecord], list[TapUse]]:
        """What was copied since the last call, and how each tap did that is or was in force. Taps whose time is over
        end here."""
        for tap in self._taps.values():
            self._reports.use(tap.order.id)
        now = self._clock()
        self._taps = {name: tap for name, tap in self._taps.items() if now < tap.ends_at}
        return self._reports.collect()


def _same(a: TapOrder, b: TapOrder) -> bool:
    """Whether only the time differs."""
    return msgspec.structs.replace(a, until=b.until) == b


def _copy(request: Ended, order: TapOrder) -> TapRecord:
    first, *lines = request.head.lines
    where, cut = target(first, order.redact)
    asked, cut_request = headers(lines, order.redact)
    heard = request.heard.lines[1:] if request.heard is not None else []
    answered, cut_response = headers(heard, order.redact)
    return TapRecord(order.id, request.record(), where, asked, answered, cut or cut_request or cut_response)


def _size_of(record: TapRecord) -> int:
    told = [*record.request_headers, *record.response_headers]
    heads = sum(6 + len(name) + 2 * len(value) for name, value in told)
    return size_of(record.request) + 2 * len(record.target) + heads
