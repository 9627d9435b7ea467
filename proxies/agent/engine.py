"""What the agent needs of an engine."""

from __future__ import annotations

from typing import Protocol

from proxies.wire.logs import LogRecord
from proxies.wire.reports import EdgeDelta, Gauges, LimitUse, PolicyUse, RequestSample, SpanReport
from proxies.wire.resources import Resource
from proxies.wire.taps import TapOrder, TapRecord, TapUse


class Applier(Protocol):
    """Applies whole or not at all; the former resource stays in force where one is refused."""

    def apply(self, resource: Resource) -> None:
        """Raises ResourceError with the reason."""

    def remove(self, key: str) -> None:
        """Take ``kind:name`` out of force."""


class Tapped(Protocol):
    """Copies requests for whoever watches."""

    def tap(self, order: TapOrder) -> None:
        """Begin, change, prolong or end a tap."""

    def refuse_tap(self, tap: str, error: str) -> None:
        """Tell with the next report that this order was not understood."""


class Engine(Applier, Tapped, Protocol):
    """What serves."""

    def set_identity(self, certificate_chain: str, key: str, bundle: list[str]) -> None:
        """Use this certificate for new connections. Raises ResourceError, changing nothing."""

    def collect(self) -> list[EdgeDelta]:
        """What every edge counted since the last call."""

    def samples(self) -> list[RequestSample]:
        """One request of each route that took any, of the time that ``collect`` spoke of."""

    def limit_uses(self) -> list[LimitUse]:
        """What limits let pass and turned away since the last call."""

    def policy_uses(self) -> list[PolicyUse]:
        """What access policies decided since the last call."""

    def spans(self) -> tuple[list[SpanReport], int]:
        """The spans that ended since the last call, and how many were dropped."""

    def logs(self) -> tuple[list[LogRecord], int]:
        """The records of the access log since the last call, where they are wanted, and how many were dropped."""

    def taps(self) -> tuple[list[TapRecord], list[TapUse]]:
        """What was copied for taps since the last call, and how much each did."""

    def gauges(self) -> Gauges: ...
