"""The access log: which requests are written down, and where to. Nobody comes here while it is off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from proxies.net.bounded import Bounded
from proxies.net.tracing import within
from proxies.wire.logs import MAX_LOGS, LogRecord

if TYPE_CHECKING:
    from proxies.net.lines import Lines
    from proxies.wire import logs as wire

MAX_BYTES: Final = 160 * 1024
"""Of the records of one report, as estimated: with all else it stays below ``reports.MAX_ENTRY_BYTES``."""
_encode = msgspec.json.Encoder().encode


class AccessLog:
    """By the ``settings`` in force: onto ``lines`` where the operator wants that, into ``reports`` where the control
    plane does."""

    def __init__(self, settings: wire.AccessLog, lines: Lines | None, reports: Bounded[LogRecord]) -> None:
        self._share = settings.percent / 100
        self._lines = lines
        self._reports = reports if settings.report else None

    def wants(self, code: int, flags: str, lines: list[bytes]) -> bool:
        """Whether a request with this outcome is written down: each that failed, and a share of the others."""
        return code >= 500 or code == 0 or flags != "" or within(self._share, lines)

    def write(self, record: LogRecord) -> None:
        if self._lines is not None:
            self._lines.write(line_of(record))
        if self._reports is not None:
            self._reports.add(record)


def new_reports() -> Bounded[LogRecord]:
    """For the records that wait to be reported."""
    return Bounded(MAX_LOGS, MAX_BYTES, size_of)


def size_of(record: LogRecord) -> int:
    """An estimate of its encoded bytes, rather too many."""
    long = len(record.path) + len(record.host) + len(record.user_agent) + len(record.rule)
    return 512 + 2 * (long + len(record.request_id) + len(record.endpoint))


def line_of(record: LogRecord) -> bytes:
    """A record as JSON on one line, with its end. Times are RFC 3339 and milliseconds."""
    told = msgspec.structs.asdict(record)
    at = datetime.fromtimestamp(told.pop("at_us") / 1_000_000, UTC).isoformat(timespec="microseconds")
    duration, first_byte = told.pop("duration_us"), told.pop("first_byte_us")
    line = {"time": at.replace("+00:00", "Z"), **told, "duration_ms": duration / 1000}
    line["first_byte_ms"] = first_byte / 1000 if first_byte >= 0 else None
    return _encode(line) + b"\n"
