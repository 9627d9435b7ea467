"""Token providers: made, changed, removed; the keys that are fetched for them."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from meshui.compile.tokens import provider_breaches
from meshui.core import outgoing
from meshui.core.actors import Actor, system
from meshui.core.commits import Commit, Outcome, commit, send_soon
from meshui.core.errors import Conflict, FieldError, InvalidInput, NotFound, Stale
from meshui.core.reverts import Restoration
from meshui.core.versions import expect
from meshui.mesh.tokens import TokenRules
from meshui.proposals.review import require_second
from meshui.security.jwks import KeysRefused, read_document, read_keys
from meshui.security.models import JwtProvider
from meshui.security.providers import get_provider, provider_logged, provider_value, provider_version, using
from meshui.security.services.common import dirty, refuse
from proxies.wire.tokens import VerificationKey

log = logging.getLogger(__name__)

FETCH_TASK = "meshui.security.tasks.fetch_keys"
FETCHER = system("token keys")
RETRY = (timedelta(seconds=15), timedelta(seconds=60), timedelta(seconds=300))
"""Between fetches that failed; the last one goes on."""
AT_ONCE = 10
CLAIM = timedelta(seconds=60)
"""Longer than a fetch can take: so long nobody else fetches."""
_NO_FAILURE: dict[str, Any] = {"failing_since": None, "fetch_error": "", "failures": 0}


@dataclass(frozen=True, slots=True)
class Provided:
    """A provider whole. Its keys are those in ``jwks``, or are fetched from ``jwks_url`` every ``refresh_s``."""

    name: str
    namespace: str
    rules: TokenRules
    jwks: dict[str, Any] | None = None
    jwks_url: str = ""
    refresh_s: int = 300
    description: str = ""


def provider_create(
    *, actor: Actor, provided: Provided, reason: str = "", dry_run: bool = False
) -> Outcome[JwtProvider]:
    """Make a provider. Raises PermissionDenied, InvalidInput (``claim_headers.host`` and the like), Conflict (the name
    is taken)."""
    return _write("provider.create", actor, None, provided, reason=reason, dry_run=dry_run)


def provider_set(
    *,
    actor: Actor,
    name: str,
    provided: Provided,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[JwtProvider]:
    """Set all of a provider but its name and namespace. Raises PermissionDenied, NotFound, Stale, InvalidInput."""
    row = get_provider(actor, name)
    return _write(
        "provider.set", actor, row, provided, reason=reason, expected_version=expected_version, dry_run=dry_run
    )


def provider_delete(
    *, actor: Actor, name: str, reason: str = "", expected_version: str | None = None, dry_run: bool = False
) -> int | None:
    """Remove a provider that nobody uses; the revision. Raises PermissionDenied, NotFound, Stale, Conflict."""
    row = get_provider(actor, name)
    actor.require("security.write", row.namespace or None)
    with _commit("provider.delete", actor, row, reason, dry_run) as change:
        row = _locked(row)
        require_second(actor, row.namespace, dry_run=dry_run)
        expect(expected_version, provider_version(row))
        policies, settings = using(row.name)
        if policies or settings:
            users = ", ".join([*(policy.name for policy in policies), *(setting.scope for setting in settings)])
            raise Conflict(f"{row.name} is used by {users}", code="in_use")
        change.before, change.after = {"provider": provider_logged(row)}, {"provider": None}
        change.summary = f"deleted the token provider of {row.issuer}"
        row.delete()
    return change.revision


def provider_restore(restoration: Restoration) -> int | None:
    """Set a provider back to what it was before a change, which may be that there was none. Raises as changing it
    does; Stale where it is not what the change made of it any more."""
    actor, reason = restoration.actor, restoration.reason
    before, after = restoration.before["provider"], restoration.after["provider"]
    name = (after or before)["name"]
    row = JwtProvider.objects.filter(name=name).first()
    if (None if row is None else provider_logged(row)) != after:
        raise Stale(f"provider {name} has changed")
    if before is None:
        return provider_delete(actor=actor, name=name, reason=reason)
    provided = Provided(**(before | {"rules": msgspec.convert(before["rules"], TokenRules)}))
    if row is None:
        return provider_create(actor=actor, provided=provided, reason=reason).revision
    return provider_set(
        actor=actor, name=name, provided=provided, reason=reason, expected_version=provider_version(row)
    ).revision


# --- keys


def keys_fetch(*, actor: Actor, name: str) -> JwtProvider:
    """Fetch a provider's keys now. What comes of it stands in the row. Raises PermissionDenied, NotFound, InvalidInput
    for one whose keys are not fetched."""
    row = get_provider(actor, name)
    actor.require("security.write", row.namespace or None)
    if not row.jwks_url:
        raise InvalidInput.field("jwks_url", "none", f"the keys of {name} are not fetched: they were given")
    fetch_keys(row)
    return _locked(row)


def fetch_due() -> int:
    """Fetch the keys that are due; how many providers were asked."""
    now = timezone.now()
    due = JwtProvider.objects.exclude(jwks_url="").filter(next_fetch_at__lte=now)
    asked = 0
    for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]):
        claimed = JwtProvider.objects.filter(pk=pk, next_fetch_at__lte=now).update(next_fetch_at=now + CLAIM)
        row = JwtProvider.objects.filter(pk=pk).first() if claimed else None
        if row is not None:
            fetch_keys(row)
            asked += 1
    return asked


def fetch_keys(row: JwtProvider) -> None:
    """Ask for a provider's keys and keep what came of it. Without an answer that may be trusted, the keys that it had
    stay in force."""
    url = row.jwks_url
    try:
        answer = outgoing.get(url, {"Accept": "application/json, application/jwk-set+json"})
        if not answer.ok:
            raise outgoing.Failed(f"it answered {answer.status}")
        keys = read_document(answer.body)
    except (outgoing.Refused, outgoing.Failed, KeysRefused) as error:
        _failed(row.pk, url, str(error))
        return
    _take(row, keys)


def _failed(pk: int, url: str, error: str) -> None:
    with transaction.atomic():
        row = JwtProvider.objects.select_for_update().filter(pk=pk, jwks_url=url).first()
        if row is None:
            return
        now = timezone.now()
        row.failing_since = row.failing_since or now
        row.fetch_error, row.failures = error[:500], row.failures + 1
        row.next_fetch_at = now + min(RETRY[min(row.failures, len(RETRY)) - 1], timedelta(seconds=row.refresh_s))
        row.save(update_fields=["failing_since", "fetch_error", "failures", "next_fetch_at"])
    log.warning("the keys of token provider %s were not fetched: %s", row.name, error)


def _take(asked: JwtProvider, keys: list[VerificationKey]) -> None:
    """Put fetched keys into force; a change of them is a revision."""
    now = timezone.now()
    fetched = {"fetched_at": now, "next_fetch_at": now + timedelta(seconds=asked.refresh_s), **_NO_FAILURE}
    rows = JwtProvider.objects.filter(pk=asked.pk, jwks_url=asked.jwks_url, issuer=asked.issuer)
    after = msgspec.to_builtins(keys)
    if rows.filter(keys=after).update(**fetched):
        return
    with commit(
        actor=FETCHER, action="provider.keys", obj=f"provider:{asked.name}", namespace=asked.namespace
    ) as change:
        row = rows.first()
        if row is None:  # it has changed since it was asked for: its next fetch is due anyway
            change.unchanged()
            return
        change.before, change.after = {"keys": _named(row.keys)}, {"keys": _named(after)}
        change.summary = f"keys {', '.join(_named(row.keys)) or 'none'} -> {', '.join(_named(after))}"
        rows.update(keys=after, **fetched)
        _dirty(change, row)


def _named(keys: list[dict[str, Any]]) -> list[str]:
    return [key.get("kid") or key["kty"] for key in keys]


# --- inside


def _write(
    action: str,
    actor: Actor,
    row: JwtProvider | None,
    provided: Provided,
    *,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[JwtProvider]:
    actor.require("security.write", provided.namespace or None)
    keys = _keys_given(provided)
    with _commit(action, actor, provided, reason, dry_run) as change:
        require_second(actor, provided.namespace, dry_run=dry_run)
        if row is not None:
            row = _locked(row)
            expect(expected_version, provider_version(row))
        elif JwtProvider.objects.filter(name=provided.name).exists():
            raise Conflict(f"a provider is named {provided.name}", code="name_taken")
        before = None if row is None else provider_logged(row)
        row = _filled(row or JwtProvider(), provided, keys)
        refuse(provider_breaches(provider_value(row)))
        after = provider_logged(row)
        if before == after:
            change.unchanged()
            return Outcome(row, None)
        row.revision = change.revision or row.revision
        row.save()
        change.before, change.after = {"provider": before}, {"provider": after}
        change.summary = _summary(before, after)
        if before is not None:
            _dirty(change, row)
        if row.jwks_url and not dry_run:
            transaction.on_commit(lambda: send_soon(FETCH_TASK))
    return Outcome(row, change.revision)


def _commit(
    action: str, actor: Actor, of: JwtProvider | Provided, reason: str, dry_run: bool
) -> AbstractContextManager[Commit]:
    return commit(
        actor=actor, action=action, obj=f"provider:{of.name}", namespace=of.namespace, reason=reason, dry_run=dry_run
    )


def _locked(row: JwtProvider) -> JwtProvider:
    """The row as it is now. Raises NotFound."""
    found = JwtProvider.objects.filter(pk=row.pk).first()
    if found is None:
        raise NotFound(f"no provider {row.name}")
    return found


def _keys_given(provided: Provided) -> list[VerificationKey] | None:
    """The keys in it; None where they are to be fetched. Raises InvalidInput."""
    if provided.jwks_url:
        if provided.jwks is not None:
            raise InvalidInput.field("jwks", "conflict", "keys are given or fetched, not both")
        try:
            outgoing.check_secure(provided.jwks_url)
        except outgoing.Refused as error:
            raise InvalidInput.field("jwks_url", "refused", str(error)) from None
        return None
    if provided.jwks is None:
        raise InvalidInput.field("jwks_url", "required", "give the keys, or where they are fetched from")
    try:
        return read_keys(provided.jwks)
    except KeysRefused as error:
        errors = [FieldError(f"jwks.{each.path}", each.code, each.detail) for each in error.errors]
        raise InvalidInput(errors[0].detail, errors=errors) from None


def _filled(row: JwtProvider, provided: Provided, keys: list[VerificationKey] | None) -> JwtProvider:
    """Keys that were fetched stay until others are, unless they were another issuer's."""
    now = timezone.now()
    if keys is not None:
        _forget_fetches(row, None)
        row.keys = msgspec.to_builtins(keys)
    elif row.jwks_url != provided.jwks_url or row.issuer != provided.rules.issuer:
        _forget_fetches(row, now)
        row.keys = row.keys if row.issuer == provided.rules.issuer else []
    row.name, row.namespace, row.issuer = provided.name, provided.namespace, provided.rules.issuer
    row.rules = msgspec.to_builtins(provided.rules)
    row.jwks, row.jwks_url, row.refresh_s = provided.jwks, provided.jwks_url, provided.refresh_s
    row.description = provided.description
    return row


def _forget_fetches(row: JwtProvider, due: datetime | None) -> None:
    row.fetched_at, row.failing_since, row.fetch_error, row.failures = None, None, "", 0
    row.next_fetch_at = due


def _dirty(change: Commit, row: JwtProvider) -> None:
    policies, settings = using(row.name)
    dirty(change, sorted({policy.target for policy in policies} | {setting.scope for setting in settings}))


def _summary(before: dict[str, Any] | None, after: dict[str, Any]) -> str:
    if before is None:
        return f"created the token provider of {after['rules']['issuer']}"
    changed = [name for name in after["rules"] if before["rules"].get(name) != after["rules"][name]]
    changed += [name for name in ("jwks", "jwks_url", "refresh_s", "description") if before[name] != after[name]]
    return f"changed {', '.join(changed)}"
