"""Query strings of the telemetry endpoints, and of the live topics that take the same parameters."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, field

from meshui.core.api.bodies import Body
from meshui.core.errors import InvalidInput
from meshui.telemetry.edges import EXTERNAL, By, Summed
from meshui.telemetry.fold import UNKNOWN
from meshui.telemetry.frames import SPAN_S
from meshui.telemetry.measuring.asked import Apart
from meshui.telemetry.measuring.selectors import BackendName
from meshui.telemetry.window import KEPT_S

MAX_WINDOW_S = 24 * 3600
MAX_SPAN_S = 31 * 24 * 3600
MAX_COMPARE_S = 366 * 24 * 3600

Duration = Annotated[
    str, Meta(pattern=r"^[0-9]{1,6}[smh]?$", description="Seconds, or with a unit: `90`, `60s`, `5m`.")
]
Time = Annotated[str, Meta(max_length=40, description="ISO 8601 with a zone, or Unix seconds.")]
Name = Annotated[str, Meta(max_length=200)]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(path: str, text: str, most: int) -> int:
    """Read a duration of 1 to ``most`` seconds. Raises InvalidInput at ``path``."""
    value = int(text.rstrip("smhd")) * _UNITS.get(text[-1], 1)
    if not 1 <= value <= most:
        raise InvalidInput.field(path, "out_of_range", f"expected 1 to {most} seconds")
    return value


def step(path: str, text: str) -> int:
    """Read a step: up to 10 s, or a multiple of it. Raises InvalidInput at ``path``."""
    value = seconds(path, text, MAX_SPAN_S)
    if value > SPAN_S and value % SPAN_S:
        raise InvalidInput.field(path, "invalid", "expected 1 to 10 s, or a multiple of 10 s")
    return value


def unix(path: str, text: str) -> float:
    """Read a time. Raises InvalidInput at ``path``."""
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else _aware(text).timestamp()
    except (ValueError, OverflowError):
        raise InvalidInput.field(path, "invalid", "expected ISO 8601 with a zone, or Unix seconds") from None


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no zone")
    return at.astimezone(UTC)


class GraphQuery(Body, frozen=True, kw_only=True):
    """``focus`` is a node's id; ``hops`` how many edges around it are kept."""

    window: Duration = "60s"
    at: Time = ""
    by: By = "service"
    namespace: Name = ""
    focus: Name = ""
    hops: Annotated[int, Meta(ge=1, le=10)] = 1

    @property
    def window_s(self) -> int:
        return seconds("window", self.window, MAX_WINDOW_S)

    @property
    def at_unix(self) -> float | None:
        return unix("at", self.at) if self.at else None


class ReplayQuery(Body, frozen=True, kw_only=True):
    """The last fifteen minutes where no times are given. ``step`` is 1 to 10 s, or a multiple of 10 s."""

    start: Time = ""
    end: Time = ""
    step: Annotated[str, Meta(pattern=r"^([0-9]{1,6}[smhd]?)?$")] = ""
    by: Summed = "service"
    namespace: Name = ""
    focus: Name = ""
    hops: Annotated[int, Meta(ge=1, le=10)] = 1

    @property
    def span(self) -> tuple[float, float]:
        """Unix seconds."""
        until = unix("end", self.end) if self.end else time.time()
        since = unix("start", self.start) if self.start else until - KEPT_S
        if until - since > MAX_SPAN_S:
            raise InvalidInput.field("start", "range_too_wide", "a replay spans at most 31 days")
        return since, until

    @property
    def step_s(self) -> int | None:
        return step("step", self.step) if self.step else None


class TrafficQuery(Body, frozen=True, kw_only=True):
    window: Duration = "60s"

    @property
    def window_s(self) -> int:
        return seconds("window", self.window, KEPT_S)


class MetricsQuery(Body, frozen=True, kw_only=True):
    """``service``, ``namespace`` (what its services are asked) or ``edge`` (``shop/frontend->shop/catalog``), or none
    for the whole mesh; the last fifteen minutes where no times are given. ``step`` is up to 10 s, or a multiple of
    it. ``route`` and ``by=route`` are of a service or an edge, ``instance`` and ``by=instance`` of a service: what
    its instances' own proxies counted."""

    service: Name = ""
    namespace: Name = ""
    edge: Name = ""
    version: Name = ""
    route: Name = ""
    instance: Name = ""
    by: Apart = "version"
    from_: Time = field(default="", name="from")
    to: Time = ""
    step: Annotated[str, Meta(pattern=r"^([0-9]{1,6}[smhd]?)?$")] = ""
    compare: Annotated[str, Meta(pattern=r"^([0-9]{1,6}[smhd]?)?$", description="Such as `1h`, `24h`, `7d`.")] = ""
    backend: BackendName = "rollups"

    @property
    def ends(self) -> tuple[str, str] | None:
        """The edge's source and target."""
        if not self.edge:
            return None
        source, arrow, target = self.edge.partition("->")
        if not arrow or self.service or self.namespace:
            raise InvalidInput.field("edge", "invalid", "expected `source->target`, and no service or namespace")
        return source, UNKNOWN if target == EXTERNAL else target

    def require_sense(self) -> None:
        """Raise InvalidInput where something is to be told apart, or chosen, of what has no such parts."""
        for name, unasked in (("route", not self.route), ("by", self.by != "route")):
            if not unasked and not (self.service or self.edge):
                raise InvalidInput.field(name, "invalid", "routes are told apart of a service or an edge")
        for name, unasked in (("instance", not self.instance), ("by", self.by != "instance")):
            if not unasked and (self.edge or self.route or not self.service):
                raise InvalidInput.field(name, "invalid", "instances are told apart of a service, without its routes")

    @property
    def span(self) -> tuple[float, float]:
        """Unix seconds."""
        until = unix("to", self.to) if self.to else time.time()
        since = unix("from", self.from_) if self.from_ else until - KEPT_S
        if until - since > MAX_SPAN_S:
            raise InvalidInput.field("from", "range_too_wide", "a series spans at most 31 days")
        return since, until

    @property
    def step_s(self) -> int | None:
        return seconds("step", self.step, MAX_SPAN_S) if self.step else None

    @property
    def compare_s(self) -> int:
        """0 where there is nothing to compare with."""
        return seconds("compare", self.compare, MAX_COMPARE_S) if self.compare else 0
