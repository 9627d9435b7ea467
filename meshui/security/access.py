"""Reads of access policies and of how services receive: what stands, and what it comes to for each service."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

import msgspec
from django.db.models import Q, QuerySet

from meshui.catalog.models import CALLED, Service
from meshui.core.actors import Actor
from meshui.core.errors import NotFound
from meshui.core.versions import etag
from meshui.mesh.policies import DefaultAction, Mtls, Policy
from meshui.mesh.tokens import Tokens
from meshui.security.models import AccessPolicy, AccessSetting

BUILT_IN = "built-in"


class Receives(NamedTuple):
    """How a service receives, and the scope that says so: ``*``, ``shop``, ``shop/catalog`` or BUILT_IN."""

    mtls: Mtls
    mtls_from: str
    default_action: DefaultAction
    default_from: str
    tokens: Tokens = Tokens()
    tokens_from: str = BUILT_IN


# --- policies


def policies(
    actor: Actor,
    *,
    target: str = "",
    namespace: str = "",
    service: str = "",
    action: str = "",
    mode: str = "",
    search: str = "",
) -> QuerySet[AccessPolicy]:
    """The policies that the actor may view: of its namespaces, and of the mesh, which are everybody's. ``service``
    narrows to those that apply to it."""
    rows = AccessPolicy.objects.all()
    visible = actor.visible_namespaces()
    if visible is not None:
        rows = rows.filter(namespace__in=[*visible, ""])
    if target:
        rows = rows.filter(**columns(target))
    if service:
        rows = rows.filter(applying_to([service]))
    exact = {"namespace": namespace, "action": action, "mode": mode}
    rows = rows.filter(**{field: value for field, value in exact.items() if value})
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return rows


def get_policy(actor: Actor, key: str) -> AccessPolicy:
    """One policy by its id or its name. Raises NotFound, also where the actor may not view it."""
    row = policies(actor).filter(**({"pk": int(key[:18])} if key.isdecimal() else {"name": key})).first()
    if row is None:
        raise NotFound(f"no policy {key}")
    return row


def policy_value(row: AccessPolicy) -> Policy:
    """Raises msgspec.ValidationError where its rules are none."""
    said = {"name": row.name, "action": row.action, "mode": row.mode, "rules": row.rules, "check": row.external}
    return msgspec.convert(said, Policy)


def policy_version(row: AccessPolicy) -> str:
    return etag([row.pk, logged(row)])


def logged(row: AccessPolicy) -> dict[str, Any]:
    """All that a person decided, as the change log has it."""
    return {
        "name": row.name,
        "target": row.target,
        "action": row.action,
        "mode": row.mode,
        "rules": row.rules,
        "check": row.external,
        "description": row.description,
    }


def columns(target: str) -> dict[str, str]:
    """The columns of a target or a setting's scope."""
    namespace, _, service = ("", "", "") if target == "*" else target.partition("/")
    return {"namespace": namespace, "service": "" if service == "*" else service}


def applying_to(names: Iterable[str]) -> Q:
    """The policies of services by full name, those for their namespaces and for the mesh among them."""
    conditions = [Q(namespace="")]
    for namespace, members in _by_namespace(names).items():
        conditions.append(Q(namespace=namespace, service__in=[*members, ""]))
    return reduce(or_, conditions)


def policies_of(services: Collection[Service]) -> dict[str, list[AccessPolicy]]:
    """What applies to each, by name. One query. To a gateway applies what names it, and nothing wider: that speaks of
    services that are called. No service is asked about the questions that it gets itself."""
    rows = list(AccessPolicy.objects.filter(applying_to(str(service) for service in services)))
    found: dict[str, list[AccessPolicy]] = {}
    for service in services:
        name = service.full_name
        scopes = {(name.namespace, name.name)}
        if service.kind in CALLED:
            scopes |= {(name.namespace, ""), ("", "")}
        found[str(name)] = [
            row
            for row in rows
            if (row.namespace, row.service) in scopes and (row.external or {}).get("service") != str(name)
        ]
    return found


# --- how services receive


def receives(services: Collection[Service]) -> dict[str, Receives]:
    """How each service receives, by name. One query. For a gateway, which faces strangers, nothing wider counts."""
    settings = {(row.namespace, row.service): row for row in AccessSetting.objects.all()}
    return {str(service): _receives(service, settings) for service in services}


def _receives(service: Service, settings: Mapping[tuple[str, str], AccessSetting]) -> Receives:
    name = service.full_name
    places = [(name.namespace, name.name)]
    if service.kind in CALLED:
        places += [(name.namespace, ""), ("", "")]
    found = [settings[place] for place in places if place in settings]
    mtls = next(((row.mtls, row.scope) for row in found if row.mtls), ("strict", BUILT_IN))
    default = next(((row.default_action, row.scope) for row in found if row.default_action), ("allow", BUILT_IN))
    says = next((row for row in found if row.tokens is not None), AccessSetting(tokens={}))
    tokens = (says.tokens, BUILT_IN if says.tokens == {} else says.scope)
    return msgspec.convert((*mtls, *default, *tokens), Receives)


def settings_shown(actor: Actor) -> list[AccessSetting]:
    """The settings that the actor may view; the mesh's is everybody's."""
    visible = actor.visible_namespaces()
    rows = AccessSetting.objects.all()
    return list(rows if visible is None else rows.filter(namespace__in=[*visible, ""]))


def get_setting(scope: str) -> AccessSetting:
    """What is set for a scope; one that says nothing where nothing is."""
    place = columns(scope)
    return AccessSetting.objects.filter(**place).first() or AccessSetting(**place)


def setting_version(row: AccessSetting) -> str:
    return etag([row.scope, row.mtls, row.default_action, row.tokens])


def plaintext_services() -> frozenset[str]:
    """The services whose proxies speak no mTLS at all."""
    if not AccessSetting.objects.filter(mtls=AccessSetting.Mtls.DISABLE).exists():
        return frozenset()
    found = receives(list(Service.objects.filter(kind__in=CALLED).select_related("namespace")))
    return frozenset(name for name, how in found.items() if how.mtls == "disable")


# --- scopes


def services_in(scope: str) -> QuerySet[Service]:
    """What a target, or a setting's scope, speaks of: one service or gateway, or all that are called."""
    place = columns(scope)
    rows = Service.objects.select_related("namespace").order_by("namespace__name", "name")
    if place["service"]:
        return rows.filter(namespace__name=place["namespace"], name=place["service"])
    rows = rows.filter(kind__in=CALLED)
    return rows.filter(namespace__name=place["namespace"]) if place["namespace"] else rows


def _by_namespace(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        namespace, _, short = name.partition("/")
        found.setdefault(namespace, []).append(short)
    return found
