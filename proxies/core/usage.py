"""What limits let pass and turned away: plain integers in rows that a judgement finds ready, folded once a second."""

from __future__ import annotations

from proxies.wire.reports import LimitUse


class Use:
    """One limit: since the last fold, and before."""

    __slots__ = ("_allowed_before", "_limited_before", "allowed", "limited")

    def __init__(self) -> None:
        self.allowed = self.limited = 0
        self._allowed_before = self._limited_before = 0

    @property
    def total(self) -> tuple[int, int]:
        """Allowed and limited since the row exists."""
        return self._allowed_before + self.allowed, self._limited_before + self.limited

    def fold(self) -> tuple[int, int]:
        """Allowed and limited since the last fold."""
        since = (self.allowed, self.limited)
        self._allowed_before += self.allowed
        self._limited_before += self.limited
        self.allowed = self.limited = 0
        return since


class Uses:
    """All rows of a proxy, by service, route (empty: what the service receives) and limit."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], Use] = {}

    def row(self, service: str, route: str, limit: str) -> Use:
        """The row of a limit, made when it is first asked for. Ask when compiling, not per request."""
        return self._rows.setdefault((service, route, limit), Use())

    def totals(self) -> list[LimitUse]:
        """Of every limit that judged anything."""
        found = ((key, row.total) for key, row in self._rows.items())
        return [LimitUse(*key, *total) for key, total in found if any(total)]

    def collect(self) -> list[LimitUse]:
        """What was counted since the last call, for one caller."""
        found = ((key, row.fold()) for key, row in self._rows.items())
        return [LimitUse(*key, *since) for key, since in found if any(since)]

    def add(self, uses: list[LimitUse]) -> None:
        """Count what another process did."""
        for use in uses:
            row = self.row(use.service, use.route, use.limit)
            row.allowed += use.allowed
            row.limited += use.limited
