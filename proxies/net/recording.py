"""What a proxy tells beside its counts, put together: settings in force, taps, and what waits to be reported."""

from __future__ import annotations

from proxies.net.access_log import AccessLog, new_reports
from proxies.net.lines import Lines
from proxies.net.recorder import Recorder
from proxies.net.taps import Taps
from proxies.net.tracing import Tracer, new_spans
from proxies.wire import resources as wire
from proxies.wire.taps import TapOrder, TapRecord, TapUse


class Recording:
    """``tracer`` and ``recorder`` are what is wanted now, None where nobody wants any; ask anew after each call."""

    def __init__(self, processes: int, lines: Lines | None) -> None:
        """``lines`` take the access log while it is on; ``processes`` are one proxy."""
        self.tracer: Tracer | None = None
        self.recorder: Recorder | None = None
        self.spans = new_spans()
        self.logs = new_reports()
        self._lines = lines
        self._log: AccessLog | None = None
        self._taps = Taps(processes)

    def set(self, trust: wire.TrustBody) -> None:
        """Put the mesh's settings into force."""
        tracing, log = trust.tracing, trust.access_log
        self.tracer = Tracer(self.spans, tracing.percent / 100, tracing.errors) if tracing is not None else None
        self._log = AccessLog(log, self._lines, self.logs) if log is not None else None
        self._renew()

    def tap(self, order: TapOrder) -> None:
        """Begin, change, prolong or end a tap."""
        self._taps.order(order)
        self._renew()

    def refuse_tap(self, tap: str, error: str) -> None:
        self._taps.refuse(tap, error)

    def collect_taps(self) -> tuple[list[TapRecord], list[TapUse]]:
        """What was copied since the last call, and how much each tap did; the time of some may be over."""
        told = self._taps.collect()
        self._renew()
        return told

    def dropped_lines(self) -> int:
        return self._lines.dropped if self._lines is not None else 0

    def _renew(self) -> None:
        taps = self._taps if len(self._taps) else None
        wanted = self.tracer is not None or self._log is not None or taps is not None
        self.recorder = Recorder(self.tracer, self._log, taps) if wanted else None
