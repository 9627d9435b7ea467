"""How services receive, by scope: their mTLS mode, and what holds where no allow policy is."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from meshui.catalog.models import CALLED
from meshui.catalog.selectors import find_workload
from meshui.core.actors import Actor
from meshui.core.commits import Outcome, commit
from meshui.core.errors import InvalidInput
from meshui.core.reverts import Restoration
from meshui.core.versions import expect
from meshui.mesh.policies import DefaultAction, Mtls
from meshui.mesh.tokens import Tokens
from meshui.proposals.review import require_second
from meshui.security.access import columns, get_setting, setting_version
from meshui.security.models import AccessSetting
from meshui.security.services.common import dirty, namespace_of, refuse, refuse_unknown, unknown_providers


def setting_set(
    *,
    actor: Actor,
    scope: str,
    mtls: Mtls | None,
    default_action: DefaultAction | None,
    tokens: Tokens | UnsetType | None = UNSET,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[AccessSetting]:
    """Set how ``*``, a namespace or ``namespace/service`` receives; None is as wider scopes say. ``tokens`` that are
    not said stay as they are.

    Raises PermissionDenied, Stale, InvalidInput (an unknown service or token provider, the mTLS mode of a gateway).
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
        require_second(actor, namespace_of(scope) or "", dry_run=dry_run)
        _refuse_gateway(scope, mtls)
        before = _logged(row)
        taken = row.tokens if tokens is UNSET else msgspec.to_builtins(tokens)
        _refuse_tokens(scope, taken)
        after = {"mtls": mtls, "default_action": default_action, "tokens": taken}
        if before == after:
            change.unchanged()
            return Outcome(row, None)
        row.mtls, row.default_action, row.tokens = mtls or "", default_action or "", taken
        row.revision = change.revision or row.revision
        if any(value is not None for value in after.values()):
            row.save()
        elif row.pk is not None:
            row.delete()
        change.before, change.after = before, after
        change.summary = _summary(before, after)
        dirty(change, [scope], endpoints="disable" in (before["mtls"], after["mtls"]))
    return Outcome(row, change.revision)


def setting_restore(restoration: Restoration) -> int | None:
    """Set a scope back to what it was before a change. Raises as setting it does."""
    before, after = restoration.before, restoration.after
    scope = restoration.name
    current = AccessSetting(
        **columns(scope),
        mtls=after["mtls"] or "",
        default_action=after["default_action"] or "",
        tokens=after.get("tokens"),
    )
    return setting_set(
        actor=restoration.actor,
        scope=scope,
        mtls=before["mtls"],
        default_action=before["default_action"],
        tokens=msgspec.convert(before.get("tokens"), Tokens | None),
        reason=restoration.reason,
        expected_version=setting_version(current),
    ).revision


def _logged(row: AccessSetting) -> dict[str, Any]:
    return {"mtls": row.mtls or None, "default_action": row.default_action or None, "tokens": row.tokens}


def _summary(before: dict[str, Any], after: dict[str, Any]) -> str:
    parts = [
        f"{name} {before[field] or 'inherited'} -> {after[field] or 'inherited'}"
        for field, name in (("mtls", "mTLS"), ("default_action", "default"))
        if before[field] != after[field]
    ]
    if before["tokens"] != after["tokens"]:
        parts.append(f"tokens {_shown(before['tokens'])} -> {_shown(after['tokens'])}")
    return ", ".join(parts)


def _shown(tokens: dict[str, Any] | None) -> str:
    if tokens is None:
        return "inherited"
    names = ", ".join(tokens["providers"]) or "none"
    return f"{names} required" if tokens["required"] else names


def _refuse_tokens(scope: str, tokens: dict[str, Any] | None) -> None:
    if tokens is None:
        return
    refuse(unknown_providers(tokens["providers"], scope, "tokens.providers"))
    if tokens["required"] and not tokens["providers"]:
        raise InvalidInput.field("tokens.providers", "required", "a token of whom?")
    row = find_workload(scope) if "/" in scope else None
    if row is not None and row.kind in CALLED and row.protocol != "http":
        raise InvalidInput.field("tokens", "tcp", "there are no tokens where there is no HTTP")


def _refuse_gateway(scope: str, mtls: Mtls | None) -> None:
    row = find_workload(scope) if "/" in scope else None
    if row is not None and row.kind not in CALLED and mtls is not None:
        raise InvalidInput.field("mtls", "gateway", "a gateway faces strangers, who have no identity of the mesh")
