"""How the registry is shown, over REST and on the live channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from meshui.catalog.checks import Check, TtlCheck, effective
from meshui.catalog.models import Instance, JoinToken, Namespace, Service, Version
from meshui.catalog.selectors import join_token_state
from meshui.core.api.bodies import View, extended


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
    draining: int


class VersionWritten(VersionView, frozen=True, kw_only=True):
    revision: int | None


class HealthSummary(View, frozen=True, kw_only=True):
    """``status`` is critical where no instance passes and some are there, degraded where some do not, empty where there
    are none. ``draining`` counts passing and critical ones."""

    status: Literal["passing", "degraded", "critical", "empty"]
    passing: int
    critical: int
    draining: int


class ServiceView(View, frozen=True, kw_only=True):
    """``hosts`` are the names by which it is called, ``port`` is where a ``tcp`` service is, ``revision`` the last one
    that changed it."""

    id: str
    namespace: str
    name: str
    description: str
    protocol: str
    port: int | None
    hosts: list[str]
    versions: list[VersionView]
    instances: int
    healthy: int
    health: HealthSummary
    split: dict[str, int]
    updated_at: datetime
    revision: int | None


class CheckState(View, frozen=True, kw_only=True):
    """How an instance is checked and what came of it. ``own``: by a check of its own, else its service's. ``output`` is
    what the probe saw that led to ``status``, ``at`` when."""

    kind: Literal["http", "tcp", "ttl"]
    own: bool
    status: Literal["pending", "passing", "critical"]
    output: str
    at: datetime | None


class InstanceState(View, frozen=True, kw_only=True):
    """What of an instance changes at events, not by the second. ``proxy`` is whose reports are its heartbeat."""

    id: str
    address: str
    port: int
    version: str
    weight: int
    locality: str
    metadata: dict[str, str]
    healthy: bool
    status: str
    critical_since: datetime | None
    check: CheckState
    draining: bool
    proxy: str | None
    ttl_s: int
    registered_at: datetime


class InstanceView(InstanceState, frozen=True, kw_only=True):
    """``last_seen_at`` is the last heartbeat: of its proxy, or its own, each ``ttl_s`` at least."""

    last_seen_at: datetime


class InstanceWritten(InstanceView, frozen=True, kw_only=True):
    revision: int | None


class HealthCheckView(View, frozen=True, kw_only=True):
    """``check`` of null: a service's instances are checked by heartbeats, an instance by its service's check."""

    check: Check | None


class HealthCheckWritten(HealthCheckView, frozen=True, kw_only=True):
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
        draining=getattr(row, "draining_count", 0),
    )


def health_summary(versions: Sequence[VersionView]) -> HealthSummary:
    instances = sum(version.instances for version in versions)
    passing = sum(version.healthy for version in versions)
    status: Literal["passing", "degraded", "critical", "empty"] = "degraded"
    if passing == instances:
        status = "passing" if instances else "empty"
    elif not passing:
        status = "critical"
    return HealthSummary(
        status=status,
        passing=passing,
        critical=instances - passing,
        draining=sum(version.draining for version in versions),
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
        protocol=row.protocol,
        port=row.port,
        hosts=[name.host],
        versions=versions,
        instances=sum(version.instances for version in versions),
        healthy=sum(version.healthy for version in versions),
        health=health_summary(versions),
        split={version.name: version.weight for version in versions},
        updated_at=row.updated_at,
        revision=row.revision,
    )


def instance_state(row: Instance) -> InstanceState:
    """Of a row with its version and service."""
    return InstanceState(
        id=row.pk,
        address=row.address,
        port=row.port,
        version=row.version.name,
        weight=row.weight,
        locality=row.locality,
        metadata=row.metadata,
        healthy=row.status == Instance.Status.PASSING,
        status=row.status,
        critical_since=row.critical_since,
        check=check_state(row),
        draining=row.draining,
        proxy=row.proxy_id,
        ttl_s=row.ttl_s,
        registered_at=row.registered_at,
    )


def instance_view(row: Instance) -> InstanceView:
    return extended(InstanceView, instance_state(row), last_seen_at=row.last_seen_at)


def check_state(row: Instance) -> CheckState:
    check = effective(row.service.health_check, row.health_check)
    passing = row.beating if isinstance(check, TtlCheck) else row.check_passing
    return CheckState(
        kind=check.__struct_config__.tag,  # type: ignore[arg-type]
        own=row.health_check is not None,
        status="pending" if passing is None else "passing" if passing else "critical",
        output=row.check_output,
        at=row.check_at,
    )


def health_check_view(owner: Service | Instance) -> HealthCheckView:
    stored = owner.health_check
    return HealthCheckView(check=None if stored is None else msgspec.convert(stored, Check))


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
