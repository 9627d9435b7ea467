"""``mtls/``: how services receive, by scope, and what it comes to for each."""

from __future__ import annotations

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.models import CALLED, Service
from meshui.core.actors import Actor
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import WriteQuery, body
from meshui.core.api.conditions import answer, conditions
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.security import access
from meshui.security.access import Receives
from meshui.security.api.bodies import AccessTable, ServiceAccess, SettingBody, SettingView
from meshui.security.models import AccessPolicy, AccessSetting
from meshui.security.services import setting_set

MESH = "*"


class Mtls(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("mtls", answer=AccessTable)
    def get(self, request: Request) -> Response:
        """What is set, and what it comes to for every service that one may view. The ETag is the mesh's setting's."""
        actor = actor_of(request)
        mesh = access.get_setting(MESH)
        table = AccessTable(
            mesh=_view(mesh),
            settings=[_view(row) for row in access.settings_shown(actor) if row.namespace],
            effective=_effective(actor),
        )
        return answer(table, version=access.setting_version(mesh))

    @operation("mtls_set", body=SettingBody, query=WriteQuery, answer=SettingView, conditional=True)
    def put(self, request: Request) -> Response:
        """Set how the whole mesh receives, where nothing narrower says otherwise."""
        return _put(request, MESH)


class NamespaceMtls(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("namespace_mtls", answer=SettingView)
    def get(self, request: Request, ns: str) -> Response:
        """What is set for the namespace."""
        return _get(ns)

    @operation("namespace_mtls_set", body=SettingBody, query=WriteQuery, answer=SettingView, conditional=True)
    def put(self, request: Request, ns: str) -> Response:
        """Set how its services receive, where nothing narrower says otherwise."""
        return _put(request, ns)


class ServiceMtls(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("service_mtls", answer=SettingView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """What is set for the service, or the gateway."""
        return _get(f"{ns}/{name}")

    @operation("service_mtls_set", body=SettingBody, query=WriteQuery, answer=SettingView, conditional=True)
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Set how it receives. A gateway has no mTLS mode."""
        return _put(request, f"{ns}/{name}")


def _get(scope: str) -> Response:
    shown = _view(access.get_setting(scope))
    return answer(shown, version=shown.version)


def _put(request: Request, scope: str) -> Response:
    sent = body(request, SettingBody)
    done = setting_set(
        scope=scope,
        mtls=sent.mtls,
        default_action=sent.default_action,
        tokens=sent.tokens,
        **conditions(request, sent.reason),
    )
    shown = msgspec.structs.replace(_view(done.value), revision=done.revision)
    return answer(shown, version=shown.version)


def _view(row: AccessSetting) -> SettingView:
    said = {"mtls": row.mtls or None, "default_action": row.default_action or None, "tokens": row.tokens}
    return msgspec.convert(
        {"scope": row.scope, **said, "revision": row.revision, "version": access.setting_version(row)}, SettingView
    )


def _effective(actor: Actor) -> list[ServiceAccess]:
    """Three queries."""
    rows = Service.objects.select_related("namespace").order_by("namespace__name", "name")
    visible = actor.visible_namespaces()
    services = list(rows if visible is None else rows.filter(namespace__name__in=visible))
    how, policies = access.receives(services), access.policies_of(services)
    return [_service(row, how[str(row)], policies[str(row)]) for row in services]


def _service(row: Service, how: Receives, policies: list[AccessPolicy]) -> ServiceAccess:
    gateway = row.kind not in CALLED
    return ServiceAccess(
        service=str(row),
        gateway=gateway,
        mtls=None if gateway else how.mtls,
        mtls_from="" if gateway else how.mtls_from,
        default_action=how.default_action,
        default_from=how.default_from,
        tokens=how.tokens,
        tokens_from=how.tokens_from,
        policies=[policy.name for policy in policies],
    )
