"""Which requests are logged: one setting for the whole mesh."""

from __future__ import annotations

import msgspec
from django.conf import settings

from meshui.core.actors import Actor
from meshui.core.commits import Outcome, commit
from meshui.core.reverts import Restoration
from meshui.core.versions import etag, expect
from meshui.logs.models import LoggingSetting
from meshui.mesh.logging import AccessLog

DEMO = AccessLog(mode="all", percent=10.0)
PRODUCTION = AccessLog()
OBJECT = "logging:mesh"


def logging_get() -> AccessLog:
    """What is set; until then nothing is logged, and in the demo what fails and a tenth of the rest. One query."""
    row = LoggingSetting.objects.values("mode", "percent", "collected").first()
    if row is None:
        return DEMO if settings.MESHUI.demo else PRODUCTION
    return msgspec.convert(row, AccessLog)


def logging_set(
    *,
    actor: Actor,
    logging: AccessLog,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[AccessLog]:
    """Set it; every proxy follows within a second. Raises PermissionDenied, Stale."""
    actor.require("traffic.write")
    with commit(actor=actor, action="logging.set", obj=OBJECT, reason=reason, dry_run=dry_run) as change:
        before = logging_get()
        expect(expected_version, etag(before))
        if before == logging:
            change.unchanged()
            return Outcome(logging, None)
        LoggingSetting.objects.update_or_create(pk=1, defaults=msgspec.structs.asdict(logging))
        change.before, change.after = msgspec.to_builtins(before), msgspec.to_builtins(logging)
        change.summary = f"{_told(before)} -> {_told(logging)}"
        change.dirty("trust")
    return Outcome(logging, change.revision)


def logging_restore(restoration: Restoration) -> int | None:
    """Set it back to what it was before a change. Raises as setting it does; Stale where it changed since."""
    return logging_set(
        actor=restoration.actor,
        logging=msgspec.convert(restoration.before, AccessLog),
        reason=restoration.reason,
        expected_version=etag(msgspec.convert(restoration.after, AccessLog)),
    ).revision


def _told(logging: AccessLog) -> str:
    if logging.mode == "off":
        return "off"
    share = f"errors and {logging.percent:g} %" if logging.mode == "all" else "errors"
    return f"{share}{'' if logging.collected else ', not collected'}"
