"""Reads of token providers: what stands, who uses it, and what of it each service's proxies need."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from django.db.models import Q, QuerySet

from meshui.core.actors import Actor
from meshui.core.errors import NotFound
from meshui.core.versions import etag
from meshui.mesh.policies import Policy, providers_named
from meshui.mesh.tokens import TokenProvider, TokenRules, Tokens
from meshui.security.models import AccessPolicy, AccessSetting, JwtProvider
from proxies.wire.tokens import VerificationKey


def providers(actor: Actor, *, namespace: str = "", search: str = "") -> QuerySet[JwtProvider]:
    """Those that the actor may view: of its namespaces, and of the mesh, which are everybody's."""
    rows = JwtProvider.objects.all()
    visible = actor.visible_namespaces()
    if visible is not None:
        rows = rows.filter(namespace__in=[*visible, ""])
    if namespace:
        rows = rows.filter(namespace=namespace)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(issuer__icontains=search))
    return rows


def get_provider(actor: Actor, name: str) -> JwtProvider:
    """Raises NotFound, also where the actor may not view it."""
    row = providers(actor).filter(name=name).first()
    if row is None:
        raise NotFound(f"no provider {name}")
    return row


def provider_rules(row: JwtProvider) -> TokenRules:
    """Raises msgspec.ValidationError where they are none."""
    return msgspec.convert(row.rules, TokenRules)


def provider_value(row: JwtProvider) -> TokenProvider:
    """With the keys that are in force. Raises msgspec.ValidationError."""
    keys = msgspec.convert(row.keys, tuple[VerificationKey, ...])
    return TokenProvider(name=row.name, rules=provider_rules(row), keys=keys)


def provider_logged(row: JwtProvider) -> dict[str, Any]:
    """All that a person decided, as the change log has it. Keys that were fetched are nobody's decision."""
    return {
        "name": row.name,
        "namespace": row.namespace,
        "rules": row.rules,
        "jwks": row.jwks,
        "jwks_url": row.jwks_url,
        "refresh_s": row.refresh_s,
        "description": row.description,
    }


def provider_version(row: JwtProvider) -> str:
    return etag([row.pk, provider_logged(row)])


# --- who uses them


def using(name: str) -> tuple[list[AccessPolicy], list[AccessSetting]]:
    """The policies and settings that name a provider."""
    policies = [row for row in AccessPolicy.objects.all() if name in named_in(row.rules)]
    return policies, [row for row in AccessSetting.objects.all() if name in _named_by(row)]


def used_by(names: Collection[str]) -> dict[str, tuple[list[str], list[str]]]:
    """The names of policies and the scopes of settings that name each provider. Two queries."""
    found: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in names}
    for policy in AccessPolicy.objects.all():
        for name in named_in(policy.rules) & found.keys():
            found[name][0].append(policy.name)
    for setting in AccessSetting.objects.all():
        for name in found.keys() & _named_by(setting):
            found[name][1].append(setting.scope)
    return found


def named_in(rules: Iterable[dict[str, Any]]) -> set[str]:
    """The providers that stored rules name."""
    callers = (rule.get("from") or {} for rule in rules)
    return {name for caller in callers for name in (caller.get("jwt") or {}).get("providers", ())}


def _named_by(row: AccessSetting) -> set[str]:
    return set() if row.tokens is None else set(row.tokens["providers"])


def providers_for(policies: Iterable[Policy], tokens: Tokens, known: dict[str, JwtProvider]) -> list[TokenProvider]:
    """Those that a service's policies and setting name. Raises msgspec.ValidationError, KeyError where one is not
    there."""
    names = set(tokens.providers).union(*(providers_named(policy.rules) for policy in policies))
    return [provider_value(known[name]) for name in sorted(names)]


def known_providers() -> dict[str, JwtProvider]:
    """All, by name."""
    return {row.name: row for row in JwtProvider.objects.all()}
