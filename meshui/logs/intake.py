"""Lines of the access log: from proxies' reports, which the collector has verified, to the store."""

from __future__ import annotations

import time

from meshui.core.allowance import Allowance
from meshui.logs.store import write
from meshui.logs.values import NewLine, lines_of
from meshui.telemetry.fold import Identity, Registry
from meshui.telemetry.waiting import Waiting
from proxies.wire.logs import MAX_LOGS
from proxies.wire.reports import Telemetry

WAITING = 20_000
BATCH = 2_000
PER_S, BURST_S = 4_000, 5
"""Lines taken in by one collector: a flood costs lines, and neither frames nor the database their time. Reports of
several seconds may come at once."""


class Intake(Waiting[NewLine]):
    """``take`` what the collector read, and ``run`` beside it."""

    def __init__(self) -> None:
        super().__init__("log lines", most=WAITING, batch=BATCH)
        self._allowance = Allowance(PER_S, BURST_S)

    def keep(self, items: list[NewLine]) -> None:
        write(items)

    def take(self, report: Telemetry, identity: Identity, registry: Registry) -> None:
        """Keep the records of a report until they are written."""
        records = report.logs[: min(MAX_LOGS, self._allowance.left)]
        self._allowance.take(len(records))
        self.lose(report.dropped_logs + len(report.logs) - len(records))
        for line in lines_of(records, report, identity, registry, time.time()):
            self.add(line)
