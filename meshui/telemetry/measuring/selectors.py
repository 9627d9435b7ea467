"""Series as they are answered: which grid, from which backend, beside which earlier time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from msgspec.structs import replace

from meshui.core.errors import InvalidInput, NotFound
from meshui.telemetry import levels, registry
from meshui.telemetry.fold import UNKNOWN
from meshui.telemetry.frames import SPAN_S
from meshui.telemetry.measuring.asked import Asked
from meshui.telemetry.measuring.backend import Backend
from meshui.telemetry.measuring.prometheus import Prometheus
from meshui.telemetry.measuring.recorded import Recorded, has_frames
from meshui.telemetry.past import finest_level
from meshui.telemetry.saturation import saturation
from meshui.telemetry.series import Compared, Grid, Metrics, Saturation

BackendName = Literal["rollups", "prometheus"]
BACKENDS: Mapping[BackendName, Backend] = {"rollups": Recorded(), "prometheus": Prometheus()}
MAX_POINTS = 2_000


def metrics_get(
    *,
    asked: Asked,
    since: float,
    until: float,
    step_s: int | None,
    compare_s: int = 0,
    backend: BackendName = "rollups",
) -> Metrics:
    """Series of the time from ``since`` to ``until`` (Unix seconds), widened to whole steps, and of the same span
    ``compare_s`` seconds earlier (0: of none).

    Raises InvalidInput for a span or step that gives too many points, NotFound for an unknown service, and what the
    backend raises.
    """
    for name in (asked.service, *(asked.edge or ())):
        if name and name != UNKNOWN and registry.service_state(name) is None:
            raise NotFound(f"no service {name}")
    state = registry.services.get().get(asked.service)
    asked = replace(asked, outgoing=state is not None and state.gateway)
    grid = _grid(since, until, step_s, compare_s, backend, asked.own)
    measured = BACKENDS[backend].measure(asked, grid)
    return Metrics(
        step_s=grid.step_s,
        from_=_time(grid.start),
        to=_time(grid.end),
        source=measured.source,
        resolution_s=measured.resolution_s,
        times=grid.times,
        series=measured.series(),
        details=measured.details(),
        by_version=measured.apart() if asked.by == "version" else {},
        by_route=measured.apart() if asked.by == "route" else {},
        by_instance=measured.apart() if asked.by == "instance" else {},
        saturation=_saturation(asked, grid),
        compare=_earlier(asked, grid, compare_s, BACKENDS[backend]) if compare_s else None,
    )


def _saturation(asked: Asked, grid: Grid) -> dict[str, Saturation]:
    if asked.by != "instance":
        return {}
    return saturation(service=asked.service, version=asked.version, instance=asked.instance, grid=grid)


def _earlier(asked: Asked, grid: Grid, compare_s: int, backend: Backend) -> Compared:
    then = Grid(grid.start - compare_s, grid.step_s, grid.steps)
    measured = backend.measure(asked, then)
    return Compared(
        offset_s=compare_s,
        from_=_time(then.start),
        to=_time(then.end),
        source=measured.source,
        resolution_s=measured.resolution_s,
        series=measured.series(),
        details=measured.details(),
    )


def _grid(since: float, until: float, step_s: int | None, compare_s: int, backend: BackendName, own: bool) -> Grid:
    if until <= since:
        raise InvalidInput.field("from", "invalid", "expected a time before `to`")
    frames = backend == "rollups" and not compare_s and not own and has_frames(since)
    least = levels.FINE if backend == "prometheus" or frames else finest_level(since - compare_s)
    step_s = step_s or levels.step_for(until - since, least)
    if step_s % SPAN_S and (step_s > SPAN_S or not frames):
        raise InvalidInput.field(
            "step",
            "invalid",
            "expected a multiple of 10 s; up to 10 s within 15 minutes, without `compare` and not by instance",
        )
    if step_s % least and not frames:
        raise InvalidInput.field("step", "too_fine", f"so long ago only steps of {least} s are kept")
    if compare_s % step_s:
        raise InvalidInput.field("compare", "invalid", f"expected a multiple of the step, {step_s} s")
    if (until - since) / step_s > MAX_POINTS:
        raise InvalidInput.field("step", "too_many_points", f"a series has at most {MAX_POINTS} points")
    start = int(since // step_s) * step_s
    return Grid(start, step_s, max(1, -int(-(until - start) // step_s)))


def _time(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)
