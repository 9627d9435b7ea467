"""Promises are made and taken back here, as every change is: checked, logged, in one commit."""

from __future__ import annotations

from typing import NamedTuple

from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import InvalidInput
from meshui.core.versions import etag, expect
from meshui.telemetry import registry
from meshui.telemetry.models import Objective

LEAST, MOST = 50.0, 99.999
"""Percent. All of them cannot be promised: there would be no budget."""
SLOWEST_MS = 60_000
"""Longer durations are not told apart."""


class Promised(NamedTuple):
    """``latency`` is percent and milliseconds."""

    availability: float | None = None
    latency: tuple[float, int] | None = None


class Kept(NamedTuple):
    """What a service promises, its version, and the revision of the change (None: there was none)."""

    promised: Promised
    version: str
    revision: int | None


def promised(service: Service) -> Promised:
    """What a service promises now."""
    row = Objective.objects.filter(service=service).first()
    if row is None:
        return Promised()
    latency = None if row.latency_percent is None or row.latency_ms is None else (row.latency_percent, row.latency_ms)
    return Promised(row.availability, latency)


def version_of(promised: Promised) -> str:
    return etag(promised)


def objective_set(
    *,
    actor: Actor,
    service: str,
    wanted: Promised,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Kept:
    """Set what a service promises, whole; nothing at all takes every promise back.

    Raises PermissionDenied, NotFound, Stale, InvalidInput.
    """
    namespace = service.partition("/")[0]
    actor.require("traffic.write", namespace)
    _check(wanted)
    with commit(
        actor=actor,
        action="objective.set",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service(service)
        before = promised(row)
        expect(expected_version, version_of(before))
        if wanted == before:
            change.unchanged()
            return Kept(wanted, version_of(wanted), None)
        _write(row, wanted)
        change.summary = f"objectives: {_said(wanted)}"
        change.before, change.after = _logged(before), _logged(wanted)
    registry.services.clear()
    return Kept(wanted, version_of(wanted), change.revision)


def _write(service: Service, wanted: Promised) -> None:
    if wanted == Promised():
        Objective.objects.filter(service=service).delete()
        return
    percent, milliseconds = wanted.latency or (None, None)
    Objective.objects.update_or_create(
        service=service,
        defaults={
            "availability": wanted.availability,
            "latency_percent": percent,
            "latency_ms": milliseconds,
        },
    )


def _check(wanted: Promised) -> None:
    percents = {"availability": wanted.availability, "latency.percent": wanted.latency and wanted.latency[0]}
    for path, percent in percents.items():
        if percent is not None and not LEAST <= percent <= MOST:
            raise InvalidInput.field(path, "out_of_range", f"expected {LEAST:g} to {MOST:g} percent")
    if wanted.latency and not 1 <= wanted.latency[1] <= SLOWEST_MS:
        raise InvalidInput.field("latency.threshold_ms", "out_of_range", f"expected 1 to {SLOWEST_MS} ms")


def _said(wanted: Promised) -> str:
    parts = [f"{wanted.availability:g} % available"] if wanted.availability is not None else []
    if wanted.latency:
        parts.append(f"{wanted.latency[0]:g} % within {wanted.latency[1]} ms")
    return ", ".join(parts) or "none"


def _logged(promised: Promised) -> dict[str, object]:
    latency = promised.latency and {"percent": promised.latency[0], "threshold_ms": promised.latency[1]}
    return {"availability": promised.availability, "latency": latency}
