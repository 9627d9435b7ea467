"""How much is traced: one setting for the whole mesh."""

from __future__ import annotations

import msgspec
from django.conf import settings

from meshui.core.actors import Actor
from meshui.core.commits import Outcome, commit
from meshui.core.reverts import Restoration
from meshui.core.versions import etag, expect
from meshui.mesh.tracing import Tracing
from meshui.traces.models import TracingSetting

DEMO = Tracing(percent=100.0)
PRODUCTION = Tracing(percent=1.0)
OBJECT = "tracing:mesh"


def tracing_get() -> Tracing:
    """What is set; until then one trace in a hundred, and in the demo each. One query."""
    row = TracingSetting.objects.first()
    if row is None:
        return DEMO if settings.MESHUI.demo else PRODUCTION
    return Tracing(enabled=row.enabled, percent=row.percent, errors=row.errors, link=row.link)


def tracing_set(
    *,
    actor: Actor,
    tracing: Tracing,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[Tracing]:
    """Set it; every proxy follows within a second. Raises PermissionDenied, Stale."""
    actor.require("traffic.write")
    with commit(actor=actor, action="tracing.set", obj=OBJECT, reason=reason, dry_run=dry_run) as change:
        before = tracing_get()
        expect(expected_version, etag(before))
        if before == tracing:
            change.unchanged()
            return Outcome(tracing, None)
        TracingSetting.objects.update_or_create(pk=1, defaults=msgspec.structs.asdict(tracing))
        change.before, change.after = msgspec.to_builtins(before), msgspec.to_builtins(tracing)
        change.summary = f"{_told(before)} -> {_told(tracing)}"
        change.dirty("trust")
    return Outcome(tracing, change.revision)


def tracing_restore(restoration: Restoration) -> int | None:
    """Set it back to what it was before a change. Raises as setting it does; Stale where it changed since."""
    return tracing_set(
        actor=restoration.actor,
        tracing=msgspec.convert(restoration.before, Tracing),
        reason=restoration.reason,
        expected_version=etag(msgspec.convert(restoration.after, Tracing)),
    ).revision


def _told(tracing: Tracing) -> str:
    kept = f"{tracing.percent:g} %{' and errors' if tracing.errors else ''}" if tracing.enabled else "off"
    return f"{kept}, linked to {tracing.link}" if tracing.link else kept
