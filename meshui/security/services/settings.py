"""How services receive, by scope: their mTLS mode, and what holds where no allow policy is."""

from __future__ import annotations

from typing import Any

from meshui.catalog.models import CALLED
from meshui.catalog.selectors import find_workload
from meshui.core.actors import Actor
from meshui.core.commits import Outcome, commit
from meshui.core.errors import InvalidInput
from meshui.core.reverts import Restoration
from meshui.core.versions import expect
from meshui.mesh.policies import DefaultAction, Mtls
from meshui.security.access import columns, get_setting, setting_version
from meshui.security.models import AccessSetting
from meshui.security.services.common import dirty, namespace_of, refuse_unknown


def setting_set(
    *,
    actor: Actor,
    scope: str,
    mtls: Mtls | None,
    default_action: DefaultAction | None,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[AccessSetting]:
    """Set how ``*``, a namespace or ``namespace/service`` receives; None is as wider scopes say.

    Raises PermissionDenied, Stale, InvalidInput (an unknown service, the mTLS mode of a gateway).
    """
    actor.require("security.write", namespace_of(scope))
    with commit(
        actor=actor,
        action="access.set",
        obj=f"access:{scope}",
        namespace=namespace_of(scope) or "",
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_setting(scope)
        expect(expected_version, setting_version(row))
        refuse_unknown(actor, scope, "scope")
        _refuse_gateway(scope, mtls)
        before, after = _logged(row), {"mtls": mtls, "default_action": default_action}
        if before == after:
            change.unchanged()
            return Outcome(row, None)
        row.mtls, row.default_action = mtls or "", default_action or ""
        row.revision = change.revision or row.revision
        if any(after.values()):
            row.save()
        elif row.pk is not None:
            row.delete()
        change.before, change.after = before, after
        names = {"mtls": "mTLS", "default_action": "default"}
        parts = [
            f"{names[field]} {before[field] or 'inherited'} -> {after[field] or 'inherited'}"
            for field in names
            if before[field] != after[field]
        ]
        change.summary = ", ".join(parts)
        dirty(change, [scope], endpoints="disable" in (before["mtls"], after["mtls"]))
    return Outcome(row, change.revision)


def setting_restore(restoration: Restoration) -> int | None:
    """Set a scope back to what it was before a change. Raises as setting it does."""
    before, after = restoration.before, restoration.after
    scope = restoration.name
    current = AccessSetting(**columns(scope), mtls=after["mtls"] or "", default_action=after["default_action"] or "")
    return setting_set(
        actor=restoration.actor,
        scope=scope,
        mtls=before["mtls"],
        default_action=before["default_action"],
        reason=restoration.reason,
        expected_version=setting_version(current),
    ).revision


def _logged(row: AccessSetting) -> dict[str, Any]:
    return {"mtls": row.mtls or None, "default_action": row.default_action or None}


def _refuse_gateway(scope: str, mtls: Mtls | None) -> None:
    row = find_workload(scope) if "/" in scope else None
    if row is not None and row.kind not in CALLED and mtls is not None:
        raise InvalidInput.field("mtls", "gateway", "a gateway faces strangers, who have no identity of the mesh")
