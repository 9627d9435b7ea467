"""How the registry is shown, over REST and on the live channel."""

from __future__ import annotations

from datetime import datetime

from meshui.catalog.models import Instance, JoinToken, Namespace, Service, Version
from meshui.catalog.selectors import join_token_state
from meshui.core.api.bodies import View


class NamespaceView(View, frozen=True, kw_only=True):
    """``services`` counts those that are called; gateways are not."""

    name: str
    description: str
    services: int
    created_at: datetime


class NamespaceWritten(NamespaceView, frozen=True, kw_only=True):
    revision: int | None


class VersionView(View, frozen=True, kw_only=True):
    """``weight`` is the share of the split in percent; ``healthy`` counts passing instances."""

    name: str
    weight: int
    instances: int
    healthy: int


class VersionWritten(VersionView, frozen=True, kw_only=True):
    revision: int | None


class ServiceView(View, frozen=True, kw_only=True):
    """``hosts`` are the names by which it is called; ``revision`` is the last one that changed it."""

    id: str
    namespace: str
    name: str
    description: str
    protocol: str
    hosts: list[str]
    versions: list[VersionView]
    instances: int
    healthy: int
    split: dict[str, int]
    updated_at: datetime
    revision: int | None


class InstanceView(View, frozen=True, kw_only=True):
    """``proxy`` is whose reports are its heartbeat; null where it sends its own, each ``ttl_s`` at least."""

    id: str
    address: str
    port: int
    version: str
    healthy: bool
    status: str
    draining: bool
    proxy: str | None
    last_seen_at: datetime
    ttl_s: int
    registered_at: datetime


class InstanceWritten(InstanceView, frozen=True, kw_only=True):
    revision: int | None


class JoinTokenView(View, frozen=True, kw_only=True):
    """``state`` is active, used, expired or revoked."""

    id: str
    service: str
    version: str
    uses_left: int
    expires_at: datetime
    created_by: str
    created_at: datetime
    state: str


class NewJoinToken(JoinTokenView, frozen=True, kw_only=True):
    """``token`` is shown this once."""

    token: str


def namespace_view(row: Namespace) -> NamespaceView:
    return NamespaceView(
        name=row.name,
        description=row.description,
        services=getattr(row, "service_count", 0),
        created_at=row.created_at,
    )


def version_view(row: Version) -> VersionView:
    """Of a row from ``selectors.counted_versions``."""
    return VersionView(
        name=row.name,
        weight=row.weight,
        instances=getattr(row, "instance_count", 0),
        healthy=getattr(row, "healthy_count", 0),
    )


def service_view(row: Service) -> ServiceView:
    """Of a row from ``selectors.services_shown`` or ``get_service_shown``."""
    versions = [version_view(version) for version in row.versions.all()]
    name = row.full_name
    return ServiceView(
        id=str(name),
        namespace=name.namespace,
        name=name.name,
        description=row.description,
        protocol=row.kind,
        hosts=[name.host],
        versions=versions,
        instances=sum(version.instances for version in versions),
        healthy=sum(version.healthy for version in versions),
        split={version.name: version.weight for version in versions},
        updated_at=row.updated_at,
        revision=row.revision,
    )


def instance_view(row: Instance) -> InstanceView:
    return InstanceView(
        id=row.pk,
        address=row.address,
        port=row.port,
        version=row.version.name,
        healthy=row.status == Instance.Status.PASSING,
        status=row.status,
        draining=row.draining,
        proxy=row.proxy_id,
        last_seen_at=row.last_seen_at,
        ttl_s=row.ttl_s,
        registered_at=row.registered_at,
    )


def join_token_view(row: JoinToken) -> JoinTokenView:
    return JoinTokenView(
        id=str(row.pk),
        service=str(row.service),
        version=row.version.name,
        uses_left=row.uses_left,
        expires_at=row.expires_at,
        created_by=row.created_by,
        created_at=row.created_at,
        state=join_token_state(row),
    )
